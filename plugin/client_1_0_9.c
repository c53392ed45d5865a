/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* client 1.0.9 at the border. Stored bytes: one map of 21, as the spec page v1.0.9 has it under "Record and stored bytes". */
#include "layout_fields.h"
#include "version.h"

static const layout_item items[] = {
    MAP(21, NULL),
    MAP(3, "DealProposal"),
    KEYED(payload_cid),
    KEYED(id),
    MAP(6, "Params"),
    KEYED(selector),
    KEYED(piece_cid),
    KEYED(price_per_byte),
    KEYED(payment_interval),
    KEYED(payment_interval_increase),
    KEYED(unseal_price),
    STORE_ID("StoreID"),
    GROUP(LAYOUT_ARRAY, 3, "ChannelID", "channel", has_channel),
    PLAIN(channel_initiator),
    PLAIN(channel_responder),
    PLAIN(channel_id),
    KEYED(last_payment_requested),
    KEYED(all_blocks_received),
    KEYED(total_funds),
    KEYED(client_wallet),
    KEYED(miner_wallet),
    GROUP(LAYOUT_OPTIONAL_MAP, 2, "PaymentInfo", "payment_info", has_payment_info),
    KEYED(pay_ch),
    KEYED(lane),
    KEYED(status),
    KEYED(sender),
    KEYED(total_received),
    KEYED(message),
    KEYED(bytes_paid_for),
    KEYED(current_interval),
    KEYED(payment_requested),
    KEYED(funds_spent),
    KEYED(unseal_funds_paid),
    KEYED(wait_msg_cid),
    KEYED(voucher_shortfall),
    KEYED(legacy_protocol),
};

static const record_layout layout = {items, sizeof items / sizeof *items, &fsm_client_1_0_9.addresses, false, NULL};

const version version_client_1_0_9 = {.machine = &fsm_client_1_0_9,
                                      .layout = &layout,
                                      .before = &version_client_0_5_6,
                                      .up = fsm_move_0_5_6_to_1_0_9,
                                      .down = fsm_move_1_0_9_to_0_5_6};
