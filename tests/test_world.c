/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The world, driven as a machine would drive it: what providers say, what the chain does, what the books notice. */

#include <jansson.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <dealfsm/machine.h>

#include "../tools/runner.h"
#include "../tools/world_file.h"
#include "../tools/world_private.h"
#include "check_kit.h"

/* ---- A machine's place: takes down what it hears */

typedef struct ear {
    char said[2000];       /* "DealAccepted BlocksReceived(200) …" */
    uint32_t asks;         /* the last request for money: its event, 0: none since it was looked at */
    mpz_t owed;            /* all that was asked for, together */
    dealfsm_answer answer; /* the last one, with copies of its values: */
    dealfsm_value values[5];
    uint8_t bytes[5][256];
    char text[200];
    int answers;
    int retries;
    uint64_t revision; /* what the store is said to have */
} ear;

static ear heard;
static scenario *terms;
static world *w;
static runner *r;

static int32_t hear_create(void *ctx, const dealfsm_record *record)
{
    (void)ctx;
    ck_assert_uint_eq(record->id, 1);
    return DEALFSM_OK;
}

static const char *event_word(uint32_t event)
{
    switch (event) {
    case DEALFSM_ClientEventOpen:
        return "Open";
    case DEALFSM_ClientEventDealRejected:
        return "DealRejected";
    case DEALFSM_ClientEventDealNotFound:
        return "DealNotFound";
    case DEALFSM_ClientEventDealAccepted:
        return "DealAccepted";
    case DEALFSM_ClientEventProviderCancelled:
        return "ProviderCancelled";
    case DEALFSM_ClientEventUnknownResponseReceived:
        return "UnknownResponseReceived";
    case DEALFSM_ClientEventLastPaymentRequested:
        return "Last";
    case DEALFSM_ClientEventAllBlocksReceived:
        return "All";
    case DEALFSM_ClientEventPaymentRequested:
        return "Ask";
    case DEALFSM_ClientEventUnsealPaymentRequested:
        return "Unseal";
    case DEALFSM_ClientEventBlocksReceived:
        return "Blocks";
    case DEALFSM_ClientEventComplete:
        return "Complete";
    case DEALFSM_ClientEventDataTransferError:
        return "DataTransferError";
    default:
        return "?";
    }
}

static int32_t hear_dispatch(void *ctx, uint64_t deal, const dealfsm_event *event, uint64_t *revision)
{
    (void)ctx;
    (void)revision;
    ck_assert_uint_eq(deal, 1);
    size_t used = strlen(heard.said);
    char *end = heard.said + used;
    size_t room = sizeof heard.said - used;
    const char *space = used > 0 ? " " : "";
    if (event->args_count > 0 && event->args[0].kind == DEALFSM_AMOUNT) {
        mpz_t amount;
        mpz_init(amount);
        text_amount_import(amount, event->args[0].data, event->args[0].data_len);
        heard.asks = event->event;
        mpz_add(heard.owed, heard.owed, amount);
        (void)gmp_snprintf(end, room, "%s%s(%Zd)", space, event_word(event->event), amount);
        mpz_clear(amount);
    } else if (event->args_count > 0 && event->args[0].kind == DEALFSM_U64) {
        (void)snprintf(end, room, "%s%s(%u)", space, event_word(event->event), (unsigned)event->args[0].number);
    } else {
        (void)snprintf(end, room, "%s%s", space, event_word(event->event));
    }
    return DEALFSM_OK;
}

static int32_t hear_complete(void *ctx, const dealfsm_answer *answer)
{
    (void)ctx;
    heard.answers++;
    heard.answer = *answer;
    (void)snprintf(heard.text, sizeof heard.text, "%.*s", (int)answer->text_len, answer->text);
    for (uint32_t i = 0; i < answer->values_count; i++) {
        heard.values[i] = answer->values[i];
        if (answer->values[i].data_len > 0) {
            memcpy(heard.bytes[i], answer->values[i].data, answer->values[i].data_len);
            heard.values[i].data = heard.bytes[i];
        }
    }
    return DEALFSM_OK;
}

static int32_t hear_retry(void *ctx, uint64_t deal)
{
    (void)ctx;
    (void)deal;
    heard.retries++;
    return DEALFSM_OK;
}

static int32_t hear_resume(void *ctx, uint64_t deal)
{
    (void)ctx;
    ck_assert_uint_eq(deal, 1);
    size_t used = strlen(heard.said);
    (void)snprintf(heard.said + used, sizeof heard.said - used, "%sresume", used > 0 ? " " : "");
    return DEALFSM_OK;
}

static int32_t hear_money(void *ctx, uint64_t deal, const uint8_t *address, uint64_t address_len, uint64_t *revision)
{
    (void)ctx;
    (void)deal;
    (void)address;
    (void)address_len;
    (void)revision;
    ck_abort_msg("money has come, and the deal does not wait for it"); /* test_world_funds.c is of those that do */
    return DEALFSM_OK;
}

static bool hear_settle(void *ctx, uint64_t deal, bool nested, runner_standing *standing)
{
    (void)ctx;
    (void)deal;
    (void)nested;
    *standing = (runner_standing){.revision = heard.revision};
    return true;
}

static const runner_machine MACHINE = {NULL,          hear_resume, hear_create, hear_dispatch,
                                       hear_complete, hear_retry,  hear_money,  hear_settle};

/* ---- A world of one deal: 1,000 bytes at 2 attoFIL, intervals of 400, 500, … bytes, reports of 200 bytes */

#define PEER "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"
#define WORLD(chain, node, balance, behaviour, more)                                                                   \
    "{\"title\": \"t\", \"deals\": 1, \"chain\": {" chain "}, \"node\": {" node "},"                                   \
    "\"clients\": [{\"name\": \"c\", \"wallet\": \"f01\", \"peer\": \"" PEER "\", \"balance\": \"" balance "\"}],"     \
    "\"providers\": [{\"name\": \"p\", \"wallet\": \"f02\", \"peer\": \"" PEER "\", \"behaviour\": {\"" behaviour      \
    "\": 1}}],"                                                                                                        \
    "\"retrievals\": [{\"name\": \"r\", \"size\": \"1000 bytes\", \"price_per_byte\": \"2 attoFIL\", \"interval\": "   \
    "\"400 bytes\", \"interval_increase\": \"100 bytes\", \"chunk\": \"200 bytes\"" more "}]}"

static void make_runner(void)
{
    runner_options options = {.link = world_local(w), .world = w, .deals = 1, .threads = 1, .sync = true};
    r = runner_new(&options);
    ck_assert_ptr_nonnull(r);
}

static void make(const char *json)
{
    text_why why;
    terms = scenario_parse(json, "world", &why);
    ck_assert_msg(terms != NULL, "%s", why.text);
    world_options options = {.scenario = terms, .deals = 1, .seed = 1};
    w = world_new(&options);
    ck_assert_ptr_nonnull(w);
    make_runner();
    memset(&heard, 0, sizeof heard);
    mpz_init(heard.owed);
    w->deals[0].serving.strikes = 300;
    runner_run(r, &MACHINE);
    ck_assert_str_eq(heard.said, "Open");
    heard.said[0] = '\0';
}

static void unmake(void)
{
    mpz_clear(heard.owed);
    runner_free(r);
    world_free(w);
    scenario_free(terms);
}

/* ---- Ops */

static uint64_t sequence;

static const dealfsm_answer *ask_with(uint32_t op, uint32_t nth, dealfsm_value *args, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        args[i].struct_size = sizeof args[i];
    }
    dealfsm_op asked_op = {.struct_size = sizeof asked_op,
                           .op = op,
                           .deal = 1,
                           .sequence = sequence,
                           .nth = nth,
                           .args = args,
                           .args_count = count,
                           .args_stride = sizeof args[0]};
    int before = heard.answers;
    runner_environment(r)->GetChainHead((void *)r, &asked_op);
    return heard.answers > before ? &heard.answer : NULL;
}

static void open_transfer_op(void)
{
    dealfsm_value args[9] = {
        {.kind = DEALFSM_PEER, .data = terms->providers[0].peer.data, .data_len = terms->providers[0].peer.len}};
    sequence = 1;
    const dealfsm_answer *a = ask_with(DEALFSM_OpOpenDataTransfer, 1, args, 9);
    ck_assert_uint_eq(a->outcome, DEALFSM_ANSWER_OK);
    ck_assert_uint_eq(heard.values[0].kind, DEALFSM_CHANNEL);
}

static const dealfsm_answer *add_funds(uint64_t amount, uint32_t nth)
{
    static uint8_t stored[AMOUNT_MAX];
    size_t len;
    mpz_t attofil;
    mpz_init_set_ui(attofil, amount);
    (void)text_amount_export(attofil, stored, sizeof stored, &len);
    mpz_clear(attofil);
    dealfsm_value args[4] = {
        {.kind = DEALFSM_ADDRESS, .data = terms->clients[0].wallet.data, .data_len = terms->clients[0].wallet.len},
        {.kind = DEALFSM_ADDRESS, .data = terms->providers[0].wallet.data, .data_len = terms->providers[0].wallet.len},
        {.kind = DEALFSM_AMOUNT, .data = stored, .data_len = len},
        {.kind = DEALFSM_BYTES}};
    return ask_with(DEALFSM_OpGetOrCreatePaymentChannel, nth, args, 4);
}

static const dealfsm_answer *wait_for_message(void)
{
    uint8_t cid[CID_LEN];
    memcpy(cid, heard.bytes[1], CID_LEN);
    dealfsm_value args[1] = {{.kind = DEALFSM_CID, .data = cid, .data_len = CID_LEN}};
    return ask_with(DEALFSM_OpWaitForPaymentChannelCreation, 1, args, 1);
}

static const dealfsm_answer *allocate_lane(uint32_t nth)
{
    dealfsm_value args[1] = {{.kind = DEALFSM_ADDRESS, .data = w->channels[0].address, .data_len = ADDRESS_LEN}};
    return ask_with(DEALFSM_OpAllocateLane, nth, args, 1);
}

/* A channel with money and lane 0. */
static void make_channel_ready(uint64_t attofil)
{
    sequence = 3;
    ck_assert_uint_eq(add_funds(attofil, 1)->outcome, DEALFSM_ANSWER_OK);
    ck_assert_uint_eq(heard.values[0].kind, DEALFSM_NONE);
    sequence = 4;
    ck_assert_uint_eq(wait_for_message()->outcome, DEALFSM_ANSWER_OK);
    ck_assert_uint_eq(heard.values[0].kind, DEALFSM_ADDRESS);
    ck_assert_uint_eq(allocate_lane(1)->outcome, DEALFSM_ANSWER_OK);
    ck_assert_uint_eq(heard.values[0].number, 0);
}

static const dealfsm_answer *create_voucher(uint64_t on, uint64_t amount, uint32_t nth)
{
    static uint8_t stored[AMOUNT_MAX];
    size_t len;
    mpz_t attofil;
    mpz_init_set_ui(attofil, amount);
    (void)text_amount_export(attofil, stored, sizeof stored, &len);
    mpz_clear(attofil);
    dealfsm_value args[4] = {{.kind = DEALFSM_ADDRESS, .data = w->channels[0].address, .data_len = ADDRESS_LEN},
                             {.kind = DEALFSM_AMOUNT, .data = stored, .data_len = len},
                             {.kind = DEALFSM_U64, .number = on},
                             {.kind = DEALFSM_BYTES}};
    return ask_with(DEALFSM_OpCreatePaymentVoucher, nth, args, 4);
}

/* Sends the voucher of the last answer. */
static const dealfsm_answer *send_voucher_op(void)
{
    uint8_t voucher[256];
    size_t len = heard.values[0].data_len;
    memcpy(voucher, heard.bytes[0], len);
    dealfsm_value args[4] = {{.kind = DEALFSM_CHANNEL, .number = w->deals[0].transfer},
                             {.kind = DEALFSM_U64, .number = 1},
                             {.kind = DEALFSM_ADDRESS, .data = w->channels[0].address, .data_len = ADDRESS_LEN},
                             {.kind = DEALFSM_BYTES, .data = voucher, .data_len = len}};
    return ask_with(DEALFSM_OpSendDataTransferVoucher, 1, args, 4);
}

static void pay(uint64_t total)
{
    sequence++;
    ck_assert_uint_eq(create_voucher(0, total, 1)->outcome, DEALFSM_ANSWER_OK);
    ck_assert_uint_eq(send_voucher_op()->outcome, DEALFSM_ANSWER_OK);
}

/* ---- Providers: what they say to a client who pays whatever is asked, up to 2,007 attoFIL */

static const char *const SAID[][3] = {
    {"honest", "",
     "DealAccepted Blocks(200) Blocks(400) Ask(800) Blocks(600) Blocks(800) Blocks(900) Ask(1000) Blocks(1000) All "
     "Last(200) Complete"},
    {"honest", ", \"unseal_price\": \"7 attoFIL\"",
     "Unseal(7) Blocks(200) Blocks(400) Ask(800) Blocks(600) Blocks(800) Blocks(900) Ask(1000) Blocks(1000) All "
     "Last(200) Complete"},
    {"rejects", "", "DealRejected"},
    {"payload_unknown", "", "DealNotFound"},
    {"asks_too_much", "",
     "DealAccepted Blocks(200) Blocks(400) Ask(1601) Blocks(600) Blocks(800) Blocks(900) Ask(1000)"},
    {"asks_too_little", "",
     "DealAccepted Blocks(200) Blocks(400) Ask(400) Blocks(600) Ask(400) Blocks(800) Ask(400) Blocks(1000) All "
     "Last(800) "
     "Complete"},
    {"asks_twice", "",
     "DealAccepted Blocks(200) Blocks(400) Ask(800) Ask(800) Blocks(600) Blocks(800) Blocks(900) Ask(1000)"},
    {"asks_before_sending", "",
     "DealAccepted Blocks(200) Ask(800) Blocks(400) Blocks(600) Blocks(800) Ask(1000) Blocks(900) Last(200) "
     "Blocks(1000) "
     "All Complete"},
    {"does_not_wait", "",
     "DealAccepted Blocks(200) Blocks(400) Ask(800) Blocks(600) Blocks(800) Ask(800) Blocks(1000) All Last(400) "
     "Complete"},
    {"sends_twice", "",
     "DealAccepted Blocks(200) Blocks(200) Blocks(400) Blocks(400) Ask(800) Blocks(600) Blocks(600) Blocks(800) "
     "Blocks(800) Blocks(900) Blocks(900) Ask(1000) Blocks(1000) Blocks(1000) All Last(200) Complete"},
    {"goes_silent", "", "DealAccepted Blocks(200) Blocks(400)"},
    {"cancels", "", "DealAccepted Blocks(200) Blocks(400) ProviderCancelled"},
    {"completes_early", "", "DealAccepted Blocks(200) Blocks(400) Complete"},
    {"talks_nonsense", "", "DealAccepted Blocks(200) Blocks(400) UnknownResponseReceived"},
    {"transfer_fails", "", "DealAccepted Blocks(200) Blocks(400) DataTransferError"},
    {"transfer_restarts", "",
     "DealAccepted Blocks(200) Blocks(400) Blocks(200) Blocks(400) Ask(800) Blocks(600) Blocks(800) Blocks(900) "
     "Ask(1000) "
     "Blocks(1000) All Last(200) Complete"},
};

START_TEST(world_providers)
{
    char json[1200];
    (void)snprintf(json, sizeof json, WORLD("", "", "1 FIL", "%s", "%s"), SAID[_i][0], SAID[_i][1]);
    make(json);
    open_transfer_op();
    runner_run(r, &MACHINE);
    make_channel_ready(2007);
    while (heard.asks != 0 && mpz_cmp_ui(heard.owed, 2007) <= 0) {
        heard.asks = 0;
        pay(mpz_get_ui(heard.owed));
        runner_run(r, &MACHINE);
    }
    ck_assert_str_eq(heard.said, SAID[_i][2]);
    unmake();
}
END_TEST

/* ---- The chain */

START_TEST(world_keys)
{
    make(WORLD("", "", "1 FIL", "honest", ""));
    open_transfer_op();
    make_channel_ready(2000);
    sequence = 3; /* the known key, the known answer, no second effect */
    ck_assert_uint_eq(add_funds(2000, 1)->outcome, DEALFSM_ANSWER_OK);
    ck_assert_uint_eq(heard.values[0].kind, DEALFSM_NONE);
    ck_assert_int_eq(mpz_cmp_ui(w->channels[0].funds, 2000), 0);
    ck_assert_uint_eq(w->deals[0].message_count, 1);
    ck_assert_uint_eq(add_funds(2001, 1)->outcome, DEALFSM_ANSWER_CONFLICT);
    ck_assert_uint_eq(w->deals[0].message_count, 1);
    sequence = 4;
    ck_assert_uint_eq(allocate_lane(1)->outcome, DEALFSM_ANSWER_OK);
    ck_assert_uint_eq(w->channels[0].lane_count, 1);
    sequence = 5;
    ck_assert_uint_eq(create_voucher(0, 100, 1)->outcome, DEALFSM_ANSWER_OK);
    uint8_t first[256];
    size_t len = heard.values[0].data_len;
    memcpy(first, heard.bytes[0], len);
    ck_assert_uint_eq(create_voucher(0, 100, 1)->outcome, DEALFSM_ANSWER_OK);
    ck_assert_uint_eq(heard.values[0].data_len, len);
    ck_assert_mem_eq(heard.bytes[0], first, len);
    ck_assert_uint_eq(create_voucher(0, 101, 1)->outcome, DEALFSM_ANSWER_CONFLICT);
    ck_assert_uint_eq(w->channels[0].lanes[0].nonce, 1);
    unmake();
}
END_TEST

START_TEST(world_vouchers)
{
    make(WORLD("", "", "1 FIL", "honest", ""));
    open_transfer_op();
    sequence = 5;
    ck_assert_uint_eq(allocate_lane(1)->outcome, DEALFSM_ANSWER_ERROR);
    ck_assert_str_eq(heard.text, "no such payment channel");
    make_channel_ready(2000);
    sequence = 6;
    ck_assert_uint_eq(create_voucher(1, 5, 1)->outcome, DEALFSM_ANSWER_ERROR);
    ck_assert_str_eq(heard.text, "no such lane");
    pay(100); /* then an equal amount, a lower one, one that the channel has not */
    sequence++;
    ck_assert_uint_eq(create_voucher(0, 100, 1)->outcome, DEALFSM_ANSWER_ERROR);
    ck_assert_uint_eq(create_voucher(0, 99, 2)->outcome, DEALFSM_ANSWER_ERROR);
    ck_assert_str_eq(heard.text, "the lane has a voucher for as much or more already");
    ck_assert_uint_eq(create_voucher(0, 2001, 3)->outcome, DEALFSM_ANSWER_SHORTFALL);
    ck_assert_str_eq(heard.text, "not enough funds in the payment channel");
    ck_assert_uint_eq(create_voucher(0, 2000, 4)->outcome, DEALFSM_ANSWER_OK);
    heard.bytes[0][ADDRESS_LEN + 20] ^= 1; /* the amount, but the signature tells */
    ck_assert_uint_eq(send_voucher_op()->outcome, DEALFSM_ANSWER_ERROR);
    ck_assert_str_eq(heard.text, "the provider does not take this voucher");
    ck_assert_int_eq(mpz_cmp_ui(w->channels[0].lanes[0].held, 100), 0);
    unmake();
}
END_TEST

START_TEST(world_shortfall)
{
    make(WORLD("", "", "1 FIL", "honest", ""));
    open_transfer_op();
    make_channel_ready(2000);
    ck_assert_uint_eq(create_voucher(0, 2258, 1)->outcome, DEALFSM_ANSWER_SHORTFALL);
    ck_assert_uint_eq(heard.values[0].data_len, 3);
    ck_assert_mem_eq(heard.bytes[0], ((const uint8_t[]){0, 1, 2}), 3);
    unmake();
}
END_TEST

START_TEST(world_messages)
{
    /* an empty wallet */
    make(WORLD("", "", "1999 attoFIL", "honest", ""));
    open_transfer_op();
    ck_assert_uint_eq(add_funds(2000, 1)->outcome, DEALFSM_ANSWER_ERROR);
    ck_assert_str_eq(heard.text, "not enough funds in the wallet");
    ck_assert_int_eq(mpz_cmp_ui(w->wallets[0], 1999), 0);
    unmake();
    /* a lost message gives the money back */
    make(WORLD("\"lost\": \"100 %\"", "", "3000 attoFIL", "honest", ""));
    open_transfer_op();
    ck_assert_uint_eq(add_funds(2000, 1)->outcome, DEALFSM_ANSWER_OK);
    ck_assert_int_eq(mpz_cmp_ui(w->wallets[0], 1000), 0);
    ck_assert_uint_eq(wait_for_message()->outcome, DEALFSM_ANSWER_ERROR);
    ck_assert_int_eq(mpz_cmp_ui(w->wallets[0], 3000), 0);
    ck_assert(!w->channels[0].exists);
    unmake();
    /* what is added later goes into the channel that is there; confirmations take their time */
    make(WORLD("\"block_time\": \"10 s\", \"confirmations\": 4", "", "1 FIL", "honest", ""));
    open_transfer_op();
    make_channel_ready(2000);
    ck_assert_uint_ge(w->deals[0].now, 50000000);
    w->deals[0].now += 60000000; /* a minute later the node knows the channel */
    sequence = 9;
    ck_assert_uint_eq(add_funds(500, 1)->outcome, DEALFSM_ANSWER_OK);
    ck_assert_uint_eq(heard.values[0].kind, DEALFSM_ADDRESS);
    ck_assert_uint_eq(wait_for_message()->outcome, DEALFSM_ANSWER_OK);
    ck_assert_int_eq(mpz_cmp_ui(w->channels[0].funds, 2500), 0);
    unmake();
}
END_TEST

/* ---- The node's trouble */

START_TEST(world_trouble)
{
    make(WORLD("", "\"never\": \"100 %\"", "1 FIL", "honest", ""));
    ck_assert_ptr_null(ask_with(DEALFSM_OpGetChainHead, 1, NULL, 0));
    world_view view;
    world_look(w, 1, &view);
    ck_assert_str_eq(view.silent, "GetChainHead");
    unmake();
    make(WORLD("", "\"errors\": \"100 %\"", "1 FIL", "honest", ""));
    ck_assert_uint_eq(ask_with(DEALFSM_OpGetChainHead, 1, NULL, 0)->outcome, DEALFSM_ANSWER_ERROR);
    sequence = 3;
    ck_assert_uint_eq(add_funds(2000, 1)->outcome, DEALFSM_ANSWER_ERROR);
    ck_assert_uint_eq(add_funds(2000, 1)->outcome, DEALFSM_ANSWER_ERROR);
    ck_assert_uint_eq(w->deals[0].message_count, 0);
    unmake();
    make(WORLD("", "\"twice\": \"100 %\"", "1 FIL", "honest", ""));
    ck_assert_uint_eq(ask_with(DEALFSM_OpGetChainHead, 1, NULL, 0)->outcome, DEALFSM_ANSWER_OK);
    runner_run(r, &MACHINE);
    ck_assert_int_eq(heard.answers, 2);
    ck_assert_uint_eq(heard.values[0].data_len, 8);
    unmake();
    make(WORLD("", "\"unknown\": \"100 %\"", "1 FIL", "honest", "")); /* the effect is there, the answer is not */
    sequence = 3;
    ck_assert_uint_eq(add_funds(2000, 1)->outcome, DEALFSM_ANSWER_UNKNOWN);
    runner_run(r, &MACHINE);
    ck_assert_int_eq(heard.retries, 1);
    ck_assert_int_eq(mpz_cmp_ui(w->channels[0].funds, 2000), 0);
    unmake();
}
END_TEST

/* ---- Books. The claim of a deal that paid 800 of 2,000 attoFIL, rightly or not */

static void claim_of(world_claim *claim, uint64_t spent)
{
    *claim =
        (world_claim){.known = true, .has_lane = true, .pay_ch = w->channels[0].address, .pay_ch_len = ADDRESS_LEN};
    mpz_init_set_ui(claim->funds_spent, spent);
    mpz_init_set_ui(claim->total_funds, 2000);
}

typedef struct finding {
    bool balance;
    char note[160]; /* the first, or "" */
    uint64_t equal;
    uint64_t ahead;
    uint64_t wrong;
    char why[160]; /* of the first lane, or the first fault */
} finding;

static finding audit(world_claim *claim)
{
    world_books *b = world_audit(w, claim);
    ck_assert_ptr_nonnull(b);
    finding f = {.balance = b->balance, .equal = b->equal, .ahead = b->one_ahead, .wrong = b->wrong};
    const char *why = b->fault_count > 0 ? b->faults[0] : b->channel_count > 0 ? b->channels[0].lanes[0].why : "";
    (void)snprintf(f.why, sizeof f.why, "%s", why);
    (void)snprintf(f.note, sizeof f.note, "%s", b->note_count > 0 ? b->notes[0] : "");
    world_books_free(b);
    mpz_clears(claim->funds_spent, claim->total_funds, NULL);
    return f;
}

static finding audit_spent(uint64_t spent, bool refused)
{
    world_claim claim;
    claim_of(&claim, spent);
    claim.payment_refused = refused;
    return audit(&claim);
}

static void make_and_pay(void)
{
    make(WORLD("", "", "1 FIL", "honest", ""));
    open_transfer_op();
    make_channel_ready(2000);
    pay(300);
    pay(800);
}

START_TEST(books_rule)
{
    make_and_pay();
    ck_assert(audit_spent(800, false).balance);
    ck_assert_uint_eq(audit_spent(800, false).equal, 1);
    /* one voucher ahead is right only where its PaymentSent is known to have been refused or to be outstanding */
    ck_assert(audit_spent(300, true).balance);
    ck_assert_uint_eq(audit_spent(300, true).ahead, 1);
    ck_assert(!audit_spent(300, false).balance);
    ck_assert_str_eq(audit_spent(300, false).why, "the provider holds more than the deal says that it paid");
    w->deals[0].in_flight = true;
    ck_assert(audit_spent(300, false).balance);
    ck_assert(!audit_spent(299, false).balance); /* two vouchers ahead */
    ck_assert(!audit_spent(801, true).balance);
    ck_assert_str_eq(audit_spent(801, true).why, "the deal says that it paid more than its provider holds");
    unmake();
}
END_TEST

/* Bugs that a machine could have; the books must notice each. */
START_TEST(books_notice_machine)
{
    make_and_pay(); /* a voucher granted twice for one payment */
    sequence++;
    ck_assert_uint_eq(create_voucher(0, 1300, 2)->outcome, DEALFSM_ANSWER_OK);
    ck_assert_uint_eq(send_voucher_op()->outcome, DEALFSM_ANSWER_OK);
    ck_assert(!audit_spent(800, false).balance);
    unmake();

    make_and_pay(); /* funds added twice under two keys */
    sequence = 3;
    ck_assert_uint_eq(add_funds(2000, 2)->outcome, DEALFSM_ANSWER_OK);
    ck_assert_str_eq(audit_spent(800, false).why, "deal 1 has added more to its channel than its TotalFunds");
    unmake();

    make_and_pay(); /* a second lane */
    ck_assert_uint_eq(allocate_lane(2)->outcome, DEALFSM_ANSWER_OK);
    ck_assert_str_eq(audit_spent(800, false).why, "deal 1 has more than one lane");
    unmake();

    make_and_pay(); /* a deal that forgot its lane, and one that spent less than nothing */
    world_claim claim;
    claim_of(&claim, 800);
    claim.has_lane = false;
    ck_assert_str_eq(audit(&claim).why, "the deal does not know of this lane");
    claim_of(&claim, 0);
    mpz_set_si(claim.funds_spent, -1);
    ck_assert_str_eq(audit(&claim).why, "deal 1 says that it spent less than nothing");
    unmake();

    make_and_pay(); /* what machines from 1.0.9 on may do: noted, and no fault */
    claim_of(&claim, 800);
    mpz_set_ui(claim.total_funds, 799);
    mpz_set_ui(w->deals[0].added, 799); /* the rest came from the client */
    mpz_set_ui(w->deals[0].topped_up, 2000 - 799);
    finding over = audit(&claim);
    ck_assert(over.balance);
    ck_assert_str_eq(over.note, "deal 1 spent more than its TotalFunds");
    ck_assert_str_eq(audit_spent(800, false).note, "");
    unmake();
}
END_TEST

/* Bugs that the chain could have. */
START_TEST(books_notice_chain)
{
    make_and_pay(); /* a top-up that is forgotten */
    mpz_set_ui(w->channels[0].funds, 0);
    finding f = audit_spent(800, false);
    ck_assert(!f.balance);
    ck_assert_str_eq(f.why, "c to p: the vouchers are for more than the channel has");
    unmake();

    make_and_pay(); /* money that is lost on the way */
    mpz_sub_ui(w->wallets[0], w->wallets[0], 1);
    ck_assert_str_eq(audit_spent(800, false).why,
                     "c: wallet and channels together are not what the wallet had at first");
    unmake();
}
END_TEST

/* ---- A node that is killed */

static void begin(uint64_t revision)
{
    world_row row = {.revision = revision, .sequence = revision > 0 ? revision - 1 : 0};
    text_why why;
    bool ok = world_begin(w, &row, &why);
    ck_assert_msg(ok, "%s", why.text);
    heard.said[0] = '\0';
}

START_TEST(world_says_again)
{
    make(WORLD("", "", "1 FIL", "honest", ""));
    heard.revision = 3; /* New, Open, DealProposed */
    open_transfer_op();
    /* the acceptance is said to a node that is killed before its row is written: it comes again, after the deal */
    world_link link = world_local(w);
    world_step step;
    ck_assert_int_eq(link.next(link.ctx, 0, 3, &step), NEXT_STEP);
    ck_assert_uint_eq(step.event.event, DEALFSM_ClientEventDealAccepted);
    begin(3);
    ck_assert_int_eq(link.next(link.ctx, 0, 0, &step), NEXT_STEP);
    ck_assert_int_eq(step.kind, STEP_RESUME);
    link.done(link.ctx, &(world_report){.deal = 1, .revision = 3});
    ck_assert_int_eq(link.next(link.ctx, 0, 0, &step), NEXT_STEP);
    ck_assert_uint_eq(step.event.event, DEALFSM_ClientEventDealAccepted);
    /* killed after it was written, before the world heard of that: it does not */
    begin(4);
    ck_assert_int_eq(link.next(link.ctx, 0, 0, &step), NEXT_STEP);
    ck_assert_int_eq(step.kind, STEP_RESUME);
    link.done(link.ctx, &(world_report){.deal = 1, .revision = 4});
    ck_assert_int_eq(link.next(link.ctx, 0, 0, &step), NEXT_STEP);
    ck_assert_uint_eq(step.event.event, DEALFSM_ClientEventBlocksReceived);
    /* a store that has lost what was said to be durable */
    world_row row = {.revision = 3};
    text_why why;
    ck_assert(!world_begin(w, &row, &why));
    ck_assert_ptr_nonnull(strstr(why.text, "expected the row of revision 4"));
    unmake();
}
END_TEST

static void next_is(world_link link, step_kind kind, uint32_t event)
{
    world_step step;
    ck_assert_int_eq(link.next(link.ctx, 0, 0, &step), NEXT_STEP);
    ck_assert_int_eq(step.kind, kind);
    if (kind == STEP_EVENT)
        ck_assert_uint_eq(step.event.event, event);
}

static world *new_world(void)
{
    text_why why;
    terms = scenario_parse(WORLD("", "", "1 FIL", "honest", ""), "world", &why);
    ck_assert_msg(terms != NULL, "%s", why.text);
    return world_new(&(world_options){.scenario = terms, .deals = 1, .seed = 1});
}

/* Killed after the deal was created, and again and again before it was opened. */
START_TEST(world_opens_again)
{
    w = new_world();
    world_link link = world_local(w);
    next_is(link, STEP_CREATE, 0);
    for (int life = 0; life < 3; life++) {
        begin(1);
        next_is(link, STEP_RESUME, 0);
    }
    link.done(link.ctx, &(world_report){.deal = 1, .revision = 1});
    next_is(link, STEP_CREATE, 0);
    world_free(w);
    scenario_free(terms);
    /* a deal in the store that the books have never heard of */
    w = new_world();
    world_row row = {.revision = 1};
    text_why why;
    ck_assert(!world_begin(w, &row, &why));
    ck_assert_ptr_nonnull(strstr(why.text, "not in the world's books"));
    world_free(w);
    scenario_free(terms);
}
END_TEST

/* A deal that stalls keeps what it hears in memory. Killed then, it hears all of it again, but first it has to be there. */
START_TEST(world_says_all_again)
{
    make(WORLD("", "", "1 FIL", "honest", ""));
    heard.revision = 3;
    open_transfer_op();
    world_link link = world_local(w);
    world_step step;
    static const uint32_t says[] = {DEALFSM_ClientEventDealAccepted, DEALFSM_ClientEventBlocksReceived};
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(link.next(link.ctx, 0, 3, &step), NEXT_STEP);
        ck_assert_uint_eq(step.event.event, says[i]);
        link.done(link.ctx, &(world_report){.deal = 1, .order = step.order, .promised = 4, .revision = 3});
    }
    uint64_t now = w->deals[0].now;
    begin(3);
    next_is(link, STEP_RESUME, 0);
    link.done(link.ctx, &(world_report){.deal = 1, .revision = 3});
    for (int i = 0; i < 2; i++) {
        next_is(link, STEP_EVENT, says[i]);
        ck_assert_uint_eq(w->deals[0].now, now);
        link.done(link.ctx, &(world_report){.deal = 1, .revision = 3});
    }
    unmake();
}
END_TEST

START_TEST(world_books_file)
{
    char path[] = "/tmp/dealfsm-world-XXXXXX";
    text_why why;
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(close(fd), 0);
    make(WORLD("", "", "1 FIL", "honest", ""));
    ck_assert_msg(world_file_open(w, path, "{}", &why), "%s", why.text);
    open_transfer_op();
    make_channel_ready(2000);
    pay(300);
    world_options options = {.scenario = terms, .deals = 1, .seed = 1};
    world *copy = world_new(&options);
    ck_assert_msg(world_file_read(copy, path, &why), "%s", why.text);
    ck_assert_uint_eq(copy->channels[0].lane_count, 1);
    ck_assert_int_eq(mpz_cmp(copy->channels[0].lanes[0].held, w->channels[0].lanes[0].held), 0);
    ck_assert_int_eq(mpz_cmp(copy->wallets[0], w->wallets[0]), 0);
    ck_assert_uint_eq(copy->deals[0].asked_count, w->deals[0].asked_count);
    ck_assert_uint_eq(copy->deals[0].message_count, 1);
    ck_assert_mem_eq(copy->deals[0].messages[0].cid, w->deals[0].messages[0].cid, CID_LEN);
    world_free(copy);
    options.seed = 2;
    copy = world_new(&options);
    ck_assert(!world_file_open(copy, path, "{}", &why));
    ck_assert(!world_file_open(copy, path, "{\"title\":\"u\"}", &why));
    ck_assert_ptr_nonnull(strstr(why.text, "of another one"));
    world_free(copy);
    unmake();
    ck_assert_int_eq(unlink(path), 0);
}
END_TEST

/* Books of an earlier layout, and what are none. */
START_TEST(world_books_of_others)
{
    static const struct {
        const char *makes;
        const char *why;
    } others[] = {
        {"CREATE TABLE world (layout, scenario, deals, seed); INSERT INTO world VALUES (2, '{}', 1, 1)",
         "expected a world's books of layout 3, found layout 2: bring their deals to an end with the dealfsm that made "
         "them"},
        {"CREATE TABLE cats (name)", "expected a world's books, found another database"},
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        char path[] = "/tmp/dealfsm-world-XXXXXX";
        world_file_info info;
        text_why why;
        sqlite3 *database;
        int fd = mkstemp(path);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(close(fd), 0);
        ck_assert_int_eq(sqlite3_open(path, &database), SQLITE_OK);
        ck_assert_int_eq(sqlite3_exec(database, others[i].makes, NULL, NULL, NULL), SQLITE_OK);
        ck_assert_int_eq(sqlite3_close(database), SQLITE_OK);
        ck_assert(!world_file_info_of(path, &info, &why));
        ck_assert_msg(strstr(why.text, others[i].why) != NULL, "%s", why.text);
        ck_assert_int_eq(unlink(path), 0);
    }
}
END_TEST

START_TEST(world_stops)
{
    make(WORLD("", "", "1 FIL", "honest", ""));
    open_transfer_op();
    runner_stop(r);
    runner_run(r, &MACHINE);
    ck_assert_str_eq(heard.said, "");
    ck_assert(runner_stopped(r));
    runner_close(r);
    ck_assert_ptr_null(ask_with(DEALFSM_OpGetChainHead, 1, NULL, 0));
    unmake();
}
END_TEST

int main(void)
{
    json_object_seed(1);
    Suite *suite = suite_create("world");
    TCase *tests = tcase_create("world");
    tcase_add_loop_test(tests, world_providers, 0, COUNT(SAID));
    tcase_add_test(tests, world_keys);
    tcase_add_test(tests, world_vouchers);
    tcase_add_test(tests, world_shortfall);
    tcase_add_test(tests, world_messages);
    tcase_add_test(tests, world_trouble);
    tcase_add_test(tests, books_rule);
    tcase_add_test(tests, books_notice_machine);
    tcase_add_test(tests, books_notice_chain);
    tcase_add_test(tests, world_says_again);
    tcase_add_test(tests, world_opens_again);
    tcase_add_test(tests, world_says_all_again);
    tcase_add_test(tests, world_books_file);
    tcase_add_test(tests, world_books_of_others);
    tcase_add_test(tests, world_stops);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
