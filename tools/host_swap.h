/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_HOST_SWAP_H
#define TOOLS_HOST_SWAP_H

/* Swapping the machine of a running node to another module: --swap-to, and SIGHUP.
 *
 * Looked at after each step of a deal, by one thread at a time; what it has to say it says on standard error. */

#include <dealfsm/stores.h>
#include <dealfsm/swap.h>
#include <stdbool.h>
#include <stddef.h>

struct host_node;

enum { HOST_SWAPS = 8 };

/* One --swap-to with what follows it. Percentages are of deals that have ended. */
typedef struct host_swap_option {
    const char *module; /* file */
    uint32_t at;        /* per cent */
    uint32_t revert_at; /* per cent; 0: no way back is taken */
    uint64_t canary;    /* so many deals first; 0: all at once */
    uint64_t confirm;   /* of those that moved, so many must have ended before it goes on */
    bool keep_refused;
} host_swap_option;

typedef struct host_swap host_swap;

/* Loads the modules of all --swap-to, so that store and world can be made for them. NULL: out of memory, or a module
 * cannot be loaded: said on standard error. */
host_swap *host_swap_new(struct host_node *node);
/* Loads the module of a machine version that the store has deals of, from beside the node's own module, if it is not loaded
 * yet; before host_swap_open. False: it is not there: said on standard error. */
bool host_swap_need(host_swap *swap, const char *machine_version);
/* Opens a machine in each, aside, so that deals of an earlier run come back to theirs. */
bool host_swap_open(host_swap *swap);
/* Whether the machine that has the deal has that event, and also any that the deal may just be on its way to. */
bool host_swap_knows(const host_swap *swap, uint64_t deal, uint32_t event);
/* The generation of the node's own module. */
uint32_t host_swap_own(const host_swap *swap);
/* Deals of that version came back to it that may move to the node's own later: a swap follows when all are back. */
void host_swap_follow(host_swap *swap, const char *machine_version);
void host_swap_all_back(host_swap *swap);
/* Something may be due. */
void host_swap_look(host_swap *swap);
/* The deals have come to their ends: what was not reached is done now. */
void host_swap_finish(host_swap *swap);
/* The module's file may have been replaced: it is looked at again. Safe in a signal handler. */
void host_swap_hup(host_swap *swap);
/* "client 0.5.6 320, client 1.0.9 180" where more than one machine is open, else "". */
void host_swap_versions(host_swap *swap, char *text, size_t size);
/* A deal has ended. */
void host_swap_ended(host_swap *swap, uint64_t deal);
/* Lets a store read the records of all modules. */
int32_t host_swap_teach(const host_swap *swap, dealfsm_store *store, dealfsm_error *error);
/* The machine version that has a deal. */
const char *host_swap_version_of(const host_swap *swap, uint64_t deal);
/* The module of a machine version, or NULL. */
const dealfsm_module_info *host_swap_module(const host_swap *swap, const char *machine_version);
void host_swap_free(host_swap *swap);

#endif
