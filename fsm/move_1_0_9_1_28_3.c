/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* B = client 1.0.9, C = client 1.28.3. Source: migrations.md, columns B→C and C→B. */
#include "move_parts.h"

/* ---- B→C */

static const fsm_status_row up[] = {
    SAME(DealStatusNew),
    SAME(DealStatusWaitForAcceptance),
    SAME(DealStatusWaitForAcceptanceLegacy),
    BECOMES_IF(FSM_WITH_PAYMENT_INFO, DealStatusPaymentChannelCreating, DealStatusPaymentChannelAddingInitialFunds),
    SAME(DealStatusPaymentChannelCreating),
    SAME(DealStatusPaymentChannelAddingFunds),
    SAME(DealStatusAccepted),
    SAME(DealStatusPaymentChannelAllocatingLane),
    SAME(DealStatusFundsNeeded),
    SAME(DealStatusSendFunds),
    SAME(DealStatusSendFundsLastPayment),
    SAME(DealStatusOngoing),
    SAME(DealStatusFundsNeededLastPayment),
    SAME(DealStatusBlocksComplete),
    SAME(DealStatusFinalizing),
    SAME(DealStatusFailing),
    SAME(DealStatusCancelling),
    SAME(DealStatusRetryLegacy),
    SAME(DealStatusCheckComplete),
    SAME(DealStatusCheckFunds),
    SAME(DealStatusInsufficientFunds),
    SAME(DealStatusRejected),
    SAME(DealStatusCompleted),
    SAME(DealStatusDealNotFound),
    SAME(DealStatusErrored),
    SAME(DealStatusCancelled),
};

/* CurrentInterval becomes an offset; BytesPaidFor follows from what was spent. False: over 64 bits. */
static bool intervals_up(fsm_record *r)
{
    uint64_t paid_for = r->bytes_paid_for;
    fsm_amount spent, unseal, price;
    if (r->current_interval > UINT64_MAX - paid_for)
        return false;
    r->current_interval += paid_for;
    fsm_amount_load(&spent, r->funds_spent);
    fsm_amount_load(&unseal, r->unseal_price);
    fsm_amount_load(&price, r->price_per_byte);
    if (!price.used || price.negative || fsm_amount_cmp(&spent, &unseal) <= 0)
        return true;
    return fsm_amount_sub(&spent, &spent, &unseal) && fsm_amount_div_u64(&r->bytes_paid_for, &spent, &price);
}

/* PaymentSent names the voucher's amount now. In 11 and 12 nothing changes these two before it. */
static bool payments_sent_up(fsm_traveller *t)
{
    for (uint32_t i = 0; i < t->queued; i++) {
        fsm_queued *q = &t->queue[i];
        fsm_amount spent, requested;
        if (q->event != ClientEventPaymentSent)
            continue;
        fsm_amount_load(&spent, t->record.funds_spent);
        fsm_amount_load(&requested, t->record.payment_requested);
        q->count = 1;
        q->args[0] = (fsm_value){.kind = ARG_AMOUNT};
        if (!fsm_amount_add(&spent, &spent, &requested) ||
            !fsm_move_store(t, &spent, FSM_AMOUNT_INPUT_MAX, &q->args[0].bytes))
            return false;
    }
    return true;
}

static void mark_up(fsm_traveller *t, uint64_t old_status)
{
    bool unversioned = t->record.legacy_protocol;
    if (old_status == DealStatusRetryLegacy && t->handler_owed)
        unversioned = false; /* C proposes with versioned ones */
    if (old_status == DealStatusRetryLegacy && fsm_move_find(t, ClientEventDealProposed))
        unversioned = true;
    t->unversioned = unversioned ? FSM_MARK_YES : FSM_MARK_NO;
}

static void channel_up(fsm_record *record)
{
    if (record->channel.initiator.size && record->channel.responder.size)
        return;
    record->has_channel = false;
    record->channel = (fsm_channel){fsm_empty(), fsm_empty(), 0};
}

fsm_verdict fsm_move_1_0_9_to_1_28_3(fsm_traveller *t, const char **why)
{
    uint64_t old_status = t->record.status;
    fsm_verdict verdict = fsm_move_pending(t, why);
    if (!verdict)
        verdict = fsm_move_status(t, up, sizeof up / sizeof *up, why);
    if (verdict)
        return verdict;
    mark_up(t, old_status);
    channel_up(&t->record);
    if (fsm_is_final(&fsm_client_1_0_9, old_status))
        return FSM_MOVES;
    /* 30 refuses PaymentChannelErrored: the event would be lost there. */
    if (old_status == DealStatusPaymentChannelCreating && fsm_move_find(t, ClientEventPaymentChannelErrored))
        t->record.status = old_status;
    if (!payments_sent_up(t) || !intervals_up(&t->record)) {
        *why = "a number of bytes or an amount that the other version cannot hold";
        return FSM_REFUSED;
    }
    return fsm_move_queue_up(t, &fsm_client_1_28_3, why);
}

/* ---- C→B */

#define ONE_CALL "it is one call from its end; a final status would drop the clean-up"
#define NO_CHANNEL "it has no channel to close; it leaves this state by itself"

static const fsm_status_row down[] = {
    SAME(DealStatusNew),
    SAME(DealStatusWaitForAcceptance),
    SAME(DealStatusWaitForAcceptanceLegacy),
    SAME(DealStatusPaymentChannelCreating),
    SAME(DealStatusPaymentChannelAddingFunds),
    REFUSED_IF(FSM_WITHOUT_PAYMENT_INFO, DealStatusPaymentChannelAddingInitialFunds,
               "malformed: it adds funds and has no channel"),
    BECOMES(DealStatusPaymentChannelAddingInitialFunds, DealStatusPaymentChannelCreating),
    SAME(DealStatusAccepted),
    SAME(DealStatusPaymentChannelAllocatingLane),
    SAME(DealStatusFundsNeeded),
    SAME(DealStatusSendFunds),
    SAME(DealStatusSendFundsLastPayment),
    SAME(DealStatusOngoing),
    SAME(DealStatusFundsNeededLastPayment),
    SAME(DealStatusBlocksComplete),
    SAME(DealStatusFinalizing),
    STAYS_IF(FSM_WITHOUT_CHANNEL, DealStatusFailing, NO_CHANNEL),
    SAME(DealStatusFailing),
    STAYS_IF(FSM_WITHOUT_CHANNEL, DealStatusCancelling, NO_CHANNEL),
    SAME(DealStatusCancelling),
    SAME(DealStatusRetryLegacy),
    SAME(DealStatusCheckComplete),
    SAME(DealStatusCheckFunds),
    SAME(DealStatusInsufficientFunds),
    REFUSED(DealStatusClientWaitingForLastBlocks,
            "the old version fails a deal whose last blocks come after Complete"),
    STAYS(DealStatusErroring, ONE_CALL),
    STAYS(DealStatusRejecting, ONE_CALL),
    STAYS(DealStatusDealNotFoundCleanup, ONE_CALL),
    STAYS(DealStatusFinalizingBlockstore, ONE_CALL),
    SAME(DealStatusRejected),
    SAME(DealStatusCompleted),
    SAME(DealStatusDealNotFound),
    SAME(DealStatusErrored),
    SAME(DealStatusCancelled),
};

static bool will_ask_for_channel(uint64_t status)
{
    return status == DealStatusNew || status == DealStatusWaitForAcceptance || status == DealStatusAccepted ||
           status == DealStatusRetryLegacy || status == DealStatusWaitForAcceptanceLegacy;
}

static bool must_pay_now(uint64_t status)
{
    return status == DealStatusFundsNeeded || status == DealStatusSendFunds ||
           status == DealStatusSendFundsLastPayment || status == DealStatusFundsNeededLastPayment;
}

static bool pays(uint64_t status)
{
    return must_pay_now(status) || status == DealStatusPaymentChannelAddingFunds || status == DealStatusOngoing ||
           status == DealStatusBlocksComplete || status == DealStatusCheckFunds || status == DealStatusInsufficientFunds;
}

/* What B would take as owed: the bytes not paid for, and what is left of unsealing. False: too large to compare, then no
 * request is above it. */
static bool owed(const fsm_record *r, fsm_amount *out)
{
    fsm_amount price, unseal, paid;
    uint64_t bytes = r->total_received > r->bytes_paid_for ? r->total_received - r->bytes_paid_for : 0;
    fsm_amount_load(&price, r->price_per_byte);
    fsm_amount_load(&unseal, r->unseal_price);
    fsm_amount_load(&paid, r->unseal_funds_paid);
    return fsm_amount_mul_u64(out, &price, bytes) && fsm_amount_sub(&unseal, &unseal, &paid) &&
           fsm_amount_add(out, out, &unseal);
}

/* B pays FundsSpent + PaymentRequested: anything else than a request of what is due would make an equal or lower voucher, or
 * fail the deal for asking too much. */
static bool request_fits(const fsm_record *r, uint64_t status)
{
    fsm_amount requested, due;
    fsm_amount_load(&requested, r->payment_requested);
    if (requested.negative || (!requested.used && must_pay_now(status)))
        return false;
    return !owed(r, &due) || fsm_amount_cmp(&requested, &due) <= 0;
}

static fsm_verdict money_down(const fsm_record *r, uint64_t status, const char **why)
{
    if (will_ask_for_channel(status) && fsm_move_is_zero(r->total_funds)) {
        *why = "the old version would ask for a channel with 0 and never get it";
        return FSM_REFUSED;
    }
    if (!pays(status))
        return FSM_MOVES;
    if (!r->has_payment_info) {
        *why = "a free deal: the old version pays through a channel only";
        return FSM_REFUSED;
    }
    if (!request_fits(r, status)) {
        *why = "what is requested is not what the old version could pay now";
        return FSM_STAYS;
    }
    return FSM_MOVES;
}

static void channel_down(fsm_record *record)
{
    if (!record->has_channel)
        record->channel = (fsm_channel){fsm_empty(), fsm_empty(), 0};
    record->has_channel = true;
}

static fsm_verdict events_down(fsm_traveller *t, uint64_t old_status, const char **why)
{
    if (fsm_move_find(t, ClientEventPaymentSent) || fsm_move_find(t, ClientEventPaymentNotSent)) {
        *why = "an event is queued that means something else to the other version";
        return FSM_STAYS;
    }
    if (old_status == DealStatusRetryLegacy && t->unversioned != FSM_MARK_YES && fsm_move_find(t, ClientEventDealProposed)) {
        *why = "its second proposal went out with versioned vouchers, which the old version would take for unversioned ones";
        return FSM_STAYS;
    }
    return fsm_move_queue_down(t, &fsm_client_1_28_3, old_status, &fsm_client_1_0_9, why);
}

fsm_verdict fsm_move_1_28_3_to_1_0_9(fsm_traveller *t, const char **why)
{
    fsm_record *r = &t->record;
    uint64_t old_status = r->status;
    bool final = fsm_is_final(&fsm_client_1_28_3, old_status);
    fsm_verdict verdict = fsm_move_pending(t, why);
    if (!verdict)
        verdict = fsm_move_status(t, down, sizeof down / sizeof *down, why);
    if (verdict)
        return verdict;
    if (fsm_move_bad_address(r, &fsm_client_1_0_9.addresses)) {
        *why = "an address of kind 4, which the old version cannot read";
        return FSM_REFUSED;
    }
    if (!final && t->unversioned == FSM_MARK_UNKNOWN) {
        *why = "it is not known which vouchers its transfer was opened with";
        return FSM_REFUSED;
    }
    if (!final && (verdict = money_down(r, old_status, why)))
        return verdict;
    channel_down(r);
    if (final)
        return FSM_MOVES;
    r->legacy_protocol = t->unversioned == FSM_MARK_YES || old_status == DealStatusRetryLegacy;
    r->current_interval = r->current_interval > r->bytes_paid_for ? r->current_interval - r->bytes_paid_for : 0;
    return events_down(t, old_status, why);
}
