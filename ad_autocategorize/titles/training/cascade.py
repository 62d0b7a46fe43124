"""The cascade: one local classifier for every inner node of the category tree, all on the same features.

Training side: imports scikit-learn. The result is plain numbers, which ``compilation`` turns into a scorer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ad_autocategorize.titles.hierarchy import Node, Path
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.hyperplanes import fit_hyperplanes, is_wide
from ad_autocategorize.titles.training.side_by_side import run_side_by_side
from ad_autocategorize.titles.training.splitting import draw_sample

FloatArray = NDArray[np.float64]

# Smaller coefficients are dropped: they are most of the model's size, and without them no fewer titles are filed rightly.
SMALLEST_COEFFICIENT = 0.05
# A node near the root of a large site learns from a sample of this many ads: one-versus-rest takes time in proportion to ads
# times outcomes, and more ads would teach it little. The nodes below learn from all of their own ads, so that no category goes
# short.
MAX_ADS_PER_NODE = 100_000
# C of a site that has too few ads to choose it by.
USUAL_REGULARIZATION = 1.0
# How far from the optimum liblinear may stop: a tighter bound takes longer, and no more titles are filed rightly.
SVC_TOLERANCE = 0.5
# Pseudo-count of multinomial naive Bayes at a node.
NODE_NAIVE_BAYES_SMOOTHING = 0.05
# The log loss is flatter than the hinge: at equal C it is the more regularised of the two.
LOGISTIC_SCALE = 3.0


@dataclass(frozen=True, slots=True)
class LocalClassifier:
    """What one node learned: ``margins = features @ coefficients.T + intercepts``, with a column per outcome.

    Attributes
    ----------
    outcomes : the paths that the node chooses between, at least two.
    coefficients : CSR, shape (outcomes, features); without entries where the node has no classifier.
    intercepts : shape (outcomes,).
    temperature : the margins are divided by it before the softmax (Guo et al., 2017).
    """

    outcomes: tuple[Path, ...]
    coefficients: sparse.csr_array
    intercepts: FloatArray
    temperature: float = 1.0

    @property
    def node(self) -> Path:
        """The path of the node.

        One outcome may be the node's own path ("stop here"); all others, which are longer, are paths of its children.
        """
        return max(self.outcomes, key=len)[:-1]

    def margins(self, features: sparse.csr_array) -> FloatArray:
        """Return uncalibrated scores, shape (titles, outcomes)."""
        return np.asarray((features @ self.coefficients.T).todense()) + self.intercepts


def train_nodes(
    features: sparse.csr_array,
    nodes: Sequence[Node],
    settings: TitleSettings,
    *,
    seed: int,
    jobs: int,
    progress: Callable[[], None],
    weights: FloatArray | None = None,
) -> list[LocalClassifier]:
    """Train the classifier of every node that has more than one outcome.

    Parameters
    ----------
    features : CSR, shape (ads, features).
    nodes : as ``with_sample`` returns them; their ``ads`` are rows of ``features``.
    jobs : processes that train nodes side by side. No threads: liblinear's random numbers are global to a process, so that with
        threads equal seeds would give unequal classifiers.
    progress : called after each trained node.
    weights : shape (ads,): how much each ad counts; ``None`` if all count the same.
    """

    def arguments(node: Node) -> tuple[sparse.csr_array, FloatArray | None, Node, TitleSettings, int]:
        return features[node.ads], None if weights is None else weights[node.ads], node, settings, seed

    trained: dict[Path, LocalClassifier] = {}
    narrow = []
    for node in nodes:
        if settings.classifier == "linear_svc" and is_wide(len(node.ads), len(node.outcomes)):
            # By all processes together: one of them would be busy with such a node long after the others have nothing left to do.
            trained[node.path] = _train_node(*arguments(node), jobs=jobs)
            progress()
        elif len(node.outcomes) > 1:
            narrow.append(node)
    classifiers = run_side_by_side(_train_node, map(arguments, narrow), jobs=jobs)
    for node, classifier in zip(narrow, classifiers, strict=True):
        trained[node.path] = classifier
        progress()
    return [trained[node.path] for node in nodes if node.path in trained]


def with_sample(node: Node, seed: int) -> Node:
    """Return the node with the ads that it learns from: a sample if it has more than ``MAX_ADS_PER_NODE``."""
    chosen = draw_sample(node.labels, MAX_ADS_PER_NODE, seed)
    return replace(node, ads=node.ads[chosen], labels=node.labels[chosen])


def _train_node(
    rows: sparse.csr_array, weights: FloatArray | None, node: Node, settings: TitleSettings, seed: int, jobs: int = 1
) -> LocalClassifier:
    if len(node.ads) < settings.min_ads_per_node:
        return _frequencies(node, rows.shape[1], weights)
    if settings.classifier in ("linear_svc", "logistic_regression"):
        estimator = _estimator(settings, seed)
        coefficients, intercepts = fit_hyperplanes(
            estimator, rows, node.labels, smallest=SMALLEST_COEFFICIENT, weights=weights, jobs=jobs
        )
        return LocalClassifier(node.outcomes, coefficients, intercepts)
    estimator = _estimator(settings, seed).fit(rows, node.labels, sample_weight=weights)
    return LocalClassifier(
        node.outcomes, sparse.csr_array(estimator.feature_log_prob_), np.asarray(estimator.class_log_prior_)
    )


def _frequencies(node: Node, width: int, weights: FloatArray | None) -> LocalClassifier:
    """Return a classifier that always answers with the outcomes' frequencies, one pseudo-count each: the ads are too few."""
    counts = np.bincount(node.labels, weights, minlength=len(node.outcomes)) + 1.0
    empty = sparse.csr_array((len(node.outcomes), width))
    return LocalClassifier(node.outcomes, empty, np.log(counts / counts.sum()))


def _estimator(settings: TitleSettings, seed: int) -> Any:
    regularization = settings.regularization or USUAL_REGULARIZATION
    match settings.classifier:
        case "linear_svc":
            from sklearn.svm import LinearSVC

            return LinearSVC(C=regularization, loss="hinge", tol=SVC_TOLERANCE, random_state=seed)
        case "logistic_regression":
            from sklearn.linear_model import LogisticRegression

            return LogisticRegression(C=regularization * LOGISTIC_SCALE, max_iter=300, random_state=seed)
        case "multinomial_nb":
            from sklearn.naive_bayes import MultinomialNB

            return MultinomialNB(alpha=NODE_NAIVE_BAYES_SMOOTHING)
