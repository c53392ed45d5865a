/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The function is there, under a name that nobody knows. */
#define STAND_IN_SYMBOL some_other_name
#include "stand_in.h"
