/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef SWAP_KIT_H
#define SWAP_KIT_H

/* A node to try swaps with: a host with two or more generations, a store in memory, a world that knows each op by its
 * key, and a provider that serves each deal to its end. Everything that may happen next waits in a list (answers, puts
 * that land), and rig_step does the first of it: so a test can do something at every moment of a deal.
 *
 * The rig holds the library to what must always be true (the gates): sequences are told without gap and once; a row's
 * revision grows; an op is asked by the version that the row names, and only for what is durable; a known key comes
 * with the arguments that it had; what was handed in is applied, refused or terminated once. */

#include <dealfsm/swap.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>

#include "host_kit.h"
#include "must.h"

enum { RIG_SIDES = 4, RIG_OPS = 64, RIG_ACTIONS = 256, RIG_NOTICES = 256, RIG_ARGS = 256, RIG_BYTES = 1024 };

typedef struct rig rig;

/* What a generation has of the rig: its environment's and store's ctx. */
typedef struct rig_side {
    rig *rig;
    dealfsm_module *module;
    const char *version;
    uint32_t generation; /* 0: not open */
} rig_side;

typedef struct rig_op {
    uint32_t op;
    uint64_t sequence;
    uint32_t nth;
    uint32_t asked; /* how often */
    uint8_t args[RIG_ARGS];
    size_t args_len;
} rig_op;

typedef struct rig_notice {
    uint32_t event;
    uint64_t sequence, from, to;
    uint64_t funds_spent, bytes_paid_for, total_received, current_interval;
} rig_notice;

typedef struct rig_row {
    uint64_t revision, sequence, status;
    const char *version;
    uint8_t record[RIG_BYTES], sidecar[2 * RIG_BYTES];
    uint64_t record_len, sidecar_len;
} rig_row;

typedef enum rig_action_kind { RIG_ANSWER = 1, RIG_LAND = 2 } rig_action_kind;
typedef struct rig_action {
    rig_action_kind kind;
    rig_op op;         /* ANSWER */
    uint64_t revision; /* LAND */
    int32_t outcome;
    uint32_t refused; /* named in it */
    rig_row row;
} rig_action;

struct rig {
    dealfsm_host *host;
    pthread_mutex_t lock;
    rig_side sides[RIG_SIDES];
    uint64_t deal;

    /* How the world behaves: set before the deal is created. */
    bool sync;         /* ops are answered in the call */
    bool store;        /* there is a store */
    bool pending;      /* its puts are reported later */
    bool eager;        /* an event more comes before each step */
    uint32_t fail_put; /* the how-manieth put fails, from 1; 0: none */
    bool landed;       /* … but is there */

    uint32_t puts;
    rig_row row;
    rig_action actions[RIG_ACTIONS];
    uint32_t actions_count;
    rig_op ops[RIG_OPS]; /* distinct keys, in the order of their first asking */
    uint32_t ops_count;
    rig_notice notices[RIG_NOTICES];
    uint32_t notices_count;
    uint32_t told_alone;       /* notices of the one-deal subscription */
    uint32_t ended_alone;      /* its end */
    uint64_t handed_in, ended; /* outside events: taken, and applied, refused or terminated */
    uint32_t held;             /* of them, so many were held */
    uint32_t refused;          /* notices of refused and terminated events */
    uint32_t refused_stored;   /* refused and terminated events that durable puts have named */
    uint32_t served;           /* bursts of the provider */
    uint64_t best_voucher;
    uint32_t vouchers;
};

/* A host, and a generation for each module named ("client-0.5.6", …), the later ones aside. */
rig *rig_new(const char *const *modules, uint32_t count);
/* Opens the generations; functions, if not NULL, in place of that module's own. */
void rig_open(rig *r, uint32_t side, const dealfsm_functions *functions);
void rig_free(rig *r);

/* Creates the deal, and subscribes to it. */
void rig_create(rig *r);
/* Does the next thing: an answer, a put that lands; with nothing left to do the provider's next move. false: the deal
 * has ended, or nothing can happen any more. */
bool rig_step(rig *r);
/* Lets the first put land that waits. false: there is none. */
bool rig_land(rig *r);
/* Steps to the end, which must be Completed with the books balanced. */
void rig_finish(rig *r);
dealfsm_deal rig_query(rig *r);
/* The generation that has the deal, as a side. */
uint32_t rig_where(rig *r);
/* Both went the same way: the same notices, ops and last record. */
void rig_same(const rig *a, const rig *b, const char *what);

/* A copy of a module's functions in which a call fails or lies, or something happens meanwhile: swap_faults.c. One at a
 * time. */
typedef struct rig_faults {
    uint32_t calls;   /* of those that can fail */
    uint32_t fail_at; /* the how-manieth fails; 0: none */
    bool for_good;    /* … and all after it */
    char lie; /* 'v' a snapshot of another version, 's' another sequence, 'b' other bytes of the record, 'i' the deal is
                         another one, 'a' activate says it was done, 'r' the deal is refused; 0: none */
    void *ctx;
    void (*before)(void *ctx);                /* the next dispatch or complete gets to the machine. Both once; or NULL */
    void (*after)(void *ctx, int32_t result); /* the machine has answered it, and the library does not know yet */
} rig_faults;
extern rig_faults rig_fault;
const dealfsm_functions *rig_faulty(const dealfsm_functions *real);

#endif
