"""Has the library that the command line names compute everything for arrays of any bits of every type."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from trtkit.comparator.arraypair import ArrayPair
from trtkit.comparator.distribution import error_quantile
from trtkit.comparator.stats import error_histogram, summary
from trtkit.dtypes import DTYPES, numpy_dtype
from trtkit.native import library

vars(library)["LIBRARY"] = Path(sys.argv[1])
rng = np.random.default_rng(0)
for name in DTYPES:
    dtype = numpy_dtype(name)
    actual, expected = (np.frombuffer(rng.bytes(1300 * dtype.itemsize), dtype) for _ in "ae")
    for size in (0, 1, 7, 512, 1300):
        pair = ArrayPair("y", actual[:size], expected[:size])
        pair.want_tolerance(0.5, 0.5)
        pair.want_squares()
        assert pair.errors.total == size
        assert 0 <= pair.expected_scale <= 1
        if size:
            error_quantile(pair, 0.5, relative=True)
        error_histogram(pair)
        with np.errstate(all="ignore"):
            summary(actual[:size])
print(library.computed_by())
