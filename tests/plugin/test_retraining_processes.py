import csv
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.photos.toys import make_photos

ROOT = Path(__file__).parents[2]
SMALL = ["--backbone", "test_efficientnet", "--weights", "none", "--height", "32", "--width", "48"]


class Operator:
    """Someone who types commands into a demo site of their own, which learns from imported photos."""

    def __init__(self, folder):
        self.folder = folder
        self.env = {
            **os.environ,
            "MARKETPLACE_DATA_DIR": str(folder / "data"),
            "DJANGO_SETTINGS_MODULE": "marketplace.settings",
            "OMP_NUM_THREADS": "1",
        }
        self.models = folder / "data" / "models"

    def run(self, *command):
        done = subprocess.run(
            [sys.executable, *command], cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def start(self, *command):
        return subprocess.Popen([sys.executable, *command], cwd=ROOT, env=self.env, stdout=subprocess.PIPE, text=True)

    def import_photos(self, name, count, seed=0, **renamed):
        """Import toy cars; ``renamed`` gives brands other names."""
        with_labels = self.folder / name
        records = make_photos(with_labels, count, seed=seed)
        with (with_labels / "labels.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["file", "brand", "model", "body_type", "color", "year"])
            for record in records:
                labels = record.labels
                brand = renamed.get(labels.brand, labels.brand)
                rows.writerow([record.path.name, brand, labels.model, labels.body_type, labels.color, labels.year])
        self.run("manage.py", "import_car_photos", str(with_labels))


@pytest.fixture
def operator(tmp_path):
    operator = Operator(tmp_path)
    operator.run("manage.py", "migrate", "--verbosity", "0")
    operator.import_photos("set", 160)
    return operator


def test_torchrun_trains_one_version_with_two_processes(operator):
    launcher = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
    output = operator.run(*launcher, "manage.py", "retrain_cnn", *SMALL, "--epochs", "2")
    # The first process alone reports, and records.
    assert output.count("epoch   1") == output.count(", active.") == 1
    assert len(list(operator.models.glob("photos-*/model.onnx"))) == 1


def test_a_killed_training_goes_on_after_its_last_whole_epoch(operator):
    command = ["manage.py", "retrain_cnn", *SMALL, "--epochs", "5"]
    with operator.start(*command) as training:
        for line in training.stdout:
            if line.startswith("epoch   2"):
                training.send_signal(signal.SIGKILL)
    assert training.returncode == -signal.SIGKILL
    assert not list(operator.models.glob("photos-*"))
    # Meanwhile a brand arrives that sorts before the others: it must not take the places of theirs.
    operator.import_photos("more", 30, seed=1, Ajax="Aaa")
    output = operator.run(*command, "--resume")
    assert re.findall(r"^epoch +(\d)", output, re.MULTILINE) == ["3", "4", "5"]
    assert ", active." in output
    assert not (operator.models / ".photo-training").exists()
    manifest = next(operator.models.glob("photos-*/manifest.json")).read_text()
    assert "Aaa" not in manifest
