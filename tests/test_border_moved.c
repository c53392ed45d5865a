/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A deal that came from another machine version says so in its history. Dialogues as in test_border_store.c, between
 * the modules of two versions. */
#include "border_kit.h"

/* The deal as `version` has it, staged in another host. */
static void carry(kit *from, kit *to, const char *version)
{
    kit_snapshot p = {0};
    p.snapshot = (dealfsm_snapshot){.struct_size = sizeof p.snapshot,
                                    .machine_version = version,
                                    .record = p.record,
                                    .record_capacity = sizeof p.record,
                                    .sidecar = p.sidecar,
                                    .sidecar_capacity = sizeof p.sidecar};
    ck_assert_int_eq(from->f->snapshot(from->machine, 1, &p.snapshot, NULL), DEALFSM_OK);
    ck_assert_int_eq(to->f->restore(to->machine, &p.snapshot, NULL), DEALFSM_OK);
}

static kit *other_host(const dealfsm_functions *functions)
{
    kit *k = kit_new(functions);
    kit_open(k);
    strcpy(k->answers, "ll");
    return k;
}

/* The first durable put says where the deal comes from, and those before it that failed; nobody is told, and no later
 * put says it again. There, back, and on from a machine that has put nothing. */
START_TEST(move_is_named)
{
    const dealfsm_functions *next = kit_load(TEST_BUILD_DIR "/modules/dealfsm-client-1.0.9.so");
    kit *old = other_host(kit_load(TEST_BUILD_DIR "/modules/dealfsm-client-0.5.6.so"));
    strcpy(old->answers, "iiil");
    old->channel_exists = true;
    kit_bring(old, 1, DEALFSM_DealStatusWaitForAcceptance);
    ck_assert_int_eq(kit_send(old, 1, DEALFSM_ClientEventDealAccepted, 0), DEALFSM_APPLIED);
    IS(old, 1, PaymentChannelAddingFunds, DEALFSM_DEAL_HANDLER_OWED | DEALFSM_DEAL_OP_OPEN);

    kit *new = other_host(next);
    strcpy(new->puts, _i == 0 ? "F" : "L");
    carry(old, new, "client 0.5.6");
    SEEN(new, "");
    ck_assert_int_eq(new->f->activate(new->machine, 1, NULL, NULL), DEALFSM_STALLED);
    SEEN(new, _i == 0 ? "put r8 s4 PaymentChannelCreating [moved client 0.5.6 5] failed; log"
                      : "put r8 s4 PaymentChannelCreating [moved client 0.5.6 5] landed; log");
    ck_assert_int_eq(new->f->retry(new->machine, 1, NULL, NULL), DEALFSM_APPLIED);
    SEEN(new, "put r9 s4 PaymentChannelCreating [moved client 0.5.6 5]; "
              "ask WaitForPaymentChannelReady s4 n1 again");
    ck_assert_int_eq(kit_send(new, 1, DEALFSM_ClientEventBlocksReceived, 1), DEALFSM_ACCEPTED);
    SEEN(new, "put r11 s4 PaymentChannelCreating []");
    kit_restart(new);
    SEEN(new, "ask WaitForPaymentChannelReady s4 n1 again");
    kit_free(new);

    /* A put that fails, then back: the row may name either, and it is the old one's. */
    new = other_host(next);
    strcpy(new->puts, "F");
    carry(old, new, "client 0.5.6");
    ck_assert_int_eq(new->f->activate(new->machine, 1, NULL, NULL), DEALFSM_STALLED);
    kit *own = other_host(old->f);
    carry(new, own, "client 0.5.6");
    ck_assert_int_eq(own->f->activate(own->machine, 1, NULL, NULL), DEALFSM_APPLIED);
    SEEN(own, "put r9 s4 PaymentChannelAddingFunds []; ask WaitForPaymentChannelAddFunds s4 n1 again");
    ck_assert_int_eq(new->f->retry(new->machine, 1, NULL, NULL), DEALFSM_APPLIED);
    kit *back = other_host(old->f);
    carry(new, back, "client 0.5.6");
    ck_assert_int_eq(back->f->activate(back->machine, 1, NULL, NULL), DEALFSM_APPLIED);
    SEEN(back,
         "put r10 s4 PaymentChannelAddingFunds [moved client 1.0.9 4]; ask WaitForPaymentChannelAddFunds s4 n1 again");
    kit_free(back);
    kit_free(own);
    kit_free(new);
    kit_free(old);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("border: moved");
    TCase *tests = tcase_create("moved");
    tcase_add_loop_test(tests, move_is_named, 0, 2);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
