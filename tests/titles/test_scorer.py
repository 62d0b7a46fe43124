import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ad_autocategorize.artifacts import ArtifactError
from ad_autocategorize.titles.scorer import TitleScorer
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.training import train
from tests.titles.data import CARS, TYRES, labelled_titles

TITLES, PATHS = labelled_titles()
SETTINGS = (
    {"classifier": "logistic_regression"},
    {"classifier": "multinomial_nb"},
    {"features": "words", "numbers_to_words": True, "remove_stopwords": True},
    {"naive_bayes_weight": 0, "flat_svc_weight": 0},
    {"min_ads_per_node": 1000},
)
any_text = st.text(st.characters(), max_size=60)
# Ten thousand signs of the same few words, or of one word, as pasted by mistake.
long_title = st.builds(
    lambda part, gap: (part + gap) * (10_000 // (len(part) + 1)), any_text, st.sampled_from(["", " "])
)
any_title = any_text | st.sampled_from(TITLES) | long_title


def test_it_learns_and_files_ads_at_inner_nodes_too(scorer):
    best = [scorer.suggest(title, 1)[0].path for title in TITLES]
    assert np.mean([guess == path for guess, path in zip(best, PATHS, strict=True)]) > 0.98
    assert scorer.suggest("sedan diesel 4x4", 1)[0].path == CARS
    assert scorer.suggest("cubierta 205/55 r16", 1)[0].path == TYRES


def test_an_unknown_word_is_read_by_its_ngrams(scorer):
    assert scorer.suggest("neumaticazo", 1)[0].path == TYRES


@settings(deadline=None)
@given(any_title)
def test_probabilities_are_a_distribution_that_never_grows_down_a_path(scorer, title):
    assert scorer.probabilities([title]).sum() == pytest.approx(1, abs=1e-6)
    for suggestion in scorer.suggest(title, 10):
        chain = suggestion.path_probabilities
        assert len(chain) == len(suggestion.path)
        assert all(upper >= lower for upper, lower in pairwise(chain))
        assert chain[-1] >= suggestion.probability >= 0
        assert chain[0] <= 1


@settings(deadline=None)
@given(st.lists(any_title, min_size=1, max_size=20))
def test_a_batch_gives_to_the_bit_what_single_titles_give(scorer, titles):
    assert scorer.suggest_many(titles, 5) == [scorer.suggest(title, 5) for title in titles]


@settings(deadline=None)
@given(st.lists(any_title, min_size=1, max_size=20))
def test_a_batch_has_the_probabilities_of_single_titles(scorer, titles):
    alone = np.vstack([scorer.probabilities([title]) for title in titles])
    np.testing.assert_array_equal(scorer.probabilities(titles), alone)


@pytest.fixture(scope="module", params=SETTINGS, ids=str)
def other_scorer(request):
    return train(TITLES, PATHS, TitleSettings(**request.param)).scorer


@settings(deadline=None, max_examples=30)
@given(st.lists(any_title, min_size=1, max_size=5))
def test_the_same_holds_for_every_kind_of_classifier_and_features(other_scorer, titles):
    table = other_scorer.probabilities(titles)
    np.testing.assert_allclose(table.sum(axis=1, dtype=np.float64), 1, atol=1e-6)
    assert (table >= 0).all()
    assert other_scorer.suggest_many(titles, 6) == [other_scorer.suggest(title, 6) for title in titles]
    for suggestion in other_scorer.suggest(titles[0], 6):
        chain = suggestion.path_probabilities
        assert all(upper >= lower for upper, lower in pairwise([1, *chain, suggestion.probability]))


@settings(deadline=None)
@given(any_title)
def test_suggestions_are_the_best_of_the_whole_tree_in_order(scorer, title):
    suggestions = scorer.suggest(title, 4)
    if suggestions:
        expected = np.sort(scorer.probabilities([title])[0])[::-1][:4]
        assert [s.probability for s in suggestions] == expected.tolist()


def test_only_allowed_categories_are_suggested(scorer):
    assert {s.category for s in scorer.suggest("sofá", 5, frozenset({1, 4}))} == {1, 4}
    assert scorer.suggest("sofá", 5, frozenset()) == []


@pytest.mark.parametrize("title", ["", "   ", "!!! ¿?", "\x00\ud800"])
def test_a_title_without_words_gets_no_suggestion(scorer, title):
    assert scorer.suggest(title) == []


def test_saved_and_loaded_it_answers_the_same(scorer, tmp_path):
    scorer.save(tmp_path / "model", metadata={"ads": 300})
    loaded = TitleScorer.load(tmp_path / "model")
    assert loaded.suggest_many(TITLES, 3) == scorer.suggest_many(TITLES, 3)
    assert loaded.manifest["ads"] == 300
    assert loaded.digest == scorer.digest


@pytest.mark.parametrize("name", ["model.safetensors", "manifest.json"])
def test_every_cut_and_every_flipped_byte_is_refused(scorer, tmp_path, name):
    scorer.save(tmp_path / "model", metadata={})
    path = tmp_path / "model" / name
    data = path.read_bytes()
    for damaged in (b"", data[: len(data) // 2], data[:50] + bytes([data[50] ^ 0xFF]) + data[51:]):
        path.write_bytes(damaged)
        with pytest.raises(ArtifactError):
            TitleScorer.load(tmp_path / "model")


def test_a_manifest_that_contradicts_its_tensors_is_refused(scorer, tmp_path):
    scorer.save(tmp_path / "model", metadata={})
    path = tmp_path / "model" / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["mixture"]
    path.write_text(json.dumps(manifest))
    with pytest.raises(ArtifactError, match="mixture"):
        TitleScorer.load(tmp_path / "model")
