/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* The step of fsm/ along the 14-event path, as a shared object that dealfsm-bench opens beside a module: programs know
 * nothing of fsm/, and a shared object lets the step run in the same process, in turns with what it is held against. */

#include <stdlib.h>

#include "../fsm/machine.h"
#include "../tools/bench_path.h"
#include "../tools/bench_subject.h"

typedef struct stepped {
    fsm_record terms;
    uint32_t events[PATH_EVENTS];
    fsm_value args[PATH_EVENTS][2];
    fsm_scratch scratch[PATH_EVENTS]; /* amounts of a record lie in those of the steps that made them */
    bool refused;
    fsm_record records[][2]; /* before and after, in turns */
} stepped;

static fsm_bytes bytes(const uint8_t *data, uint64_t length)
{
    return (fsm_bytes){data, (uint32_t)length};
}

/* The record of a new deal. */
static void read_terms(fsm_record *out, const dealfsm_record *terms)
{
    *out = (fsm_record){.payload_cid = bytes(terms->payload_cid, terms->payload_cid_len),
                        .selector = bytes(terms->selector, terms->selector_len),
                        .piece_cid = bytes(terms->piece_cid, terms->piece_cid_len),
                        .price_per_byte = bytes(terms->price_per_byte, terms->price_per_byte_len),
                        .payment_interval = terms->payment_interval,
                        .payment_interval_increase = terms->payment_interval_increase,
                        .unseal_price = bytes(terms->unseal_price, terms->unseal_price_len),
                        .has_store_id = terms->has_store_id != 0,
                        .store_id = terms->store_id,
                        .has_channel = true,
                        .total_funds = bytes(terms->total_funds, terms->total_funds_len),
                        .client_wallet = bytes(terms->client_wallet, terms->client_wallet_len),
                        .miner_wallet = bytes(terms->miner_wallet, terms->miner_wallet_len),
                        .current_interval = terms->payment_interval,
                        .status = DealStatusNew};
}

static void *stepped_open(void *ctx, uint32_t deals)
{
    (void)ctx;
    stepped *s = calloc(1, sizeof *s + deals * sizeof *s->records);
    if (s == NULL) {
        return NULL;
    }
    read_terms(&s->terms, &path_terms);
    for (uint32_t i = 0; i < PATH_EVENTS; i++) {
        s->events[i] = path_events[i].event;
        for (uint32_t k = 0; k < path_events[i].args_count; k++) {
            const dealfsm_value *v = &path_events[i].args[k];
            s->args[i][k] =
                (fsm_value){(fsm_kind)v->kind, v->number, bytes(v->data, v->data_len), bytes(v->data2, v->data2_len)};
        }
    }
    return s;
}

static bool stepped_prepare(void *self, uint32_t deals)
{
    stepped *s = self;
    s->refused = false;
    for (uint32_t i = 0; i < deals; i++) {
        s->records[i][0] = s->terms;
        s->records[i][0].id = i;
    }
    return true;
}

static void stepped_run(void *self, uint32_t first, uint32_t count)
{
    stepped *s = self;
    for (uint32_t k = 0; k < PATH_EVENTS; k++) {
        for (uint32_t i = first; i < first + count; i++) {
            fsm_record *before = &s->records[i][k % 2];
            fsm_record *after = &s->records[i][(k + 1) % 2];
            const fsm_outcome outcome =
                fsm_step(&fsm_client_0_5_6, before, s->events[k], s->args[k], &s->scratch[k], after);
            s->refused |= outcome.result != FSM_APPLIED;
        }
    }
}

static bool stepped_finish(void *self, uint32_t deals)
{
    const stepped *s = self;
    bool well = !s->refused;
    for (uint32_t i = 0; i < deals && well; i++) {
        const fsm_record *r = &s->records[i][PATH_EVENTS % 2];
        const path_end end = {.status = r->status,
                              .total_received = r->total_received,
                              .bytes_paid_for = r->bytes_paid_for,
                              .current_interval = r->current_interval,
                              .funds_spent = path_small_amount(r->funds_spent.data, r->funds_spent.size)};
        well = path_ended_well(&end);
    }
    return well;
}

static const bench_subject subject = {stepped_open, stepped_prepare, stepped_run, stepped_finish, free};

__attribute__((visibility("default"))) bench_fsm_fn dealfsm_bench_fsm;

const bench_subject *dealfsm_bench_fsm(void)
{
    return &subject;
}
