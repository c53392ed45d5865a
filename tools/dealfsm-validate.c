/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* dealfsm-validate: holds a module against the contract and against golden vectors, through the ABI only. */

#include <argp.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <dealfsm/host.h>

#include "output.h"
#include "paper.h"
#include "validate.h"
#include "validate_store.h"

enum { EXIT_USAGE = 2, LISTS_MAX = 64, TIMEOUT_SECONDS = 300 };

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0"
#endif
#ifndef PACKAGE_BUGREPORT
#define PACKAGE_BUGREPORT "the project's issue tracker"
#endif
const char *argp_program_version = "dealfsm-validate " PACKAGE_VERSION;
const char *argp_program_bug_address = PACKAGE_BUGREPORT;

typedef struct options {
    const char *module;
    const char *store_url;
    const char *folders[LISTS_MAX];
    const char *rules[LISTS_MAX];
    uint32_t folders_count;
    uint32_t rules_count;
    unsigned timeout;
    bool json;
    bool list;
    bool in_process;
} options;

static options chosen = {.timeout = TIMEOUT_SECONDS};

enum { OPTION_LIST = 256, OPTION_STORE, OPTION_JSON, OPTION_TIMEOUT, OPTION_IN_PROCESS };

static const struct argp_option argp_options[] = {
    {"vectors", 'v', "DIR", 0, "Also run the golden vectors in DIR (may be given several times)", 0},
    {"rule", 'r', "ID", 0, "Run only rules whose id is ID or starts with ID (may be given several times)", 0},
    {"store", OPTION_STORE, "URL", 0,
     "Also run the rules durable.*, on stores of this kind (sqlite:PATH, leveldb:PATH, library:FILE.so:PATH) in a "
     "directory that is made at PATH",
     0},
    {"list", OPTION_LIST, NULL, 0, "List the rules and end", 0},
    {"json", OPTION_JSON, NULL, 0, "Write NDJSON: an object for each failure, for each rule, and one for all", 0},
    {"timeout", OPTION_TIMEOUT, "SECONDS", 0, "A rule may take so long (300)", 0},
    {"in-process", OPTION_IN_PROCESS, NULL, 0, "Run the rules in this process, for debuggers: a crash ends it", 0},
    {0}};

static void append(struct argp_state *state, const char **list, uint32_t *count, const char *text)
{
    if (*count == LISTS_MAX) {
        argp_error(state, "more than %d times the same option", LISTS_MAX);
    }
    list[(*count)++] = text;
}

static unsigned seconds(struct argp_state *state, const char *text)
{
    uint64_t number = 0;
    if (!values_u64(text, &number) || number == 0 || number > 86400) {
        argp_error(state, "--timeout: expected 1 to 86400 seconds, found \"%s\"", text);
    }
    return (unsigned)number;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    options *o = state->input;
    switch (key) {
    case 'v':
        append(state, o->folders, &o->folders_count, arg);
        return 0;
    case 'r':
        append(state, o->rules, &o->rules_count, arg);
        return 0;
    case OPTION_STORE:
        o->store_url = arg;
        return 0;
    case OPTION_LIST:
        o->list = true;
        return 0;
    case OPTION_JSON:
        o->json = true;
        return 0;
    case OPTION_TIMEOUT:
        o->timeout = seconds(state, arg);
        return 0;
    case OPTION_IN_PROCESS:
        o->in_process = true;
        return 0;
    case ARGP_KEY_ARG:
        if (o->module != NULL) {
            argp_error(state, "one module at a time; found \"%s\" after \"%s\"", arg, o->module);
        }
        o->module = arg;
        return 0;
    case ARGP_KEY_END:
        if (o->module == NULL && !o->list) {
            argp_error(state, "expected a module file (dealfsm-client-….so)");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    argp_options,
    parse,
    "MODULE",
    "Holds a machine module against the contract, through its ABI only, and against folders of golden vectors.\v"
    "Each rule runs in a process of its own. Each failure is a line: rule, file and line, what was expected, what was "
    "found. The last line is \"N passed, N failed\"; exit status 0: none failed, 1: some did, 2: wrong usage, no "
    "module, or the results cannot be written.",
    NULL,
    NULL,
    NULL};

/* ---- Rules */
static const rule_group
    *const groups[] =
        {
            &rules_negotiate,    &rules_describe,        &rules_record,    &rules_structs,  &rules_arguments,
            &rules_machine,      &rules_queue,           &rules_ops,       &rules_store,    &rules_pending,
            &rules_snapshot,     &rules_freeze,          &rules_callbacks, &rules_parallel, &rules_durable,
            &rules_durable_disk, &rules_durable_machine, /* the last three only with --store */
};
enum { GROUPS = sizeof groups / sizeof *groups };

static bool wanted(const char *id)
{
    for (uint32_t i = 0; i < chosen.rules_count; i++) {
        if (strncmp(id, chosen.rules[i], strlen(chosen.rules[i])) == 0) {
            return true;
        }
    }
    return chosen.rules_count == 0;
}

/* Rules on durable stores want a place to make them. */
static bool can_run(const char *id)
{
    return chosen.store_url != NULL || strncmp(id, "durable.", strlen("durable.")) != 0;
}

/* Every --rule must pick something. */
static bool rules_exist(void)
{
    for (uint32_t i = 0; i < chosen.rules_count; i++) {
        const size_t length = strlen(chosen.rules[i]);
        bool found = false;
        const char *id;
        const char *text;
        for (uint32_t g = 0; g < GROUPS; g++) {
            for (uint32_t r = 0; r < groups[g]->count; r++) {
                const char *rule_id = groups[g]->rules[r].id;
                found = found || (can_run(rule_id) && strncmp(rule_id, chosen.rules[i], length) == 0);
            }
        }
        for (uint32_t f = 0; vectors_rule(f, &id, &text); f++) {
            found = found || strncmp(id, chosen.rules[i], length) == 0;
        }
        if (!found) {
            fprintf(stderr,
                    "dealfsm-validate: no rule starts with \"%s\"; --list shows them (durable.* with --store)\n",
                    chosen.rules[i]);
            return false;
        }
    }
    return true;
}

static bool folders_exist(void)
{
    for (uint32_t i = 0; i < chosen.folders_count; i++) {
        if (!vectors_found(chosen.folders[i])) {
            fprintf(stderr,
                    "dealfsm-validate: %s: expected a folder with golden vectors (records.jsonl, traces.jsonl.gz, "
                    "…), found none of those files\n",
                    chosen.folders[i]);
            return false;
        }
    }
    return true;
}

static void list_rule(const paper *out, const char *id, const char *text)
{
    enum { TEXT_COLUMN = 35 };
    (void)fprintf(out->out, "%-*s ", TEXT_COLUMN - 1, id);
    paper_wrap(out, INK_PLAIN, TEXT_COLUMN, TEXT_COLUMN, text);
}

static void list_rules(void)
{
    const paper out = {.out = stdout};
    const char *id;
    const char *text;
    for (uint32_t g = 0; g < GROUPS; g++) {
        for (uint32_t r = 0; r < groups[g]->count; r++) {
            if (can_run(groups[g]->rules[r].id)) {
                list_rule(&out, groups[g]->rules[r].id, groups[g]->rules[r].text);
            }
        }
    }
    for (uint32_t f = 0; vectors_rule(f, &id, &text); f++) {
        list_rule(&out, id, text);
    }
}

typedef struct rule_job {
    validator *v;
    const rule *rule;
} rule_job;

static void run_rule(void *ctx)
{
    const rule_job *job = ctx;
    job->rule->run(job->v);
}

static void run_rules(validator *v)
{
    for (uint32_t g = 0; g < GROUPS; g++) {
        for (uint32_t r = 0; r < groups[g]->count && ferror(stdout) == 0; r++) {
            const rule *one = &groups[g]->rules[r];
            if (wanted(one->id) && can_run(one->id)) {
                rule_job job = {.v = v, .rule = one};
                report_rule(v->report, one->id, one->text, run_rule, &job);
                values_arena_clear(v->arena);
            }
        }
    }
}

/* ---- The module */

/* The host library tells no module's exported function; the copy that it mapped, opened again, is the same mapping. */
static dealfsm_module_fn *exported_function(const dealfsm_module_info *info)
{
    const char *path = access(info->copy, R_OK) == 0 ? info->copy : info->path;
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *symbol = handle == NULL ? NULL : dlsym(handle, DEALFSM_MODULE_SYMBOL);
    dealfsm_module_fn *fn = NULL;
    memcpy(&fn, &symbol, sizeof fn);
    return fn;
}

static bool load(validator *v, const char *path)
{
    dealfsm_error error = {.struct_size = sizeof error};
    dealfsm_host *host = NULL;
    dealfsm_module *module = NULL;
    dealfsm_module_info info = {.struct_size = sizeof info};
    const bool loaded = dealfsm_host_new(NULL, &host, &error) == DEALFSM_OK &&
                        dealfsm_host_load(host, path, &module, &error) == DEALFSM_OK &&
                        dealfsm_host_module_info(module, &info, &error) == DEALFSM_OK;
    v->functions = info.functions;
    v->describe = info.describe;
    v->record = info.record;
    v->negotiate = loaded ? exported_function(&info) : NULL;
    dealfsm_host_free(host, NULL); /* the module stays; without the library's threads a rule can have a process */
    const char *what = "describe/1";
    if (!loaded) {
        fprintf(stderr, "dealfsm-validate: %s\n", error.text); /* it names the file */
    } else if (v->negotiate == NULL) {
        fprintf(stderr, "dealfsm-validate: %s: %s\n", path, dlerror());
    } else if (v->describe == NULL || v->record == NULL) {
        fprintf(stderr, "dealfsm-validate: %s: does not offer describe/1 and record/1, which all rules need\n", path);
    } else if (!description_load(&v->machine, v->describe, &what)) {
        fprintf(stderr, "dealfsm-validate: %s: describe/1: %s gave no list that ends\n", path, what);
    } else {
        return true;
    }
    return false;
}

static int run_all(validator *v)
{
    const char *module = chosen.module;
    int status = EXIT_USAGE;
    v->arena = values_arena_new();
    if (v->arena != NULL && report_open(v->report) && load(v, module)) {
        report_note(v->report, "%s: %s", module, v->machine.machine_version);
        run_rules(v);
        for (uint32_t i = 0; i < chosen.folders_count && ferror(stdout) == 0; i++) {
            vectors_run(v, chosen.folders[i], wanted);
        }
        status = report_end(v->report);
    }
    if (v->store_url != NULL) {
        store_place_remove(v->store_url);
    }
    description_release(&v->machine);
    values_arena_free(v->arena);
    report_close(v->report);
    return status;
}

int main(int argc, char **argv)
{
    argp_err_exit_status = EXIT_USAGE;
    output_watch("dealfsm-validate", EXIT_USAGE);
    argp_parse(&argp, argc, argv, 0, NULL, &chosen);
    json_object_seed(1); /* else it asks the system for random bytes */
    if (chosen.list) {
        list_rules();
        return EXIT_SUCCESS;
    }
    if (!rules_exist() || !folders_exist() || (chosen.store_url != NULL && !store_place_make(chosen.store_url))) {
        return EXIT_USAGE;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    report results = {.json = chosen.json,
                      .progress = isatty(STDERR_FILENO) != 0,
                      .timeout = chosen.timeout,
                      .in_process = chosen.in_process};
    validator v = {.report = &results, .store_url = chosen.store_url};
    return run_all(&v);
}
