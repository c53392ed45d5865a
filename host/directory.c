/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _XOPEN_SOURCE 700
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "error.h"
#include "file.h"

#ifndef ST_NOEXEC
#define ST_NOEXEC 8 /* statvfs(2) of Linux; glibc shows it to _GNU_SOURCE only */
#endif

static bool is_noexec(const char *directory)
{
    struct statvfs about;
    return statvfs(directory, &about) == 0 && (about.f_flag & ST_NOEXEC) != 0;
}

static int32_t refuse(const char *directory, const char *why, dealfsm_error *error)
{
    return host_error(error, DEALFSM_E_IO, "private_dir", "%s: %s", host_short(directory), why);
}

static int32_t check(const char *directory, dealfsm_error *error)
{
    struct stat about;
    if (stat(directory, &about) != 0)
        return refuse(directory, strerror(errno), error);
    if (!S_ISDIR(about.st_mode))
        return refuse(directory, "expected a directory for private copies, found something else", error);
    if (about.st_uid != geteuid() || (about.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return refuse(directory,
                      "others may write here, so a module could be exchanged before it is loaded: "
                      "choose a private_dir of your own with mode 0700",
                      error);
    if (is_noexec(directory))
        return refuse(directory, "is mounted noexec, so no module can be loaded from here: choose another private_dir",
                      error);
    return DEALFSM_OK;
}

static int32_t make_own(char **directory, dealfsm_error *error)
{
    const char *below = getenv("XDG_RUNTIME_DIR");
    if (below == NULL || below[0] != '/' || is_noexec(below) || access(below, W_OK) != 0)
        below = "/tmp";
    size_t room = strlen(below) + sizeof "/dealfsm-XXXXXX";
    char *name = malloc(room);
    if (name == NULL)
        return host_error(error, DEALFSM_E_NO_MEMORY, "", "out of memory while a private directory was made");
    snprintf(name, room, "%s/dealfsm-XXXXXX", below);
    if (mkdtemp(name) == NULL) {
        int32_t result = host_error(error, DEALFSM_E_IO, "private_dir",
                                    "%s: no private directory can be made: %s; choose one with private_dir",
                                    host_short(below), strerror(errno));
        free(name);
        return result;
    }
    *directory = name;
    return DEALFSM_OK;
}

int32_t host_directory(const char *chosen, char **directory, dealfsm_error *error)
{
    char *path = NULL;
    int32_t result = DEALFSM_OK;
    if (chosen == NULL) {
        result = make_own(&path, error);
    } else {
        if (mkdir(chosen, S_IRWXU) != 0 && errno != EEXIST)
            return refuse(chosen, strerror(errno), error);
        path = realpath(chosen, NULL);
        if (path == NULL)
            return refuse(chosen, strerror(errno), error);
    }
    if (result >= 0)
        result = check(path, error);
    if (result >= 0) {
        *directory = path;
    } else if (path != NULL) {
        if (chosen == NULL)
            rmdir(path);
        free(path);
    }
    return result;
}

void host_directory_remove(const char *directory)
{
    DIR *entries = opendir(directory);
    if (entries == NULL)
        return;
    for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlinkat(dirfd(entries), entry->d_name, 0);
    }
    closedir(entries);
    rmdir(directory);
}
