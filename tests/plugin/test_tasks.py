"""Training as a background task: done at once, by Django's tasks, and by Celery on a broker of the test's own that may fail."""

import contextlib
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ad_autocategorize.conf import SETTING
from ad_autocategorize.models import ModelVersion, Origin
from ad_autocategorize.tasks import JobFailed, enqueue
from ad_autocategorize.versions import training_lock

ROOT = Path(__file__).parents[2]
REDIS = shutil.which("redis-server")
needs_redis = pytest.mark.skipif(REDIS is None and not os.environ.get("REQUIRE_REDIS"), reason="no redis-server")


@pytest.mark.django_db
def test_without_a_queue_a_job_is_done_at_once(marketplace_tree):
    enqueue("retrain_classifiers", seed=1)
    version = ModelVersion.objects.get()
    assert version.is_active
    assert version.origin == Origin.TASK


@pytest.mark.django_db
def test_what_is_no_job_and_what_fails_is_said(db):
    with pytest.raises(ValueError, match="no job 'flush'; there are retrain_classifiers"):
        enqueue("flush")
    with pytest.raises(JobFailed, match=r"retrain_classifiers: .*ads"):
        enqueue("retrain_classifiers")


@pytest.mark.django_db
def test_a_job_that_is_under_way_is_not_done_twice(marketplace_tree, model_dir, caplog):
    with training_lock(model_dir, ModelVersion.Kind.TITLES):
        enqueue("retrain_classifiers")
    assert "Another training" in caplog.text
    assert not ModelVersion.objects.exists()


@pytest.mark.django_db
def test_djangos_own_tasks_do_it(marketplace_tree, settings):
    tasks = pytest.importorskip("ad_autocategorize.tasks.django")
    package = tasks.task.__module__.split(".tasks")[0].split(".base")[0]
    prefix = "django.tasks" if package == "django" else "django_tasks"
    settings.TASKS = {"default": {"BACKEND": f"{prefix}.backends.immediate.ImmediateBackend"}}
    dotted = "ad_autocategorize.tasks.django.enqueue"
    setattr(settings, SETTING, {**getattr(settings, SETTING), "TASK_BACKEND": dotted})
    enqueue("retrain_classifiers")
    assert ModelVersion.objects.get().origin == Origin.TASK


class Site:
    """A demo site with a broker and a worker of its own."""

    def __init__(self, folder):
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.env = {
            **os.environ,
            "MARKETPLACE_DATA_DIR": str(folder / "data"),
            "DJANGO_SETTINGS_MODULE": "marketplace.settings",
            "BROKER_URL": f"redis://127.0.0.1:{self.port}/0",
            "OMP_NUM_THREADS": "1",
        }
        self.running = []

    def manage(self, *arguments):
        subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=ROOT, env=self.env, check=True, capture_output=True
        )

    def start(self, *command):
        out = (self.folder / "log.txt").open("a")
        process = subprocess.Popen(command, cwd=ROOT, env=self.env, stdout=out, stderr=out, start_new_session=True)
        self.running.append(process)
        return process

    def start_broker(self):
        (self.folder / "redis").mkdir(exist_ok=True)
        broker = self.start(
            REDIS, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder / "redis"),
            "--appendonly", "yes", "--appendfsync", "always", "--save", "",
        )  # fmt: skip
        self.wait(lambda: socket.create_connection(("127.0.0.1", self.port), 1).close() is None)
        return broker

    def start_worker(self):
        worker = [
            "-m",
            "celery",
            "-A",
            "tests.plugin.celery_site",
            "worker",
            "--concurrency",
            "2",
            "--loglevel",
            "info",
        ]
        return self.start(sys.executable, *worker)

    def enqueue(self):
        ask = (
            "import tests.plugin.celery_site, django; django.setup()\n"
            "from ad_autocategorize.tasks.celery import enqueue\n"
            "enqueue('retrain_classifiers', {})"
        )
        subprocess.run([sys.executable, "-c", ask], cwd=ROOT, env=self.env, check=True, capture_output=True)

    def rows(self, query):
        with contextlib.closing(sqlite3.connect(self.folder / "data" / "marketplace.sqlite3", timeout=20)) as database:
            return database.execute(query).fetchall()

    def process_that_trains(self):
        return next((process for (process,) in self.rows("SELECT process FROM ad_autocategorize_traininglock")), None)

    def versions(self):
        return self.rows("SELECT name, origin, is_active FROM ad_autocategorize_modelversion")

    def wait(self, condition, seconds=180):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                if found := condition():
                    return found
            time.sleep(0.05)
        raise AssertionError((self.folder / "log.txt").read_text()[-3000:])

    def stop(self):
        for process in self.running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path)
    try:
        site.manage("migrate", "--verbosity", "0")
        site.manage("create_demo", "--ads", "1500", "--cars", "0")
        site.broker = site.start_broker()
        yield site
    finally:
        site.stop()


@needs_redis
def test_celery_does_it_whatever_is_killed(site):
    """A worker's child in the middle of a training, then the whole worker, then the broker; no job is lost."""
    worker = site.start_worker()
    site.enqueue()
    os.kill(site.wait(site.process_that_trains), signal.SIGKILL)
    # The worker has the job delivered again; the lock of the process that is gone holds nobody up.
    (first,) = site.wait(site.versions)
    assert first[1:] == ("task", 1)

    site.enqueue()
    site.wait(site.process_that_trains)
    os.killpg(worker.pid, signal.SIGKILL)
    assert site.versions() == [first]
    site.start_worker()
    site.wait(lambda: len(site.versions()) == 2)
    assert sum(is_active for _name, _origin, is_active in site.versions()) == 1

    # Nobody takes the job, the broker goes and comes back, and the job is still there.
    for process in site.running[1:]:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    site.enqueue()
    site.broker.kill()
    site.broker.wait()
    site.start_broker()
    site.start_worker()
    site.wait(lambda: len(site.versions()) == 3)
    left = [entry.name for entry in (site.folder / "data" / "models").iterdir() if entry.name.startswith(".incomplete")]
    assert left == []


@needs_redis
def test_two_messages_at_once_train_once(site):
    site.enqueue()
    site.enqueue()
    site.start_worker()
    site.wait(site.versions)
    log = site.wait(lambda: text if (text := (site.folder / "log.txt").read_text()).count("succeeded in") == 2 else "")
    assert "Another training is" in log
    assert len(site.versions()) == 1
