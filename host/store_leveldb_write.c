/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "store_leveldb.h"

/* One commit is one synced batch. Nobody else writes while we have the database open, so that what was read once of a
 * deal can be remembered. */

static leveldb_known *slot_of(const leveldb_store *it, uint64_t deal)
{
    return &it->known[(deal * 0x9E3779B97F4A7C15u >> 32) % LEVELDB_REVISIONS];
}

static int32_t read_key(leveldb_store *it, leveldb_key key, char **value, size_t *length, dealfsm_error *error)
{
    leveldb_readoptions_t *options = leveldb_readoptions_create();
    char *why = NULL;
    leveldb_readoptions_set_verify_checksums(options, 1);
    *value = leveldb_get(it->db, options, key.text, key.length, length, &why);
    leveldb_readoptions_destroy(options);
    return why == NULL ? DEALFSM_OK : leveldb_failure(it, why, "read", error);
}

/* A deal without a value of ours: new, or a bare record, which stands in the place that this finds. */
static int32_t find_bare(leveldb_store *it, const store_put *put, leveldb_known *known, dealfsm_error *error)
{
    *known = (leveldb_known){.deal = put->deal, .created = put->when, .place = LEVELDB_PLACES};
    for (unsigned place = 0; place < LEVELDB_PLACES; place++) {
        char *value = NULL;
        size_t length;
        int32_t result = it->used[place] ? read_key(it, leveldb_id_key(leveldb_places[place].prefix, put->deal), &value,
                                                    &length, error)
                                         : DEALFSM_OK;
        if (result < 0)
            return result;
        if (value != NULL) {
            known->place = place;
            known->created = 0; /* nobody has noted it */
        }
        leveldb_free(value);
    }
    return DEALFSM_OK;
}

static int32_t find_known(leveldb_store *it, const store_put *put, leveldb_known *known, dealfsm_error *error)
{
    const leveldb_known *slot = slot_of(it, put->deal);
    if (slot->revision != 0 && slot->deal == put->deal) {
        *known = *slot;
        return DEALFSM_OK;
    }
    char *value;
    size_t length;
    leveldb_side side;
    int32_t result = read_key(it, leveldb_id_key(leveldb_side_prefix, put->deal), &value, &length, error);
    if (result < 0)
        return result;
    result = find_bare(it, put, known, error);
    if (value != NULL && leveldb_side_read((const uint8_t *)value, length, &side)) {
        known->revision = side.revision;
        known->created = side.created;
    }
    leveldb_free(value);
    return result;
}

static void put_key(leveldb_store *it, leveldb_key key, const void *bytes, size_t length)
{
    leveldb_writebatch_put(it->batch, key.text, key.length, bytes, length);
}

/* ---- History */

/* Deletes what stands between two revisions of a deal, the upper one excluded. */
static void erase_history(leveldb_store *it, uint64_t deal, uint64_t from, uint64_t to)
{
    leveldb_readoptions_t *options = leveldb_readoptions_create();
    leveldb_iterator_t *iterator = leveldb_create_iterator(it->db, options);
    leveldb_key first = leveldb_history_key(deal, from), last = leveldb_history_key(deal, to);
    for (leveldb_iter_seek(iterator, first.text, first.length); leveldb_iter_valid(iterator);
         leveldb_iter_next(iterator)) {
        size_t length;
        const char *key = leveldb_iter_key(iterator, &length);
        if (length != last.length || memcmp(key, last.text, length) >= 0)
            break;
        leveldb_writebatch_delete(it->batch, key, length);
    }
    leveldb_iter_destroy(iterator);
    leveldb_readoptions_destroy(options);
}

/* Keeps the last puts that have `limit` events together, this one among them. */
static void prune_history(leveldb_store *it, const store_put *put, uint32_t limit)
{
    leveldb_readoptions_t *options = leveldb_readoptions_create();
    leveldb_iterator_t *iterator = leveldb_create_iterator(it->db, options);
    leveldb_key own = leveldb_history_key(put->deal, put->revision);
    size_t same = own.length - 16; /* the digits of the revision */
    uint64_t kept = put->events_count;
    leveldb_iter_seek(iterator, own.text, own.length);
    if (leveldb_iter_valid(iterator))
        leveldb_iter_prev(iterator);
    else
        leveldb_iter_seek_to_last(iterator);
    for (; leveldb_iter_valid(iterator); leveldb_iter_prev(iterator)) {
        size_t length, size;
        const char *key = leveldb_iter_key(iterator, &length);
        if (length != own.length || memcmp(key, own.text, same) != 0)
            break;
        const char *value = leveldb_iter_value(iterator, &size);
        if (kept >= limit)
            leveldb_writebatch_delete(it->batch, key, length);
        else
            kept += leveldb_history_events((const uint8_t *)value, size);
    }
    leveldb_iter_destroy(iterator);
    leveldb_readoptions_destroy(options);
}

static bool put_history(leveldb_store *it, const store_put *put)
{
    if (put->erase_from != 0)
        erase_history(it, put->deal, put->erase_from, put->revision);
    if (put->events_count == 0)
        return true;
    uint8_t stack[1024];
    size_t size = leveldb_history_size(put);
    uint8_t *bytes = size <= sizeof stack ? stack : malloc(size);
    if (bytes == NULL)
        return false;
    leveldb_history_write(put, bytes);
    put_key(it, leveldb_history_key(put->deal, put->revision), bytes, size);
    if (bytes != stack)
        free(bytes);
    if (it->store->options.history_limit > 0)
        prune_history(it, put, it->store->options.history_limit);
    return true;
}

/* ---- A put */

static bool put_side(leveldb_store *it, const store_put *put, int64_t created)
{
    uint8_t stack[512];
    leveldb_side side = {.revision = put->revision,
                         .sequence = put->sequence,
                         .status = put->status,
                         .created = created,
                         .updated = put->when,
                         .record_checksum = put->checksum,
                         .final_state = put->final_state != 0,
                         .machine_version = put->machine_version,
                         .machine_version_len = strlen(put->machine_version),
                         .sidecar = put->sidecar,
                         .sidecar_len = put->sidecar_len};
    size_t size = leveldb_side_size(&side);
    uint8_t *bytes = size <= sizeof stack ? stack : malloc(size);
    if (bytes == NULL)
        return false;
    leveldb_side_write(&side, bytes);
    put_key(it, leveldb_id_key(leveldb_side_prefix, put->deal), bytes, size);
    if (bytes != stack)
        free(bytes);
    return true;
}

/* The record in its place, and in no other. */
static void put_record(leveldb_store *it, const store_put *put, unsigned place, unsigned before)
{
    if (before != place && before < LEVELDB_PLACES) {
        leveldb_key old = leveldb_id_key(leveldb_places[before].prefix, put->deal);
        leveldb_writebatch_delete(it->batch, old.text, old.length);
    }
    put_key(it, leveldb_id_key(leveldb_places[place].prefix, put->deal), put->record, put->record_len);
    it->used[place] = true;
    if (leveldb_places[place].current != NULL && place > it->current) {
        leveldb_writebatch_put(it->batch, leveldb_current_key, strlen(leveldb_current_key),
                               leveldb_places[place].current, strlen(leveldb_places[place].current));
        it->current = place;
    }
}

static int32_t add_put(leveldb_store *it, store_put *put, dealfsm_error *error)
{
    leveldb_known known;
    unsigned place = leveldb_place_of(put->machine_version);
    int32_t result = find_known(it, put, &known, error);
    if (result < 0)
        return result;
    if (put->revision <= known.revision) {
        put->outcome = DEALFSM_PUT_LOST;
        return DEALFSM_OK;
    }
    if (strlen(put->machine_version) > UINT8_MAX || !put_side(it, put, known.created) || !put_history(it, put))
        return host_error(error, DEALFSM_E_NO_MEMORY, "", "out of memory for a put");
    put_record(it, put, place, known.place);
    *slot_of(it, put->deal) = (leveldb_known){put->deal, put->revision, known.created, place};
    put->outcome = DEALFSM_PUT_DURABLE;
    return DEALFSM_OK;
}

int32_t leveldb_commit(void *handle, store_put *first, dealfsm_error *error)
{
    leveldb_store *it = handle;
    char *why = NULL;
    int32_t result = it->broken ? leveldb_open_again(it, error) : DEALFSM_OK;
    if (result < 0)
        return result;
    leveldb_writebatch_clear(it->batch);
    for (store_put *put = first; put != NULL && result >= 0; put = put->next)
        result = add_put(it, put, error);
    if (result >= 0) {
        leveldb_write(it->db, it->synced, it->batch, &why);
        if (why != NULL)
            result = leveldb_failure(it, why, "written", error);
    }
    /* A torn record in the log would hide what comes behind it: what could be read is written to new files first. */
    it->broken = result < 0;
    return result;
}
