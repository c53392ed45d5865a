/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* Rules on struct sizes, older and newer than the module's, for every struct that a host hands in or has filled. */

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "validate.h"

enum { TAIL = 32, PLACE = 1024 };

/* A struct with room behind it. */
typedef union place {
    uint32_t struct_size;
    uint64_t align;
    uint8_t bytes[PLACE];
} place;

typedef struct sized {
    const char *name;
    uint32_t size;     /* of the struct as this program knows it */
    uint32_t shortest; /* a host that knows only so many bytes gets the same */
    int32_t good;      /* the answer */
    /* Fills *out with a good struct, then calls with it; `it` has deal 1 as `prepare` of this program left it. */
    void (*fill)(validator *v, place *out);
    int32_t (*call)(rig *it, void *arg);
} sized;

/* ---- Inputs */
static void fill_terms(validator *v, place *out)
{
    dealfsm_record terms;
    (void)v;
    invent_terms(2, &terms);
    memcpy(out->bytes, &terms, sizeof terms);
}

static int32_t call_create(rig *it, void *arg)
{
    return it->v->functions->create(it->machine, arg, NULL, NULL);
}

static void fill_event(validator *v, place *out)
{
    const dealfsm_event event = {.struct_size = sizeof event, .event = DEALFSM_ClientEventOpen};
    (void)v;
    memcpy(out->bytes, &event, sizeof event);
}

static int32_t call_dispatch(rig *it, void *arg)
{
    return it->v->functions->dispatch(it->machine, 1, arg, NULL, NULL);
}

static void fill_answer(validator *v, place *out)
{
    const dealfsm_answer answer = {.struct_size = sizeof answer,
                                   .op = DEALFSM_OpOpenDataTransfer,
                                   .deal = 1,
                                   .sequence = 1,
                                   .nth = 1,
                                   .outcome = DEALFSM_ANSWER_ERROR,
                                   .text = "no",
                                   .text_len = 2};
    (void)v;
    memcpy(out->bytes, &answer, sizeof answer);
}

static int32_t call_complete(rig *it, void *arg)
{
    rig_dispatch(it, 1, DEALFSM_ClientEventOpen, NULL, 0);
    const int32_t result = it->v->functions->complete(it->machine, arg, NULL);
    if (result == DEALFSM_E_TOO_NEW) { /* the op is still open then */
        place good = {.bytes = {0}};
        fill_answer(it->v, &good);
        same_result(it->v, "complete after a refused answer", DEALFSM_OK,
                    it->v->functions->complete(it->machine, (dealfsm_answer *)(void *)&good, NULL), NULL);
    }
    return result;
}

static void notify_nothing(void *ctx, const dealfsm_notice *notice)
{
    (void)ctx, (void)notice;
}

static void fill_subscription(validator *v, place *out)
{
    const dealfsm_subscription subscription = {.struct_size = sizeof subscription, .deal = 1, .notify = notify_nothing};
    (void)v;
    memcpy(out->bytes, &subscription, sizeof subscription);
}

static int32_t call_subscribe(rig *it, void *arg)
{
    uint64_t id = 0;
    return it->v->functions->subscribe(it->machine, arg, &id, NULL);
}

static void fill_snapshot(validator *v, place *out)
{
    dealfsm_record record;
    const uint8_t *bytes = NULL;
    uint64_t size = 0;
    invent_record(v, 2, DEALFSM_DealStatusOngoing, &record);
    stored_bytes(v, &record, &bytes, &size);
    const dealfsm_snapshot snapshot = {.struct_size = sizeof snapshot,
                                       .deal = 2,
                                       .machine_version = v->machine.machine_version,
                                       .record = (uint8_t *)bytes, /* restore does not write */
                                       .record_len = size};
    memcpy(out->bytes, &snapshot, sizeof snapshot);
}

static int32_t call_restore(rig *it, void *arg)
{
    return it->v->functions->restore(it->machine, arg, NULL);
}

static const sized inputs[] = {
    {"the record of create", sizeof(dealfsm_record), offsetof(dealfsm_record, voucher_shortfall), DEALFSM_APPLIED,
     fill_terms, call_create},
    {"the event of dispatch", sizeof(dealfsm_event), offsetof(dealfsm_event, args), DEALFSM_APPLIED, fill_event,
     call_dispatch},
    {"the answer of complete", sizeof(dealfsm_answer), offsetof(dealfsm_answer, values), DEALFSM_OK, fill_answer,
     call_complete},
    {"the subscription of subscribe", sizeof(dealfsm_subscription), offsetof(dealfsm_subscription, ended), DEALFSM_OK,
     fill_subscription, call_subscribe},
    {"the snapshot of restore", sizeof(dealfsm_snapshot), offsetof(dealfsm_snapshot, record_capacity), DEALFSM_OK,
     fill_snapshot, call_restore},
};

/* One call with a struct of `size` bytes and a byte of `tail` at its end, on a machine of its own. */
static void try_input(validator *v, const sized *one, uint32_t size, uint8_t tail, int32_t expected)
{
    rig it = {0};
    dealfsm_record record;
    place arg = {.bytes = {0}};
    CASE(v, "%s with struct_size %" PRIu32 "%s", one->name, size, tail != 0 ? ", its tail not zero" : "");
    invent_record(v, 1, DEALFSM_DealStatusNew, &record);
    if (rig_open(&it, v) && rig_restore(&it, &record, 0)) {
        one->fill(v, &arg);
        arg.struct_size = size;
        if (size > one->size) {
            arg.bytes[size - 1] = tail;
        }
        const int32_t result = one->call(&it, &arg);
        if (size == 0) {
            expect(v, result < 0, "a refusal", result_text(v, result));
        } else {
            same_result(v, "the call", expected, result, NULL);
        }
    }
    rig_close(&it);
}

static void input_sizes(validator *v)
{
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
        const sized *one = &inputs[i];
        try_input(v, one, one->size, 0, one->good);
        try_input(v, one, one->shortest, 0, one->good);
        try_input(v, one, one->size + 8, 0, one->good);
        try_input(v, one, one->size + TAIL, 0, one->good);
        try_input(v, one, one->size + TAIL, 1, DEALFSM_E_TOO_NEW);
        try_input(v, one, one->size + 1, 1, DEALFSM_E_TOO_NEW);
        try_input(v, one, 0, 0, 0);
    }
}

/* An element that says it is longer than the distance to the next one is not read past its end. */
static void short_stride(validator *v)
{
    rig it = {0};
    dealfsm_record record;
    CASE(v, "an event argument that is longer than the stride");
    invent_record(v, 1, DEALFSM_DealStatusOngoing, &record);
    dealfsm_value value = invent_value(DEALFSM_U64);
    value.struct_size = sizeof value + 8;
    const dealfsm_event event = {.struct_size = sizeof event,
                                 .event = DEALFSM_ClientEventBlocksReceived,
                                 .args = &value,
                                 .args_count = 1,
                                 .args_stride = sizeof value};
    if (rig_open(&it, v) && rig_restore(&it, &record, 0)) {
        same_result(v, "dispatch", DEALFSM_E_ARGUMENT, v->functions->dispatch(it.machine, 1, &event, NULL, NULL), NULL);
    }
    rig_close(&it);
}

/* Arguments of a later host: elements that are further apart. */
static void strides(validator *v)
{
    short_stride(v);
    struct {
        dealfsm_value value;
        uint64_t tail[2];
    } wide[2];
    for (int zero = 1; zero >= 0; zero--) {
        rig it = {0};
        dealfsm_record record;
        CASE(v, "event arguments with a longer stride, tail %szero", zero ? "" : "not ");
        invent_record(v, 1, DEALFSM_DealStatusOngoing, &record);
        memset(wide, 0, sizeof wide);
        wide[0].value = invent_value(DEALFSM_U64);
        wide[0].value.struct_size = sizeof *wide;
        wide[0].tail[1] = zero ? 0 : 5;
        const dealfsm_event event = {.struct_size = sizeof event,
                                     .event = DEALFSM_ClientEventBlocksReceived,
                                     .args = &wide[0].value,
                                     .args_count = 1,
                                     .args_stride = sizeof *wide};
        if (rig_open(&it, v) && rig_restore(&it, &record, 0)) {
            same_result(v, "dispatch", zero ? DEALFSM_APPLIED : DEALFSM_E_TOO_NEW,
                        v->functions->dispatch(it.machine, 1, &event, NULL, NULL), NULL);
        }
        rig_close(&it);
    }
}

/* ---- Services: as inputs, at open */
static const void *service_of(void *ctx, const char *id)
{
    place *const *services = ctx; /* environment, store */
    if (strcmp(id, "environment/1") == 0) {
        return services[0];
    }
    return strcmp(id, "store/1") == 0 ? services[1] : NULL;
}

static void try_open(validator *v, const char *name, int which, uint32_t size, uint8_t tail, int32_t expected)
{
    rig it = {0};
    place struct_of[3] = {{.bytes = {0}}, {.bytes = {0}}, {.bytes = {0}}}; /* environment, store, services */
    place *of_ctx[2] = {&struct_of[0], &struct_of[1]};
    CASE(v, "%s with struct_size %" PRIu32 "%s", name, size, tail != 0 ? ", its tail not zero" : "");
    if (!rig_open(&it, v)) {
        return;
    }
    const dealfsm_services services = {.struct_size = sizeof services, .ctx = of_ctx, .service = service_of};
    memcpy(&struct_of[0], &it.environment, sizeof it.environment);
    memcpy(&struct_of[1], &it.store, sizeof it.store);
    memcpy(&struct_of[2], &services, sizeof services);
    const uint32_t known = struct_of[which].struct_size;
    struct_of[which].struct_size = size;
    if (size > known) {
        struct_of[which].bytes[size - 1] = tail;
    }
    dealfsm_machine *machine = NULL;
    const int32_t result = v->functions->open((const dealfsm_services *)(const void *)&struct_of[2], &machine, NULL);
    same_result(v, "open", expected, result, NULL);
    if (result == DEALFSM_OK) {
        v->functions->close(machine, NULL);
    }
    rig_close(&it);
}

static void service_sizes(validator *v)
{
    static const struct {
        const char *name;
        uint32_t size;
    } all[] = {{"environment/1", sizeof(dealfsm_environment)},
               {"store/1", sizeof(dealfsm_store_v1)},
               {"the services of open", sizeof(dealfsm_services)}};
    for (int i = 0; i < 3; i++) {
        try_open(v, all[i].name, i, all[i].size, 0, DEALFSM_OK);
        try_open(v, all[i].name, i, all[i].size + TAIL, 0, DEALFSM_OK);
        try_open(v, all[i].name, i, all[i].size + TAIL, 1, DEALFSM_E_TOO_NEW);
    }
    try_open(v, "the services of open, cut before `service`", 2, offsetof(dealfsm_services, service), 0,
             DEALFSM_E_MISSING);
    try_open(v, "environment/1, cut before its functions", 0, offsetof(dealfsm_environment, OpenDataTransfer), 0,
             DEALFSM_E_MISSING);
    try_open(v, "store/1, cut before its function", 1, offsetof(dealfsm_store_v1, put), 0, DEALFSM_E_MISSING);
}

/* ---- Outputs */
static void fill_nothing(validator *v, place *out)
{
    (void)v, (void)out;
}

static int32_t call_query(rig *it, void *arg)
{
    return it->v->functions->query(it->machine, 1, arg, NULL);
}

static int32_t call_counters(rig *it, void *arg)
{
    return it->v->functions->counters(it->machine, arg, NULL);
}

static int32_t call_error(rig *it, void *arg)
{
    return it->v->functions->forget(it->machine, 4711, arg);
}

static int32_t call_snapshot(rig *it, void *arg)
{
    return it->v->functions->snapshot(it->machine, 1, arg, NULL);
}

static const sized outputs[] = {
    {"the deal of query", sizeof(dealfsm_deal), 8, DEALFSM_OK, fill_nothing, call_query},
    {"the counters", sizeof(dealfsm_counters), 8, DEALFSM_OK, fill_nothing, call_counters},
    {"an error struct", sizeof(dealfsm_error), 8, DEALFSM_E_NOT_FOUND, fill_nothing, call_error},
    {"the snapshot of snapshot", sizeof(dealfsm_snapshot), 0, DEALFSM_E_TOO_SMALL, fill_nothing, call_snapshot},
};

static void try_output(validator *v, rig *it, const sized *one, uint32_t size, uint8_t filling)
{
    place out = {.bytes = {0}};
    CASE(v, "%s with struct_size %" PRIu32, one->name, size);
    memset(out.bytes + size, filling, sizeof out - size);
    out.struct_size = size;
    const int32_t result = one->call(it, &out);
    /* TOO_SMALL: no room for the record's bytes was given, all else was written. */
    if (result != DEALFSM_E_TOO_SMALL || one->call != call_query) {
        same_result(v, "the call", one->good, result, NULL);
    }
    for (uint32_t i = size; i < PLACE; i++) {
        if (!expect(v, out.bytes[i] == filling, "nothing written past the caller's size", "a changed byte")) {
            break;
        }
    }
    expect(v, out.struct_size == size, "struct_size left alone", "another");
}

static void output_sizes(validator *v)
{
    rig it = {0};
    dealfsm_record record;
    CASE(v, "a deal");
    invent_record(v, 1, DEALFSM_DealStatusNew, &record);
    if (rig_open(&it, v) && rig_restore(&it, &record, 0)) {
        for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++) {
            const sized *one = &outputs[i];
            for (uint32_t size = one->shortest; size != 0 && size < one->size; size += 4) {
                try_output(v, &it, one, size, 0xa5);
            }
            try_output(v, &it, one, one->size, 0xa5);
            if (one->size + TAIL <= PLACE) {
                try_output(v, &it, one, one->size + TAIL, 0);
            }
        }
    }
    rig_close(&it);
}

static const rule list[] = {
    {"structs.inputs", "structs of older and newer hosts: zero tail taken, other tail too new", input_sizes},
    {"structs.strides", "arrays of a newer host's structs", strides},
    {"structs.services", "services of older and newer hosts", service_sizes},
    {"structs.outputs", "nothing is written past the caller's size", output_sizes},
};
const rule_group rules_structs = {list, sizeof list / sizeof *list};
