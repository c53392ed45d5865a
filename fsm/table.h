/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef FSM_TABLE_H
#define FSM_TABLE_H

/* The words in which a machine's table is written. They fill in fields of the structs in machine.h and do nothing
 * else:
 *
 *     EVENT(ClientEventDealProposed, ARGS(ARG_CHANNEL, channelID), fsm_set_channel,
 *           {FROM(DealStatusNew), TO(DealStatusWaitForAcceptance)})
 *
 * is the row of an event with its arguments (kind, name, kind, name, …), its action and its From...To clauses, in the
 * order and the words of the specification. */

#include "machine.h"

#define EVENT(event, arguments, function, ...) \
    [event] = {.line = __LINE__, arguments, .action = function, .clauses = {__VA_ARGS__}},
#define NO_ACTION NULL

#define FROM(state) .from = FSM_FROM, .count = 1, .states = {state}
#define FROM_MANY(...) .from = FSM_FROM_MANY, .count = FSM_COUNT(__VA_ARGS__), .states = {__VA_ARGS__}
#define FROM_ANY .from = FSM_FROM_ANY
#define TO(state) .to = FSM_TO, .target = state
#define TO_NO_CHANGE .to = FSM_TO_NO_CHANGE
#define TO_JUST_RECORD .to = FSM_TO_JUST_RECORD

#define NO_ARGS .args_count = 0
#define ARGS(...) \
    .args_count = FSM_COUNT(FSM_KINDS(__VA_ARGS__)), .args = {FSM_KINDS(__VA_ARGS__)}, \
    .args_names = {FSM_NAMES(__VA_ARGS__)}

#define HANDLER(word, function, ...) {.name = #word, .run = function, __VA_ARGS__}
#define OPS(...) .ops = {__VA_ARGS__, 0}
#define NO_OPS .ops = {0}
#define RAISES(...) .raises = {__VA_ARGS__, FSM_LIST_END}
#define STATES(...) .states = {__VA_ARGS__, FSM_LIST_END}

/* An op: what it takes (ARGS or NO_ARGS) and gives. */
#define OP(word, class_of_op, takes, gives) [Op##word] = {.name = #word, .op_class = class_of_op, takes, gives}
#define GIVES(...) \
    .values_count = FSM_COUNT(FSM_KINDS(__VA_ARGS__)), .values = {FSM_KINDS(__VA_ARGS__)}, \
    .values_names = {FSM_NAMES(__VA_ARGS__)}
#define GIVES_NOTHING .values_count = 0

/* How many numbers below 256 a list has. */
#define FSM_COUNT(...) sizeof((const uint8_t[]){__VA_ARGS__})

/* The odd and the even items of a list of up to ten pairs; the even ones as strings. */
#define FSM_PICK_20(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, picked, ...) picked
#define FSM_KINDS(...) \
    FSM_PICK_20(__VA_ARGS__, FSM_KINDS_20, _, FSM_KINDS_18, _, FSM_KINDS_16, _, FSM_KINDS_14, _, FSM_KINDS_12, _, \
                FSM_KINDS_10, _, FSM_KINDS_8, _, FSM_KINDS_6, _, FSM_KINDS_4, _, FSM_KINDS_2, _, _)(__VA_ARGS__)
#define FSM_KINDS_2(kind, name) kind
#define FSM_KINDS_4(kind, name, ...) kind, FSM_KINDS_2(__VA_ARGS__)
#define FSM_KINDS_6(kind, name, ...) kind, FSM_KINDS_4(__VA_ARGS__)
#define FSM_KINDS_8(kind, name, ...) kind, FSM_KINDS_6(__VA_ARGS__)
#define FSM_KINDS_10(kind, name, ...) kind, FSM_KINDS_8(__VA_ARGS__)
#define FSM_KINDS_12(kind, name, ...) kind, FSM_KINDS_10(__VA_ARGS__)
#define FSM_KINDS_14(kind, name, ...) kind, FSM_KINDS_12(__VA_ARGS__)
#define FSM_KINDS_16(kind, name, ...) kind, FSM_KINDS_14(__VA_ARGS__)
#define FSM_KINDS_18(kind, name, ...) kind, FSM_KINDS_16(__VA_ARGS__)
#define FSM_KINDS_20(kind, name, ...) kind, FSM_KINDS_18(__VA_ARGS__)
#define FSM_NAMES(...) \
    FSM_PICK_20(__VA_ARGS__, FSM_NAMES_20, _, FSM_NAMES_18, _, FSM_NAMES_16, _, FSM_NAMES_14, _, FSM_NAMES_12, _, \
                FSM_NAMES_10, _, FSM_NAMES_8, _, FSM_NAMES_6, _, FSM_NAMES_4, _, FSM_NAMES_2, _, _)(__VA_ARGS__)
#define FSM_NAMES_2(kind, name) #name
#define FSM_NAMES_4(kind, name, ...) #name, FSM_NAMES_2(__VA_ARGS__)
#define FSM_NAMES_6(kind, name, ...) #name, FSM_NAMES_4(__VA_ARGS__)
#define FSM_NAMES_8(kind, name, ...) #name, FSM_NAMES_6(__VA_ARGS__)
#define FSM_NAMES_10(kind, name, ...) #name, FSM_NAMES_8(__VA_ARGS__)
#define FSM_NAMES_12(kind, name, ...) #name, FSM_NAMES_10(__VA_ARGS__)
#define FSM_NAMES_14(kind, name, ...) #name, FSM_NAMES_12(__VA_ARGS__)
#define FSM_NAMES_16(kind, name, ...) #name, FSM_NAMES_14(__VA_ARGS__)
#define FSM_NAMES_18(kind, name, ...) #name, FSM_NAMES_16(__VA_ARGS__)
#define FSM_NAMES_20(kind, name, ...) #name, FSM_NAMES_18(__VA_ARGS__)

#endif
