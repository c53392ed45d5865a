/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "store.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "error.h"

/* Opens, teaches, shows and closes stores. */

enum { BATCH_DEFAULT = 4096, WAITING_BYTES_DEFAULT = 64 << 20 };

static const store_driver *const drivers[] = {&store_sqlite, &store_leveldb, &store_library};
enum { DRIVERS = sizeof drivers / sizeof drivers[0] };

static void no_log(void *ctx, uint32_t level, uint64_t deal, const char *text)
{
    (void)ctx;
    (void)level;
    (void)deal;
    (void)text;
}

/* ---- open */

static int32_t take_options(dealfsm_store *store, const dealfsm_store_options *options, dealfsm_error *error)
{
    dealfsm_store_options *taken = &store->options;
    int32_t result = options != NULL ? host_take(taken, sizeof *taken, options, "options", error) : DEALFSM_OK;
    if (result >= 0 && taken->faults != NULL)
        result = host_take(&store->faults, sizeof store->faults, taken->faults, "faults", error);
    if (result >= 0 && taken->log != NULL)
        result = host_take(&store->log, sizeof store->log, taken->log, "log", error);
    if (result < 0)
        return result;
    if (store->log.log == NULL)
        store->log.log = no_log;
    taken->log = &store->log;
    if (taken->batch_puts == 0)
        taken->batch_puts = BATCH_DEFAULT;
    if (taken->waiting_bytes == 0)
        taken->waiting_bytes = WAITING_BYTES_DEFAULT;
    return DEALFSM_OK;
}

/* A scheme is letters only, so that "./a:b" and "C:x" are none. 0: none. */
static size_t scheme_of(const char *url)
{
    size_t length = strspn(url, "abcdefghijklmnopqrstuvwxyz");
    return length > 1 && url[length] == ':' ? length : 0;
}

const char *dealfsm_store_place(const char *url)
{
    static const char library[] = "library:", end[] = ".so:";
    size_t scheme = scheme_of(url);
    const char *place = scheme > 0 ? url + scheme + 1 : url;
    const char *cut = strncmp(url, library, sizeof library - 1) == 0 ? strstr(place, end) : NULL;
    return cut != NULL ? cut + sizeof end - 1 : place;
}

/* A path alone is refused, not guessed at: whoever forgot the scheme once would have two stores. */
static int32_t refuse_url(const char *url, dealfsm_error *error)
{
    static const char expected[] = "expected " DEALFSM_STORE_URLS;
    struct stat info;
    if (url[0] == '\0' || scheme_of(url) > 0)
        return host_error(error, DEALFSM_E_ARGUMENT, "url", "%s, found \"%.80s\": no such kind of store", expected,
                          url);
    bool directory = stat(url, &info) == 0 && S_ISDIR(info.st_mode);
    return host_error(error, DEALFSM_E_ARGUMENT, "url", "%s, found \"%.80s\": did you mean %s:%.80s?", expected, url,
                      directory ? "leveldb" : "sqlite", url);
}

/* NULL: none. */
static const store_driver *driver_of(const char *url)
{
    size_t i = 0, scheme = scheme_of(url);
    while (i < DRIVERS && (strlen(drivers[i]->scheme) != scheme || memcmp(drivers[i]->scheme, url, scheme) != 0))
        i++;
    return i < DRIVERS ? drivers[i] : NULL;
}

int32_t dealfsm_store_is_url(const char *word)
{
    return word != NULL && driver_of(word) != NULL;
}

static int32_t take_url(dealfsm_store *store, const char *url, dealfsm_error *error)
{
    size_t scheme = scheme_of(url);
    store->driver = driver_of(url);
    if (store->driver == NULL)
        return refuse_url(url, error);
    if (url[scheme + 1] == '\0')
        return host_error(error, DEALFSM_E_ARGUMENT, "url", "expected a path in \"%.80s\", found none", url);
    store->url = strdup(url);
    if (store->url == NULL)
        return host_error(error, DEALFSM_E_NO_MEMORY, "", "out of memory for a store");
    store->path = store->url + scheme + 1;
    return DEALFSM_OK;
}

static int32_t put_and_wait(void *ctx, const dealfsm_put *put)
{
    return store_put_row(ctx, put, NULL, NULL);
}

static dealfsm_store *new_store(void)
{
    dealfsm_store *store = calloc(1, sizeof *store);
    if (store == NULL)
        return NULL;
    atomic_init(&store->known, NULL);
    atomic_init(&store->users, 0);
    pthread_mutex_init(&store->lock, NULL);
    pthread_cond_init(&store->work, NULL);
    pthread_cond_init(&store->room, NULL);
    pthread_cond_init(&store->done, NULL);
    store->last = &store->first;
    store->service = (dealfsm_store_v1){.struct_size = sizeof store->service, .ctx = store, .put = put_and_wait};
    return store;
}

static void free_store(dealfsm_store *store)
{
    if (store->handle != NULL)
        store->driver->close(store->handle);
    store_knowledge *known = atomic_load(&store->known);
    while (known != NULL) {
        store_knowledge *next = known->next;
        free(known);
        known = next;
    }
    pthread_cond_destroy(&store->done);
    pthread_cond_destroy(&store->room);
    pthread_cond_destroy(&store->work);
    pthread_mutex_destroy(&store->lock);
    free(store->url);
    free(store);
}

int32_t dealfsm_store_open(const char *url, const dealfsm_store_options *options, dealfsm_store **store,
                           dealfsm_error *error)
{
    if (url == NULL || store == NULL)
        return host_error(error, DEALFSM_E_ARGUMENT, url == NULL ? "url" : "store", "expected a pointer, found NULL");
    dealfsm_store *made = new_store();
    if (made == NULL)
        return host_error(error, DEALFSM_E_NO_MEMORY, "", "out of memory for a store");
    int32_t result = take_options(made, options, error);
    if (result >= 0)
        result = take_url(made, url, error);
    if (result >= 0)
        result = made->driver->open(made, &made->handle, error);
    if (result >= 0 && !(made->options.flags & DEALFSM_STORE_READ_ONLY))
        result = store_writer_start(made, error);
    if (result < 0)
        free_store(made);
    else
        *store = made;
    return result;
}

int32_t dealfsm_store_close(dealfsm_store *store, dealfsm_error *error)
{
    if (store == NULL)
        return DEALFSM_OK;
    if (atomic_load(&store->users) > 0)
        return host_error(error, DEALFSM_E_BUSY, "store", "%u generations use the store: close them, or free the host",
                          atomic_load(&store->users));
    store_writer_stop(store);
    free_store(store);
    return DEALFSM_OK;
}

const dealfsm_store_v1 *dealfsm_store_service(dealfsm_store *store)
{
    return store != NULL ? &store->service : NULL;
}

/* ---- teach */

static void learn_names(store_knowledge *known, const dealfsm_describe_v1 *describe)
{
    dealfsm_state_info state = {.struct_size = sizeof state};
    for (uint32_t i = 0; describe->state(i, &state) >= 0; i++) {
        if (state.status >= STORE_NAMES)
            continue;
        known->statuses[state.status] = state.name;
        known->is_final[state.status] = state.is_final != 0;
    }
    dealfsm_event_info event = {.struct_size = sizeof event};
    for (uint32_t i = 0; describe->event(i, &event) >= 0; i++) {
        if (event.event < STORE_NAMES)
            known->events[event.event] = event.name;
    }
}

static int32_t teach(dealfsm_store *store, const dealfsm_describe_v1 *describe, const dealfsm_record_v1 *record,
                     dealfsm_error *error)
{
    store_knowledge *known = calloc(1, sizeof *known);
    if (known == NULL)
        return host_error(error, DEALFSM_E_NO_MEMORY, "", "out of memory for a machine version");
    known->machine_version = describe->machine_version;
    known->record = record;
    learn_names(known, describe);
    pthread_mutex_lock(&store->lock);
    bool there = store_known(store, describe->machine_version) != NULL;
    if (!there) {
        known->next = atomic_load(&store->known);
        atomic_store(&store->known, known);
    }
    pthread_mutex_unlock(&store->lock);
    if (there)
        free(known);
    return DEALFSM_OK;
}

int32_t dealfsm_store_teach(dealfsm_store *store, const dealfsm_functions *functions, dealfsm_error *error)
{
    if (store == NULL || functions == NULL)
        return host_error(error, DEALFSM_E_ARGUMENT, store == NULL ? "store" : "functions",
                          "expected a pointer, found NULL");
    const dealfsm_describe_v1 *describe = functions->interface("describe/1");
    const dealfsm_record_v1 *record = functions->interface("record/1");
    if (describe == NULL || record == NULL)
        return host_error(error, DEALFSM_E_MISSING, describe == NULL ? "describe/1" : "record/1",
                          "the module does not offer it: its rows are kept, but without names and amounts");
    return teach(store, describe, record, error);
}

/* ---- Hosts */

int32_t store_attach(dealfsm_store *store, const void *host, host_pool *pool, const dealfsm_functions *functions,
                     dealfsm_error *error)
{
    int32_t result = DEALFSM_OK;
    if (store->options.flags & DEALFSM_STORE_READ_ONLY)
        return host_error(error, DEALFSM_E_ARGUMENT, "durable", "the store was opened read-only: machines write");
    dealfsm_store_teach(store, functions, NULL); /* without those interfaces rows lack names, no more */
    pthread_mutex_lock(&store->lock);
    if (atomic_load(&store->users) > 0 && store->host != host) {
        result = host_error(error, DEALFSM_E_BUSY, "durable", "another host uses the store: one store, one host");
    } else {
        store->host = host;
        store->pool = pool;
        atomic_fetch_add(&store->users, 1);
    }
    pthread_mutex_unlock(&store->lock);
    return result;
}

void store_detach(dealfsm_store *store)
{
    atomic_fetch_sub(&store->users, 1);
}

/* ---- Reading */

static int32_t needs(const dealfsm_store *store, bool function, dealfsm_error *error)
{
    if (store != NULL && function)
        return DEALFSM_OK;
    return host_error(error, DEALFSM_E_ARGUMENT, store == NULL ? "store" : "each", "expected a pointer, found NULL");
}

int32_t dealfsm_store_rows(dealfsm_store *store, const uint64_t *after, dealfsm_store_row_fn *each, void *ctx,
                           dealfsm_error *error)
{
    int32_t result = needs(store, each != NULL, error);
    return result < 0 ? result : store->driver->rows(store->handle, after, each, ctx, error);
}

int32_t dealfsm_store_row_of(dealfsm_store *store, uint64_t deal, dealfsm_store_row_fn *each, void *ctx,
                             dealfsm_error *error)
{
    int32_t result = needs(store, each != NULL, error);
    return result < 0 ? result : store->driver->row_of(store->handle, deal, each, ctx, error);
}

int32_t dealfsm_store_history(dealfsm_store *store, const uint64_t *deal, dealfsm_store_event_fn *each, void *ctx,
                              dealfsm_error *error)
{
    int32_t result = needs(store, each != NULL, error);
    return result < 0 ? result : store->driver->history(store->handle, deal, each, ctx, error);
}

int32_t dealfsm_store_stats_of(dealfsm_store *store, dealfsm_store_stats *out, dealfsm_error *error)
{
    int32_t result = needs(store, true, error);
    if (result < 0)
        return result;
    pthread_mutex_lock(&store->lock);
    dealfsm_store_stats now = store->stats;
    now.waiting = store->waiting;
    pthread_mutex_unlock(&store->lock);
    result = store->driver->stats(store->handle, &now, error);
    return result < 0 ? result : host_give(out, &now, sizeof now, "out", error);
}
