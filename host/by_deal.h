/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef HOST_BY_DEAL_H
#define HOST_BY_DEAL_H

/* Things that belong to one deal each, several to the same one, found by the deal. A thing has a host_by_deal as its first
 * member. Whoever uses a tree guards it. */

#include <stdbool.h>
#include <stdint.h>

typedef struct host_by_deal {
    uint64_t deal;
    struct host_by_deal *next; /* of the same deal */
} host_by_deal;

/* *tree is NULL at first, and again when all have been removed. false: no memory. */
bool host_by_deal_add(void **tree, host_by_deal *thing);
void host_by_deal_remove(void **tree, host_by_deal *thing);
/* The first of the deal, the one that came last; NULL: none. */
host_by_deal *host_by_deal_find(void *const *tree, uint64_t deal);

#endif
