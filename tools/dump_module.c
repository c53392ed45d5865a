/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* `dealfsm-dump module`: what a module's file says, without running any of it. */
#include <argp.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <dealfsm/host.h>

#include "dump.h"
#include "dump_elf.h"
#include "dump_words.h"
#include "paper.h"
#include "text.h"

enum { OPTION_JSON = 256, COLUMN = 23 };

typedef struct options {
    char **files;
    int files_count;
    int shown;
    bool json;
} options;

static const struct argp_option argp_options[] = {
    {"json", OPTION_JSON, NULL, 0, "Write an object for each file, a line each (default: text)", 0}, {0}};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    options *o = state->input;
    (void)arg;
    switch (key) {
    case OPTION_JSON:
        o->json = true;
        return 0;
    case ARGP_KEY_ARGS:
        o->files = state->argv + state->next;
        o->files_count = state->argc - state->next;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "expected one module file or more (dealfsm-client-….so)");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    argp_options,
    parse,
    "MODULE…",
    "Shows what module files say of themselves: manifest, exports and imports, security flags, size and hash.\v"
    "Nothing of a module is loaded or run. A file that is no module is told on standard error; the others are "
    "shown.\n\n"
    "Exit status: 0 done; 1 a file is no module; 2 wrong usage; 3 a file cannot be read.",
    NULL,
    NULL,
    NULL};

/* ---- JSON */
static json_t *list(const char *const *texts, uint32_t count)
{
    json_t *json = json_array();
    for (uint32_t i = 0; i < count; i++) {
        json_array_append_new(json, json_string(texts[i]));
    }
    return json;
}

static json_t *manifest_json(const dealfsm_manifest *it)
{
    json_t *abi = json_pack("{s:i, s:i, s:i}", "major", (int)it->abi_major, "minor_min", (int)it->abi_minor_min,
                            "minor_max", (int)it->abi_minor_max);
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "name", it->name, "machine", it->machine_version,
                     "abi", abi, "reads", list(it->reads, it->reads_count), "writes",
                     list(it->writes, it->writes_count), "needs", list(it->needs, it->needs_count), "uses",
                     list(it->uses, it->uses_count), "offers", list(it->offers, it->offers_count));
}

/* ---- Text */
static void line(const paper *out, const char *name, const char *value)
{
    paper_indent(out, 2);
    paper_pair(out, 2, COLUMN, name, *value == '\0' ? "none" : value);
}

static void list_line(values_arena *arena, const paper *out, const char *name, const json_t *texts)
{
    words text = {.arena = arena};
    for (size_t i = 0; i < json_array_size(texts); i++) {
        const char *one = json_string_value(json_array_get(texts, i));
        words_item(&text, ", ", one == NULL ? "?" : one);
    }
    line(out, name, words_text(&text));
}

static const char *member(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? "" : text;
}

static void security_line(values_arena *arena, const paper *out, const json_t *elf)
{
    static const struct {
        const char *key;
        const char *set;
        const char *unset;
    } flags[] = {{"bind_now", "bound at load", "bound lazily"},
                 {"executable_stack", "EXECUTABLE STACK", "no executable stack"},
                 {"text_relocations", "TEXT RELOCATIONS", "no text relocations"},
                 {"nodelete", "stays mapped (nodelete)", "may be unmapped"},
                 {"symbolic", "binds to itself first (symbolic)", "others may take its symbols"},
                 {"thread_storage", "thread-local storage", "no thread-local storage"},
                 {"run_path", "SEARCH PATH OF ITS OWN", "no search path of its own"}};
    const json_t *security = json_object_get(elf, "security");
    words text = {.arena = arena};
    words_add(&text, "RELRO %s", member(security, "relro"));
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        const bool set = json_is_true(json_object_get(security, flags[i].key));
        words_item(&text, ", ", set ? flags[i].set : flags[i].unset);
    }
    words_add(&text, ", constructors: %" JSON_INTEGER_FORMAT " (one is the C runtime's own)",
              json_integer_value(json_object_get(security, "constructors")));
    line(out, "security", words_text(&text));
}

static void elf_text(values_arena *arena, const paper *out, const json_t *elf)
{
    words size = {.arena = arena};
    words writable = {.arena = arena};
    const json_int_t bytes = json_integer_value(json_object_get(elf, "size"));
    char *readable = text_write_size((uint64_t)bytes);
    words_add(&size, "%" JSON_INTEGER_FORMAT " bytes (%s), for %s", bytes, readable == NULL ? "" : readable,
              member(elf, "cpu"));
    free(readable);
    words_add(&writable, "%" JSON_INTEGER_FORMAT " bytes", json_integer_value(json_object_get(elf, "writable_bytes")));
    line(out, "size", words_text(&size));
    line(out, "sha256", member(elf, "sha256"));
    line(out, "build id", member(elf, "build_id"));
    list_line(arena, out, "exports", json_object_get(elf, "exports"));
    list_line(arena, out, "imports", json_object_get(elf, "imports"));
    list_line(arena, out, "libraries", json_object_get(elf, "needs"));
    security_line(arena, out, elf);
    line(out, "data left writable", words_text(&writable));
}

static void module_text(values_arena *arena, const char *path, const dealfsm_manifest *manifest, const json_t *json)
{
    const paper out = paper_on(stdout);
    const json_t *it = json_object_get(json, "manifest");
    words abi = {.arena = arena};
    words_add(&abi, "%" PRIu32 ".%" PRIu32 " to %" PRIu32 ".%" PRIu32, manifest->abi_major, manifest->abi_minor_min,
              manifest->abi_major, manifest->abi_minor_max);
    paper_put(&out, INK_HEADING, path);
    fputc('\n', out.out);
    line(&out, "name", manifest->name);
    line(&out, "machine", manifest->machine_version);
    line(&out, "ABI", words_text(&abi));
    list_line(arena, &out, "reads snapshots of", json_object_get(it, "reads"));
    list_line(arena, &out, "writes snapshots of", json_object_get(it, "writes"));
    list_line(arena, &out, "needs", json_object_get(it, "needs"));
    list_line(arena, &out, "uses if there", json_object_get(it, "uses"));
    list_line(arena, &out, "offers", json_object_get(it, "offers"));
    elf_text(arena, &out, json_object_get(json, "elf"));
}

static int show(values_arena *arena, const char *path, const dealfsm_manifest *manifest, json_t *elf, options *o)
{
    json_t *json = json_pack("{s:s, s:o, s:o}", "file", path, "manifest", manifest_json(manifest), "elf", elf);
    if (json == NULL) {
        fprintf(stderr, "dealfsm-dump module: %s: a name in it is not UTF-8, or memory is out\n", path);
        return DUMP_FAILED;
    }
    if (o->json) {
        json_dumpf(json, stdout, JSON_COMPACT);
        putchar('\n');
    } else {
        fputs(o->shown > 0 ? "\n" : "", stdout);
        module_text(arena, path, manifest, json);
    }
    o->shown++;
    json_decref(json);
    return DUMP_DONE;
}

static int one_file(values_arena *arena, const char *path, options *o)
{
    dealfsm_error error = {.struct_size = sizeof error};
    dealfsm_manifest *manifest = NULL;
    const char *why = "";
    int status = DUMP_FAILED;
    const int32_t result = dealfsm_host_manifest(path, &manifest, &error);
    if (result < 0) {
        fprintf(stderr, "dealfsm-dump module: %s\n", error.text);
        return result == DEALFSM_E_CORRUPT ? DUMP_NO : DUMP_FAILED;
    }
    json_t *elf = dump_elf(path, &why);
    if (elf != NULL) {
        status = show(arena, path, manifest, elf, o);
    } else {
        fprintf(stderr, "dealfsm-dump module: %s: %s\n", path, why);
    }
    dealfsm_host_manifest_free(manifest);
    return status;
}

static int run(int argc, char **argv)
{
    options chosen = {0};
    int status = DUMP_DONE;
    argp_parse(&argp, argc, argv, 0, NULL, &chosen);
    values_arena *arena = values_arena_new();
    for (int i = 0; i < chosen.files_count && arena != NULL; i++) {
        const int one = one_file(arena, chosen.files[i], &chosen);
        status = one > status ? one : status;
        values_arena_clear(arena);
    }
    values_arena_free(arena);
    return arena == NULL ? DUMP_FAILED : status;
}

const dump_command dump_module_command = {"module", "module files: manifest, symbols, security flags; nothing is run",
                                          run};
