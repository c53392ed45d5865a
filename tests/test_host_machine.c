/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The module of client 0.5.6 behind the host library: ops answered inside the call and by the worker pool, in two
 * generations at once, with eight threads. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "host_kit.h"

enum { DEALS = 400, THREADS = 8 };

static dealfsm_host *host;
static uint32_t generations[2];
static atomic_int asked, heard, ended;
static char second_path[64];

/* ---- A world in which every transfer opens */

static void open_at_once(void *ctx, const dealfsm_op *op)
{
    (void)ctx;
    atomic_fetch_add(&asked, 1);
    answer_opened(host, op);
}

static void answer_job(void *ctx)
{
    dealfsm_op *op = ctx;
    answer_opened(host, op);
    free(op);
}

static void open_later(void *ctx, const dealfsm_op *op)
{
    (void)ctx;
    atomic_fetch_add(&asked, 1);
    dealfsm_op *key = malloc(sizeof *key);
    memcpy(key, op, sizeof *key);
    WORKS(dealfsm_host_submit(host, answer_job, key, &error));
}

static int32_t put_now(void *ctx, const dealfsm_put *put)
{
    (void)ctx;
    return put->revision > 0 ? DEALFSM_PUT_DURABLE : DEALFSM_PUT_FAILED;
}

static const dealfsm_store_v1 store_now = {.struct_size = sizeof store_now, .put = put_now};

static uint32_t open_machine(dealfsm_module *module, dealfsm_op_fn *open, const dealfsm_store_v1 *store)
{
    dealfsm_environment environment = kit_environment;
    environment.OpenDataTransfer = open;
    dealfsm_host_services services = {.struct_size = sizeof services, .environment = &environment, .store = store};
    uint32_t generation = 0;
    WORKS(dealfsm_host_open(host, module, &services, &generation, &error));
    return generation;
}

/* ---- A second generation: the same module with a byte more at its end is another file. */

static void write_second(void)
{
    strcpy(second_path, "/tmp/test-machine-XXXXXX");
    int fd = mkstemp(second_path);
    ck_assert_int_ge(fd, 0);
    FILE *from = fopen(TEST_MODULE, "rb");
    ck_assert_msg(from != NULL, TEST_MODULE ": expected the module made by the build, found none");
    FILE *to = fdopen(fd, "wb");
    for (int c = getc(from); c != EOF; c = getc(from))
        putc(c, to);
    putc('+', to);
    fclose(from);
    ck_assert_int_eq(fclose(to), 0);
}

static void start(dealfsm_op_fn *open)
{
    host = new_host();
    write_second();
    generations[0] = open_machine(load(host, TEST_MODULE), open, &store_now);
    generations[1] = open_machine(load(host, second_path), open, &store_now);
    unlink(second_path);
}

static void teardown(void)
{
    WORKS(dealfsm_host_free(host, &error));
}

/* ---- Deals */

static int32_t create(uint32_t generation, uint64_t deal, dealfsm_error *error)
{
    const dealfsm_record terms = real_terms(deal);
    return dealfsm_host_create(host, generation, &terms, NULL, error);
}

static int32_t dispatch(uint64_t deal, uint32_t number, const char *text, dealfsm_error *error)
{
    return dispatch_text(host, deal, number, text, error);
}

static uint64_t status_of(uint64_t deal)
{
    dealfsm_deal shown = {.struct_size = sizeof shown};
    WORKS(dealfsm_host_query(host, deal, &shown, &error));
    return shown.status;
}

static void hear(void *ctx, const dealfsm_notice *notice)
{
    (void)ctx;
    ck_assert_uint_eq(notice->kind, DEALFSM_NOTICE_APPLIED);
    atomic_fetch_add(&heard, 1);
}

static void end(void *ctx)
{
    (void)ctx;
    atomic_fetch_add(&ended, 1);
}

static uint64_t listen_to_all(void)
{
    dealfsm_subscription all = {
        .struct_size = sizeof all, .flags = DEALFSM_SUBSCRIBE_ALL, .notify = hear, .ended = end};
    uint64_t id = 0;
    WORKS(dealfsm_host_subscribe(host, &all, &id, &error));
    return id;
}

static void open_never(void *ctx, const dealfsm_op *op)
{
    (void)ctx;
    (void)op;
    atomic_fetch_add(&asked, 1);
}

START_TEST(a_deal_goes_its_way_with_answers_inside_the_call)
{
    start(open_at_once);
    uint64_t id = listen_to_all();
    for (uint64_t deal = 1; deal <= 2; deal++) {
        WORKS(create(generations[deal - 1], deal, &error));
        /* Open: the handler of New asks for the transfer, which is answered at once: DealProposed */
        WORKS(dispatch(deal, DEALFSM_ClientEventOpen, NULL, &error));
        ck_assert_uint_eq(status_of(deal), DEALFSM_DealStatusWaitForAcceptance);
        WORKS(dispatch(deal, DEALFSM_ClientEventDealRejected, "too cheap", &error));
        ck_assert_uint_eq(status_of(deal), DEALFSM_DealStatusRejected);
        FAILS_WITH(DEALFSM_E_TERMINATED, "", dispatch(deal, DEALFSM_ClientEventComplete, NULL, &error));
        FAILS_WITH(DEALFSM_E_EXISTS, "already", create(generations[2 - deal], deal, &error));
    }
    ck_assert_int_eq(atomic_load(&asked), 2);
    ck_assert_int_eq(atomic_load(&heard), 6);
    WORKS(dealfsm_host_unsubscribe(host, id, &error));
    ck_assert_int_eq(atomic_load(&ended), 1);
}
END_TEST

START_TEST(a_frozen_deal_waits_for_the_thaw)
{
    start(open_at_once);
    WORKS(create(generations[1], 1, &error));
    WORKS(dispatch(1, DEALFSM_ClientEventOpen, NULL, &error));
    FAILS_WITH(DEALFSM_E_NOT_FOUND, "", dealfsm_host_freeze(host, 2, &error));
    FAILS_WITH(DEALFSM_E_NOT_FOUND, "", dealfsm_host_thaw(host, 2, 0, NULL, &error));
    WORKS(dealfsm_host_freeze(host, 1, &error));
    FAILS_WITH(DEALFSM_E_FROZEN, "", dispatch(1, DEALFSM_ClientEventDealRejected, "too cheap", &error));
    ck_assert_uint_eq(status_of(1), DEALFSM_DealStatusWaitForAcceptance);
    WORKS(dealfsm_host_thaw(host, 1, 0, NULL, &error));
    WORKS(dispatch(1, DEALFSM_ClientEventDealRejected, "too cheap", &error));
    ck_assert_uint_eq(status_of(1), DEALFSM_DealStatusRejected);
}
END_TEST

START_TEST(a_generation_tells_its_module)
{
    start(open_never);
    dealfsm_module *first = NULL, *second = NULL;
    WORKS(dealfsm_host_generation_module(host, generations[0], &first, &error));
    WORKS(dealfsm_host_generation_module(host, generations[1], &second, &error));
    ck_assert_ptr_eq(first, load(host, TEST_MODULE));
    ck_assert_ptr_ne(first, second);
    FAILS_WITH(DEALFSM_E_NOT_FOUND, "generation 9 is not open",
               dealfsm_host_generation_module(host, 9, &second, &error));
    FAILS_WITH(DEALFSM_E_ARGUMENT, "module is NULL",
               dealfsm_host_generation_module(host, generations[0], NULL, &error));
}
END_TEST

/* The deal leaves the first generation as a snapshot and goes on in the second. */
START_TEST(a_snapshot_goes_on_in_another_generation)
{
    uint8_t record[1024], sidecar[1024];
    start(open_at_once);
    WORKS(create(generations[0], 1, &error));
    WORKS(dispatch(1, DEALFSM_ClientEventOpen, NULL, &error));
    dealfsm_snapshot snapshot = {.struct_size = sizeof snapshot,
                                 .record = record,
                                 .record_capacity = sizeof record,
                                 .sidecar = sidecar,
                                 .sidecar_capacity = sizeof sidecar};
    WORKS(dealfsm_host_snapshot(host, 1, &snapshot, &error));
    FAILS_WITH(DEALFSM_E_EXISTS, "already", dealfsm_host_restore(host, 0, &snapshot, &error));
    WORKS(dealfsm_host_release(host, 1, &error));
    WORKS(dealfsm_host_restore(host, 0, &snapshot, &error)); /* 0: the newest of its version */
    uint32_t generation = 0;
    WORKS(dealfsm_host_route(host, 1, &generation, &error));
    ck_assert_uint_eq(generation, generations[1]);
    FAILS_WITH(DEALFSM_E_FROZEN, "", dispatch(1, DEALFSM_ClientEventDealRejected, "no", &error));
    WORKS(dealfsm_host_activate(host, 1, NULL, &error));
    WORKS(dispatch(1, DEALFSM_ClientEventDealRejected, "no", &error));
    ck_assert_uint_eq(status_of(1), DEALFSM_DealStatusRejected);
    WORKS(dealfsm_host_forget(host, 1, &error));
    FAILS_WITH(DEALFSM_E_NOT_FOUND, "no generation has deal 1", dispatch(1, DEALFSM_ClientEventOpen, NULL, &error));
}
END_TEST

static void *run_deals(void *ctx)
{
    uint64_t first = *(uint64_t *)ctx;
    for (uint64_t deal = first; deal <= DEALS; deal += THREADS) {
        WORKS(create(generations[deal % 2], deal, &error));
        WORKS(dispatch(deal, DEALFSM_ClientEventOpen, NULL, &error));
        /* Comes before or after the answer; never refused, for it waits in the queue. */
        WORKS(dispatch(deal, DEALFSM_ClientEventDataTransferError, "gone", &error));
    }
    return NULL;
}

START_TEST(eight_threads_and_the_pool_run_deals)
{
    pthread_t threads[THREADS];
    uint64_t firsts[THREADS];
    start(open_later);
    listen_to_all();
    for (uint64_t i = 0; i < THREADS; i++) {
        firsts[i] = i + 1;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, run_deals, &firsts[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    dealfsm_counters sum = {.struct_size = sizeof sum};
    do {
        WORKS(dealfsm_host_counters(host, 0, &sum, &error));
        usleep(1000);
    } while (sum.open_ops > 0 || sum.queued > 0 || sum.applied + sum.terminated + sum.refused < 3 * DEALS);
    ck_assert_uint_eq(sum.deals, DEALS);
    ck_assert_uint_eq(sum.ops, DEALS);
    ck_assert_int_eq(atomic_load(&asked), DEALS);
    for (uint64_t deal = 1; deal <= DEALS; deal++)
        ck_assert_uint_eq(status_of(deal), DEALFSM_DealStatusErrored);
}
END_TEST

START_TEST(free_is_refused_while_an_op_is_open)
{
    start(open_never);
    WORKS(create(generations[1], 1, &error));
    WORKS(dispatch(1, DEALFSM_ClientEventOpen, NULL, &error));
    FAILS_WITH(DEALFSM_E_BUSY, "generation 2 is busy: 1 ops and 0 puts are open", dealfsm_host_free(host, &error));
    /* nothing has changed */
    uint64_t count = 0;
    WORKS(dealfsm_host_generations(host, NULL, 0, &count, &error));
    ck_assert_uint_eq(count, 2);
    dealfsm_deal shown = {.struct_size = sizeof shown};
    WORKS(dealfsm_host_query(host, 1, &shown, &error));
    const dealfsm_op op = {.op = shown.open_op, .deal = 1, .sequence = shown.open_sequence, .nth = shown.open_nth};
    answer_opened(host, &op);
    ck_assert_uint_eq(status_of(1), DEALFSM_DealStatusWaitForAcceptance);
}
END_TEST

/* ---- A store that answers later, through the pool */

typedef struct {
    uint64_t deal;
    uint64_t revision;
} put_key;

static void tell_stored(void *ctx)
{
    put_key *key = ctx;
    WORKS(dealfsm_host_stored(host, key->deal, key->revision, DEALFSM_PUT_DURABLE, &error));
    free(key);
}

static int32_t put_later(void *ctx, const dealfsm_put *put)
{
    (void)ctx;
    put_key *key = malloc(sizeof *key);
    *key = (put_key){put->deal, put->revision};
    WORKS(dealfsm_host_submit(host, tell_stored, key, &error));
    return DEALFSM_PUT_PENDING;
}

START_TEST(a_store_answers_through_the_pool)
{
    dealfsm_store_v1 store = {.struct_size = sizeof store, .put = put_later};
    host = new_host();
    open_machine(load(host, TEST_MODULE), open_later, &store);
    for (uint64_t deal = 1; deal <= DEALS; deal++) {
        WORKS(create(0, deal, &error));
        WORKS(dispatch(deal, DEALFSM_ClientEventOpen, NULL, &error));
    }
    /* free waits for the pool, so all puts and answers get through and no machine is busy */
    uint64_t before = 0;
    dealfsm_counters sum = {.struct_size = sizeof sum};
    while (before < 2 * DEALS) {
        WORKS(dealfsm_host_counters(host, 0, &sum, &error));
        before = sum.applied;
        usleep(1000);
    }
    ck_assert_uint_eq(sum.puts, 3 * DEALS);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("host: machine");
    TCase *tcase = tcase_create("client 0.5.6");
    suite_add_tcase(suite, tcase);
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, NULL, teardown);
    tcase_add_test(tcase, a_deal_goes_its_way_with_answers_inside_the_call);
    tcase_add_test(tcase, a_frozen_deal_waits_for_the_thaw);
    tcase_add_test(tcase, a_generation_tells_its_module);
    tcase_add_test(tcase, a_snapshot_goes_on_in_another_generation);
    tcase_add_test(tcase, eight_threads_and_the_pool_run_deals);
    tcase_add_test(tcase, free_is_refused_while_an_op_is_open);
    tcase_add_test(tcase, a_store_answers_through_the_pool);
    return run_suite(suite);
}
