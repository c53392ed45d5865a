/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "sidecar.h"

#include <string.h>

#include "cbor.h"

enum { KEY_VERSION, KEY_SEQUENCE, KEY_REVISION, KEY_OWED, KEY_QUEUE, KEY_MARK, KEY_CARRIED, KEY_MOVED, KEYS_KNOWN };

static uint32_t owed_of(const deal *d)
{
    uint32_t later = d->flags & DEAL_KEYLESS_LATER ? (uint32_t)SIDECAR_KEYLESS_LATER : 0;
    if (!(d->flags & DEAL_OWED))
        return later;
    return SIDECAR_OWED | (d->flags & DEAL_WITHOUT_KEY ? (uint32_t)SIDECAR_WITHOUT_KEY : 0) |
           (d->work && d->work->asked_once ? (uint32_t)SIDECAR_ASKED_ONCE : 0) | later;
}

sidecar sidecar_of(const deal *d)
{
    sidecar s = {.sequence = d->sequence, .revision = d->revision, .owed = owed_of(d)};
    if (d->flags & (DEAL_UNVERSIONED | DEAL_MARK_UNKNOWN))
        s.mark = d->flags & DEAL_UNVERSIONED ? FSM_MARK_YES : FSM_MARK_UNKNOWN;
    if (d->work) {
        s.queued = d->work->queue.count;
        s.queue = d->work->queue.head;
    }
    if (d->extra) {
        s.carried = d->extra->carried;
        s.unknown = d->extra->unknown;
    }
    return s;
}

static bool is_number(fsm_kind kind)
{
    return kind == ARG_U64 || kind == ARG_STATUS || kind == ARG_FLAG;
}

static void write_argument(cbor_writer *w, const fsm_value *value)
{
    cbor_write_head(w, CBOR_ARRAY, value->kind == ARG_CHANNEL ? 4 : 2);
    cbor_write_head(w, CBOR_UINT, value->kind);
    if (value->kind == ARG_CHANNEL || is_number(value->kind))
        cbor_write_head(w, CBOR_UINT, value->number);
    if (!is_number(value->kind))
        cbor_write_string(w, CBOR_BYTES, value->bytes);
    if (value->kind == ARG_CHANNEL)
        cbor_write_string(w, CBOR_BYTES, value->more);
}

static void write_queue(cbor_writer *w, const entry *e, uint32_t count)
{
    cbor_write_head(w, CBOR_UINT, KEY_QUEUE);
    cbor_write_head(w, CBOR_ARRAY, count);
    for (uint32_t n = 0; n < count; n++, e = e->next) {
        cbor_write_head(w, CBOR_ARRAY, 3);
        cbor_write_head(w, CBOR_UINT, e->event);
        cbor_write_byte(w, e->raised ? CBOR_TRUE : CBOR_FALSE);
        cbor_write_head(w, CBOR_ARRAY, e->count);
        for (uint32_t i = 0; i < e->count; i++)
            write_argument(w, &e->args[i]);
    }
}

static uint32_t pairs(fsm_bytes unknown)
{
    uint32_t count = 0;
    cbor_reader r = cbor_reader_of(unknown);
    fsm_bytes item;
    for (; r.at != r.end; count++) {
        cbor_read_any(&r, &item);
        cbor_read_any(&r, &item);
    }
    return count;
}

static void write_number(cbor_writer *w, uint32_t key, uint64_t number)
{
    cbor_write_head(w, CBOR_UINT, key);
    cbor_write_head(w, CBOR_UINT, number);
}

uint64_t sidecar_write(const sidecar *s, uint8_t *buffer, uint64_t capacity)
{
    cbor_writer w = {buffer, capacity, 0};
    cbor_write_head(&w, CBOR_MAP,
                    3 + (s->owed != 0) + (s->queued != 0) + (s->mark != FSM_MARK_NO) + (s->carried.size != 0) +
                        (s->moved.size != 0) + (s->unknown.size ? pairs(s->unknown) : 0));
    write_number(&w, KEY_VERSION, SIDECAR_VERSION);
    write_number(&w, KEY_SEQUENCE, s->sequence);
    write_number(&w, KEY_REVISION, s->revision);
    if (s->owed)
        write_number(&w, KEY_OWED, s->owed);
    if (s->queued)
        write_queue(&w, s->queue, s->queued);
    if (s->mark != FSM_MARK_NO)
        write_number(&w, KEY_MARK, s->mark);
    if (s->carried.size) {
        cbor_write_head(&w, CBOR_UINT, KEY_CARRIED);
        cbor_write_raw(&w, s->carried);
    }
    if (s->moved.size) {
        cbor_write_head(&w, CBOR_UINT, KEY_MOVED);
        cbor_write_head(&w, CBOR_ARRAY, 2);
        cbor_write_string(&w, CBOR_TEXT, s->moved);
        cbor_write_head(&w, CBOR_UINT, s->moved_status);
    }
    cbor_write_raw(&w, s->unknown);
    return w.length;
}

static bool read_number(cbor_reader *r, uint64_t *out)
{
    return cbor_read(r, CBOR_UINT, out, "expected an unsigned number");
}

static bool read_count(cbor_reader *r, uint64_t count, const char *expected)
{
    uint64_t found = 0;
    return cbor_read(r, CBOR_ARRAY, &found, expected) && (found == count || cbor_fail(r, expected));
}

static bool read_argument(cbor_reader *r, fsm_value *value)
{
    uint64_t count = 0, kind = 0;
    *value = (fsm_value){0};
    if (!cbor_read(r, CBOR_ARRAY, &count, "expected an argument") || !read_number(r, &kind))
        return false;
    if (kind > ARG_CBOR || count != (kind == ARG_CHANNEL ? 4 : 2))
        return cbor_fail(r, "an argument of no known kind, or of another length than its kind has");
    value->kind = (fsm_kind)kind;
    if ((kind == ARG_CHANNEL || is_number(value->kind)) && !read_number(r, &value->number))
        return false;
    if (!is_number(value->kind) && !cbor_read_string(r, CBOR_BYTES, UINT32_MAX, &value->bytes, "expected bytes"))
        return false;
    return kind != ARG_CHANNEL || cbor_read_string(r, CBOR_BYTES, UINT32_MAX, &value->more, "expected bytes");
}

/* One queued event; *memory says that it failed for want of it. */
static bool read_event(cbor_reader *r, const fsm_machine *machine, entries *queue, bool *memory)
{
    uint64_t event = 0, count = 0;
    bool raised = false;
    fsm_value args[3];
    uint32_t bad = 0;
    const uint8_t *start = r->at;
    if (!read_count(r, 3, "expected a queued event (an array of 3)") || !read_number(r, &event) ||
        !cbor_read_flag(r, &raised) || !cbor_read(r, CBOR_ARRAY, &count, "expected the arguments of an event"))
        return false;
    if (count > 3 || event >= FSM_EVENT_COUNT)
        return cbor_fail(r, "an event with too many arguments, or without a name");
    for (uint64_t i = 0; i < count; i++)
        if (!read_argument(r, &args[i]))
            return false;
    if (fsm_check_event(machine, (uint32_t)event, args, (uint32_t)count, &bad) != FSM_CHECK_OK) {
        r->at = start;
        return cbor_fail(r, "a queued event that this machine would not take");
    }
    entry *e = entry_new((uint32_t)event, args, (uint32_t)count, raised);
    if (!e) {
        *memory = true;
        return cbor_fail(r, "no memory");
    }
    entries_push(queue, e);
    return true;
}

static bool read_queue(cbor_reader *r, const fsm_machine *machine, entries *queue, bool *memory)
{
    uint64_t count = 0;
    if (!cbor_read(r, CBOR_ARRAY, &count, "expected the queue (an array)"))
        return false;
    if (!count)
        return cbor_fail(r, "an empty queue, which has to be left out");
    for (uint64_t i = 0; i < count; i++)
        if (!read_event(r, machine, queue, memory))
            return false;
    return true;
}

/* Whether key b comes after key a in canonical order: bytewise. */
static bool ascending(fsm_bytes a, fsm_bytes b)
{
    uint32_t size = a.size < b.size ? a.size : b.size;
    int order = memcmp(a.data, b.data, size);
    return order < 0 || (!order && a.size < b.size);
}

static bool keep_unknown(cbor_reader *r, uint64_t count, fsm_bytes *unknown)
{
    fsm_bytes last = {0}, key, value;
    unknown->data = r->at;
    for (uint64_t i = 0; i < count; i++) {
        const uint8_t *start = r->at;
        if (!cbor_read_any(r, &key))
            return false;
        if (key.data[0] < KEYS_KNOWN || (last.data && !ascending(last, key))) {
            r->at = start;
            return cbor_fail(r, "a key that is not in canonical order, or twice");
        }
        last = key;
        if (!cbor_read_any(r, &value))
            return false;
    }
    unknown->size = (uint32_t)(r->at - unknown->data);
    return true;
}

static bool take_key(cbor_reader *r, uint8_t key, uint64_t *left)
{
    if (!*left || r->at == r->end || *r->at != key)
        return false;
    r->at++;
    --*left;
    return true;
}

static bool read_owed(cbor_reader *r, uint32_t *owed)
{
    uint64_t number = 0;
    const uint8_t *start = r->at;
    if (!read_number(r, &number))
        return false;
    *owed = (uint32_t)number;
    if ((number < SIDECAR_KEYLESS_LATER && number & SIDECAR_OWED) || number == SIDECAR_KEYLESS_LATER ||
        (number & ~(uint64_t)SIDECAR_ASKED_ONCE) == (SIDECAR_OWED | SIDECAR_WITHOUT_KEY | SIDECAR_KEYLESS_LATER))
        return true;
    r->at = start;
    return cbor_fail(r, "expected what is owed: 1, 3, 5, 7, 8, 11 or 15");
}

static bool read_mark(cbor_reader *r, fsm_mark *mark)
{
    uint64_t number = 0;
    const uint8_t *start = r->at;
    if (!read_number(r, &number))
        return false;
    *mark = (fsm_mark)number;
    if (number == FSM_MARK_YES || number == FSM_MARK_UNKNOWN)
        return true;
    r->at = start;
    return cbor_fail(r, "expected the mark `unversioned`: 1 or 2");
}

/* Checks the form; which versions and records these are is looked at when one is needed. */
static bool read_carried(cbor_reader *r, fsm_bytes *out)
{
    uint64_t count = 0;
    fsm_bytes part;
    out->data = r->at;
    if (!cbor_read(r, CBOR_ARRAY, &count, "expected what is carried (an array)"))
        return false;
    if (!count)
        return cbor_fail(r, "an empty list of what is carried, which has to be left out");
    for (uint64_t i = 0; i < count; i++)
        if (!read_count(r, 2, "expected a machine version and a record (an array of 2)") ||
            !cbor_read_string(r, CBOR_TEXT, FSM_TEXT_MAX, &part, "expected a machine version") ||
            !cbor_read_string(r, CBOR_BYTES, UINT32_MAX, &part, "expected a record"))
            return false;
    out->size = (uint32_t)(r->at - out->data);
    return true;
}

static bool read_moved(cbor_reader *r, sidecar *s)
{
    if (!read_count(r, 2, "expected a machine version and a status (an array of 2)") ||
        !cbor_read_string(r, CBOR_TEXT, FSM_TEXT_MAX, &s->moved, "expected a machine version") ||
        !read_number(r, &s->moved_status))
        return false;
    return s->moved.size || cbor_fail(r, "expected the machine version that the row names, found an empty text");
}

static bool read_fields(cbor_reader *r, const fsm_machine *machine, sidecar *s, entries *queue, bool *memory)
{
    uint64_t left = 0, number = 0;
    if (!cbor_read(r, CBOR_MAP, &left, "expected a map"))
        return false;
    if (!take_key(r, KEY_VERSION, &left))
        return cbor_fail(r, "expected key 0, the version");
    if (!read_number(r, &number))
        return false;
    if (number != SIDECAR_VERSION)
        return cbor_fail(r, "a sidecar of another version");
    if (!take_key(r, KEY_SEQUENCE, &left) || !read_number(r, &s->sequence))
        return cbor_fail(r, "expected key 1, the sequence");
    if (!take_key(r, KEY_REVISION, &left) || !read_number(r, &s->revision))
        return cbor_fail(r, "expected key 2, the revision");
    if (s->sequence > DEAL_COUNT_MAX || s->revision > DEAL_COUNT_MAX)
        return cbor_fail(r, "a sequence or revision of 2^63 or more");
    if ((take_key(r, KEY_OWED, &left) && !read_owed(r, &s->owed)) ||
        (take_key(r, KEY_QUEUE, &left) && !read_queue(r, machine, queue, memory)) ||
        (take_key(r, KEY_MARK, &left) && !read_mark(r, &s->mark)) ||
        (take_key(r, KEY_CARRIED, &left) && !read_carried(r, &s->carried)) ||
        (take_key(r, KEY_MOVED, &left) && !read_moved(r, s)) || !keep_unknown(r, left, &s->unknown))
        return false;
    return r->at == r->end || cbor_fail(r, "bytes after the end");
}

int32_t sidecar_read(fsm_bytes bytes, const fsm_machine *machine, sidecar *out, entries *queue, dealfsm_error *error)
{
    cbor_reader r = cbor_reader_of(bytes);
    bool memory = false;
    *out = (sidecar){0};
    if (!read_fields(&r, machine, out, queue, &memory))
        return border_fail(error, memory ? DEALFSM_E_NO_MEMORY : DEALFSM_E_CORRUPT, "sidecar", "at byte %llu: %s",
                           (unsigned long long)(r.at - r.start), r.why);
    out->queued = queue->count;
    out->queue = queue->head;
    return DEALFSM_OK;
}
