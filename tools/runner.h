/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_RUNNER_H
#define TOOLS_RUNNER_H

/* A machine in a world: threads that take the world's steps to the machine, and the environment by which the machine
 * asks. */

#include "world.h"

typedef struct runner runner;

/* How a deal stands after a step. */
typedef struct runner_standing {
    uint64_t revision;   /* last durable one, 0: none */
    bool short_of_funds; /* it waits for money in its payment channel */
} runner_standing;

/* How the world's steps reach the machine; results as in dealfsm/machine.h. *revision, 0 at first: what makes it
 * durable, if it is not yet. [any] */
typedef struct runner_machine {
    void *ctx;
    int32_t (*resume)(void *ctx, uint64_t deal);
    int32_t (*create)(void *ctx, const dealfsm_record *terms); /* DEALFSM_E_EXISTS: it is opened all the same */
    int32_t (*dispatch)(void *ctx, uint64_t deal, const dealfsm_event *event, uint64_t *revision);
    int32_t (*complete)(void *ctx, const dealfsm_answer *answer);
    int32_t (*retry)(void *ctx, uint64_t deal);
    /* Money has come to the payment channel of this address: a deal that waits for it looks again. */
    int32_t (*money)(void *ctx, uint64_t deal, const uint8_t *channel, uint64_t channel_len, uint64_t *revision);
    /* After a step: how the deal stands; waits, unless nested in an op, until a deal whose put failed goes on. False: it
     * does not, as the run was stopped. */
    bool (*settle)(void *ctx, uint64_t deal, bool nested, runner_standing *standing);
} runner_machine;

typedef struct runner_options {
    world_link link;
    const world *world; /* for what deals are created with */
    uint64_t deals;
    uint32_t threads; /* that run the deals, at least 1 */
    bool sync;        /* answer ops before the call returns; else later, from whichever thread comes by */
    void *ctx;
    /* A line for --trace, or NULL. [any] */
    void (*trace)(void *ctx, uint64_t deal, uint64_t microseconds, const char *text);
} runner_options;

/* NULL: out of memory. */
runner *runner_new(const runner_options *options);
void runner_free(runner *r);

/* The service "environment/1". */
const dealfsm_environment *runner_environment(const runner *r);

/* Runs all deals until nothing is to come any more, or runner_stop. */
void runner_run(runner *r, const runner_machine *machine);
/* Makes runner_run return soon. Safe in a signal handler. */
void runner_stop(runner *r);
bool runner_stopped(const runner *r);
/* From now on nothing is asked any more: for closing the machine. */
void runner_close(runner *r);

/* The time of a deal, microseconds, as the last step had it. [any] */
uint64_t runner_now(const runner *r, uint64_t deal);

#endif
