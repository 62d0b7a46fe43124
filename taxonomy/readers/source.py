"""Opening what the command line names."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

from taxonomy.bulk import ImportRefused


def read_text(name: str) -> str:
    """Return the UTF-8 text of a file, gzipped or not, or of standard input for ``-``.

    Raises ``ImportRefused`` where it cannot be read or is not UTF-8.
    """
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
    except (OSError, EOFError) as error:
        raise ImportRefused(f"{name} cannot be read: {error}") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ImportRefused(f"{name} is not UTF-8: see line {line}. Save it as UTF-8 and try again.") from error
    if "\x00" in text:
        raise ImportRefused(f"{name} is not a text file.")
    return text
