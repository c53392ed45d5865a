/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "error.h"
#include "host.h"
#include "module.h"

/* The ways to a machine. Pins and `closing` are sequentially consistent: see host.h. */

void host_unpin(host_generation *generation, unsigned shard)
{
    atomic_fetch_sub(&generation->pins[shard].count, 1);
}

bool host_pin(host_generation *generation, unsigned shard)
{
    atomic_fetch_add(&generation->pins[shard].count, 1);
    if (!atomic_load(&generation->closing))
        return true;
    host_unpin(generation, shard);
    return false;
}

void host_leave(const host_call *call)
{
    host_unpin(call->generation, call->shard);
}

void host_call_fill(host_call *call, host_generation *generation, unsigned shard)
{
    *call = (host_call){.generation = generation,
                        .shard = shard,
                        .number = generation->number,
                        .functions = generation->functions,
                        .machine = generation->machine,
                        .moves_ended = atomic_load(&generation->host->shards[shard].moves_ended)};
}

static int32_t is_closing(const host_generation *generation, dealfsm_error *error)
{
    return host_error(error, DEALFSM_E_BUSY, "generation", "generation %" PRIu32 " is being closed",
                      generation->number);
}

/* To the generation that a pointer of the host shows, if it still shows it once that is pinned. */
static bool enter_shown(_Atomic(host_generation *) *shown, unsigned shard, host_call *call)
{
    host_generation *generation = atomic_load(shown);
    if (generation == NULL || !host_pin(generation, shard))
        return false;
    if (atomic_load(shown) == generation) {
        host_call_fill(call, generation, shard);
        return true;
    }
    host_unpin(generation, shard);
    return false;
}

static int32_t enter_routed(dealfsm_host *host, uint64_t deal, unsigned shard, host_call *call, dealfsm_error *error)
{
    int32_t result = DEALFSM_OK;
    pthread_mutex_lock(&host->shards[shard].lock);
    host_route *route = host_route_find(&host->shards[shard], deal);
    host_generation *generation = route != NULL ? route->generation : NULL;
    if (route != NULL)
        route->touched = true;
    if (generation == NULL)
        result = host_error(error, DEALFSM_E_NOT_FOUND, "deal", "no generation has deal %" PRIu64, deal);
    else if (host_pin(generation, shard))
        host_call_fill(call, generation, shard);
    else
        result = is_closing(generation, error);
    if (result >= 0)
        call->moves = route->move != NULL;
    pthread_mutex_unlock(&host->shards[shard].lock);
    return result;
}

static int32_t no_host(dealfsm_error *error)
{
    return host_error(error, DEALFSM_E_ARGUMENT, "host", "host is NULL: make one with dealfsm_host_new");
}

int32_t host_enter(dealfsm_host *host, uint64_t deal, host_call *call, dealfsm_error *error)
{
    if (host == NULL)
        return no_host(error);
    unsigned shard = host_shard_of(deal);
    /* One generation has whatever deal there is, and says itself which there are. With a bound on idle deals it has to be
     * noted which are asked for. */
    return host->idle_deals == 0 && enter_shown(&host->only, shard, call) ? DEALFSM_OK : enter_routed(host, deal, shard, call, error);
}

static int32_t enter_numbered(dealfsm_host *host, uint32_t number, unsigned shard, host_call *call,
                              dealfsm_error *error)
{
    int32_t result;
    pthread_mutex_lock(&host->lock);
    host_generation *generation = host->generations;
    if (number == 0)
        generation = atomic_load(&host->newest);
    while (generation != NULL && number != 0 && generation->number != number)
        generation = generation->next;
    if (generation == NULL) {
        result = number == 0 ? host_error(error, DEALFSM_E_STATE, "generation",
                                          "no generation is open: load a module and open it first")
                             : host_error(error, DEALFSM_E_NOT_FOUND, "generation",
                                          "generation %" PRIu32 " is not open", number);
    } else if (host_pin(generation, shard)) {
        host_call_fill(call, generation, shard);
        result = DEALFSM_OK;
    } else {
        result = is_closing(generation, error);
    }
    pthread_mutex_unlock(&host->lock);
    return result;
}

int32_t host_enter_generation(dealfsm_host *host, uint32_t number, uint64_t deal, host_call *call, dealfsm_error *error)
{
    if (host == NULL)
        return no_host(error);
    unsigned shard = host_shard_of(deal);
    if (number == 0 && enter_shown(&host->newest, shard, call))
        return DEALFSM_OK;
    return enter_numbered(host, number, shard, call, error);
}

bool host_enter_next(dealfsm_host *host, uint32_t number, host_call *call)
{
    bool found = false;
    pthread_mutex_lock(&host->lock);
    for (host_generation *generation = host->generations; generation != NULL && !found; generation = generation->next) {
        unsigned shard = generation->number % HOST_SHARDS;
        if (generation->number > number && host_pin(generation, shard)) {
            host_call_fill(call, generation, shard);
            found = true;
        }
    }
    pthread_mutex_unlock(&host->lock);
    return found;
}

bool host_enter_version(dealfsm_host *host, const char *machine_version, const dealfsm_store *store, uint64_t deal,
                        host_call *call)
{
    bool found = false;
    unsigned shard = host_shard_of(deal);
    pthread_mutex_lock(&host->lock);
    for (host_generation *generation = host->generations; generation != NULL; generation = generation->next) {
        if (strcmp(generation->module->info.manifest->machine_version, machine_version) != 0 ||
            (store != NULL && generation->durable != store) || !host_pin(generation, shard))
            continue;
        if (found)
            host_leave(call);
        host_call_fill(call, generation, shard);
        found = true;
    }
    pthread_mutex_unlock(&host->lock);
    return found;
}
