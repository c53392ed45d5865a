/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef PLUGIN_SELECTOR_H
#define PLUGIN_SELECTOR_H

/* Selectors as client 1.28.3 stores them: CBOR in the one form of DAG-CBOR. Keys of maps are texts, sorted by length, then
 * bytewise, none twice; integers from -2^63; floats of 64 bits; simple values false, true, null; tag 42 only, on the
 * bytes of a CID behind a 00. Source: spec page v1.28.3, "Record and stored bytes". */

#include "cbor.h"

enum { SELECTOR_DEPTH_MAX = 256 }; /* items inside each other: reading takes stack for each */

/* One item in that form; otherwise as cbor_read_any. */
bool selector_read(cbor_reader *r, fsm_bytes *out);

/* Writes a selector of any form (one item, as cbor_read_any took it) in that form: sorts keys, widens floats, drops
 * tags on what is not bytes, makes undefined null. *out lies in `room` (selector_room(size) bytes, aligned as malloc does). False: it has no such
 * form; *why (a constant text) tells. */
bool selector_rewrite(fsm_bytes selector, uint8_t *room, fsm_bytes *out, const char **why);
uint64_t selector_room(uint32_t size);

#endif
