/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "swap.h"

/* What is known of each deal of a swap: an ascending array. */

/* ---- With the swap's lock held */

/* The place of a deal, or where it would go. */
static size_t place(const dealfsm_swap *swap, uint64_t deal)
{
    size_t low = 0, high = swap->deals_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (swap->deals[middle].deal < deal)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static swap_deal *find(dealfsm_swap *swap, uint64_t deal)
{
    size_t at = place(swap, deal);
    return at < swap->deals_count && swap->deals[at].deal == deal ? &swap->deals[at] : NULL;
}

static swap_deal *add(dealfsm_swap *swap, uint64_t deal)
{
    if (swap->deals_count == swap->deals_room) {
        size_t room = swap->deals_room > 0 ? 2 * swap->deals_room : 64;
        swap_deal *more = realloc(swap->deals, room * sizeof *more);
        if (more == NULL)
            return NULL;
        swap->deals = more;
        swap->deals_room = room;
    }
    size_t at = place(swap, deal);
    memmove(&swap->deals[at + 1], &swap->deals[at], (swap->deals_count - at) * sizeof *swap->deals);
    swap->deals_count++;
    swap->deals[at] = (swap_deal){.deal = deal, .verdict = DEALFSM_SWAP_MOVES};
    swap->count[DEALFSM_SWAP_MOVES]++;
    return &swap->deals[at];
}

/* ---- For all */

bool swap_note(dealfsm_swap *swap, uint64_t deal, uint64_t status, uint32_t verdict, const char *reason)
{
    char *text = reason != NULL ? strdup(reason) : NULL; /* without memory, no reason */
    pthread_mutex_lock(&swap->lock);
    swap_deal *d = find(swap, deal);
    if (d == NULL)
        d = add(swap, deal);
    if (d != NULL) {
        swap->count[d->verdict]--;
        swap->count[verdict]++;
        d->verdict = verdict;
        d->status = status;
        char *old = d->reason;
        d->reason = text;
        text = old;
    }
    pthread_mutex_unlock(&swap->lock);
    free(text);
    return d != NULL;
}

void swap_note_asked(dealfsm_swap *swap, uint64_t deal)
{
    pthread_mutex_lock(&swap->lock);
    swap_deal *d = find(swap, deal);
    if (d != NULL)
        d->asked = true;
    pthread_mutex_unlock(&swap->lock);
}

bool swap_was_asked(dealfsm_swap *swap, uint64_t deal)
{
    pthread_mutex_lock(&swap->lock);
    const swap_deal *d = find(swap, deal);
    bool asked = d != NULL && d->asked;
    pthread_mutex_unlock(&swap->lock);
    return asked;
}

void swap_note_known(dealfsm_swap *swap, uint64_t deal)
{
    pthread_mutex_lock(&swap->lock);
    if (find(swap, deal) == NULL)
        add(swap, deal);
    pthread_mutex_unlock(&swap->lock);
}

void swap_note_pause(dealfsm_swap *swap, uint64_t pause)
{
    pthread_mutex_lock(&swap->lock);
    if (pause > swap->longest_pause)
        swap->longest_pause = pause;
    pthread_mutex_unlock(&swap->lock);
}

uint32_t swap_verdict(dealfsm_swap *swap, uint64_t deal)
{
    pthread_mutex_lock(&swap->lock);
    const swap_deal *d = find(swap, deal);
    uint32_t verdict = d != NULL ? d->verdict : DEALFSM_SWAP_MOVES;
    pthread_mutex_unlock(&swap->lock);
    return verdict;
}

void swap_list_free(dealfsm_swap *swap)
{
    pthread_mutex_lock(&swap->lock);
    for (size_t i = 0; i < swap->deals_count; i++)
        free(swap->deals[i].reason);
    free(swap->deals);
    swap->deals = NULL;
    swap->deals_count = swap->deals_room = 0;
    memset(swap->count, 0, sizeof swap->count);
    pthread_mutex_unlock(&swap->lock);
}

/* ---- Shown */

static void fill(dealfsm_swap *swap, dealfsm_swap_progress *out)
{
    *out = (dealfsm_swap_progress){.struct_size = sizeof *out,
                                   .phase = atomic_load(&swap->phase),
                                   .from = swap->generations[0]->number,
                                   .to = swap->generations[1]->number,
                                   .reverting = atomic_load(&swap->reverting),
                                   .late = atomic_load(&swap->late),
                                   .waits_rest = atomic_load(&swap->freezing),
                                   .waits_put = atomic_load(&swap->putting),
                                   .ended = atomic_load(&swap->ended),
                                   .stalled = atomic_load(&swap->stalled)};
    if (atomic_load(&swap->tried) > out->phase)
        out->waited = swap_now() - atomic_load(&swap->tried_at);
    pthread_mutex_lock(&swap->lock);
    out->deals = swap->deals_count;
    memcpy(out->count, swap->count, sizeof out->count);
    out->longest_pause = swap->longest_pause;
    out->in_line = swap->line.count - swap->line.next;
    pthread_mutex_unlock(&swap->lock);
    out->count[DEALFSM_SWAP_MOVING] = atomic_load(&swap->moving);
}

int32_t dealfsm_swap_look(dealfsm_swap *swap, dealfsm_swap_progress *out, dealfsm_error *error)
{
    dealfsm_swap_progress now;
    if (swap == NULL)
        return host_error(error, DEALFSM_E_ARGUMENT, "swap", "swap is NULL: begin one with dealfsm_swap_begin");
    fill(swap, &now);
    return host_give(out, &now, sizeof now, "out", error);
}

static int by_status(const void *left, const void *right)
{
    const dealfsm_swap_state *a = left, *b = right;
    return a->status < b->status ? -1 : a->status > b->status;
}

/* Adds a deal to the row of its state; the rows are as many as there are deals at most. */
static size_t count_in(dealfsm_swap_state *rows, size_t count, const swap_deal *d)
{
    size_t at = 0;
    while (at < count && rows[at].status != d->status)
        at++;
    if (at == count)
        rows[count++] = (dealfsm_swap_state){.struct_size = sizeof *rows, .status = d->status};
    rows[at].count[d->verdict]++;
    return count;
}

int32_t dealfsm_swap_states(dealfsm_swap *swap, void (*each)(void *ctx, const dealfsm_swap_state *state), void *ctx,
                            dealfsm_error *error)
{
    if (swap == NULL || each == NULL)
        return host_error(error, DEALFSM_E_ARGUMENT, swap == NULL ? "swap" : "each", "expected a pointer, found NULL");
    size_t count = 0;
    pthread_mutex_lock(&swap->lock);
    dealfsm_swap_state *rows = calloc(swap->deals_count + 1, sizeof *rows);
    for (size_t i = 0; rows != NULL && i < swap->deals_count; i++)
        count = count_in(rows, count, &swap->deals[i]);
    pthread_mutex_unlock(&swap->lock);
    if (rows == NULL)
        return host_error(error, DEALFSM_E_NO_MEMORY, "", "out of memory for the states of a swap");
    qsort(rows, count, sizeof *rows, by_status);
    for (size_t i = 0; i < count; i++)
        each(ctx, &rows[i]);
    free(rows);
    return DEALFSM_OK;
}

int32_t dealfsm_swap_deals(dealfsm_swap *swap,
                           void (*each)(void *ctx, uint64_t deal, uint64_t status, uint32_t verdict,
                                        const char *reason),
                           void *ctx, dealfsm_error *error)
{
    if (swap == NULL || each == NULL)
        return host_error(error, DEALFSM_E_ARGUMENT, swap == NULL ? "swap" : "each", "expected a pointer, found NULL");
    pthread_mutex_lock(&swap->lock);
    for (size_t i = 0; i < swap->deals_count; i++) {
        const swap_deal *d = &swap->deals[i];
        const char *waits = atomic_load(&swap->moving) > 0 ? swap_waits_for(swap, d->deal) : NULL;
        if (waits != NULL)
            each(ctx, d->deal, d->status, DEALFSM_SWAP_MOVING, waits);
        else if (d->verdict == DEALFSM_SWAP_STAYS || d->verdict == DEALFSM_SWAP_REFUSED ||
                 d->verdict == DEALFSM_SWAP_FAILED)
            each(ctx, d->deal, d->status, d->verdict, d->reason != NULL ? d->reason : "");
    }
    pthread_mutex_unlock(&swap->lock);
    return DEALFSM_OK;
}
