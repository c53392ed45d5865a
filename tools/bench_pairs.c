/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* Keys and values of a store on LevelDB, put by put: they are read back from one that had a deal of the path. */

#include <leveldb/c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "bench_pairs.h"

enum { KEYS_MAX = 128 };

/* All that a database holds. */
typedef struct content {
    uint32_t count;
    bench_pair pairs[KEYS_MAX];
} content;

static void free_pair(bench_pair *p)
{
    free(p->key);
    free(p->value);
}

static void free_content(content *c)
{
    for (uint32_t i = 0; i < c->count; i++) {
        free_pair(&c->pairs[i]);
    }
    c->count = 0;
}

static char *copy(const char *bytes, size_t length)
{
    char *copied = malloc(length + 1);
    if (copied != NULL) {
        memcpy(copied, bytes, length);
        copied[length] = '\0';
    }
    return copied;
}

static bool copy_pair(bench_pair *out, const char *key, size_t key_len, const char *value, size_t value_len)
{
    char id[BENCH_ID_DIGITS + 1];
    *out = (bench_pair){copy(key, key_len), copy(value, value_len), key_len, value_len, 0, false};
    if (out->key == NULL || out->value == NULL) {
        return false;
    }
    (void)snprintf(id, sizeof id, "%u", PUTS_FIRST_DEAL - 1U);
    const char *at = strstr(out->key, id);
    out->has_id = at != NULL;
    out->id_at = at != NULL ? (size_t)(at - out->key) : 0;
    return true;
}

static bool read_content(const char *path, content *out, dealfsm_error *error)
{
    char *why = NULL;
    leveldb_options_t *options = leveldb_options_create();
    leveldb_readoptions_t *reading = leveldb_readoptions_create();
    leveldb_t *db = leveldb_open(options, path, &why);
    bool well = db != NULL || bench_fail(error, "%s: %s", path, why);
    leveldb_iterator_t *it = well ? leveldb_create_iterator(db, reading) : NULL;
    for (well ? leveldb_iter_seek_to_first(it) : (void)0; well && leveldb_iter_valid(it); leveldb_iter_next(it)) {
        size_t key_len;
        size_t value_len;
        const char *key = leveldb_iter_key(it, &key_len);
        const char *value = leveldb_iter_value(it, &value_len);
        well = (out->count < KEYS_MAX && key_len < BENCH_KEY_MAX &&
                copy_pair(&out->pairs[out->count++], key, key_len, value, value_len)) ||
               bench_fail(error, "the keys of a deal do not fit");
    }
    if (it != NULL) {
        leveldb_iter_destroy(it);
    }
    if (db != NULL) {
        leveldb_close(db);
    }
    leveldb_readoptions_destroy(reading);
    leveldb_options_destroy(options);
    leveldb_free(why);
    return well;
}

static bool holds(const content *c, const bench_pair *p)
{
    for (uint32_t i = 0; i < c->count; i++) {
        const bench_pair *q = &c->pairs[i];
        if (q->key_len == p->key_len && q->value_len == p->value_len && memcmp(q->key, p->key, p->key_len) == 0 &&
            memcmp(q->value, p->value, p->value_len) == 0) {
            return true;
        }
    }
    return false;
}

/* What is there now and was not before belongs to put k. */
static bool take_new(bench_pairs *pairs, uint32_t k, const content *before, const content *now, dealfsm_error *error)
{
    for (uint32_t i = 0; i < now->count; i++) {
        const bench_pair *p = &now->pairs[i];
        if (holds(before, p)) {
            continue;
        }
        if (pairs->counts[k] == BENCH_PAIRS_MAX ||
            !copy_pair(&pairs->pairs[k][pairs->counts[k]++], p->key, p->key_len, p->value, p->value_len)) {
            return bench_fail(error, "the keys of a put do not fit");
        }
    }
    return pairs->counts[k] > 0 || bench_fail(error, "a put of the path is not in its store");
}

static bool write_put(const bench_loop_place *where, uint32_t k, const char *path, dealfsm_error *error)
{
    char url[BENCH_PATH + 16];
    dealfsm_store *store = NULL;
    const dealfsm_store_options options = {.struct_size = sizeof options, .flags = where->flags};
    (void)snprintf(url, sizeof url, "leveldb:%s", path);
    const bool well =
        dealfsm_store_open(url, &options, &store, error) >= 0 && bench_puts_write(where->puts, k, store, error);
    return dealfsm_store_close(store, error) >= 0 && well;
}

static bool learn(bench_pairs *pairs, const bench_loop_place *where, dealfsm_error *error)
{
    char path[BENCH_PATH];
    char name[128];
    content *before = calloc(1, sizeof *before);
    content *now = calloc(1, sizeof *now);
    bool well = (before != NULL && now != NULL) || bench_fail(error, "no memory");
    (void)snprintf(name, sizeof name, "%s.rows", where->name);
    bench_place_file(where->place, name, path);
    for (uint32_t k = 0; k < PUTS && well; k++) {
        well = write_put(where, k, path, error) && read_content(path, now, error) &&
               take_new(pairs, k, before, now, error);
        content *empty = before;
        before = now;
        now = empty;
        free_content(now);
    }
    if (before != NULL && now != NULL) {
        free_content(before);
        free_content(now);
    }
    free(before);
    free(now);
    return well;
}

void bench_pairs_free(bench_pairs *pairs)
{
    for (uint32_t k = 0; pairs != NULL && k < PUTS; k++) {
        for (uint32_t i = 0; i < pairs->counts[k]; i++) {
            free_pair(&pairs->pairs[k][i]);
        }
    }
    free(pairs);
}

const bench_pairs *bench_pairs_of(const bench_loop_place *where, dealfsm_error *error)
{
    bench_pairs **known = &where->puts->pairs[(where->flags & DEALFSM_STORE_NO_HISTORY) != 0];
    if (*known != NULL) {
        return *known;
    }
    bench_pairs *pairs = calloc(1, sizeof *pairs);
    if (pairs == NULL || !learn(pairs, where, error)) {
        (void)bench_fail(error, "no memory");
        bench_pairs_free(pairs);
        return NULL;
    }
    *known = pairs;
    return pairs;
}
