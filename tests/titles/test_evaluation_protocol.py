"""The whole evaluation on made-up ads."""

import json
import random
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from ad_autocategorize.titles.evaluation.baselines import FLAT_CHOICES, cross_validate, predict_flat
from ad_autocategorize.titles.evaluation.corpus import Corpus
from ad_autocategorize.titles.evaluation.holdout import hold_out
from ad_autocategorize.titles.evaluation.protocol import FULL, QUICK, STAGES, run_protocol
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.training import TrainingError
from ad_autocategorize.versions.provenance import digest_keys
from tests.titles.data import CARS, SOFAS, labelled_titles

NAMES = {1: "Vehículos", 2: "Repuestos", 3: "Neumáticos", 4: "Hogar", 5: "Sillones", 6: "Ocio", 7: "Libros"}
SETTINGS = TitleSettings()
FAST = replace(QUICK, learning_shares=(0.3, 1.0), resamples=50)


def corpus(count=300, *, dated=True, wrong=0.1):
    """Ads a day apart, one in ten filed under sofas whatever the title."""
    titles, paths = labelled_titles(count)
    rng = random.Random(0)
    paths = [SOFAS if rng.random() < wrong else path for path in paths]
    days = [datetime(2024, 1, 1) + timedelta(days=n) if dated else None for n in range(count)]
    return Corpus([*titles, "¡!"], [*paths, CARS], [*days, None], NAMES, {"no title": 2})


@pytest.fixture(scope="module")
def report():
    stages = []
    found = run_protocol(corpus(), SETTINGS, FAST, folds=3, progress=stages.append)
    assert stages == list(STAGES)
    return found


def test_every_part_of_the_report_is_there_and_is_json(report):
    plain = json.loads(json.dumps(report.to_dict(corpus().text)))
    assert plain["report_version"] == 5
    assert plain["data"]["dropped"] == {"no title": 2, "nothing left of the title": 1}
    assert plain["data"]["ads"] == 300
    assert plain["hold_out"]["confusion"][0]["paths"] == ["Vehículos", "Hogar", "Ocio"]
    assert plain["hold_out"]["pairs"][0]["filed"] == "Hogar > Sillones"
    assert set(plain["hold_out"]["top"]) == {"1", "2", "3", "5"}
    assert plain["later"]["cutoff"].startswith("2024-08-28")
    assert [point["ads"] for point in plain["learning_curve"]] == [60, 201]
    assert [point["gain"] is None for point in plain["learning_curve"]] == [True, False]


def test_wrong_labels_show_in_the_figures(report):
    summary = report.hold_out.summary
    assert summary.train + summary.test == 300
    assert 0.8 < summary.accuracy < 0.97
    assert summary.interval.low < summary.accuracy < summary.interval.high
    assert summary.accuracy == pytest.approx(report.hold_out.outcomes.right / summary.test)
    assert report.learning_curve[-1].accuracy == summary.accuracy
    assert report.copies.random == summary


def test_cascade_and_classifier_in_service_are_compared_with_a_flat_one_on_the_same_ads(report):
    flat, summary = report.flat, report.hold_out.summary
    for accuracy, compared in (
        (summary.accuracy, flat.served_against_flat),
        (flat.cascade_accuracy, flat.cascade_against_flat),
    ):
        difference = (compared.only_first - compared.only_second) / summary.test
        assert flat.accuracy == pytest.approx(accuracy - difference)
        assert compared.difference == pytest.approx(difference)
    assert flat.choice in FLAT_CHOICES
    assert len(flat.levels) == len(flat.cascade_levels) == len(summary.levels)


def test_the_cascade_alone_is_trained_without_flat_scores(report):
    plain = TitleSettings(naive_bayes_weight=0, flat_svc_weight=0)
    alone = run_protocol(corpus(), plain, FAST, folds=3)
    assert alone.hold_out.summary.accuracy == alone.flat.cascade_accuracy == report.flat.cascade_accuracy
    assert alone.flat.served_against_flat == alone.flat.cascade_against_flat == report.flat.cascade_against_flat
    assert [level.accuracy for level in alone.hold_out.summary.levels] == report.flat.cascade_levels


def test_equal_seeds_give_equal_reports(report):
    again = run_protocol(corpus(), SETTINGS, FAST, folds=3)

    def timeless(found):
        scores = [replace(row, seconds=0.0) for row in found.classifiers.classifiers]
        return replace(found, seconds=0.0, classifiers=replace(found.classifiers, classifiers=scores))

    assert timeless(again) == timeless(report)


def test_a_quick_run_says_that_the_flat_classifier_was_left_out():
    found = run_protocol(corpus(dated=False), SETTINGS, replace(FAST, flat_budget=10, cross_validated_ads=100), folds=3)
    assert found.flat.accuracy is None
    assert found.later is None
    assert found.classifiers.ads + found.classifiers.left_out == 100


def test_a_quick_run_draws_from_many_ads_and_says_so():
    found = run_protocol(corpus(), SETTINGS, replace(FAST, most_ads=150, learning_shares=(1.0,)), folds=3)
    assert found.data.ads == 150
    assert found.data.dropped["not drawn"] == 150


def test_the_full_run_leaves_nothing_out():
    full = replace(FULL, resamples=50, learning_shares=(1.0,))
    found = run_protocol(corpus(120), SETTINGS, full, folds=2)
    assert found.flat.accuracy > 0.5
    assert found.classifiers.ads == found.data.ads == 120


def test_four_classifiers_are_compared_at_the_first_level():
    titles, paths = labelled_titles(201)
    rng = random.Random(0)
    # Some words that few ads have: what one classifier makes of them another does not.
    titles = [f"{title} {rng.choice('abcdefghijklmnopqrstuvwxyz') * 3}" for title in titles]
    paths = [SOFAS if rng.random() < 0.15 else path for path in paths]
    found = cross_validate(
        titles, [*paths[:-1], (9,)], SETTINGS, folds=4, groups=np.arange(201), resamples=50, seed=0, jobs=1
    )
    names = {"LinearSVC", "MultinomialNB", "DecisionTreeClassifier", "LogisticRegression"}
    assert {row.name for row in found.classifiers} == names
    # A main category with a single ad cannot be in every fold.
    assert (found.ads, found.left_out) == (200, 1)
    best, *others = found.classifiers
    assert best.against_best is None
    # Four folds of fifty: the mean over the folds is the share of all ads.
    for row in others:
        assert row.accuracy <= best.accuracy
        assert row.against_best.difference == pytest.approx(best.accuracy - row.accuracy)
        assert row.against_best.only_first - row.against_best.only_second == round(200 * (best.accuracy - row.accuracy))
    assert others[-1].accuracy < best.accuracy
    assert best.accuracy > 0.75


def test_one_main_category_leaves_nothing_to_cross_validate():
    options = {"folds": 2, "groups": np.arange(4), "resamples": 10, "seed": 0, "jobs": 1}
    assert cross_validate(["a", "b", "c", "d"], [(1, 2), (1, 3)] * 2, SETTINGS, **options) is None


FLAT = {"weights": None, "tuning_ads": 100, "seed": 0}


def test_the_flat_classifier_learns_from_weights_as_the_cascade_does():
    titles, paths = ["mesa ratona"] * 20 + ["silla alta"] * 5, [SOFAS, CARS] * 10 + [SOFAS] * 5
    for heavy in (SOFAS, CARS):
        weights = [10.0 if path == heavy else 1.0 for path in paths]
        guesses, _ = predict_flat((titles, paths), ["mesa ratona"], SETTINGS, **{**FLAT, "weights": weights})
        assert guesses == [heavy]


def test_the_flat_classifier_answers_with_whole_paths():
    titles, paths = labelled_titles()
    guesses, choice = predict_flat((titles[:200], paths[:200]), titles[200:], SETTINGS, **FLAT)
    assert choice in FLAT_CHOICES
    assert np.mean([guess == path for guess, path in zip(guesses, paths[200:], strict=True)]) > 0.9


def meaningless(count, copies=1):
    """Ads whose titles say nothing about their category, so that only who has seen an ad can know; copies are filed alike."""
    rng = random.Random(5)
    titles = ["".join(rng.choices("abcdefghijklmnopqrst", k=8)) + " " + str(rng.random())[2:10] for _ in range(count)]
    paths = [rng.choice([CARS, SOFAS, (6, 7), (2, 3)]) for _ in range(count)]
    days = [datetime(2024, 1, 1) + timedelta(days=n) for n in range(count)]
    order = rng.sample(range(count * copies), count * copies)
    return Corpus(*([part[n % count] for n in order] for part in (titles, paths, days)), NAMES)


def test_nothing_is_measured_on_what_was_learned_from():
    found = run_protocol(meaningless(400), SETTINGS, FAST, folds=3)
    summaries = [found.hold_out.summary, found.copies.apart, found.later.summary]
    # One in four is chance; whoever had seen the ads would be right nearly always.
    assert max(summary.accuracy for summary in summaries) < 0.4
    assert max(row.accuracy for row in found.classifiers.classifiers) < 0.4
    assert max(found.flat.accuracy, found.flat.cascade_accuracy) < 0.4
    assert max(point.accuracy for point in found.learning_curve) < 0.4


def test_copies_help_where_they_are_scattered_and_not_where_they_are_kept_together():
    found = run_protocol(meaningless(200, copies=3), SETTINGS, FAST, folds=3)
    assert found.copies.leaked > 0.8
    assert found.copies.random.accuracy > 0.7
    assert found.copies.apart.accuracy < 0.45
    # Copies are of one day, so that no ad of the test has one among the earlier.
    assert found.later.summary.accuracy < 0.45


@pytest.mark.parametrize("count", [18, 24, 40])
def test_a_small_marketplace_gets_a_report(count):
    found = run_protocol(corpus(count), SETTINGS, FAST, folds=2)
    assert found.hold_out.summary.test > 0
    assert all(entry.threshold is None for entry in found.hold_out.coverage[0].automation)


@pytest.mark.parametrize("count", [1, 5])
def test_too_few_ads_are_explained(count):
    with pytest.raises(TrainingError, match="ads"):
        run_protocol(corpus(count, wrong=0), SETTINGS, FAST)


def test_where_every_ad_was_left_out_it_says_why():
    nothing = Corpus(["!!"], [CARS], [None], NAMES, {"older than asked for": 7})
    with pytest.raises(TrainingError, match=r"No ad .*older than asked for: 7, nothing left of the title: 1"):
        run_protocol(nothing, SETTINGS, FAST)
    with pytest.raises(TrainingError, match="there are none"):
        run_protocol(Corpus([], [], [], {}), SETTINGS, FAST)


def test_where_all_titles_are_copies_the_rest_is_measured():
    titles = ["mesa de roble grande", "auto rojo usado"] * 30
    found = run_protocol(Corpus(titles, [SOFAS, CARS] * 30, [None] * 60, NAMES), SETTINGS, FAST)
    assert found.copies is None
    assert found.hold_out.summary.accuracy == 1


def test_ads_of_one_category_leave_nothing_to_tell_apart():
    titles = [f"mesa numero {n}" for n in range(30)]
    with pytest.raises(TrainingError, match="All 30 ads are filed in one category"):
        run_protocol(Corpus(titles, [SOFAS] * 30, [None] * 30, NAMES), SETTINGS, FAST)


def test_with_two_categories_the_right_one_is_always_among_the_first_three():
    ads = meaningless(200)
    found = run_protocol(
        ads.take([n for n, path in enumerate(ads.paths) if path in (SOFAS, CARS)]), SETTINGS, FAST, folds=2
    )
    assert found.hold_out.summary.accuracy < 1
    assert found.hold_out.summary.top3 == 1


def test_the_thresholds_of_the_hold_out_are_tried_on_later_ads():
    """In the last fifth of the days sellers file anything anywhere: the threshold does not hold, and the report shows it."""
    old, new = corpus(800, wrong=0), meaningless(200)
    days = [datetime(2024, 1, 1) + timedelta(days=n) for n in range(1000)]
    titles = [*old.titles[:800], *(f"sofá sillón futón {title}" for title in new.titles)]
    found = run_protocol(Corpus(titles, [*old.paths[:800], *new.paths], days, NAMES), SETTINGS, FAST, folds=3)
    chosen, met = (part.coverage[0].automation[0] for part in (found.hold_out, found.later))
    assert met.threshold == chosen.threshold
    assert chosen.precision > 0.9
    assert met.precision < 0.7
    assert found.later.summary.expected_calibration_error > 0.2


def test_later_ads_that_are_all_of_new_categories_leave_nothing_to_be_right_about():
    old = corpus(200, wrong=0)
    paths = [*old.paths[:200], *[(99,)] * 50]
    days = [datetime(2024, 1, 1) + timedelta(days=n) for n in range(250)]
    titles = [*old.titles[:200], *(f"telescopio {n}" for n in range(50))]
    found = run_protocol(Corpus(titles, paths, days, {**NAMES, 99: "Ciencia"}), SETTINGS, FAST, folds=3)
    assert found.later.summary.unseen == found.later.summary.test
    assert found.later.summary.accuracy_seen is None


def test_an_ad_with_two_categories_is_tested_once_and_either_is_right():
    old = corpus()
    # Every third ad is filed at a gift shop too, of which its title says nothing.
    gifts, names = (98,), {**NAMES, 98: "Regalos"}
    again = range(0, len(old), 3)
    both = Corpus(
        [*old.titles, *(old.titles[n] for n in again)],
        [*old.paths, *(gifts for _ in again)],
        [*old.dates, *(old.dates[n] for n in again)],
        names,
        ads=[*range(len(old)), *again],
    )
    found = run_protocol(both, SETTINGS, FAST, folds=3)
    plain = run_protocol(old, SETTINGS, FAST, folds=3).hold_out.summary
    tested = found.hold_out.summary
    # Were each filing a test of its own, a fourth of them could not be got right.
    assert tested.accuracy > plain.accuracy - 0.05
    assert tested.test + tested.train < len(both)
    short = hold_out(both.titles, both.paths, SETTINGS, keys=digest_keys(map(str, both.ads))).evaluation
    assert short.path_accuracy > plain.accuracy - 0.05
    assert hold_out(both.titles, both.paths, SETTINGS).evaluation.path_accuracy < short.path_accuracy - 0.05
