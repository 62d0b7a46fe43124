"""The flat model: scores of all categories at once, added to the cascade's log-probabilities.

A cascade's node sees its own ads only; what tells two categories of different branches apart it has to read at the root.
Two flat models beside it mend that, each strong where the other is weak: multinomial naive Bayes, which generalises from
one ad, and a linear support-vector machine on the word block, which weighs words against each other. Both are linear in the
features, so that they cost a compiled scorer nothing but columns.

Training side: imports scikit-learn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ad_autocategorize.titles.hierarchy import Path
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.cascade import SVC_TOLERANCE, fit_hyperplanes, linear_svc
from ad_autocategorize.titles.training.splitting import draw_sample

FloatArray = NDArray[np.float64]

# Naive Bayes pseudo-count: TF-IDF rows have length one, so whole counts of one would drown them.
NAIVE_BAYES_SMOOTHING = 0.05
# Smaller coefficients of the support-vector machine are dropped.
SMALLEST_COEFFICIENT = 0.2
# C of the flat machine beside that of a node's: all ads of the site bear less regularisation than the few of a node.
REGULARIZATION_FACTOR = 2.0
# From this many ads on the flat machine may stop further from its optimum than a node's: the bound is on the worst ad of all,
# and is met long after the hyperplanes stand still.
MANY_ADS = 5_000
TOLERANCE_OF_MANY = 1.0
# One against the rest takes time with ads times categories: beyond this many ads a sample has to do.
MAX_SVC_ADS = 50_000


@dataclass(frozen=True, slots=True)
class FlatModel:
    """``scores = features @ coefficients.T + features.sum() * floors + intercepts``, one column a category.

    Attributes
    ----------
    categories : the paths at which ads are filed, sorted.
    coefficients : CSR, shape (categories, features).
    floors, intercepts : shape (categories,).
    """

    categories: tuple[Path, ...]
    coefficients: sparse.csr_array
    floors: FloatArray
    intercepts: FloatArray

    def scores(self, features: sparse.csr_array) -> FloatArray:
        """Return what is added to the log-probability of each category, shape (titles, categories)."""
        sums = np.asarray(features.sum(axis=1), dtype=np.float64).reshape(-1, 1)
        return np.asarray((features @ self.coefficients.T).todense()) + sums * self.floors + self.intercepts

    def scaled(self, factor: float) -> FlatModel:
        """Return the model whose scores are ``factor`` times these."""
        return FlatModel(self.categories, self.coefficients * factor, self.floors * factor, self.intercepts * factor)


def train_flat(
    features: sparse.csr_array,
    word_features: int,
    paths: Sequence[Path],
    settings: TitleSettings,
    seed: int,
    weights: FloatArray | None = None,
) -> FlatModel:
    """Train both parts, weighted as the settings say; the first ``word_features`` columns are the word block.

    ``weights`` says how much each ad counts; all the same for ``None``.
    """
    categories = tuple(sorted(set(paths)))
    position = {path: index for index, path in enumerate(categories)}
    labels = np.fromiter((position[path] for path in paths), dtype=np.intp, count=len(paths))
    bayes = _naive_bayes(features, labels, categories, weights).scaled(settings.naive_bayes_weight)
    if not settings.flat_svc_weight:
        return bayes
    sample = draw_sample(labels, MAX_SVC_ADS, seed)
    tolerance = TOLERANCE_OF_MANY if len(sample) >= MANY_ADS else SVC_TOLERANCE
    coefficients, intercepts = fit_hyperplanes(
        linear_svc(settings.regularization * REGULARIZATION_FACTOR, seed, tolerance),
        features[sample, :word_features],
        labels[sample],
        smallest=SMALLEST_COEFFICIENT,
        weights=None if weights is None else weights[sample],
    )
    blank = sparse.csr_array((len(categories), features.shape[1] - word_features))
    margins = sparse.hstack([coefficients * settings.flat_svc_weight, blank], format="csr")
    return FlatModel(
        categories,
        sparse.csr_array(bayes.coefficients + margins),
        bayes.floors,
        bayes.intercepts + intercepts * settings.flat_svc_weight,
    )


def _naive_bayes(
    features: sparse.csr_array,
    labels: NDArray[np.intp],
    categories: tuple[Path, ...],
    weights: FloatArray | None,
) -> FlatModel:
    """Count features by category; one sparse product.

    The log-likelihood of feature f in category c, ``log((n_cf + a) / (N_c + a F))`` with pseudo-count a, is split into
    ``log(1 + n_cf / a)``, which is zero where the category never saw the feature, and ``log(a / (N_c + a F))``, which
    multiplies the sum of the title's features.
    """
    titles = len(labels)
    counted = np.ones(titles) if weights is None else weights
    members = sparse.csr_array((counted, (labels, np.arange(titles))), (len(categories), titles))
    counts = sparse.csr_array(members @ features)
    totals = np.asarray(counts.sum(axis=1)).ravel()
    counts.data = np.log1p(counts.data / NAIVE_BAYES_SMOOTHING)
    floors = np.log(NAIVE_BAYES_SMOOTHING) - np.log(totals + NAIVE_BAYES_SMOOTHING * features.shape[1])
    return FlatModel(categories, counts, floors, np.log(np.bincount(labels, weights) / counted.sum()))
