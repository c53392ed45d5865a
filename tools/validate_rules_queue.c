/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* Rules on a deal's queue: first in, first out; bounded; what is in it at the end is terminated. */

#include <inttypes.h>
#include <string.h>

#include "validate.h"

/* A deal in New whose first op waits: everything that is handed in queues. */
static bool open_waiting(rig *it, validator *v, uint64_t deal)
{
    return rig_open(it, v) && run_begin(it, deal) && rig_last(it, SEEN_CALL) != NULL;
}

static int32_t send(rig *it, uint64_t deal, uint32_t number)
{
    const dealfsm_event_info *event = description_event(&it->v->machine, number);
    return rig_dispatch(it, deal, number, invent_args(it->v, event), event->args_count);
}

static void answer_last(rig *it)
{
    const seen *call = rig_last(it, SEEN_CALL);
    const dealfsm_op_info *op = description_op(&it->v->machine, call->number);
    dealfsm_answer answer = invent_answer(it->v, op);
    same_result(it->v, "complete", DEALFSM_OK, rig_answer(it, call, &answer), NULL);
}

static void first_in_first_out(validator *v)
{
    rig it = {0};
    CASE(v, "events handed in while a handler waits");
    if (open_waiting(&it, v, 1)) {
        same_result(v, "dispatch while a handler waits", DEALFSM_ACCEPTED,
                    send(&it, 1, DEALFSM_ClientEventDealAccepted), NULL);
        send(&it, 1, DEALFSM_ClientEventDealRejected);
        const uint32_t from = it.count;
        answer_last(&it); /* raises DealProposed, which goes to the tail */
        static const uint32_t expected[] = {DEALFSM_ClientEventDealAccepted, DEALFSM_ClientEventDealRejected,
                                            DEALFSM_ClientEventDealProposed};
        uint32_t number = 0;
        for (uint32_t i = from; i < it.count && number < 3; i++) {
            if (it.list[i].what >= SEEN_APPLIED && it.list[i].what <= SEEN_TERMINATED) {
                expect(v, it.list[i].number == expected[number],
                       format(v->arena, "event %" PRIu32 " as number %" PRIu32, expected[number], number + 1),
                       format(v->arena, "event %" PRIu32, it.list[i].number));
                number++;
            }
        }
        expect(v, number == 3, "three events, each ended once", "fewer");
    }
    rig_close(&it);
}

static void bound_of_events(validator *v)
{
    rig it = {.queue_events = 4};
    CASE(v, "a bound of 4 events");
    if (open_waiting(&it, v, 1)) {
        for (int i = 0; i < 4; i++) {
            same_result(v, "dispatch below the bound", DEALFSM_ACCEPTED, send(&it, 1, DEALFSM_ClientEventDealAccepted),
                        NULL);
        }
        const uint32_t before = it.count;
        same_result(v, "dispatch at the bound", DEALFSM_E_QUEUE_FULL, send(&it, 1, DEALFSM_ClientEventDealAccepted),
                    NULL);
        const dealfsm_deal *deal = rig_query(&it, 1);
        expect(v, deal != NULL && deal->queued == 4 && rig_number_of(&it, SEEN_REFUSED) == 0, "4 queued events",
               "another");
        expect(v, it.count == before, "nothing changed by what was not taken", "a put or notice");
        answer_last(&it); /* there is room for what the handler raises */
        deal = rig_query(&it, 1);
        expect(v, deal != NULL && deal->status == DEALFSM_DealStatusWaitForAcceptance,
               "the raised event applied after them", "another state");
        expect(v, rig_number_of(&it, SEEN_REFUSED) == 4, "4 refused events", "another number");
    }
    rig_close(&it);
}

static void bound_of_bytes(validator *v)
{
    rig it = {.queue_bytes = 100};
    uint8_t text[64];
    memset(text, 'x', sizeof text);
    const dealfsm_value argument = {
        .struct_size = sizeof argument, .kind = DEALFSM_TEXT, .data = text, .data_len = sizeof text};
    CASE(v, "a bound of 100 bytes of arguments");
    if (open_waiting(&it, v, 1)) {
        same_result(v, "dispatch below the bound", DEALFSM_ACCEPTED,
                    rig_dispatch(&it, 1, DEALFSM_ClientEventDealRejected, &argument, 1), NULL);
        same_result(v, "dispatch past the bound", DEALFSM_E_QUEUE_FULL,
                    rig_dispatch(&it, 1, DEALFSM_ClientEventDealRejected, &argument, 1), NULL);
        same_result(v, "dispatch of an event without arguments", DEALFSM_ACCEPTED,
                    send(&it, 1, DEALFSM_ClientEventDealAccepted), NULL);
    }
    rig_close(&it);
}

/* A deal that ends takes its queue with it: each event terminated, named in the final put. */
static void terminated(validator *v)
{
    rig it = {0};
    CASE(v, "events behind one that ends the deal");
    if (open_waiting(&it, v, 1)) {
        send(&it, 1, DEALFSM_ClientEventDataTransferError);
        send(&it, 1, DEALFSM_ClientEventDealAccepted);
        send(&it, 1, DEALFSM_ClientEventComplete);
        answer_last(&it);
        for (int i = 0; i < 8; i++) { /* a machine may ask before its end */
            const dealfsm_deal *now = rig_query(&it, 1);
            if (now != NULL && now->open_op != 0) {
                answer_last(&it);
            }
        }
        const dealfsm_deal *deal = rig_query(&it, 1);
        const seen *put = rig_last(&it, SEEN_PUT);
        if (deal != NULL && (deal->flags & DEALFSM_DEAL_FINAL) != 0 && put != NULL) {
            expect(v, deal->queued == 0 && put->flags == 1, "a final put and an empty queue", "otherwise");
            const uint32_t over = rig_number_of(&it, SEEN_TERMINATED) + rig_number_of(&it, SEEN_REFUSED);
            const uint32_t applied = rig_number_of(&it, SEEN_APPLIED);
            uint32_t named = 0;
            for (size_t i = 0; i < json_array_size(put->args); i++) {
                named += json_integer_value(json_object_get(json_array_get(put->args, i), "kind")) ==
                         DEALFSM_HAPPENED_TERMINATED;
            }
            expect(v, named > 0 || rig_number_of(&it, SEEN_TERMINATED) == 0, "terminated events named in the final put",
                   "none");
            expect(v, over + applied >= 5, "each of five events ended once", "fewer");
            same_result(v, "dispatch after the end", DEALFSM_E_TERMINATED,
                        send(&it, 1, DEALFSM_ClientEventDealAccepted), NULL);
            same_result(v, "forget", DEALFSM_OK, v->functions->forget(it.machine, 1, NULL), NULL);
        } else {
            expect(v, false, "the deal at its end", "that it goes on");
        }
    }
    rig_close(&it);
}

/* An accepted event is part of the row: the put made for it holds it, under the revision told. */
static void accepted_is_durable(validator *v)
{
    rig it = {0};
    uint64_t revision = 0;
    const dealfsm_event event = {.struct_size = sizeof event, .event = DEALFSM_ClientEventDealAccepted};
    CASE(v, "an event accepted while a handler waits");
    if (open_waiting(&it, v, 1)) {
        const uint64_t puts = it.puts;
        const uint64_t before = rig_last(&it, SEEN_PUT)->revision;
        same_result(v, "dispatch", DEALFSM_ACCEPTED, v->functions->dispatch(it.machine, 1, &event, &revision, NULL),
                    NULL);
        const seen *put = rig_last(&it, SEEN_PUT);
        expect(v, it.puts == puts + 1 && revision > before && put->revision >= revision && put->number == UINT32_MAX,
               "a put at once, of the revision told or a higher one, without applied event",
               format(v->arena, "%" PRIu64 " puts; last: revision %" PRIu64 " (told %" PRIu64 "), what happened %s",
                      it.puts - puts, put->revision, revision, json_text(v->arena, put->args)));
        const dealfsm_deal *deal = rig_query(&it, 1);
        expect(v, deal != NULL && deal->revision >= revision && deal->queued == 1, "that revision durable, 1 queued",
               "otherwise");
    }
    rig_close(&it);
}

static const rule list[] = {
    {"queue.order", "first in, first out; what a handler raises goes to the tail", first_in_first_out},
    {"queue.events-bound", "beyond the bound of events QUEUE_FULL, with room for what a handler raises",
     bound_of_events},
    {"queue.bytes-bound", "beyond the bound of bytes QUEUE_FULL", bound_of_bytes},
    {"queue.terminated", "a deal that ends terminates what is queued", terminated},
    {"queue.durable", "an accepted event is put at once, under the revision told", accepted_is_durable},
};
const rule_group rules_queue = {list, sizeof list / sizeof *list};
