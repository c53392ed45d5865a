/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Stored bytes from files and hex. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dump_record.h"
#include "dump_words.h"

enum { FILE_MAX_BYTES = 256 * 1024 * 1024 };

static bool refuse(const char *name, const char *why)
{
    fprintf(stderr, "dealfsm-dump: %s: %s\n", name, why);
    return false;
}

static void add(stored_list *all, const char *name, const uint8_t *data, uint64_t size)
{
    if (all->count == all->room) {
        const size_t room = 2 * all->room + 1;
        stored_bytes *more = values_take(all->arena, room * sizeof *more);
        if (all->count > 0) {
            memcpy(more, all->list, all->count * sizeof *more);
        }
        all->list = more;
        all->room = room;
    }
    all->list[all->count++] = (stored_bytes){.name = name, .data = data, .size = size};
}

bool stored_add_hex(stored_list *all, const char *name, const char *hex, size_t size)
{
    char *text = values_take(all->arena, size + 1);
    const uint8_t *data;
    uint64_t bytes;
    for (size_t i = 0; i < size; i++) {
        if (!isxdigit((unsigned char)hex[i])) {
            fprintf(stderr, "dealfsm-dump: %s: expected hex digits, found \"%.*s\" at character %zu\n", name,
                    isprint((unsigned char)hex[i]) ? 1 : 0, hex + i, i + 1);
            return false;
        }
        text[i] = (char)tolower((unsigned char)hex[i]);
    }
    if (size == 0 || !values_unhex(all->arena, text, &data, &bytes)) {
        return refuse(name, size == 0
                                ? "expected the hex of stored bytes, found nothing"
                                : "expected two hex digits a byte, found an odd number of digits: one is missing");
    }
    add(all, name, data, bytes);
    return true;
}

/* A whole file, with a NUL behind it. */
static uint8_t *slurp(values_arena *arena, FILE *in, size_t *size)
{
    size_t room = 64 * 1024;
    uint8_t *data = values_take(arena, room + 1);
    *size = 0;
    for (size_t got; (got = fread(data + *size, 1, room - *size, in)) > 0;) {
        *size += got;
        if (*size == FILE_MAX_BYTES) {
            errno = EFBIG;
            return NULL;
        }
        if (*size == room) {
            uint8_t *more = values_take(arena, 2 * room + 1);
            memcpy(more, data, *size);
            data = more;
            room *= 2;
        }
    }
    return ferror(in) != 0 ? NULL : data;
}

static bool is_hex_text(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (!isxdigit(data[i]) && !isspace(data[i])) {
            return false;
        }
    }
    return true;
}

static const char *line_name(values_arena *arena, const char *name, size_t line, bool alone)
{
    words text = {.arena = arena};
    words_add(&text, "%s, line %zu", name, line);
    return alone ? name : words_text(&text);
}

static bool add_lines(stored_list *all, const char *name, const char *text)
{
    const bool alone = text[strcspn(text, "\n")] == '\0' || text[strcspn(text, "\n") + 1] == '\0';
    const size_t before = all->count;
    size_t line = 1;
    for (; *text != '\0'; line++) {
        const size_t size = strcspn(text, "\n");
        const size_t begin = strspn(text, " \t\r\f\v");
        size_t end = size;
        while (end > begin && isspace((unsigned char)text[end - 1])) {
            end--;
        }
        if (end > begin && !stored_add_hex(all, line_name(all->arena, name, line, alone), text + begin, end - begin)) {
            return false;
        }
        text += size + (text[size] == '\n' ? 1 : 0);
    }
    return all->count > before || refuse(name, "expected stored bytes or their hex, found nothing");
}

bool stored_add_file(stored_list *all, const char *path)
{
    const bool standard = strcmp(path, "-") == 0;
    const char *name = standard ? "standard input" : path;
    FILE *in = standard ? stdin : fopen(path, "rb");
    size_t size = 0;
    uint8_t *data = in == NULL ? NULL : slurp(all->arena, in, &size);
    const int error = errno;
    if (in != NULL && !standard) {
        fclose(in);
    }
    if (data == NULL) {
        return refuse(name, strerror(error));
    }
    if (is_hex_text(data, size)) {
        return add_lines(all, name, (const char *)data);
    }
    add(all, name, data, size);
    return true;
}
