/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* Rules on puts that end later, by `stored`: durable, failed, lost, twice, early, never. */

#include <inttypes.h>

#include "validate.h"

static int32_t pending(rig *it, const dealfsm_put *put)
{
    (void)it, (void)put;
    return DEALFSM_PUT_PENDING;
}

static int32_t put_ended(rig *it, uint64_t deal, uint64_t revision, int32_t outcome)
{
    return it->v->functions->stored(it->machine, deal, revision, outcome, NULL);
}

/* `stored` comes before put has returned. */
static int32_t early(rig *it, const dealfsm_put *put)
{
    int32_t *const outcome = it->hook_ctx;
    const int32_t result = put_ended(it, put->deal, put->revision, *outcome);
    same_result(it->v, "stored inside put", DEALFSM_OK, result, NULL);
    return DEALFSM_PUT_PENDING;
}

static bool create_pending(rig *it, validator *v)
{
    dealfsm_record terms;
    uint64_t revision = 0;
    invent_terms(1, &terms);
    it->on_put = pending;
    return rig_open(it, v) &&
           same_result(v, "create", DEALFSM_ACCEPTED, v->functions->create(it->machine, &terms, &revision, NULL),
                       NULL) &&
           expect(v, revision == rig_last(it, SEEN_PUT)->revision, "the revision of the put", "another");
}

static uint64_t last_revision(const rig *it)
{
    return rig_last(it, SEEN_PUT)->revision;
}

/* Reports pending puts until none is left. */
static void settle(rig *it, int32_t outcome)
{
    for (int round = 0; round < 1000; round++) {
        const seen *put = rig_last(it, SEEN_PUT);
        if (put == NULL || put_ended(it, put->deal, put->revision, outcome) != DEALFSM_OK) {
            return;
        }
    }
}

static void durable_later(validator *v)
{
    rig it = {0};
    dealfsm_deal deal = {.struct_size = sizeof deal};
    CASE(v, "create, its put pending");
    if (create_pending(&it, v)) {
        same_result(v, "query before the first durable put", DEALFSM_E_NOT_FOUND,
                    v->functions->query(it.machine, 1, &deal, NULL), NULL);
        CASE(v, "stored for another revision");
        same_result(v, "stored", DEALFSM_E_NOT_OPEN, put_ended(&it, 1, last_revision(&it) + 1, DEALFSM_PUT_DURABLE),
                    NULL);
        CASE(v, "stored for an unknown deal");
        same_result(v, "stored", DEALFSM_E_NOT_FOUND, put_ended(&it, 4711, 1, DEALFSM_PUT_DURABLE), NULL);
        CASE(v, "stored as durable");
        same_result(v, "stored", DEALFSM_OK, put_ended(&it, 1, last_revision(&it), DEALFSM_PUT_DURABLE), NULL);
        CASE(v, "stored twice");
        same_result(v, "stored", DEALFSM_E_NOT_OPEN, put_ended(&it, 1, last_revision(&it), DEALFSM_PUT_DURABLE), NULL);
        CASE(v, "Open, its put pending");
        same_result(v, "dispatch", DEALFSM_ACCEPTED, rig_dispatch(&it, 1, DEALFSM_ClientEventOpen, NULL, 0), NULL);
        expect(v, rig_number_of(&it, SEEN_APPLIED) + rig_number_of(&it, SEEN_CALL) == 0,
               "nothing told or asked before it is durable", "something");
        const dealfsm_deal *now = rig_query(&it, 1);
        expect(v, now != NULL && now->sequence == 0 && (now->flags & DEALFSM_DEAL_PUT_PENDING) != 0,
               "the durable record, a put pending", "another");
        same_result(v, "close", DEALFSM_E_BUSY, v->functions->close(it.machine, NULL), NULL);
        CASE(v, "an event meanwhile");
        const uint64_t puts = it.puts;
        same_result(v, "dispatch", DEALFSM_ACCEPTED, rig_dispatch(&it, 1, DEALFSM_ClientEventDealAccepted, NULL, 0),
                    NULL);
        expect(v, it.puts == puts, "one put of a deal at a time", "another put");
        put_ended(&it, 1, last_revision(&it), DEALFSM_PUT_DURABLE);
        expect(v, rig_number_of(&it, SEEN_APPLIED) == 1, "Open told", "otherwise");
        settle(&it, DEALFSM_PUT_DURABLE);
        now = rig_query(&it, 1);
        expect(v, now != NULL && now->open_op != 0 && now->queued == 1, "the op asked, and the event queued",
               "otherwise");
    }
    settle(&it, DEALFSM_PUT_DURABLE);
    rig_close(&it);
}

static void failed_later(validator *v)
{
    rig it = {0};
    CASE(v, "the put of Open, pending, then failed");
    if (create_pending(&it, v)) {
        settle(&it, DEALFSM_PUT_DURABLE);
        rig_dispatch(&it, 1, DEALFSM_ClientEventOpen, NULL, 0);
        const uint64_t revision = last_revision(&it);
        same_result(v, "stored", DEALFSM_OK, put_ended(&it, 1, revision, DEALFSM_PUT_FAILED), NULL);
        const dealfsm_deal *deal = rig_query(&it, 1);
        expect(v, deal != NULL && deal->stall == DEALFSM_STALL_PUT && deal->sequence == 0,
               "a stalled deal, at sequence 0", "another");
        expect(v, rig_number_of(&it, SEEN_APPLIED) + rig_number_of(&it, SEEN_CALL) == 0, "nothing told or asked",
               "something");
        same_result(v, "retry", DEALFSM_ACCEPTED, v->functions->retry(it.machine, 1, NULL, NULL), NULL);
        expect(v, last_revision(&it) > revision, "a higher revision", "not higher");
        settle(&it, DEALFSM_PUT_DURABLE);
        expect(v, rig_number_of(&it, SEEN_APPLIED) == 1 && rig_number_of(&it, SEEN_CALL) == 1, "told once, asked once",
               "otherwise");
    }
    settle(&it, DEALFSM_PUT_DURABLE);
    rig_close(&it);
}

static void lost_later(validator *v)
{
    rig it = {0};
    dealfsm_deal deal = {.struct_size = sizeof deal};
    CASE(v, "the put of Open, pending, then lost");
    if (create_pending(&it, v)) {
        settle(&it, DEALFSM_PUT_DURABLE);
        rig_dispatch(&it, 1, DEALFSM_ClientEventOpen, NULL, 0);
        same_result(v, "stored", DEALFSM_OK, put_ended(&it, 1, last_revision(&it), DEALFSM_PUT_LOST), NULL);
        same_result(v, "query", DEALFSM_E_NOT_FOUND, v->functions->query(it.machine, 1, &deal, NULL), NULL);
        expect(v, rig_number_of(&it, SEEN_APPLIED) + rig_number_of(&it, SEEN_CALL) == 0, "nothing told or asked",
               "something");
        same_result(v, "close", DEALFSM_OK, v->functions->close(it.machine, NULL), NULL);
        it.machine = NULL;
    }
    rig_close(&it);
}

static void before_put_returns(validator *v)
{
    int32_t outcome = DEALFSM_PUT_DURABLE;
    rig it = {.on_put = early, .hook_ctx = &outcome};
    CASE(v, "durable");
    if (rig_open(&it, v)) {
        run_begin(&it, 1);
        expect(v, rig_number_of(&it, SEEN_APPLIED) == 1 && rig_number_of(&it, SEEN_CALL) == 1, "told and asked",
               "otherwise");
        it.on_put = NULL;
    }
    rig_close(&it);
    outcome = DEALFSM_PUT_FAILED;
    it = (rig){.hook_ctx = &outcome};
    dealfsm_record terms;
    invent_terms(1, &terms);
    CASE(v, "failed");
    if (rig_open(&it, v) && v->functions->create(it.machine, &terms, NULL, NULL) == DEALFSM_APPLIED) {
        it.on_put = early;
        same_result(v, "dispatch", DEALFSM_STALLED, rig_dispatch(&it, 1, DEALFSM_ClientEventOpen, NULL, 0), NULL);
        const dealfsm_deal *deal = rig_query(&it, 1);
        expect(v, deal != NULL && deal->stall == DEALFSM_STALL_PUT, "a stalled deal", "another");
        it.on_put = NULL;
        same_result(v, "retry", DEALFSM_APPLIED, v->functions->retry(it.machine, 1, NULL, NULL), NULL);
    }
    rig_close(&it);
}

/* All puts pending, each reported right after: the history is the one of a store that answers at once. */
static void same_history(validator *v)
{
    for (uint32_t seed = 1; seed <= RUN_SEEDS; seed++) {
        rig good = {0};
        rig late = {0};
        CASE(v, "run %" PRIu32, seed);
        if (rig_open(&good, v) && create_pending(&late, v)) {
            run_whole(&good, 1, seed);
            settle(&late, DEALFSM_PUT_DURABLE);
            rig_dispatch(&late, 1, DEALFSM_ClientEventOpen, NULL, 0);
            settle(&late, DEALFSM_PUT_DURABLE);
            for (uint32_t step = 0; step < RUN_STEPS && run_step(&late, 1, step, seed); step++) {
                settle(&late, DEALFSM_PUT_DURABLE);
            }
            settle(&late, DEALFSM_PUT_DURABLE);
            same_text(v, run_history(&good, 0), run_history(&late, 0));
        }
        settle(&late, DEALFSM_PUT_DURABLE);
        rig_close(&good);
        rig_close(&late);
        values_arena_clear(v->arena);
    }
}

/* A put that never ends holds its deal, and no other. */
static void never(validator *v)
{
    rig it = {0};
    dealfsm_record terms;
    CASE(v, "a put that does not end");
    if (create_pending(&it, v)) {
        it.on_put = NULL;
        invent_terms(2, &terms);
        same_result(v, "create of another deal", DEALFSM_APPLIED, v->functions->create(it.machine, &terms, NULL, NULL),
                    NULL);
        same_result(v, "Open of another deal", DEALFSM_APPLIED, rig_dispatch(&it, 2, DEALFSM_ClientEventOpen, NULL, 0),
                    NULL);
        dealfsm_snapshot snapshot = {.struct_size = sizeof snapshot};
        same_result(v, "snapshot", DEALFSM_E_BUSY, v->functions->snapshot(it.machine, 1, &snapshot, NULL), NULL);
        same_result(v, "close", DEALFSM_E_BUSY, v->functions->close(it.machine, NULL), NULL);
        const uint64_t revision = it.list[0].revision;
        same_result(v, "stored at last", DEALFSM_OK, put_ended(&it, 1, revision, DEALFSM_PUT_DURABLE), NULL);
    }
    rig_close(&it);
}

static const rule list[] = {
    {"pending.durable", "a pending put: nothing told or asked until stored says durable; stored counts once",
     durable_later},
    {"pending.failed", "a pending put that failed stalls the deal; retry goes on", failed_later},
    {"pending.lost", "a pending put that is lost: the deal leaves", lost_later},
    {"pending.early", "stored may come before put has returned", before_put_returns},
    {"pending.same-history", "pending puts leave no trace in a deal's history", same_history},
    {"pending.never", "a put that does not end holds only its own deal", never},
};
const rule_group rules_pending = {list, sizeof list / sizeof *list};
