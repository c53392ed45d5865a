/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef BORDER_TRIAL_H
#define BORDER_TRIAL_H

/* Trials: a course, a machine version and a manner of the host, lived through once without mishap, and then again
 * and again with crashes and faults; the ends are compared. */

#include "border_life.h"

/* Trials have numbers: TRIAL_LOOP for each version, one for each of its courses; and each has MANNERS. */
enum { MANNERS = 4, TRIAL_LOOP = 1000 };

/* How it ends when nothing goes wrong. */
typedef struct ending {
    uint8_t record[1024];
    uint64_t record_len;
    kit_op effects[KIT_EFFECTS];
    uint32_t effects_count;
    uint32_t moments, puts, ops;
} ending;

typedef struct trial {
    uint32_t client;
    uint32_t number; /* among its version's */
    const course *course;
    const char *manner;      /* default letters as in border_kit.h: of puts, of answers */
    uint32_t singles, pairs; /* of moments, and of pairs of them, every so-manieth is tried, */
    uint32_t single, pair;   /* … counted here */
    ending expected;
} trial;

/* What the processes of all tests count, by version. A trial that has begun and not ended has come upon a violation. */
typedef struct figures {
    uint32_t courses, begun, ended;
    uint64_t lives;
} figures;
extern figures *trials;

extern const char *const clients[CLIENTS];
/* NULL: not tried. */
extern const dealfsm_functions *client_modules[CLIENTS];

/* Loads the modules that the build made, or the one that DEALFSM_TEST_MODULE names. Before the first trial. */
void trials_begin(void);
/* Shows the figures. */
void trials_end(void);

/* Tries a course in every manner: after a life that nothing disturbs, whose end is kept, `lives` lives the others. */
void trial_run(int number, void (*lives)(trial *t));
/* All are tried: DEALFSM_CRASH_ALL. */
bool trial_all(void);
/* Whether the next one is among those that are tried. */
bool trial_takes_single(trial *t);
bool trial_takes_pair(trial *t);
life trial_life(const trial *t);
/* P4: a life that is over. Whoever starts again finds nothing to do. */
void trial_check_started_again(life *l);
/* The end of a life, held against the end of the one that nothing disturbed; frees it. */
void trial_check_end(const trial *t, life *l);

#endif
