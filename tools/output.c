/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
    const char *name;
    int failed;
    pid_t process; /* children that leave by exit have nothing to say of it */
} watched;

/* Why nothing can be written: errno of the failed write is long gone, so one more byte is tried. 0: now it can. */
static int reason(void)
{
    errno = 0;
    return write(STDOUT_FILENO, "\n", 1) < 0 ? errno : 0;
}

static void end_as_by_signal(void)
{
    sigset_t pipe_only;
    (void)sigemptyset(&pipe_only);
    (void)sigaddset(&pipe_only, SIGPIPE);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)sigprocmask(SIG_UNBLOCK, &pipe_only, NULL);
    (void)raise(SIGPIPE);
}

static void at_exit(void)
{
    if (getpid() != watched.process) {
        return;
    }
    const int before = ferror(stdout);
    errno = 0;
    if (fflush(stdout) == 0 && !before) {
        return;
    }
    const int why = before ? reason() : errno;
    if (why == EPIPE) {
        end_as_by_signal();
    } else {
        (void)fprintf(stderr, "%s: standard output: %s\n", watched.name,
                      why != 0 ? strerror(why) : "some of it could not be written");
    }
    _exit(watched.failed);
}

/* Reading from standard output fails, and writing to standard input: so does what the caller has closed. */
static void fill_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0) {
            return;
        }
    }
}

void output_watch(const char *name, int failed)
{
    fill_streams();
    (void)signal(SIGPIPE, SIG_IGN);
    watched.name = name;
    watched.failed = failed;
    watched.process = getpid();
    (void)atexit(at_exit);
}

bool output_json(const char *command, json_t *json, size_t flags)
{
    const bool written = json != NULL && json_dumpf(json, stdout, flags) == 0 && putchar('\n') != EOF;
    if (!written && ferror(stdout) == 0) {
        (void)fprintf(stderr, "%s: no JSON: out of memory, or a text in it is not UTF-8\n", command);
    }
    json_decref(json);
    return written;
}
