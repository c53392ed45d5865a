/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bench_node.h"

#include <sched.h>
#include <time.h>

#include "bench.h"
#include "bench_place.h"

enum { RECORD_BYTES = 1024 };
static const double patience_ns = 60e9; /* for anything to happen */

/* ---- What the host calls */

static void answer(void *ctx, const dealfsm_op *op)
{
    const bench_node *n = ctx;
    const dealfsm_answer given = path_answer(op);
    dealfsm_host_complete(n->host, &given, NULL); /* a refused answer shows in how the deal ends */
}

static int32_t hand_in(const bench_node *n, uint64_t deal, const path_event *step, dealfsm_error *error)
{
    const dealfsm_event event = {sizeof event, step->event, step->args, step->args_count, sizeof *step->args};
    return dealfsm_host_dispatch(n->host, deal, &event, NULL, error);
}

/* A deal that goes the path gets its next event when it has heard of the one before. */
static void notify(void *ctx, const dealfsm_notice *notice)
{
    bench_node *n = ctx;
    const uint64_t next = notice->sequence;
    if (notice->kind != DEALFSM_NOTICE_APPLIED) {
        return;
    }
    if (next < atomic_load(&n->up_to) && path_events[next].handed_in) {
        hand_in(n, notice->deal, &path_events[next], NULL); /* a refusal shows in what does not come */
    }
    if (atomic_fetch_sub(&n->awaited, 1) == 1) {
        pthread_mutex_lock(&n->lock);
        pthread_cond_signal(&n->come);
        pthread_mutex_unlock(&n->lock);
    }
}

/* ---- Opening */

static bool open_machine(bench_node *n, const char *path)
{
    const dealfsm_host_services services = {
        .struct_size = sizeof services, .environment = &n->environment, .durable = n->store};
    const dealfsm_subscription all = {
        .struct_size = sizeof all, .flags = DEALFSM_SUBSCRIBE_ALL, .ctx = n, .notify = notify};
    dealfsm_module *module = NULL;
    dealfsm_module_info info = {.struct_size = sizeof info};
    uint32_t generation = 0;
    uint64_t id = 0;
    if (dealfsm_host_load(n->host, path, &module, n->error) < 0 ||
        dealfsm_host_module_info(module, &info, n->error) < 0 ||
        dealfsm_host_open(n->host, module, &services, &generation, n->error) < 0 ||
        dealfsm_host_subscribe(n->host, &all, &id, n->error) < 0) {
        return false;
    }
    n->record = info.record;
    return n->record != NULL || bench_fail(n->error, "%s does not offer record/1", path);
}

bool bench_node_open(bench_node *n, const char *module, const char *url, uint32_t store_flags, dealfsm_error *error)
{
    const dealfsm_store_options options = {.struct_size = sizeof options, .flags = store_flags};
    *n = (bench_node){.error = error, .environment = path_environment(answer, n)};
    pthread_mutex_init(&n->lock, NULL);
    pthread_cond_init(&n->come, NULL);
    const double start = bench_now();
    if (dealfsm_store_open(url, &options, &n->store, error) < 0) {
        return false;
    }
    n->store_ns = bench_now() - start;
    return dealfsm_host_new(NULL, &n->host, error) >= 0 && open_machine(n, module);
}

void bench_node_close(bench_node *n)
{
    if (n->host != NULL && dealfsm_host_free(n->host, NULL) < 0) {
        dealfsm_host_abandon(n->host, NULL); /* something has failed in the middle */
    }
    dealfsm_store_close(n->store, NULL);
    pthread_cond_destroy(&n->come);
    pthread_mutex_destroy(&n->lock);
}

/* ---- Waiting */

static bool goes_on(bench_node *n, double *since)
{
    dealfsm_counters counters = {.struct_size = sizeof counters};
    if (bench_stopped()) {
        return bench_fail(n->error, "interrupted");
    }
    if (dealfsm_host_counters(n->host, 0, &counters, n->error) < 0) {
        return false;
    }
    if (counters.puts_failed > 0) {
        return bench_fail(n->error, "the store could not make a put durable: is the disk full?");
    }
    return bench_now() - *since < patience_ns || bench_fail(n->error, "nothing has happened for a minute");
}

static bool wait_for_all(bench_node *n)
{
    double since = bench_now();
    uint64_t before = atomic_load(&n->awaited);
    bool well = true;
    pthread_mutex_lock(&n->lock);
    while (well && atomic_load(&n->awaited) > 0) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec++;
        pthread_cond_timedwait(&n->come, &n->lock, &until);
        const uint64_t now = atomic_load(&n->awaited);
        if (now != before) {
            since = bench_now();
        }
        before = now;
        well = now == 0 || goes_on(n, &since);
    }
    pthread_mutex_unlock(&n->lock);
    return well;
}

/* ---- Deals */

bool bench_node_create(bench_node *n, uint64_t first, uint32_t count)
{
    enum { NAPS = 100 }; /* between two looks at what may have gone wrong, which take long with many deals */
    const struct timespec nap = {.tv_nsec = 200000};
    dealfsm_record terms = path_terms;
    for (terms.id = first; terms.id < first + count; terms.id++) {
        if (dealfsm_host_create(n->host, 0, &terms, NULL, n->error) < 0) {
            return false;
        }
    }
    double since = bench_now();
    uint64_t id = first;
    for (uint32_t naps = 1; id < first + count;) {
        dealfsm_deal shown = {.struct_size = sizeof shown};
        if (dealfsm_host_query(n->host, id, &shown, NULL) >= 0) {
            id++;
        } else if (naps++ % NAPS == 0 && !goes_on(n, &since)) {
            return false;
        } else {
            nanosleep(&nap, NULL);
        }
    }
    return true;
}

bool bench_node_run(bench_node *n, uint64_t first, uint32_t count, uint32_t events)
{
    atomic_store(&n->up_to, events);
    atomic_store(&n->awaited, (uint64_t)count * events);
    for (uint64_t id = first; id < first + count; id++) {
        if (hand_in(n, id, &path_events[0], n->error) < 0) {
            return false;
        }
    }
    return wait_for_all(n);
}

bool bench_node_one(bench_node *n, uint64_t deal, const dealfsm_event *event)
{
    atomic_store(&n->up_to, 0);
    atomic_store(&n->awaited, 1);
    return dealfsm_host_dispatch(n->host, deal, event, NULL, n->error) >= 0 && wait_for_all(n);
}

/* The callback that told of the last event may still be on its way back. */
static bool forget(bench_node *n, uint64_t deal)
{
    double since = bench_now();
    dealfsm_error error = {.struct_size = sizeof error};
    int32_t result;
    while ((result = dealfsm_host_forget(n->host, deal, &error)) == DEALFSM_E_BUSY && goes_on(n, &since)) {
        error.code = 0;
        sched_yield();
    }
    return result >= 0 || bench_fail(n->error, "%s", error.text);
}

bool bench_node_end(bench_node *n, uint64_t first, uint32_t count)
{
    uint8_t bytes[RECORD_BYTES];
    dealfsm_record record = {.struct_size = sizeof record};
    for (uint64_t id = first; id < first + count; id++) {
        dealfsm_deal shown = {.struct_size = sizeof shown, .record = bytes, .record_capacity = sizeof bytes};
        if (dealfsm_host_query(n->host, id, &shown, n->error) < 0 ||
            n->record->decode(bytes, shown.record_len, &record, n->error) < 0) {
            return false;
        }
        if (!path_record_ended_well(&record)) {
            return bench_fail(n->error, "deal %llu has not ended as the path must end", (unsigned long long)id);
        }
        if (!forget(n, id)) {
            return false;
        }
    }
    return true;
}
