/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "disk_cut.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dice.h"

/* Contents are compared with what they were at the last sync, so no way to write is missed. Names are looked at whenever
 * they may have changed: the states of the directory in their order, of which all up to `durable_state` are past. */

enum { SECTOR = 512, FILES_MAX = 4096, NAMES_MAX = 256, STATES_MAX = 4096 };

typedef struct content {
    uint8_t *bytes;
    size_t length;
} content;

typedef struct file {
    ino_t inode;
    int fd; /* holds it: its number is not used again, and what was removed can still be read */
    bool is_directory;
    content durable;
    size_t named; /* the state in which its names changed last */
} file;

typedef struct name {
    char *path;
    size_t file;
} name;

typedef struct state {
    name *names; /* by path */
    size_t count;
} state;

typedef struct left {
    char *path;
    bool is_directory;
    content is;
} left;

static char directory[PATH_MAX];
static dice die;
static file files[FILES_MAX];
static size_t files_count;
static state states[STATES_MAX];
static size_t states_count;
static size_t durable_state;
static left lefts[NAMES_MAX];
static size_t lefts_count;
static bool has_cut;
static bool too_much; /* more files or states than there is room for, or no memory */

static content read_content(int fd)
{
    struct stat info;
    content it = {.bytes = NULL};
    if (fstat(fd, &info) != 0 || (it.bytes = malloc((size_t)info.st_size + 1)) == NULL) {
        too_much = true;
        return it;
    }
    while (it.length < (size_t)info.st_size) {
        const ssize_t got = pread(fd, it.bytes + it.length, (size_t)info.st_size - it.length, (off_t)it.length);
        if (got <= 0) {
            break;
        }
        it.length += (size_t)got;
    }
    return it;
}

/* ---- Names */

static size_t find_file(ino_t inode)
{
    size_t i = 0;
    while (i < files_count && files[i].inode != inode) {
        i++;
    }
    return i;
}

/* What is new is opened once and held: a close would take away the locks that this process has on the file. */
static bool file_at(const char *path, size_t *number)
{
    struct stat info;
    if (lstat(path, &info) != 0 || !(S_ISREG(info.st_mode) || S_ISDIR(info.st_mode))) {
        return false;
    }
    *number = find_file(info.st_ino);
    if (*number == files_count) {
        const int fd = files_count < FILES_MAX ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
        if (fd < 0) {
            too_much = too_much || files_count == FILES_MAX;
            return false;
        }
        files[files_count++] = (file){.inode = info.st_ino, .fd = fd, .is_directory = S_ISDIR(info.st_mode)};
    }
    return true;
}

static void add_name(state *s, const char *path, size_t number)
{
    name *names = s->count < NAMES_MAX ? realloc(s->names, (s->count + 1) * sizeof *names) : NULL;
    char *copy = strdup(path);
    if (names == NULL || copy == NULL) {
        free(copy);
        too_much = true;
        return;
    }
    s->names = names;
    s->names[s->count++] = (name){copy, number};
}

static void look_into(state *s, const char *folder)
{
    char path[PATH_MAX];
    DIR *entries = opendir(folder);
    for (const struct dirent *entry; entries != NULL && (entry = readdir(entries)) != NULL;) {
        size_t number;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) >= (int)sizeof path ||
            !file_at(path, &number)) {
            continue;
        }
        add_name(s, path, number);
        if (files[number].is_directory) {
            look_into(s, path);
        }
    }
    if (entries != NULL) {
        closedir(entries);
    }
}

static int by_path(const void *left_name, const void *right_name)
{
    return strcmp(((const name *)left_name)->path, ((const name *)right_name)->path);
}

static void forget_state(state *s)
{
    for (size_t i = 0; i < s->count; i++) {
        free(s->names[i].path);
    }
    free(s->names);
    *s = (state){.names = NULL};
}

static bool has(const state *s, const name *one)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->names[i].file == one->file && strcmp(s->names[i].path, one->path) == 0) {
            return true;
        }
    }
    return false;
}

/* Marks the files that have gained or lost a name from one state to the other; false: there are none. */
static bool mark_changes(const state *before, const state *after)
{
    bool changed = false;
    for (size_t i = 0; i < before->count; i++) {
        if (!has(after, &before->names[i])) {
            files[before->names[i].file].named = states_count;
            changed = true;
        }
    }
    for (size_t i = 0; i < after->count; i++) {
        if (!has(before, &after->names[i])) {
            files[after->names[i].file].named = states_count;
            changed = true;
        }
    }
    return changed;
}

void cut_look(void)
{
    static const state nothing;
    state now = {.names = NULL};
    look_into(&now, directory);
    if (now.count > 0) {
        qsort(now.names, now.count, sizeof *now.names, by_path);
    }
    const bool changed = mark_changes(states_count > 0 ? &states[states_count - 1] : &nothing, &now);
    if (states_count == STATES_MAX) {
        too_much = true;
    }
    if ((states_count > 0 && !changed) || states_count == STATES_MAX) {
        forget_state(&now);
    } else {
        states[states_count++] = now;
    }
}

/* ---- Syncs */

static void sync_content(file *f)
{
    if (!f->is_directory) {
        free(f->durable.bytes);
        f->durable = read_content(f->fd);
    }
}

void cut_synced(int fd)
{
    struct stat info;
    cut_look();
    const size_t number = fstat(fd, &info) == 0 ? find_file(info.st_ino) : files_count;
    const bool is_directory = S_ISDIR(info.st_mode); /* also the watched one itself, which has no name here */
    const size_t past = is_directory || number == files_count ? states_count - 1 : files[number].named;
    if (number < files_count) {
        sync_content(&files[number]);
    }
    if (is_directory || number < files_count) {
        durable_state = past > durable_state ? past : durable_state;
    }
}

bool cut_begin(const char *path, uint64_t seed)
{
    die = dice_of(seed, 0, 0);
    files_count = states_count = durable_state = lefts_count = 0;
    has_cut = too_much = false;
    snprintf(directory, sizeof directory, "%s", path);
    cut_look();
    for (size_t i = 0; i < files_count; i++) {
        sync_content(&files[i]);
    }
    return !too_much;
}

/* ---- The cut */

static uint8_t byte_of(const content *it, size_t at)
{
    return at < it->length ? it->bytes[at] : 0;
}

/* Sectors are as they were at the last sync, or as they are now; so is the length, or anything between. */
static content mix(const content *durable, const content *now)
{
    const uint64_t way = dice_between(&die, 0, 3); /* 0: all old, 1: all new, else sector by sector */
    const size_t longest = durable->length > now->length ? durable->length : now->length;
    const size_t shortest = durable->length < now->length ? durable->length : now->length;
    content it = {.bytes = malloc(longest + 1), .length = way == 0 ? durable->length : now->length};
    if (it.bytes == NULL) {
        too_much = true;
        return (content){.bytes = NULL};
    }
    if (way == 2) {
        it.length = dice_between(&die, shortest, longest);
    }
    const content *from = durable;
    for (size_t at = 0; at < it.length; at++) {
        if (at % SECTOR == 0) {
            from = way == 0 || (way > 1 && dice_between(&die, 0, 1) == 0) ? durable : now;
        }
        it.bytes[at] = byte_of(from, at);
    }
    return it;
}

void cut_now(void)
{
    cut_look();
    const state *s = &states[dice_between(&die, durable_state, states_count - 1)];
    has_cut = true;
    for (size_t i = 0; i < s->count && !too_much; i++) {
        const file *f = &files[s->names[i].file];
        left *l = &lefts[lefts_count++];
        *l = (left){.path = strdup(s->names[i].path), .is_directory = f->is_directory};
        if (!f->is_directory) {
            content now = read_content(f->fd);
            l->is = mix(&f->durable, &now);
            free(now.bytes);
        }
    }
}

/* ---- After it */

static void remove_all(const char *folder)
{
    char path[PATH_MAX];
    DIR *entries = opendir(folder);
    for (const struct dirent *entry; entries != NULL && (entry = readdir(entries)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
            snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) >= (int)sizeof path) {
            continue;
        }
        if (unlink(path) != 0) {
            remove_all(path);
            rmdir(path);
        }
    }
    if (entries != NULL) {
        closedir(entries);
    }
}

static void write_left(const left *l)
{
    if (l->is_directory) {
        mkdir(l->path, 0700);
        return;
    }
    FILE *out = fopen(l->path, "we");
    const bool whole = out != NULL && fwrite(l->is.bytes, 1, l->is.length, out) == l->is.length;
    if ((out != NULL && fclose(out) != 0) || !whole) {
        fprintf(stderr, "dealfsm-validate: %s: cannot be written\n", l->path);
        abort();
    }
}

static void put_back(void)
{
    remove_all(directory);
    for (size_t i = 0; i < lefts_count; i++) {
        write_left(&lefts[i]);
    }
}

uint64_t cut_end(void)
{
    cut_look();
    const uint64_t count = states[states_count - 1].count;
    if (too_much) {
        fprintf(stderr, "dealfsm-validate: a store of more than %d files, or out of memory\n", NAMES_MAX);
        abort();
    }
    if (has_cut) {
        put_back();
    }
    for (size_t i = 0; i < files_count; i++) {
        close(files[i].fd);
        free(files[i].durable.bytes);
    }
    for (size_t i = 0; i < states_count; i++) {
        forget_state(&states[i]);
    }
    for (size_t i = 0; i < lefts_count; i++) {
        free(lefts[i].path);
        free(lefts[i].is.bytes);
    }
    return count;
}
