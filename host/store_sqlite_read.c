/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "error.h"
#include "store_sqlite.h"

/* Readers. Ids are signed in SQLite: those from 2^63 on are negative there, and come last here. */

static const char rows_sql[] =
    "SELECT id, machine_version, status_name, status, final, sequence, revision, created, updated, record, sidecar,"
    " checksum FROM deals WHERE id BETWEEN ?1 AND ?2 ORDER BY id";
static const char history_sql[] =
    "SELECT deal, revision, sequence, kind, event, event_name, from_status, from_name, to_status, to_name, time,"
    " reason, message, payment_requested, funds_spent, total_received"
    " FROM history WHERE deal BETWEEN ?1 AND ?2 ORDER BY deal, revision, position";

/* ---- Connections */

static int32_t take_reader(sqlite_store *it, sqlite3 **db, dealfsm_error *error)
{
    *db = NULL;
    pthread_mutex_lock(&it->lock_readers);
    for (size_t i = 0; i < SQLITE_STORE_READERS && *db == NULL; i++) {
        *db = it->readers[i];
        it->readers[i] = NULL;
    }
    pthread_mutex_unlock(&it->lock_readers);
    return *db != NULL ? DEALFSM_OK : sqlite_connect(it, false, db, error);
}

static void give_reader(sqlite_store *it, sqlite3 *db)
{
    pthread_mutex_lock(&it->lock_readers);
    for (size_t i = 0; i < SQLITE_STORE_READERS && db != NULL; i++) {
        if (it->readers[i] == NULL) {
            it->readers[i] = db;
            db = NULL;
        }
    }
    pthread_mutex_unlock(&it->lock_readers);
    sqlite3_close(db);
}

/* ---- Walks */

typedef struct walk {
    sqlite_store *it;
    void (*read)(struct walk *w, sqlite3_stmt *statement); /* hands one row over; sets result */
    dealfsm_store_row_fn *row;
    dealfsm_store_event_fn *event;
    void *ctx;
    int32_t result; /* of the last row handed over; not 0: the walk ends */
    uint64_t last;  /* deal */
    uint64_t count;
    unsigned holes; /* damaged parts that were left out */
} walk;

/* Walks until the end or an error; the result of SQLite. */
static int walk_some(walk *w, sqlite3 *db, const char *sql, int64_t from, int64_t to)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (code == SQLITE_OK) {
        sqlite3_bind_int64(statement, 1, from);
        sqlite3_bind_int64(statement, 2, to);
        while (w->result == 0 && (code = sqlite3_step(statement)) == SQLITE_ROW) {
            w->last = (uint64_t)sqlite3_column_int64(statement, 0);
            w->count++;
            w->read(w, statement);
        }
    }
    sqlite3_finalize(statement);
    return code == SQLITE_ROW ? SQLITE_DONE : code;
}

/* Whether anything from `from` on can be read, be it that there is nothing. */
static bool can_be_read(sqlite3 *db, const char *sql, int64_t from, int64_t to)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (code == SQLITE_OK) {
        sqlite3_bind_int64(statement, 1, from);
        sqlite3_bind_int64(statement, 2, to);
        code = sqlite3_step(statement);
    }
    sqlite3_finalize(statement);
    return code == SQLITE_ROW || code == SQLITE_DONE;
}

/* The first id behind a damaged page, by halving: strides from `bad` that double until something can be read, then the
 * least of them that does. 0: nothing can be. */
static int64_t behind_damage(sqlite3 *db, const char *sql, int64_t bad, int64_t to)
{
    uint64_t stride = 1, most = (uint64_t)to - (uint64_t)bad;
    while (stride < most && !can_be_read(db, sql, (int64_t)((uint64_t)bad + stride), to))
        stride *= 2;
    if (stride > most || stride == 0 || !can_be_read(db, sql, (int64_t)((uint64_t)bad + stride), to))
        return 0;
    uint64_t low = stride / 2, high = stride;
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (can_be_read(db, sql, (int64_t)((uint64_t)bad + middle), to))
            high = middle;
        else
            low = middle;
    }
    return (int64_t)((uint64_t)bad + high);
}

static int32_t walk_range(walk *w, sqlite3 *db, const char *sql, int64_t from, int64_t to, dealfsm_error *error)
{
    for (;;) {
        uint64_t before = w->count;
        int code = walk_some(w, db, sql, from, to);
        if (w->result != 0 || code == SQLITE_DONE)
            return w->result;
        int64_t bad = w->count > before && w->last < (uint64_t)to ? (int64_t)(w->last + 1) : from;
        int64_t next = (code & 0xff) == SQLITE_CORRUPT ? behind_damage(db, sql, bad, to) : 0;
        if ((code & 0xff) != SQLITE_CORRUPT)
            return sqlite_failure(db, code, w->it->store->path, "read", error);
        w->holes++;
        if (next == 0)
            return DEALFSM_OK;
        from = next;
    }
}

/* What a walk has left out, it says at its end. */
static int32_t name_holes(const walk *w, int32_t result, dealfsm_error *error)
{
    if (result != 0 || w->holes == 0)
        return result;
    return host_error(error, DEALFSM_E_CORRUPT, "url",
                      "%s: all that can be read was read, but %u parts are damaged; restore a copy of it, or try the "
                      "sqlite3 shell's .recover",
                      host_short(w->it->store->path), w->holes);
}

/* All deals from `from` on, ascending as unsigned numbers. */
static int32_t walk_from(walk *w, const char *sql, uint64_t from, dealfsm_error *error)
{
    sqlite3 *db;
    int32_t result = take_reader(w->it, &db, error);
    if (result < 0)
        return result;
    if (from <= INT64_MAX)
        result = walk_range(w, db, sql, (int64_t)from, INT64_MAX, error);
    if (result == 0)
        result = walk_range(w, db, sql, from <= INT64_MAX ? INT64_MIN : (int64_t)from, -1, error);
    give_reader(w->it, db);
    return name_holes(w, result, error);
}

static int32_t walk_one(walk *w, const char *sql, uint64_t deal, dealfsm_error *error)
{
    sqlite3 *db;
    int32_t result = take_reader(w->it, &db, error);
    if (result < 0)
        return result;
    result = walk_range(w, db, sql, (int64_t)deal, (int64_t)deal, error);
    give_reader(w->it, db);
    return name_holes(w, result, error);
}

/* ---- Rows */

static uint64_t number(sqlite3_stmt *statement, int at)
{
    return (uint64_t)sqlite3_column_int64(statement, at);
}

static const char *text(sqlite3_stmt *statement, int at)
{
    return (const char *)sqlite3_column_text(statement, at);
}

static void read_row(walk *w, sqlite3_stmt *statement)
{
    char damage[256] = "";
    dealfsm_store_row row = {.struct_size = sizeof row,
                             .flags = sqlite3_column_int(statement, 4) != 0 ? (uint32_t)DEALFSM_ROW_FINAL : 0,
                             .deal = number(statement, 0),
                             .sequence = number(statement, 5),
                             .revision = number(statement, 6),
                             .status = number(statement, 3),
                             .machine_version = text(statement, 1),
                             .status_name = text(statement, 2),
                             .created = store_time_of(text(statement, 7)),
                             .updated = store_time_of(text(statement, 8)),
                             .record = sqlite3_column_blob(statement, 9),
                             .record_len = (uint64_t)sqlite3_column_bytes(statement, 9),
                             .sidecar = sqlite3_column_blob(statement, 10),
                             .sidecar_len = (uint64_t)sqlite3_column_bytes(statement, 10)};
    uint64_t sum = store_checksum(STORE_CHECKSUM, row.record, row.record_len);
    if (store_checksum(sum, row.sidecar, row.sidecar_len) != number(statement, 11)) {
        snprintf(damage, sizeof damage,
                 "the row of deal %" PRIu64 " is damaged or was changed by hand: its checksum does not match",
                 row.deal);
        row.flags |= DEALFSM_ROW_DAMAGED;
        row.damage = damage;
    }
    if (row.sidecar_len == 0)
        row.flags |= DEALFSM_ROW_BARE;
    store_row_check(w->it->store, &row, damage, sizeof damage);
    w->result = w->row(w->ctx, &row);
}

int32_t sqlite_rows(void *handle, const uint64_t *after, dealfsm_store_row_fn *each, void *ctx, dealfsm_error *error)
{
    walk w = {.it = handle, .read = read_row, .row = each, .ctx = ctx};
    if (after != NULL && *after == UINT64_MAX)
        return DEALFSM_OK;
    return walk_from(&w, rows_sql, after != NULL ? *after + 1 : 0, error);
}

int32_t sqlite_row_of(void *handle, uint64_t deal, dealfsm_store_row_fn *each, void *ctx, dealfsm_error *error)
{
    walk w = {.it = handle, .read = read_row, .row = each, .ctx = ctx};
    int32_t result = walk_one(&w, rows_sql, deal, error);
    if (result == 0 && w.count == 0)
        return host_error(error, DEALFSM_E_NOT_FOUND, "deal", "the store has no deal %" PRIu64, deal);
    return result;
}

/* ---- History */

static uint32_t kind_of(const char *word)
{
    if (word == NULL)
        return 0;
    if (strcmp(word, "applied") == 0)
        return DEALFSM_HAPPENED_APPLIED;
    if (strcmp(word, "refused") == 0)
        return DEALFSM_HAPPENED_REFUSED;
    if (strcmp(word, "terminated") == 0)
        return DEALFSM_HAPPENED_TERMINATED;
    return strcmp(word, "moved") == 0 ? DEALFSM_HAPPENED_MOVED : 0;
}

static void read_event(walk *w, sqlite3_stmt *statement)
{
    dealfsm_store_event event = {.struct_size = sizeof event,
                                 .kind = kind_of(text(statement, 3)),
                                 .deal = number(statement, 0),
                                 .revision = number(statement, 1),
                                 .sequence = number(statement, 2),
                                 .event = (uint32_t)number(statement, 4),
                                 .reason = sqlite3_column_int(statement, 11),
                                 .from = number(statement, 6),
                                 .to = number(statement, 8),
                                 .when = store_time_of(text(statement, 10)),
                                 .event_name = text(statement, 5),
                                 .from_name = text(statement, 7),
                                 .to_name = text(statement, 9),
                                 .message = text(statement, 12),
                                 .message_len = (uint64_t)sqlite3_column_bytes(statement, 12),
                                 .payment_requested = text(statement, 13),
                                 .funds_spent = text(statement, 14),
                                 .total_received = number(statement, 15)};
    w->result = w->event(w->ctx, &event);
}

int32_t sqlite_history(void *handle, const uint64_t *deal, dealfsm_store_event_fn *each, void *ctx,
                       dealfsm_error *error)
{
    walk w = {.it = handle, .read = read_event, .event = each, .ctx = ctx};
    return deal != NULL ? walk_one(&w, history_sql, *deal, error) : walk_from(&w, history_sql, 0, error);
}

/* ---- Figures */

static uint64_t size_of(const char *path, const char *tail)
{
    struct stat info;
    size_t size = strlen(path) + strlen(tail) + 1;
    char *name = malloc(size);
    if (name == NULL)
        return 0;
    snprintf(name, size, "%s%s", path, tail);
    uint64_t bytes = stat(name, &info) == 0 ? (uint64_t)info.st_size : 0;
    free(name);
    return bytes;
}

int32_t sqlite_stats(void *handle, dealfsm_store_stats *out, dealfsm_error *error)
{
    sqlite_store *it = handle;
    sqlite3 *db;
    int layout = 0;
    int32_t result = take_reader(it, &db, error);
    if (result < 0)
        return result;
    result = sqlite_layout_check(db, it->store->path, &layout, error);
    give_reader(it, db);
    out->layout = (uint32_t)layout;
    out->bytes = size_of(it->store->path, "") + size_of(it->store->path, "-wal") + size_of(it->store->path, "-shm");
    return result;
}
