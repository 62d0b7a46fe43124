import numpy as np
import pytest

from ad_autocategorize.photos.answers import Rules, decode
from ad_autocategorize.photos.pairs import log_softmax
from ad_autocategorize.photos.relations import Relation, apply_relations, learn_relations
from ad_autocategorize.photos.settings import PhotoSettings
from ad_autocategorize.photos.vocabularies import MISSING
from tests.photos.test_answers import VOCABULARIES, logits

# Model 0 is always of body type 0, models 1 and 2 of body type 1; the last two photos say nothing of both.
LABELS = np.array(
    [[0, 0, 0, 0, 0]] * 40
    + [[0, 1, 1, 0, 1]] * 40
    + [[1, 2, 1, 0, 1]] * 40
    + [[0, 0, MISSING, 0, 0], [0, MISSING, 0, 0, 0]]
)


def relations(**weights):
    return learn_relations(
        LABELS, VOCABULARIES.sizes, {name.replace("__", "-"): value for name, value in weights.items()}
    )


def test_a_sure_model_settles_a_doubtful_body_type_and_only_that():
    given = logits([[4.0, 0.0]], [[0.0, 6.0, 0.0]])
    given["body_type"] = np.array([[0.5, 0.0]])
    plain = decode(given, VOCABULARIES.compatibility(), Rules())
    moved = decode(given, VOCABULARIES.compatibility(), Rules(relations=relations(model__body_type=1.0)))
    assert plain["body_type"].argmax() == 0
    assert moved["body_type"].argmax() == 1
    assert np.exp(moved["body_type"]).sum() == pytest.approx(1)
    for head in ("brand", "model", "color", "year"):
        np.testing.assert_array_equal(moved[head], plain[head])


def test_nothing_is_ruled_out():
    (relation,) = relations(model__body_type=1.0)
    assert (relation.lifts > 0).all()
    # A photo that shows a body type clearly outweighs what the model usually is.
    sure = {"model": log_softmax(np.array([[0.0, 9.0, 0.0]])), "body_type": log_softmax(np.array([[9.0, 0.0]]))}
    assert apply_relations(sure, (relation,))["body_type"].argmax() == 0


def test_a_value_never_seen_says_nothing():
    sizes = {**VOCABULARIES.sizes, "model": 4}
    (relation,) = learn_relations(LABELS, sizes, {"model-year": 1.0})
    np.testing.assert_allclose(relation.lifts[3], 1.0)


def test_relations_are_off_by_default_and_survive_the_manifest():
    assert relations() == relations(brand__year=0.0) == ()
    assert Rules.from_dict(Rules().to_dict()).relations == ()
    rules = Rules(relations=relations(brand__year=0.5, model__year=1.0))
    read = Rules.from_dict(rules.to_dict())
    assert [(item.given, item.told, item.weight) for item in read.relations] == [
        ("brand", "year", 0.5),
        ("model", "year", 1.0),
    ]
    np.testing.assert_allclose(read.relations[0].lifts, rules.relations[0].lifts, atol=1e-4)


@pytest.mark.parametrize("relations", [{"color-brand": 1.0}, {"model-year": -1.0}])
def test_relations_that_cannot_be_meant_are_refused(relations):
    with pytest.raises(ValueError, match="relations"):
        PhotoSettings(relations=relations)


def test_a_foreign_relation_in_a_manifest_is_refused():
    with pytest.raises(ValueError, match="no relation"):
        Relation.from_dict({"given": "color", "told": "brand", "weight": 1, "lifts": [[1.0]]})
