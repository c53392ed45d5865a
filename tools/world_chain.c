/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The chain: wallets, payment channels, messages.
 *
 * A client and a provider share one channel. Money for it leaves the wallet when the message is sent and is in the
 * channel when the message lands. A lost message gives the money back. A pair's channel is new until the time that a
 * creation takes has passed since its first deal began: until then each message creates it or, coming second, adds to
 * it, and the node cannot give its address yet; from then on messages add funds. That is settled by times alone, so
 * that no deal's way depends on which deal was first. */

#include <blake2.h>
#include <dealfsm/vocabulary.h>
#include <stdlib.h>
#include <string.h>

#include "world_private.h"

enum {
    BLOCKS_MAX = 3 /* until a message lands */
};

void chain_number(uint64_t number, uint8_t bytes[8])
{
    for (int i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(number >> (56 - 8 * i));
    }
}

/* ---- Channels and wallets */

static void make_channel(world *w, size_t client, size_t provider)
{
    const scenario *s = w->scenario;
    channel *c = &w->channels[client * s->provider_count + provider];
    const text_bytes *from = &s->clients[client].wallet;
    const text_bytes *to = &s->providers[provider].wallet;
    c->client = client;
    c->provider = provider;
    c->begins = UINT64_MAX / 2;
    uint8_t both[2 * SECRET_LEN];
    (void)blake2b(c->secret, from->data, NULL, SECRET_LEN, from->len, 0);
    memcpy(both, c->secret, SECRET_LEN);
    (void)blake2b(both + SECRET_LEN, to->data, NULL, SECRET_LEN, to->len, 0);
    c->address[0] = 2;
    (void)blake2b(c->address + 1, both, NULL, ADDRESS_LEN - 1, sizeof both, 0);
    mpz_inits(c->funds, c->pending, c->granted, NULL);
}

bool chain_make(world *w)
{
    const scenario *s = w->scenario;
    w->wallets = calloc(s->client_count, sizeof *w->wallets);
    w->channels = calloc(s->client_count * s->provider_count, sizeof *w->channels);
    if (w->wallets == NULL || w->channels == NULL) {
        return false;
    }
    for (size_t i = 0; i < s->client_count; i++) {
        mpz_init_set(w->wallets[i], s->clients[i].balance);
        for (size_t j = 0; j < s->provider_count; j++) {
            make_channel(w, i, j);
        }
    }
    return true;
}

static void free_channel(channel *c)
{
    mpz_clears(c->funds, c->pending, c->granted, NULL);
    for (size_t i = 0; i < c->lane_count; i++) {
        mpz_clears(c->lanes[i].granted, c->lanes[i].held, c->lanes[i].before, NULL);
    }
    free(c->lanes);
}

void chain_free(world *w)
{
    const scenario *s = w->scenario;
    for (size_t i = 0; w->channels != NULL && w->wallets != NULL && i < s->client_count; i++) {
        mpz_clear(w->wallets[i]);
        for (size_t j = 0; j < s->provider_count; j++) {
            free_channel(&w->channels[i * s->provider_count + j]);
        }
    }
    free(w->wallets);
    free(w->channels);
}

bool chain_head(world *w, world_deal *d, const dealfsm_op *op, reply *r, asked *key)
{
    (void)op;
    (void)key;
    uint8_t token[8];
    chain_number(d->now / w->scenario->chain.block_time, token);
    reply_bytes(r, DEALFSM_BYTES, token, sizeof token);
    return true;
}

/* ---- Messages */

bool value_is(const dealfsm_value *v, const uint8_t *data, size_t len)
{
    return v->data_len == len && (len == 0 || memcmp(v->data, data, len) == 0);
}

static void make_cid(const world_deal *d, size_t number, uint8_t cid[CID_LEN])
{
    static const uint8_t head[] = {0x01, 0x71, 0xa0, 0xe4, 0x02, 0x20};
    uint8_t seed[16];
    chain_number(d->id, seed);
    chain_number(number, seed + 8);
    memcpy(cid, head, sizeof head);
    (void)blake2b(cid + sizeof head, seed, NULL, CID_LEN - sizeof head, sizeof seed, 0);
}

message *chain_new_message(world *w, world_deal *d)
{
    message *more = realloc(d->messages, (d->message_count + 1) * sizeof *more);
    if (more == NULL) {
        world_break(w, "out of memory");
        return NULL;
    }
    d->messages = more;
    message *m = &more[d->message_count];
    *m = (message){.lands = 0};
    mpz_init(m->amount);
    make_cid(d, d->message_count++, m->cid);
    return m;
}

message *chain_send(world *w, world_deal *d, const mpz_t amount)
{
    const scenario_chain *chain = &w->scenario->chain;
    message *m = chain_new_message(w, d);
    if (m == NULL) {
        return NULL;
    }
    uint64_t blocks = dice_between(&d->node, 1, BLOCKS_MAX);
    bool again = dice_chance(&d->node, chain->reorganised);
    m->lost = dice_chance(&d->node, chain->lost);
    uint64_t later = dice_between(&d->node, 1, chain->confirmations + 1);
    blocks += again ? later : 0;
    m->lands = (d->now / chain->block_time + blocks) * chain->block_time;
    mpz_set(m->amount, amount);
    mpz_sub(w->wallets[d->client], w->wallets[d->client], amount);
    mpz_add(d->channel->pending, d->channel->pending, amount);
    thing *t = time_schedule(w, d, m->lands, THING_LANDS);
    if (t != NULL) {
        t->message = d->message_count - 1;
    }
    trace(w, d, "message %zu sent%s", d->message_count,
          again     ? ", will be reorganised"
          : m->lost ? ", will be lost"
                    : "");
    return m;
}

void chain_lands(world *w, world_deal *d, size_t number)
{
    const message *m = &d->messages[number];
    mpz_sub(d->channel->pending, d->channel->pending, m->amount);
    if (m->lost) {
        mpz_add(w->wallets[d->client], w->wallets[d->client], m->amount);
        mpz_ptr by = m->top_up ? d->topped_up : d->added;
        mpz_sub(by, by, m->amount);
    } else {
        mpz_add(d->channel->funds, d->channel->funds, m->amount);
        d->channel->exists = true;
    }
    trace(w, d, "message %zu %s", number + 1, m->lost ? "is lost" : "lands");
    if (!m->lost) {
        funds_arrive(w, d);
    }
}

/* ---- Ops */

static bool wallets_match(const world *w, const world_deal *d, const dealfsm_op *op)
{
    const text_bytes *from = &w->scenario->clients[d->client].wallet;
    const text_bytes *to = &w->scenario->providers[d->provider].wallet;
    return value_is(&op->args[0], from->data, from->len) && value_is(&op->args[1], to->data, to->len);
}

/* When the node can give a channel's address. */
static uint64_t known_from(const world *w, const channel *c)
{
    const scenario_chain *chain = &w->scenario->chain;
    return c->begins + (BLOCKS_MAX + chain->confirmations) * chain->block_time;
}

bool chain_get_or_create(world *w, world_deal *d, const dealfsm_op *op, reply *r, asked *key)
{
    mpz_t amount;
    mpz_init(amount);
    text_amount_import(amount, op->args[2].data, op->args[2].data_len);
    bool ok = false;
    if (!wallets_match(w, d, op)) {
        reply_error(r, "no key for this wallet");
    } else if (mpz_sgn(amount) < 0 || mpz_cmp(amount, w->wallets[d->client]) > 0) {
        reply_error(r, "not enough funds in the wallet");
    } else if (chain_send(w, d, amount) != NULL) {
        mpz_add(d->added, d->added, amount);
        key->number = d->message_count - 1;
        key->flag = d->now >= known_from(w, d->channel);
        chain_again(d, op, key, r);
        ok = true;
    }
    mpz_clear(amount);
    return ok;
}

const message *chain_last_pending(const world *w, const channel *c)
{
    const message *last = NULL;
    for (uint64_t i = 0; i < w->options.deals; i++) {
        const world_deal *d = &w->deals[i];
        for (size_t j = 0; d->channel == c && j < d->thing_count; j++) {
            const message *m = d->things[j].what == THING_LANDS ? &d->messages[d->things[j].message] : NULL;
            last = m != NULL && (last == NULL || m->lands > last->lands) ? m : last;
        }
    }
    return last;
}

static const message *find_message(const world_deal *d, const dealfsm_value *cid)
{
    for (size_t i = 0; i < d->message_count; i++) {
        if (value_is(cid, d->messages[i].cid, CID_LEN)) {
            return &d->messages[i];
        }
    }
    return NULL;
}

/* A message of the deal, or of another one that has the same channel: what CheckAvailableFunds told it to wait for. */
static const message *find_any_message(const world *w, const world_deal *d, const dealfsm_value *cid)
{
    const message *m = find_message(d, cid);
    for (uint64_t i = 0; m == NULL && i < w->options.deals; i++) {
        m = w->deals[i].channel == d->channel ? find_message(&w->deals[i], cid) : NULL;
    }
    return m;
}

uint64_t chain_wait(const world *w, const world_deal *d, const dealfsm_op *op, uint64_t at, reply *r)
{
    const scenario_chain *chain = &w->scenario->chain;
    const message *m = find_any_message(w, d, &op->args[0]);
    if (m == NULL) {
        reply_error(r, "no such message");
        return at;
    }
    if (m->lost) {
        reply_error(r, "the message was dropped in a reorganisation of the chain");
    } else if (op->op != DEALFSM_OpWaitForPaymentChannelAddFunds) {
        reply_bytes(r, DEALFSM_ADDRESS, d->channel->address, ADDRESS_LEN);
    }
    return m->lands + chain->confirmations * chain->block_time;
}

void chain_again(const world_deal *d, const dealfsm_op *op, const asked *key, reply *r)
{
    switch (op->op) {
    case DEALFSM_OpGetOrCreatePaymentChannel:
        if (key->flag) {
            reply_bytes(r, DEALFSM_ADDRESS, d->channel->address, ADDRESS_LEN);
        } else {
            reply_number(r, DEALFSM_NONE, 0);
        }
        reply_bytes(r, DEALFSM_CID, d->messages[key->number].cid, CID_LEN);
        break;
    case DEALFSM_OpAllocateLane:
        reply_number(r, DEALFSM_U64, key->number);
        break;
    default:
        voucher_make(d->channel, op, key->number, r);
        break;
    }
}
