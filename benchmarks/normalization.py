"""Which steps of normalisation pay, on the training part of a real set alone.

    python -m benchmarks.normalization FILE.csv.gz [FILE ...]

The training part of ``datasets`` is split again; what is held out of ``benchmarks.titles`` is never looked at.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from ad_autocategorize.titles.evaluation import hold_out
from ad_autocategorize.titles.settings import TitleSettings
from benchmarks.datasets import read_title_set

VARIANTS: dict[str, dict[str, Any]] = {
    "default": {},
    "numbers to words": {"numbers_to_words": True},
    "stop words removed": {"remove_stopwords": True},
    "both (the published method's)": {"numbers_to_words": True, "remove_stopwords": True},
    "accents kept": {"strip_accents": False},
    "case kept": {"lowercase": False},
    "split on white space only": {"strip_punctuation": False},
}


def main() -> None:
    for file in sys.argv[1:]:
        data = read_title_set(Path(file))
        keys: dict[tuple[str, ...], int] = {}
        paths = [
            tuple(keys.setdefault(path[:depth], len(keys)) for depth in range(1, len(path) + 1))
            for path in data.train_paths
        ]
        print(f"\n{data.name}\n| normalisation | path | top 3 | ECE |\n|---|---|---|---|")
        for name, changes in VARIANTS.items():
            settings = TitleSettings(language=data.language, **changes)
            result = hold_out(data.train_titles, paths, settings, seed=1, jobs=os.cpu_count() or 1).evaluation
            figures = result.path_accuracy, result.top3_accuracy, result.expected_calibration_error
            print(f"| {name} | " + " | ".join(f"{figure:.4f}" for figure in figures) + " |", flush=True)


if __name__ == "__main__":
    main()
