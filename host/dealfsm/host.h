/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef DEALFSM_HOST_H
#define DEALFSM_HOST_H

/* The library for hosts: loads modules, opens machines in them, and routes each call to the machine that holds its
 * deal.
 *
 * A node makes one `dealfsm_host`. It loads module files, opens one machine in each (a *generation*, numbered from 1,
 * never reused) and then speaks of deals only: the library knows which generation has which deal.
 *
 *     dealfsm_host_new -> dealfsm_host_load -> dealfsm_host_open -> dealfsm_host_create, dealfsm_host_dispatch, …
 *     … -> dealfsm_host_free
 *
 * The rules of <dealfsm/base.h> hold here, too: struct_size first in every struct, int32_t results (0 or positive is
 * success; after a negative nothing has changed), an error struct last that may be NULL, thread tags. A "callback" is
 * a notify, an environment function or a store's put, called by a machine of this host. Errors common to all:
 * DEALFSM_E_ARGUMENT, DEALFSM_E_TOO_NEW; to all that allocate: DEALFSM_E_NO_MEMORY; to all that name a generation or
 * a deal: DEALFSM_E_NOT_FOUND. */

#include <dealfsm/describe.h>
#include <dealfsm/module.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dealfsm_host dealfsm_host;
typedef struct dealfsm_module dealfsm_module;
typedef struct dealfsm_store dealfsm_store; /* stores.h */

/* Results of this library beside those of base.h. */
enum {
    DEALFSM_HELD =
        64 /* dispatch, complete: the deal is on its way to another generation. The event or answer is kept, in
                         order, and given to the side that goes on; do not hand it in again */
};

/* ---- A host */

typedef struct dealfsm_host_options {
    uint32_t struct_size;
    uint32_t threads;    /* of the worker pool, at most 256; 0: 2 */
    uint32_t queue_jobs; /* jobs that may wait in the pool; 0: 1,024 */
    uint32_t log_level;  /* the default log writes up to this DEALFSM_LOG_…; 0: DEALFSM_LOG_WARNING */

    /* Where copies of modules are put; made with mode 0700 if it is not there; must be ours, writable by nobody else,
     * and not mounted noexec. Copies stay there. NULL: a directory of our own below $XDG_RUNTIME_DIR, or below /tmp
     * where that is not set or noexec; made by the first load, removed by dealfsm_host_free. */
    const char *private_dir;

    const dealfsm_log_v1
        *log; /* valid until dealfsm_host_free. NULL: standard error, a line each: time, level, deal, text */

    /* Beyond so many deals in memory those that a durable store has whole and that have nothing to do are let go of, the
     * longest untouched first, and come back when somebody asks for them: dispatch, snapshot, subscribe. Deals with a
     * subscription of their own stay. 0: all stay. */
    uint64_t idle_deals;
} dealfsm_host_options;

/* Makes a host and starts its workers. options may be NULL. DEALFSM_E_ARGUMENT; DEALFSM_E_IO: no thread could be
 * started. [any] */
int32_t dealfsm_host_new(const dealfsm_host_options *options, dealfsm_host **host, dealfsm_error *error);

/* Waits until the worker pool has nothing left to do and stores of stores.h have written what waits, closes all
 * generations, ends the workers and frees the host.
 * DEALFSM_E_BUSY: a put, callback or host call is running, an op or put is open, or called inside a callback or job;
 * the host goes on as before (idle generations may be closed already if a machine becomes busy meanwhile: the text
 * says so). NULL: nothing. [outside], as the host's last call. */
int32_t dealfsm_host_free(dealfsm_host *host, dealfsm_error *error);

/* Frees a host whose deals are in the middle of things, as a node does that stops: every deal is frozen where it
 * stands, ops that are open are never answered (a store resumes their deals), the rest is as for dealfsm_host_free.
 * DEALFSM_E_BUSY: a callback or host call is running, or a put of the caller's store was never reported; all deals go
 * on. [outside], as the host's last call. */
int32_t dealfsm_host_abandon(dealfsm_host *host, dealfsm_error *error);

/* ---- Modules */

/* A manifest, parsed: what module.h says of the text. Lists are arrays of `…_count` texts that end with NUL. */
typedef struct dealfsm_manifest {
    uint32_t struct_size;
    uint32_t abi_major;
    uint32_t abi_minor_min;
    uint32_t abi_minor_max;
    const char *text;            /* as in the note */
    const char *name;            /* "dealfsm-client" */
    const char *machine_version; /* "client 0.5.6" */
    const char *const *reads;    /* machine versions whose snapshots it restores */
    const char *const *writes;   /* machine versions whose snapshots it gives */
    const char *const *needs;    /* services: "environment/1" */
    const char *const *uses;     /* services, optional */
    const char *const *offers;   /* interfaces: "describe/1" */
    uint32_t reads_count;
    uint32_t writes_count;
    uint32_t needs_count;
    uint32_t uses_count;
    uint32_t offers_count;
    uint32_t reserved;
} dealfsm_manifest;

/* Reads the manifest of a module file; nothing is loaded or run. Another CPU, ABI major or minor does not hinder:
 * look at the manifest. *manifest is freed by dealfsm_host_manifest_free. DEALFSM_E_IO: missing, unreadable, not a
 * regular file, too large; DEALFSM_E_CORRUPT: not ELF, cut off, without note, or a note that is not a manifest.
 * [any] */
int32_t dealfsm_host_manifest(const char *path, dealfsm_manifest **manifest, dealfsm_error *error);
void dealfsm_host_manifest_free(dealfsm_manifest *manifest);

/* A loaded module. All pointers live until the process ends. */
typedef struct dealfsm_module_info {
    uint32_t struct_size;
    uint32_t abi_minor; /* the one agreed on */
    const char *path;   /* as it was given to the load that mapped it */
    const char *copy;   /* the private copy that was mapped; it may be gone from the disk */
    uint64_t size;      /* of the file, bytes */
    const char *sha256; /* of the file, 64 hex digits */
    const dealfsm_manifest *manifest;
    const dealfsm_functions *functions;
    const dealfsm_describe_v1 *describe; /* NULL: not offered */
    const dealfsm_record_v1 *record;     /* NULL: not offered */
} dealfsm_module_info;

/* Loads a module: reads the file, checks it without running it (shared object for this CPU, symbol, note, ABI),
 * copies it to the private directory under a name made of its content, maps the copy, negotiates, and holds the
 * answers against the note. The file itself may be overwritten, replaced or removed from then on. Same content
 * (whatever its path, and for all hosts of the process) gives the same *module; it stays mapped until the process
 * ends, and so does one that was refused after it had been mapped: loading that content again gives the same refusal
 * at once.
 * DEALFSM_E_IO: missing, unreadable, not a regular file, too large; no private directory, noexec, no space; the
 * dynamic linker refused. DEALFSM_E_CORRUPT: not ELF, cut off, not a shared object, without note or symbol; a note
 * that is not a manifest or differs from what the module says. DEALFSM_E_VERSION: for another CPU. DEALFSM_E_ABI:
 * another ABI major, or no common minor.
 * DEALFSM_E_MISSING: a function of the table is missing. [any] */
int32_t dealfsm_host_load(dealfsm_host *host, const char *path, dealfsm_module **module, dealfsm_error *error);

/* Fills *out. [any] */
int32_t dealfsm_host_module_info(const dealfsm_module *module, dealfsm_module_info *out, dealfsm_error *error);

/* ---- Generations */

enum {
    DEALFSM_HOST_ASIDE = 1 /* takes no new deals that name no generation while another is open, until a swap commits:
                              swap.h */
};

/* What a machine gets. The structs `environment` and `store` are copied; what they point to, *log, and all that
 * `service` gives stays the caller's and must be valid until the generation is closed. */
typedef struct dealfsm_host_services {
    uint32_t struct_size;
    uint32_t queue_events; /* bound of a deal's queue; 0: 1,024 */
    uint64_t queue_bytes;  /* bound of the queued arguments of a deal; 0: 1 MiB */
    const dealfsm_environment *environment;
    const dealfsm_store_v1 *store; /* NULL: in memory; one store may serve several generations */
    const dealfsm_log_v1 *log;     /* NULL: the host's */
    void *ctx;
    /* Other services, by id; may be NULL. Not asked for environment/1, store/1, log/1, and rest/1, which is the
     * library's own. [start] */
    const void *(*service)(void *ctx, const char *id);
    /* Instead of `store`: one of stores.h, open for writing. Results of its puts come by the worker pool. One store may
     * serve several generations of one host. Valid until the generation is closed. NULL: none. */
    dealfsm_store *durable;
    uint32_t flags; /* DEALFSM_HOST_… */
    uint32_t reserved;
} dealfsm_host_services;

/* Opens a machine. From then on it takes new deals that name no generation, and subscriptions to all deals hear of its
 * deals, too. Errors of `open` (machine.h). [any] */
int32_t dealfsm_host_open(dealfsm_host *host, dealfsm_module *module, const dealfsm_host_services *services,
                          uint32_t *generation, dealfsm_error *error);

/* Closes a generation with all its deals. DEALFSM_E_BUSY: as `close` (machine.h), or a call of this library is under
 * way in it. The newest that is left takes new deals from then on. [outside] */
int32_t dealfsm_host_close(dealfsm_host *host, uint32_t generation, dealfsm_error *error);

/* Writes up to `capacity` generations, oldest first, to ids and the number of all to *count. [any] */
int32_t dealfsm_host_generations(dealfsm_host *host, uint32_t *ids, uint64_t capacity, uint64_t *count,
                                 dealfsm_error *error);

/* Gives the module of a generation. [any] */
int32_t dealfsm_host_generation_module(dealfsm_host *host, uint32_t generation, dealfsm_module **module,
                                       dealfsm_error *error);

/* Gives the generation that has a deal. [any] */
int32_t dealfsm_host_route(dealfsm_host *host, uint64_t deal, uint32_t *generation, dealfsm_error *error);

/* ---- Deals: as the functions of machine.h of that name, with their results, errors and thread tags, in the
 * generation that has the deal. A `generation` argument is a generation or 0. */

/* generation 0: the newest. DEALFSM_E_EXISTS: also when another generation has the deal, or its durable store.
 * DEALFSM_E_STATE: none is open. */
int32_t dealfsm_host_create(dealfsm_host *host, uint32_t generation, const dealfsm_record *terms, uint64_t *revision,
                            dealfsm_error *error);
int32_t dealfsm_host_dispatch(dealfsm_host *host, uint64_t deal, const dealfsm_event *event, uint64_t *revision,
                              dealfsm_error *error);
int32_t dealfsm_host_complete(dealfsm_host *host, const dealfsm_answer *answer, dealfsm_error *error);
/* Reports a pending put to the generation that made it. Stores call this from a thread of their own only by way of
 * dealfsm_host_submit. */
int32_t dealfsm_host_stored(dealfsm_host *host, uint64_t deal, uint64_t revision, int32_t outcome,
                            dealfsm_error *error);
/* DEALFSM_E_FROZEN, DEALFSM_E_NOT_FOUND: also when a swap is just trying or moving the deal: call again. */
int32_t dealfsm_host_retry(dealfsm_host *host, uint64_t deal, uint64_t *revision, dealfsm_error *error);
/* A deal that is only in a durable store is shown from there: it has ended, or is not resumed, or was let go of. */
int32_t dealfsm_host_query(dealfsm_host *host, uint64_t deal, dealfsm_deal *out, dealfsm_error *error);
/* The deals of all generations, each once, ascending; without those that are only in a durable store. */
int32_t dealfsm_host_list(dealfsm_host *host, const uint64_t *after, uint64_t *ids, uint64_t capacity, uint64_t *count,
                          dealfsm_error *error);

/* Subscribes to one deal, or to all deals of all generations, those opened later included. `ended` comes once, after
 * the last notify in any of them: after unsubscribe; when the one deal has left the host; when the host is freed. */
int32_t dealfsm_host_subscribe(dealfsm_host *host, const dealfsm_subscription *subscription, uint64_t *id,
                               dealfsm_error *error);
/* Once it has returned, notify is not running and will not run again. Inside a callback of any generation it does not
 * wait: no new run starts, and `ended` tells when the last is over. [any] */
int32_t dealfsm_host_unsubscribe(dealfsm_host *host, uint64_t id, dealfsm_error *error);

int32_t dealfsm_host_snapshot(dealfsm_host *host, uint64_t deal, dealfsm_snapshot *out, dealfsm_error *error);
/* generation 0: the newest one whose machine is the snapshot's machine_version; DEALFSM_E_VERSION: none is (the text
 * names those that are open). DEALFSM_E_EXISTS: also when another generation has the deal. */
int32_t dealfsm_host_restore(dealfsm_host *host, uint32_t generation, const dealfsm_snapshot *snapshot,
                             dealfsm_error *error);
int32_t dealfsm_host_activate(dealfsm_host *host, uint64_t deal, uint64_t *revision, dealfsm_error *error);
/* Freezing by hand; a swap (swap.h) does it by itself. A frozen deal answers dispatch and complete with
 * DEALFSM_E_FROZEN. */
int32_t dealfsm_host_freeze(dealfsm_host *host, uint64_t deal, dealfsm_error *error);
int32_t dealfsm_host_thaw(dealfsm_host *host, uint64_t deal, uint64_t last_revision, uint64_t *revision,
                          dealfsm_error *error);
int32_t dealfsm_host_drop(dealfsm_host *host, uint64_t deal, dealfsm_error *error);
int32_t dealfsm_host_forget(dealfsm_host *host, uint64_t deal, dealfsm_error *error);
int32_t dealfsm_host_release(dealfsm_host *host, uint64_t deal, dealfsm_error *error);

/* generation 0: the sum over all. */
int32_t dealfsm_host_counters(dealfsm_host *host, uint32_t generation, dealfsm_counters *out, dealfsm_error *error);

/* ---- Worker pool: where what came from a store's or a network's own thread is handed to the machines. Its threads are
 * called "dealfsm-worker", the writer of a store "dealfsm-store" (top, gdb, perf show it). */

/* Runs fn(ctx) once, in a worker thread; jobs start in the order of their submission and run in parallel. With
 * queue_jobs of them waiting, a thread of the host's waits here for room; inside a job or callback the queue grows
 * instead, so that nobody waits for himself. A job may call any function of this library but dealfsm_host_free. Must
 * not be called during dealfsm_host_free, except inside jobs. [any] */
int32_t dealfsm_host_submit(dealfsm_host *host, void (*fn)(void *ctx), void *ctx, dealfsm_error *error);

#ifdef __cplusplus
}
#endif
#endif
