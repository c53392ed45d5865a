/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _GNU_SOURCE
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "error.h"
#include "store.h"

/* Puts: gathered, committed by one thread, and their outcomes handed to the worker pool. */

enum { STORED_AT_ONCE = 16 }; /* outcomes that one job of the pool hands over */

/* ---- The queue */

static int32_t wait_until_done(dealfsm_store *store, store_put *put)
{
    while (!put->done)
        pthread_cond_wait(&store->done, &store->lock);
    return put->outcome;
}

int32_t store_put_row(dealfsm_store *store, const dealfsm_put *row,
                      void (*stored)(void *ctx, uint64_t deal, uint64_t revision, int32_t outcome), void *stored_ctx)
{
    dealfsm_put known;
    if (!store->has_writer || host_take(&known, sizeof known, row, "put", NULL) < 0)
        return DEALFSM_PUT_FAILED;
    store_put *put = store_put_copy(store, &known);
    if (put == NULL)
        return DEALFSM_PUT_FAILED;
    put->stored = stored;
    put->stored_ctx = stored_ctx;
    int32_t outcome = DEALFSM_PUT_PENDING;
    pthread_mutex_lock(&store->lock);
    /* The writer waits for nobody, so there will be room. */
    while (store->waiting > 0 && store->waiting_bytes + put->size > store->options.waiting_bytes)
        pthread_cond_wait(&store->room, &store->lock);
    *store->last = put;
    store->last = &put->next;
    store->waiting++;
    store->waiting_bytes += put->size;
    pthread_cond_signal(&store->work);
    if (stored == NULL)
        outcome = wait_until_done(store, put);
    pthread_mutex_unlock(&store->lock);
    if (stored == NULL)
        free(put);
    return outcome;
}

/* Takes what has gathered, up to the bound of a batch; with the lock held. */
static store_put *take(dealfsm_store *store)
{
    store_put *first = store->first, **end = &store->first;
    for (uint32_t count = 0; *end != NULL && count < store->options.batch_puts; count++) {
        store->waiting--;
        store->waiting_bytes -= (*end)->size;
        end = &(*end)->next;
    }
    store->first = *end;
    *end = NULL;
    if (store->first == NULL)
        store->last = &store->first;
    pthread_cond_broadcast(&store->room);
    return first;
}

/* ---- Failed puts may have landed. The put that follows one is of the same step: the events that the failed one told
 * are told again, and must not stand in the history twice. */
typedef struct failed_put {
    uint64_t deal;
    uint64_t revision; /* the lowest that failed since the last that did not */
} failed_put;

static int by_deal(const void *left, const void *right)
{
    const failed_put *a = left, *b = right;
    return (a->deal > b->deal) - (a->deal < b->deal);
}

static void note_failed(dealfsm_store *store, const store_put *put)
{
    failed_put *failed = malloc(sizeof *failed);
    if (failed == NULL)
        return;
    *failed = (failed_put){put->deal, put->revision};
    failed_put **at = tsearch(failed, &store->failed, by_deal);
    if (at == NULL || *at != failed)
        free(failed);
}

static void find_failed(dealfsm_store *store, store_put *put)
{
    const failed_put key = {.deal = put->deal};
    failed_put **at = tfind(&key, &store->failed, by_deal);
    put->erase_from = at != NULL && (*at)->revision < put->revision ? (*at)->revision : 0;
}

static void forget_failed(dealfsm_store *store, const store_put *put)
{
    const failed_put key = {.deal = put->deal};
    failed_put **at = tfind(&key, &store->failed, by_deal);
    if (at == NULL)
        return;
    failed_put *failed = *at;
    tdelete(failed, &store->failed, by_deal);
    free(failed);
}

/* ---- Commits */

/* What the tests' plan says of this commit. */
static uint32_t planned_fault(const dealfsm_store *store)
{
    const dealfsm_store_faults *faults = &store->faults;
    uint64_t number = store->stats.commits + 1;
    if ((faults->kind != DEALFSM_FAULT_COMMIT && faults->kind != DEALFSM_FAULT_LANDED) || number < faults->first ||
        (faults->count != 0 && number - faults->first >= faults->count))
        return 0;
    return faults->kind;
}

static void tell_failure(const dealfsm_store *store, const store_put *first, const dealfsm_error *error)
{
    char line[512];
    snprintf(line, sizeof line, "a commit failed, its deals are stalled: %s", error->text);
    store->log.log(store->log.ctx, DEALFSM_LOG_ERROR, first->deal, line);
}

static int32_t commit(dealfsm_store *store, store_put *first, dealfsm_error *error)
{
    uint32_t fault = planned_fault(store);
    int32_t result = fault == DEALFSM_FAULT_COMMIT ? DEALFSM_E_IO : store->driver->commit(store->handle, first, error);
    if (fault != 0)
        result = host_error(error, DEALFSM_E_IO, "", "as the plan of faults says");
    return result;
}

static uint64_t microseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void note_outcomes(dealfsm_store *store, store_put *first, bool failed, uint64_t start)
{
    uint64_t puts = 0, lost = 0, not_put = 0;
    for (store_put *put = first; put != NULL; put = put->next, puts++) {
        if (failed || put->outcome == DEALFSM_PUT_FAILED) {
            put->outcome = DEALFSM_PUT_FAILED;
            not_put++;
            note_failed(store, put);
        } else if (store->failed != NULL) {
            forget_failed(store, put);
        }
        lost += put->outcome == DEALFSM_PUT_LOST;
    }
    pthread_mutex_lock(&store->lock);
    dealfsm_store_stats *stats = &store->stats;
    stats->commits++;
    stats->puts += puts;
    stats->puts_lost += lost;
    stats->puts_failed += not_put;
    stats->commit_microseconds += microseconds() - start;
    stats->largest_commit = puts > stats->largest_commit ? puts : stats->largest_commit;
    pthread_mutex_unlock(&store->lock);
}

static void commit_batch(dealfsm_store *store, store_put *first)
{
    dealfsm_error error = {.struct_size = sizeof error};
    uint64_t start = microseconds();
    for (store_put *put = first; put != NULL && store->failed != NULL; put = put->next)
        find_failed(store, put);
    bool failed = commit(store, first, &error) < 0;
    if (failed)
        tell_failure(store, first, &error);
    note_outcomes(store, first, failed, start);
}

/* ---- Outcomes */

static void hand_over(void *ctx)
{
    for (store_put *put = ctx, *next; put != NULL; put = next) {
        const store_put told = *put;
        next = put->next;
        free(put); /* first: the machine's next put of this deal takes its place, which is at hand still */
        told.stored(told.stored_ctx, told.deal, told.revision, told.outcome);
    }
}

/* Wakes those who wait themselves, and takes them off the list: they free their puts. */
static store_put *wake(dealfsm_store *store, store_put *first)
{
    store_put *others = NULL, **end = &others;
    pthread_mutex_lock(&store->lock);
    for (store_put *put = first, *next; put != NULL; put = next) {
        next = put->next;
        if (put->stored == NULL) {
            put->done = true;
        } else {
            *end = put;
            end = &put->next;
        }
    }
    *end = NULL;
    pthread_cond_broadcast(&store->done);
    pthread_mutex_unlock(&store->lock);
    return others;
}

/* Hands outcomes to the pool, some at a time. */
static void deliver(dealfsm_store *store, store_put *first)
{
    for (store_put *part = wake(store, first), *last = part; part != NULL; part = last) {
        for (int i = 1; i < STORED_AT_ONCE && last->next != NULL; i++)
            last = last->next;
        store_put *rest = last->next;
        last->next = NULL;
        part->job = (host_job){.fn = hand_over, .ctx = part};
        host_pool_push(store->pool, &part->job);
        last = rest;
    }
}

static void *write_rows(void *ctx)
{
    dealfsm_store *store = ctx;
    pthread_setname_np(pthread_self(), "dealfsm-store"); /* as top, gdb and perf show it */
    pthread_mutex_lock(&store->lock);
    for (;;) {
        if (store->first != NULL) {
            store_put *first = take(store);
            store->committing = true;
            pthread_mutex_unlock(&store->lock);
            commit_batch(store, first);
            deliver(store, first);
            pthread_mutex_lock(&store->lock);
            store->committing = false;
            if (store->first == NULL)
                pthread_cond_broadcast(&store->done);
        } else if (store->stopping) {
            break;
        } else {
            pthread_cond_wait(&store->work, &store->lock);
        }
    }
    pthread_mutex_unlock(&store->lock);
    return NULL;
}

int32_t store_writer_start(dealfsm_store *store, dealfsm_error *error)
{
    int number = pthread_create(&store->writer, NULL, write_rows, store);
    if (number != 0)
        return host_error(error, DEALFSM_E_IO, "", "the store's writer thread cannot be started: %s", strerror(number));
    store->has_writer = true;
    return DEALFSM_OK;
}

void store_drain(dealfsm_store *store)
{
    pthread_mutex_lock(&store->lock);
    while (store->first != NULL || store->committing)
        pthread_cond_wait(&store->done, &store->lock);
    pthread_mutex_unlock(&store->lock);
}

void store_writer_stop(dealfsm_store *store)
{
    if (!store->has_writer)
        return;
    pthread_mutex_lock(&store->lock);
    store->stopping = true;
    pthread_cond_broadcast(&store->work);
    pthread_mutex_unlock(&store->lock);
    pthread_join(store->writer, NULL);
    tdestroy(store->failed, free);
}
