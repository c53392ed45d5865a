/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "error.h"
#include "store_sqlite.h"

/* The writer's statements. Any failure takes the whole commit back. */

static const char *const kinds[] = {
    [DEALFSM_HAPPENED_APPLIED] = "applied",
    [DEALFSM_HAPPENED_REFUSED] = "refused",
    [DEALFSM_HAPPENED_TERMINATED] = "terminated",
    [DEALFSM_HAPPENED_MOVED] = "moved",
};

static const char put_sql[] =
    "INSERT INTO deals (id, machine_version, status_name, status, final, sequence, revision, total_funds,"
    " price_per_byte, unseal_price, payment_requested, funds_spent, unseal_funds_paid, voucher_shortfall, created,"
    " updated, record, sidecar, checksum)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?15, ?16, ?17, ?18)"
    " ON CONFLICT (id) DO UPDATE SET machine_version = excluded.machine_version, status_name = excluded.status_name,"
    " status = excluded.status, final = excluded.final, sequence = excluded.sequence, revision = excluded.revision,"
    " total_funds = excluded.total_funds, price_per_byte = excluded.price_per_byte,"
    " unseal_price = excluded.unseal_price, payment_requested = excluded.payment_requested,"
    " funds_spent = excluded.funds_spent, unseal_funds_paid = excluded.unseal_funds_paid,"
    " voucher_shortfall = excluded.voucher_shortfall, updated = excluded.updated, record = excluded.record,"
    " sidecar = excluded.sidecar, checksum = excluded.checksum"
    " WHERE excluded.revision > deals.revision";

static const char event_sql[] =
    "INSERT OR REPLACE INTO history (deal, revision, position, sequence, kind, event, event_name, from_status,"
    " from_name, to_status, to_name, time, reason, message, payment_requested, funds_spent, total_received)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)";

static const char erase_sql[] = "DELETE FROM history WHERE deal = ?1 AND revision >= ?2 AND revision < ?3";

/* Keeps the last ?2 + 1 events, and what their puts told beside them. */
static const char prune_sql[] =
    "DELETE FROM history WHERE deal = ?1 AND revision < (SELECT revision FROM history WHERE deal = ?1"
    " ORDER BY revision DESC, position DESC LIMIT 1 OFFSET ?2)";

static int32_t prepare(sqlite_store *it, const char *sql, sqlite3_stmt **statement, dealfsm_error *error)
{
    int code = sqlite3_prepare_v3(it->writer, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
    return code == SQLITE_OK ? DEALFSM_OK : sqlite_failure(it->writer, code, it->store->path, "written", error);
}

int32_t sqlite_prepare_writes(sqlite_store *it, dealfsm_error *error)
{
    int32_t result = prepare(it, put_sql, &it->put, error);
    if (result >= 0)
        result = prepare(it, event_sql, &it->event, error);
    if (result >= 0)
        result = prepare(it, erase_sql, &it->erase, error);
    if (result >= 0)
        result = prepare(it, prune_sql, &it->prune, error);
    if (result >= 0)
        result = prepare(it, "BEGIN IMMEDIATE", &it->begin, error);
    return result < 0 ? result : prepare(it, "COMMIT", &it->commit, error);
}

void sqlite_finish_writes(sqlite_store *it)
{
    sqlite3_stmt *const all[] = {it->put, it->event, it->erase, it->prune, it->begin, it->commit};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        sqlite3_finalize(all[i]);
}

static int run(sqlite3_stmt *statement)
{
    sqlite3_step(statement);
    return sqlite3_reset(statement);
}

static int number(sqlite3_stmt *statement, int at, uint64_t value)
{
    return sqlite3_bind_int64(statement, at, (sqlite3_int64)value);
}

static int text(sqlite3_stmt *statement, int at, const char *value)
{
    return value != NULL ? sqlite3_bind_text(statement, at, value, -1, SQLITE_STATIC)
                         : sqlite3_bind_null(statement, at);
}

/* Writes the row, if its revision is above the one that is there. */
static int put_deal(sqlite_store *it, store_put *put, const char *when)
{
    sqlite3_stmt *statement = it->put;
    int64_t changes = sqlite3_total_changes64(it->writer);
    number(statement, 1, put->deal);
    text(statement, 2, put->machine_version);
    text(statement, 3, put->known != NULL ? store_name(put->known->statuses, put->status) : NULL);
    number(statement, 4, put->status);
    number(statement, 5, put->final_state);
    number(statement, 6, put->sequence);
    number(statement, 7, put->revision);
    for (int i = 0; i < STORE_AMOUNTS; i++)
        text(statement, 8 + i, put->amounts[i]);
    sqlite3_bind_text(statement, 15, when, STORE_TIME_TEXT - 1, SQLITE_STATIC);
    sqlite3_bind_blob64(statement, 16, put->record, put->record_len, SQLITE_STATIC);
    sqlite3_bind_blob64(statement, 17, put->sidecar_len > 0 ? (const void *)put->sidecar : "", put->sidecar_len,
                        SQLITE_STATIC);
    number(statement, 18, store_checksum(put->checksum, put->sidecar, put->sidecar_len));
    int code = run(statement);
    put->outcome = sqlite3_total_changes64(it->writer) > changes ? DEALFSM_PUT_DURABLE : DEALFSM_PUT_LOST;
    return code;
}

static void bind_amounts(sqlite3_stmt *statement, const store_event *event)
{
    text(statement, 15, event->payment_requested);
    text(statement, 16, event->funds_spent);
    if (event->payment_requested != NULL)
        number(statement, 17, event->total_received);
    else
        sqlite3_bind_null(statement, 17);
}

static int put_event(sqlite_store *it, const store_put *put, uint32_t position, const char *when)
{
    const store_event *event = &put->events[position];
    sqlite3_stmt *statement = it->event;
    dealfsm_store_event names = {.kind = event->kind,
                                 .event = event->event,
                                 .from = event->from,
                                 .to = event->to,
                                 .message = event->message,
                                 .message_len = event->message_len};
    bool named = event->kind >= DEALFSM_HAPPENED_APPLIED && event->kind <= DEALFSM_HAPPENED_MOVED;
    store_event_names(it->store, put->machine_version, &names);
    number(statement, 1, put->deal);
    number(statement, 2, put->revision);
    number(statement, 3, position);
    number(statement, 4, event->sequence);
    text(statement, 5, named ? kinds[event->kind] : "?");
    number(statement, 6, event->event);
    text(statement, 7, names.event_name);
    number(statement, 8, event->from);
    text(statement, 9, names.from_name);
    number(statement, 10, event->to);
    text(statement, 11, names.to_name);
    sqlite3_bind_text(statement, 12, when, STORE_TIME_TEXT - 1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 13, event->reason);
    sqlite3_bind_text64(statement, 14, event->message_len > 0 ? event->message : "", event->message_len, SQLITE_STATIC,
                        SQLITE_UTF8);
    bind_amounts(statement, event);
    return run(statement);
}

static int put_history(sqlite_store *it, const store_put *put, const char *when)
{
    int code = SQLITE_OK;
    uint32_t limit = it->store->options.history_limit;
    if (put->erase_from != 0) {
        number(it->erase, 1, put->deal);
        number(it->erase, 2, put->erase_from);
        number(it->erase, 3, put->revision);
        code = run(it->erase);
    }
    for (uint32_t i = 0; i < put->events_count && code == SQLITE_OK; i++)
        code = put_event(it, put, i, when);
    if (limit > 0 && put->events_count > 0 && code == SQLITE_OK) {
        number(it->prune, 1, put->deal);
        number(it->prune, 2, limit - 1);
        code = run(it->prune);
    }
    return code;
}

int32_t sqlite_commit(void *handle, store_put *first, dealfsm_error *error)
{
    sqlite_store *it = handle;
    char when[STORE_TIME_TEXT];
    int code = run(it->begin);
    for (store_put *put = first; put != NULL && code == SQLITE_OK; put = put->next) {
        store_time_text(put->when, when);
        code = put_deal(it, put, when);
        if (code == SQLITE_OK && put->outcome == DEALFSM_PUT_DURABLE)
            code = put_history(it, put, when);
    }
    if (code == SQLITE_OK)
        code = run(it->commit);
    if (code == SQLITE_OK)
        return DEALFSM_OK;
    int32_t result = sqlite_failure(it->writer, code, it->store->path, "written", error);
    if (!sqlite3_get_autocommit(it->writer))
        sqlite3_exec(it->writer, "ROLLBACK", NULL, NULL, NULL);
    return result;
}
