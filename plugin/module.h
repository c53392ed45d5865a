/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef PLUGIN_MODULE_H
#define PLUGIN_MODULE_H

/* What a module gives at its border. The build says which version it is: DEALFSM_OWN (version_client_1_0_9),
 * DEALFSM_VERSION ("client 1.0.9") and DEALFSM_READS ("client 0.5.6, client 1.0.9": it and those before it). */

#include "machine.h"

extern const dealfsm_describe_v1 describe_interface;

#endif
