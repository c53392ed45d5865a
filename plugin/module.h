/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef PLUGIN_MODULE_H
#define PLUGIN_MODULE_H

/* What a module gives at its border. The build says which version it is: DEALFSM_VERSION ("client 0.5.6"), DEALFSM_MACHINE
 * (fsm_client_0_5_6) and DEALFSM_LAYOUT (layout_client_0_5_6). */

#include "machine.h"

extern const dealfsm_describe_v1 describe_interface;

#endif
