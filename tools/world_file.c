/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Books as a file: making, opening, writing. */

#include "wire.h"
#include "world_file_private.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { BUSY_MILLISECONDS = 10000 };

static const char TABLES[] =
    "CREATE TABLE world (layout INTEGER, scenario TEXT, deals INTEGER, seed INTEGER);"
    "CREATE TABLE wallets (client INTEGER PRIMARY KEY, name TEXT, balance TEXT);"
    "CREATE TABLE channels (client INTEGER, provider INTEGER, client_name TEXT, provider_name TEXT, address BLOB,"
    " existing INTEGER, funds TEXT, pending TEXT, granted TEXT, arrivals INTEGER, arrived INTEGER, PRIMARY KEY "
    "(client, provider)) WITHOUT ROWID;"
    "CREATE TABLE lanes (client INTEGER, provider INTEGER, lane INTEGER, deal INTEGER, vouchers INTEGER,"
    " held_voucher INTEGER, granted TEXT, held TEXT, held_before TEXT, PRIMARY KEY (client, provider, lane))"
    " WITHOUT ROWID;"
    "CREATE TABLE ops (deal INTEGER, sequence INTEGER, op INTEGER, nth INTEGER, name TEXT, asks INTEGER,"
    " effects INTEGER, attempt INTEGER, outcome INTEGER, told INTEGER, asked_at INTEGER, answered_at INTEGER,"
    " arguments INTEGER, flag INTEGER, number INTEGER, error TEXT, told_again TEXT, PRIMARY KEY (deal, sequence, op, "
    "nth)) WITHOUT "
    "ROWID;"
    "CREATE TABLE deals (deal INTEGER PRIMARY KEY, now INTEGER, revision INTEGER, orders INTEGER, transfer INTEGER,"
    " vouchers INTEGER, in_flight INTEGER, silent INTEGER, added TEXT, topped_up TEXT, seen INTEGER, settled INTEGER, "
    "stage INTEGER, stage_after INTEGER,"
    " struck INTEGER, turn INTEGER, again INTEGER, asked_ahead INTEGER, last INTEGER, closed INTEGER, sent INTEGER,"
    " paid INTEGER, asked INTEGER, interval INTEGER, owed TEXT, due TEXT);"
    "CREATE TABLE to_come (deal INTEGER, step INTEGER, time INTEGER, what INTEGER, sent INTEGER, base INTEGER,"
    " promised INTEGER, message INTEGER, event INTEGER, kind INTEGER, number INTEGER, amount BLOB, text TEXT,"
    " PRIMARY KEY (deal, step)) WITHOUT ROWID;"
    "CREATE TABLE messages (deal INTEGER, message INTEGER, lands INTEGER, lost INTEGER, top_up INTEGER, amount TEXT,"
    " PRIMARY KEY (deal, message)) WITHOUT ROWID;";

static const char *const WRITES[WRITE_COUNT] = {
    [WRITE_BEGIN] = "BEGIN",
    [WRITE_COMMIT] = "COMMIT",
    [WRITE_WALLET] = "REPLACE INTO wallets VALUES (?,?,?)",
    [WRITE_CHANNEL] = "REPLACE INTO channels VALUES (?,?,?,?,?,?,?,?,?,?,?)",
    [WRITE_LANE] = "REPLACE INTO lanes VALUES (?,?,?,?,?,?,?,?,?)",
    [WRITE_OP] = "REPLACE INTO ops VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [WRITE_DEAL] = "REPLACE INTO deals VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [WRITE_GONE] = "DELETE FROM to_come WHERE deal = ?",
    [WRITE_TO_COME] = "REPLACE INTO to_come VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [WRITE_MESSAGE] = "REPLACE INTO messages VALUES (?,?,?,?,?,?)",
};

/* ---- Statements */

/* Runs a statement with values: i uint64_t, t text or NULL, z mpz_t, b bytes and size_t. After the first failure
 * nothing is done. */
static void run(world_file *f, int which, const char *kinds, ...)
{
    sqlite3_stmt *s = f->writes[which];
    va_list args;
    va_start(args, kinds);
    for (int i = 1; kinds[i - 1] != '\0' && f->result == SQLITE_OK; i++) {
        if (kinds[i - 1] == 'i') {
            f->result = sqlite3_bind_int64(s, i, (sqlite3_int64)va_arg(args, uint64_t));
        } else if (kinds[i - 1] == 't') {
            f->result = sqlite3_bind_text(s, i, va_arg(args, const char *), -1, SQLITE_TRANSIENT);
        } else if (kinds[i - 1] == 'b') {
            const void *data = va_arg(args, const void *);
            f->result = sqlite3_bind_blob(s, i, data, (int)va_arg(args, size_t), SQLITE_TRANSIENT);
        } else {
            char *text = mpz_get_str(NULL, 10, va_arg(args, mpz_srcptr));
            f->result = sqlite3_bind_text(s, i, text, -1, free);
        }
    }
    va_end(args);
    if (f->result == SQLITE_OK) {
        int got = sqlite3_step(s);
        f->result = got == SQLITE_DONE || got == SQLITE_ROW ? SQLITE_OK : got;
    }
    (void)sqlite3_reset(s);
}

/* ---- Writing */

static uint64_t u(uint64_t number)
{
    return number;
}

static void write_shared(world_file *f, const world *w, const world_deal *d)
{
    const channel *c = d->channel;
    const scenario_client *client = &w->scenario->clients[d->client];
    run(f, WRITE_WALLET, "itz", u(d->client), client->name, w->wallets[d->client]);
    run(f, WRITE_CHANNEL, "iittbizzzii", u(c->client), u(c->provider), client->name,
        w->scenario->providers[d->provider].name, c->address, (size_t)ADDRESS_LEN, u(c->exists), c->funds, c->pending,
        c->granted, c->arrivals, c->arrived);
    for (size_t i = 0; i < c->lane_count; i++) {
        const lane *l = &c->lanes[i];
        if (l->changed) {
            run(f, WRITE_LANE, "iiiiiizzz", u(c->client), u(c->provider), u(i), l->deal, l->nonce, l->taken_nonce,
                l->granted, l->held, l->before);
        }
    }
}

/* As the wire has it; the caller's. */
static char *text_of_kept(reply *kept)
{
    json_t *json = kept != NULL ? wire_of_step(&(world_step){.kind = STEP_ANSWER, .answer = kept}) : NULL;
    char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    return text;
}

static void write_ops(world_file *f, const world_deal *d)
{
    for (size_t i = 0; i < d->asked_count; i++) {
        const asked *a = &d->asked[i];
        if (a->changed) {
            char *kept = text_of_kept(a->kept);
            run(f, WRITE_OP, "iiiitiiiiiiiiiitt", d->id, a->sequence, u(a->op), u(a->nth), world_op_name(a->op),
                u(a->asks), u(a->effects), u(a->attempt), u(a->outcome), u(a->told), a->at, a->answered, a->args,
                u(a->flag), a->number, a->text, kept);
            free(kept);
        }
    }
    for (size_t i = d->messages_written; i < d->message_count; i++) {
        const message *m = &d->messages[i];
        run(f, WRITE_MESSAGE, "iiiiiz", d->id, u(i), m->lands, u(m->lost), u(m->top_up), m->amount);
    }
}

/* Answers are not kept: their ops are asked again. Nor is that money came: who waits for it is told when it is back. */
static void write_to_come(world_file *f, const world_deal *d)
{
    run(f, WRITE_GONE, "i", d->id);
    for (size_t i = 0; i < d->thing_count; i++) {
        const thing *t = &d->things[i];
        const outside *e = &t->event;
        if (t->what != THING_ANSWER && t->what != THING_REPEAT && t->what != THING_RESUME && t->what != THING_MONEY) {
            run(f, WRITE_TO_COME, "iiiiiiiiiiibt", d->id, t->order, t->time, u(t->what), u(t->sent), t->base,
                t->promised, u(t->message), u(e->event), u(e->kind), e->number, e->amount, e->amount_len, e->text);
        }
    }
}

static void write_deal(world_file *f, const world_deal *d)
{
    const serving *s = &d->serving;
    run(f, WRITE_DEAL, "iiiiiiiizziiiiiiiiiiiiiizz", d->id, d->now, d->revision, d->orders, d->transfer, d->vouchers,
        u(d->in_flight), u(d->silent), d->added, d->topped_up, d->seen, u(d->settled), u(s->stage), u(s->after),
        u(s->struck), s->turn, u(s->again), u(s->asked_ahead), u(s->last), u(s->closed), s->sent, s->paid, s->asked,
        s->interval, s->owed, s->due);
}

/* All that is new of a deal, in one transaction. */
static bool write_all(world_file *f, const world *w, const world_deal *d)
{
    f->result = SQLITE_OK;
    run(f, WRITE_BEGIN, "");
    write_shared(f, w, d);
    write_ops(f, d);
    write_to_come(f, d);
    write_deal(f, d);
    run(f, WRITE_COMMIT, "");
    if (f->result != SQLITE_OK) {
        (void)snprintf(f->error, sizeof f->error, "the world's books cannot be written: %s",
                       sqlite3_errmsg(f->database));
        (void)sqlite3_exec(f->database, "ROLLBACK", NULL, NULL, NULL);
    }
    return f->result == SQLITE_OK;
}

static void mark_written(world_deal *d)
{
    for (size_t i = 0; i < d->channel->lane_count; i++) {
        d->channel->lanes[i].changed = false;
    }
    for (size_t i = 0; i < d->asked_count; i++) {
        d->asked[i].changed = false;
    }
    d->messages_written = d->message_count;
}

void file_save(world *w, world_deal *d)
{
    world_file *f = w->file;
    if (f == NULL || w->broken != NULL) {
        return;
    }
    bool waited = false;
    while (!write_all(f, w, d)) {
        if (w->options.wait == NULL || !w->options.wait(w->options.ctx, f->error)) {
            world_break(w, f->error);
            return;
        }
        waited = true;
    }
    mark_written(d);
    if (waited) {
        (void)w->options.wait(w->options.ctx, NULL);
    }
}

/* ---- Opening */

bool file_refuse(sqlite3 *database, const char *path, text_why *why)
{
    return text_refuse(why, "%s: the world's books: %s", path, sqlite3_errmsg(database));
}

sqlite3 *file_connect(const char *path, int flags, text_why *why)
{
    sqlite3 *database = NULL;
    if (sqlite3_open_v2(path, &database, flags, NULL) != SQLITE_OK ||
        sqlite3_busy_timeout(database, BUSY_MILLISECONDS) != SQLITE_OK) {
        (void)file_refuse(database, path, why);
        (void)sqlite3_close(database);
        return NULL;
    }
    return database;
}

static bool prepare(world_file *f, const char *path, text_why *why)
{
    for (int i = 0; i < WRITE_COUNT; i++) {
        if (sqlite3_prepare_v3(f->database, WRITES[i], -1, SQLITE_PREPARE_PERSISTENT, &f->writes[i], NULL) !=
            SQLITE_OK) {
            return file_refuse(f->database, path, why);
        }
    }
    return true;
}

/* The row of what the books are of; with more deals than before, it says so. */
static bool name_world(world_file *f, const world *w, const char *path, const char *of, text_why *why)
{
    sqlite3_stmt *s = NULL;
    static const char row[] = "INSERT INTO world VALUES (?,?,?,?)";
    bool ok = sqlite3_exec(f->database, "DELETE FROM world", NULL, NULL, NULL) == SQLITE_OK &&
              sqlite3_prepare_v2(f->database, row, -1, &s, NULL) == SQLITE_OK &&
              sqlite3_bind_int(s, 1, WORLD_FILE_LAYOUT) == SQLITE_OK &&
              sqlite3_bind_text(s, 2, of, -1, SQLITE_TRANSIENT) == SQLITE_OK &&
              sqlite3_bind_int64(s, 3, (sqlite3_int64)w->options.deals) == SQLITE_OK &&
              sqlite3_bind_int64(s, 4, (sqlite3_int64)w->options.seed) == SQLITE_OK && sqlite3_step(s) == SQLITE_DONE;
    (void)sqlite3_finalize(s);
    return ok || file_refuse(f->database, path, why);
}

static bool set_up(world_file *f, world *w, const char *path, const char *of, bool fresh, text_why *why)
{
    /* A commit is safe from the death of this process, not from a power cut, after which the books are whole but may lack
     * the last commits: a sync for each answer would halve the speed, and the outside world is elsewhere when a node's
     * power is cut. */
    static const char settings[] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; BEGIN IMMEDIATE;";
    if (sqlite3_exec(f->database, settings, NULL, NULL, NULL) != SQLITE_OK ||
        (fresh && sqlite3_exec(f->database, TABLES, NULL, NULL, NULL) != SQLITE_OK)) {
        return file_refuse(f->database, path, why);
    }
    return name_world(f, w, path, of, why) &&
           (sqlite3_exec(f->database, "COMMIT", NULL, NULL, NULL) == SQLITE_OK ||
            file_refuse(f->database, path, why)) &&
           prepare(f, path, why) && (fresh || file_load(w, f->database, path, why));
}

static bool same_world(const world *w, const char *path, const char *of, const world_file_info *info, text_why *why)
{
    if (strcmp(info->scenario, of) != 0) {
        return text_refuse(why, "%s: expected the books of this scenario, found those of another one", path);
    }
    if (info->seed != w->options.seed || info->deals > w->options.deals) {
        return text_refuse(
            why, "%s: expected books of seed %llu and up to %llu deals, found seed %llu and %llu deals: run with those",
            path, (unsigned long long)w->options.seed, (unsigned long long)w->options.deals,
            (unsigned long long)info->seed, (unsigned long long)info->deals);
    }
    return true;
}

bool world_file_open(world *w, const char *path, const char *of, text_why *why)
{
    world_file_info info;
    if (!world_file_info_of(path, &info, why)) {
        return false;
    }
    bool fresh = info.scenario == NULL;
    bool ok = fresh || same_world(w, path, of, &info, why);
    free(info.scenario);
    world_file *f = ok ? calloc(1, sizeof *f) : NULL;
    if (f == NULL) {
        return ok ? text_refuse(why, "out of memory") : false;
    }
    f->database = file_connect(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, why);
    w->file = f;
    ok = f->database != NULL && set_up(f, w, path, of, fresh, why);
    if (!ok) {
        file_close(w);
    }
    return ok;
}

void file_close(world *w)
{
    world_file *f = w->file;
    if (f == NULL) {
        return;
    }
    for (int i = 0; i < WRITE_COUNT; i++) {
        (void)sqlite3_finalize(f->writes[i]);
    }
    (void)sqlite3_close(f->database);
    free(f);
    w->file = NULL;
}
