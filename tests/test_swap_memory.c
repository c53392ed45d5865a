/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Every allocation of a swap failed, once and from then on, in the library and in the modules, on the way there, on the
 * way back and on to its end: the deal is on one side, whole; the swap can be tried again, or taken back; nothing is left
 * over. */
#include "memory_kit.h"
#include "swap_kit.h"

#ifdef SANITIZED
int main(void)
{
    printf("SKIP: a sanitizer build has its own malloc\n");
    return 77; /* the test driver's number for "skipped" */
}
#else

static const char *const PAIR[] = {"client-0.5.6", "client-1.0.9"};
enum { WORLDS = 6, MOST_STEPS = 60, TRIES = 3, PATIENCE = 200 };

/* Where memory runs out. */
typedef enum way {
    THERE, /* from begin to COMMITTED */
    BACK,  /* revert */
    ON     /* CONFIRMED and FINAL */
} way;
enum { WAYS = ON + 1 };
static const int TRIED_AT_LEAST[WAYS] = {[THERE] = 50, [BACK] = 50, [ON] = 10};

static rig *world(int number, unsigned steps)
{
    rig *r = rig_new(PAIR, 2);
    r->sync = number % 2;
    r->store = number >= 2;
    r->pending = number >= 4;
    for (uint32_t i = 0; i < 2; i++)
        rig_open(r, i, NULL);
    rig_create(r);
    for (unsigned i = 0; i < steps; i++)
        rig_step(r);
    return r;
}

/* Check itself allocates, so what nobody expects is told when memory is back. */
static int32_t surprise;

static void expect(int32_t result)
{
    if (result < 0 && result != DEALFSM_E_NO_MEMORY)
        surprise = result;
}

/* Puts that wait are reported; nothing else happens. */
static void land_all(rig *r)
{
    while (r->actions_count > 0 && r->actions[0].kind == RIG_LAND)
        rig_step(r);
}

static void nobody(void *ctx, const dealfsm_swap_state *state)
{
    (void)ctx;
    (void)state;
}

static void no_deal(void *ctx, uint64_t deal, uint64_t status, uint32_t verdict, const char *reason)
{
    (void)ctx;
    (void)deal;
    (void)status;
    (void)verdict;
    (void)reason;
}

/* As far as it goes. */
static void go(rig *r, dealfsm_swap *swap, uint32_t phase)
{
    for (unsigned i = 0; i < TRIES; i++) {
        expect(dealfsm_swap_go(swap, phase, NULL));
        expect(dealfsm_swap_states(swap, nobody, NULL, NULL));
        expect(dealfsm_swap_deals(swap, no_deal, NULL, NULL));
        land_all(r);
    }
}

static void move(rig *r, dealfsm_swap **swap)
{
    if (*swap == NULL)
        expect(dealfsm_swap_begin(r->host, r->sides[0].generation, r->sides[1].generation, NULL, swap, NULL));
    if (*swap != NULL)
        go(r, *swap, DEALFSM_SWAP_COMMITTED);
}

static void move_back(rig *r, dealfsm_swap *swap)
{
    for (unsigned i = 0; i < TRIES; i++) {
        expect(dealfsm_swap_revert(swap, NULL));
        land_all(r);
    }
}

/* Now everything works: on, to that phase, or back (REVERTED). */
static void insist(rig *r, dealfsm_swap *swap, uint32_t phase)
{
    int32_t result = DEALFSM_ACCEPTED;
    for (unsigned i = 0; i < PATIENCE && result != DEALFSM_OK; i++) {
        result = phase == DEALFSM_SWAP_REVERTED ? dealfsm_swap_revert(swap, NULL) : dealfsm_swap_go(swap, phase, NULL);
        MUST_SAY(result >= 0, "with memory: %d", (int)result);
        if (result != DEALFSM_OK)
            rig_step(r);
    }
    MUST_SAY(result == DEALFSM_OK, "the swap does not come to its end");
}

static uint32_t phase_of(dealfsm_swap *swap)
{
    dealfsm_swap_progress now = {.struct_size = sizeof now};
    WORKS(dealfsm_swap_look(swap, &now, &error));
    return now.phase;
}

/* After the failure the swap goes on, or back if the failure was an even one and there is a way back. */
static uint32_t goal_of(dealfsm_swap *swap, way failed, int n)
{
    switch (failed) {
    case THERE:
        return DEALFSM_SWAP_COMMITTED;
    case BACK:
        return DEALFSM_SWAP_REVERTED;
    default:
        return n % 2 == 0 && phase_of(swap) != DEALFSM_SWAP_FINAL ? DEALFSM_SWAP_REVERTED : DEALFSM_SWAP_FINAL;
    }
}

/* To end a swap takes no memory. */
static void end(dealfsm_swap *swap)
{
    arm(0, true);
    int32_t result = dealfsm_swap_end(swap, NULL);
    disarm();
    MUST_SAY(result == DEALFSM_OK, "without memory a swap does not end: %d", (int)result);
}

/* Whether there were so many allocations. */
static bool fails_at(int number, unsigned at, int n, bool for_good, way failed)
{
    const long long before = atomic_load(&memory_living);
    rig *r = world(number, at);
    dealfsm_swap *swap = NULL;
    if (failed != THERE)
        move(r, &swap);
    if (failed == ON)
        insist(r, swap, DEALFSM_SWAP_COMMITTED);
    surprise = 0;
    arm(n, for_good);
    if (failed == THERE)
        move(r, &swap);
    else if (failed == BACK)
        move_back(r, swap);
    else
        go(r, swap, DEALFSM_SWAP_FINAL);
    disarm();
    bool was = atomic_load(&memory_failed);
    MUST_SAY(surprise == 0, "allocation %d after %u steps: %d", n, at, (int)surprise);
    if (swap == NULL)
        move(r, &swap);
    insist(r, swap, goal_of(swap, failed, n));
    rig_finish(r);
    end(swap);
    rig_free(r);
    const long long left = atomic_load(&memory_living) - before;
    MUST_SAY(left == 0, "allocation %d after %u steps: %lld allocations are left over", n, at, left);
    return was;
}

START_TEST(an_allocation_fails)
{
    const int number = _i % WORLDS;
    const way failed = (way)(_i / WORLDS);
    rig *r = world(number, 0); /* what is kept for the life of the process comes first */
    rig_finish(r);
    rig_free(r);
    int tried = 0;
    for (unsigned at = (unsigned)number; at < MOST_STEPS; at += 11)
        for (int for_good = 0; for_good < 2; for_good++)
            for (int n = 0; fails_at(number, at, n, for_good, failed); n++)
                tried++;
    ck_assert_int_gt(tried, TRIED_AT_LEAST[failed]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("swap: memory");
    TCase *tests = tcase_create("allocations");
    tcase_set_timeout(tests, 120);
    tcase_add_loop_test(tests, an_allocation_fails, 0, WAYS * WORLDS);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
#endif
