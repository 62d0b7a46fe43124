"""``evaluate_classifiers``: on the marketplace and on a file."""

import csv
import json
import os
import warnings
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone, translation

from ad_autocategorize.categories.corpus import read_marketplace
from ad_autocategorize.management.arguments import jobs
from ad_autocategorize.models import ModelVersion
from ad_autocategorize.reports.labels import DROPPED, label
from ad_autocategorize.sources import get_source
from marketplace.models import Ad


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
    out = capsys.readouterr().out
    assert "50 ads in" in out
    assert "left out: 30 ads older than asked for" in out


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


def test_a_small_site_of_many_categories_gets_no_warnings(tmp_path, recwarn):
    file = tmp_path / "ads.csv"
    rows = [(f"cosa{n} grande", f"Hogar > C{n}") for n in range(30)]
    rows += [(f"mesa {word}", f"Hogar > Mesas{n % 2}") for n, word in enumerate("abcdefghijklmnop")]
    with file.open("w", newline="") as stream:
        csv.writer(stream).writerows([("title", "category_path"), *rows])
    call_command("evaluate_classifiers", "--csv", str(file), "--folds", "2")
    assert [str(warning.message) for warning in recwarn] == []


def test_a_full_disk_costs_the_file_and_neither_the_tables_nor_the_other_file(titles_file, tmp_path, capsys):
    page = tmp_path / "report.html"
    with pytest.raises(CommandError, match="/dev/full cannot be written"):
        call_command(
            "evaluate_classifiers",
            "--csv",
            str(titles_file),
            "--json",
            "/dev/full",
            "--html",
            str(page),
            "--folds",
            "2",
        )
    assert "240" in capsys.readouterr().out
    assert page.read_text().startswith("<!doctype html>")


def test_names_of_categories_do_not_command_the_terminal(tmp_path, capsys):
    file, page = tmp_path / "ads.csv", tmp_path / "report.html"
    # A third of the tables are filed among the chairs.
    rows = [(f"mesa {n}", "Hogar > Me\x1b[31msas" if n % 3 else "Hogar > Sillas\x07") for n in range(60)]
    with file.open("w", newline="") as stream:
        csv.writer(stream).writerows([("title", "category_path"), *rows])
    call_command("evaluate_classifiers", "--csv", str(file), "--html", str(page), "--folds", "2", "--language", "en")
    out = capsys.readouterr().out
    assert "Most confused" in out
    assert not {"\x1b", "\x07"} & set(out + page.read_text())


def test_more_processes_than_processors_are_not_started():
    assert jobs("1") == 1
    assert jobs("100000") == os.cpu_count()


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
