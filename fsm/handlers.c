/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "handler_parts.h"
#include "text.h"
#include "wish.h"

bool fsm_is_undefined(const fsm_value *value)
{
    return value->kind == FSM_NONE || value->bytes.size == 0;
}

/* ---- New */

void fsm_ask_open_data_transfer(const fsm_record *record, fsm_next *next)
{
    fsm_ask(next, OpOpenDataTransfer);
    fsm_with_bytes(next, ARG_PEER, record->sender);
    fsm_with_bytes(next, ARG_CID, record->payload_cid);
    fsm_with_number(next, ARG_U64, record->id);
    fsm_with_optional(next, ARG_CBOR, record->selector);
    fsm_with_optional(next, ARG_CID, record->piece_cid);
    fsm_with_bytes(next, ARG_AMOUNT, record->price_per_byte);
    fsm_with_number(next, ARG_U64, record->payment_interval);
    fsm_with_number(next, ARG_U64, record->payment_interval_increase);
    fsm_with_bytes(next, ARG_AMOUNT, record->unseal_price);
}

static const char *channel_nonsense(const fsm_answer *answer)
{
    const fsm_value *channel = &answer->values[0];
    if (answer->ok && (channel->bytes.size > FSM_TEXT_MAX || channel->more.size > FSM_TEXT_MAX))
        return "OpenDataTransfer: expected a channel with peer ids of at most 8192 bytes, the node gave a longer one";
    return NULL;
}

void fsm_raise_deal_proposed(const fsm_answer *answer, fsm_scratch *scratch, fsm_next *next)
{
    if (fsm_failed(answer, channel_nonsense(answer), ClientEventWriteDealProposalErrored, scratch, next))
        return;
    fsm_raise(next, ClientEventDealProposed);
    fsm_with(next, answer->values[0]);
}

void fsm_propose_deal(const fsm_record *record, const fsm_answer *answers, uint32_t answered, fsm_scratch *scratch,
                      fsm_next *next)
{
    if (answered == 0)
        fsm_ask_open_data_transfer(record, next);
    else
        fsm_raise_deal_proposed(&answers[0], scratch, next);
}

/* ---- Accepted */

static const char *payment_channel_nonsense(const fsm_answer *answer, const fsm_address_rule *rule)
{
    if (!answer->ok)
        return NULL;
    const fsm_value *address = &answer->values[0];
    const fsm_value *message = &answer->values[1];
    if (fsm_is_undefined(message))
        return "GetOrCreatePaymentChannel: expected the CID of a message, the node gave none";
    if (!fsm_cid_well_formed(message->bytes, rule))
        return "GetOrCreatePaymentChannel: expected the CID of a message, the node gave bytes that are not one";
    if (!fsm_is_undefined(address) && !fsm_address_well_formed(address->bytes, rule))
        return "GetOrCreatePaymentChannel: expected an address or none, the node gave bytes that are not one";
    return NULL;
}

static void raise_payment_channel_begun(const fsm_value *address, const fsm_value *message, fsm_next *next)
{
    bool exists = !fsm_is_undefined(address);
    fsm_raise(next, exists ? ClientEventPaymentChannelAddingFunds : ClientEventPaymentChannelCreateInitiated);
    fsm_with(next, *message);
    if (exists)
        fsm_with(next, *address);
}

bool fsm_ask_payment_channel(const fsm_record *record, const fsm_answer *answers, uint32_t answered,
                             fsm_scratch *scratch, fsm_next *next)
{
    if (answered == 0) {
        fsm_ask(next, OpGetChainHead);
        return true;
    }
    if (fsm_failed(&answers[0], NULL, ClientEventPaymentChannelErrored, scratch, next))
        return true;
    if (answered > 1)
        return false;
    fsm_ask(next, OpGetOrCreatePaymentChannel);
    fsm_with_bytes(next, ARG_ADDRESS, record->client_wallet);
    fsm_with_bytes(next, ARG_ADDRESS, record->miner_wallet);
    fsm_with_bytes(next, ARG_AMOUNT, record->total_funds);
    fsm_with(next, answers[0].values[0]);
    return true;
}

void fsm_setup_payment_channel_start(const fsm_record *record, const fsm_answer *answers, uint32_t answered,
                                     fsm_scratch *scratch, fsm_next *next, const fsm_address_rule *rule)
{
    if (fsm_ask_payment_channel(record, answers, answered, scratch, next))
        return;
    const fsm_answer *answer = &answers[1];
    if (!fsm_failed(answer, payment_channel_nonsense(answer, rule), ClientEventPaymentChannelErrored, scratch, next))
        raise_payment_channel_begun(&answer->values[0], &answer->values[1], next);
}

void fsm_setup_payment_channel_start_0_5_6(const fsm_record *record, const fsm_answer *answers, uint32_t answered,
                                           fsm_scratch *scratch, fsm_next *next)
{
    fsm_setup_payment_channel_start(record, answers, answered, scratch, next, &fsm_client_0_5_6.addresses);
}

/* ---- PaymentChannelCreating, PaymentChannelAddingFunds */

static const char *address_nonsense(const fsm_answer *answer)
{
    if (!answer->ok)
        return NULL;
    if (fsm_is_undefined(&answer->values[0]))
        return "WaitForPaymentChannelCreation: expected an address, the node gave none";
    if (!fsm_address_well_formed(answer->values[0].bytes, &fsm_client_0_5_6.addresses))
        return "WaitForPaymentChannelCreation: expected an address, the node gave bytes that are not one";
    return NULL;
}

void fsm_ask_allocate_lane(fsm_bytes address, fsm_next *next)
{
    fsm_ask(next, OpAllocateLane);
    fsm_with_bytes(next, ARG_ADDRESS, address);
}

static void raise_payment_channel_ready(fsm_bytes address, const fsm_answer *lane, fsm_scratch *scratch, fsm_next *next)
{
    if (fsm_failed(lane, NULL, ClientEventAllocateLaneErrored, scratch, next))
        return;
    fsm_raise(next, ClientEventPaymentChannelReady);
    fsm_with_bytes(next, ARG_ADDRESS, address);
    fsm_with_number(next, ARG_U64, lane->values[0].number);
}

void fsm_wait_for_payment_channel_create(const fsm_record *record, const fsm_answer *answers, uint32_t answered,
                                         fsm_scratch *scratch, fsm_next *next)
{
    if (record->wait_msg_cid.data == NULL) {
        fsm_raise_error(next, ClientEventPaymentChannelErrored,
                        fsm_text("WaitMsgCID is missing: no message to wait for that creates the payment channel"));
    } else if (answered == 0) {
        fsm_ask(next, OpWaitForPaymentChannelCreation);
        fsm_with_bytes(next, ARG_CID, record->wait_msg_cid);
    } else if (fsm_failed(&answers[0], address_nonsense(&answers[0]), ClientEventPaymentChannelErrored, scratch,
                          next)) {
        return;
    } else if (answered == 1) {
        fsm_ask_allocate_lane(answers[0].values[0].bytes, next);
    } else {
        raise_payment_channel_ready(answers[0].values[0].bytes, &answers[1], scratch, next);
    }
}

void fsm_wait_for_payment_channel_add_funds(const fsm_record *record, const fsm_answer *answers, uint32_t answered,
                                            fsm_scratch *scratch, fsm_next *next)
{
    if (record->wait_msg_cid.data == NULL) {
        fsm_raise_error(
            next, ClientEventPaymentChannelAddFundsErrored,
            fsm_text("WaitMsgCID is missing: no message to wait for that adds funds to the payment channel"));
    } else if (!record->has_payment_info) {
        fsm_raise_error(next, ClientEventAllocateLaneErrored,
                        fsm_text("PaymentInfo is missing: no payment channel to allocate a lane in"));
    } else if (answered == 0) {
        fsm_ask(next, OpWaitForPaymentChannelAddFunds);
        fsm_with_bytes(next, ARG_CID, record->wait_msg_cid);
    } else if (fsm_failed(&answers[0], NULL, ClientEventPaymentChannelAddFundsErrored, scratch, next)) {
        return;
    } else if (answered == 1) {
        fsm_ask_allocate_lane(record->pay_ch, next);
    } else {
        raise_payment_channel_ready(record->pay_ch, &answers[1], scratch, next);
    }
}

/* ---- Failing */

void fsm_cancel_deal(const fsm_record *record, const fsm_answer *answers, uint32_t answered, fsm_scratch *scratch,
                     fsm_next *next)
{
    if (answered == 0) {
        fsm_ask(next, OpCloseDataTransfer);
        fsm_with_channel(next, &record->channel);
    } else if (!fsm_failed(&answers[0], NULL, ClientEventDataTransferError, scratch, next)) {
        fsm_raise(next, ClientEventCancelComplete);
    }
}
