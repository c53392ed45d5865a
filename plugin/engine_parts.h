/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef PLUGIN_ENGINE_PARTS_H
#define PLUGIN_ENGINE_PARTS_H

/* What engine.c, put.c and notice.c share. The shard's mutex is held on entry and on return, and let go of for host calls. */

#include "engine.h"

void engine_lock(drive *e);
void engine_unlock(drive *e);
bool engine_has_store(const drive *e);
/* Makes e->before show the deal's record. */
void engine_look(drive *e);

static inline occurrence occurrence_of(const entry *x)
{
    return (occurrence){x->event, x->count, x->args, x->raised};
}

/* The step is durable: its record becomes the deal's, and it is told. The arguments may lie in the old record or in answers. */
void engine_commit(drive *e, const occurrence *o, const step_result *result, uint64_t revision);

/* Puts the step that e->after and *result tell, for the head of the queue. False: no memory, nothing has happened. */
bool put_step(drive *e, const step_result *result);
/* Puts the row as it is now: its queue, or a row that has to be written first. */
void put_row(drive *e);

void notice_applied(drive *e, const occurrence *o, uint64_t from, uint64_t revision);
/* kind: DEALFSM_NOTICE_REFUSED or DEALFSM_NOTICE_TERMINATED. */
void notice_refused(drive *e, uint32_t kind, const occurrence *o, int32_t reason, const char *why);
/* The words for a DEALFSM_E_… that refuses an event; `why` for those of an action. */
const char *notice_refusal_text(int32_t code, const char *why);

#endif
