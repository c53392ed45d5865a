/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "error.h"
#include "manifest.h"
#include "module.h"

/* The functions of the table, in its order. */
static const char *const function_names[] = {"interface", "open",    "close",    "create", "dispatch",  "complete",
                                             "stored",    "retry",   "query",    "list",   "subscribe", "unsubscribe",
                                             "snapshot",  "restore", "activate", "freeze", "thaw",      "drop",
                                             "forget",    "release", "counters"};

typedef void any_fn(void);
enum {
    FUNCTIONS_START = offsetof(dealfsm_functions, interface),
    FUNCTIONS = (sizeof(dealfsm_functions) - FUNCTIONS_START) / sizeof(any_fn *)
};
_Static_assert(sizeof function_names / sizeof function_names[0] == FUNCTIONS, "a name for each function of the table");

static int32_t check_functions(const dealfsm_module_info *info, dealfsm_error *error)
{
    const dealfsm_functions *table = info->functions;
    if (table->struct_size < sizeof *table)
        return host_error(error, DEALFSM_E_MISSING, "functions", "%s: expected a function table of %zu bytes, found %u",
                          host_short(info->path), sizeof *table, table->struct_size);
    for (size_t i = 0; i < FUNCTIONS; i++) {
        any_fn *function;
        memcpy(&function, (const char *)table + FUNCTIONS_START + i * sizeof function, sizeof function);
        if (function == NULL)
            return host_error(error, DEALFSM_E_MISSING, function_names[i],
                              "%s: the function %s is missing in its table: the module is unfinished",
                              host_short(info->path), function_names[i]);
    }
    return DEALFSM_OK;
}

static int32_t lies(const dealfsm_module_info *info, const char *what, const char *note, const char *found,
                    dealfsm_error *error)
{
    return host_error(error, DEALFSM_E_CORRUPT, "manifest",
                      "%s: its note is not true: %s is \"%.60s\" there, found %.80s", host_short(info->path), what,
                      note, found);
}

/* An interface that the note offers, or NULL if it offers none such. Each begins with its struct_size. */
static int32_t find_interface(const dealfsm_module_info *info, const char *id, size_t size, const void **found,
                              dealfsm_error *error)
{
    const dealfsm_manifest *manifest = info->manifest;
    *found = NULL;
    if (!host_list_has(manifest->offers, manifest->offers_count, id))
        return DEALFSM_OK;
    *found = info->functions->interface(id);
    if (*found == NULL)
        return lies(info, "offers", id, "no such interface in the module", error);
    uint32_t struct_size = *(const uint32_t *)*found;
    if (struct_size < size)
        return host_error(error, DEALFSM_E_MISSING, id, "%s: expected an interface %s of %zu bytes, found %" PRIu32,
                          host_short(info->path), id, size, struct_size);
    return DEALFSM_OK;
}

static int32_t check_describe(const dealfsm_module_info *info, dealfsm_error *error)
{
    const char *version = info->describe->machine_version;
    if (version == NULL || strcmp(version, info->manifest->machine_version) != 0)
        return lies(info, "machine", info->manifest->machine_version, version != NULL ? version : "none", error);
    return DEALFSM_OK;
}

int32_t host_module_check(dealfsm_module_info *info, dealfsm_error *error)
{
    const dealfsm_functions *functions = info->functions;
    const dealfsm_manifest *manifest = info->manifest;
    int32_t result = check_functions(info, error);
    if (result < 0)
        return result;
    if (functions->abi_minor > DEALFSM_ABI_MINOR)
        return host_error(error, DEALFSM_E_ABI, "abi", "%s: was offered ABI minors 0 to %u and took %u",
                          host_short(info->path), DEALFSM_ABI_MINOR, functions->abi_minor);
    info->abi_minor = functions->abi_minor;
    if (functions->manifest == NULL || strcmp(functions->manifest, manifest->text) != 0)
        return lies(info, "name", manifest->name, "another manifest in the module", error);
    const void *describe = NULL;
    const void *record = NULL;
    result = find_interface(info, "describe/1", sizeof *info->describe, &describe, error);
    if (result >= 0)
        result = find_interface(info, "record/1", sizeof *info->record, &record, error);
    info->describe = describe;
    info->record = record;
    if (result >= 0 && describe != NULL)
        result = check_describe(info, error);
    return result;
}
