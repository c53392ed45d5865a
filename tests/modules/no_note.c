/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A module without manifest. */
#define STAND_IN_WITHOUT_NOTE
#include "stand_in.h"
