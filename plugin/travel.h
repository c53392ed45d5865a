/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef PLUGIN_TRAVEL_H
#define PLUGIN_TRAVEL_H

/* Deals on their way between machine versions, step by step along the chain of versions. A version that a deal leaves is
 * carried along with its record; if it comes back before an event was applied, it has the same bytes again. */

#include "sidecar.h"

/* All of a deal that travels. Spans point into the input, or into memory that belongs to the journey. */
typedef struct journey {
    fsm_traveller t;
    sidecar side;   /* sequence, revision and unknown fields stay as they are; the rest is set at the end */
    entries queue;  /* filled at the end: the events as the goal has them */
    struct chunk *memory;
} journey;

/* Takes what a snapshot on version `from` says and brings it to version `to`. DEALFSM_E_STAYS, DEALFSM_E_REFUSED,
 * DEALFSM_E_NO_MEMORY, DEALFSM_E_CORRUPT: what is carried for the goal is no record. journey_end is due in any case. */
int32_t journey_make(journey *j, const fsm_record *record, const sidecar *side, const version *from, const version *to,
                     dealfsm_error *error);
void journey_end(journey *j);

#endif
