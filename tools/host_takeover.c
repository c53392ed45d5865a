/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Deals that an earlier run left on other machine versions: each is restored into the node's own module, by the rules by which
 * deals move; one that stays or is refused comes back to its own version. What became of them is told once. */

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

enum { VERSIONS_MAX = 16, REASONS_MAX = 16 };

typedef struct version_row {
    char name[64];
    bool taken; /* the node's module reads it */
    uint64_t ended, moved, stay, cannot, left;
} version_row;

typedef struct reason_row {
    char text[512];
    uint64_t deals;
} reason_row;

struct host_takeover {
    host_node *node;
    pthread_mutex_t lock;
    version_row versions[VERSIONS_MAX];
    size_t versions_count;
    reason_row reasons[REASONS_MAX]; /* the last one also counts those that find no place */
    size_t reasons_count;
    uint64_t left; /* deals that have to come back yet */
    bool told;
};

host_takeover *host_takeover_new(host_node *node)
{
    host_takeover *t = calloc(1, sizeof *t);
    if (t != NULL) {
        t->node = node;
        pthread_mutex_init(&t->lock, NULL);
    }
    return t;
}

void host_takeover_free(host_takeover *t)
{
    if (t != NULL) {
        pthread_mutex_destroy(&t->lock);
        free(t);
    }
}

/* NULL: the node's own version, or there are too many. */
static version_row *version_of(host_takeover *t, const char *name, bool add)
{
    for (size_t i = 0; i < t->versions_count; i++) {
        if (strcmp(t->versions[i].name, name) == 0) {
            return &t->versions[i];
        }
    }
    if (!add || t->versions_count == VERSIONS_MAX || strlen(name) >= sizeof t->versions[0].name ||
        strcmp(name, t->node->module.manifest->machine_version) == 0) {
        return NULL;
    }
    version_row *v = &t->versions[t->versions_count++];
    (void)snprintf(v->name, sizeof v->name, "%s", name);
    const dealfsm_manifest *own = t->node->module.manifest;
    for (uint32_t i = 0; i < own->reads_count; i++) {
        v->taken = v->taken || strcmp(own->reads[i], name) == 0;
    }
    return v;
}

void host_takeover_row(host_takeover *t, const dealfsm_store_row *row)
{
    version_row *v = version_of(t, row->machine_version, true);
    if (v == NULL) {
        return;
    }
    bool ended = (row->flags & DEALFSM_ROW_FINAL) != 0;
    v->ended += ended;
    v->left += !ended;
    t->left += v->taken && !ended;
}

/* ---- Telling */

void host_takeover_tell(host_takeover *t)
{
    for (size_t i = 0; !t->told && i < t->versions_count; i++) {
        const version_row *v = &t->versions[i];
        const char *own = t->node->module.manifest->machine_version;
        if (!v->taken) {
            (void)fprintf(
                stderr, "dealfsm-host: %" PRIu64 " deals of %s go on there: the module of %s brings no deals from %s\n",
                v->left, v->name, own, v->name);
            continue;
        }
        (void)fprintf(stderr,
                      "dealfsm-host: taken over from %s by %s: %" PRIu64 " moved, %" PRIu64 " stay for now, %" PRIu64
                      " cannot, %" PRIu64 " had ended",
                      v->name, own, v->moved, v->stay, v->cannot, v->ended);
        (void)fprintf(stderr, v->left > 0 ? ", %" PRIu64 " were not looked at\n" : "\n", v->left);
    }
    for (size_t i = 0; !t->told && i < t->reasons_count; i++) {
        (void)fprintf(stderr, "dealfsm-host:     %" PRIu64 ": %s\n", t->reasons[i].deals, t->reasons[i].text);
    }
    t->told = true;
}

static void note_reason(host_takeover *t, const char *text)
{
    size_t at = 0;
    while (at < t->reasons_count && strcmp(t->reasons[at].text, text) != 0) {
        at++;
    }
    if (at == REASONS_MAX) {
        at--;
        (void)snprintf(t->reasons[at].text, sizeof t->reasons[at].text, "other reasons");
    } else if (at == t->reasons_count) {
        (void)snprintf(t->reasons[t->reasons_count++].text, sizeof t->reasons[at].text, "%s", text);
    }
    t->reasons[at].deals++;
}

static void note_deal(host_takeover *t, version_row *v, int32_t result, const char *why)
{
    pthread_mutex_lock(&t->lock);
    v->moved += result >= 0;
    v->stay += result == DEALFSM_E_STAYS;
    v->cannot += result < 0 && result != DEALFSM_E_STAYS;
    v->left--;
    t->left--;
    if (result < 0) {
        note_reason(t, why);
    }
    if (result == DEALFSM_E_STAYS) {
        host_swap_follow(t->node->swap, v->name);
    }
    if (t->left == 0) {
        host_takeover_tell(t);
        host_swap_all_back(t->node->swap);
    }
    pthread_mutex_unlock(&t->lock);
}

/* ---- A deal */

int32_t host_takeover_restore(host_takeover *t, const dealfsm_snapshot *snapshot, dealfsm_error *error)
{
    dealfsm_error why = {.struct_size = sizeof why};
    version_row *v = version_of(t, snapshot->machine_version, false);
    int32_t result = DEALFSM_E_VERSION;
    if (v != NULL && v->taken) {
        result = dealfsm_host_restore(t->node->host, host_swap_own(t->node->swap), snapshot, &why);
        note_deal(t, v, result, why.text);
    }
    return result >= 0 ? result : dealfsm_host_restore(t->node->host, 0, snapshot, error);
}
