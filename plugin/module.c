/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The border: the one exported symbol, the manifest, the table of functions. */
#include "module.h"

#include <string.h>

#include "sidecar.h"

/* ---- The words of both sides are the same. */

#define SAME_STATUS(number, word)                                                                                      \
    _Static_assert(DEALFSM_DealStatus##word == (number), "status " #word " has another number in the ABI");
#define SAME_EVENT(number, word)                                                                                       \
    _Static_assert(DEALFSM_ClientEvent##word == (number), "event " #word " has another number in the ABI");
#define SAME_OP(number, word)                                                                                          \
    _Static_assert(DEALFSM_Op##word == (number), "op " #word " has another number in the ABI");
FSM_STATUSES(SAME_STATUS)
FSM_EVENTS(SAME_EVENT)
FSM_OPS(SAME_OP)

#define SAME(ours, theirs) _Static_assert((int)(ours) == (int)(theirs), #ours " is not " #theirs);
SAME(FSM_NONE, DEALFSM_NONE)
SAME(ARG_AMOUNT, DEALFSM_AMOUNT)
SAME(ARG_TEXT, DEALFSM_TEXT)
SAME(ARG_ERROR, DEALFSM_ERROR)
SAME(ARG_U64, DEALFSM_U64)
SAME(ARG_CID, DEALFSM_CID)
SAME(ARG_ADDRESS, DEALFSM_ADDRESS)
SAME(ARG_STATUS, DEALFSM_STATUS)
SAME(ARG_CHANNEL, DEALFSM_CHANNEL)
SAME(ARG_FLAG, DEALFSM_FLAG)
SAME(ARG_BYTES, DEALFSM_BYTES)
SAME(ARG_PEER, DEALFSM_PEER)
SAME(ARG_CBOR, DEALFSM_CBOR)
SAME(FSM_FROM_ANY, DEALFSM_FROM_ANY)
SAME(FSM_TO_JUST_RECORD, DEALFSM_TO_JUST_RECORD)
SAME(FSM_ONCE, DEALFSM_ONCE)

/* ---- The manifest, in the note and in the table */

#define MANIFEST                                                                                                       \
    "name: dealfsm-client\n"                                                                                           \
    "machine: " DEALFSM_VERSION "\n"                                                                                   \
    "abi: 1.0-1.0\n"                                                                                                   \
    "reads: " DEALFSM_READS "\n"                                                                                       \
    "writes: " DEALFSM_READS "\n"                                                                                      \
    "needs: environment/1\n"                                                                                           \
    "uses: store/1, log/1, rest/1\n"                                                                                   \
    "offers: describe/1, record/1\n"
_Static_assert(DEALFSM_ABI_MAJOR == 1 && DEALFSM_ABI_MINOR == 0, "the manifest names another ABI");

/* An ELF note (System V ABI, "Note Section"): name and description padded to 4 bytes. */
static const struct {
    uint32_t name_size, description_size, type;
    char name[sizeof DEALFSM_NOTE_NAME];
    char description[(sizeof MANIFEST + 3) / 4 * 4];
} note __attribute__((section(DEALFSM_NOTE_SECTION), aligned(4), used)) = {
    sizeof DEALFSM_NOTE_NAME, sizeof MANIFEST, DEALFSM_NOTE_MANIFEST, DEALFSM_NOTE_NAME, MANIFEST};
_Static_assert(sizeof DEALFSM_NOTE_NAME % 4 == 0, "the note's name needs padding");

/* ---- record/1 */

static int32_t record_decode(const uint8_t *bytes, uint64_t bytes_len, dealfsm_record *out, dealfsm_error *error)
{
    fsm_record record;
    dealfsm_record mine;
    uint32_t room = 0;
    uint64_t where = 0;
    const char *why = NULL;
    int32_t code = border_check_out(out, sizeof mine, &room, "out", error);
    if (code)
        return code;
    if (!bytes || bytes_len > UINT32_MAX)
        return border_fail(error, DEALFSM_E_ARGUMENT, "bytes", "a null pointer, or over 4 GiB");
    const record_layout *order = layout_of(module_version.layout, (fsm_bytes){bytes, (uint32_t)bytes_len});
    if (!layout_read(order, (fsm_bytes){bytes, (uint32_t)bytes_len}, &record, &where, &why))
        return border_fail(error, DEALFSM_E_CORRUPT, "bytes", "at byte %llu: %s", (unsigned long long)where, why);
    if (!layout_adopt(module_version.layout, &record, NULL, &why)) /* restore has memory to rewrite it */
        return border_fail(error, DEALFSM_E_CORRUPT, "bytes", "at byte %llu: %s",
                           (unsigned long long)(record.selector.data - bytes), why);
    border_write_record(&mine, &record);
    border_write(out, room, &mine);
    return DEALFSM_OK;
}

static int32_t record_encode(const dealfsm_record *given, uint8_t *buffer, uint64_t capacity, uint64_t *length,
                             dealfsm_error *error)
{
    dealfsm_record read;
    fsm_record record;
    const char *field = "", *why = "";
    int32_t code = border_read(&read, sizeof read, given, "record", error);
    if (!code)
        code = border_read_record(&record, &read, error);
    if (code)
        return code;
    if (!length || (capacity && !buffer))
        return border_fail(error, DEALFSM_E_ARGUMENT, length ? "buffer" : "length", "null pointer");
    if (!layout_write(module_version.layout, &record, buffer, buffer ? capacity : 0, length, &field, &why))
        return border_fail(error, DEALFSM_E_ARGUMENT, field, "%s", why);
    if (*length > capacity)
        return border_fail(error, DEALFSM_E_TOO_SMALL, "capacity", "the record has %llu bytes, the buffer %llu",
                           (unsigned long long)*length, (unsigned long long)capacity);
    return DEALFSM_OK;
}

static void tell_queue(const entry *e, void (*each)(void *ctx, const dealfsm_event *event, uint32_t from_handler),
                       void *ctx)
{
    for (; e; e = e->next) {
        dealfsm_value args[sizeof e->args / sizeof *e->args];
        border_write_values(args, e->args, e->count);
        const dealfsm_event event = {sizeof event, e->event, args, e->count, sizeof *args};
        each(ctx, &event, e->raised);
    }
}

static int32_t record_queued(const uint8_t *bytes, uint64_t bytes_len,
                             void (*each)(void *ctx, const dealfsm_event *event, uint32_t from_handler), void *ctx,
                             dealfsm_error *error)
{
    sidecar read;
    entries queue;
    if (!each)
        return border_fail(error, DEALFSM_E_ARGUMENT, "each", "null pointer");
    if (!bytes_len)
        return DEALFSM_OK;
    if (!bytes || bytes_len > UINT32_MAX)
        return border_fail(error, DEALFSM_E_ARGUMENT, "sidecar", "a null pointer, or over 4 GiB");
    entries_init(&queue);
    int32_t code =
        sidecar_read((fsm_bytes){bytes, (uint32_t)bytes_len}, module_version.machine, &read, &queue, error);
    if (!code)
        tell_queue(queue.head, each, ctx);
    entries_clear(&queue);
    return code;
}

static const dealfsm_record_v1 record_interface = {
    .struct_size = sizeof record_interface,
    .decode = record_decode,
    .encode = record_encode,
    .queued = record_queued,
};

/* ---- The table */

static const void *interface(const char *id)
{
    if (id && !strcmp(id, "describe/1"))
        return &describe_interface;
    if (id && !strcmp(id, "record/1"))
        return &record_interface;
    return NULL;
}

static const dealfsm_functions functions_table = {
    .struct_size = sizeof functions_table,
    .abi_minor = DEALFSM_ABI_MINOR,
    .manifest = note.description,
    .interface = interface,
    .open = machine_open,
    .close = machine_close,
    .create = machine_create,
    .dispatch = machine_dispatch,
    .complete = machine_complete,
    .stored = machine_stored,
    .retry = machine_retry,
    .query = machine_query,
    .list = machine_list,
    .subscribe = machine_subscribe,
    .unsubscribe = machine_unsubscribe,
    .snapshot = machine_snapshot,
    .restore = machine_restore,
    .activate = machine_activate,
    .freeze = machine_freeze,
    .thaw = machine_thaw,
    .drop = machine_drop,
    .forget = machine_forget,
    .release = machine_release,
    .counters = machine_counters,
};

__attribute__((visibility("default"))) dealfsm_module_fn dealfsm_module_v1;

int32_t dealfsm_module_v1(const dealfsm_offer *given, const dealfsm_functions **functions, dealfsm_error *error)
{
    dealfsm_offer offer;
    int32_t code = border_read(&offer, sizeof offer, given, "offer", error);
    if (code)
        return code;
    if (!functions)
        return border_fail(error, DEALFSM_E_ARGUMENT, "functions", "null pointer");
    if (offer.minor_min > DEALFSM_ABI_MINOR || offer.minor_min > offer.minor_max)
        return border_fail(error, DEALFSM_E_ABI, "offer",
                           "the host offers ABI %u.%u to %u.%u, this module speaks %u.0 to %u.%u: take a host or a module "
                           "of the same time",
                           DEALFSM_ABI_MAJOR, offer.minor_min, DEALFSM_ABI_MAJOR, offer.minor_max, DEALFSM_ABI_MAJOR,
                           DEALFSM_ABI_MAJOR, DEALFSM_ABI_MINOR);
    *functions = &functions_table;
    return DEALFSM_OK;
}
