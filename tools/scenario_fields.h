/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_SCENARIO_FIELDS_H
#define TOOLS_SCENARIO_FIELDS_H

/* Objects of a scenario as tables: a row for each key says how it is read, where it goes and what it means. Reading, freeing,
 * the refusal of unknown keys and the description of the format all go by these rows. */

#include <jansson.h>

#include "scenario.h"

/* Where we are in the file, for messages. */
typedef struct place {
    const char *file;
    char path[160];
    text_why *why;
} place;

/* "FILE: PATH: …"; always false. */
bool place_refuse(const place *at, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The place of a member or (name NULL) of an element. */
place place_below(const place *at, const char *name, size_t index);

typedef bool field_reader(const place *at, const json_t *value, void *member);
typedef void field_free(void *member);

/* A kind of value. */
typedef struct field_kind {
    const char *expects; /* in words, for the description */
    field_reader *read;
    field_free *free; /* NULL: nothing to free */
} field_kind;

extern const field_kind FIELD_TEXT;      /* char * */
extern const field_kind FIELD_COUNT;     /* uint64_t, from 0 */
extern const field_kind FIELD_POSITIVE;  /* uint64_t, from 1 */
extern const field_kind FIELD_SIZE;      /* uint64_t, bytes, from 1 */
extern const field_kind FIELD_SIZES;     /* scenario_range, bytes */
extern const field_kind FIELD_GROWTH;    /* scenario_range, bytes; 0 is a size, too */
extern const field_kind FIELD_DURATION;  /* uint64_t, microseconds */
extern const field_kind FIELD_DURATIONS; /* scenario_range */
extern const field_kind FIELD_SHARE;     /* uint64_t, millionths */
extern const field_kind FIELD_AMOUNT;    /* mpz_t, initialised */
extern const field_kind FIELD_AMOUNTS;   /* scenario_amounts, initialised */
extern const field_kind FIELD_CID;       /* text_bytes */
extern const field_kind FIELD_ADDRESS;
extern const field_kind FIELD_PEER;
extern const field_kind FIELD_HEX;

typedef struct field {
    const char *key; /* NULL ends a table */
    const field_kind *kind;
    size_t offset;
    bool needed;
    const char *meaning; /* with the default, where there is one */
} field;

/* Reads an object by its table; a key that no row has is refused, and so is a needed one that is missing. */
bool fields_read(const place *at, const json_t *object, const field *fields, void *into);
void fields_free(const field *fields, void *of);

#endif
