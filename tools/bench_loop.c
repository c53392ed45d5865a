/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* The loop around a bare database, and the simplest of all: bytes appended to a file, and synced. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "bench_pairs.h"

bool bench_loop_run(const bench_loop *loop, void *self, uint64_t first, uint32_t count, uint32_t from, uint32_t to,
                    uint32_t batch, dealfsm_error *error)
{
    const uint64_t all = (uint64_t)count * (to - from);
    bool well = true;
    for (uint64_t done = 0; done < all && well;) {
        const uint64_t end = all - done > batch ? done + batch : all;
        if (bench_stopped()) {
            return bench_fail(error, "interrupted");
        }
        well = loop->begin(self);
        for (; done < end && well; done++) {
            well = loop->put(self, first + done % count, from + (uint32_t)(done / count));
        }
        well = well && loop->commit(self);
    }
    if (!well) {
        loop->explain(self, error);
    }
    return well;
}

/* ---- Append and fdatasync */

typedef struct append {
    int file;
    int error;          /* errno */
    size_t sizes[PUTS]; /* of keys and values in LevelDB */
    size_t used, room;
    char *bytes; /* of a commit */
} append;

static void append_close(void *self)
{
    append *a = self;
    if (a->file >= 0) {
        (void)close(a->file);
    }
    free(a->bytes);
    free(a);
}

static void *append_open(const bench_loop_place *where, dealfsm_error *error)
{
    char path[BENCH_PATH];
    append *a = calloc(1, sizeof *a);
    bench_place_file(where->place, where->name, path);
    if (a == NULL) {
        (void)bench_fail(error, "no memory");
        return NULL;
    }
    a->file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    if (a->file < 0) {
        (void)bench_fail(error, "%s: %s", path, strerror(errno));
    }
    const bench_pairs *rows = a->file >= 0 ? bench_pairs_of(where, error) : NULL;
    if (rows == NULL) {
        append_close(a);
        return NULL;
    }
    for (uint32_t k = 0; k < PUTS; k++) {
        for (uint32_t i = 0; i < rows->counts[k]; i++) {
            a->sizes[k] += rows->pairs[k][i].key_len + rows->pairs[k][i].value_len;
        }
    }
    return a;
}

static bool append_begin(void *self)
{
    ((append *)self)->used = 0;
    return true;
}

/* The bytes do not matter, but they are made in memory as a row is. */
static bool append_put(void *self, uint64_t deal, uint32_t k)
{
    append *a = self;
    if (a->used + a->sizes[k] > a->room) {
        const size_t room = 2 * (a->used + a->sizes[k]);
        char *bytes = realloc(a->bytes, room);
        if (bytes == NULL) {
            a->error = ENOMEM;
            return false;
        }
        a->bytes = bytes;
        a->room = room;
    }
    memset(a->bytes + a->used, (int)(deal & 0xff), a->sizes[k]);
    a->used += a->sizes[k];
    return true;
}

static bool append_commit(void *self)
{
    append *a = self;
    for (size_t at = 0; at < a->used;) {
        const ssize_t written = write(a->file, a->bytes + at, a->used - at);
        if (written < 0) {
            a->error = errno;
            return false;
        }
        at += (size_t)written;
    }
    a->error = fdatasync(a->file) == 0 ? 0 : errno;
    return a->error == 0;
}

static void append_explain(void *self, dealfsm_error *error)
{
    (void)bench_fail(error, "a file cannot be appended to: %s", strerror(((append *)self)->error));
}

const bench_loop bench_loop_append = {append_open,   append_begin,   append_put,
                                      append_commit, append_explain, append_close};
