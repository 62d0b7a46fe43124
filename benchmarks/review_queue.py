"""How fast the review queue answers when it is long.

    python -m benchmarks.review_queue [--issues 50000]

Fills a throw-away SQLite marketplace with made-up ads and open issues, then times pages through Django's test client (the whole
request but the network) and counts their queries.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import tempfile
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.test import Client

REPEATS = 15
HEADER = "| page | median ms | slowest ms | queries |\n|---|---|---|---|"
PAGES = (
    ("list", "/admin/ad_autocategorize/labelissue/"),
    ("list, wrong main category", "/admin/ad_autocategorize/labelissue/?level=1"),
    ("list, one branch", "/admin/ad_autocategorize/labelissue/?branch={branch}"),
    ("list, one seller", "/admin/ad_autocategorize/labelissue/?q=vendedora"),
    ("list, last page", "/admin/ad_autocategorize/labelissue/?p={last}"),
    ("review page", "/admin/ad_autocategorize/labelissue/review/"),
    ("review page, one branch", "/admin/ad_autocategorize/labelissue/review/?branch={branch}"),
)


def fill(count: int) -> int:
    """Create the ads and their issues; return a main category."""
    from django.core.management import call_command
    from django.utils import timezone

    from ad_autocategorize.models import LabelIssue
    from ad_autocategorize.moderation.labels.fingerprints import fingerprint
    from marketplace.models import Ad
    from taxonomy.tree import CategoryTree

    call_command("migrate", verbosity=0)
    call_command("create_demo", ads=count, verbosity=0)
    tree, rng, now = CategoryTree.load(), random.Random(0), timezone.now()
    leaves = list(tree)
    issues = []
    for pk, title, category in Ad.objects.values_list("pk", "title", "category_id"):
        suggested = rng.choice(leaves)
        issues.append(
            LabelIssue(
                ad_id=str(pk),
                given_id=category,
                suggested_id=suggested,
                branch_id=tree.path_ids(category)[0],
                level=rng.randrange(1, 4),
                priority=rng.uniform(0, 10),
                given_probability=0.1,
                suggested_probability=0.8,
                alternatives=[[leaf, 0.2] for leaf in rng.sample(leaves, 5)],
                words=[["palabra", 3.2]],
                neighbors=[str(max(pk - 1, 1))],
                seller=rng.choice(["vendedora", "vendedor2", "vendedor3"]),
                ad_date=now,
                fingerprint=fingerprint(title, [category], tree),
                model="out-of-fold",
                found_at=now,
            )
        )
    LabelIssue.objects.bulk_create(issues, batch_size=2000)
    return issues[0].branch_id


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--issues", type=int, default=50_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"MARKETPLACE_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "marketplace.settings"}
        import django

        django.setup()
        branch = fill(options.issues)
        measure({"branch": branch, "last": max(options.issues // 50, 1)})


def measure(values: dict[str, int]) -> None:
    """Time every page."""
    from django.contrib.auth import get_user_model
    from django.test import Client

    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(get_user_model().objects.get(username="moderador"))
    print(HEADER)
    for name, address in PAGES:
        time_page(client, name, address.format(**values))


def time_page(client: Client, name: str, url: str) -> None:
    """Print a page's median and slowest time, and how many queries it takes."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    assert client.get(url).status_code == 200
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        client.get(url)
        times.append((time.perf_counter() - start) * 1000)
    with CaptureQueriesContext(connection) as queries:
        client.get(url)
    print(f"| {name} | {statistics.median(times):.0f} | {max(times):.0f} | {len(queries)} |", flush=True)


if __name__ == "__main__":
    main()
