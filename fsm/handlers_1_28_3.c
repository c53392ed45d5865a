/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* Entry handlers that client 1.28.3 adds or changes. Differences as numbered on spec page v1.28.3. */

#include "handler_parts.h"
#include "text.h"
#include "wish.h"

/* ---- Accepted */

/* Difference 4: an address or a message CID, each well formed. */
static const char *payment_channel_nonsense(const fsm_answer *answer)
{
    const fsm_value *address = &answer->values[0];
    const fsm_value *message = &answer->values[1];
    if (!answer->ok)
        return NULL;
    if (!fsm_is_undefined(address) && !fsm_address_well_formed(address->bytes, &fsm_client_1_28_3.addresses))
        return "GetOrCreatePaymentChannel: expected an address or none, the node gave bytes that are not one";
    if (!fsm_is_undefined(message) && !fsm_cid_well_formed(message->bytes, &fsm_client_1_28_3.addresses))
        return "GetOrCreatePaymentChannel: expected the CID of a message or none, the node gave bytes that are not one";
    if (fsm_is_undefined(address) && fsm_is_undefined(message))
        return "GetOrCreatePaymentChannel: expected an address or the CID of a message, the node gave neither";
    return NULL;
}

static void raise_payment_channel_begun(const fsm_value *address, const fsm_value *message, fsm_next *next)
{
    if (fsm_is_undefined(address)) {
        fsm_raise(next, ClientEventPaymentChannelCreateInitiated);
        fsm_with(next, *message);
    } else if (fsm_is_undefined(message)) {
        fsm_raise(next, ClientEventPaymentChannelReady);
        fsm_with(next, *address);
    } else {
        fsm_raise(next, ClientEventPaymentChannelAddingFunds);
        fsm_with(next, *message);
        fsm_with(next, *address);
    }
}

void fsm_setup_payment_channel_start_1_28_3(const fsm_record *record, const fsm_answer *answers, uint32_t answered,
                                            fsm_scratch *scratch, fsm_next *next)
{
    if (record->total_funds.size == 0) {
        fsm_raise(next, ClientEventPaymentChannelSkip);
        return;
    }
    if (fsm_ask_payment_channel(record, answers, answered, scratch, next))
        return;
    const fsm_answer *answer = &answers[1];
    if (!fsm_failed(answer, payment_channel_nonsense(answer), ClientEventPaymentChannelErrored, scratch, next))
        raise_payment_channel_begun(&answer->values[0], &answer->values[1], next);
}

/* ---- PaymentChannelCreating, PaymentChannelAddingInitialFunds, PaymentChannelAddingFunds */

/* Differences 3 and 4: PaymentChannelAddingInitialFunds refuses PaymentChannelErrored. */
void fsm_wait_payment_channel_ready_1_28_3(const fsm_record *record, const fsm_answer *answers, uint32_t answered,
                                           fsm_scratch *scratch, fsm_next *next)
{
    bool initial = record->status == DealStatusPaymentChannelAddingInitialFunds;
    fsm_wait_payment_channel_ready(record, answers, answered, scratch, next, &fsm_client_1_28_3.addresses,
                                   initial ? ClientEventWriteDealPaymentErrored : ClientEventPaymentChannelErrored);
}

/* ---- FundsNeeded, FundsNeededLastPayment */

void fsm_process_payment_requested_1_28_3(const fsm_record *record, const fsm_answer *answers, uint32_t answered,
                                          fsm_scratch *scratch, fsm_next *next)
{
    (void)answers;
    (void)answered;
    (void)scratch;
    next->wish = FSM_NOTHING;
    bool bytes_are_due = record->bytes_paid_for < record->total_received &&
                         (record->all_blocks_received || record->total_received >= record->current_interval);
    if (fsm_unsealing_is_due(record) || bytes_are_due)
        fsm_raise(next, ClientEventSendFunds);
}

/* ---- SendFunds, SendFundsLastPayment */

static bool is_payment_due(const fsm_record *record)
{
    return fsm_unsealing_is_due(record) || record->all_blocks_received ||
           record->total_received >= record->current_interval;
}

/* All that is owed since the start. Difference 2: the reference reads TotalReceived as a signed number. */
static void load_total(fsm_amount *total, const fsm_record *record)
{
    fsm_amount unseal_price;
    fsm_amount_load(total, record->price_per_byte);
    fsm_amount_load(&unseal_price, record->unseal_price);
    fsm_amount_mul_u64(total, total, record->total_received);
    fsm_amount_add(total, total, &unseal_price);
}

/* What must hold before a voucher is made: raises the event that says what does not. */
static bool payment_refused(const fsm_record *record, const fsm_amount *total, fsm_next *next)
{
    fsm_amount spent;
    fsm_amount_load(&spent, record->funds_spent);
    if (fsm_amount_cmp(total, &spent) <= 0)
        fsm_raise(next, ClientEventPaymentNotSent);
    else if (!record->has_channel) /* Difference 3 */
        fsm_raise_error(next, ClientEventCreateVoucherFailed,
                        fsm_text("ChannelID is missing: no transfer to send a voucher on"));
    else
        return fsm_voucher_impossible(record, total, next);
    return true;
}

static void raise_payment_sent(const fsm_amount *total, fsm_scratch *scratch, fsm_next *next)
{
    fsm_bytes amount;
    fsm_amount_store(total, FSM_AMOUNT_STORED_MAX, scratch->amount[2], &amount);
    fsm_raise(next, ClientEventPaymentSent);
    fsm_with_bytes(next, ARG_AMOUNT, amount);
}

void fsm_send_funds_1_28_3(const fsm_record *record, const fsm_answer *answers, uint32_t answered, fsm_scratch *scratch,
                           fsm_next *next)
{
    fsm_amount total;
    load_total(&total, record);
    if (!is_payment_due(record)) {
        fsm_raise(next, ClientEventPaymentNotSent);
    } else if (answered == 0) {
        fsm_ask(next, OpGetChainHead);
    } else if (fsm_failed(&answers[0], NULL, ClientEventCreateVoucherFailed, scratch, next)) {
        return;
    } else if (payment_refused(record, &total, next)) {
        return;
    } else if (answered == 1) {
        fsm_ask_create_voucher(record, &total, &answers[0].values[0], scratch, next);
    } else if (fsm_voucher_failed(&answers[1], scratch, next)) {
        return;
    } else if (answered == 2) {
        fsm_ask_send_voucher(record, &answers[1].values[0], next);
    } else if (!fsm_failed(&answers[2], NULL, ClientEventWriteDealPaymentErrored, scratch, next)) {
        raise_payment_sent(&total, scratch, next);
    }
}

/* ---- Failing, Cancelling */

static void ask_finalize_blockstore(const fsm_record *record, fsm_next *next)
{
    fsm_ask(next, OpFinalizeBlockstore);
    fsm_with_number(next, ARG_U64, record->id);
}

/* An error of FinalizeBlockstore does not keep the deal from its end. */
void fsm_cancel_deal_1_28_3(const fsm_record *record, const fsm_answer *answers, uint32_t answered,
                            fsm_scratch *scratch, fsm_next *next)
{
    if (answered == 0)
        ask_finalize_blockstore(record, next);
    else if (record->has_channel)
        fsm_cancel_deal(record, answers + 1, answered - 1, scratch, next);
    else
        fsm_raise(next, ClientEventCancelComplete);
}

/* ---- CheckComplete */

void fsm_check_complete_1_28_3(const fsm_record *record, const fsm_answer *answers, uint32_t answered,
                               fsm_scratch *scratch, fsm_next *next)
{
    bool is_free = record->price_per_byte.size == 0;
    if (!record->all_blocks_received && is_free)
        fsm_raise(next, ClientEventWaitForLastBlocks);
    else
        fsm_check_complete_1_0_9(record, answers, answered, scratch, next);
}

/* ---- FinalizingBlockstore; Erroring, Rejecting, DealNotFoundCleanup */

void fsm_finalize_blockstore(const fsm_record *record, const fsm_answer *answers, uint32_t answered,
                             fsm_scratch *scratch, fsm_next *next)
{
    if (answered == 0)
        ask_finalize_blockstore(record, next);
    else if (!fsm_failed(&answers[0], NULL, ClientEventFinalizeBlockstoreErrored, scratch, next))
        fsm_raise(next, ClientEventBlockstoreFinalized);
}

/* An error of FinalizeBlockstore does not keep the deal from its end. */
void fsm_failsafe_finalize_blockstore(const fsm_record *record, const fsm_answer *answers, uint32_t answered,
                                      fsm_scratch *scratch, fsm_next *next)
{
    (void)answers;
    (void)scratch;
    if (answered == 0)
        ask_finalize_blockstore(record, next);
    else
        fsm_raise(next, ClientEventBlockstoreFinalized);
}
