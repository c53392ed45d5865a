/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* The puts of one deal along the path, as a machine makes them. */

#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "bench_pairs.h"

typedef struct taking {
    bench_puts *puts;
    dealfsm_host *host;
    bool failed;
} taking;

static void *copy(uint8_t **at, const void *bytes, uint64_t length)
{
    void *here = *at;
    if (length > 0) {
        memcpy(here, bytes, length);
    }
    *at += length;
    return here;
}

static bool keep(bench_puts *puts, const dealfsm_put *put)
{
    uint64_t size = put->record_len + put->sidecar_len + put->happened_count * sizeof(dealfsm_happened);
    for (uint32_t i = 0; i < put->happened_count; i++) {
        size += put->happened[i].message_len;
    }
    uint8_t *at = puts->count < PUTS ? malloc(size) : NULL;
    if (at == NULL) {
        return false;
    }
    dealfsm_put *kept = &puts->puts[puts->count];
    *kept = *put;
    puts->memory[puts->count++] = at;
    dealfsm_happened *happened = copy(&at, put->happened, put->happened_count * sizeof *happened);
    kept->happened = happened;
    kept->record = copy(&at, put->record, put->record_len);
    kept->sidecar = copy(&at, put->sidecar, put->sidecar_len);
    for (uint32_t i = 0; i < put->happened_count; i++) {
        happened[i].message = copy(&at, happened[i].message, happened[i].message_len);
    }
    return true;
}

static int32_t put_one(void *ctx, const dealfsm_put *put)
{
    taking *t = ctx;
    t->failed |= put->happened_count > 0 && put->happened_stride != sizeof *put->happened;
    t->failed = t->failed || !keep(t->puts, put);
    return DEALFSM_PUT_DURABLE;
}

static void ask(void *ctx, const dealfsm_op *op)
{
    const taking *t = ctx;
    const dealfsm_answer answer = path_answer(op);
    dealfsm_host_complete(t->host, &answer, NULL); /* a refused answer shows in the number of puts */
}

static bool run_path(dealfsm_host *host, dealfsm_error *error)
{
    dealfsm_record terms = path_terms;
    terms.id = PUTS_FIRST_DEAL - 1;
    bool well = dealfsm_host_create(host, 0, &terms, NULL, error) >= 0;
    for (uint32_t k = 0; k < PATH_EVENTS && well; k++) {
        const dealfsm_event event = {sizeof event, path_events[k].event, path_events[k].args, path_events[k].args_count,
                                     sizeof *path_events[k].args};
        well = !path_events[k].handed_in || dealfsm_host_dispatch(host, terms.id, &event, NULL, error) >= 0;
    }
    return well;
}

bool bench_puts_take(bench_puts *puts, const char *module_path, dealfsm_host *host, dealfsm_error *error)
{
    taking t = {.puts = puts, .host = host};
    const dealfsm_store_v1 store = {.struct_size = sizeof store, .ctx = &t, .put = put_one};
    const dealfsm_environment environment = path_environment(ask, &t);
    const dealfsm_host_services services = {
        .struct_size = sizeof services, .environment = &environment, .store = &store};
    dealfsm_module *module = NULL;
    dealfsm_module_info info = {.struct_size = sizeof info};
    uint32_t generation = 0;
    *puts = (bench_puts){.count = 0};
    if (dealfsm_host_load(host, module_path, &module, error) < 0 ||
        dealfsm_host_module_info(module, &info, error) < 0 ||
        dealfsm_host_open(host, module, &services, &generation, error) < 0) {
        return false;
    }
    puts->functions = info.functions;
    bool well = run_path(host, error);
    well = dealfsm_host_close(host, generation, error) >= 0 && well;
    return well && ((!t.failed && puts->count == PUTS) ||
                    bench_fail(error, "expected %d puts of a deal on the path, found %u", PUTS, puts->count));
}

void bench_puts_free(bench_puts *puts)
{
    for (uint32_t k = 0; k < puts->count; k++) {
        free(puts->memory[k]);
    }
    for (uint32_t i = 0; i < 2; i++) {
        bench_pairs_free(puts->pairs[i]);
    }
    *puts = (bench_puts){.count = 0};
}

bool bench_puts_write(const bench_puts *puts, uint32_t k, dealfsm_store *store, dealfsm_error *error)
{
    const dealfsm_store_v1 *service = dealfsm_store_service(store);
    return dealfsm_store_teach(store, puts->functions, error) >= 0 &&
           (service->put(service->ctx, &puts->puts[k]) == DEALFSM_PUT_DURABLE ||
            bench_fail(error, "a store has not taken a put of the path"));
}
