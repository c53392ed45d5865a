/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Stores when things go wrong: failed commits, full disks, power cuts, killed processes. */
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "../tools/disk.h"
#include "store_kit.h"

static dealfsm_store *open_faulty(const char *url, uint32_t kind, uint64_t first, uint64_t count)
{
    dealfsm_store_faults faults = {.struct_size = sizeof faults, .kind = kind, .first = first, .count = count};
    dealfsm_store_options options = {.struct_size = sizeof options, .faults = &faults};
    dealfsm_store *store = NULL;
    if (dealfsm_store_open(url, &options, &store, NULL) < 0)
        return NULL;
    WORKS(dealfsm_store_teach(store, kit_module.functions, &error));
    return store;
}

static void history_is(dealfsm_store *store, const char *revisions)
{
    told events = {.length = 0}, found = {.length = 0};
    WORKS(dealfsm_store_history(store, NULL, tell_event, &events, &error));
    for (const char *line = events.text; events.length > 0 && (line = strstr(line, " r")) != NULL; line += 2)
        tell(&found, "%.2s ", line + 1);
    ck_assert_str_eq(found.text, revisions);
}

/* A failed commit that left nothing, and one that landed: the next revision replaces either, also in the history. */
START_TEST(commit_fails)
{
    dealfsm_store *store = open_faulty(url_of(_i, "s"), DEALFSM_FAULT_COMMIT, 2, 2);
    ck_assert_int_eq(put(store, 7, 1), DEALFSM_PUT_DURABLE);
    ck_assert_int_eq(put(store, 7, 2), DEALFSM_PUT_FAILED);
    ck_assert_int_eq(put(store, 7, 3), DEALFSM_PUT_FAILED);
    ck_assert_uint_eq(revision_of(store, 7), 1);
    ck_assert_int_eq(put(store, 7, 4), DEALFSM_PUT_DURABLE);
    ck_assert_uint_eq(revision_of(store, 7), 4);
    history_is(store, "r1 r4 ");
    dealfsm_store_stats stats = {.struct_size = sizeof stats};
    WORKS(dealfsm_store_stats_of(store, &stats, &error));
    ck_assert_uint_eq(stats.puts_failed, 2);
    close_store(store);
}
END_TEST

START_TEST(commit_fails_but_lands)
{
    dealfsm_store *store = open_faulty(url_of(_i, "s"), DEALFSM_FAULT_LANDED, 2, 2);
    ck_assert_int_eq(put(store, 7, 1), DEALFSM_PUT_DURABLE);
    ck_assert_int_eq(put(store, 7, 2), DEALFSM_PUT_FAILED);
    ck_assert_int_eq(put(store, 7, 3), DEALFSM_PUT_FAILED);
    ck_assert_uint_eq(revision_of(store, 7), 3);
    history_is(store, "r1 r3 ");
    ck_assert_int_eq(put(store, 7, 4), DEALFSM_PUT_DURABLE);
    ck_assert_int_eq(put(store, 7, 5), DEALFSM_PUT_DURABLE);
    ck_assert_uint_eq(revision_of(store, 7), 5);
    history_is(store, "r1 r4 r5 ");
    close_store(store);
}
END_TEST

/* ---- Each write and each sync of a run fails, once or a few times; the power is cut at each sync */

enum { RUN_PUTS = 12 };

/* Puts deal 3 with revisions from 1 on, and others beside; what was durable must be there after reopening. */
static void run_on(int kind, const disk_plan *plan, bool works_again)
{
    char folder[160], name[64];
    uint64_t durable = 0, tried = 0;
    snprintf(name, sizeof name, "%d-%" PRIu64 "-%" PRIu64, (int)plan->kind, plan->first, plan->seed);
    snprintf(folder, sizeof folder, "%s/%s", kit_directory, name);
    ck_assert_int_eq(mkdir(folder, 0700), 0);
    strcat(name, "/s");
    url_of(kind, name);
    ck_assert(disk_begin(folder, plan));
    dealfsm_store *store = open_faulty(kit_url, 0, 0, 0);
    for (uint64_t mark = 1; store != NULL && mark <= RUN_PUTS; mark++) {
        int32_t outcome = put(store, 3, mark);
        put(store, 100 + mark, 1);
        ck_assert(outcome == DEALFSM_PUT_DURABLE || outcome == DEALFSM_PUT_FAILED);
        durable = outcome == DEALFSM_PUT_DURABLE ? mark : durable;
        tried = mark;
    }
    disk_cut();
    if (store != NULL && works_again)
        ck_assert_uint_eq(durable, RUN_PUTS);
    if (store != NULL)
        close_store(store);
    disk_seen seen = disk_end();
    ck_assert_int_eq(seen.cut, plan->kind == DISK_POWER);
    ck_assert(store == NULL || (seen.writes > RUN_PUTS && seen.syncs > 0));
    store = open_flags(kit_url, 0);
    uint64_t found = revision_of(store, 3);
    ck_assert_msg(found >= durable && found <= tried, "fault %d at %" PRIu64 ": durable %" PRIu64 ", found %" PRIu64,
                  (int)plan->kind, plan->first, durable, found);
    told all = {.length = 0};
    WORKS(dealfsm_store_rows(store, NULL, tell_row, &all, &error));
    ck_assert_ptr_null(strstr(all.text, "damaged"));
    ck_assert_int_eq(put(store, 3, tried + 1), DEALFSM_PUT_DURABLE);
    close_store(store);
}

/* Loop tests of both kinds of store with each fault. */
static const disk_fault disk_faults[] = {DISK_WRITE, DISK_SYNC, DISK_FULL};
enum { FAULTS = sizeof disk_faults / sizeof disk_faults[0] };

START_TEST(each_write_and_sync)
{
    for (uint64_t first = 1; first <= 40; first++) {
        disk_plan plan = {.kind = disk_faults[_i / KINDS], .first = first, .count = 2};
        run_on(_i % KINDS, &plan, first <= 20);
    }
}
END_TEST

/* From some moment on nothing works any more. */
START_TEST(never_again)
{
    for (uint64_t first = 1; first <= 30; first += 3) {
        disk_plan plan = {.kind = disk_faults[_i / KINDS], .first = first};
        run_on(_i % KINDS, &plan, false);
    }
}
END_TEST

START_TEST(power_cuts)
{
    for (uint64_t first = 1; first <= 24; first++) {
        for (uint64_t seed = 1; seed <= 5; seed++) {
            disk_plan plan = {.kind = DISK_POWER, .first = first, .seed = seed};
            run_on(_i, &plan, false);
        }
    }
}
END_TEST

/* ---- A real limit on what files may hold, lifted later */

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

START_TEST(files_full)
{
    signal(SIGXFSZ, SIG_IGN);
    dealfsm_store *store = open_flags(url_of(_i, "s"), 0);
    uint64_t mark = 1, failed = 0;
    ck_assert_int_eq(put(store, 3, mark++), DEALFSM_PUT_DURABLE);
    limit_files(200000);
    while (failed == 0 && mark < 5000) {
        if (put(store, 3, mark++) == DEALFSM_PUT_FAILED)
            failed = mark - 1;
    }
    ck_assert_uint_gt(failed, 1);
    uint64_t found = revision_of(store, 3);
    ck_assert(found == failed - 1 || found == failed);
    /* LevelDB may have found room in a new file */
    ck_assert(put(store, 3, mark++) == DEALFSM_PUT_FAILED || _i == 1);
    limit_files(RLIM_INFINITY);
    ck_assert_int_eq(put(store, 3, mark), DEALFSM_PUT_DURABLE);
    ck_assert_int_eq(put(store, 4, 1), DEALFSM_PUT_DURABLE);
    close_store(store);
    store = open_flags(kit_url, 0);
    ck_assert_uint_eq(revision_of(store, 3), mark);
    ck_assert_uint_eq(revision_of(store, 4), 1);
    close_store(store);
}
END_TEST

/* ---- A process that is killed: each row is before or after, never a mix, and never before what was told durable. */

enum { KILLS = 20, KILL_DEALS = 16 };

typedef struct shared {
    _Atomic uint64_t tried[KILL_DEALS];
    _Atomic uint64_t durable[KILL_DEALS];
    atomic_int started;
} shared;

typedef struct killed {
    dealfsm_store *store;
    shared *seen;
    uint64_t first; /* of its deals */
} killed;

static void *put_until_killed(void *ctx)
{
    const killed *it = ctx;
    for (;;) {
        for (uint64_t deal = it->first; deal < KILL_DEALS; deal += 4) {
            uint64_t revision = atomic_load(&it->seen->tried[deal]) + 1;
            atomic_store(&it->seen->tried[deal], revision);
            if (put(it->store, deal, revision) == DEALFSM_PUT_DURABLE)
                atomic_store(&it->seen->durable[deal], revision);
        }
    }
    return NULL;
}

static void child(const char *url, shared *seen)
{
    pthread_t threads[4];
    killed each[4];
    dealfsm_store *store = open_flags(url, 0);
    for (uint64_t i = 0; i < 4; i++) {
        each[i] = (killed){store, seen, i};
        pthread_create(&threads[i], NULL, put_until_killed, &each[i]);
    }
    atomic_store(&seen->started, 1);
    pause();
}

START_TEST(killed_process)
{
    const char *url = url_of(_i, "s");
    shared *seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(seen, MAP_FAILED);
    for (unsigned i = 0; i < KILLS; i++) {
        atomic_store(&seen->started, 0);
        pid_t process = fork();
        if (process == 0) {
            child(url, seen);
            _exit(1);
        }
        while (atomic_load(&seen->started) == 0)
            usleep(200);
        usleep(i * 977 % 20000);
        kill(process, SIGKILL);
        ck_assert_int_eq(waitpid(process, NULL, 0), process);
        dealfsm_store *store = open_flags(url, 0);
        for (uint64_t deal = 0; deal < KILL_DEALS; deal++) {
            uint64_t found = revision_of(store, deal);
            ck_assert_uint_ge(found, seen->durable[deal]);
            ck_assert_uint_le(found, seen->tried[deal]);
            atomic_store(&seen->tried[deal], found);
        }
        close_store(store);
    }
    ck_assert_uint_gt(seen->durable[3], 0);
    munmap(seen, sizeof *seen);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store: faults");
    TCase *all = tcase_create("all");
    tcase_add_checked_fixture(all, kit_setup, kit_teardown);
    tcase_add_loop_test(all, commit_fails, 0, KINDS);
    tcase_add_loop_test(all, commit_fails_but_lands, 0, KINDS);
    tcase_add_loop_test(all, each_write_and_sync, 0, FAULTS * KINDS);
    tcase_add_loop_test(all, never_again, 0, FAULTS * KINDS);
    tcase_add_loop_test(all, power_cuts, 0, KINDS);
    tcase_add_loop_test(all, files_full, 0, KINDS);
    /* The thread sanitizer's processes cannot start threads after a fork. */
#ifdef __SANITIZE_THREAD__
    tcase_add_loop_test(all, killed_process, 0, 0);
#else
    tcase_add_loop_test(all, killed_process, 0, KINDS);
#endif
    tcase_set_timeout(all, 120);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
