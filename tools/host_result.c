/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What became of the deals: asked of the module, deal by deal, and put in words. */

#include <ctype.h>
#include <dealfsm/vocabulary.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

/* The message with every number as "N", so that deals which ended alike look alike. */
static void without_numbers(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; from++) {
        if (!isdigit((unsigned char)*from)) {
            *to++ = *from;
        } else if (to == text || to[-1] != 'N') {
            *to++ = 'N';
        }
    }
    *to = '\0';
}

static char *text_copy(const uint8_t *data, uint64_t len)
{
    char *text = strndup(data != NULL ? (const char *)data : "", len);
    for (char *c = text; c != NULL && *c != '\0'; c++) {
        if ((unsigned char)*c < ' ') {
            *c = ' ';
        }
    }
    return text;
}

/* ---- Waiting */

static const char *awaited(const dealfsm_deal *deal)
{
    if ((deal->flags & DEALFSM_DEAL_STALLED) != 0) {
        return "a retry";
    }
    if (deal->status == DEALFSM_DealStatusInsufficientFunds) {
        return "money in its payment channel";
    }
    return deal->open_op != 0 ? world_op_name(deal->open_op) : "an event from outside";
}

static char *explain_waiting(const host_node *node, const dealfsm_deal *deal, const host_track *track,
                             const world_view *view)
{
    char *text = NULL;
    char refused[128] = "nothing was refused";
    if (track->refusals > 0) {
        (void)snprintf(refused, sizeof refused, "last refused: %s in %s", host_event_name(node, track->refused_event),
                       host_state_name(node, track->refused_state));
    }
    int got = asprintf(&text, "waits for %s; the provider waits for %s; %s", awaited(deal), view->waits, refused);
    return got < 0 ? NULL : text;
}

/* ---- One deal */

static bool put_in_words(const host_node *node, host_result *r, const char *message)
{
    char *text = NULL;
    static const char *const heads[] = {"", "Waits in ", "Not created", "Not begun"};
    bool named = r->end == END_FINAL || r->end == END_WAITS;
    int got = asprintf(&text, "%s%s%s%s", heads[r->end], named ? host_state_name(node, r->status) : "",
                       message[0] != '\0' ? ": " : "", message);
    if (got < 0) {
        return false;
    }
    without_numbers(text);
    r->outcome = text;
    return true;
}

static void take_claim(const dealfsm_record *record, const host_track *track, host_result *r, world_claim *claim)
{
    claim->known = true;
    claim->payment_refused = track->payment_refused;
    claim->has_lane = record->has_payment_info != 0 && record->pay_ch_len <= sizeof r->pay_ch;
    if (claim->has_lane) {
        memcpy(r->pay_ch, record->pay_ch, record->pay_ch_len);
        claim->pay_ch = r->pay_ch;
        claim->pay_ch_len = record->pay_ch_len;
        claim->lane = record->lane;
    }
    text_amount_import(claim->funds_spent, record->funds_spent, record->funds_spent_len);
    text_amount_import(claim->total_funds, record->total_funds, record->total_funds_len);
}

static bool take_record(const host_node *node, uint64_t id, const char *machine_version, const dealfsm_deal *deal,
                        host_result *r, world_claim *claim)
{
    dealfsm_error error = {.struct_size = sizeof error};
    dealfsm_record record = {.struct_size = sizeof record};
    const host_track *track = &node->tracks[id - 1];
    const dealfsm_module_info *module = host_swap_module(node->swap, machine_version);
    world_view view;
    if (module == NULL) {
        (void)fprintf(stderr, "dealfsm-host: deal %" PRIu64 ": no module for \"%s\" is loaded: give it with --swap-to\n",
                      id, machine_version);
        return false;
    }
    if (module->record->decode(deal->record, deal->record_len, &record, &error) < 0) {
        (void)fprintf(stderr, "dealfsm-host: deal %" PRIu64 ": its record cannot be read: %s\n", id, error.text);
        return false;
    }
    take_claim(&record, track, r, claim);
    r->end = (deal->flags & DEALFSM_DEAL_FINAL) != 0 ? END_FINAL : END_WAITS;
    r->status = deal->status;
    r->received = record.total_received;
    r->paid_for = record.bytes_paid_for;
    r->message = text_copy(record.message, record.message_len);
    world_look(node->world, id, &view);
    if (r->end == END_WAITS) {
        r->waits = explain_waiting(node, deal, track, &view);
    }
    return r->message != NULL && put_in_words(node, r, r->message) && (r->end == END_FINAL || r->waits != NULL);
}

typedef struct row_taker {
    const host_node *node;
    host_result *result;
    world_claim *claim;
} row_taker;

static int32_t take_row(void *ctx, const dealfsm_store_row *row)
{
    const row_taker *to = ctx;
    dealfsm_deal deal = {.flags = (row->flags & DEALFSM_ROW_FINAL) != 0 ? DEALFSM_DEAL_FINAL : 0,
                         .status = row->status,
                         .record = (uint8_t *)row->record, /* it is only read */
                         .record_len = row->record_len};
    return take_record(to->node, row->deal, row->machine_version, &deal, to->result, to->claim) ? DEALFSM_OK : DEALFSM_E_CORRUPT;
}

/* A deal that ended in an earlier run, or was not brought back before this one was stopped. */
static bool take_stored(const host_node *node, uint64_t id, host_result *r, world_claim *claim)
{
    row_taker to = {.node = node, .result = r, .claim = claim};
    dealfsm_error error = {.struct_size = sizeof error};
    if (dealfsm_store_row_of(node->store, id, take_row, &to, &error) < 0) {
        (void)fprintf(stderr, "dealfsm-host: deal %" PRIu64 ": %s\n", id, error.text);
        return false;
    }
    return true;
}

static bool take_deal(const host_node *node, uint64_t id, host_result *r, world_claim *claim)
{
    uint8_t buffer[16384];
    const host_track *track = &node->tracks[id - 1];
    dealfsm_error error = {.struct_size = sizeof error};
    dealfsm_deal deal = {.struct_size = sizeof deal, .record = buffer, .record_capacity = sizeof buffer};
    if (!track->created) {
        r->end = track->error[0] != '\0' ? END_NOT_CREATED : END_NOT_BEGUN;
        return put_in_words(node, r, track->error);
    }
    if (track->stored) {
        return take_stored(node, id, r, claim);
    }
    int32_t result = dealfsm_host_query(node->host, id, &deal, &error);
    if (result == DEALFSM_E_NOT_FOUND && node->store != NULL) { /* stopped before its first row was written */
        r->end = END_NOT_BEGUN;
        return put_in_words(node, r, "");
    }
    if (result < 0) {
        (void)fprintf(stderr, "dealfsm-host: deal %" PRIu64 ": %s\n", id, error.text);
        return false;
    }
    return take_record(node, id, host_swap_version_of(node->swap, id), &deal, r, claim);
}

host_results *host_results_take(host_node *node)
{
    host_results *results = calloc(1, sizeof *results);
    if (results == NULL) {
        return NULL;
    }
    results->of = calloc(node->deals, sizeof *results->of);
    results->claims = calloc(node->deals, sizeof *results->claims);
    bool ok = results->of != NULL && results->claims != NULL;
    for (uint64_t i = 0; ok && i < node->deals; i++) {
        mpz_inits(results->claims[i].funds_spent, results->claims[i].total_funds, NULL);
        results->count = i + 1;
        ok = take_deal(node, i + 1, &results->of[i], &results->claims[i]);
    }
    results->books = ok ? world_audit(node->world, results->claims) : NULL;
    if (results->books == NULL) {
        host_results_free(results);
        return NULL;
    }
    return results;
}

void host_results_free(host_results *results)
{
    if (results == NULL) {
        return;
    }
    world_books_free(results->books);
    for (uint64_t i = 0; i < results->count; i++) {
        mpz_clears(results->claims[i].funds_spent, results->claims[i].total_funds, NULL);
        free(results->of[i].message);
        free(results->of[i].outcome);
        free(results->of[i].waits);
    }
    free(results->of);
    free(results->claims);
    free(results);
}
