/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "store.h"

/* A put is copied as the writer wants it: in one piece of memory, its amounts as text. */

/* What is wanted of a record's amounts, as text. */
typedef struct amounts {
    char text[STORE_AMOUNTS * STORE_AMOUNT_TEXT]; /* one after the other, each with NUL */
    size_t total;
    size_t lengths[STORE_AMOUNTS]; /* 0: not known, or not wanted */
} amounts;

static bool wants_amount(const dealfsm_store *store, size_t number, bool history)
{
    return store->driver->amounts || (history && (number == STORE_PAYMENT_REQUESTED || number == STORE_FUNDS_SPENT));
}

static void read_amounts(const dealfsm_store *store, store_put *put, bool history, amounts *out)
{
    dealfsm_record record = {.struct_size = sizeof record};
    out->total = 0;
    memset(out->lengths, 0, sizeof out->lengths);
    if (put->known == NULL || !(store->driver->amounts || history) ||
        put->known->record->decode(put->record, put->record_len, &record, NULL) < 0)
        return;
    put->total_received = record.total_received;
    for (size_t i = 0; i < STORE_AMOUNTS; i++) {
        const uint8_t *amount;
        uint64_t length;
        if (!wants_amount(store, i, history))
            continue;
        memcpy(&amount, (const char *)&record + store_amounts[i], sizeof amount);
        memcpy(&length, (const char *)&record + store_amounts[i] + sizeof amount, sizeof length);
        out->lengths[i] = store_amount_text(amount, length, out->text + out->total) + 1;
        out->total += out->lengths[i];
        out->text[out->total - 1] = '\0';
    }
}

static dealfsm_happened happened_at(const dealfsm_put *row, uint32_t i)
{
    dealfsm_happened one = {.struct_size = 0};
    host_take(&one, sizeof one, (const char *)row->happened + (size_t)i * row->happened_stride, "happened", NULL);
    return one;
}

static size_t messages_size(const dealfsm_put *row)
{
    size_t size = 0;
    for (uint32_t i = 0; i < row->happened_count; i++)
        size += happened_at(row, i).message_len;
    return size;
}

static uint8_t *copy(uint8_t **at, const void *bytes, size_t length)
{
    uint8_t *here = *at;
    if (length > 0)
        memcpy(here, bytes, length);
    *at += length;
    return here;
}

static void copy_amounts(store_put *put, const amounts *from, uint8_t **at)
{
    char *text = (char *)copy(at, from->text, from->total);
    for (size_t i = 0; i < STORE_AMOUNTS; text += from->lengths[i++])
        put->amounts[i] = from->lengths[i] > 0 ? text : NULL;
}

/* The record is that after the last applied event; the others of the put changed nothing. */
static void set_amounts(const store_put *put, store_event *event)
{
    if (event->kind != DEALFSM_HAPPENED_APPLIED || event->sequence != put->sequence)
        return;
    event->payment_requested = put->amounts[STORE_PAYMENT_REQUESTED];
    event->funds_spent = put->amounts[STORE_FUNDS_SPENT];
    event->total_received = put->total_received;
}

static void copy_events(store_put *put, store_event *events, const dealfsm_put *row, uint32_t count, uint8_t **at)
{
    for (uint32_t i = 0; i < count; i++) {
        dealfsm_happened one = happened_at(row, i);
        events[i] = (store_event){.kind = one.kind,
                                  .event = one.event,
                                  .reason = one.reason,
                                  .sequence = one.sequence,
                                  .from = one.from,
                                  .to = one.to,
                                  .message_len = one.message_len};
        events[i].message = (const char *)copy(at, one.message, one.message_len);
        set_amounts(put, &events[i]);
    }
    put->events = events;
    put->events_count = count;
}

/* Puts come and go by the hundred thousand, in pieces of 700 to 1,000 bytes that differ a little: in few sizes, one that
 * was freed fits the next, and the allocator finds it at once. */
static size_t rounded(size_t size)
{
    enum { STEP = 256 };
    return (size + STEP - 1) / STEP * STEP;
}

store_put *store_put_copy(const dealfsm_store *store, const dealfsm_put *row)
{
    amounts texts;
    store_put now = {.deal = row->deal,
                     .revision = row->revision,
                     .sequence = row->sequence,
                     .status = row->status,
                     .final_state = row->final_state,
                     .machine_version = row->machine_version,
                     .known = store_known(store, row->machine_version),
                     .when = store_now(),
                     .record = row->record,
                     .record_len = row->record_len,
                     .sidecar_len = row->sidecar_len};
    now.checksum = store_checksum(STORE_CHECKSUM, row->record, row->record_len);
    bool history = !(store->options.flags & DEALFSM_STORE_NO_HISTORY);
    uint32_t count = history ? row->happened_count : 0;
    read_amounts(store, &now, count > 0, &texts);
    now.size = rounded(sizeof now + count * sizeof(store_event) + now.record_len + now.sidecar_len + texts.total +
                       (history ? messages_size(row) : 0));
    store_put *put = malloc(now.size);
    if (put == NULL)
        return NULL;
    *put = now;
    uint8_t *at = (uint8_t *)(put + 1) + count * sizeof(store_event);
    put->record = copy(&at, row->record, row->record_len);
    put->sidecar = copy(&at, row->sidecar, row->sidecar_len);
    copy_amounts(put, &texts, &at);
    copy_events(put, (store_event *)(put + 1), row, count, &at);
    return put;
}
