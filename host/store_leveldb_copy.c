/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "store_leveldb.h"

/* Opening a LevelDB writes to it, so that a tool reads a copy. Tables never change and are linked where that can be. */

enum { PATH_ROOM = 4096 };

static int32_t failed(const char *path, const char *doing, dealfsm_error *error)
{
    return host_error(error, DEALFSM_E_IO, "url", "%s cannot be %s: %s", host_short(path), doing, strerror(errno));
}

/* LevelDB locks LOCK by fcntl, as goleveldb does. */
static int32_t check_lock(const char *path, dealfsm_error *error)
{
    char name[PATH_ROOM];
    snprintf(name, sizeof name, "%s/LOCK", path);
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? DEALFSM_OK : failed(name, "read", error);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    bool held = fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    close(fd);
    return held ? host_error(error, DEALFSM_E_BUSY, "url",
                             "%s is locked: a node (process %ld) has it open; read it when that has ended",
                             host_short(path), (long)lock.l_pid)
                : DEALFSM_OK;
}

static int32_t copy_bytes(int from, int to, const char *name, dealfsm_error *error)
{
    char buffer[1 << 16];
    for (;;) {
        ssize_t got = read(from, buffer, sizeof buffer);
        if (got == 0)
            return DEALFSM_OK;
        for (ssize_t done = 0; got > 0 && done < got;) {
            ssize_t put = write(to, buffer + done, (size_t)(got - done));
            if (put < 0)
                return failed(name, "copied", error);
            done += put;
        }
        if (got < 0)
            return failed(name, "read", error);
    }
}

static int32_t copy_file(int from_dir, int to_dir, const char *name, dealfsm_error *error)
{
    const char *end = strrchr(name, '.');
    bool table = end != NULL && (strcmp(end, ".ldb") == 0 || strcmp(end, ".sst") == 0);
    if (table && linkat(from_dir, name, to_dir, name, 0) == 0)
        return DEALFSM_OK;
    int from = openat(from_dir, name, O_RDONLY | O_CLOEXEC);
    if (from < 0)
        return failed(name, "read", error);
    int to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int32_t result = to < 0 ? failed(name, "copied", error) : copy_bytes(from, to, name, error);
    close(from);
    if (to >= 0 && close(to) != 0 && result >= 0)
        result = failed(name, "copied", error);
    return result;
}

static int32_t copy_all(const char *path, const char *copy, dealfsm_error *error)
{
    int32_t result = DEALFSM_OK;
    int to = open(copy, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = opendir(path);
    if (to < 0 || directory == NULL)
        result = failed(to < 0 ? copy : path, "read", error);
    for (const struct dirent *entry = result >= 0 ? readdir(directory) : NULL; entry != NULL && result >= 0;
         entry = readdir(directory)) {
        struct stat info;
        if (strcmp(entry->d_name, "LOCK") != 0 && fstatat(dirfd(directory), entry->d_name, &info, 0) == 0 &&
            S_ISREG(info.st_mode))
            result = copy_file(dirfd(directory), to, entry->d_name, error);
    }
    if (directory != NULL)
        closedir(directory);
    if (to >= 0)
        close(to);
    return result;
}

int32_t leveldb_copy(const char *path, char **copy, dealfsm_error *error)
{
    const char *place = getenv("TMPDIR");
    char name[PATH_ROOM];
    int32_t result = check_lock(path, error);
    if (result < 0)
        return result;
    snprintf(name, sizeof name, "%s/dealfsm-leveldb-XXXXXX", place != NULL && place[0] == '/' ? place : "/tmp");
    if (mkdtemp(name) == NULL)
        return failed(name, "made", error);
    result = copy_all(path, name, error);
    if (result >= 0)
        result = check_lock(path, error); /* a node that started meanwhile */
    if (result >= 0 && (*copy = strdup(name)) == NULL)
        result = host_error(error, DEALFSM_E_NO_MEMORY, "", "out of memory for a path");
    if (result < 0)
        leveldb_copy_remove(name);
    return result;
}

void leveldb_copy_remove(const char *copy)
{
    DIR *directory = opendir(copy);
    if (directory == NULL)
        return;
    for (const struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlinkat(dirfd(directory), entry->d_name, 0);
    }
    closedir(directory);
    rmdir(copy);
}
