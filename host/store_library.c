/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "store_library.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

/* Stores that a host brings in a library of its own: opens, reads and closes them. */

/* ---- open */

static int32_t check(const library_store *it, const char *path, bool read_only, dealfsm_error *error)
{
    const dealfsm_store_library *its = &it->its;
    const char *missing = its->rows == NULL                                 ? "rows"
                          : its->close == NULL                              ? "close"
                          : !read_only && it->service.put == NULL           ? "service.put"
                          : (its->history == NULL) != (its->retold == NULL) ? "both or none of history and retold"
                                                                            : NULL;
    if (missing == NULL)
        return DEALFSM_OK;
    return host_error(error, DEALFSM_E_MISSING, missing, "%s: expected %s from the store's library, found NULL",
                      host_short(path), missing);
}

static int32_t take_answer(library_store *it, const dealfsm_store_library *answer, const char *path, bool read_only,
                           dealfsm_error *error)
{
    int32_t result = DEALFSM_OK;
    it->its = *answer;
    if (answer->service != NULL)
        result = host_take(&it->service, sizeof it->service, answer->service, "service", error);
    return result < 0 ? result : check(it, path, read_only, error);
}

static int32_t open_place(library_store *it, const char *path, dealfsm_error *error)
{
    const dealfsm_store_options *options = &it->store->options;
    dealfsm_store_library_fn *function;
    dealfsm_error why = {.struct_size = sizeof why};
    dealfsm_store_library answer = {.struct_size = sizeof answer};
    const bool read_only = options->flags & DEALFSM_STORE_READ_ONLY;
    const dealfsm_store_request request = {.struct_size = sizeof request,
                                           .flags =
                                               options->flags & (DEALFSM_STORE_READ_ONLY | DEALFSM_STORE_MUST_EXIST),
                                           .place = it->place,
                                           .log = &it->store->log,
                                           .stored_ctx = it,
                                           .stored = library_stored,
                                           .history_limit = options->history_limit};
    int32_t result = store_library_load(path, options->private_dir, &function, error);
    if (result < 0)
        return result;
    result = function(&request, &answer, &why);
    if (result < 0)
        return host_error(error, result, why.field, "%s",
                          why.text[0] != '\0' ? why.text : "the store's library could not open it, and says not why");
    return take_answer(it, &answer, path, read_only, error);
}

/* FILE.so:PLACE */
static int32_t open_url(library_store *it, dealfsm_error *error)
{
    const char *url = it->store->url;
    const char *file = it->store->path;
    it->place = dealfsm_store_place(url);
    if (it->place == file)
        return host_error(error, DEALFSM_E_ARGUMENT, "url", "expected library:FILE.so:PLACE, found \"library:%.160s\"",
                          file);
    char *path = strndup(file, (size_t)(it->place - 1 - file));
    if (path == NULL)
        return host_error(error, DEALFSM_E_NO_MEMORY, "", "out of memory for a store");
    int32_t result = open_place(it, path, error);
    free(path);
    return result;
}

static void close_store(void *handle)
{
    library_store *it = handle;
    if (it->its.close != NULL)
        it->its.close(it->its.ctx);
    pthread_cond_destroy(&it->done);
    pthread_mutex_destroy(&it->lock);
    free(it);
}

static int32_t open_store(dealfsm_store *store, void **handle, dealfsm_error *error)
{
    library_store *it = calloc(1, sizeof *it);
    if (it == NULL)
        return host_error(error, DEALFSM_E_NO_MEMORY, "", "out of memory for a store");
    it->store = store;
    pthread_mutex_init(&it->lock, NULL);
    pthread_cond_init(&it->done, NULL);
    int32_t result = open_url(it, error);
    if (result < 0)
        close_store(it);
    else
        *handle = it;
    return result;
}

/* ---- Rows */

typedef struct walk {
    const library_store *it;
    dealfsm_store_row_fn *each;
    void *ctx;
    const uint64_t *only; /* NULL: every row */
    bool met;
    int32_t result;
} walk;

static void check_row(const library_store *it, dealfsm_store_row *row, char *damage, size_t size)
{
    if (row->machine_version == NULL)
        row->machine_version = "";
    if (row->record == NULL && !(row->flags & DEALFSM_ROW_DAMAGED)) {
        snprintf(damage, size, "the row of deal %" PRIu64 " came without a record", row->deal);
        row->flags |= DEALFSM_ROW_DAMAGED;
    }
    if (row->flags & DEALFSM_ROW_DAMAGED && row->damage == NULL)
        row->damage = damage[0] != '\0' ? damage : "the store's library says not what is wrong";
    store_row_check(it->store, row, damage, size);
}

static int32_t take_row(void *ctx, const dealfsm_store_row *theirs)
{
    walk *w = ctx;
    char damage[256] = "";
    dealfsm_store_row row = {.struct_size = 0};
    int32_t result = host_take(&row, sizeof row, theirs, "row", NULL);
    row.struct_size = sizeof row;
    if (result >= 0 && (w->only == NULL || row.deal == *w->only)) {
        check_row(w->it, &row, damage, sizeof damage);
        w->met = true;
        result = w->each(w->ctx, &row);
    }
    w->result = result;
    return result != 0 ? result : w->only != NULL; /* one row is enough */
}

static int32_t walk_rows(const library_store *it, const uint64_t *after, walk *w, dealfsm_error *error)
{
    dealfsm_error why = {.struct_size = sizeof why};
    int32_t result = it->its.rows(it->its.ctx, after, take_row, w, &why);
    if (w->result != 0 || (w->met && w->only != NULL))
        return w->result; /* it was ended by us */
    return result < 0 ? host_error(error, result, why.field, "%s", why.text) : result;
}

static int32_t rows(void *handle, const uint64_t *after, dealfsm_store_row_fn *each, void *ctx, dealfsm_error *error)
{
    walk w = {.it = handle, .each = each, .ctx = ctx};
    return walk_rows(handle, after, &w, error);
}

static int32_t row_of(void *handle, uint64_t deal, dealfsm_store_row_fn *each, void *ctx, dealfsm_error *error)
{
    const uint64_t before = deal - 1;
    walk w = {.it = handle, .each = each, .ctx = ctx, .only = &deal};
    int32_t result = walk_rows(handle, deal > 0 ? &before : NULL, &w, error);
    if (result < 0 || w.met)
        return result;
    return host_error(error, DEALFSM_E_NOT_FOUND, "deal", "the store has no deal %" PRIu64, deal);
}

/* ---- History */

typedef struct past {
    const library_store *it;
    dealfsm_store_event_fn *each;
    void *ctx;
    uint64_t deal;
    bool named;
    char machine_version[64]; /* of the row: whose names the events get */
} past;

static int32_t take_version(void *ctx, const dealfsm_store_row *row)
{
    past *p = ctx;
    snprintf(p->machine_version, sizeof p->machine_version, "%s", row->machine_version);
    return 0;
}

static int32_t take_event(void *ctx, const dealfsm_store_event *theirs)
{
    past *p = ctx;
    dealfsm_store_event event = {.struct_size = 0};
    int32_t result = host_take(&event, sizeof event, theirs, "event", NULL);
    event.struct_size = sizeof event;
    if (result < 0)
        return result;
    if (!p->named || p->deal != event.deal) {
        p->machine_version[0] = '\0';
        row_of((void *)p->it, event.deal, take_version, p, NULL);
        p->deal = event.deal;
        p->named = true;
    }
    store_event_names(p->it->store, p->machine_version, &event);
    return p->each(p->ctx, &event);
}

static int32_t history(void *handle, const uint64_t *deal, dealfsm_store_event_fn *each, void *ctx,
                       dealfsm_error *error)
{
    const library_store *it = handle;
    past p = {.it = it, .each = each, .ctx = ctx};
    dealfsm_error why = {.struct_size = sizeof why};
    int32_t result = it->its.history != NULL ? it->its.history(it->its.ctx, deal, take_event, &p, &why) : DEALFSM_OK;
    if (result < 0 && why.code != 0)
        host_error(error, result, why.field, "%s", why.text);
    return result;
}

/* ---- Figures */

static int32_t stats(void *handle, dealfsm_store_stats *out, dealfsm_error *error)
{
    const library_store *it = handle;
    (void)error;
    out->layout = it->its.layout;
    out->bytes = it->its.bytes != NULL ? it->its.bytes(it->its.ctx) : 0;
    out->flags = it->its.history == NULL ? DEALFSM_STATS_NO_HISTORY : 0;
    return DEALFSM_OK;
}

const store_driver store_library = {
    .scheme = "library",
    .open = open_store,
    .close = close_store,
    .commit = library_commit,
    .rows = rows,
    .row_of = row_of,
    .history = history,
    .stats = stats,
};
