"""One evaluation for the tests of the command and of what it writes."""

import csv
import json
from datetime import datetime, timedelta

import pytest
from django.core.management import call_command

from ad_autocategorize import private_folder
from tests.titles.data import labelled_titles

NAMES = {1: "Vehículos", 2: "Repuestos", 3: "Neumáticos", 4: "Hogar", 5: "Sillones", 6: "Ocio", 7: "Libros & más"}


@pytest.fixture(scope="session")
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


@pytest.fixture(scope="session")
def report(titles_file, tmp_path_factory):
    """What one run on the file wrote as JSON."""
    file = tmp_path_factory.mktemp("report") / "report.json"
    call_command("evaluate_classifiers", "--csv", str(titles_file), "--json", str(file), "--folds", "3")
    return json.loads(file.read_text())


@pytest.fixture
def copies(monkeypatch, tmp_path):
    """Private copies of models of this test's own."""
    folder = tmp_path / "private"
    folder.mkdir()
    monkeypatch.setattr(private_folder.tempfile, "gettempdir", lambda: str(folder))
    return folder
