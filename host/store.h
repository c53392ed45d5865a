/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef HOST_STORE_H
#define HOST_STORE_H

/* What the files of the stores share. A store is a queue of puts with one writer thread (store_write.c), in front of a
 * driver: one kind of database. Drivers are called by the writer thread (commit) and by any number of readers. */

#include <dealfsm/stores.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "pool.h"

/* ---- A machine version, as far as a store can read it. Never changes once it is in the list. */
enum { STORE_NAMES = 64 };
typedef struct store_knowledge {
    struct store_knowledge *next;
    const char *machine_version;
    const dealfsm_record_v1 *record;
    const char *statuses[STORE_NAMES];
    const char *events[STORE_NAMES];
    bool is_final[STORE_NAMES]; /* statuses */
} store_knowledge;

/* ---- A put on its way, in one piece of memory. */
typedef struct store_event {
    uint32_t kind;
    uint32_t event;
    int32_t reason;
    uint64_t sequence;
    uint64_t from;
    uint64_t to;
    const char *message;
    size_t message_len;
    const char *payment_requested; /* as in dealfsm_store_event */
    const char *funds_spent;
    uint64_t total_received;
} store_event;

/* Amounts of a record, in the order of store_amounts. */
enum { STORE_PAYMENT_REQUESTED = 3, STORE_FUNDS_SPENT = 4, STORE_AMOUNTS = 7 };
enum { STORE_AMOUNT_TEXT = 312 }; /* 127 bytes of magnitude have 306 digits */

typedef struct store_put {
    struct store_put *next;
    host_job job;
    uint64_t deal;
    uint64_t revision;
    uint64_t sequence;
    uint64_t status;
    uint32_t final_state;
    int32_t outcome; /* DEALFSM_PUT_… */
    bool done;       /* outcome stands; for a caller that waits, guarded by the store's lock */
    const char *machine_version;
    const store_knowledge *known; /* or NULL */
    int64_t when;                 /* milliseconds since 1970 UTC */
    uint64_t checksum;            /* of the record */
    uint64_t erase_from;          /* history of this deal from this revision on came from failed puts; 0: none */
    const uint8_t *record;
    size_t record_len;
    const uint8_t *sidecar;
    size_t sidecar_len;
    const store_event *events;
    uint32_t events_count;
    size_t size;                  /* of this piece of memory */
    char *amounts[STORE_AMOUNTS]; /* decimal text; NULL: not known, or nobody wants it */
    uint64_t total_received;      /* where amounts are known */
    void (*stored)(void *ctx, uint64_t deal, uint64_t revision, int32_t outcome); /* NULL: the put's caller waits */
    void *stored_ctx;
} store_put;

/* ---- Drivers */
typedef struct store_driver {
    const char *scheme;
    bool amounts; /* commit wants all amounts as text, not only those of the history */
    /* Opens; *handle is what the others get. */
    int32_t (*open)(dealfsm_store *store, void **handle, dealfsm_error *error);
    void (*close)(void *handle);
    /* Writes all puts of the list, in one durable commit if it can, and sets the outcome of each: DURABLE, LOST or
     * FAILED. Negative: the commit failed, outcomes mean nothing. One thread at a time. */
    int32_t (*commit)(void *handle, store_put *first, dealfsm_error *error);
    int32_t (*rows)(void *handle, const uint64_t *after, dealfsm_store_row_fn *each, void *ctx, dealfsm_error *error);
    int32_t (*row_of)(void *handle, uint64_t deal, dealfsm_store_row_fn *each, void *ctx, dealfsm_error *error);
    int32_t (*history)(void *handle, const uint64_t *deal, dealfsm_store_event_fn *each, void *ctx,
                       dealfsm_error *error);
    /* Fills layout, bytes and flags. */
    int32_t (*stats)(void *handle, dealfsm_store_stats *out, dealfsm_error *error);
} store_driver;

extern const store_driver store_sqlite;
extern const store_driver store_leveldb;
extern const store_driver store_library;

struct dealfsm_store {
    const store_driver *driver;
    void *handle;
    char *url;
    const char *path; /* in url: what stands behind the scheme */
    dealfsm_store_options options; /* with defaults filled in; log is never NULL */
    dealfsm_store_faults faults;
    dealfsm_log_v1 log;
    _Atomic(store_knowledge *) known;
    dealfsm_store_v1 service;
    host_pool *pool;   /* where results go; NULL: no host */
    const void *host;  /* whose pool that is */
    atomic_uint users; /* generations */

    pthread_t writer;
    bool has_writer;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t work;  /* a put waits, or stopping */
    pthread_cond_t room;  /* waiting_bytes fell */
    pthread_cond_t done;  /* an outcome is there for a put whose caller waits, or all is written */
    store_put *first;
    store_put **last;
    uint64_t waiting;
    uint64_t waiting_bytes;
    bool stopping;
    bool committing;
    dealfsm_store_stats stats;
    void *failed; /* tsearch tree: deals whose last put failed; writer thread only */
};

/* ---- Copying: store_put.c. All of a put but `stored`; the caller frees it. NULL: no memory. */
store_put *store_put_copy(const dealfsm_store *store, const dealfsm_put *row);

/* ---- Writing: store_write.c */
int32_t store_writer_start(dealfsm_store *store, dealfsm_error *error);
/* Waits until nothing waits to be written. */
void store_drain(dealfsm_store *store);
/* Writes what waits, ends the thread. */
void store_writer_stop(dealfsm_store *store);
/* PENDING: stored(ctx, …) will be called by a worker of the pool. With stored NULL the call waits. */
int32_t store_put_row(dealfsm_store *store, const dealfsm_put *put,
                      void (*stored)(void *ctx, uint64_t deal, uint64_t revision, int32_t outcome), void *stored_ctx);

/* ---- For hosts: a generation begins and ends to use a store. DEALFSM_E_BUSY: another host uses it. */
int32_t store_attach(dealfsm_store *store, const void *host, host_pool *pool, const dealfsm_functions *functions,
                     dealfsm_error *error);
void store_detach(dealfsm_store *store);

/* ---- What drivers use: store_text.c */
const store_knowledge *store_known(const dealfsm_store *store, const char *machine_version);
const char *store_name(const char *const *names, uint64_t number); /* NULL: none */
extern const size_t store_amounts[STORE_AMOUNTS];                  /* offsets in dealfsm_record */
/* Writes an amount as decimal text to buffer (STORE_AMOUNT_TEXT bytes); its length. */
size_t store_amount_text(const uint8_t *amount, uint64_t amount_len, char *buffer);
/* Goes on from the checksum of what stands before; STORE_CHECKSUM: nothing does. */
#define STORE_CHECKSUM UINT64_C(1)
uint64_t store_checksum(uint64_t sum, const uint8_t *bytes, size_t length);
int64_t store_now(void);
/* "2026-01-31T12:00:00.000Z", 24 characters and NUL; back: 0 for none. */
enum { STORE_TIME_TEXT = 25 };
void store_time_text(int64_t milliseconds, char *buffer);
int64_t store_time_of(const char *text);

/* Looks at a row that a driver has read: finds its names, and whether its record can be read. Sets row->damage (text of
 * `size` bytes) where it cannot; row->flags, damage and status_name are its to set. */
void store_row_check(const dealfsm_store *store, dealfsm_store_row *row, char *damage, size_t size);
void store_event_names(const dealfsm_store *store, const char *machine_version, dealfsm_store_event *event);

#endif
