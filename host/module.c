/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "module.h"

#include <stdlib.h>
#include <string.h>

#include "elf_check.h"
#include "error.h"
#include "library.h"
#include "manifest.h"

static dealfsm_module *modules; /* mapped by this process; guarded by the linker's lock */

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

static int32_t negotiate(dealfsm_module *module, lt_dlhandle handle, dealfsm_error *error)
{
    dealfsm_module_fn *function;
    void *symbol;
    int32_t result = host_library_symbol(module->info.path, handle, DEALFSM_MODULE_SYMBOL, &symbol, error);
    if (result < 0)
        return result;
    memcpy(&function, &symbol, sizeof function);
    dealfsm_offer offer = {.struct_size = sizeof offer, .minor_min = 0, .minor_max = DEALFSM_ABI_MINOR};
    dealfsm_error why = {.struct_size = sizeof why};
    result = function(&offer, &module->info.functions, &why);
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
    result = host_library_map(module->info.path, copy, &handle, error);
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
    host_library_lock();
    result = load_content(path, &file, directory, ctx, module, error);
    host_library_unlock();
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
