/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The sidecar: what the reference forgets of a deal and we keep. A canonical CBOR map (RFC 8949, 4.2.1), keys:
 *   0 version of the sidecar, 1 sequence, 2 revision,
 *   3 what is owed (SIDECAR_… set; left out when 0),
 *   4 the queue: an array of events [number, raised by a handler, [argument, …]] (left out when empty), an argument being
 *     [kind, number], [kind, bytes], [kind, id, initiator, responder] for a channel.
 * Fields with other keys come from a later version of it: they are kept as they are and written again. */
#include "deal.h"

#include <stdlib.h>
#include <string.h>

#include "cbor.h"

enum { KEY_VERSION, KEY_SEQUENCE, KEY_REVISION, KEY_OWED, KEY_QUEUE, KEYS_KNOWN };

uint32_t sidecar_owed(const deal *d)
{
    if (!(d->flags & DEAL_OWED))
        return 0;
    return SIDECAR_OWED | (d->flags & DEAL_WITHOUT_KEY ? (uint32_t)SIDECAR_WITHOUT_KEY : 0) |
           (d->work && d->work->asked_once ? (uint32_t)SIDECAR_ASKED_ONCE : 0);
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
    for (; e; e = e->next) {
        cbor_write_head(w, CBOR_ARRAY, 3);
        cbor_write_head(w, CBOR_UINT, e->event);
        cbor_write_byte(w, e->raised ? CBOR_TRUE : CBOR_FALSE);
        cbor_write_head(w, CBOR_ARRAY, e->count);
        for (uint32_t i = 0; i < e->count; i++)
            write_argument(w, &e->args[i]);
    }
}

static uint32_t unknown_pairs(const extra *x)
{
    uint32_t count = 0;
    if (!x)
        return 0;
    cbor_reader r = {x->unknown.data, x->unknown.data, x->unknown.data + x->unknown.size, NULL};
    fsm_bytes item;
    for (; r.at != r.end; count++) {
        cbor_read_any(&r, &item);
        cbor_read_any(&r, &item);
    }
    return count;
}

uint64_t sidecar_write(const deal *d, uint64_t sequence, uint64_t revision, uint32_t owed, uint32_t skip,
                       uint8_t *buffer, uint64_t capacity)
{
    cbor_writer w = {buffer, capacity, 0};
    const entry *head = d->work ? d->work->queue.head : NULL;
    uint32_t queued = d->work ? d->work->queue.count - skip : 0;
    for (uint32_t i = 0; i < skip; i++)
        head = head->next;
    cbor_write_head(&w, CBOR_MAP, 3 + (owed ? 1 : 0) + (queued ? 1 : 0) + unknown_pairs(d->extra));
    cbor_write_head(&w, CBOR_UINT, KEY_VERSION);
    cbor_write_head(&w, CBOR_UINT, SIDECAR_VERSION);
    cbor_write_head(&w, CBOR_UINT, KEY_SEQUENCE);
    cbor_write_head(&w, CBOR_UINT, sequence);
    cbor_write_head(&w, CBOR_UINT, KEY_REVISION);
    cbor_write_head(&w, CBOR_UINT, revision);
    if (owed) {
        cbor_write_head(&w, CBOR_UINT, KEY_OWED);
        cbor_write_head(&w, CBOR_UINT, owed);
    }
    if (queued)
        write_queue(&w, head, queued);
    if (d->extra)
        cbor_write_raw(&w, d->extra->unknown);
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
static bool read_event(cbor_reader *r, entries *queue, bool *memory)
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
    if (fsm_check_event(module_version.machine, (uint32_t)event, args, (uint32_t)count, &bad) != FSM_CHECK_OK) {
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

static bool read_queue(cbor_reader *r, entries *queue, bool *memory)
{
    uint64_t count = 0;
    if (!cbor_read(r, CBOR_ARRAY, &count, "expected the queue (an array)"))
        return false;
    if (!count)
        return cbor_fail(r, "an empty queue, which has to be left out");
    for (uint64_t i = 0; i < count; i++)
        if (!read_event(r, queue, memory))
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

static bool read_fields(cbor_reader *r, deal *d, uint64_t *number, fsm_bytes *unknown, bool *memory)
{
    uint64_t left = 0, owed = 0;
    if (!cbor_read(r, CBOR_MAP, &left, "expected a map"))
        return false;
    if (!take_key(r, KEY_VERSION, &left))
        return cbor_fail(r, "expected key 0, the version");
    if (!read_number(r, number))
        return false;
    if (*number != SIDECAR_VERSION)
        return cbor_fail(r, "a sidecar of another version");
    if (!take_key(r, KEY_SEQUENCE, &left) || !read_number(r, &d->sequence))
        return cbor_fail(r, "expected key 1, the sequence");
    if (!take_key(r, KEY_REVISION, &left) || !read_number(r, &d->revision))
        return cbor_fail(r, "expected key 2, the revision");
    if (take_key(r, KEY_OWED, &left)) {
        const uint8_t *start = r->at;
        if (!read_number(r, &owed))
            return false;
        if (!(owed & SIDECAR_OWED) || owed > (SIDECAR_OWED | SIDECAR_WITHOUT_KEY | SIDECAR_ASKED_ONCE)) {
            r->at = start;
            return cbor_fail(r, "expected what is owed: 1, 3, 5 or 7");
        }
        d->flags |= DEAL_OWED | (owed & SIDECAR_WITHOUT_KEY ? (uint32_t)DEAL_WITHOUT_KEY : 0);
    }
    if (take_key(r, KEY_QUEUE, &left) && !read_queue(r, &d->work->queue, memory))
        return false;
    if (!keep_unknown(r, left, unknown))
        return false;
    d->work->asked_once = owed & SIDECAR_ASKED_ONCE;
    return r->at == r->end || cbor_fail(r, "bytes after the end");
}

int32_t sidecar_read(shard *s, deal *d, fsm_bytes bytes, dealfsm_error *error)
{
    cbor_reader r = {bytes.data, bytes.data, bytes.data + bytes.size, NULL};
    uint64_t number = 0;
    fsm_bytes unknown = {0};
    bool memory = false;
    if (!deal_work(s, d))
        return border_fail(error, DEALFSM_E_NO_MEMORY, "sidecar", "no memory");
    if (!read_fields(&r, d, &number, &unknown, &memory))
        return border_fail(error, memory ? DEALFSM_E_NO_MEMORY : DEALFSM_E_CORRUPT, "sidecar", "at byte %llu: %s",
                           (unsigned long long)(r.at - r.start), r.why);
    work *w = d->work;
    w->promised = w->saved = d->revision;
    if (unknown.size) {
        extra *e = malloc(sizeof *e + unknown.size);
        if (!e)
            return border_fail(error, DEALFSM_E_NO_MEMORY, "sidecar", "no memory");
        memcpy(e->unknown_bytes, unknown.data, unknown.size);
        *e = (extra){.unknown = {e->unknown_bytes, unknown.size}};
        d->extra = e;
    }
    return DEALFSM_OK;
}
