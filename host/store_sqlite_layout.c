/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "error.h"
#include "store_sqlite.h"

/* The tables, made to be read with the sqlite3 shell. user_version is the layout, application_id says whose file it
 * is. */

enum { APPLICATION_ID = 0x4465616c }; /* "Deal" */

/* upgrades[n] brings layout n to n + 1; 0 is an empty file. Append only. */
static const char *const upgrades[] = {
    "CREATE TABLE deals ("
    " id INTEGER PRIMARY KEY,"
    " machine_version TEXT NOT NULL,"
    " status_name TEXT,"
    " status INTEGER NOT NULL,"
    " final INTEGER NOT NULL," /* 1: the deal has ended */
    " sequence INTEGER NOT NULL,"
    " revision INTEGER NOT NULL,"
    " total_funds TEXT," /* amounts: attoFIL, decimal */
    " price_per_byte TEXT,"
    " unseal_price TEXT,"
    " payment_requested TEXT,"
    " funds_spent TEXT,"
    " unseal_funds_paid TEXT,"
    " voucher_shortfall TEXT,"
    " created TEXT NOT NULL," /* UTC */
    " updated TEXT NOT NULL,"
    " record BLOB NOT NULL," /* the reference's bytes */
    " sidecar BLOB NOT NULL,"
    " checksum INTEGER NOT NULL" /* of record and sidecar */
    ") STRICT;"
    "CREATE TABLE history ("
    " deal INTEGER NOT NULL,"
    " revision INTEGER NOT NULL," /* of the put that told it */
    " position INTEGER NOT NULL," /* in that put */
    " sequence INTEGER NOT NULL," /* of the deal after the event */
    " kind TEXT NOT NULL,"        /* applied, refused, terminated, moved */
    " event INTEGER NOT NULL,"
    " event_name TEXT,"
    " from_status INTEGER NOT NULL,"
    " from_name TEXT,"
    " to_status INTEGER NOT NULL,"
    " to_name TEXT,"
    " time TEXT NOT NULL,"
    " reason INTEGER NOT NULL," /* 0, or the DEALFSM_E_… that refused it */
    " message TEXT NOT NULL,"
    " payment_requested TEXT," /* of the deal after the event, where it was applied: attoFIL, decimal */
    " funds_spent TEXT,"
    " total_received INTEGER," /* bytes */
    " PRIMARY KEY (deal, revision, position)"
    ") STRICT, WITHOUT ROWID;",
};
enum { LAYOUT = sizeof upgrades / sizeof upgrades[0] };

static int pragma_number(sqlite3 *db, const char *sql, int *number)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (code == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
        *number = sqlite3_column_int(statement, 0);
    int finished = sqlite3_finalize(statement);
    return code != SQLITE_OK ? code : finished;
}

int32_t sqlite_layout_check(sqlite3 *db, const char *path, int *layout, dealfsm_error *error)
{
    int application = 0, tables = 0;
    *layout = 0;
    int code = pragma_number(db, "PRAGMA application_id", &application);
    if (code == SQLITE_OK)
        code = pragma_number(db, "PRAGMA user_version", layout);
    if (code == SQLITE_OK)
        code = pragma_number(db, "SELECT count(*) FROM sqlite_schema", &tables);
    if (code != SQLITE_OK)
        return sqlite_failure(db, code, path, "opened", error);
    if (application != APPLICATION_ID && (application != 0 || tables > 0 || *layout != 0))
        return host_error(error, DEALFSM_E_CORRUPT, "url",
                          "%s is the database of another program (application id %d): choose another file",
                          host_short(path), application);
    if (*layout > LAYOUT)
        return host_error(error, DEALFSM_E_VERSION, "url",
                          "%s has layout %d, known here are those up to %d: a newer library wrote it and is needed",
                          host_short(path), *layout, LAYOUT);
    return DEALFSM_OK;
}

static int upgrade(sqlite3 *db, int layout)
{
    char sql[96];
    int code = SQLITE_OK;
    for (int i = layout; i < LAYOUT && code == SQLITE_OK; i++)
        code = sqlite3_exec(db, upgrades[i], NULL, NULL, NULL);
    sqlite3_snprintf(sizeof sql, sql, "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT", APPLICATION_ID,
                     LAYOUT);
    return code == SQLITE_OK ? sqlite3_exec(db, sql, NULL, NULL, NULL) : code;
}

int32_t sqlite_layout_upgrade(sqlite3 *db, const char *path, dealfsm_error *error)
{
    int layout = 0;
    int code = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (code != SQLITE_OK)
        return sqlite_failure(db, code, path, "opened for writing", error);
    int32_t result = sqlite_layout_check(db, path, &layout, error);
    if (result >= 0) {
        code = upgrade(db, layout);
        if (code != SQLITE_OK)
            result = sqlite_failure(db, code, path, "given its tables", error);
    }
    if (result < 0)
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return result;
}
