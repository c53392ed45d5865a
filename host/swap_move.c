/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
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

host_shard *swap_shard_of(const host_move *move)
{
    return &move->swap->host->shards[host_shard_of(move->deal)];
}

static void set_stage(host_move *move, host_move_stage stage)
{
    host_shard *shard = swap_shard_of(move);
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
    host_shard *shard = swap_shard_of(move);
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
    host_shard *shard = swap_shard_of(move);
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
        atomic_fetch_add(&move->swap->freezing, 1);
        set_stage(move, MOVE_FREEZES);
    } else {
        uint32_t verdict = move->trial && result != DEALFSM_E_NOT_FOUND ? DEALFSM_SWAP_MOVES : verdict_of(result);
        go_back(move, verdict, status_in(move->from, move->deal), why.text);
    }
    return true;
}

static bool wait_for_rest(host_move *move)
{
    host_shard *shard = swap_shard_of(move);
    pthread_mutex_lock(&shard->lock);
    bool rested = move->rested;
    pthread_mutex_unlock(&shard->lock);
    int32_t result = rested ? DEALFSM_OK : move->from->functions->freeze(move->from->machine, move->deal, NULL);
    if (result == DEALFSM_E_BUSY)
        return false;
    atomic_fetch_sub(&move->swap->freezing, 1);
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

/* A deal that was not at rest when all were tried. Without memory it is asked again by the next dealfsm_swap_go. */
static void try_frozen(host_move *move, uint64_t status)
{
    dealfsm_error why = {.struct_size = sizeof why};
    int32_t result = swap_try(move->from, move->to, move->deal, &why);
    uint32_t verdict = result >= 0 || result == DEALFSM_E_NO_MEMORY ? DEALFSM_SWAP_MOVES : verdict_of(result);
    if (verdict == DEALFSM_SWAP_FAILED)
        atomic_store(&move->swap->failure, result);
    go_back(move, verdict, status, result < 0 ? why.text : NULL);
    if (result != DEALFSM_E_NO_MEMORY)
        swap_note_asked(move->swap, move->deal);
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
        if (move->trial)
            swap_note_asked(move->swap, move->deal);
        return true;
    }
    if (move->trial) {
        try_frozen(move, shown.status);
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
    atomic_fetch_add(&move->swap->putting, 1);
    set_stage(move, MOVE_ACTIVATES);
    move->to->functions->activate(move->to->machine, move->deal, NULL, &why); /* how it stands tells what came of it */
    return true;
}

/* The route shows the new side from here on. The host's lock says so to those who subscribe. */
static void flip(host_move *move)
{
    dealfsm_host *host = move->swap->host;
    host_shard *shard = swap_shard_of(move);
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

static void land(host_move *move)
{
    atomic_fetch_sub(&move->swap->putting, 1);
    atomic_fetch_add(&move->swap->landed, 1);
}

/* Whether the put that names the new version is durable: the new side does not stand staged any more. */
static bool wait_for_put(host_move *move)
{
    dealfsm_deal shown;
    int32_t result = look(move->to, move->deal, &shown);
    if (result >= 0 && (!(shown.flags & DEALFSM_DEAL_STAGED) || swap_planted('e'))) {
        swap_note(move->swap, move->deal, shown.status, DEALFSM_SWAP_MOVED, NULL);
        land(move);
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
    land(move);
    go_back(move, DEALFSM_SWAP_FAILED, status_in(move->from, move->deal),
            shown.stall_text[0] != 0 ? shown.stall_text : "the new machine did not activate it");
    return true;
}

/* After the last that was held, with the shard's lock held. */
static void end_giving(host_move *move, host_shard *shard)
{
    bool stays = move->back && move->verdict == DEALFSM_SWAP_STAYS && !move->trial;
    atomic_fetch_add(&shard->moves_ended, 1);
    move->stage = stays ? MOVE_WAITS : MOVE_OVER;
    move->back = move->rested = false;
    if (!stays)
        host_route_find(shard, move->deal)->move = NULL;
}

/* What is held goes to the side that goes on. The deal counts as moving until it has been told of. */
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
    if (options->deal != NULL && !move->trial)
        options->deal(options->ctx, move->deal, side->number, verdict, pause);
    atomic_fetch_sub(&move->swap->moving, 1);
    return true;
}

/* A deal that stays is tried again when anything has changed. */
static bool try_again(host_move *move)
{
    uint64_t revision = 0;
    int32_t result = revision_in(move->from, move->deal, &revision);
    if (result >= 0 && revision == move->tried)
        return false;
    host_shard *shard = swap_shard_of(move);
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

bool swap_step(host_move *move)
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
