/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "module.h"
#include "swap.h"

/* A deal taken from one machine to another, staged. */

static const char *version_of(const host_generation *generation)
{
    return generation->module->info.manifest->machine_version;
}

static bool has(const char *const *list, uint32_t count, const char *word)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(list[i], word) == 0)
            return true;
    }
    return false;
}

static bool reads(const host_generation *generation, const char *version)
{
    const dealfsm_manifest *manifest = generation->module->info.manifest;
    return has(manifest->reads, manifest->reads_count, version);
}

static bool writes(const host_generation *generation, const char *version)
{
    const dealfsm_manifest *manifest = generation->module->info.manifest;
    return has(manifest->writes, manifest->writes_count, version);
}

/* ---- Who can take what over */

/* Two modules that call themselves the same machine version must have the same clauses. */
static bool same_clauses(const dealfsm_describe_v1 *left, const dealfsm_describe_v1 *right)
{
    dealfsm_clause_info one, other;
    if (left == NULL || right == NULL)
        return left == right;
    for (uint32_t i = 0;; i++) {
        memset(&one, 0, sizeof one);
        memset(&other, 0, sizeof other);
        one.struct_size = other.struct_size = sizeof one;
        int32_t first = left->clause(i, &one), second = right->clause(i, &other);
        if (first != second || memcmp(&one, &other, sizeof one) != 0)
            return false;
        if (first < 0)
            return true;
    }
}

int32_t swap_can_carry(const host_generation *from, const host_generation *to, dealfsm_error *error)
{
    const char *old = version_of(from), *new = version_of(to);
    if (strcmp(old, new) == 0 && !same_clauses(from->module->info.describe, to->module->info.describe))
        return host_error(error, DEALFSM_E_VERSION, "to",
                          "both modules say that they are \"%.60s\", but their transitions differ: one of them is "
                          "another machine",
                          old);
    if (reads(to, old) || writes(from, new))
        return DEALFSM_OK;
    return host_error(error, DEALFSM_E_VERSION, "to",
                      "\"%.60s\" does not read \"%.60s\", nor does that write it: take a module in between", new, old);
}

/* ---- Snapshots */

enum { RECORD_ROOM = 2048, SIDECAR_ROOM = 2048 };

typedef struct taken {
    dealfsm_snapshot snapshot;
    uint8_t *memory; /* what did not fit, or NULL */
    uint8_t record[RECORD_ROOM];
    uint8_t sidecar[SIDECAR_ROOM];
} taken;

static void taken_free(taken *t)
{
    free(t->memory);
}

/* version NULL: the machine's own. */
static int32_t take(const host_generation *from, uint64_t deal, const char *version, taken *t, dealfsm_error *error)
{
    t->memory = NULL;
    dealfsm_snapshot ask = {.struct_size = sizeof ask,
                            .machine_version = version,
                            .record = t->record,
                            .record_capacity = sizeof t->record,
                            .sidecar = t->sidecar,
                            .sidecar_capacity = sizeof t->sidecar};
    t->snapshot = ask;
    int32_t result = from->functions->snapshot(from->machine, deal, &t->snapshot, NULL);
    if (result == DEALFSM_E_TOO_SMALL) {
        uint64_t record_len = t->snapshot.record_len, sidecar_len = t->snapshot.sidecar_len;
        t->memory = malloc(record_len + sidecar_len + 1);
        if (t->memory == NULL)
            return host_error(error, DEALFSM_E_NO_MEMORY, "", "out of memory for a snapshot of deal %" PRIu64, deal);
        ask.record = t->memory;
        ask.record_capacity = record_len;
        ask.sidecar = t->memory + record_len;
        ask.sidecar_capacity = sidecar_len + 1;
    } else if (result >= 0) {
        return result;
    }
    t->snapshot = ask;
    return from->functions->snapshot(from->machine, deal, &t->snapshot, error);
}

static bool same(const uint8_t *left, uint64_t left_len, const uint8_t *right, uint64_t right_len)
{
    return left_len == right_len && memcmp(left, right, left_len) == 0;
}

/* ---- What the new side has against what it was given */

static int32_t differs(uint64_t deal, const host_generation *to, const char *what, dealfsm_error *error)
{
    return host_error(error, DEALFSM_E_CORRUPT, "to",
                      "generation %" PRIu32 " (\"%.60s\") took deal %" PRIu64
                      " over and has another %s: do not use that "
                      "module",
                      to->number, version_of(to), deal, what);
}

/* The fields beside the bytes. */
static int32_t check_head(const host_generation *to, const dealfsm_snapshot *given, dealfsm_error *error)
{
    dealfsm_snapshot has = {.struct_size = sizeof has};
    int32_t result = to->functions->snapshot(to->machine, given->deal, &has, NULL);
    if (result != DEALFSM_E_TOO_SMALL)
        return differs(given->deal, to, "opinion whether it is at rest", error);
    if (has.machine_version == NULL || strcmp(has.machine_version, version_of(to)) != 0)
        return differs(given->deal, to, "machine version", error);
    if (has.deal != given->deal || has.sequence != given->sequence)
        return differs(given->deal, to, has.deal != given->deal ? "deal id" : "sequence", error);
    return has.revision != given->revision ? differs(given->deal, to, "revision", error) : DEALFSM_OK;
}

/* Asks for the deal as it was given: the same record must come back, unless there is no way back now; between two
 * modules of one version the same sidecar, too. */
static int32_t check_bytes(const host_generation *from, const host_generation *to, const dealfsm_snapshot *given,
                           dealfsm_error *error)
{
    taken back;
    if (!writes(to, given->machine_version))
        return DEALFSM_OK;
    int32_t result = take(to, given->deal, given->machine_version, &back, error);
    if (result == DEALFSM_E_STAYS || result == DEALFSM_E_REFUSED) {
        if (error != NULL)
            error->code = DEALFSM_OK;
        taken_free(&back);
        return DEALFSM_OK;
    }
    const dealfsm_snapshot *has = &back.snapshot;
    if (result >= 0 && !same(given->record, given->record_len, has->record, has->record_len))
        result = differs(given->deal, to, "record", error);
    if (result >= 0 && strcmp(version_of(from), version_of(to)) == 0 &&
        !same(given->sidecar, given->sidecar_len, has->sidecar, has->sidecar_len))
        result = differs(given->deal, to, "queue or handler owed", error);
    taken_free(&back);
    return result;
}

/* ---- Carrying */

/* The deal in a form that the new side reads: its own, where that is an older one. */
static int32_t take_for(const host_generation *from, const host_generation *to, uint64_t deal, taken *t,
                        dealfsm_error *error)
{
    const char *form = reads(to, version_of(from)) ? version_of(from) : version_of(to);
    int32_t result = take(from, deal, form == version_of(from) ? NULL : form, t, error);
    if (result < 0)
        return result;
    if (t->snapshot.deal != deal || t->snapshot.machine_version == NULL ||
        strcmp(t->snapshot.machine_version, form) != 0)
        return host_error(error, DEALFSM_E_CORRUPT, "from",
                          "asked for deal %" PRIu64 " as \"%.60s\", generation %" PRIu32 " gave deal %" PRIu64
                          " as \"%.60s\"",
                          deal, form, from->number, t->snapshot.deal,
                          t->snapshot.machine_version != NULL ? t->snapshot.machine_version : "");
    return DEALFSM_OK;
}

int32_t swap_carry(const host_generation *from, const host_generation *to, uint64_t deal, bool whole,
                   uint64_t *revision, dealfsm_error *error)
{
    taken t;
    int32_t result = take_for(from, to, deal, &t, error);
    if (result >= 0) {
        *revision = t.snapshot.revision;
        result = to->functions->restore(to->machine, &t.snapshot, NULL);
        if (result ==
            DEALFSM_E_EXISTS) /* left there by an attempt that could not be undone, or a move away from there */
            to->functions->drop(to->machine, deal, NULL);
        if (result < 0)
            result = to->functions->restore(to->machine, &t.snapshot, error);
    }
    if (result >= 0) {
        result = check_head(to, &t.snapshot, error);
        if (result >= 0 && whole)
            result = check_bytes(from, to, &t.snapshot, error);
        if (result < 0)
            to->functions->drop(to->machine, deal, NULL);
    }
    taken_free(&t);
    return result;
}

int32_t swap_try(const host_generation *from, const host_generation *to, uint64_t deal, dealfsm_error *error)
{
    uint64_t revision;
    int32_t result = swap_carry(from, to, deal, true, &revision, error);
    if (result < 0)
        return result;
    return to->functions->drop(to->machine, deal, error);
}
