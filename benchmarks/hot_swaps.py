"""What new versions cost the requests that are served meanwhile: ``python -m benchmarks.hot_swaps``.

Fills a throw-away demo marketplace, trains two versions, and serves suggestions with two workers: gunicorn that loads the site
and the model before it forks, and uvicorn. From a few connections it asks for a while in calm, then while versions are swapped
(five times, then on to 20), and prints the times of each, and what the largest worker holds afterwards. Linux only; needs
gunicorn and uvicorn.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.api_load import _wait_for, load

ADDRESS = "/api/v1/suggestions/category/"
# A process looks for a new version every three seconds.
SWAP_SECONDS = 4.0
FEW, MANY = 5, 20
SERVERS = {
    "gunicorn": [
        "gunicorn",
        "benchmarks.hot_swaps:preloaded()",
        "--preload",
        "--workers",
        "2",
        "--threads",
        "2",
        "--bind",
    ],
    "uvicorn": ["uvicorn", "benchmarks.hot_swaps:asgi", "--factory", "--workers", "2", "--log-level", "error"],
}


def preloaded() -> Any:
    """Return the site as gunicorn loads it before it forks, with the model asked already."""
    from django.core.wsgi import get_wsgi_application

    application = get_wsgi_application()
    from ad_autocategorize.categories.services import suggest_categories

    suggest_categories("sofá")
    return application


def asgi() -> Any:
    """Return the site for uvicorn."""
    from django.core.asgi import get_asgi_application

    return get_asgi_application()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ads", type=int, default=6_000)
    parser.add_argument("--connections", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "MARKETPLACE_DATA_DIR": folder,
            "DJANGO_SETTINGS_MODULE": "benchmarks.api_load_settings",
            "OMP_NUM_THREADS": "1",
        }
        import django

        django.setup()
        names = fill(options.ads)
        print(f"{'':10}{'':16}{'p50 ms':>9}{'p99 ms':>9}{'slowest':>9}{'requests':>10}{'worker MB':>11}")
        for server in SERVERS:
            with serving(server) as (port, process):
                measure(server, port, process, names, options.connections)


def fill(ads: int) -> list[str]:
    """Fill the marketplace, and return the names of two versions, of which the first serves."""
    from django.core.management import call_command

    from ad_autocategorize.models import ModelVersion

    call_command("migrate", verbosity=0)
    call_command("create_demo", ads=ads, cars=0, verbosity=0)
    for seed in (0, 1):
        call_command("retrain_classifiers", force=True, seed=seed, verbosity=0)
    return list(ModelVersion.objects.values_list("name", flat=True))


@contextmanager
def serving(server: str) -> Iterator[tuple[int, int]]:
    """Serve the site; give the port and the server's process."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = [f"127.0.0.1:{port}"] if server == "gunicorn" else ["--port", str(port)]
    command = [sys.executable, "-m", *SERVERS[server], *address]
    with tempfile.TemporaryFile() as log, subprocess.Popen(command, stderr=log) as process:
        try:
            _wait_for(port)
            yield port, process.pid
        finally:
            process.terminate()


def measure(server: str, port: int, process: int, names: list[str], connections: int) -> None:
    """Ask in calm, during a few swaps, and during many; print a line for each."""

    def asking(swaps: int) -> Callable[[], list[float]]:
        return lambda: load(port, ADDRESS, connections, max(swaps, FEW) * SWAP_SECONDS)

    load(port, ADDRESS, connections, 2.0)
    for what, swaps in (("calm", 0), (f"{FEW} swaps", FEW), (f"{MANY} swaps", MANY - FEW)):
        took = while_swapping(asking(swaps), names, swaps)
        cuts = statistics.quantiles(took, n=100)
        print(
            f"{server:10}{what:16}{cuts[49]:9.1f}{cuts[98]:9.1f}{max(took):9.0f}{len(took):10}{memory(process):11.0f}",
            flush=True,
        )


def while_swapping(ask: Callable[[], list[float]], names: list[str], swaps: int) -> list[float]:
    """Swap the versions so many times while requests are sent, and return how long these took in milliseconds."""
    swapper = threading.Thread(target=_swap, args=(names, swaps))
    swapper.start()
    took = ask()
    swapper.join()
    return took


def _swap(names: list[str], swaps: int) -> None:
    from django.db import connection

    from ad_autocategorize.models import ModelVersion
    from ad_autocategorize.versions.history import put_into_service

    for _ in range(swaps):
        put_into_service(ModelVersion.objects.get(name__in=names, is_active=False))
        time.sleep(SWAP_SECONDS)
    connection.close()


def memory(server: int) -> float:
    """Return what the largest worker holds of its own and its share of what is mapped by several, in megabytes."""
    children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
    held = []
    for child in children:
        lines = Path(f"/proc/{child}/smaps_rollup").read_text().splitlines()
        held.append(next(int(line.split()[1]) for line in lines if line.startswith("Pss:")))
    return max(held) * 1024 / 1e6


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    main()
