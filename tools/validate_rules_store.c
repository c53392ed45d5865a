/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* Rules on what a put may come to at once: durable, failed (perhaps landed), lost. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "validate.h"

/* A store that gives `outcome` for put number `at` (from 1), and DURABLE for the others. */
typedef struct script {
    uint64_t at; /* 0: every put of an odd number */
    int32_t outcome;
} script;

static int32_t scripted(rig *it, const dealfsm_put *put)
{
    const script *s = it->hook_ctx;
    (void)put;
    return (s->at == 0 ? it->puts % 2 == 1 : it->puts == s->at) ? s->outcome : DEALFSM_PUT_DURABLE;
}

static bool stalled_by_put(const dealfsm_deal *deal)
{
    return deal != NULL && (deal->flags & DEALFSM_DEAL_STALLED) != 0 && deal->stall == DEALFSM_STALL_PUT;
}

static void failed(validator *v)
{
    static const int32_t outcomes[] = {DEALFSM_PUT_FAILED, 4000, 0, -1};
    for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++) {
        script s = {.at = 2, .outcome = outcomes[i]};
        rig it = {.on_put = scripted, .hook_ctx = &s};
        dealfsm_record terms;
        uint64_t revision = 0;
        CASE(v, "the put of Open gives %d", (int)outcomes[i]);
        invent_terms(1, &terms);
        if (rig_open(&it, v) &&
            same_result(v, "create", DEALFSM_APPLIED, v->functions->create(it.machine, &terms, NULL, NULL), NULL)) {
            same_result(v, "dispatch", DEALFSM_STALLED, rig_dispatch(&it, 1, DEALFSM_ClientEventOpen, NULL, 0), NULL);
            const dealfsm_deal *deal = rig_query(&it, 1);
            const uint64_t lost_revision = rig_last(&it, SEEN_PUT)->revision;
            expect(v, stalled_by_put(deal) && deal->sequence == 0, "a deal stalled by its put, at sequence 0",
                   "another");
            expect(v, rig_number_of(&it, SEEN_APPLIED) + rig_number_of(&it, SEEN_CALL) == 0, "nothing told or asked",
                   "something");
            same_result(v, "retry", DEALFSM_APPLIED, v->functions->retry(it.machine, 1, &revision, NULL), NULL);
            const seen *again = rig_last(&it, SEEN_PUT);
            expect(v, it.puts == 3 && again->revision > lost_revision && again->number == DEALFSM_ClientEventOpen,
                   "the same event put again, with a higher revision", "otherwise");
            expect(v, rig_number_of(&it, SEEN_APPLIED) == 1 && rig_number_of(&it, SEEN_CALL) == 1,
                   "it told once, and the handler's op", "otherwise");
        }
        rig_close(&it);
    }
}

/* While a deal is stalled, events are kept; retry applies the head first, then those. */
static void kept_while_stalled(validator *v)
{
    script s = {.at = 2, .outcome = DEALFSM_PUT_FAILED};
    rig it = {.on_put = scripted, .hook_ctx = &s};
    dealfsm_record terms;
    CASE(v, "an event for a stalled deal");
    invent_terms(1, &terms);
    if (rig_open(&it, v) && v->functions->create(it.machine, &terms, NULL, NULL) == DEALFSM_APPLIED) {
        rig_dispatch(&it, 1, DEALFSM_ClientEventOpen, NULL, 0);
        const int32_t result = rig_dispatch(&it, 1, DEALFSM_ClientEventDealAccepted, NULL, 0);
        expect(v, result == DEALFSM_STALLED || result == DEALFSM_ACCEPTED, "DEALFSM_STALLED", result_text(v, result));
        const dealfsm_deal *deal = rig_query(&it, 1);
        expect(v, deal != NULL && deal->queued == 2, "both events queued", "another number");
        v->functions->retry(it.machine, 1, NULL, NULL);
        const seen *told = rig_last(&it, SEEN_APPLIED);
        expect(v, told != NULL && told->number == DEALFSM_ClientEventOpen, "Open applied first", "another");
        deal = rig_query(&it, 1);
        expect(v, deal != NULL && deal->queued == 1 && deal->open_op != 0, "the other one queued behind the handler",
               "otherwise");
    }
    rig_close(&it);
}

static uint32_t run_with_retries(rig *it, uint32_t seed)
{
    validator *v = it->v;
    dealfsm_record terms;
    uint32_t step = 0;
    invent_terms(1, &terms);
    v->functions->create(it->machine, &terms, NULL, NULL);
    for (int round = 0; round < 3 && v->functions->retry(it->machine, 1, NULL, NULL) >= 0; round++) {
    }
    rig_dispatch(it, 1, DEALFSM_ClientEventOpen, NULL, 0);
    for (bool more = true; more && step < RUN_STEPS; step++) {
        for (int round = 0; round < 100 && v->functions->retry(it->machine, 1, NULL, NULL) >= 0; round++) {
        }
        more = run_step(it, 1, step, seed);
    }
    for (int round = 0; round < 100 && v->functions->retry(it->machine, 1, NULL, NULL) >= 0; round++) {
    }
    return step;
}

/* Every other put fails: the deal's history is the one of a store that never fails. */
static void same_history(validator *v)
{
    for (uint32_t seed = 1; seed <= RUN_SEEDS; seed++) {
        script s = {.at = 0, .outcome = DEALFSM_PUT_FAILED};
        rig good = {0};
        rig bad = {.on_put = scripted, .hook_ctx = &s};
        CASE(v, "run %" PRIu32 ", every other put failing", seed);
        if (rig_open(&good, v) && rig_open(&bad, v)) {
            run_whole(&good, 1, seed);
            run_with_retries(&bad, seed);
            same_text(v, run_history(&good, 0), run_history(&bad, 0));
            dealfsm_counters counters = {.struct_size = sizeof counters};
            v->functions->counters(bad.machine, &counters, NULL);
            expect(v, counters.puts_failed > 0 && counters.puts_failed <= counters.puts, "failed puts counted", "none");
        }
        rig_close(&good);
        rig_close(&bad);
        values_arena_clear(v->arena);
    }
}

/* Rows: a put replaces whatever landed, so revisions only grow. */
static void growing_revisions(validator *v)
{
    for (uint32_t seed = 1; seed <= RUN_SEEDS; seed++) {
        script s = {.at = 0, .outcome = DEALFSM_PUT_FAILED};
        rig it = {.on_put = scripted, .hook_ctx = &s};
        uint64_t last = 0;
        CASE(v, "run %" PRIu32, seed);
        if (rig_open(&it, v)) {
            run_with_retries(&it, seed);
            for (uint32_t i = 0; i < it.count; i++) {
                if (it.list[i].what == SEEN_PUT) {
                    expect(v, it.list[i].revision > last, "a higher revision in each put", "not higher");
                    last = it.list[i].revision;
                }
            }
        }
        rig_close(&it);
        values_arena_clear(v->arena);
    }
}

static void lost(validator *v)
{
    script s = {.at = 2, .outcome = DEALFSM_PUT_LOST};
    rig it = {.on_put = scripted, .hook_ctx = &s};
    dealfsm_record terms;
    dealfsm_deal deal = {.struct_size = sizeof deal};
    CASE(v, "the put of Open gives LOST");
    invent_terms(1, &terms);
    if (rig_open(&it, v) && v->functions->create(it.machine, &terms, NULL, NULL) == DEALFSM_APPLIED) {
        same_result(v, "dispatch", DEALFSM_E_LOST, rig_dispatch(&it, 1, DEALFSM_ClientEventOpen, NULL, 0), NULL);
        same_result(v, "query", DEALFSM_E_NOT_FOUND, v->functions->query(it.machine, 1, &deal, NULL), NULL);
        expect(v, rig_number_of(&it, SEEN_APPLIED) + rig_number_of(&it, SEEN_CALL) == 0, "nothing told or asked",
               "something");
        dealfsm_counters counters = {.struct_size = sizeof counters};
        v->functions->counters(it.machine, &counters, NULL);
        expect(v, counters.deals == 0, "no deal left", "one");
    }
    rig_close(&it);
    s.at = 1;
    it = (rig){.on_put = scripted, .hook_ctx = &s};
    CASE(v, "the put of create gives LOST");
    if (rig_open(&it, v)) {
        same_result(v, "create", DEALFSM_E_LOST, v->functions->create(it.machine, &terms, NULL, NULL), NULL);
        same_result(v, "query", DEALFSM_E_NOT_FOUND, v->functions->query(it.machine, 1, &deal, NULL), NULL);
    }
    rig_close(&it);
}

static void failed_create(validator *v)
{
    script s = {.at = 1, .outcome = DEALFSM_PUT_FAILED};
    rig it = {.on_put = scripted, .hook_ctx = &s};
    dealfsm_record terms;
    dealfsm_deal deal = {.struct_size = sizeof deal};
    CASE(v, "the put of create fails");
    invent_terms(1, &terms);
    if (rig_open(&it, v)) {
        same_result(v, "create", DEALFSM_STALLED, v->functions->create(it.machine, &terms, NULL, NULL), NULL);
        same_result(v, "query before the first durable put", DEALFSM_E_NOT_FOUND,
                    v->functions->query(it.machine, 1, &deal, NULL), NULL);
        same_result(v, "create again", DEALFSM_E_EXISTS, v->functions->create(it.machine, &terms, NULL, NULL), NULL);
        same_result(v, "retry", DEALFSM_APPLIED, v->functions->retry(it.machine, 1, NULL, NULL), NULL);
        const dealfsm_deal *now = rig_query(&it, 1);
        expect(v, now != NULL && now->sequence == 0 && now->flags == 0, "an idle deal in New", "another");
    }
    rig_close(&it);
}

/* ---- Rows */

/* What happened, entry by entry, is what was told: all of it, once; refusals of events that were handed in to an idle
 * deal are only told. */
static bool same_happening(const json_t *happened, const seen *notice)
{
    static const seen_what kinds[] = {SEEN_RESULT, SEEN_APPLIED, SEEN_REFUSED, SEEN_TERMINATED};
    const json_int_t kind = json_integer_value(json_object_get(happened, "kind"));
    return kind >= DEALFSM_HAPPENED_APPLIED && kind <= DEALFSM_HAPPENED_TERMINATED && kinds[kind] == notice->what &&
           (uint64_t)json_integer_value(json_object_get(happened, "event")) == notice->number &&
           (uint64_t)json_integer_value(json_object_get(happened, "sequence")) == notice->sequence &&
           (uint64_t)json_integer_value(json_object_get(happened, "from")) == notice->from &&
           (uint64_t)json_integer_value(json_object_get(happened, "to")) == notice->to &&
           (int32_t)json_integer_value(json_object_get(happened, "reason")) == notice->reason;
}

static uint32_t count_happenings(const rig *it, const seen *notice)
{
    uint32_t count = 0;
    uint32_t from = 0;
    for (const seen *put = rig_next(it, &from, SEEN_PUT); put != NULL; put = rig_next(it, &from, SEEN_PUT)) {
        for (size_t i = 0; i < json_array_size(put->args); i++) {
            count += same_happening(json_array_get(put->args, i), notice);
        }
    }
    return count;
}

static uint32_t count_told(const rig *it, const json_t *happened)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < it->count; i++) {
        count += same_happening(happened, &it->list[i]);
    }
    return count;
}

static void what_happened(validator *v)
{
    for (uint32_t seed = 1; seed <= RUN_SEEDS; seed++) {
        rig it = {0};
        CASE(v, "run %" PRIu32, seed);
        if (rig_open(&it, v)) {
            run_whole(&it, 1, seed);
            for (uint32_t i = 0; i < it.count; i++) {
                const seen *one = &it.list[i];
                if (one->what == SEEN_APPLIED) {
                    expect(v, count_happenings(&it, one) == 1, "each applied event in what happened of one put",
                           "in another number");
                }
                for (size_t h = 0; one->what == SEEN_PUT && h < json_array_size(one->args); h++) {
                    expect(v, count_told(&it, json_array_get(one->args, h)) > 0, "to be told what happened",
                           json_text(v->arena, json_array_get(one->args, h)));
                }
            }
        }
        rig_close(&it);
        values_arena_clear(v->arena);
    }
}

/* ---- Moves */

static uint32_t count_moves(const seen *put)
{
    uint32_t count = 0;
    for (size_t i = 0; i < json_array_size(put->args); i++) {
        count += json_integer_value(json_object_get(json_array_get(put->args, i), "kind")) == DEALFSM_HAPPENED_MOVED;
    }
    return count;
}

/* Takes a new deal of `version` in, activates it where the first put fails, and sends an event. */
static void come_from(validator *v, dealfsm_snapshot *snapshot, const char *version)
{
    const bool other = strcmp(version, v->machine.machine_version) != 0;
    script s = {.at = 1, .outcome = DEALFSM_PUT_FAILED};
    rig it = {.on_put = scripted, .hook_ctx = &s};
    snapshot->machine_version = version;
    snapshot->sidecar_len = 0; /* a bare record: nothing beside it says where it was */
    if (rig_open(&it, v) &&
        same_result(v, "restore", DEALFSM_OK, v->functions->restore(it.machine, snapshot, NULL), NULL)) {
        const int32_t result = v->functions->activate(it.machine, 1, NULL, NULL);
        expect(v, result == (other ? DEALFSM_STALLED : DEALFSM_APPLIED) && it.puts == other,
               "a put if the deal comes from another version, and only then", result_text(v, result));
        if (other) {
            same_result(v, "retry", DEALFSM_APPLIED, v->functions->retry(it.machine, 1, NULL, NULL), NULL);
        }
        rig_dispatch(&it, 1, DEALFSM_ClientEventOpen, NULL, 0);
        for (uint32_t i = 0, puts = 0; i < it.count; i++) {
            if (it.list[i].what == SEEN_PUT) {
                const json_t *first = json_array_get(it.list[i].args, 0);
                const bool named = other && puts++ < 2;
                expect(v, count_moves(&it.list[i]) == named, named ? "the move in the put" : "no move in the put",
                       json_text(v->arena, it.list[i].args));
                expect(v,
                       !named || (strcmp(json_string_value(json_object_get(first, "message")), version) == 0 &&
                                  (uint64_t)json_integer_value(json_object_get(first, "to")) == it.list[i].to),
                       format(v->arena, "the move first, from %s", version), json_text(v->arena, it.list[i].args));
            }
        }
        expect(v, it.puts == (other ? 3 : 1), "a put of the event", "another number of puts");
    }
    rig_close(&it);
}

/* A deal that comes from another version says so in its first put, and again after that has failed; not in the next.
 * Of its own version there is nothing to say. */
static void moved(validator *v)
{
    const char *at = strstr(v->functions->manifest, "reads: ");
    char list[256];
    snprintf(list, sizeof list, "%.*s", at == NULL ? 0 : (int)strcspn(at + 7, "\n"), at == NULL ? "" : at + 7);
    char *rest = list;
    for (char *version = strtok_r(rest, ",", &rest); version != NULL; version = strtok_r(rest, ",", &rest)) {
        rig it = {0};
        dealfsm_record terms;
        version += strspn(version, " ");
        CASE(v, "from %s", version);
        invent_terms(1, &terms);
        if (rig_open(&it, v) &&
            same_result(v, "create", DEALFSM_APPLIED, v->functions->create(it.machine, &terms, NULL, NULL), NULL)) {
            uint8_t record[4096], sidecar[4096];
            dealfsm_snapshot snapshot = {.struct_size = sizeof snapshot,
                                         .machine_version = version,
                                         .record = record,
                                         .record_capacity = sizeof record,
                                         .sidecar = sidecar,
                                         .sidecar_capacity = sizeof sidecar};
            const int32_t result = v->functions->snapshot(it.machine, 1, &snapshot, NULL);
            if (result >= 0) { /* else it does not write what it reads, which it may */
                come_from(v, &snapshot, version);
            }
        }
        rig_close(&it);
    }
}

/* The last row of a deal at rest, as a crash would leave it. */
static void resume(validator *v, const rig *it, const dealfsm_deal *now)
{
    rig fresh = {0};
    const seen *put = rig_last(it, SEEN_PUT);
    const dealfsm_snapshot row = {.struct_size = sizeof row,
                                  .deal = 1,
                                  .sequence = put->sequence,
                                  .revision = put->revision,
                                  .machine_version = v->machine.machine_version,
                                  .record = put->record,
                                  .record_len = put->record_len,
                                  .sidecar = put->sidecar,
                                  .sidecar_len = put->sidecar_len};
    uint32_t leaving = 0; /* refused since: they leave the queue with the next put */
    for (const seen *one = put; one < it->list + it->count; one++) {
        leaving += one->what == SEEN_REFUSED;
    }
    if (rig_open(&fresh, v) &&
        same_result(v, "restore", DEALFSM_OK, v->functions->restore(fresh.machine, &row, NULL), NULL)) {
        const dealfsm_deal *staged = rig_query(&fresh, 1);
        expect(v,
               staged != NULL && staged->sequence == now->sequence && staged->status == now->status &&
                   staged->queued >= now->queued && staged->queued <= now->queued + leaving,
               format(v->arena, "%" PRIu32 " queued events, sequence %" PRIu64, now->queued, now->sequence),
               staged == NULL ? "no deal"
                              : format(v->arena, "%" PRIu32 ", %" PRIu64, staged->queued, staged->sequence));
        const int32_t result = v->functions->activate(fresh.machine, 1, NULL, NULL);
        expect(v, result >= 0, "activate to be taken", result_text(v, result));
        const dealfsm_deal *later = rig_query(&fresh, 1);
        expect(v,
               later != NULL && (later->open_op != 0) == (now->open_op != 0) &&
                   (now->open_op == 0 || later->open_sequence == now->open_sequence),
               now->open_op != 0 ? "the handler to ask again" : "nothing to be asked", "otherwise");
        const bool was_final = (now->flags & DEALFSM_DEAL_FINAL) != 0;
        expect(v, !was_final || fresh.count == 0, "nothing to happen to a deal that has ended", "something");
    }
    rig_close(&fresh);
}

static void crash(validator *v)
{
    for (uint32_t seed = 1; seed <= RUN_SEEDS; seed++) {
        rig it = {0};
        CASE(v, "run %" PRIu32, seed);
        bool more = rig_open(&it, v) && run_begin(&it, 1);
        for (uint32_t step = 0; more && step < RUN_STEPS; step++) {
            CASE(v, "run %" PRIu32 ", a crash after %" PRIu32 " steps", seed, step);
            const dealfsm_deal *now = rig_query(&it, 1);
            if (now != NULL) {
                resume(v, &it, now);
            }
            more = run_step(&it, 1, step, seed);
        }
        rig_close(&it);
        values_arena_clear(v->arena);
    }
}

/* What was accepted while a notice was told is durable before the host is asked anything, which may take long. */
static uint64_t accepted_revision;

static void accept_one(rig *it, const dealfsm_notice *notice)
{
    const dealfsm_event event = {.struct_size = sizeof event, .event = DEALFSM_ClientEventDealAccepted};
    (void)notice;
    it->on_notice = NULL;
    same_result(it->v, "dispatch inside notify", DEALFSM_ACCEPTED,
                it->v->functions->dispatch(it->machine, 1, &event, &accepted_revision, NULL), NULL);
}

static void expect_durable(rig *it, const dealfsm_op *op)
{
    const dealfsm_deal *deal = rig_query(it, 1);
    (void)op;
    expect(it->v, deal != NULL && deal->revision >= accepted_revision,
           "the accepted event durable before the op is asked", "that it waits");
}

static void accepted_first(validator *v)
{
    rig it = {.on_notice = accept_one, .on_op = expect_durable};
    CASE(v, "an event handed in while Open is told");
    if (rig_open(&it, v)) {
        run_begin(&it, 1);
        expect(v, rig_number_of(&it, SEEN_CALL) == 1, "an op", "none");
    }
    rig_close(&it);
}

static const rule list[] = {
    {"store.failed", "a failed put: nothing told or asked, the deal stalled, retry puts again", failed},
    {"store.failed-create", "a failed first put: not found, until a retry is durable", failed_create},
    {"store.kept", "events for a stalled deal are kept, in order", kept_while_stalled},
    {"store.same-history", "failed puts leave no trace in a deal's history", same_history},
    {"store.revisions", "each put has a higher revision, so it replaces whatever landed", growing_revisions},
    {"store.what-happened", "what happened in the puts is what subscribers were told", what_happened},
    {"store.moved", "a deal that comes from another machine version: its first put says so, and no later one", moved},
    {"store.crash", "after a crash at any rest a deal goes on from its last row", crash},
    {"store.accepted-first", "what was accepted is durable before the host is asked", accepted_first},
    {"store.lost", "LOST: the deal leaves, nothing told or asked", lost},
};
const rule_group rules_store = {list, sizeof list / sizeof *list};
