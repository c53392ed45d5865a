/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "validate.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Texts and comparisons */
char *format(values_arena *arena, const char *text, ...)
{
    va_list args;
    va_start(args, text);
    va_list again;
    va_copy(again, args);
    const int length = vsnprintf(NULL, 0, text, args);
    char *out = values_take(arena, (size_t)length + 1);
    vsnprintf(out, (size_t)length + 1, text, again);
    va_end(again);
    va_end(args);
    return out;
}

const char *json_text(values_arena *arena, const json_t *json)
{
    if (json == NULL) {
        return "nothing";
    }
    char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
    char *copy = format(arena, "%s", text == NULL ? "(not to be shown)" : text);
    free(text);
    return copy;
}

const char *result_text(validator *v, int32_t result)
{
    return description_result_name(&v->machine, result, values_take(v->arena, 32));
}

bool expect(validator *v, bool holds, const char *expected, const char *found)
{
    if (!holds) {
        report_fail(v->report, expected, "%s", found);
    }
    return holds;
}

static const char *line_at(values_arena *arena, const char *text)
{
    return format(arena, "%.*s", (int)strcspn(text, "\n"), text);
}

bool same_text(validator *v, const char *expected, const char *found)
{
    size_t line = 0;
    size_t at = 0;
    for (; expected[at] == found[at]; at++) {
        if (expected[at] == '\0') {
            return true;
        }
        line = expected[at] == '\n' ? at + 1 : line;
    }
    const char *wanted = line_at(v->arena, expected + line);
    report_fail(v->report, *wanted == '\0' ? "the end" : wanted, "%s", line_at(v->arena, found + line));
    return false;
}

bool same_result(validator *v, const char *call, int32_t expected, int32_t found, const dealfsm_error *error)
{
    if (expected == found) {
        return true;
    }
    report_fail(v->report, format(v->arena, "%s from %s", result_text(v, expected), call), "%s%s%s%s",
                result_text(v, found), found < 0 && error != NULL ? " (" : "",
                found < 0 && error != NULL ? error->text : "", found < 0 && error != NULL ? ")" : "");
    return false;
}

/* Names the place where two byte strings part, with a few bytes of each. */
bool same_bytes(validator *v, const char *what, const uint8_t *expected, uint64_t expected_len, const uint8_t *found,
                uint64_t found_len)
{
    const uint64_t least = expected_len < found_len ? expected_len : found_len;
    uint64_t at = 0;
    while (at < least && expected[at] == found[at]) {
        at++;
    }
    if (at == expected_len && at == found_len) {
        return true;
    }
    const uint64_t more_expected = expected_len - at > 16 ? 16 : expected_len - at;
    const uint64_t more_found = found_len - at > 16 ? 16 : found_len - at;
    dealfsm_record a = {.struct_size = sizeof a};
    dealfsm_record b = {.struct_size = sizeof b};
    const dealfsm_field_info *field = NULL;
    if (v->record->decode(expected, expected_len, &a, NULL) == DEALFSM_OK &&
        v->record->decode(found, found_len, &b, NULL) == DEALFSM_OK) {
        field = values_record_difference(&v->machine, &a, &b);
    }
    report_fail(v->report,
                format(v->arena, "%s of %" PRIu64 " bytes, at offset %" PRIu64 ": %s", what, expected_len, at,
                       values_hex(v->arena, expected + at, more_expected)),
                "%" PRIu64 " bytes, there: %s%s%s%s", found_len, values_hex(v->arena, found + at, more_found),
                field != NULL ? " (field " : "", field != NULL ? field->name : "", field != NULL ? ")" : "");
    return false;
}

bool stored_bytes(validator *v, const dealfsm_record *record, const uint8_t **bytes, uint64_t *size)
{
    dealfsm_error error = {.struct_size = sizeof error};
    uint64_t capacity = 2048;
    uint8_t *buffer = values_take(v->arena, capacity);
    int32_t result = v->record->encode(record, buffer, capacity, size, &error);
    if (result == DEALFSM_E_TOO_SMALL && *size > capacity && *size < UINT32_MAX) {
        capacity = *size;
        buffer = values_take(v->arena, capacity);
        error.code = 0;
        result = v->record->encode(record, buffer, capacity, size, &error);
    }
    *bytes = buffer;
    return same_result(v, "encode", DEALFSM_OK, result, &error);
}

/* ---- Deals */
bool rig_restore_bytes(rig *it, uint64_t deal, const uint8_t *bytes, uint64_t size, uint32_t snapshot_flags)
{
    validator *v = it->v;
    const dealfsm_snapshot snapshot = {.struct_size = sizeof snapshot,
                                       .flags = snapshot_flags,
                                       .deal = deal,
                                       .machine_version = v->machine.machine_version,
                                       .record = (uint8_t *)bytes, /* restore does not write */
                                       .record_len = size};
    dealfsm_error error = {.struct_size = sizeof error};
    return same_result(v, "restore", DEALFSM_OK, v->functions->restore(it->machine, &snapshot, &error), &error) &&
           same_result(v, "activate", DEALFSM_APPLIED, v->functions->activate(it->machine, deal, NULL, &error), &error);
}

bool rig_restore(rig *it, const dealfsm_record *record, uint32_t snapshot_flags)
{
    const uint8_t *bytes;
    uint64_t size;
    return stored_bytes(it->v, record, &bytes, &size) && rig_restore_bytes(it, record->id, bytes, size, snapshot_flags);
}

bool rig_remove(rig *it, uint64_t deal)
{
    const dealfsm_functions *fn = it->v->functions;
    dealfsm_error error = {.struct_size = sizeof error};
    if (fn->forget(it->machine, deal, NULL) == DEALFSM_OK || fn->drop(it->machine, deal, NULL) == DEALFSM_OK) {
        return true;
    }
    int32_t frozen = fn->freeze(it->machine, deal, &error);
    if (frozen == DEALFSM_E_BUSY) { /* what was refused had to be named in a put first, which is done */
        error = (dealfsm_error){.struct_size = sizeof error};
        frozen = fn->freeze(it->machine, deal, &error);
    }
    return same_result(it->v, "freeze (to take the deal out)", DEALFSM_OK, frozen, &error) &&
           same_result(it->v, "drop", DEALFSM_OK, fn->drop(it->machine, deal, &error), &error);
}

int32_t rig_dispatch(rig *it, uint64_t deal, uint32_t event, const dealfsm_value *args, uint32_t count)
{
    const dealfsm_event one = {.struct_size = sizeof one,
                               .event = event,
                               .args = count == 0 ? NULL : args,
                               .args_count = count,
                               .args_stride = sizeof *args};
    return it->v->functions->dispatch(it->machine, deal, &one, NULL, NULL);
}

dealfsm_deal *rig_query(rig *it, uint64_t deal)
{
    dealfsm_error error = {.struct_size = sizeof error};
    dealfsm_deal *out = values_take(it->v->arena, sizeof *out);
    uint64_t capacity = 2048;
    int32_t result = DEALFSM_E_TOO_SMALL;
    for (int round = 0; round < 2 && result == DEALFSM_E_TOO_SMALL; round++) {
        *out = (dealfsm_deal){
            .struct_size = sizeof *out, .record = values_take(it->v->arena, capacity), .record_capacity = capacity};
        error.code = 0;
        result = it->v->functions->query(it->machine, deal, out, &error);
        capacity = out->record_len;
    }
    return same_result(it->v, "query", DEALFSM_OK, result, &error) ? out : NULL;
}

dealfsm_snapshot *rig_snapshot(rig *it, uint64_t deal)
{
    dealfsm_error error = {.struct_size = sizeof error};
    dealfsm_snapshot *out = values_take(it->v->arena, sizeof *out);
    *out = (dealfsm_snapshot){.struct_size = sizeof *out};
    int32_t result = it->v->functions->snapshot(it->machine, deal, out, &error);
    if (!same_result(it->v, "snapshot with capacity 0", DEALFSM_E_TOO_SMALL, result, &error)) {
        return NULL;
    }
    out->record_capacity = out->record_len;
    out->record = values_take(it->v->arena, out->record_len);
    out->sidecar_capacity = out->sidecar_len;
    out->sidecar = values_take(it->v->arena, out->sidecar_len);
    error.code = 0;
    result = it->v->functions->snapshot(it->machine, deal, out, &error);
    return same_result(it->v, "snapshot", DEALFSM_OK, result, &error) ? out : NULL;
}

int32_t rig_answer(rig *it, const seen *asked, dealfsm_answer *answer)
{
    answer->struct_size = sizeof *answer;
    answer->op = asked->number;
    answer->deal = asked->deal;
    answer->sequence = asked->sequence;
    answer->nth = asked->nth;
    return it->v->functions->complete(it->machine, answer, NULL);
}

/* ---- Outcomes */
static const char *clause_outcome(validator *v, const dealfsm_clause_info *clause)
{
    switch (clause->to) {
    case DEALFSM_TO:
        return format(v->arena, "to:%" PRIu32, clause->target);
    case DEALFSM_TO_NO_CHANGE:
        return "no-change";
    default:
        return "just-record";
    }
}

const char *described_outcome(validator *v, uint64_t status, uint32_t event)
{
    const dealfsm_event_info *info = description_event(&v->machine, event);
    if (info == NULL || info->has_transition == 0) {
        return "refused";
    }
    if (description_is_final(&v->machine, status)) {
        return "terminated";
    }
    const dealfsm_clause_info *clause = description_clause(&v->machine, event, status);
    return clause == NULL ? "refused" : clause_outcome(v, clause);
}

/* A transition shows as the status it leads to; whether a clause that keeps the status is To or ToNoChange is not to
 * be seen, nor is ToJustRecord in a state without a handler: there the clause's word is taken. */
const char *driven_outcome(rig *it, uint64_t status, uint32_t event, int32_t result)
{
    validator *v = it->v;
    if (result == DEALFSM_E_INVALID_TRANSITION) {
        return "refused";
    }
    if (result < 0) {
        return result == DEALFSM_E_TERMINATED ? "terminated" : "error";
    }
    uint32_t from = 0;
    const seen *put = rig_next(it, &from, SEEN_PUT);
    if (result != DEALFSM_APPLIED || put == NULL || put->number != event || put->reason != DEALFSM_HAPPENED_APPLIED) {
        report_fail(v->report, "DEALFSM_APPLIED from dispatch and a put whose first happened is the event, applied",
                    "%s and %s", result_text(v, result), put == NULL ? "no put" : json_text(v->arena, put->args));
        return NULL;
    }
    dealfsm_record after = {.struct_size = sizeof after};
    if (v->record->decode(put->record, put->record_len, &after, NULL) != DEALFSM_OK || put->to != after.status) {
        report_fail(v->report, "a put with a record of the status it tells", "status %" PRIu64 " in the put", put->to);
        return NULL;
    }
    const dealfsm_clause_info *clause = description_clause(&v->machine, event, status);
    if (after.status != status || clause == NULL || (clause->to == DEALFSM_TO && clause->target != status)) {
        return format(v->arena, "to:%" PRIu64, after.status);
    }
    return clause_outcome(v, clause);
}
