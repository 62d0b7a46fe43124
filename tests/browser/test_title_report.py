"""The evaluation's report in a browser: on a phone and a desk, light and dark, without anything to fetch."""

import random
from datetime import datetime

import pytest

from ad_autocategorize.reports.titles import render_title_report
from ad_autocategorize.titles.evaluation.corpus import Corpus
from ad_autocategorize.titles.evaluation.protocol import QUICK, run_protocol
from ad_autocategorize.titles.settings import TitleSettings
from tests.titles.data import SOFAS, labelled_titles

pytestmark = pytest.mark.browser
NAMES = {n: f"Categoría de nombre bastante largo número {n}" for n in range(1, 8)}


@pytest.fixture(scope="module")
def report():
    titles, paths = labelled_titles(200)
    rng = random.Random(0)
    paths = [SOFAS if rng.random() < 0.2 else path for path in paths]
    days = [datetime(2024, 1, 1 + n // 10) for n in range(200)]
    corpus = Corpus(titles, paths, days, NAMES)
    return run_protocol(corpus, TitleSettings(), QUICK, folds=2).to_dict(corpus.text)


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("width", [320, 1100])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_report_fits_the_screen_and_asks_for_nothing(open_report, report, tmp_path, language, width, scheme):
    file = tmp_path / "report.html"
    file.write_text(render_title_report(report, name="avisos", language=language, made=datetime(2026, 1, 2)))
    page = open_report(file, width, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.said == []
    assert [url for url in page.asked if not url.startswith(("file:", "data:"))] == []
    assert page.locator("section").count() == 14
    assert page.locator("svg.chart").first.is_visible()
    # Text and its ground differ in both schemes.
    colors = page.evaluate("[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]")
    assert (sum(map(int, colors[0][4:-1].split(","))) > 380) == (scheme == "dark")
    assert colors[0] != colors[1]
