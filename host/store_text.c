/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _DEFAULT_SOURCE
#include <endian.h>
#include <gmp.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "store.h"

/* What the drivers need to make rows readable, and to see which are damaged. */

const size_t store_amounts[STORE_AMOUNTS] = {
    offsetof(dealfsm_record, total_funds),       offsetof(dealfsm_record, price_per_byte),
    offsetof(dealfsm_record, unseal_price),      offsetof(dealfsm_record, payment_requested),
    offsetof(dealfsm_record, funds_spent),       offsetof(dealfsm_record, unseal_funds_paid),
    offsetof(dealfsm_record, voucher_shortfall),
};

const store_knowledge *store_known(const dealfsm_store *store, const char *machine_version)
{
    const store_knowledge *known = atomic_load(&store->known);
    while (known != NULL && strcmp(known->machine_version, machine_version) != 0)
        known = known->next;
    return known;
}

const char *store_name(const char *const *names, uint64_t number)
{
    return names != NULL && number < STORE_NAMES ? names[number] : NULL;
}

size_t store_amount_text(const uint8_t *amount, uint64_t amount_len, char *buffer)
{
    enum { MAGNITUDE_MOST = 127, LIMBS = MAGNITUDE_MOST / sizeof(mp_limb_t) + 2 };
    mp_limb_t limbs[LIMBS];
    size_t at = 0;
    if (amount_len < 2 || amount_len > MAGNITUDE_MOST + 1) {
        buffer[0] = '0';
        return 1;
    }
    if (amount[0] == 1)
        buffer[at++] = '-';
    mp_size_t used = mpn_set_str(limbs, amount + 1, amount_len - 1, 256);
    size_t digits = mpn_get_str((unsigned char *)buffer + at, 10, limbs, used);
    size_t zeros = 0; /* mpn_get_str may give leading ones */
    while (zeros + 1 < digits && buffer[at + zeros] == 0)
        zeros++;
    for (size_t i = zeros; i < digits; i++)
        buffer[at + i - zeros] = (char)(buffer[at + i] + '0');
    return at + digits - zeros;
}

/* Multiply and rotate, eight bytes at a time: it finds damage, it keeps nobody out. */
uint64_t store_checksum(uint64_t sum, const uint8_t *bytes, size_t length)
{
    sum ^= length;
    while (length > 0) {
        uint64_t word = 0;
        size_t part = length < sizeof word ? length : sizeof word;
        memcpy(&word, bytes, part);
        word = le64toh(word); /* the same on every machine */
        sum = (sum ^ word) * 0x9E3779B97F4A7C15u;
        sum ^= sum >> 29;
        bytes += part;
        length -= part;
    }
    return sum;
}

/* ---- Times */

int64_t store_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Days since 1970 and back, by the proleptic Gregorian calendar (H. Hinnant, "chrono-compatible low-level date
 * algorithms"): gmtime_r costs ten times as much, for every put. */
static void civil(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    unsigned of_era = (unsigned)(days - era * 146097);
    unsigned years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * years + years / 4 - years / 100);
    unsigned shifted = (5 * of_year + 2) / 153;
    *day = of_year - (153 * shifted + 2) / 5 + 1;
    *month = shifted < 10 ? shifted + 3 : shifted - 9;
    *year = (int64_t)years + era * 400 + (*month <= 2);
}

static void digits(char *at, uint64_t number, int count)
{
    while (count-- > 0) {
        at[count] = (char)('0' + number % 10);
        number /= 10;
    }
}

void store_time_text(int64_t milliseconds, char *buffer)
{
    int64_t year;
    unsigned month, day;
    uint64_t at = milliseconds > 0 ? (uint64_t)milliseconds : 0;
    uint64_t seconds = at / 1000 % 86400;
    civil((int64_t)(at / 86400000), &year, &month, &day);
    memcpy(buffer, "0000-00-00T00:00:00.000Z", STORE_TIME_TEXT);
    digits(buffer, (uint64_t)year, 4);
    digits(buffer + 5, month, 2);
    digits(buffer + 8, day, 2);
    digits(buffer + 11, seconds / 3600, 2);
    digits(buffer + 14, seconds / 60 % 60, 2);
    digits(buffer + 17, seconds % 60, 2);
    digits(buffer + 20, at % 1000, 3);
}

int64_t store_time_of(const char *text)
{
    int year, month, day, hour, minute, second, milli;
    if (text == NULL ||
        sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ", &year, &month, &day, &hour, &minute, &second, &milli) != 7)
        return 0;
    int64_t shifted = month > 2 ? year : year - 1;
    int64_t era = (shifted >= 0 ? shifted : shifted - 399) / 400;
    int64_t of_era = shifted - era * 400;
    int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t days = era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
    return ((days * 24 + hour) * 60 + minute) * 60000 + second * 1000 + milli;
}

/* ---- Rows */

/* Nobody has said of a bare row what its record says. */
static void take_bare(const store_knowledge *known, dealfsm_store_row *row, uint64_t status)
{
    row->status = status;
    if (status < STORE_NAMES && known->is_final[status])
        row->flags |= DEALFSM_ROW_FINAL;
}

void store_row_check(const dealfsm_store *store, dealfsm_store_row *row, char *damage, size_t size)
{
    const store_knowledge *known = row->machine_version != NULL ? store_known(store, row->machine_version) : NULL;
    if (known == NULL || row->flags & DEALFSM_ROW_DAMAGED)
        return;
    dealfsm_record record = {.struct_size = sizeof record};
    dealfsm_error error = {.struct_size = sizeof error};
    if (known->record->decode(row->record, row->record_len, &record, &error) < 0)
        snprintf(damage, size, "the record of deal %" PRIu64 " (%s) cannot be read: %s", row->deal,
                 row->machine_version, error.text);
    else if (record.id != row->deal)
        snprintf(damage, size, "the row of deal %" PRIu64 " holds the record of deal %" PRIu64, row->deal, record.id);
    else if (row->flags & DEALFSM_ROW_BARE)
        take_bare(known, row, record.status);
    else if (record.status != row->status)
        snprintf(damage, size, "the row of deal %" PRIu64 " says status %" PRIu64 ", its record %" PRIu64, row->deal,
                 row->status, record.status);
    if (damage[0] == '\0') {
        row->status_name = store_name(known->statuses, row->status);
    } else {
        row->flags |= DEALFSM_ROW_DAMAGED;
        row->damage = damage;
    }
}

/* The status of a deal before it moved: `version` is what the event's message says. NULL: none, or not taught. */
static const char *name_there(const dealfsm_store *store, const char *version, uint64_t version_len, uint64_t status)
{
    char text[256];
    if (version_len >= sizeof text)
        return NULL;
    memcpy(text, version, version_len);
    text[version_len] = '\0';
    const store_knowledge *known = store_known(store, text);
    return known != NULL ? store_name(known->statuses, status) : NULL;
}

void store_event_names(const dealfsm_store *store, const char *machine_version, dealfsm_store_event *event)
{
    const store_knowledge *known = machine_version != NULL ? store_known(store, machine_version) : NULL;
    if (known == NULL)
        return;
    bool moved = event->kind == DEALFSM_HAPPENED_MOVED;
    event->event_name = moved ? NULL : store_name(known->events, event->event);
    event->from_name = moved ? name_there(store, event->message, event->message_len, event->from)
                             : store_name(known->statuses, event->from);
    event->to_name = store_name(known->statuses, event->to);
}
