"""How long a search for mislabelled ads takes, and how much memory, when the site is large.

    python -m benchmarks.mislabel_search [--ads 100000] [--categories 300] [--wrong 5] [--jobs 1] [--limit N]

Fills a throw-away SQLite marketplace with titles as ``benchmarks.scale`` makes them, files some percent of them elsewhere, runs
``find_mislabels`` in a process of its own and prints its time and peak memory (with more than one job the children's too, as if
all peaked at once).
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter

from benchmarks.scale import Marketplace

BATCH = 2000


def fill(ads: int, categories: int, wrong: float) -> None:
    """Create the categories with most ads, and their ads, of which some are filed elsewhere."""
    from django.contrib.auth import get_user_model
    from django.core.management import call_command

    from marketplace.models import Ad
    from marketplace.search import fold
    from taxonomy.bulk import CategoryRow, upsert_categories
    from taxonomy.tree import CategoryTree

    call_command("migrate", verbosity=0)
    # Some lie in categories that are not kept; what is made first is made in random order.
    titles, paths = Marketplace.build().draw(min(2 * ads + 10_000, 469_000), seed=0)
    kept = [path for path, _ in Counter(paths).most_common(categories)]
    upsert_categories(CategoryRow(path) for path in kept)
    tree, rng = CategoryTree.load(), random.Random(0)
    keys = {path: tree.find(path) for path in kept}
    sellers = [get_user_model().objects.create(username=f"seller{number}") for number in range(200)]
    chosen = [(title, keys[path]) for title, path in zip(titles, paths, strict=True) if path in keys][:ads]
    rows = (
        Ad(
            title=title[:120],
            folded_title=fold(title[:120]),
            category_id=rng.choice(list(keys.values())) if rng.random() < wrong else category,
            seller=rng.choice(sellers),
            status=Ad.Status.PUBLISHED,
        )
        for title, category in chosen
    )
    Ad.objects.bulk_create(rows, batch_size=BATCH)
    print(f"{Ad.objects.count():,} ads in {len(keys)} categories, {wrong:.0%} of them filed elsewhere.", flush=True)


def search(options: argparse.Namespace) -> None:
    """Run the command and print what it took."""
    command = [sys.executable, "-m", "django", "find_mislabels", "--jobs", str(options.jobs)]
    if options.limit:
        command += ["--limit", str(options.limit)]
    start = time.perf_counter()
    subprocess.run(command, check=True)
    minutes = (time.perf_counter() - start) / 60
    # Of the largest process below this one: the search itself, or one of its jobs.
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    at_most = f", with its jobs {peak * (1 + options.jobs):.2f} GB at most" if options.jobs > 1 else ""
    print(f"find_mislabels: {minutes:.1f} minutes, peak memory {peak:.2f} GB{at_most}.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ads", type=int, default=100_000)
    parser.add_argument("--categories", type=int, default=300)
    parser.add_argument("--wrong", type=float, default=5, help="Percent of the ads filed elsewhere.")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--limit", type=int, help="Longest queue.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"MARKETPLACE_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "marketplace.settings"}
        import django

        django.setup()
        fill(options.ads, options.categories, options.wrong / 100)
        search(options)


if __name__ == "__main__":
    main()
