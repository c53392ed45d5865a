/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One line on a terminal, five times a second, from a thread of its own. */

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "host.h"

struct host_progress {
    const host_node *node;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool end;
};

static const char CLEAR[] = "\r\033[K";

/* The states with most deals, as far as the line has room. */
static void list_states(const host_node *node, char *text, size_t size)
{
    bool shown[HOST_STATES] = {false};
    text[0] = '\0';
    for (;;) {
        int most = -1;
        uint64_t count = 0;
        for (int i = 0; i < HOST_STATES; i++) {
            uint64_t here = shown[i] ? 0 : atomic_load(&node->in_state[i]);
            most = here > count ? i : most;
            count = here > count ? here : count;
        }
        size_t used = strlen(text);
        if (most < 0 || used + strlen(host_state_name(node, (uint64_t)most)) + 16 > size) {
            return;
        }
        shown[most] = true;
        (void)snprintf(text + used, size - used, ", %s %" PRIu64, host_state_name(node, (uint64_t)most), count);
    }
}

static void show(const host_node *node, uint64_t events_per_second)
{
    char states[60];
    char versions[120];
    uint64_t nano = atomic_load(&node->nano_fil_spent);
    char *bytes = text_write_size(atomic_load(&node->bytes_received));
    list_states(node, states, sizeof states);
    host_swap_versions(node->swap, versions, sizeof versions);
    (void)fprintf(stderr, "%s%s, %" PRIu64 ".%04" PRIu64 " FIL, %" PRIu64 " events/s%s%s%s", CLEAR,
                  bytes != NULL ? bytes : "", nano / 1000000000, nano % 1000000000 / 100000, events_per_second, versions[0] != '\0' ? ", " : "", versions, states);
    free(bytes);
}

static void *run(void *ctx)
{
    host_progress *p = ctx;
    uint64_t before = 0;
    pthread_mutex_lock(&p->mutex);
    while (!p->end) {
        struct timespec until;
        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 200000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        (void)pthread_cond_timedwait(&p->wake, &p->mutex, &until);
        uint64_t now = atomic_load(&p->node->notices);
        show(p->node, (now - before) * 5);
        before = now;
    }
    pthread_mutex_unlock(&p->mutex);
    (void)fputs(CLEAR, stderr);
    return NULL;
}

host_progress *host_progress_start(host_node *node)
{
    if (!isatty(STDERR_FILENO)) {
        return NULL;
    }
    host_progress *p = calloc(1, sizeof *p);
    if (p == NULL) {
        return NULL;
    }
    p->node = node;
    node->progress = true;
    pthread_mutex_init(&p->mutex, NULL);
    pthread_cond_init(&p->wake, NULL);
    if (pthread_create(&p->thread, NULL, run, p) != 0) {
        free(p);
        return NULL;
    }
    return p;
}

void host_progress_end(host_progress *progress)
{
    if (progress == NULL) {
        return;
    }
    pthread_mutex_lock(&progress->mutex);
    progress->end = true;
    pthread_cond_signal(&progress->wake);
    pthread_mutex_unlock(&progress->mutex);
    pthread_join(progress->thread, NULL);
    pthread_cond_destroy(&progress->wake);
    pthread_mutex_destroy(&progress->mutex);
    free(progress);
}
