/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "route.h"

#include <stdlib.h>

enum { CAPACITY_MIN = 16, SHARD_BITS = 6 };
_Static_assert(HOST_SHARDS == 1 << SHARD_BITS, "the upper bits of the hash name the shard");

/* Fibonacci hashing (Knuth, volume 3, 6.4): deal ids are often consecutive. */
static uint64_t hash(uint64_t deal)
{
    return deal * 0x9E3779B97F4A7C15u;
}

unsigned host_shard_of(uint64_t deal)
{
    return (unsigned)(hash(deal) >> (64 - SHARD_BITS));
}

/* The slot where a deal belongs, if no other is there. */
static size_t home(const host_shard *shard, uint64_t deal)
{
    return (size_t)(hash(deal) >> 16) & (shard->capacity - 1);
}

static size_t after(const host_shard *shard, size_t slot)
{
    return (slot + 1) & (shard->capacity - 1);
}

/* The slot that has the deal, or the empty one where it would go. There is always an empty one. */
static host_route *probe(const host_shard *shard, uint64_t deal)
{
    size_t slot = home(shard, deal);
    while (shard->slots[slot].generation != NULL && shard->slots[slot].deal != deal)
        slot = after(shard, slot);
    return &shard->slots[slot];
}

host_route *host_route_find(host_shard *shard, uint64_t deal)
{
    if (shard->used == 0)
        return NULL;
    host_route *found = probe(shard, deal);
    return found->generation != NULL ? found : NULL;
}

static bool grow(host_shard *shard)
{
    host_shard bigger = {.capacity = shard->capacity > 0 ? shard->capacity * 2 : CAPACITY_MIN};
    bigger.slots = calloc(bigger.capacity, sizeof *bigger.slots);
    if (bigger.slots == NULL)
        return false;
    for (size_t i = 0; i < shard->capacity; i++) {
        if (shard->slots[i].generation != NULL)
            *probe(&bigger, shard->slots[i].deal) = shard->slots[i];
    }
    free(shard->slots);
    shard->hand = 0;
    shard->slots = bigger.slots;
    shard->capacity = bigger.capacity;
    return true;
}

host_route *host_route_add(host_shard *shard, uint64_t deal, struct host_generation *generation)
{
    if (shard->used >= shard->capacity / 2 && !grow(shard))
        return NULL;
    host_route *slot = probe(shard, deal);
    *slot = (host_route){.deal = deal, .generation = generation, .claimed = true};
    shard->used++;
    return slot;
}

/* Later entries of the same run move up, so that every probe still meets no gap before its deal. */
void host_route_remove(host_shard *shard, host_route *route)
{
    size_t mask = shard->capacity - 1;
    size_t gap = (size_t)(route - shard->slots);
    for (size_t slot = after(shard, gap); shard->slots[slot].generation != NULL; slot = after(shard, slot)) {
        size_t from_home = (slot - home(shard, shard->slots[slot].deal)) & mask;
        if (from_home >= ((slot - gap) & mask)) {
            shard->slots[gap] = shard->slots[slot];
            gap = slot;
        }
    }
    shard->slots[gap].generation = NULL;
    shard->used--;
}

void host_route_sweep(host_shard *shard, const struct host_generation *generation)
{
    for (size_t slot = 0; slot < shard->capacity;) {
        if (shard->slots[slot].generation == generation)
            host_route_remove(shard, &shard->slots[slot]); /* another entry may have moved in here */
        else
            slot++;
    }
}
