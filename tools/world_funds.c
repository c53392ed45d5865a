/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Money for deals that wait for it.
 *
 * From 1.0.9 on a deal whose payment channel has too little stays where it is until the node tells it that money has
 * come. So the world keeps a list of such deals for each channel, as the node says of a deal after each of its steps, and
 * when a message with money lands, whoever sent it, their next step says so. Landings are counted: a deal that has
 * last looked at the funds before the last landing is told as soon as it waits, also when the money came while it was
 * falling short, or while no node was there. So what a deal is to be told needs no keeping.
 *
 * A client may top up the channel for such a deal, some time after it fell short, with what the deal has still to
 * pay. That is the client's own message: the deal has not added it. */

#include "world_private.h"

enum { DICE_TOPS_UP = 2, DICE_DELAY = 3, DICE_MESSAGE = 4, PURPOSE_BITS = 8 }; /* purposes; world_deal.c has 1 */

bool funds_tops_up(const world *w, const world_deal *d)
{
    dice whether = dice_of(w->options.seed, d->id, DICE_TOPS_UP);
    return dice_chance(&whether, w->scenario->clients[d->client].tops_up);
}

/* Dice for the deal's next message. */
static dice dice_of_next(const world *w, const world_deal *d, uint64_t purpose)
{
    return dice_of(w->options.seed, d->id, (uint64_t)d->message_count << PURPOSE_BITS | purpose);
}

/* ---- Telling deals */

static bool has_thing(const world_deal *d, thing_kind what)
{
    for (size_t i = 0; i < d->thing_count; i++) {
        if (d->things[i].what == what) {
            return true;
        }
    }
    return false;
}

static void tell(world *w, world_deal *d)
{
    if (!has_thing(d, THING_MONEY)) {
        (void)time_schedule(w, d, d->channel->arrived, THING_MONEY);
    }
}

static void tell_waiting(world *w, channel *c)
{
    world_deal *next;
    for (world_deal *d = c->waiting; d != NULL; d = next) {
        next = d->next_waiting;
        d->waiting = false;
        if (d->short_of_funds) { /* others have gone on since they were listed */
            tell(w, d);
        }
    }
    c->waiting = NULL;
}

/* ---- Topping up */

static bool top_up_is_coming(const world_deal *d)
{
    for (size_t i = 0; i < d->thing_count; i++) {
        const thing *t = &d->things[i];
        if (t->what == THING_TOP_UP || (t->what == THING_LANDS && d->messages[t->message].top_up)) {
            return true;
        }
    }
    return false;
}

static void plan_top_up(world *w, world_deal *d)
{
    bool due = d->tops_up && !d->settled && !top_up_is_coming(d);
    d->settled = true;
    if (due) {
        const scenario_range *after = &w->scenario->clients[d->client].tops_up_after;
        dice delay = dice_of_next(w, d, DICE_DELAY);
        (void)time_schedule(w, d, d->now + dice_between(&delay, after->min, after->max), THING_TOP_UP);
    }
}

/* The whole price less what vouchers were granted for. */
static void still_to_pay(const world_deal *d, mpz_t out)
{
    mpz_import(out, 1, -1, sizeof d->size, 0, 0, &d->size);
    mpz_mul(out, out, d->price);
    mpz_add(out, out, d->unseal);
    for (size_t i = 0; i < d->channel->lane_count; i++) {
        if (d->channel->lanes[i].deal == d->id) {
            mpz_sub(out, out, d->channel->lanes[i].granted);
        }
    }
}

void funds_top_up(world *w, world_deal *d)
{
    if (!d->short_of_funds) {
        return; /* it got money, or has ended */
    }
    mpz_t amount;
    mpz_init(amount);
    still_to_pay(d, amount);
    if (mpz_sgn(amount) <= 0 || mpz_cmp(amount, w->wallets[d->client]) > 0) {
        trace(w, d, "the client cannot top up the payment channel");
    } else {
        trace(w, d, "the client tops up the payment channel");
        d->node = dice_of_next(w, d, DICE_MESSAGE);
        message *m = chain_send(w, d, amount);
        if (m != NULL) {
            m->top_up = true;
            mpz_add(d->topped_up, d->topped_up, amount);
        }
    }
    mpz_clear(amount);
}

/* ---- What happens. A message that is lost changes nothing for those who wait: neither they nor the client hear of it. */

void funds_step(world_deal *d, const world_step *step)
{
    d->short_of_funds = false;
    d->told = step->kind == STEP_MONEY ? d->channel->arrivals : 0;
}

void funds_step_done(world *w, world_deal *d, bool short_of_funds)
{
    d->seen = d->told > d->seen ? d->told : d->seen;
    d->short_of_funds = short_of_funds;
    if (!short_of_funds) {
        return;
    }
    if (!d->waiting) {
        d->waiting = true;
        d->next_waiting = d->channel->waiting;
        d->channel->waiting = d;
    }
    if (d->seen < d->channel->arrivals) {
        tell(w, d);
    }
    plan_top_up(w, d);
}

void funds_arrive(world *w, world_deal *d)
{
    d->channel->arrivals++;
    d->channel->arrived = d->now;
    tell_waiting(w, d->channel);
}

void funds_forget(world_deal *d)
{
    d->short_of_funds = false;
    d->waiting = false;
    d->told = 0;
    d->channel->waiting = NULL;
}
