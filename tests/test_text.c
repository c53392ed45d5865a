/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Text forms: every example is read and written back; what is wrong is refused with the reason. */

#include <stdlib.h>
#include <string.h>

#include "../tools/text.h"
#include "check_kit.h"

typedef bool reader(const char *text, text_bytes *out, text_why *why);
typedef char *writer(const uint8_t *data, size_t len);

/* A text, the bytes it stands for, and its canonical form (NULL: the same). */
typedef struct form {
    reader *read;
    writer *write;
    const char *text;
    const char *hex;
    const char *canonical;
} form;

static const form FORMS[] = {
    /* addresses of the examples in Filecoin's specification */
    {text_read_address, text_write_address, "f00", "0000", NULL},
    {text_read_address, text_write_address, "f01024", "008008", NULL},
    {text_read_address, text_write_address, "f09223372036854775807", "00ffffffffffffffff7f", NULL},
    {text_read_address, text_write_address, "f17uoq6tp427uzv7fztkbsnn64iwotfrristwpryy",
     "01fd1d0f4dfcd7e99afcb99a8326b7dc459d32c628", NULL},
    {text_read_address, text_write_address, "t17uoq6tp427uzv7fztkbsnn64iwotfrristwpryy",
     "01fd1d0f4dfcd7e99afcb99a8326b7dc459d32c628", "f17uoq6tp427uzv7fztkbsnn64iwotfrristwpryy"},
    {text_read_address, text_write_address, "f24vg6ut43yw2h2jqydgbg2xq7x6f4kub3bg6as6i",
     "02e54dea4f9bc5b47d261819826d5e1fbf8bc5503b", NULL},
    {text_read_address, text_write_address,
     "f3vvmn62lofvhjd2ugzca6sof2j2ubwok6cj4xxbfzz4yuxfkgobpihhd2thlanmsh3w2ptld2gqkn2jvlss4a",
     "03ad58df696e2d4e91ea86c881e938ba4ea81b395e12797b84b9cf314b9546705e839c7a99d606b247ddb4f9ac7a3414dd", NULL},
    {text_read_address, text_write_address, "f410fkkld55ioe7qg24wvt7fu6pbknb56ht7pt4zamxa",
     "040a52963ef50e27e06d72d59fcb4f3c2a687be3cfef", NULL},
    /* CIDs */
    {text_read_cid, text_write_cid, "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi",
     "01701220c3c4733ec8affd06cf9e9ff50ffc6bcd2ec85a6170004bb709669c31de94391a", NULL},
    {text_read_cid, text_write_cid, "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG",
     "12209d6c2be50f706953479ab9df2ce3edca90b68053c00b3004b7f0accbe1e8eedf", NULL},
    {text_read_cid, text_write_cid, "zb2rhe5P4gXftAwvA4eXQ5HJwsER2owDyS9sKaQRRVQPn93bA",
     "015512206e6ff7950a36187a801613426e858dce686cd7d7e3c0fc42ee0330072d245c95",
     "bafkreidon73zkcrwdb5iafqtijxildoonbwnpv7dyd6ef3qdgads2jc4su"},
    /* peer ids */
    {text_read_peer, text_write_peer, "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA",
     "0024080112202ffa35a99d3a3cfbb17bb7c1dc5561b18a8dcca4df38dc613ea859c37eb1336b", NULL},
    {text_read_peer, text_write_peer, "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N",
     "12209dff3b17d74cf4d38a50d8b6383e92d181a10395a5e73a726dcccbd21bf6f0b9", NULL},
    {text_read_peer, text_write_peer, "bafzaajaiaejcaldq4evxubsg7erht5bhy6zy44zu3dstrhh7cz5b3qyoop4cnnud",
     "0024080112202c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683",
     "12D3KooWCoqwQJ1xLQJj4sDtaHHCyUftEk33VBDnF6u45C8eCSSn"},
    {text_base58_read, text_base58_write, "11", "0000", NULL},
    {text_base32_read, text_base32_write, "", "", NULL},
};

START_TEST(text_forms)
{
    const form *row = &FORMS[_i];
    text_bytes bytes = {0};
    text_why why = {{0}};
    ck_assert_msg(row->read(row->text, &bytes, &why), "%s: %s", row->text, why.text);
    text_bytes expected = {0};
    ck_assert(text_read_hex(row->hex, &expected, &why));
    ck_assert_uint_eq(bytes.len, expected.len);
    if (bytes.len > 0)
        ck_assert_mem_eq(bytes.data, expected.data, bytes.len);
    char *back = row->write(bytes.data, bytes.len);
    ck_assert_ptr_nonnull(back);
    ck_assert_str_eq(back, row->canonical != NULL ? row->canonical : row->text);
    free(back);
    text_bytes_free(&expected);
    text_bytes_free(&bytes);
}
END_TEST

START_TEST(text_hex)
{
    text_bytes bytes = {0};
    text_why why;
    ck_assert(text_read_hex("00ff1a", &bytes, &why));
    ck_assert_uint_eq(bytes.len, 3);
    ck_assert_mem_eq(bytes.data, ((const uint8_t[]){0x00, 0xff, 0x1a}), 3);
    text_bytes_free(&bytes);
}
END_TEST

/* A text that is refused, and a word of the reason. */
typedef struct wrong {
    reader *read;
    const char *text;
    const char *why;
} wrong;

static const wrong WRONGS[] = {
    {text_read_address, "", "f0"},
    {text_read_address, "f5abc", "f0"},
    {text_read_address, "f0", "actor number"},
    {text_read_address, "f001", "actor number"},
    {text_read_address, "f09223372036854775808", "actor number"},
    {text_read_address, "f17uoq6tp427uzv7fztkbsnn64iwotfrristwpsyy", "checksum"},
    {text_read_address, "f17uoq6tp427uzv7fztkbsnn64iwotfrristwpry", "base32"},
    {text_read_address, "f2fd1d0f", "base32"},
    {text_read_address, "f2aaaaaaaa", "length"},
    {text_read_address, "f410kkld", "subaddress"},
    {text_read_address, "f17UOQ", "base32"},
    {text_read_cid, "", "begins with"},
    {text_read_cid, "mAXAS", "begins with"},
    {text_read_cid, "Qm", "version 0"},
    {text_read_cid, "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbd", "version 0"},
    {text_read_cid, "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdj", "left over"},
    {text_read_cid, "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbz", "multihash"},
    {text_read_cid, "b0", "base32"},
    {text_read_cid, "z0", "base58"},
    {text_read_peer, "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi", "libp2p-key"},
    {text_read_peer, "12D3KooWD3eckif", "multihash"},
    {text_read_peer, "f01000", "peer id"},
    {text_read_hex, "abc", "two hex digits"},
    {text_read_hex, "AB", "lowercase"},
};

START_TEST(text_refusals)
{
    const wrong *row = &WRONGS[_i];
    text_bytes bytes = {0};
    text_why why = {{0}};
    ck_assert_msg(!row->read(row->text, &bytes, &why), "\"%s\" was accepted", row->text);
    ck_assert_ptr_null(bytes.data);
    ck_assert_msg(strstr(why.text, row->why) != NULL, "\"%s\": %s", row->text, why.text);
    ck_assert(!row->read(row->text, &bytes, NULL));
}
END_TEST

START_TEST(text_writers_refuse)
{
    static const uint8_t bytes[64] = {9, 9};
    ck_assert_ptr_null(text_write_address(bytes, 0));
    ck_assert_ptr_null(text_write_address(bytes, 21));
    ck_assert_ptr_null(text_write_address((const uint8_t[]){0, 0x80}, 2));
    ck_assert_ptr_null(text_write_cid(bytes, 0));
    ck_assert_ptr_null(text_write_cid(bytes, 36));
    ck_assert_ptr_null(text_write_peer(bytes, 34));
}
END_TEST

/* Amounts: text, attoFIL, as text_write_fil writes it; attoFIL NULL: refused. */
static const char *const AMOUNTS[][3] = {
    {"1.5 FIL", "1500000000000000000", "1.5"},
    {"1 FIL", "1000000000000000000", "1"},
    {"0.000000000000000001 FIL", "1", "0.000000000000000001"},
    {"20 attoFIL", "20", "0.00000000000000002"},
    {"999 attoFIL", "999", "0.000000000000000999"},
    {"1000 attoFIL", "1000", "0.000000000000001"},
    {"3 nFIL", "3000000000", "0.000000003"},
    {"1234.5 pFIL", "1234500000", "0.0000000012345"},
    {"0", "0", "0"},
    {"0 FIL", "0", "0"},
    {"2000000000 FIL", "2000000000000000000000000000", "2000000000"},
    {"2FIL", "2000000000000000000", "2"},
    {"0.1 attoFIL", NULL, NULL},
    {"1.5", NULL, NULL},
    {"12", NULL, NULL},
    {"-1 FIL", NULL, NULL},
    {"1. FIL", NULL, NULL},
    {".5 FIL", NULL, NULL},
    {"1 fil", NULL, NULL},
    {"1 FIL ", NULL, NULL},
    {"", NULL, NULL},
};

START_TEST(text_amounts)
{
    const char *const *row = AMOUNTS[_i];
    mpz_t amount;
    mpz_init_set_ui(amount, 77);
    text_why why = {{0}};
    ck_assert_msg(text_read_amount(row[0], amount, &why) == (row[1] != NULL), "%s: %s", row[0], why.text);
    char *decimal = mpz_get_str(NULL, 10, amount);
    ck_assert_str_eq(decimal, row[1] != NULL ? row[1] : "77");
    if (row[1] != NULL) {
        char *back = text_write_fil(amount);
        ck_assert_str_eq(back, row[2]);
        free(back);
    }
    free(decimal);
    mpz_clear(amount);
}
END_TEST

START_TEST(text_stored_amounts)
{
    uint8_t data[4];
    size_t len = 9;
    mpz_t amount;
    mpz_init(amount);
    ck_assert(text_amount_export(amount, data, 0, &len) && len == 0);
    mpz_set_si(amount, -258);
    ck_assert(!text_amount_export(amount, data, 2, &len));
    ck_assert(text_amount_export(amount, data, 3, &len) && len == 3);
    ck_assert_mem_eq(data, ((const uint8_t[]){1, 1, 2}), 3);
    mpz_set_ui(amount, 0);
    text_amount_import(amount, data, len);
    ck_assert_int_eq(mpz_cmp_si(amount, -258), 0);
    char *text = text_write_fil(amount);
    ck_assert_str_eq(text, "-0.000000000000000258");
    free(text);
    text_amount_import(amount, NULL, 0);
    ck_assert_int_eq(mpz_sgn(amount), 0);
    mpz_clear(amount);
}
END_TEST

START_TEST(text_quantities)
{
    uint64_t value = 5;
    text_why why;
    ck_assert(text_read_size("1 MiB", &value, &why) && value == 1 << 20);
    ck_assert(text_read_size("1.5 GiB", &value, &why) && value == 3ull << 29);
    ck_assert(text_read_size("12 bytes", &value, &why) && value == 12);
    ck_assert(text_read_size("16383.9990234375 PiB", &value, &why) && value == 18446742974197923840ull);
    ck_assert(!text_read_size("16384 PiB", &value, &why) && strstr(why.text, "2^64") != NULL);
    ck_assert(!text_read_size("0.5 bytes", &value, &why) && strstr(why.text, "whole number") != NULL);
    ck_assert(!text_read_size("5", &value, &why) && strstr(why.text, "a size such as") != NULL);
    ck_assert(text_read_duration("30 s", &value, &why) && value == 30000000);
    ck_assert(text_read_duration("0.25 ms", &value, &why) && value == 250);
    ck_assert(text_read_duration("1.5 d", &value, &why) && value == 129600000000);
    ck_assert(!text_read_duration("3 weeks", &value, &why));
    ck_assert(text_read_share("12.5 %", &value, &why) && value == 125000);
    ck_assert(text_read_share("100 %", &value, &why) && value == 1000000);
    ck_assert(!text_read_share("100.1 %", &value, &why));
    ck_assert(!text_read_share("0.00001 %", &value, &why));
}
END_TEST

/* A number and how it is written. */
static const struct {
    char *(*write)(uint64_t);
    uint64_t value;
    const char *text;
} WRITTEN[] = {
    {text_write_size, 0, "0 bytes"},
    {text_write_size, 1, "1 byte"},
    {text_write_size, 1023, "1023 bytes"},
    {text_write_size, 1536, "1.50 KiB"},
    {text_write_size, 1 << 20, "1 MiB"},
    {text_write_size, UINT64_MAX, "15.99 EiB"},
    {text_write_duration, 1250000, "1.250 s"},
    {text_write_duration, 61000000, "1 min 1 s"},
    {text_write_duration, 7380000000, "2 h 3 min"},
    {text_write_duration, 90000000000, "1 d 1 h"},
};

START_TEST(text_written)
{
    char *text = WRITTEN[_i].write(WRITTEN[_i].value);
    ck_assert_str_eq(text, WRITTEN[_i].text);
    free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("text");
    TCase *tests = tcase_create("text");
    tcase_add_loop_test(tests, text_forms, 0, COUNT(FORMS));
    tcase_add_test(tests, text_hex);
    tcase_add_loop_test(tests, text_refusals, 0, COUNT(WRONGS));
    tcase_add_test(tests, text_writers_refuse);
    tcase_add_loop_test(tests, text_amounts, 0, COUNT(AMOUNTS));
    tcase_add_test(tests, text_stored_amounts);
    tcase_add_test(tests, text_quantities);
    tcase_add_loop_test(tests, text_written, 0, COUNT(WRITTEN));
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
