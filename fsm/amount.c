/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "amount.h"

/* Numbers as arrays of 32-bit limbs with 64-bit intermediates: nothing here is wider than a standard type. Lengths
 * follow the value, so a short amount costs a few instructions whatever FSM_AMOUNT_LIMBS is. */

static uint32_t read_big_endian(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void write_big_endian(uint8_t *bytes, uint32_t limb)
{
    bytes[0] = (uint8_t)(limb >> 24);
    bytes[1] = (uint8_t)(limb >> 16);
    bytes[2] = (uint8_t)(limb >> 8);
    bytes[3] = (uint8_t)limb;
}

static uint32_t bytes_of(uint32_t limb)
{
    return limb >> 24 != 0 ? 4 : limb >> 16 != 0 ? 3 : limb >> 8 != 0 ? 2 : 1;
}

bool fsm_amount_well_formed(fsm_bytes stored, uint32_t max)
{
    if (stored.size == 0)
        return true;
    return stored.size > 1 && stored.size <= max && stored.data[0] <= 1 && stored.data[1] != 0;
}

void fsm_amount_load(fsm_amount *out, fsm_bytes stored)
{
    out->used = 0;
    out->negative = false;
    if (stored.size == 0)
        return;
    out->negative = stored.data[0] != 0;
    uint32_t left = stored.size - 1;
    for (; left >= 4; left -= 4)
        out->limb[out->used++] = read_big_endian(stored.data + 1 + left - 4);
    if (left > 0) {
        uint32_t top = 0;
        for (uint32_t i = 1; i <= left; i++)
            top = top << 8 | stored.data[i];
        out->limb[out->used++] = top;
    }
}

bool fsm_amount_store(const fsm_amount *a, uint32_t max, uint8_t *buffer, fsm_bytes *out)
{
    out->data = buffer;
    out->size = 0;
    if (a->used == 0)
        return true;
    uint32_t top = a->limb[a->used - 1];
    uint32_t top_bytes = bytes_of(top);
    uint32_t size = 1 + top_bytes + 4 * (a->used - 1);
    if (size > max)
        return false;
    buffer[0] = a->negative ? 1 : 0;
    for (uint32_t i = 0; i < top_bytes; i++)
        buffer[1 + i] = (uint8_t)(top >> 8 * (top_bytes - 1 - i));
    uint8_t *next = buffer + 1 + top_bytes;
    for (uint32_t i = a->used - 1; i > 0; i--, next += 4)
        write_big_endian(next, a->limb[i - 1]);
    out->size = size;
    return true;
}

static int compare_magnitudes(const fsm_amount *a, const fsm_amount *b)
{
    if (a->used != b->used)
        return a->used < b->used ? -1 : 1;
    for (uint32_t i = a->used; i > 0; i--) {
        if (a->limb[i - 1] != b->limb[i - 1])
            return a->limb[i - 1] < b->limb[i - 1] ? -1 : 1;
    }
    return 0;
}

int fsm_amount_cmp(const fsm_amount *a, const fsm_amount *b)
{
    if (a->negative != b->negative)
        return a->negative ? -1 : 1;
    return a->negative ? compare_magnitudes(b, a) : compare_magnitudes(a, b);
}

/* |longer| + |shorter|; longer->used is not below shorter->used. */
static bool add_magnitudes(fsm_amount *out, const fsm_amount *longer, const fsm_amount *shorter)
{
    uint32_t used = longer->used;
    uint32_t shorter_used = shorter->used;
    uint64_t carry = 0;
    for (uint32_t i = 0; i < used; i++) {
        carry += (uint64_t)longer->limb[i] + (i < shorter_used ? shorter->limb[i] : 0);
        out->limb[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry != 0) {
        if (used == FSM_AMOUNT_LIMBS)
            return false;
        out->limb[used++] = (uint32_t)carry;
    }
    out->used = used;
    return true;
}

/* |greater| - |less|. */
static void subtract_magnitudes(fsm_amount *out, const fsm_amount *greater, const fsm_amount *less)
{
    uint32_t used = greater->used;
    uint32_t less_used = less->used;
    uint64_t borrow = 0;
    for (uint32_t i = 0; i < used; i++) {
        uint64_t difference = (uint64_t)greater->limb[i] - (i < less_used ? less->limb[i] : 0) - borrow;
        out->limb[i] = (uint32_t)difference;
        borrow = difference >> 63;
    }
    while (used > 0 && out->limb[used - 1] == 0)
        used--;
    out->used = used;
}

static bool add_with_sign(fsm_amount *out, const fsm_amount *a, const fsm_amount *b, bool b_negative)
{
    bool a_negative = a->negative;
    if (a_negative == b_negative) {
        out->negative = a_negative;
        return a->used >= b->used ? add_magnitudes(out, a, b) : add_magnitudes(out, b, a);
    }
    bool a_is_less = compare_magnitudes(a, b) < 0;
    if (a_is_less)
        subtract_magnitudes(out, b, a);
    else
        subtract_magnitudes(out, a, b);
    out->negative = out->used != 0 && (a_is_less ? b_negative : a_negative);
    return true;
}

bool fsm_amount_add(fsm_amount *out, const fsm_amount *a, const fsm_amount *b)
{
    return add_with_sign(out, a, b, b->negative);
}

bool fsm_amount_sub(fsm_amount *out, const fsm_amount *a, const fsm_amount *b)
{
    return add_with_sign(out, a, b, b->used != 0 && !b->negative);
}

bool fsm_amount_mul_u64(fsm_amount *out, const fsm_amount *a, uint64_t b)
{
    uint64_t low = (uint32_t)b;
    uint64_t high = b >> 32;
    uint32_t a_used = a->used;
    uint32_t used = 0;
    uint32_t before = 0; /* the limb of a below this one: out may be a */
    uint64_t low_carry = 0;
    uint64_t high_carry = 0;
    out->negative = a->negative && b != 0;
    for (uint32_t i = 0; i < a_used + 2; i++) {
        uint32_t limb = i < a_used ? a->limb[i] : 0;
        uint64_t by_low = limb * low + low_carry;
        uint64_t by_high = before * high + high_carry + (uint32_t)by_low;
        low_carry = by_low >> 32;
        high_carry = by_high >> 32;
        before = limb;
        uint32_t digit = (uint32_t)by_high;
        if (i < FSM_AMOUNT_LIMBS)
            out->limb[i] = digit;
        else if (digit != 0)
            return false;
        if (digit != 0)
            used = i + 1;
    }
    out->used = used;
    return true;
}
