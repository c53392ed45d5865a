/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef MOVE_KIT_H
#define MOVE_KIT_H

/* Deals between machine versions, through the loaded modules: the three of them, a host whose deals wait for answers, golden
 * vectors line by line, sidecars as plain members. */

#include <dealfsm/module.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../tools/description.h"
#include "../tools/values.h"
#include "check_kit.h"
#include "must.h"

enum { A, B, C, VERSIONS }; /* client 0.5.6, 1.0.9, 1.28.3: each is the neighbour of the next */

typedef struct move_module {
    const char *version; /* "client 0.5.6" */
    const char *vectors; /* folder */
    const dealfsm_functions *f;
    const dealfsm_record_v1 *record;
    description machine;
} move_module;

/* Where its file is. */
enum { MOVE_PATH = 1024 };
void move_module_path(int version, char *path);
/* Loaded at the first call. */
const move_module *move_module_of(int version);

/* ---- A deal outside a machine. Large: allocate it once. */
typedef struct parcel {
    int version; /* of the bytes */
    uint64_t deal;
    uint64_t record_len;
    uint64_t sidecar_len; /* 0: a bare record */
    uint8_t record[1 << 19];
    uint8_t sidecar[1 << 20];
} parcel;

typedef struct parcel_event {
    uint32_t event;
    bool raised;
    uint32_t count;
    dealfsm_value args[3];
} parcel_event;

/* What a sidecar says. Spans point into the parcel. */
enum { OWED = 1, WITHOUT_KEY = 2, ASKED_ONCE = 4, KEYLESS_LATER = 8 };
enum { MARK_NO = 0, MARK_YES = 1, MARK_UNKNOWN = 2 };
enum { PARCEL_QUEUE = 64 };
typedef struct parcel_side {
    uint64_t sequence;
    uint64_t revision;
    uint32_t owed;
    uint32_t mark;
    uint32_t queued;
    parcel_event queue[PARCEL_QUEUE];
    uint32_t carried; /* records of other versions */
} parcel_side;
void parcel_read(const parcel *p, parcel_side *out);
/* Its record, as members that point into the parcel. */
void parcel_record(const parcel *p, dealfsm_record *out);

/* ---- A host: an op is kept until it is answered, puts are durable at once. */
typedef struct move_op {
    uint32_t op; /* 0: none */
    uint64_t sequence;
    uint32_t nth;
    uint32_t flags;
} move_op;

typedef struct move_host {
    int version;
    dealfsm_environment environment;
    dealfsm_store_v1 store;
    dealfsm_machine *machine;
    void (*on_op)(struct move_host *h, const dealfsm_op *op); /* NULL: the op waits in `open` */
    void *ctx;
    move_op open;
    uint64_t once_asked; /* sequence of the last once op that was asked, plus 1 */
    bool puts_fail;      /* of its store: what was accepted or raised then waits in the queue */
    parcel *row;         /* where the last put is kept, NULL: nowhere */
    bool fail_next;      /* after the next put that is durable they fail again */
} move_host;

void move_host_open(move_host *h, int version);
void move_host_close(move_host *h);

/* Takes a deal in: 0 or DEALFSM_E_STAYS, DEALFSM_E_REFUSED with its reason; anything else fails the test. flags: of a snapshot. */
int32_t move_take(move_host *h, const parcel *p, uint32_t flags, dealfsm_error *error);
/* Its snapshot as `version` has it. */
int32_t move_give(move_host *h, uint64_t deal, int version, parcel *out, dealfsm_error *error);
void move_drop(move_host *h, uint64_t deal);

/* Moves *from to *out->version: upwards the goal's module does it, downwards that of *from. The hosts are those that only
 * move deals. */
int32_t move_parcel(const parcel *from, int to, parcel *out, dealfsm_error *error);

/* ---- Golden vectors: calls `each` with every line of "records.jsonl.gz" and the like. */
typedef void move_line_fn(void *ctx, const json_t *line);
void move_lines(int version, const char *file, move_line_fn *each, void *ctx);
/* "cbor" or another key of hex into a bare parcel of deal record.id. */
void move_bare(int version, values_arena *arena, const json_t *record, parcel *out);
/* A step of a trace is an event or the answer to an op: reads it. false: the event's arguments have no form here, it would be
 * refused. */
bool move_is_answer(const json_t *step);
bool move_event(values_arena *arena, const json_t *step, dealfsm_event *out);
void move_answer(int version, values_arena *arena, uint64_t deal, const move_op *op, const json_t *step, dealfsm_answer *out);
/* Does a step: dispatches its event, or answers the open op. */
void move_step(move_host *h, values_arena *arena, uint64_t deal, const json_t *step);

#endif
