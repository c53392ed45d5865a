/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef PLUGIN_PACK_H
#define PLUGIN_PACK_H

/* A record at rest: one block with its numbers, the lengths of its spans and their bytes behind each other. Much smaller
 * than fsm_record, and much faster to open than stored bytes: this is what an idle deal costs. */

#include "../fsm/record.h"

typedef struct packed packed;

/* Bytes that a block needs for this record. */
uint64_t pack_size(const fsm_record *record);
/* block: pack_size(record) bytes, aligned as malloc does. The record must be storable (layout_write took it). */
void pack(packed *block, const fsm_record *record);
/* Spans of *out point into the block. */
void unpack(fsm_record *out, const packed *block, uint64_t id);
uint64_t packed_status(const packed *block);

#endif
