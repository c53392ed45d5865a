/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Stores: the common command line, opening, and rows through the modules of their versions. */
#include "dump_store.h"

#include <inttypes.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dump.h"
#include "output.h"

/* ---- The command line */
enum { OPTION_JSON = 512, OPTION_MODULES };

static const struct argp_option argp_options[] = {
    {"json", OPTION_JSON, NULL, 0, "Write JSON, an object a line (default: text)", 0},
    {"module", 'm', "FILE", 0,
     "A module to read rows of its version with (default: the modules that are installed; may be given several times)",
     0},
    {"modules", OPTION_MODULES, "DIR", 0, "The modules of this folder (default: those that are installed)", 0},
    {0}};

static void take_word(store_choice *c, const char *word, struct argp_state *state)
{
    if (c->url == NULL) {
        c->url = word;
    } else if (!c->takes_deal || c->has_deal) {
        argp_error(state, "expected no more words, found \"%s\"", word);
    } else if (!values_u64(word, &c->deal)) {
        argp_error(state, "expected the id of a deal (a decimal number), found \"%s\"", word);
    } else {
        c->has_deal = true;
    }
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    store_choice *c = state->input;
    switch (key) {
    case OPTION_JSON:
        c->json = true;
        return 0;
    case 'm':
        c->failed = !dump_load(&c->modules, arg) || c->failed;
        return 0;
    case OPTION_MODULES:
        c->folder = arg;
        return 0;
    case ARGP_KEY_ARG:
        take_word(c, arg, state);
        return 0;
    case ARGP_KEY_END:
        if (c->url == NULL) {
            argp_error(state, "expected a store: " DEALFSM_STORE_URLS);
        }
        if (c->needs_deal && !c->has_deal) {
            argp_error(state, "expected the id of a deal behind the store");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp store_argp = {argp_options, parse, NULL, NULL, NULL, NULL, NULL};

void store_parse(int argc, char **argv, const char *args, const char *doc, store_choice *out)
{
    const struct argp argp = {argp_options, parse, args, doc, NULL, NULL, NULL};
    argp_parse(&argp, argc, argv, 0, NULL, out);
}

/* ---- Opening */
void store_status(store_view *view, int status)
{
    view->status = status > view->status ? status : view->status;
}

int store_status_of(int32_t result)
{
    return result == DEALFSM_E_ARGUMENT ? DUMP_USAGE : result == DEALFSM_E_CORRUPT ? DUMP_NO : DUMP_FAILED;
}

static void tell_log(void *ctx, uint32_t level, uint64_t deal, const char *text)
{
    const char *command = ctx;
    (void)level;
    if (deal == 0) {
        fprintf(stderr, "%s: %s\n", command, text);
        return;
    }
    fprintf(stderr, "%s: deal %" PRIu64 ": %s\n", command, deal, text);
}

int store_open_read(const char *url, const dump_modules *modules, const char *command, dealfsm_store **store)
{
    dealfsm_error error = {.struct_size = sizeof error};
    const dealfsm_log_v1 log = {.struct_size = sizeof log, .ctx = (void *)command, .log = tell_log};
    const dealfsm_store_options options = {
        .struct_size = sizeof options, .flags = DEALFSM_STORE_READ_ONLY | DEALFSM_STORE_MUST_EXIST, .log = &log};
    const int32_t result = dealfsm_store_open(url, &options, store, &error);
    if (result < 0) {
        fprintf(stderr, "%s: %s\n", command, error.text); /* the texts of stores name the file */
        return store_status_of(result);
    }
    for (size_t i = 0; i < modules->count; i++) {
        const dealfsm_module_info *info = &modules->list[i].info;
        if (dealfsm_store_teach(*store, info->functions, &error) < 0) {
            fprintf(stderr, "%s: %s: %s\n", command, info->path, error.text);
            dealfsm_store_close(*store, NULL);
            *store = NULL;
            return DUMP_FAILED;
        }
    }
    return DUMP_DONE;
}

bool store_open(store_view *view, store_choice *choice, const char *command)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    *view = (store_view){.command = command,
                         .url = choice->url,
                         .modules = &choice->modules,
                         .arena = values_arena_new(),
                         .now = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000};
    (void)__fsetlocking(stdout, FSETLOCKING_BYCALLER); /* only this thread writes there, in many small pieces */
    if (view->arena == NULL || choice->failed ||
        ((choice->modules.count == 0 || choice->folder != NULL) &&
         !dump_load_folder(&choice->modules, choice->folder))) {
        store_status(view, DUMP_FAILED); /* it has been told */
        return false;
    }
    store_status(view, store_open_read(choice->url, &choice->modules, command, &view->store));
    if (view->store != NULL && (view->machines = dump_machines_open(view->modules, command)) == NULL) {
        store_status(view, DUMP_FAILED);
    }
    return view->machines != NULL;
}

void store_close(store_view *view, store_choice *choice)
{
    dump_machines_close(view->modules, view->machines);
    dealfsm_store_close(view->store, NULL);
    values_arena_free(view->arena);
    dump_unload(&choice->modules);
}

void store_walked(store_view *view, int32_t result, const dealfsm_error *error)
{
    if (result < 0) {
        fprintf(stderr, "%s: %s\n", view->command, error->text);
        store_status(view, store_status_of(result));
    }
}

/* ---- Rows */
/* Restores the row staged, looks, and drops it. */
static bool look_inside(const deal_row *it, dealfsm_machine *machine, dealfsm_deal *deal, dealfsm_error *error)
{
    const dealfsm_functions *functions = it->module->info.functions;
    const dealfsm_store_row *row = it->row;
    const dealfsm_snapshot snapshot = {.struct_size = sizeof snapshot,
                                       .deal = row->deal,
                                       .sequence = row->sequence,
                                       .revision = row->revision,
                                       .machine_version = row->machine_version,
                                       .record = (uint8_t *)row->record, /* restore only reads */
                                       .record_len = row->record_len,
                                       .sidecar = (uint8_t *)row->sidecar,
                                       .sidecar_len = row->sidecar_len};
    if (functions->restore(machine, &snapshot, error) < 0) {
        return false;
    }
    const int32_t result = functions->query(machine, row->deal, deal, error);
    functions->drop(machine, row->deal, NULL);
    return result >= 0 || result == DEALFSM_E_TOO_SMALL;
}

void store_see(store_view *view, const dealfsm_store_row *row, deal_row *out)
{
    dealfsm_error error = {.struct_size = sizeof error};
    dealfsm_deal deal = {.struct_size = sizeof deal};
    *out = (deal_row){.row = row, .record = {.struct_size = sizeof out->record}};
    out->module = dump_module_of(view->modules, row->machine_version);
    if (row->flags & DEALFSM_ROW_DAMAGED) {
        snprintf(out->trouble, sizeof out->trouble, "%s", row->damage);
    } else if (out->module == NULL) {
        snprintf(out->trouble, sizeof out->trouble, "no module is there for its machine version, %s",
                 row->machine_version == NULL ? "which is not known" : row->machine_version);
    } else if (out->module->info.record->decode(row->record, row->record_len, &out->record, &error) < 0 ||
               !look_inside(out, view->machines[out->module - view->modules->list], &deal, &error)) {
        snprintf(out->trouble, sizeof out->trouble, "%s cannot take it: %s", row->machine_version, error.text);
    } else {
        out->whole = true;
        out->flags = deal.flags;
        out->queued = deal.queued;
    }
}

void store_tell_trouble(store_view *view, const deal_row *it)
{
    if (!it->whole) {
        fflush(stdout);
        fprintf(stderr, "%s: deal %" PRIu64 ": %s\n", view->command, it->row->deal, it->trouble);
        store_status(view, it->module == NULL && !(it->row->flags & DEALFSM_ROW_DAMAGED) ? DUMP_DONE : DUMP_NO);
    }
}

bool store_line(store_view *view, json_t *json)
{
    const bool written = output_json(view->command, json, JSON_COMPACT);
    if (!written) {
        store_status(view, DUMP_FAILED);
    }
    return written;
}
