"""Plainer systems to compare the cascade with: the study's four classifiers at level 1, and one flat classifier."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ad_autocategorize.titles.evaluation.comparison import Comparison, compare
from ad_autocategorize.titles.evaluation.metrics import encode, macro_f1
from ad_autocategorize.titles.features import Contents, TitleFeatures
from ad_autocategorize.titles.hierarchy import Path
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.examples import relative_weights, tokenize
from ad_autocategorize.titles.training.side_by_side import run_side_by_side
from ad_autocategorize.titles.training.splitting import split_by_category

CLASSIFIERS = ("LinearSVC", "MultinomialNB", "DecisionTreeClassifier", "LogisticRegression")
_TUNING_SHARE = 0.25
# At the default of 1e-4 the hinge loss takes ten times as long for the same answers.
_TOLERANCE = 1e-3

Labels = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class FlatChoice:
    """Loss and C of a flat LinearSVC; ``tuned`` says that they were chosen on training ads, not taken from the library."""

    loss: str
    regularization: float
    tuned: bool = True


LIBRARY_DEFAULT = FlatChoice("squared_hinge", 1.0, tuned=False)
FLAT_CHOICES = tuple(FlatChoice(loss, c) for loss in ("squared_hinge", "hinge") for c in (0.1, 0.3, 1.0))


@dataclass(frozen=True, slots=True)
class ClassifierScores:
    """One classifier in cross-validation at level 1: means and standard deviations over the folds.

    Attributes
    ----------
    seconds : the training time of all folds together.
    against_best : the best classifier compared with this one on all ads, out of fold; ``None`` for the best itself.
    """

    name: str
    accuracy: float
    accuracy_deviation: float
    macro_f1: float
    macro_f1_deviation: float
    seconds: float
    against_best: Comparison | None


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """The four classifiers, the best first. ``left_out`` counts the ads of main categories with fewer ads than folds."""

    folds: int
    ads: int
    left_out: int
    classifiers: list[ClassifierScores]


def cross_validate(
    titles: Sequence[str],
    paths: Sequence[Path],
    settings: TitleSettings,
    *,
    folds: int,
    groups: NDArray[np.intp],
    resamples: int,
    seed: int,
    jobs: int,
) -> CrossValidation | None:
    """Compare the study's four classifiers at the first level, on its features (TF-IDF of words), with library defaults.

    ``None`` where fewer than two main categories have an ad for every fold.
    """
    from sklearn.model_selection import StratifiedKFold

    sizes = Counter(path[0] for path in paths)
    kept = [position for position, path in enumerate(paths) if sizes[path[0]] >= folds]
    if len({paths[position][0] for position in kept}) < 2:
        return None
    tokens, _ = tokenize([titles[position] for position in kept], settings)
    labels = encode([paths[position][:1] for position in kept])[1][0]
    parts = list(StratifiedKFold(folds, shuffle=True, random_state=seed).split(labels, labels))
    results = list(
        run_side_by_side(_run_fold, ((tokens, labels, train, test, settings, seed) for train, test in parts), jobs=jobs)
    )
    answers = np.empty((len(CLASSIFIERS), len(labels)), dtype=np.intp)
    for (_, test), fold in zip(parts, results, strict=True):
        answers[:, test] = fold.answers
    right = answers == labels
    order = np.argsort(-right.mean(axis=1), kind="stable").tolist()
    best = order[0]
    scores = [
        _summarize(
            CLASSIFIERS[n],
            np.array([right[n, test].mean() for _, test in parts]),
            np.array([macro_f1(labels[test], answers[n, test]) for _, test in parts]),
            sum(fold.seconds[n] for fold in results),
            None if n == best else compare(right[best], right[n], groups[kept], resamples, seed),
        )
        for n in order
    ]
    return CrossValidation(folds, len(kept), len(paths) - len(kept), scores)


def predict_flat(
    train: tuple[Sequence[str], Sequence[Path]],
    titles: Sequence[str],
    settings: TitleSettings,
    *,
    weights: Sequence[float] | None,
    tuning_ads: int | None,
    seed: int,
) -> tuple[list[Path], FlatChoice]:
    """Return the paths that one flat LinearSVC over all categories answers for ``titles``, and how it was trained.

    It has the cascade's features. Its loss and C are tuned, since what suits a cascade need not suit a flat classifier, and an
    untuned one would be no fair comparison: the best of ``FLAT_CHOICES`` is taken, on a quarter of the training titles.

    Parameters
    ----------
    train : titles and paths to learn from. As among ``titles``, each must have words.
    weights : how much each training title counts, as in ``training.train``.
    tuning_ads : tune on at most so many of the training titles; ``None`` for all.
    """
    tokens, paths = tokenize(train[0], settings)[0], list(train[1])
    training_ads = _TrainingAds(tokens, paths, relative_weights(weights, range(len(paths))))
    drawn = np.random.default_rng(seed).permutation(len(paths))[:tuning_ads]
    choice = _choose(training_ads.part(drawn), settings, seed)
    return _FlatTrainer(training_ads, settings, seed).predict(choice, tokenize(titles, settings)[0]), choice


@dataclass(frozen=True, slots=True)
class _TrainingAds:
    """What a flat classifier learns from: tokens, paths and weights (``None``: all the same) of each title."""

    tokens: list[list[str]]
    paths: list[Path]
    weights: NDArray[np.float64] | None

    def part(self, positions: Labels) -> _TrainingAds:
        chosen = positions.tolist()
        return _TrainingAds(
            [self.tokens[i] for i in chosen],
            [self.paths[i] for i in chosen],
            None if self.weights is None else self.weights[positions],
        )


class _FlatTrainer:
    """Trains flat classifiers on the same features, which are learned once."""

    def __init__(self, ads: _TrainingAds, settings: TitleSettings, seed: int) -> None:
        contents = Contents.of(ads.tokens, settings)
        self._features = TitleFeatures(settings).fit(contents)
        self._matrix = self._features.transform(contents)
        self._categories, (self._labels,) = encode(ads.paths)
        self._weights, self._settings, self._seed = ads.weights, settings, seed

    def predict(self, choice: FlatChoice, tokens: list[list[str]]) -> list[Path]:
        """Train a classifier and return what it answers for other titles."""
        from sklearn.svm import LinearSVC

        model = LinearSVC(C=choice.regularization, loss=choice.loss, tol=_TOLERANCE, random_state=self._seed)
        model.fit(self._matrix, self._labels, self._weights)
        asked = self._features.transform(Contents.of(tokens, self._settings))
        return [self._categories[label] for label in model.predict(asked)]


def _choose(ads: _TrainingAds, settings: TitleSettings, seed: int) -> FlatChoice:
    """Return the most accurate of ``FLAT_CHOICES`` on ads set aside; the library's default if the ads are too few."""
    aside, rest = split_by_category(ads.paths, _TUNING_SHARE, seed)
    asked, learned = ads.part(aside), ads.part(rest)
    if not len(aside) or len(set(learned.paths)) < 2:
        return LIBRARY_DEFAULT
    trainer = _FlatTrainer(learned, settings, seed)
    return max(FLAT_CHOICES, key=lambda choice: _accuracy(trainer.predict(choice, asked.tokens), asked.paths))


def _accuracy(guesses: Sequence[Path], paths: Sequence[Path]) -> float:
    return float(np.mean([guess == path for guess, path in zip(guesses, paths, strict=True)]))


@dataclass(frozen=True, slots=True)
class _Fold:
    """The answers of each of ``CLASSIFIERS`` for a fold's test ads, shape (4, test ads), and its training time in seconds."""

    answers: Labels
    seconds: list[float]


def _run_fold(
    tokens: list[list[str]], labels: Labels, train: Labels, test: Labels, settings: TitleSettings, seed: int
) -> _Fold:
    """Train each of ``CLASSIFIERS`` on the positions ``train``, and ask it about those at ``test``."""
    words = replace(settings, features="words")
    seen, unseen = (Contents.of([tokens[i] for i in part], words) for part in (train, test))
    features = TitleFeatures(words).fit(seen)
    known, asked = features.transform(seen), features.transform(unseen)
    answers, seconds = [], []
    for name in CLASSIFIERS:
        start = time.perf_counter()
        estimator = _classifier(name, seed).fit(known, labels[train])
        seconds.append(time.perf_counter() - start)
        answers.append(estimator.predict(asked))
    return _Fold(np.array(answers, dtype=np.intp), seconds)


def _classifier(name: str, seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import MultinomialNB
    from sklearn.svm import LinearSVC
    from sklearn.tree import DecisionTreeClassifier

    return {
        "LinearSVC": LinearSVC(random_state=seed),
        "MultinomialNB": MultinomialNB(),
        "DecisionTreeClassifier": DecisionTreeClassifier(random_state=seed),
        # The default of 100 steps is too few on some sets.
        "LogisticRegression": LogisticRegression(max_iter=1000, random_state=seed),
    }[name]


def _summarize(
    name: str,
    accuracy: NDArray[np.float64],
    f1: NDArray[np.float64],
    seconds: float,
    against_best: Comparison | None,
) -> ClassifierScores:
    return ClassifierScores(
        name,
        float(accuracy.mean()),
        float(accuracy.std(ddof=1)),
        float(f1.mean()),
        float(f1.std(ddof=1)),
        seconds,
        against_best,
    )
