/* Everything that one sweep over two arrays tells of them: `Errors` of trtkit/comparator/totals.py. */
#include "errors.h"

struct totals {
    double max_abs, sum_abs, max_rel, sum_rel, required_atol, required_rtol;
    double square_error, square_actual, square_expected, dot, peak;
    int64_t max_abs_at, required_atol_at, beyond, nonzero_actual, nonzero_expected;
    struct odd odd;
};

static inline void add_errors(struct totals *found, const struct pair *pair, int64_t start)
{
    double largest = 0, steepest = 0, errors = 0, ratios = 0;
    SIMD(omp simd reduction(max : largest, steepest) reduction(+ : errors, ratios))
    for (int i = 0; i < pair->length; i++) {
        largest = pair->error[i] > largest ? pair->error[i] : largest;
        steepest = pair->ratio[i] > steepest ? pair->ratio[i] : steepest;
        errors += pair->error[i];
        ratios += pair->ratio[i];
    }
    found->sum_abs += errors;
    found->sum_rel += ratios;
    if (steepest > found->max_rel)
        found->max_rel = steepest;
    if (largest > found->max_abs || found->max_abs_at < 0) {
        int at = 0;
        while (pair->error[at] != largest)
            at++;
        found->max_abs = largest;
        found->max_abs_at = start + at;
    }
}

/* The elements beyond both tolerances, and the tolerances that would be required. */
static inline void add_beyond(struct totals *found, const struct pair *pair, int64_t start, double atol, double rtol)
{
    double largest = 0, steepest = 0;
    int64_t beyond = 0;
    SIMD(omp simd reduction(max : largest, steepest) reduction(+ : beyond))
    for (int i = 0; i < pair->length; i++) {
        double error = pair->ratio[i] > rtol ? pair->error[i] : 0, ratio = pair->error[i] > atol ? pair->ratio[i] : 0;
        largest = error > largest ? error : largest;
        steepest = ratio > steepest ? ratio : steepest;
        beyond += (pair->error[i] > atol) & (pair->ratio[i] > rtol);
    }
    found->beyond += beyond;
    if (steepest > found->required_rtol)
        found->required_rtol = steepest;
    if (largest > found->required_atol) {
        int at = 0;
        while (pair->error[at] != largest || !(pair->ratio[at] > rtol))
            at++;
        found->required_atol = largest;
        found->required_atol_at = start + at;
    }
}

static inline void add_squares(struct totals *found, const struct pair *pair)
{
    double error = 0, actual = 0, expected = 0, dot = 0, peak = -INFINITY;
    int nonzero_actual = 0, nonzero_expected = 0;
    SIMD(omp simd reduction(+ : error, actual, expected, dot) reduction(max : peak) reduction(| : nonzero_actual, nonzero_expected))
    for (int i = 0; i < pair->length; i++) {
        double left = pair->actual[i], right = pair->expected[i];
        error += pair->error[i] * pair->error[i];
        actual += left * left;
        expected += right * right;
        dot += left * right;
        nonzero_actual |= left != 0;
        nonzero_expected |= right != 0;
        peak = right > peak ? right : peak;
    }
    found->square_error += error;
    found->square_actual += actual;
    found->square_expected += expected;
    found->dot += dot;
    found->nonzero_actual |= nonzero_actual;
    found->nonzero_expected |= nonzero_expected;
    if (peak > found->peak)
        found->peak = peak;
}

/* Sweep over elements `start` to `stop` of two arrays.
 *
 * tolerances: null, or atol and rtol.
 * squares: whether to sum squares and products.
 */
EXPORT void trtkit_totals(const struct array *actual, const struct array *expected, int64_t start, int64_t stop,
                          const double *tolerances, int squares, struct totals *found)
{
    struct pair pair;
    *found = (struct totals){.peak = -INFINITY, .max_abs_at = -1, .required_atol_at = -1};
    found->odd.unmatched_at = found->odd.equal_infinities_at = -1;
    for (int64_t at = start; at < stop; at += BLOCK) {
        trtkit_load_pair(&pair, actual, expected, at, stop, &found->odd);
        add_errors(found, &pair, at);
        if (tolerances)
            add_beyond(found, &pair, at, tolerances[0], tolerances[1]);
        if (squares)
            add_squares(found, &pair);
    }
}
