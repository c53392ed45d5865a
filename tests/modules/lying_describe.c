/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* describe/1 tells another machine version than the manifest. */
#define STAND_IN_DESCRIBED "client 0.0.9"
#include "stand_in.h"
