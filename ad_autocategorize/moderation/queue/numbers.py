"""Numbers that forms and addresses send."""

from __future__ import annotations

# As many as fit a database's largest integer, whatever they are; Python itself refuses to read thousands.
MOST_DIGITS = 18


def small_number(text: str) -> int | None:
    """Return the number that a text of ASCII digits stands for; ``None`` where it is none, or longer than a key can be."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS else None
