"""How long it takes to delete old events where there are very many.

    python -m benchmarks.purging [--events 1000000] [--postgresql]

Fills the table of a throw-away marketplace, on SQLite or on the PostgreSQL server of the PG* variables: nine events of ten are
older than ``EVENT_RETENTION_DAYS``. Prints how long ``purge_suggestion_events`` takes, how long another writer waits meanwhile at
most, and the memory of the process.
"""

from __future__ import annotations

import argparse
import io
import os
import resource
import tempfile
import threading
import time
from contextlib import nullcontext

from benchmarks.moderation_load import own_database

FILL = """
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count})
INSERT INTO ad_autocategorize_suggestionevent
    (model_version, ad_id, source, from_form, created_at, shown, rank, outcome, handling)
SELECT
    'titles-x', CAST(n AS VARCHAR(100)), '', {true},
    CASE WHEN n % 10 = 0 THEN {cast}'{now}' ELSE {cast}'{old}' END, 3, 1, 'accepted', 'taken'
FROM numbers
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--postgresql", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, own_database() if options.postgresql else nullcontext():
        os.environ |= {"MARKETPLACE_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "benchmarks.moderation_settings"}
        import django

        django.setup()
        fill(options.events)
        measure()


def fill(count: int) -> None:
    """Write the events, most of them older than are kept."""
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    is_sqlite = connection.vendor == "sqlite"
    values = {"now": time.strftime("%Y-%m-%d %H:%M:%S"), "old": "2020-01-01 00:00:00", "count": count}
    values |= {"true": "1", "cast": ""} if is_sqlite else {"true": "true", "cast": "TIMESTAMP WITH TIME ZONE "}
    with connection.cursor() as cursor:
        cursor.execute(FILL.format(**values))


def measure() -> None:
    """Purge, while another process writes an event ten times a second."""
    from django.core.management import call_command
    from django.db import connection

    from ad_autocategorize.models import SuggestionEvent

    connection.close()
    waits: list[float] = []
    done = threading.Event()
    writer = threading.Thread(target=_write, args=(done, waits))
    writer.start()
    out = io.StringIO()
    start = time.perf_counter()
    call_command("purge_suggestion_events", stdout=out)
    seconds = time.perf_counter() - start
    done.set()
    writer.join()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    left = SuggestionEvent.objects.count()
    print(f"{connection.vendor}: {seconds:.1f} s, {left} left; others waited {max(waits):.1f} s at most; {peak:.0f} MB")
    print(out.getvalue().strip())
    connection.close()


def _write(done: threading.Event, waits: list[float]) -> None:
    from django.db import connection

    from ad_autocategorize.models import SuggestionEvent

    while not done.wait(0.1):
        start = time.perf_counter()
        SuggestionEvent.objects.create(model_version="titles-x", ad_id="1", outcome="accepted")
        waits.append(time.perf_counter() - start)
    connection.close()


if __name__ == "__main__":
    main()
