/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* Many idle deals: what each costs in memory, how fast they come and go. */

#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "bench.h"
#include "bench_module.h"

enum { WAVE = 1000 };

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

/* Idle: in Ongoing, with payment channel and lane, nothing queued, asked or owed. They come in waves, as in a node most
 * are idle when new ones come. */
static bool fill(bench_idle *idle, const bench_deals *deals, dealfsm_error *error)
{
    dealfsm_record terms = path_terms;
    terms.selector = NULL; /* a record of usual size then: 343 stored bytes, the median of the golden ones */
    terms.selector_len = 0;
    bench_deals wave = *deals;
    double creating = 0;
    for (uint32_t made = 0; made < idle->deals && wave.error.code == 0; made += WAVE) {
        const uint32_t count = idle->deals - made < WAVE ? idle->deals - made : WAVE;
        const double start = bench_now();
        bench_deals_create(&wave, &terms, count);
        creating += bench_now() - start;
        bench_deals_run(&wave, 0, count, 0, PATH_ONGOING);
        wave.first += count;
    }
    idle->creates_a_second = idle->deals * 1e9 / creating;
    return wave.error.code == 0 || bench_fail(error, "%s", wave.error.text);
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
    const bool well = (fill(&b->idle, &deals, &b->error) && look(&b->idle, m, &deals, before, &b->error) &&
                       empty(&b->idle, &deals)) ||
                      bench_fail(&b->error, "%s", deals.error.text);
    bench_machine_close(m);
    malloc_trim(0);
    return well;
}
