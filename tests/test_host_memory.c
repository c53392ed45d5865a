/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Every allocation of the host library failed, once and from then on: an error, and the host goes on. */
#include "host_kit.h"
#include "memory_kit.h"

#ifdef SANITIZED
int main(void)
{
    printf("SKIP: a sanitizer build has its own malloc\n");
    return 77; /* the test driver's number for "skipped" */
}
#else

/* ---- What a host does in its life. Each step that fails says so; the rest goes on with what there is. */

static void nothing(void *ctx)
{
    (void)ctx;
}

static void deaf(void *ctx, const dealfsm_notice *notice)
{
    (void)ctx;
    (void)notice;
}

static int32_t surprise; /* a result that nobody expects; Check itself allocates, so it is told when all is over */

static void expect(int32_t result)
{
    /* dlopen and thread creation tell a lack of memory in words of their own: DEALFSM_E_IO */
    if (result < 0 && result != DEALFSM_E_NO_MEMORY && result != DEALFSM_E_IO)
        surprise = result;
}

static void live(dealfsm_host *host)
{
    dealfsm_module *module = NULL;
    dealfsm_manifest *manifest = NULL;
    dealfsm_host_services services = {.struct_size = sizeof services, .environment = &kit_environment};
    dealfsm_subscription all = {.struct_size = sizeof all, .flags = DEALFSM_SUBSCRIBE_ALL, .notify = deaf};
    dealfsm_record terms = {.struct_size = sizeof terms, .id = 1};
    uint32_t generation = 0;
    uint64_t ids[4];
    uint64_t id = 0, count = 0;
    int32_t result = dealfsm_host_manifest(MODULE("stand_in"), &manifest, NULL);
    expect(result);
    if (result >= 0)
        dealfsm_host_manifest_free(manifest);
    expect(dealfsm_host_subscribe(host, &all, &id, NULL));
    expect(dealfsm_host_submit(host, nothing, NULL, NULL));
    result = dealfsm_host_load(host, MODULE("stand_in"), &module, NULL);
    expect(result);
    if (result < 0)
        return;
    result = dealfsm_host_open(host, module, &services, &generation, NULL);
    expect(result);
    if (result < 0)
        return;
    expect(dealfsm_host_create(host, 0, &terms, NULL, NULL));
    all = (dealfsm_subscription){.struct_size = sizeof all, .deal = 1, .notify = deaf};
    if (dealfsm_host_route(host, 1, &generation, NULL) >= 0)
        expect(dealfsm_host_subscribe(host, &all, &id, NULL));
    expect(dealfsm_host_list(host, NULL, ids, 4, &count, NULL));
}

static void live_short_of_memory(void)
{
    dealfsm_host *host = NULL;
    int32_t result = dealfsm_host_new(NULL, &host, NULL);
    expect(result);
    if (result < 0) {
        disarm();
        host = new_host();
    }
    live(host);
    disarm();
    WORKS(dealfsm_host_free(host, &error));
}

enum { ALLOCATIONS = 100 }; /* more than there are: the last rounds fail none */

START_TEST(an_allocation_fails)
{
    arm(_i % ALLOCATIONS, _i >= ALLOCATIONS);
    live_short_of_memory();
    ck_assert_int_eq(surprise, 0);
    ck_assert(atomic_load(&memory_failed) || _i % ALLOCATIONS > ALLOCATIONS / 2);
    /* Now everything works. */
    dealfsm_host *host = new_host();
    live(host);
    uint32_t generation = 0;
    WORKS(dealfsm_host_route(host, 1, &generation, &error));
    WORKS(dealfsm_host_free(host, &error));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("host: memory");
    TCase *tcase = tcase_create("allocations");
    suite_add_tcase(suite, tcase);
    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, an_allocation_fails, 0, 2 * ALLOCATIONS);
    return run_suite(suite);
}
#endif
