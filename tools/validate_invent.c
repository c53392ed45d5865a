/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "validate.h"

/* Made-up values. The amounts are such that every check of a machine passes: 100 bytes at 2 attoFIL were asked for and
 * received, there are funds for more. */

static const uint8_t amount_2[] = {0, 2};
static const uint8_t amount_200[] = {0, 200};
static const uint8_t amount_400[] = {0, 1, 144};
static const uint8_t amount_funds[] = {0, 15, 66, 64}; /* 1,000,000 */
static const uint8_t cid_payload[] = {0x01, 0x55, 0x12, 0x20, 1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14,
                                      15,   16,   17,   18,   19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32};
static const uint8_t cid_message[] = {0x01, 0x71, 0xa0, 0xe4, 0x02, 0x20, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9,
                                      9,    9,    9,    9,    9,    9,    9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9};
static const uint8_t address_client[] = {0, 0xd2, 0x09};
static const uint8_t address_miner[] = {0, 0x64};
static const uint8_t address_channel[] = {2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20};
static const uint8_t peer_a[] = {0x00, 0x24, 0x08, 0x01, 0x12, 0x20, 0xff, 0xfe, 3, 4};
static const uint8_t peer_b[] = {0x12, 0x20, 0xc3, 0x28, 5, 6};
static const uint8_t selector[] = {0xa1, 0x61, 0x2e, 0xa0}; /* {".": {}}: exploring nothing, "match" */
static const uint8_t text[] = "made up";
static const uint8_t bytes[] = {0xde, 0xad};

#define SPAN(array) array, sizeof array

void invent_terms(uint64_t deal, dealfsm_record *out)
{
    *out = (dealfsm_record){
        .struct_size = sizeof *out,
        .id = deal,
        .payload_cid = cid_payload,
        .payload_cid_len = sizeof cid_payload,
        .selector = selector,
        .selector_len = sizeof selector,
        .piece_cid = cid_message,
        .piece_cid_len = sizeof cid_message,
        .price_per_byte = amount_2,
        .price_per_byte_len = sizeof amount_2,
        .payment_interval = 100,
        .payment_interval_increase = 50,
        .unseal_price = text, /* zero */
        .has_store_id = 1,
        .store_id = 7,
        .total_funds = amount_funds,
        .total_funds_len = sizeof amount_funds,
        .client_wallet = address_client,
        .client_wallet_len = sizeof address_client,
        .miner_wallet = address_miner,
        .miner_wallet_len = sizeof address_miner,
        .sender = peer_a,
        .sender_len = sizeof peer_a,
    };
}

void invent_record(validator *v, uint64_t deal, uint64_t status, dealfsm_record *out)
{
    (void)v;
    invent_terms(deal, out);
    out->has_channel = 1;
    out->channel_initiator = peer_a;
    out->channel_initiator_len = sizeof peer_a;
    out->channel_responder = peer_b;
    out->channel_responder_len = sizeof peer_b;
    out->channel_id = 77;
    out->has_payment_info = 1;
    out->pay_ch = address_channel;
    out->pay_ch_len = sizeof address_channel;
    out->lane = 3;
    out->status = status;
    out->total_received = 300;
    out->message = text;
    out->message_len = sizeof text - 1;
    out->bytes_paid_for = 100;
    out->current_interval = 100;
    out->payment_requested = amount_200;
    out->payment_requested_len = sizeof amount_200;
    out->funds_spent = amount_200;
    out->funds_spent_len = sizeof amount_200;
    out->unseal_funds_paid = text; /* zero */
    out->wait_msg_cid = cid_message;
    out->wait_msg_cid_len = sizeof cid_message;
    out->voucher_shortfall = text; /* zero */
}

static dealfsm_value of(uint32_t kind, uint64_t number, const uint8_t *data, uint64_t size)
{
    return (dealfsm_value){
        .struct_size = sizeof(dealfsm_value), .kind = kind, .number = number, .data = data, .data_len = size};
}

dealfsm_value invent_value(uint32_t kind)
{
    dealfsm_value channel;
    switch (kind) {
    case DEALFSM_AMOUNT:
        return of(kind, 0, SPAN(amount_400));
    case DEALFSM_TEXT:
    case DEALFSM_ERROR:
        return of(kind, 0, text, sizeof text - 1);
    case DEALFSM_U64:
        return of(kind, 400, NULL, 0);
    case DEALFSM_STATUS:
        return of(kind, DEALFSM_DealStatusOngoing, NULL, 0);
    case DEALFSM_FLAG:
        return of(kind, 1, NULL, 0);
    case DEALFSM_CID:
        return of(kind, 0, SPAN(cid_message));
    case DEALFSM_ADDRESS:
        return of(kind, 0, SPAN(address_channel));
    case DEALFSM_CHANNEL:
        channel = of(kind, 77, SPAN(peer_a));
        channel.data2 = peer_b;
        channel.data2_len = sizeof peer_b;
        return channel;
    case DEALFSM_PEER:
        return of(kind, 0, SPAN(peer_a));
    case DEALFSM_CBOR:
        return of(kind, 0, SPAN(selector));
    case DEALFSM_BYTES:
        return of(kind, 0, SPAN(bytes));
    default:
        return of(DEALFSM_NONE, 0, NULL, 0);
    }
}

dealfsm_value *invent_args(validator *v, const dealfsm_event_info *event)
{
    dealfsm_value *args = values_take(v->arena, event->args_count * sizeof *args);
    for (uint32_t i = 0; i < event->args_count; i++) {
        args[i] = invent_value(event->args[i]);
    }
    return args;
}

dealfsm_answer invent_answer(validator *v, const dealfsm_op_info *op)
{
    dealfsm_value *values = values_take(v->arena, op->values_count * sizeof *values);
    for (uint32_t i = 0; i < op->values_count; i++) {
        values[i] = invent_value(op->values[i]);
    }
    return (dealfsm_answer){.struct_size = sizeof(dealfsm_answer),
                            .op = op->op,
                            .nth = 1,
                            .outcome = DEALFSM_ANSWER_OK,
                            .values = op->values_count == 0 ? NULL : values,
                            .values_count = op->values_count,
                            .values_stride = sizeof *values};
}
