/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

/* Sets of statuses as bits. */
_Static_assert(FSM_STATUS_COUNT <= 64, "a set of statuses must fit 64 bits");

static uint64_t bit(uint32_t status)
{
    return (uint64_t)1 << status;
}

static uint64_t set_of(const uint8_t *list)
{
    uint64_t set = 0;
    for (; *list != FSM_LIST_END; list++)
        set |= bit(*list);
    return set;
}

static bool has_event(const fsm_machine *machine, uint32_t event)
{
    return event < machine->events_count && machine->events[event].line != 0;
}

static bool has_op(const fsm_machine *machine, uint32_t op)
{
    return op < machine->ops_count && machine->ops[op].name != NULL;
}

static const char *check_names(const fsm_machine *machine)
{
    if (machine->events_count > FSM_EVENT_COUNT || machine->statuses_count > FSM_STATUS_COUNT ||
        machine->ops_count > FSM_OP_END)
        return "a number is past the end of the vocabulary";
    for (uint32_t i = 0; i < machine->statuses_count; i++) {
        if (machine->status_names[i] == NULL || machine->status_names[i][0] == '\0')
            return "a status has no name";
    }
    return NULL;
}

static bool are_values(const uint8_t *kinds, const char *const *names, uint32_t count, uint8_t allowed)
{
    for (uint32_t i = 0; i < count; i++) {
        uint8_t kind = kinds[i] & (uint8_t)~allowed;
        if (kind < ARG_AMOUNT || kind > ARG_CBOR || names[i] == NULL)
            return false;
    }
    return true;
}

static const char *check_arguments(const fsm_machine *machine)
{
    for (uint32_t i = 0; i < machine->events_count; i++) {
        const fsm_event *event = &machine->events[i];
        if (event->args_count > 3 || !are_values(event->args, event->args_names, event->args_count, 0))
            return "an argument of an event has no kind or no name";
    }
    for (uint32_t i = 0; i < machine->ops_count; i++) {
        const fsm_op *op = &machine->ops[i];
        if (op->name == NULL)
            continue;
        if (op->op_class < FSM_PURE || op->op_class > FSM_ONCE)
            return "an op has no class";
        if (op->args_count > FSM_ARGS_MAX || op->values_count > 5 ||
            !are_values(op->args, op->args_names, op->args_count, FSM_OPTIONAL) ||
            !are_values(op->values, op->values_names, op->values_count, FSM_OPTIONAL))
            return "an argument or value of an op has no kind or no name";
    }
    return NULL;
}

static const char *check_clause(const fsm_machine *machine, const fsm_clause *clause, uint64_t *seen, bool *any)
{
    bool counts = clause->from == FSM_FROM        ? clause->count == 1
                  : clause->from == FSM_FROM_MANY ? clause->count >= 1 && clause->count <= FSM_FROM_MAX
                                                  : clause->from == FSM_FROM_ANY && clause->count == 0 && !*any;
    if (!counts)
        return "a clause has the wrong number of states, or an event has FROM_ANY twice";
    *any = *any || clause->from == FSM_FROM_ANY;
    uint32_t finals = 0; /* among others the specification may name one; it never applies */
    for (uint32_t i = 0; i < clause->count; i++) {
        if (clause->states[i] >= machine->statuses_count)
            return "a clause comes from a status that the machine does not name";
        finals += fsm_is_final(machine, clause->states[i]);
        if ((*seen & bit(clause->states[i])) != 0)
            return "an event has a state twice";
        *seen |= bit(clause->states[i]);
    }
    if (finals > 0 && finals == clause->count)
        return "a clause comes from final states only";
    if (clause->to < FSM_TO || clause->to > FSM_TO_JUST_RECORD)
        return "a clause goes nowhere";
    if (clause->to == FSM_TO && clause->target >= machine->statuses_count)
        return "a clause goes to a status that the machine does not name";
    return NULL;
}

static const char *check_clauses(const fsm_machine *machine)
{
    for (uint32_t i = 0; i < machine->events_count; i++) {
        const fsm_clause *clause = machine->events[i].clauses;
        if ((clause->from != 0) != (machine->events[i].line != 0))
            return "an event has a row without clauses, or clauses without a row";
        uint64_t seen = 0;
        bool any = false;
        for (; clause->from != 0; clause++) {
            const char *wrong = check_clause(machine, clause, &seen, &any);
            if (wrong != NULL)
                return wrong;
        }
    }
    return NULL;
}

static bool listed(const uint8_t *list, uint8_t number)
{
    while (*list != FSM_LIST_END && *list != number)
        list++;
    return *list != FSM_LIST_END;
}

static const char *check_handler(const fsm_machine *machine, const fsm_handler *handler, uint64_t *seen)
{
    for (const uint8_t *status = handler->states; *status != FSM_LIST_END; status++) {
        if (*status >= machine->statuses_count)
            return "a handler stands at a status that the machine does not name";
        if (fsm_is_final(machine, *status))
            return "a final state has a handler";
        if ((*seen & bit(*status)) != 0)
            return "a state has two handlers";
        *seen |= bit(*status);
    }
    for (const uint8_t *op = handler->ops; *op != 0; op++) {
        if (!has_op(machine, *op))
            return "a handler asks an op that the machine does not have";
    }
    for (const uint8_t *event = handler->raises; *event != FSM_LIST_END; event++) {
        if (!has_event(machine, *event))
            return "a handler raises an event that the machine does not have";
    }
    return NULL;
}

static const char *check_lists(const fsm_machine *machine)
{
    uint64_t seen = 0;
    for (uint32_t i = 0; i < machine->handlers_count; i++) {
        const char *wrong = check_handler(machine, &machine->handlers[i], &seen);
        if (wrong != NULL)
            return wrong;
    }
    for (const uint8_t *event = machine->outside; *event != FSM_LIST_END; event++) {
        if (!has_event(machine, *event))
            return "the host may raise an event that the machine does not have";
    }
    for (const uint8_t *event = machine->own_time; *event != FSM_LIST_END; event++) {
        if (!listed(machine->outside, *event))
            return "an event that the host raises at its own time is not among those that it may raise";
    }
    for (const uint8_t *status = machine->finals; *status != FSM_LIST_END; status++) {
        if (*status >= machine->statuses_count)
            return "a final state has a status that the machine does not name";
    }
    return NULL;
}

/* The states that one event can lead to from a state. */
static uint64_t successors(const fsm_machine *machine, uint32_t status)
{
    uint64_t set = 0;
    if (fsm_is_final(machine, status))
        return set;
    for (uint32_t i = 0; i < machine->events_count; i++) {
        const fsm_clause *clause = fsm_find_clause(machine, i, status);
        if (clause != NULL && clause->to == FSM_TO)
            set |= bit(clause->target);
    }
    return set;
}

/* The states that clauses, handlers and the list of final states speak of. */
static uint64_t states_of(const fsm_machine *machine)
{
    uint64_t set = set_of(machine->finals);
    for (uint32_t i = 0; i < machine->events_count; i++) {
        for (const fsm_clause *clause = machine->events[i].clauses; clause->from != 0; clause++) {
            for (uint32_t j = 0; j < clause->count; j++)
                set |= bit(clause->states[j]);
            if (clause->to == FSM_TO)
                set |= bit(clause->target);
        }
    }
    for (uint32_t i = 0; i < machine->handlers_count; i++)
        set |= set_of(machine->handlers[i].states);
    return set;
}

static const char *check_paths(const fsm_machine *machine)
{
    uint64_t states = states_of(machine);
    uint64_t reached = bit(DealStatusNew);
    uint64_t ending = set_of(machine->finals);
    for (uint32_t round = 0; round < machine->statuses_count; round++) {
        for (uint32_t status = 0; status < machine->statuses_count; status++) {
            uint64_t next = successors(machine, status);
            if ((reached & bit(status)) != 0)
                reached |= next;
            if ((next & ending) != 0)
                ending |= bit(status);
        }
    }
    if ((states & ~reached) != 0)
        return "a state cannot be reached from New";
    if ((states & ~ending) != 0)
        return "no final state can be reached from a state";
    return NULL;
}

const char *fsm_verify(const fsm_machine *machine)
{
    const char *(*const checks[])(const fsm_machine *) = {check_names, check_arguments, check_clauses, check_lists,
                                                          check_paths};
    for (uint32_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        const char *wrong = checks[i](machine);
        if (wrong != NULL)
            return wrong;
    }
    return NULL;
}
