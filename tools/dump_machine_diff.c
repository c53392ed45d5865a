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

/* ---- Diagrams: an edge for each transition that is gone (red) or added (green); one that leads elsewhere is both. */
typedef struct diff_edge {
    const char *event;
    int event_size;
    const char *from;
    const char *to;
    bool stays;
    bool added;
} diff_edge;

static diff_edge edge_of(const compare_change *it, bool added)
{
    static const char between[] = " from "; /* no name of an event has a space */
    const char *to = added ? it->after : it->before;
    const char *end = strstr(it->name, between);
    const char *from = end + strlen(between);
    const bool stays = strncmp(to, "stays", strlen("stays")) == 0;
    return (diff_edge){it->name, (int)(end - it->name), from, stays ? from : to, stays, added};
}

static void dot_edge(const diff_edge *it, FILE *out)
{
    const char *colour = it->added ? "darkgreen" : "red";
    fprintf(out, "    \"%s\" -> \"%s\" [label=\"%.*s\", color=%s, fontcolor=%s%s];\n", it->from, it->to, it->event_size,
            it->event, colour, colour, it->stays ? ", style=dashed" : "");
}

/* "any other state" is no identifier. */
static const char *id_of(const char *state)
{
    return strchr(state, ' ') != NULL ? "AnyState" : state;
}

static void plantuml_edge(const diff_edge *it, FILE *out)
{
    const char *colour = it->added ? "darkgreen" : "red";
    fprintf(out, "    %s -[#%s%s]-> %s : <color:%s>%.*s</color>\n", id_of(it->from), colour, it->stays ? ",dashed" : "",
            id_of(it->to), colour, it->event_size, it->event);
}

/* A flow chart, for Mermaid's state diagrams have no colours for edges. */
static void mermaid_edge(const diff_edge *it, FILE *out)
{
    fprintf(out, "    %s %s|%.*s| %s\n", id_of(it->from), it->stays ? "-.->" : "-->", it->event_size, it->event,
            id_of(it->to));
}

typedef void edge_fn(const diff_edge *it, FILE *out);

static void put_edges(const compare_list *list, edge_fn *put, FILE *out)
{
    for (size_t i = 0; i < list->count; i++) {
        for (int added = 0; added < 2; added++) {
            if ((added ? list->changes[i].after : list->changes[i].before) != NULL) {
                const diff_edge edge = edge_of(&list->changes[i], added);
                put(&edge, out);
            }
        }
    }
}

/* Declares the node that stands for many states, if an edge leads from it. */
static void any_state(const compare_list *list, const char *format, FILE *out)
{
    for (size_t i = 0; i < list->count; i++) {
        const diff_edge edge = edge_of(&list->changes[i], list->changes[i].after != NULL);
        if (id_of(edge.from) != edge.from) {
            fprintf(out, format, edge.from);
            return;
        }
    }
}

/* Mermaid colours edges by their numbers. */
static void mermaid_colours(const compare_list *list, FILE *out)
{
    unsigned number = 0;
    for (size_t i = 0; i < list->count; i++) {
        for (int added = 0; added < 2; added++) {
            if ((added ? list->changes[i].after : list->changes[i].before) != NULL) {
                const char *colour = added ? "darkgreen" : "red";
                fprintf(out, "    linkStyle %u stroke:%s,color:%s\n", number++, colour, colour);
            }
        }
    }
}

bool machine_diff_diagram(values_arena *arena, const description *old_machine, const description *new_machine,
                          diagram_form form, FILE *out)
{
    const compare_list list = differences(arena, old_machine, new_machine);
    words title = {.arena = arena};
    words_add(&title, "%s (red: gone), %s (green: added)", old_machine->machine_version, new_machine->machine_version);
    switch (form) {
    case DIAGRAM_MERMAID:
        fprintf(out, "---\ntitle: \"%s\"\n---\nflowchart TB\n", words_text(&title));
        any_state(&list, "    AnyState[\"%s\"]\n", out);
        put_edges(&list, mermaid_edge, out);
        mermaid_colours(&list, out);
        break;
    case DIAGRAM_PLANTUML:
        fprintf(out, "@startuml\ntitle %s\nhide empty description\n", words_text(&title));
        any_state(&list, "    state \"%s\" as AnyState\n", out);
        put_edges(&list, plantuml_edge, out);
        fputs("@enduml\n", out);
        break;
    case DIAGRAM_DOT:
        fprintf(out,
                "digraph difference {\n    label=\"%s\";\n    labelloc=t;\n"
                "    fontname=sans;\n    node [shape=box, style=rounded, fontname=sans];\n"
                "    edge [fontname=sans, fontsize=10];\n",
                words_text(&title));
        put_edges(&list, dot_edge, out);
        fputs("}\n", out);
        break;
    }
    return list.count > 0;
}
