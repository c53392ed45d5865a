/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "swap.h"

/* Events and answers that come for a deal on its way: copies, in the order in which they came. */

struct host_held {
    host_held *next;
    uint64_t bytes; /* counted against the bound */
    bool is_answer;
    dealfsm_event event;
    dealfsm_answer answer;
    dealfsm_value values[]; /* then their bytes */
};

bool swap_holds(const host_move *move)
{
    return move->stage != MOVE_WAITS && move->stage != MOVE_OVER;
}

/* ---- Copies */

enum { VALUES_MOST = DEALFSM_LIST_MAX };

typedef struct given {
    dealfsm_value values[VALUES_MOST];
    uint32_t count;
    const char *text; /* of an answer, or NULL */
    uint64_t text_len;
    uint64_t bytes;
} given;

static int32_t take_span(const void *data, uint64_t length, uint64_t *bytes, dealfsm_error *error)
{
    if (data == NULL && length > 0)
        return host_error(error, DEALFSM_E_ARGUMENT, "args", "a length without data");
    if (length > UINT32_MAX)
        return host_error(error, DEALFSM_E_ARGUMENT, "args", "a length over 4 GiB");
    *bytes += length;
    return DEALFSM_OK;
}

static int32_t take_values(given *g, const dealfsm_value *values, uint32_t count, uint32_t stride, dealfsm_error *error)
{
    int32_t result = DEALFSM_OK;
    if (count > VALUES_MOST)
        return host_error(error, DEALFSM_E_ARGUMENT_COUNT, "args", "expected at most %d values, found %" PRIu32,
                          VALUES_MOST, count);
    if (count > 0 && (values == NULL || stride < sizeof(uint32_t)))
        return host_error(error, DEALFSM_E_ARGUMENT, "args", "a count of values without values, or a stride below 4");
    g->count = count;
    for (uint32_t i = 0; i < count && result >= 0; i++) {
        dealfsm_value *v = &g->values[i];
        result = host_take(v, sizeof *v, (const char *)values + (size_t)i * stride, "args", error);
        v->struct_size = sizeof *v;
        if (result >= 0)
            result = take_span(v->data, v->data_len, &g->bytes, error);
        if (result >= 0)
            result = take_span(v->data2, v->data2_len, &g->bytes, error);
    }
    return result;
}

static const void *keep(uint8_t **at, const void *data, uint64_t length)
{
    if (data == NULL)
        return NULL;
    uint8_t *mine = *at;
    if (length > 0)
        memcpy(mine, data, length);
    *at += length;
    return mine;
}

/* Its own copy of all values and bytes; NULL: no memory. */
static host_held *new_held(const given *g)
{
    host_held *h = malloc(sizeof *h + g->count * sizeof *h->values + g->bytes + 1);
    if (h == NULL)
        return NULL;
    *h = (host_held){.bytes = g->bytes};
    uint8_t *at = (uint8_t *)&h->values[g->count];
    for (uint32_t i = 0; i < g->count; i++) {
        h->values[i] = g->values[i];
        h->values[i].data = keep(&at, g->values[i].data, g->values[i].data_len);
        h->values[i].data2 = keep(&at, g->values[i].data2, g->values[i].data2_len);
    }
    h->answer.text = keep(&at, g->text, g->text_len);
    return h;
}

/* ---- Holding */

/* Appends; with the shard's lock held. */
static int32_t append(host_move *move, host_held *h, dealfsm_error *error)
{
    const dealfsm_swap_options *bound = &move->swap->options;
    if (move->held >= bound->held_events || move->held_bytes + h->bytes > bound->held_bytes)
        return host_error(error, DEALFSM_E_QUEUE_FULL, "deal",
                          "deal %" PRIu64 " is on its way to another generation, and %" PRIu64
                          " events and answers are held for it: hand it in again later",
                          move->deal, move->held);
    h->next = NULL;
    *move->last = h;
    move->last = &h->next;
    move->held++;
    move->held_bytes += h->bytes;
    return DEALFSM_HELD;
}

/* Takes *held, which may be NULL for want of memory. */
static bool hold(dealfsm_host *host, uint64_t deal, host_held *held, int32_t *result, dealfsm_error *error)
{
    host_shard *shard = &host->shards[host_shard_of(deal)];
    pthread_mutex_lock(&shard->lock);
    const host_route *route = host_route_find(shard, deal);
    bool holds = route != NULL && route->move != NULL && swap_holds(route->move);
    if (holds)
        *result = held != NULL ? append(route->move, held, error)
                               : host_error(error, DEALFSM_E_NO_MEMORY, "", "out of memory for what is held");
    pthread_mutex_unlock(&shard->lock);
    if (!holds || *result < 0)
        free(held);
    return holds;
}

bool host_hold_event(dealfsm_host *host, uint64_t deal, const dealfsm_event *event, int32_t *result,
                     dealfsm_error *error)
{
    dealfsm_event known;
    given g = {.count = 0};
    *result = host_take(&known, sizeof known, event, "event", error);
    if (*result >= 0)
        *result = take_values(&g, known.args, known.args_count, known.args_stride, error);
    if (*result < 0)
        return true;
    host_held *h = new_held(&g);
    if (h != NULL)
        h->event = (dealfsm_event){.struct_size = sizeof h->event,
                                   .event = known.event,
                                   .args = g.count > 0 ? h->values : NULL,
                                   .args_count = g.count,
                                   .args_stride = sizeof *h->values};
    return hold(host, deal, h, result, error);
}

bool host_hold_answer(dealfsm_host *host, const dealfsm_answer *answer, int32_t *result, dealfsm_error *error)
{
    dealfsm_answer known;
    given g = {.count = 0};
    *result = host_take(&known, sizeof known, answer, "answer", error);
    if (*result >= 0)
        *result = take_values(&g, known.values, known.values_count, known.values_stride, error);
    if (*result >= 0)
        *result = take_span(known.text, known.text_len, &g.bytes, error);
    if (*result < 0)
        return true;
    g.text = known.text;
    g.text_len = known.text_len;
    host_held *h = new_held(&g);
    if (h != NULL) {
        const char *text = h->answer.text;
        h->is_answer = true;
        h->answer = known;
        h->answer.struct_size = sizeof h->answer;
        h->answer.text = text;
        h->answer.values = g.count > 0 ? h->values : NULL;
        h->answer.values_stride = sizeof *h->values;
    }
    return hold(host, known.deal, h, result, error);
}

int32_t dealfsm_swap_settled(dealfsm_host *host, uint64_t deal, dealfsm_error *error)
{
    if (host == NULL)
        return host_error(error, DEALFSM_E_ARGUMENT, "host", "host is NULL: make one with dealfsm_host_new");
    host_shard *shard = &host->shards[host_shard_of(deal)];
    pthread_mutex_lock(&shard->lock);
    const host_route *route = host_route_find(shard, deal);
    bool holds = route != NULL && route->move != NULL && swap_holds(route->move);
    pthread_mutex_unlock(&shard->lock);
    if (!holds)
        return DEALFSM_OK;
    return host_inside(host) ? host_error(error, DEALFSM_E_BUSY, "deal", "deal %" PRIu64 " is on its way", deal)
                             : DEALFSM_HELD;
}

/* ---- Giving */

/* Takes the first out, or, where that side has no room for events, the first answer. With the shard's lock held. */
static host_held *take_out(host_move *move)
{
    host_held **at = &move->first;
    while (move->blocked && *at != NULL && !(*at)->is_answer)
        at = &(*at)->next;
    host_held *h = *at;
    if (h == NULL)
        return NULL;
    *at = h->next;
    if (h->next == NULL)
        move->last = at;
    move->held--;
    move->held_bytes -= h->bytes;
    return h;
}

static void put_back(host_move *move, host_held *h)
{
    h->next = move->first;
    if (move->first == NULL)
        move->last = &h->next;
    move->first = h;
    move->held++;
    move->held_bytes += h->bytes;
}

static int32_t hand_in(const host_move *move, const host_held *h, dealfsm_error *error)
{
    const host_generation *side = move->back ? move->from : move->to;
    return h->is_answer ? side->functions->complete(side->machine, &h->answer, error)
                        : side->functions->dispatch(side->machine, move->deal, &h->event, NULL, error);
}

/* What cannot be taken ends here, as if it had come then: whoever handed it in has gone on, so the log is told. An
 * answer that nobody waits for is nothing special. */
static void tell(const host_move *move, const host_held *h, int32_t result, const dealfsm_error *why)
{
    char text[544];
    const dealfsm_log_v1 *log = move->to->services.log;
    if (h->is_answer && result == DEALFSM_E_NOT_OPEN)
        return;
    snprintf(text, sizeof text, "%s %" PRIu32 ", held while the deal moved, was not taken: %s",
             h->is_answer ? "the answer to op" : "event", h->is_answer ? h->answer.op : h->event.event, why->text);
    log->log(log->ctx, DEALFSM_LOG_WARNING, move->deal, text);
}

static bool no_room(int32_t result)
{
    return result == DEALFSM_E_QUEUE_FULL || result == DEALFSM_E_NO_MEMORY || result == DEALFSM_E_FROZEN;
}

bool swap_give(host_move *move, void (*end)(host_move *move, host_shard *shard))
{
    host_shard *shard = &move->swap->host->shards[host_shard_of(move->deal)];
    host_held *h = NULL;
    pthread_mutex_lock(&shard->lock);
    move->blocked = false;
    while ((h = take_out(move)) != NULL) {
        pthread_mutex_unlock(&shard->lock);
        dealfsm_error why = {.struct_size = sizeof why};
        int32_t result = swap_planted('l') && !h->is_answer ? DEALFSM_OK : hand_in(move, h, &why);
        if (swap_planted('t') && !h->is_answer)
            hand_in(move, h, &why);
        if (swap_planted('b') && h->is_answer && !move->back)
            move->from->functions->complete(move->from->machine, &h->answer, NULL);
        bool again = result < 0 && no_room(result) && !(h->is_answer && result == DEALFSM_E_QUEUE_FULL);
        if (result < 0 && !again)
            tell(move, h, result, &why);
        if (!again)
            free(h);
        pthread_mutex_lock(&shard->lock);
        if (again) {
            put_back(move, h);
            if (move->blocked || h->is_answer)
                break;
            move->blocked = true;
        }
    }
    bool empty = move->first == NULL;
    if (empty)
        end(move, shard);
    pthread_mutex_unlock(&shard->lock);
    return empty;
}

void swap_held_free(host_move *move)
{
    while (move->first != NULL) {
        host_held *h = move->first;
        move->first = h->next;
        free(h);
    }
}
