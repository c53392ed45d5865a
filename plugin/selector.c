/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "selector.h"

#include "../fsm/record.h"

#include <stdlib.h>
#include <string.h>

enum { TAG_LINK = 42, CBOR_UNDEFINED = 0xf7, CBOR_HALF = 0xf9, CBOR_SINGLE = 0xfa, CBOR_DOUBLE = 0xfb };

/* Of client 1.28.3; its own copy, so that not each module holds all of that machine. */
static const fsm_address_rule rule = {.protocols = 5, .bits = 63};

static const char too_deep[] = "a selector of more than 256 items inside each other";
static const char twice[] = "a selector with a key twice in a map";

/* ---- Rules for reading and writing */

static bool read_key(cbor_reader *r)
{
    fsm_bytes key;
    return cbor_read_string(r, CBOR_TEXT, UINT32_MAX, &key, "a selector with a key that is not a text");
}

/* The content of tag 42. */
static bool read_link(cbor_reader *r)
{
    const uint8_t *start = r->at;
    fsm_bytes bytes;
    if (!cbor_read_string(r, CBOR_BYTES, UINT32_MAX, &bytes, "a selector with a link (tag 42) that is not bytes"))
        return false;
    bool has_prefix = bytes.size && bytes.data[0] == 0;
    if (has_prefix && fsm_cid_well_formed((fsm_bytes){bytes.data + 1, bytes.size - 1}, &rule))
        return true;
    r->at = start;
    return cbor_fail(r, has_prefix ? "a selector with a link (tag 42) whose CID is not well formed"
                                   : "a selector with a link (tag 42) whose bytes do not begin with 00");
}

static bool read_simple(cbor_reader *r, uint8_t first)
{
    if (first == CBOR_FALSE || first == CBOR_TRUE || first == CBOR_NULL || first == CBOR_DOUBLE)
        return true;
    return cbor_fail(r, first == CBOR_HALF || first == CBOR_SINGLE
                            ? "a selector with a float of less than 64 bits"
                            : "a selector with a simple value that is not false, true or null");
}

/* Below, at or above 0 as the key at a comes before, with or behind the key at b; both are texts in their shortest form, so that
 * the order of their bytes is the order of their lengths first. */
static int compare_keys(fsm_bytes a, fsm_bytes b)
{
    int order = memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

/* ---- Reading */

static bool read_item(cbor_reader *r, uint32_t depth);

static bool read_map(cbor_reader *r, uint64_t pairs, uint32_t depth)
{
    fsm_bytes last = {0};
    for (uint64_t i = 0; i < pairs; i++) {
        const uint8_t *start = r->at;
        if (!read_key(r))
            return false;
        fsm_bytes key = {start, (uint32_t)(r->at - start)};
        int order = i ? compare_keys(last, key) : -1;
        if (order >= 0) {
            r->at = start;
            return cbor_fail(r, order ? "a selector with keys that are not sorted by length, then bytewise" : twice);
        }
        last = key;
        if (!read_item(r, depth + 1))
            return false;
    }
    return true;
}

/* `pairs` or items were counted by cbor_read_any. */
static bool read_content(cbor_reader *r, uint8_t first, uint64_t argument, uint32_t depth)
{
    switch (first >> 5) {
    case CBOR_NEGINT:
        return argument <= INT64_MAX || cbor_fail(r, "a selector with an integer below -2^63");
    case CBOR_BYTES:
    case CBOR_TEXT:
        r->at += argument;
        return true;
    case CBOR_ARRAY:
        for (uint64_t i = 0; i < argument; i++)
            if (!read_item(r, depth + 1))
                return false;
        return true;
    case CBOR_MAP:
        return read_map(r, argument, depth);
    case CBOR_TAG:
        return argument == TAG_LINK ? read_link(r) : cbor_fail(r, "a selector with a tag that is not 42");
    case CBOR_SIMPLE:
        return read_simple(r, first);
    default:
        return true;
    }
}

static bool read_item(cbor_reader *r, uint32_t depth)
{
    const uint8_t *start = r->at;
    uint8_t major = 0;
    uint64_t argument = 0;
    if (depth == SELECTOR_DEPTH_MAX)
        return cbor_fail(r, too_deep);
    return cbor_read_head(r, &major, &argument) && read_content(r, *start, argument, depth);
}

bool selector_read(cbor_reader *r, fsm_bytes *out)
{
    cbor_reader inside = *r;
    if (!cbor_read_any(r, out))
        return false;
    if (read_item(&inside, 0))
        return true;
    r->at = inside.at;
    return cbor_fail(r, inside.why);
}

/* ---- Rewriting */

typedef struct rewriting {
    cbor_reader in;
    cbor_writer out;
    const uint8_t **keys; /* room to sort the keys of the maps that are open */
} rewriting;

/* A text that was read before: its head says how long it is. */
static fsm_bytes key_at(const uint8_t *at)
{
    uint32_t low = at[0] & 31u, width = low < 24 ? 0 : 1u << (low - 24), size = width ? 0 : low;
    for (uint32_t i = 1; i <= width; i++)
        size = size << 8 | at[i];
    return (fsm_bytes){at, 1 + width + size};
}

static int compare_pairs(const void *a, const void *b)
{
    return compare_keys(key_at(*(const uint8_t *const *)a), key_at(*(const uint8_t *const *)b));
}

static bool rewrite_item(rewriting *w, uint32_t depth);

static bool is_tag(const cbor_reader *r)
{
    return *r->at >> 5 == CBOR_TAG;
}

/* A tag was read that is not copied. */
static bool leave_tag(cbor_reader *r, uint64_t tag)
{
    if (tag > INT64_MAX)
        return cbor_fail(r, "a selector with a tag of 2^63 or more");
    return !is_tag(r) || cbor_fail(r, "a selector with a tag in a tag");
}

/* Where each pair begins, behind a tag of its key; leaves the input behind the map. */
static bool find_keys(rewriting *w, uint64_t pairs)
{
    fsm_bytes value;
    uint8_t major = 0;
    uint64_t tag = 0;
    for (uint64_t i = 0; i < pairs; i++) {
        if (is_tag(&w->in) && !(cbor_read_head(&w->in, &major, &tag) && leave_tag(&w->in, tag)))
            return false;
        w->keys[i] = w->in.at;
        if (!read_key(&w->in))
            return false;
        cbor_read_any(&w->in, &value);
    }
    return true;
}

static bool rewrite_map(rewriting *w, uint64_t pairs, uint32_t depth)
{
    const uint8_t **keys = w->keys;
    if (!find_keys(w, pairs))
        return false;
    const uint8_t *end = w->in.at;
    qsort(keys, pairs, sizeof *keys, compare_pairs);
    cbor_write_head(&w->out, CBOR_MAP, pairs);
    w->keys += pairs;
    for (uint64_t i = 0; i < pairs; i++) {
        if (i && !compare_pairs(&keys[i - 1], &keys[i]))
            return cbor_fail(&w->in, twice);
        fsm_bytes key = key_at(keys[i]);
        cbor_write_raw(&w->out, key);
        w->in.at = key.data + key.size;
        if (!rewrite_item(w, depth + 1))
            return false;
    }
    w->keys = keys;
    w->in.at = end;
    return true;
}

/* The 64 bits of a float of 16 or 32 bits (IEEE 754). A signalling NaN becomes quiet, as where processors widen. */
static uint64_t widen(uint64_t bits, uint32_t exponent_bits, uint32_t fraction_bits)
{
    uint64_t implicit = (uint64_t)1 << fraction_bits;
    uint64_t highest = ((uint64_t)1 << exponent_bits) - 1;
    uint64_t bias = 1023 - highest / 2;
    uint64_t fraction = bits & (implicit - 1);
    uint64_t exponent = bits >> fraction_bits & highest;
    uint64_t sign = bits >> (fraction_bits + exponent_bits);
    if (exponent == highest) {
        exponent = 2047;
        fraction |= fraction ? implicit / 2 : 0;
    } else if (exponent) {
        exponent += bias;
    } else if (fraction) { /* what is subnormal there is not in 64 bits */
        for (exponent = bias + 1; !(fraction & implicit); exponent--)
            fraction <<= 1;
        fraction -= implicit;
    }
    return sign << 63 | exponent << 52 | fraction << (52 - fraction_bits);
}

/* No float is so small, as a number of bits, that its head would come out shorter: cbor_read_head refuses those. */
static bool rewrite_simple(rewriting *w, uint8_t first, uint64_t argument)
{
    if (first == CBOR_UNDEFINED)
        first = CBOR_NULL;
    if (first == CBOR_HALF || first == CBOR_SINGLE) {
        cbor_write_head(&w->out, CBOR_SIMPLE, first == CBOR_HALF ? widen(argument, 5, 10) : widen(argument, 8, 23));
        return true;
    }
    if (!read_simple(&w->in, first))
        return false;
    if (first == CBOR_DOUBLE)
        cbor_write_head(&w->out, CBOR_SIMPLE, argument);
    else
        cbor_write_byte(&w->out, first);
    return true;
}

/* `start` is where the tag begins, the input stands behind it. On bytes a tag is a link or nothing that DAG-CBOR has; on
 * anything else the reference reads over it, 42 included. */
static bool rewrite_tag(rewriting *w, const uint8_t *start, uint64_t tag, uint32_t depth)
{
    cbor_reader *r = &w->in;
    if (*r->at >> 5 != CBOR_BYTES)
        return leave_tag(r, tag) && rewrite_item(w, depth + 1);
    if (tag != TAG_LINK)
        return cbor_fail(r, "a selector with a tag that is not 42 on bytes");
    if (!read_link(r))
        return false;
    cbor_write_raw(&w->out, (fsm_bytes){start, (uint32_t)(r->at - start)});
    return true;
}

static bool rewrite_content(rewriting *w, const uint8_t *start, uint64_t argument, uint32_t depth)
{
    cbor_reader *r = &w->in;
    switch (*start >> 5) {
    case CBOR_ARRAY:
        cbor_write_head(&w->out, CBOR_ARRAY, argument);
        for (uint64_t i = 0; i < argument; i++)
            if (!rewrite_item(w, depth + 1))
                return false;
        return true;
    case CBOR_MAP:
        return rewrite_map(w, argument, depth);
    case CBOR_SIMPLE:
        return rewrite_simple(w, *start, argument);
    case CBOR_TAG:
        return rewrite_tag(w, start, argument, depth);
    }
    if (!read_content(r, *start, argument, depth))
        return false;
    cbor_write_raw(&w->out, (fsm_bytes){start, (uint32_t)(r->at - start)});
    return true;
}

static bool rewrite_item(rewriting *w, uint32_t depth)
{
    const uint8_t *start = w->in.at;
    uint8_t major = 0;
    uint64_t argument = 0;
    if (depth == SELECTOR_DEPTH_MAX)
        return cbor_fail(&w->in, too_deep);
    return cbor_read_head(&w->in, &major, &argument) && rewrite_content(w, start, argument, depth);
}

/* A pair takes two bytes at least, and a float of 3 bytes becomes one of 9. */
uint64_t selector_room(uint32_t size)
{
    return (uint64_t)size / 2 * sizeof(const uint8_t *) + 3 * (uint64_t)size;
}

bool selector_rewrite(fsm_bytes selector, uint8_t *room, fsm_bytes *out, const char **why)
{
    uint64_t keys_size = (uint64_t)selector.size / 2 * sizeof(const uint8_t *);
    rewriting w = {{selector.data, selector.data, selector.data + selector.size, NULL},
                   {room + keys_size, 3 * (uint64_t)selector.size, 0},
                   (const uint8_t **)(void *)room};
    bool has_form = rewrite_item(&w, 0);
    *out = (fsm_bytes){w.out.buffer, (uint32_t)w.out.length};
    *why = w.in.why;
    return has_form;
}
