/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The client's own node: ops. Every op goes the same way: its key is looked up, trouble is rolled by the key, the op
 * has its effect if the key is new, and the answer is put among the things to come, at the time that the key had
 * first. */

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
    if (a->outcome == DEALFSM_ANSWER_UNKNOWN) {
        r->outcome = DEALFSM_ANSWER_UNKNOWN;
    } else if (a->outcome != DEALFSM_ANSWER_OK) {
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

const char *world_op_name(uint32_t op)
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

/* ---- Trouble: rolled by the key of the op and its retries, always with as many rolls */

typedef struct trouble {
    uint64_t latency;
    bool error;
    bool after; /* an error of SendDataTransferVoucher: the voucher got there all the same */
    bool unknown;
    bool never;
    bool twice;
    bool early;
} trouble;

/* Dice for one asking of a key. */
static dice dice_of_key(const world *w, const world_deal *d, const asked *a)
{
    dice first = {a->sequence};
    dice second = {dice_roll(&first) ^ ((uint64_t)a->op << 32 | a->nth)};
    return dice_of(w->options.seed, d->id, (dice_roll(&second) + a->attempt) | (uint64_t)1 << 63);
}

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

/* A planted bug, for the test that must notice it. */
#ifdef DEALFSM_PLANT_FORGOTTEN_KEY
enum { FORGETS_KEYS = 1 };
#else
enum { FORGETS_KEYS = 0 };
#endif

/* Does the key's effect, or says what became of it. */
static void ask_once(world *w, world_deal *d, const dealfsm_op *op, const trouble *t, asked *a, reply *r)
{
    if (a->asks > 1 && !FORGETS_KEYS) {
        answer_again(w, d, op, a, r);
        return;
    }
    if ((op->flags & DEALFSM_OP_WITHOUT_KEY) != 0) {
        r->outcome = DEALFSM_ANSWER_UNKNOWN;
    } else if (t->error) {
        reply_error(r, "the node failed in %s", world_op_name(op->op));
    } else if (effect_of(op->op)(w, d, op, r, a)) {
        a->effects++;
        if (op->op == DEALFSM_OpOpenDataTransfer) {
            provider_hears(w, d, d->now + t->latency);
        }
    }
    a->outcome = r->outcome;
    free(a->text);
    a->text = r->outcome == DEALFSM_ANSWER_OK ? NULL : strdup(r->text);
}

/* Ops of the other classes are done again, as if at the time they were first asked. */
static void ask_freely(world *w, world_deal *d, const dealfsm_op *op, const trouble *t, asked *a, reply *r)
{
    if (t->error && op->op != DEALFSM_OpSendDataTransferVoucher) {
        reply_error(r, "the node failed in %s", world_op_name(op->op));
        return;
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
        if (send_voucher(w, d, op, a->answered, !t->error || t->after, r) && t->error) {
            reply_error(r, "the connection broke");
        }
        break;
    case DEALFSM_OpCloseDataTransfer:
        d->serving.closed = d->serving.closed || transfer_matches(d, &op->args[0], r);
        break;
    case DEALFSM_OpFinalizeBlockstore:
        break;
    default: {
        uint64_t over = chain_wait(w, d, op, a->at, r);
        a->answered = over > a->answered ? over : a->answered;
    }
    }
}

/* Others change a channel's funds: who asks again under the same key is told what it was told of them. */
static void keep(world *w, const dealfsm_op *op, asked *a, const reply *r)
{
    if (op->op == DEALFSM_OpCheckAvailableFunds || r->outcome == DEALFSM_ANSWER_SHORTFALL) {
        free(a->kept);
        a->kept = reply_copy(r);
        if (a->kept == NULL) {
            world_break(w, "out of memory");
        }
    }
}

/* The reply to an op, with its time in *a; NULL: it is never answered. */
static reply *make_reply(world *w, world_deal *d, const dealfsm_op *op, asked *a, bool *early)
{
    d->node = dice_of_key(w, d, a);
    trouble t = roll_trouble(w, d);
    reply *r = calloc(1, sizeof *r);
    if (r == NULL) {
        world_break(w, "out of memory");
        return NULL;
    }
    *r = (reply){.op = op->op, .nth = op->nth, .sequence = op->sequence, .outcome = DEALFSM_ANSWER_OK};
    *early = t.early;
    t.latency = t.early ? 0 : t.latency;
    a->answered = a->at + t.latency;
    if (a->kept != NULL && a->args == asked_args(op)) {
        reply_take(r, a->kept);
    } else {
        if (effect_of(op->op) != NULL) {
            ask_once(w, d, op, &t, a, r);
        } else {
            ask_freely(w, d, op, &t, a, r);
        }
        keep(w, op, a, r);
    }
    r->twice = t.twice;
    if (t.unknown && r->outcome == DEALFSM_ANSWER_OK) {
        r->outcome = DEALFSM_ANSWER_UNKNOWN;
        r->count = 0;
    }
    a->told = t.never ? 0 : r->outcome;
    if (t.never) {
        d->silent = op->op;
        free(r);
        return NULL;
    }
    return r;
}

static bool retry_is_due(const world_deal *d, const asked *a)
{
    return (a->told == DEALFSM_ANSWER_UNKNOWN || a->told == DEALFSM_ANSWER_CONFLICT) &&
           d->now >= a->answered + RETRY_AFTER;
}

static bool has_retry(const world_deal *d)
{
    for (size_t i = 0; i < d->thing_count; i++) {
        if (d->things[i].what == THING_RETRY && !d->things[i].sent) {
            return true;
        }
    }
    return false;
}

/* again: the answer was made before; a second one and a retry of it have come or will come. */
static void schedule_reply(world *w, world_deal *d, reply *r, uint64_t answered, bool again, uint64_t *order)
{
    thing *t = time_schedule(w, d, answered, THING_ANSWER);
    if (t == NULL) {
        free(r);
        return;
    }
    t->reply = r;
    *order = t->order;
    if (r->twice && !again) {
        reply *copy = reply_copy(r);
        thing *repeat = copy != NULL ? time_schedule(w, d, answered + RETRY_AFTER, THING_REPEAT) : NULL;
        if (repeat == NULL) {
            world_break(w, "out of memory");
            free(copy);
            return;
        }
        repeat->reply = copy;
    }
    if ((r->outcome == DEALFSM_ANSWER_UNKNOWN || r->outcome == DEALFSM_ANSWER_CONFLICT) && !has_retry(d)) {
        (void)time_schedule(w, d, answered + RETRY_AFTER, THING_RETRY);
    }
}

void node_ask(world *w, world_deal *d, const dealfsm_op *op, world_asked *out)
{
    asked *a = asked_find(d, op);
    bool again = a != NULL;
    if (again && retry_is_due(d, a)) {
        a->attempt++;
        a->at = d->now;
        again = false;
    } else if (!again) {
        a = asked_add(w, d);
        if (a == NULL) {
            return;
        }
        *a = (asked){.sequence = op->sequence, .op = op->op, .nth = op->nth, .args = asked_args(op), .at = d->now};
    }
    a->asks++;
    a->changed = true;
    reply *r = make_reply(w, d, op, a, &out->early);
    if (r != NULL) {
        schedule_reply(w, d, r, a->answered, again, &out->order);
    }
}
