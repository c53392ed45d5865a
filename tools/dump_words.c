/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "dump_words.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <dealfsm/vocabulary.h>

void words_add(words *it, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (size < 0) {
        return;
    }
    const size_t needed = it->length + (size_t)size + 1;
    if (needed > it->room) {
        const size_t room = needed * 2;
        char *text = values_take(it->arena, room);
        if (it->length > 0) {
            memcpy(text, it->text, it->length);
        }
        it->text = text;
        it->room = room;
    }
    va_start(args, format);
    vsnprintf(it->text + it->length, it->room - it->length, format, args);
    va_end(args);
    it->length += (size_t)size;
}

void words_item(words *it, const char *separator, const char *item)
{
    words_add(it, "%s%s", it->length > 0 ? separator : "", item);
}

const char *words_text(const words *it)
{
    return it->text == NULL ? "" : it->text;
}

/* ---- Names */
static const char *copy(values_arena *arena, const char *text)
{
    const size_t size = strlen(text) + 1;
    return memcpy(values_take(arena, size), text, size);
}

const char *words_status(values_arena *arena, const description *machine, uint64_t status)
{
    char buffer[32];
    const dealfsm_state_info *state = description_state(machine, status);
    if (state != NULL) {
        return state->identifier;
    }
    return copy(arena, description_state_name(machine, status, buffer));
}

const char *words_event(values_arena *arena, const description *machine, uint64_t event)
{
    char buffer[32];
    return copy(arena, description_event_name(machine, event, buffer));
}

static const char *without(const char *prefix, const char *name)
{
    const size_t size = strlen(prefix);
    return strncmp(name, prefix, size) == 0 && name[size] != '\0' ? name + size : name;
}

const char *words_state(values_arena *arena, const description *machine, uint64_t status)
{
    return without("DealStatus", words_status(arena, machine, status));
}

const char *words_short_event(values_arena *arena, const description *machine, uint64_t event)
{
    return without("ClientEvent", words_event(arena, machine, event));
}

const char *words_op(values_arena *arena, const description *machine, uint32_t op)
{
    const dealfsm_op_info *info = description_op(machine, op);
    words number = {.arena = arena};
    if (info != NULL) {
        return info->name;
    }
    words_add(&number, "op %" PRIu32, op);
    return words_text(&number);
}

const char *words_kind(uint32_t kind)
{
    const char *name = values_kind_name(kind);
    return name == NULL ? "unknown" : name;
}

/* The number-th of a list that begins with number 1. */
static const char *one_of(const char *const *names, size_t count, uint32_t number)
{
    return number >= 1 && number <= count ? names[number - 1] : "unknown";
}

const char *words_class(uint32_t op_class)
{
    static const char *const names[] = {"pure", "repeat-safe", "once"};
    return one_of(names, 3, op_class);
}

const char *words_from(uint32_t from)
{
    static const char *const names[] = {"From", "FromMany", "FromAny"};
    return one_of(names, 3, from);
}

const char *words_to(uint32_t to)
{
    static const char *const names[] = {"To", "ToNoChange", "ToJustRecord"};
    return one_of(names, 3, to);
}

const char *words_clause_from(values_arena *arena, const description *machine, const dealfsm_clause_info *clause)
{
    words states = {.arena = arena};
    words text = {.arena = arena};
    for (uint32_t i = 0; i < clause->states_count; i++) {
        words_item(&states, ", ", words_state(arena, machine, clause->states[i]));
    }
    words_add(&text, "%s(%s)", words_from(clause->from), words_text(&states));
    return words_text(&text);
}

const char *words_clause_to(values_arena *arena, const description *machine, const dealfsm_clause_info *clause)
{
    words text = {.arena = arena};
    words_add(&text, "%s(%s)", words_to(clause->to),
              clause->to == DEALFSM_TO ? words_state(arena, machine, clause->target) : "");
    return words_text(&text);
}
