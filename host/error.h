/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef HOST_ERROR_H
#define HOST_ERROR_H

/* Errors and the sizes of structs, by the rules of <dealfsm/base.h>. */

#include <dealfsm/base.h>
#include <stddef.h>

/* Fills *error if it is there and has no error yet, and returns code. */
int32_t host_error(dealfsm_error *error, int32_t code, const char *field, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Copies what both sides know of the caller's struct into mine (`size` bytes), the rest zero. */
int32_t host_take(void *mine, size_t size, const void *theirs, const char *field, dealfsm_error *error);

/* Copies what both sides know of mine into the caller's struct. */
int32_t host_give(void *theirs, const void *mine, size_t size, const char *field, dealfsm_error *error);

/* The end of a path, short enough to leave room for the reason in an error text. */
const char *host_short(const char *path);

#endif
