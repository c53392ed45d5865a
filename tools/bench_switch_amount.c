/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bench_switch_amount.h"

__extension__ typedef unsigned __int128 wide;

enum { STORED_BYTES = 127 };

void switch_amount_load(switch_amount *out, switch_bytes stored)
{
    out->used = 0;
    out->negative = stored.size > 0 && stored.data[0] != 0;
    for (uint32_t left = stored.size; left > 1; out->used++) {
        uint64_t limb = 0;
        for (uint32_t shift = 0; shift < 64 && left > 1; shift += 8) {
            limb |= (uint64_t)stored.data[--left] << shift;
        }
        out->limb[out->used] = limb;
    }
}

void switch_amount_copy(switch_amount *out, const switch_amount *a)
{
    out->used = a->used;
    out->negative = a->negative;
    for (uint32_t i = 0; i < a->used; i++) {
        out->limb[i] = a->limb[i];
    }
}

static int compare_magnitudes(const switch_amount *a, const switch_amount *b)
{
    if (a->used != b->used) {
        return a->used < b->used ? -1 : 1;
    }
    for (uint32_t i = a->used; i-- > 0;) {
        if (a->limb[i] != b->limb[i]) {
            return a->limb[i] < b->limb[i] ? -1 : 1;
        }
    }
    return 0;
}

int switch_amount_compare(const switch_amount *a, const switch_amount *b)
{
    if (a->negative != b->negative) {
        return a->negative ? -1 : 1;
    }
    return a->negative ? compare_magnitudes(b, a) : compare_magnitudes(a, b);
}

static void add_magnitudes(switch_amount *out, const switch_amount *a, const switch_amount *b)
{
    const switch_amount *longer = a->used >= b->used ? a : b;
    const switch_amount *shorter = longer == a ? b : a;
    wide carry = 0;
    uint32_t i = 0;
    for (; i < shorter->used; i++) {
        carry += (wide)longer->limb[i] + shorter->limb[i];
        out->limb[i] = (uint64_t)carry;
        carry >>= 64;
    }
    for (; i < longer->used; i++) {
        carry += longer->limb[i];
        out->limb[i] = (uint64_t)carry;
        carry >>= 64;
    }
    if (carry != 0) {
        out->limb[i++] = (uint64_t)carry;
    }
    out->used = i;
}

static void subtract_magnitudes(switch_amount *out, const switch_amount *greater, const switch_amount *less)
{
    uint64_t borrow = 0;
    uint32_t used = 0;
    for (uint32_t i = 0; i < greater->used; i++) {
        const wide difference = (wide)greater->limb[i] - (i < less->used ? less->limb[i] : 0) - borrow;
        out->limb[i] = (uint64_t)difference;
        borrow = (uint64_t)(difference >> 64) & 1;
        if (out->limb[i] != 0) {
            used = i + 1;
        }
    }
    out->used = used;
}

static void add_signed(switch_amount *out, const switch_amount *a, const switch_amount *b, bool b_negative)
{
    if (a->negative == b_negative) {
        out->negative = a->negative;
        add_magnitudes(out, a, b);
    } else if (compare_magnitudes(a, b) >= 0) {
        subtract_magnitudes(out, a, b);
        out->negative = a->negative && out->used != 0;
    } else {
        subtract_magnitudes(out, b, a);
        out->negative = b_negative;
    }
}

void switch_amount_add(switch_amount *out, const switch_amount *a, const switch_amount *b)
{
    add_signed(out, a, b, b->negative);
}

void switch_amount_subtract(switch_amount *out, const switch_amount *a, const switch_amount *b)
{
    add_signed(out, a, b, b->used != 0 && !b->negative);
}

/* Quotient of magnitudes, bit by bit: prices of more than 64 bits are rare. False: over 64 bits. */
static bool divide_long(uint64_t *quotient, bool *exact, const switch_amount *a, const switch_amount *b)
{
    switch_amount rest = {.used = 0};
    *quotient = 0;
    for (uint32_t bit = a->used * 64; bit-- > 0;) {
        const switch_amount before = rest;
        add_magnitudes(&rest, &before, &before);
        if ((a->limb[bit / 64] >> bit % 64 & 1) != 0) {
            rest.limb[0] = rest.used == 0 ? 1 : rest.limb[0] | 1;
            rest.used = rest.used == 0 ? 1 : rest.used;
        }
        const bool fits = compare_magnitudes(&rest, b) >= 0;
        if (*quotient >> 63 != 0) {
            return false;
        }
        *quotient = *quotient << 1 | fits;
        if (fits) {
            const switch_amount reduced = rest;
            subtract_magnitudes(&rest, &reduced, b);
        }
    }
    *exact = rest.used == 0;
    return true;
}

static bool divide_magnitudes(uint64_t *quotient, bool *exact, const switch_amount *a, const switch_amount *b)
{
    if (a->used <= 1 && b->used == 1) {
        const uint64_t dividend = a->used == 0 ? 0 : a->limb[0];
        *quotient = dividend / b->limb[0];
        *exact = dividend % b->limb[0] == 0;
        return true;
    }
    return divide_long(quotient, exact, a, b);
}

bool switch_amount_divide(uint64_t *quotient, const switch_amount *a, const switch_amount *b)
{
    bool exact = false;
    if (!divide_magnitudes(quotient, &exact, a, b)) {
        return false;
    }
    if (a->negative && !exact) { /* the remainder is never negative */
        if (*quotient == UINT64_MAX) {
            return false;
        }
        ++*quotient;
    }
    return *quotient == 0 || a->negative == b->negative;
}

bool switch_amount_storable(const switch_amount *a)
{
    const uint32_t full = STORED_BYTES / 8; /* limbs; the next one has a byte less */
    return a->used <= full || (a->used == full + 1 && a->limb[full] >> 56 == 0);
}
