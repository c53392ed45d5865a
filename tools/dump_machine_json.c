/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A machine as JSON: all that describe/1 tells; its schema is share/schema/machine.json. */
#include <string.h>

#include "dump_machine.h"
#include "dump_words.h"

static json_t *text_or_null(const char *text)
{
    return *text == '\0' ? json_null() : json_string(text);
}

static json_t *statuses(const machine_view *view, const uint32_t *list, uint32_t count)
{
    json_t *names = json_array();
    for (uint32_t i = 0; i < count; i++) {
        json_array_append_new(names, json_string(words_status(view->arena, view->machine, list[i])));
    }
    return names;
}

static json_t *parameters(const char *const *names, const uint32_t *kinds, uint32_t count, uint32_t optional)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++) {
        json_array_append_new(list, json_pack("{s:s, s:s, s:b}", "name", names[i], "kind", words_kind(kinds[i]),
                                              "optional", (int)(optional >> i & 1)));
    }
    return list;
}

static json_t *clauses(const machine_view *view, uint32_t event)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < view->machine->clauses_count; i++) {
        const dealfsm_clause_info *clause = &view->machine->clauses[i];
        if (clause->event != event || !view_has_clause(view, clause)) {
            continue;
        }
        const char *target = clause->to == DEALFSM_TO ? words_status(view->arena, view->machine, clause->target) : "";
        json_array_append_new(list, json_pack("{s:s, s:o, s:s, s:o}", "from", words_from(clause->from), "states",
                                              statuses(view, clause->states, clause->states_count), "to",
                                              words_to(clause->to), "target", text_or_null(target)));
    }
    return list;
}

static json_t *raisers(const machine_view *view, uint32_t event)
{
    json_t *list = json_array();
    for (const dealfsm_handler_info *it = NULL; (it = next_raiser(view->machine, event, it)) != NULL;) {
        json_array_append_new(list, json_string(it->name));
    }
    return list;
}

static json_t *events(const machine_view *view)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < view->machine->events_count; i++) {
        const dealfsm_event_info *it = &view->machine->events[i];
        if (view_has_event(view, it)) {
            json_array_append_new(list, json_pack("{s:i, s:s, s:o, s:b, s:b, s:o, s:b, s:o}", "event", (int)it->event,
                                                  "name", it->name, "args",
                                                  parameters(it->names, it->args, it->args_count, 0), "from_outside",
                                                  it->from_outside != 0, "from_handler", it->from_handler != 0,
                                                  "raised_by", raisers(view, it->event), "has_transition",
                                                  it->has_transition != 0, "clauses", clauses(view, it->event)));
        }
    }
    return list;
}

static json_t *states(const machine_view *view)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < view->machine->states_count; i++) {
        const dealfsm_state_info *it = &view->machine->states[i];
        if (view->state == NULL || view->state == it) {
            json_array_append_new(list, json_pack("{s:i, s:s, s:s, s:o, s:b, s:b}", "status", (int)it->status, "name",
                                                  words_status(view->arena, view->machine, it->status), "printed",
                                                  it->name, "handler", text_or_null(it->handler), "final",
                                                  it->is_final != 0, "has_transition", it->has_transition != 0));
        }
    }
    return list;
}

static json_t *handler(const machine_view *view, const dealfsm_handler_info *it)
{
    json_t *in = json_array();
    json_t *ops = json_array();
    json_t *raises = json_array();
    for (uint32_t i = 0; i < view->machine->states_count; i++) {
        if (strcmp(view->machine->states[i].handler, it->name) == 0) {
            const uint32_t status = view->machine->states[i].status;
            json_array_append_new(in, json_string(words_status(view->arena, view->machine, status)));
        }
    }
    for (uint32_t i = 0; i < it->ops_count; i++) {
        json_array_append_new(ops, json_string(words_op(view->arena, view->machine, it->ops[i])));
    }
    for (uint32_t i = 0; i < it->raises_count; i++) {
        json_array_append_new(raises, json_string(words_event(view->arena, view->machine, it->raises[i])));
    }
    return json_pack("{s:s, s:o, s:o, s:o}", "name", it->name, "states", in, "ops", ops, "raises", raises);
}

static json_t *handlers(const machine_view *view)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < view->machine->handlers_count; i++) {
        const dealfsm_handler_info *it = &view->machine->handlers[i];
        if (view->state == NULL || strcmp(view->state->handler, it->name) == 0) {
            json_array_append_new(list, handler(view, it));
        }
    }
    return list;
}

static json_t *ops(const description *machine)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < machine->ops_count; i++) {
        const dealfsm_op_info *it = &machine->ops[i];
        json_array_append_new(
            list, json_pack("{s:i, s:s, s:s, s:o, s:o, s:i}", "op", (int)it->op, "name", it->name, "class",
                            words_class(it->op_class), "args",
                            parameters(it->args_names, it->args, it->args_count, it->args_optional), "values",
                            parameters(it->values_names, it->values, it->values_count, it->values_optional),
                            "environment_offset", (int)it->environment_offset));
    }
    return list;
}

static json_t *fields(const description *machine)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < machine->fields_count; i++) {
        const dealfsm_field_info *it = &machine->fields[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o, s:b, s:i, s:i, s:i}", "name", it->name, "stored",
                                              it->stored, "kind", words_kind(it->kind), "unit", text_or_null(it->unit),
                                              "optional", it->optional != 0, "offset", (int)it->offset, "width",
                                              (int)it->width, "presence", (int)it->presence));
    }
    return list;
}

static json_t *errors(const description *machine)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < machine->errors_count; i++) {
        const dealfsm_error_info *it = &machine->errors[i];
        json_array_append_new(list,
                              json_pack("{s:i, s:s, s:s}", "code", (int)it->code, "name", it->name, "text", it->text));
    }
    return list;
}

json_t *machine_json(const machine_view *view)
{
    const dealfsm_state_info *initial = machine_initial_state(view->machine);
    const char *first = initial == NULL ? "" : words_status(view->arena, view->machine, initial->status);
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "machine", view->machine->machine_version, "initial",
                     text_or_null(first), "events", events(view), "states", states(view), "handlers", handlers(view),
                     "ops", ops(view->machine), "fields", fields(view->machine), "errors", errors(view->machine));
}
