/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _DEFAULT_SOURCE
#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "store_leveldb.h"

/* Keys and values. Numbers are big-endian; each value of ours ends with a checksum of what stands before it. */

const leveldb_place leveldb_places[LEVELDB_PLACES] = {
    {"/retrievals/client/", "client 0.5.6", ""},
    {"/retrievals/client/1/", "client 1.0.9", "1"},
    {"/retrievals/client/2/", "client 1.28.3", "2"},
    {"/dealfsm/record/", NULL, NULL},
};
const char leveldb_side_prefix[] = "/dealfsm/deal/";
static const char leveldb_history_prefix[] = "/dealfsm/history/";
const char leveldb_current_key[] = "/retrievals/client/versions/current";
const char leveldb_layout_key[] = "/dealfsm/layout";

unsigned leveldb_place_of(const char *machine_version)
{
    unsigned place = 0;
    while (leveldb_places[place].machine_version != NULL &&
           strcmp(leveldb_places[place].machine_version, machine_version) != 0)
        place++;
    return place;
}

/* ---- Keys */

static size_t decimal(char *at, uint64_t number)
{
    char digits[20];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    for (size_t i = 0; i < count; i++)
        at[i] = digits[count - 1 - i];
    return count;
}

leveldb_key leveldb_id_key(const char *prefix, uint64_t deal)
{
    leveldb_key key = {.length = strlen(prefix)};
    memcpy(key.text, prefix, key.length);
    key.length += decimal(key.text + key.length, deal);
    return key;
}

leveldb_key leveldb_history_key(uint64_t deal, uint64_t revision)
{
    static const char hex[] = "0123456789abcdef";
    leveldb_key key = leveldb_id_key(leveldb_history_prefix, deal);
    key.text[key.length++] = '/';
    for (int shift = 60; shift >= 0; shift -= 4)
        key.text[key.length++] = hex[revision >> shift & 15];
    return key;
}

/* ---- Numbers */

static void write_number(uint8_t **at, uint64_t number, int bytes)
{
    uint64_t big = htobe64(number);
    memcpy(*at, (const char *)&big + sizeof big - bytes, (size_t)bytes);
    *at += bytes;
}

static uint64_t read_number(const uint8_t **at, int bytes)
{
    uint64_t number = 0;
    for (int i = 0; i < bytes; i++)
        number = number << 8 | *(*at)++;
    return number;
}

static void write_bytes(uint8_t **at, const void *bytes, size_t length)
{
    if (length > 0)
        memcpy(*at, bytes, length);
    *at += length;
}

static void end_value(uint8_t *start, uint8_t *at)
{
    write_number(&at, store_checksum(STORE_CHECKSUM, start, (size_t)(at - start)), 8);
}

/* The length without the checksum; 0: it does not match. */
static size_t checked(const uint8_t *bytes, size_t length)
{
    if (length <= 8)
        return 0;
    const uint8_t *at = bytes + length - 8;
    return read_number(&at, 8) == store_checksum(STORE_CHECKSUM, bytes, length - 8) ? length - 8 : 0;
}

/* ---- Beside a record: revision, sequence, status, created, updated, record's checksum, final, version, sidecar */

enum { SIDE_FIXED = 6 * 8 + 1 + 1 };

size_t leveldb_side_size(const leveldb_side *side)
{
    return SIDE_FIXED + side->machine_version_len + side->sidecar_len + 8;
}

void leveldb_side_write(const leveldb_side *side, uint8_t *bytes)
{
    uint8_t *at = bytes;
    write_number(&at, side->revision, 8);
    write_number(&at, side->sequence, 8);
    write_number(&at, side->status, 8);
    write_number(&at, (uint64_t)side->created, 8);
    write_number(&at, (uint64_t)side->updated, 8);
    write_number(&at, side->record_checksum, 8);
    write_number(&at, side->final_state, 1);
    write_number(&at, side->machine_version_len, 1);
    write_bytes(&at, side->machine_version, side->machine_version_len);
    write_bytes(&at, side->sidecar, side->sidecar_len);
    end_value(bytes, at);
}

bool leveldb_side_read(const uint8_t *bytes, size_t length, leveldb_side *side)
{
    const uint8_t *at = bytes;
    size_t left = checked(bytes, length);
    if (left < SIDE_FIXED)
        return false;
    side->revision = read_number(&at, 8);
    side->sequence = read_number(&at, 8);
    side->status = read_number(&at, 8);
    side->created = (int64_t)read_number(&at, 8);
    side->updated = (int64_t)read_number(&at, 8);
    side->record_checksum = read_number(&at, 8);
    side->final_state = read_number(&at, 1) != 0;
    side->machine_version_len = (size_t)read_number(&at, 1);
    if (side->machine_version_len > left - SIDE_FIXED)
        return false;
    side->machine_version = (const char *)at;
    side->sidecar = at + side->machine_version_len;
    side->sidecar_len = left - SIDE_FIXED - side->machine_version_len;
    return true;
}

/* ---- What a put told: time, version, then each event: kind, event, reason, sequence, from, to, total received,
 * message, payment requested, funds spent; amounts as text with NUL, empty for not known */

enum { HISTORY_FIXED = 8 + 1, EVENT_FIXED = 1 + 4 + 4 + 8 + 8 + 8 + 8 + 4 + 2 + 2 };

static size_t amount_size(const char *amount)
{
    return amount != NULL ? strlen(amount) + 1 : 0;
}

size_t leveldb_history_size(const store_put *put)
{
    size_t size = HISTORY_FIXED + strlen(put->machine_version) + 8;
    for (uint32_t i = 0; i < put->events_count; i++) {
        const store_event *event = &put->events[i];
        size +=
            EVENT_FIXED + event->message_len + amount_size(event->payment_requested) + amount_size(event->funds_spent);
    }
    return size;
}

static void write_event(uint8_t **at, const store_event *event)
{
    size_t payment_requested = amount_size(event->payment_requested), funds_spent = amount_size(event->funds_spent);
    write_number(at, event->kind, 1);
    write_number(at, event->event, 4);
    write_number(at, (uint32_t)event->reason, 4);
    write_number(at, event->sequence, 8);
    write_number(at, event->from, 8);
    write_number(at, event->to, 8);
    write_number(at, event->total_received, 8);
    write_number(at, event->message_len, 4);
    write_number(at, payment_requested, 2);
    write_number(at, funds_spent, 2);
    write_bytes(at, event->message, event->message_len);
    write_bytes(at, event->payment_requested, payment_requested);
    write_bytes(at, event->funds_spent, funds_spent);
}

void leveldb_history_write(const store_put *put, uint8_t *bytes)
{
    uint8_t *at = bytes;
    size_t version = strlen(put->machine_version);
    write_number(&at, (uint64_t)put->when, 8);
    write_number(&at, version, 1);
    write_bytes(&at, put->machine_version, version);
    for (uint32_t i = 0; i < put->events_count; i++)
        write_event(&at, &put->events[i]);
    end_value(bytes, at);
}

static bool read_amount(const uint8_t **at, const uint8_t *end, size_t size, const char **amount)
{
    if (size > (size_t)(end - *at) || (size > 0 && (*at)[size - 1] != '\0'))
        return false;
    *amount = size > 0 ? (const char *)*at : NULL;
    *at += size;
    return true;
}

static bool read_event(const uint8_t **at, const uint8_t *end, dealfsm_store_event *event)
{
    if (end - *at < EVENT_FIXED)
        return false;
    event->kind = (uint32_t)read_number(at, 1);
    event->event = (uint32_t)read_number(at, 4);
    event->reason = (int32_t)(uint32_t)read_number(at, 4);
    event->sequence = read_number(at, 8);
    event->from = read_number(at, 8);
    event->to = read_number(at, 8);
    event->total_received = read_number(at, 8);
    event->message_len = read_number(at, 4);
    size_t payment_requested = (size_t)read_number(at, 2), funds_spent = (size_t)read_number(at, 2);
    event->message = (const char *)*at;
    if (event->message_len > (uint64_t)(end - *at))
        return false;
    *at += event->message_len;
    return read_amount(at, end, payment_requested, &event->payment_requested) &&
           read_amount(at, end, funds_spent, &event->funds_spent);
}

static int32_t count_event(void *ctx, const dealfsm_store_event *event)
{
    (void)event;
    ++*(uint32_t *)ctx;
    return 0;
}

uint32_t leveldb_history_events(const uint8_t *bytes, size_t length)
{
    uint32_t count = 0;
    int32_t result;
    leveldb_history_read(NULL, 0, 0, bytes, length, count_event, &count, &result);
    return count;
}

bool leveldb_history_read(const dealfsm_store *store, uint64_t deal, uint64_t revision, const uint8_t *bytes,
                          size_t length, dealfsm_store_event_fn *each, void *ctx, int32_t *result)
{
    char version[256];
    const uint8_t *at = bytes, *end = bytes + checked(bytes, length);
    *result = 0;
    if (end - at < HISTORY_FIXED)
        return false;
    int64_t when = (int64_t)read_number(&at, 8);
    size_t version_len = (size_t)read_number(&at, 1);
    if (version_len > (size_t)(end - at))
        return false;
    memcpy(version, at, version_len);
    version[version_len] = '\0';
    at += version_len;
    while (at < end && *result == 0) {
        dealfsm_store_event event = {.struct_size = sizeof event, .deal = deal, .revision = revision, .when = when};
        if (!read_event(&at, end, &event))
            return false;
        if (store != NULL)
            store_event_names(store, version, &event);
        *result = each(ctx, &event);
    }
    return true;
}
