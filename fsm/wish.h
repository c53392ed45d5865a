/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef FSM_WISH_H
#define FSM_WISH_H

/* What an entry handler says its wish with: an event or op first, then its arguments in order. */

#include "machine.h"

void fsm_raise(fsm_next *next, uint32_t event);
void fsm_ask(fsm_next *next, uint32_t op);

void fsm_with(fsm_next *next, fsm_value value);
void fsm_with_bytes(fsm_next *next, fsm_kind kind, fsm_bytes bytes);
/* Bytes, or no value when they are none. */
void fsm_with_optional(fsm_next *next, fsm_kind kind, fsm_bytes bytes);
void fsm_with_number(fsm_next *next, fsm_kind kind, uint64_t number);
void fsm_with_channel(fsm_next *next, const fsm_channel *channel);

/* Raises an event whose only argument is the text of an error. */
void fsm_raise_error(fsm_next *next, uint32_t event, fsm_bytes text);

/* False: the answer is good. Else raises event with the answer's error, or with `nonsense`, a text that says why an
 * answer without error makes no sense (difference 5) or NULL. */
bool fsm_failed(const fsm_answer *answer, const char *nonsense, uint32_t event, fsm_scratch *scratch, fsm_next *next);

/* The decimal text of an amount, in a buffer of FSM_AMOUNT_DECIMAL_MAX characters. */
fsm_bytes fsm_decimal_text(const fsm_amount *amount, char *buffer);

#endif
