/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_TEXT_H
#define TOOLS_TEXT_H

/* The text forms that people use, to binary and back: CIDs, addresses, peer ids, amounts, sizes, durations, shares.
 *
 * Reading is exact: what is accepted has one meaning, anything else is refused with "expected …, found …" in *why (which may
 * be NULL). On refusal the result is untouched. Writing gives a new text that the caller frees (free), or NULL when the
 * bytes are not what the name says. Nothing here keeps state: any thread. */

#include <gmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Why a text was refused; ends with NUL, cut to fit. */
typedef struct text_why {
    char text[320];
} text_why;

/* Bytes of our own; data is freed by text_bytes_free. {0} is empty. */
typedef struct text_bytes {
    uint8_t *data;
    size_t len;
} text_bytes;

void text_bytes_free(text_bytes *bytes);

/* Sets *why to a formatted text; always false, so that a refusal is one line. */
bool text_refuse(text_why *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- Names of things: CID "bafy…" (base32) and "z…" (base58), version 0 "Qm…"; address "f0…" to "f4…" or "t…" (the
 * network prefix is not part of the binary form); peer id "12D3Koo…", "Qm…" or the CID form (codec libp2p-key). */
bool text_read_cid(const char *text, text_bytes *out, text_why *why);
bool text_read_address(const char *text, text_bytes *out, text_why *why);
bool text_read_peer(const char *text, text_bytes *out, text_why *why);
char *text_write_cid(const uint8_t *data, size_t len);
char *text_write_address(const uint8_t *data, size_t len); /* "f…" */
char *text_write_peer(const uint8_t *data, size_t len);

/* Bytes as lowercase hex. */
bool text_read_hex(const char *text, text_bytes *out, text_why *why);

/* ---- Amounts of token, attoFIL inside. Reads "1.5 FIL", "20 attoFIL", "3 nanoFIL", "7 nFIL" (milli m, micro u, nano n,
 * pico p, femto f, atto a), "0"; a fraction of an attoFIL is refused. */
bool text_read_amount(const char *text, mpz_t attofil, text_why *why);
char *text_write_fil(const mpz_t attofil); /* "1.5": in FIL, exact */

/* The stored form of an amount (dealfsm/base.h). Export: *len is at most capacity; false when it does not fit. Import takes
 * null or length 0 as zero, and reads the sign. */
bool text_amount_export(const mpz_t attofil, uint8_t *data, size_t capacity, size_t *len);
void text_amount_import(mpz_t attofil, const uint8_t *data, size_t len);

/* ---- Quantities. Sizes: "1 MiB", "1.5 GiB", "500 KiB", "20 kB", "12 bytes". Durations: "30 s", "200 ms", "5 us", "2 min",
 * "1 h", "3 d". Shares: "12.5 %", to millionths. */
bool text_read_size(const char *text, uint64_t *bytes, text_why *why);
bool text_read_duration(const char *text, uint64_t *microseconds, text_why *why);
bool text_read_share(const char *text, uint64_t *millionths, text_why *why);
char *text_write_size(uint64_t bytes);            /* "1.5 MiB"; at most two decimals, "about" is not said */
char *text_write_duration(uint64_t microseconds); /* "2 h 3 min", "1.25 s" */

/* ---- Encodings, used by the above. Base32 is lowercase, without padding. */
bool text_base32_read(const char *text, text_bytes *out, text_why *why);
char *text_base32_write(const uint8_t *data, size_t len);
bool text_base58_read(const char *text, text_bytes *out, text_why *why);
char *text_base58_write(const uint8_t *data, size_t len);

#endif
