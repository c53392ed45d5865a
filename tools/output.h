/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_OUTPUT_H
#define TOOLS_OUTPUT_H

/* The standard streams of a program: whatever it prints, it either arrives or the exit status says that it did not. */

#include <jansson.h>
#include <stdbool.h>

/* First of all in main. At exit standard output is flushed; if something could not be written, the reason is told on
 * standard error ("NAME: standard output: No space left on device") and the exit status is `failed`. If the reader has
 * gone (… | head) nothing is told, and the program ends as by SIGPIPE, but only now: what it has open is closed before
 * that; what writes much looks at ferror(stdout) on its way. Standard streams that are closed are opened so that writing fails: no store can get their numbers. */
void output_watch(const char *name, int failed);

/* Writes JSON (flags as of json_dumpf) and the end of a line; takes the reference over. False: it was not written; that
 * it could not be made (NULL) is told, the rest is told at exit. `command` is for messages. */
bool output_json(const char *command, json_t *json, size_t flags);

#endif
