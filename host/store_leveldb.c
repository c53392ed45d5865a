/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "store_leveldb.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "error.h"

/* Opens and closes databases. */

enum { FILTER_BITS = 10, WRITE_BUFFER = 16 << 20 };

int32_t leveldb_failure(const leveldb_store *it, char *why, const char *doing, dealfsm_error *error)
{
    const char *file = host_short(it->store->path); /* not its copy, which is gone soon */
    int32_t result;
    if (strstr(why, "lock ") != NULL)
        result = host_error(error, DEALFSM_E_BUSY, "url", "%s is locked: another node has it open; stop it (%.120s)",
                            file, why);
    else if (strncmp(why, "Corruption", strlen("Corruption")) == 0)
        result = host_error(error, DEALFSM_E_CORRUPT, "url", "%s cannot be %s: %.160s; restore a copy of it", file,
                            doing, why);
    else
        result = host_error(error, DEALFSM_E_IO, "url",
                            "%s cannot be %s: %.150s; expected a directory that is there, or may be made, and written",
                            file, doing, why);
    leveldb_free(why);
    return result;
}

static int32_t open_database(leveldb_store *it, dealfsm_error *error)
{
    char *why = NULL;
    it->db = leveldb_open(it->options, it->path, &why);
    memset(it->known, 0, LEVELDB_REVISIONS * sizeof *it->known);
    return why == NULL ? DEALFSM_OK : leveldb_failure(it, why, "opened", error);
}

int32_t leveldb_open_again(leveldb_store *it, dealfsm_error *error)
{
    struct statvfs room;
    /* Recovery writes what was in memory to new files; if it failed, nobody could even read. */
    if (statvfs(it->path, &room) == 0 && (uint64_t)room.f_bavail * room.f_frsize < 2 * WRITE_BUFFER)
        return host_error(error, DEALFSM_E_IO, "url", "%s cannot be written: the disk is full; %d MiB have to be free",
                          host_short(it->store->path), 2 * WRITE_BUFFER >> 20);
    if (pthread_rwlock_trywrlock(&it->lock) != 0)
        return host_error(error, DEALFSM_E_BUSY, "url",
                          "%s has to be opened again after a failed write, but somebody reads it",
                          host_short(it->store->path));
    if (it->db != NULL)
        leveldb_close(it->db);
    int32_t result = open_database(it, error);
    pthread_rwlock_unlock(&it->lock);
    return result;
}

/* ---- What is there */

static int32_t get_text(leveldb_store *it, const char *key, char *text, size_t size, dealfsm_error *error)
{
    leveldb_readoptions_t *options = leveldb_readoptions_create();
    char *why = NULL;
    size_t length = 0;
    char *value = leveldb_get(it->db, options, key, strlen(key), &length, &why);
    leveldb_readoptions_destroy(options);
    if (why != NULL)
        return leveldb_failure(it, why, "read", error);
    if (length >= size)
        length = size - 1;
    if (value != NULL)
        memcpy(text, value, length);
    text[value != NULL ? length : 0] = '\0';
    leveldb_free(value);
    return DEALFSM_OK;
}

static int32_t check_layout(leveldb_store *it, dealfsm_error *error)
{
    char layout[24], current[24];
    int32_t result = get_text(it, leveldb_layout_key, layout, sizeof layout, error);
    if (result >= 0)
        result = get_text(it, leveldb_current_key, current, sizeof current, error);
    if (result < 0)
        return result;
    if (layout[0] != '\0' && strcmp(layout, "1") != 0)
        return host_error(error, DEALFSM_E_VERSION, "url",
                          "%s has layout %s, known here is 1: a newer library wrote it and is needed",
                          host_short(it->store->path), layout);
    it->current = 0;
    while (it->current < LEVELDB_PLACES && leveldb_places[it->current].current != NULL &&
           strcmp(leveldb_places[it->current].current, current) != 0)
        it->current++;
    if (leveldb_places[it->current].current == NULL)
        return host_error(error, DEALFSM_E_VERSION, "url",
                          "%s keeps retrieval deals in version %s, known here are those up to 2: a newer library is "
                          "needed",
                          host_short(it->store->path), current);
    return DEALFSM_OK;
}

static void look_for_records(leveldb_store *it)
{
    leveldb_readoptions_t *options = leveldb_readoptions_create();
    for (unsigned place = 0; place < LEVELDB_PLACES; place++) {
        leveldb_walk walk;
        leveldb_walk_start(&walk, it->db, options, leveldb_places[place].prefix, 0);
        it->used[place] = walk.valid;
        leveldb_walk_end(&walk);
    }
    leveldb_readoptions_destroy(options);
}

static int32_t write_layout(leveldb_store *it, dealfsm_error *error)
{
    char *why = NULL;
    leveldb_put(it->db, it->synced, leveldb_layout_key, strlen(leveldb_layout_key), "1", 1, &why);
    return why == NULL ? DEALFSM_OK : leveldb_failure(it, why, "written", error);
}

/* What is there before CURRENT is, so that a node that was killed while it made a database can make it. */
static bool may_come_first(const char *name)
{
    return name[0] == '.' || strcmp(name, "LOCK") == 0 || strncmp(name, "LOG", strlen("LOG")) == 0 ||
           strcmp(name, "MANIFEST-000001") == 0 || strcmp(name, "000001.dbtmp") == 0;
}

static int32_t no_directory(const char *path, int why, dealfsm_error *error)
{
    const char *file = host_short(path);
    if (why == ENOENT)
        return host_error(error, DEALFSM_E_NOT_FOUND, "url", "%s is not there: expected a store that a node has made",
                          file);
    if (why == ENOTDIR)
        return host_error(
            error, DEALFSM_E_CORRUPT, "url",
            "%s: expected a directory with a LevelDB, found a file: a SQLite database is named sqlite:FILE", file);
    return host_error(error, DEALFSM_E_IO, "url", "%s cannot be opened: %s", file, strerror(why));
}

/* A directory with other files in it is not made into a database. */
static int32_t check_directory(const char *path, bool must_exist, dealfsm_error *error)
{
    bool current = false, other = false;
    DIR *directory = opendir(path);
    if (directory == NULL && errno == ENOENT && !must_exist)
        return DEALFSM_OK;
    if (directory == NULL)
        return no_directory(path, errno, error);
    for (const struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        current = current || strcmp(entry->d_name, "CURRENT") == 0;
        other = other || !may_come_first(entry->d_name);
    }
    closedir(directory);
    if (!current && other)
        return host_error(error, DEALFSM_E_CORRUPT, "url",
                          "%s has files, but none named CURRENT: not a LevelDB directory; choose another",
                          host_short(path));
    return current || !must_exist
               ? DEALFSM_OK
               : host_error(error, DEALFSM_E_NOT_FOUND, "url",
                            "%s: expected a directory with a LevelDB, found none in it", host_short(path));
}

/* ---- open */

static void close_store(void *handle)
{
    leveldb_store *it = handle;
    if (it->db != NULL)
        leveldb_close(it->db);
    leveldb_options_destroy(it->options);
    leveldb_filterpolicy_destroy(it->filter);
    leveldb_writeoptions_destroy(it->synced);
    leveldb_writebatch_destroy(it->batch);
    if (it->copied)
        leveldb_copy_remove(it->path);
    pthread_rwlock_destroy(&it->lock);
    free(it->path);
    free(it->known);
    free(it);
}

static int32_t open_path(leveldb_store *it, dealfsm_error *error)
{
    const dealfsm_store *store = it->store;
    bool read_only = store->options.flags & DEALFSM_STORE_READ_ONLY;
    bool must_exist = read_only || store->options.flags & DEALFSM_STORE_MUST_EXIST;
    int32_t result = check_directory(store->path, must_exist, error);
    if (result >= 0 && read_only)
        result = leveldb_copy(store->path, &it->path, error);
    if (result < 0)
        return result;
    it->copied = read_only;
    if (!read_only)
        it->path = strdup(store->path);
    if (it->path == NULL)
        return host_error(error, DEALFSM_E_NO_MEMORY, "", "out of memory for a store");
    leveldb_options_set_create_if_missing(it->options, !must_exist);
    result = open_database(it, error);
    if (result >= 0)
        result = check_layout(it, error);
    if (result >= 0 && !read_only)
        result = write_layout(it, error);
    if (result >= 0) {
        look_for_records(it);
        leveldb_tell_lost(it);
    }
    return result;
}

static int32_t open_store(dealfsm_store *store, void **handle, dealfsm_error *error)
{
    leveldb_store *it = calloc(1, sizeof *it);
    leveldb_known *known = calloc(LEVELDB_REVISIONS, sizeof *known);
    if (it == NULL || known == NULL) {
        free(it);
        free(known);
        return host_error(error, DEALFSM_E_NO_MEMORY, "", "out of memory for a store");
    }
    it->store = store;
    it->known = known;
    it->options = leveldb_options_create();
    it->filter = leveldb_filterpolicy_create_bloom(FILTER_BITS);
    it->synced = leveldb_writeoptions_create();
    it->batch = leveldb_writebatch_create();
    leveldb_options_set_filter_policy(it->options, it->filter);
    leveldb_options_set_write_buffer_size(it->options, WRITE_BUFFER);
    leveldb_writeoptions_set_sync(it->synced, 1);
    pthread_rwlock_init(&it->lock, NULL);
    int32_t result = open_path(it, error);
    if (result < 0)
        close_store(it);
    else
        *handle = it;
    return result;
}

const store_driver store_leveldb = {
    .scheme = "leveldb",
    .open = open_store,
    .close = close_store,
    .commit = leveldb_commit,
    .rows = leveldb_rows,
    .row_of = leveldb_row_of,
    .history = leveldb_history,
    .stats = leveldb_stats,
};
