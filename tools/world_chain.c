/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The chain: wallets, payment channels, messages, lanes, vouchers.
 *
 * A client and a provider share one channel. Money for it leaves the wallet when the message is sent and is in the channel when the
 * message lands. A lost message gives the money back. A pair's channel is new until the time that a creation takes has passed since
 * its first deal began: until then each message creates it or, coming second, adds to it, and the node cannot give its address
 * yet; from then on messages add funds. That is settled by times alone, so that no deal's way depends on which deal was first. */

#include <blake2.h>
#include <dealfsm/vocabulary.h>
#include <stdlib.h>
#include <string.h>

#include "world_private.h"

enum {
    SIGNATURE_LEN = 16,
    BLOCKS_MAX = 3 /* until a message lands */
};

static void number_bytes(uint64_t number, uint8_t bytes[8])
{
    for (int i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(number >> (56 - 8 * i));
    }
}

static uint64_t bytes_number(const uint8_t bytes[8])
{
    uint64_t number = 0;
    for (int i = 0; i < 8; i++) {
        number = number << 8 | bytes[i];
    }
    return number;
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
    number_bytes(d->now / w->scenario->chain.block_time, token);
    reply_bytes(r, DEALFSM_BYTES, token, sizeof token);
    return true;
}

/* ---- Messages */

static bool is_bytes(const dealfsm_value *v, const uint8_t *data, size_t len)
{
    return v->data_len == len && (len == 0 || memcmp(v->data, data, len) == 0);
}

static void make_cid(const world_deal *d, size_t number, uint8_t cid[CID_LEN])
{
    static const uint8_t head[] = {0x01, 0x71, 0xa0, 0xe4, 0x02, 0x20};
    uint8_t seed[16];
    number_bytes(d->id, seed);
    number_bytes(number, seed + 8);
    memcpy(cid, head, sizeof head);
    (void)blake2b(cid + sizeof head, seed, NULL, CID_LEN - sizeof head, sizeof seed, 0);
}

/* Sends a message with money. Its fate is rolled by the deal's own dice: when it lands, whether twice, whether at all. */
static message *send_message(world *w, world_deal *d, const mpz_t amount)
{
    const scenario_chain *chain = &w->scenario->chain;
    message *more = realloc(d->messages, (d->message_count + 1) * sizeof *more);
    if (more == NULL) {
        w->broken = true;
        return NULL;
    }
    d->messages = more;
    message *m = &more[d->message_count];
    uint64_t blocks = dice_between(&d->node, 1, BLOCKS_MAX);
    bool again = dice_chance(&d->node, chain->reorganised);
    m->lost = dice_chance(&d->node, chain->lost);
    uint64_t later = dice_between(&d->node, 1, chain->confirmations + 1);
    blocks += again ? later : 0;
    make_cid(d, d->message_count, m->cid);
    m->lands = (d->now / chain->block_time + blocks) * chain->block_time;
    mpz_init_set(m->amount, amount);
    thing *t = time_schedule(w, d, m->lands, THING_LANDS);
    if (t != NULL) {
        t->message = d->message_count;
    }
    d->message_count++;
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
        mpz_sub(d->added, d->added, m->amount);
    } else {
        mpz_add(d->channel->funds, d->channel->funds, m->amount);
        d->channel->exists = true;
    }
    trace(w, d, "message %zu %s", number + 1, m->lost ? "is lost" : "lands");
}

/* ---- Ops */

static bool wallets_match(const world *w, const world_deal *d, const dealfsm_op *op)
{
    const text_bytes *from = &w->scenario->clients[d->client].wallet;
    const text_bytes *to = &w->scenario->providers[d->provider].wallet;
    return is_bytes(&op->args[0], from->data, from->len) && is_bytes(&op->args[1], to->data, to->len);
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
    } else if (send_message(w, d, amount) != NULL) {
        mpz_sub(w->wallets[d->client], w->wallets[d->client], amount);
        mpz_add(d->channel->pending, d->channel->pending, amount);
        mpz_add(d->added, d->added, amount);
        key->number = d->message_count - 1;
        key->flag = d->now >= known_from(w, d->channel);
        chain_again(d, op, key, r);
        ok = true;
    }
    mpz_clear(amount);
    return ok;
}

uint64_t chain_wait(const world *w, const world_deal *d, const dealfsm_op *op, reply *r)
{
    const scenario_chain *chain = &w->scenario->chain;
    for (size_t i = 0; i < d->message_count; i++) {
        const message *m = &d->messages[i];
        if (!is_bytes(&op->args[0], m->cid, CID_LEN)) {
            continue;
        }
        if (m->lost) {
            reply_error(r, "the message was dropped in a reorganisation of the chain");
        } else if (op->op != DEALFSM_OpWaitForPaymentChannelAddFunds) {
            reply_bytes(r, DEALFSM_ADDRESS, d->channel->address, ADDRESS_LEN);
        }
        return m->lands + chain->confirmations * chain->block_time;
    }
    reply_error(r, "no such message");
    return d->now;
}

static bool channel_matches(const world_deal *d, const dealfsm_value *address, reply *r)
{
    if (d->channel->exists && is_bytes(address, d->channel->address, ADDRESS_LEN)) {
        return true;
    }
    reply_error(r, "no such payment channel");
    return false;
}

bool chain_allocate_lane(world *w, world_deal *d, const dealfsm_op *op, reply *r, asked *key)
{
    channel *c = d->channel;
    if (!channel_matches(d, &op->args[0], r)) {
        return false;
    }
    if (c->lane_count == c->lane_room) {
        size_t room = c->lane_room == 0 ? 8 : 2 * c->lane_room;
        lane *more = realloc(c->lanes, room * sizeof *more);
        if (more == NULL) {
            w->broken = true;
            return false;
        }
        c->lanes = more;
        c->lane_room = room;
    }
    lane *l = &c->lanes[c->lane_count];
    *l = (lane){.deal = d->id};
    mpz_inits(l->granted, l->held, l->before, NULL);
    key->number = c->lane_count++;
    chain_again(d, op, key, r);
    return true;
}

static void sign(const channel *c, const uint8_t *data, size_t len, uint8_t signature[SIGNATURE_LEN])
{
    (void)blake2b(signature, data, c->secret, SIGNATURE_LEN, len, SECRET_LEN);
}

/* A voucher: channel, lane, nonce, amount in its stored form after its length, signature. */
static void make_voucher(const channel *c, const dealfsm_op *op, uint64_t nonce, reply *r)
{
    uint8_t *at = r->voucher;
    memcpy(at, c->address, ADDRESS_LEN);
    number_bytes(op->args[2].number, at + ADDRESS_LEN);
    number_bytes(nonce, at + ADDRESS_LEN + 8);
    at += ADDRESS_LEN + 16;
    *at++ = (uint8_t)op->args[1].data_len;
    if (op->args[1].data_len > 0) {
        memcpy(at, op->args[1].data, op->args[1].data_len);
    }
    at += op->args[1].data_len;
    sign(c, r->voucher, (size_t)(at - r->voucher), at);
    at += SIGNATURE_LEN;
    r->values[r->count++] = (dealfsm_value){.struct_size = sizeof(dealfsm_value),
                                            .kind = DEALFSM_BYTES,
                                            .data = r->voucher,
                                            .data_len = (uint64_t)(at - r->voucher)};
}

lane *chain_verify(const channel *c, const uint8_t *voucher, size_t len, mpz_t amount, uint64_t *nonce)
{
    enum { HEAD = ADDRESS_LEN + 17 };
    uint8_t signature[SIGNATURE_LEN];
    if (len < HEAD + SIGNATURE_LEN || len - HEAD - SIGNATURE_LEN != voucher[HEAD - 1] ||
        memcmp(voucher, c->address, ADDRESS_LEN) != 0) {
        return NULL;
    }
    sign(c, voucher, len - SIGNATURE_LEN, signature);
    uint64_t number = bytes_number(voucher + ADDRESS_LEN);
    if (memcmp(signature, voucher + len - SIGNATURE_LEN, SIGNATURE_LEN) != 0 || number >= c->lane_count) {
        return NULL;
    }
    *nonce = bytes_number(voucher + ADDRESS_LEN + 8);
    text_amount_import(amount, voucher + HEAD, voucher[HEAD - 1]);
    return &c->lanes[number];
}

/* Would the voucher be good? As in the network, one of an equal or lower amount is refused; so is one that is not covered. */
static bool voucher_allowed(const world *w, const channel *c, const lane *l, const mpz_t amount, reply *r)
{
    mpz_t missing;
    mpz_init(missing);
    mpz_sub(missing, amount, l->granted);
    bool higher = l->nonce == 0 ? mpz_sgn(amount) >= 0 : mpz_sgn(missing) > 0;
    mpz_add(missing, missing, c->granted);
    mpz_sub(missing, missing, c->funds);
    bool covered = mpz_sgn(missing) <= 0;
    if (!higher) {
        reply_error(r, "the lane has a voucher for as much or more already");
    } else if (!covered) {
        reply_error(r, "not enough funds in the payment channel");
        if (w->can_fall_short) {
            r->outcome = DEALFSM_ANSWER_SHORTFALL;
            reply_amount(r, missing);
        }
    }
    mpz_clear(missing);
    return higher && covered;
}

bool chain_create_voucher(world *w, world_deal *d, const dealfsm_op *op, reply *r, asked *key)
{
    channel *c = d->channel;
    uint64_t number = op->args[2].number;
    if (!channel_matches(d, &op->args[0], r)) {
        return false;
    }
    if (number >= c->lane_count || op->args[1].data_len > AMOUNT_MAX) {
        reply_error(r, number >= c->lane_count ? "no such lane" : "the amount is beyond all money");
        return false;
    }
    lane *l = &c->lanes[number];
    mpz_t amount;
    mpz_init(amount);
    text_amount_import(amount, op->args[1].data, op->args[1].data_len);
    bool ok = voucher_allowed(w, c, l, amount, r);
    if (ok) {
        mpz_add(c->granted, c->granted, amount);
        mpz_sub(c->granted, c->granted, l->granted);
        mpz_set(l->granted, amount);
        key->number = ++l->nonce;
        d->vouchers++;
        chain_again(d, op, key, r);
    }
    mpz_clear(amount);
    return ok;
}

bool chain_available_funds(world *w, world_deal *d, const dealfsm_op *op, reply *r, asked *key)
{
    (void)w;
    (void)key;
    if (!channel_matches(d, &op->args[0], r)) {
        return false;
    }
    mpz_t zero;
    mpz_init(zero);
    reply_amount(r, d->channel->funds);
    reply_amount(r, d->channel->pending);
    reply_amount(r, zero);
    reply_amount(r, d->channel->granted);
    reply_number(r, DEALFSM_NONE, 0);
    mpz_clear(zero);
    return true;
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
        make_voucher(d->channel, op, key->number, r);
        break;
    }
}
