/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_WORLD_H
#define TOOLS_WORLD_H

/* The world of a scenario: providers, a chain with payment channels, the client's own node, and time. A machine meets it as any
 * host's world: it asks through the environment's function pointers, and hears of it by create, dispatch, complete and retry.
 * The world knows nothing else of the machine.
 *
 * Time is virtual (microseconds from 0) and each deal has its own: what a deal meets depends on the seed and its id only,
 * never on other deals, on threads or on how the node answers. Deals share wallets and payment channels; the order of deals
 * shows there in lane numbers and in who comes too late for an empty wallet, and nowhere else. */

#include <dealfsm/environment.h>
#include <dealfsm/record.h>
#include <gmp.h>

#include "scenario.h"

typedef struct world world;

/* How the world reaches the machine; results as in dealfsm/machine.h. [any] */
typedef struct world_machine {
    void *ctx;
    int32_t (*create)(void *ctx, const dealfsm_record *terms);
    int32_t (*dispatch)(void *ctx, uint64_t deal, const dealfsm_event *event);
    int32_t (*complete)(void *ctx, const dealfsm_answer *answer);
    int32_t (*retry)(void *ctx, uint64_t deal);
} world_machine;

typedef struct world_options {
    const scenario *scenario; /* must live as long as the world */
    uint64_t deals;           /* ids 1 to deals */
    uint64_t seed;
    uint32_t threads; /* that run the deals, at least 1 */
    bool sync;        /* answer ops before the call returns; else later, from whichever thread comes by */
    void *ctx;
    /* A line for --trace, or NULL. [any] */
    void (*trace)(void *ctx, uint64_t deal, uint64_t microseconds, const char *text);
} world_options;

/* NULL: out of memory. */
world *world_new(const world_options *options);
void world_free(world *w);

/* What the machine knows: ClientEventProviderCancelled (else DataTransferError tells of a cancellation), and
 * DEALFSM_ANSWER_SHORTFALL (else it is an error). Neither is the default. */
void world_adapt(world *w, bool cancelled, bool shortfall);

/* The service "environment/1". */
const dealfsm_environment *world_environment(const world *w);

/* Runs all deals until nothing is to come any more, or world_stop. */
void world_run(world *w, const world_machine *machine);
/* Makes world_run return soon. Safe in a signal handler. */
void world_stop(world *w);
/* From now on nothing is answered any more: for closing the machine. */
void world_close(world *w);
bool world_stopped(const world *w);

/* The time of a deal, microseconds. [any] */
uint64_t world_now(world *w, uint64_t deal);

/* ---- What the world knows afterwards (or while it stands still). */

/* A deal, as its provider and the chain see it. */
typedef struct world_view {
    const scenario_client *client;
    const scenario_provider *provider;
    const scenario_retrieval *retrieval;
    scenario_habit habit;
    uint64_t size;          /* bytes that were asked for */
    uint64_t sent;          /* bytes that the provider has sent */
    uint64_t now;           /* microseconds */
    const char *silent;     /* an op that was never answered, or NULL */
    const char *waits;      /* what the provider waits for, in words */
    uint64_t vouchers;      /* granted */
    bool voucher_in_flight; /* the last sending of a voucher was not answered OK: the provider may have it or not */
    const mpz_t *added;     /* attoFIL, by this deal's own messages; points into the world */
} world_view;

void world_look(const world *w, uint64_t deal, world_view *view);

/* ---- Books */

/* What a deal says of itself. */
typedef struct world_claim {
    bool known;           /* false: it was never created */
    bool payment_refused; /* a PaymentSent of it was refused or terminated, or is still queued */
    bool has_lane;
    uint64_t lane;
    const uint8_t *pay_ch;
    uint64_t pay_ch_len;
    mpz_t funds_spent; /* attoFIL */
    mpz_t total_funds;
} world_claim;

typedef enum world_verdict { BOOKS_EQUAL, BOOKS_ONE_AHEAD, BOOKS_WRONG } world_verdict;

/* A lane: what its provider holds against what the deal says. Amounts point into the world and the claims. */
typedef struct world_lane_row {
    uint64_t lane;
    uint64_t deal;
    uint64_t vouchers;
    const mpz_t *holds;
    const mpz_t *says;
    world_verdict verdict;
    const char *why; /* "" when equal */
} world_lane_row;

typedef struct world_channel_row {
    const scenario_client *client;
    const scenario_provider *provider;
    const uint8_t *address;
    size_t address_len;
    const mpz_t *funds; /* confirmed */
    mpz_t holds;        /* sum of best vouchers */
    mpz_t says;         /* sum of FundsSpent */
    size_t lane_count;
    world_lane_row *lanes;
    const char *why; /* "" when right */
} world_channel_row;

/* The books of the whole world. They balance when each deal's FundsSpent is at most the best voucher that its provider holds,
 * and that is at most one voucher ahead, whose PaymentSent was refused or is outstanding; when no lane belongs to two deals and no
 * deal to two lanes; when no deal has added more than its TotalFunds; when a channel's vouchers are covered by its funds;
 * and when no attoFIL was lost between wallets and channels. */
typedef struct world_books {
    world_channel_row *channels; /* those that exist or have lanes */
    size_t channel_count;
    uint64_t equal; /* lanes */
    uint64_t one_ahead;
    uint64_t wrong;
    char (*faults)[160]; /* in words, beside those of lanes; NULL: none */
    size_t fault_count;
    bool balance;
} world_books;

/* claims: of deals 1 to `deals`, in order. NULL: out of memory. */
world_books *world_audit(const world *w, const world_claim *claims);
void world_books_free(world_books *books);

#endif
