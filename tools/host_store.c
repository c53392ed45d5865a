/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The node's store: what it has of earlier runs, and how deals come back from it. */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

enum { DEALS_MAX = 10000000, VERSIONS_MAX = 16 };

/* What the rows tell before the deals are there. */
typedef struct survey {
    uint64_t last_row;
    char versions[VERSIONS_MAX][64];
    size_t versions_count;
} survey;

static int32_t survey_row(void *ctx, const dealfsm_store_row *row)
{
    survey *s = ctx;
    const char *version = row->machine_version != NULL ? row->machine_version : "";
    size_t at = 0;
    s->last_row = row->deal;
    while (at < s->versions_count && strcmp(s->versions[at], version) != 0) {
        at++;
    }
    bool is_new = at == s->versions_count && version[0] != '\0' && (row->flags & DEALFSM_ROW_DAMAGED) == 0;
    if (is_new && at < VERSIONS_MAX && strlen(version) < sizeof s->versions[0]) {
        (void)snprintf(s->versions[s->versions_count++], sizeof s->versions[0], "%s", version);
    }
    return DEALFSM_OK;
}

/* The texts of stores name the file. */
static int complain(int code, const dealfsm_error *error)
{
    return host_complain(error->code == DEALFSM_E_ARGUMENT ? HOST_USAGE : code, NULL, error->text);
}

int host_store_open(host_node *node)
{
    dealfsm_error error = {.struct_size = sizeof error};
    dealfsm_store_options options = {.struct_size = sizeof options, .log = &node->log};
    const char *url = node->options->store;
    survey found = {0};
    if (dealfsm_store_open(url, &options, &node->store, &error) < 0 ||
        dealfsm_store_rows(node->store, NULL, survey_row, &found, &error) < 0) {
        return complain(HOST_STORE, &error);
    }
    for (size_t i = 0; i < found.versions_count; i++) {
        if (!host_swap_need(node->swap, found.versions[i])) {
            return HOST_MODULE;
        }
    }
    if (host_swap_teach(node->swap, node->store, &error) < 0) {
        return complain(HOST_STORE, &error);
    }
    node->takeover = host_takeover_new(node);
    if (node->takeover == NULL) {
        return host_complain(HOST_FAILED, "the deals", "out of memory");
    }
    node->last_row = found.last_row;
    return node->last_row <= DEALS_MAX
               ? HOST_FINE
               : host_complain(HOST_STORE, url, "expected the deals of a scenario, found a store of another node");
}

char *host_store_books(const host_node *node)
{
    char *path = NULL;
    int got = asprintf(&path, "%s.world", dealfsm_store_place(node->options->store));
    return got < 0 ? NULL : path;
}

/* ---- What is there */

static int32_t take_row(void *ctx, const dealfsm_store_row *row)
{
    host_node *node = ctx;
    host_track *track = &node->tracks[row->deal - 1];
    bool damaged = (row->flags & DEALFSM_ROW_DAMAGED) != 0;
    node->rows[row->deal - 1] = (world_row){.revision = row->revision,
                                            .sequence = row->sequence,
                                            .final_state = damaged || (row->flags & DEALFSM_ROW_FINAL) != 0};
    if (damaged) {
        (void)snprintf(track->error, sizeof track->error, "its row is damaged: %s", row->damage);
        (void)fprintf(stderr, "dealfsm-host: deal %" PRIu64 " is set aside: %s\n", row->deal, track->error);
        return DEALFSM_OK;
    }
    track->created = true;
    track->stored = true;
    host_takeover_row(node->takeover, row);
    if (row->status < HOST_STATES) {
        atomic_fetch_add(&node->in_state[row->status], 1);
    }
    return DEALFSM_OK;
}

/* Refusals of earlier runs: which payment's PaymentSent was refused matters for the books. */
static int32_t take_event(void *ctx, const dealfsm_store_event *event)
{
    host_node *node = ctx;
    const bool refused = event->kind == DEALFSM_HAPPENED_REFUSED || event->kind == DEALFSM_HAPPENED_TERMINATED;
    if (refused && event->deal >= 1 && event->deal <= node->deals) {
        host_track *track = &node->tracks[event->deal - 1];
        track->refusals++;
        track->refused_event = event->event;
        track->refused_state = event->from;
        track->payment_refused = track->payment_refused || event->event == DEALFSM_ClientEventPaymentSent;
    }
    return DEALFSM_OK;
}

int host_store_rows(host_node *node)
{
    dealfsm_error error = {.struct_size = sizeof error};
    if (dealfsm_store_rows(node->store, NULL, take_row, node, &error) < 0 ||
        dealfsm_store_history(node->store, NULL, take_event, node, &error) < 0) {
        return complain(HOST_STORE, &error);
    }
    return HOST_FINE;
}

/* ---- Bringing back */

static int32_t restore_row(void *ctx, const dealfsm_store_row *row)
{
    const host_node *node = ctx;
    dealfsm_error error = {.struct_size = sizeof error};
    dealfsm_snapshot snapshot = {.struct_size = sizeof snapshot,
                                 .deal = row->deal,
                                 .sequence = row->sequence,
                                 .revision = row->revision,
                                 .machine_version = row->machine_version,
                                 .record = (uint8_t *)row->record, /* restore only reads */
                                 .record_len = row->record_len,
                                 .sidecar = (uint8_t *)row->sidecar,
                                 .sidecar_len = row->sidecar_len};
    int32_t result = host_takeover_restore(node->takeover, &snapshot, &error);
    if (result < 0) {
        (void)fprintf(stderr, "dealfsm-host: deal %" PRIu64 " cannot be brought back: %s\n", row->deal, error.text);
    }
    return result;
}

int32_t host_store_resume(host_node *node, uint64_t deal)
{
    dealfsm_error error = {.struct_size = sizeof error};
    int32_t result = dealfsm_store_row_of(node->store, deal, restore_row, node, NULL);
    if (result < 0) {
        return result;
    }
    node->tracks[deal - 1].stored = false;
    result = dealfsm_host_activate(node->host, deal, NULL, &error);
    if (result < 0) {
        (void)fprintf(stderr, "dealfsm-host: deal %" PRIu64 " cannot go on: %s\n", deal, error.text);
    }
    return result;
}
