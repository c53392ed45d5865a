/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "error.h"
#include "swap.h"

/* The phases in which nothing has happened yet. A deal that is tried is dropped again: staged deals would need the
 * memory of all once more, and what moves on meanwhile has to be staged anew all the same. */

enum { STATUSES = 64 };

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
    return swap_note(swap, deal, shown.status, verdict, NULL) ? DEALFSM_OK : swap_no_memory(error);
}

int32_t swap_plan(dealfsm_swap *swap, dealfsm_error *error)
{
    return swap_each(swap, swap_from(swap), plan, NULL, error);
}

/* ---- Probed, prepared */

typedef struct trial {
    bool per_state; /* one deal of each state is enough */
    bool seen[STATUSES];
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
        noted = swap_note(swap, deal, status, DEALFSM_SWAP_MOVES, "it was not at rest: asked when it is");
        if (noted && !t->per_state)
            noted = swap_trial_start(swap, deal);
        break;
    default:
        if (result < 0)
            return host_error(error, result, why->field, "%s", why->text);
        noted = swap_note(swap, deal, status, DEALFSM_SWAP_MOVES, NULL);
    }
    return noted ? DEALFSM_OK : swap_no_memory(error);
}

static int32_t try_deal(dealfsm_swap *swap, uint64_t deal, void *ctx, dealfsm_error *error)
{
    trial *t = ctx;
    const host_generation *from = swap_from(swap);
    dealfsm_deal shown = {.struct_size = sizeof shown};
    if (from->functions->query(from->machine, deal, &shown, NULL) == DEALFSM_E_NOT_FOUND)
        return DEALFSM_OK;
    if (shown.flags & DEALFSM_DEAL_FINAL)
        return swap_note(swap, deal, shown.status, DEALFSM_SWAP_ENDED, NULL) ? DEALFSM_OK : swap_no_memory(error);
    bool *seen = &t->seen[shown.status < STATUSES ? shown.status : STATUSES - 1];
    if (t->per_state ? *seen : swap_was_asked(swap, deal))
        return DEALFSM_OK;
    dealfsm_error why = {.struct_size = sizeof why};
    int32_t result = swap_try(from, swap_to(swap), deal, &why);
    *seen = *seen || result != DEALFSM_E_BUSY;
    int32_t noted = note_trial(swap, deal, shown.status, result, t, &why, error);
    if (noted >= 0 && !t->per_state && result != DEALFSM_E_BUSY)
        swap_note_asked(swap, deal);
    return noted;
}

int32_t swap_probe(dealfsm_swap *swap, dealfsm_error *error)
{
    trial t = {.per_state = true};
    return swap_each(swap, swap_from(swap), try_deal, &t, error);
}

/* Those that were let go of come back for it, some at a time. */
static int32_t try_stored(dealfsm_swap *swap, trial *t, dealfsm_error *error)
{
    uint64_t *ids;
    size_t count;
    int32_t result = swap_stored(swap, &ids, &count, error);
    for (size_t i = 0; result >= 0 && i < count && !swap_is_late(swap); i++) {
        if (host_wake(swap->host, ids[i], NULL) >= 0) /* one that does not come stays in the store */
            result = try_deal(swap, ids[i], t, error);
        host_let_go(swap->host);
    }
    free(ids);
    return result;
}

/* The first deal of a verdict, for the error. */
typedef struct named {
    uint32_t verdict;
    uint64_t deal;
    bool found;
    char reason[200];
} named;

static void find_first(void *ctx, uint64_t deal, uint64_t status, uint32_t verdict, const char *reason)
{
    named *n = ctx;
    (void)status;
    if (verdict != n->verdict || n->found)
        return;
    n->deal = deal;
    n->found = true;
    snprintf(n->reason, sizeof n->reason, "%s", reason);
}

int32_t swap_prepare(dealfsm_swap *swap, dealfsm_error *error)
{
    trial t = {.per_state = false};
    int32_t result = DEALFSM_OK;
    swap_moves_drive(swap);
    /* Not while some are on trial: two trials of a deal would find each other's in the new machine. After them only new
     * ones are left. */
    if (atomic_load(&swap->moving) == 0) {
        result = swap_each(swap, swap_from(swap), try_deal, &t, error);
        if (result >= 0)
            result = try_stored(swap, &t, error);
    }
    if (result < 0)
        return result;
    int32_t failure = atomic_load(&swap->failure);
    named first = {.verdict = DEALFSM_SWAP_FAILED};
    dealfsm_swap_deals(swap, find_first, &first, NULL);
    if (failure < 0)
        return host_error(error, failure, "to", "deal %" PRIu64 ": %s", first.deal, first.reason);
    return atomic_load(&swap->moving) > 0 ? DEALFSM_ACCEPTED : DEALFSM_OK;
}

int32_t swap_check_refused(dealfsm_swap *swap, dealfsm_error *error)
{
    dealfsm_swap_progress now = {.struct_size = sizeof now};
    named first = {.verdict = DEALFSM_SWAP_REFUSED};
    dealfsm_swap_look(swap, &now, NULL);
    uint64_t refused = now.count[DEALFSM_SWAP_REFUSED];
    if (refused == 0 || swap->options.keep_refused != 0)
        return DEALFSM_OK;
    dealfsm_swap_deals(swap, find_first, &first, NULL);
    return host_error(error, DEALFSM_E_REFUSED, "keep_refused",
                      "%" PRIu64 " deals cannot move, the first is %" PRIu64
                      " (%s): keep_refused lets them end where they are",
                      refused, first.deal, first.reason);
}
