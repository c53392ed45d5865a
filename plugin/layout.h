/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef PLUGIN_LAYOUT_H
#define PLUGIN_LAYOUT_H

/* Stored bytes of a record: a layout is the list of its items in their order, and one reader and one writer serve all
 * layouts. The reader takes exactly what the writer writes (spec page v0.5.6, "Stored bytes" and difference 10). */

#include "border.h"

typedef enum layout_kind {
    LAYOUT_ARRAY,          /* `count` items follow; with a presence flag that is off: cannot be stored */
    LAYOUT_OPTIONAL_ARRAY, /* null if the presence flag is off */
    LAYOUT_MAP,            /* as the two before; the items that follow have keys */
    LAYOUT_OPTIONAL_MAP,
    LAYOUT_U64,
    LAYOUT_OPTIONAL_U64, /* null if the presence flag is off */
    LAYOUT_FLAG,
    LAYOUT_AMOUNT,
    LAYOUT_ADDRESS,
    LAYOUT_CID,
    LAYOUT_OPTIONAL_CID, /* null if none */
    LAYOUT_TEXT,
    LAYOUT_PEER,
    LAYOUT_STATUS,
    LAYOUT_SELECTOR /* raw CBOR, null if none */
} layout_kind;

typedef struct layout_item {
    uint8_t kind; /* layout_kind */
    uint8_t count;
    uint16_t at;       /* offset in fsm_record */
    uint16_t presence; /* offset of the bool in fsm_record, or NO_PRESENCE */
    uint16_t abi_at;   /* offsets in dealfsm_record, for describe/1 */
    uint16_t abi_presence;
    const char *key;    /* in a map: text in front of the item; else NULL */
    const char *name;   /* as the vectors spell it */
    const char *stored; /* as the reference spells it */
    const char *unit;
} layout_item;
enum { NO_PRESENCE = UINT16_MAX };

typedef struct record_layout {
    const layout_item *items;
    uint32_t count;
    const fsm_address_rule *addresses; /* which ones and which CIDs can be stored */
    bool dag_cbor;                     /* a selector is stored in the one form of DAG-CBOR (selector.h), else as it came */
    const struct record_layout *older; /* another order, read and never written; NULL: none */
} record_layout;

/* The order that the bytes begin with: the layout itself, or its older one. What is read in that has to be adopted. */
const record_layout *layout_of(const record_layout *layout, fsm_bytes bytes);

/* False: *where (offset in bytes) and *why (a constant text) tell what is not as the writer would write it. */
bool layout_read(const record_layout *layout, fsm_bytes bytes, fsm_record *out, uint64_t *where, const char **why);

/* Writes the record; *length is what it needs, also when that is more than capacity. False: it cannot be stored; *field and
 * *why tell what. */
bool layout_write(const record_layout *layout, const fsm_record *record, uint8_t *buffer, uint64_t capacity, uint64_t *length,
                  const char **field, const char **why);

/* Brings what another version's or order's record holds into the form that this layout stores: a selector. `room`:
 * layout_adopt_room bytes, or NULL: nothing can be rewritten. False: it does not have that form; *why tells. */
bool layout_adopt(const record_layout *layout, fsm_record *record, uint8_t *room, const char **why);
uint64_t layout_adopt_room(const fsm_record *record);

#endif
