"""What becomes of a training when the disk is full, memory runs out or the clock is set back: it ends with a sentence."""

import functools
import io
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from ad_autocategorize import registry
from ad_autocategorize.artifacts import write_artifact, write_files
from ad_autocategorize.categories import retraining
from ad_autocategorize.categories.services import suggest_categories
from ad_autocategorize.models import ModelVersion, TrainingLock
from ad_autocategorize.private_folder import private_folder
from ad_autocategorize.versions.outcomes import Outcomes

ROOT = Path(__file__).parents[2]


@contextmanager
def full_disk(left):
    """Let no file grow beyond so many bytes, as on a disk with no more room; the kernel refuses the write."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (left, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def on_full_disk(function, left):
    @functools.wraps(function)
    def limited(*args, **kwargs):
        with full_disk(left):
            return function(*args, **kwargs)

    return limited


def train(*options):
    call_command("retrain_classifiers", *options, verbosity=0, stdout=io.StringIO())
    return ModelVersion.objects.latest("pk")


@pytest.mark.django_db
@pytest.mark.parametrize("written", ["model", "outcomes"])
def test_a_full_disk_ends_a_training_with_a_sentence_and_the_next_one_sweeps(trained, model_dir, monkeypatch, written):
    first = ModelVersion.objects.get()
    with monkeypatch.context() as patch:
        if written == "model":
            patch.setattr(retraining, "save_model", on_full_disk(retraining.save_model, 1000))
        else:
            patch.setattr(Outcomes, "save", on_full_disk(Outcomes.save, 1000))
        with pytest.raises(CommandError, match=r"The model cannot be written: .*too large.* Check MODEL_DIR\."):
            train()
    assert ModelVersion.objects.get() == first
    assert not TrainingLock.objects.exists()
    assert suggest_categories("sofa futon").model_version == first.name
    second = train()
    assert {entry.name for entry in model_dir.glob("*titles*")} == {first.name, second.name}


@pytest.mark.parametrize("file", ["tensors", "manifest", "files"])
def test_a_full_disk_leaves_no_half_a_folder(tmp_path, file):
    tensors = {"a": np.zeros(4000 if file == "tensors" else 4)}
    manifest = {"words": "x" * (4000 if file == "manifest" else 4)}
    with full_disk(1000), pytest.raises(OSError, match="too large"):
        if file == "files":
            write_files(tmp_path / "model", kind="photos", files={"g": b"0" * 4000}, manifest={}, prefix=".partial-")
        else:
            write_artifact(tmp_path / "model", kind="titles", tensors=tensors, manifest=manifest)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_keeps_the_checkpoint_before(tmp_path):
    torch = pytest.importorskip("torch")
    from ad_autocategorize.photos.training.checkpoints import load_checkpoint, save_checkpoint

    module = torch.nn.Linear(4, 4)
    optimizer = torch.optim.SGD(module.parameters())
    path = tmp_path / "checkpoint.safetensors"
    save_checkpoint(path, {"network": module}, optimizer, {"epoch": 1})
    with full_disk(100), pytest.raises(OSError, match="too large"):
        save_checkpoint(path, {"network": module}, optimizer, {"epoch": 2})
    assert load_checkpoint(path, {"network": module}, optimizer) == {"epoch": 1}


def test_a_full_disk_mixes_up_no_embeddings(tmp_path):
    from ad_autocategorize.item_photos.training.store import DIGEST_BYTES, EmbeddingStore

    digests = [bytes([number]) * DIGEST_BYTES for number in range(4)]
    vectors = np.arange(4 * 64, dtype=np.float32).reshape(4, 64)
    store = EmbeddingStore(tmp_path, 64)
    store.add(digests[:1], vectors[:1])
    with full_disk(200), pytest.raises(OSError, match="too large"):
        store.add(digests[1:3], vectors[1:3])
    for again in (store, EmbeddingStore(tmp_path, 64)):
        again.add(digests[1:], vectors[1:])
        assert (again.vectors(digests) == vectors).all()


def test_a_full_disk_under_a_report_is_told(titles_file, tmp_path):
    with full_disk(2000), pytest.raises(CommandError, match="too large"):
        call_command("evaluate_classifiers", "--csv", titles_file, "--json", tmp_path / "r.json", verbosity=0)


TRAIN = """
from tests.titles.data import labelled_titles
from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.training import train
titles, paths = labelled_titles(300)
train(titles, paths, TitleSettings(), jobs=2)
print("trained", flush=True)
input()
"""


def test_helpers_end_with_a_trainer_that_memory_runs_out_for():
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", TRAIN], cwd=ROOT, text=True, **pipes) as trainer:
        assert trainer.stdout.readline() == "trained\n"
        helpers = helpers_of(trainer.pid)
        assert len(helpers) == 2
        trainer.kill()
    deadline = time.monotonic() + 30
    while any(map(is_running, helpers)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(map(is_running, helpers))


def is_running(process):
    """Return whether it is there, and not merely waits to be buried."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.django_db
def test_memory_that_runs_out_ends_a_training_with_a_sentence(trained, monkeypatch):
    # More than any machine has: the allocation itself is refused.
    monkeypatch.setattr(retraining, "save_model", lambda *args: np.empty(2**58))
    with pytest.raises(CommandError, match=r"not enough memory for this\. Nothing was recorded\."):
        train()
    assert ModelVersion.objects.get().is_active
    assert not TrainingLock.objects.exists()


@pytest.mark.django_db
def test_a_search_that_may_write_nothing_says_so(marketplace_tree, model_dir):
    model_dir.write_text("a file")
    with pytest.raises(CommandError, match=r"What the search keeps cannot be written: .* Check MODEL_DIR\."):
        call_command("find_mislabels", verbosity=0)


@pytest.mark.django_db
def test_on_a_full_disk_files_are_read_without_a_copy(trained):
    registry.forget()
    with full_disk(100):
        assert suggest_categories("sofa futon").suggestions


def helpers_of(process):
    """The processes that joblib has started for it."""
    children = [
        child for path in Path(f"/proc/{process}/task").glob("*/children") for child in path.read_text().split()
    ]
    return [int(child) for child in children if "popen_loky_posix" in Path(f"/proc/{child}/cmdline").read_text()]


def kill_a_helper():
    """End the first process that joblib starts, as the kernel does when memory runs out."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            for helper in helpers_of(os.getpid()):
                os.kill(helper, signal.SIGKILL)
                return
        except (FileNotFoundError, ProcessLookupError):
            continue
        time.sleep(0.005)


@pytest.mark.django_db(transaction=True)
def test_a_process_that_memory_runs_out_for_ends_the_training_with_a_sentence(trained, model_dir):
    killer = threading.Thread(target=kill_a_helper)
    killer.start()
    with pytest.raises(CommandError, match="was ended from outside"):
        train("--jobs", "2")
    killer.join()
    assert ModelVersion.objects.count() == 1
    assert not TrainingLock.objects.exists()
    assert train("--jobs", "2").is_active


@pytest.mark.django_db
def test_a_database_that_was_restored_without_its_models_trains_them_anew(trained, model_dir, client):
    first = ModelVersion.objects.get()
    shutil.rmtree(model_dir)
    for copy in private_folder("models").glob(f"{first.name}*"):
        shutil.rmtree(copy)
    registry.forget()
    assert suggest_categories("sofa futon").model_version is None
    assert client.get("/api/v1/health/").status_code == 503
    second = train()
    assert (second.parent, second.is_active) == (first, True)
    assert suggest_categories("sofa futon").model_version == second.name


@pytest.mark.django_db
def test_models_that_a_database_knows_nothing_of_are_swept(trained, model_dir):
    first = ModelVersion.objects.get()
    ModelVersion.objects.all().delete()
    registry.forget()
    assert suggest_categories("sofa futon").model_version is None
    second = train()
    assert not (model_dir / first.name).exists()
    assert suggest_categories("sofa futon").model_version == second.name
