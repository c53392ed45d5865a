/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* Rules on snapshots: a deal can go on elsewhere from every point of its life; spoilt ones are refused or kept as they
 * are. */

#include <inttypes.h>
#include <string.h>

#include "validate.h"

static int32_t restore(rig *it, const dealfsm_snapshot *snapshot)
{
    dealfsm_snapshot copy = *snapshot;
    copy.flags = 0;
    return it->v->functions->restore(it->machine, &copy, NULL);
}

static void same_snapshot(validator *v, const dealfsm_snapshot *expected, const dealfsm_snapshot *found)
{
    if (found == NULL) {
        return;
    }
    expect(v,
           expected->sequence == found->sequence && expected->revision == found->revision &&
               expected->deal == found->deal,
           "the same deal, sequence and revision", "others");
    same_bytes(v, "the record", expected->record, expected->record_len, found->record, found->record_len);
    same_bytes(v, "the sidecar", expected->sidecar, expected->sidecar_len, found->sidecar, found->sidecar_len);
}

/* A handler that was moved asks from its first op on again: answers it up to the op that was open before. */
static void catch_up(rig *fresh, const dealfsm_deal *before)
{
    for (int round = 0; round < 8; round++) {
        const dealfsm_deal *now = rig_query(fresh, 1);
        if (now == NULL || before == NULL || now->open_op == 0 || now->open_op == before->open_op) {
            return;
        }
        dealfsm_answer answer = invent_answer(fresh->v, description_op(&fresh->v->machine, now->open_op));
        same_result(fresh->v, "complete of an op that is asked again", DEALFSM_OK,
                    rig_answer(fresh, rig_last(fresh, SEEN_CALL), &answer), NULL);
    }
}

/* Runs `steps` steps of a run in one machine, moves the deal to another, and runs the rest there. False: the run is
 * over before. */
static bool move_after(validator *v, uint32_t seed, uint32_t steps, const char *whole)
{
    rig old = {0};
    rig fresh = {0};
    bool reached = true;
    if (rig_open(&old, v) && rig_open(&fresh, v) && run_begin(&old, 1)) {
        for (uint32_t step = 0; step < steps && reached; step++) {
            reached = run_step(&old, 1, step, seed);
        }
        const dealfsm_deal *before_move = rig_query(&old, 1);
        const dealfsm_snapshot *snapshot = rig_snapshot(&old, 1);
        if (reached && snapshot != NULL && same_result(v, "restore", DEALFSM_OK, restore(&fresh, snapshot), NULL)) {
            same_snapshot(v, snapshot, rig_snapshot(&fresh, 1));
            expect(v, fresh.count == 0, "nothing to run before activate", "a put, op or notice");
            same_result(v, "activate", DEALFSM_APPLIED, v->functions->activate(fresh.machine, 1, NULL, NULL), NULL);
            expect(v, rig_number_of(&fresh, SEEN_PUT) == 0 || rig_number_of(&fresh, SEEN_APPLIED) != 0,
                   "no put for a row that stays as it is", "one");
            catch_up(&fresh, before_move);
            for (uint32_t step = steps; step < RUN_STEPS && run_step(&fresh, 1, step, seed); step++) {
            }
            const char *before = run_history(&old, 0);
            const char *after = run_history(&fresh, 0);
            const char *cut = strstr(before, "record "); /* the first half's last record is not the last */
            const size_t length = cut == NULL ? strlen(before) : (size_t)(cut - before);
            same_text(v, whole, *after == '\0' ? before : format(v->arena, "%.*s%s", (int)length, before, after));
        }
    }
    rig_close(&old);
    rig_close(&fresh);
    return reached;
}

static void round_trips(validator *v)
{
    for (uint32_t seed = 1; seed <= RUN_SEEDS; seed++) {
        rig it = {0};
        values_arena *mine = values_arena_new();
        char *whole = NULL;
        CASE(v, "run %" PRIu32, seed);
        if (rig_open(&it, v)) {
            run_whole(&it, 1, seed);
            whole = format(mine, "%s", run_history(&it, 0));
        }
        rig_close(&it);
        bool reached = whole != NULL;
        for (uint32_t steps = 0; steps < RUN_STEPS && reached; steps++) {
            CASE(v, "run %" PRIu32 ", moved after %" PRIu32 " steps", seed, steps);
            reached = move_after(v, seed, steps, whole);
            values_arena_clear(v->arena);
        }
        values_arena_free(mine);
    }
}

/* An op that was open is asked again, with the same key. */
static void same_keys(validator *v)
{
    rig old = {0};
    rig fresh = {0};
    CASE(v, "a deal whose op is open");
    if (rig_open(&old, v) && rig_open(&fresh, v) && run_begin(&old, 1)) {
        const seen *call = rig_last(&old, SEEN_CALL);
        const dealfsm_snapshot *snapshot = rig_snapshot(&old, 1);
        if (snapshot != NULL && call != NULL && restore(&fresh, snapshot) == DEALFSM_OK) {
            v->functions->activate(fresh.machine, 1, NULL, NULL);
            const seen *again = rig_last(&fresh, SEEN_CALL);
            expect(v,
                   again != NULL && again->number == call->number && again->sequence == call->sequence &&
                       again->nth == call->nth && json_equal(again->args, call->args),
                   "the op with the same key and arguments", "another, or none");
            expect(v,
                   again != NULL &&
                       (again->flags & (DEALFSM_OP_ASKED_BEFORE | DEALFSM_OP_WITHOUT_KEY)) == DEALFSM_OP_ASKED_BEFORE,
                   "it marked as asked before, with a key", "otherwise");
        }
    }
    rig_close(&old);
    rig_close(&fresh);
}

/* A deal with an open op and three queued events: as much as a sidecar can hold. */
enum { RICH = 3 };
static const uint32_t rich_events[RICH] = {DEALFSM_ClientEventDealRejected, DEALFSM_ClientEventPaymentRequested,
                                           DEALFSM_ClientEventDataTransferError};

static dealfsm_snapshot *rich_snapshot(rig *it, validator *v)
{
    if (!rig_open(it, v) || !run_begin(it, 1)) {
        return NULL;
    }
    for (size_t i = 0; i < RICH; i++) {
        const dealfsm_event_info *event = description_event(&v->machine, rich_events[i]);
        rig_dispatch(it, 1, rich_events[i], invent_args(v, event), event->args_count);
    }
    return rig_snapshot(it, 1);
}

/* ---- The queue that record/1 tells */

typedef struct told_queue {
    validator *v;
    uint32_t count;
} told_queue;

static void count_queued(void *ctx, const dealfsm_event *event, uint32_t from_handler)
{
    told_queue *told = ctx;
    (void)event;
    (void)from_handler;
    told->count++;
}

static void expect_rich(void *ctx, const dealfsm_event *event, uint32_t from_handler)
{
    told_queue *told = ctx;
    validator *v = told->v;
    const uint32_t number = told->count < RICH ? rich_events[told->count] : 0;
    told->count++;
    const dealfsm_event_info *info = description_event(&v->machine, number);
    expect(v, event->event == number && event->args_count == info->args_count && from_handler == 0,
           format(v->arena, "event %" PRIu32 " from outside, as number %" PRIu32, number, told->count),
           format(v->arena, "event %" PRIu32, event->event));
    const dealfsm_value *expected = invent_args(v, info); /* the same each time */
    for (uint32_t i = 0; i < event->args_count && i < info->args_count; i++) {
        expect(v, event->args[i].kind == expected[i].kind, "the kind of its argument", "another");
        same_bytes(v, "its argument", expected[i].data, expected[i].data_len, event->args[i].data,
                   event->args[i].data_len);
    }
}

static void queue_is_told(validator *v)
{
    rig it = {0};
    told_queue told = {.v = v};
    dealfsm_error error = {.struct_size = sizeof error};
    CASE(v, "three events in the queue");
    const dealfsm_snapshot *rich = rich_snapshot(&it, v);
    if (rich != NULL) {
        const dealfsm_record_v1 *record = v->record;
        same_result(v, "queued", DEALFSM_OK,
                    record->queued(rich->sidecar, rich->sidecar_len, expect_rich, &told, &error), NULL);
        expect(v, told.count == RICH, "three events", format(v->arena, "%" PRIu32, told.count));
        told.count = 0;
        CASE(v, "no sidecar");
        same_result(v, "queued", DEALFSM_OK, record->queued(NULL, 0, count_queued, &told, &error), NULL);
        CASE(v, "a sidecar without its last byte");
        same_result(v, "queued", DEALFSM_E_CORRUPT,
                    record->queued(rich->sidecar, rich->sidecar_len - 1, count_queued, &told, &error), NULL);
        expect(v, error.code == DEALFSM_E_CORRUPT && error.text[0] != '\0', "code and text in the error struct", "none");
        CASE(v, "null pointers");
        same_result(v, "queued without bytes", DEALFSM_E_ARGUMENT, record->queued(NULL, 1, count_queued, &told, NULL),
                    NULL);
        same_result(v, "queued without a function", DEALFSM_E_ARGUMENT,
                    record->queued(rich->sidecar, rich->sidecar_len, NULL, &told, NULL), NULL);
        expect(v, told.count == 0, "nobody told", "somebody");
    }
    rig_close(&it);
}

/* ---- Spoilt ones */

/* Restores changed bytes: refused, or shown again as they are. */
static void refused_or_kept(rig *it, const dealfsm_snapshot *snapshot, bool sidecar)
{
    validator *v = it->v;
    const int32_t result = restore(it, snapshot);
    if (result < 0) {
        expect(v,
               result == DEALFSM_E_CORRUPT || result == DEALFSM_E_ARGUMENT || result == DEALFSM_E_VERSION ||
                   result == DEALFSM_E_REFUSED,
               "DEALFSM_E_CORRUPT", result_text(v, result));
        return;
    }
    const dealfsm_snapshot *found = rig_snapshot(it, snapshot->deal);
    const dealfsm_deal *deal = rig_query(it, snapshot->deal);
    if (found != NULL && deal != NULL) {
        told_queue told = {0};
        same_result(v, "queued", DEALFSM_OK,
                    v->record->queued(found->sidecar, found->sidecar_len, count_queued, &told, NULL), NULL);
        expect(v, told.count == deal->queued, "the queue of the deal", "another");
        same_bytes(v, "an accepted record", snapshot->record, snapshot->record_len, found->record, found->record_len);
        /* The sidecar of a record with another status may come back without what that status cannot have. */
        if (sidecar) {
            same_bytes(v, "an accepted sidecar", snapshot->sidecar, snapshot->sidecar_len, found->sidecar,
                       found->sidecar_len);
        }
    }
    same_result(v, "drop", DEALFSM_OK, v->functions->drop(it->machine, snapshot->deal, NULL), NULL);
}

static void spoil(validator *v, bool sidecar)
{
    const char *what = sidecar ? "sidecar" : "record";
    rig it = {0};
    rig fresh = {0};
    CASE(v, "a %s", what);
    const dealfsm_snapshot *good = rich_snapshot(&it, v);
    if (good != NULL && rig_open(&fresh, v)) {
        const uint8_t *bytes = sidecar ? good->sidecar : good->record;
        const uint64_t size = sidecar ? good->sidecar_len : good->record_len;
        values_arena *mine = values_arena_new();
        dealfsm_snapshot bad = *good;
        uint8_t *copy = values_take(mine, size + 1);
        uint8_t *keep_record = memcpy(values_take(mine, good->record_len), good->record, good->record_len);
        uint8_t *keep_sidecar = memcpy(values_take(mine, good->sidecar_len), good->sidecar, good->sidecar_len);
        uint8_t *whole = memcpy(values_take(mine, size), bytes, size);
        bad.record = sidecar ? keep_record : copy;
        bad.sidecar = sidecar ? copy : keep_sidecar;
        for (uint64_t at = 0; at < size; at++) {
            CASE(v, "%s, byte %" PRIu64 " changed", what, at);
            for (unsigned bit = 0; bit < 8; bit++) {
                memcpy(copy, whole, size);
                copy[at] ^= (uint8_t)(1u << bit);
                refused_or_kept(&fresh, &bad, sidecar);
                values_arena_clear(v->arena);
            }
        }
        memcpy(copy, whole, size);
        for (uint64_t length = 0; length <= size + 1; length++) {
            CASE(v, "%s, %" PRIu64 " bytes of it", what, length);
            *(sidecar ? &bad.sidecar_len : &bad.record_len) = length;
            const bool bare = sidecar && length == 0; /* a bare record */
            if (length != size && !bare) {
                same_result(v, "restore", DEALFSM_E_CORRUPT, restore(&fresh, &bad), NULL);
            }
        }
        values_arena_free(mine);
    }
    rig_close(&it);
    rig_close(&fresh);
}

static void spoilt_record(validator *v)
{
    spoil(v, false);
}

static void spoilt_sidecar(validator *v)
{
    spoil(v, true);
}

/* What put gave the store is what restore takes. */
static void from_the_store(validator *v)
{
    for (uint32_t seed = 1; seed <= RUN_SEEDS; seed++) {
        rig it = {0};
        rig fresh = {0};
        CASE(v, "run %" PRIu32, seed);
        if (rig_open(&it, v) && rig_open(&fresh, v)) {
            run_whole(&it, 1, seed);
            for (uint32_t i = 0; i < it.count; i++) {
                const seen *put = &it.list[i];
                if (put->what != SEEN_PUT) {
                    continue;
                }
                const dealfsm_snapshot row = {.struct_size = sizeof row,
                                              .deal = 1,
                                              .sequence = put->sequence,
                                              .revision = put->revision,
                                              .machine_version = v->machine.machine_version,
                                              .record = put->record,
                                              .record_len = put->record_len,
                                              .sidecar = put->sidecar,
                                              .sidecar_len = put->sidecar_len};
                same_result(v, "restore of a row", DEALFSM_OK, restore(&fresh, &row), NULL);
                same_snapshot(v, &row, rig_snapshot(&fresh, 1));
                v->functions->drop(fresh.machine, 1, NULL);
            }
        }
        rig_close(&it);
        rig_close(&fresh);
        values_arena_clear(v->arena);
    }
}

static const rule list[] = {
    {"snapshot.round-trips", "moved after any number of steps, a deal's history is the same", round_trips},
    {"snapshot.rows", "each row that was put can be restored, and shows the same", from_the_store},
    {"snapshot.keys", "an op that was open is asked again with the same key", same_keys},
    {"snapshot.queue", "record/1 tells the events that wait in a sidecar", queue_is_told},
    {"snapshot.spoilt-record", "changed or cut records are refused or kept as they are", spoilt_record},
    {"snapshot.spoilt-sidecar", "changed or cut sidecars are refused or kept as they are", spoilt_sidecar},
};
const rule_group rules_snapshot = {list, sizeof list / sizeof *list};
