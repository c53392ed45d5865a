/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void lock(drive *e)
{
    pthread_mutex_lock(&e->shard->mutex);
}

static void unlock(drive *e)
{
    pthread_mutex_unlock(&e->shard->mutex);
}

static bool has_store(const drive *e)
{
    return e->machine->store.put;
}

/* The present state has changed without a put. */
static void changed(drive *e)
{
    e->deal->revision++;
    if (has_store(e))
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
    unlock(e);
    machine_log(e->machine, DEALFSM_LOG_WARNING, e->deal->id, line);
    lock(e);
}

/* ---- Notices */

static void tell(drive *e, uint32_t kind, uint64_t from, uint64_t revision, uint32_t event, const fsm_value *args,
                 uint32_t count, bool raised, int32_t reason, const char *why)
{
    deal *d = e->deal;
    if (!subscriptions_any(e->machine, d))
        return;
    fsm_record record;
    dealfsm_record view;
    dealfsm_value values[3];
    unpack(&record, d->record, d->id);
    border_write_record(&view, &record);
    border_write_values(values, args, count);
    dealfsm_event told = {sizeof told, event, values, count, sizeof *values};
    dealfsm_notice notice = {.struct_size = sizeof notice,
                             .kind = kind,
                             .deal = d->id,
                             .sequence = d->sequence,
                             .revision = revision,
                             .from = from,
                             .to = record.status,
                             .reason = reason,
                             .from_handler = raised,
                             .reason_text = why,
                             .event = &told,
                             .record = &view};
    unlock(e);
    subscriptions_tell(e->machine, d, &notice);
    lock(e);
}

static const char *refusal_text(int32_t code, const char *why)
{
    switch (code) {
    case DEALFSM_E_TERMINATED:
        return "the deal has ended";
    case DEALFSM_E_INVALID_TRANSITION:
        return "the event has no transition from the present state";
    default:
        return why;
    }
}

static void tell_refused(drive *e, uint32_t kind, const entry *x)
{
    dealfsm_counters *counters = &e->shard->counters;
    ++*(kind == DEALFSM_NOTICE_TERMINATED ? &counters->terminated : &counters->refused);
    tell(e, kind, packed_status(e->deal->record), e->deal->revision, x->event, x->args, x->count, x->raised, x->reason,
         refusal_text(x->reason, x->why));
}

/* An entry that is over: told, and with a store kept until the next put has named it. */
static void over(drive *e, entry *x, uint32_t kind, int32_t reason, const char *why)
{
    x->reason = reason;
    x->why = why;
    x->status = packed_status(e->deal->record);
    tell_refused(e, kind, x);
    if (has_store(e))
        entries_push(&e->deal->work->over, x);
    else
        free(x);
}

/* ---- Steps */

/* Looks what an event comes to: DEALFSM_OK with e->after and a block for it, or the code that refuses it. */
static int32_t plan(drive *e, uint32_t event, const fsm_value *args, packed **next, uint32_t *capacity)
{
    unpack(&e->before, e->deal->record, e->deal->id);
    e->outcome = fsm_step(module_version.machine, &e->before, event, args, &e->step_scratch, &e->after);
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
    if (has_store(e) &&
        !layout_write(module_version.layout, &e->after, NULL, 0, &e->record_len, &field, &e->outcome.why))
        return DEALFSM_E_ACTION;
    *next = block_take(e->shard, pack_size(&e->after), capacity);
    if (!*next)
        return DEALFSM_E_NO_MEMORY;
    pack(*next, &e->after);
    return DEALFSM_OK;
}

static void end_run(drive *e)
{
    e->deal->flags &= ~(uint32_t)(DEAL_OWED | DEAL_WITHOUT_KEY);
    if (e->deal->work)
        run_clear(e->deal->work);
}

/* The step is durable: its record becomes the deal's, and it is told. args may lie in the old record or in answers. */
static void commit(drive *e, packed *next, uint32_t capacity, bool handler_owed, bool is_final, uint64_t revision,
                   uint32_t event, const fsm_value *args, uint32_t count, bool raised)
{
    deal *d = e->deal;
    packed *old = d->record;
    uint32_t old_capacity = d->capacity;
    uint64_t from = packed_status(old);
    d->record = next;
    d->capacity = capacity;
    d->sequence++;
    d->flags &= ~(uint32_t)(DEAL_OWED | DEAL_WITHOUT_KEY);
    d->flags |= DEAL_VISIBLE | (handler_owed ? (uint32_t)DEAL_OWED : 0) | (is_final ? (uint32_t)DEAL_FINAL : 0);
    e->shard->counters.applied++;
    tell(e, DEALFSM_NOTICE_APPLIED, from, revision, event, args, count, raised, 0, "");
    if (d->work)
        run_clear(d->work);
    block_give(e->shard, old, old_capacity);
}

/* ---- Puts */

enum { PUT_STACK = 4096, HAPPENED_STACK = 8 };

typedef struct put_plan {
    const fsm_record *record;
    uint64_t sequence;
    uint32_t owed; /* SIDECAR_… */
    uint32_t skip; /* queued events that the sidecar leaves out */
    uint64_t record_len, sidecar_len;
    uint32_t happened;
} put_plan;

static void fill_over(dealfsm_happened *out, const entry *x, uint64_t sequence)
{
    const char *why = refusal_text(x->reason, x->why);
    *out = (dealfsm_happened){.struct_size = sizeof *out,
                              .kind = x->reason == DEALFSM_E_TERMINATED ? DEALFSM_HAPPENED_TERMINATED
                                                                        : DEALFSM_HAPPENED_REFUSED,
                              .event = x->event,
                              .reason = x->reason,
                              .sequence = sequence,
                              .from = x->status,
                              .to = x->status,
                              .message = why,
                              .message_len = strlen(why)};
}

static void fill_happened(drive *e, dealfsm_happened *out, const put_plan *p)
{
    const work *w = e->deal->work;
    const entry *queued = w->queue.head;
    if (w->put.kind == PUT_STEP) {
        *out++ = (dealfsm_happened){.struct_size = sizeof *out,
                                    .kind = DEALFSM_HAPPENED_APPLIED,
                                    .event = queued->event,
                                    .sequence = p->sequence,
                                    .from = e->before.status,
                                    .to = e->after.status,
                                    .message = (const char *)e->after.message.data,
                                    .message_len = e->after.message.size};
        queued = queued->next;
    }
    for (const entry *x = w->over.head; x; x = x->next)
        fill_over(out++, x, e->deal->sequence);
    for (uint32_t i = 0; i < w->put.ends; i++, queued = queued->next) {
        entry ended = {.event = queued->event, .reason = DEALFSM_E_TERMINATED, .status = e->after.status};
        fill_over(out++, &ended, p->sequence);
    }
}

/* Calls the store. The put stands in the deal's work already. */
static int32_t call_store(drive *e, const put_plan *p, uint8_t *bytes, dealfsm_happened *happened)
{
    deal *d = e->deal;
    work *w = d->work;
    const char *field, *why;
    uint64_t length = 0;
    layout_write(module_version.layout, p->record, bytes, p->record_len, &length, &field, &why);
    sidecar_write(d, p->sequence, w->put.revision, p->owed, p->skip, bytes + p->record_len, p->sidecar_len);
    fill_happened(e, happened, p);
    dealfsm_put row = {.struct_size = sizeof row,
                       .final_state = fsm_is_final(module_version.machine, p->record->status),
                       .deal = d->id,
                       .revision = w->put.revision,
                       .sequence = p->sequence,
                       .status = p->record->status,
                       .machine_version = module_version.machine->version,
                       .record = bytes,
                       .record_len = p->record_len,
                       .sidecar = bytes + p->record_len,
                       .sidecar_len = p->sidecar_len,
                       .happened = happened,
                       .happened_count = p->happened,
                       .happened_stride = sizeof *happened};
    frame f;
    e->shard->counters.puts++;
    w->put.called = true;
    frame_enter(&e->shard->frames, &f);
    unlock(e);
    int32_t outcome = e->machine->store.put(e->machine->store.ctx, &row);
    lock(e);
    frame_leave(&f);
    w->put.called = false;
    if (outcome == DEALFSM_PUT_PENDING && w->put.reported)
        outcome = w->put.reported;
    return outcome;
}

/* Puts the record, of e->record_len stored bytes, as w->put says; the deal's work is there. False: no memory, nothing has
 * happened. */
static bool put_now(drive *e, const fsm_record *record, uint32_t owed, uint32_t skip)
{
    deal *d = e->deal;
    work *w = d->work;
    uint8_t stack[PUT_STACK], *bytes = stack;
    dealfsm_happened few[HAPPENED_STACK], *happened = few;
    bool step = w->put.kind == PUT_STEP;
    put_plan p = {.record = record, .sequence = d->sequence + step, .owed = owed, .skip = skip};
    w->put.revision = d->revision + 1;
    w->put.over = w->over.count;
    w->put.ends = step && w->put.is_final ? w->queue.count - 1 : 0;
    p.happened = step + w->put.over + w->put.ends;
    p.record_len = e->record_len;
    p.sidecar_len = sidecar_write(d, p.sequence, w->put.revision, owed, skip, NULL, 0);
    if (p.record_len + p.sidecar_len > sizeof stack)
        bytes = malloc(p.record_len + p.sidecar_len);
    if (p.happened > HAPPENED_STACK)
        happened = malloc(p.happened * sizeof *happened);
    bool ready = bytes && happened;
    if (ready) {
        d->revision++;
        d->behind++;
        int32_t outcome = call_store(e, &p, bytes, happened);
        if (outcome != DEALFSM_PUT_PENDING)
            engine_stored(e, outcome);
    } else {
        w->put = (put){0};
    }
    if (bytes != stack)
        free(bytes);
    if (happened != few)
        free(happened);
    return ready;
}

/* Puts the row as it is now: queue, or a row that has to be written first. */
static void put_row(drive *e)
{
    deal *d = e->deal;
    if (!has_store(e)) {
        d->revision++;
        d->behind = 0;
        d->flags &= ~(uint32_t)DEAL_MUST_PUT;
        if (d->flags & DEAL_ACTIVATING)
            d->flags &= ~(uint32_t)(DEAL_STAGED | DEAL_ACTIVATING);
        return;
    }
    if (deal_work(e->shard, d)) {
        const char *field, *why;
        unpack(&e->after, d->record, d->id);
        layout_write(module_version.layout, &e->after, NULL, 0, &e->record_len, &field, &why);
        d->work->put = (put){.kind = PUT_ROW};
        if (put_now(e, &e->after, sidecar_owed(d), 0))
            return;
    }
    engine_stall(e, DEALFSM_STALL_MEMORY, "no memory for a put");
}

/* The store says that the deal belongs to somebody else. */
static void lose(drive *e)
{
    deal_remove(e->shard, e->deal);
    unlock(e);
    machine_log(e->machine, DEALFSM_LOG_WARNING, e->deal->id,
                "the store has a higher revision of this deal: it belongs to another machine and leaves this one");
    lock(e);
}

static void step_durable(drive *e, const put *p)
{
    work *w = e->deal->work;
    entry *x = entries_pop(&w->queue);
    commit(e, p->next, p->next_capacity, p->handler_owed, p->is_final, p->revision, x->event, x->args, x->count,
           x->raised);
    if (x == e->mine) {
        e->mine = NULL;
        e->mine_ended = DEALFSM_APPLIED;
    }
    free(x);
    for (uint32_t i = 0; i < p->ends; i++) { /* named in this put already */
        x = entries_pop(&w->queue);
        x->reason = DEALFSM_E_TERMINATED;
        tell_refused(e, DEALFSM_NOTICE_TERMINATED, x);
        free(x);
    }
}

void engine_stored(drive *e, int32_t outcome)
{
    deal *d = e->deal;
    work *w = d->work;
    put p = w->put;
    w->put = (put){0};
    if (outcome == DEALFSM_PUT_DURABLE) {
        d->behind = d->revision - p.revision;
        d->flags |= DEAL_VISIBLE;
        w->saved = p.revision;
        for (uint32_t i = 0; i < p.over; i++)
            free(entries_pop(&w->over));
        if (p.kind == PUT_STEP) {
            step_durable(e, &p);
            return;
        }
        d->flags &= ~(uint32_t)DEAL_MUST_PUT;
        if (d->flags & DEAL_ACTIVATING)
            d->flags &= ~(uint32_t)(DEAL_STAGED | DEAL_ACTIVATING);
        return;
    }
    if (p.next)
        block_give(e->shard, p.next, p.next_capacity);
    if (outcome == DEALFSM_PUT_LOST) {
        lose(e);
        return;
    }
    e->shard->counters.puts_failed++;
    d->flags |= DEAL_MUST_PUT * (uint32_t)(p.kind == PUT_ROW);
    engine_stall(e, DEALFSM_STALL_PUT, "the store could not make it durable");
}

/* ---- Events */

/* Puts the step that plan found for the head of the queue. False: no memory. */
static bool put_step(drive *e, packed *next, uint32_t capacity)
{
    work *w = e->deal->work;
    w->put = (put){.kind = PUT_STEP,
                   .next = next,
                   .next_capacity = capacity,
                   .handler_owed = e->outcome.handler_owed,
                   .is_final = e->outcome.is_final};
    return put_now(e, &e->after, e->outcome.handler_owed ? SIDECAR_OWED : 0,
                   e->outcome.is_final ? w->queue.count : 1);
}

/* Without a store: an event, not queued, that plan has taken. */
static void commit_direct(drive *e, packed *next, uint32_t capacity, uint32_t event, const fsm_value *args,
                          uint32_t count, bool raised)
{
    uint64_t revision = ++e->deal->revision;
    commit(e, next, capacity, e->outcome.handler_owed, e->outcome.is_final, revision, event, args, count, raised);
}

static void refuse_direct(drive *e, uint32_t event, const fsm_value *args, uint32_t count, bool raised, int32_t code)
{
    e->shard->counters.refused++;
    tell(e, DEALFSM_NOTICE_REFUSED, packed_status(e->deal->record), e->deal->revision, event, args, count, raised, code,
         refusal_text(code, e->outcome.why));
}

int32_t engine_apply(drive *e, uint32_t event, const fsm_value *args, uint32_t count, uint64_t *revision)
{
    packed *next = NULL;
    uint32_t capacity = 0;
    deal *d = e->deal;
    int32_t code = plan(e, event, args, &next, &capacity);
    if (code == DEALFSM_E_NO_MEMORY)
        return code;
    d->flags |= DEAL_BUSY;
    if (code) {
        refuse_direct(e, event, args, count, false, code);
    } else if (!has_store(e)) {
        commit_direct(e, next, capacity, event, args, count, false);
        *revision = d->revision;
    } else {
        entry *x = deal_work(e->shard, d) ? entry_new(event, args, count, false) : NULL;
        if (x) {
            entries_push(&d->work->queue, x);
            e->mine = x;
            e->mine_ended = DEALFSM_ACCEPTED;
            *revision = x->promise = d->revision + 1;
        }
        if (!x || !put_step(e, next, capacity)) {
            if (x)
                free(entries_pop(&d->work->queue));
            e->mine = NULL;
            block_give(e->shard, next, capacity);
            code = DEALFSM_E_NO_MEMORY;
        } else {
            code = d->flags & DEAL_GONE ? DEALFSM_E_LOST : d->flags & DEAL_STALLED ? DEALFSM_STALLED : e->mine_ended;
        }
    }
    d->flags &= ~(uint32_t)DEAL_BUSY;
    return code;
}

int32_t engine_accept(drive *e, uint32_t event, const fsm_value *args, uint32_t count, uint64_t *revision)
{
    deal *d = e->deal;
    work *w = deal_work(e->shard, d);
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < count; i++)
        bytes += (uint64_t)args[i].bytes.size + args[i].more.size;
    if (w && (w->queue.count >= e->machine->queue_events || w->queue.bytes + bytes > e->machine->queue_bytes))
        return DEALFSM_E_QUEUE_FULL;
    entry *x = w ? entry_new(event, args, count, false) : NULL;
    if (!x)
        return DEALFSM_E_NO_MEMORY;
    changed(e);
    *revision = x->promise = w->promised = d->revision;
    if (!has_store(e))
        w->saved = w->promised;
    entries_push(&w->queue, x);
    return DEALFSM_OK;
}

/* Takes the head of the queue. */
static bool take_head(drive *e)
{
    deal *d = e->deal;
    entry *x = d->work->queue.head;
    packed *next = NULL;
    uint32_t capacity = 0;
    if (d->flags & DEAL_FINAL) {
        over(e, entries_pop(&d->work->queue), DEALFSM_NOTICE_TERMINATED, DEALFSM_E_TERMINATED, "");
        return true;
    }
    int32_t code = plan(e, x->event, x->args, &next, &capacity);
    if (code && code != DEALFSM_E_NO_MEMORY) {
        over(e, entries_pop(&d->work->queue), DEALFSM_NOTICE_REFUSED, code, e->outcome.why);
        return true;
    }
    if (!code && !has_store(e)) {
        entries_pop(&d->work->queue);
        commit_direct(e, next, capacity, x->event, x->args, x->count, x->raised);
        free(x);
        return true;
    }
    if (!code && put_step(e, next, capacity))
        return true;
    if (!code)
        block_give(e->shard, next, capacity);
    engine_stall(e, DEALFSM_STALL_MEMORY, "no memory for the next event");
    return false;
}

/* ---- Handlers */

/* The event that the handler raises goes to the tail of the queue; with nothing before it, it is applied. */
static bool raise(drive *e)
{
    deal *d = e->deal;
    fsm_next *next = &e->next;
    if (has_store(e) || (d->work && d->work->queue.head)) {
        entry *x = deal_work(e->shard, d) ? entry_new(next->number, next->args, next->count, true) : NULL;
        if (!x) {
            engine_stall(e, DEALFSM_STALL_MEMORY, "no memory for the event that the handler raises");
            return false;
        }
        end_run(e);
        changed(e);
        entries_push(&d->work->queue, x);
        return true;
    }
    packed *block = NULL;
    uint32_t capacity = 0;
    int32_t code = plan(e, next->number, next->args, &block, &capacity);
    if (code == DEALFSM_E_NO_MEMORY) {
        engine_stall(e, DEALFSM_STALL_MEMORY, "no memory for the event that the handler raises");
        return false;
    }
    if (code == DEALFSM_OK) {
        commit_direct(e, block, capacity, next->number, next->args, next->count, true);
        return true;
    }
    refuse_direct(e, next->number, next->args, next->count, true, code);
    end_run(e);
    changed(e);
    return true;
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

/* Asks the host. False: nothing can be done now, or another thread has taken over (e->left). */
static bool ask(drive *e)
{
    deal *d = e->deal;
    work *w = deal_work(e->shard, d);
    if (!w) {
        engine_stall(e, DEALFSM_STALL_MEMORY, "no memory to ask the host");
        return false;
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
                              (d->flags & DEAL_WITHOUT_KEY ? (uint32_t)DEALFSM_OP_WITHOUT_KEY : 0),
                     .args = values,
                     .args_count = e->next.count,
                     .args_stride = sizeof *values};
    frame f;
    e->shard->counters.ops++;
    d->flags = (d->flags | DEAL_IN_CALL) & ~(uint32_t)DEAL_BUSY;
    frame_enter(&e->shard->frames, &f);
    unlock(e);
    op_function(&e->machine->environment, op.op)(e->machine->environment.ctx, &op);
    lock(e);
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
    unpack(&e->before, d->record, d->id);
    const fsm_handler *handler = fsm_find_handler(module_version.machine, e->before.status);
    e->next.wish = FSM_NOTHING;
    if (handler)
        handler->run(&e->before, w ? w->answers : NULL, w ? w->answered : 0, &e->handler_scratch, &e->next);
    switch (e->next.wish) {
    case FSM_RAISE:
        return raise(e);
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

bool engine_may_freeze(const deal *d)
{
    const work *w = d->work;
    if (d->flags & (DEAL_GONE | DEAL_IN_CALL) || (w && w->put.kind))
        return false; /* the driver itself asks, so DEAL_BUSY says nothing here */
    return d->flags & DEAL_STALLED || !(unsaved(d) || (w && w->answered && !w->open_op && d->flags & DEAL_OWED));
}

/* Does one thing. False: nothing can be done now. */
static bool advance(drive *e)
{
    deal *d = e->deal;
    if (d->flags & DEAL_FREEZING && engine_may_freeze(d)) {
        d->flags = (d->flags | DEAL_FROZEN) & ~(uint32_t)DEAL_FREEZING;
        return false;
    }
    if (stopped(d))
        return false;
    if (d->flags & DEAL_MUST_PUT) {
        put_row(e);
        return true;
    }
    if (d->flags & DEAL_OWED && !(d->flags & DEAL_IN_CALL) && !(d->work && d->work->open_op))
        return run_handler(e);
    if (!(d->flags & DEAL_OWED) && d->work && d->work->queue.head && !(d->flags & DEAL_FREEZING))
        return take_head(e);
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
    unlock(e);
    e->machine->rest.at_rest(e->machine->rest.ctx, id);
    lock(e);
    frame_leave(&f);
}

static void note_standing(drive *e)
{
    const deal *d = e->deal;
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

void engine_drive(drive *e)
{
    deal *d = e->deal;
    note_standing(e);
    if (d->flags & DEAL_BUSY)
        return;
    d->flags |= DEAL_BUSY;
    bool freezing = d->flags & DEAL_FREEZING;
    while (advance(e))
        freezing |= (d->flags & DEAL_FREEZING) != 0;
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
