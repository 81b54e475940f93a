/* What every *_test.c includes: cmocka and its prerequisites, and a check that prints the error it got. */
#ifndef LAKEFM_BASE_TEST_H
#define LAKEFM_BASE_TEST_H

/* clang-format off: cmocka.h needs these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <time.h>

#include "base/err.h"

#define assert_ok(expr, e)                                                                                             \
    do {                                                                                                               \
        if ((expr) != ERR_OK) {                                                                                        \
            char text_[2048];                                                                                          \
            print_error("%s: %s\n", #expr, err_format((e), text_, sizeof text_));                                      \
            fail();                                                                                                    \
        }                                                                                                              \
    } while (0)

#endif
