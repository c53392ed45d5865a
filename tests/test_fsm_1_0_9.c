/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What client 1.0.9 has of its own: actions, entry handlers, and "Where ours differs on purpose" of spec page v1.0.9, by number. */

#include "fsm_fixture.h"

static const fsm_machine *const MACHINE = &fsm_client_1_0_9;

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

/* ---- Actions */

static const struct {
    uint32_t event;
    uint64_t status;
    uint8_t kind; /* of the argument; FSM_NONE: none */
    const char *message;
    uint64_t to;
} MESSAGES[] = {
    {ClientEventWriteDealProposalErrored, DealStatusNew, ARG_ERROR, "proposing deal: x", DealStatusErrored},
    {ClientEventDealRejected, DealStatusWaitForAcceptance, ARG_TEXT, "deal rejected: x", DealStatusRetryLegacy},
    {ClientEventDealRejected, DealStatusWaitForAcceptanceLegacy, ARG_TEXT, "deal rejected: x", DealStatusRejected},
    {ClientEventPaymentChannelErrored, DealStatusAccepted, ARG_ERROR, "error from payment channel: x",
     DealStatusFailing},
    {ClientEventAllocateLaneErrored, DealStatusPaymentChannelAllocatingLane, ARG_ERROR, "allocating payment lane: x",
     DealStatusFailing},
    {ClientEventBadPaymentRequested, DealStatusSendFunds, ARG_TEXT, "x", DealStatusFailing},
    {ClientEventEarlyTermination, DealStatusCheckComplete, FSM_NONE,
     "Provider sent complete status without sending all data", DealStatusErrored},
    {ClientEventProviderCancelled, DealStatusOngoing, FSM_NONE, "Provider cancelled retrieval due to error",
     DealStatusErrored},
    {ClientEventProviderCancelled, DealStatusFailing, FSM_NONE, "before", DealStatusFailing},
    {ClientEventProviderCancelled, DealStatusCancelling, FSM_NONE, "before", DealStatusCancelling},
    {ClientEventCancel, DealStatusOngoing, FSM_NONE, "Retrieval Cancelled", DealStatusCancelling},
    {ClientEventCancel, DealStatusCancelling, FSM_NONE, "Retrieval Cancelled", DealStatusCancelling},
    {ClientEventComplete, DealStatusOngoing, FSM_NONE, "before", DealStatusCheckComplete},
    {ClientEventRecheckFunds, DealStatusInsufficientFunds, FSM_NONE, "before", DealStatusCheckFunds},
};

START_TEST(messages)
{
    fsm_record deal = deal_in(MESSAGES[_i].status);
    fsm_value text = MESSAGES[_i].kind == FSM_NONE ? NO_VALUE : of_bytes((fsm_kind)MESSAGES[_i].kind, BYTES("x"));
    APPLIED(MESSAGES[_i].event, text, NO_VALUE);
    ck_bytes(deal.message,
             ((fsm_bytes){(const uint8_t *)MESSAGES[_i].message, (uint32_t)strlen(MESSAGES[_i].message)}));
    ck_assert_uint_eq(deal.status, MESSAGES[_i].to);
    ck_assert_int_eq(deal.legacy_protocol, MESSAGES[_i].event == ClientEventDealRejected);
}
END_TEST

START_TEST(funds_expended_prints_the_amount)
{
    static const char *const amounts[] = {"0", "7", "-7", "340282366920938463463374607431768211456"};
    for (int i = 0; i < COUNT(amounts); i++) {
        char text[128];
        fsm_record deal = deal_in(DealStatusCheckFunds);
        APPLIED(ClientEventFundsExpended, of_bytes(ARG_AMOUNT, amount(amounts[i])), NO_VALUE);
        snprintf(text, sizeof text, "not enough current or pending funds in payment channel, shortfall of %s",
                 amounts[i]);
        ck_bytes(deal.message, ((fsm_bytes){(const uint8_t *)text, (uint32_t)strlen(text)}));
        ck_assert_uint_eq(deal.status, DealStatusInsufficientFunds);
        ck_amount(deal.voucher_shortfall, "0");
    }
}
END_TEST

/* The shortfall is not stored. */
START_TEST(voucher_shortfall_records_nothing)
{
    fsm_record deal = deal_in(DealStatusSendFunds), before = deal;
    before.status = DealStatusCheckFunds;
    APPLIED(ClientEventVoucherShortfall, of_bytes(ARG_AMOUNT, amount_of_size(160, false)), NO_VALUE);
    ck_assert_mem_eq(&before, &deal, sizeof deal);
}
END_TEST

START_TEST(channel_is_set_and_the_message_emptied)
{
    static const uint64_t ways[][2] = {{DealStatusNew, DealStatusWaitForAcceptance},
                                       {DealStatusRetryLegacy, DealStatusWaitForAcceptanceLegacy}};
    for (int i = 0; i < COUNT(ways); i++) {
        fsm_record deal = deal_in(ways[i][0]);
        APPLIED(ClientEventDealProposed, of_channel(BYTES("a"), BYTES("b"), 9), NO_VALUE);
        ck_assert_uint_eq(deal.status, ways[i][1]);
        ck_text(deal.channel.initiator, "a");
        ck_assert_uint_eq(deal.channel.id, 9);
        ck_text(deal.message, "");
    }
}
END_TEST

/* PaymentInfo, once set, is never replaced. */
START_TEST(payment_info_is_set_once)
{
    const fsm_value cid = of_bytes(ARG_CID, CID_A), address = of_bytes(ARG_ADDRESS, ADDRESS_A);
    for (int set = 0; set <= 1; set++) {
        fsm_record deal = deal_in(DealStatusAccepted);
        deal.has_payment_info = set;
        APPLIED(ClientEventPaymentChannelAddingFunds, cid, address);
        ck_assert_uint_eq(deal.status, DealStatusPaymentChannelAllocatingLane);
        ck_bytes(deal.wait_msg_cid, CID_A);
        ck_bytes(deal.pay_ch, set ? ADDRESS_C : ADDRESS_A);
        ck_assert_uint_eq(deal.lane, set ? 5 : 0);

        deal = deal_in(DealStatusPaymentChannelCreating);
        deal.has_payment_info = set;
        APPLIED(ClientEventPaymentChannelReady, address, NO_VALUE);
        ck_assert_uint_eq(deal.status, DealStatusPaymentChannelAllocatingLane);
        ck_assert(deal.has_payment_info && deal.wait_msg_cid.data == NULL);
        ck_text(deal.message, "");
        ck_bytes(deal.pay_ch, set ? ADDRESS_C : ADDRESS_A);
        APPLIED(ClientEventLaneAllocated, of_number(ARG_U64, 12), NO_VALUE);
        ck_assert_uint_eq(deal.lane, 12);
        ck_assert_uint_eq(deal.status, DealStatusOngoing);
    }
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
    {DealStatusFailing, {ClientEventDataTransferError}, ClientEventCancelComplete},
    {DealStatusCancelling, {ClientEventDataTransferError}, ClientEventCancelComplete},
    {DealStatusCheckComplete, {0}, ClientEventEarlyTermination},
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

/* The legacy flag: which state proposes, and what the record says when a voucher is sent. */
START_TEST(legacy_flags)
{
    fsm_answer answers[2] = {good_answer(OpGetChainHead), good_answer(OpCreatePaymentVoucher)};
    for (int legacy = 0; legacy <= 1; legacy++) {
        fsm_record deal = deal_in(legacy ? DealStatusRetryLegacy : DealStatusNew);
        deal.legacy_protocol = !legacy;
        ck_assert_uint_eq(wish(&deal, NULL, 0).args[9].number, legacy);
        deal = busy_deal(DealStatusSendFunds);
        deal.legacy_protocol = legacy;
        ck_assert_uint_eq(wish(&deal, answers, 2).args[4].number, legacy);
    }
}
END_TEST

START_TEST(shortfall_leads_to_the_funds)
{
    fsm_record deal = busy_deal(DealStatusSendFunds);
    fsm_answer answers[2] = {good_answer(OpGetChainHead),
                             {.shortfall = true, .count = 1, .values = {of_bytes(ARG_AMOUNT, amount("123"))}}};
    ck_assert(fsm_check_answer(MACHINE, OpCreatePaymentVoucher, &answers[1]));
    ck_amount(expect_raise(&deal, answers, 2, ClientEventVoucherShortfall).args[0].bytes, "123");
}
END_TEST

/* TotalFunds is not looked at. */
START_TEST(total_funds_do_not_matter)
{
    fsm_record deal = busy_deal(DealStatusSendFunds);
    deal.total_funds = amount("0");
    expect_ask(&deal, NULL, 0, OpGetChainHead);
}
END_TEST

static const struct {
    const char *requested, *confirmed, *pending, *queued, *redeemed;
    bool sentinel;
    uint32_t event;
    const char *shortfall;
} FUNDS[] = {
    {"100", "100", "0", "0", "0", false, ClientEventPaymentChannelReady, NULL},
    {"100", "150", "0", "0", "50", false, ClientEventPaymentChannelReady, NULL},
    {"100", "149", "0", "0", "50", true, ClientEventFundsExpended, "1"},
    {"100", "149", "1", "0", "50", true, ClientEventPaymentChannelAddingFunds, NULL},
    {"100", "149", "0", "1", "50", true, ClientEventPaymentChannelAddingFunds, NULL},
    {"100", "0", "60", "40", "0", true, ClientEventPaymentChannelAddingFunds, NULL},
    {"100", "0", "60", "39", "0", true, ClientEventFundsExpended, "1"},
    {"100", "0", "60", "40", "0", false, ClientEventFundsExpended, "0"}, /* only the message to wait for is missing */
    {"100", "0", "60", "50", "0", false, ClientEventFundsExpended, "-10"},
    {"-5", "0", "0", "0", "0", true, ClientEventPaymentChannelReady, NULL},
};

START_TEST(funds_are_checked)
{
    fsm_record deal = busy_deal(DealStatusCheckFunds);
    deal.payment_requested = amount(FUNDS[_i].requested);
    fsm_answer answer = funds_answer(FUNDS[_i].confirmed, FUNDS[_i].pending, FUNDS[_i].queued, FUNDS[_i].redeemed,
                                     FUNDS[_i].sentinel ? CID_A : NOTHING);
    ck_assert(fsm_check_answer(MACHINE, OpCheckAvailableFunds, &answer));
    fsm_next next = expect_raise(&deal, &answer, 1, FUNDS[_i].event);
    if (FUNDS[_i].event == ClientEventFundsExpended)
        ck_amount(next.args[0].bytes, FUNDS[_i].shortfall);
    else
        ck_bytes(next.args[next.count - 1].bytes, ADDRESS_C);
    if (FUNDS[_i].event == ClientEventPaymentChannelAddingFunds)
        ck_bytes(next.args[0].bytes, CID_A);
}
END_TEST

/* A message that is still waited for comes first, and nothing is asked. */
START_TEST(a_known_message_is_waited_for)
{
    fsm_record deal = deal_in(DealStatusCheckFunds);
    fsm_next next = expect_raise(&deal, NULL, 0, ClientEventPaymentChannelAddingFunds);
    ck_bytes(next.args[0].bytes, CID_B);
    ck_bytes(next.args[1].bytes, ADDRESS_C);
}
END_TEST

START_TEST(completeness_is_checked)
{
    fsm_record deal = deal_in(DealStatusCheckComplete);
    expect_raise(&deal, NULL, 0, ClientEventEarlyTermination);
    deal.all_blocks_received = true;
    expect_raise(&deal, NULL, 0, ClientEventCompleteVerified);
}
END_TEST

/* ---- Where ours differs on purpose */

START_TEST(difference_1_price_zero)
{
    fsm_record deal = busy_deal(DealStatusSendFunds);
    deal.price_per_byte = amount("0");
    deal.bytes_paid_for = 3;
    APPLIED(ClientEventPaymentSent, NO_VALUE, NO_VALUE);
    ck_amount(deal.funds_spent, "15");
    ck_amount(deal.unseal_funds_paid, "10");
    ck_assert_uint_eq(deal.bytes_paid_for, 3);
    ck_assert_uint_eq(deal.current_interval, 1000);
}
END_TEST

START_TEST(difference_2_no_wrap_and_no_sign)
{
    fsm_record deal = busy_deal(DealStatusFundsNeeded);
    deal.unseal_price = amount("0");
    deal.total_received = 5;
    deal.bytes_paid_for = 6;
    ck_assert_int_eq(wish(&deal, NULL, 0).wish, FSM_NOTHING);
    deal.status = DealStatusSendFunds;
    expect_raise(&deal, NULL, 0, ClientEventBadPaymentRequested);
    deal.bytes_paid_for = 0;
    deal.total_received = UINT64_MAX;
    expect_ask(&deal, NULL, 0, OpGetChainHead);
}
END_TEST

START_TEST(difference_3_range)
{
    fsm_record deal = deal_in(DealStatusSendFunds);
    deal.unseal_price = amount("0");
    deal.payment_requested = amount("36893488147419103232"); /* a quotient of 2^64 */
    check_refused(&deal, ClientEventPaymentSent, NO_VALUE, NO_VALUE);
    deal.payment_requested = amount("2");
    deal.bytes_paid_for = UINT64_MAX;
    check_refused(&deal, ClientEventPaymentSent, NO_VALUE, NO_VALUE);
    deal.bytes_paid_for = 0;
    deal.price_per_byte = amount("-1");
    check_refused(&deal, ClientEventPaymentSent, NO_VALUE, NO_VALUE);
    deal.price_per_byte = amount("1");
    deal.current_interval = 1;
    deal.payment_interval_increase = UINT64_MAX;
    APPLIED(ClientEventPaymentSent, NO_VALUE, NO_VALUE);
    ck_assert_uint_eq(deal.current_interval, UINT64_MAX);
    deal = deal_in(DealStatusOngoing);
    deal.payment_requested = amount_of_size(128, false);
    check_refused(&deal, ClientEventPaymentRequested, of_bytes(ARG_AMOUNT, amount("1")), NO_VALUE);
}
END_TEST

/* A voucher for 128 bytes, sign included, and for one attoFIL more. */
START_TEST(difference_3_voucher_amount)
{
    for (int more = 0; more <= 1; more++) {
        fsm_record deal = deal_in(DealStatusSendFunds);
        deal.funds_spent = amount_of_size(128, false);
        deal.payment_requested = amount(more ? "1" : "0");
        if (!more)
            expect_ask(&deal, NULL, 0, OpGetChainHead);
        else
            ck_text(expect_raise(&deal, NULL, 0, ClientEventCreateVoucherFailed).args[0].bytes,
                    "expected a voucher amount within 127 bytes, found more: it could not be stored");
    }
}
END_TEST

START_TEST(difference_4_missing)
{
    static const struct {
        uint64_t status;
        bool no_message, no_channel;
        uint32_t event;
        const char *text;
    } rows[] = {
        {DealStatusPaymentChannelCreating, true, false, ClientEventPaymentChannelErrored, "WaitMsgCID is missing"},
        {DealStatusPaymentChannelAddingFunds, true, false, ClientEventPaymentChannelErrored, "WaitMsgCID is missing"},
        {DealStatusPaymentChannelAllocatingLane, false, true, ClientEventAllocateLaneErrored, "PaymentInfo is missing"},
        {DealStatusSendFunds, false, true, ClientEventCreateVoucherFailed, "PaymentInfo is missing"},
        {DealStatusSendFundsLastPayment, false, true, ClientEventCreateVoucherFailed, "PaymentInfo is missing"},
        {DealStatusCheckFunds, true, true, ClientEventWriteDealPaymentErrored, "PaymentInfo is missing"},
        {DealStatusCheckFunds, false, true, ClientEventWriteDealPaymentErrored, "PaymentInfo is missing"},
    };
    for (int i = 0; i < COUNT(rows); i++) {
        fsm_record deal = busy_deal(rows[i].status);
        deal.wait_msg_cid = rows[i].no_message ? NOTHING : CID_B;
        deal.has_payment_info = !rows[i].no_channel;
        fsm_next next = expect_raise(&deal, NULL, 0, rows[i].event);
        ck_assert_uint_ge(next.args[0].bytes.size, strlen(rows[i].text));
        ck_assert_mem_eq(next.args[0].bytes.data, rows[i].text, strlen(rows[i].text));
    }
    fsm_record deal = deal_in(DealStatusPaymentChannelAllocatingLane);
    deal.has_payment_info = false;
    check_refused(&deal, ClientEventLaneAllocated, of_number(ARG_U64, 1), NO_VALUE);
}
END_TEST

START_TEST(difference_5_answers)
{
    const fsm_value odd_address = of_bytes(ARG_ADDRESS, BYTES("\x01\x02")), none = of_bytes(ARG_ADDRESS, NOTHING);
    fsm_answer answers[2] = {good_answer(OpGetChainHead), answer_ok(2, of_bytes(ARG_ADDRESS, ADDRESS_A), NO_VALUE)};
    fsm_record deal = deal_in(DealStatusAccepted);
    expect_raise(&deal, answers, 2, ClientEventPaymentChannelErrored);

    fsm_answer ready = answer_ok(1, none, NO_VALUE);
    deal = deal_in(DealStatusPaymentChannelCreating);
    expect_raise(&deal, &ready, 1, ClientEventPaymentChannelReady); /* PaymentInfo holds one */
    deal.has_payment_info = false;
    ck_text(expect_raise(&deal, &ready, 1, ClientEventPaymentChannelErrored).args[0].bytes,
            "WaitForPaymentChannelReady: expected an address, the node gave none");
    for (int set = 0; set <= 1; set++) {
        ready = answer_ok(1, odd_address, NO_VALUE);
        deal.has_payment_info = set;
        expect_raise(&deal, &ready, 1, ClientEventPaymentChannelErrored);
    }
    /* an ID address of 2^63 is none for this version */
    ready = answer_ok(1, of_bytes(ARG_ADDRESS, BYTES("\x00\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01")), NO_VALUE);
    expect_raise(&deal, &ready, 1, ClientEventPaymentChannelErrored);
}
END_TEST

START_TEST(difference_5_funds)
{
    fsm_record deal = busy_deal(DealStatusCheckFunds);
    fsm_answer answer = funds_answer("0", "1", "0", "0", BYTES("\x01\x55"));
    expect_raise(&deal, &answer, 1, ClientEventPaymentChannelErrored);
    answer = funds_answer("0", "0", "0", "0", NOTHING);
    answer.values[0].bytes = amount_of_size(160, true); /* the longest amounts, all on one side, do not overflow */
    answer.values[3].bytes = amount_of_size(160, false);
    answer.values[1].bytes = answer.values[2].bytes = amount_of_size(160, true);
    expect_raise(&deal, &answer, 1, ClientEventPaymentChannelErrored);
    answer.values[0].bytes = answer.values[3].bytes = amount("0");
    answer.values[2].bytes = amount("0");
    deal.payment_requested = amount("1");
    expect_raise(&deal, &answer, 1, ClientEventPaymentChannelErrored);
    answer.values[1].bytes = amount_of_size(159, true);
    expect_raise(&deal, &answer, 1, ClientEventFundsExpended);
}
END_TEST

START_TEST(difference_5_events)
{
    const fsm_value no_cid = of_bytes(ARG_CID, NOTHING), no_address = of_bytes(ARG_ADDRESS, NOTHING);
    const fsm_value cid = of_bytes(ARG_CID, CID_A);
    fsm_record deal = deal_in(DealStatusAccepted);
    check_refused(&deal, ClientEventPaymentChannelCreateInitiated, no_cid, NO_VALUE);
    check_refused(&deal, ClientEventPaymentChannelAddingFunds, no_cid, no_address);
    APPLIED(ClientEventPaymentChannelAddingFunds, cid, no_address); /* PaymentInfo is there: it is not stored */
    deal = deal_in(DealStatusAccepted);
    deal.has_payment_info = false;
    check_refused(&deal, ClientEventPaymentChannelAddingFunds, cid, no_address);
    deal = deal_in(DealStatusPaymentChannelCreating);
    deal.has_payment_info = false;
    check_refused(&deal, ClientEventPaymentChannelReady, no_address, NO_VALUE);
    deal = deal_in(DealStatusNew);
    check_refused(&deal, ClientEventDealProposed, of_channel(repeated('p', FSM_TEXT_MAX + 1), BYTES("b"), 1), NO_VALUE);
}
END_TEST

START_TEST(difference_6_message_is_cut)
{
    fsm_record deal = deal_in(DealStatusAccepted);
    APPLIED(ClientEventPaymentChannelErrored, of_bytes(ARG_ERROR, repeated('x', 9000)), NO_VALUE);
    ck_assert_uint_eq(deal.message.size, FSM_TEXT_MAX);
}
END_TEST

START_TEST(difference_7_unknown_response_has_its_status)
{
    fsm_record deal = deal_in(DealStatusOngoing);
    APPLIED(ClientEventUnknownResponseReceived, of_number(ARG_STATUS, DealStatusFailing), NO_VALUE);
    ck_text(deal.message, "Unexpected deal response status: DealStatusFailing");
    deal = deal_in(DealStatusOngoing);
    APPLIED(ClientEventUnknownResponseReceived, of_number(ARG_STATUS, 29), NO_VALUE);
    ck_text(deal.message, "Unexpected deal response status: ");
}
END_TEST

/* ---- Creation */

START_TEST(creation)
{
    fsm_record deal = deal_in(DealStatusOngoing);
    const char *field, *why;
    deal.has_channel = false;
    deal.has_store_id = true;
    deal.store_id = 4;
    deal.voucher_shortfall = amount("9");
    ck_assert(fsm_create(MACHINE, &deal, &field, &why));
    ck_assert(deal.has_channel && deal.has_store_id && !deal.has_payment_info && !deal.legacy_protocol);
    ck_assert_uint_eq(deal.store_id, 4);
    ck_assert_uint_eq(deal.current_interval, 1000);
    ck_text(deal.voucher_shortfall, "");
    deal.client_wallet = BYTES("\x00\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"); /* 2^63 */
    ck_assert(!fsm_create(MACHINE, &deal, &field, &why));
    ck_assert_str_eq(field, "client_wallet");
    ck_assert(fsm_create(&fsm_client_0_5_6, &deal, &field, &why));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fsm client 1.0.9");
    TCase *actions = tcase_create("actions");
    tcase_add_loop_test(actions, messages, 0, COUNT(MESSAGES));
    tcase_add_test(actions, funds_expended_prints_the_amount);
    tcase_add_test(actions, voucher_shortfall_records_nothing);
    tcase_add_test(actions, channel_is_set_and_the_message_emptied);
    tcase_add_test(actions, payment_info_is_set_once);
    tcase_add_test(actions, creation);
    suite_add_tcase(suite, actions);
    TCase *handlers = tcase_create("handlers");
    tcase_add_loop_test(handlers, every_answer, 0, COUNT(RUNS));
    tcase_add_test(handlers, legacy_flags);
    tcase_add_test(handlers, shortfall_leads_to_the_funds);
    tcase_add_test(handlers, total_funds_do_not_matter);
    tcase_add_loop_test(handlers, funds_are_checked, 0, COUNT(FUNDS));
    tcase_add_test(handlers, a_known_message_is_waited_for);
    tcase_add_test(handlers, completeness_is_checked);
    suite_add_tcase(suite, handlers);
    TCase *differences = tcase_create("differences");
    tcase_add_test(differences, difference_1_price_zero);
    tcase_add_test(differences, difference_2_no_wrap_and_no_sign);
    tcase_add_test(differences, difference_3_range);
    tcase_add_test(differences, difference_3_voucher_amount);
    tcase_add_test(differences, difference_4_missing);
    tcase_add_test(differences, difference_5_answers);
    tcase_add_test(differences, difference_5_funds);
    tcase_add_test(differences, difference_5_events);
    tcase_add_test(differences, difference_6_message_is_cut);
    tcase_add_test(differences, difference_7_unknown_response_has_its_status);
    suite_add_tcase(suite, differences);
    return run_suite(suite);
}
