/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Values as people read them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dump_record.h"
#include "dump_words.h"
#include "text.h"

enum { FIL_DECIMALS = 18, SHOWN_BYTES = 512 };

const char *readable_fil(values_arena *arena, const char *attofil)
{
    words text = {.arena = arena};
    const bool negative = *attofil == '-';
    const char *digits = attofil + (negative ? 1 : 0);
    size_t count = strlen(digits);
    if (strcmp(digits, "0") == 0) {
        return "0 FIL";
    }
    const size_t whole = count > FIL_DECIMALS ? count - FIL_DECIMALS : 0;
    size_t last = count;
    while (last > whole && digits[last - 1] == '0') {
        last--;
    }
    words_add(&text, "%s%.*s", negative ? "-" : "", whole > 0 ? (int)whole : 1, whole > 0 ? digits : "0");
    if (last > whole) {
        const int zeros = count < FIL_DECIMALS ? (int)(FIL_DECIMALS - count) : 0;
        words_add(&text, ".%.*s%.*s", zeros, "000000000000000000", (int)(last - whole), digits + whole);
    }
    words_item(&text, "", " FIL");
    return words_text(&text);
}

const char *readable_amount(values_arena *arena, const char *attofil)
{
    words text = {.arena = arena};
    words_item(&text, "", readable_fil(arena, attofil));
    if (strcmp(attofil, "0") != 0) {
        words_add(&text, " (%s attoFIL)", attofil);
    }
    return words_text(&text);
}

const char *readable_bytes(values_arena *arena, uint64_t bytes)
{
    words text = {.arena = arena};
    words_add(&text, "%" PRIu64 " byte%s", bytes, bytes == 1 ? "" : "s");
    if (bytes >= 1024) {
        char *size = text_write_size(bytes);
        words_add(&text, " (%s)", size == NULL ? "" : size);
        free(size);
    }
    return words_text(&text);
}

/* ---- Texts */

/* Reads one well-formed UTF-8 character; its bytes, 0: there is none. */
static size_t read_character(const uint8_t *data, uint64_t size, uint32_t *point)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const uint8_t first = data[0];
    const size_t length = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : first >> 3 == 30 ? 4 : 0;
    if (length == 0 || length > size) {
        return 0;
    }
    *point = length == 1 ? first : first & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((data[i] & 0xc0u) != 0x80u) {
            return 0;
        }
        *point = *point << 6 | (data[i] & 0x3fu);
    }
    return *point < least[length] || *point > 0x10ffff || (*point >= 0xd800 && *point < 0xe000) ? 0 : length;
}

/* Characters that show nothing, or change how a terminal shows the others. */
static bool is_unseen(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0xad || (point >= 0x200b && point <= 0x200f) ||
           (point >= 0x2028 && point <= 0x202e) || (point >= 0x2060 && point <= 0x206f) || point == 0xfeff ||
           (point >= 0xfff0 && point <= 0xfffb) || point >= 0xe0000;
}

static void add_character(words *text, const uint8_t *data, size_t length, uint32_t point)
{
    if (length == 0) {
        words_add(text, "\\x%02x", data[0]);
    } else if (point == '\n') {
        words_item(text, "", "\\n");
    } else if (point == '"' || point == '\\') {
        words_add(text, "\\%c", (char)point);
    } else if (is_unseen(point)) {
        words_add(text, "\\u{%" PRIx32 "}", point);
    } else {
        words_add(text, "%.*s", (int)length, (const char *)data);
    }
}

const char *readable_text(values_arena *arena, const uint8_t *data, uint64_t size)
{
    words text = {.arena = arena};
    words_item(&text, "", "\"");
    for (uint64_t at = 0; at < size;) {
        uint32_t point = 0;
        const size_t length = read_character(data + at, size - at, &point);
        add_character(&text, data + at, length, point);
        at += length == 0 ? 1 : length;
    }
    words_item(&text, "", "\"");
    return words_text(&text);
}

/* ---- Names */
static const char *hex_of(values_arena *arena, const uint8_t *data, uint64_t size)
{
    words text = {.arena = arena};
    if (size == 0) {
        return "empty";
    }
    words_add(&text, "%s", values_hex(arena, data, size < SHOWN_BYTES ? size : SHOWN_BYTES));
    if (size > SHOWN_BYTES) {
        words_add(&text, "… (%" PRIu64 " bytes, --json shows all)", size);
    }
    return words_text(&text);
}

/* `form` is what text.h made of the bytes; NULL: it is none. */
static const char *named(values_arena *arena, char *form, const char *what, const uint8_t *data, uint64_t size)
{
    words text = {.arena = arena};
    if (form != NULL) {
        words_item(&text, "", form);
        free(form);
    } else {
        words_item(&text, "", hex_of(arena, data, size));
        if (size > 0) {
            words_add(&text, " (hex; %s)", what);
        }
    }
    return words_text(&text);
}

static const char *readable_status(values_arena *arena, const description *machine, uint64_t status)
{
    const dealfsm_state_info *state = description_state(machine, status);
    words text = {.arena = arena};
    words_add(&text, "%" PRIu64 " %s", status,
              state == NULL ? "(no state of this machine)" : words_status(arena, machine, status));
    if (state != NULL && strcmp(state->name, words_status(arena, machine, status)) != 0) {
        words_add(&text, " (printed as %s)", state->name);
    }
    return words_text(&text);
}

static const char *readable_number(values_arena *arena, uint64_t number, const char *unit)
{
    words text = {.arena = arena};
    if (strcmp(unit, "bytes") == 0) {
        return readable_bytes(arena, number);
    }
    words_add(&text, "%" PRIu64 "%s%s", number, *unit == '\0' ? "" : " ", unit);
    return words_text(&text);
}

const char *readable_value(values_arena *arena, const description *machine, const dealfsm_value *value, const char *unit)
{
    const uint8_t *data = value->data;
    const uint64_t size = value->data_len;
    switch (value->kind) {
    case DEALFSM_NONE:
        return "none";
    case DEALFSM_AMOUNT:
        return readable_amount(arena, values_decimal(arena, data, size));
    case DEALFSM_FLAG:
        return value->number != 0 ? "yes" : "no";
    case DEALFSM_U64:
        return readable_number(arena, value->number, unit);
    case DEALFSM_STATUS:
        return readable_status(arena, machine, value->number);
    case DEALFSM_TEXT:
    case DEALFSM_ERROR:
        return readable_text(arena, data, size);
    case DEALFSM_CID:
        return named(arena, text_write_cid(data, size), "not the form of a CID", data, size);
    case DEALFSM_ADDRESS:
        return named(arena, text_write_address(data, size), "not the form of an address", data, size);
    case DEALFSM_PEER:
        return named(arena, text_write_peer(data, size), "not the form of a peer id", data, size);
    case DEALFSM_CBOR:
        return readable_cbor(arena, data, size);
    default:
        return hex_of(arena, data, size);
    }
}

const char *readable_field(values_arena *arena, const description *machine, const dealfsm_field_info *field,
                           const dealfsm_record *record)
{
    const dealfsm_value value = values_field(field, record);
    return readable_value(arena, machine, &value, field->unit);
}
