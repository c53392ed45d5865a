/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "border_world.h"

#include <dlfcn.h>

/* ---- The module */

const dealfsm_functions *kit_load(const char *path)
{
    const dealfsm_functions *functions;
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    MUST_SAY(handle != NULL, "%s", dlerror());
    dealfsm_module_fn *negotiate;
    *(void **)&negotiate = dlsym(handle, DEALFSM_MODULE_SYMBOL);
    MUST(negotiate != NULL);
    dealfsm_offer offer = {sizeof offer, 0, 0};
    MUST(negotiate(&offer, &functions, NULL) == DEALFSM_OK);
    return functions;
}

const dealfsm_functions *kit_module(void)
{
    static const dealfsm_functions *functions;
    const char *path = getenv("DEALFSM_TEST_MODULE");
    if (!functions)
        functions = kit_load(path ? path : TEST_MODULE);
    return functions;
}

/* What describe/1 of the module in use says, looked up once. */
static dealfsm_state_info states[40];
static dealfsm_event_info events[40];
static dealfsm_op_info ops[16];

static void learn(const dealfsm_describe_v1 *describe)
{
    static const dealfsm_describe_v1 *learnt;
    if (describe == learnt)
        return;
    learnt = describe;
    for (uint32_t i = 0; i < sizeof states / sizeof *states; i++) {
        dealfsm_state_info state = {.struct_size = sizeof state};
        dealfsm_event_info event = {.struct_size = sizeof event};
        dealfsm_op_info op = {.struct_size = sizeof op};
        if (describe->state(i, &state) == DEALFSM_OK)
            states[state.status] = state;
        if (describe->event(i, &event) == DEALFSM_OK)
            events[event.event] = event;
        if (describe->op(i, &op) == DEALFSM_OK)
            ops[op.op] = op;
    }
}

const char *kit_status_word(uint64_t status)
{
    return states[status].name + strlen("DealStatus");
}

const char *kit_event_word(uint32_t event)
{
    return events[event].name + strlen("ClientEvent");
}

const dealfsm_op_info *kit_op_info(uint32_t op)
{
    return &ops[op];
}

/* ---- Open and close */

static void notified(void *ctx, const dealfsm_notice *notice)
{
    kit *k = ctx;
    pthread_mutex_lock(&k->mutex);
    bool crashed = kit_moment(k);
    uint64_t *told = &k->told[notice->deal];
    if (!crashed && notice->kind == DEALFSM_NOTICE_APPLIED) {
        const kit_row *row = &k->rows[notice->deal];
        MUST_SAY(k->no_store || (row->sequence >= notice->sequence && row->revision >= notice->revision),
                 "sequence %" PRIu64 " is told, durable is %" PRIu64, notice->sequence, row->sequence);
        MUST(notice->sequence > *told);
        k->told_gaps += notice->sequence - *told - 1;
        *told = notice->sequence;
        MUST(notice->to == notice->record->status);
        kit_note(k, "told s%" PRIu64 " %s %s>%s", notice->sequence, kit_event_word(notice->event->event),
                 kit_status_word(notice->from), kit_status_word(notice->to));
    } else if (!crashed) {
        MUST(notice->reason < 0 && notice->reason_text[0] != 0 && notice->from == notice->to);
        kit_note(k, "%s %s %" PRId32 "%s", notice->kind == DEALFSM_NOTICE_REFUSED ? "refused" : "terminated",
                 kit_event_word(notice->event->event), notice->reason, notice->from_handler ? " raised" : "");
    }
    pthread_mutex_unlock(&k->mutex);
    if (!crashed && k->on_notice)
        k->on_notice(k, notice);
}

kit *kit_new(const dealfsm_functions *functions)
{
    kit *k = calloc(1, sizeof *k);
    MUST(k != NULL);
    k->f = functions;
    k->put_default = 'D';
    k->answer_default = 'i';
    pthread_mutex_init(&k->mutex, NULL);
    k->describe = functions->interface("describe/1");
    k->record = functions->interface("record/1");
    learn(k->describe);
    return k;
}

void kit_open(kit *k)
{
    dealfsm_services services = {
        .struct_size = sizeof services, .queue_events = k->queue_events, .ctx = k, .service = kit_service_of};
    dealfsm_subscription all = {.struct_size = sizeof all,
                                .flags = DEALFSM_SUBSCRIBE_ALL |
                                         (k->all_refusals ? (uint32_t)DEALFSM_SUBSCRIBE_REFUSALS : 0),
                                .ctx = k,
                                .notify = notified};
    k->dead = false;
    MUST(k->f->open(&services, &k->machine, NULL) == DEALFSM_OK);
    MUST(k->f->subscribe(k->machine, &all, &k->subscription, NULL) == DEALFSM_OK);
}

kit *kit_start(void)
{
    kit *k = kit_new(kit_module());
    kit_open(k);
    return k;
}

void kit_close(kit *k)
{
    if (!k->machine)
        return;
    k->dead = true;
    for (uint64_t deal = 0; deal < KIT_DEALS; deal++) {
        uint64_t revision = k->pending[deal].revision;
        if (revision > 0)
            k->f->stored(k->machine, deal, revision, DEALFSM_PUT_FAILED, NULL);
        kit_row_free(&k->pending[deal]);
        k->f->freeze(k->machine, deal, NULL);
    }
    dealfsm_error error = {.struct_size = sizeof error};
    MUST_SAY(k->f->close(k->machine, &error) == DEALFSM_OK, "close: %s", error.text);
    k->machine = NULL;
    k->waiting_count = 0;
}

void kit_free(kit *k)
{
    kit_close(k);
    for (uint64_t deal = 0; deal < KIT_DEALS; deal++)
        kit_row_free(&k->rows[deal]);
    pthread_mutex_destroy(&k->mutex);
    free(k);
}

void kit_restore(kit *k, uint64_t deal)
{
    kit_row *row = &k->rows[deal];
    row->doubtful = 0;
    dealfsm_error error = {.struct_size = sizeof error};
    dealfsm_snapshot snapshot = {.struct_size = sizeof snapshot,
                                 .deal = deal,
                                 .sequence = row->sequence,
                                 .revision = row->revision,
                                 .machine_version = k->describe->machine_version,
                                 .record = row->record,
                                 .record_len = row->record_len,
                                 .sidecar = row->sidecar,
                                 .sidecar_len = row->sidecar_len};
    MUST_SAY(k->f->restore(k->machine, &snapshot, &error) == DEALFSM_OK, "restore: %s", error.text);
}

void kit_restart(kit *k)
{
    kit_close(k);
    kit_open(k);
    for (uint64_t deal = 0; deal < KIT_DEALS; deal++)
        if (k->rows[deal].revision > 0)
            kit_restore(k, deal);
    for (uint64_t deal = 0; deal < KIT_DEALS; deal++)
        if (k->rows[deal].revision > 0)
            MUST(k->f->activate(k->machine, deal, NULL, NULL) >= 0);
}

/* ---- What a host hands in */

#define SPAN(name, literal) .name = (const uint8_t *)(literal), .name##_len = sizeof(literal) - 1
#define CID_PAYLOAD "\x01\x55\x00\x02\x0a\x0b"

dealfsm_record kit_terms(uint64_t deal)
{
    return (dealfsm_record){.struct_size = sizeof(dealfsm_record),
                            .id = deal,
                            .payment_interval = 1000,
                            .payment_interval_increase = 100,
                            SPAN(payload_cid, CID_PAYLOAD),
                            SPAN(price_per_byte, "\0\x02"),
                            SPAN(total_funds, "\0\x01\x86\xa0"),
                            SPAN(client_wallet, "\x00\x65"),
                            SPAN(miner_wallet, "\x00\x66"),
                            SPAN(sender, "provider")};
}

int32_t kit_create(kit *k, uint64_t deal)
{
    dealfsm_record terms = kit_terms(deal);
    return k->f->create(k->machine, &terms, NULL, NULL);
}

int32_t kit_send_to(kit *k, uint64_t deal, uint32_t event, uint64_t number, uint64_t *revision)
{
    uint8_t amount[KIT_AMOUNT];
    char text[32];
    uint32_t count = events[event].args_count;
    dealfsm_value value = {.struct_size = sizeof value, .kind = events[event].args[0], .number = number};
    MUST(count <= 1);
    if (value.kind == DEALFSM_AMOUNT) {
        value.data = amount;
        value.data_len = kit_store_amount(number, amount);
    } else if (value.kind == DEALFSM_TEXT || value.kind == DEALFSM_ERROR) {
        value.data = (const uint8_t *)text;
        value.data_len = (uint64_t)snprintf(text, sizeof text, "text %" PRIu64, number);
    }
    dealfsm_event given = {sizeof given, event, &value, count, sizeof value};
    return k->f->dispatch(k->machine, deal, &given, revision, NULL);
}

int32_t kit_send(kit *k, uint64_t deal, uint32_t event, uint64_t number)
{
    return kit_send_to(k, deal, event, number, NULL);
}

int32_t kit_stored(kit *k, uint64_t deal, char letter)
{
    pthread_mutex_lock(&k->mutex);
    uint64_t revision = k->pending[deal].revision;
    MUST(revision > 0);
    bool lands = (letter == 'D' || letter == 'L') && !kit_moment(k);
    if (lands)
        kit_land(&k->rows[deal], &k->pending[deal], letter == 'L');
    else
        kit_row_free(&k->pending[deal]);
    bool crashed = kit_moment(k);
    pthread_mutex_unlock(&k->mutex);
    int32_t outcome = letter == 'X'               ? DEALFSM_PUT_LOST
                      : letter == 'D' && !crashed ? DEALFSM_PUT_DURABLE
                                                  : DEALFSM_PUT_FAILED;
    return k->f->stored(k->machine, deal, revision, outcome, NULL);
}

void kit_bring(kit *k, uint64_t deal, uint64_t status)
{
    static const struct {
        uint32_t event;
        uint64_t number;
    } course[] = {{DEALFSM_ClientEventOpen, 0},
                  {DEALFSM_ClientEventDealAccepted, 0},
                  {DEALFSM_ClientEventBlocksReceived, 1000},
                  {DEALFSM_ClientEventPaymentRequested, 2000},
                  {DEALFSM_ClientEventAllBlocksReceived, 0},
                  {DEALFSM_ClientEventLastPaymentRequested, 0},
                  {DEALFSM_ClientEventComplete, 0}};
    MUST(kit_create(k, deal) == DEALFSM_APPLIED);
    for (size_t i = 0; kit_query(k, deal).status != status; i++) {
        MUST(i < sizeof course / sizeof *course);
        MUST(kit_send(k, deal, course[i].event, course[i].number) == DEALFSM_APPLIED);
    }
    kit_seen(k);
}

/* ---- Looking */

const char *kit_seen(kit *k)
{
    pthread_mutex_lock(&k->mutex);
    strcpy(k->shown, k->journal);
    k->journal[0] = 0;
    pthread_mutex_unlock(&k->mutex);
    return k->shown;
}

dealfsm_deal kit_query(kit *k, uint64_t deal)
{
    dealfsm_deal out = {.struct_size = sizeof out};
    dealfsm_error error = {.struct_size = sizeof error};
    MUST_SAY(k->f->query(k->machine, deal, &out, &error) == DEALFSM_OK, "query: %s", error.text);
    return out;
}

uint32_t kit_history(const kit *k, uint64_t deal, uint32_t event, uint32_t kind)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < k->rows[deal].happened_count; i++)
        count += k->rows[deal].happened[i].event == event && k->rows[deal].happened[i].kind == kind;
    return count;
}

uint32_t kit_effects(const kit *k, uint32_t op)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < k->effects_count; i++)
        count += k->effects[i].op == op;
    return count;
}

int32_t kit_snap(kit *k, uint64_t deal, kit_snapshot *out)
{
    memset(out, 0, sizeof *out);
    out->snapshot = (dealfsm_snapshot){.struct_size = sizeof out->snapshot,
                                       .record = out->record,
                                       .record_capacity = sizeof out->record,
                                       .sidecar = out->sidecar,
                                       .sidecar_capacity = sizeof out->sidecar};
    return k->f->snapshot(k->machine, deal, &out->snapshot, NULL);
}

bool kit_same_snapshot(const kit_snapshot *a, const kit_snapshot *b)
{
    const dealfsm_snapshot *x = &a->snapshot, *y = &b->snapshot;
    return x->sequence == y->sequence && x->revision == y->revision && x->record_len == y->record_len &&
           x->sidecar_len == y->sidecar_len && !memcmp(a->record, b->record, sizeof a->record) &&
           !memcmp(a->sidecar, b->sidecar, sizeof a->sidecar);
}
