/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* dealfsm-bench durable: one thing after the other. */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench_durable.h"
#include "bench_reference.h"

/* Shares of the time: of all rows, of all latencies, of the reference. */
static const double rows_share = 0.6, latency_share = 0.2, reference_share = 0.2;

static const char *const kinds[BENCH_STORES] = {[BENCH_SQLITE] = "sqlite", [BENCH_LEVELDB] = "leveldb"};

void bench_durable_name(bench_durable *b, char *name, size_t size)
{
    (void)snprintf(name, size, "%u", b->files++);
}

void bench_durable_url(bench_durable *b, const char *kind, char *url, size_t size)
{
    char name[64];
    bench_durable_name(b, name, sizeof name);
    (void)snprintf(url, size, "%s:%s/%s", kind, b->place.path, name);
}

/* ---- Progress, for whoever looks on */

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...)
{
    if (isatty(STDERR_FILENO)) {
        va_list list;
        va_start(list, format);
        (void)fputs("\r\033[K", stderr);
        (void)vfprintf(stderr, format, list);
        va_end(list);
        (void)fflush(stderr);
    }
}

/* ---- The reference */

/* Without it the rest is measured nevertheless. */
static void build_reference(bench_durable *b)
{
    if (!bench_reference_go()) {
        (void)snprintf(b->reference_missing, sizeof b->reference_missing, "the program go is not in PATH");
        return;
    }
    say("building the reference");
    if (!bench_reference_build(b->options, &b->place, b->program)) {
        b->program[0] = '\0';
        (void)snprintf(b->reference_missing, sizeof b->reference_missing, "it could not be built");
    }
}

static bool measure_reference(bench_durable *b, uint32_t size, double seconds)
{
    durable_reference *r = &b->references[size];
    char name[64];
    char folder[BENCH_PATH];
    if (b->program[0] == '\0') {
        return true;
    }
    say("the reference on LevelDB, %u deals at a time", r->deals);
    bench_durable_name(b, name, sizeof name);
    bench_place_file(&b->place, name, folder);
    json_t *read = bench_reference_run(b->program, r->deals, seconds, folder, &r->ns, &r->cpu);
    if (read == NULL) {
        return bench_fail(&b->error, bench_stopped() ? "interrupted" : "the reference failed");
    }
    (void)snprintf(b->go, sizeof b->go, "%s", json_string_value(json_object_get(read, "go")));
    json_decref(read);
    return true;
}

/* ---- Everything */

static bool wants(const bench_options *options, uint32_t kind)
{
    return options->stores == 0 || (options->stores >> kind & 1) != 0;
}

/* A sample lasts long enough to be told from its neighbours. */
static uint32_t in_turn(const bench_options *options, uint32_t deals)
{
    enum { FEW = 10, SOME = 500, TURNS_OF_FEW = 20 };
    if (options->seconds <= 0 || deals >= SOME) {
        return 1;
    }
    return deals < FEW ? TURNS_OF_FEW : SOME / deals;
}

/* The rows of one number of deals; the reference runs in their midst, so that it meets the same machine. */
static bool measure_size(bench_durable *b, uint32_t size, double seconds)
{
    const bench_options *options = b->options;
    const uint32_t deals = options->sizes[size];
    b->references[size].deals = deals;
    bool well = true;
    for (uint32_t i = 0; i < 2 * BENCH_STORES && well; i++) {
        if (!wants(options, i / 2)) {
            continue;
        }
        durable_row *row = &b->rows[b->rows_count];
        row->store = kinds[i / 2];
        row->history = i % 2 == 0;
        row->deals = deals;
        row->in_turn = in_turn(options, deals);
        say("%s, history %s, %u deals at a time", row->store, row->history ? "on" : "off", deals);
        well = bench_measure_durable(b, row, seconds);
        b->rows_count++;
        if (i / 2 == BENCH_LEVELDB && row->history && well) {
            well = measure_reference(b, size, reference_share * options->seconds / options->sizes_count);
        }
    }
    return well;
}

static bool measure_rest(bench_durable *b)
{
    bool well = true;
    for (uint32_t i = 0; i < BENCH_STORES && well; i++) {
        if (!wants(b->options, i)) {
            continue;
        }
        durable_latency *latency = &b->latency[b->stores_count];
        durable_resume *resume = &b->resume[b->stores_count++];
        latency->store = resume->store = kinds[i];
        resume->deals = b->options->deals;
        say("%s, a lone deal", kinds[i]);
        well = bench_measure_latency(b, latency, latency_share * b->options->seconds / BENCH_STORES);
        say("%s, %u deals to resume", kinds[i], resume->deals);
        well = well && bench_measure_resume(b, resume);
    }
    return well;
}

static bool measure(bench_durable *b)
{
    const bench_options *options = b->options;
    const double seconds = rows_share * options->seconds / (options->sizes_count * 2 * BENCH_STORES);
    if (!bench_place_make(&b->place, options->scratch, &b->error)) {
        return false;
    }
    if (wants(options, BENCH_LEVELDB)) {
        build_reference(b);
    } else {
        (void)snprintf(b->reference_missing, sizeof b->reference_missing, "it has no such store");
    }
    bool well = true;
    for (uint32_t size = 0; size < options->sizes_count && well; size++) {
        well = measure_size(b, size, seconds);
    }
    well = well && measure_rest(b);
    say("%s", "");
    return well;
}

/* ---- The command */

static bool look_at_module(bench_durable *b)
{
    dealfsm_module *module = NULL;
    return dealfsm_host_new(NULL, &b->host, &b->error) >= 0 &&
           dealfsm_host_load(b->host, b->options->module, &module, &b->error) >= 0 &&
           dealfsm_host_module_info(module, &b->info, &b->error) >= 0;
}

int bench_run_durable(const bench_options *options)
{
    int code = BENCH_DONE;
    bench_durable *b = calloc(1, sizeof *b);
    if (b == NULL) {
        fputs("dealfsm-bench: no memory\n", stderr);
        return BENCH_FAILED;
    }
    b->options = options;
    b->info.struct_size = sizeof b->info;
    b->error.struct_size = sizeof b->error;
    if (!look_at_module(b)) {
        code = BENCH_USAGE;
    } else if (bench_puts_take(&b->puts, options->module, b->host, &b->error) && measure(b)) {
        bench_print_durable(b);
    } else {
        code = BENCH_FAILED;
    }
    if (code != BENCH_DONE) {
        fprintf(stderr, "dealfsm-bench: %s\n", b->error.text);
    }
    bench_puts_free(&b->puts);
    dealfsm_host_free(b->host, NULL);
    bench_place_remove(&b->place); /* perhaps the process ends here */
    free(b);
    return code;
}
