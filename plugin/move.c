/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The functions of abi/dealfsm/machine.h for deals that come, go and stand still. */
#include <stdlib.h>
#include <string.h>

#include "machine.h"

/* ---- snapshot */

static int32_t write_snapshot(const deal *d, const dealfsm_snapshot *room, dealfsm_snapshot *out, dealfsm_error *error)
{
    fsm_record record;
    const char *field, *why;
    unpack(&record, d->record, d->id);
    layout_write(module_version.layout, &record, room->record, room->record ? room->record_capacity : 0,
                 &out->record_len, &field, &why);
    out->sidecar_len = sidecar_write(d, d->sequence, d->revision, sidecar_owed(d), 0, room->sidecar,
                                     room->sidecar ? room->sidecar_capacity : 0);
    out->deal = d->id;
    out->sequence = d->sequence;
    out->revision = d->revision;
    out->machine_version = module_version.machine->version;
    bool asked = !room->record || !room->sidecar;
    if (!asked && room->record_capacity >= out->record_len && room->sidecar_capacity >= out->sidecar_len)
        return DEALFSM_OK;
    return border_fail(error, DEALFSM_E_TOO_SMALL, room->record ? "sidecar" : "record",
                       "the record has %llu bytes, the sidecar %llu: give buffers for both",
                       (unsigned long long)out->record_len, (unsigned long long)out->sidecar_len);
}

int32_t machine_snapshot(dealfsm_machine *machine, uint64_t id, dealfsm_snapshot *given, dealfsm_error *error)
{
    drive e;
    dealfsm_snapshot room, out;
    uint32_t size = 0;
    int32_t code = border_check_out(given, sizeof out, &size, "out", error);
    if (!code)
        code = border_read(&room, sizeof room, given, "out", error);
    if (code || !machine_enter(&e, machine, id, &code, error))
        return code;
    out = room;
    if (!engine_at_rest(e.deal))
        code = border_fail(error, DEALFSM_E_BUSY, "deal", "a put, callback or host call of it is running");
    else
        code = write_snapshot(e.deal, &room, &out, error);
    machine_leave(&e);
    if (code != DEALFSM_E_BUSY)
        border_write(given, size, &out);
    return code;
}

/* ---- restore */

static int32_t read_record(const dealfsm_snapshot *snapshot, fsm_record *record, dealfsm_error *error)
{
    uint64_t where = 0;
    const char *why = NULL;
    if (!snapshot->machine_version)
        return border_fail(error, DEALFSM_E_ARGUMENT, "machine_version", "null pointer");
    if (strcmp(snapshot->machine_version, module_version.machine->version))
        return border_fail(error, DEALFSM_E_VERSION, "machine_version", "this module reads \"%s\", found \"%.64s\"",
                           module_version.machine->version, snapshot->machine_version);
    if (!snapshot->record || snapshot->record_len > UINT32_MAX || (snapshot->sidecar_len && !snapshot->sidecar) ||
        snapshot->sidecar_len > UINT32_MAX)
        return border_fail(error, DEALFSM_E_ARGUMENT, snapshot->record ? "sidecar" : "record",
                           "a null pointer, or a length over 4 GiB");
    fsm_bytes bytes = {snapshot->record, (uint32_t)snapshot->record_len};
    if (!layout_read(module_version.layout, bytes, record, &where, &why))
        return border_fail(error, DEALFSM_E_CORRUPT, "record", "at byte %llu: %s", (unsigned long long)where, why);
    if (record->id != snapshot->deal)
        return border_fail(error, DEALFSM_E_ARGUMENT, "deal", "the record is of deal %llu, not %llu",
                           (unsigned long long)record->id, (unsigned long long)snapshot->deal);
    return DEALFSM_OK;
}

/* What an owed handler needs: nothing may fail for want of it later. */
static int32_t prepare_owed(drive *e, dealfsm_error *error)
{
    deal *d = e->deal;
    if (!fsm_find_handler(module_version.machine, packed_status(d->record)))
        d->flags &= ~(uint32_t)(DEAL_OWED | DEAL_WITHOUT_KEY);
    if (!(d->flags & DEAL_OWED))
        return DEALFSM_OK;
    if (!deal_work(e->shard, d))
        return border_fail(error, DEALFSM_E_NO_MEMORY, "", "no memory");
    d->work->ask_again = true;
    return DEALFSM_OK;
}

static int32_t fill_deal(drive *e, const fsm_record *record, const dealfsm_snapshot *snapshot, dealfsm_error *error)
{
    deal *d = e->deal;
    d->id = record->id;
    d->record = block_take(e->shard, pack_size(record), &d->capacity);
    if (!d->record)
        return border_fail(error, DEALFSM_E_NO_MEMORY, "", "no memory");
    pack(d->record, record);
    d->flags = DEAL_STAGED | DEAL_VISIBLE;
    if (fsm_is_final(module_version.machine, record->status))
        d->flags |= DEAL_FINAL;
    if (snapshot->sidecar_len) {
        fsm_bytes bytes = {snapshot->sidecar, (uint32_t)snapshot->sidecar_len};
        int32_t code = sidecar_read(e->shard, d, bytes, error);
        if (code)
            return code;
    } else {
        d->revision = snapshot->revision;
        if (snapshot->flags & DEALFSM_SNAPSHOT_OWED)
            d->flags |= DEAL_OWED | DEAL_WITHOUT_KEY;
    }
    return prepare_owed(e, error);
}

int32_t machine_restore(dealfsm_machine *machine, const dealfsm_snapshot *given, dealfsm_error *error)
{
    drive e;
    dealfsm_snapshot snapshot;
    fsm_record record;
    if (!machine)
        return border_fail(error, DEALFSM_E_ARGUMENT, "machine", "null pointer");
    int32_t code = border_read(&snapshot, sizeof snapshot, given, "snapshot", error);
    if (!code)
        code = read_record(&snapshot, &record, error);
    if (code)
        return code;
    e.machine = machine;
    e.shard = deal_shard(machine, record.id);
    e.deal = calloc(1, sizeof *e.deal);
    if (!e.deal)
        return border_fail(error, DEALFSM_E_NO_MEMORY, "", "no memory");
    pthread_mutex_lock(&e.shard->mutex);
    if (deal_find(e.shard, record.id))
        code = border_fail(error, DEALFSM_E_EXISTS, "deal", "deal %llu is there already",
                           (unsigned long long)record.id);
    else
        code = fill_deal(&e, &record, &snapshot, error);
    if (!code && !deal_insert(e.shard, e.deal))
        code = border_fail(error, DEALFSM_E_NO_MEMORY, "", "no memory");
    if (code)
        deal_free(machine, e.shard, e.deal);
    machine_leave(&e);
    return code;
}

/* ---- activate, freeze, thaw */

static int32_t go_on(drive *e, uint64_t *revision, dealfsm_error *error)
{
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
