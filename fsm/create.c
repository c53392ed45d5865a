/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

/* Difference 9: what could not be stored, or would never work, is refused here. */

static bool refuse(const char **field, const char **why, const char *name, const char *text)
{
    *field = name;
    *why = text;
    return false;
}

static bool check_amount(fsm_bytes amount, const char *name, const char **field, const char **why)
{
    if (!fsm_amount_well_formed(amount, FSM_AMOUNT_STORED_MAX))
        return refuse(field, why, name, "expected an amount, stored in at most 128 bytes, found something else");
    if (amount.size > 0 && amount.data[0] != 0)
        return refuse(field, why, name, "expected an amount of 0 or more, found a negative one");
    return true;
}

static bool check_wallet(const fsm_machine *machine, fsm_bytes wallet, const char *name, const char **field,
                         const char **why)
{
    if (wallet.size == 0)
        return refuse(field, why, name, "expected an address, found an undefined one");
    if (!fsm_address_well_formed(wallet, &machine->addresses))
        return refuse(field, why, name, "expected an address that this version stores, found bytes that are not one");
    return true;
}

static bool check_proposal(const fsm_machine *machine, const fsm_record *record, const char **field,
                           const char **why)
{
    if (record->payload_cid.size == 0)
        return refuse(field, why, "payload_cid", "expected the CID of what to retrieve, found an undefined one");
    if (!fsm_cid_well_formed(record->payload_cid, &machine->addresses))
        return refuse(field, why, "payload_cid", "expected a CID, found bytes that are not one");
    if (record->selector.data != NULL && record->selector.size == 0)
        return refuse(field, why, "selector", "expected CBOR or no selector, found no bytes");
    if (record->piece_cid.data != NULL && !fsm_cid_well_formed(record->piece_cid, &machine->addresses))
        return refuse(field, why, "piece_cid", "expected a CID or none, found bytes that are not one");
    return check_amount(record->price_per_byte, "price_per_byte", field, why) &&
           check_amount(record->unseal_price, "unseal_price", field, why);
}

void fsm_begin(fsm_record *record)
{
    record->channel = (fsm_channel){fsm_empty(), fsm_empty(), 0};
    record->has_channel = true;
    record->last_payment_requested = false;
    record->all_blocks_received = false;
    record->has_payment_info = false;
    record->pay_ch = (fsm_bytes){NULL, 0};
    record->lane = 0;
    record->status = DealStatusNew;
    record->total_received = 0;
    record->message = fsm_empty();
    record->bytes_paid_for = 0;
    record->current_interval = record->payment_interval;
    record->payment_requested = fsm_empty();
    record->funds_spent = fsm_empty();
    record->unseal_funds_paid = fsm_empty();
    record->wait_msg_cid = (fsm_bytes){NULL, 0};
    record->voucher_shortfall = fsm_empty();
    record->legacy_protocol = false;
}

bool fsm_create(const fsm_machine *machine, fsm_record *record, const char **field, const char **why)
{
    if (!check_proposal(machine, record, field, why) ||
        !check_amount(record->total_funds, "total_funds", field, why) ||
        !check_wallet(machine, record->client_wallet, "client_wallet", field, why) ||
        !check_wallet(machine, record->miner_wallet, "miner_wallet", field, why))
        return false;
    if (record->sender.size > FSM_TEXT_MAX)
        return refuse(field, why, "sender", "expected a peer id of at most 8192 bytes, found a longer one");
    machine->begin(record);
    return true;
}
