/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* dealfsm-bench step: loads the module and measures one thing after the other. */

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bench.h"

/* Shares of the time. */
static const double path_share = 0.6, threads_share = 0.3, record_share = 0.1;

bool bench_fail(dealfsm_error *error, const char *format, ...)
{
    if (error->code != 0) {
        return false;
    }
    va_list list;
    va_start(list, format);
    error->code = DEALFSM_E_STATE;
    (void)vsnprintf(error->text, sizeof error->text, format, list);
    va_end(list);
    return false;
}

/* ---- This machine */

/* What follows "model name : " in /proc/cpuinfo. */
static void processor(char *out, int size)
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "re");
    (void)snprintf(out, (size_t)size, "unknown processor");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon != NULL) {
            line[strcspn(line, "\n")] = '\0';
            (void)snprintf(out, (size_t)size, "%s", colon + 2);
            break;
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

json_t *bench_this_machine(void)
{
    char cpu[256];
    struct utsname system = {0};
    processor(cpu, sizeof cpu);
    (void)uname(&system);
#ifdef __clang__
    const char *compiler = "clang " __clang_version__;
#else
    const char *compiler = "gcc " __VERSION__;
#endif
    return json_pack("{s:s, s:I, s:s++, s:s, s:b}", "processor", cpu, "processors",
                     (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "system", system.sysname, " ", system.release,
                     "compiler", compiler, "optimised",
#ifdef __OPTIMIZE__
                     1
#else
                     0
#endif
    );
}

/* ---- The step of fsm/, in its shared object beside the module */

static void open_fsm(bench_step *b)
{
    char path[4096];
    const char *slash = strrchr(b->options->module, '/');
    const int folder = slash != NULL ? (int)(slash - b->options->module) : 1;
    (void)snprintf(path, sizeof path, "%.*s/bench/fsm.so", folder, slash != NULL ? b->options->module : ".");
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL); /* open until the process ends */
    void *symbol = handle != NULL ? dlsym(handle, BENCH_FSM_SYMBOL) : NULL;
    bench_fsm_fn *fn = NULL;
    memcpy(&fn, &symbol, sizeof fn);
    if (fn != NULL) {
        b->fsm = fn();
    } else {
        (void)snprintf(b->fsm_missing, sizeof b->fsm_missing, "%s", dlerror());
    }
}

/* ---- The module */

static bool load(bench_step *b)
{
    dealfsm_module *module = NULL;
    if (dealfsm_host_new(NULL, &b->host, &b->error) < 0 ||
        dealfsm_host_load(b->host, b->options->module, &module, &b->error) < 0 ||
        dealfsm_host_module_info(module, &b->info, &b->error) < 0) {
        return false;
    }
    return b->info.record != NULL || bench_fail(&b->error, "%s does not offer record/1", b->options->module);
}

int bench_open(const bench_options *options, bench_step **out)
{
    bench_step *b = calloc(1, sizeof *b);
    *out = b;
    if (b == NULL) {
        fputs("dealfsm-bench: no memory\n", stderr);
        return BENCH_FAILED;
    }
    b->options = options;
    b->info.struct_size = sizeof b->info;
    b->error.struct_size = sizeof b->error;
    if (load(b)) {
        open_fsm(b);
        return BENCH_DONE;
    }
    fprintf(stderr, "dealfsm-bench: %s\n", b->error.text);
    bench_close(b);
    *out = NULL;
    return BENCH_USAGE;
}

void bench_close(bench_step *b)
{
    dealfsm_host_free(b->host, NULL);
    free(b);
}

/* ---- The command */

static bool measure(bench_step *b)
{
    const double seconds = b->options->seconds;
    return bench_measure_path(b, path_share * seconds) && bench_measure_threads(b, threads_share * seconds) &&
           bench_measure_record(b, record_share * seconds) &&
           bench_measure_idle(b); /* last: it leaves the heap in pieces */
}

int bench_run_step(const bench_options *options)
{
    bench_step *b = NULL;
    int code = bench_open(options, &b);
    if (code != BENCH_DONE) {
        return code;
    }
    if (measure(b)) {
        bench_print_step(b);
    } else {
        fprintf(stderr, "dealfsm-bench: %s\n", b->error.text);
        code = BENCH_FAILED;
    }
    bench_close(b);
    return code;
}
