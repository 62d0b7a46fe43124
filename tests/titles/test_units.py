"""Normalisation, settings, tree, splits, errors of training, and the calibration error."""

import numpy as np
import pytest

from ad_autocategorize.titles.evaluation import expected_calibration_error, hold_out
from ad_autocategorize.titles.hierarchy import build_nodes
from ad_autocategorize.titles.normalization import REMEMBERED_NUMBERS, Normalizer
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.splitting import draw_sample, split_by_category
from ad_autocategorize.titles.training.training import TrainingError, train
from tests.titles.data import labelled_titles

ALL_STEPS = {"numbers_to_words": True, "remove_stopwords": True}


@pytest.mark.parametrize(
    ("steps", "title", "tokens"),
    [
        ({}, "¡VENDO Camión 205/55 R16, 1.5lts!", ["vendo", "camion", "205", "55", "r", "16", "1", "5", "lts"]),
        ({"strip_accents": False}, "Camión", ["camión"]),
        ({"lowercase": False}, "Camión", ["Camion"]),
        ({"strip_punctuation": False}, "a.b c", ["a.b", "c"]),
        ({"numbers_to_words": True}, "2 sillas", ["dos", "sillas"]),
        (ALL_STEPS, "Vendo en excelente estado 2 sillas", ["sillas"]),
        (ALL_STEPS | {"extra_stopwords": ("Permuta Posible",)}, "sillas permuta posible", ["sillas"]),
        (ALL_STEPS | {"language": "en"}, "Like new 2 chairs for sale", ["chairs"]),
        (ALL_STEPS | {"language": "pt"}, "Vendo 3 cadeiras em ótimo estado", ["cadeiras"]),
        (ALL_STEPS, "de la para", []),
    ],
)
def test_each_step_does_what_it_says_and_can_be_switched_off(steps, title, tokens):
    assert Normalizer(TitleSettings(**steps))(title) == tokens


def test_of_the_numbers_that_strangers_type_a_process_remembers_few():
    normalize = Normalizer(TitleSettings(numbers_to_words=True))
    for number in range(REMEMBERED_NUMBERS + 10):
        normalize._spell(f"x{number}")
    remembered = normalize._spell.cache_info()
    assert remembered.currsize == remembered.maxsize == REMEMBERED_NUMBERS
    # Longer ones, which cost the more to spell, stay as they are.
    assert normalize("9" * 5000) == ["9" * 5000]


def test_a_language_without_stop_words_is_refused_only_where_they_are_wanted():
    Normalizer(TitleSettings(language="xx"))
    for step in ALL_STEPS:
        with pytest.raises(ValueError, match=step):
            Normalizer(TitleSettings(language="xx", **{step: True}))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"langauge": "es"}, "Did you mean 'language'"),
        ({"classifier": "forest"}, "linear_svc"),
        ({"regularization": "1"}, "must be a number"),
        ({"regularization": 0}, "above 0"),
        ({"lowercase": 1}, "bool"),
        ({"extra_stopwords": "vendo"}, "list of strings"),
        ({"min_character_ngram": 6}, "min <= max"),
        ({"min_ads_per_node": 1}, "at least 2"),
    ],
)
def test_wrong_settings_are_named(values, message):
    with pytest.raises(ValueError, match=message):
        TitleSettings.from_dict(values)


def test_settings_survive_json():
    settings = TitleSettings(extra_stopwords=("a", "b"), classifier="multinomial_nb")
    assert TitleSettings.from_dict(settings.to_dict()) == settings


def test_a_node_offers_its_children_and_itself_where_ads_stop():
    nodes = {node.path: node.outcomes for node in build_nodes([(1,), (1, 2), (3, 4), (1, 2)])}
    assert nodes == {(): ((1,), (3,)), (1,): ((1,), (1, 2)), (3,): ((3, 4),)}


def test_a_node_with_few_ads_answers_with_frequencies_and_the_rest_still_learns():
    titles, paths = labelled_titles()
    scorer = train(
        [*titles, "raro uno", "raro dos"], [*paths, (9, 10), (9, 11)], TitleSettings(min_ads_per_node=5)
    ).scorer
    rare = {s.path: s.probability for s in scorer.suggest("raro", 10)}
    assert rare[9, 10] == pytest.approx(rare[9, 11], rel=0.2)


@pytest.mark.parametrize("features", ["words", "words+characters"])
@pytest.mark.parametrize("classifier", ["linear_svc", "logistic_regression", "multinomial_nb"])
def test_every_classifier_and_feature_set_learns(classifier, features):
    titles, paths = labelled_titles()
    settings = TitleSettings(classifier=classifier, features=features, naive_bayes_weight=0.0)
    assert hold_out(titles, paths, settings).evaluation.path_accuracy > 0.9


@pytest.mark.parametrize("titles", [[], ["sofá"], ["sofá", "mesa"], ["!!", "??"]])
def test_what_cannot_be_learned_from_is_explained(titles):
    with pytest.raises(TrainingError, match="ads"):
        train(titles, [(1,)] * len(titles), TitleSettings())


def test_a_split_keeps_one_of_each_category_and_about_the_share():
    paths = [(1,)] * 90 + [(2,)] * 9 + [(3,)]
    aside, rest = split_by_category(paths, 0.33, seed=3)
    assert sorted([*aside, *rest]) == list(range(100))
    assert {paths[i] for i in rest} == {(1,), (2,), (3,)}
    assert 28 <= len(aside) <= 34


def test_the_calibration_error_of_known_cases():
    sure_and_right = np.ones(10), np.ones(10, dtype=bool)
    assert expected_calibration_error(*sure_and_right) == 0
    half_right = np.array([True, False] * 5)
    assert expected_calibration_error(np.full(10, 0.9), half_right) == pytest.approx(0.4)


def test_a_sample_keeps_every_label_and_takes_all_of_few():
    labels = np.array([0] * 500 + [1] + [2] * 500)
    drawn = draw_sample(labels, 20, seed=3)
    assert set(labels[drawn]) == {0, 1, 2}
    assert 20 <= len(drawn) <= 23
    assert len(set(drawn)) == len(drawn)
    assert draw_sample(labels, 20, seed=3).tolist() == drawn.tolist()
    assert draw_sample(labels, 2000, seed=3).tolist() == list(range(1001))


def test_large_sites_are_trained_in_part_by_samples(monkeypatch):
    import ad_autocategorize.titles.training.cascade as cascade
    import ad_autocategorize.titles.training.flat as flat
    import ad_autocategorize.titles.training.training as training

    monkeypatch.setattr(flat, "MAX_SVC_ADS", 100)
    monkeypatch.setattr(training, "MAX_CALIBRATED_ON", 100)
    monkeypatch.setattr(cascade, "MAX_ADS_PER_NODE", 100)
    titles, paths = labelled_titles()
    scorer = train(titles, paths, TitleSettings()).scorer
    best = [answer[0].path for answer in scorer.suggest_many(titles, 1)]
    assert np.mean([guess == path for guess, path in zip(best, paths, strict=True)]) > 0.95
