/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <string.h>

#include "error.h"
#include "host.h"

/* Brings the deals of a store back: some are restored, then those are activated, and so on. */

enum { AT_ONCE = 1024 };

typedef struct resume {
    dealfsm_host *host;
    dealfsm_store *store;
    uint32_t flags;
    dealfsm_resume_fn *told;
    void *ctx;
    dealfsm_resumed figures;
    dealfsm_error error;
    uint32_t count; /* restored, not activated yet */
    uint64_t deals[AT_ONCE];
} resume;

static void tell(const resume *r, const dealfsm_store_row *row, int32_t result, const char *text)
{
    if (r->told != NULL)
        r->told(r->ctx, row, result, text);
}

static int32_t activate_all(resume *r)
{
    int32_t result = DEALFSM_OK;
    for (uint32_t i = 0; i < r->count; i++) {
        dealfsm_error error = {.struct_size = sizeof error};
        int32_t one = dealfsm_host_activate(r->host, r->deals[i], NULL, &error);
        dealfsm_store_row row = {.struct_size = sizeof row, .deal = r->deals[i]};
        if (one >= 0)
            r->figures.resumed++;
        else
            tell(r, &row, one, error.text);
        if (one == DEALFSM_E_NO_MEMORY)
            result = host_error(&r->error, one, "", "%s", error.text);
    }
    r->count = 0;
    host_let_go(r->host);
    return result;
}

int32_t host_restore_row(dealfsm_host *host, dealfsm_store *store, const dealfsm_store_row *row, uint32_t flags,
                         bool waking, dealfsm_error *error)
{
    bool bare = row->flags & DEALFSM_ROW_BARE;
    dealfsm_snapshot snapshot = {.struct_size = sizeof snapshot,
                                 .flags = bare ? flags : 0,
                                 .deal = row->deal,
                                 .sequence = row->sequence,
                                 .revision = row->revision,
                                 .machine_version = row->machine_version,
                                 .record = (uint8_t *)row->record, /* restore only reads */
                                 .record_len = row->record_len};
    if (!bare) {
        snapshot.sidecar = (uint8_t *)row->sidecar;
        snapshot.sidecar_len = row->sidecar_len;
    }
    host_call call;
    if (!host_enter_version(host, row->machine_version, store, row->deal, &call))
        return host_error(error, DEALFSM_E_VERSION, "machine_version",
                          "deal %llu waits for \"%.60s\": no generation of that version uses the store; open one",
                          (unsigned long long)row->deal, row->machine_version);
    uint32_t generation = call.number;
    host_leave(&call);
    return host_restore(host, generation, &snapshot, waking, error);
}

/* What cannot be brought back is counted and told, and hinders nobody. */
static int32_t not_restored(resume *r, const dealfsm_store_row *row, int32_t result, const char *text)
{
    if (result == DEALFSM_E_EXISTS) {
        r->figures.there++;
        return DEALFSM_OK;
    }
    if (result == DEALFSM_E_NO_MEMORY)
        return host_error(&r->error, result, "", "%s", text);
    if (result == DEALFSM_E_VERSION)
        r->figures.waiting++;
    else
        r->figures.damaged++;
    tell(r, row, result, text);
    return DEALFSM_OK;
}

static int32_t take_row(void *ctx, const dealfsm_store_row *row)
{
    resume *r = ctx;
    dealfsm_error error = {.struct_size = sizeof error};
    r->figures.rows++;
    if (row->flags & DEALFSM_ROW_DAMAGED)
        return not_restored(r, row, DEALFSM_E_CORRUPT, row->damage);
    if (row->flags & DEALFSM_ROW_FINAL) {
        r->figures.final_rows++;
        return DEALFSM_OK;
    }
    uint32_t owed = r->flags & DEALFSM_RESUME_BARE_OWED ? DEALFSM_SNAPSHOT_OWED : 0;
    int32_t result = host_restore_row(r->host, r->store, row, owed, false, &error);
    if (result < 0)
        return not_restored(r, row, result, error.text);
    r->figures.bare += (row->flags & DEALFSM_ROW_BARE) != 0;
    r->deals[r->count++] = row->deal;
    return r->count == AT_ONCE ? activate_all(r) : DEALFSM_OK;
}

static bool uses_store(dealfsm_host *host, const dealfsm_store *store)
{
    bool uses = false;
    host_call call;
    for (uint32_t number = 0; !uses && host_enter_next(host, number, &call); number = call.number) {
        uses = call.generation->durable == store;
        host_leave(&call);
    }
    return uses;
}

int32_t dealfsm_host_resume(dealfsm_host *host, dealfsm_store *store, uint32_t flags, dealfsm_resume_fn *told,
                            void *ctx, dealfsm_resumed *out, dealfsm_error *error)
{
    if (host == NULL || store == NULL)
        return host_error(error, DEALFSM_E_ARGUMENT, host == NULL ? "host" : "store", "expected a pointer, found NULL");
    if (!uses_store(host, store))
        return host_error(error, DEALFSM_E_STATE, "store",
                          "no generation of this host uses the store: give it to dealfsm_host_open first (durable)");
    resume r = {.host = host, .store = store, .flags = flags, .told = told, .ctx = ctx};
    r.error.struct_size = sizeof r.error;
    int32_t result = dealfsm_store_rows(store, NULL, take_row, &r, &r.error);
    int32_t activated = activate_all(&r); /* what could be read goes on, whatever else could not */
    result = result < 0 ? result : activated;
    if (result < 0)
        host_error(error, result, r.error.field, "%s", r.error.text);
    if (out != NULL)
        host_give(out, &r.figures, sizeof r.figures, "out", result < 0 ? NULL : error);
    return result;
}
