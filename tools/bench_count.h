/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_BENCH_COUNT_H
#define TOOLS_BENCH_COUNT_H

/* Counts allocations: the program that links bench_count.c has malloc, calloc and realloc of its own, which count and
 * go on to the C library's. Modules are bound to them, too. */

#include <stdbool.h>
#include <stdint.h>

/* False: a sanitizer owns malloc, nothing is counted. */
bool bench_count_works(void);
/* Allocations that this thread has made. */
uint64_t bench_count_allocations(void);

#endif
