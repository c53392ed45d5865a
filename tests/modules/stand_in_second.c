/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Another machine version. */
#define STAND_IN_VERSION "client 0.0.2"
#include "stand_in.h"
