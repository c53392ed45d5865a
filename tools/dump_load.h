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

/* The module of a machine version; NULL: none, or version is NULL. */
const dump_module *dump_module_of(const dump_modules *all, const char *version);

/* A machine of each module, in the order of the list, in which deals are looked at, and never activated: nothing is asked
 * for, nothing stored. `command` is for messages. NULL: one cannot be opened; it has been told. */
dealfsm_machine **dump_machines_open(const dump_modules *all, const char *command);
void dump_machines_close(const dump_modules *all, dealfsm_machine **machines); /* NULL: nothing to do */

#endif
