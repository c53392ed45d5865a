/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What client 1.28.3 has of its own: payments reckoned from what was received, offsets, clean-up states, and "Where ours differs
 * on purpose" of spec page v1.28.3, by number. */

#include "../fsm/actions.h"
#include "fsm_fixture.h"

static const fsm_machine *const MACHINE = &fsm_client_1_28_3;

#include "fsm_handler_kit.h"

static fsm_outcome take(fsm_record *deal, uint32_t event, fsm_value first, fsm_value second)
{
    return step_of(MACHINE, deal, event, first, second);
}
#define APPLIED(event, first, second) ck_assert_int_eq(take(&deal, event, first, second).result, FSM_APPLIED)

static void check_refused(fsm_record *deal, uint32_t event, fsm_value first, fsm_value second)
{
    fsm_record before = *deal;
    fsm_outcome outcome = take(deal, event, first, second);
    ck_assert_int_eq(outcome.result, FSM_ACTION_FAILED);
    ck_assert_ptr_nonnull(strstr(outcome.why, "expected"));
    ck_assert_ptr_nonnull(strstr(outcome.why, "found"));
    ck_assert_mem_eq(&before, deal, sizeof before);
}

/* ---- The next offset */

/* As the specification has it: S(1), S(2), … added up one by one. */
static uint64_t next_by_rounds(uint64_t offset, uint64_t interval, uint64_t increase)
{
    uint64_t sum = 0;
    for (uint64_t n = 1; sum <= offset; n++) {
        uint64_t more = interval + (n - 1) * increase;
        if (more > UINT64_MAX - sum)
            return UINT64_MAX;
        sum += more;
    }
    return sum;
}

START_TEST(next_interval_is_what_rounds_give)
{
    static const uint64_t parameters[][2] = {{1, 0}, {0, 1}, {1, 1}, {100, 50}, {3, 7}, {7, 3}, {1000, 0}, {0, 1000}};
    uint64_t interval = parameters[_i][0], increase = parameters[_i][1];
    for (uint64_t offset = 0; offset < 5000; offset++)
        ck_assert_uint_eq(fsm_next_interval(offset, interval, increase), next_by_rounds(offset, interval, increase));
}
END_TEST

/* A few rounds fill 64 bits when the parameters are big: both sides of 2^64. */
START_TEST(next_interval_of_big_numbers)
{
    uint64_t seed = 88172645463325252u;
    for (int round = 0; round < 20000; round++) {
        uint64_t number[3];
        for (int i = 0; i < 3; i++) {
            seed ^= seed << 13; /* xorshift64, George Marsaglia */
            seed ^= seed >> 7;
            seed ^= seed << 17;
            number[i] = i == 0 ? seed >> seed % 8 : seed >> (4 + seed % 8);
        }
        ck_assert_uint_eq(fsm_next_interval(number[0], number[1] | (uint64_t)1 << 50, number[2]),
                          next_by_rounds(number[0], number[1] | (uint64_t)1 << 50, number[2]));
    }
}
END_TEST

START_TEST(next_interval_of_examples)
{
    static const uint64_t rows[][4] = {
        /* offset, interval, increase, next */
        {0, 100, 50, 100},
        {99, 100, 50, 100},
        {100, 100, 50, 250},
        {249, 100, 50, 250},
        {250, 100, 50, 450},
        {450, 100, 50, 700},
        {0, 0, 0, 0}, /* difference 1: it stays */
        {77, 0, 0, 77},
        {UINT64_MAX, 0, 0, UINT64_MAX},
        {UINT64_MAX, 100, 50, UINT64_MAX},
        {UINT64_MAX - 1, 1, 0, UINT64_MAX},
        {UINT64_MAX - 2, 1, 0, UINT64_MAX - 1},
        {UINT64_MAX - 1, 2, 0, UINT64_MAX}, /* 2^64 is above */
        {UINT64_MAX - 2, 2, 0, UINT64_MAX - 1},
        {UINT64_MAX - 3, UINT64_MAX, 0, UINT64_MAX},
        {0, 0, UINT64_MAX, UINT64_MAX},
        {0, UINT64_MAX, UINT64_MAX, UINT64_MAX},
        {(uint64_t)1 << 63, 1, UINT64_MAX, UINT64_MAX},
    };
    for (int i = 0; i < COUNT(rows); i++)
        ck_assert_uint_eq(fsm_next_interval(rows[i][0], rows[i][1], rows[i][2]), rows[i][3]);
}
END_TEST

/* ---- PaymentSent(amount) */

static const struct {
    const char *sent, *requested, *spent, *price, *unseal_price;
    uint64_t paid_for, interval;
    const char *requested_after, *unseal_paid_after;
    uint64_t paid_for_after, interval_after;
} PAYMENTS[] = {
    /* 2 attoFIL a byte, intervals 100, 150, …: a step for each payment, however much was paid */
    {"200", "200", "0", "2", "0", 0, 100, "0", "0", 100, 250},
    {"198", "200", "0", "2", "0", 0, 100, "2", "0", 99, 100},
    {"260", "200", "0", "2", "0", 0, 100, "-60", "0", 130, 250},
    {"2000", "200", "0", "2", "0", 0, 100, "-1800", "0", 1000, 250},
    {"500", "-10", "200", "2", "0", 100, 250, "-310", "0", 250, 450},
    {"100", "0", "200", "2", "0", 100, 250, "100", "0", 50, 250}, /* less than before */
    /* unsealing first */
    {"9", "9", "0", "2", "10", 3, 100, "0", "9", 3, 100},
    {"10", "10", "0", "2", "10", 3, 100, "0", "10", 3, 100},
    {"11", "11", "0", "2", "10", 3, 100, "0", "10", 0, 100},
    {"210", "0", "0", "2", "10", 3, 100, "-210", "10", 100, 250},
    /* price 0 pays for no bytes */
    {"50", "0", "0", "0", "10", 3, 0, "-50", "10", 3, 0},
    /* the largest number of bytes */
    {"18446744073709551615", "0", "0", "1", "0", 0, 100, "-18446744073709551615", "0", UINT64_MAX, 250},
};

START_TEST(payments)
{
    static const uint64_t ways[][2] = {{DealStatusSendFunds, DealStatusOngoing},
                                       {DealStatusSendFundsLastPayment, DealStatusFinalizing},
                                       {DealStatusOngoing, DealStatusOngoing},
                                       {DealStatusBlocksComplete, DealStatusCheckComplete},
                                       {DealStatusCheckComplete, DealStatusCheckComplete}};
    for (int i = 0; i < COUNT(ways); i++) {
        fsm_record deal = deal_in(ways[i][0]);
        deal.payment_interval = 100;
        deal.payment_interval_increase = 50;
        deal.payment_requested = amount(PAYMENTS[_i].requested);
        deal.funds_spent = amount(PAYMENTS[_i].spent);
        deal.price_per_byte = amount(PAYMENTS[_i].price);
        deal.unseal_price = amount(PAYMENTS[_i].unseal_price);
        deal.bytes_paid_for = PAYMENTS[_i].paid_for;
        deal.current_interval = PAYMENTS[_i].interval;
        APPLIED(ClientEventPaymentSent, of_bytes(ARG_AMOUNT, amount(PAYMENTS[_i].sent)), NO_VALUE);
        ck_assert_uint_eq(deal.status, ways[i][1]);
        ck_amount(deal.funds_spent, PAYMENTS[_i].sent);
        ck_amount(deal.payment_requested, PAYMENTS[_i].requested_after);
        ck_amount(deal.unseal_funds_paid, PAYMENTS[_i].unseal_paid_after);
        ck_assert_uint_eq(deal.bytes_paid_for, PAYMENTS[_i].paid_for_after);
        ck_assert_uint_eq(deal.current_interval, PAYMENTS[_i].interval_after);
    }
}
END_TEST

/* ---- Other actions */

static const struct {
    uint32_t event;
    uint64_t status;
    uint8_t kind; /* of the argument; FSM_NONE: none */
    const char *message;
    uint64_t to;
} MESSAGES[] = {
    {ClientEventWriteDealProposalErrored, DealStatusNew, ARG_ERROR, "proposing deal: x", DealStatusErroring},
    {ClientEventDealRejected, DealStatusWaitForAcceptanceLegacy, ARG_TEXT, "deal rejected: x", DealStatusRejecting},
    {ClientEventDealNotFound, DealStatusWaitForAcceptance, ARG_TEXT, "deal not found: x",
     DealStatusDealNotFoundCleanup},
    {ClientEventFinalizeBlockstoreErrored, DealStatusFinalizingBlockstore, ARG_ERROR, "finalizing blockstore: x",
     DealStatusErrored},
    {ClientEventProviderCancelled, DealStatusOngoing, FSM_NONE, "Provider cancelled retrieval", DealStatusCancelling},
    {ClientEventProviderCancelled, DealStatusFailing, FSM_NONE, "before", DealStatusFailing},
    {ClientEventProviderCancelled, DealStatusCancelling, FSM_NONE, "before", DealStatusCancelling},
    {ClientEventCancel, DealStatusFinalizingBlockstore, FSM_NONE, "Client cancelled retrieval", DealStatusCancelling},
    {ClientEventPaymentNotSent, DealStatusOngoing, FSM_NONE, "before", DealStatusOngoing},
    {ClientEventPaymentNotSent, DealStatusSendFundsLastPayment, FSM_NONE, "before", DealStatusFinalizing},
    {ClientEventBlockstoreFinalized, DealStatusErroring, FSM_NONE, "before", DealStatusErrored},
    {ClientEventBlockstoreFinalized, DealStatusRejecting, FSM_NONE, "before", DealStatusRejected},
    {ClientEventBlockstoreFinalized, DealStatusDealNotFoundCleanup, FSM_NONE, "before", DealStatusDealNotFound},
    {ClientEventAllBlocksReceived, DealStatusClientWaitingForLastBlocks, FSM_NONE, "before",
     DealStatusFinalizingBlockstore},
};

START_TEST(messages)
{
    fsm_record deal = deal_in(MESSAGES[_i].status);
    fsm_value text = MESSAGES[_i].kind == FSM_NONE ? NO_VALUE : of_bytes((fsm_kind)MESSAGES[_i].kind, BYTES("x"));
    APPLIED(MESSAGES[_i].event, text, NO_VALUE);
    ck_bytes(deal.message,
             ((fsm_bytes){(const uint8_t *)MESSAGES[_i].message, (uint32_t)strlen(MESSAGES[_i].message)}));
    ck_assert_uint_eq(deal.status, MESSAGES[_i].to);
}
END_TEST

/* A proposal that comes too late is recorded, so that its channel is known. */
START_TEST(late_proposal_is_recorded)
{
    fsm_record deal = deal_in(DealStatusCancelling);
    deal.has_channel = false;
    fsm_outcome outcome = take(&deal, ClientEventDealProposed, of_channel(BYTES("a"), BYTES("b"), 9), NO_VALUE);
    ck_assert(outcome.result == FSM_APPLIED && !outcome.handler_owed && deal.has_channel);
    ck_text(deal.message, "");
}
END_TEST

/* The one entry that can never apply: its state is final. */
START_TEST(last_blocks_in_a_final_state)
{
    fsm_record deal = deal_in(DealStatusCompleted);
    ck_assert_ptr_nonnull(fsm_find_clause(MACHINE, ClientEventWaitForLastBlocks, DealStatusCompleted));
    ck_assert_int_eq(take(&deal, ClientEventWaitForLastBlocks, NO_VALUE, NO_VALUE).result, FSM_TERMINATED);
}
END_TEST

START_TEST(creation)
{
    fsm_record deal = deal_in(DealStatusOngoing);
    const char *field, *why;
    deal.has_store_id = true;
    deal.store_id = 4;
    deal.total_funds = amount("0");
    deal.miner_wallet = BYTES("\x04\x0a\x01\x02"); /* protocol 4 */
    ck_assert(fsm_create(MACHINE, &deal, &field, &why));
    ck_assert(!deal.has_channel && !deal.has_store_id && !deal.has_payment_info);
    ck_assert_uint_eq(deal.store_id, 0);
    ck_assert_uint_eq(deal.current_interval, 1000);
    ck_assert(!fsm_create(&fsm_client_1_0_9, &deal, &field, &why));
    ck_assert_str_eq(field, "miner_wallet");
}
END_TEST

/* ---- Entry handlers: every one with every answer */

static fsm_record busy_deal(uint64_t status)
{
    fsm_record deal = deal_in(status);
    deal.payment_requested = amount("15");
    if (status == DealStatusCheckFunds)
        deal.wait_msg_cid = NOTHING;
    return deal;
}

static const struct {
    uint64_t status;
    uint32_t errors[3]; /* the event for an error of each op */
    uint32_t success;
} RUNS[] = {
    {DealStatusNew, {ClientEventWriteDealProposalErrored}, ClientEventDealProposed},
    {DealStatusRetryLegacy, {ClientEventWriteDealProposalErrored}, ClientEventDealProposed},
    {DealStatusAccepted,
     {ClientEventPaymentChannelErrored, ClientEventPaymentChannelErrored},
     ClientEventPaymentChannelAddingFunds},
    {DealStatusPaymentChannelCreating, {ClientEventPaymentChannelErrored}, ClientEventPaymentChannelReady},
    {DealStatusPaymentChannelAddingInitialFunds, {ClientEventPaymentChannelErrored}, ClientEventPaymentChannelReady},
    {DealStatusPaymentChannelAddingFunds, {ClientEventPaymentChannelErrored}, ClientEventPaymentChannelReady},
    {DealStatusPaymentChannelAllocatingLane, {ClientEventAllocateLaneErrored}, ClientEventLaneAllocated},
    {DealStatusOngoing, {0}, ClientEventPaymentRequested},
    {DealStatusFundsNeeded, {0}, ClientEventSendFunds},
    {DealStatusFundsNeededLastPayment, {0}, ClientEventSendFunds},
    {DealStatusSendFunds,
     {ClientEventCreateVoucherFailed, ClientEventCreateVoucherFailed, ClientEventWriteDealPaymentErrored},
     ClientEventPaymentSent},
    {DealStatusSendFundsLastPayment,
     {ClientEventCreateVoucherFailed, ClientEventCreateVoucherFailed, ClientEventWriteDealPaymentErrored},
     ClientEventPaymentSent},
    {DealStatusCheckFunds, {ClientEventPaymentChannelErrored}, ClientEventPaymentChannelReady},
    {DealStatusCheckComplete, {0}, ClientEventEarlyTermination},
    {DealStatusFinalizingBlockstore, {ClientEventFinalizeBlockstoreErrored}, ClientEventBlockstoreFinalized},
};

START_TEST(every_answer)
{
    fsm_record deal = busy_deal(RUNS[_i].status);
    const uint8_t *ops = fsm_find_handler(MACHINE, deal.status)->ops;
    fsm_answer answers[FSM_ANSWERS_MAX];
    uint32_t answered = 0;
    for (; ops[answered] != 0; answered++) {
        expect_ask(&deal, answers, answered, ops[answered]);
        answers[answered] = answer_error(BYTES("node offline"));
        ck_text(expect_raise(&deal, answers, answered + 1, RUNS[_i].errors[answered]).args[0].bytes, "node offline");
        answers[answered] = good_answer(ops[answered]);
        ck_assert(fsm_check_answer(MACHINE, ops[answered], &answers[answered]));
    }
    fsm_next next = expect_raise(&deal, answers, answered, RUNS[_i].success);
    fsm_record after;
    ck_assert_int_eq(fsm_step(MACHINE, &deal, next.number, next.args, next_scratch(), &after).result, FSM_APPLIED);
}
END_TEST

/* Failing, Cancelling: the blockstore first, whatever comes of it, then the transfer, if there is one. */
START_TEST(deals_are_cancelled)
{
    static const uint64_t states[] = {DealStatusFailing, DealStatusCancelling};
    for (int i = 0; i < 4; i++) {
        fsm_record deal = deal_in(states[i / 2]);
        fsm_answer answers[2] = {i % 2 ? answer_error(BYTES("no")) : good_answer(OpFinalizeBlockstore),
                                 good_answer(OpCloseDataTransfer)};
        expect_ask(&deal, answers, 0, OpFinalizeBlockstore);
        ck_assert_uint_eq(wish(&deal, answers, 0).args[0].number, 7);
        expect_ask(&deal, answers, 1, OpCloseDataTransfer);
        expect_raise(&deal, answers, 2, ClientEventCancelComplete);
        answers[1] = answer_error(BYTES("gone"));
        expect_raise(&deal, answers, 2, ClientEventDataTransferError);
        deal.has_channel = false;
        expect_raise(&deal, answers, 1, ClientEventCancelComplete);
    }
}
END_TEST

START_TEST(clean_up_does_not_fail)
{
    static const uint64_t states[] = {DealStatusErroring, DealStatusRejecting, DealStatusDealNotFoundCleanup};
    for (int i = 0; i < COUNT(states); i++) {
        fsm_record deal = deal_in(states[i]);
        fsm_answer answer = good_answer(OpFinalizeBlockstore);
        expect_ask(&deal, NULL, 0, OpFinalizeBlockstore);
        expect_raise(&deal, &answer, 1, ClientEventBlockstoreFinalized);
        answer = answer_error(BYTES("no"));
        expect_raise(&deal, &answer, 1, ClientEventBlockstoreFinalized);
    }
}
END_TEST

START_TEST(payment_channels)
{
    const fsm_value address = of_bytes(ARG_ADDRESS, ADDRESS_A), cid = of_bytes(ARG_CID, CID_A);
    fsm_answer answers[2] = {good_answer(OpGetChainHead), answer_ok(2, address, NO_VALUE)};
    fsm_record deal = deal_in(DealStatusAccepted);
    fsm_next next = expect_raise(&deal, answers, 2, ClientEventPaymentChannelReady); /* ready to use */
    ck_bytes(next.args[0].bytes, ADDRESS_A);
    answers[1] = answer_ok(2, NO_VALUE, cid);
    expect_raise(&deal, answers, 2, ClientEventPaymentChannelCreateInitiated);
    answers[1] = answer_ok(2, address, cid);
    next = expect_raise(&deal, answers, 2, ClientEventPaymentChannelAddingFunds);
    ck_bytes(next.args[0].bytes, CID_A);
    ck_bytes(next.args[1].bytes, ADDRESS_A);
    deal.total_funds = amount("0"); /* a deal without payments needs none */
    expect_raise(&deal, NULL, 0, ClientEventPaymentChannelSkip);
}
END_TEST

static const struct {
    uint64_t received, paid_for, offset;
    bool all_blocks;
    const char *unseal_paid; /* of 10 */
    bool raises;
} DUES[] = {
    {999, 0, 1000, false, "10", false}, /* the offset: below, at, above */
    {1000, 0, 1000, false, "10", true},
    {1001, 0, 1000, false, "10", true},
    {1000, 999, 1000, false, "10", true},
    {1000, 1000, 1000, true, "10", false}, /* nothing that is not paid */
    {1000, 1001, 0, true, "10", false},
    {1, 0, 1000, true, "10", true},
    {0, 0, 1000, false, "9", true},
    {0, 0, 0, true, "11", false},
    {UINT64_MAX, 0, UINT64_MAX, false, "10", true},
};

START_TEST(process_payment_requested_conditions)
{
    for (int last = 0; last <= 1; last++) {
        fsm_record deal = deal_in(last ? DealStatusFundsNeededLastPayment : DealStatusFundsNeeded);
        deal.total_received = DUES[_i].received;
        deal.bytes_paid_for = DUES[_i].paid_for;
        deal.current_interval = DUES[_i].offset;
        deal.all_blocks_received = DUES[_i].all_blocks;
        deal.unseal_funds_paid = amount(DUES[_i].unseal_paid);
        if (DUES[_i].raises)
            expect_raise(&deal, NULL, 0, ClientEventSendFunds);
        else
            ck_assert_int_eq(wish(&deal, NULL, 0).wish, FSM_NOTHING);
    }
}
END_TEST

/* Nothing is due: nothing is asked. Something is, but it is paid: nothing is signed. */
START_TEST(payments_that_are_not_sent)
{
    fsm_answer answers[3] = {good_answer(OpGetChainHead), good_answer(OpCreatePaymentVoucher),
                             good_answer(OpSendDataTransferVoucher)};
    fsm_record deal = deal_in(DealStatusSendFunds); /* worth 2,010 */
    deal.unseal_funds_paid = amount("10");
    deal.current_interval = 1001;
    expect_raise(&deal, NULL, 0, ClientEventPaymentNotSent);
    deal.current_interval = 1000;
    deal.funds_spent = amount("2010");
    expect_ask(&deal, NULL, 0, OpGetChainHead);
    expect_raise(&deal, answers, 1, ClientEventPaymentNotSent);
    deal.funds_spent = amount("2011");
    expect_raise(&deal, answers, 1, ClientEventPaymentNotSent);
    deal.funds_spent = amount("2009");
    expect_ask(&deal, answers, 1, OpCreatePaymentVoucher);
    fsm_next next = wish(&deal, answers, 1);
    ck_amount(next.args[1].bytes, "2010");
    ck_amount(expect_raise(&deal, answers, 3, ClientEventPaymentSent).args[0].bytes, "2010");
    deal.current_interval = 5000;
    expect_raise(&deal, NULL, 0, ClientEventPaymentNotSent);
    deal.all_blocks_received = true;
    expect_ask(&deal, NULL, 0, OpGetChainHead);
    deal.all_blocks_received = false;
    deal.unseal_funds_paid = amount("9");
    expect_ask(&deal, NULL, 0, OpGetChainHead);
}
END_TEST

START_TEST(completeness_is_checked)
{
    fsm_record deal = deal_in(DealStatusCheckComplete);
    expect_raise(&deal, NULL, 0, ClientEventEarlyTermination);
    deal.price_per_byte = amount("0");
    expect_raise(&deal, NULL, 0, ClientEventWaitForLastBlocks);
    deal.all_blocks_received = true;
    expect_raise(&deal, NULL, 0, ClientEventCompleteVerified);
}
END_TEST

/* ---- Where ours differs on purpose; 1 is tested above */

START_TEST(difference_1_in_a_payment)
{
    fsm_record deal = deal_in(DealStatusSendFunds);
    deal.payment_interval = deal.payment_interval_increase = 0;
    APPLIED(ClientEventPaymentSent, of_bytes(ARG_AMOUNT, amount("2010")), NO_VALUE);
    ck_assert_uint_eq(deal.bytes_paid_for, 1000);
    ck_assert_uint_eq(deal.current_interval, 1000);
}
END_TEST

START_TEST(difference_2_range)
{
    const fsm_value all = of_bytes(ARG_AMOUNT, amount("18446744073709551626")); /* 10, and 2^64 for bytes */
    fsm_record deal = deal_in(DealStatusSendFunds);
    deal.price_per_byte = amount("1");
    check_refused(&deal, ClientEventPaymentSent, all, NO_VALUE);
    deal.price_per_byte = amount("-1");
    check_refused(&deal, ClientEventPaymentSent, all, NO_VALUE);
    deal.price_per_byte = amount("2");
    APPLIED(ClientEventPaymentSent, all, NO_VALUE);
    deal = deal_in(DealStatusSendFunds);
    deal.price_per_byte = amount_of_size(128, false);
    check_refused(&deal, ClientEventPaymentSent, of_bytes(ARG_AMOUNT, amount_of_size(129, false)), NO_VALUE);
    APPLIED(ClientEventPaymentSent, of_bytes(ARG_AMOUNT, amount_of_size(128, false)), NO_VALUE);
    deal.status = DealStatusSendFunds;
    deal.payment_requested = amount_of_size(128, false);
    check_refused(&deal, ClientEventPaymentSent, of_bytes(ARG_AMOUNT, amount("0")), NO_VALUE); /* PaymentRequested */
}
END_TEST

START_TEST(difference_2_totals)
{
    fsm_answer answer = good_answer(OpGetChainHead);
    fsm_record deal = deal_in(DealStatusSendFunds);
    deal.total_received = UINT64_MAX; /* not -1 */
    ck_amount(wish(&deal, &answer, 1).args[1].bytes, "36893488147419103240");
    deal.price_per_byte = amount_of_size(128, false);
    expect_ask(&deal, NULL, 0, OpGetChainHead);
    ck_text(expect_raise(&deal, &answer, 1, ClientEventCreateVoucherFailed).args[0].bytes,
            "expected a voucher amount within 127 bytes, found more: it could not be stored");
}
END_TEST

START_TEST(difference_3_missing)
{
    static const struct {
        uint64_t status;
        bool message, info, channel; /* what there is */
        uint32_t answered;
        uint32_t event;
        const char *text;
    } rows[] = {
        {DealStatusPaymentChannelCreating, false, true, true, 0, ClientEventPaymentChannelErrored,
         "WaitMsgCID is missing"},
        {DealStatusPaymentChannelAddingFunds, false, true, true, 0, ClientEventPaymentChannelErrored,
         "WaitMsgCID is missing"},
        {DealStatusPaymentChannelAddingInitialFunds, false, true, true, 0, ClientEventWriteDealPaymentErrored,
         "WaitMsgCID is missing"},
        {DealStatusPaymentChannelAllocatingLane, true, false, true, 0, ClientEventAllocateLaneErrored,
         "PaymentInfo is missing"},
        {DealStatusCheckFunds, true, false, true, 0, ClientEventWriteDealPaymentErrored, "PaymentInfo is missing"},
        {DealStatusSendFunds, true, false, true, 1, ClientEventCreateVoucherFailed, "PaymentInfo is missing"},
        {DealStatusSendFundsLastPayment, true, true, false, 1, ClientEventCreateVoucherFailed, "ChannelID is missing"},
    };
    fsm_answer answer = good_answer(OpGetChainHead);
    for (int i = 0; i < COUNT(rows); i++) {
        fsm_record deal = busy_deal(rows[i].status);
        deal.wait_msg_cid = rows[i].message ? CID_B : NOTHING;
        deal.has_payment_info = rows[i].info;
        deal.has_channel = rows[i].channel;
        if (rows[i].answered > 0)
            expect_ask(&deal, NULL, 0, OpGetChainHead);
        fsm_next next = expect_raise(&deal, &answer, rows[i].answered, rows[i].event);
        ck_assert_uint_ge(next.args[0].bytes.size, strlen(rows[i].text));
        ck_assert_mem_eq(next.args[0].bytes.data, rows[i].text, strlen(rows[i].text));
    }
    fsm_record deal = deal_in(DealStatusPaymentChannelAllocatingLane);
    deal.has_payment_info = false;
    check_refused(&deal, ClientEventLaneAllocated, of_number(ARG_U64, 1), NO_VALUE);
}
END_TEST

START_TEST(difference_4_answers)
{
    const fsm_value odd_address = of_bytes(ARG_ADDRESS, BYTES("\x01\x02")), none = of_bytes(ARG_ADDRESS, NOTHING);
    const fsm_value address = of_bytes(ARG_ADDRESS, ADDRESS_A), odd_cid = of_bytes(ARG_CID, BYTES("\x01\x55\x00\x01"));
    const fsm_answer senseless[] = {answer_ok(2, NO_VALUE, NO_VALUE), answer_ok(2, none, NO_VALUE),
                                    answer_ok(2, address, odd_cid), answer_ok(2, odd_address, NO_VALUE)};
    for (int i = 0; i < COUNT(senseless); i++) {
        fsm_record deal = deal_in(DealStatusAccepted);
        fsm_answer answers[2] = {good_answer(OpGetChainHead), senseless[i]};
        expect_raise(&deal, answers, 2, ClientEventPaymentChannelErrored);
    }
    static const uint64_t states[][2] = {
        {DealStatusPaymentChannelCreating, ClientEventPaymentChannelErrored},
        {DealStatusPaymentChannelAddingFunds, ClientEventPaymentChannelErrored},
        {DealStatusPaymentChannelAddingInitialFunds, ClientEventWriteDealPaymentErrored}};
    for (int i = 0; i < COUNT(states); i++) {
        fsm_record deal = deal_in(states[i][0]);
        fsm_answer answer = answer_ok(1, none, NO_VALUE);
        expect_raise(&deal, &answer, 1, ClientEventPaymentChannelReady);
        deal.has_payment_info = false;
        expect_raise(&deal, &answer, 1, (uint32_t)states[i][1]);
        answer = answer_ok(1, odd_address, NO_VALUE);
        expect_raise(&deal, &answer, 1, (uint32_t)states[i][1]);
        answer = answer_error(BYTES("no")); /* an error of the call itself is lost in 30, as in the reference */
        expect_raise(&deal, &answer, 1, ClientEventPaymentChannelErrored);
    }
}
END_TEST

START_TEST(difference_4_events)
{
    const fsm_value no_cid = of_bytes(ARG_CID, NOTHING), no_address = of_bytes(ARG_ADDRESS, NOTHING);
    fsm_record deal = deal_in(DealStatusAccepted);
    deal.has_payment_info = false;
    check_refused(&deal, ClientEventPaymentChannelCreateInitiated, no_cid, NO_VALUE);
    check_refused(&deal, ClientEventPaymentChannelAddingFunds, of_bytes(ARG_CID, CID_A), no_address);
    check_refused(&deal, ClientEventPaymentChannelReady, no_address, NO_VALUE);
}
END_TEST

START_TEST(difference_5_message_is_cut)
{
    fsm_record deal = deal_in(DealStatusFinalizingBlockstore);
    APPLIED(ClientEventFinalizeBlockstoreErrored, of_bytes(ARG_ERROR, repeated('x', 9000)), NO_VALUE);
    ck_assert_uint_eq(deal.message.size, FSM_TEXT_MAX);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fsm client 1.28.3");
    TCase *offsets = tcase_create("offsets");
    tcase_add_loop_test(offsets, next_interval_is_what_rounds_give, 0, 8);
    tcase_add_test(offsets, next_interval_of_big_numbers);
    tcase_add_test(offsets, next_interval_of_examples);
    suite_add_tcase(suite, offsets);
    TCase *actions = tcase_create("actions");
    tcase_add_loop_test(actions, payments, 0, COUNT(PAYMENTS));
    tcase_add_loop_test(actions, messages, 0, COUNT(MESSAGES));
    tcase_add_test(actions, late_proposal_is_recorded);
    tcase_add_test(actions, last_blocks_in_a_final_state);
    tcase_add_test(actions, creation);
    suite_add_tcase(suite, actions);
    TCase *handlers = tcase_create("handlers");
    tcase_add_loop_test(handlers, every_answer, 0, COUNT(RUNS));
    tcase_add_test(handlers, deals_are_cancelled);
    tcase_add_test(handlers, clean_up_does_not_fail);
    tcase_add_test(handlers, payment_channels);
    tcase_add_loop_test(handlers, process_payment_requested_conditions, 0, COUNT(DUES));
    tcase_add_test(handlers, payments_that_are_not_sent);
    tcase_add_test(handlers, completeness_is_checked);
    suite_add_tcase(suite, handlers);
    TCase *differences = tcase_create("differences");
    tcase_add_test(differences, difference_1_in_a_payment);
    tcase_add_test(differences, difference_2_range);
    tcase_add_test(differences, difference_2_totals);
    tcase_add_test(differences, difference_3_missing);
    tcase_add_test(differences, difference_4_answers);
    tcase_add_test(differences, difference_4_events);
    tcase_add_test(differences, difference_5_message_is_cut);
    suite_add_tcase(suite, differences);
    return run_suite(suite);
}
