"""The web's side of the decoding process: started when the first photo comes, and again after it was ended."""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from PIL import Image

from ad_autocategorize.logs import log
from ad_autocategorize.photos.uploads.availability import interpreter, why_unavailable
from ad_autocategorize.photos.uploads.limits import MEBIBYTE, MESSAGES, UploadLimits, UploadRefused

# Photos after which the process is replaced, so that whatever a decoder leaks is given back.
_PHOTOS = 1_000
# A start that failed is not tried again at every photo.
_RETRY_SECONDS = 60.0
_START_SECONDS = 20.0
# A machine may be busy with others: a photo is given up after so many times its CPU time, and some seconds.
_WALL_FACTOR, _WALL_SECONDS = 10.0, 10.0
# The signals by which the operating system, or the timer above, ends what takes too long.
_TOO_SLOW = [-getattr(signal, name, 0) for name in ("SIGPROF", "SIGXCPU", "SIGKILL")]
# What an answer may hold: a few numbers, and the pixels of the largest picture that is asked for.
_LONGEST_ANSWER, _MOST_PIXEL_BYTES = 1_000, 64 * MEBIBYTE
READY = b"ready\n"
# The length of the question or of the answer in JSON, and that of the bytes behind it.
LENGTHS = struct.Struct(">II")
_BOOTSTRAP = "import sys; sys.path[:] = sys.argv[1:]; from ad_autocategorize.photos.uploads.worker import main; main()"


class ProcessUnavailable(Exception):
    """No decoding process can be had on this machine."""


class DecodingProcess:
    """One decoding process; photos wait for one another. Safe to share between threads, and forgotten in a forked child."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Know of no process: in a forked child the one of its parent is not its own."""
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._photos = 0
        self._not_before = 0.0

    def decode(self, data: bytes, limits: UploadLimits, seconds: float) -> tuple[Image.Image, float]:
        """Return the picture and the CPU seconds that it took.

        Raises ``UploadRefused``, which says in ``seconds`` what the refusal took, and ``ProcessUnavailable``.
        """
        question = json.dumps({"limits": asdict(limits), "seconds": seconds}).encode()
        with self._lock:
            process = self._running()
            timer = threading.Timer(seconds * _WALL_FACTOR + _WALL_SECONDS, process.kill)
            timer.start()
            try:
                answer, pixels = _ask(process, question, data)
            except (OSError, EOFError):
                raise self._ended(process, seconds) from None
            except BaseException:
                # Half an answer would be taken for the next photo's.
                self._stop()
                raise
            finally:
                timer.cancel()
            self._photos += 1
            if self._photos >= _PHOTOS or answer.get("code") == "too_many_pixels":
                # A process that ran out of memory may have little left for the next.
                self._stop()
        return _picture(answer, pixels, limits), float(answer["seconds"])

    def stop(self) -> None:
        """End the process, if there is one; the next photo starts another."""
        with self._lock:
            self._stop()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            if time.monotonic() < self._not_before:
                raise ProcessUnavailable
            try:
                self._process = _start()
            except (OSError, EOFError, ProcessUnavailable) as error:
                self._not_before = time.monotonic() + _RETRY_SECONDS
                message = "Photos are decoded without a process of their own: it cannot be started (%r)."
                log(logging.WARNING, "decoder_failed", message, error)
                raise ProcessUnavailable from error
            self._photos = 0
        return self._process

    def _ended(self, process: subprocess.Popen[bytes], seconds: float) -> UploadRefused:
        """Return why the process is gone: nearly always the photo, which is refused and never tried elsewhere."""
        self._stop()
        if process.returncode in _TOO_SLOW:
            return UploadRefused("too_slow", seconds=seconds)
        message = "The decoding process ended with %s; the photo was refused."
        log(logging.WARNING, "decoder_ended", message, process.returncode, status=process.returncode)
        return UploadRefused("damaged", seconds=seconds)

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            _close_pipes(process)
            process.kill()
            process.wait()


def _start() -> subprocess.Popen[bytes]:
    """Start a process and wait until it is ready. Raises ``OSError``, ``EOFError`` and ``ProcessUnavailable``."""
    reason, python = why_unavailable(), interpreter()
    if reason is not None or python is None:
        raise ProcessUnavailable(reason)
    path = [entry or str(Path.cwd()) for entry in sys.path]
    # Nothing of the site's environment: no passwords where strangers' files are decoded.
    environment = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ}
    process = subprocess.Popen(  # noqa: S603 - our own interpreter, and nothing of the request
        [python, "-I", "-c", _BOOTSTRAP, *path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**environment, "MALLOC_ARENA_MAX": "1"},
    )
    timer = threading.Timer(_START_SECONDS, process.kill)
    timer.start()
    try:
        if _read(_pipes(process)[1], len(READY)) != READY:
            raise ProcessUnavailable("it does not answer as it should")
    except BaseException:
        _close_pipes(process)
        process.kill()
        process.wait()
        raise
    finally:
        timer.cancel()
    return process


def _ask(process: subprocess.Popen[bytes], question: bytes, data: bytes) -> tuple[dict[str, Any], bytes]:
    stdin, stdout = _pipes(process)
    stdin.write(LENGTHS.pack(len(question), len(data)))
    stdin.write(question)
    stdin.write(data)
    stdin.flush()
    answer_length, pixel_length = LENGTHS.unpack(_read(stdout, LENGTHS.size))
    if answer_length > _LONGEST_ANSWER or pixel_length > _MOST_PIXEL_BYTES:
        raise EOFError
    return json.loads(_read(stdout, answer_length)), _read(stdout, pixel_length)


def _picture(answer: dict[str, Any], pixels: bytes, limits: UploadLimits) -> Image.Image:
    """Return what was answered; checked, since a decoder that was taken over may answer anything."""
    code, seconds = answer.get("code"), float(answer["seconds"])
    if code is not None:
        raise UploadRefused(code if code in MESSAGES else "damaged", seconds=seconds)
    width, height = (int(side) for side in answer["size"])
    if not 0 < min(width, height) <= max(width, height) <= limits.longest_side or len(pixels) != width * height * 3:
        raise UploadRefused("damaged", seconds=seconds)
    return Image.frombytes("RGB", (width, height), pixels)


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None:
        raise ProcessUnavailable("it has no pipes")
    return process.stdin, process.stdout


def _close_pipes(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            # What is left to be written to a process that has ended.
            with contextlib.suppress(OSError):
                pipe.close()


def _read(pipe: IO[bytes], size: int) -> bytes:
    """Return exactly so many bytes. Raises ``EOFError`` where the process has ended before."""
    data = pipe.read(size)
    if len(data) != size:
        raise EOFError
    return data


decoding_process = DecodingProcess()
atexit.register(decoding_process.stop)
if hasattr(os, "register_at_fork"):
    # A forked child, such as a worker of a server that has loaded the site before, has a process of its own.
    os.register_at_fork(after_in_child=decoding_process.forget)
