/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the kit's world answers. */
#include "border_world.h"

/* ---- Amounts */

uint64_t kit_store_amount(uint64_t number, uint8_t *out)
{
    uint64_t size = 0;
    out[size++] = 0;
    for (int shift = 24; shift >= 0; shift -= 8)
        if (number >> shift)
            out[size++] = (uint8_t)(number >> shift);
    return number > 0 ? size : 0;
}

uint64_t kit_amount(const uint8_t *bytes, uint64_t size)
{
    uint64_t number = 0;
    MUST(size <= 9 && (size == 0 || bytes[0] == 0));
    for (uint64_t i = 1; i < size; i++)
        number = number << 8 | bytes[i];
    return number;
}

/* The digest has for each argument its number, data and data2, with a byte of length before each. */
uint64_t kit_op_amount(const kit_op *op, uint32_t index)
{
    const uint8_t *at = op->args;
    for (uint32_t i = 0; i < 3 * index + 1; i++)
        at += 1 + at[0];
    return kit_amount(at + 1, at[0]);
}

/* ---- Values */

static const uint8_t address[] = {0, 0x67};                   /* of the payment channel */
static const uint8_t message[] = {1, 0x55, 0, 2, 0x0c, 0x0d}; /* CID of the message that makes it or adds funds */
#define MESSAGE .data = message, .data_len = sizeof message

enum { KIT_VALUE = 600 }; /* bytes of the chain's head: more than a run keeps without allocating */

static dealfsm_value amount_value(uint64_t number, uint8_t *bytes)
{
    return (dealfsm_value){.struct_size = sizeof(dealfsm_value),
                           .kind = DEALFSM_AMOUNT,
                           .data = bytes,
                           .data_len = kit_store_amount(number, bytes)};
}

/* A channel that got funds by a message has that message to wait for. */
static uint32_t fill_funds(const kit_funds *funds, dealfsm_value *values, uint8_t *bytes)
{
    const uint64_t amounts[] = {funds->confirmed, funds->pending, 0, funds->redeemed};
    for (uint32_t i = 0; i < 4; i++)
        values[i] = amount_value(amounts[i], bytes + (size_t)i * KIT_AMOUNT);
    values[4] = (dealfsm_value){.struct_size = sizeof *values};
    if (funds->pending > 0)
        values[4] = (dealfsm_value){.struct_size = sizeof *values, .kind = DEALFSM_CID, MESSAGE};
    return 5;
}

/* What the world answers: the same for the same key, but for the chain's head. */
static uint32_t fill_values(kit *k, const kit_op *op, dealfsm_value *values, uint8_t *bytes)
{
    static const uint8_t me[] = "me", you[] = "you";
    values[0] = values[1] = (dealfsm_value){.struct_size = sizeof *values, .data = bytes};
    switch (op->op) {
    case DEALFSM_OpOpenDataTransfer:
        values[0] = (dealfsm_value){sizeof *values, DEALFSM_CHANNEL, 7, me, 2, you, 3};
        return 1;
    case DEALFSM_OpGetChainHead:
        values[0].kind = DEALFSM_BYTES;
        values[0].data_len = KIT_VALUE;
        snprintf((char *)bytes, KIT_VALUE, "%*" PRIu32, KIT_VALUE - 1, ++k->tokens);
        return 1;
    case DEALFSM_OpGetOrCreatePaymentChannel:
        values[0].kind = k->channel_exists ? DEALFSM_ADDRESS : DEALFSM_NONE;
        values[0].data = k->channel_exists ? (const uint8_t *)address : NULL;
        values[0].data_len = k->channel_exists ? 2 : 0;
        values[1] = (dealfsm_value){.struct_size = sizeof *values};
        if (!k->channel_ready)
            values[1] = (dealfsm_value){.struct_size = sizeof *values, .kind = DEALFSM_CID, MESSAGE};
        return 2;
    case DEALFSM_OpAllocateLane:
        values[0].kind = DEALFSM_U64;
        values[0].number = 5;
        return 1;
    case DEALFSM_OpCreatePaymentVoucher:
        values[0].kind = DEALFSM_BYTES;
        values[0].data_len = (uint64_t)snprintf((char *)bytes, KIT_VALUE, "voucher %" PRIu64, op->sequence);
        return 1;
    case DEALFSM_OpCheckAvailableFunds:
        return fill_funds(&k->funds, values, bytes);
    case DEALFSM_OpWaitForPaymentChannelCreation:
    case DEALFSM_OpWaitForPaymentChannelReady:
        values[0].kind = DEALFSM_ADDRESS;
        values[0].data = (const uint8_t *)address;
        values[0].data_len = 2;
        return 1;
    default:
        return 0;
    }
}

int32_t kit_complete(kit *k, const kit_op *op, char letter)
{
    static const char text[] = "no";
    uint8_t bytes[KIT_VALUE];
    dealfsm_value values[5];
    uint64_t missing = 0;
    dealfsm_answer answer = {.struct_size = sizeof answer,
                             .op = op->op,
                             .deal = op->deal,
                             .sequence = op->sequence,
                             .nth = op->nth,
                             .outcome = DEALFSM_ANSWER_OK,
                             .values_stride = sizeof *values};
    pthread_mutex_lock(&k->mutex);
    if (letter == 'u' || letter == 'c')
        answer.outcome = letter == 'u' ? DEALFSM_ANSWER_UNKNOWN : DEALFSM_ANSWER_CONFLICT;
    else if (letter == 'e')
        answer.outcome = DEALFSM_ANSWER_ERROR;
    else if (k->decide)
        answer.outcome = k->decide(k, op, &missing);
    if (answer.outcome == DEALFSM_ANSWER_ERROR) {
        answer.text = text;
        answer.text_len = 2;
    } else if (answer.outcome == DEALFSM_ANSWER_SHORTFALL) {
        answer.values = values;
        answer.values_count = 1;
        values[0] = amount_value(missing, bytes);
    } else if (answer.outcome == DEALFSM_ANSWER_OK) {
        answer.values = values;
        answer.values_count = fill_values(k, op, values, bytes);
    }
    pthread_mutex_unlock(&k->mutex);
    return k->f->complete(k->machine, &answer, NULL);
}

int32_t kit_answer(kit *k, uint64_t deal, char letter)
{
    pthread_mutex_lock(&k->mutex);
    uint32_t i = 0;
    while (i < k->waiting_count && k->waiting[i].deal != deal)
        i++;
    MUST_SAY(i < k->waiting_count, "no op of deal %" PRIu64 " waits", deal);
    kit_op op = k->waiting[i];
    k->waiting_count--;
    memmove(&k->waiting[i], &k->waiting[i + 1], (k->waiting_count - i) * sizeof *k->waiting);
    pthread_mutex_unlock(&k->mutex);
    int32_t code = kit_complete(k, &op, letter);
    pthread_mutex_lock(&k->mutex);
    if (code == DEALFSM_E_FROZEN)
        kit_wait(k, &op);
    pthread_mutex_unlock(&k->mutex);
    return code;
}
