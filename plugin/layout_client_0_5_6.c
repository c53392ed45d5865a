/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Stored bytes of client 0.5.6: one array of 19, as the spec page v0.5.6 has it under "Stored bytes". */
#include "layout.h"

#define FIELD(item_kind, member, abi_member, field_name, stored_name, field_unit)                                      \
    {                                                                                                                  \
        .kind = item_kind, .at = offsetof(fsm_record, member), .presence = NO_PRESENCE,                                \
        .abi_at = offsetof(dealfsm_record, abi_member), .name = field_name, .stored = stored_name, .unit = field_unit  \
    }
#define PLAIN(item_kind, member, stored_name, field_unit)                                                              \
    FIELD(item_kind, member, member, #member, stored_name, field_unit)
#define ARRAY(n)                                                                                                       \
    {                                                                                                                  \
        .kind = LAYOUT_ARRAY, .count = n, .presence = NO_PRESENCE                                                      \
    }

static const layout_item items[] = {
    ARRAY(19),
    ARRAY(3),
    PLAIN(LAYOUT_CID, payload_cid, "DealProposal.PayloadCID", ""),
    PLAIN(LAYOUT_U64, id, "DealProposal.ID", ""),
    ARRAY(6),
    PLAIN(LAYOUT_SELECTOR, selector, "DealProposal.Params.Selector", ""),
    PLAIN(LAYOUT_OPTIONAL_CID, piece_cid, "DealProposal.Params.PieceCID", ""),
    PLAIN(LAYOUT_AMOUNT, price_per_byte, "DealProposal.Params.PricePerByte", "attoFIL"),
    PLAIN(LAYOUT_U64, payment_interval, "DealProposal.Params.PaymentInterval", "bytes"),
    PLAIN(LAYOUT_U64, payment_interval_increase, "DealProposal.Params.PaymentIntervalIncrease", "bytes"),
    PLAIN(LAYOUT_AMOUNT, unseal_price, "DealProposal.Params.UnsealPrice", "attoFIL"),
    {.kind = LAYOUT_OPTIONAL_U64,
     .at = offsetof(fsm_record, store_id),
     .presence = offsetof(fsm_record, has_store_id),
     .abi_at = offsetof(dealfsm_record, store_id),
     .abi_presence = offsetof(dealfsm_record, has_store_id),
     .name = "store_id",
     .stored = "StoreID",
     .unit = ""},
    {.kind = LAYOUT_ARRAY,
     .count = 3,
     .presence = offsetof(fsm_record, has_channel),
     .abi_presence = offsetof(dealfsm_record, has_channel),
     .name = "channel"},
    FIELD(LAYOUT_PEER, channel.initiator, channel_initiator, "channel.initiator", "ChannelID.Initiator", ""),
    FIELD(LAYOUT_PEER, channel.responder, channel_responder, "channel.responder", "ChannelID.Responder", ""),
    FIELD(LAYOUT_U64, channel.id, channel_id, "channel.id", "ChannelID.ID", ""),
    PLAIN(LAYOUT_FLAG, last_payment_requested, "LastPaymentRequested", ""),
    PLAIN(LAYOUT_FLAG, all_blocks_received, "AllBlocksReceived", ""),
    PLAIN(LAYOUT_AMOUNT, total_funds, "TotalFunds", "attoFIL"),
    PLAIN(LAYOUT_ADDRESS, client_wallet, "ClientWallet", ""),
    PLAIN(LAYOUT_ADDRESS, miner_wallet, "MinerWallet", ""),
    {.kind = LAYOUT_OPTIONAL_ARRAY,
     .count = 2,
     .presence = offsetof(fsm_record, has_payment_info),
     .abi_presence = offsetof(dealfsm_record, has_payment_info)},
    FIELD(LAYOUT_ADDRESS, pay_ch, pay_ch, "payment_info.pay_ch", "PaymentInfo.PayCh", ""),
    FIELD(LAYOUT_U64, lane, lane, "payment_info.lane", "PaymentInfo.Lane", ""),
    PLAIN(LAYOUT_STATUS, status, "Status", ""),
    PLAIN(LAYOUT_PEER, sender, "Sender", ""),
    PLAIN(LAYOUT_U64, total_received, "TotalReceived", "bytes"),
    PLAIN(LAYOUT_TEXT, message, "Message", ""),
    PLAIN(LAYOUT_U64, bytes_paid_for, "BytesPaidFor", "bytes"),
    PLAIN(LAYOUT_U64, current_interval, "CurrentInterval", "bytes"),
    PLAIN(LAYOUT_AMOUNT, payment_requested, "PaymentRequested", "attoFIL"),
    PLAIN(LAYOUT_AMOUNT, funds_spent, "FundsSpent", "attoFIL"),
    PLAIN(LAYOUT_AMOUNT, unseal_funds_paid, "UnsealFundsPaid", "attoFIL"),
    PLAIN(LAYOUT_OPTIONAL_CID, wait_msg_cid, "WaitMsgCID", ""),
};

const record_layout layout_client_0_5_6 = {items, sizeof items / sizeof *items};
