/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Every golden trace twice: in a machine alone, and through the host library, where the deal is swapped to another machine of its
 * version before each step, to and fro. Nobody can tell: the same results, the same ops under the same keys, the same notices in
 * the same order, and after each step the same deal. */
#include <dealfsm/swap.h>

#include "host_kit.h"
#include "move_kit.h"

enum { TIME_LIMIT = 300, SEEN_MOST = 256, ANSWERS_MOST = 1024, SIDES = 2 };

/* ---- What one can see of a deal */

typedef enum seen_kind { SEEN_OP = 1, SEEN_NOTICE, SEEN_RESULT } seen_kind;
typedef struct seen {
    seen_kind kind;
    uint64_t number, sequence, more, from, to;
    int64_t result;
} seen;

typedef struct life {
    seen list[SEEN_MOST]; /* of the present step */
    unsigned count;
    move_op open;
} life;

static void see(life *l, seen s)
{
    MUST(l->count < SEEN_MOST);
    l->list[l->count++] = s;
}

static void see_notice(void *ctx, const dealfsm_notice *n)
{
    see(ctx, (seen){.kind = SEEN_NOTICE,
                    .number = n->event->event,
                    .sequence = n->sequence,
                    .more = n->kind << 1 | n->from_handler,
                    .from = n->from,
                    .to = n->to,
                    .result = n->reason});
}

static dealfsm_subscription everything(life *l)
{
    return (dealfsm_subscription){.struct_size = sizeof(dealfsm_subscription),
                                  .flags = DEALFSM_SUBSCRIBE_ALL | DEALFSM_SUBSCRIBE_REFUSALS,
                                  .ctx = l,
                                  .notify = see_notice};
}

static void see_op(life *l, const dealfsm_op *op)
{
    l->open = (move_op){op->op, op->sequence, op->nth, op->flags};
    see(l, (seen){.kind = SEEN_OP, .number = op->op, .sequence = op->sequence, .more = op->nth});
}

/* ---- The two of them */

typedef struct swapped {
    dealfsm_host *host;
    uint32_t generations[SIDES];
    unsigned at; /* the side that has the deal */
    dealfsm_answer answers[ANSWERS_MOST]; /* given in this trace: a handler that was moved asks for them again */
    unsigned answers_count;
    uint64_t swaps;
    life life;
} swapped;

typedef struct pair {
    int version;
    move_host alone;
    life alone_life;
    swapped two;
    parcel *bare, *ours, *theirs;
    const char *name;
} pair;

static pair both;

static void asked_alone(move_host *h, const dealfsm_op *op)
{
    (void)h;
    see_op(&both.alone_life, op);
}

static const dealfsm_answer *given_to(const swapped *s, const dealfsm_op *op)
{
    for (unsigned i = 0; i < s->answers_count; i++) {
        const dealfsm_answer *a = &s->answers[i];
        if (a->op == op->op && a->sequence == op->sequence && a->nth == op->nth)
            return a;
    }
    return NULL;
}

static void asked_swapped(void *ctx, const dealfsm_op *op)
{
    swapped *s = ctx;
    const move_op *open = &s->life.open;
    const dealfsm_answer *given = given_to(s, op);
    bool again = given != NULL || (open->op == op->op && open->sequence == op->sequence && open->nth == op->nth);
    MUST_SAY(!again || op->flags & DEALFSM_OP_ASKED_BEFORE, "%s: op %" PRIu32 " is not marked as asked before", both.name,
             op->op);
    if (given != NULL)
        MUST(dealfsm_host_complete(s->host, given, NULL) >= 0);
    else if (!again)
        see_op(&s->life, op);
}

static int32_t put(void *ctx, const dealfsm_put *row)
{
    (void)ctx;
    MUST(strcmp(row->machine_version, move_module_of(both.version)->version) == 0);
    return DEALFSM_PUT_DURABLE;
}

static void open_swapped(swapped *s, int version)
{
    static dealfsm_environment environment;
    static dealfsm_store_v1 store;
    char path[MOVE_PATH];
    dealfsm_op_fn *f = asked_swapped;
    const dealfsm_subscription all = everything(&s->life);
    uint64_t id;
    *s = (swapped){.host = new_host()};
    environment = (dealfsm_environment){sizeof environment, 0, s, f, f, f, f, f, f, f, f, f, f, f, f};
    store = (dealfsm_store_v1){.struct_size = sizeof store, .ctx = s, .put = put};
    move_module_path(version, path);
    for (unsigned i = 0; i < SIDES; i++) {
        dealfsm_host_services services = {.struct_size = sizeof services,
                                          .environment = &environment,
                                          .store = &store,
                                          .flags = i == 0 ? 0 : DEALFSM_HOST_ASIDE};
        WORKS(dealfsm_host_open(s->host, load(s->host, path), &services, &s->generations[i], &error));
    }
    WORKS(dealfsm_host_subscribe(s->host, &all, &id, &error));
}

static void open_alone(pair *p)
{
    uint64_t id;
    const dealfsm_subscription all = everything(&p->alone_life);
    move_host_open(&p->alone, p->version);
    p->alone.on_op = asked_alone;
    MUST(move_module_of(p->version)->f->subscribe(p->alone.machine, &all, &id, NULL) == DEALFSM_OK);
}

/* ---- A step of each */

static void swap_over(swapped *s)
{
    dealfsm_swap *swap = NULL;
    dealfsm_swap_progress now = {.struct_size = sizeof now};
    WORKS(dealfsm_swap_begin(s->host, s->generations[s->at], s->generations[1 - s->at], NULL, &swap, &error));
    WORKS(dealfsm_swap_go(swap, DEALFSM_SWAP_COMMITTED, &error));
    WORKS(dealfsm_swap_look(swap, &now, &error));
    MUST_SAY(now.phase == DEALFSM_SWAP_COMMITTED && now.count[DEALFSM_SWAP_MOVED] + now.count[DEALFSM_SWAP_ENDED] == 1,
             "%s: the deal has not moved", both.name);
    s->swaps += now.count[DEALFSM_SWAP_MOVED];
    WORKS(dealfsm_swap_end(swap, &error));
    if (now.count[DEALFSM_SWAP_MOVED] == 1)
        s->at = 1 - s->at;
}

static void step_alone(pair *p, values_arena *arena, uint64_t deal, const json_t *step)
{
    const dealfsm_functions *f = move_module_of(p->version)->f;
    dealfsm_event event;
    dealfsm_answer answer;
    int32_t result = DEALFSM_E_ARGUMENT_TYPE;
    if (move_is_answer(step)) {
        move_answer(p->version, arena, deal, &p->alone_life.open, step, &answer);
        p->alone_life.open = (move_op){0};
        result = f->complete(p->alone.machine, &answer, NULL);
    } else if (move_event(arena, step, &event)) {
        result = f->dispatch(p->alone.machine, deal, &event, NULL, NULL);
    }
    see(&p->alone_life, (seen){.kind = SEEN_RESULT, .result = result});
}

static void step_swapped(pair *p, values_arena *arena, uint64_t deal, const json_t *step)
{
    swapped *s = &p->two;
    dealfsm_event event;
    int32_t result = DEALFSM_E_ARGUMENT_TYPE;
    swap_over(s);
    if (move_is_answer(step)) {
        MUST(s->answers_count < ANSWERS_MOST);
        dealfsm_answer *answer = &s->answers[s->answers_count];
        move_answer(p->version, arena, deal, &s->life.open, step, answer);
        s->life.open = (move_op){0};
        s->answers_count++;
        result = dealfsm_host_complete(s->host, answer, NULL);
    } else if (move_event(arena, step, &event)) {
        result = dealfsm_host_dispatch(s->host, deal, &event, NULL, NULL);
    }
    see(&s->life, (seen){.kind = SEEN_RESULT, .result = result});
}

/* ---- Nobody can tell */

static void same_seen(pair *p, size_t step)
{
    life *a = &p->alone_life, *b = &p->two.life;
    MUST_SAY(a->count == b->count, "%s, step %zu: %u things are seen, swapped %u", p->name, step, a->count, b->count);
    for (unsigned i = 0; i < a->count; i++) {
        const seen *x = &a->list[i], *y = &b->list[i];
        MUST_SAY(x->kind == y->kind && x->number == y->number && x->sequence == y->sequence && x->more == y->more &&
                     x->from == y->from && x->to == y->to && x->result == y->result,
                 "%s, step %zu: thing %u is another where it was swapped: %" PRIu64 ", %" PRIu64, p->name, step, i, x->number,
                 y->number);
    }
    a->count = b->count = 0;
}

static void same_deal(pair *p, uint64_t deal, size_t step)
{
    dealfsm_error error = ERROR_INIT;
    parcel_side mine, theirs;
    dealfsm_snapshot out = {.struct_size = sizeof out,
                            .record = p->theirs->record,
                            .record_capacity = sizeof p->theirs->record,
                            .sidecar = p->theirs->sidecar,
                            .sidecar_capacity = sizeof p->theirs->sidecar};
    MUST(move_give(&p->alone, deal, p->version, p->ours, &error) == DEALFSM_OK);
    MUST(dealfsm_host_snapshot(p->two.host, deal, &out, NULL) == DEALFSM_OK);
    p->theirs->version = p->version;
    p->theirs->sidecar_len = out.sidecar_len;
    MUST_SAY(out.record_len == p->ours->record_len && memcmp(p->ours->record, p->theirs->record, out.record_len) == 0,
             "%s, step %zu: another record", p->name, step);
    parcel_read(p->ours, &mine);
    parcel_read(p->theirs, &theirs);
    MUST_SAY(mine.sequence == theirs.sequence && mine.owed == theirs.owed && mine.mark == theirs.mark &&
                 mine.queued == theirs.queued && mine.carried == theirs.carried,
             "%s, step %zu: another sidecar", p->name, step);
}

static void take(pair *p, const json_t *line, values_arena *arena)
{
    dealfsm_error why = ERROR_INIT;
    move_bare(p->version, arena, json_object_get(line, "record"), p->bare);
    const dealfsm_snapshot in = {.struct_size = sizeof in,
                                 .deal = p->bare->deal,
                                 .machine_version = move_module_of(p->version)->version,
                                 .record = p->bare->record,
                                 .record_len = p->bare->record_len};
    MUST(move_take(&p->alone, p->bare, 0, &why) == DEALFSM_OK);
    MUST(move_module_of(p->version)->f->activate(p->alone.machine, in.deal, NULL, NULL) >= 0);
    WORKS(dealfsm_host_restore(p->two.host, p->two.generations[p->two.at], &in, &error));
    WORKS(dealfsm_host_activate(p->two.host, in.deal, NULL, &error));
}

static void try_trace(void *ctx, const json_t *line)
{
    pair *p = ctx;
    values_arena *arena = values_arena_new();
    const json_t *steps = json_object_get(line, "steps"), *equal = json_object_get(line, "equal_steps");
    const size_t count = equal == NULL ? json_array_size(steps) : (size_t)json_integer_value(equal);
    const char *name = json_string_value(json_object_get(line, "name"));
    p->name = name != NULL ? name : "a trace";
    p->two.answers_count = 0;
    p->two.life.open = p->alone_life.open = (move_op){0};
    take(p, line, arena);
    for (size_t i = 0; i < count; i++) {
        step_alone(p, arena, p->bare->deal, json_array_get(steps, i));
        step_swapped(p, arena, p->bare->deal, json_array_get(steps, i));
        same_seen(p, i);
        same_deal(p, p->bare->deal, i);
    }
    move_drop(&p->alone, p->bare->deal);
    dealfsm_host_freeze(p->two.host, p->bare->deal, NULL);
    WORKS(dealfsm_host_drop(p->two.host, p->bare->deal, &error));
    p->alone_life.count = p->two.life.count = 0;
    values_arena_free(arena);
}

START_TEST(traces)
{
    pair *p = &both;
    p->version = _i;
    p->bare = calloc(3, sizeof *p->bare);
    MUST(p->bare != NULL);
    p->ours = p->bare + 1;
    p->theirs = p->bare + 2;
    open_alone(p);
    open_swapped(&p->two, _i);
    move_lines(_i, "traces.jsonl.gz", try_trace, p);
    printf("%s: %" PRIu64 " swaps\n", move_module_of(_i)->version, p->two.swaps);
    ck_assert_uint_gt(p->two.swaps, 1000);
    move_host_close(&p->alone);
    WORKS(dealfsm_host_free(p->two.host, &error));
    free(p->bare);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("swap: vectors");
    TCase *tests = tcase_create("vectors");
    tcase_set_timeout(tests, TIME_LIMIT);
    suite_add_tcase(suite, tests);
    tcase_add_loop_test(tests, traces, A, VERSIONS);
    return run_suite(suite);
}
