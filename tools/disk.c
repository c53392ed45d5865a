/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "disk.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "disk_cut.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards all below but `armed` for those who find it false */
static _Atomic(bool) armed;
static disk_plan plan;
static disk_seen seen;
static uint64_t hits;
static bool off; /* after a power cut */
static char watched[PATH_MAX];

bool disk_begin(const char *directory, const disk_plan *wanted)
{
    char path[PATH_MAX];
    if (realpath(directory, path) == NULL || snprintf(watched, sizeof watched, "%s/", path) >= (int)sizeof watched ||
        !cut_begin(directory, wanted->seed)) {
        return false;
    }
    plan = *wanted;
    seen = (disk_seen){.writes = 0};
    hits = 0;
    off = false;
    armed = true;
    return true;
}

static void cut_power(void)
{
    if (plan.kind == DISK_POWER && !off) {
        cut_now();
        off = true;
        seen.cut = true;
    }
}

void disk_cut(void)
{
    pthread_mutex_lock(&lock);
    cut_power();
    pthread_mutex_unlock(&lock);
}

disk_seen disk_end(void)
{
    armed = false;
    seen.files = cut_end();
    return seen;
}

/* ---- Which calls are ours */

/* The file, or directory, is below the watched directory, or it. */
static bool is_watched(int fd)
{
    char link[32];
    char path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0 || (size_t)length == sizeof path - 1) {
        return false;
    }
    path[length] = '/';
    return strncmp(path, watched, strlen(watched)) == 0;
}

static bool is_hit(void)
{
    hits++;
    return hits >= plan.first && (plan.count == 0 || hits - plan.first < plan.count);
}

/* How much of a write is to be done: all, or some before the failure errno says (0: it is only cut short). */
static size_t plan_write(int fd, size_t length, int *number)
{
    size_t part = length;
    *number = 0;
    pthread_mutex_lock(&lock);
    if (is_watched(fd)) {
        const bool hit = (plan.kind == DISK_WRITE || plan.kind == DISK_FULL) && is_hit();
        seen.writes++;
        if (off) {
            part = 0;
            *number = EIO;
        } else if (hit && plan.kind == DISK_WRITE) {
            part = length / 2;
            *number = EIO;
        } else if (hit) {
            part = hits == plan.first ? length / 2 : 0;
            *number = part > 0 ? 0 : ENOSPC;
        }
    }
    pthread_mutex_unlock(&lock);
    return part;
}

static bool plan_sync(int fd)
{
    bool works = true;
    pthread_mutex_lock(&lock);
    if (is_watched(fd)) {
        const bool hit = (plan.kind == DISK_SYNC || plan.kind == DISK_POWER) && is_hit();
        seen.syncs++;
        if (hit && !off) {
            cut_power();
        }
        works = !hit && !off;
    }
    pthread_mutex_unlock(&lock);
    return works;
}

static void note_sync(int fd)
{
    pthread_mutex_lock(&lock);
    if (plan.kind == DISK_POWER && !off && is_watched(fd)) {
        cut_synced(fd);
    }
    pthread_mutex_unlock(&lock);
}

static void note_names(void)
{
    pthread_mutex_lock(&lock);
    if (plan.kind == DISK_POWER && !off) {
        cut_look();
    }
    pthread_mutex_unlock(&lock);
}

/* ---- In place of the C library's */

/* The function that would have been called without this file. */
#define NEXT(type, name)                                                                                               \
    static _Atomic(type *) known;                                                                                      \
    type *next = known;                                                                                                \
    if (next == NULL) {                                                                                                \
        void *symbol = dlsym(RTLD_NEXT, name);                                                                         \
        memcpy(&next, &symbol, sizeof symbol);                                                                         \
        known = next;                                                                                                  \
    }

typedef ssize_t write_fn(int fd, const void *bytes, size_t length);
typedef ssize_t pwrite_fn(int fd, const void *bytes, size_t length, off_t offset);
typedef int sync_fn(int fd);
typedef int unlink_fn(const char *path);
typedef int rename_fn(const char *from, const char *to);

static ssize_t failed(int number)
{
    errno = number;
    return -1;
}

ssize_t write(int fd, const void *bytes, size_t length)
{
    NEXT(write_fn, "write")
    int number = 0;
    const size_t part = armed ? plan_write(fd, length, &number) : length;
    const ssize_t done = part > 0 || length == 0 ? next(fd, bytes, part) : 0;
    return number != 0 ? failed(number) : done;
}

static ssize_t write_at(pwrite_fn *next, int fd, const void *bytes, size_t length, off_t offset)
{
    int number = 0;
    const size_t part = armed ? plan_write(fd, length, &number) : length;
    const ssize_t done = part > 0 || length == 0 ? next(fd, bytes, part, offset) : 0;
    return number != 0 ? failed(number) : done;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
    NEXT(pwrite_fn, "pwrite")
    return write_at(next, fd, bytes, length, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset)
{
    NEXT(pwrite_fn, "pwrite64")
    return write_at(next, fd, bytes, length, offset);
}

static int sync_by(sync_fn *next, int fd)
{
    if (!armed) {
        return next(fd);
    }
    if (!plan_sync(fd)) {
        return (int)failed(EIO);
    }
    const int result = next(fd);
    if (result == 0) {
        note_sync(fd);
    }
    return result;
}

int fsync(int fd)
{
    NEXT(sync_fn, "fsync")
    return sync_by(next, fd);
}

int fdatasync(int fd)
{
    NEXT(sync_fn, "fdatasync")
    return sync_by(next, fd);
}

int unlink(const char *path)
{
    NEXT(unlink_fn, "unlink")
    const int result = next(path);
    if (armed) {
        note_names();
    }
    return result;
}

int rename(const char *from, const char *to)
{
    NEXT(rename_fn, "rename")
    if (armed) {
        note_names(); /* what was made before is there before */
    }
    const int result = next(from, to);
    if (armed) {
        note_names();
    }
    return result;
}
