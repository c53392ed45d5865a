/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Eight threads on shared deals, from outside and from callbacks; what unsubscribe promises; close. Run it with the thread
 * sanitizer, too: a watcher's notes per deal have no lock, as notices of one deal come one after the other. */
#include <stdatomic.h>
#include <time.h>

#include "border_kit.h"

enum { THREADS = 8, DEALS = 8, TURNS = 1500, DEPTH_MAX = 2 };

/* ---- All at once */

/* What is known of one deal, written by its notices only. */
typedef struct notes {
    uint64_t sequence;
    uint64_t last[THREADS]; /* number of the last event that a thread handed in */
    uint64_t outside;       /* events from outside that were told, whatever became of them */
    uint64_t applied, refused, terminated;
} notes;

typedef struct crowd {
    kit *k;
    notes notes[DEALS + 1];
    atomic_ullong told_of; /* dispatches of which a notice must come */
    atomic_uint subscribed, ended;
    atomic_bool stop;
} crowd;

typedef struct member {
    crowd *c;
    uint32_t number;
    uint32_t dice;
    uint64_t count; /* of its events */
} member;

static uint32_t roll(uint32_t *dice, uint32_t sides)
{
    *dice = *dice * 1664525u + 1013904223u;
    return (*dice >> 8) % sides;
}

static void watch(void *ctx, const dealfsm_notice *notice)
{
    crowd *c = ctx;
    notes *n = &c->notes[notice->deal];
    n->applied += notice->kind == DEALFSM_NOTICE_APPLIED;
    n->refused += notice->kind == DEALFSM_NOTICE_REFUSED;
    n->terminated += notice->kind == DEALFSM_NOTICE_TERMINATED;
    if (notice->kind == DEALFSM_NOTICE_APPLIED)
        n->sequence++;
    MUST(notice->sequence == n->sequence); /* no gap, no repeat */
    if (notice->from_handler)
        return;
    n->outside++;
    if (notice->event->event != DEALFSM_ClientEventBlocksReceived)
        return;
    uint64_t number = notice->event->args[0].number;
    MUST(number > n->last[number >> 32]); /* in the order in which its thread handed them in */
    n->last[number >> 32] = number;
}

static void hand_in(member *m, uint64_t deal)
{
    static const uint32_t rare[] = {DEALFSM_ClientEventDealAccepted, DEALFSM_ClientEventDealAccepted,
                                    DEALFSM_ClientEventAllBlocksReceived, DEALFSM_ClientEventComplete};
    uint32_t event = DEALFSM_ClientEventBlocksReceived;
    uint64_t number = (uint64_t)m->number << 32 | ++m->count;
    if (roll(&m->dice, 8) == 0)
        event = rare[roll(&m->dice, 4)];
    else if (roll(&m->dice, 2000) == 0)
        event = DEALFSM_ClientEventDataTransferError;
    int32_t code = kit_send(m->c->k, deal, event, number);
    bool told = code >= 0 || code == DEALFSM_E_INVALID_TRANSITION || code == DEALFSM_E_TERMINATED;
    MUST(told || code == DEALFSM_E_FROZEN || code == DEALFSM_E_QUEUE_FULL);
    if (told)
        atomic_fetch_add(&m->c->told_of, 1);
}

static void look(member *m, uint64_t deal)
{
    crowd *c = m->c;
    uint64_t ids[DEALS], count = 0;
    kit_snapshot snapshot;
    dealfsm_counters counters = {.struct_size = sizeof counters};
    dealfsm_deal shown = kit_query(c->k, deal);
    MUST(shown.sequence > 0 || shown.status == DEALFSM_DealStatusNew);
    MUST(c->k->f->list(c->k->machine, NULL, ids, DEALS, &count, NULL) == DEALFSM_OK && count == DEALS);
    MUST(c->k->f->counters(c->k->machine, &counters, NULL) == DEALFSM_OK && counters.deals == DEALS);
    int32_t code = kit_snap(c->k, deal, &snapshot);
    MUST(code == DEALFSM_OK || code == DEALFSM_E_BUSY || code == DEALFSM_E_TOO_SMALL);
}

/* A subscription that calls back into the machine, for a deal or for all; its owner frees it when it has ended. */
typedef struct listener {
    member own; /* a crowd member of its own: a number beyond the threads' */
    uint64_t id;
    bool goes_itself;
    atomic_bool over;
} listener;

static _Thread_local uint32_t depth;

static void listen_and_act(void *ctx, const dealfsm_notice *notice)
{
    listener *l = ctx;
    MUST(!atomic_load(&l->over));
    if (depth >= DEPTH_MAX)
        return;
    depth++;
    kit_query(l->own.c->k, notice->deal);
    MUST(l->own.c->k->f->close(l->own.c->k->machine, NULL) == DEALFSM_E_BUSY);
    int32_t code = kit_send(l->own.c->k, 1 + notice->sequence % DEALS, DEALFSM_ClientEventComplete, 0);
    if (code >= 0 || code == DEALFSM_E_INVALID_TRANSITION || code == DEALFSM_E_TERMINATED)
        atomic_fetch_add(&l->own.c->told_of, 1);
    depth--;
}

static void listener_ended(void *ctx)
{
    listener *l = ctx;
    atomic_fetch_add(&l->own.c->ended, 1);
    atomic_store(&l->over, true);
}

static listener *subscribe(crowd *c, uint64_t deal, bool all)
{
    listener *l = calloc(1, sizeof *l);
    MUST(l != NULL);
    l->own.c = c;
    dealfsm_subscription s = {.struct_size = sizeof s,
                              .flags = all ? DEALFSM_SUBSCRIBE_ALL : 0,
                              .deal = deal,
                              .ctx = l,
                              .notify = listen_and_act,
                              .ended = listener_ended};
    MUST(c->k->f->subscribe(c->k->machine, &s, &l->id, NULL) == DEALFSM_OK);
    atomic_fetch_add(&c->subscribed, 1);
    return l;
}

static void unsubscribe(crowd *c, listener *l)
{
    if (l == NULL)
        return;
    MUST(c->k->f->unsubscribe(c->k->machine, l->id, NULL) == DEALFSM_OK);
    MUST(atomic_load(&l->over)); /* outside a callback: it has ended when that has returned */
    free(l);
}

static void *live(void *ctx)
{
    member *m = ctx;
    crowd *c = m->c;
    const dealfsm_functions *f = c->k->f;
    listener *mine = NULL;
    for (uint32_t turn = 0; turn < TURNS; turn++) {
        uint64_t deal = 1 + roll(&m->dice, DEALS);
        switch (roll(&m->dice, 24)) {
        case 0:
            unsubscribe(c, mine);
            mine = subscribe(c, deal, roll(&m->dice, 2));
            break;
        case 1:
            unsubscribe(c, mine);
            mine = NULL;
            break;
        case 2:
            f->freeze(c->k->machine, deal, NULL);
            break;
        case 3:
        case 4:
            f->thaw(c->k->machine, deal, 0, NULL, NULL);
            break;
        case 5:
            f->retry(c->k->machine, deal, NULL, NULL);
            break;
        case 6:
            look(m, deal);
            break;
        default:
            hand_in(m, deal);
        }
    }
    unsubscribe(c, mine);
    return NULL;
}

/* One thing that the world owes: a report of a put, an answer. False: nothing. */
static bool serve_one(kit *k, uint32_t *dice)
{
    uint64_t deal = 0, waiting = 0;
    pthread_mutex_lock(&k->mutex);
    for (uint64_t i = 1; i <= DEALS; i++)
        if (k->pending[i].revision > 0)
            deal = i;
    if (k->waiting_count > 0)
        waiting = k->waiting[roll(dice, k->waiting_count)].deal;
    k->put_default = "DDPP"[roll(dice, 4)];
    k->answer_default = "illl"[roll(dice, 4)];
    pthread_mutex_unlock(&k->mutex);
    if (deal > 0)
        kit_stored(k, deal, roll(dice, 16) ? 'D' : 'F');
    if (waiting > 0)
        kit_answer(k, waiting, roll(dice, 16) ? 'i' : 'u');
    return deal > 0 || waiting > 0;
}

static void *serve(void *ctx)
{
    crowd *c = ctx;
    uint32_t dice = 7;
    const struct timespec moment = {0, 20000};
    while (!atomic_load(&c->stop))
        if (!serve_one(c->k, &dice))
            nanosleep(&moment, NULL);
    return NULL;
}

/* Lets all deals come to rest. */
static void settle(crowd *c)
{
    kit *k = c->k;
    uint32_t dice = 9;
    for (bool more = true; more;) {
        more = serve_one(k, &dice);
        for (uint64_t deal = 1; deal <= DEALS; deal++) {
            more |= k->f->thaw(k->machine, deal, 0, NULL, NULL) >= 0;
            more |= k->f->retry(k->machine, deal, NULL, NULL) >= 0;
        }
    }
}

START_TEST(threads_all_at_once)
{
    static crowd c;
    pthread_t threads[THREADS], server;
    member members[THREADS];
    uint64_t id = 0, told = 0;
    c.k = kit_start();
    c.k->quiet = true;
    ck_assert_int_eq(c.k->f->unsubscribe(c.k->machine, c.k->subscription, NULL), DEALFSM_OK);
    dealfsm_subscription watcher = {.struct_size = sizeof watcher,
                                    .flags = DEALFSM_SUBSCRIBE_ALL | DEALFSM_SUBSCRIBE_REFUSALS,
                                    .ctx = &c,
                                    .notify = watch};
    ck_assert_int_eq(c.k->f->subscribe(c.k->machine, &watcher, &id, NULL), DEALFSM_OK);
    c.k->answer_default = 'l';
    for (uint64_t deal = 1; deal <= DEALS; deal++) {
        ck_assert_int_eq(kit_create(c.k, deal), DEALFSM_APPLIED);
        ck_assert_int_eq(kit_send(c.k, deal, DEALFSM_ClientEventOpen, 0), DEALFSM_APPLIED);
    }
    atomic_store(&c.told_of, DEALS);
    ck_assert_int_eq(pthread_create(&server, NULL, serve, &c), 0);
    for (uint32_t i = 0; i < THREADS; i++) {
        members[i] = (member){&c, i, i * 77 + 1, 0};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, live, &members[i]), 0);
    }
    for (uint32_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    atomic_store(&c.stop, true);
    pthread_join(server, NULL);
    settle(&c);

    /* Each accepted event ended exactly once, and the machine counted right. */
    notes sum = {0};
    for (uint64_t deal = 1; deal <= DEALS; deal++) {
        told += c.notes[deal].outside;
        sum.applied += c.notes[deal].applied;
        sum.refused += c.notes[deal].refused;
        sum.terminated += c.notes[deal].terminated;
        ck_assert_uint_eq(c.notes[deal].sequence, kit_query(c.k, deal).sequence);
        ck_assert_uint_eq(c.k->rows[deal].sequence, kit_query(c.k, deal).sequence);
    }
    ck_assert_uint_eq(told, atomic_load(&c.told_of));
    ck_assert_uint_eq(atomic_load(&c.subscribed), atomic_load(&c.ended));
    dealfsm_counters counters = {.struct_size = sizeof counters};
    ck_assert_int_eq(c.k->f->counters(c.k->machine, &counters, NULL), DEALFSM_OK);
    ck_assert_uint_eq(counters.applied, sum.applied);
    ck_assert_uint_eq(counters.refused, sum.refused);
    ck_assert_uint_eq(counters.terminated, sum.terminated);
    ck_assert_uint_eq(counters.queued + counters.open_ops + counters.stalled, 0);
    kit_free(c.k);
}
END_TEST

/* ---- unsubscribe, close */

/* A callback that a test holds up. */
typedef struct gate {
    kit *k;
    uint64_t id;
    atomic_bool inside, open, left, unsubscribed;
} gate;

static void pause_a_moment(void)
{
    const struct timespec moment = {0, 200000};
    nanosleep(&moment, NULL);
}

static void wait_for(atomic_bool *flag)
{
    while (!atomic_load(flag))
        pause_a_moment();
}

static void held_up(void *ctx, const dealfsm_notice *notice)
{
    gate *g = ctx;
    (void)notice;
    MUST(!atomic_load(&g->unsubscribed));
    atomic_store(&g->inside, true);
    wait_for(&g->open);
    atomic_store(&g->left, true);
}

static void *send_open(void *ctx)
{
    gate *g = ctx;
    kit_send(g->k, 1, DEALFSM_ClientEventOpen, 0);
    return NULL;
}

static void *unsubscribe_gate(void *ctx)
{
    gate *g = ctx;
    MUST(g->k->f->unsubscribe(g->k->machine, g->id, NULL) == DEALFSM_OK);
    MUST(atomic_load(&g->left)); /* not before the callback was over */
    atomic_store(&g->unsubscribed, true);
    return NULL;
}

/* Where the deal may have left first, and the subscription with it. */
static void *unsubscribe_gate_or_not(void *ctx)
{
    gate *g = ctx;
    int32_t code = g->k->f->unsubscribe(g->k->machine, g->id, NULL);
    MUST(code == DEALFSM_OK || code == DEALFSM_E_NOT_FOUND);
    MUST(atomic_load(&g->left));
    return NULL;
}

static void subscribe_gate(gate *g, uint32_t flags)
{
    dealfsm_subscription s = {.struct_size = sizeof s, .flags = flags, .deal = 1, .ctx = g, .notify = held_up};
    ck_assert_int_eq(g->k->f->subscribe(g->k->machine, &s, &g->id, NULL), DEALFSM_OK);
}

START_TEST(threads_unsubscribe_waits)
{
    gate g = {.k = kit_start()};
    pthread_t sender, leaver;
    kit_bring(g.k, 1, DEALFSM_DealStatusNew);
    subscribe_gate(&g, _i ? DEALFSM_SUBSCRIBE_ALL : 0);
    ck_assert_int_eq(pthread_create(&sender, NULL, send_open, &g), 0);
    wait_for(&g.inside);
    /* While a callback runs the machine is not to be closed, nor the deal to be looked into. */
    kit_snapshot snapshot;
    ck_assert_int_eq(g.k->f->close(g.k->machine, NULL), DEALFSM_E_BUSY);
    ck_assert_int_eq(kit_snap(g.k, 1, &snapshot), DEALFSM_E_BUSY);
    ck_assert_int_eq(g.k->f->forget(g.k->machine, 1, NULL), DEALFSM_E_BUSY);
    ck_assert_int_eq(pthread_create(&leaver, NULL, unsubscribe_gate, &g), 0);
    for (int i = 0; i < 50; i++)
        pause_a_moment();
    ck_assert(!atomic_load(&g.unsubscribed));
    atomic_store(&g.open, true);
    pthread_join(leaver, NULL);
    pthread_join(sender, NULL);
    ck_assert_int_eq(g.k->f->unsubscribe(g.k->machine, g.id, NULL), DEALFSM_E_NOT_FOUND);
    IS(g.k, 1, WaitForAcceptance, 0);
    kit_free(g.k);
}
END_TEST

/* The deal leaves the machine right behind the callback that an unsubscribe waits for. */
START_TEST(threads_unsubscribe_while_deal_leaves)
{
    for (int round = 0; round < 100; round++) {
        gate g = {.k = kit_start()};
        pthread_t sender, leaver;
        kit_bring(g.k, 1, DEALFSM_DealStatusNew);
        subscribe_gate(&g, 0);
        strcpy(g.k->puts, "DX");
        ck_assert_int_eq(pthread_create(&sender, NULL, send_open, &g), 0);
        wait_for(&g.inside);
        ck_assert_int_eq(pthread_create(&leaver, NULL, unsubscribe_gate_or_not, &g), 0);
        for (int i = 0; i < 3; i++)
            pause_a_moment();
        atomic_store(&g.open, true);
        pthread_join(sender, NULL);
        pthread_join(leaver, NULL);
        kit_free(g.k);
    }
}
END_TEST

/* Inside a callback unsubscribe does not wait, for others that run neither: `ended` tells. */
static atomic_uint ended_count;

static void note_end(void *ctx)
{
    (void)ctx;
    atomic_fetch_add(&ended_count, 1);
}

static void leave_inside(void *ctx, const dealfsm_notice *notice)
{
    gate *g = ctx;
    (void)notice;
    MUST(g->k->f->unsubscribe(g->k->machine, g->id, NULL) == DEALFSM_OK);
    MUST(g->k->f->unsubscribe(g->k->machine, g->id, NULL) == DEALFSM_E_NOT_FOUND);
    MUST(atomic_load(&ended_count) == 0);
}

START_TEST(threads_unsubscribe_inside)
{
    gate g = {.k = kit_start()};
    kit_bring(g.k, 1, DEALFSM_DealStatusNew);
    dealfsm_subscription s = {.struct_size = sizeof s, .deal = 1, .ctx = &g, .notify = leave_inside, .ended = note_end};
    ck_assert_int_eq(g.k->f->subscribe(g.k->machine, &s, &g.id, NULL), DEALFSM_OK);
    atomic_store(&ended_count, 0);
    ck_assert_int_eq(kit_send(g.k, 1, DEALFSM_ClientEventOpen, 0), DEALFSM_APPLIED); /* two notices, one run */
    ck_assert_uint_eq(atomic_load(&ended_count), 1);
    kit_free(g.k);
}
END_TEST

/* close while an `ended` runs in another thread. */
static void held_up_at_end(void *ctx)
{
    held_up(ctx, NULL);
}

static void ignore(void *ctx, const dealfsm_notice *notice)
{
    (void)ctx;
    (void)notice;
}

START_TEST(threads_close_while_ending)
{
    gate g = {.k = kit_start()};
    pthread_t leaver;
    dealfsm_subscription s = {
        .struct_size = sizeof s, .flags = DEALFSM_SUBSCRIBE_ALL, .ctx = &g, .notify = ignore, .ended = held_up_at_end};
    ck_assert_int_eq(g.k->f->subscribe(g.k->machine, &s, &g.id, NULL), DEALFSM_OK);
    ck_assert_int_eq(pthread_create(&leaver, NULL, unsubscribe_gate, &g), 0);
    wait_for(&g.inside);
    ck_assert_int_eq(g.k->f->close(g.k->machine, NULL), DEALFSM_E_BUSY);
    atomic_store(&g.open, true);
    pthread_join(leaver, NULL);
    kit_free(g.k);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("border: threads");
    TCase *tests = tcase_create("threads");
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, threads_all_at_once);
    tcase_add_loop_test(tests, threads_unsubscribe_waits, 0, 2);
    tcase_add_test(tests, threads_unsubscribe_while_deal_leaves);
    tcase_add_test(tests, threads_unsubscribe_inside);
    tcase_add_test(tests, threads_close_while_ending);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
