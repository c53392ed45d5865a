/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The books: what each provider holds and the chain has, against what the deals say of themselves. */

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world_private.h"

enum { FAULTS_MAX = 1000 }; /* and as many notes */

static void fault(world_books *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void fault(world_books *b, const char *format, ...)
{
    b->balance = false;
    if (b->fault_count < FAULTS_MAX) {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(b->faults[b->fault_count++], sizeof b->faults[0], format, args);
        va_end(args);
    }
}

static void note_overspent(world_books *b, uint64_t deal)
{
    if (b->note_count < FAULTS_MAX) {
        (void)snprintf(b->notes[b->note_count++], sizeof b->notes[0], "deal %" PRIu64 " spent more than its TotalFunds",
                       deal);
    }
}

/* Is the lane the one that the deal says it pays on? */
static bool claims_lane(const world_claim *claim, const channel *c, uint64_t number)
{
    return claim->known && claim->has_lane && claim->lane == number && claim->pay_ch_len == ADDRESS_LEN &&
           memcmp(claim->pay_ch, c->address, ADDRESS_LEN) == 0;
}

static void judge(const world_deal *d, const lane *l, const world_claim *claim, bool claimed, world_lane_row *row)
{
    int differs = mpz_cmp(l->held, *row->says);
    bool reason = claim->payment_refused || d->in_flight;
    row->verdict = differs == 0 ? BOOKS_EQUAL : BOOKS_WRONG;
    if (!claimed && differs != 0) {
        row->why = "the deal does not know of this lane";
    } else if (differs < 0) {
        row->why = "the deal says that it paid more than its provider holds";
    } else if (differs > 0 && (!reason || mpz_cmp(l->before, *row->says) > 0)) {
        row->why = "the provider holds more than the deal says that it paid";
    } else if (differs > 0) {
        row->verdict = BOOKS_ONE_AHEAD;
        row->why = claim->payment_refused ? "PaymentSent was refused" : "it is not known whether the voucher was sent";
    }
}

static void audit_lane(const world *w, const world_claim *claims, const channel *c, uint64_t number, world_books *b,
                       world_channel_row *in)
{
    const lane *l = &c->lanes[number];
    const world_claim *claim = claims != NULL ? &claims[l->deal - 1] : NULL;
    bool claimed = claim != NULL && claims_lane(claim, c, number);
    world_lane_row *row = &in->lanes[number];
    *row = (world_lane_row){.lane = number,
                            .deal = l->deal,
                            .vouchers = l->nonce,
                            .holds = &l->held,
                            .says = claimed         ? &claim->funds_spent
                                    : claim != NULL ? &w->nothing
                                                    : &l->held,
                            .why = ""};
    if (claim != NULL) {
        judge(&w->deals[l->deal - 1], l, claim, claimed, row);
    }
    mpz_add(in->holds, in->holds, l->held);
    mpz_add(in->says, in->says, *row->says);
    b->equal += row->verdict == BOOKS_EQUAL;
    b->one_ahead += row->verdict == BOOKS_ONE_AHEAD;
    if (row->verdict == BOOKS_WRONG) {
        b->wrong++;
        b->balance = false;
    }
}

static bool audit_channel(const world *w, const world_claim *claims, const channel *c, world_books *b)
{
    world_channel_row *row = &b->channels[b->channel_count];
    *row = (world_channel_row){.client = &w->scenario->clients[c->client],
                               .provider = &w->scenario->providers[c->provider],
                               .address = c->address,
                               .address_len = ADDRESS_LEN,
                               .funds = &c->funds,
                               .lane_count = c->lane_count,
                               .lanes = calloc(c->lane_count + 1, sizeof *row->lanes),
                               .why = ""};
    mpz_inits(row->holds, row->says, NULL);
    b->channel_count++;
    if (row->lanes == NULL) {
        return false;
    }
    for (size_t i = 0; i < c->lane_count; i++) {
        audit_lane(w, claims, c, i, b, row);
    }
    if (mpz_cmp(c->granted, c->funds) > 0 || mpz_cmp(row->holds, c->funds) > 0) {
        row->why = "the vouchers are for more than the channel has";
        fault(b, "%s to %s: %s", row->client->name, row->provider->name, row->why);
    }
    return true;
}

static void audit_spending(const world *w, const world_claim *claim, uint64_t deal, world_books *b)
{
    const world_deal *d = &w->deals[deal - 1];
    if (mpz_cmp(d->added, claim != NULL ? claim->total_funds : d->funds) > 0) {
        fault(b, "deal %" PRIu64 " has added more to its channel than its TotalFunds", deal);
    }
    if (claim != NULL && mpz_sgn(claim->funds_spent) < 0) {
        fault(b, "deal %" PRIu64 " says that it spent less than nothing", deal);
    }
    if (claim != NULL && mpz_cmp(claim->funds_spent, claim->total_funds) > 0) {
        note_overspent(b, deal);
    }
}

/* A deal has one lane at most, and has not added more than its TotalFunds. */
static bool audit_deals(const world *w, const world_claim *claims, world_books *b)
{
    uint8_t *lanes = calloc(w->options.deals, 1);
    if (lanes == NULL) {
        return false;
    }
    for (size_t i = 0; i < w->scenario->client_count * w->scenario->provider_count; i++) {
        for (size_t j = 0; j < w->channels[i].lane_count; j++) {
            uint64_t deal = w->channels[i].lanes[j].deal;
            if (++lanes[deal - 1] == 2) {
                fault(b, "deal %" PRIu64 " has more than one lane", deal);
            }
        }
    }
    free(lanes);
    for (uint64_t i = 0; i < w->options.deals; i++) {
        if (claims == NULL || claims[i].known) {
            audit_spending(w, claims != NULL ? &claims[i] : NULL, i + 1, b);
        }
    }
    return true;
}

/* Each *once* op had its effect once per key at most. */
static void audit_keys(const world *w, world_books *b)
{
    for (uint64_t i = 0; i < w->options.deals; i++) {
        for (size_t j = 0; j < w->deals[i].asked_count; j++) {
            const asked *a = &w->deals[i].asked[j];
            if (a->effects > 1) {
                fault(b,
                      "deal %" PRIu64 ": op %" PRIu32 " of sequence %" PRIu64 " had its effect %" PRIu32
                      " times for one key",
                      i + 1, a->op, a->sequence, a->effects);
            }
        }
    }
}

/* What is in a channel, or on its way there, its deals have added or its client has topped up. */
static bool audit_sources(const world *w, world_books *b)
{
    size_t count = w->scenario->client_count * w->scenario->provider_count;
    mpz_t *sums = calloc(count, sizeof *sums);
    if (sums == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        mpz_init_set(sums[i], w->channels[i].funds);
        mpz_add(sums[i], sums[i], w->channels[i].pending);
    }
    for (uint64_t i = 0; i < w->options.deals; i++) {
        mpz_ptr left = sums[w->deals[i].channel - w->channels];
        mpz_sub(left, left, w->deals[i].added);
        mpz_sub(left, left, w->deals[i].topped_up);
    }
    for (size_t i = 0; i < count; i++) {
        if (mpz_sgn(sums[i]) != 0) {
            fault(b, "%s to %s: what is in the channel is not what deals added and the client topped up",
                  w->scenario->clients[w->channels[i].client].name,
                  w->scenario->providers[w->channels[i].provider].name);
        }
        mpz_clear(sums[i]);
    }
    free(sums);
    return true;
}

/* What left a wallet is in channels or on its way there. */
static void audit_wallets(const world *w, world_books *b)
{
    const scenario *s = w->scenario;
    mpz_t sum;
    mpz_init(sum);
    for (size_t i = 0; i < s->client_count; i++) {
        mpz_set(sum, w->wallets[i]);
        for (size_t j = 0; j < s->provider_count; j++) {
            const channel *c = &w->channels[i * s->provider_count + j];
            mpz_add(sum, sum, c->funds);
            mpz_add(sum, sum, c->pending);
        }
        if (mpz_cmp(sum, s->clients[i].balance) != 0) {
            fault(b, "%s: wallet and channels together are not what the wallet had at first", s->clients[i].name);
        }
    }
    mpz_clear(sum);
}

world_books *world_audit(const world *w, const world_claim *claims)
{
    size_t count = w->scenario->client_count * w->scenario->provider_count;
    world_books *b = calloc(1, sizeof *b);
    if (b == NULL) {
        return NULL;
    }
    b->balance = true;
    b->channels = calloc(count, sizeof *b->channels);
    b->faults = calloc(FAULTS_MAX, sizeof *b->faults);
    b->notes = calloc(FAULTS_MAX, sizeof *b->notes);
    bool ok = b->channels != NULL && b->faults != NULL && b->notes != NULL;
    for (size_t i = 0; ok && i < count; i++) {
        const channel *c = &w->channels[i];
        ok = (!c->exists && c->lane_count == 0) || audit_channel(w, claims, c, b);
    }
    if (!ok || !audit_deals(w, claims, b) || !audit_sources(w, b)) {
        world_books_free(b);
        return NULL;
    }
    audit_wallets(w, b);
    audit_keys(w, b);
    return b;
}

void world_books_free(world_books *books)
{
    if (books == NULL) {
        return;
    }
    for (size_t i = 0; i < books->channel_count; i++) {
        mpz_clears(books->channels[i].holds, books->channels[i].says, NULL);
        free(books->channels[i].lanes);
    }
    free(books->channels);
    free(books->faults);
    free(books->notes);
    free(books);
}
