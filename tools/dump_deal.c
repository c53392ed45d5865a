/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* `dealfsm-dump deal`: one deal of a store: why it does not go on, how it stands, and its timeline. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dump.h"
#include "dump_record.h"
#include "dump_store.h"
#include "dump_timeline.h"

static const char doc[] =
    "Shows one deal of a store: in the first line why it does not go on; then how it stands, its money, and its "
    "timeline, refused events included.\v"
    "Whether a deal is stalled (a put that failed, an op whose outcome nobody knows) only the running node can tell: "
    "its row then shows the last state that is durable.\n\n"
    "Exit status: 0 done; 1 there is no such deal, its row is damaged, or it is no store; 2 wrong usage; 3 the store "
    "cannot be read, or no module is there.";

/* ---- Text */
enum { INDENT = 4, COLUMN = 30 };

typedef struct shown {
    store_view *view;
    bool json;
    paper out;
} shown;

static void line(const shown *s, const char *name, const char *value)
{
    paper_indent(&s->out, INDENT);
    paper_pair(&s->out, INDENT, COLUMN, name, value);
}

static void title(const shown *s, const char *text)
{
    fputc('\n', s->out.out);
    paper_line(&s->out, INK_HEADING, "%s", text);
}

static void number_line(const shown *s, const char *name, uint64_t number)
{
    words text = {.arena = s->view->arena};
    words_add(&text, "%" PRIu64, number);
    line(s, name, words_text(&text));
}

static void time_line(const shown *s, const char *name, int64_t when)
{
    words text = {.arena = s->view->arena};
    words_item(&text, "", time_text(s->view->arena, when));
    if (when > 0) {
        words_add(&text, " UTC, %s ago", time_age(s->view, when));
    }
    line(s, name, words_text(&text));
}

static void field_line(const shown *s, const deal_row *it, const char *name, const char *key)
{
    const description *machine = &it->module->machine;
    const dealfsm_field_info *field = description_field(machine, key);
    if (field != NULL) {
        line(s, name, readable_field(s->view->arena, machine, field, &it->record));
    }
}

static void owed_lines(const shown *s, const deal_row *it, const deal_past *past)
{
    const dealfsm_handler_info *handler = deal_handler(it);
    words ops = {.arena = s->view->arena};
    if (handler == NULL || !deal_is_owed(it)) {
        line(s, "handler owed", it->row->flags & DEALFSM_ROW_BARE ? "not stored" : "none");
        return;
    }
    for (uint32_t i = 0; i < handler->ops_count; i++) {
        words_item(&ops, ", ", words_op(s->view->arena, &it->module->machine, handler->ops[i]));
    }
    line(s, "handler owed", handler->name);
    time_line(s, "owed since", deal_since(it, past));
    line(s, "ops it may wait for", *words_text(&ops) == '\0' ? "none: it runs again when the node starts" : words_text(&ops));
}

static void now_text(const shown *s, const deal_row *it, const deal_past *past)
{
    const dealfsm_store_row *row = it->row;
    title(s, "Now");
    line(s, "state", deal_state(s->view, it));
    line(s, "machine", row->machine_version == NULL ? "not known" : row->machine_version);
    if (it->whole) {
        owed_lines(s, it, past);
        number_line(s, "queued events", it->queued);
    }
    number_line(s, "sequence", row->sequence);
    number_line(s, "revision", row->revision);
    if (row->sidecar_len > 0) {
        line(s, "stored beside it", readable_cbor(s->view->arena, row->sidecar, row->sidecar_len));
    }
    time_line(s, "created", row->created);
    time_line(s, "changed", row->updated);
}

static void record_text_of(const shown *s, const deal_row *it)
{
    static const char *const parties[][2] = {{"provider", "sender"},
                                             {"provider's wallet", "miner_wallet"},
                                             {"client's wallet", "client_wallet"},
                                             {"payload", "payload_cid"},
                                             {"payment channel", "payment_info.pay_ch"},
                                             {"lane", "payment_info.lane"},
                                             {"message to wait for", "wait_msg_cid"},
                                             {"last error", "message"}};
    static const char *const money[][2] = {{"funds", "total_funds"},
                                           {"spent", "funds_spent"},
                                           {"of that on unsealing", "unseal_funds_paid"},
                                           {"price of unsealing", "unseal_price"},
                                           {"price of a byte", "price_per_byte"},
                                           {"requested", "payment_requested"},
                                           {"short by", "voucher_shortfall"},
                                           {"received", "total_received"},
                                           {"paid for", "bytes_paid_for"},
                                           {"all received", "all_blocks_received"},
                                           {"last payment asked for", "last_payment_requested"}};
    for (size_t i = 0; i < sizeof parties / sizeof *parties; i++) {
        if (strcmp(parties[i][1], "message") != 0 || it->record.message_len > 0) {
            field_line(s, it, parties[i][0], parties[i][1]);
        }
    }
    title(s, "Money and bytes");
    for (size_t i = 0; i < sizeof money / sizeof *money; i++) {
        field_line(s, it, money[i][0], money[i][1]);
    }
}

/* ---- The queue */
typedef struct queue_walk {
    const shown *shown;
    const deal_row *deal;
    json_t *list; /* NULL: as text */
} queue_walk;

static void queue_tell(const queue_walk *walk, void (*each)(void *ctx, const dealfsm_event *event, uint32_t from_handler))
{
    const dealfsm_store_row *row = walk->deal->row;
    dealfsm_error error = {.struct_size = sizeof error};
    store_walked(walk->shown->view,
                 walk->deal->module->info.record->queued(row->sidecar, row->sidecar_len, each, (void *)walk, &error),
                 &error);
}

static void queued_line(void *ctx, const dealfsm_event *event, uint32_t from_handler)
{
    const queue_walk *walk = ctx;
    values_arena *arena = walk->shown->view->arena;
    const description *machine = &walk->deal->module->machine;
    const dealfsm_event_info *info = description_event(machine, event->event);
    words text = {.arena = arena};
    for (uint32_t i = 0; i < event->args_count; i++) {
        words_add(&text, "%s%s %s", i > 0 ? ", " : "", info->names[i],
                  readable_value(arena, machine, &event->args[i], ""));
    }
    if (from_handler != 0) {
        words_item(&text, "; ", "raised by a handler");
    }
    line(walk->shown, words_short_event(arena, machine, event->event), words_text(&text));
}

static void queued_json(void *ctx, const dealfsm_event *event, uint32_t from_handler)
{
    const queue_walk *walk = ctx;
    values_arena *arena = walk->shown->view->arena;
    const char *name = words_event(arena, &walk->deal->module->machine, event->event);
    json_array_append_new(
        walk->list, json_pack("{s:s, s:b, s:o}", "event", name, "from_handler", from_handler != 0, "args",
                              values_args_to_json(arena, event->args, event->args_count, event->args_stride)));
}

static int32_t take_event(void *ctx, const dealfsm_store_event *event)
{
    timeline_event(ctx, event);
    return 0;
}

static void text(const shown *s, const deal_row *it, const deal_past *past)
{
    dealfsm_error error = {.struct_size = sizeof error};
    timeline lines = {.view = s->view, .out = &s->out};
    paper_line(&s->out, INK_HEADING, "Deal %" PRIu64, it->row->deal);
    paper_indent(&s->out, INDENT);
    paper_wrap(&s->out, it->whole ? INK_PLAIN : INK_WARNING, INDENT, INDENT, deal_why(s->view, it, past));
    now_text(s, it, past);
    if (it->whole) {
        record_text_of(s, it);
    }
    title(s, "Timeline");
    if (past->events == 0) {
        line(s, "none", "the store kept no history of this deal");
    }
    store_walked(s->view, dealfsm_store_history(s->view->store, &it->row->deal, take_event, &lines, &error), &error);
    if (it->queued > 0) {
        title(s, "Queued, next first");
        queue_tell(&(queue_walk){s, it, NULL}, queued_line);
    }
}

/* ---- JSON */
typedef struct json_walk {
    store_view *view;
    json_t *list;
} json_walk;

static int32_t take_json(void *ctx, const dealfsm_store_event *event)
{
    const json_walk *walk = ctx;
    return json_array_append_new(walk->list, event_json(walk->view, event));
}

static json_t *ops_json(const shown *s, const deal_row *it)
{
    const dealfsm_handler_info *handler = deal_is_owed(it) ? deal_handler(it) : NULL;
    json_t *list = json_array();
    for (uint32_t i = 0; handler != NULL && i < handler->ops_count; i++) {
        json_array_append_new(list, json_string(words_op(s->view->arena, &it->module->machine, handler->ops[i])));
    }
    return list;
}

static void json(const shown *s, const deal_row *it, const deal_past *past)
{
    dealfsm_error error = {.struct_size = sizeof error};
    values_arena *arena = s->view->arena;
    const char *why = deal_why(s->view, it, past);
    json_walk walk = {.view = s->view, .list = json_array()};
    json_t *object = deal_json(s->view, it);
    store_walked(s->view, dealfsm_store_history(s->view->store, &it->row->deal, take_json, &walk, &error), &error);
    json_object_set_new(object, "why", text_json(arena, why, strlen(why)));
    json_object_set_new(object, "since", time_json(deal_since(it, past)));
    json_object_set_new(object, "history", walk.list);
    json_object_set_new(object, "sidecar", json_string(values_hex(arena, it->row->sidecar, it->row->sidecar_len)));
    if (it->whole) {
        const queue_walk queue = {s, it, json_array()};
        queue_tell(&queue, queued_json);
        json_object_set_new(object, "queue", queue.list);
        json_object_set_new(object, "may_ask", ops_json(s, it));
        json_object_set_new(object, "record", values_record_to_json(arena, &it->module->machine, &it->record));
    }
    store_line(s->view, object);
}

/* ---- The command */
static int32_t take_row(void *ctx, const dealfsm_store_row *row)
{
    const shown *s = ctx;
    deal_row it;
    deal_past past;
    store_see(s->view, row, &it);
    store_past(s->view, &it, &past);
    (s->json ? json : text)(s, &it, &past);
    store_tell_trouble(s->view, &it);
    return 0;
}

static void show(store_view *view, const store_choice *o)
{
    dealfsm_error error = {.struct_size = sizeof error};
    shown s = {.view = view, .json = o->json, .out = paper_on(stdout)};
    const int32_t result = dealfsm_store_row_of(view->store, o->deal, take_row, &s, &error);
    if (result == DEALFSM_E_NOT_FOUND) {
        fprintf(stderr, "%s: %s: %s\n", view->command, view->url, error.text);
        store_status(view, DUMP_NO);
    } else {
        store_walked(view, result, &error);
    }
}

static int run(int argc, char **argv)
{
    store_choice o = {.takes_deal = true, .needs_deal = true};
    store_view view;
    store_parse(argc, argv, "URL ID", doc, &o);
    if (store_open(&view, &o, argv[0])) {
        show(&view, &o);
    }
    store_close(&view, &o);
    return view.status;
}

const dump_command dump_deal_command = {"deal", "one deal of a store: why it does not go on, its money, its timeline",
                                        run};
