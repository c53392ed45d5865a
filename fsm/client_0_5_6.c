/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* client 0.5.6: the retrieval client of go-fil-markets v0.5.1 to v0.5.6. Its events stand in client_0_5_6_events.inc.
 * Source: seed-clientstates.txt (events, finals, entry functions) and spec page v0.5.6 (names, ops). */

#include "actions.h"
#include "handlers.h"
#include "table.h"

/* ---- Statuses. The reference prints 8 by the name that it had before it was called Failing. */

#define STATUS_NAME(number, word) [number] = (number) == DealStatusFailing ? "DealStatusFailed" : "DealStatus" #word,
static const char *const status_names[] = {FSM_STATUSES(STATUS_NAME)};
enum { STATUSES = DealStatusCompleting + 1 };

static bool unknown_response_received(fsm_record *after, const fsm_value *args, fsm_scratch *scratch, const char **why)
{
    (void)why;
    return fsm_unexpected_status(after, fsm_status_name(&fsm_client_0_5_6, args[0].number), scratch);
}

/* ---- Events */

/* paymentChannelCreationStates of the specification */
/* clang-format off */
#define PAYMENT_CHANNEL_CREATION \
    DealStatusWaitForAcceptance, DealStatusAccepted, DealStatusPaymentChannelCreating, \
    DealStatusPaymentChannelAddingFunds
/* clang-format on */

static const fsm_event events[] = {
#include "client_0_5_6_events.inc"
};

/* Any other may come from a handler only. Open is the host's, once; a handler may raise LastPaymentRequested,
 * PaymentRequested and DataTransferError, too. */
static const uint8_t outside[] = {
    ClientEventOpen,
    ClientEventDealRejected,
    ClientEventDealNotFound,
    ClientEventDealAccepted,
    ClientEventUnknownResponseReceived,
    ClientEventLastPaymentRequested,
    ClientEventAllBlocksReceived,
    ClientEventPaymentRequested,
    ClientEventUnsealPaymentRequested,
    ClientEventBlocksReceived,
    ClientEventComplete,
    ClientEventDataTransferError,
    FSM_LIST_END,
};

/* Open after the deal was created. */
static const uint8_t own_time[] = {ClientEventOpen, FSM_LIST_END};

static const uint8_t finals[] = {
    DealStatusErrored, DealStatusCompleted, DealStatusRejected, DealStatusDealNotFound, FSM_LIST_END,
};

/* ---- Entry handlers */

/* clang-format off */

static const fsm_handler handlers[] = {
    HANDLER(ProposeDeal, fsm_propose_deal,
            STATES(DealStatusNew),
            OPS(OpOpenDataTransfer),
            RAISES(ClientEventWriteDealProposalErrored, ClientEventDealProposed)),
    HANDLER(SetupPaymentChannelStart, fsm_setup_payment_channel_start_0_5_6,
            STATES(DealStatusAccepted),
            OPS(OpGetChainHead, OpGetOrCreatePaymentChannel),
            RAISES(ClientEventPaymentChannelErrored, ClientEventPaymentChannelCreateInitiated,
                   ClientEventPaymentChannelAddingFunds)),
    HANDLER(WaitForPaymentChannelCreate, fsm_wait_for_payment_channel_create,
            STATES(DealStatusPaymentChannelCreating),
            OPS(OpWaitForPaymentChannelCreation, OpAllocateLane),
            RAISES(ClientEventPaymentChannelErrored, ClientEventAllocateLaneErrored, ClientEventPaymentChannelReady)),
    HANDLER(WaitForPaymentChannelAddFunds, fsm_wait_for_payment_channel_add_funds,
            STATES(DealStatusPaymentChannelAddingFunds),
            OPS(OpWaitForPaymentChannelAddFunds, OpAllocateLane),
            RAISES(ClientEventPaymentChannelAddFundsErrored, ClientEventAllocateLaneErrored,
                   ClientEventPaymentChannelReady)),
    HANDLER(Ongoing, fsm_ongoing,
            STATES(DealStatusOngoing),
            NO_OPS,
            RAISES(ClientEventLastPaymentRequested, ClientEventPaymentRequested)),
    HANDLER(ProcessPaymentRequested, fsm_process_payment_requested,
            STATES(DealStatusFundsNeeded, DealStatusFundsNeededLastPayment),
            NO_OPS,
            RAISES(ClientEventSendFunds)),
    HANDLER(SendFunds, fsm_send_funds_0_5_6,
            STATES(DealStatusSendFunds, DealStatusSendFundsLastPayment),
            OPS(OpGetChainHead, OpCreatePaymentVoucher, OpSendDataTransferVoucher),
            RAISES(ClientEventFundsExpended, ClientEventBadPaymentRequested, ClientEventCreateVoucherFailed,
                   ClientEventWriteDealPaymentErrored, ClientEventPaymentSent)),
    HANDLER(CancelDeal, fsm_cancel_deal,
            STATES(DealStatusFailing),
            OPS(OpCloseDataTransfer),
            RAISES(ClientEventDataTransferError, ClientEventCancelComplete)),
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
    OP(WaitForPaymentChannelCreation, FSM_REPEAT_SAFE, ARGS(ARG_CID, cid), GIVES(ARG_ADDRESS, address)),
    OP(WaitForPaymentChannelAddFunds, FSM_REPEAT_SAFE, ARGS(ARG_CID, cid), GIVES_NOTHING),
};

/* clang-format on */

/* ---- The counts of the specification */

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#include "table_count.h"
enum {
    TALLY = 0
#include "client_0_5_6_events.inc"
};
_Static_assert(FSM_TALLY_EVENTS(TALLY) == 27, "27 events have transitions");
_Static_assert(FSM_TALLY_CLAUSES(TALLY) == 35, "35 From...To clauses");
_Static_assert(FSM_TALLY_ENTRIES(TALLY) == 60, "60 (event, from) entries");
_Static_assert(STATUSES == 21, "17 states, and 4 statuses without client transition");
_Static_assert(COUNT_OF(events) == 28, "28 events have numbers");
_Static_assert(COUNT_OF(finals) - 1 == 4, "4 final states");
_Static_assert(COUNT_OF(outside) - 1 == 12, "11 events from outside, and Open");
_Static_assert(COUNT_OF(handlers) == 8, "8 entry handlers");
_Static_assert(COUNT_OF(ops) - 1 == 9, "9 environment functions");

const fsm_machine fsm_client_0_5_6 = {
    .version = "client 0.5.6",
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
    .begin = fsm_begin,
    .addresses = {.protocols = 4, .bits = 64},
};
