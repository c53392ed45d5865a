/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bench_count.h"

#include <stdlib.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || __has_feature(address_sanitizer) ||               \
    __has_feature(thread_sanitizer) || !defined(__GLIBC__)
#define COUNTING 0
#else
#define COUNTING 1
#endif

static _Thread_local uint64_t allocations;

bool bench_count_works(void)
{
    return COUNTING;
}

uint64_t bench_count_allocations(void)
{
    return allocations;
}

#if COUNTING
/* glibc's own names of what is replaced here; free needs no counting. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);

void *malloc(size_t size)
{
    allocations++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    allocations++;
    return __libc_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
    allocations++;
    return __libc_realloc(block, size);
}
#endif
