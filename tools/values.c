/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "values.h"

#include <inttypes.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Memory */
enum { CHUNK_BYTES = 64 * 1024 };

typedef struct chunk {
    struct chunk *next;
    size_t size;
    size_t used;
    alignas(max_align_t) uint8_t bytes[];
} chunk;

struct values_arena {
    chunk *chunks; /* the one in use first */
};

values_arena *values_arena_new(void)
{
    return calloc(1, sizeof(values_arena));
}

static void free_chunks(chunk *it)
{
    while (it != NULL) {
        chunk *next = it->next;
        free(it);
        it = next;
    }
}

void values_arena_free(values_arena *arena)
{
    if (arena != NULL) {
        free_chunks(arena->chunks);
        free(arena);
    }
}

void values_arena_clear(values_arena *arena)
{
    if (arena->chunks != NULL) {
        free_chunks(arena->chunks->next);
        arena->chunks->next = NULL;
        arena->chunks->used = 0;
    }
}

void *values_take(values_arena *arena, size_t size)
{
    const size_t step = alignof(max_align_t);
    size = (size + step) / step * step; /* never 0: every piece has an address of its own */
    chunk *top = arena->chunks;
    if (top == NULL || top->size - top->used < size) {
        const size_t bytes = size > CHUNK_BYTES ? size : CHUNK_BYTES;
        top = malloc(sizeof *top + bytes);
        if (top == NULL) {
            fputs("out of memory\n", stderr);
            exit(EXIT_FAILURE);
        }
        *top = (chunk){.next = arena->chunks, .size = bytes};
        arena->chunks = top;
    }
    void *piece = top->bytes + top->used;
    top->used += size;
    return memset(piece, 0, size);
}

/* ---- Single forms */
char *values_hex(values_arena *arena, const uint8_t *data, uint64_t size)
{
    static const char digits[] = "0123456789abcdef";
    char *text = values_take(arena, size * 2 + 1);
    for (uint64_t i = 0; i < size; i++) {
        text[2 * i] = digits[data[i] >> 4];
        text[2 * i + 1] = digits[data[i] & 15];
    }
    return text;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool values_unhex(values_arena *arena, const char *text, const uint8_t **data, uint64_t *size)
{
    const size_t digits = strlen(text);
    uint8_t *bytes = values_take(arena, digits / 2);
    for (size_t i = 0; i + 1 < digits; i += 2) {
        const int high = hex_digit(text[i]);
        const int low = hex_digit(text[i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        bytes[i / 2] = (uint8_t)(high * 16 + low);
    }
    *data = bytes;
    *size = digits / 2;
    return digits % 2 == 0;
}

bool values_u64(const char *text, uint64_t *number)
{
    uint64_t sum = 0;
    if (*text == '\0' || (text[0] == '0' && text[1] != '\0')) {
        return false;
    }
    for (; *text != '\0'; text++) {
        const unsigned digit = (unsigned)(*text - '0');
        if (digit > 9 || sum > (UINT64_MAX - digit) / 10) {
            return false;
        }
        sum = sum * 10 + digit;
    }
    *number = sum;
    return true;
}

char *values_decimal(values_arena *arena, const uint8_t *amount, uint64_t size)
{
    if (size < 2) {
        char *zero = values_take(arena, 2);
        zero[0] = '0';
        return zero;
    }
    const uint64_t bytes = size - 1;
    uint8_t *rest = values_take(arena, bytes);
    memcpy(rest, amount + 1, bytes);
    const uint64_t room = bytes * 5 / 2 + 3; /* a byte is under 2.41 decimal digits; sign and NUL */
    char *text = values_take(arena, room);
    char *at = text + room - 1;
    for (bool more = true; more;) {
        unsigned remainder = 0;
        more = false;
        for (uint64_t i = 0; i < bytes; i++) {
            const unsigned part = remainder << 8 | rest[i];
            rest[i] = (uint8_t)(part / 10);
            remainder = part % 10;
            more = more || rest[i] != 0;
        }
        *--at = (char)('0' + remainder);
    }
    if (amount[0] != 0) {
        *--at = '-';
    }
    return at;
}

bool values_amount(values_arena *arena, const char *text, const uint8_t **amount, uint64_t *size)
{
    const bool negative = *text == '-';
    const char *digits = negative ? text + 1 : text;
    const size_t count = strlen(digits);
    if (count == 0 || (digits[0] == '0' && (negative || count > 1))) {
        return false;
    }
    const size_t room = count / 2 + 2; /* two digits are under a byte */
    uint8_t *bytes = values_take(arena, room);
    size_t used = 0;
    for (const char *at = digits; *at != '\0'; at++) {
        if (*at < '0' || *at > '9') {
            return false;
        }
        unsigned carry = (unsigned)(*at - '0');
        for (size_t i = 0; i < used; i++) {
            carry += bytes[room - 1 - i] * 10u;
            bytes[room - 1 - i] = (uint8_t)carry;
            carry >>= 8;
        }
        if (carry != 0) {
            bytes[room - 1 - used++] = (uint8_t)carry;
        }
    }
    uint8_t *stored = bytes + room - used - 1;
    *stored = negative ? 1 : 0;
    *amount = stored;
    *size = used == 0 ? 0 : used + 1;
    return true;
}

/* ---- Kinds */
static const char *const kind_names[] = {
    [DEALFSM_NONE] = "nil",        [DEALFSM_AMOUNT] = "amount", [DEALFSM_TEXT] = "text",
    [DEALFSM_ERROR] = "error",     [DEALFSM_U64] = "u64",       [DEALFSM_CID] = "cid",
    [DEALFSM_ADDRESS] = "address", [DEALFSM_STATUS] = "status", [DEALFSM_CHANNEL] = "channel",
    [DEALFSM_FLAG] = "flag",       [DEALFSM_BYTES] = "bytes",   [DEALFSM_PEER] = "peer",
    [DEALFSM_CBOR] = "cbor",
};
enum { KINDS = sizeof kind_names / sizeof *kind_names };

const char *values_kind_name(uint32_t kind)
{
    return kind < KINDS ? kind_names[kind] : NULL;
}

static bool kind_of(const char *name, uint32_t *kind)
{
    for (uint32_t i = 0; i < KINDS; i++) {
        if (strcmp(kind_names[i], name) == 0) {
            *kind = i;
            return true;
        }
    }
    return false;
}

/* ---- Values */
static json_t *number_to_json(uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, number);
    return json_string(text);
}

json_t *values_to_json(values_arena *arena, const dealfsm_value *value)
{
    json_t *text;
    switch (value->kind) {
    case DEALFSM_NONE:
        return json_null();
    case DEALFSM_AMOUNT:
        return json_string(values_decimal(arena, value->data, value->data_len));
    case DEALFSM_TEXT:
    case DEALFSM_ERROR:
        text = json_stringn(value->data == NULL ? "" : (const char *)value->data, value->data_len);
        return text != NULL ? text : json_pack("{s:s}", "hex", values_hex(arena, value->data, value->data_len));
    case DEALFSM_U64:
    case DEALFSM_STATUS:
        return number_to_json(value->number);
    case DEALFSM_FLAG:
        return json_boolean(value->number != 0);
    case DEALFSM_CHANNEL:
        return json_pack("{s:s, s:s, s:o}", "initiator", values_hex(arena, value->data, value->data_len), "responder",
                         values_hex(arena, value->data2, value->data2_len), "id", number_to_json(value->number));
    default:
        return json_string(values_hex(arena, value->data, value->data_len));
    }
}

static bool text_from_json(values_arena *arena, const json_t *json, dealfsm_value *out)
{
    const json_t *hex = json_object_get(json, "hex");
    if (hex != NULL) {
        return json_is_string(hex) && values_unhex(arena, json_string_value(hex), &out->data, &out->data_len);
    }
    if (!json_is_string(json)) {
        return false;
    }
    out->data_len = json_string_length(json);
    out->data = memcpy(values_take(arena, out->data_len), json_string_value(json), out->data_len);
    return true;
}

static bool channel_from_json(values_arena *arena, const json_t *json, dealfsm_value *out)
{
    const char *initiator = json_string_value(json_object_get(json, "initiator"));
    const char *responder = json_string_value(json_object_get(json, "responder"));
    const char *id = json_string_value(json_object_get(json, "id"));
    return json_object_size(json) == 3 && initiator != NULL && responder != NULL && id != NULL &&
           values_unhex(arena, initiator, &out->data, &out->data_len) &&
           values_unhex(arena, responder, &out->data2, &out->data2_len) && values_u64(id, &out->number);
}

bool values_from_json(values_arena *arena, uint32_t kind, const json_t *json, dealfsm_value *out)
{
    const char *text = json_string_value(json);
    *out = (dealfsm_value){.struct_size = sizeof *out, .kind = json_is_null(json) ? DEALFSM_NONE : kind};
    switch (out->kind) {
    case DEALFSM_NONE:
        return json_is_null(json);
    case DEALFSM_AMOUNT:
        return text != NULL && values_amount(arena, text, &out->data, &out->data_len);
    case DEALFSM_TEXT:
    case DEALFSM_ERROR:
        return text_from_json(arena, json, out);
    case DEALFSM_U64:
    case DEALFSM_STATUS:
        return text != NULL && values_u64(text, &out->number);
    case DEALFSM_FLAG:
        out->number = json_is_true(json) ? 1 : 0;
        return json_is_boolean(json);
    case DEALFSM_CHANNEL:
        return channel_from_json(arena, json, out);
    default:
        return text != NULL && values_unhex(arena, text, &out->data, &out->data_len);
    }
}

static const dealfsm_value *value_at(const dealfsm_value *values, uint32_t stride, uint32_t index)
{
    return (const dealfsm_value *)(const void *)((const uint8_t *)values + (size_t)stride * index);
}

json_t *values_args_to_json(values_arena *arena, const dealfsm_value *args, uint32_t count, uint32_t stride)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++) {
        const dealfsm_value *value = value_at(args, stride, i);
        const char *name = values_kind_name(value->kind);
        json_t *json = value->kind == DEALFSM_NONE ? json_true() : values_to_json(arena, value);
        json_array_append_new(list, json_pack("{s:o}", name == NULL ? "unknown" : name, json));
    }
    return list;
}

bool values_args_from_json(values_arena *arena, const json_t *json, dealfsm_value **args, uint32_t *count)
{
    if (!json_is_array(json)) {
        return false;
    }
    *count = (uint32_t)json_array_size(json);
    *args = values_take(arena, *count * sizeof **args);
    for (uint32_t i = 0; i < *count; i++) {
        json_t *one = json_array_get(json, i);
        void *key = json_object_iter(one);
        uint32_t kind;
        if (json_object_size(one) != 1 || !kind_of(json_object_iter_key(key), &kind)) {
            return false;
        }
        json_t *value = json_object_iter_value(key);
        if (kind == DEALFSM_NONE) {
            (*args)[i] = (dealfsm_value){.struct_size = sizeof **args};
        } else if (json_is_null(value) || !values_from_json(arena, kind, value, &(*args)[i])) {
            return false;
        }
    }
    return true;
}

json_t *values_op_to_json(values_arena *arena, const dealfsm_op_info *info, const dealfsm_op *op)
{
    json_t *object = json_object();
    for (uint32_t i = 0; i < op->args_count; i++) {
        const char *name = i < info->args_count ? info->args_names[i] : "one too many";
        json_object_set_new(object, name, values_to_json(arena, value_at(op->args, op->args_stride, i)));
    }
    return object;
}

/* ---- Answers */
static bool shortfall_from_json(values_arena *arena, const json_t *json, dealfsm_answer *out)
{
    dealfsm_value *value = values_take(arena, sizeof *value);
    out->outcome = DEALFSM_ANSWER_SHORTFALL;
    out->values = value;
    out->values_count = 1;
    return json_is_string(json) && values_from_json(arena, DEALFSM_AMOUNT, json, value);
}

static bool error_from_json(values_arena *arena, const json_t *json, dealfsm_answer *out)
{
    dealfsm_value text;
    if (!values_from_json(arena, DEALFSM_ERROR, json, &text) || text.kind != DEALFSM_ERROR) {
        return false;
    }
    out->outcome = DEALFSM_ANSWER_ERROR;
    out->text = (const char *)text.data;
    out->text_len = text.data_len;
    return true;
}

static bool is_among(const char *const *names, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count && names[i] != NULL; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static bool all_keys_known(const dealfsm_op_info *info, const json_t *json, const char *const *ignored,
                           const char **unknown)
{
    json_t *object = json_incref((json_t *)json); /* iterating does not change it */
    bool known = true;
    for (void *at = json_object_iter(object); at != NULL && known; at = json_object_iter_next(object, at)) {
        *unknown = json_object_iter_key(at);
        known = is_among(info->values_names, info->values_count, *unknown) || is_among(ignored, UINT32_MAX, *unknown);
    }
    json_decref(object);
    return known;
}

bool values_answer_from_json(values_arena *arena, const dealfsm_op_info *info, const json_t *json,
                             const char *const *ignored, dealfsm_answer *out, const char **why)
{
    const json_t *error = json_object_get(json, "error");
    const json_t *shortfall = json_object_get(json, "shortfall");
    *why = "answer: expected an object with error, shortfall, ok or values by name";
    out->values_stride = sizeof(dealfsm_value);
    if (error != NULL || shortfall != NULL) {
        return json_object_size(json) == 1 &&
               (error != NULL ? error_from_json(arena, error, out) : shortfall_from_json(arena, shortfall, out));
    }
    out->outcome = DEALFSM_ANSWER_OK;
    if (json_is_true(json_object_get(json, "ok"))) {
        *why = "answer {ok: true}, but the op's answer has values";
        return info->values_count == 0;
    }
    if (!json_is_object(json) || !all_keys_known(info, json, ignored, why)) {
        return false;
    }
    dealfsm_value *values = values_take(arena, info->values_count * sizeof *values);
    for (uint32_t i = 0; i < info->values_count; i++) {
        *why = info->values_names[i];
        const json_t *value = json_object_get(json, *why);
        if (value == NULL || !values_from_json(arena, info->values[i], value, &values[i])) {
            return false;
        }
        if (values[i].kind == DEALFSM_NONE && (info->values_optional >> i & 1) == 0) {
            values[i].kind = info->values[i]; /* where a value must be, null is the undefined one, of length 0 */
        }
    }
    out->values = values;
    out->values_count = info->values_count;
    return true;
}
