/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_DISK_H
#define TOOLS_DISK_H

/* A disk that fails, below every store that this process opens: who links disk.c has its write, fsync and their like
 * called in place of the C library's, by all libraries in the process, also those that are loaded later. What stdio or
 * the kernel write by themselves is not counted as a write, but a power cut takes it like all else. */

#include <stdbool.h>
#include <stdint.h>

typedef enum disk_fault {
    DISK_SOUND,
    DISK_WRITE, /* a write fails with EIO, half done */
    DISK_SYNC,  /* a sync fails with EIO; the data can be read, and may or may not be on the disk */
    DISK_FULL,  /* a write is cut short, then there is no room */
    /* The power is cut at a sync: of what was written since the last sync of each file some sectors (512 bytes) are there,
     * some are not; files that were made, renamed or removed since may be, or not yet. From then on all fails. File
     * systems keep the order of what happens to names, and a sync of a file takes its own name with it: so do ext4 and
     * XFS, and so does this. */
    DISK_POWER
} disk_fault;

typedef struct disk_plan {
    disk_fault kind;
    uint64_t first; /* the how-manieth write or sync fails, from 1 */
    uint64_t count; /* so many; 0: all from there on. A power cut is for good */
    uint64_t seed;  /* of what a power cut leaves */
} disk_plan;

typedef struct disk_seen {
    uint64_t writes;
    uint64_t syncs;
    uint64_t files; /* when it ended */
    bool cut;
} disk_seen;

/* From now on files below `directory` are on such a disk. What they hold is durable. false: out of memory. One at a
 * time. */
bool disk_begin(const char *directory, const disk_plan *plan);

/* Cuts the power now, if the plan is a power cut that has not come yet. */
void disk_cut(void);

/* No store may be open any more. After a power cut the directory holds what was left. */
disk_seen disk_end(void);

#endif
