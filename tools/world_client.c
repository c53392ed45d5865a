/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "world_client.h"

#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"
#include "world_file.h"

struct world_client {
    wire wire;
    pthread_mutex_t mutex; /* one request at a time */
    bool broken;
    bool gone; /* because nobody answered */
    text_why why;
    char books[PATH_MAX];
};

static void break_off(world_client *c, const char *why)
{
    if (!c->broken) {
        c->broken = true;
        (void)text_refuse(&c->why, "%s", why);
    }
}

/* Sends a request and gets its answer, the caller's; NULL: broken. */
static json_t *request(world_client *c, json_t *message)
{
    json_t *answer = NULL;
    pthread_mutex_lock(&c->mutex);
    if (c->broken) {
        json_decref(message);
    } else if (!wire_send(&c->wire, message) || (answer = wire_receive(&c->wire)) == NULL) {
        c->gone = true;
        break_off(c, "the world is gone: start it again with the same books, then the node with the same store");
    } else if (json_object_get(answer, "error") != NULL) {
        const char *text = json_string_value(json_object_get(answer, "error"));
        break_off(c, text != NULL ? text : "the world has failed");
        json_decref(answer);
        answer = NULL;
    }
    pthread_mutex_unlock(&c->mutex);
    return answer;
}

world_client *world_client_open(const char *url, text_why *why)
{
    world_client *c = calloc(1, sizeof *c);
    if (c == NULL) {
        (void)text_refuse(why, "out of memory");
        return NULL;
    }
    if (!wire_connect(&c->wire, url, why)) {
        free(c);
        return NULL;
    }
    pthread_mutex_init(&c->mutex, NULL);
    return c;
}

void world_client_close(world_client *c)
{
    if (c == NULL) {
        return;
    }
    wire_close(&c->wire);
    pthread_mutex_destroy(&c->mutex);
    free(c);
}

bool world_client_gone(const world_client *c)
{
    return c->gone;
}

static json_t *rows_of(const world_row *rows, uint64_t deals)
{
    json_t *list = json_array();
    for (uint64_t i = 0; i < deals; i++) {
        if (rows[i].revision > 0) {
            (void)json_array_append_new(list,
                                        json_pack("[I, I, I, b]", (json_int_t)(i + 1), (json_int_t)rows[i].revision,
                                                  (json_int_t)rows[i].sequence, (int)rows[i].final_state));
        }
    }
    return list;
}

bool world_client_begin(world_client *c, const char *of, const world_options *options, const world_row *rows,
                        text_why *why)
{
    char seed[24];
    (void)snprintf(seed, sizeof seed, "%" PRIu64, options->seed);
    json_t *answer =
        request(c, json_pack("{s:i, s:o, s:I, s:s, s:o}", "hello", 1, "scenario", json_loads(of, 0, NULL), "deals",
                             (json_int_t)options->deals, "seed", seed, "rows", rows_of(rows, options->deals)));
    const char *books = json_string_value(json_object_get(answer, "books"));
    bool ok = books != NULL && strlen(books) < sizeof c->books;
    if (ok) {
        (void)strcpy(c->books, books);
    } else {
        (void)text_refuse(why, "%s", c->broken ? c->why.text : "the world does not say where its books are");
    }
    json_decref(answer);
    return ok;
}

/* ---- The link */

static world_next client_next(void *ctx, uint64_t deal, uint64_t revision, world_step *step)
{
    world_client *c = ctx;
    *step = (world_step){.kind = STEP_NONE};
    json_t *answer = request(c, json_pack("{s:I, s:I}", "next", (json_int_t)deal, "revision", (json_int_t)revision));
    world_next next = json_object_get(answer, "wait") != NULL ? NEXT_WAIT : NEXT_END;
    if (json_object_get(answer, "step") != NULL) {
        next = NEXT_STEP;
        if (!wire_step(answer, step)) {
            next = NEXT_END;
            pthread_mutex_lock(&c->mutex);
            break_off(c, "the world says what cannot be understood: is it of this version?");
            pthread_mutex_unlock(&c->mutex);
        }
    }
    json_decref(answer);
    return next;
}

static void client_done(void *ctx, const world_report *report)
{
    json_decref(request(ctx, wire_of_report(report)));
}

static void client_ask(void *ctx, const dealfsm_op *op, world_asked *out)
{
    json_t *answer = request(ctx, wire_of_op(op));
    *out = (world_asked){.order = wire_number(answer, "order"), .early = wire_flag(answer, "early")};
    json_decref(answer);
}

world_link world_client_link(world_client *c)
{
    return (world_link){.ctx = c, .next = client_next, .done = client_done, .ask = client_ask};
}

bool world_client_finish(world_client *c, world *w, text_why *why)
{
    json_t *answer = request(c, json_pack("{s:i}", "finish", 1));
    bool ok = answer != NULL ? world_file_read(w, c->books, why) : text_refuse(why, "%s", c->why.text);
    json_decref(answer);
    return ok;
}
