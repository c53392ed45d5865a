/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_VALIDATE_STORE_H
#define TOOLS_VALIDATE_STORE_H

/* What the rules on durable stores share. Each case opens stores of its own below the place that --store names. */

#include <dealfsm/stores.h>

#include "validate.h"

/* Makes the place of a URL, which must not be there yet, so that nobody loses a store; false: a text was printed. */
bool store_place_make(const char *url);
void store_place_remove(const char *url);

/* Opens the store `name` in that place, with a plan of faults or NULL. NULL: it could not be opened, for which
 * *refused is the reason, if given, else the case has failed. */
dealfsm_store *store_open(validator *v, const char *name, uint32_t flags, const dealfsm_store_faults *faults,
                          int32_t *refused);
void store_close(validator *v, dealfsm_store *store);

/* A put of one deal with one applied event; revision, sequence and what is received are `mark`. */
int32_t store_put(validator *v, dealfsm_store *store, uint64_t deal, uint64_t mark);
void store_expect_put(validator *v, int32_t expected, int32_t found);
/* The revision of a deal's row, 0 for none. The case fails if it is not as store_put wrote it. */
uint64_t store_revision(validator *v, dealfsm_store *store, uint64_t deal);

/* All rows, a line each: deal, revision, status, flags; in the arena. */
const char *store_told(validator *v, dealfsm_store *store);

#endif
