/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a deal waits for, and why it does not go on. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <dealfsm/vocabulary.h>

#include "dump_store.h"
#include "text.h"

enum { HOLE_MS = 60 * 1000 };

/* ---- As it stands */
bool deal_is_final(const deal_row *it)
{
    return (it->row->flags & DEALFSM_ROW_FINAL) != 0 || (it->flags & DEALFSM_DEAL_FINAL) != 0;
}

bool deal_is_owed(const deal_row *it)
{
    return (it->flags & DEALFSM_DEAL_HANDLER_OWED) != 0;
}

const dealfsm_handler_info *deal_handler(const deal_row *it)
{
    const description *machine = it->module == NULL ? NULL : &it->module->machine;
    const dealfsm_state_info *state = machine == NULL ? NULL : description_state(machine, it->row->status);
    return state == NULL || *state->handler == '\0' ? NULL : description_handler(machine, state->handler);
}

const char *deal_state(store_view *view, const deal_row *it)
{
    return brief_name(past_state(view, it->row->status, it->row->status_name));
}

/* A handler that asks nothing is through at once; a row says that it is owed until the next put, no more. */
static bool waits_for_handler(const deal_row *it)
{
    const dealfsm_handler_info *handler = deal_handler(it);
    return deal_is_owed(it) && (handler == NULL || handler->ops_count > 0);
}

const char *deal_waits(const deal_row *it)
{
    if (it->row->flags & DEALFSM_ROW_DAMAGED) {
        return "repair";
    }
    if (deal_is_final(it)) {
        return "nothing";
    }
    if (!it->whole) {
        return it->module == NULL ? "module" : "repair";
    }
    if (it->row->flags & DEALFSM_ROW_BARE) {
        return "unknown";
    }
    return waits_for_handler(it) ? "handler" : it->queued > 0 ? "queue" : "event";
}

/* ---- Its past */
typedef struct past_walk {
    const deal_row *deal;
    deal_past *past;
} past_walk;

static int32_t take_event(void *ctx, const dealfsm_store_event *event)
{
    const past_walk *walk = ctx;
    deal_past *past = walk->past;
    const dealfsm_event_info *info =
        walk->deal->module == NULL ? NULL : description_event(&walk->deal->module->machine, event->event);
    past->events++;
    if (event->kind == DEALFSM_HAPPENED_APPLIED) {
        past->applied++;
        past->last_applied = event->when;
        return 0;
    }
    if (event->kind == DEALFSM_HAPPENED_MOVED) {
        return 0;
    }
    past->refused++;
    if (event->kind == DEALFSM_HAPPENED_REFUSED && info != NULL && info->from_outside == DEALFSM_OUTSIDE_ANY_TIME) {
        past->outside_refused = event->when;
        past->outside_event = event->event;
        past->outside_state = event->from;
    }
    return 0;
}

void store_past(store_view *view, const deal_row *it, deal_past *out)
{
    dealfsm_error error = {.struct_size = sizeof error};
    past_walk walk = {.deal = it, .past = out};
    *out = (deal_past){0};
    store_walked(view, dealfsm_store_history(view->store, &it->row->deal, take_event, &walk, &error), &error);
}

int64_t deal_since(const deal_row *it, const deal_past *past)
{
    return past->last_applied != 0 ? past->last_applied : it->row->updated;
}

/* ---- Why it does not go on */
static void add_since(store_view *view, const deal_row *it, const deal_past *past, words *text)
{
    const int64_t since = deal_since(it, past);
    words_add(text, "Waits in %s", deal_state(view, it));
    if (since != 0) {
        words_add(text, " since %s (%s)", time_text(view->arena, since), time_age(view, since));
    }
}

static void add_queue(const deal_row *it, words *text)
{
    if (it->queued > 0) {
        words_add(text, "; %" PRIu32 " event%s queued behind it", it->queued, it->queued == 1 ? " is" : "s are");
    }
}

static void add_handler(store_view *view, const deal_row *it, words *text)
{
    const dealfsm_handler_info *handler = deal_handler(it);
    words ops = {.arena = view->arena};
    if (handler == NULL) {
        words_item(text, "", " for the handler of its state");
        return;
    }
    for (uint32_t i = 0; i < handler->ops_count; i++) {
        words_item(&ops, i + 1 == handler->ops_count ? " or " : ", ",
                   words_op(view->arena, &it->module->machine, handler->ops[i]));
    }
    words_add(text, " for the handler %s", handler->name);
    if (handler->ops_count > 0) {
        words_add(text, ", which may wait for the answer to %s", words_text(&ops));
    }
}

/* The outside events that do something in its state. */
static void add_events(store_view *view, const deal_row *it, words *text)
{
    const description *machine = &it->module->machine;
    words events = {.arena = view->arena};
    for (uint32_t i = 0; i < machine->events_count; i++) {
        const dealfsm_event_info *event = &machine->events[i];
        const dealfsm_clause_info *clause = description_clause(machine, event->event, it->row->status);
        const bool moves = clause != NULL && clause->to != DEALFSM_TO_JUST_RECORD && clause->from != DEALFSM_FROM_ANY;
        if (moves && event->from_outside == DEALFSM_OUTSIDE_ANY_TIME) {
            words_item(&events, ", ", words_short_event(view->arena, machine, event->event));
        }
    }
    words_add(text, " for an event from outside: %s",
              *words_text(&events) == '\0' ? "only one that ends it can move it" : words_text(&events));
}

static bool waits_for_money(const deal_row *it)
{
    return description_clause(&it->module->machine, DEALFSM_ClientEventRecheckFunds, it->row->status) != NULL;
}

static void add_money(store_view *view, const deal_row *it, words *text)
{
    char *address =
        it->record.has_payment_info != 0 ? text_write_address(it->record.pay_ch, it->record.pay_ch_len) : NULL;
    words_add(text, " for money in %s%s, and for the node to hand in %s when it has come",
              address != NULL ? "payment channel " : "its payment channel", address != NULL ? address : "",
              words_short_event(view->arena, &it->module->machine, DEALFSM_ClientEventRecheckFunds));
    free(address);
}

static void add_refusal(store_view *view, const deal_row *it, const deal_past *past, words *text)
{
    const description *machine = &it->module->machine;
    if (past->outside_refused != 0) {
        words_add(text, "; %s was refused in %s at %s: unless it is sent again, the deal stays here",
                  words_short_event(view->arena, machine, past->outside_event),
                  words_state(view->arena, machine, past->outside_state),
                  time_text(view->arena, past->outside_refused));
    }
}

const char *deal_why(store_view *view, const deal_row *it, const deal_past *past)
{
    const char *waits = deal_waits(it);
    words text = {.arena = view->arena};
    if (strcmp(waits, "repair") == 0) {
        words_add(&text, "It is set aside: %s", it->trouble);
    } else if (strcmp(waits, "nothing") == 0) {
        words_add(&text, "It has ended: %s", deal_state(view, it));
    } else if (strcmp(waits, "module") == 0) {
        words_add(&text, "It waits for a module: %s", it->trouble);
    } else if (strcmp(waits, "unknown") == 0) {
        add_since(view, it, past, &text);
        words_item(&text, "",
                   it->row->flags & DEALFSM_ROW_LEFT_BEHIND
                       ? "; another node has changed it since, what it waits for is not stored"
                       : "; the record is bare, what it waits for is not stored");
    } else if (strcmp(waits, "queue") == 0) {
        add_since(view, it, past, &text);
        words_add(&text, " for the node: %" PRIu32 " event%s still to be applied", it->queued,
                  it->queued == 1 ? " is" : "s are");
    } else {
        add_since(view, it, past, &text);
        if (waits_for_handler(it)) {
            add_handler(view, it, &text);
        } else if (waits_for_money(it)) {
            add_money(view, it, &text);
        } else {
            add_events(view, it, &text);
            add_refusal(view, it, past, &text);
        }
        add_queue(it, &text);
    }
    return words_text(&text);
}

bool deal_is_stuck(const store_view *view, const deal_row *it, const deal_past *past, int64_t patience)
{
    const char *waits = deal_waits(it);
    const int64_t since = deal_since(it, past);
    if (strcmp(waits, "nothing") == 0) {
        return false;
    }
    if (strcmp(waits, "repair") == 0 || strcmp(waits, "module") == 0) {
        return true;
    }
    const bool hole = strcmp(waits, "event") == 0 && past->outside_refused != 0 && patience > HOLE_MS;
    return since == 0 || view->now - since >= (hole ? HOLE_MS : patience);
}
