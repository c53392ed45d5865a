/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* Rules on callbacks: what they may call, and how a subscription ends. */

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "validate.h"

/* ---- Every function, called from inside */
typedef struct inside {
    const char *where;
    bool running; /* inside already: callbacks of what is called here do not start again */
    uint32_t runs;
} inside;

static void any_of(validator *v, const char *call, int32_t found, int32_t a, int32_t b)
{
    if (found != a && found != b) {
        report_fail(v->report, format(v->arena, "%s or %s from %s", result_text(v, a), result_text(v, b), call), "%s",
                    result_text(v, found));
    }
}

/* On other deals: all must work as anywhere. */
static void call_for_others(rig *it)
{
    validator *v = it->v;
    const dealfsm_functions *fn = v->functions;
    dealfsm_machine *m = it->machine;
    dealfsm_record terms;
    dealfsm_counters counters = {.struct_size = sizeof counters};
    uint64_t ids[8];
    uint64_t count = 0;
    invent_terms(2, &terms);
    same_result(v, "create of another deal", DEALFSM_APPLIED, fn->create(m, &terms, NULL, NULL), NULL);
    same_result(v, "dispatch to another deal", DEALFSM_APPLIED, rig_dispatch(it, 2, DEALFSM_ClientEventOpen, NULL, 0),
                NULL);
    same_result(v, "list", DEALFSM_OK, fn->list(m, NULL, ids, 8, &count, NULL), NULL);
    expect(v, count == 2, "2 deals", "another number");
    same_result(v, "counters", DEALFSM_OK, fn->counters(m, &counters, NULL), NULL);
    const dealfsm_snapshot *snapshot = rig_snapshot(it, 2);
    same_result(v, "freeze of another deal", DEALFSM_OK, fn->freeze(m, 2, NULL), NULL);
    same_result(v, "drop of another deal", DEALFSM_OK, fn->drop(m, 2, NULL), NULL);
    if (snapshot != NULL) {
        same_result(v, "restore of another deal", DEALFSM_OK, fn->restore(m, snapshot, NULL), NULL);
        const int32_t result = fn->activate(m, 2, NULL, NULL);
        expect(v, result >= 0, "activate of another deal to be taken", result_text(v, result));
    }
    rig_remove(it, 2);
}

static void notify_nothing(void *ctx, const dealfsm_notice *notice)
{
    (void)ctx, (void)notice;
}

/* On the deal whose callback it is: nothing waits, nothing happens out of turn. */
static void call_for_itself(rig *it, bool is_durable)
{
    validator *v = it->v;
    const dealfsm_functions *fn = v->functions;
    dealfsm_machine *m = it->machine;
    dealfsm_snapshot snapshot = {.struct_size = sizeof snapshot};
    const dealfsm_subscription deaf = {.struct_size = sizeof deaf, .deal = 1, .notify = notify_nothing};
    const dealfsm_answer late = {.struct_size = sizeof late,
                                 .op = DEALFSM_OpCloseDataTransfer,
                                 .deal = 1,
                                 .sequence = 999,
                                 .nth = 1,
                                 .outcome = 2};
    uint64_t id = 0;
    same_result(v, "dispatch", DEALFSM_ACCEPTED, rig_dispatch(it, 1, DEALFSM_ClientEventDealAccepted, NULL, 0), NULL);
    if (is_durable) {
        rig_query(it, 1);
        same_result(v, "subscribe", DEALFSM_OK, fn->subscribe(m, &deaf, &id, NULL), NULL);
        same_result(v, "unsubscribe", DEALFSM_OK, fn->unsubscribe(m, id, NULL), NULL);
    }
    same_result(v, "snapshot", DEALFSM_E_BUSY, fn->snapshot(m, 1, &snapshot, NULL), NULL);
    same_result(v, "freeze", DEALFSM_E_BUSY, fn->freeze(m, 1, NULL), NULL);
    const int32_t thawed = fn->thaw(m, 1, 0, NULL, NULL);
    expect(v, thawed >= 0, "thaw to be taken", result_text(v, thawed));
    same_result(v, "complete of an op that is not open", DEALFSM_E_NOT_OPEN, fn->complete(m, &late, NULL), NULL);
    same_result(v, "stored of a put that is not under way", DEALFSM_E_NOT_OPEN,
                fn->stored(m, 1, 999, DEALFSM_PUT_DURABLE, NULL), NULL);
    any_of(v, "retry", fn->retry(m, 1, NULL, NULL), DEALFSM_E_STATE, DEALFSM_E_BUSY);
    any_of(v, "forget", fn->forget(m, 1, NULL), DEALFSM_E_STATE, DEALFSM_E_BUSY);
    any_of(v, "release", fn->release(m, 1, NULL), DEALFSM_E_STATE, DEALFSM_E_BUSY);
    any_of(v, "drop", fn->drop(m, 1, NULL), DEALFSM_E_STATE, DEALFSM_E_BUSY);
    any_of(v, "activate", fn->activate(m, 1, NULL, NULL), DEALFSM_E_STATE, DEALFSM_E_BUSY);
    same_result(v, "close", DEALFSM_E_BUSY, fn->close(m, NULL), NULL);
}

static void call_everything(rig *it, bool is_durable)
{
    inside *in = it->hook_ctx;
    if (in->running || in->runs > 2) {
        return;
    }
    in->running = true;
    in->runs++;
    call_for_itself(it, is_durable);
    call_for_others(it);
    in->running = false;
}

static int32_t in_put(rig *it, const dealfsm_put *put)
{
    if (put->deal == 1 && put->sequence > 0) {
        call_everything(it, true);
    }
    return DEALFSM_PUT_DURABLE;
}

static void in_notice(rig *it, const dealfsm_notice *notice)
{
    if (notice->deal == 1) {
        call_everything(it, true);
    }
}

static void in_op(rig *it, const dealfsm_op *op)
{
    if (op->deal == 1) {
        call_everything(it, true);
    }
}

/* Each accepted event of deal 1 has to end once, whatever was called meanwhile. */
static void drain(rig *it)
{
    validator *v = it->v;
    for (int round = 0; round < 50; round++) {
        const dealfsm_deal *deal = rig_query(it, 1);
        const seen *call = rig_last(it, SEEN_CALL);
        if (deal == NULL || deal->open_op == 0 || call == NULL) {
            break;
        }
        dealfsm_answer answer = invent_answer(v, description_op(&v->machine, deal->open_op));
        const seen key = {.number = deal->open_op, .deal = 1, .sequence = deal->open_sequence, .nth = deal->open_nth};
        rig_answer(it, &key, &answer);
    }
    const dealfsm_deal *deal = rig_query(it, 1);
    expect(v, deal != NULL && deal->queued == 0, "an empty queue", "events that wait");
}

static void every_function(validator *v)
{
    static const char *const places[] = {"notify", "an environment function", "put"};
    for (int place = 0; place < 3; place++) {
        inside in = {.where = places[place]};
        rig it = {.hook_ctx = &in};
        CASE(v, "inside %s", places[place]);
        if (rig_open(&it, v)) {
            dealfsm_record terms;
            invent_terms(1, &terms);
            v->functions->create(it.machine, &terms, NULL, NULL);
            it.on_notice = place == 0 ? in_notice : NULL;
            it.on_op = place == 1 ? in_op : NULL;
            it.on_put = place == 2 ? in_put : NULL;
            const int32_t result = rig_dispatch(&it, 1, DEALFSM_ClientEventOpen, NULL, 0);
            expect(v, result >= 0, "dispatch to be taken", result_text(v, result));
            expect(v, in.runs > 0, "the callback to run", "that it did not");
            drain(&it);
        }
        it.on_notice = NULL;
        it.on_op = NULL;
        it.on_put = NULL;
        rig_close(&it);
        values_arena_clear(v->arena);
    }
}

/* ---- The answer inside the call is taken after it returned. */
static void answer_inside(rig *it, const dealfsm_op *op)
{
    validator *v = it->v;
    dealfsm_answer answer = invent_answer(v, description_op(&v->machine, op->op));
    same_result(v, "complete inside the call", DEALFSM_OK, rig_answer(it, rig_last(it, SEEN_CALL), &answer), NULL);
    same_result(v, "complete again inside the call", DEALFSM_E_NOT_OPEN,
                rig_answer(it, rig_last(it, SEEN_CALL), &answer), NULL);
    expect(v, rig_number_of(it, SEEN_APPLIED) <= 1, "nothing to go on before the call has returned", "a notice");
    it->on_op = NULL;
}

static void inside_answer(validator *v)
{
    rig it = {.on_op = answer_inside};
    CASE(v, "an op answered inside its call");
    if (rig_open(&it, v) && run_begin(&it, 1)) {
        const dealfsm_deal *deal = rig_query(&it, 1);
        expect(v, deal != NULL && deal->sequence == 2, "the raised event applied after the call", "otherwise");
    }
    rig_close(&it);
}

/* ---- The end of subscriptions */
typedef struct listener {
    rig *it;
    uint64_t id;
    atomic_uint told;
    atomic_uint ended;
    atomic_bool running;
    bool leaves_inside;
    bool closing;
    unsigned sleep_ms;
} listener;

static void sleep_ms(unsigned ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000L};
    nanosleep(&time, NULL);
}

static void listen(void *ctx, const dealfsm_notice *notice)
{
    listener *me = ctx;
    atomic_store(&me->running, true);
    atomic_fetch_add(&me->told, 1);
    if (me->leaves_inside) {
        validator *v = me->it->v;
        same_result(v, "unsubscribe inside notify", DEALFSM_OK,
                    v->functions->unsubscribe(me->it->machine, me->id, NULL), NULL);
        expect(v, atomic_load(&me->ended) == 0, "`ended` after the last notify", "before it has returned");
    }
    if (me->sleep_ms != 0 && notice->deal == 1) {
        sleep_ms(me->sleep_ms);
    }
    atomic_store(&me->running, false);
}

static void on_ended(void *ctx)
{
    listener *me = ctx;
    validator *v = me->it->v;
    atomic_fetch_add(&me->ended, 1);
    if (!me->closing) {
        same_result(v, "close inside `ended`", DEALFSM_E_BUSY, v->functions->close(me->it->machine, NULL), NULL);
    }
}

static bool begin_listening(rig *it, listener *me, uint32_t flags, uint64_t deal)
{
    validator *v = it->v;
    const dealfsm_subscription subscription = {.struct_size = sizeof subscription,
                                               .flags = flags,
                                               .deal = deal,
                                               .ctx = me,
                                               .notify = listen,
                                               .ended = on_ended};
    me->it = it;
    return same_result(v, "subscribe", DEALFSM_OK, v->functions->subscribe(it->machine, &subscription, &me->id, NULL),
                       NULL);
}

static void expect_heard(validator *v, listener *me, unsigned told, unsigned ended)
{
    if (atomic_load(&me->told) != told || atomic_load(&me->ended) != ended) {
        report_fail(v->report, format(v->arena, "%u notices and `ended` %u times", told, ended), "%u and %u",
                    atomic_load(&me->told), atomic_load(&me->ended));
    }
}

static void unsubscribe(validator *v)
{
    rig it = {.no_subscription = true};
    listener all = {.id = 0};
    listener one = {.id = 0};
    listener self = {.leaves_inside = true};
    CASE(v, "unsubscribe");
    if (rig_open(&it, v) && begin_listening(&it, &all, DEALFSM_SUBSCRIBE_ALL, 0) && run_begin(&it, 1) &&
        begin_listening(&it, &one, 0, 1) && begin_listening(&it, &self, 0, 1)) {
        expect_heard(v, &all, 1, 0);
        same_result(v, "unsubscribe", DEALFSM_OK, v->functions->unsubscribe(it.machine, all.id, NULL), NULL);
        expect_heard(v, &all, 1, 1);
        same_result(v, "unsubscribe again", DEALFSM_E_NOT_FOUND, v->functions->unsubscribe(it.machine, all.id, NULL),
                    NULL);
        CASE(v, "unsubscribe inside its own notify");
        const dealfsm_deal *deal = rig_query(&it, 1);
        dealfsm_answer answer = invent_answer(v, description_op(&v->machine, deal->open_op));
        const seen key = {.number = deal->open_op, .deal = 1, .sequence = deal->open_sequence, .nth = deal->open_nth};
        rig_answer(&it, &key, &answer);
        expect_heard(v, &self, 1, 1);
        expect_heard(v, &one, 1, 0);
        CASE(v, "a deal that leaves");
        rig_remove(&it, 1);
        expect_heard(v, &one, 1, 1);
        CASE(v, "close");
        listener last = {.closing = true};
        begin_listening(&it, &last, DEALFSM_SUBSCRIBE_ALL, 0);
        same_result(v, "close", DEALFSM_OK, v->functions->close(it.machine, NULL), NULL);
        it.machine = NULL;
        expect_heard(v, &last, 0, 1);
        expect_heard(v, &all, 1, 1);
    }
    rig_close(&it);
}

static void *dispatch_open(void *ctx)
{
    rig_dispatch(ctx, 1, DEALFSM_ClientEventOpen, NULL, 0);
    return NULL;
}

/* From another thread unsubscribe waits for the notify that runs. */
static void unsubscribe_waits(validator *v)
{
    rig it = {.no_subscription = true, .quiet = true};
    listener slow = {.sleep_ms = 60};
    dealfsm_record record;
    pthread_t thread;
    CASE(v, "unsubscribe while notify runs in another thread");
    invent_record(v, 1, DEALFSM_DealStatusNew, &record);
    if (rig_open(&it, v) && rig_restore(&it, &record, 0) && begin_listening(&it, &slow, DEALFSM_SUBSCRIBE_ALL, 0) &&
        pthread_create(&thread, NULL, dispatch_open, &it) == 0) {
        for (int i = 0; i < 2000 && !atomic_load(&slow.running); i++) {
            sleep_ms(1);
        }
        expect(v, atomic_load(&slow.running), "a notify that runs", "none");
        same_result(v, "unsubscribe", DEALFSM_OK, v->functions->unsubscribe(it.machine, slow.id, NULL), NULL);
        expect(v, !atomic_load(&slow.running), "notify to be over when unsubscribe returns", "that it runs");
        const unsigned told = atomic_load(&slow.told);
        pthread_join(thread, NULL);
        expect_heard(v, &slow, told, 1);
    }
    rig_close(&it);
}

/* Inside a callback unsubscribe does not wait, and no new run starts. */
static void leave_inside(rig *it, const dealfsm_op *op)
{
    listener *slow = it->hook_ctx;
    validator *v = it->v;
    if (op->deal == 2) {
        same_result(v, "unsubscribe inside an environment function", DEALFSM_OK,
                    v->functions->unsubscribe(it->machine, slow->id, NULL), NULL);
        expect(v, atomic_load(&slow->ended) == 0, "no wait for a notify that runs in another thread", "a wait");
    }
}

static void no_new_run(validator *v)
{
    listener slow = {.sleep_ms = 150};
    rig it = {.no_subscription = true, .quiet = true, .on_op = leave_inside, .hook_ctx = &slow};
    pthread_t thread;
    CASE(v, "unsubscribe inside a callback while notify runs in another thread");
    bool ready = rig_open(&it, v);
    for (uint64_t deal = 1; deal <= 3 && ready; deal++) {
        dealfsm_record record;
        invent_record(v, deal, DEALFSM_DealStatusNew, &record);
        ready = rig_restore(&it, &record, 0);
    }
    if (ready && begin_listening(&it, &slow, DEALFSM_SUBSCRIBE_ALL, 0) &&
        pthread_create(&thread, NULL, dispatch_open, &it) == 0) {
        for (int i = 0; i < 2000 && !atomic_load(&slow.running); i++) {
            sleep_ms(1);
        }
        rig_dispatch(&it, 2, DEALFSM_ClientEventOpen, NULL, 0);
        const unsigned told = atomic_load(&slow.told);
        rig_dispatch(&it, 3, DEALFSM_ClientEventOpen, NULL, 0);
        expect(v, atomic_load(&slow.told) == told, "no run after unsubscribe", "one");
        pthread_join(thread, NULL);
        expect_heard(v, &slow, told, 1);
    }
    rig_close(&it);
}

static const rule list[] = {
    {"callbacks.every-function", "every function may be called inside notify, environment functions and put",
     every_function},
    {"callbacks.answer-inside", "an answer inside the call is taken, and the deal goes on after it", inside_answer},
    {"callbacks.unsubscribe", "no notify after unsubscribe; `ended` once for each subscription", unsubscribe},
    {"callbacks.unsubscribe-inside", "inside a callback unsubscribe does not wait, and no new run starts", no_new_run},
    {"callbacks.unsubscribe-waits", "unsubscribe waits for a notify that runs in another thread", unsubscribe_waits},
};
const rule_group rules_callbacks = {list, sizeof list / sizeof *list};
