/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Many deals and a store that reports its puts later: how many are held at once, and who moves the next. */
#include <dealfsm/swap.h>
#include <stdbool.h>
#include <stdio.h>

#include "host_kit.h"

enum { DEALS = 40, AT_ONCE = 4, PUTS = 64 };

typedef struct waiting {
    uint64_t deal, revision;
} waiting;

static dealfsm_host *host;
static uint32_t old_side, new_side;
static bool pending; /* puts are reported later */
static waiting at_store[PUTS];
static unsigned puts_count, puts_most;
static dealfsm_swap *swap;
static unsigned told;
static bool asks; /* who is told asks whether the phase is complete */

static int32_t put(void *ctx, const dealfsm_put *row)
{
    (void)ctx;
    if (!pending)
        return DEALFSM_PUT_DURABLE;
    ck_assert_uint_lt(puts_count, PUTS);
    at_store[puts_count++] = (waiting){row->deal, row->revision};
    puts_most = puts_count > puts_most ? puts_count : puts_most;
    return DEALFSM_PUT_PENDING;
}

/* Reports the first put that waits. */
static void land(int32_t outcome)
{
    ck_assert_uint_gt(puts_count, 0);
    const waiting first = at_store[0];
    memmove(&at_store[0], &at_store[1], --puts_count * sizeof *at_store);
    WORKS(dealfsm_host_stored(host, first.deal, first.revision, outcome, &error));
}

static void no_log(void *ctx, uint32_t level, uint64_t deal, const char *text)
{
    (void)ctx;
    (void)level;
    (void)deal;
    (void)text;
}

static uint32_t open_side(const char *name, uint32_t flags)
{
    static const dealfsm_store_v1 store = {.struct_size = sizeof store, .put = put};
    char path[512];
    uint32_t generation = 0;
    snprintf(path, sizeof path, TEST_BUILD_DIR "/modules/dealfsm-%s.so", name);
    dealfsm_environment environment = kit_environment;
    environment.WaitForPaymentChannelReady = environment.CheckAvailableFunds = environment.FinalizeBlockstore =
        never_asked;
    dealfsm_host_services services = {
        .struct_size = sizeof services, .environment = &environment, .store = &store, .flags = flags};
    WORKS(dealfsm_host_open(host, load(host, path), &services, &generation, &error));
    return generation;
}

/* Deals in New, where they rest. */
static void setup(void)
{
    static const dealfsm_log_v1 silent = {.struct_size = sizeof silent, .log = no_log};
    const dealfsm_host_options options = {.struct_size = sizeof options, .log = &silent};
    static const uint8_t address[] = {0x00, 0xe8, 0x07}, cid[] = {0x01, 0x55, 0x12, 0x04, 'd', 'a', 't', 'a'};
    dealfsm_record terms = {.struct_size = sizeof terms,
                            .payload_cid = cid,
                            .payload_cid_len = sizeof cid,
                            .client_wallet = address,
                            .client_wallet_len = sizeof address,
                            .miner_wallet = address,
                            .miner_wallet_len = sizeof address,
                            .sender = (const uint8_t *)"provider",
                            .sender_len = 8};
    WORKS(dealfsm_host_new(&options, &host, &error));
    old_side = open_side("client-0.5.6", 0);
    new_side = open_side("client-1.0.9", DEALFSM_HOST_ASIDE);
    pending = false;
    asks = false;
    puts_count = puts_most = told = 0;
    for (terms.id = 1; terms.id <= DEALS; terms.id++)
        WORKS(dealfsm_host_create(host, 0, &terms, NULL, &error));
    pending = true;
}

static void teardown(void)
{
    WORKS(dealfsm_host_free(host, &error));
}

static void tell(void *ctx, uint64_t deal, uint32_t generation, uint32_t verdict, uint64_t pause)
{
    dealfsm_swap_progress now = {.struct_size = sizeof now};
    (void)ctx;
    (void)deal;
    (void)generation;
    (void)verdict;
    (void)pause;
    told++;
    WORKS(dealfsm_swap_look(swap, &now, &error));
    ck_assert_uint_gt(now.count[DEALFSM_SWAP_MOVING], 0);
    if (asks)
        ck_assert_int_eq(dealfsm_swap_go(swap, DEALFSM_SWAP_COMMITTED, NULL), DEALFSM_ACCEPTED);
}

static void begin(uint64_t canary)
{
    const dealfsm_swap_options options = {
        .struct_size = sizeof options, .canary = canary, .deal = tell, .puts_at_once = AT_ONCE};
    WORKS(dealfsm_swap_begin(host, old_side, new_side, &options, &swap, &error));
}

static uint64_t count_of(uint32_t verdict)
{
    dealfsm_swap_progress now = {.struct_size = sizeof now};
    WORKS(dealfsm_swap_look(swap, &now, &error));
    return now.count[verdict];
}

static unsigned deals_in(uint32_t generation)
{
    unsigned count = 0;
    for (uint64_t id = 1; id <= DEALS; id++) {
        uint32_t where = 0;
        WORKS(dealfsm_host_route(host, id, &where, &error));
        count += where == generation;
    }
    return count;
}

static int32_t hand_in(uint64_t deal)
{
    const dealfsm_event event = {.struct_size = sizeof event, .event = DEALFSM_ClientEventDealAccepted};
    return dealfsm_host_dispatch(host, deal, &event, NULL, NULL);
}

static void waits_for_put(void *ctx, uint64_t deal, uint64_t status, uint32_t verdict, const char *reason)
{
    (void)deal;
    (void)status;
    ck_assert_uint_eq(verdict, DEALFSM_SWAP_MOVING);
    ck_assert_str_eq(reason, "the put that moves it is not durable yet");
    ++*(uint64_t *)ctx;
}

/* A deal waits for the put that moves it, and for those few that are under way; all others go on. */
START_TEST(few_are_held_at_once)
{
    begin(0);
    ck_assert_int_eq(dealfsm_swap_go(swap, DEALFSM_SWAP_COMMITTED, NULL), DEALFSM_ACCEPTED);
    ck_assert_uint_eq(puts_count, AT_ONCE);
    dealfsm_swap_progress now = {.struct_size = sizeof now};
    WORKS(dealfsm_swap_look(swap, &now, &error));
    ck_assert_uint_eq(now.waits_put, AT_ONCE);
    ck_assert_uint_eq(now.waits_rest, 0);
    ck_assert_uint_eq(now.in_line, DEALS - AT_ONCE);
    ck_assert_uint_gt(now.waited, 0);
    uint64_t named = 0;
    WORKS(dealfsm_swap_deals(swap, waits_for_put, &named, &error));
    ck_assert_uint_eq(named, AT_ONCE);
    unsigned held = 0;
    for (uint64_t id = 1; id <= DEALS; id++)
        held += hand_in(id) == DEALFSM_HELD;
    ck_assert_uint_eq(held, AT_ONCE);
    ck_assert_int_eq(dealfsm_swap_go(swap, DEALFSM_SWAP_COMMITTED, NULL), DEALFSM_ACCEPTED);
    ck_assert_uint_eq(puts_count, AT_ONCE);
    while (puts_count > 0) /* each makes room for the next: nobody has to ask */
        land(DEALFSM_PUT_DURABLE);
    ck_assert_uint_eq(puts_most, AT_ONCE);
    ck_assert_uint_eq(told, DEALS);
    ck_assert_uint_eq(deals_in(new_side), DEALS);
    ck_assert_int_eq(dealfsm_swap_go(swap, DEALFSM_SWAP_COMMITTED, NULL), DEALFSM_OK);
    ck_assert_uint_eq(count_of(DEALFSM_SWAP_MOVED), DEALS);
    WORKS(dealfsm_swap_look(swap, &now, &error));
    ck_assert_uint_eq(now.waits_put + now.in_line + now.waited, 0);
    WORKS(dealfsm_swap_end(swap, &error));
}
END_TEST

/* A deal counts as moving until it has been told of: the phase is not complete before. */
START_TEST(told_before_it_is_complete)
{
    begin(0);
    ck_assert_int_eq(dealfsm_swap_go(swap, DEALFSM_SWAP_COMMITTED, NULL), DEALFSM_ACCEPTED);
    asks = true;
    while (puts_count > 0)
        land(DEALFSM_PUT_DURABLE);
    ck_assert_uint_eq(told, DEALS);
    ck_assert_int_eq(dealfsm_swap_go(swap, DEALFSM_SWAP_COMMITTED, NULL), DEALFSM_OK);
    WORKS(dealfsm_swap_end(swap, &error));
}
END_TEST

START_TEST(canaries_are_so_many)
{
    begin(10);
    ck_assert_int_eq(dealfsm_swap_go(swap, DEALFSM_SWAP_CANARY, NULL), DEALFSM_ACCEPTED);
    while (puts_count > 0)
        land(DEALFSM_PUT_DURABLE);
    ck_assert_int_eq(dealfsm_swap_go(swap, DEALFSM_SWAP_CANARY, NULL), DEALFSM_OK);
    ck_assert_uint_eq(deals_in(new_side), 10);
    WORKS(dealfsm_swap_end(swap, &error));
}
END_TEST

/* Puts that fail: the deals go on where they were, and a further call moves them. */
START_TEST(puts_fail)
{
    unsigned landings = 0;
    int32_t result;
    begin(0);
    while ((result = dealfsm_swap_go(swap, DEALFSM_SWAP_COMMITTED, NULL)) == DEALFSM_ACCEPTED ||
           deals_in(old_side) > 0) {
        ck_assert_int_ge(result, 0);
        ck_assert_uint_lt(landings, 100 * DEALS);
        while (puts_count > 0)
            land(landings++ % 7 == 6 ? DEALFSM_PUT_FAILED : DEALFSM_PUT_DURABLE);
        for (uint64_t id = 1; id <= DEALS; id++)
            dealfsm_host_retry(host, id, NULL, NULL); /* what has stalled on the old side */
    }
    ck_assert_uint_gt(landings, DEALS);
    while (puts_count > 0)
        land(DEALFSM_PUT_DURABLE);
    ck_assert_uint_eq(deals_in(new_side), DEALS);
    WORKS(dealfsm_swap_end(swap, &error));
}
END_TEST

START_TEST(taken_back_with_deals_in_line)
{
    int32_t result;
    begin(0);
    ck_assert_int_eq(dealfsm_swap_go(swap, DEALFSM_SWAP_COMMITTED, NULL), DEALFSM_ACCEPTED);
    for (unsigned i = 0; i < 10; i++)
        land(DEALFSM_PUT_DURABLE);
    ck_assert_uint_eq(deals_in(new_side), 10);
    while ((result = dealfsm_swap_revert(swap, NULL)) == DEALFSM_ACCEPTED && puts_count > 0)
        land(DEALFSM_PUT_DURABLE);
    ck_assert_int_eq(result, DEALFSM_OK);
    ck_assert_uint_eq(deals_in(old_side), DEALS);
    WORKS(dealfsm_swap_end(swap, &error));
}
END_TEST

/* Those on their way arrive; those in line are left where they are. */
START_TEST(ended_with_deals_in_line)
{
    begin(0);
    ck_assert_int_eq(dealfsm_swap_go(swap, DEALFSM_SWAP_COMMITTED, NULL), DEALFSM_ACCEPTED);
    FAILS_WITH(DEALFSM_E_BUSY, "on their way", dealfsm_swap_end(swap, &error));
    while (puts_count > 0)
        land(DEALFSM_PUT_DURABLE);
    WORKS(dealfsm_swap_end(swap, &error));
    ck_assert_uint_eq(deals_in(new_side), AT_ONCE);
}
END_TEST

/* ---- Who listens to one deal */

static void count(void *ctx, const dealfsm_notice *notice)
{
    (void)notice;
    ++*(unsigned *)ctx;
}

static void count_end(void *ctx)
{
    *(unsigned *)ctx += 1000;
}

/* Several subscriptions to the same deal move with it, whichever of them has been ended. */
START_TEST(all_who_listen_to_a_deal_move)
{
    enum { EACH = 3 };
    unsigned heard[DEALS + 1][EACH] = {{0}};
    uint64_t ids[DEALS + 1][EACH];
    pending = false;
    for (unsigned which = 0; which < EACH; which++) {
        for (uint64_t id = 1; id <= DEALS; id++) {
            const dealfsm_subscription one = {.struct_size = sizeof one,
                                              .deal = id,
                                              .flags = DEALFSM_SUBSCRIBE_REFUSALS,
                                              .ctx = &heard[id][which],
                                              .notify = count,
                                              .ended = count_end};
            WORKS(dealfsm_host_subscribe(host, &one, &ids[id][which], &error));
        }
    }
    for (uint64_t id = 1; id <= DEALS; id++)
        if (id % 4 != EACH)
            WORKS(dealfsm_host_unsubscribe(host, ids[id][id % 4], &error));
    begin(0);
    ck_assert_int_eq(dealfsm_swap_go(swap, DEALFSM_SWAP_COMMITTED, NULL), DEALFSM_OK);
    ck_assert_uint_eq(deals_in(new_side), DEALS);
    for (uint64_t id = 1; id <= DEALS; id++) {
        ck_assert_int_eq(hand_in(id), DEALFSM_E_INVALID_TRANSITION);
        for (unsigned which = 0; which < EACH; which++)
            ck_assert_uint_eq(heard[id][which], which == id % 4 ? 1000 : 1);
    }
    for (uint64_t id = 1; id <= DEALS; id++) {
        for (unsigned which = 0; which < EACH; which++) {
            if (which == id % 4)
                continue;
            WORKS(dealfsm_host_unsubscribe(host, ids[id][which], &error));
            ck_assert_uint_eq(heard[id][which], 1001);
        }
    }
    WORKS(dealfsm_swap_end(swap, &error));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("swap: many deals");
    TCase *tests = tcase_create("in line");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, few_are_held_at_once);
    tcase_add_test(tests, told_before_it_is_complete);
    tcase_add_test(tests, canaries_are_so_many);
    tcase_add_test(tests, puts_fail);
    tcase_add_test(tests, taken_back_with_deals_in_line);
    tcase_add_test(tests, ended_with_deals_in_line);
    tcase_add_test(tests, all_who_listen_to_a_deal_move);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
