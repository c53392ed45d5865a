/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* A bare LevelDB loop: keys and values of a store, one synced batch for each commit, by one thread. */

#include <leveldb/c.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "bench_pairs.h"

/* As the store's own. */
enum { FILTER_BITS = 10, WRITE_BUFFER = 16 << 20 };
typedef struct loop {
    leveldb_t *db;
    leveldb_options_t *options;
    leveldb_filterpolicy_t *filter;
    leveldb_writeoptions_t *synced;
    leveldb_writebatch_t *batch;
    char *why; /* what failed */
    const bench_pairs *rows;
} loop;

static void loop_close(void *self)
{
    loop *l = self;
    if (l->db != NULL) {
        leveldb_close(l->db);
    }
    leveldb_options_destroy(l->options);
    leveldb_filterpolicy_destroy(l->filter);
    leveldb_writeoptions_destroy(l->synced);
    leveldb_writebatch_destroy(l->batch);
    leveldb_free(l->why);
    free(l);
}

static void *loop_open(const bench_loop_place *where, dealfsm_error *error)
{
    char path[BENCH_PATH];
    loop *l = calloc(1, sizeof *l);
    if (l == NULL) {
        (void)bench_fail(error, "no memory");
        return NULL;
    }
    l->options = leveldb_options_create();
    l->filter = leveldb_filterpolicy_create_bloom(FILTER_BITS);
    l->synced = leveldb_writeoptions_create();
    l->batch = leveldb_writebatch_create();
    leveldb_options_set_filter_policy(l->options, l->filter);
    leveldb_options_set_write_buffer_size(l->options, WRITE_BUFFER);
    leveldb_options_set_create_if_missing(l->options, 1);
    leveldb_writeoptions_set_sync(l->synced, 1);
    bench_place_file(where->place, where->name, path);
    l->rows = bench_pairs_of(where, error);
    if (l->rows != NULL) {
        l->db = leveldb_open(l->options, path, &l->why);
    }
    if (l->db == NULL) {
        (void)bench_fail(error, "%s: %s", path, l->why != NULL ? l->why : "?");
        loop_close(l);
        return NULL;
    }
    return l;
}

static bool loop_begin(void *self)
{
    leveldb_writebatch_clear(((loop *)self)->batch);
    return true;
}

static bool loop_put(void *self, uint64_t deal, uint32_t k)
{
    const loop *l = self;
    char key[BENCH_KEY_MAX];
    char id[BENCH_ID_DIGITS];
    for (int i = BENCH_ID_DIGITS; i-- > 0; deal /= 10) {
        id[i] = (char)('0' + deal % 10);
    }
    for (uint32_t i = 0; i < l->rows->counts[k]; i++) {
        const bench_pair *p = &l->rows->pairs[k][i];
        memcpy(key, p->key, p->key_len);
        if (p->has_id) {
            memcpy(key + p->id_at, id, sizeof id);
        }
        leveldb_writebatch_put(l->batch, key, p->key_len, p->value, p->value_len);
    }
    return true;
}

static bool loop_commit(void *self)
{
    loop *l = self;
    leveldb_write(l->db, l->synced, l->batch, &l->why);
    return l->why == NULL;
}

static void loop_explain(void *self, dealfsm_error *error)
{
    (void)bench_fail(error, "a bare LevelDB loop: %s", ((loop *)self)->why);
}

const bench_loop bench_loop_leveldb = {loop_open, loop_begin, loop_put, loop_commit, loop_explain, loop_close};
