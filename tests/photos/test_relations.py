from dataclasses import replace

import numpy as np
import pytest

from ad_autocategorize.photos.answers import Rules, decode
from ad_autocategorize.photos.pairs import log_softmax
from ad_autocategorize.photos.relations import Relation, apply_relations, learn_relation
from ad_autocategorize.photos.training.selection import choose_rules
from ad_autocategorize.photos.vocabularies import MISSING
from tests.photos.test_answers import VOCABULARIES, logits

# Model 0 is always of body type 0, models 1 and 2 of body type 1; the last two photos say nothing of both.
LABELS = np.array(
    [[0, 0, 0, 0, 0]] * 40
    + [[0, 1, 1, 0, 1]] * 40
    + [[1, 2, 1, 0, 1]] * 40
    + [[0, 0, MISSING, 0, 0], [0, MISSING, 0, 0, 0]]
)


def relation(told, labels=LABELS, **sizes):
    return learn_relation(labels, {**VOCABULARIES.sizes, **sizes}, told)


def test_a_sure_model_settles_a_doubtful_body_type_and_only_that():
    given = logits([[4.0, 0.0]], [[0.0, 6.0, 0.0]])
    given["body_type"] = np.array([[0.5, 0.0]])
    plain = decode(given, VOCABULARIES.compatibility(), Rules())
    moved = decode(given, VOCABULARIES.compatibility(), Rules(relations=(relation("body_type"),)))
    assert plain["body_type"].argmax() == 0
    assert moved["body_type"].argmax() == 1
    assert np.exp(moved["body_type"]).sum() == pytest.approx(1)
    for head in ("brand", "model", "color", "year"):
        np.testing.assert_array_equal(moved[head], plain[head])


def test_nothing_is_ruled_out():
    body = relation("body_type")
    assert (body.lifts > 0).all()
    # A photo that shows a body type clearly outweighs what the model usually is.
    sure = {"model": log_softmax(np.array([[0.0, 9.0, 0.0]])), "body_type": log_softmax(np.array([[9.0, 0.0]]))}
    assert apply_relations(sure, (body,))["body_type"].argmax() == 0


def test_a_value_never_seen_says_nothing():
    np.testing.assert_allclose(relation("year", model=4).lifts[3], 1.0)


def test_relations_survive_the_manifest():
    assert Rules.from_dict(Rules().to_dict()).relations == ()
    rules = Rules(relations=(replace(relation("year"), weight=0.5), relation("body_type")))
    read = Rules.from_dict(rules.to_dict())
    assert [(item.told, item.weight) for item in read.relations] == [("year", 0.5), ("body_type", 1.0)]
    np.testing.assert_allclose(read.relations[0].lifts, rules.relations[0].lifts, atol=1e-4)


def test_a_relation_is_believed_as_far_as_it_helps():
    rng = np.random.default_rng(0)
    models = np.repeat(np.arange(3), 100)
    given = logits(np.zeros((300, 2)), 6 * np.eye(3)[models])
    given["body_type"] = rng.normal(0, 1, (300, 2))
    usual = np.array([0, 1, 1])[models]
    for bodies, believed in ((usual, True), (rng.integers(0, 2, 300), False)):
        labels = np.column_stack([np.array([0, 0, 1])[models], models, bodies, 0 * models, 0 * models])
        rules, _ = choose_rules(
            given, labels, np.arange(300), VOCABULARIES.compatibility(), relations=[relation("body_type")]
        )
        assert bool(rules.relations) == believed


@pytest.mark.parametrize("document", [{"told": "brand", "lifts": [[1.0]]}, {"told": "year", "lifts": [[0.0]]}])
def test_a_foreign_relation_in_a_manifest_is_refused(document):
    with pytest.raises(ValueError, match="no relation"):
        Relation.from_dict({"weight": 1, **document})
