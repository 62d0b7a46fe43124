"""A search beside moderators who click: neither loses what it does, on SQLite with its one writer at a time."""

import contextlib
import sqlite3
import threading
import time

import pytest
from django.db import OperationalError, connection

from ad_autocategorize import busy_database
from ad_autocategorize.models import LabelIssue
from ad_autocategorize.moderation.queue import transactions
from ad_autocategorize.sources import get_source, streaming
from marketplace.models import Ad
from tests.conftest import make_marketplace
from tests.moderation.conftest import find_mislabels

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture
def database():
    """The path of the test database, whose locks are waited for a moment only."""
    if connection.vendor != "sqlite":
        pytest.skip("locks of SQLite")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 50")
        yield str(connection.settings_dict["NAME"])
        cursor.execute("PRAGMA busy_timeout = 30000")


def click(database, held=0.0, ready=None):
    """Write something, as a moderator's decision does, and keep the lock for as many seconds."""
    own = sqlite3.connect(database, timeout=0.3, isolation_level=None)
    own.execute("BEGIN IMMEDIATE")
    own.execute("UPDATE ad_autocategorize_labelissue SET seller = 'x'")
    if ready:
        ready.set()
    time.sleep(held)
    own.execute("COMMIT")
    own.close()


def test_a_moderator_can_write_while_ads_are_read(database, monkeypatch):
    make_marketplace()
    monkeypatch.setattr(streaming, "CHUNK", 10)
    ads = get_source().iter_titles()
    first = [next(ads) for _ in range(15)]
    click(database)
    assert len(first) + len(list(ads)) == 90


def test_a_batch_waits_for_another_writer_and_is_written_once(database, monkeypatch):
    monkeypatch.setattr(busy_database, "WAITS", (0.2,) * 20)
    ready, tries = threading.Event(), []
    writer = threading.Thread(target=click, args=(database, 1.0, ready))
    writer.start()
    ready.wait(5)

    def write():
        tries.append(1)
        return LabelIssue.objects.count()

    assert transactions.write_batch(write) == 0
    writer.join()
    assert len(tries) == 1
    with pytest.raises(OperationalError, match="no such table"):
        transactions.write_batch(lambda: connection.cursor().execute("SELECT * FROM nowhere"))


def test_a_search_ends_well_while_somebody_writes_all_the_time(database, monkeypatch):
    make_marketplace()
    wrong = Ad.objects.filter(title__contains="sillon").first()
    Ad.objects.filter(pk=wrong.pk).update(category=Ad.objects.filter(title__contains="scooter").first().category)
    monkeypatch.setattr(busy_database, "WAITS", (0.2,) * 50)
    stop = threading.Event()

    def keep_writing():
        while not stop.is_set():
            with contextlib.suppress(sqlite3.OperationalError):
                click(database, held=0.15)
            time.sleep(0.05)

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        find_mislabels()
    finally:
        stop.set()
        writer.join()
    assert LabelIssue.objects.filter(ad_id=str(wrong.pk)).exists()
