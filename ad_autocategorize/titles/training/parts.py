"""The parts of a title model before they are combined: the cascade and the flat models beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

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

# What is used where a site has too few ads to choose by, and where a choice begins.
USUAL_FLAT_REGULARIZATION = 0.1
USUAL_BAYES_WEIGHT = 0.3


@dataclass(frozen=True, slots=True)
class Learning:
    """Examples to learn from, as features. ``categories`` are where they are filed, sorted; ``labels`` positions in them."""

    examples: Examples
    features: TitleFeatures
    matrix: sparse.csr_array
    categories: tuple[Path, ...]
    labels: NDArray[np.intp]

    @classmethod
    def of(cls, examples: Examples, settings: TitleSettings) -> Learning:
        """Learn the vocabulary of the examples and turn them into features."""
        features = TitleFeatures(settings).fit(examples.contents)
        categories = tuple(sorted(set(examples.paths)))
        position = {path: index for index, path in enumerate(categories)}
        labels = np.fromiter((position[path] for path in examples.paths), dtype=np.intp, count=len(examples))
        return cls(examples, features, features.transform(examples.contents), categories, labels)

    def cascade(
        self, settings: TitleSettings, seed: int, jobs: int, progress: Callable[[], None] = lambda: None
    ) -> list[LocalClassifier]:
        """Train the classifier of every node."""
        nodes = [with_sample(node, seed) for node in build_nodes(self.examples.paths)]
        weights = self.examples.weights
        return train_nodes(self.matrix, nodes, settings, seed=seed, jobs=jobs, progress=progress, weights=weights)

    def naive_bayes(self) -> FlatModel:
        """Train naive Bayes over all categories."""
        return train_naive_bayes(self.matrix, self.labels, self.categories, self.examples.weights)

    def flat_svc(self, regularization: float, seed: int, jobs: int) -> FlatModel:
        """Train the support-vector machine over all categories."""
        words, weights = len(self.features.words), self.examples.weights
        return train_flat_svc(self.matrix, words, self.labels, self.categories, regularization, seed, weights, jobs)

    def flat(self, settings: TitleSettings, seed: int, jobs: int) -> list[FlatModel]:
        """Train the flat models that the settings give a weight, naive Bayes first."""
        models = []
        if settings.naive_bayes_weight != 0:
            models.append(self.naive_bayes())
        if settings.flat_svc_weight != 0:
            models.append(self.flat_svc(settings.flat_regularization or USUAL_FLAT_REGULARIZATION, seed, jobs))
        return models


@dataclass(frozen=True, slots=True)
class Asked:
    """Titles that were not learned from, as features of those that were.

    ``categories`` are those learned from, ``targets`` the positions in them of the titles' own, or ``UNKNOWN``.
    """

    matrix: sparse.csr_array
    paths: list[Path]
    categories: tuple[Path, ...]
    targets: NDArray[np.intp]

    @classmethod
    def of(cls, examples: Examples, learning: Learning) -> Asked:
        """Turn examples into the features of others."""
        position = {path: index for index, path in enumerate(learning.categories)}
        targets = np.array([position.get(path, UNKNOWN) for path in examples.paths], dtype=np.intp)
        return cls(learning.features.transform(examples.contents), examples.paths, learning.categories, targets)

    def part(self, chosen: NDArray[np.intp]) -> Asked:
        """Return the titles at the given positions."""
        paths = [self.paths[row] for row in chosen.tolist()]
        return Asked(self.matrix[chosen], paths, self.categories, self.targets[chosen])

    def unseen_by(self, classifiers: Sequence[LocalClassifier]) -> Unseen:
        """Return the titles as what temperatures are fitted to."""
        return Unseen(classifiers, self.matrix, self.paths)

    def path_scores(self, classifiers: Sequence[LocalClassifier]) -> FloatArray:
        """Return the cascade's log-probabilities of whole paths, shape (titles, categories)."""
        tree = build_tree(classifiers, self.categories)
        columns = [log_softmax(each.margins(self.matrix) / each.temperature, axis=1) for each in classifiers]
        edges = np.hstack([*columns, np.zeros((self.matrix.shape[0], 1))])
        return np.asarray(sum(edges[:, level] for level in tree.path_edges))

    def scores(
        self, classifiers: Sequence[LocalClassifier], flat: Sequence[FlatModel], temperatures: Temperatures
    ) -> Scores:
        """Return what cascade and flat models say of the titles."""
        path = self.path_scores(temperatures.apply(classifiers))
        return Scores(np.stack([path, *(model.scores(self.matrix) for model in flat)]), self.targets)


def usual_regularization(settings: TitleSettings) -> TitleSettings:
    """Return the settings with the usual C where they leave one open."""
    return replace(
        settings,
        regularization=settings.regularization or USUAL_REGULARIZATION,
        flat_regularization=settings.flat_regularization or USUAL_FLAT_REGULARIZATION,
    )


def usual_weights(settings: TitleSettings) -> tuple[list[float], list[bool]]:
    """Return the weights of the flat models that are used, as set or else the usual ones, and which are free to be chosen."""
    weights, free = [], []
    regularization = settings.flat_regularization or USUAL_FLAT_REGULARIZATION
    usual = (USUAL_BAYES_WEIGHT, usual_svc_weight(regularization))
    for given, otherwise in zip((settings.naive_bayes_weight, settings.flat_svc_weight), usual, strict=True):
        if given != 0:
            weights.append(otherwise if given is None else given)
            free.append(given is None)
    return weights, free


def with_weights(settings: TitleSettings, weights: Sequence[float]) -> TitleSettings:
    """Return the settings with the weights of the flat models that are used."""
    given = iter(weights)
    bayes = 0.0 if settings.naive_bayes_weight == 0 else next(given)
    svc = 0.0 if settings.flat_svc_weight == 0 else next(given)
    return replace(settings, naive_bayes_weight=bayes, flat_svc_weight=svc)
