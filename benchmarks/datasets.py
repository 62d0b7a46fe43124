"""Reading a CSV of titles (title, category_path with ' > ' between levels) and splitting it as the reference results do."""

from __future__ import annotations

import csv
import gzip
import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

LEAST_ADS = 3
TEST_SHARE = 0.33
SEED = 0


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

    data = path.read_bytes()
    text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8")
    rows = [(row["title"], row["category_path"]) for row in csv.DictReader(io.StringIO(text, newline=""))]
    counts = Counter(category for _, category in rows)
    rows = [(title, category) for title, category in rows if counts[category] >= LEAST_ADS]
    titles, categories = zip(*rows, strict=True)
    parts = train_test_split(titles, categories, test_size=TEST_SHARE, random_state=SEED, stratify=categories)
    name = path.name.split(".")[0]
    split = [tuple(category.split(" > ")) for category in parts[2]], [tuple(c.split(" > ")) for c in parts[3]]
    return TitleSet(name, name.rsplit("_", 1)[-1], list(parts[0]), split[0], list(parts[1]), split[1])
