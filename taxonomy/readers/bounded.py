"""Reading files of others safely: up to a limit, only plain files, and without characters that control a terminal."""

from __future__ import annotations

import gzip
import io
import sys
import unicodedata
import zlib
from pathlib import Path

# Bytes, unpacked: a million ads, or the largest tree there is many times over.
LARGEST_FILE = 512 * 1024 * 1024
_GZIP = b"\x1f\x8b"
# Control signs, among them the escape that begins a terminal's commands, and signs that turn the direction of what follows.
_STEERING = ("Cc", "Cf", "Cs")


class FileRefused(ValueError):
    """A file that cannot be read; the message says why, for a person."""


def read_bounded(name: str, most: int = LARGEST_FILE) -> bytes:
    """Return a file's content, unpacked where it is gzipped, or that of standard input for ``-``.

    Raises ``FileRefused`` for what is no plain file, cannot be read, or holds more than ``most`` bytes, packed or not.
    """
    try:
        data = _read(name, most)
        if data.startswith(_GZIP):
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
                data = packed.read(most + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise FileRefused(f"{printable(name)} cannot be read: {printable(str(error))}") from error
    if len(data) > most:
        raise FileRefused(f"{printable(name)} holds more than {most // 2**20} MB. Import it in parts.")
    return data


def _read(name: str, most: int) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read(most + 1)
    path = Path(name)
    if path.exists() and not path.is_file():
        # A pipe would be waited for without end, and a device never ends.
        raise FileRefused(f"{printable(name)} is not a file.")
    with path.open("rb") as file:
        return file.read(most + 1)


def printable(text: str) -> str:
    """Return a text as it can safely be shown on a terminal: control characters are replaced."""
    return "".join("\N{REPLACEMENT CHARACTER}" if _steers(sign) else sign for sign in text)


def _steers(sign: str) -> bool:
    return sign != "\n" and unicodedata.category(sign) in _STEERING
