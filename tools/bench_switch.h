/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_BENCH_SWITCH_H
#define TOOLS_BENCH_SWITCH_H

/* The machine of client 0.5.6 as one would write it by hand for this one version: a switch over events in which every
 * case checks the state and changes the record in place. The yardstick for the table of fsm/: same fields, same
 * arithmetic (signed amounts of up to 127 bytes, nothing wraps), the same refusals. Amounts are kept as numbers. */

#include <stdbool.h>
#include <stdint.h>

typedef struct switch_bytes {
    const uint8_t *data;
    uint32_t size;
} switch_bytes;

/* limbs [0, used) count, least significant first, the highest of them not 0; zero: used 0, not negative. */
enum { SWITCH_LIMBS = 22 }; /* 160 bytes, and room for carries */
typedef struct switch_amount {
    uint32_t used;
    bool negative;
    uint64_t limb[SWITCH_LIMBS];
} switch_amount;

typedef struct switch_channel {
    switch_bytes initiator, responder;
    uint64_t id;
} switch_channel;

typedef struct switch_record {
    uint64_t id;
    uint64_t status;
    uint64_t total_received;   /* bytes */
    uint64_t bytes_paid_for;   /* bytes */
    uint64_t current_interval; /* bytes */
    uint64_t payment_interval; /* bytes */
    uint64_t payment_interval_increase;
    uint64_t store_id;
    uint64_t lane;
    bool has_store_id, has_payment_info, last_payment_requested, all_blocks_received;
    switch_channel channel;
    switch_bytes payload_cid, selector, piece_cid, client_wallet, miner_wallet, pay_ch, sender, message, wait_msg_cid;
    switch_amount payment_requested, funds_spent, unseal_funds_paid; /* attoFIL */
    switch_amount price_per_byte, unseal_price, total_funds;         /* attoFIL */
} switch_record;

typedef struct switch_value {
    uint64_t number;
    switch_bytes bytes, more; /* initiator and responder of a channel */
} switch_value;

typedef enum switch_result {
    SWITCH_REFUSED = 0,  /* the record is as it was */
    SWITCH_RECORDED = 1, /* applied; no handler runs */
    SWITCH_ENTERED = 2   /* applied; the handler of the state now held runs */
} switch_result;

enum { SWITCH_TEXT = 8192 }; /* bytes of a message */

/* One event, whose arguments have been checked. text: SWITCH_TEXT bytes for a message. */
switch_result switch_step(switch_record *record, uint32_t event, const switch_value *args, char *text);

/* An amount in its stored form. */
void switch_amount_load(switch_amount *out, switch_bytes stored);

#endif
