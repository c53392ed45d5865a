/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <sched.h>
#include <string.h>

#include "error.h"
#include "host.h"

/* Deals that are only in a durable store: shown from there, and brought back when somebody asks for them. The other way:
 * deals with nothing to do are let go of, beyond a bound. */

/* ---- Rows */

/* Gives the row of a deal to `each`, from whichever store of the host has one. */
static int32_t find_row(dealfsm_host *host, uint64_t deal, int32_t (*each)(void *, const dealfsm_store_row *),
                        void *ctx, dealfsm_store **store, dealfsm_error *error)
{
    int32_t result = DEALFSM_E_NOT_FOUND;
    host_call call;
    for (uint32_t number = 0; result == DEALFSM_E_NOT_FOUND && host_enter_next(host, number, &call);
         number = call.number) {
        *store = call.generation->durable;
        dealfsm_error why = {.struct_size = sizeof why};
        if (*store != NULL)
            result = dealfsm_store_row_of(*store, deal, each, ctx, &why);
        if (result < 0 && result != DEALFSM_E_NOT_FOUND)
            host_error(error, result, why.field, "%s", why.text);
        host_leave(&call);
    }
    return result;
}

static int32_t seen(void *ctx, const dealfsm_store_row *row)
{
    (void)ctx;
    (void)row;
    return DEALFSM_OK;
}

int32_t host_stored_already(dealfsm_host *host, uint64_t deal, dealfsm_error *error)
{
    dealfsm_store *store;
    if (atomic_load(&host->durables) == 0)
        return DEALFSM_OK;
    int32_t result = find_row(host, deal, seen, NULL, &store, error);
    if (result == DEALFSM_E_NOT_FOUND)
        return DEALFSM_OK;
    return result < 0 ? result
                      : host_error(error, DEALFSM_E_EXISTS, "deal", "deal %" PRIu64 " is in the store already", deal);
}

/* ---- query */

typedef struct showing {
    dealfsm_deal shown;
    int32_t result;
} showing;

static int32_t show_row(void *ctx, const dealfsm_store_row *row)
{
    showing *s = ctx;
    dealfsm_deal *shown = &s->shown;
    bool room = shown->record != NULL && shown->record_capacity >= row->record_len;
    if (room)
        memcpy(shown->record, row->record, row->record_len);
    s->result = room || shown->record == NULL || shown->record_capacity == 0 ? DEALFSM_OK : DEALFSM_E_TOO_SMALL;
    *shown = (dealfsm_deal){.struct_size = shown->struct_size,
                            .flags = row->flags & DEALFSM_ROW_FINAL ? (uint32_t)DEALFSM_DEAL_FINAL : 0,
                            .status = row->status,
                            .sequence = row->sequence,
                            .revision = row->revision,
                            .record = shown->record,
                            .record_capacity = shown->record_capacity,
                            .record_len = row->record_len};
    return DEALFSM_OK;
}

int32_t host_query_store(dealfsm_host *host, uint64_t deal, dealfsm_deal *out, dealfsm_error *error)
{
    showing s = {.result = DEALFSM_OK};
    dealfsm_store *store;
    int32_t result = host_take(&s.shown, sizeof s.shown, out, "out", error);
    if (result >= 0)
        result = find_row(host, deal, show_row, &s, &store, error);
    if (result >= 0)
        result = host_give(out, &s.shown, sizeof s.shown, "out", error);
    if (result >= 0 && s.result < 0)
        result = host_error(error, s.result, "record", "the record has %" PRIu64 " bytes: give room for them",
                            s.shown.record_len);
    return result;
}

/* ---- Coming back */

typedef struct waking {
    dealfsm_host *host;
    dealfsm_store **store;
    dealfsm_error *error;
} waking;

static int32_t wake_row(void *ctx, const dealfsm_store_row *row)
{
    const waking *w = ctx;
    if (row->flags & DEALFSM_ROW_DAMAGED)
        return host_error(w->error, DEALFSM_E_CORRUPT, "deal", "%s", row->damage);
    return host_restore_row(w->host, *w->store, row, 0, true, w->error);
}

int32_t host_wake(dealfsm_host *host, uint64_t deal, dealfsm_error *error)
{
    dealfsm_store *store;
    waking w = {host, &store, error};
    int32_t result = find_row(host, deal, wake_row, &w, &store, error);
    if (result < 0)
        return result;
    result = dealfsm_host_activate(host, deal, NULL, error);
    host_shard *shard = &host->shards[host_shard_of(deal)];
    pthread_mutex_lock(&shard->lock);
    host_route *route = host_route_find(shard, deal);
    if (route != NULL)
        route->waking = false;
    pthread_mutex_unlock(&shard->lock);
    return result == DEALFSM_E_STATE ? DEALFSM_OK : result; /* another has activated it */
}

static bool is_waking(dealfsm_host *host, uint64_t deal)
{
    host_shard *shard = &host->shards[host_shard_of(deal)];
    pthread_mutex_lock(&shard->lock);
    const host_route *route = host_route_find(shard, deal);
    bool yes = route != NULL && route->waking;
    pthread_mutex_unlock(&shard->lock);
    return yes;
}

static bool again(bool had_error, dealfsm_error *error)
{
    if (error != NULL && !had_error)
        error->code = DEALFSM_OK;
    return true;
}

bool host_again(dealfsm_host *host, uint64_t deal, int32_t *result, bool had_error, dealfsm_error *error)
{
    if (*result >= 0 || host == NULL || atomic_load(&host->durables) == 0)
        return false;
    if (*result == DEALFSM_E_FROZEN && is_waking(host, deal)) {
        sched_yield(); /* between restore and activate, in another thread */
        return again(had_error, error);
    }
    if (*result != DEALFSM_E_NOT_FOUND)
        return false;
    dealfsm_error why = {.struct_size = sizeof why};
    int32_t woken = host_wake(host, deal, &why);
    if (woken == DEALFSM_E_NOT_FOUND)
        return false;
    if (woken == DEALFSM_E_EXISTS) /* another thread brings it in, or takes it away */
        sched_yield();
    again(had_error, error);
    if (woken >= 0 || woken == DEALFSM_E_EXISTS)
        return true;
    *result = host_error(error, woken, why.field, "%s", why.text);
    return false;
}

/* ---- Letting go: the hand of a clock goes round the routes. Who was asked for since it last came by stays. */
enum { EXAMINED = 256 };

/* Collects deals of a shard from the hand's slot on; with the shard's lock held. */
static size_t collect(host_shard *shard, uint64_t *deals, size_t examined)
{
    size_t count = 0;
    for (size_t i = 0; i < examined && shard->hand < shard->capacity; i++, shard->hand++) {
        host_route *route = &shard->slots[shard->hand];
        if (route->generation == NULL || route->claimed || route->waking)
            continue;
        if (!route->touched)
            deals[count++] = route->deal;
        route->touched = false;
    }
    return count;
}

static void sweep(void *ctx)
{
    dealfsm_host *host = ctx;
    uint64_t deals[EXAMINED];
    host_shard *shard = &host->shards[host->hand];
    pthread_mutex_lock(&shard->lock);
    size_t count = collect(shard, deals, EXAMINED);
    bool end = shard->hand >= shard->capacity;
    if (end)
        shard->hand = 0;
    pthread_mutex_unlock(&shard->lock);
    if (end)
        host->hand = (host->hand + 1) % HOST_SHARDS;
    if (end && host->hand == 0)
        host->rounds++;
    for (size_t i = 0; i < count && atomic_load(&host->routes) > host->idle_deals; i++) {
        /* one with work to do refuses */
        if (!host_has_subscription(host, deals[i]) && dealfsm_host_release(host, deals[i], NULL) >= 0)
            host->rounds = 0;
    }
    bool busy = host->rounds > 2; /* all have been asked, and none could go: the next call or put looks again */
    if (busy)
        host->rounds = 0;
    atomic_store(&host->sweeping, false);
    if (!busy)
        host_let_go(host);
}

void host_let_go(dealfsm_host *host)
{
    if (host->idle_deals == 0 || atomic_load(&host->routes) <= host->idle_deals ||
        atomic_exchange(&host->sweeping, true))
        return;
    host->sweep_job = (host_job){.fn = sweep, .ctx = host};
    host_pool_push(&host->pool, &host->sweep_job);
}
