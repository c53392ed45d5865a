/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_DUMP_ELF_H
#define TOOLS_DUMP_ELF_H

/* What a shared object's file says of itself, read with libelf; nothing is loaded or run. */

#include <jansson.h>

/* An object with the keys cpu, size, sha256, build_id, needs, exports, imports (lists of texts), security (an object of flags)
 * and writable_bytes: the member "elf" of share/schema/module.json. NULL: *why says why not. */
json_t *dump_elf(const char *path, const char **why);

#endif
