/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "swap_kit.h"

#include "../host/module.h"

/* ---- Values */

static uint64_t small(const uint8_t *amount, uint64_t len)
{
    uint64_t value = 0;
    for (uint64_t i = 1; i < len; i++)
        value = value << 8 | amount[i];
    return value;
}

/* A positive amount below 2^24, stored. */
static dealfsm_value amount_of(uint64_t value, uint8_t *bytes)
{
    uint8_t at = 0;
    bytes[at++] = 0;
    for (int shift = 16; shift >= 0; shift -= 8)
        if (at > 1 || value >> shift & 0xff)
            bytes[at++] = (uint8_t)(value >> shift);
    return (dealfsm_value){
        .struct_size = sizeof(dealfsm_value), .kind = DEALFSM_AMOUNT, .data = bytes, .data_len = value > 0 ? at : 0};
}

static dealfsm_value bytes_of(uint32_t kind, const void *data, uint64_t len)
{
    return (dealfsm_value){.struct_size = sizeof(dealfsm_value), .kind = kind, .data = data, .data_len = len};
}

static dealfsm_value number_of(uint64_t number)
{
    return (dealfsm_value){.struct_size = sizeof(dealfsm_value), .kind = DEALFSM_U64, .number = number};
}

/* ---- The world: an op with a known key gets the same answer again */

static const uint8_t cid[] = {0x01, 0x55, 0x12, 0x04, 'd', 'a', 't', 'a'};
static const uint8_t channel_address[] = {0x00, 0xe9, 0x07};

static uint32_t values_of(const rig_op *op, dealfsm_value *values, uint8_t *room)
{
    switch (op->op) {
    case DEALFSM_OpOpenDataTransfer:
        values[0] = bytes_of(DEALFSM_CHANNEL, "us", 2);
        values[0].number = 7;
        values[0].data2 = (const uint8_t *)"them";
        values[0].data2_len = 4;
        return 1;
    case DEALFSM_OpGetChainHead:
        values[0] = bytes_of(DEALFSM_BYTES, "head", 4);
        return 1;
    case DEALFSM_OpGetOrCreatePaymentChannel:
        values[0] = (dealfsm_value){.struct_size = sizeof *values, .kind = DEALFSM_NONE};
        values[1] = bytes_of(DEALFSM_CID, cid, sizeof cid);
        return 2;
    case DEALFSM_OpWaitForPaymentChannelCreation:
    case DEALFSM_OpWaitForPaymentChannelReady:
        values[0] = bytes_of(DEALFSM_ADDRESS, channel_address, sizeof channel_address);
        return 1;
    case DEALFSM_OpAllocateLane:
        values[0] = number_of(3);
        return 1;
    case DEALFSM_OpCreatePaymentVoucher:
        values[0] = bytes_of(DEALFSM_BYTES, "voucher", 7);
        return 1;
    case DEALFSM_OpCheckAvailableFunds:
        values[0] = amount_of(100000, room);
        values[1] = values[2] = values[3] = amount_of(0, room + 8);
        values[4] = (dealfsm_value){.struct_size = sizeof *values, .kind = DEALFSM_NONE};
        return 5;
    default:
        return 0;
    }
}

static void push(rig *r, const rig_action *action)
{
    MUST(r->actions_count < RIG_ACTIONS);
    r->actions[r->actions_count++] = *action;
}

static void answer(rig *r, const rig_op *op)
{
    dealfsm_value values[8];
    uint8_t room[16];
    dealfsm_answer a = {.struct_size = sizeof a,
                        .op = op->op,
                        .deal = r->deal,
                        .sequence = op->sequence,
                        .nth = op->nth,
                        .outcome = DEALFSM_ANSWER_OK,
                        .values = values,
                        .values_stride = sizeof *values};
    dealfsm_error error = ERROR_INIT;
    a.values_count = values_of(op, values, room);
    int32_t result = dealfsm_host_complete(r->host, &a, &error);
    MUST_SAY(result >= 0 || result == DEALFSM_E_NOT_OPEN || result == DEALFSM_E_NO_MEMORY,
             "answer to op %u: %d %s", op->op, (int)result, error.text);
    if (result == DEALFSM_E_NO_MEMORY) { /* given again later */
        pthread_mutex_lock(&r->lock);
        push(r, &(rig_action){.kind = RIG_ANSWER, .op = *op});
        pthread_mutex_unlock(&r->lock);
    }
}

static rig_op key_of(const dealfsm_op *op)
{
    rig_op key = {.op = op->op, .sequence = op->sequence, .nth = op->nth, .asked = 1};
    bool has_token = op->op == DEALFSM_OpGetOrCreatePaymentChannel || op->op == DEALFSM_OpCreatePaymentVoucher;
    for (uint32_t i = 0; i + has_token < op->args_count; i++) {
        const dealfsm_value *v = (const void *)((const char *)op->args + (size_t)i * op->args_stride);
        MUST(key.args_len + v->data_len + v->data2_len + 8 <= RIG_ARGS);
        memcpy(key.args + key.args_len, &v->number, sizeof v->number);
        key.args_len += sizeof v->number;
        if (v->data_len > 0)
            memcpy(key.args + key.args_len, v->data, v->data_len);
        key.args_len += v->data_len;
        if (v->data2_len > 0)
            memcpy(key.args + key.args_len, v->data2, v->data2_len);
        key.args_len += v->data2_len;
    }
    return key;
}

static bool same_key(const rig_op *a, const rig_op *b)
{
    return a->op == b->op && a->sequence == b->sequence && a->nth == b->nth;
}

static void note_voucher(rig *r, const dealfsm_op *op)
{
    const dealfsm_value *v = (const void *)((const char *)op->args + op->args_stride);
    uint64_t amount = small(v->data, v->data_len);
    MUST_SAY(amount > r->best_voucher, "a voucher of %" PRIu64 " after one of %" PRIu64, amount, r->best_voucher);
    r->best_voucher = amount;
    r->vouchers++;
}

static void have_effect(rig *r, const dealfsm_op *op, const rig_op *key)
{
    for (uint32_t i = 0; i < r->ops_count; i++) {
        rig_op *known = &r->ops[i];
        if (!same_key(known, key))
            continue;
        MUST_SAY(known->args_len == key->args_len && memcmp(known->args, key->args, key->args_len) == 0,
                 "op %u of sequence %" PRIu64 " was asked with other arguments before", key->op, key->sequence);
        known->asked++;
        return;
    }
    MUST(r->ops_count < RIG_OPS);
    r->ops[r->ops_count++] = *key;
    if (op->op == DEALFSM_OpCreatePaymentVoucher)
        note_voucher(r, op);
}

static void asked(void *ctx, const dealfsm_op *op)
{
    rig_side *side = ctx;
    rig *r = side->rig;
    rig_op key = key_of(op);
    pthread_mutex_lock(&r->lock);
    if (r->store) {
        MUST_SAY(strcmp(r->row.version, side->version) == 0, "op %u is asked by %s, the row is of %s", op->op,
                 side->version, r->row.version);
        MUST_SAY(r->row.sequence >= op->sequence, "op %u of sequence %" PRIu64 " is asked, durable is %" PRIu64, op->op,
                 op->sequence, r->row.sequence);
    }
    have_effect(r, op, &key);
    if (!r->sync)
        push(r, &(rig_action){.kind = RIG_ANSWER, .op = key});
    pthread_mutex_unlock(&r->lock);
    if (r->sync)
        answer(r, &key);
}

/* ---- The store */

static int32_t put(void *ctx, const dealfsm_put *row)
{
    rig_side *side = ctx;
    rig *r = side->rig;
    rig_action landing = {.kind = RIG_LAND, .revision = row->revision, .outcome = DEALFSM_PUT_DURABLE};
    pthread_mutex_lock(&r->lock);
    MUST(strcmp(row->machine_version, side->version) == 0);
    MUST(row->record_len <= RIG_BYTES && row->sidecar_len <= 2 * RIG_BYTES);
    MUST_SAY(row->revision > r->row.revision, "revision %" PRIu64 " is put, the row has %" PRIu64, row->revision,
             r->row.revision);
    landing.row = (rig_row){row->revision, row->sequence, row->status,     side->version,
                            {0},           {0},           row->record_len, row->sidecar_len};
    memcpy(landing.row.record, row->record, row->record_len);
    memcpy(landing.row.sidecar, row->sidecar, row->sidecar_len);
    for (uint32_t i = 0; i < row->happened_count; i++) {
        const dealfsm_happened *h = (const void *)((const char *)row->happened + (size_t)i * row->happened_stride);
        landing.refused += h->kind != DEALFSM_HAPPENED_APPLIED;
    }
    bool fails = ++r->puts == r->fail_put;
    if (fails)
        landing.outcome = DEALFSM_PUT_FAILED;
    if (!r->pending && (!fails || r->landed))
        r->row = landing.row;
    if (r->pending)
        push(r, &landing);
    else if (!fails)
        r->refused_stored += landing.refused;
    pthread_mutex_unlock(&r->lock);
    return r->pending ? DEALFSM_PUT_PENDING : landing.outcome;
}

static void land(rig *r, const rig_action *action)
{
    pthread_mutex_lock(&r->lock);
    if (action->outcome == DEALFSM_PUT_DURABLE || r->landed)
        r->row = action->row;
    r->refused_stored += action->outcome == DEALFSM_PUT_DURABLE ? action->refused : 0;
    pthread_mutex_unlock(&r->lock);
    int32_t result = dealfsm_host_stored(r->host, r->deal, action->revision, action->outcome, NULL);
    MUST_SAY(result >= 0, "a put is reported: %d", (int)result); /* Check's own assertions allocate */
}

/* ---- Listening */

static bool from_outside(const dealfsm_notice *notice)
{
    return notice->from_handler == 0;
}

static void heard(void *ctx, const dealfsm_notice *notice)
{
    rig *r = ctx;
    pthread_mutex_lock(&r->lock);
    r->ended += from_outside(notice);
    r->refused += notice->kind != DEALFSM_NOTICE_APPLIED;
    if (notice->kind == DEALFSM_NOTICE_APPLIED) {
        const dealfsm_record *record = notice->record;
        MUST_SAY(notice->sequence == r->notices_count + 1u, "sequence %" PRIu64 " is told after %u", notice->sequence,
                 r->notices_count);
        MUST_SAY(!r->store || r->row.sequence >= notice->sequence, "sequence %" PRIu64 " is told, durable is %" PRIu64,
                 notice->sequence, r->row.sequence);
        MUST(r->notices_count < RIG_NOTICES);
        r->notices[r->notices_count++] = (rig_notice){notice->event->event,
                                                      notice->sequence,
                                                      notice->from,
                                                      notice->to,
                                                      small(record->funds_spent, record->funds_spent_len),
                                                      record->bytes_paid_for,
                                                      record->total_received,
                                                      record->current_interval};
    }
    pthread_mutex_unlock(&r->lock);
}

static void heard_alone(void *ctx, const dealfsm_notice *notice)
{
    rig *r = ctx;
    pthread_mutex_lock(&r->lock);
    MUST_SAY(notice->sequence == ++r->told_alone, "sequence %" PRIu64 " is told alone as number %u", notice->sequence,
             r->told_alone);
    pthread_mutex_unlock(&r->lock);
}

static void ended_alone(void *ctx)
{
    rig *r = ctx;
    pthread_mutex_lock(&r->lock);
    r->ended_alone++;
    pthread_mutex_unlock(&r->lock);
}

/* ---- Opening */

static void no_log(void *ctx, uint32_t level, uint64_t deal, const char *text)
{
    (void)ctx;
    (void)level;
    (void)deal;
    (void)text;
}
static const dealfsm_log_v1 silent = {.struct_size = sizeof silent, .log = no_log};

rig *rig_new(const char *const *modules, uint32_t count)
{
    rig *r = calloc(1, sizeof *r);
    dealfsm_host_options options = {.struct_size = sizeof options, .threads = 1, .log = &silent};
    dealfsm_subscription all = {.struct_size = sizeof all,
                                .flags = DEALFSM_SUBSCRIBE_ALL | DEALFSM_SUBSCRIBE_REFUSALS,
                                .ctx = r,
                                .notify = heard};
    uint64_t id;
    MUST(r != NULL);
    pthread_mutex_init(&r->lock, NULL);
    WORKS(dealfsm_host_new(&options, &r->host, &error));
    WORKS(dealfsm_host_subscribe(r->host, &all, &id, &error));
    r->deal = 11;
    r->row.version = "";
    for (uint32_t i = 0; i < count; i++) {
        char path[512];
        snprintf(path, sizeof path, TEST_BUILD_DIR "/modules/dealfsm-%s.so", modules[i]);
        r->sides[i].rig = r;
        r->sides[i].module = load(r->host, path);
        r->sides[i].version = r->sides[i].module->info.manifest->machine_version;
    }
    return r;
}

void rig_open(rig *r, uint32_t side, const dealfsm_functions *functions)
{
    rig_side *s = &r->sides[side];
    dealfsm_environment environment = {
        sizeof environment, 0, s, asked, asked, asked, asked, asked, asked, asked, asked, asked, asked, asked, asked};
    dealfsm_store_v1 store = {.struct_size = sizeof store, .ctx = s, .put = put};
    dealfsm_host_services services = {.struct_size = sizeof services,
                                      .environment = &environment,
                                      .store = r->store ? &store : NULL,
                                      .flags = side > 0 ? DEALFSM_HOST_ASIDE : 0};
    const dealfsm_functions *real = s->module->info.functions;
    if (functions != NULL)
        s->module->info.functions = functions;
    WORKS(dealfsm_host_open(r->host, s->module, &services, &s->generation, &error));
    s->module->info.functions = real;
}

void rig_free(rig *r)
{
    WORKS(dealfsm_host_abandon(r->host, &error));
    MUST(r->ended_alone == 1);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

/* ---- The deal */

static dealfsm_record terms_of(uint64_t deal)
{
    static const uint8_t wallet[] = {0x00, 0xe8, 0x07};
    static const uint8_t price[] = {0x00, 0x02}, total[] = {0x00, 0x01, 0x86, 0xa0};
    return (dealfsm_record){.struct_size = sizeof(dealfsm_record),
                            .id = deal,
                            .has_store_id = 1,
                            .store_id = 4,
                            .payload_cid = cid,
                            .payload_cid_len = sizeof cid,
                            .price_per_byte = price,
                            .price_per_byte_len = sizeof price,
                            .payment_interval = 100,
                            .payment_interval_increase = 50,
                            .total_funds = total,
                            .total_funds_len = sizeof total,
                            .client_wallet = wallet,
                            .client_wallet_len = sizeof wallet,
                            .miner_wallet = wallet,
                            .miner_wallet_len = sizeof wallet,
                            .sender = (const uint8_t *)"provider",
                            .sender_len = 8};
}

static void send_event(rig *r, uint32_t event, const dealfsm_value *arg)
{
    dealfsm_event e = {
        .struct_size = sizeof e, .event = event, .args = arg, .args_count = arg != NULL, .args_stride = sizeof *arg};
    dealfsm_error error = ERROR_INIT;
    pthread_mutex_lock(&r->lock);
    r->handed_in++;
    pthread_mutex_unlock(&r->lock);
    int32_t result = dealfsm_host_dispatch(r->host, r->deal, &e, NULL, &error);
    if (result == DEALFSM_E_TERMINATED || result == DEALFSM_E_INVALID_TRANSITION)
        return; /* told as a refusal */
    MUST_SAY(result >= 0, "event %u: %d %s", event, (int)result, error.text);
    r->held += result == DEALFSM_HELD;
}

static void send_number(rig *r, uint32_t event, uint64_t number)
{
    dealfsm_value v = number_of(number);
    send_event(r, event, &v);
}

static void send_amount(rig *r, uint32_t event, uint64_t amount)
{
    uint8_t room[8];
    dealfsm_value v = amount_of(amount, room);
    send_event(r, event, &v);
}

void rig_create(rig *r)
{
    uint64_t id;
    dealfsm_record terms = terms_of(r->deal);
    dealfsm_subscription alone = {
        .struct_size = sizeof alone, .deal = r->deal, .ctx = r, .notify = heard_alone, .ended = ended_alone};
    WORKS(dealfsm_host_create(r->host, 0, &terms, NULL, &error));
    WORKS(dealfsm_host_subscribe(r->host, &alone, &id, &error));
    send_event(r, DEALFSM_ClientEventOpen, NULL);
}

dealfsm_deal rig_query(rig *r)
{
    dealfsm_deal shown = {.struct_size = sizeof shown};
    int32_t result = dealfsm_host_query(r->host, r->deal, &shown, NULL);
    if (result == DEALFSM_E_NOT_FOUND)
        shown.status = UINT64_MAX;
    return shown;
}

/* What the provider sends while the deal is Ongoing: bytes received in all, and what it asks for. */
static const uint64_t received[] = {100, 250, 450}, requested[] = {200, 300, 400};
enum { BURSTS = 3 };

static bool serve(rig *r)
{
    dealfsm_deal shown = rig_query(r);
    switch (shown.status) {
    case DEALFSM_DealStatusWaitForAcceptance:
    case DEALFSM_DealStatusWaitForAcceptanceLegacy:
        send_event(r, DEALFSM_ClientEventDealAccepted, NULL);
        return true;
    case DEALFSM_DealStatusOngoing:
        if (r->served < BURSTS) {
            send_number(r, DEALFSM_ClientEventBlocksReceived, received[r->served]);
            send_amount(r, DEALFSM_ClientEventPaymentRequested, requested[r->served]);
        } else if (r->served == BURSTS) {
            send_number(r, DEALFSM_ClientEventBlocksReceived, 500);
            send_event(r, DEALFSM_ClientEventAllBlocksReceived, NULL);
            send_amount(r, DEALFSM_ClientEventLastPaymentRequested, 100);
        } else {
            return false;
        }
        r->served++;
        return true;
    case DEALFSM_DealStatusFinalizing:
        send_event(r, DEALFSM_ClientEventComplete, NULL);
        return true;
    default:
        return false;
    }
}

static rig_action take_action(rig *r, uint32_t at)
{
    rig_action action = r->actions[at];
    memmove(r->actions + at, r->actions + at + 1, (--r->actions_count - at) * sizeof *r->actions);
    return action;
}

bool rig_land(rig *r)
{
    rig_action action;
    pthread_mutex_lock(&r->lock);
    uint32_t at = 0;
    while (at < r->actions_count && r->actions[at].kind != RIG_LAND)
        at++;
    bool any = at < r->actions_count;
    if (any)
        action = take_action(r, at);
    pthread_mutex_unlock(&r->lock);
    if (any)
        land(r, &action);
    return any;
}

bool rig_step(rig *r)
{
    rig_action action;
    if (r->eager && r->actions_count > 0)
        send_number(r, DEALFSM_ClientEventBlocksReceived, r->served > 0 ? received[(r->served - 1) % BURSTS] : 0);
    pthread_mutex_lock(&r->lock);
    bool any = r->actions_count > 0;
    if (any)
        action = take_action(r, 0);
    pthread_mutex_unlock(&r->lock);
    if (any && action.kind == RIG_ANSWER)
        answer(r, &action.op);
    else if (any)
        land(r, &action);
    if (any)
        return true;
    if (rig_query(r).flags & DEALFSM_DEAL_STALLED)
        return dealfsm_host_retry(r->host, r->deal, NULL, NULL) >= 0;
    return serve(r);
}

void rig_finish(rig *r)
{
    unsigned steps = 0;
    while (rig_step(r))
        MUST(++steps < 1000);
    dealfsm_deal shown = rig_query(r);
    MUST_SAY(shown.status == DEALFSM_DealStatusCompleted,
             "the deal is in %" PRIu64 ", flags %u, sequence %" PRIu64 ", queued %u, op %u, actions %u, on side %u",
             shown.status, shown.flags, shown.sequence, shown.queued, shown.open_op, r->actions_count, rig_where(r));
    const rig_notice *last = &r->notices[r->notices_count - 1];
    MUST_SAY(last->funds_spent == 1000 && r->best_voucher == 1000 && r->vouchers == 4,
             "spent %" PRIu64 ", best voucher %" PRIu64 ", vouchers %u", last->funds_spent, r->best_voucher,
             r->vouchers);
    MUST(last->total_received == 500);
    MUST(r->told_alone == r->notices_count);
    MUST_SAY(r->handed_in == r->ended, "%" PRIu64 " events were handed in, %" PRIu64 " have ended", r->handed_in,
             r->ended);
}

uint32_t rig_where(rig *r)
{
    uint32_t generation = 0, side = 0;
    dealfsm_host_route(r->host, r->deal, &generation, NULL);
    while (side < RIG_SIDES && r->sides[side].generation != generation)
        side++;
    return side;
}

void rig_same(const rig *a, const rig *b, const char *what)
{
    MUST_SAY(a->notices_count == b->notices_count &&
                 memcmp(a->notices, b->notices, a->notices_count * sizeof *a->notices) == 0,
             "%s: other notices", what);
    MUST_SAY(a->ops_count == b->ops_count, "%s: %u distinct ops, not %u", what, b->ops_count, a->ops_count);
    for (uint32_t i = 0; i < a->ops_count; i++)
        MUST_SAY(same_key(&a->ops[i], &b->ops[i]) && a->ops[i].args_len == b->ops[i].args_len &&
                     memcmp(a->ops[i].args, b->ops[i].args, a->ops[i].args_len) == 0,
                 "%s: op %u differs", what, i);
    MUST_SAY(a->row.record_len == b->row.record_len && memcmp(a->row.record, b->row.record, a->row.record_len) == 0,
             "%s: another last record", what);
}
