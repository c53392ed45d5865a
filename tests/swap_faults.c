/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A module between the library and the real one, which fails at a call, or lies; or lets things happen meanwhile. */
#include "swap_kit.h"

rig_faults rig_fault;
static const dealfsm_functions *real;
static dealfsm_functions faulty;

static bool fails(void)
{
    uint32_t now = ++rig_fault.calls;
    return rig_fault.fail_at != 0 && (now == rig_fault.fail_at || (rig_fault.for_good && now > rig_fault.fail_at));
}

static int32_t fails_with(int32_t code, const char *text, dealfsm_error *error)
{
    if (error != NULL && error->code == 0) {
        error->code = code;
        snprintf(error->text, sizeof error->text, "%s", text);
    }
    return code;
}

static int32_t no_memory(dealfsm_error *error)
{
    return fails_with(DEALFSM_E_NO_MEMORY, "no memory, as the test wants it", error);
}

static int32_t snapshot(dealfsm_machine *machine, uint64_t deal, dealfsm_snapshot *out, dealfsm_error *error)
{
    if (fails())
        return no_memory(error);
    int32_t result = real->snapshot(machine, deal, out, error);
    if (rig_fault.lie == 'v')
        out->machine_version = "client 9.9.9";
    if (rig_fault.lie == 's')
        out->sequence++;
    if (rig_fault.lie == 'i')
        out->deal++;
    if (rig_fault.lie == 'b' && result >= 0)
        out->record[out->record_len / 2] ^= 1;
    return result;
}

static int32_t restore(dealfsm_machine *machine, const dealfsm_snapshot *given, dealfsm_error *error)
{
    if (rig_fault.lie == 'r')
        return fails_with(DEALFSM_E_REFUSED, "refused, as the test wants it", error);
    return fails() ? no_memory(error) : real->restore(machine, given, error);
}

static int32_t activate(dealfsm_machine *machine, uint64_t deal, uint64_t *revision, dealfsm_error *error)
{
    if (rig_fault.lie == 'a')
        return DEALFSM_APPLIED;
    return fails() ? no_memory(error) : real->activate(machine, deal, revision, error);
}

static int32_t freeze(dealfsm_machine *machine, uint64_t deal, dealfsm_error *error)
{
    return fails() ? no_memory(error) : real->freeze(machine, deal, error);
}

static int32_t thaw(dealfsm_machine *machine, uint64_t deal, uint64_t last, uint64_t *revision, dealfsm_error *error)
{
    return fails() ? no_memory(error) : real->thaw(machine, deal, last, revision, error);
}

static int32_t drop(dealfsm_machine *machine, uint64_t deal, dealfsm_error *error)
{
    return fails() ? no_memory(error) : real->drop(machine, deal, error);
}

static int32_t query(dealfsm_machine *machine, uint64_t deal, dealfsm_deal *out, dealfsm_error *error)
{
    return fails() ? no_memory(error) : real->query(machine, deal, out, error);
}

static int32_t subscribe(dealfsm_machine *machine, const dealfsm_subscription *subscription, uint64_t *id,
                         dealfsm_error *error)
{
    return fails() ? no_memory(error) : real->subscribe(machine, subscription, id, error);
}

/* ---- Meanwhile */

static void before(void)
{
    void (*happens)(void *ctx) = rig_fault.before;
    rig_fault.before = NULL;
    if (happens != NULL)
        happens(rig_fault.ctx);
}

static int32_t after(int32_t result)
{
    void (*happens)(void *ctx, int32_t result) = rig_fault.before == NULL ? rig_fault.after : NULL;
    if (happens != NULL) {
        rig_fault.after = NULL;
        happens(rig_fault.ctx, result);
    }
    return result;
}

static int32_t dispatch(dealfsm_machine *machine, uint64_t deal, const dealfsm_event *event, uint64_t *revision,
                        dealfsm_error *error)
{
    before();
    return after(real->dispatch(machine, deal, event, revision, error));
}

static int32_t complete(dealfsm_machine *machine, const dealfsm_answer *answer, dealfsm_error *error)
{
    before();
    return after(real->complete(machine, answer, error));
}

const dealfsm_functions *rig_faulty(const dealfsm_functions *functions)
{
    rig_fault = (rig_faults){0};
    real = functions;
    faulty = *functions;
    faulty.snapshot = snapshot;
    faulty.restore = restore;
    faulty.activate = activate;
    faulty.freeze = freeze;
    faulty.thaw = thaw;
    faulty.drop = drop;
    faulty.query = query;
    faulty.subscribe = subscribe;
    faulty.dispatch = dispatch;
    faulty.complete = complete;
    return &faulty;
}
