/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "manifest.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

enum { KEY_LENGTH = 31 };

/* A manifest with the bytes and lists that its members point into. */
typedef struct {
    dealfsm_manifest manifest;
    char *text;   /* as given */
    char *values; /* the same, cut into values by NULs */
    const char **reads;
    const char **writes;
    const char **needs;
    const char **uses;
    const char **offers;
} parsed;

void dealfsm_host_manifest_free(dealfsm_manifest *manifest)
{
    if (manifest == NULL)
        return;
    parsed *all = (parsed *)manifest;
    free(all->reads);
    free(all->writes);
    free(all->needs);
    free(all->uses);
    free(all->offers);
    free(all->values);
    free(all->text);
    free(all);
}

int host_list_has(const char *const *list, uint32_t count, const char *text)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(list[i], text) == 0)
            return 1;
    }
    return 0;
}

static int32_t malformed(const char *path, const char *key, const char *expected, dealfsm_error *error)
{
    return host_error(error, DEALFSM_E_CORRUPT, "manifest", "%s: manifest, %s: expected %s", host_short(path), key,
                      expected);
}

/* Cuts "a, b, c" into a list; an empty value is an empty list. */
static int32_t cut_list(char *value, const char ***list, uint32_t *count)
{
    size_t most = 1;
    for (const char *c = value; *c != '\0'; c++)
        most += *c == ',';
    const char **items = calloc(most, sizeof *items);
    if (items == NULL)
        return DEALFSM_E_NO_MEMORY;
    *list = items;
    *count = 0;
    while (*value != '\0') {
        size_t length = strcspn(value, ",");
        bool last = value[length] == '\0';
        if (length == 0)
            return DEALFSM_E_CORRUPT;
        value[length] = '\0';
        items[(*count)++] = value;
        if (last)
            break;
        value += length + 1;
        if (*value++ != ' ' || *value == '\0')
            return DEALFSM_E_CORRUPT;
    }
    return DEALFSM_OK;
}

static bool parse_abi(const char *value, dealfsm_manifest *manifest)
{
    unsigned major, min, major_again, max;
    int end = 0;
    if (sscanf(value, "%9u.%9u-%9u.%9u%n", &major, &min, &major_again, &max, &end) != 4 || value[end] != '\0')
        return false;
    manifest->abi_major = major;
    manifest->abi_minor_min = min;
    manifest->abi_minor_max = max;
    return major == major_again && min <= max;
}

/* One line: where its value goes. */
typedef struct {
    const char *key;
    const char **text;
    const char ***list;
    const char *const **shown;
    uint32_t *count;
    bool needed;
    bool seen;
} line;

static int32_t take_value(const char *path, parsed *all, line *found, char *value, dealfsm_error *error)
{
    if (found->seen)
        return malformed(path, found->key, "once, found twice", error);
    found->seen = true;
    if (found->text != NULL) {
        *found->text = value;
        return *value != '\0' ? DEALFSM_OK : malformed(path, found->key, "a value, found none", error);
    }
    if (found->list == NULL)
        return parse_abi(value, &all->manifest) ? DEALFSM_OK
                                                : malformed(path, found->key, "MAJOR.MIN-MAJOR.MAX", error);
    int32_t result = cut_list(value, found->list, found->count);
    *found->shown = *found->list;
    if (result == DEALFSM_E_NO_MEMORY)
        return host_error(error, result, "", "out of memory while a manifest was read");
    return result < 0 ? malformed(path, found->key, "values with \", \" between them", error) : DEALFSM_OK;
}

static int32_t take_line(const char *path, parsed *all, line *lines, size_t count, char *text, dealfsm_error *error)
{
    char *colon = strchr(text, ':');
    if (colon == NULL || colon == text || colon - text > KEY_LENGTH || (colon[1] != ' ' && colon[1] != '\0'))
        return host_error(error, DEALFSM_E_CORRUPT, "manifest",
                          "%s: manifest: expected \"key: value\", found \"%.40s\"", host_short(path), text);
    *colon = '\0';
    char *value = colon[1] == ' ' ? colon + 2 : colon + 1;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(lines[i].key, text) == 0)
            return take_value(path, all, &lines[i], value, error);
    }
    return DEALFSM_OK; /* unknown keys are ignored, says module.h */
}

static int32_t parse(const char *path, parsed *all, dealfsm_error *error)
{
    dealfsm_manifest *m = &all->manifest;
    line lines[] = {
        {"name", &m->name, NULL, NULL, NULL, true, false},
        {"machine", &m->machine_version, NULL, NULL, NULL, true, false},
        {"abi", NULL, NULL, NULL, NULL, true, false},
        {"reads", NULL, &all->reads, &m->reads, &m->reads_count, true, false},
        {"writes", NULL, &all->writes, &m->writes, &m->writes_count, true, false},
        {"needs", NULL, &all->needs, &m->needs, &m->needs_count, false, false},
        {"uses", NULL, &all->uses, &m->uses, &m->uses_count, false, false},
        {"offers", NULL, &all->offers, &m->offers, &m->offers_count, false, false},
    };
    size_t count = sizeof lines / sizeof lines[0];
    for (char *text = all->values; *text != '\0';) {
        size_t length = strcspn(text, "\n");
        bool last = text[length] == '\0';
        text[length] = '\0';
        int32_t result = length > 0 ? take_line(path, all, lines, count, text, error) : DEALFSM_OK;
        if (result < 0)
            return result;
        text += last ? length : length + 1;
    }
    for (size_t i = 0; i < count; i++) {
        if (lines[i].needed && !lines[i].seen)
            return malformed(path, lines[i].key, "a line, found none", error);
    }
    return DEALFSM_OK;
}

int32_t host_manifest_parse(const char *path, const char *text, dealfsm_manifest **manifest, dealfsm_error *error)
{
    parsed *all = calloc(1, sizeof *all);
    if (all != NULL) {
        all->manifest.struct_size = sizeof all->manifest;
        all->text = strdup(text);
        all->values = strdup(text);
        all->manifest.text = all->text;
    }
    int32_t result;
    if (all == NULL || all->text == NULL || all->values == NULL)
        result = host_error(error, DEALFSM_E_NO_MEMORY, "", "out of memory while a manifest was read");
    else
        result = parse(path, all, error);
    if (result < 0) {
        dealfsm_host_manifest_free(all != NULL ? &all->manifest : NULL);
        return result;
    }
    *manifest = &all->manifest;
    return DEALFSM_OK;
}
