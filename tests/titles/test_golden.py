"""The compiled scorer against the same cascade computed step by step with scikit-learn's own estimators."""

import math
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy import sparse
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.svm import LinearSVC

from ad_autocategorize.titles.normalization import Normalizer
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training import cascade, compilation, flat, training
from ad_autocategorize.titles.training.cascade import (
    LOGISTIC_SCALE,
    NODE_NAIVE_BAYES_SMOOTHING,
    SVC_TOLERANCE,
)
from tests.titles.data import labelled_titles

TITLES, PATHS = labelled_titles()
TESTED = [*TITLES[:60], "sofá neumaticazo azul", "libros", "auto auto auto motor", "sofá xyzzy"]
ESTIMATORS = {
    "linear_svc": lambda c: LinearSVC(C=c, loss="hinge", tol=SVC_TOLERANCE, random_state=0),
    "logistic_regression": lambda c: LogisticRegression(C=c * LOGISTIC_SCALE, max_iter=300, random_state=0),
    "multinomial_nb": lambda c: MultinomialNB(alpha=NODE_NAIVE_BAYES_SMOOTHING),
}


class PlainFeatures:
    """The documented features, one dictionary a title."""

    def __init__(self, tokens):
        self.total = len(tokens)
        self.word_df = Counter(f for words in tokens for f in self.word_features(words))
        self.ngram_df = Counter(g for words in tokens for g in {g for word in words for g in self.ngrams(word)})
        # By block, then by first appearance.
        rows = [self.weights(words) for words in tokens]
        blocks = [feature for block in "wc" for row in rows for feature in row if feature[0] == block]
        self.columns = {feature: column for column, feature in enumerate(dict.fromkeys(blocks))}

    @staticmethod
    def word_features(words):
        pairs = [f"{a} {b}" for a, b in pairwise(words)]
        return list(dict.fromkeys([*words, *pairs, " " + words[0], words[-1] + " "]))

    @staticmethod
    def ngrams(word):
        padded = f" {word} "
        return list(dict.fromkeys(padded[i : i + n] for n in range(3, 5) for i in range(len(padded) - n + 1)))

    def idf(self, count):
        return math.log((1 + self.total) / (1 + count)) + 1

    def weights(self, words):
        block, characters, squares = {}, Counter(), 0.0
        for feature in self.word_features(words):
            if feature in self.word_df and (self.word_df[feature] >= 2 or " " not in feature):
                marked = feature[0] == " " or feature[-1] == " "
                block["w", feature] = self.idf(self.word_df[feature]) * (0.7 if marked else 1)
        unknown = len({word for word in words if word not in self.word_df})
        for word in dict.fromkeys(words):
            for ngram in self.ngrams(word):
                if self.ngram_df[ngram] >= 2:
                    characters["c", ngram] += self.idf(self.ngram_df[ngram])
                squares += self.idf(self.ngram_df[ngram] if self.ngram_df[ngram] >= 2 else 1) ** 2
        length = math.sqrt(sum(value**2 for value in block.values()) + unknown * self.idf(0) ** 2) or 1
        row = {feature: value / length for feature, value in block.items()}
        return row | {feature: value / (math.sqrt(squares) or 1) for feature, value in characters.items()}

    def matrix(self, tokens):
        rows = sparse.lil_array((len(tokens), len(self.columns)))
        for number, words in enumerate(tokens):
            for feature, value in self.weights(words).items():
                if feature in self.columns:
                    rows[number, self.columns[feature]] = value
        return sparse.csr_array(rows)


def drop_small_coefficients(estimator, smallest):
    if hasattr(estimator, "coef_"):
        estimator.coef_[np.abs(estimator.coef_) < smallest] = 0
    return estimator


def plain_cascade(settings, mixture, temperatures):
    """Return the probabilities of ``TESTED``, given what calibration has found."""
    normalize = Normalizer(settings)
    tokens = [normalize(title) for title in TITLES]
    features = PlainFeatures(tokens)
    x, x_tested = features.matrix(tokens), features.matrix([normalize(title) for title in TESTED])
    categories = sorted(set(PATHS))
    log_path = np.zeros((len(TESTED), len(categories)))
    for node in sorted({path[:depth] for path in PATHS for depth in range(len(path))}):
        depth = len(node) + 1
        inside = [i for i, path in enumerate(PATHS) if path[: depth - 1] == node]
        outcomes = sorted({PATHS[i][:depth] for i in inside})
        if len(outcomes) < 2:
            continue
        labels = [outcomes.index(PATHS[i][:depth]) for i in inside]
        estimator = ESTIMATORS[settings.classifier](settings.regularization).fit(x[inside], labels)
        drop_small_coefficients(estimator, cascade.SMALLEST_COEFFICIENT)
        if settings.classifier == "multinomial_nb":
            margins = estimator.predict_joint_log_proba(x_tested)
        else:
            margins = estimator.decision_function(x_tested)
            margins = np.column_stack([np.zeros(len(TESTED)), margins]) if margins.ndim == 1 else margins
        log_edges = np.log(softmax(margins / temperatures[tuple(outcomes)], axis=1))
        for column, path in enumerate(categories):
            if path[: depth - 1] == node:
                log_path[:, column] += log_edges[:, outcomes.index(path[:depth])]
    labels = [categories.index(path) for path in PATHS]
    bayes = MultinomialNB(alpha=flat.NAIVE_BAYES_SMOOTHING).fit(x, labels).predict_joint_log_proba(x_tested)
    words = [column for (block, _), column in features.columns.items() if block == "w"]
    c = settings.flat_regularization
    svc = LinearSVC(C=c, loss="squared_hinge", tol=flat.SVC_TOLERANCE, random_state=0).fit(x[:, words], labels)
    svc = drop_small_coefficients(svc, flat.SMALLEST_CONTRIBUTION / flat.usual_svc_weight(c))
    margins = svc.decision_function(x_tested[:, words])
    score = log_path + settings.naive_bayes_weight * bayes + settings.flat_svc_weight * margins
    sharp, flatter = (softmax(score / t, axis=1) for t in (mixture.temperature, mixture.flat_temperature))
    return (1 - mixture.flat_share) * sharp + mixture.flat_share * flatter


@pytest.fixture
def compiled_from(monkeypatch):
    """What the compiler was given: the calibrated numbers that the plain computation takes over."""
    given = {}
    original = training.compile_scorer

    def spy(settings, features, classifiers, flat_model, mixture):
        given.update(settings=settings, mixture=mixture, temperatures={c.outcomes: c.temperature for c in classifiers})
        return original(settings, features, classifiers, flat_model, mixture)

    monkeypatch.setattr(training, "compile_scorer", spy)
    return given


@pytest.mark.parametrize("classifier", ESTIMATORS)
def test_the_compiled_scorer_equals_the_plain_computation(classifier, compiled_from):
    settings = TitleSettings(classifier=classifier)
    scorer = training.train(TITLES, PATHS, settings).scorer
    expected = plain_cascade(**compiled_from)
    np.testing.assert_allclose(scorer.probabilities(TESTED), expected, atol=1e-5)
    assert not np.allclose(expected, expected.mean(axis=0), atol=0.1)


@pytest.mark.parametrize(("folded", "hot_bytes"), [(0, 0), (5, 10**6), (10**6, 0), (7, 400)])
def test_what_is_folded_and_unpacked_changes_nothing(folded, hot_bytes, compiled_from, monkeypatch):
    monkeypatch.setattr(compilation, "FOLDED_ROWS", folded)
    monkeypatch.setattr(compilation, "HOT_ROWS_BYTES", hot_bytes)
    scorer = training.train(TITLES, PATHS, TitleSettings()).scorer
    np.testing.assert_allclose(scorer.probabilities(TESTED), plain_cascade(**compiled_from), atol=1e-5)
    alone = [scorer.suggest(title, 5) for title in TESTED]
    assert scorer.suggest_many(TESTED, 5) == alone


@pytest.mark.parametrize("title", [TITLES[0], " ".join(f"neumatic{letter}" for letter in "abcdefghijklmnopqrstuvwxyz")])
def test_scores_beyond_the_range_of_exp_are_clipped(title, monkeypatch):
    given = {}
    monkeypatch.setattr(training, "compile_scorer", lambda *arguments: given.setdefault("arguments", arguments))
    training.train(TITLES, PATHS, TitleSettings())
    settings, features, classifiers, *rest = given["arguments"]
    for factor in (1, 20, 1e3, 1e6):
        steep = [replace(classifier, temperature=classifier.temperature / factor) for classifier in classifiers]
        scorer = compilation.compile_scorer(settings, features, steep, *rest)
        probabilities = scorer.probabilities([title])[0]
        assert np.isfinite(probabilities).all()
        assert probabilities.sum() == pytest.approx(1)
        assert [offer.category for offer in scorer.suggest(title, 1)] == [
            scorer.tree.categories[probabilities.argmax()][-1]
        ]
