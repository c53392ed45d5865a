/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* dealfsm-world: the world of a scenario in a process of its own, and its books. */

#include <argp.h>
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "output.h"
#include "wire.h"
#include "world_books_report.h"
#include "world_file.h"
#include "world_server.h"

enum { WORLD_FINE = 0, WORLD_BOOKS = 1, WORLD_USAGE = 2, WORLD_FAILED = 4 };
enum { OPTION_JSON = 256 };

typedef struct arguments {
    const char *command;
    const char *place;
    const char *books;
    bool json;
} arguments;

const char *argp_program_version = "dealfsm-world " PACKAGE_VERSION;

static const struct argp_option OPTIONS[] = {
    {"books", 'b', "FILE", 0, "Where the books are kept; default: PATH.books", 0},
    {"json", OPTION_JSON, NULL, 0, "report: as JSON", 0},
    {NULL, 0, NULL, 0, NULL, 0}};

static const char DOC[] =
    "The world of retrieval deals, for dealfsm-host run --world: providers, a chain with payment channels, the "
    "client's own node. It outlives its nodes, counts each op by its key, and keeps what each channel, lane and "
    "provider saw.\v"
    "Commands:\n"
    "  run unix:PATH   serve one node after the other, until SIGINT or SIGTERM\n"
    "  report FILE     what the books say, also while the world runs\n\n"
    "Exit codes: 0 fine; 1 the books do not balance; 2 wrong arguments; 4 the socket, the books or standard output "
    "cannot be used.";

static error_t take_word(arguments *a, const char *word, struct argp_state *state)
{
    text_why why;
    if (a->command == NULL) {
        a->command = word;
        if (strcmp(word, "run") != 0 && strcmp(word, "report") != 0) {
            argp_error(state, "expected the command run or report, found \"%s\"", word);
        }
    } else if (a->place == NULL) {
        a->place = word;
        if (strcmp(a->command, "run") == 0 && !wire_is_url(word, &why)) {
            argp_error(state, "%s", why.text);
        }
    } else {
        argp_error(state, "expected no more words, found \"%s\"", word);
    }
    return 0;
}

static error_t take(int key, char *text, struct argp_state *state)
{
    arguments *a = state->input;
    switch (key) {
    case 'b':
        a->books = text;
        return 0;
    case OPTION_JSON:
        a->json = true;
        return 0;
    case ARGP_KEY_ARG:
        return take_word(a, text, state);
    case ARGP_KEY_END:
        if (a->place == NULL) {
            argp_error(state, "expected a command: run unix:PATH or report FILE");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void on_signal(int signal_number)
{
    (void)signal_number;
    world_serve_stop();
}

/* An absolute path: the node reads the books, too, perhaps from another directory. */
static bool absolute(const arguments *a, char path[PATH_MAX])
{
    char here[PATH_MAX];
    const char *file = a->books != NULL ? a->books : strchr(a->place, ':') + 1;
    const char *suffix = a->books != NULL ? "" : ".books";
    if (getcwd(here, sizeof here) == NULL) {
        return false;
    }
    int got = file[0] == '/' ? snprintf(path, PATH_MAX, "%s%s", file, suffix)
                             : snprintf(path, PATH_MAX, "%s/%s%s", here, file, suffix);
    return got > 0 && got < PATH_MAX;
}

/* Told before a node comes, rather than to it. */
static bool books_are_usable(const arguments *a, char path[PATH_MAX], text_why *why)
{
    world_file_info info;
    if (!absolute(a, path)) {
        return text_refuse(why, "the path of the books is too long");
    }
    if (!world_file_info_of(path, &info, why)) {
        return false;
    }
    free(info.scenario);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    const bool placed = access(slash == path ? "/" : path, W_OK) == 0;
    const int reason = errno;
    *slash = '/';
    return placed ||
           text_refuse(why, "%s: expected books in a directory that can be written: %s", path, strerror(reason));
}

static int serve(const arguments *a)
{
    char books[PATH_MAX];
    text_why why;
    struct sigaction stop = {.sa_handler = on_signal}; /* without SA_RESTART: what waits for a node returns */
    int listener = books_are_usable(a, books, &why) ? wire_listen(a->place, &why) : -1;
    if (listener < 0) {
        (void)fprintf(stderr, "dealfsm-world: %s\n", why.text);
        return WORLD_FAILED;
    }
    (void)sigaction(SIGINT, &stop, NULL);
    (void)sigaction(SIGTERM, &stop, NULL);
    bool ok = world_serve(listener, books, &why);
    (void)close(listener);
    (void)unlink(strchr(a->place, ':') + 1);
    if (!ok) {
        (void)fprintf(stderr, "dealfsm-world: %s\n", why.text);
    }
    return ok ? WORLD_FINE : WORLD_FAILED;
}

static int report(const arguments *a)
{
    text_why why;
    bool balance = false;
    if (!world_books_report(a->place, a->json, stdout, &balance, &why)) {
        (void)fprintf(stderr, "dealfsm-world: %s\n", why.text);
        return WORLD_FAILED;
    }
    return balance ? WORLD_FINE : WORLD_BOOKS;
}

int main(int argc, char **argv)
{
    static const struct argp argp = {OPTIONS, take, "run unix:PATH\nreport FILE", DOC, NULL, NULL, NULL};
    arguments a = {.command = NULL};
    output_watch("dealfsm-world", WORLD_FAILED);
    json_object_seed(1); /* the same order of keys each time, and no look at /dev/urandom */
    argp_err_exit_status = WORLD_USAGE;
    (void)argp_parse(&argp, argc, argv, 0, NULL, &a);
    return strcmp(a.command, "run") == 0 ? serve(&a) : report(&a);
}
