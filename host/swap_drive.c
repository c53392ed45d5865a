/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>

#include "error.h"
#include "swap.h"

/* Who drives the move of a deal, and when. */

/* ---- Driving */

/* The move of a deal, for this thread to drive; NULL: there is none, or another thread has been told. */
static host_move *begin_driving(dealfsm_host *host, uint64_t deal)
{
    host_shard *shard = &host->shards[host_shard_of(deal)];
    pthread_mutex_lock(&shard->lock);
    const host_route *route = host_route_find(shard, deal);
    host_move *move = route != NULL && !route->claimed ? route->move : NULL;
    if (move != NULL && move->driven) {
        move->again = true;
        move = NULL;
    } else if (move != NULL) {
        move->driven = true;
        atomic_fetch_add(&move->swap->users, 1);
    }
    pthread_mutex_unlock(&shard->lock);
    return move;
}

/* false: somebody has left a note, go on. */
static bool end_driving(host_move *move)
{
    host_shard *shard = swap_shard_of(move);
    pthread_mutex_lock(&shard->lock);
    bool ends = !move->again;
    move->again = false;
    if (ends)
        move->driven = false;
    pthread_mutex_unlock(&shard->lock);
    return ends;
}

/* The move is at no route any more. */
static void finish(host_move *move)
{
    dealfsm_swap *swap = move->swap;
    host_generation *side = move->flipped ? move->to : move->from;
    uint64_t deal = move->deal;
    bool arrived = move->flipped;
    swap_held_free(move);
    free(move);
    atomic_fetch_sub(&swap->attached, 1);
    if (arrived)
        host_swap_arrived(side, deal);
}

/* Until the move is over, or there is nothing to do for it now. The caller is one of the swap's users: it lives on. */
static void drive(host_move *move)
{
    for (;;) {
        bool went_on = swap_step(move);
        if (move->stage == MOVE_OVER) {
            finish(move);
            return;
        }
        if (!went_on && end_driving(move))
            return;
    }
}

enum { NEXT_AT_MOST = 16 }; /* deals that one landing may look at: whoever reports a put has other things to do */

void host_move_drive(dealfsm_host *host, uint64_t deal)
{
    host_move *move = begin_driving(host, deal);
    if (move == NULL)
        return;
    dealfsm_swap *swap = move->swap;
    bool lands = move->stage == MOVE_ACTIVATES;
    drive(move);
    if (lands) /* or so it may be */
        swap_line_move(swap, NEXT_AT_MOST, NULL);
    atomic_fetch_sub(&swap->users, 1);
}

/* ---- Starting */

/* The way that a swap takes now. */
typedef struct direction {
    host_generation *from;
    host_generation *to;
} direction;

static direction way_of(const dealfsm_swap *swap)
{
    bool reverting = atomic_load(&swap->reverting);
    return (direction){swap->generations[reverting], swap->generations[!reverting]};
}

static bool attach(dealfsm_swap *swap, direction way, bool trial, host_route *route)
{
    host_move *move = calloc(1, sizeof *move);
    if (move == NULL)
        return false;
    *move = (host_move){
        .deal = route->deal, .swap = swap, .from = way.from, .to = way.to, .stage = MOVE_STARTS, .trial = trial};
    move->last = &move->first;
    route->move = move;
    atomic_fetch_add(&swap->attached, 1);
    atomic_fetch_add(&swap->moving, 1);
    return true;
}

/* A mark of a deal that stays: this swap's is tried again, another's is replaced. With the shard's lock held. */
static void renew(dealfsm_swap *swap, direction way, host_move *move)
{
    move->tried = 0;
    if (move->swap == swap && move->to == way.to)
        return;
    atomic_fetch_sub(&move->swap->attached, 1);
    atomic_fetch_add(&swap->attached, 1);
    move->swap = swap;
    move->from = way.from;
    move->to = way.to;
}

static bool start_move(dealfsm_swap *swap, uint64_t deal, bool trial)
{
    bool memory = true, attached = false;
    const direction way = way_of(swap);
    host_shard *shard = &swap->host->shards[host_shard_of(deal)];
    pthread_mutex_lock(&shard->lock);
    host_route *route = host_route_find(shard, deal);
    bool ours = route != NULL && !route->claimed && !route->waking && route->generation == way.from;
    if (ours && route->move == NULL)
        attached = memory = attach(swap, way, trial, route);
    else if (ours && !trial && route->move->stage == MOVE_WAITS && !route->move->driven)
        renew(swap, way, route->move);
    pthread_mutex_unlock(&shard->lock);
    if (attached)
        swap_note_known(swap, deal);
    if (ours && memory)
        host_move_drive(swap->host, deal);
    return memory;
}

bool swap_move_start(dealfsm_swap *swap, uint64_t deal)
{
    return start_move(swap, deal, false);
}

bool swap_trial_start(dealfsm_swap *swap, uint64_t deal)
{
    return start_move(swap, deal, true);
}

/* ---- All of them */

/* Collects deals of a shard whose moves belong to the swap; or takes the marks away of those that stay. */
static size_t collect(dealfsm_swap *swap, host_shard *shard, size_t *slot, bool forget, uint64_t *deals, size_t most)
{
    size_t count = 0;
    pthread_mutex_lock(&shard->lock);
    for (; *slot < shard->capacity && count < most; ++*slot) {
        host_route *route = &shard->slots[*slot];
        host_move *move = route->generation != NULL ? route->move : NULL;
        if (move == NULL || move->swap != swap)
            continue;
        if (!forget) {
            deals[count++] = route->deal;
        } else if (move->stage == MOVE_WAITS && !move->driven) {
            route->move = NULL;
            free(move);
            atomic_fetch_sub(&swap->attached, 1);
        }
    }
    pthread_mutex_unlock(&shard->lock);
    return count;
}

enum { AT_ONCE = 64 };

static void each_move(dealfsm_swap *swap, bool forget)
{
    uint64_t deals[AT_ONCE];
    for (unsigned i = 0; i < HOST_SHARDS; i++) {
        host_shard *shard = &swap->host->shards[i];
        size_t slot = 0, count;
        do {
            count = collect(swap, shard, &slot, forget, deals, AT_ONCE);
            for (size_t k = 0; k < count; k++)
                host_move_drive(swap->host, deals[k]);
        } while (count == AT_ONCE);
    }
}

void swap_moves_forget(dealfsm_swap *swap)
{
    each_move(swap, true);
}

void swap_moves_drive(dealfsm_swap *swap)
{
    each_move(swap, false);
}

/* ---- For the rest of the library */

static host_route *find(host_generation *generation, uint64_t deal, host_shard **shard)
{
    *shard = &generation->host->shards[host_shard_of(deal)];
    pthread_mutex_lock(&(*shard)->lock);
    return host_route_find(*shard, deal);
}

const char *swap_waits_for(const dealfsm_swap *swap, uint64_t deal)
{
    host_shard *shard;
    const host_route *route = find(swap->generations[0], deal, &shard);
    const host_move *move = route != NULL ? route->move : NULL;
    bool ours = move != NULL && move->swap == swap && swap_holds(move);
    host_move_stage stage = ours ? move->stage : MOVE_OVER;
    pthread_mutex_unlock(&shard->lock);
    switch (stage) {
    case MOVE_FREEZES:
        return "it has not come to rest";
    case MOVE_ACTIVATES:
        return "the put that moves it is not durable yet";
    case MOVE_GIVES:
        return "what was held for it is being handed in";
    default:
        return ours ? "it begins to move, or to go on where it was" : NULL;
    }
}

bool host_move_rested(host_generation *generation, uint64_t deal)
{
    host_shard *shard;
    const host_route *route = find(generation, deal, &shard);
    bool ours = route != NULL && route->move != NULL && route->move->from == generation;
    if (ours)
        route->move->rested = true;
    pthread_mutex_unlock(&shard->lock);
    if (ours)
        host_move_drive(generation->host, deal);
    return ours;
}

bool host_move_puts(host_generation *generation, uint64_t deal, uint64_t revision)
{
    host_shard *shard;
    const host_route *route = find(generation, deal, &shard);
    bool moves = route != NULL && route->move != NULL && route->move->to == generation;
    if (moves && route->move->put < revision)
        route->move->put = revision;
    pthread_mutex_unlock(&shard->lock);
    return moves;
}

int32_t host_enter_stored(dealfsm_host *host, uint64_t deal, host_call *call, dealfsm_error *error)
{
    int32_t result = host_enter(host, deal, call, error);
    if (result < 0 || !call->moves)
        return result;
    host_shard *shard = &host->shards[host_shard_of(deal)];
    pthread_mutex_lock(&shard->lock);
    const host_route *route = host_route_find(shard, deal);
    host_generation *to =
        route != NULL && route->move != NULL && route->move->stage == MOVE_ACTIVATES ? route->move->to : NULL;
    bool other = to != NULL && to != call->generation && host_pin(to, call->shard);
    pthread_mutex_unlock(&shard->lock);
    if (other) {
        host_leave(call);
        host_call_fill(call, to, call->shard);
        call->moves = true;
    }
    return DEALFSM_OK;
}

bool host_moved(const host_call *call, uint64_t deal, int32_t result, bool had_error, dealfsm_error *error)
{
    if (result != DEALFSM_E_FROZEN && result != DEALFSM_E_NOT_FOUND)
        return false;
    host_shard *shard;
    const host_route *route = find(call->generation, deal, &shard);
    bool moved = route != NULL && route->generation != call->generation;
    if (route != NULL && !moved) /* it may have come back since; or stand frozen by the swap, that may be over by now */
        moved = atomic_load(&shard->moves_ended) != call->moves_ended ||
                (result == DEALFSM_E_FROZEN && route->move != NULL && swap_holds(route->move));
    pthread_mutex_unlock(&shard->lock);
    if (moved && error != NULL && !had_error)
        error->code = DEALFSM_OK;
    return moved;
}

int32_t host_move_yields(dealfsm_host *host, uint64_t deal, dealfsm_error *error)
{
    int32_t result = DEALFSM_OK;
    host_shard *shard = &host->shards[host_shard_of(deal)];
    pthread_mutex_lock(&shard->lock);
    host_route *route = host_route_find(shard, deal);
    host_move *move = route != NULL ? route->move : NULL;
    if (move != NULL && (move->stage != MOVE_WAITS || move->driven)) {
        result =
            host_error(error, DEALFSM_E_BUSY, "deal", "deal %" PRIu64 " is on its way to another generation", deal);
    } else if (move != NULL) {
        route->move = NULL;
        atomic_fetch_sub(&move->swap->attached, 1);
        free(move);
    }
    pthread_mutex_unlock(&shard->lock);
    return result;
}
