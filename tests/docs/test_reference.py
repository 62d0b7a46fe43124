"""Every name that a site may use stands in the reference, and no name there is gone from the code."""

import dataclasses
import inspect
import re
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.core.management import get_commands, load_command_class
from django.urls import reverse

from ad_autocategorize import forms, services, sources, widgets
from ad_autocategorize.conf import DEFAULTS
from ad_autocategorize.photos.settings import PhotoSettings
from ad_autocategorize.sources import AdSource
from ad_autocategorize.titles.settings import TitleSettings

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
PLUGIN = ROOT / "ad_autocategorize"
PACKAGES = (PLUGIN, ROOT / "taxonomy")


def page(name):
    return (REFERENCE / f"{name}.md").read_text(encoding="utf-8")


def section(text, heading):
    """The part of a page below one heading, up to the next of its level."""
    return re.split(r"^## ", text.split(f"## {heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def rows(text):
    """The cells of the tables, but for heads and rules."""
    lines = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| |")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def names(text):
    """What stands as code in the first column of the tables."""
    return {name for row in rows(text) for name in re.findall(r"`([^`]+)`", row[0])}


def sources_of(pattern, *folders):
    for folder in folders or PACKAGES:
        for path in sorted(folder.rglob(pattern)):
            yield path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("heading", "known"),
    [
        ("`AD_AUTOCATEGORIZE`", set(DEFAULTS)),
        ("`TITLES`", {field.name for field in dataclasses.fields(TitleSettings)}),
        ("`PHOTOS`", {field.name for field in dataclasses.fields(PhotoSettings)}),
    ],
)
def test_all_settings(heading, known):
    assert names(section(page("settings-and-commands"), heading)) == known


OURS = {name: app for name, app in get_commands().items() if app in ("ad_autocategorize", "taxonomy")}
OF_DJANGO = {
    "help",
    "version",
    "verbosity",
    "settings",
    "pythonpath",
    "traceback",
    "no-color",
    "force-color",
    "skip-checks",
}


@pytest.mark.parametrize("command", sorted(OURS))
def test_all_commands_with_all_options(command):
    lines = [row[0] for row in rows(section(page("settings-and-commands"), "Commands"))]
    [written] = [line.strip("`") for line in lines if re.match(rf"`{command}\b", line)]
    parser = load_command_class(OURS[command], command).create_parser("manage.py", command)
    options = {
        option.lstrip("-") for action in parser._actions for option in action.option_strings if option[:2] == "--"
    }
    assert set(re.findall(r"--([a-z-]+)", written)) == options - OF_DJANGO
    positional = [action.dest.upper() for action in parser._actions if not action.option_strings]
    assert re.sub(r"\[.*?\]|--\S+ \S+", "", written).split()[1:] == positional


def test_no_command_that_is_gone():
    written = {row[0].strip("`").split()[0] for row in rows(section(page("settings-and-commands"), "Commands"))}
    assert written - {"command"} == set(OURS)


def test_the_whole_source():
    text = page("ad-source")
    public = {name for name, _ in inspect.getmembers(AdSource) if not name.startswith("_")} | {"model"}
    assert {name.split("(")[0] for name in names(text)} == public


def test_the_defaults_of_the_source():
    for row in rows(page("ad-source")):
        attributes = re.findall(r"`([^`]+)`", row[0])
        if row[1].startswith("`") and all(not name.endswith(")") for name in attributes):
            for attribute in attributes:
                if hasattr(AdSource, attribute) and not callable(getattr(AdSource, attribute)) and len(row) == 3:
                    assert row[1].strip("`") == repr(getattr(AdSource, attribute)).replace("'", '"'), attribute


@pytest.mark.parametrize("module", [forms, services, sources, widgets])
def test_all_that_hosts_import(module):
    text = page("python")
    lines = [line for line in text.splitlines() if line.startswith(f"from {module.__name__} import ")]
    imported = {name for line in lines for name in line.split(" import ")[1].split(", ")}
    assert imported == set(module.__all__)
    for name in set(module.__all__) - {"AdSource"}:
        assert f":: {module.__name__}.{name}\n" in text


def test_all_checks():
    found = {
        check for text in sources_of("*.py", PLUGIN) for check in re.findall(r'id="(ad_autocategorize\.[EW]\d+)"', text)
    }
    assert names(section(page("checks-and-permissions"), "System checks")) == found


def test_all_permissions():
    found = {
        f"{model._meta.app_label}.{codename}"
        for model in apps.get_app_config("ad_autocategorize").get_models()
        for codename in [
            *(f"{action}_{model._meta.model_name}" for action in model._meta.default_permissions),
            *(codename for codename, _ in model._meta.permissions),
        ]
    }
    assert names(section(page("checks-and-permissions"), "Permissions")) - {"ad_taxonomy.change_category"} == found


@pytest.mark.django_db
def test_permissions_named_on_any_page_exist():
    found = {
        f"{app}.{codename}" for app, codename in Permission.objects.values_list("content_type__app_label", "codename")
    }
    for file in (ROOT / "docs").rglob("*.md"):
        named = re.findall(r"`(\w+\.(?:add|change|delete|view|can|activate)_\w+)`", file.read_text(encoding="utf-8"))
        assert set(named) <= found, file


def test_all_templates_and_their_blocks():
    text = page("templates")
    written = names(text)
    for package in PACKAGES:
        for path in (package / "templates").rglob("*.*"):
            name = str(path.relative_to(package / "templates"))
            if not name.startswith("ad_autocategorize/reports/titles/"):
                assert name in written, name
    for name in written - {"ad_autocategorize/reports/titles/*.html"}:
        assert any((package / "templates" / name).exists() for package in PACKAGES), name


def test_the_blocks_of_our_own_base_templates():
    for name in ("review.html", "review_item.html", "confirm_action.html"):
        html = (PLUGIN / "templates" / "admin" / "ad_autocategorize" / name).read_text(encoding="utf-8")
        of_django = {"extrastyle", "extrahead", "breadcrumbs", "content"}
        [row] = [row for row in rows(page("templates")) if row[0] == f"`admin/ad_autocategorize/{name}`"]
        assert set(re.findall(r"`(\w[\w-]*)`", row[2])) == set(re.findall(r"{% block (\w+) %}", html)) - of_django


STATIC = PLUGIN / "static"


def test_all_classes_of_the_style_sheets():
    found = set()
    for css in sources_of("*.css", STATIC):
        found |= set(re.findall(r"\.([a-zA-Z][\w-]*)", re.sub(r"/\*.*?\*/|\{[^}]*\}", " ", css, flags=re.DOTALL)))
    written = set(re.findall(r"`([\w-]+)`", page("front-end")))
    assert found - {"button"} <= written, found - written


def test_all_classes_and_attributes_of_the_widgets():
    texts = [*sources_of("*.js", STATIC), *sources_of("*.html", PLUGIN / "templates"), *sources_of("*.py", PLUGIN)]
    classes = {name for text in texts for name in re.findall(r"[\"' .](aac-[a-z-]*[a-z])\b(?![-\w]*/)", text)}
    attributes = {name for text in texts for name in re.findall(r"\b(data-[a-z_-]*[a-z])\b", text)}
    attributes |= {
        "data-" + re.sub("([A-Z])", r"-\1", name).lower()
        for text in texts
        for name in re.findall(r"\bdataset\.([a-zA-Z]+)", text)
    }
    written = set(re.findall(r"`([\w-]+)`", page("front-end")))
    known = classes | attributes - {"data-text", "data-text-very", "data-ajax"}
    assert known <= written, known - written
    gone = {name for name in written if name.startswith(("aac-", "data-"))} - known - {"data-ajax--url"}
    assert not gone


def test_all_custom_properties():
    found = {name for css in sources_of("*.css", STATIC) for name in re.findall(r"(--[a-z-]+)", css)}
    assert set(re.findall(r"`(--[a-z-]+)`", page("front-end"))) == found


def test_all_events_that_scripts_send():
    sent = set()
    for script in sources_of("*.js", STATIC):
        sent |= set(re.findall(r'new (?:Custom)?Event\("([\w:-]+)"', script))
        for kinds in re.findall(r"for \(const kind of \[([^\]]+)\]\) [\w.]+dispatchEvent", script):
            sent |= set(re.findall(r'"([\w:-]+)"', kinds))
    assert names(section(page("front-end"), "Events")) == sent


def test_all_addresses_of_the_api(client):
    schema = client.get(reverse("ad_autocategorize:schema"), headers={"accept": "application/json"}).json()
    written = set()
    for row in rows(page("api")):
        if len(row) > 1 and re.match(r"`(GET|POST|PUT|PATCH|DELETE)`", row[0]):
            written |= {(row[0].strip("`"), path.split("?")[0]) for path in re.findall(r"`(/api/[^`]+)`", row[1])}
    served = {
        (method.upper(), path) for path, item in schema["paths"].items() for method in item if method != "parameters"
    }
    # Load balancers ask it, and it needs no REST framework: it is no part of the schema.
    plain = {(method, re.sub(r"\{\w+\}", "{id}", path)) for method, path in served if path.startswith("/api/v1/")}
    assert {(method, re.sub(r"\{\w+\}", "{id}", path)) for method, path in written} - {("GET", "/api/v1/schema/")} == (
        plain | {("GET", "/api/v1/health/")}
    ) - {("GET", "/api/v1/schema/")}
