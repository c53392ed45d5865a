/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* `dealfsm-dump verify`: is a store whole, and does the money in it add up? */
#include "dump_verify.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dump.h"
#include "dump_record.h"
#include "text.h"

static const char doc[] =
    "Verifies a store: every record and what is stored beside it is read by the module of its machine version, the "
    "rules for money hold, the history leads to each row; and shows the sums for each payment channel.\v"
    "M1 FundsSpent is at most TotalFunds. M2 no lane is spent on by two deals. M3 what is paid for is worth at most "
    "what was paid for bytes. M4 no amount is negative. F3 what has ended has nothing left to do. P5 a record that "
    "was read is written as the same bytes. X1 the history is a chain that leads to the row.\n\n"
    "The machines of the reference allow some of it (FundsSpent can pass TotalFunds where the handler that pays does "
    "not raise FundsExpended; PaymentRequested can be negative where PaymentSent names another amount than what was "
    "requested): where the deal's machine version does, or one that had the deal before, that is noted. What would "
    "have to be known and is not stored (the history is off or pruned, another node had the deal) leaves a rule "
    "unchecked.\n\n"
    "Exit status: 0 no rule is broken, as far as can be checked; 1 a rule is broken, a row is damaged or no module "
    "is there for it, or it is no store; 2 wrong usage; 3 the store cannot be read, or no module is there.";

enum { INDENT = 4 };

typedef struct totals {
    uint64_t rows;
    uint64_t whole;
    uint64_t damaged;
    uint64_t unknown; /* no module is there for their version */
    uint64_t found[VERIFY_VERDICTS];
} totals;

typedef struct walk {
    store_view *view;
    paper out;
    bool json;
    totals totals;
    channels *channels;
    last_steps *steps;
    history_sums history;
    uint64_t lines; /* of what was found */
    uint64_t channels_shown;
} walk;

/* ---- What was found */
static void show_found(void *ctx, uint64_t deal, const char *rule, verify_verdict verdict, const char *text)
{
    static const char *const names[VERIFY_VERDICTS] = {"broken", "noted", "unchecked"};
    walk *w = ctx;
    w->totals.found[verdict]++;
    w->lines++;
    if (w->json) {
        json_t *json = json_pack("{s:o, s:s, s:s, s:o}", "deal", u64_json(deal), "rule", rule, "found", names[verdict],
                                 "text", text_json(w->view->arena, text, strlen(text)));
        store_line(w->view, json);
        return;
    }
    words line = {.arena = w->view->arena};
    words_add(&line, "deal %" PRIu64 ": %s %s: %s", deal, rule, names[verdict], text);
    paper_wrap(&w->out, verdict == VERIFY_BROKEN ? INK_WARNING : INK_FAINT, 0, INDENT, words_text(&line));
}

static void show_trouble(walk *w, const deal_row *it)
{
    const bool unknown = it->module == NULL && !(it->row->flags & DEALFSM_ROW_DAMAGED);
    words line = {.arena = w->view->arena};
    w->totals.unknown += unknown ? 1 : 0;
    w->totals.damaged += unknown ? 0 : 1;
    w->lines++;
    if (w->json) {
        json_t *json = json_pack("{s:o, s:o}", "deal", u64_json(it->row->deal), unknown ? "unknown" : "damage",
                                 text_json(w->view->arena, it->trouble, strlen(it->trouble)));
        store_line(w->view, json);
        return;
    }
    words_add(&line, "deal %" PRIu64 ": %s: %s", it->row->deal, unknown ? "not verified" : "damaged", it->trouble);
    paper_wrap(&w->out, INK_WARNING, 0, INDENT, words_text(&line));
}

/* ---- Rows */
static int32_t take_row(void *ctx, const dealfsm_store_row *row)
{
    walk *w = ctx;
    deal_row it;
    values_arena_clear(w->view->arena);
    store_see(w->view, row, &it);
    w->totals.rows++;
    if (ferror(stdout) != 0) {
        return 1;
    }
    if (!last_steps_add(w->steps, row)) {
        return DEALFSM_E_NO_MEMORY;
    }
    if (!it.whole) {
        show_trouble(w, &it);
        return 0;
    }
    w->totals.whole++;
    verify_record(w->view, &it, show_found, w);
    return channels_add(w->channels, &it) ? 0 : DEALFSM_E_NO_MEMORY;
}

/* ---- Channels */
static void show_channel_text(walk *w, const channel_sum *sum, const char *address)
{
    mpz_t spent;
    mpz_t funds;
    mpz_init_set_str(spent, sum->spent, 10);
    mpz_init_set_str(funds, sum->funds, 10);
    char *spent_fil = text_write_fil(spent);
    char *funds_fil = text_write_fil(funds);
    if (w->channels_shown++ == 0) {
        fputs(w->lines > 0 ? "\n" : "", stdout);
        paper_line(&w->out, INK_HEADING, "Payment channels, FIL");
    }
    words line = {.arena = w->view->arena};
    words_add(&line, "%" PRIu64 " deal%s, %" PRIu64 " lane%s with money, %s spent of %s", sum->deals,
              sum->deals == 1 ? "" : "s", sum->lanes, sum->lanes == 1 ? "" : "s", spent_fil, funds_fil);
    paper_wrap(&w->out, INK_NAME, 0, 0, address);
    paper_indent(&w->out, INDENT);
    paper_wrap(&w->out, INK_PLAIN, INDENT, INDENT, words_text(&line));
    free(spent_fil);
    free(funds_fil);
    mpz_clears(spent, funds, NULL);
}

static void show_channel(void *ctx, const channel_sum *sum)
{
    walk *w = ctx;
    char *form = text_write_address(sum->address, sum->address_len);
    const char *address = form == NULL ? values_hex(w->view->arena, sum->address, sum->address_len) : form;
    if (w->json) {
        json_t *json = json_pack("{s:s, s:I, s:I, s:s, s:s}", "pay_ch", address, "deals", (json_int_t)sum->deals,
                                 "lanes", (json_int_t)sum->lanes, "total_funds", sum->funds, "funds_spent", sum->spent);
        store_line(w->view, json);
    } else {
        show_channel_text(w, sum, address);
    }
    free(form);
}

/* ---- The end */
static void show_totals(const walk *w)
{
    const totals *t = &w->totals;
    const history_sums *h = &w->history;
    if (w->json) {
        json_t *json =
            json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:{s:I, s:I, s:I}}", "rows", (json_int_t)t->rows, "whole",
                      (json_int_t)t->whole, "damaged", (json_int_t)t->damaged, "unknown", (json_int_t)t->unknown,
                      "broken", (json_int_t)t->found[VERIFY_BROKEN], "noted", (json_int_t)t->found[VERIFY_NOTED],
                      "unchecked", (json_int_t)t->found[VERIFY_UNCHECKED], "history", "whole", (json_int_t)h->whole,
                      "part", (json_int_t)h->part, "none", (json_int_t)h->none);
        store_line(w->view, json);
        return;
    }
    fputs(w->channels_shown > 0 ? "\n" : "", stdout);
    paper_line(&w->out, INK_HEADING,
               "%" PRIu64 " rows: %" PRIu64 " whole, %" PRIu64 " damaged, %" PRIu64 " not verified; rules: %" PRIu64
               " broken, %" PRIu64 " noted, %" PRIu64 " unchecked",
               t->rows, t->whole, t->damaged, t->unknown, t->found[VERIFY_BROKEN], t->found[VERIFY_NOTED],
               t->found[VERIFY_UNCHECKED]);
    if (h->part + h->none > 0) {
        paper_line(&w->out, INK_HEADING,
                   "history: whole of %" PRIu64 " deals, in part of %" PRIu64 ", none of %" PRIu64
                   "; what it does not tell is not checked",
                   h->whole, h->part, h->none);
    }
}

static void verify(walk *w)
{
    dealfsm_error error = {.struct_size = sizeof error};
    const int32_t result = dealfsm_store_rows(w->view->store, NULL, take_row, w, &error);
    if (result == DEALFSM_E_NO_MEMORY) {
        snprintf(error.text, sizeof error.text, "out of memory for the sums");
    }
    store_walked(w->view, result, &error);
    if (ferror(stdout) != 0) {
        return;
    }
    values_arena_clear(w->view->arena);
    channels_verify(w->channels, w->view->arena, show_found, w);
    verify_history(w->view, w->steps, show_found, w, &w->history);
    values_arena_clear(w->view->arena);
    channels_each(w->channels, w->view->arena, show_channel, w);
    show_totals(w);
    store_status(w->view,
                 w->totals.damaged + w->totals.unknown + w->totals.found[VERIFY_BROKEN] > 0 ? DUMP_NO : DUMP_DONE);
}

static int run(int argc, char **argv)
{
    store_choice o = {0};
    store_view view;
    store_parse(argc, argv, "URL", doc, &o);
    if (store_open(&view, &o, argv[0])) {
        walk w = {.view = &view,
                  .out = paper_on(stdout),
                  .json = o.json,
                  .channels = channels_new(),
                  .steps = last_steps_new()};
        if (w.channels != NULL && w.steps != NULL) {
            verify(&w);
        } else {
            fprintf(stderr, "%s: out of memory\n", argv[0]);
            store_status(&view, DUMP_FAILED);
        }
        channels_free(w.channels);
        last_steps_free(w.steps);
    }
    store_close(&view, &o);
    return view.status;
}

const dump_command dump_verify_command = {"verify", "is a store whole, do the rules for money hold; sums per channel",
                                          run};
