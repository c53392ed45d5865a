/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "values.h"

#include <stdio.h>
#include <string.h>

enum { NAME_MAX_BYTES = 64 }; /* of a field's name, for "<field>_hex" */

/* ---- Members of dealfsm_record by offset, as describe/1 tells it */
static uint8_t *member(dealfsm_record *record, uint32_t offset)
{
    return (uint8_t *)record + offset;
}

static uint64_t load_number(const dealfsm_record *record, uint32_t offset, uint32_t width)
{
    uint32_t narrow;
    uint64_t wide;
    const uint8_t *at = (const uint8_t *)record + offset;
    if (width == sizeof narrow) {
        memcpy(&narrow, at, sizeof narrow);
        return narrow;
    }
    memcpy(&wide, at, sizeof wide);
    return wide;
}

static void load_span(const dealfsm_record *record, uint32_t offset, const uint8_t **data, uint64_t *size)
{
    const uint8_t *at = (const uint8_t *)record + offset;
    memcpy(data, at, sizeof *data);
    memcpy(size, at + sizeof *data, sizeof *size);
}

static void store_number(dealfsm_record *record, uint32_t offset, uint32_t width, uint64_t number)
{
    const uint32_t narrow = (uint32_t)number;
    if (width == sizeof narrow) {
        memcpy(member(record, offset), &narrow, sizeof narrow);
    } else {
        memcpy(member(record, offset), &number, sizeof number);
    }
}

static void store_span(dealfsm_record *record, uint32_t offset, const uint8_t *data, uint64_t size)
{
    memcpy(member(record, offset), &data, sizeof data);
    memcpy(member(record, offset) + sizeof data, &size, sizeof size);
}

static bool is_number(const dealfsm_field_info *field)
{
    return field->width < 16;
}

static bool is_present(const dealfsm_field_info *field, const dealfsm_record *record)
{
    const uint8_t *data;
    uint64_t size;
    if (field->presence != 0) {
        return load_number(record, field->presence, 4) != 0;
    }
    if (field->optional == 0 || is_number(field)) {
        return true;
    }
    load_span(record, field->offset, &data, &size);
    return data != NULL;
}

dealfsm_value values_field(const dealfsm_field_info *field, const dealfsm_record *record)
{
    dealfsm_value value = {.struct_size = sizeof value};
    if (!is_present(field, record)) {
        return value;
    }
    value.kind = field->kind;
    if (is_number(field)) {
        value.number = load_number(record, field->offset, field->width);
    } else {
        load_span(record, field->offset, &value.data, &value.data_len);
    }
    return value;
}

const dealfsm_field_info *values_record_difference(const description *machine, const dealfsm_record *a,
                                                   const dealfsm_record *b)
{
    for (uint32_t i = 0; i < machine->fields_count; i++) {
        const dealfsm_value x = values_field(&machine->fields[i], a);
        const dealfsm_value y = values_field(&machine->fields[i], b);
        if (x.kind != y.kind || x.number != y.number || x.data_len != y.data_len ||
            (x.data_len != 0 && memcmp(x.data, y.data, x.data_len) != 0)) {
            return &machine->fields[i];
        }
    }
    return NULL;
}

/* ---- To JSON */

/* The object that holds a field's last name: `root`, or the member of root that its first name says. NULL: that is
 * null. */
static json_t *parent_of(json_t *root, const char *name, const char **last, bool make)
{
    const char *dot = strchr(name, '.');
    if (dot == NULL) {
        *last = name;
        return root;
    }
    char first[NAME_MAX_BYTES];
    snprintf(first, sizeof first, "%.*s", (int)(dot - name), name);
    *last = dot + 1;
    if (make && json_object_get(root, first) == NULL) {
        json_object_set_new(root, first, json_object());
    }
    return json_object_get(root, first);
}

static void set_first(json_t *root, const char *name, json_t *value)
{
    char first[NAME_MAX_BYTES];
    snprintf(first, sizeof first, "%.*s", (int)strcspn(name, "."), name);
    json_object_set_new(root, first, value);
}

json_t *values_record_to_json(values_arena *arena, const description *machine, const dealfsm_record *record)
{
    json_t *root = json_object();
    for (uint32_t i = 0; i < machine->fields_count; i++) {
        const dealfsm_field_info *field = &machine->fields[i];
        const dealfsm_value value = values_field(field, record);
        if (value.kind == DEALFSM_NONE) {
            set_first(root, field->name, json_null());
            continue;
        }
        const char *last;
        json_t *parent = parent_of(root, field->name, &last, true);
        json_t *json = values_to_json(arena, &value);
        if (json_object_get(json, "hex") != NULL) { /* a text that is not UTF-8 */
            char hex_name[NAME_MAX_BYTES];
            snprintf(hex_name, sizeof hex_name, "%.*s_hex", NAME_MAX_BYTES - 5, last);
            json_object_set_new(parent, last, json_string(""));
            json_object_set(parent, hex_name, json_object_get(json, "hex"));
            json_decref(json);
        } else {
            json_object_set_new(parent, last, json);
        }
    }
    return root;
}

/* ---- From JSON */
static bool field_from_json(values_arena *arena, const dealfsm_field_info *field, json_t *root, dealfsm_record *out,
                            size_t *taken)
{
    const char *last;
    json_t *parent = parent_of(root, field->name, &last, false);
    if (parent == NULL) {
        return false;
    }
    if (json_is_null(parent) || json_is_null(json_object_get(parent, last))) {
        return field->optional != 0; /* all of *out is zero: none */
    }
    char hex_name[NAME_MAX_BYTES];
    snprintf(hex_name, sizeof hex_name, "%.*s_hex", NAME_MAX_BYTES - 5, last);
    json_t *hex = json_object_get(parent, hex_name);
    json_t *text = hex == NULL ? NULL : json_pack("{s:O}", "hex", hex);
    dealfsm_value value;
    const bool good =
        values_from_json(arena, field->kind, text != NULL ? text : json_object_get(parent, last), &value);
    json_decref(text);
    if (!good) {
        return false;
    }
    *taken += hex == NULL ? 1 : 2;
    if (field->presence != 0) {
        store_number(out, field->presence, 4, 1);
    }
    if (is_number(field)) {
        store_number(out, field->offset, field->width, value.number);
    } else {
        store_span(out, field->offset, value.data, value.data_len);
    }
    return true;
}

/* Members of a record in JSON, those of objects in it, too; null counts 0, as it may stand for several. */
static size_t count_members(json_t *root)
{
    size_t count = 0;
    for (void *at = json_object_iter(root); at != NULL; at = json_object_iter_next(root, at)) {
        json_t *value = json_object_iter_value(at);
        count += json_is_object(value) ? count_members(value) : json_is_null(value) ? 0u : 1u;
    }
    return count;
}

static const char *why_field(values_arena *arena, const dealfsm_field_info *field)
{
    const size_t room = strlen(field->name) + 64;
    char *text = values_take(arena, room);
    const char *kind = values_kind_name(field->kind);
    snprintf(text, room, "%s: missing, or not the form of %s", field->name, kind == NULL ? "its kind" : kind);
    return text;
}

bool values_record_from_json(values_arena *arena, const description *machine, const json_t *json, dealfsm_record *out,
                             const char **why)
{
    *out = (dealfsm_record){.struct_size = sizeof *out};
    if (!json_is_object(json)) {
        *why = "a record must be an object";
        return false;
    }
    json_t *root = json_incref((json_t *)json); /* reading does not change it */
    size_t taken = 0;
    bool good = true;
    for (uint32_t i = 0; i < machine->fields_count && good; i++) {
        good = field_from_json(arena, &machine->fields[i], root, out, &taken);
        if (!good) {
            *why = why_field(arena, &machine->fields[i]);
        }
    }
    if (good && taken != count_members(root)) {
        *why = "a record with a key that this machine does not store";
        good = false;
    }
    json_decref(root);
    return good;
}
