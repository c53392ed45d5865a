/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "text.h"

#include <string.h>

fsm_bytes fsm_text(const char *text)
{
    return (fsm_bytes){(const uint8_t *)text, (uint32_t)strlen(text)};
}

static bool is_continuation(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

/* Bytes of the well-formed UTF-8 sequence at the start of [bytes, bytes + left), 0 if there is none. Source: The
 * Unicode Standard, table 3-7. */
static uint32_t sequence_length(const uint8_t *bytes, uint32_t left)
{
    uint8_t lead = bytes[0];
    uint32_t length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    if (length > left)
        return 0;
    for (uint32_t i = 1; i < length; i++) {
        if (!is_continuation(bytes[i]))
            return 0;
    }
    if ((lead == 0xe0 && bytes[1] < 0xa0) || (lead == 0xed && bytes[1] > 0x9f))
        return 0;
    if ((lead == 0xf0 && bytes[1] < 0x90) || (lead == 0xf4 && bytes[1] > 0x8f))
        return 0;
    return length;
}

/* Difference 4: a text of more than FSM_TEXT_MAX bytes is cut there; if that would split a well-formed UTF-8
 * sequence, before that sequence. */
static fsm_bytes cut(fsm_bytes text)
{
    if (text.size <= FSM_TEXT_MAX)
        return text;
    uint32_t start = FSM_TEXT_MAX;
    while (is_continuation(text.data[start]) && FSM_TEXT_MAX - start < FSM_TEXT_OVERHANG)
        start--;
    bool split = start + sequence_length(text.data + start, text.size - start) > FSM_TEXT_MAX;
    text.size = split ? start : FSM_TEXT_MAX;
    return text;
}

fsm_bytes fsm_text_join(char *buffer, const fsm_bytes *parts, uint32_t count)
{
    uint32_t size = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t room = FSM_TEXT_MAX + FSM_TEXT_OVERHANG - size;
        uint32_t part = parts[i].size < room ? parts[i].size : room;
        if (part > 0)
            memcpy(buffer + size, parts[i].data, part);
        size += part;
    }
    return cut((fsm_bytes){(const uint8_t *)buffer, size});
}
