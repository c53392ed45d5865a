/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* LevelDB: a node's own datastore is listed and taken over; its other keys stay; logs that are cut off. */
#include <dirent.h>
#include <leveldb/c.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "store_kit.h"

static const char *const versions[] = {"v0.5.6", "v1.0.9", "v1.28.3"};
static const char *const machine_versions[] = {"client 0.5.6", "client 1.0.9", "client 1.28.3"};
static char directory[96];

/* The golden datastore of a version, unpacked. */
static const char *unpack(int version)
{
    char command[512];
    snprintf(directory, sizeof directory, "%s/db", kit_directory);
    snprintf(command, sizeof command, "mkdir %s && tar -xzf " TEST_SOURCE_DIR "/tests/vectors/%s/leveldb.tar.gz -C %s",
             directory, versions[version], directory);
    ck_assert_int_eq(system(command), 0);
    snprintf(kit_url, sizeof kit_url, "leveldb:%s", directory);
    return kit_url;
}

/* ---- Keys as they stand in the database */

static leveldb_t *open_raw(void)
{
    char *why = NULL;
    leveldb_options_t *options = leveldb_options_create();
    leveldb_t *db = leveldb_open(options, directory, &why);
    ck_assert_msg(why == NULL, "%s", why);
    leveldb_options_destroy(options);
    return db;
}

static void put_raw(const char *key, const void *value, size_t length)
{
    char *why = NULL;
    leveldb_t *db = open_raw();
    leveldb_writeoptions_t *options = leveldb_writeoptions_create();
    leveldb_put(db, options, key, strlen(key), value, length, &why);
    ck_assert_ptr_null(why);
    leveldb_writeoptions_destroy(options);
    leveldb_close(db);
}

/* Length of a value, copied to `value` (RECORD_MOST bytes at most); -1: none. */
static int get_raw(const char *key, uint8_t *value)
{
    char *why = NULL;
    size_t length = 0;
    leveldb_t *db = open_raw();
    leveldb_readoptions_t *options = leveldb_readoptions_create();
    char *found = leveldb_get(db, options, key, strlen(key), &length, &why);
    ck_assert_ptr_null(why);
    ck_assert_uint_le(length, RECORD_MOST);
    if (found != NULL)
        memcpy(value, found, length);
    leveldb_free(found);
    leveldb_readoptions_destroy(options);
    leveldb_close(db);
    return found != NULL ? (int)length : -1;
}

/* ---- Taking over */

typedef struct listed {
    int rows;
    uint64_t last;
    const char *machine_version;
} listed;

static int32_t list_bare(void *ctx, const dealfsm_store_row *row)
{
    listed *it = ctx;
    ck_assert_msg((row->flags & ~(uint32_t)DEALFSM_ROW_FINAL) == DEALFSM_ROW_BARE, "deal %" PRIu64 ": %s", row->deal,
                  row->damage);
    ck_assert_str_eq(row->machine_version, it->machine_version);
    ck_assert(it->rows == 0 || row->deal > it->last);
    ck_assert_uint_eq(row->revision, 0);
    ck_assert_uint_gt(row->record_len, 0);
    it->last = row->deal;
    it->rows++;
    return 0;
}

/* All 60, by number, with the version that their place tells; also read-only, which changes nothing. */
START_TEST(golden)
{
    const char *url = unpack(_i);
    for (uint32_t flags = DEALFSM_STORE_READ_ONLY + 1; flags-- > 0;) {
        listed it = {.machine_version = machine_versions[_i]};
        dealfsm_store *store = open_flags(url, flags);
        WORKS(dealfsm_store_rows(store, NULL, list_bare, &it, &error));
        ck_assert_int_eq(it.rows, 60);
        ck_assert_uint_eq(it.last, UINT64_MAX);
        close_store(store);
    }
}
END_TEST

static void answer_nothing(void *ctx, const dealfsm_op *op)
{
    (void)op;
    atomic_fetch_add((atomic_int *)ctx, 1);
}

/* The deals run on in a host, their rows become whole, foreign keys stay as they are. */
START_TEST(taken_over)
{
    uint8_t before[RECORD_MOST], after[RECORD_MOST];
    const char *url = unpack(0);
    int length = get_raw("/deals/client/other", before);
    ck_assert_int_gt(length, 0);
    atomic_int asked = 0;
    dealfsm_store *store = open_flags(url, 0);
    dealfsm_environment environment = kit_environment;
    environment.ctx = &asked;
    environment.OpenDataTransfer = environment.SendDataTransferVoucher = environment.CloseDataTransfer =
        environment.GetChainHead = environment.GetOrCreatePaymentChannel = environment.AllocateLane =
            environment.CreatePaymentVoucher = environment.WaitForPaymentChannelCreation =
                environment.WaitForPaymentChannelAddFunds = answer_nothing;
    dealfsm_host_services services = {.struct_size = sizeof services, .environment = &environment, .durable = store};
    uint32_t generation;
    dealfsm_host *host = new_host();
    WORKS(dealfsm_host_open(host, load(host, TEST_MODULE), &services, &generation, &error));
    dealfsm_resumed figures = {.struct_size = sizeof figures};
    WORKS(dealfsm_host_resume(host, store, 0, NULL, NULL, &figures, &error));
    ck_assert_uint_eq(figures.rows, 60);
    ck_assert_uint_eq(figures.resumed + figures.final_rows, 60);
    ck_assert_uint_eq(figures.bare, figures.resumed);
    ck_assert_uint_gt(figures.resumed, 10);
    ck_assert_int_eq(asked, 0);
    uint64_t ids[60], count = 0;
    WORKS(dealfsm_host_list(host, NULL, ids, 60, &count, &error));
    ck_assert_uint_eq(count, figures.resumed);
    dealfsm_value why = {
        .struct_size = sizeof why, .kind = DEALFSM_ERROR, .data = (const uint8_t *)"gone", .data_len = 4};
    dealfsm_event event = {.struct_size = sizeof event,
                           .event = DEALFSM_ClientEventDataTransferError,
                           .args = &why,
                           .args_count = 1,
                           .args_stride = sizeof why};
    for (uint64_t i = 0; i < count; i++)
        WORKS(dealfsm_host_dispatch(host, ids[i], &event, NULL, &error));
    WORKS(dealfsm_host_free(host, &error));
    told rows = {.length = 0};
    for (uint64_t i = 0; i < count; i++) {
        rows.length = 0;
        WORKS(dealfsm_store_row_of(store, ids[i], tell_row, &rows, &error));
        ck_assert_msg(strstr(rows.text, " r1 DealStatusErrored final\n") != NULL, "%s", rows.text);
    }
    close_store(store);
    ck_assert_int_eq(get_raw("/deals/client/other", after), length);
    ck_assert_mem_eq(before, after, (size_t)length);
    ck_assert_int_eq(get_raw("/retrievals/client/versions/current", after), -1);
}
END_TEST

/* ---- The reference's keys and bytes */

START_TEST(keys)
{
    uint8_t expected[RECORD_MOST], found[RECORD_MOST];
    dealfsm_store *store = open_flags(url_of(1, "db"), 0);
    snprintf(directory, sizeof directory, "%s/db", kit_directory);
    ck_assert_int_eq(put(store, UINT64_MAX, 3), DEALFSM_PUT_DURABLE);
    close_store(store);
    uint64_t length = record_bytes(UINT64_MAX, DEALFSM_DealStatusOngoing, 3, expected);
    ck_assert_int_eq(get_raw("/retrievals/client/18446744073709551615", found), (int)length);
    ck_assert_mem_eq(found, expected, length);
    ck_assert_int_gt(get_raw("/dealfsm/deal/18446744073709551615", found), 0);
    ck_assert_int_gt(get_raw("/dealfsm/history/18446744073709551615/0000000000000003", found), 0);
}
END_TEST

static int32_t put_version(dealfsm_store *store, uint64_t revision, const char *version)
{
    static const uint8_t bytes[] = {1, 2, 3};
    dealfsm_put row = {.struct_size = sizeof row, .deal = 5, .revision = revision, .machine_version = version};
    row.record = row.sidecar = bytes;
    row.record_len = row.sidecar_len = sizeof bytes;
    const dealfsm_store_v1 *service = dealfsm_store_service(store);
    return service->put(service->ctx, &row);
}

/* A deal that moves to another version moves to that version's place, in one batch. */
START_TEST(places)
{
    static const struct {
        const char *version, *key, *current;
    } moves[] = {
        {"client 0.5.6", "/retrievals/client/5", ""},     {"client 1.0.9", "/retrievals/client/1/5", "1"},
        {"client 1.28.3", "/retrievals/client/2/5", "2"}, {"client 1.0.9", "/retrievals/client/1/5", "2"},
        {"client 77", "/dealfsm/record/5", "2"},          {"client 0.5.6", "/retrievals/client/5", "2"},
    };
    uint8_t found[RECORD_MOST];
    snprintf(directory, sizeof directory, "%s/db", kit_directory);
    for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++) {
        dealfsm_store *store = open_flags(url_of(1, "db"), 0);
        ck_assert_int_eq(put_version(store, i + 1, moves[i].version), DEALFSM_PUT_DURABLE);
        close_store(store);
        for (size_t k = 0; k < 5; k++) {
            bool here = strcmp(moves[k].key, moves[i].key) == 0;
            ck_assert_msg(get_raw(moves[k].key, found) == (here ? 3 : -1), "move %zu, key %s", i, moves[k].key);
        }
        ck_assert_int_eq(get_raw("/retrievals/client/versions/current", found), moves[i].current[0] != '\0' ? 1 : -1);
        ck_assert(moves[i].current[0] == '\0' || found[0] == (uint8_t)moves[i].current[0]);
    }
}
END_TEST

/* The reference goes on with a deal of ours: the row is bare again, its revision still stands. */
START_TEST(left_behind)
{
    uint8_t record[RECORD_MOST];
    dealfsm_store_row row;
    dealfsm_store *store = open_flags(url_of(1, "db"), 0);
    snprintf(directory, sizeof directory, "%s/db", kit_directory);
    ck_assert_int_eq(put(store, 5, 3), DEALFSM_PUT_DURABLE);
    close_store(store);
    uint64_t length = record_bytes(5, DEALFSM_DealStatusCompleted, 99, record);
    put_raw("/retrievals/client/5", record, length);
    store = open_flags(kit_url, 0);
    WORKS(dealfsm_store_row_of(store, 5, keep_row, &row, &error));
    ck_assert_uint_eq(row.flags, DEALFSM_ROW_BARE | DEALFSM_ROW_LEFT_BEHIND | DEALFSM_ROW_FINAL);
    ck_assert_uint_eq(row.revision, 3);
    ck_assert_uint_eq(row.status, DEALFSM_DealStatusCompleted);
    ck_assert_int_eq(put(store, 5, 3), DEALFSM_PUT_LOST);
    ck_assert_int_eq(put(store, 5, 4), DEALFSM_PUT_DURABLE);
    ck_assert_uint_eq(revision_of(store, 5), 4);
    close_store(store);
}
END_TEST

/* ---- Damage */

START_TEST(damaged_values)
{
    told rows = {.length = 0};
    dealfsm_store *store = open_flags(url_of(1, "db"), 0);
    snprintf(directory, sizeof directory, "%s/db", kit_directory);
    for (uint64_t deal = 1; deal <= 4; deal++)
        ck_assert_int_eq(put(store, deal, 2), DEALFSM_PUT_DURABLE);
    close_store(store);
    uint8_t value[RECORD_MOST];
    int length = get_raw("/dealfsm/deal/2", value);
    value[20] ^= 1;
    put_raw("/dealfsm/deal/2", value, (size_t)length);
    length = get_raw("/retrievals/client/3", value);
    put_raw("/retrievals/client/3", value, (size_t)length - 1);
    store = open_flags(kit_url, 0);
    WORKS(dealfsm_store_rows(store, NULL, tell_row, &rows, &error));
    ck_assert_str_eq(rows.text,
                     "1 r2 DealStatusOngoing\n2 r0 ? damaged\n3 r2 ? bare damaged\n4 r2 DealStatusOngoing\n");
    close_store(store);
}
END_TEST

/* ---- Read-only */

START_TEST(refused_while_open)
{
    char ready[128];
    const char *url = url_of(1, "db");
    snprintf(ready, sizeof ready, "%s/ready", kit_directory);
    pid_t child = fork();
    if (child == 0) {
        dealfsm_store *store = open_flags(url, 0);
        put(store, 1, 1);
        mkdir(ready, 0700);
        pause();
        close_store(store);
        _exit(0);
    }
    while (access(ready, F_OK) != 0)
        usleep(1000);
    dealfsm_store *store;
    dealfsm_store_options options = {.struct_size = sizeof options, .flags = DEALFSM_STORE_READ_ONLY};
    FAILS_WITH(DEALFSM_E_BUSY, "a node (process", dealfsm_store_open(url, &options, &store, &error));
    FAILS_WITH(DEALFSM_E_BUSY, "another node", dealfsm_store_open(url, NULL, &store, &error));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    store = open_flags(url, DEALFSM_STORE_READ_ONLY);
    ck_assert_uint_eq(revision_of(store, 1), 1);
    close_store(store);
}
END_TEST

static void make_file(const char *where, const char *name)
{
    char path[192];
    snprintf(path, sizeof path, "%s/%s", where, name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs("half", file);
    fclose(file);
}

START_TEST(not_a_database)
{
    char path[128];
    dealfsm_store *store;
    make_file(kit_directory, "other");
    snprintf(path, sizeof path, "leveldb:%s", kit_directory);
    FAILS_WITH(DEALFSM_E_CORRUPT, "not a LevelDB directory", dealfsm_store_open(path, NULL, &store, &error));
}
END_TEST

/* A node was killed while LevelDB made the database: CURRENT comes last. */
START_TEST(half_made)
{
    dealfsm_store *store;
    static const char *const names[] = {"LOCK", "LOG", "MANIFEST-000001", "000001.dbtmp"};
    snprintf(directory, sizeof directory, "%s/db", kit_directory);
    ck_assert_int_eq(mkdir(directory, 0700), 0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        make_file(directory, names[i]);
    store = open_flags(url_of(1, "db"), 0);
    ck_assert_int_ge(put(store, 1, 1), 0);
    close_store(store);
    /* a log without CURRENT may hold deals */
    char path[128];
    snprintf(path, sizeof path, "%s/CURRENT", directory);
    ck_assert_int_eq(unlink(path), 0);
    FAILS_WITH(DEALFSM_E_CORRUPT, "none named CURRENT", dealfsm_store_open(kit_url, NULL, &store, &error));
}
END_TEST

START_TEST(newer_layout)
{
    dealfsm_store *store;
    close_store(open_flags(url_of(1, "db"), 0));
    snprintf(directory, sizeof directory, "%s/db", kit_directory);
    put_raw("/dealfsm/layout", "2", 1);
    FAILS_WITH(DEALFSM_E_VERSION, "layout 2", dealfsm_store_open(kit_url, NULL, &store, &error));
    const dealfsm_store_options reading = {.struct_size = sizeof reading, .flags = DEALFSM_STORE_READ_ONLY};
    FAILS_WITH(DEALFSM_E_VERSION, "/db has layout 2", dealfsm_store_open(kit_url, &reading, &store, &error));
    put_raw("/dealfsm/layout", "1", 1);
    put_raw("/retrievals/client/versions/current", "3", 1);
    FAILS_WITH(DEALFSM_E_VERSION, "version 3", dealfsm_store_open(kit_url, NULL, &store, &error));
}
END_TEST

/* What LevelDB leaves out of a damaged journal without a word is told; of a sound one nothing is. */
static void note_text(void *ctx, uint32_t level, uint64_t deal, const char *text)
{
    ck_assert_uint_eq(level, DEALFSM_LOG_WARNING);
    ck_assert_uint_eq(deal, 0);
    snprintf(ctx, 512, "%s", text);
}

START_TEST(damaged_journal)
{
    enum { PUTS = 200, IN_THE_MIDDLE = 20000 };
    char heard[512] = "", path[128];
    const dealfsm_log_v1 log = {.struct_size = sizeof log, .ctx = heard, .log = note_text};
    const dealfsm_store_options options = {.struct_size = sizeof options, .log = &log};
    dealfsm_store *store = open_store(url_of(1, "db"), &options);
    for (uint64_t mark = 1; mark <= PUTS; mark++)
        ck_assert_int_eq(put(store, mark, mark), DEALFSM_PUT_DURABLE);
    close_store(store);
    ck_assert_str_eq(heard, "");
    snprintf(path, sizeof path, "%s/db/000003.log", kit_directory);
    FILE *journal = fopen(path, "r+");
    ck_assert_ptr_nonnull(journal);
    ck_assert_int_eq(fseek(journal, IN_THE_MIDDLE, SEEK_SET), 0);
    ck_assert_uint_eq(fwrite("damaged", 1, 7, journal), 7);
    ck_assert_int_eq(fclose(journal), 0);
    const dealfsm_store_options reading = {
        .struct_size = sizeof reading, .flags = DEALFSM_STORE_READ_ONLY, .log = &log};
    close_store(open_store(kit_url, &reading));
    ck_assert_ptr_nonnull(strstr(heard, "/db: "));
    ck_assert_ptr_nonnull(strstr(heard, " bytes of LevelDB's journal cannot be read"));
    heard[0] = '\0';
    store = open_store(kit_url, &options);
    ck_assert_ptr_nonnull(strstr(heard, " bytes of LevelDB's journal cannot be read"));
    ck_assert_uint_eq(revision_of(store, 1), 1);
    ck_assert_uint_eq(revision_of(store, PUTS), PUTS);
    close_store(store);
}
END_TEST

/* ---- A power cut: what was not synced is cut off, at any byte, or torn. */

static long log_size(char *name, size_t size)
{
    long bytes = -1;
    DIR *files = opendir(directory);
    ck_assert_ptr_nonnull(files);
    for (const struct dirent *entry = readdir(files); entry != NULL; entry = readdir(files)) {
        struct stat info;
        if (strstr(entry->d_name, ".log") == NULL)
            continue;
        snprintf(name, size, "%s/%s", directory, entry->d_name);
        ck_assert_int_eq(stat(name, &info), 0);
        bytes = (long)info.st_size;
    }
    closedir(files);
    return bytes;
}

START_TEST(power_cut)
{
    enum { CUTS = 40 };
    char name[512], command[512];
    snprintf(directory, sizeof directory, "%s/db", kit_directory);
    dealfsm_store *store = open_flags(url_of(1, "db"), 0);
    for (uint64_t deal = 1; deal <= 20; deal++)
        put(store, deal, 1);
    long synced = log_size(name, sizeof name);
    put(store, 7, 2);
    long all = log_size(name, sizeof name);
    ck_assert_int_gt(all, synced);
    for (int cut = 0; cut <= CUTS; cut++) {
        snprintf(command, sizeof command, "rm -rf %s/cut && cp -r %s/db %s/cut", kit_directory, kit_directory,
                 kit_directory);
        ck_assert_int_eq(system(command), 0);
        snprintf(directory, sizeof directory, "%s/cut", kit_directory);
        log_size(name, sizeof name);
        ck_assert_int_eq(truncate(name, synced + (all - synced) * cut / CUTS), 0);
        if (cut % 2 == 1) /* the length was written, the rest was not */
            ck_assert_int_eq(truncate(name, all), 0);
        dealfsm_store *after = open_flags(url_of(1, "cut"), 0);
        for (uint64_t deal = 1; deal <= 20; deal++) {
            uint64_t revision = revision_of(after, deal);
            ck_assert_uint_eq(revision, deal == 7 && cut == CUTS ? 2 : 1);
        }
        ck_assert_int_eq(put(after, 7, 9), DEALFSM_PUT_DURABLE);
        close_store(after);
        after = open_flags(kit_url, 0);
        ck_assert_uint_eq(revision_of(after, 7), 9);
        close_store(after);
    }
    close_store(store);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store: leveldb");
    TCase *all = tcase_create("all");
    tcase_add_checked_fixture(all, kit_setup, kit_teardown);
    tcase_add_loop_test(all, golden, 0, 3);
    tcase_add_test(all, taken_over);
    tcase_add_test(all, keys);
    tcase_add_test(all, places);
    tcase_add_test(all, left_behind);
    tcase_add_test(all, damaged_values);
    tcase_add_test(all, refused_while_open);
    tcase_add_test(all, not_a_database);
    tcase_add_test(all, half_made);
    tcase_add_test(all, newer_layout);
    tcase_add_test(all, damaged_journal);
    tcase_add_test(all, power_cut);
    tcase_set_timeout(all, 60);
    suite_add_tcase(suite, all);
    return run_suite(suite);
}
