/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef DEALFSM_SWAP_H
#define DEALFSM_SWAP_H

/* Swapping: the deals of one generation move to another, while the node runs.
 *
 *     dealfsm_host_load, dealfsm_host_open (services.flags: DEALFSM_HOST_ASIDE)
 *     -> dealfsm_swap_begin -> dealfsm_swap_go (phase by phase, or straight to one) -> dealfsm_swap_end
 *     -> dealfsm_host_close (the old generation)
 *
 * Phases, in order:
 *   PLANNED    what would move is known to be possible; nothing has been tried.
 *   PROBED     one deal of each state was taken over on trial, staged, held against what it must be, and dropped.
 *   PREPARED   so was every deal, those that are not at rest when they come to it. What may not move is named: it
 *              *stays* for now, or is *refused*. Refused deals end where they are if options.keep_refused says so; else
 *              the swap is STOPPED. Nothing has happened yet. No deal is left staged, so that memory is needed for one
 *              at a time; when it moves it is taken over as it is then.
 *   CANARY     the first deals have moved: so many as options.canary says, or a share; without either, none.
 *   COMMITTED  all have moved that can. New deals go to the new generation from the beginning of this phase on.
 *   CONFIRMED  all that moved are found whole, none is stalled, and options.confirm of them have ended there.
 *   FINAL      there is no way back any more. What stays still moves when it can.
 * Beside them STOPPED (before CANARY: nothing has happened) and REVERTED (after it: all are back that could go).
 *
 * One deal moves so: frozen on the old side at its next rest; snapshot; restored, staged, on the new side; activated,
 * which puts the row that names the new machine version; once that is durable the route flips, and the old side drops
 * it. From the freeze on, dispatch and complete answer DEALFSM_HELD: what they bring is kept in order and given to the
 * side that goes on, as if it had come then. If anything fails the old side goes on, and puts its row again first. No
 * thread waits for the swap of a deal; whoever brings a deal to rest moves it, else the thread that calls
 * dealfsm_swap_go. With a store few deals are held at once (options.puts_at_once): each put that lands makes room for
 * the next deal, which the thread that reports it begins to move. So a deal waits for one commit or two of those few,
 * however many move.
 *
 * Deals that stay are tried again after each call for them, ended deals are not moved, subscriptions go on by
 * themselves. Thread tags and errors as in host.h. */

#include <dealfsm/host.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dealfsm_swap dealfsm_swap;

enum {
    DEALFSM_SWAP_PLANNED = 1,
    DEALFSM_SWAP_PROBED = 2,
    DEALFSM_SWAP_PREPARED = 3,
    DEALFSM_SWAP_CANARY = 4,
    DEALFSM_SWAP_COMMITTED = 5,
    DEALFSM_SWAP_CONFIRMED = 6,
    DEALFSM_SWAP_FINAL = 7,
    DEALFSM_SWAP_STOPPED = 8,
    DEALFSM_SWAP_REVERTED = 9
};

/* What becomes of a deal. */
enum {
    DEALFSM_SWAP_MOVES = 0,   /* it can move, or has not been asked: it was not at rest */
    DEALFSM_SWAP_STAYS = 1,   /* not now: asked again after its next call */
    DEALFSM_SWAP_REFUSED = 2, /* never: it ends where it is */
    DEALFSM_SWAP_ENDED = 3,   /* in a final state: not moved */
    DEALFSM_SWAP_MOVING = 4,  /* on its way */
    DEALFSM_SWAP_MOVED = 5,
    DEALFSM_SWAP_FAILED =
        6,                 /* it could not be moved, and went on where it was; a further dealfsm_swap_go tries again */
    DEALFSM_SWAP_GONE = 7, /* it has left the host: forgotten, or its store gave it to somebody else */
    DEALFSM_SWAP_VERDICTS = 8
};

typedef struct dealfsm_swap_progress {
    uint32_t struct_size;
    uint32_t phase; /* the last one that was completed */
    uint32_t from;  /* generations; after a revert as before it */
    uint32_t to;
    uint32_t reverting; /* 1: deals go back */
    uint32_t late;      /* 1: the deadline of the last phase passed before it was complete */
    uint64_t deals;     /* known to the swap */
    uint64_t count[DEALFSM_SWAP_VERDICTS];
    uint64_t longest_pause; /* of a deal between freeze and going on, nanoseconds, since begin */
    /* What the next phase, or the way back, waits for; dealfsm_swap_deals names the deals that are on their way. */
    uint64_t waits_rest; /* of those on their way: they have not come to rest, and go on meanwhile */
    uint64_t waits_put;  /* …: they stand still until the put that moves them is durable */
    uint64_t in_line;    /* they begin to move when there is room among the puts */
    uint64_t ended;      /* of those that moved, when dealfsm_swap_go last looked whether it is CONFIRMED */
    uint64_t stalled;    /* likewise */
    uint64_t waited;     /* nanoseconds since it was first tried to complete that phase; 0: it was not tried */
} dealfsm_swap_progress;

typedef struct dealfsm_swap_options {
    uint32_t struct_size;
    uint32_t keep_refused;          /* 1: refused deals end where they are; 0: they stop the swap before it begins */
    uint64_t canary;                /* so many deals move first, those of the lowest ids; 0: see canary_per_mille */
    uint32_t canary_per_mille;      /* share of the deals that moves first, chosen by id; 0: none */
    uint32_t deadline_milliseconds; /* of each phase, 0: none. PROBED, PREPARED: the swap stops. CANARY, COMMITTED: what
                                       has not moved is left for a further call */
    uint64_t confirm;               /* so many deals that moved must have ended before CONFIRMED */
    uint64_t held_events;           /* events and answers that are held per deal, at most; 0: 1,024 */
    uint64_t held_bytes;            /* of their arguments; 0: 1 MiB */
    void *ctx;
    /* After each phase, and after every `every` deals of a phase (0: 1,024). May be NULL. [any] */
    void (*progress)(void *ctx, const dealfsm_swap_progress *progress);
    uint64_t every;
    /* A deal has moved, or could not: verdict as above; pause: nanoseconds between freeze and going on. From whichever
     * thread. The deal counts as MOVING until this has returned: no phase is complete before, and after
     * dealfsm_swap_end nothing is told. May be NULL. [any] */
    void (*deal)(void *ctx, uint64_t deal, uint32_t generation, uint32_t verdict, uint64_t pause);
    uint64_t puts_at_once; /* so many deals at most are held for the put that moves them; the others go on until it is
                              their turn. 0: 128. Fewer: shorter pauses; more: more puts share a commit */
} dealfsm_swap_options;

/* Plans to move the deals of generation `from` to generation `to`; nothing happens to them. options may be NULL. `to`
 * takes no new deals that name no generation until the swap commits. DEALFSM_E_VERSION: neither does the new machine
 * read what the old one has, nor the old one write what the new one has; DEALFSM_E_STATE: one of them takes part in
 * another swap that has not come to CONFIRMED; or from and to are the same; or they have different stores. [any] */
int32_t dealfsm_swap_begin(dealfsm_host *host, uint32_t from, uint32_t to, const dealfsm_swap_options *options,
                           dealfsm_swap **swap, dealfsm_error *error);

/* Goes on to a phase (PROBED to FINAL), by way of those before it; in a phase that was completed before it looks again
 * for deals that can move. DEALFSM_OK: completed. DEALFSM_ACCEPTED: not yet (deals are on their way or, to be PREPARED,
 * have not come to rest; too few have ended; the deadline passed): call again later. DEALFSM_E_REFUSED: stopped by
 * refused deals; DEALFSM_E_CORRUPT: stopped, for the new machine gave something else than what it took;
 * DEALFSM_E_STATE: stopped, reverted or beyond that phase; a moved deal is stalled (CONFIRMED); DEALFSM_E_BUSY: another
 * thread is in a call for this swap. [any] */
int32_t dealfsm_swap_go(dealfsm_swap *swap, uint32_t phase, dealfsm_error *error);

/* Takes back what can go back, from CANARY up to CONFIRMED. New deals go to the old generation again. Results as
 * dealfsm_swap_go; DEALFSM_E_STATE: nothing has moved yet, or the swap is final. [any] */
int32_t dealfsm_swap_revert(dealfsm_swap *swap, dealfsm_error *error);

/* Fills *out. [any] */
int32_t dealfsm_swap_look(dealfsm_swap *swap, dealfsm_swap_progress *out, dealfsm_error *error);

/* What becomes of the deals of a state. */
typedef struct dealfsm_swap_state {
    uint32_t struct_size;
    uint32_t reserved;
    uint64_t status;
    uint64_t count[DEALFSM_SWAP_VERDICTS];
} dealfsm_swap_state;
/* A row per state, ascending; the state is the one that the deal had when it was last looked at. The callback must not
 * call functions of the same swap. [any] */
int32_t dealfsm_swap_states(dealfsm_swap *swap, void (*each)(void *ctx, const dealfsm_swap_state *state), void *ctx,
                            dealfsm_error *error);

/* Names each deal that is on its way, stays, is refused or failed, ascending, with what it waits for or the reason. The
 * callback must not call functions of the same swap. [any] */
int32_t dealfsm_swap_deals(dealfsm_swap *swap,
                           void (*each)(void *ctx, uint64_t deal, uint64_t status, uint32_t verdict,
                                        const char *reason),
                           void *ctx, dealfsm_error *error);

/* What became of a thing that was held. DEALFSM_OK: nothing is held for the deal; what was has been handed to the side
 * that goes on, and is there what it would have been without a swap. DEALFSM_HELD: not yet. DEALFSM_E_BUSY: not yet,
 * and called inside a callback, where it might be waited for in vain. [any] */
int32_t dealfsm_swap_settled(dealfsm_host *host, uint64_t deal, dealfsm_error *error);

/* Ends the swap: its deals are not tried any more, both generations are free again. DEALFSM_E_BUSY: deals are on their
 * way, or another thread is in a call for this swap. dealfsm_host_free ends swaps that are left. [any] */
int32_t dealfsm_swap_end(dealfsm_swap *swap, dealfsm_error *error);

#ifdef __cplusplus
}
#endif
#endif
