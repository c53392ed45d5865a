/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "world_server.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "wire.h"
#include "world_file.h"

typedef struct server {
    const char *books;
    scenario *scenario;
    world *world;
    world_link link;
    uint64_t deals;
    text_why why; /* the last error */
} server;

static volatile sig_atomic_t stopping;

void world_serve_stop(void)
{
    stopping = 1;
}

static json_t *error_of(const char *text)
{
    return json_pack("{s:s}", "error", text);
}

/* ---- A node begins */

static world_row *read_rows(const json_t *list, uint64_t deals)
{
    world_row *rows = calloc(deals, sizeof *rows);
    size_t i;
    const json_t *one;
    json_array_foreach(list, i, one)
    {
        uint64_t deal = (uint64_t)json_integer_value(json_array_get(one, 0));
        if (rows != NULL && deal >= 1 && deal <= deals) {
            rows[deal - 1] = (world_row){.revision = (uint64_t)json_integer_value(json_array_get(one, 1)),
                                         .sequence = (uint64_t)json_integer_value(json_array_get(one, 2)),
                                         .final_state = json_is_true(json_array_get(one, 3))};
        }
    }
    return rows;
}

static void forget(server *s)
{
    world_free(s->world);
    scenario_free(s->scenario);
    s->world = NULL;
    s->scenario = NULL;
}

/* The world as the books have it, or a new one. */
static bool make_world(server *s, const json_t *hello)
{
    char *of = json_dumps(json_object_get(hello, "scenario"), JSON_COMPACT | JSON_SORT_KEYS);
    uint64_t deals = wire_number(hello, "deals");
    forget(s);
    s->scenario = of != NULL ? scenario_parse(of, "scenario", &s->why) : NULL;
    bool ok = s->scenario != NULL && (deals > 0 || text_refuse(&s->why, "expected a number of deals, found none"));
    if (ok) {
        world_options options = {.scenario = s->scenario, .deals = deals, .seed = wire_number(hello, "seed")};
        s->world = world_new(&options);
        ok =
            s->world != NULL ? world_file_open(s->world, s->books, of, &s->why) : text_refuse(&s->why, "out of memory");
    }
    free(of);
    return ok;
}

static json_t *greet(server *s, const json_t *hello)
{
    if (!make_world(s, hello)) {
        return error_of(s->why.text);
    }
    uint64_t deals = wire_number(hello, "deals");
    world_row *rows = read_rows(json_object_get(hello, "rows"), deals);
    bool ok = rows != NULL ? world_begin(s->world, rows, &s->why) : text_refuse(&s->why, "out of memory");
    free(rows);
    if (!ok) {
        return error_of(s->why.text);
    }
    s->link = world_local(s->world);
    s->deals = deals;
    return json_pack("{s:s}", "books", s->books);
}

/* ---- Requests */

static json_t *give_next(const server *s, const json_t *message)
{
    world_step step;
    switch (s->link.next(s->link.ctx, wire_number(message, "next"), wire_number(message, "revision"), &step)) {
    case NEXT_WAIT:
        return json_pack("{s:i}", "wait", 1);
    case NEXT_END:
        return json_pack("{s:i}", "end", 1);
    default: {
        json_t *answer = wire_of_step(&step);
        world_step_free(&step);
        return answer;
    }
    }
}

static json_t *take_op(const server *s, const json_t *message)
{
    dealfsm_op op;
    world_asked asked = {0};
    values_arena *arena = values_arena_new();
    bool ok = arena != NULL && wire_op(message, arena, &op);
    if (ok) {
        s->link.ask(s->link.ctx, &op, &asked);
    }
    values_arena_free(arena);
    return ok ? json_pack("{s:I, s:b}", "order", (json_int_t)asked.order, "early", (int)asked.early)
              : error_of("an op that cannot be understood");
}

static json_t *answer_to(server *s, const json_t *message)
{
    if (json_object_get(message, "hello") != NULL) {
        return greet(s, message);
    }
    if (s->world == NULL) {
        return error_of("expected hello first");
    }
    uint64_t deal = wire_number(message, json_object_get(message, "next") != NULL ? "next" : "deal");
    json_t *answer;
    if (deal > s->deals || (deal == 0 && json_object_get(message, "done") != NULL)) {
        answer = error_of("no such deal");
    } else if (json_object_get(message, "next") != NULL) {
        answer = give_next(s, message);
    } else if (json_object_get(message, "ask") != NULL) {
        answer = take_op(s, message);
    } else if (json_object_get(message, "done") != NULL) {
        world_report report = wire_report(message);
        s->link.done(s->link.ctx, &report);
        answer = json_object();
    } else {
        answer = json_object_get(message, "finish") != NULL ? json_object() : error_of("a request that is not known");
    }
    if (world_broken(s->world) != NULL) {
        json_decref(answer);
        answer = error_of(world_broken(s->world));
    }
    return answer;
}

/* ---- Connections */

/* Until the node goes. Requests are answered whole, also when the world is told to stop meanwhile. */
static void serve_node(server *s, int fd)
{
    wire c;
    json_t *message;
    if (!wire_open(&c, fd)) {
        return;
    }
    while (!stopping && (message = wire_receive(&c)) != NULL) {
        json_t *answer = answer_to(s, message);
        bool failed = json_object_get(answer, "error") != NULL;
        json_decref(message);
        if (!wire_send(&c, answer) || failed) {
            break;
        }
    }
    wire_close(&c);
    forget(s);
}

bool world_serve(int listener, const char *books, text_why *why)
{
    server s = {.books = books};
    while (!stopping) {
        int fd = accept(listener, NULL, NULL);
        if (fd >= 0) {
            serve_node(&s, fd);
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return text_refuse(why, "cannot accept nodes: %s", strerror(errno));
        }
    }
    return true;
}
