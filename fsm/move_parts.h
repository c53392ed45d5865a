/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef FSM_MOVE_PARTS_H
#define FSM_MOVE_PARTS_H

/* What the moves share. */

#include "move.h"

/* A row of a move's table of statuses; the first row whose condition holds counts. A status without a row is refused. */
typedef enum fsm_when {
    FSM_ALWAYS = 0,
    FSM_WITH_PAYMENT_INFO,
    FSM_WITHOUT_PAYMENT_INFO,
    FSM_WITHOUT_CHANNEL
} fsm_when;
typedef struct fsm_status_row {
    uint8_t status;
    uint8_t when;
    uint8_t verdict;
    uint8_t target;
    const char *why;
} fsm_status_row;

#define SAME(status) {status, FSM_ALWAYS, FSM_MOVES, status, 0}
#define BECOMES(status, target) {status, FSM_ALWAYS, FSM_MOVES, target, 0}
#define BECOMES_IF(condition, status, target) {status, condition, FSM_MOVES, target, 0}
#define STAYS(status, why) {status, FSM_ALWAYS, FSM_STAYS, 0, why}
#define STAYS_IF(condition, status, why) {status, condition, FSM_STAYS, 0, why}
#define REFUSED(status, why) {status, FSM_ALWAYS, FSM_REFUSED, 0, why}
#define REFUSED_IF(condition, status, why) {status, condition, FSM_REFUSED, 0, why}

/* Sets the record's status by the table. */
fsm_verdict fsm_move_status(fsm_traveller *t, const fsm_status_row *rows, uint32_t count, const char **why);

/* Pending calls: a deal whose handler has asked a once op stays. */
fsm_verdict fsm_move_pending(const fsm_traveller *t, const char **why);

/* Way down: an event that the old version would apply in its state and the new one refuses in the mapped state, or that the
 * new one does not know, stays. */
fsm_verdict fsm_move_queue_down(const fsm_traveller *t, const fsm_machine *old, uint64_t old_status,
                                const fsm_machine *new, const char **why);
/* Way up: an event that the new version does not take is malformed. */
fsm_verdict fsm_move_queue_up(const fsm_traveller *t, const fsm_machine *new, const char **why);

/* The first queued event of that number, or NULL. */
fsm_queued *fsm_move_find(fsm_traveller *t, uint32_t event);
/* Joins texts in the traveller's bytes. */
fsm_bytes fsm_move_join(fsm_traveller *t, const fsm_bytes *parts, uint32_t count);
/* Stores an amount in the traveller's bytes; false: it does not fit. */
bool fsm_move_store(fsm_traveller *t, const fsm_amount *amount, uint32_t max, fsm_bytes *out);
bool fsm_move_is_zero(fsm_bytes amount);
/* Whether client wallet, miner wallet or payment channel breaks a version's rule for addresses. */
bool fsm_move_bad_address(const fsm_record *record, const fsm_address_rule *rule);
/* Whether one of the record's CIDs does. */
bool fsm_move_bad_cid(const fsm_record *record, const fsm_address_rule *rule);

#endif
