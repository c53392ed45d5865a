/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The note names another machine version than the module. */
#define STAND_IN_NOTE STAND_IN_TEXT("client 0.0.9")
#include "stand_in.h"
