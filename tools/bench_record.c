/* SPDX-License-Identifier: MIT OR Apache-2.0 */

/* record/1: stored bytes of a deal in Ongoing, read and written again. */

#include <string.h>

#include "bench.h"
#include "bench_module.h"

enum { RECORD_BYTES = 1024, REPEATS = 2000 };

typedef struct stored {
    uint8_t bytes[RECORD_BYTES];
    uint64_t length;
} stored;

static bool make(bench_step *b, stored *out)
{
    bench_deals deals;
    bench_machine *m = bench_machine_open(b->info.functions, false, &b->error);
    if (m == NULL) {
        return false;
    }
    bench_deals_begin(&deals, m, b->info.record, 1);
    dealfsm_deal shown = {.struct_size = sizeof shown, .record = out->bytes, .record_capacity = sizeof out->bytes};
    bool well = bench_deals_create(&deals, &path_terms, 1);
    if (well) {
        bench_deals_run(&deals, 0, 1, 0, PATH_ONGOING);
        well = deals.error.code == 0 &&
               bench_machine_functions(m)->query(bench_machine_inner(m), deals.first, &shown, &deals.error) >= 0;
    }
    out->length = shown.record_len;
    bench_machine_close(m);
    return well || bench_fail(&b->error, "%s", deals.error.text);
}

static bool sample(bench_step *b, const stored *s)
{
    const dealfsm_record_v1 *record = b->info.record;
    uint8_t bytes[RECORD_BYTES];
    uint64_t length = 0;
    dealfsm_record r = {.struct_size = sizeof r};
    bool well = true;
    double start = bench_now();
    for (uint32_t i = 0; i < REPEATS; i++) {
        well &= record->decode(s->bytes, s->length, &r, &b->error) >= 0;
    }
    bench_samples_add(&b->decode, (bench_now() - start) / REPEATS);
    start = bench_now();
    for (uint32_t i = 0; i < REPEATS; i++) {
        well &= record->encode(&r, bytes, sizeof bytes, &length, &b->error) >= 0;
    }
    bench_samples_add(&b->encode, (bench_now() - start) / REPEATS);
    return well && ((length == s->length && memcmp(bytes, s->bytes, length) == 0) ||
                    bench_fail(&b->error, "the record's bytes are other ones after reading and writing them"));
}

bool bench_measure_record(bench_step *b, double seconds)
{
    stored s;
    bool well = make(b, &s);
    b->record_bytes = s.length;
    const double end = bench_now() + seconds * 1e9;
    do {
        well = well && sample(b, &s);
    } while (well && bench_now() < end);
    return well;
}
