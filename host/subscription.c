/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>

#include "by_deal.h"
#include "error.h"
#include "swap.h"

/* Subscriptions over generations. A subscription has a part in each machine that it listens to. It lives until its
 * holds are gone: one for each part, one for whoever works on it, and, for all deals, one until unsubscribe. */

typedef struct part {
    struct host_subscription *subscription;
    host_generation *generation;
    uint64_t id;  /* in the machine */
    bool leaving; /* somebody is ending it */
    struct part *next;
} part;

typedef struct host_subscription {
    host_by_deal alone; /* of one deal; guarded by the host's lock */
    uint64_t id;
    dealfsm_host *host;
    dealfsm_subscription user;
    atomic_bool closed; /* no notify starts any more */
    unsigned holds;     /* this and the rest: guarded by the host's lock */
    part *parts;
    host_job job; /* ends the parts in a worker */
    struct host_subscription *next;
} host_subscription;

/* ---- What machines call */

static void notify(void *ctx, const dealfsm_notice *notice)
{
    part *p = ctx;
    host_subscription *subscription = p->subscription;
    if (atomic_load(&subscription->closed))
        return;
    host_frame frame;
    host_frame_enter(&frame, p->generation);
    subscription->user.notify(subscription->user.ctx, notice);
    host_frame_leave(&frame);
}

static bool is_for_all(const host_subscription *subscription)
{
    return (subscription->user.flags & DEALFSM_SUBSCRIBE_ALL) != 0;
}

/* With the host's lock held. The last hold takes the subscription off the lists. */
static bool let_go(host_subscription *subscription)
{
    if (--subscription->holds > 0)
        return false;
    if (!is_for_all(subscription))
        host_by_deal_remove(&subscription->host->alone, &subscription->alone);
    host_subscription **at = &subscription->host->subscriptions;
    while (*at != subscription)
        at = &(*at)->next;
    *at = subscription->next;
    return true;
}

/* After the last hold, without lock. */
static void finish(host_subscription *subscription)
{
    if (subscription->user.ended != NULL)
        subscription->user.ended(subscription->user.ctx);
    free(subscription);
}

static void release_hold(host_subscription *subscription)
{
    dealfsm_host *host = subscription->host;
    pthread_mutex_lock(&host->lock);
    bool last = let_go(subscription);
    pthread_mutex_unlock(&host->lock);
    if (last)
        finish(subscription);
}

static void unlink_part(part *p)
{
    part **at = &p->subscription->parts;
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
}

static void part_ended(void *ctx)
{
    part *p = ctx;
    host_subscription *subscription = p->subscription;
    dealfsm_host *host = subscription->host;
    host_frame frame;
    host_frame_enter(&frame, p->generation);
    pthread_mutex_lock(&host->lock);
    unlink_part(p);
    bool last = let_go(subscription);
    pthread_mutex_unlock(&host->lock);
    free(p);
    if (last)
        finish(subscription);
    host_frame_leave(&frame);
}

/* ---- subscribe */

static bool has_part(const host_subscription *subscription, const host_generation *generation)
{
    const part *p = subscription->parts;
    while (p != NULL && p->generation != generation)
        p = p->next;
    return p != NULL && !swap_planted('a');
}

/* Adds a part in a generation's machine, unless there is one; with the host's lock held: no machine calls back from its
 * own subscribe. */
static int32_t add_part(host_subscription *subscription, host_generation *generation, dealfsm_error *error)
{
    if (has_part(subscription, generation))
        return DEALFSM_OK;
    part *p = calloc(1, sizeof *p);
    if (p == NULL)
        return host_error(error, DEALFSM_E_NO_MEMORY, "", "out of memory for a subscription");
    p->subscription = subscription;
    p->generation = generation;
    p->next = subscription->parts;
    subscription->parts = p;
    subscription->holds++;
    dealfsm_subscription given = subscription->user;
    given.struct_size = sizeof given;
    given.ctx = p;
    given.notify = notify;
    given.ended = part_ended;
    int32_t result = generation->functions->subscribe(generation->machine, &given, &p->id, error);
    if (result < 0) {
        subscription->holds--;
        unlink_part(p);
        free(p);
    }
    return result;
}

int32_t host_subscribe_generation(host_generation *generation, dealfsm_error *error)
{
    int32_t result = DEALFSM_OK;
    for (host_subscription *s = generation->host->subscriptions; s != NULL && result >= 0; s = s->next) {
        if (is_for_all(s) && !atomic_load(&s->closed))
            result = add_part(s, generation, error);
    }
    return result;
}

/* Parts for all generations; with the host's lock held. */
static int32_t add_parts(host_subscription *subscription, dealfsm_error *error)
{
    int32_t result = DEALFSM_OK;
    for (host_generation *generation = subscription->host->generations; generation != NULL && result >= 0;
         generation = generation->next) {
        if (!host_pin(generation, 0))
            return host_error(error, DEALFSM_E_BUSY, "generation", "generation %" PRIu32 " is being closed",
                              generation->number);
        result = add_part(subscription, generation, error);
        host_unpin(generation, 0);
    }
    return result;
}

static void end_parts(host_subscription *subscription);

static int32_t subscribe_all(host_subscription *subscription, dealfsm_error *error)
{
    dealfsm_host *host = subscription->host;
    pthread_mutex_lock(&host->lock);
    int32_t result = add_parts(subscription, error);
    if (result >= 0)
        subscription->holds++;
    pthread_mutex_unlock(&host->lock);
    return result;
}

/* Where else a deal of that generation has to be listened to; pinned. *moved: it is not there any more. With the host's
 * lock held, without which no route of a moving deal flips. */
static host_generation *elsewhere(const host_call *call, uint64_t deal, bool *moved)
{
    host_shard *shard = &call->generation->host->shards[call->shard];
    host_generation *other = NULL;
    pthread_mutex_lock(&shard->lock);
    const host_route *route = host_route_find(shard, deal);
    *moved = route != NULL && route->generation != call->generation;
    if (route != NULL && route->move != NULL && route->move->listens && !route->move->flipped)
        other = route->move->to;
    if (other != NULL && !host_pin(other, call->shard))
        other = NULL;
    pthread_mutex_unlock(&shard->lock);
    return other;
}

static int32_t subscribe_at(host_subscription *subscription, const host_call *call, bool *moved, dealfsm_error *error)
{
    dealfsm_host *host = subscription->host;
    int32_t result = DEALFSM_OK;
    pthread_mutex_lock(&host->lock);
    host_generation *other = elsewhere(call, subscription->user.deal, moved);
    if (!*moved)
        result = add_part(subscription, call->generation, error);
    /* A deal that has just been dropped there did not move after all. */
    if (other != NULL && result >= 0 && add_part(subscription, other, NULL) == DEALFSM_E_NO_MEMORY)
        result = host_error(error, DEALFSM_E_NO_MEMORY, "", "out of memory for a subscription");
    if (other != NULL)
        host_unpin(other, call->shard);
    pthread_mutex_unlock(&host->lock);
    return result;
}

static int32_t subscribe_one(host_subscription *subscription, dealfsm_error *error)
{
    dealfsm_host *host = subscription->host;
    uint64_t deal = subscription->user.deal;
    bool had_error = error != NULL && error->code != 0;
    bool moved;
    int32_t result;
    do {
        host_call call;
        moved = false;
        result = host_enter(host, deal, &call, error);
        if (result < 0)
            continue;
        result = subscribe_at(subscription, &call, &moved, error);
        host_leave(&call);
    } while (moved || host_again(host, deal, &result, had_error, error));
    return result;
}

int32_t host_subscribe_move(host_move *move, dealfsm_error *error)
{
    dealfsm_host *host = move->to->host;
    int32_t result = DEALFSM_OK;
    pthread_mutex_lock(&host->lock);
    for (host_by_deal *at = host_by_deal_find(&host->alone, move->deal); at != NULL && result >= 0; at = at->next) {
        host_subscription *s = (host_subscription *)at;
        if (!atomic_load(&s->closed))
            result = add_part(s, move->to, error);
        if (swap_planted('a'))
            result = add_part(s, move->to, error);
    }
    move->listens = result >= 0;
    pthread_mutex_unlock(&host->lock);
    return result;
}

bool host_has_subscription(dealfsm_host *host, uint64_t deal)
{
    pthread_mutex_lock(&host->lock);
    bool found = host_by_deal_find(&host->alone, deal) != NULL;
    pthread_mutex_unlock(&host->lock);
    return found;
}

static host_subscription *new_subscription(dealfsm_host *host, const dealfsm_subscription *user)
{
    host_subscription *subscription = calloc(1, sizeof *subscription);
    if (subscription == NULL)
        return NULL;
    subscription->host = host;
    subscription->user = *user;
    subscription->holds = 1;
    atomic_init(&subscription->closed, false);
    subscription->alone.deal = user->deal;
    pthread_mutex_lock(&host->lock);
    bool listed = is_for_all(subscription) || host_by_deal_add(&host->alone, &subscription->alone);
    if (listed) {
        subscription->id = ++host->last_subscription;
        subscription->next = host->subscriptions;
        host->subscriptions = subscription;
    }
    pthread_mutex_unlock(&host->lock);
    if (!listed)
        free(subscription);
    return listed ? subscription : NULL;
}

int32_t dealfsm_host_subscribe(dealfsm_host *host, const dealfsm_subscription *subscription, uint64_t *id,
                               dealfsm_error *error)
{
    dealfsm_subscription user;
    if (host == NULL || id == NULL)
        return host_error(error, DEALFSM_E_ARGUMENT, host == NULL ? "host" : "id", "expected a pointer, found NULL");
    int32_t result = host_take(&user, sizeof user, subscription, "subscription", error);
    if (result < 0)
        return result;
    if (user.notify == NULL)
        return host_error(error, DEALFSM_E_ARGUMENT, "notify", "notify is NULL: nobody would hear anything");
    host_subscription *made = new_subscription(host, &user);
    if (made == NULL)
        return host_error(error, DEALFSM_E_NO_MEMORY, "", "out of memory for a subscription");
    *id = made->id;
    result = is_for_all(made) ? subscribe_all(made, error) : subscribe_one(made, error);
    if (result < 0) {
        made->user.ended = NULL; /* nothing has begun, as far as the caller knows */
        atomic_store(&made->closed, true);
        end_parts(made);
    }
    release_hold(made);
    return result;
}

/* ---- unsubscribe */

/* The next part that nobody is ending; NULL: none. With the host's lock held. */
static part *next_part(host_subscription *subscription)
{
    part *p = subscription->parts;
    while (p != NULL && p->leaving)
        p = p->next;
    return p;
}

/* Marks and pins; false: its generation is being closed. With the host's lock held. */
static bool begin_ending(part *p)
{
    p->leaving = host_pin(p->generation, 0);
    return p->leaving;
}

/* Ends all parts. Where this thread is inside a callback of that machine, or outside of all, the machine knows
 * whether to wait. A part whose generation is being closed ends with it, unless the closing fails. The caller has a
 * hold. */
static void end_parts(host_subscription *subscription)
{
    dealfsm_host *host = subscription->host;
    bool may_wait = !host_inside(host);
    for (;;) {
        pthread_mutex_lock(&host->lock);
        part *p = next_part(subscription);
        bool ours = p != NULL && begin_ending(p);
        host_generation *generation = ours ? p->generation : NULL;
        uint64_t id = ours ? p->id : 0;
        pthread_mutex_unlock(&host->lock);
        if (ours) {
            generation->functions->unsubscribe(generation->machine, id, NULL);
            host_unpin(generation, 0);
        } else if (p == NULL || !may_wait) {
            return;
        } else {
            sched_yield();
        }
    }
}

static void end_parts_later(void *ctx)
{
    host_subscription *subscription = ctx;
    end_parts(subscription);
    release_hold(subscription);
}

/* Inside a callback of one machine, another's unsubscribe could wait for a thread that waits for us. With the lock
 * held. */
static bool must_not_wait(const host_subscription *subscription)
{
    if (!host_inside(subscription->host))
        return false;
    for (const part *p = subscription->parts; p != NULL; p = p->next) {
        if (!host_inside_generation(p->generation))
            return true;
    }
    return false;
}

/* Finds an open subscription and closes it: it now has the caller's hold, which for all deals was its own. */
static host_subscription *close_subscription(dealfsm_host *host, uint64_t id)
{
    host_subscription *subscription = host->subscriptions;
    while (subscription != NULL && subscription->id != id)
        subscription = subscription->next;
    if (subscription == NULL || atomic_exchange(&subscription->closed, true))
        return NULL;
    if (!is_for_all(subscription))
        subscription->holds++;
    return subscription;
}

int32_t dealfsm_host_unsubscribe(dealfsm_host *host, uint64_t id, dealfsm_error *error)
{
    if (host == NULL)
        return host_error(error, DEALFSM_E_ARGUMENT, "host", "host is NULL: make one with dealfsm_host_new");
    pthread_mutex_lock(&host->lock);
    host_subscription *subscription = close_subscription(host, id);
    bool later = subscription != NULL && must_not_wait(subscription);
    pthread_mutex_unlock(&host->lock);
    if (subscription == NULL)
        return host_error(error, DEALFSM_E_NOT_FOUND, "id", "no subscription %" PRIu64 " is open: it has ended", id);
    if (later) {
        subscription->job = (host_job){.fn = end_parts_later, .ctx = subscription};
        host_pool_push(&host->pool, &subscription->job);
        return DEALFSM_OK;
    }
    end_parts_later(subscription);
    return DEALFSM_OK;
}

void host_subscriptions_end(dealfsm_host *host)
{
    for (;;) {
        pthread_mutex_lock(&host->lock);
        host_subscription *subscription = host->subscriptions;
        bool last = subscription != NULL && let_go(subscription);
        pthread_mutex_unlock(&host->lock);
        if (subscription == NULL)
            return;
        if (last)
            finish(subscription);
    }
}
