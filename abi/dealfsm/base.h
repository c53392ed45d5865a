/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef DEALFSM_BASE_H
#define DEALFSM_BASE_H

/* What every other header of the contract uses: version, results, errors, values.
 *
 * Rules that hold for all of it:
 *  - Every struct starts with `struct_size`, set by whoever allocates it to sizeof of the struct he knows. A reader
 *    takes what both sides know and treats the rest as zero; a longer struct whose unknown tail is not zero is refused
 *    with DEALFSM_E_TOO_NEW. A writer never writes past the caller's size. Structs grow at the end only.
 *  - A span is two members, a pointer and a length in bytes (`x`, `x_len`). "None" is a null pointer.
 *  - Arrays of structs carry a count and a stride (the distance of two elements in bytes, as their owner's sizeof).
 *  - No memory changes owner. Input lives until the call returns; what a callback receives lives until it returns.
 *  - Amounts of token are attoFIL (1 FIL = 10^18 attoFIL) in their stored form: empty for zero, else a sign byte
 *    (0x00 positive, 0x01 negative) and the magnitude, big-endian, without leading zero; at most 160 bytes here and
 *    at most 128 where they are stored.
 *  - Thread tags: [any] any thread, also inside a callback or environment call; [outside] any thread, but not inside a
 *    callback or environment call of the same machine; [start] before the object is shared with other threads.
 */

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The ABI: the major number is part of the exported symbol's name, minors only add. */
#define DEALFSM_ABI_MAJOR 1u
#define DEALFSM_ABI_MINOR 0u

/* Results: 0 or positive is success, negative an error and then nothing has changed. Append only. */
enum {
    DEALFSM_OK = 0,
    DEALFSM_APPLIED = 0,  /* dispatch, create, retry: durable, and told to subscribers */
    DEALFSM_ACCEPTED = 1, /* taken; durable once a revision at or above the one returned is */
    DEALFSM_STALLED = 2,  /* taken, but kept in memory only: the deal waits for retry. Do not hand it in again */

    DEALFSM_E_ARGUMENT = -1,            /* null, out of range or malformed argument; field names it */
    DEALFSM_E_TOO_NEW = -2,             /* a struct is longer than known here, and its tail is not zero */
    DEALFSM_E_ABI = -3,                 /* no common ABI minor; the text names both ranges */
    DEALFSM_E_MISSING = -4,             /* a service or function that is needed was not given */
    DEALFSM_E_NO_MEMORY = -5,           /* allocation failed */
    DEALFSM_E_NOT_FOUND = -6,           /* no such deal, subscription, interface or index */
    DEALFSM_E_EXISTS = -7,              /* the deal id is taken */
    DEALFSM_E_UNKNOWN_EVENT = -8,       /* the machine has no such event */
    DEALFSM_E_ARGUMENT_COUNT = -9,      /* wrong number of event arguments */
    DEALFSM_E_ARGUMENT_TYPE = -10,      /* an event argument of the wrong kind, or malformed */
    DEALFSM_E_INVALID_TRANSITION = -11, /* the event has no transition from the present state */
    DEALFSM_E_TERMINATED = -12,         /* the deal is in a final state */
    DEALFSM_E_ACTION = -13,             /* the event's action cannot be carried out (range, not storable) */
    DEALFSM_E_QUEUE_FULL = -14,         /* the deal's queue is at its bound */
    DEALFSM_E_FROZEN = -15,             /* the deal is frozen or staged: hand it in again later, or to the other side */
    DEALFSM_E_BUSY = -16,               /* a put, callback or host call is running; or work is open */
    DEALFSM_E_NOT_OPEN = -17,           /* no such op is open: unknown, answered already, or late */
    DEALFSM_E_CORRUPT = -18,            /* bytes that are not a record or sidecar; text gives offset and reason */
    DEALFSM_E_VERSION = -19,            /* a machine version that this module does not read or write */
    DEALFSM_E_TOO_SMALL = -20,          /* the buffer is too small; the needed length was written */
    DEALFSM_E_STATE = -21,              /* not possible in the deal's present condition; text says which */
    DEALFSM_E_STAYS = -22,              /* the deal cannot move to this version now; later it can */
    DEALFSM_E_REFUSED = -23,            /* the deal cannot move to this version */
    DEALFSM_E_LOST = -24,               /* the store says that the deal belongs to somebody else now */
    DEALFSM_E_IO = -25                  /* host library: a file or library call failed; text says which */
};

/* Where an error's details go. Owned by the caller, may be NULL wherever one is asked for. The first error wins: a
 * struct whose code is not 0 is left alone, so clear it (code = 0) before reuse. Texts end with NUL, are cut to fit,
 * and say what was expected, what was found and, where it helps, what to do. */
typedef struct dealfsm_error {
    uint32_t struct_size;
    int32_t code;    /* one of DEALFSM_E_…, 0 for none */
    char field[64];  /* the argument or member concerned, "" for none */
    char text[432];
} dealfsm_error;

/* Kinds of a value. Append only. */
enum {
    DEALFSM_NONE = 0,     /* no value: "no address", "no message CID" */
    DEALFSM_AMOUNT = 1,   /* attoFIL in data, stored form */
    DEALFSM_TEXT = 2,     /* bytes in data, UTF-8 by custom, not checked */
    DEALFSM_ERROR = 3,    /* the text of an error, in data */
    DEALFSM_U64 = 4,      /* number */
    DEALFSM_CID = 5,      /* binary CID in data; length 0: undefined */
    DEALFSM_ADDRESS = 6,  /* binary Filecoin address in data; length 0: undefined */
    DEALFSM_STATUS = 7,   /* a deal status in number */
    DEALFSM_CHANNEL = 8,  /* data-transfer channel: initiator in data, responder in data2 (raw peer ids), id in number */
    DEALFSM_FLAG = 9,     /* 0 or 1 in number */
    DEALFSM_BYTES = 10,   /* opaque bytes in data: chain token, voucher */
    DEALFSM_PEER = 11,    /* raw peer id (multihash) in data */
    DEALFSM_CBOR = 12     /* raw CBOR in data: the selector */
};

/* One argument of an event or op, or one value of an answer. */
typedef struct dealfsm_value {
    uint32_t struct_size;
    uint32_t kind;
    uint64_t number;
    const uint8_t *data;
    uint64_t data_len;
    const uint8_t *data2;
    uint64_t data2_len;
} dealfsm_value;

/* An event with its arguments, in the order that describe/1 gives. */
typedef struct dealfsm_event {
    uint32_t struct_size;
    uint32_t event; /* a ClientEvent number */
    const dealfsm_value *args;
    uint32_t args_count;
    uint32_t args_stride;
} dealfsm_event;

#ifdef __cplusplus
}
#endif
#endif
