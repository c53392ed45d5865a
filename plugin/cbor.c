/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "cbor.h"

#include <cbor/encoding.h>
#include <string.h>

/* Limits of the reference's reader (cbor-gen: MaxLength, ByteArrayMaxLen). */
enum { ANY_ENTRIES_MAX = 8192, ANY_STRING_MAX = 2 << 20 };

cbor_reader cbor_reader_of(fsm_bytes bytes)
{
    return (cbor_reader){bytes.data, bytes.data, bytes.size ? bytes.data + bytes.size : bytes.data, NULL};
}

bool cbor_fail(cbor_reader *r, const char *why)
{
    if (!r->why)
        r->why = why;
    return false;
}

bool cbor_read_head(cbor_reader *r, uint8_t *major, uint64_t *argument)
{
    if (r->at == r->end)
        return cbor_fail(r, "the input ends where an item is expected");
    uint8_t low = *r->at & 31;
    *major = (uint8_t)(*r->at >> 5);
    if (low < 24) {
        *argument = low;
        r->at++;
        return true;
    }
    if (low > 27)
        return cbor_fail(r, low == 31 ? "indefinite length" : "reserved head");
    uint32_t width = 1u << (low - 24);
    if ((uint64_t)(r->end - r->at) < 1 + width)
        return cbor_fail(r, "the input ends inside a head");
    uint64_t value = 0;
    for (uint32_t i = 1; i <= width; i++)
        value = value << 8 | r->at[i];
    if (value < (width == 1 ? 24 : (uint64_t)1 << (4 * width)))
        return cbor_fail(r, "a number or length that is not in its shortest form");
    *argument = value;
    r->at += 1 + width;
    return true;
}

bool cbor_read(cbor_reader *r, uint8_t major, uint64_t *argument, const char *expected)
{
    const uint8_t *start = r->at;
    uint8_t found = 0;
    if (!cbor_read_head(r, &found, argument))
        return false;
    if (found == major)
        return true;
    r->at = start;
    return cbor_fail(r, expected);
}

bool cbor_read_string(cbor_reader *r, uint8_t major, uint32_t max, fsm_bytes *out, const char *expected)
{
    const uint8_t *start = r->at;
    uint64_t size = 0;
    if (!cbor_read(r, major, &size, expected))
        return false;
    if (size > max || size > (uint64_t)(r->end - r->at)) {
        const char *why = size > max ? "a string is longer than its field allows" : "the input ends inside a string";
        r->at = start;
        return cbor_fail(r, why);
    }
    *out = (fsm_bytes){r->at, (uint32_t)size};
    r->at += size;
    return true;
}

bool cbor_take_null(cbor_reader *r)
{
    if (r->at == r->end || *r->at != CBOR_NULL)
        return false;
    r->at++;
    return true;
}

bool cbor_read_flag(cbor_reader *r, bool *out)
{
    if (r->at == r->end || (*r->at != CBOR_FALSE && *r->at != CBOR_TRUE))
        return cbor_fail(r, "expected true or false");
    *out = *r->at++ == CBOR_TRUE;
    return true;
}

bool cbor_read_any(cbor_reader *r, fsm_bytes *out)
{
    const uint8_t *start = r->at;
    uint64_t items = 1; /* still to come; each is at least one byte, so more than what is left cannot be */
    while (items) {
        const uint8_t *item = r->at;
        uint8_t major = 0;
        uint64_t argument = 0;
        if (!cbor_read_head(r, &major, &argument))
            return false;
        items--;
        const char *why = NULL;
        if (major == CBOR_BYTES || major == CBOR_TEXT) {
            if (argument > ANY_STRING_MAX)
                why = "a string of more than 2 MiB";
            else if (argument > (uint64_t)(r->end - r->at))
                why = "the input ends inside a string";
            else
                r->at += argument;
        } else if (major == CBOR_ARRAY || major == CBOR_MAP) {
            if (argument > ANY_ENTRIES_MAX)
                why = "an array or map of more than 8,192 entries";
            items += major == CBOR_MAP ? 2 * argument : argument;
        } else if (major == CBOR_TAG) {
            items++;
        }
        if (!why && items > (uint64_t)(r->end - r->at))
            why = "the input ends where an item is expected";
        if (why) {
            r->at = item;
            return cbor_fail(r, why);
        }
    }
    *out = (fsm_bytes){start, (uint32_t)(r->at - start)};
    return true;
}

void cbor_write_raw(cbor_writer *w, fsm_bytes bytes)
{
    if (bytes.size && w->length + bytes.size <= w->capacity)
        memcpy(w->buffer + w->length, bytes.data, bytes.size);
    w->length += bytes.size;
}

void cbor_write_head(cbor_writer *w, uint8_t major, uint64_t argument)
{
    uint8_t head[9];
    size_t size = cbor_encode_uint(argument, head, sizeof head);
    head[0] = (uint8_t)(head[0] | major << 5);
    cbor_write_raw(w, (fsm_bytes){head, (uint32_t)size});
}

void cbor_write_string(cbor_writer *w, uint8_t major, fsm_bytes bytes)
{
    cbor_write_head(w, major, bytes.size);
    cbor_write_raw(w, bytes);
}

void cbor_write_byte(cbor_writer *w, uint8_t byte)
{
    cbor_write_raw(w, (fsm_bytes){&byte, 1});
}
