/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Deals tried on another machine version, in machines in which nothing runs. */
#include "dump_migrate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dump_words.h"

bool migrator_open(migrator *it, const dump_modules *modules)
{
    *it = (migrator){
        .modules = modules, .machines = dump_machines_open(modules, "dealfsm-dump"), .arena = values_arena_new()};
    return it->arena != NULL && it->machines != NULL;
}

void migrator_close(migrator *it)
{
    dump_machines_close(it->modules, it->machines);
    values_arena_free(it->arena);
}

stored_deal stored_deal_of(const dealfsm_store_row *row, const char *url)
{
    const bool bare = (row->flags & DEALFSM_ROW_BARE) != 0;
    return (stored_deal){.input = url,
                         .version = row->machine_version,
                         .deal = row->deal,
                         .sequence = row->sequence,
                         .revision = row->revision,
                         .record = row->record,
                         .record_len = row->record_len,
                         .sidecar = bare ? NULL : row->sidecar,
                         .sidecar_len = bare ? 0 : row->sidecar_len,
                         .damage = row->flags & DEALFSM_ROW_DAMAGED ? row->damage : NULL,
                         .ended = (row->flags & DEALFSM_ROW_FINAL) != 0};
}

static bool is_version(const char *version, const char *wanted)
{
    const char *number = strrchr(version, ' ');
    return strcmp(version, wanted) == 0 || (number != NULL && strcmp(number + 1, wanted) == 0);
}

static const char *among(const char *const *versions, uint32_t count, const char *wanted)
{
    for (uint32_t i = 0; i < count; i++) {
        if (is_version(versions[i], wanted)) {
            return versions[i];
        }
    }
    return NULL;
}

const char *migrator_version(const migrator *it, const char *wanted)
{
    const char *found = NULL;
    for (size_t i = 0; i < it->modules->count && found == NULL; i++) {
        const dealfsm_manifest *manifest = it->modules->list[i].info.manifest;
        found = among(&manifest->machine_version, 1, wanted);
        found = found != NULL ? found : among(manifest->writes, manifest->writes_count, wanted);
    }
    return found;
}

/* The module that brings deals from one version to another; *takes: by restore, else by snapshot. */
static const dump_module *mover(const migration *m, bool *takes)
{
    const dealfsm_manifest *goal = m->new_module == NULL ? NULL : m->new_module->info.manifest;
    const dealfsm_manifest *own = m->old_module == NULL ? NULL : m->old_module->info.manifest;
    *takes = goal != NULL && among(goal->reads, goal->reads_count, m->from->version) != NULL;
    if (*takes) {
        return m->new_module;
    }
    return own != NULL && among(own->writes, own->writes_count, m->to) != NULL ? m->old_module : NULL;
}

bool migration_is_offered(const dump_module *old_module, const dump_module *new_module)
{
    bool takes;
    const stored_deal any = {.version = old_module->machine.machine_version};
    const migration m = {
        .from = &any, .to = new_module->machine.machine_version, .old_module = old_module, .new_module = new_module};
    return mover(&m, &takes) != NULL;
}

static void says_no(migrator *it, migration *m, int32_t code, const dealfsm_error *error)
{
    words text = {.arena = it->arena};
    words_item(&text, "", error->text);
    m->verdict = code == DEALFSM_E_STAYS     ? MIGRATION_STAYS
                 : code == DEALFSM_E_REFUSED ? MIGRATION_REFUSED
                                             : MIGRATION_UNKNOWN;
    m->why = words_text(&text);
}

/* Both buffers of a snapshot; m->moved names them. */
static int32_t take_out(migrator *it, migration *m, const dealfsm_functions *functions, dealfsm_machine *machine,
                        dealfsm_error *error)
{
    dealfsm_error unused = {.struct_size = sizeof unused};
    m->moved = (dealfsm_snapshot){.struct_size = sizeof m->moved, .machine_version = m->to};
    int32_t code = functions->snapshot(machine, m->from->deal, &m->moved, &unused);
    if (code != DEALFSM_E_TOO_SMALL) {
        *error = unused;
        return code;
    }
    m->moved.record_capacity = m->moved.record_len;
    m->moved.record = values_take(it->arena, m->moved.record_len);
    m->moved.sidecar_capacity = m->moved.sidecar_len;
    m->moved.sidecar = values_take(it->arena, m->moved.sidecar_len);
    return functions->snapshot(machine, m->from->deal, &m->moved, error);
}

static void try(migrator *it, migration *m, const dump_module *module)
{
    const dealfsm_functions *functions = module->info.functions;
    dealfsm_machine *machine = it->machines[module - it->modules->list];
    const stored_deal *from = m->from;
    const dealfsm_snapshot snapshot = {.struct_size = sizeof snapshot,
                                       .deal = from->deal,
                                       .sequence = from->sequence,
                                       .revision = from->revision,
                                       .machine_version = from->version,
                                       .record = (uint8_t *)from->record, /* restore only reads */
                                       .record_len = from->record_len,
                                       .sidecar = (uint8_t *)from->sidecar,
                                       .sidecar_len = from->sidecar_len};
    dealfsm_error error = {.struct_size = sizeof error};
    int32_t code = functions->restore(machine, &snapshot, &error);
    if (code >= 0) {
        code = take_out(it, m, functions, machine, &error);
        functions->drop(machine, from->deal, NULL);
    }
    if (code < 0) {
        says_no(it, m, code, &error);
        return;
    }
    m->verdict = MIGRATION_MOVES;
    m->written = true;
    if (m->new_module != NULL) {
        m->new_module->info.record->decode(m->moved.record, m->moved.record_len, &m->after, NULL);
    }
}

static void says_none(migrator *it, migration *m)
{
    words why = {.arena = it->arena};
    if (m->old_module != NULL && m->new_module != NULL) {
        m->verdict = MIGRATION_REFUSED;
        words_add(&why, "neither module brings deals from %s to %s", m->from->version, m->to);
    } else {
        words_add(&why, "no module is there for %s", m->old_module == NULL ? m->from->version : m->to);
    }
    m->why = words_text(&why);
}

/* The old version's module reads it; false: it cannot. */
static bool read_before(migrator *it, migration *m)
{
    dealfsm_error error = {.struct_size = sizeof error};
    if (m->old_module == NULL) {
        return true;
    }
    m->readable =
        m->old_module->info.record->decode(m->from->record, m->from->record_len, &m->before, &error) == DEALFSM_OK;
    if (!m->readable) {
        says_no(it, m, DEALFSM_E_CORRUPT, &error);
    }
    return m->readable;
}

void migrate_deal(migrator *it, const stored_deal *deal, const char *to, migration *out)
{
    bool takes = false;
    *out = (migration){.from = deal,
                       .to = to,
                       .old_module = dump_module_of(it->modules, deal->version),
                       .new_module = dump_module_of(it->modules, to),
                       .before = {.struct_size = sizeof out->before},
                       .after = {.struct_size = sizeof out->after},
                       .verdict = MIGRATION_UNKNOWN,
                       .why = deal->damage};
    if (deal->damage != NULL || !read_before(it, out)) {
        return;
    }
    const dump_module *module = mover(out, &takes);
    if (strcmp(deal->version, to) == 0) {
        out->verdict = MIGRATION_SAME;
        return;
    }
    if (module == NULL) {
        says_none(it, out);
    } else {
        try(it, out, module);
    }
    if (deal->ended || (out->readable && description_is_final(&out->old_module->machine, out->before.status))) {
        out->verdict = MIGRATION_ENDED;
        out->why = NULL;
    }
}
