/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The functions of abi/dealfsm/machine.h that open, close and look at a machine. */
#include "machine.h"

#include <stdlib.h>
#include <string.h>

enum { QUEUE_EVENTS = 1024, QUEUE_BYTES = 1 << 20 };

static int32_t read_service(const dealfsm_services *services, const char *id, void *out, uint32_t size, bool *found,
                            dealfsm_error *error)
{
    const void *service = services->service ? services->service(services->ctx, id) : NULL;
    *found = service;
    return service ? border_read(out, size, service, id, error) : DEALFSM_OK;
}

static int32_t check_environment(const dealfsm_environment *environment, dealfsm_error *error)
{
    const fsm_machine *machine = module_version.machine;
    for (uint32_t op = 0; op < machine->ops_count; op++)
        if (machine->ops[op].name && !op_function(environment, op))
            return border_fail(error, DEALFSM_E_MISSING, machine->ops[op].name,
                               "environment/1 lacks %s, which this machine asks for", machine->ops[op].name);
    return DEALFSM_OK;
}

static int32_t read_services(dealfsm_machine *m, const dealfsm_services *services, dealfsm_error *error)
{
    bool found = false;
    int32_t code = read_service(services, "environment/1", &m->environment, sizeof m->environment, &found, error);
    if (!code && !found)
        return border_fail(error, DEALFSM_E_MISSING, "environment/1", "the service environment/1 is needed");
    if (!code)
        code = check_environment(&m->environment, error);
    if (!code)
        code = read_service(services, "store/1", &m->store, sizeof m->store, &found, error);
    if (!code && found && !m->store.put)
        return border_fail(error, DEALFSM_E_MISSING, "store/1", "store/1 lacks put");
    if (!code)
        code = read_service(services, "log/1", &m->log, sizeof m->log, &found, error);
    if (!code)
        code = read_service(services, "rest/1", &m->rest, sizeof m->rest, &found, error);
    m->queue_events = services->queue_events ? services->queue_events : QUEUE_EVENTS;
    m->queue_bytes = services->queue_bytes ? services->queue_bytes : QUEUE_BYTES;
    if (m->queue_bytes > UINT32_MAX)
        m->queue_bytes = UINT32_MAX;
    return code;
}

int32_t machine_open(const dealfsm_services *given, dealfsm_machine **machine, dealfsm_error *error)
{
    dealfsm_services services;
    int32_t code = border_read(&services, sizeof services, given, "services", error);
    if (code)
        return code;
    if (!machine)
        return border_fail(error, DEALFSM_E_ARGUMENT, "machine", "null pointer");
    dealfsm_machine *m = calloc(1, sizeof *m);
    if (!m)
        return border_fail(error, DEALFSM_E_NO_MEMORY, "", "no memory");
    code = read_services(m, &services, error);
    if (!code && !subscriptions_open(m))
        code = border_fail(error, DEALFSM_E_NO_MEMORY, "", "no memory");
    if (code) {
        free(m);
        return code;
    }
    for (uint32_t i = 0; i < SHARDS; i++)
        pthread_mutex_init(&m->shards[i].mutex, NULL);
    *machine = m;
    return DEALFSM_OK;
}

/* NULL, or what hinders closing. */
static const char *shard_busy(shard *s)
{
    if (s->frames)
        return "a host call is running";
    for (uint64_t i = 0; i < s->buckets_count; i++)
        for (deal *d = s->buckets[i]; d; d = d->next) {
            if (!engine_at_rest(d))
                return "a deal is at work, or its put is under way";
            if (d->work && d->work->open_op && !(d->flags & DEAL_FROZEN))
                return "an op is open: let it be answered, or freeze the deal";
        }
    return NULL;
}

static void free_deals(dealfsm_machine *machine, shard *s)
{
    pthread_mutex_lock(&s->mutex);
    for (uint64_t i = 0; i < s->buckets_count; i++)
        while (s->buckets[i]) {
            deal *d = s->buckets[i];
            deal_remove(s, d);
            deal_free(machine, s, d);
        }
    pthread_mutex_unlock(&s->mutex);
}

int32_t machine_close(dealfsm_machine *machine, dealfsm_error *error)
{
    if (!machine)
        return border_fail(error, DEALFSM_E_ARGUMENT, "machine", "null pointer");
    if (machine_inside(machine))
        return border_fail(error, DEALFSM_E_BUSY, "machine", "called inside a callback of this machine");
    if (subscriptions_running(machine))
        return border_fail(error, DEALFSM_E_BUSY, "machine", "a callback is running");
    for (uint32_t i = 0; i < SHARDS; i++) {
        pthread_mutex_lock(&machine->shards[i].mutex);
        const char *busy = shard_busy(&machine->shards[i]);
        pthread_mutex_unlock(&machine->shards[i].mutex);
        if (busy)
            return border_fail(error, DEALFSM_E_BUSY, "machine", "%s", busy);
    }
    for (uint32_t i = 0; i < SHARDS; i++)
        free_deals(machine, &machine->shards[i]);
    subscriptions_end_all(machine); /* inside `ended` the machine can still be looked at */
    for (uint32_t i = 0; i < SHARDS; i++) {
        stock_free(&machine->shards[i]);
        pthread_mutex_destroy(&machine->shards[i].mutex);
    }
    subscriptions_free(machine);
    free(machine);
    return DEALFSM_OK;
}

/* ---- Looking */

static uint32_t deal_flags(const deal *d)
{
    const work *w = d->work;
    static const struct {
        uint32_t ours, theirs;
    } pairs[] = {{DEAL_FINAL, DEALFSM_DEAL_FINAL},       {DEAL_OWED, DEALFSM_DEAL_HANDLER_OWED},
                 {DEAL_STALLED, DEALFSM_DEAL_STALLED},   {DEAL_FROZEN, DEALFSM_DEAL_FROZEN},
                 {DEAL_FREEZING, DEALFSM_DEAL_FREEZING}, {DEAL_STAGED, DEALFSM_DEAL_STAGED}};
    uint32_t flags = 0;
    for (uint32_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        flags |= d->flags & pairs[i].ours ? pairs[i].theirs : 0;
    if (w && w->open_op)
        flags |= DEALFSM_DEAL_OP_OPEN;
    if (w && w->put.kind)
        flags |= DEALFSM_DEAL_PUT_PENDING;
    return flags;
}

static void show_work(const deal *d, dealfsm_deal *out)
{
    const work *w = d->work;
    out->stall = d->flags & DEAL_STALLED ? w ? w->stall : (uint32_t)DEALFSM_STALL_MEMORY : (uint32_t)DEALFSM_STALL_NONE;
    if (!w)
        return;
    out->queued = w->queue.count;
    if (w->open_op) {
        out->open_op = w->open_op;
        out->open_nth = w->open_nth;
        out->open_sequence = d->sequence;
    }
    if (out->stall)
        memcpy(out->stall_text, w->stall_text, sizeof out->stall_text);
}

/* Fills what query shows but the record's bytes, which go to the caller's buffer. */
static int32_t show(const deal *d, dealfsm_deal *out, dealfsm_error *error)
{
    fsm_record record;
    const char *field, *why;
    uint64_t length = 0;
    unpack(&record, d->record, d->id);
    layout_write(module_version.layout, &record, out->record, out->record ? out->record_capacity : 0, &length, &field,
                 &why);
    out->record_len = length;
    out->flags = deal_flags(d);
    out->status = record.status;
    out->sequence = d->sequence;
    out->revision = d->revision - d->behind;
    show_work(d, out);
    if (out->record && out->record_capacity < length)
        return border_fail(error, DEALFSM_E_TOO_SMALL, "record", "the record has %llu bytes, the buffer %llu",
                           (unsigned long long)length, (unsigned long long)out->record_capacity);
    return DEALFSM_OK;
}

int32_t machine_query(dealfsm_machine *machine, uint64_t id, dealfsm_deal *given, dealfsm_error *error)
{
    uint32_t room = 0;
    dealfsm_deal out = {0};
    if (!machine)
        return border_fail(error, DEALFSM_E_ARGUMENT, "machine", "null pointer");
    int32_t code = border_check_out(given, sizeof out, &room, "out", error);
    if (code)
        return code;
    if (room >= offsetof(dealfsm_deal, stall_text)) {
        out.record = given->record;
        out.record_capacity = given->record_capacity;
    }
    shard *s = deal_shard(machine, id);
    pthread_mutex_lock(&s->mutex);
    deal *d = deal_find(s, id);
    if (d && d->flags & DEAL_VISIBLE)
        code = show(d, &out, error);
    else
        code = border_fail(error, DEALFSM_E_NOT_FOUND, "deal", "no deal %llu in this machine", (unsigned long long)id);
    pthread_mutex_unlock(&s->mutex);
    if (code != DEALFSM_E_NOT_FOUND)
        border_write(given, room, &out);
    return code;
}

/* Keeps the lowest `capacity` ids in ids[0, *count), a heap with the highest on top. */
static void keep_lowest(uint64_t *ids, uint64_t capacity, uint64_t *count, uint64_t id)
{
    uint64_t at;
    if (*count < capacity) {
        for (at = (*count)++; at && ids[(at - 1) / 2] < id; at = (at - 1) / 2)
            ids[at] = ids[(at - 1) / 2];
        ids[at] = id;
        return;
    }
    if (id >= ids[0])
        return;
    at = 0;
    for (uint64_t child; (child = 2 * at + 1) < capacity; at = child) {
        if (child + 1 < capacity && ids[child + 1] > ids[child])
            child++;
        if (ids[child] <= id)
            break;
        ids[at] = ids[child];
    }
    ids[at] = id;
}

static int compare_ids(const void *a, const void *b)
{
    uint64_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x < y ? -1 : x > y;
}

int32_t machine_list(dealfsm_machine *machine, const uint64_t *after, uint64_t *ids, uint64_t capacity,
                     uint64_t *count, dealfsm_error *error)
{
    if (!machine || !count || (capacity && !ids))
        return border_fail(error, DEALFSM_E_ARGUMENT, !machine ? "machine" : !count ? "count" : "ids", "null pointer");
    *count = 0;
    for (uint32_t i = 0; i < SHARDS && capacity; i++) {
        shard *s = &machine->shards[i];
        pthread_mutex_lock(&s->mutex);
        for (uint64_t k = 0; k < s->buckets_count; k++)
            for (deal *d = s->buckets[k]; d; d = d->next)
                if (!after || d->id > *after)
                    keep_lowest(ids, capacity, count, d->id);
        pthread_mutex_unlock(&s->mutex);
    }
    if (*count)
        qsort(ids, *count, sizeof *ids, compare_ids);
    return DEALFSM_OK;
}

static uint64_t work_bytes(const work *w)
{
    uint64_t bytes = sizeof *w + w->queue.bytes + w->over.bytes + w->put.step.capacity;
    return bytes + ((uint64_t)w->queue.count + w->over.count) * sizeof(entry);
}

static void count_deal(const deal *d, dealfsm_counters *out)
{
    out->deals++;
    out->memory_bytes += sizeof *d + d->capacity;
    if (d->extra)
        out->memory_bytes +=
            sizeof *d->extra + d->extra->unknown.size + d->extra->carried.size + d->extra->moved_from.size;
    out->stalled += (d->flags & DEAL_STALLED) != 0;
    if (!d->work)
        return;
    out->memory_bytes += work_bytes(d->work);
    out->open_ops += d->work->open_op != 0;
    out->queued += d->work->queue.count;
}

int32_t machine_counters(dealfsm_machine *machine, dealfsm_counters *given, dealfsm_error *error)
{
    uint32_t room = 0;
    dealfsm_counters out = {0};
    if (!machine)
        return border_fail(error, DEALFSM_E_ARGUMENT, "machine", "null pointer");
    int32_t code = border_check_out(given, sizeof out, &room, "out", error);
    if (code)
        return code;
    for (uint32_t i = 0; i < SHARDS; i++) {
        shard *s = &machine->shards[i];
        pthread_mutex_lock(&s->mutex);
        out.applied += s->counters.applied;
        out.refused += s->counters.refused;
        out.terminated += s->counters.terminated;
        out.puts += s->counters.puts;
        out.puts_failed += s->counters.puts_failed;
        out.ops += s->counters.ops;
        out.late_answers += s->counters.late_answers;
        out.memory_bytes += s->buckets_count * sizeof *s->buckets;
        for (uint64_t k = 0; k < s->buckets_count; k++)
            for (deal *d = s->buckets[k]; d; d = d->next)
                count_deal(d, &out);
        pthread_mutex_unlock(&s->mutex);
    }
    border_write(given, room, &out);
    return DEALFSM_OK;
}

/* ---- Subscribing */

int32_t machine_subscribe(dealfsm_machine *machine, const dealfsm_subscription *given, uint64_t *id,
                          dealfsm_error *error)
{
    dealfsm_subscription subscription;
    if (!machine || !id)
        return border_fail(error, DEALFSM_E_ARGUMENT, machine ? "id" : "machine", "null pointer");
    int32_t code = border_read(&subscription, sizeof subscription, given, "subscription", error);
    if (code)
        return code;
    if (!subscription.notify)
        return border_fail(error, DEALFSM_E_ARGUMENT, "notify", "null pointer");
    if (subscription.flags > (DEALFSM_SUBSCRIBE_ALL | DEALFSM_SUBSCRIBE_REFUSALS))
        return border_fail(error, DEALFSM_E_ARGUMENT, "flags", "expected a set of DEALFSM_SUBSCRIBE_…, found %u",
                           subscription.flags);
    return subscriptions_add(machine, &subscription, id, error);
}

int32_t machine_unsubscribe(dealfsm_machine *machine, uint64_t id, dealfsm_error *error)
{
    if (!machine)
        return border_fail(error, DEALFSM_E_ARGUMENT, "machine", "null pointer");
    return subscriptions_remove(machine, id, error);
}
