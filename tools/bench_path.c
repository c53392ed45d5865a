/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bench_path.h"

/* clang-format off */
static const uint8_t payload_cid[] = {
    0x01, 0x71, 0xa0, 0xe4, 0x02, 0x20, 0x4d, 0x9b, 0x09, 0xe4, 0xd2, 0x1b, 0x06, 0x30, 0xeb, 0x14, 0xc0,
    0xec, 0x66, 0xc8, 0x06, 0x79, 0x5f, 0xbf, 0x37, 0xa2, 0x34, 0x96, 0x64, 0x8d, 0xb1, 0x5b, 0x55, 0x41,
    0x2f, 0x9c, 0x8e, 0x1c};
static const uint8_t selector[] = {
    0xa1, 0x61, 0x52, 0xa2, 0x61, 0x6c, 0xa1, 0x64, 0x6e, 0x6f, 0x6e, 0x65, 0xa0, 0x62, 0x3a, 0x3e, 0xa1,
    0x61, 0x61, 0xa1, 0x61, 0x3e, 0xa1, 0x61, 0x40, 0xa0};
static const uint8_t piece_cid[] = {
    0x01, 0x71, 0xa0, 0xe4, 0x02, 0x20, 0xbc, 0x96, 0xbc, 0xfd, 0x3b, 0xc3, 0xc8, 0x89, 0x32, 0x39, 0x49,
    0x56, 0x16, 0x85, 0x7e, 0x71, 0xdd, 0xea, 0x88, 0x30, 0xa6, 0x0d, 0x4c, 0xd3, 0x8b, 0xea, 0x6f, 0x61,
    0x7b, 0x3d, 0xc0, 0xab};
static const uint8_t client_wallet[] = {
    0x03, 0x19, 0xf8, 0x51, 0x4c, 0x2f, 0x52, 0x1a, 0x45, 0xa1, 0xfe, 0x3c, 0x75, 0x37, 0x28, 0xe3, 0x80,
    0x14, 0xf5, 0x8b, 0x6a, 0x2e, 0x10, 0x5c, 0x9a, 0x1f, 0x33, 0x51, 0xf2, 0x40, 0xaa, 0xae, 0x3b, 0x5e,
    0x9d, 0x34, 0x65, 0x54, 0x6d, 0xca, 0x0e, 0x0b, 0x1d, 0x69, 0x28, 0xb8, 0x58, 0xe8, 0xa4};
static const uint8_t miner_wallet[] = {
    0x00, 0x00};
static const uint8_t initiator[] = {
    0x12, 0x20, 0xdf, 0x25, 0xb8, 0x97, 0xd3, 0xd9, 0xe0, 0x96, 0x53, 0xbd, 0x35, 0x98, 0xe9, 0xa6, 0x96,
    0x40, 0x4d, 0xf9, 0xb7, 0xb1, 0xcf, 0x13, 0xcd, 0x14, 0xb4, 0xca, 0x6c, 0x3f, 0x2d, 0x00, 0xd5, 0xf1};
static const uint8_t responder[] = {
    0xc3, 0xc3, 0xc3, 0xc3, 0xc3, 0xc3, 0xc3, 0xc3, 0xc3, 0xc3, 0xc3, 0xc3, 0xc3, 0xc3, 0xc3, 0xc3, 0xc3,
    0xc3, 0xc3, 0xc3, 0xc3, 0xc3, 0xc3};
static const uint8_t message_cid[] = {
    0x01, 0x71, 0xa0, 0xe4, 0x02, 0x20, 0x8a, 0x58, 0x69, 0x2a, 0xab, 0xa1, 0xae, 0xd3, 0x8a, 0x22, 0x8d,
    0xe9, 0x44, 0xa6, 0x7c, 0xe6, 0x81, 0x1a, 0x5b, 0x97, 0xc6, 0x94, 0x70, 0xc5, 0xf7, 0x10, 0x5c, 0x2c,
    0x3a, 0x96, 0xeb, 0x2a};
static const uint8_t payment_channel[] = {
    0x03, 0x17, 0xbc, 0x38, 0x47, 0x17, 0x1a, 0xaa, 0x29, 0x65, 0x67, 0x1f, 0x7c, 0xd5, 0x61, 0x38, 0x6f,
    0x25, 0x2d, 0xcc, 0x45, 0xc5, 0xd6, 0x31, 0x71, 0x24, 0x35, 0x6f, 0x18, 0x88, 0x93, 0x3c, 0x13, 0xa5,
    0xee, 0x26, 0x22, 0x2b, 0x72, 0x49, 0xe8, 0x41, 0xf8, 0x84, 0x08, 0xa1, 0xb3, 0xfa, 0x43};
static const uint8_t token_1[] = {
    0xc0, 0x84, 0x16};
static const uint8_t token_2[] = {
    0x40, 0xd6, 0x0a, 0xdf, 0x75, 0xbd};
static const uint8_t token_3[] = {
    0x95, 0x86, 0x05, 0x85, 0xbd, 0xbf, 0xda, 0x4f, 0x39, 0x18, 0x25};
static const uint8_t voucher_1[] = {
    0x8b, 0x55, 0x02, 0xe0, 0x1d, 0xbc, 0xe7, 0x59, 0x47, 0x43, 0xc1, 0xa0, 0x66, 0xf8, 0x97, 0x00, 0x1d,
    0x7b, 0x07, 0x90, 0xe3, 0xe9, 0x11, 0x00, 0x00, 0x40, 0xf6, 0x05, 0x1b, 0x00, 0x00, 0x06, 0xda, 0xe5,
    0x04, 0xbc, 0xcd, 0x44, 0x00, 0xc8, 0x28, 0xda, 0x00, 0x80, 0xf6};
static const uint8_t voucher_2[] = {
    0x8b, 0x58, 0x31, 0x03, 0x1d, 0xae, 0x57, 0x66, 0xb9, 0xe6, 0xd7, 0xef, 0xb8, 0xc4, 0xe8, 0x93, 0x43,
    0x97, 0xbb, 0xc1, 0xa6, 0x45, 0x8d, 0x39, 0x24, 0x62, 0x63, 0x74, 0xec, 0x21, 0x0d, 0x07, 0x83, 0x1b,
    0xa7, 0xbe, 0x8b, 0xdb, 0x01, 0x2e, 0x52, 0x51, 0x86, 0x00, 0x75, 0xca, 0xdc, 0xf4, 0xc9, 0x5d, 0x13,
    0xe7, 0x00, 0x00, 0x40, 0xf6, 0x0c, 0x1a, 0x00, 0x01, 0x00, 0x00, 0x4a, 0x00, 0x10, 0x19, 0xb3, 0xf6,
    0x6d, 0x33, 0x04, 0x00, 0x00, 0x00, 0x80, 0xf6};
static const uint8_t price[] = {0x00, 0x02};
static const uint8_t total_funds[] = {0x00, 0x01, 0x86, 0xa0};
static const uint8_t first_payment[] = {0x00, 0xc8};
static const uint8_t last_payment[] = {0x00, 0xa0};

#define BYTES(value_kind, bytes) \
    {.struct_size = sizeof(dealfsm_value), .kind = value_kind, .data = bytes, .data_len = sizeof(bytes)}
#define NUMBER(value_kind, n) {.struct_size = sizeof(dealfsm_value), .kind = value_kind, .number = n}
#define CHANNEL \
    {.struct_size = sizeof(dealfsm_value), .kind = DEALFSM_CHANNEL, .number = 9223372036854775807u, \
     .data = initiator, .data_len = sizeof initiator, .data2 = responder, .data2_len = sizeof responder}
#define NONE {.struct_size = sizeof(dealfsm_value), .kind = DEALFSM_NONE}

#define HANDED_IN(name, count, ...) {DEALFSM_ClientEvent##name, true, count, {__VA_ARGS__}}
#define RAISED(name, count, ...) {DEALFSM_ClientEvent##name, false, count, {__VA_ARGS__}}
#define NO_ARGS {0}

const path_event path_events[PATH_EVENTS] = {
    HANDED_IN(Open, 0, NO_ARGS),
    RAISED(DealProposed, 1, CHANNEL),
    HANDED_IN(DealAccepted, 0, NO_ARGS),
    RAISED(PaymentChannelCreateInitiated, 1, BYTES(DEALFSM_CID, message_cid)),
    RAISED(PaymentChannelReady, 2, BYTES(DEALFSM_ADDRESS, payment_channel), NUMBER(DEALFSM_U64, 521)),
    HANDED_IN(BlocksReceived, 1, NUMBER(DEALFSM_U64, 100)),
    HANDED_IN(PaymentRequested, 1, BYTES(DEALFSM_AMOUNT, first_payment)),
    RAISED(SendFunds, 0, NO_ARGS),
    RAISED(PaymentSent, 0, NO_ARGS),
    HANDED_IN(BlocksReceived, 1, NUMBER(DEALFSM_U64, 180)),
    HANDED_IN(AllBlocksReceived, 0, NO_ARGS),
    HANDED_IN(LastPaymentRequested, 1, BYTES(DEALFSM_AMOUNT, last_payment)),
    RAISED(PaymentSent, 0, NO_ARGS),
    HANDED_IN(Complete, 0, NO_ARGS),
};

#define OP(name, after, count, ...) {DEALFSM_Op##name, after, count, {__VA_ARGS__}}

const path_op path_ops[PATH_OPS] = {
    OP(OpenDataTransfer, 1, 1, CHANNEL),
    OP(GetChainHead, 3, 1, BYTES(DEALFSM_BYTES, token_1)),
    OP(GetOrCreatePaymentChannel, 3, 2, NONE, BYTES(DEALFSM_CID, message_cid)),
    OP(WaitForPaymentChannelCreation, 4, 1, BYTES(DEALFSM_ADDRESS, payment_channel)),
    OP(AllocateLane, 4, 1, NUMBER(DEALFSM_U64, 521)),
    OP(GetChainHead, 8, 1, BYTES(DEALFSM_BYTES, token_2)),
    OP(CreatePaymentVoucher, 8, 1, BYTES(DEALFSM_BYTES, voucher_1)),
    OP(SendDataTransferVoucher, 8, 0, NO_ARGS),
    OP(GetChainHead, 12, 1, BYTES(DEALFSM_BYTES, token_3)),
    OP(CreatePaymentVoucher, 12, 1, BYTES(DEALFSM_BYTES, voucher_2)),
    OP(SendDataTransferVoucher, 12, 0, NO_ARGS),
};

#define SPAN(member, bytes) .member = bytes, .member##_len = sizeof(bytes)

const dealfsm_record path_terms = {
    .struct_size = sizeof(dealfsm_record),
    .has_store_id = 1,
    .store_id = 271955163,
    SPAN(payload_cid, payload_cid),
    SPAN(selector, selector),
    SPAN(piece_cid, piece_cid),
    SPAN(price_per_byte, price),
    .payment_interval = 100,
    .payment_interval_increase = 50,
    SPAN(total_funds, total_funds),
    SPAN(client_wallet, client_wallet),
    SPAN(miner_wallet, miner_wallet),
};
/* clang-format on */

void path_answer(dealfsm_answer *out, const dealfsm_op *op)
{
    *out = (dealfsm_answer){.struct_size = sizeof *out,
                            .op = op->op,
                            .deal = op->deal,
                            .sequence = op->sequence,
                            .nth = op->nth,
                            .outcome = DEALFSM_ANSWER_UNKNOWN,
                            .values_stride = sizeof(dealfsm_value)};
    for (uint32_t i = 0; i < PATH_OPS; i++) {
        if (path_ops[i].op == op->op && path_ops[i].sequence == op->sequence) {
            out->outcome = DEALFSM_ANSWER_OK;
            out->values = path_ops[i].values;
            out->values_count = path_ops[i].values_count;
        }
    }
}

dealfsm_environment path_environment(dealfsm_op_fn *ask, void *ctx)
{
    return (dealfsm_environment){.struct_size = sizeof(dealfsm_environment),
                                 .ctx = ctx,
                                 .OpenDataTransfer = ask,
                                 .SendDataTransferVoucher = ask,
                                 .CloseDataTransfer = ask,
                                 .GetChainHead = ask,
                                 .GetOrCreatePaymentChannel = ask,
                                 .AllocateLane = ask,
                                 .CreatePaymentVoucher = ask,
                                 .WaitForPaymentChannelCreation = ask,
                                 .WaitForPaymentChannelAddFunds = ask,
                                 .WaitForPaymentChannelReady = ask,
                                 .CheckAvailableFunds = ask};
}

bool path_ended_well(const path_end *end)
{
    return end->status == DEALFSM_DealStatusCompleted && end->total_received == 180 && end->bytes_paid_for == 180 &&
           end->current_interval == 150 && end->funds_spent == 360;
}

uint64_t path_small_amount(const uint8_t *stored, uint64_t length)
{
    uint64_t value = 0;
    for (uint64_t i = 1; i < length; i++) {
        value = value << 8 | stored[i];
    }
    return value;
}

bool path_record_ended_well(const dealfsm_record *record)
{
    const path_end end = {.status = record->status,
                          .total_received = record->total_received,
                          .bytes_paid_for = record->bytes_paid_for,
                          .current_interval = record->current_interval,
                          .funds_spent = path_small_amount(record->funds_spent, record->funds_spent_len)};
    return path_ended_well(&end);
}
