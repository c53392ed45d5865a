/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "move_parts.h"

#include <string.h>

enum { ROOM_PER_EVENT = 128 };

uint64_t fsm_move_room(const fsm_traveller *t)
{
    uint64_t room = FSM_AMOUNT_INPUT_MAX;
    for (uint32_t i = 0; i < t->queued; i++) {
        room += ROOM_PER_EVENT + FSM_AMOUNT_INPUT_MAX;
        for (uint32_t k = 0; k < t->queue[i].count; k++)
            room += t->queue[i].args[k].bytes.size;
    }
    return room;
}

static bool holds(const fsm_record *record, uint8_t when)
{
    switch ((fsm_when)when) {
    case FSM_WITH_PAYMENT_INFO:
        return record->has_payment_info;
    case FSM_WITHOUT_PAYMENT_INFO:
        return !record->has_payment_info;
    case FSM_WITHOUT_CHANNEL:
        return !record->has_channel;
    case FSM_ALWAYS:
        break;
    }
    return true;
}

fsm_verdict fsm_move_status(fsm_traveller *t, const fsm_status_row *rows, uint32_t count, const char **why)
{
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].status != t->record.status || !holds(&t->record, rows[i].when))
            continue;
        *why = rows[i].why;
        t->record.status = rows[i].target;
        return (fsm_verdict)rows[i].verdict;
    }
    *why = "not a state of the old version";
    return FSM_REFUSED;
}

fsm_verdict fsm_move_pending(const fsm_traveller *t, const char **why)
{
    if (!t->handler_owed || !t->asked_once)
        return FSM_MOVES;
    *why = "its handler has asked for something that may happen once only, and is not through";
    return FSM_STAYS;
}

static bool taken(const fsm_machine *machine, const fsm_queued *q)
{
    uint32_t bad;
    return fsm_check_event(machine, q->event, q->args, q->count, &bad) == FSM_CHECK_OK;
}

fsm_verdict fsm_move_queue_down(const fsm_traveller *t, const fsm_machine *old, uint64_t old_status,
                                const fsm_machine *new, const char **why)
{
    for (uint32_t i = 0; i < t->queued; i++) {
        const fsm_queued *q = &t->queue[i];
        if (taken(new, q) && (!fsm_find_clause(old, q->event, old_status) || fsm_find_clause(new, q->event, t->record.status)))
            continue;
        *why = "an event is queued that the other version would not take";
        return FSM_STAYS;
    }
    return FSM_MOVES;
}

fsm_verdict fsm_move_queue_up(const fsm_traveller *t, const fsm_machine *new, const char **why)
{
    for (uint32_t i = 0; i < t->queued; i++) {
        if (taken(new, &t->queue[i]))
            continue;
        *why = "an event is queued that the other version cannot read";
        return FSM_REFUSED;
    }
    return FSM_MOVES;
}

fsm_queued *fsm_move_find(fsm_traveller *t, uint32_t event)
{
    for (uint32_t i = 0; i < t->queued; i++)
        if (t->queue[i].event == event)
            return &t->queue[i];
    return NULL;
}

fsm_bytes fsm_move_join(fsm_traveller *t, const fsm_bytes *parts, uint32_t count)
{
    fsm_bytes joined = {t->bytes, 0};
    for (uint32_t i = 0; i < count; i++) {
        if (parts[i].size)
            memcpy(t->bytes, parts[i].data, parts[i].size);
        t->bytes += parts[i].size;
        joined.size += parts[i].size;
    }
    return joined;
}

bool fsm_move_store(fsm_traveller *t, const fsm_amount *amount, uint32_t max, fsm_bytes *out)
{
    if (!fsm_amount_store(amount, max, t->bytes, out))
        return false;
    t->bytes += out->size;
    return true;
}

bool fsm_move_is_zero(fsm_bytes amount)
{
    return amount.size == 0;
}

bool fsm_move_bad_address(const fsm_record *record, const fsm_address_rule *rule)
{
    return !fsm_address_well_formed(record->client_wallet, rule) ||
           !fsm_address_well_formed(record->miner_wallet, rule) ||
           (record->has_payment_info && !fsm_address_well_formed(record->pay_ch, rule));
}

bool fsm_move_bad_cid(const fsm_record *record, const fsm_address_rule *rule)
{
    return !fsm_cid_well_formed(record->payload_cid, rule) ||
           (record->piece_cid.data && !fsm_cid_well_formed(record->piece_cid, rule)) ||
           (record->wait_msg_cid.data && !fsm_cid_well_formed(record->wait_msg_cid, rule));
}
