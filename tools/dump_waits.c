/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a deal waits for, and what of it is paid and due. */
#include <gmp.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <dealfsm/vocabulary.h>

#include "dump_record.h"
#include "dump_words.h"
#include "text.h"

/* ---- Waits */
static json_t *op_names(values_arena *arena, const description *machine, const dealfsm_handler_info *handler)
{
    json_t *list = json_array();
    for (uint32_t i = 0; handler != NULL && i < handler->ops_count; i++) {
        json_array_append_new(list, json_string(words_op(arena, machine, handler->ops[i])));
    }
    return list;
}

static json_t *raised_names(values_arena *arena, const description *machine, const dealfsm_handler_info *handler)
{
    json_t *list = json_array();
    for (uint32_t i = 0; handler != NULL && i < handler->raises_count; i++) {
        json_array_append_new(list, json_string(words_event(arena, machine, handler->raises[i])));
    }
    return list;
}

/* What an event from outside does in a state goes to the list of its kind. */
static void sort_event(values_arena *arena, const description *machine, const dealfsm_event_info *event,
                       uint64_t status, json_t *waits)
{
    const dealfsm_clause_info *clause = description_clause(machine, event->event, status);
    if (clause != NULL && clause->to == DEALFSM_TO) {
        json_array_append_new(json_object_get(waits, "moves"), json_pack("{s:s, s:s}", "event", event->name, "to",
                                                                         words_status(arena, machine, clause->target)));
        return;
    }
    const char *list = clause == NULL ? "drops" : clause->to == DEALFSM_TO_NO_CHANGE ? "stays" : "records";
    if (clause != NULL || event->event != DEALFSM_ClientEventOpen) { /* that Open comes late is no loss */
        json_array_append_new(json_object_get(waits, list), json_string(event->name));
    }
}

json_t *record_waits(values_arena *arena, const description *machine, uint64_t status)
{
    const dealfsm_state_info *state = description_state(machine, status);
    const bool is_final = state != NULL && state->is_final != 0;
    const char *handler_name = state == NULL ? "" : state->handler;
    const dealfsm_handler_info *handler = *handler_name == '\0' ? NULL : description_handler(machine, handler_name);
    char number[24];
    snprintf(number, sizeof number, "%" PRIu64, status);
    json_t *waits = json_pack("{s:s, s:o, s:b, s:o, s:o, s:o, s:[], s:[], s:[], s:[]}", "status", number, "name",
                              state == NULL ? json_null() : json_string(words_status(arena, machine, status)), "final",
                              is_final, "handler", handler == NULL ? json_null() : json_string(handler_name), "may_ask",
                              op_names(arena, machine, handler), "may_raise", raised_names(arena, machine, handler),
                              "moves", "stays", "records", "drops");
    for (uint32_t i = 0; state != NULL && !is_final && i < machine->events_count; i++) {
        if (machine->events[i].from_outside != 0 && machine->events[i].has_transition != 0) {
            sort_event(arena, machine, &machine->events[i], status, waits);
        }
    }
    return waits;
}

/* ---- Payment: reckoned without bound, as the fields may hold anything */
static bool take_field(const read_record *it, const char *name, mpz_t out)
{
    const dealfsm_field_info *field = description_field(it->machine, name);
    const dealfsm_value value = field == NULL ? (dealfsm_value){0} : values_field(field, &it->record);
    if (value.kind == DEALFSM_AMOUNT) {
        text_amount_import(out, value.data, value.data_len);
    } else if (value.kind == DEALFSM_U64) {
        mpz_import(out, 1, 1, sizeof value.number, 0, 0, &value.number);
    } else {
        return false;
    }
    return true;
}

static void put(json_t *json, const char *name, const mpz_t value)
{
    char *digits = mpz_get_str(NULL, 10, value);
    json_object_set_new(json, name, json_string(digits));
    free(digits);
}

/* The value of the field `from` less that of `less`: what is due is never negative, what is left may be. */
static void put_rest(const read_record *it, json_t *json, const char *name, const char *from, const char *less,
                     bool may_be_negative)
{
    mpz_t a;
    mpz_t b;
    mpz_inits(a, b, NULL);
    if (take_field(it, from, a) && take_field(it, less, b)) {
        mpz_sub(a, a, b);
        if (mpz_sgn(a) < 0 && !may_be_negative) {
            mpz_set_ui(a, 0);
        }
        put(json, name, a);
    }
    mpz_clears(a, b, NULL);
}

static void put_field(const read_record *it, json_t *json, const char *name, const char *from)
{
    mpz_t value;
    mpz_init(value);
    if (take_field(it, from, value)) {
        put(json, name, value);
    }
    mpz_clear(value);
}

/* Due by the terms: unpaid bytes times the price, and what is left of the price of unsealing. */
static void put_due(const read_record *it, json_t *json)
{
    const char *bytes = json_string_value(json_object_get(json, "bytes_unpaid"));
    const char *unsealing = json_string_value(json_object_get(json, "unsealing_unpaid"));
    mpz_t price;
    mpz_t due;
    mpz_t part;
    mpz_inits(price, due, part, NULL);
    if (bytes != NULL && unsealing != NULL && take_field(it, "price_per_byte", price)) {
        mpz_set_str(due, bytes, 10);
        mpz_mul(due, due, price);
        mpz_set_str(part, unsealing, 10);
        mpz_add(due, due, part);
        put(json, "due", due);
    }
    mpz_clears(price, due, part, NULL);
}

json_t *record_payment(const read_record *it)
{
    json_t *json = json_object();
    put_field(it, json, "bytes_received", "total_received");
    put_field(it, json, "bytes_paid", "bytes_paid_for");
    put_rest(it, json, "bytes_unpaid", "total_received", "bytes_paid_for", false);
    put_field(it, json, "spent", "funds_spent");
    put_field(it, json, "spent_on_unsealing", "unseal_funds_paid");
    put_rest(it, json, "unsealing_unpaid", "unseal_price", "unseal_funds_paid", false);
    put_field(it, json, "requested", "payment_requested");
    put_due(it, json);
    put_field(it, json, "total", "total_funds");
    put_rest(it, json, "left", "total_funds", "funds_spent", true);
    return json;
}
