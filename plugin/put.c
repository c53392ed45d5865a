/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Puts: a deal's row on its way to the store and back. */
#include <stdlib.h>
#include <string.h>

#include "engine_parts.h"
#include "sidecar.h"

enum { PUT_STACK = 4096, HAPPENED_STACK = 8 };

typedef struct put_plan {
    const fsm_record *record;
    sidecar sidecar;
    uint64_t record_len, sidecar_len;
    uint32_t happened;
} put_plan;

static void fill_over(dealfsm_happened *out, const entry *x, uint64_t sequence)
{
    const char *why = notice_refusal_text(x->reason, x->why);
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
    const extra *x = e->deal->extra;
    const entry *queued = w->queue.head;
    if (w->put.moved)
        *out++ = (dealfsm_happened){.struct_size = sizeof *out,
                                    .kind = DEALFSM_HAPPENED_MOVED,
                                    .sequence = p->sidecar.sequence,
                                    .from = x->moved_status,
                                    .to = p->record->status,
                                    .message = (const char *)x->moved_from.data,
                                    .message_len = x->moved_from.size};
    if (w->put.kind == PUT_STEP) {
        *out++ = (dealfsm_happened){.struct_size = sizeof *out,
                                    .kind = DEALFSM_HAPPENED_APPLIED,
                                    .event = queued->event,
                                    .sequence = p->sidecar.sequence,
                                    .from = e->before.status,
                                    .to = e->after.status,
                                    .message = (const char *)e->after.message.data,
                                    .message_len = e->after.message.size};
        queued = queued->next;
    }
    for (const entry *over = w->over.head; over; over = over->next)
        fill_over(out++, over, e->deal->sequence);
    for (uint32_t i = 0; i < w->put.ends; i++, queued = queued->next) {
        entry ended = {.event = queued->event, .reason = DEALFSM_E_TERMINATED, .status = e->after.status};
        fill_over(out++, &ended, p->sidecar.sequence);
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
    sidecar_write(&p->sidecar, bytes + p->record_len, p->sidecar_len);
    fill_happened(e, happened, p);
    dealfsm_put row = {.struct_size = sizeof row,
                       .final_state = fsm_is_final(module_version.machine, p->record->status),
                       .deal = d->id,
                       .revision = w->put.revision,
                       .sequence = p->sidecar.sequence,
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
    engine_unlock(e);
    int32_t outcome = e->machine->store.put(e->machine->store.ctx, &row);
    engine_lock(e);
    frame_leave(&f);
    w->put.called = false;
    if (outcome == DEALFSM_PUT_PENDING && w->put.reported)
        outcome = w->put.reported;
    return outcome;
}

/* The row says nothing of the ops that follow it: whoever reads it after a crash has to reckon with all that the owed handler may
 * have asked for. */
static uint32_t owed_in_row(uint32_t owed, uint64_t status)
{
    const fsm_handler *handler = fsm_find_handler(module_version.machine, status);
    for (uint32_t i = 0; owed & SIDECAR_OWED && handler && handler->ops[i]; i++)
        if (module_version.machine->ops[handler->ops[i]].op_class == FSM_ONCE)
            owed |= SIDECAR_ASKED_ONCE;
    return owed;
}

/* Puts the record, of e->record_len stored bytes, as w->put says; the deal's work is there. False: no memory, nothing has
 * happened. */
static bool put_now(drive *e, const fsm_record *record, const sidecar *side)
{
    deal *d = e->deal;
    work *w = d->work;
    uint8_t stack[PUT_STACK], *bytes = stack;
    dealfsm_happened few[HAPPENED_STACK], *happened = few;
    bool step = w->put.kind == PUT_STEP;
    put_plan p = {.record = record, .sidecar = *side};
    p.sidecar.revision = w->put.revision = d->revision + 1;
    p.sidecar.owed = owed_in_row(side->owed, record->status);
    w->put.over = w->over.count;
    w->put.ends = step && w->put.step.is_final ? w->queue.count - 1 : 0;
    w->put.moved = d->extra && d->extra->moved_from.size; /* DEAL_MUST_PUT is set then: no step comes before it */
    p.happened = w->put.moved + step + w->put.over + w->put.ends;
    p.record_len = e->record_len;
    p.sidecar_len = sidecar_write(&p.sidecar, NULL, 0);
    if (p.record_len + p.sidecar_len > sizeof stack)
        bytes = malloc(p.record_len + p.sidecar_len);
    if (p.happened > HAPPENED_STACK)
        happened = malloc(p.happened * sizeof *happened);
    bool ready = bytes && happened;
    if (ready) {
        d->revision++;
        d->behind++;
        e->has_put = true;
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
void put_row(drive *e)
{
    deal *d = e->deal;
    if (!engine_has_store(e)) {
        d->revision++;
        d->behind = 0;
        e->has_put = true;
        d->flags &= ~(uint32_t)DEAL_MUST_PUT;
        if (d->flags & DEAL_ACTIVATING)
            d->flags &= ~(uint32_t)(DEAL_STAGED | DEAL_ACTIVATING);
        return;
    }
    uint32_t must = d->flags & DEAL_MUST_PUT;
    if (deal_work(e->shard, d)) {
        const char *field, *why;
        d->flags &= ~must; /* a thaw may set it again while this put is under way */
        unpack(&e->after, d->record, d->id);
        layout_write(module_version.layout, &e->after, NULL, 0, &e->record_len, &field, &why);
        d->work->put = (put){.kind = PUT_ROW};
        const sidecar side = sidecar_of(d);
        if (put_now(e, &e->after, &side))
            return;
        d->flags |= must;
    }
    engine_stall(e, DEALFSM_STALL_MEMORY, "no memory for a put");
}

/* The store says that the deal belongs to somebody else. */
static void lose(drive *e)
{
    deal_remove(e->shard, e->deal);
    engine_unlock(e);
    machine_log(e->machine, DEALFSM_LOG_WARNING, e->deal->id,
                "the store has a higher revision of this deal: it belongs to another machine and leaves this one");
    engine_lock(e);
}

static void step_durable(drive *e, const put *p)
{
    work *w = e->deal->work;
    entry *x = entries_pop(&w->queue);
    occurrence o = occurrence_of(x);
    engine_commit(e, &o, &p->step, p->revision);
    if (x == e->mine) {
        e->mine = NULL;
        e->mine_ended = DEALFSM_APPLIED;
    }
    free(x);
    for (uint32_t i = 0; i < p->ends; i++) { /* named in this put already */
        x = entries_pop(&w->queue);
        o = occurrence_of(x);
        notice_refused(e, DEALFSM_NOTICE_TERMINATED, &o, DEALFSM_E_TERMINATED, "");
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
        if (p.moved)
            d->extra->moved_from = (fsm_bytes){0};
        for (uint32_t i = 0; i < p.over; i++)
            free(entries_pop(&w->over));
        if (p.kind == PUT_STEP) {
            step_durable(e, &p);
            return;
        }
        if (d->flags & DEAL_ACTIVATING)
            d->flags &= ~(uint32_t)(DEAL_STAGED | DEAL_ACTIVATING);
        return;
    }
    if (p.step.block)
        block_give(e->shard, p.step.block, p.step.capacity);
    if (outcome == DEALFSM_PUT_LOST) {
        lose(e);
        return;
    }
    e->shard->counters.puts_failed++;
    d->flags |= DEAL_MUST_PUT * (uint32_t)(p.kind == PUT_ROW);
    engine_stall(e, DEALFSM_STALL_PUT, "the store could not make it durable");
}

bool put_step(drive *e, const step_result *result)
{
    work *w = e->deal->work;
    sidecar side = sidecar_of(e->deal);
    side.sequence++;
    uint32_t later = side.owed & SIDECAR_KEYLESS_LATER;
    side.owed = result->is_final ? 0 : later;
    if (result->handler_owed)
        side.owed = SIDECAR_OWED | (later ? (uint32_t)SIDECAR_WITHOUT_KEY : 0);
    side.carried = (fsm_bytes){0};
    side.queue = side.queue->next;
    side.queued = result->is_final ? 0 : side.queued - 1;
    w->put = (put){.kind = PUT_STEP, .step = *result};
    return put_now(e, &e->after, &side);
}
