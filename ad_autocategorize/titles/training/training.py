"""Training of a title scorer: normalise, features, cascade, calibration, compilation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import log_softmax

from ad_autocategorize.titles.features import Contents, TitleFeatures
from ad_autocategorize.titles.hierarchy import Path, build_nodes
from ad_autocategorize.titles.mixture import Mixture
from ad_autocategorize.titles.normalization import Normalizer
from ad_autocategorize.titles.scorer import TitleScorer
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.calibration import calibrate_temperatures, fit_mixture
from ad_autocategorize.titles.training.cascade import LocalClassifier, train_nodes
from ad_autocategorize.titles.training.compilation import build_tree, compile_scorer
from ad_autocategorize.titles.training.flat import FlatModel, train_flat
from ad_autocategorize.titles.training.splitting import draw_sample, split_by_category

# Titles set aside to calibrate on, before the classifiers are trained again on all.
CALIBRATION_SHARE = 0.25
MAX_CALIBRATION_TITLES = 20_000
# What the classifiers to be calibrated learn from; temperatures need no more, however large the site.
MAX_CALIBRATED_ON = 100_000

Progress = Callable[[str, int, int], None]


class TrainingError(ValueError):
    """The ads cannot be learned from; the message says why and what to do."""


def train(
    titles: Sequence[str],
    paths: Sequence[Path],
    settings: TitleSettings,
    *,
    weights: Sequence[float] | None = None,
    seed: int = 0,
    jobs: int = 1,
    progress: Progress | None = None,
) -> TitleScorer:
    """Train a scorer on titles and the category paths they are filed at.

    Parameters
    ----------
    titles, paths : of equal length; a path holds node ids from the main category to the given one.
    weights : how much each title counts, above 0; relative to one another, so that equal ones change nothing. Probabilities are
        calibrated on titles as they come.
    seed : fixes the calibration split and the solvers; equal input gives an equal scorer.
    jobs : processes that train nodes side by side.
    progress : called with (stage, done, total).

    Raises
    ------
    TrainingError : fewer than two categories, or no title with a word in it.
    """
    tokens, kept = tokenize(titles, settings)
    paths = [paths[index] for index in kept]
    scaled = relative_weights(weights, kept)
    if len(set(paths)) < 2:
        raise TrainingError(
            f"{len(titles)} ads, of which {len(kept)} have words in their title, fill {len(set(paths))} categories: at "
            "least two are needed. Publish more ads, or check the source's 'published' condition and title field."
        )
    contents = Contents.of(tokens, settings)
    features = TitleFeatures(settings).fit(contents)
    matrix = features.transform(contents)
    fold, rest = split_by_category(paths, min(CALIBRATION_SHARE, MAX_CALIBRATION_TITLES / len(paths)), seed)
    position = {path: number for number, path in enumerate(dict.fromkeys(paths))}
    labels = np.fromiter((position[paths[i]] for i in rest), dtype=np.intp, count=len(rest))
    rest = rest[draw_sample(labels, MAX_CALIBRATED_ON, seed)]
    nodes, rest_nodes = build_nodes(paths), build_nodes([paths[i] for i in rest])
    steps = _Steps(progress, len(nodes) + len(rest_nodes))
    train_on = partial(train_nodes, settings=settings, seed=seed, jobs=jobs, progress=steps.advance)
    temperatures, mixture = _calibrate(
        (contents.part(rest), [paths[i] for i in rest]),
        (contents.part(fold), [paths[i] for i in fold]),
        settings,
        seed=seed,
        train_on=partial(train_on, nodes=rest_nodes),
        weights=None if scaled is None else scaled[rest],
    )
    classifiers = train_on(matrix, nodes=nodes, weights=scaled)
    calibrated = [_with_temperature(classifier, temperatures) for classifier in classifiers]
    steps.finish()
    flat = train_flat(matrix, len(features.words), paths, settings, seed, scaled)
    return compile_scorer(settings, features, calibrated, flat, mixture)


def relative_weights(weights: Sequence[float] | None, kept: Sequence[int]) -> NDArray[np.float64] | None:
    """Return the weights of the titles that are kept, one on average; ``None`` where all are equal."""
    if weights is None:
        return None
    chosen = np.asarray(weights, dtype=np.float64)[np.asarray(kept, dtype=np.intp)]
    return None if not len(chosen) or (chosen == chosen[0]).all() else np.asarray(chosen / chosen.mean())


def tokenize(titles: Sequence[str], settings: TitleSettings) -> tuple[list[list[str]], list[int]]:
    """Return the tokens of the titles that have any, and the positions of those titles."""
    normalize = Normalizer(settings)
    tokens = [normalize(title) for title in titles]
    kept = [index for index, words in enumerate(tokens) if words]
    return [tokens[index] for index in kept], kept


class _Steps:
    """Counts trained nodes for a progress callback."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def advance(self) -> None:
        self._done = min(self._done + 1, self._total)
        if self._progress is not None:
            self._progress("nodes", self._done, self._total)

    def finish(self) -> None:
        # Nodes with a single outcome are passed through and were never counted.
        self._done = self._total - 1
        self.advance()


_Outcomes = tuple[Path, ...]


_Labelled = tuple[Contents, list[Path]]


def _calibrate(
    rest: _Labelled,
    fold: _Labelled,
    settings: TitleSettings,
    *,
    seed: int,
    train_on: Callable[..., list[LocalClassifier]],
    weights: NDArray[np.float64] | None,
) -> tuple[dict[_Outcomes, float], Mixture]:
    """Train on ``rest``, weighted, and fit temperatures and mixture on ``fold``; both are titles and their paths."""
    if not fold[1]:
        return {}, Mixture()
    # The vocabulary too is learned without the fold: its titles must hold words as unknown as a new ad's.
    features = TitleFeatures(settings).fit(rest[0])
    rest_matrix, fold_matrix = features.transform(rest[0]), features.transform(fold[0])
    trained = train_on(rest_matrix, weights=weights)
    calibrated = calibrate_temperatures(trained, fold_matrix, fold[1])
    flat = train_flat(rest_matrix, len(features.words), rest[1], settings, seed, weights)
    position = {path: index for index, path in enumerate(flat.categories)}
    targets = np.array([position[path] for path in fold[1]], dtype=np.intp)
    mixture = fit_mixture(_path_scores(calibrated, flat, fold_matrix), targets)
    return {classifier.outcomes: classifier.temperature for classifier in calibrated}, mixture


def _path_scores(
    classifiers: Sequence[LocalClassifier], flat: FlatModel, features: sparse.csr_array
) -> NDArray[np.float64]:
    """Return the cascade's log-probabilities of whole paths with the flat scores added, shape (titles, categories)."""
    tree = build_tree(classifiers, flat.categories)
    columns = [log_softmax(c.margins(features) * c.temperature, axis=1) for c in classifiers]
    edges = np.hstack([*columns, np.zeros((features.shape[0], 1))])
    return np.asarray(sum(edges[:, level] for level in tree.path_edges) + flat.scores(features))


def _with_temperature(classifier: LocalClassifier, temperatures: dict[_Outcomes, float]) -> LocalClassifier:
    return replace(classifier, temperature=temperatures.get(classifier.outcomes, 1.0))
