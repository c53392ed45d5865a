/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* After a move the deal goes on and ends. Every prefix of every trace is continued on the other version and, to compare, on its
 * own, by a provider that serves to the end and a node that refuses what real ones refuse: a voucher that is not above the best
 * one. No once op has its effect twice for one need, and no deal hangs that would have ended. */
#include <gmp.h>

#include "move_kit.h"

enum { TIME_LIMIT = 300, ROUNDS = 80, STEP_BYTES = 1000, SERVED_STEPS = 3, OPS = 16, KEYS = 128 };

typedef struct effect_key {
    uint32_t op;
    uint64_t sequence;
} effect_key;

/* What the outside world has seen of a deal. */
typedef struct books {
    uint32_t done[OPS]; /* effects of each once op; a key has its effect once */
    uint32_t keys_count;
    effect_key keys[KEYS];
    mpz_t best; /* voucher */
    bool has_voucher;
} books;

typedef struct life {
    move_host host;
    books books;
    uint64_t deal;
    uint32_t pushed; /* times that nothing but an error from outside helped */
    mpz_t spent;     /* at the end */
} life;

typedef struct tries {
    int version;
    move_host host; /* the trace itself */
    books books;
    mpz_t spent;   /* before the move */
    mpz_t signing; /* the amount of the voucher that is asked for */
    life other[VERSIONS];
    parcel *origin, *moved;
    uint64_t went_on;
    bool whole; /* the deal has all that a deal has whose provider is to be paid */
    const char *name;
    values_arena *arena;
} tries;

/* ---- The node */

static void load(mpz_t out, const uint8_t *data, uint64_t size)
{
    mpz_set_ui(out, 0);
    if (size > 0)
        mpz_import(out, size - 1, 1, 1, 1, 0, data + 1);
    if (size > 0 && data[0] == 1)
        mpz_neg(out, out);
}

static dealfsm_value store(const mpz_t amount, uint8_t *bytes)
{
    size_t size = 0;
    bytes[0] = mpz_sgn(amount) < 0;
    mpz_export(bytes + 1, &size, 1, 1, 1, 0, amount);
    return (dealfsm_value){.struct_size = sizeof(dealfsm_value),
                           .kind = DEALFSM_AMOUNT,
                           .data = bytes,
                           .data_len = mpz_sgn(amount) == 0 ? 0 : size + 1};
}

/* A once op is carried out, unless its key is known. */
static void have_effect(books *b, const dealfsm_op_info *info, uint64_t sequence)
{
    if (info->op_class != DEALFSM_ONCE)
        return;
    for (uint32_t i = 0; i < b->keys_count; i++)
        if (b->keys[i].op == info->op && b->keys[i].sequence == sequence)
            return;
    MUST(b->keys_count < KEYS);
    b->keys[b->keys_count++] = (effect_key){info->op, sequence};
    b->done[info->op]++;
}

/* Notes a voucher; false: it is not above the best one. */
static bool note_voucher(books *b, const mpz_t amount)
{
    bool above = !b->has_voucher || mpz_cmp(amount, b->best) > 0;
    if (above)
        mpz_set(b->best, amount);
    b->has_voucher = true;
    return above;
}

static bool sign(books *b, const dealfsm_op *op)
{
    mpz_t amount;
    mpz_init(amount);
    load(amount, op->args[1].data, op->args[1].data_len);
    bool above = note_voucher(b, amount);
    mpz_clear(amount);
    return above;
}

#define VALUE(k, ...) ((dealfsm_value){.struct_size = sizeof(dealfsm_value), .kind = DEALFSM_##k, __VA_ARGS__})
#define LITERAL(text) .data = (const uint8_t *)(text), .data_len = sizeof(text) - 1

/* What the world answers, by the kinds that the op gives; an amount is plenty. */
static uint32_t fill(const dealfsm_op_info *info, dealfsm_value *values)
{
    static const uint8_t me[] = "me", you[] = "you";
    for (uint32_t i = 0; i < info->values_count; i++) {
        switch (info->values[i]) {
        case DEALFSM_CHANNEL:
            values[i] = (dealfsm_value){sizeof *values, DEALFSM_CHANNEL, 77, me, 2, you, 3};
            break;
        case DEALFSM_ADDRESS:
            values[i] = VALUE(ADDRESS, LITERAL("\x00\x67"));
            break;
        case DEALFSM_CID:
            values[i] = VALUE(CID, LITERAL("\x01\x55\x00\x02\x0c\x0d"));
            break;
        case DEALFSM_U64:
            values[i] = VALUE(U64, .number = 9);
            break;
        case DEALFSM_AMOUNT: /* 2^1000 confirmed, nothing else */
            values[i] = VALUE(AMOUNT, .data = NULL);
            if (strcmp(info->values_names[i], "confirmed") == 0)
                values[i] =
                    VALUE(AMOUNT, LITERAL("\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"));
            break;
        default:
            values[i] = VALUE(BYTES, LITERAL("token"));
        }
    }
    return info->values_count;
}

static void answer(move_host *h, const dealfsm_op *op)
{
    static const char text[] = "no";
    life *l = h->ctx;
    const move_module *m = move_module_of(h->version);
    const dealfsm_op_info *info = description_op(&m->machine, op->op);
    dealfsm_value values[8];
    dealfsm_answer given = {.struct_size = sizeof given,
                            .op = op->op,
                            .deal = op->deal,
                            .sequence = op->sequence,
                            .nth = op->nth,
                            .outcome = DEALFSM_ANSWER_OK,
                            .values = values,
                            .values_stride = sizeof *values};
    if (op->op == DEALFSM_OpCreatePaymentVoucher && !sign(&l->books, op)) {
        given.outcome = DEALFSM_ANSWER_ERROR;
        given.text = text;
        given.text_len = sizeof text - 1;
    } else {
        have_effect(&l->books, info, op->sequence);
        given.values_count = fill(info, values);
    }
    int32_t code = m->f->complete(h->machine, &given, NULL);
    MUST_SAY(code == DEALFSM_OK, "%s: %d", info->name, code);
}

/* ---- The provider */

static int32_t send(life *l, uint32_t event, dealfsm_value value)
{
    const dealfsm_event given = {sizeof given, event, &value, value.kind == DEALFSM_NONE ? 0 : 1, sizeof value};
    return move_module_of(l->host.version)->f->dispatch(l->host.machine, l->deal, &given, NULL, NULL);
}
#define NOTHING VALUE(NONE, .number = 0)

static void see(life *l, dealfsm_record *record, parcel *room)
{
    dealfsm_error error = {.struct_size = sizeof error};
    MUST(move_give(&l->host, l->deal, l->host.version, room, &error) == DEALFSM_OK);
    parcel_record(room, record);
}

/* What is due for all that was received, but for what was requested already; at least 0. */
static void due_now(const dealfsm_record *r, mpz_t due)
{
    mpz_t part;
    mpz_init(part);
    load(due, r->price_per_byte, r->price_per_byte_len);
    uint64_t bytes = r->total_received > r->bytes_paid_for ? r->total_received - r->bytes_paid_for : 0;
    mpz_import(part, 1, -1, sizeof bytes, 0, 0, &bytes);
    mpz_mul(due, due, part);
    load(part, r->unseal_price, r->unseal_price_len);
    mpz_add(due, due, part);
    load(part, r->unseal_funds_paid, r->unseal_funds_paid_len);
    mpz_sub(due, due, part);
    load(part, r->payment_requested, r->payment_requested_len);
    mpz_sub(due, due, part);
    if (mpz_sgn(due) < 0)
        mpz_set_ui(due, 0);
    mpz_clear(part);
}

static void request(life *l, uint32_t event, const dealfsm_record *r)
{
    uint8_t bytes[1024];
    mpz_t due;
    mpz_init(due);
    due_now(r, due);
    send(l, event, store(due, bytes));
    mpz_clear(due);
}

/* More blocks and a request for them; or the last blocks, whose payment is asked for at the end. */
static void serve_blocks(life *l, const dealfsm_record *r, bool more)
{
    dealfsm_record received = *r;
    received.total_received += STEP_BYTES;
    if (!r->all_blocks_received)
        send(l, DEALFSM_ClientEventBlocksReceived, VALUE(U64, .number = received.total_received));
    if (more)
        request(l, DEALFSM_ClientEventPaymentRequested, &received);
    else
        send(l, DEALFSM_ClientEventAllBlocksReceived, NOTHING);
}

/* The next event of a provider that serves to the end, by the state that the deal shows. */
static void serve(life *l, const dealfsm_record *r, uint32_t round)
{
    bool more = round < SERVED_STEPS && !r->all_blocks_received && r->total_received < UINT64_MAX / 2;
    switch (r->status) {
    case DEALFSM_DealStatusNew:
        send(l, DEALFSM_ClientEventOpen, NOTHING);
        break;
    case DEALFSM_DealStatusWaitForAcceptance:
    case DEALFSM_DealStatusWaitForAcceptanceLegacy:
        send(l, DEALFSM_ClientEventDealAccepted, NOTHING);
        break;
    case DEALFSM_DealStatusOngoing:
        serve_blocks(l, r, more);
        break;
    case DEALFSM_DealStatusFundsNeeded:
        send(l, DEALFSM_ClientEventAllBlocksReceived, NOTHING);
        request(l, DEALFSM_ClientEventLastPaymentRequested, r);
        break;
    case DEALFSM_DealStatusFundsNeededLastPayment:
    case DEALFSM_DealStatusClientWaitingForLastBlocks:
        send(l, DEALFSM_ClientEventAllBlocksReceived, NOTHING);
        break;
    case DEALFSM_DealStatusBlocksComplete:
        request(l, DEALFSM_ClientEventLastPaymentRequested, r);
        break;
    case DEALFSM_DealStatusFinalizing:
        send(l, DEALFSM_ClientEventComplete, NOTHING);
        break;
    case DEALFSM_DealStatusInsufficientFunds:
        send(l, DEALFSM_ClientEventRecheckFunds, NOTHING);
        break;
    default:
        break;
    }
}

static uint64_t sequence_of(const life *l)
{
    dealfsm_deal shown = {.struct_size = sizeof shown};
    MUST(move_module_of(l->host.version)->f->query(l->host.machine, l->deal, &shown, NULL) == DEALFSM_OK);
    return shown.flags & DEALFSM_DEAL_FINAL ? UINT64_MAX : shown.sequence;
}

static void push(life *l)
{
    l->pushed++;
    send(l, DEALFSM_ClientEventDataTransferError, VALUE(ERROR, LITERAL("gone")));
}

/* Takes the deal in with the books that it has so far, and lets it go on to its end. */
static void live_on(life *l, const parcel *p, const books *so_far)
{
    static parcel room;
    dealfsm_error error = {.struct_size = sizeof error};
    dealfsm_record record;
    const move_module *m = move_module_of(l->host.version);
    memcpy(l->books.done, so_far->done, sizeof l->books.done);
    memcpy(l->books.keys, so_far->keys, sizeof l->books.keys);
    l->books.keys_count = so_far->keys_count;
    l->books.has_voucher = so_far->has_voucher;
    mpz_set(l->books.best, so_far->best);
    l->pushed = 0;
    l->deal = p->deal;
    MUST(move_take(&l->host, p, 0, &error) == DEALFSM_OK);
    MUST(m->f->activate(l->host.machine, l->deal, NULL, NULL) >= 0);
    for (uint32_t round = 0;; round++) {
        see(l, &record, &room);
        if (description_is_final(&m->machine, record.status))
            break;
        uint64_t sequence = sequence_of(l);
        MUST_SAY(round < 2 * ROUNDS, "status %" PRIu64 " for ever", record.status);
        serve(l, &record, round);
        if (round >= ROUNDS || sequence == sequence_of(l))
            push(l);
    }
    load(l->spent, record.funds_spent, record.funds_spent_len);
    move_drop(&l->host, l->deal);
}

/* ---- Prefixes */

/* An effect that the new version had although the deal's own would not have had it once more: for the same need. */
static void check_effects(const tries *t, const life *moved, const life *own)
{
    static const uint32_t once[] = {DEALFSM_OpOpenDataTransfer, DEALFSM_OpGetOrCreatePaymentChannel,
                                    DEALFSM_OpAllocateLane};
    const char *from = move_module_of(own->host.version)->version, *to = move_module_of(moved->host.version)->version;
    for (size_t i = 0; i < sizeof once / sizeof *once; i++) {
        uint32_t found = moved->books.done[once[i]], limit = own->books.done[once[i]];
        MUST_SAY(found <= (limit > 1 ? limit : 1), "%s: %s to %s: op %u had its effect %u times, not %u", t->name, from,
                 to, once[i], found, limit);
    }
    if (!t->whole)
        return;
    MUST_SAY(!moved->books.has_voucher || mpz_cmp(moved->spent, moved->books.best) <= 0 ||
                 mpz_cmp(moved->spent, t->spent) <= 0,
             "%s: %s to %s: more is spent than the best voucher is worth", t->name, from, to);
    MUST_SAY(moved->pushed <= own->pushed, "%s: %s to %s: it hangs, and would not have", t->name, from, to);
}

static bool is_whole(const parcel *p, mpz_t spent)
{
    dealfsm_record r;
    parcel_record(p, &r);
    load(spent, r.funds_spent, r.funds_spent_len);
    return r.price_per_byte_len > 0 && r.price_per_byte[0] == 0 && r.total_funds_len > 0 && r.payment_interval > 0 &&
           (r.status == 0 || r.channel_initiator_len > 0) && (r.status == 0 || r.channel_responder_len > 0);
}

static void go_on(tries *t)
{
    dealfsm_error error;
    bool own = false;
    t->whole = is_whole(t->origin, t->spent);
    for (int to = A; to < VERSIONS; to++) {
        if (to == t->version || move_parcel(t->origin, to, t->moved, &error) != DEALFSM_OK)
            continue;
        if (!own)
            live_on(&t->other[t->version], t->origin, &t->books);
        own = true;
        live_on(&t->other[to], t->moved, &t->books);
        t->went_on++;
        check_effects(t, &t->other[to], &t->other[t->version]);
    }
}

/* What the trace's own world did. An op has its effect when it is asked; its answer may say that it had none. */
static void note_op(move_host *h, const dealfsm_op *op)
{
    tries *t = h->ctx;
    h->open = (move_op){op->op, op->sequence, op->nth, op->flags};
    have_effect(&t->books, description_op(&move_module_of(t->version)->machine, op->op), op->sequence);
    if (op->op == DEALFSM_OpCreatePaymentVoucher)
        load(t->signing, op->args[1].data, op->args[1].data_len);
}

static void note_step(tries *t, const json_t *step)
{
    const json_t *given = json_object_get(step, "answer");
    const dealfsm_op_info *info = description_op(&move_module_of(t->version)->machine, t->host.open.op);
    if (given == NULL || info == NULL)
        return;
    bool failed = json_object_get(given, "error") != NULL || json_object_get(given, "shortfall") != NULL;
    if (!failed && info->op == DEALFSM_OpCreatePaymentVoucher)
        note_voucher(&t->books, t->signing);
    if (failed && info->op_class == DEALFSM_ONCE) {
        t->books.done[info->op]--;
        t->books.keys_count--; /* it was the last one */
    }
}

static void try_trace(void *ctx, const json_t *line)
{
    tries *t = ctx;
    const json_t *steps = json_object_get(line, "steps"), *equal = json_object_get(line, "equal_steps");
    const size_t count = equal == NULL ? json_array_size(steps) : (size_t)json_integer_value(equal);
    dealfsm_error error = {.struct_size = sizeof error};
    t->name = json_string_value(json_object_get(line, "name"));
    t->host.open = (move_op){0};
    memset(t->books.done, 0, sizeof t->books.done);
    t->books.keys_count = 0;
    t->books.has_voucher = false;
    values_arena_clear(t->arena);
    move_bare(t->version, t->arena, json_object_get(line, "record"), t->origin);
    uint64_t deal = t->origin->deal;
    MUST(move_take(&t->host, t->origin, 0, &error) == DEALFSM_OK);
    MUST(move_module_of(t->version)->f->activate(t->host.machine, deal, NULL, NULL) >= 0);
    for (size_t i = 0; i < count; i++) {
        const json_t *step = json_array_get(steps, i);
        note_step(t, step);
        move_step(&t->host, t->arena, deal, step);
        MUST(move_give(&t->host, deal, t->version, t->origin, &error) == DEALFSM_OK);
        go_on(t);
    }
    move_drop(&t->host, deal);
}

START_TEST(traces)
{
    static tries t;
    t = (tries){.version = _i, .arena = values_arena_new(), .origin = malloc(sizeof *t.origin)};
    t.moved = malloc(sizeof *t.moved);
    MUST(t.arena != NULL && t.origin != NULL && t.moved != NULL);
    mpz_inits(t.books.best, t.signing, t.spent, NULL);
    for (int version = A; version < VERSIONS; version++) {
        move_host_open(&t.other[version].host, version);
        t.other[version].host.on_op = answer;
        t.other[version].host.ctx = &t.other[version];
        mpz_inits(t.other[version].books.best, t.other[version].spent, NULL);
    }
    move_host_open(&t.host, _i);
    t.host.on_op = note_op;
    t.host.ctx = &t;
    move_lines(_i, "traces.jsonl.gz", try_trace, &t);
    MUST(t.went_on > 0);
    move_host_close(&t.host);
    for (int version = A; version < VERSIONS; version++) {
        move_host_close(&t.other[version].host);
        mpz_clears(t.other[version].books.best, t.other[version].spent, NULL);
    }
    mpz_clears(t.books.best, t.signing, t.spent, NULL);
    free(t.origin);
    free(t.moved);
    values_arena_free(t.arena);
}
END_TEST

/* ---- Rows */

static void first_deal(void *ctx, const json_t *line)
{
    parcel *p = ctx;
    if (p->record_len > 0)
        return;
    values_arena *arena = values_arena_new();
    move_bare(A, arena, json_object_get(line, "record"), p);
    values_arena_free(arena);
}

static void keep_open(move_host *h, const dealfsm_op *op)
{
    h->open = (move_op){op->op, op->sequence, op->nth, op->flags};
}

/* Answers what is open until the deal asks for `op`. */
static void bring_to(life *l, uint32_t op)
{
    while (l->host.open.op != op) {
        move_op open = l->host.open;
        const dealfsm_op again = {
            .struct_size = sizeof again, .op = open.op, .deal = l->deal, .sequence = open.sequence, .nth = open.nth};
        MUST(open.op != 0);
        l->host.open = (move_op){0};
        answer(&l->host, &again);
        if (l->host.open.op == 0)
            send(l, DEALFSM_ClientEventDealAccepted, NOTHING);
    }
}

/* The process dies when a lane has been taken and its row says no more than that the handler of state 5 is owed. Resumed, the
 * deal waits for the channel again, in the same handler run: it stays until that is over, for B would take a second lane. */
START_TEST(row_of_a_handler_that_may_have_asked)
{
    static parcel row, now, moved;
    static life before, after;
    dealfsm_error error = {.struct_size = sizeof error};
    mpz_inits(before.books.best, after.books.best, NULL);
    move_lines(A, "traces.jsonl.gz", first_deal, &now);
    move_host_open(&before.host, A);
    before.host.on_op = keep_open;
    before.host.ctx = &before;
    before.host.row = &row;
    before.deal = now.deal;
    MUST(move_take(&before.host, &now, 0, &error) == DEALFSM_OK);
    MUST(move_module_of(A)->f->activate(before.host.machine, before.deal, NULL, NULL) >= 0);
    send(&before, DEALFSM_ClientEventOpen, NOTHING);
    bring_to(&before, DEALFSM_OpAllocateLane);

    move_host_open(&after.host, A);
    after.host.on_op = keep_open;
    after.host.ctx = &after;
    after.deal = row.deal;
    MUST(move_take(&after.host, &row, 0, &error) == DEALFSM_OK);
    MUST(move_module_of(A)->f->activate(after.host.machine, after.deal, NULL, NULL) >= 0);
    ck_assert_uint_eq(after.host.open.op, DEALFSM_OpWaitForPaymentChannelAddFunds);
    MUST(move_give(&after.host, after.deal, A, &now, &error) == DEALFSM_OK);
    ck_assert_int_eq(move_parcel(&now, B, &moved, &error), DEALFSM_E_STAYS);
    ck_assert_int_eq(move_parcel(&row, B, &moved, &error), DEALFSM_E_STAYS); /* nor does the row itself move */

    bring_to(&after, DEALFSM_OpAllocateLane);
    const dealfsm_op lane = {.struct_size = sizeof lane,
                             .op = after.host.open.op,
                             .deal = after.deal,
                             .sequence = after.host.open.sequence,
                             .nth = 1};
    answer(&after.host, &lane);
    MUST(move_give(&after.host, after.deal, A, &now, &error) == DEALFSM_OK);
    ck_assert_int_eq(move_parcel(&now, B, &moved, &error), DEALFSM_OK);
    move_drop(&before.host, before.deal);
    move_drop(&after.host, after.deal);
    move_host_close(&before.host);
    move_host_close(&after.host);
    mpz_clears(before.books.best, after.books.best, NULL);
}
END_TEST

/* ---- Records without sidecar */

/* A bare record of A in 4 or 5: its handler waits for the message, then takes a lane. */
static void bare_that_waits(uint64_t status, parcel *p)
{
    static uint8_t bytes[1 << 16];
    const dealfsm_record_v1 *records = move_module_of(A)->record;
    dealfsm_record record;
    p->record_len = 0;
    move_lines(A, "traces.jsonl.gz", first_deal, p);
    parcel_record(p, &record);
    record.status = status;
    record.wait_msg_cid = (const uint8_t *)"\x01\x55\x00\x02\x0c\x0d";
    record.wait_msg_cid_len = 6;
    record.has_payment_info = status == DEALFSM_DealStatusPaymentChannelAddingFunds;
    if (record.has_payment_info) {
        record.pay_ch = (const uint8_t *)"\x00\x67";
        record.pay_ch_len = 2;
    }
    MUST(records->encode(&record, bytes, sizeof bytes, &p->record_len, NULL) == DEALFSM_OK);
    memcpy(p->record, bytes, p->record_len);
}

static void answer_open(life *l)
{
    const dealfsm_op op = {.struct_size = sizeof op,
                           .op = l->host.open.op,
                           .deal = l->deal,
                           .sequence = l->host.open.sequence,
                           .nth = l->host.open.nth};
    MUST(op.op != 0);
    l->host.open = (move_op){0};
    answer(&l->host, &op);
}

/* Another process goes on with the row that the last put left. */
static void restart(life *l, parcel *row, int version)
{
    dealfsm_error error = {.struct_size = sizeof error};
    l->host.row = NULL;
    move_drop(&l->host, l->deal);
    move_host_close(&l->host);
    move_host_open(&l->host, version);
    l->host.on_op = keep_open;
    l->host.ctx = l;
    MUST(move_take(&l->host, row, 0, &error) == DEALFSM_OK);
    l->host.row = row;
    MUST(move_module_of(version)->f->activate(l->host.machine, l->deal, NULL, NULL) >= 0);
}

static uint32_t owed_in(const parcel *p)
{
    parcel_side side;
    parcel_read(p, &side);
    return side.owed;
}

/* It may have taken its lane before: the reference keeps no note of that. B and C take lanes in a state of its own, so the mark
 * "perhaps asked before, without a key" goes on to the handler of that state; not further. */
START_TEST(bare_record_that_may_have_a_lane)
{
    static parcel row, bare, back;
    static life l;
    const int to = _i % 2 ? C : B;
    const uint64_t status =
        _i / 2 ? DEALFSM_DealStatusPaymentChannelAddingFunds : DEALFSM_DealStatusPaymentChannelCreating;
    dealfsm_error error = {.struct_size = sizeof error};
    const dealfsm_functions *f = move_module_of(to)->f;
    mpz_init(l.books.best);
    bare_that_waits(status, &bare);
    l.deal = bare.deal;
    move_host_open(&l.host, to);
    l.host.on_op = keep_open;
    l.host.ctx = &l;
    MUST(move_take(&l.host, &bare, DEALFSM_SNAPSHOT_OWED, &error) == DEALFSM_OK);
    MUST(move_give(&l.host, l.deal, A, &back, &error) == DEALFSM_OK);
    ck_assert_uint_eq(owed_in(&back), OWED | WITHOUT_KEY); /* on A the handler of this state takes the lane */
    ck_assert(back.record_len == bare.record_len && memcmp(back.record, bare.record, bare.record_len) == 0);
    l.host.row = &row;
    MUST(f->activate(l.host.machine, l.deal, NULL, NULL) >= 0);
    ck_assert_uint_eq(owed_in(&row), OWED | WITHOUT_KEY | KEYLESS_LATER);
    restart(&l, &row, to);
    ck_assert_uint_eq(l.host.open.op, DEALFSM_OpWaitForPaymentChannelReady);
    /* An event that comes meanwhile is applied before the handler's own, and changes nothing of this. */
    send(&l, DEALFSM_ClientEventBlocksReceived, VALUE(U64, .number = 5));
    answer_open(&l);
    ck_assert_uint_eq(l.host.open.op, DEALFSM_OpAllocateLane);
    ck_assert_uint_eq(l.host.open.flags & ~(uint32_t)DEALFSM_OP_UNVERSIONED, DEALFSM_OP_WITHOUT_KEY);
    ck_assert_uint_eq(owed_in(&row), OWED | WITHOUT_KEY | ASKED_ONCE);
    restart(&l, &row, to);
    ck_assert_uint_eq(l.host.open.op, DEALFSM_OpAllocateLane);
    ck_assert(l.host.open.flags & DEALFSM_OP_WITHOUT_KEY);
    answer_open(&l);
    ck_assert_uint_eq(owed_in(&row) & ~(uint32_t)OWED, 0);
    move_drop(&l.host, l.deal);
    move_host_close(&l.host);
    mpz_clear(l.books.best);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("move_goes_on");
    TCase *tests = tcase_create("traces");
    tcase_set_timeout(tests, TIME_LIMIT);
    suite_add_tcase(suite, tests);
    tcase_add_loop_test(tests, traces, A, VERSIONS);
    tcase_add_test(tests, row_of_a_handler_that_may_have_asked);
    tcase_add_loop_test(tests, bare_record_that_may_have_a_lane, 0, 4);
    return run_suite(suite);
}
