"""Near-identical titles ("twins"), and groups of them for splits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from ad_autocategorize.titles.settings import TitleSettings
from ad_autocategorize.titles.training.near_identity import compare_wordings

# Twins do not depend on the settings that are evaluated.
_PLAIN = TitleSettings()


@dataclass(frozen=True, slots=True)
class Twins:
    """Near-identical titles among n ads (see ``near_identity``).

    Attributes
    ----------
    wording : shape (n,): number of the title's wording; titles of the same words share it.
    near : CSR of zeros and ones, shape (wordings, wordings), symmetric, ones on the diagonal: which wordings are near-identical.
    groups : shape (n,): the number of each ad's group; ads that a chain of twins links are in one group.
    """

    wording: NDArray[np.intp]
    near: sparse.csr_array
    groups: NDArray[np.intp]

    @property
    def counts(self) -> NDArray[np.float64]:
        """For each ad, how many other ads have a title like its own."""
        ads = np.bincount(self.wording, minlength=self.near.shape[0])
        return np.asarray((self.near @ ads)[self.wording] - 1, dtype=np.float64)


def find_twins(titles: Sequence[str]) -> Twins:
    """Find the near-identical titles."""
    wordings = compare_wordings(titles, _PLAIN)
    near = wordings.near
    near.data[:] = 1.0
    groups = connected_components(near, directed=False)[1].astype(np.intp)
    return Twins(wordings.of_title, near, groups[wordings.of_title])
