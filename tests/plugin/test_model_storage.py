"""Models in a storage of the host's, which knows no paths and may be away."""

import io
import shutil
from pathlib import Path

import pytest
from django.core.files.storage import storages
from django.core.management import CommandError, call_command

from ad_autocategorize import registry
from ad_autocategorize.artifacts import MANIFEST_NAME, TENSORS_NAME
from ad_autocategorize.categories.services import suggest_categories
from ad_autocategorize.checks import check_settings
from ad_autocategorize.conf import SETTING
from ad_autocategorize.data_checks import check_models
from ad_autocategorize.health import look
from ad_autocategorize.models import ModelVersion
from ad_autocategorize.private_copies import whole_folder
from ad_autocategorize.titles.training.state import STATE_FOLDER, TESTED_FOLDER
from ad_autocategorize.versions import gate
from ad_autocategorize.versions.comparing import compare_versions
from ad_autocategorize.versions.outcomes import OUTCOMES_NAME
from tests.plugin.object_store import name_storage

# Each test serves from copies of its own.
pytestmark = pytest.mark.usefixtures("copies")


@pytest.fixture
def store(settings):
    name_storage(settings)
    return storages["models"]


def train(*options):
    call_command("retrain_classifiers", *options, verbosity=0, stdout=io.StringIO())
    return ModelVersion.objects.latest("pk")


def move_elsewhere(model_dir, copies):
    """What follows runs on another machine, which has nothing of this one's."""
    shutil.rmtree(model_dir)
    for folder in copies.iterdir():
        shutil.rmtree(folder)
    registry.forget()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("backend", "options"),
    [
        ("tests.plugin.object_store.ObjectStore", {}),
        ("django.core.files.storage.InMemoryStorage", {}),
        ("django.core.files.storage.FileSystemStorage", {"location": "elsewhere"}),
    ],
)
def test_another_machine_serves_compares_and_trains_on_from_the_storage(
    marketplace_tree, settings, model_dir, copies, tmp_path, monkeypatch, backend, options
):
    monkeypatch.setattr(gate, "LEAST_COMPARED", 1)
    name_storage(settings, backend, **{key: str(tmp_path / value) for key, value in options.items()})
    first = train()
    move_elsewhere(model_dir, copies)
    assert suggest_categories("sofa futon").model_version == first.name
    second = train()
    assert second.parent == first
    # The champion's answers came along: they were compared ad by ad.
    assert any(row["code"] == "same_ads" for row in second.verdict["warnings"])
    assert not (model_dir / first.name).exists()
    move_elsewhere(model_dir, copies)
    # So did what was learned: no ad has changed since.
    assert train("--changed") == second
    move_elsewhere(model_dir, copies)
    assert compare_versions(first, second).paired
    assert check_models(databases=["default"]) == []


@pytest.mark.django_db
def test_the_manifest_is_put_last_and_a_half_put_version_is_swept(marketplace_tree, store, model_dir):
    first = train()
    folders = ("", f"{STATE_FOLDER}/", f"{STATE_FOLDER}/{TESTED_FOLDER}/")
    files = {folder + name for folder in folders for name in (MANIFEST_NAME, TENSORS_NAME)} | {OUTCOMES_NAME}
    assert set(store.saved) == {f"{first.name}/{file}" for file in files}
    assert store.saved[-1] == f"{first.name}/{MANIFEST_NAME}"
    # Lists for the sweep and of backbones, and one of seven files.
    store.fails_after = 3
    with pytest.raises(CommandError, match=r"The storage 'models' of models fails: no route to host"):
        train()
    assert ModelVersion.objects.get() == first
    store.fails_after = None
    left = {name.partition("/")[0] for name in store.objects} - {first.name}
    assert len(left) == 1
    assert f"{left.copy().pop()}/{MANIFEST_NAME}" not in store.objects
    third = train()
    assert {name.partition("/")[0] for name in store.objects} == {first.name, third.name}
    assert {path.name for path in model_dir.glob("titles-*")} == {first.name, third.name}


@pytest.mark.django_db
def test_a_training_that_could_put_nothing_ends_at_once(marketplace_tree, store, capsys):
    store.fails_after = 0
    with pytest.raises(CommandError, match="no route to host"):
        call_command("retrain_classifiers", verbosity=0)
    assert not ModelVersion.objects.exists()


@pytest.mark.django_db
def test_processes_go_on_while_the_storage_is_away(marketplace_tree, store, model_dir, copies, client, caplog):
    first = train()
    move_elsewhere(model_dir, copies)
    assert suggest_categories("sofa futon").model_version == first.name
    second = train()
    shutil.rmtree(model_dir)
    store.fails_after = 0
    registry.expire()
    # One that serves keeps what it has; one that starts has the copy of this machine.
    assert suggest_categories("sofa futon").model_version == first.name
    registry.forget()
    assert suggest_categories("sofa futon").model_version == first.name
    assert look().status == "degraded"
    assert f"{first.name} is served in place of {second.name}" in caplog.text
    assert "no route to host" in caplog.text
    store.fails_after = None
    registry.forget()
    assert suggest_categories("sofa futon").model_version == second.name
    assert look().status == "ok"


@pytest.mark.django_db
@pytest.mark.parametrize("damage", [b"", b"cut sho"])
def test_what_is_damaged_in_the_storage_is_not_served(marketplace_tree, store, model_dir, copies, damage):
    first, second = train(), train()
    shutil.rmtree(model_dir)
    whole = store.objects[f"{second.name}/{TENSORS_NAME}"]
    store.objects[f"{second.name}/{TENSORS_NAME}"] = damage
    assert suggest_categories("sofa futon").model_version == first.name
    # Mended, it is fetched again: no damaged copy is left.
    store.objects[f"{second.name}/{TENSORS_NAME}"] = whole
    registry.forget()
    assert suggest_categories("sofa futon").model_version == second.name


@pytest.mark.django_db
def test_pruned_versions_leave_the_storage_too(marketplace_tree, store, caplog):
    for _ in range(4):
        train()
    assert {name.partition("/")[0] for name in store.objects} == set(
        ModelVersion.objects.values_list("name", flat=True)
    )
    # A storage that goes away in between costs nobody the version that was just put into service.
    store.fails_after = 0
    call_command("models", "prune", "--keep", "1", stdout=io.StringIO())
    assert ModelVersion.objects.count() == 1
    assert "could not be deleted" in caplog.text
    store.fails_after = None
    train()
    assert {name.partition("/")[0] for name in store.objects} == set(
        ModelVersion.objects.values_list("name", flat=True)
    )


@pytest.mark.django_db
def test_a_user_is_not_forgotten_while_the_storage_holds_on_to_files(marketplace_tree, store, django_user_model):
    first = train()
    train()
    django_user_model.objects.create_user("eulalia")
    store.fails_after = 0
    with pytest.raises(CommandError, match="out of service are still there: The storage 'models'"):
        call_command("forget_user", "eulalia", stdout=io.StringIO())
    store.fails_after = None
    call_command("forget_user", "eulalia", stdout=io.StringIO())
    assert not [name for name in store.objects if name.startswith(first.name)]


@pytest.mark.django_db
def test_what_is_taken_is_never_overwritten(marketplace_tree, store, monkeypatch):
    first = train()
    monkeypatch.setattr("ad_autocategorize.versions.new_name", lambda prefix: first.name)
    before = dict(store.objects)
    shutil.rmtree(whole_folder(first.name))
    with pytest.raises(CommandError, match="never overwritten"):
        train()
    assert store.objects == before


@pytest.mark.django_db
def test_a_backbone_that_another_machine_exported_is_brought_along(store, model_dir, copies):
    from ad_autocategorize import model_storage
    from ad_autocategorize.item_photos.backbone import Embedder, newest_backbone
    from ad_autocategorize.item_photos.names import BACKBONE_PREFIX
    from tests.item_photos.toys import tiny_backbone

    folder = tiny_backbone(model_dir)
    model_storage.put(folder.name)
    digest = Embedder.load(folder).digest
    move_elsewhere(model_dir, copies)
    assert Embedder.load(whole_folder(folder.name), digest).name == folder.name
    model_storage.bring(BACKBONE_PREFIX)
    assert newest_backbone(model_dir).name == folder.name


@pytest.mark.django_db
def test_the_system_check_reads_the_storage_when_it_is_asked_to(marketplace_tree, store, model_dir):
    train()
    shutil.rmtree(model_dir)
    store.fails_after = 0
    assert check_models() == []
    (found,) = check_models(databases=["default"])
    assert found.id == "ad_autocategorize.W009"
    assert "no route to host" in found.msg


@pytest.mark.parametrize(
    ("alias", "backend", "expected"),
    [
        ("modles", "tests.plugin.object_store.ObjectStore", "E018"),
        (7, "tests.plugin.object_store.ObjectStore", "E018"),
        ("models", "nowhere.Storage", "E018"),
        ("default", "tests.plugin.object_store.ObjectStore", "W023"),
        ("models", "tests.plugin.object_store.ObjectStore", None),
    ],
)
def test_checks_name_a_storage_that_is_none_or_is_public(settings, alias, backend, expected):
    name_storage(settings, backend)
    setattr(settings, SETTING, {**getattr(settings, SETTING), "MODEL_STORAGE": alias})
    found = [message.id.partition(".")[2] for message in check_settings()]
    assert [code for code in found if code in ("E018", "W023")] == ([expected] if expected else [])


@pytest.mark.django_db
def test_nothing_is_kept_twice_where_no_storage_is_named(trained, model_dir):
    version = ModelVersion.objects.get()
    assert whole_folder(version.name) == model_dir / version.name
    assert {Path(entry).name for entry in (model_dir / version.name).iterdir()} == {
        MANIFEST_NAME,
        TENSORS_NAME,
        OUTCOMES_NAME,
        STATE_FOLDER,
    }
