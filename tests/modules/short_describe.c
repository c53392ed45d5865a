/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* An interface that ends before its last function. */
#define STAND_IN_DESCRIBE_SIZE sizeof stand_in_describe - sizeof stand_in_describe.error
#include "stand_in.h"
