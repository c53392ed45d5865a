/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Bytes of strangers: a stored record, or a record of ours with a strange sidecar. Whatever is taken must be written again as
 * the same bytes; whatever is not must leave nothing behind. For libFuzzer: make fuzz. */
#include <dealfsm/describe.h>
#include <dealfsm/module.h>
#include <stdlib.h>
#include <string.h>

dealfsm_module_fn dealfsm_module_v1;

static const dealfsm_functions *module;
static dealfsm_machine *machine;

static void never(void *ctx, const dealfsm_op *op)
{
    (void)ctx;
    (void)op;
}

static const void *service(void *ctx, const char *id)
{
    static const dealfsm_environment environment = {.struct_size = sizeof environment,
                                                    .OpenDataTransfer = never,
                                                    .SendDataTransferVoucher = never,
                                                    .CloseDataTransfer = never,
                                                    .GetChainHead = never,
                                                    .GetOrCreatePaymentChannel = never,
                                                    .AllocateLane = never,
                                                    .CreatePaymentVoucher = never,
                                                    .WaitForPaymentChannelCreation = never,
                                                    .WaitForPaymentChannelAddFunds = never,
                                                    .WaitForPaymentChannelReady = never,
                                                    .CheckAvailableFunds = never,
                                                    .FinalizeBlockstore = never};
    (void)ctx;
    return strcmp(id, "environment/1") ? NULL : &environment;
}

static void must(int condition)
{
    if (!condition)
        abort();
}

static void begin(void)
{
    const dealfsm_offer offer = {sizeof offer, 0, DEALFSM_ABI_MINOR};
    const dealfsm_services services = {.struct_size = sizeof services, .service = service};
    must(dealfsm_module_v1(&offer, &module, NULL) == DEALFSM_OK);
    must(module->open(&services, &machine, NULL) == DEALFSM_OK);
}

/* Stages what is given, and if it is taken compares what a snapshot gives; deal 1 is gone afterwards. */
static void restore(const char *version, const uint8_t *record, size_t record_len, const uint8_t *sidecar,
                    size_t sidecar_len, uint64_t deal)
{
    dealfsm_snapshot in = {.struct_size = sizeof in,
                           .deal = deal,
                           .machine_version = version,
                           .record = (uint8_t *)record,
                           .record_len = record_len,
                           .sidecar = (uint8_t *)sidecar,
                           .sidecar_len = sidecar_len};
    dealfsm_snapshot out = {.struct_size = sizeof out};
    if (module->restore(machine, &in, NULL) != DEALFSM_OK)
        return;
    module->snapshot(machine, deal, &out, NULL);
    out.record_capacity = out.record_len;
    out.sidecar_capacity = out.sidecar_len;
    out.record = malloc(out.record_len);
    out.sidecar = malloc(out.sidecar_len);
    must(module->snapshot(machine, deal, &out, NULL) == DEALFSM_OK);
    if (sidecar_len && !strcmp(version, out.machine_version)) {
        must(out.sidecar_len == sidecar_len && !memcmp(out.sidecar, sidecar, sidecar_len));
        must(out.record_len == record_len && !memcmp(out.record, record, record_len));
    }
    free(out.record);
    free(out.sidecar);
    must(module->drop(machine, deal, NULL) == DEALFSM_OK);
}

static void decode(const uint8_t *data, size_t size)
{
    const dealfsm_record_v1 *codec = module->interface("record/1");
    dealfsm_record record = {.struct_size = sizeof record};
    uint64_t length = 0;
    if (codec->decode(data, size, &record, NULL) != DEALFSM_OK)
        return;
    uint8_t *again = malloc(size);
    must(codec->encode(&record, again, size, &length, NULL) == DEALFSM_OK && length == size);
    free(again);
    restore(((const dealfsm_describe_v1 *)module->interface("describe/1"))->machine_version, data, size, NULL, 0,
            record.id);
}

/* A record in the middle of things, as the module itself stores it. */
static void strange_sidecar(const uint8_t *data, size_t size)
{
    static const uint8_t cid[36] = {1, 0x71, 0x12, 0x20}, wallet[] = {0, 100}, funds[] = {0, 1, 0};
    const dealfsm_record_v1 *codec = module->interface("record/1");
    dealfsm_record record = {.struct_size = sizeof record,
                             .has_channel = 1,
                             .id = 1,
                             .payload_cid = cid,
                             .payload_cid_len = sizeof cid,
                             .total_funds = funds,
                             .total_funds_len = sizeof funds,
                             .client_wallet = wallet,
                             .client_wallet_len = sizeof wallet,
                             .miner_wallet = wallet,
                             .miner_wallet_len = sizeof wallet,
                             .status = size ? data[0] % 35 : 0};
    uint8_t bytes[512];
    uint64_t length = 0;
    must(codec->encode(&record, bytes, sizeof bytes, &length, NULL) == DEALFSM_OK);
    if (size > 1)
        restore(((const dealfsm_describe_v1 *)module->interface("describe/1"))->machine_version, bytes, length, data + 1,
                size - 1, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!machine)
        begin();
    if (!size)
        return 0;
    if (data[0] & 1)
        strange_sidecar(data + 1, size - 1);
    else
        decode(data + 1, size - 1);
    return 0;
}
