/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "module.h"

#include <dlfcn.h>
#include <errno.h>
#include <ltdl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "elf_check.h"
#include "error.h"
#include "manifest.h"

/* libltdl keeps its state in globals: one lock for it and for the list of what this process has mapped. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static dealfsm_module *modules;
static bool ltdl_ready;

static int32_t no_memory(dealfsm_error *error)
{
    return host_error(error, DEALFSM_E_NO_MEMORY, "", "out of memory while a module was loaded");
}

static dealfsm_module *find(const char *sha256)
{
    for (dealfsm_module *module = modules; module != NULL; module = module->next) {
        if (strcmp(module->sha256, sha256) == 0)
            return module;
    }
    return NULL;
}

static int32_t check_abi(const char *path, const dealfsm_manifest *manifest, dealfsm_error *error)
{
    if (manifest->abi_major == DEALFSM_ABI_MAJOR && manifest->abi_minor_min <= DEALFSM_ABI_MINOR)
        return DEALFSM_OK;
    return host_error(error, DEALFSM_E_ABI, "abi",
                      "%s: works with ABI %u.%u to %u.%u, this host with %u.0 to %u.%u: %s", host_short(path),
                      manifest->abi_major, manifest->abi_minor_min, manifest->abi_major, manifest->abi_minor_max,
                      DEALFSM_ABI_MAJOR, DEALFSM_ABI_MAJOR, DEALFSM_ABI_MINOR, "get a build for that, or a newer host");
}

/* All that can be told before anything of the file runs. */
static int32_t examine(const char *path, const host_file *file, dealfsm_manifest **manifest, dealfsm_error *error)
{
    const char *text;
    int32_t result = host_elf_fits(path, file, error);
    if (result >= 0)
        result = host_elf_symbol(path, file, error);
    if (result >= 0)
        result = host_elf_manifest(path, file, &text, error);
    if (result >= 0)
        result = host_manifest_parse(path, text, manifest, error);
    if (result >= 0) {
        result = check_abi(path, *manifest, error);
        if (result < 0)
            dealfsm_host_manifest_free(*manifest);
    }
    return result;
}

/* `number`: errno since the linker was asked; libltdl tells "no memory" in a text of its own only. */
static int32_t linker_refused(const char *path, const char *why, int number, dealfsm_error *error)
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
    int32_t result = linker_refused(path, why, number, error);
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
    int32_t result = linker_refused(path, lt_dlerror(), errno, error);
    lt_dlexit(); /* a failed lt_dlinit counts as done, half way */
    return result;
}

/* Maps the copy, for good, its symbols visible to nobody else. */
static int32_t map(const char *path, const char *copy, lt_dlhandle *handle, dealfsm_error *error)
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

static int32_t negotiate(dealfsm_module *module, lt_dlhandle handle, dealfsm_error *error)
{
    dealfsm_module_fn *function;
    void *symbol = lt_dlsym(handle, DEALFSM_MODULE_SYMBOL);
    if (symbol == NULL)
        return linker_refused(module->info.path, lt_dlerror(), 0, error);
    memcpy(&function, &symbol, sizeof function);
    dealfsm_offer offer = {.struct_size = sizeof offer, .minor_min = 0, .minor_max = DEALFSM_ABI_MINOR};
    dealfsm_error why = {.struct_size = sizeof why};
    int32_t result = function(&offer, &module->info.functions, &why);
    if (result < 0)
        return host_error(error, result, "abi", "%s: refuses this host: %s", host_short(module->info.path), why.text);
    if (module->info.functions == NULL)
        return host_error(error, DEALFSM_E_MISSING, "functions", "%s: agreed, but gave no functions",
                          host_short(module->info.path));
    return host_module_check(&module->info, error);
}

/* The entry of a module, with its path; nothing of it is shared with the caller. */
static dealfsm_module *new_entry(const char *path, const host_file *file)
{
    dealfsm_module *module = calloc(1, sizeof *module);
    if (module == NULL)
        return NULL;
    module->info.struct_size = sizeof module->info;
    module->info.path = strdup(path);
    module->info.size = file->size;
    module->refusal.struct_size = sizeof module->refusal;
    memcpy(module->sha256, file->sha256, sizeof module->sha256);
    module->info.sha256 = module->sha256;
    if (module->info.path == NULL) {
        free(module);
        return NULL;
    }
    return module;
}

static void free_entry(dealfsm_module *module)
{
    free((char *)module->info.path);
    free((char *)module->info.copy);
    free(module);
}

/* Maps an entry whose manifest is known; from then on it stays in the list, whatever comes of it. */
static int32_t map_entry(dealfsm_module *module, const host_file *file, const char *directory, dealfsm_error *error)
{
    char *copy;
    lt_dlhandle handle = NULL;
    int32_t result = host_file_copy(file, directory, &copy, error);
    if (result < 0)
        return result;
    module->info.copy = copy;
    result = map(module->info.path, copy, &handle, error);
    if (result < 0)
        return result;
    negotiate(module, handle, &module->refusal);
    module->next = modules;
    modules = module;
    return DEALFSM_OK;
}

static int32_t load_entry(const char *path, const host_file *file, dealfsm_manifest *manifest, const char *directory,
                          dealfsm_module **module, dealfsm_error *error)
{
    dealfsm_module *entry = new_entry(path, file);
    if (entry == NULL)
        return no_memory(error);
    entry->info.manifest = manifest;
    int32_t result = map_entry(entry, file, directory, error);
    if (result < 0)
        free_entry(entry);
    else
        *module = entry;
    return result;
}

static int32_t load_new(const char *path, const host_file *file, host_directory_fn *directory, void *ctx,
                        dealfsm_module **module, dealfsm_error *error)
{
    dealfsm_manifest *manifest;
    const char *name;
    int32_t result = examine(path, file, &manifest, error);
    if (result < 0)
        return result;
    result = directory(ctx, &name, error);
    if (result >= 0)
        result = load_entry(path, file, manifest, name, module, error);
    if (result < 0)
        dealfsm_host_manifest_free(manifest);
    return result;
}

/* Finds or maps the content; with the lock held. */
static int32_t load_content(const char *path, const host_file *file, host_directory_fn *directory, void *ctx,
                            dealfsm_module **module, dealfsm_error *error)
{
    dealfsm_module *found = find(file->sha256);
    int32_t result = found != NULL ? DEALFSM_OK : load_new(path, file, directory, ctx, &found, error);
    if (result < 0)
        return result;
    if (found->refusal.code != 0)
        return host_error(error, found->refusal.code, found->refusal.field, "%s", found->refusal.text);
    *module = found;
    return DEALFSM_OK;
}

int32_t host_module_load(const char *path, host_directory_fn *directory, void *ctx, dealfsm_module **module,
                         dealfsm_error *error)
{
    host_file file;
    int32_t result = host_file_read(path, &file, error);
    if (result < 0)
        return result;
    pthread_mutex_lock(&lock);
    result = load_content(path, &file, directory, ctx, module, error);
    pthread_mutex_unlock(&lock);
    host_file_free(&file);
    return result;
}

int32_t dealfsm_host_module_info(const dealfsm_module *module, dealfsm_module_info *out, dealfsm_error *error)
{
    if (module == NULL)
        return host_error(error, DEALFSM_E_ARGUMENT, "module", "module is NULL: give one that was loaded");
    return host_give(out, &module->info, sizeof module->info, "out", error);
}

int32_t dealfsm_host_manifest(const char *path, dealfsm_manifest **manifest, dealfsm_error *error)
{
    if (path == NULL || manifest == NULL)
        return host_error(error, DEALFSM_E_ARGUMENT, path == NULL ? "path" : "manifest",
                          "expected a pointer, found NULL");
    host_file file;
    const char *text;
    int32_t result = host_file_read(path, &file, error);
    if (result < 0)
        return result;
    result = host_elf_manifest(path, &file, &text, error);
    if (result >= 0)
        result = host_manifest_parse(path, text, manifest, error);
    host_file_free(&file);
    return result;
}
