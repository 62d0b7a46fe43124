import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ad_autocategorize.artifacts import ArtifactError
from ad_autocategorize.titles.scorer import TitleScorer
from tests.titles.data import CARS, TYRES, labelled_titles

TITLES, PATHS = labelled_titles()
any_title = st.text(st.characters(), max_size=60) | st.sampled_from(TITLES)


def test_it_learns_and_files_ads_at_inner_nodes_too(scorer):
    best = [scorer.suggest(title, 1)[0].path for title in TITLES]
    assert np.mean([guess == path for guess, path in zip(best, PATHS, strict=True)]) > 0.98
    assert scorer.suggest("sedan diesel 4x4", 1)[0].path == CARS
    assert scorer.suggest("cubierta 205/55 r16", 1)[0].path == TYRES


def test_an_unknown_word_is_read_by_its_ngrams(scorer):
    assert scorer.suggest("neumaticazo", 1)[0].path == TYRES


@given(any_title)
def test_probabilities_are_a_distribution_that_never_grows_down_a_path(scorer, title):
    assert scorer.probabilities([title]).sum() == pytest.approx(1, abs=1e-9)
    for suggestion in scorer.suggest(title, 10):
        chain = suggestion.path_probabilities
        assert len(chain) == len(suggestion.path)
        assert all(upper >= lower for upper, lower in pairwise(chain))
        assert chain[-1] >= suggestion.probability >= 0
        assert chain[0] <= 1


@given(st.lists(any_title, min_size=1, max_size=20))
def test_a_batch_gives_to_the_bit_what_single_titles_give(scorer, titles):
    assert scorer.suggest_many(titles, 5) == [scorer.suggest(title, 5) for title in titles]


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
