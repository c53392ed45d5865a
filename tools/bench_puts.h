/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_BENCH_PUTS_H
#define TOOLS_BENCH_PUTS_H

/* What a deal on the 14-event path puts, and loops that write it to a file or database with nothing else around:
 * the yardsticks of dealfsm-bench durable. */

#include <dealfsm/stores.h>
#include <stddef.h>

#include "bench_path.h"
#include "bench_place.h"

/* The first put makes the deal, then comes one for each event. Ids have seven digits everywhere, so that all deals have
 * rows of one size. */
enum { PUTS = PATH_EVENTS + 1, PUTS_FIRST_DEAL = 1000001, PUTS_LAST_DEAL = 9999999 };

typedef struct bench_pairs bench_pairs;
typedef struct bench_puts {
    const dealfsm_functions *functions; /* of the module that made them */
    uint32_t count;
    dealfsm_put puts[PUTS]; /* of deal PUTS_FIRST_DEAL - 1 */
    void *memory[PUTS];
    bench_pairs *pairs[2]; /* bench_pairs.h: with history, and without */
} bench_puts;

bool bench_puts_take(bench_puts *puts, const char *module, dealfsm_host *host, dealfsm_error *error);
void bench_puts_free(bench_puts *puts);
/* Writes put number k to a store of stores.h and waits. */
bool bench_puts_write(const bench_puts *puts, uint32_t k, dealfsm_store *store, dealfsm_error *error);

/* ---- Loops. A loop writes puts of any deals to a file of its own, as many in a durable commit as the caller likes. */
typedef struct bench_loop_place {
    bench_puts *puts;
    const bench_place *place;
    const char *name; /* of its file in the place */
    uint32_t flags;   /* DEALFSM_STORE_NO_HISTORY or 0 */
} bench_loop_place;

typedef struct bench_loop {
    void *(*open)(const bench_loop_place *where, dealfsm_error *error);
    bool (*begin)(void *self);
    bool (*put)(void *self, uint64_t deal, uint32_t k);
    bool (*commit)(void *self);
    /* After a false. */
    void (*explain)(void *self, dealfsm_error *error);
    void (*close)(void *self);
} bench_loop;

extern const bench_loop bench_loop_append, bench_loop_sqlite, bench_loop_leveldb;

/* Puts [from, to) of deals [first, first + count): each of all of them before the next. */
bool bench_loop_run(const bench_loop *loop, void *self, uint64_t first, uint32_t count, uint32_t from, uint32_t to,
                    uint32_t batch, dealfsm_error *error);

#endif
