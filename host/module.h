/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef HOST_MODULE_H
#define HOST_MODULE_H

/* A loaded module. Modules are known to the whole process and live until it ends. */

#include <dealfsm/host.h>

#include "file.h"

struct dealfsm_module {
    struct dealfsm_module *next;
    dealfsm_module_info info;
    char sha256[HOST_SHA256_TEXT];
    dealfsm_error refusal; /* code 0: none. What has run is not unmapped, so a refusal is remembered, too */
};

/* Gives the private directory, which the first call makes: ctx is the host's. Called with the loader's lock held. */
typedef int32_t host_directory_fn(void *ctx, const char **directory, dealfsm_error *error);

int32_t host_module_load(const char *path, host_directory_fn *directory, void *ctx, dealfsm_module **module,
                         dealfsm_error *error);

/* Holds what a mapped module says of itself against its note, and fills info. DEALFSM_E_CORRUPT, DEALFSM_E_MISSING. */
int32_t host_module_check(dealfsm_module_info *info, dealfsm_error *error);

#endif
