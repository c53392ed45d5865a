/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_DUMP_RECORD_H
#define TOOLS_DUMP_RECORD_H

/* `dealfsm-dump record`: stored records, as people read them. */

#include <dealfsm/record.h>
#include <jansson.h>

#include "dump_load.h"
#include "paper.h"
#include "values.h"

/* Stored bytes, and where they came from: "FILE", "FILE, line 3", "--hex". */
typedef struct stored_bytes {
    const char *name;
    const uint8_t *data;
    uint64_t size;
} stored_bytes;

typedef struct stored_list {
    values_arena *arena; /* of all that is below */
    stored_bytes *list;
    size_t count;
    size_t room; /* entries that `list` has memory for */
} stored_list;

/* Adds what a file ("-": standard input) holds: stored bytes as they are, or as hex, a record a line. No record begins with a
 * character of hex, so one cannot be taken for the other. False: a message was written to standard error. */
bool stored_add_file(stored_list *all, const char *path);
bool stored_add_hex(stored_list *all, const char *name, const char *hex, size_t size);

/* A record that was read. */
typedef struct read_record {
    const stored_bytes *stored;
    const description *machine; /* whose layout it is */
    dealfsm_record record;
} read_record;

/* A field as people read it: CID, address or peer id in their text forms, FIL beside attoFIL, KiB beside bytes, the name of a
 * state, the selector in CBOR's diagnostic notation. */
const char *readable_field(values_arena *arena, const description *machine, const dealfsm_field_info *field,
                           const dealfsm_record *record);
const char *readable_value(values_arena *arena, const description *machine, const dealfsm_value *value, const char *unit);
const char *readable_amount(values_arena *arena, const char *attofil); /* of decimal text: "2 FIL (20…0 attoFIL)" */
const char *readable_fil(values_arena *arena, const char *attofil);
const char *readable_bytes(values_arena *arena, uint64_t bytes);
const char *readable_text(values_arena *arena, const uint8_t *data, uint64_t size); /* quoted; harmless on a terminal */
const char *readable_cbor(values_arena *arena, const uint8_t *data, uint64_t size);

/* What the deal waits for, from its status and describe/1: an object {status, name, final, handler, may_ask, may_raise, moves,
 * stays, records, drops}; share/schema/record.json. */
json_t *record_waits(values_arena *arena, const description *machine, uint64_t status);

/* What is paid and due: an object of decimal texts, only of what the machine's fields allow. */
json_t *record_payment(const read_record *it);

void record_text(values_arena *arena, const read_record *it, const paper *out);
json_t *record_json(values_arena *arena, const read_record *it);

/* The fields in which two records differ, also of two layouts; the number of them. */
size_t record_diff_text(values_arena *arena, const read_record *a, const read_record *b, const paper *out);
json_t *record_diff_json(values_arena *arena, const read_record *a, const read_record *b);

#endif
