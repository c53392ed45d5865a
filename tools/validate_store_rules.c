/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* Rules on a durable store by itself: rows, order, revisions, history, failed commits, death. */

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "validate_store.h"

static void expect_revision(validator *v, dealfsm_store *store, uint64_t deal, uint64_t expected)
{
    const uint64_t found = store_revision(v, store, deal);
    expect(v, found == expected, format(v->arena, "revision %" PRIu64, expected), format(v->arena, "%" PRIu64, found));
}

static void revisions(validator *v)
{
    CASE(v, "higher, equal and lower revisions");
    dealfsm_store *store = store_open(v, "revisions", 0, NULL, NULL);
    if (store == NULL) {
        return;
    }
    store_expect_put(v, DEALFSM_PUT_DURABLE, store_put(v, store, 7, 5));
    store_expect_put(v, DEALFSM_PUT_LOST, store_put(v, store, 7, 5));
    store_expect_put(v, DEALFSM_PUT_LOST, store_put(v, store, 7, 4));
    expect_revision(v, store, 7, 5);
    store_expect_put(v, DEALFSM_PUT_DURABLE, store_put(v, store, 7, 900));
    expect_revision(v, store, 7, 900);
    expect_revision(v, store, 8, 0);
    store_close(v, store);
    CASE(v, "the same after reopening");
    store = store_open(v, "revisions", 0, NULL, NULL);
    if (store != NULL) {
        expect_revision(v, store, 7, 900);
        store_expect_put(v, DEALFSM_PUT_LOST, store_put(v, store, 7, 900));
        store_expect_put(v, DEALFSM_PUT_DURABLE, store_put(v, store, 7, 901));
        store_close(v, store);
    }
}

static void order(validator *v)
{
    static const uint64_t ids[] = {UINT64_MAX,    10, 9, INT64_MAX, 0, 100, (uint64_t)INT64_MAX + 1, 99, 1,
                                   UINT64_MAX - 1};
    CASE(v, "ids from 0 to 2^64 - 1");
    dealfsm_store *store = store_open(v, "order", 0, NULL, NULL);
    if (store == NULL) {
        return;
    }
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        store_expect_put(v, DEALFSM_PUT_DURABLE, store_put(v, store, ids[i], 1));
    }
    same_text(v,
              "0 1 13 0\n1 1 13 0\n9 1 13 0\n10 1 13 0\n99 1 13 0\n100 1 13 0\n9223372036854775807 1 13 0\n"
              "9223372036854775808 1 13 0\n18446744073709551614 1 13 0\n18446744073709551615 1 13 0\n",
              store_told(v, store));
    store_close(v, store);
}

/* ---- History */

typedef struct past {
    validator *v;
    uint64_t next; /* revision */
    uint64_t step;
    uint32_t count;
} past;

static int32_t check_event(void *ctx, const dealfsm_store_event *event)
{
    past *p = ctx;
    expect(p->v,
           event->revision == p->next && event->sequence == p->next && event->kind == DEALFSM_HAPPENED_APPLIED &&
               event->event == DEALFSM_ClientEventBlocksReceived && event->from == DEALFSM_DealStatusOngoing &&
               event->to == DEALFSM_DealStatusOngoing && event->when > 0 && event->message_len == 4 &&
               memcmp(event->message, "a\0b\xff", 4) == 0,
           format(p->v->arena, "the event of revision %" PRIu64 ", byte for byte", p->next),
           format(p->v->arena, "another, of revision %" PRIu64, event->revision));
    p->next += p->step;
    p->count++;
    return 0;
}

static void history(validator *v)
{
    const uint64_t deal = 3;
    past p = {.v = v, .next = 1, .step = 1};
    CASE(v, "twelve puts");
    dealfsm_store *store = store_open(v, "history", 0, NULL, NULL);
    if (store == NULL) {
        return;
    }
    for (uint64_t mark = 1; mark <= 12; mark++) {
        store_put(v, store, deal, mark);
        store_put(v, store, 30, mark);
    }
    store_put(v, store, deal, 12); /* lost: tells nothing */
    dealfsm_store_history(store, &deal, check_event, &p, NULL);
    expect(v, p.count == 12, "12 events", format(v->arena, "%" PRIu32, p.count));
    store_close(v, store);
}

/* ---- Failures */

static void failures(validator *v)
{
    static const uint32_t kinds[] = {DEALFSM_FAULT_COMMIT, DEALFSM_FAULT_LANDED};
    for (uint32_t i = 0; i < 2; i++) {
        const dealfsm_store_faults faults = {.struct_size = sizeof faults, .kind = kinds[i], .first = 2, .count = 2};
        const uint64_t deal = 3;
        past p = {.v = v, .next = 1, .step = 3};
        CASE(v, i == 0 ? "commits that fail and leave nothing" : "commits that fail, but landed");
        dealfsm_store *store = store_open(v, i == 0 ? "failed" : "landed", 0, &faults, NULL);
        if (store == NULL) {
            continue;
        }
        store_expect_put(v, DEALFSM_PUT_DURABLE, store_put(v, store, deal, 1));
        store_expect_put(v, DEALFSM_PUT_FAILED, store_put(v, store, deal, 2));
        store_expect_put(v, DEALFSM_PUT_FAILED, store_put(v, store, deal, 3));
        expect_revision(v, store, deal, i == 0 ? 1 : 3);
        store_expect_put(v, DEALFSM_PUT_DURABLE, store_put(v, store, deal, 4));
        expect_revision(v, store, deal, 4);
        dealfsm_store_history(store, &deal, check_event, &p, NULL);
        expect(v, p.count == 2, "the history of the puts that count: 1 and 4", "others, too");
        store_close(v, store);
    }
}

/* ---- Death: rows are before or after, never a mix, never before what was told durable. */

enum { KILLS = 12, KILL_DEALS = 8 };

typedef struct shared {
    _Atomic uint64_t tried[KILL_DEALS];
    _Atomic uint64_t durable[KILL_DEALS];
    atomic_int started;
} shared;

static void put_for_ever(validator *v, shared *marks)
{
    dealfsm_store *store = store_open(v, "killed", 0, NULL, NULL);
    atomic_store(&marks->started, 1);
    while (store != NULL) {
        for (uint64_t deal = 0; deal < KILL_DEALS; deal++) {
            const uint64_t revision = atomic_fetch_add(&marks->tried[deal], 1) + 1;
            if (store_put(v, store, deal, revision) == DEALFSM_PUT_DURABLE) {
                atomic_store(&marks->durable[deal], revision);
            }
        }
        values_arena_clear(v->arena);
    }
}

static void look_after_death(validator *v, shared *marks)
{
    dealfsm_store *store = store_open(v, "killed", 0, NULL, NULL);
    for (uint64_t deal = 0; store != NULL && deal < KILL_DEALS; deal++) {
        const uint64_t found = store_revision(v, store, deal);
        expect(v, found >= atomic_load(&marks->durable[deal]) && found <= atomic_load(&marks->tried[deal]),
               format(v->arena, "deal %" PRIu64 " at revision %" PRIu64 " or after", deal,
                      atomic_load(&marks->durable[deal])),
               format(v->arena, "%" PRIu64, found));
        atomic_store(&marks->tried[deal], found);
    }
    if (store != NULL) {
        store_close(v, store);
    }
}

static void killed(validator *v)
{
    shared *marks = mmap(NULL, sizeof *marks, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (marks == MAP_FAILED) {
        return;
    }
    for (unsigned i = 0; i < KILLS; i++) {
        CASE(v, "kill number %u", i + 1);
        atomic_store(&marks->started, 0);
        const pid_t child = fork();
        if (child == 0) {
            put_for_ever(v, marks);
            _exit(1);
        }
        while (child > 0 && atomic_load(&marks->started) == 0 && waitpid(child, NULL, WNOHANG) == 0) {
            usleep(200);
        }
        usleep(i * 1777 % 15000);
        if (expect(v, child > 0, "a process", "none") && kill(child, SIGKILL) == 0) {
            waitpid(child, NULL, 0);
        }
        look_after_death(v, marks);
    }
    munmap(marks, sizeof *marks);
}

static const rule rules[] = {
    {"durable.revisions", "a put counts if its revision is above its row's; else LOST; also after reopening",
     revisions},
    {"durable.order", "rows come by ascending id, up to 2^64 - 1", order},
    {"durable.history", "what happened is kept in order and byte for byte; a lost put tells nothing", history},
    {"durable.failures", "a failed commit, landed or not, is replaced by the next revision, in the history, too",
     failures},
    {"durable.killed", "a killed process leaves each row whole, and all that was durable", killed},
};
const rule_group rules_durable = {rules, sizeof rules / sizeof *rules};
