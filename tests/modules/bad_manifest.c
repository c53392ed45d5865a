/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The manifest does not name the machine version. */
#define STAND_IN_NOTE "name: stand-in\nabi: 1.0-1.0\nreads: \nwrites: \n"
#include "stand_in.h"
