/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* A lone deal's events; and a store that is resumed. */

#include <stdlib.h>

#include "bench_durable.h"
#include "bench_node.h"

enum { LATENCIES_MOST = 20000, LATENCIES_LEAST = 20, WAVE = 1000 };

/* ---- Latency */

/* The step of the path that comes again and again, and the put it makes. */
enum { BLOCKS_EVENT = 5, BLOCKS_PUT = BLOCKS_EVENT + 1 };

typedef struct times {
    uint32_t count;
    double ours[LATENCIES_MOST], append[LATENCIES_MOST];
} times;

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void sum_up(double *values, uint32_t count, double *median, double *high, double *max)
{
    qsort(values, count, sizeof *values, ascending);
    *median = (values[(count - 1) / 2] + values[count / 2]) / 2;
    *high = values[count - 1 - count / 100];
    *max = values[count - 1];
}

static bool take_time(bench_durable *b, bench_node *n, void *append, times *t)
{
    dealfsm_value received = path_events[BLOCKS_EVENT].args[0];
    received.number = 1 + t->count; /* grows, as bytes received do */
    const dealfsm_event event = {sizeof event, path_events[BLOCKS_EVENT].event, &received, 1, sizeof received};
    const double start = bench_now();
    if (!bench_node_one(n, PUTS_FIRST_DEAL, &event)) {
        return false;
    }
    const double told = bench_now();
    if (!bench_loop_run(&bench_loop_append, append, PUTS_FIRST_DEAL, 1, BLOCKS_PUT, BLOCKS_PUT + 1, 1, &b->error)) {
        return false;
    }
    t->ours[t->count] = told - start;
    t->append[t->count++] = bench_now() - told;
    return true;
}

static bool take_times(bench_durable *b, const durable_latency *row, void *append, double seconds, times *t)
{
    char url[BENCH_PATH + 16];
    bench_node n;
    bench_durable_url(b, row->store, url, sizeof url);
    bool well = bench_node_open(&n, b->options->module, url, 0, &b->error) &&
                bench_node_create(&n, PUTS_FIRST_DEAL, 1) &&
                bench_node_run(&n, PUTS_FIRST_DEAL, 1, PATH_ONGOING_EVENTS);
    const double end = bench_now() + seconds * 1e9;
    while (well && t->count < LATENCIES_MOST && (t->count < LATENCIES_LEAST || bench_now() < end)) {
        well = take_time(b, &n, append, t);
    }
    bench_node_close(&n);
    return well;
}

bool bench_measure_latency(bench_durable *b, durable_latency *row, double seconds)
{
    char name[64];
    bench_durable_name(b, name, sizeof name);
    const bench_loop_place where = {&b->puts, &b->place, name, 0};
    times *t = calloc(1, sizeof *t);
    if (t == NULL) {
        return bench_fail(&b->error, "no memory");
    }
    void *append = bench_loop_append.open(&where, &b->error);
    const bool well = append != NULL && take_times(b, row, append, seconds, t);
    if (append != NULL) {
        bench_loop_append.close(append);
    }
    if (well) {
        row->count = t->count;
        sum_up(t->ours, t->count, &row->median_ns, &row->high_ns, &row->max_ns);
        sum_up(t->append, t->count, &row->append_median_ns, &row->append_high_ns, &row->append_max_ns);
    }
    free(t);
    return well;
}

/* ---- Resume: deals that rest in Ongoing, with payment channel and lane */

static bool fill(bench_durable *b, const durable_resume *row, const char *url)
{
    bench_node n;
    bool well = bench_node_open(&n, b->options->module, url, 0, &b->error);
    for (uint32_t made = 0; made < row->deals && well; made += WAVE) {
        const uint32_t count = row->deals - made < WAVE ? row->deals - made : WAVE;
        well = bench_node_create(&n, PUTS_FIRST_DEAL + made, count) &&
               bench_node_run(&n, PUTS_FIRST_DEAL + made, count, PATH_ONGOING_EVENTS);
    }
    bench_node_close(&n);
    return well;
}

bool bench_measure_resume(bench_durable *b, durable_resume *row)
{
    char url[BENCH_PATH + 16];
    dealfsm_resumed resumed = {.struct_size = sizeof resumed};
    bench_node n;
    bench_durable_url(b, row->store, url, sizeof url);
    if (!fill(b, row, url)) {
        return false;
    }
    const double start = bench_now();
    bool well = bench_node_open(&n, b->options->module, url, 0, &b->error) &&
                dealfsm_host_resume(n.host, n.store, 0, NULL, NULL, &resumed, &b->error) >= 0;
    row->all_ns = bench_now() - start;
    row->open_ns = n.store_ns;
    bench_node_close(&n);
    return well &&
           (resumed.resumed == row->deals || bench_fail(&b->error, "expected %u deals to be resumed, found %llu",
                                                        row->deals, (unsigned long long)resumed.resumed));
}
