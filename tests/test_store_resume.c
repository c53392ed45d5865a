/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Hosts with durable stores: deals come back after a crash, with the same keys; final ones stay in the store. */
#include <stdatomic.h>
#include <sys/wait.h>

#include "store_kit.h"

static dealfsm_host *host;
static dealfsm_store *store;
static atomic_int asked, asked_before;
static bool answers; /* transfers open at once; else the question stays open */
static atomic_ullong key_sum;

static void open_transfer(void *ctx, const dealfsm_op *op)
{
    (void)ctx;
    atomic_fetch_add(&asked, 1);
    atomic_fetch_add(&asked_before, (op->flags & DEALFSM_OP_ASKED_BEFORE) != 0);
    atomic_fetch_add(&key_sum, op->deal * 1000 + op->sequence * 10 + op->nth);
    if (answers)
        answer_opened(host, op);
}

static void start(const char *url, uint64_t idle_deals)
{
    dealfsm_host_options options = {.struct_size = sizeof options, .idle_deals = idle_deals};
    WORKS(dealfsm_host_new(&options, &host, &error));
    WORKS(dealfsm_store_open(url, NULL, &store, &error));
    dealfsm_environment environment = kit_environment;
    environment.OpenDataTransfer = open_transfer;
    dealfsm_host_services services = {.struct_size = sizeof services, .environment = &environment, .durable = store};
    uint32_t generation;
    WORKS(dealfsm_host_open(host, load(host, TEST_MODULE), &services, &generation, &error));
}

static void stop(void)
{
    WORKS(dealfsm_host_free(host, &error));
    WORKS(dealfsm_store_close(store, &error));
}

static int32_t create(uint64_t deal, dealfsm_error *error)
{
    const dealfsm_record terms = real_terms(deal);
    return dealfsm_host_create(host, 0, &terms, NULL, error);
}

static int32_t dispatch(uint64_t deal, uint32_t number, const char *text, dealfsm_error *error)
{
    return dispatch_text(host, deal, number, text, error);
}

static dealfsm_deal query(uint64_t deal)
{
    dealfsm_deal shown = {.struct_size = sizeof shown};
    WORKS(dealfsm_host_query(host, deal, &shown, &error));
    return shown;
}

/* Waits until a deal has a durable sequence. */
static void wait_for(uint64_t deal, uint64_t sequence)
{
    dealfsm_deal shown = {.struct_size = sizeof shown};
    for (int i = 0; i < 20000; i++) {
        if (dealfsm_host_query(host, deal, &shown, NULL) >= 0 && shown.sequence >= sequence)
            return;
        usleep(500);
    }
    ck_abort_msg("deal %" PRIu64 " does not come to sequence %" PRIu64, deal, sequence);
}

static void open_deals(uint64_t first, uint64_t last, uint64_t sequence)
{
    for (uint64_t deal = first; deal <= last; deal++) {
        WORKS(create(deal, &error));
        WORKS(dispatch(deal, DEALFSM_ClientEventOpen, NULL, &error));
    }
    for (uint64_t deal = first; deal <= last; deal++)
        wait_for(deal, sequence);
}

static dealfsm_resumed resume(uint32_t flags)
{
    dealfsm_resumed figures = {.struct_size = sizeof figures};
    WORKS(dealfsm_host_resume(host, store, flags, NULL, NULL, &figures, &error));
    return figures;
}

/* A process that dies in the middle; its questions are open. */
static void crash(const char *url, bool with_answers)
{
    pid_t child = fork();
    if (child == 0) {
        answers = with_answers;
        start(url, 0);
        open_deals(1, 50, with_answers ? 2 : 1);
        _exit(0);
    }
    int status = -1;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}

START_TEST(asked_again_with_the_same_key)
{
    const char *url = url_of(_i, "s");
    uint64_t sum = 0;
    for (uint64_t deal = 1; deal <= 50; deal++)
        sum += deal * 1000 + 1 * 10 + 1;
    crash(url, false);
    answers = true;
    start(url, 0);
    dealfsm_resumed figures = resume(0);
    ck_assert_uint_eq(figures.rows, 50);
    ck_assert_uint_eq(figures.resumed, 50);
    ck_assert_int_eq(asked, 50);
    ck_assert_int_eq(asked_before, 50);
    ck_assert_uint_eq(key_sum, sum);
    for (uint64_t deal = 1; deal <= 50; deal++) {
        wait_for(deal, 2);
        ck_assert_uint_eq(query(deal).status, DEALFSM_DealStatusWaitForAcceptance);
    }
    stop();
}
END_TEST

/* Twice: what is there already is left alone. Deals at rest ask nothing. */
START_TEST(resume_twice)
{
    const char *url = url_of(_i, "s");
    crash(url, true);
    start(url, 0);
    FAILS_WITH(DEALFSM_E_NOT_FOUND, "1", dealfsm_host_activate(host, 1, NULL, &error));
    ck_assert_uint_eq(resume(0).resumed, 50);
    dealfsm_resumed again = resume(0);
    ck_assert_uint_eq(again.there, 50);
    ck_assert_uint_eq(again.resumed, 0);
    ck_assert_int_eq(asked, 0);
    WORKS(dispatch(3, DEALFSM_ClientEventDealRejected, "no", &error));
    wait_for(3, 3);
    stop();

    /* It has ended: it stays in the store, is shown from there, and takes no event. */
    start(url, 0);
    dealfsm_resumed figures = resume(0);
    ck_assert_uint_eq(figures.final_rows, 1);
    ck_assert_uint_eq(figures.resumed, 49);
    dealfsm_deal shown = query(3);
    ck_assert_uint_eq(shown.status, DEALFSM_DealStatusRejected);
    ck_assert_uint_eq(shown.flags, DEALFSM_DEAL_FINAL);
    ck_assert_uint_eq(shown.sequence, 3);
    FAILS_WITH(DEALFSM_E_TERMINATED, "ended", dispatch(3, DEALFSM_ClientEventDealAccepted, NULL, &error));
    FAILS_WITH(DEALFSM_E_EXISTS, "3", create(3, &error));
    FAILS_WITH(DEALFSM_E_NOT_FOUND, "99", dispatch(99, DEALFSM_ClientEventDealAccepted, NULL, &error));
    stop();
}
END_TEST

/* A record without sidecar: nothing is owed, or its handler, without key. */
static void bare(int kind, uint32_t flags, int asks)
{
    const char *url = url_of(kind, "s");
    dealfsm_store *made = open_flags(url, 0);
    uint8_t record[RECORD_MOST];
    dealfsm_put row = {.struct_size = sizeof row, .deal = 4, .revision = 1, .status = DEALFSM_DealStatusNew};
    row.machine_version = kit_module.describe->machine_version;
    row.record = record;
    row.record_len = record_bytes(4, DEALFSM_DealStatusNew, 1, record);
    const dealfsm_store_v1 *service = dealfsm_store_service(made);
    ck_assert_int_eq(service->put(service->ctx, &row), DEALFSM_PUT_DURABLE);
    close_store(made);
    answers = true;
    start(url, 0);
    dealfsm_resumed figures = resume(flags);
    ck_assert_uint_eq(figures.bare, 1);
    ck_assert_uint_eq(figures.resumed, 1);
    ck_assert_int_eq(asked, asks);
    if (asks > 0)
        wait_for(4, 1);
    stop();
}

START_TEST(bare_rows)
{
    bare(_i, 0, 0);
}
END_TEST

START_TEST(bare_rows_owed)
{
    bare(_i, DEALFSM_RESUME_BARE_OWED, 1);
}
END_TEST

static void note_result(void *ctx, const dealfsm_store_row *row, int32_t result, const char *text)
{
    tell(ctx, "%" PRIu64 " %d %s\n", row->deal, (int)result, text);
}

/* Another machine version: named, waits, stays whole. */
START_TEST(other_versions_wait)
{
    const char *url = url_of(_i, "s");
    told lines = {.length = 0};
    uint8_t record[4] = {1, 2, 3, 4};
    dealfsm_store *made = open_flags(url, 0);
    put(made, 1, 1);
    dealfsm_put row = {.struct_size = sizeof row, .deal = 2, .revision = 1, .machine_version = "client 99.9.9"};
    row.record = row.sidecar = record;
    row.record_len = row.sidecar_len = sizeof record;
    const dealfsm_store_v1 *service = dealfsm_store_service(made);
    ck_assert_int_eq(service->put(service->ctx, &row), DEALFSM_PUT_DURABLE);
    close_store(made);
    start(url, 0);
    dealfsm_resumed figures = {.struct_size = sizeof figures};
    WORKS(dealfsm_host_resume(host, store, 0, note_result, &lines, &figures, &error));
    ck_assert_uint_eq(figures.waiting, 1);
    ck_assert_uint_eq(figures.damaged, 1); /* the sidecar of deal 1 is none of the module's */
    ck_assert_ptr_nonnull(strstr(lines.text, "2 -19 deal 2 waits for \"client 99.9.9\""));
    ck_assert_ptr_nonnull(strstr(lines.text, "1 -18 "));
    FAILS_WITH(DEALFSM_E_VERSION, "client 99.9.9", dispatch(2, DEALFSM_ClientEventDealAccepted, NULL, &error));
    stop();
}
END_TEST

START_TEST(wrong_uses)
{
    dealfsm_host *second;
    uint32_t generation;
    start(url_of(_i, "s"), 0);
    WORKS(dealfsm_host_new(NULL, &second, &error));
    FAILS_WITH(DEALFSM_E_STATE, "no generation", dealfsm_host_resume(second, store, 0, NULL, NULL, NULL, &error));
    FAILS_WITH(DEALFSM_E_BUSY, "generations use", dealfsm_store_close(store, &error));
    dealfsm_host_services services = {
        .struct_size = sizeof services, .environment = &kit_environment, .durable = store};
    FAILS_WITH(DEALFSM_E_BUSY, "another host",
               dealfsm_host_open(second, load(second, TEST_MODULE), &services, &generation, &error));
    services.store = dealfsm_store_service(store);
    FAILS_WITH(DEALFSM_E_ARGUMENT, "both",
               dealfsm_host_open(second, load(second, TEST_MODULE), &services, &generation, &error));
    WORKS(dealfsm_host_free(second, &error));
    stop();
}
END_TEST

/* Deals at rest are let go of beyond a bound, and come back for an event. */
START_TEST(idle_deals)
{
    enum { BOUND = 10, DEALS = 200 };
    answers = true;
    start(url_of(_i, "s"), BOUND);
    open_deals(1, DEALS, 2);
    dealfsm_counters counters = {.struct_size = sizeof counters};
    for (int i = 0; i < 2000; i++) {
        WORKS(dealfsm_host_counters(host, 0, &counters, &error));
        if (counters.deals <= BOUND)
            break;
        usleep(1000);
    }
    ck_assert_uint_le(counters.deals, BOUND);
    for (uint64_t deal = 1; deal <= DEALS; deal++)
        ck_assert_uint_eq(query(deal).status, DEALFSM_DealStatusWaitForAcceptance);
    for (uint64_t deal = 1; deal <= DEALS; deal++)
        WORKS(dispatch(deal, DEALFSM_ClientEventDealRejected, "no", &error));
    for (uint64_t deal = 1; deal <= DEALS; deal++) {
        wait_for(deal, 3);
        ck_assert_uint_eq(query(deal).status, DEALFSM_DealStatusRejected);
    }
    stop();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store: resume");
    TCase *both = tcase_create("both kinds");
    tcase_add_checked_fixture(both, kit_setup, kit_teardown);
    tcase_add_loop_test(both, asked_again_with_the_same_key, 0, KINDS);
    tcase_add_loop_test(both, resume_twice, 0, KINDS);
    tcase_add_loop_test(both, bare_rows, 0, KINDS);
    tcase_add_loop_test(both, bare_rows_owed, 0, KINDS);
    tcase_add_loop_test(both, other_versions_wait, 0, KINDS);
    tcase_add_loop_test(both, wrong_uses, 0, KINDS);
    tcase_add_loop_test(both, idle_deals, 0, KINDS);
    tcase_set_timeout(both, 60);
    suite_add_tcase(suite, both);
    return run_suite(suite);
}
