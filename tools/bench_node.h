/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_BENCH_NODE_H
#define TOOLS_BENCH_NODE_H

/* A host with one machine on a durable store, as a node has it: puts pend, results come by the worker pool. Its
 * environment answers each op inside the call. */

#include <dealfsm/stores.h>
#include <pthread.h>
#include <stdatomic.h>

#include "bench_path.h"

typedef struct bench_node {
    dealfsm_host *host;
    dealfsm_store *store;
    const dealfsm_record_v1 *record;
    dealfsm_environment environment;
    double store_ns; /* that it took to open the store */
    dealfsm_error *error;
    atomic_uint_fast32_t up_to;   /* events of the path that are handed in */
    atomic_uint_fast64_t awaited; /* applied events that have still to be told */
    pthread_mutex_t lock;
    pthread_cond_t come; /* the last of them was */
} bench_node;

/* False: error says why; to be closed nevertheless. */
bool bench_node_open(bench_node *n, const char *module, const char *url, uint32_t store_flags, dealfsm_error *error);
void bench_node_close(bench_node *n);

/* Creates deals [first, first + count) and waits until they are durable. */
bool bench_node_create(bench_node *n, uint64_t first, uint32_t count);
/* Takes them along the path, all side by side, up to so many events of each: the next event that has to be handed in
 * is, as soon as the subscriber hears of the one before. */
bool bench_node_run(bench_node *n, uint64_t first, uint32_t count, uint32_t events);
/* Hands one event to one deal and waits until it is told. */
bool bench_node_one(bench_node *n, uint64_t deal, const dealfsm_event *event);
/* Whether they all have ended as the path does; then the host forgets them. */
bool bench_node_end(bench_node *n, uint64_t first, uint32_t count);

#endif
