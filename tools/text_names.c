/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* CIDs, addresses and peer ids. Sources: the CID and multihash specifications of multiformats; Filecoin's specification,
 * appendix "Address"; libp2p's specification, "Peer Ids". */

#include <blake2.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

enum {
    CODEC_LIBP2P_KEY = 0x72,
    HASH_SHA2_256 = 0x12,
    HASH_IDENTITY = 0x00,
    CHECKSUM = 4,      /* bytes, of an address */
    DELEGATED_MAX = 54 /* bytes of a subaddress, protocol 4 */
};

/* Reads a varint in its shortest form (unsigned LEB128, at most 64 bits); the number of its bytes, 0: not one. */
static size_t varint_read(const uint8_t *data, size_t len, uint64_t *value)
{
    uint64_t result = 0;
    for (size_t i = 0; i < len && i < 10; i++) {
        if (i == 9 && data[i] > 1) {
            return 0;
        }
        result |= (uint64_t)(data[i] & 0x7f) << (7 * i);
        if ((data[i] & 0x80) == 0) {
            if (i > 0 && data[i] == 0) {
                return 0;
            }
            *value = result;
            return i + 1;
        }
    }
    return 0;
}

static size_t varint_write(uint64_t value, uint8_t *data)
{
    size_t len = 0;
    for (; value >= 0x80; value >>= 7) {
        data[len++] = (uint8_t)(value | 0x80);
    }
    data[len++] = (uint8_t)value;
    return len;
}

/* Is it one multihash, and nothing after it? */
static bool is_multihash(const uint8_t *data, size_t len)
{
    uint64_t code;
    uint64_t digest;
    size_t first = varint_read(data, len, &code);
    size_t second = first > 0 ? varint_read(data + first, len - first, &digest) : 0;
    return second > 0 && digest == len - first - second;
}

static bool is_cid_v0(const uint8_t *data, size_t len)
{
    return len == 34 && data[0] == HASH_SHA2_256 && data[1] == 32;
}

/* A CID of version 1: sets where its multihash begins. */
static bool is_cid_v1(const uint8_t *data, size_t len, uint64_t *codec, size_t *hash)
{
    size_t used = len > 0 && data[0] == 1 ? varint_read(data + 1, len - 1, codec) : 0;
    *hash = 1 + used;
    return used > 0 && is_multihash(data + *hash, len - *hash);
}

/* Reads the text of a CID of either version, without looking at what it says. */
static bool read_multibase(const char *text, text_bytes *out, text_why *why)
{
    switch (text[0]) {
    case 'b':
        return text_base32_read(text + 1, out, why);
    case 'z':
        return text_base58_read(text + 1, out, why);
    case 'Q':
        return text_base58_read(text, out, why);
    default:
        return text_refuse(why, "expected a CID that begins with b (base32), z or Qm (base58), found \"%.80s\"", text);
    }
}

bool text_read_cid(const char *text, text_bytes *out, text_why *why)
{
    text_bytes bytes;
    uint64_t codec;
    size_t hash;
    if (!read_multibase(text, &bytes, why)) {
        return false;
    }
    bool version0 = is_cid_v0(bytes.data, bytes.len);
    if (text[0] == 'Q' ? version0 : is_cid_v1(bytes.data, bytes.len, &codec, &hash)) {
        *out = bytes;
        return true;
    }
    text_bytes_free(&bytes);
    if (text[0] == 'Q') {
        return text_refuse(why, "expected a version 0 CID (Qm and 44 more characters), found \"%.80s\"", text);
    }
    return text_refuse(why, "expected a version 1 CID with one whole multihash, found \"%.120s\"", text);
}

static char *prefixed(const char *prefix, char *rest)
{
    char *text = NULL;
    if (rest != NULL && asprintf(&text, "%s%s", prefix, rest) < 0) {
        text = NULL;
    }
    free(rest);
    return text;
}

char *text_write_cid(const uint8_t *data, size_t len)
{
    uint64_t codec;
    size_t hash;
    if (is_cid_v0(data, len)) {
        return text_base58_write(data, len);
    }
    return is_cid_v1(data, len, &codec, &hash) ? prefixed("b", text_base32_write(data, len)) : NULL;
}

/* ---- Peer ids: a multihash, sha2-256 of the key, or the key itself (identity) where it is short. */

static bool is_peer(const uint8_t *data, size_t len)
{
    return is_multihash(data, len) && (data[0] == HASH_SHA2_256 ? len == 34 : data[0] == HASH_IDENTITY && len > 2);
}

static bool peer_of_cid(const char *text, text_bytes *out, text_why *why)
{
    text_bytes cid;
    uint64_t codec;
    size_t hash;
    if (!text_read_cid(text, &cid, why)) {
        return false;
    }
    if (!is_cid_v1(cid.data, cid.len, &codec, &hash) || codec != CODEC_LIBP2P_KEY ||
        !is_peer(cid.data + hash, cid.len - hash)) {
        text_bytes_free(&cid);
        return text_refuse(why, "expected a peer id (codec libp2p-key), found another CID: \"%.100s\"", text);
    }
    memmove(cid.data, cid.data + hash, cid.len - hash);
    cid.len -= hash;
    *out = cid;
    return true;
}

bool text_read_peer(const char *text, text_bytes *out, text_why *why)
{
    text_bytes bytes;
    if (text[0] == 'b' || text[0] == 'z') {
        return peer_of_cid(text, out, why);
    }
    if (text[0] != '1' && text[0] != 'Q') {
        return text_refuse(why, "expected a peer id (12D3Koo…, Qm… or bafz…), found \"%.80s\"", text);
    }
    if (!text_base58_read(text, &bytes, why)) {
        return false;
    }
    if (!is_peer(bytes.data, bytes.len)) {
        text_bytes_free(&bytes);
        return text_refuse(why, "expected a peer id (a sha2-256 or identity multihash), found \"%.100s\"", text);
    }
    *out = bytes;
    return true;
}

char *text_write_peer(const uint8_t *data, size_t len)
{
    return is_peer(data, len) ? text_base58_write(data, len) : NULL;
}

/* ---- Addresses: a protocol byte and the payload; in text form behind it the first 4 bytes of blake2b over both. */

/* Length of the payload of protocols 1 to 3, 0 for others. */
static size_t payload_len(uint8_t protocol)
{
    return protocol == 1 || protocol == 2 ? 20 : protocol == 3 ? 48 : 0;
}

static bool checksum(const uint8_t *data, size_t len, uint8_t sum[CHECKSUM])
{
    return blake2b(sum, data, NULL, CHECKSUM, len, 0) == 0;
}

/* Decimal number without leading zero up to `end`, below 2^63 as go-address wants actor ids to be. */
static bool read_actor_id(const char *text, const char *end, uint64_t *id)
{
    uint64_t value = 0;
    if (text == end || (text[0] == '0' && end - text > 1)) {
        return false;
    }
    for (; text < end; text++) {
        if (*text < '0' || *text > '9' || value > (INT64_MAX - (uint64_t)(*text - '0')) / 10) {
            return false;
        }
        value = value * 10 + (uint64_t)(*text - '0');
    }
    *id = value;
    return true;
}

/* Puts `head` (protocol, for 4 also the actor id) before the payload that the text carries, and checks its checksum. */
static bool read_checked(const char *text, const uint8_t *head, size_t head_len, const char *whole, text_bytes *out,
                         text_why *why)
{
    text_bytes tail;
    if (!text_base32_read(text, &tail, why)) {
        return false;
    }
    size_t payload = tail.len >= CHECKSUM ? tail.len - CHECKSUM : 0;
    size_t wanted = payload_len(head[0]);
    if (tail.len < CHECKSUM || (wanted > 0 ? payload != wanted : payload > DELEGATED_MAX)) {
        text_bytes_free(&tail);
        return text_refuse(why, "expected an f%u address of the right length, found \"%.100s\"", head[0], whole);
    }
    uint8_t *data = malloc(head_len + payload);
    uint8_t sum[CHECKSUM];
    if (data == NULL) {
        text_bytes_free(&tail);
        return text_refuse(why, "out of memory");
    }
    memcpy(data, head, head_len);
    memcpy(data + head_len, tail.data, payload);
    bool ok = checksum(data, head_len + payload, sum) && memcmp(sum, tail.data + payload, CHECKSUM) == 0;
    text_bytes_free(&tail);
    if (!ok) {
        free(data);
        return text_refuse(why, "expected an address with a right checksum, found \"%.100s\" (mistyped?)", whole);
    }
    *out = (text_bytes){.data = data, .len = head_len + payload};
    return true;
}

static bool read_id_address(const char *text, text_bytes *out, text_why *why)
{
    uint64_t id;
    if (!read_actor_id(text + 2, text + strlen(text), &id)) {
        return text_refuse(why, "expected f0 and an actor number, found \"%.60s\"", text);
    }
    uint8_t *data = malloc(11);
    if (data == NULL) {
        return text_refuse(why, "out of memory");
    }
    data[0] = 0;
    *out = (text_bytes){.data = data, .len = 1 + varint_write(id, data + 1)};
    return true;
}

static bool read_delegated(const char *text, text_bytes *out, text_why *why)
{
    uint8_t head[11] = {4};
    uint64_t id;
    const char *f = strchr(text + 2, 'f');
    if (f == NULL || !read_actor_id(text + 2, f, &id)) {
        return text_refuse(why, "expected f4, an actor number, f and a subaddress, found \"%.100s\"", text);
    }
    return read_checked(f + 1, head, 1 + varint_write(id, head + 1), text, out, why);
}

bool text_read_address(const char *text, text_bytes *out, text_why *why)
{
    if ((text[0] != 'f' && text[0] != 't') || text[1] < '0' || text[1] > '4') {
        return text_refuse(why, "expected an address (f0… to f4…), found \"%.80s\"", text);
    }
    uint8_t protocol = (uint8_t)(text[1] - '0');
    if (protocol == 0) {
        return read_id_address(text, out, why);
    }
    return protocol == 4 ? read_delegated(text, out, why) : read_checked(text + 2, &protocol, 1, text, out, why);
}

static char *write_checked(const char *prefix, const uint8_t *data, size_t len, size_t head)
{
    uint8_t tail[DELEGATED_MAX + CHECKSUM];
    memcpy(tail, data + head, len - head);
    if (!checksum(data, len, tail + len - head)) {
        return NULL;
    }
    return prefixed(prefix, text_base32_write(tail, len - head + CHECKSUM));
}

char *text_write_address(const uint8_t *data, size_t len)
{
    char prefix[32];
    uint64_t id = 0;
    if (len == 0 || data[0] > 4) {
        return NULL;
    }
    if (data[0] != 0 && data[0] != 4) {
        (void)snprintf(prefix, sizeof prefix, "f%u", data[0]);
        return len == 1 + payload_len(data[0]) ? write_checked(prefix, data, len, 1) : NULL;
    }
    size_t used = varint_read(data + 1, len - 1, &id);
    (void)snprintf(prefix, sizeof prefix, "f%u%" PRIu64, data[0], id);
    if (data[0] == 0) {
        return used > 0 && used == len - 1 ? strdup(prefix) : NULL;
    }
    (void)snprintf(prefix, sizeof prefix, "f4%" PRIu64 "f", id);
    return used > 0 && len - 1 - used <= DELEGATED_MAX ? write_checked(prefix, data, len, 1 + used) : NULL;
}
