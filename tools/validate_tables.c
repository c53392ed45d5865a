/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* The lines of names.tsv, args.tsv, final.tsv, handlers.tsv and cells.tsv against describe/1, cells also by driving them. */

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

/* Drives one cell with a made-up deal and compares with `expected`, in the words of cells.tsv. */
static void drive_cell(validator *v, rig *it, uint64_t status, uint64_t event, const char *expected)
{
    dealfsm_record record;
    invent_record(v, 1, status, &record);
    rig_clear(it);
    if (event > UINT32_MAX || !rig_restore(it, &record, 0)) {
        return;
    }
    const dealfsm_event_info *info = description_event(&v->machine, event);
    const uint32_t args_count = info == NULL ? 0 : info->args_count;
    const dealfsm_value *args = info == NULL ? NULL : invent_args(v, info);
    const int32_t result = rig_dispatch(it, record.id, (uint32_t)event, args, args_count);
    const char *outcome = driven_outcome(it, status, (uint32_t)event, result);
    if (outcome != NULL && result == DEALFSM_E_UNKNOWN_EVENT) {
        outcome = "refused";
    }
    if (outcome != NULL && strcmp(outcome, expected) != 0) {
        report_fail(v->report, expected, "%s (%s from dispatch)", outcome, result_text(v, result));
    }
    if (result < 0 && it->count != rig_number_of(it, SEEN_REFUSED) + rig_number_of(it, SEEN_TERMINATED)) {
        report_fail(v->report, "no put, op or applied notice from a refused event", "some");
    }
    const bool asked = rig_number_of(it, SEEN_CALL) != 0 || rig_number_of(it, SEEN_PUT) > 1;
    if (asked && strcmp(expected, "just-record") == 0) {
        report_fail(v->report, "no handler after ToJustRecord", "an op or a raised event");
    }
    rig_remove(it, record.id);
}

void line_cell(validator *v, rig *it, char **columns, uint32_t count)
{
    uint64_t status;
    uint64_t event;
    if (!columns_are(v, 3, count) || !number_in(v, columns[0], &status) || !number_in(v, columns[1], &event)) {
        return;
    }
    const char *described = event > UINT32_MAX ? "refused" : described_outcome(v, status, (uint32_t)event);
    if (strcmp(described, columns[2]) != 0) {
        report_fail(v->report, columns[2], "%s in describe/1", described);
        return;
    }
    drive_cell(v, it, status, event, columns[2]);
}
