/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* Rules on describe/1: it answers as its header says, and what it tells hangs together. */

#include <string.h>

#include "validate.h"

/* One list function of describe/1, seen without its type. */
typedef struct list_function {
    const char *name;
    uint32_t count;
    uint32_t size; /* of its struct */
    int32_t (*ask)(validator *v, uint32_t index, void *out);
} list_function;

#define ASK(function, info)                                                                                            \
    static int32_t ask_##function(validator *v, uint32_t index, void *out)                                             \
    {                                                                                                                  \
        return v->describe->function(index, (info *)out);                                                              \
    }
ASK(state, dealfsm_state_info)
ASK(event, dealfsm_event_info)
ASK(clause, dealfsm_clause_info)
ASK(handler, dealfsm_handler_info)
ASK(op, dealfsm_op_info)
ASK(field, dealfsm_field_info)
ASK(error, dealfsm_error_info)

enum { LISTS = 7, PLACE_BYTES = 1024 };

static void list_functions(validator *v, list_function out[LISTS])
{
    const description *m = &v->machine;
    const list_function all[LISTS] = {
        {"state", m->states_count, sizeof(dealfsm_state_info), ask_state},
        {"event", m->events_count, sizeof(dealfsm_event_info), ask_event},
        {"clause", m->clauses_count, sizeof(dealfsm_clause_info), ask_clause},
        {"handler", m->handlers_count, sizeof(dealfsm_handler_info), ask_handler},
        {"op", m->ops_count, sizeof(dealfsm_op_info), ask_op},
        {"field", m->fields_count, sizeof(dealfsm_field_info), ask_field},
        {"error", m->errors_count, sizeof(dealfsm_error_info), ask_error},
    };
    memcpy(out, all, sizeof all);
}

typedef union place {
    uint32_t struct_size;
    uint64_t align;
    uint8_t bytes[PLACE_BYTES];
} place;

static bool untouched(const place *it, uint32_t from, uint8_t filling)
{
    for (uint32_t i = from; i < PLACE_BYTES; i++) {
        if (it->bytes[i] != filling) {
            return false;
        }
    }
    return true;
}

static void answers(validator *v)
{
    list_function functions[LISTS];
    list_functions(v, functions);
    for (int i = 0; i < LISTS; i++) {
        const list_function *f = &functions[i];
        place out = {.bytes = {0}};
        CASE(v, "%s", f->name);
        expect(v, f->count > 0, "at least one entry", "none");
        out.struct_size = f->size;
        same_result(v, "the index past the last", DEALFSM_E_NOT_FOUND, f->ask(v, f->count, &out), NULL);
        same_result(v, "index 4294967295", DEALFSM_E_NOT_FOUND, f->ask(v, UINT32_MAX, &out), NULL);
        same_result(v, "a null out", DEALFSM_E_ARGUMENT, f->ask(v, 0, NULL), NULL);
        out.struct_size = 0;
        same_result(v, "struct_size 0", DEALFSM_E_ARGUMENT, f->ask(v, 0, &out), NULL);
        out = (place){.bytes = {0}};
        out.struct_size = f->size + 16;
        same_result(v, "a longer struct, its tail zero", DEALFSM_OK, f->ask(v, 0, &out), NULL);
        expect(v, untouched(&out, f->size, 0), "a tail of zero", "something in it");
        out.struct_size = f->size + 16;
        out.bytes[f->size + 3] = 1;
        same_result(v, "a longer struct, its tail not zero", DEALFSM_OK, f->ask(v, 0, &out), NULL);
        expect(v, out.bytes[f->size + 3] == 1, "a tail left alone", "a changed byte");
        for (uint32_t size = 8; size < f->size; size += 4) {
            memset(&out, 0xa5, sizeof out);
            out.struct_size = size;
            same_result(v, "a shorter struct", DEALFSM_OK, f->ask(v, 0, &out), NULL);
            expect(v, untouched(&out, size, 0xa5), "nothing written past the caller's size", "a changed byte");
        }
    }
}

static bool good_text(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static void states(validator *v)
{
    const description *m = &v->machine;
    for (uint32_t i = 0; i < m->states_count; i++) {
        const dealfsm_state_info *s = &m->states[i];
        CASE(v, "state %u", s->status);
        expect(v, description_state(m, s->status) == s, "each status once", "it twice");
        expect(v, good_text(s->name), "a name", "none");
        if (expect(v, s->handler != NULL, "a handler's name or \"\"", "null") && s->handler[0] != '\0') {
            expect(v, description_handler(m, s->handler) != NULL, "its handler in the list", s->handler);
            expect(v, s->is_final == 0, "no handler of a final state", s->handler);
        }
        expect(v, s->is_final <= 1 && s->has_transition <= 1, "flags of 0 or 1", "others");
    }
}

static void events(validator *v)
{
    const description *m = &v->machine;
    for (uint32_t i = 0; i < m->events_count; i++) {
        const dealfsm_event_info *e = &m->events[i];
        CASE(v, "event %u", e->event);
        expect(v, description_event(m, e->event) == e, "each event once", "it twice");
        expect(v, good_text(e->name), "a name", "none");
        for (uint32_t a = 0; a < e->args_count; a++) {
            expect(v, values_kind_name(e->args[a]) != NULL && e->args[a] != DEALFSM_NONE, "a known kind of argument",
                   "another");
            expect(v, good_text(e->names[a]), "a name for each argument", "none");
        }
        bool has_clause = false;
        for (uint32_t c = 0; c < m->clauses_count; c++) {
            has_clause = has_clause || m->clauses[c].event == e->event;
        }
        expect(v, has_clause == (e->has_transition != 0), "clauses exactly where has_transition is 1", "otherwise");
    }
}

static void clauses(validator *v)
{
    const description *m = &v->machine;
    for (uint32_t i = 0; i < m->clauses_count; i++) {
        const dealfsm_clause_info *c = &m->clauses[i];
        CASE(v, "clause %u", i);
        expect(v, description_event(m, c->event) != NULL, "a known event", "another");
        expect(v, c->to != DEALFSM_TO || description_state(m, c->target) != NULL, "a known target", "another");
        expect(v, c->to >= DEALFSM_TO && c->to <= DEALFSM_TO_JUST_RECORD, "To, ToNoChange or ToJustRecord", "another");
        const bool any = c->from == DEALFSM_FROM_ANY;
        expect(v, any == (c->states_count == 0), "states exactly where it is not FromAny", "otherwise");
        expect(v, c->from != DEALFSM_FROM || c->states_count == 1, "one state after From", "another number");
        for (uint32_t s = 0; s < c->states_count; s++) {
            expect(v, description_state(m, c->states[s]) != NULL, "known states", "another");
            expect(v, description_clause(m, c->event, c->states[s]) == c, "an (event, state) once", "it twice");
        }
    }
}

static void handlers(validator *v)
{
    const description *m = &v->machine;
    for (uint32_t i = 0; i < m->handlers_count; i++) {
        const dealfsm_handler_info *h = &m->handlers[i];
        CASE(v, "handler %s", h->name);
        expect(v, description_handler(m, h->name) == h, "each handler once", "it twice");
        for (uint32_t o = 0; o < h->ops_count; o++) {
            expect(v, description_op(m, h->ops[o]) != NULL, "ops of the list", "another");
        }
        for (uint32_t r = 0; r < h->raises_count; r++) {
            const dealfsm_event_info *event = description_event(m, h->raises[r]);
            expect(v, event != NULL && event->from_handler == 1, "to raise events that say from_handler", "another");
        }
    }
}

static void ops(validator *v)
{
    const description *m = &v->machine;
    for (uint32_t i = 0; i < m->ops_count; i++) {
        const dealfsm_op_info *o = &m->ops[i];
        CASE(v, "op %s", o->name);
        expect(v, description_op(m, o->op) == o && description_op_named(m, o->name) == o, "each op once", "it twice");
        expect(v, o->op_class >= DEALFSM_PURE && o->op_class <= DEALFSM_ONCE, "a known class", "another");
        expect(v,
               o->environment_offset >= sizeof(uint32_t) * 2 + sizeof(void *) &&
                   o->environment_offset <= sizeof(dealfsm_environment) - sizeof(void *) &&
                   o->environment_offset % sizeof(void *) == 0,
               "the offset of a function in dealfsm_environment", "another");
        for (uint32_t other = 0; other < i; other++) {
            expect(v, m->ops[other].environment_offset != o->environment_offset, "a function for each op",
                   "one for two");
        }
        for (uint32_t a = 0; a < o->args_count; a++) {
            expect(v, values_kind_name(o->args[a]) != NULL && good_text(o->args_names[a]),
                   "arguments with kind and name", "another");
        }
        for (uint32_t a = 0; a < o->values_count; a++) {
            expect(v, values_kind_name(o->values[a]) != NULL && good_text(o->values_names[a]),
                   "values with kind and name", "another");
        }
    }
}

static void fields(validator *v)
{
    const description *m = &v->machine;
    for (uint32_t i = 0; i < m->fields_count; i++) {
        const dealfsm_field_info *f = &m->fields[i];
        CASE(v, "field %s", f->name);
        expect(v, description_field(m, f->name) == f && good_text(f->stored) && f->unit != NULL,
               "each field once, with stored name and unit", "another");
        expect(v, f->width == 4 || f->width == 8 || f->width == 16, "a width of 4, 8 or 16", "another");
        expect(v, f->offset >= 4 && f->offset + f->width <= sizeof(dealfsm_record), "a member of dealfsm_record",
               "an offset beyond it");
        expect(v, f->presence <= sizeof(dealfsm_record) - 4, "presence in dealfsm_record", "an offset beyond it");
        expect(v, values_kind_name(f->kind) != NULL, "a known kind", "another");
    }
}

static void errors(validator *v)
{
    for (int32_t code = DEALFSM_E_ARGUMENT; code >= DEALFSM_E_LOST; code--) {
        CASE(v, "code %d", code);
        const dealfsm_error_info *found = NULL;
        for (uint32_t i = 0; i < v->machine.errors_count; i++) {
            found = v->machine.errors[i].code == code ? &v->machine.errors[i] : found;
        }
        expect(v, found != NULL && good_text(found->name) && good_text(found->text), "name and text of each code",
               "none");
    }
}

static const rule list[] = {
    {"describe.answers", "each function ends with NOT_FOUND, and keeps to the caller's sizes", answers},
    {"describe.states", "states: once each, handlers known, none for a final state", states},
    {"describe.events", "events: once each, known kinds of arguments, clauses as said", events},
    {"describe.clauses", "clauses speak of known events and states, no (event, state) twice", clauses},
    {"describe.handlers", "handlers use known ops and raise known events", handlers},
    {"describe.ops", "ops have classes, kinds, and a function each in the environment", ops},
    {"describe.fields", "fields are members of dealfsm_record", fields},
    {"describe.errors", "every error code of the contract has a name and a text", errors},
};
const rule_group rules_describe = {list, sizeof list / sizeof *list};
