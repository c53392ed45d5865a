/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef HOST_POOL_H
#define HOST_POOL_H

/* The worker pool: threads that take jobs from one queue, in order. */

#include <dealfsm/base.h>
#include <pthread.h>
#include <stdbool.h>

typedef struct host_job {
    struct host_job *next;
    void (*fn)(void *ctx);
    void *ctx;
    bool allocated; /* freed by the pool, before it runs */
} host_job;

typedef struct host_pool {
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t work;  /* a job waits, or stopping */
    pthread_cond_t room;  /* waiting fell below bound */
    pthread_cond_t idle;  /* nothing waits or runs */
    host_job *first;
    host_job **last;
    uint32_t waiting;
    uint32_t running;
    uint32_t bound;
    bool stopping;
    uint32_t threads_count;
    pthread_t *threads;
} host_pool;

/* DEALFSM_E_NO_MEMORY; DEALFSM_E_IO: a thread could not be started. */
int32_t host_pool_start(host_pool *pool, uint32_t threads, uint32_t bound, dealfsm_error *error);

/* Queues fn(ctx). may_wait: the caller waits for room, unless it is one of the pool's own threads; else the queue
 * grows. */
int32_t host_pool_submit(host_pool *pool, void (*fn)(void *ctx), void *ctx, bool may_wait, dealfsm_error *error);

/* Queues a job of the caller's, whatever waits: neither waits nor fails. The job must live until it has started. */
void host_pool_push(host_pool *pool, host_job *job);

/* Waits until nothing waits or runs. Not inside a job. */
void host_pool_drain(host_pool *pool);

/* Runs what waits, ends the threads and frees what the pool holds. Not inside a job. */
void host_pool_stop(host_pool *pool);

/* The calling thread is one of the pool's. */
bool host_pool_inside(const host_pool *pool);

#endif
