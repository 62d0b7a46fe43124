"""Titles that count more than others."""

import pytest

from ad_autocategorize.titles.evaluation.holdout import hold_out
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.training import train

SOFAS, TABLES = (1, 2), (1, 3)
TITLES = ["sofa cama", "sofa rojo", "sofa gris", "mesa ratona", "mesa roja", "mesa gris", "puff rojo", "puff rojo"]
PATHS = [SOFAS] * 3 + [TABLES] * 3 + [SOFAS, TABLES]


@pytest.mark.parametrize("classifier", ["linear_svc", "logistic_regression", "multinomial_nb"])
def test_a_heavier_label_wins_over_its_contradiction(classifier, tmp_path):
    settings = TitleSettings(classifier=classifier, min_ads_per_node=2)
    for heavy, path in ((6, SOFAS), (7, TABLES)):
        weights = [1.0] * 8
        weights[heavy] = 9.0
        scorer = train(TITLES, PATHS, settings, weights=weights).scorer
        assert scorer.suggest("puff rojo", 1)[0].path == path


def test_frequencies_are_weighted_too():
    settings = TitleSettings(min_ads_per_node=50, naive_bayes_weight=0.0, flat_svc_weight=0.0)
    weights = [1.0] * 3 + [5.0] * 3 + [1.0, 5.0]
    for counts, path in ((weights, TABLES), (weights[::-1][:4] + weights[:4], SOFAS)):
        scorer = train(TITLES, PATHS, settings, weights=counts).scorer
        assert scorer.suggest("puff", 1)[0].path == path


def test_equal_weights_give_the_same_bits_as_none(tmp_path):
    digests = set()
    for number, weights in enumerate((None, [1.0] * 8, [0.5] * 8)):
        scorer = train(TITLES, PATHS, TitleSettings(), weights=weights, seed=3).scorer
        scorer.save(tmp_path / str(number), metadata={})
        digests.add(scorer.digest)
    assert len(digests) == 1


def test_the_hold_out_trains_with_the_weights_of_its_own_titles():
    titles = [f"{title} {number}" for number in range(6) for title in TITLES[:6]]
    paths = PATHS[:6] * 6
    plain = hold_out(["!!!", *titles], [SOFAS, *paths], TitleSettings()).evaluation
    weighted = hold_out(["!!!", *titles], [SOFAS, *paths], TitleSettings(), weights=[50.0] + [1.0] * 36).evaluation
    # The title that is dropped takes its weight along; the others are equal.
    assert weighted == plain
