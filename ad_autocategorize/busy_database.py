"""Writing to a database that other writers keep busy: again and again for minutes, rather than losing what took as long."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import OperationalError, connections

from ad_autocategorize.logs import log

Written = TypeVar("Written")
# Seconds between tries of a write that another writer keeps out; what is written before and after stays written.
WAITS = (0.1, 0.5, 1, 2, 5, 10, 20, 30, 60, 60, 60)


def write_patiently(write: Callable[[], Written], database: str) -> Written:
    """Call ``write``, which begins a transaction of its own and starts afresh each time, while other writers keep it out.

    Raises ``OperationalError`` where it is kept out for minutes, for another reason, or within somebody else's transaction.
    """
    for wait in WAITS:
        try:
            return write()
        except OperationalError as error:
            if connections[database].in_atomic_block or not _is_kept_out(error):
                raise
            message = "The database is busy (%s); trying again in %s seconds."
            log(logging.WARNING, "database_busy", message, error, wait, seconds=wait)
            time.sleep(wait)
    return write()


def _is_kept_out(error: OperationalError) -> bool:
    """Return whether another transaction is the reason: SQLite's lock, a deadlock, a lock's or a statement's time."""
    code = getattr(error.__cause__, "sqlstate", "") or ""
    return "locked" in str(error) or code in ("40001", "40P01", "55P03", "57014")
