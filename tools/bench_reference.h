/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_BENCH_REFERENCE_H
#define TOOLS_BENCH_REFERENCE_H

/* The reference's own machine as a program, which is built here. */

#include "bench.h"
#include "bench_place.h"

/* The program go is in PATH. */
bool bench_reference_go(void);
/* Builds it in the place and writes its path to program (BENCH_PATH bytes). False: go has said why on stderr. */
bool bench_reference_build(const bench_options *options, const bench_place *place, char *program);
/* Runs it with so many deals at a time; folder: of its LevelDB, NULL: in memory. Adds ns an event of each round, and
 * those that all processors worked for it (cpu may be NULL). What it has printed; NULL: it failed. A new reference. */
json_t *bench_reference_run(const char *program, uint32_t deals, double seconds, const char *folder, bench_samples *ns,
                            bench_samples *cpu);

#endif
