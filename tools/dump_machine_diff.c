/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* `dealfsm-dump machine --diff`: the transitions in which two machines differ. */
#include <stdlib.h>
#include <string.h>

#include "dump_compare.h"
#include "dump_machine.h"
#include "dump_words.h"

enum { INDENT = 2, FURTHER = 6 };

static int by_name(const void *a, const void *b)
{
    const compare_change *left = a;
    const compare_change *right = b;
    return strcmp(left->name, right->name);
}

static void transition_text(values_arena *arena, const compare_change *it, const paper *out)
{
    words text = {.arena = arena};
    const bool added = it->before == NULL;
    const bool gone = it->after == NULL;
    words_add(&text, "%c %s → %s", added ? '+' : gone ? '-' : '~', it->name, gone ? it->before : it->after);
    if (!added && !gone) {
        words_add(&text, " (was → %s)", it->before);
    }
    paper_indent(out, INDENT);
    paper_wrap(out, added ? INK_ADDED : gone ? INK_GONE : INK_WARNING, INDENT, FURTHER, words_text(&text));
}

bool machine_diff(values_arena *arena, const description *old_machine, const description *new_machine, const paper *out)
{
    const compare_list list = compare_machines(arena, old_machine, new_machine, COMPARE_TRANSITIONS);
    qsort(list.changes, list.count, sizeof *list.changes, by_name); /* those of one event stand together */
    paper_line(out, INK_HEADING, "%s → %s", old_machine->machine_version, new_machine->machine_version);
    for (size_t i = 0; i < list.count; i++) {
        transition_text(arena, &list.changes[i], out);
    }
    paper_line(out, INK_HEADING, "transitions: %s", compare_list_counts(arena, &list));
    return list.count > 0;
}
