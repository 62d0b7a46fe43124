"""The plugin's log. Each record says what happened in words, and in fields that a JSON formatter prints beside them."""

from __future__ import annotations

import logging
from typing import Any

logger = logging.getLogger("ad_autocategorize")


def log(level: int, event: str, message: str, *args: Any, exc_info: Any = None, **fields: Any) -> None:
    """Write a record.

    Parameters
    ----------
    event : what happened, in a word of the reference's list; the record's field ``event``.
    message, args : the same for a person, as ``logging`` takes them.
    fields : further fields of the record, such as ``version`` and ``seconds``: numbers and short texts, nothing of an ad's text.
    """
    # The level above this function is where it happened.
    logger.log(level, message, *args, exc_info=exc_info, extra={"event": event, **fields}, stacklevel=2)
