/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef BORDER_LIFE_H
#define BORDER_LIFE_H

/* Lives of a deal over crashes: a course says what comes from outside, and a life takes the deal through it to its
 * end, however often the process ends meanwhile. Then there is nothing but what the store has made durable and what
 * the world did, by op key. */

#include "border_kit.h"

enum { LIFE_DEAL = 1, COURSE_STEPS = 24, LIFE_OPS = 64 };
enum { CLIENT_0_5_6, CLIENT_1_0_9, CLIENT_1_28_3, CLIENTS };

/* ---- Courses */

/* When a step comes: when all is quiet; in a call of the op; while the put is under way that makes an event durable.
 * One that has not come then, because the process ended, comes in the next call of the host, or when all is quiet. */
enum { WHEN_QUIET, WHEN_ASKED, WHEN_PUT };
/* Beside the numbers of the ABI: the end of the list, and a payment channel that gets funds. */
enum { STEP_NONE = 0, STEP_FUNDS = 0xffff };
/* Whatever op waits for a payment channel's message. */
enum { OP_WAIT = 0xffff };

typedef struct course_step {
    uint32_t event; /* a ClientEvent, + 1 */
    uint64_t number;
    uint32_t when;
    uint32_t where; /* the op, the event */
} course_step;

enum { TERMS_PLAIN, TERMS_UNSEAL, TERMS_SMALL, TERMS_FREE };
enum { CHANNEL_NEW, CHANNEL_EXISTS, CHANNEL_READY };

typedef struct course {
    const char *name;
    uint64_t ends[CLIENTS]; /* the status at the end, by version; New: not a course of that version */
    uint32_t terms;         /* 300 attoFIL for unsealing; TotalFunds 2,500 attoFIL; price and TotalFunds 0 */
    uint32_t channel;
    uint64_t funds;  /* the channel has so much, in attoFIL; 0: plenty */
    uint64_t coming; /* … and so much is on its way */
    struct {
        uint32_t op, nth;
    } fails;                    /* the op that is answered with an error: its nth key, 0: each */
    const char *puts, *answers; /* letters of border_kit.h, until they are used up */
    course_step steps[COURSE_STEPS];
} course;

extern const course courses[];
extern const uint32_t courses_count;

/* ---- Lives */

typedef struct life_op {
    uint32_t op;
    uint64_t sequence;
    uint32_t outcome;
    uint64_t missing;
} life_op;

typedef struct life {
    kit *k;
    const course *course;
    uint32_t client;
    uint32_t handed_in; /* bits of steps: taken, in this life of the process or one before it */
    uint32_t applied;   /* … of which dispatch said that they are durable */
    uint32_t ended;     /* … that were refused when handed in */
    uint64_t promises[COURSE_STEPS];

    life_op ops[LIFE_OPS]; /* every key that was asked, with what the world made of it */
    uint32_t ops_count;
    uint64_t vouchers[LIFE_OPS]; /* amounts, in attoFIL */
    uint32_t vouchers_count;
    uint8_t channel[64]; /* the payment channel and lane that the deal has */
    uint64_t channel_len;
    uint64_t lane;
    bool restored_raised;   /* an event that a handler had raised was in the queue of a row that was restored */
    uint64_t been_in, seen; /* bits: statuses of the rows, events that were applied */
} life;

/* A life before its first moment. put: default letter; answer: default letter. */
life life_new(const dealfsm_functions *f, uint32_t client, const course *c, char put, char answer);
/* From the beginning until nothing is left to do, or the process ends. */
void life_go(life *l);
/* The process has ended: what it knew is gone. Another one goes on, until its crash_at-th moment; 0: to the end. */
void life_go_on(life *l, uint32_t crash_at);
void life_free(life *l);
/* Whether step i is done. */
bool life_did(const life *l, uint32_t i);
/* How often the event is in the store's history, from outside. */
uint32_t life_in_history(const life *l, uint32_t event);

/* ---- Books (border_books.c) */

/* As of kit.decide: errors of the course, shortfalls, vouchers that are not above the best one. */
uint32_t books_decide(kit *k, const kit_op *op, uint64_t *missing);
/* What must be true of each row that is put. */
void books_check_row(life *l, const dealfsm_put *put);
/* What must be true of an op that is asked. */
void books_check_op(const life *l, const dealfsm_op *op);
/* At the end the books balance. */
void books_check_end(const life *l);

#endif
