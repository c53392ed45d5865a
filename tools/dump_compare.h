/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_DUMP_COMPARE_H
#define TOOLS_DUMP_COMPARE_H

/* `dealfsm-dump compare` and `dealfsm-dump machine --diff`: two machines side by side, and what would become of a store's
 * deals. Nothing is written. */

#include <jansson.h>

#include "dump_load.h"
#include "dump_migrate.h"
#include "paper.h"
#include "values.h"

/* What of a machine is held against the other. */
typedef enum compare_what {
    COMPARE_STATES,
    COMPARE_EVENTS,
    COMPARE_TRANSITIONS, /* event and state, one each: where it leads */
    COMPARE_HANDLERS,
    COMPARE_OPS,
    COMPARE_FIELDS,
    COMPARE_ERRORS,
    COMPARE_LISTS
} compare_what;

/* Something that is not the same in both; what is told of it, in words. */
typedef struct compare_change {
    const char *name;
    const char *before; /* NULL: added */
    const char *after;  /* NULL: gone */
} compare_change;

typedef struct compare_list {
    const char *key;         /* "states": the member of share/schema/compare.json */
    compare_change *changes; /* gone and changed in the old machine's order, then added in the new one's */
    size_t count;
    size_t added;
    size_t gone;
} compare_list;

compare_list compare_machines(values_arena *arena, const description *old_machine, const description *new_machine,
                              compare_what what);
/* Do the fields that both store lie in the same order? */
bool compare_same_order(const description *old_machine, const description *new_machine);

/* Deals of a store in one state with one verdict for one reason. */
typedef struct compare_group {
    uint64_t status;
    const char *state;   /* its name */
    const char *becomes; /* NULL: it does not move */
    const char *verdict; /* migration_word() */
    const char *why;     /* as migration has it */
    uint64_t deals;
} compare_group;

typedef struct compare_store {
    const char *url; /* NULL: none was asked for */
    compare_group *groups;
    size_t groups_count;
    uint64_t counts[MIGRATION_VERDICTS];
    uint64_t others; /* rows of another machine version than OLD */
} compare_store;

typedef struct comparison {
    values_arena *arena;
    const dump_module *old_module;
    const dump_module *new_module;
    bool takes_over; /* one of the two brings deals from OLD to NEW */
    bool gives_back; /* … from NEW to OLD */
    compare_list lists[COMPARE_LISTS];
    compare_store store;
} comparison;

/* Tries each deal of a store. `modules` are OLD and NEW. Groups are in it->arena. Answers DUMP_…; what is wrong has been
 * told. */
int compare_deals(comparison *it, const dump_modules *modules, const char *url);

void comparison_text(const comparison *it, const paper *out);
json_t *comparison_json(const comparison *it); /* share/schema/compare.json */

/* A list's changes, a line each: "+ name  what it is", "- …", "~ …" with what it was and is. */
/* "8 added, none gone, 2 changed" */
const char *compare_list_counts(values_arena *arena, const compare_list *it);

#endif
