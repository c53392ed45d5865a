/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TESTS_FSM_FIXTURE_H
#define TESTS_FSM_FIXTURE_H

/* What the tests of fsm/ share: values in a word, a deal to start from, one step in a line. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../fsm/machine.h"
#include "check_kit.h"

/* The bytes of a string literal, NULs inside included. */
#define BYTES(literal) ((fsm_bytes){(const uint8_t *)("" literal), sizeof(literal) - 1})
#define NOTHING ((fsm_bytes){NULL, 0})

/* A version 1 CID (raw, identity, 2 bytes), and addresses of protocol 0. */
#define CID_A BYTES("\x01\x55\x00\x02\x0a\x0b")
#define CID_B BYTES("\x01\x55\x00\x02\x0c\x0d")
#define ADDRESS_A BYTES("\x00\x65")
#define ADDRESS_B BYTES("\x00\x66")
#define ADDRESS_C BYTES("\x00\x67")

/* Room for bytes that a test makes. It is used again from the start when it is full: a test needs far less. */
static inline uint8_t *room_for(uint32_t size)
{
    static uint8_t room[1 << 20];
    static uint32_t used;
    if (size > sizeof room - used)
        used = 0;
    ck_assert_uint_le(size, sizeof room - used);
    used += size;
    return room + used - size;
}

static inline void amount_from_u64(fsm_amount *out, uint64_t value)
{
    out->negative = false;
    out->limb[0] = (uint32_t)value;
    out->limb[1] = (uint32_t)(value >> 32);
    out->used = out->limb[1] != 0 ? 2 : out->limb[0] != 0 ? 1 : 0;
}

/* An amount in its stored form, from decimal text. */
static inline fsm_bytes amount(const char *decimal)
{
    fsm_amount value, digit;
    fsm_bytes stored;
    amount_from_u64(&value, 0);
    for (const char *c = decimal[0] == '-' ? decimal + 1 : decimal; *c != '\0'; c++) {
        amount_from_u64(&digit, (uint64_t)(*c - '0'));
        ck_assert(fsm_amount_mul_u64(&value, &value, 10) && fsm_amount_add(&value, &value, &digit));
    }
    value.negative = decimal[0] == '-' && value.used > 0;
    uint8_t *buffer = room_for(FSM_AMOUNT_INPUT_MAX);
    ck_assert(fsm_amount_store(&value, FSM_AMOUNT_INPUT_MAX, buffer, &stored));
    return stored;
}

/* An amount of `size` bytes in its stored form: sign, then bytes ff. */
static inline fsm_bytes amount_of_size(uint32_t size, bool negative)
{
    uint8_t *buffer = room_for(size);
    memset(buffer, 0xff, size);
    buffer[0] = negative ? 1 : 0;
    return (fsm_bytes){buffer, size};
}

static inline fsm_bytes repeated(char byte, uint32_t size)
{
    uint8_t *buffer = room_for(size);
    memset(buffer, byte, size);
    return (fsm_bytes){buffer, size};
}

static inline const char *decimal_of(fsm_bytes stored)
{
    static char text[4][FSM_AMOUNT_DECIMAL_MAX];
    static unsigned next;
    fsm_amount value;
    char *buffer = text[next++ % 4];
    fsm_amount_load(&value, stored);
    fsm_amount_decimal(&value, buffer);
    return buffer;
}

#define ck_amount(stored, decimal) ck_assert_str_eq(decimal_of(stored), decimal)

static inline void check_bytes(fsm_bytes found, fsm_bytes expected, const char *file, int line)
{
    ck_assert_msg(found.size == expected.size && (found.data == NULL) == (expected.data == NULL) &&
                      (found.size == 0 || memcmp(found.data, expected.data, found.size) == 0),
                  "%s:%d: %u bytes \"%.*s\" instead of %u bytes \"%.*s\"", file, line, (unsigned)found.size,
                  (int)found.size, found.size > 0 ? (const char *)found.data : "", (unsigned)expected.size,
                  (int)expected.size, expected.size > 0 ? (const char *)expected.data : "");
}
#define ck_bytes(found, expected) check_bytes(found, expected, __FILE__, __LINE__)
#define ck_text(found, literal) ck_bytes(found, BYTES(literal))

static inline fsm_value of_bytes(fsm_kind kind, fsm_bytes bytes)
{
    return (fsm_value){kind, 0, bytes, NOTHING};
}

static inline fsm_value of_number(fsm_kind kind, uint64_t number)
{
    return (fsm_value){kind, number, NOTHING, NOTHING};
}

static inline fsm_value of_channel(fsm_bytes initiator, fsm_bytes responder, uint64_t id)
{
    return (fsm_value){ARG_CHANNEL, id, initiator, responder};
}

/* A deal in a state: 1,000 bytes received at 2 attoFIL each, 10 attoFIL for unsealing, nothing paid, 100,000 to
 * spend. */
static inline fsm_record deal_in(uint64_t status)
{
    return (fsm_record){
        .payload_cid = CID_A,
        .id = 7,
        .selector = NOTHING,
        .piece_cid = NOTHING,
        .price_per_byte = amount("2"),
        .payment_interval = 1000,
        .payment_interval_increase = 100,
        .unseal_price = amount("10"),
        .channel = {BYTES("me"), BYTES("you"), 3},
        .total_funds = amount("100000"),
        .client_wallet = ADDRESS_A,
        .miner_wallet = ADDRESS_B,
        .pay_ch = ADDRESS_C,
        .lane = 5,
        .status = status,
        .sender = BYTES("provider"),
        .total_received = 1000,
        .message = BYTES("before"),
        .bytes_paid_for = 0,
        .current_interval = 1000,
        .payment_requested = amount("0"),
        .funds_spent = amount("0"),
        .unseal_funds_paid = amount("0"),
        .wait_msg_cid = CID_B,
        .voucher_shortfall = amount("0"),
        .has_channel = true,
        .has_payment_info = true,
    };
}

/* A scratch for each step, since a record may point into those of the steps before. */
static inline fsm_scratch *next_scratch(void)
{
    static fsm_scratch scratches[64];
    static unsigned next;
    return &scratches[next++ % 64];
}

/* Checks and steps an event with up to two arguments; the record is replaced if it was applied. */
static inline fsm_outcome step_of(const fsm_machine *machine, fsm_record *record, uint32_t event, fsm_value first,
                                  fsm_value second)
{
    const fsm_value args[] = {first, second};
    uint32_t count = first.kind == FSM_NONE ? 0 : second.kind == FSM_NONE ? 1 : 2;
    uint32_t bad;
    fsm_record after;
    ck_assert_int_eq(fsm_check_event(machine, event, args, count, &bad), FSM_CHECK_OK);
    fsm_outcome outcome = fsm_step(machine, record, event, args, next_scratch(), &after);
    if (outcome.result == FSM_APPLIED)
        *record = after;
    return outcome;
}

static inline fsm_outcome step(fsm_record *record, uint32_t event, fsm_value first, fsm_value second)
{
    return step_of(&fsm_client_0_5_6, record, event, first, second);
}

#define NO_VALUE ((fsm_value){FSM_NONE, 0, NOTHING, NOTHING})

#endif
