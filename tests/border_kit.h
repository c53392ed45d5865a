/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef BORDER_KIT_H
#define BORDER_KIT_H

/* A host to try the border with: a machine, a store in memory that outlives it, a world that keeps its books by op key, and
 * a journal of all that the machine did to its host, as a line of text:
 *
 *     put r2 s1 New [Open]            a put: revision, sequence, status, what happened: applied, -refused, !terminated,
 *                                     moved VERSION STATUS (there, its number)
 *     put r2 s1 New [Open] failed     … which did not come to DURABLE: failed, landed (and failed), lost, pending, early
 *     told s1 Open New>New            a notice of an applied event;   refused Open -11, terminated Open: of the others
 *     ask OpenDataTransfer s1 n1      an op; with "again" when flagged ASKED_BEFORE, "keyless" when WITHOUT_KEY
 *     log, at rest                    the other services
 *
 * Parts are joined by "; ". The kit itself holds the machine to what must always be true (the gates): what is told is in the
 * store, what is asked is owed by a row in the store, a known key comes with the arguments that it had. */

#include <dealfsm/describe.h>
#include <dealfsm/module.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_kit.h"
#include "must.h"

enum { KIT_DEALS = 16, KIT_EFFECTS = 32, KIT_HISTORY = 64, KIT_JOURNAL = 4096, KIT_SCRIPT = 128 };

typedef struct kit_happened {
    uint32_t kind; /* DEALFSM_HAPPENED_… */
    uint32_t event;
    uint64_t sequence;
    bool changed_nothing_owed; /* applied, and PaymentRequested is as it was: a handler asks so to be run again */
} kit_happened;

/* What the store has of a deal; `pending` is a put that waits for kit_stored. */
typedef struct kit_row {
    uint64_t revision; /* 0: no row */
    uint64_t sequence;
    uint64_t status;
    uint32_t final_state;
    uint8_t *record;
    uint64_t record_len;
    uint8_t *sidecar;
    uint64_t sidecar_len;
    kit_happened happened[KIT_HISTORY]; /* of a row: since ever; of a put: by it */
    uint32_t happened_count;
    uint32_t doubtful; /* of them, so many by a put that landed but was said to have failed: the next one replaces it */
} kit_row;

/* What a channel has, in attoFIL, as CheckAvailableFunds tells it. */
typedef struct kit_funds {
    uint64_t confirmed, pending, redeemed;
} kit_funds;

/* A once op that had its effect, and an op that waits for its answer. */
typedef struct kit_op {
    uint32_t op;
    uint64_t deal;
    uint64_t sequence;
    uint32_t nth;
    uint8_t args[256]; /* digest of the arguments: their bytes, but for the chain token */
    uint32_t args_len;
} kit_op;

typedef struct kit kit;
struct kit {
    const dealfsm_functions *f;
    const dealfsm_describe_v1 *describe;
    const dealfsm_record_v1 *record;
    dealfsm_machine *machine;
    pthread_mutex_t mutex; /* guards what follows; never held while the machine is called */

    /* Scripts: a letter for each next put or op; then the default.
     * Puts: D durable, F failed, L landed but said to have failed, X lost, P pending, E pending, stored before it returns.
     * Answers: i in the call, l later (kit_answer), t in the call from another thread, 2 twice, e error, u unknown,
     * c conflict. */
    char puts[KIT_SCRIPT], answers[KIT_SCRIPT];
    char put_default, answer_default;
    bool no_store;
    bool quiet;          /* no journal */
    bool channel_exists; /* GetOrCreatePaymentChannel gives an address */
    bool channel_ready;  /* … and no message */
    kit_funds funds;
    bool all_refusals; /* the kit's own subscription hears them: set before kit_open */
    uint32_t queue_events;

    /* Called inside each host call, before it is dealt with. */
    void (*on_op)(kit *k, const dealfsm_op *op);
    void (*on_put)(kit *k, const dealfsm_put *put);
    void (*on_notice)(kit *k, const dealfsm_notice *notice);
    void (*on_rest)(kit *k, uint64_t deal);
    void (*on_log)(kit *k, uint64_t deal);
    /* What the world makes of an op, the same for the same key: DEALFSM_ANSWER_OK; or ERROR or SHORTFALL (of *missing
     * attoFIL), then without effect. NULL: always OK. Called with the mutex held. */
    uint32_t (*decide)(kit *k, const kit_op *op, uint64_t *missing);
    void *context;

    kit_row rows[KIT_DEALS], pending[KIT_DEALS];
    kit_op effects[KIT_EFFECTS], waiting[KIT_DEALS];
    kit_op unanswered; /* an op whose answer in the call found no memory; op 0: none */
    uint32_t effects_count, waiting_count;
    uint64_t told[KIT_DEALS]; /* sequence of the last notice */
    uint64_t told_gaps;
    uint32_t tokens;

    /* A crash: from the crash_at-th moment on nothing that the machine does has an effect. 0: never. */
    uint32_t moments, crash_at;
    bool dead;

    uint64_t subscription;
    char journal[KIT_JOURNAL];
    char shown[KIT_JOURNAL];
};

/* The module at `path`. */
const dealfsm_functions *kit_load(const char *path);
/* The module of client 0.5.6 that the build made, or the one that DEALFSM_TEST_MODULE names. */
const dealfsm_functions *kit_module(void);

kit *kit_new(const dealfsm_functions *functions);
/* kit_new and kit_open of the module. */
kit *kit_start(void);
/* The service of a dealfsm_services whose ctx is a kit. */
const void *kit_service_of(void *ctx, const char *id);
/* Opens a machine, with the kit subscribed to every deal. */
void kit_open(kit *k);
/* Freezes what is at work and closes the machine; puts that are under way have failed. */
void kit_close(kit *k);
/* kit_close, and frees everything. */
void kit_free(kit *k);
/* Another machine with the rows of the store: restores all, then activates all. */
void kit_restart(kit *k);
void kit_restore(kit *k, uint64_t deal);

/* The terms of a deal: 2 attoFIL a byte, a payment each 1,000 bytes and 100 more each time, 100,000 attoFIL in all. */
dealfsm_record kit_terms(uint64_t deal);
int32_t kit_create(kit *k, uint64_t deal);
/* Hands in an event; its argument, if it has one, is made of the number. */
int32_t kit_send_to(kit *k, uint64_t deal, uint32_t event, uint64_t number, uint64_t *revision);
int32_t kit_send(kit *k, uint64_t deal, uint32_t event, uint64_t number);
/* Answers the op of the deal that has waited longest, as a letter of the script says. */
int32_t kit_answer(kit *k, uint64_t deal, char letter);
/* Answers an op whose key is known. */
int32_t kit_complete(kit *k, const kit_op *op, char letter);
/* Ends the deal's pending put: D, F, L or X. */
int32_t kit_stored(kit *k, uint64_t deal, char letter);
/* Creates a deal and sends the outside events of the plain course until it has that status. For hosts that answer and store
 * in the call. */
void kit_bring(kit *k, uint64_t deal, uint64_t status);

/* What was journalled since the last call. */
const char *kit_seen(kit *k);
#define SEEN(k, text) ck_assert_str_eq(kit_seen(k), text)
/* Flags and status as query shows them. */
dealfsm_deal kit_query(kit *k, uint64_t deal);
#define IS(k, deal, status_word, flags_set)                                                                            \
    do {                                                                                                               \
        dealfsm_deal shown_ = kit_query(k, deal);                                                                      \
        ck_assert_uint_eq(shown_.status, DEALFSM_DealStatus##status_word);                                             \
        ck_assert_uint_eq(shown_.flags, flags_set);                                                                    \
    } while (0)
/* How often an event of the deal is in the store's history with that kind. */
uint32_t kit_history(const kit *k, uint64_t deal, uint32_t event, uint32_t kind);
/* Effects of a once op. */
uint32_t kit_effects(const kit *k, uint32_t op);
/* An amount below 2^64 attoFIL in its stored form. */
uint64_t kit_amount(const uint8_t *bytes, uint64_t size);
/* The amount that an op has as its argument `index`. */
uint64_t kit_op_amount(const kit_op *op, uint32_t index);

/* A snapshot of a deal in one block: machine version, revision, sequence, record, sidecar; NULL if it has none now. */
typedef struct kit_snapshot {
    dealfsm_snapshot snapshot;
    uint8_t record[2048];
    uint8_t sidecar[4096];
} kit_snapshot;
int32_t kit_snap(kit *k, uint64_t deal, kit_snapshot *out);
bool kit_same_snapshot(const kit_snapshot *a, const kit_snapshot *b);

#endif
