/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef HOST_MANIFEST_H
#define HOST_MANIFEST_H

/* The text of a module's manifest (module.h), taken apart. */

#include <dealfsm/host.h>

/* Parses `text`, which ends with NUL. *manifest is freed by dealfsm_host_manifest_free. DEALFSM_E_CORRUPT: a line
 * without key, a key twice, a missing or malformed value; `path` is named in the text. */
int32_t host_manifest_parse(const char *path, const char *text, dealfsm_manifest **manifest, dealfsm_error *error);

/* 1 if the list has the text. */
int host_list_has(const char *const *list, uint32_t count, const char *text);

#endif
