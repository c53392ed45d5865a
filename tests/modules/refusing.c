/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Refuses every host. */
#define STAND_IN_REFUSAL "this module works with ABI 1.7 to 1.9, the host with 1.0 to 1.0"
#include "stand_in.h"
