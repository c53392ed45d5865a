/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A migration as text and as JSON. */
#include <inttypes.h>
#include <string.h>

#include "dump_migrate.h"
#include "dump_record.h"
#include "dump_words.h"

enum { ID_COLUMNS = 20, VERSION_COLUMNS = 13, VERDICT_COLUMNS = 8, INDENT = 4, ARROW = 6 };
enum { STATUS_COLUMN = ID_COLUMNS + VERSION_COLUMNS + VERDICT_COLUMNS + 6 };

const char *migration_word(migration_verdict verdict)
{
    static const char *const list[MIGRATION_VERDICTS] = {"moves", "stays", "refused", "same", "ended", "unknown"};
    return list[verdict];
}

void migration_counts(words *text, const uint64_t counts[MIGRATION_VERDICTS])
{
    words_add(text,
              "%" PRIu64 " move, %" PRIu64 " stay for now, %" PRIu64 " are refused, %" PRIu64
              " are of that version already, %" PRIu64 " have ended and are not moved, %" PRIu64 " cannot be told",
              counts[MIGRATION_MOVES], counts[MIGRATION_STAYS], counts[MIGRATION_REFUSED], counts[MIGRATION_SAME],
              counts[MIGRATION_ENDED], counts[MIGRATION_UNKNOWN]);
}

void migration_heading(const paper *out)
{
    paper_line(out, INK_HEADING, "%*s  %-*s  %-*s  %s", ID_COLUMNS, "deal", VERSION_COLUMNS, "machine", VERDICT_COLUMNS,
               "", "state");
}

static const char *state_before(values_arena *arena, const migration *it)
{
    if (!it->readable) {
        return "not known";
    }
    return words_state(arena, &it->old_module->machine, it->before.status);
}

static const char *state_after(values_arena *arena, const migration *it)
{
    if (!it->written || it->new_module == NULL) {
        return NULL;
    }
    return words_state(arena, &it->new_module->machine, it->after.status);
}

/* ---- What changes */
typedef struct change {
    const char *field;
    const char *before; /* NULL: that version does not store it */
    const char *after;
} change;

static const char *side(values_arena *arena, const dump_module *module, const dealfsm_record *record, const char *name)
{
    const dealfsm_field_info *field = description_field(&module->machine, name);
    return field == NULL ? NULL : readable_field(arena, &module->machine, field, record);
}

static bool same(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static void add_change(values_arena *arena, const migration *it, const char *name, change *list, size_t *count)
{
    const change one = {.field = name,
                        .before = side(arena, it->old_module, &it->before, name),
                        .after = side(arena, it->new_module, &it->after, name)};
    if (!same(one.before, one.after)) {
        list[(*count)++] = one;
    }
}

/* The fields that differ: those of the old version in its order, then those that only the new one has. */
static const change *changes(values_arena *arena, const migration *it, size_t *count)
{
    *count = 0;
    if (!it->written || it->old_module == NULL || it->new_module == NULL) {
        return NULL;
    }
    const description *old_machine = &it->old_module->machine;
    const description *new_machine = &it->new_module->machine;
    change *list = values_take(arena, (old_machine->fields_count + new_machine->fields_count) * sizeof *list);
    for (uint32_t i = 0; i < old_machine->fields_count; i++) {
        add_change(arena, it, old_machine->fields[i].name, list, count);
    }
    for (uint32_t i = 0; i < new_machine->fields_count; i++) {
        if (description_field(old_machine, new_machine->fields[i].name) == NULL) {
            add_change(arena, it, new_machine->fields[i].name, list, count);
        }
    }
    return list;
}

/* ---- Text */
static void change_text(const change *it, const paper *out)
{
    paper_indent(out, INDENT);
    paper_line(out, INK_NAME, "%s", it->field);
    paper_indent(out, ARROW);
    fputs("  ", out->out);
    paper_wrap(out, INK_PLAIN, ARROW + 2, ARROW + 2, it->before == NULL ? "not stored by this version" : it->before);
    paper_indent(out, ARROW);
    fputs("→ ", out->out);
    paper_wrap(out, INK_PLAIN, ARROW + 2, ARROW + 2, it->after == NULL ? "not stored by this version" : it->after);
}

void migration_text(values_arena *arena, const migration *it, bool fields, const paper *out)
{
    const char *before = state_before(arena, it);
    const char *after = state_after(arena, it);
    size_t count;
    words status = {.arena = arena};
    words_item(&status, "", before);
    if (after != NULL && !same(before, after)) {
        words_item(&status, " → ", after);
    }
    fprintf(out->out, "%*" PRIu64 "  %-*s  %-*s  ", ID_COLUMNS, it->from->deal, VERSION_COLUMNS,
            it->from->version == NULL ? "-" : it->from->version, VERDICT_COLUMNS, migration_word(it->verdict));
    paper_wrap(out, INK_PLAIN, STATUS_COLUMN, STATUS_COLUMN, words_text(&status));
    if (it->why != NULL) {
        paper_indent(out, INDENT);
        paper_wrap(out, INK_WARNING, INDENT, INDENT, it->why);
    }
    const change *list = changes(arena, it, &count);
    for (size_t i = 0; fields && i < count; i++) {
        change_text(&list[i], out);
    }
}

/* ---- JSON */
static json_t *or_null(const char *text)
{
    return text == NULL ? json_null() : json_string(text);
}

static json_t *state_json(values_arena *arena, const dump_module *module, const dealfsm_record *record, bool known)
{
    return known && module != NULL ? json_string(words_status(arena, &module->machine, record->status)) : json_null();
}

static json_t *bytes_json(values_arena *arena, const uint8_t *bytes, uint64_t size, bool there)
{
    return there ? json_string(values_hex(arena, bytes, size)) : json_null();
}

json_t *migration_json(values_arena *arena, const migration *it)
{
    size_t count;
    json_t *list = json_array();
    const change *all = changes(arena, it, &count);
    words id = {.arena = arena};
    words_add(&id, "%" PRIu64, it->from->deal);
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(list, json_pack("{s:s, s:o, s:o}", "field", all[i].field, "before",
                                              or_null(all[i].before), "after", or_null(all[i].after)));
    }
    return json_pack("{s:s, s:s, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "input", it->from->input, "deal",
                     words_text(&id), "machine", or_null(it->from->version), "to", it->to, "verdict",
                     migration_word(it->verdict), "state", state_json(arena, it->old_module, &it->before, it->readable),
                     "becomes", state_json(arena, it->new_module, &it->after, it->written), "why", or_null(it->why),
                     "changes", list, "record", bytes_json(arena, it->moved.record, it->moved.record_len, it->written),
                     "sidecar", bytes_json(arena, it->moved.sidecar, it->moved.sidecar_len, it->written));
}
