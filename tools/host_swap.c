/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* When a swap is due, and how it goes on from there. */

#include "host_swap.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host.h"

enum { LOOKS = 64 }; /* every so many steps all deals are looked at, whether a swap can be confirmed */

/* Where the present swap stands. */
typedef enum stage {
    IDLE,      /* the next --swap-to is waited for */
    PREPARING, /* deals that are not at rest have yet to be tried */
    CANARIES,  /* the first deals have moved, and are watched */
    COMMITTING,
    WATCHING, /* all have moved that can; until it is confirmed, or taken back */
    REVERTING,
} stage;

typedef struct side {
    dealfsm_module *module;
    dealfsm_module_info info;
    uint32_t generation; /* 0: not open */
    const char *path;
    bool follows; /* some of its deals stayed there when they came back; they move when they can */
} side;

struct host_swap {
    host_node *node;
    pthread_mutex_t lock; /* guards all below but the atomics */
    side *sides;          /* 0: --module; then one for each --swap-to; then those that SIGHUP found */
    size_t sides_count;
    size_t current; /* has the deals */
    size_t from;    /* of the present swap: `current`, or what follows it */
    atomic_bool all_back;
    atomic_bool moving;      /* a swap is under way, up or down */
    unsigned next;           /* --swap-to */
    host_swap_option option; /* of the present swap */
    size_t target;
    dealfsm_swap *swap;
    stage stage;
    atomic_bool hup;
    atomic_uint goal;           /* generation that the present swap goes to */
    atomic_bool *moved;         /* of deals 1 …: in the present swap */
    atomic_uint_fast64_t ended; /* of those that moved, so many have ended since */
    unsigned looks;             /* at a swap that waits to be confirmed */
};

/* ---- What is asked of a deal */

static uint64_t percent_ended(const host_node *node)
{
    uint64_t ended = 0;
    for (int i = 0; i < HOST_STATES; i++) {
        ended += node->final[i] ? atomic_load(&node->in_state[i]) : 0;
    }
    return ended * 100 / node->deals;
}

static void note_deal(void *ctx, uint64_t deal, uint32_t generation, uint32_t verdict, uint64_t pause)
{
    host_swap *s = ctx;
    (void)pause;
    if (generation != atomic_load(&s->goal) && verdict == DEALFSM_SWAP_MOVED) {
        return; /* it had stayed in a swap before this one */
    }
    if (deal >= 1 && deal <= s->node->deals) {
        atomic_store(&s->moved[deal - 1], verdict == DEALFSM_SWAP_MOVED);
    }
}

void host_swap_ended(host_swap *s, uint64_t deal)
{
    if (atomic_load(&s->moved[deal - 1])) {
        atomic_fetch_add(&s->ended, 1);
    }
}

/* Deals are on their way: no need to go over all of them again. */
static bool is_moving(const host_swap *s)
{
    dealfsm_swap_progress now = {.struct_size = sizeof now};
    return dealfsm_swap_look(s->swap, &now, NULL) >= 0 && now.count[DEALFSM_SWAP_MOVING] > 0;
}

/* ---- Telling */

static const char *version_of(const host_swap *s, size_t which)
{
    return s->sides[which].info.manifest->machine_version;
}

static void say(const host_swap *s, const char *what)
{
    (void)fprintf(stderr, "dealfsm-host: swap from %s to %s: %s\n", version_of(s, s->from), version_of(s, s->target),
                  what);
}

static void say_counts(const host_swap *s, const char *what)
{
    char text[256];
    dealfsm_swap_progress now = {.struct_size = sizeof now};
    (void)dealfsm_swap_look(s->swap, &now, NULL);
    (void)snprintf(text, sizeof text,
                   "%s: %" PRIu64 " moved, %" PRIu64 " stay for now, %" PRIu64 " cannot, %" PRIu64
                   " had ended; longest pause "
                   "%" PRIu64 " us",
                   what, now.count[DEALFSM_SWAP_MOVED], now.count[DEALFSM_SWAP_STAYS], now.count[DEALFSM_SWAP_REFUSED],
                   now.count[DEALFSM_SWAP_ENDED], now.longest_pause / 1000);
    say(s, text);
}

/* ---- Going on */

/* What stays after the last phase moves when it can: then the swap is left to dealfsm_host_abandon. */
static void end_swap(host_swap *s)
{
    dealfsm_swap_progress now = {.struct_size = sizeof now};
    s->stage = IDLE;
    atomic_store(&s->moving, false);
    if (dealfsm_swap_look(s->swap, &now, NULL) >= 0 && now.phase == DEALFSM_SWAP_FINAL &&
        now.count[DEALFSM_SWAP_STAYS] > 0) {
        s->swap = NULL;
        return;
    }
    if (dealfsm_swap_end(s->swap, NULL) < 0) {
        say(s, "deals are still on their way"); /* dealfsm_host_free ends it */
    }
    s->swap = NULL;
}

static void prepare(host_swap *s)
{
    dealfsm_error error = {.struct_size = sizeof error};
    int32_t result = dealfsm_swap_go(s->swap, DEALFSM_SWAP_PREPARED, &error);
    if (result < 0) {
        say(s, error.text);
        end_swap(s);
    }
    if (result == DEALFSM_OK) {
        say_counts(s, s->option.canary > 0 ? "prepared; the first deals move" : "prepared; all deals move");
        s->stage = s->option.canary > 0 ? CANARIES : COMMITTING;
    }
}

static void begin(host_swap *s)
{
    dealfsm_error error = {.struct_size = sizeof error};
    dealfsm_swap_options options = {.struct_size = sizeof options,
                                    .keep_refused = s->option.keep_refused,
                                    .canary = s->option.canary,
                                    .confirm = s->option.confirm,
                                    .ctx = s,
                                    .deal = note_deal};
    for (uint64_t i = 0; i < s->node->deals; i++) {
        atomic_store(&s->moved[i], false);
    }
    atomic_store(&s->ended, 0);
    s->looks = 0;
    atomic_store(&s->goal, s->sides[s->target].generation);
    atomic_store(&s->moving, true);
    int32_t result = dealfsm_swap_begin(s->node->host, s->sides[s->from].generation, s->sides[s->target].generation,
                                        &options, &s->swap, &error);
    if (result < 0) {
        say(s, error.text);
        atomic_store(&s->moving, false);
        return;
    }
    s->stage = PREPARING;
    prepare(s);
}

static void finalize(host_swap *s, bool finishing)
{
    bool final = dealfsm_swap_go(s->swap, DEALFSM_SWAP_FINAL, NULL) == DEALFSM_OK;
    if (final || finishing) {
        say_counts(s, final ? "final" : "not confirmed in this run");
        s->current = s->target;
        end_swap(s);
    }
}

static void watch_canaries(host_swap *s, bool finishing)
{
    dealfsm_error error = {.struct_size = sizeof error};
    int32_t result = dealfsm_swap_go(s->swap, DEALFSM_SWAP_CANARY, &error);
    if (result < 0) {
        say(s, error.text);
    }
    if (finishing || (result == DEALFSM_OK && atomic_load(&s->ended) >= s->option.confirm)) {
        say_counts(s, "the first deals are well; the others move");
        s->stage = COMMITTING;
    }
}

static void commit(host_swap *s)
{
    dealfsm_error error = {.struct_size = sizeof error};
    int32_t result = dealfsm_swap_go(s->swap, DEALFSM_SWAP_COMMITTED, &error);
    if (result < 0) {
        say(s, error.text);
    }
    if (result == DEALFSM_OK) {
        say_counts(s, "committed");
        s->stage = WATCHING;
    }
}

static void watch(host_swap *s, bool finishing)
{
    dealfsm_error error = {.struct_size = sizeof error};
    if (s->option.revert_at > 0) {
        s->stage = finishing || percent_ended(s->node) >= s->option.revert_at ? REVERTING : WATCHING;
        return;
    }
    if (!finishing && (atomic_load(&s->ended) < s->option.confirm || s->looks++ % LOOKS != 0)) {
        return;
    }
    int32_t result = dealfsm_swap_go(s->swap, DEALFSM_SWAP_CONFIRMED, &error);
    if (result == DEALFSM_OK || finishing) {
        finalize(s, finishing);
    } else if (result < 0 && result != DEALFSM_E_STATE) { /* STATE: one is stalled now, which its retry mends */
        say(s, error.text);
    }
}

static void revert(host_swap *s)
{
    dealfsm_error error = {.struct_size = sizeof error};
    int32_t result = dealfsm_swap_revert(s->swap, &error);
    if (result < 0) {
        say(s, error.text);
    }
    if (result != DEALFSM_ACCEPTED) {
        say_counts(s, "taken back");
        end_swap(s);
    }
}

/* Begins the swap that brings on what stayed behind when the deals came back. False: there is none. */
static bool follow(host_swap *s)
{
    for (size_t i = 0; atomic_load(&s->all_back) && i < s->sides_count; i++) {
        if (s->sides[i].follows) {
            s->sides[i].follows = false;
            s->option = (host_swap_option){.keep_refused = true};
            s->from = i;
            s->target = s->current;
            begin(s);
            return true;
        }
    }
    atomic_store(&s->all_back, false);
    return false;
}

/* What is due next in the stage; true: another stage has come, look again. */
static bool advance(host_swap *s, bool finishing)
{
    if (s->swap != NULL && s->stage != WATCHING && is_moving(s)) {
        return false;
    }
    const stage before = s->stage;
    const unsigned next = s->next;
    switch (s->stage) {
    case IDLE:
        if (follow(s)) {
            return true;
        }
        if (s->next < s->node->options->swaps_count &&
            (finishing || percent_ended(s->node) >= s->node->options->swaps[s->next].at)) {
            s->option = s->node->options->swaps[s->next++];
            s->from = s->current;
            s->target = s->next;
            begin(s);
        }
        break;
    case PREPARING:
        prepare(s);
        break;
    case CANARIES:
        watch_canaries(s, finishing);
        break;
    case COMMITTING:
        commit(s);
        break;
    case WATCHING:
        watch(s, finishing);
        break;
    case REVERTING:
        revert(s);
        break;
    }
    return s->stage != before || s->next != next;
}

/* ---- Modules */

static side *add_side(host_swap *s, const char *path)
{
    dealfsm_error error = {.struct_size = sizeof error};
    side *more = realloc(s->sides, (s->sides_count + 1) * sizeof *more);
    if (more == NULL) {
        return NULL;
    }
    s->sides = more;
    side *made = &s->sides[s->sides_count];
    *made = (side){.path = path, .info = {.struct_size = sizeof made->info}};
    if (dealfsm_host_load(s->node->host, path, &made->module, &error) < 0 ||
        dealfsm_host_module_info(made->module, &made->info, &error) < 0) {
        (void)host_complain(HOST_MODULE, NULL, error.text); /* it names the file */
        return NULL;
    }
    if (made->info.describe == NULL || made->info.record == NULL) {
        (void)host_complain(HOST_MODULE, path, "expected a module that offers describe/1 and record/1");
        return NULL;
    }
    host_learn_names(s->node, made->info.describe);
    s->sides_count++;
    return made;
}

static bool open_side(host_swap *s, side *which)
{
    dealfsm_error error = {.struct_size = sizeof error};
    if (host_open_generation(s->node, which->module, DEALFSM_HOST_ASIDE, &which->generation, &error) < 0) {
        (void)host_complain(HOST_MODULE, which->path, error.text);
        return false;
    }
    return true;
}

/* The file under the path of the present module is another one now: it is swapped to, as with --keep-refused. */
static void look_at_file(host_swap *s)
{
    const char *path = s->sides[s->current].path;
    const dealfsm_module *before = s->sides[s->current].module;
    side *found = add_side(s, path);
    if (found == NULL) {
        return;
    }
    if (found->module == before) {
        (void)fprintf(stderr, "dealfsm-host: %s is what it was\n", path);
        s->sides_count--;
    } else if (open_side(s, found)) {
        s->option = (host_swap_option){.module = path, .keep_refused = true};
        s->from = s->current;
        s->target = s->sides_count - 1;
        begin(s);
    }
}

/* ---- For the node */

host_swap *host_swap_new(host_node *node)
{
    host_swap *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return NULL;
    }
    s->node = node;
    pthread_mutex_init(&s->lock, NULL);
    bool ok = add_side(s, node->module.path) != NULL;
    for (unsigned i = 0; ok && i < node->options->swaps_count; i++) {
        ok = add_side(s, node->options->swaps[i].module) != NULL;
    }
    if (!ok) {
        host_swap_free(s);
        return NULL;
    }
    return s;
}

/* "client 1.0.9" is in dealfsm-client-1.0.9.so, beside the module of the node. */
static char *path_beside(const host_swap *s, const char *machine_version)
{
    const char *path = s->sides[0].path;
    const char *slash = strrchr(path, '/');
    int folder = slash != NULL ? (int)(slash - path + 1) : 0;
    char *beside = NULL;
    if (asprintf(&beside, "%.*sdealfsm-%s.so", folder, path, machine_version) < 0) {
        return NULL;
    }
    for (char *c = beside + folder; *c != '\0'; c++) {
        *c = *c == ' ' || *c == '/' ? '-' : *c;
    }
    return beside;
}

bool host_swap_need(host_swap *s, const char *machine_version)
{
    if (host_swap_module(s, machine_version) != NULL) {
        return true;
    }
    char *path = path_beside(s, machine_version);
    side *made = path != NULL && access(path, R_OK) == 0 ? add_side(s, path) : NULL;
    if (made != NULL) {
        made->path = made->info.path;
    }
    if (host_swap_module(s, machine_version) == NULL) {
        (void)fprintf(stderr,
                      "dealfsm-host: the store has deals of \"%s\": expected its module as %s, found none: install it "
                      "there, or give its file with --swap-to\n",
                      machine_version, path != NULL ? path : "a file");
    }
    free(path);
    return host_swap_module(s, machine_version) != NULL;
}

bool host_swap_open(host_swap *s)
{
    dealfsm_error error = {.struct_size = sizeof error};
    bool ok = host_open_generation(s->node, s->sides[0].module, 0, &s->sides[0].generation, &error) >= 0;
    if (!ok) {
        (void)host_complain(HOST_MODULE, s->sides[0].path, error.text);
    }
    for (size_t i = 1; ok && i < s->sides_count; i++) {
        ok = open_side(s, &s->sides[i]);
    }
    s->moved = calloc(s->node->deals, sizeof *s->moved);
    return ok && s->moved != NULL;
}

static bool knows(const side *which, uint32_t event)
{
    dealfsm_event_info info = {.struct_size = sizeof info};
    for (uint32_t i = 0; which->info.describe->event(i, &info) == DEALFSM_OK; i++) {
        if (info.event == event && info.has_transition != 0) {
            return true;
        }
    }
    return false;
}

bool host_swap_knows(const host_swap *s, uint64_t deal, uint32_t event)
{
    uint32_t generation = 0;
    const bool moving = atomic_load(&s->moving);
    (void)dealfsm_host_route(s->node->host, deal, &generation, NULL);
    for (size_t i = 0; i < s->sides_count; i++) {
        if ((moving || s->sides[i].generation == generation) && !knows(&s->sides[i], event)) {
            return false;
        }
    }
    return true;
}

uint32_t host_swap_own(const host_swap *s)
{
    return s->sides[0].generation;
}

/* The sides do not change before all deals are back, but for those that SIGHUP finds. */
void host_swap_follow(host_swap *s, const char *machine_version)
{
    pthread_mutex_lock(&s->lock);
    for (size_t i = 1; i < s->sides_count; i++) {
        if (strcmp(version_of(s, i), machine_version) == 0) {
            s->sides[i].follows = true;
            break;
        }
    }
    pthread_mutex_unlock(&s->lock);
}

void host_swap_all_back(host_swap *s)
{
    atomic_store(&s->all_back, true);
}

void host_swap_look(host_swap *s)
{
    bool nothing_left = s->next >= s->node->options->swaps_count && !atomic_load(&s->hup) && !atomic_load(&s->all_back);
    if (pthread_mutex_trylock(&s->lock) != 0) {
        return;
    }
    if (!nothing_left || s->stage != IDLE) {
        if (s->stage == IDLE && atomic_exchange(&s->hup, false)) {
            look_at_file(s);
        }
        while (advance(s, false)) {
        }
    }
    pthread_mutex_unlock(&s->lock);
}

void host_swap_finish(host_swap *s)
{
    pthread_mutex_lock(&s->lock);
    while (advance(s, true)) {
    }
    pthread_mutex_unlock(&s->lock);
}

void host_swap_hup(host_swap *s)
{
    atomic_store(&s->hup, true);
}

void host_swap_versions(host_swap *s, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    if (pthread_mutex_trylock(&s->lock) != 0) {
        return;
    }
    for (size_t i = 0; s->sides_count > 1 && i < s->sides_count && used < size; i++) {
        dealfsm_counters now = {.struct_size = sizeof now};
        if (s->sides[i].generation != 0 &&
            dealfsm_host_counters(s->node->host, s->sides[i].generation, &now, NULL) >= 0) {
            used += (size_t)snprintf(text + used, size - used, "%s%s %" PRIu64, used > 0 ? ", " : "", version_of(s, i),
                                     now.deals);
        }
    }
    pthread_mutex_unlock(&s->lock);
}

int32_t host_swap_teach(const host_swap *s, dealfsm_store *store, dealfsm_error *error)
{
    int32_t result = DEALFSM_OK;
    for (size_t i = 0; result >= 0 && i < s->sides_count; i++) {
        result = dealfsm_store_teach(store, s->sides[i].info.functions, error);
    }
    return result;
}

const char *host_swap_version_of(const host_swap *s, uint64_t deal)
{
    uint32_t generation = 0;
    (void)dealfsm_host_route(s->node->host, deal, &generation, NULL);
    for (size_t i = 0; i < s->sides_count; i++) {
        if (s->sides[i].generation == generation) {
            return version_of(s, i);
        }
    }
    return "";
}

const dealfsm_module_info *host_swap_module(const host_swap *s, const char *machine_version)
{
    for (size_t i = s->sides_count; i-- > 0;) {
        if (strcmp(version_of(s, i), machine_version) == 0) {
            return &s->sides[i].info;
        }
    }
    return NULL;
}

void host_swap_free(host_swap *s)
{
    if (s == NULL) {
        return;
    }
    pthread_mutex_destroy(&s->lock);
    free(s->moved);
    free(s->sides);
    free(s);
}
