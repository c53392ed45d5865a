/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _DEFAULT_SOURCE
#include "store_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"

/* Opens and closes databases. */

enum { BUSY_OPEN_MS = 500, BUSY_MS = 10000 };

/* ---- Words for failures */

int32_t sqlite_failure(sqlite3 *db, int code, const char *path, const char *doing, dealfsm_error *error)
{
    const char *why = db != NULL ? sqlite3_errmsg(db) : sqlite3_errstr(code);
    const char *file = host_short(path);
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return host_error(error, DEALFSM_E_BUSY, "url",
                          "%s cannot be %s: another program holds it locked (%s); end what it does", file, doing, why);
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return host_error(error, DEALFSM_E_CORRUPT, "url",
                          "%s cannot be %s: %s; restore a copy of it, or try the sqlite3 shell's .recover", file, doing,
                          why);
    case SQLITE_NOMEM:
        return host_error(error, DEALFSM_E_NO_MEMORY, "", "out of memory for %s", file);
    case SQLITE_FULL:
        return host_error(error, DEALFSM_E_IO, "url", "%s cannot be %s: the disk is full", file, doing);
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
        return host_error(error, DEALFSM_E_IO, "url",
                          "%s cannot be %s: %s; expected a file in a directory that may be written", file, doing, why);
    default:
        return host_error(error, DEALFSM_E_IO, "url", "%s cannot be %s: %s", file, doing, why);
    }
}

/* ---- Connections */

/* A path as SQLite's URI: what has a meaning there is written as %XX. NULL: no memory. */
static char *immutable_uri(const char *path)
{
    static const char hex[] = "0123456789abcdef";
    static const char head[] = "file:", tail[] = "?immutable=1";
    char *uri = malloc(sizeof head + 3 * strlen(path) + sizeof tail);
    if (uri == NULL)
        return NULL;
    char *at = stpcpy(uri, head);
    for (; *path != '\0'; path++) {
        if (strchr("%?#", *path) == NULL) {
            *at++ = *path;
        } else {
            *at++ = '%';
            *at++ = hex[(unsigned char)*path >> 4];
            *at++ = hex[*path & 15];
        }
    }
    strcpy(at, tail);
    return uri;
}

int32_t sqlite_connect(const sqlite_store *it, bool write, sqlite3 **db, dealfsm_error *error)
{
    const char *path = it->store->path;
    char *uri = it->immutable ? immutable_uri(path) : NULL;
    if (it->immutable && uri == NULL)
        return host_error(error, DEALFSM_E_NO_MEMORY, "", "out of memory for %s", host_short(path));
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | (it->immutable ? SQLITE_OPEN_URI : 0) |
                (write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);
    int code = sqlite3_open_v2(uri != NULL ? uri : path, db, flags, NULL);
    free(uri);
    if (code != SQLITE_OK) {
        int32_t result = sqlite_failure(*db, code, path, "opened", error);
        sqlite3_close(*db);
        *db = NULL;
        return result;
    }
    sqlite3_busy_timeout(*db, BUSY_MS);
    return DEALFSM_OK;
}

/* ---- One node writes */

static int32_t take_lock(sqlite_store *it, dealfsm_error *error)
{
    const char *path = it->store->path;
    size_t size = strlen(path) + sizeof ".lock";
    char *name = malloc(size);
    if (name == NULL)
        return host_error(error, DEALFSM_E_NO_MEMORY, "", "out of memory for %s", host_short(path));
    snprintf(name, size, "%s.lock", path);
    it->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    int32_t result = DEALFSM_OK;
    if (it->lock < 0)
        result = host_error(error, DEALFSM_E_IO, "url",
                            "%s cannot be written: %s; expected a directory that is there and may be written",
                            host_short(name), strerror(errno));
    else if (flock(it->lock, LOCK_EX | LOCK_NB) != 0)
        result =
            host_error(error, DEALFSM_E_BUSY, "url",
                       "%s is locked: another node writes to this store; stop it, or open read-only", host_short(name));
    free(name);
    return result;
}

/* ---- open */

static int32_t set_up_writer(sqlite_store *it, dealfsm_error *error)
{
    const char *path = it->store->path;
    int layout = 0;
    int32_t result = sqlite_connect(it, true, &it->writer, error);
    if (result < 0)
        return result;
    sqlite3_busy_timeout(it->writer, BUSY_OPEN_MS);
    result = sqlite_layout_check(it->writer, path, &layout, error);
    if (result < 0)
        return result;
    /* The checkpoint writes again whatever a failed sync may have left in the journal (which the kernel then takes for
     * written), before anything is built on it. */
    int code =
        sqlite3_exec(it->writer,
                     "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864;"
                     "PRAGMA wal_checkpoint(TRUNCATE)",
                     NULL, NULL, NULL);
    if (code != SQLITE_OK)
        return sqlite_failure(it->writer, code, path, "opened for writing", error);
    result = sqlite_layout_upgrade(it->writer, path, error);
    if (result < 0)
        return result;
    sqlite3_busy_timeout(it->writer, BUSY_MS);
    return sqlite_prepare_writes(it, error);
}

static int32_t set_up_reader(sqlite_store *it, dealfsm_error *error)
{
    int layout = 0;
    int32_t result = sqlite_connect(it, false, &it->readers[0], error);
    if (result >= 0)
        result = sqlite_layout_check(it->readers[0], it->store->path, &layout, error);
    if (result >= 0 && layout == 0)
        result = host_error(error, DEALFSM_E_CORRUPT, "url", "%s is a database without tables: not a store",
                            host_short(it->store->path));
    return result;
}

/* Read-only where nothing can be written beside the file (SQLite wants to make FILE-shm) and no journal is there. */
static bool wants_immutable(const char *path)
{
    struct stat info;
    size_t size = strlen(path) + sizeof "-wal";
    char *name = malloc(size);
    if (name == NULL)
        return false;
    snprintf(name, size, "%s-wal", path);
    bool journal = stat(name, &info) == 0 && info.st_size > 0;
    free(name);
    return !journal;
}

static int32_t open_read_only(sqlite_store *it, dealfsm_error *error)
{
    dealfsm_error first = {.struct_size = sizeof first};
    int32_t result = set_up_reader(it, &first);
    if (result == DEALFSM_E_IO && wants_immutable(it->store->path)) {
        sqlite3_close(it->readers[0]);
        it->readers[0] = NULL;
        it->immutable = true;
        result = set_up_reader(it, &first);
    }
    return result < 0 ? host_error(error, result, first.field, "%s", first.text) : result;
}

static void close_store(void *handle)
{
    sqlite_store *it = handle;
    sqlite_finish_writes(it);
    for (size_t i = 0; i < SQLITE_STORE_READERS; i++)
        sqlite3_close(it->readers[i]);
    sqlite3_close(it->writer); /* the last connection: the journal goes into the file */
    if (it->lock >= 0)
        close(it->lock);
    pthread_mutex_destroy(&it->lock_readers);
    free(it);
}

/* SQLite would wait at a pipe for ever, and keep ":memory:" nowhere. */
static int32_t check_path(const char *path, bool must_exist, dealfsm_error *error)
{
    struct stat info;
    if (strcmp(path, ":memory:") == 0)
        return host_error(error, DEALFSM_E_ARGUMENT, "url", "expected a file, found \"%s\": it would keep nothing",
                          path);
    if (stat(path, &info) == 0)
        return S_ISREG(info.st_mode) ? DEALFSM_OK
                                     : host_error(error, DEALFSM_E_CORRUPT, "url",
                                                  "%s: expected a file with a database, found %s", host_short(path),
                                                  S_ISDIR(info.st_mode) ? "a directory: a LevelDB is named leveldb:DIR"
                                                                        : "a device, pipe or socket");
    if (!must_exist)
        return DEALFSM_OK;
    if (errno == ENOENT)
        return host_error(error, DEALFSM_E_NOT_FOUND, "url", "%s is not there: expected a store that a node has made",
                          host_short(path));
    return host_error(error, DEALFSM_E_IO, "url", "%s cannot be opened: %s", host_short(path), strerror(errno));
}

static int32_t open_either(sqlite_store *it, dealfsm_error *error)
{
    dealfsm_store *store = it->store;
    bool read_only = store->options.flags & DEALFSM_STORE_READ_ONLY;
    int32_t result = check_path(store->path, read_only || store->options.flags & DEALFSM_STORE_MUST_EXIST, error);
    if (result < 0)
        return result;
    if (read_only)
        return open_read_only(it, error);
    result = take_lock(it, error);
    return result < 0 ? result : set_up_writer(it, error);
}

static int32_t open_store(dealfsm_store *store, void **handle, dealfsm_error *error)
{
    sqlite_store *it = calloc(1, sizeof *it);
    if (it == NULL)
        return host_error(error, DEALFSM_E_NO_MEMORY, "", "out of memory for a store");
    it->store = store;
    it->lock = -1;
    pthread_mutex_init(&it->lock_readers, NULL);
    int32_t result = open_either(it, error);
    if (result < 0)
        close_store(it);
    else
        *handle = it;
    return result;
}

const store_driver store_sqlite = {
    .scheme = "sqlite",
    .amounts = true,
    .open = open_store,
    .close = close_store,
    .commit = sqlite_commit,
    .rows = sqlite_rows,
    .row_of = sqlite_row_of,
    .history = sqlite_history,
    .stats = sqlite_stats,
};
