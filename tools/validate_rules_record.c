/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* Rules on record/1. */

#include <stddef.h>
#include <string.h>

#include "validate.h"

static bool sample(validator *v, const uint8_t **bytes, uint64_t *size)
{
    dealfsm_record record;
    invent_record(v, 1, DEALFSM_DealStatusOngoing, &record);
    return stored_bytes(v, &record, bytes, size);
}

static void round_trip(validator *v)
{
    for (uint32_t i = 0; i < v->machine.states_count; i++) {
        dealfsm_record record;
        dealfsm_record again = {.struct_size = sizeof again};
        const uint8_t *bytes;
        uint64_t size;
        CASE(v, "a record in %s", v->machine.states[i].name);
        invent_record(v, i, v->machine.states[i].status, &record);
        if (stored_bytes(v, &record, &bytes, &size) &&
            same_result(v, "decode", DEALFSM_OK, v->record->decode(bytes, size, &again, NULL), NULL)) {
            const dealfsm_field_info *field = values_record_difference(&v->machine, &record, &again);
            expect(v, field == NULL, "the same record", field == NULL ? "" : field->name);
        }
    }
}

static void lengths(validator *v)
{
    const uint8_t *bytes;
    uint64_t size;
    CASE(v, "encode with every capacity");
    if (!sample(v, &bytes, &size)) {
        return;
    }
    dealfsm_record record;
    invent_record(v, 1, DEALFSM_DealStatusOngoing, &record);
    uint8_t *buffer = values_take(v->arena, size + 8);
    for (uint64_t capacity = 0; capacity <= size + 4; capacity++) {
        uint64_t length = 0;
        memset(buffer, '#', size + 8);
        const int32_t result = v->record->encode(&record, buffer, capacity, &length, NULL);
        same_result(v, format(v->arena, "encode with capacity %u", (unsigned)capacity),
                    capacity < size ? DEALFSM_E_TOO_SMALL : DEALFSM_OK, result, NULL);
        expect(v, length == size, "the needed length", "another");
        for (uint64_t i = capacity; i < size + 8; i++) {
            expect(v, buffer[i] == '#', "nothing written past the capacity", "a changed byte");
        }
    }
    uint64_t length = 0;
    CASE(v, "encode with capacity 0 and no buffer");
    same_result(v, "encode", DEALFSM_E_TOO_SMALL, v->record->encode(&record, NULL, 0, &length, NULL), NULL);
    expect(v, length == size, "the needed length", "another");
}

/* Bytes that were changed: refused, or read and written again as they are. */
static void expect_refused_or_kept(validator *v, const uint8_t *bytes, uint64_t size)
{
    dealfsm_record record = {.struct_size = sizeof record};
    dealfsm_error error = {.struct_size = sizeof error};
    const int32_t result = v->record->decode(bytes, size, &record, &error);
    if (result != DEALFSM_OK) {
        same_result(v, "decode", DEALFSM_E_CORRUPT, result, NULL);
        expect(v, error.text[0] != '\0', "an error text", "none");
        return;
    }
    const uint8_t *again;
    uint64_t again_size;
    if (stored_bytes(v, &record, &again, &again_size)) {
        same_bytes(v, "accepted bytes, written again", bytes, size, again, again_size);
    }
}

static void changed(validator *v)
{
    const uint8_t *bytes;
    uint64_t size;
    CASE(v, "a record");
    if (!sample(v, &bytes, &size)) {
        return;
    }
    uint8_t *copy = values_take(v->arena, size + 1);
    for (uint64_t at = 0; at < size; at++) {
        CASE(v, "byte %u with each other value", (unsigned)at);
        memcpy(copy, bytes, size);
        for (unsigned value = 0; value < 256; value++) {
            copy[at] = (uint8_t)value;
            expect_refused_or_kept(v, copy, size);
        }
    }
}

static void cut(validator *v)
{
    const uint8_t *bytes;
    uint64_t size;
    CASE(v, "a record");
    if (!sample(v, &bytes, &size)) {
        return;
    }
    for (uint64_t at = 0; at < size; at++) {
        dealfsm_record record = {.struct_size = sizeof record};
        uint8_t *copy = values_take(v->arena, at); /* at its end, so that sanitizers see a read past it */
        CASE(v, "cut at %u bytes", (unsigned)at);
        memcpy(copy, bytes, at);
        same_result(v, "decode", DEALFSM_E_CORRUPT, v->record->decode(copy, at, &record, NULL), NULL);
    }
    CASE(v, "a byte too many");
    uint8_t *longer = values_take(v->arena, size + 1);
    dealfsm_record record = {.struct_size = sizeof record};
    memcpy(longer, bytes, size);
    same_result(v, "decode", DEALFSM_E_CORRUPT, v->record->decode(longer, size + 1, &record, NULL), NULL);
}

/* Headers that promise much more than there is. */
static void huge(validator *v)
{
    static const uint8_t heads[][9] = {
        {0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {0xbb, 0, 0, 0, 0x3f, 0xff, 0xff, 0xff, 0xff},
        {0x5b, 0, 0, 0, 0x3f, 0xff, 0xff, 0xff, 0xff},          {0x7b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
        {0xdb, 0, 0, 0, 0x3f, 0xff, 0xff, 0xff, 0xff},          {0x9f, 0x9f, 0x9f, 0x9f, 0x9f, 0x9f, 0x9f, 0x9f, 0x9f},
    };
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        dealfsm_record record = {.struct_size = sizeof record};
        CASE(v, "9 bytes that start with %02x", heads[i][0]);
        same_result(v, "decode", DEALFSM_E_CORRUPT, v->record->decode(heads[i], 9, &record, NULL), NULL);
    }
}

static void arguments(validator *v)
{
    const uint8_t *bytes;
    uint64_t size;
    uint64_t length;
    uint8_t buffer[2048];
    CASE(v, "a record");
    if (!sample(v, &bytes, &size)) {
        return;
    }
    dealfsm_record record;
    dealfsm_error error = {.struct_size = sizeof error};
    invent_record(v, 1, DEALFSM_DealStatusOngoing, &record);
    CASE(v, "decode without bytes");
    same_result(v, "decode", DEALFSM_E_ARGUMENT, v->record->decode(NULL, 5, &record, NULL), NULL);
    CASE(v, "decode without a place");
    same_result(v, "decode", DEALFSM_E_ARGUMENT, v->record->decode(bytes, size, NULL, &error), NULL);
    expect(v, error.code == DEALFSM_E_ARGUMENT && error.text[0] != '\0', "code and text in the error struct", "none");
    CASE(v, "encode without a record");
    same_result(v, "encode", DEALFSM_E_ARGUMENT, v->record->encode(NULL, buffer, sizeof buffer, &length, NULL), NULL);
    CASE(v, "encode without a place for the length");
    same_result(v, "encode", DEALFSM_E_ARGUMENT, v->record->encode(&record, buffer, sizeof buffer, NULL, NULL), NULL);
    CASE(v, "encode without a buffer");
    same_result(v, "encode", DEALFSM_E_ARGUMENT, v->record->encode(&record, NULL, sizeof buffer, &length, NULL), NULL);
}

/* Records that cannot be stored: refused, the member named. */
static void not_storable(validator *v)
{
    static const uint8_t long_amount[130] = {0, 1};
    static const uint8_t long_text[8193] = {0};
    static const struct {
        const char *name;
        size_t offset; /* of the span in dealfsm_record */
        const uint8_t *data;
        uint64_t size;
    } spoilt[] = {
        {"payload_cid", offsetof(dealfsm_record, payload_cid), long_text, 0},
        {"payload_cid", offsetof(dealfsm_record, payload_cid), long_text, 40},
        {"client_wallet", offsetof(dealfsm_record, client_wallet), long_text, 0},
        {"client_wallet", offsetof(dealfsm_record, client_wallet), (const uint8_t *)"\xff\x01\x02", 3},
        {"miner_wallet", offsetof(dealfsm_record, miner_wallet), NULL, 0},
        {"pay_ch", offsetof(dealfsm_record, pay_ch), long_text, 0},
        {"piece_cid", offsetof(dealfsm_record, piece_cid), long_text, 0},
        {"wait_msg_cid", offsetof(dealfsm_record, wait_msg_cid), long_text, 0},
        {"total_funds", offsetof(dealfsm_record, total_funds), long_amount, 129},
        {"total_funds", offsetof(dealfsm_record, total_funds), long_text, 2},
        {"funds_spent", offsetof(dealfsm_record, funds_spent), (const uint8_t *)"\x02\x01", 2},
        {"price_per_byte", offsetof(dealfsm_record, price_per_byte), (const uint8_t *)"\x01", 1},
        {"message", offsetof(dealfsm_record, message), long_text, 8193},
        {"sender", offsetof(dealfsm_record, sender), long_text, 8193},
        {"selector", offsetof(dealfsm_record, selector), (const uint8_t *)"\xa1\x61", 2},
    };
    for (size_t i = 0; i < sizeof spoilt / sizeof *spoilt; i++) {
        dealfsm_record record;
        uint64_t length = 0;
        uint8_t buffer[16384];
        dealfsm_error error = {.struct_size = sizeof error};
        invent_record(v, 1, DEALFSM_DealStatusOngoing, &record);
        memcpy((uint8_t *)&record + spoilt[i].offset, &spoilt[i].data, sizeof spoilt[i].data);
        memcpy((uint8_t *)&record + spoilt[i].offset + sizeof spoilt[i].data, &spoilt[i].size, sizeof spoilt[i].size);
        CASE(v, "%s of %u bytes, not to be stored", spoilt[i].name, (unsigned)spoilt[i].size);
        const int32_t result = v->record->encode(&record, buffer, sizeof buffer, &length, &error);
        same_result(v, "encode", DEALFSM_E_ARGUMENT, result, NULL);
        expect(v, strstr(error.field, spoilt[i].name) != NULL, format(v->arena, "field %s", spoilt[i].name),
               error.field);
    }
}

static const rule list[] = {
    {"record.round-trip", "what is encoded is decoded to the same record", round_trip},
    {"record.lengths", "capacity is kept to, and the needed length told", lengths},
    {"record.changed-bytes", "a changed byte is refused, or read and written again as it is", changed},
    {"record.cut-bytes", "cut and lengthened bytes are refused", cut},
    {"record.huge", "headers that promise more than there is are refused", huge},
    {"record.arguments", "null arguments are refused", arguments},
    {"record.not-storable", "a record that cannot be stored is refused, the member named", not_storable},
};
const rule_group rules_record = {list, sizeof list / sizeof *list};
