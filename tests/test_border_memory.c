/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Every allocation of every function of the border fails, once and from then on (A6): an error code and nothing changed, or a
 * deal that is visibly stalled and goes on by retry; the same call works afterwards, the deal ends as it should, nothing leaks.
 *
 * The border is linked in, its allocator renamed to the one below (see Makefile.am): neither this test nor the library it
 * stands on is touched by the failures. */
#include "border_kit.h"

enum { DEAL = 1 };

extern dealfsm_module_fn dealfsm_module_v1;

/* ---- The border's allocator */

static int64_t live;       /* blocks that were not given back */
static uint64_t asked_for; /* allocations since armed */
static uint64_t fail_at;   /* 0: none fails */
static bool fail_on;       /* and all after it */
static bool failed;

void *border_malloc(size_t size);
void *border_calloc(size_t count, size_t size);
void *border_realloc(void *old, size_t size);
void border_free(void *block);

static bool fails(void)
{
    if (fail_at == 0)
        return false;
    asked_for++;
    bool now = fail_on ? asked_for >= fail_at : asked_for == fail_at;
    failed |= now;
    return now;
}

static void *given(void *block, bool is_new)
{
    ck_assert(block != NULL);
    live += is_new;
    return block;
}

void *border_malloc(size_t size)
{
    return fails() ? NULL : given(malloc(size), true);
}

void *border_calloc(size_t count, size_t size)
{
    return fails() ? NULL : given(calloc(count, size), true);
}

void *border_realloc(void *old, size_t size)
{
    return fails() ? NULL : given(realloc(old, size), old == NULL);
}

void border_free(void *block)
{
    live -= block != NULL;
    free(block);
}

static void arm(uint64_t at, bool on)
{
    fail_at = at;
    fail_on = on;
    asked_for = 0;
    failed = false;
}

static void disarm(void)
{
    fail_at = 0;
}

/* ---- What a host does with a deal from its first day to its last: one call each */

static int32_t complete(kit *k, uint32_t op, uint64_t sequence)
{
    const kit_op key = {.op = op, .deal = DEAL, .sequence = sequence, .nth = 1};
    return kit_complete(k, &key, 'i');
}

static void ignore(void *ctx, const dealfsm_notice *notice)
{
    (void)ctx;
    (void)notice;
}

static int32_t subscribe_to_deal(kit *k)
{
    uint64_t id = 0;
    dealfsm_subscription one = {.struct_size = sizeof one, .deal = DEAL, .notify = ignore};
    return k->f->subscribe(k->machine, &one, &id, NULL);
}

static int32_t subscribe_more(kit *k)
{
    uint64_t id = 0;
    dealfsm_subscription all = {.struct_size = sizeof all, .flags = DEALFSM_SUBSCRIBE_ALL, .notify = ignore};
    int32_t code = DEALFSM_OK;
    for (int i = 0; i < 10 && code == DEALFSM_OK; i++)
        code = k->f->subscribe(k->machine, &all, &id, NULL);
    return code;
}

static int32_t create(kit *k)
{
    return kit_create(k, DEAL);
}

static int32_t open_deal(kit *k)
{
    return kit_send(k, DEAL, DEALFSM_ClientEventOpen, 0);
}

static int32_t queue_event(kit *k)
{
    return kit_send(k, DEAL, DEALFSM_ClientEventComplete, 0);
}

static int32_t opened(kit *k)
{
    return complete(k, DEALFSM_OpOpenDataTransfer, 1);
}

static int32_t refused(kit *k)
{
    int32_t code = kit_send(k, DEAL, DEALFSM_ClientEventComplete, 0);
    return code == DEALFSM_E_INVALID_TRANSITION ? DEALFSM_OK : code;
}

static int32_t accept_later(kit *k)
{
    strcpy(k->puts, "P");
    return kit_send(k, DEAL, DEALFSM_ClientEventDealAccepted, 0);
}

static int32_t accept_stored(kit *k)
{
    return k->pending[DEAL].revision > 0 ? kit_stored(k, DEAL, 'D') : DEALFSM_OK;
}

static int32_t head_known(kit *k)
{
    return complete(k, DEALFSM_OpGetChainHead, 3);
}

static int32_t channel_unknown(kit *k)
{
    const kit_op key = {.op = DEALFSM_OpGetOrCreatePaymentChannel, .deal = DEAL, .sequence = 3, .nth = 1};
    return kit_complete(k, &key, 'u');
}

static int32_t retry(kit *k)
{
    int32_t code = k->f->retry(k->machine, DEAL, NULL, NULL);
    return code == DEALFSM_E_STATE ? DEALFSM_OK : code; /* a stall of memory was ended before */
}

static int32_t freeze(kit *k)
{
    return k->f->freeze(k->machine, DEAL, NULL);
}

static int32_t look(kit *k)
{
    kit_snapshot snapshot;
    uint64_t ids[2], count = 0;
    dealfsm_counters counters = {.struct_size = sizeof counters};
    int32_t code = kit_snap(k, DEAL, &snapshot);
    if (!code)
        code = k->f->list(k->machine, NULL, ids, 2, &count, NULL);
    if (!code)
        code = k->f->counters(k->machine, &counters, NULL);
    kit_query(k, DEAL);
    return code;
}

static int32_t thaw_higher(kit *k)
{
    return k->f->thaw(k->machine, DEAL, kit_query(k, DEAL).revision + 5, NULL, NULL);
}

static int32_t drop(kit *k)
{
    return k->f->drop(k->machine, DEAL, NULL);
}

static int32_t restore(kit *k)
{
    const kit_row *row = &k->rows[DEAL];
    dealfsm_snapshot snapshot = {.struct_size = sizeof snapshot,
                                 .deal = DEAL,
                                 .machine_version = "client 0.5.6",
                                 .record = row->record,
                                 .record_len = row->record_len,
                                 .sidecar = row->sidecar,
                                 .sidecar_len = row->sidecar_len};
    return k->f->restore(k->machine, &snapshot, NULL);
}

/* With a sidecar field of later days. */
static int32_t restore_with_more(kit *k)
{
    static const uint8_t more[] = {0x17, 0x61, 'x'};
    kit_row *row = &k->rows[DEAL];
    if (memcmp(row->sidecar + row->sidecar_len - sizeof more, more, sizeof more)) {
        row->sidecar = realloc(row->sidecar, row->sidecar_len + sizeof more);
        memcpy(row->sidecar + row->sidecar_len, more, sizeof more);
        row->sidecar_len += sizeof more;
        row->sidecar[0]++;
    }
    return restore(k);
}

static int32_t activate(kit *k)
{
    return k->f->activate(k->machine, DEAL, NULL, NULL);
}

static int32_t answer_all(kit *k)
{
    k->answer_default = 'i';
    strcpy(k->answers, "i");
    return complete(k, DEALFSM_OpGetChainHead, 3);
}

static int32_t received(kit *k)
{
    return kit_send(k, DEAL, DEALFSM_ClientEventBlocksReceived, 1000);
}

static int32_t requested_put_fails(kit *k)
{
    strcpy(k->puts, "F");
    return kit_send(k, DEAL, DEALFSM_ClientEventPaymentRequested, 2000);
}

static int32_t release(kit *k)
{
    return k->f->release(k->machine, DEAL, NULL);
}

static int32_t last_blocks(kit *k)
{
    return kit_send(k, DEAL, DEALFSM_ClientEventAllBlocksReceived, 0);
}

static int32_t last_payment(kit *k)
{
    return kit_send(k, DEAL, DEALFSM_ClientEventLastPaymentRequested, 0);
}

/* The text is longer than what a put has room for without allocating. */
static int32_t transfer_fails(kit *k)
{
    static uint8_t text[6000];
    memset(text, 'x', sizeof text);
    dealfsm_value value = {sizeof value, DEALFSM_ERROR, 0, text, sizeof text, NULL, 0};
    dealfsm_event event = {sizeof event, DEALFSM_ClientEventDataTransferError, &value, 1, sizeof value};
    return k->f->dispatch(k->machine, DEAL, &event, NULL, NULL);
}

static int32_t forget(kit *k)
{
    return k->f->forget(k->machine, DEAL, NULL);
}

typedef struct act {
    const char *name;
    int32_t (*call)(kit *k);
} act;
#define ACT(word)                                                                                                      \
    {                                                                                                                  \
#word, word                                                                                                    \
    }
static const act acts[] = {ACT(subscribe_more),
                           ACT(create),
                           ACT(subscribe_to_deal),
                           ACT(open_deal),
                           ACT(queue_event),
                           ACT(opened),
                           ACT(refused),
                           ACT(accept_later),
                           ACT(queue_event),
                           ACT(queue_event),
                           ACT(accept_stored),
                           ACT(head_known),
                           ACT(channel_unknown),
                           ACT(retry),
                           ACT(freeze),
                           ACT(look),
                           ACT(thaw_higher),
                           ACT(freeze),
                           ACT(drop),
                           ACT(restore),
                           ACT(activate),
                           ACT(freeze),
                           ACT(drop),
                           ACT(restore_with_more),
                           ACT(activate),
                           ACT(answer_all),
                           ACT(received),
                           ACT(requested_put_fails),
                           ACT(retry),
                           ACT(release),
                           ACT(restore),
                           ACT(activate),
                           ACT(last_blocks),
                           ACT(last_payment),
                           ACT(transfer_fails),
                           ACT(forget)};
enum { ACTS = sizeof acts / sizeof *acts };

static const dealfsm_functions *border(void)
{
    const dealfsm_functions *functions = NULL;
    dealfsm_offer offer = {sizeof offer, 0, 0};
    ck_assert_int_eq(dealfsm_module_v1(&offer, &functions, NULL), DEALFSM_OK);
    return functions;
}

static kit *begin(bool store)
{
    kit *k = kit_new(border());
    k->quiet = true;
    k->answer_default = 'l';
    k->no_store = !store;
    kit_open(k);
    return k;
}

/* What a host does about it: retry, and the answer that was not taken once more. */
static void go_on(kit *k)
{
    dealfsm_deal deal = {.struct_size = sizeof deal};
    int32_t code = k->f->query(k->machine, DEAL, &deal, NULL);
    if (deal.stall == DEALFSM_STALL_MEMORY || code == DEALFSM_E_NOT_FOUND)
        k->f->retry(k->machine, DEAL, NULL, NULL);
    if (k->unanswered.op)
        MUST(kit_complete(k, &k->unanswered, 'i') == DEALFSM_OK);
    k->unanswered.op = 0;
}

/* Does act number `at` while allocation number `n` fails; then the same again if it said so. False: none failed. */
static bool act_failing(kit *k, uint32_t at, uint64_t n, bool on)
{
    kit_snapshot before, after;
    uint64_t revision = k->rows[DEAL].revision;
    uint32_t effects = k->effects_count;
    int32_t had = kit_snap(k, DEAL, &before);
    arm(n, on);
    int32_t code = acts[at].call(k);
    disarm();
    if (code < 0) {
        MUST_SAY(code == DEALFSM_E_NO_MEMORY && failed, "%s, allocation %d: code %d", acts[at].name, (int)n, (int)code);
        MUST(kit_snap(k, DEAL, &after) == had && (had || kit_same_snapshot(&before, &after)));
        MUST(k->rows[DEAL].revision == revision && k->effects_count == effects);
        strcpy(k->puts, "");
        code = acts[at].call(k);
        MUST_SAY(code >= 0, "%s, again after allocation %d had failed: code %d", acts[at].name, (int)n, (int)code);
    } else if (failed) {
        go_on(k);
    }
    return failed;
}

/* A life in which one allocation fails. False: the act makes fewer. */
static bool live_with_failure(uint32_t at, uint64_t n, bool on, kit_row *end, uint32_t *effects)
{
    bool any = false;
    kit *k = begin(true);
    for (uint32_t i = 0; i + 1 < ACTS; i++) {
        if (i == at)
            any = act_failing(k, i, n, on);
        else
            MUST_SAY(acts[i].call(k) >= 0, "%s, after allocation %d of %s had failed", acts[i].name, (int)n,
                     acts[at].name);
    }
    *end = k->rows[DEAL];
    end->record = malloc(end->record_len);
    memcpy(end->record, k->rows[DEAL].record, end->record_len);
    *effects = k->effects_count;
    if (at + 1 == ACTS)
        any = act_failing(k, at, n, on);
    else
        MUST(forget(k) == DEALFSM_OK);
    kit_free(k);
    MUST_SAY(live == 0, "%s, allocation %d: %d blocks leak", acts[at].name, (int)n, (int)live);
    return any;
}

START_TEST(memory_every_allocation)
{
    kit_row expected, end;
    uint32_t expected_effects, effects, runs = 0;
    bool any = live_with_failure((uint32_t)_i, UINT64_MAX, false, &expected, &expected_effects);
    ck_assert(!any);
    ck_assert_uint_eq(expected.status, DEALFSM_DealStatusErrored);
    for (int on = 0; on <= 1; on++) {
        any = true;
        for (uint64_t n = 1; any; n++, runs++) {
            any = live_with_failure((uint32_t)_i, n, on, &end, &effects);
            MUST(end.status == expected.status && end.record_len == expected.record_len && effects == expected_effects);
            MUST(!memcmp(end.record, expected.record, end.record_len));
            free(end.record);
        }
    }
    free(expected.record);
    ck_assert_uint_ge(runs, 2);
}
END_TEST

START_TEST(memory_open)
{
    for (uint64_t n = 1;; n++) {
        kit *k = kit_new(border());
        dealfsm_machine *machine = NULL;
        dealfsm_services services = {.struct_size = sizeof services, .ctx = k, .service = kit_service_of};
        dealfsm_error error = {.struct_size = sizeof error};
        arm(n, false);
        int32_t code = k->f->open(&services, &machine, &error);
        disarm();
        if (code == DEALFSM_OK)
            ck_assert_int_eq(k->f->close(machine, NULL), DEALFSM_OK);
        ck_assert_int_eq(live, 0);
        kit_free(k);
        if (code == DEALFSM_OK)
            break;
        ck_assert_int_eq(code, DEALFSM_E_NO_MEMORY);
        ck_assert_int_eq(error.code, DEALFSM_E_NO_MEMORY);
        ck_assert(machine == NULL);
    }
}
END_TEST

/* A machine is closed with deals that could not keep what they had promised. */
START_TEST(memory_close_with_promise)
{
    kit *k = begin(true);
    k->answer_default = 'i';
    kit_bring(k, DEAL, DEALFSM_DealStatusWaitForAcceptance);
    strcpy(k->puts, "F");
    ck_assert_int_eq(kit_send(k, DEAL, DEALFSM_ClientEventDealAccepted, 0), DEALFSM_STALLED);
    ck_assert_int_eq(kit_send(k, DEAL, DEALFSM_ClientEventComplete, 0), DEALFSM_STALLED);
    kit_free(k);
    ck_assert_int_eq(live, 0);
}
END_TEST

/* Without a store: what a handler raises is applied at once, and its memory may fail, too. */
START_TEST(memory_without_store)
{
    static const struct {
        uint32_t event;
        uint64_t number;
    } course[] = {{DEALFSM_ClientEventOpen, 0},
                  {DEALFSM_ClientEventDealAccepted, 0},
                  {DEALFSM_ClientEventBlocksReceived, 1000},
                  {DEALFSM_ClientEventPaymentRequested, 2000},
                  {DEALFSM_ClientEventDataTransferError, 0}};
    bool any = true;
    for (uint64_t n = 1; any; n++) {
        kit *k = begin(false);
        any = false;
        k->answer_default = 'i';
        ck_assert_int_eq(kit_create(k, DEAL), DEALFSM_APPLIED);
        for (size_t i = 0; i < sizeof course / sizeof *course; i++) {
            arm(n, _i);
            int32_t code = kit_send(k, DEAL, course[i].event, course[i].number);
            disarm();
            any |= failed;
            if (code < 0)
                MUST(code == DEALFSM_E_NO_MEMORY &&
                     kit_send(k, DEAL, course[i].event, course[i].number) == DEALFSM_APPLIED);
            go_on(k);
        }
        IS(k, DEAL, Errored, DEALFSM_DEAL_FINAL);
        ck_assert_uint_eq(kit_query(k, DEAL).sequence, 10);
        ck_assert_uint_eq(k->effects_count, 4);
        kit_free(k);
        ck_assert_int_eq(live, 0);
    }
}
END_TEST

/* A retry or a freeze from inside the log call that tells of the stall is not overlooked. */
static void retry_inside(kit *k, uint64_t deal)
{
    disarm();
    k->on_log = NULL;
    ck_assert_int_ge(k->f->retry(k->machine, deal, NULL, NULL), 0);
}

static void freeze_inside(kit *k, uint64_t deal)
{
    disarm();
    k->on_log = NULL;
    ck_assert_int_eq(k->f->freeze(k->machine, deal, NULL), DEALFSM_E_BUSY);
}

START_TEST(memory_stall_is_looked_at_again)
{
    bool stalled = true;
    for (uint64_t n = 1; stalled; n++) {
        kit *k = begin(true);
        k->answer_default = 'i';
        kit_bring(k, DEAL, DEALFSM_DealStatusWaitForAcceptance);
        k->on_log = _i ? freeze_inside : retry_inside;
        arm(n, true);
        int32_t code = kit_send(k, DEAL, DEALFSM_ClientEventDealAccepted, 0);
        disarm();
        stalled = code < 0 || k->on_log == NULL || k->unanswered.op;
        if (!_i)
            go_on(k);
        if (code >= 0 && k->on_log == NULL && _i)
            ck_assert(kit_query(k, DEAL).flags & DEALFSM_DEAL_FROZEN);
        else if (code >= 0 && !k->unanswered.op)
            IS(k, DEAL, Ongoing, 0);
        kit_free(k);
        ck_assert_int_eq(live, 0);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("border: memory");
    TCase *tests = tcase_create("memory");
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, memory_open);
    tcase_add_loop_test(tests, memory_every_allocation, 0, ACTS);
    tcase_add_test(tests, memory_close_with_promise);
    tcase_add_loop_test(tests, memory_without_store, 0, 2);
    tcase_add_loop_test(tests, memory_stall_is_looked_at_again, 0, 2);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
