/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* dealfsm-bench swap: measures each store and way, and prints what was found. */

#include <stdio.h>

#include "bench_swap.h"

static const char *const stores[SWAP_STORES] = {"none", "sqlite", "leveldb"};
static const double median_aim_ns = 20000; /* without store */

/* ---- Text and JSON */

static bool met(const bench_swap_row *row)
{
    return row->median_ns <= median_aim_ns;
}

static const char *target(const bench_swap *b, const bench_swap_row *row)
{
    return row->other ? b->to : b->from;
}

static void print_json(const bench_swap *b)
{
    json_t *rows = json_array();
    json_t *aims = json_array();
    for (const bench_swap_row *r = b->rows; r < b->rows + SWAP_ROWS; r++) {
        json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:{s:f, s:f, s:f}, s:f, s:f}", "from", b->from, "to",
                                              target(b, r), "store", r->store, "pause_ns", "median", r->median_ns,
                                              "99.9%", r->high_ns, "max", r->max_ns, "prepare_seconds",
                                              r->prepare_ns / 1e9, "move_seconds", r->move_ns / 1e9));
    }
    for (uint32_t i = 0; i < SWAP_WAYS; i++) {
        const bench_swap_row *r = &b->rows[i];
        json_array_append_new(aims, json_pack("{s:s, s:s, s:f, s:f, s:b}", "aim", "median pause without store, ns",
                                              "to", target(b, r), "value", r->median_ns, "limit", median_aim_ns, "met",
                                              met(r)));
    }
    json_t *all = json_pack("{s:o, s:I, s:o, s:o}", "machine", bench_this_machine(), "deals",
                            (json_int_t)b->options->deals, "swaps", rows, "aims", aims);
    json_dumpf(all, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    puts("");
    json_decref(all);
}

static void print_rows(const bench_swap *b)
{
    printf("%u idle deals in Ongoing move: pause of a deal in microseconds, time for all in seconds\n"
           "  %-38s   median      99.9 %%         max     prepare      move\n",
           b->options->deals, "from -> to, store");
    for (const bench_swap_row *r = b->rows; r < b->rows + SWAP_ROWS; r++) {
        char what[160];
        (void)snprintf(what, sizeof what, "%s -> %s, %s", b->from, target(b, r), r->store);
        printf("  %-38s%9.1f%12.1f%12.1f%12.2f%10.2f\n", what, r->median_ns / 1e3, r->high_ns / 1e3, r->max_ns / 1e3,
               r->prepare_ns / 1e9, r->move_ns / 1e9);
    }
}

static void print_text(const bench_swap *b)
{
    json_t *m = bench_this_machine();
    printf("%s, %d processors, %s%s\n\n", json_string_value(json_object_get(m, "processor")),
           (int)json_integer_value(json_object_get(m, "processors")), json_string_value(json_object_get(m, "compiler")),
           json_is_true(json_object_get(m, "optimised")) ? "" : ", NOT OPTIMISED");
    json_decref(m);
    print_rows(b);
    puts("\naims");
    for (uint32_t i = 0; i < SWAP_WAYS; i++) {
        printf("  median pause at most %.0f microseconds without store, to %s: %.1f  %s\n", median_aim_ns / 1e3,
               target(b, &b->rows[i]), b->rows[i].median_ns / 1e3, met(&b->rows[i]) ? "met" : "MISSED");
    }
    puts("with a store the put that names the new version is in the pause, with the few that share its commit;\n"
         "within one version there is no such put");
}

static void print(const bench_swap *b)
{
    if (b->options->json) {
        print_json(b);
    } else {
        print_text(b);
    }
}

/* ---- The command */

static bool version_of(dealfsm_host *host, const char *path, char *out, size_t size, dealfsm_error *error)
{
    dealfsm_module *module = NULL;
    dealfsm_module_info info = {.struct_size = sizeof info};
    if (dealfsm_host_load(host, path, &module, error) < 0 || dealfsm_host_module_info(module, &info, error) < 0) {
        return false;
    }
    (void)snprintf(out, size, "%s", info.manifest->machine_version);
    return true;
}

static bool look_at_modules(bench_swap *b)
{
    dealfsm_host *host = NULL;
    const bool well = dealfsm_host_new(NULL, &host, &b->error) >= 0 &&
                      version_of(host, b->options->module, b->from, sizeof b->from, &b->error) &&
                      version_of(host, b->options->to, b->to, sizeof b->to, &b->error);
    dealfsm_host_free(host, NULL);
    return well;
}

static bool measure(bench_swap *b)
{
    bool well = true;
    for (uint32_t i = 0; i < SWAP_ROWS && well; i++) {
        bench_swap_row *row = &b->rows[i];
        row->store = stores[i / SWAP_WAYS];
        row->other = i % SWAP_WAYS != 0;
        well = bench_measure_swap(b, row);
    }
    return well;
}

int bench_run_swap(const bench_options *options)
{
    bench_swap b = {.options = options, .error = {.struct_size = sizeof b.error}};
    int code = BENCH_DONE;
    if (!look_at_modules(&b)) {
        code = BENCH_USAGE;
    } else if (measure(&b)) {
        print(&b);
    } else {
        code = BENCH_FAILED;
    }
    if (code != BENCH_DONE) {
        fprintf(stderr, "dealfsm-bench: %s\n", b.error.text);
    }
    return code;
}
