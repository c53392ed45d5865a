/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "store_leveldb.h"

/* LevelDB leaves out what it cannot read of its journal, and says so in its file LOG only, a line each:
 * "… /db/000003.log: dropping 15011 bytes; Corruption: checksum mismatch". It has to: a power cut leaves such parts, of
 * puts that were never answered. But they may have been damaged later, too. */

static uint64_t lost_bytes(FILE *log)
{
    static const char word[] = ": dropping ";
    char *line = NULL;
    size_t room = 0;
    uint64_t sum = 0;
    while (getline(&line, &room, log) >= 0) {
        const char *at = strstr(line, word);
        if (at != NULL)
            sum += strtoull(at + strlen(word), NULL, 10);
    }
    free(line);
    return sum;
}

void leveldb_tell_lost(const leveldb_store *it)
{
    const dealfsm_log_v1 *log = &it->store->log;
    char path[4096], text[512];
    if (snprintf(path, sizeof path, "%s/LOG", it->path) >= (int)sizeof path)
        return;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return;
    uint64_t bytes = lost_bytes(file);
    fclose(file);
    if (bytes == 0)
        return;
    snprintf(
        text, sizeof text,
        "%s: %" PRIu64 " bytes of LevelDB's journal cannot be read and are left out; after a power cut these are puts "
        "that nobody was told of, else deals may be older than they were: restore a copy if there was no power cut",
        host_short(it->store->path), bytes);
    log->log(log->ctx, DEALFSM_LOG_WARNING, 0, text);
}
