/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_WORLD_BOOKS_REPORT_H
#define TOOLS_WORLD_BOOKS_REPORT_H

/* What a world's books say by themselves, without what the deals say: channels, lanes, ops by key. */

#include "text.h"

#include <stdio.h>

/* Writes it; *balance: nothing is wrong. False: the books cannot be read, *why. */
bool world_books_report(const char *path, bool json, FILE *out, bool *balance, text_why *why);

#endif
