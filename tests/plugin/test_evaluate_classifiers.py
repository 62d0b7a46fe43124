"""``evaluate_classifiers``: on the marketplace and on a file, in both languages, as tables, JSON and HTML."""

import csv
import html
import html.parser
import json
import re
import subprocess
import sys
import unicodedata
import warnings
import xml.etree.ElementTree as ElementTree
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone, translation

from ad_autocategorize.models import ModelVersion
from ad_autocategorize.reports.charts import Axis, Series, line_chart
from ad_autocategorize.reports.labels import DROPPED, label
from ad_autocategorize.reports.terminal import write_tables
from ad_autocategorize.reports.titles import render_title_report
from ad_autocategorize.sources import get_source
from ad_autocategorize.templatetags.ad_autocategorize_reports import bar, count, p_value, percent, points, trail
from ad_autocategorize.title_corpus import read_marketplace
from marketplace.models import Ad
from tests.titles.data import labelled_titles

NAMES = {1: "Vehículos", 2: "Repuestos", 3: "Neumáticos", 4: "Hogar", 5: "Sillones", 6: "Ocio", 7: "Libros & más"}


@pytest.fixture(scope="module")
def titles_file(tmp_path_factory):
    file = tmp_path_factory.mktemp("titles") / "avisos_es.csv"
    titles, paths = labelled_titles(240)
    with file.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["title", "category_path", "date"])
        for number, (title, path) in enumerate(zip(titles, paths, strict=True)):
            # Every tenth is filed elsewhere; names and titles hold what HTML would take amiss.
            path = (6, 7) if number % 10 == 0 else path
            day = (datetime(2024, 1, 1) + timedelta(days=number)).date()
            writer.writerow([f"<b>{title}</b>" if number % 5 == 0 else title, " > ".join(NAMES[n] for n in path), day])
    return file


@pytest.fixture(scope="module")
def report(titles_file, tmp_path_factory):
    """What one run on the file wrote as JSON."""
    file = tmp_path_factory.mktemp("report") / "report.json"
    call_command("evaluate_classifiers", "--csv", str(titles_file), "--json", str(file), "--folds", "3")
    return json.loads(file.read_text())


@pytest.mark.django_db
def test_the_marketplace_is_evaluated_and_nothing_in_it_changes(marketplace_tree, tmp_path, capsys):
    first = Ad.objects.order_by("pk").first()
    for number, ad in enumerate(Ad.objects.order_by("pk")):
        Ad.objects.filter(pk=ad.pk).update(created_at=timezone.now() - timedelta(days=90 - number))
    Ad.objects.create(title="!!!", category=first.category, seller=first.seller, status="published")
    file = tmp_path / "report.json"
    call_command("evaluate_classifiers", "--json", str(file), "--language", "en", "--folds", "3")
    out = capsys.readouterr().out
    assert "90 ads in 6 categories" in out
    assert "left out: 1 ads with a title in which no word is left" in out
    assert "whole path" in out
    found = json.loads(file.read_text())
    assert found["data"]["ads"] == 90
    assert found["later"]["summary"]["test"] == 18
    assert {row["path"] for row in found["hold_out"]["levels"][0]["categories"]} == {"Vehículos", "Hogar"}
    assert not ModelVersion.objects.exists()


@pytest.mark.django_db
def test_the_marketplaces_ads_can_be_cut_by_number_and_by_day(marketplace_tree, tmp_path, capsys):
    old = Ad.objects.order_by("pk")[:30].values_list("pk", flat=True)
    Ad.objects.filter(pk__in=list(old)).update(created_at=timezone.now() - timedelta(days=400))
    day = (timezone.now() - timedelta(days=30)).date().isoformat()
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        call_command("evaluate_classifiers", "--since", day, "--limit", "50", "--language", "en", "--folds", "2")
    assert "50 ads in" in capsys.readouterr().out


@pytest.mark.django_db
def test_days_and_hours_are_those_of_the_site(marketplace_tree, settings):
    settings.TIME_ZONE = "America/Argentina/Buenos_Aires"
    first, second = Ad.objects.order_by("pk").values_list("pk", flat=True)[:2]
    # Half past ten in the evening of New Year's Eve, and two hours later, told in UTC.
    for pk, hours in ((first, 1.5), (second, 3.5)):
        Ad.objects.filter(pk=pk).update(created_at=datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=hours))
    Ad.objects.exclude(pk__in=[first, second]).delete()
    assert list(read_marketplace(get_source()).dates) == [datetime(2023, 12, 31, 22, 30), datetime(2024, 1, 1, 0, 30)]
    assert len(read_marketplace(get_source(), since=date(2024, 1, 1))) == 1


def test_a_file_needs_no_marketplace(report):
    assert report["data"]["ads"] == 240
    assert report["later"]["summary"]["test"] == 48
    assert report["hold_out"]["pairs"][0]["filed"] == "Ocio > Libros & más"


def test_dates_that_cannot_be_read_are_told(titles_file, tmp_path, capsys):
    file, page = tmp_path / "ads.csv", tmp_path / "report.html"
    rows = list(csv.reader(titles_file.read_text().splitlines()))
    with file.open("w", newline="") as stream:
        # As spreadsheets write them in Spanish.
        csv.writer(stream).writerows([rows[0], *([*row[:2], "31/12/2024"] for row in rows[1:])])
    call_command("evaluate_classifiers", "--csv", str(file), "--html", str(page), "--language", "es", "--folds", "2")
    told = "240 fechas no se pudieron leer"
    assert told in capsys.readouterr().out
    assert page.read_text().count(told) == 2


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
        yield from ((level[name], 2) for name in ("accuracy", "alone"))
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


def test_the_command_writes_the_report_and_speaks_the_language_asked_for(titles_file, tmp_path, capsys):
    page = tmp_path / "report.html"
    call_command(
        "evaluate_classifiers", "--csv", str(titles_file), "--html", str(page), "--language", "es", "--folds", "2"
    )
    captured = capsys.readouterr()
    assert "Hasta el nivel" in captured.out
    assert "Se escribió" in captured.err
    assert "curva de aprendizaje" in captured.err
    assert "avisos_es" in page.read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--csv", "missing.csv"], "missing.csv"),
        (["--html", "no/such/folder/report.html"], "cannot be written"),
        (["--json", "."], "cannot be written"),
        (["--json", "report", "--html", "./report"], "same file"),
        (["--folds", "1"], "folds"),
        (["--limit", "0"], "limit"),
        (["--jobs", "-2"], "jobs"),
        (["--seed", "-1"], "seed"),
        (["--since", "yesterday"], "since"),
        (["--language", "fr"], "language"),
    ],
)
def test_wrong_options_are_explained_before_any_work(options, message):
    with pytest.raises(CommandError, match=message):
        call_command("evaluate_classifiers", *options)


def test_a_full_disk_costs_the_file_and_not_the_tables(titles_file, capsys):
    with pytest.raises(CommandError, match="/dev/full cannot be written"):
        call_command("evaluate_classifiers", "--csv", str(titles_file), "--json", "/dev/full", "--folds", "2")
    assert "240" in capsys.readouterr().out


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


@pytest.mark.django_db
def test_what_the_source_leaves_out_has_a_name_in_every_language(settings, marketplace_tree):
    class Spoken(get_source().__class__):
        language, title = "spoken", "written"

        def spoken(self, ad):
            return "pt" if ad.pk % 2 else "es"

        def written(self, ad):
            return ad.title if ad.pk % 3 else ""

    dropped = read_marketplace(Spoken()).dropped
    assert set(dropped) == {"in another language", "no title"}
    for reason in dropped:
        with translation.override("es"):
            assert label(DROPPED, reason) != reason


@pytest.mark.django_db
def test_too_few_ads_are_explained(marketplace_tree):
    Ad.objects.exclude(pk=Ad.objects.order_by("pk").first().pk).delete()
    with pytest.raises(CommandError, match="too few"):
        call_command("evaluate_classifiers")


def test_a_file_without_the_columns_is_explained(tmp_path):
    file = tmp_path / "ads.csv"
    file.write_text("name,section\na,b\n")
    with pytest.raises(CommandError, match="no column 'title'"):
        call_command("evaluate_classifiers", "--csv", str(file))


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
    assert drawn.get("aria-label") == "title. what is in it"
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
