/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_WORLD_SERVER_H
#define TOOLS_WORLD_SERVER_H

/* A world that serves one node after the other; wire.h tells what is said. */

#include "text.h"

/* Serves on a socket that listens until it is told to stop; books: the file, an absolute path. False: *why. */
bool world_serve(int listener, const char *books, text_why *why);
/* Makes world_serve return: safe in a signal handler. */
void world_serve_stop(void);

#endif
