/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* Rules on a machine with a durable store behind it: whole runs, with commits that fail, resumed from each row. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "validate_store.h"

static int32_t put_through(rig *it, const dealfsm_put *put)
{
    const dealfsm_store_v1 *service = dealfsm_store_service(it->hook_ctx);
    return service->put(service->ctx, put);
}

static void retry_all(rig *it)
{
    for (int round = 0; round < 100 && it->v->functions->retry(it->machine, 1, NULL, NULL) >= 0; round++) {
    }
}

static void run_on(rig *it, uint32_t seed)
{
    dealfsm_record terms;
    invent_terms(1, &terms);
    it->v->functions->create(it->machine, &terms, NULL, NULL);
    retry_all(it);
    rig_dispatch(it, 1, DEALFSM_ClientEventOpen, NULL, 0);
    bool more = true;
    for (uint32_t step = 0; more && step < RUN_STEPS; step++) {
        retry_all(it);
        more = run_step(it, 1, step, seed);
    }
    retry_all(it);
}

typedef struct resuming {
    rig *it; /* the machine that ran */
    dealfsm_deal *now;
} resuming;

/* The row is what the machine shows, and another machine takes it. */
static int32_t resume(void *ctx, const dealfsm_store_row *row)
{
    const resuming *r = ctx;
    validator *v = r->it->v;
    rig fresh = {0};
    same_bytes(v, "the row's record", r->now->record, r->now->record_len, row->record, row->record_len);
    expect(v,
           row->revision == r->now->revision && row->sequence == r->now->sequence && row->status == r->now->status &&
               ((row->flags & DEALFSM_ROW_FINAL) != 0) == ((r->now->flags & DEALFSM_DEAL_FINAL) != 0),
           "revision, sequence, status and end as query shows them", "others");
    const dealfsm_snapshot snapshot = {.struct_size = sizeof snapshot,
                                       .deal = row->deal,
                                       .sequence = row->sequence,
                                       .revision = row->revision,
                                       .machine_version = row->machine_version,
                                       .record = (uint8_t *)row->record,
                                       .record_len = row->record_len,
                                       .sidecar = (uint8_t *)row->sidecar,
                                       .sidecar_len = row->sidecar_len};
    dealfsm_error error = {.struct_size = sizeof error};
    if (rig_open(&fresh, v) &&
        same_result(v, "restore", DEALFSM_OK, v->functions->restore(fresh.machine, &snapshot, &error), &error)) {
        const int32_t result = v->functions->activate(fresh.machine, row->deal, NULL, NULL);
        expect(v, result >= 0, "activate to be taken", result_text(v, result));
    }
    rig_close(&fresh);
    return 0;
}

static void compare_row(validator *v, rig *it, dealfsm_store *store)
{
    resuming r = {it, rig_query(it, 1)};
    dealfsm_error error = {.struct_size = sizeof error};
    if (r.now != NULL) {
        same_result(v, "reading the row", DEALFSM_OK, dealfsm_store_row_of(store, 1, resume, &r, &error), &error);
    }
}

/* Runs over a store tell the same as runs over one in memory that never fails. */
static void run_over(validator *v, uint32_t kind, uint32_t seed)
{
    const dealfsm_store_faults faults = {.struct_size = sizeof faults, .kind = kind, .first = 3 + seed, .count = 2};
    rig memory = {0};
    dealfsm_store *store = store_open(v, format(v->arena, "run-%" PRIu32 "-%" PRIu32, kind, seed), 0, &faults, NULL);
    rig durable = {.on_put = put_through, .hook_ctx = store};
    if (store != NULL && rig_open(&memory, v) && rig_open(&durable, v)) {
        run_whole(&memory, 1, seed);
        run_on(&durable, seed);
        same_text(v, run_history(&memory, 0), run_history(&durable, 0));
        compare_row(v, &durable, store);
    }
    rig_close(&memory);
    rig_close(&durable);
    if (store != NULL) {
        store_close(v, store);
    }
}

static void runs(validator *v)
{
    static const struct {
        uint32_t kind;
        const char *name;
    } plans[] = {{0, "no fault"}, {DEALFSM_FAULT_COMMIT, "failed commits"}, {DEALFSM_FAULT_LANDED, "landed commits"}};
    for (uint32_t seed = 1; seed <= RUN_SEEDS; seed++) {
        for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) {
            CASE(v, "run %" PRIu32 ", %s", seed, plans[i].name);
            run_over(v, plans[i].kind, seed);
            values_arena_clear(v->arena);
        }
    }
}

/* A process could end after any step: the row resumes. */
static void each_step(validator *v)
{
    for (uint32_t seed = 1; seed <= 2; seed++) {
        CASE(v, "run %" PRIu32, seed);
        dealfsm_store *store = store_open(v, format(v->arena, "steps-%" PRIu32, seed), 0, NULL, NULL);
        rig it = {.on_put = put_through, .hook_ctx = store};
        bool more = store != NULL && rig_open(&it, v) && run_begin(&it, 1);
        for (uint32_t step = 0; more && step < RUN_STEPS; step++) {
            CASE(v, "run %" PRIu32 ", after %" PRIu32 " steps", seed, step);
            compare_row(v, &it, store);
            more = run_step(&it, 1, step, seed);
        }
        rig_close(&it);
        if (store != NULL) {
            store_close(v, store);
        }
        values_arena_clear(v->arena);
    }
}

static const rule rules[] = {
    {"durable.runs", "deals run over the store as over one that never fails; the last row is the deal", runs},
    {"durable.resume", "after each step the row is what query shows, and a fresh machine goes on from it", each_step},
};
const rule_group rules_durable_machine = {rules, sizeof rules / sizeof *rules};
