/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef HOST_STORE_LIBRARY_H
#define HOST_STORE_LIBRARY_H

/* What the files of the driver for stores in libraries of their own share. */

#include <dealfsm/storelibrary.h>

#include "store.h"

typedef struct library_store {
    dealfsm_store *store;
    const char *place;
    dealfsm_store_library its;
    dealfsm_store_v1 service; /* put NULL: read-only */
    pthread_mutex_t lock;     /* guards the puts on their way */
    pthread_cond_t done;      /* none waits any more */
    store_put *waiting;       /* of this commit, from the first that may wait on */
    uint64_t pending;
} library_store;

/* Finds the exported function of a library, which is loaded at its first use. store_library_load.c */
int32_t store_library_load(const char *path, const char *private_dir, dealfsm_store_library_fn **function,
                           dealfsm_error *error);

int32_t library_commit(void *handle, store_put *first, dealfsm_error *error);
/* Given to the library. */
void library_stored(void *ctx, uint64_t deal, uint64_t revision, int32_t outcome);

#endif
