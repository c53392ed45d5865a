/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Time: what is to come for each deal, a heap of deals by their next thing, and the link that hands steps out. */

#include <dealfsm/vocabulary.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world_private.h"

/* ---- A deal's things: a few at a time, so a plain array */

static const size_t NOTHING = SIZE_MAX;

/* A node that begins has the deal back before it hears more of it, also of what a stalled deal had heard long ago. */
static bool comes_before(const thing *a, const thing *b)
{
    if (a->what == THING_RESUME || b->what == THING_RESUME) {
        return a->what == THING_RESUME;
    }
    return a->time < b->time || (a->time == b->time && a->order < b->order);
}

static size_t next_thing(const world_deal *d)
{
    size_t first = NOTHING;
    for (size_t i = 0; i < d->thing_count; i++) {
        if (!d->things[i].sent && (first == NOTHING || comes_before(&d->things[i], &d->things[first]))) {
            first = i;
        }
    }
    return first;
}

void time_remove(world_deal *d, size_t at)
{
    d->things[at] = d->things[--d->thing_count];
}

/* ---- The heap */

static uint64_t next_time(const world_deal *d)
{
    size_t at = next_thing(d);
    return at != NOTHING ? d->things[at].time : 0;
}

static bool earlier(const world_deal *a, const world_deal *b)
{
    uint64_t at = next_time(a);
    uint64_t bt = next_time(b);
    return at < bt || (at == bt && a->id < b->id);
}

static void heap_set(world *w, size_t at, world_deal *d)
{
    w->heap[at] = d;
    d->heap_at = at + 1;
}

static void heap_up(world *w, size_t at)
{
    world_deal *d = w->heap[at];
    for (; at > 0 && earlier(d, w->heap[(at - 1) / 2]); at = (at - 1) / 2) {
        heap_set(w, at, w->heap[(at - 1) / 2]);
    }
    heap_set(w, at, d);
}

static world_deal *heap_take(world *w)
{
    world_deal *first = w->heap[0];
    world_deal *last = w->heap[--w->heap_count];
    size_t at = 0;
    first->heap_at = 0;
    if (first == last) {
        return first;
    }
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= w->heap_count) {
            break;
        }
        if (child + 1 < w->heap_count && earlier(w->heap[child + 1], w->heap[child])) {
            child++;
        }
        if (!earlier(w->heap[child], last)) {
            break;
        }
        heap_set(w, at, w->heap[child]);
        at = child;
    }
    heap_set(w, at, last);
    return first;
}

void time_wake(world *w, world_deal *d)
{
    if (d->running || d->parked || next_thing(d) == NOTHING) {
        return;
    }
    if (d->heap_at == 0) {
        heap_set(w, w->heap_count++, d);
    }
    heap_up(w, d->heap_at - 1); /* a new thing can only make it earlier */
}

thing *time_add(world *w, world_deal *d)
{
    if (d->thing_count == d->thing_room) {
        size_t room = d->thing_room == 0 ? 4 : 2 * d->thing_room;
        thing *more = realloc(d->things, room * sizeof *more);
        if (more == NULL) {
            world_break(w, "out of memory");
            return NULL;
        }
        d->things = more;
        d->thing_room = room;
    }
    return &d->things[d->thing_count++];
}

thing *time_schedule(world *w, world_deal *d, uint64_t time, thing_kind what)
{
    thing *t = time_add(w, d);
    if (t == NULL) {
        return NULL;
    }
    *t = (thing){.time = time > d->now ? time : d->now, .order = ++d->orders, .what = what};
    time_wake(w, d);
    return t;
}

/* ---- Steps */

/* A turn becomes what the provider says in it. False: it says nothing. */
static bool turn(world *w, world_deal *d, size_t at)
{
    outside say = {0};
    bool says = provider_turn(w, d, d->things[at].order, &say);
    d->things[at].what = THING_EVENT;
    d->things[at].event = say;
    return says;
}

/* Fills the step with a thing, which stays until it is known to be durable, or goes (answers). */
static void hand_out(world_deal *d, size_t at, world_step *step)
{
    static const step_kind kinds[] = {
        [THING_RESUME] = STEP_RESUME, [THING_START] = STEP_CREATE,  [THING_EVENT] = STEP_EVENT,
        [THING_ANSWER] = STEP_ANSWER, [THING_REPEAT] = STEP_ANSWER, [THING_RETRY] = STEP_RETRY,
        [THING_MONEY] = STEP_MONEY};
    thing *t = &d->things[at];
    *step = (world_step){.kind = kinds[t->what], .deal = d->id, .order = t->order, .time = d->now, .answer = t->reply};
    if (t->what == THING_EVENT) {
        step->event = t->event;
    } else if (step->kind == STEP_MONEY) {
        step->channel = d->channel->address;
        step->channel_len = ADDRESS_LEN;
    }
    if (step->kind == STEP_ANSWER || step->kind == STEP_RESUME || step->kind == STEP_MONEY) {
        time_remove(d, at);
    } else {
        t->sent = true;
        t->base = d->revision;
        t->promised = 0;
    }
}

/* What is the chain's or the client's own, and nothing for the node. */
static void do_ours(world *w, world_deal *d, size_t at)
{
    const thing t = d->things[at];
    time_remove(d, at);
    if (t.what == THING_LANDS) {
        chain_lands(w, d, t.message);
    } else {
        funds_top_up(w, d);
    }
}

/* Does the deal's next thing. False: it was nothing for the node. */
static bool do_next(world *w, world_deal *d, world_step *step)
{
    size_t at = next_thing(d);
    if (at == NOTHING) {
        return false;
    }
    d->now = d->things[at].time > d->now ? d->things[at].time : d->now;
    const thing_kind what = d->things[at].what;
    if (what == THING_LANDS || what == THING_TOP_UP) {
        do_ours(w, d, at);
        return false;
    }
    if (what == THING_TURN && !turn(w, d, at)) {
        time_remove(d, at);
        return false;
    }
    hand_out(d, at, step);
    return true;
}

/* ---- One deal of a channel at a time */

static void park(world_deal *d)
{
    d->parked = true;
    d->next_parked = d->channel->parked;
    d->channel->parked = d;
}

static void take_deal(world_deal *d)
{
    d->running = true;
    d->channel->busy = true;
}

static void give_deal(world *w, world_deal *d)
{
    world_deal *next;
    d->running = false;
    d->channel->busy = false;
    time_wake(w, d);
    for (world_deal *p = d->channel->parked; p != NULL; p = next) {
        next = p->next_parked;
        p->parked = false;
        time_wake(w, p);
    }
    d->channel->parked = NULL;
}

/* The next step of the deal that is earliest among those that may go on. */
static world_next next_of_all(world *w, world_step *step)
{
    while (w->heap_count > 0) {
        world_deal *d = heap_take(w);
        if (d->channel->busy) {
            park(d);
            continue;
        }
        take_deal(d);
        bool any = do_next(w, d, step);
        if (any) {
            funds_step(d, step);
        }
        file_save(w, d);
        if (any) {
            w->busy++;
            return NEXT_STEP;
        }
        give_deal(w, d);
    }
    return w->busy > 0 ? NEXT_WAIT : NEXT_END;
}

static world_next next_of(world *w, world_deal *d, world_step *step)
{
    bool any = false;
    while (!any && next_thing(d) != NOTHING) {
        any = do_next(w, d, step);
    }
    file_save(w, d);
    return any ? NEXT_STEP : NEXT_END;
}

static void learn_revision(world_deal *d, uint64_t revision)
{
    d->revision = revision > d->revision ? revision : d->revision;
}

static world_next local_next(void *ctx, uint64_t deal, uint64_t revision, world_step *step)
{
    world *w = ctx;
    *step = (world_step){.kind = STEP_NONE};
    pthread_mutex_lock(&w->mutex);
    if (deal != 0) {
        learn_revision(&w->deals[deal - 1], revision);
    }
    world_next next = w->broken != NULL ? NEXT_END
                      : deal == 0       ? next_of_all(w, step)
                                        : next_of(w, &w->deals[deal - 1], step);
    pthread_mutex_unlock(&w->mutex);
    return next;
}

/* Steps that are durable need not be kept. */
static void local_done(void *ctx, const world_report *report)
{
    world *w = ctx;
    world_deal *d = &w->deals[report->deal - 1];
    pthread_mutex_lock(&w->mutex);
    learn_revision(d, report->revision);
    for (size_t i = d->thing_count; i-- > 0;) {
        thing *t = &d->things[i];
        if (t->sent && t->order == report->order) {
            t->promised = report->promised;
        }
        if (t->sent && (t->order == report->order || t->promised != 0) && t->promised <= d->revision) {
            time_remove(d, i);
        }
    }
    if (report->sent) {
        d->in_flight = false;
    }
    if (!report->nested) {
        w->busy--;
        funds_step_done(w, d, report->short_of_funds);
        give_deal(w, d);
    }
    pthread_mutex_unlock(&w->mutex);
}

static void local_ask(void *ctx, const dealfsm_op *op, world_asked *out)
{
    world *w = ctx;
    *out = (world_asked){0};
    if (op->deal == 0 || op->deal > w->options.deals) {
        return; /* none of ours: it stays without an answer */
    }
    world_deal *d = &w->deals[op->deal - 1];
    pthread_mutex_lock(&w->mutex);
    node_ask(w, d, op, out);
    file_save(w, d);
    pthread_mutex_unlock(&w->mutex);
}

world_link world_local(world *w)
{
    return (world_link){.ctx = w, .next = local_next, .done = local_done, .ask = local_ask};
}

void world_event_of(const outside *said, dealfsm_value *argument, dealfsm_event *event)
{
    *argument = (dealfsm_value){.struct_size = sizeof *argument, .kind = said->kind, .number = said->number};
    if (said->kind == DEALFSM_AMOUNT) {
        argument->data = said->amount;
        argument->data_len = said->amount_len;
    } else if (said->kind == DEALFSM_TEXT || said->kind == DEALFSM_ERROR) {
        argument->data = (const uint8_t *)said->text;
        argument->data_len = strlen(said->text);
    }
    *event = (dealfsm_event){.struct_size = sizeof *event,
                             .event = said->event,
                             .args = said->kind != DEALFSM_NONE ? argument : NULL,
                             .args_count = said->kind != DEALFSM_NONE,
                             .args_stride = sizeof *argument};
}

void world_step_free(world_step *step)
{
    free(step->answer);
    values_arena_free(step->memory);
    *step = (world_step){.kind = STEP_NONE};
}

void trace(const world *w, const world_deal *d, const char *format, ...)
{
    if (w->options.trace == NULL) {
        return;
    }
    char text[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    w->options.trace(w->options.ctx, d->id, d->now, text);
}
