/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* `dealfsm-dump record`: its command line, and the modules that know the layouts. */
#include <argp.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dump.h"
#include "dump_record.h"
#include "dump_words.h"
#include "output.h"

typedef struct options {
    stored_list inputs;
    dump_modules modules;
    const char *folder;
    bool json;
    bool from_json;
    bool diff;
    bool failed; /* an input or module was refused; it has been told */
} options;

enum { OPTION_HEX = 256, OPTION_JSON, OPTION_FROM_JSON, OPTION_DIFF, OPTION_MODULES };

static const struct argp_option argp_options[] = {
    {"hex", OPTION_HEX, "HEX", 0, "Show this record, given as hex (may be given several times)", 0},
    {"json", OPTION_JSON, NULL, 0, "Write an object for each record, a line each (default: text)", 0},
    {"from-json", OPTION_FROM_JSON, NULL, 0,
     "Read JSON from standard input, records or what --json wrote; write their stored bytes as hex, a line each", 0},
    {"diff", OPTION_DIFF, NULL, 0, "Show the fields in which two records differ", 0},
    {"module", 'm', "FILE", 0, "A module whose layout to try "
     "(default: the modules that are installed; may be given several times)", 0},
    {"modules", OPTION_MODULES, "DIR", 0, "The modules of this folder (default: those that are installed)", 0},
    {0}};

static void check_whole(struct argp_state *state, const options *o)
{
    if (o->from_json && (o->inputs.count > 0 || o->json || o->diff)) {
        argp_error(state,
                   "--from-json reads standard input, and writes hex: expected no FILE, --hex, --json or --diff");
    }
    if (!o->failed && o->diff && o->inputs.count != 2) {
        argp_error(state, "--diff: expected two records, found %zu", o->inputs.count);
    }
    if (!o->failed && !o->from_json && o->inputs.count == 0) {
        argp_error(state, "expected a file of stored bytes, - for standard input, or --hex HEX");
    }
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    options *o = state->input;
    switch (key) {
    case OPTION_HEX:
        o->failed = !stored_add_hex(&o->inputs, "--hex", arg, strlen(arg)) || o->failed;
        return 0;
    case OPTION_JSON:
        o->json = true;
        return 0;
    case OPTION_FROM_JSON:
        o->from_json = true;
        return 0;
    case OPTION_DIFF:
        o->diff = true;
        return 0;
    case 'm':
        o->failed = !dump_load(&o->modules, arg) || o->failed;
        return 0;
    case OPTION_MODULES:
        o->folder = arg;
        return 0;
    case ARGP_KEY_ARG:
        o->failed = !stored_add_file(&o->inputs, arg) || o->failed;
        return 0;
    case ARGP_KEY_END:
        check_whole(state, o);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    argp_options,
    parse,
    "FILE…\n-\n--hex HEX\n--from-json <FILE\n--diff FILE FILE",
    "Shows stored records (ClientDealState) as people read them: what the deal waits for, what is paid and due, each "
    "field.\v"
    "A file holds a record as it is stored, or hex, a record a line. The layouts are those of the modules that are "
    "installed: each is tried, oldest first. Bytes that none of them takes are told with the place and the reason.\n\n"
    "Exit status: 0 done; 1 damaged or of no known layout, not a record, or --diff found differences; 2 wrong usage; "
    "3 a file cannot be read, or no module is there.",
    NULL,
    NULL,
    NULL};

/* ---- Layouts */

/* Tries each layout. */
static bool decode(const dump_modules *modules, const stored_bytes *stored, read_record *out)
{
    for (size_t i = 0; i < modules->count; i++) {
        out->record = (dealfsm_record){.struct_size = sizeof out->record};
        if (modules->list[i].info.record->decode(stored->data, stored->size, &out->record, NULL) == DEALFSM_OK) {
            out->stored = stored;
            out->machine = &modules->list[i].machine;
            return true;
        }
    }
    return false;
}

/* Why no layout takes the bytes. */
static json_t *reasons(const dump_modules *modules, const stored_bytes *stored)
{
    json_t *list = json_array();
    for (size_t i = 0; i < modules->count; i++) {
        dealfsm_error error = {.struct_size = sizeof error};
        dealfsm_record record = {.struct_size = sizeof record};
        modules->list[i].info.record->decode(stored->data, stored->size, &record, &error);
        json_array_append_new(
            list, json_pack("{s:s, s:s}", "machine", modules->list[i].machine.machine_version, "why", error.text));
    }
    return list;
}

static void tell_unknown(const dump_modules *modules, const stored_bytes *stored, bool as_json)
{
    json_t *why = reasons(modules, stored);
    fprintf(stderr, "dealfsm-dump record: %s: %" PRIu64 " bytes that no known layout takes:\n", stored->name,
            stored->size);
    for (size_t i = 0; i < json_array_size(why); i++) {
        const json_t *one = json_array_get(why, i);
        fprintf(stderr, "    %s: %s\n", json_string_value(json_object_get(one, "machine")),
                json_string_value(json_object_get(one, "why")));
    }
    if (as_json) {
        json_t *json =
            json_pack("{s:s, s:I, s:O}", "input", stored->name, "bytes", (json_int_t)stored->size, "unknown", why);
        (void)output_json("dealfsm-dump record", json, JSON_COMPACT);
    }
    json_decref(why);
}

/* ---- Showing */
static int write_json(json_t *json)
{
    return output_json("dealfsm-dump record", json, JSON_COMPACT) ? DUMP_DONE : DUMP_FAILED;
}

static int show_all(const options *o, values_arena *arena)
{
    const paper out = paper_on(stdout);
    int status = DUMP_DONE;
    for (size_t i = 0; i < o->inputs.count; i++) {
        read_record it;
        int one = DUMP_DONE;
        if (!decode(&o->modules, &o->inputs.list[i], &it)) {
            tell_unknown(&o->modules, &o->inputs.list[i], o->json);
            one = DUMP_NO;
        } else if (o->json) {
            one = write_json(record_json(arena, &it));
        } else {
            fputs(i > 0 ? "\n" : "", stdout);
            record_text(arena, &it, &out);
        }
        status = one > status ? one : status;
        values_arena_clear(arena);
    }
    return status;
}

static int show_difference(const options *o, values_arena *arena)
{
    const paper out = paper_on(stdout);
    read_record sides[2];
    for (size_t i = 0; i < 2; i++) {
        if (!decode(&o->modules, &o->inputs.list[i], &sides[i])) {
            tell_unknown(&o->modules, &o->inputs.list[i], false);
            return DUMP_FAILED;
        }
    }
    if (!o->json) {
        return record_diff_text(arena, &sides[0], &sides[1], &out) > 0 ? DUMP_NO : DUMP_DONE;
    }
    json_t *json = record_diff_json(arena, &sides[0], &sides[1]);
    const size_t count = json_array_size(json_object_get(json, "differences"));
    const int status = write_json(json);
    return status == DUMP_DONE && count > 0 ? DUMP_NO : status;
}

/* ---- From JSON */
static bool encode(values_arena *arena, const dump_module *module, const json_t *json, const char **hex,
                   const char **why)
{
    dealfsm_error *error = values_take(arena, sizeof *error);
    dealfsm_record record;
    uint64_t size = 0;
    error->struct_size = sizeof *error;
    *why = error->text;
    if (!values_record_from_json(arena, &module->machine, json, &record, why)) {
        return false;
    }
    module->info.record->encode(&record, NULL, 0, &size, NULL);
    uint8_t *bytes = values_take(arena, size);
    if (module->info.record->encode(&record, bytes, size, &size, error) < 0) {
        return false;
    }
    *hex = values_hex(arena, bytes, size);
    return true;
}

/* The JSON is a record, or an object as --json writes it: with the record inside, and the version whose layout it has. */
static int encode_one(const dump_modules *modules, values_arena *arena, const json_t *json, size_t number)
{
    const json_t *inner = json_object_get(json, "record");
    const char *version = json_string_value(json_object_get(json, "machine"));
    words whys = {.arena = arena};
    for (size_t i = 0; i < modules->count; i++) {
        const char *hex = NULL;
        const char *why = "";
        const dump_module *module = &modules->list[i];
        if (inner != NULL && version != NULL && strcmp(version, module->machine.machine_version) != 0) {
            continue;
        }
        if (encode(arena, module, inner != NULL ? inner : json, &hex, &why)) {
            puts(hex);
            return DUMP_DONE;
        }
        words_add(&whys, "    %s: %s\n", module->machine.machine_version, why);
    }
    fprintf(stderr, "dealfsm-dump record: record %zu of the input cannot be stored:\n%s", number,
            *words_text(&whys) == '\0' ? "    no module is there of the version that it names\n" : words_text(&whys));
    return DUMP_NO;
}

static bool only_space_is_left(FILE *in)
{
    int c;
    do {
        c = getc(in);
    } while (c == ' ' || c == '\t' || c == '\n' || c == '\r');
    if (c != EOF) {
        ungetc(c, in);
    }
    return c == EOF;
}

static int from_json(const options *o, values_arena *arena)
{
    const size_t flags = JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL;
    int status = DUMP_DONE;
    size_t number = 0;
    while (!only_space_is_left(stdin)) {
        json_error_t error;
        json_t *json = json_loadf(stdin, flags, &error);
        number++;
        if (json == NULL) {
            fprintf(stderr,
                    "dealfsm-dump record: record %zu of the input: expected JSON: %s (line %d, column %d of it)\n",
                    number, error.text, error.line, error.column);
            return DUMP_NO;
        }
        const int one = encode_one(&o->modules, arena, json, number);
        status = one > status ? one : status;
        json_decref(json);
        values_arena_clear(arena);
    }
    if (number == 0) {
        fputs("dealfsm-dump record: expected JSON on standard input, found nothing\n", stderr);
        return DUMP_NO;
    }
    return status;
}

/* ---- The command */
static int work(options *o, values_arena *arena)
{
    if (o->failed || ((o->modules.count == 0 || o->folder != NULL) && !dump_load_folder(&o->modules, o->folder))) {
        return DUMP_FAILED;
    }
    if (o->from_json) {
        return from_json(o, arena);
    }
    return o->diff ? show_difference(o, arena) : show_all(o, arena);
}

static int run(int argc, char **argv)
{
    options chosen = {.inputs = {.arena = values_arena_new()}};
    values_arena *arena = values_arena_new();
    int status = DUMP_FAILED;
    if (arena != NULL && chosen.inputs.arena != NULL) {
        argp_parse(&argp, argc, argv, 0, NULL, &chosen);
        status = work(&chosen, arena);
    }
    dump_unload(&chosen.modules);
    values_arena_free(chosen.inputs.arena);
    values_arena_free(arena);
    return status;
}

const dump_command dump_record_command = {"record", "a stored record as people read it; to and from JSON; differences",
                                          run};
