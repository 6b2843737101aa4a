/* Absolute and relative errors of a block. */
#include "errors.h"

/* |actual - expected| of 64-bit integers, which may differ by what a double cannot say before it is rounded. */
static inline void integer_errors(struct pair *pair, const struct array *actual, const struct array *expected,
                                  int64_t start)
{
    const uint64_t *left = (const uint64_t *)actual->data + start, *right = (const uint64_t *)expected->data + start;
    uint64_t flip = actual->type == INT64 ? 1ull << 63 : 0; /* orders signed numbers as unsigned ones */
    for (int i = 0; i < pair->length; i++) {
        uint64_t one = left[i] ^ flip, other = right[i] ^ flip;
        double error = (double)(one > other ? one - other : other - one);
        pair->error[i] = error;
        pair->ratio[i] = error == 0 ? 0 : error / fabs(pair->expected[i]);
    }
}

/* Count an element whose difference is not finite. Its errors are 0 already, but where both values are finite. */
static void sort_out(struct pair *pair, int i, int64_t start, struct odd *found)
{
    double left = pair->actual[i], right = pair->expected[i];
    if (isfinite(left) && isfinite(right)) {
        pair->error[i] = INFINITY;
        pair->ratio[i] = fabs(left / right - 1);
        return;
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

#define GROUP 32 /* elements that are looked at one by one only if one of them is not finite */

static inline void sort_out_block(struct pair *pair, int64_t start, struct odd *found)
{
    for (int group = 0; group < pair->length; group += GROUP) {
        int64_t odd = 0;
        int end = pair->length - group < GROUP ? pair->length : group + GROUP;
        SIMD(omp simd reduction(| : odd))
        for (int i = group; i < end; i++)
            odd |= !(fabs(pair->actual[i] - pair->expected[i]) < INFINITY);
        for (int i = group; odd && i < end; i++)
            if (!isfinite(pair->actual[i] - pair->expected[i]))
                sort_out(pair, i, start, found);
    }
}

INTERNAL void trtkit_load_pair(struct pair *pair, const struct array *actual, const struct array *expected,
                               int64_t start, int64_t stop, struct odd *found)
{
    int64_t odd = 0; /* as wide as what it is found in */
    pair->length = stop - start < BLOCK ? (int)(stop - start) : BLOCK;
    trtkit_load_block(actual, start, pair->length, pair->actual);
    trtkit_load_block(expected, start, pair->length, pair->expected);
    if (actual->type == INT64 || actual->type == UINT64) {
        integer_errors(pair, actual, expected, start);
        return;
    }
    SIMD(omp simd reduction(| : odd))
    for (int i = 0; i < pair->length; i++) {
        double error = fabs(pair->actual[i] - pair->expected[i]);
        int64_t finite = error < INFINITY;
        error = finite ? error : 0;
        odd |= !finite;
        double ratio = error / fabs(pair->expected[i]);
        pair->error[i] = error;
        pair->ratio[i] = error == 0 ? 0 : ratio;
    }
    if (odd)
        sort_out_block(pair, start, found);
}
