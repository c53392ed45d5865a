/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* The lines of records, undefined, bad, lenient, accepted and args. */

#include "validate.h"

#include <ctype.h>
#include <string.h>

static bool line_bytes(validator *v, const json_t *line, const char *key, const uint8_t **bytes, uint64_t *size)
{
    const char *hex = json_string_value(json_object_get(line, key));
    if (hex != NULL && values_unhex(v->arena, hex, bytes, size)) {
        return true;
    }
    report_fail(v->report, format(v->arena, "key %s with bytes in lowercase hex", key), "none");
    return false;
}

static bool line_record_of(validator *v, const json_t *line, dealfsm_record *out)
{
    const char *why = "";
    if (values_record_from_json(v->arena, &v->machine, json_object_get(line, "record"), out, &why)) {
        return true;
    }
    report_fail(v->report, "a record with the fields of describe/1", "%s", why);
    return false;
}

static void expect_decoded(validator *v, const uint8_t *bytes, uint64_t size, const dealfsm_record *expected)
{
    dealfsm_error error = {.struct_size = sizeof error};
    dealfsm_record found = {.struct_size = sizeof found};
    if (!same_result(v, "decode", DEALFSM_OK, v->record->decode(bytes, size, &found, &error), &error)) {
        return;
    }
    const dealfsm_field_info *field = values_record_difference(&v->machine, expected, &found);
    if (field != NULL) {
        const dealfsm_value a = values_field(field, expected);
        const dealfsm_value b = values_field(field, &found);
        json_t *x = values_to_json(v->arena, &a);
        json_t *y = values_to_json(v->arena, &b);
        report_fail(v->report, format(v->arena, "%s %s", field->name, json_text(v->arena, x)), "%s",
                    json_text(v->arena, y));
        json_decref(x);
        json_decref(y);
    }
    const uint8_t *again;
    uint64_t again_size;
    if (stored_bytes(v, &found, &again, &again_size)) {
        same_bytes(v, "what was decoded, encoded again", bytes, size, again, again_size);
    }
}

/* The bytes as a deal's row: taken in, shown unchanged. */
static void expect_kept(validator *v, rig *it, const uint8_t *bytes, uint64_t size, uint64_t id)
{
    rig_clear(it);
    if (report_has_failed(v->report) || !rig_restore_bytes(it, id, bytes, size, 0)) {
        return;
    }
    const dealfsm_deal *deal = rig_query(it, id);
    if (deal != NULL) {
        same_bytes(v, "the restored record in query", bytes, size, deal->record, deal->record_len);
    }
    if (it->count != 0) {
        report_fail(v->report, "nothing to happen when a deal with nothing owed is restored", "a put, op or notice");
    }
    rig_remove(it, id);
}

static void check_both_ways(validator *v, rig *it, const json_t *line)
{
    const uint8_t *bytes;
    const uint8_t *encoded;
    uint64_t size;
    uint64_t encoded_size;
    dealfsm_record record;
    if (!line_bytes(v, line, "cbor", &bytes, &size) || !line_record_of(v, line, &record) ||
        !stored_bytes(v, &record, &encoded, &encoded_size) ||
        !same_bytes(v, "the record's stored bytes", bytes, size, encoded, encoded_size)) {
        return;
    }
    expect_decoded(v, bytes, size, &record);
    expect_kept(v, it, bytes, size, record.id);
}

void line_record(validator *v, rig *it, const json_t *line)
{
    check_both_ways(v, it, line);
}

void line_accepted(validator *v, rig *it, const json_t *line)
{
    check_both_ways(v, it, line);
}

void line_undefined(validator *v, rig *it, const json_t *line)
{
    if (json_object_get(line, "record") != NULL && json_object_get(line, "cbor") != NULL) {
        check_both_ways(v, it, line);
    }
}

static void expect_reason(validator *v, const char *call, const dealfsm_error *error)
{
    const char *digit = error->text;
    while (*digit != '\0' && !isdigit((unsigned char)*digit)) {
        digit++;
    }
    if (error->code != DEALFSM_E_CORRUPT || *digit == '\0') {
        report_fail(v->report, format(v->arena, "an error text from %s that names the offset", call), "code %d, \"%s\"",
                    (int)error->code, error->text);
    }
}

void line_refused_bytes(validator *v, rig *it, const json_t *line)
{
    const uint8_t *bytes;
    uint64_t size;
    if (!line_bytes(v, line, "cbor", &bytes, &size)) {
        return;
    }
    dealfsm_error error = {.struct_size = sizeof error};
    dealfsm_record record = {.struct_size = sizeof record};
    if (same_result(v, "decode", DEALFSM_E_CORRUPT, v->record->decode(bytes, size, &record, &error), NULL)) {
        expect_reason(v, "decode", &error);
    }
    error = (dealfsm_error){.struct_size = sizeof error};
    const dealfsm_snapshot snapshot = {.struct_size = sizeof snapshot,
                                       .deal = 1,
                                       .machine_version = v->machine.machine_version,
                                       .record = (uint8_t *)bytes, /* restore does not write */
                                       .record_len = size};
    const int32_t result = v->functions->restore(it->machine, &snapshot, &error);
    if (same_result(v, "restore", DEALFSM_E_CORRUPT, result, NULL)) {
        expect_reason(v, "restore", &error);
    } else if (result >= 0) {
        rig_remove(it, 1);
    }
}

/* The answer that the reference's words stand for; 0: any of the three. */
static int32_t expected_refusal(const char *words)
{
    if (strncmp(words, "Unknown event", 13) == 0) {
        return DEALFSM_E_UNKNOWN_EVENT;
    }
    if (strncmp(words, "Wrong number", 12) == 0) {
        return DEALFSM_E_ARGUMENT_COUNT;
    }
    return strncmp(words, "Incorrect argument type", 23) == 0 ? DEALFSM_E_ARGUMENT_TYPE : 0;
}

void line_args(validator *v, rig *it, const json_t *line)
{
    dealfsm_value *args;
    uint32_t count;
    const char *words = json_string_value(json_object_get(line, "error"));
    const double number = json_number_value(json_object_get(line, "event"));
    if (words == NULL || !values_args_from_json(v->arena, json_object_get(line, "args"), &args, &count)) {
        report_fail(v->report, "keys event, args and error", "something else");
        return;
    }
    dealfsm_record record;
    invent_record(v, 1, DEALFSM_DealStatusNew, &record);
    rig_clear(it);
    if (!rig_restore(it, &record, 0)) {
        return;
    }
    const dealfsm_event event = {.struct_size = sizeof event,
                                 .event = number > UINT32_MAX ? UINT32_MAX : (uint32_t)number,
                                 .args = count == 0 ? NULL : args,
                                 .args_count = count,
                                 .args_stride = sizeof *args};
    dealfsm_error error = {.struct_size = sizeof error};
    const int32_t result = v->functions->dispatch(it->machine, record.id, &event, NULL, &error);
    const int32_t expected = expected_refusal(words);
    const bool refused =
        result == DEALFSM_E_UNKNOWN_EVENT || result == DEALFSM_E_ARGUMENT_COUNT || result == DEALFSM_E_ARGUMENT_TYPE;
    if (!refused || (expected != 0 && result != expected)) {
        report_fail(v->report, expected == 0 ? "the arguments to be refused" : result_text(v, expected), "%s",
                    result_text(v, result));
    } else if (error.text[0] == '\0' || rig_number_of(it, SEEN_PUT) != 0) {
        report_fail(v->report, "an error text and no put", "\"%s\"", error.text);
    }
    rig_remove(it, record.id);
}
