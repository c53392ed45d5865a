/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The node: loads the module, opens a machine with the world as its environment, and hears what becomes of the deals. */

#include "host.h"

#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char DEFAULT_MODULE[] = "dealfsm-client-0.5.6.so";

static atomic_uintptr_t running; /* the world that SIGINT stops */

/* ---- Names, from describe/1 */

static void learn_names(host_node *node)
{
    const dealfsm_describe_v1 *describe = node->module.describe;
    dealfsm_state_info state = {.struct_size = sizeof state};
    for (uint32_t i = 0; describe->state(i, &state) == DEALFSM_OK; i++) {
        if (state.status < HOST_STATES) {
            node->states[state.status] = state.name;
            node->final[state.status] = state.is_final != 0;
        }
    }
    dealfsm_event_info event = {.struct_size = sizeof event};
    for (uint32_t i = 0; describe->event(i, &event) == DEALFSM_OK; i++) {
        if (event.event < HOST_STATES && event.has_transition) {
            node->events[event.event] = event.name;
        }
    }
}

static const char *without(const char *name, const char *prefix)
{
    size_t len = strlen(prefix);
    return name == NULL ? "?" : strncmp(name, prefix, len) == 0 ? name + len : name;
}

const char *host_state_name(const host_node *node, uint64_t status)
{
    return without(status < HOST_STATES ? node->states[status] : NULL, "DealStatus");
}

const char *host_event_name(const host_node *node, uint32_t event)
{
    return without(event < HOST_STATES ? node->events[event] : NULL, "ClientEvent");
}

/* ---- What the world tells the machine */

static int32_t node_create(void *ctx, const dealfsm_record *terms)
{
    host_node *node = ctx;
    host_track *track = &node->tracks[terms->id - 1];
    dealfsm_error error = {.struct_size = sizeof error};
    int32_t result = dealfsm_host_create(node->host, 0, terms, NULL, &error);
    track->created = result >= 0;
    if (result < 0) {
        (void)snprintf(track->error, sizeof track->error, "%.*s", (int)sizeof track->error - 1, error.text);
    } else {
        atomic_fetch_add(&node->in_state[0], 1);
    }
    return result;
}

static int32_t node_dispatch(void *ctx, uint64_t deal, const dealfsm_event *event)
{
    const host_node *node = ctx;
    return dealfsm_host_dispatch(node->host, deal, event, NULL, NULL);
}

static int32_t node_complete(void *ctx, const dealfsm_answer *answer)
{
    const host_node *node = ctx;
    return dealfsm_host_complete(node->host, answer, NULL);
}

static int32_t node_retry(void *ctx, uint64_t deal)
{
    const host_node *node = ctx;
    return dealfsm_host_retry(node->host, deal, NULL, NULL);
}

/* ---- What the machine tells */

static void trace_line(void *ctx, uint64_t deal, uint64_t microseconds, const char *text)
{
    const host_node *node = ctx;
    (void)fprintf(node->options->json ? stderr : stdout, "%10" PRIu64 ".%06" PRIu64 " s  deal %" PRIu64 "  %s\n",
                  microseconds / 1000000, microseconds % 1000000, deal, text);
}

static void trace_notice(host_node *node, const dealfsm_notice *notice)
{
    char text[256];
    const char *from = host_state_name(node, notice->from);
    const char *event = host_event_name(node, notice->event->event);
    if (notice->kind == DEALFSM_NOTICE_APPLIED) {
        (void)snprintf(text, sizeof text, "%s: %s -> %s", event, from, host_state_name(node, notice->to));
    } else {
        (void)snprintf(text, sizeof text, "%s in %s %s: %s", event, from,
                       notice->kind == DEALFSM_NOTICE_REFUSED ? "refused" : "terminated", notice->reason_text);
    }
    trace_line(node, notice->deal, world_now(node->world, notice->deal), text);
}

static void note_refusal(host_track *track, const dealfsm_notice *notice)
{
    track->refusals++;
    track->refused_event = notice->event->event;
    track->refused_state = notice->from;
    if (notice->event->event == DEALFSM_ClientEventPaymentSent) {
        track->payment_refused = true;
    }
}

/* Adds what is new of a deal to the sums that the progress line shows. */
static void add_up(host_node *node, host_track *track, const dealfsm_record *record)
{
    mpz_t spent;
    mpz_init(spent);
    text_amount_import(spent, record->funds_spent, record->funds_spent_len);
    mpz_fdiv_q_ui(spent, spent, 1000000000);
    uint64_t nano = mpz_get_ui(spent);
    mpz_clear(spent);
    atomic_fetch_add(&node->nano_fil_spent, nano - track->spent);
    atomic_fetch_add(&node->bytes_received, record->total_received - track->received);
    track->spent = nano;
    track->received = record->total_received;
}

static void node_notify(void *ctx, const dealfsm_notice *notice)
{
    host_node *node = ctx;
    if (notice->deal == 0 || notice->deal > node->deals) {
        return;
    }
    host_track *track = &node->tracks[notice->deal - 1];
    atomic_fetch_add(&node->notices, 1);
    if (notice->kind != DEALFSM_NOTICE_APPLIED) {
        note_refusal(track, notice);
    } else if (notice->from < HOST_STATES && notice->to < HOST_STATES) {
        atomic_fetch_sub(&node->in_state[notice->from], 1);
        atomic_fetch_add(&node->in_state[notice->to], 1);
        if (node->progress) {
            add_up(node, track, notice->record);
        }
    }
    if (node->options->trace) {
        trace_notice(node, notice);
    }
}

/* What the machine logs: errors on standard error, the rest is part of the trace. */
static void node_log(void *ctx, uint32_t level, uint64_t deal, const char *text)
{
    host_node *node = ctx;
    bool ours = deal > 0 && deal <= node->deals;
    if (level <= DEALFSM_LOG_ERROR) {
        (void)fprintf(stderr, "dealfsm-host: deal %" PRIu64 ": %s\n", deal, text);
    } else if (node->options->trace && ours) {
        trace_line(node, deal, world_now(node->world, deal), text);
    }
}

/* ---- Opening */

/* ../lib/dealfsm beside the program, so that an install may be moved; else the directory it was configured for. */
static void default_module(char path[PATH_MAX])
{
    char exe[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", exe, sizeof exe - 1);
    char *slash = NULL;
    if (len > 0) {
        exe[len] = '\0';
        slash = strrchr(exe, '/');
    }
    if (slash != NULL) {
        *slash = '\0';
        int got = snprintf(path, PATH_MAX, "%s/../lib/dealfsm/%s", exe, DEFAULT_MODULE);
        if (got > 0 && got < PATH_MAX && access(path, R_OK) == 0) {
            return;
        }
    }
    (void)snprintf(path, PATH_MAX, "%s/%s", DEALFSM_MODULE_DIR, DEFAULT_MODULE);
}

static int complain(int code, const char *what, const dealfsm_error *error)
{
    (void)fprintf(stderr, "dealfsm-host: %s: %s\n", what, error->text);
    return code;
}

static int load_module(host_node *node)
{
    char path[PATH_MAX];
    dealfsm_error error = {.struct_size = sizeof error};
    dealfsm_module *module;
    dealfsm_host_services services = {.struct_size = sizeof services, .environment = world_environment(node->world)};
    uint32_t generation;
    if (node->options->module == NULL) {
        default_module(path);
    } else {
        (void)snprintf(path, sizeof path, "%s", node->options->module);
    }
    node->module.struct_size = sizeof node->module;
    if (dealfsm_host_load(node->host, path, &module, &error) < 0 ||
        dealfsm_host_module_info(module, &node->module, &error) < 0) {
        return complain(HOST_MODULE, path, &error);
    }
    if (node->module.describe == NULL || node->module.record == NULL) {
        (void)snprintf(error.text, sizeof error.text, "expected a module that offers describe/1 and record/1");
        return complain(HOST_MODULE, path, &error);
    }
    learn_names(node);
    return dealfsm_host_open(node->host, module, &services, &generation, &error) < 0
               ? complain(HOST_MODULE, path, &error)
               : HOST_FINE;
}

/* The world is made before the module is known: what depends on the machine is told later. */
static bool make_world(host_node *node)
{
    world_options options = {.scenario = node->scenario,
                             .deals = node->deals,
                             .seed = node->seed,
                             .threads = node->options->threads,
                             .sync = node->options->sync,
                             .ctx = node,
                             .trace = node->options->trace ? trace_line : NULL};
    node->world = world_new(&options);
    node->tracks = calloc(node->deals, sizeof *node->tracks);
    return node->world != NULL && node->tracks != NULL;
}

int host_node_open(host_node *node, const host_options *options, const scenario *s)
{
    dealfsm_error error = {.struct_size = sizeof error};
    dealfsm_host_options host = {.struct_size = sizeof host, .threads = 1, .log = &node->log};
    dealfsm_subscription all = {.struct_size = sizeof all,
                                .flags = DEALFSM_SUBSCRIBE_ALL | DEALFSM_SUBSCRIBE_REFUSALS,
                                .ctx = node,
                                .notify = node_notify};
    uint64_t subscription;
    node->log = (dealfsm_log_v1){.struct_size = sizeof node->log, .ctx = node, .log = node_log};
    node->options = options;
    node->scenario = s;
    node->deals = options->deals > 0 ? options->deals : s->deals;
    node->seed = options->has_seed ? options->seed : s->seed;
    if (!make_world(node)) {
        (void)fprintf(stderr, "dealfsm-host: out of memory for %" PRIu64 " deals\n", node->deals);
        return HOST_FAILED;
    }
    if (dealfsm_host_new(&host, &node->host, &error) < 0) {
        return complain(HOST_FAILED, "cannot make a host", &error);
    }
    int code = load_module(node);
    if (code == HOST_FINE && dealfsm_host_subscribe(node->host, &all, &subscription, &error) < 0) {
        code = complain(HOST_FAILED, "cannot subscribe", &error);
    }
    world_adapt(node->world, node->events[DEALFSM_ClientEventProviderCancelled] != NULL,
                node->events[DEALFSM_ClientEventVoucherShortfall] != NULL);
    return code;
}

/* ---- Running */

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    world *w = (world *)atomic_load(&running);
    if (w != NULL) {
        world_stop(w);
    }
}

void host_node_run(host_node *node)
{
    world_machine machine = {
        .ctx = node, .create = node_create, .dispatch = node_dispatch, .complete = node_complete, .retry = node_retry};
    struct sigaction interrupt = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};
    struct sigaction before;
    atomic_store(&running, (uintptr_t)node->world);
    (void)sigaction(SIGINT, &interrupt, &before);
    host_progress *progress = host_progress_start(node);
    world_run(node->world, &machine);
    host_progress_end(progress);
    (void)sigaction(SIGINT, &before, NULL);
    atomic_store(&running, (uintptr_t)NULL);
}

/* ---- Closing */

/* An op that nobody will answer any more is given up, so that the machine can be closed. */
static void give_up(const host_node *node, uint64_t deal)
{
    static const char text[] = "the node is closing";
    dealfsm_deal state = {.struct_size = sizeof state};
    while (dealfsm_host_query(node->host, deal, &state, NULL) >= 0 && (state.flags & DEALFSM_DEAL_OP_OPEN) != 0) {
        dealfsm_answer answer = {.struct_size = sizeof answer,
                                 .op = state.open_op,
                                 .deal = deal,
                                 .sequence = state.open_sequence,
                                 .nth = state.open_nth,
                                 .outcome = DEALFSM_ANSWER_ERROR,
                                 .text = text,
                                 .text_len = sizeof text - 1};
        if (dealfsm_host_complete(node->host, &answer, NULL) < 0) {
            return;
        }
        state = (dealfsm_deal){.struct_size = sizeof state};
    }
}

int host_node_close(host_node *node)
{
    dealfsm_error error = {.struct_size = sizeof error};
    int code = HOST_FINE;
    if (node->world != NULL) {
        world_close(node->world);
    }
    for (uint64_t i = 0; node->tracks != NULL && i < node->deals; i++) {
        if (node->tracks[i].created) {
            give_up(node, i + 1);
        }
    }
    if (dealfsm_host_free(node->host, &error) < 0) {
        return complain(HOST_FAILED, "cannot close the host", &error); /* the machine may still use the world */
    }
    world_free(node->world);
    free(node->tracks);
    return code;
}
