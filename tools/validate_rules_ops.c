/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* Rules on ops and their answers: each counts once, wrong ones change nothing. */

#include <inttypes.h>
#include <string.h>

#include "validate.h"

/* A deal in New whose OpenDataTransfer (the first op of every version) waits. */
static const seen *open_waiting(rig *it, validator *v)
{
    return rig_open(it, v) && run_begin(it, 1) ? rig_last(it, SEEN_CALL) : NULL;
}

static dealfsm_answer good_answer(rig *it, const seen *call)
{
    return invent_answer(it->v, description_op(&it->v->machine, call->number));
}

/* Hands in an answer with the key of `call` changed so, with an error and with a value that no op may give; expects
 * `expected`, and the op still open. */
static void wrong_key(rig *it, const char *what, seen call, int32_t expected)
{
    validator *v = it->v;
    const dealfsm_value value = invent_value(DEALFSM_STATUS);
    dealfsm_answer failed = {.outcome = DEALFSM_ANSWER_ERROR, .text = "no", .text_len = 2};
    dealfsm_answer given = {
        .outcome = DEALFSM_ANSWER_OK, .values = &value, .values_count = 1, .values_stride = sizeof value};
    const uint32_t before = it->count;
    CASE(v, "%s", what);
    same_result(v, "complete", expected, rig_answer(it, &call, &failed), NULL);
    same_result(v, "complete with a value", expected, rig_answer(it, &call, &given), NULL);
    const dealfsm_deal *deal = rig_query(it, 1);
    expect(v, deal != NULL && (deal->flags & DEALFSM_DEAL_OP_OPEN) != 0, "the op still open", "none");
    expect(v, it->count == before, "nothing to have happened", "a put, op or notice");
}

static void keys(validator *v)
{
    rig it = {0};
    dealfsm_record record;
    CASE(v, "an answer before anything was asked");
    invent_record(v, 2, DEALFSM_DealStatusNew, &record);
    const seen *call = open_waiting(&it, v);
    if (call != NULL && rig_restore(&it, &record, 0)) {
        seen key = *call;
        key.args = NULL;
        key.deal = 2;
        wrong_key(&it, "an answer for a deal that asked nothing", key, DEALFSM_E_NOT_OPEN);
        key.deal = 4711;
        wrong_key(&it, "an answer for an unknown deal", key, DEALFSM_E_NOT_FOUND);
        key.deal = 1;
        key.nth = 2;
        wrong_key(&it, "an answer with another nth", key, DEALFSM_E_NOT_OPEN);
        key.nth = call->nth;
        key.sequence++;
        wrong_key(&it, "an answer with another sequence", key, DEALFSM_E_NOT_OPEN);
        key.sequence = call->sequence;
        key.number = DEALFSM_OpAllocateLane;
        wrong_key(&it, "an answer to another op", key, DEALFSM_E_NOT_OPEN);
        key.number = 4000;
        wrong_key(&it, "an answer to an op that does not exist", key, DEALFSM_E_NOT_OPEN);
        dealfsm_counters counters = {.struct_size = sizeof counters};
        CASE(v, "counters");
        v->functions->counters(it.machine, &counters, NULL);
        expect(v, counters.late_answers >= 3, "late answers counted", "fewer");
    }
    rig_close(&it);
}

static void wrong_answer(rig *it, const char *what, dealfsm_answer answer)
{
    validator *v = it->v;
    CASE(v, "%s", what);
    same_result(v, "complete", DEALFSM_E_ARGUMENT, rig_answer(it, rig_last(it, SEEN_CALL), &answer), NULL);
    const dealfsm_deal *deal = rig_query(it, 1);
    expect(v, deal != NULL && (deal->flags & DEALFSM_DEAL_OP_OPEN) != 0, "the op still open", "none");
}

static void contents(validator *v)
{
    rig it = {0};
    CASE(v, "opening");
    const seen *call = open_waiting(&it, v);
    if (call != NULL) {
        dealfsm_value other[2] = {invent_value(DEALFSM_U64), invent_value(DEALFSM_U64)};
        dealfsm_answer answer = good_answer(&it, call);
        answer.values_count = 0;
        wrong_answer(&it, "an OK answer without its value", answer);
        answer.values = other;
        answer.values_count = 2;
        wrong_answer(&it, "an OK answer with a value too many", answer);
        answer.values_count = 1;
        wrong_answer(&it, "an OK answer with a value of another kind", answer);
        answer.values_count = UINT32_MAX;
        wrong_answer(&it, "an OK answer with 4,294,967,295 values", answer);
        answer.values = NULL;
        answer.values_count = 1;
        wrong_answer(&it, "a count without values", answer);
        answer = (dealfsm_answer){.outcome = 0};
        wrong_answer(&it, "outcome 0", answer);
        answer.outcome = 4000;
        wrong_answer(&it, "outcome 4000", answer);
        answer = (dealfsm_answer){.outcome = DEALFSM_ANSWER_ERROR, .text_len = 5};
        wrong_answer(&it, "a length without text", answer);
    }
    rig_close(&it);
}

static void once(validator *v)
{
    rig it = {0};
    CASE(v, "a good answer");
    const seen *found = open_waiting(&it, v);
    if (found != NULL) {
        const seen call = *found;
        dealfsm_answer answer = good_answer(&it, &call);
        same_result(v, "complete", DEALFSM_OK, rig_answer(&it, &call, &answer), NULL);
        const uint32_t before = it.count;
        CASE(v, "the same answer again");
        same_result(v, "complete", DEALFSM_E_NOT_OPEN, rig_answer(&it, &call, &answer), NULL);
        expect(v, it.count == before, "nothing to have happened", "a put, op or notice");
    }
    rig_close(&it);
}

/* UNKNOWN and CONFLICT stall the deal, visibly; retry asks again with the same key. */
static void stalls(validator *v)
{
    static const struct {
        uint32_t outcome;
        uint32_t stall;
        const char *name;
    } kinds[] = {{DEALFSM_ANSWER_UNKNOWN, DEALFSM_STALL_UNKNOWN, "UNKNOWN"},
                 {DEALFSM_ANSWER_CONFLICT, DEALFSM_STALL_CONFLICT, "CONFLICT"}};
    for (int i = 0; i < 2; i++) {
        rig it = {0};
        CASE(v, "an answer %s", kinds[i].name);
        const seen *found = open_waiting(&it, v);
        if (found != NULL) {
            const seen call = *found;
            dealfsm_answer answer = {.outcome = kinds[i].outcome};
            same_result(v, "complete", DEALFSM_OK, rig_answer(&it, &call, &answer), NULL);
            const dealfsm_deal *deal = rig_query(&it, 1);
            expect(v, deal != NULL && (deal->flags & DEALFSM_DEAL_STALLED) != 0 && deal->stall == kinds[i].stall,
                   "a deal that is stalled, with its reason", "another");
            answer = good_answer(&it, &call);
            same_result(v, "complete while stalled", DEALFSM_E_NOT_OPEN, rig_answer(&it, &call, &answer), NULL);
            rig_clear(&it);
            CASE(v, "retry after %s", kinds[i].name);
            const int32_t result = v->functions->retry(it.machine, 1, NULL, NULL);
            expect(v, result >= 0, "a retry that is taken", result_text(v, result));
            const seen *again = rig_last(&it, SEEN_CALL);
            expect(v,
                   again != NULL && again->number == call.number && again->sequence == call.sequence &&
                       again->nth == call.nth && (again->flags & DEALFSM_OP_ASKED_BEFORE) != 0,
                   "the op asked again with the same key, marked as asked before", "otherwise");
            same_result(v, "complete", DEALFSM_OK, again == NULL ? -1 : rig_answer(&it, again, &answer), NULL);
            deal = rig_query(&it, 1);
            expect(v, deal != NULL && (deal->flags & DEALFSM_DEAL_STALLED) == 0 && deal->sequence == 2,
                   "the deal to go on", "that it does not");
            same_result(v, "retry of a deal that is not stalled", DEALFSM_E_STATE,
                        v->functions->retry(it.machine, 1, NULL, NULL), NULL);
        }
        rig_close(&it);
    }
}

/* An answer of right kinds that makes no sense counts as an error of the call. */
static void senseless(validator *v)
{
    for (uint32_t i = 0; i < v->machine.states_count; i++) {
        const dealfsm_state_info *state = &v->machine.states[i];
        rig it = {0};
        dealfsm_record record;
        CASE(v, "%s", state->name);
        invent_record(v, 1, state->status, &record);
        if (state->handler[0] == '\0' || !rig_open(&it, v) || !rig_restore(&it, &record, DEALFSM_SNAPSHOT_OWED)) {
            rig_close(&it);
            continue;
        }
        for (uint32_t from = 0; rig_number_of(&it, SEEN_APPLIED) == 0;) {
            const seen *call = rig_next(&it, &from, SEEN_CALL);
            const dealfsm_op_info *op = call == NULL ? NULL : description_op(&v->machine, call->number);
            if (op == NULL) {
                break;
            }
            dealfsm_answer answer = invent_answer(v, op);
            dealfsm_value *values = values_take(v->arena, op->values_count * sizeof *values);
            for (uint32_t value = 0; value < op->values_count; value++) {
                values[value] = invent_value(op->values[value]);
                if (op->values[value] == DEALFSM_ADDRESS || op->values[value] == DEALFSM_CID) {
                    values[value].data = (const uint8_t *)"\xff\xfe";
                    values[value].data_len = 2;
                }
            }
            answer.values = op->values_count == 0 ? NULL : values;
            same_result(v, op->name, DEALFSM_OK, rig_answer(&it, call, &answer), NULL);
        }
        const seen *told = rig_last(&it, SEEN_APPLIED);
        const seen *refused = rig_last(&it, SEEN_REFUSED);
        expect(v, refused == NULL || told != NULL, "an error event where the answer makes no sense", "a refused event");
        rig_close(&it);
    }
}

static const rule list[] = {
    {"ops.keys", "answers with another key, early or late, are not taken and change nothing", keys},
    {"ops.contents", "answers with wrong values are refused, and the op stays open", contents},
    {"ops.once", "an answer counts once", once},
    {"ops.stalls", "UNKNOWN and CONFLICT stall the deal; retry asks again with the same key", stalls},
    {"ops.senseless", "an answer that makes no sense is an error of that call", senseless},
};
const rule_group rules_ops = {list, sizeof list / sizeof *list};
