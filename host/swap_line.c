/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "module.h"
#include "swap.h"

/* Deals in line for their move. The thread that calls dealfsm_swap_go begins; then each put that lands makes room for
 * the next deal, in the thread that reports it. */

/* ---- Deals that were let go of */

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

int32_t swap_stored(dealfsm_swap *swap, uint64_t **ids, size_t *count, dealfsm_error *error)
{
    rows r = {.swap = swap};
    dealfsm_store *store = swap_from(swap)->durable;
    int32_t result = DEALFSM_OK;
    if (store != NULL && swap->host->idle_deals != 0)
        result = dealfsm_store_rows(store, NULL, take_row, &r, error);
    *ids = r.ids;
    *count = r.count;
    return result;
}

/* ---- Lining up */

/* What the line is made by. */
typedef struct wanted {
    uint64_t left;      /* so many may still be taken, UINT64_MAX: all */
    uint32_t per_mille; /* share, 0: all */
} wanted;

static bool chosen(const wanted *w, uint64_t deal)
{
    /* The upper bits of a product are well mixed also for ids that are counted up. */
    return w->left > 0 && (w->per_mille == 0 || (deal * 0x9E3779B97F4A7C15u >> 32) % 1000 < w->per_mille);
}

static int32_t append(dealfsm_swap *swap, uint64_t deal, dealfsm_error *error)
{
    swap_line *line = &swap->line;
    bool memory = true;
    pthread_mutex_lock(&swap->lock);
    if (line->count == line->room) {
        size_t room = line->room > 0 ? 2 * line->room : 64;
        uint64_t *deals = realloc(line->deals, room * sizeof *deals);
        memory = deals != NULL;
        line->deals = memory ? deals : line->deals;
        line->room = memory ? room : line->room;
    }
    if (memory)
        line->deals[line->count++] = deal;
    pthread_mutex_unlock(&swap->lock);
    return memory ? DEALFSM_OK : swap_no_memory(error);
}

static int32_t line_up(dealfsm_swap *swap, uint64_t deal, void *ctx, dealfsm_error *error)
{
    wanted *w = ctx;
    const host_generation *from = swap_from(swap);
    dealfsm_deal shown = {.struct_size = sizeof shown};
    if (!chosen(w, deal))
        return DEALFSM_OK;
    if (from->functions->query(from->machine, deal, &shown, NULL) == DEALFSM_E_NOT_FOUND)
        shown.flags = 0;
    if (shown.flags & DEALFSM_DEAL_FINAL)
        return swap_note(swap, deal, shown.status, DEALFSM_SWAP_ENDED, NULL) ? DEALFSM_OK : swap_no_memory(error);
    if (swap_verdict(swap, deal) == DEALFSM_SWAP_REFUSED)
        return DEALFSM_OK;
    w->left -= w->left != UINT64_MAX;
    return append(swap, deal, error);
}

static int32_t line_up_stored(dealfsm_swap *swap, dealfsm_error *error)
{
    uint64_t *ids;
    size_t count;
    int32_t result = swap_stored(swap, &ids, &count, error);
    for (size_t i = 0; result >= 0 && i < count; i++)
        result = append(swap, ids[i], error);
    free(ids);
    return result;
}

int32_t swap_line_up(dealfsm_swap *swap, uint64_t most, uint32_t per_mille, dealfsm_error *error)
{
    wanted w = {most, per_mille};
    swap_line_free(swap);
    int32_t result = swap_each(swap, swap_from(swap), line_up, &w, error);
    pthread_mutex_lock(&swap->lock);
    swap->line.stored = swap->line.count;
    pthread_mutex_unlock(&swap->lock);
    if (result >= 0 && most == UINT64_MAX && per_mille == 0)
        result = line_up_stored(swap, error);
    return result;
}

/* ---- Moving on */

bool swap_has_line(dealfsm_swap *swap)
{
    pthread_mutex_lock(&swap->lock);
    bool more = swap->line.next < swap->line.count;
    pthread_mutex_unlock(&swap->lock);
    return more;
}

/* The first in line; false: there is none, or no room. */
static bool take_first(dealfsm_swap *swap, uint64_t *deal, bool *stored)
{
    swap_line *line = &swap->line;
    pthread_mutex_lock(&swap->lock);
    bool taken = line->next < line->count && atomic_load(&swap->putting) < swap->options.puts_at_once;
    if (taken) {
        *stored = line->next >= line->stored;
        *deal = line->deals[line->next++];
    }
    pthread_mutex_unlock(&swap->lock);
    return taken;
}

int32_t swap_line_move(dealfsm_swap *swap, size_t most, dealfsm_error *error)
{
    uint64_t deal;
    bool stored;
    for (size_t i = 0; i < most && !swap_is_late(swap) && take_first(swap, &deal, &stored); i++) {
        if (stored)
            host_wake(swap->host, deal, NULL); /* one that does not come stays in the store, as resume would leave it */
        if (!swap_move_start(swap, deal))
            return swap_no_memory(error); /* a further dealfsm_swap_go finds it again */
    }
    return DEALFSM_OK;
}

void swap_line_free(dealfsm_swap *swap)
{
    pthread_mutex_lock(&swap->lock);
    free(swap->line.deals);
    swap->line = (swap_line){.deals = NULL};
    pthread_mutex_unlock(&swap->lock);
}
