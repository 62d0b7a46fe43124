"""What Prometheus reads, counted by the real library."""

import io
import subprocess
import sys

import pytest
from django.core.management import call_command
from prometheus_client import REGISTRY, generate_latest

from ad_autocategorize import registry
from ad_autocategorize.cars.services import suggest_car
from ad_autocategorize.categories.services import suggest_categories, suggest_categories_for_many
from ad_autocategorize.models import LabelIssue, ModelVersion
from tests.moderation.test_recording import publish, told
from tests.plugin.test_serving_faults import database_away, expire

SUGGESTIONS = "ad_autocategorize_suggestions_total"


def value(name, **labels):
    return REGISTRY.get_sample_value(name, labels) or 0.0


def suggested(outcome, stale="no"):
    return value(SUGGESTIONS, kind="titles", outcome=outcome, stale=stale)


@pytest.mark.django_db
def test_suggestions_are_counted_by_what_was_answered_and_timed(marketplace_tree):
    before = suggested("no_model")
    suggest_categories("sofa futon")
    assert suggested("no_model") == before + 1
    cars = value(SUGGESTIONS, kind="photos", outcome="no_model", stale="no")
    suggest_car([])
    assert value(SUGGESTIONS, kind="photos", outcome="no_model", stale="no") == cars + 1
    call_command("retrain_classifiers", verbosity=0, stdout=io.StringIO())
    registry.expire()
    offered, nothing = suggested("suggested"), suggested("nothing")
    timed = value("ad_autocategorize_suggestion_seconds_count", kind="titles")
    seconds = value("ad_autocategorize_suggestion_seconds_sum", kind="titles")
    suggest_categories_for_many(["sofa futon", "moto casco", "qqq zzz"])
    assert (suggested("suggested") - offered) + (suggested("nothing") - nothing) == 3
    assert suggested("suggested") >= offered + 2
    assert value("ad_autocategorize_suggestion_seconds_count", kind="titles") == timed + 3
    assert 0 < value("ad_autocategorize_suggestion_seconds_sum", kind="titles") - seconds < 10


@pytest.mark.django_db(transaction=True)
def test_stale_answers_are_counted_and_gauges_go_on_without_the_database(trained):
    suggest_categories("sofa futon")
    before = suggested("suggested", stale="yes")
    expire()
    with database_away():
        suggest_categories("sofa futon")
        text = generate_latest(REGISTRY).decode()
    assert suggested("suggested", stale="yes") == before + 1
    assert 'ad_autocategorize_version_problem{kind="titles",language="",source=""} 1.0' in text
    assert "ad_autocategorize_open_issues{" not in text


@pytest.mark.django_db
def test_gauges_tell_of_versions_trainings_and_queues(trained):
    version = ModelVersion.objects.get()
    category = trained.find(["Hogar"])
    places = {"given_id": category, "suggested_id": category, "branch_id": category}
    shares = {"priority": 1, "given_probability": 0, "suggested_probability": 1}
    LabelIssue.objects.create(ad_id="1", level=1, found_at=version.created_at, **places, **shares)
    LabelIssue.objects.create(ad_id="2", level=1, found_at=version.created_at, **places, **shares, state="kept")
    slot = {"kind": "titles", "source": "", "language": ""}
    assert value("ad_autocategorize_version_info", **slot, version=version.name) == 1
    assert value("ad_autocategorize_version_problem", **slot) == 0
    trained_at = value("ad_autocategorize_last_training_timestamp_seconds", **slot, status="active")
    assert trained_at == pytest.approx(version.created_at.timestamp())
    assert value("ad_autocategorize_open_issues", queue="labels") == 1


@pytest.mark.django_db
def test_what_became_of_suggestions_is_counted(trained, client, django_user_model):
    client.force_login(django_user_model.objects.get(username="ana"))
    sofas = trained.find(["Hogar", "Muebles", "Sillones"])
    report = told(ModelVersion.objects.get().name, [sofas], sofas, 1)
    before = value("ad_autocategorize_filed_total", kind="titles", outcome="accepted", rank="1")
    assert publish(client, sofas, report).status_code == 302
    assert value("ad_autocategorize_filed_total", kind="titles", outcome="accepted", rank="1") == before + 1


WITHOUT = """
import sys
sys.modules["prometheus_client"] = None
import django
django.setup()
from ad_autocategorize import metrics
metrics.count_suggestions("titles", ["suggested"], 0.1, stale=False)
metrics.count_filed("titles", "accepted", 1)
print(metrics.IS_INSTALLED, "ad_autocategorize.gauges" in sys.modules)
"""


def test_nothing_is_counted_where_the_library_is_absent():
    run = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "False"]
