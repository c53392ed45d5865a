/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* `dealfsm-dump compare`: its command line. */
#include <argp.h>

#include "dump.h"
#include "dump_compare.h"
#include "output.h"

typedef struct options {
    const char *old_file;
    const char *new_file;
    const char *url;
    bool json;
} options;

enum { OPTION_STORE = 256, OPTION_JSON };

static const struct argp_option argp_options[] = {
    {"store", OPTION_STORE, "URL", 0, "Try the deals of this store, too: " DEALFSM_STORE_URLS " (default: none)", 0},
    {"json", OPTION_JSON, NULL, 0, "Write one object as JSON (default: text)", 0},
    {0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    options *o = state->input;
    switch (key) {
    case OPTION_STORE:
        o->url = arg;
        return 0;
    case OPTION_JSON:
        o->json = true;
        return 0;
    case ARGP_KEY_ARG:
        if (o->new_file != NULL) {
            argp_error(state, "expected two modules, found \"%s\" behind them", arg);
        }
        *(o->old_file == NULL ? &o->old_file : &o->new_file) = arg;
        return 0;
    case ARGP_KEY_END:
        if (o->new_file == NULL) {
            argp_error(state, "expected two modules (dealfsm-client-….so): the old one and the new one");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    argp_options,
    parse,
    "OLD NEW",
    "Tells whether the machine of module NEW can take over the deals that module OLD has, and give them back, and "
    "what differs between the two. With a store: how many of its deals would move, stay for now or be refused, and "
    "why. Nothing is written.\v"
    "Deals that have ended are counted apart: a swap does not move them. Deals of other machine versions than OLD's "
    "are only counted.\n\n"
    "Exit status: 0 NEW can take over; 1 it cannot, or a deal of the store is refused or cannot be read; 2 wrong "
    "usage; 3 a module is refused, or the store cannot be read.",
    NULL,
    NULL,
    NULL};

static int compare(const options *o, const dump_modules *modules, values_arena *arena)
{
    comparison it = {.arena = arena, .old_module = &modules->list[0], .new_module = &modules->list[1]};
    const paper out = paper_on(stdout);
    it.takes_over = migration_is_offered(it.old_module, it.new_module);
    it.gives_back = migration_is_offered(it.new_module, it.old_module);
    for (compare_what what = 0; what < COMPARE_LISTS; what++) {
        it.lists[what] = compare_machines(arena, &it.old_module->machine, &it.new_module->machine, what);
    }
    int status = it.takes_over ? DUMP_DONE : DUMP_NO;
    if (o->url != NULL) {
        const int deals = compare_deals(&it, modules, o->url);
        status = deals > status ? deals : status;
    }
    if (status > DUMP_NO) {
        return status;
    }
    if (!o->json) {
        comparison_text(&it, &out);
    } else if (!output_json("dealfsm-dump compare", comparison_json(&it), JSON_INDENT(2))) {
        status = DUMP_FAILED;
    }
    return status;
}

static int run(int argc, char **argv)
{
    options chosen = {0};
    dump_modules modules = {0};
    argp_parse(&argp, argc, argv, 0, NULL, &chosen);
    values_arena *arena = values_arena_new();
    int status = DUMP_FAILED;
    if (arena != NULL && dump_load(&modules, chosen.old_file) && dump_load(&modules, chosen.new_file)) {
        status = compare(&chosen, &modules, arena);
    }
    dump_unload(&modules);
    values_arena_free(arena);
    return status;
}

const dump_command dump_compare_command = {"compare", "can one machine take over what another has, and what differs",
                                           run};
