/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_WIRE_H
#define TOOLS_WIRE_H

/* Between a node and a world in a process of its own: a unix socket, a JSON object a line, each request of the node
 * answered by one line. Numbers that may need 64 bits are texts; values have the forms of values.h.
 *
 *   {"hello": 1, "scenario": {…}, "deals": n, "seed": "n",
 *    "rows": [[deal, revision, sequence, final], …]}
 *       -> {"books": "/path"}. First of all; rows are those of the node's store. What the world has sent that is not in
 *          them comes again.
 *   {"next": deal, "revision": n}   deal 0: any; revision: the deal's, durable now
 *       -> {"wait": 1}, {"end": 1}, or {"step": kind, "deal": n, "order": n, "time": n} with, for an event,
 *          {"event": n, "args": […]} and, for an answer,
 *          {"op": n, "sequence": n, "nth": n, "outcome": n, "text": "…", "values": […]} and, for money that has come,
 *          {"channel": "hex"}
 *   {"done": order, "deal": n, "promised": n, "revision": n, "nested": b, "sent": b,
 *    "short_of_funds": b}
 *       -> {}. The step is durable once `revision` has reached `promised`.
 *   {"ask": op, "deal": n, "sequence": n, "nth": n, "flags": n, "args": […]}
 *       -> {"order": n, "early": b}: the step that will bring the answer, 0: none
 *   {"finish": 1}
 *       -> {}. The books are complete: the node reads them.
 * Any request may be answered {"error": "text"}; the world closes the connection after that. */

#include <jansson.h>
#include <stdio.h>

#include "values.h"
#include "world.h"

/* Is it unix:PATH, of a length that a socket may have? Else the reason. */
bool wire_is_url(const char *url, text_why *why);

typedef struct wire {
    FILE *in;
    int fd; /* in's */
    char *line;
    size_t room;
} wire;

/* url: "unix:PATH". False: *why. */
bool wire_connect(wire *c, const char *url, text_why *why);
/* A socket that listens; a socket file that nobody listens to any more is replaced. -1: *why. */
int wire_listen(const char *url, text_why *why);
bool wire_open(wire *c, int fd);
void wire_close(wire *c);

/* Takes the message; false: the other side is gone. */
bool wire_send(wire *c, json_t *message);
/* NULL: the other side is gone, or has sent something else. */
json_t *wire_receive(wire *c);

uint64_t wire_number(const json_t *message, const char *key);
bool wire_flag(const json_t *message, const char *key);

json_t *wire_of_op(const dealfsm_op *op);
bool wire_op(const json_t *message, values_arena *arena, dealfsm_op *op);
json_t *wire_of_step(const world_step *step);
bool wire_step(const json_t *message, world_step *step);
json_t *wire_of_report(const world_report *report);
world_report wire_report(const json_t *message);

#endif
