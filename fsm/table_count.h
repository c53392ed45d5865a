/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* Gives the words of table.h another meaning: the rows of a table become a number, for static assertions, as in
 *
 *     enum { TALLY = 0
 *     #include "client_0_5_6_events.inc"
 *     };
 *
 * Include it behind the table itself. C cannot read a constant array in an assertion, but it can tell the size of
 * one: a clause {FROM_MANY(a, b, c), TO(d)} turns into {[3 - 1] = 0, 0}, one element more than it has entries. */

#define FSM_TALLY_EVENTS(tally) ((tally) % 1000)
#define FSM_TALLY_CLAUSES(tally) ((tally) / 1000 % 1000)
#define FSM_TALLY_ENTRIES(tally) ((tally) / 1000000)

#undef EVENT
#undef FROM
#undef FROM_MANY
#undef FROM_ANY
#undef TO
#undef TO_NO_CHANGE
#undef TO_JUST_RECORD

#define EVENT(event, arguments, function, ...) \
    + 1 + 1000 * FSM_CLAUSES(__VA_ARGS__) + 1000000 * (FSM_ENTRIES(__VA_ARGS__))
#define FROM(state) [0] = 0
#define FROM_MANY(...) [FSM_COUNT(__VA_ARGS__) - 1] = 0
#define FROM_ANY [0] = 0
#define TO(state) 0
#define TO_NO_CHANGE 0
#define TO_JUST_RECORD 0

/* A clause is two arguments to the preprocessor, which does not know braces. */
#define FSM_CLAUSES(...) FSM_PICK_20(__VA_ARGS__, 10, _, 9, _, 8, _, 7, _, 6, _, 5, _, 4, _, 3, _, 2, _, 1, _, _)
#define FSM_ENTRIES(...) \
    FSM_PICK_20(__VA_ARGS__, _, _, FSM_ENTRIES_9, _, FSM_ENTRIES_8, _, FSM_ENTRIES_7, _, FSM_ENTRIES_6, _, \
                FSM_ENTRIES_5, _, FSM_ENTRIES_4, _, FSM_ENTRIES_3, _, FSM_ENTRIES_2, _, FSM_ENTRIES_1, _, \
                _)(__VA_ARGS__)
#define FSM_ENTRIES_1(from, to) sizeof((const uint8_t[]) from, to) - 1
#define FSM_ENTRIES_2(from, to, ...) sizeof((const uint8_t[]) from, to) - 1 + FSM_ENTRIES_1(__VA_ARGS__)
#define FSM_ENTRIES_3(from, to, ...) sizeof((const uint8_t[]) from, to) - 1 + FSM_ENTRIES_2(__VA_ARGS__)
#define FSM_ENTRIES_4(from, to, ...) sizeof((const uint8_t[]) from, to) - 1 + FSM_ENTRIES_3(__VA_ARGS__)
#define FSM_ENTRIES_5(from, to, ...) sizeof((const uint8_t[]) from, to) - 1 + FSM_ENTRIES_4(__VA_ARGS__)
#define FSM_ENTRIES_6(from, to, ...) sizeof((const uint8_t[]) from, to) - 1 + FSM_ENTRIES_5(__VA_ARGS__)
#define FSM_ENTRIES_7(from, to, ...) sizeof((const uint8_t[]) from, to) - 1 + FSM_ENTRIES_6(__VA_ARGS__)
#define FSM_ENTRIES_8(from, to, ...) sizeof((const uint8_t[]) from, to) - 1 + FSM_ENTRIES_7(__VA_ARGS__)
#define FSM_ENTRIES_9(from, to, ...) sizeof((const uint8_t[]) from, to) - 1 + FSM_ENTRIES_8(__VA_ARGS__)
