/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_BENCH_MODULE_H
#define TOOLS_BENCH_MODULE_H

/* A machine of the module under measurement, with an environment that answers each op inside the call. */

#include "bench_path.h"
#include "bench_subject.h"

typedef struct bench_machine bench_machine;

/* Opens a machine, with or without a subscriber to all deals. NULL: *error says why. */
bench_machine *bench_machine_open(const dealfsm_functions *functions, bool subscribed, dealfsm_error *error);
/* Closes it with all its deals. NULL: nothing. */
void bench_machine_close(bench_machine *m);
dealfsm_machine *bench_machine_inner(const bench_machine *m);
const dealfsm_functions *bench_machine_functions(const bench_machine *m);
/* What its subscriber has heard. */
uint64_t bench_machine_notices(const bench_machine *m);

/* Deals of a machine; several threads may have sets of their own in one machine. */
typedef struct bench_deals {
    bench_machine *machine;
    const dealfsm_record_v1 *record; /* to look at how deals have ended */
    uint64_t first;                  /* id of deal 0 */
    dealfsm_error error;             /* the first failure; code 0: none */
} bench_deals;

/* Deals with ids from first on. */
void bench_deals_begin(bench_deals *d, bench_machine *machine, const dealfsm_record_v1 *record, uint64_t first);
bool bench_deals_create(bench_deals *d, const dealfsm_record *terms, uint32_t count);
/* Hands in steps [from, to) of the path, each to all deals [first, first + count) before the next. */
void bench_deals_run(bench_deals *d, uint32_t first, uint32_t count, uint32_t from, uint32_t to);
/* Whether nothing has failed and they all have ended as they must. */
bool bench_deals_ended_well(bench_deals *d, uint32_t count);
/* Forgets them; the next ones get new ids. */
bool bench_deals_forget(bench_deals *d, uint32_t count);

/* The 14-event path through a machine; ctx is a bench_deals that has begun. */
extern const bench_subject bench_subject_module;

#endif
