/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* The handlers of the states in which a deal is paid for. */

#include "handler_parts.h"
#include "text.h"
#include "wish.h"

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
    fsm_raise(next, record->last_payment_requested ? ClientEventLastPaymentRequested : ClientEventPaymentRequested);
    fsm_with_bytes(next, ARG_AMOUNT, fsm_empty());
}

/* ---- FundsNeeded, FundsNeededLastPayment */

/* Difference 2: the true difference, 0 when negative; the reference's wraps at 2^64. */
static uint64_t unpaid_bytes(const fsm_record *record)
{
    return record->total_received > record->bytes_paid_for ? record->total_received - record->bytes_paid_for : 0;
}

bool fsm_unsealing_is_due(const fsm_record *record)
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
    if (unpaid_bytes(record) >= record->current_interval || record->all_blocks_received || fsm_unsealing_is_due(record))
        fsm_raise(next, ClientEventSendFunds);
}

/* ---- SendFunds, SendFundsLastPayment */

/* Difference 2: the reference reads the number of bytes as a signed 64-bit number. */
bool fsm_is_too_much(const fsm_record *record, const fsm_amount *requested)
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
        fsm_raise(next, ClientEventFundsExpended);
        fsm_with_bytes(next, ARG_TEXT, fsm_decimal_text(&total, scratch->text[1]));
        fsm_with_bytes(next, ARG_TEXT, fsm_decimal_text(cumulative, scratch->text[1] + FSM_AMOUNT_DECIMAL_MAX));
    } else if (fsm_is_too_much(record, requested)) {
        fsm_raise(next, ClientEventBadPaymentRequested);
        fsm_with_bytes(next, ARG_TEXT, fsm_text("too much money requested for bytes sent"));
    } else if (!record->has_payment_info) {
        fsm_raise_error(next, ClientEventCreateVoucherFailed,
                        fsm_text("PaymentInfo is missing: no payment channel to create a voucher for"));
    } else {
        return false;
    }
    return true;
}

void fsm_ask_create_voucher(const fsm_record *record, const fsm_amount *cumulative, const fsm_value *token,
                            fsm_scratch *scratch, fsm_next *next)
{
    fsm_bytes amount;
    fsm_amount_store(cumulative, FSM_AMOUNT_INPUT_MAX, scratch->amount[2], &amount);
    fsm_ask(next, OpCreatePaymentVoucher);
    fsm_with_bytes(next, ARG_ADDRESS, record->pay_ch);
    fsm_with_bytes(next, ARG_AMOUNT, amount);
    fsm_with_number(next, ARG_U64, record->lane);
    fsm_with(next, *token);
}

void fsm_ask_send_voucher(const fsm_record *record, const fsm_value *voucher, fsm_next *next)
{
    fsm_ask(next, OpSendDataTransferVoucher);
    fsm_with_channel(next, &record->channel);
    fsm_with_number(next, ARG_U64, record->id);
    fsm_with_bytes(next, ARG_ADDRESS, record->pay_ch);
    fsm_with(next, *voucher);
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
        fsm_ask(next, OpGetChainHead);
    } else if (fsm_failed(&answers[0], NULL, ClientEventCreateVoucherFailed, scratch, next)) {
        return;
    } else if (answered == 1) {
        fsm_ask_create_voucher(record, &cumulative, &answers[0].values[0], scratch, next);
    } else if (fsm_failed(&answers[1], NULL, ClientEventCreateVoucherFailed, scratch, next)) {
        return;
    } else if (answered == 2) {
        fsm_ask_send_voucher(record, &answers[1].values[0], next);
    } else if (!fsm_failed(&answers[2], NULL, ClientEventWriteDealPaymentErrored, scratch, next)) {
        fsm_raise(next, ClientEventPaymentSent);
    }
}
