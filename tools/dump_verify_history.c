/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The history of a deal is a chain: sequences grow, each event begins where the last one ended, and the row is its end.
 * A move to another machine version changes the status, and no sequence. It may have gaps: histories are limited, or
 * off for a while. */
#include <inttypes.h>
#include <stdlib.h>

#include "dump_verify.h"

typedef struct last_step {
    uint64_t deal;
    uint64_t sequence;
    uint64_t status;
} last_step;

struct last_steps {
    last_step *list;
    size_t count;
    size_t room;
};

last_steps *last_steps_new(void)
{
    return calloc(1, sizeof(last_steps));
}

void last_steps_free(last_steps *all)
{
    if (all != NULL) {
        free(all->list);
        free(all);
    }
}

bool last_steps_add(last_steps *all, const dealfsm_store_row *row)
{
    if (all->count == all->room) {
        const size_t room = 2 * all->room + 1024;
        last_step *more = realloc(all->list, room * sizeof *more);
        if (more == NULL) {
            return false;
        }
        all->list = more;
        all->room = room;
    }
    all->list[all->count++] = (last_step){row->deal, row->sequence, row->status};
    return true;
}

typedef struct walk {
    store_view *view;
    const last_steps *all;
    size_t at;
    verify_found_fn *found;
    void *ctx;
    dealfsm_store_event last; /* the last applied event or move; its texts are gone */
    bool any;
} walk;

static int32_t take_step(void *ctx, const dealfsm_store_row *row)
{
    *(last_step *)ctx = (last_step){row->deal, row->sequence, row->status};
    return 0;
}

/* What the rows said of a deal when they were walked; a node may run, so that an event beyond it is looked up again. */
static bool step_of(walk *w, uint64_t deal, uint64_t sequence, last_step *out)
{
    while (w->at < w->all->count && w->all->list[w->at].deal < deal) {
        w->at++;
    }
    if (w->at < w->all->count && w->all->list[w->at].deal == deal && w->all->list[w->at].sequence >= sequence) {
        *out = w->all->list[w->at];
        return true;
    }
    return dealfsm_store_row_of(w->view->store, deal, take_step, out, NULL) == 0;
}

static void say(const walk *w, uint64_t deal, const char *text)
{
    w->found(w->ctx, deal, "X1", true, text);
}

static void check_chain(walk *w, const dealfsm_store_event *event)
{
    words text = {.arena = w->view->arena};
    const dealfsm_store_event *last = &w->last;
    if (!w->any || last->deal != event->deal) {
        return;
    }
    const bool moved = event->kind == DEALFSM_HAPPENED_MOVED;
    if (moved ? event->sequence < last->sequence : event->sequence <= last->sequence) {
        words_add(&text,
                  "the history tells event %" PRIu64 " behind event %" PRIu64 ": an event came twice, or is late",
                  event->sequence, last->sequence);
        say(w, event->deal, words_text(&text));
    } else if (moved && event->sequence == last->sequence && event->from != last->to) {
        words_add(&text, "the move behind event %" PRIu64 " begins in %s, the event ended in %s", event->sequence,
                  brief_name(past_state(w->view, event->from, NULL)), brief_name(past_state(w->view, last->to, NULL)));
        say(w, event->deal, words_text(&text));
    } else if (!moved && event->sequence == last->sequence + 1 && event->from != last->to) {
        words_add(&text, "event %" PRIu64 " begins in %s, the one before it ended in %s", event->sequence,
                  brief_name(past_state(w->view, event->from, NULL)), brief_name(past_state(w->view, last->to, NULL)));
        say(w, event->deal, words_text(&text));
    }
}

/* The end of a deal's history is its row. A move changes the row and no sequence, so that a node that runs may have
 * moved the deal since its row was walked. */
static void check_end(walk *w)
{
    words text = {.arena = w->view->arena};
    const dealfsm_store_event *last = &w->last;
    last_step row;
    bool found = w->any && step_of(w, last->deal, last->sequence, &row);
    if (found && last->sequence == row.sequence && last->to != row.status) {
        found = dealfsm_store_row_of(w->view->store, last->deal, take_step, &row, NULL) == 0;
    }
    if (!w->any) {
        return;
    }
    if (!found) {
        say(w, last->deal, "the history tells of a deal that has no row");
    } else if (last->sequence > row.sequence) {
        words_add(&text, "the history tells event %" PRIu64 ", the row is at %" PRIu64, last->sequence, row.sequence);
        say(w, last->deal, words_text(&text));
    } else if (last->sequence == row.sequence && last->to != row.status) {
        words_add(&text, "the last event leads to %s, the row is in %s",
                  brief_name(past_state(w->view, last->to, NULL)), brief_name(past_state(w->view, row.status, NULL)));
        say(w, last->deal, words_text(&text));
    }
}

static int32_t take_event(void *ctx, const dealfsm_store_event *event)
{
    walk *w = ctx;
    values_arena_clear(w->view->arena);
    if (event->kind == DEALFSM_HAPPENED_APPLIED || event->kind == DEALFSM_HAPPENED_MOVED) {
        if (w->any && w->last.deal != event->deal) {
            check_end(w);
        }
        check_chain(w, event);
        w->last = *event;
        w->any = true;
    }
    return 0;
}

void verify_history(store_view *view, last_steps *all, verify_found_fn *found, void *ctx)
{
    dealfsm_error error = {.struct_size = sizeof error};
    walk w = {.view = view, .all = all, .found = found, .ctx = ctx};
    store_walked(view, dealfsm_store_history(view->store, NULL, take_event, &w, &error), &error);
    check_end(&w);
}
