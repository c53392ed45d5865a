/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef PLUGIN_LAYOUT_FIELDS_H
#define PLUGIN_LAYOUT_FIELDS_H

/* The words in which a layout is written. PLAIN(field) stands in an array, KEYED(field) in a map, behind its key. */

#include "layout.h"

#define PLAIN(field) LAYOUT_ROW(false, FIELD_##field)
#define KEYED(field) LAYOUT_ROW(true, FIELD_##field)
#define ARRAY(n) {.kind = LAYOUT_ARRAY, .count = n, .presence = NO_PRESENCE}
#define MAP(n, group_key) {.kind = LAYOUT_MAP, .count = n, .presence = NO_PRESENCE, .key = group_key}
/* A group that has a flag in the record: there, or none. */
#define GROUP(group_kind, n, group_key, field_name, flag) \
    {.kind = group_kind, .count = n, .presence = offsetof(fsm_record, flag), \
     .abi_presence = offsetof(dealfsm_record, flag), .key = group_key, .name = field_name}
#define STORE_ID(field_key) \
    {.kind = LAYOUT_OPTIONAL_U64, .at = offsetof(fsm_record, store_id), .presence = offsetof(fsm_record, has_store_id), \
     .abi_at = offsetof(dealfsm_record, store_id), .abi_presence = offsetof(dealfsm_record, has_store_id), \
     .key = field_key, .name = "store_id", .stored = "StoreID", .unit = ""}

/* Fields: kind, member of fsm_record, member of dealfsm_record, the vectors' name, the reference's name (path, word), unit. */
#define FIELD_payload_cid LAYOUT_CID, payload_cid, payload_cid, "payload_cid", "DealProposal.", "PayloadCID", ""
#define FIELD_id LAYOUT_U64, id, id, "id", "DealProposal.", "ID", ""
#define FIELD_selector LAYOUT_SELECTOR, selector, selector, "selector", "DealProposal.Params.", "Selector", ""
#define FIELD_piece_cid LAYOUT_OPTIONAL_CID, piece_cid, piece_cid, "piece_cid", "DealProposal.Params.", "PieceCID", ""
#define FIELD_price_per_byte LAYOUT_AMOUNT, price_per_byte, price_per_byte, "price_per_byte", "DealProposal.Params.", "PricePerByte", "attoFIL"
#define FIELD_payment_interval LAYOUT_U64, payment_interval, payment_interval, "payment_interval", "DealProposal.Params.", "PaymentInterval", "bytes"
#define FIELD_payment_interval_increase LAYOUT_U64, payment_interval_increase, payment_interval_increase, "payment_interval_increase", "DealProposal.Params.", "PaymentIntervalIncrease", "bytes"
#define FIELD_unseal_price LAYOUT_AMOUNT, unseal_price, unseal_price, "unseal_price", "DealProposal.Params.", "UnsealPrice", "attoFIL"
#define FIELD_channel_initiator LAYOUT_PEER, channel.initiator, channel_initiator, "channel.initiator", "ChannelID.", "Initiator", ""
#define FIELD_channel_responder LAYOUT_PEER, channel.responder, channel_responder, "channel.responder", "ChannelID.", "Responder", ""
#define FIELD_channel_id LAYOUT_U64, channel.id, channel_id, "channel.id", "ChannelID.", "ID", ""
#define FIELD_last_payment_requested LAYOUT_FLAG, last_payment_requested, last_payment_requested, "last_payment_requested", "", "LastPaymentRequested", ""
#define FIELD_all_blocks_received LAYOUT_FLAG, all_blocks_received, all_blocks_received, "all_blocks_received", "", "AllBlocksReceived", ""
#define FIELD_total_funds LAYOUT_AMOUNT, total_funds, total_funds, "total_funds", "", "TotalFunds", "attoFIL"
#define FIELD_client_wallet LAYOUT_ADDRESS, client_wallet, client_wallet, "client_wallet", "", "ClientWallet", ""
#define FIELD_miner_wallet LAYOUT_ADDRESS, miner_wallet, miner_wallet, "miner_wallet", "", "MinerWallet", ""
#define FIELD_pay_ch LAYOUT_ADDRESS, pay_ch, pay_ch, "payment_info.pay_ch", "PaymentInfo.", "PayCh", ""
#define FIELD_lane LAYOUT_U64, lane, lane, "payment_info.lane", "PaymentInfo.", "Lane", ""
#define FIELD_status LAYOUT_STATUS, status, status, "status", "", "Status", ""
#define FIELD_sender LAYOUT_PEER, sender, sender, "sender", "", "Sender", ""
#define FIELD_total_received LAYOUT_U64, total_received, total_received, "total_received", "", "TotalReceived", "bytes"
#define FIELD_message LAYOUT_TEXT, message, message, "message", "", "Message", ""
#define FIELD_bytes_paid_for LAYOUT_U64, bytes_paid_for, bytes_paid_for, "bytes_paid_for", "", "BytesPaidFor", "bytes"
#define FIELD_current_interval LAYOUT_U64, current_interval, current_interval, "current_interval", "", "CurrentInterval", "bytes"
#define FIELD_payment_requested LAYOUT_AMOUNT, payment_requested, payment_requested, "payment_requested", "", "PaymentRequested", "attoFIL"
#define FIELD_funds_spent LAYOUT_AMOUNT, funds_spent, funds_spent, "funds_spent", "", "FundsSpent", "attoFIL"
#define FIELD_unseal_funds_paid LAYOUT_AMOUNT, unseal_funds_paid, unseal_funds_paid, "unseal_funds_paid", "", "UnsealFundsPaid", "attoFIL"
#define FIELD_wait_msg_cid LAYOUT_OPTIONAL_CID, wait_msg_cid, wait_msg_cid, "wait_msg_cid", "", "WaitMsgCID", ""
#define FIELD_voucher_shortfall LAYOUT_AMOUNT, voucher_shortfall, voucher_shortfall, "voucher_shortfall", "", "VoucherShortfall", "attoFIL"
#define FIELD_legacy_protocol LAYOUT_FLAG, legacy_protocol, legacy_protocol, "legacy_protocol", "", "LegacyProtocol", ""

#define LAYOUT_ROW(keyed, ...) LAYOUT_ROW_OF(keyed, __VA_ARGS__)
#define LAYOUT_ROW_OF(keyed, field_kind, member, abi_member, field_name, path, word, field_unit) \
    {.kind = field_kind, .at = offsetof(fsm_record, member), .presence = NO_PRESENCE, \
     .abi_at = offsetof(dealfsm_record, abi_member), .key = keyed ? word : NULL, .name = field_name, .stored = path word, \
     .unit = field_unit}

#endif
