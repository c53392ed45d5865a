/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "library.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "error.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool ltdl_ready;

void host_library_lock(void)
{
    pthread_mutex_lock(&lock);
}

void host_library_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

static int32_t no_memory(dealfsm_error *error)
{
    return host_error(error, DEALFSM_E_NO_MEMORY, "", "out of memory while a shared object was loaded");
}

/* `number`: errno since the linker was asked; libltdl tells "no memory" in a text of its own only. */
static int32_t refused(const char *path, const char *why, int number, dealfsm_error *error)
{
    if (number == ENOMEM)
        return no_memory(error);
    return host_error(error, DEALFSM_E_IO, "path", "%s: the dynamic linker refused it: %s", host_short(path),
                      why != NULL ? why : "no reason given");
}

/* libltdl says "file not found" whatever the reason was (it asks its other loaders, too, and keeps the last answer),
 * so the linker is asked again. */
static int32_t map_failed(const char *path, const char *copy, dealfsm_error *error)
{
    int number = errno;
    void *handle = number != ENOMEM ? dlopen(copy, RTLD_NOW | RTLD_LOCAL) : NULL;
    const char *why = handle == NULL ? dlerror() : lt_dlerror();
    int32_t result = refused(path, why, number, error);
    if (handle != NULL)
        dlclose(handle);
    return result;
}

static int32_t init_ltdl(const char *path, dealfsm_error *error)
{
    errno = 0;
    if (ltdl_ready || lt_dlinit() == 0) {
        ltdl_ready = true;
        return DEALFSM_OK;
    }
    int32_t result = refused(path, lt_dlerror(), errno, error);
    lt_dlexit(); /* a failed lt_dlinit counts as done, half way */
    return result;
}

int32_t host_library_map(const char *path, const char *copy, lt_dlhandle *handle, dealfsm_error *error)
{
    int32_t result = init_ltdl(path, error);
    if (result < 0)
        return result;
    lt_dladvise advise;
    errno = 0;
    if (lt_dladvise_init(&advise) != 0)
        return no_memory(error);
    lt_dladvise_local(&advise);
    lt_dladvise_resident(&advise);
    *handle = lt_dlopenadvise(copy, advise);
    if (*handle == NULL)
        result = map_failed(path, copy, error);
    lt_dladvise_destroy(&advise);
    return result;
}

int32_t host_library_symbol(const char *path, lt_dlhandle handle, const char *name, void **symbol, dealfsm_error *error)
{
    *symbol = lt_dlsym(handle, name);
    return *symbol != NULL ? DEALFSM_OK : refused(path, lt_dlerror(), 0, error);
}
