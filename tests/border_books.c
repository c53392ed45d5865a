/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The world of a life keeps its books, and holds them against the deal: M1 to M3 and M5 to M8 of money, P1 and P2 of
 * crashes. What the world answers depends on the key alone. */
#include "border_life.h"

/* ---- What the world does */

/* A node refuses a voucher that is not above the best one: a machine that asks so has made it before, under another
 * key. */
static void make_voucher(life *l, uint64_t amount)
{
    uint64_t best = l->vouchers_count > 0 ? l->vouchers[l->vouchers_count - 1] : 0;
    MUST_SAY(amount > best, "a voucher of %" PRIu64 " attoFIL is asked for, there is one of %" PRIu64, amount, best);
    l->vouchers[l->vouchers_count++] = amount;
    l->k->funds.redeemed = amount;
}

static uint32_t outcome_of(life *l, const kit_op *op, uint64_t *missing)
{
    kit_funds *funds = &l->k->funds;
    uint32_t nth = 1;
    for (uint32_t i = 0; i < l->ops_count; i++)
        nth += l->ops[i].op == op->op;
    if (l->course->fails.op == op->op && (l->course->fails.nth == nth || l->course->fails.nth == 0))
        return DEALFSM_ANSWER_ERROR;
    if (op->op == DEALFSM_OpCreatePaymentVoucher) {
        uint64_t amount = kit_op_amount(op, 1);
        if (amount > funds->confirmed) {
            *missing = amount - funds->confirmed;
            return DEALFSM_ANSWER_SHORTFALL;
        }
        make_voucher(l, amount);
    } else if (op->op == DEALFSM_OpWaitForPaymentChannelReady &&
               l->k->rows[LIFE_DEAL].status == DEALFSM_DealStatusPaymentChannelAddingFunds) {
        funds->confirmed += funds->pending; /* the wait is over */
        funds->pending = 0;
    }
    return DEALFSM_ANSWER_OK;
}

uint32_t books_decide(kit *k, const kit_op *op, uint64_t *missing)
{
    life *l = k->context;
    for (uint32_t i = 0; i < l->ops_count; i++) {
        if (l->ops[i].op != op->op || l->ops[i].sequence != op->sequence)
            continue;
        *missing = l->ops[i].missing;
        return l->ops[i].outcome;
    }
    MUST(l->ops_count < LIFE_OPS);
    *missing = 0;
    uint32_t outcome = outcome_of(l, op, missing);
    l->ops[l->ops_count++] = (life_op){op->op, op->sequence, outcome, *missing};
    return outcome;
}

/* ---- What must be true at any time */

static dealfsm_record decode(const life *l, const uint8_t *bytes, uint64_t size)
{
    dealfsm_record record = {.struct_size = sizeof record};
    MUST(l->k->record->decode(bytes, size, &record, NULL) == DEALFSM_OK);
    return record;
}

/* M5: set once. (client 0.5.6 and the first funding of later ones write lane 0 beside the address, until there is a
 * lane.) */
static void check_channel(life *l, const dealfsm_record *record)
{
    if (!record->has_payment_info) {
        MUST(l->channel_len == 0);
        return;
    }
    MUST(l->channel_len == 0 ||
         (l->channel_len == record->pay_ch_len && !memcmp(l->channel, record->pay_ch, record->pay_ch_len)));
    MUST(l->lane == 0 || l->lane == record->lane);
    l->channel_len = record->pay_ch_len;
    memcpy(l->channel, record->pay_ch, record->pay_ch_len);
    l->lane = record->lane;
}

void books_check_row(life *l, const dealfsm_put *put)
{
    const kit_row *row = &l->k->rows[LIFE_DEAL];
    const dealfsm_record record = decode(l, put->record, put->record_len);
    uint64_t spent = kit_amount(record.funds_spent, record.funds_spent_len);
    uint64_t unsealed = kit_amount(record.unseal_funds_paid, record.unseal_funds_paid_len);
    uint64_t price = kit_amount(record.price_per_byte, record.price_per_byte_len);
    MUST(spent <= kit_amount(record.total_funds, record.total_funds_len));        /* M1 */
    MUST(unsealed <= spent && record.bytes_paid_for * price <= spent - unsealed); /* M3 */
    check_channel(l, &record);
    bool step = put->happened_count > 0 && put->happened->kind == DEALFSM_HAPPENED_APPLIED;
    l->been_in |= UINT64_C(1) << put->status;
    l->seen |= step ? UINT64_C(1) << put->happened->event : 0;
    if (row->revision == 0)
        return;
    /* P1: a row is that of the step before, or one step further. */
    MUST(put->sequence == row->sequence || (step && put->sequence == row->sequence + 1));
    MUST(put->sequence > row->sequence ||
         (put->record_len == row->record_len && !memcmp(put->record, row->record, row->record_len)));
}

void books_check_op(const life *l, const dealfsm_op *op)
{
    const kit_row *row = &l->k->rows[LIFE_DEAL];
    MUST(op->sequence == row->sequence); /* P2 */
    for (uint32_t i = 0; l->course->steps[i].event; i++)
        MUST_SAY(l->promises[i] <= row->revision, "%s is asked, and step %" PRIu32 " is accepted, but not durable",
                 l->k->describe->machine_version, i);
    if (op->op == DEALFSM_OpCreatePaymentVoucher || op->op == DEALFSM_OpSendDataTransferVoucher) /* M6 */
        MUST(row->status == DEALFSM_DealStatusSendFunds || row->status == DEALFSM_DealStatusSendFundsLastPayment);
}

/* ---- What must be true at the end */

/* A voucher that was made and not sent, or whose PaymentSent came too late, is one above what the deal has spent. */
static void check_vouchers(const life *l, uint64_t spent)
{
    uint32_t count = l->vouchers_count;
    uint64_t best = count > 0 ? l->vouchers[count - 1] : 0, before = count > 1 ? l->vouchers[count - 2] : 0;
    MUST_SAY(spent == best || spent == before, "spent are %" PRIu64 " attoFIL, the best voucher has %" PRIu64, spent,
             best);
    MUST(spent == best || l->k->rows[LIFE_DEAL].status != DEALFSM_DealStatusCompleted);
}

void books_check_end(const life *l)
{
    const kit_row *row = &l->k->rows[LIFE_DEAL];
    const dealfsm_record record = decode(l, row->record, row->record_len);
    uint64_t added = 0;
    check_vouchers(l, kit_amount(record.funds_spent, record.funds_spent_len));
    for (uint32_t i = 0; i < l->k->effects_count; i++)
        if (l->k->effects[i].op == DEALFSM_OpGetOrCreatePaymentChannel)
            added += kit_op_amount(&l->k->effects[i], 2);
    MUST(added <= kit_amount(record.total_funds, record.total_funds_len)); /* M7 */
    MUST(kit_effects(l->k, DEALFSM_OpAllocateLane) <= 1);                  /* M5, M8 */
    MUST(kit_effects(l->k, DEALFSM_OpCreatePaymentVoucher) == l->vouchers_count);
}
