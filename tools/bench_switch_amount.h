/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_BENCH_SWITCH_AMOUNT_H
#define TOOLS_BENCH_SWITCH_AMOUNT_H

/* Arithmetic of the hand-written switch: limbs of 64 bits, as many as a stored amount and one sum need. Nothing
 * overflows: operands are amounts of at most 160 bytes, whose sum has the limbs for it. */

#include "bench_switch.h"

void switch_amount_copy(switch_amount *out, const switch_amount *a);
/* out may not be a or b. */
void switch_amount_add(switch_amount *out, const switch_amount *a, const switch_amount *b);
void switch_amount_subtract(switch_amount *out, const switch_amount *a, const switch_amount *b);
/* Below, at or above 0 as a is below, equal to or above b. */
int switch_amount_compare(const switch_amount *a, const switch_amount *b);
/* Euclidean quotient; b is not zero. False: it is negative or over 64 bits. */
bool switch_amount_divide(uint64_t *quotient, const switch_amount *a, const switch_amount *b);
/* At most 127 bytes of magnitude. */
bool switch_amount_storable(const switch_amount *a);

#endif
