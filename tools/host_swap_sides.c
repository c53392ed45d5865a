/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The modules that the node's deals are swapped from and to. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host_swap_inside.h"

/* ---- The list: nobody needs a lock to go over it */

static swap_side *after(const swap_side *side)
{
    return atomic_load(&side->next);
}

void swap_side_add(host_swap *s, swap_side *side)
{
    if (s->sides == NULL) { /* before there are other threads */
        s->sides = side;
        return;
    }
    swap_side *last = s->sides;
    while (after(last) != NULL) {
        last = after(last);
    }
    atomic_store(&last->next, side);
}

swap_side *swap_side_of(const host_swap *s, unsigned number)
{
    swap_side *side = s->sides;
    while (number-- > 0) {
        side = after(side);
    }
    return side;
}

const char *swap_version(const swap_side *side)
{
    return side->info.manifest->machine_version;
}

void swap_sides_free(host_swap *s)
{
    while (s->sides != NULL) {
        swap_side *first = s->sides;
        s->sides = after(first);
        free(first);
    }
}

/* ---- Loading, opening */

static bool load(const host_swap *s, swap_side *side)
{
    dealfsm_error error = {.struct_size = sizeof error};
    if (dealfsm_host_load(s->node->host, side->path, &side->module, &error) < 0 ||
        dealfsm_host_module_info(side->module, &side->info, &error) < 0) {
        (void)host_complain(HOST_MODULE, NULL, error.text); /* it names the file */
        return false;
    }
    if (side->info.describe == NULL || side->info.record == NULL) {
        (void)host_complain(HOST_MODULE, side->path, "expected a module that offers describe/1 and record/1");
        return false;
    }
    return true;
}

swap_side *swap_side_load(const host_swap *s, const char *path)
{
    swap_side *side = calloc(1, sizeof *side);
    if (side == NULL) {
        return NULL;
    }
    side->path = path;
    side->info.struct_size = sizeof side->info;
    if (!load(s, side)) {
        free(side);
        return NULL;
    }
    host_learn_names(s->node, side->info.describe);
    return side;
}

bool swap_side_open(const host_swap *s, swap_side *side)
{
    dealfsm_error error = {.struct_size = sizeof error};
    uint32_t flags = side == s->sides ? 0 : DEALFSM_HOST_ASIDE;
    if (host_open_generation(s->node, side->module, flags, &side->generation, &error) < 0) {
        (void)host_complain(HOST_MODULE, side->path, error.text);
        return false;
    }
    return true;
}

/* "client 1.0.9" is in dealfsm-client-1.0.9.so, beside the module of the node. */
static char *path_beside(const host_swap *s, const char *machine_version)
{
    const char *path = s->sides->path;
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
    swap_side *made = path != NULL && access(path, R_OK) == 0 ? swap_side_load(s, path) : NULL;
    if (made != NULL) {
        made->path = made->info.path;
        swap_side_add(s, made);
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
    bool ok = true;
    for (swap_side *side = s->sides; ok && side != NULL; side = after(side)) {
        ok = swap_side_open(s, side);
    }
    s->moved = calloc(s->node->deals, sizeof *s->moved);
    return ok && s->moved != NULL;
}

/* ---- What they know */

static bool knows(const swap_side *side, uint32_t event)
{
    dealfsm_event_info info = {.struct_size = sizeof info};
    for (uint32_t i = 0; side->info.describe->event(i, &info) == DEALFSM_OK; i++) {
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
    for (const swap_side *side = s->sides; side != NULL; side = after(side)) {
        if ((moving || side->generation == generation) && !knows(side, event)) {
            return false;
        }
    }
    return true;
}

uint32_t host_swap_own(const host_swap *s)
{
    return s->sides->generation;
}

int32_t host_swap_teach(const host_swap *s, dealfsm_store *store, dealfsm_error *error)
{
    int32_t result = DEALFSM_OK;
    for (const swap_side *side = s->sides; result >= 0 && side != NULL; side = after(side)) {
        result = dealfsm_store_teach(store, side->info.functions, error);
    }
    return result;
}

const char *host_swap_version_of(const host_swap *s, uint64_t deal)
{
    uint32_t generation = 0;
    (void)dealfsm_host_route(s->node->host, deal, &generation, NULL);
    for (const swap_side *side = s->sides; side != NULL; side = after(side)) {
        if (side->generation == generation) {
            return swap_version(side);
        }
    }
    return "";
}

/* The last one. */
const dealfsm_module_info *host_swap_module(const host_swap *s, const char *machine_version)
{
    const dealfsm_module_info *found = NULL;
    for (const swap_side *side = s->sides; side != NULL; side = after(side)) {
        found = strcmp(swap_version(side), machine_version) == 0 ? &side->info : found;
    }
    return found;
}

/* ---- What they have */

void host_swap_versions(host_swap *s, char *text, size_t size)
{
    size_t used = 0;
    bool several = after(s->sides) != NULL;
    text[0] = '\0';
    for (const swap_side *side = s->sides; several && side != NULL && used < size; side = after(side)) {
        dealfsm_counters now = {.struct_size = sizeof now};
        if (side->generation != 0 && dealfsm_host_counters(s->node->host, side->generation, &now, NULL) >= 0) {
            used += (size_t)snprintf(text + used, size - used, "%s%s %" PRIu64, used > 0 ? ", " : "",
                                     swap_version(side), now.deals);
        }
    }
}

/* Of the sides that the node begins with. */
void host_swap_follow(host_swap *s, const char *machine_version)
{
    pthread_mutex_lock(&s->lock);
    swap_side *side = after(s->sides);
    while (side != NULL && strcmp(swap_version(side), machine_version) != 0) {
        side = after(side);
    }
    if (side != NULL) {
        side->follows = true;
    }
    pthread_mutex_unlock(&s->lock);
}
