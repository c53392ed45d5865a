/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One retrieval deal with nothing but the ABI's headers and dlopen: one-deal MODULE. Build: cc one-deal.c $(pkg-config --cflags dealfsm) */
#include <dealfsm/module.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static const dealfsm_functions *module;
static dealfsm_machine *machine;
static const uint8_t cid[36] = {1, 0x71, 0x12, 0x20}, client[] = {0, 100}, miner[] = {0, 101}, pay_ch[] = {0, 102};
static const uint8_t price[] = {0, 2}, funds[] = {0, 1, 0}, owed[] = {0, 200}; /* 2, 256 and 200 attoFIL */

/* What the node does for the deal. A real one would go to the chain and the provider, and answer later. */
static void answer(const dealfsm_op *op, const dealfsm_value *values, uint32_t count)
{
    dealfsm_answer a = {sizeof a, op->op, op->deal, op->sequence, op->nth, DEALFSM_ANSWER_OK, NULL, 0, values, count, sizeof *values};
    module->complete(machine, &a, NULL);
}
#define OP(name, ...) \
    static void name(void *ctx, const dealfsm_op *op) \
    { \
        const dealfsm_value values[] = {__VA_ARGS__}; \
        (void)ctx; \
        printf("  the deal asks for " #name "\n"); \
        answer(op, values, values[0].struct_size ? sizeof values / sizeof *values : 0); \
    }
#define BYTES(kind, bytes) {sizeof(dealfsm_value), kind, 0, bytes, sizeof bytes, NULL, 0}
#define NUMBER(kind, number) {sizeof(dealfsm_value), kind, number, NULL, 0, NULL, 0}
OP(OpenDataTransfer, {sizeof(dealfsm_value), DEALFSM_CHANNEL, 1, client, sizeof client, miner, sizeof miner})
OP(GetChainHead, BYTES(DEALFSM_BYTES, cid))
OP(GetOrCreatePaymentChannel, NUMBER(DEALFSM_NONE, 0), BYTES(DEALFSM_CID, cid))
OP(WaitForPaymentChannelCreation, BYTES(DEALFSM_ADDRESS, pay_ch))
OP(WaitForPaymentChannelAddFunds, {0})
OP(AllocateLane, NUMBER(DEALFSM_U64, 0))
OP(CreatePaymentVoucher, BYTES(DEALFSM_BYTES, owed))
OP(SendDataTransferVoucher, {0})
OP(CloseDataTransfer, {0})

static const dealfsm_environment environment = {sizeof environment, 0, NULL, OpenDataTransfer, SendDataTransferVoucher, CloseDataTransfer,
    GetChainHead, GetOrCreatePaymentChannel, AllocateLane, CreatePaymentVoucher, WaitForPaymentChannelCreation,
    WaitForPaymentChannelAddFunds, NULL, NULL, NULL};

static const void *service(void *ctx, const char *id)
{
    return strcmp(id, "environment/1") ? ctx : &environment; /* no store: the deal lives in memory */
}

static void notify(void *ctx, const dealfsm_notice *notice)
{
    (void)ctx;
    printf("event %u: state %llu -> %llu\n", notice->event->event, (unsigned long long)notice->from, (unsigned long long)notice->to);
}

static int32_t hand_in(uint32_t number, const dealfsm_value *arg)
{
    dealfsm_event event = {sizeof event, number, arg, arg != NULL, sizeof *arg};
    return module->dispatch(machine, 7, &event, NULL, NULL);
}

int main(int argc, char **argv)
{
    void *file = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    dealfsm_module_fn *negotiate = NULL;
    *(void **)&negotiate = file ? dlsym(file, DEALFSM_MODULE_SYMBOL) : NULL;
    dealfsm_offer offer = {sizeof offer, 0, DEALFSM_ABI_MINOR};
    dealfsm_services services = {sizeof services, 0, 0, NULL, service};
    dealfsm_subscription all = {sizeof all, DEALFSM_SUBSCRIBE_ALL, 0, NULL, notify, NULL};
    dealfsm_record terms = {.struct_size = sizeof terms, .id = 7, .payload_cid = cid, .payload_cid_len = sizeof cid,
        .price_per_byte = price, .price_per_byte_len = sizeof price, .payment_interval = 100, .total_funds = funds,
        .total_funds_len = sizeof funds, .client_wallet = client, .client_wallet_len = sizeof client,
        .miner_wallet = miner, .miner_wallet_len = sizeof miner, .sender = miner, .sender_len = sizeof miner};
    const dealfsm_value received = NUMBER(DEALFSM_U64, 100), last = BYTES(DEALFSM_AMOUNT, owed);
    dealfsm_error error = {.struct_size = sizeof error};
    dealfsm_deal deal = {.struct_size = sizeof deal};
    uint64_t id;
    if (!negotiate || negotiate(&offer, &module, &error) || module->open(&services, &machine, &error) ||
        module->subscribe(machine, &all, &id, &error) || module->create(machine, &terms, NULL, &error)) {
        fprintf(stderr, "one-deal: %s\n", negotiate ? error.text : argc == 2 ? "this is no module" : "usage: one-deal MODULE");
        return 1;
    }
    hand_in(DEALFSM_ClientEventOpen, NULL);                   /* proposes the deal */
    hand_in(DEALFSM_ClientEventDealAccepted, NULL);           /* sets up payment channel and lane */
    hand_in(DEALFSM_ClientEventBlocksReceived, &received);    /* 100 bytes are here */
    hand_in(DEALFSM_ClientEventLastPaymentRequested, &last);  /* pays 200 attoFIL for them */
    hand_in(DEALFSM_ClientEventComplete, NULL);
    module->query(machine, 7, &deal, &error);
    printf("the deal ended in state %llu\n", (unsigned long long)deal.status);
    return module->close(machine, &error) || deal.status != DEALFSM_DealStatusCompleted;
}
