/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The chain: lanes of payment channels, and the vouchers on them. */

#include <blake2.h>
#include <stdlib.h>
#include <string.h>

#include "world_private.h"

enum { SIGNATURE_LEN = 16 };

static uint64_t bytes_number(const uint8_t bytes[8])
{
    uint64_t number = 0;
    for (int i = 0; i < 8; i++) {
        number = number << 8 | bytes[i];
    }
    return number;
}

static bool channel_matches(const world_deal *d, const dealfsm_value *address, reply *r)
{
    if (d->channel->exists && value_is(address, d->channel->address, ADDRESS_LEN)) {
        return true;
    }
    reply_error(r, "no such payment channel");
    return false;
}

lane *chain_new_lane(channel *c, uint64_t deal)
{
    if (c->lane_count == c->lane_room) {
        size_t room = c->lane_room == 0 ? 8 : 2 * c->lane_room;
        lane *more = realloc(c->lanes, room * sizeof *more);
        if (more == NULL) {
            return NULL;
        }
        c->lanes = more;
        c->lane_room = room;
    }
    lane *l = &c->lanes[c->lane_count++];
    *l = (lane){.deal = deal, .changed = true};
    mpz_inits(l->granted, l->held, l->before, NULL);
    return l;
}

bool chain_allocate_lane(world *w, world_deal *d, const dealfsm_op *op, reply *r, asked *key)
{
    channel *c = d->channel;
    if (!channel_matches(d, &op->args[0], r)) {
        return false;
    }
    if (chain_new_lane(c, d->id) == NULL) {
        world_break(w, "out of memory");
        return false;
    }
    key->number = c->lane_count - 1;
    chain_again(d, op, key, r);
    return true;
}

static void sign(const channel *c, const uint8_t *data, size_t len, uint8_t signature[SIGNATURE_LEN])
{
    (void)blake2b(signature, data, c->secret, SIGNATURE_LEN, len, SECRET_LEN);
}

/* A voucher: channel, lane, nonce, amount in its stored form after its length, signature. */
void voucher_make(const channel *c, const dealfsm_op *op, uint64_t nonce, reply *r)
{
    uint8_t *at = r->voucher;
    memcpy(at, c->address, ADDRESS_LEN);
    chain_number(op->args[2].number, at + ADDRESS_LEN);
    chain_number(nonce, at + ADDRESS_LEN + 8);
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

/* Would the voucher be good? As in the network, one of an equal or lower amount is refused; so is one that is not
 * covered. */
static bool voucher_allowed(const channel *c, const lane *l, const mpz_t amount, reply *r)
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
        r->outcome = DEALFSM_ANSWER_SHORTFALL;
        reply_amount(r, missing);
    }
    mpz_clear(missing);
    return higher && covered;
}

bool chain_create_voucher(world *w, world_deal *d, const dealfsm_op *op, reply *r, asked *key)
{
    (void)w;
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
    bool ok = voucher_allowed(c, l, amount, r);
    if (ok) {
        mpz_add(c->granted, c->granted, amount);
        mpz_sub(c->granted, c->granted, l->granted);
        mpz_set(l->granted, amount);
        l->changed = true;
        key->number = ++l->nonce;
        d->vouchers++;
        chain_again(d, op, key, r);
    }
    mpz_clear(amount);
    return ok;
}

bool chain_available_funds(world *w, world_deal *d, const dealfsm_op *op, reply *r, asked *key)
{
    (void)key;
    if (!channel_matches(d, &op->args[0], r)) {
        return false;
    }
    const message *last = chain_last_pending(w, d->channel);
    mpz_t zero;
    mpz_init(zero);
    reply_amount(r, d->channel->funds);
    reply_amount(r, d->channel->pending);
    reply_amount(r, zero);
    reply_amount(r, d->channel->granted);
    if (last != NULL) {
        reply_bytes(r, DEALFSM_CID, last->cid, CID_LEN);
    } else {
        reply_number(r, DEALFSM_NONE, 0);
    }
    mpz_clear(zero);
    d->seen = d->channel->arrivals;
    d->settled = false;
    return true;
}
