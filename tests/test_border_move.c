/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Ops and their answers; deals that come, go and stand still: restore, freeze, thaw, drop, forget, release. Dialogues as in
 * test_border_store.c. */
#include "border_kit.h"

#define OPEN DEALFSM_ClientEventOpen
#define ACCEPTED DEALFSM_ClientEventDealAccepted
#define REJECTED DEALFSM_ClientEventDealRejected
#define RECEIVED DEALFSM_ClientEventBlocksReceived
#define REQUESTED DEALFSM_ClientEventPaymentRequested

static void answers_of(kit *k, const char *letters)
{
    strcpy(k->answers, letters);
}

/* ---- Answers */

/* In the call, twice, from another thread, later: the same path. */
START_TEST(op_answers)
{
    kit *k = kit_start();
    kit_bring(k, 1, DEALFSM_DealStatusWaitForAcceptance);
    answers_of(k, (const char *[]){"ii", "22", "tt", "ll"}[_i]);
    ck_assert_int_eq(kit_send(k, 1, ACCEPTED, 0), DEALFSM_APPLIED);
    if (_i == 3) {
        IS(k, 1, Accepted, DEALFSM_DEAL_HANDLER_OWED | DEALFSM_DEAL_OP_OPEN);
        ck_assert_uint_eq(kit_query(k, 1).open_op, DEALFSM_OpGetChainHead);
        ck_assert_uint_eq(kit_query(k, 1).open_sequence, 3);
        kit_answer(k, 1, 'i');
        kit_answer(k, 1, 'i');
    }
    SEEN(k,
         "put r5 s3 Accepted [DealAccepted]; told s3 DealAccepted WaitForAcceptance>Accepted; ask GetChainHead s3 n1; "
         "ask GetOrCreatePaymentChannel s3 n1; put r7 s4 PaymentChannelCreating [PaymentChannelCreateInitiated]; "
         "told s4 PaymentChannelCreateInitiated Accepted>PaymentChannelCreating; ask WaitForPaymentChannelCreation s4 "
         "n1; "
         "ask AllocateLane s4 n1; put r9 s5 Ongoing [PaymentChannelReady]; "
         "told s5 PaymentChannelReady PaymentChannelCreating>Ongoing");
    kit_free(k);
}
END_TEST

/* Late, double, unknown and malformed answers change nothing. */
START_TEST(op_wrong_answers)
{
    kit *k = kit_start();
    kit_bring(k, 1, DEALFSM_DealStatusNew);
    answers_of(k, "l");
    ck_assert_int_eq(kit_send(k, 1, OPEN, 0), DEALFSM_APPLIED);
    kit_op op = k->waiting[0], other = op;
    kit_snapshot before, after;
    ck_assert_int_eq(kit_snap(k, 1, &before), DEALFSM_OK);
    other.sequence++;
    ck_assert_int_eq(kit_complete(k, &other, 'i'), DEALFSM_E_NOT_OPEN);
    other = op;
    other.nth = 2;
    ck_assert_int_eq(kit_complete(k, &other, 'i'), DEALFSM_E_NOT_OPEN);
    other = op;
    other.op = DEALFSM_OpAllocateLane;
    ck_assert_int_eq(kit_complete(k, &other, 'i'), DEALFSM_E_NOT_OPEN);
    /* Most of these this machine never asks: the deal was on another version then. */
    dealfsm_answer empty = {.struct_size = sizeof empty, .deal = 1, .sequence = 1, .nth = 1, .outcome = 1};
    for (empty.op = 0; empty.op < 40; empty.op++)
        if (empty.op != op.op)
            ck_assert_int_eq(k->f->complete(k->machine, &empty, NULL), DEALFSM_E_NOT_OPEN);
    other = op;
    other.deal = 2;
    ck_assert_int_eq(kit_complete(k, &other, 'i'), DEALFSM_E_NOT_FOUND);
    empty.op = op.op;
    ck_assert_int_eq(k->f->complete(k->machine, &empty, NULL),
                     DEALFSM_E_ARGUMENT); /* OpenDataTransfer gives a channel */
    empty.outcome = 6;
    ck_assert_int_eq(k->f->complete(k->machine, &empty, NULL), DEALFSM_E_ARGUMENT);
    ck_assert_int_eq(kit_snap(k, 1, &after), DEALFSM_OK);
    ck_assert(kit_same_snapshot(&before, &after));
    kit_seen(k);
    ck_assert_int_eq(kit_complete(k, &op, 'i'), DEALFSM_OK);
    ck_assert_int_eq(kit_complete(k, &op, 'i'), DEALFSM_E_NOT_OPEN);
    SEEN(k, "put r4 s2 WaitForAcceptance [DealProposed]; told s2 DealProposed New>WaitForAcceptance");
    dealfsm_counters counters = {.struct_size = sizeof counters};
    ck_assert_int_eq(k->f->counters(k->machine, &counters, NULL), DEALFSM_OK);
    ck_assert_uint_eq(counters.late_answers, 4 + 39);
    kit_free(k);
}
END_TEST

/* UNKNOWN and CONFLICT stall the deal; retry asks again with the same key, and a late answer counts no more. */
START_TEST(op_stalls)
{
    kit *k = kit_start();
    kit_bring(k, 1, DEALFSM_DealStatusNew);
    char letter = _i % 2 ? 'c' : 'u';
    answers_of(k, _i < 2 ? "l" : _i == 2 ? "u" : "c");
    ck_assert_int_eq(kit_send(k, 1, OPEN, 0), DEALFSM_APPLIED);
    kit_op op = {.op = DEALFSM_OpOpenDataTransfer, .deal = 1, .sequence = 1, .nth = 1};
    if (_i < 2)
        ck_assert_int_eq(kit_answer(k, 1, letter), DEALFSM_OK);
    SEEN(k, "put r2 s1 New [Open]; told s1 Open New>New; ask OpenDataTransfer s1 n1; log");
    IS(k, 1, New, DEALFSM_DEAL_HANDLER_OWED | DEALFSM_DEAL_STALLED);
    ck_assert_uint_eq(kit_query(k, 1).stall, letter == 'u' ? DEALFSM_STALL_UNKNOWN : DEALFSM_STALL_CONFLICT);
    ck_assert_int_eq(kit_complete(k, &op, 'i'), DEALFSM_E_NOT_OPEN);
    ck_assert_int_eq(kit_send(k, 1, RECEIVED, 1), DEALFSM_STALLED);
    SEEN(k, "");
    ck_assert_int_eq(k->f->retry(k->machine, 1, NULL, NULL), DEALFSM_APPLIED);
    /* What was accepted meanwhile is durable before the op is asked again. */
    SEEN(k, "put r4 s1 New []; ask OpenDataTransfer s1 n1 again; put r6 s2 WaitForAcceptance [DealProposed "
            "-BlocksReceived]; "
            "told s2 DealProposed New>WaitForAcceptance");
    ck_assert_uint_eq(kit_effects(k, op.op), 1);
    kit_free(k);
}
END_TEST

/* An op of a run is asked again by the next life with the key that it had, after the answers that were forgotten. */
START_TEST(op_same_keys_over_resume)
{
    kit *k = kit_start();
    kit_bring(k, 1, DEALFSM_DealStatusWaitForAcceptance);
    answers_of(k, "il");
    ck_assert_int_eq(kit_send(k, 1, ACCEPTED, 0), DEALFSM_APPLIED);
    kit_seen(k);
    for (int life = 0; life < 3; life++) {
        answers_of(k, "il");
        kit_restart(k);
        SEEN(k, "ask GetChainHead s3 n1 again; ask GetOrCreatePaymentChannel s3 n1 again");
        ck_assert_uint_eq(k->effects_count, 2); /* OpenDataTransfer was the first */
    }
    /* What the snapshot says is the same after each resume. */
    kit_snapshot a, b;
    ck_assert_int_eq(kit_snap(k, 1, &a), DEALFSM_OK);
    answers_of(k, "il");
    kit_restart(k);
    ck_assert_int_eq(kit_snap(k, 1, &b), DEALFSM_OK);
    ck_assert(kit_same_snapshot(&a, &b));
    kit_free(k);
}
END_TEST

/* ---- A record without sidecar */

static int32_t restore_bare(kit *k, uint64_t deal, uint32_t flags)
{
    const kit_row *row = &k->rows[deal];
    dealfsm_snapshot bare = {.struct_size = sizeof bare,
                             .flags = flags,
                             .deal = deal,
                             .machine_version = "client 0.5.6",
                             .record = row->record,
                             .record_len = row->record_len};
    return k->f->restore(k->machine, &bare, NULL);
}

START_TEST(bare_record_owed)
{
    kit *k = kit_start();
    kit_bring(k, 1, DEALFSM_DealStatusWaitForAcceptance);
    answers_of(k, "l");
    ck_assert_int_eq(kit_send(k, 1, ACCEPTED, 0), DEALFSM_APPLIED);
    kit_close(k);
    k->rows[1].revision = 0;
    k->rows[1].sequence = k->told[1] = 0;
    kit_open(k);
    kit_seen(k);
    ck_assert_int_eq(restore_bare(k, 1, DEALFSM_SNAPSHOT_OWED), DEALFSM_OK);
    IS(k, 1, Accepted, DEALFSM_DEAL_HANDLER_OWED | DEALFSM_DEAL_STAGED);
    answers_of(k, "iu");
    ck_assert_int_ge(k->f->activate(k->machine, 1, NULL, NULL), 0);
    SEEN(k, "ask GetChainHead s0 n1 again keyless; ask GetOrCreatePaymentChannel s0 n1 again keyless; log");
    IS(k, 1, Accepted, DEALFSM_DEAL_HANDLER_OWED | DEALFSM_DEAL_STALLED);
    /* The mark survives a put and a restart, and is gone with the next step. */
    ck_assert_int_eq(kit_send(k, 1, RECEIVED, 1), DEALFSM_STALLED);
    answers_of(k, "l");
    ck_assert_int_ge(k->f->retry(k->machine, 1, NULL, NULL), 0);
    answers_of(k, "iil");
    kit_restart(k);
    SEEN(k,
         "put r2 s0 Accepted []; ask GetOrCreatePaymentChannel s0 n1 again keyless; "
         "ask GetChainHead s0 n1 again keyless; "
         "ask GetOrCreatePaymentChannel s0 n1 again keyless; put r4 s1 Accepted [BlocksReceived]; "
         "told s1 BlocksReceived Accepted>Accepted; put r5 s2 PaymentChannelCreating [PaymentChannelCreateInitiated]; "
         "told s2 PaymentChannelCreateInitiated Accepted>PaymentChannelCreating; ask WaitForPaymentChannelCreation s2 "
         "n1");
    kit_free(k);
}
END_TEST

START_TEST(bare_record_nothing_owed)
{
    kit *k = kit_start();
    kit_bring(k, 1, DEALFSM_DealStatusOngoing);
    kit_close(k);
    k->rows[1].revision = 0;
    k->told[1] = 0;
    kit_open(k);
    ck_assert_int_eq(restore_bare(k, 1, 0), DEALFSM_OK);
    ck_assert_int_eq(restore_bare(k, 1, 0), DEALFSM_E_EXISTS);
    ck_assert_int_eq(k->f->activate(k->machine, 1, NULL, NULL), DEALFSM_APPLIED);
    SEEN(k, "");
    IS(k, 1, Ongoing, 0);
    ck_assert_int_eq(kit_send(k, 1, RECEIVED, 5), DEALFSM_APPLIED);
    SEEN(k, "put r1 s1 Ongoing [BlocksReceived]; told s1 BlocksReceived Ongoing>Ongoing");
    kit_free(k);
}
END_TEST

/* P6: what a later sidecar says beside what we know stays in it. */
START_TEST(sidecar_keeps_unknown_fields)
{
    static const uint8_t more[] = {0x17, 0x82, 0x01, 0x61, 'x', 0x18, 0x64, 0xf6};
    kit *k = kit_start();
    kit_bring(k, 1, DEALFSM_DealStatusOngoing);
    kit_close(k);
    kit_row *row = &k->rows[1];
    row->sidecar = realloc(row->sidecar, row->sidecar_len + sizeof more);
    ck_assert(row->sidecar != NULL);
    row->sidecar[0] = (uint8_t)(row->sidecar[0] + 2);
    memcpy(row->sidecar + row->sidecar_len, more, sizeof more);
    row->sidecar_len += sizeof more;
    kit_restart(k);
    ck_assert_int_eq(kit_send(k, 1, RECEIVED, 5), DEALFSM_APPLIED);
    ck_assert_uint_gt(row->sidecar_len, sizeof more);
    ck_assert_mem_eq(row->sidecar + row->sidecar_len - sizeof more, more, sizeof more);
    kit_restart(k);
    ck_assert_int_eq(kit_send(k, 1, RECEIVED, 6), DEALFSM_APPLIED);
    ck_assert_mem_eq(row->sidecar + row->sidecar_len - sizeof more, more, sizeof more);
    kit_free(k);
}
END_TEST

/* ---- freeze, thaw, drop */

START_TEST(freeze_at_rest)
{
    kit *k = kit_start();
    kit_bring(k, 1, DEALFSM_DealStatusWaitForAcceptance);
    ck_assert_int_eq(k->f->thaw(k->machine, 1, 0, NULL, NULL), DEALFSM_E_STATE);
    ck_assert_int_eq(k->f->drop(k->machine, 1, NULL), DEALFSM_E_STATE);
    ck_assert_int_eq(k->f->freeze(k->machine, 1, NULL), DEALFSM_OK);
    ck_assert_int_eq(k->f->freeze(k->machine, 1, NULL), DEALFSM_OK);
    IS(k, 1, WaitForAcceptance, DEALFSM_DEAL_FROZEN);
    ck_assert_int_eq(kit_send(k, 1, ACCEPTED, 0), DEALFSM_E_FROZEN);
    ck_assert_int_eq(k->f->release(k->machine, 1, NULL), DEALFSM_E_STATE);
    ck_assert_int_eq(k->f->activate(k->machine, 1, NULL, NULL), DEALFSM_E_STATE);
    kit_snapshot snapshot;
    ck_assert_int_eq(kit_snap(k, 1, &snapshot), DEALFSM_OK);
    ck_assert_int_eq(k->f->thaw(k->machine, 1, 0, NULL, NULL), DEALFSM_APPLIED);
    SEEN(k, "");
    IS(k, 1, WaitForAcceptance, 0);
    ck_assert_int_eq(k->f->freeze(k->machine, 1, NULL), DEALFSM_OK);
    ck_assert_int_eq(k->f->drop(k->machine, 1, NULL), DEALFSM_OK);
    ck_assert_int_eq(kit_send(k, 1, ACCEPTED, 0), DEALFSM_E_NOT_FOUND);
    SEEN(k, "");
    kit_free(k);
}
END_TEST

/* The other side may have put: the row is put again, higher, before anything else. */
START_TEST(thaw_puts)
{
    kit *k = kit_start();
    kit_bring(k, 1, DEALFSM_DealStatusWaitForAcceptance);
    answers_of(k, "l");
    ck_assert_int_eq(kit_send(k, 1, ACCEPTED, 0), DEALFSM_APPLIED);
    ck_assert_int_eq(k->f->freeze(k->machine, 1, NULL), DEALFSM_OK);
    kit_seen(k);
    uint64_t revision = 0;
    strcpy(k->puts, _i == 0 ? "D" : _i == 1 ? "P" : "F");
    ck_assert_int_eq(k->f->thaw(k->machine, 1, 20, &revision, NULL), _i == 0   ? DEALFSM_APPLIED
                                                                     : _i == 1 ? DEALFSM_ACCEPTED
                                                                               : DEALFSM_STALLED);
    SEEN(k, _i == 0   ? "put r21 s3 Accepted []"
            : _i == 1 ? "put r21 s3 Accepted [] pending"
                      : "put r21 s3 Accepted [] failed; log");
    if (_i == 1)
        ck_assert_int_eq(kit_stored(k, 1, 'D'), DEALFSM_OK);
    if (_i == 2)
        ck_assert_int_eq(k->f->retry(k->machine, 1, &revision, NULL), DEALFSM_APPLIED);
    SEEN(k, _i == 2 ? "put r22 s3 Accepted []" : "");
    /* The op that was open is open still, and its answer counts. */
    IS(k, 1, Accepted, DEALFSM_DEAL_HANDLER_OWED | DEALFSM_DEAL_OP_OPEN);
    ck_assert_int_eq(kit_answer(k, 1, 'i'), DEALFSM_OK);
    IS(k, 1, Ongoing, 0);
    kit_free(k);
}
END_TEST

static void freeze_in_call(kit *k, const dealfsm_op *op)
{
    k->on_op = NULL;
    ck_assert_int_eq(k->f->freeze(k->machine, op->deal, NULL), DEALFSM_E_BUSY);
    ck_assert_uint_eq(kit_query(k, op->deal).flags,
                      DEALFSM_DEAL_HANDLER_OWED | DEALFSM_DEAL_OP_OPEN | DEALFSM_DEAL_FREEZING);
    kit_snapshot snapshot;
    ck_assert_int_eq(kit_snap(k, op->deal, &snapshot), DEALFSM_E_BUSY);
    ck_assert_int_eq(kit_send(k, op->deal, RECEIVED, 1), DEALFSM_E_FROZEN);
}

/* An environment call that returns into a freezing deal hands its answer back; the deal is frozen with the op open. */
START_TEST(freeze_in_environment_call)
{
    kit *k = kit_start();
    kit_bring(k, 1, DEALFSM_DealStatusWaitForAcceptance);
    k->on_op = freeze_in_call;
    ck_assert_int_eq(kit_send(k, 1, ACCEPTED, 0), DEALFSM_APPLIED);
    SEEN(k, "put r5 s3 Accepted [DealAccepted]; told s3 DealAccepted WaitForAcceptance>Accepted; ask GetChainHead s3 "
            "n1; at rest");
    IS(k, 1, Accepted, DEALFSM_DEAL_HANDLER_OWED | DEALFSM_DEAL_OP_OPEN | DEALFSM_DEAL_FROZEN);
    kit_op op = {.op = DEALFSM_OpGetChainHead, .deal = 1, .sequence = 3, .nth = 1};
    ck_assert_int_eq(kit_complete(k, &op, 'i'), DEALFSM_E_FROZEN);
    ck_assert_int_eq(k->f->thaw(k->machine, 1, 0, NULL, NULL), DEALFSM_APPLIED);
    SEEN(k, "");
    ck_assert_int_eq(kit_complete(k, &op, 'i'), DEALFSM_OK);
    IS(k, 1, Ongoing, 0);
    kit_free(k);
}
END_TEST

static void answer_and_freeze(kit *k, const dealfsm_op *op)
{
    kit_op key = {.op = op->op, .deal = op->deal, .sequence = op->sequence, .nth = op->nth};
    k->on_op = NULL;
    ck_assert_int_eq(kit_complete(k, &key, 'i'), DEALFSM_OK);
    ck_assert_int_eq(k->f->freeze(k->machine, op->deal, NULL), DEALFSM_E_BUSY);
}

/* A handler that asked a once op is through, its event waits: before the deal may leave, a row says so. */
START_TEST(freeze_after_once_op)
{
    kit *k = kit_start();
    kit_bring(k, 1, DEALFSM_DealStatusNew);
    answers_of(k, "l");
    k->on_op = answer_and_freeze;
    ck_assert_int_eq(kit_send(k, 1, OPEN, 0), DEALFSM_APPLIED);
    SEEN(k, "put r2 s1 New [Open]; told s1 Open New>New; ask OpenDataTransfer s1 n1; put r4 s1 New []; at rest");
    IS(k, 1, New, DEALFSM_DEAL_FROZEN);
    ck_assert_uint_eq(kit_query(k, 1).queued, 1); /* DealProposed: neither applied nor lost */
    ck_assert_int_eq(k->f->thaw(k->machine, 1, 0, NULL, NULL), DEALFSM_APPLIED);
    SEEN(k, "put r5 s2 WaitForAcceptance [DealProposed]; told s2 DealProposed New>WaitForAcceptance");
    kit_free(k);
}
END_TEST

static void freeze_in_put(kit *k, const dealfsm_put *put)
{
    k->on_put = NULL;
    ck_assert_int_eq(k->f->freeze(k->machine, put->deal, NULL), DEALFSM_E_BUSY);
}

static void freeze_in_notice(kit *k, const dealfsm_notice *notice)
{
    k->on_notice = NULL;
    ck_assert_int_eq(k->f->freeze(k->machine, notice->deal, NULL), DEALFSM_E_BUSY);
}

/* From inside a put, from inside a notice: the step is told, the handler that it owes does not run. */
START_TEST(freeze_in_step)
{
    kit *k = kit_start();
    kit_bring(k, 1, DEALFSM_DealStatusWaitForAcceptance);
    if (_i)
        k->on_put = freeze_in_put;
    else
        k->on_notice = freeze_in_notice;
    ck_assert_int_eq(kit_send(k, 1, ACCEPTED, 0), DEALFSM_APPLIED);
    SEEN(k, "put r5 s3 Accepted [DealAccepted]; told s3 DealAccepted WaitForAcceptance>Accepted; at rest");
    IS(k, 1, Accepted, DEALFSM_DEAL_HANDLER_OWED | DEALFSM_DEAL_FROZEN);
    answers_of(k, "l");
    ck_assert_int_eq(k->f->thaw(k->machine, 1, 0, NULL, NULL), DEALFSM_APPLIED);
    SEEN(k, "ask GetChainHead s3 n1");
    kit_free(k);
}
END_TEST

/* A pending put ends first; what is queued stays queued, whole, in the snapshot. */
START_TEST(freeze_while_put_is_pending)
{
    kit *k = kit_start();
    kit_bring(k, 1, DEALFSM_DealStatusWaitForAcceptance);
    strcpy(k->puts, "P");
    ck_assert_int_eq(kit_send(k, 1, RECEIVED, 1), DEALFSM_ACCEPTED);
    ck_assert_int_eq(kit_send(k, 1, REJECTED, 1), DEALFSM_ACCEPTED);
    ck_assert_int_eq(k->f->freeze(k->machine, 1, NULL), DEALFSM_E_BUSY);
    kit_seen(k);
    ck_assert_int_eq(kit_stored(k, 1, 'D'), DEALFSM_OK);
    /* The second event was promised: it is in the row before the deal stands still. */
    SEEN(k, "told s3 BlocksReceived WaitForAcceptance>WaitForAcceptance; put r7 s3 WaitForAcceptance []; at rest");
    kit_snapshot snapshot;
    ck_assert_int_eq(kit_snap(k, 1, &snapshot), DEALFSM_OK);
    ck_assert_uint_eq(snapshot.snapshot.sidecar_len, k->rows[1].sidecar_len);
    ck_assert_mem_eq(snapshot.sidecar, k->rows[1].sidecar, k->rows[1].sidecar_len);
    ck_assert_int_eq(k->f->thaw(k->machine, 1, 0, NULL, NULL), DEALFSM_APPLIED);
    SEEN(k, "put r8 s4 Rejected [DealRejected]; told s4 DealRejected WaitForAcceptance>Rejected");
    kit_free(k);
}
END_TEST

/* thaw from inside at_rest, and of a deal that is still on its way to rest. */
static void thaw_now(kit *k, uint64_t deal)
{
    k->on_rest = NULL;
    ck_assert_int_ge(k->f->thaw(k->machine, deal, 0, NULL, NULL), 0);
}

START_TEST(thaw_at_once)
{
    kit *k = kit_start();
    kit_bring(k, 1, DEALFSM_DealStatusWaitForAcceptance);
    k->on_notice = freeze_in_notice;
    k->on_rest = thaw_now;
    answers_of(k, "l");
    ck_assert_int_ge(kit_send(k, 1, ACCEPTED, 0), 0);
    SEEN(k, "put r5 s3 Accepted [DealAccepted]; told s3 DealAccepted WaitForAcceptance>Accepted; at rest; ask "
            "GetChainHead s3 n1");
    strcpy(k->puts, "P");
    ck_assert_int_eq(kit_send(k, 1, RECEIVED, 1), DEALFSM_ACCEPTED);
    ck_assert_int_eq(k->f->freeze(k->machine, 1, NULL), DEALFSM_E_BUSY);
    ck_assert_int_eq(k->f->thaw(k->machine, 1, 0, NULL, NULL), DEALFSM_ACCEPTED);
    ck_assert_int_eq(kit_stored(k, 1, 'D'), DEALFSM_OK);
    IS(k, 1, Accepted, DEALFSM_DEAL_HANDLER_OWED | DEALFSM_DEAL_OP_OPEN);
    kit_free(k);
}
END_TEST

/* The other side put while this one was on its way to rest: what was under way then does not count for it. */
START_TEST(thaw_while_put_is_pending)
{
    kit *k = kit_start();
    kit_bring(k, 1, DEALFSM_DealStatusWaitForAcceptance);
    answers_of(k, "l");
    ck_assert_int_eq(kit_send(k, 1, ACCEPTED, 0), DEALFSM_APPLIED);
    strcpy(k->puts, "P");
    ck_assert_int_eq(kit_send(k, 1, RECEIVED, 1), DEALFSM_ACCEPTED);
    ck_assert_int_eq(k->f->freeze(k->machine, 1, NULL), DEALFSM_E_BUSY);
    ck_assert_int_eq(k->f->thaw(k->machine, 1, 50, NULL, NULL), DEALFSM_ACCEPTED);
    kit_seen(k);
    ck_assert_int_eq(kit_stored(k, 1, 'D'), DEALFSM_OK);
    SEEN(k, "put r51 s3 Accepted []");
    kit_free(k);
}
END_TEST

/* Revisions have an end: nothing is taken that would pass it. */
START_TEST(revision_bounds)
{
    kit *k = kit_start();
    kit_bring(k, 1, DEALFSM_DealStatusWaitForAcceptance);
    ck_assert_int_eq(k->f->freeze(k->machine, 1, NULL), DEALFSM_OK);
    ck_assert_int_eq(k->f->thaw(k->machine, 1, UINT64_MAX, NULL, NULL), DEALFSM_E_ARGUMENT);
    IS(k, 1, WaitForAcceptance, DEALFSM_DEAL_FROZEN);
    ck_assert_int_eq(k->f->drop(k->machine, 1, NULL), DEALFSM_OK);
    const kit_row *row = &k->rows[1];
    dealfsm_snapshot bare = {.struct_size = sizeof bare,
                             .deal = 1,
                             .revision = UINT64_MAX,
                             .machine_version = "client 0.5.6",
                             .record = row->record,
                             .record_len = row->record_len};
    ck_assert_int_eq(k->f->restore(k->machine, &bare, NULL), DEALFSM_E_ARGUMENT);
    /* The sidecar's sequence and revision, too. */
    for (int key = 1; key <= 2; key++) {
        uint8_t sidecar[] = {0xa3, 0, 1, 1, 0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 5};
        if (key == 2) {
            sidecar[4] = 5;
            sidecar[5] = 2;
            sidecar[6] = 0x1b;
            memset(sidecar + 7, 0xff, 8);
        }
        bare.sidecar = sidecar;
        bare.sidecar_len = sizeof sidecar;
        ck_assert_int_eq(k->f->restore(k->machine, &bare, NULL), DEALFSM_E_CORRUPT);
    }
    kit_free(k);
}
END_TEST

/* activate, thaw, retry and dispatch tell how their own put went, not what came of the steps behind it: a host that moves a
 * deal must know on which side it is. */
START_TEST(answers_are_about_the_own_put)
{
    const char *later = _i ? "F" : "P";
    const uint32_t then = _i ? DEALFSM_DEAL_STALLED : DEALFSM_DEAL_PUT_PENDING;
    kit *k = kit_start();
    kit_bring(k, 1, DEALFSM_DealStatusWaitForAcceptance);
    answers_of(k, "l");
    ck_assert_int_eq(kit_send(k, 1, ACCEPTED, 0), DEALFSM_APPLIED);
    kit_close(k);
    kit_open(k);
    kit_restore(k, 1);
    /* Nothing has to be put; the owed handler runs, and its step fares as it may. */
    strcpy(k->puts, later);
    ck_assert_int_eq(k->f->activate(k->machine, 1, NULL, NULL), DEALFSM_APPLIED);
    IS(k, 1, Accepted, then);
    kit_close(k);
    kit_open(k);
    kit_restore(k, 1);
    ck_assert_int_eq(k->f->activate(k->machine, 1, NULL, NULL), DEALFSM_APPLIED);
    IS(k, 1, Ongoing, 0);

    ck_assert_int_eq(kit_send(k, 1, RECEIVED, 1000), DEALFSM_APPLIED);
    strcpy(k->puts, "F");
    ck_assert_int_eq(kit_send(k, 1, REQUESTED, 2000), DEALFSM_STALLED);
    sprintf(k->puts, "D%s", later);
    ck_assert_int_eq(k->f->retry(k->machine, 1, NULL, NULL), DEALFSM_APPLIED); /* the head event is durable */
    IS(k, 1, FundsNeeded, then);
    if (!_i)
        kit_stored(k, 1, 'F');

    ck_assert_int_eq(k->f->freeze(k->machine, 1, NULL), DEALFSM_OK);
    ck_assert_int_eq(k->f->thaw(k->machine, 1, 0, NULL, NULL), DEALFSM_STALLED);
    answers_of(k, "l");
    ck_assert_int_eq(k->f->retry(k->machine, 1, NULL, NULL), DEALFSM_APPLIED);
    IS(k, 1, SendFunds, DEALFSM_DEAL_HANDLER_OWED | DEALFSM_DEAL_OP_OPEN);
    /* Accepted while the op is open, durable in a put of its own; nothing of what follows makes that untrue. */
    ck_assert_int_eq(kit_send(k, 1, RECEIVED, 1500), DEALFSM_ACCEPTED);
    kit_free(k);
}
END_TEST

/* ---- release, forget, close */

START_TEST(release_and_come_back)
{
    kit *k = kit_start();
    kit_bring(k, 1, DEALFSM_DealStatusNew);
    answers_of(k, "l");
    ck_assert_int_eq(kit_send(k, 1, OPEN, 0), DEALFSM_APPLIED);
    ck_assert_int_eq(k->f->release(k->machine, 1, NULL), DEALFSM_E_STATE); /* an op is open */
    ck_assert_int_eq(k->f->forget(k->machine, 1, NULL), DEALFSM_E_STATE);
    ck_assert_int_eq(k->f->close(k->machine, NULL), DEALFSM_E_BUSY);
    ck_assert_int_eq(kit_answer(k, 1, 'i'), DEALFSM_OK);
    ck_assert_int_eq(k->f->release(k->machine, 1, NULL), DEALFSM_OK);
    ck_assert_int_eq(kit_send(k, 1, ACCEPTED, 0), DEALFSM_E_NOT_FOUND);
    kit_restore(k, 1);
    ck_assert_int_eq(kit_send(k, 1, REJECTED, 0), DEALFSM_E_FROZEN); /* staged */
    ck_assert_int_eq(k->f->activate(k->machine, 1, NULL, NULL), DEALFSM_APPLIED);
    ck_assert_int_eq(kit_send(k, 1, REJECTED, 0), DEALFSM_APPLIED);
    ck_assert_int_eq(k->f->forget(k->machine, 1, NULL), DEALFSM_OK);
    kit_free(k);
}
END_TEST

/* Everything may be called from inside the last callback of a subscription, while the machine closes, too. */
typedef struct last_look {
    kit *k;
    uint32_t runs;
} last_look;

static void look_around(void *ctx)
{
    last_look *look = ctx;
    dealfsm_deal deal = {.struct_size = sizeof deal};
    dealfsm_counters counters = {.struct_size = sizeof counters};
    uint64_t ids[KIT_DEALS], count = 0;
    for (uint64_t id = 0; id < KIT_DEALS; id++)
        look->k->f->query(look->k->machine, id, &deal, NULL);
    ck_assert_int_eq(look->k->f->list(look->k->machine, NULL, ids, KIT_DEALS, &count, NULL), DEALFSM_OK);
    ck_assert_int_eq(look->k->f->counters(look->k->machine, &counters, NULL), DEALFSM_OK);
    ck_assert_int_eq(look->k->f->close(look->k->machine, NULL), DEALFSM_E_BUSY);
    look->runs++;
}

static void ignore(void *ctx, const dealfsm_notice *notice)
{
    (void)ctx;
    (void)notice;
}

START_TEST(close_tells_subscriptions)
{
    kit *k = kit_start();
    last_look look = {k, 0};
    for (uint64_t deal = 1; deal < KIT_DEALS; deal++) {
        dealfsm_subscription one = {
            .struct_size = sizeof one, .deal = deal, .ctx = &look, .notify = ignore, .ended = look_around};
        uint64_t id;
        kit_bring(k, deal, DEALFSM_DealStatusNew);
        ck_assert_int_eq(k->f->subscribe(k->machine, &one, &id, NULL), DEALFSM_OK);
        one.flags = DEALFSM_SUBSCRIBE_ALL;
        ck_assert_int_eq(k->f->subscribe(k->machine, &one, &id, NULL), DEALFSM_OK);
    }
    kit_close(k);
    ck_assert_uint_eq(look.runs, 2 * (KIT_DEALS - 1));
    kit_free(k);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("border: move");
    TCase *tests = tcase_create("move");
    tcase_add_loop_test(tests, op_answers, 0, 4);
    tcase_add_test(tests, op_wrong_answers);
    tcase_add_loop_test(tests, op_stalls, 0, 4);
    tcase_add_test(tests, op_same_keys_over_resume);
    tcase_add_test(tests, bare_record_owed);
    tcase_add_test(tests, bare_record_nothing_owed);
    tcase_add_test(tests, sidecar_keeps_unknown_fields);
    tcase_add_test(tests, freeze_at_rest);
    tcase_add_loop_test(tests, thaw_puts, 0, 3);
    tcase_add_test(tests, freeze_in_environment_call);
    tcase_add_test(tests, freeze_after_once_op);
    tcase_add_loop_test(tests, freeze_in_step, 0, 2);
    tcase_add_test(tests, freeze_while_put_is_pending);
    tcase_add_test(tests, thaw_at_once);
    tcase_add_test(tests, thaw_while_put_is_pending);
    tcase_add_test(tests, revision_bounds);
    tcase_add_loop_test(tests, answers_are_about_the_own_put, 0, 2);
    tcase_add_test(tests, release_and_come_back);
    tcase_add_test(tests, close_tells_subscriptions);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
