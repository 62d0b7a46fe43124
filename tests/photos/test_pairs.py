import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ad_autocategorize.photos.pairs import WEIGHTS, NothingLearned, brand_probabilities, pair_scores
from ad_autocategorize.photos.vocabularies import CarLabels, Vocabularies


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


@given(cases(), st.sampled_from(WEIGHTS))
def test_nothing_leaves_the_table(case, weight):
    brand, model, table = case
    scores = pair_scores(brand, model, table, weight)
    assert np.isneginf(scores[:, ~table.any(0)]).all()
    np.testing.assert_allclose(np.exp(scores).sum(1), 1, rtol=1e-6)
    np.testing.assert_allclose(brand_probabilities(scores, table).sum(1), 1, rtol=1e-6)
    assert not np.isnan(scores).any()


def test_an_empty_table_is_refused():
    with pytest.raises(NothingLearned, match="table"):
        pair_scores(np.zeros((1, 2)), np.zeros((1, 2)), np.zeros((2, 2), dtype=bool))


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
