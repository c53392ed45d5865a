/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef FSM_HANDLER_PARTS_H
#define FSM_HANDLER_PARTS_H

/* What the handlers of several versions have in common. Functions named `ask` set the wish to an op with the values of
 * the record; who gives it an argument more does so with fsm_with... behind them. */

#include "handlers.h"

/* No value, or an empty one. */
bool fsm_is_undefined(const fsm_value *value);

void fsm_ask_open_data_transfer(const fsm_record *record, fsm_next *next);
/* Raises DealProposed with the answer to it, or what its error leads to. */
void fsm_raise_deal_proposed(const fsm_answer *answer, fsm_scratch *scratch, fsm_next *next);

/* GetChainHead, then GetOrCreatePaymentChannel. False: both were answered, the first without error. */
bool fsm_ask_payment_channel(const fsm_record *record, const fsm_answer *answers, uint32_t answered,
                             fsm_scratch *scratch, fsm_next *next);
/* SetupPaymentChannelStart up to v1.0.9, with the version's addresses. */
void fsm_setup_payment_channel_start(const fsm_record *record, const fsm_answer *answers, uint32_t answered,
                                     fsm_scratch *scratch, fsm_next *next, const fsm_address_rule *rule);
/* WaitPaymentChannelReady, with the version's addresses, and the event for what the record lacks and for an answer that
 * makes no sense. */
void fsm_wait_payment_channel_ready(const fsm_record *record, const fsm_answer *answers, uint32_t answered,
                                    fsm_scratch *scratch, fsm_next *next, const fsm_address_rule *rule,
                                    uint32_t nonsense_event);
void fsm_ask_allocate_lane(fsm_bytes address, fsm_next *next);

/* UnsealPrice is above UnsealFundsPaid. */
bool fsm_unsealing_is_due(const fsm_record *record);
/* PaymentRequested is above what the bytes received and the unsealing are worth and not paid yet. */
bool fsm_is_too_much(const fsm_record *record, const fsm_amount *requested);
void fsm_ask_create_voucher(const fsm_record *record, const fsm_amount *cumulative, const fsm_value *token,
                            fsm_scratch *scratch, fsm_next *next);
void fsm_ask_send_voucher(const fsm_record *record, const fsm_value *voucher, fsm_next *next);
/* From v1.0.9 on. Raises CreateVoucherFailed if the amount is more than can be stored (difference 3 of v1.0.9, 2 of
 * v1.28.3) or PaymentInfo is missing; false: neither. */
bool fsm_voucher_impossible(const fsm_record *record, const fsm_amount *cumulative, fsm_next *next);
/* From v1.0.9 on. A shortfall raises VoucherShortfall, another error CreateVoucherFailed; false: there is a voucher. */
bool fsm_voucher_failed(const fsm_answer *answer, fsm_scratch *scratch, fsm_next *next);

#endif
