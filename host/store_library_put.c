/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "error.h"
#include "store_library.h"

/* A commit is a put after the other through store/1, and a wait for those that were answered PENDING. */

enum { UNDER_WAY = 0 }; /* an outcome that no put has */

void library_stored(void *ctx, uint64_t deal, uint64_t revision, int32_t outcome)
{
    library_store *it = ctx;
    pthread_mutex_lock(&it->lock);
    store_put *put = it->waiting;
    while (put != NULL && (put->deal != deal || put->revision != revision))
        put = put->next;
    if (put != NULL && (put->outcome == UNDER_WAY || put->outcome == DEALFSM_PUT_PENDING)) {
        it->pending -= put->outcome == DEALFSM_PUT_PENDING;
        put->outcome = outcome == DEALFSM_PUT_DURABLE || outcome == DEALFSM_PUT_LOST ? outcome : DEALFSM_PUT_FAILED;
        while (it->waiting != NULL && it->waiting->outcome != UNDER_WAY && it->waiting->outcome != DEALFSM_PUT_PENDING)
            it->waiting = it->waiting->next; /* most are reported in their order */
        if (it->pending == 0)
            pthread_cond_signal(&it->done);
    }
    pthread_mutex_unlock(&it->lock);
}

static void note_answer(library_store *it, store_put *put, int32_t answer)
{
    pthread_mutex_lock(&it->lock);
    if (answer != DEALFSM_PUT_PENDING)
        put->outcome =
            answer == DEALFSM_PUT_DURABLE || answer == DEALFSM_PUT_LOST ? answer : (int32_t)DEALFSM_PUT_FAILED;
    else if (put->outcome == UNDER_WAY) { /* else it was reported already */
        put->outcome = DEALFSM_PUT_PENDING;
        it->pending++;
    }
    pthread_mutex_unlock(&it->lock);
}

static void fill_events(const store_put *put, dealfsm_happened *events)
{
    for (uint32_t i = 0; i < put->events_count; i++) {
        const store_event *event = &put->events[i];
        events[i] = (dealfsm_happened){.struct_size = sizeof *events,
                                       .kind = event->kind,
                                       .event = event->event,
                                       .reason = event->reason,
                                       .sequence = event->sequence,
                                       .from = event->from,
                                       .to = event->to,
                                       .message = event->message,
                                       .message_len = event->message_len};
    }
}

static int32_t put_one(library_store *it, store_put *put)
{
    enum { ON_STACK = 8 };
    dealfsm_happened few[ON_STACK], *events = few;
    if (put->events_count > ON_STACK)
        events = malloc(put->events_count * sizeof *events);
    if (events == NULL)
        return DEALFSM_PUT_FAILED;
    fill_events(put, events);
    const dealfsm_put row = {.struct_size = sizeof row,
                             .final_state = put->final_state,
                             .deal = put->deal,
                             .revision = put->revision,
                             .sequence = put->sequence,
                             .status = put->status,
                             .machine_version = put->machine_version,
                             .record = put->record,
                             .record_len = put->record_len,
                             .sidecar = put->sidecar,
                             .sidecar_len = put->sidecar_len,
                             .happened = events,
                             .happened_count = put->events_count,
                             .happened_stride = sizeof *events};
    if (put->erase_from != 0 && it->its.retold != NULL)
        it->its.retold(it->its.ctx, put->deal, put->erase_from);
    int32_t answer = it->service.put(it->service.ctx, &row);
    if (events != few)
        free(events);
    return answer;
}

static void tell_failed(const library_store *it, const store_put *first)
{
    const dealfsm_log_v1 *log = &it->store->log;
    while (first != NULL && first->outcome != DEALFSM_PUT_FAILED)
        first = first->next;
    char line[128];
    if (first == NULL)
        return;
    snprintf(line, sizeof line, "its put of revision %" PRIu64 " failed in the store's library: it is stalled",
             first->revision);
    log->log(log->ctx, DEALFSM_LOG_ERROR, first->deal, line);
}

int32_t library_commit(void *handle, store_put *first, dealfsm_error *error)
{
    library_store *it = handle;
    (void)error; /* each put has an outcome of its own */
    for (store_put *put = first; put != NULL; put = put->next)
        put->outcome = UNDER_WAY;
    pthread_mutex_lock(&it->lock);
    it->waiting = first;
    pthread_mutex_unlock(&it->lock);
    for (store_put *put = first; put != NULL; put = put->next)
        note_answer(it, put, put_one(it, put));
    pthread_mutex_lock(&it->lock);
    while (it->pending > 0)
        pthread_cond_wait(&it->done, &it->lock);
    it->waiting = NULL;
    pthread_mutex_unlock(&it->lock);
    tell_failed(it, first);
    return DEALFSM_OK;
}
