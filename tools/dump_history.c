/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* `dealfsm-dump history`: the events of a store. */
#include <inttypes.h>
#include <string.h>

#include "dump.h"
#include "dump_store.h"
#include "dump_timeline.h"

static const char doc[] =
    "Shows the events of a store, of all deals by their ids, or of one.\v"
    "A store may keep no history, or only the last events of each deal.\n\n"
    "Exit status: 0 done; 1 there is no such deal, or it is no store; 2 wrong usage; 3 the store cannot be read, or "
    "no module is there.";

typedef struct walk {
    store_view *view;
    const store_choice *o;
    paper out;
    timeline lines;
    uint64_t deal;
    bool any;
} walk;

static int32_t ignore_row(void *ctx, const dealfsm_store_row *row)
{
    (void)ctx;
    (void)row;
    return 0;
}

static int32_t take_event(void *ctx, const dealfsm_store_event *event)
{
    walk *w = ctx;
    values_arena_clear(w->view->arena);
    if (w->o->json) {
        return store_line(w->view, event_json(w->view, event)) ? 0 : 1;
    }
    if (!w->any || w->deal != event->deal) {
        fputs(w->any ? "\n" : "", stdout);
        paper_line(&w->out, INK_HEADING, "Deal %" PRIu64, event->deal);
        w->lines = (timeline){.view = w->view, .out = &w->out};
    }
    w->any = true;
    w->deal = event->deal;
    timeline_event(&w->lines, event);
    return ferror(stdout) != 0 ? 1 : 0;
}

static void show(store_view *view, const store_choice *o)
{
    walk w = {.view = view, .o = o, .out = paper_on(stdout)};
    dealfsm_error error = {.struct_size = sizeof error};
    int32_t result = o->has_deal ? dealfsm_store_row_of(view->store, o->deal, ignore_row, NULL, &error) : 0;
    if (result == DEALFSM_E_NOT_FOUND) {
        fprintf(stderr, "%s: %s: %s\n", view->command, view->url, error.text);
        store_status(view, DUMP_NO);
        return;
    }
    if (result == 0) {
        result = dealfsm_store_history(view->store, o->has_deal ? &o->deal : NULL, take_event, &w, &error);
    }
    store_walked(view, result, &error);
}

static int run(int argc, char **argv)
{
    store_choice o = {.takes_deal = true};
    store_view view;
    store_parse(argc, argv, "URL [ID]", doc, &o);
    if (store_open(&view, &o, argv[0])) {
        show(&view, &o);
    }
    store_close(&view, &o);
    return view.status;
}

const dump_command dump_history_command = {"history", "the events of a store, of all deals or of one", run};
