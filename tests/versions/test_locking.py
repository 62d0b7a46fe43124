"""One training at a time on all hosts, and what a killed one leaves."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from ad_autocategorize.models import ModelVersion, TrainingLock
from ad_autocategorize.versions import TrainingBusy, locking, training_lock

pytestmark = [pytest.mark.django_db, pytest.mark.database]
ROOT = Path(__file__).parents[2]
TITLES = ModelVersion.Kind.TITLES


def held_elsewhere(**fields):
    now = timezone.now()
    values = {"name": "titles", "host": "another", "process": 7, "token": "t", "acquired_at": now}
    return TrainingLock.objects.create(**{**values, "expires_at": now + locking.EXPIRY, **fields})


def test_the_row_is_there_while_the_training_runs(model_dir):
    with training_lock(model_dir, TITLES):
        row = TrainingLock.objects.get()
        assert (row.name, row.process) == ("titles", os.getpid())
    assert not TrainingLock.objects.exists()


def test_a_training_on_another_host_is_waited_for(trained, model_dir):
    held_elsewhere()
    with pytest.raises(CommandError, match=r"process 7 of another, since .*Wait for it to end"):
        call_command("retrain_classifiers")
    assert ModelVersion.objects.count() == 1
    # The other kind of models is not concerned.
    with training_lock(model_dir, ModelVersion.Kind.PHOTOS):
        pass


def test_the_lock_of_a_host_that_is_gone_is_taken_over_once_it_has_expired(model_dir):
    held_elsewhere(expires_at=timezone.now() - timedelta(seconds=1))
    with training_lock(model_dir, TITLES):
        assert TrainingLock.objects.get().process == os.getpid()


def test_a_holder_that_lost_its_lock_records_nothing_and_leaves_the_other_alone(model_dir):
    with training_lock(model_dir, TITLES) as lock:
        lock.confirm()
        TrainingLock.objects.update(token="other", process=9)
        with pytest.raises(TrainingBusy, match="expired and another one took it over"):
            lock.confirm()
    assert TrainingLock.objects.get().token == "other"


def test_an_error_gives_the_lock_back(model_dir):
    with pytest.raises(ZeroDivisionError), training_lock(model_dir, TITLES):
        raise ZeroDivisionError
    assert not TrainingLock.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_heartbeat_renews_the_lock_and_holds_no_transaction(model_dir, monkeypatch):
    if connection.vendor == "sqlite" and connection.is_in_memory_db():
        pytest.skip("a database in memory is not shared between threads as a real one is")
    monkeypatch.setattr(locking, "HEARTBEAT", timedelta(seconds=0.1))
    with training_lock(model_dir, TITLES) as lock:
        assert not connection.in_atomic_block
        first = TrainingLock.objects.get().expires_at
        lock.telling(lambda *args: None)("training", 3, 10)
        deadline = time.monotonic() + 20
        while TrainingLock.objects.get().progress != "training 3/10":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert TrainingLock.objects.get().expires_at > first


HOLD = """
import django; django.setup()
import time
from pathlib import Path
from ad_autocategorize.versions import training_lock
with training_lock(Path({folder!r}), "titles"):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def database(tmp_path):
    """A demo site's database in a file, and a way to run Python beside it."""
    env = {**os.environ, "MARKETPLACE_DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "marketplace.settings"}

    def run(*arguments):
        return subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    assert run("manage.py", "migrate", "--verbosity", "0").wait() == 0
    return run


def test_a_killed_holder_is_recognized_on_its_own_host(database, tmp_path):
    """Two folders of models stand for two hosts: the file lock of one says nothing of the other."""
    holder = database("-c", HOLD.format(folder=str(tmp_path / "a")))
    assert holder.stdout.readline() == "held\n"
    # While it lives, it is believed.
    second = database("-c", HOLD.format(folder=str(tmp_path / "b")))
    _, errors = second.communicate(timeout=60)
    assert f"process {holder.pid} of" in errors
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    third = database("-c", HOLD.format(folder=str(tmp_path / "b")))
    assert third.stdout.readline() == "held\n"
    third.kill()
    third.wait()


FOREIGN = """
import django; django.setup()
from datetime import timedelta
from django.utils import timezone
from ad_autocategorize.models import TrainingLock
from ad_autocategorize.versions.locking import EXPIRY
TrainingLock.objects.update(host="a host that is gone", expires_at=timezone.now() + EXPIRY * {share})
"""


@pytest.mark.parametrize(("share", "is_taken_over"), [(0.9, False), (-0.1, True)])
def test_a_killed_holder_of_another_host_is_waited_for_until_it_expires(database, tmp_path, share, is_taken_over):
    holder = database("-c", HOLD.format(folder=str(tmp_path / "a")))
    assert holder.stdout.readline() == "held\n"
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert database("-c", FOREIGN.format(share=share)).wait() == 0
    other = database("-c", HOLD.format(folder=str(tmp_path / "b")))
    assert (other.stdout.readline() == "held\n") == is_taken_over
    other.kill()
    other.communicate()


def test_a_clock_that_was_set_back_does_not_keep_a_lock_for_hours(model_dir):
    held_elsewhere(expires_at=timezone.now() + timedelta(hours=3))
    with training_lock(model_dir, TITLES):
        assert TrainingLock.objects.get().process == os.getpid()
