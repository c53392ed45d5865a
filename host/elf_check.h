/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef HOST_ELF_CHECK_H
#define HOST_ELF_CHECK_H

/* What can be known of a module's file without loading it. */

#include "file.h"

/* Finds the text of the manifest in the ELF note. *text ends with NUL and lives as long as *file. DEALFSM_E_CORRUPT:
 * not ELF, cut off, or without (whole) note. */
int32_t host_elf_manifest(const char *path, const host_file *file, const char **text, dealfsm_error *error);

/* DEALFSM_E_CORRUPT: not a shared object. DEALFSM_E_VERSION: for another CPU. */
int32_t host_elf_fits(const char *path, const host_file *file, dealfsm_error *error);

/* DEALFSM_E_ABI: it exports the symbol of another ABI major. DEALFSM_E_CORRUPT: it exports none. */
int32_t host_elf_symbol(const char *path, const host_file *file, dealfsm_error *error);

#endif
