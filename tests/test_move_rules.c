/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The rules of migration as the page of migrations has them: each row of its tables, each field, each queued event, each
 * worked example in its words. A = client 0.5.6, B = client 1.0.9, C = client 1.28.3. */
#include "../fsm/move.h"
#include "fsm_fixture.h"
#include "move_page.h"

enum { QUEUE_MAX = 4 };

typedef struct moving {
    fsm_traveller t;
    fsm_queued queue[QUEUE_MAX];
    const char *why;
} moving;

/* A deal at 2 attoFIL a byte, in a state that has all it needs: 300 attoFIL spent for 150 bytes, 50 attoFIL requested,
 * 1,000 bytes received, transfer open, channel known, unversioned vouchers but in New. */
static moving deal(uint64_t status)
{
    moving m = {.t = {.record = deal_in(status)}, .why = ""};
    fsm_record *r = &m.t.record;
    r->unseal_price = amount("0");
    r->funds_spent = amount("300");
    r->payment_requested = amount("50");
    r->bytes_paid_for = 150;
    r->legacy_protocol = status != DealStatusNew;
    return m;
}

/* The same before B knew of protocols. */
static moving old_deal(uint64_t status)
{
    moving m = deal(status);
    m.t.record.legacy_protocol = false;
    return m;
}

static void queue_event(moving *m, uint32_t event, fsm_value first, fsm_value second)
{
    ck_assert_uint_lt(m->t.queued, QUEUE_MAX);
    m->queue[m->t.queued++] = (fsm_queued){event, second.kind ? 2 : first.kind ? 1 : 0, {first, second}};
}
#define QUEUE_0(m, event) queue_event(m, ClientEvent##event, NO_VALUE, NO_VALUE)
#define QUEUE_1(m, event, first) queue_event(m, ClientEvent##event, first, NO_VALUE)

static fsm_verdict go(moving *m, fsm_move *move)
{
    m->t.queue = m->queue;
    m->t.bytes = room_for((uint32_t)fsm_move_room(&m->t));
    fsm_verdict verdict = move(&m->t, &m->why);
    ck_assert(verdict == FSM_MOVES || (m->why && m->why[0]));
    return verdict;
}

#define MOVES(m, move) ck_assert_msg(go(m, move) == FSM_MOVES, "does not move: %s", (m)->why)
#define SAYS_NO(m, move, verdict, reason)                                                                              \
    do {                                                                                                               \
        ck_assert_int_eq(go(m, move), verdict);                                                                        \
        ck_assert_msg(strstr((m)->why, reason), "\"%s\" instead of \"%s\"", (m)->why, reason);                         \
    } while (0)
#define STAYS(m, move, reason) SAYS_NO(m, move, FSM_STAYS, reason)
#define REFUSED(m, move, reason) SAYS_NO(m, move, FSM_REFUSED, reason)
#define A_TO_B fsm_move_0_5_6_to_1_0_9
#define B_TO_A fsm_move_1_0_9_to_0_5_6
#define B_TO_C fsm_move_1_0_9_to_1_28_3
#define C_TO_B fsm_move_1_28_3_to_1_0_9

/* Every field of two records. */
static void check_record(const fsm_record *found, const fsm_record *expected)
{
#define SPAN(field)                                                                                                    \
    ck_assert_msg(found->field.size == expected->field.size &&                                                         \
                      (!found->field.size || !memcmp(found->field.data, expected->field.data, found->field.size)),     \
                  #field)
#define NUMBER(field) ck_assert_msg(found->field == expected->field, #field)
    SPAN(payload_cid), NUMBER(id), SPAN(selector), SPAN(piece_cid), SPAN(price_per_byte), NUMBER(payment_interval);
    NUMBER(payment_interval_increase), SPAN(unseal_price), NUMBER(store_id), SPAN(channel.initiator);
    SPAN(channel.responder), NUMBER(channel.id), SPAN(total_funds), SPAN(client_wallet), SPAN(miner_wallet);
    SPAN(pay_ch), NUMBER(lane), NUMBER(status), SPAN(sender), NUMBER(total_received), SPAN(message);
    NUMBER(bytes_paid_for), NUMBER(current_interval), SPAN(payment_requested), SPAN(funds_spent);
    SPAN(unseal_funds_paid), SPAN(wait_msg_cid), SPAN(voucher_shortfall), NUMBER(has_store_id), NUMBER(has_channel);
    NUMBER(has_payment_info), NUMBER(last_payment_requested), NUMBER(all_blocks_received), NUMBER(legacy_protocol);
#undef SPAN
#undef NUMBER
}

/* ---- Status */

static void check_cell(moving m, fsm_move *move, int expected, bool with)
{
    uint64_t status = m.t.record.status;
    if (!with) {
        m.t.record.has_payment_info = false;
        m.t.record.pay_ch = NOTHING;
        m.t.record.lane = 0;
    }
    fsm_verdict verdict = go(&m, move);
    ck_assert_msg(verdict == (expected == PAGE_STAYS     ? FSM_STAYS
                              : expected == PAGE_REFUSED ? FSM_REFUSED
                                                         : FSM_MOVES),
                  "status %u: verdict %d (%s)", (unsigned)status, verdict, m.why);
    if (verdict == FSM_MOVES)
        ck_assert_uint_eq(m.t.record.status, (uint64_t)expected);
}

static int cell_of(int row, int step, bool with)
{
    return with ? page[row].steps[step].with : page[row].steps[step].none;
}

START_TEST(status_rows)
{
    for (int with = 0; with < 2; with++) {
        uint64_t number = page[_i].status;
        check_cell(old_deal(number), A_TO_B, cell_of(_i, PAGE_A_TO_B, with), with);
        check_cell(deal(number), B_TO_C, cell_of(_i, PAGE_B_TO_C, with), with);
        check_cell(deal(number), C_TO_B, cell_of(_i, PAGE_C_TO_B, with), with);
        check_cell(deal(number), B_TO_A, cell_of(_i, PAGE_B_TO_A, with), with);
    }
}
END_TEST

START_TEST(status_reasons)
{
    moving m = deal(3);
    REFUSED(&m, B_TO_A, "versioned vouchers");
    m = deal(5);
    REFUSED(&m, B_TO_A, "second lane");
    m = deal(23);
    REFUSED(&m, B_TO_A, "cannot wait for money");
    m = deal(26);
    REFUSED(&m, B_TO_A, "live again");
    m = deal(29);
    REFUSED(&m, C_TO_B, "last blocks come after Complete");
    m = deal(34);
    STAYS(&m, C_TO_B, "one call from its end");
    m = old_deal(4);
    REFUSED(&m, A_TO_B, "malformed");
    m = deal(77);
    REFUSED(&m, B_TO_C, "not a state of the old version");
}
END_TEST

/* 8, 25: ChannelID none: stays. */
START_TEST(no_transfer_to_close)
{
    moving m = deal(_i ? 25 : 8);
    m.t.record.has_channel = false;
    STAYS(&m, C_TO_B, "no channel");
}
END_TEST

/* ---- Fields */

/* LegacyProtocol = true, in New false; VoucherShortfall = 0; all others copied, WaitMsgCID in every state. */
START_TEST(fields_a_to_b)
{
    static const uint64_t states[] = {0, 3, 4, 5, 6, 10, 11, 12, 13, 14, 18, 19, 8, 9, 15, 16, 17};
    moving m = old_deal(states[_i]);
    if (states[_i] == 4)
        m.t.record.has_payment_info = false;
    m.t.handler_owed = _i % 2;
    fsm_record expected = m.t.record;
    expected.legacy_protocol = states[_i] != 0;
    expected.status = states[_i] == 3 ? 28 : states[_i] == 5 ? 4 : states[_i];
    MOVES(&m, A_TO_B);
    check_record(&m.t.record, &expected);
    ck_assert_uint_eq(m.t.handler_owed, _i % 2);
}
END_TEST

/* An ID address of 2^63 or more: refused. */
START_TEST(large_id_address)
{
    const fsm_bytes large = BYTES("\x00\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01");
    const fsm_bytes largest = BYTES("\x00\xff\xff\xff\xff\xff\xff\xff\xff\x7f");
    for (int where = 0; where < 4; where++) {
        moving m = old_deal(_i ? DealStatusErrored : DealStatusOngoing);
        fsm_bytes *fields[] = {&m.t.record.client_wallet, &m.t.record.miner_wallet, &m.t.record.pay_ch};
        *fields[where % 3] = where == 3 ? largest : large;
        if (where == 3)
            MOVES(&m, A_TO_B);
        else
            REFUSED(&m, A_TO_B, "2^63");
    }
}
END_TEST

/* So is a CID with a number of 2^63 or more. */
START_TEST(large_number_in_cid)
{
    const fsm_bytes large = BYTES("\x01\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01\x00\x00");
    const fsm_bytes largest = BYTES("\x01\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x00\x00");
    for (int where = 0; where < 4; where++) {
        moving m = old_deal(_i ? DealStatusErrored : DealStatusOngoing);
        fsm_bytes *fields[] = {&m.t.record.payload_cid, &m.t.record.piece_cid, &m.t.record.wait_msg_cid};
        *fields[where % 3] = where == 3 ? largest : large;
        if (where == 3)
            MOVES(&m, A_TO_B);
        else
            REFUSED(&m, A_TO_B, "2^63");
    }
}
END_TEST

/* ChannelID with Initiator or Responder empty = none, of final deals, too. */
START_TEST(channel_b_to_c)
{
    for (int part = 0; part < 3; part++) {
        moving m = deal(_i ? DealStatusRejected : DealStatusNew);
        if (part < 2)
            *(part ? &m.t.record.channel.responder : &m.t.record.channel.initiator) = fsm_empty();
        fsm_record expected = m.t.record;
        MOVES(&m, B_TO_C);
        if (part < 2) {
            expected.has_channel = false;
            expected.channel = (fsm_channel){fsm_empty(), fsm_empty(), 0};
        }
        if (!_i) {
            expected.current_interval += expected.bytes_paid_for;
            expected.bytes_paid_for = 150;
        }
        check_record(&m.t.record, &expected);
    }
}
END_TEST

/* ChannelID none = {"", "", 0}. */
START_TEST(channel_c_to_b)
{
    moving m = deal(_i ? DealStatusErrored : DealStatusNew);
    m.t.record.has_channel = false;
    m.t.record.channel = (fsm_channel){NOTHING, NOTHING, 0};
    MOVES(&m, C_TO_B);
    ck_assert(m.t.record.has_channel);
    ck_assert(m.t.record.channel.initiator.size == 0 && m.t.record.channel.responder.size == 0);
    ck_assert_uint_eq(m.t.record.channel.id, 0);
}
END_TEST

/* Final deals are only written in the new layout: no field is computed, no event is applied. */
START_TEST(final_deals)
{
    static const uint64_t finals[] = {9, 15, 16, 17, 26};
    moving up = deal(finals[_i]), down = up;
    up.t.record.funds_spent = down.t.record.funds_spent = amount("100000000000000000000000000");
    up.t.record.current_interval = down.t.record.current_interval = UINT64_MAX;
    down.t.record.payment_requested = amount("-5");
    fsm_record expected = up.t.record;
    MOVES(&up, B_TO_C);
    check_record(&up.t.record, &expected);
    expected = down.t.record;
    down.t.unversioned = FSM_MARK_UNKNOWN;
    MOVES(&down, C_TO_B);
    check_record(&down.t.record, &expected);
}
END_TEST

/* The mark: LegacyProtocol; in 27 with its handler owed false; DealProposed queued in 27: true. */
START_TEST(mark_b_to_c)
{
    moving m = deal(13);
    MOVES(&m, B_TO_C);
    ck_assert_int_eq(m.t.unversioned, FSM_MARK_YES);
    ck_assert(m.t.record.legacy_protocol);
    m = old_deal(13);
    MOVES(&m, B_TO_C);
    ck_assert_int_eq(m.t.unversioned, FSM_MARK_NO);
    ck_assert(!m.t.record.legacy_protocol);
    m = deal(27);
    m.t.handler_owed = true;
    MOVES(&m, B_TO_C);
    ck_assert_int_eq(m.t.unversioned, FSM_MARK_NO);
    ck_assert(m.t.record.legacy_protocol && m.t.handler_owed);
    m = deal(27);
    QUEUE_1(&m, DealProposed, of_channel(BYTES("me"), BYTES("you"), 4));
    MOVES(&m, B_TO_C);
    ck_assert_int_eq(m.t.unversioned, FSM_MARK_YES);
}
END_TEST

/* LegacyProtocol = the mark, in 27 true; unknown: refused while live. */
START_TEST(mark_c_to_b)
{
    moving m = deal(13);
    m.t.unversioned = FSM_MARK_NO;
    MOVES(&m, C_TO_B);
    ck_assert(!m.t.record.legacy_protocol);
    m = old_deal(13);
    m.t.unversioned = FSM_MARK_YES;
    MOVES(&m, C_TO_B);
    ck_assert(m.t.record.legacy_protocol);
    m = old_deal(27);
    m.t.handler_owed = true;
    MOVES(&m, C_TO_B);
    ck_assert(m.t.record.legacy_protocol);
    m = deal(13);
    m.t.unversioned = FSM_MARK_UNKNOWN;
    REFUSED(&m, C_TO_B, "not known which vouchers");
}
END_TEST

/* In 27 C's second proposal is a versioned one, but B takes that for unversioned: not before it is recorded. */
START_TEST(second_proposal_under_way_c_to_b)
{
    moving m = deal(27);
    QUEUE_1(&m, DealProposed, of_channel(BYTES("me"), BYTES("you"), 4));
    moving made_by_b = m;
    STAYS(&m, C_TO_B, "versioned");
    made_by_b.t.unversioned = FSM_MARK_YES;
    MOVES(&made_by_b, C_TO_B);
    ck_assert(made_by_b.t.record.legacy_protocol);
}
END_TEST

/* An address of kind 4: refused (B cannot read it), of final deals, too. */
START_TEST(address_of_kind_4)
{
    moving m = deal(_i ? DealStatusCompleted : DealStatusOngoing);
    m.t.record.client_wallet = BYTES("\x04\x0a\x01\x02\x03");
    REFUSED(&m, C_TO_B, "kind 4");
}
END_TEST

/* 0, 3, 6, 27, 28 with TotalFunds 0: refused; others are not asked for it. */
START_TEST(total_funds_0)
{
    static const uint64_t asking[] = {0, 3, 6, 27, 28}, others[] = {4, 5, 24, 13, 18, 19, 8, 25, 21, 22, 23};
    for (int i = 0; i < COUNT(asking); i++) {
        moving m = deal(asking[i]);
        m.t.record.total_funds = amount("0");
        REFUSED(&m, C_TO_B, "channel with 0");
    }
    for (int i = 0; i < COUNT(others); i++) {
        moving m = deal(others[i]);
        m.t.record.total_funds = amount("0");
        MOVES(&m, C_TO_B);
    }
}
END_TEST

/* PaymentRequested below 0, or above what is due, or 0 in 10, 11, 12, 14: stays. Due are (1000 - 150) * 2 + (40 - 10). */
START_TEST(payment_requested_c_to_b)
{
    static const uint64_t paying[] = {5, 10, 11, 12, 13, 14, 18, 22, 23};
    static const struct {
        const char *requested;
        bool moves, moves_if_it_must_pay;
    } cases[] = {
        {"-1", false, false}, {"0", true, false}, {"1", true, true}, {"1730", true, true}, {"1731", false, false}};
    for (int i = 0; i < COUNT(cases); i++) {
        moving m = deal(paying[_i]);
        bool must_pay = paying[_i] == 10 || paying[_i] == 11 || paying[_i] == 12 || paying[_i] == 14;
        m.t.record.unseal_price = amount("40");
        m.t.record.unseal_funds_paid = amount("10");
        m.t.record.payment_requested = amount(cases[i].requested);
        if (must_pay ? cases[i].moves_if_it_must_pay : cases[i].moves)
            MOVES(&m, C_TO_B);
        else
            STAYS(&m, C_TO_B, "requested");
    }
}
END_TEST

/* Where B pays nothing in the state, nobody looks at the request. */
START_TEST(payment_requested_elsewhere)
{
    static const uint64_t others[] = {0, 3, 28, 4, 30, 6, 24, 19, 8, 25, 27, 21};
    moving m = deal(others[_i]);
    m.t.record.payment_requested = amount("-1");
    MOVES(&m, C_TO_B);
}
END_TEST

/* VoucherShortfall must be 0 and LegacyProtocol true (New: false; 8 and final deals: either). */
START_TEST(fields_b_to_a)
{
    moving m = deal(13);
    fsm_record expected = m.t.record;
    expected.legacy_protocol = false; /* A has no such field */
    MOVES(&m, B_TO_A);
    check_record(&m.t.record, &expected);
    m = old_deal(13);
    REFUSED(&m, B_TO_A, "speaks versioned vouchers");
    m = deal(0);
    m.t.record.legacy_protocol = true;
    REFUSED(&m, B_TO_A, "speaks versioned vouchers");
    m = deal(13);
    m.t.record.voucher_shortfall = amount("1");
    REFUSED(&m, B_TO_A, "shortfall");
    static const uint64_t either[] = {8, 9, 15, 16, 17};
    for (int i = 0; i < COUNT(either); i++) {
        m = deal(either[i]);
        MOVES(&m, B_TO_A);
        m = old_deal(either[i]);
        MOVES(&m, B_TO_A);
    }
}
END_TEST

/* ---- Queued events */

/* PaymentChannelReady(address, lane), A→B: 24, PaymentInfo {address, 0} if none, handler not owed, LaneAllocated(lane) in the
 * same place. */
START_TEST(channel_ready_a_to_b)
{
    moving m = old_deal(_i ? 5 : 4);
    m.t.record.lane = 0;
    if (!_i) {
        m.t.record.has_payment_info = false;
        m.t.record.pay_ch = NOTHING;
    }
    QUEUE_1(&m, BlocksReceived, of_number(ARG_U64, 5));
    queue_event(&m, ClientEventPaymentChannelReady, of_bytes(ARG_ADDRESS, ADDRESS_B), of_number(ARG_U64, 7));
    QUEUE_0(&m, AllBlocksReceived);
    m.t.handler_owed = true;
    MOVES(&m, A_TO_B);
    ck_assert_uint_eq(m.t.record.status, 24);
    ck_assert(m.t.record.has_payment_info && !m.t.handler_owed);
    ck_bytes(m.t.record.pay_ch, _i ? ADDRESS_C : ADDRESS_B);
    ck_assert_uint_eq(m.t.record.lane, 0);
    ck_assert_uint_eq(m.queue[0].event, ClientEventBlocksReceived);
    ck_assert_uint_eq(m.queue[1].event, ClientEventLaneAllocated);
    ck_assert(m.queue[1].count == 1 && m.queue[1].args[0].kind == ARG_U64 && m.queue[1].args[0].number == 7);
    ck_assert_uint_eq(m.queue[2].event, ClientEventAllBlocksReceived);
}
END_TEST

/* AllocateLaneErrored(err): 24, handler not owed; the event as it is: same end, same text. */
START_TEST(lane_errored_a_to_b)
{
    moving m = old_deal(_i ? 5 : 4);
    if (!_i)
        m.t.record.has_payment_info = false;
    QUEUE_1(&m, AllocateLaneErrored, of_bytes(ARG_ERROR, BYTES("no")));
    fsm_record on_a = m.t.record;
    step_of(&fsm_client_0_5_6, &on_a, ClientEventAllocateLaneErrored, m.queue[0].args[0], NO_VALUE);
    m.t.handler_owed = true;
    MOVES(&m, A_TO_B);
    ck_assert_uint_eq(m.t.record.status, 24);
    ck_assert(!m.t.handler_owed);
    ck_assert_int_eq(step_of(&fsm_client_1_0_9, &m.t.record, m.queue[0].event, m.queue[0].args[0], NO_VALUE).result,
                     FSM_APPLIED);
    ck_assert_uint_eq(m.t.record.status, DealStatusFailing);
    ck_bytes(m.t.record.message, on_a.message);
}
END_TEST

/* PaymentChannelAddFundsErrored(err) becomes PaymentChannelErrored("wait for add funds: " + err), legal in the mapped 4. */
START_TEST(add_funds_errored_a_to_b)
{
    moving m = old_deal(5);
    QUEUE_1(&m, PaymentChannelAddFundsErrored, of_bytes(ARG_ERROR, _i ? NOTHING : BYTES("no gas")));
    MOVES(&m, A_TO_B);
    ck_assert_uint_eq(m.t.record.status, 4);
    ck_assert_uint_eq(m.queue[0].event, ClientEventPaymentChannelErrored);
    if (_i)
        ck_text(m.queue[0].args[0].bytes, "wait for add funds: ");
    else
        ck_text(m.queue[0].args[0].bytes, "wait for add funds: no gas");
    ck_assert_int_eq(step_of(&fsm_client_1_0_9, &m.t.record, m.queue[0].event, m.queue[0].args[0], NO_VALUE).result,
                     FSM_APPLIED);
}
END_TEST

/* FundsExpended(expected, actual) becomes BadPaymentRequested(…): Failing with the same text. */
START_TEST(funds_expended_a_to_b)
{
    moving m = old_deal(_i ? 12 : 11);
    queue_event(&m, ClientEventFundsExpended, of_bytes(ARG_TEXT, BYTES("400")), of_bytes(ARG_TEXT, BYTES("500")));
    fsm_record on_a = m.t.record;
    step_of(&fsm_client_0_5_6, &on_a, ClientEventFundsExpended, m.queue[0].args[0], m.queue[0].args[1]);
    MOVES(&m, A_TO_B);
    ck_assert_uint_eq(m.queue[0].event, ClientEventBadPaymentRequested);
    ck_assert_uint_eq(m.queue[0].count, 1);
    ck_text(m.queue[0].args[0].bytes, "not enough funds left: expected amt = 400, actual amt = 500");
    ck_assert_int_eq(step_of(&fsm_client_1_0_9, &m.t.record, m.queue[0].event, m.queue[0].args[0], NO_VALUE).result,
                     FSM_APPLIED);
    ck_assert_uint_eq(m.t.record.status, on_a.status);
    ck_bytes(m.t.record.message, on_a.message);
}
END_TEST

/* DealProposed(channel), A→B, 0: status 27, LegacyProtocol true, handler not owed: it then leads to 28. */
START_TEST(proposed_a_to_b)
{
    moving m = old_deal(0);
    QUEUE_1(&m, DealProposed, of_channel(BYTES("me"), BYTES("you"), 4));
    m.t.handler_owed = true;
    MOVES(&m, A_TO_B);
    ck_assert_uint_eq(m.t.record.status, 27);
    ck_assert(m.t.record.legacy_protocol && !m.t.handler_owed);
    step_of(&fsm_client_1_0_9, &m.t.record, m.queue[0].event, m.queue[0].args[0], NO_VALUE);
    ck_assert_uint_eq(m.t.record.status, 28);
}
END_TEST

/* PaymentChannelErrored(err), B→C: 4 with PaymentInfo: status stays 4 (30 refuses this event). */
START_TEST(channel_errored_b_to_c)
{
    moving m = deal(4);
    QUEUE_1(&m, PaymentChannelErrored, of_bytes(ARG_ERROR, BYTES("no")));
    MOVES(&m, B_TO_C);
    ck_assert_uint_eq(m.t.record.status, 4);
    step_of(&fsm_client_1_28_3, &m.t.record, m.queue[0].event, m.queue[0].args[0], NO_VALUE);
    ck_assert_uint_eq(m.t.record.status, DealStatusFailing);
}
END_TEST

/* Way down: what stays. */
START_TEST(queue_down)
{
    const fsm_value channel = of_channel(BYTES("me"), BYTES("you"), 4), two = of_bytes(ARG_AMOUNT, amount("2"));
    const fsm_value address = of_bytes(ARG_ADDRESS, ADDRESS_A), text = of_bytes(ARG_ERROR, BYTES("no"));
    const struct {
        fsm_move *move;
        uint64_t status;
        uint32_t event;
        fsm_value first;
        bool moves;
    } cases[] = {
        {C_TO_B, 11, ClientEventPaymentSent, two, false},
        {C_TO_B, 13, ClientEventPaymentSent, two, false},
        {C_TO_B, 11, ClientEventPaymentNotSent, NO_VALUE, false},
        {C_TO_B, 13, ClientEventComplete, NO_VALUE, true},
        {C_TO_B, 13, ClientEventWaitForLastBlocks, NO_VALUE, false}, /* 34-38 B does not know */
        {C_TO_B, 13, ClientEventPaymentChannelSkip, NO_VALUE, false},
        {C_TO_B, 13, ClientEventFinalizeBlockstoreErrored, text, false},
        {C_TO_B, 11, ClientEventBlocksReceived, of_number(ARG_U64, 9), false}, /* B refuses it there */
        {C_TO_B, 11, ClientEventComplete, NO_VALUE, false},
        {C_TO_B, 10, ClientEventComplete, NO_VALUE, false},
        {C_TO_B, 10, ClientEventDealAccepted, NO_VALUE, true}, /* both refuse it */
        {C_TO_B, 13, ClientEventDataTransferError, text, true},
        {C_TO_B, 13, ClientEventCancel, NO_VALUE, true},
        {B_TO_A, 4, ClientEventPaymentChannelReady, address, false}, /* then 24, which stays */
        {B_TO_A, 0, ClientEventDealProposed, channel, false},        /* then 3, which is refused */
        {B_TO_A, 13, ClientEventComplete, NO_VALUE, false},          /* A drops it */
        {B_TO_A, 19, ClientEventComplete, NO_VALUE, true},
        {B_TO_A, 13, ClientEventProviderCancelled, NO_VALUE, false}, /* 6 and 28-33 A does not know */
        {B_TO_A, 13, ClientEventEarlyTermination, NO_VALUE, false},
        {B_TO_A, 13, ClientEventLaneAllocated, of_number(ARG_U64, 9), false},
        {B_TO_A, 13, ClientEventVoucherShortfall, two, false},
        {B_TO_A, 13, ClientEventCancel, NO_VALUE, false},
        {B_TO_A, 11, ClientEventAllBlocksReceived, NO_VALUE, false},
        {B_TO_A, 11, ClientEventPaymentSent, NO_VALUE, true},
        {B_TO_A, 4, ClientEventPaymentChannelErrored, text, false}, /* A refuses it in 5 */
    };
    moving m = deal(cases[_i].status);
    queue_event(&m, cases[_i].event, cases[_i].first, NO_VALUE);
    fsm_verdict verdict = go(&m, cases[_i].move);
    ck_assert_msg(verdict == (cases[_i].moves ? FSM_MOVES : FSM_STAYS), "case %d: %d %s", _i, verdict, m.why);
    ck_assert_uint_eq(m.queue[0].event, cases[_i].event); /* not listed: as they are */
}
END_TEST
enum { QUEUE_DOWN_CASES = 25 };

/* An event that B cannot read, for an address in it. */
START_TEST(queue_up_malformed)
{
    moving m = old_deal(6);
    queue_event(&m, ClientEventPaymentChannelAddingFunds, of_bytes(ARG_CID, CID_A),
                of_bytes(ARG_ADDRESS, BYTES("\x00\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01")));
    REFUSED(&m, A_TO_B, "cannot read");
}
END_TEST

/* ---- Pending call */

/* A once call that was asked: stays until the handler has raised its event; not asked yet, or none: moves. */
START_TEST(pending_call)
{
    static fsm_move *const moves[] = {A_TO_B, B_TO_C, C_TO_B, B_TO_A};
    for (int i = 0; i < COUNT(moves); i++) {
        moving m = i ? deal(6) : old_deal(6);
        m.t.handler_owed = true;
        MOVES(&m, moves[i]);
        ck_assert(m.t.handler_owed);
        m = i ? deal(6) : old_deal(6);
        m.t.handler_owed = m.t.asked_once = true;
        STAYS(&m, moves[i], "once only");
    }
}
END_TEST

/* ---- Worked examples. PricePerByte 2, UnsealPrice 0, PaymentInterval 100, PaymentIntervalIncrease 50. */

static moving example(uint64_t status, const char *spent, uint64_t paid_for, uint64_t interval)
{
    moving m = deal(status);
    fsm_record *r = &m.t.record;
    r->payment_interval = 100;
    r->payment_interval_increase = 50;
    r->funds_spent = amount(spent);
    r->bytes_paid_for = paid_for;
    r->current_interval = interval;
    r->payment_requested = amount("0");
    return m;
}

/* One payment of 100 bytes made: CurrentInterval 150, due at 250. C: CurrentInterval 250, due at 250. Back: 150. */
START_TEST(example_interval)
{
    moving m = example(13, "200", 100, 150);
    MOVES(&m, B_TO_C);
    ck_assert_uint_eq(m.t.record.current_interval, 250);
    ck_assert_uint_eq(m.t.record.bytes_paid_for, 100);
    MOVES(&m, C_TO_B);
    ck_assert_uint_eq(m.t.record.current_interval, 150);
    /* More paid than the interval: 0 when negative. */
    m = example(13, "400", 200, 150);
    m.t.record.total_received = 200;
    MOVES(&m, C_TO_B);
    ck_assert_uint_eq(m.t.record.current_interval, 0);
}
END_TEST

/* 130 bytes, CurrentInterval 150, due at 280. C: 280; the next payment, at 290, takes the next step above 280: 450. */
START_TEST(example_interval_passed)
{
    moving m = example(11, "260", 130, 150);
    MOVES(&m, B_TO_C);
    ck_assert_uint_eq(m.t.record.current_interval, 280);
    m.t.record.total_received = 290;
    step_of(&fsm_client_1_28_3, &m.t.record, ClientEventPaymentSent, of_bytes(ARG_AMOUNT, amount("580")), NO_VALUE);
    ck_assert_uint_eq(m.t.record.current_interval, 450);
    ck_assert_uint_eq(m.t.record.bytes_paid_for, 290);
}
END_TEST

/* PricePerByte 10, two requests of 105 paid: FundsSpent 210, B has 10 + 10 = 20, C has 210 div 10 = 21. CurrentInterval then
 * is 20 + 100 = 120, from B's numbers. */
START_TEST(example_bytes_paid_for)
{
    moving m = example(13, "210", 20, 100);
    m.t.record.price_per_byte = amount("10");
    MOVES(&m, B_TO_C);
    ck_assert_uint_eq(m.t.record.bytes_paid_for, 21);
    ck_assert_uint_eq(m.t.record.current_interval, 120);
}
END_TEST

/* What the rule of BytesPaidFor leaves alone, and its bounds. */
START_TEST(bounds_b_to_c)
{
    moving m = example(13, "100", 7, 100);
    m.t.record.price_per_byte = amount("0");
    MOVES(&m, B_TO_C);
    ck_assert_uint_eq(m.t.record.bytes_paid_for, 7); /* price 0 */
    m = example(13, "100", 7, 100);
    m.t.record.unseal_price = amount("100");
    MOVES(&m, B_TO_C);
    ck_assert_uint_eq(m.t.record.bytes_paid_for, 7); /* nothing spent beyond unsealing */
    m = example(13, "101", 7, 100);
    m.t.record.unseal_price = amount("100");
    MOVES(&m, B_TO_C);
    ck_assert_uint_eq(m.t.record.bytes_paid_for, 0);
    m = example(13, "36893488147419103231", 1, UINT64_MAX - 1); /* 2^65 - 1, halved: 2^64 - 1 */
    MOVES(&m, B_TO_C);
    ck_assert_uint_eq(m.t.record.bytes_paid_for, UINT64_MAX);
    ck_assert_uint_eq(m.t.record.current_interval, UINT64_MAX);
    m = example(13, "36893488147419103232", 1, 1);
    REFUSED(&m, B_TO_C, "cannot hold");
    m = example(13, "0", 1, UINT64_MAX);
    REFUSED(&m, B_TO_C, "cannot hold");
}
END_TEST

/* 5, A→B: PayCh p, lane 0 (not ours), 300 on the way. As 4: waits, 24, AllocateLane = 7, Ongoing with lane 7. */
START_TEST(example_5_a_to_b)
{
    moving m = old_deal(5);
    fsm_scratch scratch;
    fsm_next next;
    m.t.record.lane = 0;
    m.t.handler_owed = true;
    MOVES(&m, A_TO_B);
    fsm_record *r = &m.t.record;
    fsm_find_handler(&fsm_client_1_0_9, r->status)->run(r, NULL, 0, &scratch, &next);
    ck_assert(next.wish == FSM_ASK && next.number == OpWaitForPaymentChannelReady);
    step_of(&fsm_client_1_0_9, r, ClientEventPaymentChannelReady, of_bytes(ARG_ADDRESS, ADDRESS_C), NO_VALUE);
    ck_assert_uint_eq(r->status, 24);
    step_of(&fsm_client_1_0_9, r, ClientEventLaneAllocated, of_number(ARG_U64, 7), NO_VALUE);
    ck_assert_uint_eq(r->status, DealStatusOngoing);
    ck_assert_uint_eq(r->lane, 7);
}
END_TEST

/* 3, A→B: the provider says no. In 28: Rejected. */
START_TEST(example_3_a_to_b)
{
    moving m = old_deal(3);
    MOVES(&m, A_TO_B);
    step_of(&fsm_client_1_0_9, &m.t.record, ClientEventDealRejected, of_bytes(ARG_TEXT, BYTES("no")), NO_VALUE);
    ck_assert_uint_eq(m.t.record.status, DealStatusRejected);
}
END_TEST

/* 11, B→C: FundsSpent 200, PaymentRequested 300, TotalReceived 260. */
START_TEST(example_11_b_to_c)
{
    fsm_scratch scratch;
    fsm_next next;
    const fsm_answer head = {.ok = true, .count = 1, .values = {of_bytes(ARG_BYTES, BYTES("head"))}};
    /* Before signing: C signs 520. */
    moving m = example(11, "200", 100, 150);
    m.t.record.payment_requested = amount("300");
    m.t.record.total_received = 260;
    m.t.handler_owed = true;
    MOVES(&m, B_TO_C);
    fsm_find_handler(&fsm_client_1_28_3, 11)->run(&m.t.record, &head, 1, &scratch, &next);
    ck_assert(next.wish == FSM_ASK && next.number == OpCreatePaymentVoucher);
    ck_amount(next.args[1].bytes, "520");
    /* Signed 500, not sent yet: stays. */
    m.t.record.status = 11;
    m.t.asked_once = true;
    STAYS(&m, B_TO_C, "once only");
    /* PaymentSent() queued: PaymentSent(500) gives PaymentRequested 0, FundsSpent 500, BytesPaidFor 250, CurrentInterval 450 */
    m = example(11, "200", 100, 150);
    m.t.record.payment_requested = amount("300");
    m.t.record.total_received = 260;
    QUEUE_0(&m, PaymentSent);
    MOVES(&m, B_TO_C);
    ck_amount(m.queue[0].args[0].bytes, "500");
    step_of(&fsm_client_1_28_3, &m.t.record, ClientEventPaymentSent, m.queue[0].args[0], NO_VALUE);
    ck_amount(m.t.record.payment_requested, "0");
    ck_amount(m.t.record.funds_spent, "500");
    ck_assert_uint_eq(m.t.record.bytes_paid_for, 250);
    ck_assert_uint_eq(m.t.record.current_interval, 450);
}
END_TEST

/* 10, 13 and the like, C→B: C paid 520 for requests of 500: PaymentRequested -20: stays until requests have caught up. */
START_TEST(example_paid_ahead)
{
    moving m = example(_i ? 13 : 10, "520", 260, 450);
    m.t.record.payment_requested = amount("-20");
    STAYS(&m, C_TO_B, "requested");
}
END_TEST

/* 11, A→B: TotalFunds 400, FundsSpent 200, PaymentRequested 300. A: FundsExpended, Failing. B signs 500. */
START_TEST(example_11_a_to_b)
{
    fsm_scratch scratch;
    fsm_next next;
    const fsm_answer head = {.ok = true, .count = 1, .values = {of_bytes(ARG_BYTES, BYTES("head"))}};
    moving m = example(11, "200", 100, 150);
    m.t.record.legacy_protocol = false;
    m.t.record.total_funds = amount("400");
    m.t.record.payment_requested = amount("300");
    m.t.handler_owed = true;
    fsm_find_handler(&fsm_client_0_5_6, 11)->run(&m.t.record, NULL, 0, &scratch, &next);
    ck_assert(next.wish == FSM_RAISE && next.number == ClientEventFundsExpended);
    MOVES(&m, A_TO_B);
    fsm_find_handler(&fsm_client_1_0_9, 11)->run(&m.t.record, &head, 1, &scratch, &next);
    ck_assert(next.wish == FSM_ASK && next.number == OpCreatePaymentVoucher);
    ck_amount(next.args[1].bytes, "500");
}
END_TEST

/* 11, C→B: FundsSpent 200, PaymentRequested 120, TotalReceived 260. C would sign 520, B signs 320. */
START_TEST(example_11_c_to_b)
{
    fsm_scratch scratch;
    fsm_next next;
    const fsm_answer head = {.ok = true, .count = 1, .values = {of_bytes(ARG_BYTES, BYTES("head"))}};
    moving m = example(11, "200", 100, 250);
    m.t.record.payment_requested = amount("120");
    m.t.record.total_received = 260;
    m.t.handler_owed = true;
    fsm_find_handler(&fsm_client_1_28_3, 11)->run(&m.t.record, &head, 1, &scratch, &next);
    ck_amount(next.args[1].bytes, "520");
    MOVES(&m, C_TO_B);
    fsm_find_handler(&fsm_client_1_0_9, 11)->run(&m.t.record, &head, 1, &scratch, &next);
    ck_amount(next.args[1].bytes, "320");
}
END_TEST

/* 21, B→C: price 0, blocks missing: B ends Errored; C waits in 29. 19: on Complete B is Completed; C passes 34. */
START_TEST(example_21_19_b_to_c)
{
    fsm_scratch scratch;
    fsm_next next;
    moving m = example(21, "0", 0, 100);
    m.t.record.price_per_byte = amount("0");
    m.t.handler_owed = true;
    MOVES(&m, B_TO_C);
    fsm_find_handler(&fsm_client_1_28_3, 21)->run(&m.t.record, NULL, 0, &scratch, &next);
    ck_assert(next.wish == FSM_RAISE && next.number == ClientEventWaitForLastBlocks);
    m = example(19, "0", 0, 100);
    MOVES(&m, B_TO_C);
    step_of(&fsm_client_1_28_3, &m.t.record, ClientEventComplete, NO_VALUE, NO_VALUE);
    ck_assert_uint_eq(m.t.record.status, 34);
}
END_TEST

/* 8, 25, B→C: C finalizes the blockstore first, then closes. */
START_TEST(example_8_25_b_to_c)
{
    fsm_scratch scratch;
    fsm_next next;
    moving m = example(_i ? 25 : 8, "0", 0, 100);
    m.t.handler_owed = true;
    MOVES(&m, B_TO_C);
    fsm_find_handler(&fsm_client_1_28_3, m.t.record.status)->run(&m.t.record, NULL, 0, &scratch, &next);
    ck_assert(next.wish == FSM_ASK && next.number == OpFinalizeBlockstore);
}
END_TEST

static TCase *suite_of(Suite *suite, const char *name)
{
    TCase *tests = tcase_create(name);
    suite_add_tcase(suite, tests);
    return tests;
}

int main(void)
{
    Suite *suite = suite_create("move_rules");
    TCase *t = suite_of(suite, "status");
    tcase_add_loop_test(t, status_rows, 0, COUNT(page));
    tcase_add_test(t, status_reasons);
    tcase_add_loop_test(t, no_transfer_to_close, 0, 2);
    t = suite_of(suite, "fields");
    tcase_add_loop_test(t, fields_a_to_b, 0, 17);
    tcase_add_loop_test(t, large_id_address, 0, 2);
    tcase_add_loop_test(t, large_number_in_cid, 0, 2);
    tcase_add_loop_test(t, channel_b_to_c, 0, 2);
    tcase_add_loop_test(t, channel_c_to_b, 0, 2);
    tcase_add_loop_test(t, final_deals, 0, 5);
    tcase_add_test(t, mark_b_to_c);
    tcase_add_test(t, mark_c_to_b);
    tcase_add_test(t, second_proposal_under_way_c_to_b);
    tcase_add_loop_test(t, address_of_kind_4, 0, 2);
    tcase_add_test(t, total_funds_0);
    tcase_add_loop_test(t, payment_requested_c_to_b, 0, 9);
    tcase_add_loop_test(t, payment_requested_elsewhere, 0, 12);
    tcase_add_test(t, fields_b_to_a);
    t = suite_of(suite, "queue");
    tcase_add_loop_test(t, channel_ready_a_to_b, 0, 2);
    tcase_add_loop_test(t, lane_errored_a_to_b, 0, 2);
    tcase_add_loop_test(t, add_funds_errored_a_to_b, 0, 2);
    tcase_add_loop_test(t, funds_expended_a_to_b, 0, 2);
    tcase_add_test(t, proposed_a_to_b);
    tcase_add_test(t, channel_errored_b_to_c);
    tcase_add_loop_test(t, queue_down, 0, QUEUE_DOWN_CASES);
    tcase_add_test(t, queue_up_malformed);
    tcase_add_test(t, pending_call);
    t = suite_of(suite, "examples");
    tcase_add_test(t, example_interval);
    tcase_add_test(t, example_interval_passed);
    tcase_add_test(t, example_bytes_paid_for);
    tcase_add_test(t, bounds_b_to_c);
    tcase_add_test(t, example_5_a_to_b);
    tcase_add_test(t, example_3_a_to_b);
    tcase_add_test(t, example_11_b_to_c);
    tcase_add_loop_test(t, example_paid_ahead, 0, 2);
    tcase_add_test(t, example_11_a_to_b);
    tcase_add_test(t, example_11_c_to_b);
    tcase_add_test(t, example_21_19_b_to_c);
    tcase_add_loop_test(t, example_8_25_b_to_c, 0, 2);
    return run_suite(suite);
}
