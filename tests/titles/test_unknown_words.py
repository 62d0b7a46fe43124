"""Words that no model has seen are no evidence."""

import numpy as np
import pytest

from ad_autocategorize.titles.settings import TitleSettings


def test_a_title_of_unknown_words_is_answered_like_one_that_says_nothing(scorer):
    nothing = scorer.probabilities([""])[0]
    np.testing.assert_allclose(nothing, scorer.priors)
    for title in ("asdf qwer zxcv", "xxqy zzkw wqwq"):
        assert np.abs(scorer.probabilities([title])[0] - nothing).max() < 0.1


def test_unknown_words_beside_a_known_one_make_it_less_sure(scorer):
    alone, among = (scorer.suggest(title, 1)[0] for title in ("sofa", "sofa xyzzy plugh wqwq"))
    assert among.path == alone.path
    assert among.probability < alone.probability


@pytest.mark.parametrize("title", ["zzz", "ωωω", "🚗"])
def test_nothing_is_suggested_where_not_a_letter_is_known(scorer, title):
    assert scorer.suggest(title) == []
    assert scorer.suggest_many([title, "sofa"])[0] == []


def test_a_site_of_words_alone_knows_unknown_ones_too():
    from ad_autocategorize.titles.training.training import train
    from tests.titles.data import labelled_titles

    scorer = train(*labelled_titles(), TitleSettings(features="words")).scorer
    assert scorer.suggest("xyzzy plugh") == []
    alone, among = (scorer.suggest(title, 1)[0].probability for title in ("sofa", "sofa xyzzy plugh"))
    assert among < alone
