/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "amount.h"

/* Divides limbs in place by a single limb that is not 0 and returns the remainder. */
static uint32_t divide_by_limb(uint32_t *limbs, uint32_t count, uint32_t divisor)
{
    uint64_t remainder = 0;
    for (uint32_t i = count; i > 0; i--) {
        remainder = remainder << 32 | limbs[i - 1];
        limbs[i - 1] = (uint32_t)(remainder / divisor);
        remainder %= divisor;
    }
    return (uint32_t)remainder;
}

/* Writes the limbs of a, shifted left by 0 to 31 bits, and one limb more on top. */
static void shift_left(uint32_t *out, const fsm_amount *a, uint32_t bits)
{
    uint32_t carry = 0;
    for (uint32_t i = 0; i < a->used; i++) {
        uint64_t wide = (uint64_t)a->limb[i] << bits | carry;
        out[i] = (uint32_t)wide;
        carry = (uint32_t)(wide >> 32);
    }
    out[a->used] = carry;
}

/* One digit of a long division (Knuth, The Art of Computer Programming, 4.3.1, algorithm D): divides part [0, count]
 * by divisor [0, count), whose highest bit is set, leaves the remainder in part and returns the digit. count is 2 or
 * more. */
static uint32_t divide_digit(uint32_t *part, const uint32_t *divisor, uint32_t count)
{
    uint64_t head = (uint64_t)part[count] << 32 | part[count - 1];
    uint64_t digit = head / divisor[count - 1];
    uint64_t rest = head % divisor[count - 1];
    while (digit > UINT32_MAX || digit * divisor[count - 2] > (rest << 32 | part[count - 2])) {
        digit--;
        rest += divisor[count - 1];
        if (rest > UINT32_MAX)
            break;
    }
    uint64_t carry = 0;
    uint64_t borrow = 0;
    for (uint32_t i = 0; i <= count; i++) {
        carry += i < count ? digit * divisor[i] : 0;
        uint64_t difference = (uint64_t)part[i] - (uint32_t)carry - borrow;
        part[i] = (uint32_t)difference;
        borrow = difference >> 63;
        carry >>= 32;
    }
    if (borrow == 0)
        return (uint32_t)digit;
    carry = 0; /* the estimate was one too high */
    for (uint32_t i = 0; i < count; i++) {
        carry += (uint64_t)part[i] + divisor[i];
        part[i] = (uint32_t)carry;
        carry >>= 32;
    }
    part[count] += (uint32_t)carry;
    return (uint32_t)(digit - 1);
}

static uint64_t two_limbs(const fsm_amount *a)
{
    return a->used == 0 ? 0 : a->used == 1 ? a->limb[0] : (uint64_t)a->limb[1] << 32 | a->limb[0];
}

/* |a| / |b| where b has two limbs or more and a has up to two more; the quotient has three limbs. */
static void divide_long(uint32_t quotient[3], bool *exact, const fsm_amount *a, const fsm_amount *b)
{
    uint32_t dividend[FSM_AMOUNT_LIMBS + 1];
    uint32_t divisor[FSM_AMOUNT_LIMBS + 1];
    uint32_t bits = 0;
    while (b->limb[b->used - 1] << bits >> 31 == 0)
        bits++;
    shift_left(dividend, a, bits);
    shift_left(divisor, b, bits);
    for (uint32_t i = a->used - b->used + 1; i > 0; i--)
        quotient[i - 1] = divide_digit(dividend + i - 1, divisor, b->used);
    *exact = true;
    for (uint32_t i = 0; i < b->used; i++)
        *exact = *exact && dividend[i] == 0;
}

/* |a| / |b|, rounded down, and whether nothing is left. False: the quotient is over 64 bits. */
static bool divide_magnitudes(uint64_t *quotient, bool *exact, const fsm_amount *a, const fsm_amount *b)
{
    if (a->used <= 2 && b->used <= 2) {
        *quotient = two_limbs(a) / two_limbs(b);
        *exact = two_limbs(a) % two_limbs(b) == 0;
        return true;
    }
    if (a->used < b->used) {
        *quotient = 0;
        *exact = a->used == 0;
        return true;
    }
    if (a->used - b->used > 2)
        return false;
    uint32_t digits[3] = {0, 0, 0};
    if (b->used == 1) {
        for (uint32_t i = 0; i < a->used; i++)
            digits[i] = a->limb[i];
        *exact = divide_by_limb(digits, a->used, b->limb[0]) == 0;
    } else {
        divide_long(digits, exact, a, b);
    }
    *quotient = (uint64_t)digits[1] << 32 | digits[0];
    return digits[2] == 0;
}

bool fsm_amount_div_u64(uint64_t *quotient, const fsm_amount *a, const fsm_amount *b)
{
    uint64_t magnitude;
    bool exact;
    if (!divide_magnitudes(&magnitude, &exact, a, b))
        return false;
    if (a->negative && !exact) { /* the remainder must not be negative: one step away from zero */
        if (magnitude == UINT64_MAX)
            return false;
        magnitude++;
    }
    if (magnitude != 0 && a->negative != b->negative)
        return false;
    *quotient = magnitude;
    return true;
}

uint32_t fsm_amount_decimal(const fsm_amount *a, char *buffer)
{
    uint32_t limbs[FSM_AMOUNT_LIMBS];
    char digits[FSM_AMOUNT_DECIMAL_MAX + 9]; /* groups of nine digits, the last digit first */
    uint32_t used = a->used;
    uint32_t count = 0;
    for (uint32_t i = 0; i < used; i++)
        limbs[i] = a->limb[i];
    do {
        uint32_t group = divide_by_limb(limbs, used, 1000000000);
        while (used > 0 && limbs[used - 1] == 0)
            used--;
        for (uint32_t i = 0; i < 9; i++, group /= 10)
            digits[count++] = (char)('0' + group % 10);
    } while (used > 0);
    while (count > 1 && digits[count - 1] == '0')
        count--;
    uint32_t length = 0;
    if (a->negative)
        buffer[length++] = '-';
    while (count > 0)
        buffer[length++] = digits[--count];
    buffer[length] = '\0';
    return length;
}
