"""What retrain_classifiers says of thin categories and poor calibration."""

import io

import pytest

from ad_autocategorize.management.commands.retrain_classifiers import Command


@pytest.mark.parametrize(
    ("thin", "error", "said"),
    [
        (6, 0.02, ["fewer than 10 ads"]),
        (1, 0.4, ["off by 40%"]),
        (6, 0.4, ["fewer than 10 ads", "off by 40%"]),
        (1, 0.02, []),
    ],
)
def test_thin_categories_and_poor_calibration_are_told(thin, error, said):
    out = io.StringIO()
    metrics = {"categories": 10, "thin_categories": thin, "few_ads": 10, "expected_calibration_error": error}
    Command(stdout=out)._warn(metrics)
    assert [text for text in ("fewer than 10 ads", "off by 40%") if text in out.getvalue()] == said
