/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "error.h"
#include "swap.h"

/* The move of one deal, stage by stage. */

uint64_t swap_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

host_generation *swap_from(const dealfsm_swap *swap)
{
    return swap->generations[atomic_load(&swap->reverting)];
}

host_generation *swap_to(const dealfsm_swap *swap)
{
    return swap->generations[!atomic_load(&swap->reverting)];
}

static host_shard *shard_of(const host_move *move)
{
    return &move->swap->host->shards[host_shard_of(move->deal)];
}

static void set_stage(host_move *move, host_move_stage stage)
{
    host_shard *shard = shard_of(move);
    pthread_mutex_lock(&shard->lock);
    move->stage = stage;
    pthread_mutex_unlock(&shard->lock);
}

/* ---- How a deal stands in a machine */

/* The revision of the present state; DEALFSM_E_BUSY, DEALFSM_E_NOT_FOUND. */
static int32_t revision_in(const host_generation *side, uint64_t deal, uint64_t *revision)
{
    dealfsm_snapshot out = {.struct_size = sizeof out};
    int32_t result = side->functions->snapshot(side->machine, deal, &out, NULL);
    *revision = out.revision;
    return result == DEALFSM_E_TOO_SMALL ? DEALFSM_OK : result;
}

static int32_t look(const host_generation *side, uint64_t deal, dealfsm_deal *out)
{
    *out = (dealfsm_deal){.struct_size = sizeof *out};
    return side->functions->query(side->machine, deal, out, NULL);
}

static uint64_t status_in(const host_generation *side, uint64_t deal)
{
    dealfsm_deal shown;
    look(side, deal, &shown);
    return shown.status;
}

/* ---- Back to the old side */

static uint32_t verdict_of(int32_t result)
{
    switch (result) {
    case DEALFSM_E_STAYS:
        return DEALFSM_SWAP_STAYS;
    case DEALFSM_E_REFUSED:
        return DEALFSM_SWAP_REFUSED;
    case DEALFSM_E_NOT_FOUND:
        return DEALFSM_SWAP_GONE;
    default:
        return DEALFSM_SWAP_FAILED;
    }
}

/* The deal does not move: whatever the reason, it goes on where it was, frozen there or not. */
static void go_back(host_move *move, uint32_t verdict, uint64_t status, const char *reason)
{
    host_shard *shard = shard_of(move);
    pthread_mutex_lock(&shard->lock);
    move->back = true;
    move->verdict = verdict;
    move->stage = MOVE_RETURNS;
    pthread_mutex_unlock(&shard->lock);
    swap_note(move->swap, move->deal, status, verdict, reason);
    pthread_mutex_lock(&move->swap->host->lock);
    move->listens = false;
    pthread_mutex_unlock(&move->swap->host->lock);
}

/* ---- Stages. true: there may be more to do at once. */

/* The old side goes on: first it puts its row again, if the new one may have put it. */
static bool thaw(host_move *move)
{
    int32_t result = move->from->functions->thaw(move->from->machine, move->deal, move->put, NULL, NULL);
    if (result < 0 && result != DEALFSM_E_STATE && result != DEALFSM_E_NOT_FOUND && result != DEALFSM_E_LOST)
        return false; /* it stands frozen: tried again, and what comes is held */
    host_shard *shard = shard_of(move);
    pthread_mutex_lock(&shard->lock);
    move->put = 0;
    move->stage = MOVE_GIVES;
    pthread_mutex_unlock(&shard->lock);
    return true;
}

static bool start(host_move *move)
{
    dealfsm_error why = {.struct_size = sizeof why};
    int32_t result = move->from->functions->freeze(move->from->machine, move->deal, &why);
    if (result >= 0) {
        move->since = swap_now();
        set_stage(move, MOVE_FROZEN);
    } else if (result == DEALFSM_E_BUSY) {
        set_stage(move, MOVE_FREEZES);
    } else {
        go_back(move, verdict_of(result), status_in(move->from, move->deal), why.text);
    }
    return true;
}

static bool wait_for_rest(host_move *move)
{
    host_shard *shard = shard_of(move);
    pthread_mutex_lock(&shard->lock);
    bool rested = move->rested;
    pthread_mutex_unlock(&shard->lock);
    int32_t result = rested ? DEALFSM_OK : move->from->functions->freeze(move->from->machine, move->deal, NULL);
    if (result == DEALFSM_E_BUSY)
        return false;
    if (result < 0) {
        go_back(move, verdict_of(result), 0, "it has left its machine");
        return true;
    }
    move->since = swap_now();
    set_stage(move, MOVE_FROZEN);
    return true;
}

/* Why a frozen deal is not for moving; NULL: it is. */
static const char *not_for_moving(host_move *move, dealfsm_deal *shown, uint32_t *verdict)
{
    int32_t result = look(move->from, move->deal, shown);
    *verdict = DEALFSM_SWAP_STAYS;
    if (result < 0 && result != DEALFSM_E_TOO_SMALL)
        return "it has never been durable: retry it first";
    if (shown->flags & DEALFSM_DEAL_STALLED)
        return "it is stalled: retry it first";
    *verdict = DEALFSM_SWAP_ENDED;
    return shown->flags & DEALFSM_DEAL_FINAL ? "it has ended" : NULL;
}

static bool carry(host_move *move)
{
    dealfsm_deal shown;
    dealfsm_error why = {.struct_size = sizeof why};
    uint32_t verdict;
    if (revision_in(move->from, move->deal, &move->tried) < 0)
        move->tried = 0;
    const char *reason = not_for_moving(move, &shown, &verdict);
    if (reason != NULL) {
        go_back(move, verdict, shown.status, reason);
        return true;
    }
    int32_t result = swap_carry(move->from, move->to, move->deal, false, &move->revision, &why);
    if (result >= 0) {
        result = host_subscribe_move(move, &why);
        if (result < 0)
            move->to->functions->drop(move->to->machine, move->deal, NULL);
    }
    if (result < 0) {
        go_back(move, verdict_of(result), shown.status, why.text);
        return true;
    }
    set_stage(move, MOVE_ACTIVATES);
    move->to->functions->activate(move->to->machine, move->deal, NULL, &why); /* how it stands tells what came of it */
    return true;
}

/* The route shows the new side from here on. The host's lock says so to those who subscribe. */
static void flip(host_move *move)
{
    dealfsm_host *host = move->swap->host;
    host_shard *shard = shard_of(move);
    pthread_mutex_lock(&host->lock);
    pthread_mutex_lock(&shard->lock);
    host_route *route = host_route_find(shard, move->deal);
    route->generation = move->to;
    move->flipped = true;
    move->verdict = DEALFSM_SWAP_MOVED;
    move->stage = MOVE_GIVES;
    pthread_mutex_unlock(&shard->lock);
    pthread_mutex_unlock(&host->lock);
    if (swap_planted('b'))
        move->from->functions->thaw(move->from->machine, move->deal, 0, NULL, NULL);
    move->from->functions->drop(move->from->machine, move->deal, NULL);
}

/* Whether the put that names the new version is durable: the new side does not stand staged any more. */
static bool wait_for_put(host_move *move)
{
    dealfsm_deal shown;
    int32_t result = look(move->to, move->deal, &shown);
    if (result >= 0 && (!(shown.flags & DEALFSM_DEAL_STAGED) || swap_planted('e'))) {
        swap_note(move->swap, move->deal, shown.status, DEALFSM_SWAP_MOVED, NULL);
        flip(move);
        return true;
    }
    if (result < 0 && result != DEALFSM_E_NOT_FOUND)
        return false; /* nobody knows: asked again */
    if (result >= 0 && shown.flags & DEALFSM_DEAL_PUT_PENDING)
        return false;
    result = move->to->functions->drop(move->to->machine, move->deal, NULL);
    if (result < 0 && result != DEALFSM_E_NOT_FOUND)
        return false; /* BUSY: the thread that is in it looks again. Never both sides at once */
    go_back(move, DEALFSM_SWAP_FAILED, status_in(move->from, move->deal),
            shown.stall_text[0] != 0 ? shown.stall_text : "the new machine did not activate it");
    return true;
}

/* After the last that was held, with the shard's lock held. */
static void end_giving(host_move *move, host_shard *shard)
{
    bool stays = move->back && move->verdict == DEALFSM_SWAP_STAYS;
    move->stage = stays ? MOVE_WAITS : MOVE_OVER;
    move->back = move->rested = false;
    if (!stays)
        host_route_find(shard, move->deal)->move = NULL;
    atomic_fetch_sub(&move->swap->moving, 1);
}

/* What is held goes to the side that goes on. */
static bool give(host_move *move)
{
    const host_generation *side = move->back ? move->from : move->to;
    uint32_t verdict = move->verdict;
    uint64_t pause = move->since != 0 ? swap_now() - move->since : 0;
    const dealfsm_swap_options *options = &move->swap->options;
    move->since = 0;
    if (pause > 0)
        swap_note_pause(move->swap, pause);
    if (!swap_give(move, end_giving))
        return false;
    if (options->deal != NULL)
        options->deal(options->ctx, move->deal, side->number, verdict, pause);
    return true;
}

/* A deal that stays is tried again when anything has changed. */
static bool try_again(host_move *move)
{
    uint64_t revision = 0;
    int32_t result = revision_in(move->from, move->deal, &revision);
    if (result >= 0 && revision == move->tried)
        return false;
    host_shard *shard = shard_of(move);
    pthread_mutex_lock(&shard->lock);
    bool ours = swap_to(move->swap) == move->to && atomic_load(&move->swap->begun);
    move->stage = ours && result != DEALFSM_E_NOT_FOUND ? MOVE_STARTS : MOVE_OVER;
    if (move->stage == MOVE_STARTS)
        atomic_fetch_add(&move->swap->moving, 1);
    else
        host_route_find(shard, move->deal)->move = NULL;
    pthread_mutex_unlock(&shard->lock);
    return true;
}

static bool step(host_move *move)
{
    switch (move->stage) {
    case MOVE_WAITS:
        return try_again(move);
    case MOVE_STARTS:
        return start(move);
    case MOVE_FREEZES:
        return wait_for_rest(move);
    case MOVE_FROZEN:
        return carry(move);
    case MOVE_ACTIVATES:
        return wait_for_put(move);
    case MOVE_RETURNS:
        return thaw(move);
    case MOVE_GIVES:
        return give(move);
    case MOVE_OVER:
        break;
    }
    return false;
}

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
    host_shard *shard = shard_of(move);
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
    atomic_fetch_sub(&swap->users, 1);
}

void host_move_drive(dealfsm_host *host, uint64_t deal)
{
    host_move *move = begin_driving(host, deal);
    if (move == NULL)
        return;
    dealfsm_swap *swap = move->swap;
    for (;;) {
        bool went_on = step(move);
        if (move->stage == MOVE_OVER) {
            finish(move);
            return;
        }
        if (!went_on && end_driving(move)) {
            atomic_fetch_sub(&swap->users, 1);
            return;
        }
    }
}

/* ---- Starting */

static host_move *attach(dealfsm_swap *swap, host_route *route)
{
    host_move *move = calloc(1, sizeof *move);
    if (move == NULL)
        return NULL;
    *move = (host_move){
        .deal = route->deal, .swap = swap, .from = swap_from(swap), .to = swap_to(swap), .stage = MOVE_STARTS};
    move->last = &move->first;
    route->move = move;
    atomic_fetch_add(&swap->attached, 1);
    atomic_fetch_add(&swap->moving, 1);
    return move;
}

/* A mark of a deal that stays: this swap's is tried again, another's is replaced. With the shard's lock held. */
static void renew(dealfsm_swap *swap, host_move *move)
{
    move->tried = 0;
    if (move->swap == swap && move->to == swap_to(swap))
        return;
    atomic_fetch_sub(&move->swap->attached, 1);
    atomic_fetch_add(&swap->attached, 1);
    move->swap = swap;
    move->from = swap_from(swap);
    move->to = swap_to(swap);
}

bool swap_move_start(dealfsm_swap *swap, uint64_t deal)
{
    bool memory = true;
    host_shard *shard = &swap->host->shards[host_shard_of(deal)];
    pthread_mutex_lock(&shard->lock);
    host_route *route = host_route_find(shard, deal);
    bool ours = route != NULL && !route->claimed && !route->waking && route->generation == swap_from(swap);
    if (ours && route->move == NULL)
        memory = attach(swap, route) != NULL;
    else if (ours && route->move->stage == MOVE_WAITS && !route->move->driven)
        renew(swap, route->move);
    pthread_mutex_unlock(&shard->lock);
    if (ours && memory)
        host_move_drive(swap->host, deal);
    return memory;
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

void host_move_puts(host_generation *generation, uint64_t deal, uint64_t revision)
{
    host_shard *shard;
    const host_route *route = find(generation, deal, &shard);
    if (route != NULL && route->move != NULL && route->move->to == generation && route->move->put < revision)
        route->move->put = revision;
    pthread_mutex_unlock(&shard->lock);
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
    bool moved = route != NULL && (route->generation != call->generation ||
                                   (result == DEALFSM_E_FROZEN && route->move != NULL && swap_holds(route->move)));
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
