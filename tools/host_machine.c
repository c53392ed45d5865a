/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* How the world's steps reach the machine, and what is done when the store cannot be written. */

#include <inttypes.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#include "host.h"

static int32_t machine_resume(void *ctx, uint64_t deal)
{
    return host_store_resume(ctx, deal);
}

static int32_t machine_create(void *ctx, const dealfsm_record *terms)
{
    host_node *node = ctx;
    host_track *track = &node->tracks[terms->id - 1];
    dealfsm_error error = {.struct_size = sizeof error};
    int32_t result = dealfsm_host_create(node->host, 0, terms, NULL, &error);
    if (result == DEALFSM_E_EXISTS) {
        return result;
    }
    track->created = result >= 0;
    if (result < 0) {
        (void)snprintf(track->error, sizeof track->error, "%.*s", (int)sizeof track->error - 1, error.text);
    } else {
        atomic_fetch_add(&node->in_state[0], 1);
    }
    return result;
}

/* The world speaks to the latest machines; an earlier one is told of a cancellation as of any failure of the transfer. */
static const dealfsm_event *in_its_words(const host_node *node, uint64_t deal, const dealfsm_event *event)
{
    static const char cancelled[] = "deal data transfer cancelled by the provider";
    static const dealfsm_value why = {.struct_size = sizeof why,
                                      .kind = DEALFSM_ERROR,
                                      .data = (const uint8_t *)cancelled,
                                      .data_len = sizeof cancelled - 1};
    static const dealfsm_event failed = {.struct_size = sizeof failed,
                                         .event = DEALFSM_ClientEventDataTransferError,
                                         .args = &why,
                                         .args_count = 1,
                                         .args_stride = sizeof why};
    bool strange =
        event->event == DEALFSM_ClientEventProviderCancelled && !host_swap_knows(node->swap, deal, event->event);
    return strange ? &failed : event;
}

/* When a step is over the world forgets it, and takes the deal to stand as it is seen then: so what a swap holds is waited
 * for until the side that goes on has it. */
static int32_t given(const host_node *node, uint64_t deal, int32_t result)
{
    while (result == DEALFSM_HELD && dealfsm_swap_settled(node->host, deal, NULL) == DEALFSM_HELD) {
        (void)sched_yield();
    }
    return result;
}

static int32_t machine_dispatch(void *ctx, uint64_t deal, const dealfsm_event *event, uint64_t *revision)
{
    const host_node *node = ctx;
    event = in_its_words(node, deal, event);
    return given(node, deal, dealfsm_host_dispatch(node->host, deal, event, revision, NULL));
}

/* ... and of a shortfall as of any error. */
static int32_t machine_complete(void *ctx, const dealfsm_answer *answer)
{
    const host_node *node = ctx;
    dealfsm_answer plain = *answer;
    if (answer->outcome == DEALFSM_ANSWER_SHORTFALL &&
        !host_swap_knows(node->swap, answer->deal, DEALFSM_ClientEventVoucherShortfall)) {
        plain.outcome = DEALFSM_ANSWER_ERROR;
        plain.values = NULL;
        plain.values_count = 0;
    }
    return given(node, answer->deal, dealfsm_host_complete(node->host, &plain, NULL));
}

static int32_t machine_retry(void *ctx, uint64_t deal)
{
    const host_node *node = ctx;
    return dealfsm_host_retry(node->host, deal, NULL, NULL);
}

/* ---- Money has come */

/* The version that has the deal may change meanwhile, and its record's form with it: then it is looked at once more. */
static bool waits_for_money_in(const host_node *node, uint64_t deal, const uint8_t *channel, uint64_t channel_len)
{
    uint8_t buffer[16384];
    uint32_t generation = 0;
    uint32_t after = 0;
    dealfsm_deal state;
    dealfsm_record record;
    bool read;
    do {
        dealfsm_module *module = NULL;
        dealfsm_module_info info = {.struct_size = sizeof info};
        state = (dealfsm_deal){.struct_size = sizeof state, .record = buffer, .record_capacity = sizeof buffer};
        record = (dealfsm_record){.struct_size = sizeof record};
        read = dealfsm_host_route(node->host, deal, &generation, NULL) >= 0 &&
               dealfsm_host_query(node->host, deal, &state, NULL) >= 0 && state.record_len <= sizeof buffer &&
               dealfsm_host_generation_module(node->host, generation, &module, NULL) >= 0 &&
               dealfsm_host_module_info(module, &info, NULL) >= 0 &&
               info.record->decode(buffer, state.record_len, &record, NULL) >= 0;
    } while (dealfsm_host_route(node->host, deal, &after, NULL) >= 0 && after != generation);
    return read && state.status == DEALFSM_DealStatusInsufficientFunds && record.has_payment_info != 0 &&
           record.pay_ch_len == channel_len && memcmp(record.pay_ch, channel, channel_len) == 0;
}

static int32_t machine_money(void *ctx, uint64_t deal, const uint8_t *channel, uint64_t channel_len, uint64_t *revision)
{
    static const dealfsm_event recheck = {.struct_size = sizeof recheck, .event = DEALFSM_ClientEventRecheckFunds};
    return waits_for_money_in(ctx, deal, channel, channel_len) ? machine_dispatch(ctx, deal, &recheck, revision)
                                                               : DEALFSM_OK;
}

/* ---- Stalled */

/* Does the deal wait because its put failed? One that was never put is not found. */
static bool put_failed(const host_node *node, uint64_t deal, dealfsm_deal *state)
{
    const host_track *track = &node->tracks[deal - 1];
    *state = (dealfsm_deal){.struct_size = sizeof *state};
    if (dealfsm_host_query(node->host, deal, state, NULL) < 0) {
        state->revision = 0;
        return track->created && !track->stored;
    }
    return (state->flags & DEALFSM_DEAL_STALLED) != 0 &&
           (state->stall == DEALFSM_STALL_PUT || state->stall == DEALFSM_STALL_MEMORY);
}

bool host_wait(void *ctx, const char *why)
{
    host_node *node = ctx;
    struct timespec pause = {.tv_nsec = 200000000};
    if (why == NULL) {
        if (atomic_exchange(&node->waiting, 0) != 0) {
            (void)fputs("dealfsm-host: it can be written again: the deals go on\n", stderr);
        }
        return true;
    }
    if (atomic_exchange(&node->waiting, 1) == 0) {
        (void)fprintf(stderr, "dealfsm-host: %s: deals wait until it can be written again\n", why);
    }
    (void)nanosleep(&pause, NULL);
    return !runner_stopped(node->runner);
}

/* Waits and tries again until the put succeeds, the deal is not there any more, or the run is stopped (false). */
static bool wait_for_store(host_node *node, uint64_t deal, dealfsm_deal *state)
{
    while (put_failed(node, deal, state)) {
        char why[256];
        (void)snprintf(why, sizeof why, "deal %" PRIu64 ": %s", deal,
                       state->stall_text[0] != '\0' ? state->stall_text : "the store cannot be written");
        if (!host_wait(node, why)) {
            return false;
        }
        if (dealfsm_host_retry(node->host, deal, NULL, NULL) == DEALFSM_E_NOT_FOUND) {
            break;
        }
    }
    return host_wait(node, NULL);
}

static bool machine_settle(void *ctx, uint64_t deal, bool nested, runner_standing *standing)
{
    host_node *node = ctx;
    dealfsm_deal state;
    if (!nested) {
        host_swap_look(node->swap); /* first: it may move this deal, which may go on then */
    }
    bool settled = !put_failed(node, deal, &state) || nested || wait_for_store(node, deal, &state);
    standing->revision = state.revision;
    standing->short_of_funds = state.status == DEALFSM_DealStatusInsufficientFunds;
    return settled;
}

runner_machine host_machine(host_node *node)
{
    return (runner_machine){.ctx = node,
                            .resume = machine_resume,
                            .create = machine_create,
                            .dispatch = machine_dispatch,
                            .complete = machine_complete,
                            .retry = machine_retry,
                            .money = machine_money,
                            .settle = machine_settle};
}
