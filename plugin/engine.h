/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef PLUGIN_ENGINE_H
#define PLUGIN_ENGINE_H

/* What makes a deal go on: step -> put -> durable -> notice -> owed handler -> next event. */

#include "deal.h"

/* An event and its arguments, wherever they lie. */
typedef struct occurrence {
    uint32_t event;
    uint32_t count;
    const fsm_value *args;
    bool raised; /* by a handler */
} occurrence;

/* One thread's way through a deal. Large, on its stack, not initialised whole. */
typedef struct drive {
    dealfsm_machine *machine;
    shard *shard;
    deal *deal;
    const entry *mine;  /* the event that this call handed in, while it is in the queue */
    int32_t mine_ended; /* what became of it: DEALFSM_ACCEPTED while it waits */
    bool left;          /* another thread drives the deal: it must not be touched any more */
    bool settled;       /* standing is known: what goes on behind it is not this call's */
    bool has_put;
    int32_t standing;   /* when engine_drive has returned: how its first put went, or without one how things stand at the end:
                           DEALFSM_APPLIED, _ACCEPTED, _STALLED, _E_LOST */
    uint64_t revision;  /* with it */
    uint64_t record_len; /* stored bytes of `after`, with a store */
    packed *block;       /* `after`, packed */
    uint32_t block_capacity;
    const packed *seen;  /* `before` shows this block, as it was at seen_sequence; NULL: none */
    uint64_t seen_sequence;
    fsm_record before;
    fsm_record after;
    fsm_outcome outcome;
    fsm_next next;
    fsm_scratch step_scratch;
    fsm_scratch handler_scratch;
} drive;

/* All of these: the shard's mutex is held on entry and on return, and let go of for host calls. */

/* Takes an event that nothing stands before: no other work of the deal goes on. Answers as dispatch does. */
int32_t engine_apply(drive *e, const occurrence *o, uint64_t *revision);
/* Puts an event at the end of the queue. DEALFSM_E_QUEUE_FULL, DEALFSM_E_NO_MEMORY, or DEALFSM_OK with its promise in *revision. */
int32_t engine_accept(drive *e, const occurrence *o, uint64_t *revision);
/* Whether an event handed in now would be applied at once. */
bool engine_idle(const deal *d);
/* Goes on with the deal as far as possible, unless another thread does, and sets standing and revision. The deal may be freed
 * by it. */
void engine_drive(drive *e);
/* Before engine_drive: the call answers for a row that has to be put first, and for nothing else. */
void engine_settle(drive *e);
/* Ends the put under way. */
void engine_stored(drive *e, int32_t outcome);
/* Whether no put, callback or host call of the deal is running. */
bool engine_at_rest(const deal *d);
/* Whether a deal that is to be frozen, and that no other thread drives, has come to rest. */
bool engine_may_freeze(const deal *d);
/* Whether refused events wait to be named in a put. */
bool engine_untold(const deal *d);
/* The environment's function for an op; NULL: none. */
dealfsm_op_fn *op_function(const dealfsm_environment *environment, uint32_t op);
/* Stalls the deal and says so. */
void engine_stall(drive *e, uint32_t reason, const char *text);

#endif
