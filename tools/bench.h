/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_BENCH_H
#define TOOLS_BENCH_H

/* dealfsm-bench: what it was told, what it found. */

#include <jansson.h>

#include <dealfsm/host.h>

#include "bench_measure.h"
#include "bench_subject.h"

/* Exit codes. */
enum {
    BENCH_DONE = 0,
    BENCH_FAILED = 1, /* a measurement could not be made, or a deal did not end as it must */
    BENCH_USAGE = 2,  /* wrong usage, or no module */
    BENCH_NO_GO = 3   /* reference: the program `go` is not there */
};

/* Stores of durable, and how many numbers of deals it takes at most. */
enum { BENCH_SQLITE, BENCH_LEVELDB, BENCH_STORES, BENCH_SIZES_MAX = 8 };

typedef struct bench_options {
    const char *module; /* path of the file */
    const char *source; /* reference: folder of its Go program */
    double seconds;     /* for all that is timed and repeated */
    uint32_t idle_deals;
    const char *to; /* swap: path of the other module */
    uint32_t deals; /* swap: so many move; durable: so many are resumed */
    bool json;
    const char *scratch; /* where files are made; NULL: TMPDIR, else the present folder */
    uint32_t stores;     /* durable: 1 << BENCH_SQLITE | 1 << BENCH_LEVELDB */
    uint32_t sizes_count;
    uint32_t sizes[BENCH_SIZES_MAX]; /* durable: deals at a time */
} bench_options;

/* ---- step: rows and columns */
enum { SUBJECT_SWITCH, SUBJECT_FSM, SUBJECT_DISPATCH, SUBJECT_SUBSCRIBED, SUBJECTS };
enum { SIZES = 3, THREADS = 4 };
extern const uint32_t bench_sizes[SIZES];     /* deals at a time */
extern const uint32_t bench_threads[THREADS]; /* numbers of threads */

typedef struct bench_idle {
    uint32_t deals;
    uint64_t stored_bytes; /* of one record */
    double resident_bytes; /* per deal: what the process grew by */
    double counted_bytes;  /* per deal: the module's memory_bytes */
    double creates_a_second;
    double forgets_a_second;
} bench_idle;

typedef struct bench_step {
    const bench_options *options;
    dealfsm_host *host;
    dealfsm_module_info info;
    const bench_subject *fsm;              /* NULL: not there */
    char fsm_missing[512];                 /* then: why */
    bench_samples path[SUBJECTS][SIZES];   /* ns an event */
    uint64_t allocations[SUBJECTS][SIZES]; /* in all these samples */
    uint64_t events[SUBJECTS][SIZES];
    bench_samples own[THREADS]; /* events a second, of all threads */
    bench_samples shared[THREADS];
    uint64_t record_bytes;        /* stored bytes of the record read and written */
    bench_samples encode, decode; /* ns */
    bench_idle idle;
    dealfsm_error error; /* what failed */
} bench_step;

/* Each measures and fills its part; false: error says what failed. */
bool bench_measure_idle(bench_step *b);
bool bench_measure_path(bench_step *b, double seconds);
bool bench_measure_threads(bench_step *b, double seconds);
bool bench_measure_record(bench_step *b, double seconds);

/* Prints what was found, as text or JSON. */
void bench_print_step(const bench_step *b);

/* Runs a whole command; returns an exit code. */
int bench_run_step(const bench_options *options);
int bench_run_reference(const bench_options *options);
int bench_run_durable(const bench_options *options);
int bench_run_swap(const bench_options *options);

/* Loads the module; a code of BENCH_… and *b, NULL unless BENCH_DONE. What hinders is printed. */
int bench_open(const bench_options *options, bench_step **b);
void bench_close(bench_step *b);

/* Which machine this is: processor, its number, system, compiler. A new reference. */
json_t *bench_this_machine(void);

/* Notes the first failure; always false. */
bool bench_fail(dealfsm_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
