/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* The lines of names.tsv, args.tsv, final.tsv, handlers.tsv and cells.tsv against describe/1, cells also by driving
 * them. */

#include "validate.h"

#include <inttypes.h>
#include <string.h>

static bool number_in(validator *v, const char *text, uint64_t *number)
{
    if (values_u64(text, number)) {
        return true;
    }
    report_fail(v->report, "a line that starts with a decimal number", "\"%s\"", text);
    return false;
}

static bool columns_are(validator *v, uint32_t expected, uint32_t found)
{
    if (found == expected) {
        return true;
    }
    report_fail(v->report, format(v->arena, "%" PRIu32 " columns, separated by tabs", expected), "%" PRIu32, found);
    return false;
}

/* state|event, number, printed name; "-" where the reference prints none: ours does. */
void line_names(validator *v, char **columns, uint32_t count)
{
    uint64_t number;
    if (!columns_are(v, 3, count) || !number_in(v, columns[1], &number)) {
        return;
    }
    const bool is_state = strcmp(columns[0], "state") == 0;
    const dealfsm_state_info *state = description_state(&v->machine, number);
    const dealfsm_event_info *event = description_event(&v->machine, number);
    const char *name = is_state ? (state == NULL ? NULL : state->name) : (event == NULL ? NULL : event->name);
    const char *expected = strcmp(columns[2], "-") == 0 ? "a name" : columns[2];
    if (!is_state && strcmp(columns[0], "event") != 0) {
        report_fail(v->report, "\"state\" or \"event\" in the first column", "\"%s\"", columns[0]);
    } else if (name == NULL || name[0] == '\0' || (expected == columns[2] && strcmp(name, expected) != 0)) {
        report_fail(v->report, expected, "%s", name == NULL ? "no such number in describe/1" : name);
    }
}

/* event, [kind,kind] or no-transition. */
void line_arg_types(validator *v, char **columns, uint32_t count)
{
    uint64_t number;
    if (!columns_are(v, 2, count) || !number_in(v, columns[0], &number)) {
        return;
    }
    const dealfsm_event_info *event = description_event(&v->machine, number);
    char *found = "no such event";
    if (event != NULL && event->has_transition == 0) {
        found = "no-transition";
    } else if (event != NULL) {
        found = "[";
        for (uint32_t i = 0; i < event->args_count; i++) {
            const char *kind = values_kind_name(event->args[i]);
            found = format(v->arena, "%s%s%s", found, i == 0 ? "" : ",", kind == NULL ? "?" : kind);
        }
        found = format(v->arena, "%s]", found);
    }
    if (strcmp(found, columns[1]) != 0) {
        report_fail(v->report, columns[1], "%s", found);
    }
}

void line_final(validator *v, char **columns, uint32_t count)
{
    uint64_t status;
    if (columns_are(v, 1, count) && number_in(v, columns[0], &status) && !description_is_final(&v->machine, status)) {
        report_fail(v->report, "a final state", "that it is none in describe/1");
    }
}

void line_handler_of(validator *v, char **columns, uint32_t count)
{
    uint64_t status;
    if (!columns_are(v, 2, count) || !number_in(v, columns[0], &status)) {
        return;
    }
    const dealfsm_state_info *state = description_state(&v->machine, status);
    if (state == NULL || strcmp(state->handler, columns[1]) != 0) {
        report_fail(v->report, columns[1], "%s", state == NULL ? "no such state" : state->handler);
    } else if (description_handler(&v->machine, columns[1]) == NULL) {
        report_fail(v->report, format(v->arena, "handler %s in describe/1", columns[1]), "none of that name");
    }
}

void line_cell(validator *v, rig *it, char **columns, uint32_t count)
{
    uint64_t status;
    uint64_t event;
    if (!columns_are(v, 3, count) || !number_in(v, columns[0], &status) || !number_in(v, columns[1], &event)) {
        return;
    }
    if (description_state(&v->machine, status) == NULL || description_event(&v->machine, event) == NULL) {
        report_fail(v->report, "a state and an event of describe/1", "another number");
        return;
    }
    const char *described = event > UINT32_MAX ? "refused" : described_outcome(v, status, (uint32_t)event);
    if (strcmp(described, columns[2]) != 0) {
        report_fail(v->report, columns[2], "%s in describe/1", described);
        return;
    }
    drive_cell(it, status, (uint32_t)event, columns[2]);
}
