/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_BENCH_SUBJECT_H
#define TOOLS_BENCH_SUBJECT_H

/* What is measured: something that takes deals along the 14-event path. */

#include <stdbool.h>
#include <stdint.h>

typedef struct bench_subject {
    /* Room for so many deals at a time; NULL: no memory. ctx is the subject's own. */
    void *(*open)(void *ctx, uint32_t deals);
    /* Makes `deals` new deals. Not measured. */
    bool (*prepare)(void *self, uint32_t deals);
    /* Takes deals [first, first + count) along the path side by side: each event for all of them before the next. */
    void (*run)(void *self, uint32_t first, uint32_t count);
    /* Whether all deals that were prepared have ended as they must; removes them. Not measured. */
    bool (*finish)(void *self, uint32_t deals);
    void (*close)(void *self);
} bench_subject;

/* The hand-written switch; ctx is ignored. */
extern const bench_subject bench_subject_switch;

/* The step of fsm/ stands in a small shared object of its own, for programs do not link fsm/. It exports this function,
 * which gives its subject; ctx is ignored there, too. */
#define BENCH_FSM_SYMBOL "dealfsm_bench_fsm"
typedef const bench_subject *bench_fsm_fn(void);

#endif
