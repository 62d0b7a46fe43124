"""Training and scoring of a model's parts, the cascade and the flat models, before they are combined into one scorer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import log_softmax

from ad_autocategorize.titles.features import TitleFeatures
from ad_autocategorize.titles.hierarchy import Path, build_nodes
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.calibration import Temperatures, Unseen
from ad_autocategorize.titles.training.cascade import (
    USUAL_REGULARIZATION,
    LocalClassifier,
    train_nodes,
    with_sample,
)
from ad_autocategorize.titles.training.combination import UNKNOWN, FloatArray, Scores
from ad_autocategorize.titles.training.compilation import build_tree
from ad_autocategorize.titles.training.examples import Examples
from ad_autocategorize.titles.training.flat import FlatModel, train_flat_svc, train_naive_bayes, usual_svc_weight

# What a site gets if it has too few ads to choose by; on others the search begins there.
USUAL_FLAT_REGULARIZATION = 0.1
USUAL_BAYES_WEIGHT = 0.3


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """Examples to learn from, as features.

    Attributes
    ----------
    features : the vocabulary of the examples.
    matrix : CSR, shape (examples, features).
    categories : the paths that the examples are filed at, sorted.
    labels : shape (examples,): the position in ``categories`` of each example's path.
    """

    examples: Examples
    features: TitleFeatures
    matrix: sparse.csr_array
    categories: tuple[Path, ...]
    labels: NDArray[np.intp]

    @classmethod
    def of(cls, examples: Examples, settings: TitleSettings) -> TrainingSet:
        """Learn the vocabulary of the examples and turn them into features."""
        features = TitleFeatures(settings).fit(examples.contents)
        categories = tuple(sorted(set(examples.paths)))
        position = {path: index for index, path in enumerate(categories)}
        labels = np.fromiter((position[path] for path in examples.paths), dtype=np.intp, count=len(examples))
        return cls(examples, features, features.transform(examples.contents), categories, labels)

    def train_cascade(
        self, settings: TitleSettings, seed: int, jobs: int, progress: Callable[[], None] = lambda: None
    ) -> list[LocalClassifier]:
        """Train the classifier of every node; ``progress`` is called after each."""
        nodes = [with_sample(node, seed) for node in build_nodes(self.examples.paths)]
        weights = self.examples.weights
        return train_nodes(self.matrix, nodes, settings, seed=seed, jobs=jobs, progress=progress, weights=weights)

    def train_naive_bayes(self) -> FlatModel:
        """Train naive Bayes over all categories."""
        return train_naive_bayes(self.matrix, self.labels, self.categories, self.examples.weights)

    def train_flat_svc(self, regularization: float, seed: int, jobs: int) -> FlatModel:
        """Train the support-vector machine over all categories; ``regularization`` is its C."""
        words, weights = len(self.features.words), self.examples.weights
        return train_flat_svc(self.matrix, words, self.labels, self.categories, regularization, seed, weights, jobs)

    def train_flat_models(self, settings: TitleSettings, seed: int, jobs: int) -> list[FlatModel]:
        """Train the flat models that are in use, in the order of ``FlatWeights``."""
        models = []
        if settings.naive_bayes_weight != 0:
            models.append(self.train_naive_bayes())
        if settings.flat_svc_weight != 0:
            models.append(self.train_flat_svc(settings.flat_regularization or USUAL_FLAT_REGULARIZATION, seed, jobs))
        return models


@dataclass(frozen=True, slots=True)
class UnseenTitles:
    """Titles that were not learned from, as features of a vocabulary that was learned without them.

    Attributes
    ----------
    matrix : CSR, shape (titles, features).
    paths : where the titles are filed.
    categories : the paths of the training set, sorted.
    targets : shape (titles,): the position in ``categories`` of each title's path, ``UNKNOWN`` if the training set lacks it.
    """

    matrix: sparse.csr_array
    paths: list[Path]
    categories: tuple[Path, ...]
    targets: NDArray[np.intp]

    @classmethod
    def of(cls, examples: Examples, training_set: TrainingSet) -> UnseenTitles:
        """Turn examples into features of a training set that they are no part of."""
        position = {path: index for index, path in enumerate(training_set.categories)}
        targets = np.array([position.get(path, UNKNOWN) for path in examples.paths], dtype=np.intp)
        return cls(training_set.features.transform(examples.contents), examples.paths, training_set.categories, targets)

    def part(self, chosen: NDArray[np.intp]) -> UnseenTitles:
        """Return the titles at the given positions."""
        paths = [self.paths[row] for row in chosen.tolist()]
        return UnseenTitles(self.matrix[chosen], paths, self.categories, self.targets[chosen])

    def with_classifiers(self, classifiers: Sequence[LocalClassifier]) -> Unseen:
        """Return the titles with the classifiers whose temperatures are to be fitted to them."""
        return Unseen(classifiers, self.matrix, self.paths)

    def path_scores(self, classifiers: Sequence[LocalClassifier]) -> FloatArray:
        """Return the cascade's log-probabilities of whole paths, shape (titles, categories)."""
        tree = build_tree(classifiers, self.categories)
        columns = [log_softmax(each.margins(self.matrix) / each.temperature, axis=1) for each in classifiers]
        # The column of zeros is read wherever a path has no edge.
        edges = np.hstack([*columns, np.zeros((self.matrix.shape[0], 1))])
        return np.asarray(sum(edges[:, level] for level in tree.path_edges))

    def scores(
        self, classifiers: Sequence[LocalClassifier], flat: Sequence[FlatModel], temperatures: Temperatures
    ) -> Scores:
        """Return the scores of the cascade, calibrated with ``temperatures``, and of the flat models."""
        path = self.path_scores(temperatures.apply(classifiers))
        return Scores(np.stack([path, *(model.scores(self.matrix) for model in flat)]), self.targets)


class FlatWeights(NamedTuple):
    """The weights of the flat models that are in use, naive Bayes before the support-vector machine.

    A model whose weight is set to 0 is not in use. ``is_free`` says which weights the settings leave open: these have the usual
    value, which is where a search for a better one begins.
    """

    values: list[float]
    is_free: list[bool]


def flat_weights(settings: TitleSettings) -> FlatWeights:
    """Return the weights that the settings give the flat models, or the usual ones."""
    usual_svc = usual_svc_weight(settings.flat_regularization or USUAL_FLAT_REGULARIZATION)
    pairs = [(settings.naive_bayes_weight, USUAL_BAYES_WEIGHT), (settings.flat_svc_weight, usual_svc)]
    in_use = [(given, usual) for given, usual in pairs if given != 0]
    values = [usual if given is None else given for given, usual in in_use]
    return FlatWeights(values, [given is None for given, _ in in_use])


def with_flat_weights(settings: TitleSettings, values: Sequence[float]) -> TitleSettings:
    """Return the settings with the weights of the flat models in use, in the order of ``FlatWeights``."""
    remaining = iter(values)
    bayes = 0.0 if settings.naive_bayes_weight == 0 else next(remaining)
    svc = 0.0 if settings.flat_svc_weight == 0 else next(remaining)
    return replace(settings, naive_bayes_weight=bayes, flat_svc_weight=svc)


def usual_regularization(settings: TitleSettings) -> TitleSettings:
    """Return the settings with the usual C in place of each that is ``None``."""
    return replace(
        settings,
        regularization=settings.regularization or USUAL_REGULARIZATION,
        flat_regularization=settings.flat_regularization or USUAL_FLAT_REGULARIZATION,
    )
