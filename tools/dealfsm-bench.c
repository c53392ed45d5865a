/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* dealfsm-bench: how fast a module is, held against a hand-written switch, its aims, and the reference. */

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "output.h"
#include "values.h"

#define DEFAULT_MODULE DEALFSM_MODULE_DIR "/" DEALFSM_DEFAULT_MODULE
#define DEFAULT_TO DEALFSM_MODULE_DIR "/" DEALFSM_NEXT_MODULE
#define DEFAULT_SOURCE DEALFSM_DATA_DIR "/reference"
enum {
    IDLE_DEALS = 1000000,
    IDLE_DEALS_MAX = 100000000,
    DEALS = 100000,
    DEALS_MAX = 10000000,
    AT_A_TIME_MAX = 1000000
};

const char *argp_program_version = "dealfsm-bench " PACKAGE_VERSION;

typedef struct command_line {
    bench_options options;
    const char *command;
} command_line;

enum {
    OPTION_JSON = 256,
    OPTION_IDLE,
    OPTION_SOURCE,
    OPTION_TO,
    OPTION_DEALS,
    OPTION_STORE,
    OPTION_AT_A_TIME,
    OPTION_SCRATCH
};

static const struct argp_option argp_options[] = {
    {"module", 'm', "FILE", 0, "The module (the installed " DEALFSM_DEFAULT_MODULE ")", 0},
    {"seconds", 's', "N", 0, "Time for what is measured again and again (20)", 0},
    {"idle-deals", OPTION_IDLE, "N", 0, "step: idle deals to weigh (1000000)", 0},
    {"source", OPTION_SOURCE, "DIR", 0, "reference, durable: folder of the Go program (the installed one)", 0},
    {"to", OPTION_TO, "FILE", 0, "swap: the other module (the installed " DEALFSM_NEXT_MODULE ")", 0},
    {"deals", OPTION_DEALS, "N", 0, "swap: deals that move; durable: deals that are resumed (100000)", 0},
    {"store", OPTION_STORE, "KIND", 0, "durable: only this store, sqlite or leveldb; may be given again (both)", 0},
    {"at-a-time", OPTION_AT_A_TIME, "N,N...", 0, "durable: numbers of deals side by side (1,100,1000,10000)", 0},
    {"scratch", OPTION_SCRATCH, "DIR", 0, "Where files are made, and removed (TMPDIR, else the present folder)", 0},
    {"json", OPTION_JSON, NULL, 0, "Write one JSON object", 0},
    {0}};

typedef int run_fn(const bench_options *options);

/* NULL: there is no such command. */
static run_fn *run_of(const char *command)
{
    static const struct {
        const char *name;
        run_fn *run;
    } commands[] = {{"step", bench_run_step},
                    {"durable", bench_run_durable},
                    {"swap", bench_run_swap},
                    {"reference", bench_run_reference}};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(command, commands[i].name) == 0) {
            return commands[i].run;
        }
    }
    return NULL;
}

/* A whole number from 1. */
static uint32_t count(struct argp_state *state, const char *option, const char *text, uint32_t most)
{
    uint64_t value = 0;
    if (!values_u64(text, &value) || value < 1 || value > most) {
        argp_error(state, "%s: expected a whole number from 1 to %u, found \"%s\"", option, most, text);
    }
    return (uint32_t)value;
}

static double number(struct argp_state *state, const char *option, const char *text, double least, double most)
{
    char *end = NULL;
    const double value = strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= least && value <= most)) {
        argp_error(state, "%s: expected a number from %g to %g, found \"%s\"", option, least, most, text);
    }
    return value;
}

static void take_store(struct argp_state *state, bench_options *options, const char *text)
{
    static const char *const kinds[BENCH_STORES] = {"sqlite", "leveldb"};
    const size_t length = strcspn(text, ":"); /* as in a URL */
    for (uint32_t i = 0; i < BENCH_STORES; i++) {
        if (strlen(kinds[i]) == length && strncmp(kinds[i], text, length) == 0 &&
            text[length + (text[length] == ':')] == '\0') {
            options->stores |= 1U << i;
            return;
        }
    }
    argp_error(state, "--store: expected sqlite or leveldb, found \"%s\"", text);
}

static void take_sizes(struct argp_state *state, bench_options *options, char *text)
{
    char *rest = NULL;
    options->sizes_count = 0;
    if (text[strspn(text, ",")] == '\0') {
        argp_error(state, "--at-a-time: expected numbers, found none");
    }
    for (const char *one = strtok_r(text, ",", &rest); one != NULL; one = strtok_r(NULL, ",", &rest)) {
        if (options->sizes_count == BENCH_SIZES_MAX) {
            argp_error(state, "--at-a-time: expected at most %d numbers", BENCH_SIZES_MAX);
        }
        options->sizes[options->sizes_count++] = count(state, "--at-a-time", one, AT_A_TIME_MAX);
    }
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    command_line *line = state->input;
    switch (key) {
    case 'm':
        line->options.module = arg;
        return 0;
    case 's':
        line->options.seconds = number(state, "--seconds", arg, 0, 86400);
        return 0;
    case OPTION_IDLE:
        line->options.idle_deals = count(state, "--idle-deals", arg, IDLE_DEALS_MAX);
        return 0;
    case OPTION_SOURCE:
        line->options.source = arg;
        return 0;
    case OPTION_TO:
        line->options.to = arg;
        return 0;
    case OPTION_DEALS:
        line->options.deals = count(state, "--deals", arg, DEALS_MAX);
        return 0;
    case OPTION_STORE:
        take_store(state, &line->options, arg);
        return 0;
    case OPTION_AT_A_TIME:
        take_sizes(state, &line->options, arg);
        return 0;
    case OPTION_SCRATCH:
        line->options.scratch = arg;
        return 0;
    case OPTION_JSON:
        line->options.json = true;
        return 0;
    case ARGP_KEY_ARG:
        if (line->command != NULL || run_of(arg) == NULL) {
            argp_error(state, "expected one command: step, durable, swap or reference; found \"%s\"", arg);
        }
        line->command = arg;
        return 0;
    case ARGP_KEY_END:
        if (line->command == NULL) {
            argp_error(state, "expected a command: step, durable, swap or reference");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    argp_options,
    parse,
    "step|durable|swap|reference",
    "Measures a module along the 14-event path: a retrieval over a new payment channel, paid in two vouchers.\v"
    "step: nanoseconds per event of a hand-written switch, of the step alone, and of dispatch through the module; "
    "threads; stored bytes; memory of idle deals; with the aims beside the figures. durable: events/s on durable "
    "stores, beside bare loops that write the same to SQLite, LevelDB and a plain file, and the reference on LevelDB; "
    "latency of a lone deal; time to resume. swap: for how long a deal is held when it moves to another machine of "
    "the same version, and to the version of --to, without store, on sqlite and on leveldb; how long all take. "
    "reference: the same path through go-statemachine with the reference's own machine, which is built with go.\n\n"
    "Exit status 0: measured (aims may be missed, the text says so), 1: a measurement failed or standard output "
    "cannot be written, 2: wrong usage or no module, 3: reference, and there is no go.",
    NULL,
    NULL,
    NULL};

int main(int argc, char **argv)
{
    command_line line = {.options = {.module = DEFAULT_MODULE,
                                     .source = DEFAULT_SOURCE,
                                     .seconds = 20,
                                     .idle_deals = IDLE_DEALS,
                                     .to = DEFAULT_TO,
                                     .deals = DEALS,
                                     .sizes_count = 4,
                                     .sizes = {1, 100, 1000, 10000}}};
    argp_err_exit_status = BENCH_USAGE;
    output_watch("dealfsm-bench", BENCH_FAILED);
    argp_parse(&argp, argc, argv, 0, NULL, &line);
    json_object_seed(1); /* else it asks the system for random bytes */
    return run_of(line.command)(&line.options);
}
