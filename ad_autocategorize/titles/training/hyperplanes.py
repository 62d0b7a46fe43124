"""Linear classifiers of many outcomes, in blocks of outcomes: memory does not grow with features times outcomes.

Nor does time with ads times outcomes. A support-vector machine is made by the ads near its hyperplane alone. Where ads and
outcomes are many, an outcome's hyperplane is first learned from a sample, and then from the ads of the outcome and those of the
others that the first one hardly tells from them.

Training side: imports scikit-learn.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ad_autocategorize.titles.training.side_by_side import run_side_by_side

FloatArray = NDArray[np.float64]

# liblinear answers with a dense matrix: it is asked for so many outcomes at once that it has no more cells (128 MiB).
MAX_DENSE_CELLS = 2**24
# With fewer ads, or fewer ads times outcomes, every hyperplane is learned from all ads.
FEW_ADS = 20_000
FEW_CELLS = 5_000_000
# Otherwise so many outcomes are taken together, and of the others' ads these are learned from: some by chance, and the hardest.
OUTCOMES_TOGETHER = 32
ADS_BY_CHANCE = 2_000
HARDEST_ADS = 12_000


def fit_hyperplanes(
    estimator: Any,
    rows: sparse.csr_array,
    labels: NDArray[np.intp],
    *,
    smallest: float,
    weights: FloatArray | None = None,
    jobs: int = 1,
) -> tuple[sparse.csr_array, FloatArray]:
    """Fit a linear estimator; return coefficients (CSR, shape (outcomes, features)) and intercepts, shape (outcomes,).

    ``labels`` count from zero without a gap. Coefficients below ``smallest`` are left out. ``jobs`` processes fit blocks of
    outcomes side by side, if the estimator is a support-vector machine, whose outcomes do not depend on one another.
    """
    from sklearn.svm import LinearSVC

    outcomes, width = int(labels.max()) + 1, rows.shape[1]
    # A column for each feature of the site would be gigabytes for a few ads.
    used = np.flatnonzero(np.bincount(rows.indices, minlength=width)).astype(np.int32)
    place = np.zeros(width, dtype=np.int32)
    place[used] = np.arange(len(used))
    narrow = sparse.csr_array((rows.data, place[rows.indices], rows.indptr), shape=(rows.shape[0], len(used)))
    size = _outcomes_together(len(labels), len(used), outcomes) if isinstance(estimator, LinearSVC) else outcomes
    if size >= outcomes:
        parts = [_fit_all(estimator, narrow, labels, smallest, weights)]
    else:
        blocks = (range(start, min(start + size, outcomes)) for start in range(0, outcomes, size))
        tasks = ((estimator, narrow, labels, block, smallest, weights) for block in blocks)
        parts = list(run_side_by_side(_fit_block, tasks, jobs=jobs))
    coefficients = sparse.csr_array(sparse.vstack([part for part, _ in parts], format="csr"))
    wide = (coefficients.data, used[coefficients.indices], coefficients.indptr)
    return sparse.csr_array(wide, shape=(outcomes, width)), np.concatenate([intercepts for _, intercepts in parts])


def is_wide(ads: int, outcomes: int) -> bool:
    """Return whether hyperplanes are learned from the ads near them rather than from all."""
    return ads > FEW_ADS and ads * outcomes > FEW_CELLS and outcomes > OUTCOMES_TOGETHER


def _outcomes_together(ads: int, features: int, outcomes: int) -> int:
    most = max(MAX_DENSE_CELLS // max(features, 1), 1)
    return min(most, OUTCOMES_TOGETHER) if is_wide(ads, outcomes) else most


def _fit_all(
    estimator: Any, rows: sparse.csr_array, labels: NDArray[np.intp], smallest: float, weights: FloatArray | None
) -> tuple[sparse.csr_array, FloatArray]:
    dense, intercepts = _fit(estimator, rows, labels, weights)
    if len(dense) == 2:
        # One hyperplane tells two outcomes apart: the first keeps a score of zero.
        dense[0], intercepts[0] = 0.0, 0.0
    return _sparse(dense, smallest), intercepts


def _fit_block(
    estimator: Any,
    rows: sparse.csr_array,
    labels: NDArray[np.intp],
    block: range,
    smallest: float,
    weights: FloatArray | None,
) -> tuple[sparse.csr_array, FloatArray]:
    """Fit the hyperplanes of some of the outcomes."""
    # All other outcomes are one, whose hyperplane nobody wants.
    within = np.where((labels >= block.start) & (labels < block.stop), labels - block.start, len(block))
    if not is_wide(len(labels), int(labels.max()) + 1):
        dense, intercepts = _fit(estimator, rows, within, weights)
        return _sparse(dense[:-1], smallest), intercepts[:-1]
    parts = []
    for number, chosen in enumerate(_near(estimator, rows, within, weights, len(block))):
        counted = None if weights is None else weights[chosen]
        dense, intercepts = _fit(estimator, rows[chosen], within[chosen] == number, counted)
        parts.append((_sparse(dense[1:], smallest), intercepts[1:]))
    return sparse.vstack([part for part, _ in parts], format="csr"), np.concatenate([each for _, each in parts])


def _near(
    estimator: Any, rows: sparse.csr_array, labels: NDArray[np.intp], weights: FloatArray | None, outcomes: int
) -> Iterator[NDArray[np.intp]]:
    """Yield for each outcome the ads that its hyperplane is learned from; ``outcomes`` is the label of all other ads."""
    drawn = np.random.default_rng(0).choice(len(labels), ADS_BY_CHANCE, replace=False)
    # And one at least of each label, where nearly all ads have the same.
    chance = np.union1d(drawn, np.unique(labels, return_index=True)[1])
    sample = np.union1d(chance, np.flatnonzero(labels < outcomes))
    dense, intercepts = _fit(estimator, rows[sample], labels[sample], None if weights is None else weights[sample])
    scores = rows @ np.ascontiguousarray(dense[:outcomes].T) + intercepts[:outcomes]
    for outcome in range(outcomes):
        others = np.flatnonzero((labels != outcome) & (scores[:, outcome] > -1))
        if len(others) > HARDEST_ADS:
            hardest = np.argpartition(-scores[others, outcome], HARDEST_ADS)[:HARDEST_ADS]
            others = others[hardest]
        yield np.unique(np.concatenate([chance, np.flatnonzero(labels == outcome), others]))


def _fit(
    estimator: Any, rows: sparse.csr_array, labels: NDArray[Any], weights: FloatArray | None
) -> tuple[FloatArray, FloatArray]:
    """Return a dense hyperplane for each label, and their intercepts."""
    with warnings.catch_warnings():
        # A site of many small categories is told so in words of its own, once.
        warnings.filterwarnings("ignore", message="The number of unique classes is greater than 50%")
        estimator.fit(rows, labels, sample_weight=weights)
    dense, intercepts = estimator.coef_, np.asarray(estimator.intercept_, dtype=np.float64)
    if len(dense) == 1:
        return np.vstack([-dense, dense]), np.concatenate([-intercepts, intercepts])
    return dense, intercepts


def _sparse(dense: FloatArray, smallest: float) -> sparse.csr_array:
    # Not by the positions that NumPy finds: they are of 64 bits, and so would be the columns of every table made of these.
    return sparse.csr_array(np.where(np.abs(dense) >= smallest, dense, 0.0))
