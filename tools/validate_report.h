/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_VALIDATE_REPORT_H
#define TOOLS_VALIDATE_REPORT_H

/* What dealfsm-validate found: rules consist of cases; a case passes or fails once, by its first failure. Each rule
 * runs in a process of its own, so that a module that crashes or hangs fails that rule only; the figures stand in
 * shared memory. */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct report_figures {
    uint64_t passed; /* cases */
    uint64_t failed;
    uint64_t tagged_passed; /* lines with tags that hold what they say of ours: counted apart */
    uint64_t tagged_failed; /* among `failed`, too */
} report_figures;

enum { REPORT_TEXT = 256 };

/* In shared memory: where a rule is, so that a crash can be told with its place. */
typedef struct report_shared {
    report_figures total;
    report_figures rule; /* of the rule that runs */
    char file[REPORT_TEXT];
    char where[REPORT_TEXT]; /* the case in words, "" for none */
    uint64_t line;           /* 0: none */
    bool open;               /* a case is open */
    bool tagged;
    bool failed; /* the open case has failed */
} report_shared;

typedef struct report {
    report_shared *shared;
    bool json;           /* NDJSON instead of text */
    bool progress;       /* on stderr, which is a terminal */
    unsigned timeout;    /* seconds that a rule may take */
    bool in_process;     /* rules run in this process: for debuggers */
    const char *rule_id; /* of the rule that runs */
    const char *rule_text;
} report;

bool report_open(report *it); /* false: no memory */
void report_close(report *it);

/* Runs a rule, body(ctx), in a child process; a crash or a hang is a failure of the case it happened in. */
void report_rule(report *it, const char *id, const char *text, void (*body)(void *ctx), void *ctx);

/* Opens the next case, which ends the one before. where: printf, what is looked at; file NULL and line 0: none. */
void report_case(report *it, const char *file, uint64_t line, bool tagged, const char *where, ...)
    __attribute__((format(printf, 5, 6)));
/* The open case fails; only the first failure of a case is told. */
void report_fail(report *it, const char *expected, const char *found, ...) __attribute__((format(printf, 3, 4)));
bool report_has_failed(const report *it); /* the open case */

/* A remark between the results: text mode only on standard output, NDJSON as {"note": …}. */
void report_note(report *it, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints the closing lines; returns the exit status. */
int report_end(report *it);

#endif
