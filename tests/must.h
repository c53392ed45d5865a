/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TESTS_MUST_H
#define TESTS_MUST_H

/* ck_assert writes to a file each time; these only when they fail. */

#include <check.h>

#define MUST_SAY(condition, ...)                                                                                       \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            ck_abort_msg(__VA_ARGS__);                                                                                 \
    } while (0)
#define MUST(condition) MUST_SAY(condition, "%s", #condition)

#endif
