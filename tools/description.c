/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "description.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dealfsm/base.h>

enum { ENTRIES_MAX = 10000 };

/* Reads one list of describe/1: `get` for index 0, 1, … until DEALFSM_E_NOT_FOUND. */
#define LOAD_LIST(list, info, get)                                                                                     \
    do {                                                                                                               \
        *what = #get;                                                                                                  \
        if (describe->get == NULL) {                                                                                   \
            return false;                                                                                              \
        }                                                                                                              \
        for (;;) {                                                                                                     \
            info one = {.struct_size = sizeof one};                                                                    \
            const int32_t result = describe->get(out->list##_count, &one);                                             \
            if (result == DEALFSM_E_NOT_FOUND) {                                                                       \
                break;                                                                                                 \
            }                                                                                                          \
            info *more = realloc(out->list, (out->list##_count + 1u) * sizeof one);                                    \
            if (more != NULL) {                                                                                        \
                out->list = more;                                                                                      \
            }                                                                                                          \
            if (result != DEALFSM_OK || more == NULL || out->list##_count == ENTRIES_MAX) {                            \
                return false;                                                                                          \
            }                                                                                                          \
            out->list[out->list##_count++] = one;                                                                      \
        }                                                                                                              \
    } while (0)

bool description_load(description *out, const dealfsm_describe_v1 *describe, const char **what)
{
    *out = (description){.machine_version = describe->machine_version};
    LOAD_LIST(states, dealfsm_state_info, state);
    LOAD_LIST(events, dealfsm_event_info, event);
    LOAD_LIST(clauses, dealfsm_clause_info, clause);
    LOAD_LIST(handlers, dealfsm_handler_info, handler);
    LOAD_LIST(ops, dealfsm_op_info, op);
    LOAD_LIST(fields, dealfsm_field_info, field);
    LOAD_LIST(errors, dealfsm_error_info, error);
    *what = "machine_version";
    return out->machine_version != NULL;
}

void description_release(description *it)
{
    free(it->states);
    free(it->events);
    free(it->clauses);
    free(it->handlers);
    free(it->ops);
    free(it->fields);
    free(it->errors);
    *it = (description){0};
}

const dealfsm_state_info *description_state(const description *it, uint64_t status)
{
    for (uint32_t i = 0; i < it->states_count; i++) {
        if (it->states[i].status == status) {
            return &it->states[i];
        }
    }
    return NULL;
}

const dealfsm_event_info *description_event(const description *it, uint64_t event)
{
    for (uint32_t i = 0; i < it->events_count; i++) {
        if (it->events[i].event == event) {
            return &it->events[i];
        }
    }
    return NULL;
}

const dealfsm_handler_info *description_handler(const description *it, const char *name)
{
    for (uint32_t i = 0; i < it->handlers_count; i++) {
        if (strcmp(it->handlers[i].name, name) == 0) {
            return &it->handlers[i];
        }
    }
    return NULL;
}

const dealfsm_op_info *description_op(const description *it, uint32_t op)
{
    for (uint32_t i = 0; i < it->ops_count; i++) {
        if (it->ops[i].op == op) {
            return &it->ops[i];
        }
    }
    return NULL;
}

const dealfsm_op_info *description_op_named(const description *it, const char *name)
{
    for (uint32_t i = 0; i < it->ops_count; i++) {
        if (strcmp(it->ops[i].name, name) == 0) {
            return &it->ops[i];
        }
    }
    return NULL;
}

const dealfsm_field_info *description_field(const description *it, const char *name)
{
    for (uint32_t i = 0; i < it->fields_count; i++) {
        if (strcmp(it->fields[i].name, name) == 0) {
            return &it->fields[i];
        }
    }
    return NULL;
}

const dealfsm_clause_info *description_clause(const description *it, uint32_t event, uint64_t status)
{
    const dealfsm_clause_info *any = NULL;
    for (uint32_t i = 0; i < it->clauses_count; i++) {
        const dealfsm_clause_info *clause = &it->clauses[i];
        if (clause->event != event) {
            continue;
        }
        if (clause->from == DEALFSM_FROM_ANY) {
            any = clause;
            continue;
        }
        for (uint32_t s = 0; s < clause->states_count; s++) {
            if (clause->states[s] == status) {
                return clause;
            }
        }
    }
    return any;
}

bool description_is_final(const description *it, uint64_t status)
{
    const dealfsm_state_info *state = description_state(it, status);
    return state != NULL && state->is_final != 0;
}

const char *description_state_name(const description *it, uint64_t status, char buffer[32])
{
    const dealfsm_state_info *state = description_state(it, status);
    if (state != NULL) {
        return state->name;
    }
    snprintf(buffer, 32, "status %" PRIu64, status);
    return buffer;
}

const char *description_event_name(const description *it, uint64_t event, char buffer[32])
{
    const dealfsm_event_info *info = description_event(it, event);
    if (info != NULL) {
        return info->name;
    }
    snprintf(buffer, 32, "event %" PRIu64, event);
    return buffer;
}

const char *description_result_name(const description *it, int32_t result, char buffer[32])
{
    static const char *const good[] = {"DEALFSM_OK (APPLIED)", "DEALFSM_ACCEPTED", "DEALFSM_STALLED"};
    if (result >= 0 && result <= DEALFSM_STALLED) {
        return good[result];
    }
    for (uint32_t i = 0; i < it->errors_count; i++) {
        if (it->errors[i].code == result) {
            return it->errors[i].name;
        }
    }
    snprintf(buffer, 32, "result %" PRId32, result);
    return buffer;
}
