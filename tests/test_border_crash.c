/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Crashes, counted out. A deal is taken through a course again and again; each time the process "ends" at another
 * moment: before or behind the effect of a put, an op or a notice. So for every moment, and for every two of them. In
 * the same way every put fails once, landed or not, and every op is answered UNKNOWN or CONFLICT once, and two of
 * these. So for each machine version.
 *
 * However it went: the final record is the same to the byte, a once op had its effect once, with the same arguments, an
 * event that was durable is not lost and none is applied twice, notices have gaps only where the process ended, the
 * books balance. And when it is over, another start of the process does nothing.
 *
 * Of the pairs a part is tried, another one of each course, or all: make check-crash (DEALFSM_CRASH_ALL=1). Sanitizers
 * take part of the single moments, too. */
#include "border_trial.h"

static void crash_at_each(trial *t)
{
    MUST(t->expected.moments > 5);
    for (uint32_t at = 1; at <= t->expected.moments; at++) {
        if (!trial_takes_single(t))
            continue;
        life l = trial_life(t);
        l.k->crash_at = at;
        life_go(&l);
        MUST(l.k->dead);
        life_go_on(&l, 0);
        trial_check_started_again(&l);
        trial_check_end(t, &l);
    }
}

START_TEST(crash_once)
{
    trial_run(_i, crash_at_each);
}
END_TEST

static void crash_at_pairs(trial *t)
{
    for (uint32_t first = 1; first <= t->expected.moments; first++) {
        bool again = true;
        for (uint32_t second = 1; again; second++) {
            if (!trial_takes_pair(t) && second <= t->expected.moments)
                continue;
            life l = trial_life(t);
            l.k->crash_at = first;
            life_go(&l);
            life_go_on(&l, second);
            again = l.k->dead;
            if (again)
                life_go_on(&l, 0);
            trial_check_end(t, &l);
        }
    }
}

START_TEST(crash_twice)
{
    trial_run(_i, crash_at_pairs);
    const figures *so_far = &trials[_i / TRIAL_LOOP];
    if (trial_all()) /* they take a while */
        fprintf(stderr, "%s: %d of %" PRIu32 " courses, %" PRIu64 " lives so far\n", clients[_i / TRIAL_LOOP],
                _i % TRIAL_LOOP + 1, so_far->courses, so_far->lives);
}
END_TEST

/* A script that is `letter` at place `at` (from 1), and otherwise as ever. */
static void letter_at(char *script, char otherwise, uint32_t at, char letter)
{
    MUST(at < KIT_SCRIPT);
    for (uint32_t i = (uint32_t)strlen(script); i + 1 < at; i++)
        script[i] = otherwise;
    script[at - 1] = letter;
}

static void fail_puts(trial *t)
{
    for (uint32_t first = 1; first <= t->expected.puts; first++)
        for (uint32_t second = first; second <= t->expected.puts + 1; second++) {
            if (!(second > first ? trial_takes_pair(t) : trial_takes_single(t)))
                continue;
            life l = trial_life(t);
            letter_at(l.k->puts, l.k->put_default, first, second % 2 ? 'F' : 'L');
            if (second > first)
                letter_at(l.k->puts, l.k->put_default, second, second % 3 ? 'L' : 'F');
            life_go(&l);
            trial_check_end(t, &l);
        }
}

/* Every put fails once, and every two of them. */
START_TEST(put_fails)
{
    trial_run(_i, fail_puts);
}
END_TEST

static void stall_ops(trial *t)
{
    for (uint32_t first = 1; first <= t->expected.ops; first++)
        for (uint32_t second = first; second <= t->expected.ops + 1; second++) {
            if (!(second > first ? trial_takes_pair(t) : trial_takes_single(t)))
                continue;
            life l = trial_life(t);
            letter_at(l.k->answers, l.k->answer_default, first, second % 2 ? 'u' : 'c');
            if (second > first)
                letter_at(l.k->answers, l.k->answer_default, second, 'u');
            life_go(&l);
            trial_check_end(t, &l);
        }
}

/* Every op is answered UNKNOWN or CONFLICT once, and every two of them. */
START_TEST(op_stalls)
{
    trial_run(_i, stall_ops);
}
END_TEST

/* What courses have come to, in all. */
static struct {
    uint64_t been_in, seen, asked; /* bits */
    bool restored_raised;
} all;

static void cover(const life *l)
{
    all.been_in |= l->been_in;
    all.seen |= l->seen;
    for (uint32_t i = 0; i < l->ops_count; i++)
        all.asked |= UINT64_C(1) << l->ops[i].op;
    all.restored_raised |= l->restored_raised;
}

static void cover_each(trial *t)
{
    for (uint32_t at = 1; at <= t->expected.moments; at++) {
        if (!trial_takes_single(t))
            continue;
        life l = trial_life(t);
        l.k->crash_at = at;
        life_go(&l);
        life_go_on(&l, 0);
        cover(&l);
        life_free(&l);
    }
}

static void check_coverage(const dealfsm_describe_v1 *describe)
{
    dealfsm_state_info state = {.struct_size = sizeof state};
    dealfsm_event_info event = {.struct_size = sizeof event};
    dealfsm_op_info op = {.struct_size = sizeof op};
    for (uint32_t i = 0; describe->state(i, &state) == DEALFSM_OK; i++)
        MUST_SAY(!state.has_transition || all.been_in >> state.status & 1, "no course leads to %s", state.name);
    for (uint32_t i = 0; describe->event(i, &event) == DEALFSM_OK; i++)
        MUST_SAY(!event.has_transition || !(event.from_outside || event.from_handler) || all.seen >> event.event & 1,
                 "in no course %s is applied", event.name);
    for (uint32_t i = 0; describe->op(i, &op) == DEALFSM_OK; i++)
        MUST_SAY(all.asked >> op.op & 1, "in no course %s is asked", op.name);
    MUST(all.restored_raised);
}

/* The courses lead to every state, have every event applied and every op asked, and crash while what a handler has
 * raised waits in the queue. */
START_TEST(courses_lead_everywhere)
{
    memset(&all, 0, sizeof all);
    for (int i = 0; i < (int)trials[_i].courses; i++)
        trial_run(_i * TRIAL_LOOP + i, cover_each);
    check_coverage(client_modules[_i]->interface("describe/1"));
}
END_TEST

static void add(Suite *suite, int client)
{
    TCase *tests = tcase_create(clients[client]);
    int from = client * TRIAL_LOOP, to = from + (int)trials[client].courses;
    tcase_set_timeout(tests, 300);
    tcase_add_loop_test(tests, courses_lead_everywhere, client, client + 1);
    tcase_add_loop_test(tests, crash_once, from, to);
    tcase_add_loop_test(tests, crash_twice, from, to);
    tcase_add_loop_test(tests, put_fails, from, to);
    tcase_add_loop_test(tests, op_stalls, from, to);
    suite_add_tcase(suite, tests);
}

int main(void)
{
    Suite *suite = suite_create("border: crash");
    trials_begin();
    for (int client = 0; client < CLIENTS; client++)
        if (client_modules[client])
            add(suite, client);
    int code = run_suite(suite);
    trials_end();
    return code;
}
