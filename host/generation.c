/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "host.h"
#include "module.h"

/* Opens and closes generations. */

/* ---- The list; with the host's lock held */

static host_generation **find(dealfsm_host *host, uint32_t number)
{
    host_generation **at = &host->generations;
    while (*at != NULL && (*at)->number != number)
        at = &(*at)->next;
    return at;
}

static void show_only(dealfsm_host *host)
{
    host_generation *first = host->generations;
    atomic_store(&host->only, first != NULL && first->next == NULL ? first : NULL);
}

/* The one that takes new deals when `closed` no longer does: the last, rather one that was not opened aside. */
static void show_newest(dealfsm_host *host, const host_generation *closed)
{
    host_generation *last = NULL;
    if (atomic_load(&host->newest) != closed)
        return;
    for (host_generation *g = host->generations; g != NULL; g = g->next) {
        if (last == NULL || (g->services.flags & DEALFSM_HOST_ASIDE) == 0 ||
            (last->services.flags & DEALFSM_HOST_ASIDE) != 0)
            last = g;
    }
    atomic_store(&host->newest, last);
}

void host_take_new(host_generation *one, const host_generation *other)
{
    dealfsm_host *host = one->host;
    pthread_mutex_lock(&host->lock);
    if (atomic_load(&host->newest) == other)
        atomic_store(&host->newest, one);
    pthread_mutex_unlock(&host->lock);
}

static host_generation *new_generation(dealfsm_host *host)
{
    pthread_mutex_lock(&host->lock);
    host_generation *generation = host->spare;
    if (generation != NULL)
        host->spare = generation->next;
    pthread_mutex_unlock(&host->lock);
    if (generation != NULL)
        return generation;
    generation = aligned_alloc(HOST_CACHE_LINE, sizeof *generation);
    if (generation == NULL)
        return NULL;
    memset(generation, 0, sizeof *generation);
    for (unsigned i = 0; i < HOST_SHARDS; i++)
        atomic_init(&generation->pins[i].count, 0);
    atomic_init(&generation->closing, true);
    atomic_init(&generation->puts, 0);
    return generation;
}

static void put_aside(host_generation *generation)
{
    dealfsm_host *host = generation->host;
    if (generation->durable != NULL) {
        atomic_fetch_sub(&host->durables, 1);
        store_detach(generation->durable);
    }
    generation->durable = NULL;
    pthread_mutex_lock(&host->lock);
    generation->next = host->spare;
    host->spare = generation;
    pthread_mutex_unlock(&host->lock);
}

/* ---- open */

static int32_t open_machine(host_generation *generation, dealfsm_module *module, const dealfsm_host_services *services,
                            dealfsm_error *error)
{
    generation->module = module;
    generation->functions = module->info.functions;
    int32_t result = host_services_prepare(generation, services, error);
    if (result < 0)
        return result;
    dealfsm_services given = {.struct_size = sizeof given,
                              .queue_events = generation->services.queue_events,
                              .queue_bytes = generation->services.queue_bytes,
                              .ctx = generation,
                              .service = host_services_find};
    dealfsm_store *durable = generation->services.durable;
    if (durable != NULL)
        result = store_attach(durable, generation->host, &generation->host->pool, generation->functions, error);
    if (result < 0)
        return result;
    result = generation->functions->open(&given, &generation->machine, error);
    if (result < 0 && durable != NULL)
        store_detach(durable);
    generation->durable = result < 0 ? NULL : durable;
    if (generation->durable != NULL)
        atomic_fetch_add(&generation->host->durables, 1);
    return result;
}

/* Makes a generation known: its machine gets the subscriptions to all deals before anybody can reach it. */
static int32_t publish(host_generation *generation, dealfsm_error *error)
{
    dealfsm_host *host = generation->host;
    pthread_mutex_lock(&host->lock);
    int32_t result = host_subscribe_generation(generation, error);
    if (result >= 0) {
        generation->number = ++host->last_number;
        generation->next = NULL;
        *find(host, 0) = generation; /* no generation has number 0: the end of the list */
        atomic_store(&generation->closing, false);
        if ((generation->services.flags & DEALFSM_HOST_ASIDE) == 0 || atomic_load(&host->newest) == NULL)
            atomic_store(&host->newest, generation);
        show_only(host);
    }
    pthread_mutex_unlock(&host->lock);
    return result;
}

int32_t dealfsm_host_open(dealfsm_host *host, dealfsm_module *module, const dealfsm_host_services *services,
                          uint32_t *generation, dealfsm_error *error)
{
    if (host == NULL || module == NULL || generation == NULL)
        return host_error(error, DEALFSM_E_ARGUMENT,
                          host == NULL     ? "host"
                          : module == NULL ? "module"
                                           : "generation",
                          "expected a pointer, found NULL");
    host_generation *opened = new_generation(host);
    if (opened == NULL)
        return host_error(error, DEALFSM_E_NO_MEMORY, "", "out of memory for a generation");
    opened->host = host;
    atomic_store(&opened->puts, 0);
    int32_t result = open_machine(opened, module, services, error);
    if (result >= 0) {
        result = publish(opened, error);
        if (result < 0)
            opened->functions->close(opened->machine, NULL); /* nothing was ever in it */
    }
    if (result < 0)
        put_aside(opened);
    else
        *generation = opened->number;
    return result;
}

/* ---- close */

static bool is_pinned(host_generation *generation)
{
    for (unsigned i = 0; i < HOST_SHARDS; i++) {
        if (atomic_load(&generation->pins[i].count) != 0)
            return true;
    }
    return false;
}

static int32_t begin_closing(dealfsm_host *host, uint32_t number, host_generation **generation, dealfsm_error *error)
{
    int32_t result = DEALFSM_OK;
    pthread_mutex_lock(&host->lock);
    *generation = *find(host, number);
    if (number == 0 || *generation == NULL)
        result = host_error(error, DEALFSM_E_NOT_FOUND, "generation", "generation %" PRIu32 " is not open", number);
    else if ((*generation)->swaps > 0)
        result = host_error(error, DEALFSM_E_BUSY, "generation",
                            "generation %" PRIu32 " takes part in a swap: end that first", number);
    else if (atomic_exchange(&(*generation)->closing, true))
        result = host_error(error, DEALFSM_E_BUSY, "generation", "generation %" PRIu32 " is being closed", number);
    pthread_mutex_unlock(&host->lock);
    return result;
}

/* Its machine is gone: no route, no list shows it any more. */
static void end_closing(host_generation *generation)
{
    dealfsm_host *host = generation->host;
    pthread_mutex_lock(&host->lock);
    *find(host, generation->number) = generation->next;
    show_newest(host, generation);
    show_only(host);
    pthread_mutex_unlock(&host->lock);
    for (unsigned i = 0; i < HOST_SHARDS; i++) {
        pthread_mutex_lock(&host->shards[i].lock);
        size_t before = host->shards[i].used;
        host_route_sweep(&host->shards[i], generation);
        atomic_fetch_sub(&host->routes, before - host->shards[i].used);
        pthread_mutex_unlock(&host->shards[i].lock);
    }
    put_aside(generation);
}

static int32_t inside_callback(dealfsm_error *error)
{
    return host_error(error, DEALFSM_E_BUSY, "",
                      "called inside a callback: close when it has returned, from a thread of your own or a job");
}

int32_t dealfsm_host_close(dealfsm_host *host, uint32_t generation, dealfsm_error *error)
{
    if (host == NULL)
        return host_error(error, DEALFSM_E_ARGUMENT, "host", "host is NULL: make one with dealfsm_host_new");
    if (host_inside(host))
        return inside_callback(error);
    host_generation *closed;
    int32_t result = begin_closing(host, generation, &closed, error);
    if (result < 0)
        return result;
    if (is_pinned(closed))
        result = host_error(error, DEALFSM_E_BUSY, "generation",
                            "generation %" PRIu32 " is busy: a call is under way in it", generation);
    else
        result = closed->functions->close(closed->machine, error);
    if (result < 0)
        atomic_store(&closed->closing, false);
    else
        end_closing(closed);
    return result;
}

/* ---- all of them */

static int32_t check_idle(const host_call *call, dealfsm_error *error)
{
    dealfsm_counters now = {.struct_size = sizeof now};
    int32_t result = call->functions->counters(call->machine, &now, error);
    if (result >= 0 && (now.open_ops > 0 || atomic_load(&call->generation->puts) > 0))
        result = host_error(error, DEALFSM_E_BUSY, "generation",
                            "generation %" PRIu32 " is busy: %" PRIu64 " ops and %lld puts are open", call->number,
                            now.open_ops, atomic_load(&call->generation->puts));
    return result;
}

/* Waits for the stores of generations whose puts are pending; false: there was none. */
static bool drain_stores(dealfsm_host *host)
{
    bool pending = false;
    host_call call;
    for (uint32_t number = 0; host_enter_next(host, number, &call); number = call.number) {
        dealfsm_store *durable = call.generation->durable;
        if (durable != NULL && atomic_load(&call.generation->puts) > 0) {
            pending = true;
            store_drain(durable);
        }
        host_leave(&call);
    }
    return pending;
}

void host_drain(dealfsm_host *host)
{
    do
        host_pool_drain(&host->pool); /* what was stored may lead to the next put */
    while (drain_stores(host));
}

int32_t host_close_all(dealfsm_host *host, bool abandoned, dealfsm_error *error)
{
    int32_t result = DEALFSM_OK;
    host_call call;
    for (uint32_t number = 0; result >= 0 && !abandoned && host_enter_next(host, number, &call); number = call.number) {
        result = check_idle(&call, error);
        host_leave(&call);
    }
    uint32_t closed = 0;
    while (result >= 0 && host_enter_next(host, 0, &call)) {
        host_leave(&call);
        dealfsm_error why = {.struct_size = sizeof why};
        result = dealfsm_host_close(host, call.number, &why);
        if (result < 0)
            host_error(error, result, why.field, "generation %" PRIu32 " cannot be closed (%" PRIu32 " are): %s",
                       call.number, closed, why.text);
        closed++;
    }
    return result;
}

/* ---- What is open */

int32_t dealfsm_host_generations(dealfsm_host *host, uint32_t *ids, uint64_t capacity, uint64_t *count,
                                 dealfsm_error *error)
{
    if (host == NULL || count == NULL || (ids == NULL && capacity > 0))
        return host_error(error, DEALFSM_E_ARGUMENT,
                          host == NULL    ? "host"
                          : count == NULL ? "count"
                                          : "ids",
                          "expected a pointer, found NULL");
    uint64_t found = 0;
    pthread_mutex_lock(&host->lock);
    for (const host_generation *generation = host->generations; generation != NULL; generation = generation->next) {
        if (found < capacity)
            ids[found] = generation->number;
        found++;
    }
    pthread_mutex_unlock(&host->lock);
    *count = found;
    return DEALFSM_OK;
}

int32_t dealfsm_host_generation_module(dealfsm_host *host, uint32_t generation, dealfsm_module **module,
                                       dealfsm_error *error)
{
    if (module == NULL)
        return host_error(error, DEALFSM_E_ARGUMENT, "module", "module is NULL: expected a place for the answer");
    host_call call;
    int32_t result = host_enter_generation(host, generation, 0, &call, error);
    if (result < 0)
        return result;
    *module = call.generation->module;
    host_leave(&call);
    return DEALFSM_OK;
}
