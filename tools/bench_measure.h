/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TOOLS_BENCH_MEASURE_H
#define TOOLS_BENCH_MEASURE_H

/* Time, and samples of it. */

#include <stdbool.h>
#include <stdint.h>

/* Nanoseconds of a clock that only goes forward. */
double bench_now(void);

enum { BENCH_SAMPLES = 4096 };

/* Zeroed: empty. Beyond BENCH_SAMPLES the oldest are replaced. */
typedef struct bench_samples {
    uint32_t count;
    uint32_t next;
    double values[BENCH_SAMPLES];
} bench_samples;

void bench_samples_add(bench_samples *s, double value);
double bench_samples_median(const bench_samples *s); /* 0 without samples */
double bench_samples_min(const bench_samples *s);
double bench_samples_max(const bench_samples *s);

#endif
