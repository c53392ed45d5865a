/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "swap.h"

/* Swaps of a host: begun, found, ended. */

enum { HELD_EVENTS = 1024, HELD_BYTES = 1 << 20, EVERY = 1024, PUTS_AT_ONCE = 128 };

static int32_t take_options(dealfsm_swap_options *taken, const dealfsm_swap_options *options, dealfsm_error *error)
{
    memset(taken, 0, sizeof *taken);
    int32_t result = options != NULL ? host_take(taken, sizeof *taken, options, "options", error) : DEALFSM_OK;
    if (result >= 0 && taken->canary_per_mille > 1000)
        result = host_error(error, DEALFSM_E_ARGUMENT, "canary_per_mille", "expected at most 1000, found %" PRIu32,
                            taken->canary_per_mille);
    taken->held_events = taken->held_events != 0 ? taken->held_events : HELD_EVENTS;
    taken->held_bytes = taken->held_bytes != 0 ? taken->held_bytes : HELD_BYTES;
    taken->every = taken->every != 0 ? taken->every : EVERY;
    taken->puts_at_once = taken->puts_at_once != 0 ? taken->puts_at_once : PUTS_AT_ONCE;
    return result;
}

/* ---- With the host's lock held */

static host_generation *find(dealfsm_host *host, uint32_t number)
{
    host_generation *generation = host->generations;
    while (generation != NULL && generation->number != number)
        generation = generation->next;
    return generation;
}

/* A swap that has not come to an end, or nearly so. */
static bool is_open(const dealfsm_swap *swap)
{
    uint32_t phase = atomic_load(&swap->phase);
    return phase < DEALFSM_SWAP_CONFIRMED;
}

static int32_t check_free(dealfsm_host *host, const host_generation *generation, dealfsm_error *error)
{
    for (const dealfsm_swap *s = host->swaps; s != NULL; s = s->next) {
        if (is_open(s) && (s->generations[0] == generation || s->generations[1] == generation))
            return host_error(error, DEALFSM_E_STATE, "generation",
                              "generation %" PRIu32 " takes part in the swap from %" PRIu32 " to %" PRIu32
                              ": bring that to CONFIRMED, or end it",
                              generation->number, s->generations[0]->number, s->generations[1]->number);
    }
    return DEALFSM_OK;
}

static int32_t check_sides(dealfsm_host *host, const dealfsm_swap *swap, uint32_t from, uint32_t to,
                           dealfsm_error *error)
{
    for (unsigned i = 0; i < 2; i++) {
        const host_generation *side = swap->generations[i];
        if (side == NULL || atomic_load(&side->closing))
            return host_error(error, DEALFSM_E_NOT_FOUND, i == 0 ? "from" : "to", "generation %" PRIu32 " is not open",
                              i == 0 ? from : to);
        int32_t result = check_free(host, side, error);
        if (result < 0)
            return result;
    }
    const host_generation *old = swap->generations[0], *new = swap->generations[1];
    if (old == new)
        return host_error(error, DEALFSM_E_STATE, "to", "from and to are both generation %" PRIu32, from);
    if (old->durable != new->durable || (old->store.put == NULL) != (new->store.put == NULL))
        return host_error(error, DEALFSM_E_STATE, "to",
                          "generations %" PRIu32 " and %" PRIu32 " have different stores: give them the same", from,
                          to);
    return swap_can_carry(old, new, error);
}

static int32_t enlist(dealfsm_swap *swap, uint32_t from, uint32_t to, dealfsm_error *error)
{
    dealfsm_host *host = swap->host;
    pthread_mutex_lock(&host->lock);
    swap->generations[0] = find(host, from);
    swap->generations[1] = find(host, to);
    int32_t result = check_sides(host, swap, from, to, error);
    if (result >= 0) {
        swap->next = host->swaps;
        host->swaps = swap;
        swap->generations[0]->swaps++;
        swap->generations[1]->swaps++;
    }
    pthread_mutex_unlock(&host->lock);
    return result;
}

static void free_swap(dealfsm_swap *swap)
{
    swap_line_free(swap);
    swap_list_free(swap);
    pthread_mutex_destroy(&swap->lock);
    free(swap);
}

int32_t dealfsm_swap_begin(dealfsm_host *host, uint32_t from, uint32_t to, const dealfsm_swap_options *options,
                           dealfsm_swap **swap, dealfsm_error *error)
{
    dealfsm_swap_options taken;
    if (host == NULL || swap == NULL)
        return host_error(error, DEALFSM_E_ARGUMENT, host == NULL ? "host" : "swap", "expected a pointer, found NULL");
    int32_t result = take_options(&taken, options, error);
    if (result < 0)
        return result;
    dealfsm_swap *made = calloc(1, sizeof *made);
    if (made == NULL)
        return host_error(error, DEALFSM_E_NO_MEMORY, "", "out of memory for a swap");
    made->host = host;
    made->options = taken;
    atomic_flag_clear(&made->working);
    atomic_init(&made->phase, DEALFSM_SWAP_PLANNED);
    pthread_mutex_init(&made->lock, NULL);
    result = enlist(made, from, to, error);
    if (result < 0) {
        free_swap(made);
        return result;
    }
    host_take_new(made->generations[0], made->generations[1]);
    result = swap_plan(made, error);
    if (result < 0)
        dealfsm_swap_end(made, NULL);
    else
        *swap = made;
    return result;
}

/* ---- end */

static void delist(dealfsm_swap *swap)
{
    dealfsm_host *host = swap->host;
    pthread_mutex_lock(&host->lock);
    dealfsm_swap **at = &host->swaps;
    while (*at != swap)
        at = &(*at)->next;
    *at = swap->next;
    swap->generations[0]->swaps--;
    swap->generations[1]->swaps--;
    pthread_mutex_unlock(&host->lock);
}

/* Nobody works on it or will: a user can attach a move as long as he is one, and from then on only the driver of a move
 * becomes one. */
static bool is_free(dealfsm_swap *swap)
{
    return atomic_load(&swap->users) == 0 && atomic_load(&swap->attached) == 0 && atomic_load(&swap->users) == 0;
}

int32_t dealfsm_swap_end(dealfsm_swap *swap, dealfsm_error *error)
{
    if (swap == NULL)
        return DEALFSM_OK;
    if (atomic_flag_test_and_set(&swap->working))
        return host_error(error, DEALFSM_E_BUSY, "swap", "another thread is in a call for this swap");
    pthread_mutex_lock(&swap->host->lock); /* nobody finds it any more */
    bool opened = atomic_exchange(&swap->opened, false);
    pthread_mutex_unlock(&swap->host->lock);
    swap_line_free(swap);
    swap_moves_forget(swap);
    if (is_free(swap)) {
        delist(swap);
        free_swap(swap);
        return DEALFSM_OK;
    }
    atomic_store(&swap->opened, opened);
    atomic_flag_clear(&swap->working);
    return host_error(error, DEALFSM_E_BUSY, "swap", "%u deals are on their way: end it when they have come to rest",
                      atomic_load(&swap->attached));
}

int32_t host_swaps_end(dealfsm_host *host, dealfsm_error *error)
{
    int32_t result = DEALFSM_OK;
    for (bool left = true; left && result >= 0;) {
        pthread_mutex_lock(&host->lock);
        dealfsm_swap *first = host->swaps;
        pthread_mutex_unlock(&host->lock);
        left = first != NULL;
        result = dealfsm_swap_end(first, error);
    }
    return result;
}

/* ---- Deals that arrive */

/* A swap by which deals go on from a generation; it is then in use. */
static dealfsm_swap *use_next(host_generation *generation)
{
    dealfsm_host *host = generation->host;
    pthread_mutex_lock(&host->lock);
    dealfsm_swap *swap = host->swaps;
    while (swap != NULL && !(atomic_load(&swap->opened) && swap_from(swap) == generation))
        swap = swap->next;
    if (swap != NULL)
        atomic_fetch_add(&swap->users, 1);
    pthread_mutex_unlock(&host->lock);
    return swap;
}

void host_swap_arrived(host_generation *generation, uint64_t deal)
{
    if (atomic_load(&generation->host->only) == generation)
        return;
    dealfsm_swap *swap = use_next(generation);
    if (swap == NULL)
        return;
    swap_move_start(swap, deal); /* without memory the next dealfsm_swap_go starts it */
    atomic_fetch_sub(&swap->users, 1);
}
