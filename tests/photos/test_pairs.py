import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ad_autocategorize.photos.pairs import DECODINGS, brand_probabilities, pair_scores
from ad_autocategorize.photos.training.network import CarNetwork
from ad_autocategorize.photos.vocabularies import CarLabels, Vocabularies
from tests.photos.toys import toy_settings


@st.composite
def cases(draw):
    brands, models = draw(st.integers(1, 5)), draw(st.integers(1, 9))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    owner = rng.integers(0, brands, models)
    listed = rng.random(models) < 0.7
    listed[rng.integers(models)] = True
    table = np.zeros((brands, models), dtype=bool)
    table[owner, np.arange(models)] = listed
    return rng.normal(0, 8, (4, brands)), rng.normal(0, 8, (4, models)), table


@given(cases(), st.sampled_from(DECODINGS))
def test_no_decoding_leaves_the_table(case, decoding):
    brand, model, table = case
    scores = pair_scores(brand, model, table, decoding, 1.5)
    assert np.isneginf(scores[:, ~table.any(0)]).all()
    np.testing.assert_allclose(np.exp(scores).sum(1), 1, rtol=1e-6)
    np.testing.assert_allclose(brand_probabilities(scores, table).sum(1), 1, rtol=1e-6)
    assert not np.isnan(scores).any()


@given(cases())
def test_joint_keeps_the_brand_branch_and_predicted_brand_its_best(case):
    brand, model, table = case
    shown = np.where(table.any(1), brand, -np.inf)
    expected = np.exp(shown - shown.max(1, keepdims=True))
    expected /= expected.sum(1, keepdims=True)
    joint = brand_probabilities(pair_scores(brand, model, table, "joint"), table)
    np.testing.assert_allclose(joint, expected, atol=1e-9)
    best = pair_scores(brand, model, table, "predicted_brand").argmax(1)
    np.testing.assert_array_equal(table.argmax(0)[best], shown.argmax(1))


def test_an_empty_table_is_refused():
    with pytest.raises(ValueError, match="table"):
        pair_scores(np.zeros((1, 2)), np.zeros((1, 2)), np.zeros((2, 2), dtype=bool), "joint")


def test_the_network_scores_pairs_of_its_table_only(vocabularies):
    network = CarNetwork(toy_settings(), vocabularies).eval()
    network.set_compatibility(vocabularies.compatibility([("Ajax", "Two")]))
    scores = network.pair_logits(network(torch.rand(3, 3, 24, 32)))
    assert (scores.argmax(1) == vocabularies.model.index(("Ajax", "Two"))).all()
    assert (scores.softmax(1).max(1).values > 0.999).all()


def test_models_of_the_same_name_belong_to_their_own_brands():
    vocabularies = Vocabularies.of([CarLabels("B", "100"), CarLabels("A", "100"), CarLabels("A", "200")])
    table = vocabularies.compatibility()
    assert table.sum() == 3
    assert (table.sum(0) == 1).all()
    assert Vocabularies.from_dict(vocabularies.to_dict()) == vocabularies


def test_the_table_lives_without_retraining():
    vocabularies = Vocabularies.of([CarLabels("A", "1"), CarLabels("A", "2")])
    table = [("A", "1"), ("A", "3")]
    assert vocabularies.compatibility(table).sum() == 1
    assert vocabularies.never_seen(table) == [("A", "3")]
