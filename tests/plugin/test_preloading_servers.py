"""Servers that load the site and its photo model before they fork, and a new version while they serve."""

import io
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from tests.plugin.tiny_models import write_tiny_model

ROOT = Path(__file__).parents[2]
RECORD = """
from ad_autocategorize.models import ModelVersion
ModelVersion.objects.create(kind="photos", name={!r}, digest={!r}, taxonomy_version=0, ad_count=1).activate()
"""


@pytest.fixture
def site(tmp_path):
    for library in ("onnx", "gunicorn", "uvicorn", "requests"):
        pytest.importorskip(library)
    data = tmp_path / "data"
    env = {**os.environ, "MARKETPLACE_DATA_DIR": str(data), "DJANGO_SETTINGS_MODULE": "tests.plugin.preloaded_settings"}

    def manage(*arguments):
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=ROOT, env=env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr[-2000:]

    def add_version(name):
        digest = write_tiny_model(data / "models" / name)
        manage("shell", "-c", RECORD.format(name, digest))

    manage("migrate", "--verbosity", "0")
    add_version("photos-1")
    return env, add_version


@pytest.mark.parametrize("worker", ["sync", "gthread", "uvicorn"])
def test_photos_are_read_after_the_fork_and_after_a_swap(site, worker):
    import requests

    env, add_version = site
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "--preload", "--bind", f"127.0.0.1:{port}", "--workers", "2"]
    if worker == "uvicorn":
        command = [sys.executable, "-m", "uvicorn", "--workers", "2", "--port", str(port)]
        command += ["tests.plugin.preloaded_site:asgi_application"]
    else:
        command += ["--worker-class", worker, "tests.plugin.preloaded_site:application"]
    server = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert set(ask(requests, port, "photos-1")) == {"photos-1"}
        add_version("photos-2")
        assert set(ask(requests, port, "photos-2")) == {"photos-2"}
    finally:
        server.terminate()
        server.wait(30)


def ask(requests, port, wanted):
    """Return the versions that answered, the last eight once the wanted one has."""
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), "red").save(buffer, "JPEG")
    deadline, answers = time.monotonic() + 120, []
    while time.monotonic() < deadline and answers.count(wanted) < 8:
        files = {"photos": ("a.jpg", buffer.getvalue())}
        try:
            answer = requests.post(f"http://127.0.0.1:{port}/api/v1/suggestions/car/", files=files, timeout=30)
        except requests.ConnectionError:
            time.sleep(0.5)
            continue
        if answer.status_code == 429:
            time.sleep(2)
            continue
        assert answer.status_code == 200, answer.text
        version = answer.json()["model_version"]
        answers = [*answers, version] if version == wanted else []
        time.sleep(0.3)
    return answers
