/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The functions of abi/dealfsm/machine.h that make a deal go on: create, dispatch, complete, stored, retry. */
#include <stdlib.h>
#include <string.h>

#include "machine.h"

deal *machine_enter(drive *e, dealfsm_machine *machine, uint64_t id, int32_t *code, dealfsm_error *error)
{
    if (!machine) {
        *code = border_fail(error, DEALFSM_E_ARGUMENT, "machine", "null pointer");
        return NULL;
    }
    e->machine = machine;
    e->shard = deal_shard(machine, id);
    e->before.status = 0;
    e->mine = NULL;
    e->left = e->settled = e->has_put = false;
    e->seen = NULL;
    pthread_mutex_lock(&e->shard->mutex);
    e->deal = deal_find(e->shard, id);
    if (!e->deal) {
        pthread_mutex_unlock(&e->shard->mutex);
        *code = border_fail(error, DEALFSM_E_NOT_FOUND, "deal", "no deal %llu in this machine", (unsigned long long)id);
    }
    return e->deal;
}

void machine_leave(drive *e)
{
    pthread_mutex_unlock(&e->shard->mutex);
}

static void give_revision(uint64_t *out, uint64_t revision)
{
    if (out)
        *out = revision;
}

static int32_t lost(dealfsm_error *error)
{
    return border_fail(error, DEALFSM_E_LOST, "deal", "the store says that it belongs to somebody else now");
}

/* ---- create */

/* Members that creation sets must come as zero. */
static bool has_more_than_terms(const fsm_record *r)
{
    return r->has_payment_info || r->pay_ch.size || r->lane || r->last_payment_requested || r->all_blocks_received ||
           r->legacy_protocol || r->channel.id || r->channel.initiator.size || r->channel.responder.size || r->status ||
           r->total_received || r->message.size || r->bytes_paid_for || r->current_interval ||
           r->payment_requested.size || r->funds_spent.size || r->unseal_funds_paid.size || r->wait_msg_cid.data ||
           r->voucher_shortfall.size;
}

static int32_t read_terms(const dealfsm_record *given, fsm_record *record, dealfsm_error *error)
{
    dealfsm_record terms;
    const char *field = "", *why = "";
    uint64_t length = 0;
    int32_t code = border_read(&terms, sizeof terms, given, "terms", error);
    if (!code)
        code = border_read_record(record, &terms, error);
    if (code)
        return code;
    if (has_more_than_terms(record))
        return border_fail(error, DEALFSM_E_ARGUMENT, "terms",
                           "a member is set that creation sets: only id, proposal, store_id, total_funds, "
                           "client_wallet, miner_wallet and sender are the caller's");
    if (!fsm_create(module_version.machine, record, &field, &why) ||
        !layout_write(module_version.layout, record, NULL, 0, &length, &field, &why))
        return border_fail(error, DEALFSM_E_ARGUMENT, field, "%s", why);
    return DEALFSM_OK;
}

static deal *new_deal(drive *e, const fsm_record *record)
{
    deal *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->id = record->id;
    d->record = block_take(e->shard, pack_size(record), &d->capacity);
    if (!d->record || !deal_insert(e->shard, d)) {
        if (d->record)
            block_give(e->shard, d->record, d->capacity);
        free(d);
        return NULL;
    }
    pack(d->record, record);
    return d;
}

int32_t machine_create(dealfsm_machine *machine, const dealfsm_record *terms, uint64_t *revision,
                       dealfsm_error *error)
{
    drive e;
    fsm_record record;
    if (!machine)
        return border_fail(error, DEALFSM_E_ARGUMENT, "machine", "null pointer");
    int32_t code = read_terms(terms, &record, error);
    if (code)
        return code;
    e.machine = machine;
    e.shard = deal_shard(machine, record.id);
    e.mine = NULL;
    e.left = e.settled = e.has_put = false;
    e.seen = NULL;
    pthread_mutex_lock(&e.shard->mutex);
    if (deal_find(e.shard, record.id)) {
        code = border_fail(error, DEALFSM_E_EXISTS, "id", "deal %llu is there already", (unsigned long long)record.id);
    } else if (!(e.deal = new_deal(&e, &record)) || !deal_work(e.shard, e.deal)) {
        if (e.deal) {
            deal_remove(e.shard, e.deal);
            deal_free(machine, e.shard, e.deal);
        }
        code = border_fail(error, DEALFSM_E_NO_MEMORY, "", "no memory");
    } else {
        e.deal->flags = DEAL_MUST_PUT | (machine->store.put ? 0 : (uint32_t)DEAL_VISIBLE);
        engine_drive(&e);
        code = e.standing == DEALFSM_E_LOST ? lost(error) : e.standing;
        give_revision(revision, e.revision);
    }
    machine_leave(&e);
    return code;
}

/* ---- dispatch */

static int32_t read_event(const dealfsm_event *given, uint32_t *number, fsm_value *args, uint32_t *count,
                          dealfsm_error *error)
{
    dealfsm_event room;
    uint32_t bad = 0;
    int32_t code = DEALFSM_OK;
    const dealfsm_event *event = border_see(&room, sizeof room, given, "event", &code, error);
    if (!event)
        return code;
    const fsm_machine *machine = module_version.machine;
    const uint32_t name = *number = event->event;
    *count = event->args_count;
    bool known = name < machine->events_count && machine->events[name].line;
    if (known && *count == machine->events[name].args_count)
        code = border_read_values(args, event->args, *count, event->args_stride, "args", error);
    if (code)
        return code;
    switch (fsm_check_event(machine, name, args, *count, &bad)) {
    case FSM_UNKNOWN_EVENT:
        return border_fail(error, DEALFSM_E_UNKNOWN_EVENT, "event", "this machine has no event %u", name);
    case FSM_ARGUMENT_COUNT:
        return border_fail(error, DEALFSM_E_ARGUMENT_COUNT, "args", "%s takes %u arguments, found %u",
                           fsm_event_name(name), machine->events[name].args_count, *count);
    case FSM_ARGUMENT_TYPE:
        return border_fail(error, DEALFSM_E_ARGUMENT_TYPE, "args",
                           "argument %u of %s: expected a well-formed value of kind %u, found kind %u", bad,
                           fsm_event_name(name), machine->events[name].args[bad], (uint32_t)args[bad].kind);
    case FSM_CHECK_OK:
        break;
    }
    return DEALFSM_OK;
}

/* The words for an event that was not taken. */
static int32_t not_taken(const drive *e, int32_t code, uint32_t event, dealfsm_error *error)
{
    const char *state = fsm_status_name(module_version.machine, e->before.status);
    switch (code) {
    case DEALFSM_E_TERMINATED:
        return border_fail(error, code, "deal", "the deal has ended in %s", state);
    case DEALFSM_E_INVALID_TRANSITION:
        return border_fail(error, code, "event", "invalid transition: state %s has none for event %s", state,
                           fsm_event_name(event));
    case DEALFSM_E_ACTION:
        return border_fail(error, code, "event", "%s in state %s: %s", fsm_event_name(event), state, e->outcome.why);
    case DEALFSM_E_QUEUE_FULL:
        return border_fail(error, code, "deal", "the queue is full (%u events, %llu bytes): hand it in again later",
                           e->machine->queue_events, (unsigned long long)e->machine->queue_bytes);
    case DEALFSM_E_LOST:
        return lost(error);
    default:
        return border_fail(error, code, "", "no memory");
    }
}

static int32_t hand_in(drive *e, const occurrence *o, uint64_t *revision, dealfsm_error *error)
{
    bool idle = engine_idle(e->deal);
    int32_t code = idle ? engine_apply(e, o, revision) : engine_accept(e, o, revision);
    if (code < 0)
        not_taken(e, code, o->event, error);
    if (idle || code) {
        engine_drive(e);
        return code;
    }
    engine_drive(e);
    return e->standing == DEALFSM_STALLED ? DEALFSM_STALLED : DEALFSM_ACCEPTED;
}

int32_t machine_dispatch(dealfsm_machine *machine, uint64_t id, const dealfsm_event *given, uint64_t *revision,
                         dealfsm_error *error)
{
    drive e;
    fsm_value args[3];
    occurrence o = {.args = args};
    uint64_t promise = 0;
    int32_t code = read_event(given, &o.event, args, &o.count, error);
    if (code || !machine_enter(&e, machine, id, &code, error))
        return code;
    if (e.deal->flags & (DEAL_FROZEN | DEAL_FREEZING | DEAL_STAGED))
        code = border_fail(error, DEALFSM_E_FROZEN, "deal", "the deal is frozen or staged: hand the event in later");
    else
        code = hand_in(&e, &o, &promise, error);
    machine_leave(&e);
    if (code >= 0)
        give_revision(revision, promise);
    return code;
}

/* ---- complete */

static int32_t read_answer(const dealfsm_answer *answer, fsm_answer *out, dealfsm_error *error)
{
    out->ok = answer->outcome == DEALFSM_ANSWER_OK;
    out->shortfall = answer->outcome == DEALFSM_ANSWER_SHORTFALL;
    out->error = (fsm_bytes){0};
    out->count = 0;
    if (answer->outcome < DEALFSM_ANSWER_OK || answer->outcome > DEALFSM_ANSWER_SHORTFALL)
        return border_fail(error, DEALFSM_E_ARGUMENT, "outcome", "expected a DEALFSM_ANSWER_…, found %u",
                           answer->outcome);
    if (answer->text_len > UINT32_MAX || (answer->text_len && !answer->text))
        return border_fail(error, DEALFSM_E_ARGUMENT, "text", "a length without data, or over 4 GiB");
    if (answer->outcome == DEALFSM_ANSWER_ERROR)
        out->error = (fsm_bytes){answer->text ? (const uint8_t *)answer->text : (const uint8_t *)"",
                                 (uint32_t)answer->text_len};
    if (!out->ok && !out->shortfall)
        return DEALFSM_OK;
    out->count = answer->values_count;
    if (answer->values_count > sizeof out->values / sizeof *out->values)
        return border_fail(error, DEALFSM_E_ARGUMENT, "values", "no op is answered with %u values",
                           answer->values_count);
    return border_read_values(out->values, answer->values, answer->values_count, answer->values_stride, "values", error);
}

/* Copies bytes to *at and steps over them. */
static fsm_bytes keep_bytes(uint8_t **at, fsm_bytes bytes)
{
    if (!bytes.data)
        return bytes;
    uint8_t *start = *at;
    memcpy(start, bytes.data, bytes.size);
    *at += bytes.size;
    return (fsm_bytes){start, bytes.size};
}

/* Copies an answer into the run; false: no memory. */
static bool keep_answer(work *w, const fsm_answer *answer)
{
    uint64_t size = answer->error.size;
    for (uint32_t i = 0; i < answer->count; i++)
        size += (uint64_t)answer->values[i].bytes.size + answer->values[i].more.size;
    uint8_t *at = w->bytes + w->used;
    if (size > sizeof w->bytes - w->used) {
        at = w->heap[w->answered] = malloc(size);
        if (!at)
            return false;
    } else {
        w->used += (uint32_t)size;
    }
    fsm_answer *kept = &w->answers[w->answered++];
    kept->ok = answer->ok;
    kept->shortfall = answer->shortfall;
    kept->error = keep_bytes(&at, answer->error);
    kept->count = answer->count;
    for (uint32_t i = 0; i < answer->count; i++)
        kept->values[i] = (fsm_value){answer->values[i].kind, answer->values[i].number,
                                      keep_bytes(&at, answer->values[i].bytes), keep_bytes(&at, answer->values[i].more)};
    return true;
}

static bool is_open(const deal *d, const dealfsm_answer *answer)
{
    const work *w = d->work;
    return w && w->open_op && w->open_op == answer->op && w->open_nth == answer->nth && d->sequence == answer->sequence;
}

/* UNKNOWN and CONFLICT: the op is not open any more, and asked again by retry. */
static void stall_op(drive *e, uint32_t outcome)
{
    work *w = e->deal->work;
    bool busy = e->deal->flags & DEAL_BUSY;
    w->open_op = 0;
    w->ask_again = true;
    e->deal->flags |= DEAL_BUSY;
    if (outcome == DEALFSM_ANSWER_UNKNOWN)
        engine_stall(e, DEALFSM_STALL_UNKNOWN, "the host cannot tell whether an op was carried out");
    else
        engine_stall(e, DEALFSM_STALL_CONFLICT, "the host knows this op's key with other arguments");
    if (!busy)
        e->deal->flags &= ~(uint32_t)DEAL_BUSY;
}

int32_t machine_complete(dealfsm_machine *machine, const dealfsm_answer *given, dealfsm_error *error)
{
    drive e;
    dealfsm_answer room;
    fsm_answer read;
    int32_t code = DEALFSM_OK;
    const dealfsm_answer *answer = border_see(&room, sizeof room, given, "answer", &code, error);
    if (answer)
        code = read_answer(answer, &read, error);
    if (code || !machine_enter(&e, machine, answer->deal, &code, error))
        return code;
    if (e.deal->flags & (DEAL_FROZEN | DEAL_FREEZING | DEAL_STAGED)) {
        code = border_fail(error, DEALFSM_E_FROZEN, "deal", "the deal is frozen or staged: keep the answer");
    } else if (!is_open(e.deal, answer)) {
        e.shard->counters.late_answers++;
        code = border_fail(error, DEALFSM_E_NOT_OPEN, "op", "no such op is open: the answer is late, double or unknown");
    } else if ((read.ok || read.shortfall) && !fsm_check_answer(module_version.machine, answer->op, &read)) {
        code = border_fail(error, DEALFSM_E_ARGUMENT, "values",
                           "number or kinds of the values are not those of op %u: see environment.h", answer->op);
    } else if (answer->outcome == DEALFSM_ANSWER_UNKNOWN || answer->outcome == DEALFSM_ANSWER_CONFLICT) {
        stall_op(&e, answer->outcome);
        engine_drive(&e);
    } else if (!keep_answer(e.deal->work, &read)) {
        code = border_fail(error, DEALFSM_E_NO_MEMORY, "", "no memory");
    } else {
        e.deal->work->open_op = 0;
        if (!(e.deal->flags & DEAL_IN_CALL))
            engine_drive(&e);
    }
    machine_leave(&e);
    return code;
}

/* ---- stored, retry */

int32_t machine_stored(dealfsm_machine *machine, uint64_t id, uint64_t revision, int32_t outcome, dealfsm_error *error)
{
    drive e;
    int32_t code = DEALFSM_OK;
    if (outcome < DEALFSM_PUT_DURABLE || outcome > DEALFSM_PUT_LOST)
        return border_fail(error, DEALFSM_E_ARGUMENT, "outcome", "expected DURABLE, FAILED or LOST, found %d", outcome);
    if (!machine_enter(&e, machine, id, &code, error))
        return code;
    work *w = e.deal->work;
    if (!w || !w->put.kind || w->put.revision != revision || w->put.reported) {
        code = border_fail(error, DEALFSM_E_NOT_OPEN, "revision", "no put of revision %llu is under way",
                           (unsigned long long)revision);
    } else if (w->put.called) {
        w->put.reported = outcome;
    } else {
        e.deal->flags |= DEAL_BUSY;
        engine_stored(&e, outcome);
        e.deal->flags &= ~(uint32_t)DEAL_BUSY;
        engine_drive(&e);
    }
    machine_leave(&e);
    return code;
}

int32_t machine_retry(dealfsm_machine *machine, uint64_t id, uint64_t *revision, dealfsm_error *error)
{
    drive e;
    int32_t code = DEALFSM_OK;
    if (!machine_enter(&e, machine, id, &code, error))
        return code;
    if (!(e.deal->flags & DEAL_STALLED)) {
        code = border_fail(error, DEALFSM_E_STATE, "deal", "the deal is not stalled");
    } else if (e.deal->flags & (DEAL_FROZEN | DEAL_FREEZING)) {
        code = border_fail(error, DEALFSM_E_FROZEN, "deal", "the deal is frozen: thaw it first");
    } else {
        e.deal->flags &= ~(uint32_t)DEAL_STALLED;
        if (e.deal->work)
            e.deal->work->stall = DEALFSM_STALL_NONE;
        engine_drive(&e);
        code = e.standing == DEALFSM_E_LOST ? lost(error) : e.standing;
        give_revision(revision, e.revision);
    }
    machine_leave(&e);
    return code;
}
