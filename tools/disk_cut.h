/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_DISK_CUT_H
#define TOOLS_DISK_CUT_H

/* What of a directory is on the disk for sure, and what a power cut leaves of it. Not for several threads. */

#include <stdbool.h>
#include <stdint.h>

/* Takes a directory as it is for durable. false: out of memory. */
bool cut_begin(const char *directory, uint64_t seed);
/* Names may have changed. */
void cut_look(void);
/* A file or directory was synced. */
void cut_synced(int fd);
/* Decides what is left, and keeps it in memory. */
void cut_now(void);
/* Makes the directory hold what was left, if there was a cut; the number of files before. */
uint64_t cut_end(void);

#endif
