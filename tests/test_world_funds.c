/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Money for deals that wait for it: who is told when some comes to a payment channel, what a client tops up, and that
 * neither depends on when node and world are killed. Driven by a small machine of the test's own: a deal adds its funds, takes
 * a lane, pays all that it costs by one voucher, and while the channel has too little waits until it hears of money. */

#include <check.h>
#include <dealfsm/vocabulary.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../tools/world_file.h"
#include "../tools/world_private.h"

#define PEER "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"
/* Deals of 2,000 attoFIL, all in one channel. */
#define WORLD(chain, client, funds)                                                                                    \
    "{\"title\": \"t\", \"starts_within\": \"10 min\", \"chain\": {" chain "}, \"clients\": [{\"name\": \"c\", "       \
    "\"wallet\": \"f01\", \"peer\": \"" PEER "\", " client                                                             \
    "}], \"providers\": [{\"name\": \"p\", \"wallet\": \"f02\", \"peer\": \"" PEER                                     \
    "\"}], \"retrievals\": [{\"name\": "                                                                               \
    "\"r\", \"size\": \"1000 bytes\", \"price_per_byte\": \"2 attoFIL\", \"funds\": " funds "}]}"
#define LATE "\"tops_up_after\": [\"5 min\", \"30 min\"]"

enum { DEALS = 4, PRICE = 2000, NEVER = 1000000 };

typedef enum state { NEW, ADDING, WAITING, ALLOCATING, PAYING, CHECKING, SHORT, PAID, GIVEN_UP, STATES } state;

/* What a store would have of a deal. */
typedef struct row {
    state state;
    uint64_t revision;
    uint64_t lane;
    uint8_t cid[CID_LEN];
} row;

static row rows[DEALS];
static scenario *terms;
static world *w;
static const char *books; /* file, or NULL */
static int moment;        /* of the run so far */
static int killed_at;
static char told[1000]; /* "2@930 …": deal and second in which it heard of money and looked again */

/* Processes die here, the power stays: the books need no disk. (In place of the C library's, for SQLite, too.) */
int fsync(int fd)
{
    (void)fd;
    return 0;
}

int fdatasync(int fd)
{
    (void)fd;
    return 0;
}

/* ---- A life, of node and world together */

static void begin(void)
{
    text_why why;
    world_row stored[DEALS];
    world_free(w);
    w = world_new(&(world_options){.scenario = terms, .deals = DEALS, .seed = 1});
    ck_assert_ptr_nonnull(w);
    if (books != NULL) {
        ck_assert_msg(world_file_open(w, books, "{}", &why), "%s", why.text);
    }
    for (int i = 0; i < DEALS; i++) {
        stored[i] = (world_row){
            .revision = rows[i].revision, .sequence = rows[i].revision, .final_state = rows[i].state >= PAID};
    }
    ck_assert_msg(world_begin(w, stored, &why), "%s", why.text);
}

/* True: the node dies here. */
static bool dies(void)
{
    return moment++ == killed_at;
}

static void to_state(row *deal, state next)
{
    deal->state = next;
    deal->revision++;
}

/* ---- Asking */

static dealfsm_value amount_of(uint64_t attofil, uint8_t *stored)
{
    size_t len;
    mpz_t amount;
    mpz_init_set_ui(amount, attofil);
    (void)text_amount_export(amount, stored, AMOUNT_MAX, &len);
    mpz_clear(amount);
    return (dealfsm_value){.kind = DEALFSM_AMOUNT, .data = stored, .data_len = len};
}

static void ask(const row *deal)
{
    static const uint32_t ops[STATES] = {[ADDING] = DEALFSM_OpGetOrCreatePaymentChannel,
                                         [WAITING] = DEALFSM_OpWaitForPaymentChannelReady,
                                         [ALLOCATING] = DEALFSM_OpAllocateLane,
                                         [PAYING] = DEALFSM_OpCreatePaymentVoucher,
                                         [CHECKING] = DEALFSM_OpCheckAvailableFunds};
    uint8_t stored[AMOUNT_MAX];
    world_terms given;
    world_asked how;
    dealfsm_value args[4] = {{.kind = DEALFSM_ADDRESS, .data = w->channels[0].address, .data_len = ADDRESS_LEN}};
    dealfsm_op op = {.struct_size = sizeof op,
                     .op = ops[deal->state],
                     .deal = (uint64_t)(deal - rows) + 1,
                     .sequence = deal->revision,
                     .nth = 1,
                     .args = args,
                     .args_count = 1,
                     .args_stride = sizeof args[0]};
    if (deal->state == ADDING) {
        world_terms_of(w, op.deal, &given);
        args[0] = (dealfsm_value){
            .kind = DEALFSM_ADDRESS, .data = given.record.client_wallet, .data_len = given.record.client_wallet_len};
        args[1] = (dealfsm_value){
            .kind = DEALFSM_ADDRESS, .data = given.record.miner_wallet, .data_len = given.record.miner_wallet_len};
        args[2] = (dealfsm_value){
            .kind = DEALFSM_AMOUNT, .data = given.record.total_funds, .data_len = given.record.total_funds_len};
        op.args_count = 3;
    } else if (deal->state == WAITING) {
        args[0] = (dealfsm_value){.kind = DEALFSM_CID, .data = deal->cid, .data_len = CID_LEN};
    } else if (deal->state == PAYING) {
        args[1] = amount_of(PRICE, stored);
        args[2] = (dealfsm_value){.kind = DEALFSM_U64, .number = deal->lane};
        op.args_count = 3;
    }
    if (op.op != 0) {
        world_local(w).ask(w, &op, &how);
    }
}

/* ---- Hearing */

static bool has_enough(const reply *a)
{
    mpz_t free_funds;
    mpz_t redeemed;
    mpz_inits(free_funds, redeemed, NULL);
    text_amount_import(free_funds, a->values[0].data, a->values[0].data_len);
    text_amount_import(redeemed, a->values[3].data, a->values[3].data_len);
    mpz_sub(free_funds, free_funds, redeemed);
    bool enough = mpz_cmp_ui(free_funds, PRICE) >= 0;
    mpz_clears(free_funds, redeemed, NULL);
    return enough;
}

static void hear_answer(row *deal, const reply *a)
{
    if (a->outcome == DEALFSM_ANSWER_SHORTFALL) {
        to_state(deal, CHECKING);
    } else if (a->outcome != DEALFSM_ANSWER_OK) {
        to_state(deal, GIVEN_UP);
    } else if (deal->state == ADDING) {
        memcpy(deal->cid, a->values[1].data, CID_LEN);
        to_state(deal, WAITING);
    } else if (deal->state == WAITING) {
        to_state(deal, ALLOCATING);
    } else if (deal->state == ALLOCATING) {
        deal->lane = a->values[0].number;
        to_state(deal, PAYING);
    } else if (deal->state == CHECKING) {
        to_state(deal, has_enough(a) ? PAYING : SHORT);
    } else {
        to_state(deal, PAID);
    }
}

static void hear(row *deal, const world_step *step)
{
    if (step->kind == STEP_CREATE && deal->state == NEW) {
        to_state(deal, ADDING);
    } else if (step->kind == STEP_ANSWER) {
        hear_answer(deal, step->answer);
    } else if (step->kind == STEP_MONEY && deal->state == SHORT) {
        size_t used = strlen(told);
        ck_assert_uint_eq(step->channel_len, ADDRESS_LEN);
        ck_assert_mem_eq(step->channel, w->channels[0].address, ADDRESS_LEN);
        (void)snprintf(told + used, sizeof told - used, "%s%d@%d", used > 0 ? " " : "", (int)step->deal,
                       (int)(step->time / 1000000));
        to_state(deal, CHECKING);
    }
}

/* One step of any deal, or the node's death in the midst of it. False: the end. */
static bool live(void)
{
    world_link link = world_local(w);
    world_step step;
    if (link.next(link.ctx, 0, 0, &step) != NEXT_STEP) {
        return false;
    }
    row *deal = &rows[step.deal - 1];
    const uint64_t before = deal->revision;
    bool dead = dies();
    if (!dead) {
        hear(deal, &step);
        dead = dies();
    }
    if (!dead && (deal->revision > before || step.kind == STEP_RESUME)) {
        ask(deal);
        dead = dies();
    }
    world_report report = {
        .deal = step.deal, .order = step.order, .revision = deal->revision, .short_of_funds = deal->state == SHORT};
    if (!dead) {
        link.done(link.ctx, &report);
        dead = dies();
    }
    world_step_free(&step);
    if (dead) {
        begin();
    }
    return true;
}

/* ---- Runs */

static void run(const char *json, int kill)
{
    text_why why;
    terms = scenario_parse(json, "world", &why);
    ck_assert_msg(terms != NULL, "%s", why.text);
    memset(rows, 0, sizeof rows);
    told[0] = '\0';
    moment = 0;
    killed_at = kill;
    begin();
    while (live()) {
        ck_assert_int_lt(moment, 10000);
    }
}

static void forget(void)
{
    world_free(w);
    scenario_free(terms);
    w = NULL;
}

static int count(state wanted)
{
    int found = 0;
    for (int i = 0; i < DEALS; i++) {
        found += rows[i].state == wanted;
    }
    return found;
}

static void in_channel(uint64_t attofil)
{
    ck_assert_uint_eq(mpz_get_ui(w->channels[0].funds), attofil);
    ck_assert_int_eq(mpz_sgn(w->channels[0].pending), 0);
    world_books *b = world_audit(w, NULL);
    ck_assert_ptr_nonnull(b);
    ck_assert_msg(b->balance, "%s", b->fault_count > 0 ? b->faults[0] : "");
    world_books_free(b);
}

/* Each deal gets half of what it costs: without help, half of them can pay. Whose own money it is makes no difference. */
START_TEST(funds_others_add)
{
    run(WORLD("", "\"balance\": \"1 FIL\"", "50"), NEVER);
    ck_assert_int_eq(count(PAID), DEALS / 2);
    ck_assert_int_eq(count(SHORT), DEALS / 2);
    ck_assert_str_ne(told, "");
    in_channel(DEALS * PRICE / 2);
    forget();
}
END_TEST

START_TEST(funds_topped_up)
{
    run(WORLD("", "\"balance\": \"1 FIL\", \"tops_up\": \"100 %\", " LATE, "50"), NEVER);
    ck_assert_int_eq(count(PAID), DEALS);
    for (int i = 0; i < DEALS; i++) {
        ck_assert_uint_eq(mpz_get_ui(w->deals[i].added), PRICE / 2);
        ck_assert_uint_eq(mpz_get_ui(w->deals[i].topped_up) % PRICE, 0);
    }
    ck_assert_uint_ge(mpz_get_ui(w->channels[0].funds), DEALS * PRICE);
    in_channel(mpz_get_ui(w->channels[0].funds));
    mpz_add_ui(w->deals[0].topped_up, w->deals[0].topped_up, 1);
    world_books *b = world_audit(w, NULL);
    ck_assert(!b->balance);
    ck_assert_str_eq(b->faults[0], "c to p: what is in the channel is not what deals added and the client topped up");
    world_books_free(b);
    forget();
}
END_TEST

/* By default nobody tops up; nor is there a way out when the wallet has too little, or when the chain loses the message: the
 * deals wait, and the run ends. */
START_TEST(funds_not_topped_up)
{
    run(WORLD("", "\"balance\": \"5999 attoFIL\", \"tops_up\": \"100 %\", " LATE, "50"), NEVER);
    ck_assert_int_eq(count(PAID), DEALS / 2);
    ck_assert_uint_eq(mpz_get_ui(w->wallets[0]), 5999 - DEALS * PRICE / 2);
    in_channel(DEALS * PRICE / 2);
    forget();
    run(WORLD("\"lost\": \"100 %\"", "\"balance\": \"1 FIL\", \"tops_up\": \"100 %\", " LATE, "50"), NEVER);
    ck_assert_int_eq(count(GIVEN_UP), DEALS);
    in_channel(0);
    forget();
}
END_TEST

/* ---- Killed at every moment */

static void outcome(char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "%s;", told);
    for (int i = 0; i < DEALS; i++) {
        used += (size_t)gmp_snprintf(text + used, size - used, " %d r%d at %d +%Zd", (int)rows[i].state,
                                     (int)rows[i].revision, (int)(w->deals[i].now / 1000), w->deals[i].topped_up);
    }
    (void)gmp_snprintf(text + used, size - used, "; %Zd", w->wallets[0]);
}

static const char *const SEAS[] = {
    WORLD("", "\"balance\": \"1 FIL\"", "50"),
    WORLD("", "\"balance\": \"1 FIL\", \"tops_up\": \"100 %\", " LATE, "50"),
    WORLD("\"reorganised\": \"30 %\", \"lost\": \"20 %\"", "\"balance\": \"1 FIL\", \"tops_up\": \"60 %\", " LATE,
          "70"),
};

START_TEST(funds_killed)
{
    char path[] = "/tmp/dealfsm-funds-XXXXXX";
    char undisturbed[2000];
    char killed[2000];
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(close(fd), 0);
    run(SEAS[_i], NEVER);
    const int moments = moment;
    outcome(undisturbed, sizeof undisturbed);
    ck_assert_str_ne(told, "");
    forget();
    books = path;
    for (int k = 0; k < moments; k++) {
        ck_assert_int_eq(truncate(path, 0), 0);
        run(SEAS[_i], k);
        outcome(killed, sizeof killed);
        ck_assert_msg(strcmp(killed, undisturbed) == 0, "killed at %d: expected %s\nfound %s", k, undisturbed, killed);
        forget();
    }
    books = NULL;
    ck_assert_int_eq(unlink(path), 0);
}
END_TEST

int main(void)
{
    json_object_seed(1);
    Suite *suite = suite_create("world_funds");
    TCase *tests = tcase_create("world_funds");
    tcase_add_test(tests, funds_others_add);
    tcase_add_test(tests, funds_topped_up);
    tcase_add_test(tests, funds_not_topped_up);
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, funds_killed, 0, (int)(sizeof SEAS / sizeof SEAS[0]));
    suite_add_tcase(suite, tests);
    SRunner *all = srunner_create(suite);
    srunner_run_all(all, CK_NORMAL);
    int failed = srunner_ntests_failed(all);
    srunner_free(all);
    return failed == 0 ? 0 : 1;
}
