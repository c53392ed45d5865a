/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A deal's terms, drawn from the scenario by the deal's own dice. */

#include <stdlib.h>
#include <string.h>

#include "world_private.h"

enum { DICE_TERMS = 1 }; /* purpose; those of ops have the high bit set */

/* An index by shares: `share` gives that of an index. */
static size_t pick(dice *d, size_t count, uint64_t (*share)(const void *of, size_t at), const void *of)
{
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++) {
        total += share(of, i);
    }
    uint64_t roll = dice_between(d, 0, total - 1);
    size_t at = 0;
    while (roll >= share(of, at)) {
        roll -= share(of, at++);
    }
    return at;
}

static uint64_t client_share(const void *of, size_t at)
{
    return ((const scenario *)of)->clients[at].share;
}

static uint64_t provider_share(const void *of, size_t at)
{
    return ((const scenario *)of)->providers[at].share;
}

static uint64_t retrieval_share(const void *of, size_t at)
{
    return ((const scenario *)of)->retrievals[at].share;
}

static uint64_t habit_share(const void *of, size_t at)
{
    return ((const scenario_provider *)of)->habits[at];
}

static uint64_t draw(dice *d, scenario_range range)
{
    return dice_between(d, range.min, range.max);
}

/* CID of a payload that nobody has: version 1, dag-pb, sha2-256. */
static void make_up_payload(dice *d, uint8_t payload[PAYLOAD_LEN])
{
    static const uint8_t head[] = {0x01, 0x70, 0x12, 0x20};
    memcpy(payload, head, sizeof head);
    for (size_t i = sizeof head; i < PAYLOAD_LEN; i++) {
        payload[i] = (uint8_t)dice_roll(d);
    }
}

static void draw_money(world_deal *d, dice *terms, const scenario_retrieval *r)
{
    mpz_t size;
    mpz_init(size);
    dice_between_mpz(terms, d->price, r->price.min, r->price.max);
    dice_between_mpz(terms, d->unseal, r->unseal_price.min, r->unseal_price.max);
    d->sealed = dice_chance(terms, r->sealed) && mpz_sgn(d->unseal) > 0;
    if (!d->sealed) {
        mpz_set_ui(d->unseal, 0);
    }
    mpz_import(size, 1, -1, sizeof d->size, 0, 0, &d->size);
    mpz_mul(d->funds, d->price, size);
    mpz_add(d->funds, d->funds, d->unseal);
    mpz_mul_ui(d->funds, d->funds, r->funds);
    mpz_cdiv_q_ui(d->funds, d->funds, 100);
    mpz_clear(size);
}

bool deal_make(world *w, world_deal *d, uint64_t id)
{
    const scenario *s = w->scenario;
    dice terms = dice_of(w->options.seed, id, DICE_TERMS);
    d->id = id;
    mpz_inits(d->price, d->unseal, d->funds, d->added, d->topped_up, d->serving.owed, d->serving.due, NULL);
    d->client = pick(&terms, s->client_count, client_share, s);
    d->provider = pick(&terms, s->provider_count, provider_share, s);
    d->retrieval = pick(&terms, s->retrieval_count, retrieval_share, s);
    d->channel = &w->channels[d->client * s->provider_count + d->provider];
    const scenario_retrieval *r = &s->retrievals[d->retrieval];
    d->size = draw(&terms, r->size);
    d->interval = draw(&terms, r->interval);
    d->increase = draw(&terms, r->interval_increase);
    make_up_payload(&terms, d->payload);
    draw_money(d, &terms, r);
    d->serving.habit = (scenario_habit)pick(&terms, HABITS, habit_share, &s->providers[d->provider]);
    d->serving.latency = draw(&terms, s->providers[d->provider].latency);
    d->serving.strikes = dice_between(&terms, 0, d->size - 1);
    d->serving.interval = d->interval;
    d->tops_up = funds_tops_up(w, d);
    uint64_t start = dice_between(&terms, 0, s->starts_within);
    d->channel->begins = start < d->channel->begins ? start : d->channel->begins;
    return time_schedule(w, d, start, THING_START) != NULL;
}

void deal_free(world_deal *d)
{
    mpz_clears(d->price, d->unseal, d->funds, d->added, d->topped_up, d->serving.owed, d->serving.due, NULL);
    for (size_t i = 0; i < d->thing_count; i++) {
        free(d->things[i].reply);
    }
    for (size_t i = 0; i < d->asked_count; i++) {
        free(d->asked[i].text);
        free(d->asked[i].kept);
    }
    for (size_t i = 0; i < d->message_count; i++) {
        mpz_clear(d->messages[i].amount);
    }
    free(d->things);
    free(d->asked);
    free(d->messages);
}

void world_terms_of(const world *w, uint64_t deal, world_terms *terms)
{
    const world_deal *d = &w->deals[deal - 1];
    const scenario_client *client = &w->scenario->clients[d->client];
    const scenario_provider *provider = &w->scenario->providers[d->provider];
    const scenario_retrieval *r = &w->scenario->retrievals[d->retrieval];
    size_t price_len;
    size_t unseal_len;
    size_t funds_len;
    (void)text_amount_export(d->price, terms->price, sizeof terms->price, &price_len);
    (void)text_amount_export(d->unseal, terms->unseal, sizeof terms->unseal, &unseal_len);
    (void)text_amount_export(d->funds, terms->funds, sizeof terms->funds, &funds_len);
    terms->record = (dealfsm_record){
        .struct_size = sizeof terms->record,
        .id = d->id,
        .payload_cid = r->payload.len > 0 ? r->payload.data : d->payload,
        .payload_cid_len = r->payload.len > 0 ? r->payload.len : PAYLOAD_LEN,
        .selector = r->selector.data,
        .selector_len = r->selector.len,
        .piece_cid = r->piece.data,
        .piece_cid_len = r->piece.len,
        .price_per_byte = terms->price,
        .price_per_byte_len = price_len,
        .payment_interval = d->interval,
        .payment_interval_increase = d->increase,
        .unseal_price = terms->unseal,
        .unseal_price_len = unseal_len,
        .total_funds = terms->funds,
        .total_funds_len = funds_len,
        .client_wallet = client->wallet.data,
        .client_wallet_len = client->wallet.len,
        .miner_wallet = provider->wallet.data,
        .miner_wallet_len = provider->wallet.len,
        .sender = provider->peer.data,
        .sender_len = provider->peer.len,
    };
}
