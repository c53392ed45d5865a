/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Providers. A turn says one thing, an event from outside for the client, and settles when the next turn is; after
 * asking for money there is none until the voucher comes.
 *
 * An honest provider sends up to one payment interval ahead, asks for what that costs, and waits until the voucher
 * has come before it sends on: the client of 0.5.6 drops what reaches it while it makes a voucher. What the last
 * blocks cost is always asked as the last payment, so that it is above zero. A deal that costs nothing is complete with
 * its last block. */

#include <dealfsm/vocabulary.h>
#include <stdio.h>
#include <string.h>

#include "world_private.h"

static void say_text(outside *say, uint32_t event, uint32_t kind, const char *text)
{
    say->event = event;
    say->kind = kind;
    (void)snprintf(say->text, sizeof say->text, "%s", text);
}

static void say_number(outside *say, uint32_t event, uint32_t kind, uint64_t number)
{
    say->event = event;
    say->kind = kind;
    say->number = number;
}

static void say_amount(outside *say, uint32_t event, const mpz_t amount)
{
    say->event = event;
    say->kind = DEALFSM_AMOUNT;
    (void)text_amount_export(amount, say->amount, sizeof say->amount, &say->amount_len);
}

static void next_turn(world *w, world_deal *d, uint64_t delay)
{
    const thing *turn = time_schedule(w, d, d->now + delay, THING_TURN);
    d->serving.turn = turn != NULL ? turn->order : 0;
}

/* ---- The answer to the proposal */

static void answer_proposal(world *w, world_deal *d, outside *say)
{
    serving *s = &d->serving;
    s->stage = STAGE_END;
    if (s->habit == HABIT_REJECTS) {
        say_text(say, DEALFSM_ClientEventDealRejected, DEALFSM_TEXT, "not served for this price");
    } else if (s->habit == HABIT_PAYLOAD_UNKNOWN) {
        say_text(say, DEALFSM_ClientEventDealNotFound, DEALFSM_TEXT, "no piece here has this payload");
    } else if (d->sealed) {
        s->stage = STAGE_WAIT;
        mpz_set(s->owed, d->unseal);
        mpz_set(s->due, d->unseal);
        say_amount(say, DEALFSM_ClientEventUnsealPaymentRequested, d->unseal);
    } else {
        s->stage = STAGE_SEND;
        say->event = DEALFSM_ClientEventDealAccepted;
        next_turn(w, d, s->latency);
    }
}

/* ---- Asking for money */

/* Asks for what the bytes up to `upto` cost. */
static void ask(world *w, world_deal *d, uint64_t upto, outside *say)
{
    serving *s = &d->serving;
    uint64_t bytes = upto > s->asked ? upto - s->asked : 0;
    s->last = upto == d->size;
    if (s->habit == HABIT_ASKS_TOO_LITTLE && !s->last && bytes > 1) {
        bytes /= 2;
    }
    s->asked += bytes;
    mpz_t count;
    mpz_init(count);
    mpz_import(count, 1, -1, sizeof bytes, 0, 0, &bytes);
    mpz_mul(s->owed, d->price, count);
    mpz_clear(count);
    bool strikes = !s->struck && s->sent >= s->strikes;
    if (s->habit == HABIT_ASKS_TOO_MUCH && strikes) {
        s->struck = true;
        mpz_mul_ui(s->owed, s->owed, 2);
        mpz_add_ui(s->owed, s->owed, 1);
    }
    mpz_add(s->due, s->due, s->owed);
    say_amount(say, s->last ? DEALFSM_ClientEventLastPaymentRequested : DEALFSM_ClientEventPaymentRequested, s->owed);
    if (s->habit == HABIT_ASKS_TWICE && strikes) {
        s->struck = true;
        s->after = STAGE_WAIT;
        s->stage = STAGE_REPEAT;
        next_turn(w, d, s->latency);
    }
}

/* ---- Sending */

/* Up to where the provider sends before it is paid: a free deal is sent whole. */
static uint64_t send_limit(const world_deal *d)
{
    const serving *s = &d->serving;
    uint64_t left = d->size - s->asked;
    return mpz_sgn(d->price) == 0 || left <= s->interval ? d->size : s->asked + s->interval;
}

static uint64_t chunk_size(const world *w, const world_deal *d)
{
    uint64_t chunk = w->scenario->retrievals[d->retrieval].chunk;
    return chunk > 0 ? chunk : (d->serving.interval + 1) / 2;
}

/* Microseconds, up to a second more where the numbers are huge, and a year at most. */
static uint64_t sending_time(uint64_t bytes, uint64_t speed)
{
    const uint64_t year = 31536000;
    uint64_t seconds = bytes / speed;
    uint64_t rest = bytes % speed;
    return seconds >= year ? year * 1000000
                           : seconds * 1000000 + (rest < UINT64_MAX / 1000000 ? rest * 1000000 / speed : 1000000);
}

static void report_blocks(world *w, world_deal *d, uint64_t upto, outside *say)
{
    serving *s = &d->serving;
    uint64_t bytes = upto - s->sent;
    uint64_t speed = w->scenario->providers[d->provider].speed;
    say_number(say, DEALFSM_ClientEventBlocksReceived, DEALFSM_U64, upto);
    if (s->habit == HABIT_SENDS_TWICE && !s->again) {
        s->again = true;
        next_turn(w, d, s->latency);
        return;
    }
    s->again = false;
    s->sent = upto;
    next_turn(w, d, sending_time(bytes, speed));
}

/* An interval is sent: asks for it, or after the last one says that all blocks are there. */
static void end_interval(world *w, world_deal *d, uint64_t limit, outside *say)
{
    serving *s = &d->serving;
    if (s->sent == d->size) {
        say->event = DEALFSM_ClientEventAllBlocksReceived;
        bool owes = s->last ? s->paid != s->asked : mpz_sgn(d->price) > 0;
        s->stage = !owes ? STAGE_COMPLETE : s->last ? STAGE_WAIT : STAGE_LAST;
    } else {
        s->stage = s->habit == HABIT_DOES_NOT_WAIT ? STAGE_SEND : STAGE_WAIT;
        ask(w, d, limit, say);
    }
    if (s->stage != STAGE_WAIT && s->stage != STAGE_REPEAT) {
        next_turn(w, d, s->latency);
    }
}

static void send_on(world *w, world_deal *d, outside *say)
{
    serving *s = &d->serving;
    uint64_t chunk = chunk_size(w, d);
    uint64_t limit = s->asked_ahead ? s->asked : send_limit(d);
    uint64_t next = limit - s->sent <= chunk ? limit : s->sent + chunk;
    if (s->sent >= limit) {
        end_interval(w, d, limit, say);
    } else if (s->habit == HABIT_ASKS_BEFORE_SENDING && next == limit && !s->asked_ahead) {
        s->asked_ahead = true;
        ask(w, d, limit, say);
        next_turn(w, d, s->latency);
    } else {
        report_blocks(w, d, next, say);
        if (s->asked_ahead && s->sent == limit && limit < d->size) {
            s->stage = STAGE_WAIT;
        }
    }
}

/* A habit that shows at some point of the sending, once. */
static bool strike(world *w, world_deal *d, outside *say)
{
    static const char failure[] = "deal data transfer failed: stream reset";
    serving *s = &d->serving;
    if (s->struck || s->sent < s->strikes) {
        return false;
    }
    stage before = s->stage;
    s->struck = true;
    s->stage = STAGE_END;
    switch (s->habit) {
    case HABIT_GOES_SILENT:
        return true;
    case HABIT_CANCELS:
        say->event = DEALFSM_ClientEventProviderCancelled;
        return true;
    case HABIT_TRANSFER_FAILS:
        say_text(say, DEALFSM_ClientEventDataTransferError, DEALFSM_ERROR, failure);
        return true;
    case HABIT_TALKS_NONSENSE:
        say_number(say, DEALFSM_ClientEventUnknownResponseReceived, DEALFSM_STATUS, DEALFSM_DealStatusNew);
        return true;
    case HABIT_COMPLETES_EARLY:
        say->event = DEALFSM_ClientEventComplete;
        return true;
    case HABIT_TRANSFER_RESTARTS:
        s->stage = before;
        s->sent /= 2;
        say_number(say, DEALFSM_ClientEventBlocksReceived, DEALFSM_U64, s->sent);
        next_turn(w, d, s->latency);
        return true;
    default:
        s->stage = before;
        s->struck = false;
        return false;
    }
}

/* ---- Turns */

bool provider_turn(world *w, world_deal *d, uint64_t order, outside *say)
{
    serving *s = &d->serving;
    say->event = UINT32_MAX;
    if (s->closed || order != s->turn) {
        return false;
    }
    switch (s->stage) {
    case STAGE_ANSWER:
        answer_proposal(w, d, say);
        break;
    case STAGE_SEND:
        if (!strike(w, d, say)) {
            send_on(w, d, say);
        }
        break;
    case STAGE_LAST:
        s->stage = STAGE_WAIT;
        ask(w, d, d->size, say);
        break;
    case STAGE_REPEAT:
        s->stage = s->after;
        if (s->stage != STAGE_WAIT) {
            next_turn(w, d, s->latency);
        }
        say_amount(say, s->last ? DEALFSM_ClientEventLastPaymentRequested : DEALFSM_ClientEventPaymentRequested,
                   s->owed);
        break;
    case STAGE_COMPLETE:
        s->stage = STAGE_END;
        say->event = DEALFSM_ClientEventComplete;
        break;
    case STAGE_WAIT:
    case STAGE_END:
        break;
    }
    return say->event != UINT32_MAX;
}

void provider_takes(world *w, world_deal *d, lane *l, const mpz_t amount, uint64_t nonce, uint64_t at)
{
    serving *s = &d->serving;
    if (nonce <= l->taken_nonce) {
        return; /* the same voucher again, or an old one */
    }
    l->taken_nonce = nonce;
    l->changed = true;
    mpz_set(l->before, l->held);
    mpz_set(l->held, amount);
    if (mpz_cmp(l->held, s->due) < 0 || s->closed) {
        return;
    }
    uint64_t bytes = s->asked - s->paid;
    s->paid = s->asked;
    s->asked_ahead = false;
    if (bytes > 0 && bytes >= s->interval) {
        s->interval = s->interval > UINT64_MAX - d->increase ? UINT64_MAX : s->interval + d->increase;
    }
    stage next = s->last ? STAGE_COMPLETE : STAGE_SEND;
    if (s->stage == STAGE_WAIT) {
        s->stage = next;
        next_turn(w, d, at - d->now + 2 * s->latency);
    } else if (s->stage == STAGE_REPEAT) {
        s->after = next;
    }
}

const char *provider_waits(const world_deal *d)
{
    const serving *s = &d->serving;
    if (s->closed) {
        return "nothing: the client closed the transfer";
    }
    switch (s->stage) {
    case STAGE_ANSWER:
        return d->transfer == 0 ? "a proposal" : "nothing: it answers the proposal";
    case STAGE_WAIT:
        return s->last ? "the voucher for the last payment" : "a voucher";
    case STAGE_END:
        return s->habit == HABIT_GOES_SILENT && s->struck ? "nothing: it went silent" : "nothing: it has said its last";
    default:
        return "nothing: it is sending";
    }
}

void provider_hears(world *w, world_deal *d, uint64_t answered)
{
    d->serving.stage = STAGE_ANSWER; /* also when it is proposed once more, as 1.0.9 and later do when rejected */
    bool early = d->serving.habit == HABIT_ACCEPTS_EARLY;
    next_turn(w, d, early ? 0 : answered - d->now + 2 * d->serving.latency);
}
