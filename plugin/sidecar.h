/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef PLUGIN_SIDECAR_H
#define PLUGIN_SIDECAR_H

/* The sidecar: what the reference forgets of a deal and we keep. A canonical CBOR map (RFC 8949, 4.2.1), keys:
 *   0 version of the sidecar, 1 sequence, 2 revision,
 *   3 what is owed (a SIDECAR_… set; left out when 0). In a row ASKED_ONCE means that it may have asked: a put comes before the ops.
 *     WITHOUT_KEY: it may have run without keys (a bare record). KEYLESS_LATER: the deal moved then, to a version where the next
 *     handler asks what that run may have asked: WITHOUT_KEY is its mark, too; it may stand alone between the two,
 *   4 the queue: an array of events [number, raised by a handler, [argument, …]] (left out when empty), an argument being
 *     [kind, number], [kind, bytes], [kind, id, initiator, responder] for a channel,
 *   5 the mark `unversioned` (1 yes, 2 not known; left out for no),
 *   6 carried: an array of [machine version, stored record]: what the deal was on other versions before it moved, kept
 *     until the first event is applied (left out when there is none),
 *   7 moved, [machine version, status]: a snapshot that a later version wrote for this one: the row still names that
 *     one, with that status, so it has to be put first. Never in a row (left out when it is not so).
 * Fields with other keys come from a later version of it: they are kept as they are and written again. */

#include "deal.h"

enum { SIDECAR_VERSION = 1 };
enum { SIDECAR_OWED = 1, SIDECAR_WITHOUT_KEY = 2, SIDECAR_ASKED_ONCE = 4, SIDECAR_KEYLESS_LATER = 8 };

typedef struct sidecar {
    uint64_t sequence;
    uint64_t revision;
    uint32_t owed; /* SIDECAR_… set */
    fsm_mark mark;
    fsm_bytes moved; /* the machine version that the row names; size 0: left out */
    uint64_t moved_status;
    uint32_t queued;
    const entry *queue;
    fsm_bytes carried; /* the array; none: left out */
    fsm_bytes unknown; /* pairs of key and value */
} sidecar;

/* The sidecar of a deal as it stands. */
sidecar sidecar_of(const deal *d);
/* Returns the length written or needed. */
uint64_t sidecar_write(const sidecar *s, uint8_t *buffer, uint64_t capacity);
/* Spans of *out point into bytes; the events, which `machine` must take, go to *queue and are the caller's in any case. */
int32_t sidecar_read(fsm_bytes bytes, const fsm_machine *machine, sidecar *out, entries *queue, dealfsm_error *error);

#endif
