/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef DEALFSM_STORELIBRARY_H
#define DEALFSM_STORELIBRARY_H

/* A durable store of a host's own, in a shared object: library:FILE.so:PLACE wherever a store's URL is taken. FILE.so
 * exports one function, a dealfsm_store_library_fn by the name DEALFSM_STORE_LIBRARY_SYMBOL. It opens the store that
 * PLACE names (a path, or whatever the store likes) and answers with the service store/1 and with functions to read.
 * examples/stores/file.c is one; `dealfsm-validate MODULE --store library:FILE.so:PLACE` holds it to the rules.
 *
 * The file is loaded as modules are: from a private copy, its symbols visible to nobody else, mapped until the process
 * ends. Where a file is opened again with the same content, the same mapping answers. */

#include <dealfsm/store.h>
#include <dealfsm/stores.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DEALFSM_STORE_LIBRARY_SYMBOL "dealfsm_store_library_v1"

/* What is to be opened. Lives until the call returns; what it points to besides `place` lives until close. */
typedef struct dealfsm_store_request {
    uint32_t struct_size;
    uint32_t flags;            /* DEALFSM_STORE_READ_ONLY, DEALFSM_STORE_MUST_EXIST */
    const char *place;         /* what stands behind FILE.so: in the URL */
    const dealfsm_log_v1 *log; /* to be told what is found damaged; never NULL, nor is its function */
    void *stored_ctx;
    /* Reports what a put came to that was answered PENDING, once. From any thread, also within put. */
    void (*stored)(void *stored_ctx, uint64_t deal, uint64_t revision, int32_t outcome);
    uint32_t history_limit; /* a wish: so many events of a deal are enough, the last; 0: all */
    uint32_t reserved;
} dealfsm_store_request;

/* An open store. All pointers live until close has returned. */
typedef struct dealfsm_store_library {
    uint32_t struct_size;
    uint32_t layout; /* number of the layout on disk */
    void *ctx;       /* given to the functions below */

    /* store/1; NULL if it was opened read-only. One thread calls put, one put after the other; several puts may be
     * PENDING, for a store that makes many durable at once. DURABLE means: it is there after a power cut. A put whose
     * revision is not above its row's is LOST. */
    const dealfsm_store_v1 *service;

    /* The last put of each deal above *after (NULL: of all), by ascending deal id, as it was durable at some moment
     * since the call. Fills in of a row: deal, revision, sequence, status, machine_version, record, sidecar, created and
     * updated if known, flags FINAL; DAMAGED with `damage` for what cannot be read, which does not hide the rest. A
     * result of `each` other than 0 ends the walk, which returns it. `each` may call any function of this store but
     * close, so no lock that put needs may be held meanwhile. [any] */
    int32_t (*rows)(void *ctx, const uint64_t *after, dealfsm_store_row_fn *each, void *each_ctx, dealfsm_error *error);

    /* What the puts told of *deal (NULL: of all deals, by ascending id), in the order of their puts; names and amounts
     * of an event are not asked for. NULL: the store keeps none. [any] */
    int32_t (*history)(void *ctx, const uint64_t *deal, dealfsm_store_event_fn *each, void *each_ctx,
                       dealfsm_error *error);

    /* The put of this deal that comes next tells again what those of `revision` and above told, which failed: what they
     * left in the history goes. Called by the thread that calls put. NULL with `history`. */
    void (*retold)(void *ctx, uint64_t deal, uint64_t revision);

    /* Bytes on disk; NULL: not known. [any] */
    uint64_t (*bytes)(void *ctx);

    /* Nothing is under way any more. [outside] */
    void (*close)(void *ctx);
} dealfsm_store_library;

/* Opens a store, fills in *library up to its struct_size. Errors as those of dealfsm_store_open, with a text that names
 * the place; `error` is never NULL. A negative answer means that nothing is open. [any] */
typedef int32_t dealfsm_store_library_fn(const dealfsm_store_request *request, dealfsm_store_library *library,
                                         dealfsm_error *error);

#ifdef __cplusplus
}
#endif
#endif
