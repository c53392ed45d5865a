/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Entry handlers: every handler with every answer, what it asks with which values, what it raises, at the edges. */

#include "fsm_fixture.h"

static const fsm_machine *const MACHINE = &fsm_client_0_5_6;

#include "fsm_handler_kit.h"

/* A deal for which the handler of a state has something to do. */
static fsm_record busy_deal(uint64_t status)
{
    fsm_record deal = deal_in(status);
    deal.payment_requested = amount("15");
    return deal;
}

/* ---- Every handler with every answer */

/* The event for an error of each op, and for success. */
static const struct {
    uint64_t status;
    uint32_t ops[3];
    uint32_t errors[3];
    uint32_t success;
} RUNS[] = {
    {DealStatusNew, {OpOpenDataTransfer}, {ClientEventWriteDealProposalErrored}, ClientEventDealProposed},
    {DealStatusAccepted,
     {OpGetChainHead, OpGetOrCreatePaymentChannel},
     {ClientEventPaymentChannelErrored, ClientEventPaymentChannelErrored},
     ClientEventPaymentChannelAddingFunds},
    {DealStatusPaymentChannelCreating,
     {OpWaitForPaymentChannelCreation, OpAllocateLane},
     {ClientEventPaymentChannelErrored, ClientEventAllocateLaneErrored},
     ClientEventPaymentChannelReady},
    {DealStatusPaymentChannelAddingFunds,
     {OpWaitForPaymentChannelAddFunds, OpAllocateLane},
     {ClientEventPaymentChannelAddFundsErrored, ClientEventAllocateLaneErrored},
     ClientEventPaymentChannelReady},
    {DealStatusOngoing, {0}, {0}, ClientEventPaymentRequested},
    {DealStatusFundsNeeded, {0}, {0}, ClientEventSendFunds},
    {DealStatusFundsNeededLastPayment, {0}, {0}, ClientEventSendFunds},
    {DealStatusSendFunds,
     {OpGetChainHead, OpCreatePaymentVoucher, OpSendDataTransferVoucher},
     {ClientEventCreateVoucherFailed, ClientEventCreateVoucherFailed, ClientEventWriteDealPaymentErrored},
     ClientEventPaymentSent},
    {DealStatusSendFundsLastPayment,
     {OpGetChainHead, OpCreatePaymentVoucher, OpSendDataTransferVoucher},
     {ClientEventCreateVoucherFailed, ClientEventCreateVoucherFailed, ClientEventWriteDealPaymentErrored},
     ClientEventPaymentSent},
    {DealStatusFailing, {OpCloseDataTransfer}, {ClientEventDataTransferError}, ClientEventCancelComplete},
};

START_TEST(every_answer)
{
    static const char *const texts[] = {"node offline", "", "a: b %w \xff"};
    fsm_record deal = busy_deal(RUNS[_i].status);
    fsm_answer answers[FSM_ANSWERS_MAX];
    uint32_t answered = 0;
    for (; answered < 3 && RUNS[_i].ops[answered] != 0; answered++) {
        uint32_t op = RUNS[_i].ops[answered];
        expect_ask(&deal, answers, answered, op);
        for (int i = 0; i < COUNT(texts); i++) {
            answers[answered] = answer_error((fsm_bytes){(const uint8_t *)texts[i], (uint32_t)strlen(texts[i])});
            ck_assert(fsm_check_answer(MACHINE, op, &answers[answered]));
            fsm_next next = expect_raise(&deal, answers, answered + 1, RUNS[_i].errors[answered]);
            ck_bytes(next.args[0].bytes, answers[answered].error);
        }
        answers[answered] = answer_error(NOTHING);
        ck_text(expect_raise(&deal, answers, answered + 1, RUNS[_i].errors[answered]).args[0].bytes, "");
        answers[answered] = good_answer(op);
        ck_assert(fsm_check_answer(MACHINE, op, &answers[answered]));
    }
    expect_raise(&deal, answers, answered, RUNS[_i].success);
    ck_assert_uint_eq(fsm_find_handler(MACHINE, deal.status)->ops[answered], 0);
}
END_TEST

/* What the handler raises is applied in the state that ran it: nothing waits for ever because of an answer. */
START_TEST(what_is_raised_is_applied)
{
    fsm_record deal = busy_deal(RUNS[_i].status);
    fsm_answer answers[FSM_ANSWERS_MAX];
    uint32_t answered = 0;
    for (; answered < 3 && RUNS[_i].ops[answered] != 0; answered++)
        answers[answered] = good_answer(RUNS[_i].ops[answered]);
    fsm_next next = wish(&deal, answers, answered);
    fsm_record after;
    ck_assert_int_eq(fsm_step(MACHINE, &deal, next.number, next.args, next_scratch(), &after).result, FSM_APPLIED);
}
END_TEST

/* ---- What is asked, with which values */

START_TEST(open_data_transfer_values)
{
    fsm_record deal = deal_in(DealStatusNew);
    fsm_next next = wish(&deal, NULL, 0);
    ck_text(next.args[0].bytes, "provider");
    ck_bytes(next.args[1].bytes, CID_A);
    ck_assert_uint_eq(next.args[2].number, 7);
    ck_assert_int_eq(next.args[3].kind, FSM_NONE);
    ck_assert_int_eq(next.args[4].kind, FSM_NONE);
    ck_amount(next.args[5].bytes, "2");
    ck_assert_uint_eq(next.args[6].number, 1000);
    ck_assert_uint_eq(next.args[7].number, 100);
    ck_amount(next.args[8].bytes, "10");
    deal.selector = BYTES("\xa0");
    deal.piece_cid = CID_B;
    next = wish(&deal, NULL, 0);
    ck_assert_int_eq(next.args[3].kind, ARG_CBOR);
    ck_bytes(next.args[3].bytes, deal.selector);
    ck_assert_int_eq(next.args[4].kind, ARG_CID);
    ck_bytes(next.args[4].bytes, CID_B);
}
END_TEST

START_TEST(channel_is_proposed)
{
    fsm_record deal = deal_in(DealStatusNew);
    fsm_answer answer = good_answer(OpOpenDataTransfer);
    fsm_next next = expect_raise(&deal, &answer, 1, ClientEventDealProposed);
    ck_text(next.args[0].bytes, "i");
    ck_text(next.args[0].more, "r");
    ck_assert_uint_eq(next.args[0].number, 11);
}
END_TEST

START_TEST(payment_channel_values)
{
    fsm_record deal = deal_in(DealStatusAccepted);
    fsm_answer answers[2] = {good_answer(OpGetChainHead)};
    fsm_next next = wish(&deal, answers, 1);
    ck_bytes(next.args[0].bytes, ADDRESS_A);
    ck_bytes(next.args[1].bytes, ADDRESS_B);
    ck_amount(next.args[2].bytes, "100000");
    ck_text(next.args[3].bytes, "head");

    /* a channel that exists: adding funds, the message first */
    answers[1] = good_answer(OpGetOrCreatePaymentChannel);
    next = expect_raise(&deal, answers, 2, ClientEventPaymentChannelAddingFunds);
    ck_bytes(next.args[0].bytes, CID_A);
    ck_bytes(next.args[1].bytes, ADDRESS_A);

    /* none yet, said in both ways: created */
    const fsm_value none[] = {NO_VALUE, of_bytes(ARG_ADDRESS, NOTHING), of_bytes(ARG_ADDRESS, BYTES(""))};
    for (int i = 0; i < COUNT(none); i++) {
        answers[1].values[0] = none[i];
        ck_assert(fsm_check_answer(MACHINE, OpGetOrCreatePaymentChannel, &answers[1]));
        next = expect_raise(&deal, answers, 2, ClientEventPaymentChannelCreateInitiated);
        ck_assert_uint_eq(next.count, 1);
        ck_bytes(next.args[0].bytes, CID_A);
    }
}
END_TEST

START_TEST(lane_values)
{
    fsm_answer answers[2] = {good_answer(OpWaitForPaymentChannelCreation), good_answer(OpAllocateLane)};
    fsm_record deal = deal_in(DealStatusPaymentChannelCreating);
    ck_bytes(wish(&deal, answers, 0).args[0].bytes, CID_B);
    ck_bytes(wish(&deal, answers, 1).args[0].bytes, ADDRESS_B); /* as the node said, whatever the record says */
    fsm_next next = expect_raise(&deal, answers, 2, ClientEventPaymentChannelReady);
    ck_bytes(next.args[0].bytes, ADDRESS_B);
    ck_assert_uint_eq(next.args[1].number, 12);
    deal.has_payment_info = false; /* it is not needed here */
    expect_raise(&deal, answers, 2, ClientEventPaymentChannelReady);

    deal = deal_in(DealStatusPaymentChannelAddingFunds);
    answers[0] = good_answer(OpWaitForPaymentChannelAddFunds);
    ck_bytes(wish(&deal, answers, 0).args[0].bytes, CID_B);
    ck_bytes(wish(&deal, answers, 1).args[0].bytes, ADDRESS_C); /* as the record says */
    next = expect_raise(&deal, answers, 2, ClientEventPaymentChannelReady);
    ck_bytes(next.args[0].bytes, ADDRESS_C);
    ck_assert_uint_eq(next.args[1].number, 12);
}
END_TEST

START_TEST(voucher_values)
{
    fsm_answer answers[3] = {good_answer(OpGetChainHead), good_answer(OpCreatePaymentVoucher)};
    fsm_record deal = busy_deal(DealStatusSendFunds);
    deal.funds_spent = amount("40");
    fsm_next next = wish(&deal, answers, 1);
    ck_bytes(next.args[0].bytes, ADDRESS_C);
    ck_amount(next.args[1].bytes, "55"); /* cumulative */
    ck_assert_uint_eq(next.args[2].number, 5);
    ck_text(next.args[3].bytes, "head");
    next = wish(&deal, answers, 2);
    ck_text(next.args[0].bytes, "me");
    ck_text(next.args[0].more, "you");
    ck_assert_uint_eq(next.args[0].number, 3);
    ck_assert_uint_eq(next.args[1].number, 7);
    ck_bytes(next.args[2].bytes, ADDRESS_C);
    ck_text(next.args[3].bytes, "voucher");
}
END_TEST

START_TEST(close_values)
{
    fsm_record deal = deal_in(DealStatusFailing);
    deal.channel = (fsm_channel){BYTES(""), BYTES(""), 0}; /* also when none was ever opened */
    fsm_next next = wish(&deal, NULL, 0);
    ck_assert_int_eq(next.args[0].kind, ARG_CHANNEL);
    ck_text(next.args[0].bytes, "");
}
END_TEST

/* A shortfall is an error like any other here; its text names the amount. */
START_TEST(shortfall_is_an_error)
{
    fsm_record deal = busy_deal(DealStatusSendFunds);
    fsm_answer answers[2] = {good_answer(OpGetChainHead),
                             {.shortfall = true, .count = 1, .values = {of_bytes(ARG_AMOUNT, amount("123"))}}};
    ck_assert(fsm_check_answer(MACHINE, OpCreatePaymentVoucher, &answers[1]));
    fsm_next next = expect_raise(&deal, answers, 2, ClientEventCreateVoucherFailed);
    ck_text(next.args[0].bytes, "Inssufficient Funds. Shortfall: 123");
}
END_TEST

/* ---- Conditions */

START_TEST(ongoing_conditions)
{
    static const struct {
        const char *requested;
        bool raises;
    } rows[] = {{"-1", false}, {"0", false}, {"1", true}, {"18446744073709551616", true}};
    for (int i = 0; i < COUNT(rows); i++) {
        fsm_record deal = deal_in(DealStatusOngoing);
        deal.payment_requested = amount(rows[i].requested);
        for (int last = 0; last <= 1; last++) {
            deal.last_payment_requested = last;
            if (!rows[i].raises) {
                ck_assert_int_eq(wish(&deal, NULL, 0).wish, FSM_NOTHING);
                continue;
            }
            fsm_next next =
                expect_raise(&deal, NULL, 0, last ? ClientEventLastPaymentRequested : ClientEventPaymentRequested);
            ck_amount(next.args[0].bytes, "0");
        }
    }
}
END_TEST

static const struct {
    uint64_t received, paid_for, interval;
    bool all_blocks;
    const char *unseal_price, *unseal_paid;
    bool raises;
} DUES[] = {
    {999, 0, 1000, false, "0", "0", false}, /* the interval: below, at, above */
    {1000, 0, 1000, false, "0", "0", true},
    {1001, 0, 1000, false, "0", "0", true},
    {1500, 501, 1000, false, "0", "0", false},
    {1501, 501, 1000, false, "0", "0", true},
    {0, 0, 1, true, "0", "0", true},   /* all blocks */
    {0, 0, 1, false, "10", "9", true}, /* unsealing: below, at, above its price */
    {0, 0, 1, false, "10", "10", false},
    {0, 0, 1, false, "10", "11", false},
    {0, 0, 1, false, "-1", "-2", true},
    {0, 0, 0, false, "0", "0", true},
    {5, 6, 1, false, "0", "0", false}, /* difference 2: less received than paid for counts as 0 */
    {0, UINT64_MAX, 1, false, "0", "0", false},
    {5, 6, 0, false, "0", "0", true},
    {UINT64_MAX, 0, UINT64_MAX, false, "0", "0", true},
    {UINT64_MAX, 1, UINT64_MAX, false, "0", "0", false},
};

START_TEST(process_payment_requested_conditions)
{
    for (int last = 0; last <= 1; last++) {
        fsm_record deal = deal_in(last ? DealStatusFundsNeededLastPayment : DealStatusFundsNeeded);
        deal.total_received = DUES[_i].received;
        deal.bytes_paid_for = DUES[_i].paid_for;
        deal.current_interval = DUES[_i].interval;
        deal.all_blocks_received = DUES[_i].all_blocks;
        deal.unseal_price = amount(DUES[_i].unseal_price);
        deal.unseal_funds_paid = amount(DUES[_i].unseal_paid);
        if (DUES[_i].raises)
            expect_raise(&deal, NULL, 0, ClientEventSendFunds);
        else
            ck_assert_int_eq(wish(&deal, NULL, 0).wish, FSM_NOTHING);
    }
}
END_TEST

/* Check (1), then (2), then what is missing, before anything is asked. */
static const struct {
    const char *total, *spent, *requested, *price, *unseal_price, *unseal_paid;
    uint64_t received, paid_for;
    uint32_t event; /* 0: a voucher is made */
} BILLS[] = {
    /* (1) FundsSpent + PaymentRequested at and above TotalFunds */
    {"100", "40", "60", "1", "0", "0", 60, 0, 0},
    {"100", "40", "61", "1", "0", "0", 61, 0, ClientEventFundsExpended},
    {"99", "40", "60", "1", "0", "0", 60, 0, ClientEventFundsExpended},
    {"100", "40", "61", "1", "0", "0", 0, 0, ClientEventFundsExpended}, /* before (2) */
    {"-1", "0", "0", "1", "0", "0", 0, 0, ClientEventFundsExpended},
    {"0", "0", "0", "1", "0", "0", 0, 0, 0},
    /* (2) the worth of the bytes */
    {"1000", "0", "20", "2", "0", "0", 10, 0, 0},
    {"1000", "0", "21", "2", "0", "0", 10, 0, ClientEventBadPaymentRequested},
    {"1000", "0", "20", "2", "0", "0", 19, 9, 0},
    {"1000", "0", "21", "2", "0", "0", 19, 9, ClientEventBadPaymentRequested},
    /* and of the unsealing that is not paid yet */
    {"1000", "0", "27", "2", "10", "3", 10, 0, 0},
    {"1000", "0", "28", "2", "10", "3", 10, 0, ClientEventBadPaymentRequested},
    {"1000", "0", "18", "2", "10", "12", 10, 0, 0}, /* too much paid for it counts against the bytes */
    {"1000", "0", "19", "2", "10", "12", 10, 0, ClientEventBadPaymentRequested},
    /* difference 2: less received than paid for counts as 0 */
    {"1000", "0", "10", "2", "10", "0", 5, 6, 0},
    {"1000", "0", "11", "2", "10", "0", 5, 6, ClientEventBadPaymentRequested},
    {"1000", "0", "1", "2", "0", "0", 0, UINT64_MAX, ClientEventBadPaymentRequested},
    /* difference 2: a number of bytes of 2^63 and more is not negative */
    {"100000000000000000000", "0", "9223372036854775808", "1", "0", "0", (uint64_t)1 << 63, 0, 0},
    {"100000000000000000000", "0", "9223372036854775809", "1", "0", "0", (uint64_t)1 << 63, 0,
     ClientEventBadPaymentRequested},
    {"100000000000000000000", "0", "18446744073709551615", "1", "0", "0", UINT64_MAX, 0, 0},
    {"100000000000000000000", "0", "18446744073709551616", "1", "0", "0", UINT64_MAX, 0,
     ClientEventBadPaymentRequested},
    /* price 0: only unsealing can be asked for */
    {"1000", "0", "10", "0", "10", "0", 500, 0, 0},
    {"1000", "0", "11", "0", "10", "0", 500, 0, ClientEventBadPaymentRequested},
};

START_TEST(send_funds_checks)
{
    fsm_record deal = deal_in(DealStatusSendFunds);
    deal.total_funds = amount(BILLS[_i].total);
    deal.funds_spent = amount(BILLS[_i].spent);
    deal.payment_requested = amount(BILLS[_i].requested);
    deal.price_per_byte = amount(BILLS[_i].price);
    deal.unseal_price = amount(BILLS[_i].unseal_price);
    deal.unseal_funds_paid = amount(BILLS[_i].unseal_paid);
    deal.total_received = BILLS[_i].received;
    deal.bytes_paid_for = BILLS[_i].paid_for;
    if (BILLS[_i].event != 0)
        expect_raise(&deal, NULL, 0, BILLS[_i].event);
    else
        expect_ask(&deal, NULL, 0, OpGetChainHead);
    deal.has_payment_info = false;
    expect_raise(&deal, NULL, 0, BILLS[_i].event != 0 ? BILLS[_i].event : ClientEventCreateVoucherFailed);
}
END_TEST

START_TEST(send_funds_texts)
{
    fsm_record deal = deal_in(DealStatusSendFunds);
    deal.total_funds = amount("-340282366920938463463374607431768211456");
    deal.funds_spent = amount("340282366920938463463374607431768211456");
    deal.payment_requested = amount("1");
    fsm_next next = expect_raise(&deal, NULL, 0, ClientEventFundsExpended);
    ck_text(next.args[0].bytes, "-340282366920938463463374607431768211456");
    ck_text(next.args[1].bytes, "340282366920938463463374607431768211457");
    deal = deal_in(DealStatusSendFunds);
    deal.payment_requested = amount("2011");
    next = expect_raise(&deal, NULL, 0, ClientEventBadPaymentRequested);
    ck_text(next.args[0].bytes, "too much money requested for bytes sent");
}
END_TEST

/* The longest amounts that a record can hold go through every check, and none of them overflows. */
START_TEST(send_funds_with_the_longest_amounts)
{
    for (int signs = 0; signs < 64; signs++) {
        fsm_record deal = deal_in(DealStatusSendFunds);
        deal.total_received = UINT64_MAX;
        deal.total_funds = amount_of_size(128, signs & 1);
        deal.funds_spent = amount_of_size(128, signs >> 1 & 1);
        deal.payment_requested = amount_of_size(128, signs >> 2 & 1);
        deal.price_per_byte = amount_of_size(128, signs >> 3 & 1);
        deal.unseal_price = amount_of_size(128, signs >> 4 & 1);
        deal.unseal_funds_paid = amount_of_size(128, signs >> 5 & 1);
        bool expended = !(signs >> 1 & 1) || !(signs >> 2 & 1);          /* a sum of at least 0 … */
        expended = expended && (signs & 1);                              /* … above a negative total, */
        expended = expended || (!(signs >> 1 & 1) && !(signs >> 2 & 1)); /* or twice the total */
        bool bad = (signs >> 3 & 1) && !expended; /* a negative worth of 2^1080, whatever the unsealing */
        if (expended)
            expect_raise(&deal, NULL, 0, ClientEventFundsExpended);
        else if (bad)
            expect_raise(&deal, NULL, 0, ClientEventBadPaymentRequested);
        else
            expect_ask(&deal, NULL, 0, OpGetChainHead);
    }
}
END_TEST

/* ---- Difference 5: answers that make no sense */

START_TEST(senseless_answers)
{
    const fsm_value cid = of_bytes(ARG_CID, CID_A), address = of_bytes(ARG_ADDRESS, ADDRESS_A);
    const fsm_value odd_cid = of_bytes(ARG_CID, BYTES("\x01\x55\x00\x01")), no_cid = of_bytes(ARG_CID, NOTHING);
    const fsm_value odd_address = of_bytes(ARG_ADDRESS, BYTES("\x01\x02")), no_address = of_bytes(ARG_ADDRESS, NOTHING);
    const fsm_bytes longer = repeated('p', FSM_TEXT_MAX + 1), longest = repeated('p', FSM_TEXT_MAX);
    const struct {
        uint64_t status;
        uint32_t answered; /* answers before, good ones */
        uint32_t op;
        fsm_answer answer;
        uint32_t event;
        const char *text; /* of the error; NULL: it makes sense */
    } rows[] = {
        {DealStatusAccepted, 1, OpGetOrCreatePaymentChannel, answer_ok(2, address, NO_VALUE),
         ClientEventPaymentChannelErrored,
         "GetOrCreatePaymentChannel: expected the CID of a message, the node gave none"},
        {DealStatusAccepted, 1, OpGetOrCreatePaymentChannel, answer_ok(2, NO_VALUE, no_cid),
         ClientEventPaymentChannelErrored,
         "GetOrCreatePaymentChannel: expected the CID of a message, the node gave none"},
        {DealStatusAccepted, 1, OpGetOrCreatePaymentChannel, answer_ok(2, address, odd_cid),
         ClientEventPaymentChannelErrored,
         "GetOrCreatePaymentChannel: expected the CID of a message, the node gave bytes that are not one"},
        {DealStatusAccepted, 1, OpGetOrCreatePaymentChannel, answer_ok(2, odd_address, cid),
         ClientEventPaymentChannelErrored,
         "GetOrCreatePaymentChannel: expected an address or none, the node gave bytes that are not one"},
        {DealStatusPaymentChannelCreating, 0, OpWaitForPaymentChannelCreation, answer_ok(1, no_address, NO_VALUE),
         ClientEventPaymentChannelErrored, "WaitForPaymentChannelCreation: expected an address, the node gave none"},
        {DealStatusPaymentChannelCreating, 0, OpWaitForPaymentChannelCreation, answer_ok(1, odd_address, NO_VALUE),
         ClientEventPaymentChannelErrored,
         "WaitForPaymentChannelCreation: expected an address, the node gave bytes that are not one"},
        {DealStatusNew, 0, OpOpenDataTransfer, answer_ok(1, of_channel(longer, BYTES("r"), 1), NO_VALUE),
         ClientEventWriteDealProposalErrored,
         "OpenDataTransfer: expected a channel with peer ids of at most 8192 bytes, the node gave a longer one"},
        {DealStatusNew, 0, OpOpenDataTransfer, answer_ok(1, of_channel(BYTES("i"), longer, 1), NO_VALUE),
         ClientEventWriteDealProposalErrored,
         "OpenDataTransfer: expected a channel with peer ids of at most 8192 bytes, the node gave a longer one"},
        {DealStatusNew, 0, OpOpenDataTransfer, answer_ok(1, of_channel(longest, longest, 1), NO_VALUE),
         ClientEventDealProposed, NULL},
    };
    for (int i = 0; i < COUNT(rows); i++) {
        fsm_record deal = deal_in(rows[i].status);
        fsm_answer answers[2] = {good_answer(OpGetChainHead)};
        answers[rows[i].answered] = rows[i].answer;
        ck_assert(fsm_check_answer(MACHINE, rows[i].op, &rows[i].answer));
        fsm_next next = expect_raise(&deal, answers, rows[i].answered + 1, rows[i].event);
        if (rows[i].text != NULL)
            ck_bytes(next.args[0].bytes, ((fsm_bytes){(const uint8_t *)rows[i].text, (uint32_t)strlen(rows[i].text)}));
    }
}
END_TEST

/* ---- Difference 6: what the record lacks */

START_TEST(missing_in_the_record)
{
    fsm_record deal = deal_in(DealStatusPaymentChannelCreating);
    deal.wait_msg_cid = NOTHING;
    fsm_next next = expect_raise(&deal, NULL, 0, ClientEventPaymentChannelErrored);
    ck_text(next.args[0].bytes, "WaitMsgCID is missing: no message to wait for that creates the payment channel");

    deal = deal_in(DealStatusPaymentChannelAddingFunds);
    deal.has_payment_info = false;
    next = expect_raise(&deal, NULL, 0, ClientEventAllocateLaneErrored);
    ck_text(next.args[0].bytes, "PaymentInfo is missing: no payment channel to allocate a lane in");
    deal.wait_msg_cid = NOTHING;
    next = expect_raise(&deal, NULL, 0, ClientEventPaymentChannelAddFundsErrored);
    ck_text(next.args[0].bytes, "WaitMsgCID is missing: no message to wait for that adds funds to the payment channel");

    deal = busy_deal(DealStatusSendFundsLastPayment);
    deal.has_payment_info = false;
    next = expect_raise(&deal, NULL, 0, ClientEventCreateVoucherFailed);
    ck_text(next.args[0].bytes, "PaymentInfo is missing: no payment channel to create a voucher for");
}
END_TEST

/* ---- Answers of the wrong form */

/* Each op with a value less, one more, and each value of every kind. */
START_TEST(answers_checked)
{
    uint32_t op = (uint32_t)_i;
    const fsm_op *row = &MACHINE->ops[op];
    fsm_answer answer = good_answer(op);
    ck_assert_uint_eq(answer.count, row->values_count);
    ck_assert(fsm_check_answer(MACHINE, op, &answer));
    for (uint32_t count = 0; count <= 3; count++) {
        answer.count = count;
        ck_assert_int_eq(fsm_check_answer(MACHINE, op, &answer), count == row->values_count);
    }
    for (uint32_t i = 0; i < row->values_count; i++) {
        answer = good_answer(op);
        for (uint32_t kind = FSM_NONE; kind <= ARG_CBOR + 1; kind++) {
            answer.values[i] = of_bytes((fsm_kind)kind, BYTES(""));
            bool optional = (row->values[i] & FSM_OPTIONAL) != 0;
            bool right = kind == (row->values[i] & ~(uint32_t)FSM_OPTIONAL) || (optional && kind == FSM_NONE);
            ck_assert_int_eq(fsm_check_answer(MACHINE, op, &answer), right);
        }
    }
}
END_TEST

START_TEST(answers_of_no_op)
{
    static const uint32_t ops[] = {
        0, OpWaitForPaymentChannelReady, OpCheckAvailableFunds, OpFinalizeBlockstore, 13, UINT32_MAX};
    fsm_answer answer = answer_ok(0, NO_VALUE, NO_VALUE);
    for (int i = 0; i < COUNT(ops); i++)
        ck_assert(!fsm_check_answer(MACHINE, ops[i], &answer));
}
END_TEST

START_TEST(shortfalls_checked)
{
    fsm_answer answer = {.shortfall = true, .count = 1, .values = {of_bytes(ARG_AMOUNT, amount("5"))}};
    for (uint32_t op = OpOpenDataTransfer; op <= OpWaitForPaymentChannelAddFunds; op++)
        ck_assert_int_eq(fsm_check_answer(MACHINE, op, &answer), op == OpCreatePaymentVoucher);
    answer.ok = true;
    ck_assert(!fsm_check_answer(MACHINE, OpCreatePaymentVoucher, &answer));
    answer.ok = false;
    answer.count = 0;
    ck_assert(!fsm_check_answer(MACHINE, OpCreatePaymentVoucher, &answer));
    answer.count = 1;
    answer.values[0] = of_bytes(ARG_AMOUNT, BYTES("\x00\x00"));
    ck_assert(!fsm_check_answer(MACHINE, OpCreatePaymentVoucher, &answer));
    answer.values[0] = of_number(ARG_U64, 5);
    ck_assert(!fsm_check_answer(MACHINE, OpCreatePaymentVoucher, &answer));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fsm handlers");
    TCase *runs = tcase_create("runs");
    tcase_add_loop_test(runs, every_answer, 0, COUNT(RUNS));
    tcase_add_loop_test(runs, what_is_raised_is_applied, 0, COUNT(RUNS));
    suite_add_tcase(suite, runs);
    TCase *values = tcase_create("values");
    tcase_add_test(values, open_data_transfer_values);
    tcase_add_test(values, channel_is_proposed);
    tcase_add_test(values, payment_channel_values);
    tcase_add_test(values, lane_values);
    tcase_add_test(values, voucher_values);
    tcase_add_test(values, close_values);
    tcase_add_test(values, shortfall_is_an_error);
    suite_add_tcase(suite, values);
    TCase *conditions = tcase_create("conditions");
    tcase_add_test(conditions, ongoing_conditions);
    tcase_add_loop_test(conditions, process_payment_requested_conditions, 0, COUNT(DUES));
    tcase_add_loop_test(conditions, send_funds_checks, 0, COUNT(BILLS));
    tcase_add_test(conditions, send_funds_texts);
    tcase_add_test(conditions, send_funds_with_the_longest_amounts);
    suite_add_tcase(suite, conditions);
    TCase *oddities = tcase_create("oddities");
    tcase_add_test(oddities, senseless_answers);
    tcase_add_test(oddities, missing_in_the_record);
    tcase_add_loop_test(oddities, answers_checked, OpOpenDataTransfer, OpWaitForPaymentChannelAddFunds + 1);
    tcase_add_test(oddities, answers_of_no_op);
    tcase_add_test(oddities, shortfalls_checked);
    suite_add_tcase(suite, oddities);
    return run_suite(suite);
}
