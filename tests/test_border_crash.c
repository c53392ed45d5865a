/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Crashes, counted out. A whole deal is run again and again; each time the process "ends" at another moment: before or behind
 * the effect of a put, an op or a notice. Then there is nothing but what the store has made durable and what the world did, by
 * op key: the deal is restored, activated and goes on to its end. So for every moment, and for every two of them. In the same way
 * every put fails once, landed or not, and every op is answered UNKNOWN or CONFLICT once, and two of these.
 *
 * However it went: the final record is the same to the byte, a once op had its effect once, with the same arguments, an event
 * that was durable is not lost and none is applied twice, notices have gaps only where the process ended. */
#include <cbor.h>

#include "border_kit.h"

enum { DEAL = 1, STEPS_MAX = 10 };

typedef struct outside {
    uint32_t event; /* a ClientEvent, + 1; 0 ends the list */
    uint64_t number;
    uint32_t
        inside; /* the op in whose call it comes, 0: when all is quiet. It comes then, too, if that call has been */
} outside;

typedef struct course {
    const char *name;
    bool channel_exists;
    bool fails; /* ends in Errored */
    outside steps[STEPS_MAX];
} course;

#define COMES(word, amount)                                                                                            \
    {                                                                                                                  \
        DEALFSM_ClientEvent##word + 1, amount, 0                                                                       \
    }
#define COMES_IN(op, word, amount)                                                                                     \
    {                                                                                                                  \
        DEALFSM_ClientEvent##word + 1, amount, DEALFSM_Op##op                                                          \
    }

static const course courses[] = {
    {"plain",
     false,
     false,
     {COMES(Open, 0), COMES(DealAccepted, 0), COMES(BlocksReceived, 1000), COMES(PaymentRequested, 2000),
      COMES(AllBlocksReceived, 0), COMES(LastPaymentRequested, 0), COMES(Complete, 0)}},
    {"events inside calls",
     false,
     false,
     {COMES(Open, 0), COMES(DealAccepted, 0), COMES_IN(GetChainHead, BlocksReceived, 600),
      COMES_IN(GetOrCreatePaymentChannel, BlocksReceived, 1000),
      COMES_IN(WaitForPaymentChannelCreation, PaymentRequested, 2000), COMES_IN(AllocateLane, AllBlocksReceived, 0),
      COMES(LastPaymentRequested, 0), COMES(Complete, 0)}},
    {"two payments, a channel that exists",
     true,
     false,
     {COMES(Open, 0), COMES(UnsealPaymentRequested, 0), COMES_IN(WaitForPaymentChannelAddFunds, BlocksReceived, 1000),
      COMES(PaymentRequested, 2000), COMES(BlocksReceived, 2100), COMES(AllBlocksReceived, 0),
      COMES(LastPaymentRequested, 2200), COMES(Complete, 0)}},
    {"asks for too much, and the end finds events in the queue",
     false,
     true,
     {COMES(Open, 0), COMES(DealAccepted, 0), COMES(BlocksReceived, 1000), COMES(PaymentRequested, 2001),
      COMES_IN(CloseDataTransfer, AllBlocksReceived, 0), COMES_IN(CloseDataTransfer, Complete, 0)}},
    {"refused ones between",
     false,
     true,
     {COMES(Open, 0), COMES_IN(OpenDataTransfer, Complete, 0), COMES(DealAccepted, 0),
      COMES_IN(GetChainHead, DealRejected, 0), COMES_IN(AllocateLane, DealNotFound, 0), COMES(DataTransferError, 3)}},
};

/* How the host answers: letters as in border_kit.h. */
static const char manners[][2] = {{'D', 'i'}, {'P', 'l'}, {'D', 'l'}, {'E', '2'}};

enum { COURSES = sizeof courses / sizeof *courses, MANNERS = sizeof manners / sizeof *manners };

typedef struct run {
    kit *k;
    const course *course;
    uint32_t handed_in; /* bits of steps: taken, in this life or one before it */
    uint32_t applied;   /* … of which dispatch said that they are durable */
    uint32_t ended;     /* … that were refused when handed in */
    uint64_t promises[STEPS_MAX];
} run;

/* How it ends when nothing goes wrong. */
typedef struct ending {
    uint8_t record[1024];
    uint64_t record_len;
    kit_op effects[KIT_EFFECTS];
    uint32_t effects_count;
    uint32_t moments, puts, ops;
} ending;

static uint32_t next_step(const run *r)
{
    uint32_t i = 0;
    while (r->course->steps[i].event && r->handed_in >> i & 1)
        i++;
    return i;
}

static void hand_in(run *r, uint32_t i)
{
    uint64_t revision = 0;
    r->handed_in |= 1u << i;
    int32_t code = kit_send_to(r->k, DEAL, r->course->steps[i].event - 1, r->course->steps[i].number, &revision);
    if (r->k->dead)
        return;
    if (code == DEALFSM_APPLIED)
        r->applied |= 1u << i;
    else if (code < 0)
        r->ended |= 1u << i;
    else
        r->promises[i] = revision;
}

static void in_call(kit *k, const dealfsm_op *op)
{
    run *r = k->context;
    for (uint32_t i; r->course->steps[i = next_step(r)].event && r->course->steps[i].inside == op->op && !k->dead;)
        hand_in(r, i);
}

/* Events from outside in the queue of the stored sidecar. */
static uint32_t stored_queue(const kit *k, uint32_t event)
{
    struct cbor_load_result result;
    uint32_t count = 0;
    cbor_item_t *sidecar = cbor_load(k->rows[DEAL].sidecar, k->rows[DEAL].sidecar_len, &result);
    MUST(sidecar != NULL && cbor_isa_map(sidecar));
    for (size_t i = 0; i < cbor_map_size(sidecar); i++) {
        struct cbor_pair pair = cbor_map_handle(sidecar)[i];
        if (cbor_get_int(pair.key) != 4)
            continue;
        for (size_t n = 0; n < cbor_array_size(pair.value); n++) {
            cbor_item_t **queued = cbor_array_handle(cbor_array_handle(pair.value)[n]);
            count += cbor_get_int(queued[0]) == event && !cbor_get_bool(queued[1]);
        }
    }
    cbor_decref(&sidecar);
    return count;
}

static uint32_t in_history(const kit *k, uint32_t event)
{
    return kit_history(k, DEAL, event, DEALFSM_HAPPENED_APPLIED) +
           kit_history(k, DEAL, event, DEALFSM_HAPPENED_REFUSED) +
           kit_history(k, DEAL, event, DEALFSM_HAPPENED_TERMINATED);
}

/* Whether step i is in the store: over, or in the queue. (An event that handlers raise, too, comes from outside only once, and
 * first.) */
static bool is_durable(const run *r, uint32_t i)
{
    uint32_t event = r->course->steps[i].event - 1, before = 0;
    for (uint32_t k = 0; k < i; k++)
        before += r->course->steps[k].event - 1 == event && !(r->ended >> k & 1);
    return in_history(r->k, event) + stored_queue(r->k, event) > before;
}

/* What the process knew is gone: looks what the store has. */
static void forget_and_look(run *r)
{
    kit *k = r->k;
    const kit_row *row = &k->rows[DEAL];
    uint32_t known = 0;
    MUST(k->told[DEAL] <= row->sequence);
    for (uint32_t i = 0; r->course->steps[i].event; i++) {
        bool promised = r->promises[i] > 0 && row->revision >= r->promises[i];
        bool durable = row->revision > 0 && is_durable(r, i);
        MUST_SAY(durable || !((r->applied >> i & 1) || promised), "step %" PRIu32 " was durable and is lost", i);
        if (durable || r->ended >> i & 1)
            known |= 1u << i;
        r->promises[i] = 0;
    }
    r->handed_in = known;
    k->told[DEAL] = row->sequence;
}

static bool is_stalled(run *r)
{
    dealfsm_deal deal = {.struct_size = sizeof deal};
    int32_t code = r->k->f->query(r->k->machine, DEAL, &deal, NULL);
    return code == DEALFSM_E_NOT_FOUND || deal.flags & DEALFSM_DEAL_STALLED;
}

/* Lets the deal live until nothing is left to do, or the process ends. */
static void live(run *r)
{
    kit *k = r->k;
    if (k->rows[DEAL].revision == 0)
        kit_create(k, DEAL);
    while (!k->dead) {
        if (k->pending[DEAL].revision > 0)
            kit_stored(k, DEAL, 'D');
        else if (k->waiting_count > 0)
            kit_answer(k, DEAL, 'i');
        else if (is_stalled(r))
            k->f->retry(k->machine, DEAL, NULL, NULL);
        else if (r->course->steps[next_step(r)].event)
            hand_in(r, next_step(r));
        else
            return;
    }
}

static run start(uint32_t number)
{
    const char *manner = manners[number % MANNERS];
    run r = {.k = kit_new(kit_module()), .course = &courses[number / MANNERS]};
    r.k->quiet = true;
    r.k->channel_exists = r.course->channel_exists;
    r.k->put_default = manner[0];
    r.k->answer_default = manner[1];
    r.k->on_op = in_call;
    return r;
}

static void go(run *r)
{
    r->k->context = r;
    kit_open(r->k);
    live(r);
}

static void crash_and_go(run *r, uint32_t next_crash)
{
    kit_close(r->k);
    forget_and_look(r);
    r->k->moments = 0;
    r->k->crash_at = next_crash;
    kit_restart(r->k);
    live(r);
}

static bool same_effect(const kit_op *a, const kit_op *b)
{
    return a->op == b->op && a->args_len == b->args_len && !memcmp(a->args, b->args, a->args_len);
}

/* The end of a run, held against the end of one without mishap. */
static void check_end(run *r, const ending *expected)
{
    kit *k = r->k;
    const kit_row *row = &k->rows[DEAL];
    MUST(row->status == (r->course->fails ? DEALFSM_DealStatusErrored : DEALFSM_DealStatusCompleted));
    MUST(row->record_len == expected->record_len);
    MUST(!memcmp(row->record, expected->record, row->record_len));
    MUST(k->effects_count == expected->effects_count);
    for (uint32_t i = 0; i < k->effects_count; i++) {
        uint32_t n = 0;
        while (n < k->effects_count && !same_effect(&k->effects[i], &expected->effects[n]))
            n++;
        MUST(n < k->effects_count);
    }
    MUST(k->told_gaps == 0);
    uint64_t sequence = 0;
    for (uint32_t i = 0; i < row->happened_count; i++)
        if (row->happened[i].kind == DEALFSM_HAPPENED_APPLIED)
            MUST(row->happened[i].sequence == ++sequence);
    MUST(sequence == row->sequence);
    for (uint32_t i = 0; r->course->steps[i].event; i++) {
        uint32_t event = r->course->steps[i].event - 1, times = 0;
        for (uint32_t n = 0; r->course->steps[n].event; n++)
            times += r->course->steps[n].event == event + 1 && !(r->ended >> n & 1);
        if (event != DEALFSM_ClientEventPaymentRequested && event != DEALFSM_ClientEventLastPaymentRequested)
            MUST(in_history(k, event) == times);
    }
    MUST(k->f->forget(k->machine, DEAL, NULL) == DEALFSM_OK);
    kit_free(k);
}

static void run_without_mishap(uint32_t number, ending *out)
{
    dealfsm_counters counters = {.struct_size = sizeof counters};
    run r = start(number);
    go(&r);
    const kit_row *row = &r.k->rows[DEAL];
    MUST(row->record_len <= sizeof out->record);
    memcpy(out->record, row->record, row->record_len);
    out->record_len = row->record_len;
    memcpy(out->effects, r.k->effects, sizeof out->effects);
    out->effects_count = r.k->effects_count;
    out->moments = r.k->moments;
    MUST(r.k->f->counters(r.k->machine, &counters, NULL) == DEALFSM_OK);
    out->puts = (uint32_t)counters.puts;
    out->ops = (uint32_t)counters.ops;
    check_end(&r, out);
}

START_TEST(crash_once)
{
    ending expected;
    run_without_mishap((uint32_t)_i, &expected);
    MUST(expected.moments > 30);
    for (uint32_t at = 1; at <= expected.moments; at++) {
        run r = start((uint32_t)_i);
        r.k->crash_at = at;
        go(&r);
        MUST(r.k->dead);
        crash_and_go(&r, 0);
        check_end(&r, &expected);
    }
}
END_TEST

START_TEST(crash_twice)
{
    ending expected;
    run_without_mishap((uint32_t)_i, &expected);
    for (uint32_t first = 1; first <= expected.moments; first++) {
        bool again = true;
        for (uint32_t second = 1; again; second++) {
            run r = start((uint32_t)_i);
            r.k->crash_at = first;
            go(&r);
            crash_and_go(&r, second);
            again = r.k->dead;
            if (again)
                crash_and_go(&r, 0);
            check_end(&r, &expected);
        }
    }
}
END_TEST

/* A script that is `letter` at place `at` (from 1), and otherwise as ever. */
static void letter_at(char *script, char otherwise, uint32_t at, char letter)
{
    MUST(at < KIT_SCRIPT);
    for (uint32_t i = (uint32_t)strlen(script); i + 1 < at; i++)
        script[i] = otherwise;
    script[at - 1] = letter;
}

/* Every put fails once, and every two of them. */
START_TEST(put_fails)
{
    ending expected;
    run_without_mishap((uint32_t)_i, &expected);
    for (uint32_t first = 1; first <= expected.puts; first++)
        for (uint32_t second = first; second <= expected.puts + 1; second++) {
            run r = start((uint32_t)_i);
            letter_at(r.k->puts, r.k->put_default, first, second % 2 ? 'F' : 'L');
            if (second > first)
                letter_at(r.k->puts, r.k->put_default, second, second % 3 ? 'L' : 'F');
            go(&r);
            check_end(&r, &expected);
        }
}
END_TEST

/* Every op is answered UNKNOWN or CONFLICT once, and every two of them. */
START_TEST(op_stalls)
{
    ending expected;
    run_without_mishap((uint32_t)_i, &expected);
    for (uint32_t first = 1; first <= expected.ops; first++)
        for (uint32_t second = first; second <= expected.ops + 1; second++) {
            run r = start((uint32_t)_i);
            letter_at(r.k->answers, r.k->answer_default, first, second % 2 ? 'u' : 'c');
            if (second > first)
                letter_at(r.k->answers, r.k->answer_default, second, 'u');
            go(&r);
            check_end(&r, &expected);
        }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("border: crash");
    TCase *tests = tcase_create("crash");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, crash_once, 0, COURSES * MANNERS);
    tcase_add_loop_test(tests, crash_twice, 0, COURSES * MANNERS);
    tcase_add_loop_test(tests, put_fails, 0, COURSES * MANNERS);
    tcase_add_loop_test(tests, op_stalls, 0, COURSES * MANNERS);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
