/* What is in one array: moments, extremes and counts for `Summary` of trtkit/comparator/stats.py. */
#include "block.h"

struct moments {
    double mean, spread, low, high;
    int64_t count, nan, infinite, zeros;
};

/* Move the finite elements of a block to its beginning, count the others, and return how many there are. */
static inline int finite_first(double *values, int length, struct moments *found)
{
    int odd = 0, kept = 0;
    SIMD(omp simd reduction(| : odd))
    for (int i = 0; i < length; i++)
        odd |= !(fabs(values[i]) < INFINITY);
    if (!odd)
        return length;
    for (int i = 0; i < length; i++) {
        if (isfinite(values[i]))
            values[kept++] = values[i];
        else if (isnan(values[i]))
            found->nan++;
        else
            found->infinite++;
    }
    return kept;
}

/* Elements `start` to `stop`. The blocks' moments are combined as `summary_of` combines those of pieces. */
EXPORT void trtkit_moments(const struct array *array, int64_t start, int64_t stop, struct moments *found)
{
    block values;
    *found = (struct moments){.low = INFINITY, .high = -INFINITY};
    for (int64_t at = start; at < stop; at += BLOCK) {
        int length = stop - at < BLOCK ? (int)(stop - at) : BLOCK;
        double sum = 0, spread = 0, low = found->low, high = found->high;
        int64_t zeros = 0;
        trtkit_load_block(array, at, length, values);
        length = finite_first(values, length, found);
        if (!length)
            continue;
        SIMD(omp simd reduction(+ : sum, zeros) reduction(min : low) reduction(max : high))
        for (int i = 0; i < length; i++) {
            sum += values[i];
            zeros += values[i] == 0;
            low = values[i] < low ? values[i] : low;
            high = values[i] > high ? values[i] : high;
        }
        double mean = sum / length;
        SIMD(omp simd reduction(+ : spread))
        for (int i = 0; i < length; i++)
            spread += (values[i] - mean) * (values[i] - mean);
        double total = (double)(found->count + length), offset = mean - found->mean;
        found->spread += spread + offset * offset * (double)found->count * length / total;
        found->mean += offset * length / total;
        found->count += length;
        found->zeros += zeros;
        found->low = low;
        found->high = high;
    }
}

/* The largest finite magnitude among elements `start` to `stop`, or -1; not beyond the first block that reaches 1. */
EXPORT double trtkit_scale(const struct array *array, int64_t start, int64_t stop)
{
    block values;
    double largest = -1;
    for (int64_t at = start; at < stop && largest < 1; at += BLOCK) {
        int length = stop - at < BLOCK ? (int)(stop - at) : BLOCK;
        trtkit_load_block(array, at, length, values);
        SIMD(omp simd reduction(max : largest))
        for (int i = 0; i < length; i++) {
            double size = fabs(values[i]), good = size < INFINITY ? size : -1;
            largest = good > largest ? good : largest;
        }
    }
    return largest;
}
