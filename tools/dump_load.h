/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_DUMP_LOAD_H
#define TOOLS_DUMP_LOAD_H

/* Modules, loaded by the library for hosts, with all that their describe/1 tells. */

#include <dealfsm/host.h>

#include <stddef.h>

#include "description.h"

typedef struct dump_module {
    dealfsm_module_info info; /* describe and record are there */
    description machine;
} dump_module;

typedef struct dump_modules {
    dealfsm_host *host;
    dump_module *list;
    size_t count;
} dump_modules;

/* Loads one more module into *all, which is {0} at first. False: a message was written to standard error. */
bool dump_load(dump_modules *all, const char *path);

/* Loads every *.so of a folder, NULL for where modules are installed; the newest machine version is last. One that is refused
 * is told on standard error and left out. False: none was loaded (told, too). */
bool dump_load_folder(dump_modules *all, const char *folder);

void dump_unload(dump_modules *all);

/* For a machine in which deals are looked at, and never activated: nothing is asked for, nothing stored. */
extern const dealfsm_services dump_idle_services;

#endif
