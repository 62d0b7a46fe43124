"""Opening what the command line names."""

from __future__ import annotations

import codecs

from taxonomy.readers.bounded import FileRefused, read_bounded
from taxonomy.rows import ImportRefused


def read_text(name: str) -> str:
    """Return the text of a file, gzipped or not, or of standard input for ``-``: UTF-8, or UTF-16 that says so.

    Raises ``ImportRefused`` where it cannot be read or is in another encoding.
    """
    try:
        data = read_bounded(name)
    except FileRefused as error:
        raise ImportRefused(str(error)) from error
    try:
        utf_16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        text = data.decode("utf-16" if utf_16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ImportRefused(f"{name} is not UTF-8: see line {line}. Save it as UTF-8 and try again.") from error
    if "\x00" in text:
        raise ImportRefused(f"{name} is not a text file.")
    return text
