/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef PLUGIN_DEAL_H
#define PLUGIN_DEAL_H

/* Deals in memory, and who may touch what.
 *
 * A machine keeps its deals in shards, each with one mutex. The shard's mutex guards everything of its deals. It is never
 * held while the host is called. Who drives a deal (steps, puts, notices) sets DEAL_BUSY and may then let go of the mutex:
 * nobody else changes record, queue head, put and handler run of a busy deal. A thread inside an environment function sets
 * DEAL_IN_CALL instead: meanwhile another one may drive the deal as far as puts of its queue go. */

#include <pthread.h>

#include "border.h"
#include "pack.h"
#include "version.h"

/* Sequences and revisions handed in are held below this: counting on from there comes to no end. */
#define DEAL_COUNT_MAX ((uint64_t)INT64_MAX)

/* Flags of a deal in memory. */
enum {
    DEAL_BUSY = 1 << 0,       /* a thread drives it */
    DEAL_IN_CALL = 1 << 1,    /* a thread is inside an environment function for it */
    DEAL_OWED = 1 << 2,       /* the handler of the state is owed or running */
    DEAL_FINAL = 1 << 3,
    DEAL_VISIBLE = 1 << 4,    /* a put of it has been durable */
    DEAL_STALLED = 1 << 5,
    DEAL_FROZEN = 1 << 6,
    DEAL_FREEZING = 1 << 7,   /* freeze was asked for */
    DEAL_STAGED = 1 << 8,     /* restored, not yet active */
    DEAL_ACTIVATING = 1 << 9, /* staged, and its first put is under way or has failed */
    DEAL_MUST_PUT = 1 << 10,  /* the row has to be written before anything else */
    DEAL_GONE = 1 << 11,      /* out of the table; the last thread that is in it frees it */
    DEAL_WITHOUT_KEY = 1 << 12,  /* the owed handler may have run without keys (a bare record) */
    DEAL_UNVERSIONED = 1 << 13,  /* its transfer was opened with unversioned vouchers, and the machine cannot tell */
    DEAL_MARK_UNKNOWN = 1 << 14, /* it is not known whether it was */
    DEAL_KEYLESS_LATER = 1 << 15 /* DEAL_WITHOUT_KEY holds for the next owed handler, too (the deal moved) */
};

/* A queued event, or one that is over and waits to be named in the next put. */
typedef struct entry {
    struct entry *next;
    uint32_t event;
    uint32_t bytes; /* counted against the queue's bound */
    bool raised;    /* by a handler */
    uint8_t count;
    int32_t reason;       /* when over: 0 or DEALFSM_E_… */
    const char *why;      /* when over: constant text */
    uint64_t status;      /* when over: the state in which it was refused */
    fsm_value args[3];
    uint8_t data[];
} entry;

typedef struct entries {
    entry *head;
    entry **tail;
    uint32_t count;
    uint32_t bytes;
} entries;

/* Why a put is made. */
typedef enum put_kind { PUT_NONE = 0, PUT_STEP = 1, PUT_ROW = 2 } put_kind;

/* What a step leads to. */
typedef struct step_result {
    packed *block; /* the record after it */
    uint32_t capacity;
    bool handler_owed;
    bool is_final;
} step_result;

/* A put under way. */
typedef struct put {
    put_kind kind;
    bool called;      /* the store's function has not returned yet */
    int32_t reported; /* what `stored` said meanwhile, or 0 */
    bool moved;       /* it tells that the deal came from another machine version */
    uint64_t revision;
    uint32_t over;    /* of the entries in `over`, so many are named in this put */
    uint32_t ends;    /* PUT_STEP to a final state: so many queued entries (behind the head) end with it */
    step_result step; /* PUT_STEP */
} put;

/* What a deal needs only while something goes on. */
typedef struct work {
    struct work *next_free;
    entries queue;
    entries over; /* refused or terminated since the last put (with a store only) */
    put put;
    uint64_t promised; /* highest revision promised to an accepted event */
    uint64_t saved;    /* highest revision that a durable put has reached */
    /* The handler run. */
    uint32_t answered; /* ops of this run */
    uint8_t asked[FSM_ANSWERS_MAX]; /* which they were */
    uint32_t open_op;  /* 0: none waits */
    uint32_t open_nth;
    bool asked_once;   /* a once op was asked in this run */
    bool ask_again;    /* the next asking repeats a key */
    uint32_t used;     /* of `bytes` */
    fsm_answer answers[FSM_ANSWERS_MAX];
    uint8_t *heap[FSM_ANSWERS_MAX]; /* bytes of answers that did not fit */
    uint32_t stall; /* DEALFSM_STALL_… */
    char stall_text[160];
    uint8_t bytes[512]; /* of answers */
} work;

/* Rare things that an idle deal may have. */
typedef struct extra {
    struct subscriber *subscribers; /* guarded by the machine's subscriptions mutex */
    fsm_bytes carried;              /* of the sidecar, until the first event is applied */
    fsm_bytes unknown;              /* of the sidecar */
    fsm_bytes moved_from;           /* the machine version that the row still names; size 0: this one */
    uint64_t moved_status;          /* with it: the status there */
    uint8_t bytes[];                /* of these */
} extra;

typedef struct deal {
    struct deal *next; /* in its bucket */
    uint64_t id;
    packed *record; /* the present one: last durable, or as restored */
    work *work;     /* NULL when idle */
    extra *extra;   /* mostly NULL */
    uint64_t sequence;
    uint64_t revision; /* of the present record and queue */
    uint64_t behind;   /* revision - behind is the last durable one */
    uint32_t capacity; /* of record */
    uint32_t flags;
} deal;

/* A host call under way, on the stack of its thread. */
typedef struct frame {
    pthread_t thread;
    struct frame *next, **link;
} frame;

/* Blocks come in sizes that glibc's malloc gives without waste: it adds 8 bytes, and rounds up to 16. */
enum { SHARDS = 64, BLOCK_FIRST = 8, BLOCK_STEP = 16, BLOCK_CLASSES = 64, BLOCKS_KEPT = 8 };

typedef struct shard {
    pthread_mutex_t mutex;
    deal **buckets; /* NULL while empty */
    uint64_t buckets_count; /* a power of two */
    uint64_t deals_count;
    frame *frames;
    work *free_works;
    uint32_t free_works_count;
    struct free_block *free_blocks[BLOCK_CLASSES];
    uint8_t free_blocks_count[BLOCK_CLASSES];
    dealfsm_counters counters; /* those that only grow */
} shard;

struct dealfsm_machine {
    dealfsm_environment environment;
    dealfsm_store_v1 store; /* put NULL: none */
    dealfsm_log_v1 log;
    dealfsm_rest_v1 rest;
    uint32_t queue_events;
    uint64_t queue_bytes;
    struct subscriptions *subscriptions;
    shard shards[SHARDS];
};

/* ---- Shards (table.c) */
shard *deal_shard(dealfsm_machine *machine, uint64_t id);
deal *deal_find(shard *s, uint64_t id);
/* False: no memory; nothing changed. */
bool deal_insert(shard *s, deal *d);
void deal_remove(shard *s, deal *d);
/* Frees a deal that is out of the table, unless a thread is in it; then that thread's deal_leave does. */
void deal_free(dealfsm_machine *machine, shard *s, deal *d);

/* Blocks for packed records, from a small stock per shard. NULL: no memory, or 4 GiB and more. */
packed *block_take(shard *s, uint64_t size, uint32_t *capacity);
void block_give(shard *s, packed *block, uint32_t capacity);
/* Frees what a shard keeps in stock, and its table. */
void stock_free(shard *s);

/* The deal's work, made if need be; NULL: no memory. */
work *deal_work(shard *s, deal *d);
/* Gives the work back if nothing goes on. */
void deal_rest(shard *s, deal *d);
void run_clear(work *work);

/* ---- Queues (table.c) */
/* A copy with its own bytes; NULL: no memory. */
entry *entry_new(uint32_t event, const fsm_value *args, uint32_t count, bool raised);
void entries_init(entries *list);
void entries_push(entries *list, entry *e);
entry *entries_pop(entries *list);
void entries_clear(entries *list);

/* ---- Host calls (subscribe.c) */
void frame_enter(frame **list, frame *f);
void frame_leave(frame *f);
/* Whether this thread is inside a callback or environment function of the machine. */
bool machine_inside(dealfsm_machine *machine);
void machine_log(dealfsm_machine *machine, uint32_t level, uint64_t id, const char *text);

/* ---- Subscriptions (subscribe.c) */
bool subscriptions_open(dealfsm_machine *machine);
/* Whether a notify, an ended or a log call is running. */
bool subscriptions_running(dealfsm_machine *machine);
void subscriptions_end_all(dealfsm_machine *machine);
void subscriptions_free(dealfsm_machine *machine);
int32_t subscriptions_add(dealfsm_machine *machine, const dealfsm_subscription *subscription, uint64_t *id,
                          dealfsm_error *error);
int32_t subscriptions_remove(dealfsm_machine *machine, uint64_t id, dealfsm_error *error);
/* Ends those of a deal that leaves. The caller holds no mutex. */
void subscriptions_end(dealfsm_machine *machine, extra *x);
/* Whether anybody would hear a notice of this deal. The caller holds the shard's mutex. */
bool subscriptions_any(const dealfsm_machine *machine, const deal *d);
/* Tells all who want it. The caller holds no mutex and keeps the deal busy. */
void subscriptions_tell(dealfsm_machine *machine, deal *d, const dealfsm_notice *notice);

#endif
