/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* Rules on deals that are staged, frozen, or taken out. */

#include <inttypes.h>
#include <string.h>

#include "validate.h"

static int32_t pending(rig *it, const dealfsm_put *put)
{
    (void)it, (void)put;
    return DEALFSM_PUT_PENDING;
}

static int32_t open_event(rig *it, uint64_t deal)
{
    return rig_dispatch(it, deal, DEALFSM_ClientEventOpen, NULL, 0);
}

static bool with_idle_deal(rig *it, validator *v)
{
    dealfsm_record terms;
    invent_terms(1, &terms);
    return rig_open(it, v) &&
           same_result(v, "create", DEALFSM_APPLIED, v->functions->create(it->machine, &terms, NULL, NULL), NULL);
}

static void frozen(validator *v)
{
    rig it = {0};
    CASE(v, "an idle deal, frozen");
    if (with_idle_deal(&it, v)) {
        same_result(v, "thaw of a deal that is not frozen", DEALFSM_E_STATE,
                    v->functions->thaw(it.machine, 1, 0, NULL, NULL), NULL);
        same_result(v, "freeze", DEALFSM_OK, v->functions->freeze(it.machine, 1, NULL), NULL);
        const dealfsm_deal *deal = rig_query(&it, 1);
        expect(v, deal != NULL && (deal->flags & DEALFSM_DEAL_FROZEN) != 0, "a frozen deal in query", "none");
        rig_snapshot(&it, 1);
        const uint32_t before = it.count;
        same_result(v, "dispatch", DEALFSM_E_FROZEN, open_event(&it, 1), NULL);
        const int32_t retried = v->functions->retry(it.machine, 1, NULL, NULL);
        expect(v, retried == DEALFSM_E_FROZEN || retried == DEALFSM_E_STATE, "no retry", result_text(v, retried));
        expect(v, it.count == before, "nothing to have happened", "a put, op or notice");
        CASE(v, "thawed");
        same_result(v, "thaw", DEALFSM_APPLIED, v->functions->thaw(it.machine, 1, 0, NULL, NULL), NULL);
        same_result(v, "dispatch", DEALFSM_APPLIED, open_event(&it, 1), NULL);
        CASE(v, "frozen and dropped");
        same_result(v, "freeze", DEALFSM_OK, v->functions->freeze(it.machine, 1, NULL), NULL);
        same_result(v, "drop", DEALFSM_OK, v->functions->drop(it.machine, 1, NULL), NULL);
        same_result(v, "dispatch", DEALFSM_E_NOT_FOUND, open_event(&it, 1), NULL);
    }
    rig_close(&it);
}

/* An op that is open stays so over freeze and thaw. */
static void open_op(validator *v)
{
    rig it = {0};
    CASE(v, "a deal whose op is open, frozen");
    if (rig_open(&it, v) && run_begin(&it, 1)) {
        const seen call = *rig_last(&it, SEEN_CALL);
        dealfsm_answer answer = invent_answer(v, description_op(&v->machine, call.number));
        same_result(v, "freeze", DEALFSM_OK, v->functions->freeze(it.machine, 1, NULL), NULL);
        same_result(v, "complete", DEALFSM_E_FROZEN, rig_answer(&it, &call, &answer), NULL);
        const int32_t thawed = v->functions->thaw(it.machine, 1, 0, NULL, NULL);
        expect(v, thawed >= 0, "a thaw that is taken", result_text(v, thawed));
        same_result(v, "complete after thaw", DEALFSM_OK, rig_answer(&it, &call, &answer), NULL);
        const dealfsm_deal *deal = rig_query(&it, 1);
        expect(v, deal != NULL && deal->sequence == 2 && rig_number_of(&it, SEEN_CALL) == 1,
               "the deal to go on, the op asked once", "otherwise");
    }
    rig_close(&it);
}

/* Somebody else may have put a higher revision: the row is put again before anything runs. */
static void higher_revision(validator *v)
{
    rig it = {0};
    uint64_t revision = 0;
    CASE(v, "thaw after revision 1000 was put elsewhere");
    if (with_idle_deal(&it, v)) {
        same_result(v, "freeze", DEALFSM_OK, v->functions->freeze(it.machine, 1, NULL), NULL);
        const uint64_t puts = it.puts;
        same_result(v, "thaw", DEALFSM_APPLIED, v->functions->thaw(it.machine, 1, 1000, &revision, NULL), NULL);
        const seen *put = rig_last(&it, SEEN_PUT);
        expect(v, it.puts == puts + 1 && put->revision > 1000 && revision == put->revision && put->number == UINT32_MAX,
               "the row put again, with a revision above 1000, no event applied", "otherwise");
    }
    rig_close(&it);
}

static void count_rest(rig *it, uint64_t deal)
{
    uint64_t *told = it->hook_ctx;
    *told = deal;
}

static void on_its_way(validator *v)
{
    uint64_t told = 0;
    rig it = {.on_rest = count_rest, .hook_ctx = &told};
    CASE(v, "freeze while a put is pending");
    if (with_idle_deal(&it, v)) {
        it.on_put = pending;
        same_result(v, "dispatch", DEALFSM_ACCEPTED, open_event(&it, 1), NULL);
        same_result(v, "freeze", DEALFSM_E_BUSY, v->functions->freeze(it.machine, 1, NULL), NULL);
        const dealfsm_deal *deal = rig_query(&it, 1);
        expect(v, deal != NULL && (deal->flags & DEALFSM_DEAL_FREEZING) != 0 && told == 0, "a deal on its way to rest",
               "otherwise");
        const int32_t dropped = v->functions->drop(it.machine, 1, NULL);
        expect(v, dropped == DEALFSM_E_BUSY || dropped == DEALFSM_E_STATE, "no drop of a deal that is not frozen yet",
               result_text(v, dropped));
        CASE(v, "the put ended");
        it.on_put = NULL;
        same_result(v, "stored", DEALFSM_OK,
                    v->functions->stored(it.machine, 1, rig_last(&it, SEEN_PUT)->revision, DEALFSM_PUT_DURABLE, NULL),
                    NULL);
        deal = rig_query(&it, 1);
        expect(v, told == 1 && deal != NULL && (deal->flags & DEALFSM_DEAL_FROZEN) != 0,
               "at_rest told, and a frozen deal", "otherwise");
        expect(v, rig_number_of(&it, SEEN_CALL) == 0, "no op asked by a deal that freezes", "one");
        CASE(v, "thawed");
        same_result(v, "thaw", DEALFSM_APPLIED, v->functions->thaw(it.machine, 1, 0, NULL, NULL), NULL);
        expect(v, rig_number_of(&it, SEEN_CALL) == 1, "the owed handler to run", "nothing");
    }
    rig_close(&it);
}

static void staged(validator *v)
{
    rig it = {0};
    dealfsm_record record;
    const uint8_t *bytes = NULL;
    uint64_t size = 0;
    CASE(v, "a staged deal");
    invent_record(v, 1, DEALFSM_DealStatusNew, &record);
    if (rig_open(&it, v) && stored_bytes(v, &record, &bytes, &size)) {
        const dealfsm_snapshot snapshot = {.struct_size = sizeof snapshot,
                                           .flags = DEALFSM_SNAPSHOT_OWED,
                                           .deal = 1,
                                           .machine_version = v->machine.machine_version,
                                           .record = (uint8_t *)bytes, /* restore does not write */
                                           .record_len = size};
        same_result(v, "restore", DEALFSM_OK, v->functions->restore(it.machine, &snapshot, NULL), NULL);
        const dealfsm_deal *deal = rig_query(&it, 1);
        expect(v, deal != NULL && (deal->flags & DEALFSM_DEAL_STAGED) != 0 && deal->sequence == 0, "it staged",
               "otherwise");
        same_result(v, "dispatch", DEALFSM_E_FROZEN, open_event(&it, 1), NULL);
        same_result(v, "restore again", DEALFSM_E_EXISTS, v->functions->restore(it.machine, &snapshot, NULL), NULL);
        expect(v, it.count == 0, "nothing to run before activate", "something");
        CASE(v, "activated");
        same_result(v, "activate", DEALFSM_APPLIED, v->functions->activate(it.machine, 1, NULL, NULL), NULL);
        expect(v, rig_number_of(&it, SEEN_CALL) == 1 && rig_number_of(&it, SEEN_PUT) == 0,
               "the owed handler to run, and no put", "otherwise");
        same_result(v, "activate again", DEALFSM_E_STATE, v->functions->activate(it.machine, 1, NULL, NULL), NULL);
        rig_remove(&it, 1);
        CASE(v, "staged and dropped");
        v->functions->restore(it.machine, &snapshot, NULL);
        same_result(v, "drop", DEALFSM_OK, v->functions->drop(it.machine, 1, NULL), NULL);
        same_result(v, "activate", DEALFSM_E_NOT_FOUND, v->functions->activate(it.machine, 1, NULL, NULL), NULL);
    }
    rig_close(&it);
}

static void leaving(validator *v)
{
    rig it = {0};
    CASE(v, "a deal that runs");
    if (rig_open(&it, v) && run_begin(&it, 1)) {
        same_result(v, "forget", DEALFSM_E_STATE, v->functions->forget(it.machine, 1, NULL), NULL);
        same_result(v, "release with an op open", DEALFSM_E_STATE, v->functions->release(it.machine, 1, NULL), NULL);
        same_result(v, "drop", DEALFSM_E_STATE, v->functions->drop(it.machine, 1, NULL), NULL);
        same_result(v, "close with an op open", DEALFSM_E_BUSY, v->functions->close(it.machine, NULL), NULL);
    }
    rig_close(&it);
    it = (rig){0};
    CASE(v, "an idle deal");
    if (with_idle_deal(&it, v)) {
        const seen *put = rig_last(&it, SEEN_PUT);
        const dealfsm_snapshot row = {.struct_size = sizeof row,
                                      .deal = 1,
                                      .sequence = put->sequence,
                                      .revision = put->revision,
                                      .machine_version = v->machine.machine_version,
                                      .record = put->record,
                                      .record_len = put->record_len,
                                      .sidecar = put->sidecar,
                                      .sidecar_len = put->sidecar_len};
        same_result(v, "release", DEALFSM_OK, v->functions->release(it.machine, 1, NULL), NULL);
        same_result(v, "dispatch", DEALFSM_E_NOT_FOUND, open_event(&it, 1), NULL);
        CASE(v, "restored from its row");
        same_result(v, "restore", DEALFSM_OK, v->functions->restore(it.machine, &row, NULL), NULL);
        same_result(v, "activate", DEALFSM_APPLIED, v->functions->activate(it.machine, 1, NULL, NULL), NULL);
        same_result(v, "dispatch", DEALFSM_APPLIED, open_event(&it, 1), NULL);
    }
    rig_close(&it);
}

/* Two deals, listed in pieces. */
static void listed(validator *v)
{
    rig it = {0};
    CASE(v, "five deals, two at a time");
    if (rig_open(&it, v)) {
        static const uint64_t ids[] = {5, 1, UINT64_MAX, 4096, 77};
        static const uint64_t expected[] = {1, 5, 77, 4096, UINT64_MAX};
        uint64_t found[5] = {0};
        uint64_t number = 0;
        for (int i = 0; i < 5; i++) {
            dealfsm_record terms;
            invent_terms(ids[i], &terms);
            v->functions->create(it.machine, &terms, NULL, NULL);
        }
        for (uint64_t count = 2; count == 2 && number < 5; number += count) {
            const uint64_t room = 5 - number < 2 ? 5 - number : 2;
            const int32_t result = v->functions->list(it.machine, number == 0 ? NULL : &found[number - 1],
                                                      &found[number], room, &count, NULL);
            same_result(v, "list", DEALFSM_OK, result, NULL);
        }
        expect(v, number == 5 && memcmp(found, expected, sizeof found) == 0, "each id once, ascending", "otherwise");
        uint64_t count = 1;
        uint64_t more[1];
        v->functions->list(it.machine, &expected[4], more, 1, &count, NULL);
        expect(v, count == 0, "nothing above the last", "something");
    }
    rig_close(&it);
}

static const rule list[] = {
    {"freeze.frozen", "a frozen deal answers only query, snapshot, thaw and drop", frozen},
    {"freeze.open-op", "an open op stays open over freeze and thaw", open_op},
    {"freeze.higher-revision", "thaw puts again above a revision that somebody else may have put", higher_revision},
    {"freeze.on-its-way", "freeze never waits: the deal stops at its next rest, and rest/1 is told", on_its_way},
    {"freeze.staged", "a restored deal does nothing before activate", staged},
    {"freeze.leaving", "forget, release, drop and close refuse deals that are at work", leaving},
    {"freeze.list", "list gives every deal once, ascending", listed},
};
const rule_group rules_freeze = {list, sizeof list / sizeof *list};
