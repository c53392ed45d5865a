/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <stdlib.h>

#include "world_private.h"

world *world_new(const world_options *options)
{
    world *w = calloc(1, sizeof *w);
    if (w == NULL) {
        return NULL;
    }
    w->options = *options;
    w->scenario = options->scenario;
    mpz_init(w->nothing);
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->changed, NULL);
    w->deals = calloc(options->deals, sizeof *w->deals);
    w->heap = calloc(options->deals, sizeof(world_deal *));
    bool ok = w->deals != NULL && w->heap != NULL && chain_make(w);
    for (uint64_t i = 0; ok && i < options->deals; i++) {
        ok = deal_make(w, &w->deals[i], i + 1);
    }
    if (!ok) {
        world_free(w);
        return NULL;
    }
    node_environment(w);
    return w;
}

void world_free(world *w)
{
    if (w == NULL) {
        return;
    }
    for (uint64_t i = 0; w->deals != NULL && i < w->options.deals && w->deals[i].id != 0; i++) {
        deal_free(&w->deals[i]);
    }
    chain_free(w);
    free(w->deals);
    free(w->heap);
    mpz_clear(w->nothing);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->mutex);
    free(w);
}

const dealfsm_environment *world_environment(const world *w)
{
    return &w->environment;
}

void world_adapt(world *w, bool cancelled, bool shortfall)
{
    w->can_cancel = cancelled;
    w->can_fall_short = shortfall;
}

void world_close(world *w)
{
    pthread_mutex_lock(&w->mutex);
    w->closed = true;
    pthread_mutex_unlock(&w->mutex);
}

void world_stop(world *w)
{
    atomic_store(&w->stop, true);
}

bool world_stopped(const world *w)
{
    return atomic_load(&w->stop);
}

uint64_t world_now(world *w, uint64_t deal)
{
    pthread_mutex_lock(&w->mutex);
    uint64_t now = w->deals[deal - 1].now;
    pthread_mutex_unlock(&w->mutex);
    return now;
}

void world_look(const world *w, uint64_t deal, world_view *view)
{
    const world_deal *d = &w->deals[deal - 1];
    *view = (world_view){
        .client = &w->scenario->clients[d->client],
        .provider = &w->scenario->providers[d->provider],
        .retrieval = &w->scenario->retrievals[d->retrieval],
        .habit = d->serving.habit,
        .size = d->size,
        .sent = d->serving.sent,
        .now = d->now,
        .silent = d->silent,
        .waits = provider_waits(d),
        .vouchers = d->vouchers,
        .voucher_in_flight = d->in_flight,
        .added = &d->added,
    };
}
