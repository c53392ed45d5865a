/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef PLUGIN_MACHINE_H
#define PLUGIN_MACHINE_H

/* The functions of the table in abi/dealfsm/machine.h, where they are described. machine.c: the machine as a whole; events.c:
 * what makes a deal go on; move.c: deals that come, go and stand still. */

#include "engine.h"

int32_t machine_open(const dealfsm_services *given, dealfsm_machine **machine, dealfsm_error *error);
int32_t machine_close(dealfsm_machine *machine, dealfsm_error *error);
int32_t machine_query(dealfsm_machine *machine, uint64_t id, dealfsm_deal *given, dealfsm_error *error);
int32_t machine_list(dealfsm_machine *machine, const uint64_t *after, uint64_t *ids, uint64_t capacity,
                     uint64_t *count, dealfsm_error *error);
int32_t machine_counters(dealfsm_machine *machine, dealfsm_counters *given, dealfsm_error *error);
int32_t machine_subscribe(dealfsm_machine *machine, const dealfsm_subscription *given, uint64_t *id,
                          dealfsm_error *error);
int32_t machine_unsubscribe(dealfsm_machine *machine, uint64_t id, dealfsm_error *error);

int32_t machine_create(dealfsm_machine *machine, const dealfsm_record *terms, uint64_t *revision,
                       dealfsm_error *error);
int32_t machine_dispatch(dealfsm_machine *machine, uint64_t id, const dealfsm_event *given, uint64_t *revision,
                         dealfsm_error *error);
int32_t machine_complete(dealfsm_machine *machine, const dealfsm_answer *given, dealfsm_error *error);
int32_t machine_stored(dealfsm_machine *machine, uint64_t id, uint64_t revision, int32_t outcome,
                       dealfsm_error *error);
int32_t machine_retry(dealfsm_machine *machine, uint64_t id, uint64_t *revision, dealfsm_error *error);

int32_t machine_snapshot(dealfsm_machine *machine, uint64_t id, dealfsm_snapshot *given, dealfsm_error *error);
int32_t machine_restore(dealfsm_machine *machine, const dealfsm_snapshot *given, dealfsm_error *error);
int32_t machine_activate(dealfsm_machine *machine, uint64_t id, uint64_t *revision, dealfsm_error *error);
int32_t machine_freeze(dealfsm_machine *machine, uint64_t id, dealfsm_error *error);
int32_t machine_thaw(dealfsm_machine *machine, uint64_t id, uint64_t last_revision, uint64_t *revision,
                     dealfsm_error *error);
int32_t machine_drop(dealfsm_machine *machine, uint64_t id, dealfsm_error *error);
int32_t machine_forget(dealfsm_machine *machine, uint64_t id, dealfsm_error *error);
int32_t machine_release(dealfsm_machine *machine, uint64_t id, dealfsm_error *error);

/* Finds a deal and locks its shard; NULL: not there (nothing is locked, *code is set). Clears what the drive needs cleared. */
deal *machine_enter(drive *e, dealfsm_machine *machine, uint64_t id, int32_t *code, dealfsm_error *error);
void machine_leave(drive *e);

#endif
