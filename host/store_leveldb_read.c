/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "error.h"
#include "store_leveldb.h"

/* Readers: a snapshot, and a walk for each place where records can be, side by side with one over our own values. */

enum { SIDE = LEVELDB_PLACES, WALKS = LEVELDB_PLACES + 1 };

typedef struct reading {
    leveldb_store *it;
    const leveldb_snapshot_t *snapshot;
    leveldb_readoptions_t *options;
} reading;

static int32_t begin(reading *r, leveldb_store *it, dealfsm_error *error)
{
    *r = (reading){.it = it};
    pthread_rwlock_rdlock(&it->lock);
    if (it->db == NULL) {
        pthread_rwlock_unlock(&it->lock);
        return host_error(error, DEALFSM_E_IO, "url", "%s could not be opened again after a failed write",
                          host_short(it->store->path));
    }
    r->snapshot = leveldb_create_snapshot(it->db);
    r->options = leveldb_readoptions_create();
    leveldb_readoptions_set_snapshot(r->options, r->snapshot);
    leveldb_readoptions_set_verify_checksums(r->options, 1);
    return DEALFSM_OK;
}

static void end(reading *r)
{
    leveldb_readoptions_destroy(r->options);
    leveldb_release_snapshot(r->it->db, r->snapshot);
    pthread_rwlock_unlock(&r->it->lock);
}

/* ---- A row from what was found of it */

typedef struct found {
    const uint8_t *record[LEVELDB_PLACES]; /* NULL: not there */
    size_t record_len[LEVELDB_PLACES];
    const uint8_t *side; /* NULL: not there */
    size_t side_len;
    const char *trouble; /* why something may be missing; NULL: nothing is */
} found;

static unsigned highest_place(const found *f)
{
    unsigned place = LEVELDB_PLACES;
    while (place > 0 && f->record[place - 1] == NULL)
        place--;
    return place; /* 0: none, else the place + 1 */
}

static void take_side(dealfsm_store_row *row, const leveldb_side *side, char *version)
{
    memcpy(version, side->machine_version, side->machine_version_len);
    version[side->machine_version_len] = '\0';
    row->machine_version = version;
    row->revision = side->revision;
    row->sequence = side->sequence;
    row->status = side->status;
    row->created = side->created;
    row->updated = side->updated;
    row->sidecar = side->sidecar_len > 0 ? side->sidecar : NULL;
    row->sidecar_len = side->sidecar_len;
    row->flags = (side->final_state ? (uint32_t)DEALFSM_ROW_FINAL : 0) |
                 (side->sidecar_len == 0 ? (uint32_t)DEALFSM_ROW_BARE : 0);
}

/* The reference has written the record after us: what we knew beside it is of an older one. */
static void leave_behind(dealfsm_store_row *row, unsigned place)
{
    row->machine_version = leveldb_places[place].machine_version;
    row->flags = DEALFSM_ROW_BARE | DEALFSM_ROW_LEFT_BEHIND;
    row->sidecar = NULL;
    row->sidecar_len = 0;
    row->sequence = 0;
    row->status = 0;
}

static void fill_row(dealfsm_store_row *row, const found *f, char *version, char *damage, size_t size)
{
    leveldb_side side;
    unsigned place = highest_place(f);
    if (place-- > 0) {
        row->record = f->record[place];
        row->record_len = f->record_len[place];
        row->machine_version = leveldb_places[place].machine_version;
    }
    if (f->side != NULL && !leveldb_side_read(f->side, f->side_len, &side)) {
        snprintf(damage, size, "the value %s%" PRIu64 " is damaged: its checksum does not match", leveldb_side_prefix,
                 row->deal);
    } else if (f->side != NULL) {
        take_side(row, &side, version);
        if (row->record == NULL)
            snprintf(damage, size, "the record of deal %" PRIu64 " is missing%s%s", row->deal,
                     f->trouble != NULL ? ": " : "", f->trouble != NULL ? f->trouble : "");
        else if (place != leveldb_place_of(version) ||
                 side.record_checksum != store_checksum(STORE_CHECKSUM, row->record, row->record_len)) {
            if (leveldb_places[place].machine_version != NULL)
                leave_behind(row, place);
            else
                snprintf(damage, size, "the record of deal %" PRIu64 " is damaged: its checksum does not match",
                         row->deal);
        }
    } else if (f->trouble != NULL || row->machine_version == NULL) {
        snprintf(damage, size, "what belongs to the record of deal %" PRIu64 " is missing: %s", row->deal,
                 f->trouble != NULL ? f->trouble : "no value of ours");
    } else {
        row->flags = DEALFSM_ROW_BARE;
    }
}

static int32_t give_row(const leveldb_store *it, uint64_t deal, const found *f, dealfsm_store_row_fn *each, void *ctx)
{
    char version[256], damage[256] = "";
    dealfsm_store_row row = {.struct_size = sizeof row, .deal = deal};
    fill_row(&row, f, version, damage, sizeof damage);
    if (damage[0] != '\0') {
        row.flags |= DEALFSM_ROW_DAMAGED;
        row.damage = damage;
    }
    store_row_check(it->store, &row, damage, sizeof damage);
    return each(ctx, &row);
}

/* ---- Walks */

static const char *prefix_of(unsigned walk)
{
    return walk == SIDE ? leveldb_side_prefix : leveldb_places[walk].prefix;
}

static bool lowest(const leveldb_walk *walks, uint64_t *deal)
{
    bool any = false;
    for (unsigned i = 0; i < WALKS; i++) {
        if (walks[i].valid && (!any || walks[i].deal < *deal)) {
            *deal = walks[i].deal;
            any = true;
        }
    }
    return any;
}

/* The first trouble that a walk had, in buffer; NULL: none. */
static const char *trouble_of(const leveldb_walk *walks, char *buffer, size_t size)
{
    for (unsigned i = 0; i < WALKS; i++) {
        char *why = NULL;
        leveldb_iter_get_error(walks[i].iterator, &why);
        if (why == NULL)
            continue;
        snprintf(buffer, size, "%s", why);
        leveldb_free(why);
        return buffer;
    }
    return NULL;
}

static int32_t walk_deal(const leveldb_store *it, leveldb_walk *walks, uint64_t deal, dealfsm_store_row_fn *each,
                         void *ctx)
{
    char trouble[160];
    found f = {.side = NULL};
    for (unsigned i = 0; i < WALKS; i++) {
        if (!walks[i].valid || walks[i].deal != deal)
            continue;
        const uint8_t **bytes = i == SIDE ? &f.side : &f.record[i];
        size_t *length = i == SIDE ? &f.side_len : &f.record_len[i];
        *bytes = (const uint8_t *)leveldb_iter_value(walks[i].iterator, length);
    }
    if (f.side == NULL || highest_place(&f) == 0)
        f.trouble = trouble_of(walks, trouble, sizeof trouble);
    int32_t result = give_row(it, deal, &f, each, ctx);
    for (unsigned i = 0; i < WALKS; i++) {
        if (walks[i].valid && walks[i].deal == deal)
            leveldb_walk_next(&walks[i]);
    }
    return result;
}

int32_t leveldb_rows(void *handle, const uint64_t *after, dealfsm_store_row_fn *each, void *ctx, dealfsm_error *error)
{
    reading r;
    leveldb_walk walks[WALKS];
    char trouble[160];
    uint64_t deal = 0;
    if (after != NULL && *after == UINT64_MAX)
        return DEALFSM_OK;
    int32_t result = begin(&r, handle, error);
    if (result < 0)
        return result;
    for (unsigned i = 0; i < WALKS; i++)
        leveldb_walk_start(&walks[i], r.it->db, r.options, prefix_of(i), after != NULL ? *after + 1 : 0);
    while (result == 0 && lowest(walks, &deal))
        result = walk_deal(r.it, walks, deal, each, ctx);
    if (result == 0 && trouble_of(walks, trouble, sizeof trouble) != NULL)
        result = host_error(error, DEALFSM_E_CORRUPT, "url", "%s: all that can be read was read, some cannot: %s",
                            host_short(r.it->store->path), trouble);
    for (unsigned i = 0; i < WALKS; i++)
        leveldb_walk_end(&walks[i]);
    end(&r);
    return result;
}

/* ---- One row */

int32_t leveldb_row_of(void *handle, uint64_t deal, dealfsm_store_row_fn *each, void *ctx, dealfsm_error *error)
{
    reading r;
    found f = {.side = NULL};
    char *values[WALKS] = {NULL}, *why = NULL;
    size_t lengths[WALKS];
    int32_t result = begin(&r, handle, error);
    if (result < 0)
        return result;
    for (unsigned i = 0; i < WALKS; i++) {
        leveldb_key key = leveldb_id_key(prefix_of(i), deal);
        char **first = why == NULL ? &why : &(char *){NULL};
        values[i] = leveldb_get(r.it->db, r.options, key.text, key.length, &lengths[i], first);
        if (first != &why)
            leveldb_free(*first);
    }
    for (unsigned i = 0; i < LEVELDB_PLACES; i++) {
        f.record[i] = (const uint8_t *)values[i];
        f.record_len[i] = lengths[i];
    }
    f.side = (const uint8_t *)values[SIDE];
    f.side_len = lengths[SIDE];
    f.trouble = why;
    if (f.side == NULL && highest_place(&f) == 0 && why == NULL)
        result = host_error(error, DEALFSM_E_NOT_FOUND, "deal", "the store has no deal %" PRIu64, deal);
    else
        result = give_row(r.it, deal, &f, each, ctx);
    for (unsigned i = 0; i < WALKS; i++)
        leveldb_free(values[i]);
    leveldb_free(why);
    end(&r);
    return result;
}

/* ---- History */

static int32_t history_of(const reading *r, leveldb_iterator_t *iterator, uint64_t deal, dealfsm_store_event_fn *each,
                          void *ctx)
{
    int32_t result = 0;
    leveldb_key first = leveldb_history_key(deal, 0);
    size_t same = first.length - 16; /* the digits of the revision */
    for (leveldb_iter_seek(iterator, first.text, first.length); result == 0 && leveldb_iter_valid(iterator);
         leveldb_iter_next(iterator)) {
        size_t length, size;
        const char *key = leveldb_iter_key(iterator, &length);
        if (length != first.length || memcmp(key, first.text, same) != 0)
            break;
        char digits[17] = "";
        memcpy(digits, key + same, 16);
        uint64_t revision = strtoull(digits, NULL, 16);
        const char *value = leveldb_iter_value(iterator, &size);
        const dealfsm_log_v1 *log = &r->it->store->log;
        if (!leveldb_history_read(r->it->store, deal, revision, (const uint8_t *)value, size, each, ctx, &result))
            log->log(log->ctx, DEALFSM_LOG_WARNING, deal, "a part of its history is damaged and left out");
    }
    return result;
}

int32_t leveldb_history(void *handle, const uint64_t *deal, dealfsm_store_event_fn *each, void *ctx,
                        dealfsm_error *error)
{
    reading r;
    int32_t result = begin(&r, handle, error);
    if (result < 0)
        return result;
    leveldb_iterator_t *iterator = leveldb_create_iterator(r.it->db, r.options);
    if (deal != NULL) {
        result = history_of(&r, iterator, *deal, each, ctx);
    } else {
        leveldb_walk walk;
        leveldb_walk_start(&walk, r.it->db, r.options, leveldb_side_prefix, 0);
        for (; walk.valid && result == 0; leveldb_walk_next(&walk))
            result = history_of(&r, iterator, walk.deal, each, ctx);
        leveldb_walk_end(&walk);
    }
    leveldb_iter_destroy(iterator);
    end(&r);
    return result;
}

/* ---- Figures */

int32_t leveldb_stats(void *handle, dealfsm_store_stats *out, dealfsm_error *error)
{
    leveldb_store *it = handle;
    DIR *directory = opendir(it->path);
    if (directory == NULL)
        return host_error(error, DEALFSM_E_IO, "url", "%s cannot be read", host_short(it->store->path));
    out->layout = 1;
    out->flags = it->copied ? DEALFSM_STATS_COPY : 0;
    for (const struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        struct stat info;
        if (fstatat(dirfd(directory), entry->d_name, &info, 0) == 0 && S_ISREG(info.st_mode))
            out->bytes += (uint64_t)info.st_size;
    }
    closedir(directory);
    return DEALFSM_OK;
}
