/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* The lines of actions, handlers and traces: deals that run. */

#include "validate.h"

#include <inttypes.h>
#include <string.h>

static const char *const ignored_in_answers[] = {"height", NULL}; /* of the chain head: no machine uses it */

static bool is_tagged(const json_t *line)
{
    return json_array_size(json_object_get(line, "tags")) != 0;
}

static bool record_of(validator *v, const json_t *line, const char *key, dealfsm_record *out)
{
    const char *why = "";
    if (values_record_from_json(v->arena, &v->machine, json_object_get(line, key), out, &why)) {
        return true;
    }
    report_fail(v->report, format(v->arena, "key %s with the fields of describe/1", key), "%s", why);
    return false;
}

/* Event and arguments of a line or step. */
static bool event_of(validator *v, const json_t *line, dealfsm_event *out)
{
    const double number = json_number_value(json_object_get(line, "event"));
    dealfsm_value *args = NULL;
    *out = (dealfsm_event){.struct_size = sizeof *out,
                           .event = number > UINT32_MAX ? UINT32_MAX : (uint32_t)number,
                           .args_stride = sizeof *args};
    if (!json_is_number(json_object_get(line, "event")) ||
        !values_args_from_json(v->arena, json_object_get(line, "args"), &args, &out->args_count)) {
        report_fail(v->report, "keys event and args", "something else");
        return false;
    }
    out->args = out->args_count == 0 ? NULL : args;
    return true;
}

/* ---- actions */
static void expect_bytes_hex(validator *v, const char *what, const json_t *hex, const uint8_t *found, uint64_t size)
{
    const uint8_t *expected;
    uint64_t expected_size;
    if (!json_is_string(hex) || !values_unhex(v->arena, json_string_value(hex), &expected, &expected_size)) {
        report_fail(v->report, "stored bytes in hex on the line", "%s", json_text(v->arena, hex));
        return;
    }
    same_bytes(v, what, expected, expected_size, found, size);
}

/* Key `after`, which lines with tags have of the reference, not of ours. */
static void expect_after(validator *v, const json_t *line, const uint8_t *bytes, uint64_t size)
{
    dealfsm_record expected;
    dealfsm_record found = {.struct_size = sizeof found};
    if (is_tagged(line) || report_has_failed(v->report) || !record_of(v, line, "after", &expected) ||
        !same_result(v, "decode", DEALFSM_OK, v->record->decode(bytes, size, &found, NULL), NULL)) {
        return;
    }
    const dealfsm_field_info *field = values_record_difference(&v->machine, &expected, &found);
    if (field != NULL) {
        report_fail(v->report, "the record that key after shows", "another %s", field->name);
    }
}

static void expect_unchanged(validator *v, rig *it, uint64_t id, const json_t *line, const json_t *hex)
{
    const dealfsm_deal *deal = rig_query(it, id);
    if (deal == NULL) {
        return;
    }
    expect_bytes_hex(v, "the record after a refused event", hex, deal->record, deal->record_len);
    expect_after(v, line, deal->record, deal->record_len);
    if (rig_number_of(it, SEEN_PUT) + rig_number_of(it, SEEN_CALL) + rig_number_of(it, SEEN_APPLIED) != 0) {
        report_fail(v->report, "no put, op or applied notice from a refused event", "some");
    }
}

void line_action(validator *v, rig *it, const json_t *line)
{
    dealfsm_record before;
    dealfsm_event event;
    const json_t *says = is_tagged(line) && json_object_get(line, "ours") ? json_object_get(line, "ours") : line;
    const char *expected = json_string_value(json_object_get(says, "outcome"));
    rig_clear(it);
    if (!record_of(v, line, "before", &before) || !event_of(v, line, &event) || !rig_restore(it, &before, 0)) {
        return;
    }
    const int32_t result = v->functions->dispatch(it->machine, before.id, &event, NULL, NULL);
    const char *outcome = driven_outcome(it, before.status, event.event, result);
    if (expected != NULL && strncmp(expected, "error", 5) == 0) {
        expected = "error"; /* the reference's words follow */
    }
    if (expected == NULL) {
        report_fail(v->report, "key outcome", "none");
    } else if (outcome != NULL && strcmp(outcome, expected) != 0) {
        report_fail(v->report, expected, "%s (%s from dispatch)", outcome, result_text(v, result));
    } else if (outcome != NULL && result < 0) {
        expect_unchanged(v, it, before.id, line, json_object_get(says, "cbor_after"));
    } else if (outcome != NULL) {
        uint32_t from = 0;
        const seen *put = rig_next(it, &from, SEEN_PUT);
        expect_bytes_hex(v, "the record after the event", json_object_get(says, "cbor_after"), put->record,
                         put->record_len);
        expect_after(v, line, put->record, put->record_len);
    }
    rig_remove(it, before.id);
}

/* ---- What was seen, in the words of the vectors */

/* Members of an object that is no argument of the op ("proposal") stand for themselves. */
static json_t *flat_args(const dealfsm_op_info *op, json_t *args)
{
    json_t *flat = json_object();
    for (void *at = json_object_iter(args); at != NULL; at = json_object_iter_next(args, at)) {
        const char *key = json_object_iter_key(at);
        bool named = false;
        for (uint32_t i = 0; op != NULL && i < op->args_count; i++) {
            named = named || strcmp(op->args_names[i], key) == 0;
        }
        if (named || !json_is_object(json_object_iter_value(at))) {
            json_object_set(flat, key, json_object_iter_value(at));
        } else {
            json_object_update(flat, json_object_iter_value(at));
        }
    }
    return flat;
}

static const char *why_word(const seen *one)
{
    if (one->what == SEEN_TERMINATED || one->reason == DEALFSM_E_TERMINATED) {
        return "terminated";
    }
    return one->reason == DEALFSM_E_INVALID_TRANSITION ? "invalid" : "error";
}

static json_t *seen_to_json(validator *v, const seen *one)
{
    const dealfsm_op_info *op = description_op(&v->machine, one->number);
    switch (one->what) {
    case SEEN_CALL:
        return json_pack("{s:s, s:O}", "call", op == NULL ? "unknown op" : op->name, "args", one->args);
    case SEEN_APPLIED:
        return json_pack("{s:f, s:s, s:s}", "notified", (double)one->number, "status",
                         format(v->arena, "%" PRIu64, one->to), "cbor",
                         values_hex(v->arena, one->record, one->record_len));
    default:
        return json_pack("{s:f, s:s}", "refused", (double)one->number, "why", why_word(one));
    }
}

/* The vectors' entry in the form of seen_to_json; a new reference. */
static json_t *expected_entry(validator *v, json_t *entry)
{
    const char *call = json_string_value(json_object_get(entry, "call"));
    const char *why = json_string_value(json_object_get(entry, "why"));
    if (call != NULL) {
        return json_pack("{s:s, s:o}", "call", call, "args",
                         flat_args(description_op_named(&v->machine, call), json_object_get(entry, "args")));
    }
    if (why != NULL && strcmp(why, "invalid") != 0 && strcmp(why, "terminated") != 0) {
        return json_pack("{s:O, s:s}", "refused", json_object_get(entry, "refused"), "why", "error");
    }
    return json_incref(entry);
}

static bool same_entry(validator *v, const char *place, json_t *expected, json_t *found)
{
    json_t *wanted = expected == NULL ? NULL : expected_entry(v, expected);
    const bool same = wanted != NULL && found != NULL && json_equal(wanted, found);
    if (!same) {
        report_fail(v->report, format(v->arena, "%s %s", place, json_text(v->arena, wanted)), "%s",
                    json_text(v->arena, found));
    }
    json_decref(wanted);
    json_decref(found);
    return same;
}

/* ---- handlers */
typedef struct handler_run {
    const json_t *env; /* answers, in order */
    uint32_t answered;
} handler_run;

static bool has_raised(const rig *it)
{
    return rig_number_of(it, SEEN_APPLIED) + rig_number_of(it, SEEN_REFUSED) + rig_number_of(it, SEEN_TERMINATED) != 0;
}

/* Answers within the call, as long as the line has answers and nothing was raised. */
static void answer_next(rig *it, const dealfsm_op *op)
{
    validator *v = it->v;
    handler_run *run = it->hook_ctx;
    const json_t *next = json_array_get(run->env, run->answered);
    const dealfsm_op_info *info = description_op(&v->machine, op->op);
    if (next == NULL || info == NULL || has_raised(it)) {
        return;
    }
    run->answered++;
    const char *call = json_string_value(json_object_get(next, "call"));
    if (call == NULL || strcmp(call, info->name) != 0) {
        report_fail(v->report, format(v->arena, "op %s", call == NULL ? "" : call), "%s", info->name);
        return;
    }
    const char *why;
    dealfsm_answer answer = {.struct_size = sizeof answer};
    if (!values_answer_from_json(v->arena, info, json_object_get(next, "answer"), ignored_in_answers, &answer, &why)) {
        report_fail(v->report, format(v->arena, "an answer to %s as describe/1 has it", call), "%s", why);
        return;
    }
    same_result(v, "complete", DEALFSM_OK, rig_answer(it, rig_last(it, SEEN_CALL), &answer), NULL);
}

static void expect_calls(validator *v, const rig *it, const json_t *calls)
{
    size_t index = 0;
    for (uint32_t i = 0; i < it->count && !report_has_failed(v->report); i++) {
        const seen *one = &it->list[i];
        if (one->what != SEEN_CALL && one->what != SEEN_PUT) {
            break; /* the raised event; what is asked from here on another handler asks */
        }
        if (one->what == SEEN_CALL) {
            same_entry(v, "call", json_array_get(calls, index++), seen_to_json(v, one));
        }
    }
    if (index < json_array_size(calls)) {
        report_fail(v->report, format(v->arena, "call %s", json_text(v->arena, json_array_get(calls, index))),
                    "nothing");
    }
}

/* An error text "*" stands for any text that is not empty. */
static bool same_argument(json_t *expected, json_t *found)
{
    const char *text = json_string_value(json_object_get(found, "error"));
    const char *wanted = json_string_value(json_object_get(expected, "error"));
    if (wanted != NULL && strcmp(wanted, "*") == 0) {
        return json_object_get(found, "hex") == NULL && text != NULL && text[0] != '\0';
    }
    return json_equal(expected, found);
}

static void expect_raised(validator *v, const rig *it, const json_t *raised)
{
    const seen *found = NULL;
    for (uint32_t i = 0; i < it->count && found == NULL; i++) {
        if (it->list[i].what != SEEN_CALL && it->list[i].what != SEEN_PUT) {
            found = &it->list[i];
        }
    }
    if (found == NULL || json_is_null(raised)) {
        if (found != NULL || !json_is_null(raised)) {
            report_fail(v->report, format(v->arena, "raised %s", json_text(v->arena, raised)), "%s",
                        found == NULL ? "nothing raised" : format(v->arena, "event %" PRIu32, found->number));
        }
        return;
    }
    const json_t *args = json_object_get(raised, "args");
    bool same = json_number_value(json_object_get(raised, "event")) == found->number &&
                json_array_size(args) == json_array_size(found->args) && found->flags == 1;
    for (size_t i = 0; i < json_array_size(args) && same; i++) {
        same = same_argument(json_array_get(args, i), json_array_get(found->args, i));
    }
    if (!same) {
        report_fail(v->report, format(v->arena, "raised %s, by a handler", json_text(v->arena, raised)),
                    "event %" PRIu32 ", from_handler %" PRIu32 ", args %s", found->number, found->flags,
                    json_text(v->arena, found->args));
    }
}

void line_handler(validator *v, rig *it, const json_t *line)
{
    dealfsm_record before;
    const json_t *ours = is_tagged(line) ? json_object_get(line, "ours") : NULL;
    const json_t *says = ours != NULL ? ours : line;
    const char *handler = json_string_value(json_object_get(line, "handler"));
    handler_run run = {.env = json_object_get(line, "env")};
    rig_clear(it);
    if (!record_of(v, line, "before", &before)) {
        return;
    }
    const dealfsm_state_info *state = description_state(&v->machine, before.status);
    if (handler == NULL || state == NULL || strcmp(state->handler, handler) != 0) {
        report_fail(v->report, format(v->arena, "handler %s", handler == NULL ? "" : handler), "%s in describe/1",
                    state == NULL ? "no such state" : state->handler);
        return;
    }
    it->hook_ctx = &run;
    it->on_op = answer_next;
    if (rig_restore(it, &before, DEALFSM_SNAPSHOT_OWED)) {
        const dealfsm_deal *deal = rig_query(it, before.id);
        const bool waits = deal != NULL && (deal->flags & DEALFSM_DEAL_OP_OPEN) != 0 && !has_raised(it);
        expect_calls(v, it, json_object_get(says, "calls"));
        expect_raised(v, it, json_object_get(says, "raised"));
        if (waits != json_is_true(json_object_get(says, "waits"))) {
            report_fail(v->report, waits ? "the handler to end" : "the handler to wait for an answer", "that it %s",
                        waits ? "waits" : "ended");
        }
    }
    it->on_op = NULL;
    rig_remove(it, before.id);
}

/* ---- traces */
static int32_t do_step(validator *v, rig *it, const json_t *step, uint64_t id, dealfsm_event *event)
{
    const char *what = json_string_value(json_object_get(step, "do"));
    const char *call = json_string_value(json_object_get(step, "call"));
    *event = (dealfsm_event){0};
    if (what == NULL || strcmp(what, call == NULL ? "dispatch" : "answer") != 0) {
        report_fail(v->report, "do: dispatch with an event, or answer with a call", "%s", what == NULL ? "none" : what);
        return DEALFSM_OK;
    }
    if (call == NULL) {
        return event_of(v, step, event) ? v->functions->dispatch(it->machine, id, event, NULL, NULL) : DEALFSM_OK;
    }
    const seen *open = rig_last(it, SEEN_CALL);
    const dealfsm_op_info *info = open == NULL ? NULL : description_op(&v->machine, open->number);
    if (info == NULL || strcmp(info->name, call) != 0) {
        report_fail(v->report, format(v->arena, "an open op %s", call), "%s", info == NULL ? "none" : info->name);
        return DEALFSM_OK;
    }
    dealfsm_answer answer = {.struct_size = sizeof answer};
    const char *why;
    if (!values_answer_from_json(v->arena, info, json_object_get(step, "answer"), ignored_in_answers, &answer, &why)) {
        report_fail(v->report, format(v->arena, "an answer to %s as describe/1 has it", call), "%s", why);
        return DEALFSM_OK;
    }
    same_result(v, "complete", DEALFSM_OK, rig_answer(it, open, &answer), NULL);
    return DEALFSM_OK;
}

static void expect_step(validator *v, rig *it, const json_t *step, uint32_t from, size_t number, const seen *refusal)
{
    const json_t *expected = json_object_get(step, "seen");
    const char *place = format(v->arena, "in step %zu", number);
    size_t index = 0;
    bool told = refusal == NULL;
    for (uint32_t i = from; i < it->count && !report_has_failed(v->report); i++) {
        const seen *one = &it->list[i];
        told = told || (one->what == SEEN_REFUSED && one->number == refusal->number && one->flags == 0);
        if (one->what != SEEN_PUT) {
            same_entry(v, place, json_array_get(expected, index++), seen_to_json(v, one));
        }
    }
    if (!told) {
        same_entry(v, place, json_array_get(expected, index++), seen_to_json(v, refusal));
    }
    if (index < json_array_size(expected)) {
        same_entry(v, place, json_array_get(expected, index), NULL);
    }
}

void line_trace(validator *v, rig *it, const json_t *line)
{
    dealfsm_record record;
    const json_t *steps = json_object_get(line, "steps");
    const json_t *equal_steps = json_object_get(line, "equal_steps");
    const size_t count = equal_steps == NULL ? json_array_size(steps) : (size_t)json_number_value(equal_steps);
    rig_clear(it);
    if (!record_of(v, line, "record", &record) || !rig_restore(it, &record, 0)) {
        return;
    }
    for (size_t i = 0; i < count && !report_has_failed(v->report); i++) {
        const json_t *step = json_array_get(steps, i);
        const uint32_t from = it->count;
        dealfsm_event event;
        const int32_t result = do_step(v, it, step, record.id, &event);
        const seen refusal = {.what = SEEN_REFUSED, .number = event.event, .reason = result};
        if (!report_has_failed(v->report)) {
            expect_step(v, it, step, from, i + 1, result < 0 ? &refusal : NULL);
        }
    }
    const seen *put = rig_last(it, SEEN_PUT);
    if (equal_steps == NULL && put != NULL && !report_has_failed(v->report)) {
        expect_bytes_hex(v, "the stored record at the end", json_object_get(line, "stored"), put->record,
                         put->record_len);
    }
    rig_remove(it, record.id);
}
