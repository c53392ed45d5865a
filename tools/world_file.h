/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_WORLD_FILE_H
#define TOOLS_WORLD_FILE_H

/* A world's books: a SQLite file in which all of a world is written down before anybody hears of it, so that a world
 * goes on where it was when its process is killed, and so that it can be read with the sqlite3 shell:
 *   world     one row: scenario (JSON), deals, seed
 *   wallets, channels, lanes      what the chain and the providers have; amounts in attoFIL, as decimal text
 *   ops       every key that was asked: how often (asks), how often it had its effect (effects), what was answered
 *   deals, to_come, messages      where each deal is: its provider, what is to come, what it sent to the chain
 * Killed processes lose nothing; a power cut may lose the end of it (nothing waits for the disk). */

#include "world.h"

/* What a file says of itself. */
typedef struct world_file_info {
    char *scenario; /* JSON, compact, keys sorted; NULL: the file is not there */
    uint64_t deals;
    uint64_t seed;
} world_file_info;

/* A missing file is no error. False: *why. Free info->scenario. */
bool world_file_info_of(const char *path, world_file_info *info, text_why *why);

/* Takes a new world to where the file is (of: its scenario as scenario_text gives it), and keeps the file up to date
 * from then on; makes it if it is not there. The world must be of the file's scenario and seed, and have as many
 * deals or more. */
bool world_file_open(world *w, const char *path, const char *of, text_why *why);
/* The same, without keeping it up to date: another process may have it open. */
bool world_file_read(world *w, const char *path, text_why *why);

#endif
