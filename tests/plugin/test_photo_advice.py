import copy

import pytest
from django.utils import translation

from ad_autocategorize.photos.vocabularies import HEADS
from ad_autocategorize.reports.photo_advice import next_steps

GOOD = {
    "photos": 500,
    "ads": 500,
    "precision": 0.9,
    "heads": {
        head: {
            "support": 500,
            "filled_in": 0.8,
            "filled_in_right": 0.95,
            "filled_in_high": 0.97,
            "could_be_filled_in": 0.81,
        }
        for head in HEADS
    },
    "pair_weight": 1.0,
    "pair_weights": {"0.5": {"brand": 0.9, "model": 0.8}, "1": {"brand": 0.91, "model": 0.8}},
    "never_seen": [],
    "unknown_labels": dict.fromkeys(HEADS, 0),
    "cars_refused": 0.01,
    "others": 100,
    "others_refused": 0.99,
    "ads_that_disagree": 0,
}


def changed(**values):
    figures = copy.deepcopy(GOOD)
    figures["heads"]["year"] |= values.pop("year", {})
    return figures | values


def test_good_figures_ask_for_nothing():
    assert len(next_steps(GOOD)) == 1
    assert next_steps(GOOD)[0].startswith("Nothing: ")


@pytest.mark.parametrize(
    ("values", "advice"),
    [
        (
            {"year": {"filled_in_right": 0.8, "filled_in_high": 0.85}},
            "Year: of the values filled in only 80.0% are right",
        ),
        ({"year": {"could_be_filled_in": 0.9}}, "Year could be filled in for 90.0% of the ads instead of 80.0%"),
        ({"year": {"support": 40}}, "Year was tested on 40 ads alone"),
        (
            {"pair_weights": {"1": {"brand": 0.8, "model": 0.7}, "2": {"brand": 0.85, "model": 0.75}}},
            "weighed 2 instead of 1",
        ),
        ({"never_seen": ["Ajax Nine"]}, "1 models of the catalog can never be answered"),
        ({"unknown_labels": {"model": 60}}, "newer than the network"),
        ({"cars_refused": 0.08}, "8.0% of the cars are taken for something else"),
        ({"others_refused": 0.7}, "30.0% of the photos of other things are taken for cars"),
        ({"ads_that_disagree": 40}, "In 40 ads the photos seem to show different cars"),
    ],
)
def test_what_is_wrong_is_said_first(values, advice):
    with translation.override("en"):
        steps = next_steps(changed(**values))
    assert len(steps) == 1
    assert advice in steps[0]


@pytest.fixture(autouse=True)
def english():
    with translation.override("en"):
        yield
