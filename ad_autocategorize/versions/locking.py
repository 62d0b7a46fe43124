"""One training at a time: a file that the kernel locks on this host, and a row that all hosts see."""

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
# What is locked for a training of each kind, and for the search for mislabelled ads: all three may run at once.
SEARCH = "search"
LOCKS: dict[str, str] = {
    ModelVersion.Kind.TITLES: LOCK_NAME,
    ModelVersion.Kind.PHOTOS: ".photo-training.lock",
    SEARCH: ".search.lock",
}
# How often a holder says that it is alive.
HEARTBEAT = timedelta(seconds=30)
# After how long without a heartbeat a holder counts as killed. The clocks of hosts may differ by less than this.
EXPIRY = timedelta(minutes=5)


class TrainingBusy(RuntimeError):
    """Another process is training the same kind of model, or has taken this one's lock over."""


@contextmanager
def lock_on_this_host(directory: Path, lock_name: str = LOCK_NAME) -> Iterator[None]:
    """Hold a file's lock, which keeps out other processes of this host alone. Raises ``TrainingBusy`` if one of them holds it."""
    # The kernel gives the lock back when the process ends, even if it is killed.
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

    The row tells hosts apart. The file's lock does so for processes of one host, where it is never left behind.
    """
    with lock_on_this_host(directory, LOCKS[kind]):
        lock = HeldLock(kind)
        lock.acquire()
        try:
            yield lock
        finally:
            lock.release()


class HeldLock:
    """A row of ``TrainingLock``, renewed by a thread while the training runs. No transaction is held meanwhile."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._holder = {"host": _this_host(), "process": os.getpid(), "token": secrets.token_hex(8)}
        self._progress = ""
        self._database = router.db_for_write(TrainingLock)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="training-lock", daemon=True)

    def acquire(self) -> None:
        """Write the row, or take over that of a holder who is gone. Raises ``TrainingBusy``."""
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
            # Whatever ended the training is what must be told; the row expires by itself.
            log(
                logging.WARNING,
                "lock_kept",
                "The lock of the training could not be given back.",
                exc_info=True,
                lock=self.name,
            )

    def telling(self, progress: Progress) -> Progress:
        """Return a progress callback that notes what the training is at, for the next heartbeat to write."""

        def told(stage: str, done: int, total: int) -> None:
            self.note(f"{stage} {done}/{total}" if total else stage)
            progress(stage, done, total)

        return told

    def note(self, text: str) -> None:
        """Note what the training is at, in place of what was noted before."""
        self._progress = text[:200]

    def confirm(self) -> None:
        """Raise ``TrainingBusy`` unless the row is still this holder's: on a machine that was asleep it may have expired."""
        if not self._renewed():
            raise TrainingBusy("The lock of this training expired and another one took it over. Nothing was recorded.")

    def _own_row(self) -> QuerySet[TrainingLock]:
        return TrainingLock.objects.filter(name=self.name, token=self._holder["token"])

    def _taken_over(self, fields: dict[str, Any]) -> bool:
        """Take the row of a holder who is gone, unless a third one was faster."""
        other = TrainingLock.objects.filter(name=self.name).first()
        if other is None:
            # Given back a moment ago.
            return self._inserted(fields)
        left = other.expires_at - timezone.now()
        # One that lasts longer than clocks may differ was written before this clock was set back: nobody renews it.
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
                # This thread's own; a connection kept for hours may be cut by then.
                connections.close_all()


def _this_host() -> str:
    """Return the name of this host, told apart from others of the same name by when it was started."""
    try:
        started = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]
    except OSError:
        started = ""
    return f"{socket.gethostname()[:80]} {started}".strip()


def _is_killed(other: TrainingLock) -> bool:
    """Return whether the holder is known to be gone, so that nobody need wait for the row to expire."""
    if other.host != _this_host():
        return False
    try:
        os.kill(other.process, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    # This process holds the file's lock, so no other holder is alive here. A row with this very process number was left by an
    # earlier process that had the same number.
    return other.process == os.getpid()
