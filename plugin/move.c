/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The functions of abi/dealfsm/machine.h for deals that come, go and stand still. */
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "travel.h"

/* ---- snapshot */

/* What goes into the buffers. */
static int32_t fill_snapshot(const record_layout *layout, const fsm_record *record, const sidecar *side,
                             const dealfsm_snapshot *room, dealfsm_snapshot *out, dealfsm_error *error)
{
    const char *field, *why;
    layout_write(layout, record, room->record, room->record ? room->record_capacity : 0, &out->record_len, &field, &why);
    out->sidecar_len = sidecar_write(side, room->sidecar, room->sidecar ? room->sidecar_capacity : 0);
    out->sequence = side->sequence;
    out->revision = side->revision;
    if (room->record && room->sidecar && room->record_capacity >= out->record_len &&
        room->sidecar_capacity >= out->sidecar_len)
        return DEALFSM_OK;
    return border_fail(error, DEALFSM_E_TOO_SMALL, room->record ? "sidecar" : "record",
                       "the record has %llu bytes, the sidecar %llu: give buffers for both",
                       (unsigned long long)out->record_len, (unsigned long long)out->sidecar_len);
}

/* The row names the version that the deal comes from, unless the snapshot says which. */
static void name_origin(sidecar *side, const version *from, uint64_t status)
{
    const char *tag = from->machine->version;
    if (side->moved.size)
        return;
    side->moved = (fsm_bytes){(const uint8_t *)tag, (uint32_t)strlen(tag)};
    side->moved_status = status;
}

static int32_t write_snapshot(const deal *d, const version *to, const dealfsm_snapshot *room, dealfsm_snapshot *out,
                              dealfsm_error *error)
{
    fsm_record record;
    const sidecar side = sidecar_of(d);
    unpack(&record, d->record, d->id);
    out->deal = d->id;
    out->machine_version = to->machine->version;
    if (to == &module_version)
        return fill_snapshot(to->layout, &record, &side, room, out, error);
    journey j;
    int32_t code = journey_make(&j, &record, &side, &module_version, to, error);
    name_origin(&j.side, &module_version, record.status);
    if (d->extra && d->extra->moved_from.size) { /* it has come itself, and no put has said so */
        j.side.moved = d->extra->moved_from;
        j.side.moved_status = d->extra->moved_status;
    }
    if (!code)
        code = fill_snapshot(to->layout, &j.t.record, &j.side, room, out, error);
    journey_end(&j);
    return code;
}

static const version *find_version(const char *tag, const char *does, int32_t *code, dealfsm_error *error)
{
    const version *found = version_find(tag);
    if (!found)
        *code = border_fail(error, DEALFSM_E_VERSION, "machine_version", "this module %s %s, found \"%.64s\"", does,
                            DEALFSM_READS, tag);
    return found;
}

int32_t machine_snapshot(dealfsm_machine *machine, uint64_t id, dealfsm_snapshot *given, dealfsm_error *error)
{
    drive e;
    dealfsm_snapshot room, out;
    uint32_t size = 0;
    int32_t code = border_check_out(given, sizeof out, &size, "out", error);
    if (!code)
        code = border_read(&room, sizeof room, given, "out", error);
    if (code)
        return code;
    const version *to = &module_version;
    if (room.machine_version && !(to = find_version(room.machine_version, "writes", &code, error)))
        return code;
    if (!machine_enter(&e, machine, id, &code, error))
        return code;
    out = room;
    if (!engine_at_rest(e.deal))
        code = border_fail(error, DEALFSM_E_BUSY, "deal", "a put, callback or host call of it is running");
    else
        code = write_snapshot(e.deal, to, &room, &out, error);
    machine_leave(&e);
    if (code == DEALFSM_OK || code == DEALFSM_E_TOO_SMALL)
        border_write(given, size, &out);
    return code;
}

/* ---- restore */

/* *room: memory that the record may point into, for the caller to free, and that says that the record was stored in an older
 * order; or NULL. */
static int32_t read_record(const dealfsm_snapshot *snapshot, const version *from, fsm_record *record, uint8_t **room,
                           dealfsm_error *error)
{
    uint64_t where = 0;
    const char *why = NULL;
    if (!snapshot->record || snapshot->record_len > UINT32_MAX || (snapshot->sidecar_len && !snapshot->sidecar) ||
        snapshot->sidecar_len > UINT32_MAX)
        return border_fail(error, DEALFSM_E_ARGUMENT, snapshot->record ? "sidecar" : "record",
                           "a null pointer, or a length over 4 GiB");
    fsm_bytes bytes = {snapshot->record, (uint32_t)snapshot->record_len};
    const record_layout *order = layout_of(from->layout, bytes);
    if (!layout_read(order, bytes, record, &where, &why))
        return border_fail(error, DEALFSM_E_CORRUPT, "record", "at byte %llu: %s", (unsigned long long)where, why);
    if (order != from->layout && !(*room = malloc(layout_adopt_room(record) + 1)))
        return border_fail(error, DEALFSM_E_NO_MEMORY, "", "no memory");
    if (order != from->layout && !layout_adopt(from->layout, record, *room, &why))
        return border_fail(error, DEALFSM_E_CORRUPT, "record", "in an older order: %s", why);
    if (record->id != snapshot->deal)
        return border_fail(error, DEALFSM_E_ARGUMENT, "deal", "the record is of deal %llu, not %llu",
                           (unsigned long long)record->id, (unsigned long long)snapshot->deal);
    return DEALFSM_OK;
}

/* Whether the version can have written this beside this record. */
static int32_t check_sidecar(const sidecar *side, const version *from, const fsm_record *record, dealfsm_error *error)
{
    if (side->owed & SIDECAR_OWED && !fsm_find_handler(from->machine, record->status))
        return border_fail(error, DEALFSM_E_CORRUPT, "sidecar", "a handler is owed, but state %llu has none",
                           (unsigned long long)record->status);
    if (side->owed && fsm_is_final(from->machine, record->status))
        return border_fail(error, DEALFSM_E_CORRUPT, "sidecar", "something is owed, but state %llu is final",
                           (unsigned long long)record->status);
    if (side->mark != FSM_MARK_NO && !from->has_mark)
        return border_fail(error, DEALFSM_E_CORRUPT, "sidecar", "it has the mark `unversioned`, which %s does not need",
                           from->machine->version);
    return DEALFSM_OK;
}

/* The sidecar of a snapshot, or what stands for it where there is none. */
static int32_t read_sidecar(const dealfsm_snapshot *snapshot, const version *from, const fsm_record *record,
                            sidecar *side, entries *queue, dealfsm_error *error)
{
    if (snapshot->sidecar_len) {
        fsm_bytes bytes = {snapshot->sidecar, (uint32_t)snapshot->sidecar_len};
        int32_t code = sidecar_read(bytes, from->machine, side, queue, error);
        return code ? code : check_sidecar(side, from, record, error);
    }
    if (snapshot->revision > DEAL_COUNT_MAX)
        return border_fail(error, DEALFSM_E_ARGUMENT, "revision", "expected less than 2^63, found %llu",
                           (unsigned long long)snapshot->revision);
    *side = (sidecar){.revision = snapshot->revision};
    if (snapshot->flags & DEALFSM_SNAPSHOT_OWED)
        side->owed = SIDECAR_OWED | SIDECAR_WITHOUT_KEY;
    if (from->has_mark && record->legacy_protocol)
        side->mark = FSM_MARK_UNKNOWN;
    return DEALFSM_OK;
}

/* Copies bytes to *at and steps over them. */
static fsm_bytes keep_bytes(uint8_t **at, fsm_bytes bytes)
{
    uint8_t *start = *at;
    if (bytes.size)
        memcpy(start, bytes.data, bytes.size);
    *at += bytes.size;
    return (fsm_bytes){start, bytes.size};
}

/* Carried and unknown fields of the sidecar, and where the deal comes from, kept beside the deal. */
static bool keep_extra(deal *d, const sidecar *side)
{
    const char *mine = module_version.machine->version;
    fsm_bytes from = side->moved;
    if (from.size == strlen(mine) && !memcmp(from.data, mine, from.size))
        from.size = 0; /* there and back, and no put in between */
    if (!side->carried.size && !side->unknown.size && !from.size)
        return true;
    extra *x = malloc(sizeof *x + side->carried.size + side->unknown.size + from.size);
    if (!x)
        return false;
    *x = (extra){.moved_status = side->moved_status};
    uint8_t *at = x->bytes;
    x->carried = keep_bytes(&at, side->carried);
    x->unknown = keep_bytes(&at, side->unknown);
    x->moved_from = keep_bytes(&at, from);
    d->extra = x;
    return true;
}

/* Takes the queue over, and what an owed handler needs: nothing may fail for want of memory later. False: no memory. */
static bool keep_work(drive *e, const sidecar *side, entries *queue)
{
    deal *d = e->deal;
    bool owed = side->owed & SIDECAR_OWED && fsm_find_handler(module_version.machine, packed_status(d->record));
    if (!owed && !queue->count)
        return true;
    work *w = deal_work(e->shard, d);
    if (!w)
        return false;
    while (queue->head)
        entries_push(&w->queue, entries_pop(queue));
    if (!owed)
        return true;
    d->flags |= DEAL_OWED | (side->owed & SIDECAR_WITHOUT_KEY ? (uint32_t)DEAL_WITHOUT_KEY : 0);
    w->asked_once = side->owed & SIDECAR_ASKED_ONCE;
    w->ask_again = true;
    return true;
}

static bool fill_deal(drive *e, const fsm_record *record, const sidecar *side, entries *queue)
{
    deal *d = e->deal;
    d->id = record->id;
    d->sequence = side->sequence;
    d->revision = side->revision;
    d->record = block_take(e->shard, pack_size(record), &d->capacity);
    if (!d->record)
        return false;
    pack(d->record, record);
    d->flags = DEAL_STAGED | DEAL_VISIBLE;
    if (fsm_is_final(module_version.machine, record->status))
        d->flags |= DEAL_FINAL;
    if (side->owed & SIDECAR_KEYLESS_LATER)
        d->flags |= DEAL_KEYLESS_LATER;
    if (side->mark != FSM_MARK_NO)
        d->flags |= side->mark == FSM_MARK_YES ? DEAL_UNVERSIONED : DEAL_MARK_UNKNOWN;
    return keep_extra(d, side) && keep_work(e, side, queue);
}

/* Puts the deal into the table, staged. must_put: its row is of another version or order. */
static int32_t stage(dealfsm_machine *machine, const fsm_record *record, const sidecar *side, entries *queue,
                     bool must_put, dealfsm_error *error)
{
    drive e;
    int32_t code = DEALFSM_OK;
    e.machine = machine;
    e.shard = deal_shard(machine, record->id);
    e.deal = calloc(1, sizeof *e.deal);
    if (!e.deal)
        return border_fail(error, DEALFSM_E_NO_MEMORY, "", "no memory");
    pthread_mutex_lock(&e.shard->mutex);
    if (deal_find(e.shard, record->id))
        code = border_fail(error, DEALFSM_E_EXISTS, "deal", "deal %llu is there already",
                           (unsigned long long)record->id);
    else if (!fill_deal(&e, record, side, queue) || !deal_insert(e.shard, e.deal))
        code = border_fail(error, DEALFSM_E_NO_MEMORY, "", "no memory");
    if (code)
        deal_free(machine, e.shard, e.deal);
    else if (must_put)
        e.deal->flags |= DEAL_MUST_PUT;
    machine_leave(&e);
    return code;
}

static int32_t stage_from(dealfsm_machine *machine, const version *from, const fsm_record *record, const sidecar *side,
                          entries *queue, bool older, dealfsm_error *error)
{
    if (from == &module_version)
        return stage(machine, record, side, queue, older || side->moved.size, error);
    journey j;
    int32_t code = journey_make(&j, record, side, from, &module_version, error);
    name_origin(&j.side, from, record->status);
    if (!code)
        code = stage(machine, &j.t.record, &j.side, &j.queue, true, error);
    journey_end(&j);
    return code;
}

int32_t machine_restore(dealfsm_machine *machine, const dealfsm_snapshot *given, dealfsm_error *error)
{
    dealfsm_snapshot snapshot;
    fsm_record record;
    sidecar side;
    entries queue;
    uint8_t *room = NULL;
    entries_init(&queue);
    if (!machine)
        return border_fail(error, DEALFSM_E_ARGUMENT, "machine", "null pointer");
    int32_t code = border_read(&snapshot, sizeof snapshot, given, "snapshot", error);
    if (!code && !snapshot.machine_version)
        code = border_fail(error, DEALFSM_E_ARGUMENT, "machine_version", "null pointer");
    const version *from = code ? NULL : find_version(snapshot.machine_version, "reads", &code, error);
    if (!code)
        code = read_record(&snapshot, from, &record, &room, error);
    if (!code)
        code = read_sidecar(&snapshot, from, &record, &side, &queue, error);
    if (!code)
        code = stage_from(machine, from, &record, &side, &queue, room != NULL, error);
    entries_clear(&queue);
    free(room);
    return code;
}

/* ---- activate, freeze, thaw */

/* Without a row to put first the call has done its part at once. */
static int32_t go_on(drive *e, uint64_t *revision, dealfsm_error *error)
{
    engine_settle(e);
    engine_drive(e);
    if (revision)
        *revision = e->revision;
    if (e->standing == DEALFSM_E_LOST)
        return border_fail(error, DEALFSM_E_LOST, "deal", "the store says that it belongs to somebody else now");
    return e->standing;
}

int32_t machine_activate(dealfsm_machine *machine, uint64_t id, uint64_t *revision, dealfsm_error *error)
{
    drive e;
    int32_t code = DEALFSM_OK;
    if (!machine_enter(&e, machine, id, &code, error))
        return code;
    if (!(e.deal->flags & DEAL_STAGED) || e.deal->flags & DEAL_ACTIVATING) {
        code = border_fail(error, DEALFSM_E_STATE, "deal", "the deal is not staged, or is being activated");
    } else {
        e.deal->flags |= DEAL_ACTIVATING;
        if (!(e.deal->flags & DEAL_MUST_PUT))
            e.deal->flags &= ~(uint32_t)(DEAL_STAGED | DEAL_ACTIVATING);
        code = go_on(&e, revision, error);
    }
    machine_leave(&e);
    return code;
}

int32_t machine_freeze(dealfsm_machine *machine, uint64_t id, dealfsm_error *error)
{
    drive e;
    int32_t code = DEALFSM_OK;
    if (!machine_enter(&e, machine, id, &code, error))
        return code;
    deal *d = e.deal;
    if (d->flags & DEAL_STAGED) {
        code = border_fail(error, DEALFSM_E_STATE, "deal", "the deal is staged");
    } else if (!(d->flags & DEAL_FROZEN)) {
        d->flags |= DEAL_FREEZING;
        if (!(d->flags & DEAL_BUSY) && engine_may_freeze(d))
            d->flags = (d->flags | DEAL_FROZEN) & ~(uint32_t)DEAL_FREEZING;
        else
            code = border_fail(error, DEALFSM_E_BUSY, "deal",
                               "a put, callback or host call of it is running: it stops at its next rest");
        if (code && engine_untold(d))
            engine_drive(&e); /* nobody else may be there to put */
    }
    machine_leave(&e);
    return code;
}

int32_t machine_thaw(dealfsm_machine *machine, uint64_t id, uint64_t last_revision, uint64_t *revision,
                     dealfsm_error *error)
{
    drive e;
    int32_t code = DEALFSM_OK;
    if (!machine_enter(&e, machine, id, &code, error))
        return code;
    deal *d = e.deal;
    if (!(d->flags & (DEAL_FROZEN | DEAL_FREEZING))) {
        code = border_fail(error, DEALFSM_E_STATE, "deal", "the deal is not frozen");
    } else if (last_revision > DEAL_COUNT_MAX) {
        code = border_fail(error, DEALFSM_E_ARGUMENT, "last_revision", "expected less than 2^63, found %llu",
                           (unsigned long long)last_revision);
    } else {
        d->flags &= ~(uint32_t)(DEAL_FROZEN | DEAL_FREEZING);
        if (last_revision > d->revision) {
            d->behind += last_revision - d->revision;
            d->revision = last_revision;
            d->flags |= DEAL_MUST_PUT;
        }
        code = go_on(&e, revision, error);
    }
    machine_leave(&e);
    return code;
}

/* ---- drop, forget, release */

/* Removes the deal if `why` is NULL. */
static int32_t leave(drive *e, const char *why, dealfsm_error *error)
{
    int32_t code = DEALFSM_OK;
    if (!engine_at_rest(e->deal)) {
        code = border_fail(error, DEALFSM_E_BUSY, "deal", "a put, callback or host call of it is running");
    } else if (why) {
        code = border_fail(error, DEALFSM_E_STATE, "deal", "%s", why);
    } else {
        deal_remove(e->shard, e->deal);
        deal_free(e->machine, e->shard, e->deal);
    }
    machine_leave(e);
    return code;
}

int32_t machine_drop(dealfsm_machine *machine, uint64_t id, dealfsm_error *error)
{
    drive e;
    int32_t code = DEALFSM_OK;
    if (!machine_enter(&e, machine, id, &code, error))
        return code;
    return leave(&e, e.deal->flags & (DEAL_STAGED | DEAL_FROZEN) ? NULL : "the deal is neither staged nor frozen", error);
}

int32_t machine_forget(dealfsm_machine *machine, uint64_t id, dealfsm_error *error)
{
    drive e;
    int32_t code = DEALFSM_OK;
    if (!machine_enter(&e, machine, id, &code, error))
        return code;
    bool open = e.deal->flags & (DEAL_STALLED | DEAL_MUST_PUT) || (e.deal->work && e.deal->work->queue.head);
    return leave(&e,
                 !(e.deal->flags & DEAL_FINAL) ? "the deal is not in a final state"
                 : open                        ? "the deal has ended, but its last put is not durable"
                                               : NULL,
                 error);
}

int32_t machine_release(dealfsm_machine *machine, uint64_t id, dealfsm_error *error)
{
    drive e;
    int32_t code = DEALFSM_OK;
    if (!machine_enter(&e, machine, id, &code, error))
        return code;
    const deal *d = e.deal;
    const char *why = NULL;
    if (d->flags & (DEAL_STAGED | DEAL_FROZEN | DEAL_FREEZING))
        why = "the deal is staged or frozen";
    else if (!engine_idle(d))
        why = "the deal is not idle: events are queued, a handler is owed, an op is open, or it is stalled";
    else if (!machine->store.put)
        why = "without a store a released deal would be lost";
    return leave(&e, why, error);
}
