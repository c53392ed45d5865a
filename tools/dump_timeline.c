/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "dump_timeline.h"

#include <inttypes.h>
#include <string.h>

#include "dump_record.h"

enum { INDENT = 4, EVENT_COLUMN = 26, TEXT_COLUMN = 58, DAY = 10 };

static void new_day(timeline *it, const char *when)
{
    if (strncmp(it->day, when, DAY) != 0) {
        memcpy(it->day, when, DAY);
        paper_indent(it->out, INDENT);
        paper_line(it->out, INK_FAINT, "%s UTC", it->day);
    }
}

static uint64_t sum_of(const char *text, uint64_t size)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < size; i++) {
        sum = sum * 31 + (unsigned char)text[i];
    }
    return sum;
}

static bool is_failure(const dealfsm_store_event *event)
{
    return event->kind != DEALFSM_HAPPENED_APPLIED && event->kind != DEALFSM_HAPPENED_MOVED;
}

/* A version is a plain word or two; anything else, by a hand that wrote there, stands in quotes. */
static const char *machine_before(values_arena *arena, const dealfsm_store_event *event)
{
    words text = {.arena = arena};
    for (uint64_t i = 0; i < event->message_len; i++) {
        if (event->message[i] <= ' ' && event->message[i] != ' ') {
            return readable_text(arena, (const uint8_t *)event->message, event->message_len);
        }
    }
    words_add(&text, "%.*s", (int)event->message_len, event->message);
    return words_text(&text);
}

static const char *what_happened(timeline *it, const dealfsm_store_event *event)
{
    values_arena *arena = it->view->arena;
    const char *from = brief_name(past_state(it->view, event->from, event->from_name));
    words text = {.arena = arena};
    if (event->kind == DEALFSM_HAPPENED_APPLIED) {
        words_item(&text, "", from);
        if (event->from != event->to) {
            words_add(&text, " → %s", brief_name(past_state(it->view, event->to, event->to_name)));
        }
    } else if (event->kind == DEALFSM_HAPPENED_MOVED) {
        words_add(&text, "from %s", machine_before(arena, event));
    } else {
        words_add(&text, "%s in %s", happened_name(event->kind), from);
    }
    return words_text(&text);
}

static void add_amount(timeline *it, words *text, const char *name, const char *stored, char *last)
{
    const char *amount = past_amount(it->view, stored);
    if (amount == NULL || strcmp(amount, *last == '\0' ? "0" : last) == 0) {
        return;
    }
    strcpy(last, amount); /* past_amount bounds it */
    words_item(text, ", ", name);
    words_add(text, " %s", readable_fil(it->view->arena, amount));
}

/* "requested 0.5 FIL, received 1024 bytes (1 KiB)"; of a move "PaymentChannelAddingFunds →
 * PaymentChannelAddingInitialFunds"; "": nothing changed. */
static const char *changes(timeline *it, const dealfsm_store_event *event)
{
    words text = {.arena = it->view->arena};
    if (event->kind == DEALFSM_HAPPENED_MOVED && event->from != event->to) {
        words_add(&text, "%s → %s", brief_name(past_state(it->view, event->from, event->from_name)),
                  brief_name(past_state(it->view, event->to, event->to_name)));
    }
    add_amount(it, &text, "requested", event->payment_requested, it->payment_requested);
    add_amount(it, &text, "spent", event->funds_spent, it->funds_spent);
    if (event->payment_requested != NULL && event->total_received != it->total_received) {
        it->total_received = event->total_received;
        words_item(&text, ", ", "received");
        words_add(&text, " %s", readable_bytes(it->view->arena, event->total_received));
    }
    return words_text(&text);
}

/* What happened, from `column` on, and beside it what changed by it, or below where there is no room. */
static void outcome(timeline *it, const dealfsm_store_event *event, size_t column)
{
    const paper_ink ink = is_failure(event) ? INK_WARNING : INK_PLAIN;
    const char *happened = what_happened(it, event);
    const char *changed = changes(it, event);
    const bool beside = column + paper_width(happened) + 2 + paper_width(changed) <= PAPER_COLUMNS;
    words text = {.arena = it->view->arena};
    words_item(&text, "", happened);
    if (*changed != '\0' && beside) {
        words_add(&text, "; %s", changed);
    }
    paper_wrap(it->out, ink, column, TEXT_COLUMN + 2, words_text(&text));
    if (*changed != '\0' && !beside) {
        paper_indent(it->out, EVENT_COLUMN + 2);
        paper_wrap(it->out, ink, EVENT_COLUMN + 2, EVENT_COLUMN + 2, changed);
    }
}

/* An applied event tells the record's message, those that failed their reason. */
static void message(timeline *it, const dealfsm_store_event *event)
{
    if (event->kind == DEALFSM_HAPPENED_MOVED) {
        return;
    }
    const uint64_t sum = sum_of(event->message, event->message_len);
    const bool applied = event->kind == DEALFSM_HAPPENED_APPLIED;
    const bool is_new = !applied || it->message != sum;
    it->message = applied ? sum : it->message;
    if (event->message_len > 0 && is_new) {
        paper_indent(it->out, EVENT_COLUMN + 2);
        paper_wrap(it->out, applied ? INK_PLAIN : INK_FAINT, EVENT_COLUMN + 2, EVENT_COLUMN + 2,
                   readable_text(it->view->arena, (const uint8_t *)event->message, event->message_len));
    }
}

void timeline_event(timeline *it, const dealfsm_store_event *event)
{
    values_arena *arena = it->view->arena;
    const char *when = time_text(arena, event->when);
    const bool applied = event->kind == DEALFSM_HAPPENED_APPLIED;
    const bool dated = strlen(when) > DAY + 1 && event->when > 0;
    words sequence = {.arena = arena};
    words name = {.arena = arena};
    if (dated) {
        new_day(it, when);
    }
    words_add(&sequence, applied ? "%" PRIu64 : "-", event->sequence);
    paper_indent(it->out, INDENT);
    fprintf(it->out->out, "%-12s  %6s  ", dated ? when + DAY + 1 : "-", words_text(&sequence));
    words_item(&name, "",
               event->kind == DEALFSM_HAPPENED_MOVED
                   ? happened_name(event->kind)
                   : brief_name(past_event(it->view, event->event, event->event_name)));
    paper_put(it->out, is_failure(event) ? INK_WARNING : INK_NAME, words_text(&name));
    const size_t used = EVENT_COLUMN + paper_width(words_text(&name));
    const size_t column = used + 2 > TEXT_COLUMN ? used + 2 : TEXT_COLUMN;
    paper_indent(it->out, column - used);
    outcome(it, event, column);
    message(it, event);
}
