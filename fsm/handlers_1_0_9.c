/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* Entry handlers that client 1.0.9 adds or changes. Differences as numbered on spec page v1.0.9. */

#include "handler_parts.h"
#include "text.h"
#include "wish.h"

/* ---- New, RetryLegacy */

void fsm_propose_deal_1_0_9(const fsm_record *record, const fsm_answer *answers, uint32_t answered,
                            fsm_scratch *scratch, fsm_next *next)
{
    if (answered == 0) {
        fsm_ask_open_data_transfer(record, next);
        fsm_with_number(next, ARG_FLAG, record->status == DealStatusRetryLegacy);
    } else {
        fsm_raise_deal_proposed(&answers[0], scratch, next);
    }
}

/* ---- Accepted */

void fsm_setup_payment_channel_start_1_0_9(const fsm_record *record, const fsm_answer *answers, uint32_t answered,
                                           fsm_scratch *scratch, fsm_next *next)
{
    fsm_setup_payment_channel_start(record, answers, answered, scratch, next, &fsm_client_1_0_9.addresses);
}

/* ---- PaymentChannelCreating, PaymentChannelAddingFunds */

/* Difference 5. An undefined address is of no use, but no harm, where PaymentInfo holds one. */
static const char *ready_nonsense(const fsm_record *record, const fsm_answer *answer, const fsm_address_rule *rule)
{
    if (!answer->ok)
        return NULL;
    if (!fsm_is_undefined(&answer->values[0]) && !fsm_address_well_formed(answer->values[0].bytes, rule))
        return "WaitForPaymentChannelReady: expected an address, the node gave bytes that are not one";
    if (fsm_is_undefined(&answer->values[0]) && !record->has_payment_info)
        return "WaitForPaymentChannelReady: expected an address, the node gave none";
    return NULL;
}

void fsm_wait_payment_channel_ready(const fsm_record *record, const fsm_answer *answers, uint32_t answered,
                                    fsm_scratch *scratch, fsm_next *next, const fsm_address_rule *rule,
                                    uint32_t nonsense_event)
{
    if (record->wait_msg_cid.data == NULL) { /* Difference 4 */
        fsm_raise_error(next, nonsense_event,
                        fsm_text("WaitMsgCID is missing: no message to wait for that readies the payment channel"));
    } else if (answered == 0) {
        fsm_ask(next, OpWaitForPaymentChannelReady);
        fsm_with_bytes(next, ARG_CID, record->wait_msg_cid);
    } else if (!fsm_failed(&answers[0], NULL, ClientEventPaymentChannelErrored, scratch, next) &&
               !fsm_failed(&answers[0], ready_nonsense(record, &answers[0], rule), nonsense_event, scratch, next)) {
        fsm_raise(next, ClientEventPaymentChannelReady);
        fsm_with_bytes(next, ARG_ADDRESS, fsm_or_empty(answers[0].values[0].bytes));
    }
}

void fsm_wait_payment_channel_ready_1_0_9(const fsm_record *record, const fsm_answer *answers, uint32_t answered,
                                          fsm_scratch *scratch, fsm_next *next)
{
    fsm_wait_payment_channel_ready(record, answers, answered, scratch, next, &fsm_client_1_0_9.addresses,
                                   ClientEventPaymentChannelErrored);
}

/* ---- PaymentChannelAllocatingLane */

void fsm_allocate_lane(const fsm_record *record, const fsm_answer *answers, uint32_t answered, fsm_scratch *scratch,
                       fsm_next *next)
{
    if (!record->has_payment_info) { /* Difference 4 */
        fsm_raise_error(next, ClientEventAllocateLaneErrored,
                        fsm_text("PaymentInfo is missing: no payment channel to allocate a lane in"));
    } else if (answered == 0) {
        fsm_ask_allocate_lane(record->pay_ch, next);
    } else if (!fsm_failed(&answers[0], NULL, ClientEventAllocateLaneErrored, scratch, next)) {
        fsm_raise(next, ClientEventLaneAllocated);
        fsm_with_number(next, ARG_U64, answers[0].values[0].number);
    }
}

/* ---- SendFunds, SendFundsLastPayment */

bool fsm_voucher_impossible(const fsm_record *record, const fsm_amount *cumulative, fsm_next *next)
{
    uint8_t room[FSM_AMOUNT_INPUT_MAX];
    fsm_bytes stored;
    if (!record->has_payment_info)
        fsm_raise_error(next, ClientEventCreateVoucherFailed,
                        fsm_text("PaymentInfo is missing: no payment channel to create a voucher for"));
    else if (!fsm_amount_store(cumulative, FSM_AMOUNT_STORED_MAX, room, &stored))
        fsm_raise_error(next, ClientEventCreateVoucherFailed,
                        fsm_text("expected a voucher amount within 127 bytes, found more: it could not be stored"));
    else
        return false;
    return true;
}

bool fsm_voucher_failed(const fsm_answer *answer, fsm_scratch *scratch, fsm_next *next)
{
    if (!answer->shortfall)
        return fsm_failed(answer, NULL, ClientEventCreateVoucherFailed, scratch, next);
    fsm_raise(next, ClientEventVoucherShortfall);
    fsm_with(next, answer->values[0]);
    return true;
}

/* What must hold before anything is asked: raises the event that says what does not. */
static bool payment_refused(const fsm_record *record, const fsm_amount *cumulative, const fsm_amount *requested,
                            fsm_next *next)
{
    if (!fsm_is_too_much(record, requested))
        return fsm_voucher_impossible(record, cumulative, next);
    fsm_raise(next, ClientEventBadPaymentRequested);
    fsm_with_bytes(next, ARG_TEXT, fsm_text("too much money requested for bytes sent"));
    return true;
}

void fsm_send_funds_1_0_9(const fsm_record *record, const fsm_answer *answers, uint32_t answered, fsm_scratch *scratch,
                          fsm_next *next)
{
    fsm_amount requested, cumulative;
    fsm_amount_load(&requested, record->payment_requested);
    fsm_amount_load(&cumulative, record->funds_spent);
    fsm_amount_add(&cumulative, &cumulative, &requested);
    if (payment_refused(record, &cumulative, &requested, next)) {
        return;
    } else if (answered == 0) {
        fsm_ask(next, OpGetChainHead);
    } else if (fsm_failed(&answers[0], NULL, ClientEventCreateVoucherFailed, scratch, next)) {
        return;
    } else if (answered == 1) {
        fsm_ask_create_voucher(record, &cumulative, &answers[0].values[0], scratch, next);
    } else if (fsm_voucher_failed(&answers[1], scratch, next)) {
        return;
    } else if (answered == 2) {
        fsm_ask_send_voucher(record, &answers[1].values[0], next);
        fsm_with_number(next, ARG_FLAG, record->legacy_protocol);
    } else if (!fsm_failed(&answers[2], NULL, ClientEventWriteDealPaymentErrored, scratch, next)) {
        fsm_raise(next, ClientEventPaymentSent);
    }
}

/* ---- CheckFunds */

static void raise_adding_funds(const fsm_record *record, fsm_bytes message, fsm_next *next)
{
    fsm_raise(next, ClientEventPaymentChannelAddingFunds);
    fsm_with_bytes(next, ARG_CID, message);
    fsm_with_bytes(next, ARG_ADDRESS, record->pay_ch);
}

/* The values of CheckAvailableFunds. */
enum { CONFIRMED, PENDING, QUEUED, REDEEMED, PENDING_WAIT_SENTINEL };

static void load_value(fsm_amount *out, const fsm_answer *answer, uint32_t value)
{
    fsm_amount_load(out, answer->values[value].bytes);
}

/* Amounts as long as an answer may have them do not overflow here; nonsense is what no event could carry. */
static const char *funds_nonsense(const fsm_answer *answer, fsm_bytes *shortfall, const fsm_amount *missing,
                                  const fsm_amount *coming, uint8_t *room)
{
    const fsm_value *sentinel = &answer->values[PENDING_WAIT_SENTINEL];
    fsm_amount lacking;
    fsm_amount_sub(&lacking, missing, coming);
    if (!fsm_amount_store(&lacking, FSM_AMOUNT_INPUT_MAX, room, shortfall))
        return "CheckAvailableFunds: expected amounts whose sum fits 160 bytes, the node gave longer ones";
    if (!fsm_is_undefined(sentinel) && !fsm_cid_well_formed(sentinel->bytes, &fsm_client_1_0_9.addresses))
        return "CheckAvailableFunds: expected the CID of a message or none, the node gave bytes that are not one";
    return NULL;
}

static void raise_funds_checked(const fsm_record *record, const fsm_answer *answer, fsm_scratch *scratch,
                                fsm_next *next)
{
    fsm_amount missing, coming, part;
    fsm_bytes shortfall;
    fsm_amount_load(&missing, record->payment_requested);
    load_value(&part, answer, CONFIRMED);
    fsm_amount_sub(&missing, &missing, &part);
    load_value(&part, answer, REDEEMED);
    fsm_amount_add(&missing, &missing, &part);
    load_value(&coming, answer, PENDING);
    load_value(&part, answer, QUEUED);
    fsm_amount_add(&coming, &coming, &part);
    const fsm_value *sentinel = &answer->values[PENDING_WAIT_SENTINEL];
    if (fsm_failed(answer, funds_nonsense(answer, &shortfall, &missing, &coming, scratch->amount[2]),
                   ClientEventPaymentChannelErrored, scratch, next)) {
        return;
    } else if (missing.used == 0 || missing.negative) {
        fsm_raise(next, ClientEventPaymentChannelReady);
        fsm_with_bytes(next, ARG_ADDRESS, record->pay_ch);
    } else if (fsm_amount_cmp(&coming, &missing) < 0 || fsm_is_undefined(sentinel)) {
        fsm_raise(next, ClientEventFundsExpended);
        fsm_with_bytes(next, ARG_AMOUNT, shortfall);
    } else {
        raise_adding_funds(record, sentinel->bytes, next);
    }
}

void fsm_check_funds(const fsm_record *record, const fsm_answer *answers, uint32_t answered, fsm_scratch *scratch,
                     fsm_next *next)
{
    if (!record->has_payment_info) { /* Difference 4 */
        fsm_raise_error(next, ClientEventWriteDealPaymentErrored,
                        fsm_text("PaymentInfo is missing: no payment channel whose funds can be checked"));
    } else if (record->wait_msg_cid.data != NULL) {
        raise_adding_funds(record, record->wait_msg_cid, next);
    } else if (answered == 0) {
        fsm_ask(next, OpCheckAvailableFunds);
        fsm_with_bytes(next, ARG_ADDRESS, record->pay_ch);
    } else if (!fsm_failed(&answers[0], NULL, ClientEventPaymentChannelErrored, scratch, next)) {
        raise_funds_checked(record, &answers[0], scratch, next);
    }
}

/* ---- CheckComplete */

void fsm_check_complete_1_0_9(const fsm_record *record, const fsm_answer *answers, uint32_t answered,
                              fsm_scratch *scratch, fsm_next *next)
{
    (void)answers;
    (void)answered;
    (void)scratch;
    fsm_raise(next, record->all_blocks_received ? ClientEventCompleteVerified : ClientEventEarlyTermination);
}
