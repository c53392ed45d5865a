/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "record.h"

#include <stddef.h>

enum {
    CID_0_SIZE = 34,
    SUBADDRESS_MAX = 54 /* bytes behind the number in an address of protocol 4 */
};

/* Reads a minimal varint at *at and steps over it. */
static bool read_varint(fsm_bytes bytes, uint32_t *at, uint32_t max, uint64_t *value)
{
    *value = 0;
    for (uint32_t i = 0; i < max && *at < bytes.size; i++) {
        uint8_t byte = bytes.data[(*at)++];
        if (i == 9 && byte > 1)
            return false;
        *value |= (uint64_t)(byte & 0x7f) << 7 * i;
        if (byte < 0x80)
            return byte != 0 || i == 0;
    }
    return false;
}

/* In bytes. */
static uint32_t varint_max(const fsm_address_rule *rule)
{
    return (rule->bits + 6u) / 7;
}

bool fsm_cid_well_formed(fsm_bytes cid, const fsm_address_rule *rule)
{
    if (cid.size < 2 || cid.size >= FSM_CID_MAX)
        return false;
    if (cid.data[0] == 0x12 && cid.data[1] == 0x20)
        return cid.size == CID_0_SIZE;
    uint32_t at = 0, max = varint_max(rule);
    uint64_t version, codec, hash, digest_size;
    return read_varint(cid, &at, max, &version) && version == 1 && read_varint(cid, &at, max, &codec) &&
           read_varint(cid, &at, max, &hash) && read_varint(cid, &at, max, &digest_size) && digest_size == cid.size - at;
}

bool fsm_address_well_formed(fsm_bytes address, const fsm_address_rule *rule)
{
    if (address.size < 2 || address.size > FSM_ADDRESS_MAX || address.data[0] >= rule->protocols)
        return false;
    uint32_t at = 1;
    uint32_t max = varint_max(rule);
    uint64_t id;
    switch (address.data[0]) {
    case 0:
        return read_varint(address, &at, max, &id) && at == address.size;
    case 1:
    case 2:
        return address.size == 21;
    case 3:
        return address.size == 49;
    case 4:
        return read_varint(address, &at, max, &id) && address.size - at <= SUBADDRESS_MAX;
    default:
        return false;
    }
}
