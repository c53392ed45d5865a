/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_VALIDATE_H
#define TOOLS_VALIDATE_H

/* What the files of dealfsm-validate share: the module under test, a machine opened in it whose every word is written
 * down (the rig), and made-up records, arguments and answers. */

#include <dealfsm/describe.h>
#include <dealfsm/module.h>

#include <jansson.h>
#include <stdbool.h>

#include "description.h"
#include "validate_report.h"
#include "values.h"

typedef struct validator {
    report *report;
    const dealfsm_functions *functions;
    dealfsm_module_fn *negotiate;
    const dealfsm_describe_v1 *describe;
    const dealfsm_record_v1 *record;
    description machine;
    values_arena *arena; /* of the present case */
    const char *store_url; /* where stores under test are made; NULL: none are asked for */
} validator;

/* ---- The rig: a machine with an environment, a store and a subscription to everything. */
typedef enum seen_what {
    SEEN_CALL = 1,    /* an op */
    SEEN_APPLIED = 2, /* notices */
    SEEN_REFUSED = 3,
    SEEN_TERMINATED = 4,
    SEEN_PUT = 5,
    SEEN_RESULT = 6 /* of what run_step did: number the event or op, flags 1 for an answer, reason the result */
} seen_what;

typedef struct seen {
    seen_what what;
    uint32_t number; /* op or event; for a put the first event in what happened, UINT32_MAX for none */
    uint64_t deal;
    uint64_t sequence;
    uint64_t revision; /* put, notice */
    uint64_t from;     /* notice; of the first event for a put */
    uint64_t to;
    uint32_t nth;    /* op */
    uint32_t flags;  /* op; from_handler of a notice; final_state of a put */
    int32_t reason;  /* notice; DEALFSM_HAPPENED_… of the first event for a put */
    json_t *args;    /* of the op by name, of the event as a list; what happened for a put */
    uint8_t *record; /* stored bytes: put, notice */
    uint64_t record_len;
    uint8_t *sidecar; /* put */
    uint64_t sidecar_len;
} seen;

typedef struct rig rig;
struct rig {
    validator *v;
    dealfsm_machine *machine;
    seen *list;
    uint32_t count;
    uint32_t capacity;
    uint64_t puts;

    /* Hooks, called after the thing was written down; NULL: put is durable, nothing else happens. */
    int32_t (*on_put)(rig *it, const dealfsm_put *put);
    void (*on_op)(rig *it, const dealfsm_op *op);
    void (*on_notice)(rig *it, const dealfsm_notice *notice);
    void (*on_rest)(rig *it, uint64_t deal);
    void *hook_ctx;
    bool quiet; /* writes nothing down: for rules with threads */

    uint32_t queue_events; /* set before rig_open; 0: the module's own */
    uint64_t queue_bytes;
    bool no_store;
    bool no_subscription;
    uint64_t subscription;
    dealfsm_environment environment;
    dealfsm_store_v1 store;
    dealfsm_rest_v1 rest;
    dealfsm_log_v1 log;
};

/* Opens and closes the machine; false and a failed case where that does not work. A rig starts zeroed but for its
 * settings. */
bool rig_open(rig *it, validator *v);
void rig_close(rig *it);
void rig_clear(rig *it);            /* forgets what was seen */
void rig_note(rig *it, seen entry); /* adds an entry that has no memory of its own */
/* The next entry of that kind at or after *from, which then points behind it; NULL: none. */
const seen *rig_next(const rig *it, uint32_t *from, seen_what what);
const seen *rig_last(const rig *it, seen_what what);
uint32_t rig_number_of(const rig *it, seen_what what);
/* All that was seen as text, a line an entry; malloc. Equal texts: equal puts, ops and notices. */
char *rig_told(const rig *it);

/* Restores a bare record and activates it. False: the case has failed. */
bool rig_restore(rig *it, const dealfsm_record *record, uint32_t snapshot_flags);
bool rig_restore_bytes(rig *it, uint64_t deal, const uint8_t *bytes, uint64_t size, uint32_t snapshot_flags);
/* Takes a deal out: forget, or freeze and drop. False: the case has failed. */
bool rig_remove(rig *it, uint64_t deal);
int32_t rig_dispatch(rig *it, uint64_t deal, uint32_t event, const dealfsm_value *args, uint32_t count);
/* Asks with room for the record; NULL: not found, or the case has failed. Lives in the arena. */
dealfsm_deal *rig_query(rig *it, uint64_t deal);
/* Snapshot into memory of the arena; NULL: the case has failed. */
dealfsm_snapshot *rig_snapshot(rig *it, uint64_t deal);
/* Answers the op `asked` was; its values are in *answer already. */
int32_t rig_answer(rig *it, const seen *asked, dealfsm_answer *answer);

/* ---- Helpers */
/* The stored bytes of a record, in the arena. False: the case has failed. */
bool stored_bytes(validator *v, const dealfsm_record *record, const uint8_t **bytes, uint64_t *size);
/* The case fails unless the bytes are equal; `what` says whose bytes. */
bool same_bytes(validator *v, const char *what, const uint8_t *expected, uint64_t expected_len, const uint8_t *found,
                uint64_t found_len);
/* The case fails unless the texts are equal; shows the first line in which they differ. */
bool same_text(validator *v, const char *expected, const char *found);
/* The case fails unless result is `expected`; `call` says of what. */
bool same_result(validator *v, const char *call, int32_t expected, int32_t found, const dealfsm_error *error);
const char *result_text(validator *v, int32_t result);          /* in the arena */
const char *json_text(values_arena *arena, const json_t *json); /* in the arena */
/* printf into the arena. */
char *format(values_arena *arena, const char *text, ...) __attribute__((format(printf, 2, 3)));

/* "to:N", "no-change", "just-record", "terminated", "refused": a cell as describe/1 tells it; in the arena. */
const char *described_outcome(validator *v, uint64_t status, uint32_t event);
/* What a dispatch came to, by its result and the first put in the rig: as above, or "error". NULL: the case has
 * failed. */
const char *driven_outcome(rig *it, uint64_t status, uint32_t event, int32_t result);

/* Drives a cell with a made-up deal; the case fails unless it comes to `expected`, in the words above. */
void drive_cell(rig *it, uint64_t status, uint32_t event, const char *expected);

/* ---- A long run of one deal, made up from describe/1: what comes next depends only on the deal's present state,
 * `step` and `seed`, so that the same run can be told again, also from a snapshot in its middle. */
enum { RUN_STEPS = 90, RUN_SEEDS = 6 };
/* Creates a deal and opens it; false: the case has failed. */
bool run_begin(rig *it, uint64_t deal);
/* Answers the open op or hands in an event; false: the deal is at its end, or the case has failed. */
bool run_step(rig *it, uint64_t deal, uint32_t step, uint32_t seed);
/* run_begin and all steps; returns how many there were. */
uint32_t run_whole(rig *it, uint64_t deal, uint32_t seed);
/* All notices in order (revisions left out), and the last record, as text in the arena: equal for equal histories. */
char *run_history(const rig *it, uint32_t from);

/* ---- Made up: such that every action of a machine can be carried out. */
void invent_record(validator *v, uint64_t deal, uint64_t status, dealfsm_record *out);
/* Terms for `create`. */
void invent_terms(uint64_t deal, dealfsm_record *out);
dealfsm_value invent_value(uint32_t kind);
/* Arguments for an event in the arena. */
dealfsm_value *invent_args(validator *v, const dealfsm_event_info *event);
/* An OK answer to an op, its values in the arena. */
dealfsm_answer invent_answer(validator *v, const dealfsm_op_info *op);

/* ---- Rules */
typedef struct rule {
    const char *id;
    const char *text;
    void (*run)(validator *v);
} rule;
typedef struct rule_group {
    const rule *rules;
    uint32_t count;
} rule_group;
extern const rule_group rules_negotiate, rules_describe, rules_record, rules_structs, rules_arguments, rules_machine,
    rules_queue, rules_ops, rules_store, rules_pending, rules_snapshot, rules_freeze, rules_callbacks, rules_parallel, rules_durable,
    rules_durable_disk, rules_durable_machine;

/* The case that opens now, of a rule without files. */
#define CASE(v, ...) report_case((v)->report, NULL, 0, false, __VA_ARGS__)
/* The open case fails unless the condition holds. */
bool expect(validator *v, bool holds, const char *expected, const char *found);

/* ---- Vector folders */
/* The rules of folders, for --list; index past the last: false. */
bool vectors_rule(uint32_t index, const char **id, const char **text);
/* Whether there is such a folder, with at least one of the files. */
bool vectors_found(const char *folder);
/* Runs the files of a folder whose rules `wanted` picks. */
void vectors_run(validator *v, const char *folder, bool (*wanted)(const char *id));

/* Checks of single lines, by file. */
void line_names(validator *v, char **columns, uint32_t count);
void line_arg_types(validator *v, char **columns, uint32_t count);
void line_final(validator *v, char **columns, uint32_t count);
void line_handler_of(validator *v, char **columns, uint32_t count);
void line_cell(validator *v, rig *it, char **columns, uint32_t count);
void line_record(validator *v, rig *it, const json_t *line);
void line_undefined(validator *v, rig *it, const json_t *line);
void line_refused_bytes(validator *v, rig *it, const json_t *line); /* bad, lenient */
void line_accepted(validator *v, rig *it, const json_t *line);
void line_args(validator *v, rig *it, const json_t *line);
void line_action(validator *v, rig *it, const json_t *line);
void line_handler(validator *v, rig *it, const json_t *line);
void line_trace(validator *v, rig *it, const json_t *line);

#endif
