/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The report: at most 100 columns. Outcomes, what deals wait for, books. */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

enum { LANES_SHOWN = 20, WAITING_SHOWN = 12, NOTES_SHOWN = 5, EXAMPLES = 5 };

/* Deals that ended alike. */
typedef struct group {
    const char *text;
    const char *more; /* second line, or NULL */
    uint64_t deals;
    uint64_t received;
    mpz_t spent;
    uint64_t examples[EXAMPLES];
} group;

static int by_text(const void *a, const void *b)
{
    const group *x = a;
    const group *y = b;
    int texts = strcmp(x->text, y->text);
    int more = texts == 0 && x->more != NULL ? strcmp(x->more, y->more) : texts;
    return more != 0 ? more : (x->examples[0] > y->examples[0]) - (x->examples[0] < y->examples[0]);
}

static int by_count(const void *a, const void *b)
{
    const group *x = a;
    const group *y = b;
    return x->deals != y->deals ? (x->deals < y->deals) - (x->deals > y->deals) : by_text(a, b);
}

static bool alike(const group *a, const group *b)
{
    return strcmp(a->text, b->text) == 0 && (a->more == NULL || strcmp(a->more, b->more) == 0);
}

static void add_group(group *to, group *from)
{
    if (to->deals < EXAMPLES) {
        to->examples[to->deals] = from->examples[0];
    }
    to->deals += from->deals;
    to->received += from->received;
    mpz_add(to->spent, to->spent, from->spent);
    mpz_clear(from->spent);
}

/* One group for each deal (of those that wait, or of all), then alike ones made one, most frequent first. */
static group *make_groups(const host_results *results, bool waiting, size_t *count)
{
    group *groups = calloc(results->count + 1, sizeof *groups);
    size_t deals = 0;
    *count = 0;
    for (uint64_t i = 0; groups != NULL && i < results->count; i++) {
        const host_result *r = &results->of[i];
        if (!waiting || r->end == END_WAITS) {
            group *g = &groups[deals++];
            *g = (group){.text = r->outcome, .more = waiting ? r->waits : NULL, .deals = 1, .received = r->received};
            g->examples[0] = i + 1;
            mpz_init_set(g->spent, results->claims[i].funds_spent);
        }
    }
    if (deals == 0) {
        return groups;
    }
    qsort(groups, deals, sizeof *groups, by_text);
    for (size_t i = 1; i < deals; i++) {
        if (alike(&groups[*count], &groups[i])) {
            add_group(&groups[*count], &groups[i]);
        } else {
            groups[++*count] = groups[i];
        }
    }
    qsort(groups, ++*count, sizeof *groups, by_count);
    return groups;
}

static void free_groups(group *groups, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        mpz_clear(groups[i].spent);
    }
    free(groups);
}

static void rule(FILE *out, const char *head)
{
    (void)fprintf(out, "\n%s\n", head);
}

/* Characters of a text that is UTF-8. */
static int columns(const char *text)
{
    int count = 0;
    for (; *text != '\0'; text++) {
        count += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return count;
}

/* A cell of fixed width, cut or filled up. */
static void cell(FILE *out, const char *text, int width)
{
    int used = 0;
    for (; *text != '\0'; text++) {
        used += ((unsigned char)*text & 0xc0) != 0x80;
        if (used > width) {
            break;
        }
        (void)fputc(*text, out);
    }
    (void)fprintf(out, "%*s", used < width ? width - used : 0, "");
}

/* Bytes of the first line of a text: whole words, at most `width` columns; a longer word is not cut. */
static size_t first_line(const char *text, int width)
{
    size_t fits = 0;
    int used = 0;
    for (size_t i = 0;; i++) {
        if (text[i] == ' ' || text[i] == '\0') {
            if (used > width && fits > 0) {
                return fits;
            }
            fits = i;
            if (text[i] == '\0') {
                return i;
            }
        }
        used += ((unsigned char)text[i] & 0xc0) != 0x80;
    }
}

/* Writes a text from column `at` on in lines that end before column `end`, further lines indented; the last line is
 * left open. Returns the column reached. */
static int wrap(FILE *out, const char *text, int at, int end, int indent)
{
    for (;;) {
        size_t len = first_line(text, end - at);
        (void)fprintf(out, "%.*s", (int)len, text);
        if (text[len] == '\0') {
            return at + columns(text);
        }
        (void)fprintf(out, "\n%*s", indent, "");
        text += len + 1;
        at = indent;
    }
}

static void print_outcomes(const host_results *results, FILE *out)
{
    size_t count;
    group *groups = make_groups(results, false, &count);
    if (groups == NULL) {
        return;
    }
    (void)fprintf(out, "\n%-54s %7s %12s %24s\n", "Outcome", "Deals", "Received", "Paid, FIL");
    for (size_t i = 0; i < count; i++) {
        char *bytes = text_write_size(groups[i].received);
        char *spent = text_write_fil(groups[i].spent);
        int used = wrap(out, groups[i].text, 0, 53, 2);
        (void)fprintf(out, "%*s %7" PRIu64 " %12s %24s\n", used < 54 ? 54 - used : 0, "", groups[i].deals,
                      bytes != NULL ? bytes : "", spent != NULL ? spent : "");
        free(bytes);
        free(spent);
    }
    free_groups(groups, count);
}

static void print_waiting(const host_results *results, FILE *out)
{
    size_t count;
    group *groups = make_groups(results, true, &count);
    if (count > 0) {
        rule(out, "Deals that wait for ever");
    }
    for (size_t i = 0; i < count && i < WAITING_SHOWN; i++) {
        int at = fprintf(out, "  %" PRIu64 " x ", groups[i].deals);
        (void)wrap(out, groups[i].text, at, 98, 6);
        (void)fputs("\n      ", out);
        (void)wrap(out, groups[i].more, 6, 98, 6);
        (void)fprintf(out, "\n      %s", groups[i].deals == 1 ? "deal" : "deals");
        for (size_t j = 0; j < groups[i].deals && j < EXAMPLES; j++) {
            (void)fprintf(out, " %" PRIu64, groups[i].examples[j]);
        }
        (void)fputs(groups[i].deals > EXAMPLES ? " …\n" : "\n", out);
    }
    if (count > WAITING_SHOWN) {
        (void)fprintf(out, "  and %zu more kinds: see --json\n", count - WAITING_SHOWN);
    }
    free_groups(groups, count);
}

/* What of the channels' funds no deal has added. */
static void print_top_ups(const host_node *node, FILE *out)
{
    uint64_t deals = 0;
    mpz_t sum;
    mpz_init(sum);
    for (uint64_t i = 1; i <= node->deals; i++) {
        world_view view;
        world_look(node->world, i, &view);
        deals += mpz_sgn(*view.topped_up) > 0;
        mpz_add(sum, sum, *view.topped_up);
    }
    char *fil = text_write_fil(sum);
    if (deals > 0) {
        (void)fprintf(out, "Of the funds, %s FIL were topped up by clients for %" PRIu64 " %s that fell short.\n",
                      fil != NULL ? fil : "", deals, deals == 1 ? "deal" : "deals");
    }
    free(fil);
    mpz_clear(sum);
}

static void print_channels(const world_books *books, FILE *out)
{
    (void)fprintf(out, "\n%-14.14s %-14.14s %5s %20s %20s %20s\n", "Books: client", "provider", "Lanes", "Funds, FIL",
                  "Vouchers held, FIL", "Deals say, FIL");
    for (size_t i = 0; i < books->channel_count; i++) {
        const world_channel_row *c = &books->channels[i];
        char *funds = text_write_fil(*c->funds);
        char *holds = text_write_fil(c->holds);
        char *says = text_write_fil(c->says);
        cell(out, c->client->name, 14);
        (void)fputc(' ', out);
        cell(out, c->provider->name, 14);
        (void)fprintf(out, " %5zu %20s %20s %20s\n", c->lane_count, funds != NULL ? funds : "",
                      holds != NULL ? holds : "", says != NULL ? says : "");
        free(funds);
        free(holds);
        free(says);
    }
}

static void print_lane(const world_channel_row *c, const world_lane_row *l, FILE *out)
{
    static const char *const verdicts[] = {"equal", "one voucher ahead", "WRONG"};
    char *holds = text_write_fil(*l->holds);
    char *says = text_write_fil(*l->says);
    (void)fprintf(out, "  deal %" PRIu64 ", lane %" PRIu64 " of ", l->deal, l->lane);
    cell(out, c->client->name, columns(c->client->name) < 24 ? columns(c->client->name) : 24);
    (void)fputs(" to ", out);
    cell(out, c->provider->name, columns(c->provider->name) < 24 ? columns(c->provider->name) : 24);
    (void)fprintf(out, ", %" PRIu64 " vouchers: %s\n", l->vouchers, verdicts[l->verdict]);
    (void)fprintf(out, "      the provider holds %s FIL, the deal says %s FIL\n", holds != NULL ? holds : "",
                  says != NULL ? says : "");
    if (l->why[0] != '\0') {
        (void)fprintf(out, "      %s\n", l->why);
    }
    free(holds);
    free(says);
}

/* The lanes that differ, wrong ones first; with `all` also the equal ones. */
static void print_lanes(const world_books *books, bool all, FILE *out)
{
    uint64_t limit = all ? UINT64_MAX : LANES_SHOWN;
    uint64_t shown = 0;
    if (all ? books->channel_count > 0 : books->one_ahead + books->wrong > 0) {
        rule(out, all ? "Lanes" : "Lanes that differ");
    }
    for (int verdict = BOOKS_WRONG; verdict >= (all ? BOOKS_EQUAL : BOOKS_ONE_AHEAD); verdict--) {
        for (size_t i = 0; i < books->channel_count; i++) {
            for (size_t j = 0; j < books->channels[i].lane_count; j++) {
                const world_lane_row *l = &books->channels[i].lanes[j];
                if ((int)l->verdict == verdict && shown++ < limit) {
                    print_lane(&books->channels[i], l, out);
                }
            }
        }
    }
    if (shown > limit) {
        (void)fprintf(out, "  and %" PRIu64 " more: see --lanes or --json\n", shown - limit);
    }
}

static void print_verdict(const world_books *books, FILE *out)
{
    for (size_t i = 0; i < books->fault_count && i < LANES_SHOWN; i++) {
        (void)fprintf(out, "%s%s\n", i == 0 ? "\n" : "", books->faults[i]);
    }
    for (size_t i = 0; i < books->note_count && i < NOTES_SHOWN; i++) {
        (void)fprintf(out, "%sNote: %s\n", i == 0 ? "\n" : "", books->notes[i]);
    }
    if (books->note_count > NOTES_SHOWN) {
        (void)fprintf(out, "Note: %zu more of this kind: see --json\n", books->note_count - NOTES_SHOWN);
    }
    (void)fprintf(out, "\nBooks %s: %" PRIu64 " lanes equal, %" PRIu64 " one voucher ahead, %" PRIu64 " wrong.\n",
                  books->balance ? "balance" : "DO NOT BALANCE", books->equal, books->one_ahead, books->wrong);
}

void host_report(const host_node *node, const host_results *results, FILE *out)
{
    uint64_t last = 0;
    for (uint64_t i = 1; i <= results->count; i++) {
        world_view view;
        world_look(node->world, i, &view);
        last = view.now > last ? view.now : last;
    }
    char *time = text_write_duration(last);
    (void)fprintf(out, "%s: %" PRIu64 " %s, seed %" PRIu64 ", %s, %s of virtual time%s\n", node->scenario->title,
                  node->deals, node->deals == 1 ? "deal" : "deals", node->seed, node->module.manifest->machine_version,
                  time != NULL ? time : "", runner_stopped(node->runner) ? ", interrupted" : "");
    free(time);
    print_outcomes(results, out);
    print_waiting(results, out);
    print_channels(results->books, out);
    print_top_ups(node, out);
    print_lanes(results->books, node->options->lanes, out);
    print_verdict(results->books, out);
}
