/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* Actions that client 1.28.3 adds or changes. Source: spec page v1.28.3, "Actions". */

#include "actions.h"
#include "text.h"

/* ---- Messages */

bool fsm_finalize_blockstore_errored(fsm_record *after, const fsm_value *args, fsm_scratch *scratch, const char **why)
{
    (void)why;
    return fsm_set_prefixed(after, scratch, "finalizing blockstore: ", &args[0]);
}

bool fsm_cancel_1_28_3(fsm_record *after, const fsm_value *args, fsm_scratch *scratch, const char **why)
{
    (void)args;
    (void)scratch;
    (void)why;
    after->message = fsm_text("Client cancelled retrieval");
    return true;
}

bool fsm_provider_cancelled_1_28_3(fsm_record *after, const fsm_value *args, fsm_scratch *scratch, const char **why)
{
    (void)args;
    (void)scratch;
    (void)why;
    if (after->status != DealStatusFailing && after->status != DealStatusCancelling)
        after->message = fsm_text("Provider cancelled retrieval");
    return true;
}

/* ---- The next payment */

/* *sum += a * b; false: not below 2^64. */
static bool add_product(uint64_t *sum, uint64_t a, uint64_t b)
{
    if (b != 0 && a > UINT64_MAX / b)
        return false;
    uint64_t product = a * b;
    if (product > UINT64_MAX - *sum)
        return false;
    *sum += product;
    return true;
}

/* S(n) = n * interval + n(n-1)/2 * increase; false: not below 2^64. */
static bool sum_of_intervals(uint64_t n, uint64_t interval, uint64_t increase, uint64_t *sum)
{
    *sum = 0;
    uint64_t pairs = 0;
    if (!add_product(sum, n, interval))
        return false;
    if (increase == 0 || n == 0)
        return true;
    return (n % 2 == 0 ? add_product(&pairs, n / 2, n - 1) : add_product(&pairs, n, (n - 1) / 2)) &&
           add_product(sum, pairs, increase);
}

uint64_t fsm_next_interval(uint64_t offset, uint64_t interval, uint64_t increase)
{
    if (interval == 0 && increase == 0)
        return offset;
    /* S(low) is not above offset; S(high) is, or is as good as 2^64 - 1. */
    uint64_t low = 0, high = UINT64_MAX, sum;
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (sum_of_intervals(middle, interval, increase, &sum) && sum <= offset)
            low = middle;
        else
            high = middle;
    }
    return sum_of_intervals(high, interval, increase, &sum) ? sum : UINT64_MAX;
}

/* ---- PaymentSent */

/* Counts the bytes that were paid for, once unsealing is paid in full. */
static bool count_bytes(fsm_record *after, const fsm_amount *spent, const fsm_amount *unseal_price, const char **why)
{
    fsm_amount price, for_bytes;
    fsm_amount_load(&price, after->price_per_byte);
    if (price.used == 0)
        return true;
    uint64_t bytes;
    if (!fsm_amount_sub(&for_bytes, spent, unseal_price) || !fsm_amount_div_u64(&bytes, &for_bytes, &price)) {
        *why = "expected a payment for 0 to 2^64 - 1 bytes, found one for more, or a negative price per byte";
        return false;
    }
    after->bytes_paid_for = bytes;
    if (bytes >= after->current_interval)
        after->current_interval =
            fsm_next_interval(after->current_interval, after->payment_interval, after->payment_interval_increase);
    return true;
}

bool fsm_count_payment_1_28_3(fsm_record *after, const fsm_value *args, fsm_scratch *scratch, const char **why)
{
    fsm_amount requested, spent, spent_before, unseal_price;
    fsm_amount_load(&requested, after->payment_requested);
    fsm_amount_load(&spent, args[0].bytes);
    fsm_amount_load(&spent_before, after->funds_spent);
    fsm_amount_load(&unseal_price, after->unseal_price);
    bool fits = fsm_amount_sub(&requested, &requested, &spent) &&
                fsm_amount_add(&requested, &requested, &spent_before) &&
                fsm_amount_store(&requested, FSM_AMOUNT_STORED_MAX, scratch->amount[0], &after->payment_requested) &&
                fsm_amount_store(&spent, FSM_AMOUNT_STORED_MAX, scratch->amount[1], &after->funds_spent);
    if (!fits) {
        *why = "expected FundsSpent and PaymentRequested to stay within 127 bytes, found more with this payment: they "
               "cannot be stored";
        return false;
    }
    if (fsm_amount_cmp(&unseal_price, &spent) >= 0) {
        after->unseal_funds_paid = after->funds_spent;
        return true;
    }
    after->unseal_funds_paid = after->unseal_price;
    return count_bytes(after, &spent, &unseal_price, why);
}
