"""Near-identical ads as witnesses: however many copies an account files in a category, it is one witness for it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ad_autocategorize.titles.label_errors.near_identical import Neighbors


def one_witness_each(
    neighbors: Sequence[Neighbors], sellers: Sequence[str], categories: Sequence[Hashable]
) -> list[Neighbors]:
    """Return the neighbours of each ad, of which each seller and category counts once among the others' (``Neighbors.others``).

    A seller's further copies in a category are moved behind those that count, to the ad's own seller's.

    Parameters
    ----------
    sellers, categories : of all ads, in their order; "" for an unknown seller, each of whom counts as another one.
    """
    return [_parted(near, sellers, categories) for near in neighbors]


def _parted(near: Neighbors, sellers: Sequence[str], categories: Sequence[Hashable]) -> Neighbors:
    heard: set[tuple[str, Hashable]] = set()
    first: list[int] = []
    again: list[int] = []
    for place, row in enumerate(near.rows[: near.others].tolist()):
        witness = sellers[row], categories[row]
        (again if sellers[row] and witness in heard else first).append(place)
        heard.add(witness)
    if not again:
        return near
    order = np.array([*first, *again, *range(near.others, len(near.rows))], dtype=np.intp)
    return replace(near, rows=near.rows[order], similarities=near.similarities[order], others=len(first))
