/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "validate.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { COLUMNS_MAX = 8 };

/* A file of a vector folder: NAME.tsv with `columns` or NAME.jsonl with `object`, plain or with .gz behind. */
typedef struct vector_file {
    const char *name;
    const char *id;
    const char *text;
    void (*columns)(validator *v, rig *it, char **columns, uint32_t count);
    void (*object)(validator *v, rig *it, const json_t *line);
    bool (*wants)(const json_t *line); /* NULL: every line; else lines for information are passed over */
} vector_file;

static void names(validator *v, rig *it, char **columns, uint32_t count)
{
    (void)it;
    line_names(v, columns, count);
}

static void arg_types(validator *v, rig *it, char **columns, uint32_t count)
{
    (void)it;
    line_arg_types(v, columns, count);
}

static void final(validator *v, rig *it, char **columns, uint32_t count)
{
    (void)it;
    line_final(v, columns, count);
}

static void handler_of(validator *v, rig *it, char **columns, uint32_t count)
{
    (void)it;
    line_handler_of(v, columns, count);
}

static bool has_record(const json_t *line)
{
    return json_is_object(json_object_get(line, "record"));
}

static const vector_file files[] = {
    {"names.tsv", "vectors.names", "states and events have these numbers and printed names", names, NULL, NULL},
    {"args.tsv", "vectors.argument-types", "events take these kinds of arguments", arg_types, NULL, NULL},
    {"final.tsv", "vectors.final", "these states are final", final, NULL, NULL},
    {"handlers.tsv", "vectors.handler-of", "these states have these entry handlers", handler_of, NULL, NULL},
    {"cells.tsv", "vectors.cells", "every (state, event) cell is described so, and behaves so", line_cell, NULL, NULL},
    {"records.jsonl", "vectors.records", "records are stored as these bytes, and read back from them", NULL,
     line_record, NULL},
    {"undefined.jsonl", "vectors.undefined", "odd records that can be stored are stored as these bytes", NULL,
     line_undefined, has_record},
    {"bad.jsonl", "vectors.bad", "these bytes are no record: refused, with the offset", NULL, line_refused_bytes, NULL},
    {"lenient.jsonl", "vectors.lenient", "bytes that the machine would write otherwise are refused, with the offset",
     NULL, line_refused_bytes, NULL},
    {"accepted.jsonl", "vectors.accepted", "odd but canonical bytes are read, and written again as they were", NULL,
     line_accepted, NULL},
    {"args.jsonl", "vectors.args", "events with these arguments are not taken", NULL, line_args, NULL},
    {"actions.jsonl", "vectors.actions", "an event in a state gives this outcome and these bytes", NULL, line_action,
     NULL},
    {"handlers.jsonl", "vectors.handlers", "a state's handler makes these calls and raises this event", NULL,
     line_handler, NULL},
    {"traces.jsonl", "vectors.traces",
     "a whole deal: calls, notices and refusals in this order, these bytes at the end", NULL, line_trace, NULL},
};
enum { FILES = sizeof files / sizeof *files };

bool vectors_rule(uint32_t index, const char **id, const char **text)
{
    if (index >= FILES) {
        return false;
    }
    *id = files[index].id;
    *text = files[index].text;
    return true;
}

/* ---- Lines */
typedef struct line_reader {
    gzFile file;
    char *text; /* without the newline */
    size_t size;
    size_t room;
} line_reader;

/* False at the end of the file. */
static bool read_line(line_reader *it)
{
    it->size = 0;
    for (;;) {
        if (it->room - it->size < 4096) {
            it->room = it->room * 2 + 65536;
            char *more = realloc(it->text, it->room);
            if (more == NULL) {
                fputs("out of memory\n", stderr);
                exit(EXIT_FAILURE);
            }
            it->text = more;
        }
        char *at = it->text + it->size;
        if (gzgets(it->file, at, (int)(it->room - it->size > 1048576 ? 1048576 : it->room - it->size)) == NULL) {
            return it->size != 0;
        }
        it->size += strlen(at);
        if (it->size != 0 && it->text[it->size - 1] == '\n') {
            it->text[--it->size] = '\0';
            return true;
        }
    }
}

typedef struct file_job {
    validator *v;
    const vector_file *kind;
    const char *path;
} file_job;

static void run_object(const file_job *job, rig *it, line_reader *reader, uint64_t number)
{
    json_error_t error;
    /* Numbers as reals: an event's number may be over 2^63, and all others are small. */
    json_t *line = json_loadb(reader->text, reader->size,
                              JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);
    if (line != NULL && job->kind->wants != NULL && !job->kind->wants(line)) {
        json_decref(line);
        return;
    }
    const char *name = json_string_value(json_object_get(line, "name"));
    const char *why = json_string_value(json_object_get(line, "why"));
    const char *what = json_string_value(json_object_get(line, "what"));
    const char *where = name != NULL ? name : why != NULL ? why : what != NULL ? what : "";
    report_case(job->v->report, job->path, number, json_array_size(json_object_get(line, "tags")) != 0, "%s", where);
    if (line == NULL) {
        report_fail(job->v->report, "a JSON object", "%s (at byte %d of the line)", error.text, error.position);
    } else {
        job->kind->object(job->v, it, line);
        json_decref(line);
    }
}

static void run_columns(const file_job *job, rig *it, line_reader *reader, uint64_t number)
{
    char *columns[COLUMNS_MAX];
    uint32_t count = 0;
    char *rest = reader->text;
    report_case(job->v->report, job->path, number, false, "%s", reader->text);
    while (rest != NULL && count < COLUMNS_MAX) {
        columns[count++] = strsep(&rest, "\t");
    }
    job->kind->columns(job->v, it, columns, count);
}

static void run_file(void *ctx)
{
    const file_job *job = ctx;
    validator *v = job->v;
    rig it = {0};
    line_reader reader = {.file = gzopen(job->path, "rb")};
    if (reader.file == NULL) {
        report_case(v->report, job->path, 1, false, "opening");
        report_fail(v->report, "a file that can be read", "%s", strerror(errno));
        return;
    }
    uint64_t number = 0;
    if (rig_open(&it, v)) {
        while (read_line(&reader)) {
            number++;
            if (reader.size == 0) {
                continue;
            }
            if (job->kind->columns != NULL) {
                run_columns(job, &it, &reader, number);
            } else {
                run_object(job, &it, &reader, number);
            }
            values_arena_clear(v->arena);
        }
    }
    int code = Z_OK;
    const char *text = gzerror(reader.file, &code);
    if (number == 0 || (code != Z_OK && code != Z_STREAM_END)) {
        report_case(v->report, job->path, number, false, "reading");
        report_fail(v->report, "a file of lines, whole", "%s", number == 0 ? "an empty file" : text);
    }
    rig_close(&it);
    gzclose(reader.file);
    free(reader.text);
}

/* ---- Folders */

/* The path of a file in a folder, plain or gzipped; NULL: not there. */
static char *find_file(const char *folder, const char *name)
{
    static const char *const suffixes[] = {"", ".gz"};
    for (int i = 0; i < 2; i++) {
        char *path = NULL;
        if (asprintf(&path, "%s/%s%s", folder, name, suffixes[i]) < 0) {
            return NULL;
        }
        if (access(path, F_OK) == 0) {
            return path;
        }
        free(path);
    }
    return NULL;
}

static bool is_known(const char *name)
{
    for (uint32_t i = 0; i < FILES; i++) {
        const size_t length = strlen(files[i].name);
        if (strncmp(name, files[i].name, length) == 0 && (name[length] == '\0' || strcmp(name + length, ".gz") == 0)) {
            return true;
        }
    }
    return false;
}

static void tell_left_alone(validator *v, const char *folder)
{
    struct dirent **entries = NULL;
    const int count = scandir(folder, &entries, NULL, alphasort);
    char text[512] = "";
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        if (name[0] != '.' && !is_known(name)) {
            const size_t used = strlen(text);
            snprintf(text + used, sizeof text - used, "%s%s", used == 0 ? "" : ", ", name);
        }
        free(entries[i]);
    }
    free(entries);
    if (text[0] != '\0') {
        report_note(v->report, "%s: left alone (not for this program): %s", folder, text);
    }
}

bool vectors_found(const char *folder)
{
    for (uint32_t i = 0; i < FILES; i++) {
        char *path = find_file(folder, files[i].name);
        free(path);
        if (path != NULL) {
            return true;
        }
    }
    return false;
}

void vectors_run(validator *v, const char *folder, bool (*wanted)(const char *id))
{
    for (uint32_t i = 0; i < FILES; i++) {
        char *path = find_file(folder, files[i].name);
        if (path == NULL) {
            continue;
        }
        if (wanted(files[i].id)) {
            file_job job = {.v = v, .kind = &files[i], .path = path};
            report_rule(v->report, files[i].id, files[i].text, run_file, &job);
        }
        free(path);
    }
    tell_left_alone(v, folder);
}
