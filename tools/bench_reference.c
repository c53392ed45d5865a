/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* dealfsm-bench reference: the same path through the reference's own machine, a Go program that is built here. */

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_reference.h"

extern char **environ;

/* ---- Programs */

static bool in_path(const char *program)
{
    const char *folders = getenv("PATH");
    char path[4096];
    while (folders != NULL && *folders != '\0') {
        const int length = (int)strcspn(folders, ":");
        (void)snprintf(path, sizeof path, "%.*s/%s", length, folders, program);
        if (access(path, X_OK) == 0) {
            return true;
        }
        folders += length + (folders[length] == ':');
    }
    return false;
}

/* Runs a program with its standard output on `out`. False: it could not be started, or has not ended with 0. */
static bool run(const char *const *argv, const char *folder, int out)
{
    posix_spawn_file_actions_t actions;
    pid_t child = 0;
    int status = 0;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    if (folder != NULL) {
        posix_spawn_file_actions_addchdir_np(&actions, folder);
    }
    const int failed = posix_spawnp(&child, argv[0], &actions, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    while (failed == 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
        if (bench_stopped()) {
            kill(child, SIGTERM); /* it runs on where only we were told to stop */
        }
    }
    return failed == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Its standard output, read as JSON; NULL: it failed. A new reference. */
static json_t *run_for_json(const char *const *argv)
{
    FILE *file = tmpfile();
    json_t *read = NULL;
    if (file != NULL && run(argv, NULL, fileno(file))) {
        rewind(file);
        read = json_loadf(file, 0, NULL);
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return read;
}

/* ---- Building and running */

bool bench_reference_go(void)
{
    return in_path("go");
}

bool bench_reference_build(const bench_options *options, const bench_place *place, char *program)
{
    bench_place_file(place, "reference", program);
    const char *const build[] = {"go", "build", "-mod=readonly", "-o", program, ".", NULL};
    const bool well = run(build, options->source, STDERR_FILENO);
    if (!well) {
        fprintf(stderr, "dealfsm-bench: go build failed in %s (the first build loads its modules from the network)\n",
                options->source);
    }
    return well;
}

static void add_samples(bench_samples *samples, const json_t *rounds)
{
    for (size_t i = 0; i < json_array_size(rounds); i++) {
        bench_samples_add(samples, json_number_value(json_array_get(rounds, i)));
    }
}

json_t *bench_reference_run(const char *program, uint32_t deals, double seconds, const char *folder, bench_samples *ns,
                            bench_samples *cpu)
{
    char count[32];
    char time[32];
    (void)snprintf(count, sizeof count, "%u", deals);
    (void)snprintf(time, sizeof time, "%g", seconds);
    json_t *read = run_for_json((const char *const[]){program, "-deals", count, "-seconds", time, "-leveldb",
                                                      folder != NULL ? folder : "", NULL});
    json_t *rounds = json_object_get(read, "ns_per_event");
    add_samples(ns, rounds);
    if (cpu != NULL) {
        add_samples(cpu, json_object_get(read, "cpu_ns_per_event"));
    }
    if (json_array_size(rounds) == 0) {
        fprintf(stderr, "dealfsm-bench: the reference failed with %u deals at a time\n", deals);
        json_decref(read);
        return NULL;
    }
    return read;
}

static bool measure_size(const char *program, uint32_t deals, double seconds, json_t *rows)
{
    bench_samples *s = calloc(1, sizeof *s);
    json_t *read = s != NULL ? bench_reference_run(program, deals, seconds, NULL, s, NULL) : NULL;
    if (read != NULL) {
        json_array_append_new(rows, json_pack("{s:i, s:f, s:f, s:i, s:O, s:O}", "deals_at_a_time", (int)deals, "median",
                                              bench_samples_median(s), "min", bench_samples_min(s), "rounds",
                                              (int)s->count, "go", json_object_get(read, "go"), "threads",
                                              json_object_get(read, "threads")));
    }
    free(s);
    json_decref(read);
    return read != NULL;
}

/* Builds the program in a folder of its own, and runs it for each size. */
static bool measure_reference(const bench_options *options, double seconds, json_t *rows)
{
    bench_place place;
    char program[BENCH_PATH];
    dealfsm_error error = {.struct_size = sizeof error};
    if (!bench_place_make(&place, options->scratch, &error)) {
        fprintf(stderr, "dealfsm-bench: %s\n", error.text);
        return false;
    }
    bool well = bench_reference_build(options, &place, program);
    for (uint32_t i = 0; i < SIZES && well; i++) {
        well = measure_size(program, bench_sizes[i], seconds / SIZES, rows);
    }
    bench_place_remove(&place);
    return well;
}

/* ---- The command */

static void print_text(const bench_step *b, const json_t *rows)
{
    const json_t *first = json_array_get(rows, 0);
    printf("the 14-event path, events/s (ns per event), medians\n%-18s%-30s%-30s%s\n", "deals at a time", "reference",
           "dispatch, one subscriber", "factor");
    for (uint32_t i = 0; i < SIZES; i++) {
        const double theirs = json_number_value(json_object_get(json_array_get(rows, i), "median"));
        const double ours = bench_samples_median(&b->path[SUBJECT_SUBSCRIBED][i]);
        printf("%15u   %10.0f (%9.1f)        %10.0f (%9.1f)        %6.0f\n", bench_sizes[i], 1e9 / theirs, theirs,
               1e9 / ours, ours, theirs / ours);
    }
    printf(
        "reference: go-statemachine with the machine of go-fil-markets v0.5.6, %s, on %d threads; ours: %s, on one\n",
        json_string_value(json_object_get(first, "go")), (int)json_integer_value(json_object_get(first, "threads")),
        b->info.manifest->machine_version);
}

static void print_json(const bench_step *b, json_t *rows)
{
    json_t *ours = json_array();
    for (uint32_t i = 0; i < SIZES; i++) {
        const bench_samples *s = &b->path[SUBJECT_SUBSCRIBED][i];
        json_array_append_new(ours,
                              json_pack("{s:i, s:f, s:f, s:i}", "deals_at_a_time", (int)bench_sizes[i], "median",
                                        bench_samples_median(s), "min", bench_samples_min(s), "rounds", (int)s->count));
    }
    json_t *all = json_pack("{s:s, s:s, s:o, s:O, s:o}", "module", b->info.path, "machine_version",
                            b->info.manifest->machine_version, "machine", bench_this_machine(), "reference", rows,
                            "dispatch_one_subscriber", ours);
    json_dumpf(all, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    puts("");
    json_decref(all);
}

int bench_run_reference(const bench_options *options)
{
    if (!bench_reference_go()) {
        fputs("dealfsm-bench: expected the program go in PATH, found none: install Go 1.18 or later\n", stderr);
        return BENCH_NO_GO;
    }
    bench_step *b = NULL;
    int code = bench_open(options, &b);
    if (code != BENCH_DONE) {
        return code;
    }
    json_t *rows = json_array();
    code = BENCH_FAILED;
    if (!bench_measure_path(b, options->seconds / 2)) {
        fprintf(stderr, "dealfsm-bench: %s\n", b->error.text);
    } else if (measure_reference(options, options->seconds / 2, rows)) {
        if (options->json) {
            print_json(b, rows);
        } else {
            print_text(b, rows);
        }
        code = BENCH_DONE;
    }
    json_decref(rows);
    bench_close(b);
    return code;
}
