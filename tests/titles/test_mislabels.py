"""Out-of-fold scores and the ranking of label errors, on made-up titles and probabilities."""

import numpy as np
import pytest
from scipy import sparse

from ad_autocategorize.titles.label_errors.explanation import deciding_words
from ad_autocategorize.titles.label_errors.mislabels import judge_labels
from ad_autocategorize.titles.label_errors.near_identical import filed_shares, find_near_identical
from ad_autocategorize.titles.label_errors.out_of_fold import assign_folds, group_sellers, out_of_fold_scores
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.training import TrainingError, train

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


def test_ads_of_a_group_share_a_fold_and_the_folds_stay_even():
    _, paths = make_titles()
    groups = [None if number % 3 else ("shop", number % 5) for number in range(160)]
    fold_of = assign_folds(paths, 4, seed=0, groups=groups)
    for group in set(groups) - {None}:
        assert len({fold for fold, other in zip(fold_of, groups, strict=True) if other == group}) == 1
    assert max(np.bincount(fold_of)) - min(np.bincount(fold_of)) <= 4
    for path in CATEGORIES:
        mine = np.bincount([fold for fold, other in zip(fold_of, paths, strict=True) if other == path])
        assert max(mine) - min(mine) <= 4


def test_a_sellers_ads_are_kept_together_where_others_know_the_category():
    paths = [(1,)] * 30 + [(2,)] * 15
    sellers = ["shop"] * 20 + ["", "", *"abcdefgh"] + ["shop"] * 6 + [*"abcdefghi"]
    titles = ["mesa", "Mesa!", "silla"] * 15
    groups = group_sellers(titles, paths, sellers, TitleSettings())
    # Ten others have ads at the first category, nine at the second: there only copies stay together.
    assert len(set(groups[:20])) == 1
    assert groups[20:22] == [None, None]
    assert [groups[30] == groups[number] for number in range(31, 36)] == [True, False, True, True, False]
    assert groups[30] != groups[0]


def flooded():
    """Many sellers file rightly, one files forty sofas as motorbikes, always with the same phrase."""
    titles, paths = make_titles()
    titles += [f"sillon sofa tienda norte n{number}" for number in range(40)]
    return titles, [*paths, *[(5,)] * 40], [*[f"seller{number}" for number in range(160)], *["shop"] * 40]


def test_a_seller_who_files_many_ads_wrongly_convinces_nobody():
    titles, paths, sellers = flooded()

    def doubted(groups):
        scores = out_of_fold_scores(titles, paths, TitleSettings(), groups=groups)
        quality = judge_labels(scores.categories, scores.probabilities, scores.given, witnesses=scores.witnesses)
        return set(quality.candidates().tolist())

    assert not doubted(None) & set(range(160, 200))
    groups = group_sellers(titles, paths, sellers, TitleSettings())
    assert doubted(groups) == set(range(160, 200))
    scores = out_of_fold_scores([*titles, "moto n1"], [*paths, (5,)], TitleSettings(), groups=[*groups, ("shop",)])
    # 41 of the 81 motorbikes are his, and none of the others' ads are alone in anything.
    assert scores.dominated.tolist() == [False] * 160 + [True] * 41


def test_weights_reach_the_folds():
    titles, paths, _ = flooded()
    even, light = (
        out_of_fold_scores(titles, paths, TitleSettings(), weights=[1.0] * 160 + [weight] * 40)
        for weight in (1.0, 0.01)
    )
    plain = out_of_fold_scores(titles, paths, TitleSettings())
    assert (even.probabilities == plain.probabilities).all()
    wrong = plain.categories.index((5,))
    assert light.probabilities[160:, wrong].mean() < plain.probabilities[160:, wrong].mean() - 0.3


def test_copies_by_one_seller_are_one_witness():
    titles, paths, sellers = flooded()
    titles += ["futon n1"] * 6
    paths += [(1, 6)] * 6
    sellers += ["cheap"] * 6
    scores = out_of_fold_scores(
        titles, paths, TitleSettings(), groups=group_sellers(titles, paths, sellers, TitleSettings())
    )
    assert dict(zip(scores.categories, scores.witnesses.tolist(), strict=True)) == {
        (1, 2): 40,
        (1, 3): 40,
        (1, 4): 40,
        (1, 6): 1,
        (5,): 41,
    }
    # No model that judges them has seen their category: their branch speaks for them, and they are not doubted for that.
    assert not scores.probabilities[-6:, scores.categories.index((1, 6))].any()
    quality = judge_labels(scores.categories, scores.probabilities, scores.given, witnesses=scores.witnesses)
    assert not set(quality.candidates().tolist()) & set(range(200, 206))
    alone = judge_labels(scores.categories, scores.probabilities, scores.given)
    assert set(alone.candidates().tolist()) >= set(range(200, 206))


def test_fewer_groups_than_folds_are_judged_all_the_same():
    titles, paths = make_titles(40)
    told = []
    groups = [(number // 4 % 2,) for number in range(40)]
    scores = out_of_fold_scores(titles, paths, TitleSettings(), groups=groups, progress=lambda *step: told.append(step))
    assert told == [("folds", 1, 2), ("folds", 2, 2)]
    assert np.allclose(scores.probabilities.sum(axis=1), 1, atol=1e-3)


def test_no_scorer_saw_the_titles_that_it_scores():
    titles, paths = make_titles(80)
    unique = [f"{title} solo{chr(97 + number // 26)}{chr(97 + number % 26)}" for number, title in enumerate(titles)]
    scores = out_of_fold_scores(unique, paths, TitleSettings(), folds=3)
    fold_of = assign_folds(paths, 3, 0)
    for fold in range(3):
        seen, unseen = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
        expected = train([unique[i] for i in seen], [paths[i] for i in seen], TitleSettings()).scorer
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
    # Many ads of the first two categories look like the other one, one of the first like the third.
    rows += [[0.88, 0.1, 0.01, 0.01]] * 10 + [[0.1, 0.88, 0.01, 0.01]] * 10 + [[0.1, 0.01, 0.88, 0.01]]
    labels = [*given, *[1] * 10, *[0] * 11]
    quality = judge(rows, labels)
    assert quality.ambiguous[-21:].tolist() == [True] * 20 + [False]
    assert quality.score[-1] > quality.score[-2]
    undiscounted = judge(rows, labels, confusion_discount=0.0)
    assert undiscounted.score[-1] == pytest.approx(undiscounted.score[-2], abs=1e-5)


def test_where_one_sibling_takes_the_ads_of_the_other_they_are_errors():
    rows, given = background()
    rows += [[0.1, 0.88, 0.01, 0.01]] * 10
    quality = judge(rows, [*given, *[0] * 10])
    assert set(quality.candidates().tolist()) == set(range(80, 90))
    assert not quality.ambiguous.any()


def test_doubts_about_a_category_that_is_mostly_one_sellers_must_be_strong():
    rows, given = background()
    rows += [[0.05, 0.85, 0.05, 0.05], [0.001, 0.003, 0.001, 0.995]]
    labels = [*given, 0, 0]
    dominated = np.arange(82) >= 80
    assert judge(rows, labels).candidates().tolist() == [81, 80]
    assert judge(rows, labels, dominated=dominated).candidates().tolist() == [81]


def test_what_may_not_be_suggested_gives_way_to_the_next():
    rows, given = background()
    rows += [[0.1, 0.55, 0.3, 0.05], [0.4, 0.5, 0.05, 0.05]]
    allowed = np.array([True, False, True, True])
    quality = judge(rows, [*given, 3, 0], suggestible=allowed)
    assert quality.suggested[-2] == 2
    assert quality.suggested_probability[-2] == pytest.approx(0.3)
    # Where only that one is more probable there is nothing to say.
    assert set(quality.candidates().tolist()) == {80}
    assert quality.score[-1] < judge(rows, [*given, 3, 0]).score[-1]


def test_near_identical_ads_of_others_move_an_ad_in_the_order_and_leave_its_probabilities():
    rows, given = background()
    rows += [[0.3, 0.4, 0.15, 0.15]] * 3
    labels = [*given, 0, 0, 0]
    shares = np.zeros((83, 4))
    shares[81, 1] = shares[82, 0] = 0.5
    plain, told = judge(rows, labels), judge(rows, labels, twins=sparse.csr_array(shares))
    assert told.score[81] > told.score[80] > told.score[82]
    assert told.score[80] == pytest.approx(plain.score[80])
    assert (told.given_probability == plain.given_probability).all()
    assert told.candidates().tolist() == [81, 80, 82]


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
    scorer = train(titles, paths, TitleSettings()).scorer
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


def test_a_sellers_own_copies_come_last_and_say_nothing():
    titles = ["mesa ratona", "mesa ratona", "ratona mesa", "mesa ratona", "sofa"]
    sellers = ["ana", "ana", "eva", "", ""]
    near = find_near_identical(titles, range(5), TitleSettings(), sellers=sellers)
    assert near[0].rows.tolist() == [2, 3, 1]
    assert near[0].others == 2
    # A seller who is not known is not the same as another.
    assert near[3].others == 3
    unknown = find_near_identical(titles, range(5), TitleSettings())
    assert [one.others for one in unknown] == [3, 3, 3, 3, 0]
    given, fold_of = np.array([0, 0, 1, 2, 0]), np.array([0, 0, 0, 1, 1])
    shares = filed_shares(near, given, fold_of).toarray()
    # One that no model has heard, and a quarter of one that the model has.
    assert shares[0] == pytest.approx([0, 1 / 2.25, 0.25 / 2.25])
    assert not shares[4].any()


def test_doubted_ads_come_with_the_words_that_decided():
    titles, paths = make_titles()
    titles[3], paths[3] = "casco n1", (1, 2)
    scores = out_of_fold_scores(titles, paths, TitleSettings(), explain=True)
    assert list(scores.words) == [3]
    assert scores.words[3][0][0] == "casco"
    assert scores.words[3][0][1] > 0


def test_what_is_not_learned_convinces_nobody():
    titles, paths = make_titles()
    category = paths[0]
    other = next(path for path in paths if path != category)
    titles, paths = ["zafiro", *titles, *["zafiro"] * 20], [category, *paths, *[other] * 20]
    learned = [*titles[:-20], *[""] * 20]
    taught, spared = (out_of_fold_scores(titles, paths, TitleSettings(), learned=each) for each in (None, learned))
    at = taught.categories.index(other)
    assert taught.probabilities[0, at] > 0.9
    assert spared.probabilities[0, at] < 0.5


def test_a_small_site_that_is_told_apart_easily_is_not_sure_beyond_reason():
    titles, paths = make_titles(80)
    for number in (0, 5, 10):
        paths[number] = (1, 2) if paths[number] == (5,) else (5,)
    scores = out_of_fold_scores(titles, paths, TitleSettings())
    # Three labels of eighty are wrong: no category may be ruled out as if it were one of millions.
    assert scores.probabilities.min() > 1e-5
    assert scores.probabilities.max() < 0.9999
