/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "world_books_report.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "paper.h"
#include "world_file.h"

/* Sums over all deals. */
typedef struct op_sums {
    uint64_t asked;
    uint64_t asked_again;
    uint64_t vouchers;
} op_sums;

static op_sums sum_up(const world *w, uint64_t deals)
{
    op_sums sums = {0};
    for (uint64_t i = 1; i <= deals; i++) {
        world_view view;
        world_look(w, i, &view);
        sums.asked += view.asked;
        sums.asked_again += view.asked_again;
        sums.vouchers += view.vouchers;
    }
    return sums;
}

static void print_text(const world_books *b, const scenario *s, const world_file_info *info, op_sums sums, FILE *out)
{
    enum { INDENT = 4 };
    const paper page = {.out = out};
    (void)fprintf(out, "%s: books of %" PRIu64 " deals, seed %" PRIu64 "\n", s->title, info->deals, info->seed);
    (void)fprintf(out,
                  "Ops asked %" PRIu64 ", of them %" PRIu64 " again with a known key; vouchers granted %" PRIu64 "\n\n",
                  sums.asked, sums.asked_again, sums.vouchers);
    for (size_t i = 0; i < b->channel_count; i++) {
        const world_channel_row *c = &b->channels[i];
        char *funds = text_write_fil(*c->funds);
        char *holds = text_write_fil(c->holds);
        char *line = NULL;
        if (funds != NULL && holds != NULL &&
            asprintf(&line, "%s to %s: %zu lanes, %s FIL in the channel, vouchers of %s FIL held", c->client->name,
                     c->provider->name, c->lane_count, funds, holds) >= 0) {
            paper_wrap(&page, INK_PLAIN, 0, INDENT, line);
            free(line);
        }
        free(funds);
        free(holds);
    }
    for (size_t i = 0; i < b->fault_count; i++) {
        paper_wrap(&page, INK_PLAIN, 0, INDENT, b->faults[i]);
    }
    (void)fprintf(out, "\nBooks %s.\n", b->balance ? "balance" : "DO NOT BALANCE");
}

static json_t *amount_json(const mpz_t amount)
{
    char *text = mpz_get_str(NULL, 10, amount);
    json_t *json = json_string(text);
    free(text);
    return json;
}

static void print_json(const world_books *b, const scenario *s, const world_file_info *info, op_sums sums, FILE *out)
{
    json_t *channels = json_array();
    json_t *faults = json_array();
    for (size_t i = 0; i < b->channel_count; i++) {
        const world_channel_row *c = &b->channels[i];
        (void)json_array_append_new(channels,
                                    json_pack("{s:s, s:s, s:I, s:o, s:o}", "client", c->client->name, "provider",
                                              c->provider->name, "lanes", (json_int_t)c->lane_count, "funds",
                                              amount_json(*c->funds), "holds", amount_json(c->holds)));
    }
    for (size_t i = 0; i < b->fault_count; i++) {
        (void)json_array_append_new(faults, json_string(b->faults[i]));
    }
    json_t *all = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:b, s:o, s:o}", "books", s->title, "deals",
                            (json_int_t)info->deals, "seed", (json_int_t)info->seed, "asked", (json_int_t)sums.asked,
                            "asked_again", (json_int_t)sums.asked_again, "vouchers", (json_int_t)sums.vouchers,
                            "balance", (int)b->balance, "faults", faults, "channels", channels);
    (void)json_dumpf(all, out, JSON_COMPACT);
    (void)fputc('\n', out);
    json_decref(all);
}

static bool report(const char *path, const world_file_info *info, const scenario *s, bool json, FILE *out,
                   bool *balance, text_why *why)
{
    world_options options = {.scenario = s, .deals = info->deals, .seed = info->seed};
    world *w = world_new(&options);
    bool ok = w != NULL ? world_file_read(w, path, why) : text_refuse(why, "out of memory");
    world_books *b = ok ? world_audit(w, NULL) : NULL;
    if (b != NULL) {
        (json ? print_json : print_text)(b, s, info, sum_up(w, info->deals), out);
        *balance = b->balance;
    } else if (ok) {
        ok = text_refuse(why, "out of memory");
    }
    world_books_free(b);
    world_free(w);
    return ok;
}

bool world_books_report(const char *path, bool json, FILE *out, bool *balance, text_why *why)
{
    world_file_info info;
    if (!world_file_info_of(path, &info, why)) {
        return false;
    }
    if (info.scenario == NULL) {
        return text_refuse(why, "%s: expected the books of a world, found no such file, or an empty one", path);
    }
    scenario *s = scenario_parse(info.scenario, path, why);
    bool ok = s != NULL && report(path, &info, s, json, out, balance, why);
    scenario_free(s);
    free(info.scenario);
    return ok;
}
