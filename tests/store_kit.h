/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef STORE_KIT_H
#define STORE_KIT_H

/* What the tests of the stores share: a directory, both kinds of store, rows and puts with real records. */

#include <dealfsm/stores.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "host_kit.h"

static dealfsm_module_info kit_module; /* mapped; its host, with its threads, is gone: tests fork */
static char kit_directory[64];
static char kit_url[128]; /* of the store of this test */

/* LevelDB's own library is not instrumented, and its atomic operations are not seen. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race:libleveldb\nrace:libsnappy\nrace:libstdc++\ncalled_from_lib:libleveldb\n";
}

/* Loop tests: 0 is SQLite, 1 LevelDB. */
enum { KINDS = 2 };
static const char *const kind_scheme[KINDS] = {"sqlite", "leveldb"};

static inline void kit_setup(void)
{
    dealfsm_host *host = new_host();
    kit_module.struct_size = sizeof kit_module;
    WORKS(dealfsm_host_module_info(load(host, TEST_MODULE), &kit_module, &error));
    WORKS(dealfsm_host_free(host, &error));
    strcpy(kit_directory, "/dev/shm/test-store-XXXXXX"); /* syncs cost nothing there */
    if (mkdtemp(kit_directory) == NULL) {
        strcpy(kit_directory, "/tmp/test-store-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(kit_directory));
    }
}

static inline void kit_teardown(void)
{
    char command[96];
    snprintf(command, sizeof command, "rm -r %s", kit_directory);
    ck_assert_int_eq(system(command), 0);
}

static inline const char *url_of(int kind, const char *name)
{
    snprintf(kit_url, sizeof kit_url, "%s:%s/%s", kind_scheme[kind], kit_directory, name);
    return kit_url;
}

static inline dealfsm_store *open_store(const char *url, const dealfsm_store_options *options)
{
    dealfsm_store *store = NULL;
    WORKS(dealfsm_store_open(url, options, &store, &error));
    WORKS(dealfsm_store_teach(store, kit_module.functions, &error));
    return store;
}

static inline dealfsm_store *open_flags(const char *url, uint32_t flags)
{
    dealfsm_store_options options = {.struct_size = sizeof options, .flags = flags};
    return open_store(url, &options);
}

static inline void close_store(dealfsm_store *store)
{
    WORKS(dealfsm_store_close(store, &error));
}

/* ---- Records */

enum { RECORD_MOST = 1024 };

/* Stored bytes of a deal that differs with `mark`. */
static inline uint64_t record_bytes(uint64_t deal, uint64_t status, uint64_t mark, uint8_t *bytes)
{
    uint8_t amount[9] = {0, 0x80};
    for (int i = 0; i < 7; i++)
        amount[8 - i] = (uint8_t)(mark >> (8 * i));
    dealfsm_record record = real_terms(deal);
    record.status = status;
    record.has_channel = 1;
    record.total_received = mark;
    record.funds_spent = amount;
    record.funds_spent_len = sizeof amount;
    uint64_t length = 0;
    WORKS(kit_module.record->encode(&record, bytes, RECORD_MOST, &length, &error));
    return length;
}

/* The funds spent of such a record: 2^63 + mark, as text. */
static inline void record_funds(uint64_t mark, char *text)
{
    sprintf(text, "%" PRIu64, (UINT64_C(1) << 63) + mark);
}

/* ---- Puts: revision and sequence are mark */

static inline int32_t put_telling(dealfsm_store *store, uint64_t deal, uint64_t mark, uint64_t status,
                                  const dealfsm_happened *happened, uint32_t count)
{
    uint8_t record[RECORD_MOST], sidecar[16];
    int sidecar_len = snprintf((char *)sidecar, sizeof sidecar, "side%" PRIu64, mark);
    dealfsm_put put = {.struct_size = sizeof put,
                       .deal = deal,
                       .revision = mark,
                       .sequence = mark,
                       .status = status,
                       .final_state = status == DEALFSM_DealStatusCompleted,
                       .machine_version = kit_module.describe->machine_version,
                       .record = record,
                       .record_len = record_bytes(deal, status, mark, record),
                       .sidecar = sidecar,
                       .sidecar_len = (uint64_t)sidecar_len,
                       .happened = happened,
                       .happened_count = count,
                       .happened_stride = sizeof *happened};
    const dealfsm_store_v1 *service = dealfsm_store_service(store);
    return service->put(service->ctx, &put);
}

/* One event, applied. */
static inline dealfsm_happened applied(uint64_t mark, uint64_t status)
{
    return (dealfsm_happened){.struct_size = sizeof(dealfsm_happened),
                              .kind = DEALFSM_HAPPENED_APPLIED,
                              .event = DEALFSM_ClientEventBlocksReceived,
                              .sequence = mark,
                              .from = DEALFSM_DealStatusNew,
                              .to = status,
                              .message = "text",
                              .message_len = 4};
}

static inline int32_t put_status(dealfsm_store *store, uint64_t deal, uint64_t mark, uint64_t status)
{
    const dealfsm_happened happened = applied(mark, status);
    return put_telling(store, deal, mark, status, &happened, 1);
}

static inline int32_t put(dealfsm_store *store, uint64_t deal, uint64_t mark)
{
    return put_status(store, deal, mark, DEALFSM_DealStatusOngoing);
}

/* ---- Rows: a row is whole if all its parts are of the same put. */

static inline bool row_is_whole(const dealfsm_store_row *row)
{
    uint8_t record[RECORD_MOST];
    char sidecar[16];
    int sidecar_len = snprintf(sidecar, sizeof sidecar, "side%" PRIu64, row->revision);
    uint64_t length = record_bytes(row->deal, row->status, row->revision, record);
    return row->flags == (row->status == DEALFSM_DealStatusCompleted ? (uint32_t)DEALFSM_ROW_FINAL : 0) &&
           row->damage == NULL && row->sequence == row->revision && row->record_len == length &&
           memcmp(row->record, record, length) == 0 && row->sidecar_len == (uint64_t)sidecar_len &&
           memcmp(row->sidecar, sidecar, (size_t)sidecar_len) == 0;
}

static inline int32_t take_revision(void *ctx, const dealfsm_store_row *row)
{
    ck_assert_msg(row_is_whole(row), "deal %" PRIu64 ", revision %" PRIu64 ": not a whole row: %s", row->deal,
                  row->revision, row->damage != NULL ? row->damage : "parts of different puts");
    *(uint64_t *)ctx = row->revision;
    return 0;
}

/* The revision of a deal's row, which must be whole; 0: no row. */
static inline uint64_t revision_of(dealfsm_store *store, uint64_t deal)
{
    uint64_t revision = 0;
    int32_t result = dealfsm_store_row_of(store, deal, take_revision, &revision, NULL);
    ck_assert_msg(result == 0 || result == DEALFSM_E_NOT_FOUND, "row of deal %" PRIu64 ": %d", deal, (int)result);
    return revision;
}

/* All that a walk told, as text: a line a row, or a line an event. */
typedef struct told {
    char text[8192];
    size_t length;
} told;

__attribute__((format(printf, 2, 3))) static inline void tell(told *it, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    it->length += (size_t)vsnprintf(it->text + it->length, sizeof it->text - it->length, format, args);
    va_end(args);
    ck_assert_uint_lt(it->length, sizeof it->text);
}

static inline int32_t tell_row(void *ctx, const dealfsm_store_row *row)
{
    tell(ctx, "%" PRIu64 " r%" PRIu64 " %s%s%s%s\n", row->deal, row->revision,
         row->status_name != NULL ? row->status_name : "?", row->flags & DEALFSM_ROW_FINAL ? " final" : "",
         row->flags & DEALFSM_ROW_BARE ? " bare" : "", row->flags & DEALFSM_ROW_DAMAGED ? " damaged" : "");
    return 0;
}

/* Copies a row; its pointers are dead afterwards. */
static inline int32_t keep_row(void *ctx, const dealfsm_store_row *row)
{
    *(dealfsm_store_row *)ctx = *row;
    return 0;
}

static inline int32_t tell_event(void *ctx, const dealfsm_store_event *event)
{
    tell(ctx, "%" PRIu64 " r%" PRIu64 " s%" PRIu64 " %u %s %s>%s %d \"%.*s\"\n", event->deal, event->revision,
         event->sequence, event->kind, event->event_name, event->from_name, event->to_name, (int)event->reason,
         (int)event->message_len, event->message);
    return 0;
}

#endif
