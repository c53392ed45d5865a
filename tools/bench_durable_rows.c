/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* Deals on a store, a bare loop and a bare file take turns. */

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bench_durable.h"
#include "bench_node.h"

enum { TURNS_LEAST = 5, TURNS_MOST = 1000 };

/* A loop with what it has open. */
typedef struct yardstick {
    const bench_loop *loop;
    void *self;
} yardstick;

typedef struct rig {
    bench_node node;
    yardstick bare, append;
    uint64_t next; /* id that nobody had */
} rig;

static bool open_yardstick(bench_durable *b, yardstick *y, const bench_loop *loop, uint32_t flags)
{
    char name[64];
    bench_durable_name(b, name, sizeof name);
    const bench_loop_place where = {&b->puts, &b->place, name, flags};
    y->loop = loop;
    y->self = loop->open(&where, &b->error);
    return y->self != NULL;
}

static void close_yardstick(yardstick *y)
{
    if (y->self != NULL) {
        y->loop->close(y->self);
    }
}

static bool open_rig(bench_durable *b, const durable_row *row, rig *g)
{
    char url[BENCH_PATH + 16];
    const uint32_t flags = row->history ? 0 : DEALFSM_STORE_NO_HISTORY;
    bench_durable_url(b, row->store, url, sizeof url);
    return bench_node_open(&g->node, b->options->module, url, flags, &b->error) &&
           open_yardstick(b, &g->bare, strcmp(row->store, "sqlite") == 0 ? &bench_loop_sqlite : &bench_loop_leveldb,
                          flags) &&
           open_yardstick(b, &g->append, &bench_loop_append, flags);
}

static void close_rig(rig *g)
{
    bench_node_close(&g->node);
    close_yardstick(&g->bare);
    close_yardstick(&g->append);
}

/* Nanoseconds that all processors together have worked for this process. */
static double worked(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* LevelDB goes on in the background, by one thread for all databases of the process: whoever's turn is next shall not
 * pay for the one before. */
static void settle(void)
{
    enum { NAPS_MOST = 200 };
    const struct timespec nap = {.tv_nsec = 10000000};
    for (int i = 0; i < NAPS_MOST && !bench_stopped(); i++) {
        const double before = worked();
        nanosleep(&nap, NULL);
        if (worked() - before < (double)nap.tv_nsec / 20) {
            break;
        }
    }
}

/* ---- A turn. Each gives events a second; 0: it failed. */

static double turn_of_node(bench_durable *b, durable_row *row, rig *g)
{
    const uint32_t all = row->deals * row->in_turn;
    dealfsm_store_stats before = {.struct_size = sizeof before};
    dealfsm_store_stats after = {.struct_size = sizeof after};
    bool well =
        bench_node_create(&g->node, g->next, all) && dealfsm_store_stats_of(g->node.store, &before, &b->error) >= 0;
    settle();
    const double work = worked();
    const double start = bench_now();
    for (uint32_t done = 0; done < all && well; done += row->deals) {
        well = bench_node_run(&g->node, g->next + done, row->deals, PATH_EVENTS);
    }
    const double took = bench_now() - start;
    bench_samples_add(&row->ours_cpu, (worked() - work) / (all * (double)PATH_EVENTS));
    if (!well || dealfsm_store_stats_of(g->node.store, &after, &b->error) < 0 ||
        !bench_node_end(&g->node, g->next, all)) {
        return 0;
    }
    const double puts = (double)(after.puts - before.puts);
    bench_samples_add(&row->batch, puts / (double)(after.commits - before.commits));
    bench_samples_add(&row->puts, puts / (all * (double)PATH_EVENTS));
    bench_samples_add(&row->committing, (double)(after.commit_microseconds - before.commit_microseconds) * 1e3 / took);
    return all * (double)PATH_EVENTS * 1e9 / took;
}

static double turn_of_loop(bench_durable *b, durable_row *row, const rig *g, const yardstick *y, uint32_t batch)
{
    const uint32_t all = row->deals * row->in_turn;
    bool well = bench_loop_run(y->loop, y->self, g->next, all, 0, 1, all, &b->error); /* creates them */
    settle();
    const double work = worked();
    const double start = bench_now();
    for (uint32_t done = 0; done < all && well; done += row->deals) {
        well = bench_loop_run(y->loop, y->self, g->next + done, row->deals, 1, PUTS, batch, &b->error);
    }
    const double took = bench_now() - start;
    if (y == &g->bare) {
        bench_samples_add(&row->bare_cpu, (worked() - work) / (all * (double)PATH_EVENTS));
    }
    return well ? all * (double)PATH_EVENTS * 1e9 / took : 0;
}

static bool take_turn(bench_durable *b, durable_row *row, rig *g)
{
    const double ours = turn_of_node(b, row, g);
    if (ours <= 0) {
        return false;
    }
    const uint32_t newest = (row->batch.next + BENCH_SAMPLES - 1) % BENCH_SAMPLES;
    const uint32_t batch = (uint32_t)(row->batch.values[newest] + 0.5);
    const double bare = turn_of_loop(b, row, g, &g->bare, batch);
    const double append = bare > 0 ? turn_of_loop(b, row, g, &g->append, batch) : 0;
    if (append <= 0) {
        return false;
    }
    bench_samples_add(&row->ours, ours);
    bench_samples_add(&row->bare, bare);
    bench_samples_add(&row->append, append);
    bench_samples_add(&row->to_bare, ours / bare);
    bench_samples_add(&row->to_append, ours / append);
    g->next += (uint64_t)row->deals * row->in_turn;
    return true;
}

bool bench_measure_durable(bench_durable *b, durable_row *row, double seconds)
{
    rig g = {.next = PUTS_FIRST_DEAL};
    const uint64_t turn = (uint64_t)row->deals * row->in_turn;
    const uint32_t least = b->options->seconds > 0 ? TURNS_LEAST : 1;
    const double end = bench_now() + seconds * 1e9;
    bool well = open_rig(b, row, &g);
    for (uint32_t i = 0; well && g.next + turn < PUTS_LAST_DEAL && i < TURNS_MOST && (i < least || bench_now() < end);
         i++) {
        well = take_turn(b, row, &g);
    }
    close_rig(&g);
    return well;
}
