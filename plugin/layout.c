/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "layout.h"

#include <string.h>

#include "selector.h"

enum { TAG_CID = 42 };

static fsm_bytes *bytes_at(fsm_record *record, const layout_item *item)
{
    return (fsm_bytes *)((uint8_t *)record + item->at);
}

static uint64_t *number_at(fsm_record *record, const layout_item *item)
{
    return (uint64_t *)((uint8_t *)record + item->at);
}

static bool *flag_at(fsm_record *record, uint16_t at)
{
    return (bool *)((uint8_t *)record + at);
}

static bool read_cid(cbor_reader *r, fsm_bytes *out, const fsm_address_rule *rule)
{
    uint64_t tag = 0;
    const uint8_t *start = r->at;
    if (!cbor_read(r, CBOR_TAG, &tag, "expected a CID (tag 42)"))
        return false;
    if (tag != TAG_CID) {
        r->at = start;
        return cbor_fail(r, "expected a CID (tag 42), found another tag");
    }
    fsm_bytes raw;
    if (!cbor_read_string(r, CBOR_BYTES, FSM_CID_MAX, &raw, "expected the bytes of a CID"))
        return false;
    *out = (fsm_bytes){raw.data + 1, raw.size - 1};
    if (raw.size && raw.data[0] == 0 && fsm_cid_well_formed(*out, rule))
        return true;
    r->at = start;
    return cbor_fail(r, raw.size && raw.data[0] == 0 ? "a CID that is not well formed" : "a CID without its leading 00");
}

static bool read_amount(cbor_reader *r, fsm_bytes *out)
{
    const uint8_t *start = r->at;
    if (!cbor_read_string(r, CBOR_BYTES, FSM_AMOUNT_STORED_MAX, out, "expected an amount"))
        return false;
    if (fsm_amount_well_formed(*out, FSM_AMOUNT_STORED_MAX))
        return true;
    r->at = start;
    return cbor_fail(r, "an amount that is not in its one stored form (sign 00 or 01, no leading zero, zero is empty)");
}

static bool read_address(cbor_reader *r, fsm_bytes *out, const fsm_address_rule *rule)
{
    const uint8_t *start = r->at;
    if (!cbor_read_string(r, CBOR_BYTES, FSM_ADDRESS_MAX, out, "expected an address"))
        return false;
    if (fsm_address_well_formed(*out, rule))
        return true;
    r->at = start;
    return cbor_fail(r, "an address that is not well formed");
}

static bool read_selector(cbor_reader *r, const record_layout *layout, fsm_bytes *out)
{
    *out = (fsm_bytes){0};
    return cbor_take_null(r) || (layout->dag_cbor ? selector_read(r, out) : cbor_read_any(r, out));
}

static bool is_group(layout_kind kind)
{
    return kind <= LAYOUT_OPTIONAL_MAP;
}

static bool is_map(layout_kind kind)
{
    return kind == LAYOUT_MAP || kind == LAYOUT_OPTIONAL_MAP;
}

/* A group that cannot be left out. */
static bool is_needed(layout_kind kind)
{
    return kind == LAYOUT_ARRAY || kind == LAYOUT_MAP;
}

static bool read_group(cbor_reader *r, const layout_item *item)
{
    uint64_t count = 0;
    const uint8_t *start = r->at;
    bool map = is_map((layout_kind)item->kind);
    if (!cbor_read(r, map ? CBOR_MAP : CBOR_ARRAY, &count, map ? "expected a map" : "expected an array"))
        return false;
    if (count == item->count)
        return true;
    r->at = start;
    return cbor_fail(r, map ? "a map of another size than the layout has" : "an array of another length than the layout has");
}

static bool read_key(cbor_reader *r, const char *key)
{
    const uint8_t *start = r->at;
    fsm_bytes found;
    if (!cbor_read_string(r, CBOR_TEXT, FSM_TEXT_MAX, &found, "expected a key (a text)"))
        return false;
    if (found.size == strlen(key) && !memcmp(found.data, key, found.size))
        return true;
    r->at = start;
    return cbor_fail(r, "another key than the layout has here");
}

/* Reads one item; *skip is how many of the items that follow it are left out. */
static bool read_item(cbor_reader *r, const record_layout *layout, const layout_item *item, fsm_record *out,
                      uint32_t *skip)
{
    bool present = true;
    if (item->key && !read_key(r, item->key))
        return false;
    if (item->presence != NO_PRESENCE)
        *flag_at(out, item->presence) = present = is_needed((layout_kind)item->kind) || !cbor_take_null(r);
    switch ((layout_kind)item->kind) {
    case LAYOUT_ARRAY:
    case LAYOUT_OPTIONAL_ARRAY:
    case LAYOUT_MAP:
    case LAYOUT_OPTIONAL_MAP:
        *skip = present ? 0 : item->count;
        return !present || read_group(r, item);
    case LAYOUT_OPTIONAL_U64:
        if (!present)
            return true;
        return cbor_read(r, CBOR_UINT, number_at(out, item), "expected an unsigned number or null");
    case LAYOUT_U64:
    case LAYOUT_STATUS:
        return cbor_read(r, CBOR_UINT, number_at(out, item), "expected an unsigned number");
    case LAYOUT_FLAG:
        return cbor_read_flag(r, flag_at(out, item->at));
    case LAYOUT_AMOUNT:
        return read_amount(r, bytes_at(out, item));
    case LAYOUT_ADDRESS:
        return read_address(r, bytes_at(out, item), layout->addresses);
    case LAYOUT_OPTIONAL_CID:
        return cbor_take_null(r) || read_cid(r, bytes_at(out, item), layout->addresses);
    case LAYOUT_CID:
        return read_cid(r, bytes_at(out, item), layout->addresses);
    case LAYOUT_TEXT:
    case LAYOUT_PEER:
        return cbor_read_string(r, CBOR_TEXT, FSM_TEXT_MAX, bytes_at(out, item), "expected a text");
    case LAYOUT_SELECTOR:
        return read_selector(r, layout, bytes_at(out, item));
    }
    return cbor_fail(r, "an item that this layout does not know");
}

const record_layout *layout_of(const record_layout *layout, fsm_bytes bytes)
{
    cbor_reader r = cbor_reader_of(bytes);
    const record_layout *older = layout->older;
    return older && read_group(&r, older->items) && read_key(&r, older->items[1].key) ? older : layout;
}

bool layout_read(const record_layout *layout, fsm_bytes bytes, fsm_record *out, uint64_t *where, const char **why)
{
    cbor_reader r = cbor_reader_of(bytes);
    memset(out, 0, sizeof *out);
    for (uint32_t i = 0; i < layout->count; i++) {
        uint32_t skip = 0;
        if (!read_item(&r, layout, &layout->items[i], out, &skip))
            break;
        i += skip;
    }
    if (!r.why && r.at != r.end)
        r.why = "bytes after the end of the record";
    *where = (uint64_t)(r.at - r.start);
    *why = r.why;
    return !r.why;
}

static void write_cid(cbor_writer *w, fsm_bytes cid)
{
    uint8_t zero = 0;
    cbor_write_head(w, CBOR_TAG, TAG_CID);
    cbor_write_head(w, CBOR_BYTES, (uint64_t)cid.size + 1);
    cbor_write_raw(w, (fsm_bytes){&zero, 1});
    cbor_write_raw(w, cid);
}

/* NULL, or why the bytes cannot be stored as this kind of item. */
static const char *refuse_bytes(const record_layout *layout, layout_kind kind, fsm_bytes bytes)
{
    switch (kind) {
    case LAYOUT_AMOUNT:
        return fsm_amount_well_formed(bytes, FSM_AMOUNT_STORED_MAX)
                   ? NULL
                   : "an amount of more than 127 bytes of magnitude, or not in its stored form";
    case LAYOUT_ADDRESS:
        return fsm_address_well_formed(bytes, layout->addresses) ? NULL : "an address that is undefined or not well formed";
    case LAYOUT_OPTIONAL_CID:
        if (!bytes.data)
            return NULL;
        return fsm_cid_well_formed(bytes, layout->addresses) ? NULL : "a CID that is undefined or not well formed";
    case LAYOUT_CID:
        return fsm_cid_well_formed(bytes, layout->addresses) ? NULL : "a CID that is undefined or not well formed";
    case LAYOUT_TEXT:
    case LAYOUT_PEER:
        return bytes.size <= FSM_TEXT_MAX ? NULL : "a text of more than 8,192 bytes";
    case LAYOUT_SELECTOR: {
        if (!bytes.data)
            return NULL;
        if (bytes.size && bytes.data[0] == CBOR_NULL)
            return "the selector null: hand in none";
        cbor_reader r = cbor_reader_of(bytes);
        fsm_bytes all;
        if (!read_selector(&r, layout, &all))
            return r.why;
        return r.at == r.end ? NULL : "more than one item";
    }
    default:
        return NULL;
    }
}

static void write_item(cbor_writer *w, const layout_item *item, const fsm_record *record, bool present)
{
    fsm_record *r = (fsm_record *)record; /* only read */
    layout_kind kind = (layout_kind)item->kind;
    if (item->key)
        cbor_write_string(w, CBOR_TEXT, (fsm_bytes){(const uint8_t *)item->key, (uint32_t)strlen(item->key)});
    if (!present || ((kind == LAYOUT_OPTIONAL_CID || kind == LAYOUT_SELECTOR) && !bytes_at(r, item)->data)) {
        cbor_write_byte(w, CBOR_NULL);
        return;
    }
    switch (kind) {
    case LAYOUT_ARRAY:
    case LAYOUT_OPTIONAL_ARRAY:
        cbor_write_head(w, CBOR_ARRAY, item->count);
        break;
    case LAYOUT_MAP:
    case LAYOUT_OPTIONAL_MAP:
        cbor_write_head(w, CBOR_MAP, item->count);
        break;
    case LAYOUT_U64:
    case LAYOUT_OPTIONAL_U64:
    case LAYOUT_STATUS:
        cbor_write_head(w, CBOR_UINT, *number_at(r, item));
        break;
    case LAYOUT_FLAG:
        cbor_write_byte(w, *flag_at(r, item->at) ? CBOR_TRUE : CBOR_FALSE);
        break;
    case LAYOUT_AMOUNT:
    case LAYOUT_ADDRESS:
        cbor_write_string(w, CBOR_BYTES, *bytes_at(r, item));
        break;
    case LAYOUT_CID:
    case LAYOUT_OPTIONAL_CID:
        write_cid(w, *bytes_at(r, item));
        break;
    case LAYOUT_TEXT:
    case LAYOUT_PEER:
        cbor_write_string(w, CBOR_TEXT, *bytes_at(r, item));
        break;
    case LAYOUT_SELECTOR:
        cbor_write_raw(w, *bytes_at(r, item));
        break;
    }
}

static bool holds_bytes(layout_kind kind)
{
    return kind >= LAYOUT_AMOUNT && kind != LAYOUT_STATUS;
}

bool layout_write(const record_layout *layout, const fsm_record *record, uint8_t *buffer, uint64_t capacity, uint64_t *length,
                  const char **field, const char **why)
{
    cbor_writer w = {buffer, capacity, 0};
    for (uint32_t i = 0; i < layout->count; i++) {
        const layout_item *item = &layout->items[i];
        layout_kind kind = (layout_kind)item->kind;
        bool present = item->presence == NO_PRESENCE || *flag_at((fsm_record *)record, item->presence);
        if (present && holds_bytes(kind) && (*why = refuse_bytes(layout, kind, *bytes_at((fsm_record *)record, item)))) {
            *field = item->name;
            return false;
        }
        if (!present && is_needed(kind)) {
            *field = item->name;
            *why = "none, which this layout cannot store";
            return false;
        }
        write_item(&w, item, record, present);
        if (!present && is_group(kind))
            i += item->count;
    }
    *length = w.length;
    return true;
}

uint64_t layout_adopt_room(const fsm_record *record)
{
    return selector_room(record->selector.size);
}

bool layout_adopt(const record_layout *layout, fsm_record *record, uint8_t *room, const char **why)
{
    fsm_bytes selector = record->selector;
    fsm_bytes all;
    if (!layout->dag_cbor || !selector.data)
        return true;
    cbor_reader r = cbor_reader_of(selector);
    if (selector_read(&r, &all))
        return true;
    if (!room) {
        *why = r.why;
        return false;
    }
    if (!selector_rewrite(selector, room, &record->selector, why))
        return false;
    if (record->selector.data[0] == CBOR_NULL)
        record->selector = (fsm_bytes){0};
    return true;
}
