/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef HOST_LIBRARY_H
#define HOST_LIBRARY_H

/* The dynamic linker, through libltdl, for modules and libraries of stores. */

#include <dealfsm/base.h>
#include <ltdl.h>

/* libltdl keeps its state in globals: one lock for it and for the lists of what this process has mapped. */
void host_library_lock(void);
void host_library_unlock(void);

/* With the lock held: maps the private copy of what is at `path`, for good, its symbols visible to nobody else. */
int32_t host_library_map(const char *path, const char *copy, lt_dlhandle *handle, dealfsm_error *error);
/* With the lock held: *symbol is the address of an exported name. */
int32_t host_library_symbol(const char *path, lt_dlhandle handle, const char *name, void **symbol,
                            dealfsm_error *error);

#endif
