/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef HOST_HOST_H
#define HOST_HOST_H

/* What the files of the library share: a host, its generations, and the way to a machine.
 *
 * A generation is *pinned* while a call is in its machine, by a counter per shard, so that calls for different deals
 * do not meet. Who closes sets `closing` first and reads the pins then; who pins looks at `closing` afterwards: one
 * of the two sees the other. Memory of closed generations is kept for the next ones, so that a late pin never touches
 * freed memory. */

#include <dealfsm/host.h>
#include <stdatomic.h>

#include "pool.h"
#include "route.h"
#include "store.h"

typedef struct host_pins {
    _Alignas(HOST_CACHE_LINE) atomic_uint count;
} host_pins;

typedef struct host_generation {
    host_pins pins[HOST_SHARDS];
    atomic_bool closing; /* closing, closed, or not open yet */
    atomic_llong puts;   /* pending */
    dealfsm_host *host;
    struct host_generation *next; /* in order of opening; or the next spare one */
    uint32_t number;
    uint32_t swaps; /* that it takes part in; guarded by the host's lock */
    dealfsm_module *module;
    const dealfsm_functions *functions;
    dealfsm_machine *machine;
    dealfsm_host_services services;
    dealfsm_environment environment;     /* the caller's */
    dealfsm_store_v1 store;              /* the caller's */
    dealfsm_store *durable;              /* or NULL; stays set while the generation is open */
    dealfsm_environment own_environment; /* what the machine gets */
    dealfsm_store_v1 own_store;
    dealfsm_rest_v1 own_rest;
} host_generation;

struct host_subscription;

struct dealfsm_host {
    host_shard shards[HOST_SHARDS];
    _Atomic(host_generation *) only;   /* the generation, where exactly one is open; else NULL */
    _Atomic(host_generation *) newest; /* takes new deals; or NULL */
    host_pool pool;
    dealfsm_log_v1 log; /* for machines that get none of their own */
    uint32_t log_level;
    atomic_uint durables; /* generations with a durable store */
    uint64_t idle_deals;  /* bound, 0: none */
    atomic_ullong routes; /* deals in all shards */
    atomic_bool sweeping; /* the job that lets deals go is queued or runs */
    unsigned hand;        /* its shard; and rounds without success: its own */
    unsigned rounds;
    host_job sweep_job;
    char *chosen_directory; /* NULL: one of our own */
    char *directory;        /* NULL: not made yet. Guarded by the loader's lock */

    pthread_mutex_t lock; /* guards all below */
    host_generation *generations;
    host_generation *spare;
    uint32_t last_number;
    struct host_subscription *subscriptions;
    void *alone; /* those to one deal, by_deal.h */
    uint64_t last_subscription;
    struct dealfsm_swap *swaps;
};

/* ---- The way to a machine: a call that holds a pin. */
typedef struct host_call {
    host_generation *generation;
    unsigned shard;
    uint32_t number; /* of the generation */
    const dealfsm_functions *functions;
    dealfsm_machine *machine;
    bool moves; /* the deal takes part in a swap */
    uint64_t moves_ended; /* in the deal's shard, when the call began */
} host_call;

/* Pins; false: the generation is being closed. */
bool host_pin(host_generation *generation, unsigned shard);
void host_unpin(host_generation *generation, unsigned shard);
void host_call_fill(host_call *call, host_generation *generation, unsigned shard);

/* To the generation that has the deal. DEALFSM_E_NOT_FOUND; DEALFSM_E_BUSY: it is being closed. */
int32_t host_enter(dealfsm_host *host, uint64_t deal, host_call *call, dealfsm_error *error);
/* To a generation by number, 0: the newest. `deal` is what the call is about. DEALFSM_E_STATE: none is open. */
int32_t host_enter_generation(dealfsm_host *host, uint32_t number, uint64_t deal, host_call *call,
                              dealfsm_error *error);
/* To the first generation with a number above `number`; false: there is none. */
bool host_enter_next(dealfsm_host *host, uint32_t number, host_call *call);
/* To the newest generation of a machine version, on that store where one is given; false: there is none. */
bool host_enter_version(dealfsm_host *host, const char *machine_version, const dealfsm_store *store, uint64_t deal,
                        host_call *call);
void host_leave(const host_call *call);

/* ---- Inside a callback or not */
typedef struct host_frame {
    const host_generation *generation;
    const struct host_frame *outer;
} host_frame;

void host_frame_enter(host_frame *frame, const host_generation *generation);
void host_frame_leave(const host_frame *frame);
/* This thread is inside a callback of the host. */
bool host_inside(const dealfsm_host *host);
/* This thread is inside a callback of that generation. */
bool host_inside_generation(const host_generation *generation);

/* ---- Parts of other files */

/* Gives a new generation's machine its environment, store, log and rest. */
int32_t host_services_prepare(host_generation *generation, const dealfsm_host_services *services, dealfsm_error *error);
const void *host_services_find(void *ctx, const char *id);

/* Restores a row of a store, staged, in the newest generation of its version on that store. flags: of the snapshot, for
 * a bare row. Errors of dealfsm_host_restore. */
int32_t host_restore_row(dealfsm_host *host, dealfsm_store *store, const dealfsm_store_row *row, uint32_t flags,
                         bool waking, dealfsm_error *error);
/* dealfsm_host_restore; `waking` marks the route until the caller has activated the deal. */
int32_t host_restore(dealfsm_host *host, uint32_t generation, const dealfsm_snapshot *snapshot, bool waking,
                     dealfsm_error *error);

/* ---- Deals that are only in a durable store: wake.c */

/* After a call that found no deal: brings it back from a store. true: the call is to be made again, and *error is as it
 * was. false: *result stands. had_error: *error had a code before the call. */
bool host_again(dealfsm_host *host, uint64_t deal, int32_t *result, bool had_error, dealfsm_error *error);
/* As dealfsm_host_query, from a store. */
int32_t host_query_store(dealfsm_host *host, uint64_t deal, dealfsm_deal *out, dealfsm_error *error);
/* DEALFSM_E_EXISTS: a store has the deal. */
int32_t host_stored_already(dealfsm_host *host, uint64_t deal, dealfsm_error *error);
/* Brings a deal back. DEALFSM_E_NOT_FOUND: no store has it; DEALFSM_E_EXISTS: it is there, or somebody brings it. */
int32_t host_wake(dealfsm_host *host, uint64_t deal, dealfsm_error *error);
/* Lets go of deals, by a job of the pool, if there are more than idle_deals. */
void host_let_go(dealfsm_host *host);
/* Somebody listens to that deal alone. */
bool host_has_subscription(dealfsm_host *host, uint64_t deal);

/* Gives every subscription to all deals its part in a new generation; with the host's lock held. */
int32_t host_subscribe_generation(host_generation *generation, dealfsm_error *error);
/* Ends all subscriptions, when no generation is left. */
void host_subscriptions_end(dealfsm_host *host);

/* The default log: ctx is the host. */
void host_log_default(void *ctx, uint32_t level, uint64_t deal, const char *text);

/* Waits until the pool is idle and no put of a durable store is pending. */
void host_drain(dealfsm_host *host);
/* If `other` takes the new deals that name no generation, `one` takes them from now on. */
void host_take_new(host_generation *one, const host_generation *other);

/* Closes all generations: all or none, as far as it can be told before. `abandoned`: open ops do not hinder. */
int32_t host_close_all(dealfsm_host *host, bool abandoned, dealfsm_error *error);
/* Freezes every deal where it stands. DEALFSM_E_BUSY: one does not come to rest; all go on then. */
int32_t host_freeze_all(dealfsm_host *host, dealfsm_error *error);

#endif
