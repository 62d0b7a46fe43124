"""What trees cost that are larger than any marketplace's: many categories, many children of one, many levels.

    python -m benchmarks.large_trees [--categories 200000] [--children 5000] [--ads 20000] [--postgresql]

Fills a throw-away marketplace with each of three trees in turn: one of so many categories in four levels, one of a node with
so many children, one of 30 levels. Each is imported, imported again, read into memory, trained on so many ads (of a few hundred
of its categories; four of every child) and suggested from; each in a process of its own, so that peak memory is its own.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import TYPE_CHECKING

from benchmarks.moderation_load import own_database

if TYPE_CHECKING:
    from taxonomy.tree import CategoryTree

Path = tuple[str, ...]
USED = 300
ADS_OF_CHILD = 4
LEVELS = 30
WORDS = 20_000
WORDS_OF_CATEGORY = 8
# Words that one seller alone uses are learned from by nobody: those of a category come from many.
SELLERS = 97
COLUMNS = ("import_s", "again_s", "load_s", "load_mb", "train_s", "first_ms", "next_ms", "peak_gb")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--categories", type=int, default=200_000)
    parser.add_argument("--children", type=int, default=5_000)
    parser.add_argument("--ads", type=int, default=20_000)
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--one", choices=TREES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        with tempfile.TemporaryDirectory() as folder, own_database() if options.postgresql else nullcontext():
            os.environ |= {"MARKETPLACE_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "benchmarks.moderation_settings"}
            print("RESULT " + json.dumps(measure(options.one, options)))
        return
    print(f"{'tree':8}{'categories':>12}" + "".join(f"{name.replace('_', ' '):>10}" for name in COLUMNS))
    for tree in TREES:
        command = [sys.executable, "-m", "benchmarks.large_trees", *sys.argv[1:], "--one", tree]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        line = next((line for line in run.stdout.splitlines() if line.startswith("RESULT ")), None)
        if line is None:
            sys.exit(f"{tree} failed:\n{run.stderr}")
        found = json.loads(line.removeprefix("RESULT "))
        print(f"{tree:8}{found['categories']:12,}" + "".join(f"{found[name]:10.2f}" for name in COLUMNS), flush=True)


def broad(options: argparse.Namespace) -> Iterator[Path]:
    """Four levels: 20 main categories of 20, of 20, of as many as there is room for."""
    leaves = max(1, (options.categories - 20 - 400 - 8_000) // 8_000)
    for top in range(20):
        for middle in range(20):
            for low in range(20):
                for leaf in range(leaves):
                    yield f"main {top}", f"part {middle}", f"kind {low}", f"leaf {leaf}"


def fan(options: argparse.Namespace) -> Iterator[Path]:
    """One node of very many children."""
    yield ("other",)
    for child in range(options.children):
        yield "parts", f"part {child}"


def deep(_options: argparse.Namespace) -> Iterator[Path]:
    """Ten trunks of as many levels, with two leaves each."""
    for trunk in range(10):
        stem = tuple(f"level {level} of {trunk}" for level in range(LEVELS - 1))
        yield (*stem, "left")
        yield (*stem, "right")


TREES = {"broad": broad, "fan": fan, "deep": deep}


def measure(tree: str, options: argparse.Namespace) -> dict[str, float]:
    """Return what the tree costs, in seconds, milliseconds and bytes."""
    import django

    django.setup()
    from django.core.management import call_command

    from taxonomy.bulk import CategoryRow, upsert_categories
    from taxonomy.tree import CategoryTree

    call_command("migrate", verbosity=0)
    paths = list(TREES[tree](options))
    found = {"import_s": timed(lambda: upsert_categories(CategoryRow(path) for path in paths))}
    found["again_s"] = timed(lambda: upsert_categories(CategoryRow(path) for path in paths))
    found["load_s"] = timed(CategoryTree.load)
    tracemalloc.start()
    held = CategoryTree.load()
    found |= {"load_mb": tracemalloc.get_traced_memory()[0] / 2**20, "categories": len(held)}
    tracemalloc.stop()
    used = paths if tree == "fan" else random.Random(0).sample(paths, min(USED, len(paths)))
    titles = file_ads(used, held, ADS_OF_CHILD * len(used) if tree == "fan" else options.ads)
    del held
    found["train_s"] = timed(lambda: call_command("retrain_classifiers", verbosity=0, stdout=io.StringIO()))
    return found | suggesting(titles)


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def file_ads(used: list[Path], tree: CategoryTree, count: int) -> list[str]:
    """Publish ads at the categories in turn, each with words of its category; return some titles."""
    from django.contrib.auth import get_user_model

    from marketplace.models import Ad

    rng = random.Random(1)
    words = {path: [f"w{rng.randrange(WORDS)}" for _ in range(WORDS_OF_CATEGORY)] for path in used}
    sellers = get_user_model().objects.bulk_create(get_user_model()(username=f"seller{n}") for n in range(SELLERS))
    made = []
    for number in range(count):
        path = used[number % len(used)]
        title = " ".join([*rng.sample(words[path], 3), f"w{rng.randrange(WORDS)}"])
        made.append(Ad(title=title, category_id=tree.find(path), seller=sellers[number % SELLERS], status="published"))
    Ad.objects.bulk_create(made, batch_size=2_000)
    return [ad.title for ad in made[:200]]


def suggesting(titles: list[str]) -> dict[str, float]:
    """Time the first suggestion of a process and the next ones."""
    from ad_autocategorize import registry
    from ad_autocategorize.categories.services import suggest_categories

    registry.forget()
    first = timed(lambda: suggest_categories(titles[0]))
    assert suggest_categories(titles[0]).suggestions, "nothing is suggested"
    following = sorted(timed(lambda title=title: suggest_categories(title)) for title in titles)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"first_ms": 1000 * first, "next_ms": 1000 * following[len(following) // 2], "peak_gb": peak}


if __name__ == "__main__":
    main()
