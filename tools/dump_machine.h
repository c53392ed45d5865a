/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_DUMP_MACHINE_H
#define TOOLS_DUMP_MACHINE_H

/* `dealfsm-dump machine`: the forms in which a machine is shown. All of them see a view: a machine, narrowed to one state, one
 * event or both. */

#include <jansson.h>

#include "description.h"
#include "paper.h"
#include "values.h"

typedef struct machine_view {
    const description *machine;
    const dealfsm_state_info *state; /* NULL: all */
    const dealfsm_event_info *event; /* NULL: all */
    values_arena *arena;
} machine_view;

/* Does the view show this event, and this clause? A state's clauses are those that apply in it and those that lead to it. */
bool view_has_event(const machine_view *view, const dealfsm_event_info *event);
bool view_has_clause(const machine_view *view, const dealfsm_clause_info *clause);
/* Is this the clause that its event takes in the state? Never in a final state. */

/* The state that a new deal is in: the one that ClientEventOpen is for. NULL: the machine does not tell. */
const dealfsm_state_info *machine_initial_state(const description *machine);
/* Not final, and in some clause. */
bool is_working_state(const dealfsm_state_info *state);
/* Some handler that raises the event; after: the last one found, NULL to begin. NULL: no more. */
const dealfsm_handler_info *next_raiser(const description *machine, uint32_t event, const dealfsm_handler_info *after);

/* An event that the outside may bring at any time, so that a cell which drops it is a hole. Open and RecheckFunds are not
 * counted: these are commands that the host gives when the state calls for them. */
bool comes_at_any_time(const dealfsm_event_info *event);
bool is_dropped(const description *machine, uint32_t event, uint64_t status);

void machine_text(const machine_view *view, const paper *out);
json_t *machine_json(const machine_view *view);

typedef enum diagram_form { DIAGRAM_MERMAID, DIAGRAM_PLANTUML, DIAGRAM_DOT } diagram_form;
void machine_diagram(const machine_view *view, diagram_form form, FILE *out);

/* The transitions that are added, gone or changed from one machine to the other. Are there any? */
bool machine_diff(values_arena *arena, const description *old_machine, const description *new_machine,
                  const paper *out);
/* The same as a diagram in colours. */
bool machine_diff_diagram(values_arena *arena, const description *old_machine, const description *new_machine,
                          diagram_form form, FILE *out);

void holes_text(const machine_view *view, const paper *out);
json_t *holes_json(const machine_view *view);

#endif
