import os
import subprocess
import sys
from pathlib import Path

from tests.photos.toys import make_photos, write_labels

ROOT = Path(__file__).parents[2]


def test_torchrun_trains_one_version_with_two_processes(tmp_path):
    """A demo site that learns from an imported set of photos, as an operator would start it."""
    records = make_photos(tmp_path / "set", 160)
    write_labels(tmp_path / "set" / "labels.csv", records)
    env = {
        **os.environ,
        "MARKETPLACE_DATA_DIR": str(tmp_path / "data"),
        "DJANGO_SETTINGS_MODULE": "marketplace.settings",
        "OMP_NUM_THREADS": "1",
    }

    def run(*command):
        done = subprocess.run(
            [sys.executable, *command], cwd=ROOT, env=env, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    run("manage.py", "migrate", "--verbosity", "0")
    run("manage.py", "import_car_photos", str(tmp_path / "set"))
    small = ["--architecture", "shufflenet_v2_x0_5", "--height", "32", "--width", "48", "--epochs", "2"]
    launcher = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
    output = run(*launcher, "manage.py", "retrain_cnn", *small)
    # The first process alone reports, and records.
    assert output.count("epoch   1") == output.count(", active.") == 1
    assert len(list((tmp_path / "data" / "models").glob("photos-*/model.onnx"))) == 1
    assert list((tmp_path / "data" / "models" / "tensorboard").glob("*/events.*"))
