/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What is said of a swap, on standard error. */

#include <inttypes.h>
#include <stdio.h>

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
