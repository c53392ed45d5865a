/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef FSM_HANDLERS_H
#define FSM_HANDLERS_H

/* Entry handlers; shared by the versions. A rule that a version changes is a new function with its tag as suffix.
 * Contract: fsm_handler_fn in machine.h. Source: spec pages, "Entry handlers"; the differences are numbered as
 * on page v0.5.6 unless another is named.
 *
 * In all of them: an answer that makes no sense counts as an error of that call (difference 5), and what the record
 * must hold is looked for before anything is asked (difference 6). */

#include "machine.h"

fsm_handler_fn fsm_propose_deal;
fsm_handler_fn fsm_setup_payment_channel_start_0_5_6;
fsm_handler_fn fsm_wait_for_payment_channel_create;
fsm_handler_fn fsm_wait_for_payment_channel_add_funds;
fsm_handler_fn fsm_ongoing;
fsm_handler_fn fsm_process_payment_requested;
fsm_handler_fn fsm_send_funds_0_5_6;
fsm_handler_fn fsm_cancel_deal;

/* v1.0.9 */
fsm_handler_fn fsm_propose_deal_1_0_9;
fsm_handler_fn fsm_setup_payment_channel_start_1_0_9;
fsm_handler_fn fsm_wait_payment_channel_ready_1_0_9;
fsm_handler_fn fsm_allocate_lane;
fsm_handler_fn fsm_send_funds_1_0_9;
fsm_handler_fn fsm_check_funds;
fsm_handler_fn fsm_check_complete_1_0_9;

/* v1.28.3 */
fsm_handler_fn fsm_setup_payment_channel_start_1_28_3;
fsm_handler_fn fsm_wait_payment_channel_ready_1_28_3;
fsm_handler_fn fsm_process_payment_requested_1_28_3;
fsm_handler_fn fsm_send_funds_1_28_3;
fsm_handler_fn fsm_cancel_deal_1_28_3;
fsm_handler_fn fsm_check_complete_1_28_3;
fsm_handler_fn fsm_finalize_blockstore;
fsm_handler_fn fsm_failsafe_finalize_blockstore;

#endif
