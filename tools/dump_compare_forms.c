/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A comparison as text and as JSON. */
#include <inttypes.h>
#include <string.h>

#include "dump_compare.h"
#include "dump_store.h"
#include "dump_words.h"

enum { INDENT = 2, VALUE = 4, ARROW = 6, TITLE_COLUMN = 15, COUNT_COLUMNS = 10, VERDICT_COLUMNS = 8 };
enum { GROUP_COLUMN = COUNT_COLUMNS + VERDICT_COLUMNS + 4 };

/* ---- Text: lists */
static void change_text(const compare_change *it, const paper *out)
{
    const paper_ink ink = it->before == NULL ? INK_ADDED : it->after == NULL ? INK_GONE : INK_WARNING;
    paper_indent(out, INDENT);
    paper_line(out, ink, "%s %s", it->before == NULL ? "+" : it->after == NULL ? "-" : "~", it->name);
    paper_indent(out, ARROW);
    paper_wrap(out, INK_PLAIN, ARROW, ARROW, it->before == NULL ? it->after : it->before);
    if (it->before != NULL && it->after != NULL) {
        paper_indent(out, VALUE);
        fputs("→ ", out->out);
        paper_wrap(out, INK_PLAIN, ARROW, ARROW, it->after);
    }
}

static void compare_list_text(const compare_list *it, const paper *out)
{
    for (size_t i = 0; i < it->count; i++) {
        change_text(&it->changes[i], out);
    }
}

static void add_count(words *text, size_t count, const char *word)
{
    words one = {.arena = text->arena};
    if (count > 0) {
        words_add(&one, "%zu %s", count, word);
        words_item(text, ", ", words_text(&one));
    }
}

const char *compare_list_counts(values_arena *arena, const compare_list *it)
{
    words text = {.arena = arena};
    add_count(&text, it->added, "added");
    add_count(&text, it->gone, "gone");
    add_count(&text, it->count - it->added - it->gone, "changed");
    return it->count == 0 ? "the same" : words_text(&text);
}

/* ---- Text: deals */
static void group_text(values_arena *arena, const compare_group *it, const paper *out)
{
    words status = {.arena = arena};
    words_item(&status, "", brief_name(it->state));
    if (it->becomes != NULL && strcmp(it->becomes, it->state) != 0) {
        words_item(&status, " → ", brief_name(it->becomes));
    }
    fprintf(out->out, "%*" PRIu64 "  %-*s  ", COUNT_COLUMNS, it->deals, VERDICT_COLUMNS, it->verdict);
    paper_wrap(out, INK_PLAIN, GROUP_COLUMN, GROUP_COLUMN, words_text(&status));
    if (it->why != NULL) {
        paper_indent(out, GROUP_COLUMN);
        paper_wrap(out, INK_WARNING, GROUP_COLUMN, GROUP_COLUMN, it->why);
    }
}

static void store_text(const comparison *it, const paper *out)
{
    const compare_store *store = &it->store;
    words total = {.arena = it->arena};
    paper_line(out, INK_HEADING, "deals of %s in the store", it->old_module->machine.machine_version);
    for (size_t i = 0; i < store->groups_count; i++) {
        group_text(it->arena, &store->groups[i], out);
    }
    migration_counts(&total, store->counts);
    words_add(&total, "; %" PRIu64 " deals of other versions", store->others);
    paper_wrap(out, INK_HEADING, 0, 0, words_text(&total));
}

static void can_text(const comparison *it, const paper *out, const char *name, bool can, bool back)
{
    const char *from = (back ? it->new_module : it->old_module)->machine.machine_version;
    const char *to = (back ? it->old_module : it->new_module)->machine.machine_version;
    words text = {.arena = it->arena};
    words_add(&text, can ? "yes: deals can move from %s to %s" : "no: neither module brings deals from %s to %s", from,
              to);
    paper_pair(out, 0, TITLE_COLUMN, name, words_text(&text));
}

void comparison_text(const comparison *it, const paper *out)
{
    const description *old_machine = &it->old_module->machine;
    const description *new_machine = &it->new_module->machine;
    paper_line(out, INK_HEADING, "%s → %s", old_machine->machine_version, new_machine->machine_version);
    can_text(it, out, "takes over", it->takes_over, false);
    can_text(it, out, "gives back", it->gives_back, true);
    for (compare_what what = 0; what < COMPARE_LISTS; what++) {
        const compare_list *list = &it->lists[what];
        paper_pair(out, 0, TITLE_COLUMN, list->key, compare_list_counts(it->arena, list));
        if (what == COMPARE_TRANSITIONS) {
            continue; /* many: `machine --diff` shows them */
        }
        compare_list_text(list, out);
        if (what == COMPARE_FIELDS && !compare_same_order(old_machine, new_machine)) {
            paper_indent(out, INDENT);
            paper_line(out, INK_WARNING, "~ fields that both have lie in another order");
        }
    }
    if (it->store.url != NULL) {
        store_text(it, out);
    }
}

/* ---- JSON */
static json_t *or_null(const char *text)
{
    return text == NULL ? json_null() : json_string(text);
}

static json_t *list_json(const compare_list *it)
{
    json_t *list = json_array();
    for (size_t i = 0; i < it->count; i++) {
        const compare_change *one = &it->changes[i];
        json_array_append_new(list, json_pack("{s:s, s:o, s:o}", "name", one->name, "before", or_null(one->before),
                                              "after", or_null(one->after)));
    }
    return list;
}

static json_t *number(uint64_t count)
{
    return json_integer((json_int_t)count);
}

static json_t *store_json(const compare_store *it)
{
    json_t *groups = json_array();
    for (size_t i = 0; i < it->groups_count; i++) {
        const compare_group *one = &it->groups[i];
        json_array_append_new(groups, json_pack("{s:s, s:o, s:s, s:o, s:o}", "state", one->state, "becomes",
                                                or_null(one->becomes), "verdict", one->verdict, "why",
                                                or_null(one->why), "deals", number(one->deals)));
    }
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "url", it->url, "groups", groups, "moves",
                     number(it->counts[MIGRATION_MOVES]), "stays", number(it->counts[MIGRATION_STAYS]), "refused",
                     number(it->counts[MIGRATION_REFUSED]), "same", number(it->counts[MIGRATION_SAME]), "unknown",
                     number(it->counts[MIGRATION_UNKNOWN]), "ended", number(it->counts[MIGRATION_ENDED]),
                     "other_versions", number(it->others));
}

json_t *comparison_json(const comparison *it)
{
    const description *old_machine = &it->old_module->machine;
    const description *new_machine = &it->new_module->machine;
    json_t *json = json_pack("{s:s, s:s, s:b, s:b, s:b, s:o}", "old", old_machine->machine_version, "new",
                             new_machine->machine_version, "takes_over", it->takes_over, "gives_back", it->gives_back,
                             "same_field_order", compare_same_order(old_machine, new_machine), "store",
                             it->store.url == NULL ? json_null() : store_json(&it->store));
    for (compare_what what = 0; what < COMPARE_LISTS && json != NULL; what++) {
        json_object_set_new(json, it->lists[what].key, list_json(&it->lists[what]));
    }
    return json;
}
