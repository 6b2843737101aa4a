/* Absolute and relative errors of a block, as trtkit/comparator/sweep.py defines them. */
#ifndef TRTKIT_ERRORS_H
#define TRTKIT_ERRORS_H

#include "block.h"

/* A block of both arrays. */
struct pair {
    block actual, expected, error, ratio;
    int length;
};

/* |actual - expected| of 64-bit integers, which may differ by what a double cannot say before it is rounded. */
INLINE void integer_errors(struct pair *pair, struct array actual, struct array expected, int64_t start)
{
    const uint64_t *left = (const uint64_t *)actual.data + start, *right = (const uint64_t *)expected.data + start;
    uint64_t flip = actual.type == INT64 ? 1ull << 63 : 0; /* orders signed numbers as unsigned ones */
    for (int i = 0; i < pair->length; i++) {
        uint64_t one = left[i] ^ flip, other = right[i] ^ flip;
        double error = (double)(one > other ? one - other : other - one);
        pair->error[i] = error;
        pair->ratio[i] = error == 0 ? 0 : error / fabs(pair->expected[i]);
    }
}

/* Load a block and compute its errors. Returns whether a difference is not finite; there both errors are 0. */
INLINE int load_pair(struct pair *pair, struct array actual, struct array expected, int64_t start, int length)
{
    int odd = 0;
    pair->length = length;
    load_block(actual, start, length, pair->actual);
    load_block(expected, start, length, pair->expected);
    if (actual.type == INT64 || actual.type == UINT64) {
        integer_errors(pair, actual, expected, start);
        return 0;
    }
    SIMD(omp simd reduction(| : odd))
    for (int i = 0; i < length; i++) {
        double error = fabs(pair->actual[i] - pair->expected[i]);
        int finite = error < INFINITY;
        error = finite ? error : 0;
        odd |= !finite;
        double ratio = error / fabs(pair->expected[i]);
        pair->error[i] = error;
        pair->ratio[i] = error == 0 ? 0 : ratio;
    }
    return odd;
}

/* What stands in elements whose difference is not finite; positions are -1 where there is none. */
struct odd {
    int64_t unmatched, unmatched_at, equal_infinities, equal_infinities_at;
    int64_t nan_actual, nan_expected, inf_actual, inf_expected;
};

/* Count what is not finite in a block that begins at element `start`, and give differences that overflow their errors. */
INLINE void sort_out(struct pair *pair, int64_t start, struct odd *found)
{
    for (int i = 0; i < pair->length; i++) {
        double left = pair->actual[i], right = pair->expected[i];
        if (isfinite(left - right))
            continue;
        if (isfinite(left) && isfinite(right)) {
            pair->error[i] = INFINITY;
            pair->ratio[i] = fabs(left / right - 1);
            continue;
        }
        found->nan_actual += isnan(left);
        found->nan_expected += isnan(right);
        found->inf_actual += isinf(left) != 0;
        found->inf_expected += isinf(right) != 0;
        if (left == right) {
            if (!found->equal_infinities++)
                found->equal_infinities_at = start + i;
        } else if (!(isnan(left) && isnan(right))) {
            if (!found->unmatched++)
                found->unmatched_at = start + i;
        }
    }
}

#endif
