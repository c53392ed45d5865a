/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Amounts, sizes, durations and shares: a decimal number and a unit, reckoned exactly. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

enum { NUMBER_MAX = 400 }; /* characters of a number: 128 bytes of attoFIL have 309 digits */

/* A unit: value = factor * 2^shift * 10^decimals of the smallest one. A list ends with a null name. */
typedef struct unit {
    const char *name;
    unsigned factor;
    unsigned shift;
    unsigned decimals;
} unit;

static const unit AMOUNTS[] = {
    {"FIL", 1, 0, 18},     {"milliFIL", 1, 0, 15}, {"microFIL", 1, 0, 12}, {"nanoFIL", 1, 0, 9}, {"picoFIL", 1, 0, 6},
    {"femtoFIL", 1, 0, 3}, {"attoFIL", 1, 0, 0},   {"mFIL", 1, 0, 15},     {"uFIL", 1, 0, 12},   {"nFIL", 1, 0, 9},
    {"pFIL", 1, 0, 6},     {"fFIL", 1, 0, 3},      {"aFIL", 1, 0, 0},      {NULL, 0, 0, 0}};
static const unit SIZES[] = {{"EiB", 1, 60, 0}, {"PiB", 1, 50, 0}, {"TiB", 1, 40, 0},  {"GiB", 1, 30, 0},
                             {"MiB", 1, 20, 0}, {"KiB", 1, 10, 0}, {"bytes", 1, 0, 0}, {"byte", 1, 0, 0},
                             {"B", 1, 0, 0},    {"kB", 1, 0, 3},   {"MB", 1, 0, 6},    {"GB", 1, 0, 9},
                             {"TB", 1, 0, 12},  {NULL, 0, 0, 0}};
static const unit DURATIONS[] = {{"us", 1, 0, 0},   {"ms", 1, 0, 3},    {"s", 1, 0, 6}, {"min", 60, 0, 6},
                                 {"h", 3600, 0, 6}, {"d", 86400, 0, 6}, {NULL, 0, 0, 0}};
static const unit SHARES[] = {{"%", 1, 0, 4}, {NULL, 0, 0, 0}};

static const unit *find_unit(const unit *units, const char *name)
{
    for (; units->name != NULL; units++) {
        if (strcmp(units->name, name) == 0) {
            return units;
        }
    }
    return NULL;
}

/* value = digits * unit / 10^fraction; false when that is no whole number. */
static bool scale(mpz_t value, const char *digits, const unit *in, size_t fraction)
{
    mpz_t divisor;
    mpz_init(divisor);
    mpz_ui_pow_ui(divisor, 10, in->decimals);
    bool ok = mpz_set_str(value, digits, 10) == 0;
    mpz_mul(value, value, divisor);
    mpz_mul_ui(value, value, in->factor);
    mpz_mul_2exp(value, value, in->shift);
    mpz_ui_pow_ui(divisor, 10, fraction);
    ok = ok && mpz_divisible_p(value, divisor) != 0;
    if (ok) {
        mpz_divexact(value, value, divisor);
    }
    mpz_clear(divisor);
    return ok;
}

/* Reads "12.5 unit" into *value; what: for the message. */
static bool read_quantity(const char *text, const unit *units, const char *what, mpz_t value, text_why *why)
{
    static const char decimal[] = "0123456789";
    char digits[NUMBER_MAX + 1];
    size_t whole = strspn(text, decimal);
    size_t fraction = text[whole] == '.' ? strspn(text + whole + 1, decimal) : 0;
    size_t used = whole + (fraction > 0 ? 1 + fraction : 0);
    const unit *in = find_unit(units, text + used + strspn(text + used, " "));
    if (strcmp(text, "0") == 0) {
        in = units;
    }
    if (whole == 0 || in == NULL || whole + fraction > NUMBER_MAX) {
        return text_refuse(why, "expected %s, found \"%.100s\"", what, text);
    }
    memcpy(digits, text, whole);
    memcpy(digits + whole, text + whole + 1, fraction);
    digits[whole + fraction] = '\0';
    return scale(value, digits, in, fraction) ||
           text_refuse(why, "expected a whole number of the smallest unit, found \"%.100s\"", text);
}

bool text_read_amount(const char *text, mpz_t attofil, text_why *why)
{
    mpz_t value;
    mpz_init(value);
    bool ok =
        read_quantity(text, AMOUNTS, "an amount such as \"1.5 FIL\", \"3 nanoFIL\" or \"20 attoFIL\"", value, why);
    if (ok) {
        mpz_set(attofil, value);
    }
    mpz_clear(value);
    return ok;
}

/* A quantity that must fit 64 bits. */
static bool read_u64(const char *text, const unit *units, const char *what, uint64_t *out, text_why *why)
{
    mpz_t value;
    mpz_init(value);
    bool ok = read_quantity(text, units, what, value, why);
    if (ok && mpz_sizeinbase(value, 2) > 64) {
        ok = text_refuse(why, "expected %s below 2^64 of the smallest unit, found \"%.100s\"", what, text);
    }
    if (ok) {
        *out = 0;
        mpz_export(out, NULL, -1, sizeof *out, 0, 0, value);
    }
    mpz_clear(value);
    return ok;
}

bool text_read_size(const char *text, uint64_t *bytes, text_why *why)
{
    return read_u64(text, SIZES, "a size such as \"1 MiB\", \"500 KiB\" or \"12 bytes\"", bytes, why);
}

bool text_read_duration(const char *text, uint64_t *microseconds, text_why *why)
{
    return read_u64(text, DURATIONS, "a duration such as \"30 s\", \"200 ms\" or \"2 h\"", microseconds, why);
}

bool text_read_share(const char *text, uint64_t *millionths, text_why *why)
{
    uint64_t value;
    if (!read_u64(text, SHARES, "a share such as \"2 %\" or \"0.5 %\"", &value, why)) {
        return false;
    }
    if (value > 1000000) {
        return text_refuse(why, "expected a share of at most 100 %%, found \"%.100s\"", text);
    }
    *millionths = value;
    return true;
}

char *text_write_fil(const mpz_t attofil)
{
    enum { DECIMALS = 18 };
    size_t size = mpz_sizeinbase(attofil, 10) + DECIMALS;
    char *digits = malloc(size + 3);
    char *text = malloc(size + 3);
    if (digits != NULL && text != NULL) {
        mpz_t magnitude;
        mpz_init(magnitude);
        mpz_abs(magnitude, attofil);
        mpz_get_str(digits, 10, magnitude);
        mpz_clear(magnitude);
        size_t count = strlen(digits);
        if (count <= DECIMALS) { /* zeros before, so that one stands before the point */
            size_t zeros = DECIMALS + 1 - count;
            memmove(digits + zeros, digits, count + 1);
            memset(digits, '0', zeros);
            count += zeros;
        }
        size_t whole = count - DECIMALS;
        size_t fraction = DECIMALS;
        while (fraction > 0 && digits[whole + fraction - 1] == '0') {
            fraction--;
        }
        (void)snprintf(text, size + 3, "%s%.*s%s%.*s", mpz_sgn(attofil) < 0 ? "-" : "", (int)whole, digits,
                       fraction > 0 ? "." : "", (int)fraction, digits + whole);
    }
    if (digits == NULL) {
        free(text);
        text = NULL;
    }
    free(digits);
    return text;
}

bool text_amount_export(const mpz_t attofil, uint8_t *data, size_t capacity, size_t *len)
{
    if (mpz_sgn(attofil) == 0) {
        *len = 0;
        return true;
    }
    size_t magnitude = mpz_sizeinbase(attofil, 256);
    if (magnitude + 1 > capacity) {
        return false;
    }
    data[0] = 0;
    if (mpz_sgn(attofil) < 0) {
        data[0] = 1;
    }
    mpz_export(data + 1, NULL, 1, 1, 1, 0, attofil);
    *len = magnitude + 1;
    return true;
}

void text_amount_import(mpz_t attofil, const uint8_t *data, size_t len)
{
    mpz_set_ui(attofil, 0);
    if (data != NULL && len > 1) {
        mpz_import(attofil, len - 1, 1, 1, 1, 0, data + 1);
        if (data[0] == 1) {
            mpz_neg(attofil, attofil);
        }
    }
}

char *text_write_size(uint64_t bytes)
{
    char *text = NULL;
    const unit *in = SIZES; /* its first rows are the binary units, largest first */
    while (in->shift > 0 && bytes >> in->shift == 0) {
        in++;
    }
    uint64_t rest = in->shift > 0 ? bytes & ((1ull << in->shift) - 1) : 0;
    unsigned hundredths =
        (unsigned)((in->shift > 40 ? rest >> 20 : rest) * 100 >> (in->shift > 40 ? in->shift - 20 : in->shift));
    int got;
    if (hundredths == 0) {
        got = asprintf(&text, "%" PRIu64 " %s", bytes >> in->shift, bytes == 1 ? "byte" : in->name);
    } else {
        got = asprintf(&text, "%" PRIu64 ".%02u %s", bytes >> in->shift, hundredths, in->name);
    }
    return got < 0 ? NULL : text;
}

char *text_write_duration(uint64_t microseconds)
{
    char *text = NULL;
    uint64_t seconds = microseconds / 1000000;
    int got;
    if (seconds >= 86400) {
        got = asprintf(&text, "%" PRIu64 " d %" PRIu64 " h", seconds / 86400, seconds % 86400 / 3600);
    } else if (seconds >= 3600) {
        got = asprintf(&text, "%" PRIu64 " h %" PRIu64 " min", seconds / 3600, seconds % 3600 / 60);
    } else if (seconds >= 60) {
        got = asprintf(&text, "%" PRIu64 " min %" PRIu64 " s", seconds / 60, seconds % 60);
    } else {
        got = asprintf(&text, "%" PRIu64 ".%03" PRIu64 " s", seconds, microseconds % 1000000 / 1000);
    }
    return got < 0 ? NULL : text;
}
