/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* `dealfsm-dump machine`: its command line. */
#include <argp.h>
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dump.h"
#include "dump_load.h"
#include "dump_machine.h"
#include "dump_words.h"
#include "output.h"

typedef enum form { FORM_TEXT, FORM_JSON, FORM_MERMAID, FORM_PLANTUML, FORM_DOT, FORM_SVG, FORMS } form;
static const char *const form_names[FORMS] = {"text", "json", "mermaid", "plantuml", "dot", "svg"};

typedef struct options {
    const char *module; /* of two: the old one */
    const char *new_module;
    const char *state;
    const char *event;
    form form;
    bool holes;
    bool diff;
} options;

enum { OPTION_HOLES = 256, OPTION_DIFF };

static const struct argp_option argp_options[] = {
    {"format", 'f', "FORM", 0, "text, json, mermaid, plantuml, dot or svg, which needs Graphviz (default: text)", 0},
    {"state", 's', "STATE", 0, "Show one state: a name, with or without DealStatus, or a number (default: all)", 0},
    {"event", 'e', "EVENT", 0, "Show one event: a name, with or without ClientEvent, or a number (default: all)", 0},
    {"holes", OPTION_HOLES, NULL, 0, "Show the cells that drop an event from outside, by state (text or json)", 0},
    {"diff", OPTION_DIFF, NULL, 0,
     "Show the transitions in which the machines of two modules differ (text or a diagram)", 0},
    {0}};

static form read_form(struct argp_state *state, const char *text)
{
    for (int i = 0; i < FORMS; i++) {
        if (strcmp(form_names[i], text) == 0) {
            return (form)i;
        }
    }
    argp_error(state, "--format: expected text, json, mermaid, plantuml, dot or svg, found \"%s\"", text);
    return FORM_TEXT;
}

static void take_module(options *o, const char *file, struct argp_state *state)
{
    if (o->new_module != NULL) {
        argp_error(state, "expected two modules at most, found \"%s\" behind them", file);
    }
    *(o->module == NULL ? &o->module : &o->new_module) = file;
}

static void check_whole(const options *o, struct argp_state *state)
{
    if (o->module == NULL) {
        argp_error(state, "expected a module file (dealfsm-client-….so)");
    }
    if (!o->diff && o->new_module != NULL) {
        argp_error(state, "one module at a time, or two with --diff; found \"%s\" after \"%s\"", o->new_module,
                   o->module);
    }
    if (o->holes && o->form != FORM_TEXT && o->form != FORM_JSON) {
        argp_error(state, "--holes: expected --format text or json, found %s", form_names[o->form]);
    }
    if (o->diff && o->new_module == NULL) {
        argp_error(state, "--diff: expected two modules, the old one and the new one");
    }
    if (o->diff && (o->holes || o->state != NULL || o->event != NULL || o->form == FORM_JSON)) {
        argp_error(state, "--diff: expected no other option than --format text, mermaid, plantuml, dot or svg "
                          "(dealfsm-dump compare --json gives it as JSON)");
    }
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    options *o = state->input;
    switch (key) {
    case 'f':
        o->form = read_form(state, arg);
        return 0;
    case 's':
        o->state = arg;
        return 0;
    case 'e':
        o->event = arg;
        return 0;
    case OPTION_HOLES:
        o->holes = true;
        return 0;
    case OPTION_DIFF:
        o->diff = true;
        return 0;
    case ARGP_KEY_ARG:
        take_module(o, arg, state);
        return 0;
    case ARGP_KEY_END:
        check_whole(o, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {argp_options,
                                 parse,
                                 "MODULE\n--diff OLD NEW",
                                 "Shows the machine of a module, as the module itself describes it (describe/1).\v"
                                 "The text form has the order and the words of the specification. A hole is a cell in "
                                 "which an event that may come from outside at any time is dropped.\n\n"
                                 "Exit status: 0 done; 1 --diff: they differ; 2 wrong usage, no such state or event; "
                                 "3 the module is refused, or dot is missing.",
                                 NULL,
                                 NULL,
                                 NULL};

/* ---- Names on the command line */
static bool same_name(const char *given, const char *name, const char *prefix)
{
    const size_t size = strlen(prefix);
    return strcasecmp(given, name) == 0 || (strncmp(name, prefix, size) == 0 && strcasecmp(given, name + size) == 0);
}

static bool same_number(const char *given, uint64_t number)
{
    uint64_t found;
    return values_u64(given, &found) && found == number;
}

static const dealfsm_state_info *find_state(const machine_view *view, const char *given)
{
    for (uint32_t i = 0; i < view->machine->states_count; i++) {
        const dealfsm_state_info *it = &view->machine->states[i];
        if (same_number(given, it->status) || same_name(given, it->name, "DealStatus") ||
            same_name(given, words_status(view->arena, view->machine, it->status), "DealStatus")) {
            return it;
        }
    }
    return NULL;
}

static const dealfsm_event_info *find_event(const machine_view *view, const char *given)
{
    for (uint32_t i = 0; i < view->machine->events_count; i++) {
        const dealfsm_event_info *it = &view->machine->events[i];
        if (same_number(given, it->event) || same_name(given, it->name, "ClientEvent")) {
            return it;
        }
    }
    return NULL;
}

static int unknown(const machine_view *view, const char *what, const char *given)
{
    words names = {.arena = view->arena};
    const bool is_state = strcmp(what, "state") == 0;
    const uint32_t count = is_state ? view->machine->states_count : view->machine->events_count;
    for (uint32_t i = 0; i < count; i++) {
        words_item(&names, ", ",
                   is_state ? words_state(view->arena, view->machine, view->machine->states[i].status)
                            : words_short_event(view->arena, view->machine, view->machine->events[i].event));
    }
    fprintf(stderr, "dealfsm-dump machine: expected a%s %s of %s, found \"%s\". It has:\n", is_state ? "" : "n", what,
            view->machine->machine_version, given);
    const paper out = paper_on(stderr);
    paper_indent(&out, 4);
    paper_wrap(&out, INK_PLAIN, 4, 4, words_text(&names));
    return DUMP_USAGE;
}

static int narrow(machine_view *view, const options *o)
{
    view->state = o->state == NULL ? NULL : find_state(view, o->state);
    view->event = o->event == NULL ? NULL : find_event(view, o->event);
    if (o->state != NULL && view->state == NULL) {
        return unknown(view, "state", o->state);
    }
    if (o->event != NULL && view->event == NULL) {
        return unknown(view, "event", o->event);
    }
    return DUMP_DONE;
}

/* ---- Forms */

/* Starts Graphviz's dot, which reads `file` and writes to our standard output; SIGPIPE ends it, as it ends any program. */
static int start_dot(FILE *file, pid_t *child)
{
    char name[] = "dot";
    char form_option[] = "-Tsvg";
    char *const command[] = {name, form_option, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t usual;
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigdefault(&attributes, &usual);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fileno(file), STDIN_FILENO);
    const int error = posix_spawnp(child, "dot", &actions, &attributes, command, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return error;
}

/* Runs dot on the diagram in `file`, which is at its beginning. */
static int run_dot(FILE *file)
{
    pid_t child = 0;
    int status = 0;
    const int error = start_dot(file, &child);
    if (error == ENOENT) {
        fputs("dealfsm-dump machine: --format svg needs the program dot of Graphviz, found none: install the package "
              "graphviz, or use --format dot\n",
              stderr);
        return DUMP_FAILED;
    }
    const bool ran = error == 0 && waitpid(child, &status, 0) == child;
    if (ran && WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE) {
        return DUMP_FAILED;
    }
    if (!ran || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        fprintf(stderr, "dealfsm-dump machine: dot -Tsvg did not succeed%s%s\n", error != 0 ? ": " : "",
                error != 0 ? strerror(error) : "");
        return DUMP_FAILED;
    }
    return DUMP_DONE;
}

static FILE *new_file(void)
{
    FILE *file = tmpfile();
    if (file == NULL) {
        perror("dealfsm-dump machine: a temporary file for dot");
    }
    return file;
}

/* Runs dot on what has been written to the file, and closes it. */
static int svg_of(FILE *file)
{
    const bool written = fflush(file) == 0 && lseek(fileno(file), 0, SEEK_SET) == 0;
    const int status = written ? run_dot(file) : DUMP_FAILED;
    if (!written) {
        perror("dealfsm-dump machine: a temporary file for dot");
    }
    fclose(file);
    return status;
}

static int svg(const machine_view *view)
{
    FILE *file = new_file();
    if (file == NULL) {
        return DUMP_FAILED;
    }
    machine_diagram(view, DIAGRAM_DOT, file);
    return svg_of(file);
}

static int write_json(json_t *json)
{
    return output_json("dealfsm-dump machine", json, JSON_INDENT(2)) ? DUMP_DONE : DUMP_FAILED;
}

static const diagram_form diagram_forms[FORMS] = {[FORM_MERMAID] = DIAGRAM_MERMAID,
                                                  [FORM_PLANTUML] = DIAGRAM_PLANTUML,
                                                  [FORM_DOT] = DIAGRAM_DOT,
                                                  [FORM_SVG] = DIAGRAM_DOT};

static int write_form(const machine_view *view, const options *o)
{
    const paper out = paper_on(stdout);
    switch (o->form) {
    case FORM_JSON:
        return write_json(o->holes ? holes_json(view) : machine_json(view));
    case FORM_MERMAID:
    case FORM_PLANTUML:
    case FORM_DOT:
        machine_diagram(view, diagram_forms[o->form], stdout);
        return DUMP_DONE;
    case FORM_SVG:
        return svg(view);
    default:
        (o->holes ? holes_text : machine_text)(view, &out);
        return DUMP_DONE;
    }
}

static int write_diff(const machine_view *view, dump_modules *modules, const options *o)
{
    const paper out = paper_on(stdout);
    if (!dump_load(modules, o->new_module)) {
        return DUMP_FAILED;
    }
    const description *before = &modules->list[0].machine;
    const description *after = &modules->list[1].machine;
    FILE *file = o->form == FORM_SVG ? new_file() : stdout;
    if (file == NULL) {
        return DUMP_FAILED;
    }
    const bool differ = o->form == FORM_TEXT
                            ? machine_diff(view->arena, before, after, &out)
                            : machine_diff_diagram(view->arena, before, after, diagram_forms[o->form], file);
    const int status = o->form == FORM_SVG ? svg_of(file) : DUMP_DONE;
    return status == DUMP_DONE && differ ? DUMP_NO : status;
}

static int write_one(machine_view *view, const dump_modules *modules, const options *o)
{
    view->machine = &modules->list[0].machine;
    const int status = narrow(view, o);
    return status == DUMP_DONE ? write_form(view, o) : status;
}

static int run(int argc, char **argv)
{
    options chosen = {0};
    dump_modules modules = {0};
    argp_parse(&argp, argc, argv, 0, NULL, &chosen);
    machine_view view = {.arena = values_arena_new()};
    int status = DUMP_FAILED;
    if (view.arena != NULL && dump_load(&modules, chosen.module)) {
        status = chosen.diff ? write_diff(&view, &modules, &chosen) : write_one(&view, &modules, &chosen);
    }
    dump_unload(&modules);
    values_arena_free(view.arena);
    return status;
}

const dump_command dump_machine_command = {"machine",
                                           "a machine: events, states, handlers, ops, fields; diagrams; holes", run};
