/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- Sockets */

static bool address_of(const char *url, struct sockaddr_un *address, text_why *why)
{
    static const char scheme[] = "unix:";
    size_t head = sizeof scheme - 1;
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strncmp(url, scheme, head) != 0 || url[head] == '\0' || strlen(url + head) >= sizeof address->sun_path) {
        return text_refuse(why, "expected unix:PATH with a path of up to %zu bytes, found \"%s\"",
                           sizeof address->sun_path - 1, url);
    }
    (void)strcpy(address->sun_path, url + head);
    return true;
}

bool wire_is_url(const char *url, text_why *why)
{
    struct sockaddr_un address;
    return address_of(url, &address, why);
}

bool wire_open(wire *c, int fd)
{
    *c = (wire){.in = fdopen(fd, "r"), .fd = fd};
    if (c->in == NULL) {
        (void)close(fd);
    }
    return c->in != NULL;
}

void wire_close(wire *c)
{
    if (c->in != NULL) {
        (void)fclose(c->in);
    }
    free(c->line);
    *c = (wire){0};
}

bool wire_connect(wire *c, const char *url, text_why *why)
{
    struct sockaddr_un address;
    if (!address_of(url, &address, why)) {
        return false;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        (void)text_refuse(why, "%s: %s: start dealfsm-world there first", url, strerror(errno));
        if (fd >= 0) {
            (void)close(fd);
        }
        return false;
    }
    return wire_open(c, fd) || text_refuse(why, "%s: out of memory", url);
}

/* Does nobody answer at a socket that is there? What is no socket is somebody's file, and stays. */
static bool is_stale(const struct sockaddr_un *address)
{
    struct stat info;
    if (lstat(address->sun_path, &info) != 0 || !S_ISSOCK(info.st_mode)) {
        return false;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool stale =
        fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) != 0 && errno == ECONNREFUSED;
    if (fd >= 0) {
        (void)close(fd);
    }
    return stale;
}

int wire_listen(const char *url, text_why *why)
{
    struct sockaddr_un address;
    if (!address_of(url, &address, why)) {
        return -1;
    }
    if (is_stale(&address)) {
        (void)unlink(address.sun_path);
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 8) != 0) {
        const char *what =
            errno == EADDRINUSE ? "expected a path where nothing is, or that no world listens at" : strerror(errno);
        (void)text_refuse(why, "%s: %s", url, what);
        if (fd >= 0) {
            (void)close(fd);
        }
        return -1;
    }
    return fd;
}

/* ---- Lines */

/* No SIGPIPE when the other side is gone. */
static bool send_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR) {
            return false;
        }
        data += sent > 0 ? sent : 0;
        len -= sent > 0 ? (size_t)sent : 0;
    }
    return true;
}

bool wire_send(wire *c, json_t *message)
{
    char *text = message != NULL ? json_dumps(message, JSON_COMPACT) : NULL;
    size_t len = text != NULL ? strlen(text) : 0;
    if (text != NULL) {
        text[len] = '\n'; /* in place of the NUL: one call */
    }
    bool ok = text != NULL && send_all(c->fd, text, len + 1);
    free(text);
    json_decref(message);
    return ok;
}

json_t *wire_receive(wire *c)
{
    ssize_t len = getline(&c->line, &c->room, c->in);
    return len > 0 && c->line[len - 1] == '\n' ? json_loadb(c->line, (size_t)len, JSON_REJECT_DUPLICATES, NULL) : NULL;
}

uint64_t wire_number(const json_t *message, const char *key)
{
    const json_t *value = json_object_get(message, key);
    uint64_t number = 0;
    if (json_is_string(value)) {
        return values_u64(json_string_value(value), &number) ? number : 0;
    }
    return (uint64_t)json_integer_value(value);
}

bool wire_flag(const json_t *message, const char *key)
{
    return json_is_true(json_object_get(message, key));
}

/* ---- Ops */

json_t *wire_of_op(const dealfsm_op *op)
{
    values_arena *arena = values_arena_new();
    json_t *args = arena != NULL ? values_args_to_json(arena, op->args, op->args_count, op->args_stride) : NULL;
    values_arena_free(arena);
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:o}", "ask", (json_int_t)op->op, "deal", (json_int_t)op->deal,
                     "sequence", (json_int_t)op->sequence, "nth", (json_int_t)op->nth, "flags", (json_int_t)op->flags,
                     "args", args);
}

bool wire_op(const json_t *message, values_arena *arena, dealfsm_op *op)
{
    dealfsm_value *args = NULL;
    *op = (dealfsm_op){.struct_size = sizeof *op,
                       .op = (uint32_t)wire_number(message, "ask"),
                       .deal = wire_number(message, "deal"),
                       .sequence = wire_number(message, "sequence"),
                       .nth = (uint32_t)wire_number(message, "nth"),
                       .flags = (uint32_t)wire_number(message, "flags"),
                       .args_stride = sizeof *args};
    bool ok = values_args_from_json(arena, json_object_get(message, "args"), &args, &op->args_count);
    op->args = args;
    return ok;
}

/* ---- Steps */

static const char *const KINDS[] = {"none", "resume", "create", "event", "answer", "retry", "money"};

static json_t *values_of(const dealfsm_value *values, uint32_t count)
{
    values_arena *arena = values_arena_new();
    json_t *json = arena != NULL ? values_args_to_json(arena, values, count, sizeof *values) : NULL;
    values_arena_free(arena);
    return json;
}

static json_t *channel_of(const world_step *step)
{
    values_arena *arena = values_arena_new();
    json_t *json =
        arena != NULL ? json_pack("{s:s}", "channel", values_hex(arena, step->channel, step->channel_len)) : NULL;
    values_arena_free(arena);
    return json;
}

json_t *wire_of_step(const world_step *step)
{
    json_t *message = json_pack("{s:s, s:I, s:I, s:I}", "step", KINDS[step->kind], "deal", (json_int_t)step->deal,
                                "order", (json_int_t)step->order, "time", (json_int_t)step->time);
    json_t *more = NULL;
    if (step->kind == STEP_EVENT) {
        dealfsm_value argument;
        dealfsm_event event;
        world_event_of(&step->event, &argument, &event);
        more =
            json_pack("{s:I, s:o}", "event", (json_int_t)event.event, "args", values_of(event.args, event.args_count));
    } else if (step->kind == STEP_ANSWER) {
        const reply *a = step->answer;
        more = json_pack("{s:I, s:I, s:I, s:I, s:s, s:o}", "op", (json_int_t)a->op, "sequence", (json_int_t)a->sequence,
                         "nth", (json_int_t)a->nth, "outcome", (json_int_t)a->outcome, "text", a->text, "values",
                         values_of(a->values, a->count));
    } else if (step->kind == STEP_MONEY) {
        more = channel_of(step);
    }
    const bool plain = step->kind < STEP_EVENT || step->kind == STEP_RETRY;
    bool ok = message != NULL && (plain || json_object_update(message, more) == 0);
    json_decref(more);
    if (!ok) {
        json_decref(message);
    }
    return ok ? message : NULL;
}

static bool read_event(const json_t *message, values_arena *arena, outside *out)
{
    dealfsm_value *args = NULL;
    uint32_t count = 0;
    if (!values_args_from_json(arena, json_object_get(message, "args"), &args, &count) || count > 1) {
        return false;
    }
    *out = (outside){.event = (uint32_t)wire_number(message, "event"), .kind = DEALFSM_NONE};
    if (count == 0) {
        return true;
    }
    out->kind = args[0].kind;
    out->number = args[0].number;
    if (args[0].kind == DEALFSM_AMOUNT && args[0].data_len <= sizeof out->amount) {
        out->amount_len = args[0].data_len;
        memcpy(out->amount, args[0].data_len > 0 ? args[0].data : out->amount, args[0].data_len);
    } else if (args[0].data_len > 0) {
        (void)snprintf(out->text, sizeof out->text, "%.*s", (int)args[0].data_len, (const char *)args[0].data);
    }
    return true;
}

/* Values point into the step's memory. */
static bool read_answer(const json_t *message, values_arena *arena, reply *out)
{
    dealfsm_value *values = NULL;
    const char *text = json_string_value(json_object_get(message, "text"));
    *out = (reply){.op = (uint32_t)wire_number(message, "op"),
                   .sequence = wire_number(message, "sequence"),
                   .nth = (uint32_t)wire_number(message, "nth"),
                   .outcome = (uint32_t)wire_number(message, "outcome")};
    if (!values_args_from_json(arena, json_object_get(message, "values"), &values, &out->count) ||
        out->count > VALUES_MAX || out->outcome > DEALFSM_ANSWER_SHORTFALL) {
        return false;
    }
    (void)snprintf(out->text, sizeof out->text, "%s", text != NULL ? text : "");
    for (uint32_t i = 0; i < out->count; i++) {
        out->values[i] = values[i];
    }
    return true;
}

static bool read_kind(const json_t *message, step_kind *kind)
{
    const char *name = json_string_value(json_object_get(message, "step"));
    for (size_t i = 1; name != NULL && i < sizeof KINDS / sizeof KINDS[0]; i++) {
        if (strcmp(name, KINDS[i]) == 0) {
            *kind = (step_kind)i;
            return true;
        }
    }
    return false;
}

bool wire_step(const json_t *message, world_step *step)
{
    *step = (world_step){.deal = wire_number(message, "deal"),
                         .order = wire_number(message, "order"),
                         .time = wire_number(message, "time"),
                         .memory = values_arena_new()};
    bool ok = step->memory != NULL && read_kind(message, &step->kind);
    if (ok && step->kind == STEP_EVENT) {
        ok = read_event(message, step->memory, &step->event);
    } else if (ok && step->kind == STEP_ANSWER) {
        step->answer = calloc(1, sizeof *step->answer);
        ok = step->answer != NULL && read_answer(message, step->memory, step->answer);
    } else if (ok && step->kind == STEP_MONEY) {
        const char *channel = json_string_value(json_object_get(message, "channel"));
        ok = channel != NULL && values_unhex(step->memory, channel, &step->channel, &step->channel_len);
    }
    if (!ok) {
        world_step_free(step);
    }
    return ok;
}

/* ---- Reports */

json_t *wire_of_report(const world_report *report)
{
    return json_pack("{s:I, s:I, s:I, s:I, s:b, s:b, s:b}", "done", (json_int_t)report->order, "deal",
                     (json_int_t)report->deal, "promised", (json_int_t)report->promised, "revision",
                     (json_int_t)report->revision, "nested", (int)report->nested, "sent", (int)report->sent,
                     "short_of_funds", (int)report->short_of_funds);
}

world_report wire_report(const json_t *message)
{
    return (world_report){.order = wire_number(message, "done"),
                          .deal = wire_number(message, "deal"),
                          .promised = wire_number(message, "promised"),
                          .revision = wire_number(message, "revision"),
                          .nested = wire_flag(message, "nested"),
                          .sent = wire_flag(message, "sent"),
                          .short_of_funds = wire_flag(message, "short_of_funds")};
}
