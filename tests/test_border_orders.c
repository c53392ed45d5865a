/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Stored bytes of client 1.28.3: its own order and the older one, which is that of client 1.0.9; selectors in the one form of
 * DAG-CBOR, and what becomes of others. */
#include <dealfsm/module.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_kit.h"

enum { RECORD_MAX = 65536 };

typedef struct module {
    const dealfsm_functions *functions;
    const dealfsm_record_v1 *record;
} module;

static module load(const char *version)
{
    char path[1024];
    module m;
    snprintf(path, sizeof path, TEST_BUILD_DIR "/modules/dealfsm-client-%s.so", version);
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    ck_assert_msg(handle != NULL, "%s", dlerror());
    dealfsm_module_fn *negotiate;
    *(void **)&negotiate = dlsym(handle, DEALFSM_MODULE_SYMBOL);
    const dealfsm_offer offer = {sizeof offer, 0, 0};
    ck_assert_int_eq(negotiate(&offer, &m.functions, NULL), DEALFSM_OK);
    m.record = m.functions->interface("record/1");
    return m;
}

static module own, older;

static void load_both(void)
{
    own = load("1.28.3");
    older = load("1.0.9");
}

typedef struct bytes {
    uint8_t data[RECORD_MAX];
    uint64_t size;
} bytes;

/* A deal with a selector, given in hex; "": none. */
static dealfsm_record deal_with(const char *hex)
{
    static const uint8_t cid[] = {1, 0x55, 0, 2, 10, 11}, wallet[] = {0, 101};
    static uint8_t selector[RECORD_MAX];
    dealfsm_record record = {.struct_size = sizeof record,
                             .has_channel = 1,
                             .id = 7,
                             .payload_cid = cid,
                             .payload_cid_len = sizeof cid,
                             .client_wallet = wallet,
                             .client_wallet_len = sizeof wallet,
                             .miner_wallet = wallet,
                             .miner_wallet_len = sizeof wallet};
    for (; *hex != '\0'; hex += 2) {
        const char digits[3] = {hex[0], hex[1], '\0'};
        selector[record.selector_len++] = (uint8_t)strtoul(digits, NULL, 16);
        record.selector = selector;
    }
    return record;
}

static int32_t encode(const module *m, const dealfsm_record *record, bytes *out)
{
    return m->record->encode(record, out->data, RECORD_MAX, &out->size, NULL);
}

static void same_bytes(const bytes *found, const bytes *expected)
{
    ck_assert_uint_eq(found->size, expected->size);
    ck_assert_mem_eq(found->data, expected->data, expected->size);
}

/* ---- A machine that restores a record and shows what it has */

static void no_op(void *ctx, const dealfsm_op *op)
{
    (void)ctx;
    (void)op;
    ck_abort_msg("expected no op, found one");
}

static const void *service(void *ctx, const char *id)
{
    static dealfsm_environment environment = {.struct_size = sizeof environment};
    (void)ctx;
    dealfsm_op_fn **functions = &environment.OpenDataTransfer;
    for (int i = 0; i < 12; i++)
        functions[i] = no_op;
    return strcmp(id, "environment/1") == 0 ? &environment : NULL;
}

/* The record of the deal once it was restored; its size is 0 when it was refused. */
static int32_t restore(const module *m, bytes *record, bytes *out, dealfsm_error *error)
{
    const dealfsm_services services = {.struct_size = sizeof services, .service = service};
    dealfsm_snapshot snapshot = {.struct_size = sizeof snapshot,
                                 .deal = 7,
                                 .revision = 1,
                                 .machine_version = "client 1.28.3",
                                 .record = record->data,
                                 .record_len = record->size};
    dealfsm_deal shown = {.struct_size = sizeof shown, .record = out->data, .record_capacity = RECORD_MAX};
    dealfsm_machine *machine;
    ck_assert_int_eq(m->functions->open(&services, &machine, error), DEALFSM_OK);
    int32_t code = m->functions->restore(machine, &snapshot, error);
    if (code == DEALFSM_OK) {
        ck_assert_int_eq(m->functions->query(machine, 7, &shown, NULL), DEALFSM_OK);
        ck_assert_int_ge(m->functions->activate(machine, 7, NULL, NULL), DEALFSM_OK);
    }
    out->size = shown.record_len;
    ck_assert_int_eq(m->functions->close(machine, NULL), DEALFSM_OK);
    return code;
}

/* ---- Selectors */

/* In an older record, and as this version writes it; NULL: it cannot. */
static const struct {
    const char *found, *written;
    const char *why; /* of the refusal */
} SELECTORS[] = {
    {"", "", NULL},
    {"a0", "a0", NULL},
    {"a2615ea0612400", "a2612400615ea0", NULL}, /* the spec page's */
    {"f93c00", "fb3ff0000000000000", NULL},     /* 1 */
    {"f9c400", "fbc010000000000000", NULL},     /* -4 */
    {"f97bff", "fb40effc0000000000", NULL},     /* 65504, the largest half */
    {"f90400", "fb3f10000000000000", NULL},     /* 2^-14, the least normal half */
    {"f903ff", "fb3f0ff80000000000", NULL},     /* 1023 * 2^-24, the largest subnormal half */
    {"f90100", "fb3ef0000000000000", NULL},     /* 2^-16 */
    {"f98000", "fb8000000000000000", NULL},     /* -0 */
    {"f98001", "fbbe70000000000000", NULL},     /* -2^-24, the least half */
    {"f97c00", "fb7ff0000000000000", NULL},     /* infinity */
    {"fa3f800001", "fb3ff0000020000000", NULL}, /* the least single above 1 */
    {"fa00800000", "fb3810000000000000", NULL}, /* 2^-126, the least normal single */
    {"fa00400000", "fb3800000000000000", NULL}, /* 2^-127 */
    {"fa80000001", "fbb6a0000000000000", NULL}, /* -2^-149, the least single */
    {"fa7f7fffff", "fb47efffffe0000000", NULL}, /* the largest single */
    {"fb3ff0000000000000", "fb3ff0000000000000", NULL},
    {"f7", "", NULL}, /* undefined: null: none */
    {"82f7f6", "82f6f6", NULL},
    {"f97c01", "fb7ff8040000000000", NULL}, /* a signalling NaN becomes quiet */
    {"f97e01", "fb7ff8040000000000", NULL},
    {"faff800001", "fbfff8000020000000", NULL},
    {"fb7ff0000000000001", "fb7ff0000000000001", NULL}, /* nothing to widen */
    {"c101", "01", NULL},                               /* a tag is dropped, but on bytes */
    {"d82a80", "80", NULL},
    {"82c16161d9012ca0", "826161a0", NULL},
    {"c140", NULL, "not 42 on bytes"},
    {"c1c101", NULL, "tag in a tag"},
    {"db7fffffffffffffff01", "01", NULL},
    {"db800000000000000001", NULL, "2^63 or more"},
    {"a1db8000000000000000616101", NULL, "2^63 or more"},
    {"a1c1c1616101", NULL, "tag in a tag"},
    {"c1f6", "", NULL},
    {"d82a450001550000", "d82a450001550000", NULL}, /* a link: a CID with an empty digest */
    {"c1d82a450001550000", NULL, "tag in a tag"},
    {"d82a4100", NULL, "CID is not well formed"},
    {"d82a450002550000", NULL, "CID is not well formed"},         /* of version 2 */
    {"d82a450001550001", NULL, "CID is not well formed"},         /* a digest of a byte that is not there */
    {"d82a46000155000000", NULL, "CID is not well formed"},       /* a byte behind it */
    {"d82a46000181005500", NULL, "CID is not well formed"},       /* a longer varint than needed */
    {"d82a490012201496f8b903e9", NULL, "CID is not well formed"}, /* a version 0 that is too short */
    {"d82a40", NULL, "do not begin with 00"},
    {"d82a4101", NULL, "do not begin with 00"},
    {"d82ac14100", NULL, "tag in a tag"},
    {"1bffffffffffffffff", "1bffffffffffffffff", NULL},
    {"3b7fffffffffffffff", "3b7fffffffffffffff", NULL},
    {"3b8000000000000000", NULL, "below -2^63"},
    {"e0", NULL, "not false, true or null"},
    {"f8ff", NULL, "not false, true or null"},
    {"a10001", NULL, "not a text"},
    {"a1c1616101", "a1616101", NULL},
    {"a1c10001", NULL, "not a text"},
    {"a2616101616102", NULL, "twice"},
    {"a3616200616101616102", NULL, "twice"},
};

static const struct {
    const char *found, *written;
} MAPS[] = {
    /* shorter keys first; then bytewise; the values go with their keys */
    {"a362616101616102"
     "6003",
     "a36003616102"
     "62616101"},
    {"a2616202616101", "a2616101616202"},
    {"a261ff00617f01", "a2617f0161ff00"},
    /* maps in maps and arrays */
    {"a26162a26162006161016161f4", "a26161f46162a2616101616200"},
    {"82a26162006161018181a2615a08615909", "82a26161016162008181a2615909615a08"},
    /* a key of 24 bytes has a longer head than one of 23 */
    {"a2"
     "7818"
     "616161616161616161616161616161616161616161616161"
     "00"
     "77"
     "6262626262626262626262626262626262626262626262"
     "01",
     "a2"
     "77"
     "6262626262626262626262626262626262626262626262"
     "01"
     "7818"
     "616161616161616161616161616161616161616161616161"
     "00"},
    /* tags and floats inside */
    {"a26162c1f93c006161d82a450001550000", "a26161d82a4500015500006162fb3ff0000000000000"},
};

static void check_rewritten(const char *found_hex, const char *written_hex)
{
    static bytes stored, expected, found, again;
    dealfsm_error error = {.struct_size = sizeof error};
    dealfsm_record record = deal_with(found_hex), decoded = {.struct_size = sizeof decoded};
    ck_assert_int_eq(encode(&older, &record, &stored), DEALFSM_OK);
    record = deal_with(written_hex);
    ck_assert_int_eq(encode(&own, &record, &expected), DEALFSM_OK);
    ck_assert_msg(restore(&own, &stored, &found, &error) == DEALFSM_OK, "%s: %s", found_hex, error.text);
    same_bytes(&found, &expected);

    /* record/1 has no memory to rewrite it in: it takes what needs no rewriting */
    int32_t code = own.record->decode(stored.data, stored.size, &decoded, NULL);
    ck_assert_int_eq(code, strcmp(found_hex, written_hex) == 0 ? DEALFSM_OK : DEALFSM_E_CORRUPT);
    if (code == DEALFSM_OK) {
        ck_assert_int_eq(encode(&own, &decoded, &again), DEALFSM_OK);
        same_bytes(&again, &expected);
    }
    /* what was written is read, and stays */
    ck_assert_int_eq(restore(&own, &expected, &found, &error), DEALFSM_OK);
    same_bytes(&found, &expected);
}

static void check_refused(const char *hex, const char *why)
{
    static bytes stored, found;
    dealfsm_error error = {.struct_size = sizeof error};
    dealfsm_record record = deal_with(hex);
    ck_assert_int_eq(encode(&older, &record, &stored), DEALFSM_OK);
    ck_assert_int_eq(restore(&own, &stored, &found, &error), DEALFSM_E_CORRUPT);
    ck_assert_msg(strstr(error.text, why) != NULL, "%s: expected \"%s\", found \"%s\"", hex, why, error.text);
}

START_TEST(selectors)
{
    if (SELECTORS[_i].written != NULL)
        check_rewritten(SELECTORS[_i].found, SELECTORS[_i].written);
    else
        check_refused(SELECTORS[_i].found, SELECTORS[_i].why);
}
END_TEST

START_TEST(maps)
{
    check_rewritten(MAPS[_i].found, MAPS[_i].written);
}
END_TEST

/* In the version's own order nothing is rewritten: a selector of another form is refused, read and written. */
START_TEST(own_order_is_strict)
{
    static bytes stored;
    static const char *const hex[] = {"a2615ea0612400", "f93c00", "c101", "82f7f6", "a10001", "d82a4100"};
    dealfsm_record record = deal_with(hex[_i]);
    ck_assert_int_eq(encode(&own, &record, &stored), DEALFSM_E_ARGUMENT);
    /* written with a selector of the same length that is in form, then replaced in place */
    const uint64_t size = record.selector_len;
    char text[64] = "60";
    if (size > 1)
        snprintf(text, sizeof text, "%02x%0*d", (unsigned)(0x60 + size - 1), (int)(2 * (size - 1)), 0);
    record = deal_with(text);
    ck_assert_int_eq(encode(&own, &record, &stored), DEALFSM_OK);
    uint8_t *at = memmem(stored.data, stored.size, record.selector, size);
    ck_assert_ptr_nonnull(at);
    record = deal_with(hex[_i]);
    memcpy(at, record.selector, size);
    dealfsm_record decoded = {.struct_size = sizeof decoded};
    ck_assert_int_eq(own.record->decode(stored.data, stored.size, &decoded, NULL), DEALFSM_E_CORRUPT);
}
END_TEST

/* Items inside each other up to the bound, in both orders. */
START_TEST(depth_is_bounded)
{
    for (int inside = 254; inside <= 257; inside++) { /* arrays around a 0 */
        static char hex[600];
        static bytes stored, found;
        dealfsm_error error = {.struct_size = sizeof error};
        for (int i = 0; i < inside; i++)
            memcpy(hex + 2 * i, "81", 2);
        strcpy(hex + 2 * (size_t)inside, "00");
        dealfsm_record record = deal_with(hex);
        ck_assert_int_eq(encode(&own, &record, &stored), inside < 256 ? DEALFSM_OK : DEALFSM_E_ARGUMENT);
        ck_assert_int_eq(encode(&older, &record, &stored), DEALFSM_OK);
        ck_assert_int_eq(restore(&own, &stored, &found, &error), inside < 256 ? DEALFSM_OK : DEALFSM_E_CORRUPT);
        if (inside >= 256)
            ck_assert_ptr_nonnull(strstr(error.text, "more than 256 items inside each other"));
    }
}
END_TEST

/* ---- Orders */

/* ChannelID none, which client 1.0.9 cannot store, is read in the older order, too. */
START_TEST(older_order_without_channel)
{
    static bytes stored, expected, found;
    static const uint8_t channel[] = {0x83, 0x60, 0x60, 0x00};
    dealfsm_error error = {.struct_size = sizeof error};
    dealfsm_record record = deal_with("a0");
    ck_assert_int_eq(encode(&older, &record, &stored), DEALFSM_OK);
    uint8_t *at = memmem(stored.data, stored.size, channel, sizeof channel);
    ck_assert_ptr_nonnull(at);
    *at = 0xf6;
    memmove(at + 1, at + 4, stored.size - (uint64_t)(at + 4 - stored.data));
    stored.size -= 3;
    record.has_channel = 0;
    ck_assert_int_eq(encode(&older, &record, &expected), DEALFSM_E_ARGUMENT);
    ck_assert_int_eq(encode(&own, &record, &expected), DEALFSM_OK);
    ck_assert_int_eq(restore(&own, &stored, &found, &error), DEALFSM_OK);
    same_bytes(&found, &expected);
}
END_TEST

/* One order for all maps of a record: a map in the other order is refused. */
START_TEST(mixed_orders_are_refused)
{
    static bytes stored;
    static const char first[] = "\x65"
                                "PayCh\x42\x00\x65",
                      second[] = "\x64"
                                 "Lane\x05";
    const size_t sizes[2] = {sizeof first - 1, sizeof second - 1};
    dealfsm_record record = deal_with("a0"), decoded = {.struct_size = sizeof decoded};
    record.has_payment_info = 1;
    record.pay_ch = record.client_wallet;
    record.pay_ch_len = record.client_wallet_len;
    record.lane = 5;
    for (int i = 0; i < 2; i++) {
        const module *m = i ? &own : &older;
        ck_assert_int_eq(encode(m, &record, &stored), DEALFSM_OK);
        ck_assert_int_eq(own.record->decode(stored.data, stored.size, &decoded, NULL), DEALFSM_OK);
        uint8_t *at = memmem(stored.data, stored.size, i ? second : first, sizes[i]);
        ck_assert_ptr_nonnull(at);
        memcpy(at, i ? first : second, sizes[!i]);
        memcpy(at + sizes[!i], i ? second : first, sizes[i]);
        ck_assert_int_eq(own.record->decode(stored.data, stored.size, &decoded, NULL), DEALFSM_E_CORRUPT);
    }
}
END_TEST

/* The older order is read by its own version only in its own form: client 1.0.9 does not know the sorted one. */
START_TEST(sorted_order_is_new)
{
    static bytes stored;
    dealfsm_record record = deal_with("a0"), decoded = {.struct_size = sizeof decoded};
    ck_assert_int_eq(encode(&own, &record, &stored), DEALFSM_OK);
    ck_assert_int_eq(older.record->decode(stored.data, stored.size, &decoded, NULL), DEALFSM_E_CORRUPT);
}
END_TEST

/* Every byte of an older record cut off and flipped: refused or read, never more. */
START_TEST(older_records_damaged)
{
    static bytes stored, found;
    dealfsm_error error = {.struct_size = sizeof error};
    dealfsm_record record = deal_with("a26162c1f93c006161d82a4100");
    ck_assert_int_eq(encode(&older, &record, &stored), DEALFSM_OK);
    const bytes whole = stored;
    for (uint64_t at = 0; at < whole.size; at++) {
        stored = whole;
        stored.size = at;
        error.code = 0;
        ck_assert_int_eq(restore(&own, &stored, &found, &error), DEALFSM_E_CORRUPT);
        for (int bit = 0; bit < 8; bit++) {
            stored = whole;
            stored.data[at] ^= (uint8_t)(1 << bit);
            error.code = 0;
            restore(&own, &stored, &found, &error);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("border orders");
    TCase *forms = tcase_create("selectors");
    tcase_add_unchecked_fixture(forms, load_both, NULL);
    tcase_add_loop_test(forms, selectors, 0, COUNT(SELECTORS));
    tcase_add_loop_test(forms, maps, 0, COUNT(MAPS));
    tcase_add_loop_test(forms, own_order_is_strict, 0, 6);
    tcase_add_test(forms, depth_is_bounded);
    suite_add_tcase(suite, forms);
    TCase *orders = tcase_create("orders");
    tcase_add_unchecked_fixture(orders, load_both, NULL);
    tcase_add_test(orders, older_order_without_channel);
    tcase_add_test(orders, mixed_orders_are_refused);
    tcase_add_test(orders, sorted_order_is_new);
    tcase_add_test(orders, older_records_damaged);
    suite_add_tcase(suite, orders);
    return run_suite(suite);
}
