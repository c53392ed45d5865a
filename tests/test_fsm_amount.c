/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Amounts: stored form, arithmetic against GMP, limits; and the well-formedness of CIDs and addresses. */

#include <gmp.h>

#include "fsm_fixture.h"

/* ---- Stored form */

static const struct {
    fsm_bytes stored;
    bool well_formed;
} STORED[] = {
    {{NULL, 0}, true},
    {{(const uint8_t *)"", 0}, true},
    {{(const uint8_t *)"\x00\x01", 2}, true},
    {{(const uint8_t *)"\x01\x01", 2}, true},
    {{(const uint8_t *)"\x00\xff\x00", 3}, true},
    {{(const uint8_t *)"\x00", 1}, false},         /* a sign alone */
    {{(const uint8_t *)"\x01", 1}, false},         /* minus zero */
    {{(const uint8_t *)"\x00\x00", 2}, false},     /* leading zero */
    {{(const uint8_t *)"\x01\x00", 2}, false},     /* minus zero */
    {{(const uint8_t *)"\x00\x00\x05", 3}, false}, /* leading zero */
    {{(const uint8_t *)"\x02\x05", 2}, false},     /* no sign */
    {{(const uint8_t *)"\xff\x05", 2}, false},
};

START_TEST(stored_form)
{
    ck_assert_int_eq(fsm_amount_well_formed(STORED[_i].stored, FSM_AMOUNT_INPUT_MAX), STORED[_i].well_formed);
}
END_TEST

/* Every length, every sign: loads, stores the same bytes, and is refused one byte below its length. */
START_TEST(stored_lengths)
{
    uint8_t buffer[FSM_AMOUNT_INPUT_MAX];
    for (uint32_t size = 2; size <= FSM_AMOUNT_INPUT_MAX; size++) {
        uint8_t bytes[FSM_AMOUNT_INPUT_MAX];
        for (uint32_t i = 1; i < size; i++)
            bytes[i] = (uint8_t)(i * 37 + (uint32_t)_i);
        bytes[0] = (uint8_t)(_i & 1);
        bytes[1] |= 1;
        fsm_bytes stored = {bytes, size}, back;
        fsm_amount value;
        ck_assert(fsm_amount_well_formed(stored, size));
        ck_assert(!fsm_amount_well_formed(stored, size - 1));
        fsm_amount_load(&value, stored);
        ck_assert_uint_eq(value.used, (size + 2) / 4);
        ck_assert(fsm_amount_store(&value, size, buffer, &back));
        ck_bytes(back, stored);
        ck_assert(!fsm_amount_store(&value, size - 1, buffer, &back));
    }
}
END_TEST

START_TEST(zero_is_stored_empty)
{
    uint8_t buffer[FSM_AMOUNT_INPUT_MAX];
    fsm_bytes back;
    fsm_amount zero;
    amount_from_u64(&zero, 0);
    ck_assert(fsm_amount_store(&zero, 0, buffer, &back));
    ck_assert_uint_eq(back.size, 0);
    ck_assert_ptr_nonnull(back.data);
}
END_TEST

START_TEST(decimals_at_the_edges_of_limbs)
{
    static const uint64_t values[] = {0, 1, UINT32_MAX, (uint64_t)UINT32_MAX + 1, UINT64_MAX};
    static const char *const text[] = {"0", "1", "4294967295", "4294967296", "18446744073709551615"};
    for (int i = 0; i < COUNT(values); i++) {
        char buffer[FSM_AMOUNT_DECIMAL_MAX];
        fsm_amount value;
        amount_from_u64(&value, values[i]);
        ck_assert_uint_eq(fsm_amount_decimal(&value, buffer), strlen(text[i]));
        ck_assert_str_eq(buffer, text[i]);
    }
}
END_TEST

/* ---- Arithmetic against GMP */

static uint64_t seed;

static uint32_t dice(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 32);
}

/* Limbs that sit on boundaries more often than not. */
static uint32_t odd_limb(void)
{
    static const uint32_t limbs[] = {0, 1, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff};
    uint32_t choice = dice() % 12;
    return choice < 7 ? limbs[choice] : dice() >> dice() % 32;
}

static void random_amount(fsm_amount *out, uint32_t limbs)
{
    out->used = limbs;
    for (uint32_t i = 0; i < limbs; i++)
        out->limb[i] = odd_limb();
    while (out->used > 0 && out->limb[out->used - 1] == 0)
        out->used--;
    out->negative = out->used > 0 && dice() % 2 == 0;
}

static void to_gmp(mpz_t out, const fsm_amount *a)
{
    mpz_import(out, a->used, -1, sizeof(uint32_t), 0, 0, a->limb);
    if (a->negative)
        mpz_neg(out, out);
}

/* `fits`: what the function said; the result must be GMP's, in its one form, or past the limbs. */
static void check_result(bool fits, const fsm_amount *found, const mpz_t expected)
{
    ck_assert_int_eq(fits, mpz_sizeinbase(expected, 2) <= 32 * FSM_AMOUNT_LIMBS);
    if (!fits)
        return;
    mpz_t value;
    mpz_init(value);
    to_gmp(value, found);
    ck_assert_int_eq(mpz_cmp(value, expected), 0);
    ck_assert(found->used == 0 ? !found->negative : found->limb[found->used - 1] != 0);
    mpz_clear(value);
}

enum { ROUNDS = 3000 };

static uint32_t random_length(void)
{
    return dice() % 3 == 0 ? dice() % (FSM_AMOUNT_LIMBS + 1) : dice() % 6;
}

START_TEST(sums_and_differences)
{
    mpz_t x, y, expected;
    mpz_inits(x, y, expected, NULL);
    seed = (uint64_t)_i;
    for (int round = 0; round < ROUNDS; round++) {
        fsm_amount a, b, sum, alias;
        random_amount(&a, random_length());
        random_amount(&b, random_length());
        if (round % 7 == 0)
            b = a;
        to_gmp(x, &a);
        to_gmp(y, &b);
        int order = mpz_cmp(x, y);
        ck_assert_int_eq(fsm_amount_cmp(&a, &b), order < 0 ? -1 : order > 0 ? 1 : 0);
        mpz_add(expected, x, y);
        check_result(fsm_amount_add(&sum, &a, &b), &sum, expected);
        alias = a;
        check_result(fsm_amount_add(&alias, &alias, &b), &alias, expected);
        alias = b;
        check_result(fsm_amount_add(&alias, &a, &alias), &alias, expected);
        mpz_sub(expected, x, y);
        check_result(fsm_amount_sub(&sum, &a, &b), &sum, expected);
        alias = a;
        check_result(fsm_amount_sub(&alias, &alias, &b), &alias, expected);
        alias = b;
        check_result(fsm_amount_sub(&alias, &a, &alias), &alias, expected);
        mpz_set_ui(expected, 0);
        check_result(fsm_amount_sub(&a, &a, &a), &a, expected);
    }
    mpz_clears(x, y, expected, NULL);
}
END_TEST

START_TEST(products)
{
    mpz_t x, y, expected;
    mpz_inits(x, y, expected, NULL);
    seed = (uint64_t)_i;
    for (int round = 0; round < ROUNDS; round++) {
        fsm_amount a, product;
        uint64_t b = (uint64_t)odd_limb() << 32 | odd_limb();
        random_amount(&a, random_length());
        to_gmp(x, &a);
        mpz_import(y, 1, -1, sizeof b, 0, 0, &b);
        mpz_mul(expected, x, y);
        check_result(fsm_amount_mul_u64(&product, &a, b), &product, expected);
        check_result(fsm_amount_mul_u64(&a, &a, b), &a, expected);
    }
    mpz_clears(x, y, expected, NULL);
}
END_TEST

static void check_quotient(const fsm_amount *a, const fsm_amount *b)
{
    mpz_t x, y, expected, remainder;
    mpz_inits(x, y, expected, remainder, NULL);
    to_gmp(x, a);
    to_gmp(y, b);
    if (b->negative)
        mpz_cdiv_qr(expected, remainder, x, y); /* leaves a remainder of 0 or more for a divisor below 0 */
    else
        mpz_fdiv_qr(expected, remainder, x, y);
    ck_assert_int_ge(mpz_sgn(remainder), 0);
    uint64_t quotient = 0;
    bool fits = fsm_amount_div_u64(&quotient, a, b);
    ck_assert_int_eq(fits, mpz_sgn(expected) >= 0 && mpz_sizeinbase(expected, 2) <= 64);
    if (fits) {
        mpz_import(x, 1, -1, sizeof quotient, 0, 0, &quotient);
        ck_assert_int_eq(mpz_cmp(x, expected), 0);
    }
    mpz_clears(x, y, expected, remainder, NULL);
}

START_TEST(quotients)
{
    seed = (uint64_t)_i;
    for (int round = 0; round < ROUNDS; round++) {
        fsm_amount a, b, rest;
        random_amount(&b, 1 + dice() % (FSM_AMOUNT_LIMBS - 2));
        if (b.used == 0)
            amount_from_u64(&b, 1);
        if (round % 2 == 0) { /* a quotient that is near 64 bits */
            ck_assert(fsm_amount_mul_u64(&a, &b, (uint64_t)odd_limb() << 32 | odd_limb()));
            random_amount(&rest, dice() % (b.used + 1));
            if (!fsm_amount_add(&a, &a, &rest))
                continue;
        } else {
            random_amount(&a, random_length());
        }
        check_quotient(&a, &b);
    }
}
END_TEST

/* Euclid's quotient on both sides of zero, and at the edge of 64 bits. */
static const struct {
    const char *a, *b, *quotient; /* NULL: refused */
} QUOTIENTS[] = {
    {"7", "3", "2"},
    {"6", "3", "2"},
    {"-7", "-3", "3"},
    {"-6", "-3", "2"},
    {"-7", "3", NULL},
    {"7", "-3", NULL},
    {"2", "-3", "0"},
    {"-1", "3", NULL},
    {"-1", "-3", "1"},
    {"0", "3", "0"},
    {"0", "-3", "0"},
    {"0", "340282366920938463463374607431768211456", "0"},
    {"-1", "-340282366920938463463374607431768211456", "1"},
    {"18446744073709551615", "1", "18446744073709551615"},
    {"18446744073709551616", "1", NULL},
    {"36893488147419103231", "2", "18446744073709551615"},
    {"36893488147419103232", "2", NULL},
    {"-18446744073709551615", "-1", "18446744073709551615"},
    {"-36893488147419103230", "-2", "18446744073709551615"},
    {"-36893488147419103231", "-2", NULL},
    {"340282366920938463463374607431768211455", "18446744073709551615", NULL},
    {"340282366920938463463374607431768211455", "18446744073709551617", "18446744073709551615"},
};

START_TEST(quotient_edges)
{
    fsm_amount a, b;
    uint64_t quotient = 0;
    char text[24];
    fsm_amount_load(&a, amount(QUOTIENTS[_i].a));
    fsm_amount_load(&b, amount(QUOTIENTS[_i].b));
    bool fits = fsm_amount_div_u64(&quotient, &a, &b);
    ck_assert_int_eq(fits, QUOTIENTS[_i].quotient != NULL);
    if (fits) {
        snprintf(text, sizeof text, "%llu", (unsigned long long)quotient);
        ck_assert_str_eq(text, QUOTIENTS[_i].quotient);
    }
    check_quotient(&a, &b);
}
END_TEST

/* The correction of an estimate that is one too high (Knuth's step D6), which random operands hardly ever need. */
START_TEST(quotient_with_correction)
{
    fsm_amount a = {4, false, {0, 0, 0x80000000, 0x7fffffff}};
    fsm_amount b = {3, false, {1, 0, 0x80000000}};
    check_quotient(&a, &b);
    fsm_amount c = {5, false, {3, 0, 0x80000000, 0, 0x20000000}};
    fsm_amount d = {4, false, {1, 0, 0, 0x20000000}};
    check_quotient(&c, &d);
}
END_TEST

START_TEST(decimals)
{
    mpz_t value;
    mpz_init(value);
    seed = (uint64_t)_i;
    for (int round = 0; round < 300; round++) {
        fsm_amount a;
        char found[FSM_AMOUNT_DECIMAL_MAX], expected[FSM_AMOUNT_DECIMAL_MAX];
        random_amount(&a, random_length());
        to_gmp(value, &a);
        mpz_get_str(expected, 10, value);
        ck_assert_uint_eq(fsm_amount_decimal(&a, found), strlen(expected));
        ck_assert_str_eq(found, expected);
    }
    mpz_clear(value);
}
END_TEST

START_TEST(longest_decimal)
{
    fsm_amount a = {FSM_AMOUNT_LIMBS, true, {0}};
    char text[FSM_AMOUNT_DECIMAL_MAX];
    memset(a.limb, 0xff, sizeof a.limb);
    ck_assert_uint_eq(fsm_amount_decimal(&a, text), FSM_AMOUNT_DECIMAL_MAX - 1);
}
END_TEST

/* ---- CIDs and addresses */

static const fsm_address_rule RULES[] = {{4, 64}, {4, 63}, {5, 63}}; /* v0.5.6, v1.0.9, v1.28.3 */
enum { ALWAYS = 7, UP_TO_64_BITS = 1, DELEGATED = 4 };

static const struct {
    const char *hex;
    uint32_t well_formed; /* a bit for each rule */
} CIDS[] = {
    {"", 0},
    {"01", 0},
    {"1220000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", ALWAYS},
    {"1220000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e", 0},
    {"1220000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20", 0},
    {"1221000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20", 0},
    {"01550000", ALWAYS},
    {"0155000100", ALWAYS},
    {"01550001", 0},
    {"0155000000", 0},
    {"015500", 0},
    {"00550000", 0},
    {"02550000", 0},
    {"8100550000", 0},                 /* version not minimal */
    {"01d5000000", 0},                 /* codec not minimal */
    {"01ffffffffffffffff7f0000", ALWAYS},    /* a codec of 63 bits */
    {"01ffffffffffffffffff010000", UP_TO_64_BITS},
    {"01ffffffffffffffffff020000", 0}, /* over 64 bits */
    {"0155ffffffffffffffffff0100", UP_TO_64_BITS}, /* a hash code of 64 bits */
    {"0155ffffffffffffffff7f00", ALWAYS},    /* a hash code of 63 bits */
    {"015500ffffffffffffffff7f", 0},   /* a digest of 2^63 - 1 bytes */
};

static fsm_bytes from_hex(const char *hex)
{
    uint32_t size = (uint32_t)strlen(hex) / 2;
    uint8_t *bytes = room_for(size);
    for (uint32_t i = 0; i < size; i++) {
        char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return (fsm_bytes){bytes, size};
}

START_TEST(cids)
{
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(fsm_cid_well_formed(from_hex(CIDS[_i].hex), &RULES[i]), CIDS[_i].well_formed >> i & 1);
}
END_TEST

/* The longest: 262,144 bytes with the 00 in front. */
START_TEST(longest_cid)
{
    for (uint32_t size = FSM_CID_MAX - 2; size <= FSM_CID_MAX; size++) {
        uint8_t *bytes = room_for(size);
        uint32_t digest = size - 6;
        const uint8_t head[6] = {
            1, 0x55, 0, (uint8_t)(digest | 0x80), (uint8_t)(digest >> 7 | 0x80), (uint8_t)(digest >> 14)};
        memcpy(bytes, head, sizeof head);
        ck_assert_int_eq(fsm_cid_well_formed((fsm_bytes){bytes, size}, &RULES[0]), size < FSM_CID_MAX);
    }
}
END_TEST

static const struct {
    const char *hex;
    uint32_t well_formed; /* a bit for each rule */
} ADDRESSES[] = {
    {"", 0},
    {"00", 0},
    {"0000", ALWAYS},
    {"007f", ALWAYS},
    {"008001", ALWAYS},
    {"008000", 0}, /* not minimal */
    {"000000", 0}, /* something behind it */
    {"0080", 0},
    {"00ffffffffffffffffff01", UP_TO_64_BITS},  /* 2^64 - 1 */
    {"00ffffffffffffffffff02", 0}, /* over 64 bits */
    {"00ffffffffffffffffff8101", 0},
    {"01000102030405060708090a0b0c0d0e0f10111213", ALWAYS},
    {"01000102030405060708090a0b0c0d0e0f101112", 0},
    {"01000102030405060708090a0b0c0d0e0f1011121314", 0},
    {"02000102030405060708090a0b0c0d0e0f10111213", ALWAYS},
    {"02000102030405060708090a0b0c0d0e0f101112", 0},
    {"03000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f", ALWAYS},
    {"03000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e", 0},
    {"03000102030405060708090a0b0c0d0e0f10111213", 0},
    {"00ffffffffffffffff7f", ALWAYS}, /* 2^63 - 1 */
    {"0080808080808080808001", UP_TO_64_BITS}, /* 2^63 */
    {"0400", DELEGATED}, /* no sub-address */
    {"04", 0},
    {"0480", 0},
    {"048000", 0},
    {"040a000102030405060708090a0b0c0d0e0f10111213", DELEGATED},
    {"04ffffffffffffffff7f000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132"
     "333435",
     DELEGATED}, /* 54 bytes */
    {"040a000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f30313233343536",
     0}, /* 55 bytes */
    {"0480808080808080808001", 0},
    {"0500", 0},
    {"ff00", 0},
};

START_TEST(addresses)
{
    for (int rule = 0; rule < COUNT(RULES); rule++)
        ck_assert_int_eq(fsm_address_well_formed(from_hex(ADDRESSES[_i].hex), &RULES[rule]),
                         ADDRESSES[_i].well_formed >> rule & 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fsm amount");
    TCase *tests = tcase_create("amount");
    tcase_add_loop_test(tests, stored_form, 0, COUNT(STORED));
    tcase_add_loop_test(tests, stored_lengths, 0, 8);
    tcase_add_test(tests, zero_is_stored_empty);
    tcase_add_test(tests, decimals_at_the_edges_of_limbs);
    tcase_add_loop_test(tests, sums_and_differences, 0, 4);
    tcase_add_loop_test(tests, products, 0, 4);
    tcase_add_loop_test(tests, quotients, 0, 8);
    tcase_add_loop_test(tests, quotient_edges, 0, COUNT(QUOTIENTS));
    tcase_add_test(tests, quotient_with_correction);
    tcase_add_loop_test(tests, decimals, 0, 4);
    tcase_add_test(tests, longest_decimal);
    suite_add_tcase(suite, tests);
    TCase *forms = tcase_create("well formed");
    tcase_add_loop_test(forms, cids, 0, COUNT(CIDS));
    tcase_add_test(forms, longest_cid);
    tcase_add_loop_test(forms, addresses, 0, COUNT(ADDRESSES));
    suite_add_tcase(suite, forms);
    return run_suite(suite);
}
