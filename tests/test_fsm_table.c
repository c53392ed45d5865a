/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The tables of all versions as tables: against the vectors, their counts, their order; and what the verifier notices. */

#include "fsm_fixture.h"

static const fsm_machine *const MACHINE = &fsm_client_0_5_6;

/* Counts as on the spec pages. */
static const struct {
    const fsm_machine *machine;
    const char *folder;
    int statuses, events; /* numbered */
    int states, cells, legal, without_transition, outside, dropped;
    int from, from_many, from_any, just_record, no_change;
    int raised;                     /* (state, event that its handler can raise) */
    uint8_t order[FSM_EVENT_COUNT]; /* of the events in the specification; FSM_LIST_END ends it */
} VERSIONS[] = {
    {&fsm_client_0_5_6, "v0.5.6", 21, 28, 17, 351, 108, 16, 143, 83, 15, 16, 4, 16, 4, 27,
     {0,  1,  2,  3,  4,  5,  7,  8,  10, 12, 11, 9,  13, 26,
      14, 16, 17, 15, 18, 19, 20, 21, 22, 23, 24, 25, 27, FSM_LIST_END}},
    {&fsm_client_1_0_9, "v1.0.9", 29, 34, 25, 660, 195, 24, 260, 135, 25, 20, 6, 24, 4, 38,
     {0,  1,  2,  3,  4,  5,  7,  8,  10, 12, 11, 9,  30, 26, 14, 16, 17,
      15, 18, 19, 20, 21, 22, 31, 23, 24, 25, 29, 28, 27, 6,  33, 32, FSM_LIST_END}},
    {&fsm_client_1_28_3, "v1.28.3", 35, 39, 31, 988, 273, 24, 338, 168, 45, 26, 6, 31, 10, 51,
     {0,  1,  2,  3,  4,  5,  7,  8,  35, 10, 12, 11, 9,  30, 26, 14, 16, 17, 15, 18,
      19, 20, 21, 22, 31, 23, 36, 24, 25, 29, 28, 34, 37, 38, 27, 6,  33, 32, FSM_LIST_END}},
};

/* ---- Against the vectors */

static FILE *open_vectors(int version, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, TEST_SOURCE_DIR "/tests/vectors/%s/%s", VERSIONS[version].folder, name);
    FILE *file = fopen(path, "r");
    ck_assert_msg(file != NULL, "cannot open %s", path);
    return file;
}

/* What a cell does, in the words of cells.tsv. */
static const char *cell(const fsm_machine *machine, uint32_t event, uint64_t status)
{
    static char text[32];
    if (event >= machine->events_count || machine->events[event].line == 0)
        return "refused";
    if (fsm_is_final(machine, status))
        return "terminated";
    const fsm_clause *clause = fsm_find_clause(machine, event, status);
    if (clause == NULL)
        return "refused";
    snprintf(text, sizeof text, "to:%u", clause->target);
    return clause->to == FSM_TO ? text : clause->to == FSM_TO_NO_CHANGE ? "no-change" : "just-record";
}

START_TEST(cells)
{
    const fsm_machine *machine = VERSIONS[_i].machine;
    FILE *file = open_vectors(_i, "cells.tsv");
    unsigned status, event;
    char outcome[32];
    int count = 0;
    for (; fscanf(file, "%u\t%u\t%31s\n", &status, &event, outcome) == 3; count++)
        ck_assert_msg(strcmp(cell(machine, event, status), outcome) == 0, "event %u in state %u: %s instead of %s",
                      event, status, cell(machine, event, status), outcome);
    ck_assert(feof(file));
    fclose(file);
    ck_assert_int_eq(count, VERSIONS[_i].statuses * VERSIONS[_i].events);
}
END_TEST

START_TEST(names)
{
    FILE *file = open_vectors(_i, "names.tsv");
    char what[8], name[64];
    unsigned number;
    int count = 0;
    for (; fscanf(file, "%7s\t%u\t%63s\n", what, &number, name) == 3; count++) {
        if (strcmp(what, "state") == 0)
            ck_assert_str_eq(fsm_status_name(VERSIONS[_i].machine, number), name);
        else if (strcmp(name, "-") != 0) /* the reference of v0.5.6 has no name for events 6 and 27 */
            ck_assert_str_eq(fsm_event_name(number), name);
    }
    ck_assert(feof(file));
    fclose(file);
    ck_assert_int_eq(count, VERSIONS[_i].statuses + VERSIONS[_i].events);
}
END_TEST

static const char *const KINDS[] = {"", "amount", "text", "error", "u64", "cid", "address", "status", "channel"};

START_TEST(arguments)
{
    FILE *file = open_vectors(_i, "args.tsv");
    unsigned number;
    char expected[64];
    int count = 0;
    for (; fscanf(file, "%u\t%63s\n", &number, expected) == 2; count++) {
        const fsm_event *event = &VERSIONS[_i].machine->events[number];
        char found[64] = "[";
        for (uint32_t i = 0; i < event->args_count; i++) {
            strcat(found, i > 0 ? "," : "");
            strcat(found, KINDS[event->args[i]]);
        }
        strcat(found, "]");
        ck_assert_str_eq(event->line == 0 ? "no-transition" : found, expected);
    }
    ck_assert(feof(file));
    fclose(file);
    ck_assert_int_eq(count, VERSIONS[_i].events);
}
END_TEST

START_TEST(finals_and_handlers)
{
    const fsm_machine *machine = VERSIONS[_i].machine;
    unsigned number;
    char name[64];
    int finals = 0, handlers = 0;
    FILE *file = open_vectors(_i, "final.tsv");
    for (; fscanf(file, "%u\n", &number) == 1; finals++)
        ck_assert(fsm_is_final(machine, number));
    fclose(file);
    file = open_vectors(_i, "handlers.tsv");
    for (; fscanf(file, "%u\t%63s\n", &number, name) == 2; handlers++)
        ck_assert_str_eq(fsm_find_handler(machine, number)->name, name);
    fclose(file);
    for (uint64_t status = 0; status < 300; status++) {
        finals -= fsm_is_final(machine, status);
        handlers -= fsm_find_handler(machine, status) != NULL;
    }
    ck_assert_int_eq(finals, 0);
    ck_assert_int_eq(handlers, 0);
}
END_TEST

/* ---- Numbers and names, and just past both ends */

START_TEST(names_past_the_ends)
{
    ck_assert_str_eq(fsm_status_name(MACHINE, DealStatusFailing), "DealStatusFailed");
    ck_assert_str_eq(fsm_status_name(MACHINE, 20), "DealStatusCompleting");
    ck_assert_str_eq(fsm_status_name(MACHINE, 21), "");
    ck_assert_str_eq(fsm_status_name(MACHINE, UINT64_MAX), "");
    ck_assert_str_eq(fsm_status_name(&fsm_client_1_0_9, DealStatusFailing), "DealStatusFailing");
    ck_assert_str_eq(fsm_status_name(&fsm_client_1_0_9, 29), "");
    ck_assert_str_eq(fsm_status_name(&fsm_client_1_28_3, 29), "DealStatusWaitingForLastBlocks");
    ck_assert_str_eq(fsm_status_name(&fsm_client_1_28_3, 35), "");
    ck_assert_str_eq(fsm_event_name(ClientEventProviderCancelled), "ClientEventProviderCancelled");
    ck_assert_str_eq(fsm_event_name(ClientEventCancelComplete), "ClientEventCancelComplete");
    ck_assert_str_eq(fsm_event_name(38), "ClientEventFinalizeBlockstoreErrored");
    ck_assert_str_eq(fsm_event_name(39), "");
    ck_assert_str_eq(fsm_event_name(UINT32_MAX), "");
    ck_assert_ptr_null(fsm_find_clause(MACHINE, 28, DealStatusNew));
    ck_assert_ptr_null(fsm_find_clause(MACHINE, UINT32_MAX, DealStatusNew));
    ck_assert_ptr_null(fsm_find_handler(MACHINE, UINT64_MAX));
    ck_assert(!fsm_is_final(MACHINE, UINT64_MAX));
}
END_TEST

/* 8-bit states in the table, 64-bit ones in records: 256 + 3 is not 3, and 255 is not the end of a list. */
START_TEST(big_statuses_match_from_any_only)
{
    static const uint64_t statuses[] = {
        21, 255, 256, 256 + DealStatusWaitForAcceptance, ((uint64_t)1 << 32) + DealStatusErrored, UINT64_MAX};
    for (int i = 0; i < COUNT(statuses); i++) {
        ck_assert_ptr_null(fsm_find_clause(MACHINE, ClientEventDealAccepted, statuses[i]));
        ck_assert_ptr_nonnull(fsm_find_clause(MACHINE, ClientEventDataTransferError, statuses[i]));
        ck_assert(!fsm_is_final(MACHINE, statuses[i]));
        ck_assert_ptr_null(fsm_find_handler(MACHINE, statuses[i]));
    }
}
END_TEST

/* ---- Counts of the specification */

/* A bit for each status that a clause speaks of. */
static uint64_t states(const fsm_machine *machine)
{
    uint64_t set = 0;
    for (uint32_t event = 0; event < machine->events_count; event++) {
        for (const fsm_clause *clause = machine->events[event].clauses; clause->from != 0; clause++) {
            for (uint32_t i = 0; i < clause->count; i++)
                set |= (uint64_t)1 << clause->states[i];
            if (clause->to == FSM_TO)
                set |= (uint64_t)1 << clause->target;
        }
    }
    return set;
}

static bool in_list(const uint8_t *list, uint32_t event)
{
    while (*list != FSM_LIST_END && *list != event)
        list++;
    return *list != FSM_LIST_END;
}

static bool is_outside(const fsm_machine *machine, uint32_t event)
{
    return in_list(machine->outside, event);
}

/* What the spec pages count as outside events: neither Open nor RecheckFunds. */
static bool is_counted_outside(const fsm_machine *machine, uint32_t event)
{
    return is_outside(machine, event) && !in_list(machine->own_time, event);
}

START_TEST(counts)
{
    const fsm_machine *machine = VERSIONS[_i].machine;
    int named = 0, cells_open = 0, legal = 0, without_transition = 0, outside = 0, dropped = 0;
    for (uint32_t status = 0; status < machine->statuses_count; status++) {
        bool is_state = (states(machine) >> status & 1) != 0;
        named += is_state;
        if (fsm_is_final(machine, status))
            continue;
        for (uint32_t event = 0; event < machine->events_count; event++) {
            if (machine->events[event].line == 0)
                continue;
            bool taken = fsm_find_clause(machine, event, status) != NULL;
            cells_open += is_state;
            legal += is_state && taken;
            without_transition += !is_state && taken;
            outside += is_state && is_counted_outside(machine, event);
            dropped += is_state && is_counted_outside(machine, event) && !taken;
        }
    }
    ck_assert_int_eq(named, VERSIONS[_i].states);
    ck_assert_int_eq(cells_open, VERSIONS[_i].cells);
    ck_assert_int_eq(legal, VERSIONS[_i].legal);
    ck_assert_int_eq(without_transition, VERSIONS[_i].without_transition); /* 1, 2, 7, 20 take FromAny events */
    ck_assert_int_eq(outside, VERSIONS[_i].outside);
    ck_assert_int_eq(dropped, VERSIONS[_i].dropped);
}
END_TEST

START_TEST(kinds_of_clauses)
{
    const fsm_machine *machine = VERSIONS[_i].machine;
    int from[4] = {0}, just_record = 0, no_change = 0;
    for (uint32_t event = 0; event < machine->events_count; event++) {
        for (const fsm_clause *clause = machine->events[event].clauses; clause->from != 0; clause++) {
            from[clause->from]++;
            just_record += clause->to == FSM_TO_JUST_RECORD ? clause->count : 0;
            no_change += clause->to == FSM_TO_NO_CHANGE ? clause->count : 0;
        }
    }
    ck_assert_int_eq(from[FSM_FROM], VERSIONS[_i].from);
    ck_assert_int_eq(from[FSM_FROM_MANY], VERSIONS[_i].from_many);
    ck_assert_int_eq(from[FSM_FROM_ANY], VERSIONS[_i].from_any);
    ck_assert_int_eq(just_record, VERSIONS[_i].just_record);
    ck_assert_int_eq(no_change, VERSIONS[_i].no_change);
}
END_TEST

/* The rows stand in the order of the specification, which is not that of the numbers. */
START_TEST(written_order)
{
    const fsm_event *events = VERSIONS[_i].machine->events;
    const uint8_t *order = VERSIONS[_i].order;
    int count = 1;
    for (; order[count] != FSM_LIST_END; count++)
        ck_assert_uint_lt(events[order[count - 1]].line, events[order[count]].line);
    for (uint32_t event = 0; event < VERSIONS[_i].machine->events_count; event++)
        count -= events[event].line != 0;
    ck_assert_int_eq(count, 0);
}
END_TEST

/* The reference's exceptions to F5: the deal stays there until another event comes. */
static bool is_known_to_be_refused(uint32_t event, uint32_t status)
{
    return event == ClientEventPaymentChannelErrored &&
           (status == DealStatusCheckFunds || status == DealStatusPaymentChannelAddingInitialFunds);
}

/* F5: what a handler can raise is taken in every state that runs it. */
START_TEST(raised_events_are_taken)
{
    const fsm_machine *machine = VERSIONS[_i].machine;
    int count = 0;
    for (uint32_t i = 0; i < machine->handlers_count; i++) {
        const fsm_handler *handler = &machine->handlers[i];
        for (const uint8_t *status = handler->states; *status != FSM_LIST_END; status++) {
            for (const uint8_t *event = handler->raises; *event != FSM_LIST_END; event++, count++)
                ck_assert_msg((fsm_find_clause(machine, *event, *status) == NULL) ==
                                  is_known_to_be_refused(*event, *status),
                              "%s in state %u, event %u", handler->name, *status, *event);
        }
    }
    ck_assert_int_eq(count, VERSIONS[_i].raised);
}
END_TEST

/* Whatever is not the host's comes from a handler; v1.28.3 keeps one that nobody raises any more. */
START_TEST(every_event_has_a_source)
{
    const fsm_machine *machine = VERSIONS[_i].machine;
    for (uint32_t event = 0; event < machine->events_count; event++) {
        bool raised = machine == &fsm_client_1_28_3 && event == ClientEventBadPaymentRequested;
        for (uint32_t i = 0; i < machine->handlers_count; i++) {
            for (const uint8_t *item = machine->handlers[i].raises; *item != FSM_LIST_END; item++)
                raised = raised || *item == event;
        }
        ck_assert_int_eq(raised || is_outside(machine, event), machine->events[event].line != 0);
    }
}
END_TEST

/* ---- The verifier */

/* A small machine that is right: New -> (Open) Accepted, with a handler -> (DealAccepted) Completed. */
typedef struct planted {
    fsm_event events[6];
    fsm_op ops[2];
    fsm_handler handlers[2];
    const char *names[21];
    uint8_t finals[3];
    uint8_t outside[3];
    fsm_machine machine;
} planted;

static void dummy_handler(const fsm_record *record, const fsm_answer *answers, uint32_t answered, fsm_scratch *room,
                          fsm_next *next)
{
    (void)record;
    (void)answers;
    (void)answered;
    (void)room;
    next->wish = FSM_NOTHING;
}

static void plant(planted *p)
{
    *p = (planted){
        .events = {[ClientEventOpen] = {.line = 1,
                                        .clauses = {{FSM_FROM, 1, {DealStatusNew}, FSM_TO, DealStatusAccepted}}},
                   [ClientEventDealAccepted] =
                       {.line = 2,
                        .args_count = 1,
                        .args = {ARG_TEXT},
                        .args_names = {"text"},
                        .clauses = {{FSM_FROM_MANY, 1, {DealStatusAccepted}, FSM_TO, DealStatusCompleted}}}},
        .ops = {[1] = {.name = "OpenDataTransfer",
                       .op_class = FSM_ONCE,
                       .args_count = 1,
                       .args = {ARG_U64 | FSM_OPTIONAL},
                       .args_names = {"id"}}},
        .handlers = {{"Handler",
                      dummy_handler,
                      {1, 0},
                      {ClientEventDealAccepted, FSM_LIST_END},
                      {DealStatusAccepted, FSM_LIST_END}},
                     {"Second", dummy_handler, {0}, {FSM_LIST_END}, {FSM_LIST_END}}},
        .finals = {DealStatusCompleted, FSM_LIST_END, FSM_LIST_END},
        .outside = {ClientEventOpen, FSM_LIST_END, FSM_LIST_END},
    };
    for (int i = 0; i < COUNT(p->names); i++)
        p->names[i] = "name";
    p->machine = (fsm_machine){
        .version = "planted",
        .events = p->events,
        .events_count = COUNT(p->events),
        .statuses_count = COUNT(p->names),
        .ops = p->ops,
        .ops_count = COUNT(p->ops),
        .handlers = p->handlers,
        .handlers_count = COUNT(p->handlers),
        .finals = p->finals,
        .outside = p->outside,
        .own_time = p->outside,
        .status_names = p->names,
    };
}

/* As v1.28.3 has it in WaitForLastBlocks. */
START_TEST(verifier_takes_a_final_state_among_others)
{
    planted p;
    plant(&p);
    p.events[ClientEventDealAccepted].clauses[0].states[1] = DealStatusCompleted;
    p.events[ClientEventDealAccepted].clauses[0].count = 2;
    ck_assert_ptr_null(fsm_verify(&p.machine));
}
END_TEST

START_TEST(verifier_takes_good_machines)
{
    planted p;
    plant(&p);
    ck_assert_ptr_null(fsm_verify(&p.machine));
    for (int i = 0; i < COUNT(VERSIONS); i++)
        ck_assert_ptr_null(fsm_verify(VERSIONS[i].machine));
}
END_TEST

typedef void fault(planted *p);
#define FAULT(name, ...)                                                                                               \
    static void name(planted *p)                                                                                       \
    {                                                                                                                  \
        __VA_ARGS__;                                                                                                   \
    }
#define OPEN p->events[ClientEventOpen]
#define ACCEPTED p->events[ClientEventDealAccepted]

FAULT(too_many_events, p->machine.events_count = FSM_EVENT_COUNT + 1)
FAULT(too_many_statuses, p->machine.statuses_count = FSM_STATUS_COUNT + 1)
FAULT(too_many_ops, p->machine.ops_count = FSM_OP_END + 1)
FAULT(status_without_name, p->names[20] = NULL)
FAULT(status_with_empty_name, p->names[20] = "")
FAULT(argument_without_kind, ACCEPTED.args[0] = FSM_NONE)
FAULT(argument_of_unknown_kind, ACCEPTED.args[0] = ARG_CBOR + 1)
FAULT(argument_optional, ACCEPTED.args[0] = ARG_TEXT | FSM_OPTIONAL)
FAULT(argument_without_name, ACCEPTED.args_names[0] = NULL)
FAULT(too_many_arguments, ACCEPTED.args_count = 4)
FAULT(op_without_class, p->ops[1].op_class = 0)
FAULT(op_of_unknown_class, p->ops[1].op_class = FSM_ONCE + 1)
FAULT(op_argument_without_name, p->ops[1].args_names[0] = NULL)
FAULT(op_with_too_many_arguments, p->ops[1].args_count = FSM_ARGS_MAX + 1)
FAULT(op_value_without_kind, p->ops[1].values_count = 1)
FAULT(op_with_too_many_values, p->ops[1].values_count = 6)
FAULT(row_without_clauses, OPEN.clauses[0].from = 0)
FAULT(clauses_without_row, OPEN.line = 0)
FAULT(from_two, OPEN.clauses[0].count = 2)
FAULT(from_none, OPEN.clauses[0].count = 0)
FAULT(from_many_none, ACCEPTED.clauses[0].count = 0)
FAULT(from_many_too_many, ACCEPTED.clauses[0].count = FSM_FROM_MAX + 1)
FAULT(from_unknown_word, OPEN.clauses[0].from = FSM_FROM_ANY + 1)
FAULT(from_any_with_states, OPEN.clauses[0].from = FSM_FROM_ANY)
FAULT(from_any_twice, OPEN.clauses[1] = OPEN.clauses[2] = (fsm_clause){.from = FSM_FROM_ANY, .to = FSM_TO_NO_CHANGE})
FAULT(from_unnamed_status, OPEN.clauses[0].states[0] = 21)
FAULT(from_final_state, OPEN.clauses[0].states[0] = DealStatusCompleted)
FAULT(from_state_twice, OPEN.clauses[1] = OPEN.clauses[0])
FAULT(to_unknown_word, OPEN.clauses[0].to = FSM_TO_JUST_RECORD + 1)
FAULT(to_no_word, OPEN.clauses[0].to = 0)
FAULT(to_unnamed_status, OPEN.clauses[0].target = 21)
FAULT(handler_at_unnamed_status, p->handlers[0].states[0] = 21)
FAULT(handler_at_final_state, p->handlers[0].states[0] = DealStatusCompleted)
FAULT(handlers_of_one_state, p->handlers[1].states[0] = DealStatusAccepted; p->handlers[1].states[1] = FSM_LIST_END)
FAULT(handler_asks_unknown_op, p->handlers[0].ops[0] = 2)
FAULT(handler_asks_nameless_op, p->ops[1].name = NULL)
FAULT(handler_raises_unknown_event, p->handlers[0].raises[0] = 6)
FAULT(handler_raises_event_without_row, p->handlers[0].raises[0] = ClientEventDealProposed)
FAULT(outside_event_without_row, p->outside[1] = ClientEventDealProposed)
FAULT(final_without_name, p->finals[1] = 21)
FAULT(final_unreachable, p->finals[1] = DealStatusErrored)
FAULT(state_unreachable, OPEN.clauses[0].to = FSM_TO_NO_CHANGE)
FAULT(handler_unreachable, p->handlers[0].states[0] = DealStatusOngoing)
FAULT(no_way_out, ACCEPTED.clauses[0].target = DealStatusOngoing; p->finals[0] = FSM_LIST_END)
FAULT(dead_end, OPEN.clauses[1] = (fsm_clause){FSM_FROM, 1, {DealStatusOngoing}, FSM_TO, DealStatusFailing};
      ACCEPTED.clauses[1] = (fsm_clause){FSM_FROM, 1, {DealStatusNew}, FSM_TO, DealStatusOngoing})

static const struct {
    fault *make;
    const char *text;
} FAULTS[] = {
    {too_many_events, "a number is past the end of the vocabulary"},
    {too_many_statuses, "a number is past the end of the vocabulary"},
    {too_many_ops, "a number is past the end of the vocabulary"},
    {status_without_name, "a status has no name"},
    {status_with_empty_name, "a status has no name"},
    {argument_without_kind, "an argument of an event has no kind or no name"},
    {argument_of_unknown_kind, "an argument of an event has no kind or no name"},
    {argument_optional, "an argument of an event has no kind or no name"},
    {argument_without_name, "an argument of an event has no kind or no name"},
    {too_many_arguments, "an argument of an event has no kind or no name"},
    {op_without_class, "an op has no class"},
    {op_of_unknown_class, "an op has no class"},
    {op_argument_without_name, "an argument or value of an op has no kind or no name"},
    {op_with_too_many_arguments, "an argument or value of an op has no kind or no name"},
    {op_value_without_kind, "an argument or value of an op has no kind or no name"},
    {op_with_too_many_values, "an argument or value of an op has no kind or no name"},
    {row_without_clauses, "an event has a row without clauses, or clauses without a row"},
    {clauses_without_row, "an event has a row without clauses, or clauses without a row"},
    {from_two, "a clause has the wrong number of states, or an event has FROM_ANY twice"},
    {from_none, "a clause has the wrong number of states, or an event has FROM_ANY twice"},
    {from_many_none, "a clause has the wrong number of states, or an event has FROM_ANY twice"},
    {from_many_too_many, "a clause has the wrong number of states, or an event has FROM_ANY twice"},
    {from_unknown_word, "a clause has the wrong number of states, or an event has FROM_ANY twice"},
    {from_any_with_states, "a clause has the wrong number of states, or an event has FROM_ANY twice"},
    {from_any_twice, "a clause has the wrong number of states, or an event has FROM_ANY twice"},
    {from_unnamed_status, "a clause comes from a status that the machine does not name"},
    {from_final_state, "a clause comes from final states only"},
    {from_state_twice, "an event has a state twice"},
    {to_unknown_word, "a clause goes nowhere"},
    {to_no_word, "a clause goes nowhere"},
    {to_unnamed_status, "a clause goes to a status that the machine does not name"},
    {handler_at_unnamed_status, "a handler stands at a status that the machine does not name"},
    {handler_at_final_state, "a final state has a handler"},
    {handlers_of_one_state, "a state has two handlers"},
    {handler_asks_unknown_op, "a handler asks an op that the machine does not have"},
    {handler_asks_nameless_op, "a handler asks an op that the machine does not have"},
    {handler_raises_unknown_event, "a handler raises an event that the machine does not have"},
    {handler_raises_event_without_row, "a handler raises an event that the machine does not have"},
    {outside_event_without_row, "the host may raise an event that the machine does not have"},
    {final_without_name, "a final state has a status that the machine does not name"},
    {final_unreachable, "a state cannot be reached from New"},
    {state_unreachable, "a state cannot be reached from New"},
    {handler_unreachable, "a state cannot be reached from New"},
    {no_way_out, "no final state can be reached from a state"},
    {dead_end, "no final state can be reached from a state"},
};

START_TEST(verifier_notices)
{
    planted p;
    plant(&p);
    FAULTS[_i].make(&p);
    const char *text = fsm_verify(&p.machine);
    ck_assert_ptr_nonnull(text);
    ck_assert_str_eq(text, FAULTS[_i].text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fsm table");
    TCase *vectors = tcase_create("vectors");
    tcase_add_loop_test(vectors, cells, 0, COUNT(VERSIONS));
    tcase_add_loop_test(vectors, names, 0, COUNT(VERSIONS));
    tcase_add_loop_test(vectors, arguments, 0, COUNT(VERSIONS));
    tcase_add_loop_test(vectors, finals_and_handlers, 0, COUNT(VERSIONS));
    suite_add_tcase(suite, vectors);
    TCase *table = tcase_create("table");
    tcase_add_test(table, names_past_the_ends);
    tcase_add_test(table, big_statuses_match_from_any_only);
    tcase_add_loop_test(table, counts, 0, COUNT(VERSIONS));
    tcase_add_loop_test(table, kinds_of_clauses, 0, COUNT(VERSIONS));
    tcase_add_loop_test(table, written_order, 0, COUNT(VERSIONS));
    tcase_add_loop_test(table, raised_events_are_taken, 0, COUNT(VERSIONS));
    tcase_add_loop_test(table, every_event_has_a_source, 0, COUNT(VERSIONS));
    suite_add_tcase(suite, table);
    TCase *verifier = tcase_create("verifier");
    tcase_add_test(verifier, verifier_takes_good_machines);
    tcase_add_test(verifier, verifier_takes_a_final_state_among_others);
    tcase_add_loop_test(verifier, verifier_notices, 0, COUNT(FAULTS));
    suite_add_tcase(suite, verifier);
    return run_suite(suite);
}
