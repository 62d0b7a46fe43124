"""The fields of log records, which a JSON formatter prints beside the words."""

import ast
import io
import json
import logging
import re
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from ad_autocategorize import registry
from ad_autocategorize.categories.services import suggest_categories
from ad_autocategorize.logs import log
from ad_autocategorize.models import ModelVersion

ROOT = Path(__file__).parents[2]
PLAIN = set(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}
LEVELS = {"INFO": "info", "WARNING": "warning", "ERROR": "error"}


def fields(record):
    """What a JSON formatter prints besides what each record has."""
    return {name: value for name, value in record.__dict__.items() if name not in PLAIN}


def written_by_code():
    """The events of the plugin's code, by level."""
    found = set()
    for path in (ROOT / "ad_autocategorize").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_ours = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "log"
            if is_ours and isinstance(node.args[0], ast.Attribute):
                found.add((node.args[1].value, LEVELS[node.args[0].attr]))
    return found


def test_every_event_stands_in_the_reference():
    page = (ROOT / "docs" / "reference" / "metrics-and-logs.md").read_text(encoding="utf-8").split("## Logs")[1]
    rows = re.findall(r"^\| (`.+?) \| (info|warning|error) \|", page, flags=re.MULTILINE)
    assert {(event, level) for names, level in rows for event in re.findall(r"`(\w+)`", names)} == written_by_code()


def test_nothing_logs_without_an_event():
    for path in (ROOT / "ad_autocategorize").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert path.name == "logs.py" or 'getLogger("ad_autocategorize")' not in text, path


def test_a_record_says_where_it_was_written(caplog):
    log(logging.WARNING, "job_busy", "%s is busy", "train", job="train")
    (record,) = caplog.records
    assert (record.getMessage(), record.funcName) == ("train is busy", "test_a_record_says_where_it_was_written")
    assert fields(record) == {"event": "job_busy", "job": "train"}


@pytest.mark.django_db
def test_a_training_and_a_load_tell_in_fields_what_became_of_them(marketplace_tree, caplog):
    caplog.set_level(logging.INFO, "ad_autocategorize")
    call_command("retrain_classifiers", verbosity=0, stdout=io.StringIO())
    version = ModelVersion.objects.get()
    slot = {"kind": "titles", "source": "", "language": ""}
    (told,) = [fields(record) for record in caplog.records if record.event == "training_finished"]
    assert 0 < told.pop("seconds") < 300
    assert told == {"event": "training_finished", **slot, "version": version.name, "ads": 90, "status": "active"}
    suggest_categories("sofa futon")
    (told,) = [fields(record) for record in caplog.records if record.event == "version_loaded"]
    assert 0 <= told.pop("seconds") < 30
    assert told == {"event": "version_loaded", **slot, "version": version.name}
    # In types that JSON has.
    assert all(json.dumps(fields(record)) for record in caplog.records)


@pytest.mark.django_db
def test_a_training_that_failed_is_told_and_its_command_says_it_once(marketplace_tree, caplog, capsys):
    from marketplace.models import Ad

    Ad.objects.all().delete()
    caplog.set_level(logging.INFO, "ad_autocategorize")
    with pytest.raises(CommandError) as error:
        call_command("retrain_classifiers", verbosity=0)
    (record,) = caplog.records
    assert fields(record) == {"event": "training_finished", "kind": "titles", "status": "failed"}
    assert (record.getMessage(), record.levelno) == (str(error.value), logging.INFO)


@pytest.mark.django_db
def test_a_version_that_cannot_be_served_is_named(trained, model_dir, caplog):
    version = ModelVersion.objects.get()
    (model_dir / version.name / "manifest.json").write_text("{}")
    registry.forget()
    suggest_categories("sofa futon")
    (record,) = caplog.records
    slot = {"kind": "titles", "source": "", "language": ""}
    assert fields(record) == {"event": "version_failed", **slot, "version": version.name}
    assert record.exc_info
