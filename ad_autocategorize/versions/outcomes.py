"""What a model answered for each ad of its hold-out, beside its files: what it is compared by later.

Ads are named by numbers that tell neither a key nor a title. A file that is missing or damaged costs the comparison alone.
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
# Before the names of columns in the file.
COLUMN = "column."
# The columns of titles.
TRUTH, ANSWER = "truth", "answer"
# Bytes; what a site with ten million ads would have.
LARGEST = 512 * 1024 * 1024

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The answers of a model for the ads that its figures are of.

    Attributes
    ----------
    keys : uint64[n], the ads of the hold-out, none twice.
    columns : what there is for each, int64[n]: of titles where the ad was filed (``TRUTH``) and the answer (``ANSWER``), both
        keys of categories; of photos, by head, 1 for a right answer, 0 for a wrong one and -1 where the ad says nothing.
    learned : uint64[m], the ads that the model in service has learned from, and their contents, in order.
    values : what the model can answer: keys of categories, or a head and its value, as in "brand:Ford".
    """

    keys: Keys
    columns: Mapping[str, Integers]
    learned: Keys
    values: tuple[str, ...] = ()

    def save(self, directory: Path) -> None:
        """Write the file into a version's folder, which no record names yet. Raises ``OSError``."""
        tensors = {"keys": self.keys, "learned": self.learned, "values": pack_strings(list(self.values))}
        tensors |= {f"{COLUMN}{name}": column for name, column in self.columns.items()}
        save_tensors(tensors, directory / OUTCOMES_NAME)

    @classmethod
    def load(cls, directory: Path) -> Outcomes | None:
        """Read the file of a version's folder; ``None`` if there is none that can be read."""
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
    """Return where the ads that two hold-outs share stand in each."""
    _, one, other = np.intersect1d(first, second, return_indices=True)
    return one, other
