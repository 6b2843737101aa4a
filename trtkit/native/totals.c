/* Everything that one sweep over two arrays tells of them: `Errors` of trtkit/comparator/totals.py. */
#include "errors.h"

struct totals {
    double max_abs, sum_abs, max_rel, sum_rel, required_atol, required_rtol;
    double square_error, square_actual, square_expected, dot, peak;
    int64_t max_abs_at, required_atol_at, beyond, nonzero_actual, nonzero_expected;
    struct odd odd;
};

/* Errors, the elements beyond both tolerances, and the tolerances that would be required. */
static inline void add_errors(struct totals *found, const struct pair *pair, int64_t start, double atol, double rtol)
{
    double largest = 0, steepest = 0, errors = 0, ratios = 0, required_atol = 0, required_rtol = 0;
    int64_t beyond = 0;
    SIMD(omp simd reduction(max : largest, steepest, required_atol, required_rtol)
             reduction(+ : errors, ratios, beyond))
    for (int i = 0; i < pair->length; i++) {
        double error = pair->error[i], ratio = pair->ratio[i];
        double steep_error = ratio > rtol ? error : 0, far_ratio = error > atol ? ratio : 0;
        largest = error > largest ? error : largest;
        steepest = ratio > steepest ? ratio : steepest;
        required_atol = steep_error > required_atol ? steep_error : required_atol;
        required_rtol = far_ratio > required_rtol ? far_ratio : required_rtol;
        errors += error;
        ratios += ratio;
        beyond += (error > atol) & (ratio > rtol);
    }
    found->sum_abs += errors;
    found->sum_rel += ratios;
    found->beyond += beyond;
    if (steepest > found->max_rel)
        found->max_rel = steepest;
    if (required_rtol > found->required_rtol)
        found->required_rtol = required_rtol;
    if (largest > found->max_abs || found->max_abs_at < 0) {
        int at = 0;
        while (pair->error[at] != largest)
            at++;
        found->max_abs = largest;
        found->max_abs_at = start + at;
    }
    if (required_atol > found->required_atol) {
        int at = 0;
        while (pair->error[at] != required_atol || !(pair->ratio[at] > rtol))
            at++;
        found->required_atol = required_atol;
        found->required_atol_at = start + at;
    }
}

static inline int any_but_zero(const double *values, int length)
{
    int found = 0;
    for (int i = 0; i < length; i++)
        found |= values[i] != 0;
    return found;
}

static inline void add_squares(struct totals *found, const struct pair *pair)
{
    double error = 0, actual = 0, expected = 0, dot = 0, peak = -INFINITY;
    SIMD(omp simd reduction(+ : error, actual, expected, dot) reduction(max : peak))
    for (int i = 0; i < pair->length; i++) {
        double left = pair->actual[i], right = pair->expected[i];
        error += pair->error[i] * pair->error[i];
        actual += left * left;
        expected += right * right;
        dot += left * right;
        peak = right > peak ? right : peak;
    }
    found->square_error += error;
    found->square_actual += actual;
    found->square_expected += expected;
    found->dot += dot;
    if (peak > found->peak)
        found->peak = peak;
    if (found->square_actual == 0 && !found->nonzero_actual)
        found->nonzero_actual = any_but_zero(pair->actual, pair->length);
    if (found->square_expected == 0 && !found->nonzero_expected)
        found->nonzero_expected = any_but_zero(pair->expected, pair->length);
}

/* Sweep over elements `start` to `stop` of two arrays.
 *
 * atol, rtol: infinite where elements beyond them are not asked for.
 * squares: whether to sum squares and products.
 */
EXPORT void trtkit_totals(const struct array *actual, const struct array *expected, int64_t start, int64_t stop,
                          double atol, double rtol, int squares, struct totals *found)
{
    struct pair pair;
    *found = (struct totals){.peak = -INFINITY, .max_abs_at = -1, .required_atol_at = -1};
    found->odd.unmatched_at = found->odd.equal_infinities_at = -1;
    for (int64_t at = start; at < stop; at += BLOCK) {
        trtkit_load_pair(&pair, actual, expected, at, stop, &found->odd);
        add_errors(found, &pair, at, atol, rtol);
        if (squares)
            add_squares(found, &pair);
    }
}
