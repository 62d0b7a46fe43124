"""Out-of-fold scores and the ranking of label errors, on made-up titles and probabilities."""

import numpy as np
import pytest

from ad_autocategorize.titles.explanation import deciding_words
from ad_autocategorize.titles.mislabels import judge_labels
from ad_autocategorize.titles.near_identical import find_near_identical
from ad_autocategorize.titles.out_of_fold import assign_folds, out_of_fold_scores
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training import TrainingError, train

# Two main categories, one with three below it.
CATEGORIES = [(1, 2), (1, 3), (1, 4), (5,)]
WORDS = {
    (1, 2): "sillon sofa futon",
    (1, 3): "mesa comedor ratona",
    (1, 4): "lampara velador luz",
    (5,): "moto casco scooter",
}


def make_titles(count=160):
    rng = np.random.default_rng(0)
    paths = [CATEGORIES[number % 4] for number in range(count)]
    titles = [" ".join([*rng.permutation(WORDS[path].split())[:2], f"n{rng.integers(9)}"]) for path in paths]
    return titles, paths


def judge(probabilities, given, **options):
    return judge_labels(CATEGORIES, np.array(probabilities, dtype=np.float32), np.array(given), **options)


def background(count=20):
    """Ads whose labels nobody doubts, so that every category is known."""
    rows = [[0.94 if column == number % 4 else 0.02 for column in range(4)] for number in range(4 * count)]
    return rows, [number % 4 for number in range(4 * count)]


def test_folds_hold_every_ad_once_and_share_every_category_out():
    _, paths = make_titles()
    fold_of = assign_folds(paths, 4, seed=0)
    for path in CATEGORIES:
        mine = [fold for fold, other in zip(fold_of, paths, strict=True) if other == path]
        assert np.bincount(mine).tolist() == [10, 10, 10, 10]
    assert (assign_folds(paths, 4, seed=0) == fold_of).all()
    # Categories with fewer ads than folds do not pile up in one fold.
    rare = [(number,) for number in range(40)]
    assert np.bincount(assign_folds(rare, 4, seed=0)).tolist() == [10, 10, 10, 10]


def test_no_scorer_saw_the_titles_that_it_scores():
    titles, paths = make_titles(80)
    unique = [f"{title} solo{chr(97 + number // 26)}{chr(97 + number % 26)}" for number, title in enumerate(titles)]
    scores = out_of_fold_scores(unique, paths, TitleSettings(), folds=3)
    fold_of = assign_folds(paths, 3, 0)
    for fold in range(3):
        seen, unseen = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
        expected = train([unique[i] for i in seen], [paths[i] for i in seen], TitleSettings())
        assert expected.tree.categories == scores.categories
        assert np.allclose(scores.probabilities[unseen], expected.probabilities([unique[i] for i in unseen]))


def test_folds_side_by_side_answer_as_one_after_the_other():
    titles, paths = make_titles(80)
    told = []
    scores = out_of_fold_scores(
        titles, paths, TitleSettings(), jobs=2, explain=True, progress=lambda *step: told.append(step)
    )
    alone = out_of_fold_scores(titles, paths, TitleSettings(), explain=True)
    assert (scores.probabilities == alone.probabilities).all()
    assert scores.words == alone.words
    assert told == [("folds", done, 4) for done in range(1, 5)]


def test_a_wrong_label_gets_a_low_probability_out_of_fold():
    titles, paths = make_titles()
    paths[0] = (5,)
    scores = out_of_fold_scores(titles, paths, TitleSettings())
    assert np.allclose(scores.probabilities.sum(axis=1), 1, atol=1e-3)
    quality = judge_labels(scores.categories, scores.probabilities, scores.given)
    assert quality.candidates()[0] == 0
    assert scores.categories[quality.suggested[0]] == (1, 2)
    assert quality.level[0] == 1


def test_too_few_ads_are_refused():
    with pytest.raises(TrainingError):
        out_of_fold_scores(["sofa", "mesa"], [(1, 2), (1, 3)], TitleSettings())


def test_levels_and_kinds_of_disagreement():
    rows, given = background()
    rows += [[0.05, 0.9, 0.03, 0.02], [0.05, 0.03, 0.02, 0.9]]
    quality = judge(rows, [*given, 0, 0])
    assert quality.level[-2:].tolist() == [2, 1]
    assert quality.main_probability[-2] == pytest.approx(0.98, abs=1e-3)
    assert set(quality.candidates().tolist()) == {80, 81}
    assert not quality.ambiguous.any()


def test_siblings_that_are_always_confused_are_ambiguous_and_rank_below_a_lone_error():
    rows, given = background()
    # Many ads of the first category look like the second, one like the third.
    rows += [[0.1, 0.88, 0.01, 0.01]] * 10 + [[0.1, 0.01, 0.88, 0.01]]
    quality = judge(rows, [*given, *[0] * 11])
    assert quality.ambiguous[-11:].tolist() == [True] * 10 + [False]
    assert quality.score[-1] > quality.score[-2]
    undiscounted = judge(rows, [*given, *[0] * 11], confusion_discount=0.0)
    assert undiscounted.score[-1] == pytest.approx(undiscounted.score[-2], abs=1e-5)


def test_a_category_of_few_ads_is_judged_by_its_branch():
    rows, given = background()
    keep = [index for index, label in enumerate(given) if label != 2]
    rows, given = [rows[i] for i in keep], [given[i] for i in keep]
    rows += [[0.9, 0.1, 0.0, 0.0], [0.05, 0.05, 0.0, 0.9]]
    quality = judge(rows, [*given, 2, 2])
    assert quality.candidates().tolist() == [len(given) + 1]
    assert quality.given_probability[-2] == pytest.approx(1.0, abs=1e-3)
    # A main category of few ads is never doubted.
    lone = [[1.0, 0.0, 0.0, 0.0]] * 20 + [[1.0, 0.0, 0.0, 0.0]]
    assert not len(judge(lone, [0] * 20 + [3]).candidates())


def test_the_words_that_decided_have_signs():
    titles, paths = make_titles()
    scorer = train(titles, paths, TitleSettings())
    (words,) = deciding_words(scorer, ["sofa casco"], [(5,)], [(1, 2)])
    weights = dict(words)
    assert weights["sofa"] > 0 > weights["casco"]
    # A word that changes nothing explains nothing.
    assert deciding_words(scorer, ["zzz"], [(5,)], [(1, 2)]) == [[]]


def test_near_identical_titles_are_found_whatever_their_order_and_spelling():
    titles = [
        "Sillón futón tres cuerpos",
        "FUTON tres cuerpos sillon",
        "mesa ratona",
        "sillon azul de jardin",
        "mesa ratona!",
    ]
    first, last = find_near_identical(titles, [0, 4], TitleSettings())
    assert first.rows.tolist() == [1]
    assert first.similarities[0] == pytest.approx(1, abs=1e-3)
    assert last.rows.tolist() == [2]


def test_doubted_ads_come_with_the_words_that_decided():
    titles, paths = make_titles()
    titles[3], paths[3] = "casco n1", (1, 2)
    scores = out_of_fold_scores(titles, paths, TitleSettings(), explain=True)
    assert list(scores.words) == [3]
    assert scores.words[3][0][0] == "casco"
    assert scores.words[3][0][1] > 0


def test_a_small_site_that_is_told_apart_easily_is_not_sure_beyond_reason():
    titles, paths = make_titles(80)
    for number in (0, 5, 10):
        paths[number] = (1, 2) if paths[number] == (5,) else (5,)
    scores = out_of_fold_scores(titles, paths, TitleSettings())
    # Three labels of eighty are wrong: no category may be ruled out as if it were one of millions.
    assert scores.probabilities.min() > 1e-5
    assert scores.probabilities.max() < 0.9999
