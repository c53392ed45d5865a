/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A line of `dealfsm-dump deals`. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dump_store.h"
#include "text.h"

enum { LINE_INDENT = 11, ID_COLUMNS = 9 };

static const char *provider_of(store_view *view, const deal_row *it)
{
    enum { ADDRESS_MAX = 13 };
    words text = {.arena = view->arena};
    char *address = it->whole ? text_write_address(it->record.miner_wallet, it->record.miner_wallet_len) : NULL;
    const size_t size = address == NULL ? 0 : strlen(address);
    if (size > ADDRESS_MAX) { /* the ends tell most addresses apart */
        words_add(&text, "%.6s…%s", address, address + size - 6);
    } else {
        words_item(&text, "", address == NULL ? "-" : address);
    }
    free(address);
    return words_text(&text);
}

/* In FIL, cut to the width of its column; absurd amounts by their order. */
static const char *spent_of(store_view *view, const deal_row *it)
{
    enum { SPENT_MAX = 12 };
    words text = {.arena = view->arena};
    mpz_t amount;
    if (!it->whole) {
        return "-";
    }
    mpz_init(amount);
    text_amount_import(amount, it->record.funds_spent, it->record.funds_spent_len);
    char *fil = text_write_fil(amount);
    const size_t whole = strcspn(fil == NULL ? "" : fil, ".");
    if (whole > SPENT_MAX - 2) {
        words_add(&text, "≈ %s10^%zu", mpz_sgn(amount) < 0 ? "-" : "", whole - (mpz_sgn(amount) < 0 ? 2 : 1));
    } else {
        words_add(&text, fil != NULL && strlen(fil) > SPENT_MAX ? "%.11s…" : "%s", fil == NULL ? "-" : fil);
    }
    free(fil);
    mpz_clear(amount);
    return words_text(&text);
}

/* printf counts bytes, a column has characters. */
static void column(const paper *out, const char *text, size_t width, bool right)
{
    const size_t used = paper_width(text);
    const size_t gap = used < width ? width - used : 0;
    paper_indent(out, right ? gap : 0);
    fputs(text, out->out);
    paper_indent(out, (right ? 0 : gap) + 2);
}

void deals_heading(const paper *out)
{
    paper_line(out, INK_HEADING, "%9s  %-7s  %-26s  %-13s  %12s  %-11s  %s", "deal", "machine", "state", "provider",
               "spent, FIL", "changed", "waits for");
}

void deals_line(store_view *view, const paper *out, const deal_row *it)
{
    const char *version = it->row->machine_version == NULL ? "-" : it->row->machine_version;
    const char *state = deal_state(view, it);
    words id = {.arena = view->arena};
    words cut = {.arena = view->arena};
    words_add(&id, "%" PRIu64, it->row->deal);
    words_add(&cut, strlen(state) > 26 ? "%.25s…" : "%s", state);
    if (paper_width(words_text(&id)) > ID_COLUMNS) { /* a line of its own */
        fprintf(out->out, "%s\n", words_text(&id));
        column(out, "", ID_COLUMNS, true);
    } else {
        column(out, words_text(&id), ID_COLUMNS, true);
    }
    column(out, strncmp(version, "client ", 7) == 0 ? version + 7 : version, 7, false);
    column(out, words_text(&cut), 26, false);
    column(out, provider_of(view, it), 13, false);
    column(out, spent_of(view, it), 12, true);
    column(out, time_age(view, it->row->updated), 11, false);
    paper_put(out, it->whole ? INK_PLAIN : INK_WARNING, deal_waits(it));
    fputc('\n', out->out);
}

void deals_why(const paper *out, const char *why)
{
    paper_indent(out, LINE_INDENT);
    paper_wrap(out, INK_FAINT, LINE_INDENT, LINE_INDENT, why);
}
