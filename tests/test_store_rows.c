/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Stores of both kinds: rows, revisions, order, history, reopening, refusals to open. */
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "store_kit.h"

START_TEST(puts_and_rows)
{
    told rows = {.length = 0};
    dealfsm_store *store = open_flags(url_of(_i, "s"), 0);
    ck_assert_int_eq(put(store, 7, 1), DEALFSM_PUT_DURABLE);
    ck_assert_int_eq(put(store, 7, 2), DEALFSM_PUT_DURABLE);
    ck_assert_int_eq(put_status(store, 8, 5, DEALFSM_DealStatusCompleted), DEALFSM_PUT_DURABLE);
    ck_assert_uint_eq(revision_of(store, 7), 2);
    ck_assert_uint_eq(revision_of(store, 8), 5);
    ck_assert_uint_eq(revision_of(store, 9), 0);
    WORKS(dealfsm_store_rows(store, NULL, tell_row, &rows, &error));
    ck_assert_str_eq(rows.text, "7 r2 DealStatusOngoing\n8 r5 DealStatusCompleted final\n");
    close_store(store);

    /* The same after reopening, also read-only. */
    for (uint32_t flags = 0; flags < 2; flags++) {
        store = open_flags(kit_url, flags);
        rows.length = 0;
        WORKS(dealfsm_store_rows(store, NULL, tell_row, &rows, &error));
        ck_assert_str_eq(rows.text, "7 r2 DealStatusOngoing\n8 r5 DealStatusCompleted final\n");
        ck_assert_uint_eq(revision_of(store, 7), 2);
        close_store(store);
    }
}
END_TEST

/* Only a higher revision is taken. What is lost leaves nothing behind, no history either. */
START_TEST(revisions)
{
    told events = {.length = 0};
    uint64_t deal = 7;
    dealfsm_store *store = open_flags(url_of(_i, "s"), 0);
    ck_assert_int_eq(put(store, 7, 5), DEALFSM_PUT_DURABLE);
    ck_assert_int_eq(put(store, 7, 5), DEALFSM_PUT_LOST);
    ck_assert_int_eq(put(store, 7, 4), DEALFSM_PUT_LOST);
    ck_assert_uint_eq(revision_of(store, 7), 5);
    ck_assert_int_eq(put(store, 7, 9), DEALFSM_PUT_DURABLE);
    close_store(store);
    store = open_flags(kit_url, 0);
    ck_assert_int_eq(put(store, 7, 9), DEALFSM_PUT_LOST);
    WORKS(dealfsm_store_history(store, &deal, tell_event, &events, &error));
    ck_assert_str_eq(events.text, "7 r5 s5 1 ClientEventBlocksReceived DealStatusNew>DealStatusOngoing 0 \"text\"\n"
                                  "7 r9 s9 1 ClientEventBlocksReceived DealStatusNew>DealStatusOngoing 0 \"text\"\n");
    close_store(store);
}
END_TEST

/* By number, up to the last 64-bit id; *after is exclusive. */
START_TEST(order)
{
    static const uint64_t ids[] = {UINT64_MAX, 10, 9,       INT64_MAX, 100,    (uint64_t)INT64_MAX + 1, 0,   11,
                                   99,         1,  1000000, 2,         999999, UINT64_MAX - 1,          110, 19};
    told rows = {.length = 0};
    uint64_t after = 99;
    dealfsm_store *store = open_flags(url_of(_i, "s"), DEALFSM_STORE_NO_HISTORY);
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        ck_assert_int_eq(put(store, ids[i], 1), DEALFSM_PUT_DURABLE);
    WORKS(dealfsm_store_rows(store, &after, tell_row, &rows, &error));
    ck_assert_str_eq(rows.text, "100 r1 DealStatusOngoing\n110 r1 DealStatusOngoing\n999999 r1 DealStatusOngoing\n"
                                "1000000 r1 DealStatusOngoing\n9223372036854775807 r1 DealStatusOngoing\n"
                                "9223372036854775808 r1 DealStatusOngoing\n18446744073709551614 r1 DealStatusOngoing\n"
                                "18446744073709551615 r1 DealStatusOngoing\n");
    rows.length = 0;
    WORKS(dealfsm_store_rows(store, NULL, tell_row, &rows, &error));
    ck_assert_ptr_nonnull(strstr(rows.text, "0 r1 DealStatusOngoing\n1 r1 DealStatusOngoing\n2 r1 DealStatusOngoing\n"
                                            "9 r1 DealStatusOngoing\n10 r1 DealStatusOngoing\n11 r1 DealStatusOngoing\n"
                                            "19 r1 DealStatusOngoing\n99 r1 DealStatusOngoing\n100 r1 "));
    after = UINT64_MAX;
    rows.length = 0;
    WORKS(dealfsm_store_rows(store, &after, tell_row, &rows, &error));
    ck_assert_uint_eq(rows.length, 0);
    close_store(store);
}
END_TEST

static int32_t stop_at_two(void *ctx, const dealfsm_store_row *row)
{
    (void)row;
    return ++*(int *)ctx == 2 ? 77 : 0;
}

START_TEST(walk_stops)
{
    int seen = 0;
    dealfsm_store *store = open_flags(url_of(_i, "s"), 0);
    for (uint64_t deal = 1; deal <= 5; deal++)
        put(store, deal, 1);
    ck_assert_int_eq(dealfsm_store_rows(store, NULL, stop_at_two, &seen, NULL), 77);
    ck_assert_int_eq(seen, 2);
    ck_assert_int_eq(dealfsm_store_row_of(store, 3, stop_at_two, &(int){1}, NULL), 77);
    close_store(store);
}
END_TEST

/* ---- History */

START_TEST(history_limited)
{
    told events = {.length = 0};
    dealfsm_store_options options = {.struct_size = sizeof options, .history_limit = 2};
    dealfsm_store *store = open_store(url_of(_i, "s"), &options);
    for (uint64_t mark = 1; mark <= 5; mark++) {
        put(store, 1, mark);
        put(store, 12, mark);
    }
    WORKS(dealfsm_store_history(store, NULL, tell_event, &events, &error));
    ck_assert_str_eq(events.text, "1 r4 s4 1 ClientEventBlocksReceived DealStatusNew>DealStatusOngoing 0 \"text\"\n"
                                  "1 r5 s5 1 ClientEventBlocksReceived DealStatusNew>DealStatusOngoing 0 \"text\"\n"
                                  "12 r4 s4 1 ClientEventBlocksReceived DealStatusNew>DealStatusOngoing 0 \"text\"\n"
                                  "12 r5 s5 1 ClientEventBlocksReceived DealStatusNew>DealStatusOngoing 0 \"text\"\n");
    close_store(store);
}
END_TEST

START_TEST(history_off)
{
    told events = {.length = 0};
    dealfsm_store *store = open_flags(url_of(_i, "s"), 0);
    put(store, 1, 1);
    close_store(store);
    store = open_flags(kit_url, DEALFSM_STORE_NO_HISTORY);
    put(store, 1, 2);
    WORKS(dealfsm_store_history(store, NULL, tell_event, &events, &error));
    ck_assert_str_eq(events.text, "1 r1 s1 1 ClientEventBlocksReceived DealStatusNew>DealStatusOngoing 0 \"text\"\n");
    close_store(store);
}
END_TEST

/* Of an applied event the record's amounts are told; of others, and of a version that was not taught, none. */
static int32_t tell_amounts(void *ctx, const dealfsm_store_event *event)
{
    tell(ctx, "r%" PRIu64 " %u %s %s %" PRIu64 " \"%.*s\"\n", event->revision, event->kind,
         event->payment_requested != NULL ? event->payment_requested : "-",
         event->funds_spent != NULL ? event->funds_spent : "-", event->total_received, (int)event->message_len,
         event->message);
    return 0;
}

START_TEST(history_amounts)
{
    enum { ONGOING = DEALFSM_DealStatusOngoing };
    told events = {.length = 0};
    dealfsm_happened both[] = {applied(2, ONGOING), applied(2, ONGOING)};
    both[1].kind = DEALFSM_HAPPENED_REFUSED;
    both[1].message_len = 0;
    dealfsm_store *store = NULL;
    WORKS(dealfsm_store_open(url_of(_i, "s"), NULL, &store, &error));
    ck_assert_int_eq(put_telling(store, 7, 1, ONGOING, both, 1), DEALFSM_PUT_DURABLE);
    WORKS(dealfsm_store_teach(store, kit_module.functions, &error));
    ck_assert_int_eq(put_telling(store, 7, 2, ONGOING, both, 2), DEALFSM_PUT_DURABLE);
    ck_assert_int_eq(put_telling(store, 7, 3, ONGOING, &both[1], 1), DEALFSM_PUT_DURABLE);
    close_store(store);
    store = open_flags(kit_url, DEALFSM_STORE_READ_ONLY);
    WORKS(dealfsm_store_history(store, NULL, tell_amounts, &events, &error));
    ck_assert_str_eq(events.text, "r1 1 - - 0 \"text\"\nr2 1 0 9223372036854775810 2 \"text\"\nr2 2 - - 0 \"\"\n"
                                  "r3 2 - - 0 \"\"\n");
    close_store(store);
}
END_TEST

/* A move keeps its place in the history and has no event; the status before it is named by the version that the
 * message names. */
START_TEST(history_move)
{
    enum { ONGOING = DEALFSM_DealStatusOngoing };
    told events = {.length = 0};
    dealfsm_happened move = applied(1, ONGOING);
    move.kind = DEALFSM_HAPPENED_MOVED;
    move.event = 0;
    dealfsm_store *store = open_flags(url_of(_i, "s"), 0);
    WORKS(dealfsm_store_teach(store, kit_module.functions, &error));
    ck_assert_int_eq(put(store, 7, 1), DEALFSM_PUT_DURABLE);
    ck_assert_int_eq(put_telling(store, 7, 2, ONGOING, &move, 1), DEALFSM_PUT_DURABLE);
    move.message = kit_module.describe->machine_version;
    move.message_len = strlen(move.message);
    ck_assert_int_eq(put_telling(store, 7, 3, ONGOING, &move, 1), DEALFSM_PUT_DURABLE);
    close_store(store);
    store = open_flags(kit_url, DEALFSM_STORE_READ_ONLY);
    WORKS(dealfsm_store_teach(store, kit_module.functions, &error));
    WORKS(dealfsm_store_history(store, NULL, tell_event, &events, &error));
    WORKS(dealfsm_store_history(store, NULL, tell_amounts, &events, &error));
    close_store(store);
    ck_assert_ptr_nonnull(strstr(events.text, "7 r2 s1 4 (null) (null)>DealStatusOngoing 0 \"text\"\n"
                                              "7 r3 s1 4 (null) DealStatusNew>DealStatusOngoing 0 \"client "));
    ck_assert_ptr_nonnull(strstr(events.text, "r2 4 - - 0 \"text\"\n"));
}
END_TEST

/* ---- Several threads */

enum { THREADS = 4, DEALS_EACH = 20, PUTS_EACH = 25 };

static void *put_many(void *ctx)
{
    dealfsm_store *store = ctx;
    static atomic_int threads;
    uint64_t base = 1000u * (uint64_t)atomic_fetch_add(&threads, 1);
    for (uint64_t mark = 1; mark <= PUTS_EACH; mark++) {
        for (uint64_t deal = base; deal < base + DEALS_EACH; deal++)
            ck_assert_int_eq(put(store, deal, mark), DEALFSM_PUT_DURABLE);
    }
    return NULL;
}

static int32_t count_whole(void *ctx, const dealfsm_store_row *row)
{
    uint64_t revision;
    ++*(int *)ctx;
    return take_revision(&revision, row);
}

/* Readers see whole rows while others write. */
START_TEST(readers_and_writers)
{
    pthread_t threads[THREADS];
    dealfsm_store *store = open_flags(url_of(_i, "s"), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, put_many, store);
    for (int i = 0, seen = 0; seen < THREADS * DEALS_EACH && i < 100000; i++) {
        seen = 0;
        WORKS(dealfsm_store_rows(store, NULL, count_whole, &seen, &error));
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    dealfsm_store_stats stats = {.struct_size = sizeof stats};
    WORKS(dealfsm_store_stats_of(store, &stats, &error));
    ck_assert_uint_eq(stats.puts, THREADS * DEALS_EACH * PUTS_EACH);
    ck_assert_uint_eq(stats.puts_failed + stats.puts_lost + stats.waiting, 0);
    ck_assert_uint_gt(stats.largest_commit, 1); /* what gathers goes together */
    ck_assert_uint_gt(stats.bytes, 0);
    ck_assert_uint_eq(stats.layout, 1);
    close_store(store);
}
END_TEST

/* ---- Refusals */

START_TEST(not_there)
{
    dealfsm_store *store;
    dealfsm_store_options options = {.struct_size = sizeof options, .flags = DEALFSM_STORE_READ_ONLY};
    FAILS_WITH(DEALFSM_E_NOT_FOUND, "/s is not there", dealfsm_store_open(url_of(_i, "s"), &options, &store, &error));
    options.flags = DEALFSM_STORE_MUST_EXIST;
    FAILS_WITH(DEALFSM_E_NOT_FOUND, "/s", dealfsm_store_open(kit_url, &options, &store, &error));
    /* /proc takes no files, also from root */
    char url[64];
    snprintf(url, sizeof url, "%s:/proc/no-store", kind_scheme[_i]);
    FAILS_WITH(DEALFSM_E_IO, "/proc/no-store", dealfsm_store_open(url, NULL, &store, &error));
}
END_TEST

START_TEST(one_writer)
{
    dealfsm_store *store = open_flags(url_of(_i, "s"), 0), *second;
    FAILS_WITH(DEALFSM_E_BUSY, "another", dealfsm_store_open(kit_url, NULL, &second, &error));
    ck_assert_int_eq(put(store, 1, 1), DEALFSM_PUT_DURABLE);
    close_store(store);
    close_store(open_flags(kit_url, 0));
}
END_TEST

START_TEST(wrong_urls)
{
    dealfsm_store *store;
    FAILS_WITH(DEALFSM_E_ARGUMENT, "sqlite:FILE, leveldb:DIR or library:FILE.so:PLACE",
               dealfsm_store_open("mysql:x", NULL, &store, &error));
    FAILS_WITH(DEALFSM_E_ARGUMENT, "a path", dealfsm_store_open("sqlite:", NULL, &store, &error));
    FAILS_WITH(DEALFSM_E_ARGUMENT, "a path", dealfsm_store_open("leveldb:", NULL, &store, &error));
    FAILS_WITH(DEALFSM_E_ARGUMENT, "sqlite:FILE, leveldb:DIR or library:FILE.so:PLACE",
               dealfsm_store_open("", NULL, &store, &error));
    FAILS_WITH(DEALFSM_E_ARGUMENT, "would keep nothing", dealfsm_store_open("sqlite::memory:", NULL, &store, &error));
    FAILS_WITH(DEALFSM_E_ARGUMENT, "NULL", dealfsm_store_open(NULL, NULL, &store, &error));
    FAILS_WITH(DEALFSM_E_ARGUMENT, "NULL", dealfsm_store_open("x", NULL, NULL, &error));
}
END_TEST

/* A path alone is refused, and nothing is made; what is there tells which kind was meant. */
START_TEST(path_alone)
{
    dealfsm_store *store;
    char path[128];
    FAILS_WITH(DEALFSM_E_ARGUMENT, "did you mean leveldb:", dealfsm_store_open(kit_directory, NULL, &store, &error));
    snprintf(path, sizeof path, "%s/deals", kit_directory);
    FAILS_WITH(DEALFSM_E_ARGUMENT, "did you mean sqlite:", dealfsm_store_open(path, NULL, &store, &error));
    ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

START_TEST(urls)
{
    ck_assert_int_eq(dealfsm_store_is_url(url_of(_i, "s")), 1);
    ck_assert_int_eq(dealfsm_store_is_url("library:x.so:y"), 1);
    for (size_t i = 0; i < 6; i++) {
        const char *const none[] = {"mysql:x", "sqlite", "sqlitex:y", "./sqlite:x", "", ":"};
        ck_assert_int_eq(dealfsm_store_is_url(none[i]), 0);
    }
    ck_assert_int_eq(dealfsm_store_is_url(NULL), 0);
}
END_TEST

/* Who reads a LevelDB reads a copy, and is told. */
START_TEST(copies)
{
    close_store(open_flags(url_of(_i, "s"), 0));
    for (uint32_t flags = 0; flags <= DEALFSM_STORE_READ_ONLY; flags += DEALFSM_STORE_READ_ONLY) {
        dealfsm_store_stats stats = {.struct_size = sizeof stats};
        dealfsm_store *store = open_flags(kit_url, flags);
        bool copy = flags == DEALFSM_STORE_READ_ONLY && strcmp(kind_scheme[_i], "leveldb") == 0;
        WORKS(dealfsm_store_stats_of(store, &stats, &error));
        ck_assert_uint_eq(stats.flags, copy ? DEALFSM_STATS_COPY : 0);
        close_store(store);
    }
}
END_TEST

START_TEST(strange_path)
{
    char url[128];
    snprintf(url, sizeof url, "sqlite:%s/a:b%%c?d", kit_directory);
    dealfsm_store *store = open_flags(url, 0);
    ck_assert_int_eq(put(store, 1, 1), DEALFSM_PUT_DURABLE);
    close_store(store);
    ck_assert_int_eq(access(strchr(url, ':') + 1, F_OK), 0);
}
END_TEST

/* The other kind is there, or no store at all: for a writer and for a reader. */
START_TEST(another_thing)
{
    static const char *const words[] = {"a LevelDB is named leveldb:DIR", "a SQLite database is named sqlite:FILE"};
    dealfsm_store *store;
    char url[128];
    close_store(open_flags(url_of(1 - _i, "s"), 0));
    snprintf(url, sizeof url, "%s%s", kind_scheme[_i], strchr(kit_url, ':'));
    for (uint32_t flags = 0; flags <= DEALFSM_STORE_READ_ONLY; flags++) {
        dealfsm_store_options options = {.struct_size = sizeof options, .flags = flags};
        FAILS_WITH(DEALFSM_E_CORRUPT, words[_i], dealfsm_store_open(url, &options, &store, &error));
        snprintf(url, sizeof url, "%s:/dev/null", kind_scheme[_i]);
        FAILS_WITH(DEALFSM_E_CORRUPT, "/dev/null: expected a", dealfsm_store_open(url, &options, &store, &error));
        snprintf(url, sizeof url, "%s%s", kind_scheme[_i], strchr(kit_url, ':'));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store: rows");
    TCase *both = tcase_create("both kinds");
    tcase_add_checked_fixture(both, kit_setup, kit_teardown);
    tcase_add_loop_test(both, puts_and_rows, 0, KINDS);
    tcase_add_loop_test(both, revisions, 0, KINDS);
    tcase_add_loop_test(both, order, 0, KINDS);
    tcase_add_loop_test(both, walk_stops, 0, KINDS);
    tcase_add_loop_test(both, history_limited, 0, KINDS);
    tcase_add_loop_test(both, history_off, 0, KINDS);
    tcase_add_loop_test(both, history_amounts, 0, KINDS);
    tcase_add_loop_test(both, history_move, 0, KINDS);
    tcase_add_loop_test(both, readers_and_writers, 0, KINDS);
    tcase_add_loop_test(both, not_there, 0, KINDS);
    tcase_add_loop_test(both, one_writer, 0, KINDS);
    tcase_add_test(both, wrong_urls);
    tcase_add_test(both, path_alone);
    tcase_add_loop_test(both, urls, 0, KINDS);
    tcase_add_loop_test(both, copies, 0, KINDS);
    tcase_add_test(both, strange_path);
    tcase_add_loop_test(both, another_thing, 0, KINDS);
    tcase_set_timeout(both, 30);
    suite_add_tcase(suite, both);
    return run_suite(suite);
}
