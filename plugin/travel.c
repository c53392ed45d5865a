/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "travel.h"

#include <stdlib.h>
#include <string.h>

#include "cbor.h"

const version *version_find(const char *tag)
{
    const version *v = &module_version;
    while (v && strcmp(v->machine->version, tag))
        v = v->before;
    return v;
}

typedef struct chunk {
    struct chunk *next;
    uint8_t bytes[];
} chunk;

/* Memory until journey_end; NULL: none. */
static void *take(journey *j, uint64_t size)
{
    chunk *c = malloc(sizeof *c + size);
    if (!c)
        return NULL;
    c->next = j->memory;
    j->memory = c;
    return c->bytes;
}

void journey_end(journey *j)
{
    for (chunk *c = j->memory, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    entries_clear(&j->queue);
}

/* ---- What is carried */

static uint64_t carried_count(fsm_bytes carried)
{
    cbor_reader r = cbor_reader_of(carried);
    uint64_t count = 0;
    if (carried.size)
        cbor_read(&r, CBOR_ARRAY, &count, "");
    return count;
}

/* Reads the next pair of a list whose form was checked. */
static void carried_pair(cbor_reader *r, fsm_bytes *tag, fsm_bytes *record)
{
    uint64_t two = 0;
    cbor_read(r, CBOR_ARRAY, &two, "");
    cbor_read_string(r, CBOR_TEXT, UINT32_MAX, tag, "");
    cbor_read_string(r, CBOR_BYTES, UINT32_MAX, record, "");
}

static bool is_tag(fsm_bytes tag, const version *v)
{
    return tag.size == strlen(v->machine->version) && !memcmp(tag.data, v->machine->version, tag.size);
}

/* Rewrites the list: without `without`, and with the record that is left on `with`. False: no memory. */
static bool carry(journey *j, const version *without, const version *with, fsm_bytes left)
{
    fsm_bytes old = j->side.carried, tag, record;
    uint64_t kept = 0, count = carried_count(old);
    uint64_t capacity = (uint64_t)old.size + left.size + strlen(with->machine->version) + 32;
    cbor_writer w = {take(j, capacity), capacity, 0};
    if (!w.buffer)
        return false;
    for (int pass = 0; pass < 2; pass++) { /* count, then write */
        cbor_reader r = cbor_reader_of(old);
        uint64_t skipped = 0;
        if (pass)
            cbor_write_head(&w, CBOR_ARRAY, kept + 1);
        if (count)
            cbor_read(&r, CBOR_ARRAY, &skipped, "");
        for (uint64_t i = 0; i < count; i++) {
            carried_pair(&r, &tag, &record);
            if (is_tag(tag, without) || is_tag(tag, with))
                continue;
            kept += !pass;
            if (pass) {
                cbor_write_head(&w, CBOR_ARRAY, 2);
                cbor_write_string(&w, CBOR_TEXT, tag);
                cbor_write_string(&w, CBOR_BYTES, record);
            }
        }
    }
    cbor_write_head(&w, CBOR_ARRAY, 2);
    cbor_write_string(&w, CBOR_TEXT,
                      (fsm_bytes){(const uint8_t *)with->machine->version, (uint32_t)strlen(with->machine->version)});
    cbor_write_string(&w, CBOR_BYTES, left);
    j->side.carried = (fsm_bytes){w.buffer, (uint32_t)w.length};
    return true;
}

/* The record that is carried for a version; size 0: none. */
static fsm_bytes carried_for(const journey *j, const version *v)
{
    fsm_bytes tag, record, carried = j->side.carried;
    cbor_reader r = cbor_reader_of(carried);
    uint64_t count = 0;
    if (carried.size)
        cbor_read(&r, CBOR_ARRAY, &count, "");
    for (uint64_t i = 0; i < count; i++) {
        carried_pair(&r, &tag, &record);
        if (is_tag(tag, v))
            return record;
    }
    return (fsm_bytes){0};
}

/* ---- One step */

static int32_t no_memory(dealfsm_error *error)
{
    return border_fail(error, DEALFSM_E_NO_MEMORY, "", "no memory");
}

static bool encode(journey *j, const version *v, fsm_bytes *out)
{
    const char *field, *why;
    uint64_t length = 0;
    layout_write(v->layout, &j->t.record, NULL, 0, &length, &field, &why);
    uint8_t *bytes = take(j, length);
    if (bytes)
        layout_write(v->layout, &j->t.record, bytes, length, &length, &field, &why);
    *out = (fsm_bytes){bytes, (uint32_t)length};
    return bytes;
}

static int32_t verdict(fsm_verdict v, const char *why, const version *from, const version *to, dealfsm_error *error)
{
    if (v == FSM_STAYS)
        return border_fail(error, DEALFSM_E_STAYS, "deal", "stays on %s for now, does not move to %s: %s",
                           from->machine->version, to->machine->version, why);
    return border_fail(error, DEALFSM_E_REFUSED, "deal", "cannot move from %s to %s: %s", from->machine->version,
                       to->machine->version, why);
}

/* Back on a version that the deal was on, with nothing applied since: its record is what it was. Where a queued event leads to
 * another state on the way, nobody can tell whether it was there before: it is to be applied first. */
static int32_t come_back(journey *j, const version *from, const version *to, dealfsm_error *error)
{
    fsm_bytes before = carried_for(j, to);
    fsm_record record;
    uint64_t where = 0;
    const char *why = NULL;
    if (!before.size)
        return DEALFSM_OK;
    if (!layout_read(to->layout, before, &record, &where, &why))
        return border_fail(error, DEALFSM_E_CORRUPT, "sidecar", "what is carried for %s, at byte %llu: %s",
                           to->machine->version, (unsigned long long)where, why);
    if (record.id != j->t.record.id)
        return border_fail(error, DEALFSM_E_CORRUPT, "sidecar", "what is carried for %s is of deal %llu, not %llu",
                           to->machine->version, (unsigned long long)record.id, (unsigned long long)j->t.record.id);
    if (record.status != j->t.record.status && j->t.queued)
        return verdict(FSM_STAYS, "it was there before, and an event is queued that leads to another state", from, to, error);
    j->t.record = record;
    return DEALFSM_OK;
}

static bool handler_asks(const fsm_machine *machine, uint64_t status, uint8_t op)
{
    const fsm_handler *handler = fsm_find_handler(machine, status);
    uint32_t i = 0;
    while (handler && handler->ops[i] && handler->ops[i] != op)
        i++;
    return handler && handler->ops[i];
}

/* Whether the owed handler of the old version asks a once op that the one of the new version leaves to a later state. */
static bool asks_later(const version *from, uint64_t old_status, const version *to, uint64_t new_status)
{
    const fsm_handler *handler = fsm_find_handler(from->machine, old_status);
    for (uint32_t i = 0; handler && handler->ops[i]; i++)
        if (from->machine->ops[handler->ops[i]].op_class == FSM_ONCE &&
            !handler_asks(to->machine, new_status, handler->ops[i]))
            return true;
    return false;
}

/* "May have run without keys" is a mark of the run: where the new version asks in two states what the old one asks in one, it
 * goes on to the second; and back. */
static void move_keyless(journey *j, const version *from, uint64_t old_status, const version *to)
{
    uint64_t new_status = j->t.record.status;
    if (!j->t.handler_owed)
        j->side.owed &= SIDECAR_KEYLESS_LATER;
    if (j->side.owed & SIDECAR_WITHOUT_KEY && asks_later(from, old_status, to, new_status))
        j->side.owed |= SIDECAR_KEYLESS_LATER;
    else if (j->side.owed & SIDECAR_WITHOUT_KEY && asks_later(to, new_status, from, old_status))
        j->side.owed &= ~(uint32_t)SIDECAR_KEYLESS_LATER;
}

/* A step between neighbours. */
static int32_t step(journey *j, const version *from, const version *to, dealfsm_error *error)
{
    bool up = to->before == from;
    uint64_t old_status = j->t.record.status;
    const char *why = "";
    fsm_bytes left;
    const char *field;
    uint64_t length = 0;
    j->t.bytes = take(j, fsm_move_room(&j->t));
    if (!j->t.bytes || !encode(j, from, &left))
        return no_memory(error);
    fsm_verdict v = (up ? to->up : from->down)(&j->t, &why);
    if (v)
        return verdict(v, why, from, to, error);
    uint8_t *room = take(j, layout_adopt_room(&j->t.record));
    if (!room)
        return no_memory(error);
    if (up && !layout_adopt(to->layout, &j->t.record, room, &why))
        return verdict(FSM_REFUSED, why, from, to, error);
    int32_t code = come_back(j, from, to, error);
    if (code)
        return code;
    move_keyless(j, from, old_status, to);
    if (!carry(j, to, from, left))
        return no_memory(error);
    if (!layout_write(to->layout, &j->t.record, NULL, 0, &length, &field, &why))
        return verdict(FSM_REFUSED, why, from, to, error);
    return DEALFSM_OK;
}

/* ---- The journey */

static bool take_queue(journey *j, const sidecar *side)
{
    j->t.queue = take(j, side->queued * sizeof *j->t.queue);
    j->t.queued = side->queued;
    const entry *e = side->queue;
    for (uint32_t i = 0; j->t.queue && i < side->queued; i++, e = e->next) {
        j->t.queue[i] = (fsm_queued){.event = e->event, .count = e->count};
        memcpy(j->t.queue[i].args, e->args, sizeof e->args);
    }
    return j->t.queue;
}

static bool give_queue(journey *j, const sidecar *side)
{
    const entry *old = side->queue;
    for (uint32_t i = 0; i < j->t.queued; i++, old = old->next) {
        entry *e = entry_new(j->t.queue[i].event, j->t.queue[i].args, j->t.queue[i].count, old->raised);
        if (!e)
            return false;
        entries_push(&j->queue, e);
    }
    return true;
}

static bool is_before(const version *a, const version *b)
{
    while (b && b != a)
        b = b->before;
    return b;
}

int32_t journey_make(journey *j, const fsm_record *record, const sidecar *side, const version *from, const version *to,
                     dealfsm_error *error)
{
    *j = (journey){.side = *side};
    entries_init(&j->queue);
    j->t = (fsm_traveller){.record = *record,
                           .handler_owed = side->owed & SIDECAR_OWED,
                           .asked_once = side->owed & SIDECAR_ASKED_ONCE,
                           .unversioned = side->mark};
    if (!take_queue(j, side))
        return no_memory(error);
    int32_t code = DEALFSM_OK;
    while (from != to && !code) {
        const version *next = from->before;
        if (is_before(from, to)) /* upwards: the one whose predecessor this is */
            for (next = to; next->before != from;)
                next = next->before;
        code = step(j, from, next, error);
        from = next;
    }
    if (!code && !give_queue(j, side))
        code = no_memory(error);
    j->side.mark = to->has_mark ? j->t.unversioned : FSM_MARK_NO;
    j->side.queue = j->queue.head;
    j->side.queued = j->queue.count;
    return code;
}
