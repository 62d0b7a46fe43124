"""What the report on titles says to do next."""

import copy

import pytest
from django.utils import translation

from ad_autocategorize.reports.title_advice import STEPS, next_steps

INTERVAL = {"low": 0.88, "high": 0.92}
SUMMARY = {"test": 1000, "accuracy": 0.9, "expected_calibration_error": 0.02, "interval": INTERVAL}
GOOD = {
    "data": {"categories": 40, "few_ads": 10, "thin": [{"path": "A > B", "ads": 3}]},
    "hold_out": {"summary": SUMMARY, "outcomes": {"right": 900, "wrong_at": [20, 60]}, "pairs": []},
    "noise": {"ads": 5000, "twinned": 400, "agreement": 0.95},
    "later": {"summary": {**SUMMARY, "interval": {"low": 0.87, "high": 0.91}}},
    "flat": {"accuracy": 0.89, "served_against_flat": {"difference": 0.01, "p_value": 0.01}},
    "learning_curve": [
        {"ads": 1000, "accuracy": 0.89},
        {"ads": 4000, "accuracy": 0.9, "gain": {"low": -0.01, "high": 0.03}},
    ],
}
PAIR = {"filed": "A > B", "answered": "A > C", "support": 20, "ads": 8, "opposite": 5}
WORSE = {"accuracy": 0.93, "served_against_flat": {"difference": -0.03, "p_value": 0.001}}


@pytest.fixture(autouse=True)
def english():
    with translation.override("en"):
        yield


def changed(**parts):
    report = copy.deepcopy(GOOD)
    for name, part in parts.items():
        report[name] = report[name] | part if isinstance(part, dict) else part
    return report


def test_good_figures_ask_for_nothing():
    (only,) = next_steps(GOOD)
    assert only.startswith("Nothing: ")


@pytest.mark.parametrize(
    ("parts", "advice"),
    [
        ({"flat": WORSE}, "because the steps further down have too few ads"),
        (
            {"flat": WORSE, "hold_out": {"outcomes": {"right": 900, "wrong_at": [60, 40]}}},
            "because 60% of the mistakes are wrong main categories",
        ),
        ({"noise": {"agreement": 0.5}}, "about 200 ads have nearly the same title"),
        ({"hold_out": {"pairs": [PAIR, PAIR | {"filed": "A > C", "answered": "A > B"}]}}, "mix up: A › B + A › C."),
        (
            {"data": {"thin": [{"path": f"A > {n}", "ads": n} for n in range(10)]}},
            "10 of 40 categories have fewer than 10 ads to learn from: collect more for them (A › 9; A › 8; A › 7)",
        ),
        ({"later": {"summary": SUMMARY | {"accuracy": 0.8, "interval": {"low": 0.77, "high": 0.83}}}}, "Train often"),
        ({"hold_out": {"summary": SUMMARY | {"expected_calibration_error": 0.2}}}, "on average it is off by 20.0%"),
        (
            {
                "learning_curve": [
                    {"ads": 1000, "accuracy": 0.8},
                    {"ads": 4000, "accuracy": 0.9, "gain": {"low": 0.05, "high": 0.15}},
                ]
            },
            "from 1,000 to 4,000 it gained +10.0 points",
        ),
    ],
)
def test_each_rule_speaks_where_its_figures_say_so(parts, advice):
    with translation.override("en"):
        (only,) = next_steps(changed(**parts))
    assert advice in only


def test_three_sentences_are_enough():
    parts = {"flat": WORSE, "noise": {"agreement": 0.5}, "hold_out": {"pairs": [PAIR]}, "later": None}
    thin = {"thin": [{"path": f"A > {n}", "ads": n} for n in range(30)]}
    assert len(next_steps(changed(**parts, data=thin))) == STEPS


@pytest.mark.parametrize(
    "pair", [PAIR | {"opposite": 0}, PAIR | {"ads": 2}, PAIR | {"support": 100}], ids=["one-way", "few", "rare"]
)
def test_what_is_hardly_mixed_is_not_merged(pair):
    assert next_steps(changed(hold_out={"pairs": [pair]}))[0].startswith("Nothing: ")


def test_the_report_begins_with_it(report):
    from tests.plugin.test_title_report import render

    page = render(report, "en")
    assert page.index('id="next"') < page.index('id="short"')
    steps = page.split('id="next"')[1].split("</section>")[0]
    assert 1 <= steps.count("<li>") <= STEPS
