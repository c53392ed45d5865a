/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Interface "describe/1": the machine's own tables, told in the words of the border. */
#include "module.h"

/* Copies *mine to the caller's struct. */
#define GIVE(mine, out)                                                                                                \
    do {                                                                                                               \
        uint32_t room = 0;                                                                                             \
        int32_t code = border_check_out(out, sizeof(mine), &room, "out", NULL);                                        \
        if (!code)                                                                                                     \
            border_write(out, room, &(mine));                                                                          \
        return code;                                                                                                   \
    } while (0)

static const fsm_machine *machine(void)
{
    return module_version.machine;
}

/* The event row with a transition that follows line `last` in the order of the specification; UINT32_MAX: none. */
static uint32_t next_in_order(uint32_t last)
{
    uint32_t best = UINT32_MAX;
    for (uint32_t event = 0; event < machine()->events_count; event++) {
        uint32_t line = machine()->events[event].line;
        if (line > last && (best == UINT32_MAX || line < machine()->events[best].line))
            best = event;
    }
    return best;
}

/* The index-th of them; UINT32_MAX past the last one. */
static uint32_t event_in_order(uint32_t index)
{
    uint32_t event = next_in_order(0);
    while (event != UINT32_MAX && index-- > 0)
        event = next_in_order(machine()->events[event].line);
    return event;
}

static uint32_t events_with_transition(void)
{
    uint32_t count = 0;
    for (uint32_t event = 0; event < machine()->events_count; event++)
        count += machine()->events[event].line != 0;
    return count;
}

static bool in_list(const uint8_t *list, uint32_t number)
{
    while (*list != FSM_LIST_END && *list != number)
        list++;
    return *list != FSM_LIST_END;
}

static bool clause_speaks_of(const fsm_clause *clause, uint32_t status)
{
    for (uint32_t i = 0; i < clause->count; i++)
        if (clause->states[i] == status)
            return true;
    return clause->to == FSM_TO && clause->target == status;
}

static bool any_clause_speaks_of(uint32_t status)
{
    for (uint32_t event = 0; event < machine()->events_count; event++)
        for (const fsm_clause *c = machine()->events[event].clauses; c->from; c++)
            if (clause_speaks_of(c, status))
                return true;
    return false;
}

static int32_t describe_state(uint32_t index, dealfsm_state_info *out)
{
    if (index >= machine()->statuses_count)
        return DEALFSM_E_NOT_FOUND;
    const fsm_handler *handler = fsm_find_handler(machine(), index);
    dealfsm_state_info mine = {.status = index,
                               .name = fsm_status_name(machine(), index),
                               .handler = handler ? handler->name : "",
                               .is_final = fsm_is_final(machine(), index),
                               .has_transition = any_clause_speaks_of(index),
                               .identifier = fsm_status_identifier(index),
                               .is_initial = index == DealStatusNew};
    GIVE(mine, out);
}

static bool handler_raises(uint32_t event)
{
    for (uint32_t i = 0; i < machine()->handlers_count; i++)
        if (in_list(machine()->handlers[i].raises, event))
            return true;
    return false;
}

/* Those without transition come last, by number. */
static uint32_t event_at(uint32_t index)
{
    uint32_t event = event_in_order(index);
    if (event != UINT32_MAX)
        return event;
    uint32_t rest = index - events_with_transition();
    for (event = 0; event < machine()->events_count; event++)
        if (!machine()->events[event].line && rest-- == 0)
            return event;
    return UINT32_MAX;
}

static uint32_t from_outside(uint32_t event)
{
    if (!in_list(machine()->outside, event))
        return DEALFSM_OUTSIDE_NEVER;
    return in_list(machine()->own_time, event) ? DEALFSM_OUTSIDE_OWN_TIME : DEALFSM_OUTSIDE_ANY_TIME;
}

static int32_t describe_event(uint32_t index, dealfsm_event_info *out)
{
    uint32_t event = index < machine()->events_count ? event_at(index) : UINT32_MAX;
    if (event == UINT32_MAX)
        return DEALFSM_E_NOT_FOUND;
    const fsm_event *row = &machine()->events[event];
    dealfsm_event_info mine = {.event = event,
                               .name = fsm_event_name(event),
                               .args_count = row->args_count,
                               .from_outside = from_outside(event),
                               .from_handler = handler_raises(event),
                               .has_transition = row->line != 0};
    for (uint32_t i = 0; i < row->args_count; i++) {
        mine.args[i] = row->args[i];
        mine.names[i] = row->args_names[i];
    }
    GIVE(mine, out);
}

static int32_t describe_clause(uint32_t index, dealfsm_clause_info *out)
{
    for (uint32_t event = next_in_order(0); event != UINT32_MAX; event = next_in_order(machine()->events[event].line)) {
        for (const fsm_clause *c = machine()->events[event].clauses; c->from; c++) {
            if (index--)
                continue;
            dealfsm_clause_info mine = {
                .event = event, .from = c->from, .to = c->to, .target = c->target, .states_count = c->count};
            for (uint32_t s = 0; s < c->count; s++)
                mine.states[s] = c->states[s];
            GIVE(mine, out);
        }
    }
    return DEALFSM_E_NOT_FOUND;
}

static int32_t describe_handler(uint32_t index, dealfsm_handler_info *out)
{
    if (index >= machine()->handlers_count)
        return DEALFSM_E_NOT_FOUND;
    const fsm_handler *handler = &machine()->handlers[index];
    dealfsm_handler_info mine = {.name = handler->name};
    for (; handler->ops[mine.ops_count]; mine.ops_count++)
        mine.ops[mine.ops_count] = handler->ops[mine.ops_count];
    for (; handler->raises[mine.raises_count] != FSM_LIST_END; mine.raises_count++)
        mine.raises[mine.raises_count] = handler->raises[mine.raises_count];
    GIVE(mine, out);
}

/* Fills kinds, names and the set of optional ones from a list of an op. */
static void copy_kinds(const uint8_t *kinds, const char *const *names, uint32_t count, uint32_t *out,
                       const char **out_names, uint32_t *optional)
{
    for (uint32_t i = 0; i < count; i++) {
        out[i] = kinds[i] & ~(uint32_t)FSM_OPTIONAL;
        out_names[i] = names[i];
        *optional |= kinds[i] & FSM_OPTIONAL ? 1u << i : 0;
    }
}

static uint32_t op_offset(uint32_t op)
{
    switch (op) {
#define OFFSET_CASE(number, word)                                                                                      \
    case Op##word:                                                                                                     \
        return offsetof(dealfsm_environment, word);
        FSM_OPS(OFFSET_CASE)
    }
    return 0;
}

static int32_t describe_op(uint32_t index, dealfsm_op_info *out)
{
    for (uint32_t op = 0; op < machine()->ops_count; op++) {
        const fsm_op *row = &machine()->ops[op];
        if (!row->name || index--)
            continue;
        dealfsm_op_info mine = {.op = op,
                                .name = row->name,
                                .args_count = row->args_count,
                                .values_count = row->values_count,
                                .op_class = row->op_class,
                                .environment_offset = op_offset(op)};
        copy_kinds(row->args, row->args_names, row->args_count, mine.args, mine.args_names, &mine.args_optional);
        copy_kinds(row->values, row->values_names, row->values_count, mine.values, mine.values_names,
                   &mine.values_optional);
        GIVE(mine, out);
    }
    return DEALFSM_E_NOT_FOUND;
}

static uint32_t field_kind(layout_kind kind)
{
    switch (kind) {
    case LAYOUT_U64:
    case LAYOUT_OPTIONAL_U64:
        return DEALFSM_U64;
    case LAYOUT_FLAG:
        return DEALFSM_FLAG;
    case LAYOUT_AMOUNT:
        return DEALFSM_AMOUNT;
    case LAYOUT_ADDRESS:
        return DEALFSM_ADDRESS;
    case LAYOUT_CID:
    case LAYOUT_OPTIONAL_CID:
        return DEALFSM_CID;
    case LAYOUT_TEXT:
        return DEALFSM_TEXT;
    case LAYOUT_PEER:
        return DEALFSM_PEER;
    case LAYOUT_STATUS:
        return DEALFSM_STATUS;
    case LAYOUT_SELECTOR:
        return DEALFSM_CBOR;
    case LAYOUT_ARRAY:
    case LAYOUT_OPTIONAL_ARRAY:
    case LAYOUT_MAP:
    case LAYOUT_OPTIONAL_MAP:
        break;
    }
    return DEALFSM_NONE; /* a group: no field */
}

static uint32_t field_width(uint32_t kind)
{
    if (kind == DEALFSM_U64 || kind == DEALFSM_STATUS)
        return sizeof(uint64_t);
    return kind == DEALFSM_FLAG ? sizeof(uint32_t) : sizeof(const uint8_t *) + sizeof(uint64_t);
}

static int32_t describe_field(uint32_t index, dealfsm_field_info *out)
{
    const layout_item *group = NULL; /* the group with a presence flag that the next items stand in */
    uint32_t group_left = 0;
    for (uint32_t i = 0; i < module_version.layout->count; i++) {
        const layout_item *item = &module_version.layout->items[i];
        uint32_t kind = field_kind((layout_kind)item->kind);
        if (kind == DEALFSM_NONE && item->presence != NO_PRESENCE) {
            group = item;
            group_left = item->count;
        }
        if (kind == DEALFSM_NONE)
            continue;
        const layout_item *presence = group_left ? group : item;
        group_left -= group_left != 0;
        if (index--)
            continue;
        bool may_be_null = item->kind == LAYOUT_OPTIONAL_CID || item->kind == LAYOUT_SELECTOR ||
                           (presence->abi_presence && presence->kind != LAYOUT_ARRAY && presence->kind != LAYOUT_MAP);
        dealfsm_field_info mine = {.kind = kind,
                                   .name = item->name,
                                   .stored = item->stored,
                                   .unit = item->unit,
                                   .offset = item->abi_at,
                                   .width = field_width(kind),
                                   .presence = presence->abi_presence,
                                   .optional = may_be_null};
        GIVE(mine, out);
    }
    return DEALFSM_E_NOT_FOUND;
}

#define ERRORS(X)                                                                                                      \
    X(ARGUMENT, "a null, out of range or malformed argument")                                                          \
    X(TOO_NEW, "a struct is longer than this module knows, and its tail is set")                                       \
    X(ABI, "no common ABI minor")                                                                                      \
    X(MISSING, "a service or function that is needed was not given")                                                   \
    X(NO_MEMORY, "allocation failed")                                                                                  \
    X(NOT_FOUND, "no such deal, subscription, interface or index")                                                     \
    X(EXISTS, "the deal id is taken")                                                                                  \
    X(UNKNOWN_EVENT, "the machine has no such event")                                                                  \
    X(ARGUMENT_COUNT, "wrong number of event arguments")                                                               \
    X(ARGUMENT_TYPE, "an event argument of the wrong kind, or malformed")                                              \
    X(INVALID_TRANSITION, "the event has no transition from the present state")                                        \
    X(TERMINATED, "the deal is in a final state")                                                                      \
    X(ACTION, "the event's action cannot be carried out")                                                              \
    X(QUEUE_FULL, "the deal's queue is at its bound")                                                                  \
    X(FROZEN, "the deal is frozen or staged")                                                                          \
    X(BUSY, "a put, callback or host call is running, or work is open")                                                \
    X(NOT_OPEN, "no such op or put is open")                                                                           \
    X(CORRUPT, "bytes that are not a record or sidecar")                                                               \
    X(VERSION, "a machine version that this module does not read or write")                                            \
    X(TOO_SMALL, "the buffer is too small")                                                                            \
    X(STATE, "not possible in the deal's present condition")                                                           \
    X(STAYS, "the deal cannot move to this version now")                                                               \
    X(REFUSED, "the deal cannot move to this version")                                                                 \
    X(LOST, "the deal belongs to somebody else now")                                                                   \
    X(IO, "a file or library call of the host library failed")

static int32_t describe_error(uint32_t index, dealfsm_error_info *out)
{
    static const struct {
        int32_t code;
        char name[32];
        char text[80];
    } errors[] = {
#define ERROR_ROW(word, words) {DEALFSM_E_##word, "DEALFSM_E_" #word, words},
        ERRORS(ERROR_ROW)};
    if (index >= sizeof errors / sizeof *errors)
        return DEALFSM_E_NOT_FOUND;
    dealfsm_error_info mine = {.code = errors[index].code, .name = errors[index].name, .text = errors[index].text};
    GIVE(mine, out);
}

const dealfsm_describe_v1 describe_interface = {
    .struct_size = sizeof describe_interface,
    .machine_version = DEALFSM_VERSION,
    .state = describe_state,
    .event = describe_event,
    .clause = describe_clause,
    .handler = describe_handler,
    .op = describe_op,
    .field = describe_field,
    .error = describe_error,
};
