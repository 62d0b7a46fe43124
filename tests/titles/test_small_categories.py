"""A site of very many categories with two ads each."""

import warnings

from ad_autocategorize.titles.evaluation import hold_out
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.training import train


def test_categories_of_two_ads_are_learned_and_nothing_is_said_a_thousand_times():
    own = [f"cosa{number} pieza{number}" for number in range(400)]
    titles = [f"{words} {extra}" for words in own for extra in ("nueva", "usada")]
    paths = [(1000 + number // 20, number + 1) for number in range(400) for _ in range(2)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = hold_out(titles, paths, TitleSettings()).evaluation
        scorer = train(titles, paths, TitleSettings()).scorer
    assert found.path_accuracy > 0.9
    assert found.thin_categories == found.categories == 400
    assert scorer.suggest("cosa7 pieza7", 1)[0].category == 8
