/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_DUMP_MIGRATE_H
#define TOOLS_DUMP_MIGRATE_H

/* `dealfsm-dump migrate`: what would become of a deal on another machine version. Nothing is written. */

#include <dealfsm/stores.h>
#include <jansson.h>

#include "dump_load.h"
#include "dump_words.h"
#include "paper.h"
#include "values.h"

/* A deal as it lies somewhere: a record, with or without its sidecar. */
typedef struct stored_deal {
    const char *input; /* where it lies: "FILE, line 3", "--hex", the store's URL */
    const char *version;
    uint64_t deal;
    uint64_t sequence;
    uint64_t revision;
    const uint8_t *record;
    uint64_t record_len;
    const uint8_t *sidecar; /* length 0: none */
    uint64_t sidecar_len;
    const char *damage; /* NULL: none */
    bool ended;         /* its row says so; a record alone says it by its status */
} stored_deal;

/* It points into the row; a bare one has no sidecar. */
stored_deal stored_deal_of(const dealfsm_store_row *row, const char *url);

typedef enum migration_verdict {
    MIGRATION_MOVES,
    MIGRATION_STAYS,   /* not now */
    MIGRATION_REFUSED, /* never, as it stands */
    MIGRATION_SAME,    /* it is of that version */
    MIGRATION_ENDED,   /* a swap leaves it where it is */
    MIGRATION_UNKNOWN, /* it cannot be told: damaged, or a module is missing */
    MIGRATION_VERDICTS
} migration_verdict;

typedef struct migration {
    const stored_deal *from;
    const char *to;
    const dump_module *old_module; /* NULL: not there; of the record as it is */
    const dump_module *new_module;
    bool readable;          /* old_module is there, and took the record */
    dealfsm_record before;  /* where it is readable */
    bool written;           /* the other version can hold it: it moves, or has ended; then also */
    dealfsm_record after;   /* … as a record, where new_module is there */
    dealfsm_snapshot moved; /* … as bytes */
    migration_verdict verdict;
    const char *why; /* in words, of one that stays, is refused or unknown; else NULL */
} migration;

/* Machines of all modules: what moves deals. */
typedef struct migrator {
    const dump_modules *modules;
    dealfsm_machine **machines; /* NULL: not opened yet */
    values_arena *arena;        /* of one deal */
} migrator;

/* False: a module's machine cannot be opened; it has been told. */
bool migrator_open(migrator *it, const dump_modules *modules);
void migrator_close(migrator *it);

/* "1.28.3" or "client 1.28.3" -> the version that a module here has, reads or writes. NULL: none. */
const char *migrator_version(const migrator *it, const char *wanted);

/* Does one of the two modules bring deals from the old one's machine version to the new one's? */
bool migration_is_offered(const dump_module *old_module, const dump_module *new_module);

/* Tries it: upwards the module of the goal restores the deal, downwards the deal's own module writes it. */
void migrate_deal(migrator *it, const stored_deal *deal, const char *to, migration *out);

const char *migration_word(migration_verdict verdict); /* "moves" */
/* Adds "3 move, 0 stay for now, …". */
void migration_counts(words *text, const uint64_t counts[MIGRATION_VERDICTS]);
void migration_heading(const paper *out);
/* A line, why not below it; with `fields` also what changes. */
void migration_text(values_arena *arena, const migration *it, bool fields, const paper *out);
json_t *migration_json(values_arena *arena, const migration *it); /* share/schema/migration.json */

#endif
