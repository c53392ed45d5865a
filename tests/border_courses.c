/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The courses that a deal may take. 2 attoFIL a byte, a payment each 1,000 bytes and 100 more each time. Statuses at
 * the end are those of client 0.5.6, 1.0.9 and 1.28.3; New: the course is not for that version. */
#include "border_life.h"

#define EVENT(word) (DEALFSM_ClientEvent##word + 1)
#define COMES(word, number)                                                                                            \
    {                                                                                                                  \
        EVENT(word), number, WHEN_QUIET, 0                                                                             \
    }
#define IN_CALL(op, word, number)                                                                                      \
    {                                                                                                                  \
        EVENT(word), number, WHEN_ASKED, DEALFSM_Op##op                                                                \
    }
#define IN_WAIT(word, number)                                                                                          \
    {                                                                                                                  \
        EVENT(word), number, WHEN_ASKED, OP_WAIT                                                                       \
    }
#define IN_PUT(of, word, number)                                                                                       \
    {                                                                                                                  \
        EVENT(word), number, WHEN_PUT, DEALFSM_ClientEvent##of                                                         \
    }
#define FUNDS(number)                                                                                                  \
    {                                                                                                                  \
        STEP_FUNDS, number, WHEN_QUIET, 0                                                                              \
    }
#define FAILS(word, nth)                                                                                               \
    {                                                                                                                  \
        DEALFSM_Op##word, nth                                                                                          \
    }
#define ENDS(a, b, c)                                                                                                  \
    {                                                                                                                  \
        DEALFSM_DealStatus##a, DEALFSM_DealStatus##b, DEALFSM_DealStatus##c                                            \
    }
#define ALL_END(word) ENDS(word, word, word)

#define ACCEPTED COMES(Open, 0), COMES(DealAccepted, 0)
#define FIRST_PAYMENT COMES(BlocksReceived, 1000), COMES(PaymentRequested, 2000)
#define LAST_PAYMENT COMES(BlocksReceived, 1500), COMES(AllBlocksReceived, 0), COMES(LastPaymentRequested, 1000)
#define TO_THE_END FIRST_PAYMENT, LAST_PAYMENT, COMES(Complete, 0)

const course courses[] = {
    /* ---- Deals that end well */
    {"plain", ALL_END(Completed), .steps = {ACCEPTED, TO_THE_END}},
    {"a channel that exists", ALL_END(Completed), .channel = CHANNEL_EXISTS, .steps = {ACCEPTED, TO_THE_END}},
    {"a channel that is ready", ENDS(New, New, Completed), .channel = CHANNEL_READY, .steps = {ACCEPTED, TO_THE_END}},
    {"nothing to pay", ENDS(New, New, Completed), .terms = TERMS_FREE,
     .steps = {ACCEPTED, COMES(BlocksReceived, 1000), COMES(AllBlocksReceived, 0), COMES(Complete, 0)}},
    {"nothing to pay, and complete before the last blocks", ENDS(New, New, Completed), .terms = TERMS_FREE,
     .steps = {ACCEPTED, COMES(BlocksReceived, 1000), COMES(Complete, 0), COMES(BlocksReceived, 1500),
               COMES(AllBlocksReceived, 0)}},
    {"several payment intervals", ALL_END(Completed),
     .steps = {ACCEPTED, FIRST_PAYMENT, COMES(BlocksReceived, 2100), COMES(PaymentRequested, 2200),
               COMES(BlocksReceived, 3300), COMES(PaymentRequested, 2400), COMES(BlocksReceived, 3400),
               COMES(AllBlocksReceived, 0), COMES(LastPaymentRequested, 200), COMES(Complete, 0)}},
    {"asked for before it is due", ALL_END(Completed),
     .steps = {ACCEPTED, COMES(BlocksReceived, 500), COMES(PaymentRequested, 2000), COMES(BlocksReceived, 700),
               COMES(BlocksReceived, 1000), LAST_PAYMENT, COMES(Complete, 0)}},
    {"the last payment before the blocks are complete", ALL_END(Completed),
     .steps = {ACCEPTED, FIRST_PAYMENT, COMES(BlocksReceived, 1500), COMES(LastPaymentRequested, 1000),
               COMES(AllBlocksReceived, 0), COMES(Complete, 0)}},
    {"unsealing is paid for", ALL_END(Completed), .terms = TERMS_UNSEAL, .channel = CHANNEL_EXISTS,
     .steps = {COMES(Open, 0), COMES(UnsealPaymentRequested, 300), TO_THE_END}},
    {"unsealing and blocks are asked for meanwhile", ALL_END(Completed), .terms = TERMS_UNSEAL,
     .steps = {COMES(Open, 0), COMES(UnsealPaymentRequested, 300), IN_WAIT(BlocksReceived, 1000),
               IN_CALL(AllocateLane, PaymentRequested, 2000), LAST_PAYMENT, COMES(Complete, 0)}},
    {"sent once more to an old provider", ENDS(New, Completed, Completed),
     .steps = {COMES(Open, 0), COMES(DealRejected, 1), COMES(DealAccepted, 0), TO_THE_END}},
    {"the last request finds all paid", ENDS(New, New, Completed),
     .steps = {ACCEPTED, FIRST_PAYMENT, COMES(AllBlocksReceived, 0), COMES(LastPaymentRequested, 1),
               COMES(Complete, 0)}},
    {"complete, and nothing was asked for at last", ENDS(New, Completed, Completed),
     .steps = {ACCEPTED, IN_WAIT(AllBlocksReceived, 0), FIRST_PAYMENT, COMES(Complete, 0)}},

    /* ---- Much at once */
    {"events inside calls", ALL_END(Completed),
     .steps = {ACCEPTED, IN_CALL(GetChainHead, BlocksReceived, 600),
               IN_CALL(GetOrCreatePaymentChannel, BlocksReceived, 1500), IN_WAIT(PaymentRequested, 2000),
               IN_CALL(AllocateLane, AllBlocksReceived, 0), COMES(LastPaymentRequested, 1000), COMES(Complete, 0)}},
    {"a burst while a put is under way", ALL_END(Completed),
     .steps = {ACCEPTED, IN_PUT(DealAccepted, BlocksReceived, 300), IN_PUT(DealAccepted, BlocksReceived, 600),
               IN_PUT(DealAccepted, BlocksReceived, 1000), IN_PUT(DealAccepted, PaymentRequested, 2000), LAST_PAYMENT,
               COMES(Complete, 0)}},
    {"a burst in one call, and what the handler raises behind it", ALL_END(Completed), .channel = CHANNEL_EXISTS,
     .steps = {ACCEPTED, IN_CALL(AllocateLane, BlocksReceived, 400), IN_CALL(AllocateLane, BlocksReceived, 1000),
               IN_CALL(AllocateLane, PaymentRequested, 1000), IN_CALL(AllocateLane, PaymentRequested, 1000),
               LAST_PAYMENT, COMES(Complete, 0)}},
    {"blocks while a voucher is made", ALL_END(Completed),
     .steps = {ACCEPTED, FIRST_PAYMENT, IN_CALL(CreatePaymentVoucher, BlocksReceived, 1200), LAST_PAYMENT,
               COMES(Complete, 0)}},
    {"all blocks while a voucher is sent", ENDS(New, Completed, Completed),
     .steps = {ACCEPTED, FIRST_PAYMENT, IN_CALL(SendDataTransferVoucher, AllBlocksReceived, 0), COMES(Complete, 0)}},
    {"complete while the last voucher is sent", ENDS(New, New, Completed),
     .steps = {ACCEPTED, FIRST_PAYMENT, LAST_PAYMENT, IN_CALL(SendDataTransferVoucher, Complete, 0)}},
    {"blocks and requests while vouchers are made", ENDS(New, New, Completed),
     .steps = {ACCEPTED, FIRST_PAYMENT, IN_CALL(CreatePaymentVoucher, BlocksReceived, 2100),
               IN_CALL(CreatePaymentVoucher, PaymentRequested, 2200), COMES(BlocksReceived, 2500),
               COMES(AllBlocksReceived, 0), COMES(LastPaymentRequested, 800), COMES(Complete, 0)}},

    /* ---- Funds */
    {"more than the funds of the deal", ENDS(Errored, New, New), .terms = TERMS_SMALL,
     .steps = {ACCEPTED, FIRST_PAYMENT, LAST_PAYMENT}},
    {"the channel is empty, then filled", ENDS(New, Completed, Completed), .funds = 2500,
     .steps = {ACCEPTED, FIRST_PAYMENT, LAST_PAYMENT, FUNDS(5000), COMES(RecheckFunds, 0),
               COMES(LastPaymentRequested, 0), COMES(Complete, 0)}},
    {"looked at again before there is more", ENDS(New, Completed, Completed), .funds = 1,
     .steps = {ACCEPTED, FIRST_PAYMENT, COMES(RecheckFunds, 0), FUNDS(100), COMES(RecheckFunds, 0), FUNDS(5000),
               COMES(RecheckFunds, 0), LAST_PAYMENT, COMES(Complete, 0)}},
    {"funds are on their way", ENDS(New, Completed, Completed), .funds = 1, .coming = 9000,
     .steps = {ACCEPTED, FIRST_PAYMENT, LAST_PAYMENT, COMES(Complete, 0)}},
    {"funds are on their way, and events meanwhile", ENDS(New, Cancelled, Cancelled), .funds = 1, .coming = 9000,
     .steps = {ACCEPTED, FIRST_PAYMENT, IN_CALL(WaitForPaymentChannelReady, BlocksReceived, 1200),
               IN_CALL(WaitForPaymentChannelReady, Cancel, 0)}},
    {"given up for want of funds", ENDS(New, Cancelled, Cancelled), .funds = 1,
     .steps = {ACCEPTED, FIRST_PAYMENT, COMES(Cancel, 0)}},
    {"nobody knows what the channel has", ENDS(New, Cancelled, Cancelled), .funds = 1,
     .fails = FAILS(CheckAvailableFunds, 0), .steps = {ACCEPTED, FIRST_PAYMENT, COMES(Cancel, 0)}},

    /* ---- The provider says no */
    {"rejected", ENDS(Rejected, Rejected, Rejected),
     .steps = {COMES(Open, 0), COMES(DealRejected, 1), COMES(DealRejected, 2)}},
    {"not found", ALL_END(DealNotFound), .steps = {COMES(Open, 0), COMES(DealNotFound, 1)}},
    {"an answer that nobody knows", ALL_END(Errored),
     .steps = {ACCEPTED, IN_WAIT(BlocksReceived, 500), COMES(UnknownResponseReceived, 99)}},
    {"asks for too much, and the end finds events in the queue", ENDS(Errored, Errored, New),
     .steps = {ACCEPTED, COMES(BlocksReceived, 1000), COMES(PaymentRequested, 2001),
               IN_CALL(CloseDataTransfer, AllBlocksReceived, 0), IN_CALL(CloseDataTransfer, BlocksReceived, 1100)}},
    {"the provider cancels", ENDS(New, Errored, Cancelled),
     .steps = {ACCEPTED, FIRST_PAYMENT, COMES(ProviderCancelled, 0)}},
    {"the provider cancels while a voucher is made", ENDS(New, Errored, Cancelled),
     .steps = {ACCEPTED, FIRST_PAYMENT, IN_CALL(CreatePaymentVoucher, ProviderCancelled, 0)}},
    {"both cancel", ENDS(New, Cancelled, Cancelled),
     .steps = {ACCEPTED, FIRST_PAYMENT, COMES(Cancel, 0), IN_CALL(CloseDataTransfer, ProviderCancelled, 0)}},
    {"complete too early", ENDS(Ongoing, Errored, Errored), .steps = {ACCEPTED, FIRST_PAYMENT, COMES(Complete, 0)}},

    /* ---- The client cancels */
    {"cancelled while the transfer is opened", ENDS(New, Cancelled, Cancelled),
     .steps = {COMES(Open, 0), IN_CALL(OpenDataTransfer, Cancel, 0)}},
    {"cancelled before it is accepted", ENDS(New, Cancelled, Cancelled), .steps = {COMES(Open, 0), COMES(Cancel, 0)}},
    {"cancelled while the channel is made", ENDS(New, Cancelled, Cancelled),
     .steps = {ACCEPTED, IN_CALL(GetOrCreatePaymentChannel, Cancel, 0)}},
    {"cancelled while it waits for the channel", ENDS(New, Cancelled, Cancelled),
     .steps = {ACCEPTED, IN_WAIT(Cancel, 0)}},
    {"cancelled while a lane is taken", ENDS(New, Cancelled, Cancelled),
     .steps = {ACCEPTED, IN_CALL(AllocateLane, Cancel, 0)}},
    {"cancelled while blocks come", ENDS(New, Cancelled, Cancelled),
     .steps = {ACCEPTED, FIRST_PAYMENT, COMES(BlocksReceived, 1500), COMES(Cancel, 0)}},
    {"cancelled while a voucher is made", ENDS(New, Cancelled, Cancelled),
     .steps = {ACCEPTED, FIRST_PAYMENT, IN_CALL(CreatePaymentVoucher, Cancel, 0)}},
    {"cancelled while the last voucher is sent", ENDS(New, Cancelled, Cancelled),
     .steps = {ACCEPTED, COMES(BlocksReceived, 1500), COMES(AllBlocksReceived, 0), COMES(LastPaymentRequested, 3000),
               IN_CALL(SendDataTransferVoucher, Cancel, 0)}},
    {"cancelled when all blocks are there", ENDS(New, Cancelled, Cancelled),
     .steps = {ACCEPTED, FIRST_PAYMENT, COMES(BlocksReceived, 1500), COMES(AllBlocksReceived, 0), COMES(Cancel, 0)}},

    /* ---- Ops that are answered with an error */
    {"no transfer", ALL_END(Errored), .fails = FAILS(OpenDataTransfer, 1), .steps = {COMES(Open, 0)}},
    {"no head of the chain", ALL_END(Errored), .fails = FAILS(GetChainHead, 1), .steps = {ACCEPTED}},
    {"no head of the chain for the voucher", ALL_END(Errored), .fails = FAILS(GetChainHead, 2),
     .steps = {ACCEPTED, FIRST_PAYMENT}},
    {"no channel", ALL_END(Errored), .fails = FAILS(GetOrCreatePaymentChannel, 1), .steps = {ACCEPTED}},
    {"the channel does not come", ENDS(Errored, New, New), .fails = FAILS(WaitForPaymentChannelCreation, 1),
     .steps = {ACCEPTED}},
    {"the channel's funds do not come", ENDS(Errored, New, New), .channel = CHANNEL_EXISTS,
     .fails = FAILS(WaitForPaymentChannelAddFunds, 1), .steps = {ACCEPTED}},
    {"the channel is not ready", ENDS(New, Errored, Errored), .fails = FAILS(WaitForPaymentChannelReady, 1),
     .steps = {ACCEPTED}},
    {"the first funds do not come", ENDS(New, New, Errored), .channel = CHANNEL_EXISTS,
     .fails = FAILS(WaitForPaymentChannelReady, 1), .steps = {ACCEPTED, COMES(DataTransferError, 4)}},
    {"no lane", ALL_END(Errored), .fails = FAILS(AllocateLane, 1), .steps = {ACCEPTED}},
    {"no voucher", ALL_END(Errored), .fails = FAILS(CreatePaymentVoucher, 2),
     .steps = {ACCEPTED, FIRST_PAYMENT, LAST_PAYMENT}},
    {"the voucher is not sent", ALL_END(Errored), .fails = FAILS(SendDataTransferVoucher, 2),
     .steps = {ACCEPTED, FIRST_PAYMENT, LAST_PAYMENT}},
    {"the transfer is not closed", ALL_END(Errored), .fails = FAILS(CloseDataTransfer, 1),
     .steps = {ACCEPTED, FIRST_PAYMENT, COMES(UnknownResponseReceived, 99),
               IN_CALL(CloseDataTransfer, BlocksReceived, 1100)}},
    {"the blockstore is not closed", ENDS(New, New, Errored), .fails = FAILS(FinalizeBlockstore, 1),
     .steps = {ACCEPTED, TO_THE_END}},

    /* ---- What else goes wrong */
    {"the transfer fails", ALL_END(Errored), .steps = {ACCEPTED, FIRST_PAYMENT, COMES(DataTransferError, 3)}},
    {"the transfer fails while a voucher is sent", ALL_END(Errored),
     .steps = {ACCEPTED, FIRST_PAYMENT, IN_CALL(SendDataTransferVoucher, DataTransferError, 3)}},
    {"refused ones between", ALL_END(Errored),
     .steps = {COMES(Open, 0), IN_CALL(OpenDataTransfer, Complete, 0), COMES(DealAccepted, 0),
               IN_CALL(GetChainHead, DealRejected, 0), IN_CALL(AllocateLane, DealNotFound, 0),
               COMES(DataTransferError, 3)}},
    {"puts fail and land on the way", ALL_END(Completed), .puts = "DFDDLDDDFFDLLDDF", .steps = {ACCEPTED, TO_THE_END}},
    {"ops that nobody can tell of, asked again", ALL_END(Completed), .answers = "uiiuulciiuiuiu",
     .steps = {ACCEPTED, TO_THE_END}},
};
const uint32_t courses_count = sizeof courses / sizeof *courses;
