"""Title suggestions under load: ``python -m benchmarks.api_load``.

Serves the demo marketplace's settings with gunicorn and two workers, and calls two addresses by turns from a few
connections that stay open: the suggestion, and one that takes the same request through the same framework (parser,
validation, permissions, renderer) and returns a constant. What lies between the two is the plugin's own share.
Needs gunicorn, and a data folder with a trained model (``make demo`` makes one).
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

TITLES = [
    "vendo sofá de tres cuerpos",
    "bicicleta rodado 29",
    "iphone 12 128 gb libre",
    "mesa ratona de madera",
    "notebook lenovo i5 8gb",
    "zapatillas nike talle 42",
    "heladera con freezer",
    "auto ford ka 2012 nafta",
]
ADDRESSES = {"constant": "/constant/v1/title/", "suggestion": "/api/v1/suggestions/category/"}


def main() -> None:
    """Serve, warm up, measure in rounds, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each round")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--connections", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "benchmarks.api_load_settings", "OMP_NUM_THREADS": "1"}
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "django.core.wsgi:get_wsgi_application()",
        "--bind",
        f"127.0.0.1:{port}",
    ]
    command += [
        "--workers",
        str(options.workers),
        "--worker-class",
        "gthread",
        "--threads",
        "1",
        "--log-level",
        "error",
    ]
    with tempfile.TemporaryFile() as log, subprocess.Popen(command, env=environment, stderr=log) as server:
        try:
            _wait_for(port)
            measure(port, server.pid, options)
        finally:
            server.terminate()


def measure(port: int, server: int, options: argparse.Namespace) -> None:
    """Call both addresses by turns, so that a slower minute of the machine falls on both."""
    cpu: dict[str, float] = dict.fromkeys(ADDRESSES, 0.0)
    milliseconds: dict[str, list[float]] = {name: [] for name in ADDRESSES}
    rates: dict[str, list[float]] = {name: [] for name in ADDRESSES}
    for path in ADDRESSES.values():
        load(port, path, options.connections, 1.0)
    for _ in range(options.rounds):
        for name, path in ADDRESSES.items():
            before = cpu_seconds(server)
            took = load(port, path, options.connections, options.seconds)
            cpu[name] += cpu_seconds(server) - before
            milliseconds[name] += took
            rates[name].append(len(took) / options.seconds)
    print(
        f"{options.workers} workers, {options.connections} connections, {options.rounds} rounds of {options.seconds} s each"
    )
    print(f"{'':12}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'requests/s':>12}{'CPU ms':>9}")
    each = {name: 1000 * cpu[name] / len(took) for name, took in milliseconds.items()}
    for name, took in milliseconds.items():
        cuts = statistics.quantiles(took, n=100)
        rate = statistics.median(rates[name])
        print(f"{name:12}{cuts[49]:9.2f}{cuts[94]:9.2f}{cuts[98]:9.2f}{rate:12.0f}{each[name]:9.2f}")
    median = {name: statistics.median(took) for name, took in milliseconds.items()}
    by_time = 1 - median["constant"] / median["suggestion"]
    by_cpu = 1 - each["constant"] / each["suggestion"]
    print(f"share of the plugin: {by_time:.0%} of the p50, {by_cpu:.0%} of the workers' CPU time")


def cpu_seconds(server: int) -> float:
    """Return the CPU time of gunicorn and its workers: unlike the clock, it does not count other programs' turns."""
    children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
    ticks = 0
    for process in (str(server), *children):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def load(port: int, path: str, connections: int, seconds: float) -> list[float]:
    """Call an address from some connections for a while; return what each call took, in milliseconds."""
    took: list[float] = []
    threads = [
        threading.Thread(target=_call, args=(port, path, seconds, took, number)) for number in range(connections)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took


def _call(port: int, path: str, seconds: float, took: list[float], seed: int) -> None:
    rng = random.Random(seed)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    end = time.perf_counter() + seconds
    while (started := time.perf_counter()) < end:
        # A number of its own, so that no cache answers.
        body = json.dumps({"title": f"{rng.choice(TITLES)} {rng.randrange(100_000)}", "limit": 3})
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
        took.append((time.perf_counter() - started) * 1000)
        if answer.status != 200 or b'"suggestions":[{' not in content:
            raise SystemExit(f"{path} answered {answer.status}: {content[:300]!r}. Is a model trained? (make demo)")
    connection.close()


def _wait_for(port: int) -> None:
    for _ in range(150):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise SystemExit("gunicorn does not answer: pip install gunicorn")


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    main()
