/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { PATH_SHOWN = 160 };

static void write_text(char *to, size_t size, const char *format, va_list args)
{
    /* A text that is too long is cut: that is the rule of dealfsm_error. */
    if (vsnprintf(to, size, format, args) < 0)
        to[0] = '\0';
}

int32_t host_error(dealfsm_error *error, int32_t code, const char *field, const char *format, ...)
{
    size_t field_end = offsetof(dealfsm_error, field) + sizeof error->field;
    if (error == NULL || error->struct_size < field_end || error->code != 0)
        return code;
    error->code = code;
    snprintf(error->field, sizeof error->field, "%s", field);
    size_t room = error->struct_size - field_end;
    if (room > 0) {
        va_list args;
        va_start(args, format);
        write_text(error->text, room < sizeof error->text ? room : sizeof error->text, format, args);
        va_end(args);
    }
    return code;
}

static int32_t check_struct(const void *theirs, const char *field, uint32_t *size, dealfsm_error *error)
{
    if (theirs == NULL)
        return host_error(error, DEALFSM_E_ARGUMENT, field, "%s is NULL: give a struct", field);
    memcpy(size, theirs, sizeof *size);
    if (*size < sizeof *size)
        return host_error(error, DEALFSM_E_ARGUMENT, field, "%s: struct_size is %u: set it to the sizeof of the struct",
                          field, *size);
    return DEALFSM_OK;
}

int32_t host_take(void *mine, size_t size, const void *theirs, const char *field, dealfsm_error *error)
{
    uint32_t given = 0;
    int32_t result = check_struct(theirs, field, &given, error);
    if (result < 0)
        return result;
    const unsigned char *bytes = theirs;
    for (size_t i = size; i < given; i++) {
        if (bytes[i] != 0)
            return host_error(error, DEALFSM_E_TOO_NEW, field,
                              "%s: %zu bytes are known here, byte %zu of %u is set: a newer library is needed", field,
                              size, i, given);
    }
    memset(mine, 0, size);
    memcpy(mine, theirs, given < size ? given : size);
    return DEALFSM_OK;
}

int32_t host_give(void *theirs, const void *mine, size_t size, const char *field, dealfsm_error *error)
{
    uint32_t given = 0;
    int32_t result = check_struct(theirs, field, &given, error);
    if (result < 0)
        return result;
    if (given > size)
        given = (uint32_t)size;
    memcpy((unsigned char *)theirs + sizeof given, (const unsigned char *)mine + sizeof given, given - sizeof given);
    return DEALFSM_OK;
}

const char *host_short(const char *path)
{
    size_t length = strlen(path);
    return length > PATH_SHOWN ? path + length - PATH_SHOWN : path;
}
