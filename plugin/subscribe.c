/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Subscribers, and which threads are inside host calls.
 *
 * One mutex guards all lists of subscribers. It is not held while a callback runs: a subscriber that is running stays in its
 * list, so that the walk can go on behind it. Who sees first that a removed subscriber is not running ends it. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "deal.h"

typedef struct subscriber {
    struct subscriber *next, **link; /* in the list of its deal, or of all */
    uint64_t id;
    uint32_t running;
    bool removed;
    bool waited_for; /* an unsubscribe waits, and will end it */
    uint32_t flags;
    void *ctx;
    void (*notify)(void *, const dealfsm_notice *);
    void (*ended)(void *);
} subscriber;

/* An id is slot number + 1 in its low 32 bits and the slot's generation above, so that an old id names nobody. */
typedef struct slot {
    subscriber *subscriber;
    uint32_t generation;
    uint32_t next_free; /* index + 1 */
} slot;

struct subscriptions {
    pthread_mutex_t mutex;
    pthread_cond_t idle;
    subscriber *all;        /* subscribed to every deal */
    atomic_uint all_count;  /* of them */
    frame *frames;          /* threads inside a notify or ended */
    slot *slots;
    uint32_t slots_count;
    uint32_t free_slot; /* index + 1 */
};

void frame_enter(frame **list, frame *f)
{
    f->thread = pthread_self();
    f->next = *list;
    f->link = list;
    if (f->next)
        f->next->link = &f->next;
    *list = f;
}

void frame_leave(frame *f)
{
    *f->link = f->next;
    if (f->next)
        f->next->link = f->link;
}

static bool in_frames(const frame *f)
{
    while (f && !pthread_equal(f->thread, pthread_self()))
        f = f->next;
    return f;
}

bool machine_inside(dealfsm_machine *machine)
{
    struct subscriptions *all = machine->subscriptions;
    pthread_mutex_lock(&all->mutex);
    bool inside = in_frames(all->frames);
    pthread_mutex_unlock(&all->mutex);
    for (uint32_t i = 0; i < SHARDS && !inside; i++) {
        pthread_mutex_lock(&machine->shards[i].mutex);
        inside = in_frames(machine->shards[i].frames);
        pthread_mutex_unlock(&machine->shards[i].mutex);
    }
    return inside;
}

bool subscriptions_open(dealfsm_machine *machine)
{
    struct subscriptions *all = calloc(1, sizeof *all);
    if (!all)
        return false;
    pthread_mutex_init(&all->mutex, NULL);
    pthread_cond_init(&all->idle, NULL);
    machine->subscriptions = all;
    return true;
}

static uint32_t slot_of(uint64_t id)
{
    return (uint32_t)id - 1;
}

/* May be done twice: the list that it was in may be gone then. */
static void leave_list(subscriber *s)
{
    *s->link = s->next;
    if (s->next)
        s->next->link = s->link;
    s->next = NULL;
    s->link = &s->next;
}

/* Takes a subscriber that is removed and not running out of the tables. The caller holds the mutex, and frees it. */
static void take_out(struct subscriptions *all, subscriber *s)
{
    slot *mine = &all->slots[slot_of(s->id)];
    mine->subscriber = NULL;
    mine->generation++;
    mine->next_free = all->free_slot;
    all->free_slot = slot_of(s->id) + 1;
    leave_list(s);
    if (s->flags & DEALFSM_SUBSCRIBE_ALL)
        atomic_fetch_sub(&all->all_count, 1);
}

/* Tells a subscriber that was taken out that it has ended, and frees it. The mutex is let go of meanwhile. */
static void tell_ended(struct subscriptions *all, subscriber *s)
{
    frame f;
    frame_enter(&all->frames, &f);
    pthread_mutex_unlock(&all->mutex);
    if (s->ended)
        s->ended(s->ctx);
    free(s);
    pthread_mutex_lock(&all->mutex);
    frame_leave(&f);
}

static void end(struct subscriptions *all, subscriber *s)
{
    take_out(all, s);
    tell_ended(all, s);
}

bool subscriptions_running(dealfsm_machine *machine)
{
    struct subscriptions *all = machine->subscriptions;
    pthread_mutex_lock(&all->mutex);
    bool running = all->frames;
    pthread_mutex_unlock(&all->mutex);
    return running;
}

void subscriptions_end_all(dealfsm_machine *machine)
{
    struct subscriptions *all = machine->subscriptions;
    pthread_mutex_lock(&all->mutex);
    for (uint32_t i = 0; i < all->slots_count; i++)
        if (all->slots[i].subscriber)
            end(all, all->slots[i].subscriber);
    pthread_mutex_unlock(&all->mutex);
}

void subscriptions_free(dealfsm_machine *machine)
{
    struct subscriptions *all = machine->subscriptions;
    pthread_cond_destroy(&all->idle);
    pthread_mutex_destroy(&all->mutex);
    free(all->slots);
    free(all);
}

/* Index of a free slot, or UINT32_MAX without memory. */
static uint32_t free_slot(struct subscriptions *all)
{
    if (!all->free_slot) {
        uint32_t count = all->slots_count ? 2 * all->slots_count : 8;
        slot *slots = realloc(all->slots, count * sizeof *slots);
        if (!slots)
            return UINT32_MAX;
        for (uint32_t i = all->slots_count; i < count; i++)
            slots[i] = (slot){.next_free = i + 1 < count ? i + 2 : 0};
        all->free_slot = all->slots_count + 1;
        all->slots = slots;
        all->slots_count = count;
    }
    uint32_t index = all->free_slot - 1;
    all->free_slot = all->slots[index].next_free;
    return index;
}

/* Puts it at the end of a list: those before it hear first. */
static void append(subscriber **list, subscriber *s)
{
    while (*list)
        list = &(*list)->next;
    s->next = NULL;
    s->link = list;
    *list = s;
}

/* The list that a subscription goes into; the caller holds the shard's mutex for a deal's. NULL: no memory. */
static subscriber **list_for(struct subscriptions *all, deal *d)
{
    if (!d)
        return &all->all;
    if (!d->extra)
        d->extra = calloc(1, sizeof *d->extra);
    return d->extra ? &d->extra->subscribers : NULL;
}

int32_t subscriptions_add(dealfsm_machine *machine, const dealfsm_subscription *subscription, uint64_t *id,
                          dealfsm_error *error)
{
    struct subscriptions *all = machine->subscriptions;
    bool every = subscription->flags & DEALFSM_SUBSCRIBE_ALL;
    shard *s = every ? NULL : deal_shard(machine, subscription->deal);
    subscriber *new = calloc(1, sizeof *new);
    if (!new)
        return border_fail(error, DEALFSM_E_NO_MEMORY, "", "no memory");
    *new = (subscriber){.flags = subscription->flags,
                        .ctx = subscription->ctx,
                        .notify = subscription->notify,
                        .ended = subscription->ended};
    int32_t code = DEALFSM_OK;
    if (s)
        pthread_mutex_lock(&s->mutex);
    pthread_mutex_lock(&all->mutex);
    deal *d = s ? deal_find(s, subscription->deal) : NULL;
    subscriber **list = NULL;
    uint32_t index = UINT32_MAX;
    if (s && !d)
        code = border_fail(error, DEALFSM_E_NOT_FOUND, "deal", "no deal %llu in this machine",
                           (unsigned long long)subscription->deal);
    else if (!(list = list_for(all, d)) || (index = free_slot(all)) == UINT32_MAX)
        code = border_fail(error, DEALFSM_E_NO_MEMORY, "", "no memory");
    if (code == DEALFSM_OK) {
        *id = new->id = (uint64_t)all->slots[index].generation << 32 | (index + 1);
        all->slots[index].subscriber = new;
        append(list, new);
        if (every)
            atomic_fetch_add(&all->all_count, 1);
    } else {
        free(new);
    }
    pthread_mutex_unlock(&all->mutex);
    if (s)
        pthread_mutex_unlock(&s->mutex);
    return code;
}

int32_t subscriptions_remove(dealfsm_machine *machine, uint64_t id, dealfsm_error *error)
{
    struct subscriptions *all = machine->subscriptions;
    bool inside = machine_inside(machine);
    pthread_mutex_lock(&all->mutex);
    subscriber *s = (uint32_t)id && slot_of(id) < all->slots_count ? all->slots[slot_of(id)].subscriber : NULL;
    if (!s || s->id != id || s->removed) {
        pthread_mutex_unlock(&all->mutex);
        return border_fail(error, DEALFSM_E_NOT_FOUND, "id", "no subscription %llu", (unsigned long long)id);
    }
    s->removed = true;
    s->waited_for = !inside;
    while (s->running && !inside)
        pthread_cond_wait(&all->idle, &all->mutex);
    if (!s->running)
        end(all, s);
    pthread_mutex_unlock(&all->mutex);
    return DEALFSM_OK;
}

void subscriptions_end(dealfsm_machine *machine, extra *x)
{
    struct subscriptions *all = machine->subscriptions;
    pthread_mutex_lock(&all->mutex);
    for (subscriber *s; (s = x->subscribers);) {
        if (s->waited_for)
            leave_list(s); /* who waits ends it */
        else
            end(all, s);
    }
    pthread_mutex_unlock(&all->mutex);
}

bool subscriptions_any(const dealfsm_machine *machine, const deal *d)
{
    return atomic_load_explicit(&machine->subscriptions->all_count, memory_order_relaxed) || d->extra;
}

/* Runs one subscriber. The caller holds the mutex, which is let go of meanwhile. True: it was the last run of a removed one
 * that nobody waits for. */
static bool run(struct subscriptions *all, subscriber *s, const dealfsm_notice *notice)
{
    if (s->removed || (notice->kind != DEALFSM_NOTICE_APPLIED && !(s->flags & DEALFSM_SUBSCRIBE_REFUSALS)))
        return false;
    frame f;
    s->running++;
    frame_enter(&all->frames, &f);
    pthread_mutex_unlock(&all->mutex);
    s->notify(s->ctx, notice);
    pthread_mutex_lock(&all->mutex);
    frame_leave(&f);
    if (--s->running || !s->removed)
        return false;
    if (s->waited_for)
        pthread_cond_broadcast(&all->idle);
    return !s->waited_for;
}

/* Runs a list; those that are over go into *over, for while one is told so its neighbours may go, too. */
static void run_list(struct subscriptions *all, subscriber *s, const dealfsm_notice *notice, subscriber **over)
{
    while (s) {
        bool last = run(all, s, notice);
        subscriber *next = s->next;
        if (last) {
            take_out(all, s);
            s->next = *over;
            *over = s;
        }
        s = next;
    }
}

void subscriptions_tell(dealfsm_machine *machine, deal *d, const dealfsm_notice *notice)
{
    struct subscriptions *all = machine->subscriptions;
    subscriber *over = NULL;
    pthread_mutex_lock(&all->mutex);
    run_list(all, all->all, notice, &over);
    run_list(all, d->extra ? d->extra->subscribers : NULL, notice, &over);
    for (subscriber *next; over; over = next) {
        next = over->next;
        tell_ended(all, over);
    }
    pthread_mutex_unlock(&all->mutex);
}

void machine_log(dealfsm_machine *machine, uint32_t level, uint64_t id, const char *text)
{
    struct subscriptions *all = machine->subscriptions;
    frame f;
    if (!machine->log.log)
        return;
    pthread_mutex_lock(&all->mutex);
    frame_enter(&all->frames, &f);
    pthread_mutex_unlock(&all->mutex);
    machine->log.log(machine->log.ctx, level, id, text);
    pthread_mutex_lock(&all->mutex);
    frame_leave(&f);
    pthread_mutex_unlock(&all->mutex);
}
