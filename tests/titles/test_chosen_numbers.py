"""Numbers that were chosen by measuring are those that count: a changed one changes what is computed here by hand."""

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import minimize_scalar
from sklearn.svm import LinearSVC

from ad_autocategorize.titles.label_errors.mislabels import judge_labels
from ad_autocategorize.titles.training.calibration import Unseen, fit_temperatures
from ad_autocategorize.titles.training.cascade import LocalClassifier
from ad_autocategorize.titles.training.flat import (
    SMALLEST_CONTRIBUTION,
    SVC_TOLERANCE,
    train_flat_svc,
    usual_svc_weight,
)

# Three siblings and one main category of its own.
CATEGORIES = [(1, 2), (1, 3), (1, 4), (5,)]


def doubts(**options):
    """The scores of two ads filed at the first category: one is as probable at a sibling as the other at a main category."""
    certain = np.full((80, 4), 0.02)
    certain[np.arange(80), np.arange(80) % 4] = 0.94
    asked = [[0.40, 0.60, 0.0, 0.0], [0.40, 0.0, 0.0, 0.60]]
    probabilities = np.concatenate([certain, asked]).astype(np.float32)
    given = np.array([*(np.arange(80) % 4), 0, 0])
    return judge_labels(CATEGORIES, probabilities, given, **options).score[-2:]


def test_a_fifth_of_the_wrong_labels_is_expected_at_siblings():
    """Of the prior of a wrong label, 0.8 is spread over the three other categories, and 0.2 over the two siblings."""
    sibling, other = doubts(confusion_discount=0.0)
    assert sibling - other == pytest.approx(np.log((0.8 / 3 + 0.2 / 2) / (0.8 / 3)))
    sibling, other = doubts(confusion_discount=0.0, sibling_share=0.0)
    assert sibling == pytest.approx(other)
    sibling, other = doubts(confusion_discount=0.0, sibling_share=0.6)
    assert sibling - other == pytest.approx(np.log((0.4 / 3 + 0.6 / 2) / (0.4 / 3)))


def test_pairs_that_are_confused_all_the_time_are_discounted_by_the_fourth_root():
    """Shares of the first category's probability that lie at the second and at the fourth, an even ad's worth added."""
    plain, discounted = doubts(confusion_discount=0.0), doubts()
    ads, spread = 22, 0.25
    at_second, at_fourth = ((20 * 0.02 + 0.60 + spread) / (ads + 1) for _ in range(2))
    assert plain - discounted == pytest.approx([0.25 * np.log(at_second), 0.25 * np.log(at_fourth)], rel=1e-5)


def features_of_three_categories():
    rng = np.random.default_rng(0)
    paths = [CATEGORIES[number % 3] for number in range(150)]
    counts = rng.poisson(0.6, (150, 12)).astype(np.float64)
    for row, path in enumerate(paths):
        counts[row, 3 * CATEGORIES.index(path)] += 1.0
    return sparse.csr_array(counts / np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1)), paths


def test_the_flat_classifier_is_scikit_learns_of_the_squared_hinge():
    """The coefficients are those of a LinearSVC at the C that is given, but for small ones, which are dropped."""
    features, paths = features_of_three_categories()
    labels = np.array([CATEGORIES.index(path) for path in paths])
    flat = train_flat_svc(features, features.shape[1], labels, tuple(CATEGORIES[:3]), 1.0, seed=0)
    expected = LinearSVC(C=1.0, loss="squared_hinge", random_state=0, tol=SVC_TOLERANCE).fit(features, labels).coef_
    expected[np.abs(expected) < SMALLEST_CONTRIBUTION / usual_svc_weight(1.0)] = 0
    assert np.count_nonzero(expected) > 5
    assert flat.coefficients.toarray() == pytest.approx(expected)


def test_a_node_of_few_ads_is_drawn_to_the_common_temperature_as_by_ten_ads():
    """Two nodes below the same root: one with many ads, half of them wrong, one with four that are all right."""
    margins = sparse.csr_array(np.array([[1.0, 0.0], [0.0, 1.0]]))
    many = LocalClassifier(((1, 2), (1, 3)), margins, np.zeros(2))
    few = LocalClassifier(((4, 5), (4, 6)), margins, np.zeros(2))
    features = sparse.csr_array(np.array([[2.0, 0.0]] * 44))
    paths = [(1, 2), (1, 2), (1, 2), (1, 3)] * 10 + [(4, 5)] * 4
    temperatures = fit_temperatures([Unseen([many, few], features, paths)])
    found = [np.log(node.temperature) for node in temperatures.apply([many, few])]

    def loss(log_t, right, wrong):
        """Of titles whose margin is two."""
        margin = 2 * np.exp(-log_t)
        return right * np.log1p(np.exp(-margin)) + wrong * np.log1p(np.exp(margin))

    def lowest(function):
        return minimize_scalar(function, bounds=(-4, 4), method="bounded", options={"xatol": 1e-6}).x

    common = lowest(lambda log_t: loss(log_t, 34, 10) + 4 * (log_t + 0.5) ** 2)
    assert found[0] == pytest.approx(lowest(lambda log_t: loss(log_t, 30, 10) + 10 * (log_t - common) ** 2), abs=0.01)
    assert found[1] == pytest.approx(lowest(lambda log_t: loss(log_t, 4, 0) + 10 * (log_t - common) ** 2), abs=0.01)
    assert found[0] - found[1] > 0.03
