/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "handlers.h"

#include "text.h"

/* ---- What a handler can wish */

static void raise_event(fsm_next *next, uint32_t event)
{
    next->wish = FSM_RAISE;
    next->number = event;
    next->count = 0;
}

static void ask(fsm_next *next, uint32_t op)
{
    next->wish = FSM_ASK;
    next->number = op;
    next->count = 0;
}

static void with(fsm_next *next, fsm_value value)
{
    next->args[next->count++] = value;
}

static void with_bytes(fsm_next *next, fsm_kind kind, fsm_bytes bytes)
{
    with(next, (fsm_value){.kind = kind, .bytes = bytes});
}

/* Bytes, or no value when they are none. */
static void with_optional(fsm_next *next, fsm_kind kind, fsm_bytes bytes)
{
    with_bytes(next, bytes.data != NULL ? kind : FSM_NONE, bytes);
}

static void with_number(fsm_next *next, fsm_kind kind, uint64_t number)
{
    with(next, (fsm_value){.kind = kind, .number = number});
}

static void with_channel(fsm_next *next, const fsm_channel *channel)
{
    with(next, (fsm_value){ARG_CHANNEL, channel->id, channel->initiator, channel->responder});
}

/* ---- Failures */

static void raise_error(fsm_next *next, uint32_t event, fsm_bytes text)
{
    raise_event(next, event);
    with_bytes(next, ARG_ERROR, text);
}

static fsm_bytes decimal(const fsm_amount *amount, char *buffer)
{
    return (fsm_bytes){(const uint8_t *)buffer, fsm_amount_decimal(amount, buffer)};
}

/* The text of an answer's error. A shortfall has the text that the reference gives it (spec page v1.0.9, "Environment"). */
static fsm_bytes error_text(const fsm_answer *answer, fsm_scratch *scratch)
{
    if (!answer->shortfall)
        return fsm_or_empty(answer->error);
    fsm_amount missing;
    char digits[FSM_AMOUNT_DECIMAL_MAX];
    fsm_amount_load(&missing, answer->values[0].bytes);
    const fsm_bytes parts[] = {fsm_text("Inssufficient Funds. Shortfall: "), decimal(&missing, digits)};
    return fsm_text_join(scratch->text[1], parts, 2);
}

/* Raises event with the answer's error, if it has one, or with `nonsense` (difference 5) if the answer makes no sense. */
static bool failed(const fsm_answer *answer, const char *nonsense, uint32_t event, fsm_scratch *scratch, fsm_next *next)
{
    if (!answer->ok)
        raise_error(next, event, error_text(answer, scratch));
    else if (nonsense != NULL)
        raise_error(next, event, fsm_text(nonsense));
    return !answer->ok || nonsense != NULL;
}

static bool is_undefined(const fsm_value *value)
{
    return value->kind == FSM_NONE || value->bytes.size == 0;
}

/* ---- New */

static void ask_open_data_transfer(const fsm_record *record, fsm_next *next)
{
    ask(next, OpOpenDataTransfer);
    with_bytes(next, ARG_PEER, record->sender);
    with_bytes(next, ARG_CID, record->payload_cid);
    with_number(next, ARG_U64, record->id);
    with_optional(next, ARG_CBOR, record->selector);
    with_optional(next, ARG_CID, record->piece_cid);
    with_bytes(next, ARG_AMOUNT, record->price_per_byte);
    with_number(next, ARG_U64, record->payment_interval);
    with_number(next, ARG_U64, record->payment_interval_increase);
    with_bytes(next, ARG_AMOUNT, record->unseal_price);
}

static const char *channel_nonsense(const fsm_answer *answer)
{
    const fsm_value *channel = &answer->values[0];
    if (answer->ok && (channel->bytes.size > FSM_TEXT_MAX || channel->more.size > FSM_TEXT_MAX))
        return "OpenDataTransfer: expected a channel with peer ids of at most 8192 bytes, the node gave a longer one";
    return NULL;
}

void fsm_propose_deal_0_5_6(const fsm_record *record, const fsm_answer *answers, uint32_t answered,
                            fsm_scratch *scratch, fsm_next *next)
{
    if (answered == 0) {
        ask_open_data_transfer(record, next);
    } else if (!failed(&answers[0], channel_nonsense(&answers[0]), ClientEventWriteDealProposalErrored, scratch, next)) {
        raise_event(next, ClientEventDealProposed);
        with(next, answers[0].values[0]);
    }
}

/* ---- Accepted */

static const char *payment_channel_nonsense(const fsm_answer *answer)
{
    if (!answer->ok)
        return NULL;
    const fsm_value *address = &answer->values[0];
    const fsm_value *message = &answer->values[1];
    if (is_undefined(message))
        return "GetOrCreatePaymentChannel: expected the CID of a message, the node gave none";
    if (!fsm_cid_well_formed(message->bytes))
        return "GetOrCreatePaymentChannel: expected the CID of a message, the node gave bytes that are not a CID";
    if (!is_undefined(address) && !fsm_address_well_formed(address->bytes))
        return "GetOrCreatePaymentChannel: expected the address of a payment channel or none, the node gave bytes that are not "
               "an address";
    return NULL;
}

static void raise_payment_channel_begun(const fsm_value *address, const fsm_value *message, fsm_next *next)
{
    bool exists = !is_undefined(address);
    raise_event(next, exists ? ClientEventPaymentChannelAddingFunds : ClientEventPaymentChannelCreateInitiated);
    with(next, *message);
    if (exists)
        with(next, *address);
}

void fsm_setup_payment_channel_start(const fsm_record *record, const fsm_answer *answers, uint32_t answered,
                                     fsm_scratch *scratch, fsm_next *next)
{
    if (answered == 0) {
        ask(next, OpGetChainHead);
    } else if (failed(&answers[0], NULL, ClientEventPaymentChannelErrored, scratch, next)) {
        return;
    } else if (answered == 1) {
        ask(next, OpGetOrCreatePaymentChannel);
        with_bytes(next, ARG_ADDRESS, record->client_wallet);
        with_bytes(next, ARG_ADDRESS, record->miner_wallet);
        with_bytes(next, ARG_AMOUNT, record->total_funds);
        with(next, answers[0].values[0]);
    } else if (!failed(&answers[1], payment_channel_nonsense(&answers[1]), ClientEventPaymentChannelErrored, scratch,
                       next)) {
        raise_payment_channel_begun(&answers[1].values[0], &answers[1].values[1], next);
    }
}

/* ---- PaymentChannelCreating, PaymentChannelAddingFunds */

static const char *address_nonsense(const fsm_answer *answer)
{
    if (!answer->ok)
        return NULL;
    if (is_undefined(&answer->values[0]))
        return "WaitForPaymentChannelCreation: expected the address of the payment channel, the node gave none";
    if (!fsm_address_well_formed(answer->values[0].bytes))
        return "WaitForPaymentChannelCreation: expected the address of the payment channel, the node gave bytes that are not "
               "an address";
    return NULL;
}

static void ask_allocate_lane(fsm_bytes address, fsm_next *next)
{
    ask(next, OpAllocateLane);
    with_bytes(next, ARG_ADDRESS, address);
}

static void raise_payment_channel_ready(fsm_bytes address, const fsm_answer *lane, fsm_scratch *scratch, fsm_next *next)
{
    if (failed(lane, NULL, ClientEventAllocateLaneErrored, scratch, next))
        return;
    raise_event(next, ClientEventPaymentChannelReady);
    with_bytes(next, ARG_ADDRESS, address);
    with_number(next, ARG_U64, lane->values[0].number);
}

void fsm_wait_for_payment_channel_create(const fsm_record *record, const fsm_answer *answers, uint32_t answered,
                                         fsm_scratch *scratch, fsm_next *next)
{
    if (record->wait_msg_cid.data == NULL) {
        raise_error(next, ClientEventPaymentChannelErrored,
                    fsm_text("WaitMsgCID is missing: no message to wait for that creates the payment channel"));
    } else if (answered == 0) {
        ask(next, OpWaitForPaymentChannelCreation);
        with_bytes(next, ARG_CID, record->wait_msg_cid);
    } else if (failed(&answers[0], address_nonsense(&answers[0]), ClientEventPaymentChannelErrored, scratch, next)) {
        return;
    } else if (answered == 1) {
        ask_allocate_lane(answers[0].values[0].bytes, next);
    } else {
        raise_payment_channel_ready(answers[0].values[0].bytes, &answers[1], scratch, next);
    }
}

void fsm_wait_for_payment_channel_add_funds(const fsm_record *record, const fsm_answer *answers, uint32_t answered,
                                            fsm_scratch *scratch, fsm_next *next)
{
    if (record->wait_msg_cid.data == NULL) {
        raise_error(next, ClientEventPaymentChannelAddFundsErrored,
                    fsm_text("WaitMsgCID is missing: no message to wait for that adds funds to the payment channel"));
    } else if (!record->has_payment_info) {
        raise_error(next, ClientEventAllocateLaneErrored,
                    fsm_text("PaymentInfo is missing: no payment channel to allocate a lane in"));
    } else if (answered == 0) {
        ask(next, OpWaitForPaymentChannelAddFunds);
        with_bytes(next, ARG_CID, record->wait_msg_cid);
    } else if (failed(&answers[0], NULL, ClientEventPaymentChannelAddFundsErrored, scratch, next)) {
        return;
    } else if (answered == 1) {
        ask_allocate_lane(record->pay_ch, next);
    } else {
        raise_payment_channel_ready(record->pay_ch, &answers[1], scratch, next);
    }
}

/* ---- Ongoing */

void fsm_ongoing(const fsm_record *record, const fsm_answer *answers, uint32_t answered, fsm_scratch *scratch,
                 fsm_next *next)
{
    (void)answers;
    (void)answered;
    (void)scratch;
    next->wish = FSM_NOTHING;
    fsm_bytes requested = record->payment_requested;
    if (requested.size == 0 || requested.data[0] != 0) /* zero or negative */
        return;
    raise_event(next, record->last_payment_requested ? ClientEventLastPaymentRequested : ClientEventPaymentRequested);
    with_bytes(next, ARG_AMOUNT, fsm_empty());
}

/* ---- FundsNeeded, FundsNeededLastPayment */

/* Difference 2: the true difference, 0 when negative; the reference's wraps at 2^64. */
static uint64_t unpaid_bytes(const fsm_record *record)
{
    return record->total_received > record->bytes_paid_for ? record->total_received - record->bytes_paid_for : 0;
}

static bool unsealing_is_due(const fsm_record *record)
{
    fsm_amount price, paid;
    fsm_amount_load(&price, record->unseal_price);
    fsm_amount_load(&paid, record->unseal_funds_paid);
    return fsm_amount_cmp(&price, &paid) > 0;
}

void fsm_process_payment_requested(const fsm_record *record, const fsm_answer *answers, uint32_t answered,
                                   fsm_scratch *scratch, fsm_next *next)
{
    (void)answers;
    (void)answered;
    (void)scratch;
    next->wish = FSM_NOTHING;
    if (unpaid_bytes(record) >= record->current_interval || record->all_blocks_received || unsealing_is_due(record))
        raise_event(next, ClientEventSendFunds);
}

/* ---- SendFunds, SendFundsLastPayment */

/* PaymentRequested is above what the bytes received and the unsealing are worth and not paid yet. Difference 2: the reference
 * reads the number of bytes as a signed 64-bit number. */
static bool is_too_much(const fsm_record *record, const fsm_amount *requested)
{
    fsm_amount due, unseal_price, unseal_paid;
    fsm_amount_load(&due, record->price_per_byte);
    fsm_amount_load(&unseal_price, record->unseal_price);
    fsm_amount_load(&unseal_paid, record->unseal_funds_paid);
    return !(fsm_amount_mul_u64(&due, &due, unpaid_bytes(record)) && fsm_amount_add(&due, &due, &unseal_price) &&
             fsm_amount_sub(&due, &due, &unseal_paid) && fsm_amount_cmp(requested, &due) <= 0);
}

/* What must hold before a voucher is made: raises the event that says what does not. */
static bool payment_refused(const fsm_record *record, const fsm_amount *cumulative, const fsm_amount *requested,
                            fsm_scratch *scratch, fsm_next *next)
{
    fsm_amount total;
    fsm_amount_load(&total, record->total_funds);
    if (fsm_amount_cmp(cumulative, &total) > 0) {
        raise_event(next, ClientEventFundsExpended);
        with_bytes(next, ARG_TEXT, decimal(&total, scratch->text[1]));
        with_bytes(next, ARG_TEXT, decimal(cumulative, scratch->text[1] + FSM_AMOUNT_DECIMAL_MAX));
    } else if (is_too_much(record, requested)) {
        raise_event(next, ClientEventBadPaymentRequested);
        with_bytes(next, ARG_TEXT, fsm_text("too much money requested for bytes sent"));
    } else if (!record->has_payment_info) {
        raise_error(next, ClientEventCreateVoucherFailed,
                    fsm_text("PaymentInfo is missing: no payment channel to create a voucher for"));
    } else {
        return false;
    }
    return true;
}

static void ask_create_voucher(const fsm_record *record, const fsm_amount *cumulative, const fsm_value *token,
                               fsm_scratch *scratch, fsm_next *next)
{
    fsm_bytes amount;
    fsm_amount_store(cumulative, FSM_AMOUNT_INPUT_MAX, scratch->amount[2], &amount);
    ask(next, OpCreatePaymentVoucher);
    with_bytes(next, ARG_ADDRESS, record->pay_ch);
    with_bytes(next, ARG_AMOUNT, amount);
    with_number(next, ARG_U64, record->lane);
    with(next, *token);
}

static void ask_send_voucher(const fsm_record *record, const fsm_value *voucher, fsm_next *next)
{
    ask(next, OpSendDataTransferVoucher);
    with_channel(next, &record->channel);
    with_number(next, ARG_U64, record->id);
    with_bytes(next, ARG_ADDRESS, record->pay_ch);
    with(next, *voucher);
}

void fsm_send_funds_0_5_6(const fsm_record *record, const fsm_answer *answers, uint32_t answered, fsm_scratch *scratch,
                          fsm_next *next)
{
    fsm_amount requested, cumulative;
    fsm_amount_load(&requested, record->payment_requested);
    fsm_amount_load(&cumulative, record->funds_spent);
    fsm_amount_add(&cumulative, &cumulative, &requested);
    if (payment_refused(record, &cumulative, &requested, scratch, next)) {
        return;
    } else if (answered == 0) {
        ask(next, OpGetChainHead);
    } else if (failed(&answers[0], NULL, ClientEventCreateVoucherFailed, scratch, next)) {
        return;
    } else if (answered == 1) {
        ask_create_voucher(record, &cumulative, &answers[0].values[0], scratch, next);
    } else if (failed(&answers[1], NULL, ClientEventCreateVoucherFailed, scratch, next)) {
        return;
    } else if (answered == 2) {
        ask_send_voucher(record, &answers[1].values[0], next);
    } else if (!failed(&answers[2], NULL, ClientEventWriteDealPaymentErrored, scratch, next)) {
        raise_event(next, ClientEventPaymentSent);
    }
}

/* ---- Failing */

void fsm_cancel_deal(const fsm_record *record, const fsm_answer *answers, uint32_t answered, fsm_scratch *scratch,
                     fsm_next *next)
{
    if (answered == 0) {
        ask(next, OpCloseDataTransfer);
        with_channel(next, &record->channel);
    } else if (!failed(&answers[0], NULL, ClientEventDataTransferError, scratch, next)) {
        raise_event(next, ClientEventCancelComplete);
    }
}
