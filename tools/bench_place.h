/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_BENCH_PLACE_H
#define TOOLS_BENCH_PLACE_H

/* A folder for what a measurement writes: made in the one of --scratch, else TMPDIR, else the present one; removed with
 * all that is in it, also when the program is interrupted. */

#include <dealfsm/base.h>
#include <stdbool.h>

enum { BENCH_PATH = 4096 };

typedef struct bench_place {
    char path[BENCH_PATH]; /* absolute; empty: none */
    char filesystem[64];   /* "ext4", "tmpfs", …; "?": the system does not say */
} bench_place;

/* From here on SIGINT, SIGTERM and SIGHUP only set what bench_stopped shows. where: NULL unless --scratch was given. */
bool bench_place_make(bench_place *place, const char *where, dealfsm_error *error);
/* Ends the process by the signal that came meanwhile, if one did. */
void bench_place_remove(bench_place *place);
/* Writes the path of `name` in the place to out (BENCH_PATH bytes). */
void bench_place_file(const bench_place *place, const char *name, char *out);

/* A signal has come: measurements end, places are removed. */
bool bench_stopped(void);

#endif
