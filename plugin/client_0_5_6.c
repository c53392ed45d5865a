/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* client 0.5.6 at the border. Stored bytes: one array of 19, as the spec page v0.5.6 has it under "Stored bytes". */
#include "layout_fields.h"
#include "version.h"

static const layout_item items[] = {
    ARRAY(19),
    ARRAY(3),
    PLAIN(payload_cid),
    PLAIN(id),
    ARRAY(6),
    PLAIN(selector),
    PLAIN(piece_cid),
    PLAIN(price_per_byte),
    PLAIN(payment_interval),
    PLAIN(payment_interval_increase),
    PLAIN(unseal_price),
    STORE_ID(NULL),
    GROUP(LAYOUT_ARRAY, 3, NULL, "channel", has_channel),
    PLAIN(channel_initiator),
    PLAIN(channel_responder),
    PLAIN(channel_id),
    PLAIN(last_payment_requested),
    PLAIN(all_blocks_received),
    PLAIN(total_funds),
    PLAIN(client_wallet),
    PLAIN(miner_wallet),
    GROUP(LAYOUT_OPTIONAL_ARRAY, 2, NULL, "payment_info", has_payment_info),
    PLAIN(pay_ch),
    PLAIN(lane),
    PLAIN(status),
    PLAIN(sender),
    PLAIN(total_received),
    PLAIN(message),
    PLAIN(bytes_paid_for),
    PLAIN(current_interval),
    PLAIN(payment_requested),
    PLAIN(funds_spent),
    PLAIN(unseal_funds_paid),
    PLAIN(wait_msg_cid),
};

static const record_layout layout = {items, sizeof items / sizeof *items, &fsm_client_0_5_6.addresses, false, NULL};

const version version_client_0_5_6 = {.machine = &fsm_client_0_5_6, .layout = &layout};
