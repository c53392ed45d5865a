/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* 1 to 8 threads in one machine: each with deals of its own along the path, or all on the same deals. */

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "bench.h"
#include "bench_module.h"

const uint32_t bench_threads[THREADS] = {1, 2, 4, 8};

enum {
    THREADS_MAX = 8,
    OWN_DEALS = 2000, /* of each thread, along the path */
    OWN_AT_A_TIME = 100,
    SHARED_DEALS = 64,    /* in Ongoing; every thread hands BlocksReceived to each of them in turn */
    SHARED_EVENTS = 20000 /* of each thread */
};

enum { WAIT = 0, GO = 1, GIVE_UP = 2 };

typedef struct team {
    atomic_int start; /* WAIT, GO or GIVE_UP */
    const bench_machine *machine;
    const bench_deals *shared; /* NULL: own deals */
} team;

typedef struct worker {
    pthread_t thread;
    team *team;
    bench_deals own;
    uint32_t number;
    double began, ended;
    dealfsm_error error;
} worker;

static void run_own(worker *w)
{
    for (uint32_t first = 0; first < OWN_DEALS; first += OWN_AT_A_TIME) {
        bench_deals_run(&w->own, first, OWN_AT_A_TIME, 0, PATH_HANDED_IN);
    }
}

static void run_shared(worker *w)
{
    const dealfsm_functions *functions = bench_machine_functions(w->team->machine);
    dealfsm_machine *machine = bench_machine_inner(w->team->machine);
    dealfsm_value received = {.struct_size = sizeof received, .kind = DEALFSM_U64};
    const dealfsm_event event = {sizeof event, DEALFSM_ClientEventBlocksReceived, &received, 1, sizeof received};
    for (uint32_t i = 0; i < SHARED_EVENTS; i++) {
        received.number = i;
        functions->dispatch(machine, w->team->shared->first + (i + w->number) % SHARED_DEALS, &event, NULL, &w->error);
    }
}

static void *work(void *ctx)
{
    worker *w = ctx;
    int start;
    while ((start = atomic_load(&w->team->start)) == WAIT) {
        sched_yield();
    }
    w->began = bench_now();
    if (start == GO && w->team->shared != NULL) {
        run_shared(w);
    } else if (start == GO) {
        run_own(w);
    }
    w->ended = bench_now();
    return NULL;
}

/* Starts the threads, waits for them and returns the time from the first start to the last end; 0: no threads. */
static double run_team(team *t, worker *workers, uint32_t count)
{
    uint32_t started = 0;
    while (started < count && pthread_create(&workers[started].thread, NULL, work, &workers[started]) == 0) {
        started++;
    }
    atomic_store(&t->start, started == count ? GO : GIVE_UP);
    double began = 0;
    double ended = 0;
    for (uint32_t i = 0; i < started; i++) {
        pthread_join(workers[i].thread, NULL);
        began = i == 0 || workers[i].began < began ? workers[i].began : began;
        ended = workers[i].ended > ended ? workers[i].ended : ended;
    }
    return started == count ? ended - began : 0;
}

/* ---- Samples */

static bool first_error(dealfsm_error *error, const dealfsm_error *found)
{
    return found->code == 0 || bench_fail(error, "%s", found->text);
}

static bool sample_own(bench_step *b, bench_machine *m, uint64_t *next_id, uint32_t which)
{
    const uint32_t count = bench_threads[which];
    team t = {.machine = m};
    worker workers[THREADS_MAX] = {0};
    bool well = true;
    for (uint32_t i = 0; i < count && well; i++, *next_id += OWN_DEALS) {
        workers[i].team = &t;
        bench_deals_begin(&workers[i].own, m, b->info.record, *next_id);
        well = bench_deals_create(&workers[i].own, &path_terms, OWN_DEALS) ||
               first_error(&b->error, &workers[i].own.error);
    }
    const double ns = well ? run_team(&t, workers, count) : 0;
    well = well && (ns > 0 || bench_fail(&b->error, "%u threads could not be started", count));
    for (uint32_t i = 0; i < count && well; i++) {
        well = (bench_deals_ended_well(&workers[i].own, OWN_DEALS) && bench_deals_forget(&workers[i].own, OWN_DEALS)) ||
               first_error(&b->error, &workers[i].own.error);
    }
    if (well) {
        bench_samples_add(&b->own[which], 1e9 * count * OWN_DEALS * PATH_EVENTS / ns);
    }
    return well;
}

static uint64_t applied(const bench_machine *m)
{
    dealfsm_counters counters = {.struct_size = sizeof counters};
    bench_machine_functions(m)->counters(bench_machine_inner(m), &counters, NULL);
    return counters.applied;
}

static bool sample_shared(bench_step *b, const bench_deals *shared, uint32_t which)
{
    const uint32_t count = bench_threads[which];
    const uint64_t before = applied(shared->machine);
    team t = {.machine = shared->machine, .shared = shared};
    worker workers[THREADS_MAX] = {0};
    for (uint32_t i = 0; i < count; i++) {
        workers[i].team = &t;
        workers[i].number = i;
        workers[i].error.struct_size = sizeof workers[i].error;
    }
    const double ns = run_team(&t, workers, count);
    bool well = ns > 0 || bench_fail(&b->error, "%u threads could not be started", count);
    for (uint32_t i = 0; i < count && well; i++) {
        well = first_error(&b->error, &workers[i].error);
    }
    if (well && applied(shared->machine) - before != (uint64_t)count * SHARED_EVENTS) {
        well = bench_fail(&b->error, "shared deals: not all events were applied");
    }
    if (well) {
        bench_samples_add(&b->shared[which], 1e9 * count * SHARED_EVENTS / ns);
    }
    return well;
}

static bool bring_to_ongoing(bench_step *b, bench_deals *shared)
{
    if (bench_deals_create(shared, &path_terms, SHARED_DEALS)) {
        bench_deals_run(shared, 0, SHARED_DEALS, 0, PATH_ONGOING);
    }
    return first_error(&b->error, &shared->error);
}

bool bench_measure_threads(bench_step *b, double seconds)
{
    bench_machine *m = bench_machine_open(b->info.functions, false, &b->error);
    if (m == NULL) {
        return false;
    }
    bench_deals shared;
    bench_deals_begin(&shared, m, b->info.record, 1);
    uint64_t next_id = 1 + SHARED_DEALS;
    bool well = bring_to_ongoing(b, &shared);
    const double end = bench_now() + seconds * 1e9;
    do {
        for (uint32_t i = 0; i < THREADS && well; i++) {
            well = sample_own(b, m, &next_id, i) && sample_shared(b, &shared, i);
        }
    } while (well && bench_now() < end);
    bench_machine_close(m);
    return well;
}
