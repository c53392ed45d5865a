/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "elf_check.h"

#include <dealfsm/module.h>
#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

/* The header of the file that this code is in, as the linker gives it: what "this CPU" is. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

#define SYMBOL_START "dealfsm_module_v"

static const char *machine_name(unsigned machine, char room[32])
{
    static const struct {
        unsigned machine;
        const char *name;
    } names[] = {{EM_X86_64, "x86-64"}, {EM_AARCH64, "aarch64"}, {EM_386, "i386"},           {EM_ARM, "arm"},
                 {EM_RISCV, "riscv"},   {EM_PPC64, "ppc64"},     {EM_S390, "s390x"},         {EM_MIPS, "mips"},
                 {EM_SPARCV9, "sparc"}, {EM_IA_64, "ia64"},      {EM_LOONGARCH, "loongarch"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].machine == machine)
            return names[i].name;
    }
    snprintf(room, 32, "ELF machine %u", machine);
    return room;
}

static int32_t corrupt(const char *path, const char *what, dealfsm_error *error)
{
    return host_error(error, DEALFSM_E_CORRUPT, "path", "%s: %s", host_short(path), what);
}

/* One check of an open file; `out` is what the check finds. */
typedef int32_t check_fn(Elf *elf, const char *path, const host_file *file, const char **out, dealfsm_error *error);

static int32_t open_and_check(const char *path, const host_file *file, check_fn *check, const char **out,
                              dealfsm_error *error)
{
    GElf_Ehdr header;
    Elf *elf = NULL;
    if (file->size >= SELFMAG && memcmp(file->bytes, ELFMAG, SELFMAG) == 0 && elf_version(EV_CURRENT) != EV_NONE)
        elf = elf_memory((char *)file->bytes, file->size);
    int32_t result = elf != NULL && gelf_getehdr(elf, &header) != NULL
                         ? check(elf, path, file, out, error)
                         : corrupt(path, "expected an ELF shared object, found something else", error);
    elf_end(elf);
    return result;
}

/* libelf does not tell "no memory" from damage, but malloc does. */
static int32_t inspect(const char *path, const host_file *file, check_fn *check, const char **out, dealfsm_error *error)
{
    dealfsm_error why = {.struct_size = sizeof why};
    errno = 0;
    int32_t result = open_and_check(path, file, check, out, &why);
    if (result < 0 && errno == ENOMEM)
        return host_error(error, DEALFSM_E_NO_MEMORY, "", "out of memory while a module was read");
    return result < 0 ? host_error(error, result, why.field, "%s", why.text) : result;
}

/* The dynamic linker would map a file that is cut off, and the process would die at the first touch. */
static int32_t check_whole(Elf *elf, const char *path, size_t size, dealfsm_error *error)
{
    size_t count = 0;
    if (elf_getphdrnum(elf, &count) != 0)
        return corrupt(path, "expected program headers, found none that can be read: the file is damaged", error);
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr part;
        if (gelf_getphdr(elf, (int)i, &part) == NULL)
            return corrupt(path, "a program header lies beyond the end: the file is cut off", error);
        if (part.p_offset > size || part.p_filesz > size - part.p_offset)
            return host_error(error, DEALFSM_E_CORRUPT, "path",
                              "%s: expected %llu bytes from %llu on, found a file of %zu bytes: it is cut off",
                              host_short(path), (unsigned long long)part.p_filesz, (unsigned long long)part.p_offset,
                              size);
    }
    return DEALFSM_OK;
}

/* The next section of that type, or NULL. */
static Elf_Scn *next_section(Elf *elf, Elf_Scn *after, unsigned type, GElf_Shdr *header)
{
    for (Elf_Scn *section = elf_nextscn(elf, after); section != NULL; section = elf_nextscn(elf, section)) {
        if (gelf_getshdr(section, header) != NULL && header->sh_type == type)
            return section;
    }
    return NULL;
}

/* The manifest in the notes of one section, or NULL. */
static const char *note_text(Elf_Data *data, size_t *length)
{
    size_t name_at, text_at;
    GElf_Nhdr note;
    for (size_t at = 0; (at = gelf_getnote(data, at, &note, &name_at, &text_at)) > 0;) {
        if (note.n_type == DEALFSM_NOTE_MANIFEST && note.n_namesz == sizeof DEALFSM_NOTE_NAME &&
            memcmp((const char *)data->d_buf + name_at, DEALFSM_NOTE_NAME, sizeof DEALFSM_NOTE_NAME) == 0) {
            *length = note.n_descsz;
            return (const char *)data->d_buf + text_at;
        }
    }
    return NULL;
}

static int32_t find_note(Elf *elf, const char *path, const host_file *file, const char **text, dealfsm_error *error)
{
    GElf_Shdr header;
    size_t length = 0;
    for (Elf_Scn *section = next_section(elf, NULL, SHT_NOTE, &header); section != NULL;
         section = next_section(elf, section, SHT_NOTE, &header)) {
        /* libelf may translate or copy a section; the raw bytes lie in the file. */
        Elf_Data *data = elf_getdata(section, NULL);
        const char *found = data != NULL && data->d_buf != NULL ? note_text(data, &length) : NULL;
        if (found == NULL)
            continue;
        size_t at = header.sh_offset + (size_t)(found - (const char *)data->d_buf);
        if (at > file->size || length > file->size - at || length == 0 || file->bytes[at + length - 1] != '\0' ||
            memchr(file->bytes + at, '\0', length) != file->bytes + at + length - 1)
            return corrupt(path, "note " DEALFSM_NOTE_SECTION ": expected a text that ends with NUL", error);
        *text = (const char *)file->bytes + at;
        return DEALFSM_OK;
    }
    return corrupt(path, "expected a manifest in note " DEALFSM_NOTE_SECTION ", found none: not a dealfsm module",
                   error);
}

static int32_t check_note(Elf *elf, const char *path, const host_file *file, const char **text, dealfsm_error *error)
{
    int32_t result = check_whole(elf, path, file->size, error);
    return result < 0 ? result : find_note(elf, path, file, text, error);
}

int32_t host_elf_manifest(const char *path, const host_file *file, const char **text, dealfsm_error *error)
{
    return inspect(path, file, check_note, text, error);
}

static int32_t check_header(const GElf_Ehdr *header, const char *path, dealfsm_error *error)
{
    const unsigned char *ours = __ehdr_start.e_ident;
    char theirs_room[32], ours_room[32];
    if (header->e_machine != __ehdr_start.e_machine)
        return host_error(error, DEALFSM_E_VERSION, "path", "%s: is for %s, this is %s: get the build for %s",
                          host_short(path), machine_name(header->e_machine, theirs_room),
                          machine_name(__ehdr_start.e_machine, ours_room),
                          machine_name(__ehdr_start.e_machine, ours_room));
    if (header->e_ident[EI_CLASS] != ours[EI_CLASS] || header->e_ident[EI_DATA] != ours[EI_DATA])
        return host_error(error, DEALFSM_E_VERSION, "path",
                          "%s: is %d-bit, %s-endian, this is %d-bit, %s-endian: get the build for this one",
                          host_short(path), header->e_ident[EI_CLASS] == ELFCLASS64 ? 64 : 32,
                          header->e_ident[EI_DATA] == ELFDATA2MSB ? "big" : "little",
                          ours[EI_CLASS] == ELFCLASS64 ? 64 : 32, ours[EI_DATA] == ELFDATA2MSB ? "big" : "little");
    if (header->e_type != ET_DYN)
        return corrupt(path, "expected a shared object, found an object file, program or core dump", error);
    return DEALFSM_OK;
}

static int32_t check_fit(Elf *elf, const char *path, const host_file *file, const char **out, dealfsm_error *error)
{
    GElf_Ehdr header;
    (void)out;
    gelf_getehdr(elf, &header);
    int32_t result = check_header(&header, path, error);
    return result < 0 ? result : check_whole(elf, path, file->size, error);
}

int32_t host_elf_fits(const char *path, const host_file *file, dealfsm_error *error)
{
    return inspect(path, file, check_fit, NULL, error);
}

/* What the dynamic symbols say: 1 the symbol is there, 0 none of ours, -1 one of another major (*name). */
static int look_for_symbol(Elf *elf, const char **name)
{
    int found = 0;
    GElf_Shdr header;
    for (Elf_Scn *section = next_section(elf, NULL, SHT_DYNSYM, &header); section != NULL;
         section = next_section(elf, section, SHT_DYNSYM, &header)) {
        Elf_Data *data = elf_getdata(section, NULL);
        GElf_Sym symbol;
        for (int i = 0; data != NULL && gelf_getsym(data, i, &symbol) != NULL; i++) {
            const char *text = elf_strptr(elf, header.sh_link, symbol.st_name);
            if (text == NULL || symbol.st_shndx == SHN_UNDEF || GELF_ST_TYPE(symbol.st_info) != STT_FUNC)
                continue;
            if (strcmp(text, DEALFSM_MODULE_SYMBOL) == 0)
                return 1;
            if (strncmp(text, SYMBOL_START, strlen(SYMBOL_START)) == 0) {
                *name = text;
                found = -1;
            }
        }
    }
    return found;
}

static int32_t check_symbol(Elf *elf, const char *path, const host_file *file, const char **other, dealfsm_error *error)
{
    (void)file;
    switch (look_for_symbol(elf, other)) {
    case 1:
        return DEALFSM_OK;
    case -1:
        return host_error(error, DEALFSM_E_ABI, "abi",
                          "%s: speaks another ABI major: exports %.40s, expected " DEALFSM_MODULE_SYMBOL
                          ": get the build for ABI %u",
                          host_short(path), *other, DEALFSM_ABI_MAJOR);
    default:
        return corrupt(path, "expected the exported function " DEALFSM_MODULE_SYMBOL ", found none", error);
    }
}

int32_t host_elf_symbol(const char *path, const host_file *file, dealfsm_error *error)
{
    const char *other = NULL;
    return inspect(path, file, check_symbol, &other, error);
}
