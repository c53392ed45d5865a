/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* `dealfsm-dump stats`: a store in figures. */
#include <gmp.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "dump.h"
#include "dump_store.h"
#include "text.h"

static const char doc[] =
    "Shows a store in figures: its size, its deals by machine version and state, what they wait for, their money, "
    "and the events of its history.\v"
    "Exit status: 0 done; 1 a row is damaged, or it is no store; 2 wrong usage; 3 the store cannot be read, or no "
    "module is there.";

/* ---- Counting */
typedef struct tally { /* of a machine version and state */
    char *machine_version;
    uint64_t status;
    const char *name; /* in the names arena */
    uint64_t count;
} tally;

static const char *const waits_names[] = {"nothing", "handler", "queue", "event", "unknown", "module", "repair"};
enum { WAITS = sizeof waits_names / sizeof *waits_names, HAPPENINGS = 5 };

typedef struct figures {
    store_view *view;
    values_arena *names;
    tally *tallies;
    size_t count;
    uint64_t rows;
    uint64_t waits[WAITS];
    uint64_t happened[HAPPENINGS]; /* DEALFSM_HAPPENED_…; 0: unknown */
    int64_t first_created;         /* 0: not known */
    int64_t last_updated;
    uint64_t oldest_deal; /* of those that have not ended, the one that has not changed for longest */
    int64_t oldest_change;
    mpz_t funds;
    mpz_t spent;
} figures;

static tally *tally_of(figures *f, const dealfsm_store_row *row)
{
    const char *version = row->machine_version == NULL ? "" : row->machine_version;
    for (size_t i = 0; i < f->count; i++) {
        if (f->tallies[i].status == row->status && strcmp(f->tallies[i].machine_version, version) == 0) {
            return &f->tallies[i];
        }
    }
    tally *more = realloc(f->tallies, (f->count + 1) * sizeof *more);
    if (more == NULL) {
        return NULL;
    }
    const char *name = past_state(f->view, row->status, row->status_name);
    f->tallies = more;
    more = &more[f->count++];
    *more = (tally){.machine_version = values_take(f->names, strlen(version) + 1), .status = row->status};
    strcpy(more->machine_version, version);
    more->name = strcpy(values_take(f->names, strlen(name) + 1), name);
    return more;
}

static void add_amount(mpz_t sum, const uint8_t *amount, uint64_t size)
{
    mpz_t value;
    mpz_init(value);
    text_amount_import(value, amount, size);
    mpz_add(sum, sum, value);
    mpz_clear(value);
}

static void add_times(figures *f, const deal_row *it)
{
    const dealfsm_store_row *row = it->row;
    if (row->created != 0 && (f->first_created == 0 || row->created < f->first_created)) {
        f->first_created = row->created;
    }
    f->last_updated = row->updated > f->last_updated ? row->updated : f->last_updated;
    if (!deal_is_final(it) && row->updated != 0 && (f->oldest_change == 0 || row->updated < f->oldest_change)) {
        f->oldest_change = row->updated;
        f->oldest_deal = row->deal;
    }
}

static int32_t take_row(void *ctx, const dealfsm_store_row *row)
{
    figures *f = ctx;
    deal_row it;
    values_arena_clear(f->view->arena);
    store_see(f->view, row, &it);
    store_tell_trouble(f->view, &it);
    tally *one = tally_of(f, row);
    if (one == NULL) {
        return DEALFSM_E_NO_MEMORY;
    }
    one->count++;
    f->rows++;
    for (size_t i = 0; i < WAITS; i++) {
        f->waits[i] += strcmp(waits_names[i], deal_waits(&it)) == 0 ? 1 : 0;
    }
    if (it.whole) {
        add_amount(f->funds, it.record.total_funds, it.record.total_funds_len);
        add_amount(f->spent, it.record.funds_spent, it.record.funds_spent_len);
        add_times(f, &it);
    }
    return 0;
}

static int32_t take_event(void *ctx, const dealfsm_store_event *event)
{
    figures *f = ctx;
    f->happened[event->kind < HAPPENINGS ? event->kind : 0]++;
    return 0;
}

static int by_version(const void *a, const void *b)
{
    const tally *left = a;
    const tally *right = b;
    const int order = strverscmp(left->machine_version, right->machine_version);
    return order != 0 ? order : (left->status > right->status) - (left->status < right->status);
}

/* ---- Showing */
enum { INDENT = 4, COLUMN = 40 };

static void line(const paper *out, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void line(const paper *out, const char *name, const char *format, ...)
{
    char value[256];
    va_list args;
    va_start(args, format);
    vsnprintf(value, sizeof value, format, args);
    va_end(args);
    paper_indent(out, INDENT);
    paper_pair(out, INDENT, COLUMN, name, value);
}

static void fil_line(const paper *out, const char *name, const mpz_t amount)
{
    char *fil = text_write_fil(amount);
    line(out, name, "%s FIL", fil == NULL ? "" : fil);
    free(fil);
}

static void states_text(const figures *f, const paper *out)
{
    for (size_t i = 0; i < f->count; i++) {
        const tally *one = &f->tallies[i];
        if (i == 0 || strcmp(one->machine_version, f->tallies[i - 1].machine_version) != 0) {
            fputc('\n', out->out);
            paper_line(out, INK_HEADING, "Deals of %s",
                       *one->machine_version == '\0' ? "an unknown machine version" : one->machine_version);
        }
        line(out, brief_name(one->name), "%" PRIu64, one->count);
    }
}

static void text(const figures *f, const dealfsm_store_stats *stats, const paper *out)
{
    char *size = text_write_size(stats->bytes);
    paper_line(out, INK_HEADING, "Store %s", f->view->url);
    line(out, "size", "%s, layout %" PRIu32, size == NULL ? "" : size, stats->layout);
    free(size);
    line(out, "deals", "%" PRIu64, f->rows);
    line(out, "first created", "%s", time_text(f->view->arena, f->first_created));
    line(out, "last change", "%s", time_text(f->view->arena, f->last_updated));
    if (f->oldest_change != 0) {
        line(out, "waits for longest", "deal %" PRIu64 ", %s", f->oldest_deal, time_age(f->view, f->oldest_change));
    }
    fil_line(out, "funds", f->funds);
    fil_line(out, "spent", f->spent);
    states_text(f, out);
    fputc('\n', out->out);
    paper_line(out, INK_HEADING, "Deals wait for");
    for (size_t i = 0; i < WAITS; i++) {
        if (f->waits[i] > 0) {
            line(out, i == 0 ? "nothing (they have ended)" : waits_names[i], "%" PRIu64, f->waits[i]);
        }
    }
    fputc('\n', out->out);
    paper_line(out, INK_HEADING, "Events in the history");
    for (uint32_t i = 0; i < HAPPENINGS; i++) {
        if (i > 0 || f->happened[i] > 0) {
            line(out, happened_name(i), "%" PRIu64, f->happened[i]);
        }
    }
}

static json_t *amount_json(const mpz_t amount)
{
    char *digits = mpz_get_str(NULL, 10, amount);
    json_t *json = json_string(digits);
    free(digits);
    return json;
}

static json_t *json(const figures *f, const dealfsm_store_stats *stats)
{
    json_t *states = json_array();
    json_t *waits = json_object();
    json_t *happened = json_object();
    for (size_t i = 0; i < f->count; i++) {
        json_array_append_new(states, json_pack("{s:s, s:o, s:s, s:I}", "machine", f->tallies[i].machine_version,
                                                "status", u64_json(f->tallies[i].status), "state", f->tallies[i].name,
                                                "deals", (json_int_t)f->tallies[i].count));
    }
    for (size_t i = 0; i < WAITS; i++) {
        json_object_set_new(waits, waits_names[i], json_integer((json_int_t)f->waits[i]));
    }
    for (uint32_t i = 0; i < HAPPENINGS; i++) {
        json_object_set_new(happened, happened_name(i), json_integer((json_int_t)f->happened[i]));
    }
    return json_pack("{s:s, s:i, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "store", f->view->url, "layout",
                     (int)stats->layout, "bytes", u64_json(stats->bytes), "deals", (json_int_t)f->rows, "first_created",
                     time_json(f->first_created), "last_updated", time_json(f->last_updated), "total_funds",
                     amount_json(f->funds), "funds_spent", amount_json(f->spent), "states", states, "waits", waits,
                     "events", happened);
}

static void show(figures *f, bool as_json)
{
    dealfsm_error error = {.struct_size = sizeof error};
    dealfsm_store_stats stats = {.struct_size = sizeof stats};
    const paper out = paper_on(stdout);
    int32_t result = dealfsm_store_stats_of(f->view->store, &stats, &error);
    if (result >= 0) {
        result = dealfsm_store_rows(f->view->store, NULL, take_row, f, &error);
    }
    if (result >= 0) {
        result = dealfsm_store_history(f->view->store, NULL, take_event, f, &error);
    }
    store_walked(f->view, result, &error);
    values_arena_clear(f->view->arena);
    if (f->count > 0) {
        qsort(f->tallies, f->count, sizeof *f->tallies, by_version);
    }
    if (as_json) {
        store_line(f->view, json(f, &stats));
    } else {
        text(f, &stats, &out);
    }
}

static int run(int argc, char **argv)
{
    store_choice o = {0};
    store_view view;
    store_parse(argc, argv, "URL", doc, &o);
    if (store_open(&view, &o, argv[0])) {
        figures f = {.view = &view, .names = values_arena_new()};
        mpz_inits(f.funds, f.spent, NULL);
        if (f.names != NULL) {
            show(&f, o.json);
        } else {
            store_status(&view, DUMP_FAILED);
        }
        mpz_clears(f.funds, f.spent, NULL);
        free(f.tallies);
        values_arena_free(f.names);
    }
    store_close(&view, &o);
    return view.status;
}

const dump_command dump_stats_command = {"stats", "a store in figures", run};
