/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdlib.h>

#include "error.h"
#include "swap.h"

/* The phases of a swap. */

/* ---- Going over deals */

bool swap_is_late(dealfsm_swap *swap)
{
    uint64_t deadline = atomic_load(&swap->deadline);
    if (deadline != 0 && swap_now() > deadline)
        atomic_store(&swap->late, true);
    return atomic_load(&swap->late);
}

void swap_tell(dealfsm_swap *swap)
{
    dealfsm_swap_progress now = {.struct_size = sizeof now};
    if (swap->options.progress == NULL)
        return;
    dealfsm_swap_look(swap, &now, NULL);
    swap->options.progress(swap->options.ctx, &now);
}

/* All deals of a machine, ascending. *ids is the caller's to free. */
static int32_t list(const host_generation *side, uint64_t **ids, uint64_t *count, dealfsm_error *error)
{
    dealfsm_counters now = {.struct_size = sizeof now};
    *ids = NULL;
    *count = 0;
    int32_t result = side->functions->counters(side->machine, &now, error);
    if (result < 0)
        return result;
    *ids = calloc(now.deals + 1, sizeof **ids);
    if (*ids == NULL)
        return host_error(error, DEALFSM_E_NO_MEMORY, "", "out of memory for %" PRIu64 " deal ids", now.deals);
    return side->functions->list(side->machine, NULL, *ids, now.deals, count, error);
}

int32_t swap_each(dealfsm_swap *swap, const host_generation *side, swap_each_fn *fn, void *ctx, dealfsm_error *error)
{
    uint64_t *ids, count;
    int32_t result = list(side, &ids, &count, error);
    for (uint64_t i = 0; result >= 0 && i < count && !swap_is_late(swap); i++) {
        result = fn(swap, ids[i], ctx, error);
        if (i % swap->options.every == swap->options.every - 1)
            swap_tell(swap);
    }
    free(ids);
    return result;
}

int32_t swap_no_memory(dealfsm_error *error)
{
    return host_error(error, DEALFSM_E_NO_MEMORY, "", "out of memory for what is known of the deals");
}

/* ---- Canary, committed */

/* Whether a put has landed since the last call: then those under way need nobody to look after them. */
static bool goes_on(dealfsm_swap *swap)
{
    uint64_t landed = atomic_load(&swap->landed);
    bool more = landed != swap->landed_before;
    swap->landed_before = landed;
    return more;
}

static int32_t start(dealfsm_swap *swap, uint64_t most, uint32_t per_mille, dealfsm_error *error)
{
    int32_t result = DEALFSM_OK;
    bool lined = swap_has_line(swap);
    atomic_store(&swap->begun, true);
    if (!goes_on(swap) || !lined)
        swap_moves_drive(swap);
    if (!lined)
        result = swap_line_up(swap, most, per_mille, error);
    if (result >= 0)
        result = swap_line_move(swap, SIZE_MAX, error);
    if (result < 0)
        return result;
    return swap_is_late(swap) || swap_has_line(swap) || atomic_load(&swap->moving) > 0 ? DEALFSM_ACCEPTED : DEALFSM_OK;
}

static int32_t canary(dealfsm_swap *swap, dealfsm_error *error)
{
    const dealfsm_swap_options *o = &swap->options;
    dealfsm_swap_progress now = {.struct_size = sizeof now};
    if (o->canary == 0)
        return o->canary_per_mille == 0 ? DEALFSM_OK : start(swap, UINT64_MAX, o->canary_per_mille, error);
    dealfsm_swap_look(swap, &now, NULL);
    uint64_t moved = now.count[DEALFSM_SWAP_MOVED] + now.count[DEALFSM_SWAP_MOVING];
    if (moved >= o->canary && !swap_has_line(swap))
        return now.count[DEALFSM_SWAP_MOVING] > 0 ? DEALFSM_ACCEPTED : DEALFSM_OK;
    return start(swap, moved < o->canary ? o->canary - moved : 0, 0, error);
}

static int32_t commit(dealfsm_swap *swap, dealfsm_error *error)
{
    host_take_new(swap_to(swap), swap_from(swap));
    atomic_store(&swap->opened, true);
    return start(swap, UINT64_MAX, 0, error);
}

/* ---- Confirmed, final */

typedef struct standing {
    uint64_t ended;
    uint64_t stalled;
    uint64_t first_stalled;
} standing;

static int32_t look_at(dealfsm_swap *swap, uint64_t deal, void *ctx, dealfsm_error *error)
{
    standing *s = ctx;
    const host_generation *to = swap_to(swap);
    dealfsm_deal shown = {.struct_size = sizeof shown};
    (void)error;
    if (to->functions->query(to->machine, deal, &shown, NULL) == DEALFSM_E_NOT_FOUND ||
        swap_verdict(swap, deal) != DEALFSM_SWAP_MOVED)
        return DEALFSM_OK;
    s->ended += (shown.flags & DEALFSM_DEAL_FINAL) != 0;
    if (shown.flags & DEALFSM_DEAL_STALLED && s->stalled++ == 0)
        s->first_stalled = deal;
    return DEALFSM_OK;
}

static int32_t confirm(dealfsm_swap *swap, dealfsm_error *error)
{
    standing s = {.ended = 0};
    int32_t result = swap_each(swap, swap_to(swap), look_at, &s, error);
    if (result < 0)
        return result;
    atomic_store(&swap->ended, s.ended);
    atomic_store(&swap->stalled, s.stalled);
    if (s.stalled > 0)
        return host_error(error, DEALFSM_E_STATE, "deal",
                          "%" PRIu64 " deals that moved are stalled, the first is %" PRIu64 ": retry them, or revert",
                          s.stalled, s.first_stalled);
    return s.ended < swap->options.confirm || swap_is_late(swap) || atomic_load(&swap->moving) > 0 ? DEALFSM_ACCEPTED
                                                                                                   : DEALFSM_OK;
}

/* ---- Phases */

static int32_t stop(dealfsm_swap *swap, int32_t result, dealfsm_error *error)
{
    atomic_store(&swap->phase, DEALFSM_SWAP_STOPPED);
    if (result < 0)
        return result;
    return host_error(error, DEALFSM_E_STATE, "deadline_milliseconds",
                      "the deadline passed before all deals were tried: nothing has been moved");
}

static void note_try(dealfsm_swap *swap, uint32_t phase)
{
    if (phase > atomic_load(&swap->phase) && atomic_exchange(&swap->tried, phase) != phase)
        atomic_store(&swap->tried_at, swap_now());
}

static int32_t run_phase(dealfsm_swap *swap, uint32_t phase, dealfsm_error *error)
{
    int32_t result = DEALFSM_OK;
    note_try(swap, phase);
    atomic_store(&swap->late, false);
    uint64_t allowed = swap->options.deadline_milliseconds * 1000000ull;
    atomic_store(&swap->deadline, allowed > 0 ? swap_now() + allowed : 0);
    switch (phase) {
    case DEALFSM_SWAP_PROBED:
    case DEALFSM_SWAP_PREPARED:
        result = phase == DEALFSM_SWAP_PROBED ? swap_probe(swap, error) : swap_prepare(swap, error);
        if (result == DEALFSM_OK && phase == DEALFSM_SWAP_PREPARED)
            result = swap_check_refused(swap, error);
        if (swap_is_late(swap) || (result < 0 && result != DEALFSM_E_NO_MEMORY))
            return stop(swap, result, error);
        break;
    case DEALFSM_SWAP_CANARY:
        result = canary(swap, error);
        break;
    case DEALFSM_SWAP_COMMITTED:
        result = commit(swap, error);
        break;
    case DEALFSM_SWAP_CONFIRMED:
        result = confirm(swap, error);
        break;
    default: /* FINAL */
        result = atomic_load(&swap->moving) > 0 ? DEALFSM_ACCEPTED : DEALFSM_OK;
        break;
    }
    if (result == DEALFSM_OK && phase > atomic_load(&swap->phase))
        atomic_store(&swap->phase, phase);
    swap_tell(swap);
    return result;
}

static int32_t take_turn(dealfsm_swap *swap, dealfsm_error *error)
{
    if (swap == NULL)
        return host_error(error, DEALFSM_E_ARGUMENT, "swap", "swap is NULL: begin one with dealfsm_swap_begin");
    if (atomic_flag_test_and_set(&swap->working))
        return host_error(error, DEALFSM_E_BUSY, "swap", "another thread is in a call for this swap");
    return DEALFSM_OK;
}

static int32_t check_phase(const dealfsm_swap *swap, uint32_t phase, dealfsm_error *error)
{
    uint32_t now = atomic_load(&swap->phase);
    if (phase < DEALFSM_SWAP_PROBED || phase > DEALFSM_SWAP_FINAL)
        return host_error(error, DEALFSM_E_ARGUMENT, "phase",
                          "expected a phase from PROBED (2) to FINAL (7), found %" PRIu32, phase);
    if (now == DEALFSM_SWAP_STOPPED || atomic_load(&swap->reverting))
        return host_error(error, DEALFSM_E_STATE, "phase", "the swap has %s: end it, and begin another one",
                          now == DEALFSM_SWAP_STOPPED ? "stopped" : "been taken back");
    return DEALFSM_OK;
}

int32_t dealfsm_swap_go(dealfsm_swap *swap, uint32_t phase, dealfsm_error *error)
{
    int32_t result = take_turn(swap, error);
    if (result < 0)
        return result;
    result = check_phase(swap, phase, error);
    uint32_t next = atomic_load(&swap->phase) + 1;
    if (result >= 0 && phase < next && phase >= DEALFSM_SWAP_CANARY)
        next = phase; /* once more */
    for (; result == DEALFSM_OK && next <= phase; next++)
        result = run_phase(swap, next, error);
    atomic_flag_clear(&swap->working);
    return result;
}

/* ---- Back */

static int32_t turn_round(dealfsm_swap *swap, dealfsm_error *error)
{
    atomic_store(&swap->opened, false);
    atomic_store(&swap->reverting, true);
    swap_line_free(swap);
    swap_moves_forget(swap);
    swap_list_free(swap);
    host_take_new(swap_to(swap), swap_from(swap));
    atomic_store(&swap->opened, true);
    return swap_plan(swap, error);
}

int32_t dealfsm_swap_revert(dealfsm_swap *swap, dealfsm_error *error)
{
    int32_t result = take_turn(swap, error);
    if (result < 0)
        return result;
    uint32_t now = atomic_load(&swap->phase);
    atomic_store(&swap->deadline, 0);
    atomic_store(&swap->late, false);
    if (now == DEALFSM_SWAP_FINAL || !atomic_load(&swap->begun))
        result = host_error(error, DEALFSM_E_STATE, "swap", "%s",
                            now == DEALFSM_SWAP_FINAL ? "the swap is final: begin one in the other direction"
                                                      : "nothing has been moved yet: end the swap");
    else if (!atomic_load(&swap->reverting))
        result = turn_round(swap, error);
    if (result >= 0) {
        note_try(swap, DEALFSM_SWAP_REVERTED);
        result = start(swap, UINT64_MAX, 0, error);
    }
    if (result == DEALFSM_OK)
        atomic_store(&swap->phase, DEALFSM_SWAP_REVERTED);
    if (result >= 0)
        swap_tell(swap);
    atomic_flag_clear(&swap->working);
    return result;
}
