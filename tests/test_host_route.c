/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Several generations: each call reaches the machine that has the deal, and no deal is in two. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "host_kit.h"

static dealfsm_host *host;
static uint32_t old, new; /* generations of client 0.0.1 and client 0.0.2 */

static void setup_one(void)
{
    host = new_host();
    old = open_with(host, load(host, MODULE("stand_in")), &kit_environment);
    new = 0;
}

static void setup(void)
{
    setup_one();
    new = open_with(host, load(host, MODULE("stand_in_second")), &kit_environment);
}

static void teardown(void)
{
    WORKS(dealfsm_host_free(host, &error));
}

static int32_t create(uint32_t generation, uint64_t deal, dealfsm_error *error)
{
    dealfsm_record terms = {.struct_size = sizeof terms, .id = deal};
    return dealfsm_host_create(host, generation, &terms, NULL, error);
}

static void created(uint32_t generation, uint64_t deal)
{
    WORKS(create(generation, deal, &error));
}

static int32_t dispatch(uint64_t deal, dealfsm_error *error)
{
    dealfsm_event event = {.struct_size = sizeof event};
    return dealfsm_host_dispatch(host, deal, &event, NULL, error);
}

static int32_t restore(uint32_t generation, uint64_t deal, const char *version, dealfsm_error *error)
{
    dealfsm_snapshot snapshot = {.struct_size = sizeof snapshot, .deal = deal, .machine_version = version};
    return dealfsm_host_restore(host, generation, &snapshot, error);
}

static uint32_t route_of(uint64_t deal)
{
    uint32_t generation = 0;
    WORKS(dealfsm_host_route(host, deal, &generation, &error));
    return generation;
}

/* ---- Deals */

START_TEST(calls_reach_the_generation_that_has_the_deal)
{
    created(0, 1); /* the newest takes it */
    created(old, 2);
    ck_assert_uint_eq(route_of(1), new);
    ck_assert_uint_eq(route_of(2), old);
    for (int i = 0; i < 3; i++)
        WORKS(dispatch(2, &error));
    dealfsm_deal shown = {.struct_size = sizeof shown};
    WORKS(dealfsm_host_query(host, 2, &shown, &error));
    ck_assert_uint_eq(shown.sequence, 3);
    WORKS(dealfsm_host_query(host, 1, &shown, &error));
    ck_assert_uint_eq(shown.sequence, 0);
    dealfsm_answer answer = {.struct_size = sizeof answer, .deal = 1};
    WORKS(dealfsm_host_complete(host, &answer, &error));
    WORKS(dealfsm_host_retry(host, 1, NULL, &error));
    WORKS(dealfsm_host_stored(host, 1, 1, DEALFSM_PUT_DURABLE, &error));
    WORKS(dealfsm_host_activate(host, 1, NULL, &error));
    dealfsm_snapshot snapshot = {.struct_size = sizeof snapshot};
    WORKS(dealfsm_host_snapshot(host, 1, &snapshot, &error));
    ck_assert_uint_eq(snapshot.sequence, 4);
    ck_assert_str_eq(snapshot.machine_version, "client 0.0.2");
}
END_TEST

START_TEST(unknown_deals_are_not_found)
{
    FAILS_WITH(DEALFSM_E_NOT_FOUND, "no such deal", dispatch(7, &error)); /* one generation: the machine says it */
    new = open_with(host, load(host, MODULE("stand_in_second")), &kit_environment);
    FAILS_WITH(DEALFSM_E_NOT_FOUND, "no generation has deal 7", dispatch(7, &error));
    FAILS_WITH(DEALFSM_E_NOT_FOUND, "no generation has deal 7", dealfsm_host_forget(host, 7, &error));
    FAILS_WITH(DEALFSM_E_NOT_FOUND, "generation 9 is not open", create(9, 7, &error));
    uint32_t generation;
    FAILS_WITH(DEALFSM_E_NOT_FOUND, "no generation has deal 7", dealfsm_host_route(host, 7, &generation, &error));
}
END_TEST

START_TEST(no_deal_is_in_two_generations)
{
    created(old, 1);
    FAILS_WITH(DEALFSM_E_EXISTS, "deal 1 is in generation 1 already", create(new, 1, &error));
    FAILS_WITH(DEALFSM_E_EXISTS, "deal 1 is in generation 1 already", create(old, 1, &error));
    FAILS_WITH(DEALFSM_E_EXISTS, "deal 1 is in generation 1 already", restore(new, 1, "client 0.0.1", &error));
    ck_assert_uint_eq(route_of(1), old);
    WORKS(dispatch(1, &error));
}
END_TEST

START_TEST(a_refused_creation_leaves_no_route)
{
    uint32_t generation;
    FAILS_WITH(DEALFSM_E_ARGUMENT, "the stand-in takes no such deal", create(new, 666, &error));
    FAILS_WITH(DEALFSM_E_NOT_FOUND, "no generation has", dealfsm_host_route(host, 666, &generation, &error));
    FAILS_WITH(DEALFSM_E_ARGUMENT, "the stand-in takes no such deal", create(old, 666, &error));
}
END_TEST

START_TEST(deals_that_leave_may_come_back_elsewhere)
{
    created(old, 1);
    created(old, 2);
    created(old, 3);
    WORKS(dealfsm_host_release(host, 1, &error));
    WORKS(dealfsm_host_forget(host, 2, &error));
    WORKS(dealfsm_host_drop(host, 3, &error));
    for (uint64_t deal = 1; deal <= 3; deal++) {
        FAILS_WITH(DEALFSM_E_NOT_FOUND, "no generation has", dispatch(deal, &error));
        WORKS(restore(new, deal, "client 0.0.1", &error));
        ck_assert_uint_eq(route_of(deal), new);
        WORKS(dispatch(deal, &error));
    }
}
END_TEST

START_TEST(restore_finds_the_machine_version)
{
    WORKS(restore(0, 1, "client 0.0.1", &error));
    WORKS(restore(0, 2, "client 0.0.2", &error));
    ck_assert_uint_eq(route_of(1), old);
    ck_assert_uint_eq(route_of(2), new);
    FAILS_WITH(DEALFSM_E_VERSION, "the snapshot is of \"client 9\", open are: client 0.0.1, client 0.0.2",
               restore(0, 3, "client 9", &error));
    FAILS_WITH(DEALFSM_E_ARGUMENT, "machine_version is NULL", restore(0, 3, NULL, &error));
    uint32_t third = open_with(host, load(host, MODULE("stand_in")), &kit_environment);
    WORKS(restore(0, 4, "client 0.0.1", &error));
    ck_assert_uint_eq(route_of(4), third); /* the newest of that version */
}
END_TEST

/* A store may give a deal away: the machine then drops it by itself, and the library learns it when the deal comes
 * back. */
START_TEST(a_deal_that_left_by_itself_can_be_restored)
{
    created(old, 1);
    created(old, 2);
    WORKS(dealfsm_host_stored(host, 1, 1, DEALFSM_PUT_LOST, &error));
    FAILS_WITH(DEALFSM_E_NOT_FOUND, "no such deal", dispatch(1, &error));
    WORKS(restore(new, 1, "client 0.0.1", &error));
    ck_assert_uint_eq(route_of(1), new);
    WORKS(dispatch(1, &error));
    FAILS_WITH(DEALFSM_E_EXISTS, "already", restore(new, 2, "client 0.0.1", &error));
}
END_TEST

START_TEST(list_and_counters_cover_all_generations)
{
    uint64_t ids[16];
    uint64_t count = 0;
    dealfsm_counters sum = {.struct_size = sizeof sum};
    for (uint64_t deal = 1; deal <= 10; deal++) {
        created(deal % 3 == 0 ? old : new, deal * 10);
        WORKS(dispatch(deal * 10, &error));
    }
    WORKS(dealfsm_host_list(host, NULL, ids, 16, &count, &error));
    ck_assert_uint_eq(count, 10);
    for (uint64_t i = 0; i < count; i++)
        ck_assert_uint_eq(ids[i], (i + 1) * 10);
    WORKS(dealfsm_host_list(host, NULL, ids, 4, &count, &error));
    ck_assert_uint_eq(count, 4);
    ck_assert_uint_eq(ids[3], 40);
    WORKS(dealfsm_host_list(host, &ids[3], ids, 4, &count, &error));
    ck_assert_uint_eq(ids[0], 50);
    WORKS(dealfsm_host_list(host, &ids[3], ids, 4, &count, &error));
    ck_assert_uint_eq(count, 2);
    WORKS(dealfsm_host_list(host, NULL, NULL, 0, &count, &error));
    ck_assert_uint_eq(count, 0);
    WORKS(dealfsm_host_counters(host, 0, &sum, &error));
    ck_assert_uint_eq(sum.deals, 10);
    ck_assert_uint_eq(sum.applied, 10);
    WORKS(dealfsm_host_counters(host, old, &sum, &error));
    ck_assert_uint_eq(sum.deals, 3);
    FAILS_WITH(DEALFSM_E_NOT_FOUND, "generation 9", dealfsm_host_counters(host, 9, &sum, &error));
}
END_TEST

/* ---- Generations */

START_TEST(generations_open_and_close)
{
    uint32_t ids[4] = {0};
    uint64_t count = 0;
    created(old, 1);
    created(new, 2);
    WORKS(dealfsm_host_generations(host, ids, 4, &count, &error));
    ck_assert_uint_eq(count, 2);
    ck_assert_uint_eq(ids[0], old);
    ck_assert_uint_eq(ids[1], new);
    WORKS(dealfsm_host_close(host, new, &error));
    FAILS_WITH(DEALFSM_E_NOT_FOUND, "generation 2 is not open", dealfsm_host_close(host, new, &error));
    created(0, 3); /* the one that is left takes it */
    ck_assert_uint_eq(route_of(3), old);
    created(0, 2); /* gone with its generation */
    WORKS(dealfsm_host_close(host, old, &error));
    FAILS_WITH(DEALFSM_E_STATE, "no generation is open", create(0, 4, &error));
    FAILS_WITH(DEALFSM_E_NOT_FOUND, "no generation has deal 1", dispatch(1, &error));
    ck_assert_uint_eq(open_with(host, load(host, MODULE("stand_in")), &kit_environment),
                      3); /* numbers are not reused */
    created(0, 1);
}
END_TEST

START_TEST(a_busy_machine_keeps_its_generation_and_the_host)
{
    created(old, 999);
    FAILS_WITH(DEALFSM_E_BUSY, "deal 999 is busy", dealfsm_host_close(host, old, &error));
    WORKS(dispatch(999, &error));
    FAILS_WITH(DEALFSM_E_BUSY, "deal 999 is busy", dealfsm_host_free(host, &error));
    WORKS(dispatch(999, &error));
    WORKS(dealfsm_host_forget(host, 999, &error));
}
END_TEST

START_TEST(open_checks_what_it_is_given)
{
    uint32_t generation = 0;
    dealfsm_module *module = load(host, MODULE("stand_in"));
    dealfsm_host_services services = {.struct_size = sizeof services};
    FAILS_WITH(DEALFSM_E_MISSING, "services.environment is NULL",
               dealfsm_host_open(host, module, &services, &generation, &error));
    dealfsm_environment nothing = {.struct_size = sizeof nothing};
    services.environment = &nothing;
    FAILS_WITH(DEALFSM_E_MISSING, "needs GetChainHead",
               dealfsm_host_open(host, module, &services, &generation, &error));
    services.environment = &kit_environment;
    dealfsm_store_v1 store = {.struct_size = sizeof store};
    services.store = &store;
    FAILS_WITH(DEALFSM_E_ARGUMENT, "store.put is NULL",
               dealfsm_host_open(host, module, &services, &generation, &error));
    FAILS_WITH(DEALFSM_E_ARGUMENT, "found NULL", dealfsm_host_open(host, NULL, &services, &generation, &error));
    ck_assert_uint_eq(generation, 0);
    created(0, 1); /* the host goes on */
}
END_TEST

START_TEST(arguments_are_checked)
{
    dealfsm_counters sum = {.struct_size = sizeof sum};
    uint64_t count;
    FAILS_WITH(DEALFSM_E_ARGUMENT, "host is NULL", dealfsm_host_dispatch(NULL, 1, NULL, NULL, &error));
    FAILS_WITH(DEALFSM_E_ARGUMENT, "terms is NULL", dealfsm_host_create(host, 0, NULL, NULL, &error));
    FAILS_WITH(DEALFSM_E_ARGUMENT, "answer is NULL", dealfsm_host_complete(host, NULL, &error));
    FAILS_WITH(DEALFSM_E_ARGUMENT, "snapshot is NULL", dealfsm_host_restore(host, 0, NULL, &error));
    FAILS_WITH(DEALFSM_E_ARGUMENT, "host is NULL", dealfsm_host_counters(NULL, 0, &sum, &error));
    FAILS_WITH(DEALFSM_E_ARGUMENT, "out is NULL", dealfsm_host_counters(host, 0, NULL, &error));
    FAILS_WITH(DEALFSM_E_ARGUMENT, "found NULL", dealfsm_host_list(host, NULL, NULL, 1, &count, &error));
    FAILS_WITH(DEALFSM_E_ARGUMENT, "found NULL", dealfsm_host_generations(host, NULL, 0, NULL, &error));
    FAILS_WITH(DEALFSM_E_ARGUMENT, "host is NULL", dealfsm_host_close(NULL, 1, &error));
    FAILS_WITH(DEALFSM_E_ARGUMENT, "subscription is NULL", dealfsm_host_subscribe(host, NULL, &count, &error));
    FAILS_WITH(DEALFSM_E_ARGUMENT, "host is NULL", dealfsm_host_unsubscribe(NULL, 1, &error));
    dealfsm_subscription deaf = {.struct_size = sizeof deaf};
    FAILS_WITH(DEALFSM_E_ARGUMENT, "notify is NULL", dealfsm_host_subscribe(host, &deaf, &count, &error));
}
END_TEST

/* ---- Subscriptions */

typedef struct {
    atomic_int heard;
    atomic_int ended;
    uint64_t id;
    int32_t result; /* of what notify tried */
} listener;

static void hear(void *ctx, const dealfsm_notice *notice)
{
    listener *l = ctx;
    ck_assert_uint_ne(notice->deal, 0);
    ck_assert_int_eq(atomic_load(&l->ended), 0);
    atomic_fetch_add(&l->heard, 1);
}

static void end(void *ctx)
{
    atomic_fetch_add(&((listener *)ctx)->ended, 1);
}

static void subscribe(listener *l, uint32_t flags, uint64_t deal, void (*notify)(void *, const dealfsm_notice *))
{
    dealfsm_subscription subscription = {
        .struct_size = sizeof subscription, .flags = flags, .deal = deal, .ctx = l, .notify = notify, .ended = end};
    WORKS(dealfsm_host_subscribe(host, &subscription, &l->id, &error));
}

START_TEST(a_subscription_to_all_hears_later_generations_too)
{
    listener all = {0};
    subscribe(&all, DEALFSM_SUBSCRIBE_ALL, 0, hear);
    created(old, 1);
    WORKS(dispatch(1, &error));
    new = open_with(host, load(host, MODULE("stand_in_second")), &kit_environment);
    created(new, 2);
    WORKS(dispatch(2, &error));
    ck_assert_int_eq(atomic_load(&all.heard), 2);
    WORKS(dealfsm_host_close(host, new, &error));
    ck_assert_int_eq(atomic_load(&all.ended), 0); /* it must NOT end with a generation */
    WORKS(dispatch(1, &error));
    WORKS(dealfsm_host_unsubscribe(host, all.id, &error));
    ck_assert_int_eq(atomic_load(&all.ended), 1);
    WORKS(dispatch(1, &error));
    ck_assert_int_eq(atomic_load(&all.heard), 3);
    FAILS_WITH(DEALFSM_E_NOT_FOUND, "it has ended", dealfsm_host_unsubscribe(host, all.id, &error));
}
END_TEST

START_TEST(a_subscription_to_one_deal_ends_with_it)
{
    listener one = {0}, none = {0};
    created(old, 1);
    created(new, 2);
    subscribe(&one, 0, 1, hear);
    WORKS(dispatch(1, &error));
    WORKS(dispatch(2, &error));
    ck_assert_int_eq(atomic_load(&one.heard), 1);
    WORKS(dealfsm_host_forget(host, 1, &error));
    ck_assert_int_eq(atomic_load(&one.ended), 1);
    FAILS_WITH(DEALFSM_E_NOT_FOUND, "it has ended", dealfsm_host_unsubscribe(host, one.id, &error));
    dealfsm_subscription to_nobody = {
        .struct_size = sizeof to_nobody, .deal = 5, .ctx = &none, .notify = hear, .ended = end};
    FAILS_WITH(DEALFSM_E_NOT_FOUND, "no generation has deal 5",
               dealfsm_host_subscribe(host, &to_nobody, &none.id, &error));
    ck_assert_int_eq(atomic_load(&none.ended), 0);
}
END_TEST

START_TEST(subscriptions_end_with_the_host)
{
    listener all = {0}, one = {0};
    created(new, 1);
    subscribe(&all, DEALFSM_SUBSCRIBE_ALL, 0, hear);
    subscribe(&one, 0, 1, hear);
    WORKS(dealfsm_host_free(host, &error));
    ck_assert_int_eq(atomic_load(&all.ended), 1);
    ck_assert_int_eq(atomic_load(&one.ended), 1);
    host = new_host();
}
END_TEST

/* Two threads, each in a callback of one machine, end each other's subscription in the other: nobody may wait. */
static pthread_barrier_t both_inside;
static listener first, second;

static void end_the_other(void *ctx, const dealfsm_notice *notice)
{
    listener *l = ctx;
    (void)notice;
    atomic_fetch_add(&l->heard, 1);
    pthread_barrier_wait(&both_inside);
    l->result = dealfsm_host_unsubscribe(host, l == &first ? second.id : first.id, NULL);
    pthread_barrier_wait(&both_inside);
}

static void *dispatch_in_thread(void *ctx)
{
    dispatch(*(uint64_t *)ctx, NULL);
    return NULL;
}

START_TEST(unsubscribing_from_callbacks_of_two_machines_does_not_lock)
{
    pthread_t threads[2];
    uint64_t deals[2] = {1, 2};
    pthread_barrier_init(&both_inside, NULL, 2);
    created(old, 1);
    created(new, 2);
    subscribe(&first, 0, 1, end_the_other);
    subscribe(&second, 0, 2, end_the_other);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, dispatch_in_thread, &deals[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(first.result, DEALFSM_OK);
    ck_assert_int_eq(second.result, DEALFSM_OK);
    WORKS(dealfsm_host_free(host, &error)); /* waits for what was left to the workers */
    ck_assert_int_eq(atomic_load(&first.ended), 1);
    ck_assert_int_eq(atomic_load(&second.ended), 1);
    ck_assert_int_eq(atomic_load(&first.heard), 1);
    host = new_host();
}
END_TEST

static void try_forbidden(void *ctx, const dealfsm_notice *notice)
{
    (void)notice;
    FAILS_WITH(DEALFSM_E_BUSY, "called inside a callback", dealfsm_host_close(host, new, &error));
    FAILS_WITH(DEALFSM_E_BUSY, "called inside a callback", dealfsm_host_free(host, &error));
    atomic_fetch_add(&((listener *)ctx)->heard, 1);
}

START_TEST(close_and_free_are_refused_inside_callbacks)
{
    static listener all; /* hears the end in teardown */
    created(old, 1);
    subscribe(&all, DEALFSM_SUBSCRIBE_ALL, 0, try_forbidden);
    WORKS(dispatch(1, &error));
    ck_assert_int_eq(atomic_load(&all.heard), 1);
}
END_TEST

/* ---- Submitting inside a callback: the only worker waits for this very callback, and the queue is full. */

static pthread_barrier_t worker_waits;

static void wait_for_callback(void *ctx)
{
    (void)ctx;
    pthread_barrier_wait(&worker_waits);
}

static void count_job(void *ctx)
{
    atomic_fetch_add(&((listener *)ctx)->heard, 1);
}

static void submit_some(void *ctx, const dealfsm_notice *notice)
{
    (void)notice;
    for (int i = 0; i < 10; i++)
        WORKS(dealfsm_host_submit(host, count_job, ctx, &error));
    pthread_barrier_wait(&worker_waits);
}

START_TEST(callbacks_may_submit_whatever_waits)
{
    static listener all;
    teardown();
    dealfsm_host_options options = {.struct_size = sizeof options, .threads = 1, .queue_jobs = 1};
    WORKS(dealfsm_host_new(&options, &host, &error));
    open_with(host, load(host, MODULE("stand_in")), &kit_environment);
    pthread_barrier_init(&worker_waits, NULL, 2);
    created(0, 1);
    subscribe(&all, DEALFSM_SUBSCRIBE_ALL, 0, submit_some);
    WORKS(dealfsm_host_submit(host, wait_for_callback, NULL, &error));
    WORKS(dispatch(1, &error));
    WORKS(dealfsm_host_free(host, &error));
    ck_assert_int_eq(atomic_load(&all.heard), 10);
    host = new_host();
}
END_TEST

/* ---- The log */

static char logged[256];

static void keep_log(void *ctx, uint32_t level, uint64_t deal, const char *text)
{
    size_t length = strlen(logged);
    snprintf(logged + length, sizeof logged - length, "%s%u %u %s;", (const char *)ctx, level, (unsigned)deal, text);
}

static const dealfsm_log_v1 own_log = {
    .struct_size = sizeof own_log, .ctx = (void *)(uintptr_t) "host ", .log = keep_log};

START_TEST(the_hosts_log_serves_its_machines)
{
    dealfsm_host_options options = {.struct_size = sizeof options, .log = &own_log};
    teardown();
    WORKS(dealfsm_host_new(&options, &host, &error));
    open_with(host, load(host, MODULE("stand_in")), &kit_environment);
    created(0, 555);
    ck_assert_str_eq(logged, "host 1 555 two\nlines\x1b;host 2 555 two\nlines\x1b;host 3 555 two\nlines\x1b;");
}
END_TEST

START_TEST(the_default_log_is_a_line_each_on_standard_error)
{
    FILE *file = tmpfile();
    int before = dup(STDERR_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    created(0, 555);
    dup2(before, STDERR_FILENO);
    rewind(file);
    char line[256];
    for (int level = 0; level < 2; level++) { /* error and warning, but not info */
        ck_assert_ptr_nonnull(fgets(line, sizeof line, file));
        ck_assert_str_eq(line + strlen("2026-01-01T00:00:00.000Z "),
                         level == 0 ? "error deal 555: two lines \n" : "warning deal 555: two lines \n");
    }
    ck_assert_ptr_null(fgets(line, sizeof line, file));
    fclose(file);
    close(before);
}
END_TEST

/* ---- Threads */

enum { THREADS = 8, DEALS = 40, ROUNDS = 300 };

static void *create_and_dispatch(void *ctx)
{
    uint64_t base = *(uint64_t *)ctx;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        uint64_t deal = base + round % DEALS;
        if (round < DEALS && create(round % 2 == 0 ? old : 0, deal, NULL) != DEALFSM_OK)
            return "a deal was not created";
        if (dispatch(deal, NULL) != DEALFSM_APPLIED)
            return "an event was not taken";
        if (dispatch(1, NULL) != DEALFSM_APPLIED)
            return "the deal of all did not take an event";
    }
    return NULL;
}

/* Meanwhile a second generation is opened, so the way without look-up ends under their feet. */
START_TEST(eight_threads_route)
{
    pthread_t threads[THREADS];
    uint64_t bases[THREADS];
    created(old, 1);
    for (uint64_t i = 0; i < THREADS; i++) {
        bases[i] = 1000 * (i + 1);
        ck_assert_int_eq(pthread_create(&threads[i], NULL, create_and_dispatch, &bases[i]), 0);
    }
    new = open_with(host, load(host, MODULE("stand_in_second")), &kit_environment);
    for (int i = 0; i < THREADS; i++) {
        void *complaint;
        pthread_join(threads[i], &complaint);
        ck_assert_ptr_null(complaint);
    }
    dealfsm_counters sum = {.struct_size = sizeof sum};
    WORKS(dealfsm_host_counters(host, 0, &sum, &error));
    ck_assert_uint_eq(sum.deals, THREADS * DEALS + 1);
    ck_assert_uint_eq(sum.applied, 2 * THREADS * ROUNDS);
    dealfsm_deal shown = {.struct_size = sizeof shown};
    WORKS(dealfsm_host_query(host, 1, &shown, &error));
    ck_assert_uint_eq(shown.sequence, THREADS * ROUNDS);
}
END_TEST

static atomic_bool stop;

static void *open_and_close(void *ctx)
{
    dealfsm_module *module = ctx;
    while (!atomic_load(&stop)) {
        dealfsm_host_services services = {.struct_size = sizeof services, .environment = &kit_environment};
        uint32_t generation;
        if (dealfsm_host_open(host, module, &services, &generation, NULL) < 0)
            return "a generation was not opened";
        int32_t result;
        do
            result = dealfsm_host_close(host, generation, NULL);
        while (result == DEALFSM_E_BUSY);
        if (result < 0)
            return "a generation was not closed";
    }
    return NULL;
}

static void *dispatch_to_one(void *ctx)
{
    (void)ctx;
    for (int round = 0; round < 4000; round++) {
        if (dispatch(1, NULL) != DEALFSM_APPLIED)
            return "an event was not taken";
    }
    return NULL;
}

/* Meanwhile another generation is opened and closed, again and again. */
START_TEST(generations_come_and_go_under_threads)
{
    pthread_t threads[4];
    listener all = {0};
    void *complaint;
    created(old, 1);
    subscribe(&all, DEALFSM_SUBSCRIBE_ALL, 0, hear);
    atomic_store(&stop, false);
    ck_assert_int_eq(pthread_create(&threads[0], NULL, open_and_close, load(host, MODULE("stand_in_second"))), 0);
    for (int i = 1; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, dispatch_to_one, NULL), 0);
    for (int i = 1; i < 4; i++) {
        pthread_join(threads[i], &complaint);
        ck_assert_ptr_null(complaint);
    }
    atomic_store(&stop, true);
    pthread_join(threads[0], &complaint);
    ck_assert_ptr_null(complaint);
    ck_assert_int_eq(atomic_load(&all.heard), 12000);
    WORKS(dealfsm_host_unsubscribe(host, all.id, &error));
    ck_assert_int_eq(atomic_load(&all.ended), 1);
}
END_TEST

/* Many deals in one table: grown, emptied and swept. */
START_TEST(routes_survive_growth_and_removal)
{
    for (uint64_t deal = 1001; deal <= 4000; deal++)
        created(deal % 2 == 0 ? old : new, deal);
    for (uint64_t deal = 1001; deal <= 4000; deal += 3)
        WORKS(dealfsm_host_forget(host, deal, &error));
    for (uint64_t deal = 1001; deal <= 4000; deal++) {
        uint32_t generation = 0;
        int32_t result = dealfsm_host_route(host, deal, &generation, NULL);
        ck_assert_int_eq(result, deal % 3 == 2 ? DEALFSM_E_NOT_FOUND : DEALFSM_OK);
        ck_assert_uint_eq(generation, deal % 3 == 2 ? 0 : deal % 2 == 0 ? old : new);
    }
    WORKS(dealfsm_host_close(host, new, &error));
    for (uint64_t deal = 1001; deal <= 4000; deal++) {
        uint32_t generation = 0;
        int32_t result = dealfsm_host_route(host, deal, &generation, NULL);
        ck_assert_int_eq(result, deal % 3 == 2 || deal % 2 == 1 ? DEALFSM_E_NOT_FOUND : DEALFSM_OK);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("host: route");
    TCase *two = tcase_create("two generations");
    suite_add_tcase(suite, two);
    tcase_set_timeout(two, 30);
    tcase_add_checked_fixture(two, setup, teardown);
    tcase_add_test(two, calls_reach_the_generation_that_has_the_deal);
    tcase_add_test(two, no_deal_is_in_two_generations);
    tcase_add_test(two, a_refused_creation_leaves_no_route);
    tcase_add_test(two, deals_that_leave_may_come_back_elsewhere);
    tcase_add_test(two, restore_finds_the_machine_version);
    tcase_add_test(two, a_deal_that_left_by_itself_can_be_restored);
    tcase_add_test(two, list_and_counters_cover_all_generations);
    tcase_add_test(two, generations_open_and_close);
    tcase_add_test(two, a_busy_machine_keeps_its_generation_and_the_host);
    tcase_add_test(two, a_subscription_to_one_deal_ends_with_it);
    tcase_add_test(two, subscriptions_end_with_the_host);
    tcase_add_test(two, unsubscribing_from_callbacks_of_two_machines_does_not_lock);
    tcase_add_test(two, close_and_free_are_refused_inside_callbacks);
    tcase_add_test(two, routes_survive_growth_and_removal);
    TCase *one = tcase_create("one generation");
    suite_add_tcase(suite, one);
    tcase_set_timeout(one, 60);
    tcase_add_checked_fixture(one, setup_one, teardown);
    tcase_add_test(one, unknown_deals_are_not_found);
    tcase_add_test(one, open_checks_what_it_is_given);
    tcase_add_test(one, arguments_are_checked);
    tcase_add_test(one, a_subscription_to_all_hears_later_generations_too);
    tcase_add_test(one, callbacks_may_submit_whatever_waits);
    tcase_add_test(one, the_hosts_log_serves_its_machines);
    tcase_add_test(one, the_default_log_is_a_line_each_on_standard_error);
    tcase_add_test(one, eight_threads_route);
    tcase_add_test(one, generations_come_and_go_under_threads);
    return run_suite(suite);
}
