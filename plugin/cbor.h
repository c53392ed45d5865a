/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef PLUGIN_CBOR_H
#define PLUGIN_CBOR_H

/* CBOR (RFC 8949) in the one form that records and sidecars have: shortest heads, definite lengths. Writing goes through
 * libcbor's encoders that do not allocate. Reading does not go through libcbor: its stream decoder (0.8) refuses simple
 * values that a selector may hold and gives floats as numbers, so that the bits of a NaN are lost. Nothing here allocates. */

#include "../fsm/amount.h"

typedef struct cbor_reader {
    const uint8_t *start;
    const uint8_t *at;
    const uint8_t *end;
    const char *why; /* NULL, or why reading stopped at `at` (a constant text) */
} cbor_reader;

/* A head: major type and argument. */
enum { CBOR_UINT = 0, CBOR_NEGINT = 1, CBOR_BYTES = 2, CBOR_TEXT = 3, CBOR_ARRAY = 4, CBOR_MAP = 5, CBOR_TAG = 6, CBOR_SIMPLE = 7 };
enum { CBOR_FALSE = 0xf4, CBOR_TRUE = 0xf5, CBOR_NULL = 0xf6 };

/* At the beginning of the bytes; data may be NULL where size is 0. */
cbor_reader cbor_reader_of(fsm_bytes bytes);

/* All of these return false after a failure, and leave *r where it happened. */
bool cbor_fail(cbor_reader *r, const char *why);
bool cbor_read_head(cbor_reader *r, uint8_t *major, uint64_t *argument);
/* A head of that major type; the argument is a number, a length or a count. */
bool cbor_read(cbor_reader *r, uint8_t major, uint64_t *argument, const char *expected);
/* A byte or text string of at most `max` bytes. */
bool cbor_read_string(cbor_reader *r, uint8_t major, uint32_t max, fsm_bytes *out, const char *expected);
/* True: the next byte is null (f6), which was taken. */
bool cbor_take_null(cbor_reader *r);
bool cbor_read_flag(cbor_reader *r, bool *out);
/* One item of any shape, as the reference's reader takes it: arrays and maps up to 8,192 entries, strings up to 2 MiB. Nesting
 * is not bounded: it costs no memory here. */
bool cbor_read_any(cbor_reader *r, fsm_bytes *out);

/* Counts what it is given, and writes it as long as there is room. */
typedef struct cbor_writer {
    uint8_t *buffer;
    uint64_t capacity;
    uint64_t length; /* needed so far; above capacity: nothing complete was written */
} cbor_writer;

void cbor_write_raw(cbor_writer *w, fsm_bytes bytes);
void cbor_write_head(cbor_writer *w, uint8_t major, uint64_t argument);
void cbor_write_string(cbor_writer *w, uint8_t major, fsm_bytes bytes);
void cbor_write_byte(cbor_writer *w, uint8_t byte); /* CBOR_FALSE, CBOR_TRUE, CBOR_NULL */

#endif
