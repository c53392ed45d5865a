/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_HOST_SWAP_INSIDE_H
#define TOOLS_HOST_SWAP_INSIDE_H

/* What the files of the node's swaps share. */

#include <pthread.h>

#include "host.h"
#include "host_swap.h"

/* Where the present swap stands. */
typedef enum swap_stage {
    IDLE,      /* the next --swap-to is waited for */
    PREPARING, /* deals that are not at rest have yet to be tried */
    CANARIES,  /* the first deals have moved, and are watched */
    COMMITTING,
    WATCHING, /* all have moved that can; until it is confirmed, or taken back */
    REVERTING,
} swap_stage;

/* A module that deals are swapped from or to, and its machine. It stays to the end; others may be added behind it while
 * anybody looks at it. */
typedef struct swap_side swap_side;
struct swap_side {
    _Atomic(swap_side *) next;
    dealfsm_module *module;
    dealfsm_module_info info;
    uint32_t generation; /* 0: not open */
    const char *path;
    bool follows; /* some of its deals stayed there when they came back; they move when they can. Under the lock */
};

struct host_swap {
    host_node *node;
    swap_side *sides;     /* of --module; then one for each --swap-to, what the store needs, what SIGHUP found */
    pthread_mutex_t lock; /* guards all below but the atomics */
    swap_side *current;   /* has the deals */
    swap_side *from;      /* of the present swap: `current`, or what follows it */
    swap_side *target;
    atomic_bool all_back;
    atomic_bool moving;      /* a swap is under way, up or down */
    unsigned next;           /* --swap-to */
    host_swap_option option; /* of the present swap */
    dealfsm_swap *swap;
    swap_stage stage;
    atomic_bool hup;
    atomic_uint goal;           /* generation that the present swap goes to */
    atomic_bool *moved;         /* of deals 1 …: in the present swap */
    atomic_uint_fast64_t ended; /* of those that moved, so many have ended since */
    unsigned looks;             /* at a swap that waits to be confirmed */
    swap_stage waits_in;        /* the stage that has been waited in … */
    uint64_t waits_since;       /* … since so many per cent had ended */
    uint64_t waits_told;        /* per cent when it was last said */
};

/* ---- host_swap_sides.c */
/* A module that is none of the sides yet, to be added when its machine is open; NULL: said on standard error. */
swap_side *swap_side_load(const host_swap *swap, const char *path);
void swap_side_add(host_swap *swap, swap_side *side);
bool swap_side_open(const host_swap *swap, swap_side *side);
/* Of the how-manieth --swap-to, from 1. */
swap_side *swap_side_of(const host_swap *swap, unsigned number);
const char *swap_version(const swap_side *side);
void swap_sides_free(host_swap *swap);

/* ---- host_swap.c: so many per cent of the deals have ended */
uint64_t swap_percent_ended(const host_node *node);

/* ---- host_swap_tell.c: on standard error */
void swap_say(const host_swap *swap, const char *what);
/* With how many deals moved, and how many did not. */
void swap_say_counts(const host_swap *swap, const char *what);
/* What it waits for, and since when. */
void swap_say_waits(const host_swap *swap);

#endif
