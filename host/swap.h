/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef HOST_SWAP_H
#define HOST_SWAP_H

/* What the files of a swap share, and what other files of the library ask of it.
 *
 * A deal that takes part has a host_move at its route, guarded by the shard's lock. Whoever finds that something may
 * have changed *drives* it: one thread at a time (`driven`), which does what can be done and never waits; a second one
 * leaves a note (`again`) and goes its way. No lock is held while a machine is called. */

#include <dealfsm/swap.h>

#include "host.h"

/* ---- One deal */

typedef enum host_move_stage {
    MOVE_WAITS = 0, /* stays: tried again when its revision has changed. Nothing is held */
    MOVE_STARTS,    /* freeze has to be asked for */
    MOVE_FREEZES,   /* freeze said BUSY: at_rest will come */
    MOVE_FROZEN,    /* frozen on the old side */
    MOVE_ACTIVATES, /* the new side has been activated, its put is not known to be durable */
    MOVE_RETURNS,   /* the old side has to be thawed */
    MOVE_GIVES,     /* what was held goes to the side that goes on */
    MOVE_OVER
} host_move_stage;

typedef struct host_held host_held;

typedef struct host_move {
    uint64_t deal;
    dealfsm_swap *swap;
    host_generation *from;
    host_generation *to;
    host_move_stage stage; /* changed by the driver only, with the shard's lock held */
    bool driven;
    bool again;
    bool rested;  /* at_rest has come */
    bool listens; /* one-deal subscriptions have their part in `to`; guarded by the host's lock */
    bool flipped; /* the route shows `to` */
    bool back;    /* the old side goes on */
    bool trial;   /* it is tried at its rest, and goes on where it was */
    uint32_t verdict;
    uint64_t tried;    /* the driver's: revision at the last attempt; 0: none */
    uint64_t revision; /* the driver's: of the frozen deal */
    uint64_t put;      /* highest revision that `to` has put */
    uint64_t since;    /* the driver's: nanoseconds, of the freeze */
    host_held *first;
    host_held **last;
    uint64_t held;
    uint64_t held_bytes;
    bool blocked; /* the side that goes on has no room for the first event that is held */
} host_move;

/* ---- A swap */

typedef struct swap_deal {
    uint64_t deal;
    uint64_t status;
    char *reason; /* or NULL */
    uint32_t verdict;
    bool asked; /* it was at rest when it was tried */
} swap_deal;

/* Deals that have yet to begin to move, and are not held meanwhile. */
typedef struct swap_line {
    uint64_t *deals;
    size_t next, count, room;
    size_t stored; /* from here on they are only in a store */
} swap_line;

struct dealfsm_swap {
    dealfsm_swap *next; /* of the host; guarded by its lock */
    dealfsm_host *host;
    host_generation *generations[2]; /* from, to */
    dealfsm_swap_options options;    /* with defaults filled in */
    atomic_flag working;             /* a thread is in a call that changes the phase */
    atomic_uint phase;
    atomic_bool begun;  /* deals move, or have moved */
    atomic_bool opened; /* to all deals: those that arrive move on, new ones go to the new side */
    atomic_bool reverting;
    atomic_bool late;
    atomic_uint attached;   /* moves at routes */
    atomic_uint moving;     /* of them, on their way, or about to be told of */
    atomic_uint freezing;   /* of them, they have not come to rest */
    atomic_uint putting;    /* of them, their puts are under way */
    atomic_ullong landed;   /* puts that were */
    atomic_int failure;     /* of a trial at rest that says that the new module must not be used */
    atomic_uint users;      /* drivers that still use this struct */
    atomic_ullong deadline; /* nanoseconds, of the phase; 0: none */
    atomic_uint tried;      /* the phase that was last tried */
    atomic_ullong tried_at; /* nanoseconds: for the first time */
    atomic_ullong ended;    /* of those that moved, at the last look */
    atomic_ullong stalled;  /* likewise */
    uint64_t landed_before; /* at the last look; guarded by `working` */

    pthread_mutex_t lock; /* guards all below */
    swap_line line;
    swap_deal *deals; /* ascending */
    size_t deals_count;
    size_t deals_room;
    uint64_t count[DEALFSM_SWAP_VERDICTS];
    uint64_t longest_pause;
};

/* The side that deals leave, and the one that they come to; by way of the direction. */
host_generation *swap_from(const dealfsm_swap *swap);
host_generation *swap_to(const dealfsm_swap *swap);
uint64_t swap_now(void); /* nanoseconds */

/* ---- What the phases share: swap.c */
typedef int32_t swap_each_fn(dealfsm_swap *swap, uint64_t deal, void *ctx, dealfsm_error *error);
/* Calls for all deals of a machine, ascending, until one answers negative, or the deadline passes. */
int32_t swap_each(dealfsm_swap *swap, const host_generation *side, swap_each_fn *fn, void *ctx, dealfsm_error *error);
/* The deadline of the phase has passed. */
bool swap_is_late(dealfsm_swap *swap);
void swap_tell(dealfsm_swap *swap);
int32_t swap_no_memory(dealfsm_error *error);
/* Deals that the side they leave has let go of: they are only in its store. *ids is the caller's to free. */
int32_t swap_stored(dealfsm_swap *swap, uint64_t **ids, size_t *count, dealfsm_error *error);

/* ---- Before anything moves: swap_try.c */
/* Lists the deals that could move. */
int32_t swap_plan(dealfsm_swap *swap, dealfsm_error *error);
int32_t swap_probe(dealfsm_swap *swap, dealfsm_error *error);
/* DEALFSM_ACCEPTED: some are not at rest, and are tried when they are. */
int32_t swap_prepare(dealfsm_swap *swap, dealfsm_error *error);
int32_t swap_check_refused(dealfsm_swap *swap, dealfsm_error *error);

/* ---- Deals in line: swap_line.c. A deal is frozen when there is room among the puts, not before: so its pause holds
 * few puts of others, however many move. */
bool swap_has_line(dealfsm_swap *swap);
/* Takes the deals that may move into the line: at most so many, and a share (0: all). */
int32_t swap_line_up(dealfsm_swap *swap, uint64_t most, uint32_t per_mille, dealfsm_error *error);
/* Begins to move deals in line, at most so many, as long as there is room. */
int32_t swap_line_move(dealfsm_swap *swap, size_t most, dealfsm_error *error);
void swap_line_free(dealfsm_swap *swap);

/* ---- The list of deals: swap_list.c */
/* Notes a verdict; reason may be NULL. A deal that is not in the list is put there. False: no memory. */
bool swap_note(dealfsm_swap *swap, uint64_t deal, uint64_t status, uint32_t verdict, const char *reason);
/* Of a deal in the list: it was at rest when it was tried. */
void swap_note_asked(dealfsm_swap *swap, uint64_t deal);
bool swap_was_asked(dealfsm_swap *swap, uint64_t deal);
/* The deal is in the list from now on; without memory it is when it is noted. */
void swap_note_known(dealfsm_swap *swap, uint64_t deal);
void swap_note_pause(dealfsm_swap *swap, uint64_t pause);
/* The verdict of a deal; DEALFSM_SWAP_MOVES for one that is not in the list. */
uint32_t swap_verdict(dealfsm_swap *swap, uint64_t deal);
void swap_list_free(dealfsm_swap *swap);

/* ---- A deal taken over: swap_carry.c */
/* Copies a deal at rest from one machine into the other, staged there, and holds what the new side has against what it
 * was given. whole: every byte, by way of a snapshot back. *revision: of the deal. DEALFSM_E_STAYS, DEALFSM_E_REFUSED,
 * DEALFSM_E_BUSY, DEALFSM_E_CORRUPT: the new side has something else (it is not staged then), … */
int32_t swap_carry(const host_generation *from, const host_generation *to, uint64_t deal, bool whole,
                   uint64_t *revision, dealfsm_error *error);
/* A trial: carries whole, and drops. */
int32_t swap_try(const host_generation *from, const host_generation *to, uint64_t deal, dealfsm_error *error);
/* DEALFSM_E_VERSION: deals cannot get from one to the other. */
int32_t swap_can_carry(const host_generation *from, const host_generation *to, dealfsm_error *error);

/* ---- One deal's move: swap_move.c */
/* Does what its stage has to do; the caller drives it. true: there may be more to do at once. */
bool swap_step(host_move *move);
host_shard *swap_shard_of(const host_move *move);

/* ---- Moves: swap_drive.c */
/* Begins to move a deal, unless it is on its way already; a deal that stays is tried again. False: no memory. */
bool swap_move_start(dealfsm_swap *swap, uint64_t deal);
/* The same, on trial: the deal is frozen at its next rest, tried, and goes on where it was. */
bool swap_trial_start(dealfsm_swap *swap, uint64_t deal);
/* Takes the marks of deals that stay away; those on their way are left. */
void swap_moves_forget(dealfsm_swap *swap);
/* What a deal on its way by this swap waits for; NULL: it is not on its way. */
const char *swap_waits_for(const dealfsm_swap *swap, uint64_t deal);
/* Drives all that are on their way. */
void swap_moves_drive(dealfsm_swap *swap);

/* ---- What is held: swap_held.c */
/* With the shard's lock held: what comes for the deal is held. */
bool swap_holds(const host_move *move);
/* Gives what is held to the side that goes on, in order. true: nothing is left, and `end` was called with the shard's
 * lock held; false: that side has no room now. */
bool swap_give(host_move *move, void (*end)(host_move *move, host_shard *shard));
void swap_held_free(host_move *move);

/* ---- Planted bugs, for the test that must notice each: 'l' an event is lost at the flip, 't' an event is handed in
 * twice, 'b' both sides go on and ask, 'a' what happens is announced twice, 'e' the route flips before the put is
 * durable, 'd' the deal is active before that */
#ifdef DEALFSM_SWAP_PLANTS
bool swap_planted(char which);
#else
#define swap_planted(which) false
#endif

/* ---- For the rest of the library */

/* For a deal on its way: keeps a copy of an event or answer. true: *result stands (DEALFSM_HELD, or an error); false:
 * the deal is not on its way any more. */
bool host_hold_event(dealfsm_host *host, uint64_t deal, const dealfsm_event *event, int32_t *result,
                     dealfsm_error *error);
bool host_hold_answer(dealfsm_host *host, const dealfsm_answer *answer, int32_t *result, dealfsm_error *error);
/* A machine answered FROZEN or NOT_FOUND: whether the deal is on its way or has moved since, so that the call has to be
 * made again; *error is then as it was. had_error: *error had a code before the call. */
bool host_moved(const host_call *call, uint64_t deal, int32_t result, bool had_error, dealfsm_error *error);
/* DEALFSM_E_BUSY: the deal is on its way. A mark of one that stays is taken away. */
int32_t host_move_yields(dealfsm_host *host, uint64_t deal, dealfsm_error *error);
/* Something may have changed for a deal. */
void host_move_drive(dealfsm_host *host, uint64_t deal);
/* rest/1 was told. false: no swap has asked for it. */
bool host_move_rested(host_generation *generation, uint64_t deal);
/* A machine is about to put. true: by that the deal moves to it. */
bool host_move_puts(host_generation *generation, uint64_t deal, uint64_t revision);
/* The generation whose put of that deal is reported, pinned. */
int32_t host_enter_stored(dealfsm_host *host, uint64_t deal, host_call *call, dealfsm_error *error);
/* A deal has come to a generation: a swap that is under way there takes it on. */
void host_swap_arrived(host_generation *generation, uint64_t deal);
/* Ends all swaps of the host. DEALFSM_E_BUSY: deals are on their way. */
int32_t host_swaps_end(dealfsm_host *host, dealfsm_error *error);

/* Gives the one-deal subscriptions of a deal their part in the generation that it moves to: subscription.c */
int32_t host_subscribe_move(host_move *move, dealfsm_error *error);

#endif
