/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef FSM_RECORD_H
#define FSM_RECORD_H

/* The record of a deal, for all versions. Byte strings are spans into memory of somebody else: a record is a view and
 * is copied by assignment. Amounts are in their stored form. Source: spec page v0.5.6, "Record"; v1.0.9 adds the last
 * two. */

#include "amount.h"

enum {
    FSM_TEXT_MAX = 8192,    /* bytes of Message and of peer ids */
    FSM_TEXT_OVERHANG = 3,  /* bytes of a UTF-8 sequence behind its first */
    FSM_CID_MAX = 262144,   /* bytes of a stored CID: a 00 and the binary CID */
    FSM_ADDRESS_MAX = 64    /* bytes of an address */
};

typedef struct fsm_channel {
    fsm_bytes initiator; /* raw peer ids */
    fsm_bytes responder;
    uint64_t id;
} fsm_channel;

typedef struct fsm_record {
    /* DealProposal */
    fsm_bytes payload_cid;
    uint64_t id;
    fsm_bytes selector; /* raw CBOR; none: no selector */
    fsm_bytes piece_cid; /* or none */
    fsm_bytes price_per_byte; /* attoFIL */
    uint64_t payment_interval; /* bytes */
    uint64_t payment_interval_increase; /* bytes */
    fsm_bytes unseal_price; /* attoFIL */

    uint64_t store_id;
    fsm_channel channel;
    fsm_bytes total_funds; /* attoFIL */
    fsm_bytes client_wallet;
    fsm_bytes miner_wallet;
    fsm_bytes pay_ch; /* PaymentInfo */
    uint64_t lane;    /* PaymentInfo */
    uint64_t status;
    fsm_bytes sender; /* raw peer id */
    uint64_t total_received; /* bytes */
    fsm_bytes message;
    uint64_t bytes_paid_for;   /* bytes */
    uint64_t current_interval; /* bytes */
    fsm_bytes payment_requested; /* attoFIL */
    fsm_bytes funds_spent;       /* attoFIL */
    fsm_bytes unseal_funds_paid; /* attoFIL */
    fsm_bytes wait_msg_cid;      /* or none */
    fsm_bytes voucher_shortfall; /* attoFIL */

    bool has_store_id;
    bool has_channel; /* ChannelID is not none (none is for v1.28.3 only) */
    bool has_payment_info;
    bool last_payment_requested;
    bool all_blocks_received;
    bool legacy_protocol;
} fsm_record;

/* Which addresses and CIDs a version takes. */
typedef struct fsm_address_rule {
    uint8_t protocols; /* those below it: 4, or 5 with delegated ones */
    uint8_t bits;      /* of the number in an address of protocol 0 or 4, and of those in a CID: 63 or 64 */
} fsm_address_rule;

/* A binary CID as the reference's reader wants it: version 1, or the 34 bytes 12 20 …; minimal varints, as long as the
 * rule has them; a digest as long as its length says; nothing after it; with a 00 in front at most FSM_CID_MAX bytes. */
bool fsm_cid_well_formed(fsm_bytes cid, const fsm_address_rule *rule);

/* A binary address that the rule takes, in the forms of spec page v0.5.6, "Stored bytes"; protocol 4 as in v1.28.3. */
bool fsm_address_well_formed(fsm_bytes address, const fsm_address_rule *rule);

#endif
