"""The flat models: scores of all categories at once, added to the cascade's log-probabilities.

A node of the cascade learns from its own ads only, so that two categories of different branches are told apart at the root alone,
where there is one classifier for all ads. Two flat models make up for that, each strong where the other is weak: multinomial
naive Bayes, which generalises from a single ad, and a linear support-vector machine on the word block, which weighs words against
each other. Both are linear in the features: in a compiled scorer they are columns like any other.

Training side: imports scikit-learn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ad_autocategorize.titles.hierarchy import Path
from ad_autocategorize.titles.training.hyperplanes import fit_hyperplanes
from ad_autocategorize.titles.training.splitting import draw_sample

FloatArray = NDArray[np.float64]

# The pseudo-count of naive Bayes. TF-IDF rows have length one, so that a pseudo-count of 1 would outweigh them.
NAIVE_BAYES_SMOOTHING = 0.05
# How many counts a title adds up on average, at most. With thousands of categories there would be far more, which would take
# most of the model's size and of the time per title. Features that most categories have seen are left out first: they tell few
# apart.
MAX_COUNTS_OF_TITLE = 2**11
# Coefficients of the support-vector machine are dropped if, times the machine's usual weight, they are below this.
SMALLEST_CONTRIBUTION = 0.2
# How far from the optimum liblinear may stop, and how far with ``MANY_ADS`` or more. The bound is on the worst ad of all:
# among many ads it is met long after the hyperplanes have stopped moving.
SVC_TOLERANCE = 0.1
MANY_ADS = 5_000
TOLERANCE_OF_MANY = 0.5
# One-versus-rest takes time in proportion to ads times categories, so that it learns from a sample of at most so many ads.
MAX_SVC_ADS = 50_000
# The weight that suits the machine's margins at C = 0.1, and how it falls with C: the more regularised, the smaller they are.
USUAL_WEIGHT = 6.0
USUAL_WEIGHT_EXPONENT = -0.3


@dataclass(frozen=True, slots=True)
class FlatModel:
    """``scores = features @ coefficients.T + (features @ counted) * floors + intercepts``, with a column per category.

    Attributes
    ----------
    categories : the paths at which ads are filed, sorted.
    coefficients : CSR, shape (categories, features).
    floors : shape (categories,): what any counted feature adds to a score; that of naive Bayes for a feature that the category
        never saw.
    intercepts : shape (categories,).
    counted : shape (features,): 1 for a feature that naive Bayes counts, 0 for others.
    """

    categories: tuple[Path, ...]
    coefficients: sparse.csr_array
    floors: FloatArray
    intercepts: FloatArray
    counted: FloatArray

    def scores(self, features: sparse.csr_array) -> FloatArray:
        """Return the score of each category, shape (titles, categories)."""
        sums = np.asarray(features @ self.counted).reshape(-1, 1)
        return np.asarray((features @ self.coefficients.T).todense()) + sums * self.floors + self.intercepts

    def scaled(self, factor: float) -> FlatModel:
        """Return the model whose scores are ``factor`` times these."""
        scaled = self.coefficients * factor, self.floors * factor, self.intercepts * factor
        return FlatModel(self.categories, *scaled, self.counted)

    def __add__(self, other: FlatModel) -> FlatModel:
        """Return the model whose scores are the sums of both, which have the same categories; one of them has no floors."""
        return FlatModel(
            self.categories,
            sparse.csr_array(self.coefficients + other.coefficients),
            self.floors + other.floors,
            self.intercepts + other.intercepts,
            np.maximum(self.counted, other.counted),
        )


def no_flat_model(categories: tuple[Path, ...], features: int) -> FlatModel:
    """Return the model whose scores are all zero."""
    nothing = np.zeros(len(categories))
    return FlatModel(categories, sparse.csr_array((len(categories), features)), nothing, nothing, np.zeros(features))


def usual_svc_weight(regularization: float) -> float:
    """Return the usual weight, beside the cascade, of a support-vector machine of that C."""
    return float(USUAL_WEIGHT * (regularization / 0.1) ** USUAL_WEIGHT_EXPONENT)


def train_flat_svc(
    features: sparse.csr_array,
    word_features: int,
    labels: NDArray[np.intp],
    categories: tuple[Path, ...],
    regularization: float,
    seed: int,
    weights: FloatArray | None = None,
    jobs: int = 1,
) -> FlatModel:
    """Train the support-vector machine, with the squared hinge loss, on the first ``word_features`` columns.

    Parameters
    ----------
    features : CSR, shape (titles, features), those of the word block first.
    labels : shape (titles,): positions in ``categories``, each of which occurs.
    regularization : C.
    weights : shape (titles,): how much each title counts; ``None`` if all count the same.
    jobs : processes that train categories side by side.
    """
    from sklearn.svm import LinearSVC

    sample = draw_sample(labels, MAX_SVC_ADS, seed)
    tolerance = SVC_TOLERANCE if len(sample) < MANY_ADS else TOLERANCE_OF_MANY
    coefficients, intercepts = fit_hyperplanes(
        LinearSVC(C=regularization, loss="squared_hinge", tol=tolerance, random_state=seed),
        features[sample, :word_features],
        labels[sample],
        smallest=SMALLEST_CONTRIBUTION / usual_svc_weight(regularization),
        weights=None if weights is None else weights[sample],
        jobs=jobs,
    )
    blank = sparse.csr_array((len(categories), features.shape[1] - word_features))
    wide = sparse.csr_array(sparse.hstack([coefficients, blank], format="csr"))
    return FlatModel(categories, wide, np.zeros(len(categories)), intercepts, np.zeros(features.shape[1]))


def train_naive_bayes(
    features: sparse.csr_array,
    labels: NDArray[np.intp],
    categories: tuple[Path, ...],
    weights: FloatArray | None = None,
    total: float | None = None,
    counted: FloatArray | None = None,
) -> FlatModel:
    """Train multinomial naive Bayes: the features of each category's titles are summed, in one sparse product.

    The log-likelihood of feature f in category c, ``log((n_cf + a) / (N_c + a F))`` with pseudo-count a, is split in two:
    ``log(1 + n_cf / a)``, the coefficient, which is zero if the category never saw the feature; and ``log(a / (N_c + a F))``, the
    floor, which is multiplied by the sum of the title's features.

    Parameters
    ----------
    features, labels, weights : as in ``train_flat_svc``.
    total : the sum of the weights of all titles, if these are only those of some categories. It shifts all scores alike.
    counted : shape (features,): the ``FlatModel.counted`` of an earlier training. By default features are left out, those that
        most categories have seen first, until a title adds up ``MAX_COUNTS_OF_TITLE`` counts on average.
    """
    titles = len(labels)
    weight = np.ones(titles) if weights is None else weights
    # Positions of 32 bits: those of the product are of as many, and it is the largest part of a model while that is made.
    places = labels.astype(np.int32), np.arange(titles, dtype=np.int32)
    members = sparse.csr_array((weight, places), (len(categories), titles))
    counts = sparse.csr_array(members @ features)
    if counted is None:
        counted = _narrow_features(counts, np.bincount(features.indices, minlength=counts.shape[1]), titles)
    counts.data *= counted[counts.indices]
    counts.eliminate_zeros()
    totals = np.asarray(counts.sum(axis=1)).ravel()
    counts.data = np.log1p(counts.data / NAIVE_BAYES_SMOOTHING)
    floors = np.log(NAIVE_BAYES_SMOOTHING) - np.log(totals + NAIVE_BAYES_SMOOTHING * counted.sum())
    share = np.log(np.bincount(labels, weights) / (total or weight.sum()))
    return FlatModel(categories, counts, floors, share, counted)


def _narrow_features(counts: sparse.csr_array, frequency: NDArray[np.intp], titles: int) -> FloatArray:
    """Return ``FlatModel.counted``: the features that the fewest categories have seen are counted, as many as allowed."""
    spread = np.bincount(counts.indices, minlength=counts.shape[1])
    narrowest = np.argsort(spread, kind="stable")
    added = np.cumsum((spread * frequency)[narrowest]) / titles
    kept = np.zeros(counts.shape[1])
    kept[narrowest[added <= MAX_COUNTS_OF_TITLE]] = 1.0
    return kept
