/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef FSM_MACHINE_H
#define FSM_MACHINE_H

/* A machine version as data, and the functions that run one: pure, without allocation, lock, clock or global. */

#include <stddef.h>

#include "record.h"
#include "vocabulary.h"

/* ---- Values: arguments of events and ops, values of answers. Numbers as in abi/dealfsm/base.h. */
typedef enum fsm_kind {
    FSM_NONE = 0,
    ARG_AMOUNT = 1,
    ARG_TEXT = 2,
    ARG_ERROR = 3,
    ARG_U64 = 4,
    ARG_CID = 5,
    ARG_ADDRESS = 6,
    ARG_STATUS = 7,
    ARG_CHANNEL = 8,
    ARG_FLAG = 9,
    ARG_BYTES = 10,
    ARG_PEER = 11,
    ARG_CBOR = 12
} fsm_kind;

typedef struct fsm_value {
    fsm_kind kind;
    uint64_t number; /* ARG_U64, ARG_STATUS, ARG_FLAG; the id of ARG_CHANNEL */
    fsm_bytes bytes; /* all others; the initiator of ARG_CHANNEL */
    fsm_bytes more;  /* the responder of ARG_CHANNEL */
} fsm_value;

enum {
    FSM_ARGS_MAX = 10,     /* arguments of an event or op, values of an answer */
    FSM_ANSWERS_MAX = 4,   /* ops of one handler run */
    FSM_CLAUSES_MAX = 9,   /* From...To clauses of an event */
    FSM_FROM_MAX = 6       /* states of a clause */
};

/* Where a step or handler puts bytes that it makes: a message, amounts, decimal texts. Results point into it and live
 * as long as it does; the record that a step starts from must not. Needs no initialisation. A step writes the first half of each array
 * only, a handler the second half only: what a handler raised may be stepped with the same scratch. */
typedef struct fsm_scratch {
    uint8_t amount[4][FSM_AMOUNT_INPUT_MAX];
    char text[2][FSM_TEXT_MAX + FSM_TEXT_OVERHANG]; /* looks ahead where a text is cut */
} fsm_scratch;

/* ---- Transitions */
typedef enum fsm_from { FSM_FROM = 1, FSM_FROM_MANY = 2, FSM_FROM_ANY = 3 } fsm_from;
typedef enum fsm_to { FSM_TO = 1, FSM_TO_NO_CHANGE = 2, FSM_TO_JUST_RECORD = 3 } fsm_to;

typedef struct fsm_clause {
    uint8_t from; /* fsm_from; 0 ends the list */
    uint8_t count;
    uint8_t states[FSM_FROM_MAX];
    uint8_t to; /* fsm_to */
    uint8_t target;
} fsm_clause;

/* Changes *after, a copy of the record before the event; the spans that it sets point into args or scratch. False:
 * the event is refused, *why (a constant text) says what cannot be done; *after is then dropped. */
typedef bool fsm_action(fsm_record *after, const fsm_value *args, fsm_scratch *scratch, const char **why);

typedef struct fsm_event {
    uint16_t line; /* where the row stands in its file: the order of the specification; 0: no transition */
    uint8_t args_count;
    uint8_t args[3];            /* fsm_kind */
    const char *args_names[3];
    fsm_action *action;         /* NULL: none */
    fsm_clause clauses[FSM_CLAUSES_MAX + 1];
} fsm_event;

/* ---- Entry handlers */
typedef struct fsm_answer {
    bool ok;
    bool shortfall;   /* not ok: CreatePaymentVoucher's ShortfallError, its amount is values[0] */
    fsm_bytes error;  /* text, when not ok */
    uint32_t count;
    fsm_value values[5];
} fsm_answer;

typedef enum fsm_wish { FSM_NOTHING = 0, FSM_RAISE = 1, FSM_ASK = 2 } fsm_wish;

typedef struct fsm_next {
    fsm_wish wish;
    uint32_t number; /* the event to raise or the op to ask */
    uint32_t count;
    fsm_value args[FSM_ARGS_MAX]; /* point into record, answers, scratch or constants */
} fsm_next;

/* What the handler of a state wants next, given the record as of its step and the answers of this run so far, in
 * order. Pure: the same input gives the same wish, so a run can be told again from its answers. */
typedef void fsm_handler_fn(const fsm_record *record, const fsm_answer *answers, uint32_t answered,
                            fsm_scratch *scratch, fsm_next *next);

typedef struct fsm_handler {
    const char *name;
    fsm_handler_fn *run;
    uint8_t ops[FSM_ANSWERS_MAX + 1]; /* asked, in order; 0 ends the list */
    uint8_t raises[9];                /* events; FSM_LIST_END ends the list */
    uint8_t states[4];                /* that run it; FSM_LIST_END ends the list */
} fsm_handler;
enum { FSM_LIST_END = 255 };

/* ---- Ops: what they take and give. */
typedef enum fsm_op_class { FSM_PURE = 1, FSM_REPEAT_SAFE = 2, FSM_ONCE = 3 } fsm_op_class;
typedef struct fsm_op {
    const char *name;
    uint8_t op_class;
    uint8_t args_count;
    uint8_t values_count;
    uint8_t args[FSM_ARGS_MAX + 1]; /* fsm_kind; | FSM_OPTIONAL: may be FSM_NONE */
    uint8_t values[5];
    const char *args_names[FSM_ARGS_MAX + 1];
    const char *values_names[5];
} fsm_op;
enum { FSM_OPTIONAL = 0x80 };

/* ---- A machine version */

/* Sets what creation sets, on a record that holds the proposal, store_id, total_funds, wallets and sender. */
typedef void fsm_begin_fn(fsm_record *record);

typedef struct fsm_machine {
    const char *version;      /* "client 0.5.6" */
    const fsm_event *events;  /* by event number, FSM_EVENT_COUNT rows at most */
    uint32_t events_count;
    uint32_t statuses_count;  /* this version names the statuses below it */
    const fsm_op *ops;        /* by op number; rows without name: not asked by this version */
    uint32_t ops_count;
    const fsm_handler *handlers;
    uint32_t handlers_count;
    const uint8_t *finals;    /* FSM_LIST_END ends each of these lists */
    const uint8_t *outside;   /* events that the host may raise */
    const uint8_t *own_time;  /* of these: not at any time, but when the host has come to it */
    const char *const *status_names; /* by number, statuses_count of them */
    fsm_begin_fn *begin;
    fsm_address_rule addresses;
} fsm_machine;

extern const fsm_machine fsm_client_0_5_6;
extern const fsm_machine fsm_client_1_0_9;
extern const fsm_machine fsm_client_1_28_3;

/* ---- Running one */
typedef enum fsm_result {
    FSM_APPLIED = 0,
    FSM_TERMINATED = 1,         /* the state is final */
    FSM_INVALID_TRANSITION = 2, /* no entry for (event, state) */
    FSM_ACTION_FAILED = 3
} fsm_result;

typedef struct fsm_outcome {
    fsm_result result;
    bool handler_owed;  /* the state now held has a handler, and the clause runs it */
    bool is_final;      /* of the state now held */
    const char *why;    /* ACTION_FAILED: a constant text */
} fsm_outcome;

/* Checks an event as it is handed in, before any state is looked at: unknown event, argument count, argument kinds
 * from left to right and whether they are well formed (an undefined, empty CID or address passes here: where it would
 * have to be stored the action refuses it). */
typedef enum fsm_check {
    FSM_CHECK_OK = 0,
    FSM_UNKNOWN_EVENT = 1,
    FSM_ARGUMENT_COUNT = 2,
    FSM_ARGUMENT_TYPE = 3
} fsm_check;
fsm_check fsm_check_event(const fsm_machine *machine, uint32_t event, const fsm_value *args, uint32_t count,
                          uint32_t *bad_argument);

/* One step: look-up, action on a copy, status. The event must have passed fsm_check_event. Unless the result is APPLIED
 * *after is not defined. after must not be before. */
fsm_outcome fsm_step(const fsm_machine *machine, const fsm_record *before, uint32_t event, const fsm_value *args,
                     fsm_scratch *scratch, fsm_record *after);

/* The clause that an event takes in a state (final states are not looked at), or NULL. Exact entries beat FROM_ANY. */
const fsm_clause *fsm_find_clause(const fsm_machine *machine, uint32_t event, uint64_t status);
const fsm_handler *fsm_find_handler(const fsm_machine *machine, uint64_t status);
bool fsm_is_final(const fsm_machine *machine, uint64_t status);
/* The printed name; "" for a number that this version does not name. */
const char *fsm_status_name(const fsm_machine *machine, uint64_t status);
/* As the vocabulary names it, whatever the version prints: "DealStatusFailing". */
const char *fsm_status_identifier(uint64_t status);
const char *fsm_event_name(uint32_t event); /* "ClientEventOpen" */

/* Whether an answer's values have the number and kinds that the op gives. */
bool fsm_check_answer(const fsm_machine *machine, uint32_t op, const fsm_answer *answer);

/* The record of a new deal, from one that holds the proposal, store_id, total_funds, wallets and sender. False: it
 * could not be stored or would never work; *why says what. */
bool fsm_create(const fsm_machine *machine, fsm_record *record, const char **field, const char **why);
/* What creation sets, shared by the versions (spec page v0.5.6, "One event, step by step"). */
fsm_begin_fn fsm_begin;

/* Checks the invariants of a machine's data: NULL, or a constant text that says what is wrong. */
const char *fsm_verify(const fsm_machine *machine);

#endif
