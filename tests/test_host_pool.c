/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The worker pool: order, bound, jobs that submit jobs, names, the end. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

#include "host_kit.h"

static dealfsm_host *host;
static atomic_int done;

static void start(uint32_t threads, uint32_t jobs)
{
    dealfsm_host_options options = {.struct_size = sizeof options, .threads = threads, .queue_jobs = jobs};
    WORKS(dealfsm_host_new(&options, &host, &error));
    atomic_store(&done, 0);
}

static void submit(void (*fn)(void *ctx), void *ctx)
{
    WORKS(dealfsm_host_submit(host, fn, ctx, &error));
}

static void count(void *ctx)
{
    (void)ctx;
    atomic_fetch_add(&done, 1);
}

/* ---- A door that a job waits at until the test opens it */
typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool open;
    int waiting;
} door;

static door gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void wait_at_gate(void *ctx)
{
    (void)ctx;
    pthread_mutex_lock(&gate.lock);
    gate.waiting++;
    pthread_cond_broadcast(&gate.changed);
    while (!gate.open)
        pthread_cond_wait(&gate.changed, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
    count(NULL);
}

static void gate_has(int waiting)
{
    pthread_mutex_lock(&gate.lock);
    while (gate.waiting < waiting)
        pthread_cond_wait(&gate.changed, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
}

static void open_gate(void)
{
    pthread_mutex_lock(&gate.lock);
    gate.open = true;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.lock);
}

/* ---- Tests */

START_TEST(free_waits_for_all_jobs)
{
    start(3, 8);
    for (int i = 0; i < 1000; i++)
        submit(count, NULL);
    WORKS(dealfsm_host_free(host, &error));
    ck_assert_int_eq(atomic_load(&done), 1000);
}
END_TEST

static uint64_t order[100];

static void note_order(void *ctx)
{
    order[atomic_fetch_add(&done, 1)] = (uint64_t)(uintptr_t)ctx;
}

START_TEST(one_thread_keeps_the_order)
{
    start(1, 4);
    for (uintptr_t i = 0; i < 100; i++)
        submit(note_order, (void *)i);
    WORKS(dealfsm_host_free(host, &error));
    for (uint64_t i = 0; i < 100; i++)
        ck_assert_uint_eq(order[i], i);
}
END_TEST

static atomic_bool submitted;

static void *submit_one_more(void *ctx)
{
    submit(count, ctx);
    atomic_store(&submitted, true);
    return NULL;
}

/* One job runs, two wait: the fourth has to wait for room. */
START_TEST(a_full_queue_makes_outsiders_wait)
{
    pthread_t thread;
    start(1, 2);
    atomic_store(&submitted, false);
    submit(wait_at_gate, NULL);
    gate_has(1);
    submit(count, NULL);
    submit(count, NULL);
    ck_assert_int_eq(pthread_create(&thread, NULL, submit_one_more, NULL), 0);
    usleep(50000);
    ck_assert(!atomic_load(&submitted)); /* must NOT have been taken */
    open_gate();
    pthread_join(thread, NULL);
    ck_assert(atomic_load(&submitted));
    WORKS(dealfsm_host_free(host, &error));
    ck_assert_int_eq(atomic_load(&done), 4);
}
END_TEST

static void submit_many(void *ctx)
{
    uintptr_t depth = (uintptr_t)ctx;
    for (int i = 0; i < 10 && depth > 0; i++)
        submit(submit_many, (void *)(depth - 1));
    count(NULL);
}

START_TEST(jobs_that_submit_jobs_do_not_wait_for_themselves)
{
    start(2, 1);
    submit(submit_many, (void *)(uintptr_t)3);
    WORKS(dealfsm_host_free(host, &error));
    ck_assert_int_eq(atomic_load(&done), 1111);
}
END_TEST

static char name[16];

static void note_name(void *ctx)
{
    (void)ctx;
    ck_assert_int_eq(pthread_getname_np(pthread_self(), name, sizeof name), 0);
}

START_TEST(workers_have_a_name)
{
    start(1, 1);
    submit(note_name, NULL);
    WORKS(dealfsm_host_free(host, &error));
    ck_assert_str_eq(name, "dealfsm-worker");
}
END_TEST

static void free_host(void *ctx)
{
    (void)ctx;
    FAILS_WITH(DEALFSM_E_BUSY, "called inside a callback or job", dealfsm_host_free(host, &error));
    count(NULL);
}

START_TEST(free_inside_a_job_is_refused)
{
    start(1, 1);
    submit(free_host, NULL);
    WORKS(dealfsm_host_free(host, &error));
    ck_assert_int_eq(atomic_load(&done), 1);
}
END_TEST

START_TEST(jobs_run_in_parallel)
{
    start(4, 4);
    for (int i = 0; i < 4; i++)
        submit(wait_at_gate, NULL);
    gate_has(4); /* hangs if they do not */
    open_gate();
    WORKS(dealfsm_host_free(host, &error));
    ck_assert_int_eq(atomic_load(&done), 4);
}
END_TEST

static void *submit_thousands(void *ctx)
{
    for (int i = 0; i < 2000; i++)
        submit(count, ctx);
    return NULL;
}

START_TEST(eight_threads_submit)
{
    enum { THREADS = 8 };
    pthread_t threads[THREADS];
    start(3, 16);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, submit_thousands, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    WORKS(dealfsm_host_free(host, &error));
    ck_assert_int_eq(atomic_load(&done), THREADS * 2000);
}
END_TEST

START_TEST(options_are_checked)
{
    struct {
        dealfsm_host_options known;
        uint64_t more;
    } longer = {.known = {.struct_size = sizeof longer}, .more = 0};
    WORKS(dealfsm_host_new(&longer.known, &host, &error));
    WORKS(dealfsm_host_free(host, &error));
    longer.more = 1;
    FAILS_WITH(DEALFSM_E_TOO_NEW, "a newer library is needed", dealfsm_host_new(&longer.known, &host, &error));
    dealfsm_host_options options = {.struct_size = sizeof options, .threads = 257};
    FAILS_WITH(DEALFSM_E_ARGUMENT, "expected at most 256 threads, found 257",
               dealfsm_host_new(&options, &host, &error));
    options = (dealfsm_host_options){.threads = 1};
    FAILS_WITH(DEALFSM_E_ARGUMENT, "struct_size is 0", dealfsm_host_new(&options, &host, &error));
    FAILS_WITH(DEALFSM_E_ARGUMENT, "host is NULL", dealfsm_host_new(NULL, NULL, &error));
    FAILS_WITH(DEALFSM_E_ARGUMENT, "found NULL", dealfsm_host_submit(NULL, count, NULL, &error));
    options = (dealfsm_host_options){.struct_size = 8, .threads = 1}; /* an older caller */
    WORKS(dealfsm_host_new(&options, &host, &error));
    FAILS_WITH(DEALFSM_E_ARGUMENT, "found NULL", dealfsm_host_submit(host, NULL, NULL, &error));
    WORKS(dealfsm_host_free(host, &error));
    WORKS(dealfsm_host_free(NULL, &error));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("host: pool");
    TCase *tcase = tcase_create("pool");
    suite_add_tcase(suite, tcase);
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, free_waits_for_all_jobs);
    tcase_add_test(tcase, one_thread_keeps_the_order);
    tcase_add_test(tcase, a_full_queue_makes_outsiders_wait);
    tcase_add_test(tcase, jobs_that_submit_jobs_do_not_wait_for_themselves);
    tcase_add_test(tcase, workers_have_a_name);
    tcase_add_test(tcase, free_inside_a_job_is_refused);
    tcase_add_test(tcase, jobs_run_in_parallel);
    tcase_add_test(tcase, eight_threads_submit);
    tcase_add_test(tcase, options_are_checked);
    return run_suite(suite);
}
