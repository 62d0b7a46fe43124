"""The figures: each against a plain computation or scikit-learn's."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support

from ad_autocategorize.statistics.intervals import wilson_interval
from ad_autocategorize.statistics.reliability import reliability
from ad_autocategorize.statistics.thresholds import choose_threshold
from ad_autocategorize.titles.evaluation.comparison import compare, macro_f1_interval, mean_interval, share_interval
from ad_autocategorize.titles.evaluation.confusion import LARGEST, confused_pairs, confusion_matrix
from ad_autocategorize.titles.evaluation.coverage import measure_coverage
from ad_autocategorize.titles.evaluation.holdout import evaluate
from ad_autocategorize.titles.evaluation.metrics import count_outcomes, macro_f1, score_levels, score_top
from ad_autocategorize.titles.evaluation.predictions import Predictions, predict
from tests.titles.data import labelled_titles

CATEGORIES = ((1,), (1, 2), (1, 2, 3), (4, 5), (4, 6))


@pytest.fixture(scope="module")
def unseen():
    """Titles of which some words are missing, so that answers are not all right; one category is unknown to the scorer."""
    titles, paths = labelled_titles(240, seed=9)
    titles = [" ".join(title.split()[: 1 + n % 3]) for n, title in enumerate(titles)]
    return [*titles, "auto azul"], [*paths, (1, 99)]


def made(pairs, confidence=None):
    """Predictions from (truth, answer) pairs."""
    position = {path: n for n, path in enumerate(CATEGORIES)}
    ranked = np.array([[position[guess]] for _, guess in pairs])
    shape = (len(pairs), 4)
    sure = np.full(shape, 0.5) if confidence is None else np.tile(np.array(confidence)[:, None], 4)
    return Predictions(CATEGORIES, tuple(path for path, _ in pairs), ranked, sure, np.full(shape, -1, dtype=np.int8))


def test_predictions_agree_with_the_table_of_probabilities(scorer, unseen):
    titles, paths = unseen
    predictions = predict(scorer, titles, [[path] for path in paths])
    categories, table = scorer.tree.categories, scorer.probabilities(titles)
    for row, path in enumerate(paths):
        best = int(table[row].argmax())
        guess = categories[best]
        assert predictions.guesses[row] == guess
        assert predictions.confidence[row, 0] == pytest.approx(table[row, best])
        for level in range(1, 4):
            under = sum(p for p, c in zip(table[row], categories, strict=True) if c[:level] == guess[:level])
            assert predictions.confidence[row, level] == pytest.approx(under)
            if len(path) < level:
                assert predictions.given_parent[row, level] == -1
                continue
            # Among what may follow the right parent, "stop here" included.
            after = {}
            for p, c in zip(table[row], categories, strict=True):
                if c[: level - 1] == path[: level - 1]:
                    after[c[:level]] = after.get(c[:level], 0) + p
            right = max(after, key=after.get) == path[:level] if after else -1
            assert predictions.given_parent[row, level] == right


def test_levels_and_categories_agree_with_scikit_learn(scorer, unseen):
    predictions = predict(scorer, unseen[0], [[path] for path in unseen[1]])
    levels = score_levels(predictions)
    assert [level.level for level in levels] == [1, 2, 3]
    assert 0 < levels[0].accuracy < 1
    for level in levels:
        truth = [str(path[: level.level]) for path in predictions.truth]
        guess = [str(path[: level.level]) for path in predictions.guesses]
        deep = [n for n, path in enumerate(predictions.truth) if len(path) >= level.level]
        assert level.support == len(deep)
        assert level.accuracy == accuracy_score([truth[n] for n in deep], [guess[n] for n in deep])
        labels = [str(row.path) for row in level.categories]
        assert set(labels) == {truth[n] for n in deep}
        rows = np.array([(row.precision, row.recall, row.f1, row.support) for row in level.categories]).T
        assert rows == pytest.approx(
            np.array(precision_recall_fscore_support(truth, guess, labels=labels, zero_division=0))
        )
        for average in ("macro", "weighted"):
            theirs = precision_recall_fscore_support(truth, guess, labels=labels, average=average, zero_division=0)[:3]
            ours = getattr(level, average)
            assert (ours.precision, ours.recall, ours.f1) == pytest.approx(theirs)


def test_the_path_is_right_no_more_often_than_any_level_of_it(scorer, unseen):
    predictions = predict(scorer, unseen[0], [[path] for path in unseen[1]])
    path = predictions.correct.mean()
    assert all(path <= predictions.correct_to(level).mean() for level in range(1, 4))
    top = score_top(predictions)
    assert top[1] == pytest.approx(path)
    assert list(top.values()) == sorted(top.values())
    # The ad of an unknown category is never right, however many answers are looked at.
    assert top[5] < 1


def test_what_became_of_ads_is_told_apart():
    outcomes = count_outcomes(
        made([((1,), (1,)), ((1, 2), (1,)), ((1,), (1, 2, 3)), ((1, 2), (4, 5)), ((4, 5), (4, 6)), ((4, 6), (4, 6))])
    )
    assert (outcomes.right, outcomes.too_shallow, outcomes.too_deep, outcomes.wrong_at) == (2, 1, 1, [1, 1])


def test_macro_f1_agrees_with_scikit_learn():
    rng = np.random.default_rng(0)
    truth, guess = rng.integers(0, 6, 300), rng.integers(0, 8, 300)
    assert macro_f1(truth, guess) == pytest.approx(f1_score(truth, guess, average="macro", labels=np.unique(truth)))
    weights = rng.integers(1, 4, 300).astype(float)
    repeated = np.repeat(np.arange(300), weights.astype(int))
    assert macro_f1(truth, guess, None, weights) == pytest.approx(macro_f1(truth[repeated], guess[repeated]))


def test_a_confusion_matrix_keeps_every_ad():
    pairs = [((1, 2), (1, 2)), ((1, 2), (4, 5)), ((4, 5), (4, 5)), ((4, 6), (1,)), ((1,), (1,))]
    matrix = confusion_matrix(made(pairs), 2)
    assert matrix.paths == [(1, 2), (4, 5), (4, 6)]
    assert matrix.counts == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]
    # An answer above the level is no other category.
    assert matrix.others == 0
    assert matrix.stopped == [0, 0, 1]


def test_answers_that_no_ad_is_filed_at_are_among_the_others():
    matrix = confusion_matrix(made([((1, 2), (4, 6)), ((1, 2), (1,)), ((4, 5), (4, 5))]), 2)
    assert matrix.paths == [(1, 2), (4, 5)]
    assert matrix.others == 1
    assert matrix.counts == [[0, 0, 1], [0, 1, 0], [0, 0, 0]]
    assert matrix.stopped == [1, 0, 0]


def test_a_large_confusion_matrix_has_a_row_for_the_others():
    categories = tuple((n,) for n in range(LARGEST + 5))
    truth = [path for n, path in enumerate(categories) for _ in range(n + 1)]
    ranked = np.array([[path[0]] for path in truth])
    blank = np.zeros((len(truth), 2))
    matrix = confusion_matrix(Predictions(categories, tuple(truth), ranked, blank, blank.astype(np.int8)), 1)
    assert matrix.paths == [(n,) for n in range(5, LARGEST + 5)]
    assert matrix.others == 5
    assert matrix.counts[-1][-1] == 1 + 2 + 3 + 4 + 5
    assert np.sum(matrix.counts) == len(truth)


def test_confused_pairs_show_the_surest_mistakes():
    pairs = [((1, 2), (4, 5))] * 4 + [((4, 5), (1, 2))] + [((1, 2), (1,))] * 2 + [((1, 2), (1, 2))] * 3
    sure = [0.2, 0.9, 0.4, 0.4, 0.9, 0.1, 0.1, 0.9, 0.9, 0.9]
    # A title that occurs twice is shown once, where it was surest.
    titles = ["High", "high", "Middle", "middle", "back", "a", "b", "c", "d", "e"]
    first, second, third = confused_pairs(made(pairs, sure), titles)
    assert (first.filed, first.answered, first.ads, first.support, first.opposite) == ((1, 2), (4, 5), 4, 9, 1)
    assert [example.title for example in first.examples] == ["high", "Middle"]
    assert (second.ads, second.related, first.related) == (2, True, False)
    assert third.ads == 1


def test_reliability_bins_hold_every_ad():
    confidence = np.array([0.05, 0.06, 0.95, 1.0])
    found = reliability(1, confidence, np.array([False, True, True, True]))
    assert [(round(b.confidence, 3), b.accuracy, b.ads) for b in found.bins] == [(0.055, 0.5, 2), (0.975, 1.0, 2)]
    assert found.expected_calibration_error == pytest.approx((0.445 * 2 + 0.025 * 2) / 4)


def test_the_threshold_is_the_lowest_that_surely_reaches_the_target():
    confidence = np.linspace(1, 0.001, 1000)
    correct = np.array([True] * 500 + [False] * 500)
    chosen = choose_threshold(0.9, confidence, correct)
    filed = int((confidence >= chosen).sum())
    assert wilson_interval(500, filed).low >= 0.9 > wilson_interval(500, filed + 1).low
    assert choose_threshold(0.9, confidence, ~correct) is None
    # Thirty right out of thirty may well be nine in ten.
    assert choose_threshold(0.9, confidence[:30], correct[:30]) is None


def test_ads_of_one_confidence_are_filed_together():
    # Half of the equally sure are wrong: none of them may be cut off.
    assert choose_threshold(0.9, np.full(100, 0.8), np.array([True] * 50 + [False] * 50)) is None


def test_the_automatic_share_is_measured_on_ads_that_had_no_part_in_the_choice():
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0, 1, 20_000)
    correct = rng.uniform(0, 1, 20_000) < confidence
    coverage = measure_coverage(0, confidence, correct, np.arange(20_000), seed=0)
    ninety = coverage.automation[0]
    # Calibrated ads above t are right (1 + t) / 2 of the time; a little more, to be sure of it.
    assert 0.8 < ninety.threshold < 0.85
    assert ninety.coverage == pytest.approx(1 - ninety.threshold, abs=0.02)
    assert 0.9 < ninety.precision < 0.93
    assert ninety.low < ninety.precision < ninety.high
    shares = [point.coverage for point in coverage.curve]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert coverage.curve[-1].precision == pytest.approx(correct.mean())


def test_no_threshold_is_made_up_where_nothing_is_right_enough():
    nothing = measure_coverage(0, np.linspace(0, 1, 400), np.zeros(400, dtype=bool), np.arange(400), seed=0)
    assert all(entry.threshold is None and entry.coverage == 0 for entry in nothing.automation)


def test_the_interval_of_a_mean_covers_it_as_often_as_it_says():
    rng = np.random.default_rng(1)
    hits = 0
    for number in range(200):
        values = rng.uniform(0, 1, 150) < 0.8
        interval = mean_interval(values, np.arange(150), 300, seed=number)
        hits += interval.low <= 0.8 <= interval.high
    assert 180 <= hits <= 198


def test_copies_are_no_further_evidence():
    rng = np.random.default_rng(0)
    values = rng.uniform(0, 1, 100) < 0.7
    alone = mean_interval(values, np.arange(100), 500, seed=0)
    copied = mean_interval(np.tile(values, 10), np.tile(np.arange(100), 10), 500, seed=0)
    assert copied.high - copied.low == pytest.approx(alone.high - alone.low, rel=0.01)


@pytest.mark.parametrize("right", [True, False])
def test_answers_that_are_all_alike_are_no_certainty(right):
    answers = np.full(40, right)
    alone = share_interval(answers, np.arange(40), 200, seed=0)
    copied = share_interval(np.tile(answers, 3), np.tile(np.arange(40), 3), 200, seed=0)
    assert alone == copied
    # Of forty: about one in eleven may still be otherwise.
    assert (alone.low, alone.high) == pytest.approx((0.912, 1) if right else (0, 0.088), abs=0.001)


def test_the_interval_of_a_share_is_that_of_the_mean():
    values = np.random.default_rng(0).uniform(0, 1, 100) < 0.7
    assert share_interval(values, np.arange(100), 200, seed=3) == mean_interval(values, np.arange(100), 200, seed=3)


def test_the_interval_of_macro_f1_is_around_it():
    rng = np.random.default_rng(0)
    truth = np.concatenate([np.zeros(200, int), np.ones(20, int), [2]])
    guess = np.where(rng.uniform(size=221) < 0.8, truth, 1)
    point = macro_f1(truth, guess)
    interval = macro_f1_interval(truth, guess, np.ones(3, dtype=bool), groups=np.arange(221), resamples=300, seed=0)
    assert interval.low < point < interval.high


def test_two_systems_are_compared_on_the_same_ads():
    first, second = np.array([True] * 90 + [False] * 10), np.array([True] * 60 + [False] * 40)
    found = compare(first, second, np.arange(100), 500, seed=0)
    assert (found.only_first, found.only_second) == (30, 0)
    assert found.difference == pytest.approx(0.3)
    assert found.p_value == pytest.approx(2 * 0.5**30)
    assert 0.2 < found.interval.low < 0.25
    assert 0.35 < found.interval.high < 0.42


def test_equal_systems_are_level():
    right = np.array([True, False] * 20)
    found = compare(right, right, np.arange(40), 100, seed=0)
    assert (found.difference, found.p_value, found.interval.low, found.interval.high) == (0, 1, 0, 0)


def test_training_and_evaluation_mean_the_same_by_the_scores_of_a_level(scorer, unseen):
    titles, paths = unseen
    # Some ads stop at an inner node where answers go deeper.
    paths = [path[:-1] if number % 5 == 0 and len(path) > 1 else path for number, path in enumerate(paths)]
    short = evaluate(scorer, titles, [[path] for path in paths], train_size=1).levels
    for level, scores in zip(short, score_levels(predict(scorer, titles, [[path] for path in paths])), strict=True):
        assert (level.level, level.support) == (scores.level, scores.support)
        assert level.accuracy == pytest.approx(scores.accuracy)
        assert level.f1_macro == pytest.approx(scores.macro.f1)
        assert level.f1_weighted == pytest.approx(scores.weighted.f1)
