/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* dealfsm-host: the program's arguments. */

#include <argp.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "output.h"
#include "wire.h"

enum {
    OPTION_SYNC = 256,
    OPTION_ASYNC,
    OPTION_TRACE,
    OPTION_JSON,
    OPTION_LANES,
    OPTION_STORE,
    OPTION_WORLD,
    OPTION_SWAP_TO,
    OPTION_AT,
    OPTION_CANARY,
    OPTION_CONFIRM,
    OPTION_REVERT_AT,
    OPTION_KEEP_REFUSED
};

typedef struct arguments {
    const char *command;
    host_options run;
} arguments;

const char *argp_program_version = "dealfsm-host " PACKAGE_VERSION;

/* Groups of --help, in this order. */
enum { GROUP_DEALS = 1, GROUP_PLACES, GROUP_SWAP, GROUP_OUTPUT };

static const struct argp_option OPTIONS[] = {
    {NULL, 0, NULL, 0, "run: the deals, and the machine that takes them", GROUP_DEALS},
    {"module", 'm', "FILE", 0, "Module to load (default: " DEALFSM_DEFAULT_MODULE " of this installation)", 0},
    {"deals", 'n', "N", 0, "Number of deals, 1 to 10,000,000 (default: the scenario's)", 0},
    {"seed", 's', "N", 0, "Seed of all dice (default: the scenario's)", 0},
    {"threads", 't', "N", 0, "Threads that run the deals, 1 to 256 (default: 1, with a store 16)", 0},
    {"sync", OPTION_SYNC, NULL, 0, "Answer ops before the call returns (default: --async)", 0},
    {"async", OPTION_ASYNC, NULL, 0, "Answer ops later, from whichever thread comes by (the default)", 0},
    {NULL, 0, NULL, 0, "run: where the deals and the world are kept", GROUP_PLACES},
    {"store", OPTION_STORE, "URL", 0,
     "Keep the deals there: " DEALFSM_STORE_URLS " (default: in memory). Run again with the same store, deals go on "
     "where they were; N of --deals is the number of all",
     0},
    {"world", OPTION_WORLD, "unix:PATH", 0,
     "The world is in a process of its own, dealfsm-world (default: in this one, with a store also in its path + "
     ".world)",
     0},
    {NULL, 0, NULL, 0, "run: another module while the deals run", GROUP_SWAP},
    {"swap-to", OPTION_SWAP_TO, "FILE", 0,
     "Swap the deals to this module (default: no swap); may be given several times, and the options of this group "
     "that follow belong to it",
     0},
    {"at", OPTION_AT, "N%", 0, "Swap when so many per cent of the deals have ended (default: 50%)", 0},
    {"canary", OPTION_CANARY, "N", 0,
     "Move N deals first, the others when as many as --confirm says have ended (default: all at once)", 0},
    {"confirm", OPTION_CONFIRM, "N", 0, "The swap is final when N of the deals that moved have ended (default: 0)", 0},
    {"revert-at", OPTION_REVERT_AT, "N%", 0,
     "Take the swap back when so many per cent of the deals have ended (default: never)", 0},
    {"keep-refused", OPTION_KEEP_REFUSED, NULL, 0,
     "Swap even if some deals cannot move: they end where they are (default: then none moves)", 0},
    {NULL, 0, NULL, 0, "run: what is written", GROUP_OUTPUT},
    {"json", OPTION_JSON, NULL, 0, "An object a line for each deal, then a summary (default: a report as text)", 0},
    {"trace", OPTION_TRACE, NULL, 0,
     "A line for each notification and op, with --json on standard error (default: none)", 0},
    {"lanes", OPTION_LANES, NULL, 0, "List all lanes in the books (default: only those that differ)", 0},
    {NULL, 0, NULL, 0, "Help", -1},
    {NULL, 0, NULL, 0, NULL, 0}};

static const char DOC[] =
    "Takes the retrieval deals of a scenario through a machine to their ends, and audits the books.\v"
    "Commands:\n"
    "  run SCENARIO.json   run it (examples: examples/*.json)\n"
    "  scenario-format     describe the format of scenarios\n\n"
    "Exit codes: 0 fine; 1 the books do not balance, or store and world do not belong together; 2 wrong arguments or "
    "scenario; 3 the module cannot be loaded; 4 out of memory, standard output cannot be written, or another failure; "
    "5 the store cannot be opened; 130 interrupted or terminated (a second signal ends the program at once; nothing "
    "that is in a store is lost).";

/* A decimal number from min to max; else a usage error. */
static uint64_t number(struct argp_state *state, const char *name, const char *text, uint64_t min, uint64_t max)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || text[0] < '0' || text[0] > '9' || *end != '\0' || value < min || value > max) {
        argp_error(state, "--%s: expected a number from %llu to %llu, found \"%s\"", name, (unsigned long long)min,
                   (unsigned long long)max, text);
    }
    return value;
}

/* A percentage, with or without its sign. */
static uint32_t percent(struct argp_state *state, const char *name, const char *text)
{
    char digits[8];
    size_t len = strlen(text);
    len -= len > 0 && text[len - 1] == '%';
    (void)snprintf(digits, sizeof digits, "%.*s", (int)(len < sizeof digits ? len : sizeof digits - 1), text);
    return (uint32_t)number(state, name, digits, 0, 100);
}

/* The swap that an option belongs to. */
static host_swap_option *present_swap(arguments *a, const char *name, struct argp_state *state)
{
    if (a->run.swaps_count == 0) {
        argp_error(state, "--%s: expected after a --swap-to, found before", name);
    }
    return &a->run.swaps[a->run.swaps_count - 1];
}

static error_t take_swap(int key, char *text, struct argp_state *state)
{
    arguments *a = state->input;
    switch (key) {
    case OPTION_SWAP_TO:
        if (a->run.swaps_count == HOST_SWAPS) {
            argp_error(state, "--swap-to: expected at most %d, found more", HOST_SWAPS);
        }
        a->run.swaps[a->run.swaps_count++] = (host_swap_option){.module = text, .at = 50};
        return 0;
    case OPTION_AT:
        present_swap(a, "at", state)->at = percent(state, "at", text);
        return 0;
    case OPTION_CANARY:
        present_swap(a, "canary", state)->canary = number(state, "canary", text, 1, UINT64_MAX);
        return 0;
    case OPTION_CONFIRM:
        present_swap(a, "confirm", state)->confirm = number(state, "confirm", text, 0, UINT64_MAX);
        return 0;
    case OPTION_REVERT_AT:
        present_swap(a, "revert-at", state)->revert_at = percent(state, "revert-at", text);
        return 0;
    case OPTION_KEEP_REFUSED:
        present_swap(a, "keep-refused", state)->keep_refused = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static error_t take_word(arguments *a, const char *word, struct argp_state *state)
{
    if (a->command == NULL) {
        a->command = word;
        if (strcmp(word, "run") != 0 && strcmp(word, "scenario-format") != 0) {
            argp_error(state, "expected the command run or scenario-format, found \"%s\"", word);
        }
    } else if (strcmp(a->command, "run") == 0 && a->run.scenario == NULL) {
        a->run.scenario = word;
    } else {
        argp_error(state, "expected no more words, found \"%s\"", word);
    }
    return 0;
}

static error_t take(int key, char *text, struct argp_state *state)
{
    arguments *a = state->input;
    text_why why;
    switch (key) {
    case 'm':
        a->run.module = text;
        return 0;
    case 'n':
        a->run.deals = number(state, "deals", text, 1, 10000000);
        return 0;
    case 's':
        a->run.seed = number(state, "seed", text, 0, UINT64_MAX);
        a->run.has_seed = true;
        return 0;
    case 't':
        a->run.threads = (uint32_t)number(state, "threads", text, 1, 256);
        return 0;
    case OPTION_SYNC:
    case OPTION_ASYNC:
        a->run.sync = key == OPTION_SYNC;
        return 0;
    case OPTION_TRACE:
        a->run.trace = true;
        return 0;
    case OPTION_JSON:
        a->run.json = true;
        return 0;
    case OPTION_STORE:
        a->run.store = text;
        return 0;
    case OPTION_WORLD:
        a->run.world = text;
        if (!wire_is_url(text, &why)) {
            argp_error(state, "--world: %s", why.text);
        }
        return 0;
    case OPTION_LANES:
        a->run.lanes = true;
        return 0;
    case ARGP_KEY_ARG:
        return take_word(a, text, state);
    case ARGP_KEY_END:
        if (a->command == NULL || (strcmp(a->command, "run") == 0 && a->run.scenario == NULL)) {
            argp_error(state, "expected a command: run SCENARIO.json or scenario-format");
        }
        return 0;
    default:
        return take_swap(key, text, state);
    }
}

/* What the results say: the exit code. */
static int conclude(const host_node *node, const host_results *results)
{
    if (node->options->json) {
        host_json(node, results, stdout);
    } else {
        host_report(node, results, stdout);
    }
    if (!results->books->balance) {
        return HOST_BOOKS;
    }
    return runner_stopped(node->runner) ? HOST_INTERRUPTED : HOST_FINE;
}

static int run(const host_options *options)
{
    text_why why;
    scenario *s = scenario_read(options->scenario, &why);
    if (s == NULL) {
        (void)fprintf(stderr, "dealfsm-host: %s\n", why.text);
        return HOST_USAGE;
    }
    host_node *node = calloc(1, sizeof *node);
    int code = node != NULL ? host_node_open(node, options, s) : HOST_FAILED;
    if (code == HOST_FINE) {
        code = host_node_run(node);
    }
    if (code == HOST_FINE) {
        host_results *results = host_results_take(node);
        code = results != NULL ? conclude(node, results) : HOST_FAILED;
        host_results_free(results);
    }
    int closed = node != NULL ? host_node_close(node) : HOST_FINE;
    free(node);
    scenario_free(s);
    return code != HOST_FINE ? code : closed;
}

int main(int argc, char **argv)
{
    static const struct argp argp = {OPTIONS, take, "run SCENARIO.json\nscenario-format", DOC, NULL, NULL, NULL};
    arguments a = {.command = NULL};
    output_watch("dealfsm-host", HOST_FAILED);
    json_object_seed(1); /* the same order of keys each time, and no look at /dev/urandom */
    argp_err_exit_status = HOST_USAGE;
    (void)argp_parse(&argp, argc, argv, 0, NULL, &a);
    if (strcmp(a.command, "scenario-format") == 0) {
        scenario_format(stdout);
        return HOST_FINE;
    }
    return run(&a.run);
}
