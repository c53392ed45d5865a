/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bench_measure.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

double bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

void bench_samples_add(bench_samples *s, double value)
{
    s->values[s->next] = value;
    s->next = (s->next + 1) % BENCH_SAMPLES;
    if (s->count < BENCH_SAMPLES) {
        s->count++;
    }
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_samples_median(const bench_samples *s)
{
    double sorted[BENCH_SAMPLES];
    if (s->count == 0) {
        return 0;
    }
    memcpy(sorted, s->values, s->count * sizeof *sorted);
    qsort(sorted, s->count, sizeof *sorted, ascending);
    return (sorted[(s->count - 1) / 2] + sorted[s->count / 2]) / 2;
}

double bench_samples_min(const bench_samples *s)
{
    double least = s->count > 0 ? s->values[0] : 0;
    for (uint32_t i = 1; i < s->count; i++) {
        least = s->values[i] < least ? s->values[i] : least;
    }
    return least;
}

double bench_samples_max(const bench_samples *s)
{
    double most = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        most = s->values[i] > most ? s->values[i] : most;
    }
    return most;
}
