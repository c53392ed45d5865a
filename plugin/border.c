/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "border.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* No struct of any ABI minor comes near this; a larger struct_size is rubbish, and its tail is not looked at. */
enum { LARGEST_STRUCT = 4096 };

int32_t border_fail(dealfsm_error *error, int32_t code, const char *field, const char *format, ...)
{
    if (!error || error->struct_size < offsetof(dealfsm_error, field) || error->code)
        return code;
    error->code = code;
    uint32_t size = error->struct_size < sizeof *error ? error->struct_size : (uint32_t)sizeof *error;
    if (size >= offsetof(dealfsm_error, text))
        snprintf(error->field, sizeof error->field, "%s", field);
    if (size > offsetof(dealfsm_error, text)) {
        va_list list;
        va_start(list, format);
        vsnprintf(error->text, size - offsetof(dealfsm_error, text), format, list);
        va_end(list);
    }
    return code;
}

static int32_t check_size(const void *in, uint32_t size, uint32_t *given, const char *field, dealfsm_error *error)
{
    if (!in)
        return border_fail(error, DEALFSM_E_ARGUMENT, field, "expected a struct, found a null pointer");
    memcpy(given, in, sizeof *given);
    if (*given < sizeof(uint32_t))
        return border_fail(error, DEALFSM_E_ARGUMENT, field, "struct_size is %u: set it to sizeof of the struct",
                           *given);
    if (*given > LARGEST_STRUCT)
        return border_fail(error, DEALFSM_E_TOO_NEW, field, "struct_size is %u, expected about %u", *given, size);
    return DEALFSM_OK;
}

int32_t border_read(void *out, uint32_t size, const void *in, const char *field, dealfsm_error *error)
{
    uint32_t given = 0;
    int32_t code = check_size(in, size, &given, field, error);
    if (code)
        return code;
    for (uint32_t i = size; i < given; i++)
        if (((const uint8_t *)in)[i])
            return border_fail(error, DEALFSM_E_TOO_NEW, field,
                               "the struct has %u bytes, this module knows %u, and what is behind them is set", given,
                               size);
    uint32_t known = given < size ? given : size;
    memcpy(out, in, known);
    memset((uint8_t *)out + known, 0, size - known);
    return DEALFSM_OK;
}

int32_t border_check_out(const void *out, uint32_t size, uint32_t *room, const char *field, dealfsm_error *error)
{
    uint32_t given = 0;
    int32_t code = check_size(out, size, &given, field, error);
    *room = given < size ? given : size;
    return code;
}

void border_write(void *out, uint32_t room, const void *mine)
{
    if (room > sizeof(uint32_t))
        memcpy((uint8_t *)out + sizeof(uint32_t), (const uint8_t *)mine + sizeof(uint32_t), room - sizeof(uint32_t));
}

static bool read_bytes(fsm_bytes *out, const uint8_t *data, uint64_t size)
{
    if (size > UINT32_MAX || (size && !data))
        return false;
    *out = (fsm_bytes){data, (uint32_t)size};
    return true;
}

int32_t border_read_values(fsm_value *out, const dealfsm_value *values, uint32_t count, uint32_t stride,
                           const char *field, dealfsm_error *error)
{
    if (count && (!values || stride < sizeof(uint32_t)))
        return border_fail(error, DEALFSM_E_ARGUMENT, field, "%u values are announced, but %s", count,
                           values ? "their stride is too small" : "the pointer to them is null");
    const uint8_t *at = (const uint8_t *)values;
    int32_t code = DEALFSM_OK;
    for (uint32_t i = 0; i < count; i++, at += stride) {
        dealfsm_value room;
        uint32_t size = 0;
        memcpy(&size, at, sizeof size);
        if (size > stride)
            return border_fail(error, DEALFSM_E_ARGUMENT, field, "value %u has struct_size %u, but the stride is %u", i,
                               size, stride);
        const dealfsm_value *value = border_see(&room, sizeof room, at, field, &code, error);
        if (!value)
            return code;
        if (!read_bytes(&out[i].bytes, value->data, value->data_len) ||
            !read_bytes(&out[i].more, value->data2, value->data2_len))
            return border_fail(error, DEALFSM_E_ARGUMENT, field, "value %u has a length without data, or over 4 GiB",
                               i);
        out[i].kind = (fsm_kind)value->kind;
        out[i].number = value->number;
    }
    return DEALFSM_OK;
}

void border_write_values(dealfsm_value *out, const fsm_value *values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        bool channel = values[i].kind == ARG_CHANNEL;
        bool number = channel || values[i].kind == ARG_U64 || values[i].kind == ARG_STATUS || values[i].kind == ARG_FLAG;
        bool bytes = values[i].kind != FSM_NONE && (channel || !number);
        out[i] = (dealfsm_value){.struct_size = sizeof out[i], .kind = values[i].kind};
        if (number)
            out[i].number = values[i].number;
        if (bytes) {
            out[i].data = values[i].bytes.data;
            out[i].data_len = values[i].bytes.size;
        }
        if (channel) {
            out[i].data2 = values[i].more.data;
            out[i].data2_len = values[i].more.size;
        }
    }
}

/* Members of the record: of the ABI's struct, of the machine's. */
#define RECORD_SPANS(X)                                                                                                \
    X(payload_cid, payload_cid)                                                                                        \
    X(selector, selector)                                                                                              \
    X(piece_cid, piece_cid)                                                                                            \
    X(price_per_byte, price_per_byte)                                                                                  \
    X(unseal_price, unseal_price)                                                                                      \
    X(channel_initiator, channel.initiator)                                                                            \
    X(channel_responder, channel.responder)                                                                            \
    X(total_funds, total_funds)                                                                                        \
    X(client_wallet, client_wallet)                                                                                    \
    X(miner_wallet, miner_wallet)                                                                                      \
    X(pay_ch, pay_ch)                                                                                                  \
    X(sender, sender)                                                                                                  \
    X(message, message)                                                                                                \
    X(payment_requested, payment_requested)                                                                            \
    X(funds_spent, funds_spent)                                                                                        \
    X(unseal_funds_paid, unseal_funds_paid)                                                                            \
    X(wait_msg_cid, wait_msg_cid)                                                                                      \
    X(voucher_shortfall, voucher_shortfall)
#define RECORD_NUMBERS(X)                                                                                              \
    X(id, id)                                                                                                          \
    X(payment_interval, payment_interval)                                                                              \
    X(payment_interval_increase, payment_interval_increase)                                                            \
    X(store_id, store_id)                                                                                              \
    X(channel_id, channel.id)                                                                                          \
    X(lane, lane)                                                                                                      \
    X(status, status)                                                                                                  \
    X(total_received, total_received)                                                                                  \
    X(bytes_paid_for, bytes_paid_for)                                                                                  \
    X(current_interval, current_interval)
#define RECORD_FLAGS(X)                                                                                                \
    X(has_store_id)                                                                                                    \
    X(has_channel)                                                                                                     \
    X(has_payment_info)                                                                                                \
    X(last_payment_requested)                                                                                          \
    X(all_blocks_received)                                                                                             \
    X(legacy_protocol)

#define WRITE_SPAN(theirs, ours)                                                                                       \
    out->theirs = record->ours.data;                                                                                   \
    out->theirs##_len = record->ours.size;
#define WRITE_NUMBER(theirs, ours) out->theirs = record->ours;
#define WRITE_FLAG(name) out->name = record->name;

void border_write_record(dealfsm_record *out, const fsm_record *record)
{
    out->struct_size = sizeof *out;
    out->reserved = 0;
    RECORD_SPANS(WRITE_SPAN)
    RECORD_NUMBERS(WRITE_NUMBER)
    RECORD_FLAGS(WRITE_FLAG)
}

#define READ_SPAN(theirs, ours)                                                                                        \
    if (!read_bytes(&out->ours, in->theirs, in->theirs##_len))                                                         \
        return border_fail(error, DEALFSM_E_ARGUMENT, #theirs, "a length without data, or over 4 GiB");
#define READ_NUMBER(theirs, ours) out->ours = in->theirs;
#define READ_FLAG(name)                                                                                                \
    if (in->name > 1)                                                                                                  \
        return border_fail(error, DEALFSM_E_ARGUMENT, #name, "expected 0 or 1, found %u", in->name);                   \
    out->name = in->name;

int32_t border_read_record(fsm_record *out, const dealfsm_record *in, dealfsm_error *error)
{
    RECORD_SPANS(READ_SPAN)
    RECORD_NUMBERS(READ_NUMBER)
    RECORD_FLAGS(READ_FLAG)
    return DEALFSM_OK;
}
