"""The web process's side of the decoding process, which is started for the first photo, and again after it has ended."""

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

# After so many photos the process is replaced, so that memory that a decoder leaks is given back.
_PHOTOS = 1_000
# After a failed start, so many seconds pass before the next one.
_RETRY_SECONDS = 60.0
_START_SECONDS = 20.0
# How long a photo is waited for: so many times its CPU time, since the machine may be busy with others, and so many seconds more.
_WALL_FACTOR, _WALL_SECONDS = 10.0, 10.0
# The return codes of a process that took too long: it was ended by the operating system, or killed when the wait was over.
_TOO_SLOW = [-getattr(signal, name, 0) for name in ("SIGPROF", "SIGXCPU", "SIGKILL")]
# The largest answer: a few numbers in JSON, and the pixels of the largest picture that is asked for, in bytes.
_LONGEST_ANSWER, _MOST_PIXEL_BYTES = 1_000, 64 * MEBIBYTE
READY = b"ready\n"
# Precedes every question and answer: the length of its JSON, and that of the bytes behind it (the file, or the pixels).
LENGTHS = struct.Struct(">II")
_BOOTSTRAP = "import sys; sys.path[:] = sys.argv[1:]; from ad_autocategorize.photos.uploads.worker import main; main()"


class ProcessUnavailable(Exception):
    """No decoding process can be started on this machine."""


class DecodingProcess:
    """One decoding process, which decodes one photo at a time. Safe to share between threads, and after a fork."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Start over without a process, as after a fork: the process of the parent is not the child's own."""
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
                # Otherwise the rest of this answer would be taken for that of the next photo.
                self._stop()
                raise
            finally:
                timer.cancel()
            self._photos += 1
            if self._photos >= _PHOTOS or answer.get("code") == "too_many_pixels":
                # After running out of memory, a process may have little left for the next photo.
                self._stop()
        return _picture(answer, pixels, limits), float(answer["seconds"])

    def stop(self) -> None:
        """End the process, if there is one; the next photo starts another."""
        with self._lock:
            self._stop()

    def _running(self) -> subprocess.Popen[bytes]:
        """Return the process, started if there is none. Raises ``ProcessUnavailable``."""
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
        """Return the refusal of the photo at which the process ended: most likely that was the reason."""
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
    # Without the site's environment: it may hold passwords, and the process decodes files of strangers.
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
    """Send a question and a file; return the answer and the pixels. Raises ``OSError`` and ``EOFError``."""
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
    """Return the picture of an answer. It is checked: a decoder that an attacker has taken over may answer anything."""
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
            # Closing writes what is left in the buffer, which fails if the process has ended.
            with contextlib.suppress(OSError):
                pipe.close()


def _read(pipe: IO[bytes], size: int) -> bytes:
    """Return exactly so many bytes. Raises ``EOFError`` if the process has ended before."""
    data = pipe.read(size)
    if len(data) != size:
        raise EOFError
    return data


decoding_process = DecodingProcess()
atexit.register(decoding_process.stop)
if hasattr(os, "register_at_fork"):
    # Such as a worker of a server that loads the site before it forks.
    os.register_at_fork(after_in_child=decoding_process.forget)
