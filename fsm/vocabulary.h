/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef FSM_VOCABULARY_H
#define FSM_VOCABULARY_H

/* Every status and event of the retrieval client, of all versions: number, word. One append-only list each. The printed
 * name is the prefix and the word, unless a machine says otherwise. Source: spec page v0.5.6, "Numbers and names". */

#define FSM_STATUSES(X) \
    X(0, New) \
    X(1, Unsealing) \
    X(2, Unsealed) \
    X(3, WaitForAcceptance) \
    X(4, PaymentChannelCreating) \
    X(5, PaymentChannelAddingFunds) \
    X(6, Accepted) \
    X(7, FundsNeededUnseal) \
    X(8, Failing) \
    X(9, Rejected) \
    X(10, FundsNeeded) \
    X(11, SendFunds) \
    X(12, SendFundsLastPayment) \
    X(13, Ongoing) \
    X(14, FundsNeededLastPayment) \
    X(15, Completed) \
    X(16, DealNotFound) \
    X(17, Errored) \
    X(18, BlocksComplete) \
    X(19, Finalizing) \
    X(20, Completing) \
    X(21, CheckComplete) \
    X(22, CheckFunds) \
    X(23, InsufficientFunds) \
    X(24, PaymentChannelAllocatingLane) \
    X(25, Cancelling) \
    X(26, Cancelled) \
    X(27, RetryLegacy) \
    X(28, WaitForAcceptanceLegacy) \
    X(29, ClientWaitingForLastBlocks) \
    X(30, PaymentChannelAddingInitialFunds) \
    X(31, Erroring) \
    X(32, Rejecting) \
    X(33, DealNotFoundCleanup) \
    X(34, FinalizingBlockstore)

#define FSM_EVENTS(X) \
    X(0, Open) \
    X(1, WriteDealProposalErrored) \
    X(2, DealProposed) \
    X(3, DealRejected) \
    X(4, DealNotFound) \
    X(5, DealAccepted) \
    X(6, ProviderCancelled) \
    X(7, UnknownResponseReceived) \
    X(8, PaymentChannelErrored) \
    X(9, AllocateLaneErrored) \
    X(10, PaymentChannelCreateInitiated) \
    X(11, PaymentChannelReady) \
    X(12, PaymentChannelAddingFunds) \
    X(13, PaymentChannelAddFundsErrored) \
    X(14, LastPaymentRequested) \
    X(15, AllBlocksReceived) \
    X(16, PaymentRequested) \
    X(17, UnsealPaymentRequested) \
    X(18, BlocksReceived) \
    X(19, SendFunds) \
    X(20, FundsExpended) \
    X(21, BadPaymentRequested) \
    X(22, CreateVoucherFailed) \
    X(23, WriteDealPaymentErrored) \
    X(24, PaymentSent) \
    X(25, Complete) \
    X(26, DataTransferError) \
    X(27, CancelComplete) \
    X(28, EarlyTermination) \
    X(29, CompleteVerified) \
    X(30, LaneAllocated) \
    X(31, VoucherShortfall) \
    X(32, RecheckFunds) \
    X(33, Cancel) \
    X(34, WaitForLastBlocks) \
    X(35, PaymentChannelSkip) \
    X(36, PaymentNotSent) \
    X(37, BlockstoreFinalized) \
    X(38, FinalizeBlockstoreErrored)

/* What a machine asks its host for. Ours; append-only. Arguments and answers: abi/dealfsm/environment.h. */
#define FSM_OPS(X) \
    X(1, OpenDataTransfer) \
    X(2, SendDataTransferVoucher) \
    X(3, CloseDataTransfer) \
    X(4, GetChainHead) \
    X(5, GetOrCreatePaymentChannel) \
    X(6, AllocateLane) \
    X(7, CreatePaymentVoucher) \
    X(8, WaitForPaymentChannelCreation) \
    X(9, WaitForPaymentChannelAddFunds) \
    X(10, WaitForPaymentChannelReady) \
    X(11, CheckAvailableFunds) \
    X(12, FinalizeBlockstore)

#define FSM_STATUS_NUMBER(number, word) DealStatus##word = number,
#define FSM_EVENT_NUMBER(number, word) ClientEvent##word = number,
#define FSM_OP_NUMBER(number, word) Op##word = number,
enum { FSM_STATUSES(FSM_STATUS_NUMBER) FSM_STATUS_COUNT };
enum { FSM_EVENTS(FSM_EVENT_NUMBER) FSM_EVENT_COUNT };
enum { FSM_OPS(FSM_OP_NUMBER) FSM_OP_END };

#endif
