/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef BORDER_WORLD_H
#define BORDER_WORLD_H

/* What the kit gives its machine: services, and the words of the journal. */

#include "border_kit.h"

void kit_note(kit *k, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A name without "DealStatus", "ClientEvent"; of an op. */
const char *kit_status_word(uint64_t status);
const char *kit_event_word(uint32_t event);
const dealfsm_op_info *kit_op_info(uint32_t op);
/* Counts a moment at which the process may crash; true: it has. The caller holds the mutex. */
bool kit_moment(kit *k);
/* The op waits for kit_answer. The caller holds the mutex. */
void kit_wait(kit *k, const kit_op *key);
/* An amount of less than 2^32 attoFIL, in KIT_AMOUNT bytes. */
enum { KIT_AMOUNT = 5 };
uint64_t kit_store_amount(uint64_t number, uint8_t *out);
/* Puts a row in its place, or frees what it holds. */
void kit_land(kit_row *row, kit_row *put, bool said_to_have_failed);
void kit_row_free(kit_row *row);

#endif
