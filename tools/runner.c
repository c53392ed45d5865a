/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "runner.h"

#include <dealfsm/machine.h>
#include <dealfsm/vocabulary.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct runner {
    runner_options options;
    const runner_machine *machine;
    dealfsm_environment environment;
    atomic_bool stop;
    atomic_bool closed;
    atomic_uint_fast64_t *now; /* of deals 1 … */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    uint64_t changes; /* steps done */
};

static void trace_line(const runner *r, uint64_t deal, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void trace_line(const runner *r, uint64_t deal, const char *format, ...)
{
    if (r->options.trace == NULL) {
        return;
    }
    char text[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    r->options.trace(r->options.ctx, deal, runner_now(r, deal), text);
}

/* ---- Steps */

/* A planted bug, for the test that must notice it: what was asked before the crash is asked under a new key. */
#ifdef DEALFSM_PLANT_NEW_KEY
enum { NEW_KEY = 1000 };
#else
enum { NEW_KEY = 0 };
#endif

static void create_deal(const runner *r, uint64_t deal, world_report *report)
{
    world_terms terms;
    world_terms_of(r->options.world, deal, &terms);
    int32_t result = r->machine->create(r->machine->ctx, &terms.record);
    if (result >= 0 || result == DEALFSM_E_EXISTS) {
        dealfsm_event open = {.struct_size = sizeof open, .event = DEALFSM_ClientEventOpen};
        (void)r->machine->dispatch(r->machine->ctx, deal, &open, &report->promised);
    }
}

static void say_event(const runner *r, const world_step *step, world_report *report)
{
    dealfsm_value argument;
    dealfsm_event event;
    world_event_of(&step->event, &argument, &event);
    (void)r->machine->dispatch(r->machine->ctx, step->deal, &event, &report->promised);
}

static void give_answer(const runner *r, const world_step *step, world_report *report)
{
    static const char *const outcomes[] = {"?", "ok", "error", "unknown", "conflict", "shortfall"};
    const reply *a = step->answer;
    dealfsm_answer answer = {.struct_size = sizeof answer,
                             .op = a->op,
                             .deal = step->deal,
                             .sequence = a->sequence,
                             .nth = NEW_KEY != 0 ? a->nth % NEW_KEY : a->nth,
                             .outcome = a->outcome,
                             .text = a->text,
                             .text_len = strlen(a->text),
                             .values = a->count > 0 ? a->values : NULL,
                             .values_count = a->count,
                             .values_stride = sizeof a->values[0]};
    trace_line(r, step->deal, "answers %s: %s%s%s", world_op_name(a->op), outcomes[a->outcome],
               a->text[0] != '\0' ? ", " : "", a->text);
    int32_t result = r->machine->complete(r->machine->ctx, &answer);
    report->sent = a->op == DEALFSM_OpSendDataTransferVoucher && a->outcome == DEALFSM_ANSWER_OK && result >= 0;
}

/* The deal whose step this thread takes; 0: none. */
static _Thread_local uint64_t deal_at_step;

/* Takes a step to the machine. What is not known to be durable in the end is not reported: it comes again. */
static void perform(runner *r, world_step *step, bool nested)
{
    world_report report = {.deal = step->deal, .order = step->order, .nested = nested};
    const uint64_t outer = deal_at_step;
    deal_at_step = step->deal;
    atomic_store(&r->now[step->deal - 1], step->time);
    switch (step->kind) {
    case STEP_RESUME:
        trace_line(r, step->deal, "resumes");
        (void)r->machine->resume(r->machine->ctx, step->deal);
        break;
    case STEP_CREATE:
        create_deal(r, step->deal, &report);
        break;
    case STEP_EVENT:
        say_event(r, step, &report);
        break;
    case STEP_ANSWER:
        give_answer(r, step, &report);
        break;
    case STEP_RETRY:
        trace_line(r, step->deal, "retry");
        (void)r->machine->retry(r->machine->ctx, step->deal);
        break;
    case STEP_MONEY:
        trace_line(r, step->deal, "money has come to its payment channel");
        (void)r->machine->money(r->machine->ctx, step->deal, step->channel, step->channel_len, &report.promised);
        break;
    case STEP_NONE:
        break;
    }
    runner_standing standing = {0};
    if (r->machine->settle(r->machine->ctx, step->deal, nested, &standing)) {
        report.revision = standing.revision;
        report.short_of_funds = standing.short_of_funds;
        r->options.link.done(r->options.link.ctx, &report);
    }
    deal_at_step = outer;
    world_step_free(step);
}

/* The deal's next step, inside an op: what its handler rests on is durable, and the world has to know of it. */
static bool nested_step(const runner *r, uint64_t deal, world_step *step)
{
    runner_standing standing = {0};
    return r->machine->settle(r->machine->ctx, deal, true, &standing) &&
           r->options.link.next(r->options.link.ctx, deal, standing.revision, step) == NEXT_STEP;
}

/* Takes the deal's steps up to and with the one of this order. */
static void run_until(runner *r, uint64_t deal, uint64_t order)
{
    world_step step;
    uint64_t done = 0;
    while (done != order && nested_step(r, deal, &step)) {
        done = step.order;
        perform(r, &step, true);
    }
}

/* ---- Ops */

static void runner_op(void *ctx, const dealfsm_op *op)
{
    runner *r = ctx;
    if (atomic_load(&r->closed) || op->deal == 0 || op->deal > r->options.deals) {
        return;
    }
    trace_line(r, op->deal, "asks %s", world_op_name(op->op));
    world_asked asked = {0};
    dealfsm_op asking = *op;
    asking.nth += (op->flags & DEALFSM_OP_ASKED_BEFORE) != 0 ? NEW_KEY : 0;
    r->options.link.ask(r->options.link.ctx, &asking, &asked);
    /* A swap that moves a deal has it ask again in another deal's step: then the answer is a step of its own, after which the
     * world hears how the deal stands. */
    if (asked.order != 0 && (deal_at_step == 0 || op->deal == deal_at_step) && (r->options.sync || asked.early)) {
        run_until(r, op->deal, asked.order);
    }
}

static void make_environment(runner *r)
{
    dealfsm_op_fn *f = runner_op;
    r->environment = (dealfsm_environment){.struct_size = sizeof r->environment,
                                           .ctx = r,
                                           .OpenDataTransfer = f,
                                           .SendDataTransferVoucher = f,
                                           .CloseDataTransfer = f,
                                           .GetChainHead = f,
                                           .GetOrCreatePaymentChannel = f,
                                           .AllocateLane = f,
                                           .CreatePaymentVoucher = f,
                                           .WaitForPaymentChannelCreation = f,
                                           .WaitForPaymentChannelAddFunds = f,
                                           .WaitForPaymentChannelReady = f,
                                           .CheckAvailableFunds = f,
                                           .FinalizeBlockstore = f};
}

/* ---- Threads */

/* Gets a step of any deal, waiting for one while others work; false: the end. */
static bool get_step(runner *r, world_step *step)
{
    world_next next = NEXT_WAIT;
    while (next == NEXT_WAIT && !atomic_load(&r->stop)) {
        pthread_mutex_lock(&r->mutex);
        uint64_t before = r->changes;
        pthread_mutex_unlock(&r->mutex);
        next = r->options.link.next(r->options.link.ctx, 0, 0, step);
        pthread_mutex_lock(&r->mutex);
        while (next == NEXT_WAIT && r->changes == before) {
            pthread_cond_wait(&r->changed, &r->mutex);
        }
        pthread_mutex_unlock(&r->mutex);
    }
    return next == NEXT_STEP;
}

static void tell_others(runner *r)
{
    pthread_mutex_lock(&r->mutex);
    r->changes++;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->mutex);
}

static void *work(void *ctx)
{
    runner *r = ctx;
    world_step step;
    while (get_step(r, &step)) {
        perform(r, &step, false);
        tell_others(r);
    }
    tell_others(r);
    return NULL;
}

void runner_run(runner *r, const runner_machine *machine)
{
    pthread_t *threads = calloc(r->options.threads, sizeof *threads);
    uint32_t started = 1;
    r->machine = machine;
    while (threads != NULL && started < r->options.threads && pthread_create(&threads[started], NULL, work, r) == 0) {
        started++;
    }
    (void)work(r);
    for (uint32_t i = 1; i < started; i++) {
        pthread_join(threads[i], NULL);
    }
    free(threads);
}

void runner_stop(runner *r)
{
    atomic_store(&r->stop, true);
}

bool runner_stopped(const runner *r)
{
    return atomic_load(&r->stop);
}

void runner_close(runner *r)
{
    atomic_store(&r->closed, true);
}

uint64_t runner_now(const runner *r, uint64_t deal)
{
    return atomic_load(&r->now[deal - 1]);
}

const dealfsm_environment *runner_environment(const runner *r)
{
    return &r->environment;
}

runner *runner_new(const runner_options *options)
{
    runner *r = calloc(1, sizeof *r);
    if (r == NULL) {
        return NULL;
    }
    r->options = *options;
    pthread_mutex_init(&r->mutex, NULL);
    pthread_cond_init(&r->changed, NULL);
    make_environment(r);
    r->now = calloc(options->deals, sizeof *r->now);
    if (r->now == NULL) {
        runner_free(r);
        return NULL;
    }
    return r;
}

void runner_free(runner *r)
{
    if (r == NULL) {
        return;
    }
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->mutex);
    free(r->now);
    free(r);
}
