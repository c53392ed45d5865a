/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "engine_parts.h"

void engine_lock(drive *e)
{
    pthread_mutex_lock(&e->shard->mutex);
}

void engine_unlock(drive *e)
{
    pthread_mutex_unlock(&e->shard->mutex);
}

bool engine_has_store(const drive *e)
{
    return e->machine->store.put;
}

/* The present state has changed without a put. */
static void changed(drive *e)
{
    e->deal->revision++;
    if (engine_has_store(e))
        e->deal->behind++;
}

static bool unsaved(const deal *d)
{
    return d->work && d->work->promised > d->work->saved;
}

bool engine_at_rest(const deal *d)
{
    return !(d->flags & (DEAL_BUSY | DEAL_IN_CALL)) && !(d->work && d->work->put.kind);
}

bool engine_idle(const deal *d)
{
    return engine_at_rest(d) && !(d->flags & (DEAL_OWED | DEAL_STALLED | DEAL_MUST_PUT)) &&
           !(d->work && (d->work->queue.head || unsaved(d)));
}

void engine_stall(drive *e, uint32_t reason, const char *text)
{
    work *w = e->deal->work;
    char line[224];
    e->deal->flags |= DEAL_STALLED;
    if (w) {
        w->stall = reason;
        snprintf(w->stall_text, sizeof w->stall_text, "%s", text);
    }
    snprintf(line, sizeof line, "deal stalled, waits for retry: %s", text);
    engine_unlock(e);
    machine_log(e->machine, DEALFSM_LOG_WARNING, e->deal->id, line);
    engine_lock(e);
}

/* ---- Steps */

void engine_look(drive *e)
{
    const deal *d = e->deal;
    if (e->seen == d->record && e->seen_sequence == d->sequence)
        return;
    unpack(&e->before, d->record, d->id);
    e->seen = d->record;
    e->seen_sequence = d->sequence;
}

/* Looks what an event comes to: DEALFSM_OK with e->after and e->block for it, or the code that refuses it. */
static int32_t plan(drive *e, const occurrence *o)
{
    engine_look(e);
    e->outcome = fsm_step(module_version.machine, &e->before, o->event, o->args, &e->step_scratch, &e->after);
    switch (e->outcome.result) {
    case FSM_TERMINATED:
        return DEALFSM_E_TERMINATED;
    case FSM_INVALID_TRANSITION:
        return DEALFSM_E_INVALID_TRANSITION;
    case FSM_ACTION_FAILED:
        return DEALFSM_E_ACTION;
    case FSM_APPLIED:
        break;
    }
    const char *field;
    if (engine_has_store(e) &&
        !layout_write(module_version.layout, &e->after, NULL, 0, &e->record_len, &field, &e->outcome.why))
        return DEALFSM_E_ACTION;
    e->block = block_take(e->shard, pack_size(&e->after), &e->block_capacity);
    if (!e->block)
        return DEALFSM_E_NO_MEMORY;
    pack(e->block, &e->after);
    return DEALFSM_OK;
}

static void end_run(drive *e)
{
    e->deal->flags &= ~(uint32_t)(DEAL_OWED | DEAL_WITHOUT_KEY);
    if (e->deal->work)
        run_clear(e->deal->work);
}

void engine_commit(drive *e, const occurrence *o, const step_result *result, uint64_t revision)
{
    deal *d = e->deal;
    packed *old = d->record;
    uint32_t old_capacity = d->capacity;
    d->record = result->block;
    d->capacity = result->capacity;
    d->sequence++;
    d->flags &= ~(uint32_t)(DEAL_OWED | DEAL_WITHOUT_KEY);
    d->flags |= DEAL_VISIBLE | (result->handler_owed ? (uint32_t)DEAL_OWED : 0) |
                (result->is_final ? (uint32_t)DEAL_FINAL : 0);
    if (d->flags & DEAL_KEYLESS_LATER && d->flags & (DEAL_OWED | DEAL_FINAL)) /* as put_step has it in the row */
        d->flags ^= DEAL_KEYLESS_LATER | (result->handler_owed ? (uint32_t)DEAL_WITHOUT_KEY : 0);
    if (d->extra)
        d->extra->carried = (fsm_bytes){0};
    notice_applied(e, o, packed_status(old), revision);
    if (d->work)
        run_clear(d->work);
    block_give(e->shard, old, old_capacity);
}

/* ---- Events */

static step_result planned(const drive *e)
{
    return (step_result){e->block, e->block_capacity, e->outcome.handler_owed, e->outcome.is_final};
}

/* Without a store: an event, not queued, that plan has taken. */
static void commit_direct(drive *e, const occurrence *o)
{
    const step_result result = planned(e);
    uint64_t revision = ++e->deal->revision;
    engine_commit(e, o, &result, revision);
}

/* With a store: an event, not queued, that plan has taken. Answers as dispatch does. */
static int32_t put_direct(drive *e, const occurrence *o, uint64_t *revision)
{
    deal *d = e->deal;
    const step_result result = planned(e);
    entry *x = deal_work(e->shard, d) ? entry_new(o->event, o->args, o->count, o->raised) : NULL;
    if (x) {
        entries_push(&d->work->queue, x);
        e->mine = x;
        e->mine_ended = DEALFSM_ACCEPTED;
        *revision = d->revision + 1;
        if (put_step(e, &result))
            return d->flags & DEAL_GONE ? DEALFSM_E_LOST : d->flags & DEAL_STALLED ? DEALFSM_STALLED : e->mine_ended;
        e->mine = NULL;
        free(entries_pop(&d->work->queue));
    }
    block_give(e->shard, result.block, result.capacity);
    return DEALFSM_E_NO_MEMORY;
}

int32_t engine_apply(drive *e, const occurrence *o, uint64_t *revision)
{
    deal *d = e->deal;
    int32_t code = plan(e, o);
    if (code == DEALFSM_E_NO_MEMORY)
        return code;
    d->flags |= DEAL_BUSY;
    if (code) {
        notice_refused(e, DEALFSM_NOTICE_REFUSED, o, code, e->outcome.why);
    } else if (engine_has_store(e)) {
        code = put_direct(e, o, revision);
    } else {
        commit_direct(e, o);
        *revision = d->revision;
    }
    d->flags &= ~(uint32_t)DEAL_BUSY;
    return code;
}

int32_t engine_accept(drive *e, const occurrence *o, uint64_t *revision)
{
    deal *d = e->deal;
    work *w = deal_work(e->shard, d);
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < o->count; i++)
        bytes += (uint64_t)o->args[i].bytes.size + o->args[i].more.size;
    if (w && (w->queue.count >= e->machine->queue_events || w->queue.bytes + bytes > e->machine->queue_bytes))
        return DEALFSM_E_QUEUE_FULL;
    entry *x = w ? entry_new(o->event, o->args, o->count, o->raised) : NULL;
    if (!x)
        return DEALFSM_E_NO_MEMORY;
    changed(e);
    *revision = w->promised = d->revision;
    if (!engine_has_store(e))
        w->saved = w->promised;
    entries_push(&w->queue, x);
    return DEALFSM_OK;
}

/* An entry that is over without having been applied: told, and with a store kept until the next put has named it. */
static void over(drive *e, entry *x, int32_t reason)
{
    const occurrence o = occurrence_of(x);
    x->reason = reason;
    x->why = reason == DEALFSM_E_ACTION ? e->outcome.why : "";
    x->status = packed_status(e->deal->record);
    notice_refused(e, reason == DEALFSM_E_TERMINATED ? DEALFSM_NOTICE_TERMINATED : DEALFSM_NOTICE_REFUSED, &o, reason,
                   x->why);
    if (engine_has_store(e))
        entries_push(&e->deal->work->over, x);
    else
        free(x);
}

/* Takes the head of the queue. */
static void take_head(drive *e)
{
    deal *d = e->deal;
    entry *x = d->work->queue.head;
    const occurrence o = occurrence_of(x);
    int32_t code = d->flags & DEAL_FINAL ? DEALFSM_E_TERMINATED : plan(e, &o);
    if (code && code != DEALFSM_E_NO_MEMORY) {
        over(e, entries_pop(&d->work->queue), code);
        return;
    }
    const step_result result = planned(e);
    if (!code && !engine_has_store(e)) {
        entries_pop(&d->work->queue);
        commit_direct(e, &o);
        free(x);
        return;
    }
    if (!code && put_step(e, &result))
        return;
    if (!code)
        block_give(e->shard, result.block, result.capacity);
    engine_stall(e, DEALFSM_STALL_MEMORY, "no memory for the next event");
}

/* ---- Handlers */

/* The event that the handler raises goes to the tail of the queue; with nothing before it, it is applied. */
static void raise(drive *e)
{
    deal *d = e->deal;
    const occurrence o = {e->next.number, e->next.count, e->next.args, true};
    bool queued = engine_has_store(e) || (d->work && d->work->queue.head);
    int32_t code = DEALFSM_OK;
    if (queued) {
        entry *x = deal_work(e->shard, d) ? entry_new(o.event, o.args, o.count, true) : NULL;
        code = x ? DEALFSM_OK : DEALFSM_E_NO_MEMORY;
        if (x)
            entries_push(&d->work->queue, x);
    } else if ((code = plan(e, &o)) == DEALFSM_OK) {
        commit_direct(e, &o);
        return;
    }
    if (code == DEALFSM_E_NO_MEMORY) {
        engine_stall(e, DEALFSM_STALL_MEMORY, "no memory for the event that the handler raises");
        return;
    }
    if (!queued)
        notice_refused(e, DEALFSM_NOTICE_REFUSED, &o, code, e->outcome.why);
    bool once = d->work && d->work->asked_once;
    end_run(e);
    changed(e);
    if (queued && once && engine_has_store(e)) /* the deal must not leave before a row says that the handler is through */
        d->work->promised = d->revision;
}

dealfsm_op_fn *op_function(const dealfsm_environment *environment, uint32_t op)
{
    switch (op) {
#define OP_CASE(number, word)                                                                                          \
    case Op##word:                                                                                                     \
        return environment->word;
        FSM_OPS(OP_CASE)
    }
    return NULL;
}

/* Notes the asking of an op in the deal. */
static void note_asked(work *w, uint32_t op)
{
    w->open_nth = 1;
    for (uint32_t i = 0; i < w->answered; i++)
        w->open_nth += w->asked[i] == op;
    w->open_op = op;
    w->asked[w->answered] = (uint8_t)op;
    w->asked_once |= module_version.machine->ops[op].op_class == FSM_ONCE;
}

/* Asks the host. False: another thread has taken over (e->left). */
static bool ask(drive *e)
{
    deal *d = e->deal;
    work *w = deal_work(e->shard, d);
    if (!w) {
        engine_stall(e, DEALFSM_STALL_MEMORY, "no memory to ask the host");
        return true;
    }
    if (unsaved(d)) { /* what was accepted must not wait for the host */
        put_row(e);
        return true;
    }
    dealfsm_value values[FSM_ARGS_MAX];
    border_write_values(values, e->next.args, e->next.count);
    note_asked(w, e->next.number);
    dealfsm_op op = {.struct_size = sizeof op,
                     .op = e->next.number,
                     .deal = d->id,
                     .sequence = d->sequence,
                     .nth = w->open_nth,
                     .flags = (w->ask_again ? (uint32_t)DEALFSM_OP_ASKED_BEFORE : 0) |
                              (d->flags & DEAL_WITHOUT_KEY ? (uint32_t)DEALFSM_OP_WITHOUT_KEY : 0) |
                              (d->flags & DEAL_UNVERSIONED ? (uint32_t)DEALFSM_OP_UNVERSIONED : 0),
                     .args = values,
                     .args_count = e->next.count,
                     .args_stride = sizeof *values};
    frame f;
    e->shard->counters.ops++;
    d->flags = (d->flags | DEAL_IN_CALL) & ~(uint32_t)DEAL_BUSY;
    frame_enter(&e->shard->frames, &f);
    engine_unlock(e);
    op_function(&e->machine->environment, op.op)(e->machine->environment.ctx, &op);
    engine_lock(e);
    frame_leave(&f);
    d->flags &= ~(uint32_t)DEAL_IN_CALL;
    e->left = d->flags & DEAL_BUSY;
    d->flags |= DEAL_BUSY;
    return !e->left;
}

static bool run_handler(drive *e)
{
    deal *d = e->deal;
    work *w = d->work;
    engine_look(e);
    const fsm_handler *handler = fsm_find_handler(module_version.machine, e->before.status);
    e->next.wish = FSM_NOTHING;
    if (handler)
        handler->run(&e->before, w ? w->answers : NULL, w ? w->answered : 0, &e->handler_scratch, &e->next);
    switch (e->next.wish) {
    case FSM_RAISE:
        raise(e);
        return true;
    case FSM_ASK:
        return ask(e);
    case FSM_NOTHING:
        break;
    }
    end_run(e);
    changed(e);
    return true;
}

/* ---- Going on */

static bool stopped(const deal *d)
{
    return d->flags & (DEAL_GONE | DEAL_STALLED | DEAL_FROZEN) || (d->work && d->work->put.kind) ||
           (d->flags & DEAL_STAGED && !(d->flags & DEAL_ACTIVATING));
}

/* What was refused since the last put is in no snapshot: a put has to name it before the deal may leave. */
bool engine_untold(const deal *d)
{
    return d->work && d->work->over.head;
}

bool engine_may_freeze(const deal *d)
{
    const work *w = d->work;
    if (d->flags & (DEAL_GONE | DEAL_IN_CALL) || (w && w->put.kind))
        return false; /* the driver itself asks, so DEAL_BUSY says nothing here */
    if (d->flags & DEAL_STALLED)
        return true;
    return !(unsaved(d) || engine_untold(d) || (w && w->answered && !w->open_op && d->flags & DEAL_OWED));
}

/* Does one thing. False: nothing can be done now; then the mutex was held from that finding on, so that nobody's retry or
 * freeze is overlooked. */
static bool advance(drive *e)
{
    deal *d = e->deal;
    if (d->flags & DEAL_FREEZING && engine_may_freeze(d)) {
        d->flags = (d->flags | DEAL_FROZEN) & ~(uint32_t)DEAL_FREEZING;
        return false;
    }
    if (stopped(d))
        return false;
    if (d->flags & DEAL_MUST_PUT || (d->flags & DEAL_FREEZING && engine_untold(d))) {
        put_row(e);
        return true;
    }
    if (d->flags & DEAL_OWED && !(d->flags & DEAL_IN_CALL) && !(d->work && d->work->open_op))
        return run_handler(e);
    if (!(d->flags & DEAL_OWED) && d->work && d->work->queue.head && !(d->flags & DEAL_FREEZING)) {
        take_head(e);
        return true;
    }
    if (unsaved(d)) {
        put_row(e);
        return true;
    }
    return false;
}

static void tell_rest(drive *e)
{
    frame f;
    uint64_t id = e->deal->id;
    if (!e->machine->rest.at_rest)
        return;
    frame_enter(&e->shard->frames, &f);
    engine_unlock(e);
    e->machine->rest.at_rest(e->machine->rest.ctx, id);
    engine_lock(e);
    frame_leave(&f);
}

static void note_standing(drive *e)
{
    const deal *d = e->deal;
    if (e->settled)
        return;
    e->revision = d->revision;
    e->standing = DEALFSM_APPLIED;
    if (d->flags & DEAL_GONE)
        e->standing = DEALFSM_E_LOST;
    else if (d->flags & DEAL_STALLED)
        e->standing = DEALFSM_STALLED;
    else if (d->work && d->work->put.kind) {
        e->standing = DEALFSM_ACCEPTED;
        e->revision = d->work->put.revision;
    }
}

void engine_settle(drive *e)
{
    note_standing(e);
    e->settled = !(e->deal->flags & DEAL_MUST_PUT);
}

void engine_drive(drive *e)
{
    deal *d = e->deal;
    note_standing(e);
    if (d->flags & DEAL_BUSY)
        return;
    d->flags |= DEAL_BUSY;
    bool freezing = d->flags & DEAL_FREEZING;
    while (advance(e)) {
        freezing |= (d->flags & DEAL_FREEZING) != 0;
        if (e->has_put)
            note_standing(e);
        e->settled |= e->has_put;
    }
    note_standing(e);
    if (e->left)
        return;
    d->flags &= ~(uint32_t)DEAL_BUSY;
    if (freezing && d->flags & DEAL_FROZEN)
        tell_rest(e);
    else if (d->flags & DEAL_GONE)
        deal_free(e->machine, e->shard, d);
    else
        deal_rest(e->shard, d);
}
