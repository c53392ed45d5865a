/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Eight threads hand events to 2,000 deals while a ninth swaps them to and fro between three modules. SWAP_ROUNDS says
 * how often; the short form is part of `make check`, the long one `make check-swap`. */
#include <dealfsm/stores.h>
#include <dealfsm/swap.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "host_kit.h"
#include "sanitized.h"

/* Failing in a thread of the library's or the test's: the process ends at once, with the reason. */
#define MUST_SAY(condition, ...)                                                                                       \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, __VA_ARGS__);                                                                              \
            fprintf(stderr, "\n");                                                                                     \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

#ifdef SANITIZED /* their own memory grows */
enum { ROUNDS_SHORT = 8, ROUNDS_DURABLE = 3, MAPPINGS_MORE = 1000 };
#else
enum { ROUNDS_SHORT = 24, ROUNDS_DURABLE = 6, MAPPINGS_MORE = 16 };
#endif
enum { DEALS = 2000, THREADS = 8, SIDES = 3, PAYING = 16 };

static const char *const MODULES[SIDES] = {"client-0.5.6", "client-1.0.9", "client-1.28.3"};

/* What the test knows of a deal. The row is the store's; notices of a deal come one after the other. */
typedef struct known {
    pthread_mutex_t lock; /* guards the row */
    uint64_t revision;
    uint64_t row_sequence;
    const char *version;
    uint64_t best_voucher;
    atomic_ullong sequence; /* of the last notice */
    atomic_ullong handed_in;
    atomic_ullong ended; /* applied, refused or terminated */
} known;

typedef struct side {
    const char *version;
    dealfsm_module *module;
    uint32_t generation;
} side;

static known deals[DEALS + 1];
static dealfsm_host *host;
static side sides[SIDES];
static atomic_bool stop;
static atomic_ullong held;
static bool with_store; /* in memory, and checked */
static dealfsm_store *durable;
static char directory[64];

/* ---- The world: every op is answered in the call */

static const uint8_t cid[] = {0x01, 0x55, 0x12, 0x04, 'd', 'a', 't', 'a'};
static const uint8_t channel_address[] = {0x00, 0xe9, 0x07};

static dealfsm_value bytes_of(uint32_t kind, const void *data, uint64_t len)
{
    return (dealfsm_value){.struct_size = sizeof(dealfsm_value), .kind = kind, .data = data, .data_len = len};
}

static uint32_t values_of(uint32_t op, dealfsm_value *values)
{
    static const uint8_t plenty[] = {0x00, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff};
    switch (op) {
    case DEALFSM_OpOpenDataTransfer:
        values[0] = bytes_of(DEALFSM_CHANNEL, "us", 2);
        values[0].number = 7;
        values[0].data2 = (const uint8_t *)"them";
        values[0].data2_len = 4;
        return 1;
    case DEALFSM_OpGetChainHead:
        values[0] = bytes_of(DEALFSM_BYTES, "head", 4);
        return 1;
    case DEALFSM_OpGetOrCreatePaymentChannel:
        values[0] = (dealfsm_value){.struct_size = sizeof *values, .kind = DEALFSM_NONE};
        values[1] = bytes_of(DEALFSM_CID, cid, sizeof cid);
        return 2;
    case DEALFSM_OpWaitForPaymentChannelCreation:
    case DEALFSM_OpWaitForPaymentChannelReady:
        values[0] = bytes_of(DEALFSM_ADDRESS, channel_address, sizeof channel_address);
        return 1;
    case DEALFSM_OpAllocateLane:
        values[0] = (dealfsm_value){.struct_size = sizeof *values, .kind = DEALFSM_U64, .number = 3};
        return 1;
    case DEALFSM_OpCreatePaymentVoucher:
        values[0] = bytes_of(DEALFSM_BYTES, "voucher", 7);
        return 1;
    case DEALFSM_OpCheckAvailableFunds:
        values[0] = bytes_of(DEALFSM_AMOUNT, plenty, sizeof plenty);
        values[1] = values[2] = values[3] = bytes_of(DEALFSM_AMOUNT, NULL, 0);
        values[4] = (dealfsm_value){.struct_size = sizeof *values, .kind = DEALFSM_NONE};
        return 5;
    default:
        return 0;
    }
}

static uint64_t small(const uint8_t *amount, uint64_t len)
{
    uint64_t value = 0;
    for (uint64_t i = 1; i < len; i++)
        value = value << 8 | amount[i];
    return value;
}

/* A voucher that was asked for again, by a handler that runs again, is the same one. */
static void note_voucher(known *k, const dealfsm_op *op)
{
    const dealfsm_value *v = (const void *)((const char *)op->args + op->args_stride);
    uint64_t amount = small(v->data, v->data_len);
    MUST_SAY(amount >= k->best_voucher && (amount > k->best_voucher || op->flags & DEALFSM_OP_ASKED_BEFORE),
             "deal %" PRIu64 ": a voucher of %" PRIu64 " after one of %" PRIu64, op->deal, amount, k->best_voucher);
    k->best_voucher = amount;
}

static void asked(void *ctx, const dealfsm_op *op)
{
    const side *s = ctx;
    known *k = &deals[op->deal];
    dealfsm_value values[8];
    dealfsm_answer a = {.struct_size = sizeof a,
                        .op = op->op,
                        .deal = op->deal,
                        .sequence = op->sequence,
                        .nth = op->nth,
                        .outcome = DEALFSM_ANSWER_OK,
                        .values = values,
                        .values_count = values_of(op->op, values),
                        .values_stride = sizeof *values};
    pthread_mutex_lock(&k->lock);
    MUST_SAY(!with_store || strcmp(k->version, s->version) == 0,
             "deal %" PRIu64 ": op %u is asked by %s, the row is of %s", op->deal, op->op, s->version, k->version);
    if (op->op == DEALFSM_OpCreatePaymentVoucher)
        note_voucher(k, op);
    pthread_mutex_unlock(&k->lock);
    int32_t result = dealfsm_host_complete(host, &a, NULL);
    MUST_SAY(result >= 0 || result == DEALFSM_E_NOT_OPEN, "deal %" PRIu64 ": answer to op %u: %d", op->deal, op->op,
             (int)result);
}

static int32_t put(void *ctx, const dealfsm_put *row)
{
    const side *s = ctx;
    known *k = &deals[row->deal];
    pthread_mutex_lock(&k->lock);
    MUST_SAY(row->revision > k->revision, "deal %" PRIu64 ": revision %" PRIu64 " is put after %" PRIu64, row->deal,
             row->revision, k->revision);
    MUST_SAY(row->sequence >= k->row_sequence, "deal %" PRIu64 ": sequence %" PRIu64 " is put after %" PRIu64,
             row->deal, row->sequence, k->row_sequence);
    k->revision = row->revision;
    k->row_sequence = row->sequence;
    k->version = s->version;
    pthread_mutex_unlock(&k->lock);
    return DEALFSM_PUT_DURABLE;
}

static void heard(void *ctx, const dealfsm_notice *notice)
{
    known *k = &deals[notice->deal];
    (void)ctx;
    if (notice->from_handler == 0)
        atomic_fetch_add(&k->ended, 1);
    if (notice->kind != DEALFSM_NOTICE_APPLIED)
        return;
    uint64_t before = atomic_exchange(&k->sequence, notice->sequence);
    MUST_SAY(notice->sequence == before + 1, "deal %" PRIu64 ": sequence %" PRIu64 " is told after %" PRIu64,
             notice->deal, notice->sequence, before);
}

/* ---- Handing in */

static void hand_in(uint64_t deal, uint32_t event, const dealfsm_value *arg)
{
    dealfsm_event e = {
        .struct_size = sizeof e, .event = event, .args = arg, .args_count = arg != NULL, .args_stride = sizeof *arg};
    int32_t result;
    while ((result = dealfsm_host_dispatch(host, deal, &e, NULL, NULL)) == DEALFSM_E_QUEUE_FULL)
        sched_yield();
    MUST_SAY(result >= 0 || result == DEALFSM_E_INVALID_TRANSITION, "deal %" PRIu64 ": event %u: %d", deal, event,
             (int)result);
    atomic_fetch_add(&deals[deal].handed_in, 1);
    if (result == DEALFSM_HELD)
        atomic_fetch_add(&held, 1);
}

static void blocks(uint64_t deal)
{
    const dealfsm_value all = {.struct_size = sizeof all, .kind = DEALFSM_U64, .number = 1000000000};
    hand_in(deal, DEALFSM_ClientEventBlocksReceived, &all);
}

static void *sending(void *ctx)
{
    static const uint8_t two[] = {0x00, 0x02};
    const dealfsm_value amount = bytes_of(DEALFSM_AMOUNT, two, sizeof two);
    /* Else two cores would do little but this, and a disk would never catch up. */
    const struct timespec pause = {.tv_nsec = durable != NULL ? 10000000 : 20000};
    uint64_t number = *(const uint64_t *)ctx;
    while (!atomic_load(&stop)) {
        number = number * 6364136223846793005u + 1442695040888963407u;
        uint64_t deal = 1 + (number >> 33) % DEALS;
        if (deal % PAYING == 0 && number >> 60 == 0)
            hand_in(deal, DEALFSM_ClientEventPaymentRequested, &amount);
        else
            blocks(deal);
        if (number >> 62 == 0)
            nanosleep(&pause, NULL);
    }
    return NULL;
}

/* ---- Opening */

static void no_log(void *ctx, uint32_t level, uint64_t deal, const char *text)
{
    (void)ctx;
    (void)level;
    (void)deal;
    (void)text;
}

static void open_side(side *s)
{
    dealfsm_environment environment = {
        sizeof environment, 0, s, asked, asked, asked, asked, asked, asked, asked, asked, asked, asked, asked, asked};
    dealfsm_store_v1 store = {.struct_size = sizeof store, .ctx = s, .put = put};
    dealfsm_host_services services = {.struct_size = sizeof services,
                                      .environment = &environment,
                                      .store = with_store ? &store : NULL,
                                      .durable = durable,
                                      .flags = s == sides ? 0 : DEALFSM_HOST_ASIDE};
    WORKS(dealfsm_host_open(host, s->module, &services, &s->generation, &error));
}

static void open_all(void)
{
    static const dealfsm_log_v1 silent = {.struct_size = sizeof silent, .log = no_log};
    dealfsm_host_options options = {.struct_size = sizeof options, .log = &silent};
    dealfsm_subscription all = {
        .struct_size = sizeof all, .flags = DEALFSM_SUBSCRIBE_ALL | DEALFSM_SUBSCRIBE_REFUSALS, .notify = heard};
    uint64_t id;
    WORKS(dealfsm_host_new(&options, &host, &error));
    WORKS(dealfsm_host_subscribe(host, &all, &id, &error));
    for (int i = 0; i < SIDES; i++) {
        char path[512];
        dealfsm_module_info info = {.struct_size = sizeof info};
        snprintf(path, sizeof path, TEST_BUILD_DIR "/modules/dealfsm-%s.so", MODULES[i]);
        sides[i].module = load(host, path);
        WORKS(dealfsm_host_module_info(sides[i].module, &info, &error));
        sides[i].version = info.manifest->machine_version;
        open_side(&sides[i]);
    }
}

/* A deal that is Ongoing, with a payment channel and all its bytes. */
static void make_deal(uint64_t id)
{
    static const uint8_t wallet[] = {0x00, 0xe8, 0x07};
    static const uint8_t price[] = {0x00, 0x02}, total[] = {0x00, 0x7f, 0xff, 0xff, 0xff, 0xff};
    const dealfsm_record terms = {.struct_size = sizeof terms,
                                  .id = id,
                                  .payload_cid = cid,
                                  .payload_cid_len = sizeof cid,
                                  .price_per_byte = price,
                                  .price_per_byte_len = sizeof price,
                                  .payment_interval = 1,
                                  .total_funds = total,
                                  .total_funds_len = sizeof total,
                                  .client_wallet = wallet,
                                  .client_wallet_len = sizeof wallet,
                                  .miner_wallet = wallet,
                                  .miner_wallet_len = sizeof wallet,
                                  .sender = (const uint8_t *)"provider",
                                  .sender_len = 8};
    pthread_mutex_init(&deals[id].lock, NULL);
    WORKS(dealfsm_host_create(host, 0, &terms, NULL, &error));
    hand_in(id, DEALFSM_ClientEventOpen, NULL);
    hand_in(id, DEALFSM_ClientEventDealAccepted, NULL);
    blocks(id);
}

/* ---- Swapping */

static uint64_t swap_once(unsigned from, unsigned to)
{
    dealfsm_swap *swap = NULL;
    dealfsm_swap_options options = {.struct_size = sizeof options, .keep_refused = 1};
    dealfsm_swap_progress now = {.struct_size = sizeof now};
    int32_t result;
    WORKS(dealfsm_swap_begin(host, sides[from].generation, sides[to].generation, &options, &swap, &error));
    dealfsm_error why = ERROR_INIT;
    while ((result = dealfsm_swap_go(swap, DEALFSM_SWAP_COMMITTED, &why)) == DEALFSM_ACCEPTED)
        sched_yield();
    MUST_SAY(result == DEALFSM_OK, "from %u to %u, commit: %d %s", from, to, (int)result, why.text);
    WORKS(dealfsm_swap_look(swap, &now, &error));
    MUST_SAY(now.count[DEALFSM_SWAP_FAILED] + now.count[DEALFSM_SWAP_GONE] == 0, "%" PRIu64 " failed, %" PRIu64 " gone",
             now.count[DEALFSM_SWAP_FAILED], now.count[DEALFSM_SWAP_GONE]);
    while (dealfsm_swap_end(swap, NULL) == DEALFSM_E_BUSY)
        sched_yield();
    return now.count[DEALFSM_SWAP_MOVED];
}

static uint64_t memory_now(void)
{
    dealfsm_counters now = {.struct_size = sizeof now};
    WORKS(dealfsm_host_counters(host, 0, &now, &error));
    ck_assert_uint_eq(now.deals, DEALS);
    return now.memory_bytes;
}

static unsigned mappings(void)
{
    unsigned lines = 0;
    FILE *file = fopen("/proc/self/maps", "r");
    ck_assert_ptr_nonnull(file);
    for (int c; (c = fgetc(file)) != EOF;)
        lines += c == '\n';
    fclose(file);
    return lines;
}

/* One generation after the other is replaced by a fresh one of the same module, if nothing is left in it. */
static void replace(unsigned which)
{
    dealfsm_counters now = {.struct_size = sizeof now};
    WORKS(dealfsm_host_counters(host, sides[which].generation, &now, &error));
    if (now.deals == 0 && dealfsm_host_close(host, sides[which].generation, NULL) >= 0)
        open_side(&sides[which]);
}

/* What is with the store has to come back first. */
static void wait_for_puts(void)
{
    for (uint64_t id = 1; id <= DEALS; id++) {
        while (atomic_load(&deals[id].handed_in) != atomic_load(&deals[id].ended))
            sched_yield();
    }
}

static void open_durable(void)
{
    char url[96];
    strcpy(directory, "/tmp/test-swap-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(url, sizeof url, "sqlite:%s/store.db", directory);
    WORKS(dealfsm_store_open(url, NULL, &durable, &error));
}

static void close_durable(void)
{
    char command[96];
    WORKS(dealfsm_store_close(durable, &error));
    snprintf(command, sizeof command, "rm -r %s", directory);
    ck_assert_int_eq(system(command), 0);
}

static void check_totals(void)
{
    for (uint64_t id = 1; id <= DEALS; id++) {
        dealfsm_deal shown = {.struct_size = sizeof shown};
        WORKS(dealfsm_host_query(host, id, &shown, &error));
        ck_assert_uint_eq(shown.sequence, atomic_load(&deals[id].sequence));
        ck_assert_uint_eq(shown.queued, 0);
        ck_assert_msg(atomic_load(&deals[id].handed_in) == atomic_load(&deals[id].ended),
                      "deal %" PRIu64 ": %llu events were handed in, %llu have ended", id,
                      atomic_load(&deals[id].handed_in), atomic_load(&deals[id].ended));
    }
}

START_TEST(to_and_fro)
{
    const char *wanted = getenv("SWAP_ROUNDS");
    unsigned rounds = wanted != NULL ? (unsigned)strtoul(wanted, NULL, 10) : ROUNDS_SHORT;
    pthread_t threads[THREADS];
    uint64_t seeds[THREADS], moved = 0;
    with_store = _i == 1;
    if (_i == 2 && rounds > ROUNDS_DURABLE)
        rounds = ROUNDS_DURABLE;
    if (_i == 2)
        open_durable();
    open_all();
    for (uint64_t id = 1; id <= DEALS; id++)
        make_deal(id);
    unsigned maps = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        seeds[i] = i + 1;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, sending, &seeds[i]), 0);
    }
    for (unsigned round = 0; round < rounds; round++) {
        unsigned from = round % SIDES, to = (from + 1) % SIDES;
        moved += swap_once(from, to);
        if (round % 7 == 6)
            replace(from);
        if (round == rounds / 3)
            maps = mappings();
        if (wanted != NULL && round % 500 == 499)
            fprintf(stderr, "%u of %u swaps\n", round + 1, rounds);
    }
    unsigned maps_then = mappings();
    atomic_store(&stop, true);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    wait_for_puts();
    check_totals();
    ck_assert_uint_ge(moved, rounds * (uint64_t)DEALS / 2);
    ck_assert_uint_lt(memory_now(), DEALS * 4096u);
    ck_assert_msg(maps_then <= maps + MAPPINGS_MORE, "%u mappings have become %u", maps, maps_then);
    printf("%u swaps, %" PRIu64 " moves, %llu events were held\n", rounds, moved, atomic_load(&held));
    WORKS(dealfsm_host_free(host, &error));
    if (durable != NULL)
        close_durable();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("swap: threads");
    TCase *tests = tcase_create("to and fro");
    tcase_set_timeout(tests, getenv("SWAP_ROUNDS") != NULL ? 7200 : 120);
    tcase_add_loop_test(tests, to_and_fro, 0, 3);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
