"""The decoding process: reads files from its standard input, one after the other, and answers with pixels.

It can open no file and no connection, and has nothing of the site's memory or environment. If it takes more CPU time or memory
than it was given, the operating system ends it or refuses the memory. ``process.DecodingProcess`` starts it.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import IO, Any

from PIL import Image

from ad_autocategorize.photos.uploads.decoding import decode
from ad_autocategorize.photos.uploads.limits import MEBIBYTE, UploadLimits, UploadRefused
from ad_autocategorize.photos.uploads.process import LENGTHS, READY

# How much more address space the process may take once everything is loaded: for the file, the decoder and the picture.
MEMORY = 300 * MEBIBYTE
# Loaded beforehand: Pillow would import them when they are first needed, but by then no file can be opened.
_MODULES = (
    "PIL.JpegImagePlugin",
    "PIL.MpoImagePlugin",
    "PIL.PngImagePlugin",
    "PIL.WebPImagePlugin",
    "PIL.TiffImagePlugin",
)


def main() -> None:
    """Answer until the standard input ends."""
    questions, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # What a library prints goes to standard error, and not into an answer.
    os.dup2(2, 1)
    _load_everything()
    _limit()
    answers.write(READY)
    answers.flush()
    while lengths := questions.read(LENGTHS.size):
        question_length, data_length = LENGTHS.unpack(lengths)
        question: dict[str, Any] = json.loads(questions.read(question_length))
        _answer(questions.read(data_length), question, answers)


def _answer(data: bytes, question: dict[str, Any], answers: IO[bytes]) -> None:
    started, seconds = time.process_time(), question["seconds"]
    # CPU time of all threads, to the millisecond. The signal ends the process, since it is not handled.
    signal.setitimer(signal.ITIMER_PROF, seconds)
    answer: dict[str, Any] = {}
    pixels = b""
    try:
        picture = decode(data, UploadLimits(**question["limits"]), seconds)
        pixels = picture.tobytes()
        answer["size"] = picture.size
    except UploadRefused as refused:
        answer["code"] = refused.code
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    answer["seconds"] = time.process_time() - started
    text = json.dumps(answer).encode()
    answers.write(LENGTHS.pack(len(text), len(pixels)))
    answers.write(text)
    answers.write(pixels)
    answers.flush()


def _load_everything() -> None:
    for name in _MODULES:
        __import__(name)
    Image.preinit()
    try:
        import pillow_heif
    except ImportError:
        return
    pillow_heif.options.DECODE_THREADS = 1
    pillow_heif.options.THUMBNAILS = False
    pillow_heif.options.DEPTH_IMAGES = False
    pillow_heif.options.AUX_IMAGES = False


def _limit() -> None:
    """Limit memory, and let no file be opened or written."""
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if sys.platform == "linux" else 0
    if pages:
        most = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    # Files that are open stay open: the two pipes and standard error.
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
