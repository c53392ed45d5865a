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
    return w;
}

void world_free(world *w)
{
    if (w == NULL) {
        return;
    }
    file_close(w);
    for (uint64_t i = 0; w->deals != NULL && i < w->options.deals && w->deals[i].id != 0; i++) {
        deal_free(&w->deals[i]);
    }
    chain_free(w);
    free(w->deals);
    free(w->heap);
    mpz_clear(w->nothing);
    pthread_mutex_destroy(&w->mutex);
    free(w);
}

void world_break(world *w, const char *why)
{
    w->broken = w->broken != NULL ? w->broken : why;
}

const char *world_broken(const world *w)
{
    return w->broken;
}

/* ---- Looking */

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
        .silent = d->silent != 0 ? world_op_name(d->silent) : NULL,
        .waits = provider_waits(d),
        .vouchers = d->vouchers,
        .voucher_in_flight = d->in_flight,
        .added = &d->added,
        .topped_up = &d->topped_up,
    };
    for (size_t i = 0; i < d->asked_count; i++) {
        view->asked += d->asked[i].asks;
        view->asked_again += d->asked[i].asks - 1;
    }
}
