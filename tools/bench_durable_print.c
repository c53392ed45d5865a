/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* What dealfsm-bench durable found, as text or JSON, with the aims beside the figures. */

#include <stdio.h>
#include <string.h>

#include "bench_durable.h"

/* ---- Aims */

static const double bare_aim = 0.8;     /* of the bare loop */
static const double reference_aim = 10; /* times the reference */
enum { REFERENCE_DEALS = 100 };         /* from so many at a time on: below, both wait for the disk */

typedef struct aim {
    const durable_row *row;
    const char *text;
    double value, limit;
} aim;

static bool met(const aim *a)
{
    return a->value >= a->limit;
}

static double reference_events(const bench_durable *b, uint32_t deals)
{
    for (uint32_t i = 0; i < b->options->sizes_count; i++) {
        const durable_reference *r = &b->references[i];
        if (r->deals == deals && r->ns.count > 0) {
            return 1e9 / bench_samples_median(&r->ns);
        }
    }
    return 0;
}

static uint32_t find_aims(const bench_durable *b, aim *aims)
{
    uint32_t count = 0;
    for (const durable_row *row = b->rows; row < b->rows + b->rows_count; row++) {
        const double theirs = strcmp(row->store, "leveldb") == 0 ? reference_events(b, row->deals) : 0;
        aims[count++] = (aim){row, "at least 0.8 of the bare loop", bench_samples_median(&row->to_bare), bare_aim};
        if (theirs > 0 && row->deals >= REFERENCE_DEALS) {
            aims[count++] =
                (aim){row, "at least 10 times the reference", bench_samples_median(&row->ours) / theirs, reference_aim};
        }
    }
    return count;
}

/* ---- JSON */

static json_t *samples_json(const bench_samples *s)
{
    return json_pack("{s:f, s:f, s:f, s:i}", "median", bench_samples_median(s), "min", bench_samples_min(s), "max",
                     bench_samples_max(s), "samples", (int)s->count);
}

static json_t *rows_json(const bench_durable *b)
{
    json_t *rows = json_array();
    for (const durable_row *row = b->rows; row < b->rows + b->rows_count; row++) {
        json_array_append_new(
            rows,
            json_pack("{s:s, s:b, s:i, s:o, s:f, s:f, s:f, s:f, s:f, s:o, s:o, s:o, s:o}", "store", row->store,
                      "history", row->history, "deals_at_a_time", (int)row->deals, "events_per_second",
                      samples_json(&row->ours), "puts_per_commit", bench_samples_median(&row->batch), "puts_per_event",
                      bench_samples_median(&row->puts), "committing", bench_samples_median(&row->committing),
                      "cpu_ns_per_event", bench_samples_median(&row->ours_cpu), "bare_loop_cpu_ns_per_event",
                      bench_samples_median(&row->bare_cpu), "bare_loop_events_per_second", samples_json(&row->bare),
                      "of_bare_loop", samples_json(&row->to_bare), "append_events_per_second",
                      samples_json(&row->append), "of_append", samples_json(&row->to_append)));
    }
    return rows;
}

static json_t *latency_json(const bench_durable *b)
{
    json_t *rows = json_array();
    for (const durable_latency *l = b->latency; l < b->latency + b->stores_count; l++) {
        json_array_append_new(rows, json_pack("{s:s, s:i, s:{s:f, s:f, s:f}, s:{s:f, s:f, s:f}}", "store", l->store,
                                              "events", (int)l->count, "ns", "median", l->median_ns, "99%", l->high_ns,
                                              "max", l->max_ns, "append_ns", "median", l->append_median_ns, "99%",
                                              l->append_high_ns, "max", l->append_max_ns));
    }
    return rows;
}

static json_t *resume_json(const bench_durable *b)
{
    json_t *rows = json_array();
    for (const durable_resume *r = b->resume; r < b->resume + b->stores_count; r++) {
        json_array_append_new(rows, json_pack("{s:s, s:i, s:f, s:f}", "store", r->store, "deals", (int)r->deals,
                                              "seconds", r->all_ns / 1e9, "open_seconds", r->open_ns / 1e9));
    }
    return rows;
}

static json_t *reference_json(const bench_durable *b)
{
    if (b->program[0] == '\0') {
        return json_pack("{s:s}", "missing", b->reference_missing);
    }
    json_t *rows = json_array();
    for (uint32_t i = 0; i < b->options->sizes_count; i++) {
        const durable_reference *r = &b->references[i];
        json_array_append_new(rows, json_pack("{s:i, s:f, s:f, s:i}", "deals_at_a_time", (int)r->deals,
                                              "events_per_second", reference_events(b, r->deals), "cpu_ns_per_event",
                                              bench_samples_median(&r->cpu), "rounds", (int)r->ns.count));
    }
    return json_pack("{s:s, s:o}", "go", b->go, "rows", rows);
}

static json_t *aims_json(const bench_durable *b)
{
    aim aims[2 * DURABLE_ROWS_MAX];
    json_t *rows = json_array();
    const uint32_t count = find_aims(b, aims);
    for (const aim *a = aims; a < aims + count; a++) {
        json_array_append_new(rows, json_pack("{s:s, s:s, s:b, s:i, s:f, s:f, s:b}", "aim", a->text, "store",
                                              a->row->store, "history", a->row->history, "deals_at_a_time",
                                              (int)a->row->deals, "value", a->value, "limit", a->limit, "met", met(a)));
    }
    return rows;
}

static void print_json(const bench_durable *b)
{
    json_t *all =
        json_pack("{s:s, s:s, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "module", b->info.path, "machine_version",
                  b->info.manifest->machine_version, "machine", bench_this_machine(), "place", b->place.path,
                  "filesystem", b->place.filesystem, "rows", rows_json(b), "reference", reference_json(b), "latency",
                  latency_json(b), "resume", resume_json(b), "aims", aims_json(b));
    json_dumpf(all, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    puts("");
    json_decref(all);
}

/* ---- Text */

static void print_machine(const bench_durable *b)
{
    json_t *m = bench_this_machine();
    printf("%s, %s, %d processors, %s%s; files on %s in %s\n\n", b->info.manifest->machine_version,
           json_string_value(json_object_get(m, "processor")),
           (int)json_integer_value(json_object_get(m, "processors")), json_string_value(json_object_get(m, "compiler")),
           json_is_true(json_object_get(m, "optimised")) ? "" : ", NOT OPTIMISED", b->place.filesystem, b->place.path);
    json_decref(m);
}

static void print_rows(const bench_durable *b)
{
    printf("events/s, medians; each event makes one put, which is on disk before anybody hears of the event\n"
           "                    deals  puts in  in a    durable       bare  of the     append +   of  processors' us\n"
           "  store    history  in all a commit commit dispatch       loop    loop  fdatasync   it  an event; bare\n");
    for (const durable_row *row = b->rows; row < b->rows + b->rows_count; row++) {
        printf("  %-9s%-7s%8u%9.1f%6.2f%11.0f%11.0f%8.2f%11.0f%6.2f%8.1f%8.1f\n", row->store,
               row->history ? "on" : "off", row->deals, bench_samples_median(&row->batch),
               bench_samples_median(&row->committing), bench_samples_median(&row->ours),
               bench_samples_median(&row->bare), bench_samples_median(&row->to_bare),
               bench_samples_median(&row->append), bench_samples_median(&row->to_append),
               bench_samples_median(&row->ours_cpu) / 1e3, bench_samples_median(&row->bare_cpu) / 1e3);
    }
}

static void print_reference(const bench_durable *b)
{
    if (b->program[0] == '\0') {
        printf("\nthe reference was not measured: %s\n", b->reference_missing);
        return;
    }
    printf(
        "\n"
        "reference, events/s: go-statemachine with the machine of go-fil-markets v0.5.6, %s, on go-ds-leveldb, which "
        "syncs every write;\n"
        "it keeps no history. Beside it durable dispatch on leveldb, and how many times as fast that is\n"
        "  deals         reference  processors' us  history on   times  history off  times\n",
        b->go);
    for (uint32_t i = 0; i < b->options->sizes_count; i++) {
        const durable_reference *r = &b->references[i];
        const double theirs = reference_events(b, r->deals);
        printf("  %-10u%13.0f%16.1f", r->deals, theirs, bench_samples_median(&r->cpu) / 1e3);
        for (const durable_row *row = b->rows; row < b->rows + b->rows_count && theirs > 0; row++) {
            if (row->deals == r->deals && strcmp(row->store, "leveldb") == 0) {
                const double ours = bench_samples_median(&row->ours);
                printf("%12.0f%8.1f ", ours, ours / theirs);
            }
        }
        puts("");
    }
}

static void print_rest(const bench_durable *b)
{
    puts("\na lone deal, from dispatch until its subscriber hears; beside it append + fdatasync of the same bytes:\n"
         "microseconds      median     99 %      max            median     99 %      max");
    for (const durable_latency *l = b->latency; l < b->latency + b->stores_count; l++) {
        printf("  %-12s%10.0f%9.0f%9.0f        %10.0f%9.0f%9.0f\n", l->store, l->median_ns / 1e3, l->high_ns / 1e3,
               l->max_ns / 1e3, l->append_median_ns / 1e3, l->append_high_ns / 1e3, l->append_max_ns / 1e3);
    }
    puts("\na store is opened, and all its deals, idle in Ongoing, come back");
    for (const durable_resume *r = b->resume; r < b->resume + b->stores_count; r++) {
        printf("  %-12s%10u deals in %.2f seconds, %.2f of them to open the store\n", r->store, r->deals,
               r->all_ns / 1e9, r->open_ns / 1e9);
    }
}

static void print_aims(const bench_durable *b)
{
    aim aims[2 * DURABLE_ROWS_MAX];
    const uint32_t count = find_aims(b, aims);
    puts("\naims (medians)");
    for (const aim *a = aims; a < aims + count; a++) {
        printf("  %-34s%-8s history %-3s %6u deal%s%8.2f  %s\n", a->text, a->row->store, a->row->history ? "on" : "off",
               a->row->deals, a->row->deals == 1 ? " " : "s", a->value, met(a) ? "met" : "MISSED");
    }
}

void bench_print_durable(const bench_durable *b)
{
    if (b->options->json) {
        print_json(b);
        return;
    }
    print_machine(b);
    print_rows(b);
    print_reference(b);
    print_rest(b);
    print_aims(b);
}
