/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_DUMP_STORE_H
#define TOOLS_DUMP_STORE_H

/* What the commands of dealfsm-dump on stores share: a store that is open for reading, its rows seen through the modules
 * of their machine versions, and what a deal waits for. Nothing is ever written, and no deal is activated. */

#include <argp.h>
#include <dealfsm/stores.h>
#include <jansson.h>

#include "dump_load.h"
#include "dump_words.h"
#include "paper.h"
#include "values.h"

/* ---- The command line: options that all have, and how many words they take. */
typedef struct store_choice {
    const char *url;
    const char *folder; /* of modules */
    dump_modules modules;
    uint64_t deal;
    bool has_deal;
    bool json;
    bool failed;     /* a module was refused; it has been told */
    bool takes_deal; /* set before parsing: a word ID may follow the URL */
    bool needs_deal; /* as well: it must */
} store_choice;

extern const struct argp store_argp; /* a child of the argp of a command that has more; its input: store_choice */
/* Parses the command line of a command that has no others. args and doc as argp wants them. */
void store_parse(int argc, char **argv, const char *args, const char *doc, store_choice *out);

/* ---- An open store */
typedef struct store_view {
    const char *command; /* "dealfsm-dump deals", for messages */
    const char *url;
    dealfsm_store *store;
    const dump_modules *modules;
    dealfsm_machine **machines; /* of each module; nothing runs in them */
    values_arena *arena;        /* of one row: whoever shows it clears it */
    int64_t now;                /* milliseconds since 1970 */
    int status;                 /* DUMP_…: the highest so far */
} store_view;

/* Loads the modules and opens the store. False: a message was written, view->status tells. store_close in either case. */
bool store_open(store_view *view, store_choice *choice, const char *command);
void store_close(store_view *view, store_choice *choice);

/* Opens a store to be read and teaches it the modules. Answers DUMP_…: what is wrong has been told, and *store stays as it is,
 * or is NULL. */
int store_open_read(const char *url, const dump_modules *modules, const char *command, dealfsm_store **store);

/* Takes what a walk returned: an error is told. */
void store_walked(store_view *view, int32_t result, const dealfsm_error *error);
void store_status(store_view *view, int status); /* raises view->status */
int store_status_of(int32_t result);             /* the exit status for an error of a store */

/* ---- A row, through the module of its version */
enum { STORE_TROUBLE = 512 };
typedef struct deal_row {
    const dealfsm_store_row *row;
    const dump_module *module; /* NULL: none is there of its version */
    dealfsm_record record;     /* where `whole` */
    bool whole;                /* the module takes record and sidecar; else trouble says why not */
    uint32_t flags;            /* DEALFSM_DEAL_… */
    uint32_t queued;           /* events */
    char trouble[STORE_TROUBLE];
} deal_row;

void store_see(store_view *view, const dealfsm_store_row *row, deal_row *out);
/* Tells what is wrong with a row on standard error, if something is, and raises the status: DUMP_NO for damage. */
void store_tell_trouble(store_view *view, const deal_row *it);

bool deal_is_final(const deal_row *it);
bool deal_is_owed(const deal_row *it);
/* The handler of its state, or NULL. */
const dealfsm_handler_info *deal_handler(const deal_row *it);
/* "Ongoing"; a number without a name: "status 77". */
const char *deal_state(store_view *view, const deal_row *it);
/* "nothing" (it has ended), "handler", "queue", "event", "unknown" (a bare record), "module", "repair" */
const char *deal_waits(const deal_row *it);

/* ---- Its past */
typedef struct deal_past {
    uint64_t events;
    uint64_t applied;
    uint64_t refused;        /* also those terminated */
    int64_t last_applied;    /* when; 0: not known */
    int64_t outside_refused; /* when the last outside event was refused; 0: none was */
    uint32_t outside_event;  /* which */
    uint64_t outside_state;  /* where */
} deal_past;
void store_past(store_view *view, const deal_row *it, deal_past *out);

/* Why the deal does not go on, in a sentence. */
const char *deal_why(store_view *view, const deal_row *it, const deal_past *past);
/* Is it stuck: it cannot go on as it is, or has not changed for `patience` milliseconds (one minute at most where it waits
 * for an event from outside, and one was refused)? */
bool deal_is_stuck(const store_view *view, const deal_row *it, const deal_past *past, int64_t patience);
/* Since when it waits. 0: not known. */
int64_t deal_since(const deal_row *it, const deal_past *past);

/* ---- Forms */
const char *time_text(values_arena *arena, int64_t milliseconds);        /* "2026-01-31 12:00:00.000"; "not known" */
const char *time_age(const store_view *view, int64_t milliseconds);      /* "3 min 5 s" before now; "not known" */
json_t *time_json(int64_t milliseconds);                                 /* "2026-01-31T12:00:00.000Z" or null */
json_t *u64_json(uint64_t number);                                       /* decimal text */
json_t *text_json(values_arena *arena, const char *data, uint64_t size); /* not UTF-8: {"hex": …} */
/* A name without "DealStatus" or "ClientEvent". */
const char *brief_name(const char *name);
const char *happened_name(uint32_t kind); /* "applied"; MOVED: "moved" */
/* "DealStatusOngoing" by the newest module that knows it (one vocabulary serves all versions), else by the store, else
 * the number. */
const char *past_state(const store_view *view, uint64_t status, const char *stored);
const char *past_event(const store_view *view, uint32_t event, const char *stored);
/* An amount that the store tells of an event; NULL: it tells none, or a hand has written there what is none. */
enum { PAST_AMOUNT_ROOM = 320 }; /* stored amounts have 306 digits at most */
const char *past_amount(const store_view *view, const char *stored);

/* Writes one line. False: it could not be written; the walk should end. */
bool store_line(store_view *view, json_t *json);

/* `dealfsm-dump deals` as text. */
void deals_heading(const paper *out);
void deals_line(store_view *view, const paper *out, const deal_row *it);
void deals_why(const paper *out, const char *why);

/* share/schema/deals.json, deal.json, history.json */
json_t *deal_json(store_view *view, const deal_row *it);
json_t *event_json(store_view *view, const dealfsm_store_event *event);

#endif
