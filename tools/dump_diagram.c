/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A machine as a diagram. Clauses are normalised: one edge for all events that lead from a state to another, in the order of
 * the specification. FromAny is an edge from a node of its own. */
#include <inttypes.h>
#include <string.h>

#include "dump_machine.h"
#include "dump_words.h"

enum { EDGES_MAX = 4096 };
static const uint32_t ANY = UINT32_MAX; /* in place of a status: the node that FromAny leads from */

typedef struct edge {
    uint32_t from; /* a status, or ANY */
    uint32_t to;
    bool just_record;
    words label;
} edge;

typedef struct diagram {
    const machine_view *view;
    const char *line_end; /* between the events of a label */
    edge *edges;
    uint32_t count;
} diagram;

static void add_edge(diagram *it, uint32_t from, uint32_t to, const dealfsm_clause_info *clause)
{
    const bool just_record = clause->to == DEALFSM_TO_JUST_RECORD;
    uint32_t i = 0;
    while (i < it->count &&
           (it->edges[i].from != from || it->edges[i].to != to || it->edges[i].just_record != just_record)) {
        i++;
    }
    if (i == EDGES_MAX) {
        return;
    }
    if (i == it->count) {
        it->edges[it->count++] =
            (edge){.from = from, .to = to, .just_record = just_record, .label = {.arena = it->view->arena}};
    }
    const char *how = just_record ? " (just record)" : clause->to == DEALFSM_TO_NO_CHANGE ? " (no change)" : "";
    words_item(&it->edges[i].label, it->line_end, words_short_event(it->view->arena, it->view->machine, clause->event));
    words_add(&it->edges[i].label, "%s", how);
}

/* An edge is shown if the view has no state, or one that is an end of it. */
static bool shows(const machine_view *view, uint32_t from, uint32_t to)
{
    return view->state == NULL || view->state->status == from || view->state->status == to;
}

static void add_clause(diagram *it, const dealfsm_clause_info *clause)
{
    const dealfsm_state_info *state = it->view->state;
    for (uint32_t i = 0; i < clause->states_count; i++) {
        const uint32_t to = clause->to == DEALFSM_TO ? clause->target : clause->states[i];
        if (shows(it->view, clause->states[i], to)) {
            add_edge(it, clause->states[i], to, clause);
        }
    }
    if (clause->from == DEALFSM_FROM_ANY && clause->to == DEALFSM_TO) {
        const bool narrow = state != NULL && state->status != clause->target;
        add_edge(it, narrow ? state->status : ANY, clause->target, clause);
    }
}

static void add_edges(diagram *it)
{
    for (uint32_t i = 0; i < it->view->machine->clauses_count; i++) {
        if (view_has_clause(it->view, &it->view->machine->clauses[i])) {
            add_clause(it, &it->view->machine->clauses[i]);
        }
    }
}

static bool has_node(const diagram *it, uint32_t status)
{
    for (uint32_t i = 0; i < it->count; i++) {
        if (it->edges[i].from == status || it->edges[i].to == status) {
            return true;
        }
    }
    return false;
}

static const char *node(const diagram *it, uint32_t status)
{
    return status == ANY ? "AnyState" : words_state(it->view->arena, it->view->machine, status);
}

static const char *const any_text = "any state that is not final";

/* ---- Mermaid and PlantUML: nearly the same language */
static void state_lines(const diagram *it, FILE *out)
{
    if (has_node(it, ANY)) {
        fprintf(out, "    state \"%s\" as AnyState\n", any_text);
    }
    for (uint32_t i = 0; i < it->view->machine->states_count; i++) {
        const dealfsm_state_info *state = &it->view->machine->states[i];
        if (has_node(it, state->status)) {
            const char *name = node(it, state->status);
            fprintf(out, "    state \"%s\" as %s\n", name, name);
            if (*state->handler != '\0') {
                fprintf(out, "    %s : on entry %s\n", name, state->handler);
            }
        }
    }
}

static void uml_lines(const diagram *it, FILE *out)
{
    const dealfsm_state_info *initial = machine_initial_state(it->view->machine);
    if (initial != NULL && has_node(it, initial->status)) {
        fprintf(out, "    [*] --> %s\n", node(it, initial->status));
    }
    for (uint32_t i = 0; i < it->count; i++) {
        fprintf(out, "    %s --> %s : %s\n", node(it, it->edges[i].from), node(it, it->edges[i].to),
                words_text(&it->edges[i].label));
    }
    for (uint32_t i = 0; i < it->view->machine->states_count; i++) {
        const dealfsm_state_info *state = &it->view->machine->states[i];
        if (state->is_final != 0 && has_node(it, state->status)) {
            fprintf(out, "    %s --> [*]\n", node(it, state->status));
        }
    }
}

static void mermaid(const diagram *it, FILE *out)
{
    fprintf(out, "---\ntitle: %s\n---\nstateDiagram-v2\n", it->view->machine->machine_version);
    state_lines(it, out);
    uml_lines(it, out);
}

static void plantuml(const diagram *it, FILE *out)
{
    fprintf(out, "@startuml\ntitle %s\nhide empty description\n", it->view->machine->machine_version);
    state_lines(it, out);
    uml_lines(it, out);
    fputs("@enduml\n", out);
}

/* ---- Graphviz */
static void dot_nodes(const diagram *it, FILE *out)
{
    const dealfsm_state_info *initial = machine_initial_state(it->view->machine);
    if (has_node(it, ANY)) {
        fprintf(out, "    AnyState [label=\"%s\", style=dashed];\n", any_text);
    }
    for (uint32_t i = 0; i < it->view->machine->states_count; i++) {
        const dealfsm_state_info *state = &it->view->machine->states[i];
        if (has_node(it, state->status)) {
            const char *name = node(it, state->status);
            fprintf(out, "    %s [label=\"%s%s%s\"%s];\n", name, name, *state->handler == '\0' ? "" : "\\non entry ",
                    state->handler, state->is_final != 0 ? ", peripheries=2" : "");
        }
    }
    if (initial != NULL && has_node(it, initial->status)) {
        fprintf(out, "    start [shape=point, width=0.15];\n    start -> %s;\n", node(it, initial->status));
    }
}

static void dot(const diagram *it, FILE *out)
{
    fprintf(out,
            "digraph machine {\n    label=\"%s\";\n    labelloc=t;\n    fontname=sans;\n"
            "    node [shape=box, style=rounded, fontname=sans];\n    edge [fontname=sans, fontsize=10];\n",
            it->view->machine->machine_version);
    dot_nodes(it, out);
    for (uint32_t i = 0; i < it->count; i++) {
        fprintf(out, "    %s -> %s [label=\"%s\"%s];\n", node(it, it->edges[i].from), node(it, it->edges[i].to),
                words_text(&it->edges[i].label), it->edges[i].just_record ? ", style=dashed" : "");
    }
    fputs("}\n", out);
}

void machine_diagram(const machine_view *view, diagram_form form, FILE *out)
{
    static const char *const line_ends[] = {
        [DIAGRAM_MERMAID] = "<br/>", [DIAGRAM_PLANTUML] = "\\n", [DIAGRAM_DOT] = "\\n"};
    diagram it = {
        .view = view, .line_end = line_ends[form], .edges = values_take(view->arena, EDGES_MAX * sizeof *it.edges)};
    add_edges(&it);
    if (form == DIAGRAM_MERMAID) {
        mermaid(&it, out);
    } else if (form == DIAGRAM_PLANTUML) {
        plantuml(&it, out);
    } else {
        dot(&it, out);
    }
}
