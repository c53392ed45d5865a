/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <string.h>

#include "store_leveldb.h"

/* One pass for each length that ids have. What is not of that length is stepped or jumped over. */

enum { DIGITS_MOST = 20, STEPS_BEFORE_JUMP = 4 };

static void seek(leveldb_walk *w, const char *digits, size_t length, char behind)
{
    char key[LEVELDB_KEY_MOST];
    memcpy(key, w->prefix, w->prefix_len);
    memcpy(key + w->prefix_len, digits, length);
    size_t total = w->prefix_len + length;
    if (behind != '\0')
        key[total++] = behind;
    leveldb_iter_seek(w->iterator, key, total);
}

static size_t leading_digits(const char *text, size_t length)
{
    size_t count = 0;
    while (count < length && text[count] >= '0' && text[count] <= '9')
        count++;
    return count;
}

/* false: not the decimal form of a 64-bit number. */
static bool number_of(const char *digits, size_t length, uint64_t *number)
{
    uint64_t sum = 0;
    if (length == 0 || length > DIGITS_MOST || (digits[0] == '0' && length > 1))
        return false;
    for (size_t i = 0; i < length; i++) {
        uint64_t digit = (uint64_t)(digits[i] - '0');
        if (sum > (UINT64_MAX - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    *number = sum;
    return true;
}

/* The rest of the key where the iterator stands; NULL: outside of the prefix. */
static const char *rest_of_key(const leveldb_walk *w, size_t *length)
{
    if (!leveldb_iter_valid(w->iterator))
        return NULL;
    const char *key = leveldb_iter_key(w->iterator, length);
    if (*length < w->prefix_len || memcmp(key, w->prefix, w->prefix_len) != 0)
        return NULL;
    *length -= w->prefix_len;
    return key + w->prefix_len;
}

/* Goes behind all keys that begin with those digits and the character after them. */
static void jump_subtree(leveldb_walk *w, const char *rest, size_t digits)
{
    unsigned char behind = (unsigned char)rest[digits];
    if (behind == 0xff)
        leveldb_iter_next(w->iterator);
    else
        seek(w, rest, digits, (char)(behind + 1));
}

/* Goes on from where the iterator stands to the next key of the present length. false: this pass is over. */
static bool find_in_pass(leveldb_walk *w)
{
    size_t length;
    unsigned steps = 0;
    for (const char *rest = rest_of_key(w, &length); rest != NULL; rest = rest_of_key(w, &length)) {
        size_t digits = leading_digits(rest, length);
        if (digits == 0 && length > 0 && rest[0] > '9')
            return false;
        if (digits < length) {
            jump_subtree(w, rest, digits);
        } else if (length == w->digits && number_of(rest, length, &w->deal)) {
            return true;
        } else if (length > w->digits) {
            w->longer = w->longer == 0 || length < w->longer ? (unsigned)length : w->longer;
            if (++steps < STEPS_BEFORE_JUMP) {
                leveldb_iter_next(w->iterator);
            } else {
                w->skipped = true;
                steps = 0;
                seek(w, rest, w->digits, ':'); /* behind 9 */
            }
        } else {
            leveldb_iter_next(w->iterator);
        }
    }
    return false;
}

static void find(leveldb_walk *w)
{
    static const char lowest[DIGITS_MOST + 1] = "10000000000000000000";
    w->valid = find_in_pass(w);
    while (!w->valid && w->longer != 0 && w->digits < DIGITS_MOST) {
        w->digits = w->skipped ? w->digits + 1 : w->longer;
        w->longer = 0;
        w->skipped = false;
        if (w->digits > DIGITS_MOST)
            return;
        seek(w, lowest, w->digits, '\0');
        w->valid = find_in_pass(w);
    }
}

void leveldb_walk_start(leveldb_walk *w, leveldb_t *db, const leveldb_readoptions_t *options, const char *prefix,
                        uint64_t from)
{
    leveldb_key first = leveldb_id_key(prefix, from);
    *w = (leveldb_walk){.iterator = leveldb_create_iterator(db, options), .prefix = prefix};
    w->prefix_len = strlen(prefix);
    w->digits = (unsigned)(first.length - w->prefix_len);
    /* Longer ids may stand before the first key looked at. */
    w->longer = w->digits + 1;
    w->skipped = true;
    leveldb_iter_seek(w->iterator, first.text, first.length);
    find(w);
}

void leveldb_walk_next(leveldb_walk *w)
{
    leveldb_iter_next(w->iterator);
    find(w);
}

void leveldb_walk_end(leveldb_walk *w)
{
    leveldb_iter_destroy(w->iterator);
}
