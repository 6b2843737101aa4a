/* Absolute and relative errors of a block, as trtkit/comparator/array_sweep.py defines them. */
#ifndef TRTKIT_ERRORS_H
#define TRTKIT_ERRORS_H

#include "block.h"

/* A block of both arrays. */
struct pair {
    block actual, expected, error, ratio;
    int length;
};

/* What stands in elements whose difference is not finite; positions are -1 where there is none. */
struct odd {
    int64_t unmatched, unmatched_at, equal_infinities, equal_infinities_at;
    int64_t nan_actual, nan_expected, inf_actual, inf_expected;
};

/* Load a block that begins at element `start`, compute its errors, and count in `found` what is not finite. */
void trtkit_load_pair(struct pair *pair, const struct array *actual, const struct array *expected, int64_t start,
                      int64_t stop, struct odd *found);

#endif
