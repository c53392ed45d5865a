/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A node begins, perhaps after it was killed: what it had in hand is settled with the rows of its store. */

#include <dealfsm/vocabulary.h>
#include <inttypes.h>
#include <stdlib.h>

#include "world_private.h"

/* Nobody waits for answers any more: what is still open is asked again. */
static void forget_answers(world_deal *d)
{
    for (size_t i = d->thing_count; i-- > 0;) {
        thing_kind what = d->things[i].what;
        if (what == THING_ANSWER || what == THING_REPEAT || what == THING_RESUME || what == THING_MONEY) {
            free(d->things[i].reply);
            time_remove(d, i);
        }
    }
}

/* A step that was sent is in the row, or it comes again. A deal at rest is put by the next step only, so that a row
 * above the one that a step was sent to holds the step. A deal that was created only has still to be opened. */
static void settle_sent(world_deal *d, const world_row *row)
{
    for (size_t i = d->thing_count; i-- > 0;) {
        thing *t = &d->things[i];
        bool durable = t->promised != 0 ? row->revision >= t->promised : row->revision > t->base;
        if (t->what == THING_START) {
            durable = row->sequence > 0;
        }
        if (t->sent && durable) {
            time_remove(d, i);
        } else {
            t->sent = false;
        }
    }
}

static bool started(const world_deal *d)
{
    for (size_t i = 0; i < d->thing_count; i++) {
        if (d->things[i].what == THING_START && !d->things[i].sent) {
            return false;
        }
    }
    return true;
}

/* The handler run that sent the last voucher is over: its answer was taken. */
static void settle_voucher(world_deal *d, const world_row *row)
{
    for (size_t i = d->asked_count; d->in_flight && i-- > 0;) {
        const asked *a = &d->asked[i];
        if (a->op == DEALFSM_OpSendDataTransferVoucher) {
            d->in_flight = a->told != DEALFSM_ANSWER_OK || row->sequence <= a->sequence;
            return;
        }
    }
}

static bool belong_together(const world_deal *d, const world_row *row, text_why *why)
{
    if (row->revision < d->revision) {
        return text_refuse(
            why,
            "deal %" PRIu64 ": expected the row of revision %" PRIu64 " that the node said was durable, found "
            "%" PRIu64 " (0: none): the store has lost it, or it is not the store that belongs to the books",
            d->id, d->revision, row->revision);
    }
    /* A deal whose row the books have seen may have to be opened once more. */
    if (row->revision > 0 && d->revision == 0 && !started(d)) {
        return text_refuse(why,
                           "deal %" PRIu64
                           " is in the store and not in the world's books: give the books that belong to this "
                           "store",
                           d->id);
    }
    return true;
}

static void begin_deal(world *w, world_deal *d, const world_row *row)
{
    forget_answers(d);
    settle_sent(d, row);
    settle_voucher(d, row);
    d->revision = row->revision;
    if (row->revision > 0 && !row->final_state) {
        (void)time_schedule(w, d, d->now, THING_RESUME);
    }
    time_wake(w, d);
}

bool world_begin(world *w, const world_row *rows, text_why *why)
{
    static const world_row none = {0};
    bool ok = true;
    pthread_mutex_lock(&w->mutex);
    for (uint64_t i = 0; ok && i < w->options.deals; i++) {
        ok = belong_together(&w->deals[i], rows != NULL ? &rows[i] : &none, why);
    }
    w->heap_count = 0;
    w->busy = 0;
    for (uint64_t i = 0; ok && i < w->options.deals; i++) {
        w->deals[i].running = true; /* until all is settled */
        w->deals[i].heap_at = 0;
        w->deals[i].parked = false;
        w->deals[i].channel->busy = false;
        w->deals[i].channel->parked = NULL;
        funds_forget(&w->deals[i]);
    }
    for (uint64_t i = 0; ok && i < w->options.deals; i++) {
        w->deals[i].running = false;
        begin_deal(w, &w->deals[i], rows != NULL ? &rows[i] : &none);
    }
    pthread_mutex_unlock(&w->mutex);
    return ok;
}
