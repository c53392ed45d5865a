/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_DESCRIPTION_H
#define TOOLS_DESCRIPTION_H

/* All that describe/1 tells of a machine, read once into arrays, and the look-ups that tools need. Texts and lists
 * inside belong to the module. */

#include <dealfsm/describe.h>

#include <stdbool.h>

typedef struct description {
    const char *machine_version;
    dealfsm_state_info *states;
    dealfsm_event_info *events;
    dealfsm_clause_info *clauses;
    dealfsm_handler_info *handlers;
    dealfsm_op_info *ops;
    dealfsm_field_info *fields;
    dealfsm_error_info *errors;
    uint32_t states_count;
    uint32_t events_count;
    uint32_t clauses_count;
    uint32_t handlers_count;
    uint32_t ops_count;
    uint32_t fields_count;
    uint32_t errors_count;
} description;

/* False: out of memory, or a function of the interface answered something else than OK or DEALFSM_E_NOT_FOUND, or never
 * ended (more than 10,000 entries); *what then names the function. Release it in either case. */
bool description_load(description *out, const dealfsm_describe_v1 *describe, const char **what);
void description_release(description *it);

/* NULL where there is none. */
const dealfsm_state_info *description_state(const description *it, uint64_t status);
const dealfsm_event_info *description_event(const description *it, uint64_t event);
const dealfsm_handler_info *description_handler(const description *it, const char *name);
const dealfsm_op_info *description_op(const description *it, uint32_t op);
const dealfsm_op_info *description_op_named(const description *it, const char *name);
const dealfsm_field_info *description_field(const description *it, const char *name);

/* The clause that an event takes in a state: an exact entry beats FROM_ANY. Final states are not looked at. */
const dealfsm_clause_info *description_clause(const description *it, uint32_t event, uint64_t status);
bool description_is_final(const description *it, uint64_t status);

/* Names for messages: the printed name, or the bare number in `buffer` where there is none. */
const char *description_state_name(const description *it, uint64_t status, char buffer[32]);
const char *description_event_name(const description *it, uint64_t event, char buffer[32]);
/* "DEALFSM_E_ARGUMENT"; "DEALFSM_OK / DEALFSM_APPLIED", … for the answers that are no errors. */
const char *description_result_name(const description *it, int32_t result, char buffer[32]);

#endif
