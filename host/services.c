/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include <sched.h>
#include <stddef.h>
#include <string.h>

#include "error.h"
#include "swap.h"

/* What a machine gets instead of the host's own environment and store: the same, with a mark that this thread is
 * inside a callback. */

static _Thread_local const host_frame *innermost;

void host_frame_enter(host_frame *frame, const host_generation *generation)
{
    *frame = (host_frame){generation, innermost};
    innermost = frame;
}

void host_frame_leave(const host_frame *frame)
{
    innermost = frame->outer;
}

bool host_inside(const dealfsm_host *host)
{
    for (const host_frame *frame = innermost; frame != NULL; frame = frame->outer) {
        if (frame->generation->host == host)
            return true;
    }
    return false;
}

bool host_inside_generation(const host_generation *generation)
{
    for (const host_frame *frame = innermost; frame != NULL; frame = frame->outer) {
        if (frame->generation == generation)
            return true;
    }
    return false;
}

/* The function for an op, by its number; all lie one after the other in the struct. */
static const size_t op_members[] = {
    [DEALFSM_OpOpenDataTransfer] = offsetof(dealfsm_environment, OpenDataTransfer),
    [DEALFSM_OpSendDataTransferVoucher] = offsetof(dealfsm_environment, SendDataTransferVoucher),
    [DEALFSM_OpCloseDataTransfer] = offsetof(dealfsm_environment, CloseDataTransfer),
    [DEALFSM_OpGetChainHead] = offsetof(dealfsm_environment, GetChainHead),
    [DEALFSM_OpGetOrCreatePaymentChannel] = offsetof(dealfsm_environment, GetOrCreatePaymentChannel),
    [DEALFSM_OpAllocateLane] = offsetof(dealfsm_environment, AllocateLane),
    [DEALFSM_OpCreatePaymentVoucher] = offsetof(dealfsm_environment, CreatePaymentVoucher),
    [DEALFSM_OpWaitForPaymentChannelCreation] = offsetof(dealfsm_environment, WaitForPaymentChannelCreation),
    [DEALFSM_OpWaitForPaymentChannelAddFunds] = offsetof(dealfsm_environment, WaitForPaymentChannelAddFunds),
    [DEALFSM_OpWaitForPaymentChannelReady] = offsetof(dealfsm_environment, WaitForPaymentChannelReady),
    [DEALFSM_OpCheckAvailableFunds] = offsetof(dealfsm_environment, CheckAvailableFunds),
    [DEALFSM_OpFinalizeBlockstore] = offsetof(dealfsm_environment, FinalizeBlockstore),
};
enum { OPS = sizeof op_members / sizeof op_members[0] };

static dealfsm_op_fn **op_function(dealfsm_environment *environment, uint32_t op)
{
    return (dealfsm_op_fn **)(void *)((char *)environment + op_members[op]);
}

static void ask(void *ctx, const dealfsm_op *op)
{
    host_generation *generation = ctx;
    host_frame frame;
    host_frame_enter(&frame, generation);
    (*op_function(&generation->environment, op->op))(generation->environment.ctx, op);
    host_frame_leave(&frame);
}

/* In a worker: what became of a pending put. The machine cannot be closed while it waits for this, so that `closing` is
 * somebody's attempt, soon over. */
static void deliver(void *ctx, uint64_t deal, uint64_t revision, int32_t outcome)
{
    host_generation *generation = ctx;
    unsigned shard = host_shard_of(deal);
    while (!host_pin(generation, shard))
        sched_yield();
    if (generation->functions->stored(generation->machine, deal, revision, outcome, NULL) >= 0)
        atomic_fetch_sub(&generation->puts, 1);
    host_unpin(generation, shard);
    if (atomic_load(&generation->host->only) == NULL)
        host_move_drive(generation->host, deal);
    host_let_go(generation->host);
}

static int32_t put(void *ctx, const dealfsm_put *row)
{
    host_generation *generation = ctx;
    host_frame frame;
    bool moves =
        atomic_load(&generation->host->only) == NULL && host_move_puts(generation, row->deal, row->revision);
    host_frame_enter(&frame, generation);
    int32_t outcome = generation->durable != NULL
                          ? store_put_row(generation->durable, row, deliver, generation)
                          : generation->store.put(generation->store.ctx, row);
    host_frame_leave(&frame);
    if (outcome == DEALFSM_PUT_PENDING)
        atomic_fetch_add(&generation->puts, 1);
    return moves && swap_planted('d') ? DEALFSM_PUT_DURABLE : outcome;
}

static void at_rest(void *ctx, uint64_t deal)
{
    host_generation *generation = ctx;
    const dealfsm_log_v1 *log = generation->services.log;
    host_frame frame;
    host_frame_enter(&frame, generation);
    if (!host_move_rested(generation, deal))
        log->log(log->ctx, DEALFSM_LOG_INFO, deal, "stands still: it is frozen now");
    host_frame_leave(&frame);
}

static int32_t prepare_environment(host_generation *generation, const dealfsm_environment *environment,
                                   dealfsm_error *error)
{
    int32_t result =
        host_take(&generation->environment, sizeof generation->environment, environment, "environment", error);
    if (result < 0)
        return result;
    generation->own_environment =
        (dealfsm_environment){.struct_size = sizeof generation->own_environment, .ctx = generation};
    for (uint32_t op = 1; op < OPS; op++) {
        if (*op_function(&generation->environment, op) != NULL)
            *op_function(&generation->own_environment, op) = ask;
    }
    return DEALFSM_OK;
}

static int32_t prepare_store(host_generation *generation, const dealfsm_store_v1 *store, dealfsm_store *durable,
                             dealfsm_error *error)
{
    memset(&generation->store, 0, sizeof generation->store);
    if (store == NULL && durable == NULL)
        return DEALFSM_OK;
    if (store != NULL && durable != NULL)
        return host_error(error, DEALFSM_E_ARGUMENT, "durable", "both store and durable are given: expected one");
    int32_t result =
        store != NULL ? host_take(&generation->store, sizeof generation->store, store, "store", error) : DEALFSM_OK;
    if (result >= 0 && durable == NULL && generation->store.put == NULL)
        result = host_error(error, DEALFSM_E_ARGUMENT, "store.put", "store.put is NULL: a store needs it");
    generation->own_store =
        (dealfsm_store_v1){.struct_size = sizeof generation->own_store, .ctx = generation, .put = put};
    return result;
}

int32_t host_services_prepare(host_generation *generation, const dealfsm_host_services *services, dealfsm_error *error)
{
    dealfsm_host_services *taken = &generation->services;
    int32_t result = host_take(taken, sizeof *taken, services, "services", error);
    if (result < 0)
        return result;
    if (taken->environment == NULL)
        return host_error(error, DEALFSM_E_MISSING, "environment", "services.environment is NULL: deals need one");
    if (taken->log == NULL)
        taken->log = &generation->host->log;
    generation->own_rest =
        (dealfsm_rest_v1){.struct_size = sizeof generation->own_rest, .ctx = generation, .at_rest = at_rest};
    result = prepare_environment(generation, taken->environment, error);
    return result < 0 ? result : prepare_store(generation, taken->store, taken->durable, error);
}

const void *host_services_find(void *ctx, const char *id)
{
    host_generation *generation = ctx;
    const dealfsm_host_services *services = &generation->services;
    if (strcmp(id, "environment/1") == 0)
        return &generation->own_environment;
    if (strcmp(id, "store/1") == 0)
        return generation->store.put != NULL || services->durable != NULL ? &generation->own_store : NULL;
    if (strcmp(id, "log/1") == 0)
        return services->log;
    if (strcmp(id, "rest/1") == 0)
        return &generation->own_rest;
    return services->service != NULL ? services->service(services->ctx, id) : NULL;
}
