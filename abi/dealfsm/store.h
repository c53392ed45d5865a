/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef DEALFSM_STORE_H
#define DEALFSM_STORE_H

/* Service "store/1": where a machine makes its deals durable. Without it the machine works in memory and every put counts
 * as durable at once. */

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a put may come to; also what `stored` reports (never PENDING there). Any other number that put returns counts as
 * FAILED; `stored` refuses it. */
enum {
    DEALFSM_PUT_DURABLE = 1, /* on disk, as revision `revision` */
    DEALFSM_PUT_FAILED = 2,  /* perhaps on disk, perhaps not: the deal stalls, retry puts again with a higher revision */
    DEALFSM_PUT_LOST = 3,    /* the row has this revision or a higher one, or another owner: the deal leaves the machine */
    DEALFSM_PUT_PENDING = 4  /* `stored` will be called once for this revision */
};

/* What happened to an event; MOVED: to the deal itself. */
enum {
    DEALFSM_HAPPENED_APPLIED = 1,
    DEALFSM_HAPPENED_REFUSED = 2,
    DEALFSM_HAPPENED_TERMINATED = 3, /* it was queued when the deal ended */
    /* The deal came from another machine version: its first put here says so. No subscriber is told. A thaw says
     * nothing: its put replaces what a failed put of the other side has left. */
    DEALFSM_HAPPENED_MOVED = 4
};

typedef struct dealfsm_happened {
    uint32_t struct_size;
    uint32_t kind; /* DEALFSM_HAPPENED_… */
    uint32_t event; /* MOVED: 0, which says nothing */
    int32_t reason; /* 0, or the DEALFSM_E_… that refused it */
    uint64_t sequence; /* of the deal after this event; MOVED: that of the row */
    uint64_t from;     /* status before; MOVED: on the other machine version */
    uint64_t to;       /* status after; MOVED: on this one */
    const char *message; /* APPLIED: the record's Message; MOVED: the other machine version; else the reason in words */
    uint64_t message_len;
} dealfsm_happened;

/* One row. Per deal at most one put is under way. A store takes it only if `revision` is above its row's, else LOST. */
typedef struct dealfsm_put {
    uint32_t struct_size;
    uint32_t final_state; /* 1: the deal has ended; nothing but final puts follows */
    uint64_t deal;
    uint64_t revision; /* from 1; grows with every put of this deal */
    uint64_t sequence; /* events applied so far */
    uint64_t status;
    const char *machine_version; /* "client 0.5.6", ends with NUL, lives as long as the module */
    const uint8_t *record;       /* stored bytes, the reference's */
    uint64_t record_len;
    const uint8_t *sidecar; /* canonical CBOR, ours */
    uint64_t sidecar_len;
    const dealfsm_happened *happened; /* the applied event (or MOVED) first, then those refused or terminated since the last
                                         durable put;
                                         a put after a failed one names them again: a history replaces what the failed
                                         revision has left in it */
    uint32_t happened_count;
    uint32_t happened_stride;
} dealfsm_put;

typedef struct dealfsm_store_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    void *ctx;

    /* Makes the row durable, or queues it. Returns a DEALFSM_PUT_… number. Called with no lock held; everything in *put lives
     * until the call returns. `stored` may come before PENDING was returned. A store's own writer thread must not call into
     * the module while it holds what put needs. [any] */
    int32_t (*put)(void *ctx, const dealfsm_put *put);
} dealfsm_store_v1;

#ifdef __cplusplus
}
#endif
#endif
