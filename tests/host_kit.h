/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef HOST_KIT_H
#define HOST_KIT_H

/* What the tests of the host library share. */

#include <check.h>
#include <dealfsm/host.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

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

/* Runs a suite; the number of failures. */
static inline int run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
