"""Words that are learned from and not listed: their n-grams count, and the model does not hold them."""

import numpy as np
import pytest

from ad_autocategorize.titles.evaluation import hold_out, hold_out_changed
from ad_autocategorize.titles.label_errors import out_of_fold
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.changes import FiledTitles
from ad_autocategorize.titles.training.incremental import Ads, train_changed
from ad_autocategorize.titles.training.training import TrainingError, train
from tests.titles.data import BOOKS, HOME, SOFAS, labelled_titles

TITLES, PATHS = labelled_titles(240)
# Each in one ad; what they have in common stands in no other word.
OWN = ["zafirol", "zafirito", "zafirazo", "zafirin"]
UNLISTED = dict.fromkeys(OWN, frozenset())
LEARNED, FILED = [*TITLES, *(f"azul {word}" for word in OWN)], [*PATHS, *[BOOKS] * len(OWN)]
# All that is computed node by node and category by category.
SETTINGS = TitleSettings(flat_svc_weight=0.0)
NONE = FiledTitles(np.empty(0, np.uint64), np.empty(0, np.int64))


def frequencies(titles, paths, unlisted, **settings):
    return train(titles, paths, TitleSettings(**settings), unlisted=unlisted).checkpoint.frequencies


def same(first, second):
    one, other = first._tensors(), second._tensors()
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def ads_of(titles, paths, unlisted):
    keys = np.arange(len(titles), dtype=np.uint64)
    return Ads(FiledTitles.of(keys, titles, paths, [1.0] * len(titles)), titles, paths, None, unlisted)


def test_its_ngrams_are_learned_and_the_word_is_not_listed():
    scorer = train(LEARNED, FILED, TitleSettings(), unlisted=UNLISTED).scorer
    assert not scorer.words & set(OWN)
    assert scorer.suggest("zafirote", 1)[0].path == BOOKS
    assert not train(TITLES, PATHS, TitleSettings()).scorer.suggest("zafirote", 1)
    known = frequencies(LEARNED, FILED, UNLISTED)
    assert {" zaf", "zafi", "fir"} <= set(known.ngrams)
    assert not [feature for feature in known.word_features if "zafir" in feature]


def test_ngrams_that_are_not_to_be_learned_of_a_word_are_not():
    muted = {word: frozenset({" zaf", "zafi"}) for word in OWN}
    known = set(frequencies(LEARNED, FILED, muted).ngrams)
    assert not known & {" zaf", "zafi"} and "afir" in known
    # Of another word they are.
    others = set(frequencies([*LEARNED, "zafio", "zafiedad"], [*FILED, HOME, HOME], muted).ngrams)
    assert {" zaf", "zafi"} <= others


@pytest.mark.parametrize("least", [1, 2])
def test_neither_pairs_nor_marks_nor_ngrams_tell_a_word_that_stands_in_several_rows(least):
    # One ad of two categories.
    titles, paths = [*TITLES, *["sofá oxymel"] * 2], [*PATHS, SOFAS, HOME]
    known = frequencies(titles, paths, {"oxymel": frozenset()}, min_document_frequency=least)
    assert not [feature for feature in known.word_features if "oxymel" in feature]
    assert not {" ox", "oxy", "oxym", "xyme", "mel "} & set(known.ngrams)
    listed = frequencies(titles, paths, {}, min_document_frequency=least)
    assert {"sofa oxymel", "oxymel ", "oxymel"} <= set(listed.word_features)
    assert {"oxym", "xyme"} <= set(listed.ngrams)


def test_without_unlisted_words_all_is_as_ever():
    assert same(
        train(LEARNED, FILED, SETTINGS).scorer,
        train(LEARNED, FILED, SETTINGS, unlisted={"never": frozenset()}).scorer,
    )


def test_words_alone_are_unknown_words():
    known = frequencies(LEARNED, FILED, UNLISTED, features="words")
    assert "azul" in known.word_features and not set(OWN) & set(known.word_features)
    assert len(known.ngrams) == 0


def test_where_no_word_may_be_listed_there_is_nothing_to_learn():
    titles = [word for word in OWN for _ in range(2)]
    with pytest.raises(TrainingError, match="0 have words"):
        train(titles, [BOOKS, HOME] * 4, TitleSettings(), unlisted=UNLISTED)


@pytest.mark.parametrize("classifier", ["linear_svc", "logistic_regression", "multinomial_nb"])
def test_a_site_of_a_single_listed_word_is_learned_from(classifier):
    titles = [f"{first}{second}" for first in "bcdfghjklm" for second in ("aro", "ena", "ibo")]
    paths = [(BOOKS, HOME, SOFAS)[number % 3] for number in range(len(titles))]
    scorer = train(
        [*titles, "mesa"],
        [*paths, HOME],
        TitleSettings(classifier=classifier),
        unlisted=dict.fromkeys(titles, frozenset()),
    ).scorer
    assert scorer.words == {"mesa"}
    assert scorer.suggest("paro", 3)


@pytest.fixture(scope="module")
def whole():
    return train(LEARNED, FILED, SETTINGS, unlisted=UNLISTED)


def test_a_training_of_all_that_changed_is_a_whole_one(whole):
    ads = ads_of(LEARNED, FILED, UNLISTED)
    assert same(train_changed(whole, NONE, ads).trained.scorer, whole.scorer)
    assert train_changed(whole, ads.filed, ads).trained_nodes == 0
    # The words without their n-grams are another training.
    assert not same(train_changed(whole, NONE, ads_of(LEARNED, FILED, {})).trained.scorer, whole.scorer)


def test_of_all_that_changed_the_same_ngrams_are_learned(whole):
    muted = {word: frozenset({" zaf", "afir"}) for word in OWN}
    before = train(LEARNED, FILED, SETTINGS, unlisted=muted)
    assert same(train_changed(before, NONE, ads_of(LEARNED, FILED, muted)).trained.scorer, before.scorer)
    assert not same(train_changed(whole, NONE, ads_of(LEARNED, FILED, muted)).trained.scorer, whole.scorer)


def test_of_a_new_word_the_ngrams_are_learned_where_ads_changed(whole):
    titles, paths = [*LEARNED, "azul zafirina"], [*FILED, BOOKS]
    told, silent = (
        train_changed(whole, ads_of(LEARNED, FILED, UNLISTED).filed, ads_of(titles, paths, unlisted)).trained.scorer
        for unlisted in ({**UNLISTED, "zafirina": frozenset()}, UNLISTED)
    )
    assert told.words == silent.words == whole.scorer.words
    assert not same(told, silent)


def test_the_hold_out_learns_them_alike():
    keys = np.random.default_rng(1).integers(2**63, size=len(LEARNED), dtype=np.uint64)
    settings = TitleSettings(regularization=1.0, naive_bayes_weight=0.3, flat_svc_weight=0.0)
    held = hold_out(LEARNED, FILED, settings, unlisted=UNLISTED, keys=keys)
    assert not held.tested.scorer.words & set(OWN)
    ads = Ads(FiledTitles.of(keys, LEARNED, FILED, [1.0] * len(keys)), LEARNED, FILED, None, UNLISTED)
    anew = hold_out_changed(held.tested, NONE, ads, keys)
    assert same(anew.tested.scorer, held.tested.scorer)


def test_out_of_fold_too_they_are_not_listed(monkeypatch):
    listed = []

    def spy(*args, **options):
        trained = train(*args, **options)
        listed.append(trained.scorer.words)
        return trained

    monkeypatch.setattr(out_of_fold, "train", spy)
    out_of_fold.out_of_fold_scores(LEARNED, FILED, SETTINGS, learned=LEARNED, unlisted=UNLISTED)
    assert len(listed) == out_of_fold.FOLDS
    assert not set().union(*listed) & set(OWN)
