/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* Many idle deals: what each costs in memory, how fast they come and go. */

#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "bench.h"
#include "bench_module.h"

/* Bytes of this process that are in memory; 0: not to be had. */
static double resident(void)
{
    unsigned long long size = 0;
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL) {
        return 0;
    }
    const int read = fscanf(file, "%llu %llu", &size, &pages);
    (void)fclose(file);
    return read == 2 ? (double)pages * (double)sysconf(_SC_PAGESIZE) : 0;
}

static bool counted(const bench_machine *m, uint64_t *memory_bytes, dealfsm_error *error)
{
    dealfsm_counters counters = {.struct_size = sizeof counters};
    const int32_t code = bench_machine_functions(m)->counters(bench_machine_inner(m), &counters, error);
    *memory_bytes = counters.memory_bytes;
    return code >= 0;
}

/* Idle: in Ongoing, with payment channel and lane, nothing queued, asked or owed. */
static bool fill(bench_idle *idle, bench_deals *deals)
{
    const double start = bench_now();
    if (!bench_deals_create(deals, idle->deals)) {
        return false;
    }
    idle->creates_a_second = idle->deals * 1e9 / (bench_now() - start);
    for (uint32_t i = 0; i < idle->deals; i++) {
        bench_deals_run(deals, i, 1, 0, PATH_ONGOING);
    }
    return deals->error.code == 0;
}

static bool empty(bench_idle *idle, bench_deals *deals)
{
    for (uint32_t i = 0; i < idle->deals; i++) {
        bench_deals_run(deals, i, 1, PATH_ONGOING, PATH_HANDED_IN);
    }
    if (!bench_deals_ended_well(deals, idle->deals)) {
        return false;
    }
    const double start = bench_now();
    if (!bench_deals_forget(deals, idle->deals)) {
        return false;
    }
    idle->forgets_a_second = idle->deals * 1e9 / (bench_now() - start);
    return true;
}

static bool look(bench_idle *idle, const bench_machine *m, const bench_deals *deals, double before,
                 dealfsm_error *error)
{
    uint64_t bytes = 0;
    dealfsm_deal shown = {.struct_size = sizeof shown};
    if (!counted(m, &bytes, error) ||
        bench_machine_functions(m)->query(bench_machine_inner(m), deals->first, &shown, error) < 0) {
        return false;
    }
    idle->resident_bytes = before > 0 ? (resident() - before) / idle->deals : 0;
    idle->counted_bytes = (double)bytes / idle->deals;
    idle->stored_bytes = shown.record_len;
    return true;
}

bool bench_measure_idle(bench_step *b)
{
    bench_deals deals;
    b->idle.deals = b->options->idle_deals;
    malloc_trim(0);
    const double before = resident();
    bench_machine *m = bench_machine_open(b->info.functions, false, &b->error);
    if (m == NULL) {
        return false;
    }
    bench_deals_begin(&deals, m, b->info.record, 1);
    const bool well = (fill(&b->idle, &deals) && look(&b->idle, m, &deals, before, &b->error) && empty(&b->idle, &deals)) ||
                      bench_fail(&b->error, "%s", deals.error.text);
    bench_machine_close(m);
    malloc_trim(0);
    return well;
}
