/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A call gets to a machine, a swap begins and stops the deal there, the machine says so, the move is over: only then
 * does the library see the answer. Whoever made the call hears nothing of all that, and what he brought is not lost. */
#include "swap_kit.h"

/* How the move ends that the call meets: the deal is where it was. */
typedef enum way {
    FAILS,  /* its put fails */
    STAYS,  /* it has stalled, and waits where it is */
    TRIED,  /* it was but tried */
    RETURNS /* it has moved, and was taken back: the machine did not even find it */
} way;
enum { WAYS = RETURNS + 1 };

/* What the call brings. */
typedef enum brings { EVENT, CANCEL, ANSWER } brings;
enum { BRINGS = ANSWER + 1, MOST_STEPS = 60, PATIENCE = 20 };

typedef struct meeting {
    rig *r;
    dealfsm_swap *swap;
    way way;
    bool over; /* the machine has answered, and the move is over */
} meeting;

/* A put that moves a deal is always needed where the version is another one. */
static rig *world(bool other)
{
    const char *const modules[] = {"client-1.0.9", other ? "client-1.28.3" : "client-1.0.9"};
    dealfsm_module_info info = {.struct_size = sizeof info};
    rig *r = rig_new(modules, 2);
    r->store = r->pending = true;
    WORKS(dealfsm_host_module_info(r->sides[0].module, &info, &error));
    rig_open(r, 0, rig_faulty(info.functions));
    rig_open(r, 1, NULL);
    rig_create(r);
    return r;
}

static void go(const meeting *m, uint32_t phase, int32_t expected)
{
    ck_assert_int_eq(dealfsm_swap_go(m->swap, phase, NULL), expected);
}

static bool is_putting(const rig *r)
{
    for (uint32_t i = 0; i < r->actions_count; i++)
        if (r->actions[i].kind == RIG_LAND)
            return true;
    return false;
}

static void block(rig *r)
{
    const dealfsm_value none = {.struct_size = sizeof none, .kind = DEALFSM_U64};
    const dealfsm_event event = {.struct_size = sizeof event,
                                 .event = DEALFSM_ClientEventBlocksReceived,
                                 .args = &none,
                                 .args_count = 1,
                                 .args_stride = sizeof none};
    r->handed_in++;
    int32_t result = dealfsm_host_dispatch(r->host, r->deal, &event, NULL, NULL);
    MUST_SAY(result >= 0 || result == DEALFSM_E_TERMINATED || result == DEALFSM_E_INVALID_TRANSITION, "blocks: %d",
             (int)result);
}

/* ---- While the call is in the machine */

static void settle(const meeting *m, bool back)
{
    int32_t result = DEALFSM_ACCEPTED;
    for (int i = 0; i < PATIENCE && result == DEALFSM_ACCEPTED; i++) {
        rig_land(m->r);
        result = back ? dealfsm_swap_revert(m->swap, NULL) : dealfsm_swap_go(m->swap, DEALFSM_SWAP_COMMITTED, NULL);
    }
    ck_assert_int_eq(result, DEALFSM_OK);
    ck_assert_uint_eq(rig_where(m->r), !back);
}

static void stop_deal(void *ctx)
{
    const meeting *m = ctx;
    if (m->way == FAILS)
        m->r->fail_put = m->r->puts + 1;
    if (m->way == RETURNS)
        settle(m, false);
    else
        go(m, m->way == TRIED ? DEALFSM_SWAP_PREPARED : DEALFSM_SWAP_COMMITTED, DEALFSM_ACCEPTED);
}

static void end_move(void *ctx, int32_t result)
{
    meeting *m = ctx;
    dealfsm_swap_progress now = {.struct_size = sizeof now};
    ck_assert_int_eq(result, m->way == RETURNS ? DEALFSM_E_NOT_FOUND : DEALFSM_E_FROZEN);
    if (m->way == RETURNS)
        settle(m, true);
    else
        ck_assert(rig_land(m->r));
    WORKS(dealfsm_swap_look(m->swap, &now, &error));
    ck_assert_uint_eq(now.count[DEALFSM_SWAP_MOVING], 0);
    ck_assert_uint_eq(rig_where(m->r), 0);
    m->over = true;
}

/* ---- The call */

/* Brings the deal to where the swap can meet it so. false: it is not the moment for it. */
static bool prepare(meeting *m, brings what)
{
    rig *r = m->r;
    bool open = r->actions_count > 0 && r->actions[0].kind == RIG_ANSWER;
    if (rig_query(r).flags & DEALFSM_DEAL_FINAL || (what == ANSWER && !open) || is_putting(r))
        return false;
    if (m->way == TRIED || m->way == STAYS) { /* a put under way when the swap begins to move it, or to try it */
        if (m->way == STAYS) {
            go(m, DEALFSM_SWAP_PREPARED, DEALFSM_OK);
            r->fail_put = r->puts + 1;
        }
        block(r);
        return is_putting(r);
    }
    if (m->way == FAILS) { /* it can move now */
        dealfsm_swap_progress now = {.struct_size = sizeof now};
        go(m, DEALFSM_SWAP_PREPARED, DEALFSM_OK);
        WORKS(dealfsm_swap_look(m->swap, &now, &error));
        return now.count[DEALFSM_SWAP_MOVES] == 1;
    }
    return true;
}

static void bring(meeting *m, brings what)
{
    const dealfsm_event cancel = {.struct_size = sizeof cancel, .event = DEALFSM_ClientEventCancel};
    rig_fault.ctx = m;
    rig_fault.before = stop_deal;
    rig_fault.after = end_move;
    switch (what) {
    case EVENT:
        block(m->r);
        break;
    case CANCEL:
        m->r->handed_in++;
        WORKS(dealfsm_host_dispatch(m->r->host, m->r->deal, &cancel, NULL, &error));
        break;
    case ANSWER:
        rig_step(m->r);
        break;
    }
    ck_assert_msg(m->over, "the call did not get to the machine");
}

static void finish(rig *r, brings what)
{
    if (what != CANCEL) {
        rig_finish(r);
        return;
    }
    for (unsigned steps = 0; rig_step(r); steps++)
        ck_assert_uint_lt(steps, 1000);
    ck_assert_uint_eq(rig_query(r).status, DEALFSM_DealStatusCancelled);
    ck_assert_uint_eq(r->handed_in, r->ended);
}

static bool meets(way end, brings what, unsigned at)
{
    meeting m = {.r = world(end == FAILS), .way = end};
    for (unsigned i = 0; i < at; i++)
        rig_step(m.r);
    WORKS(dealfsm_swap_begin(m.r->host, m.r->sides[0].generation, m.r->sides[1].generation, NULL, &m.swap, &error));
    bool met = prepare(&m, what);
    if (met)
        bring(&m, what);
    finish(m.r, met ? what : EVENT);
    WORKS(dealfsm_swap_end(m.swap, &error));
    rig_free(m.r);
    return met;
}

START_TEST(the_move_is_over)
{
    unsigned met = 0;
    for (unsigned at = 0; at < MOST_STEPS; at++)
        met += meets((way)(_i / BRINGS), (brings)(_i % BRINGS), at);
    ck_assert_uint_gt(met, 5);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("swap: calls that meet a move");
    TCase *tests = tcase_create("meets");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, the_move_is_over, 0, WAYS * BRINGS);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
