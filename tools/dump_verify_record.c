/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What must hold for the record of a deal. The ids are those of the properties that the tests cite. */
#include <gmp.h>
#include <stdlib.h>
#include <string.h>

#include "dump_verify.h"
#include "text.h"

typedef struct check {
    store_view *view;
    const deal_row *it;
    verify_found_fn *found;
    void *ctx;
} check;

/* What machines of the reference allow, whose weaknesses are kept: spec pages v1.0.9 and v1.28.3. A machine that holds FundsSpent
 * under TotalFunds can say so where it makes vouchers. */
static bool passes_total(const description *machine)
{
    for (uint32_t i = 0; i < machine->handlers_count; i++) {
        const dealfsm_handler_info *handler = &machine->handlers[i];
        bool pays = false;
        bool says = false;
        for (uint32_t k = 0; k < handler->ops_count; k++) {
            pays = pays || handler->ops[k] == DEALFSM_OpCreatePaymentVoucher;
        }
        for (uint32_t k = 0; k < handler->raises_count; k++) {
            says = says || handler->raises[k] == DEALFSM_ClientEventFundsExpended;
        }
        if (pays && says) {
            return false;
        }
    }
    return true;
}

/* A machine that pays another amount than what was requested can be ahead of the requests. */
static bool pays_ahead(const description *machine)
{
    const dealfsm_event_info *sent = description_event(machine, DEALFSM_ClientEventPaymentSent);
    return sent != NULL && sent->args_count > 0;
}

static void say(const check *c, const char *rule, verify_verdict verdict, const char *text)
{
    c->found(c->ctx, c->it->row->deal, rule, verdict, text);
}

/* What some machines allow: the deal's own, or one that had it before, since an amount stays as it is when the deal moves. */
static void say_unless(const check *c, const char *rule, verify_allows_fn *allows, words *text)
{
    const bool allowed = allows(&c->it->module->machine);
    const verify_verdict verdict = allowed ? VERIFY_NOTED : verify_allowed_before(c->view, c->it, allows, text);
    say(c, rule, verdict, words_text(text));
}

static const char *digits(const check *c, const mpz_t value)
{
    char *text = values_take(c->view->arena, mpz_sizeinbase(value, 10) + 2);
    return mpz_get_str(text, 10, value);
}

/* M1: 0 <= FundsSpent <= TotalFunds */
static void check_funds(const check *c, const mpz_t spent, const mpz_t total)
{
    words text = {.arena = c->view->arena};
    if (mpz_cmp(spent, total) > 0) {
        words_add(&text, "FundsSpent %s attoFIL is above TotalFunds %s attoFIL", digits(c, spent), digits(c, total));
        say_unless(c, "M1", passes_total, &text);
    }
}

/* M3: BytesPaidFor * PricePerByte <= FundsSpent - UnsealFundsPaid */
static void check_paid(const check *c, const mpz_t spent, const mpz_t unsealing, const mpz_t price)
{
    words text = {.arena = c->view->arena};
    const uint64_t bytes = c->it->record.bytes_paid_for;
    mpz_t paid;
    mpz_t worth;
    mpz_inits(paid, worth, NULL);
    mpz_sub(paid, spent, unsealing);
    mpz_import(worth, 1, 1, sizeof bytes, 0, 0, &bytes);
    mpz_mul(worth, worth, price);
    if (mpz_cmp(worth, paid) > 0) {
        words_add(&text,
                  "BytesPaidFor times PricePerByte is %s attoFIL, above FundsSpent less UnsealFundsPaid, %s attoFIL",
                  digits(c, worth), digits(c, paid));
        say(c, "M3", VERIFY_BROKEN, words_text(&text));
    }
    mpz_clears(paid, worth, NULL);
}

/* M4: no amount is negative */
static void check_signs(const check *c)
{
    const description *machine = &c->it->module->machine;
    for (uint32_t i = 0; i < machine->fields_count; i++) {
        const dealfsm_field_info *field = &machine->fields[i];
        const dealfsm_value value = values_field(field, &c->it->record);
        if (value.kind == DEALFSM_AMOUNT && value.data_len > 0 && value.data[0] == 1) {
            words text = {.arena = c->view->arena};
            words_add(&text, "%s is negative: %s attoFIL", field->stored,
                      values_decimal(c->view->arena, value.data, value.data_len));
            if (strcmp(field->name, "payment_requested") == 0) {
                say_unless(c, "M4", pays_ahead, &text);
            } else {
                say(c, "M4", VERIFY_BROKEN, words_text(&text));
            }
        }
    }
}

/* P5: what was read is written as the same bytes */
static void check_bytes(const check *c)
{
    const dealfsm_store_row *row = c->it->row;
    const dealfsm_record_v1 *record = c->it->module->info.record;
    uint8_t *bytes = values_take(c->view->arena, row->record_len + 1);
    uint64_t size = 0;
    if (record->encode(&c->it->record, bytes, row->record_len, &size, NULL) < 0 || size != row->record_len ||
        memcmp(bytes, row->record, size) != 0) {
        say(c, "P5", VERIFY_BROKEN, "the record, read and written again, has other bytes");
    }
}

static void check_end(const check *c)
{
    const bool final = description_is_final(&c->it->module->machine, c->it->record.status);
    if (final != ((c->it->row->flags & DEALFSM_ROW_FINAL) != 0)) {
        say(c, "F3", VERIFY_BROKEN,
            final ? "the state is final, but the row says that the deal goes on"
                  : "the row says that the deal has ended, but its state is not final");
    }
    if (final && (c->it->queued > 0 || deal_is_owed(c->it))) {
        say(c, "F3", VERIFY_BROKEN, "the deal has ended, but events are queued or a handler is owed");
    }
}

void verify_record(store_view *view, const deal_row *it, verify_found_fn *found, void *ctx)
{
    const check c = {.view = view, .it = it, .found = found, .ctx = ctx};
    const dealfsm_record *r = &it->record;
    mpz_t spent;
    mpz_t total;
    mpz_t unsealing;
    mpz_t price;
    mpz_inits(spent, total, unsealing, price, NULL);
    text_amount_import(spent, r->funds_spent, r->funds_spent_len);
    text_amount_import(total, r->total_funds, r->total_funds_len);
    text_amount_import(unsealing, r->unseal_funds_paid, r->unseal_funds_paid_len);
    text_amount_import(price, r->price_per_byte, r->price_per_byte_len);
    check_funds(&c, spent, total);
    check_paid(&c, spent, unsealing, price);
    check_signs(&c);
    check_bytes(&c);
    check_end(&c);
    mpz_clears(spent, total, unsealing, price, NULL);
}
