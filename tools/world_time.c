/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Time: what is to come for each deal, a heap of deals by their next thing, and the threads that work it off. */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world_private.h"

/* ---- A deal's things: a few at a time, so a plain array */

static size_t next_thing(const world_deal *d)
{
    size_t first = 0;
    for (size_t i = 1; i < d->thing_count; i++) {
        const thing *a = &d->things[i];
        const thing *b = &d->things[first];
        if (a->time < b->time || (a->time == b->time && a->order < b->order)) {
            first = i;
        }
    }
    return first;
}

static thing take_thing(world_deal *d)
{
    size_t at = next_thing(d);
    thing taken = d->things[at];
    d->things[at] = d->things[--d->thing_count];
    return taken;
}

/* ---- The heap */

static bool earlier(const world_deal *a, const world_deal *b)
{
    uint64_t at = a->things[next_thing(a)].time;
    uint64_t bt = b->things[next_thing(b)].time;
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
    if (d->running || d->thing_count == 0) {
        return;
    }
    if (d->heap_at == 0) {
        heap_set(w, w->heap_count++, d);
    }
    heap_up(w, d->heap_at - 1); /* a new thing can only make it earlier */
    pthread_cond_signal(&w->changed);
}

thing *time_schedule(world *w, world_deal *d, uint64_t time, thing_kind what)
{
    if (d->thing_count == d->thing_room) {
        size_t room = d->thing_room == 0 ? 4 : 2 * d->thing_room;
        thing *more = realloc(d->things, room * sizeof *more);
        if (more == NULL) {
            w->broken = true;
            return NULL;
        }
        d->things = more;
        d->thing_room = room;
    }
    thing *t = &d->things[d->thing_count++];
    *t = (thing){.time = time > d->now ? time : d->now, .order = ++d->orders, .what = what};
    time_wake(w, d);
    return t;
}

/* ---- Doing */

static void do_turn(world *w, world_deal *d, uint64_t order)
{
    outside say = {0};
    pthread_mutex_lock(&w->mutex);
    bool says = provider_turn(w, d, order, &say);
    pthread_mutex_unlock(&w->mutex);
    if (!says) {
        return;
    }
    dealfsm_value argument = {.struct_size = sizeof argument, .kind = say.kind, .number = say.number};
    if (say.kind == DEALFSM_AMOUNT) {
        argument.data = say.amount;
        argument.data_len = say.amount_len;
    } else if (say.text != NULL) {
        argument.data = (const uint8_t *)say.text;
        argument.data_len = strlen(say.text);
    }
    dealfsm_event event = {.struct_size = sizeof event,
                           .event = say.event,
                           .args = say.kind != DEALFSM_NONE ? &argument : NULL,
                           .args_count = say.kind != DEALFSM_NONE,
                           .args_stride = sizeof argument};
    (void)w->machine->dispatch(w->machine->ctx, d->id, &event);
}

static void do_thing(world *w, world_deal *d, thing *t)
{
    switch (t->what) {
    case THING_START:
        do_start(w, d);
        break;
    case THING_TURN:
        do_turn(w, d, t->order);
        break;
    case THING_ANSWER:
    case THING_REPEAT:
        do_answer(w, d, t->reply);
        free(t->reply);
        break;
    case THING_LANDS:
        pthread_mutex_lock(&w->mutex);
        chain_lands(w, d, t->message);
        pthread_mutex_unlock(&w->mutex);
        break;
    case THING_RETRY:
        trace(w, d, "retry");
        (void)w->machine->retry(w->machine->ctx, d->id);
        break;
    }
}

/* Takes the deal's next thing, if one is left, and does it; its order, 0: none was left. */
static uint64_t do_next(world *w, world_deal *d)
{
    pthread_mutex_lock(&w->mutex);
    bool any = d->thing_count > 0;
    thing t = {0};
    if (any) {
        t = take_thing(d);
        d->now = t.time;
    }
    pthread_mutex_unlock(&w->mutex);
    if (!any) {
        return 0;
    }
    do_thing(w, d, &t);
    return t.order;
}

void do_until(world *w, world_deal *d, uint64_t order)
{
    uint64_t done;
    do {
        done = do_next(w, d);
    } while (done != 0 && done != order);
}

/* Gets the next deal to work on, waiting for one while others work; NULL: the end. With the mutex. */
static world_deal *get_deal(world *w)
{
    while (!atomic_load(&w->stop) && !w->broken) {
        if (w->heap_count > 0) {
            world_deal *d = heap_take(w);
            d->running = true;
            w->busy++;
            return d;
        }
        if (w->busy == 0) {
            break;
        }
        pthread_cond_wait(&w->changed, &w->mutex);
    }
    pthread_cond_broadcast(&w->changed);
    return NULL;
}

static void *work(void *ctx)
{
    world *w = ctx;
    world_deal *d;
    pthread_mutex_lock(&w->mutex);
    while ((d = get_deal(w)) != NULL) {
        pthread_mutex_unlock(&w->mutex);
        (void)do_next(w, d);
        pthread_mutex_lock(&w->mutex);
        d->running = false;
        w->busy--;
        time_wake(w, d);
        if (w->busy == 0) {
            pthread_cond_broadcast(&w->changed);
        }
    }
    pthread_mutex_unlock(&w->mutex);
    return NULL;
}

void world_run(world *w, const world_machine *machine)
{
    pthread_t *threads = calloc(w->options.threads, sizeof *threads);
    uint32_t started = 1;
    w->machine = machine;
    while (threads != NULL && started < w->options.threads && pthread_create(&threads[started], NULL, work, w) == 0) {
        started++;
    }
    (void)work(w);
    for (uint32_t i = 1; i < started; i++) {
        pthread_join(threads[i], NULL);
    }
    free(threads);
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
