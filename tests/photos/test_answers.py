import numpy as np
import pytest

from ad_autocategorize.photos.answers import Rules, answer_car
from ad_autocategorize.photos.calibration import (
    NEVER,
    Calibration,
    coverage_at,
    expected_calibration_error,
    fit_calibration,
    fit_threshold,
)
from ad_autocategorize.photos.training.selection import choose_rules, compare_decodings
from ad_autocategorize.photos.vocabularies import HEADS, CarLabels, Vocabularies

VOCABULARIES = Vocabularies.of(
    [
        CarLabels("Ajax", "One", "Sedan", "red", 2000),
        CarLabels("Ajax", "Two", "Van", "blue", 2010),
        CarLabels("Bolt", "One", "Van", "blue", 2010),
    ]
)


def logits(brand, model, car=5.0):
    photos = len(brand)
    two = np.tile([1.0, 0.0], (photos, 1))
    return {
        "brand": np.array(brand, dtype=float),
        "model": np.array(model, dtype=float),
        "body_type": two,
        "color": two,
        "year": two,
        "car": np.full((photos, 1), car),
    }


def test_contradicting_branches_still_give_a_pair_of_the_table():
    # The brand branch says Bolt, the model branch Ajax's Two.
    answer = answer_car(logits([[0.0, 4.0]], [[0.0, 3.0, 1.0]]), VOCABULARIES, Rules())
    brand, (pair_brand, _) = answer.heads["brand"].options[0].value, answer.heads["model"].options[0].value
    assert brand == pair_brand == "Bolt"


def test_removing_a_row_of_the_table_changes_the_answer():
    given = logits([[0.0, 4.0]], [[0.0, 3.0, 1.0]])
    answer = answer_car(given, VOCABULARIES, Rules(), table=[("Ajax", "One"), ("Ajax", "Two")])
    assert answer.heads["model"].options[0].value == ("Ajax", "Two")
    assert answer.heads["brand"].options[0].value == "Ajax"
    assert set(answer.models_by_brand) == {"Ajax"}
    assert ("Bolt", "One") not in [option.value for option in answer.heads["model"].options]


@pytest.mark.parametrize("decoding", ["predicted_brand", "joint", "weighted"])
def test_the_models_of_a_corrected_brand_are_ranked(decoding):
    answer = answer_car(logits([[0.0, 4.0]], [[0.0, 3.0, 1.0]]), VOCABULARIES, Rules(decoding=decoding))
    assert [option.value for option in answer.models_by_brand["Ajax"]] == ["Two", "One"]
    assert sum(option.probability for option in answer.models_by_brand["Ajax"]) == pytest.approx(1)
    assert [option.value for option in answer.models_by_brand["Bolt"]] == ["One"]


def test_photos_of_one_ad_are_combined():
    # One blurred photo leans to Bolt, two clear ones to Ajax.
    one = answer_car(logits([[0.0, 0.5]], [[0, 0, 0]]), VOCABULARIES, Rules())
    all_three = answer_car(logits([[0.0, 0.5], [3, 0], [3, 0]], [[0, 0, 0]] * 3), VOCABULARIES, Rules())
    assert one.heads["brand"].options[0].value == "Bolt"
    assert all_three.heads["brand"].options[0].value == "Ajax"
    assert all_three.photos_used == 3


@pytest.mark.parametrize("decoding", ["predicted_brand", "joint", "weighted"])
def test_photos_that_contradict_one_another_still_give_a_pair_of_the_table(decoding):
    # The first photo says Ajax, the second Bolt; "One" of Ajax, first among the models, has left the table.
    given = logits([[3.0, 0.0], [0.0, 3.5]], [[0.0, 0.0, 0.0]] * 2)
    table = [("Ajax", "Two"), ("Bolt", "One")]
    answer = answer_car(given, VOCABULARIES, Rules(decoding=decoding), table=table)
    assert answer.heads["model"].options[0].value == ("Bolt", "One")
    assert answer.heads["brand"].options[0].value == "Bolt"
    assert 0 < answer.heads["model"].confidence <= 1


def test_photos_of_other_things_are_left_out():
    mixed = logits([[9.0, 0.0], [0.0, 1.0]], [[0, 0, 0]] * 2)
    mixed["car"] = np.array([[-5.0], [5.0]])
    answer = answer_car(mixed, VOCABULARIES, Rules(refusal_threshold=0.0))
    assert answer.photos_used == 1
    assert answer.heads["brand"].options[0].value == "Bolt"
    nothing = answer_car(logits([[9.0, 0.0]], [[0, 0, 0]], car=-1.0), VOCABULARIES, Rules(refusal_threshold=0.0))
    assert not nothing.is_car
    assert nothing.heads == {}


def test_an_uncertain_field_stays_empty():
    rules = Rules(thresholds={**dict.fromkeys(HEADS, 0.0), "color": 0.9})
    answer = answer_car(logits([[3.0, 0.0]], [[3, 0, 0]]), VOCABULARIES, rules)
    assert not answer.heads["color"].accepted
    assert answer.heads["brand"].accepted


def test_a_model_is_never_filled_in_without_its_brand():
    modest = Calibration("temperature", shift=-3.0)
    rules = Rules(
        calibrations={**dict.fromkeys(HEADS, Calibration("none")), "brand": modest},
        thresholds={**dict.fromkeys(HEADS, 0.9), "model": 0.6},
    )
    answer = answer_car(logits([[2.0, 0.0]], [[2.0, 0, 0]]), VOCABULARIES, rules)
    assert answer.heads["model"].accepted
    assert answer.heads["brand"].accepted
    assert answer.heads["brand"].confidence >= answer.heads["model"].confidence


def test_twins_are_named():
    groups = [[("Ajax", "One"), ("Bolt", "One")]]
    answer = answer_car(logits([[3.0, 0.0]], [[3, 0, 0]]), VOCABULARIES, Rules(), twins=groups)
    assert answer.twins == (("Bolt", "One"),)


def test_rules_survive_json():
    rules = Rules(
        calibrations={head: Calibration("isotonic", points=((0.1, 0.2), (0.9, 0.7))) for head in HEADS},
        thresholds=dict.fromkeys(HEADS, 0.5),
        refusal_threshold=1.5,
    )
    assert Rules.from_dict(rules.to_dict()) == rules


def overconfident(count=4000, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0.2, 0.95, count)
    right = rng.random(count) < truth
    stretched = 1 / (1 + np.exp(-2.5 * np.log(truth / (1 - truth))))
    return stretched, right


def test_calibration_mends_overconfidence():
    confidence, right = overconfident()
    calibration, losses = fit_calibration(confidence[:2000], right[:2000])
    before = expected_calibration_error(confidence[2000:], right[2000:])
    after = expected_calibration_error(calibration(confidence[2000:]), right[2000:])
    assert after < 0.03 < before
    assert set(losses) == {"none", "temperature", "histogram", "isotonic"}
    assert losses["none"] == max(losses.values())


def test_a_threshold_keeps_its_promise_on_other_photos():
    confidence, right = overconfident()
    threshold = fit_threshold(confidence[:2000], right[:2000], 0.8)
    accepted = confidence[2000:] >= threshold
    assert accepted.mean() > 0.2
    assert right[2000:][accepted].mean() > 0.77
    assert coverage_at(confidence, right, 0.8) > coverage_at(confidence, right, 0.85) > 0


def test_a_precision_that_is_out_of_reach_fills_in_nothing():
    assert fit_threshold(np.linspace(0, 1, 50), np.zeros(50, dtype=bool), 0.9) == NEVER
    assert fit_threshold(np.array([]), np.array([], dtype=bool), 0.9) == NEVER


def test_rules_are_chosen_by_what_they_give():
    rng = np.random.default_rng(0)
    models = rng.integers(0, 3, 600)
    brands = np.array([0, 0, 1])[models]
    given = logits(np.zeros((600, 2)), np.zeros((600, 3)))
    # A brand branch that is mostly noise, a model branch that is mostly right.
    given["brand"] = np.eye(2)[brands] * 0.5 + rng.normal(0, 1.5, (600, 2))
    given["model"] = np.eye(3)[models] * 4 + rng.normal(0, 1.5, (600, 3))
    labels = np.column_stack([brands, models, *[np.zeros(600, dtype=int)] * 3])
    compared = compare_decodings(given, labels, VOCABULARIES.compatibility())
    rules, figures = choose_rules(given, labels, VOCABULARIES.compatibility())
    assert rules.decoding == "weighted"
    assert rules.pair_weight > 1
    chosen = compared[rules.decoding, rules.pair_weight]
    assert chosen["model"] > compared["predicted_brand", 1.0]["model"] + 0.1
    assert figures["decodings"]
