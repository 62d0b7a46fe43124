"""What goes on being served while the database is away, and whatever becomes of the model's files."""

import io
import json
import shutil
import sqlite3
import threading
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from ad_autocategorize import private_folder, registry
from ad_autocategorize.artifacts import MANIFEST_NAME, TENSORS_NAME
from ad_autocategorize.categories.services import suggest_categories
from ad_autocategorize.data_checks import check_models
from ad_autocategorize.health import look
from ad_autocategorize.models import ModelVersion
from ad_autocategorize.private_copies import private_copy
from ad_autocategorize.registry import Registry
from taxonomy import locking

# Each test serves from copies of its own.
pytestmark = pytest.mark.usefixtures("copies")

SUGGEST = "/api/v1/suggestions/category/"
HEALTH = "/api/v1/health/"


@contextmanager
def database_away():
    """Keep everybody else from reading, as a migration or a stuck writer does; queries give up soon."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA busy_timeout = 50")
        with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            yield
            other.execute("ROLLBACK")
        return
    import psycopg

    values = connection.get_connection_params()
    with psycopg.connect(**{name: values[name] for name in ("host", "user", "dbname") if name in values}) as other:
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 100")
        other.execute("LOCK TABLE ad_autocategorize_modelversion, ad_taxonomy_taxonomystate IN ACCESS EXCLUSIVE MODE")
        yield
        other.rollback()
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")


def expire():
    registry.expire()
    locking._latest = locking._latest and locking._Reading(locking._latest.version, 0.0)


def ask(client):
    return client.post(SUGGEST, {"title": "sofa futon"}, content_type="application/json")


def train():
    call_command("retrain_classifiers", verbosity=0, stdout=io.StringIO())
    return ModelVersion.objects.get(is_active=True)


@pytest.mark.database
@pytest.mark.django_db(transaction=True)
def test_suggestions_go_on_while_the_database_is_away(trained, client, caplog):
    before = ask(client).json()
    assert before["suggestions"]
    assert before["stale"] is False
    expire()
    with database_away():
        answer = ask(client)
        assert answer.status_code == 200
        assert answer.json() == {**before, "stale": True}
        health = client.get(HEALTH)
        assert (health.status_code, health.json()) == (200, {"status": "degraded"})
    assert "the one in memory stays" in caplog.text
    expire()
    assert ask(client).json() == before
    assert client.get(HEALTH).json() == {"status": "ok"}


@pytest.mark.database
@pytest.mark.django_db(transaction=True)
def test_a_process_that_starts_while_the_database_is_away_says_so(trained, client):
    with database_away():
        answer = ask(client)
    assert answer.status_code == 503
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["Retry-After"] == "5"


@pytest.mark.django_db
@pytest.mark.parametrize("damage", ["cut short", "overwritten", "taken away"])
def test_files_may_change_under_a_process_that_serves_them(trained, model_dir, damage):
    assert suggest_categories("sofa futon").suggestions
    path = model_dir / ModelVersion.objects.get().name / TENSORS_NAME
    if damage == "cut short":
        path.open("r+b").truncate(100)
    elif damage == "overwritten":
        path.write_bytes(b"\0" * path.stat().st_size)
    else:
        shutil.rmtree(model_dir)
    # Reads the mapped pages: in place, a file cut short would end the process here.
    assert suggest_categories("mesa ratona").suggestions
    registry.forget()
    # One that starts afterwards has the copy.
    assert suggest_categories("mesa ratona").suggestions
    assert look().status == "ok"


@pytest.mark.django_db
def test_a_process_that_finds_its_version_damaged_serves_the_newest_sound_one(
    trained, model_dir, client, admin_client, caplog
):
    first = ModelVersion.objects.get()
    second = train()
    (model_dir / second.name / TENSORS_NAME).write_bytes(b"damaged")
    registry.forget()
    assert suggest_categories("sofa futon").model_version == first.name
    assert f"{first.name} is served in place of {second.name}" in caplog.text
    assert client.get(HEALTH).json() == {"status": "degraded"}
    (state,) = admin_client.get(HEALTH).json()["models"]
    assert (state["wanted"], state["serving"]) == (second.name, first.name)
    assert "damaged" in state["problem"]
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("autocategorize_status", stdout=out)
    assert f"{first.name} is in service" in out.getvalue()
    assert "damaged" in out.getvalue()


@pytest.mark.django_db
def test_without_any_sound_version_a_load_balancer_is_told(trained, model_dir, client):
    (model_dir / ModelVersion.objects.get().name / MANIFEST_NAME).write_text("{}")
    assert not suggest_categories("sofa futon").suggestions
    answer = client.get(HEALTH)
    assert (answer.status_code, answer.json()) == (503, {"status": "failing"})


@pytest.mark.django_db
def test_a_site_without_models_is_no_fault(client):
    assert client.get(HEALTH).json() == {"status": "ok"}
    out = io.StringIO()
    call_command("autocategorize_status", "--json", stdout=out)
    assert [state["serving"] for state in json.loads(out.getvalue())["models"]] == [""]


@pytest.mark.django_db
def test_where_no_copy_can_be_made_files_are_read_into_memory(trained, model_dir, copies, client):
    shutil.rmtree(copies)
    copies.write_text("a file in the place of the folder")
    assert suggest_categories("sofa futon").suggestions
    (model_dir / ModelVersion.objects.get().name / TENSORS_NAME).open("r+b").truncate(100)
    assert suggest_categories("mesa ratona").suggestions


@pytest.mark.django_db
def test_a_damaged_copy_is_made_anew(trained, model_dir):
    version = ModelVersion.objects.get()
    place = private_copy(version.name, version.digest, (MANIFEST_NAME, TENSORS_NAME))
    (place.folder / TENSORS_NAME).write_bytes(b"damaged")
    assert not suggest_categories("sofa futon").suggestions
    registry.forget()
    assert suggest_categories("sofa futon").suggestions


@pytest.mark.django_db
def test_nobody_waits_for_storage_that_is_slow(trained, monkeypatch):
    monkeypatch.setattr(registry, "LOAD_WAIT_SECONDS", 0.05)
    monkeypatch.setattr(registry, "CHECK_INTERVAL_SECONDS", 0.0)
    arrived = threading.Event()

    def load(place, version):
        assert arrived.wait(30)
        return version[0]

    slow = Registry(ModelVersion.Kind.TITLES, load)
    assert slow.active() is None
    assert "being loaded" in slow.state().problem
    arrived.set()
    slow._loading.join(30)
    assert slow.active() == ModelVersion.objects.get().name
    assert slow.state().problem == ""


def test_old_copies_go_and_young_ones_stay(model_dir, copies, monkeypatch):
    names = (MANIFEST_NAME,)
    places = []
    for number in range(12):
        folder = model_dir / f"titles-{number}"
        folder.mkdir(parents=True)
        (folder / MANIFEST_NAME).write_text("{}")
        places.append(private_copy(folder.name, f"{number:064}", names).folder)
    assert all(place.is_dir() for place in places)
    monkeypatch.setattr("ad_autocategorize.private_copies.KEPT_SECONDS", -1)
    last = model_dir / "last"
    shutil.copytree(model_dir / "titles-0", last)
    private_copy(last.name, "a" * 64, names)
    assert [place.is_dir() for place in places] == [False] * 4 + [True] * 8
    assert {Path(entry).name[:1] for entry in places[0].parent.iterdir()} == {"t", "l"}


@pytest.mark.django_db
def test_the_system_check_tells_of_files_that_are_gone_or_exchanged(trained, model_dir):
    assert check_models() == []
    path = model_dir / ModelVersion.objects.get().name / MANIFEST_NAME
    path.write_text(path.read_text().replace("titles", "titlez", 1))
    (found,) = check_models()
    assert found.id == "ad_autocategorize.W009"
    assert "exchanged" in found.msg
    shutil.rmtree(path.parent)
    (found,) = check_models()
    assert "cannot be read" in found.msg


@pytest.mark.django_db
def test_a_forgotten_user_is_in_no_copy_either(trained, django_user_model):
    assert suggest_categories("sofa futon").suggestions
    first = ModelVersion.objects.get()
    train()
    assert suggest_categories("sofa futon").suggestions
    django_user_model.objects.create_user("eulalia")
    call_command("forget_user", "eulalia", stdout=io.StringIO())
    left = [copy.name for copy in private_folder.private_folder("models").iterdir()]
    assert len(left) == 1
    assert not left[0].startswith(first.name)
