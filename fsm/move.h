/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef FSM_MOVE_H
#define FSM_MOVE_H

/* How live deals move between neighbouring machine versions, up and down: pure functions on a deal that stands still.
 * Source: migrations.md; its words are used. */

#include "machine.h"

typedef enum fsm_verdict {
    FSM_MOVES = 0,
    FSM_STAYS = 1,  /* not now: it leaves this situation by itself */
    FSM_REFUSED = 2 /* the other version has no honest equal */
} fsm_verdict;

typedef struct fsm_queued {
    uint32_t event;
    uint32_t count;
    fsm_value args[3];
} fsm_queued;

/* The mark `unversioned`, which client 1.28.3 needs: whether the deal's transfer was opened with unversioned vouchers. */
typedef enum fsm_mark { FSM_MARK_NO = 0, FSM_MARK_YES = 1, FSM_MARK_UNKNOWN = 2 } fsm_mark;

typedef struct fsm_traveller {
    fsm_record record;
    fsm_queued *queue;
    uint32_t queued;
    bool handler_owed;
    bool asked_once; /* the owed handler has asked a once op */
    fsm_mark unversioned;
    uint8_t *bytes; /* for what a move makes: fsm_move_room bytes, used from the front */
} fsm_traveller;

/* Bytes that a traveller needs for one move. */
uint64_t fsm_move_room(const fsm_traveller *t);

/* Changes *t to what the other version has. Unless it moves, *why (a constant text) tells the reason and *t is to be dropped.
 * The selector's form (1.0.9 -> 1.28.3) is the business of who knows CBOR. */
typedef fsm_verdict fsm_move(fsm_traveller *t, const char **why);

fsm_move fsm_move_0_5_6_to_1_0_9;
fsm_move fsm_move_1_0_9_to_0_5_6;
fsm_move fsm_move_1_0_9_to_1_28_3;
fsm_move fsm_move_1_28_3_to_1_0_9;

#endif
