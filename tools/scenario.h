/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_SCENARIO_H
#define TOOLS_SCENARIO_H

/* A scenario: what world the deals meet. Read from JSON; `scenario_format` writes the description of the format, from
 * the same tables that read it. */

#include <stdio.h>

#include "text.h"

/* How a provider can be; each deal meets one of these, by the provider's shares. */
typedef enum scenario_habit {
    HABIT_HONEST,
    HABIT_REJECTS,
    HABIT_PAYLOAD_UNKNOWN,
    HABIT_ACCEPTS_EARLY,
    HABIT_ASKS_TOO_MUCH,
    HABIT_ASKS_TOO_LITTLE,
    HABIT_ASKS_TWICE,
    HABIT_ASKS_BEFORE_SENDING,
    HABIT_DOES_NOT_WAIT,
    HABIT_SENDS_TWICE,
    HABIT_GOES_SILENT,
    HABIT_CANCELS,
    HABIT_COMPLETES_EARLY,
    HABIT_TALKS_NONSENSE,
    HABIT_TRANSFER_FAILS,
    HABIT_TRANSFER_RESTARTS,
    HABITS /* their number */
} scenario_habit;

/* "asks_too_much": the key in a scenario. */
const char *scenario_habit_name(scenario_habit habit);

typedef struct scenario_range {
    uint64_t min;
    uint64_t max;
} scenario_range;

typedef struct scenario_amounts {
    mpz_t min; /* attoFIL */
    mpz_t max;
} scenario_amounts;

typedef struct scenario_client {
    char *name;
    uint64_t share;
    text_bytes wallet;
    text_bytes peer;
    mpz_t balance;                /* attoFIL */
    uint64_t tops_up;             /* millionths of the deals whose channel it tops up when it has too little for them */
    scenario_range tops_up_after; /* microseconds */
} scenario_client;

typedef struct scenario_provider {
    char *name;
    uint64_t share;
    text_bytes wallet;
    text_bytes peer;
    scenario_range latency; /* microseconds, one way */
    uint64_t speed;         /* bytes per second */
    uint64_t habits[HABITS];
} scenario_provider;

typedef struct scenario_retrieval {
    char *name;
    uint64_t share;
    text_bytes payload;  /* CID; empty: one made up for each deal */
    text_bytes piece;    /* CID; empty: none */
    text_bytes selector; /* CBOR; empty: none */
    scenario_range size; /* bytes */
    scenario_range interval;
    scenario_range interval_increase;
    uint64_t chunk;         /* bytes that one BlocksReceived brings; 0: half an interval */
    scenario_amounts price; /* of a byte */
    scenario_amounts unseal_price;
    uint64_t sealed; /* millionths of the deals for which unsealing is asked */
    uint64_t funds;  /* percent of the price that the deal is given */
} scenario_retrieval;

typedef struct scenario_chain {
    uint64_t block_time; /* microseconds */
    uint64_t confirmations;
    uint64_t reorganised; /* millionths of the messages that land a second time, later */
    uint64_t lost;        /* millionths of the messages that never land */
} scenario_chain;

/* What the client's own node does to ops; shares in millionths. */
typedef struct scenario_node {
    scenario_range latency; /* microseconds until an answer */
    uint64_t errors;        /* answered with an error */
    uint64_t unknown;       /* answered UNKNOWN: the deal stalls until it is asked again */
    uint64_t never;         /* not answered at all */
    uint64_t twice;         /* answered twice */
    uint64_t early;         /* answered before the call returns, also with --async */
} scenario_node;

typedef struct scenario {
    char *title;
    char *about;
    uint64_t deals;
    uint64_t seed;
    uint64_t starts_within; /* microseconds */
    scenario_chain chain;
    scenario_node node;
    scenario_client *clients;
    size_t client_count;
    scenario_provider *providers;
    size_t provider_count;
    scenario_retrieval *retrievals;
    size_t retrieval_count;
} scenario;

/* Reads a file. NULL: refused; *why is "FILE: PATH: expected …, found …", PATH like providers[2].wallet. */
scenario *scenario_read(const char *file, text_why *why);
/* The same from text; name stands for the file. */
scenario *scenario_parse(const char *json, const char *name, text_why *why);
/* The file's JSON, compact, with keys sorted: two files of the same text are the same scenario. NULL: unreadable.
 * Free it. */
char *scenario_text(const char *file);
void scenario_free(scenario *s);

/* Writes the description of the format. */
void scenario_format(FILE *out);

#endif
