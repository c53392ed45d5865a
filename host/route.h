/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef HOST_ROUTE_H
#define HOST_ROUTE_H

/* Which generation has which deal: a hash table in shards, each with its lock. All deals of the host are in it, but
 * with one generation open nobody need ask. An entry is `claimed` by the one call that is about to bring the deal in
 * or take it away. */

#include <dealfsm/base.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum { HOST_SHARDS = 64, HOST_CACHE_LINE = 64 };

struct host_generation;
struct host_move;

typedef struct host_route {
    uint64_t deal;
    struct host_generation *generation; /* NULL: the slot is empty */
    struct host_move *move;             /* or NULL: swap.h */
    bool claimed;
    bool waking;  /* restored from a store, about to be activated */
    bool touched; /* asked for since the hand came by: wake.c */
} host_route;

typedef struct host_shard {
    _Alignas(HOST_CACHE_LINE) pthread_mutex_t lock;
    host_route *slots;
    size_t capacity; /* 0 or a power of two */
    size_t used;
    size_t hand; /* a slot: wake.c */
    atomic_uint_fast64_t moves_ended;
} host_shard;

/* The shard of a deal: its number. */
unsigned host_shard_of(uint64_t deal);

/* All functions from here on: with the shard's lock held. What find gives lives until the next add or remove. */
host_route *host_route_find(host_shard *shard, uint64_t deal);
/* Adds an entry that is not there yet, claimed. NULL: no memory. */
host_route *host_route_add(host_shard *shard, uint64_t deal, struct host_generation *generation);
void host_route_remove(host_shard *shard, host_route *route);
/* Removes all entries of a generation. */
void host_route_sweep(host_shard *shard, const struct host_generation *generation);

#endif
