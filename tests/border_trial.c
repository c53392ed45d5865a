/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "border_trial.h"

#include <sys/mman.h>

#include "sanitized.h"

/* Primes, so that over the courses and manners every distance of two moments has its turn. */
#ifdef SANITIZED
enum { SINGLES = 3, PAIRS = 199 };
#else
enum { SINGLES = 1, PAIRS = 13 };
#endif

static const char manners[MANNERS][2] = {{'D', 'i'}, {'P', 'l'}, {'D', 'l'}, {'E', '2'}};

figures *trials;
const char *const clients[CLIENTS] = {"client 0.5.6", "client 1.0.9", "client 1.28.3"};
const dealfsm_functions *client_modules[CLIENTS];

/* ---- All of them */

static void load(const char *path)
{
    const dealfsm_functions *f = kit_load(path);
    const dealfsm_describe_v1 *describe = f->interface("describe/1");
    int client = CLIENTS - 1;
    while (client >= 0 && strcmp(clients[client], describe->machine_version) != 0)
        client--;
    MUST_SAY(client >= 0, "no courses for %s", describe->machine_version);
    client_modules[client] = f;
}

void trials_begin(void)
{
    const char *path = getenv("DEALFSM_TEST_MODULE");
    trials = mmap(NULL, CLIENTS * sizeof *trials, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    MUST(trials != MAP_FAILED);
    if (path) {
        load(path);
    } else {
        load(TEST_BUILD_DIR "/modules/dealfsm-client-0.5.6.so");
        load(TEST_BUILD_DIR "/modules/dealfsm-client-1.0.9.so");
        load(TEST_BUILD_DIR "/modules/dealfsm-client-1.28.3.so");
    }
    for (int client = 0; client < CLIENTS; client++)
        for (uint32_t i = 0; i < courses_count; i++)
            trials[client].courses += courses[i].ends[client] != DEALFSM_DealStatusNew;
}

void trials_end(void)
{
    for (int client = 0; client < CLIENTS; client++)
        if (client_modules[client])
            printf("%s: %" PRIu32 " courses, %" PRIu64 " lives, violations %" PRIu32 "\n", clients[client],
                   trials[client].courses, trials[client].lives, trials[client].begun - trials[client].ended);
    munmap(trials, CLIENTS * sizeof *trials);
}

bool trial_all(void)
{
    const char *all = getenv("DEALFSM_CRASH_ALL");
    return all && *all;
}

bool trial_takes_single(trial *t)
{
    return t->single++ % t->singles == 0;
}

bool trial_takes_pair(trial *t)
{
    return t->pair++ % t->pairs == 0;
}

/* ---- Ends */

static bool same_effect(const kit_op *a, const kit_op *b)
{
    return a->op == b->op && a->args_len == b->args_len && !memcmp(a->args, b->args, a->args_len);
}

/* M8: each effect that is expected, once, in whatever order. */
static bool same_effects(const kit *k, const ending *expected)
{
    bool taken[KIT_EFFECTS] = {false};
    for (uint32_t i = 0; i < k->effects_count; i++) {
        uint32_t n = 0;
        while (n < expected->effects_count && (taken[n] || !same_effect(&k->effects[i], &expected->effects[n])))
            n++;
        if (n == expected->effects_count)
            return false;
        taken[n] = true;
    }
    return k->effects_count == expected->effects_count;
}

/* Sequences without a gap; every event from outside has come, and has ended once. */
static void check_history(const life *l)
{
    const kit_row *row = &l->k->rows[LIFE_DEAL];
    const course_step *steps = l->course->steps;
    uint64_t sequence = 0;
    for (uint32_t i = 0; i < row->happened_count; i++)
        if (row->happened[i].kind == DEALFSM_HAPPENED_APPLIED)
            MUST(row->happened[i].sequence == ++sequence);
    MUST(sequence == row->sequence);
    for (uint32_t i = 0; steps[i].event; i++) {
        uint32_t times = 0;
        for (uint32_t n = 0; steps[n].event; n++)
            times += steps[n].event == steps[i].event && !(l->ended >> n & 1);
        MUST(life_did(l, i));
        if (steps[i].event == STEP_FUNDS)
            continue;
        uint32_t found = life_in_history(l, steps[i].event - 1);
        MUST_SAY(found == times, "the event of step %" PRIu32 " is in the history %" PRIu32 " times, not %" PRIu32, i,
                 found, times);
    }
}

void trial_check_started_again(life *l)
{
    const kit *k = l->k;
    uint64_t revision = k->rows[LIFE_DEAL].revision, told = k->told[LIFE_DEAL];
    uint32_t effects = k->effects_count, ops = l->ops_count;
    life_go_on(l, 0);
    MUST(k->rows[LIFE_DEAL].revision == revision && k->told[LIFE_DEAL] == told);
    MUST(k->effects_count == effects && l->ops_count == ops);
    MUST(k->moments == 0 || !k->rows[LIFE_DEAL].final_state);
}

void trial_check_end(const trial *t, life *l)
{
    const kit_row *row = &l->k->rows[LIFE_DEAL];
    MUST_SAY(row->status == t->course->ends[t->client], "%s: it ends in status %" PRIu64, t->course->name, row->status);
    MUST_SAY(row->record_len == t->expected.record_len && !memcmp(row->record, t->expected.record, row->record_len),
             "%s: it ends with another record", t->course->name);
    MUST_SAY(same_effects(l->k, &t->expected), "%s: its ops had other effects", t->course->name);
    MUST(l->k->told_gaps == 0);
    check_history(l);
    books_check_end(l);
    if (row->final_state)
        MUST(l->k->f->forget(l->k->machine, LIFE_DEAL, NULL) == DEALFSM_OK);
    life_free(l);
}

/* ---- One of them */

life trial_life(const trial *t)
{
    trials[t->client].lives++;
    return life_new(client_modules[t->client], t->client, t->course, t->manner[0], t->manner[1]);
}

static void without_mishap(trial *t)
{
    dealfsm_counters counters = {.struct_size = sizeof counters};
    life l = trial_life(t);
    life_go(&l);
    ending *out = &t->expected;
    const kit_row *row = &l.k->rows[LIFE_DEAL];
    MUST(row->record_len <= sizeof out->record);
    memcpy(out->record, row->record, row->record_len);
    out->record_len = row->record_len;
    memcpy(out->effects, l.k->effects, sizeof out->effects);
    out->effects_count = l.k->effects_count;
    out->moments = l.k->moments;
    MUST(l.k->f->counters(l.k->machine, &counters, NULL) == DEALFSM_OK);
    out->puts = (uint32_t)counters.puts;
    out->ops = (uint32_t)counters.ops;
    trial_check_end(t, &l);
}

static void begin(trial *t, int number, uint32_t manner)
{
    uint32_t client = (uint32_t)number / TRIAL_LOOP, nth = (uint32_t)number % TRIAL_LOOP, before = nth;
    *t = (trial){.client = client,
                 .number = nth,
                 .course = courses,
                 .manner = manners[manner],
                 .singles = trial_all() ? 1 : SINGLES,
                 .pairs = trial_all() ? 1 : PAIRS,
                 .single = nth + manner,
                 .pair = nth + manner};
    while (t->course->ends[client] == DEALFSM_DealStatusNew || before-- > 0)
        t->course++;
}

void trial_run(int number, void (*lives)(trial *t))
{
    trial t;
    for (uint32_t manner = 0; manner < MANNERS; manner++) {
        begin(&t, number, manner);
        trials[t.client].begun++;
        without_mishap(&t);
        lives(&t);
        trials[t.client].ended++;
    }
}
