/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The node: loads the module, opens a machine with the world as its environment, hears what becomes of the deals. */

#include "host.h"
#include "paper.h"
#include "world_file.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STORE_THREADS = 16 }; /* one commit of a store serves many deals at a time */

static atomic_uintptr_t running;  /* the runner that signals stop */
static atomic_uintptr_t swapping; /* what SIGHUP tells */

/* ---- Names, from describe/1 */

void host_learn_names(host_node *node, const dealfsm_describe_v1 *describe)
{
    dealfsm_state_info state = {.struct_size = sizeof state};
    for (uint32_t i = 0; describe->state(i, &state) == DEALFSM_OK; i++) {
        if (state.status < HOST_STATES) {
            node->states[state.status] = state.name;
            node->final[state.status] = node->final[state.status] || state.is_final != 0;
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

/* ---- What the machine tells */

static void trace_line(void *ctx, uint64_t deal, uint64_t microseconds, const char *text)
{
    const host_node *node = ctx;
    const paper out = {.out = node->options->json ? stderr : stdout};
    errno = 0;
    flockfile(out.out);
    int column = fprintf(out.out, "%10" PRIu64 ".%06" PRIu64 " s  deal %" PRIu64 "  ", microseconds / 1000000,
                         microseconds % 1000000, deal);
    paper_wrap(&out, INK_PLAIN, column > 0 ? (size_t)column : 0, column > 0 ? (size_t)column : 0, text);
    bool unread = ferror(out.out) != 0 && errno == EPIPE;
    funlockfile(out.out);
    if (unread && node->runner != NULL) {
        runner_stop(node->runner); /* nobody reads any more: as if interrupted */
    }
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
    trace_line(node, notice->deal, runner_now(node->runner, notice->deal), text);
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
        if (node->final[notice->to]) {
            host_swap_ended(node->swap, notice->deal);
        }
        if (node->progress) {
            add_up(node, track, notice->record);
        }
    }
    if (node->options->trace) {
        trace_notice(node, notice);
    }
}

/* What the machine logs: errors on standard error, the rest is part of the trace. Deal 0: what a store says of itself. */
static void node_log(void *ctx, uint32_t level, uint64_t deal, const char *text)
{
    host_node *node = ctx;
    bool ours = deal > 0 && deal <= node->deals;
    if (deal == 0 && level <= DEALFSM_LOG_WARNING) {
        (void)fprintf(stderr, "dealfsm-host: %s\n", text);
    } else if (level <= DEALFSM_LOG_ERROR) {
        (void)fprintf(stderr, "dealfsm-host: deal %" PRIu64 ": %s\n", deal, text);
    } else if (node->options->trace && ours && node->runner != NULL) {
        trace_line(node, deal, runner_now(node->runner, deal), text);
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
        int got = snprintf(path, PATH_MAX, "%s/../lib/dealfsm/" DEALFSM_DEFAULT_MODULE, exe);
        if (got > 0 && got < PATH_MAX && access(path, R_OK) == 0) {
            return;
        }
    }
    (void)snprintf(path, PATH_MAX, "%s", DEALFSM_MODULE_DIR "/" DEALFSM_DEFAULT_MODULE);
}

int host_complain(int code, const char *what, const char *why)
{
    (void)fprintf(stderr, "dealfsm-host: %s%s%s\n", what != NULL ? what : "", what != NULL ? ": " : "", why);
    return code;
}

static int load_module(host_node *node, dealfsm_module **module)
{
    char path[PATH_MAX];
    dealfsm_error error = {.struct_size = sizeof error};
    if (node->options->module == NULL) {
        default_module(path);
    } else {
        (void)snprintf(path, sizeof path, "%s", node->options->module);
    }
    node->module.struct_size = sizeof node->module;
    if (dealfsm_host_load(node->host, path, module, &error) < 0 ||
        dealfsm_host_module_info(*module, &node->module, &error) < 0) {
        return host_complain(HOST_MODULE, NULL, error.text); /* it names the file */
    }
    node->swap = host_swap_new(node);
    return node->swap != NULL ? HOST_FINE : HOST_MODULE;
}

/* The machine's puts wait for the disk: when a call has returned, what it did is durable. Threads make the store
 * busy. */
int32_t host_open_generation(host_node *node, dealfsm_module *module, uint32_t flags, uint32_t *generation,
                             dealfsm_error *error)
{
    dealfsm_host_services services = {.struct_size = sizeof services,
                                      .environment = runner_environment(node->runner),
                                      .store = node->store != NULL ? dealfsm_store_service(node->store) : NULL,
                                      .flags = flags};
    return dealfsm_host_open(node->host, module, &services, generation, error);
}

static int open_machines(host_node *node)
{
    dealfsm_error error = {.struct_size = sizeof error};
    dealfsm_subscription all = {.struct_size = sizeof all,
                                .flags = DEALFSM_SUBSCRIBE_ALL | DEALFSM_SUBSCRIBE_REFUSALS,
                                .ctx = node,
                                .notify = node_notify};
    uint64_t subscription;
    if (!host_swap_open(node->swap)) {
        return HOST_MODULE;
    }
    if (dealfsm_host_subscribe(node->host, &all, &subscription, &error) < 0) {
        return host_complain(HOST_FAILED, "cannot subscribe", error.text);
    }
    return HOST_FINE;
}

/* ---- The world, here or in its own process */

/* As many deals as were asked for, or as many as there are already. */
static int count_deals(host_node *node, const char *books)
{
    world_file_info info = {0};
    text_why why;
    if (books != NULL && !world_file_info_of(books, &info, &why)) {
        return host_complain(HOST_FAILED, "the world", why.text);
    }
    node->deals = node->options->deals > 0 ? node->options->deals : node->scenario->deals;
    node->deals = info.deals > node->deals ? info.deals : node->deals;
    node->deals = node->last_row > node->deals ? node->last_row : node->deals;
    free(info.scenario);
    return HOST_FINE;
}

static bool begin_world(host_node *node, const world_options *options, const char *books, text_why *why)
{
    char *of = scenario_text(node->options->scenario);
    bool ok = of != NULL || text_refuse(why, "%s: cannot be read again", node->options->scenario);
    if (ok && node->options->world != NULL) {
        node->client = world_client_open(node->options->world, why);
        ok = node->client != NULL && world_client_begin(node->client, of, options, node->rows, why);
    } else if (ok) {
        ok = (books == NULL || world_file_open(node->world, books, of, why)) &&
             world_begin(node->world, node->rows, why);
    }
    free(of);
    return ok;
}

static int open_world(host_node *node, const char *books)
{
    text_why why;
    world_options options = {.scenario = node->scenario,
                             .deals = node->deals,
                             .seed = node->seed,
                             .ctx = node,
                             .trace = node->options->trace ? trace_line : NULL,
                             .wait = host_wait};
    node->world = world_new(&options);
    if (node->world == NULL) {
        return host_complain(HOST_FAILED, "the world", "out of memory");
    }
    if (!begin_world(node, &options, books, &why)) {
        bool nobody = node->options->world != NULL && (node->client == NULL || world_client_gone(node->client));
        return host_complain(nobody ? HOST_FAILED : HOST_BOOKS, "the world", why.text);
    }
    runner_options running_options = {.link = node->client != NULL ? world_client_link(node->client)
                                                                   : world_local(node->world),
                                      .world = node->world,
                                      .deals = node->deals,
                                      .threads = node->options->threads != 0 ? node->options->threads
                                                 : node->store != NULL       ? STORE_THREADS
                                                                             : 1,
                                      .sync = node->options->sync,
                                      .ctx = node,
                                      .trace = options.trace};
    node->runner = runner_new(&running_options);
    return node->runner != NULL ? HOST_FINE : host_complain(HOST_FAILED, "the world", "out of memory");
}

/* Store, deals, world: in this order, as each needs what the one before has. */
static int open_parts(host_node *node)
{
    int code = node->options->store != NULL ? host_store_open(node) : HOST_FINE;
    char *books =
        code == HOST_FINE && node->store != NULL && node->options->world == NULL ? host_store_books(node) : NULL;
    code = code == HOST_FINE ? count_deals(node, books) : code;
    if (code == HOST_FINE) {
        node->tracks = calloc(node->deals, sizeof *node->tracks);
        node->rows = calloc(node->deals, sizeof *node->rows);
        code = node->tracks != NULL && node->rows != NULL ? HOST_FINE
                                                          : host_complain(HOST_FAILED, "the deals", "out of memory");
    }
    code = code == HOST_FINE && node->store != NULL ? host_store_rows(node) : code;
    code = code == HOST_FINE ? open_world(node, books) : code;
    free(books);
    return code;
}

int host_node_open(host_node *node, const host_options *options, const scenario *s)
{
    dealfsm_error error = {.struct_size = sizeof error};
    dealfsm_host_options host = {.struct_size = sizeof host, .threads = 1, .log = &node->log};
    dealfsm_module *module = NULL;
    node->log = (dealfsm_log_v1){.struct_size = sizeof node->log, .ctx = node, .log = node_log};
    node->options = options;
    node->scenario = s;
    node->seed = options->has_seed ? options->seed : s->seed;
    if (dealfsm_host_new(&host, &node->host, &error) < 0) {
        return host_complain(HOST_FAILED, "cannot make a host", error.text);
    }
    int code = load_module(node, &module);
    code = code == HOST_FINE ? open_parts(node) : code;
    return code == HOST_FINE ? open_machines(node) : code;
}

/* ---- Running */

static void on_signal(int signal_number)
{
    (void)signal_number;
    runner *r = (runner *)atomic_load(&running);
    if (r != NULL) {
        runner_stop(r);
    }
}

static void on_hup(int signal_number)
{
    (void)signal_number;
    host_swap *s = (host_swap *)atomic_load(&swapping);
    if (s != NULL) {
        host_swap_hup(s);
    }
}

int host_node_run(host_node *node)
{
    runner_machine machine = host_machine(node);
    struct sigaction stop = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    struct sigaction hup = {.sa_handler = on_hup, .sa_flags = SA_RESTART};
    struct sigaction before[3];
    text_why why;
    atomic_store(&running, (uintptr_t)node->runner);
    (void)sigaction(SIGINT, &stop, &before[0]);
    (void)sigaction(SIGTERM, &stop, &before[1]);
    atomic_store(&swapping, (uintptr_t)node->swap);
    (void)sigaction(SIGHUP, &hup, &before[2]);
    host_progress *progress = host_progress_start(node);
    runner_run(node->runner, &machine);
    if (!runner_stopped(node->runner)) {
        host_swap_finish(node->swap);
    }
    host_progress_end(progress);
    if (node->takeover != NULL) {
        host_takeover_tell(node->takeover);
    }
    (void)sigaction(SIGINT, &before[0], NULL);
    (void)sigaction(SIGTERM, &before[1], NULL);
    (void)sigaction(SIGHUP, &before[2], NULL);
    atomic_store(&swapping, (uintptr_t)NULL);
    atomic_store(&running, (uintptr_t)NULL);
    if (node->client != NULL && !world_client_finish(node->client, node->world, &why)) {
        return host_complain(HOST_FAILED, "the world", why.text);
    }
    const char *broken = world_broken(node->world);
    return broken == NULL ? HOST_FINE : host_complain(HOST_FAILED, "the world", broken);
}

/* ---- Closing */

int host_node_close(host_node *node)
{
    dealfsm_error error = {.struct_size = sizeof error};
    if (node->runner != NULL) {
        runner_close(node->runner);
    }
    if (dealfsm_host_abandon(node->host, &error) < 0) {
        return host_complain(HOST_FAILED, "cannot close the host",
                             error.text); /* the machine may still use the world */
    }
    int code = HOST_FINE;
    if (node->store != NULL && dealfsm_store_close(node->store, &error) < 0) {
        code = host_complain(HOST_FAILED, "cannot close the store", error.text);
    }
    host_swap_free(node->swap);
    host_takeover_free(node->takeover);
    runner_free(node->runner);
    world_client_close(node->client);
    world_free(node->world);
    free(node->rows);
    free(node->tracks);
    return code;
}
