/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "host.h"

/* Calls that ask every generation: list and counters. */

/* ---- counters: from `deals` on, all members are numbers to be added up. */
enum {
    COUNTERS_START = offsetof(dealfsm_counters, deals),
    COUNTERS = (sizeof(dealfsm_counters) - COUNTERS_START) / sizeof(uint64_t)
};

static void add(dealfsm_counters *sum, const dealfsm_counters *more)
{
    uint64_t left[COUNTERS], right[COUNTERS];
    memcpy(left, (const char *)sum + COUNTERS_START, sizeof left);
    memcpy(right, (const char *)more + COUNTERS_START, sizeof right);
    for (size_t i = 0; i < COUNTERS; i++)
        left[i] += right[i];
    memcpy((char *)sum + COUNTERS_START, left, sizeof left);
}

static int32_t sum_counters(dealfsm_host *host, dealfsm_counters *sum, dealfsm_error *error)
{
    int32_t result = DEALFSM_OK;
    host_call call;
    for (uint32_t number = 0; result >= 0 && host_enter_next(host, number, &call); number = call.number) {
        dealfsm_counters one = {.struct_size = sizeof one};
        result = call.functions->counters(call.machine, &one, error);
        add(sum, &one);
        host_leave(&call);
    }
    return result;
}

int32_t dealfsm_host_counters(dealfsm_host *host, uint32_t generation, dealfsm_counters *out, dealfsm_error *error)
{
    host_call call;
    dealfsm_counters sum = {.struct_size = sizeof sum};
    if (host == NULL)
        return host_error(error, DEALFSM_E_ARGUMENT, "host", "host is NULL: make one with dealfsm_host_new");
    int32_t result;
    if (generation == 0) {
        result = sum_counters(host, &sum, error);
    } else {
        result = host_enter_generation(host, generation, 0, &call, error);
        if (result < 0)
            return result;
        result = call.functions->counters(call.machine, &sum, error);
        host_leave(&call);
    }
    return result < 0 ? result : host_give(out, &sum, sizeof sum, "out", error);
}

/* ---- list */

/* Two ascending lists into one, each id once, of at most `capacity`. */
static size_t merge(const uint64_t *left, size_t lefts, const uint64_t *right, size_t rights, uint64_t *out,
                    size_t capacity)
{
    size_t count = 0, l = 0, r = 0;
    while (count < capacity && (l < lefts || r < rights)) {
        bool from_left = r == rights || (l < lefts && left[l] <= right[r]);
        uint64_t id = from_left ? left[l] : right[r];
        l += l < lefts && left[l] == id;
        r += r < rights && right[r] == id;
        out[count++] = id;
    }
    return count;
}

/* scratch: twice `capacity` ids. */
static int32_t list_all(dealfsm_host *host, const uint64_t *from, uint64_t *ids, uint64_t *scratch, size_t capacity,
                        uint64_t *count, dealfsm_error *error)
{
    uint64_t *one = scratch;
    uint64_t *both = scratch + capacity;
    size_t found = 0;
    int32_t result = DEALFSM_OK;
    host_call call;
    for (uint32_t number = 0; result >= 0 && host_enter_next(host, number, &call); number = call.number) {
        uint64_t more = 0;
        result = call.functions->list(call.machine, from, one, capacity, &more, error);
        host_leave(&call);
        if (result >= 0 && more > 0) {
            found = merge(ids, found, one, (size_t)more, both, capacity);
            memcpy(ids, both, found * sizeof *ids);
        }
    }
    if (result >= 0)
        *count = found;
    return result;
}

int32_t dealfsm_host_list(dealfsm_host *host, const uint64_t *after, uint64_t *ids, uint64_t capacity, uint64_t *count,
                          dealfsm_error *error)
{
    if (host == NULL || count == NULL || (ids == NULL && capacity > 0))
        return host_error(error, DEALFSM_E_ARGUMENT,
                          host == NULL    ? "host"
                          : count == NULL ? "count"
                                          : "ids",
                          "expected a pointer, found NULL");
    dealfsm_counters sum = {.struct_size = sizeof sum};
    int32_t result = sum_counters(host, &sum, error);
    if (result < 0)
        return result;
    /* There is no more than that; what comes in meanwhile may be missed, as in any list. */
    size_t most = (size_t)(capacity < sum.deals ? capacity : sum.deals);
    uint64_t start = after != NULL ? *after : 0; /* `after` may point to one of ids */
    uint64_t *scratch = calloc(2 * most + 1, sizeof *scratch);
    if (scratch == NULL)
        return host_error(error, DEALFSM_E_NO_MEMORY, "capacity", "out of memory for %zu ids: ask for fewer", most);
    result = list_all(host, after != NULL ? &start : NULL, ids, scratch, most, count, error);
    free(scratch);
    return result;
}
