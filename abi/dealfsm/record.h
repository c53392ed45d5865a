/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef DEALFSM_RECORD_H
#define DEALFSM_RECORD_H

/* A deal's record (ClientDealState) as plain members, for all machine versions, and interface "record/1" that turns
 * stored bytes into it and back. describe/1 lists which members a version stores, with kinds, units and offsets.
 * Source: spec page v0.5.6, "Record" and "Stored bytes". */

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dealfsm_record {
    uint32_t struct_size;
    uint32_t has_store_id;           /* 0: StoreID none */
    uint32_t has_channel;            /* 0: ChannelID none (only client 1.28.3 can store that) */
    uint32_t has_payment_info;       /* 0: PaymentInfo none */
    uint32_t last_payment_requested; /* 0 or 1 */
    uint32_t all_blocks_received;    /* 0 or 1 */
    uint32_t legacy_protocol;        /* 0 or 1; from client 1.0.9 on */
    uint32_t reserved;               /* 0 */

    /* DealProposal */
    uint64_t id; /* the deal id */
    const uint8_t *payload_cid;
    uint64_t payload_cid_len;
    const uint8_t *selector; /* raw CBOR; null: none */
    uint64_t selector_len;
    const uint8_t *piece_cid; /* null: none */
    uint64_t piece_cid_len;
    const uint8_t *price_per_byte; /* attoFIL */
    uint64_t price_per_byte_len;
    uint64_t payment_interval;          /* bytes */
    uint64_t payment_interval_increase; /* bytes */
    const uint8_t *unseal_price;        /* attoFIL */
    uint64_t unseal_price_len;

    uint64_t store_id;
    const uint8_t *channel_initiator; /* raw peer id */
    uint64_t channel_initiator_len;
    const uint8_t *channel_responder; /* raw peer id */
    uint64_t channel_responder_len;
    uint64_t channel_id;
    const uint8_t *total_funds; /* attoFIL */
    uint64_t total_funds_len;
    const uint8_t *client_wallet; /* address */
    uint64_t client_wallet_len;
    const uint8_t *miner_wallet; /* address */
    uint64_t miner_wallet_len;
    const uint8_t *pay_ch; /* PaymentInfo.PayCh, address */
    uint64_t pay_ch_len;
    uint64_t lane;         /* PaymentInfo.Lane */
    uint64_t status;       /* any number; DEALFSM_DealStatus… have names */
    const uint8_t *sender; /* raw peer id */
    uint64_t sender_len;
    uint64_t total_received; /* bytes */
    const uint8_t *message;  /* text, not always UTF-8 */
    uint64_t message_len;
    uint64_t bytes_paid_for;          /* bytes */
    uint64_t current_interval;        /* bytes: a size up to client 1.0.9, an offset in client 1.28.3 */
    const uint8_t *payment_requested; /* attoFIL */
    uint64_t payment_requested_len;
    const uint8_t *funds_spent; /* attoFIL */
    uint64_t funds_spent_len;
    const uint8_t *unseal_funds_paid; /* attoFIL */
    uint64_t unseal_funds_paid_len;
    const uint8_t *wait_msg_cid; /* null: none */
    uint64_t wait_msg_cid_len;
    const uint8_t *voucher_shortfall; /* attoFIL; from client 1.0.9 on */
    uint64_t voucher_shortfall_len;
} dealfsm_record;

/* Interface "record/1": stored bytes of this module's machine version, to and fro, and what waits beside them. */
typedef struct dealfsm_record_v1 {
    uint32_t struct_size;
    uint32_t reserved;

    /* Reads stored bytes. Spans in *out point into `bytes` and live as long as they do. Takes exactly what the machine would
     * write; allocates nothing. DEALFSM_E_CORRUPT: something else (error text: offset and reason). [any] */
    int32_t (*decode)(const uint8_t *bytes, uint64_t bytes_len, dealfsm_record *out, dealfsm_error *error);

    /* Writes the stored bytes of *record to buffer and their length to *length. DEALFSM_E_ARGUMENT: the record cannot be
     * stored (an undefined wallet or CID, an amount over 128 bytes, a text over 8,192 bytes, …; field names the member).
     * DEALFSM_E_TOO_SMALL: capacity is below *length (capacity 0 asks for the length; buffer may be null then). [any] */
    int32_t (*encode)(const dealfsm_record *record, uint8_t *buffer, uint64_t capacity, uint64_t *length,
                      dealfsm_error *error);

    /* Tells the events that wait in a sidecar, in the order in which their turn comes; from_handler: 1 where a handler raised
     * it. *event lives while `each` runs. Length 0: nothing waits. DEALFSM_E_CORRUPT: not a sidecar of this machine version
     * (then `each` is not called; error text: offset and reason); DEALFSM_E_NO_MEMORY. [any] */
    int32_t (*queued)(const uint8_t *sidecar, uint64_t sidecar_len,
                      void (*each)(void *ctx, const dealfsm_event *event, uint32_t from_handler), void *ctx,
                      dealfsm_error *error);
} dealfsm_record_v1;

#ifdef __cplusplus
}
#endif
#endif
