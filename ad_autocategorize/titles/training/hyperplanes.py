"""Linear one-versus-rest classifiers of many outcomes, each outcome with a hyperplane of its own.

Outcomes are fitted in blocks, so that memory does not grow with features times outcomes. If ads and outcomes are many, time does
not grow with ads times outcomes either: a support-vector machine depends on the ads near its hyperplane alone. So an outcome's
hyperplane is first learned from a sample, and then from the outcome's ads and those ads of others that the first hyperplane
hardly tells from them.

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

# liblinear returns a dense matrix of outcomes times features. A block has so many outcomes that the matrix has at most so many
# cells (128 MiB).
MAX_DENSE_CELLS = 2**24
# With fewer ads, or fewer ads times outcomes, every hyperplane is learned from all ads.
FEW_ADS = 5_000
FEW_CELLS = 5_000_000
# Otherwise a block has so many outcomes. A hyperplane is learned from the ads of its outcome, a random sample of all ads, and the
# ads of other outcomes that score highest.
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

    Parameters
    ----------
    estimator : of scikit-learn. Blocks are fitted only if it is a LinearSVC, whose outcomes do not depend on one another.
    rows : CSR, shape (ads, features).
    labels : shape (ads,): the outcome of each ad, counted from 0 without a gap.
    smallest : coefficients nearer to zero are dropped.
    weights : shape (ads,): how much each ad counts; ``None`` if all count the same.
    jobs : processes that fit blocks side by side.
    """
    from sklearn.svm import LinearSVC

    outcomes, width = int(labels.max()) + 1, rows.shape[1]
    # Features that no ad has are left out: liblinear's dense matrix of all features of a site would take gigabytes for a few ads.
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
    """Return whether so many ads and outcomes are fitted by samples, each hyperplane from the ads near it."""
    return ads > FEW_ADS and ads * outcomes > FEW_CELLS and outcomes > OUTCOMES_TOGETHER


def _outcomes_together(ads: int, features: int, outcomes: int) -> int:
    most = max(MAX_DENSE_CELLS // max(features, 1), 1)
    return min(most, OUTCOMES_TOGETHER) if is_wide(ads, outcomes) else most


def _fit_all(
    estimator: Any, rows: sparse.csr_array, labels: NDArray[np.intp], smallest: float, weights: FloatArray | None
) -> tuple[sparse.csr_array, FloatArray]:
    dense, intercepts = _fit(estimator, rows, labels, weights)
    if len(dense) == 2:
        # Two outcomes need one hyperplane: the score of the first outcome is always zero.
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
    """Fit the hyperplanes of the outcomes in ``block``."""
    # The other outcomes together are one more label, whose hyperplane is not kept.
    within = np.where((labels >= block.start) & (labels < block.stop), labels - block.start, len(block))
    if not is_wide(len(labels), int(labels.max()) + 1):
        dense, intercepts = _fit(estimator, rows, within, weights)
        return _sparse(dense[:-1], smallest), intercepts[:-1]
    parts = []
    for number, chosen in enumerate(_chosen_ads(estimator, rows, within, weights, len(block))):
        counted = None if weights is None else weights[chosen]
        dense, intercepts = _fit(estimator, rows[chosen], within[chosen] == number, counted)
        parts.append((_sparse(dense[1:], smallest), intercepts[1:]))
    return sparse.vstack([part for part, _ in parts], format="csr"), np.concatenate([each for _, each in parts])


def _chosen_ads(
    estimator: Any, rows: sparse.csr_array, labels: NDArray[np.intp], weights: FloatArray | None, outcomes: int
) -> Iterator[NDArray[np.intp]]:
    """Yield, for each outcome of a block, the positions of the ads that its hyperplane is learned from.

    ``labels`` are those within the block: the number of ``outcomes`` stands for any outcome outside of it.
    """
    drawn = np.random.default_rng(0).choice(len(labels), ADS_BY_CHANCE, replace=False)
    # With one ad of each label at least: nearly all ads may have the same label.
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
        # Training warns about many small categories itself, once and in its own words.
        warnings.filterwarnings("ignore", message="The number of unique classes is greater than 50%")
        estimator.fit(rows, labels, sample_weight=weights)
    dense, intercepts = estimator.coef_, np.asarray(estimator.intercept_, dtype=np.float64)
    if len(dense) == 1:
        return np.vstack([-dense, dense]), np.concatenate([-intercepts, intercepts])
    return dense, intercepts


def _sparse(dense: FloatArray, smallest: float) -> sparse.csr_array:
    """Return the matrix without coefficients nearer to zero than ``smallest``."""
    # Made of the dense matrix rather than of the positions of ``np.nonzero``: those are of 64 bits, and so would be the
    # columns of every table that is made of the result.
    return sparse.csr_array(np.where(np.abs(dense) >= smallest, dense, 0.0))
