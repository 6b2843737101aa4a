/* How the errors of a pair of arrays are distributed: exact quantiles and histograms. */
#include "errors.h"

/* Absolute and relative errors of elements `start` to `stop`; 0 where an element has none. */
EXPORT void trtkit_errors(const struct array *actual, const struct array *expected, int64_t start, int64_t stop,
                          double *error, double *ratio)
{
    struct pair pair;
    struct odd ignored = {0};
    for (int64_t at = start; at < stop; at += BLOCK) {
        trtkit_load_pair(&pair, actual, expected, at, stop, &ignored);
        memcpy(error + (at - start), pair.error, sizeof(double) * (size_t)pair.length);
        memcpy(ratio + (at - start), pair.ratio, sizeof(double) * (size_t)pair.length);
    }
}

/* Count absolute errors from each edge on: `counts[i]` grows by the number of errors that are `edges[i]` or larger. */
EXPORT void trtkit_errors_from(const struct array *actual, const struct array *expected, int64_t start, int64_t stop,
                               const double *edges, int length, int64_t *counts)
{
    struct pair pair;
    struct odd ignored = {0};
    for (int64_t at = start; at < stop; at += BLOCK) {
        trtkit_load_pair(&pair, actual, expected, at, stop, &ignored);
        for (int edge = 0; edge < length; edge++) {
            int64_t count = 0;
            SIMD(omp simd reduction(+ : count))
            for (int i = 0; i < pair.length; i++)
                count += pair.error[i] >= edges[edge];
            counts[edge] += count;
        }
    }
}

/* Copy the errors that lie between two values, neither included, and count the others.
 *
 * relative: whether relative errors are meant instead of absolute ones.
 * counts: how many are below `low`, at most `low`, below `high` and at most `high`.
 * to: room for every error. Returns how many are in it.
 */
EXPORT int64_t trtkit_errors_between(const struct array *actual, const struct array *expected, int64_t start,
                                     int64_t stop, int relative, double low, double high, int64_t *counts, double *to)
{
    struct pair pair;
    struct odd ignored = {0};
    int64_t found = 0, below_low = 0, to_low = 0, below_high = 0, to_high = 0;
    for (int64_t at = start; at < stop; at += BLOCK) {
        trtkit_load_pair(&pair, actual, expected, at, stop, &ignored);
        const double *values = relative ? pair.ratio : pair.error;
        int64_t before = below_high - to_low;
        SIMD(omp simd reduction(+ : below_low, to_low, below_high, to_high))
        for (int i = 0; i < pair.length; i++) {
            below_low += values[i] < low;
            to_low += values[i] <= low;
            below_high += values[i] < high;
            to_high += values[i] <= high;
        }
        if (below_high - to_low == before)
            continue;
        for (int i = 0; i < pair.length; i++)
            if (values[i] > low && values[i] < high)
                to[found++] = values[i];
    }
    memcpy(counts, (int64_t[]){below_low, to_low, below_high, to_high}, 4 * sizeof *counts);
    return found;
}
