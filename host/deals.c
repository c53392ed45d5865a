/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "host.h"
#include "module.h"
#include "swap.h"

/* The functions of machine.h, each in the generation that has the deal. */

static int32_t is_null(const char *name, dealfsm_error *error)
{
    return host_error(error, DEALFSM_E_ARGUMENT, name, "%s is NULL: give a struct", name);
}

static bool has_error(const dealfsm_error *error)
{
    return error != NULL && error->code != DEALFSM_OK;
}

/* ---- Calls that leave the deal where it is. Those that somebody may make for a deal which is only in a store bring it
 * back and try again. */

int32_t dealfsm_host_dispatch(dealfsm_host *host, uint64_t deal, const dealfsm_event *event, uint64_t *revision,
                              dealfsm_error *error)
{
    bool had_error = has_error(error);
    bool moved;
    int32_t result;
    do {
        host_call call;
        moved = false;
        result = host_enter(host, deal, &call, error);
        if (result < 0)
            continue;
        if (!call.moves || !host_hold_event(host, deal, event, &result, error)) {
            result = call.functions->dispatch(call.machine, deal, event, revision, error);
            moved = host_moved(&call, deal, result, had_error, error);
        }
        host_leave(&call);
        if (call.moves)
            host_move_drive(host, deal);
    } while (moved || host_again(host, deal, &result, had_error, error));
    return result;
}

int32_t dealfsm_host_complete(dealfsm_host *host, const dealfsm_answer *answer, dealfsm_error *error)
{
    dealfsm_answer known;
    bool had_error = has_error(error);
    bool moved = true;
    if (answer == NULL)
        return is_null("answer", error);
    int32_t result = host_take(&known, sizeof known, answer, "answer", error);
    while (result >= 0 && moved) {
        host_call call;
        moved = false;
        result = host_enter(host, known.deal, &call, error);
        if (result < 0)
            break;
        if (!call.moves || !host_hold_answer(host, answer, &result, error)) {
            result = call.functions->complete(call.machine, answer, error);
            moved = host_moved(&call, known.deal, result, had_error, error);
        }
        host_leave(&call);
        if (call.moves)
            host_move_drive(host, known.deal);
        result = moved ? DEALFSM_OK : result;
    }
    return result;
}

int32_t dealfsm_host_stored(dealfsm_host *host, uint64_t deal, uint64_t revision, int32_t outcome, dealfsm_error *error)
{
    host_call call;
    int32_t result = host_enter_stored(host, deal, &call, error);
    if (result < 0)
        return result;
    result = call.functions->stored(call.machine, deal, revision, outcome, error);
    if (result >= 0)
        atomic_fetch_sub(&call.generation->puts, 1);
    host_leave(&call);
    if (call.moves)
        host_move_drive(host, deal);
    return result;
}

int32_t dealfsm_host_retry(dealfsm_host *host, uint64_t deal, uint64_t *revision, dealfsm_error *error)
{
    host_call call;
    int32_t result = host_enter(host, deal, &call, error);
    if (result < 0)
        return result;
    result = call.functions->retry(call.machine, deal, revision, error);
    host_leave(&call);
    if (call.moves)
        host_move_drive(host, deal);
    return result;
}

int32_t dealfsm_host_query(dealfsm_host *host, uint64_t deal, dealfsm_deal *out, dealfsm_error *error)
{
    host_call call;
    bool had_error = has_error(error);
    bool moved = true;
    int32_t result = DEALFSM_OK;
    while (moved) {
        moved = false;
        result = host_enter(host, deal, &call, error);
        if (result < 0)
            break;
        result = call.functions->query(call.machine, deal, out, error);
        moved = host_moved(&call, deal, result, had_error, error);
        host_leave(&call);
    }
    if (result != DEALFSM_E_NOT_FOUND || atomic_load(&host->durables) == 0)
        return result;
    dealfsm_error why = {.struct_size = sizeof why};
    int32_t stored = host_query_store(host, deal, out, &why);
    if (stored == DEALFSM_E_NOT_FOUND)
        return result;
    if (error != NULL && !had_error)
        error->code = DEALFSM_OK;
    return stored < 0 ? host_error(error, stored, why.field, "%s", why.text) : stored;
}

int32_t dealfsm_host_snapshot(dealfsm_host *host, uint64_t deal, dealfsm_snapshot *out, dealfsm_error *error)
{
    bool had_error = has_error(error);
    bool moved;
    int32_t result;
    do {
        host_call call;
        moved = false;
        result = host_enter(host, deal, &call, error);
        if (result < 0)
            continue;
        result = call.functions->snapshot(call.machine, deal, out, error);
        moved = host_moved(&call, deal, result, had_error, error);
        host_leave(&call);
    } while (moved || host_again(host, deal, &result, had_error, error));
    return result;
}

int32_t dealfsm_host_activate(dealfsm_host *host, uint64_t deal, uint64_t *revision, dealfsm_error *error)
{
    host_call call;
    int32_t result = host_enter(host, deal, &call, error);
    if (result < 0)
        return result;
    result = call.functions->activate(call.machine, deal, revision, error);
    host_leave(&call);
    if (result >= 0)
        host_swap_arrived(call.generation, deal);
    return result;
}

int32_t dealfsm_host_route(dealfsm_host *host, uint64_t deal, uint32_t *generation, dealfsm_error *error)
{
    if (host == NULL || generation == NULL)
        return is_null(host == NULL ? "host" : "generation", error);
    host_shard *shard = &host->shards[host_shard_of(deal)];
    int32_t result = DEALFSM_OK;
    pthread_mutex_lock(&shard->lock);
    const host_route *route = host_route_find(shard, deal);
    if (route != NULL)
        *generation = route->generation->number;
    else
        result = host_error(error, DEALFSM_E_NOT_FOUND, "deal", "no generation has deal %" PRIu64, deal);
    pthread_mutex_unlock(&shard->lock);
    return result;
}

/* ---- Calls that bring a deal in: the route is claimed first, so that no two generations get the same deal. */

static int32_t exists(uint64_t deal, const host_generation *generation, dealfsm_error *error)
{
    return host_error(error, DEALFSM_E_EXISTS, "deal", "deal %" PRIu64 " is in generation %" PRIu32 " already", deal,
                      generation->number);
}

/* A deal may have left its machine by itself (the store gave it away). Any answer but "not found" says that it is
 * there. */
static bool still_there(const host_call *owner, uint64_t deal)
{
    dealfsm_snapshot nothing = {.struct_size = sizeof nothing};
    return owner->functions->snapshot(owner->machine, deal, &nothing, NULL) != DEALFSM_E_NOT_FOUND;
}

/* Claims a route that is there, for `generation`, if its deal has left. The owner is pinned while it is asked. */
static int32_t take_over(host_shard *shard, host_call *owner, uint64_t deal, host_generation *generation,
                         dealfsm_error *error)
{
    bool there = still_there(owner, deal);
    pthread_mutex_lock(&shard->lock);
    host_route *route = host_route_find(shard, deal); /* claimed by us, so it is still ours */
    if (there)
        route->claimed = false;
    else
        route->generation = generation;
    pthread_mutex_unlock(&shard->lock);
    int32_t result = there ? exists(deal, owner->generation, error) : DEALFSM_OK;
    host_leave(owner);
    return result;
}

static int32_t claim_new(dealfsm_host *host, uint64_t deal, host_generation *generation, dealfsm_error *error)
{
    unsigned number = host_shard_of(deal);
    host_shard *shard = &host->shards[number];
    host_call owner = {.generation = NULL};
    int32_t result = DEALFSM_OK;
    pthread_mutex_lock(&shard->lock);
    host_route *route = host_route_find(shard, deal);
    if (route == NULL) {
        if (host_route_add(shard, deal, generation) == NULL)
            result = host_error(error, DEALFSM_E_NO_MEMORY, "", "out of memory for the route of deal %" PRIu64, deal);
        else
            atomic_fetch_add(&host->routes, 1);
    } else if (route->claimed || !host_pin(route->generation, number)) {
        result = exists(deal, route->generation, error);
    } else {
        route->claimed = true;
        host_call_fill(&owner, route->generation, number);
    }
    pthread_mutex_unlock(&shard->lock);
    return owner.generation != NULL ? take_over(shard, &owner, deal, generation, error) : result;
}

/* Ends a claim: the deal stays where the route says, or it is nowhere. */
static void settle(dealfsm_host *host, uint64_t deal, bool stays)
{
    host_shard *shard = &host->shards[host_shard_of(deal)];
    pthread_mutex_lock(&shard->lock);
    host_route *route = host_route_find(shard, deal);
    if (stays) {
        route->claimed = false;
    } else {
        host_route_remove(shard, route);
        atomic_fetch_sub(&host->routes, 1);
    }
    pthread_mutex_unlock(&shard->lock);
}

int32_t dealfsm_host_create(dealfsm_host *host, uint32_t generation, const dealfsm_record *terms, uint64_t *revision,
                            dealfsm_error *error)
{
    host_call call;
    dealfsm_record known;
    int32_t result = host_take(&known, sizeof known, terms, "terms", error);
    if (result >= 0)
        result = host_enter_generation(host, generation, known.id, &call, error);
    if (result < 0)
        return result;
    result = claim_new(host, known.id, call.generation, error);
    if (result >= 0) {
        result = host_stored_already(host, known.id, error);
        if (result >= 0)
            result = call.functions->create(call.machine, terms, revision, error);
        settle(host, known.id, result >= 0);
    }
    if (result >= 0)
        host_swap_arrived(call.generation, known.id);
    host_leave(&call);
    host_let_go(host);
    return result;
}

static int32_t no_such_version(dealfsm_host *host, const char *machine_version, dealfsm_error *error)
{
    char open[256] = "";
    size_t length = 0;
    pthread_mutex_lock(&host->lock);
    for (const host_generation *g = host->generations; g != NULL && length < sizeof open; g = g->next)
        length += (size_t)snprintf(open + length, sizeof open - length, "%s%s", length > 0 ? ", " : "",
                                   g->module->info.manifest->machine_version);
    pthread_mutex_unlock(&host->lock);
    return host_error(error, DEALFSM_E_VERSION, "machine_version",
                      "the snapshot is of \"%.60s\", open are: %s; open a module of that version first",
                      machine_version, length > 0 ? open : "none");
}

static int32_t enter_for(dealfsm_host *host, uint32_t generation, const dealfsm_snapshot *snapshot, host_call *call,
                         dealfsm_error *error)
{
    if (host == NULL || generation != 0)
        return host_enter_generation(host, generation, snapshot->deal, call, error);
    if (snapshot->machine_version == NULL)
        return is_null("machine_version", error);
    if (!host_enter_version(host, snapshot->machine_version, NULL, snapshot->deal, call))
        return no_such_version(host, snapshot->machine_version, error);
    return DEALFSM_OK;
}

static void mark_waking(dealfsm_host *host, uint64_t deal)
{
    host_shard *shard = &host->shards[host_shard_of(deal)];
    pthread_mutex_lock(&shard->lock);
    host_route_find(shard, deal)->waking = true; /* claimed by us */
    pthread_mutex_unlock(&shard->lock);
}

int32_t host_restore(dealfsm_host *host, uint32_t generation, const dealfsm_snapshot *snapshot, bool waking,
                     dealfsm_error *error)
{
    host_call call;
    dealfsm_snapshot known;
    int32_t result = host_take(&known, sizeof known, snapshot, "snapshot", error);
    if (result >= 0)
        result = enter_for(host, generation, &known, &call, error);
    if (result < 0)
        return result;
    result = claim_new(host, known.deal, call.generation, error);
    if (result >= 0) {
        if (waking)
            mark_waking(host, known.deal);
        result = call.functions->restore(call.machine, snapshot, error);
        settle(host, known.deal, result >= 0);
    }
    host_leave(&call);
    return result;
}

int32_t dealfsm_host_restore(dealfsm_host *host, uint32_t generation, const dealfsm_snapshot *snapshot,
                             dealfsm_error *error)
{
    return host_restore(host, generation, snapshot, false, error);
}

/* ---- Calls that take a deal away */

/* Claims the route of a deal in that generation. false: another call has claimed it, and settles it. */
static bool claim_old(dealfsm_host *host, uint64_t deal, const host_generation *generation)
{
    host_shard *shard = &host->shards[host_shard_of(deal)];
    pthread_mutex_lock(&shard->lock);
    host_route *route = host_route_find(shard, deal);
    bool ours = route != NULL && !route->claimed && route->move == NULL && route->generation == generation;
    if (ours)
        route->claimed = true;
    pthread_mutex_unlock(&shard->lock);
    return ours;
}

typedef int32_t remove_fn(dealfsm_machine *machine, uint64_t deal, dealfsm_error *error);

static int32_t take_away(host_call *call, uint64_t deal, remove_fn *function, dealfsm_error *error)
{
    int32_t result = call->moves ? host_move_yields(call->generation->host, deal, error) : DEALFSM_OK;
    if (result < 0) {
        host_leave(call);
        return result;
    }
    bool ours = claim_old(call->generation->host, deal, call->generation);
    result = function(call->machine, deal, error);
    if (ours)
        settle(call->generation->host, deal, result < 0 && result != DEALFSM_E_NOT_FOUND);
    host_leave(call);
    return result;
}

int32_t dealfsm_host_drop(dealfsm_host *host, uint64_t deal, dealfsm_error *error)
{
    host_call call;
    int32_t result = host_enter(host, deal, &call, error);
    return result < 0 ? result : take_away(&call, deal, call.functions->drop, error);
}

int32_t dealfsm_host_forget(dealfsm_host *host, uint64_t deal, dealfsm_error *error)
{
    host_call call;
    int32_t result = host_enter(host, deal, &call, error);
    return result < 0 ? result : take_away(&call, deal, call.functions->forget, error);
}

int32_t dealfsm_host_release(dealfsm_host *host, uint64_t deal, dealfsm_error *error)
{
    host_call call;
    int32_t result = host_enter(host, deal, &call, error);
    return result < 0 ? result : take_away(&call, deal, call.functions->release, error);
}
