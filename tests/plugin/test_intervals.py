"""Confidence intervals, against SciPy's."""

import numpy as np
import pytest
from scipy.stats import binomtest

from ad_autocategorize.statistics.intervals import wilson_bounds


def test_wilson_bounds_are_those_of_the_exact_reference():
    right, ads = np.array([0, 1, 30, 95, 380]), np.array([1, 7, 30, 100, 400])
    low, high = wilson_bounds(right, ads)
    for place, (k, n) in enumerate(zip(right.tolist(), ads.tolist(), strict=True)):
        expected = binomtest(k, n).proportion_ci(confidence_level=0.95, method="wilson")
        assert (low[place], high[place]) == pytest.approx((expected.low, expected.high))
