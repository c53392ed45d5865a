/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "validate_report.h"

#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

bool report_open(report *it)
{
    void *memory = mmap(NULL, sizeof *it->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    it->shared = memory == MAP_FAILED ? NULL : memory;
    return it->shared != NULL;
}

void report_close(report *it)
{
    if (it->shared != NULL) {
        munmap(it->shared, sizeof *it->shared);
        it->shared = NULL;
    }
}

/* ---- Output */
static void print_json(json_t *object)
{
    json_dumpf(object, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(object);
}

static json_t *text_json(const char *text)
{
    json_t *json = json_string(text);
    return json != NULL ? json : json_string("(not UTF-8)");
}

static void print_failure(const report *it, const char *expected, const char *found)
{
    const report_shared *s = it->shared;
    if (it->json) {
        json_t *object = json_pack("{s:s}", "rule", it->rule_id);
        if (s->file[0] != '\0') {
            json_object_set_new(object, "file", text_json(s->file));
            json_object_set_new(object, "line", json_integer((json_int_t)s->line));
        }
        json_object_set_new(object, "case", text_json(s->where));
        json_object_set_new(object, "expected", text_json(expected));
        json_object_set_new(object, "found", text_json(found));
        print_json(object);
        return;
    }
    printf("%s: ", it->rule_id);
    if (s->file[0] != '\0') {
        printf("%s:%" PRIu64 ": ", s->file, s->line);
    }
    if (s->where[0] != '\0') {
        printf("%s: ", s->where);
    }
    printf("expected %s, found %s\n", expected, found);
}

void report_note(report *it, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (it->json) {
        print_json(json_pack("{s:o}", "note", text_json(text)));
    } else {
        printf("%s\n", text);
    }
}

/* ---- Cases */
static void end_case(report *it)
{
    report_shared *s = it->shared;
    if (!s->open) {
        return;
    }
    s->open = false;
    s->rule.failed += s->failed;
    s->rule.tagged_failed += s->failed && s->tagged;
    s->rule.passed += !s->failed && !s->tagged;
    s->rule.tagged_passed += !s->failed && s->tagged;
    s->failed = false;
    const uint64_t cases = s->rule.passed + s->rule.failed + s->rule.tagged_passed;
    if (it->progress && cases % 256 == 0) {
        fprintf(stderr, "\r%-32s %8" PRIu64 "\r", it->rule_id, cases);
    }
}

void report_case(report *it, const char *file, uint64_t line, bool tagged, const char *where, ...)
{
    report_shared *s = it->shared;
    end_case(it);
    snprintf(s->file, sizeof s->file, "%s", file == NULL ? "" : file);
    s->line = line;
    va_list args;
    va_start(args, where);
    vsnprintf(s->where, sizeof s->where, where, args);
    va_end(args);
    s->tagged = tagged;
    s->failed = false;
    s->open = true;
}

static void fail(report *it, const char *expected, const char *found)
{
    if (it->shared->failed) {
        return;
    }
    if (!it->shared->open) {
        report_case(it, NULL, 0, false, "%s", ""); /* between two cases: one of its own */
    }
    print_failure(it, expected, found);
    it->shared->failed = true;
}

void report_fail(report *it, const char *expected, const char *found, ...)
{
    if (it->shared->failed) {
        return;
    }
    char *text = NULL;
    va_list args;
    va_start(args, found);
    const int length = vasprintf(&text, found, args);
    va_end(args);
    fail(it, expected, length < 0 ? "(out of memory)" : text);
    if (length >= 0) {
        free(text);
    }
}

bool report_has_failed(const report *it)
{
    return it->shared->failed;
}

/* ---- Rules */
static void run_in_child(report *it, void (*body)(void *ctx), void *ctx)
{
    alarm(it->timeout);
    body(ctx);
    end_case(it);
    exit(EXIT_SUCCESS); /* not _exit: sanitizers look for leaks then */
}

static void judge_child(report *it, int status)
{
    char expected[64] = "no crash";
    char found[128];
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
        snprintf(expected, sizeof expected, "an end within %u seconds", it->timeout);
        snprintf(found, sizeof found, "none (does it hang?)");
    } else if (WIFSIGNALED(status)) {
        snprintf(found, sizeof found, "signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    } else if (WEXITSTATUS(status) != EXIT_SUCCESS) {
        snprintf(expected, sizeof expected, "the process to go on");
        snprintf(found, sizeof found, "that it ended with status %d", WEXITSTATUS(status));
    } else {
        return;
    }
    it->shared->open = true; /* the case it happened in, though it may have failed before */
    it->shared->failed = false;
    fail(it, expected, found);
    end_case(it);
}

static void add(report_figures *total, const report_figures *part)
{
    total->passed += part->passed;
    total->failed += part->failed;
    total->tagged_passed += part->tagged_passed;
    total->tagged_failed += part->tagged_failed;
}

static void print_rule(const report *it)
{
    const report_figures *f = &it->shared->rule;
    if (it->json) {
        print_json(json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "rule", it->rule_id, "text", it->rule_text, "passed",
                             (json_int_t)f->passed, "failed", (json_int_t)f->failed, "tagged_passed",
                             (json_int_t)f->tagged_passed, "tagged_failed", (json_int_t)f->tagged_failed));
        return;
    }
    printf("%-34s %6" PRIu64 " passed, %" PRIu64 " failed", it->rule_id, f->passed, f->failed);
    if (f->tagged_passed + f->tagged_failed != 0) {
        printf(" (lines with tags: %" PRIu64 " hold, %" PRIu64 " do not)", f->tagged_passed, f->tagged_failed);
    }
    putchar('\n');
}

void report_rule(report *it, const char *id, const char *text, void (*body)(void *ctx), void *ctx)
{
    report_shared *s = it->shared;
    it->rule_id = id;
    it->rule_text = text;
    s->rule = (report_figures){0};
    s->open = false;
    s->file[0] = s->where[0] = '\0';
    s->failed = false;
    fflush(NULL);
    const pid_t child = it->in_process ? -1 : fork();
    if (child == 0) {
        run_in_child(it, body, ctx);
    }
    if (child < 0) {
        body(ctx);
    } else {
        int status = 0;
        while (waitpid(child, &status, 0) < 0) {
        }
        judge_child(it, status);
    }
    end_case(it);
    if (it->progress) {
        fputs("\r\033[K", stderr);
    }
    print_rule(it);
    add(&s->total, &s->rule);
}

int report_end(report *it)
{
    const report_figures *f = &it->shared->total;
    if (it->json) {
        print_json(json_pack("{s:I, s:I, s:I, s:I}", "passed", (json_int_t)f->passed, "failed", (json_int_t)f->failed,
                             "tagged_passed", (json_int_t)f->tagged_passed, "tagged_failed",
                             (json_int_t)f->tagged_failed));
    } else {
        if (f->tagged_passed + f->tagged_failed != 0) {
            printf("lines with tags, counted apart: %" PRIu64 " hold; %" PRIu64 " do not (among the failed below)\n",
                   f->tagged_passed, f->tagged_failed);
        }
        printf("%" PRIu64 " passed, %" PRIu64 " failed\n", f->passed, f->failed);
    }
    return f->failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
