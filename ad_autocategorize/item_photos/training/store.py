"""Embeddings that are kept from one training to the next, found by the digest of the photo's file.

There are two files, which are appended to: the vectors, and the digests in the same order. If a training is stopped, both are
sound as far as it got, and the next training goes on from there.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

DIGEST_BYTES = 16
VECTORS_NAME, DIGESTS_NAME, LOCK_NAME = "vectors.f16", "digests.bin", ".lock"
_COPIED = 4096


class EmbeddingStore:
    """The embeddings of one backbone, in a folder of its own. Several processes may add to it at the same time."""

    def __init__(self, folder: Path, width: int) -> None:
        self.folder, self.width = folder, width
        folder.mkdir(parents=True, exist_ok=True)
        self._places: dict[bytes, int] = {}
        self._seen: tuple[int, ...] | None = None
        with self._locked():
            pass

    def __contains__(self, digest: bytes) -> bool:
        return digest in self._places

    def __len__(self) -> int:
        return len(self._places)

    def add(self, digests: Sequence[bytes], vectors: NDArray[np.floating]) -> None:
        """Append embeddings, float[n, width]. Raises ``OSError``."""
        with self._locked():
            new = [row for row, digest in enumerate(digests) if digest not in self._places]
            with (self.folder / VECTORS_NAME).open("ab") as file:
                file.write(vectors[new].astype("<f2").tobytes())
            # After the vectors, so that a digest never stands for one that is not there.
            with (self.folder / DIGESTS_NAME).open("ab") as file:
                file.write(b"".join(digests[row] for row in new))
            for row in new:
                self._places[digests[row]] = len(self._places)

    def vectors(self, digests: Sequence[bytes]) -> NDArray[np.float16]:
        """Return the embeddings of photos, float16[n, width]. Raises ``KeyError`` for one that is not there."""
        with self._locked():
            rows = [self._places[digest] for digest in digests]
            return np.asarray(self._mapped()[rows], dtype=np.float16)

    def prune(self, used: Mapping[bytes, object] | set[bytes]) -> int:
        """Delete the embeddings of photos that are not in ``used``, since their ads are gone; return how many."""
        with self._locked():
            kept = [digest for digest in self._places if digest in used]
            dropped = len(self._places) - len(kept)
            if dropped:
                self._keep(kept)
            return dropped

    def _keep(self, kept: Sequence[bytes]) -> None:
        """Write both files anew with what is kept."""
        old = self._mapped()
        rows = [self._places[digest] for digest in kept]
        fresh = self.folder / f".{VECTORS_NAME}"
        with fresh.open("wb") as file:
            for start in range(0, len(rows), _COPIED):
                file.write(old[rows[start : start + _COPIED]].tobytes())
        # In between there are no digests: if the process is stopped here, embeddings are made again, and none is mixed up.
        (self.folder / DIGESTS_NAME).unlink(missing_ok=True)
        fresh.replace(self.folder / VECTORS_NAME)
        (self.folder / DIGESTS_NAME).write_bytes(b"".join(kept))
        self._places = {digest: row for row, digest in enumerate(kept)}

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other processes out; first read what they have written since the last time."""
        with (self.folder / LOCK_NAME).open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if self._seen is None or self._seen != self._signature():
                self._places = self._read()
            yield
            self._seen = self._signature()

    def _signature(self) -> tuple[int, ...]:
        """Return numbers that change whenever the file of digests does."""
        path = self.folder / DIGESTS_NAME
        if not path.exists():
            return ()
        found = path.stat()
        return found.st_ino, found.st_size, found.st_mtime_ns

    def _mapped(self) -> NDArray[np.float16]:
        path = self.folder / VECTORS_NAME
        if not self._places:
            return np.zeros((0, self.width), np.float16)
        return np.memmap(path, "<f2", "r", shape=(len(self._places), self.width))

    def _read(self) -> dict[bytes, int]:
        """Return the place of each digest. What a stopped process wrote only in part is cut off."""
        vectors, digests = self.folder / VECTORS_NAME, self.folder / DIGESTS_NAME
        size = 2 * self.width
        held = vectors.stat().st_size // size if vectors.exists() else 0
        listed = digests.stat().st_size // DIGEST_BYTES if digests.exists() else 0
        sound = min(held, listed)
        for path, length in ((vectors, sound * size), (digests, sound * DIGEST_BYTES)):
            if path.exists() and path.stat().st_size != length:
                os.truncate(path, length)
        content = digests.read_bytes() if sound else b""
        parts = [content[start : start + DIGEST_BYTES] for start in range(0, len(content), DIGEST_BYTES)]
        places = {digest: row for row, digest in enumerate(parts)}
        if len(places) == sound:
            return places
        # A digest is there twice, which this class never writes. Start over: all embeddings can be made again.
        for path in (vectors, digests):
            path.unlink(missing_ok=True)
        return {}
