/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* Rules on null and garbage arguments. */

#include <stddef.h>
#include <string.h>

#include "validate.h"

static bool open_with_deal(rig *it, validator *v, uint64_t status)
{
    dealfsm_record record;
    CASE(v, "opening");
    invent_record(v, 1, status, &record);
    return rig_open(it, v) && rig_restore(it, &record, 0);
}

/* A call that must be refused as `expected`, its error struct filled. */
static void refused(validator *v, const char *call, int32_t expected, int32_t found, const dealfsm_error *error)
{
    CASE(v, "%s", call);
    same_result(v, call, expected, found, error);
    expect(v, error->code == found, "the code in the error struct, too", "another");
    expect(v, error->text[0] != '\0', "an error text", "none");
}

#define REFUSED(expected, call, ...)                                                                                   \
    do {                                                                                                               \
        dealfsm_error error = {.struct_size = sizeof error};                                                           \
        const int32_t found = v->functions->call(__VA_ARGS__, &error);                                                 \
        refused(v, #call "(" #__VA_ARGS__ ")", expected, found, &error);                                               \
    } while (0)

static void null_arguments(validator *v)
{
    rig it = {0};
    if (!open_with_deal(&it, v, DEALFSM_DealStatusNew)) {
        rig_close(&it);
        return;
    }
    dealfsm_machine *machine = it.machine;
    dealfsm_machine *none = NULL;
    const dealfsm_event event = {.struct_size = sizeof event};
    const dealfsm_answer answer = {.struct_size = sizeof answer, .outcome = DEALFSM_ANSWER_OK};
    const dealfsm_subscription mute = {.struct_size = sizeof mute, .flags = DEALFSM_SUBSCRIBE_ALL};
    const dealfsm_snapshot empty = {.struct_size = sizeof empty, .machine_version = v->machine.machine_version};
    const dealfsm_services serviceless = {.struct_size = sizeof serviceless};
    dealfsm_snapshot snapshot = {.struct_size = sizeof snapshot};
    dealfsm_counters counters = {.struct_size = sizeof counters};
    dealfsm_deal deal = {.struct_size = sizeof deal};
    dealfsm_record terms;
    uint64_t ids[4];
    uint64_t count = 0;
    uint64_t id = 0;
    invent_terms(2, &terms);
    const int32_t bad = DEALFSM_E_ARGUMENT;

    REFUSED(bad, open, NULL, &none);
    REFUSED(DEALFSM_E_MISSING, open, &serviceless, &none);
    REFUSED(bad, close, NULL);
    REFUSED(bad, create, NULL, &terms, NULL);
    REFUSED(bad, create, machine, NULL, NULL);
    REFUSED(bad, dispatch, NULL, 1, &event, NULL);
    REFUSED(bad, dispatch, machine, 1, NULL, NULL);
    REFUSED(bad, complete, NULL, &answer);
    REFUSED(bad, complete, machine, NULL);
    REFUSED(bad, stored, NULL, 1, 1, DEALFSM_PUT_DURABLE);
    REFUSED(bad, retry, NULL, 1, NULL);
    REFUSED(bad, query, NULL, 1, &deal);
    REFUSED(bad, query, machine, 1, NULL);
    REFUSED(bad, list, NULL, NULL, ids, 4, &count);
    REFUSED(bad, list, machine, NULL, NULL, 4, &count);
    REFUSED(bad, list, machine, NULL, ids, 4, NULL);
    REFUSED(bad, subscribe, NULL, &mute, &id);
    REFUSED(bad, subscribe, machine, NULL, &id);
    REFUSED(bad, subscribe, machine, &mute, &id);
    REFUSED(bad, unsubscribe, NULL, 1);
    REFUSED(bad, snapshot, NULL, 1, &snapshot);
    REFUSED(bad, snapshot, machine, 1, NULL);
    REFUSED(bad, restore, NULL, &empty);
    REFUSED(bad, restore, machine, NULL);
    REFUSED(bad, activate, NULL, 1, NULL);
    REFUSED(bad, freeze, NULL, 1);
    REFUSED(bad, thaw, NULL, 1, 0, NULL);
    REFUSED(bad, drop, NULL, 1);
    REFUSED(bad, forget, NULL, 1);
    REFUSED(bad, release, NULL, 1);
    REFUSED(bad, counters, NULL, &counters);
    REFUSED(bad, counters, machine, NULL);
    CASE(v, "without an error struct");
    same_result(v, "query", DEALFSM_E_NOT_FOUND, v->functions->query(machine, 4711, &deal, NULL), NULL);
    CASE(v, "after all that");
    expect(v, it.count == 0, "nothing to have happened", "a put, op or notice");
    rig_close(&it);
}

static void unknown_deal(validator *v)
{
    rig it = {0};
    if (open_with_deal(&it, v, DEALFSM_DealStatusNew)) {
        dealfsm_machine *machine = it.machine;
        const dealfsm_event event = {.struct_size = sizeof event, .event = DEALFSM_ClientEventOpen};
        const dealfsm_subscription deaf = {.struct_size = sizeof deaf};
        dealfsm_snapshot snapshot = {.struct_size = sizeof snapshot};
        dealfsm_deal deal = {.struct_size = sizeof deal};
        const int32_t unknown = DEALFSM_E_NOT_FOUND;
        (void)deaf;
        REFUSED(unknown, dispatch, machine, 4711, &event, NULL);
        REFUSED(unknown, retry, machine, 4711, NULL);
        REFUSED(unknown, query, machine, 4711, &deal);
        REFUSED(unknown, snapshot, machine, 4711, &snapshot);
        REFUSED(unknown, activate, machine, 4711, NULL);
        REFUSED(unknown, freeze, machine, 4711);
        REFUSED(unknown, thaw, machine, 4711, 0, NULL);
        REFUSED(unknown, drop, machine, 4711);
        REFUSED(unknown, forget, machine, 4711);
        REFUSED(unknown, release, machine, 4711);
        REFUSED(unknown, unsubscribe, machine, 4711);
    }
    rig_close(&it);
}

/* ---- Events */
typedef struct bad_event {
    const char *what;
    int32_t expected;
    dealfsm_event event;
} bad_event;

static void garbage_events(validator *v)
{
    static const uint8_t bytes[] = {2, 5, 0};
    dealfsm_value good = invent_value(DEALFSM_AMOUNT);
    dealfsm_value unknown = good;
    dealfsm_value no_data = good;
    dealfsm_value no_sign = good;
    dealfsm_value huge = good;
    dealfsm_value tiny = good;
    unknown.kind = 4000;
    no_data.data = NULL;
    no_sign.data = bytes;
    no_sign.data_len = 2;
    huge.data_len = 161;
    tiny.struct_size = 0;
    uint8_t long_bytes[161] = {0, 1};
    huge.data = long_bytes;
    const uint32_t number = DEALFSM_ClientEventPaymentRequested;
    const uint32_t size = sizeof(dealfsm_event);
    const uint32_t stride = sizeof good;
    const bad_event all[] = {
        {"an unknown event", DEALFSM_E_UNKNOWN_EVENT, {size, 4000000000u, NULL, 0, stride}},
        {"an argument missing", DEALFSM_E_ARGUMENT_COUNT, {size, number, NULL, 0, stride}},
        {"4,294,967,295 arguments", DEALFSM_E_ARGUMENT_COUNT, {size, number, &good, UINT32_MAX, stride}},
        {"an argument of an unknown kind", DEALFSM_E_ARGUMENT_TYPE, {size, number, &unknown, 1, stride}},
        {"a sign byte of 2", DEALFSM_E_ARGUMENT_TYPE, {size, number, &no_sign, 1, stride}},
        {"an amount of 161 bytes", DEALFSM_E_ARGUMENT_TYPE, {size, number, &huge, 1, stride}},
        {"a count without arguments", DEALFSM_E_ARGUMENT, {size, number, NULL, 1, stride}},
        {"a stride of 0", DEALFSM_E_ARGUMENT, {size, number, &good, 1, 0}},
        {"an argument of struct_size 0", DEALFSM_E_ARGUMENT, {size, number, &tiny, 1, stride}},
        {"a length without data", DEALFSM_E_ARGUMENT, {size, number, &no_data, 1, stride}},
    };
    rig it = {0};
    if (!open_with_deal(&it, v, DEALFSM_DealStatusOngoing)) {
        rig_close(&it);
        return;
    }
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        dealfsm_error error = {.struct_size = sizeof error};
        const int32_t found = v->functions->dispatch(it.machine, 1, &all[i].event, NULL, &error);
        CASE(v, "%s", all[i].what);
        /* A malformed argument may be told as such or as one of the wrong kind. */
        if (all[i].expected != DEALFSM_E_ARGUMENT || found != DEALFSM_E_ARGUMENT_TYPE) {
            same_result(v, "dispatch", all[i].expected, found, &error);
        }
        expect(v, error.text[0] != '\0', "an error text", "none");
    }
    CASE(v, "before the deal is looked at");
    const dealfsm_event event = all[0].event;
    same_result(v, "dispatch of an unknown event for an unknown deal", DEALFSM_E_UNKNOWN_EVENT,
                v->functions->dispatch(it.machine, 4711, &event, NULL, NULL), NULL);
    expect(v, it.count == 0, "nothing to have happened", "a put, op or notice");
    rig_close(&it);
}

/* ---- Rows */
static void garbage_snapshots(validator *v)
{
    rig it = {0};
    dealfsm_record record;
    const uint8_t *bytes = NULL;
    uint64_t size = 0;
    if (!open_with_deal(&it, v, DEALFSM_DealStatusOngoing)) {
        rig_close(&it);
        return;
    }
    invent_record(v, 2, DEALFSM_DealStatusOngoing, &record);
    stored_bytes(v, &record, &bytes, &size);
    const dealfsm_snapshot good = {.struct_size = sizeof good,
                                   .deal = 2,
                                   .machine_version = v->machine.machine_version,
                                   .record = (uint8_t *)bytes, /* restore does not write */
                                   .record_len = size};
    dealfsm_snapshot bad = good;
    bad.deal = 3;
    REFUSED(DEALFSM_E_ARGUMENT, restore, it.machine, &bad);
    bad = good;
    bad.machine_version = "client 999.0.0";
    REFUSED(DEALFSM_E_VERSION, restore, it.machine, &bad);
    bad.machine_version = "";
    REFUSED(DEALFSM_E_VERSION, restore, it.machine, &bad);
    bad.machine_version = NULL;
    REFUSED(DEALFSM_E_ARGUMENT, restore, it.machine, &bad);
    bad = good;
    bad.record_len = 0;
    REFUSED(DEALFSM_E_CORRUPT, restore, it.machine, &bad);
    bad = good;
    bad.record = NULL;
    REFUSED(DEALFSM_E_ARGUMENT, restore, it.machine, &bad);
    bad = good;
    bad.sidecar = (uint8_t *)bytes;
    bad.sidecar_len = size; /* a record is no sidecar */
    REFUSED(DEALFSM_E_CORRUPT, restore, it.machine, &bad);
    CASE(v, "an id that is taken");
    same_result(v, "restore", DEALFSM_OK, v->functions->restore(it.machine, &good, NULL), NULL);
    REFUSED(DEALFSM_E_EXISTS, restore, it.machine, &good);
    rig_close(&it);
}

/* ---- Terms */
static void terms_of(validator *v)
{
    static const uint8_t negative[] = {1, 5};
    static const uint8_t rubbish[] = {0xff, 0xff, 0xff};
    rig it = {0};
    if (!open_with_deal(&it, v, DEALFSM_DealStatusOngoing)) {
        rig_close(&it);
        return;
    }
    dealfsm_record good;
    invent_terms(2, &good);
    dealfsm_record terms = good;
    terms.payload_cid = NULL;
    terms.payload_cid_len = 0;
    REFUSED(DEALFSM_E_ARGUMENT, create, it.machine, &terms, NULL);
    terms = good;
    terms.client_wallet_len = 0;
    REFUSED(DEALFSM_E_ARGUMENT, create, it.machine, &terms, NULL);
    terms = good;
    terms.miner_wallet = rubbish;
    REFUSED(DEALFSM_E_ARGUMENT, create, it.machine, &terms, NULL);
    terms = good;
    terms.price_per_byte = negative;
    REFUSED(DEALFSM_E_ARGUMENT, create, it.machine, &terms, NULL);
    terms = good;
    terms.selector = rubbish;
    terms.selector_len = sizeof rubbish;
    REFUSED(DEALFSM_E_ARGUMENT, create, it.machine, &terms, NULL);
    terms = good;
    terms.status = DEALFSM_DealStatusOngoing;
    REFUSED(DEALFSM_E_ARGUMENT, create, it.machine, &terms, NULL);
    terms = good;
    terms.total_received = 1;
    REFUSED(DEALFSM_E_ARGUMENT, create, it.machine, &terms, NULL);
    CASE(v, "a refused deal");
    dealfsm_deal deal = {.struct_size = sizeof deal};
    same_result(v, "query", DEALFSM_E_NOT_FOUND, v->functions->query(it.machine, 2, &deal, NULL), NULL);
    expect(v, it.count == 0, "nothing put", "something");
    CASE(v, "good terms");
    same_result(v, "create", DEALFSM_APPLIED, v->functions->create(it.machine, &good, NULL, NULL), NULL);
    REFUSED(DEALFSM_E_EXISTS, create, it.machine, &good, NULL);
    rig_close(&it);
}

/* ---- Services */
static const void *environment_only(void *ctx, const char *id)
{
    return strcmp(id, "environment/1") == 0 ? ctx : NULL;
}

static void missing_functions(validator *v)
{
    rig it = {0};
    CASE(v, "opening");
    if (rig_open(&it, v)) {
        for (uint32_t i = 0; i < v->machine.ops_count; i++) {
            const dealfsm_op_info *op = &v->machine.ops[i];
            dealfsm_environment environment = it.environment;
            memset((uint8_t *)&environment + op->environment_offset, 0, sizeof(void *));
            const dealfsm_services services = {
                .struct_size = sizeof services, .ctx = &environment, .service = environment_only};
            dealfsm_machine *machine = NULL;
            dealfsm_error error = {.struct_size = sizeof error};
            CASE(v, "environment/1 without %s", op->name);
            same_result(v, "open", DEALFSM_E_MISSING, v->functions->open(&services, &machine, &error), NULL);
            expect(v, strstr(error.field, op->name) != NULL, "the function's name in field", error.field);
            expect(v, machine == NULL, "no machine", "one");
        }
    }
    rig_close(&it);
}

static const rule list[] = {
    {"arguments.null", "null arguments are refused, with code and text", null_arguments},
    {"arguments.unknown-deal", "an unknown deal is not found", unknown_deal},
    {"arguments.events", "garbage in events is refused as what it is", garbage_events},
    {"arguments.snapshots", "rows that are none are refused as what they are", garbage_snapshots},
    {"arguments.terms", "a deal that could not be stored or would never work is not created", terms_of},
    {"arguments.environment", "a missing environment function is named", missing_functions},
};
const rule_group rules_arguments = {list, sizeof list / sizeof *list};
