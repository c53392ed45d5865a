/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A machine as text, in the order and the words of its specification. */
#include <inttypes.h>
#include <string.h>

#include "dump_machine.h"
#include "dump_words.h"

enum { INDENT = 4, NUMBERS = 6, STATE_COLUMN = 42, PART_COLUMN = 18, NAME_COLUMN = 49, KIND_COLUMN = 76 };

static void title(const paper *out, const char *text)
{
    fputc('\n', out->out);
    paper_line(out, INK_HEADING, "%s", text);
}

/* ---- The head */
static void counts(const machine_view *view, const paper *out)
{
    const description *machine = view->machine;
    uint32_t events = 0;
    uint32_t states = 0;
    uint32_t finals = 0;
    for (uint32_t i = 0; i < machine->events_count; i++) {
        events += machine->events[i].has_transition != 0;
    }
    for (uint32_t i = 0; i < machine->states_count; i++) {
        states += machine->states[i].has_transition != 0;
        finals += machine->states[i].is_final != 0;
    }
    paper_line(out, INK_HEADING, "%s", machine->machine_version);
    words text = {.arena = view->arena};
    words_add(&text,
              "%" PRIu32 " events (of %" PRIu32 " numbered), %" PRIu32 " states (of %" PRIu32 "), %" PRIu32
              " From…To clauses, %" PRIu32 " final states, %" PRIu32 " entry handlers. Names of states stand without "
              "“DealStatus”, those of events in lists without “ClientEvent”.",
              events, machine->events_count, states, machine->states_count, machine->clauses_count, finals,
              machine->handlers_count);
    paper_wrap(out, INK_PLAIN, 0, 0, words_text(&text));
}

static void part(const paper *out, const char *name, const char *value)
{
    paper_indent(out, 2 * INDENT);
    paper_pair(out, 2 * INDENT, PART_COLUMN, name, value);
}

/* ---- Events */
static const char *arguments(const machine_view *view, const dealfsm_event_info *event)
{
    words list = {.arena = view->arena};
    words text = {.arena = view->arena};
    for (uint32_t i = 0; i < event->args_count; i++) {
        words_item(&list, ", ", event->names[i]);
        words_add(&list, " %s", words_kind(event->args[i]));
    }
    words_add(&text, "(%s)", words_text(&list));
    return words_text(&text);
}

static const char *origin(const machine_view *view, const dealfsm_event_info *event)
{
    words text = {.arena = view->arena};
    words_add(&text, "raised by %s", event->from_outside != 0 ? "the host" : "");
    const char *separator = event->from_outside != 0 ? ", " : "";
    for (const dealfsm_handler_info *it = NULL; (it = next_raiser(view->machine, event->event, it)) != NULL;) {
        words_add(&text, "%s%s", separator, it->name);
        separator = ", ";
    }
    if (event->from_outside == 0 && *separator == '\0') {
        return "raised by nobody";
    }
    return words_text(&text);
}

static void clause_text(const machine_view *view, const paper *out, const dealfsm_clause_info *clause)
{
    const char *from = words_clause_from(view->arena, view->machine, clause);
    const char *to = words_clause_to(view->arena, view->machine, clause);
    words text = {.arena = view->arena};
    words_add(&text, "%s → %s", from, to);
    paper_indent(out, INDENT);
    if (INDENT + paper_width(words_text(&text)) > PAPER_COLUMNS) {
        paper_wrap(out, INK_PLAIN, INDENT, 2 * INDENT, from);
        paper_indent(out, 2 * INDENT);
        paper_line(out, INK_PLAIN, "→ %s", to);
    } else {
        paper_line(out, INK_PLAIN, "%s", words_text(&text));
    }
}

static void event_text(const machine_view *view, const paper *out, const dealfsm_event_info *event)
{
    const description *machine = view->machine;
    fputc('\n', out->out);
    paper_put(out, INK_NAME, event->name);
    fprintf(out->out, "%s  ", arguments(view, event));
    paper_line(out, INK_FAINT, "%" PRIu32, event->event);
    paper_indent(out, INDENT);
    paper_wrap(out, INK_FAINT, INDENT, 2 * INDENT, origin(view, event));
    for (uint32_t i = 0; i < machine->clauses_count; i++) {
        if (machine->clauses[i].event == event->event && view_has_clause(view, &machine->clauses[i])) {
            clause_text(view, out, &machine->clauses[i]);
        }
    }
    if (event->has_transition == 0) {
        paper_line(out, INK_WARNING, "%*s%s", INDENT, "", "no transition: refused in every state");
    } else if (view->state != NULL && view->state->is_final != 0) {
        return;
    } else if (view->state != NULL && is_dropped(machine, event->event, view->state->status)) {
        paper_line(out, INK_WARNING, "%*srefused in %s", INDENT, "",
                   words_state(view->arena, machine, view->state->status));
    }
}

static void events(const machine_view *view, const paper *out)
{
    title(out, "Events, in the order of the specification");
    for (uint32_t i = 0; i < view->machine->events_count; i++) {
        if (view_has_event(view, &view->machine->events[i])) {
            event_text(view, out, &view->machine->events[i]);
        }
    }
}

/* ---- States */
static void state_line(const machine_view *view, const paper *out, const dealfsm_state_info *state)
{
    const char *name = words_status(view->arena, view->machine, state->status);
    words text = {.arena = view->arena};
    if (state->is_final != 0) {
        words_item(&text, "; ", "final");
    }
    if (*state->handler != '\0') {
        words_item(&text, "; ", "on entry ");
        words_add(&text, "%s", state->handler);
    }
    if (state == machine_initial_state(view->machine)) {
        words_item(&text, "; ", "a new deal is in it");
    }
    if (state->has_transition == 0) {
        words_item(&text, "; ", "no transition");
    }
    if (strcmp(name, state->name) != 0) {
        words_item(&text, "; ", "printed as ");
        words_add(&text, "%s", state->name);
    }
    fprintf(out->out, "%*" PRIu32 " ", NUMBERS, state->status);
    paper_pair(out, NUMBERS + 1, STATE_COLUMN, words_state(view->arena, view->machine, state->status),
               words_text(&text));
}

static void states(const machine_view *view, const paper *out)
{
    title(out, "States, by number");
    for (uint32_t i = 0; i < view->machine->states_count; i++) {
        if (view->state == NULL || view->state == &view->machine->states[i]) {
            state_line(view, out, &view->machine->states[i]);
        }
    }
}

static void finals(const machine_view *view, const paper *out)
{
    words text = {.arena = view->arena};
    for (uint32_t i = 0; i < view->machine->states_count; i++) {
        if (view->machine->states[i].is_final != 0) {
            words_item(&text, ", ", words_state(view->arena, view->machine, view->machine->states[i].status));
        }
    }
    title(out, "Final states");
    paper_indent(out, INDENT);
    paper_wrap(out, INK_PLAIN, INDENT, INDENT, words_text(&text));
}

/* ---- Handlers */
static void handler_text(const machine_view *view, const paper *out, const dealfsm_handler_info *handler)
{
    const description *machine = view->machine;
    words in = {.arena = view->arena};
    words ops = {.arena = view->arena};
    words raises = {.arena = view->arena};
    for (uint32_t i = 0; i < machine->states_count; i++) {
        if (strcmp(machine->states[i].handler, handler->name) == 0) {
            words_item(&in, ", ", words_state(view->arena, machine, machine->states[i].status));
        }
    }
    for (uint32_t i = 0; i < handler->ops_count; i++) {
        words_item(&ops, ", ", words_op(view->arena, machine, handler->ops[i]));
    }
    for (uint32_t i = 0; i < handler->raises_count; i++) {
        words_item(&raises, ", ", words_short_event(view->arena, machine, handler->raises[i]));
    }
    paper_indent(out, INDENT);
    paper_line(out, INK_NAME, "%s", handler->name);
    part(out, "runs in", words_text(&in));
    part(out, "asks", handler->ops_count > 0 ? words_text(&ops) : "nothing");
    part(out, "raises", handler->raises_count > 0 ? words_text(&raises) : "nothing");
}

static void handlers(const machine_view *view, const paper *out)
{
    title(out, "Entry handlers: what each asks the host for, in order, and the events it may raise");
    for (uint32_t i = 0; i < view->machine->handlers_count; i++) {
        if (view->state == NULL || strcmp(view->state->handler, view->machine->handlers[i].name) == 0) {
            handler_text(view, out, &view->machine->handlers[i]);
        }
    }
}

/* ---- Ops */
static const char *parameters(const machine_view *view, const char *const *names, const uint32_t *kinds, uint32_t count,
                              uint32_t optional)
{
    words text = {.arena = view->arena};
    for (uint32_t i = 0; i < count; i++) {
        words_item(&text, ", ", names[i]);
        words_add(&text, " %s%s", words_kind(kinds[i]), (optional >> i & 1) != 0 ? " or none" : "");
    }
    return count > 0 ? words_text(&text) : "nothing";
}

static void ops(const machine_view *view, const paper *out)
{
    title(out, "Ops: what the host does for a deal");
    for (uint32_t i = 0; i < view->machine->ops_count; i++) {
        const dealfsm_op_info *op = &view->machine->ops[i];
        paper_indent(out, INDENT);
        paper_put(out, INK_NAME, op->name);
        fprintf(out->out, "  %s", words_class(op->op_class));
        paper_line(out, INK_FAINT, "  %" PRIu32, op->op);
        part(out, "is given", parameters(view, op->args_names, op->args, op->args_count, op->args_optional));
        part(out, "answers", parameters(view, op->values_names, op->values, op->values_count, op->values_optional));
    }
}

/* ---- Fields and errors */
static void fields(const machine_view *view, const paper *out)
{
    title(out, "Record, in the order of the stored bytes");
    for (uint32_t i = 0; i < view->machine->fields_count; i++) {
        const dealfsm_field_info *field = &view->machine->fields[i];
        words text = {.arena = view->arena};
        words_add(&text, "%s%s%s%s", words_kind(field->kind), *field->unit == '\0' ? "" : ", ", field->unit,
                  field->optional != 0 ? ", or none" : "");
        paper_indent(out, INDENT);
        fprintf(out->out, "%-*s", NAME_COLUMN - INDENT, field->stored);
        paper_pair(out, NAME_COLUMN, KIND_COLUMN, field->name, words_text(&text));
    }
}

static void errors(const machine_view *view, const paper *out)
{
    title(out, "Errors");
    for (uint32_t i = 0; i < view->machine->errors_count; i++) {
        const dealfsm_error_info *error = &view->machine->errors[i];
        fprintf(out->out, "%*" PRId32 " ", NUMBERS, error->code);
        paper_pair(out, NUMBERS + 1, STATE_COLUMN, error->name, error->text);
    }
}

void machine_text(const machine_view *view, const paper *out)
{
    counts(view, out);
    events(view, out);
    if (view->state == NULL && view->event == NULL) {
        finals(view, out);
    }
    if (view->event == NULL) {
        handlers(view, out);
        states(view, out);
    }
    if (view->state == NULL && view->event == NULL) {
        ops(view, out);
        fields(view, out);
        errors(view, out);
    }
}
