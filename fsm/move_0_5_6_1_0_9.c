/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A = client 0.5.6, B = client 1.0.9. Source: migrations.md, columns A→B and B→A. */
#include "move_parts.h"
#include "text.h"

/* ---- A→B */

static const fsm_status_row up[] = {
    SAME(DealStatusNew),
    BECOMES(DealStatusWaitForAcceptance, DealStatusWaitForAcceptanceLegacy),
    REFUSED_IF(FSM_WITH_PAYMENT_INFO, DealStatusPaymentChannelCreating, "malformed: it creates a channel and has one"),
    SAME(DealStatusPaymentChannelCreating),
    REFUSED_IF(FSM_WITHOUT_PAYMENT_INFO, DealStatusPaymentChannelAddingFunds, "malformed: it adds funds and has no channel"),
    BECOMES(DealStatusPaymentChannelAddingFunds, DealStatusPaymentChannelCreating),
    SAME(DealStatusAccepted),
    SAME(DealStatusFundsNeeded),
    SAME(DealStatusSendFunds),
    SAME(DealStatusSendFundsLastPayment),
    SAME(DealStatusOngoing),
    SAME(DealStatusFundsNeededLastPayment),
    SAME(DealStatusBlocksComplete),
    SAME(DealStatusFinalizing),
    SAME(DealStatusFailing),
    SAME(DealStatusRejected),
    SAME(DealStatusCompleted),
    SAME(DealStatusDealNotFound),
    SAME(DealStatusErrored),
};

/* The event that ends the wait of A's 4 and 5 is one of a state that B has for itself. */
static void take_lane_later(fsm_traveller *t, uint64_t old_status)
{
    fsm_queued *ready = fsm_move_find(t, ClientEventPaymentChannelReady);
    fsm_queued *failed = fsm_move_find(t, ClientEventAllocateLaneErrored);
    bool waits = old_status == DealStatusPaymentChannelCreating || old_status == DealStatusPaymentChannelAddingFunds;
    if (waits && (ready || failed)) {
        t->record.status = DealStatusPaymentChannelAllocatingLane;
        t->handler_owed = false;
    }
    if (waits && ready && !t->record.has_payment_info) {
        t->record.has_payment_info = true;
        t->record.pay_ch = ready->args[0].bytes;
        t->record.lane = 0;
    }
}

static void queue_up(fsm_traveller *t)
{
    for (uint32_t i = 0; i < t->queued; i++) {
        fsm_queued *q = &t->queue[i];
        if (q->event == ClientEventPaymentChannelReady) {
            q->event = ClientEventLaneAllocated;
            q->args[0] = q->args[1];
            q->count = 1;
        } else if (q->event == ClientEventPaymentChannelAddFundsErrored) {
            const fsm_bytes parts[] = {fsm_text("wait for add funds: "), q->args[0].bytes};
            q->event = ClientEventPaymentChannelErrored;
            q->args[0].bytes = fsm_move_join(t, parts, 2);
        } else if (q->event == ClientEventFundsExpended) {
            const fsm_bytes parts[] = {fsm_text("not enough funds left: expected amt = "), q->args[0].bytes,
                                       fsm_text(", actual amt = "), q->args[1].bytes};
            q->event = ClientEventBadPaymentRequested;
            q->args[0].bytes = fsm_move_join(t, parts, 4);
            q->count = 1;
        }
    }
}

fsm_verdict fsm_move_0_5_6_to_1_0_9(fsm_traveller *t, const char **why)
{
    uint64_t old_status = t->record.status;
    fsm_verdict verdict = fsm_move_pending(t, why);
    if (!verdict)
        verdict = fsm_move_status(t, up, sizeof up / sizeof *up, why);
    if (verdict)
        return verdict;
    if (fsm_move_bad_address(&t->record, &fsm_client_1_0_9.addresses)) {
        *why = "an ID address of 2^63 or more";
        return FSM_REFUSED;
    }
    if (fsm_move_bad_cid(&t->record, &fsm_client_1_0_9.addresses)) {
        *why = "a CID with a number of 2^63 or more";
        return FSM_REFUSED;
    }
    /* In New B will propose with versioned vouchers, then pay with them. */
    t->record.legacy_protocol = old_status != DealStatusNew;
    t->record.voucher_shortfall = fsm_empty();
    if (fsm_is_final(&fsm_client_0_5_6, old_status))
        return FSM_MOVES;
    take_lane_later(t, old_status);
    if (old_status == DealStatusNew && fsm_move_find(t, ClientEventDealProposed)) { /* the transfer is open, unversioned */
        t->record.status = DealStatusRetryLegacy;
        t->record.legacy_protocol = true;
        t->handler_owed = false;
    }
    queue_up(t);
    return fsm_move_queue_up(t, &fsm_client_1_0_9, why);
}

/* ---- B→A */

#define BY_ITSELF "it leaves this state by itself within one call"

static const fsm_status_row down[] = {
    SAME(DealStatusNew),
    REFUSED(DealStatusWaitForAcceptance, "speaks versioned vouchers"),
    BECOMES(DealStatusWaitForAcceptanceLegacy, DealStatusWaitForAcceptance),
    BECOMES_IF(FSM_WITH_PAYMENT_INFO, DealStatusPaymentChannelCreating, DealStatusPaymentChannelAddingFunds),
    SAME(DealStatusPaymentChannelCreating),
    REFUSED(DealStatusPaymentChannelAddingFunds, "the old version would take a second lane"),
    SAME(DealStatusAccepted),
    STAYS(DealStatusPaymentChannelAllocatingLane, BY_ITSELF),
    SAME(DealStatusFundsNeeded),
    SAME(DealStatusSendFunds),
    SAME(DealStatusSendFundsLastPayment),
    SAME(DealStatusOngoing),
    SAME(DealStatusFundsNeededLastPayment),
    SAME(DealStatusBlocksComplete),
    SAME(DealStatusFinalizing),
    SAME(DealStatusFailing),
    STAYS(DealStatusCancelling, BY_ITSELF),
    STAYS(DealStatusRetryLegacy, BY_ITSELF),
    STAYS(DealStatusCheckComplete, BY_ITSELF),
    STAYS(DealStatusCheckFunds, BY_ITSELF),
    REFUSED(DealStatusInsufficientFunds, "the old version cannot wait for money"),
    SAME(DealStatusRejected),
    SAME(DealStatusCompleted),
    SAME(DealStatusDealNotFound),
    SAME(DealStatusErrored),
    REFUSED(DealStatusCancelled, "for the old version it is no final state: the deal would live again"),
};

/* New, Failing and final deals may have either protocol: they send no voucher that depends on it. */
static bool speaks_versioned(const fsm_record *record, uint64_t old_status)
{
    if (old_status == DealStatusNew)
        return record->legacy_protocol;
    return !record->legacy_protocol && old_status != DealStatusFailing && !fsm_is_final(&fsm_client_1_0_9, old_status);
}

fsm_verdict fsm_move_1_0_9_to_0_5_6(fsm_traveller *t, const char **why)
{
    uint64_t old_status = t->record.status;
    fsm_verdict verdict = fsm_move_pending(t, why);
    if (!verdict)
        verdict = fsm_move_status(t, down, sizeof down / sizeof *down, why);
    if (verdict)
        return verdict;
    if (!fsm_move_is_zero(t->record.voucher_shortfall) || speaks_versioned(&t->record, old_status)) {
        *why = fsm_move_is_zero(t->record.voucher_shortfall) ? "speaks versioned vouchers" : "has a voucher shortfall";
        return FSM_REFUSED;
    }
    t->record.legacy_protocol = false;
    t->record.voucher_shortfall = fsm_empty();
    if (fsm_is_final(&fsm_client_1_0_9, old_status))
        return FSM_MOVES;
    if (fsm_move_find(t, ClientEventPaymentChannelReady) || fsm_move_find(t, ClientEventDealProposed)) {
        *why = "an event is queued that means something else to the other version";
        return FSM_STAYS;
    }
    return fsm_move_queue_down(t, &fsm_client_1_0_9, old_status, &fsm_client_0_5_6, why);
}
