/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef HOST_STORE_LEVELDB_H
#define HOST_STORE_LEVELDB_H

/* What the files of the LevelDB driver share: keys, values, and the open database.
 *
 * Keys of go-fil-markets (go-ds-versioning), values are stored records:
 *   /retrievals/client/<id>               client 0.5.6
 *   /retrievals/client/1/<id>             client 1.0.9
 *   /retrievals/client/2/<id>             client 1.28.3
 *   /retrievals/client/versions/current   "1" or "2"; not there: before versions
 * Ours, beside them:
 *   /dealfsm/layout                       "1"
 *   /dealfsm/deal/<id>                    what the reference has no place for: leveldb_side
 *   /dealfsm/history/<id>/<revision>      what one put told (16 hex digits)
 *   /dealfsm/record/<id>                  records of machine versions that the reference never had
 * Ids are decimal. A deal is in one place at a time; if it is in several (the reference has migrated a copy), the
 * highest layout counts. */

#include <leveldb/c.h>

#include "store.h"

enum { LEVELDB_PLACES = 4, LEVELDB_KEY_MOST = 80, LEVELDB_REVISIONS = 1 << 16 };

typedef struct leveldb_place {
    const char *prefix;
    const char *machine_version; /* of bare records; NULL: ours, which are never bare */
    const char *current;         /* what versions/current says for it; NULL: nothing */
} leveldb_place;
extern const leveldb_place leveldb_places[LEVELDB_PLACES];

extern const char leveldb_side_prefix[], leveldb_current_key[], leveldb_layout_key[];

typedef struct leveldb_key {
    size_t length;
    char text[LEVELDB_KEY_MOST];
} leveldb_key;

/* Where a machine version keeps its records. */
unsigned leveldb_place_of(const char *machine_version);
leveldb_key leveldb_id_key(const char *prefix, uint64_t deal);
leveldb_key leveldb_history_key(uint64_t deal, uint64_t revision);

/* The value beside a record. */
typedef struct leveldb_side {
    uint64_t revision;
    uint64_t sequence;
    uint64_t status;
    int64_t created;
    int64_t updated;
    uint64_t record_checksum;
    bool final_state;
    const char *machine_version; /* not ended by NUL when read */
    size_t machine_version_len;
    const uint8_t *sidecar;
    size_t sidecar_len;
} leveldb_side;
size_t leveldb_side_size(const leveldb_side *side);
void leveldb_side_write(const leveldb_side *side, uint8_t *bytes);
/* Spans point into bytes. false: damaged. */
bool leveldb_side_read(const uint8_t *bytes, size_t length, leveldb_side *side);

/* What a put told. */
size_t leveldb_history_size(const store_put *put);
void leveldb_history_write(const store_put *put, uint8_t *bytes);
/* Hands each event over; false: damaged. *result: of the last one, not 0: stop. */
bool leveldb_history_read(const dealfsm_store *store, uint64_t deal, uint64_t revision, const uint8_t *bytes,
                          size_t length, dealfsm_store_event_fn *each, void *ctx, int32_t *result);

/* How many events such a value holds. */
uint32_t leveldb_history_events(const uint8_t *bytes, size_t length);

/* A deal as the writer remembers it: in the slot of its id, unless another has taken that. */
typedef struct leveldb_known {
    uint64_t deal;
    uint64_t revision; /* 0: the slot is empty */
    int64_t created;
    unsigned place;
} leveldb_known;

typedef struct leveldb_store {
    dealfsm_store *store;
    char *path;  /* of what is open: the store's, or the private copy's */
    bool copied; /* the copy is removed at close */
    leveldb_options_t *options;
    leveldb_filterpolicy_t *filter;
    leveldb_writeoptions_t *synced;
    leveldb_writebatch_t *batch;
    unsigned current;          /* the place that versions/current names */
    bool used[LEVELDB_PLACES]; /* there are, or may be, records in it */
    bool broken;               /* a write failed: the database has to be opened again before the next */
    leveldb_known *known;      /* LEVELDB_REVISIONS slots; writer thread only */
    pthread_rwlock_t lock;     /* readers hold it while they use db; who opens again takes it for himself */
    leveldb_t *db;             /* NULL: could not be opened again */
} leveldb_store;

/* Turns an error of LevelDB into ours and frees it. */
int32_t leveldb_failure(const leveldb_store *it, char *why, const char *doing, dealfsm_error *error);
/* Tells the log what LevelDB left out of its journal when it was opened. store_leveldb_lost.c */
void leveldb_tell_lost(const leveldb_store *it);
/* Closes and opens again. DEALFSM_E_BUSY: somebody reads; DEALFSM_E_IO. */
int32_t leveldb_open_again(leveldb_store *it, dealfsm_error *error);
/* Copies a database that nobody has open to a directory of its own. *copy is freed by the caller. */
int32_t leveldb_copy(const char *path, char **copy, dealfsm_error *error);
void leveldb_copy_remove(const char *copy);

int32_t leveldb_commit(void *handle, store_put *first, dealfsm_error *error);
int32_t leveldb_rows(void *handle, const uint64_t *after, dealfsm_store_row_fn *each, void *ctx, dealfsm_error *error);
int32_t leveldb_row_of(void *handle, uint64_t deal, dealfsm_store_row_fn *each, void *ctx, dealfsm_error *error);
int32_t leveldb_history(void *handle, const uint64_t *deal, dealfsm_store_event_fn *each, void *ctx,
                        dealfsm_error *error);
int32_t leveldb_stats(void *handle, dealfsm_store_stats *out, dealfsm_error *error);

/* ---- A walk over keys PREFIX<id> by number: decimal keys are in another order. store_leveldb_walk.c */
typedef struct leveldb_walk {
    leveldb_iterator_t *iterator;
    const char *prefix;
    size_t prefix_len;
    unsigned digits; /* of the ids looked for now: keys of one length are in the order of numbers */
    unsigned longer; /* the shortest length above that was met; 0: none */
    bool skipped;    /* keys above that length were jumped over, so that a shorter one may be among them */
    bool valid;
    uint64_t deal; /* where it stands */
} leveldb_walk;
/* Stands on the first id from `from` on, or is not valid. */
void leveldb_walk_start(leveldb_walk *w, leveldb_t *db, const leveldb_readoptions_t *options, const char *prefix,
                        uint64_t from);
void leveldb_walk_next(leveldb_walk *w);
void leveldb_walk_end(leveldb_walk *w);

#endif
