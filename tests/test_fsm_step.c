/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One event, step by step: what each does to the record, at the edges of every rule; refusals; deals as dialogues. */

#include "fsm_fixture.h"

static const fsm_machine *const MACHINE = &fsm_client_0_5_6;

/* A well-formed argument of a kind. */
static fsm_value any_value(uint8_t kind)
{
    switch (kind) {
    case ARG_AMOUNT:
        return of_bytes(ARG_AMOUNT, amount("5"));
    case ARG_CID:
        return of_bytes(ARG_CID, CID_A);
    case ARG_ADDRESS:
        return of_bytes(ARG_ADDRESS, ADDRESS_A);
    case ARG_CHANNEL:
        return of_channel(BYTES("a"), BYTES("b"), 1);
    case ARG_U64:
    case ARG_STATUS:
        return of_number((fsm_kind)kind, 9);
    default:
        return of_bytes((fsm_kind)kind, BYTES("text"));
    }
}

/* ---- Every cell */

/* What fsm_step says is what the clause says, and a refused event leaves the record alone. */
START_TEST(every_cell)
{
    uint32_t event = (uint32_t)_i;
    const fsm_event *row = &MACHINE->events[event];
    fsm_value args[2] = {any_value(row->args[0]), any_value(row->args[1])};
    for (uint64_t status = 0; status < 40; status++) {
        fsm_record before = deal_in(status), after;
        const fsm_clause *clause = fsm_find_clause(MACHINE, event, status);
        fsm_outcome outcome = fsm_step(MACHINE, &before, event, args, next_scratch(), &after);
        if (fsm_is_final(MACHINE, status)) {
            ck_assert_int_eq(outcome.result, FSM_TERMINATED);
            ck_assert(outcome.is_final && !outcome.handler_owed);
        } else if (clause == NULL) {
            ck_assert_int_eq(outcome.result, FSM_INVALID_TRANSITION);
            ck_assert(!outcome.is_final && !outcome.handler_owed);
        } else {
            uint64_t to = clause->to == FSM_TO ? clause->target : status;
            ck_assert_int_eq(outcome.result, FSM_APPLIED);
            ck_assert_uint_eq(after.status, to);
            ck_assert_int_eq(outcome.is_final, fsm_is_final(MACHINE, to));
            ck_assert_int_eq(outcome.handler_owed,
                             clause->to != FSM_TO_JUST_RECORD && fsm_find_handler(MACHINE, to) != NULL);
        }
    }
}
END_TEST

/* ---- Checks before an event is taken */

START_TEST(events_unknown)
{
    uint32_t bad = 77;
    fsm_value value = any_value(ARG_TEXT);
    ck_assert_int_eq(fsm_check_event(MACHINE, ClientEventProviderCancelled, NULL, 0, &bad), FSM_UNKNOWN_EVENT);
    ck_assert_int_eq(fsm_check_event(MACHINE, 28, NULL, 0, &bad), FSM_UNKNOWN_EVENT);
    ck_assert_int_eq(fsm_check_event(MACHINE, UINT32_MAX, &value, 1, &bad), FSM_UNKNOWN_EVENT);
    ck_assert_uint_eq(bad, 77);
}
END_TEST

/* Each event with one argument less, one more, and each argument of every kind. */
START_TEST(arguments_checked)
{
    uint32_t event = (uint32_t)_i;
    const fsm_event *row = &MACHINE->events[event];
    uint32_t bad = 77;
    if (row->line == 0)
        return;
    fsm_value args[3] = {any_value(row->args[0]), any_value(row->args[1]), any_value(ARG_TEXT)};
    ck_assert_int_eq(fsm_check_event(MACHINE, event, args, row->args_count, &bad), FSM_CHECK_OK);
    ck_assert_int_eq(fsm_check_event(MACHINE, event, args, row->args_count + 1u, &bad), FSM_ARGUMENT_COUNT);
    if (row->args_count > 0)
        ck_assert_int_eq(fsm_check_event(MACHINE, event, args, row->args_count - 1u, &bad), FSM_ARGUMENT_COUNT);
    for (uint32_t i = 0; i < row->args_count; i++) {
        for (uint8_t kind = FSM_NONE; kind <= ARG_CBOR + 1; kind++) {
            args[i] = any_value(kind);
            bad = 77;
            bool right = kind == row->args[i];
            ck_assert_int_eq(fsm_check_event(MACHINE, event, args, row->args_count, &bad),
                             right ? FSM_CHECK_OK : FSM_ARGUMENT_TYPE);
            ck_assert_uint_eq(bad, right ? 77 : i);
        }
        args[i] = any_value(row->args[i]);
    }
}
END_TEST

START_TEST(arguments_malformed)
{
    const struct {
        uint32_t event;
        fsm_value value;
        fsm_check expected;
    } rows[] = {
        {ClientEventPaymentRequested, of_bytes(ARG_AMOUNT, NOTHING), FSM_CHECK_OK},
        {ClientEventPaymentRequested, of_bytes(ARG_AMOUNT, BYTES("\x00\x00")), FSM_ARGUMENT_TYPE},
        {ClientEventPaymentRequested, of_bytes(ARG_AMOUNT, BYTES("\x02\x01")), FSM_ARGUMENT_TYPE},
        {ClientEventPaymentRequested, of_bytes(ARG_AMOUNT, amount_of_size(160, false)), FSM_CHECK_OK},
        {ClientEventPaymentRequested, of_bytes(ARG_AMOUNT, amount_of_size(161, false)), FSM_ARGUMENT_TYPE},
        {ClientEventPaymentChannelCreateInitiated, of_bytes(ARG_CID, NOTHING), FSM_CHECK_OK},
        {ClientEventPaymentChannelCreateInitiated, of_bytes(ARG_CID, BYTES("\x01\x55\x00")), FSM_ARGUMENT_TYPE},
        {ClientEventDealRejected, of_bytes(ARG_TEXT, NOTHING), FSM_CHECK_OK},
        {ClientEventUnknownResponseReceived, of_number(ARG_STATUS, UINT64_MAX), FSM_CHECK_OK},
    };
    uint32_t bad;
    for (int i = 0; i < COUNT(rows); i++)
        ck_assert_int_eq(fsm_check_event(MACHINE, rows[i].event, &rows[i].value, 1, &bad), rows[i].expected);
    fsm_value pair[2] = {of_bytes(ARG_ADDRESS, BYTES("\x04\x00")), of_number(ARG_U64, 1)};
    ck_assert_int_eq(fsm_check_event(MACHINE, ClientEventPaymentChannelReady, pair, 2, &bad), FSM_ARGUMENT_TYPE);
    ck_assert_uint_eq(bad, 0);
    pair[0].bytes = NOTHING;
    ck_assert_int_eq(fsm_check_event(MACHINE, ClientEventPaymentChannelReady, pair, 2, &bad), FSM_CHECK_OK);
}
END_TEST

/* ---- Messages */

static const struct {
    uint32_t event;
    uint64_t status;
    uint8_t kind;
    const char *prefix;
} PREFIXES[] = {
    {ClientEventWriteDealProposalErrored, DealStatusNew, ARG_ERROR, "proposing deal: "},
    {ClientEventDealRejected, DealStatusWaitForAcceptance, ARG_TEXT, "deal rejected: "},
    {ClientEventDealNotFound, DealStatusWaitForAcceptance, ARG_TEXT, "deal not found: "},
    {ClientEventPaymentChannelErrored, DealStatusAccepted, ARG_ERROR, "get or create payment channel: "},
    {ClientEventAllocateLaneErrored, DealStatusPaymentChannelCreating, ARG_ERROR, "allocating payment lane: "},
    {ClientEventPaymentChannelAddFundsErrored, DealStatusPaymentChannelAddingFunds, ARG_ERROR, "wait for add funds: "},
    {ClientEventDataTransferError, DealStatusOngoing, ARG_ERROR, "error generated by data transfer: "},
    {ClientEventCreateVoucherFailed, DealStatusSendFunds, ARG_ERROR, "creating payment voucher: "},
    {ClientEventWriteDealPaymentErrored, DealStatusSendFunds, ARG_ERROR, "writing deal payment: "},
    {ClientEventBadPaymentRequested, DealStatusSendFunds, ARG_TEXT, ""},
};

/* Prefix and text, also an empty one; a text just as long as there is room, and one byte more. */
START_TEST(messages)
{
    const char *prefix = PREFIXES[_i].prefix;
    uint32_t length = (uint32_t)strlen(prefix);
    const fsm_bytes texts[] = {BYTES("a: b %w %s"),
                               BYTES(""),
                               NOTHING,
                               BYTES("nul \x00 byte \xff"),
                               repeated('x', FSM_TEXT_MAX - length),
                               repeated('x', FSM_TEXT_MAX - length + 1),
                               repeated('x', 100000)};
    for (int i = 0; i < COUNT(texts); i++) {
        fsm_record deal = deal_in(PREFIXES[_i].status);
        step(&deal, PREFIXES[_i].event, of_bytes((fsm_kind)PREFIXES[_i].kind, texts[i]), NO_VALUE);
        uint32_t size = length + texts[i].size < FSM_TEXT_MAX ? length + texts[i].size : FSM_TEXT_MAX;
        ck_assert_ptr_nonnull(deal.message.data);
        ck_assert_uint_eq(deal.message.size, size);
        ck_assert_mem_eq(deal.message.data, prefix, length);
        if (size > length)
            ck_assert_mem_eq(deal.message.data + length, texts[i].data, size - length);
    }
}
END_TEST

START_TEST(funds_expended_message)
{
    fsm_record deal = deal_in(DealStatusSendFunds);
    step(&deal, ClientEventFundsExpended, of_bytes(ARG_TEXT, BYTES("100")), of_bytes(ARG_TEXT, BYTES("101")));
    ck_text(deal.message, "not enough funds left: expected amt = 100, actual amt = 101");
    deal = deal_in(DealStatusSendFundsLastPayment);
    step(&deal, ClientEventFundsExpended, of_bytes(ARG_TEXT, NOTHING), of_bytes(ARG_TEXT, NOTHING));
    ck_text(deal.message, "not enough funds left: expected amt = , actual amt = ");
    deal = deal_in(DealStatusSendFunds);
    fsm_bytes big = repeated('9', 6000);
    step(&deal, ClientEventFundsExpended, of_bytes(ARG_TEXT, big), of_bytes(ARG_TEXT, big));
    ck_assert_uint_eq(deal.message.size, FSM_TEXT_MAX);
}
END_TEST

START_TEST(unknown_response_prints_the_status)
{
    static const struct {
        uint64_t status;
        const char *text;
    } rows[] = {
        {DealStatusNew, "Unexpected deal response status: DealStatusNew"},
        {DealStatusFailing, "Unexpected deal response status: DealStatusFailed"},
        {DealStatusCompleting, "Unexpected deal response status: DealStatusCompleting"},
        {DealStatusCheckComplete, "Unexpected deal response status: "},
        {UINT64_MAX, "Unexpected deal response status: "},
    };
    for (int i = 0; i < COUNT(rows); i++) {
        fsm_record deal = deal_in(DealStatusOngoing);
        step(&deal, ClientEventUnknownResponseReceived, of_number(ARG_STATUS, rows[i].status), NO_VALUE);
        ck_bytes(deal.message, ((fsm_bytes){(const uint8_t *)rows[i].text, (uint32_t)strlen(rows[i].text)}));
        ck_assert_uint_eq(deal.status, DealStatusFailing);
    }
}
END_TEST

/* clang-format off */
/* Difference 4: a Message is cut at 8,192 bytes, or before a well-formed UTF-8 sequence that would be split. `before`
 * bytes x stand in front of the sequence. */
static const struct {
    const char *sequence;
    uint32_t before, size;
} CUTS[] = {
    {"\xc3\xa9", 8190, 8192},             /* ends there: whole */
    {"\xc3\xa9", 8191, 8191},             /* é split */
    {"\xc3\xa9", 8192, 8192},             /* begins there */
    {"\xe2\x82\xac", 8189, 8192},         /* € */
    {"\xe2\x82\xac", 8190, 8190},
    {"\xe2\x82\xac", 8191, 8191},
    {"\xf0\x9f\x98\x80", 8188, 8192},     /* an emoji */
    {"\xf0\x9f\x98\x80", 8189, 8189},
    {"\xf0\x9f\x98\x80", 8190, 8190},
    {"\xf0\x9f\x98\x80", 8191, 8191},
    {"\xf4\x8f\xbf\xbf", 8191, 8191},     /* the last code point */
    {"\xed\x9f\xbf", 8191, 8191},         /* the last before the surrogates */
    {"\xe0\xa0\x80", 8191, 8191},         /* the first of three bytes */
    {"\xf0\x90\x80\x80", 8191, 8191},     /* the first of four bytes */
    {"\xf4\x90\x80\x80", 8191, 8192},     /* past the last code point: not well formed */
    {"\xed\xa0\x80", 8191, 8192},         /* a surrogate */
    {"\xe0\x9f\xbf", 8191, 8192},         /* overlong */
    {"\xf0\x8f\xbf\xbf", 8191, 8192},     /* overlong */
    {"\xc1\xbf", 8191, 8192},             /* overlong */
    {"\xf5\x80\x80\x80", 8191, 8192},     /* no lead byte */
    {"\xff\xff", 8191, 8192},
    {"\x80\x80\x80\x80", 8190, 8192},     /* no lead */
    {"\x80\x80\x80\x80", 8188, 8192},
    {"\xc3\xc3", 8191, 8192},             /* a lead without continuation */
    {"\xe2\x82\xc3", 8191, 8192},
    {"\xe2\x82\xc3", 8190, 8192},
    {"\xf0\x9f\x98\xc3", 8190, 8192},
    {"\xc3\xa9\x80\x80", 8190, 8192},     /* continuations behind a whole sequence */
    {"\xc3\xa9\x80\x80", 8189, 8192},
};
/* clang-format on */

START_TEST(message_is_cut)
{
    for (uint32_t more = 0; more <= 10; more += 10) {
        uint32_t length = (uint32_t)strlen(CUTS[_i].sequence);
        uint32_t size = CUTS[_i].before + length + more;
        uint8_t *text = room_for(size);
        memset(text, 'x', size);
        memcpy(text + CUTS[_i].before, CUTS[_i].sequence, length);
        fsm_record deal = deal_in(DealStatusSendFunds);
        step(&deal, ClientEventBadPaymentRequested, of_bytes(ARG_TEXT, (fsm_bytes){text, size}), NO_VALUE);
        ck_assert_uint_eq(deal.message.size, size <= FSM_TEXT_MAX ? size : CUTS[_i].size);
        ck_assert_mem_eq(deal.message.data, text, deal.message.size);
    }
}
END_TEST

/* A sequence that the end of the text cuts short is not well formed. */
START_TEST(message_cut_at_the_end_of_the_text)
{
    uint8_t *text = room_for(8193);
    memset(text, 'x', 8190);
    memcpy(text + 8190, "\xf0\x9f\x98", 3);
    fsm_record deal = deal_in(DealStatusSendFunds);
    step(&deal, ClientEventBadPaymentRequested, of_bytes(ARG_TEXT, (fsm_bytes){text, 8193}), NO_VALUE);
    ck_assert_uint_eq(deal.message.size, 8192);
}
END_TEST

/* ---- Fields that are set */

START_TEST(channel_is_set)
{
    fsm_record deal = deal_in(DealStatusNew);
    step(&deal, ClientEventDealProposed, of_channel(BYTES("init"), NOTHING, UINT64_MAX), NO_VALUE);
    ck_assert_uint_eq(deal.status, DealStatusWaitForAcceptance);
    ck_text(deal.channel.initiator, "init");
    ck_text(deal.channel.responder, "");
    ck_assert_uint_eq(deal.channel.id, UINT64_MAX);
    ck_text(deal.message, "before");
}
END_TEST

static void check_refused(fsm_record *deal, uint32_t event, fsm_value first, fsm_value second)
{
    fsm_record before = *deal;
    fsm_outcome outcome = step(deal, event, first, second);
    ck_assert_int_eq(outcome.result, FSM_ACTION_FAILED);
    ck_assert_ptr_nonnull(outcome.why);
    ck_assert_ptr_nonnull(strstr(outcome.why, "expected"));
    ck_assert_ptr_nonnull(strstr(outcome.why, "found"));
    ck_assert(!outcome.handler_owed && !outcome.is_final);
    ck_assert_mem_eq(&before, deal, sizeof before);
}

/* Difference 4: what could not be stored is refused, the record stays. */
START_TEST(unstorable_arguments_are_refused)
{
    const fsm_value no_cid = of_bytes(ARG_CID, NOTHING), no_address = of_bytes(ARG_ADDRESS, BYTES(""));
    const fsm_value cid = of_bytes(ARG_CID, CID_A), address = of_bytes(ARG_ADDRESS, ADDRESS_A);
    fsm_bytes longest = repeated('p', FSM_TEXT_MAX), longer = repeated('p', FSM_TEXT_MAX + 1);
    fsm_record deal = deal_in(DealStatusAccepted);
    check_refused(&deal, ClientEventPaymentChannelCreateInitiated, no_cid, NO_VALUE);
    check_refused(&deal, ClientEventPaymentChannelAddingFunds, no_cid, address);
    check_refused(&deal, ClientEventPaymentChannelAddingFunds, cid, no_address);
    deal = deal_in(DealStatusPaymentChannelCreating);
    check_refused(&deal, ClientEventPaymentChannelReady, no_address, of_number(ARG_U64, 1));
    deal = deal_in(DealStatusNew);
    check_refused(&deal, ClientEventDealProposed, of_channel(longer, BYTES("b"), 1), NO_VALUE);
    check_refused(&deal, ClientEventDealProposed, of_channel(BYTES("a"), longer, 1), NO_VALUE);
    ck_assert_int_eq(step(&deal, ClientEventDealProposed, of_channel(longest, longest, 1), NO_VALUE).result,
                     FSM_APPLIED);
}
END_TEST

START_TEST(payment_channel_is_set)
{
    fsm_record deal = deal_in(DealStatusAccepted);
    deal.has_payment_info = false;
    deal.wait_msg_cid = NOTHING;
    step(&deal, ClientEventPaymentChannelAddingFunds, of_bytes(ARG_CID, CID_A), of_bytes(ARG_ADDRESS, ADDRESS_B));
    ck_assert_uint_eq(deal.status, DealStatusPaymentChannelAddingFunds);
    ck_bytes(deal.wait_msg_cid, CID_A);
    ck_assert(deal.has_payment_info);
    ck_bytes(deal.pay_ch, ADDRESS_B);
    ck_assert_uint_eq(deal.lane, 0);
    step(&deal, ClientEventPaymentChannelReady, of_bytes(ARG_ADDRESS, ADDRESS_C), of_number(ARG_U64, UINT64_MAX));
    ck_assert_uint_eq(deal.status, DealStatusOngoing);
    ck_bytes(deal.pay_ch, ADDRESS_C);
    ck_assert_uint_eq(deal.lane, UINT64_MAX);
    ck_bytes(deal.wait_msg_cid, CID_A); /* stays, also when the message is on chain */

    deal = deal_in(DealStatusAccepted);
    deal.has_payment_info = false;
    step(&deal, ClientEventPaymentChannelCreateInitiated, of_bytes(ARG_CID, CID_A), NO_VALUE);
    ck_assert_uint_eq(deal.status, DealStatusPaymentChannelCreating);
    ck_bytes(deal.wait_msg_cid, CID_A);
    ck_assert(!deal.has_payment_info);
}
END_TEST

START_TEST(bytes_received_are_assigned)
{
    static const uint64_t values[] = {0, 999, 1000, 1001, UINT64_MAX};
    for (int i = 0; i < COUNT(values); i++) {
        fsm_record deal = deal_in(DealStatusOngoing);
        step(&deal, ClientEventBlocksReceived, of_number(ARG_U64, values[i]), NO_VALUE);
        ck_assert_uint_eq(deal.total_received, values[i]);
    }
}
END_TEST

/* ---- Amounts that are added up */

static const struct {
    const char *requested, *owed, *sum;
} SUMS[] = {
    {"0", "0", "0"},
    {"0", "7", "7"},
    {"7", "0", "7"},
    {"7", "-7", "0"},
    {"7", "-8", "-1"},
    {"-7", "8", "1"},
    {"4294967295", "1", "4294967296"},
    {"18446744073709551615", "1", "18446744073709551616"},
    {"340282366920938463463374607431768211455", "1", "340282366920938463463374607431768211456"},
};

START_TEST(payments_add_up)
{
    static const uint32_t events[] = {ClientEventPaymentRequested, ClientEventLastPaymentRequested,
                                      ClientEventUnsealPaymentRequested};
    for (int i = 0; i < COUNT(events); i++) {
        fsm_record deal = deal_in(DealStatusWaitForAcceptance);
        deal.payment_requested = amount(SUMS[_i].requested);
        step(&deal, events[i], of_bytes(ARG_AMOUNT, amount(SUMS[_i].owed)), NO_VALUE);
        ck_amount(deal.payment_requested, SUMS[_i].sum);
        ck_assert_int_eq(deal.last_payment_requested, events[i] == ClientEventLastPaymentRequested);
        ck_assert(!deal.all_blocks_received);
    }
}
END_TEST

/* Difference 4: an amount is stored in at most 128 bytes, on both sides of zero. */
START_TEST(payments_stay_storable)
{
    static const uint32_t events[] = {ClientEventPaymentRequested, ClientEventLastPaymentRequested};
    for (int i = 0; i < COUNT(events); i++) {
        fsm_bytes largest = amount_of_size(128, _i == 1), one = amount(_i == 1 ? "-1" : "1");
        fsm_record deal = deal_in(DealStatusOngoing);
        ck_assert_int_eq(step(&deal, events[i], of_bytes(ARG_AMOUNT, largest), NO_VALUE).result, FSM_APPLIED);
        ck_bytes(deal.payment_requested, largest);
        deal = deal_in(DealStatusOngoing);
        deal.payment_requested = largest;
        check_refused(&deal, events[i], of_bytes(ARG_AMOUNT, one), NO_VALUE);
        check_refused(&deal, events[i], of_bytes(ARG_AMOUNT, amount_of_size(160, _i == 1)), NO_VALUE);
        deal.payment_requested = amount("0");
        check_refused(&deal, events[i], of_bytes(ARG_AMOUNT, amount_of_size(129, _i == 1)), NO_VALUE);
    }
}
END_TEST

/* ---- PaymentSent */

typedef struct payment {
    const char *requested, *price, *unseal_price;
    const char *spent, *unseal_paid;
    uint64_t paid_for, interval, increase;
    /* after; spent NULL: refused */
    const char *spent_after, *unseal_paid_after;
    uint64_t paid_for_after, interval_after;
} payment;

#define MAX UINT64_MAX
#define MAX_TEXT "18446744073709551615"

static const payment PAYMENTS[] = {
    /* all for bytes; a rest of a byte is lost; the interval grows from bytes = interval on */
    {"2000", "2", "0", "0", "0", 0, 1001, 100, "2000", "0", 1000, 1001},
    {"2000", "2", "0", "0", "0", 0, 1000, 100, "2000", "0", 1000, 1100},
    {"2001", "2", "0", "0", "0", 0, 1000, 100, "2001", "0", 1000, 1100},
    {"1999", "2", "0", "0", "0", 0, 1000, 100, "1999", "0", 999, 1000},
    {"0", "2", "0", "5", "0", 5, 0, 100, "5", "0", 5, 100},
    {"0", "2", "0", "5", "0", 5, 1, 100, "5", "0", 5, 1},
    {"3", "2", "0", "40", "0", 7, 9, 1, "43", "0", 8, 9},
    /* unsealing first: below, at and above what is due for it */
    {"9", "2", "10", "0", "0", 0, 5, 1, "9", "9", 0, 5},
    {"10", "2", "10", "0", "0", 0, 5, 1, "10", "10", 0, 5},
    {"11", "2", "10", "0", "0", 0, 5, 1, "11", "10", 0, 5},
    {"12", "2", "10", "0", "0", 0, 5, 1, "12", "10", 1, 5},
    {"12", "2", "10", "50", "4", 0, 5, 1, "62", "10", 3, 5},
    /* more paid for unsealing than it costs: it comes back as bytes */
    {"10", "2", "10", "0", "14", 0, 100, 1, "10", "10", 7, 100},
    {"0", "2", "10", "0", "14", 0, 100, 1, "0", "10", 2, 100},
    /* negative request: all of it is unsealing */
    {"-6", "2", "10", "20", "0", 3, 9, 1, "14", "-6", 3, 9},
    /* difference 1: price 0 pays for no bytes */
    {"50", "0", "10", "0", "0", 3, 0, 7, "50", "10", 3, 0},
    {"0", "0", "0", "0", "0", 0, 0, 7, "0", "0", 0, 0},
    /* difference 3: quotients on both sides of 64 bits */
    {MAX_TEXT, "1", "0", "0", "0", 0, MAX, 0, MAX_TEXT, "0", MAX, MAX},
    {"18446744073709551616", "1", "0", "0", "0", 0, 0, 0, NULL, NULL, 0, 0},
    {"36893488147419103231", "2", "0", "0", "0", 0, 0, 0, "36893488147419103231", "0", MAX, 0},
    {"36893488147419103232", "2", "0", "0", "0", 0, 0, 0, NULL, NULL, 0, 0},
    /* difference 3: a negative quotient */
    {"3", "-2", "0", "0", "0", 0, 0, 0, NULL, NULL, 0, 0},
    {"1", "-2", "0", "7", "0", 4, 1, 0, "8", "0", 4, 1}, /* quotient 0, rest 1 */
    {"0", "-2", "0", "7", "0", 4, 1, 0, "7", "0", 4, 1},
    /* difference 3: BytesPaidFor on both sides of 2^64 */
    {"10", "1", "0", "0", "0", MAX - 10, MAX, 0, "10", "0", MAX, MAX},
    {"11", "1", "0", "0", "0", MAX - 10, MAX, 0, NULL, NULL, 0, 0},
    /* difference 3: CurrentInterval stops at 2^64 - 1 */
    {"10", "1", "0", "0", "0", 0, 10, MAX - 10, "10", "0", 10, MAX},
    {"10", "1", "0", "0", "0", 0, 10, MAX - 9, "10", "0", 10, MAX},
    {"10", "1", "0", "0", "0", 0, 10, MAX - 11, "10", "0", 10, MAX - 1},
    {"10", "1", "0", "0", "0", 0, 10, MAX, "10", "0", 10, MAX},
    {MAX_TEXT, "1", "0", "0", "0", 0, MAX, MAX, MAX_TEXT, "0", MAX, MAX},
};

START_TEST(payments)
{
    const payment *p = &PAYMENTS[_i];
    for (int last = 0; last <= 1; last++) {
        fsm_record deal = deal_in(last ? DealStatusSendFundsLastPayment : DealStatusSendFunds);
        deal.payment_requested = amount(p->requested);
        deal.price_per_byte = amount(p->price);
        deal.unseal_price = amount(p->unseal_price);
        deal.funds_spent = amount(p->spent);
        deal.unseal_funds_paid = amount(p->unseal_paid);
        deal.bytes_paid_for = p->paid_for;
        deal.current_interval = p->interval;
        deal.payment_interval_increase = p->increase;
        if (p->spent_after == NULL) {
            check_refused(&deal, ClientEventPaymentSent, NO_VALUE, NO_VALUE);
            continue;
        }
        ck_assert_int_eq(step(&deal, ClientEventPaymentSent, NO_VALUE, NO_VALUE).result, FSM_APPLIED);
        ck_assert_uint_eq(deal.status, last ? DealStatusFinalizing : DealStatusOngoing);
        ck_amount(deal.funds_spent, p->spent_after);
        ck_amount(deal.unseal_funds_paid, p->unseal_paid_after);
        ck_assert_uint_eq(deal.payment_requested.size, 0);
        ck_assert_uint_eq(deal.bytes_paid_for, p->paid_for_after);
        ck_assert_uint_eq(deal.current_interval, p->interval_after);
        ck_assert_uint_eq(deal.payment_interval, 1000);
        ck_text(deal.message, "before");
    }
}
END_TEST

/* Difference 4 for what a payment adds up. */
START_TEST(payments_stay_storable_when_sent)
{
    fsm_record deal = deal_in(DealStatusSendFunds);
    deal.price_per_byte = amount_of_size(128, false);
    deal.unseal_price = amount("0");
    deal.funds_spent = amount_of_size(128, false);
    ck_assert_int_eq(step(&deal, ClientEventPaymentSent, NO_VALUE, NO_VALUE).result, FSM_APPLIED);
    deal.status = DealStatusSendFunds;
    deal.payment_requested = amount("1");
    check_refused(&deal, ClientEventPaymentSent, NO_VALUE, NO_VALUE); /* FundsSpent */
    deal.funds_spent = amount("0");
    deal.payment_requested = amount("-1");
    deal.unseal_funds_paid = amount_of_size(128, true);
    check_refused(&deal, ClientEventPaymentSent, NO_VALUE, NO_VALUE); /* UnsealFundsPaid */
}
END_TEST

/* ---- Creation */

static fsm_record proposal(void)
{
    fsm_record deal = deal_in(DealStatusOngoing);
    deal.payment_requested = deal.funds_spent = deal.unseal_funds_paid = amount("3");
    deal.last_payment_requested = deal.all_blocks_received = deal.legacy_protocol = true;
    deal.has_channel = false;
    deal.bytes_paid_for = 9;
    return deal;
}

START_TEST(creation)
{
    fsm_record deal = proposal();
    const char *field = NULL, *why = NULL;
    ck_assert(fsm_create(MACHINE, &deal, &field, &why));
    ck_assert_uint_eq(deal.status, DealStatusNew);
    ck_assert(deal.has_channel && !deal.has_payment_info && !deal.last_payment_requested && !deal.all_blocks_received);
    ck_assert(!deal.legacy_protocol);
    ck_text(deal.channel.initiator, "");
    ck_text(deal.channel.responder, "");
    ck_assert_uint_eq(deal.channel.id, 0);
    ck_assert_uint_eq(deal.total_received, 0);
    ck_assert_uint_eq(deal.bytes_paid_for, 0);
    ck_assert_uint_eq(deal.current_interval, 1000);
    ck_text(deal.message, "");
    ck_text(deal.payment_requested, "");
    ck_text(deal.funds_spent, "");
    ck_text(deal.unseal_funds_paid, "");
    ck_assert_ptr_null(deal.wait_msg_cid.data);
    ck_amount(deal.total_funds, "100000");
    ck_bytes(deal.payload_cid, CID_A);
    ck_assert_uint_eq(deal.id, 7);
}
END_TEST

/* Difference 9: what could not be stored, or would never work. */
START_TEST(creation_refuses)
{
    const struct {
        size_t offset;
        fsm_bytes value;
        const char *field; /* NULL: taken */
    } rows[] = {
        {offsetof(fsm_record, payload_cid), NOTHING, "payload_cid"},
        {offsetof(fsm_record, payload_cid), BYTES("\x01\x55"), "payload_cid"},
        {offsetof(fsm_record, selector), BYTES(""), "selector"},
        {offsetof(fsm_record, selector), BYTES("\xa0"), NULL},
        {offsetof(fsm_record, piece_cid), BYTES(""), "piece_cid"},
        {offsetof(fsm_record, piece_cid), CID_B, NULL},
        {offsetof(fsm_record, price_per_byte), amount("-1"), "price_per_byte"},
        {offsetof(fsm_record, price_per_byte), amount("0"), NULL},
        {offsetof(fsm_record, price_per_byte), amount_of_size(128, false), NULL},
        {offsetof(fsm_record, price_per_byte), amount_of_size(129, false), "price_per_byte"},
        {offsetof(fsm_record, price_per_byte), BYTES("\x00\x00\x01"), "price_per_byte"},
        {offsetof(fsm_record, unseal_price), amount("-1"), "unseal_price"},
        {offsetof(fsm_record, unseal_price), amount_of_size(129, false), "unseal_price"},
        {offsetof(fsm_record, total_funds), amount("-1"), "total_funds"},
        {offsetof(fsm_record, total_funds), amount_of_size(129, false), "total_funds"},
        {offsetof(fsm_record, client_wallet), NOTHING, "client_wallet"},
        {offsetof(fsm_record, client_wallet), BYTES("\x00\x80"), "client_wallet"},
        {offsetof(fsm_record, miner_wallet), BYTES(""), "miner_wallet"},
        {offsetof(fsm_record, miner_wallet), BYTES("\x04\x00"), "miner_wallet"},
        {offsetof(fsm_record, sender), repeated('p', FSM_TEXT_MAX), NULL},
        {offsetof(fsm_record, sender), repeated('p', FSM_TEXT_MAX + 1), "sender"},
    };
    for (int i = 0; i < COUNT(rows); i++) {
        fsm_record deal = proposal();
        const char *field = NULL, *why = NULL;
        memcpy((char *)&deal + rows[i].offset, &rows[i].value, sizeof rows[i].value);
        fsm_record before = deal;
        ck_assert_int_eq(fsm_create(MACHINE, &deal, &field, &why), rows[i].field == NULL);
        if (rows[i].field == NULL)
            continue;
        ck_assert_str_eq(field, rows[i].field);
        ck_assert_ptr_nonnull(strstr(why, "expected"));
        ck_assert_ptr_nonnull(strstr(why, "found"));
        ck_assert_mem_eq(&before, &deal, sizeof before);
    }
}
END_TEST

/* ---- Dialogues: who says what, what it does, and what must not have happened */

#define APPLIED(event, first, second) ck_assert_int_eq(step(&deal, event, first, second).result, FSM_APPLIED)
#define REFUSED(event, first, second) ck_assert_int_eq(step(&deal, event, first, second).result, FSM_INVALID_TRANSITION)

START_TEST(dialogue_of_a_whole_deal)
{
    fsm_record deal = deal_in(DealStatusNew);
    deal.has_payment_info = false;
    deal.wait_msg_cid = NOTHING;
    deal.total_received = 0;
    const fsm_value due = of_bytes(ARG_AMOUNT, amount("10")), rest = of_bytes(ARG_AMOUNT, amount("2000"));

    /* host --- Open --> the handler of New runs, nothing is recorded */
    ck_assert(step(&deal, ClientEventOpen, NO_VALUE, NO_VALUE).handler_owed);
    ck_assert_uint_eq(deal.status, DealStatusNew);

    /* handler --- DealProposed --> WaitForAcceptance, which has no handler */
    ck_assert(!step(&deal, ClientEventDealProposed, of_channel(BYTES("me"), BYTES("you"), 9), NO_VALUE).handler_owed);

    /* provider --- UnsealPaymentRequested(10) --> Accepted; a second acceptance is refused */
    ck_assert(step(&deal, ClientEventUnsealPaymentRequested, due, NO_VALUE).handler_owed);
    ck_assert_uint_eq(deal.status, DealStatusAccepted);
    REFUSED(ClientEventDealAccepted, NO_VALUE, NO_VALUE);
    REFUSED(ClientEventUnsealPaymentRequested, due, NO_VALUE);
    ck_amount(deal.payment_requested, "10");

    /* handler --- CreateInitiated, PaymentChannelReady --> Ongoing, channel and lane known */
    APPLIED(ClientEventPaymentChannelCreateInitiated, of_bytes(ARG_CID, CID_A), NO_VALUE);
    APPLIED(ClientEventPaymentChannelReady, of_bytes(ARG_ADDRESS, ADDRESS_C), of_number(ARG_U64, 4));
    ck_assert_uint_eq(deal.status, DealStatusOngoing);

    /* handlers --- PaymentRequested(0), SendFunds, PaymentSent --> the 10 are booked as unsealing, no byte is */
    APPLIED(ClientEventPaymentRequested, of_bytes(ARG_AMOUNT, NOTHING), NO_VALUE);
    APPLIED(ClientEventSendFunds, NO_VALUE, NO_VALUE);
    REFUSED(ClientEventBlocksReceived, of_number(ARG_U64, 500), NO_VALUE); /* a known weakness: it is dropped */
    APPLIED(ClientEventPaymentSent, NO_VALUE, NO_VALUE);
    ck_amount(deal.funds_spent, "10");
    ck_amount(deal.unseal_funds_paid, "10");
    ck_assert_uint_eq(deal.bytes_paid_for, 0);
    ck_assert_uint_eq(deal.total_received, 0);

    /* provider --- BlocksReceived, AllBlocksReceived, LastPaymentRequested(2000) --> SendFundsLastPayment at once */
    ck_assert(step(&deal, ClientEventBlocksReceived, of_number(ARG_U64, 1000), NO_VALUE).handler_owed);
    ck_assert(!step(&deal, ClientEventAllBlocksReceived, NO_VALUE, NO_VALUE).handler_owed);
    ck_assert_uint_eq(deal.status, DealStatusBlocksComplete);
    APPLIED(ClientEventLastPaymentRequested, rest, NO_VALUE);
    ck_assert_uint_eq(deal.status, DealStatusSendFundsLastPayment);

    /* handler --- PaymentSent --> Finalizing; provider --- Complete --> Completed, then nothing more */
    APPLIED(ClientEventPaymentSent, NO_VALUE, NO_VALUE);
    ck_assert_uint_eq(deal.status, DealStatusFinalizing);
    ck_amount(deal.funds_spent, "2010");
    ck_assert_uint_eq(deal.bytes_paid_for, 1000);
    ck_assert_uint_eq(deal.current_interval, 1100);
    ck_assert(step(&deal, ClientEventComplete, NO_VALUE, NO_VALUE).is_final);
    ck_text(deal.message, "before");
    fsm_record ended = deal;
    ck_assert_int_eq(step(&deal, ClientEventComplete, NO_VALUE, NO_VALUE).result, FSM_TERMINATED);
    ck_assert_int_eq(step(&deal, ClientEventDataTransferError, any_value(ARG_ERROR), NO_VALUE).result, FSM_TERMINATED);
    ck_assert_mem_eq(&ended, &deal, sizeof deal);
}
END_TEST

START_TEST(dialogue_of_what_is_only_recorded)
{
    static const uint64_t states[] = {DealStatusWaitForAcceptance, DealStatusAccepted, DealStatusPaymentChannelCreating,
                                      DealStatusPaymentChannelAddingFunds};
    for (int i = 0; i < COUNT(states); i++) {
        /* provider --- blocks and requests while the channel is made --> recorded, no handler runs again */
        fsm_record deal = deal_in(states[i]);
        ck_assert(!step(&deal, ClientEventBlocksReceived, of_number(ARG_U64, 5), NO_VALUE).handler_owed);
        ck_assert(!step(&deal, ClientEventPaymentRequested, any_value(ARG_AMOUNT), NO_VALUE).handler_owed);
        ck_assert(!step(&deal, ClientEventLastPaymentRequested, any_value(ARG_AMOUNT), NO_VALUE).handler_owed);
        ck_assert(!step(&deal, ClientEventAllBlocksReceived, NO_VALUE, NO_VALUE).handler_owed);
        ck_assert_uint_eq(deal.status, states[i]);
        ck_assert_uint_eq(deal.total_received, 5);
        ck_amount(deal.payment_requested, "10");
        ck_assert(deal.last_payment_requested && deal.all_blocks_received);
    }
}
END_TEST

START_TEST(dialogue_of_a_failing_deal)
{
    fsm_record deal = deal_in(DealStatusSendFunds);

    /* handler --- BadPaymentRequested --> Failing, the handler that closes the transfer is owed */
    ck_assert(
        step(&deal, ClientEventBadPaymentRequested, of_bytes(ARG_TEXT, BYTES("too much")), NO_VALUE).handler_owed);
    ck_assert_uint_eq(deal.status, DealStatusFailing);
    ck_text(deal.message, "too much");

    /* provider --- an acceptance, a request --> refused */
    REFUSED(ClientEventDealAccepted, NO_VALUE, NO_VALUE);
    REFUSED(ClientEventPaymentRequested, any_value(ARG_AMOUNT), NO_VALUE);

    /* handler --- CancelComplete --> Errored, the message stays */
    fsm_outcome outcome = step(&deal, ClientEventCancelComplete, NO_VALUE, NO_VALUE);
    ck_assert(outcome.is_final && !outcome.handler_owed);
    ck_text(deal.message, "too much");

    /* handler --- DataTransferError instead --> it replaces the message that says why the deal failed */
    deal.status = DealStatusFailing;
    ck_assert(step(&deal, ClientEventDataTransferError, of_bytes(ARG_ERROR, BYTES("gone")), NO_VALUE).is_final);
    ck_text(deal.message, "error generated by data transfer: gone");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fsm step");
    TCase *checks = tcase_create("cells and checks");
    tcase_add_loop_test(checks, every_cell, 0, 28);
    tcase_add_test(checks, events_unknown);
    tcase_add_loop_test(checks, arguments_checked, 0, 28);
    tcase_add_test(checks, arguments_malformed);
    suite_add_tcase(suite, checks);
    TCase *messages_of = tcase_create("messages");
    tcase_add_loop_test(messages_of, messages, 0, COUNT(PREFIXES));
    tcase_add_test(messages_of, funds_expended_message);
    tcase_add_test(messages_of, unknown_response_prints_the_status);
    tcase_add_loop_test(messages_of, message_is_cut, 0, COUNT(CUTS));
    tcase_add_test(messages_of, message_cut_at_the_end_of_the_text);
    suite_add_tcase(suite, messages_of);
    TCase *actions = tcase_create("actions");
    tcase_add_test(actions, channel_is_set);
    tcase_add_test(actions, unstorable_arguments_are_refused);
    tcase_add_test(actions, payment_channel_is_set);
    tcase_add_test(actions, bytes_received_are_assigned);
    tcase_add_loop_test(actions, payments_add_up, 0, COUNT(SUMS));
    tcase_add_loop_test(actions, payments_stay_storable, 0, 2);
    tcase_add_loop_test(actions, payments, 0, COUNT(PAYMENTS));
    tcase_add_test(actions, payments_stay_storable_when_sent);
    suite_add_tcase(suite, actions);
    TCase *deals = tcase_create("deals");
    tcase_add_test(deals, creation);
    tcase_add_test(deals, creation_refuses);
    tcase_add_test(deals, dialogue_of_a_whole_deal);
    tcase_add_test(deals, dialogue_of_what_is_only_recorded);
    tcase_add_test(deals, dialogue_of_a_failing_deal);
    suite_add_tcase(suite, deals);
    return run_suite(suite);
}
