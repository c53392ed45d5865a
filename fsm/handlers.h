/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef FSM_HANDLERS_H
#define FSM_HANDLERS_H

/* Entry handlers; shared by the versions. A rule that a version changes is a new function with its tag as suffix.
 * Contract: fsm_handler_fn in machine.h. Source: spec page v0.5.6, "Entry handlers"; the differences are numbered as
 * there.
 *
 * In all of them: an answer that makes no sense counts as an error of that call (difference 5), and what the record
 * must hold is looked for before anything is asked (difference 6). */

#include "machine.h"

fsm_handler_fn fsm_propose_deal_0_5_6;
fsm_handler_fn fsm_setup_payment_channel_start;
fsm_handler_fn fsm_wait_for_payment_channel_create;
fsm_handler_fn fsm_wait_for_payment_channel_add_funds;
fsm_handler_fn fsm_ongoing;
fsm_handler_fn fsm_process_payment_requested;
fsm_handler_fn fsm_send_funds_0_5_6;
fsm_handler_fn fsm_cancel_deal;

#endif
