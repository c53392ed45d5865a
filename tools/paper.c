/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "paper.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

paper paper_on(FILE *out)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    const bool wanted = no_color == NULL || *no_color == '\0';
    const bool able = term != NULL && strcmp(term, "dumb") != 0 && isatty(fileno(out)) != 0;
    return (paper){.out = out, .colour = wanted && able};
}

static bool begins_character(char byte)
{
    return ((unsigned char)byte & 0xc0u) != 0x80u;
}

size_t paper_width(const char *text)
{
    size_t columns = 0;
    for (; *text != '\0'; text++) {
        columns += begins_character(*text) ? 1 : 0;
    }
    return columns;
}

static const char *ink_on(const paper *it, paper_ink ink)
{
    static const char *const codes[] = {
        [INK_PLAIN] = "",           [INK_HEADING] = "\033[1m", [INK_NAME] = "\033[36m", [INK_FAINT] = "\033[2m",
        [INK_WARNING] = "\033[33m", [INK_ADDED] = "\033[32m",  [INK_GONE] = "\033[31m"};
    return it->colour ? codes[ink] : "";
}

static const char *ink_off(const paper *it, paper_ink ink)
{
    return it->colour && ink != INK_PLAIN ? "\033[0m" : "";
}

void paper_put(const paper *it, paper_ink ink, const char *text)
{
    fprintf(it->out, "%s%s%s", ink_on(it, ink), text, ink_off(it, ink));
}

void paper_line(const paper *it, paper_ink ink, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs(ink_on(it, ink), it->out);
    vfprintf(it->out, format, args);
    fputs(ink_off(it, ink), it->out);
    fputc('\n', it->out);
    va_end(args);
}

/* Bytes of the first `columns` characters, of at most `size` bytes. */
static size_t bytes_of(const char *text, size_t size, size_t columns)
{
    size_t at = 0;
    while (at < size && (columns > 0 || !begins_character(text[at]))) {
        columns -= begins_character(text[at]) ? 1 : 0;
        at++;
    }
    return at;
}

static size_t width_of(const char *text, size_t size)
{
    size_t columns = 0;
    for (size_t i = 0; i < size; i++) {
        columns += begins_character(text[i]) ? 1 : 0;
    }
    return columns;
}

void paper_indent(const paper *it, size_t columns)
{
    fprintf(it->out, "%*s", (int)columns, "");
}

static void new_line(const paper *it, size_t indent)
{
    fputc('\n', it->out);
    paper_indent(it, indent);
}

void paper_wrap(const paper *it, paper_ink ink, size_t column, size_t indent, const char *text)
{
    size_t at = column;
    bool first = true;
    fputs(ink_on(it, ink), it->out);
    while (*text != '\0') {
        const size_t size = strcspn(text, " ");
        size_t width = width_of(text, size);
        size_t taken = size;
        if (!first && at + 1 + width > PAPER_COLUMNS) {
            new_line(it, indent);
            at = indent;
        } else if (!first) {
            fputc(' ', it->out);
            at++;
        }
        if (at + width > PAPER_COLUMNS) { /* longer than a line */
            taken = bytes_of(text, size, at < PAPER_COLUMNS ? PAPER_COLUMNS - at : 0);
            width = width_of(text, taken);
        }
        fwrite(text, 1, taken, it->out);
        at += width;
        first = false;
        text += taken;
        if (taken < size) {
            new_line(it, indent);
            at = indent;
            first = true;
        }
        text += strspn(text, " ");
    }
    fputs(ink_off(it, ink), it->out);
    fputc('\n', it->out);
}

void paper_pair(const paper *it, size_t at, size_t column, const char *name, const char *value)
{
    const size_t used = at + paper_width(name);
    const size_t gap = used + 2 > column ? 2 : column - used;
    paper_put(it, INK_NAME, name);
    if (used + gap + paper_width(value) > PAPER_COLUMNS && strchr(value, ' ') == NULL) {
        new_line(it, at + 4);
        paper_wrap(it, INK_PLAIN, at + 4, at + 4, value);
    } else if (*value == '\0') {
        fputc('\n', it->out);
    } else {
        paper_indent(it, gap);
        paper_wrap(it, INK_PLAIN, used + gap, column, value);
    }
}
