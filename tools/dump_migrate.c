/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* `dealfsm-dump migrate`: its command line, and the deals of files and stores. */
#include <argp.h>
#include <dealfsm/stores.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dump.h"
#include "dump_migrate.h"
#include "dump_record.h"
#include "dump_store.h"
#include "dump_words.h"
#include "output.h"

enum { IDS_MAX = 1024 };

typedef struct options {
    stored_list inputs;
    dump_modules modules;
    const char *folder;
    const char *to;
    const char *from;
    const char *url;
    uint64_t ids[IDS_MAX];
    size_t ids_count;
    bool json;
    bool failed; /* an input or module was refused; it has been told */
} options;

typedef struct run {
    const options *o;
    migrator migrator;
    const char *to;
    const char *from; /* of records; NULL: whose layout takes them */
    paper out;
    uint64_t counts[MIGRATION_VERDICTS];
    int status;
} run;

enum { OPTION_TO = 256, OPTION_FROM, OPTION_HEX, OPTION_JSON, OPTION_MODULES };

static const struct argp_option argp_options[] = {
    {"to", OPTION_TO, "VERSION", 0, "The machine version to move to, which must be given: 1.28.3, or \"client 1.28.3\"",
     0},
    {"from", OPTION_FROM, "VERSION", 0,
     "The machine version of the records, two versions may share a layout (default: that of the first layout that "
     "takes them; a store's rows name theirs)",
     0},
    {"hex", OPTION_HEX, "HEX", 0, "Try this record, given as hex (may be given several times)", 0},
    {"json", OPTION_JSON, NULL, 0, "Write an object for each deal, a line each (default: text)", 0},
    {"module", 'm', "FILE", 0,
     "A module to use (default: the modules that are installed; may be given several times)",
     0},
    {"modules", OPTION_MODULES, "DIR", 0, "The modules of this folder (default: those that are installed)", 0},
    {0}};

static void take_word(options *o, const char *word, struct argp_state *state)
{
    if (o->url == NULL && !dealfsm_store_is_url(word)) {
        o->failed = !stored_add_file(&o->inputs, word) || o->failed;
    } else if (o->url == NULL) {
        o->url = word;
    } else if (o->ids_count == IDS_MAX || !values_u64(word, &o->ids[o->ids_count++])) {
        argp_error(state, "behind a store: expected ids of deals (at most %d decimal numbers), found \"%s\"", IDS_MAX,
                   word);
    }
}

static void check_whole(const options *o, struct argp_state *state)
{
    if (o->to == NULL) {
        argp_error(state, "expected --to VERSION");
    }
    if (!o->failed && (o->inputs.count > 0) == (o->url != NULL)) {
        argp_error(state, "expected records (FILE, - for standard input, or --hex HEX) or a store "
                          "(" DEALFSM_STORE_URLS "), one of the two");
    }
    if (o->url != NULL && o->from != NULL) {
        argp_error(state, "--from: the rows of a store name their machine version");
    }
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    options *o = state->input;
    switch (key) {
    case OPTION_TO:
        o->to = arg;
        return 0;
    case OPTION_FROM:
        o->from = arg;
        return 0;
    case OPTION_HEX:
        o->failed = !stored_add_hex(&o->inputs, "--hex", arg, strlen(arg)) || o->failed;
        return 0;
    case OPTION_JSON:
        o->json = true;
        return 0;
    case 'm':
        o->failed = !dump_load(&o->modules, arg) || o->failed;
        return 0;
    case OPTION_MODULES:
        o->folder = arg;
        return 0;
    case ARGP_KEY_ARG:
        take_word(o, arg, state);
        return 0;
    case ARGP_KEY_END:
        check_whole(o, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    argp_options,
    parse,
    "--to VERSION FILE…\n--to VERSION -\n--to VERSION --hex HEX\n--to VERSION URL [ID…]",
    "Shows what would become of stored records, or of the deals of a store, on another machine version: what moves, "
    "into which state, what stays for now or is refused, and why. Nothing is written.\v"
    "Upwards the module of the goal takes a deal, downwards the deal's own module gives it; both come from the "
    "modules that are installed. Deals that have ended are counted apart: a swap does not move them. A record has no "
    "sidecar: nothing queued, nothing owed. Of records, and of deals that are named, each field that changes is "
    "shown, too.\n\n"
    "Exit status: 0 all move, are of that version or have ended; 1 some do not, or are damaged; 2 wrong usage; 3 a "
    "file or store cannot be read, or no module is there.",
    NULL,
    NULL,
    NULL};

static void raise_status(run *r, int status)
{
    r->status = status > r->status ? status : r->status;
}

/* ---- A deal */
static bool show(run *r, const stored_deal *deal, bool fields)
{
    migration m;
    migrate_deal(&r->migrator, deal, r->to, &m);
    r->counts[m.verdict]++;
    raise_status(r, m.why == NULL ? DUMP_DONE : DUMP_NO);
    if (!r->o->json) {
        migration_text(r->migrator.arena, &m, fields, &r->out);
    } else {
        if (!output_json("dealfsm-dump migrate", migration_json(r->migrator.arena, &m), JSON_COMPACT)) {
            raise_status(r, DUMP_FAILED);
        }
    }
    values_arena_clear(r->migrator.arena);
    return r->status != DUMP_FAILED && ferror(stdout) == 0;
}

/* ---- Records */
static bool find_layout(run *r, const stored_bytes *bytes, stored_deal *out)
{
    words why = {.arena = r->migrator.arena};
    for (size_t i = 0; i < r->o->modules.count; i++) {
        const dump_module *module = &r->o->modules.list[i];
        dealfsm_record record = {.struct_size = sizeof record};
        dealfsm_error error = {.struct_size = sizeof error};
        if (r->from != NULL && strcmp(r->from, module->machine.machine_version) != 0) {
            continue;
        }
        if (module->info.record->decode(bytes->data, bytes->size, &record, &error) == DEALFSM_OK) {
            *out = (stored_deal){.input = bytes->name,
                                 .version = module->machine.machine_version,
                                 .deal = record.id,
                                 .record = bytes->data,
                                 .record_len = bytes->size};
            return true;
        }
        words_add(&why, "    %s: %s\n", module->machine.machine_version, error.text);
    }
    fflush(stdout);
    fprintf(stderr, "dealfsm-dump migrate: %s: %" PRIu64 " bytes that no known layout takes:\n%s", bytes->name,
            bytes->size, words_text(&why));
    return false;
}

static void heading(const run *r)
{
    if (!r->o->json) {
        migration_heading(&r->out);
    }
}

static void show_records(run *r)
{
    heading(r);
    for (size_t i = 0; i < r->o->inputs.count; i++) {
        stored_deal deal;
        if (!find_layout(r, &r->o->inputs.list[i], &deal)) {
            r->counts[MIGRATION_UNKNOWN]++;
            raise_status(r, DUMP_NO);
        } else if (!show(r, &deal, true)) {
            return;
        }
    }
}

/* ---- Stores */
static int32_t take_row(void *ctx, const dealfsm_store_row *row)
{
    run *r = ctx;
    const stored_deal deal = stored_deal_of(row, r->o->url);
    return show(r, &deal, r->o->ids_count > 0) ? 0 : 1;
}

static void took(run *r, int32_t result, const dealfsm_error *error)
{
    if (result < 0) {
        fprintf(stderr, "dealfsm-dump migrate: %s\n", error->text);
        raise_status(r, result == DEALFSM_E_NOT_FOUND || result == DEALFSM_E_CORRUPT ? DUMP_NO : DUMP_FAILED);
    }
}

static void walk(run *r, dealfsm_store *store)
{
    dealfsm_error error = {.struct_size = sizeof error};
    for (size_t i = 0; i < r->o->ids_count; i++) {
        error = (dealfsm_error){.struct_size = sizeof error};
        took(r, dealfsm_store_row_of(store, r->o->ids[i], take_row, r, &error), &error);
    }
    if (r->o->ids_count == 0) {
        took(r, dealfsm_store_rows(store, NULL, take_row, r, &error), &error);
    }
}

/* False: it cannot be opened. */
static bool show_store(run *r)
{
    dealfsm_store *store = NULL;
    raise_status(r, store_open_read(r->o->url, &r->o->modules, "dealfsm-dump migrate", &store));
    if (store == NULL) {
        return false;
    }
    heading(r);
    walk(r, store);
    dealfsm_store_close(store, NULL);
    return true;
}

/* ---- The command */
static const char *version_of(run *r, const char *option, const char *wanted)
{
    const char *version = wanted == NULL ? NULL : migrator_version(&r->migrator, wanted);
    if (wanted != NULL && version == NULL) {
        fprintf(stderr,
                "dealfsm-dump migrate: %s: no module that is there has, or writes, the machine version \"%s\"\n",
                option, wanted);
        raise_status(r, DUMP_USAGE);
    }
    return version;
}

static void show_all(run *r)
{
    r->to = version_of(r, "--to", r->o->to);
    r->from = version_of(r, "--from", r->o->from);
    if (r->status != DUMP_DONE) {
        return;
    }
    if (r->o->url == NULL) {
        show_records(r);
    } else if (!show_store(r)) {
        return;
    }
    if (!r->o->json && r->status < DUMP_USAGE) {
        words total = {.arena = r->migrator.arena};
        words_add(&total, "to %s: ", r->to);
        migration_counts(&total, r->counts);
        paper_wrap(&r->out, INK_HEADING, 0, 0, words_text(&total));
    }
}

static int work(options *o)
{
    run r = {.o = o, .out = paper_on(stdout)};
    if (o->failed || ((o->modules.count == 0 || o->folder != NULL) && !dump_load_folder(&o->modules, o->folder))) {
        return DUMP_FAILED;
    }
    if (migrator_open(&r.migrator, &o->modules)) {
        show_all(&r);
    } else {
        raise_status(&r, DUMP_FAILED);
    }
    migrator_close(&r.migrator);
    return r.status;
}

static int run_command(int argc, char **argv)
{
    static options chosen;
    int status = DUMP_FAILED;
    chosen = (options){.inputs = {.arena = values_arena_new()}};
    if (chosen.inputs.arena != NULL) {
        argp_parse(&argp, argc, argv, 0, NULL, &chosen);
        status = work(&chosen);
    }
    dump_unload(&chosen.modules);
    values_arena_free(chosen.inputs.arena);
    return status;
}

const dump_command dump_migrate_command = {
    "migrate", "what would become of records or deals on another machine version", run_command};
