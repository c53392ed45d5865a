/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What would become of a store's deals, counted by state, verdict and reason. */
#include <dealfsm/stores.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dump.h"
#include "dump_compare.h"
#include "dump_store.h"
#include "dump_words.h"

typedef struct walk {
    comparison *it;
    migrator migrator;
    size_t room; /* groups that there is memory for */
} walk;

static bool same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static const char *keep(values_arena *arena, const char *text)
{
    words copy = {.arena = arena};
    if (text == NULL) {
        return NULL;
    }
    words_add(&copy, "%s", text);
    return words_text(&copy);
}

static compare_group *new_group(walk *w, const compare_group *like)
{
    compare_store *store = &w->it->store;
    if (store->groups_count == w->room) {
        w->room = w->room * 2 + 16;
        compare_group *more = values_take(w->it->arena, w->room * sizeof *more);
        if (store->groups_count > 0) {
            memcpy(more, store->groups, store->groups_count * sizeof *more);
        }
        store->groups = more;
    }
    compare_group *group = &store->groups[store->groups_count++];
    *group = (compare_group){.status = like->status,
                             .state = keep(w->it->arena, like->state),
                             .becomes = keep(w->it->arena, like->becomes),
                             .verdict = like->verdict,
                             .why = keep(w->it->arena, like->why)};
    return group;
}

static void count_in(walk *w, const compare_group *like)
{
    compare_store *store = &w->it->store;
    for (size_t i = 0; i < store->groups_count; i++) {
        compare_group *group = &store->groups[i];
        if (same(group->state, like->state) && same(group->becomes, like->becomes) &&
            same(group->verdict, like->verdict) && same(group->why, like->why)) {
            group->deals++;
            return;
        }
    }
    new_group(w, like)->deals = 1;
}

/* A deal that cannot be read is named, since each has its own reason. */
static void unreadable(walk *w, uint64_t deal, const char *why)
{
    fprintf(stderr, "dealfsm-dump compare: deal %" PRIu64 ": %s\n", deal, why);
    w->it->store.counts[MIGRATION_UNKNOWN]++;
}

static void judge(walk *w, const stored_deal *deal)
{
    const comparison *it = w->it;
    migration m;
    migrate_deal(&w->migrator, deal, it->new_module->machine.machine_version, &m);
    if (m.verdict == MIGRATION_UNKNOWN) {
        unreadable(w, deal->deal, m.why);
        return;
    }
    const compare_group group = {
        .status = m.before.status,
        .state = words_status(w->migrator.arena, &it->old_module->machine, m.before.status),
        .becomes = m.written ? words_status(w->migrator.arena, &it->new_module->machine, m.after.status) : NULL,
        .verdict = migration_word(m.verdict),
        .why = m.why};
    w->it->store.counts[m.verdict]++;
    count_in(w, &group);
}

static int32_t take_row(void *ctx, const dealfsm_store_row *row)
{
    walk *w = ctx;
    const stored_deal deal = stored_deal_of(row, w->it->store.url);
    if (deal.damage != NULL) {
        unreadable(w, deal.deal, deal.damage);
    } else if (!same(row->machine_version, w->it->old_module->machine.machine_version)) {
        w->it->store.others++;
    } else {
        judge(w, &deal);
    }
    values_arena_clear(w->migrator.arena);
    return 0;
}

static int walk_store(walk *w, const dump_modules *modules)
{
    dealfsm_store *store = NULL;
    dealfsm_error error = {.struct_size = sizeof error};
    const int status = store_open_read(w->it->store.url, modules, "dealfsm-dump compare", &store);
    if (store == NULL) {
        return status;
    }
    const int32_t result = dealfsm_store_rows(store, NULL, take_row, w, &error);
    dealfsm_store_close(store, NULL);
    if (result < 0) {
        fprintf(stderr, "dealfsm-dump compare: %s\n", error.text);
        return store_status_of(result);
    }
    return DUMP_DONE;
}

static int by_status(const void *a, const void *b)
{
    const compare_group *left = a;
    const compare_group *right = b;
    return left->status != right->status ? (left->status < right->status ? -1 : 1)
                                         : strcmp(left->verdict, right->verdict);
}

int compare_deals(comparison *it, const dump_modules *modules, const char *url)
{
    walk w = {.it = it};
    int status = DUMP_FAILED;
    it->store = (compare_store){.url = url};
    if (migrator_open(&w.migrator, modules)) {
        status = walk_store(&w, modules);
    }
    migrator_close(&w.migrator);
    if (it->store.groups_count > 0) {
        qsort(it->store.groups, it->store.groups_count, sizeof *it->store.groups, by_status);
    }
    const uint64_t bad = it->store.counts[MIGRATION_REFUSED] + it->store.counts[MIGRATION_UNKNOWN];
    return status == DUMP_DONE && bad > 0 ? DUMP_NO : status;
}
