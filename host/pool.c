/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _GNU_SOURCE
#include "pool.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"

static _Thread_local const host_pool *pool_of_this_thread;

bool host_pool_inside(const host_pool *pool)
{
    return pool_of_this_thread == pool;
}

/* Takes the first job; with the lock held. */
static host_job *take(host_pool *pool)
{
    host_job *job = pool->first;
    pool->first = job->next;
    if (pool->first == NULL)
        pool->last = &pool->first;
    if (pool->waiting-- == pool->bound)
        pthread_cond_broadcast(&pool->room);
    return job;
}

/* Runs a job; with the lock held, which is let go of meanwhile. */
static void run(host_pool *pool, host_job *job)
{
    void (*fn)(void *ctx) = job->fn;
    void *ctx = job->ctx;
    pool->running++;
    pthread_mutex_unlock(&pool->lock);
    if (job->allocated)
        free(job);
    fn(ctx);
    pthread_mutex_lock(&pool->lock);
    if (--pool->running == 0 && pool->waiting == 0)
        pthread_cond_broadcast(&pool->idle);
}

static void *work(void *ctx)
{
    host_pool *pool = ctx;
    pool_of_this_thread = pool;
    pthread_setname_np(pthread_self(), "dealfsm-worker"); /* as top, gdb and perf show it */
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        if (pool->first != NULL)
            run(pool, take(pool));
        else if (pool->stopping)
            break;
        else
            pthread_cond_wait(&pool->work, &pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

int32_t host_pool_start(host_pool *pool, uint32_t threads, uint32_t bound, dealfsm_error *error)
{
    memset(pool, 0, sizeof *pool);
    pool->last = &pool->first;
    pool->bound = bound;
    pool->threads = calloc(threads, sizeof *pool->threads);
    if (pool->threads == NULL)
        return host_error(error, DEALFSM_E_NO_MEMORY, "threads", "out of memory for %u worker threads", threads);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->room, NULL);
    pthread_cond_init(&pool->idle, NULL);
    for (; pool->threads_count < threads; pool->threads_count++) {
        int number = pthread_create(&pool->threads[pool->threads_count], NULL, work, pool);
        if (number != 0) {
            host_pool_stop(pool);
            return host_error(error, DEALFSM_E_IO, "threads", "worker thread %u of %u cannot be started: %s",
                              pool->threads_count + 1, threads, strerror(number));
        }
    }
    return DEALFSM_OK;
}

/* With the lock held. */
static void append(host_pool *pool, host_job *job)
{
    job->next = NULL;
    *pool->last = job;
    pool->last = &job->next;
    pool->waiting++;
    pthread_cond_signal(&pool->work);
}

int32_t host_pool_submit(host_pool *pool, void (*fn)(void *ctx), void *ctx, bool may_wait, dealfsm_error *error)
{
    host_job *job = malloc(sizeof *job);
    if (job == NULL)
        return host_error(error, DEALFSM_E_NO_MEMORY, "", "out of memory for a job");
    *job = (host_job){NULL, fn, ctx, true};
    pthread_mutex_lock(&pool->lock);
    /* A worker that waited for room would wait for itself in the end. */
    while (may_wait && pool->waiting >= pool->bound && !host_pool_inside(pool))
        pthread_cond_wait(&pool->room, &pool->lock);
    append(pool, job);
    pthread_mutex_unlock(&pool->lock);
    return DEALFSM_OK;
}

void host_pool_push(host_pool *pool, host_job *job)
{
    pthread_mutex_lock(&pool->lock);
    append(pool, job);
    pthread_mutex_unlock(&pool->lock);
}

void host_pool_drain(host_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    while (pool->waiting > 0 || pool->running > 0)
        pthread_cond_wait(&pool->idle, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

void host_pool_stop(host_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (uint32_t i = 0; i < pool->threads_count; i++)
        pthread_join(pool->threads[i], NULL);
    free(pool->threads);
    pthread_cond_destroy(&pool->idle);
    pthread_cond_destroy(&pool->room);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
}
