/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef PLUGIN_BORDER_H
#define PLUGIN_BORDER_H

/* What every function of the border does with its arguments: sized structs in and out, errors, values. */

#include <dealfsm/describe.h>
#include <dealfsm/module.h>

#include "../fsm/machine.h"

/* Fills *error unless it is NULL or holds an error already; returns code. */
int32_t border_fail(dealfsm_error *error, int32_t code, const char *field, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Reads a struct of the host: what both sides know, the rest zero. `size` is sizeof *out. */
int32_t border_read(void *out, uint32_t size, const void *in, const char *field, dealfsm_error *error);

/* The same without a copy where both sides know the same struct, as they mostly do: *in itself, which lives until the call
 * returns; else *room, filled as above. NULL: *code says why. */
static inline const void *border_see(void *room, uint32_t size, const void *in, const char *field, int32_t *code,
                                     dealfsm_error *error)
{
    if (in && (uintptr_t)in % sizeof(uint64_t) == 0 && *(const uint32_t *)in == size)
        return in;
    *code = border_read(room, size, in, field, error);
    return *code ? NULL : room;
}

/* Whether a struct of the host can be written to; sets *room to the bytes that may be written. */
int32_t border_check_out(const void *out, uint32_t size, uint32_t *room, const char *field, dealfsm_error *error);
/* Writes min(room, size) bytes of *mine behind the host's struct_size. */
void border_write(void *out, uint32_t room, const void *mine);

/* Converts `count` values at `values`. DEALFSM_E_ARGUMENT for a null, too short or inconsistent one. */
int32_t border_read_values(fsm_value *out, const dealfsm_value *values, uint32_t count, uint32_t stride,
                           const char *field, dealfsm_error *error);
void border_write_values(dealfsm_value *out, const fsm_value *values, uint32_t count);

/* The record as the other side of the border names it; spans stay where they are. */
void border_write_record(dealfsm_record *out, const fsm_record *record);
/* DEALFSM_E_ARGUMENT: a span of more than 4 GiB, a length without data, a flag other than 0 and 1. */
int32_t border_read_record(fsm_record *out, const dealfsm_record *in, dealfsm_error *error);

#endif
