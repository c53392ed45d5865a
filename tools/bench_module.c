/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bench_module.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD_BYTES = 1024 };

struct bench_machine {
    const dealfsm_functions *functions;
    dealfsm_machine *machine;
    dealfsm_environment environment;
    atomic_uint_fast64_t notices;
};

/* ---- Services */

static void answer(void *ctx, const dealfsm_op *op)
{
    const bench_machine *m = ctx;
    const dealfsm_answer given = path_answer(op);
    m->functions->complete(m->machine, &given, NULL); /* a refused answer shows in how the deal ends */
}

static const void *service(void *ctx, const char *id)
{
    const bench_machine *m = ctx;
    return strcmp(id, "environment/1") == 0 ? &m->environment : NULL;
}

static void notify(void *ctx, const dealfsm_notice *notice)
{
    bench_machine *m = ctx;
    (void)notice;
    atomic_fetch_add_explicit(&m->notices, 1, memory_order_relaxed);
}

bench_machine *bench_machine_open(const dealfsm_functions *functions, bool subscribed, dealfsm_error *error)
{
    bench_machine *m = calloc(1, sizeof *m);
    if (m == NULL) {
        error->code = DEALFSM_E_NO_MEMORY;
        (void)snprintf(error->text, sizeof error->text, "no memory");
        return NULL;
    }
    m->functions = functions;
    m->environment = path_environment(answer, m);
    const dealfsm_services services = {.struct_size = sizeof services, .ctx = m, .service = service};
    const dealfsm_subscription all = {
        .struct_size = sizeof all, .flags = DEALFSM_SUBSCRIBE_ALL, .ctx = m, .notify = notify};
    uint64_t id = 0;
    if (functions->open(&services, &m->machine, error) < 0) {
        free(m);
        return NULL;
    }
    if (subscribed && functions->subscribe(m->machine, &all, &id, error) < 0) {
        bench_machine_close(m);
        return NULL;
    }
    return m;
}

void bench_machine_close(bench_machine *m)
{
    if (m == NULL) {
        return;
    }
    m->functions->close(m->machine, NULL); /* nothing is under way: every answer came inside its call */
    free(m);
}

dealfsm_machine *bench_machine_inner(const bench_machine *m)
{
    return m->machine;
}

const dealfsm_functions *bench_machine_functions(const bench_machine *m)
{
    return m->functions;
}

uint64_t bench_machine_notices(const bench_machine *m)
{
    return atomic_load(&m->notices);
}

/* ---- Deals */

void bench_deals_begin(bench_deals *d, bench_machine *machine, const dealfsm_record_v1 *record, uint64_t first)
{
    *d = (bench_deals){.machine = machine, .record = record, .first = first, .error = {.struct_size = sizeof d->error}};
}

bool bench_deals_create(bench_deals *d, const dealfsm_record *terms, uint32_t count)
{
    dealfsm_record one = *terms;
    for (uint32_t i = 0; i < count; i++) {
        one.id = d->first + i;
        if (d->machine->functions->create(d->machine->machine, &one, NULL, &d->error) < 0) {
            return false;
        }
    }
    return true;
}

void bench_deals_run(bench_deals *d, uint32_t first, uint32_t count, uint32_t from, uint32_t to)
{
    const dealfsm_functions *functions = d->machine->functions;
    dealfsm_machine *machine = d->machine->machine;
    const uint64_t id = d->first + first;
    for (uint32_t k = 0, step = 0; k < PATH_EVENTS && step < to; k++) {
        if (!path_events[k].handed_in || step++ < from) {
            continue;
        }
        const dealfsm_event event = {sizeof event, path_events[k].event, path_events[k].args, path_events[k].args_count,
                                     sizeof *path_events[k].args};
        for (uint32_t i = 0; i < count; i++) {
            functions->dispatch(machine, id + i, &event, NULL, &d->error); /* the first error stays */
        }
    }
}

static bool fail(bench_deals *d, uint64_t id, const char *what)
{
    d->error.code = DEALFSM_E_STATE;
    (void)snprintf(d->error.text, sizeof d->error.text, "deal %llu has %s", (unsigned long long)id, what);
    return false;
}

static bool one_ended_well(bench_deals *d, uint64_t id)
{
    uint8_t bytes[RECORD_BYTES];
    dealfsm_record r = {.struct_size = sizeof r};
    dealfsm_deal shown = {.struct_size = sizeof shown, .record = bytes, .record_capacity = sizeof bytes};
    if (d->machine->functions->query(d->machine->machine, id, &shown, &d->error) < 0 ||
        d->record->decode(bytes, shown.record_len, &r, &d->error) < 0) {
        return false;
    }
    return path_record_ended_well(&r) || fail(d, id, "not ended as the path must end");
}

bool bench_deals_ended_well(bench_deals *d, uint32_t count)
{
    bool well = d->error.code == 0;
    for (uint32_t i = 0; i < count && well; i++) {
        well = one_ended_well(d, d->first + i);
    }
    return well;
}

bool bench_deals_forget(bench_deals *d, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (d->machine->functions->forget(d->machine->machine, d->first + i, &d->error) < 0) {
            return false;
        }
    }
    d->first += count;
    return true;
}

/* ---- The subject */

static void *module_open(void *ctx, uint32_t deals)
{
    (void)deals;
    return ctx;
}

static bool module_prepare(void *self, uint32_t deals)
{
    return bench_deals_create(self, &path_terms, deals);
}

static void module_run(void *self, uint32_t first, uint32_t count)
{
    bench_deals_run(self, first, count, 0, PATH_HANDED_IN);
}

static bool module_finish(void *self, uint32_t deals)
{
    return bench_deals_ended_well(self, deals) && bench_deals_forget(self, deals);
}

static void module_close(void *self)
{
    (void)self; /* whoever opened the machine closes it */
}

const bench_subject bench_subject_module = {module_open, module_prepare, module_run, module_finish, module_close};
