/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A record as text and as JSON. */
#include <inttypes.h>
#include <string.h>

#include "dump_record.h"
#include "dump_words.h"

enum { INDENT = 4, COLUMN = 33 };

static void title(const paper *out, const char *text)
{
    fputc('\n', out->out);
    paper_line(out, INK_HEADING, "%s", text);
}

static void line(const paper *out, const char *name, const char *value)
{
    paper_indent(out, INDENT);
    paper_pair(out, INDENT, COLUMN, name, value);
}

/* "DealStatusOngoing", "ClientEventComplete" without the first word. */
static const char *brief(const char *name)
{
    static const char *const prefixes[] = {"DealStatus", "ClientEvent"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0) {
            return name + strlen(prefixes[i]);
        }
    }
    return name;
}

static const char *joined(values_arena *arena, const json_t *list)
{
    words text = {.arena = arena};
    for (size_t i = 0; i < json_array_size(list); i++) {
        words_item(&text, ", ", brief(json_string_value(json_array_get(list, i))));
    }
    return words_text(&text);
}

/* ---- What it waits for */
static void handler_lines(values_arena *arena, const paper *out, const json_t *waits)
{
    const json_t *ops = json_object_get(waits, "may_ask");
    const char *handler = json_string_value(json_object_get(waits, "handler"));
    if (handler == NULL) {
        line(out, "handler", "none: only an event from outside moves it on");
        return;
    }
    line(out, "handler", handler);
    line(out, "answers it may wait for", json_array_size(ops) > 0 ? joined(arena, ops) : "none");
    line(out, "events it may raise", joined(arena, json_object_get(waits, "may_raise")));
}

static void list_line(values_arena *arena, const paper *out, const json_t *waits, const char *key, const char *name)
{
    const json_t *list = json_object_get(waits, key);
    if (json_array_size(list) > 0) {
        line(out, name, joined(arena, list));
    }
}

static void waits_text(values_arena *arena, const paper *out, const json_t *waits)
{
    const json_t *moves = json_object_get(waits, "moves");
    words text = {.arena = arena};
    title(out, "Waits for");
    if (json_is_true(json_object_get(waits, "final"))) {
        line(out, "nothing", "the deal has ended");
        return;
    }
    if (json_is_null(json_object_get(waits, "name"))) {
        line(out, "unknown", "this machine has no such state");
        return;
    }
    handler_lines(arena, out, waits);
    for (size_t i = 0; i < json_array_size(moves); i++) {
        const json_t *one = json_array_get(moves, i);
        words_item(&text, ", ", brief(json_string_value(json_object_get(one, "event"))));
        words_add(&text, " → %s", brief(json_string_value(json_object_get(one, "to"))));
    }
    line(out, "events that move it on", *words_text(&text) == '\0' ? "none" : words_text(&text));
    list_line(arena, out, waits, "stays", "state stays, handler runs");
    list_line(arena, out, waits, "records", "only recorded");
    list_line(arena, out, waits, "drops", "dropped here");
}

/* ---- What is paid and due */
static void payment_text(values_arena *arena, const paper *out, const json_t *payment)
{
    static const struct {
        const char *key;
        const char *name;
        bool bytes;
    } lines[] = {{"bytes_received", "received", true},
                 {"bytes_paid", "paid for", true},
                 {"bytes_unpaid", "received, not paid for", true},
                 {"due", "due for that, and unsealing", false},
                 {"requested", "requested by the provider", false},
                 {"spent", "spent", false},
                 {"spent_on_unsealing", "of that on unsealing", false},
                 {"left", "left", false},
                 {"total", "of a total of", false}};
    title(out, "Paid and due");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const char *value = json_string_value(json_object_get(payment, lines[i].key));
        uint64_t bytes = 0;
        if (value != NULL && lines[i].bytes && values_u64(value, &bytes)) {
            line(out, lines[i].name, readable_bytes(arena, bytes));
        } else if (value != NULL) {
            line(out, lines[i].name, readable_amount(arena, value));
        }
    }
}

void record_text(values_arena *arena, const read_record *it, const paper *out)
{
    json_t *waits = record_waits(arena, it->machine, it->record.status);
    json_t *payment = record_payment(it);
    const char *name = json_string_value(json_object_get(waits, "name"));
    words head = {.arena = arena};
    words_add(&head, "deal %" PRIu64 ": ", it->record.id);
    words_add(&head, name != NULL ? "%s" : "status %s, no state of this machine",
              name != NULL ? name : json_string_value(json_object_get(waits, "status")));
    paper_line(out, INK_HEADING, "%s", words_text(&head));
    paper_line(out, INK_FAINT, "%s, %" PRIu64 " bytes, layout of %s", it->stored->name, it->stored->size,
               it->machine->machine_version);
    waits_text(arena, out, waits);
    payment_text(arena, out, payment);
    title(out, "Record");
    for (uint32_t i = 0; i < it->machine->fields_count; i++) {
        const dealfsm_field_info *field = &it->machine->fields[i];
        line(out, field->name, readable_field(arena, it->machine, field, &it->record));
    }
    json_decref(waits);
    json_decref(payment);
}

json_t *record_json(values_arena *arena, const read_record *it)
{
    json_t *readable = json_object();
    for (uint32_t i = 0; i < it->machine->fields_count; i++) {
        const dealfsm_field_info *field = &it->machine->fields[i];
        json_object_set_new(readable, field->name, json_string(readable_field(arena, it->machine, field, &it->record)));
    }
    return json_pack("{s:s, s:s, s:I, s:o, s:o, s:o, s:o}", "input", it->stored->name, "machine",
                     it->machine->machine_version, "bytes", (json_int_t)it->stored->size, "waits",
                     record_waits(arena, it->machine, it->record.status), "payment", record_payment(it), "readable",
                     readable, "record", values_record_to_json(arena, it->machine, &it->record));
}

/* ---- Differences */
static const char *side(values_arena *arena, const read_record *it, const char *name)
{
    const dealfsm_field_info *field = description_field(it->machine, name);
    return field == NULL ? "not stored by this version" : readable_field(arena, it->machine, field, &it->record);
}

static bool same(const read_record *a, const read_record *b, const char *name)
{
    const dealfsm_field_info *in_a = description_field(a->machine, name);
    const dealfsm_field_info *in_b = description_field(b->machine, name);
    if (in_a == NULL || in_b == NULL) {
        return false;
    }
    const dealfsm_value x = values_field(in_a, &a->record);
    const dealfsm_value y = values_field(in_b, &b->record);
    return x.kind == y.kind && x.number == y.number && x.data_len == y.data_len &&
           (x.data_len == 0 || memcmp(x.data, y.data, x.data_len) == 0);
}

/* The names of the fields that differ: those of a in its order, then those that only b has. */
static const char **different(values_arena *arena, const read_record *a, const read_record *b, size_t *count)
{
    const char **names = values_take(arena, (a->machine->fields_count + b->machine->fields_count) * sizeof *names);
    *count = 0;
    for (uint32_t i = 0; i < a->machine->fields_count; i++) {
        if (!same(a, b, a->machine->fields[i].name)) {
            names[(*count)++] = a->machine->fields[i].name;
        }
    }
    for (uint32_t i = 0; i < b->machine->fields_count; i++) {
        if (description_field(a->machine, b->machine->fields[i].name) == NULL) {
            names[(*count)++] = b->machine->fields[i].name;
        }
    }
    return names;
}

size_t record_diff_text(values_arena *arena, const read_record *a, const read_record *b, const paper *out)
{
    size_t count;
    const char **names = different(arena, a, b, &count);
    paper_line(out, INK_FAINT, "- %s (%s)", a->stored->name, a->machine->machine_version);
    paper_line(out, INK_FAINT, "+ %s (%s)", b->stored->name, b->machine->machine_version);
    for (size_t i = 0; i < count; i++) {
        paper_line(out, INK_NAME, "%s", names[i]);
        fputs("  - ", out->out);
        paper_wrap(out, INK_PLAIN, INDENT, INDENT, side(arena, a, names[i]));
        fputs("  + ", out->out);
        paper_wrap(out, INK_PLAIN, INDENT, INDENT, side(arena, b, names[i]));
    }
    paper_line(out, INK_HEADING, "%zu field%s differ%s", count, count == 1 ? "" : "s", count == 1 ? "s" : "");
    return count;
}

json_t *record_diff_json(values_arena *arena, const read_record *a, const read_record *b)
{
    size_t count;
    json_t *list = json_array();
    const char **names = different(arena, a, b, &count);
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "field", names[i], "a", side(arena, a, names[i]), "b",
                                              side(arena, b, names[i])));
    }
    return json_pack("{s:{s:s, s:s}, s:{s:s, s:s}, s:o}", "a", "input", a->stored->name, "machine",
                     a->machine->machine_version, "b", "input", b->stored->name, "machine", b->machine->machine_version,
                     "differences", list);
}
