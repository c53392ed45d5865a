/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Answers of the node, and what it remembers of the *once* ops that it answered. */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world_private.h"

/* ---- Replies */

void reply_error(reply *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(r->text, sizeof r->text, format, args);
    va_end(args);
    r->outcome = DEALFSM_ANSWER_ERROR;
    r->count = 0;
}

void reply_bytes(reply *r, uint32_t kind, const uint8_t *data, size_t len)
{
    uint8_t *copy = r->bytes[r->count];
    memcpy(copy, data, len);
    r->values[r->count++] =
        (dealfsm_value){.struct_size = sizeof(dealfsm_value), .kind = kind, .data = copy, .data_len = len};
}

void reply_number(reply *r, uint32_t kind, uint64_t number)
{
    r->values[r->count++] = (dealfsm_value){.struct_size = sizeof(dealfsm_value), .kind = kind, .number = number};
}

void reply_amount(reply *r, const mpz_t amount)
{
    uint8_t data[AMOUNT_MAX];
    size_t len = 0;
    (void)text_amount_export(amount, data, sizeof data, &len);
    reply_bytes(r, DEALFSM_AMOUNT, data, len);
}

static bool within(const uint8_t *data, const reply *r)
{
    return (uintptr_t)data >= (uintptr_t)r && (uintptr_t)data < (uintptr_t)(r + 1);
}

reply *reply_copy(const reply *r)
{
    reply *copy = malloc(sizeof *copy);
    if (copy != NULL) {
        *copy = *r;
        for (uint32_t i = 0; i < r->count; i++) {
            if (within(r->values[i].data, r)) {
                copy->values[i].data = (const uint8_t *)copy + (r->values[i].data - (const uint8_t *)r);
            }
        }
    }
    return copy;
}

void reply_take(reply *r, const reply *from)
{
    r->outcome = from->outcome;
    r->count = 0;
    memcpy(r->text, from->text, sizeof r->text);
    for (uint32_t i = 0; i < from->count; i++) {
        const dealfsm_value *v = &from->values[i];
        if (v->data_len > 0 && v->data_len <= sizeof r->bytes[i]) {
            reply_bytes(r, v->kind, v->data, v->data_len);
        } else {
            reply_number(r, v->kind, v->number);
        }
    }
}

/* ---- Keys */

static uint64_t hash(uint64_t h, const void *data, size_t len)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < len; i++) { /* FNV-1a */
        h = (h ^ bytes[i]) * 0x100000001b3u;
    }
    return h;
}

/* Hash of the arguments, without the chain token (the only BYTES among arguments of once ops). */
uint64_t asked_args(const dealfsm_op *op)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (uint32_t i = 0; i < op->args_count; i++) {
        const dealfsm_value *v = (const dealfsm_value *)((const char *)op->args + (size_t)i * op->args_stride);
        if (v->kind == DEALFSM_BYTES) {
            continue;
        }
        h = hash(h, &v->kind, sizeof v->kind);
        h = hash(h, &v->number, sizeof v->number);
        h = hash(h, &v->data_len, sizeof v->data_len);
        h = v->data_len > 0 ? hash(h, v->data, v->data_len) : h;
    }
    return h;
}

asked *asked_find(const world_deal *d, const dealfsm_op *op)
{
    for (size_t i = d->asked_count; i-- > 0;) {
        asked *a = &d->asked[i];
        if (a->sequence == op->sequence && a->op == op->op && a->nth == op->nth) {
            return a;
        }
    }
    return NULL;
}

asked *asked_add(world *w, world_deal *d)
{
    if (d->asked_count == d->asked_room) {
        size_t room = d->asked_room == 0 ? 8 : 2 * d->asked_room;
        asked *more = realloc(d->asked, room * sizeof *more);
        if (more == NULL) {
            world_break(w, "out of memory");
            return NULL;
        }
        d->asked = more;
        d->asked_room = room;
    }
    asked *a = &d->asked[d->asked_count++];
    *a = (asked){0};
    return a;
}
