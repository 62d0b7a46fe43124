"""What a model answered for each ad of its hold-out, kept in its folder so that later versions can be compared with it.

Ads are identified by digests, from which neither key nor title can be read. If the file is missing or damaged, only the
comparison is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from ad_autocategorize.artifacts import pack_strings, save_tensors, unpack_strings
from ad_autocategorize.versions.provenance import Keys

OUTCOMES_NAME = "outcomes.safetensors"
# Prefixes the names of columns in the file.
COLUMN = "column."
# The columns of titles.
TRUTH, ANSWER = "truth", "answer"
# Larger files are not read. In bytes; about what a site with ten million ads would have.
LARGEST = 512 * 1024 * 1024

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The answers of a model for the ads of its hold-out.

    Attributes
    ----------
    keys : uint64[n], digests of the ads, all different.
    columns : int64[n] each. Of a title model: the keys of the category at which each ad is filed (``TRUTH``) and of the answer
        (``ANSWER``). Of a photo model, by head: 1 for a right answer, 0 for a wrong one, -1 if the ad has no label.
    learned : uint64[m], digests of the ads that the model in service has learned from, and of their contents, ascending.
    values : all values that the model can answer: keys of categories, or heads with their values, as in "brand:Ford".
    """

    keys: Keys
    columns: Mapping[str, Integers]
    learned: Keys
    values: tuple[str, ...] = ()

    def save(self, directory: Path) -> None:
        """Write the file into a version's folder, before the version is recorded. Raises ``OSError``."""
        tensors = {"keys": self.keys, "learned": self.learned, "values": pack_strings(list(self.values))}
        tensors |= {f"{COLUMN}{name}": column for name, column in self.columns.items()}
        save_tensors(tensors, directory / OUTCOMES_NAME)

    @classmethod
    def load(cls, directory: Path) -> Outcomes | None:
        """Read the file of a version's folder; ``None`` if there is none, or it cannot be read."""
        path = directory / OUTCOMES_NAME
        try:
            if not path.is_file() or path.stat().st_size > LARGEST:
                return None
            tensors = load_file(path)
            columns = {name.removeprefix(COLUMN): array for name, array in tensors.items() if name.startswith(COLUMN)}
            outcomes = cls(tensors["keys"], columns, tensors["learned"], tuple(unpack_strings(tensors["values"])))
        except Exception:  # A damaged file may raise anything.
            return None
        return outcomes if outcomes._is_sound() else None

    def _is_sound(self) -> bool:
        length = self.keys.shape
        kinds = [self.keys.dtype == np.uint64, self.learned.dtype == np.uint64, len(length) == 1]
        return all(kinds) and all(c.shape == length and c.dtype == np.int64 for c in self.columns.values())


def shared(first: Keys, second: Keys) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the positions, in each of two hold-outs, of the ads that are in both."""
    _, one, other = np.intersect1d(first, second, return_indices=True)
    return one, other
