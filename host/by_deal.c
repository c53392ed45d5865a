/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _GNU_SOURCE
#include "by_deal.h"

#include <search.h>
#include <stddef.h>

/* A node of the tree points to the first thing of its deal. */

static int compare(const void *left, const void *right)
{
    const host_by_deal *a = left, *b = right;
    return (a->deal > b->deal) - (a->deal < b->deal);
}

static host_by_deal **node_of(void *const *tree, uint64_t deal)
{
    const host_by_deal key = {.deal = deal};
    return tfind(&key, tree, compare);
}

bool host_by_deal_add(void **tree, host_by_deal *thing)
{
    host_by_deal **node = tsearch(thing, tree, compare);
    if (node == NULL)
        return false;
    thing->next = *node != thing ? *node : NULL;
    *node = thing;
    return true;
}

void host_by_deal_remove(void **tree, host_by_deal *thing)
{
    host_by_deal **node = node_of(tree, thing->deal), **at = node;
    if (*node == thing && thing->next == NULL) {
        tdelete(thing, tree, compare);
        return;
    }
    while (*at != thing)
        at = &(*at)->next;
    *at = thing->next;
}

host_by_deal *host_by_deal_find(void *const *tree, uint64_t deal)
{
    host_by_deal **node = node_of(tree, deal);
    return node != NULL ? *node : NULL;
}
