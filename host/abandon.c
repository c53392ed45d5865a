/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <inttypes.h>

#include "error.h"
#include "host.h"

/* Deals that stand still because the host says so: one, or all for the end. */

/* ---- One deal */

int32_t dealfsm_host_freeze(dealfsm_host *host, uint64_t deal, dealfsm_error *error)
{
    host_call call;
    int32_t result = host_enter(host, deal, &call, error);
    if (result < 0)
        return result;
    result = call.functions->freeze(call.machine, deal, error);
    host_leave(&call);
    return result;
}

int32_t dealfsm_host_thaw(dealfsm_host *host, uint64_t deal, uint64_t last_revision, uint64_t *revision,
                          dealfsm_error *error)
{
    host_call call;
    int32_t result = host_enter(host, deal, &call, error);
    if (result < 0)
        return result;
    result = call.functions->thaw(call.machine, deal, last_revision, revision, error);
    host_leave(&call);
    return result;
}

/* ---- All */

enum { AT_ONCE = 512 };

typedef void each_fn(const host_call *call, uint64_t deal, uint64_t *busy);

static void freeze_one(const host_call *call, uint64_t deal, uint64_t *busy)
{
    *busy += call->functions->freeze(call->machine, deal, NULL) == DEALFSM_E_BUSY;
}

static void thaw_one(const host_call *call, uint64_t deal, uint64_t *busy)
{
    (void)busy;
    call->functions->thaw(call->machine, deal, 0, NULL, NULL);
}

static void each_deal(dealfsm_host *host, each_fn *each, uint64_t *busy)
{
    host_call call;
    for (uint32_t number = 0; host_enter_next(host, number, &call); number = call.number) {
        uint64_t deals[AT_ONCE], after = 0, count = AT_ONCE;
        for (bool first = true; count == AT_ONCE; first = false) {
            if (call.functions->list(call.machine, first ? NULL : &after, deals, AT_ONCE, &count, NULL) < 0)
                break;
            for (uint64_t i = 0; i < count; i++)
                each(&call, deals[i], busy);
            after = count > 0 ? deals[count - 1] : after;
        }
        host_leave(&call);
    }
}

int32_t host_freeze_all(dealfsm_host *host, dealfsm_error *error)
{
    uint64_t busy = 0;
    each_deal(host, freeze_one, &busy);
    host_drain(host); /* puts come to their ends, and what was busy to its rest */
    busy = 0;
    each_deal(host, freeze_one, &busy);
    if (busy == 0)
        return DEALFSM_OK;
    each_deal(host, thaw_one, &busy);
    return host_error(error, DEALFSM_E_BUSY, "",
                      "%" PRIu64 " deals are at work: a put that was not reported, or a call that has not returned",
                      busy);
}
