/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TESTS_FSM_HANDLER_KIT_H
#define TESTS_FSM_HANDLER_KIT_H

/* What the tests of entry handlers share: answers, one wish in a line. Include it behind MACHINE, the machine under test. */

#include "fsm_fixture.h"

/* ---- Answers */

static inline fsm_answer answer_ok(uint32_t count, fsm_value first, fsm_value second)
{
    return (fsm_answer){.ok = true, .count = count, .values = {first, second}};
}

static inline fsm_answer answer_error(fsm_bytes text)
{
    return (fsm_answer){.ok = false, .error = text};
}

/* CheckAvailableFunds; sentinel NOTHING: none. */
static inline fsm_answer funds_answer(const char *confirmed, const char *pending, const char *queued,
                                      const char *redeemed, fsm_bytes sentinel)
{
    return (fsm_answer){.ok = true,
                        .count = 5,
                        .values = {of_bytes(ARG_AMOUNT, amount(confirmed)), of_bytes(ARG_AMOUNT, amount(pending)),
                                   of_bytes(ARG_AMOUNT, amount(queued)), of_bytes(ARG_AMOUNT, amount(redeemed)),
                                   of_bytes(sentinel.data != NULL ? ARG_CID : FSM_NONE, sentinel)}};
}

/* The answer that an op gets when all goes well. */
static inline fsm_answer good_answer(uint32_t op)
{
    switch (op) {
    case OpOpenDataTransfer:
        return answer_ok(1, of_channel(BYTES("i"), BYTES("r"), 11), NO_VALUE);
    case OpGetChainHead:
        return answer_ok(1, of_bytes(ARG_BYTES, BYTES("head")), NO_VALUE);
    case OpGetOrCreatePaymentChannel:
        return answer_ok(2, of_bytes(ARG_ADDRESS, ADDRESS_A), of_bytes(ARG_CID, CID_A));
    case OpAllocateLane:
        return answer_ok(1, of_number(ARG_U64, 12), NO_VALUE);
    case OpCreatePaymentVoucher:
        return answer_ok(1, of_bytes(ARG_BYTES, BYTES("voucher")), NO_VALUE);
    case OpWaitForPaymentChannelCreation:
    case OpWaitForPaymentChannelReady:
        return answer_ok(1, of_bytes(ARG_ADDRESS, ADDRESS_B), NO_VALUE);
    case OpCheckAvailableFunds:
        return funds_answer("1000", "0", "0", "0", NOTHING);
    default:
        return answer_ok(0, NO_VALUE, NO_VALUE);
    }
}

/* ---- Running a handler */

/* What the handler of the record's state wishes after the answers so far. Told twice, it says the same. */
static inline fsm_next wish(const fsm_record *deal, const fsm_answer *answers, uint32_t answered)
{
    static fsm_next next, again;
    const fsm_handler *handler = fsm_find_handler(MACHINE, deal->status);
    ck_assert_ptr_nonnull(handler);
    memset(&next, 0xa5, sizeof next); /* a handler sets what it wishes, and relies on nothing */
    memset(&again, 0x5a, sizeof again);
    handler->run(deal, answers, answered, next_scratch(), &next);
    handler->run(deal, answers, answered, next_scratch(), &again);
    ck_assert_int_eq(next.wish, again.wish);
    if (next.wish == FSM_NOTHING)
        return next;
    ck_assert_uint_eq(next.number, again.number);
    ck_assert_uint_eq(next.count, again.count);
    for (uint32_t i = 0; i < next.count; i++) {
        ck_assert_int_eq(next.args[i].kind, again.args[i].kind);
        ck_assert_uint_eq(next.args[i].number, again.args[i].number);
        ck_bytes(next.args[i].bytes, again.args[i].bytes);
        ck_bytes(next.args[i].more, again.args[i].more);
    }
    return next;
}

static inline bool lists(const uint8_t *list, uint8_t end, uint32_t number)
{
    for (; *list != end; list++) {
        if (*list == number)
            return true;
    }
    return false;
}

/* A raised event is one that the handler says it raises, with arguments that are taken. */
static inline void check_raise(const fsm_record *deal, const fsm_next *next)
{
    uint32_t bad;
    ck_assert(lists(fsm_find_handler(MACHINE, deal->status)->raises, FSM_LIST_END, next->number));
    ck_assert_int_eq(fsm_check_event(MACHINE, next->number, next->args, next->count, &bad), FSM_CHECK_OK);
}

/* An op that is asked is the one that the handler's list says, with the arguments that the op takes. */
static inline void check_ask(const fsm_record *deal, const fsm_next *next, uint32_t answered)
{
    ck_assert_uint_eq(fsm_find_handler(MACHINE, deal->status)->ops[answered], next->number);
    const fsm_op *op = &MACHINE->ops[next->number];
    ck_assert_uint_eq(next->count, op->args_count);
    for (uint32_t i = 0; i < next->count; i++) {
        uint32_t kind = op->args[i] & ~(uint32_t)FSM_OPTIONAL;
        ck_assert(next->args[i].kind == kind || ((op->args[i] & FSM_OPTIONAL) != 0 && next->args[i].kind == FSM_NONE));
    }
}

static inline void expect_ask(const fsm_record *deal, const fsm_answer *answers, uint32_t answered, uint32_t op)
{
    fsm_next next = wish(deal, answers, answered);
    ck_assert_int_eq(next.wish, FSM_ASK);
    ck_assert_uint_eq(next.number, op);
    check_ask(deal, &next, answered);
}

static inline fsm_next expect_raise(const fsm_record *deal, const fsm_answer *answers, uint32_t answered, uint32_t event)
{
    fsm_next next = wish(deal, answers, answered);
    ck_assert_int_eq(next.wish, FSM_RAISE);
    ck_assert_str_eq(fsm_event_name(next.number), fsm_event_name(event));
    check_raise(deal, &next);
    return next;
}

#endif
