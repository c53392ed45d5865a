/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_BENCH_PAIRS_H
#define TOOLS_BENCH_PAIRS_H

/* What a store on LevelDB writes for each put of the path. */

#include "bench_puts.h"

enum { BENCH_PAIRS_MAX = 8, BENCH_KEY_MAX = 128, BENCH_ID_DIGITS = 7 };

typedef struct bench_pair {
    char *key, *value;
    size_t key_len, value_len;
    size_t id_at; /* where in the key the deal's id stands */
    bool has_id;
} bench_pair;

struct bench_pairs {
    uint32_t counts[PUTS];
    bench_pair pairs[PUTS][BENCH_PAIRS_MAX];
};

/* Learned at the first asking, and kept with the puts. NULL: *error says why. */
const bench_pairs *bench_pairs_of(const bench_loop_place *where, dealfsm_error *error);
void bench_pairs_free(bench_pairs *pairs);

#endif
