"""One writer of the category tree at a time, on every database that Django supports."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.apps import apps
from django.db import InterfaceError, OperationalError, connections, router, transaction
from django.db.models import F

STATE_PK = 1
# How long a process may go on with the tree it has before it asks whether another has changed it.
CHECK_INTERVAL_SECONDS = 1.0
# How long a database that could not be reached is not asked again.
AWAY_PAUSE_SECONDS = 5.0


@contextmanager
def tree_write() -> Iterator[None]:
    """Let one writer at a time change the tree, and raise its version; may be nested.

    The version is raised first. On PostgreSQL that locks its row, and on SQLite the database, until the transaction ends. So
    the next writer, who waits for that lock, reads the tree as this one left it.
    """
    category = apps.get_model("ad_taxonomy", "Category")
    state = apps.get_model("ad_taxonomy", "TaxonomyState")
    database = router.db_for_write(category)
    try:
        with transaction.atomic(using=database):
            states = state._default_manager.using(database)
            if not states.filter(pk=STATE_PK).update(version=F("version") + 1):
                states.get_or_create(pk=STATE_PK)
                states.filter(pk=STATE_PK).update(version=F("version") + 1)
            forget_version()
            yield
    finally:
        forget_version()


@contextmanager
def tree_plan() -> Iterator[None]:
    """Keep other writers of the tree out without raising its version, for a plan that may turn out to change nothing."""
    state = apps.get_model("ad_taxonomy", "TaxonomyState")
    database = router.db_for_write(apps.get_model("ad_taxonomy", "Category"))
    with transaction.atomic(using=database):
        states = state._default_manager.using(database)
        states.get_or_create(pk=STATE_PK)
        # An update that changes nothing: on SQLite only a write keeps other writers out.
        states.filter(pk=STATE_PK).update(version=F("version"))
        yield


def lock_tree() -> None:
    """Make writers of the tree wait until the transaction ends, without writing; the transaction is the caller's."""
    state = apps.get_model("ad_taxonomy", "TaxonomyState")
    list(state._default_manager.select_for_update().filter(pk=STATE_PK))


def lock_categories(keys: Iterable[int]) -> None:
    """Lock categories until the transaction ends: others that change or lock one of them wait. Ads can still be filed there.

    To lock the tree too, lock it first: otherwise two transactions could wait for each other.
    """
    category = apps.get_model("ad_taxonomy", "Category")
    # PostgreSQL's weaker lock lets others insert rows that refer to a category.
    weaker = connections[router.db_for_write(category)].features.has_select_for_no_key_update
    rows = category._default_manager.select_for_update(no_key=weaker).filter(pk__in=keys)
    list(rows.order_by("pk").values_list("pk"))


def current_version() -> int:
    """Return the version of the tree: it grows with every write."""
    state = apps.get_model("ad_taxonomy", "TaxonomyState")
    version = state._default_manager.filter(pk=STATE_PK).values_list("version", flat=True).first()
    return version or 0


@dataclass(frozen=True, slots=True)
class _Reading:
    version: int
    at: float


_latest: _Reading | None = None


def recent_version() -> int:
    """Return the version as it was at most ``CHECK_INTERVAL_SECONDS`` ago; this process's own writes are seen at once.

    It saves a query per call, and a connection if these are not kept open. If the database cannot be reached, the version is
    the one that was read last.
    """
    global _latest  # noqa: PLW0603 - one reading per process; threads that read at the same time do no harm
    reading = _latest
    if reading is None or time.monotonic() - reading.at > CHECK_INTERVAL_SECONDS:
        at = time.monotonic()
        try:
            _latest = reading = _Reading(current_version(), at)
        except (OperationalError, InterfaceError):
            if reading is None:
                raise
            _latest = reading = _Reading(reading.version, at + AWAY_PAUSE_SECONDS)
    return reading.version


def forget_version() -> None:
    """Let the next reader ask the database."""
    global _latest  # noqa: PLW0603
    _latest = None
