/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_WORLD_H
#define TOOLS_WORLD_H

/* The world of a scenario: providers, a chain with payment channels, the client's own node, and time. It is asked for
 * what comes next, told what became of it, and answers the ops of a machine; runner.h drives a machine through it. It
 * knows nothing else of the machine.
 *
 * Time is virtual (microseconds from 0), goes on only as steps are asked for, and each deal has its own: what a deal
 * meets depends on the seed, its id and the keys of its ops, never on other deals, on threads, on how the node
 * answers, or on how often the node was killed. Deals share wallets and payment channels; the order of deals shows
 * there in lane numbers and in who comes too late for an empty wallet, and, for machines that look at what a channel
 * has (client 1.0.9 and later), in what they find there; nowhere else.
 *
 * Nodes may be killed. The world keeps each step until the node has said that it is durable; when a node begins
 * (again), it says which rows its store has, and steps that are not in them come again. An op is looked up by its
 * key: a known key gets the known answer at the known time and has no second effect. */

#include <dealfsm/environment.h>
#include <dealfsm/record.h>
#include <gmp.h>

#include "scenario.h"
#include "values.h"

typedef struct world world;

typedef struct world_options {
    const scenario *scenario; /* must live as long as the world */
    uint64_t deals;           /* ids 1 to deals */
    uint64_t seed;
    void *ctx;
    /* A line for --trace, or NULL. [any] */
    void (*trace)(void *ctx, uint64_t deal, uint64_t microseconds, const char *text);
    /* The books cannot be written (why; NULL: they can again): waits a little; true: try again. NULL: the world
     * breaks. */
    bool (*wait)(void *ctx, const char *why);
} world_options;

/* NULL: out of memory. */
world *world_new(const world_options *options);
void world_free(world *w);

enum {
    AMOUNT_MAX = 96, /* stored form: all that a scenario can ask for, with much to spare */
    VOUCHER_MAX = 256,
    VALUES_MAX = 5 /* of an answer */
};

/* What a deal is created with. Pointers go into the world and this. */
typedef struct world_terms {
    dealfsm_record record;
    uint8_t price[AMOUNT_MAX];
    uint8_t unseal[AMOUNT_MAX];
    uint8_t funds[AMOUNT_MAX];
} world_terms;
void world_terms_of(const world *w, uint64_t deal, world_terms *terms);

/* ---- Steps: what comes next for a deal */

typedef enum step_kind {
    STEP_NONE,
    STEP_RESUME, /* the deal is in the node's store: start it again */
    STEP_CREATE, /* create the deal (unless it is there already) and open it */
    STEP_EVENT,  /* the provider says something */
    STEP_ANSWER, /* an op's answer */
    STEP_RETRY,  /* the node looks again at a deal that it could not tell about */
    STEP_MONEY   /* money has come to a payment channel for which the deal waits */
} step_kind;

/* An event from outside, made by a provider. */
typedef struct outside {
    uint32_t event;
    uint32_t kind; /* of its argument, DEALFSM_NONE: it has none */
    uint64_t number;
    uint8_t amount[AMOUNT_MAX];
    size_t amount_len;
    char text[64];
} outside;

/* An answer. Its values point into it or into the world. */
typedef struct reply {
    uint32_t op;
    uint32_t nth;
    uint64_t sequence;
    uint32_t outcome;
    uint32_t count;
    bool twice;
    char text[192];
    dealfsm_value values[VALUES_MAX];
    uint8_t bytes[VALUES_MAX][AMOUNT_MAX];
    uint8_t voucher[VOUCHER_MAX];
} reply;

typedef struct world_step {
    step_kind kind;
    uint64_t deal;
    uint64_t order;         /* names the step among those of its deal */
    uint64_t time;          /* microseconds */
    outside event;          /* STEP_EVENT */
    reply *answer;          /* STEP_ANSWER; freed by world_step_free, as is */
    const uint8_t *channel; /* STEP_MONEY: the channel's address; points into the world or memory */
    uint64_t channel_len;
    values_arena *memory; /* what answer's values and the channel point to, or NULL */
} world_step;

void world_step_free(world_step *step);
/* The event as a machine takes it; it points to *argument and *said. */
void world_event_of(const outside *said, dealfsm_value *argument, dealfsm_event *event);

/* What became of a step. */
typedef struct world_report {
    uint64_t deal;
    uint64_t order;
    uint64_t promised;   /* the revision that makes it durable; 0: it is, or nothing has to be */
    uint64_t revision;   /* the deal's last durable revision; 0: not known */
    bool nested;         /* the step was taken inside an op: the deal stays in the hands of its thread */
    bool sent;           /* the answer to a SendDataTransferVoucher, OK and taken */
    bool short_of_funds; /* the deal waits for money in its payment channel; not looked at when nested */
} world_report;

typedef enum world_next { NEXT_STEP, NEXT_WAIT, NEXT_END } world_next;

/* What is said back to an op. */
typedef struct world_asked {
    uint64_t order; /* of the step with the answer; 0: there is none */
    bool early;     /* the answer is to come before the call returns */
} world_asked;

/* How a node reaches a world, in its own process or in another one. All [any]. */
typedef struct world_link {
    void *ctx;
    /* The next step, of any deal that is in nobody's hands (0), or of this one, which is in the caller's. NEXT_WAIT:
     * only when others have done what they are at; NEXT_END: nothing is left, or the world is broken. revision: of
     * the deal, durable now (0: as was last reported). */
    world_next (*next)(void *ctx, uint64_t deal, uint64_t revision, world_step *step);
    void (*done)(void *ctx, const world_report *report);
    void (*ask)(void *ctx, const dealfsm_op *op, world_asked *out);
} world_link;

/* The link to a world in this process. */
world_link world_local(world *w);

/* "OpenDataTransfer" for its number; "?" for one that is none. */
const char *world_op_name(uint32_t op);

/* A row of a node's store. */
typedef struct world_row {
    uint64_t revision; /* 0: there is no row */
    uint64_t sequence;
    bool final_state;
} world_row;

/* A node begins: rows of deals 1 to `deals`, or NULL for none at all. False: store and world do not belong together,
 * *why says how. */
bool world_begin(world *w, const world_row *rows, text_why *why);
/* Out of memory, or the books cannot be written: NULL: no. */
const char *world_broken(const world *w);

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
    const mpz_t *topped_up; /* attoFIL, by the client for this deal when its channel had too little; the same */
    uint64_t asked;         /* ops, every time counted */
    uint64_t asked_again;   /* among them those whose key was known */
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

/* The books of the whole world. They balance when each deal's FundsSpent is at most the best voucher that its
 * provider holds, and that is at most one voucher ahead, whose PaymentSent was refused or is outstanding; when no
 * lane belongs to two deals and no deal to two lanes; when no deal has added more than its TotalFunds; when a
 * channel's vouchers are covered by its funds; when no attoFIL was lost between wallets and channels; when a channel has
 * what its deals added and its client topped up; and when no *once* op had its effect twice for one key. A deal that
 * spent more than its TotalFunds is noted only: some machines do not look at them, and what they pay is covered by the
 * channel and held by the provider all the same. */
typedef struct world_books {
    world_channel_row *channels; /* those that exist or have lanes */
    size_t channel_count;
    uint64_t equal; /* lanes */
    uint64_t one_ahead;
    uint64_t wrong;
    char (*faults)[160]; /* in words, beside those of lanes; NULL: none */
    size_t fault_count;
    char (*notes)[160]; /* in words: worth knowing, and not wrong */
    size_t note_count;
    bool balance;
} world_books;

/* claims: of deals 1 to `deals`, in order; NULL: what deals say is not known, and is not looked at. NULL: out of
 * memory. */
world_books *world_audit(const world *w, const world_claim *claims);
void world_books_free(world_books *books);

#endif
