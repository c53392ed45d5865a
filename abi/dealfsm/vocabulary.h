/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef DEALFSM_VOCABULARY_H
#define DEALFSM_VOCABULARY_H

/* The numbers of statuses, events and ops. One vocabulary serves all machine versions; it is append-only. Which of them
 * a machine has, with names and arguments, describe/1 tells. Source of statuses and events: go-fil-markets
 * retrievalmarket/dealstatus.go and events.go at v0.5.6 to v1.28.3. Ops are ours. */

/* Deal statuses. */
enum {
    DEALFSM_DealStatusNew = 0,
    DEALFSM_DealStatusUnsealing = 1,
    DEALFSM_DealStatusUnsealed = 2,
    DEALFSM_DealStatusWaitForAcceptance = 3,
    DEALFSM_DealStatusPaymentChannelCreating = 4,
    DEALFSM_DealStatusPaymentChannelAddingFunds = 5,
    DEALFSM_DealStatusAccepted = 6,
    DEALFSM_DealStatusFundsNeededUnseal = 7,
    DEALFSM_DealStatusFailing = 8,
    DEALFSM_DealStatusRejected = 9,
    DEALFSM_DealStatusFundsNeeded = 10,
    DEALFSM_DealStatusSendFunds = 11,
    DEALFSM_DealStatusSendFundsLastPayment = 12,
    DEALFSM_DealStatusOngoing = 13,
    DEALFSM_DealStatusFundsNeededLastPayment = 14,
    DEALFSM_DealStatusCompleted = 15,
    DEALFSM_DealStatusDealNotFound = 16,
    DEALFSM_DealStatusErrored = 17,
    DEALFSM_DealStatusBlocksComplete = 18,
    DEALFSM_DealStatusFinalizing = 19,
    DEALFSM_DealStatusCompleting = 20,
    DEALFSM_DealStatusCheckComplete = 21,
    DEALFSM_DealStatusCheckFunds = 22,
    DEALFSM_DealStatusInsufficientFunds = 23,
    DEALFSM_DealStatusPaymentChannelAllocatingLane = 24,
    DEALFSM_DealStatusCancelling = 25,
    DEALFSM_DealStatusCancelled = 26,
    DEALFSM_DealStatusRetryLegacy = 27,
    DEALFSM_DealStatusWaitForAcceptanceLegacy = 28,
    DEALFSM_DealStatusClientWaitingForLastBlocks = 29,
    DEALFSM_DealStatusPaymentChannelAddingInitialFunds = 30,
    DEALFSM_DealStatusErroring = 31,
    DEALFSM_DealStatusRejecting = 32,
    DEALFSM_DealStatusDealNotFoundCleanup = 33,
    DEALFSM_DealStatusFinalizingBlockstore = 34
};

/* Events. Raised from outside by the host: DealRejected, DealNotFound, DealAccepted, UnknownResponseReceived,
 * LastPaymentRequested, AllBlocksReceived, PaymentRequested, UnsealPaymentRequested, BlocksReceived, Complete,
 * DataTransferError, and Open once after create; in later versions ProviderCancelled, Cancel and RecheckFunds, too: the
 * last for each deal in InsufficientFunds when money has come to its payment channel, also to one that comes back and has not
 * looked since. All others are raised by entry handlers. */
enum {
    DEALFSM_ClientEventOpen = 0,
    DEALFSM_ClientEventWriteDealProposalErrored = 1,
    DEALFSM_ClientEventDealProposed = 2,
    DEALFSM_ClientEventDealRejected = 3,
    DEALFSM_ClientEventDealNotFound = 4,
    DEALFSM_ClientEventDealAccepted = 5,
    DEALFSM_ClientEventProviderCancelled = 6,
    DEALFSM_ClientEventUnknownResponseReceived = 7,
    DEALFSM_ClientEventPaymentChannelErrored = 8,
    DEALFSM_ClientEventAllocateLaneErrored = 9,
    DEALFSM_ClientEventPaymentChannelCreateInitiated = 10,
    DEALFSM_ClientEventPaymentChannelReady = 11,
    DEALFSM_ClientEventPaymentChannelAddingFunds = 12,
    DEALFSM_ClientEventPaymentChannelAddFundsErrored = 13,
    DEALFSM_ClientEventLastPaymentRequested = 14,
    DEALFSM_ClientEventAllBlocksReceived = 15,
    DEALFSM_ClientEventPaymentRequested = 16,
    DEALFSM_ClientEventUnsealPaymentRequested = 17,
    DEALFSM_ClientEventBlocksReceived = 18,
    DEALFSM_ClientEventSendFunds = 19,
    DEALFSM_ClientEventFundsExpended = 20,
    DEALFSM_ClientEventBadPaymentRequested = 21,
    DEALFSM_ClientEventCreateVoucherFailed = 22,
    DEALFSM_ClientEventWriteDealPaymentErrored = 23,
    DEALFSM_ClientEventPaymentSent = 24,
    DEALFSM_ClientEventComplete = 25,
    DEALFSM_ClientEventDataTransferError = 26,
    DEALFSM_ClientEventCancelComplete = 27,
    DEALFSM_ClientEventEarlyTermination = 28,
    DEALFSM_ClientEventCompleteVerified = 29,
    DEALFSM_ClientEventLaneAllocated = 30,
    DEALFSM_ClientEventVoucherShortfall = 31,
    DEALFSM_ClientEventRecheckFunds = 32,
    DEALFSM_ClientEventCancel = 33,
    DEALFSM_ClientEventWaitForLastBlocks = 34,
    DEALFSM_ClientEventPaymentChannelSkip = 35,
    DEALFSM_ClientEventPaymentNotSent = 36,
    DEALFSM_ClientEventBlockstoreFinalized = 37,
    DEALFSM_ClientEventFinalizeBlockstoreErrored = 38
};

/* Ops: the environment's functions. Arguments and answers: environment.h. */
enum {
    DEALFSM_OpOpenDataTransfer = 1,
    DEALFSM_OpSendDataTransferVoucher = 2,
    DEALFSM_OpCloseDataTransfer = 3,
    DEALFSM_OpGetChainHead = 4,
    DEALFSM_OpGetOrCreatePaymentChannel = 5,
    DEALFSM_OpAllocateLane = 6,
    DEALFSM_OpCreatePaymentVoucher = 7,
    DEALFSM_OpWaitForPaymentChannelCreation = 8,
    DEALFSM_OpWaitForPaymentChannelAddFunds = 9,
    DEALFSM_OpWaitForPaymentChannelReady = 10,
    DEALFSM_OpCheckAvailableFunds = 11,
    DEALFSM_OpFinalizeBlockstore = 12
};

#endif
