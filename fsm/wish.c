/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "wish.h"

#include "text.h"

void fsm_raise(fsm_next *next, uint32_t event)
{
    next->wish = FSM_RAISE;
    next->number = event;
    next->count = 0;
}

void fsm_ask(fsm_next *next, uint32_t op)
{
    next->wish = FSM_ASK;
    next->number = op;
    next->count = 0;
}

void fsm_with(fsm_next *next, fsm_value value)
{
    next->args[next->count++] = value;
}

void fsm_with_bytes(fsm_next *next, fsm_kind kind, fsm_bytes bytes)
{
    fsm_with(next, (fsm_value){.kind = kind, .bytes = bytes});
}

void fsm_with_optional(fsm_next *next, fsm_kind kind, fsm_bytes bytes)
{
    fsm_with_bytes(next, bytes.data != NULL ? kind : FSM_NONE, bytes);
}

void fsm_with_number(fsm_next *next, fsm_kind kind, uint64_t number)
{
    fsm_with(next, (fsm_value){.kind = kind, .number = number});
}

void fsm_with_channel(fsm_next *next, const fsm_channel *channel)
{
    fsm_with(next, (fsm_value){ARG_CHANNEL, channel->id, channel->initiator, channel->responder});
}

void fsm_raise_error(fsm_next *next, uint32_t event, fsm_bytes text)
{
    fsm_raise(next, event);
    fsm_with_bytes(next, ARG_ERROR, text);
}

fsm_bytes fsm_decimal_text(const fsm_amount *amount, char *buffer)
{
    return (fsm_bytes){(const uint8_t *)buffer, fsm_amount_decimal(amount, buffer)};
}

/* The text of an answer's error. A shortfall has the text that the reference gives it (spec page v1.0.9,
 * "Environment"). */
static fsm_bytes error_text(const fsm_answer *answer, fsm_scratch *scratch)
{
    if (!answer->shortfall)
        return fsm_or_empty(answer->error);
    fsm_amount missing;
    char digits[FSM_AMOUNT_DECIMAL_MAX];
    fsm_amount_load(&missing, answer->values[0].bytes);
    const fsm_bytes parts[] = {fsm_text("Inssufficient Funds. Shortfall: "), fsm_decimal_text(&missing, digits)};
    return fsm_text_join(scratch->text[1], parts, 2);
}

bool fsm_failed(const fsm_answer *answer, const char *nonsense, uint32_t event, fsm_scratch *scratch, fsm_next *next)
{
    if (!answer->ok)
        fsm_raise_error(next, event, error_text(answer, scratch));
    else if (nonsense != NULL)
        fsm_raise_error(next, event, fsm_text(nonsense));
    return !answer->ok || nonsense != NULL;
}
