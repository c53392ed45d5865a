/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Times, names, and a stored deal as JSON. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dump_store.h"
#include "text.h"

/* ---- Times */
enum { TIME_ROOM = 64 };

static void write_time(int64_t milliseconds, const char *format, char buffer[TIME_ROOM])
{
    const time_t seconds = (time_t)(milliseconds / 1000);
    struct tm parts;
    char pattern[TIME_ROOM];
    snprintf(pattern, sizeof pattern, format, (int)(milliseconds % 1000));
    if (gmtime_r(&seconds, &parts) == NULL || strftime(buffer, TIME_ROOM, pattern, &parts) == 0) {
        buffer[0] = '\0';
    }
}

const char *time_text(values_arena *arena, int64_t milliseconds)
{
    char *text = values_take(arena, TIME_ROOM);
    if (milliseconds <= 0) {
        return "not known";
    }
    write_time(milliseconds, "%%Y-%%m-%%d %%H:%%M:%%S.%03d", text);
    return text;
}

const char *time_age(const store_view *view, int64_t milliseconds)
{
    words text = {.arena = view->arena};
    if (milliseconds <= 0) {
        return "not known";
    }
    const int64_t age = view->now > milliseconds ? (view->now - milliseconds) / 1000 : 0;
    if (age < 60) {
        words_add(&text, "%" PRId64 " s", age);
    } else {
        char *duration = text_write_duration((uint64_t)age * 1000000);
        words_item(&text, "", duration == NULL ? "" : duration);
        free(duration);
    }
    return words_text(&text);
}

json_t *time_json(int64_t milliseconds)
{
    char buffer[TIME_ROOM];
    if (milliseconds <= 0) {
        return json_null();
    }
    write_time(milliseconds, "%%Y-%%m-%%dT%%H:%%M:%%S.%03dZ", buffer);
    return json_string_nocheck(buffer);
}

/* ---- Names */
const char *brief_name(const char *name)
{
    static const char *const prefixes[] = {"DealStatus", "ClientEvent"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        const size_t size = strlen(prefixes[i]);
        if (strncmp(name, prefixes[i], size) == 0 && name[size] != '\0') {
            return name + size;
        }
    }
    return name;
}

const char *happened_name(uint32_t kind)
{
    static const char *const names[] = {"unknown", "applied", "refused", "terminated", "moved"};
    return kind < sizeof names / sizeof *names ? names[kind] : names[0];
}

static const char *numbered(values_arena *arena, const char *what, uint64_t number)
{
    words text = {.arena = arena};
    words_add(&text, "%s %" PRIu64, what, number);
    return words_text(&text);
}

const char *past_state(const store_view *view, uint64_t status, const char *stored)
{
    for (size_t i = view->modules->count; i-- > 0;) {
        if (description_state(&view->modules->list[i].machine, status) != NULL) {
            return words_status(view->arena, &view->modules->list[i].machine, status);
        }
    }
    return stored != NULL && *stored != '\0' ? stored : numbered(view->arena, "status", status);
}

const char *past_event(const store_view *view, uint32_t event, const char *stored)
{
    for (size_t i = view->modules->count; i-- > 0;) {
        const dealfsm_event_info *info = description_event(&view->modules->list[i].machine, event);
        if (info != NULL) {
            return info->name;
        }
    }
    return stored != NULL && *stored != '\0' ? stored : numbered(view->arena, "event", event);
}

const char *past_amount(const store_view *view, const char *stored)
{
    const uint8_t *data;
    uint64_t size;
    const bool known =
        stored != NULL && strlen(stored) < PAST_AMOUNT_ROOM && values_amount(view->arena, stored, &data, &size);
    return known ? stored : NULL;
}

/* ---- JSON */
json_t *u64_json(uint64_t number)
{
    char buffer[24];
    snprintf(buffer, sizeof buffer, "%" PRIu64, number);
    return json_string_nocheck(buffer);
}

json_t *text_json(values_arena *arena, const char *data, uint64_t size)
{
    json_t *text = json_stringn(size == 0 ? "" : data, size);
    return text != NULL ? text : json_pack("{s:s}", "hex", values_hex(arena, (const uint8_t *)data, size));
}

static void set(json_t *json, const char *key, json_t *value)
{
    json_object_set_new_nocheck(json, key, value);
}

/* `form` is what text.h made of bytes; they have no such form: hex. */
static json_t *form_json(values_arena *arena, char *form, const uint8_t *data, uint64_t size)
{
    json_t *json = form != NULL ? json_string_nocheck(form) : json_string_nocheck(values_hex(arena, data, size));
    free(form);
    return json;
}

static json_t *amount_json(values_arena *arena, const uint8_t *data, uint64_t size)
{
    return json_string_nocheck(values_decimal(arena, data, size));
}

static void set_row(store_view *view, json_t *json, const deal_row *it)
{
    const dealfsm_store_row *row = it->row;
    set(json, "deal", u64_json(row->deal));
    set(json, "machine", row->machine_version == NULL ? json_null() : json_string(row->machine_version));
    set(json, "status", u64_json(row->status));
    set(json, "state", json_string(past_state(view, row->status, row->status_name)));
    set(json, "final", json_boolean(deal_is_final(it)));
    set(json, "waits", json_string_nocheck(deal_waits(it)));
    set(json, "sequence", u64_json(row->sequence));
    set(json, "revision", u64_json(row->revision));
    set(json, "created", time_json(row->created));
    set(json, "updated", time_json(row->updated));
    set(json, "bare", json_boolean((row->flags & DEALFSM_ROW_BARE) != 0));
    set(json, "left_behind", json_boolean((row->flags & DEALFSM_ROW_LEFT_BEHIND) != 0));
}

static void set_parties(values_arena *arena, json_t *json, const dealfsm_record *r)
{
    set(json, "provider", form_json(arena, text_write_peer(r->sender, r->sender_len), r->sender, r->sender_len));
    set(json, "provider_wallet",
        form_json(arena, text_write_address(r->miner_wallet, r->miner_wallet_len), r->miner_wallet,
                  r->miner_wallet_len));
    set(json, "client_wallet",
        form_json(arena, text_write_address(r->client_wallet, r->client_wallet_len), r->client_wallet,
                  r->client_wallet_len));
    set(json, "payload_cid",
        form_json(arena, text_write_cid(r->payload_cid, r->payload_cid_len), r->payload_cid, r->payload_cid_len));
    set(json, "pay_ch",
        r->has_payment_info == 0
            ? json_null()
            : form_json(arena, text_write_address(r->pay_ch, r->pay_ch_len), r->pay_ch, r->pay_ch_len));
    set(json, "lane", r->has_payment_info == 0 ? json_null() : u64_json(r->lane));
}

static void set_money(values_arena *arena, json_t *json, const dealfsm_record *r)
{
    set(json, "total_funds", amount_json(arena, r->total_funds, r->total_funds_len));
    set(json, "price_per_byte", amount_json(arena, r->price_per_byte, r->price_per_byte_len));
    set(json, "unseal_price", amount_json(arena, r->unseal_price, r->unseal_price_len));
    set(json, "payment_requested", amount_json(arena, r->payment_requested, r->payment_requested_len));
    set(json, "funds_spent", amount_json(arena, r->funds_spent, r->funds_spent_len));
    set(json, "unseal_funds_paid", amount_json(arena, r->unseal_funds_paid, r->unseal_funds_paid_len));
    set(json, "total_received", u64_json(r->total_received));
    set(json, "bytes_paid_for", u64_json(r->bytes_paid_for));
    set(json, "all_blocks_received", json_boolean(r->all_blocks_received != 0));
    set(json, "last_payment_requested", json_boolean(r->last_payment_requested != 0));
}

json_t *deal_json(store_view *view, const deal_row *it)
{
    const dealfsm_handler_info *handler = deal_handler(it);
    json_t *json = json_object();
    set_row(view, json, it);
    if (!it->whole) {
        set(json, it->module == NULL && !(it->row->flags & DEALFSM_ROW_DAMAGED) ? "unknown" : "damage",
            text_json(view->arena, it->trouble, strlen(it->trouble)));
        return json;
    }
    set(json, "handler_owed", handler != NULL && deal_is_owed(it) ? json_string(handler->name) : json_null());
    set(json, "queued", json_integer(it->queued));
    set_parties(view->arena, json, &it->record);
    set_money(view->arena, json, &it->record);
    set(json, "message", text_json(view->arena, (const char *)it->record.message, it->record.message_len));
    return json;
}

static json_t *past_amount_json(const store_view *view, const char *stored)
{
    const char *amount = past_amount(view, stored);
    return amount != NULL ? json_string_nocheck(amount) : json_null();
}

static void set_past_money(const store_view *view, json_t *json, const dealfsm_store_event *event)
{
    set(json, "payment_requested", past_amount_json(view, event->payment_requested));
    set(json, "funds_spent", past_amount_json(view, event->funds_spent));
    set(json, "total_received", event->payment_requested != NULL ? u64_json(event->total_received) : json_null());
}

json_t *event_json(store_view *view, const dealfsm_store_event *event)
{
    values_arena *arena = view->arena;
    json_t *json = json_object();
    set(json, "deal", u64_json(event->deal));
    set(json, "revision", u64_json(event->revision));
    set(json, "sequence", u64_json(event->sequence));
    set(json, "when", time_json(event->when));
    set(json, "what", json_string_nocheck(happened_name(event->kind)));
    set(json, "event",
        event->kind == DEALFSM_HAPPENED_MOVED ? json_null()
                                              : json_string(past_event(view, event->event, event->event_name)));
    set(json, "from", json_string(past_state(view, event->from, event->from_name)));
    set(json, "to", json_string(past_state(view, event->to, event->to_name)));
    set(json, "reason", json_integer(event->reason));
    set(json, "message", text_json(arena, event->message, event->message_len));
    set_past_money(view, json, event);
    return json;
}
