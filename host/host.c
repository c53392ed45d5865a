/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "host.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "file.h"
#include "module.h"
#include "swap.h"

enum { THREADS_DEFAULT = 2, THREADS_MOST = 256, JOBS_DEFAULT = 1024 };

/* ---- new */

static int32_t take_options(dealfsm_host_options *taken, const dealfsm_host_options *options, dealfsm_error *error)
{
    memset(taken, 0, sizeof *taken);
    int32_t result = options != NULL ? host_take(taken, sizeof *taken, options, "options", error) : DEALFSM_OK;
    if (result < 0)
        return result;
    if (taken->threads > THREADS_MOST)
        return host_error(error, DEALFSM_E_ARGUMENT, "threads", "expected at most %d threads, found %u", THREADS_MOST,
                          taken->threads);
    if (taken->log != NULL)
        return host_take(&(dealfsm_log_v1){0}, sizeof *taken->log, taken->log, "log", error);
    return DEALFSM_OK;
}

static dealfsm_host *new_host(void)
{
    dealfsm_host *host = aligned_alloc(HOST_CACHE_LINE, sizeof *host);
    if (host == NULL)
        return NULL;
    memset(host, 0, sizeof *host);
    for (unsigned i = 0; i < HOST_SHARDS; i++)
        pthread_mutex_init(&host->shards[i].lock, NULL);
    pthread_mutex_init(&host->lock, NULL);
    atomic_init(&host->only, NULL);
    atomic_init(&host->newest, NULL);
    return host;
}

/* Frees all but the pool. */
static void free_host(dealfsm_host *host)
{
    if (host->directory != NULL && host->chosen_directory == NULL)
        host_directory_remove(host->directory);
    free(host->directory);
    free(host->chosen_directory);
    while (host->spare != NULL) {
        host_generation *generation = host->spare;
        host->spare = generation->next;
        free(generation);
    }
    for (unsigned i = 0; i < HOST_SHARDS; i++) {
        free(host->shards[i].slots);
        pthread_mutex_destroy(&host->shards[i].lock);
    }
    pthread_mutex_destroy(&host->lock);
    free(host);
}

static int32_t fill(dealfsm_host *host, const dealfsm_host_options *options, dealfsm_error *error)
{
    host->idle_deals = options->idle_deals;
    host->log_level = options->log_level != 0 ? options->log_level : DEALFSM_LOG_WARNING;
    host->log = (dealfsm_log_v1){.struct_size = sizeof host->log, .ctx = host, .log = host_log_default};
    if (options->log != NULL)
        host_take(&host->log, sizeof host->log, options->log, "log", NULL);
    if (options->private_dir != NULL) {
        host->chosen_directory = strdup(options->private_dir);
        if (host->chosen_directory == NULL)
            return host_error(error, DEALFSM_E_NO_MEMORY, "", "out of memory for a host");
    }
    return host_pool_start(&host->pool, options->threads != 0 ? options->threads : THREADS_DEFAULT,
                           options->queue_jobs != 0 ? options->queue_jobs : JOBS_DEFAULT, error);
}

int32_t dealfsm_host_new(const dealfsm_host_options *options, dealfsm_host **host, dealfsm_error *error)
{
    dealfsm_host_options taken;
    if (host == NULL)
        return host_error(error, DEALFSM_E_ARGUMENT, "host", "host is NULL: expected a place for the new host");
    int32_t result = take_options(&taken, options, error);
    if (result < 0)
        return result;
    dealfsm_host *made = new_host();
    if (made == NULL)
        return host_error(error, DEALFSM_E_NO_MEMORY, "", "out of memory for a host");
    result = fill(made, &taken, error);
    if (result < 0)
        free_host(made);
    else
        *host = made;
    return result;
}

/* ---- free */

/* Frees a host; `abandoned`: whatever is open. */
static int32_t end(dealfsm_host *host, bool abandoned, dealfsm_error *error)
{
    if (host == NULL)
        return DEALFSM_OK;
    if (host_inside(host) || host_pool_inside(&host->pool))
        return host_error(error, DEALFSM_E_BUSY, "", "called inside a callback or job: free when it has returned");
    host_drain(host);
    int32_t result = host_swaps_end(host, error);
    if (result >= 0 && abandoned)
        result = host_freeze_all(host, error);
    if (result >= 0)
        result = host_close_all(host, abandoned, error);
    if (result < 0)
        return result;
    host_pool_stop(&host->pool);
    host_subscriptions_end(host);
    free_host(host);
    return DEALFSM_OK;
}

int32_t dealfsm_host_free(dealfsm_host *host, dealfsm_error *error)
{
    return end(host, false, error);
}

int32_t dealfsm_host_abandon(dealfsm_host *host, dealfsm_error *error)
{
    return end(host, true, error);
}

/* ---- load, submit */

static int32_t find_directory(void *ctx, const char **directory, dealfsm_error *error)
{
    dealfsm_host *host = ctx;
    int32_t result =
        host->directory != NULL ? DEALFSM_OK : host_directory(host->chosen_directory, &host->directory, error);
    if (result >= 0)
        *directory = host->directory;
    return result;
}

int32_t dealfsm_host_load(dealfsm_host *host, const char *path, dealfsm_module **module, dealfsm_error *error)
{
    if (host == NULL || path == NULL || module == NULL)
        return host_error(error, DEALFSM_E_ARGUMENT,
                          host == NULL   ? "host"
                          : path == NULL ? "path"
                                         : "module",
                          "expected a pointer, found NULL");
    return host_module_load(path, find_directory, host, module, error);
}

int32_t dealfsm_host_submit(dealfsm_host *host, void (*fn)(void *ctx), void *ctx, dealfsm_error *error)
{
    if (host == NULL || fn == NULL)
        return host_error(error, DEALFSM_E_ARGUMENT, host == NULL ? "host" : "fn", "expected a pointer, found NULL");
    /* Inside a callback, a worker may be waiting for that very callback to return. */
    return host_pool_submit(&host->pool, fn, ctx, !host_inside(host), error);
}
