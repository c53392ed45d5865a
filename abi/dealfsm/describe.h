/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef DEALFSM_DESCRIBE_H
#define DEALFSM_DESCRIBE_H

/* Interface "describe/1": a machine told as data, enough to draw, check and drive it without its source. Each function
 * fills *out for index 0, 1, 2, … and answers DEALFSM_E_NOT_FOUND past the last one (DEALFSM_E_ARGUMENT for a bad
 * out). Texts end with NUL and live as long as the module; lists stand in the struct, `…_count` elements of them are set. [any] */

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { DEALFSM_LIST_MAX = 16 }; /* elements of a list */

typedef struct dealfsm_state_info {
    uint32_t struct_size;
    uint32_t status;
    const char *name;    /* as printed: "DealStatusNew" */
    const char *handler; /* "ProposeDeal", or "" */
    uint32_t is_final;
    uint32_t has_transition; /* 0: named, but no clause of this machine speaks of it */
    const char *identifier;  /* as the vocabulary has it; versions print 8 and 29 otherwise: "DealStatusFailing" */
    uint32_t is_initial;     /* 1: a new deal is in it */
    uint32_t reserved;
} dealfsm_state_info;

/* Who raises an event outside the handlers: nobody, the host at any time, the host when it has come to it (Open after create,
 * RecheckFunds when money has come). */
enum { DEALFSM_OUTSIDE_NEVER = 0, DEALFSM_OUTSIDE_ANY_TIME = 1, DEALFSM_OUTSIDE_OWN_TIME = 2 };

/* Events in the order of the specification's table; those without transition last. */
typedef struct dealfsm_event_info {
    uint32_t struct_size;
    uint32_t event;
    const char *name;          /* "ClientEventOpen" */
    uint32_t args_count;
    uint32_t from_outside; /* DEALFSM_OUTSIDE_… */
    uint32_t from_handler; /* 1: a handler may raise it */
    uint32_t has_transition;
    uint32_t args[DEALFSM_LIST_MAX];     /* kinds of values */
    const char *names[DEALFSM_LIST_MAX]; /* of the arguments */
} dealfsm_event_info;

enum { DEALFSM_FROM = 1, DEALFSM_FROM_MANY = 2, DEALFSM_FROM_ANY = 3 };
enum { DEALFSM_TO = 1, DEALFSM_TO_NO_CHANGE = 2, DEALFSM_TO_JUST_RECORD = 3 };

/* From…To clauses in the order of the specification, event by event. */
typedef struct dealfsm_clause_info {
    uint32_t struct_size;
    uint32_t event;
    uint32_t from;   /* DEALFSM_FROM…: the specification's word */
    uint32_t to;     /* DEALFSM_TO… */
    uint32_t target; /* status, for DEALFSM_TO */
    uint32_t states_count; /* 0 for FROM_ANY */
    uint32_t states[DEALFSM_LIST_MAX];
} dealfsm_clause_info;

typedef struct dealfsm_handler_info {
    uint32_t struct_size;
    uint32_t ops_count;
    const char *name;
    uint32_t ops[DEALFSM_LIST_MAX];    /* asked for, in order, at most once each in a run */
    uint32_t raises[DEALFSM_LIST_MAX]; /* events */
    uint32_t raises_count;
    uint32_t reserved;
} dealfsm_handler_info;

enum { DEALFSM_PURE = 1, DEALFSM_REPEAT_SAFE = 2, DEALFSM_ONCE = 3 };

typedef struct dealfsm_op_info {
    uint32_t struct_size;
    uint32_t op;
    const char *name;
    uint32_t args[DEALFSM_LIST_MAX]; /* kinds */
    const char *args_names[DEALFSM_LIST_MAX];
    uint32_t values[DEALFSM_LIST_MAX]; /* kinds, of an OK answer */
    const char *values_names[DEALFSM_LIST_MAX];
    uint32_t args_count;
    uint32_t values_count;
    uint32_t args_optional;   /* bit i: argument i may be NONE */
    uint32_t values_optional; /* bit i: value i may be NONE */
    uint32_t op_class;        /* DEALFSM_PURE, … */
    uint32_t environment_offset; /* of its function pointer in dealfsm_environment */
} dealfsm_op_info;

/* Fields in the order of the stored bytes. */
typedef struct dealfsm_field_info {
    uint32_t struct_size;
    uint32_t kind;
    const char *name;   /* the vectors' key: "payment_info.pay_ch" */
    const char *stored; /* the reference's name: "PaymentInfo.PayCh" */
    const char *unit;   /* "attoFIL", "bytes" or "" */
    uint32_t offset;    /* of the member in dealfsm_record: a pointer with its length behind it, or a number */
    uint32_t width;     /* bytes of the member: 16 for a span, 8 or 4 for a number */
    uint32_t presence;  /* offset of the has_… member; 0: always there, or a span whose null pointer means none */
    uint32_t optional;  /* 1: may be none */
} dealfsm_field_info;

typedef struct dealfsm_error_info {
    uint32_t struct_size;
    int32_t code;
    const char *name; /* "DEALFSM_E_ARGUMENT" */
    const char *text;
} dealfsm_error_info;

typedef struct dealfsm_describe_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    const char *machine_version; /* "client 0.5.6" */
    int32_t (*state)(uint32_t index, dealfsm_state_info *out);
    int32_t (*event)(uint32_t index, dealfsm_event_info *out);
    int32_t (*clause)(uint32_t index, dealfsm_clause_info *out);
    int32_t (*handler)(uint32_t index, dealfsm_handler_info *out);
    int32_t (*op)(uint32_t index, dealfsm_op_info *out);
    int32_t (*field)(uint32_t index, dealfsm_field_info *out);
    int32_t (*error)(uint32_t index, dealfsm_error_info *out);
} dealfsm_describe_v1;

#ifdef __cplusplus
}
#endif
#endif
