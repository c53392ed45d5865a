/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* Rules on how the machine that describe/1 tells behaves. */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "validate.h"

static void cells(validator *v)
{
    const description *m = &v->machine;
    rig it = {0};
    CASE(v, "opening");
    if (rig_open(&it, v)) {
        for (uint32_t s = 0; s < m->states_count; s++) {
            for (uint32_t e = 0; e < m->events_count; e++) {
                CASE(v, "%s in %s", m->events[e].name, m->states[s].name);
                const char *expected = described_outcome(v, m->states[s].status, m->events[e].event);
                drive_cell(&it, m->states[s].status, m->events[e].event, expected);
                values_arena_clear(v->arena);
            }
        }
    }
    rig_close(&it);
}

/* ---- Handlers */
static bool is_in(const uint32_t *numbers, uint32_t count, uint32_t number)
{
    for (uint32_t i = 0; i < count; i++) {
        if (numbers[i] == number) {
            return true;
        }
    }
    return false;
}

static bool kind_fits(uint32_t described, uint32_t optional_bits, uint32_t index, uint32_t found)
{
    return found == described || (found == DEALFSM_NONE && (optional_bits >> index & 1) != 0);
}

/* The op that a handler asks, against describe/1. */
static void check_op(rig *it, const dealfsm_op *op)
{
    validator *v = it->v;
    const dealfsm_op_info *info = description_op(&v->machine, op->op);
    if (rig_number_of(it, SEEN_APPLIED) + rig_number_of(it, SEEN_REFUSED) != 0) {
        return; /* of a handler that follows */
    }
    if (!expect(v,
                info != NULL && op->args_count == info->args_count && op->nth == 1 && op->sequence == 0 &&
                    op->deal == 1 && op->struct_size >= sizeof *op && op->args_stride >= sizeof *op->args,
                "an op of describe/1 with its number of arguments, nth 1, sequence 0", "another")) {
        return;
    }
    for (uint32_t i = 0; i < op->args_count; i++) {
        const uint8_t *at = (const uint8_t *)op->args + (size_t)op->args_stride * i;
        const dealfsm_value *value = (const dealfsm_value *)(const void *)at;
        expect(v, kind_fits(info->args[i], info->args_optional, i, value->kind),
               format(v->arena, "%s %s of its kind", info->name, info->args_names[i]), "another kind");
    }
    const bool marked = (op->flags & DEALFSM_OP_WITHOUT_KEY) != 0;
    expect(v, marked || info->op_class != DEALFSM_ONCE,
           "a once op of a record without sidecar marked DEALFSM_OP_WITHOUT_KEY", "no mark");
}

/* Runs the handler of a state; the op with index `fails` is answered with an error. Returns how many ops it asked. */
static uint32_t run_handler(rig *it, const dealfsm_state_info *state, uint32_t fails)
{
    validator *v = it->v;
    const dealfsm_handler_info *handler = description_handler(&v->machine, state->handler);
    dealfsm_record record;
    uint32_t asked = 0;
    rig_clear(it);
    invent_record(v, 1, state->status, &record);
    it->on_op = check_op;
    if (handler == NULL || !rig_restore(it, &record, DEALFSM_SNAPSHOT_OWED)) {
        return 0;
    }
    uint32_t from = 0;
    while (rig_number_of(it, SEEN_APPLIED) + rig_number_of(it, SEEN_REFUSED) == 0) {
        const seen *call = rig_next(it, &from, SEEN_CALL);
        const dealfsm_op_info *info = call == NULL ? NULL : description_op(&v->machine, call->number);
        if (info == NULL) {
            break;
        }
        expect(v, is_in(handler->ops, handler->ops_count, call->number), "an op of the handler's list", info->name);
        dealfsm_answer answer = invent_answer(v, info);
        if (asked++ == fails) {
            answer = (dealfsm_answer){.outcome = DEALFSM_ANSWER_ERROR, .text = "no", .text_len = 2};
        }
        same_result(v, "complete", DEALFSM_OK, rig_answer(it, call, &answer), NULL);
    }
    for (uint32_t i = 0; i < it->count; i++) {
        const seen *one = &it->list[i];
        if (one->what == SEEN_APPLIED || one->what == SEEN_REFUSED) {
            expect(v, one->flags == 1 && is_in(handler->raises, handler->raises_count, one->number),
                   "an event of the handler's list, from a handler", format(v->arena, "event %" PRIu32, one->number));
            break;
        }
    }
    it->on_op = NULL;
    rig_remove(it, 1);
    return asked;
}

static void handlers(validator *v)
{
    rig it = {0};
    CASE(v, "opening");
    if (rig_open(&it, v)) {
        for (uint32_t s = 0; s < v->machine.states_count; s++) {
            const dealfsm_state_info *state = &v->machine.states[s];
            if (state->handler[0] == '\0') {
                continue;
            }
            CASE(v, "%s, all answers good", state->name);
            const uint32_t asked = run_handler(&it, state, UINT32_MAX);
            for (uint32_t fails = 0; fails < asked; fails++) {
                CASE(v, "%s, answer %" PRIu32 " an error", state->name, fails + 1);
                run_handler(&it, state, fails);
            }
        }
    }
    rig_close(&it);
}

/* ---- New deals */
static void create(validator *v)
{
    rig it = {0};
    dealfsm_record terms;
    dealfsm_record found = {.struct_size = sizeof found};
    uint64_t revision = 0;
    invent_terms(5, &terms);
    CASE(v, "create");
    if (rig_open(&it, v) &&
        same_result(v, "create", DEALFSM_APPLIED, v->functions->create(it.machine, &terms, &revision, NULL), NULL)) {
        const seen *put = rig_last(&it, SEEN_PUT);
        const dealfsm_deal *deal = rig_query(&it, 5);
        if (expect(v, it.count == 1 && put != NULL && put->deal == 5 && put->sequence == 0 && put->revision == revision,
                   "one put, of sequence 0 and the revision told, and nothing else", "otherwise") &&
            deal != NULL) {
            expect(v,
                   deal->status == DEALFSM_DealStatusNew && deal->sequence == 0 && deal->flags == 0 &&
                       deal->revision == revision,
                   "an idle deal in New", "another");
            same_bytes(v, "the record in query, as put", put->record, put->record_len, deal->record, deal->record_len);
            v->record->decode(deal->record, deal->record_len, &found, NULL);
            expect(v,
                   found.id == 5 && found.payment_interval == terms.payment_interval &&
                       (found.has_store_id == 0 || found.store_id == terms.store_id) && /* client 1.28.3 keeps none */
                       found.total_funds_len == terms.total_funds_len,
                   "the terms in the record", "others");
        }
        CASE(v, "Open");
        same_result(v, "dispatch of Open", DEALFSM_APPLIED, rig_dispatch(&it, 5, DEALFSM_ClientEventOpen, NULL, 0),
                    NULL);
        const seen *call = rig_last(&it, SEEN_CALL);
        expect(v, call != NULL && call->sequence == 1 && call->nth == 1 && (call->flags & DEALFSM_OP_WITHOUT_KEY) == 0,
               "an op of sequence 1, with its key", "none");
    }
    rig_close(&it);
}

/* ---- Order of a step: put, then told, then asked; sequences without gap. */
static void check_order(validator *v, const rig *it)
{
    uint64_t durable = 0;
    uint64_t told = 0;
    for (uint32_t i = 0; i < it->count; i++) {
        const seen *one = &it->list[i];
        switch (one->what) {
        case SEEN_PUT:
            expect(v, one->sequence <= told + 1, "each event told before the next is put", "one not told");
            durable = one->sequence;
            break;
        case SEEN_APPLIED:
            expect(v, one->sequence == told + 1 && one->sequence <= durable, "a notice after its put, without a gap",
                   format(v->arena, "sequence %" PRIu64 " after %" PRIu64 ", durable %" PRIu64, one->sequence, told,
                          durable));
            told = one->sequence;
            break;
        case SEEN_CALL:
            expect(v, one->sequence == told, "an op after its transition was told", "another sequence");
            break;
        default:
            break;
        }
    }
}

static void order(validator *v)
{
    for (uint32_t seed = 1; seed <= RUN_SEEDS; seed++) {
        rig it = {0};
        CASE(v, "run %" PRIu32, seed);
        if (rig_open(&it, v)) {
            const uint32_t steps = run_whole(&it, 1, seed);
            expect(v, steps > 0, "a run", "nothing");
            check_order(v, &it);
        }
        rig_close(&it);
        values_arena_clear(v->arena);
    }
}

static void determinism(validator *v)
{
    for (uint32_t seed = 1; seed <= RUN_SEEDS; seed++) {
        char *told[2] = {NULL, NULL};
        CASE(v, "run %" PRIu32 ", twice", seed);
        for (int i = 0; i < 2; i++) {
            rig it = {0};
            if (rig_open(&it, v)) {
                run_whole(&it, 1, seed);
                told[i] = rig_told(&it);
            }
            rig_close(&it);
        }
        same_text(v, told[0] == NULL ? "" : told[0], told[1] == NULL ? "" : told[1]);
        free(told[0]);
        free(told[1]);
        values_arena_clear(v->arena);
    }
}

static void without_store(validator *v)
{
    for (uint32_t seed = 1; seed <= RUN_SEEDS; seed++) {
        char *told[2] = {NULL, NULL};
        CASE(v, "run %" PRIu32 " with a store and without", seed);
        for (int i = 0; i < 2; i++) {
            rig it = {.no_store = i == 1};
            if (rig_open(&it, v)) {
                run_whole(&it, 1, seed);
                told[i] = run_history(&it, 0);
            }
            rig_close(&it);
        }
        same_text(v, told[0] == NULL ? "" : told[0], told[1] == NULL ? "" : told[1]);
        values_arena_clear(v->arena);
    }
}

/* ---- Refused events are told to those who ask, and to nobody else. */
static void count_notice(void *ctx, const dealfsm_notice *notice)
{
    uint32_t *numbers = ctx;
    numbers[notice->kind <= DEALFSM_NOTICE_TERMINATED ? notice->kind : 0]++;
}

static void refused(validator *v)
{
    rig it = {0};
    dealfsm_record record;
    uint32_t heard[4] = {0};
    uint64_t id = 0;
    const dealfsm_subscription applied_only = {
        .struct_size = sizeof applied_only, .deal = 1, .ctx = heard, .notify = count_notice};
    CASE(v, "an event without transition");
    invent_record(v, 1, DEALFSM_DealStatusNew, &record);
    if (rig_open(&it, v) && rig_restore(&it, &record, 0)) {
        v->functions->subscribe(it.machine, &applied_only, &id, NULL);
        const dealfsm_event_info *event = description_event(&v->machine, DEALFSM_ClientEventDealAccepted);
        same_result(v, "dispatch", DEALFSM_E_INVALID_TRANSITION,
                    rig_dispatch(&it, 1, event->event, invent_args(v, event), event->args_count), NULL);
        const seen *told = rig_last(&it, SEEN_REFUSED);
        expect(v,
               told != NULL && it.count == 1 && told->reason == DEALFSM_E_INVALID_TRANSITION && told->flags == 0 &&
                   told->number == event->event,
               "one refusal told, to who asked for it", "none, or another");
        expect(v, heard[DEALFSM_NOTICE_REFUSED] == 0, "nothing to who did not ask", "a refusal");
        rig_dispatch(&it, 1, DEALFSM_ClientEventOpen, NULL, 0);
        expect(v, heard[DEALFSM_NOTICE_APPLIED] == 1, "the applied event told to both", "otherwise");
    }
    rig_close(&it);
}

/* ---- Counters */
static void counters(validator *v)
{
    for (uint32_t seed = 1; seed <= RUN_SEEDS; seed++) {
        rig it = {0};
        dealfsm_counters c = {.struct_size = sizeof c};
        CASE(v, "run %" PRIu32, seed);
        if (rig_open(&it, v)) {
            run_whole(&it, 1, seed);
            const dealfsm_deal *deal = rig_query(&it, 1);
            same_result(v, "counters", DEALFSM_OK, v->functions->counters(it.machine, &c, NULL), NULL);
            const uint64_t expected[] = {1,
                                         rig_number_of(&it, SEEN_APPLIED),
                                         rig_number_of(&it, SEEN_REFUSED),
                                         rig_number_of(&it, SEEN_TERMINATED),
                                         rig_number_of(&it, SEEN_PUT),
                                         0,
                                         rig_number_of(&it, SEEN_CALL),
                                         deal == NULL ? 0 : deal->queued,
                                         deal != NULL && deal->open_op != 0 ? 1 : 0,
                                         0};
            const uint64_t found[] = {c.deals,       c.applied, c.refused, c.terminated, c.puts,
                                      c.puts_failed, c.ops,     c.queued,  c.open_ops,   c.stalled};
            static const char *const names[] = {"deals",       "applied", "refused", "terminated", "puts",
                                                "puts_failed", "ops",     "queued",  "open_ops",   "stalled"};
            for (size_t i = 0; i < sizeof found / sizeof *found; i++) {
                if (found[i] != expected[i]) {
                    report_fail(v->report, format(v->arena, "%s %" PRIu64, names[i], expected[i]), "%" PRIu64,
                                found[i]);
                }
            }
            expect(v, c.memory_bytes > 0, "bytes held for the deal", "0");
        }
        rig_close(&it);
        values_arena_clear(v->arena);
    }
}

static const rule list[] = {
    {"machine.cells", "every (state, event) cell behaves as the clauses of describe/1 say", cells},
    {"machine.handlers", "handlers ask and raise what describe/1 lists, whatever answer fails", handlers},
    {"machine.create", "create puts New and runs nothing; Open runs the handler of New", create},
    {"machine.order", "put, then told, then asked; no gap in the sequences", order},
    {"machine.determinism", "the same events and answers give the same bytes, ops and notices", determinism},
    {"machine.without-store", "without a store a deal has the same history", without_store},
    {"machine.refused", "a refused event is told only to those who ask for refusals", refused},
    {"machine.counters", "the counters are what was seen", counters},
};
const rule_group rules_machine = {list, sizeof list / sizeof *list};
