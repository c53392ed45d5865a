/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_PAPER_H
#define TOOLS_PAPER_H

/* Text for people, at most PAPER_COLUMNS wide, with colours where somebody looks at them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { PAPER_COLUMNS = 100 };

typedef enum paper_ink { INK_PLAIN, INK_HEADING, INK_NAME, INK_FAINT, INK_WARNING, INK_ADDED, INK_GONE } paper_ink;

typedef struct paper {
    FILE *out;
    bool colour;
} paper;

/* Colours only on a terminal that is not "dumb", and not where NO_COLOR is set to anything. */
paper paper_on(FILE *out);

/* Columns that a text in UTF-8 takes. */
size_t paper_width(const char *text);

void paper_put(const paper *it, paper_ink ink, const char *text);
void paper_line(const paper *it, paper_ink ink, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Writes a text whose first word stands at `column` (0 is the left edge), broken between words, and inside a word that is
 * longer than a line; further lines begin at `indent`. Ends with a new line. */
void paper_wrap(const paper *it, paper_ink ink, size_t column, size_t indent, const char *text);

void paper_indent(const paper *it, size_t columns);

/* "name   value", on a line of which `at` columns are written already: the name, then the value from `column` on; one long
 * word that has no room there goes to lines of its own. */
void paper_pair(const paper *it, size_t at, size_t column, const char *name, const char *value);

#endif
