/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/base16.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"

enum { FILE_MOST_MIB = 256 };

void host_file_free(host_file *file)
{
    free(file->bytes);
    file->bytes = NULL;
}

static int32_t no_memory(dealfsm_error *error)
{
    return host_error(error, DEALFSM_E_NO_MEMORY, "", "out of memory while a module was read");
}

static int32_t cannot_read(const char *path, int number, dealfsm_error *error)
{
    if (number == ENOENT)
        return host_error(error, DEALFSM_E_IO, "path", "%s: expected a module file, found none", host_short(path));
    return host_error(error, DEALFSM_E_IO, "path", "%s: cannot be read: %s", host_short(path), strerror(number));
}

static int32_t check_kind(int fd, const char *path, size_t *size, dealfsm_error *error)
{
    struct stat about;
    if (fstat(fd, &about) != 0)
        return cannot_read(path, errno, error);
    if (!S_ISREG(about.st_mode))
        return host_error(error, DEALFSM_E_IO, "path", "%s: expected a module file, found a %s", host_short(path),
                          S_ISDIR(about.st_mode) ? "directory" : "special file");
    if (about.st_size > (off_t)FILE_MOST_MIB << 20)
        return host_error(error, DEALFSM_E_IO, "path", "%s: expected a module of at most %d MiB, found %lld bytes",
                          host_short(path), FILE_MOST_MIB, (long long)about.st_size);
    *size = (size_t)about.st_size;
    return DEALFSM_OK;
}

static int32_t read_all(int fd, const char *path, host_file *file, size_t expected, dealfsm_error *error)
{
    file->bytes = malloc(expected > 0 ? expected : 1);
    if (file->bytes == NULL)
        return no_memory(error);
    while (file->size < expected) {
        ssize_t count = read(fd, file->bytes + file->size, expected - file->size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return cannot_read(path, errno, error);
        if (count == 0)
            break; /* it was cut while it was read: the ELF check says so */
        file->size += (size_t)count;
    }
    return DEALFSM_OK;
}

static void hash(host_file *file)
{
    struct sha256_ctx state;
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_init(&state);
    sha256_update(&state, file->size, file->bytes);
    sha256_digest(&state, sizeof digest, digest);
    base16_encode_update(file->sha256, sizeof digest, digest);
    file->sha256[HOST_SHA256_TEXT - 1] = '\0';
}

int32_t host_file_read(const char *path, host_file *file, dealfsm_error *error)
{
    memset(file, 0, sizeof *file);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not keep us waiting */
    if (fd < 0)
        return cannot_read(path, errno, error);
    size_t size = 0;
    int32_t result = check_kind(fd, path, &size, error);
    if (result >= 0)
        result = read_all(fd, path, file, size, error);
    close(fd);
    if (result < 0)
        host_file_free(file);
    else
        hash(file);
    return result;
}

static int32_t cannot_write(const char *directory, int number, dealfsm_error *error)
{
    if (number == ENOSPC || number == EDQUOT)
        return host_error(error, DEALFSM_E_IO, "private_dir",
                          "%s: no space for a private copy of the module: make room or choose another private_dir",
                          host_short(directory));
    return host_error(error, DEALFSM_E_IO, "private_dir", "%s: a private copy of the module cannot be written: %s",
                      host_short(directory), strerror(number));
}

/* 0 or an errno. */
static int write_all(int fd, const unsigned char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t count = write(fd, bytes, size);
        if (count < 0 && errno != EINTR)
            return errno;
        if (count > 0) {
            bytes += count;
            size -= (size_t)count;
        }
    }
    return 0;
}

/* 0 or an errno. Written beside and renamed: who maps an older file of that name keeps it. */
static int write_file(const host_file *file, char *beside, const char *path)
{
    int fd = mkstemp(beside);
    if (fd < 0)
        return errno;
    int number = write_all(fd, file->bytes, file->size);
    if (number == 0 && fchmod(fd, S_IRUSR | S_IXUSR) != 0)
        number = errno;
    if (close(fd) != 0 && number == 0)
        number = errno;
    if (number == 0 && rename(beside, path) != 0)
        number = errno;
    if (number != 0)
        unlink(beside);
    return number;
}

int32_t host_file_copy(const host_file *file, const char *directory, char **path, dealfsm_error *error)
{
    size_t room = strlen(directory) + HOST_SHA256_TEXT + sizeof "/.so";
    char *beside = malloc(room);
    char *name = malloc(room);
    int32_t result = DEALFSM_OK;
    if (beside == NULL || name == NULL) {
        result = no_memory(error);
    } else {
        snprintf(beside, room, "%s/new-XXXXXX", directory);
        snprintf(name, room, "%s/%s.so", directory, file->sha256);
        int number = write_file(file, beside, name);
        if (number != 0)
            result = cannot_write(directory, number, error);
    }
    free(beside);
    if (result < 0)
        free(name);
    else
        *path = name;
    return result;
}
