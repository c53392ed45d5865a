/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Holes: cells in which an event that may come from outside at any time is dropped. */
#include <inttypes.h>

#include "dump_machine.h"
#include "dump_words.h"

enum { INDENT = 2, STATE_COLUMN = 36, CELL_WIDTH = 4, LEGEND_WIDTH = 32 };

static bool has_state(const machine_view *view, uint32_t index)
{
    const dealfsm_state_info *state = &view->machine->states[index];
    return is_working_state(state) && (view->state == NULL || view->state == state);
}

static bool has_event(const machine_view *view, uint32_t index)
{
    const dealfsm_event_info *event = &view->machine->events[index];
    return comes_at_any_time(event) && (view->event == NULL || view->event == event);
}

/* ---- Text: a table of states and events */
static void header(const machine_view *view, const paper *out)
{
    paper_line(out, INK_HEADING, "%s: events from outside that are dropped, by state", view->machine->machine_version);
    fputc('\n', out->out);
    paper_indent(out, STATE_COLUMN);
    for (uint32_t i = 0; i < view->machine->events_count; i++) {
        if (has_event(view, i)) {
            fprintf(out->out, "%*" PRIu32, CELL_WIDTH, view->machine->events[i].event);
        }
    }
    fputs("   dropped\n", out->out);
}

static void table_row(const machine_view *view, const paper *out, uint32_t index, uint32_t *dropped, uint32_t *cells)
{
    const dealfsm_state_info *state = &view->machine->states[index];
    const char *name = words_state(view->arena, view->machine, state->status);
    const size_t used = INDENT + paper_width(name);
    uint32_t here = 0;
    paper_indent(out, INDENT);
    paper_put(out, INK_NAME, name);
    paper_indent(out, used < STATE_COLUMN ? STATE_COLUMN - used : 0);
    for (uint32_t i = 0; i < view->machine->events_count; i++) {
        if (has_event(view, i)) {
            const bool drop = is_dropped(view->machine, view->machine->events[i].event, state->status);
            paper_indent(out, CELL_WIDTH - 1);
            paper_put(out, drop ? INK_WARNING : INK_FAINT, drop ? "x" : "·");
            here += drop ? 1 : 0;
            ++*cells;
        }
    }
    fprintf(out->out, "%10" PRIu32 "\n", here);
    *dropped += here;
}

static void legend(const machine_view *view, const paper *out)
{
    size_t at = PAPER_COLUMNS;
    for (uint32_t i = 0; i < view->machine->events_count; i++) {
        if (!has_event(view, i)) {
            continue;
        }
        const uint32_t event = view->machine->events[i].event;
        const char *name = words_short_event(view->arena, view->machine, event);
        if (at + LEGEND_WIDTH > PAPER_COLUMNS) {
            fputc('\n', out->out);
            at = 0;
        }
        const size_t column = (at + LEGEND_WIDTH - 1) / LEGEND_WIDTH * LEGEND_WIDTH;
        paper_indent(out, column - at);
        fprintf(out->out, "%*" PRIu32 " %s", CELL_WIDTH, event, name);
        at = column + CELL_WIDTH + 1 + paper_width(name);
    }
    fputc('\n', out->out);
}

void holes_text(const machine_view *view, const paper *out)
{
    uint32_t dropped = 0;
    uint32_t cells = 0;
    header(view, out);
    for (uint32_t i = 0; i < view->machine->states_count; i++) {
        if (has_state(view, i)) {
            table_row(view, out, i, &dropped, &cells);
        }
    }
    legend(view, out);
    fputc('\n', out->out);
    paper_line(out, INK_HEADING, "%" PRIu32 " of %" PRIu32 " cells drop the event", dropped, cells);
}

/* ---- JSON */
static json_t *state_json(const machine_view *view, const dealfsm_state_info *state, int *dropped, int *cells)
{
    json_t *events = json_array();
    int here = 0;
    for (uint32_t i = 0; i < view->machine->events_count; i++) {
        if (!has_event(view, i)) {
            continue;
        }
        here++;
        if (is_dropped(view->machine, view->machine->events[i].event, state->status)) {
            json_array_append_new(events, json_string(view->machine->events[i].name));
        }
    }
    *dropped += (int)json_array_size(events);
    *cells += here;
    return json_pack("{s:s, s:i, s:o}", "state", words_status(view->arena, view->machine, state->status), "cells", here,
                     "dropped", events);
}

json_t *holes_json(const machine_view *view)
{
    json_t *states = json_array();
    int dropped = 0;
    int cells = 0;
    for (uint32_t i = 0; i < view->machine->states_count; i++) {
        if (has_state(view, i)) {
            json_array_append_new(states, state_json(view, &view->machine->states[i], &dropped, &cells));
        }
    }
    return json_pack("{s:s, s:i, s:i, s:o}", "machine", view->machine->machine_version, "dropped", dropped, "cells",
                     cells, "states", states);
}
