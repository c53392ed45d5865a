/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef MOVE_ORACLE_H
#define MOVE_ORACLE_H

/* What the page of migrations says becomes of a deal, told once more: on plain members, with GMP's numbers. */

#include "move_kit.h"

enum { SAYS_STAYS = 1, SAYS_REFUSED = 2 };

typedef struct expected {
    dealfsm_record record;
    parcel_side side;
    uint32_t no; /* what the page says against it, all of it: SAYS_… set */
    bool final_state;
    bool queue_changed;
    values_arena *arena; /* for amounts and texts that are made */
} expected;

/* Makes *it what the page makes of a deal on `from` when it goes to `to`, step by step, as far as no step says no. */
void oracle_move(expected *it, int from, int to);

#endif
