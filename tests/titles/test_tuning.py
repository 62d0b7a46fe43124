"""What training chooses on the site's own ads."""

import numpy as np
import pytest
from scipy.special import softmax

from ad_autocategorize.titles.evaluation.holdout import hold_out
from ad_autocategorize.titles.settings import CHOSEN_AT_TRAINING, TitleSettings
from ad_autocategorize.titles.training import tuning
from ad_autocategorize.titles.training.calibration import fit_mixture
from ad_autocategorize.titles.training.combination import UNKNOWN, Scores, fit_combination, join
from ad_autocategorize.titles.training.splitting import deal_folds, split_by_category
from ad_autocategorize.titles.training.training import train
from tests.titles.data import labelled_titles

TITLES, PATHS = labelled_titles()


def test_what_the_settings_leave_open_is_chosen_and_kept_with_the_scorer(tmp_path):
    from ad_autocategorize.titles.scorer import TitleScorer

    scorer = train(TITLES, PATHS, TitleSettings(flat_svc_weight=0.7)).scorer
    chosen = scorer.settings
    assert all(getattr(chosen, name) is not None for name in CHOSEN_AT_TRAINING)
    assert chosen.flat_svc_weight == 0.7
    scorer.save(tmp_path / "model", metadata={})
    assert TitleScorer.load(tmp_path / "model").settings == chosen


def test_another_training_inherits_what_was_chosen_and_keeps_what_is_set():
    chosen = hold_out(TITLES, PATHS, TitleSettings()).evaluation.chosen_settings
    settings = TitleSettings(regularization=3.0).inherit(chosen)
    assert settings.regularization == 3.0
    assert settings.naive_bayes_weight == chosen.naive_bayes_weight
    assert train(TITLES, PATHS, settings).scorer.settings == settings


def test_nothing_is_searched_where_nothing_is_open(monkeypatch):
    monkeypatch.setattr(tuning, "_Search", None)
    train(TITLES, PATHS, TitleSettings(regularization=1.0, flat_regularization=0.1))


@pytest.mark.parametrize(
    ("least_at", "chosen", "tried"),
    [(4.0, 4.0, [1, 2, 4, 0.5]), (0.25, 0.25, [1, 2, 0.5, 0.25]), (2.0, 2.0, [1, 2, 4, 0.5]), (1.0, 1.0, [1, 2, 0.5])],
)
def test_c_is_looked_for_outwards_from_the_usual_one_while_the_loss_falls(least_at, chosen, tried):
    found = []

    def losses(c):
        found.append(c)
        return np.full(200, abs(np.log(c / least_at))) + np.random.default_rng(0).normal(size=200)

    assert tuning._best((0.25, 0.5, 1.0, 2.0, 4.0), losses) == chosen
    assert found == tried


def test_the_usual_c_stays_where_no_other_is_surely_better():
    noise = np.random.default_rng(0).normal(size=200)
    losses = {0.5: noise + 1, 1.0: np.zeros(200), 2.0: noise - noise.mean() - 0.01}
    assert tuning._best((0.5, 1.0, 2.0), losses.__getitem__) == 1.0


def noisy_site(wrong):
    """Titles of words that say where they are filed, of which a share is filed anywhere."""
    random = np.random.default_rng(3)
    titles, paths = [], []
    for _ in range(900):
        category = int(random.integers(6))
        words = [f"w{category}{letter}" for letter in random.choice(list("abcdefghijklmnopqrstuvwxyz"), 3)]
        words += [f"z{number}" for number in random.integers(400, size=4)]
        titles.append(" ".join(random.permutation(words)))
        paths.append((int(random.integers(6)) + 1 if random.random() < wrong else category + 1,))
    return titles, paths


def test_a_site_full_of_wrong_labels_is_regularised_more_than_a_clean_one():
    clean, noisy = (train(*noisy_site(wrong), TitleSettings()).scorer.settings for wrong in (0.0, 0.5))
    assert noisy.regularization < clean.regularization or noisy.flat_regularization < clean.flat_regularization
    assert noisy.regularization <= clean.regularization
    assert noisy.flat_regularization <= clean.flat_regularization


def test_weights_go_to_the_part_that_is_right():
    random = np.random.default_rng(0)
    targets = random.integers(5, size=400)
    right = np.eye(5)[targets]
    noise = random.normal(size=(400, 5))
    scores = Scores(np.stack([noise, right, noise[::-1]]), targets)
    found = fit_combination(scores, [1.0, 1.0], [True, True])
    assert found.weights[0] > 1 > found.weights[1]
    assert fit_combination(scores, [1.0, 1.0], [True, False]).weights[1] == 1.0
    assert found.losses.shape == (400,)


def test_rounds_of_different_categories_are_joined():
    first = Scores(np.zeros((2, 3, 4)), np.array([0, 1, 3]))
    second = Scores(np.ones((2, 2, 2)), np.array([0, 1]))
    both = join([first, second])
    assert both.parts.shape == (2, 5, 4)
    assert both.targets.tolist() == [0, 1, 3, 0, 1]
    # A category that a round lacks is no rival there.
    assert both.total([1.0])[3:, 2:].max() < both.total([1.0])[3:, :2].min() - 100


@pytest.mark.parametrize("folds", [2, 4])
def test_every_ad_is_set_aside_once_and_a_category_with_two_is_known_then(folds):
    paths = [(1,)] * 9 + [(2,)] * 2 + [(3,)]
    fold_of = deal_folds(paths, folds, 0)
    assert set(fold_of.tolist()) <= set(range(folds))
    for fold in range(folds):
        rest = {path for path, number in zip(paths, fold_of, strict=True) if number != fold}
        assert rest >= {(1,), (2,)}


def test_titles_of_unknown_categories_count_as_wrong_and_weigh_no_part():
    random = np.random.default_rng(0)
    targets = random.integers(5, size=400)
    scores = Scores(np.stack([5 * np.eye(5)[targets], random.normal(size=(400, 5))]), targets)
    mixed = Scores(scores.parts, np.where(np.arange(400) % 4, targets, UNKNOWN))
    assert mixed.known().parts.shape == (2, 300, 5)
    assert mixed.known().targets.tolist() == targets[np.arange(400) % 4 > 0].tolist()

    def confidence(scores):
        mixture, total = fit_mixture(scores.total([0.1]), scores.targets), scores.total([0.1])
        sharp, flat = (softmax(total / t, axis=1).max(axis=1) for t in (mixture.temperature, mixture.flat_temperature))
        return ((1 - mixture.flat_share) * sharp + mixture.flat_share * flat).mean()

    assert confidence(scores) > 0.98
    assert confidence(mixed) == pytest.approx(0.75, abs=0.02)


def test_probabilities_know_of_ads_in_categories_that_nobody_has_seen():
    titles = [f"cosa{number % 4} modelo{number % 9}" for number in range(160)]
    paths = [(number % 4,) for number in range(160)]
    sure = train(titles, paths, TitleSettings()).scorer.probabilities(["cosa1 modelo5"]).max()
    lone = [f"cosa{number % 4} modelo{number % 9}" for number in range(40)]
    wary = train(titles + lone, paths + [(1000 + number,) for number in range(40)], TitleSettings()).scorer
    assert sure > 0.95
    assert wary.probabilities(["cosa1 modelo5"]).max() < 0.88


def test_thousands_of_categories_with_two_ads_each_are_tested_and_trained():
    paths = [(number // 2,) for number in range(600)]
    aside, rest = split_by_category(paths, 0.33, 0)
    assert 0.25 < len(aside) / len(paths) < 0.4
    assert {paths[i] for i in rest} == set(paths)
    titles = [f"cosa{number // 2} modelo{number % 7}" for number in range(600)]
    found = hold_out(titles, paths, TitleSettings()).evaluation
    assert found.test_size == len(aside)
    assert found.path_accuracy > 0.5
    assert found.expected_calibration_error < 0.2
