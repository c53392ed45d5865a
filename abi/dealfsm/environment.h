/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef DEALFSM_ENVIRONMENT_H
#define DEALFSM_ENVIRONMENT_H

/* Service "environment/1": what a deal asks its host to do. Each call is an op with a key. The host answers every op by
 * `complete` (machine.h), inside the call or later, from any thread; the module goes on after the call has returned.
 *
 * Key of an op: (deal, sequence, op, nth). It is the same after a crash, a resume, a retry or a swap: the host's
 * idempotency key. Classes:
 *  - pure: may be asked and answered as often as wanted;
 *  - repeat-safe: asking again changes nothing (waits, sending the same cumulative voucher again, closing);
 *  - once: may have its effect once per key. The host looks the key up before it acts: a known key gets the known answer
 *    again; a known key with other arguments (the chain token aside) is answered DEALFSM_ANSWER_CONFLICT, without effect.
 *
 * Source of names, arguments and classes: spec pages v0.5.6, v1.0.9 and v1.28.3, "Entry handlers" and "Environment". */

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Flags of an op. */
enum {
    DEALFSM_OP_ASKED_BEFORE = 1, /* hint only: this key may have been asked before (resume, retry, UNKNOWN) */
    DEALFSM_OP_WITHOUT_KEY = 2,  /* perhaps asked before without a key (record without sidecar): who cannot tell answers
                                    DEALFSM_ANSWER_UNKNOWN to a once op */
    DEALFSM_OP_UNVERSIONED = 4   /* the deal's transfer was opened with unversioned vouchers (machines from 1.28.3 on) */
};

typedef struct dealfsm_op {
    uint32_t struct_size;
    uint32_t op;       /* DEALFSM_Op… */
    uint64_t deal;     /* deal id */
    uint64_t sequence; /* of the transition that owes the handler which asks */
    uint32_t nth;      /* 1 for the first asking of this op in this handler run */
    uint32_t flags;    /* DEALFSM_OP_… */
    const dealfsm_value *args;
    uint32_t args_count;
    uint32_t args_stride;
} dealfsm_op;

/* How an op ended. */
enum {
    DEALFSM_ANSWER_OK = 1,
    DEALFSM_ANSWER_ERROR = 2,     /* text says why; the machine takes its error branch */
    DEALFSM_ANSWER_UNKNOWN = 3,   /* the host cannot tell whether it happened: the deal stalls, retry asks again */
    DEALFSM_ANSWER_CONFLICT = 4,  /* known key, other arguments, nothing done: the deal stalls, retry asks again */
    DEALFSM_ANSWER_SHORTFALL = 5  /* CreatePaymentVoucher only: an error that carries the missing amount as values[0] */
};

/* The answer to an op. Values are read for OK and SHORTFALL, text for ERROR; their number and kinds must be as below. An
 * answer of right kinds that makes no sense (no message CID, malformed address) counts as an error of that call. */
typedef struct dealfsm_answer {
    uint32_t struct_size;
    uint32_t op;
    uint64_t deal;
    uint64_t sequence;
    uint32_t nth;
    uint32_t outcome; /* DEALFSM_ANSWER_… */
    const char *text;
    uint64_t text_len;
    const dealfsm_value *values;
    uint32_t values_count;
    uint32_t values_stride;
} dealfsm_answer;

/* Called with no lock held, possibly for many deals at once from several threads. The op and its arguments live until
 * the call returns. Any function of the machine may be called from inside. [any] */
typedef void dealfsm_op_fn(void *ctx, const dealfsm_op *op);

/* A machine uses some of these; open names those that it needs and does not find. Args -> values of an OK answer. */
typedef struct dealfsm_environment {
    uint32_t struct_size;
    uint32_t reserved; /* 0 */
    void *ctx;         /* handed to every function */

    /* once: opens the transfer of a retrieval. peer PEER (the record's Sender), payload_cid CID, id U64 (deal id), selector
     * CBOR or NONE, piece_cid CID or NONE, price_per_byte AMOUNT, payment_interval U64 (bytes), payment_interval_increase
     * U64 (bytes), unseal_price AMOUNT; client 1.0.9 also: legacy FLAG -> channel CHANNEL */
    dealfsm_op_fn *OpenDataTransfer;

    /* repeat-safe: sends a voucher. channel CHANNEL, id U64 (deal id), pay_ch ADDRESS, voucher BYTES; client 1.0.9 also: legacy
     * FLAG -> nothing */
    dealfsm_op_fn *SendDataTransferVoucher;

    /* repeat-safe: closes the transfer; OK for one that is closed already. channel CHANNEL -> nothing */
    dealfsm_op_fn *CloseDataTransfer;

    /* pure: the chain's head. No arguments -> token BYTES */
    dealfsm_op_fn *GetChainHead;

    /* once: it adds funds. client ADDRESS, miner ADDRESS, amount AMOUNT (TotalFunds), token BYTES -> address ADDRESS or NONE
     * (a channel that exists), cid CID or NONE (the message that creates it or adds funds) */
    dealfsm_op_fn *GetOrCreatePaymentChannel;

    /* once: takes a new lane. pay_ch ADDRESS -> lane U64 */
    dealfsm_op_fn *AllocateLane;

    /* once: signs a voucher. pay_ch ADDRESS, amount AMOUNT (cumulative), lane U64, token BYTES -> voucher BYTES */
    dealfsm_op_fn *CreatePaymentVoucher;

    /* repeat-safe: waits until the message that creates a channel is on chain. cid CID -> address ADDRESS */
    dealfsm_op_fn *WaitForPaymentChannelCreation;

    /* repeat-safe: waits until the message that adds funds is on chain. cid CID -> nothing */
    dealfsm_op_fn *WaitForPaymentChannelAddFunds;

    /* repeat-safe (from client 1.0.9 on): waits for either message. cid CID -> address ADDRESS */
    dealfsm_op_fn *WaitForPaymentChannelReady;

    /* pure (from client 1.0.9 on): a channel's balance. pay_ch ADDRESS -> confirmed AMOUNT, pending AMOUNT, queued AMOUNT,
     * redeemed AMOUNT, pending_wait_sentinel CID or NONE */
    dealfsm_op_fn *CheckAvailableFunds;

    /* repeat-safe (from client 1.28.3 on): closes the deal's blockstore; OK for an unknown one. id U64 -> nothing */
    dealfsm_op_fn *FinalizeBlockstore;
} dealfsm_environment;

#ifdef __cplusplus
}
#endif
#endif
