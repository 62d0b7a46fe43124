"""The cascade: one local classifier for every inner node of the category tree, all on the same features.

Training side: imports scikit-learn. The result is plain numbers, which ``compilation`` turns into a scorer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ad_autocategorize.titles.hierarchy import Node, Path
from ad_autocategorize.titles.settings import TitleSettings

FloatArray = NDArray[np.float64]

# Naive Bayes pseudo-count: TF-IDF rows have length one, so whole counts of one would drown them.
NAIVE_BAYES_SMOOTHING = 0.05


@dataclass(frozen=True, slots=True)
class LocalClassifier:
    """What one node learned: ``margins = features @ coefficients.T + intercepts``, one column an outcome.

    Attributes
    ----------
    outcomes : the paths that the node chooses between, at least two.
    coefficients : CSR, shape (outcomes, features); without entries where the node has no classifier or is a tree.
    intercepts : shape (outcomes,).
    temperature : the margins are multiplied by it before the softmax.
    tree : the fitted decision tree, where the settings ask for one.
    """

    outcomes: tuple[Path, ...]
    coefficients: sparse.csr_array
    intercepts: FloatArray
    temperature: float = 1.0
    tree: Any = None

    def margins(self, features: sparse.csr_array) -> FloatArray:
        """Return uncalibrated scores, shape (titles, outcomes)."""
        if self.tree is not None:
            return np.asarray(np.log(self.tree.predict_proba(features) + TREE_PROBABILITY_FLOOR))
        return np.asarray((features @ self.coefficients.T).todense()) + self.intercepts


# A leaf's frequency of zero must not rule a category out for good.
TREE_PROBABILITY_FLOOR = 0.01


def train_nodes(
    features: sparse.csr_array,
    nodes: Sequence[Node],
    settings: TitleSettings,
    *,
    seed: int,
    jobs: int,
    progress: Callable[[], None],
) -> list[LocalClassifier]:
    """Train the classifier of every node that has a choice; single-outcome nodes are passed through.

    ``progress`` is called once a trained node. ``jobs`` are processes: liblinear's random numbers are global to a process, so
    that threads would make equal seeds give unequal classifiers.
    """
    from joblib import Parallel, delayed

    choices = [node for node in nodes if len(node.outcomes) > 1]
    tasks = (delayed(_train_node)(features[node.ads], node, settings, seed) for node in choices)
    trained = []
    for classifier in Parallel(n_jobs=jobs, return_as="generator")(tasks):
        trained.append(classifier)
        progress()
    return trained


def _train_node(rows: sparse.csr_array, node: Node, settings: TitleSettings, seed: int) -> LocalClassifier:
    if len(node.ads) < settings.min_ads_per_node:
        return _frequencies(node, rows.shape[1])
    estimator = _estimator(settings, seed).fit(rows, node.labels)
    if settings.classifier == "decision_tree":
        empty = sparse.csr_array((len(node.outcomes), rows.shape[1]))
        return LocalClassifier(node.outcomes, empty, np.zeros(len(node.outcomes)), tree=estimator)
    if settings.classifier == "multinomial_nb":
        return LocalClassifier(
            node.outcomes, sparse.csr_array(estimator.feature_log_prob_), np.asarray(estimator.class_log_prior_)
        )
    coefficients, intercepts = estimator.coef_, np.asarray(estimator.intercept_, dtype=np.float64)
    if len(node.outcomes) == 2:
        # One hyperplane tells two outcomes apart: the first keeps a score of zero.
        coefficients = np.vstack([np.zeros_like(coefficients), coefficients])
        intercepts = np.concatenate([[0.0], intercepts])
    return LocalClassifier(node.outcomes, sparse.csr_array(coefficients), intercepts)


def _frequencies(node: Node, width: int) -> LocalClassifier:
    """Answer with the outcomes' frequencies, one pseudo-count each, where the ads are too few to learn from."""
    counts = np.bincount(node.labels, minlength=len(node.outcomes)) + 1.0
    empty = sparse.csr_array((len(node.outcomes), width))
    return LocalClassifier(node.outcomes, empty, np.log(counts / counts.sum()))


def _estimator(settings: TitleSettings, seed: int) -> Any:
    match settings.classifier:
        case "linear_svc":
            from sklearn.svm import LinearSVC

            return LinearSVC(C=settings.regularization, random_state=seed)
        case "logistic_regression":
            from sklearn.linear_model import LogisticRegression

            return LogisticRegression(C=settings.regularization * LOGISTIC_SCALE, max_iter=300, random_state=seed)
        case "multinomial_nb":
            from sklearn.naive_bayes import MultinomialNB

            return MultinomialNB(alpha=NAIVE_BAYES_SMOOTHING)
        case "decision_tree":
            from sklearn.tree import DecisionTreeClassifier

            return DecisionTreeClassifier(random_state=seed)


# The log loss is flatter than the squared hinge: at equal C it is the more regularised of the two.
LOGISTIC_SCALE = 10.0


@dataclass(frozen=True, slots=True)
class FlatNaiveBayes:
    """Multinomial naive Bayes over all categories at once, kept sparse.

    The log-likelihood of feature f in category c, ``log((n_cf + a) / (N_c + a F))`` with pseudo-count a, is split into
    ``log(1 + n_cf / a)``, which is zero where the category never saw the feature, and ``log(a / (N_c + a F))``, which
    multiplies the sum of the title's features.

    Attributes
    ----------
    categories : the paths at which ads are filed, sorted.
    coefficients : CSR, shape (categories, features).
    floors, frequencies : shape (categories,); ``frequencies`` are the categories' shares of the ads.
    """

    categories: tuple[Path, ...]
    coefficients: sparse.csr_array
    floors: FloatArray
    frequencies: FloatArray

    def log_likelihoods(self, features: sparse.csr_array) -> FloatArray:
        """Return joint log-probabilities, shape (titles, categories)."""
        sums = np.asarray(features.sum(axis=1), dtype=np.float64).reshape(-1, 1)
        scores = np.asarray((features @ self.coefficients.T).todense())
        return np.asarray(scores + sums * self.floors + np.log(self.frequencies), dtype=np.float64)


def train_naive_bayes(features: sparse.csr_array, paths: Sequence[Path]) -> FlatNaiveBayes:
    """Count features by category; one sparse product."""
    categories = tuple(sorted(set(paths)))
    position = {path: index for index, path in enumerate(categories)}
    labels = np.fromiter((position[path] for path in paths), dtype=np.intp, count=len(paths))
    members = sparse.csr_array((np.ones(len(paths)), (labels, np.arange(len(paths)))), (len(categories), len(paths)))
    counts = sparse.csr_array(members @ features)
    totals = np.asarray(counts.sum(axis=1)).ravel()
    counts.data = np.log1p(counts.data / NAIVE_BAYES_SMOOTHING)
    floors = np.log(NAIVE_BAYES_SMOOTHING) - np.log(totals + NAIVE_BAYES_SMOOTHING * features.shape[1])
    return FlatNaiveBayes(categories, counts, floors, np.bincount(labels) / len(paths))


def tree_scores(tree: Any) -> FloatArray:
    """Return the scores of all tree nodes of a fitted decision tree, shape (tree nodes, outcomes)."""
    counts = tree.tree_.value[:, 0, :]
    shares = counts / counts.sum(axis=1, keepdims=True)
    return np.asarray(np.log(shares + TREE_PROBABILITY_FLOOR))
