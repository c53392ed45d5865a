/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A function of the table is missing. */
#define STAND_IN_WITHOUT_THAW
#include "stand_in.h"
