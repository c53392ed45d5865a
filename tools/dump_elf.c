/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "dump_elf.h"

#include <gelf.h>
#include <libelf.h>
#include <nettle/sha2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct elf_facts {
    Elf *elf;
    json_t *needs;
    json_t *exports;
    json_t *imports;
    char build_id[2 * 64 + 1];
    uint64_t writable;     /* bytes of sections that stay writable */
    uint64_t constructors; /* bytes of the array of functions that run when it is loaded */
    bool bind_now;
    bool relro;
    bool executable_stack;
    bool text_relocations;
    bool nodelete;
    bool symbolic;
    bool thread_storage;
    bool run_path;
} elf_facts;

static void append(json_t *list, const char *text)
{
    json_array_append_new(list, text == NULL ? json_null() : json_string(text));
}

static void hex(char *to, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        snprintf(to + 2 * i, 3, "%02x", data[i]);
    }
}

/* ---- Program headers */
static void read_segments(elf_facts *it)
{
    size_t count = 0;
    it->executable_stack = true; /* where no header says otherwise */
    if (elf_getphdrnum(it->elf, &count) != 0) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr part;
        if (gelf_getphdr(it->elf, (int)i, &part) == NULL) {
            continue;
        }
        it->relro = it->relro || part.p_type == PT_GNU_RELRO;
        it->thread_storage = it->thread_storage || part.p_type == PT_TLS;
        if (part.p_type == PT_GNU_STACK) {
            it->executable_stack = (part.p_flags & PF_X) != 0;
        }
    }
}

/* ---- Sections */
static void read_entry(elf_facts *it, const GElf_Dyn *entry, size_t names)
{
    switch (entry->d_tag) {
    case DT_NEEDED:
        append(it->needs, elf_strptr(it->elf, names, entry->d_un.d_val));
        break;
    case DT_BIND_NOW:
        it->bind_now = true;
        break;
    case DT_SYMBOLIC:
        it->symbolic = true;
        break;
    case DT_TEXTREL:
        it->text_relocations = true;
        break;
    case DT_RPATH:
    case DT_RUNPATH:
        it->run_path = true;
        break;
    case DT_INIT_ARRAYSZ:
        it->constructors += entry->d_un.d_val;
        break;
    case DT_FLAGS:
        it->bind_now = it->bind_now || (entry->d_un.d_val & DF_BIND_NOW) != 0;
        it->symbolic = it->symbolic || (entry->d_un.d_val & DF_SYMBOLIC) != 0;
        it->text_relocations = it->text_relocations || (entry->d_un.d_val & DF_TEXTREL) != 0;
        break;
    case DT_FLAGS_1:
        it->bind_now = it->bind_now || (entry->d_un.d_val & DF_1_NOW) != 0;
        it->nodelete = it->nodelete || (entry->d_un.d_val & DF_1_NODELETE) != 0;
        break;
    default:
        break;
    }
}

static void read_dynamic(elf_facts *it, Elf_Data *data, const GElf_Shdr *header)
{
    GElf_Dyn entry;
    for (int i = 0; gelf_getdyn(data, i, &entry) != NULL && entry.d_tag != DT_NULL; i++) {
        read_entry(it, &entry, header->sh_link);
    }
}

static void read_symbols(elf_facts *it, Elf_Data *data, const GElf_Shdr *header)
{
    GElf_Sym symbol;
    for (int i = 1; gelf_getsym(data, i, &symbol) != NULL; i++) {
        const unsigned bind = GELF_ST_BIND(symbol.st_info);
        if (bind == STB_GLOBAL || bind == STB_WEAK) {
            append(symbol.st_shndx == SHN_UNDEF ? it->imports : it->exports,
                   elf_strptr(it->elf, header->sh_link, symbol.st_name));
        }
    }
}

static void read_notes(elf_facts *it, Elf_Data *data)
{
    size_t name;
    size_t text;
    GElf_Nhdr note;
    for (size_t at = 0; (at = gelf_getnote(data, at, &note, &name, &text)) > 0;) {
        const size_t room = (sizeof it->build_id - 1) / 2;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && memcmp((char *)data->d_buf + name, "GNU", 4) == 0) {
            hex(it->build_id, (const uint8_t *)data->d_buf + text, note.n_descsz < room ? note.n_descsz : room);
        }
    }
}

/* Does the dynamic linker make the section read-only after it has relocated it? */
static bool becomes_read_only(const char *name)
{
    return name != NULL &&
           (strncmp(name, ".data.rel.ro", 12) == 0 || strcmp(name, ".dynamic") == 0 || strcmp(name, ".got") == 0 ||
            strncmp(name, ".init_array", 11) == 0 || strncmp(name, ".fini_array", 11) == 0);
}

static void read_section(elf_facts *it, Elf_Scn *section, const GElf_Shdr *header, size_t names)
{
    Elf_Data *data = header->sh_type == SHT_NOBITS ? NULL : elf_getdata(section, NULL);
    const uint64_t writable = SHF_ALLOC | SHF_WRITE;
    if ((header->sh_flags & writable) == writable && !becomes_read_only(elf_strptr(it->elf, names, header->sh_name))) {
        it->writable += header->sh_size;
    }
    if (data == NULL) {
        return;
    }
    if (header->sh_type == SHT_DYNAMIC) {
        read_dynamic(it, data, header);
    } else if (header->sh_type == SHT_DYNSYM) {
        read_symbols(it, data, header);
    } else if (header->sh_type == SHT_NOTE) {
        read_notes(it, data);
    }
}

static void read_sections(elf_facts *it)
{
    size_t names = 0;
    GElf_Shdr header;
    if (elf_getshdrstrndx(it->elf, &names) != 0) {
        return;
    }
    for (Elf_Scn *section = elf_nextscn(it->elf, NULL); section != NULL; section = elf_nextscn(it->elf, section)) {
        if (gelf_getshdr(section, &header) != NULL) {
            read_section(it, section, &header, names);
        }
    }
}

/* ---- All of it */
static const char *cpu(const GElf_Ehdr *header, char room[32])
{
    static const struct {
        unsigned machine;
        const char *name;
    } names[] = {{EM_X86_64, "x86-64"}, {EM_AARCH64, "aarch64"}, {EM_386, "i386"},   {EM_ARM, "arm"},
                 {EM_RISCV, "riscv"},   {EM_PPC64, "ppc64"},     {EM_S390, "s390x"}, {EM_LOONGARCH, "loongarch"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i].machine == header->e_machine) {
            return names[i].name;
        }
    }
    snprintf(room, 32, "ELF machine %u", (unsigned)header->e_machine);
    return room;
}

static int by_text(const void *a, const void *b)
{
    const char *const *left = a;
    const char *const *right = b;
    return strcmp(*left, *right);
}

static json_t *sorted(json_t *list)
{
    const size_t count = json_array_size(list);
    const char **texts = calloc(count + 1, sizeof *texts);
    json_t *out = json_array();
    for (size_t i = 0; texts != NULL && i < count; i++) {
        const char *text = json_string_value(json_array_get(list, i));
        texts[i] = text == NULL ? "" : text;
    }
    if (texts != NULL) {
        qsort(texts, count, sizeof *texts, by_text);
    }
    for (size_t i = 0; texts != NULL && i < count; i++) {
        append(out, texts[i]);
    }
    free(texts);
    json_decref(list);
    return out;
}

static json_t *security(const elf_facts *it)
{
    return json_pack("{s:b, s:s, s:b, s:b, s:b, s:b, s:I, s:b, s:b}", "bind_now", it->bind_now, "relro",
                     !it->relro     ? "none"
                     : it->bind_now ? "full"
                                    : "partial",
                     "executable_stack", it->executable_stack, "text_relocations", it->text_relocations, "nodelete",
                     it->nodelete, "symbolic", it->symbolic, "constructors",
                     (json_int_t)(it->constructors / gelf_fsize(it->elf, ELF_T_ADDR, 1, EV_CURRENT)), "thread_storage",
                     it->thread_storage, "run_path", it->run_path);
}

static json_t *facts(Elf *elf, const GElf_Ehdr *header)
{
    char room[32];
    elf_facts it = {.elf = elf, .needs = json_array(), .exports = json_array(), .imports = json_array()};
    read_segments(&it);
    read_sections(&it);
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:I}", "cpu", cpu(header, room), "build_id", it.build_id, "needs",
                     it.needs, "exports", sorted(it.exports), "imports", sorted(it.imports), "security", security(&it),
                     "writable_bytes", (json_int_t)it.writable);
}

/* The file's length and hash, over `in` from its beginning. */
static bool add_content(json_t *json, FILE *in)
{
    struct sha256_ctx hash;
    uint8_t block[65536];
    uint8_t digest[SHA256_DIGEST_SIZE];
    char text[2 * SHA256_DIGEST_SIZE + 1];
    json_int_t size = 0;
    sha256_init(&hash);
    for (size_t got; (got = fread(block, 1, sizeof block, in)) > 0; size += (json_int_t)got) {
        sha256_update(&hash, got, block);
    }
    sha256_digest(&hash, sizeof digest, digest);
    hex(text, digest, sizeof digest);
    json_object_set_new(json, "size", json_integer(size));
    json_object_set_new(json, "sha256", json_string(text));
    return ferror(in) == 0;
}

json_t *dump_elf(const char *path, const char **why)
{
    GElf_Ehdr header;
    json_t *json = NULL;
    FILE *in = fopen(path, "rb");
    elf_version(EV_CURRENT);
    Elf *elf = in == NULL ? NULL : elf_begin(fileno(in), ELF_C_READ, NULL);
    *why = "expected an ELF file, found something else";
    if (elf != NULL && gelf_getehdr(elf, &header) != NULL) {
        json = facts(elf, &header);
    }
    elf_end(elf);
    if (json != NULL && (fseek(in, 0, SEEK_SET) != 0 || !add_content(json, in))) {
        *why = "the file cannot be read";
        json_decref(json);
        json = NULL;
    }
    if (in != NULL) {
        fclose(in);
    }
    return json;
}
