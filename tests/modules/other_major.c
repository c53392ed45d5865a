/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Speaks a later major of the ABI. */
#define STAND_IN_SYMBOL dealfsm_module_v2
#include "stand_in.h"
