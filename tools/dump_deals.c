/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* `dealfsm-dump deals`: the deals of a store, a line each. */
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "dump.h"
#include "dump_store.h"
#include "text.h"

enum { FILTERS_MAX = 32, STUCK_MS = 3600 * 1000 };

typedef struct options {
    store_choice store;
    const char *status[FILTERS_MAX];
    const char *machine;
    const char *provider;
    text_bytes provider_name; /* in binary: a peer id or an address */
    size_t status_count;
    int64_t patience; /* milliseconds */
    bool stuck;
    bool watch;
} options;

enum { OPTION_STUCK = 256 };

static const struct argp_option argp_options[] = {
    {"status", 's', "STATE", 0, "Only deals in this state: a name or a number (default: all; may be given several times)", 0},
    {"provider", 'p', "NAME", 0, "Only deals with this provider: a peer id, or the address of its wallet (default: all)", 0},
    {"machine", 'v', "VERSION", 0, "Only deals of this machine version: \"client 0.5.6\", or 0.5.6 (default: all)", 0},
    {"stuck", OPTION_STUCK, "TIME", OPTION_ARG_OPTIONAL,
     "Only deals that cannot go on as they are, or have not changed for TIME, such as \"10 min\" (default: 1 h; 1 min "
     "where an event from outside was refused): why stands below each",
     0},
    {"watch", 'w', NULL, 0, "Go on: each second, show deals again that have changed, until interrupted", 0},
    {0}};

static void take_provider(options *o, const char *name, struct argp_state *state)
{
    text_why as_peer;
    text_why as_address;
    text_bytes_free(&o->provider_name);
    o->provider = name;
    if (!text_read_address(name, &o->provider_name, &as_address) &&
        !text_read_peer(name, &o->provider_name, &as_peer)) {
        argp_error(state, "--provider: expected a peer id (12D3Koo…) or an address (f0…), found \"%s\"", name);
    }
}

static void take_stuck(options *o, const char *time, struct argp_state *state)
{
    uint64_t microseconds = 0;
    text_why why;
    o->stuck = true;
    o->patience = STUCK_MS;
    if (time != NULL && !text_read_duration(time, &microseconds, &why)) {
        argp_error(state, "--stuck: %s", why.text);
    } else if (time != NULL) {
        o->patience = (int64_t)(microseconds / 1000);
    }
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    options *o = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &o->store;
        return 0;
    case 's':
        if (o->status_count == FILTERS_MAX) {
            argp_error(state, "expected at most %d --status", FILTERS_MAX);
        }
        o->status[o->status_count++] = arg;
        return 0;
    case 'p':
        take_provider(o, arg, state);
        return 0;
    case 'v':
        o->machine = arg;
        return 0;
    case OPTION_STUCK:
        take_stuck(o, arg, state);
        return 0;
    case 'w':
        o->watch = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&store_argp, 0, NULL, 0}, {0}};
static const struct argp argp = {argp_options,
                                 parse,
                                 "URL",
                                 "Shows the deals of a store, a line each: sqlite:FILE, also while a node runs; "
                                 "leveldb:DIR, from a private copy, when no node has it open; library:FILE.so:PLACE.\v"
                                 "Each row is read through the module of its machine version; one that no module is "
                                 "there for is named and shown as far as it can be. A damaged row is told on standard "
                                 "error; the others are shown.\n\n"
                                 "Exit status: 0 done; 1 a row is damaged, or it is no store; 2 wrong usage; 3 the "
                                 "store cannot be read, or no module is there.",
                                 children,
                                 NULL,
                                 NULL};

/* ---- What is shown */
typedef struct seen_deal {
    uint64_t deal;
    uint64_t revision;
} seen_deal;

typedef struct seen_list { /* ascending */
    seen_deal *list;
    size_t count;
    size_t room;
} seen_list;

typedef struct walk {
    const options *o;
    store_view *view;
    paper out;
    uint64_t rows;
    uint64_t shown;
    seen_list before; /* --watch: the round before this one, and this one */
    seen_list now;
    size_t at; /* in before */
    bool full; /* out of memory */
} walk;

static bool is_state(store_view *view, const deal_row *it, const char *wanted)
{
    uint64_t number;
    const char *name = past_state(view, it->row->status, it->row->status_name);
    return values_u64(wanted, &number) ? number == it->row->status
                                       : strcasecmp(wanted, name) == 0 || strcasecmp(wanted, brief_name(name)) == 0;
}

static bool is_machine(const char *version, const char *wanted)
{
    const size_t size = strlen(wanted);
    const size_t whole = version == NULL ? 0 : strlen(version);
    return whole >= size && strcmp(version + whole - size, wanted) == 0 &&
           (whole == size || version[whole - size - 1] == ' ');
}

static bool equal(const text_bytes *name, const uint8_t *data, uint64_t size)
{
    return size == name->len && memcmp(data, name->data, size) == 0;
}

static bool is_wanted(const walk *w, const deal_row *it)
{
    const options *o = w->o;
    bool state = o->status_count == 0;
    for (size_t i = 0; i < o->status_count && !state; i++) {
        state = is_state(w->view, it, o->status[i]);
    }
    return state && (o->machine == NULL || is_machine(it->row->machine_version, o->machine)) &&
           (o->provider == NULL ||
            (it->whole && (equal(&o->provider_name, it->record.sender, it->record.sender_len) ||
                           equal(&o->provider_name, it->record.miner_wallet, it->record.miner_wallet_len))));
}

static bool show_json(const walk *w, const deal_row *it, const char *why)
{
    json_t *json = deal_json(w->view, it);
    if (why != NULL && json != NULL) {
        json_object_set_new(json, "why", text_json(w->view->arena, why, strlen(why)));
    }
    return store_line(w->view, json);
}

/* ---- --watch: what was there before */
static bool remember(seen_list *all, uint64_t deal, uint64_t revision)
{
    if (all->count == all->room) {
        const size_t room = 2 * all->room + 1024;
        seen_deal *more = realloc(all->list, room * sizeof *more);
        if (more == NULL) {
            return false;
        }
        all->list = more;
        all->room = room;
    }
    all->list[all->count++] = (seen_deal){deal, revision};
    return true;
}

static bool has_changed(walk *w, const dealfsm_store_row *row)
{
    while (w->at < w->before.count && w->before.list[w->at].deal < row->deal) {
        w->at++;
    }
    const seen_deal *seen = w->at < w->before.count ? &w->before.list[w->at] : NULL;
    return seen == NULL || seen->deal != row->deal || seen->revision != row->revision;
}

/* ---- The walk */
static int32_t take_row(void *ctx, const dealfsm_store_row *row)
{
    walk *w = ctx;
    deal_row it;
    const char *why = NULL;
    w->rows++;
    if (w->o->watch) {
        w->full = !remember(&w->now, row->deal, row->revision);
        if (w->full || !has_changed(w, row)) {
            return w->full ? 1 : 0;
        }
    }
    values_arena_clear(w->view->arena);
    store_see(w->view, row, &it);
    if (!is_wanted(w, &it)) {
        return 0;
    }
    if (w->o->stuck) {
        deal_past past;
        if (strcmp(deal_waits(&it), "nothing") == 0) {
            return 0; /* most deals: their past need not be read */
        }
        store_past(w->view, &it, &past);
        if (!deal_is_stuck(w->view, &it, &past, w->o->patience)) {
            return 0;
        }
        why = deal_why(w->view, &it, &past);
    }
    w->shown++;
    if (w->o->store.json) {
        return show_json(w, &it, why) ? (store_tell_trouble(w->view, &it), 0) : 1;
    }
    deals_line(w->view, &w->out, &it);
    if (why != NULL) {
        deals_why(&w->out, why);
    } else {
        store_tell_trouble(w->view, &it);
    }
    return ferror(stdout) != 0 ? 1 : 0;
}

static void walk_once(walk *w)
{
    dealfsm_error error = {.struct_size = sizeof error};
    w->rows = w->shown = 0;
    w->at = 0;
    store_walked(w->view, dealfsm_store_rows(w->view->store, NULL, take_row, w, &error), &error);
    if (w->full) {
        fprintf(stderr, "%s: out of memory for the list of deals\n", w->view->command);
        store_status(w->view, DUMP_FAILED);
    }
}

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

/* Interrupted, it ends as usual: private copies of modules are removed. */
static void watch(walk *w)
{
    const struct sigaction action = {.sa_handler = interrupt};
    const struct timespec pause = {.tv_sec = 1};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    while (!interrupted && w->view->status != DUMP_FAILED && fflush(stdout) == 0) {
        const seen_list spare = w->before;
        struct timespec now;
        w->before = w->now;
        w->now = (seen_list){spare.list, 0, spare.room};
        if (nanosleep(&pause, NULL) == 0) {
            clock_gettime(CLOCK_REALTIME, &now);
            w->view->now = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
            walk_once(w);
        }
    }
}

static void show_all(store_view *view, const options *o)
{
    walk w = {.o = o, .view = view, .out = paper_on(stdout)};
    if (!o->store.json) {
        deals_heading(&w.out);
    }
    walk_once(&w);
    if (!o->store.json && !o->watch) {
        paper_line(&w.out, INK_HEADING, "%" PRIu64 " of %" PRIu64 " deals", w.shown, w.rows);
    }
    if (o->watch) {
        watch(&w);
    }
    free(w.before.list);
    free(w.now.list);
}

/* A state is asked for that no machine here has: it would show nothing, and say nothing. */
static bool states_are_known(const options *o, store_view *view)
{
    for (size_t i = 0; i < o->status_count; i++) {
        uint64_t number;
        bool known = values_u64(o->status[i], &number);
        for (size_t m = 0; m < view->modules->count && !known; m++) {
            const description *machine = &view->modules->list[m].machine;
            for (uint32_t s = 0; s < machine->states_count && !known; s++) {
                const char *name = words_status(view->arena, machine, machine->states[s].status);
                known = strcasecmp(name, o->status[i]) == 0 || strcasecmp(brief_name(name), o->status[i]) == 0;
            }
        }
        if (!known) {
            fprintf(stderr, "%s: --status: expected a state of the modules that are there, found \"%s\"\n",
                    view->command, o->status[i]);
            store_status(view, DUMP_USAGE);
            return false;
        }
    }
    return true;
}

/* Of a copy nothing changes. */
static bool can_be_watched(const options *o, store_view *view)
{
    dealfsm_error error = {.struct_size = sizeof error};
    dealfsm_store_stats stats = {.struct_size = sizeof stats};
    if (!o->watch) {
        return true;
    }
    store_walked(view, dealfsm_store_stats_of(view->store, &stats, &error), &error);
    if (stats.flags & DEALFSM_STATS_COPY) {
        fprintf(stderr,
                "%s: --watch: expected a store that can be read while a node runs, found one that is read from a "
                "copy: %s\n",
                view->command, view->url);
        store_status(view, DUMP_USAGE);
    }
    return view->status == DUMP_DONE;
}

static int run(int argc, char **argv)
{
    options o = {.patience = STUCK_MS};
    store_view view;
    argp_parse(&argp, argc, argv, 0, NULL, &o);
    if (store_open(&view, &o.store, argv[0]) && states_are_known(&o, &view) && can_be_watched(&o, &view)) {
        show_all(&view, &o);
    }
    store_close(&view, &o.store);
    text_bytes_free(&o.provider_name);
    return view.status;
}

const dump_command dump_deals_command = {"deals", "the deals of a store, a line each; those that are stuck, and why",
                                         run};
