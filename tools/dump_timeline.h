/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_DUMP_TIMELINE_H
#define TOOLS_DUMP_TIMELINE_H

/* The events of one deal as lines: when, sequence, event, from and to and the amounts that changed, or why it was
 * refused; and its moves: which machine version it came from, and the status that had another name there. */

#include "dump_store.h"

typedef struct timeline {
    store_view *view;
    const paper *out;
    char day[11];     /* of the last line: a new day has a line of its own */
    uint64_t message; /* a sum over the last message: only a new one is shown */
    /* Of the last event that told them: only what changed is shown. Empty: 0, as every deal begins. */
    char payment_requested[PAST_AMOUNT_ROOM];
    char funds_spent[PAST_AMOUNT_ROOM];
    uint64_t total_received;
} timeline;

void timeline_event(timeline *it, const dealfsm_store_event *event);

#endif
