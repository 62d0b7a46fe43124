"""The evaluation written up: the page in each language, the tables of the terminal, numbers and drawings."""

import html
import html.parser
import json
import re
import subprocess
import sys
import unicodedata
import xml.etree.ElementTree as ElementTree
from datetime import datetime

import pytest
from django.utils import translation

from ad_autocategorize.reports.charts import Axis, Series, line_chart
from ad_autocategorize.reports.terminal import write_tables
from ad_autocategorize.reports.titles import render_title_report
from ad_autocategorize.templatetags.ad_autocategorize_reports import bar, count, p_value, percent, points, trail


class Outline(html.parser.HTMLParser):
    """Checks that tags close in order, and collects what a reader finds."""

    VOID = frozenset({"meta", "link", "br", "img"})

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.links, self.tags, self.text = [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.tags.append((tag, values))
        self.ids += [values["id"]] if "id" in values else []
        self.links += [values["href"]] if "href" in values else []
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def outline(page):
    parser = Outline()
    parser.feed(page)
    assert parser.open == []
    return parser


def render(report, language):
    return render_title_report(report, name="avisos", language=language, made=datetime(2026, 1, 2))


@pytest.mark.parametrize(
    ("language", "heading", "figure"),
    [
        ("en", "How good are the category suggestions?", r"\d\d\.\d%"),
        ("es", "¿Qué tan buenas son", r"\d\d,\d\u00a0%"),
        ("pt", "Quão boas são", r"\d\d,\d%"),
    ],
)
def test_the_report_is_one_sound_page_in_each_language(report, language, heading, figure):
    page = render(report, language)
    found = outline(page)
    assert f'<html lang="{language}">' in page
    assert heading in page
    assert re.search(figure, page)
    assert {link[1:] for link in found.links if link.startswith("#")} <= set(found.ids)
    assert len(found.ids) == len(set(found.ids))
    # Self-contained: no script, nothing fetched.
    assert not [tag for tag, _ in found.tags if tag in ("script", "img", "iframe")]
    assert not re.search(r"https?://|url\(|@import|<link[^>]+stylesheet", page)
    assert all(values.get("aria-label") for tag, values in found.tags if values.get("role") == "img")


def test_titles_and_names_are_shown_as_text(report):
    page = render(report, "es")
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert "Libros &amp; más" in page


@pytest.mark.parametrize("language", ["es", "pt"])
def test_everything_in_the_report_is_translated(report, language):
    english, translated = (
        {text.strip() for text in outline(render(report, either)).text if len(text.split()) > 3}
        for either in ("en", language)
    )
    # Only the marketplace's own words may stand in both.
    own = {example["title"] for pair in report["hold_out"]["pairs"] for example in pair["examples"]} | {
        "1. Libros & más"
    }
    own |= {text for conflict in report["noise"]["conflicts"] for text in conflict["titles"]}
    shared = {text for text in english & translated if "›" not in text and "{" not in text}
    assert {text for text in shared if not any(text in title or title in text for title in own)} == set()


@pytest.mark.parametrize("language", ["en", "es", "pt"])
def test_terminal_and_page_show_the_figures_of_the_json(report, language):
    page, lines = " ".join(outline(render(report, language)).text), []
    with translation.override(language):
        write_tables(report, lines.append)
        terminal = "\n".join(lines)
        for figure, digits in figures_of(report):
            for shown, place in ((digits, terminal), (1, page)):
                assert re.search(rf"(?<![\d.,]){re.escape(percent(figure, shown))}", place), (
                    figure,
                    percent(figure, shown),
                )
        categories = [row for level in report["hold_out"]["levels"] for row in level["categories"]]
        rows = rows_of(render(report, language))
        for row in categories:
            f1, precision, recall = (percent(row[name], 0) for name in ("f1", "precision", "recall"))
            assert [trail(row["path"]), f1, "", precision, recall, count(row["support"])] in rows
        shares = [
            [f"{100 * ads / sum(counts):.0f}" for ads in counts if ads]
            for matrix in report["hold_out"]["confusion"]
            for counts in matrix["counts"]
            if sum(counts)
        ]
        heat = [[cell for cell in row[2:] if cell] for row in rows if re.match(r"\d+\. ", row[0])]
        assert heat == shares


def rows_of(page):
    """Return the texts of the cells of each table row."""
    return [
        [html.unescape(re.sub(r"<[^>]*>", "", cell)) for cell in re.findall(r"<t[hd].*?</t[hd]>", row)]
        for row in re.findall(r"<tr.*?</tr>", page)
    ]


def figures_of(report):
    """Return (figure, digits in the terminal) of what both terminal and page show."""
    held_out, copies, flat = report["hold_out"], report["copies"], report["flat"]
    for split in (copies["random"], copies["apart"], report["later"]["summary"]):
        yield from ((split[name], 2) for name in ("accuracy", "top3"))
        yield from ((split["interval"][name], 1) for name in ("low", "high"))
    yield from ((copies[name]["expected_calibration_error"], 2) for name in ("random", "apart"))
    for level, scores in zip(held_out["summary"]["levels"], held_out["levels"], strict=True):
        yield from ((level[name], 2) for name in ("accuracy", "accuracy_given_parent"))
        yield from ((scores[name]["f1"], 2) for name in ("weighted", "macro"))
    for row in report["classifiers"]["classifiers"]:
        yield from ((row[name], 2) for name in ("accuracy", "macro_f1", "accuracy_deviation", "macro_f1_deviation"))
    yield from ((flat[name], 2) for name in ("accuracy", "cascade_accuracy"))
    for level in held_out["coverage"]:
        for entry in level["automation"]:
            if entry["target"] != 0.9 and entry["precision"] is not None:
                yield entry["coverage"], 1
                yield from ((entry[name], 2) for name in ("precision", "threshold"))
    yield report["noise"]["agreement"], 2


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.005, 0.015, "levelled off"),
        (0.001, 0.015, "levelled off"),
        (-0.04, 0.05, "too few to tell"),
        (0.01, 0.05, "still climbs"),
        (-0.10, -0.02, "It fell"),
    ],
)
def test_a_learning_curve_is_said_to_climb_or_to_be_flat_only_beyond_chance(report, low, high, verdict):
    point = {"ads": 1000, "accuracy": 0.70, "interval": {"low": 0.66, "high": 0.74}, "main_accuracy": 0.9, "gain": None}
    # Two doublings: what bounds them is halved.
    curve = [point, {**point, "ads": 4000, "gain": {"low": low, "high": high}}]
    page = render({**report, "learning_curve": curve}, "en")
    verdicts = ("levelled off", "too few to tell", "still climbs: ", "It fell")
    assert [text for text in verdicts if text in page] == [text for text in verdicts if text.startswith(verdict)]


def test_the_report_survives_what_small_marketplaces_lack(report):
    bare = json.loads(json.dumps(report))
    bare.update(later=None, classifiers=None, learning_curve=bare["learning_curve"][-1:])
    bare["flat"] = dict.fromkeys(bare["flat"])
    bare["noise"] = {"ads": 9, "twinned": 0, "agreement": None, "ceiling": None, "levels": [], "conflicts": []}
    bare["copies"].update(accuracy_twinned_apart=None, agreement_twinned_apart=None, accuracy_leaked=None)
    for level in bare["hold_out"]["coverage"]:
        for entry in level["automation"]:
            entry.update(threshold=None, coverage=0.0, precision=None, low=None, high=None)
    page = render(bare, "en")
    outline(page)
    assert "the ads have no dates" in page
    assert "no threshold reaches" in page
    assert "--full" in page


def test_a_title_can_neither_break_table_nor_page_nor_command_the_terminal(report):
    odd = json.loads(json.dumps(report))
    titles = ["mesa\x00\x1b[2J\nratona \u202eetsoc", "palabra " * 1250]
    for pair, title in zip(odd["hold_out"]["pairs"], titles, strict=False):
        pair["examples"][0]["title"] = title
    lines = []
    with translation.override("en"):
        write_tables(odd, lines.append)
    assert "<q>mesa [2J ratona etsoc</q>" in render(odd, "en")
    assert "palabra " * 13 not in render(odd, "en")
    assert "      mesa [2J ratona etsoc" in lines
    assert all(len(line) < 160 for line in lines)
    assert not [sign for line in lines for sign in line if unicodedata.category(sign) in ("Cc", "Cf")]


@pytest.mark.parametrize(
    ("language", "texts"),
    [
        ("en", ["94.4%", "94%", "–", "+1.2", "−0.4", "0.0", "12,345", "p\u00a0<\u00a00.001", "p\u00a0=\u00a00.041"]),
        (
            "es",
            [
                "94,4\u00a0%",
                "94\u00a0%",
                "–",
                "+1,2",
                "−0,4",
                "0,0",
                "12\u00a0345",
                "p\u00a0<\u00a00,001",
                "p\u00a0=\u00a00,041",
            ],
        ),
    ],
)
def test_numbers_are_written_as_the_language_does(language, texts):
    with translation.override(language):
        assert [
            percent(0.9436),
            percent(0.9436, 0),
            percent(None),
            points(0.0123),
            points(-0.004),
            points(-0.0004),
            count(12345),
            p_value(0.0),
            p_value(0.0409),
        ] == texts


def test_drawings_have_plain_numbers_in_every_language():
    with translation.override("es"):
        assert 'width="94.4%"' in bar(0.9436)
        axis = Axis("x & <y>", 0, 1, [(0, "0"), (1, "1")])
        chart = line_chart([Series("a", [(0, 0.5), (1, 2)], radii=[3, 3])], axis, axis, "title", "what is in it")
    drawn = ElementTree.fromstring(chart)
    assert drawn.get("aria-label") == "title. x & <y> – x & <y>. what is in it"
    points_drawn = [tuple(map(float, pair.split(","))) for pair in drawn.find("polyline").get("points").split()]
    (left, middle), (right, top) = points_drawn
    # Twice as high as the axis reaches is drawn at its upper end.
    assert left < right
    assert middle > top == 12.0


SERVE = """
import sys, django
django.setup()
from django.template import engines
engines["django"].engine.template_libraries
import ad_autocategorize.reports.titles
print(sorted({"sklearn", "tqdm", "scipy.optimize"} & set(sys.modules)))
"""


def test_the_reports_templates_bring_nothing_of_the_training_side_into_a_web_process():
    run = subprocess.run([sys.executable, "-c", SERVE], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
