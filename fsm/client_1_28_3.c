/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* client 1.28.3: the retrieval client of go-fil-markets v1.19.1 to v1.28.3. Its events stand in client_1_28_3_events.inc.
 * Source: spec page v1.28.3. */

#include "actions.h"
#include "handlers.h"
#include "table.h"

/* ---- Statuses. The reference prints 29 by another name than its own. */

#define STATUS_NAME(number, word)                                                                                      \
    [number] = (number) == DealStatusClientWaitingForLastBlocks ? "DealStatusWaitingForLastBlocks" : "DealStatus" #word,
static const char *const status_names[] = {FSM_STATUSES(STATUS_NAME)};
enum { STATUSES = DealStatusFinalizingBlockstore + 1 };

static bool unknown_response_received(fsm_record *after, const fsm_value *args, fsm_scratch *scratch, const char **why)
{
    (void)why;
    return fsm_unexpected_status(after, fsm_status_name(&fsm_client_1_28_3, args[0].number), scratch);
}

/* ---- Events */

/* PCC of the specification */
/* clang-format off */
#define PAYMENT_CHANNEL_CREATION \
    DealStatusWaitForAcceptance, DealStatusWaitForAcceptanceLegacy, DealStatusAccepted, \
    DealStatusPaymentChannelCreating, DealStatusPaymentChannelAddingInitialFunds, \
    DealStatusPaymentChannelAllocatingLane
/* clang-format on */

static const fsm_event events[] = {
#include "client_1_28_3_events.inc"
};

/* Any other may come from a handler only. Open is the host's, once; a handler may raise LastPaymentRequested,
 * PaymentRequested and DataTransferError, too. */
static const uint8_t outside[] = {
    ClientEventOpen,
    ClientEventDealRejected,
    ClientEventDealNotFound,
    ClientEventDealAccepted,
    ClientEventProviderCancelled,
    ClientEventUnknownResponseReceived,
    ClientEventLastPaymentRequested,
    ClientEventAllBlocksReceived,
    ClientEventPaymentRequested,
    ClientEventUnsealPaymentRequested,
    ClientEventBlocksReceived,
    ClientEventComplete,
    ClientEventDataTransferError,
    ClientEventRecheckFunds,
    ClientEventCancel,
    FSM_LIST_END,
};

/* Open after the deal was created, RecheckFunds when its channel got money. */
static const uint8_t own_time[] = {ClientEventOpen, ClientEventRecheckFunds, FSM_LIST_END};

static const uint8_t finals[] = {
    DealStatusErrored,  DealStatusCompleted,    DealStatusCancelled,
    DealStatusRejected, DealStatusDealNotFound, FSM_LIST_END,
};

/* ---- Creation */

static void begin(fsm_record *record)
{
    fsm_begin(record);
    record->has_channel = false;
    record->has_store_id = false;
    record->store_id = 0;
}

/* ---- Entry handlers */

/* clang-format off */

static const fsm_handler handlers[] = {
    HANDLER(ProposeDeal, fsm_propose_deal,
            STATES(DealStatusNew, DealStatusRetryLegacy),
            OPS(OpOpenDataTransfer),
            RAISES(ClientEventWriteDealProposalErrored, ClientEventDealProposed)),
    HANDLER(SetupPaymentChannelStart, fsm_setup_payment_channel_start_1_28_3,
            STATES(DealStatusAccepted),
            OPS(OpGetChainHead, OpGetOrCreatePaymentChannel),
            RAISES(ClientEventPaymentChannelSkip, ClientEventPaymentChannelErrored,
                   ClientEventPaymentChannelCreateInitiated, ClientEventPaymentChannelReady,
                   ClientEventPaymentChannelAddingFunds)),
    HANDLER(WaitPaymentChannelReady, fsm_wait_payment_channel_ready_1_28_3,
            STATES(DealStatusPaymentChannelCreating, DealStatusPaymentChannelAddingInitialFunds,
                   DealStatusPaymentChannelAddingFunds),
            OPS(OpWaitForPaymentChannelReady),
            RAISES(ClientEventPaymentChannelErrored, ClientEventPaymentChannelReady,
                   ClientEventWriteDealPaymentErrored)),
    HANDLER(AllocateLane, fsm_allocate_lane,
            STATES(DealStatusPaymentChannelAllocatingLane),
            OPS(OpAllocateLane),
            RAISES(ClientEventAllocateLaneErrored, ClientEventLaneAllocated)),
    HANDLER(Ongoing, fsm_ongoing,
            STATES(DealStatusOngoing),
            NO_OPS,
            RAISES(ClientEventLastPaymentRequested, ClientEventPaymentRequested)),
    HANDLER(ProcessPaymentRequested, fsm_process_payment_requested_1_28_3,
            STATES(DealStatusFundsNeeded, DealStatusFundsNeededLastPayment),
            NO_OPS,
            RAISES(ClientEventSendFunds)),
    HANDLER(SendFunds, fsm_send_funds_1_28_3,
            STATES(DealStatusSendFunds, DealStatusSendFundsLastPayment),
            OPS(OpGetChainHead, OpCreatePaymentVoucher, OpSendDataTransferVoucher),
            RAISES(ClientEventPaymentNotSent, ClientEventCreateVoucherFailed, ClientEventVoucherShortfall,
                   ClientEventWriteDealPaymentErrored, ClientEventPaymentSent)),
    HANDLER(CheckFunds, fsm_check_funds,
            STATES(DealStatusCheckFunds),
            OPS(OpCheckAvailableFunds),
            RAISES(ClientEventPaymentChannelAddingFunds, ClientEventPaymentChannelErrored,
                   ClientEventPaymentChannelReady, ClientEventFundsExpended, ClientEventWriteDealPaymentErrored)),
    HANDLER(CancelDeal, fsm_cancel_deal_1_28_3,
            STATES(DealStatusFailing, DealStatusCancelling),
            OPS(OpFinalizeBlockstore, OpCloseDataTransfer),
            RAISES(ClientEventDataTransferError, ClientEventCancelComplete)),
    HANDLER(CheckComplete, fsm_check_complete_1_28_3,
            STATES(DealStatusCheckComplete),
            NO_OPS,
            RAISES(ClientEventCompleteVerified, ClientEventWaitForLastBlocks, ClientEventEarlyTermination)),
    HANDLER(FinalizeBlockstore, fsm_finalize_blockstore,
            STATES(DealStatusFinalizingBlockstore),
            OPS(OpFinalizeBlockstore),
            RAISES(ClientEventFinalizeBlockstoreErrored, ClientEventBlockstoreFinalized)),
    HANDLER(FailsafeFinalizeBlockstore, fsm_failsafe_finalize_blockstore,
            STATES(DealStatusErroring, DealStatusRejecting, DealStatusDealNotFoundCleanup),
            OPS(OpFinalizeBlockstore),
            RAISES(ClientEventBlockstoreFinalized)),
};

/* ---- Ops: what the handlers ask, what they hand over and what they get. */

static const fsm_op ops[] = {
    OP(OpenDataTransfer, FSM_ONCE,
       ARGS(ARG_PEER, peer, ARG_CID, payload_cid, ARG_U64, id, ARG_CBOR | FSM_OPTIONAL, selector,
            ARG_CID | FSM_OPTIONAL, piece_cid, ARG_AMOUNT, price_per_byte, ARG_U64, payment_interval,
            ARG_U64, payment_interval_increase, ARG_AMOUNT, unseal_price),
       GIVES(ARG_CHANNEL, channel)),
    OP(SendDataTransferVoucher, FSM_REPEAT_SAFE,
       ARGS(ARG_CHANNEL, channel, ARG_U64, id, ARG_ADDRESS, pay_ch, ARG_BYTES, voucher),
       GIVES_NOTHING),
    OP(CloseDataTransfer, FSM_REPEAT_SAFE, ARGS(ARG_CHANNEL, channel), GIVES_NOTHING),
    OP(GetChainHead, FSM_PURE, NO_ARGS, GIVES(ARG_BYTES, token)),
    OP(GetOrCreatePaymentChannel, FSM_ONCE,
       ARGS(ARG_ADDRESS, client, ARG_ADDRESS, miner, ARG_AMOUNT, amount, ARG_BYTES, token),
       GIVES(ARG_ADDRESS | FSM_OPTIONAL, address, ARG_CID | FSM_OPTIONAL, cid)),
    OP(AllocateLane, FSM_ONCE, ARGS(ARG_ADDRESS, pay_ch), GIVES(ARG_U64, lane)),
    OP(CreatePaymentVoucher, FSM_ONCE,
       ARGS(ARG_ADDRESS, pay_ch, ARG_AMOUNT, amount, ARG_U64, lane, ARG_BYTES, token),
       GIVES(ARG_BYTES, voucher)),
    OP(WaitForPaymentChannelReady, FSM_REPEAT_SAFE, ARGS(ARG_CID, cid), GIVES(ARG_ADDRESS, address)),
    OP(CheckAvailableFunds, FSM_PURE,
       ARGS(ARG_ADDRESS, pay_ch),
       GIVES(ARG_AMOUNT, confirmed, ARG_AMOUNT, pending, ARG_AMOUNT, queued, ARG_AMOUNT, redeemed,
             ARG_CID | FSM_OPTIONAL, pending_wait_sentinel)),
    OP(FinalizeBlockstore, FSM_REPEAT_SAFE, ARGS(ARG_U64, id), GIVES_NOTHING),
};

/* clang-format on */

/* ---- The counts of the specification */

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#include "table_count.h"
enum {
    TALLY = 0
#include "client_1_28_3_events.inc"
};
_Static_assert(FSM_TALLY_EVENTS(TALLY) == 38, "38 events have transitions");
_Static_assert(FSM_TALLY_CLAUSES(TALLY) == 77, "77 From...To clauses");
_Static_assert(FSM_TALLY_ENTRIES(TALLY) == 126, "126 (event, from) entries");
_Static_assert(STATUSES == 35, "31 states, and 4 statuses without client transition");
_Static_assert(COUNT_OF(events) == 39, "39 events have numbers");
_Static_assert(COUNT_OF(finals) - 1 == 5, "5 final states");
_Static_assert(COUNT_OF(outside) - 1 == 13 + 2, "13 events from outside, RecheckFunds and Open");
_Static_assert(COUNT_OF(handlers) == 12, "12 entry handlers");

const fsm_machine fsm_client_1_28_3 = {
    .version = "client 1.28.3",
    .events = events,
    .events_count = COUNT_OF(events),
    .statuses_count = STATUSES,
    .ops = ops,
    .ops_count = COUNT_OF(ops),
    .handlers = handlers,
    .handlers_count = COUNT_OF(handlers),
    .finals = finals,
    .outside = outside,
    .own_time = own_time,
    .status_names = status_names,
    .begin = begin,
    .addresses = {.protocols = 5, .bits = 63},
};
