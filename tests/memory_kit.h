/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef MEMORY_KIT_H
#define MEMORY_KIT_H

/* malloc and its kin defined in the test program, so that an allocation can be made to fail, and what is left can be
 * counted. For one file of a program; no test for sanitizer builds, which have their own: there SANITIZED is defined, and
 * nothing else. */

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "sanitized.h"

#ifndef SANITIZED

/* glibc's own, for programs that define the public ones. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *memory);

static atomic_int countdown = -1;   /* the allocation that fails; below 0: none */
static atomic_bool memory_for_good; /* and all after it */
static atomic_bool memory_failed;
static atomic_llong memory_living; /* allocations that have not been freed */

static void *counted(void *memory)
{
    if (memory != NULL)
        atomic_fetch_add(&memory_living, 1);
    return memory;
}

static bool fails(void)
{
    if (atomic_load(&countdown) < 0 && !(atomic_load(&memory_for_good) && atomic_load(&memory_failed)))
        return false;
    if (atomic_fetch_sub(&countdown, 1) > 0)
        return false;
    atomic_store(&memory_failed, true);
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return fails() ? NULL : counted(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
    return fails() ? NULL : counted(__libc_calloc(count, size));
}

void *realloc(void *memory, size_t size)
{
    if (fails())
        return NULL;
    void *moved = __libc_realloc(memory, size);
    return memory == NULL ? counted(moved) : moved;
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return fails() ? NULL : counted(__libc_memalign(alignment, size));
}

void free(void *memory)
{
    if (memory != NULL)
        atomic_fetch_sub(&memory_living, 1);
    __libc_free(memory);
}

/* The n-th allocation from now on fails, from 0; and all after it, if so wanted. */
static void arm(int n, bool from_then_on)
{
    atomic_store(&memory_failed, false);
    atomic_store(&memory_for_good, from_then_on);
    atomic_store(&countdown, n);
}

static void disarm(void)
{
    atomic_store(&memory_for_good, false);
    atomic_store(&countdown, -1);
}

#endif
#endif
