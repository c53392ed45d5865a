/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef FSM_TEXT_H
#define FSM_TEXT_H

/* Texts of a record: joined from parts, and cut to what can be stored. */

#include "record.h"

/* A constant text without its NUL. */
fsm_bytes fsm_text(const char *text);

/* Writes the parts one behind the other to buffer (FSM_TEXT_MAX + FSM_TEXT_OVERHANG bytes) and returns them, cut. */
fsm_bytes fsm_text_join(char *buffer, const fsm_bytes *parts, uint32_t count);

#endif
