/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef HOST_STORE_SQLITE_H
#define HOST_STORE_SQLITE_H

/* What the files of the SQLite driver share. One connection writes (the writer thread's); readers take one of their own
 * for each walk, and give it back. */

#include <sqlite3.h>

#include "store.h"

enum { SQLITE_STORE_READERS = 4 }; /* connections kept for the next reader */

typedef struct sqlite_store {
    dealfsm_store *store;
    int lock;            /* FILE.lock, locked: one node writes; -1: none */
    bool immutable;      /* read-only, and no writer has left a journal: nothing beside the file can be made */
    sqlite3 *writer;
    sqlite3_stmt *put;
    sqlite3_stmt *event;
    sqlite3_stmt *erase;
    sqlite3_stmt *prune;
    sqlite3_stmt *begin;
    sqlite3_stmt *commit;
    pthread_mutex_t lock_readers; /* guards what follows */
    sqlite3 *readers[SQLITE_STORE_READERS];
} sqlite_store;

/* The layout of the tables: store_sqlite_layout.c. DEALFSM_E_VERSION: newer; DEALFSM_E_CORRUPT: another program's. */
int32_t sqlite_layout_check(sqlite3 *db, const char *path, int *layout, dealfsm_error *error);
/* Makes the tables, or brings them up to date. */
int32_t sqlite_layout_upgrade(sqlite3 *db, const char *path, dealfsm_error *error);

/* Opens a connection for reading or writing. */
int32_t sqlite_connect(const sqlite_store *it, bool write, sqlite3 **db, dealfsm_error *error);
/* Turns a result of SQLite into ours, with its words. `doing`: "opened", "read". */
int32_t sqlite_failure(sqlite3 *db, int code, const char *path, const char *doing, dealfsm_error *error);

int32_t sqlite_prepare_writes(sqlite_store *it, dealfsm_error *error);
void sqlite_finish_writes(sqlite_store *it);
int32_t sqlite_commit(void *handle, store_put *first, dealfsm_error *error);

int32_t sqlite_rows(void *handle, const uint64_t *after, dealfsm_store_row_fn *each, void *ctx, dealfsm_error *error);
int32_t sqlite_row_of(void *handle, uint64_t deal, dealfsm_store_row_fn *each, void *ctx, dealfsm_error *error);
int32_t sqlite_history(void *handle, const uint64_t *deal, dealfsm_store_event_fn *each, void *ctx,
                       dealfsm_error *error);
int32_t sqlite_stats(void *handle, dealfsm_store_stats *out, dealfsm_error *error);

#endif
