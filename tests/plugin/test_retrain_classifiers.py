import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from ad_autocategorize import registry
from ad_autocategorize.categories.services import suggest_categories
from ad_autocategorize.models import ModelVersion
from ad_autocategorize.versions import KEPT_VERSIONS, LOCK_NAME, lock_on_this_host
from marketplace.models import Ad

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def test_it_prints_what_it_measured_and_puts_the_model_into_service(marketplace_tree, capsys, model_dir):
    Ad.objects.create(
        title="!!!",
        category_id=marketplace_tree.find(["Vehículos"]),
        seller=Ad.objects.first().seller,
        status="published",
    )
    call_command("retrain_classifiers")
    out = capsys.readouterr().out
    assert "Whole path" in out
    assert "Left out: 1 ads, nothing left of the title" in out
    version = ModelVersion.objects.get()
    assert version.is_active
    assert version.ad_count == 90
    assert (model_dir / version.name / "manifest.json").exists()
    assert suggest_categories("sofa futon").suggestions[0].path_text == "Hogar › Muebles › Sillones"


def test_equal_seeds_give_equal_models(marketplace_tree, model_dir):
    call_command("retrain_classifiers", "--seed", "5")
    call_command("retrain_classifiers", "--seed", "5", "--jobs", "1")
    folders = [model_dir / version.name for version in ModelVersion.objects.all()]
    # The digest of a version is its manifest's, which holds its name; those of the files are the model's own.
    first, second = (json.loads((folder / "manifest.json").read_text())["sha256"] for folder in folders)
    assert first == second


def test_a_version_can_be_recorded_without_serving_it(trained):
    active = ModelVersion.objects.get(is_active=True)
    call_command("retrain_classifiers", "--no-activate", "--limit", "60")
    assert ModelVersion.objects.get(is_active=True) == active
    assert ModelVersion.objects.exclude(pk=active.pk).get().ad_count == 60


def test_old_versions_are_pruned_and_litter_is_swept(trained, model_dir):
    for name in (".incomplete-x", "titles-20200101T000000Z-dead"):
        (model_dir / name).mkdir()
    (model_dir / "not-ours").mkdir()
    for _ in range(KEPT_VERSIONS):
        call_command("retrain_classifiers")
    folders = {entry.name for entry in model_dir.iterdir() if entry.name != LOCK_NAME}
    assert folders == {"not-ours", *ModelVersion.objects.values_list("name", flat=True)}
    assert ModelVersion.objects.count() == KEPT_VERSIONS


def test_two_trainings_do_not_run_at_once(trained, model_dir):
    with lock_on_this_host(model_dir), pytest.raises(CommandError, match="Another training"):
        call_command("retrain_classifiers")


@pytest.mark.parametrize("published", [0, 3])
def test_too_few_ads_are_explained(marketplace_tree, published):
    keep = Ad.objects.values_list("pk", flat=True)[:published]
    Ad.objects.exclude(pk__in=list(keep)).delete()
    with pytest.raises(CommandError, match="ads"):
        call_command("retrain_classifiers")
    assert not ModelVersion.objects.exists()


@pytest.mark.parametrize("options", [["--limit", "0"], ["--since", "yesterday"], ["--jobs", "-1"]])
def test_wrong_options_are_refused(options, marketplace_tree):
    with pytest.raises(CommandError):
        call_command("retrain_classifiers", *options)


def test_an_unwritable_folder_is_explained(marketplace_tree, model_dir):
    model_dir.write_text("a file")
    with pytest.raises(CommandError, match="MODEL_DIR"):
        call_command("retrain_classifiers")


ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def demo_site(tmp_path_factory):
    """A demo site in a folder of its own, with SQLite and a trained model, for processes that are killed."""
    folder = tmp_path_factory.mktemp("site")
    env = {**os.environ, "MARKETPLACE_DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "marketplace.settings"}

    def manage(*arguments, check=True):
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=check)

    manage("migrate", "--verbosity", "0")
    manage("create_demo", "--ads", "1500")
    manage("retrain_classifiers")
    return folder, env, manage


def interrupt(folder, env, how, moment, *options):
    """Start a training and send it a signal; return its exit status, which is 0 where it was faster, and its errors."""
    litter = set((folder / "models").glob(".incomplete-*"))
    # A shell that runs the tests in its background has them, and so the training, ignore Ctrl-C.
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    command = [sys.executable, "manage.py", "retrain_classifiers", *options]
    with subprocess.Popen(command, cwd=ROOT, env=env, preexec_fn=heed, **pipes) as process:
        if moment == "writing":
            while process.poll() is None and not set((folder / "models").glob(".incomplete-*")) - litter:
                time.sleep(0.001)
        else:
            time.sleep(moment)
        process.send_signal(how)
        return process.wait(), process.stderr.read()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
@pytest.mark.parametrize("moment", [0.8, 2.0, "writing"])
def test_an_interrupted_training_leaves_the_old_version_serving(demo_site, how, moment):
    folder, env, manage = demo_site
    status = 0
    # Writing takes a few milliseconds: on a busy machine it may be over before the signal is sent.
    for _ in range(5):
        before = manage("suggest_category", "heladera samsung", "--json").stdout
        status, errors = interrupt(folder, env, how, moment)
        if status:
            break
    assert status in (-signal.SIGKILL, -signal.SIGINT, 130)
    assert manage("suggest_category", "heladera samsung", "--json").stdout == before
    if how == signal.SIGINT and moment == "writing":
        assert b"the version in service is unchanged" in errors
        assert not list((folder / "models").glob(".incomplete-*"))


def test_the_next_training_sweeps_what_was_left(demo_site):
    folder, _, manage = demo_site
    manage("retrain_classifiers")
    left = [entry.name for entry in (folder / "models").iterdir() if entry.name != LOCK_NAME]
    assert all(name.startswith("titles-") for name in left)
    assert len(left) <= KEPT_VERSIONS


def test_a_killed_training_of_what_changed_leaves_nothing(demo_site):
    folder, env, manage = demo_site
    manage("retrain_classifiers")
    refile = "from marketplace.models import Ad; ads = list(Ad.objects.filter(status='published')[:20])"
    manage("shell", "-c", f"{refile}; [Ad.objects.filter(pk=ad.pk).update(title='heladera rara') for ad in ads]")
    before = manage("suggest_category", "heladera samsung", "--json").stdout
    # Writing takes a few milliseconds, as above; once it was over, there is nothing left to train.
    status, _ = interrupt(folder, env, signal.SIGKILL, "writing", "--changed")
    if status:
        assert status == -signal.SIGKILL
        assert manage("suggest_category", "heladera samsung", "--json").stdout == before
        assert "nodes trained anew" in manage("retrain_classifiers", "--changed").stdout
    assert "Nothing has changed" in manage("retrain_classifiers", "--changed").stdout
    versions = manage("models", "list", "--json").stdout
    left = {entry.name for entry in (folder / "models").iterdir() if entry.name != LOCK_NAME}
    assert left == {version["name"] for version in json.loads(versions) if version["kind"] == "titles"}


def test_a_serving_process_swaps_to_what_another_process_activated(demo_site):
    _, env, manage = demo_site
    serve = (
        "import django; django.setup(); import sys; from ad_autocategorize.categories.services import suggest_categories\n"
        "for line in sys.stdin: print(suggest_categories('heladera').model_version, flush=True)"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", serve], cwd=ROOT, env=env, text=True, **pipes) as process:

        def ask():
            process.stdin.write("\n")
            process.stdin.flush()
            return process.stdout.readline().strip()

        first = ask()
        manage("retrain_classifiers")
        time.sleep(registry.CHECK_INTERVAL_SECONDS + 0.1)
        second = ask()
    assert first.startswith("titles-")
    assert second.startswith("titles-")
    assert first != second
