/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef FSM_TEXT_H
#define FSM_TEXT_H

/* Texts of a record: joined from parts, and cut to what can be stored. */

#include "record.h"

/* A constant text without its NUL. */
fsm_bytes fsm_text(const char *text);

/* Difference 4: a text of more than FSM_TEXT_MAX bytes is cut there; if that would split a well-formed UTF-8
 * sequence, before that sequence. */
fsm_bytes fsm_text_cut(fsm_bytes text);

/* Writes the parts one behind the other to buffer (FSM_TEXT_MAX + FSM_TEXT_OVERHANG bytes) and returns them, cut. */
fsm_bytes fsm_text_join(char *buffer, const fsm_bytes *parts, uint32_t count);

#endif
