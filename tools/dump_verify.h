/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_DUMP_VERIFY_H
#define TOOLS_DUMP_VERIFY_H

/* `dealfsm-dump verify`: the rules, and the sums per payment channel. */

#include "dump_store.h"

typedef enum verify_verdict {
    VERIFY_BROKEN,
    VERIFY_NOTED,     /* a machine version that has the deal, or had it before, is known to allow it */
    VERIFY_UNCHECKED, /* what would tell is not stored, or no module is there for it */
    VERIFY_VERDICTS
} verify_verdict;

/* Something that a rule has to say of a deal. */
typedef void verify_found_fn(void *ctx, uint64_t deal, const char *rule, verify_verdict verdict, const char *text);

/* A whole row against the rules for single records. */
void verify_record(store_view *view, const deal_row *it, verify_found_fn *found, void *ctx);

/* What the deal's own machine version does not allow: did one that does have it before? Adds to `text` which one, or why that
 * cannot be told. */
typedef bool verify_allows_fn(const description *machine);
verify_verdict verify_allowed_before(store_view *view, const deal_row *it, verify_allows_fn *allows, words *text);

/* ---- Payment channels */
typedef struct channels channels;
typedef struct channel_sum { /* amounts: decimal text */
    const uint8_t *address;
    uint64_t address_len;
    uint64_t deals;
    uint64_t lanes; /* with money on them */
    const char *funds;
    const char *spent;
} channel_sum;

channels *channels_new(void); /* NULL: out of memory */
void channels_free(channels *all);
/* Adds a whole row; false: out of memory. */
bool channels_add(channels *all, const deal_row *it);
/* Two deals that spend on one lane: vouchers are cumulative, so one of them is paid with the other's money. */
void channels_verify(channels *all, values_arena *arena, verify_found_fn *found, void *ctx);
/* Each channel, by address; the strings live until the arena is cleared. */
void channels_each(channels *all, values_arena *arena, void (*each)(void *ctx, const channel_sum *sum), void *ctx);

/* ---- History: false for out of memory. verify_history walks the events once all rows were remembered. */
typedef struct history_sums { /* of rows that are not damaged: how much of a deal's past the history tells */
    uint64_t whole;           /* each event from the first to the row's */
    uint64_t part;
    uint64_t none;
} history_sums;
typedef struct last_steps last_steps;
last_steps *last_steps_new(void);
void last_steps_free(last_steps *all);
bool last_steps_add(last_steps *all, const dealfsm_store_row *row); /* by ascending id */
void verify_history(store_view *view, last_steps *all, verify_found_fn *found, void *ctx, history_sums *sums);

#endif
