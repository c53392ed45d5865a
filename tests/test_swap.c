/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Swapping at every moment of a deal: dispatched, asked, answered, put, landed, told. */
#include "swap_kit.h"

#ifdef DEALFSM_SWAP_PLANTS
/* tests/program-swap-plants: which bug is planted. */
bool swap_planted(char which);
bool swap_planted(char which)
{
    const char *planted = getenv("SWAP_PLANT");
    return planted != NULL && strchr(planted, which) != NULL;
}
#endif

static const char *const SAME[] = {"client-0.5.6", "client-0.5.6"};

/* How the world behaves, by the number of a loop test. */
enum { WORLDS = 6, MOST_STEPS = 60 };
static rig *world(int number, const char *const *modules, uint32_t count)
{
    rig *r = rig_new(modules, count);
    r->sync = number % 2;
    r->store = number >= 2;
    r->pending = number >= 4;
    for (uint32_t i = 0; i < count; i++)
        rig_open(r, i, NULL);
    return r;
}

static dealfsm_swap *begin(rig *r, uint32_t from, uint32_t to)
{
    dealfsm_swap *swap = NULL;
    WORKS(dealfsm_swap_begin(r->host, r->sides[from].generation, r->sides[to].generation, NULL, &swap, &error));
    return swap;
}

static unsigned steps_of(int number)
{
    unsigned steps = 0;
    rig *r = world(number, SAME, 2);
    rig_create(r);
    while (rig_step(r))
        steps++;
    rig_finish(r);
    rig_free(r);
    return steps;
}

/* Goes on until the swap has done it; the deal may need steps for that. */
static void commit(rig *r, dealfsm_swap *swap)
{
    int32_t result;
    while ((result = dealfsm_swap_go(swap, DEALFSM_SWAP_COMMITTED, NULL)) == DEALFSM_ACCEPTED && rig_step(r))
        ;
    MUST_SAY(result == DEALFSM_OK, "commit: %d", (int)result);
}

START_TEST(a_deal_runs_to_its_end)
{
    rig *r = world(_i, SAME, 2);
    rig_create(r);
    rig_finish(r);
    ck_assert_uint_eq(rig_where(r), 0);
    rig_free(r);
}
END_TEST

/* Same version: nobody can tell that there was a swap. */
START_TEST(swapped_at_every_moment)
{
    rig *plain = world(_i, SAME, 2);
    rig_create(plain);
    rig_finish(plain);
    unsigned steps = steps_of(_i);
    for (unsigned at = 0; at <= steps; at++) {
        char what[64];
        snprintf(what, sizeof what, "swapped before step %u", at);
        rig *r = world(_i, SAME, 2);
        rig_create(r);
        for (unsigned i = 0; i < at; i++)
            rig_step(r);
        dealfsm_swap *swap = begin(r, 0, 1);
        commit(r, swap);
        MUST_SAY(rig_where(r) == 1 || rig_query(r).flags & DEALFSM_DEAL_FINAL, "%s: it has not moved", what);
        rig_finish(r);
        rig_same(plain, r, what);
        WORKS(dealfsm_swap_go(swap, DEALFSM_SWAP_FINAL, &error));
        WORKS(dealfsm_swap_end(swap, &error));
        rig_free(r);
    }
    rig_free(plain);
}
END_TEST

/* ---- Other versions: the deal goes on by other rules, and the books balance. */

static const char *const ALL[] = {"client-0.5.6", "client-1.0.9", "client-1.28.3"};

static void revert(rig *r, dealfsm_swap *swap)
{
    int32_t result;
    while ((result = dealfsm_swap_revert(swap, NULL)) == DEALFSM_ACCEPTED && rig_step(r))
        ;
    MUST_SAY(result == DEALFSM_OK, "revert: %d", (int)result);
}

static void steps(rig *r, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        rig_step(r);
}

START_TEST(up_at_every_moment)
{
    unsigned most = steps_of(_i);
    for (unsigned at = 0; at <= most; at++) {
        for (uint32_t to = 1; to < 3; to++) {
            rig *r = world(_i, ALL, 3);
            rig_create(r);
            steps(r, at);
            dealfsm_swap *swap = begin(r, 0, to);
            commit(r, swap);
            rig_finish(r);
            WORKS(dealfsm_swap_end(swap, &error));
            rig_free(r);
        }
    }
}
END_TEST

START_TEST(up_and_back_at_every_moment)
{
    unsigned most = steps_of(_i), back = 0;
    for (unsigned at = 0; at <= most; at++) {
        for (unsigned later = 0; later < 12; later++) {
            rig *r = world(_i, ALL, 3);
            rig_create(r);
            steps(r, at);
            dealfsm_swap *swap = begin(r, 0, 1 + at % 2);
            commit(r, swap);
            steps(r, later);
            revert(r, swap);
            back += rig_where(r) == 0;
            rig_finish(r);
            WORKS(dealfsm_swap_end(swap, &error));
            rig_free(r);
        }
    }
    ck_assert_uint_gt(back, most);
}
END_TEST

/* Events that come at each step: those that find the deal on its way are held, and none is lost or doubled. */
START_TEST(events_come_meanwhile)
{
    uint32_t held = 0;
    for (unsigned at = 0; at < 80; at++) {
        rig *r = world(_i, ALL, 3);
        r->eager = true;
        rig_create(r);
        steps(r, at);
        dealfsm_swap *swap = begin(r, 0, at % 3 == 0 ? 2 : 1);
        commit(r, swap);
        steps(r, at % 7);
        if (at % 2 == 0)
            revert(r, swap);
        r->eager = false;
        while (rig_step(r))
            ;
        held += r->held;
        ck_assert_uint_eq(r->handed_in, r->ended);
        WORKS(dealfsm_swap_end(swap, &error));
        rig_free(r);
    }
    if (_i == 4)
        ck_assert_uint_gt(held, 0);
}
END_TEST

/* ---- On the way: the put that moves the deal is with the store, the op that the old side asked is answered */

/* _i: steps before. Each moment for itself, so that of a planted bug every symptom is seen. */
START_TEST(answered_on_the_way)
{
    for (uint32_t to = 1; to < 3; to++) {
        rig *r = world(4, ALL, 3);
        rig_create(r);
        steps(r, (unsigned)_i);
        bool open = r->actions_count == 1 && r->actions[0].kind == RIG_ANSWER;
        dealfsm_swap *swap = begin(r, 0, to);
        if (open && dealfsm_swap_go(swap, DEALFSM_SWAP_COMMITTED, NULL) == DEALFSM_ACCEPTED) {
            ck_assert_int_eq(dealfsm_swap_settled(r->host, r->deal, NULL), DEALFSM_HELD);
            rig_step(r);
            ck_assert_uint_eq(rig_where(r), 0);
            ck_assert(rig_land(r));
            ck_assert_uint_eq(rig_where(r), to);
        }
        commit(r, swap);
        rig_finish(r);
        WORKS(dealfsm_swap_end(swap, &error));
        rig_free(r);
    }
}
END_TEST

/* An event that was taken and refused later stands in the history, also when the deal moves before a put was due. It
 * comes while a put is under way, moves in the queue, and is refused where no handler runs. */
START_TEST(a_refusal_stays_in_the_history)
{
    static const char *const THREE[] = {"client-0.5.6", "client-0.5.6", "client-0.5.6"};
    const dealfsm_event late = {.struct_size = sizeof late, .event = DEALFSM_ClientEventComplete};
    rig *r = world(4, THREE, 3);
    rig_create(r);
    while (r->actions_count == 0 || r->actions[0].kind != RIG_LAND ||
           r->actions[0].row.status != DEALFSM_DealStatusWaitForAcceptance)
        rig_step(r);
    r->handed_in++;
    ck_assert_int_eq(dealfsm_host_dispatch(r->host, r->deal, &late, NULL, NULL), DEALFSM_ACCEPTED);
    for (uint32_t side = 0; side < 2; side++) {
        dealfsm_swap *swap = begin(r, side, side + 1);
        commit(r, swap);
        ck_assert_uint_eq(rig_where(r), side + 1);
        ck_assert_uint_eq(r->refused, 1);
        WORKS(dealfsm_swap_end(swap, &error));
    }
    ck_assert_uint_eq(r->refused_stored, 1);
    rig_finish(r);
    ck_assert_uint_eq(r->refused_stored, 1);
    rig_free(r);
}
END_TEST

/* ---- Failing */

/* Goes on whatever fails: again and again, as an operator would. */
static void insist(rig *r, dealfsm_swap *swap)
{
    for (unsigned i = 0; i < 100 && rig_where(r) == 0 && !(rig_query(r).flags & DEALFSM_DEAL_FINAL); i++) {
        int32_t result = dealfsm_swap_go(swap, DEALFSM_SWAP_COMMITTED, NULL);
        MUST_SAY(result >= 0 || result == DEALFSM_E_NO_MEMORY, "commit: %d", (int)result);
        if (rig_where(r) == 0)
            rig_step(r);
    }
}

/* The put that moves the deal, and those after it, fails, and may have landed all the same. */
START_TEST(a_put_fails)
{
    rig *plain = world(_i, SAME, 2);
    rig_create(plain);
    rig_finish(plain);
    unsigned most = steps_of(_i);
    for (unsigned at = 0; at <= most; at++) {
        for (unsigned way = 0; way < 12; way++) {
            bool other = way % 2;
            rig *r = world(_i, other ? ALL : SAME, other ? 3 : 2);
            r->landed = way / 2 % 2;
            rig_create(r);
            steps(r, at);
            dealfsm_swap *swap = begin(r, 0, other ? 1 + at % 2 : 1);
            r->fail_put = r->puts + 1 + way / 4;
            insist(r, swap);
            rig_finish(r);
            if (!other)
                rig_same(plain, r, "a put failed");
            WORKS(dealfsm_swap_end(swap, &error));
            rig_free(r);
        }
    }
    rig_free(plain);
}
END_TEST

static void insist_back(rig *r, dealfsm_swap *swap)
{
    int32_t result = DEALFSM_ACCEPTED;
    for (unsigned i = 0; i < 200 && result != DEALFSM_OK; i++) {
        result = dealfsm_swap_revert(swap, NULL);
        MUST_SAY(result >= 0 || result == DEALFSM_E_NO_MEMORY, "revert: %d", (int)result);
        if (result != DEALFSM_OK)
            rig_step(r);
    }
    MUST_SAY(result == DEALFSM_OK, "the deal is not taken back");
}

/* So does the put that takes it back. */
START_TEST(a_put_fails_on_the_way_back)
{
    unsigned most = steps_of(_i);
    for (unsigned at = 0; at <= most; at += 3) {
        for (unsigned way = 0; way < 6; way++) {
            rig *r = world(_i, ALL, 3);
            r->landed = way % 2;
            rig_create(r);
            steps(r, at);
            dealfsm_swap *swap = begin(r, 0, 1 + at % 2);
            commit(r, swap);
            steps(r, at % 4);
            r->fail_put = r->puts + 1 + way / 2;
            insist_back(r, swap);
            rig_finish(r);
            WORKS(dealfsm_swap_end(swap, &error));
            rig_free(r);
        }
    }
}
END_TEST

/* ---- Each call that a swap makes to one of the sides fails: once, or from then on */

/* A world of one version whose side `faulty` fails. */
static rig *faulty_world(int number, uint32_t faulty)
{
    rig *r = rig_new(SAME, 2);
    r->sync = number % 2;
    r->store = number >= 2;
    r->pending = number >= 4;
    for (uint32_t i = 0; i < 2; i++) {
        dealfsm_module_info info = {.struct_size = sizeof info};
        WORKS(dealfsm_host_module_info(r->sides[i].module, &info, &error));
        rig_open(r, i, i == faulty ? rig_faulty(info.functions) : NULL);
    }
    return r;
}

/* Calls that can fail in the swap. */
static uint32_t fail_once(int number, uint32_t side, unsigned at, uint32_t n, bool for_good)
{
    rig *r = faulty_world(number, side);
    rig_create(r);
    steps(r, at);
    rig_fault.calls = 0;
    dealfsm_swap *swap = NULL;
    rig_fault.fail_at = n;
    rig_fault.for_good = for_good;
    if (dealfsm_swap_begin(r->host, r->sides[0].generation, r->sides[1].generation, NULL, &swap, NULL) >= 0)
        for (unsigned i = 0; i < 3; i++)
            dealfsm_swap_go(swap, DEALFSM_SWAP_COMMITTED, NULL);
    rig_fault.fail_at = 0;
    uint32_t calls = rig_fault.calls;
    if (swap == NULL)
        swap = begin(r, 0, 1);
    rig_fault.fail_at = 0;
    /* The module works again. A swap that the failure stopped is begun anew. */
    dealfsm_swap_progress now = {.struct_size = sizeof now};
    WORKS(dealfsm_swap_look(swap, &now, &error));
    if (now.phase == DEALFSM_SWAP_STOPPED) {
        WORKS(dealfsm_swap_end(swap, &error));
        swap = begin(r, 0, 1);
    }
    insist(r, swap);
    rig_finish(r);
    WORKS(dealfsm_swap_end(swap, &error));
    rig_free(r);
    return calls;
}

/* On the way back, from a swap that is confirmed or that could not be. */
static uint32_t fail_back(int number, uint32_t side, unsigned at, uint32_t n, bool for_good)
{
    rig *r = faulty_world(number, side);
    rig_create(r);
    steps(r, at);
    dealfsm_swap *swap = begin(r, 0, 1);
    commit(r, swap);
    rig_fault.calls = 0;
    rig_fault.fail_at = n;
    rig_fault.for_good = for_good;
    int32_t result = dealfsm_swap_go(swap, DEALFSM_SWAP_CONFIRMED, NULL);
    MUST_SAY(result >= 0 || result == DEALFSM_E_NO_MEMORY || result == DEALFSM_E_STATE, "confirm: %d", (int)result);
    for (unsigned i = 0; i < 3; i++)
        dealfsm_swap_revert(swap, NULL);
    rig_fault.fail_at = 0;
    uint32_t calls = rig_fault.calls;
    insist_back(r, swap);
    rig_finish(r);
    WORKS(dealfsm_swap_end(swap, &error));
    rig_free(r);
    return calls;
}

START_TEST(a_call_fails_on_the_way_back)
{
    unsigned most = steps_of(_i);
    for (unsigned at = 0; at <= most; at += 7)
        for (uint32_t side = 0; side < 2; side++)
            for (int for_good = 0; for_good < 2; for_good++)
                for (uint32_t n = 1, calls = 1; n <= calls; n++)
                    calls = fail_back(_i, side, at, n, for_good);
}
END_TEST

START_TEST(a_call_fails)
{
    unsigned most = steps_of(_i);
    for (unsigned at = 0; at <= most; at += 5)
        for (uint32_t side = 0; side < 2; side++)
            for (int for_good = 0; for_good < 2; for_good++)
                for (uint32_t n = 1, calls = 1; n <= calls; n++)
                    calls = fail_once(_i, side, at, n, for_good);
}
END_TEST

/* ---- What may not move is named before anything has moved: a deal that is never at rest when asked, too */

static void waits_for_rest(void *ctx, uint64_t deal, uint64_t status, uint32_t verdict, const char *reason)
{
    (void)status;
    ck_assert_uint_eq(verdict, DEALFSM_SWAP_MOVING);
    ck_assert_str_eq(reason, "it has not come to rest");
    *(uint64_t *)ctx = deal;
}

static void first_reason(void *ctx, uint64_t deal, uint64_t status, uint32_t verdict, const char *reason)
{
    (void)deal;
    (void)status;
    ck_assert_uint_eq(verdict, DEALFSM_SWAP_REFUSED);
    snprintf(ctx, 64, "%s", reason);
}

START_TEST(a_busy_deal_is_refused)
{
    char reason[64] = "";
    rig *r = faulty_world(4, 1);
    rig_create(r); /* its put has not landed */
    steps(r, 6);
    while (r->actions_count == 0 || r->actions[0].kind != RIG_LAND)
        rig_step(r);
    dealfsm_swap *swap = begin(r, 0, 1);
    rig_fault.lie = _i == 0 ? 'r' : 's';
    ck_assert_int_eq(dealfsm_swap_go(swap, DEALFSM_SWAP_COMMITTED, NULL), DEALFSM_ACCEPTED);
    dealfsm_swap_progress now = {.struct_size = sizeof now};
    WORKS(dealfsm_swap_look(swap, &now, &error));
    ck_assert_uint_eq(now.waits_rest, 1);
    ck_assert_uint_gt(now.waited, 0);
    uint64_t named = 0;
    WORKS(dealfsm_swap_deals(swap, waits_for_rest, &named, &error));
    ck_assert_uint_eq(named, r->deal);
    rig_step(r); /* it lands */
    int32_t result = dealfsm_swap_go(swap, DEALFSM_SWAP_COMMITTED, NULL);
    ck_assert_int_eq(result, _i == 0 ? DEALFSM_E_REFUSED : DEALFSM_E_CORRUPT);
    WORKS(dealfsm_swap_look(swap, &now, &error));
    ck_assert_uint_eq(now.phase, DEALFSM_SWAP_STOPPED);
    ck_assert_uint_eq(now.waits_rest, 0);
    ck_assert_uint_eq(rig_where(r), 0);
    if (_i == 0) {
        WORKS(dealfsm_swap_deals(swap, first_reason, reason, &error));
        ck_assert_str_eq(reason, "refused, as the test wants it");
    }
    WORKS(dealfsm_swap_end(swap, &error));
    rig_fault.lie = 0;
    rig_finish(r);
    rig_free(r);
}
END_TEST

/* ---- Liars */

START_TEST(a_module_lies)
{
    static const char lies[] = "vsbi";
    rig *r = faulty_world(2, 1);
    dealfsm_swap *swap = begin(r, 0, 1);
    rig_create(r);
    steps(r, 6);
    rig_fault.lie = lies[_i];
    int32_t result = dealfsm_swap_go(swap, DEALFSM_SWAP_COMMITTED, NULL);
    ck_assert_int_eq(result, DEALFSM_E_CORRUPT);
    dealfsm_swap_progress now = {.struct_size = sizeof now};
    WORKS(dealfsm_swap_look(swap, &now, &error));
    ck_assert_uint_eq(now.phase, DEALFSM_SWAP_STOPPED);
    ck_assert_uint_eq(rig_where(r), 0);
    FAILS_WITH(DEALFSM_E_STATE, "stopped", dealfsm_swap_go(swap, DEALFSM_SWAP_COMMITTED, &error));
    WORKS(dealfsm_swap_end(swap, &error));
    rig_fault.lie = 0;
    rig_finish(r);
    rig_free(r);
}
END_TEST

/* It says that the deal is active, and it is not. */
START_TEST(a_module_does_not_activate)
{
    rig *r = faulty_world(2, 1);
    rig_create(r);
    steps(r, 6);
    dealfsm_swap *swap = begin(r, 0, 1);
    rig_fault.lie = 'a';
    ck_assert_int_eq(dealfsm_swap_go(swap, DEALFSM_SWAP_COMMITTED, NULL), DEALFSM_OK);
    dealfsm_swap_progress now = {.struct_size = sizeof now};
    WORKS(dealfsm_swap_look(swap, &now, &error));
    ck_assert_uint_eq(now.count[DEALFSM_SWAP_FAILED], 1);
    ck_assert_uint_eq(rig_where(r), 0);
    rig_finish(r);
    WORKS(dealfsm_swap_end(swap, &error));
    rig_free(r);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("swap");
    TCase *moments = tcase_create("every moment");
    tcase_set_timeout(moments, 60);
    tcase_add_loop_test(moments, a_deal_runs_to_its_end, 0, WORLDS);
    tcase_add_loop_test(moments, swapped_at_every_moment, 0, WORLDS);
    tcase_add_loop_test(moments, up_at_every_moment, 0, WORLDS);
    tcase_add_loop_test(moments, up_and_back_at_every_moment, 0, WORLDS);
    tcase_add_loop_test(moments, events_come_meanwhile, 0, WORLDS);
    tcase_add_test(moments, a_refusal_stays_in_the_history);
    suite_add_tcase(suite, moments);
    TCase *on_the_way = tcase_create("on the way");
    tcase_set_timeout(on_the_way, 60);
    tcase_add_loop_test(on_the_way, answered_on_the_way, 0, MOST_STEPS);
    suite_add_tcase(suite, on_the_way);
    TCase *failing = tcase_create("failing");
    tcase_set_timeout(failing, 60);
    tcase_add_loop_test(failing, a_put_fails, 2, WORLDS);
    tcase_add_loop_test(failing, a_put_fails_on_the_way_back, 2, WORLDS);
    tcase_add_loop_test(failing, a_call_fails, 0, WORLDS);
    tcase_add_loop_test(failing, a_call_fails_on_the_way_back, 0, WORLDS);
    tcase_add_loop_test(failing, a_busy_deal_is_refused, 0, 2);
    tcase_add_loop_test(failing, a_module_lies, 0, 4);
    tcase_add_test(failing, a_module_does_not_activate);
    suite_add_tcase(suite, failing);
    return run_suite(suite);
}
