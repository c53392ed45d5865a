/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* Rules on many threads and deals: totals are exact, and each deal's order is kept. */

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "validate.h"

enum { THREADS = 8, DEALS = 16, EVENTS = 250, JOBS = 65536 };

/* Things that another thread does later: reports of puts, answers to ops. */
typedef struct job {
    bool is_op;
    uint32_t op;
    uint32_t nth;
    uint64_t deal;
    uint64_t number; /* revision or sequence */
} job;

typedef struct board {
    rig it;
    atomic_ullong taken[DEALS + 1]; /* events that dispatch took, by deal */
    atomic_ullong told[DEALS + 1];  /* sequence told last, by deal */
    atomic_uint out_of_order;
    atomic_uint not_taken;
    atomic_ullong asked;
    bool pending; /* puts are reported by another thread */
    pthread_mutex_t mutex;
    job *jobs; /* last in, first out: so reports of different deals change places */
    uint32_t jobs_count;
    atomic_bool over;
} board;

static void add_job(board *b, job one)
{
    pthread_mutex_lock(&b->mutex);
    if (b->jobs_count < JOBS) {
        b->jobs[b->jobs_count++] = one;
    }
    pthread_mutex_unlock(&b->mutex);
}

static bool take_job(board *b, job *out)
{
    pthread_mutex_lock(&b->mutex);
    const bool some = b->jobs_count > 0;
    if (some) {
        *out = b->jobs[--b->jobs_count];
    }
    pthread_mutex_unlock(&b->mutex);
    return some;
}

static void do_job(board *b, const job *one)
{
    validator *v = b->it.v;
    if (!one->is_op) {
        if (v->functions->stored(b->it.machine, one->deal, one->number, DEALFSM_PUT_DURABLE, NULL) != DEALFSM_OK) {
            atomic_fetch_add(&b->not_taken, 1);
        }
        return;
    }
    const dealfsm_value channel = invent_value(DEALFSM_CHANNEL); /* the ops here are OpenDataTransfer */
    const dealfsm_answer answer = {.struct_size = sizeof answer,
                                   .op = one->op,
                                   .deal = one->deal,
                                   .sequence = one->number,
                                   .nth = one->nth,
                                   .outcome = DEALFSM_ANSWER_OK,
                                   .values = &channel,
                                   .values_count = 1,
                                   .values_stride = sizeof channel};
    if (v->functions->complete(b->it.machine, &answer, NULL) != DEALFSM_OK) {
        atomic_fetch_add(&b->not_taken, 1);
    }
}

static void *work(void *ctx)
{
    board *b = ctx;
    job one;
    for (;;) {
        const bool over = atomic_load(&b->over);
        if (take_job(b, &one)) {
            do_job(b, &one);
        } else if (over) {
            return NULL;
        } else {
            sched_yield();
        }
    }
}

static void on_notice(rig *it, const dealfsm_notice *notice)
{
    board *b = it->hook_ctx;
    if (notice->kind != DEALFSM_NOTICE_APPLIED || notice->deal == 0 || notice->deal > DEALS) {
        atomic_fetch_add(&b->out_of_order, 1);
    } else if (atomic_exchange(&b->told[notice->deal], notice->sequence) + 1 != notice->sequence) {
        atomic_fetch_add(&b->out_of_order, 1);
    }
}

static int32_t on_put(rig *it, const dealfsm_put *put)
{
    board *b = it->hook_ctx;
    if (!b->pending) {
        return DEALFSM_PUT_DURABLE;
    }
    add_job(b, (job){.deal = put->deal, .number = put->revision});
    return DEALFSM_PUT_PENDING;
}

static void on_op(rig *it, const dealfsm_op *op)
{
    board *b = it->hook_ctx;
    atomic_fetch_add(&b->asked, 1);
    add_job(b, (job){.is_op = true, .op = op->op, .nth = op->nth, .deal = op->deal, .number = op->sequence});
}

static void *send_events(void *ctx)
{
    board *b = ctx;
    unsigned random = (unsigned)(uintptr_t)&random ^ 12345u;
    for (uint32_t i = 0; i < EVENTS; i++) {
        random = random * 1103515245u + 12345u;
        const uint64_t deal = 1 + (random >> 16) % DEALS;
        const dealfsm_value bytes = {.struct_size = sizeof bytes, .kind = DEALFSM_U64, .number = i};
        int32_t result;
        do {
            result = rig_dispatch(&b->it, deal, DEALFSM_ClientEventBlocksReceived, &bytes, 1);
        } while (result == DEALFSM_E_QUEUE_FULL && sched_yield() == 0);
        if (result == DEALFSM_APPLIED || result == DEALFSM_ACCEPTED) {
            atomic_fetch_add(&b->taken[deal], 1);
        } else {
            atomic_fetch_add(&b->not_taken, 1);
        }
    }
    return NULL;
}

static void run_threads(board *b, void *(*body)(void *ctx), int workers)
{
    pthread_t threads[THREADS];
    pthread_t helpers[2];
    for (int i = 0; i < workers; i++) {
        pthread_create(&helpers[i], NULL, work, b);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, body, b);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    atomic_store(&b->over, true);
    for (int i = 0; i < workers; i++) {
        pthread_join(helpers[i], NULL);
    }
    for (job one; take_job(b, &one);) { /* what the last jobs brought about */
        do_job(b, &one);
    }
}

static board *new_board(validator *v, bool pending)
{
    board *b = calloc(1, sizeof *b);
    job *jobs = calloc(JOBS, sizeof *jobs);
    if (b == NULL || jobs == NULL) {
        fputs("out of memory\n", stderr);
        exit(EXIT_FAILURE);
    }
    b->jobs = jobs;
    b->pending = pending;
    pthread_mutex_init(&b->mutex, NULL);
    b->it = (rig){.quiet = true, .on_put = on_put, .on_op = on_op, .on_notice = on_notice, .hook_ctx = b};
    rig_open(&b->it, v);
    return b;
}

static void free_board(board *b)
{
    rig_close(&b->it);
    pthread_mutex_destroy(&b->mutex);
    free(b->jobs);
    free(b);
}

static void expect_totals(validator *v, board *b, uint64_t total)
{
    uint64_t taken = 0;
    expect(v, atomic_load(&b->not_taken) == 0, "every event, answer and report taken",
           format(v->arena, "%u not taken", atomic_load(&b->not_taken)));
    expect(v, atomic_load(&b->out_of_order) == 0, "each deal told in order, without gap",
           format(v->arena, "%u notices out of order", atomic_load(&b->out_of_order)));
    for (uint64_t deal = 1; deal <= DEALS; deal++) {
        const dealfsm_deal *now = rig_query(&b->it, deal);
        const uint64_t mine = atomic_load(&b->taken[deal]);
        expect(v, now != NULL && now->sequence == mine && now->queued == 0 && atomic_load(&b->told[deal]) == mine,
               format(v->arena, "%" PRIu64 " events of deal %" PRIu64 " applied and told", mine, deal),
               "another number");
        taken += mine;
    }
    dealfsm_counters counters = {.struct_size = sizeof counters};
    v->functions->counters(b->it.machine, &counters, NULL);
    expect(v,
           taken == total && counters.applied == total && counters.refused == 0 && counters.queued == 0 &&
               counters.open_ops == 0 && counters.deals == DEALS,
           format(v->arena, "%" PRIu64 " applied in the counters, nothing queued or open", total),
           format(v->arena, "%" PRIu64, counters.applied));
}

static void shared_deals_with(validator *v, bool pending)
{
    CASE(v, "%d threads, %d events each, %d deals", THREADS, EVENTS, DEALS);
    board *b = new_board(v, pending);
    for (uint64_t deal = 1; deal <= DEALS; deal++) {
        dealfsm_record record;
        invent_record(v, deal, DEALFSM_DealStatusOngoing, &record);
        record.payment_requested_len = 0; /* so that the handler raises nothing */
        rig_restore(&b->it, &record, 0);
    }
    run_threads(b, send_events, pending ? 2 : 0);
    expect_totals(v, b, (uint64_t)THREADS * EVENTS);
    free_board(b);
}

static void shared_deals(validator *v)
{
    shared_deals_with(v, false);
}

static void pending_puts(validator *v)
{
    shared_deals_with(v, true);
}

/* Threads that race to create and open the same deals; others answer the ops. */
static void *create_deals(void *ctx)
{
    board *b = ctx;
    validator *v = b->it.v;
    for (uint64_t deal = 1; deal <= DEALS; deal++) {
        dealfsm_record terms;
        invent_terms(deal, &terms);
        const int32_t result = v->functions->create(b->it.machine, &terms, NULL, NULL);
        if (result == DEALFSM_APPLIED) {
            if (rig_dispatch(&b->it, deal, DEALFSM_ClientEventOpen, NULL, 0) != DEALFSM_APPLIED) {
                atomic_fetch_add(&b->not_taken, 1);
            }
            atomic_fetch_add(&b->taken[deal], 2); /* Open, and the event that the answer brings */
        } else if (result != DEALFSM_E_EXISTS) {
            atomic_fetch_add(&b->not_taken, 1);
        }
    }
    return NULL;
}

static void answers(validator *v)
{
    CASE(v, "%d threads create and open %d deals, 2 threads answer", THREADS, DEALS);
    board *b = new_board(v, false);
    run_threads(b, create_deals, 2);
    expect(v, atomic_load(&b->asked) == DEALS, "each deal created and its op asked once", "another number");
    expect_totals(v, b, 2 * DEALS);
    free_board(b);
}

/* Subscriptions that come and go while deals run. */
static void count_ended(void *ctx)
{
    atomic_fetch_add((atomic_uint *)ctx, 1);
}

static void notify_nothing(void *ctx, const dealfsm_notice *notice)
{
    (void)ctx, (void)notice;
}

static atomic_uint subscriptions_begun;
static atomic_uint subscriptions_ended;

static void *come_and_go(void *ctx)
{
    board *b = ctx;
    validator *v = b->it.v;
    for (uint32_t i = 0; i < EVENTS; i++) {
        const dealfsm_subscription subscription = {.struct_size = sizeof subscription,
                                                   .flags = i % 2 == 0 ? DEALFSM_SUBSCRIBE_ALL : 0u,
                                                   .deal = 1 + i % DEALS,
                                                   .ctx = &subscriptions_ended,
                                                   .notify = notify_nothing,
                                                   .ended = count_ended};
        uint64_t id = 0;
        dealfsm_deal deal = {.struct_size = sizeof deal};
        const dealfsm_value bytes = {.struct_size = sizeof bytes, .kind = DEALFSM_U64, .number = i};
        if (v->functions->subscribe(b->it.machine, &subscription, &id, NULL) == DEALFSM_OK) {
            atomic_fetch_add(&subscriptions_begun, 1);
        }
        if (rig_dispatch(&b->it, 1 + i % DEALS, DEALFSM_ClientEventBlocksReceived, &bytes, 1) >= 0) {
            atomic_fetch_add(&b->taken[1 + i % DEALS], 1);
        }
        v->functions->query(b->it.machine, 1 + i % DEALS, &deal, NULL);
        v->functions->unsubscribe(b->it.machine, id, NULL);
    }
    return NULL;
}

static void subscribers(validator *v)
{
    CASE(v, "%d threads subscribe, dispatch and unsubscribe", THREADS);
    board *b = new_board(v, false);
    for (uint64_t deal = 1; deal <= DEALS; deal++) {
        dealfsm_record record;
        invent_record(v, deal, DEALFSM_DealStatusOngoing, &record);
        record.payment_requested_len = 0;
        rig_restore(&b->it, &record, 0);
    }
    atomic_store(&subscriptions_begun, 0);
    atomic_store(&subscriptions_ended, 0);
    run_threads(b, come_and_go, 0);
    expect_totals(v, b, (uint64_t)THREADS * EVENTS);
    free_board(b);
    expect(v,
           atomic_load(&subscriptions_begun) == THREADS * EVENTS &&
               atomic_load(&subscriptions_ended) == THREADS * EVENTS,
           "`ended` once for each subscription", format(v->arena, "%u", atomic_load(&subscriptions_ended)));
}

static const rule list[] = {
    {"parallel.shared-deals", "threads that share deals: totals exact, order kept", shared_deals},
    {"parallel.pending-puts", "the same with puts reported later, by other threads, in another order", pending_puts},
    {"parallel.answers", "deals created by racing threads, ops answered by others", answers},
    {"parallel.subscribers", "subscriptions that come and go while deals run", subscribers},
};
const rule_group rules_parallel = {list, sizeof list / sizeof *list};
