/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* The hand-written switch along the path. */

#include <stdlib.h>

#include "bench_path.h"
#include "bench_subject.h"
#include "bench_switch.h"

typedef struct bare {
    switch_record terms;
    uint32_t events[PATH_EVENTS];
    switch_value args[PATH_EVENTS][2];
    char text[SWITCH_TEXT];
    bool refused;
    switch_record records[];
} bare;

static switch_bytes bytes(const uint8_t *data, uint64_t length)
{
    return (switch_bytes){data, (uint32_t)length};
}

static void read_terms(switch_record *out, const dealfsm_record *terms)
{
    *out = (switch_record){
        .current_interval = terms->payment_interval,
        .payment_interval = terms->payment_interval,
        .payment_interval_increase = terms->payment_interval_increase,
        .has_store_id = terms->has_store_id != 0,
        .store_id = terms->store_id,
        .payload_cid = bytes(terms->payload_cid, terms->payload_cid_len),
        .selector = bytes(terms->selector, terms->selector_len),
        .piece_cid = bytes(terms->piece_cid, terms->piece_cid_len),
        .client_wallet = bytes(terms->client_wallet, terms->client_wallet_len),
        .miner_wallet = bytes(terms->miner_wallet, terms->miner_wallet_len),
    };
    switch_amount_load(&out->price_per_byte, bytes(terms->price_per_byte, terms->price_per_byte_len));
    switch_amount_load(&out->unseal_price, bytes(terms->unseal_price, terms->unseal_price_len));
    switch_amount_load(&out->total_funds, bytes(terms->total_funds, terms->total_funds_len));
}

static void *bare_open(void *ctx, uint32_t deals)
{
    (void)ctx;
    bare *b = calloc(1, sizeof *b + deals * sizeof *b->records);
    if (b == NULL) {
        return NULL;
    }
    read_terms(&b->terms, &path_terms);
    for (uint32_t i = 0; i < PATH_EVENTS; i++) {
        b->events[i] = path_events[i].event;
        for (uint32_t k = 0; k < path_events[i].args_count; k++) {
            const dealfsm_value *v = &path_events[i].args[k];
            b->args[i][k] = (switch_value){v->number, bytes(v->data, v->data_len), bytes(v->data2, v->data2_len)};
        }
    }
    return b;
}

static bool bare_prepare(void *self, uint32_t deals)
{
    bare *b = self;
    b->refused = false;
    for (uint32_t i = 0; i < deals; i++) {
        b->records[i] = b->terms;
        b->records[i].id = i;
    }
    return true;
}

static void bare_run(void *self, uint32_t first, uint32_t count)
{
    bare *b = self;
    for (uint32_t k = 0; k < PATH_EVENTS; k++) {
        for (uint32_t i = first; i < first + count; i++) {
            b->refused |= switch_step(&b->records[i], b->events[k], b->args[k], b->text) == SWITCH_REFUSED;
        }
    }
}

static bool bare_finish(void *self, uint32_t deals)
{
    const bare *b = self;
    bool well = !b->refused;
    for (uint32_t i = 0; i < deals && well; i++) {
        const switch_record *r = &b->records[i];
        const path_end end = {.status = r->status,
                              .total_received = r->total_received,
                              .bytes_paid_for = r->bytes_paid_for,
                              .current_interval = r->current_interval,
                              .funds_spent = r->funds_spent.used == 1 ? r->funds_spent.limb[0] : 0};
        well = path_ended_well(&end);
    }
    return well;
}

const bench_subject bench_subject_switch = {bare_open, bare_prepare, bare_run, bare_finish, free};
