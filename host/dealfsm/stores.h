/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef DEALFSM_STORES_H
#define DEALFSM_STORES_H

/* Durable stores, behind the service store/1 (store.h). A store is named by a URL:
 *   sqlite:FILE   one SQLite database, to be read with the sqlite3 shell while a node runs.
 *   leveldb:DIR   a LevelDB directory with the keys and bytes of go-fil-markets, so that a node's own datastore can be
 *                 taken over; what we add stands beside them below /dealfsm/.
 *   library:FILE.so:PLACE   a store of the host's own: storelibrary.h.
 *
 *     dealfsm_store_open -> services.durable of dealfsm_host_open -> dealfsm_host_resume
 *     … -> dealfsm_host_free -> dealfsm_store_close
 *
 * Writing: one thread per store commits whatever has gathered while the last commit ran; a lone put is committed at
 * once. A failed commit fails every put in it. A put whose revision is not above its row's is LOST. Results reach the
 * machines through the host's worker pool.
 * Reading: rows come in id order, in constant memory, from the last commit; what is damaged is named and does not hide
 * the rest. A tool reads while a node runs (SQLite), or from a private copy that it makes (LevelDB).
 *
 * One thing has to be known of numbers in the SQLite tables: ids, statuses, sequences and bytes are signed there; a
 * deal id of 2^63 or more stands there minus 2^64. */

#include <dealfsm/host.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    DEALFSM_STORE_READ_ONLY = 1,  /* never writes; needs no node to be stopped for SQLite, but for LevelDB */
    DEALFSM_STORE_MUST_EXIST = 2, /* else a store that is not there is made */
    DEALFSM_STORE_NO_HISTORY = 4  /* events are not written; what is there stays */
};

/* For tests: commits that fail, and when. (A disk that fails is put below a store, as dealfsm-validate does.) */
enum {
    DEALFSM_FAULT_COMMIT = 1, /* they leave nothing behind */
    DEALFSM_FAULT_LANDED = 2  /* what they wrote is there */
};
typedef struct dealfsm_store_faults {
    uint32_t struct_size;
    uint32_t kind;  /* DEALFSM_FAULT_…, 0: none */
    uint64_t first; /* the how-manieth commit is the first to fail, from 1 */
    uint64_t count; /* so many fail; 0: all from there on */
} dealfsm_store_faults;

typedef struct dealfsm_store_options {
    uint32_t struct_size;
    uint32_t flags;                     /* DEALFSM_STORE_… */
    uint32_t batch_puts;                /* puts in one commit, at most; 0: 4,096 */
    uint32_t history_limit;             /* events of a deal that are kept, the last; 0: all */
    uint64_t waiting_bytes;             /* beyond so many that wait to be written, a put waits for room; 0: 64 MiB */
    const dealfsm_store_faults *faults; /* NULL: none */
    const dealfsm_log_v1 *log;          /* told what was found damaged and commits that failed; deal 0: of none; NULL: nobody */
    const char *private_dir;            /* library: where its copy is loaded from, as for modules; NULL: one is made */
} dealfsm_store_options;

/* Opens a store; options may be NULL. DEALFSM_E_ARGUMENT: no such kind of store, or a path without a
 * kind; DEALFSM_E_NOT_FOUND: it is not there and may not be made; DEALFSM_E_BUSY: another process writes to it (LevelDB:
 * has it open); DEALFSM_E_VERSION: its layout is newer than this library; DEALFSM_E_CORRUPT: not a store;
 * DEALFSM_E_IO: the place is read-only, full or broken. The texts say what to do. [any] */
int32_t dealfsm_store_open(const char *url, const dealfsm_store_options *options, dealfsm_store **store,
                           dealfsm_error *error);

/* The kinds of URLs, for texts that say what was expected. */
#define DEALFSM_STORE_URLS "sqlite:FILE, leveldb:DIR or library:FILE.so:PLACE"
/* 1: the word begins as one of them does; 0: it is a path, or anything else. [any] */
int32_t dealfsm_store_is_url(const char *word);

/* What a URL says behind its scheme, and behind the library: where the store is. Points into url. [any] */
const char *dealfsm_store_place(const char *url);

/* Writes what waits, and closes. DEALFSM_E_BUSY: a generation of a host uses it. NULL: nothing. [outside] */
int32_t dealfsm_store_close(dealfsm_store *store, dealfsm_error *error);

/* Lets the store read records of a machine version (names of statuses and events, amounts as text, damage), by the
 * interfaces describe/1 and record/1 of a module. dealfsm_host_open does it for its own module. [any] */
int32_t dealfsm_store_teach(dealfsm_store *store, const dealfsm_functions *functions, dealfsm_error *error);

/* The service for a machine that no host of this library holds: a put waits until it is durable. Lives until close. */
const dealfsm_store_v1 *dealfsm_store_service(dealfsm_store *store);

/* ---- Reading */

enum {
    DEALFSM_ROW_FINAL = 1,   /* the deal has ended, its machine said with the put */
    DEALFSM_ROW_BARE = 2,    /* a record without sidecar: a node of the reference wrote it */
    DEALFSM_ROW_DAMAGED = 4, /* set aside: `damage` says what is wrong; all else may be missing or wrong, but `deal` */
    DEALFSM_ROW_LEFT_BEHIND = 8 /* with BARE: it did so after our last put, whose sidecar no longer belongs to it */
};
/* Pointers live until the function that got the row returns. */
typedef struct dealfsm_store_row {
    uint32_t struct_size;
    uint32_t flags; /* DEALFSM_ROW_… */
    uint64_t deal;
    uint64_t sequence;
    uint64_t revision; /* 0: never put by us */
    uint64_t status;
    const char *machine_version; /* ends with NUL */
    const char *status_name;     /* NULL: not known */
    int64_t created;             /* milliseconds since 1970 UTC; 0: not known */
    int64_t updated;
    const uint8_t *record;
    uint64_t record_len;
    const uint8_t *sidecar;
    uint64_t sidecar_len;
    const char *damage; /* ends with NUL, or NULL */
} dealfsm_store_row;

/* One event of a deal's past, or its move to another machine version (kind MOVED, as in store.h). */
typedef struct dealfsm_store_event {
    uint32_t struct_size;
    uint32_t kind; /* DEALFSM_HAPPENED_… */
    uint64_t deal;
    uint64_t revision; /* of the put that told it */
    uint64_t sequence; /* of the deal after it */
    uint32_t event;
    int32_t reason;
    uint64_t from;
    uint64_t to;
    int64_t when;           /* milliseconds since 1970 UTC */
    const char *event_name; /* NULL: not known, or it moved */
    const char *from_name;
    const char *to_name;
    const char *message; /* does not end with NUL */
    uint64_t message_len;
    /* What the record says after an applied event. NULL: not known, since the event was not applied, or the store was
     * not taught its machine version. */
    const char *payment_requested; /* attoFIL, decimal */
    const char *funds_spent;
    uint64_t total_received; /* bytes; where payment_requested is not NULL */
} dealfsm_store_event;

/* What a walk hands over; a result other than 0 ends the walk, which returns it. It may call any function of this
 * library but close of this store. */
typedef int32_t dealfsm_store_row_fn(void *ctx, const dealfsm_store_row *row);
typedef int32_t dealfsm_store_event_fn(void *ctx, const dealfsm_store_event *event);

/* Every row above *after (NULL: all), by ascending deal id. DEALFSM_E_CORRUPT: parts of the files are damaged; all rows
 * that can be read were handed over. [any] */
int32_t dealfsm_store_rows(dealfsm_store *store, const uint64_t *after, dealfsm_store_row_fn *each, void *ctx,
                           dealfsm_error *error);
/* One deal. DEALFSM_E_NOT_FOUND. [any] */
int32_t dealfsm_store_row_of(dealfsm_store *store, uint64_t deal, dealfsm_store_row_fn *each, void *ctx,
                             dealfsm_error *error);
/* The events of *deal (NULL: of all deals, by ascending deal id), in the order of their puts. [any] */
int32_t dealfsm_store_history(dealfsm_store *store, const uint64_t *deal, dealfsm_store_event_fn *each, void *ctx,
                              dealfsm_error *error);

enum {
    DEALFSM_STATS_NO_HISTORY = 1, /* this kind of store keeps none */
    DEALFSM_STATS_COPY = 2        /* a copy made at open: what is written since is not seen */
};
typedef struct dealfsm_store_stats {
    uint32_t struct_size;
    uint32_t layout;              /* number of the layout on disk */
    uint64_t bytes;               /* on disk, all files */
    uint64_t commits;             /* since open, by this process */
    uint64_t puts;                /* in them */
    uint64_t puts_lost;           /* not above their rows' revision */
    uint64_t puts_failed;         /* perhaps landed */
    uint64_t commit_microseconds; /* spent in commits */
    uint64_t largest_commit;      /* puts */
    uint64_t waiting;             /* puts not committed yet */
    uint32_t flags;               /* DEALFSM_STATS_… */
    uint32_t reserved;
} dealfsm_store_stats;
/* [any] */
int32_t dealfsm_store_stats_of(dealfsm_store *store, dealfsm_store_stats *out, dealfsm_error *error);

/* ---- Resume */

enum {
    DEALFSM_RESUME_BARE_OWED = 1 /* rows without sidecar: the handler of their state is owed; else nothing is */
};
typedef struct dealfsm_resumed {
    uint32_t struct_size;
    uint32_t reserved;
    uint64_t rows;
    uint64_t resumed;    /* restored and activated */
    uint64_t bare;       /* among them: without sidecar */
    uint64_t final_rows; /* ended: they stay in the store, where query finds them */
    uint64_t there;      /* in the host already: left alone */
    uint64_t waiting;    /* their machine version is not open: they wait for it */
    uint64_t damaged;    /* set aside */
} dealfsm_resumed;

/* What resume tells of a row that it did not bring back: DEALFSM_E_VERSION (waits), DEALFSM_E_CORRUPT (set aside), or
 * what restore answered. */
typedef void dealfsm_resume_fn(void *ctx, const dealfsm_store_row *row, int32_t result, const char *text);

/* Brings every deal of a store back that has not ended: each in the generation of the machine version that its row
 * names, then activated. May be interrupted and called again. told and out may be NULL. Rows that cannot be brought
 * back do not hinder the others. DEALFSM_E_STATE: no generation of this host uses the store; DEALFSM_E_CORRUPT: parts
 * of the store's files are damaged, all else was resumed and counted. [any] */
int32_t dealfsm_host_resume(dealfsm_host *host, dealfsm_store *store, uint32_t flags, dealfsm_resume_fn *told,
                            void *ctx, dealfsm_resumed *out, dealfsm_error *error);

#ifdef __cplusplus
}
#endif
#endif
