/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The report as JSON: an object a line for each deal, then one with the summary. Amounts are attoFIL in decimal, as
 * texts; so are no other numbers. */

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

static void put_text(json_t *object, const char *key, const char *text)
{
    json_t *value = text != NULL ? json_string(text) : NULL; /* NULL, too, for what is not UTF-8 */
    (void)json_object_set_new(object, key, value != NULL ? value : json_null());
}

static void put_owned(json_t *object, const char *key, char *text)
{
    put_text(object, key, text);
    free(text);
}

static void put_number(json_t *object, const char *key, uint64_t number)
{
    (void)json_object_set_new(object, key, json_integer((json_int_t)number));
}

static void put_amount(json_t *object, const char *key, const mpz_t amount)
{
    char *text = malloc(mpz_sizeinbase(amount, 10) + 2);
    put_owned(object, key, text != NULL ? mpz_get_str(text, 10, amount) : NULL);
}

static void print_line(json_t *object, FILE *out)
{
    char *line = json_dumps(object, JSON_COMPACT);
    (void)fprintf(out, "%s\n", line != NULL ? line : "null");
    free(line);
    json_decref(object);
}

static const char *end_name(host_end end)
{
    static const char *const names[] = {"ended", "waits", "not created", "not begun"};
    return names[end];
}

static void put_money(json_t *o, const world_claim *claim, const world_view *view)
{
    put_amount(o, "total_funds", claim->total_funds);
    put_amount(o, "funds_spent", claim->funds_spent);
    put_amount(o, "added", *view->added);
    put_amount(o, "topped_up", *view->topped_up);
    put_number(o, "vouchers", view->vouchers);
    if (claim->has_lane) {
        put_owned(o, "pay_ch", text_write_address(claim->pay_ch, claim->pay_ch_len));
        put_number(o, "lane", claim->lane);
    }
}

static void put_refusals(const host_node *node, json_t *o, const host_track *track)
{
    put_number(o, "refusals", track->refusals);
    if (track->refusals > 0) {
        put_text(o, "refused_event", node->events[track->refused_event % HOST_STATES]);
        put_text(o, "refused_in", node->states[track->refused_state % HOST_STATES]);
    }
}

static void print_deal(const host_node *node, const host_results *results, uint64_t id, FILE *out)
{
    const host_result *r = &results->of[id - 1];
    world_view view;
    json_t *o = json_object();
    world_look(node->world, id, &view);
    put_number(o, "deal", id);
    put_text(o, "end", end_name(r->end));
    put_text(o, "status", r->end <= END_WAITS && r->status < HOST_STATES ? node->states[r->status] : NULL);
    put_text(o, "message", r->message != NULL ? r->message : node->tracks[id - 1].error);
    if (r->waits != NULL) {
        put_text(o, "waits", r->waits);
    }
    put_text(o, "client", view.client->name);
    put_text(o, "provider", view.provider->name);
    put_text(o, "retrieval", view.retrieval->name);
    put_text(o, "behaviour", scenario_habit_name(view.habit));
    put_number(o, "size", view.size);
    put_number(o, "sent", view.sent);
    put_number(o, "received", r->received);
    put_number(o, "paid_for", r->paid_for);
    put_money(o, &results->claims[id - 1], &view);
    put_refusals(node, o, &node->tracks[id - 1]);
    print_line(o, out);
}

static json_t *lane_object(const world_lane_row *l)
{
    static const char *const verdicts[] = {"equal", "one ahead", "wrong"};
    json_t *o = json_object();
    put_number(o, "lane", l->lane);
    put_number(o, "deal", l->deal);
    put_number(o, "vouchers", l->vouchers);
    put_amount(o, "holds", *l->holds);
    put_amount(o, "says", *l->says);
    put_text(o, "verdict", verdicts[l->verdict]);
    if (l->why[0] != '\0') {
        put_text(o, "why", l->why);
    }
    return o;
}

static json_t *channel_object(const world_channel_row *c)
{
    json_t *o = json_object();
    json_t *lanes = json_array();
    put_text(o, "client", c->client->name);
    put_text(o, "provider", c->provider->name);
    put_owned(o, "address", text_write_address(c->address, c->address_len));
    put_amount(o, "funds", *c->funds);
    put_amount(o, "holds", c->holds);
    put_amount(o, "says", c->says);
    for (size_t i = 0; i < c->lane_count; i++) {
        (void)json_array_append_new(lanes, lane_object(&c->lanes[i]));
    }
    (void)json_object_set_new(o, "lanes", lanes);
    return o;
}

static void count_ends(const host_node *node, const host_results *results, json_t *summary)
{
    json_t *ends = json_object();
    for (uint64_t i = 0; i < results->count; i++) {
        const host_result *r = &results->of[i];
        const char *state = r->status < HOST_STATES ? node->states[r->status] : NULL;
        const char *key = r->end == END_FINAL && state != NULL ? state : end_name(r->end);
        json_int_t before = json_integer_value(json_object_get(ends, key));
        (void)json_object_set_new(ends, key, json_integer(before + 1));
    }
    (void)json_object_set_new(summary, "ends", ends);
}

void host_json(const host_node *node, const host_results *results, FILE *out)
{
    const world_books *books = results->books;
    json_t *summary = json_object();
    json_t *channels = json_array();
    json_t *faults = json_array();
    json_t *notes = json_array();
    for (uint64_t i = 1; i <= results->count; i++) {
        print_deal(node, results, i, out);
    }
    put_text(summary, "summary", node->scenario->title);
    put_text(summary, "machine", node->module.manifest->machine_version);
    put_number(summary, "deals", node->deals);
    put_number(summary, "seed", node->seed);
    (void)json_object_set_new(summary, "interrupted", json_boolean(runner_stopped(node->runner)));
    count_ends(node, results, summary);
    (void)json_object_set_new(summary, "balance", json_boolean(books->balance));
    put_number(summary, "lanes_equal", books->equal);
    put_number(summary, "lanes_one_ahead", books->one_ahead);
    put_number(summary, "lanes_wrong", books->wrong);
    for (size_t i = 0; i < books->fault_count; i++) {
        (void)json_array_append_new(faults, json_string(books->faults[i]));
    }
    (void)json_object_set_new(summary, "faults", faults);
    for (size_t i = 0; i < books->note_count; i++) {
        (void)json_array_append_new(notes, json_string(books->notes[i]));
    }
    (void)json_object_set_new(summary, "notes", notes);
    for (size_t i = 0; i < books->channel_count; i++) {
        (void)json_array_append_new(channels, channel_object(&books->channels[i]));
    }
    (void)json_object_set_new(summary, "channels", channels);
    print_line(summary, out);
}
