/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_DUMP_WORDS_H
#define TOOLS_DUMP_WORDS_H

/* Words for what describe/1 tells: texts put together piece by piece, and names. All in an arena. */

#include <dealfsm/describe.h>

#include "description.h"
#include "values.h"

/* A text that grows; {.arena = …} is empty. */
typedef struct words {
    values_arena *arena;
    char *text; /* NULL: nothing was added */
    size_t length;
    size_t room;
} words;

void words_add(words *it, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Adds `separator` if there is text already, then `item`. */
void words_item(words *it, const char *separator, const char *item);
const char *words_text(const words *it); /* "" for none */

/* The name of a status as the specification writes it: "DealStatusFailing". That is the name that the machine prints, but for
 * the two statuses that some versions print otherwise (vocabulary.h: 8 and 29). A number without a name: "status 77". */
const char *words_status(values_arena *arena, const description *machine, uint64_t status);
const char *words_event(values_arena *arena, const description *machine, uint64_t event);
/* The same without "DealStatus", "ClientEvent". */
const char *words_state(values_arena *arena, const description *machine, uint64_t status);
const char *words_short_event(values_arena *arena, const description *machine, uint64_t event);

const char *words_op(values_arena *arena, const description *machine, uint32_t op);
const char *words_kind(uint32_t kind);      /* "amount" */
const char *words_class(uint32_t op_class); /* "repeat-safe" */
const char *words_from(uint32_t from);      /* "FromMany" */
const char *words_to(uint32_t to);          /* "ToJustRecord" */

/* "FromMany(Ongoing, FundsNeeded)", "To(FundsNeeded)" */
const char *words_clause_from(values_arena *arena, const description *machine, const dealfsm_clause_info *clause);
const char *words_clause_to(values_arena *arena, const description *machine, const dealfsm_clause_info *clause);

#endif
