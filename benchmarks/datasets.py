"""Reading a CSV of titles (title, category_path with ' > ' between levels) and splitting it as the reference results do."""

from __future__ import annotations

import csv
import gzip
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

LEAST_ADS = 3
TEST_SHARE = 0.33
SEED = 0

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class TitleSet:
    """Titles and category paths, split into training and test part."""

    name: str
    language: str
    train_titles: list[str]
    train_paths: list[tuple[str, ...]]
    test_titles: list[str]
    test_paths: list[tuple[str, ...]]


def read_title_set(path: Path) -> TitleSet:
    """Read one set; the language is the last part of the file's name ("..._es.csv.gz")."""
    from sklearn.model_selection import train_test_split

    titles, categories = _read(path)
    rows = np.arange(len(titles))
    rest, tested = train_test_split(rows, test_size=TEST_SHARE, random_state=SEED, stratify=categories)
    return _split(path, titles, categories, rest, tested)


def deal_title_set(path: Path, parts: int) -> Iterator[TitleSet]:
    """Deal the whole set out to so many parts, and set each of them aside in turn to test on; needs two parts or more."""
    from sklearn.model_selection import StratifiedKFold

    titles, categories = _read(path)
    for rest, tested in StratifiedKFold(parts, shuffle=True, random_state=SEED).split(titles, categories):
        yield _split(path, titles, categories, rest, tested)


def _read(path: Path) -> tuple[list[str], list[str]]:
    """Return titles and categories, those with hardly an ad left out."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8")
    rows = [(row["title"], row["category_path"]) for row in csv.DictReader(io.StringIO(text, newline=""))]
    counts = Counter(category for _, category in rows)
    kept = [(title, category) for title, category in rows if counts[category] >= LEAST_ADS]
    return [title for title, _ in kept], [category for _, category in kept]


def _split(path: Path, titles: list[str], categories: list[str], rest: Rows, tested: Rows) -> TitleSet:
    name = path.name.split(".")[0]
    paths = [tuple(category.split(" > ")) for category in categories]
    train, test = rest.tolist(), tested.tolist()
    return TitleSet(
        name,
        name.rsplit("_", 1)[-1],
        [titles[row] for row in train],
        [paths[row] for row in train],
        [titles[row] for row in test],
        [paths[row] for row in test],
    )
