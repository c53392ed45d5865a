/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* What dealfsm-bench step found, as text or JSON, with the aims beside the figures. */

#include <stdio.h>

#include "bench.h"
#include "bench_count.h"

static const char *const subject_names[SUBJECTS] = {"hand-written switch", "fsm/ step alone", "dispatch, no subscriber",
                                                    "dispatch, one subscriber"};

/* ---- Aims */

enum { AIMS_MAX = 16 };

/* Stocks still grow a little after the first turn: less than one allocation in a thousand events counts as none. */
#define ALLOCATIONS_NONE 0.001

typedef struct aim {
    const char *text;
    uint32_t deals; /* at a time; 0: says nothing */
    double value, limit;
    bool at_least; /* else at most */
} aim;

static bool met(const aim *a)
{
    return a->at_least ? a->value >= a->limit : a->value <= a->limit;
}

/* Allocations per event. */
static double allocations(const bench_step *b, uint32_t subject, uint32_t size)
{
    return (double)b->allocations[subject][size] / (double)b->events[subject][size];
}

static uint32_t find_aims(const bench_step *b, aim *aims)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < SIZES; i++) {
        const double bare = bench_samples_median(&b->path[SUBJECT_SWITCH][i]);
        const double step = bench_samples_median(&b->path[SUBJECT_FSM][i]);
        const double dispatch = bench_samples_median(&b->path[SUBJECT_DISPATCH][i]);
        if (b->fsm != NULL) {
            aims[count++] = (aim){"step: at most 5 times the switch", bench_sizes[i], step / bare, 5, false};
        }
        aims[count++] = (aim){"dispatch: at most 20 times the switch", bench_sizes[i], dispatch / bare, 20, false};
        aims[count++] =
            (aim){"dispatch: at least 7.4 million events/s on one thread", bench_sizes[i], 1e3 / dispatch, 7.4, true};
    }
    for (uint32_t i = 0; i < SIZES && bench_count_works(); i++) {
        aims[count++] = (aim){"dispatch: no allocation per event on the path", bench_sizes[i],
                              allocations(b, SUBJECT_DISPATCH, i), ALLOCATIONS_NONE, false};
    }
    const double bytes = b->idle.resident_bytes > 0 ? b->idle.resident_bytes : b->idle.counted_bytes;
    aims[count++] = (aim){"idle deal: at most 512 bytes, all told", 0, bytes, 512, false};
    return count;
}

/* ---- JSON */

static json_t *samples_json(const bench_samples *s)
{
    return json_pack("{s:f, s:f, s:f, s:i}", "median", bench_samples_median(s), "min", bench_samples_min(s), "max",
                     bench_samples_max(s), "samples", (int)s->count);
}

static json_t *path_json(const bench_step *b)
{
    json_t *rows = json_array();
    for (uint32_t s = 0; s < SUBJECTS; s++) {
        for (uint32_t i = 0; i < SIZES && (s != SUBJECT_FSM || b->fsm != NULL); i++) {
            json_t *counted = bench_count_works() ? json_real(allocations(b, s, i)) : json_null();
            json_array_append_new(rows, json_pack("{s:s, s:i, s:o, s:o}", "subject", subject_names[s],
                                                  "deals_at_a_time", (int)bench_sizes[i], "ns_per_event",
                                                  samples_json(&b->path[s][i]), "allocations_per_event", counted));
        }
    }
    return rows;
}

static json_t *threads_json(const bench_step *b)
{
    json_t *rows = json_array();
    for (uint32_t i = 0; i < THREADS; i++) {
        json_array_append_new(rows, json_pack("{s:i, s:o, s:o}", "threads", (int)bench_threads[i],
                                              "own_deals_events_per_second", samples_json(&b->own[i]),
                                              "shared_deals_events_per_second", samples_json(&b->shared[i])));
    }
    return rows;
}

static json_t *aims_json(const bench_step *b)
{
    aim aims[AIMS_MAX];
    json_t *rows = json_array();
    const uint32_t count = find_aims(b, aims);
    for (uint32_t i = 0; i < count; i++) {
        json_array_append_new(rows, json_pack("{s:s, s:i, s:f, s:f, s:b}", "aim", aims[i].text, "deals_at_a_time",
                                              (int)aims[i].deals, "value", aims[i].value, "limit", aims[i].limit, "met",
                                              met(&aims[i])));
    }
    return rows;
}

static void print_json(const bench_step *b)
{
    json_t *idle = json_pack("{s:I, s:I, s:f, s:f, s:f, s:f}", "deals", (json_int_t)b->idle.deals, "stored_bytes",
                             (json_int_t)b->idle.stored_bytes, "resident_bytes_per_deal", b->idle.resident_bytes,
                             "counted_bytes_per_deal", b->idle.counted_bytes, "creates_per_second",
                             b->idle.creates_a_second, "forgets_per_second", b->idle.forgets_a_second);
    json_t *all =
        json_pack("{s:s, s:s, s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:o}", "module", b->info.path, "machine_version",
                  b->info.manifest->machine_version, "machine", bench_this_machine(), "path", path_json(b), "threads",
                  threads_json(b), "record_bytes", (json_int_t)b->record_bytes, "encode_ns", samples_json(&b->encode),
                  "decode_ns", samples_json(&b->decode), "idle", idle, "aims", aims_json(b));
    json_dumpf(all, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    puts("");
    json_decref(all);
}

/* ---- Text */

static void print_machine(const bench_step *b)
{
    json_t *m = bench_this_machine();
    printf("%s, %s\n%s, %d processors, %s, %s%s\n\n", b->info.manifest->machine_version, b->info.path,
           json_string_value(json_object_get(m, "processor")),
           (int)json_integer_value(json_object_get(m, "processors")), json_string_value(json_object_get(m, "system")),
           json_string_value(json_object_get(m, "compiler")),
           json_is_true(json_object_get(m, "optimised")) ? "" : ", NOT OPTIMISED");
    json_decref(m);
}

static void print_path(const bench_step *b)
{
    printf("%-28s", "14-event path, one thread:");
    for (uint32_t i = 0; i < SIZES; i++) {
        printf("%8u deal%s", bench_sizes[i], bench_sizes[i] == 1 ? "         " : "s        ");
    }
    printf("\n%-28s", "ns per event, median (min)");
    printf("%s\n", "  at a time              at a time              at a time");
    for (uint32_t s = 0; s < SUBJECTS; s++) {
        printf("  %-26s", subject_names[s]);
        if (s == SUBJECT_FSM && b->fsm == NULL) {
            printf("not measured: %s\n", b->fsm_missing);
            continue;
        }
        for (uint32_t i = 0; i < SIZES; i++) {
            printf("%8.1f (%7.1f)     ", bench_samples_median(&b->path[s][i]), bench_samples_min(&b->path[s][i]));
        }
        puts("");
    }
}

static void print_threads(const bench_step *b)
{
    printf("\n%-28s", "million events/s, median:");
    for (uint32_t i = 0; i < THREADS; i++) {
        printf("%4u thread%-2s", bench_threads[i], bench_threads[i] == 1 ? "" : "s");
    }
    printf("\n  %-26s", "own deals, the path");
    for (uint32_t i = 0; i < THREADS; i++) {
        printf("%8.2f     ", bench_samples_median(&b->own[i]) / 1e6);
    }
    printf("\n  %-26s", "64 shared, BlocksReceived");
    for (uint32_t i = 0; i < THREADS; i++) {
        printf("%8.2f     ", bench_samples_median(&b->shared[i]) / 1e6);
    }
    puts("");
}

static void print_rest(const bench_step *b)
{
    const bench_idle *idle = &b->idle;
    printf("\nstored record, %llu bytes:  encode %.0f ns, decode %.0f ns\n", (unsigned long long)b->record_bytes,
           bench_samples_median(&b->encode), bench_samples_median(&b->decode));
    printf("%u idle deals in Ongoing, %llu stored bytes:  %.0f bytes each in memory (the process grew by so much:\n"
           "  records, index, allocator), %.0f by the module's own count (without the allocator's overhead)\n",
           idle->deals, (unsigned long long)idle->stored_bytes, idle->resident_bytes, idle->counted_bytes);
    printf("create %.2f million/s, forget %.2f million/s\n", idle->creates_a_second / 1e6,
           idle->forgets_a_second / 1e6);
    if (!bench_count_works()) {
        puts("allocations: not counted, a sanitizer owns malloc");
    }
}

static void print_aims(const bench_step *b)
{
    aim aims[AIMS_MAX];
    const uint32_t count = find_aims(b, aims);
    puts("\naims (medians)");
    for (uint32_t i = 0; i < count; i++) {
        char deals[32] = "";
        if (aims[i].deals != 0) {
            (void)snprintf(deals, sizeof deals, "%u deal%s at a time", aims[i].deals, aims[i].deals == 1 ? "" : "s");
        }
        printf("  %-55s%-24s%10.3f  %s\n", aims[i].text, deals, aims[i].value, met(&aims[i]) ? "met" : "MISSED");
    }
}

void bench_print_step(const bench_step *b)
{
    if (b->options->json) {
        print_json(b);
        return;
    }
    print_machine(b);
    print_path(b);
    print_threads(b);
    print_rest(b);
    print_aims(b);
}
