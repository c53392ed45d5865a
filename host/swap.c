/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "module.h"
#include "swap.h"

/* The phases of a swap. */

enum { ROUNDS_FOR_BUSY = 3, STATUSES = 64 };

/* ---- Going over deals */

typedef int32_t each_deal_fn(dealfsm_swap *swap, uint64_t deal, void *ctx, dealfsm_error *error);

static bool is_late(dealfsm_swap *swap)
{
    if (swap->deadline != 0 && swap_now() > swap->deadline)
        atomic_store(&swap->late, true);
    return atomic_load(&swap->late);
}

static void tell(dealfsm_swap *swap)
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

/* Until one answers negative, or the deadline passes. */
static int32_t each(dealfsm_swap *swap, const host_generation *side, each_deal_fn *fn, void *ctx, dealfsm_error *error)
{
    uint64_t *ids, count;
    int32_t result = list(side, &ids, &count, error);
    for (uint64_t i = 0; result >= 0 && i < count && !is_late(swap); i++) {
        result = fn(swap, ids[i], ctx, error);
        if (i % swap->options.every == swap->options.every - 1)
            tell(swap);
    }
    free(ids);
    return result;
}

static int32_t no_memory(dealfsm_error *error)
{
    return host_error(error, DEALFSM_E_NO_MEMORY, "", "out of memory for what is known of the deals");
}

/* ---- Planned */

static int32_t plan(dealfsm_swap *swap, uint64_t deal, void *ctx, dealfsm_error *error)
{
    (void)ctx;
    const host_generation *side = swap_from(swap);
    dealfsm_deal shown = {.struct_size = sizeof shown};
    int32_t result = side->functions->query(side->machine, deal, &shown, NULL);
    if (result == DEALFSM_E_NOT_FOUND)
        return DEALFSM_OK; /* not durable yet, or gone */
    uint32_t verdict = shown.flags & DEALFSM_DEAL_FINAL ? DEALFSM_SWAP_ENDED : DEALFSM_SWAP_MOVES;
    return swap_note(swap, deal, shown.status, verdict, NULL) ? DEALFSM_OK : no_memory(error);
}

int32_t swap_plan(dealfsm_swap *swap, dealfsm_error *error)
{
    return each(swap, swap_from(swap), plan, NULL, error);
}

/* ---- Probed, prepared */

typedef struct trial {
    bool per_state; /* one deal of each state is enough */
    bool seen[STATUSES];
    uint64_t busy;
} trial;

static int32_t note_trial(dealfsm_swap *swap, uint64_t deal, uint64_t status, int32_t result, trial *t,
                          const dealfsm_error *why, dealfsm_error *error)
{
    bool noted = true;
    switch (result) {
    case DEALFSM_E_STAYS:
        noted = swap_note(swap, deal, status, DEALFSM_SWAP_STAYS, why->text);
        break;
    case DEALFSM_E_REFUSED:
        noted = swap_note(swap, deal, status, DEALFSM_SWAP_REFUSED, why->text);
        break;
    case DEALFSM_E_NOT_FOUND:
        noted = swap_note(swap, deal, status, DEALFSM_SWAP_GONE, NULL);
        break;
    case DEALFSM_E_BUSY:
        t->busy++;
        noted = swap_note(swap, deal, status, DEALFSM_SWAP_MOVES, "it was not at rest: asked when it is");
        break;
    default:
        if (result < 0)
            return host_error(error, result, why->field, "%s", why->text);
        noted = swap_note(swap, deal, status, DEALFSM_SWAP_MOVES, NULL);
    }
    return noted ? DEALFSM_OK : no_memory(error);
}

static int32_t try_deal(dealfsm_swap *swap, uint64_t deal, void *ctx, dealfsm_error *error)
{
    trial *t = ctx;
    const host_generation *from = swap_from(swap);
    dealfsm_deal shown = {.struct_size = sizeof shown};
    if (from->functions->query(from->machine, deal, &shown, NULL) == DEALFSM_E_NOT_FOUND)
        return DEALFSM_OK;
    if (shown.flags & DEALFSM_DEAL_FINAL)
        return swap_note(swap, deal, shown.status, DEALFSM_SWAP_ENDED, NULL) ? DEALFSM_OK : no_memory(error);
    bool *seen = &t->seen[shown.status < STATUSES ? shown.status : STATUSES - 1];
    if (t->per_state && *seen)
        return DEALFSM_OK;
    dealfsm_error why = {.struct_size = sizeof why};
    int32_t result = swap_try(from, swap_to(swap), deal, &why);
    *seen = *seen || result != DEALFSM_E_BUSY;
    return note_trial(swap, deal, shown.status, result, t, &why, error);
}

static int32_t probe(dealfsm_swap *swap, dealfsm_error *error)
{
    trial t = {.per_state = true};
    return each(swap, swap_from(swap), try_deal, &t, error);
}

static int32_t prepare(dealfsm_swap *swap, dealfsm_error *error)
{
    trial t = {.busy = 1};
    int32_t result = DEALFSM_OK;
    for (unsigned round = 0; round < ROUNDS_FOR_BUSY && t.busy > 0 && result >= 0; round++) {
        t.busy = 0;
        result = each(swap, swap_from(swap), try_deal, &t, error);
        if (t.busy > 0)
            sched_yield();
    }
    return result;
}

/* The first refused deal, for the error. */
typedef struct refusal {
    uint64_t deal;
    const char *reason;
    char text[200];
} refusal;

static void find_refusal(void *ctx, uint64_t deal, uint64_t status, uint32_t verdict, const char *reason)
{
    refusal *r = ctx;
    (void)status;
    if (verdict != DEALFSM_SWAP_REFUSED || r->reason != NULL)
        return;
    r->deal = deal;
    r->reason = r->text;
    snprintf(r->text, sizeof r->text, "%s", reason);
}

static int32_t check_refused(dealfsm_swap *swap, dealfsm_error *error)
{
    dealfsm_swap_progress now = {.struct_size = sizeof now};
    refusal first = {.reason = NULL};
    dealfsm_swap_look(swap, &now, NULL);
    uint64_t refused = now.count[DEALFSM_SWAP_REFUSED];
    if (refused == 0 || swap->options.keep_refused != 0)
        return DEALFSM_OK;
    dealfsm_swap_deals(swap, find_refusal, &first, NULL);
    return host_error(error, DEALFSM_E_REFUSED, "keep_refused",
                      "%" PRIu64 " deals cannot move, the first is %" PRIu64
                      " (%s): keep_refused lets them end where they are",
                      refused, first.deal, first.text);
}

/* ---- Canary, committed */

/* What a round of starting goes by. */
typedef struct round {
    uint64_t left;      /* so many may still be started, UINT64_MAX: all */
    uint32_t per_mille; /* share, 0: all */
} round;

static bool chosen(const round *r, uint64_t deal)
{
    /* The upper bits of a product are well mixed also for ids that are counted up. */
    return r->left > 0 && (r->per_mille == 0 || (deal * 0x9E3779B97F4A7C15u >> 32) % 1000 < r->per_mille);
}

static int32_t start_deal(dealfsm_swap *swap, uint64_t deal, void *ctx, dealfsm_error *error)
{
    round *r = ctx;
    const host_generation *from = swap_from(swap);
    dealfsm_deal shown = {.struct_size = sizeof shown};
    if (!chosen(r, deal))
        return DEALFSM_OK;
    if (from->functions->query(from->machine, deal, &shown, NULL) == DEALFSM_E_NOT_FOUND)
        shown.flags = 0;
    if (shown.flags & DEALFSM_DEAL_FINAL)
        return swap_note(swap, deal, shown.status, DEALFSM_SWAP_ENDED, NULL) ? DEALFSM_OK : no_memory(error);
    if (swap_verdict(swap, deal) == DEALFSM_SWAP_REFUSED)
        return DEALFSM_OK;
    r->left -= r->left != UINT64_MAX;
    return swap_move_start(swap, deal) ? DEALFSM_OK : no_memory(error);
}

/* Deals that were let go of come back, to be moved. */
typedef struct rows {
    dealfsm_swap *swap;
    uint64_t *ids;
    size_t count, room;
} rows;

static int32_t take_row(void *ctx, const dealfsm_store_row *row)
{
    rows *r = ctx;
    uint32_t generation;
    if (row->flags & (DEALFSM_ROW_FINAL | DEALFSM_ROW_DAMAGED) ||
        strcmp(row->machine_version, swap_from(r->swap)->module->info.manifest->machine_version) != 0 ||
        dealfsm_host_route(r->swap->host, row->deal, &generation, NULL) >= 0)
        return 0;
    if (r->count == r->room) {
        size_t room = r->room > 0 ? 2 * r->room : 64;
        uint64_t *ids = realloc(r->ids, room * sizeof *ids);
        if (ids == NULL)
            return DEALFSM_E_NO_MEMORY;
        r->ids = ids;
        r->room = room;
    }
    r->ids[r->count++] = row->deal;
    return 0;
}

static int32_t start_stored(dealfsm_swap *swap, dealfsm_error *error)
{
    rows r = {.swap = swap};
    dealfsm_store *store = swap_from(swap)->durable;
    if (store == NULL || swap->host->idle_deals == 0)
        return DEALFSM_OK;
    int32_t result = dealfsm_store_rows(store, NULL, take_row, &r, error);
    for (size_t i = 0; result >= 0 && i < r.count && !is_late(swap); i++) {
        round all = {.left = UINT64_MAX};
        host_wake(swap->host, r.ids[i], NULL); /* one that does not come stays in the store, as resume would leave it */
        result = start_deal(swap, r.ids[i], &all, error);
    }
    free(r.ids);
    return result;
}

static int32_t start(dealfsm_swap *swap, round r, dealfsm_error *error)
{
    bool all = r.left == UINT64_MAX && r.per_mille == 0;
    atomic_store(&swap->begun, true);
    swap_moves_drive(swap);
    int32_t result = each(swap, swap_from(swap), start_deal, &r, error);
    if (result >= 0 && all)
        result = start_stored(swap, error);
    if (result < 0)
        return result;
    return is_late(swap) || atomic_load(&swap->moving) > 0 ? DEALFSM_ACCEPTED : DEALFSM_OK;
}

static int32_t canary(dealfsm_swap *swap, dealfsm_error *error)
{
    const dealfsm_swap_options *o = &swap->options;
    dealfsm_swap_progress now = {.struct_size = sizeof now};
    if (o->canary == 0 && o->canary_per_mille == 0)
        return DEALFSM_OK;
    dealfsm_swap_look(swap, &now, NULL);
    uint64_t moved = now.count[DEALFSM_SWAP_MOVED] + now.count[DEALFSM_SWAP_MOVING];
    if (o->canary != 0 && moved >= o->canary)
        return now.count[DEALFSM_SWAP_MOVING] > 0 ? DEALFSM_ACCEPTED : DEALFSM_OK;
    return start(swap,
                 (round){o->canary != 0 ? o->canary - moved : UINT64_MAX, o->canary != 0 ? 0 : o->canary_per_mille},
                 error);
}

static int32_t commit(dealfsm_swap *swap, dealfsm_error *error)
{
    host_take_new(swap_to(swap), swap_from(swap));
    atomic_store(&swap->opened, true);
    return start(swap, (round){UINT64_MAX, 0}, error);
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
    int32_t result = each(swap, swap_to(swap), look_at, &s, error);
    if (result < 0)
        return result;
    if (s.stalled > 0)
        return host_error(error, DEALFSM_E_STATE, "deal",
                          "%" PRIu64 " deals that moved are stalled, the first is %" PRIu64 ": retry them, or revert",
                          s.stalled, s.first_stalled);
    return s.ended < swap->options.confirm || is_late(swap) || atomic_load(&swap->moving) > 0 ? DEALFSM_ACCEPTED
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

static int32_t run_phase(dealfsm_swap *swap, uint32_t phase, dealfsm_error *error)
{
    int32_t result = DEALFSM_OK;
    atomic_store(&swap->late, false);
    swap->deadline =
        swap->options.deadline_milliseconds > 0 ? swap_now() + swap->options.deadline_milliseconds * 1000000ull : 0;
    switch (phase) {
    case DEALFSM_SWAP_PROBED:
    case DEALFSM_SWAP_PREPARED:
        result = phase == DEALFSM_SWAP_PROBED ? probe(swap, error) : prepare(swap, error);
        if (result >= 0 && phase == DEALFSM_SWAP_PREPARED)
            result = check_refused(swap, error);
        if (is_late(swap) || (result < 0 && result != DEALFSM_E_NO_MEMORY))
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
    tell(swap);
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
    swap_moves_forget(swap);
    swap_list_free(swap);
    host_take_new(swap_to(swap), swap_from(swap));
    atomic_store(&swap->opened, true);
    return each(swap, swap_from(swap), plan, NULL, error);
}

int32_t dealfsm_swap_revert(dealfsm_swap *swap, dealfsm_error *error)
{
    int32_t result = take_turn(swap, error);
    if (result < 0)
        return result;
    uint32_t now = atomic_load(&swap->phase);
    swap->deadline = 0;
    atomic_store(&swap->late, false);
    if (now == DEALFSM_SWAP_FINAL || !atomic_load(&swap->begun))
        result = host_error(error, DEALFSM_E_STATE, "swap", "%s",
                            now == DEALFSM_SWAP_FINAL ? "the swap is final: begin one in the other direction"
                                                      : "nothing has been moved yet: end the swap");
    else if (!atomic_load(&swap->reverting))
        result = turn_round(swap, error);
    if (result >= 0)
        result = start(swap, (round){UINT64_MAX, 0}, error);
    if (result == DEALFSM_OK)
        atomic_store(&swap->phase, DEALFSM_SWAP_REVERTED);
    if (result >= 0)
        tell(swap);
    atomic_flag_clear(&swap->working);
    return result;
}
