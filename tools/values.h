/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_VALUES_H
#define TOOLS_VALUES_H

/* Values, arguments and records as JSON, to and fro. What a machine's records, events and ops hold comes from
 * describe/1; no version is known here. Forms (those of the golden vectors): byte strings in lowercase hex, amounts
 * and u64 as decimal text, flags as true/false, none as null, texts as texts, a channel as {initiator, responder, id},
 * an argument as an object with one key, the kind: {"amount": "5"}. Texts that are not UTF-8: a record has <field>_hex
 * beside the field; an argument has {"hex": …} in place of the text. */

#include <dealfsm/base.h>
#include <dealfsm/environment.h>
#include <dealfsm/record.h>

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "description.h"

/* ---- Memory that is given back all at once: what the functions below read out of JSON points into it. */
typedef struct values_arena values_arena;
values_arena *values_arena_new(void); /* NULL: out of memory */
void values_arena_free(values_arena *arena);
void values_arena_clear(values_arena *arena);
/* Zeroed, aligned for anything; ends the program with a message when memory is out: tools only. */
void *values_take(values_arena *arena, size_t size);

/* ---- Single forms. The from-functions answer false for anything that is not exactly that form. */
char *values_hex(values_arena *arena, const uint8_t *data, uint64_t size); /* NUL at the end */
bool values_unhex(values_arena *arena, const char *text, const uint8_t **data, uint64_t *size);
char *values_decimal(values_arena *arena, const uint8_t *amount, uint64_t size); /* of an amount in its stored form */
bool values_amount(values_arena *arena, const char *text, const uint8_t **amount, uint64_t *size);
bool values_u64(const char *text, uint64_t *number);

/* "amount", "text", …; NULL for a number that is no kind. */
const char *values_kind_name(uint32_t kind);

/* ---- Values. `arena` is for work in between; the JSON is the caller's. */
json_t *values_to_json(values_arena *arena, const dealfsm_value *value);
bool values_from_json(values_arena *arena, uint32_t kind, const json_t *json, dealfsm_value *out);
/* Arguments of events: [{"amount": "5"}, …]. {"nil": true} is a value of kind NONE. */
json_t *values_args_to_json(values_arena *arena, const dealfsm_value *args, uint32_t count, uint32_t stride);
bool values_args_from_json(values_arena *arena, const json_t *json, dealfsm_value **args, uint32_t *count);
/* Arguments of an op: {"pay_ch": "…", …}, named as describe/1 names them. */
json_t *values_op_to_json(values_arena *arena, const dealfsm_op_info *info, const dealfsm_op *op);
/* An answer to `info`: {"error": text}, {"shortfall": amount}, {"ok": true} or the values by name; keys in `ignored`
 * (ends with NULL) are not looked at. Sets outcome, text and values of *out. False: *why, in `arena`, says what is
 * wrong. */
bool values_answer_from_json(values_arena *arena, const dealfsm_op_info *info, const json_t *json,
                             const char *const *ignored, dealfsm_answer *out, const char **why);

/* ---- Records: the fields that describe/1 lists, "a.b" as member b of object a. */
json_t *values_record_to_json(values_arena *arena, const description *machine, const dealfsm_record *record);
/* False: *why, in `arena`, names the field. Keys that the machine does not store are refused, too. */
bool values_record_from_json(values_arena *arena, const description *machine, const json_t *json, dealfsm_record *out,
                             const char **why);
/* The first field in which two records differ, or NULL. */
const dealfsm_field_info *values_record_difference(const description *machine, const dealfsm_record *a,
                                                   const dealfsm_record *b);
/* A field of a record as a value, NONE where it is none. */
dealfsm_value values_field(const dealfsm_field_info *field, const dealfsm_record *record);

#endif
