/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What of a machine a view shows, and what follows from the tables of describe/1. */
#include <dealfsm/vocabulary.h>

#include "dump_machine.h"

bool is_working_state(const dealfsm_state_info *state)
{
    return state->is_final == 0 && state->has_transition != 0;
}

static bool clause_applies(const description *machine, const dealfsm_clause_info *clause, uint64_t status)
{
    return !description_is_final(machine, status) && description_clause(machine, clause->event, status) == clause;
}

bool view_has_clause(const machine_view *view, const dealfsm_clause_info *clause)
{
    if (view->event != NULL && view->event->event != clause->event) {
        return false;
    }
    return view->state == NULL || (clause->to == DEALFSM_TO && clause->target == view->state->status) ||
           clause_applies(view->machine, clause, view->state->status);
}

bool view_has_event(const machine_view *view, const dealfsm_event_info *event)
{
    if (view->event != NULL || view->state == NULL) {
        return view->event == NULL || view->event->event == event->event;
    }
    for (uint32_t i = 0; i < view->machine->clauses_count; i++) {
        const dealfsm_clause_info *clause = &view->machine->clauses[i];
        if (clause->event == event->event && view_has_clause(view, clause)) {
            return true;
        }
    }
    return false;
}

const dealfsm_state_info *machine_initial_state(const description *machine)
{
    for (uint32_t i = 0; i < machine->states_count; i++) {
        if (machine->states[i].is_initial != 0) {
            return &machine->states[i];
        }
    }
    return NULL;
}

const dealfsm_handler_info *next_raiser(const description *machine, uint32_t event, const dealfsm_handler_info *after)
{
    const dealfsm_handler_info *end = machine->handlers + machine->handlers_count;
    for (const dealfsm_handler_info *it = after == NULL ? machine->handlers : after + 1; it < end; it++) {
        for (uint32_t i = 0; i < it->raises_count; i++) {
            if (it->raises[i] == event) {
                return it;
            }
        }
    }
    return NULL;
}

bool comes_at_any_time(const dealfsm_event_info *event)
{
    return event->from_outside == DEALFSM_OUTSIDE_ANY_TIME;
}

bool is_dropped(const description *machine, uint32_t event, uint64_t status)
{
    return description_clause(machine, event, status) == NULL;
}
