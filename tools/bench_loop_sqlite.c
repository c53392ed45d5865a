/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* A bare SQLite loop: the tables of a store, filled by one thread with values that lie ready. */

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "bench_puts.h"

enum { COLUMNS_MAX = 64, SQL = 8192 };

/* A row of a table; column 0 is the deal's id. */
typedef struct cells {
    int count; /* 0: no row */
    sqlite3_value *values[COLUMNS_MAX];
} cells;

typedef struct loop {
    sqlite3 *db;
    sqlite3_stmt *begin, *commit, *deal, *event;
    cells deals[PUTS];
    cells events[PUTS];
    char deal_sql[SQL], event_sql[SQL];
} loop;

static bool fail(sqlite3 *db, dealfsm_error *error)
{
    return bench_fail(error, "a bare SQLite loop: %s", sqlite3_errmsg(db));
}

/* ---- What a store writes for each put, read back */

static void write_insert(sqlite3_stmt *row, const char *table, bool update, char *sql)
{
    const int count = sqlite3_column_count(row);
    int at = snprintf(sql, SQL, "INSERT INTO %s VALUES (?1", table);
    for (int i = 1; i < count; i++) {
        at += snprintf(sql + at, (size_t)(SQL - at), ", ?%d", i + 1);
    }
    at += snprintf(sql + at, (size_t)(SQL - at), ")");
    for (int i = 1; i < count && update; i++) {
        const char *name = sqlite3_column_name(row, i);
        at += snprintf(sql + at, (size_t)(SQL - at), "%s %s = excluded.%s", i == 1 ? " ON CONFLICT DO UPDATE SET" : ",",
                       name, name);
    }
}

static bool read_row(sqlite3 *db, const char *table, const bench_puts *puts, uint32_t k, cells *out, char *sql,
                     dealfsm_error *error)
{
    char select[128];
    sqlite3_stmt *row = NULL;
    (void)snprintf(select, sizeof select, "SELECT * FROM %s WHERE revision = %lld", table,
                   (long long)puts->puts[k].revision);
    if (sqlite3_prepare_v2(db, select, -1, &row, NULL) != SQLITE_OK || sqlite3_column_count(row) > COLUMNS_MAX) {
        sqlite3_finalize(row);
        return fail(db, error);
    }
    write_insert(row, table, strcmp(table, "deals") == 0, sql);
    if (sqlite3_step(row) == SQLITE_ROW) {
        out->count = sqlite3_column_count(row);
        for (int i = 0; i < out->count; i++) {
            out->values[i] = sqlite3_value_dup(sqlite3_column_value(row, i));
        }
    }
    sqlite3_finalize(row);
    return true;
}

static bool read_puts(loop *l, const bench_loop_place *where, const char *path, dealfsm_store *store,
                      dealfsm_error *error)
{
    sqlite3 *db = NULL;
    bool well = sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK || fail(db, error);
    for (uint32_t k = 0; k < PUTS && well; k++) {
        well = bench_puts_write(where->puts, k, store, error) &&
               read_row(db, "deals", where->puts, k, &l->deals[k], l->deal_sql, error) &&
               read_row(db, "history", where->puts, k, &l->events[k], l->event_sql, error) &&
               (l->deals[k].count > 0 || bench_fail(error, "a put of the path is not in its store"));
    }
    sqlite3_close(db);
    return well;
}

static bool open_store(const char *path, uint32_t flags, dealfsm_store **store, dealfsm_error *error)
{
    char url[BENCH_PATH + 16];
    const dealfsm_store_options options = {.struct_size = sizeof options, .flags = flags};
    (void)snprintf(url, sizeof url, "sqlite:%s", path);
    return dealfsm_store_open(url, &options, store, error) >= 0;
}

static bool learn(loop *l, const bench_loop_place *where, const char *path, dealfsm_error *error)
{
    char other[BENCH_PATH];
    dealfsm_store *store = NULL;
    (void)snprintf(other, sizeof other, "%.4000s.rows", path);
    const bool well = open_store(other, where->flags, &store, error) && read_puts(l, where, other, store, error);
    dealfsm_store_close(store, NULL);
    return well;
}

/* ---- The loop */

static void loop_close(void *self)
{
    loop *l = self;
    sqlite3_stmt *const statements[] = {l->begin, l->commit, l->deal, l->event};
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        sqlite3_finalize(statements[i]);
    }
    sqlite3_close(l->db);
    for (uint32_t k = 0; k < PUTS; k++) {
        for (int i = 0; i < COLUMNS_MAX; i++) {
            sqlite3_value_free(l->deals[k].values[i]);
            sqlite3_value_free(l->events[k].values[i]);
        }
    }
    free(l);
}

static bool prepare(loop *l, const char *sql, sqlite3_stmt **statement)
{
    return sqlite3_prepare_v3(l->db, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL) == SQLITE_OK;
}

/* A store makes the tables, and leaves the file as it sets it up for itself. */
static bool open_tables(loop *l, const char *path, dealfsm_error *error)
{
    dealfsm_store *store = NULL;
    if (!open_store(path, 0, &store, error) || dealfsm_store_close(store, error) < 0) {
        return false;
    }
    return (sqlite3_open_v2(path, &l->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK &&
            sqlite3_exec(l->db, "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864", NULL, NULL, NULL) ==
                SQLITE_OK &&
            prepare(l, "BEGIN IMMEDIATE", &l->begin) && prepare(l, "COMMIT", &l->commit) &&
            prepare(l, l->deal_sql, &l->deal) && prepare(l, l->event_sql, &l->event)) ||
           fail(l->db, error);
}

static void *loop_open(const bench_loop_place *where, dealfsm_error *error)
{
    char path[BENCH_PATH];
    loop *l = calloc(1, sizeof *l);
    bench_place_file(where->place, where->name, path);
    if (l == NULL) {
        (void)bench_fail(error, "no memory");
        return NULL;
    }
    if (!learn(l, where, path, error) || !open_tables(l, path, error)) {
        loop_close(l);
        return NULL;
    }
    return l;
}

static bool run(sqlite3_stmt *statement)
{
    sqlite3_step(statement);
    return sqlite3_reset(statement) == SQLITE_OK;
}

static void bind(sqlite3_stmt *statement, int at, sqlite3_value *value)
{
    switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER:
        sqlite3_bind_int64(statement, at, sqlite3_value_int64(value));
        break;
    case SQLITE_TEXT:
        sqlite3_bind_text(statement, at, (const char *)sqlite3_value_text(value), sqlite3_value_bytes(value),
                          SQLITE_STATIC);
        break;
    case SQLITE_BLOB:
        sqlite3_bind_blob(statement, at, sqlite3_value_blob(value), sqlite3_value_bytes(value), SQLITE_STATIC);
        break;
    default:
        sqlite3_bind_null(statement, at);
    }
}

static bool put_cells(sqlite3_stmt *statement, const cells *row, uint64_t deal)
{
    sqlite3_bind_int64(statement, 1, (sqlite3_int64)deal);
    for (int i = 1; i < row->count; i++) {
        bind(statement, i + 1, row->values[i]);
    }
    return row->count == 0 || run(statement);
}

static bool loop_begin(void *self)
{
    return run(((loop *)self)->begin);
}

static bool loop_put(void *self, uint64_t deal, uint32_t k)
{
    const loop *l = self;
    return put_cells(l->deal, &l->deals[k], deal) && put_cells(l->event, &l->events[k], deal);
}

static bool loop_commit(void *self)
{
    return run(((loop *)self)->commit);
}

static void loop_explain(void *self, dealfsm_error *error)
{
    (void)fail(((loop *)self)->db, error);
}

const bench_loop bench_loop_sqlite = {loop_open, loop_begin, loop_put, loop_commit, loop_explain, loop_close};
