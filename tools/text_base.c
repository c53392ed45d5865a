/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Base32 (RFC 4648, lowercase, no padding), base58 (Bitcoin's alphabet) and hex. Base58 is a change of radix, which GMP does;
 * only its digits have other names there. */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

static const char BASE32[] = "abcdefghijklmnopqrstuvwxyz234567";
static const char BASE58[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
static const char GMP_DIGITS[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuv";

enum { TEXT_MAX = 1024 }; /* characters: base58 takes quadratic time, and nothing real is longer */

bool text_refuse(text_why *why, const char *format, ...)
{
    if (why != NULL) {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(why->text, sizeof why->text, format, args);
        va_end(args);
    }
    return false;
}

void text_bytes_free(text_bytes *bytes)
{
    free(bytes->data);
    *bytes = (text_bytes){0};
}

static bool allocate(text_bytes *out, size_t len, text_why *why)
{
    out->data = malloc(len > 0 ? len : 1);
    out->len = len;
    return out->data != NULL || text_refuse(why, "out of memory");
}

static bool refuse_digit(text_why *why, const char *what, const char *text, size_t at)
{
    return text_refuse(why, "expected %s, found the character '%.1s' at position %zu", what, text + at, at + 1);
}

bool text_base32_read(const char *text, text_bytes *out, text_why *why)
{
    text_bytes bytes;
    size_t count = strlen(text);
    if (!allocate(&bytes, count * 5 / 8, why)) {
        return false;
    }
    uint32_t bits = 0;
    unsigned have = 0;
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        const char *digit = strchr(BASE32, text[i]);
        if (digit == NULL) {
            free(bytes.data);
            return refuse_digit(why, "base32 (a to z, 2 to 7)", text, i);
        }
        bits = bits << 5 | (uint32_t)(digit - BASE32);
        have += 5;
        if (have >= 8) {
            have -= 8;
            bytes.data[at++] = (uint8_t)(bits >> have);
            bits &= (1u << have) - 1;
        }
    }
    if (have >= 5 || bits != 0) {
        free(bytes.data);
        return text_refuse(why, "expected whole bytes in base32, found %zu characters with bits left over", count);
    }
    *out = bytes;
    return true;
}

char *text_base32_write(const uint8_t *data, size_t len)
{
    char *text = malloc((len * 8 + 4) / 5 + 1);
    if (text == NULL) {
        return NULL;
    }
    uint32_t bits = 0;
    unsigned have = 0;
    size_t at = 0;
    for (size_t i = 0; i < len; i++) {
        bits = (bits << 8 | data[i]) & 0xfff;
        for (have += 8; have >= 5; have -= 5) {
            text[at++] = BASE32[bits >> (have - 5) & 31];
        }
    }
    if (have > 0) {
        text[at++] = BASE32[bits << (5 - have) & 31];
    }
    text[at] = '\0';
    return text;
}

/* Renames the digits of one alphabet to those of another; the place of the first unknown one, or -1. */
static long rename_digits(char *text, const char *from, const char *to)
{
    for (size_t i = 0; text[i] != '\0'; i++) {
        const char *digit = strchr(from, text[i]);
        if (digit == NULL) {
            return (long)i;
        }
        text[i] = to[digit - from];
    }
    return -1;
}

bool text_base58_read(const char *text, text_bytes *out, text_why *why)
{
    size_t count = strlen(text);
    size_t zeros = strspn(text, "1");
    if (count > TEXT_MAX) {
        return text_refuse(why, "expected at most %d characters, found %zu", TEXT_MAX, count);
    }
    char digits[TEXT_MAX + 2] = "0";
    memcpy(digits + 1, text, count + 1);
    long wrong = rename_digits(digits + 1, BASE58, GMP_DIGITS);
    if (wrong >= 0) {
        return refuse_digit(why, "base58 (no 0, O, I or l)", text, (size_t)wrong);
    }
    mpz_t number;
    mpz_init_set_str(number, digits, 58);
    size_t magnitude = mpz_sgn(number) == 0 ? 0 : mpz_sizeinbase(number, 256);
    text_bytes bytes;
    bool ok = allocate(&bytes, zeros + magnitude, why);
    if (ok) {
        memset(bytes.data, 0, zeros);
        mpz_export(bytes.data + zeros, NULL, 1, 1, 1, 0, number);
        *out = bytes;
    }
    mpz_clear(number);
    return ok;
}

char *text_base58_write(const uint8_t *data, size_t len)
{
    size_t zeros = 0;
    while (zeros < len && data[zeros] == 0) {
        zeros++;
    }
    mpz_t number;
    mpz_init(number);
    mpz_import(number, len, 1, 1, 1, 0, data);
    size_t digits = mpz_sgn(number) == 0 ? 0 : mpz_sizeinbase(number, 58);
    char *text = malloc(zeros + digits + 2); /* the size may be one too much, and a sign is reckoned with */
    if (text != NULL) {
        memset(text, '1', zeros);
        text[zeros] = '\0';
        if (digits > 0) {
            mpz_get_str(text + zeros, 58, number);
            (void)rename_digits(text + zeros, GMP_DIGITS, BASE58);
        }
    }
    mpz_clear(number);
    return text;
}

bool text_read_hex(const char *text, text_bytes *out, text_why *why)
{
    static const char digits[] = "0123456789abcdef";
    size_t count = strlen(text);
    size_t good = strspn(text, digits);
    if (good != count) {
        return refuse_digit(why, "lowercase hex", text, good);
    }
    if (count % 2 != 0) {
        return text_refuse(why, "expected two hex digits a byte, found %zu digits", count);
    }
    text_bytes bytes;
    if (!allocate(&bytes, count / 2, why)) {
        return false;
    }
    for (size_t i = 0; i < bytes.len; i++) {
        bytes.data[i] =
            (uint8_t)((strchr(digits, text[2 * i]) - digits) << 4 | (strchr(digits, text[2 * i + 1]) - digits));
    }
    *out = bytes;
    return true;
}
