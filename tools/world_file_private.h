/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_WORLD_FILE_PRIVATE_H
#define TOOLS_WORLD_FILE_PRIVATE_H

/* What the files of the books share. */

#include <sqlite3.h>

#include "world_file.h"
#include "world_private.h"

enum { WORLD_FILE_LAYOUT = 3 };

enum {
    WRITE_BEGIN,
    WRITE_COMMIT,
    WRITE_WALLET,
    WRITE_CHANNEL,
    WRITE_LANE,
    WRITE_OP,
    WRITE_DEAL,
    WRITE_GONE,
    WRITE_TO_COME,
    WRITE_MESSAGE,
    WRITE_COUNT
};

typedef struct world_file {
    sqlite3 *database;
    sqlite3_stmt *writes[WRITE_COUNT];
    int result; /* SQLITE_OK, or the first failure */
    char error[256];
} world_file;

sqlite3 *file_connect(const char *path, int flags, text_why *why);
/* Says what SQLite says; always false. */
bool file_refuse(sqlite3 *database, const char *path, text_why *why);
/* world_file_read.c: takes a new world to where the books are. */
bool file_load(world *w, sqlite3 *database, const char *path, text_why *why);

#endif
