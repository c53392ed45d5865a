/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "elf_check.h"
#include "error.h"
#include "library.h"
#include "store_library.h"

/* Loads libraries of stores, as module.c loads modules: by content, for good. */

typedef struct loaded {
    struct loaded *next;
    char sha256[HOST_SHA256_TEXT];
    dealfsm_store_library_fn *function;
} loaded;

static loaded *all; /* guarded by the linker's lock */

static int32_t map_copy(const char *path, const char *copy, loaded *entry, dealfsm_error *error)
{
    lt_dlhandle handle = NULL;
    void *symbol;
    int32_t result = host_library_map(path, copy, &handle, error);
    if (result >= 0 && host_library_symbol(path, handle, DEALFSM_STORE_LIBRARY_SYMBOL, &symbol, NULL) < 0)
        result = host_error(error, DEALFSM_E_CORRUPT, "url",
                            "%s: expected the exported function " DEALFSM_STORE_LIBRARY_SYMBOL
                            ", found none: not a library of a store",
                            host_short(path));
    if (result >= 0)
        memcpy(&entry->function, &symbol, sizeof entry->function);
    return result;
}

/* A directory of our own goes as soon as the copy is mapped: the mapping holds the file. */
static int32_t map_file(const char *path, const host_file *file, const char *private_dir, loaded *entry,
                        dealfsm_error *error)
{
    char *directory, *copy = NULL;
    int32_t result = host_directory(private_dir, &directory, error);
    if (result < 0)
        return result;
    result = host_file_copy(file, directory, &copy, error);
    if (result >= 0)
        result = map_copy(path, copy, entry, error);
    if (private_dir == NULL)
        host_directory_remove(directory);
    free(copy);
    free(directory);
    return result;
}

static int32_t load(const char *path, const host_file *file, const char *private_dir, loaded **found,
                    dealfsm_error *error)
{
    for (loaded *one = all; one != NULL; one = one->next) {
        if (strcmp(one->sha256, file->sha256) == 0) {
            *found = one;
            return DEALFSM_OK;
        }
    }
    loaded *entry = calloc(1, sizeof *entry);
    if (entry == NULL)
        return host_error(error, DEALFSM_E_NO_MEMORY, "", "out of memory for a store's library");
    memcpy(entry->sha256, file->sha256, sizeof entry->sha256);
    int32_t result = map_file(path, file, private_dir, entry, error);
    if (result < 0) {
        free(entry);
        return result;
    }
    entry->next = all;
    all = entry;
    *found = entry;
    return DEALFSM_OK;
}

int32_t store_library_load(const char *path, const char *private_dir, dealfsm_store_library_fn **function,
                           dealfsm_error *error)
{
    host_file file;
    loaded *found = NULL;
    if (access(path, F_OK) != 0)
        return host_error(error, DEALFSM_E_NOT_FOUND, "url", "%s: the store's library is not there: %s",
                          host_short(path), strerror(errno));
    int32_t result = host_file_read(path, &file, error);
    if (result < 0)
        return result;
    result = host_elf_fits(path, &file, error);
    if (result >= 0) {
        host_library_lock();
        result = load(path, &file, private_dir, &found, error);
        host_library_unlock();
    }
    host_file_free(&file);
    if (result >= 0)
        *function = found->function;
    return result;
}
