/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* CBOR in diagnostic notation (RFC 8949, section 8), for the selector of a record. The reader has accepted the bytes, so they
 * are whole, definite and not deep; what is not is shown as hex. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "dump_record.h"
#include "dump_words.h"

enum { DEPTH_MAX = 64, SHOWN_BYTES = 2048 };

typedef struct cursor {
    values_arena *arena;
    const uint8_t *at;
    const uint8_t *end;
    words out;
} cursor;

static bool show(cursor *it, unsigned depth);

static bool read_head(cursor *it, unsigned *major, unsigned *low, uint64_t *number)
{
    if (it->at == it->end) {
        return false;
    }
    *major = *it->at >> 5;
    *low = *it->at++ & 31u;
    *number = *low;
    if (*low < 24) {
        return true;
    }
    const size_t size = *low < 28 ? (size_t)1 << (*low - 24) : SIZE_MAX;
    if (size > (size_t)(it->end - it->at)) {
        return false;
    }
    *number = 0;
    for (size_t i = 0; i < size; i++) {
        *number = *number << 8 | *it->at++;
    }
    return true;
}

static bool show_string(cursor *it, bool is_text, uint64_t size)
{
    if (size > (uint64_t)(it->end - it->at)) {
        return false;
    }
    if (is_text) {
        words_item(&it->out, "", readable_text(it->arena, it->at, size));
    } else {
        words_add(&it->out, "h'%s'", values_hex(it->arena, it->at, size));
    }
    it->at += size;
    return true;
}

/* The items of an array (one each) or a map (two each). */
static bool show_items(cursor *it, bool is_map, uint64_t count, unsigned depth)
{
    words_item(&it->out, "", is_map ? "{" : "[");
    for (uint64_t i = 0; i < count; i++) {
        words_item(&it->out, "", i > 0 ? ", " : "");
        if (!show(it, depth)) {
            return false;
        }
        words_item(&it->out, "", is_map ? ": " : "");
        if (is_map && !show(it, depth)) {
            return false;
        }
    }
    words_item(&it->out, "", is_map ? "}" : "]");
    return true;
}

static double half(uint64_t bits)
{
    const int exponent = (int)(bits >> 10 & 31u);
    const double fraction = (double)(bits & 1023u);
    const double value = exponent == 0    ? fraction * 0x1p-24
                         : exponent != 31 ? (fraction + 1024) * (double)(1u << exponent) * 0x1p-25
                         : fraction == 0  ? (double)INFINITY
                                          : (double)NAN;
    return (bits & 0x8000u) != 0 ? -value : value;
}

static void show_float(cursor *it, unsigned low, uint64_t bits)
{
    const uint32_t narrow = (uint32_t)bits;
    float single;
    double wide;
    memcpy(&single, &narrow, sizeof single);
    memcpy(&wide, &bits, sizeof wide);
    const double value = low == 25 ? half(bits) : low == 26 ? (double)single : wide;
    const bool is_whole = value < 1e15 && value > -1e15 && value == (double)(int64_t)value;
    if (isfinite(value)) {
        words_add(&it->out, is_whole ? "%.1f" : "%.17g", value);
    } else {
        words_item(&it->out, "", isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
    }
}

static bool show_simple(cursor *it, unsigned low, uint64_t number)
{
    static const char *const names[] = {"false", "true", "null", "undefined"};
    if (low >= 25 && low <= 27) {
        show_float(it, low, number);
    } else if (number >= 20 && number <= 23) {
        words_item(&it->out, "", names[number - 20]);
    } else {
        words_add(&it->out, "simple(%" PRIu64 ")", number);
    }
    return true;
}

static bool show(cursor *it, unsigned depth)
{
    unsigned major;
    unsigned low;
    uint64_t number;
    if (depth == DEPTH_MAX || !read_head(it, &major, &low, &number)) {
        return false;
    }
    switch (major) {
    case 0:
        words_add(&it->out, "%" PRIu64, number);
        return true;
    case 1: /* it is -1 - number */
        if (number == UINT64_MAX) {
            words_item(&it->out, "", "-18446744073709551616");
        } else {
            words_add(&it->out, "-%" PRIu64, number + 1);
        }
        return true;
    case 2:
    case 3:
        return show_string(it, major == 3, number);
    case 4:
    case 5:
        return show_items(it, major == 5, number, depth + 1);
    case 6: {
        words_add(&it->out, "%" PRIu64 "(", number);
        const bool good = show(it, depth + 1);
        words_item(&it->out, "", ")");
        return good;
    }
    default:
        return show_simple(it, low, number);
    }
}

const char *readable_cbor(values_arena *arena, const uint8_t *data, uint64_t size)
{
    cursor it = {.arena = arena, .at = data, .end = data + size, .out = {.arena = arena}};
    words text = {.arena = arena};
    if (size <= SHOWN_BYTES && show(&it, 0) && it.at == it.end) {
        return words_text(&it.out);
    }
    words_add(&text, "%s%s (hex of CBOR, %" PRIu64 " bytes%s)",
              values_hex(arena, data, size < SHOWN_BYTES / 4 ? size : SHOWN_BYTES / 4),
              size > SHOWN_BYTES / 4 ? "…" : "", size, size > SHOWN_BYTES / 4 ? "; --json shows all" : "");
    return words_text(&text);
}
