/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef DEALFSM_MACHINE_H
#define DEALFSM_MACHINE_H

/* The functions of a machine: what a host opens in a module and keeps its deals in.
 *
 * Order of one step: apply on a copy -> put -> durable -> tell subscribers -> run the owed handler. Per deal strictly first
 * in, first out, run to completion by whichever thread is there; different deals in parallel. No lock is held while the host
 * is called. Every function takes an error struct last, which may be NULL. Errors common to all: DEALFSM_E_ARGUMENT,
 * DEALFSM_E_TOO_NEW; to all that allocate: DEALFSM_E_NO_MEMORY; to all that name a deal: DEALFSM_E_NOT_FOUND.
 * Source of the order: spec page v0.5.6, "One event, step by step"; of the rest: this header. */

#include "environment.h"
#include "record.h"
#include "store.h"
#include "vocabulary.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dealfsm_machine dealfsm_machine;

/* Services "log/1" and "rest/1", both optional. Called with no lock held. [any] */
enum { DEALFSM_LOG_ERROR = 1, DEALFSM_LOG_WARNING = 2, DEALFSM_LOG_INFO = 3 };
typedef struct dealfsm_log_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    void *ctx;
    void (*log)(void *ctx, uint32_t level, uint64_t deal, const char *text); /* text ends with NUL */
} dealfsm_log_v1;
typedef struct dealfsm_rest_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    void *ctx;
    void (*at_rest)(void *ctx, uint64_t deal); /* a deal for which freeze said BUSY is frozen now */
} dealfsm_rest_v1;

/* What a host gives at open. */
typedef struct dealfsm_services {
    uint32_t struct_size;
    uint32_t queue_events; /* bound of a deal's queue; 0: 1,024 */
    uint64_t queue_bytes;  /* bound of the queued arguments of a deal; 0: 1 MiB; at most 4 GiB */
    void *ctx;
    /* Gives the struct of a service by id ("environment/1", "store/1", …) or NULL; it must stay valid until close. [start] */
    const void *(*service)(void *ctx, const char *id);
} dealfsm_services;

/* Flags of a deal, as query shows them. */
enum {
    DEALFSM_DEAL_FINAL = 1,         /* in a final state */
    DEALFSM_DEAL_HANDLER_OWED = 2,  /* the handler of the state has still to run, or is running */
    DEALFSM_DEAL_OP_OPEN = 4,       /* an op waits for its answer */
    DEALFSM_DEAL_PUT_PENDING = 8,   /* a put is under way */
    DEALFSM_DEAL_STALLED = 16,      /* waits for retry; stall and stall_text say why */
    DEALFSM_DEAL_FROZEN = 32,
    DEALFSM_DEAL_STAGED = 64,       /* restored, not activated yet */
    DEALFSM_DEAL_FREEZING = 128     /* freeze was asked for, the deal is on its way to rest */
};

/* Why a deal is stalled. */
enum {
    DEALFSM_STALL_NONE = 0,
    DEALFSM_STALL_PUT = 1,      /* a put failed */
    DEALFSM_STALL_UNKNOWN = 2,  /* an op was answered UNKNOWN */
    DEALFSM_STALL_CONFLICT = 3, /* an op was answered CONFLICT */
    DEALFSM_STALL_MEMORY = 4    /* an allocation failed in the middle of work */
};

/* A deal as query shows it: the last durable record (without a store: the last applied), the rest as of now. */
typedef struct dealfsm_deal {
    uint32_t struct_size;
    uint32_t flags;    /* DEALFSM_DEAL_… */
    uint64_t status;   /* of the record shown */
    uint64_t sequence; /* of the record shown */
    uint64_t revision; /* last durable one; 0: none yet (a restored record without sidecar) */
    uint32_t queued;   /* events waiting */
    uint32_t stall;    /* DEALFSM_STALL_… */
    uint32_t open_op;  /* 0 or the op that waits for its answer; its key: */
    uint32_t open_nth;
    uint64_t open_sequence;
    uint64_t record_len; /* out: length of the stored bytes */
    uint8_t *record;     /* in: where to put them, or NULL; too small: what is in it is not defined */
    uint64_t record_capacity; /* in */
    char stall_text[160];
} dealfsm_deal;

/* What subscribers hear. */
enum {
    DEALFSM_NOTICE_APPLIED = 1,
    DEALFSM_NOTICE_REFUSED = 2,   /* only with DEALFSM_SUBSCRIBE_REFUSALS; may repeat after a crash */
    DEALFSM_NOTICE_TERMINATED = 3 /* as REFUSED: it was queued when the deal ended */
};
typedef struct dealfsm_notice {
    uint32_t struct_size;
    uint32_t kind; /* DEALFSM_NOTICE_… */
    uint64_t deal;
    uint64_t sequence; /* of the deal after this event; a gap means that notices were lost in a crash */
    uint64_t revision;
    uint64_t from; /* status before */
    uint64_t to;   /* status after */
    int32_t reason; /* 0 or the DEALFSM_E_… that refused it */
    uint32_t from_handler; /* 1: a handler raised the event */
    const char *reason_text; /* ends with NUL, "" when applied */
    const dealfsm_event *event;
    const dealfsm_record *record; /* after the event */
} dealfsm_notice;

enum {
    DEALFSM_SUBSCRIBE_ALL = 1,     /* every deal of the machine; `deal` is ignored */
    DEALFSM_SUBSCRIBE_REFUSALS = 2 /* refused and terminated events, too */
};
typedef struct dealfsm_subscription {
    uint32_t struct_size;
    uint32_t flags;
    uint64_t deal;
    void *ctx;
    void (*notify)(void *ctx, const dealfsm_notice *notice); /* in order per deal, for several deals at once */
    void (*ended)(void *ctx); /* once, after the last notify; may be NULL */
} dealfsm_subscription;

/* A deal outside a machine. */
enum {
    DEALFSM_SNAPSHOT_OWED = 1 /* restore, only without a sidecar: the handler of the state is owed; else nothing is */
};
typedef struct dealfsm_snapshot {
    uint32_t struct_size;
    uint32_t flags;
    uint64_t deal;
    uint64_t sequence;
    uint64_t revision;
    const char *machine_version; /* "client 0.5.6"; snapshot, in: the version to write, NULL: the module's own; out: it lives as
                                    long as the module */
    uint8_t *record;             /* in for restore; out buffer for snapshot */
    uint64_t record_len;         /* in for restore; out for snapshot */
    uint64_t record_capacity;    /* snapshot: bytes at record */
    uint8_t *sidecar;            /* null or length 0 for restore: a bare record, sequence 0, empty queue */
    uint64_t sidecar_len;
    uint64_t sidecar_capacity;
} dealfsm_snapshot;

typedef struct dealfsm_counters {
    uint32_t struct_size;
    uint32_t reserved;
    uint64_t deals;        /* in the machine now */
    uint64_t memory_bytes; /* held for them, without the allocator's own overhead */
    uint64_t stalled;      /* deals stalled now */
    uint64_t open_ops;     /* ops waiting now */
    uint64_t queued;       /* events waiting now */
    uint64_t applied;      /* events, since open */
    uint64_t refused;
    uint64_t terminated;
    uint64_t puts;
    uint64_t puts_failed;
    uint64_t ops;
    uint64_t late_answers; /* answers that were not taken: late, double, unknown */
} dealfsm_counters;

typedef struct dealfsm_functions {
    uint32_t struct_size;
    uint32_t abi_minor;   /* the one agreed on */
    const char *manifest; /* as in the ELF note */

    /* An interface by id ("describe/1", "record/1") or NULL. Lives as long as the module. [any] */
    const void *(*interface)(const char *id);

    /* Opens a machine. Its services stay the host's and must outlive it. DEALFSM_E_MISSING: field names the service or
     * environment function that is needed. [start] */
    int32_t (*open)(const dealfsm_services *services, dealfsm_machine **machine, dealfsm_error *error);

    /* Frees the machine with all its deals and subscriptions (their `ended` is called before it returns). DEALFSM_E_BUSY: a put,
     * callback or host call is running, an op or put is open, or called inside a callback. Frozen, stalled, staged and idle
     * deals do not hinder. [outside], as the machine's last call; an `ended` that it calls must bring no new deal. */
    int32_t (*close)(dealfsm_machine *machine, dealfsm_error *error);

    /* Creates a deal in New from the record's id, proposal, store_id, total_funds, client_wallet, miner_wallet and sender;
     * all other members must be zero. Runs nothing: dispatch Open next. Answers as dispatch does. DEALFSM_E_EXISTS;
     * DEALFSM_E_ARGUMENT: it could not be stored or would never work (no payload CID, a wallet undefined, negative price, …).
     * [any] */
    int32_t (*create)(dealfsm_machine *machine, const dealfsm_record *terms, uint64_t *revision, dealfsm_error *error);

    /* Hands in an event. DEALFSM_APPLIED; DEALFSM_ACCEPTED (*revision, if not NULL: what makes it durable; it may be refused when
     * its turn comes); DEALFSM_STALLED; or not taken: DEALFSM_E_UNKNOWN_EVENT, DEALFSM_E_ARGUMENT_COUNT, DEALFSM_E_ARGUMENT_TYPE (these
     * three before the deal is looked at), DEALFSM_E_TERMINATED, DEALFSM_E_INVALID_TRANSITION and DEALFSM_E_ACTION (only with
     * nothing queued and no handler running or waiting), DEALFSM_E_QUEUE_FULL, DEALFSM_E_FROZEN, DEALFSM_E_LOST. [any] */
    int32_t (*dispatch)(dealfsm_machine *machine, uint64_t deal, const dealfsm_event *event, uint64_t *revision,
                        dealfsm_error *error);

    /* Answers an op. It counts once. DEALFSM_E_NOT_OPEN: no such op is open (late, double, unknown, or one that only another machine
     * version asks: the deal has moved since); DEALFSM_E_FROZEN: keep the answer, and give it to the side that goes on;
     * DEALFSM_E_ARGUMENT: number or kinds of the values are not those of the open op, or malformed whatever the op. [any] */
    int32_t (*complete)(dealfsm_machine *machine, const dealfsm_answer *answer, dealfsm_error *error);

    /* Reports a pending put: DEALFSM_PUT_DURABLE, DEALFSM_PUT_FAILED or DEALFSM_PUT_LOST. DEALFSM_E_NOT_OPEN: no such put is under
     * way. [any] */
    int32_t (*stored)(dealfsm_machine *machine, uint64_t deal, uint64_t revision, int32_t outcome,
                      dealfsm_error *error);

    /* Lets a stalled deal go on: puts again, or asks the op again with the same key. Answers as dispatch does, for the head
     * event; DEALFSM_E_STATE: the deal is not stalled. [any] */
    int32_t (*retry)(dealfsm_machine *machine, uint64_t deal, uint64_t *revision, dealfsm_error *error);

    /* Shows a deal; DEALFSM_E_NOT_FOUND before its first durable put; DEALFSM_E_TOO_SMALL: all but the record's bytes was
     * written. [any] */
    int32_t (*query)(dealfsm_machine *machine, uint64_t deal, dealfsm_deal *out, dealfsm_error *error);

    /* Writes up to `capacity` deal ids, ascending, those above *after (NULL: from the lowest id on), and their number to
     * *count. Ids from there on are asked for with *after = the last one; a count below capacity means the end. Each call
     * looks at every deal: ask for many at a time. [any] */
    int32_t (*list)(dealfsm_machine *machine, const uint64_t *after, uint64_t *ids, uint64_t capacity,
                    uint64_t *count, dealfsm_error *error);

    /* Subscribes; *id names the subscription. One for a deal ends by itself when the deal leaves the machine. [any] */
    int32_t (*subscribe)(dealfsm_machine *machine, const dealfsm_subscription *subscription, uint64_t *id,
                         dealfsm_error *error);

    /* Ends a subscription: once it has returned, notify is not running and will not run again. Inside a callback or
     * environment call of this machine it does not wait: no new run starts, and `ended` tells when the last is over. [any] */
    int32_t (*unsubscribe)(dealfsm_machine *machine, uint64_t id, dealfsm_error *error);

    /* Copies a deal at rest (no put, callback or host call running; an op may be open) into the caller's buffers.
     * DEALFSM_E_BUSY: not at rest; DEALFSM_E_TOO_SMALL: lengths were written (capacity 0 asks for them). With
     * out->machine_version the deal is written as that version has it: DEALFSM_E_VERSION: not among those written;
     * DEALFSM_E_STAYS, DEALFSM_E_REFUSED: migration says no (text: why). [any] */
    int32_t (*snapshot)(dealfsm_machine *machine, uint64_t deal, dealfsm_snapshot *out, dealfsm_error *error);

    /* Takes a deal in, staged: nothing runs before activate. DEALFSM_E_EXISTS; DEALFSM_E_CORRUPT; DEALFSM_E_VERSION: machine_version
     * is not among those read; DEALFSM_E_STAYS, DEALFSM_E_REFUSED: migration says no (text: why); DEALFSM_E_ARGUMENT: deal is not the
     * record's id. [any] */
    int32_t (*restore)(dealfsm_machine *machine, const dealfsm_snapshot *snapshot, dealfsm_error *error);

    /* Starts a staged deal: puts if its row would change (another machine version), then runs what is owed from its first op
     * (with the same keys: answers given before are asked for again), then the queue. Answers as dispatch does: DEALFSM_APPLIED when nothing had to be put or the put is durable. DEALFSM_E_STATE: not
     * staged. [any] */
    int32_t (*activate)(dealfsm_machine *machine, uint64_t deal, uint64_t *revision, dealfsm_error *error);

    /* Stops a deal at rest; never waits. DEALFSM_OK: frozen; it answers only query, snapshot, thaw and drop now.
     * DEALFSM_E_BUSY: not at rest; it stops at its next rest, and rest/1 is told. Events that were refused since the
     * last put are in no snapshot: a put names them first, also of a deal that stood still. [any] */
    int32_t (*freeze)(dealfsm_machine *machine, uint64_t deal, dealfsm_error *error);

    /* Lets a frozen deal (or one on its way there) go on. last_revision: the highest revision that anybody may have put
     * for this deal meanwhile, 0 for none; if above the deal's own, its row is put again, with a higher one, before anything
     * runs. Answers as activate. DEALFSM_E_STATE: not frozen. [any] */
    int32_t (*thaw)(dealfsm_machine *machine, uint64_t deal, uint64_t last_revision, uint64_t *revision,
                    dealfsm_error *error);

    /* Removes a staged or frozen deal. [any] */
    int32_t (*drop)(dealfsm_machine *machine, uint64_t deal, dealfsm_error *error);
    /* Removes a finished deal. DEALFSM_E_STATE: not in a final state; DEALFSM_E_BUSY. [any] */
    int32_t (*forget)(dealfsm_machine *machine, uint64_t deal, dealfsm_error *error);
    /* Removes an idle deal that the store has whole, to be restored later. DEALFSM_E_STATE: events are queued, a handler is
     * owed, an op is open, or it is stalled or frozen; DEALFSM_E_BUSY. [any] */
    int32_t (*release)(dealfsm_machine *machine, uint64_t deal, dealfsm_error *error);

    /* Fills *out. Each number is exact, the set of them is not one instant. [any] */
    int32_t (*counters)(dealfsm_machine *machine, dealfsm_counters *out, dealfsm_error *error);
} dealfsm_functions;

#ifdef __cplusplus
}
#endif
#endif
