/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "scenario_fields.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Sums of many durations stay far below 2^64. */
static const uint64_t DURATION_MAX = 3650ull * 86400 * 1000000;

bool place_refuse(const place *at, const char *format, ...)
{
    char text[sizeof at->why->text];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return text_refuse(at->why, "%s: %s%s%s", at->file, at->path, at->path[0] != '\0' ? ": " : "", text);
}

place place_below(const place *at, const char *name, size_t index)
{
    place below = *at;
    size_t used = strlen(below.path);
    char *end = below.path + used;
    if (name == NULL) {
        (void)snprintf(end, sizeof below.path - used, "[%zu]", index);
    } else {
        (void)snprintf(end, sizeof below.path - used, "%s%.60s", used > 0 ? "." : "", name);
    }
    return below;
}

/* "found …": a short value as it stands, else its type. */
static bool refuse_value(const place *at, const char *expected, const json_t *value)
{
    static const char *const types[] = {"an object", "an array", "a text", "an integer",
                                        "a number",  "true",     "false",  "null"};
    char *dump = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    bool brief = dump != NULL && strlen(dump) <= 60;
    (void)place_refuse(at, "expected %s, found %s", expected, brief ? dump : types[json_typeof(value)]);
    free(dump);
    return false;
}

static const char *text_of(const place *at, const json_t *value, const char *expected)
{
    if (!json_is_string(value)) {
        (void)refuse_value(at, expected, value);
        return NULL;
    }
    return json_string_value(value);
}

static bool refuse_why(const place *at, const text_why *why)
{
    return place_refuse(at, "%s", why->text);
}

static bool read_text(const place *at, const json_t *value, void *member)
{
    char **text = member;
    const char *from = text_of(at, value, FIELD_TEXT.expects);
    *text = from != NULL ? strdup(from) : NULL;
    return *text != NULL || (from != NULL && place_refuse(at, "out of memory"));
}

static void free_text(void *member)
{
    char **text = member;
    free(*text);
}

static bool read_number(const place *at, const json_t *value, uint64_t *out, json_int_t min, const char *expected)
{
    if (!json_is_integer(value) || json_integer_value(value) < min) {
        return refuse_value(at, expected, value);
    }
    *out = (uint64_t)json_integer_value(value);
    return true;
}

static bool read_count(const place *at, const json_t *value, void *member)
{
    return read_number(at, value, member, 0, FIELD_COUNT.expects);
}

static bool read_positive(const place *at, const json_t *value, void *member)
{
    return read_number(at, value, member, 1, FIELD_POSITIVE.expects);
}

typedef bool quantity_reader(const char *text, uint64_t *out, text_why *why);

static bool read_quantity(const place *at, const json_t *value, quantity_reader *read, const char *expected,
                          uint64_t *out)
{
    text_why why;
    const char *text = text_of(at, value, expected);
    return text != NULL && (read(text, out, &why) || refuse_why(at, &why));
}

static bool read_size(const place *at, const json_t *value, void *member)
{
    uint64_t *size = member;
    return read_quantity(at, value, text_read_size, FIELD_SIZE.expects, size) &&
           (*size > 0 || place_refuse(at, "expected a size of at least 1 byte, found 0"));
}

static bool read_bounded(const char *text, uint64_t *microseconds, text_why *why)
{
    return text_read_duration(text, microseconds, why) &&
           (*microseconds <= DURATION_MAX || text_refuse(why, "expected at most 3650 d, found \"%.60s\"", text));
}

static bool read_duration(const place *at, const json_t *value, void *member)
{
    return read_quantity(at, value, read_bounded, FIELD_DURATION.expects, member);
}

static bool read_share(const place *at, const json_t *value, void *member)
{
    return read_quantity(at, value, text_read_share, FIELD_SHARE.expects, member);
}

/* The two ends of a range: [min, max], or one value that is both. */
static bool ends_of(const place *at, const json_t *value, const char *expected, const json_t *ends[2])
{
    ends[0] = ends[1] = value;
    if (json_is_array(value)) {
        if (json_array_size(value) != 2) {
            return refuse_value(at, expected, value);
        }
        ends[0] = json_array_get(value, 0);
        ends[1] = json_array_get(value, 1);
    }
    return true;
}

static bool read_range(const place *at, const json_t *value, quantity_reader *read, const char *expected, void *member)
{
    scenario_range *range = member;
    const json_t *ends[2];
    if (!ends_of(at, value, expected, ends) || !read_quantity(at, ends[0], read, expected, &range->min) ||
        !read_quantity(at, ends[1], read, expected, &range->max)) {
        return false;
    }
    return range->min <= range->max || place_refuse(at, "expected the smaller value first, found it behind");
}

static bool read_sizes(const place *at, const json_t *value, void *member)
{
    const scenario_range *sizes = member;
    return read_range(at, value, text_read_size, FIELD_SIZES.expects, member) &&
           (sizes->min > 0 || place_refuse(at, "expected a size of at least 1 byte, found 0"));
}

static bool read_growth(const place *at, const json_t *value, void *member)
{
    return read_range(at, value, text_read_size, FIELD_GROWTH.expects, member);
}

static bool read_durations(const place *at, const json_t *value, void *member)
{
    return read_range(at, value, read_bounded, FIELD_DURATIONS.expects, member);
}

static bool read_mpz(const place *at, const json_t *value, const char *expected, mpz_t amount)
{
    text_why why;
    const char *text = text_of(at, value, expected);
    if (text == NULL || !text_read_amount(text, amount, &why)) {
        return text != NULL && refuse_why(at, &why);
    }
    return mpz_sizeinbase(amount, 2) <= 127 ||
           place_refuse(at, "expected an amount below 2^127 attoFIL, found \"%s\"", text);
}

static bool read_amount(const place *at, const json_t *value, void *member)
{
    mpz_t *amount = member;
    return read_mpz(at, value, FIELD_AMOUNT.expects, *amount);
}

static void free_amount(void *member)
{
    mpz_t *amount = member;
    mpz_clear(*amount);
}

static bool read_amounts(const place *at, const json_t *value, void *member)
{
    scenario_amounts *amounts = member;
    const json_t *ends[2];
    if (!ends_of(at, value, FIELD_AMOUNTS.expects, ends) ||
        !read_mpz(at, ends[0], FIELD_AMOUNTS.expects, amounts->min) ||
        !read_mpz(at, ends[1], FIELD_AMOUNTS.expects, amounts->max)) {
        return false;
    }
    return mpz_cmp(amounts->min, amounts->max) <= 0 ||
           place_refuse(at, "expected the smaller amount first, found it behind");
}

static void free_amounts(void *member)
{
    scenario_amounts *amounts = member;
    mpz_clears(amounts->min, amounts->max, NULL);
}

typedef bool bytes_reader(const char *text, text_bytes *out, text_why *why);

static bool read_bytes(const place *at, const json_t *value, bytes_reader *read, const char *expected, void *member)
{
    text_why why;
    const char *text = text_of(at, value, expected);
    return text != NULL && (read(text, member, &why) || refuse_why(at, &why));
}

static bool read_cid(const place *at, const json_t *value, void *member)
{
    return read_bytes(at, value, text_read_cid, FIELD_CID.expects, member);
}

static bool read_address(const place *at, const json_t *value, void *member)
{
    return read_bytes(at, value, text_read_address, FIELD_ADDRESS.expects, member);
}

static bool read_peer(const place *at, const json_t *value, void *member)
{
    return read_bytes(at, value, text_read_peer, FIELD_PEER.expects, member);
}

static bool read_hex(const place *at, const json_t *value, void *member)
{
    return read_bytes(at, value, text_read_hex, FIELD_HEX.expects, member);
}

static void free_bytes(void *member)
{
    text_bytes_free(member);
}

const field_kind FIELD_TEXT = {"a text", read_text, free_text};
const field_kind FIELD_COUNT = {"an integer from 0", read_count, NULL};
const field_kind FIELD_POSITIVE = {"an integer from 1", read_positive, NULL};
const field_kind FIELD_SIZE = {"a size such as \"1 MiB\"", read_size, NULL};
const field_kind FIELD_SIZES = {"a size such as \"1 MiB\", or two: [smallest, largest]", read_sizes, NULL};
const field_kind FIELD_GROWTH = {"a size such as \"1 MiB\" or \"0 bytes\", or two: [smallest, largest]", read_growth,
                                 NULL};
const field_kind FIELD_DURATION = {"a duration such as \"30 s\"", read_duration, NULL};
const field_kind FIELD_DURATIONS = {"a duration such as \"30 s\", or two: [shortest, longest]", read_durations, NULL};
const field_kind FIELD_SHARE = {"a share such as \"2 %\"", read_share, NULL};
const field_kind FIELD_AMOUNT = {"an amount such as \"1.5 FIL\"", read_amount, free_amount};
const field_kind FIELD_AMOUNTS = {"an amount such as \"20 attoFIL\", or two: [smallest, largest]", read_amounts,
                                  free_amounts};
const field_kind FIELD_CID = {"a CID, bafy… or Qm…", read_cid, free_bytes};
const field_kind FIELD_ADDRESS = {"an address, f0… to f4…", read_address, free_bytes};
const field_kind FIELD_PEER = {"a peer id, 12D3Koo… or Qm…", read_peer, free_bytes};
const field_kind FIELD_HEX = {"bytes in lowercase hex", read_hex, free_bytes};

static const field *find_field(const field *fields, const char *key)
{
    for (; fields->key != NULL; fields++) {
        if (strcmp(fields->key, key) == 0) {
            return fields;
        }
    }
    return NULL;
}

/* "a, b or c": the keys that an object may have. */
static void list_keys(const field *fields, char *text, size_t size)
{
    text[0] = '\0';
    for (const field *row = fields; row->key != NULL; row++) {
        size_t used = strlen(text);
        const char *joint = row == fields ? "" : row[1].key == NULL ? " or " : ", ";
        (void)snprintf(text + used, size - used, "%s%s", joint, row->key);
    }
}

static bool check_keys(const place *at, const json_t *object, const field *fields)
{
    const char *key;
    json_t *value;
    if (!json_is_object(object)) {
        return refuse_value(at, "an object", object);
    }
    json_object_foreach((json_t *)object, key, value)
    {
        if (find_field(fields, key) == NULL) {
            char keys[200];
            list_keys(fields, keys, sizeof keys);
            return place_refuse(at, "expected the keys %s, found \"%.40s\"", keys, key);
        }
    }
    return true;
}

bool fields_read(const place *at, const json_t *object, const field *fields, void *into)
{
    if (!check_keys(at, object, fields)) {
        return false;
    }
    for (; fields->key != NULL; fields++) {
        place below = place_below(at, fields->key, 0);
        const json_t *value = json_object_get(object, fields->key);
        if (value == NULL && fields->needed) {
            return place_refuse(&below, "expected %s, found nothing", fields->kind->expects);
        }
        if (value != NULL && !fields->kind->read(&below, value, (char *)into + fields->offset)) {
            return false;
        }
    }
    return true;
}

void fields_free(const field *fields, void *of)
{
    for (; fields->key != NULL; fields++) {
        if (fields->kind->free != NULL) {
            fields->kind->free((char *)of + fields->offset);
        }
    }
}
