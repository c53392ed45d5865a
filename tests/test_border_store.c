/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* store/1 and the order of one step: apply on a copy, put, durable, tell, ask. Each test is a dialogue: what is done, then the
 * journal of what the machine did to its host (border_kit.h), whole, so that nothing else happened. */
#include "border_kit.h"

#define OPEN DEALFSM_ClientEventOpen
#define ACCEPTED DEALFSM_ClientEventDealAccepted
#define REJECTED DEALFSM_ClientEventDealRejected
#define RECEIVED DEALFSM_ClientEventBlocksReceived
#define REQUESTED DEALFSM_ClientEventPaymentRequested
#define COMPLETE DEALFSM_ClientEventComplete
#define TRANSFER_ERROR DEALFSM_ClientEventDataTransferError

static void puts_of(kit *k, const char *letters)
{
    strcpy(k->puts, letters);
}

static void answers_of(kit *k, const char *letters)
{
    strcpy(k->answers, letters);
}

START_TEST(store_whole_deal)
{
    kit *k = kit_start();
    ck_assert_int_eq(kit_create(k, 1), DEALFSM_APPLIED);
    SEEN(k, "put r1 s0 New []");
    /* Each step is durable before it is told, and told before its handler asks. */
    ck_assert_int_eq(kit_send(k, 1, OPEN, 0), DEALFSM_APPLIED);
    SEEN(k, "put r2 s1 New [Open]; told s1 Open New>New; ask OpenDataTransfer s1 n1; "
            "put r4 s2 WaitForAcceptance [DealProposed]; told s2 DealProposed New>WaitForAcceptance");
    ck_assert_int_eq(kit_send(k, 1, ACCEPTED, 0), DEALFSM_APPLIED);
    SEEN(k, "put r5 s3 Accepted [DealAccepted]; told s3 DealAccepted WaitForAcceptance>Accepted; "
            "ask GetChainHead s3 n1; ask GetOrCreatePaymentChannel s3 n1; "
            "put r7 s4 PaymentChannelCreating [PaymentChannelCreateInitiated]; "
            "told s4 PaymentChannelCreateInitiated Accepted>PaymentChannelCreating; "
            "ask WaitForPaymentChannelCreation s4 n1; ask AllocateLane s4 n1; "
            "put r9 s5 Ongoing [PaymentChannelReady]; told s5 PaymentChannelReady PaymentChannelCreating>Ongoing");
    /* The handler of Ongoing wants nothing: no put for that. */
    ck_assert_int_eq(kit_send(k, 1, RECEIVED, 1000), DEALFSM_APPLIED);
    SEEN(k, "put r11 s6 Ongoing [BlocksReceived]; told s6 BlocksReceived Ongoing>Ongoing");
    ck_assert_int_eq(kit_send(k, 1, REQUESTED, 2000), DEALFSM_APPLIED);
    SEEN(k, "put r13 s7 FundsNeeded [PaymentRequested]; told s7 PaymentRequested Ongoing>FundsNeeded; "
            "put r15 s8 SendFunds [SendFunds]; told s8 SendFunds FundsNeeded>SendFunds; "
            "ask GetChainHead s8 n1; ask CreatePaymentVoucher s8 n1; ask SendDataTransferVoucher s8 n1; "
            "put r17 s9 Ongoing [PaymentSent]; told s9 PaymentSent SendFunds>Ongoing");
    ck_assert_int_eq(kit_send(k, 1, DEALFSM_ClientEventAllBlocksReceived, 0), DEALFSM_APPLIED);
    ck_assert_int_eq(kit_send(k, 1, DEALFSM_ClientEventLastPaymentRequested, 0), DEALFSM_APPLIED);
    IS(k, 1, Finalizing, 0);
    kit_seen(k);
    ck_assert_int_eq(kit_send(k, 1, COMPLETE, 0), DEALFSM_APPLIED);
    SEEN(k, "put r23 s13 Completed [Complete]; told s13 Complete Finalizing>Completed");
    IS(k, 1, Completed, DEALFSM_DEAL_FINAL);
    ck_assert_uint_eq(k->rows[1].final_state, 1);
    /* The end is the end. */
    ck_assert_int_eq(kit_send(k, 1, COMPLETE, 0), DEALFSM_E_TERMINATED);
    ck_assert_int_eq(k->f->forget(k->machine, 1, NULL), DEALFSM_OK);
    SEEN(k, "");
    kit_free(k);
}
END_TEST

START_TEST(store_create_pending)
{
    kit *k = kit_start();
    puts_of(k, "P");
    ck_assert_int_eq(kit_create(k, 1), DEALFSM_ACCEPTED);
    SEEN(k, "put r1 s0 New [] pending");
    /* Not durable: not to be seen. But it takes events. */
    dealfsm_deal out = {.struct_size = sizeof out};
    ck_assert_int_eq(k->f->query(k->machine, 1, &out, NULL), DEALFSM_E_NOT_FOUND);
    ck_assert_int_eq(kit_create(k, 1), DEALFSM_E_EXISTS);
    uint64_t revision = 0;
    ck_assert_int_eq(kit_send_to(k, 1, OPEN, 0, &revision), DEALFSM_ACCEPTED);
    ck_assert_uint_eq(revision, 2);
    SEEN(k, "");
    answers_of(k, "l");
    ck_assert_int_eq(kit_stored(k, 1, 'D'), DEALFSM_OK);
    SEEN(k, "put r3 s1 New [Open]; told s1 Open New>New; ask OpenDataTransfer s1 n1");
    IS(k, 1, New, DEALFSM_DEAL_HANDLER_OWED | DEALFSM_DEAL_OP_OPEN);
    kit_free(k);
}
END_TEST

START_TEST(store_create_failed)
{
    kit *k = kit_start();
    puts_of(k, "L");
    ck_assert_int_eq(kit_create(k, 1), DEALFSM_STALLED);
    SEEN(k, "put r1 s0 New [] landed; log");
    dealfsm_deal out = {.struct_size = sizeof out};
    ck_assert_int_eq(k->f->query(k->machine, 1, &out, NULL), DEALFSM_E_NOT_FOUND);
    /* The failed put may have landed: the next one is above it. */
    uint64_t revision = 0;
    ck_assert_int_eq(k->f->retry(k->machine, 1, &revision, NULL), DEALFSM_APPLIED);
    ck_assert_uint_eq(revision, 2);
    SEEN(k, "put r2 s0 New []");
    IS(k, 1, New, 0);
    ck_assert_int_eq(k->f->retry(k->machine, 1, &revision, NULL), DEALFSM_E_STATE);
    kit_free(k);
}
END_TEST

START_TEST(store_create_lost)
{
    kit *k = kit_start();
    puts_of(k, "X");
    ck_assert_int_eq(kit_create(k, 1), DEALFSM_E_LOST);
    SEEN(k, "put r1 s0 New [] lost; log");
    /* It has left: the id is free in this machine. */
    ck_assert_int_eq(kit_create(k, 1), DEALFSM_APPLIED);
    kit_free(k);
}
END_TEST

START_TEST(store_pending_step)
{
    kit *k = kit_start();
    kit_bring(k, 1, DEALFSM_DealStatusNew);
    puts_of(k, "P");
    uint64_t revision = 0;
    ck_assert_int_eq(kit_send_to(k, 1, OPEN, 0, &revision), DEALFSM_ACCEPTED);
    ck_assert_uint_eq(revision, 2);
    /* Nothing told, nothing asked; query shows what is durable. */
    SEEN(k, "put r2 s1 New [Open] pending");
    IS(k, 1, New, DEALFSM_DEAL_PUT_PENDING);
    ck_assert_uint_eq(kit_query(k, 1).sequence, 0);
    ck_assert_uint_eq(kit_query(k, 1).revision, 1);
    /* A report about another revision is none. */
    ck_assert_int_eq(k->f->stored(k->machine, 1, 3, DEALFSM_PUT_DURABLE, NULL), DEALFSM_E_NOT_OPEN);
    ck_assert_int_eq(k->f->stored(k->machine, 1, 2, DEALFSM_PUT_PENDING, NULL), DEALFSM_E_ARGUMENT);
    SEEN(k, "");
    answers_of(k, "l");
    ck_assert_int_eq(kit_stored(k, 1, 'D'), DEALFSM_OK);
    SEEN(k, "told s1 Open New>New; ask OpenDataTransfer s1 n1");
    ck_assert_int_eq(k->f->stored(k->machine, 1, 2, DEALFSM_PUT_DURABLE, NULL), DEALFSM_E_NOT_OPEN);
    SEEN(k, "");
    kit_free(k);
}
END_TEST

START_TEST(store_stored_before_put_returns)
{
    kit *k = kit_start();
    kit_bring(k, 1, DEALFSM_DealStatusNew);
    puts_of(k, "EE");
    ck_assert_int_eq(kit_send(k, 1, OPEN, 0), DEALFSM_APPLIED);
    SEEN(k, "put r2 s1 New [Open] early; told s1 Open New>New; ask OpenDataTransfer s1 n1; "
            "put r4 s2 WaitForAcceptance [DealProposed] early; told s2 DealProposed New>WaitForAcceptance");
    kit_free(k);
}
END_TEST

/* F failed, L landed but said to have failed. */
START_TEST(store_failed_step)
{
    kit *k = kit_start();
    kit_bring(k, 1, DEALFSM_DealStatusWaitForAcceptance);
    puts_of(k, _i ? "L" : "F");
    ck_assert_int_eq(kit_send(k, 1, ACCEPTED, 0), DEALFSM_STALLED);
    SEEN(k, _i ? "put r5 s3 Accepted [DealAccepted] landed; log" : "put r5 s3 Accepted [DealAccepted] failed; log");
    /* Taken back in memory, kept in the queue, and visibly stalled. */
    IS(k, 1, WaitForAcceptance, DEALFSM_DEAL_STALLED);
    dealfsm_deal deal = kit_query(k, 1);
    ck_assert_uint_eq(deal.queued, 1);
    ck_assert_uint_eq(deal.stall, DEALFSM_STALL_PUT);
    ck_assert_uint_eq(deal.revision, 4);
    ck_assert_str_ne(deal.stall_text, "");
    /* What comes now is kept, but not durable. */
    ck_assert_int_eq(kit_send(k, 1, RECEIVED, 500), DEALFSM_STALLED);
    ck_assert_int_eq(kit_send(k, 1, REJECTED, 0), DEALFSM_STALLED);
    SEEN(k, "");
    /* The same head event first, with a higher revision; then the rest, in order, with what the first put carried. */
    answers_of(k, "l");
    uint64_t revision = 0;
    ck_assert_int_eq(k->f->retry(k->machine, 1, &revision, NULL), DEALFSM_APPLIED);
    SEEN(k,
         "put r8 s3 Accepted [DealAccepted]; told s3 DealAccepted WaitForAcceptance>Accepted; ask GetChainHead s3 n1");
    ck_assert_uint_eq(kit_query(k, 1).queued, 2);
    ck_assert_int_eq(kit_answer(k, 1, 'e'), DEALFSM_OK);
    SEEN(k, "put r10 s4 Accepted [BlocksReceived]; told s4 BlocksReceived Accepted>Accepted; "
            "put r11 s5 Failed [PaymentChannelErrored -DealRejected]; "
            "told s5 PaymentChannelErrored Accepted>Failed; ask CloseDataTransfer s5 n1; "
            "put r13 s6 Errored [CancelComplete]; told s6 CancelComplete Failed>Errored");
    kit_free(k);
}
END_TEST

START_TEST(store_failed_again)
{
    kit *k = kit_start();
    kit_bring(k, 1, DEALFSM_DealStatusWaitForAcceptance);
    puts_of(k, "FPF");
    ck_assert_int_eq(kit_send(k, 1, REJECTED, 0), DEALFSM_STALLED);
    uint64_t revision = 0;
    ck_assert_int_eq(k->f->retry(k->machine, 1, &revision, NULL), DEALFSM_ACCEPTED);
    ck_assert_uint_eq(revision, 6);
    ck_assert_int_eq(kit_stored(k, 1, 'F'), DEALFSM_OK);
    IS(k, 1, WaitForAcceptance, DEALFSM_DEAL_STALLED);
    ck_assert_int_eq(k->f->retry(k->machine, 1, &revision, NULL), DEALFSM_STALLED);
    ck_assert_int_eq(k->f->retry(k->machine, 1, &revision, NULL), DEALFSM_APPLIED);
    SEEN(k, "put r5 s3 Rejected [DealRejected] failed; log; put r6 s3 Rejected [DealRejected] pending; log; "
            "put r7 s3 Rejected [DealRejected] failed; log; put r8 s3 Rejected [DealRejected]; "
            "told s3 DealRejected WaitForAcceptance>Rejected");
    kit_free(k);
}
END_TEST

/* A raised event whose put fails is kept, too. */
START_TEST(store_failed_raised)
{
    kit *k = kit_start();
    kit_bring(k, 1, DEALFSM_DealStatusNew);
    puts_of(k, "DF");
    ck_assert_int_eq(kit_send(k, 1, OPEN, 0), DEALFSM_APPLIED); /* durable and told, whatever came after it */
    SEEN(k, "put r2 s1 New [Open]; told s1 Open New>New; ask OpenDataTransfer s1 n1; "
            "put r4 s2 WaitForAcceptance [DealProposed] failed; log");
    IS(k, 1, New, DEALFSM_DEAL_STALLED);
    ck_assert_int_eq(k->f->retry(k->machine, 1, NULL, NULL), DEALFSM_APPLIED);
    SEEN(k, "put r5 s2 WaitForAcceptance [DealProposed]; told s2 DealProposed New>WaitForAcceptance");
    ck_assert_uint_eq(kit_effects(k, DEALFSM_OpOpenDataTransfer), 1);
    kit_free(k);
}
END_TEST

static uint32_t ended_count;

static void count_ended(void *ctx)
{
    (void)ctx;
    ended_count++;
}

static void ignore(void *ctx, const dealfsm_notice *notice)
{
    (void)ctx;
    (void)notice;
}

/* In the put (0), reported later (1), or told by a row that is higher (2). */
START_TEST(store_lost_step)
{
    kit *k = kit_start();
    kit_bring(k, 1, DEALFSM_DealStatusWaitForAcceptance);
    dealfsm_subscription mine = {.struct_size = sizeof mine, .deal = 1, .notify = ignore, .ended = count_ended};
    uint64_t subscription = 0;
    ck_assert_int_eq(k->f->subscribe(k->machine, &mine, &subscription, NULL), DEALFSM_OK);
    puts_of(k, _i == 0 ? "X" : _i == 1 ? "P" : "");
    if (_i == 2)
        k->rows[1].revision = 100;
    ended_count = 0;
    ck_assert_int_eq(kit_send(k, 1, ACCEPTED, 0), _i == 1 ? DEALFSM_ACCEPTED : DEALFSM_E_LOST);
    if (_i == 1)
        ck_assert_int_eq(kit_stored(k, 1, 'X'), DEALFSM_OK);
    SEEN(k, _i == 1 ? "put r5 s3 Accepted [DealAccepted] pending; log" : "put r5 s3 Accepted [DealAccepted] lost; log");
    /* It has left the machine: no further op, its subscriptions have ended. */
    ck_assert_int_eq(kit_send(k, 1, ACCEPTED, 0), DEALFSM_E_NOT_FOUND);
    ck_assert_uint_eq(ended_count, 1);
    ck_assert_int_eq(k->f->unsubscribe(k->machine, subscription, NULL), DEALFSM_E_NOT_FOUND);
    kit_free(k);
}
END_TEST

/* Events that come while a put is under way are carried by the next put, all of them. */
START_TEST(store_queue_is_carried)
{
    kit *k = kit_start();
    kit_bring(k, 1, DEALFSM_DealStatusWaitForAcceptance);
    puts_of(k, "PP");
    uint64_t first = 0, second = 0, third = 0;
    ck_assert_int_eq(kit_send_to(k, 1, RECEIVED, 100, &first), DEALFSM_ACCEPTED);
    ck_assert_int_eq(kit_send_to(k, 1, RECEIVED, 200, &second), DEALFSM_ACCEPTED);
    ck_assert_int_eq(kit_send_to(k, 1, ACCEPTED, 0, &third), DEALFSM_ACCEPTED);
    ck_assert_uint_eq(first, 5);
    ck_assert_uint_lt(first, second);
    ck_assert_uint_lt(second, third);
    SEEN(k, "put r5 s3 WaitForAcceptance [BlocksReceived] pending");
    ck_assert_int_eq(kit_stored(k, 1, 'D'), DEALFSM_OK);
    SEEN(k, "told s3 BlocksReceived WaitForAcceptance>WaitForAcceptance; "
            "put r8 s4 WaitForAcceptance [BlocksReceived] pending");
    ck_assert_uint_ge(8, third); /* the promise of both */
    ck_assert_int_eq(kit_stored(k, 1, 'L'), DEALFSM_OK);
    /* The process ends here. The row has the third event in its queue. */
    answers_of(k, "l");
    kit_seen(k);
    kit_restart(k);
    SEEN(k,
         "put r9 s5 Accepted [DealAccepted]; told s5 DealAccepted WaitForAcceptance>Accepted; ask GetChainHead s5 n1");
    ck_assert_uint_eq(k->told_gaps, 1); /* the second one was durable, and nobody was told */
    kit_free(k);
}
END_TEST

/* While an op is open an accepted event is put at once, with nothing applied; and it is in that row. */
START_TEST(store_put_while_op_is_open)
{
    kit *k = kit_start();
    kit_bring(k, 1, DEALFSM_DealStatusWaitForAcceptance);
    answers_of(k, "l");
    ck_assert_int_eq(kit_send(k, 1, ACCEPTED, 0), DEALFSM_APPLIED);
    kit_seen(k);
    uint64_t revision = 0;
    ck_assert_int_eq(kit_send_to(k, 1, RECEIVED, 700, &revision), DEALFSM_ACCEPTED);
    SEEN(k, "put r7 s3 Accepted []");
    ck_assert_uint_le(revision, k->rows[1].revision);
    IS(k, 1, Accepted, DEALFSM_DEAL_HANDLER_OWED | DEALFSM_DEAL_OP_OPEN);
    ck_assert_uint_eq(kit_query(k, 1).queued, 1);
    answers_of(k, "el");
    kit_restart(k);
    SEEN(k,
         "ask GetChainHead s3 n1 again; put r9 s4 Accepted [BlocksReceived]; told s4 BlocksReceived Accepted>Accepted; "
         "put r10 s5 Failed [PaymentChannelErrored]; told s5 PaymentChannelErrored Accepted>Failed; "
         "ask CloseDataTransfer s5 n1");
    kit_free(k);
}
END_TEST

/* The put of an accepted event under way, or failed: the answer to the op is taken, and what it raises waits. */
START_TEST(store_answer_while_put_is_open)
{
    kit *k = kit_start();
    kit_bring(k, 1, DEALFSM_DealStatusNew);
    answers_of(k, "l");
    ck_assert_int_eq(kit_send(k, 1, OPEN, 0), DEALFSM_APPLIED);
    puts_of(k, _i ? "F" : "P");
    ck_assert_int_eq(kit_send(k, 1, RECEIVED, 700), _i ? DEALFSM_STALLED : DEALFSM_ACCEPTED);
    kit_seen(k);
    ck_assert_int_eq(kit_answer(k, 1, 'i'), DEALFSM_OK);
    SEEN(k, "");
    if (_i)
        ck_assert_int_ge(k->f->retry(k->machine, 1, NULL, NULL), 0);
    else
        ck_assert_int_eq(kit_stored(k, 1, 'D'), DEALFSM_OK);
    /* BlocksReceived came first, and New has no transition for it. */
    SEEN(k,
         _i ? "put r5 s1 New []; put r7 s2 WaitForAcceptance [DealProposed -BlocksReceived]; "
              "told s2 DealProposed New>WaitForAcceptance"
            : "put r6 s2 WaitForAcceptance [DealProposed -BlocksReceived]; told s2 DealProposed New>WaitForAcceptance");
    kit_free(k);
}
END_TEST

/* Handed in from inside the op's own call: put at once, before the call returns. */
static void send_received(kit *k, const dealfsm_op *op)
{
    k->on_op = NULL;
    ck_assert_int_eq(kit_send(k, op->deal, RECEIVED, 700), DEALFSM_ACCEPTED);
    ck_assert_str_eq(kit_seen(k), "put r5 s3 Accepted [DealAccepted]; told s3 DealAccepted WaitForAcceptance>Accepted; "
                                  "ask GetChainHead s3 n1; put r7 s3 Accepted []");
}

START_TEST(store_put_inside_call)
{
    kit *k = kit_start();
    kit_bring(k, 1, DEALFSM_DealStatusWaitForAcceptance);
    k->on_op = send_received;
    answers_of(k, "il");
    ck_assert_int_eq(kit_send(k, 1, ACCEPTED, 0), DEALFSM_APPLIED);
    SEEN(k, "ask GetOrCreatePaymentChannel s3 n1");
    kit_free(k);
}
END_TEST

/* Handed in while subscribers hear of the step: no op starts before it is durable. */
static void send_while_told(kit *k, const dealfsm_notice *notice)
{
    k->on_notice = NULL;
    uint64_t revision = 0;
    ck_assert_int_eq(kit_send_to(k, notice->deal, RECEIVED, 700, &revision), DEALFSM_ACCEPTED);
    ck_assert_uint_eq(revision, 6);
}

START_TEST(store_put_before_op)
{
    kit *k = kit_start();
    kit_bring(k, 1, DEALFSM_DealStatusWaitForAcceptance);
    k->on_notice = send_while_told;
    answers_of(k, "l");
    ck_assert_int_eq(kit_send(k, 1, ACCEPTED, 0), DEALFSM_APPLIED);
    SEEN(k,
         "put r5 s3 Accepted [DealAccepted]; told s3 DealAccepted WaitForAcceptance>Accepted; put r7 s3 Accepted []; "
         "ask GetChainHead s3 n1");
    kit_free(k);
}
END_TEST

/* Refused in its turn: told to those who ask, out of the queue and named in a put of its own, since it was promised. */
START_TEST(store_refused_is_named)
{
    kit *k = kit_new(kit_module());
    k->all_refusals = true;
    kit_open(k);
    kit_bring(k, 1, DEALFSM_DealStatusWaitForAcceptance);
    puts_of(k, "P");
    ck_assert_int_eq(kit_send(k, 1, RECEIVED, 1), DEALFSM_ACCEPTED);
    uint64_t revision = 0;
    ck_assert_int_eq(kit_send_to(k, 1, COMPLETE, 0, &revision), DEALFSM_ACCEPTED);
    kit_seen(k);
    ck_assert_int_eq(kit_stored(k, 1, 'D'), DEALFSM_OK);
    SEEN(k, "told s3 BlocksReceived WaitForAcceptance>WaitForAcceptance; refused Complete -11; "
            "put r7 s3 WaitForAcceptance [-Complete]");
    ck_assert_uint_le(revision, k->rows[1].revision);
    /* Refused when handed in, with nothing before it: no put, no trace. */
    kit_snapshot before, after;
    ck_assert_int_eq(kit_snap(k, 1, &before), DEALFSM_OK);
    ck_assert_int_eq(kit_send(k, 1, COMPLETE, 0), DEALFSM_E_INVALID_TRANSITION);
    SEEN(k, "refused Complete -11");
    ck_assert_int_eq(kit_snap(k, 1, &after), DEALFSM_OK);
    ck_assert(kit_same_snapshot(&before, &after));
    kit_free(k);
}
END_TEST

/* The put that names a refused event fails: the next one names it. */
START_TEST(store_refused_is_named_later)
{
    kit *k = kit_start();
    kit_bring(k, 1, DEALFSM_DealStatusWaitForAcceptance);
    puts_of(k, "PF");
    ck_assert_int_eq(kit_send(k, 1, RECEIVED, 1), DEALFSM_ACCEPTED);
    ck_assert_int_eq(kit_send(k, 1, COMPLETE, 0), DEALFSM_ACCEPTED);
    ck_assert_int_eq(kit_stored(k, 1, 'D'), DEALFSM_OK);
    kit_seen(k);
    ck_assert_int_eq(k->f->retry(k->machine, 1, NULL, NULL), DEALFSM_APPLIED);
    SEEN(k, "put r8 s3 WaitForAcceptance [-Complete]");
    ck_assert_uint_eq(kit_history(k, 1, COMPLETE, DEALFSM_HAPPENED_REFUSED), 1);
    kit_free(k);
}
END_TEST

/* A final put empties the queue and names what ended with it; what comes during that put is named by another one. */
START_TEST(store_final_put)
{
    kit *k = kit_new(kit_module());
    k->all_refusals = true;
    kit_open(k);
    kit_bring(k, 1, DEALFSM_DealStatusWaitForAcceptance);
    puts_of(k, "PP");
    ck_assert_int_eq(kit_send(k, 1, RECEIVED, 1), DEALFSM_ACCEPTED);
    ck_assert_int_eq(kit_send(k, 1, TRANSFER_ERROR, 1), DEALFSM_ACCEPTED);
    ck_assert_int_eq(kit_send(k, 1, RECEIVED, 2), DEALFSM_ACCEPTED);
    ck_assert_int_eq(kit_send(k, 1, COMPLETE, 0), DEALFSM_ACCEPTED);
    kit_seen(k);
    ck_assert_int_eq(kit_stored(k, 1, 'D'), DEALFSM_OK);
    SEEN(k, "told s3 BlocksReceived WaitForAcceptance>WaitForAcceptance; "
            "put r9 s4 Errored [DataTransferError !BlocksReceived !Complete] pending");
    ck_assert_int_eq(kit_send(k, 1, ACCEPTED, 0), DEALFSM_ACCEPTED);
    ck_assert_int_eq(kit_stored(k, 1, 'D'), DEALFSM_OK);
    SEEN(k,
         "told s4 DataTransferError WaitForAcceptance>Errored; terminated BlocksReceived -12; terminated Complete -12; "
         "terminated DealAccepted -12; put r11 s4 Errored [!DealAccepted]");
    IS(k, 1, Errored, DEALFSM_DEAL_FINAL);
    /* Nothing happens to it after a restart. */
    kit_restart(k);
    SEEN(k, "");
    ck_assert_uint_eq(kit_query(k, 1).queued, 0);
    kit_free(k);
}
END_TEST

/* A failed final put ends nothing yet. */
START_TEST(store_final_put_failed)
{
    kit *k = kit_start();
    kit_bring(k, 1, DEALFSM_DealStatusWaitForAcceptance);
    puts_of(k, "PL");
    ck_assert_int_eq(kit_send(k, 1, TRANSFER_ERROR, 1), DEALFSM_ACCEPTED);
    ck_assert_int_eq(kit_send(k, 1, RECEIVED, 2), DEALFSM_ACCEPTED);
    ck_assert_int_eq(kit_stored(k, 1, 'F'), DEALFSM_OK);
    IS(k, 1, WaitForAcceptance, DEALFSM_DEAL_STALLED);
    ck_assert_uint_eq(kit_query(k, 1).queued, 2);
    ck_assert_int_eq(k->f->forget(k->machine, 1, NULL), DEALFSM_E_STATE);
    kit_seen(k);
    ck_assert_int_eq(k->f->retry(k->machine, 1, NULL, NULL), DEALFSM_STALLED);
    ck_assert_int_eq(k->f->retry(k->machine, 1, NULL, NULL), DEALFSM_APPLIED);
    SEEN(k,
         "put r7 s3 Errored [DataTransferError !BlocksReceived] landed; log; "
         "put r8 s3 Errored [DataTransferError !BlocksReceived]; told s3 DataTransferError WaitForAcceptance>Errored");
    kit_free(k);
}
END_TEST

/* A queue that is full takes nothing, and says so; the event that a handler raises has room. */
START_TEST(store_queue_full)
{
    kit *k = kit_new(kit_module());
    k->queue_events = 2;
    kit_open(k);
    kit_bring(k, 1, DEALFSM_DealStatusWaitForAcceptance);
    answers_of(k, "l");
    ck_assert_int_eq(kit_send(k, 1, ACCEPTED, 0), DEALFSM_APPLIED);
    ck_assert_int_eq(kit_send(k, 1, RECEIVED, 1), DEALFSM_ACCEPTED);
    ck_assert_int_eq(kit_send(k, 1, RECEIVED, 2), DEALFSM_ACCEPTED);
    kit_snapshot before, after;
    ck_assert_int_eq(kit_snap(k, 1, &before), DEALFSM_OK);
    kit_seen(k);
    ck_assert_int_eq(kit_send(k, 1, RECEIVED, 3), DEALFSM_E_QUEUE_FULL);
    SEEN(k, "");
    ck_assert_int_eq(kit_snap(k, 1, &after), DEALFSM_OK);
    ck_assert(kit_same_snapshot(&before, &after));
    answers_of(k, "l");
    ck_assert_int_eq(kit_answer(k, 1, 'e'), DEALFSM_OK);
    IS(k, 1, Failing, DEALFSM_DEAL_HANDLER_OWED | DEALFSM_DEAL_OP_OPEN);
    kit_free(k);
}
END_TEST

/* Deals do not wait for each other: the store ends their puts in another order. */
START_TEST(store_reorders_between_deals)
{
    kit *k = kit_start();
    kit_bring(k, 1, DEALFSM_DealStatusWaitForAcceptance);
    kit_bring(k, 2, DEALFSM_DealStatusWaitForAcceptance);
    puts_of(k, "PP");
    ck_assert_int_eq(kit_send(k, 1, RECEIVED, 1), DEALFSM_ACCEPTED);
    ck_assert_int_eq(kit_send(k, 2, REJECTED, 0), DEALFSM_ACCEPTED);
    kit_seen(k);
    ck_assert_int_eq(kit_stored(k, 2, 'D'), DEALFSM_OK);
    SEEN(k, "told s3 DealRejected WaitForAcceptance>Rejected");
    ck_assert_int_eq(kit_stored(k, 1, 'D'), DEALFSM_OK);
    SEEN(k, "told s3 BlocksReceived WaitForAcceptance>WaitForAcceptance");
    kit_free(k);
}
END_TEST

/* Without a store a step is durable at once. */
START_TEST(store_none)
{
    kit *k = kit_new(kit_module());
    k->no_store = true;
    kit_open(k);
    kit_bring(k, 1, DEALFSM_DealStatusWaitForAcceptance);
    answers_of(k, "l");
    ck_assert_int_eq(kit_send(k, 1, ACCEPTED, 0), DEALFSM_APPLIED);
    uint64_t revision = 0;
    ck_assert_int_eq(kit_send_to(k, 1, RECEIVED, 1, &revision), DEALFSM_ACCEPTED);
    SEEN(k, "told s3 DealAccepted WaitForAcceptance>Accepted; ask GetChainHead s3 n1");
    ck_assert_uint_le(revision, kit_query(k, 1).revision);
    answers_of(k, "l");
    ck_assert_int_eq(kit_answer(k, 1, 'e'), DEALFSM_OK);
    SEEN(k, "told s4 BlocksReceived Accepted>Accepted; told s5 PaymentChannelErrored Accepted>Failed; "
            "ask CloseDataTransfer s5 n1");
    ck_assert_int_eq(k->f->release(k->machine, 1, NULL), DEALFSM_E_STATE);
    kit_free(k);
}
END_TEST

/* retry from inside the log call that tells of the failure: nobody is forgotten. */
static void retry_now(kit *k, uint64_t deal)
{
    k->on_log = NULL;
    ck_assert_int_ge(k->f->retry(k->machine, deal, NULL, NULL), 0);
}

START_TEST(store_retry_inside_log)
{
    kit *k = kit_start();
    kit_bring(k, 1, DEALFSM_DealStatusWaitForAcceptance);
    puts_of(k, "F");
    k->on_log = retry_now;
    ck_assert_int_ge(kit_send(k, 1, REJECTED, 0), 0);
    SEEN(k, "put r5 s3 Rejected [DealRejected] failed; log; put r6 s3 Rejected [DealRejected]; "
            "told s3 DealRejected WaitForAcceptance>Rejected");
    kit_free(k);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("border: store");
    TCase *tests = tcase_create("store");
    tcase_add_test(tests, store_whole_deal);
    tcase_add_test(tests, store_create_pending);
    tcase_add_test(tests, store_create_failed);
    tcase_add_test(tests, store_create_lost);
    tcase_add_test(tests, store_pending_step);
    tcase_add_test(tests, store_stored_before_put_returns);
    tcase_add_loop_test(tests, store_failed_step, 0, 2);
    tcase_add_test(tests, store_failed_again);
    tcase_add_test(tests, store_failed_raised);
    tcase_add_loop_test(tests, store_lost_step, 0, 3);
    tcase_add_test(tests, store_queue_is_carried);
    tcase_add_test(tests, store_put_while_op_is_open);
    tcase_add_loop_test(tests, store_answer_while_put_is_open, 0, 2);
    tcase_add_test(tests, store_put_inside_call);
    tcase_add_test(tests, store_put_before_op);
    tcase_add_test(tests, store_refused_is_named);
    tcase_add_test(tests, store_refused_is_named_later);
    tcase_add_test(tests, store_final_put);
    tcase_add_test(tests, store_final_put_failed);
    tcase_add_test(tests, store_queue_full);
    tcase_add_test(tests, store_reorders_between_deals);
    tcase_add_test(tests, store_none);
    tcase_add_test(tests, store_retry_inside_log);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
