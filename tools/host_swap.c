/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* When a swap is due, and how it goes on from there. */

#include "host_swap_inside.h"

#include <stdlib.h>

enum {
    LOOKS = 64,     /* every so many steps all deals are looked at, whether a swap can be confirmed */
    TELL_EVERY = 10 /* per cent of the deals: when so many more have ended, it is said what is still waited for */
};

/* ---- What is asked of a deal */

uint64_t swap_percent_ended(const host_node *node)
{
    uint64_t ended = 0;
    for (int i = 0; i < HOST_STATES; i++) {
        ended += node->final[i] ? atomic_load(&node->in_state[i]) : 0;
    }
    return ended * 100 / node->deals;
}

static void note_deal(void *ctx, uint64_t deal, uint32_t generation, uint32_t verdict, uint64_t pause)
{
    host_swap *s = ctx;
    (void)pause;
    if (generation != atomic_load(&s->goal) && verdict == DEALFSM_SWAP_MOVED) {
        return; /* it had stayed in a swap before this one */
    }
    if (deal >= 1 && deal <= s->node->deals) {
        atomic_store(&s->moved[deal - 1], verdict == DEALFSM_SWAP_MOVED);
    }
}

void host_swap_ended(host_swap *s, uint64_t deal)
{
    if (atomic_load(&s->moved[deal - 1])) {
        atomic_fetch_add(&s->ended, 1);
    }
}

/* Deals are on their way: no need to go over all of them again. */
static bool is_moving(const host_swap *s)
{
    dealfsm_swap_progress now = {.struct_size = sizeof now};
    return dealfsm_swap_look(s->swap, &now, NULL) >= 0 && now.count[DEALFSM_SWAP_MOVING] > 0;
}

/* ---- Going on */

/* What stays after the last phase moves when it can: then the swap is left to dealfsm_host_abandon. */
static void end_swap(host_swap *s)
{
    dealfsm_swap_progress now = {.struct_size = sizeof now};
    s->stage = IDLE;
    atomic_store(&s->moving, false);
    if (dealfsm_swap_look(s->swap, &now, NULL) >= 0 && now.phase == DEALFSM_SWAP_FINAL &&
        now.count[DEALFSM_SWAP_STAYS] > 0) {
        s->swap = NULL;
        return;
    }
    if (dealfsm_swap_end(s->swap, NULL) < 0) {
        swap_say(s, "deals are still on their way"); /* dealfsm_host_free ends it */
    }
    s->swap = NULL;
}

static void prepare(host_swap *s)
{
    dealfsm_error error = {.struct_size = sizeof error};
    int32_t result = dealfsm_swap_go(s->swap, DEALFSM_SWAP_PREPARED, &error);
    if (result < 0) {
        swap_say(s, error.text);
        end_swap(s);
    }
    if (result == DEALFSM_OK) {
        swap_say_counts(s, s->option.canary > 0 ? "prepared; the first deals move" : "prepared; all deals move");
        s->stage = s->option.canary > 0 ? CANARIES : COMMITTING;
    }
}

static void begin(host_swap *s)
{
    dealfsm_error error = {.struct_size = sizeof error};
    dealfsm_swap_options options = {.struct_size = sizeof options,
                                    .keep_refused = s->option.keep_refused,
                                    .canary = s->option.canary,
                                    .confirm = s->option.confirm,
                                    .ctx = s,
                                    .deal = note_deal};
    for (uint64_t i = 0; i < s->node->deals; i++) {
        atomic_store(&s->moved[i], false);
    }
    atomic_store(&s->ended, 0);
    s->looks = 0;
    s->waits_in = IDLE;
    atomic_store(&s->goal, s->target->generation);
    atomic_store(&s->moving, true);
    int32_t result =
        dealfsm_swap_begin(s->node->host, s->from->generation, s->target->generation, &options, &s->swap, &error);
    if (result < 0) {
        swap_say(s, error.text);
        atomic_store(&s->moving, false);
        return;
    }
    s->stage = PREPARING;
    prepare(s);
}

static void finalize(host_swap *s, bool finishing)
{
    bool final = dealfsm_swap_go(s->swap, DEALFSM_SWAP_FINAL, NULL) == DEALFSM_OK;
    if (final || finishing) {
        if (!final) {
            swap_say_waits(s);
        }
        swap_say_counts(s, final ? "final" : "not confirmed in this run");
        s->current = s->target;
        end_swap(s);
    }
}

static void watch_canaries(host_swap *s, bool finishing)
{
    dealfsm_error error = {.struct_size = sizeof error};
    int32_t result = dealfsm_swap_go(s->swap, DEALFSM_SWAP_CANARY, &error);
    if (result < 0) {
        swap_say(s, error.text);
    }
    bool well = result == DEALFSM_OK && atomic_load(&s->ended) >= s->option.confirm;
    if (well || finishing) {
        if (!well) {
            swap_say_waits(s);
        }
        swap_say_counts(s, well ? "the first deals are well; the others move" : "the run ends; the others move");
        s->stage = COMMITTING;
    }
}

static void commit(host_swap *s)
{
    dealfsm_error error = {.struct_size = sizeof error};
    int32_t result = dealfsm_swap_go(s->swap, DEALFSM_SWAP_COMMITTED, &error);
    if (result < 0) {
        swap_say(s, error.text);
    }
    if (result == DEALFSM_OK) {
        swap_say_counts(s, "committed");
        s->stage = WATCHING;
    }
}

static void watch(host_swap *s, bool finishing)
{
    dealfsm_error error = {.struct_size = sizeof error};
    if (s->option.revert_at > 0) {
        s->stage = finishing || swap_percent_ended(s->node) >= s->option.revert_at ? REVERTING : WATCHING;
        return;
    }
    if (!finishing && (atomic_load(&s->ended) < s->option.confirm || s->looks++ % LOOKS != 0)) {
        return;
    }
    int32_t result = dealfsm_swap_go(s->swap, DEALFSM_SWAP_CONFIRMED, &error);
    if (result == DEALFSM_OK || finishing) {
        finalize(s, finishing);
    } else if (result < 0 && result != DEALFSM_E_STATE) { /* STATE: one is stalled now, which its retry mends */
        swap_say(s, error.text);
    }
}

static void revert(host_swap *s)
{
    dealfsm_error error = {.struct_size = sizeof error};
    int32_t result = dealfsm_swap_revert(s->swap, &error);
    if (result < 0) {
        swap_say(s, error.text);
    }
    if (result != DEALFSM_ACCEPTED) {
        swap_say_counts(s, "taken back");
        end_swap(s);
    }
}

/* Begins the swap that brings on what stayed behind when the deals came back. False: there is none. */
static bool follow(host_swap *s)
{
    swap_side *side = atomic_load(&s->all_back) ? s->sides : NULL;
    while (side != NULL && !side->follows) {
        side = atomic_load(&side->next);
    }
    if (side == NULL) {
        atomic_store(&s->all_back, false);
        return false;
    }
    side->follows = false;
    s->option = (host_swap_option){.keep_refused = true};
    s->from = side;
    s->target = s->current;
    begin(s);
    return true;
}

/* A swap that does not get on says why. One that is to be taken back at some time waits for nothing else. */
static void tell_waiting(host_swap *s)
{
    const uint64_t now = swap_percent_ended(s->node);
    if (s->stage != s->waits_in) {
        s->waits_in = s->stage;
        s->waits_since = s->waits_told = now;
    } else if (s->stage != IDLE && now >= s->waits_told + TELL_EVERY &&
               (s->stage != WATCHING || s->option.revert_at == 0)) {
        s->waits_told = now;
        swap_say_waits(s);
    }
}

/* What is due next in the stage; true: another stage has come, look again. */
static bool advance(host_swap *s, bool finishing)
{
    tell_waiting(s);
    if (s->swap != NULL && s->stage != WATCHING && is_moving(s)) {
        return false;
    }
    const swap_stage before = s->stage;
    const unsigned next = s->next;
    switch (s->stage) {
    case IDLE:
        if (follow(s)) {
            return true;
        }
        if (s->next < s->node->options->swaps_count &&
            (finishing || swap_percent_ended(s->node) >= s->node->options->swaps[s->next].at)) {
            s->option = s->node->options->swaps[s->next++];
            s->from = s->current;
            s->target = swap_side_of(s, s->next);
            begin(s);
        }
        break;
    case PREPARING:
        prepare(s);
        break;
    case CANARIES:
        watch_canaries(s, finishing);
        break;
    case COMMITTING:
        commit(s);
        break;
    case WATCHING:
        watch(s, finishing);
        break;
    case REVERTING:
        revert(s);
        break;
    }
    return s->stage != before || s->next != next;
}

/* The file under the path of the present module is another one now: it is swapped to, as with --keep-refused. */
static void look_at_file(host_swap *s)
{
    const char *path = s->current->path;
    swap_side *found = swap_side_load(s, path);
    if (found == NULL) {
        return;
    }
    if (found->module == s->current->module) {
        (void)fprintf(stderr, "dealfsm-host: %s is what it was\n", path);
        free(found);
    } else if (!swap_side_open(s, found)) {
        free(found);
    } else {
        swap_side_add(s, found);
        s->option = (host_swap_option){.module = path, .keep_refused = true};
        s->from = s->current;
        s->target = found;
        begin(s);
    }
}

/* ---- For the node */

static bool load_side(host_swap *s, const char *path)
{
    swap_side *side = swap_side_load(s, path);
    if (side != NULL) {
        swap_side_add(s, side);
    }
    return side != NULL;
}

host_swap *host_swap_new(host_node *node)
{
    host_swap *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return NULL;
    }
    s->node = node;
    pthread_mutex_init(&s->lock, NULL);
    bool ok = load_side(s, node->module.path);
    for (unsigned i = 0; ok && i < node->options->swaps_count; i++) {
        ok = load_side(s, node->options->swaps[i].module);
    }
    if (!ok) {
        host_swap_free(s);
        return NULL;
    }
    s->current = s->sides;
    return s;
}

void host_swap_all_back(host_swap *s)
{
    atomic_store(&s->all_back, true);
}

void host_swap_look(host_swap *s)
{
    if (pthread_mutex_trylock(&s->lock) != 0) {
        return;
    }
    bool nothing_left = s->next >= s->node->options->swaps_count && !atomic_load(&s->hup) && !atomic_load(&s->all_back);
    if (!nothing_left || s->stage != IDLE) {
        if (s->stage == IDLE && atomic_exchange(&s->hup, false)) {
            look_at_file(s);
        }
        while (advance(s, false)) {
        }
    }
    pthread_mutex_unlock(&s->lock);
}

void host_swap_finish(host_swap *s)
{
    pthread_mutex_lock(&s->lock);
    while (advance(s, true)) {
    }
    if (s->stage != IDLE) {
        swap_say_waits(s);
    }
    pthread_mutex_unlock(&s->lock);
}

void host_swap_hup(host_swap *s)
{
    atomic_store(&s->hup, true);
}

void host_swap_free(host_swap *s)
{
    if (s == NULL) {
        return;
    }
    pthread_mutex_destroy(&s->lock);
    free(s->moved);
    swap_sides_free(s);
    free(s);
}
