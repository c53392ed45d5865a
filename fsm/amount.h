/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef FSM_AMOUNT_H
#define FSM_AMOUNT_H

/* Token amounts: signed integers of attoFIL (1 FIL = 10^18), wide enough that no intermediate result of a machine can
 * overflow: an operand is at most 160 bytes (1,280 bits) when it comes in, and what is stored at most 127 bytes of
 * magnitude. Stored form: empty for zero, else a sign byte (00 or 01) and the magnitude, big-endian, no leading zero.
 * Source: spec page v0.5.6, "Stored bytes". */

#include <stdbool.h>
#include <stdint.h>

/* Bytes that somebody else owns. data NULL: none; size 0 with data: empty. */
typedef struct fsm_bytes {
    const uint8_t *data;
    uint32_t size;
} fsm_bytes;

enum {
    FSM_AMOUNT_LIMBS = 40,            /* of 32 bits */
    FSM_AMOUNT_STORED_MAX = 128,      /* bytes of an amount in a record, with its sign byte */
    FSM_AMOUNT_INPUT_MAX = 160,       /* bytes of an amount as an argument, with its sign byte */
    FSM_AMOUNT_DECIMAL_MAX = 388      /* characters of the longest decimal text, with sign and NUL */
};

/* Empty bytes; and bytes as they are, but empty instead of none. */
static inline fsm_bytes fsm_empty(void)
{
    return (fsm_bytes){(const uint8_t *)"", 0};
}

static inline fsm_bytes fsm_or_empty(fsm_bytes bytes)
{
    return bytes.data != 0 ? bytes : fsm_empty();
}

/* limbs [0, used) count, least significant first, the highest of them not 0; zero: used 0, not negative. What lies
 * above used is not defined. */
typedef struct fsm_amount {
    uint32_t used;
    bool negative;
    uint32_t limb[FSM_AMOUNT_LIMBS];
} fsm_amount;

/* False: not the stored form (sign byte, leading zero, minus zero) or longer than `max` bytes. */
bool fsm_amount_well_formed(fsm_bytes stored, uint32_t max);
/* The stored form must be well formed with at most FSM_AMOUNT_INPUT_MAX bytes. */
void fsm_amount_load(fsm_amount *out, fsm_bytes stored);
/* Writes the stored form to buffer (FSM_AMOUNT_INPUT_MAX bytes) and returns it; false: more than `max` bytes. */
bool fsm_amount_store(const fsm_amount *a, uint32_t max, uint8_t *buffer, fsm_bytes *out);

/* False: the result would not fit FSM_AMOUNT_LIMBS; *out is then not defined. out may be a or b. */
bool fsm_amount_add(fsm_amount *out, const fsm_amount *a, const fsm_amount *b);
bool fsm_amount_sub(fsm_amount *out, const fsm_amount *a, const fsm_amount *b);
bool fsm_amount_mul_u64(fsm_amount *out, const fsm_amount *a, uint64_t b);
/* Euclidean quotient (it leaves a remainder in [0, |b|)), as Go's big.Int.Div; b must not be zero. False: the
 * quotient is negative or over 64 bits. */
bool fsm_amount_div_u64(uint64_t *quotient, const fsm_amount *a, const fsm_amount *b);
/* Below, at or above 0 as a is below, equal to or above b. */
int fsm_amount_cmp(const fsm_amount *a, const fsm_amount *b);
/* Decimal text, "-" in front when negative; returns its length; buffer has FSM_AMOUNT_DECIMAL_MAX characters. */
uint32_t fsm_amount_decimal(const fsm_amount *a, char *buffer);

#endif
