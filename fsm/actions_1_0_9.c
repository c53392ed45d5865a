/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* Actions that client 1.0.9 adds or changes. Source: spec page v1.0.9, "Actions". */

#include "actions.h"
#include "text.h"
#include "wish.h"

/* ---- Messages */

bool fsm_payment_channel_errored_1_0_9(fsm_record *after, const fsm_value *args, fsm_scratch *scratch, const char **why)
{
    (void)why;
    return fsm_set_prefixed(after, scratch, "error from payment channel: ", &args[0]);
}

bool fsm_deal_rejected_1_0_9(fsm_record *after, const fsm_value *args, fsm_scratch *scratch, const char **why)
{
    after->legacy_protocol = true;
    return fsm_deal_rejected(after, args, scratch, why);
}

bool fsm_funds_expended_1_0_9(fsm_record *after, const fsm_value *args, fsm_scratch *scratch, const char **why)
{
    (void)why;
    fsm_amount shortfall;
    char digits[FSM_AMOUNT_DECIMAL_MAX];
    fsm_amount_load(&shortfall, args[0].bytes);
    const fsm_bytes parts[] = {fsm_text("not enough current or pending funds in payment channel, shortfall of "),
                               fsm_decimal_text(&shortfall, digits)};
    fsm_set_message(after, scratch, parts, 2);
    return true;
}

bool fsm_early_termination(fsm_record *after, const fsm_value *args, fsm_scratch *scratch, const char **why)
{
    (void)args;
    (void)scratch;
    (void)why;
    after->message = fsm_text("Provider sent complete status without sending all data");
    return true;
}

bool fsm_cancel_1_0_9(fsm_record *after, const fsm_value *args, fsm_scratch *scratch, const char **why)
{
    (void)args;
    (void)scratch;
    (void)why;
    after->message = fsm_text("Retrieval Cancelled");
    return true;
}

bool fsm_provider_cancelled_1_0_9(fsm_record *after, const fsm_value *args, fsm_scratch *scratch, const char **why)
{
    (void)args;
    (void)scratch;
    (void)why;
    if (after->status != DealStatusFailing && after->status != DealStatusCancelling)
        after->message = fsm_text("Provider cancelled retrieval due to error");
    return true;
}

/* ---- Channels. Difference 5: what could not be stored is refused. */

bool fsm_set_channel_1_0_9(fsm_record *after, const fsm_value *args, fsm_scratch *scratch, const char **why)
{
    after->message = fsm_empty();
    return fsm_set_channel(after, args, scratch, why);
}

static bool store_payment_channel_once(fsm_record *after, fsm_bytes address, const char **why)
{
    return after->has_payment_info || fsm_store_payment_info(after, address, 0, why);
}

bool fsm_set_wait_message_and_channel_1_0_9(fsm_record *after, const fsm_value *args, fsm_scratch *scratch,
                                            const char **why)
{
    return fsm_set_wait_message(after, args, scratch, why) && store_payment_channel_once(after, args[1].bytes, why);
}

bool fsm_payment_channel_ready(fsm_record *after, const fsm_value *args, fsm_scratch *scratch, const char **why)
{
    (void)scratch;
    after->wait_msg_cid = (fsm_bytes){NULL, 0};
    after->message = fsm_empty();
    return store_payment_channel_once(after, args[0].bytes, why);
}

bool fsm_set_lane(fsm_record *after, const fsm_value *args, fsm_scratch *scratch, const char **why)
{
    (void)scratch;
    if (!after->has_payment_info) {
        *why = "expected a payment channel that the lane belongs to, found no PaymentInfo in the record";
        return false;
    }
    after->lane = args[0].number;
    return true;
}
