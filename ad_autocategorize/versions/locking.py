"""One training at a time: a file that the kernel locks for this host, and a row in the database for all hosts."""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

from django.db import DatabaseError, IntegrityError, connections, router, transaction
from django.db.models import QuerySet
from django.utils import timezone

from ad_autocategorize.busy_database import write_patiently
from ad_autocategorize.logs import log
from ad_autocategorize.models import ModelVersion, TrainingLock

Progress = Callable[[str, int, int], None]

LOCK_NAME = ".training.lock"
# The lock files of trainings, by kind, and of the search for mislabelled ads. One of each may run at the same time.
SEARCH = "search"
LOCKS: dict[str, str] = {
    ModelVersion.Kind.TITLES: LOCK_NAME,
    ModelVersion.Kind.PHOTOS: ".photo-training.lock",
    SEARCH: ".search.lock",
}
# How often the holder of a lock renews it.
HEARTBEAT = timedelta(seconds=30)
# A lock that was not renewed for so long counts as left by a process that was killed. The clocks of hosts must differ by less.
EXPIRY = timedelta(minutes=5)


class TrainingBusy(RuntimeError):
    """Another process is training the same kind of model, or has taken over this one's lock."""


@contextmanager
def lock_on_this_host(directory: Path, lock_name: str = LOCK_NAME) -> Iterator[None]:
    """Hold a file's lock, which keeps out other processes of this host. Raises ``TrainingBusy`` if one of them holds it."""
    # The kernel releases the lock when the process ends, even if it is killed.
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / lock_name).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise TrainingBusy(f"Another training is writing to {directory}. Wait for it to end.") from error
        yield


@contextmanager
def training_lock(directory: Path, kind: str) -> Iterator[HeldLock]:
    """Hold the lock of a kind of models, or of the search, on all hosts. Raises ``TrainingBusy`` if another process holds it.

    The row in the database keeps out other hosts. The file keeps out processes of this host, and unlike the row it is never left
    behind by a process that was killed.
    """
    with lock_on_this_host(directory, LOCKS[kind]):
        lock = HeldLock(kind)
        lock.acquire()
        try:
            yield lock
        finally:
            lock.release()


class HeldLock:
    """A row of ``TrainingLock``, which a thread renews while the training runs. No transaction is open in the meantime."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._holder = {"host": _this_host(), "process": os.getpid(), "token": secrets.token_hex(8)}
        self._progress = ""
        self._database = router.db_for_write(TrainingLock)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="training-lock", daemon=True)

    def acquire(self) -> None:
        """Write the row, or take over that of a process that is gone. Raises ``TrainingBusy``."""
        now = timezone.now()
        fields = {**self._holder, "acquired_at": now, "expires_at": now + EXPIRY, "progress": ""}
        if not write_patiently(lambda: self._inserted(fields) or self._taken_over(fields), self._database):
            self._refuse()
        self._thread.start()

    def release(self) -> None:
        """Stop the heartbeat and delete the row, unless another process has taken it over."""
        self._done.set()
        self._thread.join()
        try:
            write_patiently(lambda: self._own_row().delete(), self._database)
        except DatabaseError:
            # Logged, not raised, so that it does not hide an error of the training itself. The row expires in any case.
            log(
                logging.WARNING,
                "lock_kept",
                "The lock of the training could not be given back.",
                exc_info=True,
                lock=self.name,
            )

    def telling(self, progress: Progress) -> Progress:
        """Return a progress callback that calls ``progress``, and notes the progress for the next heartbeat to write."""

        def noted(stage: str, done: int, total: int) -> None:
            self.note(f"{stage} {done}/{total}" if total else stage)
            progress(stage, done, total)

        return noted

    def note(self, text: str) -> None:
        """Note the training's progress, for the next heartbeat to write."""
        self._progress = text[:200]

    def confirm(self) -> None:
        """Raise ``TrainingBusy`` unless the row is still this holder's. It may have expired, as on a machine that was asleep."""
        if not self._renewed():
            raise TrainingBusy("The lock of this training expired and another one took it over. Nothing was recorded.")

    def _own_row(self) -> QuerySet[TrainingLock]:
        return TrainingLock.objects.filter(name=self.name, token=self._holder["token"])

    def _taken_over(self, fields: dict[str, Any]) -> bool:
        """Take over the row of a process that is gone; return whether it was, and no third process was faster."""
        other = TrainingLock.objects.filter(name=self.name).first()
        if other is None:
            # It was released a moment ago.
            return self._inserted(fields)
        left = other.expires_at - timezone.now()
        # A row that expires later than any clock could have written it was written before this clock was set back: nobody
        # renews it.
        if timedelta(0) < left <= 2 * EXPIRY and not _is_killed(other):
            return False
        return bool(TrainingLock.objects.filter(pk=other.pk, token=other.token).update(**fields))

    def _refuse(self) -> NoReturn:
        """Raise ``TrainingBusy`` that says who holds the lock."""
        other = TrainingLock.objects.filter(name=self.name).first()
        if other is None:
            raise TrainingBusy("Another training has just ended. Start again.")
        since = f"{timezone.localtime(other.acquired_at):%Y-%m-%d %H:%M}"
        raise TrainingBusy(
            f"Another training is running: process {other.process} of {other.host}, since {since}. Wait for it to end."
        )

    def _inserted(self, fields: dict[str, Any]) -> bool:
        try:
            with transaction.atomic(using=self._database):
                TrainingLock.objects.create(name=self.name, **fields)
        except IntegrityError:
            return False
        return True

    def _renewed(self) -> bool:
        fields = {"expires_at": timezone.now() + EXPIRY, "progress": self._progress}
        return bool(self._own_row().update(**fields))

    def _beat(self) -> None:
        while not self._done.wait(HEARTBEAT.total_seconds()):
            try:
                self._renewed()
            except DatabaseError:
                # The next heartbeat comes long before the lock expires.
                message = "The lock of the training could not be renewed."
                log(logging.WARNING, "lock_not_renewed", message, exc_info=True, lock=self.name)
            finally:
                # Connections of this thread. One that is kept open for hours may be cut in the meantime.
                connections.close_all()


def _this_host() -> str:
    """Return the name of this host and an identifier of its last start, since several hosts may have the same name."""
    try:
        started = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]
    except OSError:
        started = ""
    return f"{socket.gethostname()[:80]} {started}".strip()


def _is_killed(other: TrainingLock) -> bool:
    """Return whether the holder of a row is surely gone, so that the row need not expire first."""
    if other.host != _this_host():
        return False
    try:
        os.kill(other.process, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    # A process with that number is alive. If it is this one, the row was left by an earlier process with the same number,
    # since this process holds the file's lock and has no row yet.
    return other.process == os.getpid()
