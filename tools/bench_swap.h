/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_BENCH_SWAP_H
#define TOOLS_BENCH_SWAP_H

/* dealfsm-bench swap: idle deals move from one generation to another, and are held for a moment each. */

#include "bench.h"

enum { SWAP_STORES = 3, SWAP_WAYS = 2, SWAP_ROWS = SWAP_STORES * SWAP_WAYS };

/* One swap. A pause lasts from the freeze of a deal until it goes on. */
typedef struct bench_swap_row {
    const char *store; /* "none", "sqlite", "leveldb" */
    bool other;        /* to the module of --to; else to a second machine of the same module */
    double prepare_ns; /* all deals: to PREPARED */
    double move_ns;    /* all deals: from PREPARED to COMMITTED */
    double median_ns;  /* pauses */
    double high_ns;    /* 99.9 % of them are not above it */
    double max_ns;
} bench_swap_row;

typedef struct bench_swap {
    const bench_options *options;
    char from[64], to[64]; /* machine versions */
    bench_swap_row rows[SWAP_ROWS];
    dealfsm_error error; /* what failed */
} bench_swap;

/* Measures one row, whose store and way are set; false: error says what failed. */
bool bench_measure_swap(bench_swap *b, bench_swap_row *row);


#endif
