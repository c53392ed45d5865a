/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Books as a file: reading. */

#include "wire.h"
#include "world_file_private.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Columns */

static uint64_t number_at(sqlite3_stmt *s, int column)
{
    return (uint64_t)sqlite3_column_int64(s, column);
}

static void amount_at(sqlite3_stmt *s, int column, mpz_t out)
{
    const char *text = (const char *)sqlite3_column_text(s, column);
    if (text == NULL || mpz_set_str(out, text, 10) != 0) {
        mpz_set_ui(out, 0);
    }
}

static const char *text_at(sqlite3_stmt *s, int column)
{
    const char *text = (const char *)sqlite3_column_text(s, column);
    return text != NULL ? text : "";
}

/* ---- Rows. Each false: no memory, or the row is none of this world. */

typedef bool take_row(world *w, sqlite3_stmt *s);

static world_deal *deal_at(world *w, sqlite3_stmt *s, int column)
{
    uint64_t id = number_at(s, column);
    return id >= 1 && id <= w->options.deals ? &w->deals[id - 1] : NULL;
}

static channel *channel_at(world *w, sqlite3_stmt *s)
{
    uint64_t client = number_at(s, 0);
    uint64_t provider = number_at(s, 1);
    bool ok = client < w->scenario->client_count && provider < w->scenario->provider_count;
    return ok ? &w->channels[client * w->scenario->provider_count + provider] : NULL;
}

static bool take_wallet(world *w, sqlite3_stmt *s)
{
    uint64_t client = number_at(s, 0);
    if (client >= w->scenario->client_count) {
        return false;
    }
    amount_at(s, 1, w->wallets[client]);
    return true;
}

static bool take_channel(world *w, sqlite3_stmt *s)
{
    channel *c = channel_at(w, s);
    if (c == NULL) {
        return false;
    }
    c->exists = number_at(s, 2) != 0;
    amount_at(s, 3, c->funds);
    amount_at(s, 4, c->pending);
    amount_at(s, 5, c->granted);
    c->arrivals = number_at(s, 6);
    c->arrived = number_at(s, 7);
    return true;
}

/* In the order of their numbers. */
static bool take_lane(world *w, sqlite3_stmt *s)
{
    channel *c = channel_at(w, s);
    if (c == NULL || number_at(s, 2) != c->lane_count || deal_at(w, s, 3) == NULL) {
        return false;
    }
    lane *l = chain_new_lane(c, number_at(s, 3));
    if (l == NULL) {
        return false;
    }
    l->nonce = number_at(s, 4);
    l->taken_nonce = number_at(s, 5);
    amount_at(s, 6, l->granted);
    amount_at(s, 7, l->held);
    amount_at(s, 8, l->before);
    l->changed = false;
    return true;
}

/* What a new world has in mind for the deal is forgotten. */
static bool take_deal(world *w, sqlite3_stmt *s)
{
    world_deal *d = deal_at(w, s, 0);
    if (d == NULL) {
        return false;
    }
    serving *v = &d->serving;
    d->thing_count = 0;
    d->now = number_at(s, 1);
    d->revision = number_at(s, 2);
    d->orders = number_at(s, 3);
    d->transfer = number_at(s, 4);
    d->vouchers = number_at(s, 5);
    d->in_flight = number_at(s, 6) != 0;
    d->silent = (uint32_t)number_at(s, 7);
    amount_at(s, 8, d->added);
    v->stage = (stage)number_at(s, 9);
    v->after = (stage)number_at(s, 10);
    v->struck = number_at(s, 11) != 0;
    v->turn = number_at(s, 12);
    v->again = number_at(s, 13) != 0;
    v->asked_ahead = number_at(s, 14) != 0;
    v->last = number_at(s, 15) != 0;
    v->closed = number_at(s, 16) != 0;
    v->sent = number_at(s, 17);
    v->paid = number_at(s, 18);
    v->asked = number_at(s, 19);
    v->interval = number_at(s, 20);
    amount_at(s, 21, v->owed);
    amount_at(s, 22, v->due);
    amount_at(s, 23, d->topped_up);
    d->seen = number_at(s, 24);
    d->settled = number_at(s, 25) != 0;
    return true;
}

static bool take_kept(asked *a, const char *text)
{
    json_t *json = json_loads(text, 0, NULL);
    world_step step;
    bool ok = json != NULL && wire_step(json, &step);
    json_decref(json);
    if (!ok) {
        return false;
    }
    a->kept = step.answer != NULL ? calloc(1, sizeof *a->kept) : NULL;
    if (a->kept != NULL) {
        reply_take(a->kept, step.answer);
    }
    world_step_free(&step);
    return a->kept != NULL;
}

static bool take_op(world *w, sqlite3_stmt *s)
{
    world_deal *d = deal_at(w, s, 0);
    asked *a = d != NULL ? asked_add(w, d) : NULL;
    if (a == NULL) {
        return false;
    }
    *a = (asked){.sequence = number_at(s, 1),
                 .op = (uint32_t)number_at(s, 2),
                 .nth = (uint32_t)number_at(s, 3),
                 .asks = (uint32_t)number_at(s, 4),
                 .effects = (uint32_t)number_at(s, 5),
                 .attempt = (uint32_t)number_at(s, 6),
                 .outcome = (uint32_t)number_at(s, 7),
                 .told = (uint32_t)number_at(s, 8),
                 .at = number_at(s, 9),
                 .answered = number_at(s, 10),
                 .args = number_at(s, 11),
                 .flag = number_at(s, 12) != 0,
                 .number = number_at(s, 13)};
    if (sqlite3_column_type(s, 14) != SQLITE_NULL && (a->text = strdup(text_at(s, 14))) == NULL) {
        return false;
    }
    return sqlite3_column_type(s, 15) == SQLITE_NULL || take_kept(a, text_at(s, 15));
}

static bool take_thing(world *w, sqlite3_stmt *s)
{
    world_deal *d = deal_at(w, s, 0);
    thing *t = d != NULL ? time_add(w, d) : NULL;
    if (t == NULL) {
        return false;
    }
    *t = (thing){.order = number_at(s, 1),
                 .time = number_at(s, 2),
                 .what = (thing_kind)number_at(s, 3),
                 .sent = number_at(s, 4) != 0,
                 .base = number_at(s, 5),
                 .promised = number_at(s, 6),
                 .message = (size_t)number_at(s, 7)};
    outside *e = &t->event;
    size_t len = (size_t)sqlite3_column_bytes(s, 11);
    e->event = (uint32_t)number_at(s, 8);
    e->kind = (uint32_t)number_at(s, 9);
    e->number = number_at(s, 10);
    e->amount_len = len <= sizeof e->amount ? len : 0;
    if (e->amount_len > 0) {
        memcpy(e->amount, sqlite3_column_blob(s, 11), e->amount_len);
    }
    (void)snprintf(e->text, sizeof e->text, "%s", text_at(s, 12));
    return t->what <= THING_TOP_UP;
}

/* In the order of their numbers. */
static bool take_message(world *w, sqlite3_stmt *s)
{
    world_deal *d = deal_at(w, s, 0);
    if (d == NULL || number_at(s, 1) != d->message_count) {
        return false;
    }
    message *m = chain_new_message(w, d);
    if (m == NULL) {
        return false;
    }
    m->lands = number_at(s, 2);
    m->lost = number_at(s, 3) != 0;
    amount_at(s, 4, m->amount);
    m->top_up = number_at(s, 5) != 0;
    d->messages_written = d->message_count;
    return true;
}

/* ---- All of it */

static const struct {
    const char *query;
    take_row *take;
} READS[] = {
    {"SELECT client, balance FROM wallets", take_wallet},
    {"SELECT client, provider, existing, funds, pending, granted, arrivals, arrived FROM channels", take_channel},
    {"SELECT client, provider, lane, deal, vouchers, held_voucher, granted, held, held_before FROM lanes"
     " ORDER BY client, provider, lane",
     take_lane},
    {"SELECT deal, now, revision, orders, transfer, vouchers, in_flight, silent, added, stage, stage_after, struck, "
     "turn,"
     " again, asked_ahead, last, closed, sent, paid, asked, interval, owed, due, topped_up, seen, settled FROM deals",
     take_deal},
    {"SELECT deal, sequence, op, nth, asks, effects, attempt, outcome, told, asked_at, answered_at, arguments, flag,"
     " number, error, told_again FROM ops ORDER BY deal, asked_at, sequence",
     take_op},
    {"SELECT deal, step, time, what, sent, base, promised, message, event, kind, number, amount, text FROM to_come",
     take_thing},
    {"SELECT deal, message, lands, lost, amount, top_up FROM messages ORDER BY deal, message", take_message},
};

static bool load_table(world *w, sqlite3 *database, size_t table, const char *path, text_why *why)
{
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(database, READS[table].query, -1, &s, NULL) != SQLITE_OK) {
        return file_refuse(database, path, why);
    }
    bool ok = true;
    int got = SQLITE_ROW;
    while (ok && (got = sqlite3_step(s)) == SQLITE_ROW) {
        ok = READS[table].take(w, s);
    }
    if (!ok) {
        (void)text_refuse(why, "%s: the world's books: a row does not fit (%s)", path, READS[table].query);
    } else if (got != SQLITE_DONE) {
        ok = file_refuse(database, path, why);
    }
    (void)sqlite3_finalize(s);
    return ok;
}

bool file_load(world *w, sqlite3 *database, const char *path, text_why *why)
{
    bool ok = sqlite3_exec(database, "BEGIN", NULL, NULL, NULL) == SQLITE_OK || file_refuse(database, path, why);
    for (size_t i = 0; ok && i < sizeof READS / sizeof READS[0]; i++) {
        ok = load_table(w, database, i, path, why);
    }
    (void)sqlite3_exec(database, "COMMIT", NULL, NULL, NULL);
    return ok;
}

bool world_file_read(world *w, const char *path, text_why *why)
{
    sqlite3 *database = file_connect(path, SQLITE_OPEN_READWRITE, why); /* a WAL is read by those only who may write */
    bool ok = database != NULL && file_load(w, database, path, why);
    (void)sqlite3_close(database);
    return ok;
}

/* The row that says what the books are of. */
static bool take_world(sqlite3_stmt *s, const char *path, world_file_info *info, text_why *why)
{
    const uint64_t layout = number_at(s, 3);
    if (layout != WORLD_FILE_LAYOUT) {
        return text_refuse(
            why,
            "%s: expected a world's books of layout %d, found layout %llu: bring their deals to an end with the "
            "dealfsm that made them, or begin with a new store",
            path, WORLD_FILE_LAYOUT, (unsigned long long)layout);
    }
    info->scenario = strdup(text_at(s, 0));
    info->deals = number_at(s, 1);
    info->seed = number_at(s, 2);
    return info->scenario != NULL || text_refuse(why, "out of memory");
}

bool world_file_info_of(const char *path, world_file_info *info, text_why *why)
{
    *info = (world_file_info){0};
    if (access(path, F_OK) != 0) {
        return true;
    }
    sqlite3 *database = file_connect(path, SQLITE_OPEN_READWRITE, why);
    sqlite3_stmt *s = NULL;
    if (database == NULL) {
        return false;
    }
    static const char count[] = "SELECT count(*) FROM sqlite_schema";
    static const char row[] = "SELECT scenario, deals, seed, layout FROM world";
    bool ok = sqlite3_prepare_v2(database, count, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW;
    bool blank = ok && number_at(s, 0) == 0; /* killed while it was being made */
    (void)sqlite3_finalize(s);
    s = NULL;
    if (!ok) {
        (void)file_refuse(database, path, why);
    } else if (!blank) {
        ok = sqlite3_prepare_v2(database, row, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW;
        ok = ok ? take_world(s, path, info, why)
                : text_refuse(why, "%s: expected a world's books, found another database", path);
        (void)sqlite3_finalize(s);
    }
    (void)sqlite3_close(database);
    return ok;
}
