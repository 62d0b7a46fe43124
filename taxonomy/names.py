"""Names of categories and paths of names: how they are written, read, and told apart."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

SEPARATOR = ">"

_BETWEEN_STEPS = re.compile(r"(?<!\\)>")
# Signs that nobody sees: zero-width spaces, byte order marks, soft hyphens, marks of direction.
_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
# Between letters these two decide how scripts such as Persian and Hindi are drawn: kept in names, not told apart.
_JOINERS = re.compile("[\u200c\u200d]")
_CONTROL = re.compile("[\x01-\x08\x0e-\x1b\x7f]")


def clean_name(text: str) -> str:
    """Return a name as it is stored: composed (NFC), without invisible signs, one space for any white space."""
    return " ".join(_CONTROL.sub("", _INVISIBLE.sub("", unicodedata.normalize("NFC", text))).split())


# The names of a large tree: an import asks for each of them once for every category below.
@lru_cache(maxsize=100_000)
def fold_name(text: str) -> str:
    """Return what names that look alike have in common, whatever their case, spaces and composition of accents."""
    composed = unicodedata.normalize("NFKC", _JOINERS.sub("", clean_name(text)))
    return " ".join(unicodedata.normalize("NFKC", composed.casefold()).split())


def fold_path(names: Sequence[str]) -> tuple[str, ...]:
    """Return the folded names of a path."""
    return tuple(fold_name(name) for name in names)


def split_path(text: str) -> tuple[str, ...]:
    r"""Return the names of "A > B > C"; a name that holds the sign is written "Screens \> 40 inches"."""
    return tuple(clean_name(step.replace(f"\\{SEPARATOR}", SEPARATOR)) for step in _BETWEEN_STEPS.split(text))


def join_path(names: Sequence[str]) -> str:
    """Return the text that ``split_path`` reads as these names."""
    return f" {SEPARATOR} ".join(name.replace(SEPARATOR, f"\\{SEPARATOR}") for name in names)
