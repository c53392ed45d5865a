/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef HOST_FILE_H
#define HOST_FILE_H

/* A module's file, read whole, and private copies of it. */

#include <dealfsm/base.h>
#include <stddef.h>

enum { HOST_SHA256_TEXT = 65 };

typedef struct host_file {
    unsigned char *bytes; /* freed by host_file_free */
    size_t size;
    char sha256[HOST_SHA256_TEXT]; /* hex digits, NUL */
} host_file;

/* Reads a regular file of at most 256 MiB. DEALFSM_E_IO: it cannot be read; the text says why. */
int32_t host_file_read(const char *path, host_file *file, dealfsm_error *error);
void host_file_free(host_file *file);

/* Writes the bytes to `<directory>/<sha256>.so`, readable by us only, whole or not at all. *path is freed by the
 * caller. */
int32_t host_file_copy(const host_file *file, const char *directory, char **path, dealfsm_error *error);

/* Makes a private directory of our own (chosen NULL) or takes the chosen one, which is made if it is not there.
 * *directory is absolute and freed by the caller. */
int32_t host_directory(const char *chosen, char **directory, dealfsm_error *error);

/* Removes a directory with the files in it. */
void host_directory_remove(const char *directory);

#endif
