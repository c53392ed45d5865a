/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

#include <string.h>

static bool has_status(const uint8_t *list, uint64_t status)
{
    for (; *list != FSM_LIST_END; list++) {
        if (*list == status)
            return true;
    }
    return false;
}

bool fsm_is_final(const fsm_machine *machine, uint64_t status)
{
    return has_status(machine->finals, status);
}

const fsm_handler *fsm_find_handler(const fsm_machine *machine, uint64_t status)
{
    for (uint32_t i = 0; i < machine->handlers_count; i++) {
        if (has_status(machine->handlers[i].states, status))
            return &machine->handlers[i];
    }
    return NULL;
}

static bool clause_names(const fsm_clause *clause, uint64_t status)
{
    for (uint32_t i = 0; i < clause->count; i++) {
        if (clause->states[i] == status)
            return true;
    }
    return false;
}

const fsm_clause *fsm_find_clause(const fsm_machine *machine, uint32_t event, uint64_t status)
{
    if (event >= machine->events_count)
        return NULL;
    const fsm_clause *any = NULL;
    for (const fsm_clause *clause = machine->events[event].clauses; clause->from != 0; clause++) {
        if (clause->from == FSM_FROM_ANY)
            any = clause;
        else if (clause_names(clause, status))
            return clause;
    }
    return any;
}

/* As *after = *before, in two halves: gcc moves a block of this size as a whole with `rep movs`, which costs more
 * than the rest of a step, but two halves through registers. */
static void copy_record(fsm_record *after, const fsm_record *before)
{
    enum { HALF = sizeof(fsm_record) / 2 };
    memcpy(after, before, HALF);
    memcpy((uint8_t *)after + HALF, (const uint8_t *)before + HALF, sizeof(fsm_record) - HALF);
}

fsm_outcome fsm_step(const fsm_machine *machine, const fsm_record *before, uint32_t event, const fsm_value *args,
                     fsm_scratch *scratch, fsm_record *after)
{
    if (fsm_is_final(machine, before->status))
        return (fsm_outcome){.result = FSM_TERMINATED, .is_final = true};
    const fsm_clause *clause = fsm_find_clause(machine, event, before->status);
    if (clause == NULL)
        return (fsm_outcome){.result = FSM_INVALID_TRANSITION};
    copy_record(after, before);
    fsm_action *action = machine->events[event].action;
    const char *why = NULL;
    if (action != NULL && !action(after, args, scratch, &why)) /* Difference 7: nothing is half-done */
        return (fsm_outcome){.result = FSM_ACTION_FAILED, .why = why};
    if (clause->to == FSM_TO)
        after->status = clause->target;
    bool is_final = clause->to == FSM_TO && fsm_is_final(machine, after->status);
    bool handler_owed =
        clause->to != FSM_TO_JUST_RECORD && !is_final && fsm_find_handler(machine, after->status) != NULL;
    return (fsm_outcome){FSM_APPLIED, handler_owed, is_final, NULL};
}
