/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bench_place.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

/* ---- Signals */

static volatile sig_atomic_t came;

static void note(int number)
{
    came = number;
}

/* The second of a kind ends the process at once. */
static void catch_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = note, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction before;
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) { /* as nohup sets it */
            sigaction(numbers[i], &action, NULL);
        }
    }
}

bool bench_stopped(void)
{
    return came != 0;
}

/* ---- The file system, by the mount point that covers most of the path */

static bool covers(const char *point, const char *path)
{
    const size_t length = strlen(point);
    return strcmp(point, "/") == 0 ||
           (strncmp(path, point, length) == 0 && (path[length] == '/' || path[length] == '\0'));
}

static void find_filesystem(bench_place *place)
{
    char line[2 * BENCH_PATH];
    size_t most = 0;
    FILE *file = fopen("/proc/self/mounts", "re");
    (void)snprintf(place->filesystem, sizeof place->filesystem, "?");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        char point[BENCH_PATH];
        char kind[sizeof place->filesystem];
        if (sscanf(line, "%*s %4095s %63s", point, kind) == 2 && covers(point, place->path) && strlen(point) >= most) {
            most = strlen(point);
            memcpy(place->filesystem, kind, sizeof kind);
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

/* ---- The folder */

bool bench_place_make(bench_place *place, const char *where, dealfsm_error *error)
{
    const char *folder = where != NULL ? where : getenv("TMPDIR");
    if (folder == NULL || *folder == '\0') {
        folder = ".";
    }
    char *whole = realpath(folder, NULL);
    const int length = snprintf(place->path, sizeof place->path, "%s/dealfsm-bench-XXXXXX", whole != NULL ? whole : "");
    const bool found = whole != NULL && length < (int)sizeof place->path;
    free(whole);
    catch_signals();
    if (!found || mkdtemp(place->path) == NULL) {
        place->path[0] = '\0';
        return bench_fail(error, "%s: %s; expected a folder that may be written, see --scratch and TMPDIR", folder,
                          strerror(errno));
    }
    find_filesystem(place);
    return true;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

void bench_place_remove(bench_place *place)
{
    enum { OPEN_FILES = 16 };
    if (place->path[0] != '\0') {
        nftw(place->path, remove_one, OPEN_FILES, FTW_DEPTH | FTW_PHYS);
        place->path[0] = '\0';
    }
    if (bench_stopped()) {
        (void)raise(came); /* its default is back: whoever waits sees what ended us */
    }
}

void bench_place_file(const bench_place *place, const char *name, char *out)
{
    (void)snprintf(out, BENCH_PATH, "%.4000s/%s", place->path, name);
}
