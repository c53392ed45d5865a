/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "validate_store.h"

#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- The place */

/* What is no URL is refused by the library, in its words. */
static bool is_url(const char *url)
{
    dealfsm_error error = {.struct_size = sizeof error};
    const dealfsm_store_options options = {.struct_size = sizeof options,
                                           .flags = DEALFSM_STORE_READ_ONLY | DEALFSM_STORE_MUST_EXIST};
    dealfsm_store *store = NULL;
    const bool refused = dealfsm_store_open(url, &options, &store, &error) == DEALFSM_E_ARGUMENT;
    dealfsm_store_close(store, NULL);
    if (refused) {
        fprintf(stderr, "dealfsm-validate: --store: %s\n", error.text);
    }
    return !refused;
}

bool store_place_make(const char *url)
{
    if (!is_url(url)) {
        return false;
    }
    if (mkdir(dealfsm_store_place(url), 0700) == 0) {
        return true;
    }
    fprintf(stderr,
            "dealfsm-validate: --store %s: %s; expected a path where nothing is yet: a directory is made there for the "
            "stores under test, and removed\n",
            url, strerror(errno));
    return false;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

void store_place_remove(const char *url)
{
    enum { OPEN_FILES = 16 };
    nftw(dealfsm_store_place(url), remove_one, OPEN_FILES, FTW_DEPTH | FTW_PHYS);
}

/* ---- Stores */

dealfsm_store *store_open(validator *v, const char *name, uint32_t flags, const dealfsm_store_faults *faults,
                          int32_t *refused)
{
    dealfsm_error error = {.struct_size = sizeof error};
    const dealfsm_store_options options = {.struct_size = sizeof options, .flags = flags, .faults = faults};
    dealfsm_store *store = NULL;
    int32_t result = dealfsm_store_open(format(v->arena, "%s/%s", v->store_url, name), &options, &store, &error);
    if (result >= 0) {
        result = dealfsm_store_teach(store, v->functions, &error);
    }
    if (refused != NULL) {
        *refused = result;
    } else if (result < 0) {
        expect(v, false, "the store to open", error.text);
    }
    return store;
}

void store_close(validator *v, dealfsm_store *store)
{
    dealfsm_error error = {.struct_size = sizeof error};
    same_result(v, "close of the store", DEALFSM_OK, dealfsm_store_close(store, &error), &error);
}

/* ---- Rows */

static void row_record(validator *v, uint64_t deal, uint64_t mark, dealfsm_record *record)
{
    invent_record(v, deal, DEALFSM_DealStatusOngoing, record);
    record->total_received = mark;
}

int32_t store_put(validator *v, dealfsm_store *store, uint64_t deal, uint64_t mark)
{
    const dealfsm_happened happened = {.struct_size = sizeof happened,
                                       .kind = DEALFSM_HAPPENED_APPLIED,
                                       .event = DEALFSM_ClientEventBlocksReceived,
                                       .sequence = mark,
                                       .from = DEALFSM_DealStatusOngoing,
                                       .to = DEALFSM_DealStatusOngoing,
                                       .message = "a\0b\xff",
                                       .message_len = 4};
    dealfsm_record record;
    dealfsm_put put = {.struct_size = sizeof put,
                       .deal = deal,
                       .revision = mark,
                       .sequence = mark,
                       .status = DEALFSM_DealStatusOngoing,
                       .machine_version = v->machine.machine_version,
                       .sidecar = (const uint8_t *)&mark,
                       .sidecar_len = sizeof mark,
                       .happened = &happened,
                       .happened_count = 1,
                       .happened_stride = sizeof happened};
    row_record(v, deal, mark, &record);
    if (!stored_bytes(v, &record, &put.record, &put.record_len)) {
        return DEALFSM_PUT_FAILED;
    }
    const dealfsm_store_v1 *service = dealfsm_store_service(store);
    return service->put(service->ctx, &put);
}

void store_expect_put(validator *v, int32_t expected, int32_t found)
{
    static const char *const names[] = {"?", "DURABLE", "FAILED", "LOST", "PENDING"};
    expect(v, found == expected, names[expected], found >= 1 && found <= 4 ? names[found] : "another number");
}

typedef struct looking {
    validator *v;
    uint64_t revision;
} looking;

static int32_t look(void *ctx, const dealfsm_store_row *row)
{
    looking *l = ctx;
    dealfsm_record record;
    const uint8_t *bytes;
    uint64_t size;
    l->revision = row->revision;
    row_record(l->v, row->deal, row->revision, &record);
    if (stored_bytes(l->v, &record, &bytes, &size)) {
        same_bytes(l->v, "the row's record", bytes, size, row->record, row->record_len);
        same_bytes(l->v, "the row's sidecar", (const uint8_t *)&row->revision, sizeof row->revision, row->sidecar,
                   row->sidecar_len);
        expect(l->v, row->sequence == row->revision && row->status == record.status && row->flags == 0,
               "sequence and status of the same put, no flag", row->damage != NULL ? row->damage : "others");
        expect(l->v, strcmp(row->machine_version, l->v->machine.machine_version) == 0, "the put's machine version",
               row->machine_version);
    }
    return 0;
}

uint64_t store_revision(validator *v, dealfsm_store *store, uint64_t deal)
{
    looking l = {.v = v};
    dealfsm_error error = {.struct_size = sizeof error};
    const int32_t result = dealfsm_store_row_of(store, deal, look, &l, &error);
    if (result != DEALFSM_E_NOT_FOUND) {
        same_result(v, "reading a row", DEALFSM_OK, result, &error);
    }
    return l.revision;
}

typedef struct telling {
    validator *v;
    char *text;
} telling;

static int32_t tell_row(void *ctx, const dealfsm_store_row *row)
{
    telling *t = ctx;
    t->text = format(t->v->arena, "%s%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu32 "\n", t->text, row->deal,
                     row->revision, row->status, row->flags);
    return 0;
}

const char *store_told(validator *v, dealfsm_store *store)
{
    telling t = {v, format(v->arena, "%s", "")};
    dealfsm_error error = {.struct_size = sizeof error};
    same_result(v, "reading all rows", DEALFSM_OK, dealfsm_store_rows(store, NULL, tell_row, &t, &error), &error);
    return t.text;
}
