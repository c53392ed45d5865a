/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_BENCH_DURABLE_H
#define TOOLS_BENCH_DURABLE_H

/* dealfsm-bench durable: the path on durable stores, beside bare loops that write the same, and the reference. */

#include "bench.h"
#include "bench_puts.h"

enum { DURABLE_ROWS_MAX = BENCH_STORES * 2 * BENCH_SIZES_MAX };

/* One number of deals on one store. Samples are turns of all subjects, one after the other. */
typedef struct durable_row {
    const char *store; /* "sqlite", "leveldb" */
    bool history;
    uint32_t deals;     /* at a time */
    uint32_t in_turn;   /* so often one after the other in a sample */
    bench_samples ours; /* events a second */
    bench_samples bare;
    bench_samples append;
    bench_samples to_bare, to_append; /* ours as part of them, turn by turn */
    bench_samples batch;              /* puts in a commit, on average */
    bench_samples puts;               /* puts of an event, on average */
    bench_samples ours_cpu, bare_cpu; /* ns of all processors together for an event */
    bench_samples committing;         /* part of the time in which the store's writer was in a commit */
} durable_row;

/* A lone deal: from dispatch until the subscriber hears of the event. */
typedef struct durable_latency {
    const char *store;
    uint32_t count;
    double median_ns, high_ns, max_ns;                      /* high: 99 % are not above it */
    double append_median_ns, append_high_ns, append_max_ns; /* a bare append and fdatasync of the same bytes */
} durable_latency;

typedef struct durable_resume {
    const char *store;
    uint32_t deals;
    double open_ns; /* the store */
    double all_ns;  /* until all deals are back: the store, the machine, the rows */
} durable_resume;

/* The reference on LevelDB, each write synced, as nodes have it. */
typedef struct durable_reference {
    uint32_t deals;
    bench_samples ns;  /* an event */
    bench_samples cpu; /* the same, of all processors together */
} durable_reference;

typedef struct bench_durable {
    const bench_options *options;
    dealfsm_host *host; /* to look at the module and take its puts */
    bench_puts puts;
    bench_place place;
    dealfsm_module_info info;
    uint32_t files; /* made in the place so far */
    uint32_t rows_count;
    durable_row rows[DURABLE_ROWS_MAX];
    uint32_t stores_count;
    durable_latency latency[BENCH_STORES];
    durable_resume resume[BENCH_STORES];
    char program[BENCH_PATH];    /* of the reference; empty: not there */
    char reference_missing[256]; /* then: why */
    char go[64];                 /* its version */
    durable_reference references[BENCH_SIZES_MAX];
    dealfsm_error error; /* what failed */
} bench_durable;

/* Each measures one row, with its first members set; false: error says what failed. */
bool bench_measure_durable(bench_durable *b, durable_row *row, double seconds);
bool bench_measure_latency(bench_durable *b, durable_latency *row, double seconds);
bool bench_measure_resume(bench_durable *b, durable_resume *row);

/* A name in the place that nobody has used, and the URL of a store there. */
void bench_durable_name(bench_durable *b, char *name, size_t size);
void bench_durable_url(bench_durable *b, const char *kind, char *url, size_t size);

void bench_print_durable(const bench_durable *b);

#endif
