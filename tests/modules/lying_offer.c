/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The manifest offers an interface that the module does not have. */
#define STAND_IN_OFFERS "describe/1, record/1"
#include "stand_in.h"
