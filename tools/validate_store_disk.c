/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* Rules on a durable store whose disk fails: I/O errors at each write and sync, no room, power cuts. The disk is below
 * the store, so that each kind of store is held to them, also one that a host brings. */

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "disk.h"
#include "validate_store.h"

enum { PUTS = 8, FAULTS = 24, CUT_SEEDS = 3, TELLTALE = 3, OTHERS = 100 };

/* What a store of one place has gone through. */
typedef struct course {
    validator *v;
    const char *folder;
    const char *name; /* of the store */
    uint64_t durable; /* the last revision of TELLTALE that was told durable */
    uint64_t tried;
    disk_seen seen;
} course;

static bool begin(course *c, validator *v, const char *name)
{
    *c = (course){.v = v,
                  .folder = format(v->arena, "%s/%s", dealfsm_store_place(v->store_url), name),
                  .name = format(v->arena, "%s/s", name)};
    return expect(v, mkdir(c->folder, 0700) == 0, "a directory that can be made", c->folder);
}

/* Puts, on a disk that fails. What was told durable before the power is cut counts. */
static void put_on(course *c, const disk_plan *plan)
{
    validator *v = c->v;
    int32_t refused = 0;
    if (!expect(v, disk_begin(c->folder, plan), "memory for a plan of faults", "none")) {
        return;
    }
    dealfsm_store *store = store_open(v, c->name, 0, NULL, &refused);
    for (uint64_t i = 0; store != NULL && i < PUTS; i++) {
        c->tried++;
        c->durable = store_put(v, store, TELLTALE, c->tried) == DEALFSM_PUT_DURABLE ? c->tried : c->durable;
        store_put(v, store, OTHERS + c->tried, 1);
    }
    disk_cut();
    if (store != NULL) {
        store_close(v, store);
    }
    c->seen = disk_end();
}

/* On a sound disk all that was durable is there, and the store goes on. */
static void look(course *c)
{
    validator *v = c->v;
    dealfsm_store *store = store_open(v, c->name, 0, NULL, NULL);
    if (store == NULL) {
        return;
    }
    const uint64_t found = store_revision(v, store, TELLTALE);
    expect(v, found >= c->durable && found <= c->tried, format(v->arena, "at least revision %" PRIu64, c->durable),
           format(v->arena, "%" PRIu64, found));
    store_told(v, store);
    store_expect_put(v, DEALFSM_PUT_DURABLE, store_put(v, store, TELLTALE, ++c->tried));
    c->durable = c->tried;
    store_close(v, store);
}

static void fault(validator *v, disk_fault kind, uint64_t first, uint64_t count)
{
    course c;
    const disk_plan plan = {.kind = kind, .first = first, .count = count};
    if (begin(&c, v, format(v->arena, "disk-%d-%" PRIu64 "-%" PRIu64, (int)kind, first, count))) {
        put_on(&c, &plan);
        look(&c);
    }
    values_arena_clear(v->arena);
}

/* What a store does on a sound disk says whether its files are seen at all. */
static bool is_seen(validator *v, bool writes)
{
    static const disk_plan sound = {.kind = DISK_SOUND};
    course c;
    CASE(v, "a sound disk");
    if (!begin(&c, v, writes ? "sound-writes" : "sound")) {
        return false;
    }
    put_on(&c, &sound);
    expect(v, c.durable == PUTS, "all puts durable", format(v->arena, "%" PRIu64 " of %d", c.durable, PUTS));
    look(&c);
    const bool shown = c.seen.files > 0 && (!writes || c.seen.writes > 0);
    if (!shown) {
        report_note(v->report, "left out: the store %s",
                    c.seen.files > 0 ? "writes its files by other means than write and pwrite"
                                     : "has no files in its place");
    }
    values_arena_clear(v->arena);
    return shown;
}

static void errors(validator *v)
{
    static const struct {
        disk_fault kind;
        const char *name;
    } kinds[] = {
        {DISK_WRITE, "I/O error in write"}, {DISK_FULL, "disk full at write"}, {DISK_SYNC, "I/O error in sync"}};
    if (!is_seen(v, true)) {
        return;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        for (uint64_t first = 1; first <= FAULTS; first++) {
            CASE(v, "%s %" PRIu64 " and all after it", kinds[i].name, first);
            fault(v, kinds[i].kind, first, 0);
            CASE(v, "%s %" PRIu64 " and the next", kinds[i].name, first);
            fault(v, kinds[i].kind, first, 2);
        }
    }
}

/* The power is cut again while the store recovers, or soon after. */
static void cut_twice(validator *v, uint64_t first, uint64_t seed)
{
    course c;
    const disk_plan cut = {.kind = DISK_POWER, .first = first, .seed = seed};
    const disk_plan again = {.kind = DISK_POWER, .first = seed, .seed = first};
    if (begin(&c, v, format(v->arena, "cut-%" PRIu64 "-%" PRIu64, first, seed))) {
        put_on(&c, &cut);
        put_on(&c, &again);
        look(&c);
    }
    values_arena_clear(v->arena);
}

static void power(validator *v)
{
    if (!is_seen(v, false)) {
        return;
    }
    for (uint64_t first = 1; first <= FAULTS; first++) {
        for (uint64_t seed = 1; seed <= CUT_SEEDS; seed++) {
            CASE(v, "power cut at sync %" PRIu64 ", dice %" PRIu64, first, seed);
            cut_twice(v, first, seed);
        }
    }
}

static const rule rules[] = {
    {"durable.errors", "I/O errors and a full disk at each write and sync lose nothing that was durable", errors},
    {"durable.power", "power cuts with torn, lost and reordered writes and names lose nothing that was durable", power},
};
const rule_group rules_durable_disk = {rules, sizeof rules / sizeof *rules};
