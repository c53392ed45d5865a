/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_HOST_H
#define TOOLS_HOST_H

/* dealfsm-host: a node that takes the deals of a scenario through a module, and what it finds in the end. */

#include <dealfsm/stores.h>
#include <stdatomic.h>
#include <stdio.h>

#include "host_swap.h"
#include "runner.h"
#include "scenario.h"
#include "world.h"
#include "world_client.h"

/* Exit codes. */
enum {
    HOST_FINE = 0,
    HOST_BOOKS = 1,  /* the books do not balance, or store and world do not belong together */
    HOST_USAGE = 2,  /* wrong arguments, or a scenario that cannot be read */
    HOST_MODULE = 3, /* the module cannot be loaded or opened */
    HOST_FAILED = 4, /* out of memory, the host library or the world failed */
    HOST_STORE = 5,  /* the store cannot be opened */
    HOST_INTERRUPTED = 130
};

enum { HOST_STATES = 64 }; /* status numbers that are counted apart */

typedef struct host_options {
    const char *scenario; /* file */
    const char *module;   /* file, or NULL: the installed one */
    uint64_t deals;       /* 0: as the scenario says */
    uint64_t seed;
    bool has_seed;
    bool sync;
    bool trace;
    bool json;
    bool lanes;        /* list all lanes, not only those that differ */
    uint32_t threads;  /* 0: as is usual */
    const char *store; /* URL, or NULL: in memory */
    const char *world; /* "unix:PATH", or NULL: in this process */
    host_swap_option swaps[HOST_SWAPS];
    unsigned swaps_count;
} host_options;

/* What notices told of a deal. Notices of one deal come one after another. */
typedef struct host_track {
    bool created;
    bool stored;          /* it is in the store, and not brought back yet; ended ones never are */
    bool payment_refused; /* PaymentSent was refused or terminated */
    uint64_t received;    /* bytes, and nanoFIL spent: as last added to the node's sums */
    uint64_t spent;
    uint32_t refusals;
    uint32_t refused_event; /* the last one */
    uint64_t refused_state;
    char error[160]; /* why it could not be created, "" otherwise */
} host_track;

typedef struct host_node host_node;
typedef struct host_takeover host_takeover;
struct host_node {
    const host_options *options;
    const scenario *scenario;
    uint64_t deals;
    uint64_t seed;
    world *world;         /* with a world in another process: what it is like when it is done */
    world_client *client; /* or NULL */
    runner *runner;
    dealfsm_store *store; /* or NULL */
    world_row *rows;      /* of deals 1 …, as the store has them at first */
    uint64_t last_row;    /* highest deal in the store */
    atomic_uint waiting;  /* 1: it was said that the store or the books cannot be written */
    dealfsm_log_v1 log;
    dealfsm_host *host;
    dealfsm_module_info module; /* the first one */
    host_swap *swap;
    host_takeover *takeover;         /* NULL without a store */
    _Atomic(const char *) states[HOST_STATES]; /* names by number, NULL: none. A module that SIGHUP finds adds to these */
    atomic_bool final[HOST_STATES];
    _Atomic(const char *) events[HOST_STATES];
    host_track *tracks; /* of deals 1 … */
    atomic_uint_fast64_t in_state[HOST_STATES];
    atomic_uint_fast64_t notices;
    bool progress; /* somebody looks at these: */
    atomic_uint_fast64_t bytes_received;
    atomic_uint_fast64_t nano_fil_spent;
};

/* host_node.c */
/* Opens the node; 0 or an exit code, the reason on standard error. Deals that the store has are brought back by
 * host_node_run. */
int host_node_open(host_node *node, const host_options *options, const scenario *s);
/* Runs the deals to their ends, or until SIGINT or SIGTERM; 0 or an exit code. */
int host_node_run(host_node *node);
/* Closes what is open; 0 or an exit code. */
int host_node_close(host_node *node);
/* Opens a machine with the node's world and store. flags: DEALFSM_HOST_… */
int32_t host_open_generation(host_node *node, dealfsm_module *module, uint32_t flags, uint32_t *generation,
                             dealfsm_error *error);
/* Adds the names that a module has. */
void host_learn_names(host_node *node, const dealfsm_describe_v1 *describe);
/* Name of a status or event without its prefix ("Ongoing", "PaymentSent"); never NULL. */
const char *host_state_name(const host_node *node, uint64_t status);
const char *host_event_name(const host_node *node, uint32_t event);

/* host_machine.c: how the world's steps reach the machine */
runner_machine host_machine(host_node *node);
/* The disk is full, or broken: says so, waits a little; false: the run was stopped. why NULL: it works again. */
bool host_wait(void *ctx, const char *why);

/* host_store.c */
/* Opens the store, and finds what is in it; 0 or an exit code. */
int host_store_open(host_node *node);
/* The world's books beside the store; node->deals is raised to what the books and the store have. */
char *host_store_books(const host_node *node);
/* What the store's rows say of the deals that are told to the world. 0 or an exit code. */
int host_store_rows(host_node *node);
/* Brings a deal back. Result of restore and activate. */
int32_t host_store_resume(host_node *node, uint64_t deal);

/* host_takeover.c: deals of other machine versions that the store has */
/* NULL: out of memory. */
host_takeover *host_takeover_new(host_node *node);
void host_takeover_free(host_takeover *takeover);
/* One of the store's rows, before deals come back. */
void host_takeover_row(host_takeover *takeover, const dealfsm_store_row *row);
/* Brings a deal back, to the node's own version if it can move there, else to its own. */
int32_t host_takeover_restore(host_takeover *takeover, const dealfsm_snapshot *snapshot, dealfsm_error *error);
/* Says what became of them, unless that was said: when the last one is back, or at the end. */
void host_takeover_tell(host_takeover *takeover);

/* host_node.c */
int host_complain(int code, const char *what, const char *why);

/* host_progress.c: a line on standard error while deals run, if that is a terminal. */
typedef struct host_progress host_progress;
host_progress *host_progress_start(host_node *node);
void host_progress_end(host_progress *progress);

/* host_result.c */
typedef enum host_end { END_FINAL, END_WAITS, END_NOT_CREATED, END_NOT_BEGUN } host_end;

/* What became of a deal. */
typedef struct host_result {
    host_end end;
    uint64_t status;
    uint64_t received; /* bytes */
    uint64_t paid_for; /* bytes */
    char *message;     /* the record's */
    char *outcome;     /* in words, numbers left out: deals with the same outcome are counted together */
    char *waits;       /* END_WAITS: for what */
    uint8_t pay_ch[64];
} host_result;

typedef struct host_results {
    uint64_t count;
    host_result *of;     /* of deals 1 … */
    world_claim *claims; /* beside them */
    world_books *books;
} host_results;

/* Asks the module for every deal, and audits the books. NULL: failed, the reason on standard error. */
host_results *host_results_take(host_node *node);
void host_results_free(host_results *results);

/* host_report.c, host_json.c */
void host_report(const host_node *node, const host_results *results, FILE *out);
void host_json(const host_node *node, const host_results *results, FILE *out);

#endif
