"""The photo network's report in a browser: on a phone and a desk, light and dark, without anything to fetch."""

from datetime import datetime

import numpy as np
import pytest

from ad_autocategorize.photos.answers import Rules, best_answers, decode
from ad_autocategorize.photos.training.evaluation import evaluate, most_confused
from ad_autocategorize.photos.vocabularies import HEADS, Vocabularies
from ad_autocategorize.reports.photos import render_photo_report
from tests.photos.toys import make_photos

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def tested(tmp_path_factory):
    """The figures of answers to toy cars that are right two times in three, and what they confused."""
    records = make_photos(tmp_path_factory.mktemp("photos"), 120)
    vocabularies = Vocabularies.of(record.labels for record in records)
    labels, table = vocabularies.encode([record.labels for record in records]), vocabularies.compatibility()
    rng = np.random.default_rng(0)
    logits = {"car": np.ones((120, 1))}
    for place, (head, size) in enumerate(vocabularies.sizes.items()):
        logits[head] = 2 * np.eye(size)[np.maximum(labels[:, place], 0)] + rng.normal(0, 1.5, (120, size))
    figures = evaluate(logits, labels, np.arange(120), vocabularies, Rules())
    figures |= {"unknown_labels": dict.fromkeys(HEADS, 2), "never_seen": ["Ajax Never Seen"], "others": 0}
    best = best_answers(decode(logits, table, Rules()), table)
    return figures, most_confused(best, labels, vocabularies, [str(record.path) for record in records])


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("width", [320, 1100])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_report_fits_the_screen_and_asks_for_nothing(open_report, tested, tmp_path, language, width, scheme):
    file = tmp_path / "report.html"
    page_text = render_photo_report(*tested, name="photos-1", language=language, made=datetime(2026, 1, 2))
    file.write_text(page_text, encoding="utf-8")
    page = open_report(file, width, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.said == []
    assert [url for url in page.asked if not url.startswith(("file:", "data:"))] == []
    assert page.locator("svg.chart").count() == len(HEADS)
    photos = page.locator("#errors img")
    assert photos.count() > len(HEADS)
    assert photos.first.evaluate("image => image.naturalWidth") > 0
    assert page.locator("h1").inner_text().startswith({"en": "How good", "es": "¿Qué tan buenas"}[language])
