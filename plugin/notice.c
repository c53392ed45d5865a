/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What subscribers are told of a deal. */
#include "engine_parts.h"

static void tell(drive *e, uint32_t kind, const occurrence *o, uint64_t from, uint64_t revision, int32_t reason,
                 const char *why)
{
    deal *d = e->deal;
    if (!subscriptions_any(e->machine, d))
        return;
    dealfsm_record view;
    dealfsm_value values[3];
    engine_look(e);
    border_write_record(&view, &e->before);
    border_write_values(values, o->args, o->count);
    dealfsm_event told = {sizeof told, o->event, values, o->count, sizeof *values};
    dealfsm_notice notice = {.struct_size = sizeof notice,
                             .kind = kind,
                             .deal = d->id,
                             .sequence = d->sequence,
                             .revision = revision,
                             .from = from,
                             .to = e->before.status,
                             .reason = reason,
                             .from_handler = o->raised,
                             .reason_text = why,
                             .event = &told,
                             .record = &view};
    engine_unlock(e);
    subscriptions_tell(e->machine, d, &notice);
    engine_lock(e);
}

const char *notice_refusal_text(int32_t code, const char *why)
{
    switch (code) {
    case DEALFSM_E_TERMINATED:
        return "the deal has ended";
    case DEALFSM_E_INVALID_TRANSITION:
        return "the event has no transition from the present state";
    default:
        return why;
    }
}

void notice_refused(drive *e, uint32_t kind, const occurrence *o, int32_t reason, const char *why)
{
    dealfsm_counters *counters = &e->shard->counters;
    ++*(kind == DEALFSM_NOTICE_TERMINATED ? &counters->terminated : &counters->refused);
    tell(e, kind, o, packed_status(e->deal->record), e->deal->revision, reason, notice_refusal_text(reason, why));
}

void notice_applied(drive *e, const occurrence *o, uint64_t from, uint64_t revision)
{
    e->shard->counters.applied++;
    tell(e, DEALFSM_NOTICE_APPLIED, o, from, revision, 0, "");
}
