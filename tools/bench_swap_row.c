/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* One swap: deals are brought to Ongoing, where they rest, and then all move. */

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <dealfsm/stores.h>
#include <dealfsm/swap.h>

#include "bench_path.h"
#include "bench_place.h"
#include "bench_swap.h"

static const double patience_ns = 60e9; /* for one deal */

typedef struct trial {
    bench_swap *bench;
    dealfsm_error *error;
    uint32_t deals; /* ids from 1 on */
    dealfsm_host *host;
    dealfsm_store *store; /* NULL: none */
    dealfsm_environment environment;
    uint32_t from, to; /* generations */
    dealfsm_swap *swap;
    double *pauses; /* ns; deals entries */
    atomic_uint_fast32_t paused;
    bench_place place; /* of the store */
} trial;

static void pause_a_little(void)
{
    const struct timespec a_little = {.tv_nsec = 200000};
    nanosleep(&a_little, NULL);
}

/* ---- The environment: each op is answered in the call */

static void answer(void *ctx, const dealfsm_op *op)
{
    const trial *t = ctx;
    const dealfsm_answer given = path_answer(op);
    dealfsm_host_complete(t->host, &given, NULL); /* a refused answer shows in the state of the deal */
}

/* ---- The store, in a folder of its own */

static bool open_store(trial *t, const char *kind)
{
    char url[sizeof t->place.path + 32];
    if (!bench_place_make(&t->place, t->bench->options->scratch, t->error)) {
        return false;
    }
    (void)snprintf(url, sizeof url, "%s:%s/store", kind, t->place.path);
    return dealfsm_store_open(url, NULL, &t->store, t->error) >= 0;
}

/* ---- Two generations */

static bool open_generation(trial *t, const char *path, uint32_t flags, uint32_t *generation)
{
    const dealfsm_host_services services = {
        .struct_size = sizeof services, .environment = &t->environment, .durable = t->store, .flags = flags};
    dealfsm_module *module = NULL;
    return dealfsm_host_load(t->host, path, &module, t->error) >= 0 &&
           dealfsm_host_open(t->host, module, &services, generation, t->error) >= 0;
}

static bool open_trial(trial *t, const bench_swap_row *row)
{
    const bench_options *options = t->bench->options;
    t->environment = path_environment(answer, t);
    t->pauses = calloc(t->deals, sizeof *t->pauses);
    if (t->pauses == NULL) {
        return bench_fail(t->error, "no memory");
    }
    return dealfsm_host_new(NULL, &t->host, t->error) >= 0 &&
           (strcmp(row->store, "none") == 0 || open_store(t, row->store)) &&
           open_generation(t, options->module, 0, &t->from) &&
           open_generation(t, row->other ? options->to : options->module, DEALFSM_HOST_ASIDE, &t->to);
}

static void close_trial(trial *t)
{
    if (t->host != NULL && dealfsm_host_free(t->host, NULL) < 0) {
        dealfsm_host_abandon(t->host, NULL); /* something has failed in the middle */
    }
    dealfsm_store_close(t->store, NULL);
    free(t->pauses);
    bench_place_remove(&t->place);
}

/* ---- Deals */

static bool rests(const dealfsm_deal *shown, uint64_t status)
{
    const uint32_t busy = DEALFSM_DEAL_HANDLER_OWED | DEALFSM_DEAL_OP_OPEN | DEALFSM_DEAL_PUT_PENDING;
    return (shown->flags & busy) == 0 && shown->queued == 0 && shown->status == status;
}

/* Waits until the deal has nothing to do, in that state. */
static bool rests_in(const trial *t, uint64_t id, uint64_t status)
{
    const double end = bench_now() + patience_ns;
    dealfsm_deal shown = {.struct_size = sizeof shown};
    while (dealfsm_host_query(t->host, id, &shown, t->error) >= 0) {
        if (rests(&shown, status)) {
            return true;
        }
        if ((shown.flags & DEALFSM_DEAL_STALLED) != 0) {
            return bench_fail(t->error, "deal %llu is stalled: %.*s", (unsigned long long)id,
                              (int)sizeof shown.stall_text, shown.stall_text);
        }
        if (bench_stopped()) {
            return bench_fail(t->error, "interrupted");
        }
        if (bench_now() > end) {
            return bench_fail(t->error, "deal %llu: expected it to rest in state %llu, found it in %llu",
                              (unsigned long long)id, (unsigned long long)status, (unsigned long long)shown.status);
        }
        pause_a_little();
    }
    return false;
}

static bool all_rest_in(const trial *t, uint64_t status)
{
    bool well = true;
    for (uint32_t id = 1; id <= t->deals && well; id++) {
        well = rests_in(t, id, status);
    }
    return well;
}

/* New deals are there for others once their first puts are durable. */
static bool all_appear(const trial *t)
{
    dealfsm_counters counters = {.struct_size = sizeof counters};
    for (uint64_t id = 1; id <= t->deals; id++) {
        dealfsm_deal deal = {.struct_size = sizeof deal};
        int32_t result;
        while ((result = dealfsm_host_query(t->host, id, &deal, NULL)) == DEALFSM_E_NOT_FOUND) {
            if (dealfsm_host_counters(t->host, t->from, &counters, t->error) < 0) {
                return false;
            }
            if (bench_stopped()) {
                return bench_fail(t->error, "interrupted");
            }
            if (counters.puts_failed > 0) {
                return bench_fail(t->error, "the store has failed to put a new deal");
            }
            pause_a_little();
        }
        if (result < 0) {
            return bench_fail(t->error, "a new deal cannot be looked at");
        }
    }
    return true;
}

static bool create(const trial *t)
{
    dealfsm_record terms = path_terms;
    terms.selector = NULL; /* a record of usual size then, as for idle deals */
    terms.selector_len = 0;
    for (terms.id = 1; terms.id <= t->deals; terms.id++) {
        if (dealfsm_host_create(t->host, t->from, &terms, NULL, t->error) < 0) {
            return false;
        }
    }
    return all_appear(t);
}

static bool dispatch(const trial *t, uint32_t number, uint64_t status)
{
    const dealfsm_event event = {.struct_size = sizeof event, .event = number, .args_stride = sizeof(dealfsm_value)};
    for (uint32_t id = 1; id <= t->deals; id++) {
        if (dealfsm_host_dispatch(t->host, id, &event, NULL, t->error) < 0) {
            return false;
        }
    }
    return all_rest_in(t, status);
}

/* ---- The swap */

static void note(void *ctx, uint64_t deal, uint32_t generation, uint32_t verdict, uint64_t pause)
{
    trial *t = ctx;
    (void)deal;
    (void)generation;
    if (verdict == DEALFSM_SWAP_MOVED) {
        const uint32_t at = (uint32_t)atomic_fetch_add(&t->paused, 1);
        if (at < t->deals) {
            t->pauses[at] = (double)pause;
        }
    }
}

static bool go(trial *t, uint32_t phase)
{
    int32_t result;
    while ((result = dealfsm_swap_go(t->swap, phase, t->error)) == DEALFSM_ACCEPTED) {
        pause_a_little();
    }
    return result >= 0;
}

/* The last deals may be told about a moment after the swap is complete. */
static bool noted_all(trial *t)
{
    const double end = bench_now() + patience_ns;
    uint32_t noted;
    while ((noted = (uint32_t)atomic_load(&t->paused)) < t->deals && bench_now() < end) {
        pause_a_little();
    }
    return noted == t->deals || bench_fail(t->error, "expected %u deals to move, found %u", t->deals, noted);
}

static bool moved_all(trial *t)
{
    uint32_t generation = 0;
    for (uint32_t id = 1; id <= t->deals; id++) {
        if (dealfsm_host_route(t->host, id, &generation, t->error) < 0) {
            return false;
        }
        if (generation != t->to) {
            return bench_fail(t->error, "deal %u has not moved", id);
        }
    }
    return all_rest_in(t, DEALFSM_DealStatusOngoing) && noted_all(t);
}

static bool move(trial *t, bench_swap_row *row)
{
    const dealfsm_swap_options options = {.struct_size = sizeof options, .ctx = t, .deal = note};
    const double start = bench_now();
    if (dealfsm_swap_begin(t->host, t->from, t->to, &options, &t->swap, t->error) < 0 ||
        !go(t, DEALFSM_SWAP_PREPARED)) {
        return false;
    }
    const double prepared = bench_now();
    if (!go(t, DEALFSM_SWAP_COMMITTED)) {
        return false;
    }
    row->prepare_ns = prepared - start;
    row->move_ns = bench_now() - prepared;
    return moved_all(t) && go(t, DEALFSM_SWAP_FINAL) && dealfsm_swap_end(t->swap, t->error) >= 0;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void sum_up(trial *t, bench_swap_row *row)
{
    const uint32_t count = t->deals;
    qsort(t->pauses, count, sizeof *t->pauses, ascending);
    row->median_ns = (t->pauses[(count - 1) / 2] + t->pauses[count / 2]) / 2;
    row->high_ns = t->pauses[count - 1 - count / 1000];
    row->max_ns = t->pauses[count - 1];
}

bool bench_measure_swap(bench_swap *b, bench_swap_row *row)
{
    trial t = {.bench = b, .error = &b->error, .deals = b->options->deals};
    const bool well = open_trial(&t, row) && create(&t) &&
                      dispatch(&t, DEALFSM_ClientEventOpen, DEALFSM_DealStatusWaitForAcceptance) &&
                      dispatch(&t, DEALFSM_ClientEventDealAccepted, DEALFSM_DealStatusOngoing) && move(&t, row);
    if (well) {
        sum_up(&t, row);
    }
    close_trial(&t);
    return well;
}
