/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "border_life.h"

#include <cbor.h>

/* ---- What comes from outside */

static uint32_t next_step(const life *l)
{
    uint32_t i = 0;
    while (l->course->steps[i].event && l->handed_in >> i & 1)
        i++;
    return i;
}

bool life_did(const life *l, uint32_t i)
{
    return l->handed_in >> i & 1;
}

static void hand_in(life *l, uint32_t i)
{
    const course_step *step = &l->course->steps[i];
    uint64_t revision = 0;
    l->handed_in |= 1u << i;
    if (step->event == STEP_FUNDS) {
        l->k->funds.confirmed += step->number;
        return;
    }
    int32_t code = kit_send_to(l->k, LIFE_DEAL, step->event - 1, step->number, &revision);
    if (l->k->dead)
        return;
    if (code == DEALFSM_APPLIED)
        l->applied |= 1u << i;
    else if (code < 0)
        l->ended |= 1u << i;
    else
        l->promises[i] = revision;
}

static bool is_wait(uint32_t op)
{
    return op == DEALFSM_OpWaitForPaymentChannelCreation || op == DEALFSM_OpWaitForPaymentChannelAddFunds ||
           op == DEALFSM_OpWaitForPaymentChannelReady;
}

static void in_call(kit *k, const dealfsm_op *op)
{
    life *l = k->context;
    books_check_op(l, op);
    while (!k->dead) {
        uint32_t i = next_step(l);
        const course_step *step = &l->course->steps[i];
        bool now = step->when == WHEN_ASKED && (step->where == op->op || (step->where == OP_WAIT && is_wait(op->op)));
        bool missed = step->when == WHEN_PUT && kit_history(k, LIFE_DEAL, step->where, DEALFSM_HAPPENED_APPLIED) > 0;
        if (!step->event || !(now || missed))
            return;
        hand_in(l, i);
    }
}

static void in_put(kit *k, const dealfsm_put *put)
{
    life *l = k->context;
    books_check_row(l, put);
    while (!k->dead && put->happened_count > 0 && put->happened->kind == DEALFSM_HAPPENED_APPLIED) {
        uint32_t i = next_step(l);
        const course_step *step = &l->course->steps[i];
        if (!step->event || step->when != WHEN_PUT || step->where != put->happened->event)
            return;
        hand_in(l, i);
    }
}

/* ---- What a crash leaves */

/* Events in the queue of the stored sidecar: those from outside with that number; raised: all that handlers have
 * raised. */
static uint32_t stored_queue(const kit *k, uint32_t event, bool raised)
{
    struct cbor_load_result result;
    uint32_t count = 0;
    cbor_item_t *sidecar = cbor_load(k->rows[LIFE_DEAL].sidecar, k->rows[LIFE_DEAL].sidecar_len, &result);
    MUST(sidecar != NULL && cbor_isa_map(sidecar));
    for (size_t i = 0; i < cbor_map_size(sidecar); i++) {
        struct cbor_pair pair = cbor_map_handle(sidecar)[i];
        if (cbor_get_int(pair.key) != 4)
            continue;
        for (size_t n = 0; n < cbor_array_size(pair.value); n++) {
            cbor_item_t **queued = cbor_array_handle(cbor_array_handle(pair.value)[n]);
            count += cbor_get_bool(queued[1]) ? raised : !raised && cbor_get_int(queued[0]) == event;
        }
    }
    cbor_decref(&sidecar);
    return count;
}

uint32_t life_in_history(const life *l, uint32_t event)
{
    const kit_row *row = &l->k->rows[LIFE_DEAL];
    uint32_t count = 0;
    for (uint32_t i = 0; i < row->happened_count; i++)
        count += row->happened[i].event == event && !row->happened[i].changed_nothing_owed;
    return count;
}

/* Whether step i is in the store: over, or in the queue. */
static bool is_durable(const life *l, uint32_t i)
{
    uint32_t event = l->course->steps[i].event - 1, before = 0;
    for (uint32_t k = 0; k < i; k++)
        before += l->course->steps[k].event - 1 == event && !(l->ended >> k & 1);
    return life_in_history(l, event) + stored_queue(l->k, event, false) > before;
}

static void forget_and_look(life *l)
{
    kit *k = l->k;
    const kit_row *row = &k->rows[LIFE_DEAL];
    uint32_t known = 0;
    MUST(k->told[LIFE_DEAL] <= row->sequence);
    for (uint32_t i = 0; l->course->steps[i].event; i++) {
        if (l->course->steps[i].event == STEP_FUNDS) {
            known |= l->handed_in & 1u << i;
            continue;
        }
        bool promised = l->promises[i] > 0 && row->revision >= l->promises[i];
        bool durable = row->revision > 0 && is_durable(l, i);
        MUST_SAY(durable || !((l->applied >> i & 1) || promised), "step %" PRIu32 " was durable and is lost", i);
        if (durable || l->ended >> i & 1)
            known |= 1u << i;
        l->promises[i] = 0;
    }
    l->handed_in = known;
    k->told[LIFE_DEAL] = row->sequence;
}

/* P1, P5: what was read from the row would be written as it was read, to the byte. */
static void check_restored(const kit *k)
{
    const kit_row *row = &k->rows[LIFE_DEAL];
    kit_snapshot now;
    MUST(kit_snap((kit *)k, LIFE_DEAL, &now) == DEALFSM_OK);
    MUST(now.snapshot.sequence == row->sequence && now.snapshot.revision == row->revision);
    MUST(now.snapshot.record_len == row->record_len && !memcmp(now.record, row->record, row->record_len));
    MUST(now.snapshot.sidecar_len == row->sidecar_len && !memcmp(now.sidecar, row->sidecar, row->sidecar_len));
}

/* ---- Living */

static bool is_stalled(const life *l)
{
    dealfsm_deal deal = {.struct_size = sizeof deal};
    int32_t code = l->k->f->query(l->k->machine, LIFE_DEAL, &deal, NULL);
    return code == DEALFSM_E_NOT_FOUND || deal.flags & DEALFSM_DEAL_STALLED;
}

static void live(life *l)
{
    kit *k = l->k;
    while (!k->dead) {
        if (k->pending[LIFE_DEAL].revision > 0)
            kit_stored(k, LIFE_DEAL, 'D');
        else if (k->waiting_count > 0)
            kit_answer(k, LIFE_DEAL, 'i');
        else if (is_stalled(l))
            k->f->retry(k->machine, LIFE_DEAL, NULL, NULL);
        else if (l->course->steps[next_step(l)].event)
            hand_in(l, next_step(l));
        else
            return;
    }
}

static void create(life *l)
{
    dealfsm_record terms = kit_terms(LIFE_DEAL);
    if (l->course->terms == TERMS_UNSEAL) {
        terms.unseal_price = (const uint8_t *)"\0\1\x2c"; /* 300 attoFIL */
        terms.unseal_price_len = 3;
    } else if (l->course->terms == TERMS_SMALL) {
        terms.total_funds = (const uint8_t *)"\0\x09\xc4"; /* 2,500 attoFIL */
        terms.total_funds_len = 3;
    } else if (l->course->terms == TERMS_FREE) {
        terms.total_funds_len = terms.price_per_byte_len = 0;
    }
    l->k->f->create(l->k->machine, &terms, NULL, NULL);
}

life life_new(const dealfsm_functions *f, uint32_t client, const course *c, char put, char answer)
{
    life l = {.k = kit_new(f), .course = c, .client = client};
    kit *k = l.k;
    k->quiet = true;
    k->channel_exists = c->channel != CHANNEL_NEW;
    k->channel_ready = c->channel == CHANNEL_READY;
    k->funds = (kit_funds){.confirmed = c->funds > 0 ? c->funds : UINT32_MAX, .pending = c->coming};
    k->put_default = put;
    k->answer_default = answer;
    snprintf(k->puts, sizeof k->puts, "%s", c->puts ? c->puts : "");
    snprintf(k->answers, sizeof k->answers, "%s", c->answers ? c->answers : "");
    k->on_op = in_call;
    k->on_put = in_put;
    k->decide = books_decide;
    return l;
}

void life_go(life *l)
{
    l->k->context = l;
    kit_open(l->k);
    create(l);
    live(l);
}

void life_go_on(life *l, uint32_t crash_at)
{
    kit *k = l->k;
    kit_close(k);
    forget_and_look(l);
    k->moments = 0;
    k->crash_at = crash_at;
    kit_open(k);
    if (k->rows[LIFE_DEAL].revision > 0) {
        l->restored_raised |= stored_queue(k, 0, true) > 0;
        kit_restore(k, LIFE_DEAL);
        check_restored(k);
        MUST(k->f->activate(k->machine, LIFE_DEAL, NULL, NULL) >= 0);
    } else {
        create(l);
    }
    live(l);
}

void life_free(life *l)
{
    kit_free(l->k);
}
