/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef PLUGIN_VERSION_H
#define PLUGIN_VERSION_H

/* What a module is made of: its machine version, and those before it, whose deals it takes over and gives back. */

#include "../fsm/move.h"
#include "layout.h"

typedef struct version {
    const fsm_machine *machine;
    const record_layout *layout;
    const struct version *before; /* NULL: the first one */
    fsm_move *up;                 /* from the one before to this */
    fsm_move *down;               /* from this to the one before */
    bool has_mark;                /* its record does not say which vouchers the transfer speaks: the sidecar does */
} version;

/* One of each, in plugin/client_X_Y_Z.c. */
extern const version version_client_0_5_6;
extern const version version_client_1_0_9;
extern const version version_client_1_28_3;

/* The build names the module's own: version_client_0_5_6, … */
#define module_version DEALFSM_OWN

/* By its full tag, among the module's own and those before it; NULL: not known here. */
const version *version_find(const char *tag);

#endif
