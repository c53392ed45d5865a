/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef HOST_KIT_H
#define HOST_KIT_H

/* What the tests of the host library share. */

#include <dealfsm/host.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "check_kit.h"

#define MODULE(name) TEST_BUILD_DIR "/tests/modules/" name ".so"
#define ERROR_INIT                                                                                                     \
    {                                                                                                                  \
        .struct_size = sizeof(dealfsm_error)                                                                           \
    }

/* The call gives that code, and an error text with that part. */
#define FAILS_WITH(expected_code, part, call)                                                                          \
    do {                                                                                                               \
        dealfsm_error error = ERROR_INIT;                                                                              \
        int32_t result_ = (call);                                                                                      \
        ck_assert_msg(result_ == (expected_code) && error.code == result_ && strstr(error.text, part) != NULL,         \
                      "expected %d with \"%s\", found %d, \"%s\"", (int)(expected_code), part, (int)result_,           \
                      error.text);                                                                                     \
    } while (0)

#define WORKS(call)                                                                                                    \
    do {                                                                                                               \
        dealfsm_error error = ERROR_INIT;                                                                              \
        int32_t result_ = (call);                                                                                      \
        ck_assert_msg(result_ >= 0, "expected success, found %d: %s", (int)result_, error.text);                       \
    } while (0)

static inline dealfsm_host *new_host(void)
{
    dealfsm_host *host = NULL;
    WORKS(dealfsm_host_new(NULL, &host, &error));
    return host;
}

static inline dealfsm_module *load(dealfsm_host *host, const char *path)
{
    dealfsm_module *module = NULL;
    WORKS(dealfsm_host_load(host, path, &module, &error));
    return module;
}

static inline void never_asked(void *ctx, const dealfsm_op *op)
{
    (void)ctx;
    ck_abort_msg("op %" PRIu32 " was asked, expected none", op->op);
}

static const dealfsm_environment kit_environment = {.struct_size = sizeof kit_environment,
                                                    .OpenDataTransfer = never_asked,
                                                    .SendDataTransferVoucher = never_asked,
                                                    .CloseDataTransfer = never_asked,
                                                    .GetChainHead = never_asked,
                                                    .GetOrCreatePaymentChannel = never_asked,
                                                    .AllocateLane = never_asked,
                                                    .CreatePaymentVoucher = never_asked,
                                                    .WaitForPaymentChannelCreation = never_asked,
                                                    .WaitForPaymentChannelAddFunds = never_asked};

static inline uint32_t open_with(dealfsm_host *host, dealfsm_module *module, const dealfsm_environment *environment)
{
    dealfsm_host_services services = {.struct_size = sizeof services, .environment = environment};
    uint32_t generation = 0;
    WORKS(dealfsm_host_open(host, module, &services, &generation, &error));
    return generation;
}

/* ---- Deals of real machines */

/* Terms that every machine takes. */
static inline dealfsm_record real_terms(uint64_t deal)
{
    static const uint8_t cid[] = {0x01, 0x55, 0x12, 0x04, 'd', 'a', 't', 'a'};
    static const uint8_t wallet[] = {0x00, 0xe8, 0x07}; /* f01000 */
    static const uint8_t peer[] = {0x12, 0x04, 'p', 'e', 'e', 'r'};
    return (dealfsm_record){.struct_size = sizeof(dealfsm_record),
                            .id = deal,
                            .payment_interval = 1024,
                            .payload_cid = cid,
                            .payload_cid_len = sizeof cid,
                            .client_wallet = wallet,
                            .client_wallet_len = sizeof wallet,
                            .miner_wallet = wallet,
                            .miner_wallet_len = sizeof wallet,
                            .sender = peer,
                            .sender_len = sizeof peer};
}

/* Hands in an event, with a text where it takes one. */
static inline int32_t dispatch_text(dealfsm_host *host, uint64_t deal, uint32_t number, const char *text,
                                    dealfsm_error *error)
{
    uint32_t kind = number == DEALFSM_ClientEventDataTransferError ? DEALFSM_ERROR : DEALFSM_TEXT;
    dealfsm_value arg = {.struct_size = sizeof arg, .kind = kind, .data = (const uint8_t *)text};
    arg.data_len = text != NULL ? strlen(text) : 0;
    dealfsm_event event = {.struct_size = sizeof event, .event = number};
    if (text != NULL) {
        event.args = &arg;
        event.args_count = 1;
        event.args_stride = sizeof arg;
    }
    return dealfsm_host_dispatch(host, deal, &event, NULL, error);
}

/* Answers OpenDataTransfer: the transfer is open. */
static inline void answer_opened(dealfsm_host *host, const dealfsm_op *op)
{
    static const uint8_t peer[] = {0x12, 0x04, 'p', 'e', 'e', 'r'};
    dealfsm_value channel = {.struct_size = sizeof channel,
                             .kind = DEALFSM_CHANNEL,
                             .number = op->deal,
                             .data = peer,
                             .data_len = sizeof peer,
                             .data2 = peer,
                             .data2_len = sizeof peer};
    dealfsm_answer answer = {.struct_size = sizeof answer,
                             .op = op->op,
                             .deal = op->deal,
                             .sequence = op->sequence,
                             .nth = op->nth,
                             .outcome = DEALFSM_ANSWER_OK,
                             .values = &channel,
                             .values_count = 1,
                             .values_stride = sizeof channel};
    WORKS(dealfsm_host_complete(host, &answer, &error));
}

#endif
