/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Two machines side by side: each told as lists of names with what they are, then list against list. */
#include <inttypes.h>
#include <string.h>

#include "dump_compare.h"
#include "dump_words.h"

typedef struct entry {
    const char *name;
    const char *text;
} entry;

/* What a list is told with. */
typedef struct teller {
    values_arena *arena;
    const description *machine;
    entry *list;
    size_t count;
    size_t room;
} teller;

static void add(teller *t, const char *name, const char *text)
{
    if (t->count == t->room) {
        const size_t room = t->room * 2 + 16;
        entry *list = values_take(t->arena, room * sizeof *list);
        if (t->count > 0) {
            memcpy(list, t->list, t->count * sizeof *list);
        }
        t->list = list;
        t->room = room;
    }
    t->list[t->count++] = (entry){name, text};
}

/* ---- States, events */
static void tell_states(teller *t)
{
    for (uint32_t i = 0; i < t->machine->states_count; i++) {
        const dealfsm_state_info *it = &t->machine->states[i];
        words text = {.arena = t->arena};
        words_add(&text, "%" PRIu32, it->status);
        if (*it->handler != '\0') {
            words_add(&text, ", runs %s", it->handler);
        }
        words_add(&text, "%s%s%s", it->is_initial ? ", a new deal is in it" : "", it->is_final ? ", final" : "",
                  it->has_transition ? "" : ", in no transition");
        if (strcmp(it->name, it->identifier) != 0) {
            words_add(&text, ", printed as %s", it->name);
        }
        add(t, it->identifier, words_text(&text));
    }
}

static void add_kinds(words *text, const uint32_t *kinds, const char *const *names, uint32_t count, uint32_t optional)
{
    words_add(text, "(");
    for (uint32_t i = 0; i < count; i++) {
        words_add(text, "%s%s %s%s", i == 0 ? "" : ", ", names[i], words_kind(kinds[i]),
                  optional >> i & 1u ? " or none" : "");
    }
    words_add(text, ")");
}

static void tell_events(teller *t)
{
    static const char *const outside[] = {"", ", by the host at any time", ", by the host in its own time"};
    for (uint32_t i = 0; i < t->machine->events_count; i++) {
        const dealfsm_event_info *it = &t->machine->events[i];
        words text = {.arena = t->arena};
        words_add(&text, "%" PRIu32 " ", it->event);
        add_kinds(&text, it->args, it->names, it->args_count, 0);
        words_add(&text, "%s%s%s", it->from_outside <= DEALFSM_OUTSIDE_OWN_TIME ? outside[it->from_outside] : "",
                  it->from_handler ? ", by handlers" : "", it->has_transition ? "" : ", in no transition");
        add(t, it->name, words_text(&text));
    }
}

/* ---- Transitions */
static void tell_transitions(teller *t)
{
    for (uint32_t i = 0; i < t->machine->clauses_count; i++) {
        const dealfsm_clause_info *it = &t->machine->clauses[i];
        const char *event = words_short_event(t->arena, t->machine, it->event);
        const char *to = it->to == DEALFSM_TO             ? words_state(t->arena, t->machine, it->target)
                         : it->to == DEALFSM_TO_NO_CHANGE ? "stays, and its handler runs"
                                                          : "stays, only recorded";
        const uint32_t count = it->from == DEALFSM_FROM_ANY ? 1 : it->states_count;
        for (uint32_t s = 0; s < count; s++) {
            words name = {.arena = t->arena};
            words_add(&name, "%s from %s", event,
                      it->from == DEALFSM_FROM_ANY ? "any other state"
                                                   : words_state(t->arena, t->machine, it->states[s]));
            add(t, words_text(&name), to);
        }
    }
}

/* ---- Handlers, ops */
static const char *runs_in(const teller *t, const char *handler)
{
    words text = {.arena = t->arena};
    for (uint32_t i = 0; i < t->machine->states_count; i++) {
        if (strcmp(t->machine->states[i].handler, handler) == 0) {
            words_item(&text, ", ", words_state(t->arena, t->machine, t->machine->states[i].status));
        }
    }
    return words_text(&text);
}

static void tell_handlers(teller *t)
{
    for (uint32_t i = 0; i < t->machine->handlers_count; i++) {
        const dealfsm_handler_info *it = &t->machine->handlers[i];
        words asks = {.arena = t->arena};
        words raises = {.arena = t->arena};
        words text = {.arena = t->arena};
        for (uint32_t k = 0; k < it->ops_count; k++) {
            words_item(&asks, ", ", words_op(t->arena, t->machine, it->ops[k]));
        }
        for (uint32_t k = 0; k < it->raises_count; k++) {
            words_item(&raises, ", ", words_short_event(t->arena, t->machine, it->raises[k]));
        }
        words_add(&text, "in %s; asks %s; raises %s", runs_in(t, it->name),
                  it->ops_count == 0 ? "nothing" : words_text(&asks),
                  it->raises_count == 0 ? "nothing" : words_text(&raises));
        add(t, it->name, words_text(&text));
    }
}

static void tell_ops(teller *t)
{
    for (uint32_t i = 0; i < t->machine->ops_count; i++) {
        const dealfsm_op_info *it = &t->machine->ops[i];
        words text = {.arena = t->arena};
        words_add(&text, "%" PRIu32 " ", it->op);
        add_kinds(&text, it->args, it->args_names, it->args_count, it->args_optional);
        words_add(&text, " → ");
        add_kinds(&text, it->values, it->values_names, it->values_count, it->values_optional);
        words_add(&text, ", %s", words_class(it->op_class));
        add(t, it->name, words_text(&text));
    }
}

/* ---- Fields, errors */
static void tell_fields(teller *t)
{
    for (uint32_t i = 0; i < t->machine->fields_count; i++) {
        const dealfsm_field_info *it = &t->machine->fields[i];
        words text = {.arena = t->arena};
        words_add(&text, "%s", words_kind(it->kind));
        words_item(&text, *it->unit == '\0' ? "" : ", ", it->unit);
        words_add(&text, "%s, stored as %s", it->optional ? " or none" : "", it->stored);
        add(t, it->name, words_text(&text));
    }
}

static void tell_errors(teller *t)
{
    for (uint32_t i = 0; i < t->machine->errors_count; i++) {
        const dealfsm_error_info *it = &t->machine->errors[i];
        words text = {.arena = t->arena};
        words_add(&text, "%" PRId32 ", %s", it->code, it->text);
        add(t, it->name, words_text(&text));
    }
}

/* ---- List against list */
static const entry *find(const teller *t, const char *name)
{
    for (size_t i = 0; i < t->count; i++) {
        if (strcmp(t->list[i].name, name) == 0) {
            return &t->list[i];
        }
    }
    return NULL;
}

static void set_against(compare_list *out, const teller *before, const teller *after)
{
    for (size_t i = 0; i < before->count; i++) {
        const entry *was = &before->list[i];
        const entry *is = find(after, was->name);
        if (is == NULL || strcmp(was->text, is->text) != 0) {
            out->changes[out->count++] = (compare_change){was->name, was->text, is == NULL ? NULL : is->text};
            out->gone += is == NULL ? 1 : 0;
        }
    }
    for (size_t i = 0; i < after->count; i++) {
        const entry *is = &after->list[i];
        if (find(before, is->name) == NULL) {
            out->changes[out->count++] = (compare_change){is->name, NULL, is->text};
            out->added++;
        }
    }
}

compare_list compare_machines(values_arena *arena, const description *old_machine, const description *new_machine,
                              compare_what what)
{
    static const struct {
        const char *key;
        void (*tell)(teller *t);
    } lists[COMPARE_LISTS] = {[COMPARE_STATES] = {"states", tell_states},
                              [COMPARE_EVENTS] = {"events", tell_events},
                              [COMPARE_TRANSITIONS] = {"transitions", tell_transitions},
                              [COMPARE_HANDLERS] = {"handlers", tell_handlers},
                              [COMPARE_OPS] = {"ops", tell_ops},
                              [COMPARE_FIELDS] = {"fields", tell_fields},
                              [COMPARE_ERRORS] = {"errors", tell_errors}};
    teller before = {.arena = arena, .machine = old_machine};
    teller after = {.arena = arena, .machine = new_machine};
    lists[what].tell(&before);
    lists[what].tell(&after);
    compare_list out = {.key = lists[what].key};
    out.changes = values_take(arena, (before.count + after.count + 1) * sizeof *out.changes);
    set_against(&out, &before, &after);
    return out;
}

bool compare_same_order(const description *old_machine, const description *new_machine)
{
    const dealfsm_field_info *last = NULL;
    for (uint32_t i = 0; i < old_machine->fields_count; i++) {
        const dealfsm_field_info *field = description_field(new_machine, old_machine->fields[i].name);
        if (field != NULL && last != NULL && field < last) {
            return false;
        }
        last = field != NULL ? field : last;
    }
    return true;
}
