"""The whole list of hostile requests against a live server: ``python -m benchmarks.hostile``. Linux only.

Makes a demo site of its own in a temporary folder, serves it with gunicorn (one worker), and sends each request alone. Prints for
each the status, the seconds it took, and of the worker and its decoding process the CPU seconds and the peak memory while it
was answered. Exits with 1 where a request cost more than 3 CPU seconds or 300 MB beyond what the processes held before, or was
not answered with a 4xx; a first, honest photo is sent as a yardstick.
"""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import requests
from PIL import Image

MOST_SECONDS, MOST_MEGABYTES = 3.0, 300.0
SERVER = "benchmarks.hostile_settings"
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Attack:
    """A request, made when it is sent, and the answers that it may have."""

    name: str
    send: Callable[[Site], requests.Response]
    statuses: range | tuple[int, ...] = range(400, 500)


@dataclass(frozen=True)
class Site:
    """A server, and the process of its one worker."""

    address: str
    worker: int

    def post(self, path: str, **options: object) -> requests.Response:
        return requests.post(self.address + path, timeout=120, **options)  # type: ignore[arg-type]

    def photos(self, *files: bytes) -> requests.Response:
        sent = [("photos", (f"{number}.jpg", data)) for number, data in enumerate(files)]
        return self.post("/api/v1/suggestions/car/", files=sent)

    def processes(self) -> list[int]:
        """The worker and the processes that it has started."""
        listed = Path(f"/proc/{self.worker}/task/{self.worker}/children").read_text().split()
        return [self.worker, *map(int, listed)]


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, rows: bytes) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    packed = zlib.compress(rows, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def many_scans(*, hidden: bool) -> bytes:
    data = encoded(Image.new("RGB", (4000, 4000)), "JPEG", progressive=True)
    first, last = data.index(b"\xff\xda"), data.rindex(b"\xff\xda")
    scans = data[:-2] + data[last:-2] * 5000 + b"\xff\xd9"
    return scans[:first] + b"\xff\x01\xff\xff" + scans[first:] if hidden else scans


def progressive_frame(side: int) -> bytes:
    data = encoded(Image.new("L", (16, 16)), "JPEG", progressive=True)
    at = data.index(b"\xff\xc2")
    frame = data[: at + 5] + struct.pack(">HH", side, side) + data[at + 9 :]
    return frame[: frame.index(b"\xff\xda") + 12] + b"\x00\xff\xd9"


def large_webp() -> bytes:
    body = bytes(4) + (16_382).to_bytes(3, "little") + (1_525).to_bytes(3, "little")
    return (
        b"RIFF" + struct.pack("<I", 38) + b"WEBPVP8X" + struct.pack("<I", 10) + body + b"VP8L\x08\0\0\0\x2f" + bytes(7)
    )


def exif_bomb() -> bytes:
    tags = b"".join(struct.pack("<HHII", tag + 1, 7, 60_000, 0) for tag in range(5000))
    block = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 5000) + tags
    data = encoded(Image.new("RGB", (64, 48)), "JPEG")
    segment = b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block
    return data[:2] + segment * 16 + data[2:]


def noisy_png() -> bytes:
    return encoded(Image.effect_noise((4990, 4990), 90), "PNG", compress_level=1)


def attacks() -> Iterator[Attack]:
    hidden = many_scans(hidden=True)
    yield Attack("six JPEGs with hidden scans", lambda site: site.photos(*[hidden] * 6))
    yield Attack("a JPEG of 5000 scans", lambda site: site.photos(many_scans(hidden=False)))
    yield Attack("one progressive scan, 110 MP", lambda site: site.photos(progressive_frame(10_480)))
    yield Attack("a WebP of 25 MP in 46 bytes", lambda site: site.photos(large_webp()))
    yield Attack("a PNG of 1 x 25,000,000", lambda site: site.photos(png(1, 25_000_000, bytes(2) * 25_000_000)))
    yield Attack("a PNG of 30,000 x 30,000", lambda site: site.photos(png(30_000, 30_000, bytes(30_001) * 3000)))
    yield Attack("20 MB of FF", lambda site: site.photos(b"\xff\xd8\xff" + b"\xff" * (20 * 2**20 - 3)))
    yield Attack("five million comments", lambda site: site.photos(b"\xff\xd8" + b"\xff\xfe\0\2" * 5_000_000))
    yield Attack("EXIF that claims gigabytes", lambda site: site.photos(exif_bomb()))
    # The largest pictures that are taken: an answer, within the same bounds.
    largest = noisy_png()
    yield Attack(
        "six PNGs of the largest size", lambda site: site.photos(*[largest[: 20 * 2**20]] * 6), (200, 400, 413)
    )
    batch = b'{"titles": [' + b"[],".join([b""] * 640_000) + b"[]]}"
    json_type = {"Content-Type": "application/json"}
    batch_url, title_url = "/api/v1/suggestions/category/batch/", "/api/v1/suggestions/category/"
    yield Attack("a batch of 640,000 lists", lambda site: site.post(batch_url, data=batch, headers=json_type))
    yield Attack("JSON nested deeply", lambda site: site.post(title_url, data=b"[" * 2_000_000, headers=json_type))
    yield Attack("a body of 3 MB", lambda site: site.post(title_url, data=b" " * 3_000_000, headers=json_type))
    yield Attack("a length that is none", lambda site: raw(site, b"Content-Length: abc"))
    yield Attack("a body of a terabyte, announced", lambda site: raw(site, b"Content-Length: 1000000000000"))
    yield Attack(
        "a password", lambda site: site.post(title_url, json={"title": ["x"]}, auth=("admin", "guess")), range(400, 500)
    )
    yield Attack(
        "an event of somebody's ad",
        lambda site: site.post("/api/v1/suggestions/events/", json={"model_version": "x", "rank": 1, "ad_id": "1"}),
    )
    yield Attack("a rate evaded by addresses", evade)


def evade(site: Site) -> requests.Response:
    """Ask with an invented address each time, until the rate is noticed or 200 have gone through."""
    answer = site.post("/api/v1/suggestions/category/", json={"title": "sofa"})
    for number in range(200):
        if answer.status_code == 429:
            break
        headers = {"X-Forwarded-For": f"10.9.{number // 200}.{number % 200}"}
        answer = site.post("/api/v1/suggestions/category/", json={"title": "sofa"}, headers=headers)
    return answer


def raw(site: Site, header: bytes) -> requests.Response:
    host, _, port = site.address.removeprefix("http://").partition(":")
    response = requests.Response()
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        path = b"/api/v1/suggestions/category/"
        connection.sendall(
            b"POST " + path + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" + header + b"\r\n\r\n"
        )
        response.status_code = int(connection.recv(4096).split()[1])
    return response


@contextmanager
def live_site(folder: Path) -> Iterator[Site]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    env = {**os.environ, "MARKETPLACE_DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": SERVER}
    for command in (["migrate", "--verbosity", "0"], ["create_demo", "--ads", "300", "--cars", "0"]):
        subprocess.run([sys.executable, "manage.py", *command], env=env, check=True, stdout=subprocess.DEVNULL)
    subprocess.run([sys.executable, "manage.py", "retrain_classifiers"], env=env, check=True, stdout=subprocess.DEVNULL)
    command = [sys.executable, "-m", "gunicorn", "--workers", "1", "--timeout", "180", "--bind", f"127.0.0.1:{port}"]
    server = subprocess.Popen([*command, "marketplace.wsgi"], env=env, stderr=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(300):
            try:
                requests.get(f"{address}/api/v1/categories/main/", timeout=30)
                break
            except requests.ConnectionError:
                time.sleep(0.2)
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
        yield Site(address, int(children[0]))
    finally:
        server.terminate()
        server.wait()


class Meter:
    """CPU time and memory of a site's processes from now on, those that end meanwhile included."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._before = self._cpu()
        self._held = self._memory()
        self.peak = self._held
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def stop(self) -> tuple[float, float]:
        self._done.set()
        self._thread.join()
        return self._cpu() - self._before, self.peak - self._held

    def _watch(self) -> None:
        while not self._done.wait(0.01):
            self.peak = max(self.peak, self._memory())

    def _cpu(self) -> float:
        """Seconds of the worker, of its children that have ended, and of those that run."""
        fields = [stat_of(pid) for pid in self._site.processes()]
        own = sum(int(value) for value in fields[0][11:15])
        return (own + sum(int(value) for other in fields[1:] if other for value in other[11:13])) / TICKS

    def _memory(self) -> float:
        """Megabytes held by all of them; shared pages count for each."""
        return sum(resident(pid) for pid in self._site.processes())


def stat_of(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return []


def resident(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except (OSError, IndexError):
        return 0.0


def main() -> int:
    bad = 0
    print(f"{'':34}{'status':>7}{'s':>8}{'CPU s':>8}{'MB':>8}")
    with tempfile.TemporaryDirectory() as folder, live_site(Path(folder)) as site:
        honest = encoded(Image.effect_noise((1600, 1200), 60).convert("RGB"), "JPEG")
        # Twice: the first one starts the decoding process and loads libraries.
        plan = [Attack("an honest photo, the first", lambda site: site.photos(honest), (200,))]
        plan += [Attack("an honest photo", lambda site: site.photos(honest), (200,)), *attacks()]
        for attack in plan:
            meter, started = Meter(site), time.perf_counter()
            status = attack.send(site).status_code
            seconds = time.perf_counter() - started
            cpu, megabytes = meter.stop()
            fine = status in attack.statuses and cpu <= MOST_SECONDS and megabytes <= MOST_MEGABYTES
            bad += not fine
            print(
                f"{attack.name:34}{status:>7}{seconds:>8.2f}{cpu:>8.2f}{megabytes:>8.0f}{'' if fine else '  TOO MUCH'}",
                flush=True,
            )
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
