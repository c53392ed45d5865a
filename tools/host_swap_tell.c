/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What is said of a swap, on standard error. */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "host_swap_inside.h"

void swap_say(const host_swap *s, const char *what)
{
    (void)fprintf(stderr, "dealfsm-host: swap from %s to %s: %s\n", swap_version(s->from), swap_version(s->target),
                  what);
}

void swap_say_counts(const host_swap *s, const char *what)
{
    char text[256];
    dealfsm_swap_progress now = {.struct_size = sizeof now};
    (void)dealfsm_swap_look(s->swap, &now, NULL);
    (void)snprintf(text, sizeof text,
                   "%s: %" PRIu64 " moved, %" PRIu64 " stay for now, %" PRIu64 " cannot, %" PRIu64
                   " had ended; longest pause "
                   "%" PRIu64 " us",
                   what, now.count[DEALFSM_SWAP_MOVED], now.count[DEALFSM_SWAP_STAYS], now.count[DEALFSM_SWAP_REFUSED],
                   now.count[DEALFSM_SWAP_ENDED], now.longest_pause / 1000);
    swap_say(s, text);
}

/* ---- What it waits for */

enum { NAMED = 3, TEXT = 512 };

/* Deals by number, the first few. */
typedef struct named {
    uint64_t deals[NAMED];
    uint64_t count;
} named;

static void name(named *n, uint64_t deal)
{
    if (n->count < NAMED) {
        n->deals[n->count] = deal;
    }
    n->count++;
}

static void name_moving(void *ctx, uint64_t deal, uint64_t status, uint32_t verdict, const char *reason)
{
    (void)status;
    (void)reason;
    if (verdict == DEALFSM_SWAP_MOVING) {
        name(ctx, deal);
    }
}

/* Of the deals that moved, those that have not ended. */
static void name_living(const host_swap *s, named *n)
{
    for (uint64_t deal = 1; deal <= s->node->deals; deal++) {
        dealfsm_deal shown = {.struct_size = sizeof shown};
        if (atomic_load(&s->moved[deal - 1]) && dealfsm_host_query(s->node->host, deal, &shown, NULL) >= 0 &&
            (shown.flags & DEALFSM_DEAL_FINAL) == 0) {
            name(n, deal);
        }
    }
}

__attribute__((format(printf, 2, 3))) static void add(char *text, const char *format, ...)
{
    size_t used = strlen(text);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text + used, TEXT - used, format, args);
    va_end(args);
}

static void add_named(char *text, const named *n)
{
    for (uint64_t i = 0; i < n->count && i < NAMED; i++) {
        add(text, "%s%" PRIu64, i == 0 ? "" : ", ", n->deals[i]);
    }
    add(text, n->count > NAMED ? ", …" : "");
}

static void add_moving(const host_swap *s, const dealfsm_swap_progress *now, char *text)
{
    named moving = {.count = 0};
    (void)dealfsm_swap_deals(s->swap, name_moving, &moving, NULL);
    if (moving.count > 0) {
        add(text, "; on their way %" PRIu64 " (", moving.count);
        add_named(text, &moving);
        add(text, "), of which %" PRIu64 " have not come to rest, and the puts of %" PRIu64 " are under way",
            now->waits_rest, now->waits_put);
    }
    if (now->in_line > 0) {
        add(text, "; in line %" PRIu64, now->in_line);
    }
}

static void add_confirming(const host_swap *s, const dealfsm_swap_progress *now, char *text)
{
    const uint64_t ended = atomic_load(&s->ended);
    named living = {.count = 0};
    if (ended < s->option.confirm) {
        name_living(s, &living);
        add(text, "; of those that moved %" PRIu64 " have ended, %" PRIu64 " must", ended, s->option.confirm);
    }
    if (living.count > 0) {
        add(text, " (not yet ");
        add_named(text, &living);
        add(text, ")");
    }
    if (now->stalled > 0) {
        add(text, "; stalled %" PRIu64, now->stalled);
    }
}

void swap_say_waits(const host_swap *s)
{
    char text[TEXT] = "";
    dealfsm_swap_progress now = {.struct_size = sizeof now};
    (void)dealfsm_swap_look(s->swap, &now, NULL);
    add(text, "waits at %" PRIu64 "%% since %" PRIu64 "%% had ended", swap_percent_ended(s->node), s->waits_since);
    add_moving(s, &now, text);
    if (s->stage == CANARIES || s->stage == WATCHING) {
        add_confirming(s, &now, text);
    }
    swap_say(s, text);
}
