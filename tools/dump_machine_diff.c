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

static compare_list differences(values_arena *arena, const description *old_machine, const description *new_machine)
{
    const compare_list list = compare_machines(arena, old_machine, new_machine, COMPARE_TRANSITIONS);
    qsort(list.changes, list.count, sizeof *list.changes, by_name); /* those of one event stand together */
    return list;
}

bool machine_diff(values_arena *arena, const description *old_machine, const description *new_machine, const paper *out)
{
    const compare_list list = differences(arena, old_machine, new_machine);
    paper_line(out, INK_HEADING, "%s → %s", old_machine->machine_version, new_machine->machine_version);
    for (size_t i = 0; i < list.count; i++) {
        transition_text(arena, &list.changes[i], out);
    }
    paper_line(out, INK_HEADING, "transitions: %s", compare_list_counts(arena, &list));
    return list.count > 0;
}

/* ---- Graphviz: an edge for each transition that is gone (red) or added (green); one that leads elsewhere is both. */
static void dot_edge(const char *name, const char *to, const char *colour, FILE *out)
{
    static const char between[] = " from "; /* no name of an event has a space */
    const char *end = strstr(name, between);
    const char *from = end + strlen(between);
    const bool stays = strncmp(to, "stays", strlen("stays")) == 0;
    fprintf(out, "    \"%s\" -> \"%s\" [label=\"%.*s\", color=%s, fontcolor=%s%s];\n", from, stays ? from : to,
            (int)(end - name), name, colour, colour, stays ? ", style=dashed" : "");
}

bool machine_diff_dot(values_arena *arena, const description *old_machine, const description *new_machine, FILE *out)
{
    const compare_list list = differences(arena, old_machine, new_machine);
    fprintf(out,
            "digraph difference {\n    label=\"%s (red: gone), %s (green: added)\";\n    labelloc=t;\n"
            "    fontname=sans;\n    node [shape=box, style=rounded, fontname=sans];\n"
            "    edge [fontname=sans, fontsize=10];\n",
            old_machine->machine_version, new_machine->machine_version);
    for (size_t i = 0; i < list.count; i++) {
        const compare_change *it = &list.changes[i];
        if (it->before != NULL) {
            dot_edge(it->name, it->before, "red", out);
        }
        if (it->after != NULL) {
            dot_edge(it->name, it->after, "darkgreen", out);
        }
    }
    fputs("}\n", out);
    return list.count > 0;
}
