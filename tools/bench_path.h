/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_BENCH_PATH_H
#define TOOLS_BENCH_PATH_H

/* The 14-event path: a retrieval over a new payment channel, paid in two vouchers. Events, arguments and answers are
 * those of the first line of the golden traces of v0.5.6. */

#include <stdbool.h>
#include <stddef.h>

#include <dealfsm/machine.h>

enum {
    PATH_EVENTS = 14,
    PATH_HANDED_IN = 8,      /* of them; handlers raise the others */
    PATH_OP_LIMIT = 10,      /* op numbers are below */
    PATH_ONGOING_EVENTS = 5, /* of the 14, until the deal is in Ongoing */
    PATH_ONGOING = 2 /* after so many events handed in the deal is in Ongoing, and its payment channel is ready */
};

typedef struct path_event {
    uint32_t event;
    bool handed_in;
    uint32_t args_count;
    dealfsm_value args[2];
} path_event;
extern const path_event path_events[PATH_EVENTS];

/* What an op is answered with: by its number, and the sequence of the transition that owes it. No pair comes twice on the
 * path. */
typedef struct path_op {
    bool known;
    uint32_t values_count;
    dealfsm_value values[2];
} path_op;
extern const path_op path_ops[PATH_OP_LIMIT][PATH_EVENTS + 1];

/* The terms of a deal; `id` is the caller's to set. */
extern const dealfsm_record path_terms;

/* The answer to an op of the path; UNKNOWN to another. Inline, as it is part of what is measured. */
static inline dealfsm_answer path_answer(const dealfsm_op *op)
{
    const path_op *answer =
        op->op < PATH_OP_LIMIT && op->sequence <= PATH_EVENTS ? &path_ops[op->op][op->sequence] : NULL;
    dealfsm_answer out = {.struct_size = sizeof out,
                          .op = op->op,
                          .deal = op->deal,
                          .sequence = op->sequence,
                          .nth = op->nth,
                          .outcome = DEALFSM_ANSWER_UNKNOWN};
    if (answer != NULL && answer->known) {
        out.outcome = DEALFSM_ANSWER_OK;
        out.values = answer->values;
        out.values_count = answer->values_count;
        out.values_stride = sizeof *answer->values;
    }
    return out;
}
/* An environment whose ops all come to `ask`. */
dealfsm_environment path_environment(dealfsm_op_fn *ask, void *ctx);

/* What a deal has come to at the end of the path. */
typedef struct path_end {
    uint64_t status;
    uint64_t total_received;   /* bytes */
    uint64_t bytes_paid_for;   /* bytes */
    uint64_t current_interval; /* bytes */
    uint64_t funds_spent;      /* attoFIL */
} path_end;
bool path_ended_well(const path_end *end);
bool path_record_ended_well(const dealfsm_record *record);

/* A positive amount in its stored form that fits 64 bits. */
uint64_t path_small_amount(const uint8_t *stored, uint64_t length);

#endif
