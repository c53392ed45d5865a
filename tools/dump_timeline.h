/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_DUMP_TIMELINE_H
#define TOOLS_DUMP_TIMELINE_H

/* The events of one deal as lines: when, sequence, event, from and to, or why it was refused. */

#include "dump_store.h"

typedef struct timeline {
    store_view *view;
    const paper *out;
    char day[11];     /* of the last line: a new day has a line of its own */
    uint64_t message; /* a sum over the last message: only a new one is shown */
} timeline;

void timeline_event(timeline *it, const dealfsm_store_event *event);

#endif
