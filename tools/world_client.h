/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_WORLD_CLIENT_H
#define TOOLS_WORLD_CLIENT_H

/* A world in a process of its own, as its node sees it; wire.h tells what is said. */

#include "world.h"

typedef struct world_client world_client;

/* url: "unix:PATH". NULL: nobody is there, *why. */
world_client *world_client_open(const char *url, text_why *why);
void world_client_close(world_client *c);

/* What the world has to know first. `of` is the scenario as scenario_text gives it, w a new world of it. False: the
 * world refuses, *why. */
bool world_client_begin(world_client *c, const char *of, const world_options *options, const world_row *rows,
                        text_why *why);
world_link world_client_link(world_client *c);
/* Takes a new world to where the other process's is. False: *why. */
bool world_client_finish(world_client *c, world *w, text_why *why);
/* The other process is not there any more. */
bool world_client_gone(const world_client *c);

#endif
