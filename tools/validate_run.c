/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* Deals that are driven by what describe/1 says: single cells, and long runs. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "validate.h"

void drive_cell(rig *it, uint64_t status, uint32_t event, const char *expected)
{
    validator *v = it->v;
    dealfsm_record record;
    invent_record(v, 1, status, &record);
    rig_clear(it);
    if (!rig_restore(it, &record, 0)) {
        return;
    }
    const dealfsm_event_info *info = description_event(&v->machine, event);
    const uint32_t args_count = info == NULL ? 0 : info->args_count;
    const dealfsm_value *args = info == NULL ? NULL : invent_args(v, info);
    const int32_t result = rig_dispatch(it, record.id, event, args, args_count);
    const char *outcome = driven_outcome(it, status, event, result);
    if (outcome != NULL && result == DEALFSM_E_UNKNOWN_EVENT) {
        outcome = "refused";
    }
    if (outcome != NULL && strcmp(outcome, expected) != 0) {
        report_fail(v->report, expected, "%s (%s from dispatch)", outcome, result_text(v, result));
    }
    if (result < 0) {
        expect(v, it->count == rig_number_of(it, SEEN_REFUSED) + rig_number_of(it, SEEN_TERMINATED),
               "no put, op or applied notice from a refused event", "some");
    }
    if (strcmp(expected, "just-record") == 0) {
        expect(v, rig_number_of(it, SEEN_CALL) == 0 && rig_number_of(it, SEEN_PUT) <= 1,
               "no handler after ToJustRecord", "an op or a raised event");
    }
    rig_remove(it, record.id);
}

/* ---- Long runs */
static void note_result(rig *it, uint32_t number, bool is_answer, int32_t result)
{
    if (it->quiet) {
        return;
    }
    rig_note(it, (seen){.what = SEEN_RESULT, .number = number, .flags = is_answer, .reason = result});
}

bool run_begin(rig *it, uint64_t deal)
{
    validator *v = it->v;
    dealfsm_record terms;
    dealfsm_error error = {.struct_size = sizeof error};
    invent_terms(deal, &terms);
    return same_result(v, "create", DEALFSM_APPLIED, v->functions->create(it->machine, &terms, NULL, &error), &error) &&
           same_result(v, "dispatch of Open", DEALFSM_APPLIED, rig_dispatch(it, deal, DEALFSM_ClientEventOpen, NULL, 0),
                       NULL);
}

static bool leads_to_an_end(const description *m, const dealfsm_clause_info *clause)
{
    return clause->from == DEALFSM_FROM_ANY || (clause->to == DEALFSM_TO && description_is_final(m, clause->target));
}

/* The n-th (modulo their number) event that the host may raise in a state; NULL: none. Late in a run also such as end
 * it. */
static const dealfsm_event_info *choose_event(const description *m, uint64_t status, uint32_t n, bool late)
{
    const dealfsm_event_info *found[64];
    uint32_t count = 0;
    for (int endings = late ? 1 : 0; endings <= 1 && count == 0; endings++) {
        for (uint32_t i = 0; i < m->events_count && count < 64; i++) {
            const dealfsm_event_info *event = &m->events[i];
            const dealfsm_clause_info *clause = description_clause(m, event->event, status);
            if (event->from_outside != 0 && clause != NULL && (endings == 1 || !leads_to_an_end(m, clause))) {
                found[count++] = event;
            }
        }
    }
    return count == 0 ? NULL : found[n % count];
}

static uint32_t mixed(uint32_t step, uint32_t seed)
{
    uint32_t x = (step + 1) * 2654435761u + seed * 40503u;
    x ^= x >> 15;
    x *= 2246822519u;
    return x ^ x >> 13;
}

static bool answer_open(rig *it, const dealfsm_deal *deal, uint64_t id, bool with_error)
{
    validator *v = it->v;
    const dealfsm_op_info *op = description_op(&v->machine, deal->open_op);
    if (op == NULL) {
        return expect(v, false, "an open op of describe/1", "another");
    }
    dealfsm_answer answer = invent_answer(v, op);
    if (with_error) {
        answer = (dealfsm_answer){.outcome = DEALFSM_ANSWER_ERROR, .text = "made up", .text_len = 7};
    }
    const seen key = {.number = deal->open_op, .deal = id, .sequence = deal->open_sequence, .nth = deal->open_nth};
    dealfsm_error error = {.struct_size = sizeof error};
    answer.struct_size = sizeof answer;
    const int32_t result = rig_answer(it, &key, &answer);
    note_result(it, key.number, true, result);
    return same_result(v, "complete", DEALFSM_OK, result, &error);
}

bool run_step(rig *it, uint64_t deal, uint32_t step, uint32_t seed)
{
    validator *v = it->v;
    const dealfsm_deal *now = rig_query(it, deal);
    const uint32_t random = mixed(step, seed);
    if (now == NULL || (now->flags & DEALFSM_DEAL_FINAL) != 0) {
        return false;
    }
    if (now->open_op != 0 && random % 3 != 0) {
        return answer_open(it, now, deal, step > RUN_STEPS / 2 && random % 7 == 0);
    }
    const dealfsm_event_info *event = choose_event(&v->machine, now->status, random >> 8, step > RUN_STEPS * 2 / 3);
    if (event == NULL) {
        return now->open_op != 0 && answer_open(it, now, deal, false);
    }
    dealfsm_value *args = invent_args(v, event);
    for (uint32_t i = 0; i < event->args_count; i++) {
        if (args[i].kind == DEALFSM_U64) {
            args[i].number = 400 * (uint64_t)(step + 1); /* bytes received in all: growing */
        }
    }
    const int32_t result = rig_dispatch(it, deal, event->event, args, event->args_count);
    note_result(it, event->event, false, result);
    return true;
}

uint32_t run_whole(rig *it, uint64_t deal, uint32_t seed)
{
    uint32_t step = 0;
    if (!run_begin(it, deal)) {
        return 0;
    }
    while (step < RUN_STEPS && run_step(it, deal, step, seed)) {
        step++;
    }
    return step;
}

char *run_history(const rig *it, uint32_t from)
{
    values_arena *arena = it->v->arena;
    const seen *last = NULL;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    for (uint32_t i = from; i < it->count && out != NULL; i++) {
        const seen *s = &it->list[i];
        if (s->what != SEEN_APPLIED && s->what != SEEN_REFUSED && s->what != SEEN_TERMINATED) {
            continue;
        }
        fprintf(out,
                "%d event %" PRIu32 " sequence %" PRIu64 " %" PRIu64 "->%" PRIu64 " by %" PRIu32 " reason %" PRId32 " ",
                (int)s->what, s->number, s->sequence, s->from, s->to, s->flags, s->reason);
        json_dumpf(s->args, out, JSON_COMPACT | JSON_SORT_KEYS);
        fputc('\n', out);
        last = s->what == SEEN_APPLIED ? s : last;
    }
    if (last != NULL && out != NULL) {
        fprintf(out, "record %s\n", values_hex(arena, last->record, last->record_len));
    }
    if (out != NULL) {
        fclose(out);
    }
    char *copy = format(arena, "%s", text == NULL ? "" : text);
    free(text);
    return copy;
}
