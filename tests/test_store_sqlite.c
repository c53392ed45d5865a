/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* SQLite: tables for the shell, damage, other programs' files, locks, layouts, readers of other processes. */
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "store_kit.h"

static char file[128];

static const char *new_url(void)
{
    snprintf(file, sizeof file, "%s/s", kit_directory);
    return url_of(0, "s");
}

/* Runs SQL on the file, as a person does; the first column of the first row, as text. */
static const char *sql(const char *text)
{
    static char answer[256];
    sqlite3 *db;
    sqlite3_stmt *statement;
    ck_assert_int_eq(sqlite3_open(file, &db), SQLITE_OK);
    ck_assert_msg(sqlite3_prepare_v2(db, text, -1, &statement, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
    int code = sqlite3_step(statement);
    ck_assert_msg(code == SQLITE_ROW || code == SQLITE_DONE, "%s", sqlite3_errmsg(db));
    const char *found = code == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    snprintf(answer, sizeof answer, "%s", found != NULL ? found : "NULL");
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return answer;
}

START_TEST(tables_for_people)
{
    char funds[32];
    dealfsm_store *store = open_flags(new_url(), 0);
    put(store, 5, 7);
    record_funds(7, funds);
    /* while the store is open */
    ck_assert_str_eq(sql("SELECT funds_spent FROM deals WHERE id = 5"), funds);
    ck_assert_str_eq(sql("SELECT total_funds FROM deals"), "0");
    ck_assert_str_eq(sql("SELECT status_name || ' ' || machine_version FROM deals"), "DealStatusOngoing client 0.5.6");
    ck_assert_str_eq(sql("SELECT event_name || ' ' || from_name || ' ' || to_name || ' ' || kind FROM history"),
                     "ClientEventBlocksReceived DealStatusNew DealStatusOngoing applied");
    ck_assert_str_eq(sql("SELECT funds_spent FROM history WHERE payment_requested = '0' AND total_received = 7"),
                     funds);
    ck_assert_str_eq(sql("SELECT abs(julianday('now') - julianday(updated)) < 0.01 AND created = updated FROM deals"),
                     "1");
    ck_assert_str_eq(sql("SELECT hex(record) = hex(record) AND typeof(sidecar) = 'blob' FROM deals"), "1");
    put(store, 5, 8);
    ck_assert_str_eq(sql("SELECT created <= updated FROM deals"), "1");
    close_store(store);
    ck_assert_str_eq(sql("PRAGMA journal_mode"), "wal");
    ck_assert_str_eq(sql("PRAGMA integrity_check"), "ok");
}
END_TEST

START_TEST(times)
{
    static const struct {
        const char *text;
        int64_t milliseconds;
    } known[] = {{"1970-01-01T00:00:00.001Z", 1},
                 {"2000-02-29T23:59:59.999Z", 951868799999},
                 {"2024-12-31T12:30:15.500Z", 1735648215500},
                 {"2100-03-01T00:00:00.000Z", 4107542400000}};
    dealfsm_store *store = open_flags(new_url(), 0);
    put(store, 5, 1);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        char change[128];
        snprintf(change, sizeof change, "UPDATE deals SET created = '%s'", known[i].text);
        sql(change);
        dealfsm_store_row row;
        WORKS(dealfsm_store_row_of(store, 5, keep_row, &row, &error));
        ck_assert_int_eq(row.created, known[i].milliseconds);
    }
    close_store(store);
}
END_TEST

/* ---- Damage */

START_TEST(damaged_rows)
{
    told rows = {.length = 0};
    dealfsm_store *store = open_flags(new_url(), 0);
    for (uint64_t deal = 1; deal <= 5; deal++)
        put(store, deal, 2);
    sql("UPDATE deals SET record = x'9381' WHERE id = 2");
    sql("UPDATE deals SET sidecar = x'00' WHERE id = 3");
    sql("UPDATE deals SET id = 9 WHERE id = 4");
    WORKS(dealfsm_store_rows(store, NULL, tell_row, &rows, &error));
    ck_assert_str_eq(rows.text, "1 r2 DealStatusOngoing\n2 r2 DealStatusOngoing damaged\n"
                                "3 r2 DealStatusOngoing damaged\n5 r2 DealStatusOngoing\n"
                                "9 r2 DealStatusOngoing damaged\n");
    ck_assert_int_eq(put(store, 1, 3), DEALFSM_PUT_DURABLE);
    close_store(store);
}
END_TEST

static int32_t count_rows(void *ctx, const dealfsm_store_row *row)
{
    int *counts = ctx;
    counts[(row->flags & DEALFSM_ROW_DAMAGED) != 0]++;
    return 0;
}

/* A page of the file is overwritten: its rows are gone, which is said; all others are there. */
START_TEST(damaged_page)
{
    enum { ROWS = 400 };
    int counts[2] = {0, 0};
    dealfsm_store *store = open_flags(new_url(), DEALFSM_STORE_NO_HISTORY);
    for (uint64_t deal = 1; deal <= ROWS; deal++)
        put(store, deal, 1);
    close_store(store);
    int leaf = atoi(sql("SELECT pageno FROM dbstat WHERE name = 'deals' AND pagetype = 'leaf' ORDER BY path LIMIT 1 "
                        "OFFSET 7"));
    int lost = atoi(sql("SELECT ncell FROM dbstat WHERE name = 'deals' AND pagetype = 'leaf' ORDER BY path LIMIT 1 "
                        "OFFSET 7"));
    int page = atoi(sql("PRAGMA page_size"));
    ck_assert(leaf > 1 && lost > 1);
    char *rubbish = malloc((size_t)page);
    memset(rubbish, 0xa5, (size_t)page);
    int fd = open(file, O_WRONLY);
    ck_assert_int_eq(pwrite(fd, rubbish, (size_t)page, (off_t)(leaf - 1) * page), page);
    close(fd);
    free(rubbish);
    store = open_flags(kit_url, 0);
    FAILS_WITH(DEALFSM_E_CORRUPT, "all that can be read was read",
               dealfsm_store_rows(store, NULL, count_rows, counts, &error));
    ck_assert_int_eq(counts[0], ROWS - lost);
    ck_assert_int_eq(counts[1], 0);
    close_store(store);
}
END_TEST

/* ---- Refusals */

START_TEST(other_programs_file)
{
    dealfsm_store *store;
    new_url();
    sql("CREATE TABLE songs (name TEXT)");
    FAILS_WITH(DEALFSM_E_CORRUPT, "another program", dealfsm_store_open(kit_url, NULL, &store, &error));
    ck_assert_str_eq(sql("SELECT count(*) FROM sqlite_schema"), "1");
    ck_assert_str_eq(sql("PRAGMA journal_mode"), "delete");
}
END_TEST

START_TEST(no_database)
{
    dealfsm_store *store;
    new_url();
    FILE *text = fopen(file, "w");
    for (int i = 0; i < 100; i++)
        fprintf(text, "line %d of a text that is no database at all\n", i);
    fclose(text);
    FAILS_WITH(DEALFSM_E_CORRUPT, "not a database", dealfsm_store_open(kit_url, NULL, &store, &error));
}
END_TEST

START_TEST(newer_layout)
{
    dealfsm_store *store;
    close_store(open_flags(new_url(), 0));
    sql("PRAGMA user_version = 99");
    FAILS_WITH(DEALFSM_E_VERSION, "layout 99", dealfsm_store_open(kit_url, NULL, &store, &error));
    dealfsm_store_options options = {.struct_size = sizeof options, .flags = DEALFSM_STORE_READ_ONLY};
    FAILS_WITH(DEALFSM_E_VERSION, "layout 99", dealfsm_store_open(kit_url, &options, &store, &error));
}
END_TEST

START_TEST(locked_by_the_shell)
{
    sqlite3 *shell;
    dealfsm_store *store;
    close_store(open_flags(new_url(), 0));
    ck_assert_int_eq(sqlite3_open(file, &shell), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(shell, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    FAILS_WITH(DEALFSM_E_BUSY, "another program", dealfsm_store_open(kit_url, NULL, &store, &error));
    sqlite3_exec(shell, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(shell);
    close_store(open_flags(kit_url, 0));
}
END_TEST

START_TEST(read_only_beside_a_writer)
{
    dealfsm_store *store = open_flags(new_url(), 0);
    put(store, 1, 1);
    dealfsm_store *reader = open_flags(kit_url, DEALFSM_STORE_READ_ONLY);
    ck_assert_uint_eq(revision_of(reader, 1), 1);
    put(store, 1, 2);
    ck_assert_uint_eq(revision_of(reader, 1), 2);
    ck_assert_int_eq(put(reader, 1, 3), DEALFSM_PUT_FAILED);
    close_store(store);
    ck_assert_uint_eq(revision_of(reader, 1), 2);
    close_store(reader);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store: sqlite");
    TCase *all = tcase_create("all");
    tcase_add_checked_fixture(all, kit_setup, kit_teardown);
    tcase_add_test(all, tables_for_people);
    tcase_add_test(all, times);
    tcase_add_test(all, damaged_rows);
    tcase_add_test(all, damaged_page);
    tcase_add_test(all, other_programs_file);
    tcase_add_test(all, no_database);
    tcase_add_test(all, newer_layout);
    tcase_add_test(all, locked_by_the_shell);
    tcase_add_test(all, read_only_beside_a_writer);
    tcase_set_timeout(all, 60);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
