/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Every record of the golden vectors and every prefix of every trace, moved to each other version by the loaded modules: as the
 * page of migrations says, or a no that the page has, too. There and back without an event between: the same bytes. Over two
 * versions in one go: the same as step by step. */
#include "move_oracle.h"

enum { TIME_LIMIT = 300, REPORT = 120 };

typedef struct tries {
    int version; /* of the vectors */
    values_arena *arena;
    parcel *origin, *moved, *back, *between, *again;
    move_host host;
    bool puts_fail;
    uint64_t moves, stays, refused, returned; /* how many ended so */
    const char *name;                         /* of the line */
} tries;

/* ---- One move, held against the page */

static bool same_span(const uint8_t *a, uint64_t a_len, const uint8_t *b, uint64_t b_len)
{
    return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

static void check_side(const tries *t, const expected *e, const parcel_side *before, const parcel_side *found)
{
    MUST_SAY(found->sequence == before->sequence && found->revision == before->revision, "%s: sequence", t->name);
    MUST_SAY(found->carried > 0, "%s: nothing is carried", t->name);
    MUST_SAY(found->mark == e->side.mark, "%s: mark %u instead of %u", t->name, found->mark, e->side.mark);
    MUST_SAY((found->owed & OWED) == (e->side.owed & OWED), "%s: owed %u", t->name, found->owed);
    MUST_SAY(found->queued == e->side.queued, "%s: %u events", t->name, found->queued);
    for (uint32_t i = 0; i < found->queued; i++) {
        const parcel_event *x = &found->queue[i], *y = &e->side.queue[i];
        MUST_SAY(x->event == y->event && x->count == y->count && x->raised == y->raised, "%s: event %u", t->name, i);
        for (uint32_t k = 0; k < x->count; k++)
            MUST_SAY(x->args[k].kind == y->args[k].kind && x->args[k].number == y->args[k].number &&
                         same_span(x->args[k].data, x->args[k].data_len, y->args[k].data, y->args[k].data_len) &&
                         same_span(x->args[k].data2, x->args[k].data2_len, y->args[k].data2, y->args[k].data2_len),
                     "%s: argument %u of event %u", t->name, k, i);
    }
}

static void check_record(const tries *t, expected *e, const parcel *found)
{
    dealfsm_record record;
    parcel_record(found, &record);
    if (found->version == C) { /* how C writes it is the business of its own tests */
        e->record.selector = record.selector;
        e->record.selector_len = record.selector_len;
    }
    const description *machine = &move_module_of(found->version)->machine;
    const dealfsm_field_info *field = values_record_difference(machine, &e->record, &record);
    MUST_SAY(field == NULL, "%s: status %" PRIu64 ": %s", t->name, e->record.status, field ? field->name : "");
}

static expected expect(const tries *t, const parcel *from, int to)
{
    expected e = {.arena = t->arena};
    parcel_record(from, &e.record);
    parcel_read(from, &e.side);
    if (from->sidecar_len == 0 && from->version == C && e.record.legacy_protocol)
        e.side.mark = MARK_UNKNOWN;
    oracle_move(&e, from->version, to);
    return e;
}

/* Moves; *e is what the page says. True: it moved. `was`: the deal on `to` before it came to `from`, or NULL. */
static bool move_as_told(tries *t, const parcel *from, int to, const parcel *was, parcel *out, expected *e)
{
    dealfsm_error error;
    *e = expect(t, from, to);
    if (was != NULL && e->no == 0 && e->side.queued > 0) {
        dealfsm_record record;
        parcel_record(was, &record);
        if (record.status != e->record.status) /* a queued event leads elsewhere: it comes first */
            e->no = SAYS_STAYS;
    }
    int32_t code = move_parcel(from, to, out, &error);
    bool selector = code == DEALFSM_E_REFUSED && to == C && strstr(error.text, "selector") != NULL;
    MUST_SAY(selector || (code == DEALFSM_OK && e->no == 0) || (code == DEALFSM_E_STAYS && e->no & SAYS_STAYS) ||
                 (code == DEALFSM_E_REFUSED && e->no & SAYS_REFUSED),
             "%s: %s to %s, status %" PRIu64 ": the page says %u, found %d (%.*s)", t->name,
             move_module_of(from->version)->version, move_module_of(to)->version, e->record.status, e->no, code, REPORT,
             error.text);
    if (code != DEALFSM_OK)
        *(code == DEALFSM_E_STAYS ? &t->stays : &t->refused) += 1;
    return code == DEALFSM_OK;
}

/* ---- There, back, and over the one between */

static bool same_parcel(const parcel *a, const parcel *b)
{
    return same_span(a->record, a->record_len, b->record, b->record_len) &&
           same_span(a->sidecar, a->sidecar_len, b->sidecar, b->sidecar_len);
}

static void check_steps(tries *t, const parcel *from, int to)
{
    dealfsm_error error;
    if (from->version + to != A + C)
        return;
    MUST_SAY(move_parcel(from, B, t->between, &error) == DEALFSM_OK, "%s: %s", t->name, error.text);
    MUST_SAY(move_parcel(t->between, to, t->again, &error) == DEALFSM_OK, "%s: %s", t->name, error.text);
    MUST_SAY(same_parcel(t->moved, t->again), "%s: in one go it is another deal than step by step", t->name);
}

static void check_moves(tries *t, const parcel *origin, bool no_queue)
{
    for (int to = A; to < VERSIONS; to++) {
        expected e;
        parcel_side before, after;
        if (to == origin->version || !move_as_told(t, origin, to, NULL, t->moved, &e))
            continue;
        t->moves++;
        parcel_read(origin, &before);
        parcel_read(t->moved, &after);
        check_record(t, &e, t->moved);
        check_side(t, &e, &before, &after);
        check_steps(t, origin, to);
        bool changed = e.queue_changed || !no_queue;
        if (!move_as_told(t, t->moved, origin->version, origin, t->back, &e))
            continue;
        t->returned++;
        MUST_SAY(same_span(origin->record, origin->record_len, t->back->record, t->back->record_len),
                 "%s: there and back by %s: status %" PRIu64 ", with %u events: other bytes", t->name,
                 move_module_of(to)->version, e.record.status, before.queued);
        parcel_read(t->back, &after);
        MUST_SAY(changed || after.queued == before.queued, "%s: there and back, another queue", t->name);
        values_arena_clear(t->arena);
    }
    values_arena_clear(t->arena);
}

static void begin(tries *t, int version)
{
    *t = (tries){.version = version, .arena = values_arena_new(), .name = ""};
    parcel **all[] = {&t->origin, &t->moved, &t->back, &t->between, &t->again};
    MUST(t->arena != NULL);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        *all[i] = malloc(sizeof **all[i]);
        MUST(*all[i] != NULL);
    }
}

static void end(tries *t)
{
    parcel *all[] = {t->origin, t->moved, t->back, t->between, t->again};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
    values_arena_free(t->arena);
    MUST(t->moves > 0 && t->stays + t->refused > 0 && t->returned > 0);
}

/* ---- Records */

static void try_record(void *ctx, const json_t *line)
{
    tries *t = ctx;
    move_bare(t->version, t->arena, json_object_get(line, "record"), t->origin);
    check_moves(t, t->origin, true);
}

START_TEST(records)
{
    tries t;
    begin(&t, _i);
    t.name = "a record";
    move_lines(_i, "records.jsonl.gz", try_record, &t);
    end(&t);
}
END_TEST

/* ---- Traces */

/* What a live deal says of its pending call is what its host knows: a once op was asked in this run, or not. */
static void check_asked(const tries *t, const parcel *p)
{
    parcel_side side;
    parcel_read(p, &side);
    bool says = side.owed & ASKED_ONCE, was = t->host.once_asked == side.sequence + 1;
    MUST_SAY(!(side.owed & OWED) || says == was, "%s: owed %u", t->name, side.owed);
}

/* The live deal says the same as its snapshot does on the way down. */
static void check_live(tries *t, uint64_t deal, int to)
{
    dealfsm_error error = {.struct_size = sizeof error}, other;
    int32_t code = move_give(&t->host, deal, to, t->moved, &error);
    int32_t of_snapshot = move_parcel(t->origin, to, t->again, &other);
    MUST_SAY(code == of_snapshot && strcmp(error.text, other.text) == 0, "%s: %s, %s", t->name, error.text, other.text);
    MUST_SAY(code != DEALFSM_OK || same_parcel(t->moved, t->again), "%s: live it is another deal", t->name);
}

/* The deal as it stands now. */
static void check_now(tries *t, uint64_t deal)
{
    dealfsm_error error = {.struct_size = sizeof error};
    parcel_side side;
    MUST(move_give(&t->host, deal, t->version, t->origin, &error) == DEALFSM_OK);
    parcel_read(t->origin, &side);
    check_asked(t, t->origin);
    check_moves(t, t->origin, side.queued == 0);
    for (int to = A; to < t->version; to++)
        check_live(t, deal, to);
}

/* Every put fails once: what is accepted and what a handler raises stands in the queue then. */
static void let_puts_fail(tries *t, uint64_t deal)
{
    dealfsm_deal shown = {.struct_size = sizeof shown};
    const dealfsm_functions *f = move_module_of(t->version)->f;
    MUST(f->query(t->host.machine, deal, &shown, NULL) == DEALFSM_OK);
    while (shown.flags & DEALFSM_DEAL_STALLED) {
        check_now(t, deal);
        t->host.puts_fail = false;
        t->host.fail_next = true;
        MUST(f->retry(t->host.machine, deal, NULL, NULL) >= 0);
        shown = (dealfsm_deal){.struct_size = sizeof shown};
        MUST(f->query(t->host.machine, deal, &shown, NULL) == DEALFSM_OK);
    }
}

static void try_trace(void *ctx, const json_t *line)
{
    tries *t = ctx;
    values_arena *arena = values_arena_new();
    const json_t *steps = json_object_get(line, "steps"), *equal = json_object_get(line, "equal_steps");
    const size_t count = equal == NULL ? json_array_size(steps) : (size_t)json_integer_value(equal);
    dealfsm_error error = {.struct_size = sizeof error};
    t->name = json_string_value(json_object_get(line, "name"));
    t->name = t->name ? t->name : "a trace";
    t->host.open = (move_op){0};
    t->host.once_asked = 0;
    move_bare(t->version, arena, json_object_get(line, "record"), t->origin);
    uint64_t deal = t->origin->deal;
    MUST(move_take(&t->host, t->origin, 0, &error) == DEALFSM_OK);
    MUST(move_module_of(t->version)->f->activate(t->host.machine, deal, NULL, NULL) >= 0);
    for (size_t i = 0; i < count; i++) {
        t->host.puts_fail = t->puts_fail;
        move_step(&t->host, arena, deal, json_array_get(steps, i));
        let_puts_fail(t, deal);
        check_now(t, deal);
    }
    t->host.puts_fail = t->host.fail_next = false;
    move_drop(&t->host, deal);
    values_arena_free(arena);
}

START_TEST(traces)
{
    tries t;
    begin(&t, _i % VERSIONS);
    t.puts_fail = _i >= VERSIONS;
    move_host_open(&t.host, t.version);
    move_lines(t.version, "traces.jsonl.gz", try_trace, &t);
    move_host_close(&t.host);
    end(&t);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("move_vectors");
    TCase *tests = tcase_create("vectors");
    tcase_set_timeout(tests, TIME_LIMIT);
    suite_add_tcase(suite, tests);
    tcase_add_loop_test(tests, records, A, VERSIONS);
    tcase_add_loop_test(tests, traces, 0, 2 * VERSIONS);
    return run_suite(suite);
}
