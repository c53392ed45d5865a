/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Needs a later minor of the ABI, and says so in its note. */
#define STAND_IN_NOTE "name: stand-in\nmachine: client 0.0.1\nabi: 1.7-1.9\nreads: \nwrites: \n"
#include "stand_in.h"
