/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

/* Whether a value is of a kind and well formed. An undefined CID or address (no bytes) passes. */
static bool is_value(const fsm_machine *machine, const fsm_value *value, uint8_t kind)
{
    if (value->kind != (fsm_kind)kind)
        return false;
    switch (value->kind) {
    case ARG_AMOUNT:
        return fsm_amount_well_formed(value->bytes, FSM_AMOUNT_INPUT_MAX);
    case ARG_CID:
        return value->bytes.size == 0 || fsm_cid_well_formed(value->bytes, &machine->addresses);
    case ARG_ADDRESS:
        return value->bytes.size == 0 || fsm_address_well_formed(value->bytes, &machine->addresses);
    default:
        return true;
    }
}

fsm_check fsm_check_event(const fsm_machine *machine, uint32_t event, const fsm_value *args, uint32_t count,
                          uint32_t *bad_argument)
{
    if (event >= machine->events_count || machine->events[event].line == 0)
        return FSM_UNKNOWN_EVENT;
    const fsm_event *row = &machine->events[event];
    if (count != row->args_count)
        return FSM_ARGUMENT_COUNT;
    for (uint32_t i = 0; i < count; i++) {
        if (!is_value(machine, &args[i], row->args[i])) {
            *bad_argument = i;
            return FSM_ARGUMENT_TYPE;
        }
    }
    return FSM_CHECK_OK;
}

/* As is_value, but CIDs and addresses may be malformed: that is an answer that makes no sense, for the handler to
 * see. */
static bool is_answered(const fsm_machine *machine, const fsm_value *value, uint8_t kind)
{
    if ((kind & FSM_OPTIONAL) != 0 && value->kind == FSM_NONE)
        return true;
    fsm_kind plain = (fsm_kind)(kind & ~FSM_OPTIONAL);
    if (plain == ARG_CID || plain == ARG_ADDRESS)
        return value->kind == plain;
    return is_value(machine, value, (uint8_t)plain);
}

bool fsm_check_answer(const fsm_machine *machine, uint32_t op, const fsm_answer *answer)
{
    if (op >= machine->ops_count || machine->ops[op].name == NULL)
        return false;
    if (answer->shortfall)
        return !answer->ok && op == OpCreatePaymentVoucher && answer->count == 1 &&
               is_answered(machine, &answer->values[0], ARG_AMOUNT);
    if (!answer->ok)
        return true;
    const fsm_op *row = &machine->ops[op];
    if (answer->count != row->values_count)
        return false;
    for (uint32_t i = 0; i < answer->count; i++) {
        if (!is_answered(machine, &answer->values[i], row->values[i]))
            return false;
    }
    return true;
}
