/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "validate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Writing down */
static seen *add_seen(rig *it, seen_what what)
{
    if (it->count == it->capacity) {
        it->capacity = it->capacity == 0 ? 64 : it->capacity * 2;
        seen *more = realloc(it->list, it->capacity * sizeof *more);
        if (more == NULL) {
            fputs("out of memory\n", stderr);
            exit(EXIT_FAILURE);
        }
        it->list = more;
    }
    seen *one = &it->list[it->count++];
    *one = (seen){.what = what};
    return one;
}

void rig_note(rig *it, seen entry)
{
    *add_seen(it, entry.what) = entry;
}

static uint8_t *copy_bytes(const uint8_t *data, uint64_t size)
{
    uint8_t *copy = malloc(size == 0 ? 1 : size);
    if (copy == NULL) {
        fputs("out of memory\n", stderr);
        exit(EXIT_FAILURE);
    }
    return size == 0 ? copy : memcpy(copy, data, size);
}

static void on_op(void *ctx, const dealfsm_op *op)
{
    rig *it = ctx;
    if (!it->quiet) {
        const dealfsm_op_info *info = description_op(&it->v->machine, op->op);
        seen *one = add_seen(it, SEEN_CALL);
        one->number = op->op;
        one->deal = op->deal;
        one->sequence = op->sequence;
        one->nth = op->nth;
        one->flags = op->flags;
        one->args = info == NULL ? json_object() : values_op_to_json(it->v->arena, info, op);
    }
    if (it->on_op != NULL) {
        it->on_op(it, op);
    }
}

static json_t *happened_to_json(const dealfsm_put *put)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < put->happened_count; i++) {
        const uint8_t *at = (const uint8_t *)put->happened + (size_t)put->happened_stride * i;
        const dealfsm_happened *h = (const dealfsm_happened *)(const void *)at;
        json_t *message = json_stringn(h->message == NULL ? "" : h->message, h->message_len);
        json_array_append_new(
            list, json_pack("{s:i, s:i, s:i, s:I, s:I, s:I, s:o}", "kind", (int)h->kind, "event", (int)h->event,
                            "reason", (int)h->reason, "sequence", (json_int_t)h->sequence, "from", (json_int_t)h->from,
                            "to", (json_int_t)h->to, "message", message == NULL ? json_string("(bytes)") : message));
    }
    return list;
}

static int32_t on_put(void *ctx, const dealfsm_put *put)
{
    rig *it = ctx;
    if (!it->quiet) {
        seen *one = add_seen(it, SEEN_PUT);
        one->number = put->happened_count == 0 ? UINT32_MAX : put->happened->event;
        one->reason = put->happened_count == 0 ? 0 : (int32_t)put->happened->kind;
        one->from = put->happened_count == 0 ? put->status : put->happened->from;
        one->to = put->status;
        one->deal = put->deal;
        one->sequence = put->sequence;
        one->revision = put->revision;
        one->flags = put->final_state;
        one->args = happened_to_json(put);
        one->record = copy_bytes(put->record, put->record_len);
        one->record_len = put->record_len;
        one->sidecar = copy_bytes(put->sidecar, put->sidecar_len);
        one->sidecar_len = put->sidecar_len;
        it->puts++;
    }
    return it->on_put != NULL ? it->on_put(it, put) : DEALFSM_PUT_DURABLE;
}

static void write_notice(rig *it, const dealfsm_notice *notice)
{
    static const seen_what kinds[] = {[DEALFSM_NOTICE_APPLIED] = SEEN_APPLIED,
                                      [DEALFSM_NOTICE_REFUSED] = SEEN_REFUSED,
                                      [DEALFSM_NOTICE_TERMINATED] = SEEN_TERMINATED};
    seen *one = add_seen(it, notice->kind <= DEALFSM_NOTICE_TERMINATED ? kinds[notice->kind] : SEEN_REFUSED);
    const dealfsm_event *event = notice->event;
    one->number = event->event;
    one->deal = notice->deal;
    one->sequence = notice->sequence;
    one->revision = notice->revision;
    one->from = notice->from;
    one->to = notice->to;
    one->flags = notice->from_handler;
    one->reason = notice->reason;
    one->args = values_args_to_json(it->v->arena, event->args, event->args_count, event->args_stride);
    uint8_t small[4096];
    uint64_t size = 0;
    const dealfsm_record_v1 *record = it->v->record;
    if (record->encode(notice->record, small, sizeof small, &size, NULL) == DEALFSM_OK) {
        one->record = copy_bytes(small, size);
    } else if ((one->record = malloc(size + 1)) != NULL &&
               record->encode(notice->record, one->record, size, &size, NULL) != DEALFSM_OK) {
        size = 0;
    }
    one->record_len = size;
}

static void on_notice(void *ctx, const dealfsm_notice *notice)
{
    rig *it = ctx;
    if (!it->quiet) {
        write_notice(it, notice);
    }
    if (it->on_notice != NULL) {
        it->on_notice(it, notice);
    }
}

static void on_rest(void *ctx, uint64_t deal)
{
    rig *it = ctx;
    if (it->on_rest != NULL) {
        it->on_rest(it, deal);
    }
}

static void on_log(void *ctx, uint32_t level, uint64_t deal, const char *text)
{
    (void)ctx, (void)level, (void)deal, (void)text;
}

/* ---- Opening and closing */
static const void *give_service(void *ctx, const char *id)
{
    rig *it = ctx;
    if (strcmp(id, "environment/1") == 0) {
        return &it->environment;
    }
    if (strcmp(id, "store/1") == 0) {
        return it->no_store ? NULL : &it->store;
    }
    if (strcmp(id, "rest/1") == 0) {
        return &it->rest;
    }
    return strcmp(id, "log/1") == 0 ? &it->log : NULL;
}

static void set_environment(rig *it)
{
    it->environment = (dealfsm_environment){.struct_size = sizeof it->environment, .ctx = it};
    dealfsm_op_fn *fn = on_op;
    for (uint32_t i = 0; i < it->v->machine.ops_count; i++) {
        const uint32_t offset = it->v->machine.ops[i].environment_offset;
        if (offset <= sizeof it->environment - sizeof fn) {
            memcpy((uint8_t *)&it->environment + offset, &fn, sizeof fn);
        }
    }
}

bool rig_open(rig *it, validator *v)
{
    it->v = v;
    set_environment(it);
    it->store = (dealfsm_store_v1){.struct_size = sizeof it->store, .ctx = it, .put = on_put};
    it->rest = (dealfsm_rest_v1){.struct_size = sizeof it->rest, .ctx = it, .at_rest = on_rest};
    it->log = (dealfsm_log_v1){.struct_size = sizeof it->log, .ctx = it, .log = on_log};
    const dealfsm_services services = {.struct_size = sizeof services,
                                       .queue_events = it->queue_events,
                                       .queue_bytes = it->queue_bytes,
                                       .ctx = it,
                                       .service = give_service};
    dealfsm_error error = {.struct_size = sizeof error};
    if (!same_result(v, "open", DEALFSM_OK, v->functions->open(&services, &it->machine, &error), &error)) {
        return false;
    }
    if (it->no_subscription) {
        return true;
    }
    const dealfsm_subscription subscription = {.struct_size = sizeof subscription,
                                               .flags = DEALFSM_SUBSCRIBE_ALL | DEALFSM_SUBSCRIBE_REFUSALS,
                                               .ctx = it,
                                               .notify = on_notice};
    const int32_t result = v->functions->subscribe(it->machine, &subscription, &it->subscription, &error);
    return same_result(v, "subscribe", DEALFSM_OK, result, &error);
}

void rig_close(rig *it)
{
    dealfsm_error error = {.struct_size = sizeof error};
    if (it->machine != NULL) {
        uint64_t ids[64];
        uint64_t count = 64;
        while (count == 64 && it->v->functions->list(it->machine, NULL, ids, 64, &count, NULL) == DEALFSM_OK) {
            for (uint64_t i = 0; i < count; i++) {
                if (!rig_remove(it, ids[i])) {
                    count = 0; /* close says why, too */
                }
            }
        }
        same_result(it->v, "close", DEALFSM_OK, it->v->functions->close(it->machine, &error), &error);
    }
    rig_clear(it);
    free(it->list);
    it->list = NULL;
    it->capacity = 0;
    it->machine = NULL;
}

void rig_clear(rig *it)
{
    for (uint32_t i = 0; i < it->count; i++) {
        json_decref(it->list[i].args);
        free(it->list[i].record);
        free(it->list[i].sidecar);
    }
    it->count = 0;
}

/* ---- Looking back */
const seen *rig_next(const rig *it, uint32_t *from, seen_what what)
{
    while (*from < it->count) {
        const seen *one = &it->list[(*from)++];
        if (one->what == what) {
            return one;
        }
    }
    return NULL;
}

const seen *rig_last(const rig *it, seen_what what)
{
    for (uint32_t i = it->count; i > 0; i--) {
        if (it->list[i - 1].what == what) {
            return &it->list[i - 1];
        }
    }
    return NULL;
}

uint32_t rig_number_of(const rig *it, seen_what what)
{
    uint32_t number = 0;
    for (uint32_t from = 0; rig_next(it, &from, what) != NULL;) {
        number++;
    }
    return number;
}

char *rig_told(const rig *it)
{
    static const char *const words[] = {"", "call", "applied", "refused", "terminated", "put", "result"};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < it->count; i++) {
        const seen *s = &it->list[i];
        fprintf(out, "%s %" PRIu32 " deal %" PRIu64 " sequence %" PRIu64 " revision %" PRIu64 " %" PRIu64 "->%" PRIu64,
                words[s->what], s->number, s->deal, s->sequence, s->revision, s->from, s->to);
        fprintf(out, " nth %" PRIu32 " flags %" PRIu32 " reason %" PRId32 " ", s->nth, s->flags, s->reason);
        json_dumpf(s->args, out, JSON_COMPACT | JSON_SORT_KEYS);
        fprintf(out, " %s", values_hex(it->v->arena, s->record, s->record_len));
        fprintf(out, " %s\n", values_hex(it->v->arena, s->sidecar, s->sidecar_len));
    }
    fclose(out);
    return text;
}
