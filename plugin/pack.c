/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "pack.h"

#include <stddef.h>
#include <string.h>

/* Spans that are none when they are empty: an empty CID or selector cannot be stored. */
#define OPTIONAL_SPANS(X)                                                                                              \
    X(selector, uint32_t)                                                                                              \
    X(piece_cid, uint32_t)                                                                                             \
    X(wait_msg_cid, uint32_t)
#define PLAIN_SPANS(X)                                                                                                 \
    X(payload_cid, uint32_t)                                                                                           \
    X(channel.initiator, uint16_t)                                                                                     \
    X(channel.responder, uint16_t)                                                                                     \
    X(sender, uint16_t)                                                                                                \
    X(message, uint16_t)                                                                                               \
    X(client_wallet, uint8_t)                                                                                          \
    X(miner_wallet, uint8_t)                                                                                           \
    X(pay_ch, uint8_t)                                                                                                 \
    X(price_per_byte, uint8_t)                                                                                         \
    X(unseal_price, uint8_t)                                                                                           \
    X(total_funds, uint8_t)                                                                                            \
    X(payment_requested, uint8_t)                                                                                      \
    X(funds_spent, uint8_t)                                                                                            \
    X(unseal_funds_paid, uint8_t)                                                                                      \
    X(voucher_shortfall, uint8_t)
#define NUMBERS(X)                                                                                                     \
    X(payment_interval)                                                                                                \
    X(payment_interval_increase)                                                                                       \
    X(store_id)                                                                                                        \
    X(channel.id)                                                                                                      \
    X(lane)                                                                                                            \
    X(status)                                                                                                          \
    X(total_received)                                                                                                  \
    X(bytes_paid_for)                                                                                                  \
    X(current_interval)
#define FLAGS(X)                                                                                                       \
    X(has_store_id)                                                                                                    \
    X(has_channel)                                                                                                     \
    X(has_payment_info)                                                                                                \
    X(last_payment_requested)                                                                                          \
    X(all_blocks_received)                                                                                             \
    X(legacy_protocol)

#define COUNT_ONE(...) +1
#define WIDTH(member, type) +sizeof(type)
enum {
    NUMBER_COUNT = 0 NUMBERS(COUNT_ONE),
    LENGTH_BYTES = 0 OPTIONAL_SPANS(WIDTH) PLAIN_SPANS(WIDTH),
    NUMBER_OF_STATUS = 5
};

struct packed {
    uint64_t numbers[NUMBER_COUNT];
    uint8_t lengths[LENGTH_BYTES];
    uint8_t flags;
    uint8_t bytes[];
};

#define ADD_SIZE(member, type) +(uint64_t)record->member.size
uint64_t pack_size(const fsm_record *record)
{
    return offsetof(packed, bytes) OPTIONAL_SPANS(ADD_SIZE) PLAIN_SPANS(ADD_SIZE);
}

#define PACK_NUMBER(member) *number++ = record->member;
/* Spans that lie behind each other are copied in one go: an event changes few of those that come from a block. */
#define PACK_SPAN(member, type)                                                                                        \
    {                                                                                                                  \
        type size = (type)record->member.size;                                                                         \
        memcpy(length, &size, sizeof size);                                                                            \
        length += sizeof size;                                                                                         \
        if (size && record->member.data != run + run_size) {                                                           \
            memcpy(bytes, run, run_size);                                                                              \
            bytes += run_size;                                                                                         \
            run = record->member.data;                                                                                 \
            run_size = 0;                                                                                              \
        }                                                                                                              \
        run_size += size;                                                                                              \
    }
#define PACK_FLAG(member) block->flags = (uint8_t)(block->flags << 1 | record->member);

void pack(packed *block, const fsm_record *record)
{
    uint64_t *number = block->numbers;
    uint8_t *length = block->lengths, *bytes = block->bytes;
    const uint8_t *run = block->lengths;
    uint32_t run_size = 0;
    NUMBERS(PACK_NUMBER)
    OPTIONAL_SPANS(PACK_SPAN)
    PLAIN_SPANS(PACK_SPAN)
    memcpy(bytes, run, run_size);
    block->flags = 0;
    FLAGS(PACK_FLAG)
}

#define UNPACK_NUMBER(member) out->member = *number++;
#define UNPACK_SPAN(member, type)                                                                                      \
    {                                                                                                                  \
        type size;                                                                                                     \
        memcpy(&size, length, sizeof size);                                                                            \
        length += sizeof size;                                                                                         \
        out->member = (fsm_bytes){bytes, size};                                                                        \
        bytes += size;                                                                                                 \
    }
#define NONE_IF_EMPTY(member, type)                                                                                    \
    if (!out->member.size)                                                                                             \
        out->member.data = NULL;
#define COUNT_FLAG(member) flag <<= 1;
#define UNPACK_FLAG(member)                                                                                            \
    flag >>= 1;                                                                                                        \
    out->member = block->flags & flag;

void unpack(fsm_record *out, const packed *block, uint64_t id)
{
    const uint64_t *number = block->numbers;
    const uint8_t *length = block->lengths, *bytes = block->bytes;
    unsigned flag = 1;
    out->id = id;
    NUMBERS(UNPACK_NUMBER)
    OPTIONAL_SPANS(UNPACK_SPAN)
    PLAIN_SPANS(UNPACK_SPAN)
    OPTIONAL_SPANS(NONE_IF_EMPTY)
    FLAGS(COUNT_FLAG)
    FLAGS(UNPACK_FLAG)
    if (!out->has_payment_info)
        out->pay_ch = (fsm_bytes){0};
}

uint64_t packed_status(const packed *block)
{
    return block->numbers[NUMBER_OF_STATUS];
}
