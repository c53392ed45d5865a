/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "machine.h"

#define EVENT_NAME(number, word) [number] = "ClientEvent" #word,
static const char *const event_names[] = {FSM_EVENTS(EVENT_NAME)};

#define STATUS_NAME(number, word) [number] = "DealStatus" #word,
static const char *const status_names[] = {FSM_STATUSES(STATUS_NAME)};


const char *fsm_event_name(uint32_t event)
{
    return event < FSM_EVENT_COUNT ? event_names[event] : "";
}

const char *fsm_status_identifier(uint64_t status)
{
    return status < FSM_STATUS_COUNT ? status_names[status] : "";
}

const char *fsm_status_name(const fsm_machine *machine, uint64_t status)
{
    return status < machine->statuses_count ? machine->status_names[status] : "";
}
