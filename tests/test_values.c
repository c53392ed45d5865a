/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Values and records as JSON: every form read and written back, every mistake refused. */

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "../tools/values.h"
#include "check_kit.h"

static values_arena *arena;

static void begin(void)
{
    arena = values_arena_new();
    ck_assert_ptr_nonnull(arena);
}

static void end(void)
{
    values_arena_free(arena);
}

/* ---- Single forms */
typedef struct amount_form {
    const char *text;
    const char *hex;
} amount_form;

static const amount_form AMOUNTS[] = {
    {"0", ""},
    {"1", "0001"},
    {"-1", "0101"},
    {"9", "0009"},
    {"10", "000a"},
    {"255", "00ff"},
    {"256", "000100"},
    {"-256", "010100"},
    {"1000000000000000000", "000de0b6b3a7640000"},
    {"18446744073709551615", "00ffffffffffffffff"},
    {"18446744073709551616", "00010000000000000000"},
    {"-340282366920938463463374607431768211456", "010100000000000000000000000000000000"},
};

START_TEST(amounts)
{
    const amount_form *form = &AMOUNTS[_i];
    const uint8_t *bytes;
    uint64_t size;
    ck_assert(values_amount(arena, form->text, &bytes, &size));
    ck_assert_str_eq(values_hex(arena, bytes, size), form->hex);
    ck_assert_str_eq(values_decimal(arena, bytes, size), form->text);
}
END_TEST

/* 2^1272 - 1, the largest amount with 160 bytes and its sign, there and back. */
START_TEST(largest_amount)
{
    uint8_t stored[160];
    const uint8_t *bytes;
    uint64_t size;
    memset(stored, 0xff, sizeof stored);
    stored[0] = 0;
    const char *text = values_decimal(arena, stored, sizeof stored);
    ck_assert_uint_eq(strlen(text), 383);
    ck_assert(values_amount(arena, text, &bytes, &size));
    ck_assert_uint_eq(size, sizeof stored);
    ck_assert_mem_eq(bytes, stored, sizeof stored);
}
END_TEST

static const char *const NO_AMOUNTS[] = {"", "-", "-0", "00", "01", "+1", " 1", "1 ", "1.0", "0x1", "1e3"};

START_TEST(no_amounts)
{
    const uint8_t *bytes;
    uint64_t size;
    ck_assert(!values_amount(arena, NO_AMOUNTS[_i], &bytes, &size));
}
END_TEST

START_TEST(numbers)
{
    uint64_t number = 0;
    ck_assert(values_u64("0", &number) && number == 0);
    ck_assert(values_u64("18446744073709551615", &number) && number == UINT64_MAX);
    ck_assert(!values_u64("18446744073709551616", &number));
    ck_assert(!values_u64("99999999999999999999", &number));
    ck_assert(!values_u64("", &number));
    ck_assert(!values_u64("01", &number));
    ck_assert(!values_u64("-1", &number));
    ck_assert(!values_u64("1x", &number));
}
END_TEST

START_TEST(hex)
{
    const uint8_t *bytes;
    uint64_t size;
    ck_assert(values_unhex(arena, "", &bytes, &size) && size == 0 && bytes != NULL);
    ck_assert(values_unhex(arena, "00ff1a", &bytes, &size) && size == 3);
    ck_assert_str_eq(values_hex(arena, bytes, size), "00ff1a");
    ck_assert(!values_unhex(arena, "0", &bytes, &size));
    ck_assert(!values_unhex(arena, "0F", &bytes, &size));
    ck_assert(!values_unhex(arena, "0g", &bytes, &size));
}
END_TEST

/* ---- Arguments */
static const char *const ARGUMENTS[] = {
    "[]",
    "[{\"amount\":\"-5\"}]",
    "[{\"text\":\"\"}]",
    "[{\"text\":\"a\\u0000b \\\" \\u2028 \xf0\x9f\x9a\x80\"}]",
    "[{\"error\":\"no\"},{\"u64\":\"18446744073709551615\"}]",
    "[{\"cid\":\"\"},{\"address\":\"0001\"},{\"status\":\"13\"}]",
    "[{\"channel\":{\"initiator\":\"\",\"responder\":\"fffe\",\"id\":\"7\"}}]",
    "[{\"flag\":true},{\"bytes\":\"00\"},{\"peer\":\"ff\"},{\"cbor\":\"f6\"}]",
    "[{\"nil\":true}]",
    "[{\"error\":{\"hex\":\"fffe\"}}]",
};

START_TEST(arguments)
{
    json_t *json = json_loads(ARGUMENTS[_i], JSON_ALLOW_NUL, NULL);
    dealfsm_value *args;
    uint32_t count;
    ck_assert_ptr_nonnull(json);
    ck_assert(values_args_from_json(arena, json, &args, &count));
    json_t *again = values_args_to_json(arena, args, count, sizeof *args);
    ck_assert_msg(json_equal(json, again), "%s", ARGUMENTS[_i]);
    json_decref(json);
    json_decref(again);
}
END_TEST

static const char *const NO_ARGUMENTS[] = {
    "{}",
    "[5]",
    "[{}]",
    "[{\"amount\":5}]",
    "[{\"amount\":null}]",
    "[{\"amount\":\"5\",\"text\":\"\"}]",
    "[{\"price\":\"5\"}]",
    "[{\"cid\":\"0\"}]",
    "[{\"u64\":\"18446744073709551616\"}]",
    "[{\"flag\":1}]",
    "[{\"text\":7}]",
    "[{\"channel\":{\"initiator\":\"\",\"responder\":\"\"}}]",
    "[{\"channel\":{\"initiator\":\"\",\"responder\":\"\",\"id\":\"1\",\"more\":\"\"}}]",
};

START_TEST(no_arguments)
{
    json_t *json = json_loads(NO_ARGUMENTS[_i], 0, NULL);
    dealfsm_value *args;
    uint32_t count;
    ck_assert_ptr_nonnull(json);
    ck_assert_msg(!values_args_from_json(arena, json, &args, &count), "%s", NO_ARGUMENTS[_i]);
    json_decref(json);
}
END_TEST

/* ---- Answers: the op of a made-up machine gives an address, which may be none, and a CID, which may not. */
static const dealfsm_op_info OP = {.struct_size = sizeof OP,
                                   .op = 5,
                                   .name = "GetOrCreatePaymentChannel",
                                   .values = {DEALFSM_ADDRESS, DEALFSM_CID},
                                   .values_names = {"address", "cid"},
                                   .values_count = 2,
                                   .values_optional = 1};
static const dealfsm_op_info NO_VALUES = {.struct_size = sizeof NO_VALUES, .name = "CloseDataTransfer"};

static bool answer_of(const dealfsm_op_info *op, const char *text, dealfsm_answer *out)
{
    static const char *const ignored[] = {"height", NULL};
    json_t *json = json_loads(text, 0, NULL);
    const char *why = NULL;
    *out = (dealfsm_answer){.struct_size = sizeof *out};
    const bool good = values_answer_from_json(arena, op, json, ignored, out, &why);
    ck_assert(good || why != NULL);
    json_decref(json);
    return good;
}

START_TEST(answers)
{
    dealfsm_answer answer;
    ck_assert(answer_of(&OP, "{\"address\":null,\"cid\":\"0155\",\"height\":\"7\"}", &answer));
    ck_assert_uint_eq(answer.outcome, DEALFSM_ANSWER_OK);
    ck_assert_uint_eq(answer.values_count, 2);
    ck_assert_uint_eq(answer.values[0].kind, DEALFSM_NONE);
    ck_assert_uint_eq(answer.values[1].data_len, 2);
    ck_assert(answer_of(&OP, "{\"address\":\"0001\",\"cid\":null}", &answer));
    ck_assert_uint_eq(answer.values[1].kind, DEALFSM_CID); /* where one must be: undefined, not none */
    ck_assert_uint_eq(answer.values[1].data_len, 0);
    ck_assert(answer_of(&OP, "{\"error\":\"no\"}", &answer));
    ck_assert_uint_eq(answer.outcome, DEALFSM_ANSWER_ERROR);
    ck_assert_mem_eq(answer.text, "no", 2);
    ck_assert(answer_of(&OP, "{\"shortfall\":\"12\"}", &answer));
    ck_assert_uint_eq(answer.outcome, DEALFSM_ANSWER_SHORTFALL);
    ck_assert_uint_eq(answer.values_count, 1);
    ck_assert(answer_of(&NO_VALUES, "{\"ok\":true}", &answer));
    ck_assert_uint_eq(answer.values_count, 0);
    ck_assert(!answer_of(&OP, "{\"ok\":true}", &answer));
    ck_assert(!answer_of(&OP, "{\"cid\":\"0155\"}", &answer));
    ck_assert(!answer_of(&OP, "{\"address\":null,\"cid\":\"0155\",\"more\":\"\"}", &answer));
    ck_assert(!answer_of(&OP, "{\"error\":null}", &answer));
    ck_assert(!answer_of(&OP, "[]", &answer));
}
END_TEST

/* ---- Records of a made-up machine with a field of every shape */
#define MEMBER(member) (uint32_t) offsetof(dealfsm_record, member), (uint32_t)sizeof(((dealfsm_record *)0)->member)
static dealfsm_field_info FIELDS[] = {
    {sizeof FIELDS[0], DEALFSM_U64, "id", "ID", "", MEMBER(id), 0, 0},
    {sizeof FIELDS[0], DEALFSM_CBOR, "selector", "Selector", "", (uint32_t)offsetof(dealfsm_record, selector), 16, 0,
     1},
    {sizeof FIELDS[0], DEALFSM_U64, "store_id", "StoreID", "", MEMBER(store_id),
     (uint32_t)offsetof(dealfsm_record, has_store_id), 1},
    {sizeof FIELDS[0], DEALFSM_FLAG, "all_blocks_received", "AllBlocksReceived", "", MEMBER(all_blocks_received), 0, 0},
    {sizeof FIELDS[0], DEALFSM_AMOUNT, "total_funds", "TotalFunds", "attoFIL",
     (uint32_t)offsetof(dealfsm_record, total_funds), 16, 0, 0},
    {sizeof FIELDS[0], DEALFSM_ADDRESS, "payment_info.pay_ch", "PaymentInfo.PayCh", "",
     (uint32_t)offsetof(dealfsm_record, pay_ch), 16, (uint32_t)offsetof(dealfsm_record, has_payment_info), 1},
    {sizeof FIELDS[0], DEALFSM_U64, "payment_info.lane", "PaymentInfo.Lane", "", MEMBER(lane),
     (uint32_t)offsetof(dealfsm_record, has_payment_info), 1},
    {sizeof FIELDS[0], DEALFSM_TEXT, "message", "Message", "", (uint32_t)offsetof(dealfsm_record, message), 16, 0, 0},
};
static const description MACHINE = {.fields = FIELDS, .fields_count = COUNT(FIELDS)};

static const char *const RECORDS[] = {
    "{\"id\":\"7\",\"selector\":null,\"store_id\":null,\"all_blocks_received\":false,\"total_funds\":\"0\","
    "\"payment_info\":null,\"message\":\"\"}",
    "{\"id\":\"18446744073709551615\",\"selector\":\"a0\",\"store_id\":\"0\",\"all_blocks_received\":true,"
    "\"total_funds\":\"-5\",\"payment_info\":{\"pay_ch\":\"0001\",\"lane\":\"3\"},\"message\":\"\\u2028\"}",
    "{\"id\":\"7\",\"selector\":null,\"store_id\":null,\"all_blocks_received\":false,\"total_funds\":\"0\","
    "\"payment_info\":null,\"message\":\"\",\"message_hex\":\"fffe\"}",
};

START_TEST(records)
{
    json_t *json = json_loads(RECORDS[_i], 0, NULL);
    dealfsm_record record;
    dealfsm_record other;
    const char *why = "";
    ck_assert_msg(values_record_from_json(arena, &MACHINE, json, &record, &why), "%s", why);
    json_t *again = values_record_to_json(arena, &MACHINE, &record);
    ck_assert_msg(json_equal(json, again), "%s", RECORDS[_i]);
    ck_assert(values_record_from_json(arena, &MACHINE, again, &other, &why));
    ck_assert_ptr_null(values_record_difference(&MACHINE, &record, &other));
    other.total_funds = (const uint8_t *)"\0\x09";
    other.total_funds_len = 2;
    ck_assert_str_eq(values_record_difference(&MACHINE, &record, &other)->name, "total_funds");
    json_decref(json);
    json_decref(again);
}
END_TEST

typedef struct bad_record {
    const char *from; /* replaced in the second of RECORDS by `to` */
    const char *to;
    const char *why; /* part of the reason */
} bad_record;

static const bad_record BAD_RECORDS[] = {
    {"\"id\":\"18446744073709551615\"", "\"id\":5", "id"},
    {"\"id\":\"18446744073709551615\"", "\"id\":null", "id"},
    {"\"id\":\"18446744073709551615\",", "", "id"},
    {"\"a0\"", "\"a\"", "selector"},
    {"\"-5\"", "\"-0\"", "total_funds"},
    {"true", "\"true\"", "all_blocks_received"},
    {"\"lane\":\"3\"", "\"lane\":\"x\"", "payment_info.lane"},
    {",\"payment_info\":{\"pay_ch\":\"0001\",\"lane\":\"3\"}", "", "payment_info.pay_ch"},
    {"\"lane\":\"3\"", "\"lane\":\"3\",\"more\":\"\"", "does not store"},
    {"{\"id\"", "{\"more\":\"\",\"id\"", "does not store"},
};

START_TEST(bad_records)
{
    const bad_record *bad = &BAD_RECORDS[_i];
    const char *good = RECORDS[1];
    const char *at = strstr(good, bad->from);
    char text[1024];
    ck_assert_ptr_nonnull(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - good), good, bad->to, at + strlen(bad->from));
    json_t *json = json_loads(text, 0, NULL);
    dealfsm_record record;
    const char *why = "";
    ck_assert_msg(json != NULL, "%s", text);
    ck_assert_msg(!values_record_from_json(arena, &MACHINE, json, &record, &why), "%s", text);
    ck_assert_msg(strstr(why, bad->why) != NULL, "expected \"%s\" in \"%s\"", bad->why, why);
    json_decref(json);
}
END_TEST

/* Memory: pieces are apart, zeroed, and aligned, large ones, too. */
START_TEST(memory)
{
    for (int round = 0; round < 3; round++) {
        uint8_t *small = values_take(arena, 0);
        uint8_t *large = values_take(arena, 300000);
        uint8_t *more = values_take(arena, 1);
        ck_assert(small != more && (uintptr_t)large % _Alignof(max_align_t) == 0);
        ck_assert(large[0] == 0 && large[299999] == 0 && *more == 0);
        memset(large, 0xff, 300000);
        *more = 0xff;
        values_arena_clear(arena);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("values");
    TCase *tests = tcase_create("values");
    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_loop_test(tests, amounts, 0, COUNT(AMOUNTS));
    tcase_add_test(tests, largest_amount);
    tcase_add_loop_test(tests, no_amounts, 0, COUNT(NO_AMOUNTS));
    tcase_add_test(tests, numbers);
    tcase_add_test(tests, hex);
    tcase_add_loop_test(tests, arguments, 0, COUNT(ARGUMENTS));
    tcase_add_loop_test(tests, no_arguments, 0, COUNT(NO_ARGUMENTS));
    tcase_add_test(tests, answers);
    tcase_add_loop_test(tests, records, 0, COUNT(RECORDS));
    tcase_add_loop_test(tests, bad_records, 0, COUNT(BAD_RECORDS));
    tcase_add_test(tests, memory);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
