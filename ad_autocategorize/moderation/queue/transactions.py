"""Transactions of the moderation: where the plugin's own rows are, and where the ads are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

from django.db import connections, router, transaction
from django.db.models import F, QuerySet

from ad_autocategorize.busy_database import write_patiently
from ad_autocategorize.models import LabelIssue
from ad_autocategorize.sources import get_source

Written = TypeVar("Written")
Row = TypeVar("Row")


@contextmanager
def decision_transaction() -> Iterator[None]:
    """Run a decision in one transaction with the ad that it changes; may be used as a decorator.

    Where ads live in another database than the plugin's rows there are two: the record of the decision is committed first, so
    that no ad moves without one.
    """
    ads, own = router.db_for_write(get_source().ad_model()), router.db_for_write(LabelIssue)
    with ExitStack() as stack:
        for database in dict.fromkeys((ads, own)):
            stack.enter_context(transaction.atomic(using=database))
        yield


@contextmanager
def own_transaction() -> Iterator[None]:
    """Write the plugin's own rows in one transaction."""
    with transaction.atomic(using=router.db_for_write(LabelIssue)):
        yield


def lock_in_order(rows: QuerySet[Any, Row]) -> list[Row]:
    """Lock rows until the transaction ends, and return them; those that are locked elsewhere are waited for.

    Everything in the moderation locks rows of one table in the order of their keys. In different orders, two transactions
    could each hold a row that the other waits for: a deadlock.
    """
    return list(rows.select_for_update().order_by("pk"))


def write_batch(write: Callable[[], Written]) -> Written:
    """Call ``write`` in a short transaction of its own, again and again while other writers keep it out.

    A search has worked for minutes before it writes: it must not fail because a moderator is writing at that moment.
    ``write`` must start afresh each time it is called. Raises ``OperationalError`` if other writers keep it out for minutes, and
    at once for any other reason.
    """
    database = router.db_for_write(LabelIssue)

    def attempt() -> Written:
        with transaction.atomic(using=database):
            _become_writer(database)
            return write()

    return write_patiently(attempt, database)


def _become_writer(database: str) -> None:
    """Take SQLite's write lock at the beginning of the transaction, where SQLite waits for it.

    A transaction that has read already is refused at its first write if another writes meanwhile, without any waiting.
    """
    if connections[database].vendor == "sqlite":
        LabelIssue._default_manager.using(database).filter(pk=-1).update(version=F("version"))
