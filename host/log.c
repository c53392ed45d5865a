/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "host.h"

enum { LINE_MOST = 1024 };

static const char *level_name(uint32_t level)
{
    static const char *const names[] = {"", "error", "warning", "info"};
    return level < sizeof names / sizeof names[0] ? names[level] : "debug";
}

/* A text of the outside world must not make lines of its own. */
static void flatten(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = ' ';
    }
}

void host_log_default(void *ctx, uint32_t level, uint64_t deal, const char *text)
{
    const dealfsm_host *host = ctx;
    if (level > host->log_level)
        return;
    struct timespec now;
    struct tm parts;
    char when[32];
    char line[LINE_MOST];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(line, sizeof line - 1, "%s.%03ldZ %s deal %" PRIu64 ": %s", when, now.tv_nsec / 1000000, level_name(level),
             deal, text);
    flatten(line);
    strcat(line, "\n");
    fputs(line, stderr);
}
