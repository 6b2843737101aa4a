"""Comparing the outputs of two runs: pairing, metrics, and the verdict as data.

    pairing      which run is compared with which, and which output with which
    metrics      one way to compare two arrays each, in one file each
    compare      PairComparator: every output and metric of two runs, iteration by iteration
    outcome      what came out of it, as data
    postprocess  outputs replaced by their top-K indices before they are compared
    stats        statistics and histograms for detailed display

Importing this package, its metrics or its options does not import numpy.
"""
