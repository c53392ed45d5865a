/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "move_oracle.h"

#include <gmp.h>

#include "move_page.h"

enum { WHAT_IT_TAKES = 160 }; /* bytes of an amount */

static void load(mpz_t out, const uint8_t *data, uint64_t size)
{
    mpz_init(out);
    if (size == 0)
        return;
    mpz_import(out, size - 1, 1, 1, 1, 0, data + 1);
    if (data[0] == 1)
        mpz_neg(out, out);
}
#define LOAD(out, record, field) load(out, (record)->field, (record)->field##_len)

static uint64_t to_u64(const mpz_t number)
{
    uint64_t out = 0;
    if (mpz_sizeinbase(number, 2) > 64)
        return 0;
    mpz_export(&out, NULL, -1, sizeof out, 0, 0, number);
    return out;
}

static void from_u64(mpz_t out, uint64_t number)
{
    mpz_init(out);
    mpz_import(out, 1, -1, sizeof number, 0, 0, &number);
}

static bool has_event(const expected *it, uint32_t event)
{
    for (uint32_t i = 0; i < it->side.queued; i++)
        if (it->side.queue[i].event == event)
            return true;
    return false;
}
#define QUEUED(it, event) has_event(it, DEALFSM_ClientEvent##event)

/* ---- Status */

static void map_status(expected *it, int step)
{
    int target = PAGE_REFUSED;
    for (size_t i = 0; i < sizeof page / sizeof *page; i++)
        if (page[i].status == it->record.status)
            target = it->record.has_payment_info ? page[i].steps[step].with : page[i].steps[step].none;
    if (target < 0)
        it->no |= target == PAGE_STAYS ? SAYS_STAYS : SAYS_REFUSED;
    else
        it->record.status = (uint64_t)target;
}

/* ---- Fields */

static bool large_id(const uint8_t *address, uint64_t size)
{
    return size == 11 && address[0] == 0; /* a varint of ten bytes: 2^63 or more */
}

static void fields_a_to_b(expected *it, uint64_t old)
{
    dealfsm_record *r = &it->record;
    if (large_id(r->client_wallet, r->client_wallet_len) || large_id(r->miner_wallet, r->miner_wallet_len) ||
        (r->has_payment_info && large_id(r->pay_ch, r->pay_ch_len)))
        it->no |= SAYS_REFUSED;
    r->legacy_protocol = old != 0;
    r->voucher_shortfall = (const uint8_t *)"";
    r->voucher_shortfall_len = 0;
}

static void intervals_b_to_c(expected *it)
{
    dealfsm_record *r = &it->record;
    mpz_t spent, unseal, price, paid, interval;
    LOAD(spent, r, funds_spent);
    LOAD(unseal, r, unseal_price);
    LOAD(price, r, price_per_byte);
    from_u64(paid, r->bytes_paid_for);
    from_u64(interval, r->current_interval);
    mpz_add(interval, interval, paid);
    if (mpz_sgn(price) > 0 && mpz_cmp(spent, unseal) > 0) {
        mpz_sub(paid, spent, unseal);
        mpz_fdiv_q(paid, paid, price);
    }
    if (mpz_sizeinbase(paid, 2) > 64 || mpz_sizeinbase(interval, 2) > 64)
        it->no |= SAYS_REFUSED;
    r->bytes_paid_for = to_u64(paid);
    r->current_interval = to_u64(interval);
    mpz_clears(spent, unseal, price, paid, interval, NULL);
}

static void fields_b_to_c(expected *it, uint64_t old)
{
    dealfsm_record *r = &it->record;
    bool owed = it->side.owed & OWED;
    it->side.mark = (old == 27 && owed) || !r->legacy_protocol ? MARK_NO : MARK_YES;
    if (r->channel_initiator_len == 0 || r->channel_responder_len == 0)
        r->has_channel = 0;
    if (!it->final_state)
        intervals_b_to_c(it);
}

/* Whether PaymentRequested is between 0 (1 where B must pay at once) and what B would take as due. */
static bool request_fits(const dealfsm_record *r, uint64_t old)
{
    mpz_t requested, due, price, unseal, unseal_paid;
    LOAD(requested, r, payment_requested);
    LOAD(price, r, price_per_byte);
    LOAD(unseal, r, unseal_price);
    LOAD(unseal_paid, r, unseal_funds_paid);
    from_u64(due, r->total_received > r->bytes_paid_for ? r->total_received - r->bytes_paid_for : 0);
    mpz_mul(due, due, price);
    mpz_add(due, due, unseal);
    mpz_sub(due, due, unseal_paid);
    bool must_pay = old == 10 || old == 11 || old == 12 || old == 14;
    bool fits = mpz_sgn(requested) >= (must_pay ? 1 : 0) && mpz_cmp(requested, due) <= 0;
    mpz_clears(requested, due, price, unseal, unseal_paid, NULL);
    return fits;
}

static bool is_among(uint64_t status, const char *list)
{
    char word[24];
    snprintf(word, sizeof word, " %" PRIu64 " ", status);
    return strstr(list, word) != NULL;
}

static void fields_c_to_b(expected *it, uint64_t old)
{
    dealfsm_record *r = &it->record;
    if ((r->client_wallet_len > 0 && r->client_wallet[0] == 4) ||
        (r->miner_wallet_len > 0 && r->miner_wallet[0] == 4) ||
        (r->has_payment_info && r->pay_ch_len > 0 && r->pay_ch[0] == 4))
        it->no |= SAYS_REFUSED;
    if (!r->has_channel) {
        if (old == 8 || old == 25)
            it->no |= SAYS_STAYS;
        r->has_channel = 1;
        r->channel_initiator = r->channel_responder = (const uint8_t *)"";
        r->channel_initiator_len = r->channel_responder_len = r->channel_id = 0;
    }
    if (it->final_state)
        return;
    if (it->side.mark == MARK_UNKNOWN || (is_among(old, " 0 3 6 27 28 ") && r->total_funds_len == 0))
        it->no |= SAYS_REFUSED;
    if (is_among(old, " 5 10 11 12 13 14 18 22 23 ") && !request_fits(r, old))
        it->no |= SAYS_STAYS;
    r->legacy_protocol = old == 27 || it->side.mark == MARK_YES;
    r->current_interval = r->current_interval > r->bytes_paid_for ? r->current_interval - r->bytes_paid_for : 0;
}

static void fields_b_to_a(expected *it, uint64_t old)
{
    dealfsm_record *r = &it->record;
    bool fits = old == 0 ? !r->legacy_protocol : r->legacy_protocol || old == 8 || it->final_state;
    if (!fits || r->voucher_shortfall_len > 0)
        it->no |= SAYS_REFUSED;
}

/* ---- Queued events */

static void make_text(expected *it, dealfsm_value *value, const char *format, const dealfsm_value *more)
{
    size_t size = strlen(format) + value->data_len + (more ? more->data_len : 0);
    char *text = values_take(it->arena, size + 64);
    int length =
        more ? snprintf(text, size + 64, format, (int)value->data_len, value->data, (int)more->data_len, more->data)
             : snprintf(text, size + 64, format, (int)value->data_len, value->data);
    value->data = (const uint8_t *)text;
    value->data_len = (uint64_t)length;
}

static void events_a_to_b(expected *it, uint64_t old)
{
    bool waits = old == 4 || old == 5;
    if ((waits && (QUEUED(it, PaymentChannelReady) || QUEUED(it, AllocateLaneErrored))) ||
        (old == 0 && QUEUED(it, DealProposed))) {
        it->record.status = waits ? 24 : 27;
        it->side.owed = 0;
        it->record.legacy_protocol = 1;
    }
    for (uint32_t i = 0; i < it->side.queued; i++) {
        parcel_event *e = &it->side.queue[i];
        if (e->event == DEALFSM_ClientEventPaymentChannelReady) {
            if (waits && !it->record.has_payment_info) {
                it->record.has_payment_info = 1;
                it->record.pay_ch = e->args[0].data;
                it->record.pay_ch_len = e->args[0].data_len;
                it->record.lane = 0;
            }
            *e = (parcel_event){DEALFSM_ClientEventLaneAllocated, e->raised, 1, {e->args[1]}};
        } else if (e->event == DEALFSM_ClientEventPaymentChannelAddFundsErrored) {
            e->event = DEALFSM_ClientEventPaymentChannelErrored;
            make_text(it, &e->args[0], "wait for add funds: %.*s", NULL);
        } else if (e->event == DEALFSM_ClientEventFundsExpended) {
            e->event = DEALFSM_ClientEventBadPaymentRequested;
            e->count = 1;
            make_text(it, &e->args[0], "not enough funds left: expected amt = %.*s, actual amt = %.*s", &e->args[1]);
        } else {
            continue;
        }
        it->queue_changed = true;
    }
}

/* PaymentSent(FundsSpent + PaymentRequested), in the stored form. */
static void events_b_to_c(expected *it, uint64_t old, const dealfsm_record *before)
{
    if (old == 4 && QUEUED(it, PaymentChannelErrored))
        it->record.status = 4;
    if (old == 27 && QUEUED(it, DealProposed))
        it->side.mark = MARK_YES;
    for (uint32_t i = 0; i < it->side.queued; i++) {
        parcel_event *e = &it->side.queue[i];
        if (e->event != DEALFSM_ClientEventPaymentSent)
            continue;
        mpz_t spent, requested;
        size_t size = 0;
        LOAD(spent, before, funds_spent);
        LOAD(requested, before, payment_requested);
        mpz_add(spent, spent, requested);
        uint8_t *bytes = values_take(it->arena, WHAT_IT_TAKES);
        bytes[0] = mpz_sgn(spent) < 0;
        mpz_export(bytes + 1, &size, 1, 1, 1, 0, spent);
        e->count = 1;
        e->args[0] = (dealfsm_value){.struct_size = sizeof e->args[0],
                                     .kind = DEALFSM_AMOUNT,
                                     .data = bytes,
                                     .data_len = mpz_sgn(spent) == 0 ? 0 : size + 1};
        it->queue_changed = true;
        mpz_clears(spent, requested, NULL);
    }
}

static bool takes(const description *machine, const parcel_event *e)
{
    const dealfsm_event_info *info = description_event(machine, e->event);
    if (info == NULL || !info->has_transition || info->args_count != e->count)
        return false;
    for (uint32_t i = 0; i < e->count; i++)
        if (info->args[i] != e->args[i].kind)
            return false;
    return true;
}

/* An address that the version cannot read: kind 4 up to B, a number of 2^63 or more from B on. */
static bool reads_addresses(int version, const parcel_event *e)
{
    for (uint32_t i = 0; i < e->count; i++) {
        const dealfsm_value *a = &e->args[i];
        if (a->kind == DEALFSM_ADDRESS && a->data_len > 0 &&
            ((version != C && a->data[0] == 4) || (version != A && large_id(a->data, a->data_len))))
            return false;
    }
    return true;
}

static void events_up(expected *it, int to)
{
    for (uint32_t i = 0; i < it->side.queued; i++)
        if (!reads_addresses(to, &it->side.queue[i]))
            it->no |= SAYS_REFUSED;
}

static void events_down(expected *it, uint64_t old, int from)
{
    const description *mine = &move_module_of(from)->machine, *other = &move_module_of(from - 1)->machine;
    if (from == C && (QUEUED(it, PaymentSent) || QUEUED(it, PaymentNotSent)))
        it->no |= SAYS_STAYS;
    if (from == C && old == 27 && it->side.mark != MARK_YES && QUEUED(it, DealProposed))
        it->no |= SAYS_STAYS; /* beyond the page: the proposal was a versioned one */
    if (from == B && (QUEUED(it, PaymentChannelReady) || QUEUED(it, DealProposed)))
        it->no |= SAYS_STAYS;
    for (uint32_t i = 0; i < it->side.queued; i++) {
        const parcel_event *e = &it->side.queue[i];
        bool lost = description_clause(mine, e->event, old) != NULL &&
                    description_clause(other, e->event, it->record.status) == NULL;
        if (lost || !takes(other, e) || !reads_addresses(from - 1, e))
            it->no |= SAYS_STAYS;
    }
}

/* ---- A step */

static void step(expected *it, int from, int to)
{
    const dealfsm_record before = it->record;
    const uint64_t old = before.status;
    bool up = to > from;
    it->final_state = description_is_final(&move_module_of(from)->machine, old);
    if (it->side.owed & OWED && it->side.owed & ASKED_ONCE)
        it->no |= SAYS_STAYS;
    map_status(it, up ? (from == A ? PAGE_A_TO_B : PAGE_B_TO_C) : (from == C ? PAGE_C_TO_B : PAGE_B_TO_A));
    if (up && from == A)
        fields_a_to_b(it, old);
    else if (up)
        fields_b_to_c(it, old);
    else if (from == C)
        fields_c_to_b(it, old);
    else
        fields_b_to_a(it, old);
    if (it->final_state || it->no)
        return;
    if (up && from == A)
        events_a_to_b(it, old);
    else if (up)
        events_b_to_c(it, old, &before);
    else
        events_down(it, old, from);
    if (up)
        events_up(it, to);
}

void oracle_move(expected *it, int from, int to)
{
    int direction = to > from ? 1 : -1;
    for (; from != to && !it->no; from += direction)
        step(it, from, from + direction);
    if (to != C)
        it->side.mark = MARK_NO;
}
