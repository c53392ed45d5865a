/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The client's own node: the environment's functions. Every op goes the same way: trouble is rolled, a known key is looked up, the
 * op has its effect, and the answer is put among the things to come; with `sync` (or an "early" answer) it is waited for. */

#include <dealfsm/vocabulary.h>
#include <stdlib.h>
#include <string.h>

#include "world_private.h"

enum { RETRY_AFTER = 2000000 }; /* microseconds: when the node looks again at a deal that it could not tell about */

/* ---- Transfers */

static void reply_channel(const world *w, const world_deal *d, uint64_t transfer, reply *r)
{
    const text_bytes *from = &w->scenario->clients[d->client].peer;
    const text_bytes *to = &w->scenario->providers[d->provider].peer;
    r->values[r->count++] = (dealfsm_value){.struct_size = sizeof(dealfsm_value),
                                            .kind = DEALFSM_CHANNEL,
                                            .number = transfer,
                                            .data = from->data,
                                            .data_len = from->len,
                                            .data2 = to->data,
                                            .data2_len = to->len};
}

static bool open_transfer(world *w, world_deal *d, const dealfsm_op *op, reply *r, asked *key)
{
    const text_bytes *peer = &w->scenario->providers[d->provider].peer;
    if (op->args[0].data_len != peer->len || memcmp(op->args[0].data, peer->data, peer->len) != 0) {
        reply_error(r, "no route to this peer");
        return false;
    }
    key->number = d->transfer = d->id * 16 + (d->transfer + 1) % 16;
    reply_channel(w, d, key->number, r);
    return true;
}

/* Is it the transfer of this deal? */
static bool transfer_matches(const world_deal *d, const dealfsm_value *transfer, reply *r)
{
    if (d->transfer != 0 && transfer->number == d->transfer) {
        return true;
    }
    reply_error(r, "no such transfer");
    return false;
}

/* A voucher on its way; lands: does the provider get it (an error may come before or after that). */
static bool send_voucher(world *w, world_deal *d, const dealfsm_op *op, uint64_t answered, bool lands, reply *r)
{
    mpz_t amount;
    uint64_t nonce = 0;
    if (!transfer_matches(d, &op->args[0], r)) {
        return false;
    }
    mpz_init(amount);
    lane *l = chain_verify(d->channel, op->args[3].data, op->args[3].data_len, amount, &nonce);
    if (l == NULL || l->deal != d->id) {
        reply_error(r, "the provider does not take this voucher");
    } else if (lands) {
        provider_takes(w, d, l, amount, nonce, answered);
    }
    mpz_clear(amount);
    return l != NULL;
}

/* ---- Ops of class once */

/* A key that was asked before gets the answer it got then. */
static void answer_again(world *w, world_deal *d, const dealfsm_op *op, const asked *a, reply *r)
{
    if (a->args != asked_args(op)) {
        r->outcome = DEALFSM_ANSWER_CONFLICT;
        return;
    }
    if (a->outcome != DEALFSM_ANSWER_OK) {
        reply_error(r, "%s", a->text != NULL ? a->text : "");
    } else if (op->op == DEALFSM_OpOpenDataTransfer) {
        reply_channel(w, d, a->number, r);
    } else {
        chain_again(d, op, a, r);
    }
}

static effect *effect_of(uint32_t op)
{
    switch (op) {
    case DEALFSM_OpOpenDataTransfer:
        return open_transfer;
    case DEALFSM_OpGetOrCreatePaymentChannel:
        return chain_get_or_create;
    case DEALFSM_OpAllocateLane:
        return chain_allocate_lane;
    case DEALFSM_OpCreatePaymentVoucher:
        return chain_create_voucher;
    default:
        return NULL;
    }
}

static const char *op_name(uint32_t op)
{
    static const char *const names[] = {"",
                                        "OpenDataTransfer",
                                        "SendDataTransferVoucher",
                                        "CloseDataTransfer",
                                        "GetChainHead",
                                        "GetOrCreatePaymentChannel",
                                        "AllocateLane",
                                        "CreatePaymentVoucher",
                                        "WaitForPaymentChannelCreation",
                                        "WaitForPaymentChannelAddFunds",
                                        "WaitForPaymentChannelReady",
                                        "CheckAvailableFunds",
                                        "FinalizeBlockstore"};
    return op < sizeof names / sizeof names[0] ? names[op] : "?";
}

/* ---- Trouble: rolled for every op, always with as many rolls */

typedef struct trouble {
    uint64_t latency;
    bool error;
    bool after; /* an error of SendDataTransferVoucher: the voucher got there all the same */
    bool unknown;
    bool never;
    bool twice;
    bool early;
} trouble;

static trouble roll_trouble(const world *w, world_deal *d)
{
    const scenario_node *n = &w->scenario->node;
    trouble t;
    t.latency = dice_between(&d->node, n->latency.min, n->latency.max);
    t.error = dice_chance(&d->node, n->errors);
    t.after = dice_chance(&d->node, 500000);
    t.unknown = dice_chance(&d->node, n->unknown);
    t.never = dice_chance(&d->node, n->never);
    t.twice = dice_chance(&d->node, n->twice);
    t.early = dice_chance(&d->node, n->early);
    return t;
}

/* ---- An op */

static void ask_once(world *w, world_deal *d, const dealfsm_op *op, const trouble *t, reply *r)
{
    const asked *known = asked_find(d, op);
    if (known != NULL) {
        answer_again(w, d, op, known, r);
        return;
    }
    if ((op->flags & DEALFSM_OP_WITHOUT_KEY) != 0) {
        r->outcome = DEALFSM_ANSWER_UNKNOWN;
        return;
    }
    asked *key = asked_new(w, d, op);
    if (key == NULL) {
        return;
    }
    if (t->error) {
        reply_error(r, "the node failed in %s", op_name(op->op));
    } else if (effect_of(op->op)(w, d, op, r, key) && op->op == DEALFSM_OpOpenDataTransfer) {
        provider_hears(w, d, d->now + t->latency);
    }
    key->outcome = r->outcome;
    key->text = r->outcome == DEALFSM_ANSWER_OK ? NULL : strdup(r->text);
}

/* Fills the reply; the time of the answer. */
static uint64_t ask_freely(world *w, world_deal *d, const dealfsm_op *op, const trouble *t, reply *r)
{
    uint64_t answered = d->now + t->latency;
    if (t->error && op->op != DEALFSM_OpSendDataTransferVoucher) {
        reply_error(r, "the node failed in %s", op_name(op->op));
        return answered;
    }
    switch (op->op) {
    case DEALFSM_OpGetChainHead:
        (void)chain_head(w, d, op, r, NULL);
        break;
    case DEALFSM_OpCheckAvailableFunds:
        (void)chain_available_funds(w, d, op, r, NULL);
        break;
    case DEALFSM_OpSendDataTransferVoucher:
        d->in_flight = true;
        if (send_voucher(w, d, op, answered, !t->error || t->after, r) && t->error) {
            reply_error(r, "the connection broke");
        }
        break;
    case DEALFSM_OpCloseDataTransfer:
        d->serving.closed = d->serving.closed || transfer_matches(d, &op->args[0], r);
        break;
    case DEALFSM_OpFinalizeBlockstore:
        break;
    default: {
        uint64_t over = chain_wait(w, d, op, r);
        return over > answered ? over : answered;
    }
    }
    return answered;
}

/* The reply to an op with its time; NULL: it is never answered. With the mutex. */
static reply *make_reply(world *w, world_deal *d, const dealfsm_op *op, uint64_t *answered, bool *early)
{
    trouble t = roll_trouble(w, d);
    reply *r = calloc(1, sizeof *r);
    if (r == NULL) {
        w->broken = true;
        return NULL;
    }
    *r = (reply){.op = op->op, .nth = op->nth, .sequence = op->sequence, .outcome = DEALFSM_ANSWER_OK};
    *early = t.early;
    t.latency = t.early ? 0 : t.latency;
    *answered = d->now + t.latency;
    if (effect_of(op->op) != NULL) {
        ask_once(w, d, op, &t, r);
    } else {
        *answered = ask_freely(w, d, op, &t, r);
    }
    if (t.never) {
        d->silent = op_name(op->op);
        free(r);
        return NULL;
    }
    r->twice = t.twice;
    if (t.unknown && r->outcome == DEALFSM_ANSWER_OK) {
        r->outcome = DEALFSM_ANSWER_UNKNOWN;
        r->count = 0;
    }
    return r;
}

static void schedule_reply(world *w, world_deal *d, reply *r, uint64_t answered, uint64_t *order)
{
    thing *t = time_schedule(w, d, answered, THING_ANSWER);
    if (t == NULL) {
        free(r);
        return;
    }
    t->reply = r;
    *order = t->order;
    if (r->twice) {
        reply *copy = reply_copy(r);
        thing *again = copy != NULL ? time_schedule(w, d, answered + RETRY_AFTER, THING_REPEAT) : NULL;
        if (again == NULL) {
            w->broken = true;
            free(copy);
            return;
        }
        again->reply = copy;
    }
    if (r->outcome == DEALFSM_ANSWER_UNKNOWN || r->outcome == DEALFSM_ANSWER_CONFLICT) {
        (void)time_schedule(w, d, answered + RETRY_AFTER, THING_RETRY);
    }
}

static void node_op(void *ctx, const dealfsm_op *op)
{
    world *w = ctx;
    if (op->deal == 0 || op->deal > w->options.deals) {
        return; /* none of ours: it stays without an answer */
    }
    world_deal *d = &w->deals[op->deal - 1];
    uint64_t answered = 0;
    uint64_t order = 0;
    bool early = false;
    pthread_mutex_lock(&w->mutex);
    trace(w, d, "asks %s", op_name(op->op));
    reply *r = w->closed ? NULL : make_reply(w, d, op, &answered, &early);
    if (r != NULL) {
        schedule_reply(w, d, r, answered, &order);
    }
    bool now = order != 0 && (w->options.sync || early);
    pthread_mutex_unlock(&w->mutex);
    if (now) {
        do_until(w, d, order);
    }
}

void do_answer(world *w, world_deal *d, const reply *r)
{
    static const char *const outcomes[] = {"?", "ok", "error", "unknown", "conflict", "shortfall"};
    dealfsm_answer answer = {.struct_size = sizeof answer,
                             .op = r->op,
                             .deal = d->id,
                             .sequence = r->sequence,
                             .nth = r->nth,
                             .outcome = r->outcome,
                             .text = r->text,
                             .text_len = strlen(r->text),
                             .values = r->count > 0 ? r->values : NULL,
                             .values_count = r->count,
                             .values_stride = sizeof r->values[0]};
    trace(w, d, "answers %s: %s%s%s", op_name(r->op), outcomes[r->outcome], r->text[0] != '\0' ? ", " : "", r->text);
    int32_t result = w->machine->complete(w->machine->ctx, &answer);
    if (r->op == DEALFSM_OpSendDataTransferVoucher && r->outcome == DEALFSM_ANSWER_OK && result >= 0) {
        pthread_mutex_lock(&w->mutex);
        d->in_flight = false;
        pthread_mutex_unlock(&w->mutex);
    }
}

void node_environment(world *w)
{
    dealfsm_op_fn *f = node_op;
    w->environment = (dealfsm_environment){.struct_size = sizeof w->environment,
                                           .ctx = w,
                                           .OpenDataTransfer = f,
                                           .SendDataTransferVoucher = f,
                                           .CloseDataTransfer = f,
                                           .GetChainHead = f,
                                           .GetOrCreatePaymentChannel = f,
                                           .AllocateLane = f,
                                           .CreatePaymentVoucher = f,
                                           .WaitForPaymentChannelCreation = f,
                                           .WaitForPaymentChannelAddFunds = f,
                                           .WaitForPaymentChannelReady = f,
                                           .CheckAvailableFunds = f,
                                           .FinalizeBlockstore = f};
}
