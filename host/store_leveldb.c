/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "error.h"
#include "store.h"
static int32_t open_store(dealfsm_store *store, void **handle, dealfsm_error *error)
{ (void)store; (void)handle; return host_error(error, DEALFSM_E_ARGUMENT, "url", "not yet"); }
const store_driver store_leveldb = { .scheme = "leveldb", .open = open_store };
