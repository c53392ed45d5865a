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
    uint64_t revision;
    uint64_t status;
    uint32_t flags; /* DEALFSM_ROW_… */
    bool told;      /* the history has an event of it */
    bool whole;     /* … and all from the first on */
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

static last_step step_at(const dealfsm_store_row *row)
{
    return (last_step){.deal = row->deal,
                       .sequence = row->sequence,
                       .revision = row->revision,
                       .status = row->status,
                       .flags = row->flags};
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
    all->list[all->count++] = step_at(row);
    return true;
}

typedef struct walk {
    store_view *view;
    last_steps *all;
    size_t at;
    verify_found_fn *found;
    void *ctx;
    dealfsm_store_event last; /* the last applied event or move; its texts are gone */
    bool any;
    bool gap;      /* an event of this deal is missing before the last one */
    uint64_t told; /* the last applied event */
} walk;

/* The deal of the walk, as its row was walked; NULL: it was not there yet. */
static last_step *step_there(walk *w, uint64_t deal)
{
    while (w->at < w->all->count && w->all->list[w->at].deal < deal) {
        w->at++;
    }
    return w->at < w->all->count && w->all->list[w->at].deal == deal ? &w->all->list[w->at] : NULL;
}

static int32_t take_step(void *ctx, const dealfsm_store_row *row)
{
    *(last_step *)ctx = step_at(row);
    return 0;
}

static bool step_now(walk *w, uint64_t deal, last_step *out)
{
    return dealfsm_store_row_of(w->view->store, deal, take_step, out, NULL) == 0;
}

/* Two ends do not meet. A put between them of which the history says nothing may have been a move to another machine version,
 * while the history was off; each put has a revision of its own. */
static void say_open(const walk *w, const dealfsm_store_event *last, bool silent_put, words *text)
{
    if (silent_put) {
        words_add(text, "; a put between them is not told, perhaps of a move to another machine version");
    }
    w->found(w->ctx, last->deal, "X1", silent_put ? VERIFY_UNCHECKED : VERIFY_BROKEN, words_text(text));
}

static void check_chain(walk *w, const dealfsm_store_event *event)
{
    words text = {.arena = w->view->arena};
    const dealfsm_store_event *last = &w->last;
    const bool moved = event->kind == DEALFSM_HAPPENED_MOVED;
    if (!moved && event->sequence == 1 && last->sequence > 1) {
        words_add(&text, "the history begins anew behind event %" PRIu64 ": a node that tells none has had the deal",
                  last->sequence);
        w->found(w->ctx, event->deal, "X1", VERIFY_UNCHECKED, words_text(&text));
    } else if (moved ? event->sequence < last->sequence : event->sequence <= last->sequence) {
        words_add(&text,
                  "the history tells event %" PRIu64 " behind event %" PRIu64 ": an event came twice, or is late",
                  event->sequence, last->sequence);
        w->found(w->ctx, event->deal, "X1", VERIFY_BROKEN, words_text(&text));
    } else if (event->sequence == last->sequence + (moved ? 0 : 1) && event->from != last->to) {
        words_add(&text,
                  moved ? "the move behind event %" PRIu64 " begins in %s, the event ended in %s"
                        : "event %" PRIu64 " begins in %s, the one before it ended in %s",
                  event->sequence, brief_name(past_state(w->view, event->from, NULL)),
                  brief_name(past_state(w->view, last->to, NULL)));
        say_open(w, last, event->revision > last->revision + 1, &text);
    }
}

static void check_row(walk *w, const last_step *row)
{
    words text = {.arena = w->view->arena};
    const dealfsm_store_event *last = &w->last;
    if (row->flags & DEALFSM_ROW_LEFT_BEHIND) {
        words_add(&text, "another node has changed the deal since event %" PRIu64 ", the last one of its history",
                  last->sequence);
        w->found(w->ctx, last->deal, "X1", VERIFY_UNCHECKED, words_text(&text));
    } else if (last->sequence > row->sequence) {
        words_add(&text, "the history tells event %" PRIu64 ", the row is at %" PRIu64, last->sequence, row->sequence);
        w->found(w->ctx, last->deal, "X1", VERIFY_BROKEN, words_text(&text));
    } else if (last->sequence == row->sequence && last->to != row->status) {
        words_add(&text, "the last event leads to %s, the row is in %s",
                  brief_name(past_state(w->view, last->to, NULL)), brief_name(past_state(w->view, row->status, NULL)));
        say_open(w, last, row->revision > last->revision, &text);
    }
}

/* The end of a deal's history is its row. A node may run, so that an event beyond the row is held against the row of now; so
 * is a status that does not fit, since a move changes the row and no sequence. */
static void check_end(walk *w)
{
    const dealfsm_store_event *last = &w->last;
    last_step *there = w->any ? step_there(w, last->deal) : NULL;
    last_step row;
    if (!w->any) {
        return;
    }
    if (there != NULL) {
        there->told = true;
        there->whole = !w->gap && w->told >= there->sequence;
        row = *there;
    }
    const bool stale = there == NULL || last->sequence > there->sequence ||
                       (last->sequence == there->sequence && last->to != there->status);
    if (stale && !step_now(w, last->deal, &row)) {
        w->found(w->ctx, last->deal, "X1", VERIFY_BROKEN, "the history tells of a deal that has no row");
    } else if (!(row.flags & DEALFSM_ROW_DAMAGED)) { /* what a damaged one says may be wrong; it has been told */
        check_row(w, &row);
    }
}

static int32_t take_event(void *ctx, const dealfsm_store_event *event)
{
    walk *w = ctx;
    const bool applied = event->kind == DEALFSM_HAPPENED_APPLIED;
    values_arena_clear(w->view->arena);
    if (!applied && event->kind != DEALFSM_HAPPENED_MOVED) {
        return 0;
    }
    if (!w->any || w->last.deal != event->deal) {
        check_end(w);
        w->gap = false;
        w->told = 0;
    } else {
        check_chain(w, event);
    }
    if (applied) {
        w->gap = w->gap || event->sequence != w->told + 1;
        w->told = event->sequence;
    }
    w->last = *event;
    w->any = true;
    return 0;
}

static void sum_up(const last_steps *all, history_sums *sums)
{
    for (size_t i = 0; i < all->count; i++) {
        const last_step *it = &all->list[i];
        const bool bare = (it->flags & DEALFSM_ROW_BARE) != 0;
        if (it->flags & DEALFSM_ROW_DAMAGED) {
            continue;
        }
        ++*(!bare && (it->whole || it->sequence == 0) ? &sums->whole : it->told ? &sums->part : &sums->none);
    }
}

void verify_history(store_view *view, last_steps *all, verify_found_fn *found, void *ctx, history_sums *sums)
{
    dealfsm_error error = {.struct_size = sizeof error};
    walk w = {.view = view, .all = all, .found = found, .ctx = ctx};
    store_walked(view, dealfsm_store_history(view->store, NULL, take_event, &w, &error), &error);
    check_end(&w);
    sum_up(all, sums);
}
