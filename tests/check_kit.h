/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef TESTS_CHECK_KIT_H
#define TESTS_CHECK_KIT_H

/* What all Check programs share. */

#include <check.h>
#include <stdlib.h>

#define COUNT(rows) ((int)(sizeof(rows) / sizeof((rows)[0])))

/* Runs a suite; what main returns. */
static inline int run_suite(Suite *suite)
{
    SRunner *all = srunner_create(suite);
    srunner_run_all(all, CK_ENV);
    int failed = srunner_ntests_failed(all);
    srunner_free(all);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
