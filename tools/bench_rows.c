/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* The 14-event path: all subjects with all numbers of deals, in turns. */

#include <string.h>

#include "bench.h"
#include "bench_count.h"
#include "bench_module.h"

const uint32_t bench_sizes[SIZES] = {1, 100, 10000};

enum {
    BATCH = 100, /* deals of a sample, at least: it ends before the system gives the processor to somebody else */
    SAMPLES_OF_FEW = 10 /* in a turn */
};

typedef struct row {
    const bench_subject *subject;
    void *self;
    bench_samples *samples;
    uint64_t *allocations, *events;
    uint32_t at_a_time;
    uint32_t batch;
} row;

/* Takes one batch of deals along the path; adds its time and its allocations. */
static bool take_sample(const row *r)
{
    if (!r->subject->prepare(r->self, r->batch)) {
        return false;
    }
    const uint64_t allocations = bench_count_allocations();
    const double start = bench_now();
    for (uint32_t first = 0; first < r->batch; first += r->at_a_time) {
        r->subject->run(r->self, first, r->at_a_time);
    }
    bench_samples_add(r->samples, (bench_now() - start) / ((double)r->batch * PATH_EVENTS));
    *r->allocations += bench_count_allocations() - allocations;
    return r->subject->finish(r->self, r->batch);
}

typedef struct rig {
    bench_machine *machine[2]; /* without and with a subscriber */
    bench_deals deals[2];
    row rows[SUBJECTS * SIZES];
    uint32_t count;
} rig;

static bool add_rows(rig *g, bench_step *b, uint32_t which, const bench_subject *subject, void *ctx)
{
    for (uint32_t i = 0; i < SIZES; i++) {
        const uint32_t batch = bench_sizes[i] > BATCH ? bench_sizes[i] : BATCH;
        row *r = &g->rows[g->count];
        *r = (row){.subject = subject,
                   .self = subject->open(ctx, batch),
                   .samples = &b->path[which][i],
                   .allocations = &b->allocations[which][i],
                   .events = &b->events[which][i],
                   .at_a_time = bench_sizes[i],
                   .batch = batch};
        if (r->self == NULL) {
            return bench_fail(&b->error, "no memory for %u deals", batch);
        }
        g->count++;
    }
    return true;
}

static bool open_rig(rig *g, bench_step *b)
{
    for (uint32_t i = 0; i < 2; i++) {
        g->machine[i] = bench_machine_open(b->info.functions, i == 1, &b->error);
        if (g->machine[i] == NULL) {
            return false;
        }
        bench_deals_begin(&g->deals[i], g->machine[i], b->info.record, 1);
    }
    return add_rows(g, b, SUBJECT_SWITCH, &bench_subject_switch, NULL) &&
           (b->fsm == NULL || add_rows(g, b, SUBJECT_FSM, b->fsm, NULL)) &&
           add_rows(g, b, SUBJECT_DISPATCH, &bench_subject_module, &g->deals[0]) &&
           add_rows(g, b, SUBJECT_SUBSCRIBED, &bench_subject_module, &g->deals[1]);
}

static void close_rig(rig *g)
{
    for (uint32_t i = 0; i < g->count; i++) {
        g->rows[i].subject->close(g->rows[i].self);
    }
    bench_machine_close(g->machine[0]);
    bench_machine_close(g->machine[1]);
}

/* Why a row failed: its deals know, or they ended otherwise than the path says. */
static bool row_failed(bench_step *b, const rig *g)
{
    for (uint32_t i = 0; i < 2; i++) {
        if (g->deals[i].error.code != 0) {
            return bench_fail(&b->error, "%s", g->deals[i].error.text);
        }
    }
    return bench_fail(&b->error, "a deal has not ended as the path must end");
}

/* One sample of many deals, or several of few. */
static bool take_turn(const row *r)
{
    const uint32_t samples = r->batch > BATCH ? 1 : SAMPLES_OF_FEW;
    bool well = true;
    for (uint32_t i = 0; i < samples && well; i++) {
        well = take_sample(r);
        *r->events += r->batch * PATH_EVENTS;
    }
    return well;
}

bool bench_measure_path(bench_step *b, double seconds)
{
    rig g = {.count = 0};
    bool well = open_rig(&g, b);
    const double end = bench_now() + seconds * 1e9;
    for (uint32_t turn = 0; well && (turn == 0 || bench_now() < end); turn++) {
        if (turn == 1) { /* in the first one stocks have grown */
            memset(b->allocations, 0, sizeof b->allocations);
            memset(b->events, 0, sizeof b->events);
        }
        for (uint32_t i = 0; i < g.count && well; i++) {
            well = take_turn(&g.rows[i]) || row_failed(b, &g);
        }
    }
    if (well && bench_machine_notices(g.machine[1]) == 0) {
        well = bench_fail(&b->error, "the subscriber has heard nothing");
    }
    close_rig(&g);
    return well;
}
